/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The project's own networks against other runtimes: the values before the softmax, which LiteRT (LeNet) and ONNX Runtime
 * (the generated ones) gave; tests/models/README.md names versions and commands. On the reference device and on PoCL.
 */
#include "oc_exec.h"
#include "oc_load.h"
#include "oc_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-5 /* of the largest answer */

static const char *const devices[] = {"reference", "pocl"};

/* Value `name` of the model for one input. */
static void value_of(oc_exec *exec, const char *name, const void *input, oc_tensor *found)
{
    const oc_graph *g = oc_exec_graph(exec);
    oc_id value = oc_graph_find_value(g, name), *order = calloc(g->n_nodes, sizeof(*order));
    oc_lane *lane = NULL;
    size_t in_bytes, out_bytes;
    assert_true(value != OC_NONE);
    for (size_t n = 0; n < g->n_nodes; n++)
        order[n] = (oc_id)n;
    oc_assert_ok(oc_lane_create(exec, order, g->n_nodes, &value, 1, NULL, &lane));
    oc_assert_ok(oc_tensor_alloc(&g->values[value].desc, NULL, found));
    oc_assert_ok(oc_desc_bytes(&g->values[g->inputs[0]].desc, &in_bytes));
    oc_assert_ok(oc_desc_bytes(&found->desc, &out_bytes));
    oc_assert_ok(oc_lane_write(lane, g->inputs[0], input, in_bytes));
    oc_assert_ok(oc_lane_submit(lane, 0, g->n_nodes));
    oc_assert_ok(oc_lane_read(lane, value, found->data, out_bytes));
    oc_assert_ok(oc_lane_wait(lane, OC_NEVER_NS));
    oc_lane_destroy(lane);
    free(order);
}

static void check_row(const char *what, const float *found, const float *expected, size_t count)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        worst = fmax(worst, fabs((double)found[i] - (double)expected[i]));
    }
    print_message("%s: largest %.4g, worst difference %.2g of it\n", what, largest, worst / largest);
    if (!(worst <= TOLERANCE * largest))
        fail_msg("%s: off by %g of the largest answer, allowed are %g", what, worst / largest, TOLERANCE);
}

static void check_network(const char *model, const char *inputs, const char *answers, const char *value)
{
    oc_graph *graph = NULL;
    oc_tensor in, expected;
    oc_assert_ok(oc_graph_load(model, NULL, NULL, &graph));
    oc_assert_ok(oc_npy_read(inputs, NULL, NULL, &in));
    oc_assert_ok(oc_npy_read(answers, NULL, NULL, &expected));
    size_t rows = (size_t)expected.desc.shape.dim[0], classes = (size_t)expected.desc.shape.dim[1], elems;
    oc_assert_ok(oc_shape_elems(&in.desc.shape, &elems));
    for (size_t d = 0; d < OC_COUNT(devices); d++) {
        oc_dev *dev = NULL;
        oc_exec *exec = NULL;
        oc_assert_ok(oc_dev_open(devices[d], NULL, NULL, &dev));
        oc_assert_ok(oc_exec_create(graph, dev, NULL, NULL, NULL, NULL, &exec));
        for (size_t row = 0; row < rows; row++) {
            oc_tensor found;
            char what[200];
            snprintf(what, sizeof(what), "%s, input %zu, %s", graph->name, row, devices[d]);
            value_of(exec, value, (const float *)in.data + row * (elems / rows), &found);
            check_row(what, found.data, (const float *)expected.data + row * classes, classes);
            oc_tensor_free(&found, NULL);
        }
        oc_exec_destroy(exec);
        oc_dev_close(dev);
    }
    oc_tensor_free(&in, NULL);
    oc_tensor_free(&expected, NULL);
    oc_graph_destroy(graph);
}

static void lenet_as_litert(void **state)
{
    (void)state;
    oc_test_path model = oc_test_source("tests/models/lenet5.tflite");
    oc_test_path inputs = oc_test_source("tests/models/lenet5_golden_in.npy");
    oc_test_path answers = oc_test_source("tests/models/lenet5_golden_scores.npy");
    check_network(model.text, inputs.text, answers.text, "fc3");
}

/* The networks are written into the folder that the test runs in. */
static void generated_as_onnx_runtime(void **state)
{
    (void)state;
    char command[1200];
    oc_test_path residual = oc_test_source("tests/models/residual_golden.npy");
    oc_test_path concat = oc_test_source("tests/models/concat_golden.npy");
    snprintf(command, sizeof(command), "\"%s\" .", getenv("GENERATE_MODELS"));
    assert_int_equal(system(command), 0);
    check_network("residual.onnx", "residual_input.npy", residual.text, "fc");
    check_network("concat.onnx", "concat_input.npy", concat.text, "fc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lenet_as_litert),
        cmocka_unit_test(generated_as_onnx_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
