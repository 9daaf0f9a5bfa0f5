/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The official ONNX node suite: each case is a model of one operator with inputs and the answer. Every
 * case of our seven element types is right on the reference device and on PoCL; the others are refused,
 * by the names of their operator and type. The suite lies packed in the assets; it is unpacked into the
 * test's own folder.
 *
 * An input that a shape depends on is given as a constant, but only after the importer has asked for
 * that very input.
 */
#include "oc_tensor.h"
#include "oc_test.h"
#include "tensor_proto.h"

#include <dirent.h>
#include <math.h>
#include <offcut/offcut.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TENSORS_MAX 16

/* The cases of other element types: part of the reason, after the operator. */
static const struct {
    const char *name, *op, *type;
} refused[] = {
    {"test_add_int16", "Add", "INT16"},
    {"test_add_uint16", "Add", "UINT16"},
    {"test_add_uint32", "Add", "UINT32"},
    {"test_add_uint64", "Add", "UINT64"},
    {"test_cast_FLOAT16_to_DOUBLE", "Cast", "DOUBLE"},
    {"test_cast_FLOAT_to_DOUBLE", "Cast", "DOUBLE"},
    {"test_dequantizelinear_int16", "DequantizeLinear", "INT16"},
    {"test_dequantizelinear_int4", "DequantizeLinear", "INT4"},
    {"test_dequantizelinear_uint16", "DequantizeLinear", "UINT16"},
    {"test_dequantizelinear_uint4", "DequantizeLinear", "UINT4"},
    {"test_div_int16", "Div", "INT16"},
    {"test_div_uint16", "Div", "UINT16"},
    {"test_div_uint32", "Div", "UINT32"},
    {"test_div_uint64", "Div", "UINT64"},
    {"test_identity_opt", "Identity", "expected a tensor"}, /* an optional */
    {"test_max_float64", "Max", "DOUBLE"},
    {"test_max_int16", "Max", "INT16"},
    {"test_max_uint16", "Max", "UINT16"},
    {"test_max_uint32", "Max", "UINT32"},
    {"test_max_uint64", "Max", "UINT64"},
    {"test_min_float64", "Min", "DOUBLE"},
    {"test_min_int16", "Min", "INT16"},
    {"test_min_uint16", "Min", "UINT16"},
    {"test_min_uint32", "Min", "UINT32"},
    {"test_min_uint64", "Min", "UINT64"},
    {"test_mul_int16", "Mul", "INT16"},
    {"test_mul_uint16", "Mul", "UINT16"},
    {"test_mul_uint32", "Mul", "UINT32"},
    {"test_mul_uint64", "Mul", "UINT64"},
    {"test_pow_types_float32_uint32", "Pow", "UINT32"},
    {"test_pow_types_float32_uint64", "Pow", "UINT64"},
    {"test_quantizelinear_blocked_symmetric", "QuantizeLinear", "INT16"},
    {"test_quantizelinear_int16", "QuantizeLinear", "INT16"},
    {"test_quantizelinear_int4", "QuantizeLinear", "INT4"},
    {"test_quantizelinear_uint16", "QuantizeLinear", "UINT16"},
    {"test_quantizelinear_uint4", "QuantizeLinear", "UINT4"},
    {"test_sub_int16", "Sub", "INT16"},
    {"test_sub_uint16", "Sub", "UINT16"},
    {"test_sub_uint32", "Sub", "UINT32"},
    {"test_sub_uint64", "Sub", "UINT64"},
};

/* ---- one case -------------------------------------------------------------------------------- */

typedef struct node_case {
    char folder[400];
    tensor_proto in[TENSORS_MAX], out[TENSORS_MAX];
    size_t n_in, n_out;
    oc_named_tensor constants[TENSORS_MAX]; /* what the importer asked for */
    size_t n_constants;
    bool is_rounded;
    double worst; /* of all results: the difference, of the largest element */
} node_case;

static oc_status read_tensors(const char *folder, const char *kind, tensor_proto *tensors,
                              size_t *count)
{
    for (*count = 0; *count < TENSORS_MAX; ++*count) {
        char path[500];
        snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%zu.pb", folder, kind, *count);
        if (access(path, R_OK) != 0)
            return OC_OK;
        OC_TRY(tensor_proto_read(path, &tensors[*count]));
    }
    return oc_fail(OC_E_LIMIT, "%s: more than %d tensors", folder, TENSORS_MAX);
}

/* Binds the input that the error text says is not known; false where it names none. */
static bool bind_asked(node_case *t)
{
    for (size_t i = 0; i < t->n_in; i++) {
        char text[TENSOR_PROTO_NAME + 20];
        bool is_bound = false;
        snprintf(text, sizeof(text), " \"%s\" is not known", t->in[i].name);
        for (size_t k = 0; k < t->n_constants; k++)
            is_bound = is_bound || strcmp(t->constants[k].name, t->in[i].name) == 0;
        if (is_bound || !strstr(oc_error_text(), text))
            continue;
        t->constants[t->n_constants++] = (oc_named_tensor){t->in[i].name, t->in[i].tensor};
        return true;
    }
    return false;
}

