/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Public Darknet networks: every .cfg of the assets loads with a weights file of the right size and
 * of no other; shapes and operation counts are those of an independent program. Most weights are
 * not public, so the files here are sparse: header, then zeros, which are all that loading needs.
 * Networks that are small enough are then run with seeded weights.
 */
#include "graph_eval.h"
#include "oc_load.h"
#include "oc_test.h"

#include <fcntl.h>
#include <math.h>
#include <offcut/offcut.h>
#include <stdio.h>
#include <unistd.h>

#define OUTPUTS_MAX 3
#define HEADER_BYTES 20 /* of version 0.2 */

/*
 * Numbers, and the convolutions' operations (two per multiply-add), as counted by a script in Python
 * that walks the .cfg files with Darknet's formulas; the counts of YOLOv2 and YOLOv2-tiny are also
 * those that their authors publish (29.46, 62.94 and 5.41 billion).
 */
static const struct {
    const char *cfg;
    uint64_t params, ops;
    const char *input;
    const char *outputs[OUTPUTS_MAX];
    int32_t side; /* asked for instead of the .cfg's; 0: as it says */
} nets[] = {
    {"alexnet", 62378344, 2153268288, "1x3x227x227", {"13_softmax 1x1000"}, 0},
    {"cifar", 7687050, 1624397824, "1x3x28x28", {"16_softmax 1x10"}, 0},
    {"darknet", 7323480, 964640768, "1x3x256x256", {"15_softmax 1x1000"}, 0},
    {"darknet19", 20856776, 7290748928, "1x3x256x256", {"25_softmax 1x1000"}, 0},
    {"darknet53", 41645640, 18570231808, "1x3x256x256", {"77_softmax 1x1000"}, 0},
    {"darknet53_448", 41645640, 56867110912, "1x3x448x448", {"77_softmax 1x1000"}, 0},
    {"densenet201", 17206440, 10848043008, "1x3x256x256", {"304_softmax 1x1000"}, 0},
    {"extraction", 23455400, 8518680576, "1x3x224x224", {"26_softmax 1x1000"}, 0},
    {"resnet101", 41870248, 19696451584, "1x3x256x256", {"136_softmax 1x1000"}, 0},
    {"resnet18", 11523496, 4688158720, "1x3x256x256", {"28_softmax 1x1000"}, 0},
    {"resnet34", 21639080, 9519996928, "1x3x256x256", {"52_softmax 1x1000"}, 0},
    {"resnet50", 22825896, 9741172736, "1x3x256x256", {"68_softmax 1x1000"}, 0},
    {"resnext50", 22312872, 10110271488, "1x3x256x256", {"68_softmax 1x1000"}, 0},
    {"strided", 85583400, 5194219520, "1x3x256x256", {"25_softmax 1x1000"}, 0},
    {"tiny", 1046488, 983048192, "1x3x224x224", {"21_softmax 1x1000"}, 0},
    {"vgg-16", 138357544, 30693261312, "1x3x256x256", {"24_softmax 1x1000"}, 0},
    {"vgg-conv", 14714688, 30693261312, "1x3x224x224", {"17_maxpool 1x512x7x7"}, 0},
    {"yolov1-tiny", 27099950, 3179151360, "1x3x448x448", {"15_detection 1x1470"}, 0},
    {"yolov1", 197328243, 40147222528, "1x3x448x448", {"31_detection 1x1715"}, 0},
    {"yolov2-tiny-voc", 15867885, 6971041792, "1x3x416x416", {"15_region 1x125x13x13"}, 0},
    {"yolov2-tiny", 11237145, 5406442496, "1x3x416x416", {"15_region 1x425x13x13"}, 0},
    {"yolov2-voc", 50676061, 29360334848, "1x3x416x416", {"31_region 1x125x13x13"}, 0},
    {"yolov2", 50983561, 62938253312, "1x3x608x608", {"31_region 1x425x19x19"}, 0},
    {"yolov2", 50983561, 29464168448, "1x3x416x416", {"31_region 1x425x13x13"}, 416},
    {"yolov3-spp",
     63052381,
     141448972288,
     "1x3x608x608",
     {"89_yolo 1x255x19x19", "101_yolo 1x255x38x38", "113_yolo 1x255x76x76"},
     0},
    {"yolov3-tiny",
     8858734,
     5564961792,
     "1x3x416x416",
     {"16_yolo 1x255x13x13", "23_yolo 1x255x26x26"},
     0},
    {"yolov3-voc",
     61678657,
     65427974144,
     "1x3x416x416",
     {"82_yolo 1x75x13x13", "94_yolo 1x75x26x26", "106_yolo 1x75x52x52"},
     0},
    {"yolov3",
     62001757,
     140691900416,
     "1x3x608x608",
     {"82_yolo 1x255x19x19", "94_yolo 1x255x38x38", "106_yolo 1x255x76x76"},
     0},
};

