/* SPDX-License-Identifier: Apache-2.0 */
/** Darknet's layers against answers that were worked out by hand, and files that are refused. */
#include "import_test.h"

#define NET(c_, h_, w_) "[net]\nchannels=" #c_ "\nheight=" #h_ "\nwidth=" #w_ "\n"

static oc_status import_dk(const char *cfg, const float *weights, size_t n_weights, size_t cut,
                           oc_graph **graph)
{
    char cfg_path[64], path[64];
    uint8_t file[20 + 64 * sizeof(float)] = {[4] = 2}; /* version 0.2, nothing seen */
    assert_true(n_weights <= 64);
    if (n_weights > 0)
        memcpy(file + 20, weights, n_weights * sizeof(float));
    snprintf(cfg_path, sizeof(cfg_path), "net-%ld.cfg", (long)getpid());
    snprintf(path, sizeof(path), "net-%ld.weights", (long)getpid());
    oc_assert_ok(oc_file_replace(cfg_path, cfg, strlen(cfg)));
    oc_assert_ok(oc_file_replace(path, file, 20 + n_weights * sizeof(float) - cut));
    oc_status status = oc_import(cfg_path, NULL, NULL, graph);
    if (status == OC_OK)
        status = oc_graph_compact(*graph);
    unlink(path);
    unlink(cfg_path);
    return status;
}

/* The network gives `expected` of shape `shape` for `in`. */
static void check(const char *cfg, const float *weights, size_t n_weights, const float *in,
                  const char *shape, const float *expected)
{
    oc_graph *g = NULL;
    oc_assert_ok(import_dk(cfg, weights, n_weights, 0, &g));
    assert_eval(g, in, shape, expected);
    oc_graph_destroy(g);
}

#define FLOATS(...) ((const float[]){__VA_ARGS__})
#define WEIGHTS(...) FLOATS(__VA_ARGS__), sizeof(FLOATS(__VA_ARGS__)) / sizeof(float)
#define NO_WEIGHTS NULL, 0

