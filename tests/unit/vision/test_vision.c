/* SPDX-License-Identifier: Apache-2.0 */
/** Boxes decoded by hand, suppression, drawing, masks, letterboxes. */
#include "oc_test.h"
#include "oc_vision.h"

#include <math.h>
#include <unistd.h>

static const float anchor[2] = {16, 32};

static void assert_box(const oc_detection *d, int32_t class_index, float score, float left,
                       float top, float right, float bottom)
{
    const float found[] = {d->score, d->left, d->top, d->right, d->bottom};
    const float expected[] = {score, left, top, right, bottom};
    assert_int_equal(d->class_index, class_index);
    for (size_t i = 0; i < OC_COUNT(found); i++)
        if (fabsf(found[i] - expected[i]) > 1e-4f)
            fail_msg("number %zu: expected %g, found %g", i, (double)expected[i], (double)found[i]);
}

/* Planes x y w h objectness class of 2 x 2 cells; only the lower left one has something. */
static float planes[6][2][2] = {
    [0] = {{0}, {0.5f}}, [1] = {{0}, {0.5f}}, [4] = {{0}, {0.9f}}, [5] = {{0}, {0.8f}}};

static void yolo(void **state)
{
    (void)state;
    const oc_detector d = {.kind = OC_DETECTOR_YOLO,
                           .n_anchors = 1,
                           .n_classes = 1,
                           .anchors = anchor,
                           .input_w = 64,
                           .input_h = 64,
                           .scale_xy = 1};
    const oc_detector *list[] = {&d};
    const oc_tensor output = {{OC_DTYPE_float32, {4, {1, 6, 2, 2}}}, planes};
    oc_detect_options o = {.threshold = 0.5f, .overlap = 0.5f, .width = 128, .height = 64};
    oc_detections found;
    /* The middle is at 16, 48 of 64; the box is the anchor. Stretched: twice as wide. */
    oc_assert_ok(oc_detect(list, &output, 1, &o, NULL, &found));
    assert_int_equal(found.count, 1);
    assert_box(&found.items[0], 0, 0.72f, 16, 32, 48, 64);
    oc_detections_free(&found, NULL);
    /* Letterboxed: the picture lies in rows 16 to 48 of the input. */
    const oc_image_place place = oc_image_letterbox_place(128, 64, 64, 64);
    assert_true(place.left == 0 && place.top == 16 && place.width == 64 && place.height == 32);
    o.place = &place;
    oc_assert_ok(oc_detect(list, &output, 1, &o, NULL, &found));
    assert_box(&found.items[0], 0, 0.72f, 16, 32, 48, 96);
    oc_detections_free(&found, NULL);
    o.threshold = 0.73f;
    oc_assert_ok(oc_detect(list, &output, 1, &o, NULL, &found));
    assert_int_equal(found.count, 0);
    oc_detections_free(&found, NULL);
    o.threshold = 2;
    oc_assert_fails(oc_detect(list, &output, 1, &o, NULL, &found), OC_E_ARG, "0 to 1");
}

/* More boxes than are compared with each other: the best ones count, and it is said how many did not. */
static void too_many_boxes(void **state)
{
    enum { CELLS = OC_DETECTIONS_MAX + 7 };
    static float numbers[6][CELLS];
    const oc_detector d = {.kind = OC_DETECTOR_REGION,
                           .n_anchors = 1,
                           .n_classes = 1,
                           .anchors = anchor,
                           .input_w = CELLS,
                           .input_h = 32,
                           .scale_xy = 1};
    const oc_detector *list[] = {&d};
    const oc_tensor output = {{OC_DTYPE_float32, {4, {1, 6, 1, CELLS}}}, numbers};
    oc_detect_options o = {.threshold = 0.1f, .overlap = 1, .width = CELLS, .height = 32};
    oc_detections found;
    (void)state;
    for (size_t i = 0; i < CELLS; i++) {
        numbers[4][i] = 1;
        numbers[5][i] = i < 7 ? 0.25f : i < 14 ? 0.05f : 0.5f;
    }
    oc_assert_ok(oc_detect(list, &output, 1, &o, NULL, &found));
    assert_int_equal(found.count, OC_DETECTIONS_MAX);
    assert_int_equal(found.n_left_out, 0);
    assert_true(found.items[OC_DETECTIONS_MAX - 1].score == 0.25f);
    oc_detections_free(&found, NULL);
    o.threshold = 0;
    oc_assert_ok(oc_detect(list, &output, 1, &o, NULL, &found));
    assert_int_equal(found.count, OC_DETECTIONS_MAX);
    assert_int_equal(found.n_left_out, 7);
    assert_true(found.items[OC_DETECTIONS_MAX - 1].score == 0.25f);
    oc_detections_free(&found, NULL);
}