static const char weights[] = "sparse.weights";

/* Returns the file, to be closed. */
static int make_weights(uint64_t bytes)
{
    static const uint8_t header[HEADER_BYTES] = {[4] = 2};
    const int fd = open(weights, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    return fd;
}

/* With a weights file of so many bytes, which is gone again once the model is open. */
static oc_status open_net(size_t i, uint64_t weight_bytes, oc_model **model)
{
    char name[64];
    snprintf(name, sizeof(name), "darknet/cfg/%s.cfg", nets[i].cfg);
    const oc_test_path path = oc_test_asset(name);
    const oc_named_shape shape = {"data", {4, {1, 3, nets[i].side, nets[i].side}}};
    const oc_model_options options = {
        .weights = weights, .shapes = &shape, .n_shapes = nets[i].side ? 1 : 0};
    close(make_weights(weight_bytes));
    oc_status status = oc_model_open(path.text, &options, NULL, model);
    unlink(weights);
    return status;
}

static uint64_t convolution_ops(const oc_model *model, size_t n_nodes)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < n_nodes; i++) {
        const oc_node_info *node = oc_model_get_node(model, i);
        macs += strcmp(node->op, "conv2d") == 0 ? node->macs : 0;
    }
    return 2 * macs;
}

static void shapes_and_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < OC_COUNT(nets); i++) {
        char shape[OC_SHAPE_TEXT], text[OC_SHAPE_TEXT + 64];
        oc_model *model = NULL;
        oc_assert_ok(open_net(i, HEADER_BYTES + 4 * nets[i].params, &model));
        const oc_model_info *info = oc_model_get_info(model);
        print_message("%s: %.2f billion operations\n", nets[i].cfg, (double)nets[i].ops / 1e9);
        oc_shape_print(&info->inputs[0].desc.shape, shape, sizeof(shape));
        assert_string_equal(shape, nets[i].input);
        for (size_t k = 0; k < info->n_outputs; k++) {
            oc_shape_print(&info->outputs[k].desc.shape, shape, sizeof(shape));
            snprintf(text, sizeof(text), "%s %s", info->outputs[k].name, shape);
            assert_true(k < OUTPUTS_MAX);
            assert_string_equal(text, nets[i].outputs[k]);
            const bool is_detector =
                strstr(text, "yolo ") || strstr(text, "region ") || strstr(text, "detection ");
            assert_int_equal(info->outputs[k].detector != NULL, is_detector);
        }
        assert_true(info->n_outputs == OUTPUTS_MAX || !nets[i].outputs[info->n_outputs]);
        assert_true(convolution_ops(model, info->n_nodes) == nets[i].ops);
        oc_model_destroy(model);
    }
}

/* One number fewer or more than the layers have is another network's file. */
static void other_sizes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < OC_COUNT(nets); i++) {
        oc_model *model = NULL;
        if (nets[i].params > 12000000) /* they are read whole, for the digest */
            continue;
        const uint64_t bytes = HEADER_BYTES + 4 * nets[i].params;
        oc_assert_fails(open_net(i, bytes - 4, &model), OC_E_FORMAT, "expected");
        oc_assert_fails(open_net(i, bytes + 4, &model), OC_E_FORMAT,
                        "bytes for these layers, found");
        assert_null(model);
    }
}

/* ---- seeded weights --------------------------------------------------------------------------- */

/*
 * Elements between which numbers an array of that name and shape has. Weights keep the size of what
 * goes through a rectifier: their variance is 2 / fan-in (He et al. 2015, section 2.2).
 */