static oc_status open_model(node_case *t, oc_model **model)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/model.onnx", t->folder);
    for (;;) {
        const oc_model_options options = {.constants = t->constants, .n_constants = t->n_constants};
        oc_status status = oc_model_open(path, &options, NULL, model);
        if (status != OC_E_UNSUPPORTED || !bind_asked(t))
            return status;
    }
}

/* ---- comparing ------------------------------------------------------------------------------- */

static float float_of_half(uint16_t half)
{
    int exponent = half >> 10 & 0x1F, mantissa = half & 0x3FF;
    float size = exponent == 0    ? ldexpf((float)mantissa, -24)
                 : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                  : ldexpf((float)(mantissa + 1024), exponent - 25);
    return half & 0x8000 ? -size : size;
}

static double element(const oc_tensor *t, size_t i)
{
    return t->desc.dtype == OC_DTYPE_float32
               ? (double)((const float *)t->data)[i]
               : (double)float_of_half(((const uint16_t *)t->data)[i]);
}

/* The answers of these cases are literals of four digits: they get the official tolerance alone. */
static const char *const rounded[] = {"test_averagepool_2d_ceil_last_window_starts_on_pad"};

/*
 * Floats: within 1e-5 of the largest (float16: within one of its last bits), which is less than the
 * 1e-3 of each element, and 1e-7, that the official runner allows wherever elements are of one size.
 */
static oc_status compare_floats(node_case *t, const oc_tensor *found, const oc_tensor *expected,
                                size_t elems)
{
    double largest = 0, share = t->is_rounded                              ? 1e-3
                                : expected->desc.dtype == OC_DTYPE_float16 ? 0x1p-10
                                                                           : 1e-5;
    for (size_t i = 0; i < elems; i++)
        if (isfinite(element(expected, i)))
            largest = fmax(largest, fabs(element(expected, i)));
    for (size_t i = 0; i < elems; i++) {
        double f = element(found, i), e = element(expected, i);
        bool is_same = f == e || (isnan(f) && isnan(e));
        if (!is_same && !t->is_rounded)
            t->worst = fmax(t->worst, fabs(f - e) / fmax(largest, 1e-30));
        if (!is_same && !(fabs(f - e) <= share * largest && fabs(f - e) <= 1e-7 + 1e-3 * largest))
            return oc_fail(OC_E_DEVICE, "element %zu: expected %.9g, found %.9g", i, e, f);
    }
    return OC_OK;
}

static oc_status compare(node_case *t, const char *name, const oc_tensor *found,
                         const oc_tensor *expected)
{
    char a[OC_DESC_TEXT], b[OC_DESC_TEXT];
    size_t bytes, elems;
    if (!oc_desc_equal(&found->desc, &expected->desc))
        return oc_fail(OC_E_SHAPE, "%s: expected %s, found %s", name,
                       oc_desc_print(&expected->desc, a, sizeof(a)),
                       oc_desc_print(&found->desc, b, sizeof(b)));
    OC_TRY(oc_desc_bytes(&expected->desc, &bytes));
    OC_TRY(oc_shape_elems(&expected->desc.shape, &elems));
    if (expected->desc.dtype == OC_DTYPE_float32 || expected->desc.dtype == OC_DTYPE_float16) {
        oc_status status = compare_floats(t, found, expected, elems);
        return status == OC_OK ? OC_OK : oc_fail_in(status, "%s", name);
    }
    for (size_t i = 0; i < bytes; i++)
        if (((const uint8_t *)found->data)[i] != ((const uint8_t *)expected->data)[i])
            return oc_fail(OC_E_DEVICE, "%s: byte %zu: expected %d, found %d", name, i,
                           ((const uint8_t *)expected->data)[i], ((const uint8_t *)found->data)[i]);
    return OC_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

static oc_status run_session(node_case *t, const oc_model *model, oc_prepared *prepared,
                             oc_tensor *out)
{
    const oc_model_info *info = oc_model_get_info(model);
    oc_session *session = NULL;
    oc_tensor in[TENSORS_MAX];
    for (size_t i = 0; i < info->n_inputs; i++) {
        size_t k = 0;
        while (k < t->n_in && strcmp(t->in[k].name, info->inputs[i].name) != 0)
            k++;
        if (k == t->n_in)
            return oc_fail(OC_E_NOTFOUND, "no tensor for input \"%s\"", info->inputs[i].name);
        in[i] = t->in[k].tensor;
    }
    OC_TRY(oc_session_create(prepared, NULL, NULL, &session));
    oc_status status = oc_session_run(session, in, info->n_inputs, out, info->n_outputs, NULL);
    oc_session_destroy(session);
    return status;
}

static oc_status check_answers(node_case *t, const oc_model_info *info, const oc_tensor *out)
{
    if (info->n_outputs != t->n_out)
        return oc_fail(OC_E_SHAPE, "expected %zu outputs, found %zu", t->n_out, info->n_outputs);
    for (size_t i = 0; i < t->n_out; i++)
        OC_TRY(compare(t, t->out[i].name, &out[i], &t->out[i].tensor));
    return OC_OK;
}

static oc_status run_on(node_case *t, const oc_model *model, const char *device)
{
    const oc_model_info *info = oc_model_get_info(model);
    const oc_prepare_options options = {.device = device};
    oc_prepared *prepared = NULL;
    oc_tensor out[TENSORS_MAX];
    size_t made = 0;
    oc_status status = OC_OK;
    for (; made < OC_MIN(info->n_outputs, (size_t)TENSORS_MAX) && status == OC_OK; made++)
        status = oc_tensor_alloc(&info->outputs[made].desc, NULL, &out[made]);
    if (status == OC_OK)
        status = oc_prepare(model, &options, NULL, &prepared);
    if (status == OC_OK)
        status = run_session(t, model, prepared, out);
    if (status == OC_OK)
        status = check_answers(t, info, out);
    for (size_t i = 0; i < made; i++)
        oc_tensor_free(&out[i], NULL);
    oc_prepared_destroy(prepared);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "on %s", device);
}