static void region_and_cells(void **state)
{
    (void)state;
    static const float in_cells[2] = {0.5f, 1};
    const oc_detector region = {.kind = OC_DETECTOR_REGION,
                                .n_anchors = 1,
                                .n_classes = 1,
                                .anchors = in_cells,
                                .input_w = 64,
                                .input_h = 64,
                                .scale_xy = 1};
    /* 2 classes, 1 box: classes, objectness, then x y and the roots of w h */
    static float numbers[] = {0.25f, 1, 0.5f, 0.5f, 0.5f, 0.5f, 1};
    const oc_detector cells = {.kind = OC_DETECTOR_CELLS,
                               .n_anchors = 1,
                               .n_classes = 2,
                               .input_w = 9,
                               .input_h = 9,
                               .cells = 1,
                               .is_squared = true};
    const oc_detector *list[] = {&region, &cells};
    const oc_tensor outputs[] = {{{OC_DTYPE_float32, {4, {1, 6, 2, 2}}}, planes},
                                 {{OC_DTYPE_float32, {2, {1, 7}}}, numbers}};
    const oc_detect_options o = {.threshold = 0.4f, .overlap = 0.5f, .width = 64, .height = 64};
    oc_detections found;
    oc_assert_ok(oc_detect(list, outputs, 2, &o, NULL, &found));
    assert_int_equal(found.count, 2);
    assert_box(&found.items[0], 0, 0.72f, 8, 32, 24, 64);
    assert_box(&found.items[1], 1, 0.5f, 24, 0, 40, 64);
    oc_detections_free(&found, NULL);
    oc_assert_fails(oc_detect(list, outputs + 1, 1, &o, NULL, &found), OC_E_SHAPE, "found 1x7");
}

static void suppression(void **state)
{
    (void)state;
    const oc_detection a = {0, 0.9f, 0, 0, 10, 10}, b = {0, 0.8f, 0, 5, 10, 15};
    const oc_detection c = {1, 0.7f, 0, 0, 10, 10}, d = {0, 0.6f, 0, 9, 10, 19};
    /* 50 of 150 pixels */
    assert_true(fabsf(oc_detection_overlap(&a, &b) - 1.0f / 3) < 1e-6f);
    assert_true(oc_detection_overlap(&a, &c) == 1);
    oc_detection items[] = {a, b, c, d};
    assert_int_equal(oc_detections_suppress(items, 4, 0.34f), 3); /* d goes for b: 60 of 140 */
    assert_true(items[1].score == 0.8f && items[2].class_index == 1);
    oc_detection again[] = {a, b, c, d};
    /* b goes for a, so that it is no reason for d to go: a has 10 of 190 of it. */
    assert_int_equal(oc_detections_suppress(again, 4, 0.3f), 3);
    assert_true(again[1].class_index == 1 && again[2].score == 0.6f);
}

static void drawing(void **state)
{
    (void)state;
    uint8_t grey[40 * 30] = {0}, rgb[3];
    const oc_image picture = {40, 30, 1, grey};
    oc_detection item = {3, 0.5f, 10, 15, 30, 25};
    const oc_detections list = {.items = &item, .count = 1};
    oc_image drawn;
    oc_assert_ok(oc_detections_draw(&picture, &list, NULL, NULL, &drawn));
    oc_class_colour(3, rgb);
    assert_int_equal(drawn.channels, 3);
    assert_memory_equal(drawn.pixels + 3 * (24 * 40 + 10), rgb, 3); /* left bottom corner */
    assert_memory_equal(drawn.pixels + 3 * (24 * 40 + 29), rgb, 3); /* right bottom corner */
    assert_int_equal(drawn.pixels[3 * (20 * 40 + 20)], 0);          /* inside */
    assert_int_equal(drawn.pixels[3 * (25 * 40 + 10)], 0);          /* below */
    assert_memory_equal(drawn.pixels + 3 * (6 * 40 + 10), rgb, 3);  /* the caption, 9 rows above */
    oc_image_free(&drawn, NULL);
    item = (oc_detection){0, 1, -1e9f, -1e9f, 1e9f, 1e9f}; /* far outside */
    oc_assert_ok(oc_detections_draw(&picture, &list, NULL, NULL, &drawn));
    oc_image_free(&drawn, NULL);
}

static void colours_differ(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 256; i++)
        for (int32_t k = 0; k < i; k++) {
            uint8_t a[3], b[3];
            oc_class_colour(i, a);
            oc_class_colour(k, b);
            assert_memory_not_equal(a, b, 3);
        }
}

