/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The way in: which importer is chosen, what is said of files that are no models, memory that runs
 * out.
 */
#include "import_test.h"
#include "onnx_writer.h"
#include "tflite_writer.h"

#include "import_common.h"

static void every_row_is_complete(void **state)
{
    (void)state;
    size_t count;
    const oc_importer *const *rows = oc_importers(&count);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(rows[i]->name && rows[i]->extensions && rows[i]->help);
        assert_true(rows[i]->extensions[0] == '.');
        assert_non_null(rows[i]->probe);
        assert_non_null(rows[i]->read);
        /* Nothing at all is nobody's format. */
        assert_int_equal(rows[i]->probe((oc_bytes){0}, "file"), 0);
    }
}

/*
 * ---- files -------------------------------------------------------------------------------------
 */

static void refuse(const void *data, size_t size, const char *extension, oc_status status,
                   const char *text)
{
    oc_graph *g = NULL;
    oc_assert_fails(import_bytes(data, size, extension, NULL, &g), status, text);
    assert_null(g);
}

static void what_is_no_model_is_described(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    refuse("", 0, "bin", OC_E_FORMAT, "found an empty file");
    refuse("\x89PNG\r\n\x1a\n rest", 13, "bin", OC_E_FORMAT,
           "(.onnx) or TensorFlow Lite, schema 3 (.tflite), found a file that begins with "
           "89 50 4e 47 0d 0a 1a 0a");
    refuse("\x89PNG\r\n\x1a\n rest", 13, "tflite", OC_E_FORMAT, "file identifier TFL3");
    refuse("\x89PNG\r\n\x1a\n rest", 13, "onnx", OC_E_FORMAT, "ModelProto at offset 0");
    oc_assert_fails(oc_import("nowhere.onnx", NULL, NULL, &g), OC_E_IO, "nowhere.onnx");
    oc_assert_fails(oc_import(".", NULL, NULL, &g), OC_E_IO, "folder");
}

/* y = Relu(x + c) */
static void write_model(oc_buf *model)
{
    static const float c[32] = {1, 2};
    onnx_writer w;
    onnx_writer_init(&w, "small");
    onnx_writer_input(&w, "x", 2, (int64_t[]){1, 32});
    onnx_writer_output(&w, "y", 2, (int64_t[]){1, 32});
    onnx_writer_floats(&w, "c", 1, (int64_t[]){32}, c);
    onnx_writer_node(&w, "Add", "add", (const char *[]){"x", "c", NULL}, "a", NULL);
    onnx_writer_node(&w, "Relu", "relu", (const char *[]){"a", NULL}, "y", NULL);
    oc_assert_ok(onnx_writer_end(&w, model));
}

static void format_is_found_from_the_bytes(void **state)
{
    (void)state;
    oc_buf model;
    oc_graph *g = NULL;
    oc_digest digest;
    oc_hash *hash;
    write_model(&model);
    oc_assert_ok(import_bytes(model.data, model.size, "tflite", NULL, &g)); /* misnamed */
    assert_string_equal(g->format, "onnx");
    assert_non_null(strstr(g->name, "model-"));
    assert_null(strchr(g->name, '.'));
    assert_false(g->is_frozen);
    oc_assert_ok(oc_hash_create(NULL, &hash));
    oc_assert_ok(oc_hash_put(hash, model.data, model.size));
    oc_assert_ok(oc_hash_end(hash, &digest));
    oc_hash_destroy(hash);
    assert_true(oc_digest_equal(&digest, &g->source));
    oc_graph_destroy(g);
    oc_buf_fini(&model);
}

static void limits_hold(void **state)
{
    (void)state;
    oc_buf model;
    oc_graph *g = NULL;
    oc_limits small = {.model_bytes = 100}, few = {.nodes = 1}, tight = {.memory_bytes = 100};
    oc_limits shallow = {.depth = 2};
    write_model(&model);
    oc_assert_fails(import_bytes(model.data, model.size, "onnx", &small, &g), OC_E_LIMIT,
                    "expected at most 100 bytes");
    oc_assert_fails(import_bytes(model.data, model.size, "onnx", &few, &g), OC_E_LIMIT, "1 nodes");
    oc_assert_fails(import_bytes(model.data, model.size, "onnx", &tight, &g), OC_E_LIMIT,
                    "128 bytes, the limit is 100");
    oc_assert_fails(import_bytes(model.data, model.size, "onnx", &shallow, &g), OC_E_LIMIT,
                    "nested deeper");
    oc_buf_fini(&model);
}

/*
 * ---- memory ------------------------------------------------------------------------------------
 */

