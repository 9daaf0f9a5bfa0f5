/* SPDX-License-Identifier: Apache-2.0 */
/**
 * TensorFlow Lite models made in memory: what each operator becomes, and what is refused and how.
 */
#include "import_test.h"
#include "tflite_metadata.h"
#include "tflite_writer.h"

#include <stdlib.h>

/* BuiltinOperator and BuiltinOptions of the schema. */
enum {
    ADD = 0,
    AVERAGE_POOL_2D = 1,
    CONCATENATION = 2,
    CONV_2D = 3,
    DEPTHWISE_CONV_2D = 4,
    FULLY_CONNECTED = 9,
    LRN = 13,
    MAX_POOL_2D = 17,
    RELU = 19,
    RESHAPE = 22,
    SOFTMAX = 25,
    CUSTOM = 32,
    PAD = 34,
    TRANSPOSE = 39,
    MEAN = 40,
    SUB = 41,
    DIV = 42,
    SQUEEZE = 43,
    STRIDED_SLICE = 45,
    TRANSPOSE_CONV = 67,
    COS = 108
};
enum {
    CONV_OPTIONS = 1,
    DEPTHWISE_OPTIONS = 2,
    POOL_OPTIONS = 5,
    FULLY_OPTIONS = 8,
    SOFTMAX_OPTIONS = 9,
    CONCAT_OPTIONS = 10,
    ADD_OPTIONS = 11,
    LRN_OPTIONS = 13,
    RESHAPE_OPTIONS = 17,
    REDUCER_OPTIONS = 27,
    SUB_OPTIONS = 28,
    SQUEEZE_OPTIONS = 30,
    STRIDED_SLICE_OPTIONS = 32,
    TRANSPOSE_CONV_OPTIONS = 49
};
enum { SAME = 0, VALID = 1 };
enum { ACT_RELU = 1, ACT_RELU6 = 3, ACT_TANH = 4 };

#define NUMBER(number_)                         \
    {                                           \
        .kind = TFL_NUMBER, .number = (number_) \
    }
#define FLOAT(f_)                    \
    {                                \
        .kind = TFL_FLOAT, .f = (f_) \
    }
#define DIMS(...) .rank = sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), .dims = {__VA_ARGS__}
#define F32(name_, ...)                                         \
    {                                                           \
        .name = (name_), .type = TFL_FLOAT32, DIMS(__VA_ARGS__) \
    }
#define WITH(name_, type_, array_, ...)                                             \
    {                                                                               \
        .name = (name_), .type = (type_), .data = (array_), .size = sizeof(array_), \
        DIMS(__VA_ARGS__)                                                           \
    }
#define F32_WITH(name_, array_, ...) WITH(name_, TFL_FLOAT32, array_, __VA_ARGS__)
#define I32_WITH(name_, array_, ...) WITH(name_, TFL_INT32, array_, __VA_ARGS__)

static oc_status import(const tfl_model *m, oc_graph **g)
{
    oc_buf b;
    tfl_write(&b, m);
    oc_status status = import_bytes(b.data, b.size, "tflite", NULL, g);
    oc_buf_fini(&b);
    return status;
}

/* Tensors 0 (input) .. n-2 and, last, the output; one operator over all but the last. */
static oc_graph *one_op(const tfl_tensor *tensors, uint32_t n, tfl_op op)
{
    oc_graph *g = NULL;
    op.version = op.version ? op.version : 1;
    op.n_in = n - 1;
    op.out = (int32_t)n - 1;
    for (uint32_t i = 0; i + 1 < n; i++)
        op.in[i] = (int32_t)i;
    oc_assert_ok(import(&(tfl_model){tensors, n, &op, 1, 0, (int32_t)n - 1, .schema = 3}, &g));
    assert_string_equal(g->values[g->inputs[0]].name, "x");
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    assert_string_equal(g->format, "tflite");
    return g;
}

static void check(const tfl_tensor *tensors, uint32_t n, tfl_op op, const float *in,
                  const char *shape, const float *expected)
{
    oc_graph *g = one_op(tensors, n, op);
    assert_eval(g, in, shape, expected);
    oc_graph_destroy(g);
}