static void range_of(const oc_value *value, float *lo, float *hi)
{
    static const struct {
        const char *what;
        float lo, hi;
    } ranges[] = {{"/biases", -0.1f, 0.1f},
                  {"/scales", 0.8f, 1.2f},
                  {"/mean", -0.1f, 0.1f},
                  {"/variance", 0.5f, 1.5f}};
    const char *what = strrchr(value->name, '/');
    size_t elems;
    assert_non_null(what);
    for (size_t i = 0; i < OC_COUNT(ranges); i++)
        if (strcmp(what, ranges[i].what) == 0) {
            *lo = ranges[i].lo;
            *hi = ranges[i].hi;
            return;
        }
    assert_string_equal(what, "/weights");
    oc_assert_ok(oc_shape_elems(&value->desc.shape, &elems));
    *hi = sqrtf(6.0f * (float)value->desc.shape.dim[0] / (float)elems);
    *lo = -*hi;
}

/* Fills the arrays of the file that the graph reads when it is evaluated. */
static void seed_weights(const oc_graph *g, oc_rng *rng, int fd)
{
    static float block[1 << 16];
    for (size_t v = 0; v < g->n_values; v++) {
        const oc_const *constant = g->values[v].constant;
        size_t elems;
        float lo, hi;
        if (!constant || constant->kind != OC_CONST_FILE)
            continue;
        range_of(&g->values[v], &lo, &hi);
        oc_assert_ok(oc_shape_elems(&g->values[v].desc.shape, &elems));
        for (size_t at = 0; at < elems; at += OC_COUNT(block)) {
            const size_t count = OC_MIN(elems - at, OC_COUNT(block));
            const off_t offset = (off_t)(constant->offset + at * sizeof(*block));
            oc_rng_fill_floats(rng, block, count, lo, hi);
            assert_int_equal(pwrite(fd, block, count * sizeof(*block), offset),
                             count * sizeof(*block));
        }
    }
}

static void check_answer(const char *net, const oc_value *value, const oc_tensor *found)
{
    const float *data = found->data;
    size_t elems, others = 0;
    oc_assert_ok(oc_shape_elems(&value->desc.shape, &elems));
    for (size_t i = 0; i < elems; i++) {
        if (!isfinite(data[i]))
            fail_msg("%s: element %zu of %s is %g", net, i, value->name, (double)data[i]);
        others += data[i] != data[0];
    }
    if (others == 0)
        fail_msg("%s: every element of %s is %g", net, value->name, (double)data[0]);
}

/* Pictures as small as five halvings allow: what the layers do does not depend on the size. */
static void run_seeded(size_t i, oc_rng *rng)
{
    enum { SIDE = 32 };
    char name[64];
    snprintf(name, sizeof(name), "darknet/cfg/%s.cfg", nets[i].cfg);
    const oc_test_path path = oc_test_asset(name);
    const oc_named_shape shape = {"data", {4, {1, 3, SIDE, SIDE}}};
    const oc_model_options options = {.weights = weights, .shapes = &shape, .n_shapes = 1};
    oc_graph *g = NULL;
    oc_tensor in, out[OUTPUTS_MAX];
    const int fd = make_weights(HEADER_BYTES + 4 * nets[i].params);
    oc_assert_ok(oc_graph_load(path.text, &options, NULL, &g));
    seed_weights(g, rng, fd);
    close(fd);
    unlink(weights);
    oc_assert_ok(oc_tensor_alloc(&g->values[g->inputs[0]].desc, NULL, &in));
    oc_rng_fill_floats(rng, in.data, 3 * SIDE * SIDE, 0, 1);
    oc_assert_ok(graph_eval(g, &in, out));
    for (size_t k = 0; k < g->n_outputs; k++) {
        check_answer(nets[i].cfg, &g->values[g->outputs[k]], &out[k]);
        oc_tensor_free(&out[k], NULL);
    }
    oc_tensor_free(&in, NULL);
    oc_graph_destroy(g);
}

static void seeded_weights_give_answers(void **state)
{
    const uint64_t seed = 20;
    oc_rng rng = oc_rng_make(seed);
    size_t ran = 0;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < OC_COUNT(nets); i++)
        if (nets[i].params < 24000000 && !nets[i].side) {
            run_seeded(i, &rng);
            ran++;
        }
    assert_true(ran >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_counts),
        cmocka_unit_test(other_sizes_are_refused),
        cmocka_unit_test(seeded_weights_give_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
