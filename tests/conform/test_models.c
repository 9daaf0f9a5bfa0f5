/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Real models on PoCL. ONNX ones against the answers that came with them (within 1e-4 of the largest output, and the
 * same best class); TensorFlow Lite ones, which came without, against the reference device, bit for bit.
 */
#include "oc_test.h"

#include <math.h>
#include <offcut/offcut.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-4 /* of the largest output */

/* ---- ONNX TensorProto files -------------------------------------------------------------------- */

/* The float32 data of a TensorProto (onnx.proto: 4 float_data, 9 raw_data). The caller frees it. */
static float *read_tensor_proto(const char *path, size_t *count)
{
    oc_bytes bytes, data = {0};
    oc_wire wire;
    oc_wire_field field;
    bool more = true;
    oc_assert_ok(oc_file_slurp(path, 1u << 30, NULL, &bytes));
    oc_wire_init(&wire, bytes);
    for (;;) {
        oc_assert_ok(oc_wire_next(&wire, &field, &more));
        if (!more)
            break;
        if (field.number == 4 || field.number == 9)
            data = field.bytes;
    }
    assert_true(data.size > 0 && data.size % sizeof(float) == 0);
    float *floats = malloc(data.size);
    assert_non_null(floats);
    memcpy(floats, data.data, data.size);
    oc_free(NULL, (void *)(uintptr_t)bytes.data);
    *count = data.size / sizeof(float);
    return floats;
}

/* ---- running -------------------------------------------------------------------------------------- */

/* What the answers of the light models were made with: arange(n) / n. */
static void fill_ramp(oc_tensor *tensor)
{
    size_t elems;
    oc_assert_ok(oc_shape_elems(&tensor->desc.shape, &elems));
    for (size_t i = 0; i < elems; i++)
        ((float *)tensor->data)[i] = (float)((double)i / (double)elems);
}

static void fill_from(oc_tensor *tensor, const char *path)
{
    size_t elems, count;
    float *floats = read_tensor_proto(path, &count);
    oc_assert_ok(oc_shape_elems(&tensor->desc.shape, &elems));
    assert_int_equal(elems, count);
    memcpy(tensor->data, floats, count * sizeof(float));
    free(floats);
}

/* One run of a model with one input and one output; the caller frees the output. `input`: a TensorProto file or NULL. */
static oc_tensor run_model(const char *path, const char *device, const char *input)
{
    oc_model *model = NULL;
    oc_prepared *prepared = NULL;
    oc_session *session = NULL;
    oc_tensor in, out;
    oc_prepare_options options = {.device = device};
    oc_assert_ok(oc_model_open(path, NULL, NULL, &model));
    const oc_model_info *info = oc_model_get_info(model);
    assert_int_equal(info->n_inputs, 1);
    assert_int_equal(info->n_outputs, 1);
    oc_assert_ok(oc_tensor_alloc(&info->inputs[0].desc, NULL, &in));
    oc_assert_ok(oc_tensor_alloc(&info->outputs[0].desc, NULL, &out));
    if (input)
        fill_from(&in, input);
    else
        fill_ramp(&in);
    oc_assert_ok(oc_prepare(model, &options, NULL, &prepared));
    oc_assert_ok(oc_session_create(prepared, NULL, NULL, &session));
    oc_assert_ok(oc_session_run(session, &in, 1, &out, 1, NULL));
    oc_session_destroy(session);
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
    oc_tensor_free(&in, NULL);
    return out;
}

/* ---- comparing --------------------------------------------------------------------------------------- */

static size_t best_class(const float *data, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (data[i] > data[best])
            best = i;
    return best;
}

static void check_close(const char *name, const float *found, const float *expected, size_t count)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        worst = fmax(worst, fabs((double)found[i] - (double)expected[i]));
        if (isnan(found[i]))
            fail_msg("%s: output %zu is NaN", name, i);
    }
    print_message("%-40s largest %.6g, worst difference %.3g (%.2g of the largest)\n", name, largest, worst, worst / largest);
    if (worst > TOLERANCE * largest)
        fail_msg("%s: off by %g of the largest output, allowed are %g", name, worst / largest, TOLERANCE);
    /* Where the two best classes are closer than the tolerance, either is right. */
    size_t best = best_class(found, count);
    assert_true((double)expected[best_class(expected, count)] - (double)expected[best] <= TOLERANCE * largest);
}

static void check_onnx(const char *model, const char *input, const char *output)
{
    oc_test_path path = oc_test_asset(model), golden = oc_test_asset(output), given;
    size_t count, elems;
    if (input)
        given = oc_test_asset(input);
    float *expected = read_tensor_proto(golden.text, &count);
    oc_tensor found = run_model(path.text, "pocl", input ? given.text : NULL);
    oc_assert_ok(oc_shape_elems(&found.desc.shape, &elems));
    assert_int_equal(elems, count);
    check_close(model, found.data, expected, count);
    oc_tensor_free(&found, NULL);
    free(expected);
}

static void check_tflite(const char *model)
{
    oc_test_path path = oc_test_asset(model);
    size_t elems;
    oc_tensor found = run_model(path.text, "pocl", NULL);
    oc_tensor expected = run_model(path.text, "reference", NULL);
    oc_assert_ok(oc_shape_elems(&found.desc.shape, &elems));
    oc_assert_bits_equal(found.data, expected.data, elems);
    oc_tensor_free(&found, NULL);
    oc_tensor_free(&expected, NULL);
}

static void mnist_8(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        char input[80], output[80];
        snprintf(input, sizeof(input), "onnx/mnist_8/test_data_set_%d/input_0.pb", i);
        snprintf(output, sizeof(output), "onnx/mnist_8/test_data_set_%d/output_0.pb", i);
        check_onnx("onnx/mnist_8/model.onnx", input, output);
    }
}

static void check_light(const char *name)
{
    char model[80], output[80];
    snprintf(model, sizeof(model), "onnx/light/light_%s.onnx", name);
    snprintf(output, sizeof(output), "onnx/light/light_%s_output_0.pb", name);
    check_onnx(model, NULL, output);
}

#define LIGHT(name_)                  \
    static void name_(void **state)   \
    {                                 \
        (void)state;                  \
        check_light(#name_);          \
    }
LIGHT(bvlc_alexnet)
LIGHT(resnet50)
LIGHT(squeezenet)
LIGHT(vgg19)

static void mobilenet_v1(void **state)
{
    (void)state;
    check_tflite("tflite/mobilenet_v1_0.25_224_1_default_1.tflite");
}

static void resnet_8(void **state)
{
    (void)state;
    check_tflite("tflite/pretrainedResnet.tflite");
}

static void visual_wake_words(void **state)
{
    (void)state;
    check_tflite("tflite/vww_96_float.tflite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnist_8),
        cmocka_unit_test(mobilenet_v1),
        cmocka_unit_test(resnet_8),
        cmocka_unit_test(visual_wake_words),
        cmocka_unit_test(squeezenet),
        cmocka_unit_test(resnet50),
        cmocka_unit_test(bvlc_alexnet),
        cmocka_unit_test(vgg19),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