/*
 * ---- what operators become ---------------------------------------------------------------------
 */

static const float nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void convolution_pads_the_end_and_activates(void **state)
{
    (void)state;
    static const float weights[] = {1, 0, 0, 1}, bias[] = {-0.5f};
    tfl_tensor t[] = {F32("x", 1, 3, 3, 1), F32_WITH("w", weights, 1, 2, 2, 1),
                      F32_WITH("b", bias, 1), F32("y", 1, 2, 2, 1)};
    tfl_op op = {.code = CONV_2D,
                 .options_type = CONV_OPTIONS,
                 .options = {NUMBER(SAME), NUMBER(2), NUMBER(2), NUMBER(ACT_RELU6)}};
    check(t, 4, op, nine, "1x2x2x1", (float[]){5.5f, 2.5f, 6, 6});
    op.options[0].number = VALID;
    check(t, 4, op, nine, "1x1x1x1", (float[]){5.5f});
    op.options[1].number = 1; /* stride over columns */
    check(t, 4, op, nine, "1x1x2x1", (float[]){5.5f, 6});
}

static void dilation_and_groups_of_a_convolution(void **state)
{
    (void)state;
    static const float weights[] = {1, 10, 100, 1000};
    tfl_tensor t[] = {F32("x", 1, 1, 3, 2), F32_WITH("w", weights, 2, 1, 2, 1),
                      F32("y", 1, 1, 1, 2)};
    tfl_op op = {.code = CONV_2D,
                 .version = 6,
                 .options_type = CONV_OPTIONS,
                 .options = {NUMBER(VALID), NUMBER(1), NUMBER(1), {0}, NUMBER(2), NUMBER(1)}};
    /* Channel 0 is 1 3 5, channel 1 is 2 4 6; taps 0 and 2. */
    check(t, 3, op, nine, "1x1x1x2", (float[]){1 + 50, 200 + 6000});
}

static void depthwise_convolution_multiplies_channels(void **state)
{
    (void)state;
    static const float weights[] = {1, 10, 100, 1000};
    tfl_tensor t[] = {F32("x", 1, 1, 2, 2), F32_WITH("w", weights, 1, 1, 1, 4),
                      F32("y", 1, 1, 2, 4)};
    tfl_op op = {.code = DEPTHWISE_CONV_2D,
                 .options_type = DEPTHWISE_OPTIONS,
                 .options = {NUMBER(VALID), NUMBER(1), NUMBER(1), NUMBER(2)}};
    oc_graph *g = one_op(t, 3, op);
    assert_int_equal(g->n_nodes, 1); /* the turned weights are a constant */
    assert_int_equal(oc_node_int(find_op(g, "conv2d"), "groups"), 2);
    assert_eval(g, nine, "1x1x2x4", (float[]){1, 10, 200, 2000, 3, 30, 400, 4000});
    oc_graph_destroy(g);
    /* Taps over height and width are not alike. */
    static const float taps[] = {1, 10, 100, 1000, 10000, 100000};
    tfl_tensor wide[] = {F32("x", 1, 2, 3, 1), F32_WITH("w", taps, 1, 2, 3, 1),
                         F32("y", 1, 1, 1, 1)};
    op.options[3].number = 1;
    check(wide, 3, op, nine, "1x1x1x1", (float[]){654321});
}

static void pools_do_not_count_padding(void **state)
{
    (void)state;
    tfl_tensor t[] = {F32("x", 1, 2, 2, 1), F32("y", 1, 2, 2, 1)};
    tfl_op op = {.code = AVERAGE_POOL_2D,
                 .options_type = POOL_OPTIONS,
                 .options = {NUMBER(SAME), NUMBER(1), NUMBER(1), NUMBER(2), NUMBER(2)}};
    check(t, 2, op, nine, "1x2x2x1", (float[]){2.5f, 3, 3.5f, 4});
    op.code = MAX_POOL_2D;
    check(t, 2, op, (float[]){-1, -2, -3, -4}, "1x2x2x1", (float[]){-1, -2, -3, -4});
}

