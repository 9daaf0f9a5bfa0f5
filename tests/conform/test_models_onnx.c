/* SPDX-License-Identifier: Apache-2.0 */
/** The other public ONNX models: on PoCL, against the answers that came with them. */
#include "model_check.h"

LIGHT(densenet121)
LIGHT(inception_v1)
LIGHT(inception_v2)
LIGHT(shufflenet)
LIGHT(zfnet512)

static void super_resolution(void **state)
{
    (void)state;
    check_onnx("onnx/super_resolution_10/model.onnx",
               "onnx/super_resolution_10/test_data_set_0/input_0.pb",
               "onnx/super_resolution_10/test_data_set_0/output_0.pb");
}

/*
 * The answer that lies beside this model is the one of the network before it was quantised, which it
 * does not give (ONNX Runtime does not either): only the class is the same. The numbers are ONNX
 * Runtime 1.31.1's for the same input.
 */
static void mnist_quantized(void **state)
{
    (void)state;
    static const float expected[] = {-4.5398564f, -0.5572084f, 12.070601f, -7.532507f, 7.983591f,
                                     -6.2872815f, -1.055285f, -3.7793841f, -7.7281785f, -6.6445413f};
    static const char model[] = "onnx/mnist_quantized/model_quantized.onnx";
    oc_test_path path = oc_test_asset(model);
    oc_test_path input = oc_test_asset("onnx/mnist_quantized/test_data_set_0/input_0.pb");
    oc_test_path golden = oc_test_asset("onnx/mnist_quantized/test_data_set_0/output_0.pb");
    tensor_proto answer;
    oc_assert_ok(tensor_proto_read(golden.text, &answer));
    oc_tensor found = run_model(path.text, "pocl", input.text);
    check_close(model, found.data, expected, OC_COUNT(expected));
    assert_int_equal(best_class(found.data, OC_COUNT(expected)),
                     best_class(answer.tensor.data, OC_COUNT(expected)));
    oc_tensor_free(&found, NULL);
    oc_tensor_free(&answer.tensor, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnist_quantized), cmocka_unit_test(super_resolution),
        cmocka_unit_test(inception_v1),    cmocka_unit_test(inception_v2),
        cmocka_unit_test(shufflenet),      cmocka_unit_test(densenet121),
        cmocka_unit_test(zfnet512),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