static oc_status run_case(node_case *t)
{
    oc_model *model = NULL;
    OC_TRY(read_tensors(t->folder, "input", t->in, &t->n_in));
    OC_TRY(read_tensors(t->folder, "output", t->out, &t->n_out));
    OC_TRY(open_model(t, &model));
    oc_status status = run_on(t, model, "reference");
    if (status == OC_OK)
        status = run_on(t, model, "pocl");
    oc_model_destroy(model);
    return status;
}

/* ---- the suite ------------------------------------------------------------------------------- */

typedef struct tally {
    size_t passed, refused, wrong;
    double worst;
} tally;

/* A case of the list is refused when it is opened, with the text that the list has. */
static bool check_refused(const char *folder, size_t row)
{
    char path[500], type[40];
    oc_model *model = NULL;
    snprintf(path, sizeof(path), "%s/model.onnx", folder);
    snprintf(type, sizeof(type), "%s", refused[row].type);
    oc_status status = oc_model_open(path, NULL, NULL, &model);
    bool is_right = status == OC_E_UNSUPPORTED && strstr(oc_error_text(), "node \"") &&
                    strstr(oc_error_text(), refused[row].op) && strstr(oc_error_text(), type);
    if (!is_right)
        print_message("%s: expected to be refused for %s, found: %s\n", folder, type,
                      status == OC_OK ? "it is read" : oc_error_text());
    oc_model_destroy(model);
    return is_right;
}

static void check_passes(const char *folder, tally *sum)
{
    node_case *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    snprintf(t->folder, sizeof(t->folder), "%s", folder);
    for (size_t i = 0; i < OC_COUNT(rounded); i++)
        t->is_rounded = t->is_rounded || strstr(folder, rounded[i]) != NULL;
    if (run_case(t) == OC_OK) {
        sum->passed++;
        sum->worst = fmax(sum->worst, t->worst);
    } else {
        sum->wrong++;
        print_message("%s: %s\n", folder, oc_error_text());
    }
    for (size_t i = 0; i < t->n_in; i++)
        oc_tensor_free(&t->in[i].tensor, NULL);
    for (size_t i = 0; i < t->n_out; i++)
        oc_tensor_free(&t->out[i].tensor, NULL);
    free(t);
}

static void check_case(const char *name, tally *sum)
{
    char folder[400];
    snprintf(folder, sizeof(folder), "node/%s", name);
    for (size_t row = 0; row < OC_COUNT(refused); row++)
        if (strcmp(refused[row].name, name) == 0) {
            if (check_refused(folder, row))
                sum->refused++;
            else
                sum->wrong++;
            return;
        }
    check_passes(folder, sum);
}

static int is_test(const struct dirent *entry)
{
    return strncmp(entry->d_name, "test_", 5) == 0;
}

static void every_case(void **state)
{
    (void)state;
    oc_test_path archive = oc_test_asset("onnx/onnx-node-tests.tar.xz");
    const char *only = getenv("ONLY"); /* part of a name: to look at one case */
    char command[1200];
    struct dirent **entries = NULL;
    tally sum = {0};
    snprintf(command, sizeof(command), "tar -xJf \"%s\" node", archive.text);
    assert_int_equal(system(command), 0);
    int count = scandir("node", &entries, is_test, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        if (!only || strstr(entries[i]->d_name, only))
            check_case(entries[i]->d_name, &sum);
        free(entries[i]);
    }
    free(entries);
    print_message("%d cases: %zu right on both devices (off by at most %.2g of the largest), %zu "
                  "refused as listed, %zu wrong\n",
                  count, sum.passed, sum.worst, sum.refused, sum.wrong);
    assert_int_equal(sum.wrong, 0);
    if (!only)
        assert_int_equal(sum.refused, OC_COUNT(refused));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
