/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Public models are imported, and broken copies refused.
 */
#include "hostile.h"

static void import_asset(const char *name, const char *in, const char *out)
{
    oc_graph *g = NULL;
    oc_test_path path = oc_test_asset(name);
    oc_assert_ok(oc_import(path.text, NULL, NULL, &g));
    oc_assert_ok(oc_graph_compact(g));
    oc_assert_ok(oc_graph_verify(g));
    assert_int_equal(g->n_inputs, 1);
    assert_int_equal(g->n_outputs, 1);
    assert_shape(&g->values[g->inputs[0]].desc.shape, in);
    assert_shape(&g->values[g->outputs[0]].desc.shape, out);
    oc_graph_destroy(g);
}

static void models_are_imported(void **state)
{
    (void)state;
    static const char image[] = "1x3x224x224";
    import_asset("tflite/mobilenet_v1_0.25_224_1_default_1.tflite", "1x224x224x3", "1x1001");
    import_asset("tflite/pretrainedResnet.tflite", "1x32x32x3", "1x10");
    import_asset("tflite/vww_96_float.tflite", "1x96x96x3", "1x2");
    import_asset("tflite/mobilenet_v1_0.25_224_quant.tflite", "1x224x224x3", "1x1001");
    import_asset("tflite/mobilenet_v1_0.25_128_quant.tflite", "1x128x128x3", "1x1001");
    import_asset("tflite/tf2_mobilenet_v2_1.0_224_ptq.tflite", "1x224x224x3", "1x1001");
    import_asset("tflite/pretrainedResnet_quant.tflite", "1x32x32x3", "1x10");
    import_asset("tflite/pretrainedResnet_large_int8.tflite", "1x32x32x3", "1x10");
    import_asset("tflite/vww_96_int8.tflite", "1x96x96x3", "1x2");
    import_asset("onnx/mnist_8/model.onnx", "1x1x28x28", "1x10");
    import_asset("onnx/mnist_quantized/model_quantized.onnx", "1x1x28x28", "1x10");
    import_asset("onnx/super_resolution_10/model.onnx", "1x1x224x224", "1x1x672x672");
    import_asset("onnx/light/light_bvlc_alexnet.onnx", image, "1x1000");
    import_asset("onnx/light/light_densenet121.onnx", image, "1x1000x1x1");
    import_asset("onnx/light/light_inception_v1.onnx", image, "1x1000");
    import_asset("onnx/light/light_inception_v2.onnx", image, "1x1000");
    import_asset("onnx/light/light_resnet50.onnx", image, "1x1000");
    import_asset("onnx/light/light_shufflenet.onnx", image, "1x1000");
    import_asset("onnx/light/light_squeezenet.onnx", image, "1x1000x1x1");
    import_asset("onnx/light/light_vgg19.onnx", image, "1x1000");
    import_asset("onnx/light/light_zfnet512.onnx", image, "1x1000");
}

/* Elements of a TensorProto file with raw_data, as the test vectors have it. */
static void read_vector(const char *name, const oc_desc *desc, oc_tensor *tensor)
{
    oc_test_path path = oc_test_asset(name);
    oc_bytes bytes;
    oc_wire wire;
    oc_wire_field f;
    bool more;
    size_t size;
    oc_assert_ok(oc_file_slurp(path.text, 1 << 24, NULL, &bytes));
    oc_assert_ok(oc_tensor_alloc(desc, NULL, tensor));
    oc_assert_ok(oc_desc_bytes(desc, &size));
    oc_wire_init(&wire, bytes);
    for (oc_assert_ok(oc_wire_next(&wire, &f, &more)); more;
         oc_assert_ok(oc_wire_next(&wire, &f, &more)))
        if (f.number == 9) {
            assert_int_equal(f.bytes.size, size);
            memcpy(tensor->data, f.bytes.data, size);
            size = 0;
        }
    assert_int_equal(size, 0);
    oc_free(NULL, (void *)(uintptr_t)bytes.data);
}

static void compare_vector(oc_graph *g, const char *in_name, const char *out_name)
{
    oc_tensor in, expected, found;
    float largest = 0;
    read_vector(in_name, &g->values[g->inputs[0]].desc, &in);
    read_vector(out_name, &g->values[g->outputs[0]].desc, &expected);
    oc_assert_ok(graph_eval(g, &in, &found));
    const float *a = expected.data, *b = found.data;
    for (int i = 0; i < 10; i++)
        largest = OC_MAX(largest, a[i] < 0 ? -a[i] : a[i]);
    for (int i = 0; i < 10; i++)
        assert_true(a[i] - b[i] < 1e-6f * largest && b[i] - a[i] < 1e-6f * largest);
    oc_tensor_free(&in, NULL);
    oc_tensor_free(&expected, NULL);
    oc_tensor_free(&found, NULL);
}

static void mnist_gives_the_official_answers(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_test_path path = oc_test_asset("onnx/mnist_8/model.onnx");
    oc_assert_ok(oc_import(path.text, NULL, NULL, &g));
    oc_assert_ok(oc_graph_compact(g));
    for (int i = 0; i < 3; i++) {
        char in[80], out[80];
        snprintf(in, sizeof(in), "onnx/mnist_8/test_data_set_%d/input_0.pb", i);
        snprintf(out, sizeof(out), "onnx/mnist_8/test_data_set_%d/output_0.pb", i);
        compare_vector(g, in, out);
    }
    oc_graph_destroy(g);
}

static void broken_copies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *importer, *name;
    } models[] = {
        {"onnx", "onnx/mnist_8/model.onnx"},
        {"onnx", "onnx/light/light_bvlc_alexnet.onnx"},
        {"onnx", "onnx/light/light_squeezenet.onnx"},
        {"tflite", "tflite/pretrainedResnet.tflite"},
    };
    for (size_t i = 0; i < OC_COUNT(models); i++) {
        oc_test_path path = oc_test_asset(models[i].name);
        hostile_run(models[i].importer, path.text, 300, 2000, i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_are_imported),
        cmocka_unit_test(mnist_gives_the_official_answers),
        cmocka_unit_test(broken_copies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
