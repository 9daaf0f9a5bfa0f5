/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a TensorFlow Lite file says of its inputs and outputs, and what the options of opening say: labels in an archive behind
 * the model, normalisation, quantisation, open dimensions. Models, metadata and archives are made in memory.
 */
#include "import_test.h"
#include "tflite_writer.h"

#include <stdlib.h>

enum { RELU = 19 };
#define DIMS(...) .rank = sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), .dims = {__VA_ARGS__}

/* y = relu(x) */
static oc_status import_relu(const tfl_tensor t[2], oc_buf *metadata, const oc_buf *behind,
                             const oc_model_options *options, oc_graph **g)
{
    const tfl_op relu = {.code = RELU, .version = 2, .n_in = 1, .in = {0}, .out = 1};
    const tfl_model m = {t, 2, &relu, 1, 0, 1, .metadata = metadata};
    const oc_model_options none = {.batch = 0};
    oc_buf b;
    tfl_write(&b, &m);
    if (behind)
        oc_assert_ok(oc_buf_put(&b, behind->data, behind->size));
    oc_status status = import_options(b.data, b.size, "tflite", options ? options : &none, g);
    oc_buf_fini(&b);
    return status;
}

static const tfl_tensor three[] = {{.name = "x", DIMS(1, 3)}, {.name = "y", DIMS(1, 3)}};

/* ---- metadata: metadata_schema.fbs of TensorFlow Lite Support ---------------------------------- */

typedef struct meta {
    uint32_t n_mean, n_std; /* of the input */
    float mean[4], std[4];
    uint32_t n_files; /* of the output */
    struct {
        const char *name;
        uint8_t type;
    } files[8];
} meta;

enum { VALUE_LABELS = 1, AXIS_LABELS = 2 };

static void write_floats(oc_buf *b, size_t at, const float *values, uint32_t count)
{
    int32_t bits[4];
    memcpy(bits, values, sizeof(bits));
    tfl_list(b, at, bits, count);
}

static void write_input(oc_buf *b, size_t at, const meta *m)
{
    size_t f[TFL_SLOTS], first;
    tfl_refer_table(b, at, 7);
    tfl_table(b, 7, 1u << 4, f);
    first = tfl_list(b, f[4], NULL, 1);
    tfl_refer_table(b, first, 2);
    tfl_table(b, 2, 3, f);
    tfl_set(b, f[0], 1); /* NormalizationOptions */
    tfl_refer_table(b, f[1], 2);
    tfl_table(b, 2, 3, f);
    write_floats(b, f[0], m->mean, m->n_mean);
    write_floats(b, f[1], m->std, m->n_std);
}

static void write_output(oc_buf *b, size_t at, const meta *m)
{
    size_t f[TFL_SLOTS], first;
    tfl_refer_table(b, at, 7);
    tfl_table(b, 7, 1u << 6, f);
    first = tfl_list(b, f[6], NULL, m->n_files);
    for (uint32_t i = 0; i < m->n_files; i++) {
        tfl_refer_table(b, first + 4 * i, 3);
        tfl_table(b, 3, 5, f);
        tfl_set(b, f[2], m->files[i].type);
        tfl_bytes(b, f[0], m->files[i].name, strlen(m->files[i].name));
    }
}

static void write_meta(oc_buf *b, const meta *m)
{
    size_t f[TFL_SLOTS], first;
    oc_buf_init(b, NULL);
    oc_assert_ok(oc_buf_put(b, "\0\0\0\0M001", 8));
    tfl_refer_table(b, 0, 4);
    tfl_table(b, 4, 1u << 3, f);
    first = tfl_list(b, f[3], NULL, 1);
    tfl_refer_table(b, first, 4);
    tfl_table(b, 4, (m->n_mean ? 4u : 0) | 8u, f);
    if (m->n_mean)
        write_input(b, tfl_list(b, f[2], NULL, 1), m);
    write_output(b, tfl_list(b, f[3], NULL, 1), m);
}

static oc_status import_meta(const meta *m, const oc_buf *behind, const oc_model_options *options, oc_graph **g)
{
    oc_buf b;
    write_meta(&b, m);
    oc_status status = import_relu(three, &b, behind, options, g);
    oc_buf_fini(&b);
    return status;
}

/* ---- archives: APPNOTE.TXT 6.3 ----------------------------------------------------------------- */

static void put(oc_buf *b, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        oc_assert_ok(oc_buf_put(b, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1));
}

