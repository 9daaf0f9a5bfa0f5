/* SPDX-License-Identifier: Apache-2.0 */
/** What an ONNX model is besides its nodes: options of the caller, and data in files beside it. */
#include "onnx_test.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

/*
 * ---- options -----------------------------------------------------------------------------------
 */

/* y = x reshaped to "shape", both inputs; x is [?,?,2] where `is_open`, else [2,2,2]. */
static onnx_writer reshape_by_input(bool is_open)
{
    onnx_writer w;
    onnx_writer_init(&w, "test");
    const int64_t open[] = {-1, -1, 2}, closed[] = {2, 2, 2};
    onnx_writer_input(&w, "x", 3, is_open ? open : closed);
    onnx_writer_input_of(&w, "shape", ONNX_TYPE_INT64, DIMS(2));
    onnx_writer_output(&w, "y", 0, NULL);
    onnx_writer_node(&w, "Reshape", "r", NAMES("x", "shape"), "y", NULL);
    return w;
}

static int64_t four_two[] = {4, 2}, two_four[] = {2, 4};

static oc_named_tensor shape_is(int64_t *dims)
{
    return (oc_named_tensor){"shape", {{OC_DTYPE_int64, {1, {2}}}, dims}};
}

static void known_inputs_become_constants(void **state)
{
    (void)state;
    oc_digest digests[2];
    int64_t *shapes[] = {four_two, two_four};
    oc_graph *g = NULL;
    onnx_writer w = reshape_by_input(false);
    oc_assert_fails(
        import(&w, 13, &g), OC_E_UNSUPPORTED,
        "its shape \"shape\" is not known while the model is read; where it is an input "
        "of the model, give it as a constant");
    for (int i = 0; i < 2; i++) {
        const oc_named_tensor known = shape_is(shapes[i]);
        w = reshape_by_input(false);
        oc_assert_ok(
            import_with(&w, 13, &(oc_model_options){.constants = &known, .n_constants = 1}, &g));
        assert_int_equal(g->n_inputs, 1);
        assert_eval(g, nine, i ? "2x4" : "4x2", nine);
        digests[i] = g->source;
        oc_graph_destroy(g);
    }
    assert_memory_not_equal(&digests[0], &digests[1], sizeof(digests[0]));
}

static void open_dimensions_are_filled(void **state)
{
    (void)state;
    const oc_named_tensor known = shape_is(four_two);
    const oc_named_shape shape = {"x", {3, {1, 4, 2}}}, other = {"x", {3, {1, 4, 3}}};
    oc_model_options options = {.constants = &known, .n_constants = 1};
    oc_graph *g = NULL;
    onnx_writer w = reshape_by_input(true);
    oc_assert_fails(import_with(&w, 13, &options, &g), OC_E_UNSUPPORTED,
                    "input \"x\": the size of axis 1 is not known");
    options.shapes = &shape;
    options.n_shapes = 1;
    w = reshape_by_input(true);
    oc_assert_ok(import_with(&w, 13, &options, &g));
    assert_shape(&g->values[g->inputs[0]].desc.shape, "1x4x2");
    oc_graph_destroy(g);
    g = NULL;
    options.shapes = &other;
    w = reshape_by_input(true);
    oc_assert_fails(import_with(&w, 13, &options, &g), OC_E_SHAPE,
                    "input \"x\": the model allows no shape 1x4x3");
    onnx_writer_init(&w, "test");
    onnx_writer_input(&w, "x", DIMS(-1, 3));
    onnx_writer_output(&w, "y", 0, NULL);
    onnx_writer_node(&w, "Relu", "r", NAMES("x"), "y", NULL);
    oc_assert_ok(import_with(&w, 13, &(oc_model_options){.batch = 5}, &g));
    assert_shape(&g->values[g->outputs[0]].desc.shape, "5x3");
    oc_graph_destroy(g);
}

static void options_that_do_not_fit(void **state)
{
    (void)state;
    oc_named_tensor known = shape_is(four_two);
    oc_named_shape shape = {"z", {1, {1}}};
    oc_graph *g = NULL;
    onnx_writer w = reshape_by_input(false);
    oc_assert_fails(import_with(&w, 13, &(oc_model_options){.shapes = &shape, .n_shapes = 1}, &g),
                    OC_E_NOTFOUND, "a shape is given for \"z\", which is no input");
    known.name = "z";
    w = reshape_by_input(false);
    oc_assert_fails(
        import_with(&w, 13, &(oc_model_options){.constants = &known, .n_constants = 1}, &g),
        OC_E_NOTFOUND, "a constant is given for \"z\", which is no input");
    known.name = "x";
    w = reshape_by_input(false);
    oc_assert_fails(
        import_with(&w, 13, &(oc_model_options){.constants = &known, .n_constants = 1}, &g),
        OC_E_DTYPE, "input \"x\": the model has float32, the constant given is int64");
    assert_null(g);
}