static void fully_connected_flattens_unless_told(void **state)
{
    (void)state;
    static const float weights[] = {1, 10, 100, 1000}, pair[] = {1, 10}, bias[] = {-5000};
    tfl_tensor flat[] = {F32("x", 1, 2, 2), F32_WITH("w", weights, 1, 4), F32_WITH("b", bias, 1),
                         F32("y", 1, 1)};
    tfl_tensor kept[] = {F32("x", 1, 2, 2), F32_WITH("w", pair, 1, 2), F32("y", 1, 2, 1)};
    tfl_op op = {.code = FULLY_CONNECTED,
                 .options_type = FULLY_OPTIONS,
                 .options = {NUMBER(ACT_RELU), {0}, NUMBER(0)}};
    check(flat, 4, op, nine, "1x1", (float[]){0});
    op.options[0].number = 0;
    check(flat, 4, op, nine, "1x1", (float[]){4321 - 5000});
    op.options[2].number = 1; /* keep_num_dims */
    check(kept, 3, op, nine, "1x2x1", (float[]){21, 43});
}

static void arithmetic_broadcasts_and_activates(void **state)
{
    (void)state;
    static const float row[] = {1, -20};
    tfl_tensor t[] = {F32("x", 2, 2), F32_WITH("c", row, 2), F32("y", 2, 2)};
    tfl_op add = {.code = ADD, .options_type = ADD_OPTIONS, .options = {NUMBER(ACT_RELU)}};
    tfl_op sub = {.code = SUB, .options_type = SUB_OPTIONS, .options = {NUMBER(ACT_RELU6)}};
    tfl_op div = {.code = DIV};
    check(t, 3, add, nine, "2x2", (float[]){2, 0, 4, 0});
    check(t, 3, sub, nine, "2x2", (float[]){0, 6, 2, 6});
    check(t, 3, div, nine, "2x2", (float[]){1, -0.1f, 3, -0.2f});
}

static void normalisations(void **state)
{
    (void)state;
    tfl_tensor t[] = {F32("x", 1, 1, 1, 3), F32("y", 1, 1, 1, 3)};
    tfl_op soft = {.code = SOFTMAX, .options_type = SOFTMAX_OPTIONS, .options = {FLOAT(1)}};
    tfl_op lrn = {.code = LRN,
                  .options_type = LRN_OPTIONS,
                  .options = {NUMBER(1), FLOAT(2), FLOAT(0.5f), FLOAT(1)}};
    check(t, 2, soft, (float[]){0, 0, 0}, "1x1x1x3", (float[]){1 / 3.f, 1 / 3.f, 1 / 3.f});
    soft.options[0].f = 2; /* beta: e^(2 ln 2) is 4 */
    check(t, 2, soft, (float[]){0, 0, 0.6931472f}, "1x1x1x3", (float[]){1 / 6.f, 1 / 6.f, 4 / 6.f});
    /* x / (2 + 0.5 * squares of the channel and its neighbours) */
    check(t, 2, lrn, nine, "1x1x1x3", (float[]){1 / 4.5f, 2 / 9.f, 3 / 8.5f});
}

static void shapes_from_inputs_and_options(void **state)
{
    (void)state;
    static const int32_t shape[] = {-1, 3}, axes[] = {1}, perm[] = {1, 0}, pads[] = {0, 0, 1, 0};
    tfl_tensor t[] = {F32("x", 2, 3), I32_WITH("c", shape, 2), F32("y", 2, 3)};
    tfl_op op = {.code = RESHAPE};
    check(t, 3, op, nine, "2x3", nine);
    op.code = TRANSPOSE;
    t[1].data = perm;
    check(t, 3, op, nine, "3x2", (float[]){1, 4, 2, 5, 3, 6});
    op = (tfl_op){.code = PAD};
    t[1] = (tfl_tensor)I32_WITH("c", pads, 2, 2);
    check(t, 3, op, nine, "2x4", (float[]){0, 1, 2, 3, 0, 4, 5, 6});
    op = (tfl_op){.code = MEAN, .options_type = REDUCER_OPTIONS, .options = {NUMBER(1)}};
    t[1] = (tfl_tensor)I32_WITH("c", axes, 1);
    check(t, 3, op, nine, "2x1", (float[]){2, 5});
    op.options[0].number = 0;
    check(t, 3, op, nine, "2", (float[]){2, 5});
}