/* CRC-32, a bit at a time. */
static uint32_t sum_of(const char *text, size_t size)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        sum ^= (uint8_t)text[i];
        for (int k = 0; k < 8; k++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
    }
    return ~sum;
}

/* What the headers in front of a file and in the directory have in common. */
static void put_head(oc_buf *b, const char *name, const char *text, bool is_packed, uint32_t claimed)
{
    const uint32_t size = (uint32_t)strlen(text);
    put(b, 20, 2);
    put(b, 0, 2);
    put(b, is_packed ? 8 : 0, 2);
    put(b, 0, 4);
    put(b, sum_of(text, size), 4);
    put(b, is_packed ? size + 5 : size, 4);
    put(b, claimed ? claimed : size, 4);
    put(b, (uint32_t)strlen(name), 2);
    put(b, 0, 2);
}

/* One file; packed: as one block of deflate that holds its bytes as they are (RFC 1951, 3.2.4). */
static void write_archive(oc_buf *b, const char *name, const char *text, bool is_packed, uint32_t claimed)
{
    const uint32_t size = (uint32_t)strlen(text);
    oc_buf_init(b, NULL);
    put(b, 0x04034b50u, 4);
    put_head(b, name, text, is_packed, claimed);
    oc_assert_ok(oc_buf_put(b, name, strlen(name)));
    if (is_packed) {
        put(b, 1, 1);
        put(b, size, 2);
        put(b, ~size, 2);
    }
    oc_assert_ok(oc_buf_put(b, text, size));
    const uint32_t directory = (uint32_t)b->size;
    put(b, 0x02014b50u, 4);
    put(b, 20, 2);
    put_head(b, name, text, is_packed, claimed);
    for (int i = 0; i < 7; i++)
        put(b, 0, 2); /* comment, disk, attributes, where it begins */
    oc_assert_ok(oc_buf_put(b, name, strlen(name)));
    const uint32_t end = (uint32_t)b->size;
    put(b, 0x06054b50u, 4);
    put(b, 0, 4);
    put(b, 1, 2);
    put(b, 1, 2);
    put(b, end - directory, 4);
    put(b, directory, 4);
    put(b, 0, 2);
}

/* ---- labels ------------------------------------------------------------------------------------ */

static const meta labelled = {.n_files = 3,
                              .files = {{"values.txt", VALUE_LABELS}, {"gone.txt", AXIS_LABELS}, {"pets.txt", AXIS_LABELS}}};

/* The labels of the output: joined by '|', or "none". */
static void check_labels(const char *name, const char *text, bool is_packed, const char *expected)
{
    char found[64] = "none";
    oc_graph *g = NULL;
    oc_buf archive;
    write_archive(&archive, name, text, is_packed, 0);
    oc_assert_ok(import_meta(&labelled, &archive, NULL, &g));
    const oc_labels *labels = g->values[g->outputs[0]].labels;
    for (size_t i = 0; labels && i < labels->count; i++)
        snprintf(i == 0 ? found : found + strlen(found), 32, "%s%s", i == 0 ? "" : "|", labels->names[i]);
    assert_string_equal(found, expected);
    oc_graph_destroy(g);
    oc_buf_fini(&archive);
}

static void labels_come_from_the_archive(void **state)
{
    (void)state;
    for (int is_packed = 0; is_packed < 2; is_packed++) {
        check_labels("pets.txt", "dog\ncat\nbird\n", is_packed, "dog|cat|bird");
        check_labels("pets.txt", "dog\r\n\r\ncat\r\n\r\n\r\n", is_packed, "dog||cat");
        check_labels("pets.txt", "dog", is_packed, "dog");
        check_labels("pets.txt", "dog\ncat\nbird\nfish\n", is_packed, "none"); /* more than elements */
        check_labels("pets.txt", "\n\n", is_packed, "none");
        check_labels("values.txt", "dog\ncat\n", is_packed, "none"); /* of values, not of an axis */
        check_labels("other.txt", "dog\ncat\n", is_packed, "none");
    }
}

static void labels_need_no_archive(void **state)
{
    oc_graph *g = NULL;
    (void)state;
    oc_assert_ok(import_meta(&labelled, NULL, NULL, &g));
    assert_null(g->values[g->outputs[0]].labels);
    oc_graph_destroy(g);
}