static oc_status import_once(const oc_allocator *alloc, void *ctx)
{
    oc_graph *g = NULL;
    OC_TRY(oc_import(ctx, NULL, alloc, &g));
    oc_graph_destroy(g);
    return OC_OK;
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    static const float weights[20] = {1};
    static const tfl_tensor tensors[] = {
        {.name = "x", .rank = 2, .dims = {2, 20}},
        {.name = "w", .rank = 1, .dims = {20}, .data = weights, .size = sizeof(weights)},
        {.name = "y", .rank = 2, .dims = {2, 20}}};
    static const tfl_op op = {.code = 18, .version = 1, .n_in = 2, .in = {0, 1}, .out = 2};
    char onnx[] = "oom.onnx", tflite[] = "oom.tflite";
    oc_buf model;
    write_model(&model);
    oc_assert_ok(oc_file_replace(onnx, model.data, model.size));
    oc_buf_fini(&model);
    tfl_write(&model, &(tfl_model){tensors, 3, &op, 1, 0, 2, .schema = 3});
    oc_assert_ok(oc_file_replace(tflite, model.data, model.size));
    oc_buf_fini(&model);
    oc_test_oom_sweep(import_once, onnx);
    oc_test_oom_sweep(import_once, tflite);
    unlink(onnx);
    unlink(tflite);
}

/*
 * ---- arithmetic of importers -------------------------------------------------------------------
 */

static void padding_that_keeps_the_size(void **state)
{
    (void)state;
    static const struct {
        int32_t in, kernel, stride, dilation, begin, end;
    } cases[] = {
        {5, 3, 1, 1, 1, 1}, {5, 2, 1, 1, 0, 1},  {6, 3, 2, 1, 0, 1}, {5, 3, 2, 1, 1, 1},
        {7, 1, 3, 1, 0, 0}, {10, 3, 1, 4, 4, 4}, {3, 7, 9, 1, 2, 2}, {224, 7, 2, 1, 2, 3},
    };
    oc_imp at = {.node = "n"};
    int32_t begin, end;
    for (size_t i = 0; i < OC_COUNT(cases); i++) {
        oc_assert_ok(oc_imp_pad_same(&at, cases[i].in, cases[i].kernel, cases[i].stride,
                                     cases[i].dilation, false, &begin, &end));
        assert_int_equal(begin, cases[i].begin);
        assert_int_equal(end, cases[i].end);
        oc_assert_ok(oc_imp_pad_same(&at, cases[i].in, cases[i].kernel, cases[i].stride,
                                     cases[i].dilation, true, &begin, &end));
        assert_int_equal(begin, cases[i].end);
        assert_int_equal(end, cases[i].begin);
    }
    oc_assert_fails(oc_imp_pad_same(&at, 5, 3, 0, 1, false, &begin, &end), OC_E_FORMAT, "3, 0, 1");
    oc_assert_fails(oc_imp_pad_same(&at, 5, INT32_MAX, 1, INT32_MAX, false, &begin, &end),
                    OC_E_FORMAT, "padding");
}

static void axes_are_normalised(void **state)
{
    (void)state;
    oc_imp at = {.node = "n"};
    int32_t axes[OC_RANK_MAX];
    oc_assert_ok(oc_imp_axes(&at, (int64_t[]){-1, 0, -3}, 3, 4, axes));
    assert_memory_equal(axes, ((int32_t[]){0, 1, 3}), 3 * sizeof(int32_t));
    oc_assert_fails(oc_imp_axes(&at, (int64_t[]){1, -3}, 2, 4, axes), OC_E_FORMAT,
                    "axis 1 is named");
    oc_assert_fails(oc_imp_axes(&at, (int64_t[]){4}, 1, 4, axes), OC_E_FORMAT, "-4 to 3, found 4");
    oc_assert_fails(oc_imp_axes(&at, (int64_t[]){INT64_MIN}, 1, 0, axes), OC_E_FORMAT, "axis");
}

static void shapes_are_resolved(void **state)
{
    (void)state;
    oc_imp at = {.node = "n"};
    oc_shape in = {3, {2, 3, 4}}, out;
    oc_assert_ok(oc_imp_resolve(&at, &in, (int64_t[]){0, -1}, 2, true, &out));
    assert_shape(&out, "2x12");
    oc_assert_ok(oc_imp_resolve(&at, &in, (int64_t[]){4, 6}, 2, true, &out));
    assert_shape(&out, "4x6");
    oc_assert_fails(oc_imp_resolve(&at, &in, (int64_t[]){-1, 5}, 2, true, &out), OC_E_SHAPE,
                    "24 elements cannot be divided by 5");
    oc_assert_fails(oc_imp_resolve(&at, &in, (int64_t[]){-1, 0}, 2, false, &out), OC_E_SHAPE,
                    "by 0");
    oc_assert_fails(oc_imp_resolve(&at, &in, (int64_t[]){-2}, 1, true, &out), OC_E_FORMAT, "is -2");
    oc_assert_fails(oc_imp_resolve(&at, &in, (int64_t[]){1, 1, 24, 0}, 4, true, &out), OC_E_FORMAT,
                    "the input has only 3");
    oc_assert_fails(oc_imp_resolve(&at, &in, (int64_t[9]){0}, 9, true, &out), OC_E_LIMIT, "9 axes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(what_is_no_model_is_described),
        cmocka_unit_test(format_is_found_from_the_bytes),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(padding_that_keeps_the_size),
        cmocka_unit_test(axes_are_normalised),
        cmocka_unit_test(shapes_are_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
