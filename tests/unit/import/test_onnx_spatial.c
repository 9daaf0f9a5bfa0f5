/* SPDX-License-Identifier: Apache-2.0 */
/** ONNX's spatial operators over one axis and over three, where the two of ours do the work. */
#include "onnx_test.h"

static const float ones[64] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};

static void one_axis(void **state)
{
    (void)state;
    static const float weights[] = {1, 10, 100, 1000};
    onnx_writer w = begin(DIMS(1, 2, 3));
    onnx_writer_floats(&w, "w", DIMS(1, 2, 2), weights);
    onnx_writer_node(&w, "Conv", "c", NAMES("x", "w"), "y", ATTRS(INTS("pads", 1, 0)));
    /* 1 2 3 / 4 5 6 */
    check(&w, 13, nine, "1x1x3", (float[]){10 + 4000, 21 + 5400, 32 + 6500});
    w = begin(DIMS(1, 2, 3));
    onnx_writer_node(&w, "MaxPool", "p", NAMES("x"), "y",
                     ATTRS(INTS("kernel_shape", 2), INTS("strides", 2), INT("ceil_mode", 1)));
    check(&w, 13, nine, "1x2x2", (float[]){2, 3, 5, 6});
    w = begin(DIMS(1, 2, 3));
    onnx_writer_node(&w, "AveragePool", "p", NAMES("x"), "y",
                     ATTRS(INTS("kernel_shape", 2), INTS("pads", 1, 0)));
    check(&w, 13, nine, "1x2x3", (float[]){1, 1.5f, 2.5f, 4, 4.5f, 5.5f});
}

static const float cube[] = {1, 2, 3, 4, 5, 6, 7, 8};

static void three_axes(void **state)
{
    (void)state;
    static const float weights[] = {1, 10, 100, 1000, 2, 20, 200, 2000, 0, 0, 0, 1, 0, 0, 0, 0},
                       bias[] = {0.5f, -1};
    onnx_writer w = begin(DIMS(1, 1, 2, 2, 2));
    onnx_writer_floats(&w, "w", DIMS(2, 1, 2, 2, 2), weights);
    onnx_writer_floats(&w, "b", DIMS(2), bias);
    onnx_writer_node(&w, "Conv", "c", NAMES("x", "w", "b"), "y",
                     ATTRS(INTS("pads", 1, 0, 0, 0, 0, 0)));
    check(&w, 13, cube, "1x2x2x1x1", (float[]){0.5f + 2 * 4321, 0.5f + 4321 + 2 * 8765, -1, 3});
    w = begin(DIMS(1, 1, 2, 2, 2));
    onnx_writer_node(&w, "MaxPool", "p", NAMES("x"), "y",
                     ATTRS(INTS("kernel_shape", 2, 1, 2), INTS("pads", 1, 0, 0, 0, 0, 0)));
    check(&w, 13, cube, "1x1x2x2x1", (float[]){2, 4, 6, 8});
    w = begin(DIMS(1, 1, 2, 2, 2));
    onnx_writer_node(&w, "AveragePool", "p", NAMES("x"), "y",
                     ATTRS(INTS("kernel_shape", 2, 2, 2), INTS("pads", 1, 0, 0, 0, 0, 0)));
    check(&w, 13, cube, "1x1x2x1x1", (float[]){2.5f, 4.5f});
    w = begin(DIMS(1, 1, 2, 2, 2));
    onnx_writer_node(&w, "AveragePool", "p", NAMES("x"), "y",
                     ATTRS(INTS("kernel_shape", 2, 2, 2), INTS("pads", 1, 0, 0, 0, 0, 0),
                           INT("count_include_pad", 1)));
    check(&w, 13, cube, "1x1x2x1x1", (float[]){1.25f, 4.5f});
}