static void label_files_have_limits(void **state)
{
    oc_graph *g = NULL;
    oc_buf archive;
    const oc_model_options small = {.limits = {.memory_bytes = 200}};
    (void)state;
    write_archive(&archive, "pets.txt", "dog\n", true, (16 << 20) + 1);
    oc_assert_fails(import_meta(&labelled, &archive, NULL, &g), OC_E_LIMIT, "at most 16777216 bytes in files of labels");
    oc_buf_fini(&archive);
    write_archive(&archive, "pets.txt", "dog\n", true, 100); /* 64 and 8 for each of two looks */
    oc_assert_fails(import_meta(&labelled, &archive, &small, &g), OC_E_LIMIT, "at most 200 bytes in files of labels");
    oc_buf_fini(&archive);
    /* A look costs its name's length too: of names as long as this one 8 are too many for 8 KiB, 7 are not. */
    static char name[1000];
    memset(name, 'n', sizeof(name) - 1);
    meta many = {.n_files = 8};
    for (size_t i = 0; i < OC_COUNT(many.files); i++)
        many.files[i].name = name, many.files[i].type = AXIS_LABELS;
    const oc_model_options names = {.limits = {.memory_bytes = 8 << 10}};
    write_archive(&archive, "pets.txt", "dog\n", true, 0);
    oc_assert_fails(import_meta(&many, &archive, &names, &g), OC_E_LIMIT, "at most 8192 bytes in files of labels");
    many.n_files = 7;
    oc_assert_ok(import_meta(&many, &archive, &names, &g));
    oc_graph_destroy(g);
    g = NULL;
    oc_buf_fini(&archive);
    write_archive(&archive, "pets.txt", "dog\n", true, 100);
    oc_assert_fails(import_meta(&labelled, &archive, NULL, &g), OC_E_FORMAT, "found another stream");
    oc_buf_fini(&archive);
    assert_null(g);
}

/* ---- normalisation ----------------------------------------------------------------------------- */

static void check_norm(meta m, const oc_image_norm *expected)
{
    oc_graph *g = NULL;
    oc_assert_ok(import_meta(&m, NULL, NULL, &g));
    const oc_image_norm *norm = g->values[g->inputs[0]].norm;
    assert_non_null(norm);
    assert_int_equal(norm->n, expected->n);
    for (int32_t i = 0; i < norm->n; i++)
        assert_true(norm->mean[i] == expected->mean[i] && norm->scale[i] == expected->scale[i]);
    oc_graph_destroy(g);
}

static void refuse_norm(meta m, const char *text)
{
    oc_graph *g = NULL;
    oc_assert_fails(import_meta(&m, NULL, NULL, &g), OC_E_UNSUPPORTED, text);
    assert_null(g);
}

static void pictures_are_normalised_by_channel(void **state)
{
    oc_graph *g = NULL;
    (void)state;
    check_norm((meta){.n_mean = 1, .mean = {127.5f}, .n_std = 1, .std = {0.5f}},
               &(oc_image_norm){.n = 1, .mean = {127.5f}, .scale = {2}});
    check_norm((meta){.n_mean = 3, .mean = {1, 2, 3}, .n_std = 3, .std = {4, 8, 16}},
               &(oc_image_norm){.n = 3, .mean = {1, 2, 3}, .scale = {0.25f, 0.125f, 0.0625f}});
    check_norm((meta){.n_mean = 1, .mean = {9}, .n_std = 3, .std = {1, 2, -4}},
               &(oc_image_norm){.n = 3, .mean = {9, 9, 9}, .scale = {1, 0.5f, -0.25f}});
    refuse_norm((meta){.n_mean = 1, .mean = {0}, .n_std = 1, .std = {0}}, "mean 0 and std 0");
    refuse_norm((meta){.n_mean = 2, .mean = {0}, .n_std = 1, .std = {1}}, "found 2 and 1");
    refuse_norm((meta){.n_mean = 1, .mean = {0}, .n_std = 0}, "found 1 and 0");
    oc_assert_ok(import_meta(&(meta){.n_files = 0}, NULL, NULL, &g));
    assert_null(g->values[g->inputs[0]].norm);
    oc_graph_destroy(g);
}

/* ---- quantisation ------------------------------------------------------------------------------ */

static oc_status import_quant(uint8_t type, float scale, int64_t zero, oc_graph **g)
{
    const tfl_tensor t[] = {{.name = "x", .type = type, DIMS(1, 3), .scale = 0.5f, .zero = 7},
                            {.name = "y", .type = type, DIMS(1, 3), .scale = scale, .zero = zero}};
    return import_relu(t, NULL, NULL, NULL, g);
}

