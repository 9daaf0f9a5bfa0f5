/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Public Darknet networks: every .cfg of the assets loads with a weights file of the right size and
 * of no other; shapes and operation counts are those of an independent program. Most weights are
 * not public, so the files here are sparse: header, then zeros.
 */
#include "oc_test.h"

#include <fcntl.h>
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

static void make_weights(uint64_t bytes)
{
    static const uint8_t header[HEADER_BYTES] = {[4] = 2};
    const int fd = open(weights, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    close(fd);
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
    make_weights(weight_bytes);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_counts),
        cmocka_unit_test(other_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