/*
 * ---- external data -----------------------------------------------------------------------------
 */

static const char file_name[] = "weights.bin";

static onnx_writer add_external(const char *location, const char *offset, const char *length)
{
    onnx_writer w = begin(DIMS(2));
    onnx_writer_external(&w, "row", ONNX_TYPE_FLOAT, DIMS(2), location, offset, length);
    onnx_writer_external(&w, "same", ONNX_TYPE_FLOAT, DIMS(2), location, offset, length);
    onnx_writer_node(&w, "Add", "a", NAMES("x", "row"), "z", NULL);
    onnx_writer_node(&w, "Add", "b", NAMES("z", "same"), "y", NULL);
    return w;
}

static void data_beside_the_model(void **state)
{
    (void)state;
    float data[] = {7, 10, 20};
    oc_digest digests[2];
    for (int i = 0; i < 2; i++) {
        data[2] += (float)i;
        oc_assert_ok(oc_file_replace(file_name, data, sizeof(data)));
        onnx_writer w = add_external(file_name, "4", "8");
        oc_graph *g = import_ok(&w, 13);
        assert_int_equal(g->values[oc_graph_find_value(g, "row")].constant->kind, OC_CONST_FILE);
        assert_int_equal(g->n_files, 1);
        assert_eval(g, nine, "2", (float[]){21, 42 + 2 * (float)i});
        digests[i] = g->source;
        oc_graph_destroy(g);
    }
    assert_memory_not_equal(&digests[0], &digests[1], sizeof(digests[0]));
    onnx_writer w = add_external(file_name, NULL, NULL);
    check(&w, 13, nine, "2", (float[]){15, 22});
    unlink(file_name);
}

static void refuse_external(const char *location, const char *offset, const char *length,
                            oc_status status, const char *text)
{
    onnx_writer w = add_external(location, offset, length);
    refuse(&w, 13, status, text);
}

static void data_that_are_not_there(void **state)
{
    (void)state;
    float data[] = {7, 10, 20};
    oc_assert_ok(oc_file_replace(file_name, data, sizeof(data)));
    refuse_external(file_name, "8", "8", OC_E_FORMAT,
                    "expected 8 bytes from 8 on, found 12 in all");
    refuse_external(file_name, "0", "12", OC_E_FORMAT,
                    "expected 8 bytes of external data, found 12");
    refuse_external(file_name, "x", "8", OC_E_FORMAT, "expected a number in external_data");
    refuse_external(file_name, "18446744073709551615", NULL, OC_E_FORMAT, "expected a number");
    refuse_external("none.bin", NULL, NULL, OC_E_IO, "none.bin");
    unlink(file_name);
}

/* Nothing that does not lie below the model's folder is read. */
static void data_elsewhere(void **state)
{
    (void)state;
    float data[] = {7, 10, 20};
    char full[PATH_MAX];
    static const char *const places[] = {"", "../weights.bin", "a/../../weights.bin", "..", "a/.."};
    for (size_t i = 0; i < OC_COUNT(places); i++)
        refuse_external(places[i], NULL, NULL, OC_E_FORMAT, "tensor \"row\": external data at \"");
    oc_assert_ok(oc_file_replace(file_name, data, sizeof(data)));
    assert_non_null(realpath(file_name, full));
    refuse_external(full, NULL, NULL, OC_E_FORMAT, "expected a path below the model's folder");
    unlink("link.bin");
    unlink("folder/link");
    assert_int_equal(symlink(file_name, "link.bin"), 0);
    refuse_external("link.bin", NULL, NULL, OC_E_FORMAT, "symbolic links are not followed");
    mkdir("folder", 0777);
    assert_int_equal(symlink("..", "folder/link"), 0);
    refuse_external("folder/link/weights.bin", NULL, NULL, OC_E_FORMAT,
                    "symbolic links are not followed");
    onnx_writer w = add_external("./weights.bin", NULL, NULL);
    check(&w, 13, nine, "2", (float[]){15, 22});
    unlink("link.bin");
    unlink("folder/link");
    unlink(file_name);
}

static void data_count_towards_the_limit(void **state)
{
    (void)state;
    static const char zeros[4096];
    oc_graph *g = NULL;
    oc_assert_ok(oc_file_replace(file_name, zeros, sizeof(zeros)));
    onnx_writer w = add_external(file_name, NULL, NULL);
    oc_assert_fails(import_with(&w, 13, &(oc_model_options){.limits = {.model_bytes = 4096}}, &g),
                    OC_E_LIMIT, "expected at most 4096 bytes with the model");
    unlink(file_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_inputs_become_constants),
        cmocka_unit_test(open_dimensions_are_filled),
        cmocka_unit_test(options_that_do_not_fit),
        cmocka_unit_test(data_beside_the_model),
        cmocka_unit_test(data_that_are_not_there),
        cmocka_unit_test(data_elsewhere),
        cmocka_unit_test(data_count_towards_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