static void elements_of_8_bits_say_what_they_stand_for(void **state)
{
    static const uint8_t types[] = {TFL_INT8, TFL_UINT8};
    oc_graph *g = NULL;
    (void)state;
    for (size_t i = 0; i < OC_COUNT(types); i++) {
        oc_assert_ok(import_quant(types[i], 0.25f, 100, &g));
        const oc_quant *x = g->values[g->inputs[0]].quant, *y = g->values[g->outputs[0]].quant;
        assert_true(x && x->scale == 0.5f && x->zero_point == 7);
        assert_true(y && y->scale == 0.25f && y->zero_point == 100);
        oc_graph_destroy(g);
        g = NULL;
    }
    oc_assert_fails(import_quant(TFL_INT8, 0.25f, 128, &g), OC_E_FORMAT, "zero point 0 of tensor \"y\" is 128");
    oc_assert_fails(import_quant(TFL_UINT8, 0.25f, -1, &g), OC_E_FORMAT, "zero point 0 of tensor \"y\" is -1");
    oc_assert_fails(import_quant(TFL_UINT8, 1e30f, 0, &g), OC_E_FORMAT, "scale 0 of tensor \"y\" is 1e+30");
    assert_null(g);
    oc_assert_ok(import_relu(three, NULL, NULL, NULL, &g));
    assert_null(g->values[g->inputs[0]].quant);
    assert_null(g->values[g->outputs[0]].quant);
    oc_graph_destroy(g);
}

/* ---- open dimensions --------------------------------------------------------------------------- */

/* The output of a model whose input is 2x6x3 in the file, `open_axis` (1 + the axis) open. */
static void check_shape(int32_t open_axis, const oc_model_options *options, const char *expected)
{
    const tfl_tensor t[] = {{.name = "x", DIMS(2, 6, 3), .open_axis = open_axis}, {.name = "y", DIMS(2, 6, 3)}};
    oc_graph *g = NULL;
    oc_assert_ok(import_relu(t, NULL, NULL, options, &g));
    assert_shape(&g->values[g->inputs[0]].desc.shape, expected);
    assert_shape(&g->values[g->outputs[0]].desc.shape, expected);
    oc_graph_destroy(g);
}

static void refuse_shape(int32_t open_axis, oc_named_shape shape, oc_status status, const char *text)
{
    const tfl_tensor t[] = {{.name = "x", DIMS(2, 6, 3), .open_axis = open_axis}, {.name = "y", DIMS(2, 6, 3)}};
    const oc_model_options options = {.shapes = &shape, .n_shapes = shape.name != NULL};
    oc_graph *g = NULL;
    oc_assert_fails(import_relu(t, NULL, NULL, &options, &g), status, text);
    assert_null(g);
}

static void open_dimensions_are_what_is_asked_for(void **state)
{
    const oc_named_shape wide = {"x", {3, {2, 9, 3}}}, many = {"x", {3, {4, 6, 3}}};
    (void)state;
    check_shape(0, NULL, "2x6x3");
    check_shape(1, NULL, "1x6x3");
    check_shape(1, &(oc_model_options){.batch = 5}, "5x6x3");
    check_shape(0, &(oc_model_options){.batch = 5}, "2x6x3"); /* not open: the file's */
    check_shape(1, &(oc_model_options){.shapes = &many, .n_shapes = 1}, "4x6x3");
    check_shape(1, &(oc_model_options){.batch = 5, .shapes = &many, .n_shapes = 1}, "4x6x3");
    check_shape(2, &(oc_model_options){.shapes = &wide, .n_shapes = 1}, "2x9x3");
    refuse_shape(2, (oc_named_shape){.name = NULL}, OC_E_UNSUPPORTED, "the size of axis 1 is not known");
    refuse_shape(1, wide, OC_E_SHAPE, "axis 1 has size 6 in the file, 9 asked for");
    refuse_shape(2, (oc_named_shape){"x", {2, {2, 9}}}, OC_E_SHAPE, "expected 3 axes, found 2");
    refuse_shape(1, (oc_named_shape){"z", {3, {2, 9, 3}}}, OC_E_NOTFOUND, "\"z\", which is no input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_come_from_the_archive),
        cmocka_unit_test(labels_need_no_archive),
        cmocka_unit_test(label_files_have_limits),
        cmocka_unit_test(pictures_are_normalised_by_channel),
        cmocka_unit_test(elements_of_8_bits_say_what_they_stand_for),
        cmocka_unit_test(open_dimensions_are_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