static void shapes_from_options_alone(void **state)
{
    (void)state;
    tfl_tensor t[] = {F32("x", 1, 3, 1, 2), F32("y", 3, 2)};
    tfl_option list = {.kind = TFL_LIST, .n_list = 1, .list = {-2}};
    tfl_op op = {.code = SQUEEZE, .options_type = SQUEEZE_OPTIONS, .options = {list}};
    check(t, 2, op, nine, "1x3x2", nine);
    op.options[0].n_list = 0;
    check(t, 2, op, nine, "3x2", nine);
    op = (tfl_op){.code = RESHAPE, .options_type = RESHAPE_OPTIONS, .options = {list}};
    op.options[0].n_list = 2;
    op.options[0].list[0] = 2;
    op.options[0].list[1] = -1;
    check(t, 2, op, nine, "2x3", nine);
    op = (tfl_op){.code = CONCATENATION, .options_type = CONCAT_OPTIONS, .options = {NUMBER(-1)}};
    tfl_tensor two[] = {t[0], t[0], t[1]};
    two[1].name = "c";
    two[1].data = nine;
    two[1].size = 6 * sizeof(float);
    check(two, 3, op, nine, "1x3x1x4", (float[]){1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6});
}

/* Masks: begin, end, ellipsis, new axis, shrink, and whether ends count from the begins. */
static void strided_slices_by_their_masks(void **state)
{
    (void)state;
    static const int32_t begins[] = {-2, 1}, ends[] = {-1, 1}, ones[] = {1, 1};
    tfl_tensor t[] = {F32("x", 3, 3), I32_WITH("b", begins, 2), I32_WITH("e", ends, 2),
                      I32_WITH("s", ones, 2), F32("y", 1, 1)};
    tfl_op op = {.code = STRIDED_SLICE,
                 .options_type = STRIDED_SLICE_OPTIONS,
                 .options = {NUMBER(0), NUMBER(2), NUMBER(0), NUMBER(0), NUMBER(1), NUMBER(0)}};
    check(t, 5, op, nine, "2", (float[]){5, 6});
    op.options[0].number = 1; /* an axis that goes starts at 0 where its begin is masked out */
    check(t, 5, op, nine, "2", (float[]){2, 3});
    static const int32_t lengths[] = {2, 1};
    t[2].data = lengths;
    op.options[0].number = op.options[1].number = op.options[4].number = 0;
    op.options[5].number = 1;
    check(t, 5, op, nine, "2x1", (float[]){5, 8});
}

static void an_open_batch_is_one(void **state)
{
    (void)state;
    tfl_tensor t[] = {{.name = "x", DIMS(7, 3), .open_axis = 1}, F32("y", 7, 3)};
    oc_graph *g = one_op(t, 2, (tfl_op){.code = RELU});
    assert_shape(&g->values[g->inputs[0]].desc.shape, "1x3");
    oc_graph_destroy(g);
}

/*
 * ---- what is refused ---------------------------------------------------------------------------
 */

static void refuse(const tfl_tensor *tensors, uint32_t n, const tfl_op *ops, uint32_t n_ops,
                   oc_status status, const char *text)
{
    oc_graph *g = NULL;
    tfl_model m = {tensors, n, ops, n_ops, 0, (int32_t)n - 1, .schema = 3};
    oc_assert_fails(import(&m, &g), status, text);
    assert_null(g);
}

static const tfl_tensor plain[] = {F32("x", 2, 3), F32("t", 2, 3), F32("y", 2, 3)};

static void quantisation_that_does_not_fit_is_named(void **state)
{
    (void)state;
    tfl_tensor t[] = {plain[0], plain[2]};
    tfl_op op = {.code = RELU, .version = 1, .n_in = 1, .in = {0}, .out = 1};
    t[1].type = TFL_INT8;
    refuse(t, 2, &op, 1, OC_E_UNSUPPORTED, "RELU with \"y\" of int8 among inputs or outputs of float32");
    t[0].type = TFL_INT8;
    refuse(t, 2, &op, 1, OC_E_UNSUPPORTED, "RELU needs one scale of tensor \"x\", found 0");
    t[0].type = TFL_UINT8;
    refuse(t, 2, &op, 1, OC_E_UNSUPPORTED,
           "RELU with \"y\" of int8 among inputs or outputs of uint8");
    t[1].type = 77;
    refuse(t, 2, &op, 1, OC_E_UNSUPPORTED, "tensor \"y\": element type number 77");
}

