/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Real models on PoCL. ONNX ones against the answers that came with them (within 1e-4 of the largest output, and the
 * same best class); TensorFlow Lite ones, which came without, against the reference device, bit for bit.
 */
#include "model_check.h"

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