static void masks(void **state)
{
    (void)state;
    /* two pixels of three classes: the second, then a tie of the first and third, then NaN */
    float nhwc[] = {0, 2, 1, 5, 1, 5, NAN, -1, -2};
    float nchw[] = {0, 5, NAN, 2, 1, -1, 1, 5, -2};
    const oc_tensor last = {{OC_DTYPE_float32, {4, {1, 1, 3, 3}}}, nhwc};
    const oc_tensor first = {{OC_DTYPE_float32, {4, {1, 3, 1, 3}}}, nchw};
    for (int i = 0; i < 2; i++) {
        oc_mask mask;
        oc_image drawn;
        uint8_t rgb[3];
        oc_assert_ok(
            oc_mask_make(i ? &first : &last, i ? OC_IMAGE_NCHW : OC_IMAGE_NHWC, NULL, &mask));
        assert_true(mask.width == 3 && mask.height == 1 && mask.n_classes == 3);
        assert_true(mask.classes[0] == 1 && mask.classes[1] == 0 && mask.classes[2] == 1);
        assert_true(mask.pixels[0] == 1 && mask.pixels[1] == 2 && mask.pixels[2] == 0);
        oc_assert_ok(oc_mask_draw(&mask, 6, 2, NULL, &drawn));
        oc_class_colour(1, rgb);
        assert_memory_equal(drawn.pixels + 3 * 1, rgb, 3);
        assert_memory_equal(drawn.pixels + 3 * 10, rgb, 3);
        oc_class_colour(0, rgb);
        assert_memory_equal(drawn.pixels + 3 * 2, rgb, 3);
        oc_image_free(&drawn, NULL);
        oc_mask_free(&mask, NULL);
    }
}

static void letterbox_and_png(void **state)
{
    (void)state;
    uint8_t pixels[] = {10, 20, 30, 40, 50, 60};
    const oc_image picture = {2, 1, 3, pixels};
    oc_image boxed, back;
    oc_assert_ok(oc_image_letterbox(&picture, 2, 4, OC_IMAGE_FILTERED, NULL, &boxed));
    for (size_t i = 0; i < 24; i++)
        assert_int_equal(boxed.pixels[i], i / 6 == 1 ? pixels[i % 6] : 128);
    oc_assert_ok(oc_image_write_png("boxed.png", &boxed, NULL));
    oc_assert_ok(oc_image_read("boxed.png", NULL, NULL, &back));
    unlink("boxed.png");
    assert_true(back.width == 2 && back.height == 4 && back.channels == 3);
    assert_memory_equal(back.pixels, boxed.pixels, 24);
    oc_image_free(&back, NULL);
    oc_image_free(&boxed, NULL);
    oc_assert_fails(oc_image_write_png("no/such/folder.png", &picture, NULL), OC_E_IO, "folder");
}

static oc_status all_of_it(const oc_allocator *alloc, void *ctx)
{
    (void)ctx;
    const oc_detector d = {.kind = OC_DETECTOR_YOLO,
                           .n_anchors = 1,
                           .n_classes = 1,
                           .anchors = anchor,
                           .input_w = 64,
                           .input_h = 64,
                           .scale_xy = 1};
    const oc_detector *list[] = {&d};
    const oc_tensor output = {{OC_DTYPE_float32, {4, {1, 6, 2, 2}}}, planes};
    const oc_detect_options o = {.threshold = 0.5f, .overlap = 0.5f, .width = 8, .height = 8};
    uint8_t grey[64] = {0};
    const oc_image picture = {8, 8, 1, grey};
    oc_detections found = {0};
    oc_image boxed = {0}, drawn = {0};
    oc_status status;
    OC_TRY_OUT(oc_detect(list, &output, 1, &o, alloc, &found));
    OC_TRY_OUT(oc_image_letterbox(&picture, 4, 6, OC_IMAGE_FILTERED, alloc, &boxed));
    OC_TRY_OUT(oc_detections_draw(&picture, &found, NULL, alloc, &drawn));
    OC_TRY_OUT(oc_image_write_png("sweep.png", &drawn, alloc));
out:
    oc_image_free(&drawn, alloc);
    oc_image_free(&boxed, alloc);
    oc_detections_free(&found, alloc);
    return status;
}

static void memory_runs_out(void **state)
{
    (void)state;
    oc_test_oom_sweep(all_of_it, NULL);
    unlink("sweep.png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yolo),
        cmocka_unit_test(too_many_boxes),
        cmocka_unit_test(region_and_cells),
        cmocka_unit_test(suppression),
        cmocka_unit_test(drawing),
        cmocka_unit_test(colours_differ),
        cmocka_unit_test(masks),
        cmocka_unit_test(letterbox_and_png),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
