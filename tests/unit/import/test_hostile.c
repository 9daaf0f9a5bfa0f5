/* SPDX-License-Identifier: Apache-2.0 */
/** Small models of both formats, cut at every byte and with bytes changed all over. */
#include "hostile.h"
#include "onnx_writer.h"
#include "tflite_writer.h"

#define SEED 20240611u

static void write_onnx(const char *path)
{
    static const float weights[18] = {1, 2, 3}, bias[2] = {1, 2}, dense[4] = {1, 2, 3, 4};
    static const int64_t shape[] = {0, -1}, pads[] = {0, 0, 1, 0, 0, 0, 0, 1};
    onnx_writer w;
    oc_buf model;
    onnx_writer_init(&w, "all");
    onnx_writer_input(&w, "x", 4, (int64_t[]){1, 1, 6, 6});
    onnx_writer_output(&w, "y", 2, (int64_t[]){1, 2});
    onnx_writer_floats(&w, "w", 4, (int64_t[]){2, 1, 3, 3}, weights);
    onnx_writer_floats(&w, "b", 1, (int64_t[]){2}, bias);
    onnx_writer_floats(&w, "d", 2, (int64_t[]){2, 2}, dense);
    onnx_writer_int64s(&w, "s", 1, (int64_t[]){2}, shape);
    onnx_writer_int64s(&w, "p", 1, (int64_t[]){8}, pads);
    const onnx_attr conv[] = {{.name = "auto_pad", .kind = ONNX_STRING, .s = "SAME_UPPER"},
                              {.name = "strides", .kind = ONNX_INTS, .ints = {2, 2}, .n_ints = 2},
                              {.name = NULL}};
    const onnx_attr pool[] = {
        {.name = "kernel_shape", .kind = ONNX_INTS, .ints = {2, 2}, .n_ints = 2}, {.name = NULL}};
    const onnx_attr axis[] = {{.name = "axis", .kind = ONNX_INT, .i = 1}, {.name = NULL}};
    const onnx_attr alpha[] = {{.name = "alpha", .kind = ONNX_FLOAT, .f = 2}, {.name = NULL}};
#define IN(...) (const char *const[]){__VA_ARGS__, NULL}
    onnx_writer_node(&w, "Conv", "conv", IN("x", "w", "b"), "c", conv);
    onnx_writer_node(&w, "Relu", "", IN("c"), "r", NULL);
    onnx_writer_node(&w, "BatchNormalization", "bn", IN("r", "b", "b", "b", "b"), "n", NULL);
    onnx_writer_node(&w, "Pad", "pad", IN("n", "p"), "q", NULL);
    onnx_writer_node(&w, "MaxPool", "pool", IN("q"), "m", pool);
    onnx_writer_node(&w, "Add", "add", IN("m", "m"), "a", NULL);
    onnx_writer_node(&w, "Concat", "cat", IN("a", "m"), "t", axis);
    onnx_writer_node(&w, "GlobalAveragePool", "gap", IN("t"), "g", NULL);
    onnx_writer_node(&w, "Reshape", "flat", IN("g", "s"), "f", NULL);
    onnx_writer_node(&w, "Reshape", "pairs", IN("f", "s"), "f4", NULL);
    onnx_writer_node(&w, "Transpose", "turn", IN("d"), "e", NULL);
    onnx_writer_node(&w, "MatMul", "mm", IN("e", "d"), "k", NULL);
    onnx_writer_node(&w, "MaxPool", "pool2", IN("r"), "m2", pool);
    onnx_writer_node(&w, "GlobalMaxPool", "gmp", IN("m2"), "g2", NULL);
    onnx_writer_node(&w, "Flatten", "flat2", IN("g2"), "f2", axis);
    onnx_writer_node(&w, "Gemm", "gemm", IN("f2", "k", "b"), "z", alpha);
    onnx_writer_node(&w, "Softmax", "soft", IN("z"), "y", axis);
    oc_assert_ok(onnx_writer_end(&w, &model));
    oc_assert_ok(oc_file_replace(path, model.data, model.size));
    oc_buf_fini(&model);
}

static void write_tflite(const char *path)
{
    static const float weights[4] = {1, 2, 3, 4}, bias[1] = {1};
    static const int32_t shape[] = {1, 4};
    const tfl_tensor tensors[] = {
        {.name = "x", .rank = 4, .dims = {1, 4, 4, 1}, .open_axis = 1},
        {.name = "w", .rank = 4, .dims = {1, 2, 2, 1}, .data = weights, .size = sizeof(weights)},
        {.name = "b", .rank = 1, .dims = {1}, .data = bias, .size = sizeof(bias)},
        {.name = "c", .rank = 4, .dims = {1, 4, 4, 1}},
        {.name = "d", .rank = 4, .dims = {1, 4, 4, 1}},
        {.name = "p", .rank = 4, .dims = {1, 2, 2, 1}},
        {.name = "s",
         .type = TFL_INT32,
         .rank = 1,
         .dims = {2},
         .data = shape,
         .size = sizeof(shape)},
        {.name = "f", .rank = 2, .dims = {1, 4}},
        {.name = "fw", .rank = 2, .dims = {1, 4}, .data = weights, .size = sizeof(weights)},
        {.name = "y", .rank = 2, .dims = {1, 1}},
    };
#define N(number_)                              \
    {                                           \
        .kind = TFL_NUMBER, .number = (number_) \
    }
    const tfl_op ops[] = {
        {.code = 3,
         .version = 1,
         .options_type = 1,
         .options = {N(0), N(1), N(1), N(1)},
         .n_in = 3,
         .in = {0, 1, 2},
         .out = 3},
        {.code = 4,
         .version = 1,
         .options_type = 2,
         .options = {N(0), N(1), N(1), N(1)},
         .n_in = 2,
         .in = {3, 1},
         .out = 4},
        {.code = 1,
         .version = 1,
         .options_type = 5,
         .options = {N(1), N(2), N(2), N(2), N(2)},
         .n_in = 1,
         .in = {4},
         .out = 5},
        {.code = 22, .version = 1, .n_in = 2, .in = {5, 6}, .out = 7},
        {.code = 9,
         .version = 1,
         .options_type = 8,
         .options = {N(3)},
         .n_in = 3,
         .in = {7, 8, 2},
         .out = 9},
    };
    oc_buf b;
    tfl_write(&b, &(tfl_model){tensors, OC_COUNT(tensors), ops, OC_COUNT(ops), 0, 9, .schema = 3});
    oc_assert_ok(oc_file_replace(path, b.data, b.size));
    oc_buf_fini(&b);
}

static void onnx_survives(void **state)
{
    (void)state;
    write_onnx("hostile.onnx");
    hostile_run("onnx", "hostile.onnx", 5000, 4000, SEED);
    unlink("hostile.onnx");
}

static void tflite_survives(void **state)
{
    (void)state;
    write_tflite("hostile.tflite");
    hostile_run("tflite", "hostile.tflite", 5000, 4000, SEED);
    unlink("hostile.tflite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onnx_survives),
        cmocka_unit_test(tflite_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