static void sizes_that_contradict_the_inputs_are_refused(void **state)
{
    (void)state;
    static const int32_t sizes[][4] = {{2, 2, 2, 1}, {1, 2, 2, 3}};
    static const float weights[] = {1, 2, 3, 4};
    for (size_t i = 0; i < OC_COUNT(sizes); i++) {
        tfl_tensor t[] = {F32("x", 1, 1, 1, 1), I32_WITH("size", sizes[i], 4),
                          F32_WITH("w", weights, 1, 2, 2, 1), F32("y", 1, 2, 2, 1)};
        tfl_op op = {.code = TRANSPOSE_CONV,
                     .version = 1,
                     .options_type = TRANSPOSE_CONV_OPTIONS,
                     .options = {NUMBER(VALID), NUMBER(1), NUMBER(1)},
                     .n_in = 3,
                     .in = {1, 2, 0},
                     .out = 3};
        refuse(t, 4, &op, 1, OC_E_SHAPE, "expected an output of 1 pictures of 1 channels");
    }
}

static void missing_operators_are_named_in_one_line(void **state)
{
    (void)state;
    tfl_op ops[] = {{.code = COS, .version = 1, .n_in = 1, .in = {0}, .out = 1},
                    {.code = RELU, .version = 99, .n_in = 1, .in = {1}, .out = 2}};
    refuse(plain, 3, ops, 2, OC_E_UNSUPPORTED,
           "node \"t\": operator COS (version 1); node \"y\": operator RELU (version 99) are not");
    ops[1] =
        (tfl_op){.code = CUSTOM, .version = 2, .custom = "Nobody", .n_in = 1, .in = {1}, .out = 2};
    ops[0].code = RELU;
    refuse(plain, 3, ops, 2, OC_E_UNSUPPORTED,
           "node \"y\": operator custom Nobody (version 2) is not supported");
    ops[1].code = 4000;
    refuse(plain, 3, ops, 2, OC_E_UNSUPPORTED, "number 4000");
}

static void order_and_definition_are_checked(void **state)
{
    (void)state;
    tfl_op late[] = {{.code = RELU, .version = 1, .n_in = 1, .in = {1}, .out = 2},
                     {.code = RELU, .version = 1, .n_in = 1, .in = {0}, .out = 1}};
    tfl_op twice[] = {{.code = RELU, .version = 1, .n_in = 1, .in = {0}, .out = 2},
                      {.code = RELU, .version = 1, .n_in = 1, .in = {0}, .out = 2}};
    tfl_op beyond = {.code = RELU, .version = 1, .n_in = 1, .in = {9}, .out = 2};
    tfl_op few = {.code = ADD, .version = 1, .n_in = 1, .in = {0}, .out = 2};
    refuse(plain, 3, late, 2, OC_E_FORMAT, "tensor \"t\" is used before");
    refuse(plain, 3, twice, 2, OC_E_FORMAT, "tensor \"y\" is defined twice");
    refuse(plain, 3, &beyond, 1, OC_E_FORMAT, "index below 3, found 9");
    refuse(plain, 3, &few, 1, OC_E_FORMAT, "ADD takes 2 to 2 inputs, found 1");
    refuse(plain, 3, late, 0, OC_E_FORMAT, "tensor \"y\" is used before");
}

static void options_that_would_change_the_result_are_refused(void **state)
{
    (void)state;
    tfl_op add = {.code = ADD,
                  .version = 1,
                  .options_type = ADD_OPTIONS,
                  .options = {NUMBER(ACT_TANH)},
                  .n_in = 2,
                  .in = {0, 0},
                  .out = 2};
    refuse(plain, 3, &add, 1, OC_E_UNSUPPORTED, "fused activation 4");
    add.options_type = SUB_OPTIONS;
    refuse(plain, 3, &add, 1, OC_E_FORMAT, "expected options of type 11 for ADD, found 28");
}