static const float ramp[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void reorg(void **state)
{
    (void)state;
    /* [4,2,2] read as [1,4,4]: block k = 2 (row % 2) + column % 2, its pixels in order. */
    check(NET(4, 2, 2) "[reorg]\nstride=2\n", NO_WEIGHTS, ramp, "1x16x1x1",
          FLOATS(0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15));
    check(NET(4, 2, 2) "[reorg]\nstride=2\nreverse=1\n", NO_WEIGHTS, ramp, "1x1x4x4",
          FLOATS(0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15));
}

static void maxpool_pads_behind(void **state)
{
    (void)state;
    check(NET(1, 3, 3) "[maxpool]\nsize=2\nstride=1\n", NO_WEIGHTS, ramp, "1x1x3x3",
          FLOATS(4, 5, 5, 7, 8, 8, 7, 8, 8));
    /* Three pixels, one of two padded ones before: windows begin at -1 and 1. */
    check(NET(1, 4, 4) "[maxpool]\nsize=3\nstride=2\n", NO_WEIGHTS, ramp, "1x1x2x2",
          FLOATS(5, 7, 13, 15));
    check(NET(1, 4, 4) "[maxpool]\nsize=3\nstride=1\npadding=0\n", NO_WEIGHTS, ramp, "1x1x2x2",
          FLOATS(10, 11, 14, 15));
}

static void shortcuts_of_other_sizes(void **state)
{
    (void)state;
    static const char from_larger[] =
        NET(1, 4, 4) "[maxpool]\n[maxpool]\nsize=2\nstride=2\n[shortcut]\nfrom=-2\n";
    /* Blocks have the maxima 5 7 13 15; every second pixel of every second row is 0 2 8 10. */
    check(from_larger, NO_WEIGHTS, ramp, "1x1x2x2", FLOATS(5, 9, 21, 25));
    char from_smaller[400];
    snprintf(from_smaller, sizeof(from_smaller), "%s[upsample]\n[shortcut]\nfrom=1\n", from_larger);
    check(from_smaller, NO_WEIGHTS, ramp, "1x1x4x4",
          FLOATS(10, 5, 16, 9, 5, 5, 9, 9, 34, 21, 40, 25, 21, 21, 25, 25));
}

static void convolution(void **state)
{
    (void)state;
    /* bias, scale, mean, variance, weight: (3x - 1) / (2 + .000001) * 2 + .5, times .1 below 0 */
    check(NET(1, 1, 3) "[convolutional]\nbatch_normalize=1\nactivation=leaky\n",
          WEIGHTS(0.5f, 2, 1, 4, 3), FLOATS(1, 2, -1), "1x1x1x3", FLOATS(2.5f, 5.5f, -0.35f));
    /* The variance is nothing: what divides is the epsilon alone, .000001. */
    check(NET(1, 1, 1) "[convolutional]\nbatch_normalize=1\nactivation=linear\n",
          WEIGHTS(0, 1e-6f, 0, 0, 1), FLOATS(3), "1x1x1x1", FLOATS(3));
    /* [O,I,H,W]: 1 10 100 for the first, 2 20 200 for the second channel. */
    check(NET(2, 1, 3) "[convolutional]\nsize=3\npad=1\nactivation=relu\n",
          WEIGHTS(7, 0, 0, 0, 1, 10, 100, 0, 0, 0, 0, 0, 0, 2, 20, 200, 0, 0, 0),
          FLOATS(1, 2, 3, 0, 1, 0), "1x1x1x3", FLOATS(417, 348, 41));
    check(NET(2, 1, 1) "[convolutional]\nfilters=2\ngroups=2\nactivation=linear\n",
          WEIGHTS(0, 0, 5, 7), FLOATS(1, 2), "1x2x1x1", FLOATS(5, 14));
}

static void connected(void **state)
{
    (void)state;
    check(NET(2, 1, 2) "[connected]\nactivation=linear\n", WEIGHTS(0.5f, 1, 10, 100, 1000),
          FLOATS(1, 2, 3, 4), "1x1", FLOATS(4321.5f));
    /* The statistics come behind the weights: (21 - 1) / (2 + .000001) * 2 - 1 */
    check(NET(2, 1, 1) "[connected]\nbatch_normalize=1\nactivation=linear\n",
          WEIGHTS(-1, 1, 10, 2, 1, 4), FLOATS(1, 2), "1x1", FLOATS(18.99999f));
}

static void local(void **state)
{
    (void)state;
    /* biases; nine taps of each pixel, of which only the middle row lies in the picture */
    check(NET(1, 1, 2) "[local]\nsize=3\npad=1\nactivation=linear\n",
          WEIGHTS(0.5f, 0.25f, 9, 9, 9, 9, 1, 10, 9, 9, 9, 9, 9, 9, 100, 1000, 9, 9, 9, 9),
          FLOATS(1, 2), "1x1x1x2", FLOATS(21.5f, 2100.25f));
}

static void joining(void **state)
{
    (void)state;
    check(NET(4, 1, 1) "[maxpool]\n[route]\nlayers=-1,0\ngroups=2\ngroup_id=1\n", NO_WEIGHTS, ramp,
          "1x4x1x1", FLOATS(2, 3, 2, 3));
    check(NET(2, 1, 2) "[maxpool]\n[avgpool]\n[scale_channels]\nfrom=0\n", NO_WEIGHTS,
          FLOATS(1, 3, 2, 6), "1x2x1x2", FLOATS(2, 6, 8, 24));
    check(NET(1, 4, 4) "[crop]\ncrop_width=2\ncrop_height=2\n", NO_WEIGHTS, ramp, "1x1x2x2",
          FLOATS(9, 11, 17, 19));
}

static void heads(void **state)
{
    (void)state;
    check(NET(2, 1, 1) "[softmax]\ntemperature=2\n[cost]\n", NO_WEIGHTS, FLOATS(0, 2.1972246f),
          "1x2", FLOATS(0.25f, 0.75f));
    check(NET(6, 1, 1) "[yolo]\nclasses=1\nanchors=2,4\n", NO_WEIGHTS,
          FLOATS(0, 0, 0.5f, -3, 0, 1.0986123f), "1x6x1x1",
          FLOATS(0.5f, 0.5f, 0.5f, -3, 0.5f, 0.75f));
    check(NET(7, 1, 1) "[region]\nclasses=2\nsoftmax=1\nanchors=2,4\n", NO_WEIGHTS,
          FLOATS(0, 0, 1, 2, 0, 0, 1.0986123f), "1x7x1x1",
          FLOATS(0.5f, 0.5f, 1, 2, 0.5f, 0.25f, 0.75f));
    /* One cell of two classes and one box: the classes come first. */
    check(NET(7, 1, 1) "[detection]\nside=1\nclasses=2\nsoftmax=1\n", NO_WEIGHTS,
          FLOATS(1.0986123f, 0, 2, 3, 4, 5, 6), "1x7", FLOATS(0.75f, 0.25f, 2, 3, 4, 5, 6));
}

static void detectors_are_described(void **state)
{
    (void)state;
    oc_graph *g = NULL;
    oc_assert_ok(import_dk(NET(6, 2, 3) "[yolo]\nclasses=1\nnum=2\nmask=1\nanchors=2,4, 6,8\n"
                                        "scale_x_y=1.5\n",
                           NO_WEIGHTS, 0, &g));
    const oc_detector *d = g->values[g->outputs[0]].detector;
    assert_non_null(d);
    assert_int_equal(d->kind, OC_DETECTOR_YOLO);
    assert_int_equal(d->n_anchors, 1);
    assert_true(d->anchors[0] == 6 && d->anchors[1] == 8 && d->scale_xy == 1.5f);
    assert_true(d->input_w == 3 && d->input_h == 2);
    oc_graph_destroy(g);
}

/* What is wrong is named with its line. */
static void bad_text(void **state)
{
    (void)state;
    static const struct {
        const char *cfg;
        oc_status status;
        const char *text;
    } bad[] = {
        {"[net]\n", OC_E_FORMAT, "expected [net] and layers"},
        {"[net]\nwidth\n[maxpool]\n", OC_E_FORMAT, "line 2: expected key=value or [type], found"},
        {"[net]\nwidth=2\n[maxpool]\n", OC_E_FORMAT, "expected channels, height and width"},
        {NET(1, 2, x) "[maxpool]\n", OC_E_FORMAT, "line 4: [net] width: expected a whole number"},
        {NET(1, 2, 2) "[maxpool\n", OC_E_FORMAT, "line 5: expected [type], found \"[maxpool\""},
        {NET(1, 2, 2) "[gru]\n[lstm]\n", OC_E_UNSUPPORTED, "operator gru; node \"line 6\""},
        {NET(1, 2, 2) "[maxpool]\ndepth=1\n", OC_E_UNSUPPORTED, "line 6: [maxpool] depth=1"},
        {NET(2, 1, 1) "[softmax]\ntemperature=0\n", OC_E_FORMAT,
         "[softmax] temperature: expected a size of 1.17549e-38 and more, found 0"},
        {NET(2, 1, 1) "[softmax]\ntemperature=-1e-39\n", OC_E_FORMAT,
         "[softmax] temperature: expected a size of 1.17549e-38 and more, found -1e-39"},
        {NET(1, 2, 2) "[maxpool]\nsize=0\n", OC_E_FORMAT, "line 6: [maxpool] size: expected 1 to"},
        {NET(1, 2, 2) "[route]\nlayers=0\n", OC_E_FORMAT, "a layer before number 0"},
        {NET(3, 2, 2) "[reorg]\nstride=2\n", OC_E_SHAPE, "found 2"},
        /* Products of sizes that no int32_t holds. */
        {NET(1, 65536, 65536) "[local]\nsize=65536\n", OC_E_UNSUPPORTED, "size: expected at most 8"},
        {NET(1, 65536, 65536) "[local]\nsize=1\n", OC_E_LIMIT, "65536 x 65536 pixels are too"},
        {NET(65536, 256, 256) "[reorg]\nstride=256\n", OC_E_LIMIT, "256 is too large for 65536"},
        {NET(5, 2, 2) "[yolo]\nclasses=1\nanchors=1,2\n", OC_E_FORMAT, "expected 6 channels"},
        {NET(6, 2, 2) "[yolo]\nclasses=1\nanchors=1\n", OC_E_FORMAT, "expected 2 numbers"},
        {NET(1, 2, 2) "[convolutional]\nactivation=odd\n", OC_E_FORMAT, "expected 4 bytes"},
    };
    for (size_t i = 0; i < OC_COUNT(bad); i++) {
        oc_graph *g = NULL;
        oc_assert_fails(import_dk(bad[i].cfg, NO_WEIGHTS, 0, &g), bad[i].status, bad[i].text);
        assert_null(g);
    }
}

static void bad_weights(void **state)
{
    (void)state;
    static const char cfg[] = NET(1, 1, 1) "[convolutional]\nactivation=linear\n";
    static const float weights[3] = {1, 2, 3};
    oc_graph *g = NULL;
    oc_assert_fails(
        import_dk(cfg, weights, 1, 0, &g), OC_E_FORMAT,
        "weights of layer 0_convolutional: expected 4 bytes (1x1x1x1) at offset 24, found 0");
    oc_assert_fails(import_dk(cfg, weights, 2, 1, &g), OC_E_FORMAT, "found 3");
    oc_assert_fails(import_dk(cfg, weights, 3, 0, &g), OC_E_FORMAT,
                    "expected 28 bytes for these layers, found 32");
    oc_assert_fails(import_dk(cfg, NO_WEIGHTS, 9, &g), OC_E_FORMAT, "expected a header");
    oc_assert_fails(import_bytes(cfg, strlen(cfg), "cfg", NULL, &g), OC_E_IO,
                    "expected the network's weights beside it");
    assert_null(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reorg),
        cmocka_unit_test(maxpool_pads_behind),
        cmocka_unit_test(shortcuts_of_other_sizes),
        cmocka_unit_test(convolution),
        cmocka_unit_test(connected),
        cmocka_unit_test(local),
        cmocka_unit_test(joining),
        cmocka_unit_test(heads),
        cmocka_unit_test(detectors_are_described),
        cmocka_unit_test(bad_text),
        cmocka_unit_test(bad_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