static void places_of_the_largest(void **state)
{
    (void)state;
    for (int order = 0; order <= 1; order++) {
        onnx_writer w = begin(DIMS(1, 1, 2, 4));
        onnx_writer_node_of(
            &w, "MaxPool", "p", NAMES("x"), NAMES("largest", "places"),
            ATTRS(INTS("kernel_shape", 2, 2), INTS("strides", 2, 2), INT("storage_order", order)));
        onnx_writer_node(&w, "Cast", "c", NAMES("places"), "y", ATTRS(INT("to", 1)));
        check(&w, 13, (float[]){1, 9, 2, 3, 4, 5, 8, 7}, "1x1x1x2",
              order ? (float[]){2, 5} : (float[]){1, 6});
    }
    onnx_writer w = begin(DIMS(1, 1, 2, 2, 2));
    onnx_writer_node_of(&w, "MaxPool", "p", NAMES("x"), NAMES("y", "places"),
                        ATTRS(INTS("kernel_shape", 1, 1, 1)));
    refuse(&w, 13, OC_E_UNSUPPORTED, "indices of MaxPool over 3 axes are not supported");
}

static void normalised_by_image_and_channel(void **state)
{
    (void)state;
    static const float scale[] = {1, 10}, bias[] = {0, 1};
    onnx_writer w = begin(DIMS(1, 2, 2));
    onnx_writer_floats(&w, "s", DIMS(2), scale);
    onnx_writer_floats(&w, "b", DIMS(2), bias);
    onnx_writer_node(&w, "InstanceNormalization", "n", NAMES("x", "s", "b"), "y",
                     ATTRS(FLOAT("epsilon", 0)));
    check(&w, 13, (float[]){1, 3, 10, 20}, "1x2x2", (float[]){-1, 1, -9, 11});
}

static void other_ranks_are_refused(void **state)
{
    (void)state;
    onnx_writer w = begin(DIMS(1, 1, 2, 2, 2, 2));
    onnx_writer_node(&w, "MaxPool", "p", NAMES("x"), "y", ATTRS(INTS("kernel_shape", 1, 1, 1, 1)));
    refuse(&w, 13, OC_E_UNSUPPORTED,
           "MaxPool over 4 spatial axes (an input of rank 6) is not supported, only over 1 to 3");
    w = begin(DIMS(1, 1, 2, 2));
    onnx_writer_floats(&w, "w", DIMS(1, 1, 2), ones);
    onnx_writer_node(&w, "Conv", "c", NAMES("x", "w"), "y", NULL);
    refuse(&w, 13, OC_E_SHAPE, "node \"c\": expected weights of rank 4, found 3");
}

/*
 * ---- resizing ----------------------------------------------------------------------------------
 */

static void check_resize(size_t rank, const int64_t *dims, const float *scales, const char *shape,
                         const float *expected)
{
    onnx_writer w = begin(rank, dims);
    onnx_writer_floats(&w, "scales", DIMS(4), scales);
    onnx_writer_node(&w, "Resize", "r", NAMES("x", "scales"), "y", NULL);
    check(&w, 10, nine, shape, expected);
}

/* The first is the example of Resize in opset 10. */
static void resized_as_opset_10_has_it(void **state)
{
    (void)state;
    check_resize(DIMS(1, 1, 2, 4), (float[]){1, 1, 0.6f, 0.6f}, "1x1x1x2", (float[]){1, 3});
    check_resize(DIMS(1, 1, 2, 4), (float[]){1, 1, 2, 0.6f}, "1x1x4x2",
                 (float[]){1, 3, 1, 3, 5, 7, 5, 7});
    /* 3 * 1.6666666f is 5 as a float, and below 5 otherwise. */
    check_resize(DIMS(1, 1, 1, 3), (float[]){1, 1, 1, 1.6666666f}, "1x1x1x5",
                 (float[]){1, 1, 2, 2, 3});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_axis),
        cmocka_unit_test(three_axes),
        cmocka_unit_test(places_of_the_largest),
        cmocka_unit_test(normalised_by_image_and_channel),
        cmocka_unit_test(resized_as_opset_10_has_it),
        cmocka_unit_test(other_ranks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