static void files_of_another_make_are_refused(void **state)
{
    (void)state;
    static const float few[] = {1, 2, 3};
    oc_graph *g = NULL;
    tfl_op op = {.code = RELU, .version = 1, .n_in = 1, .in = {0}, .out = 1};
    tfl_tensor t[] = {plain[0], plain[2]};
    tfl_tensor open[] = {{.name = "x", DIMS(1, 3), .open_axis = 2}, plain[2]};
    tfl_tensor known[] = {plain[0], plain[2], F32_WITH("k", few, 4)};
    tfl_model old = {t, 2, &op, 1, 0, 1, .schema = 2};
    oc_assert_fails(import(&old, &g), OC_E_UNSUPPORTED, "expected schema version 3, found 2");
    refuse(open, 2, &op, 1, OC_E_UNSUPPORTED, "input \"x\": the size of axis 1 is not known");
    refuse(known, 3, &op, 1, OC_E_FORMAT,
           "constant \"k\": expected 16 bytes (4 of float32), found 12");
}

/* lenet5.tflite says mean 0 and std 255; its metadata cut short or changed is refused or read, never a crash. */
static void metadata_says_how_pictures_are_normalised(void **state)
{
    (void)state;
    oc_test_path path = oc_test_source("tests/models/lenet5.tflite");
    oc_graph *g = NULL;
    oc_bytes model;
    oc_assert_ok(oc_import(path.text, NULL, NULL, &g));
    const oc_image_norm *norm = g->values[g->inputs[0]].norm;
    assert_non_null(norm);
    assert_int_equal(norm->n, 1);
    assert_true(norm->mean[0] == 0.0f && norm->scale[0] == 1.0f / 255.0f);
    oc_assert_ok(oc_file_slurp(path.text, 1u << 20, NULL, &model));
    size_t at = 4;
    while (at + 4 < model.size && memcmp(model.data + at, "M001", 4) != 0)
        at++;
    assert_true(at + 4 < model.size);
    oc_bytes metadata = {model.data + at - 4, model.size - (at - 4)};
    oc_rng rng = oc_rng_make(1);
    uint8_t *copy = malloc(metadata.size);
    for (size_t size = 0; size < OC_MIN(metadata.size, (size_t)300); size++) {
        oc_status status = oc_tflite_read_norms((oc_bytes){metadata.data, size}, g);
        assert_true(status == OC_OK || status == OC_E_FORMAT);
    }
    for (int i = 0; i < 3000; i++) {
        memcpy(copy, metadata.data, metadata.size);
        copy[oc_rng_below(&rng, 300)] = (uint8_t)oc_rng_u64(&rng);
        oc_status status = oc_tflite_read_norms((oc_bytes){copy, metadata.size}, g);
        assert_true(status == OC_OK || status == OC_E_FORMAT || status == OC_E_UNSUPPORTED);
    }
    free(copy);
    oc_free(NULL, (void *)(uintptr_t)model.data);
    oc_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_pads_the_end_and_activates),
        cmocka_unit_test(dilation_and_groups_of_a_convolution),
        cmocka_unit_test(depthwise_convolution_multiplies_channels),
        cmocka_unit_test(pools_do_not_count_padding),
        cmocka_unit_test(fully_connected_flattens_unless_told),
        cmocka_unit_test(arithmetic_broadcasts_and_activates),
        cmocka_unit_test(normalisations),
        cmocka_unit_test(shapes_from_inputs_and_options),
        cmocka_unit_test(shapes_from_options_alone),
        cmocka_unit_test(strided_slices_by_their_masks),
        cmocka_unit_test(an_open_batch_is_one),
        cmocka_unit_test(quantisation_that_does_not_fit_is_named),
        cmocka_unit_test(sizes_that_contradict_the_inputs_are_refused),
        cmocka_unit_test(missing_operators_are_named_in_one_line),
        cmocka_unit_test(order_and_definition_are_checked),
        cmocka_unit_test(metadata_says_how_pictures_are_normalised),
        cmocka_unit_test(options_that_would_change_the_result_are_refused),
        cmocka_unit_test(files_of_another_make_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
