/* SPDX-License-Identifier: Apache-2.0 */
/* From a picture to an input tensor: channels, size, values, layouts. */
#include "oc_image.h"
#include "oc_test.h"

#include <math.h>
#include <stdlib.h>

static oc_desc nhwc(int32_t h, int32_t w, int32_t c)
{
    return (oc_desc){OC_DTYPE_float32, {4, {1, h, w, c}}};
}

static oc_desc nchw(int32_t c, int32_t h, int32_t w)
{
    return (oc_desc){OC_DTYPE_float32, {4, {1, c, h, w}}};
}

/* ---- size and channels, against Pillow ------------------------------------------------------- */

/* Pillow 11.3.0; printed by golden_resize.py. The samples are oc_rng's with seed 50 + the line's number. */
static const struct {
    int32_t width, height, channels, to_width, to_height, to_channels;
    const char *sha256;
} golden[] = {
    {7, 5, 3, 7, 5, 1, "cfb49ebbbcdced5a9e66fbe7ff8be98295d3db1ccb75ff0e5cb86034d1e8ecaa"},
    {7, 5, 3, 3, 2, 3, "c3a73b46bf2bbeaf2c6fb0d3518d3d492e5b7f148908f8dd244ef7e9c551332d"},
    {7, 5, 1, 16, 9, 1, "c08d915c26920a295d872012a33c4ce8950db36791aa7953ee615ea4705a5644"},
    {7, 5, 3, 16, 2, 1, "ba466307a211feffc1dc334f4067a52ca65f4e4574566fe27f34d185746f7156"},
    {1, 1, 3, 4, 3, 3, "0415ec8c2038a7a27e8a2d03d72f689c344426bb0d43507b963b30f5389d5cba"},
    {9, 4, 1, 1, 1, 1, "9defb0a9e163278be0e05aa01b312ec78cfa3726869503385e76e3a4b7950648"},
    {112, 112, 1, 28, 28, 1, "3002b95346477866f4074ef11cc6378976a968434e24c6a232d79fb50bc1c4d4"},
    {100, 3, 3, 7, 3, 3, "9834909bbcf24e60a8d4fcb9c3151e9faf6444006c8adc9a4d4b282de3379bac"},
    {3, 100, 3, 3, 11, 3, "993c5807d0346cd3dbd73ea20b718df5d17a3977a174c2e6aaabb85cca4f080b"},
    {3001, 2, 1, 5, 6, 1, "41b525000583ef10f4e0dfafac9ae09c115e1bd5c9173cd0a9f548572e15dc74"},
    {213, 160, 3, 96, 96, 3, "1917503af5383af77d865ae161b19a3441da3a04c34944ee225eb5859994c581"},
    {31, 17, 3, 224, 224, 3, "672ec4b3ecb4e9c8b53712624371958107ed1bd9c928709afc97670ca89e32b1"},
};

static void equals_pillow(void **state)
{
    (void)state;
    for (size_t i = 0; i < OC_COUNT(golden); i++) {
        oc_rng rng = oc_rng_make(50 + i);
        oc_image image = {golden[i].width, golden[i].height, golden[i].channels, NULL};
        const size_t size = (size_t)(image.width * image.height * image.channels);
        const oc_desc desc = nhwc(golden[i].to_height, golden[i].to_width, golden[i].to_channels);
        size_t elems;
        oc_tensor tensor;
        oc_hash *hash;
        oc_digest digest;
        char text[OC_DIGEST_TEXT];
        oc_assert_ok(oc_alloc(NULL, size, 1, &image.pixels));
        oc_rng_fill_bytes(&rng, image.pixels, size);
        oc_assert_ok(oc_image_to_tensor(&image, &desc, OC_IMAGE_NHWC, NULL, NULL, &tensor));
        oc_assert_ok(oc_shape_elems(&desc.shape, &elems));
        oc_assert_ok(oc_hash_create(NULL, &hash));
        for (size_t k = 0; k < elems; k++) {
            const float x = ((const float *)tensor.data)[k];
            const uint8_t sample = (uint8_t)x;
            assert_true(x == (float)sample);
            oc_assert_ok(oc_hash_put(hash, &sample, 1));
        }
        oc_assert_ok(oc_hash_end(hash, &digest));
        oc_hash_destroy(hash);
        oc_tensor_free(&tensor, NULL);
        oc_image_free(&image, NULL);
        assert_string_equal(oc_digest_print(&digest, text), golden[i].sha256);
    }
}

/* A picture of one colour keeps it at any size: weights add up to 1. */
static void one_colour_stays(void **state)
{
    static uint8_t pixels[61 * 47];
    const oc_image image = {61, 47, 1, pixels};
    (void)state;
    for (int colour = 0; colour < 256; colour += 51) {
        memset(pixels, colour, sizeof(pixels));
        for (int32_t size = 1; size < 150; size += 7) {
            const oc_image_filter filter = (oc_image_filter)(size % 3);
            oc_image out;
            oc_assert_ok(oc_image_resize(&image, size, 151 - size, filter, NULL, &out));
            for (size_t k = 0; k < (size_t)(out.width * out.height); k++)
                assert_int_equal(out.pixels[k], colour);
            oc_image_free(&out, NULL);
        }
    }
}

/* Two samples grown to four: the formula by hand. Centres 0.25 0.75 1.25 1.75, samples at 0.5 and 1.5. */
static void grows_by_hand(void **state)
{
    uint8_t pixels[] = {0, 200};
    const oc_image image = {2, 1, 1, pixels};
    oc_image out;
    (void)state;
    oc_assert_ok(oc_image_resize(&image, 4, 1, OC_IMAGE_FILTERED, NULL, &out));
    assert_memory_equal(out.pixels, ((const uint8_t[]){0, 50, 150, 200}), 4);
    oc_image_free(&out, NULL);
}

static void expect_shrunk(oc_image_filter filter, const uint8_t *expected)
{
    uint8_t pixels[] = {10, 20, 30, 40, 50, 60, 70};
    const oc_image image = {7, 1, 1, pixels};
    oc_image out;
    oc_assert_ok(oc_image_resize(&image, 2, 1, filter, NULL, &out));
    assert_memory_equal(out.pixels, expected, 2);
    oc_image_free(&out, NULL);
}

/*
 * Seven samples shrunk to two: centres 1.75 and 5.25, samples at 0.5, 1.5 ... Linear takes three
 * quarters of the second and a quarter of the third; filtered 9, 13, 11, 7 and 3 forty-thirds of
 * the first five.
 */
static void shrinks_by_hand(void **state)
{
    (void)state;
    expect_shrunk(OC_IMAGE_NEAREST, (const uint8_t[]){20, 60});
    expect_shrunk(OC_IMAGE_LINEAR, (const uint8_t[]){23, 58});
    expect_shrunk(OC_IMAGE_FILTERED, (const uint8_t[]){26, 54});
}

/* ---- values and layouts ---------------------------------------------------------------------- */

static uint8_t two_by_three[] = {0,  1,  2,  10, 11, 12, 20,  21,  22,
                                 30, 31, 32, 40, 41, 42, 250, 251, 255};
static const oc_image colour = {3, 2, 3, two_by_three};

static void values_per_channel(void **state)
{
    const oc_image_norm norm = {3, {127.5f, 1, 0.1f}, {1 / 127.5f, 2, -3}};
    const oc_desc desc = nhwc(2, 3, 3);
    oc_tensor tensor;
    float expected[18];
    (void)state;
    for (size_t k = 0; k < 18; k++) {
        volatile float difference = (float)two_by_three[k] - norm.mean[k % 3];
        expected[k] = difference * norm.scale[k % 3];
    }
    oc_assert_ok(oc_image_to_tensor(&colour, &desc, OC_IMAGE_NHWC, &norm, NULL, &tensor));
    assert_true(oc_desc_equal(&tensor.desc, &desc));
    oc_assert_bits_equal(tensor.data, expected, 18);
    oc_tensor_free(&tensor, NULL);
}

static void channels_first(void **state)
{
    const oc_image_norm norm = {1, {1}, {0.5f}};
    const oc_desc desc = nchw(3, 2, 3);
    oc_tensor tensor;
    float expected[18];
    (void)state;
    for (size_t c = 0; c < 3; c++)
        for (size_t k = 0; k < 6; k++)
            expected[c * 6 + k] = ((float)two_by_three[k * 3 + c] - 1) * 0.5f;
    oc_assert_ok(oc_image_to_tensor(&colour, &desc, OC_IMAGE_NCHW, &norm, NULL, &tensor));
    oc_assert_bits_equal(tensor.data, expected, 18);
    oc_tensor_free(&tensor, NULL);
}

static void grey_to_colour(void **state)
{
    uint8_t pixels[] = {7, 200};
    const oc_image image = {2, 1, 1, pixels};
    const oc_desc last = nhwc(1, 2, 3), first = nchw(3, 1, 2);
    oc_tensor tensor;
    (void)state;
    oc_assert_ok(oc_image_to_tensor(&image, &last, OC_IMAGE_NHWC, NULL, NULL, &tensor));
    oc_assert_bits_equal(tensor.data, ((const float[]){7, 7, 7, 200, 200, 200}), 6);
    oc_tensor_free(&tensor, NULL);
    oc_assert_ok(oc_image_to_tensor(&image, &first, OC_IMAGE_NCHW, NULL, NULL, &tensor));
    oc_assert_bits_equal(tensor.data, ((const float[]){7, 200, 7, 200, 7, 200}), 6);
    oc_tensor_free(&tensor, NULL);
}

/* Red, green, blue and grey by ITU-R BT.601: 0.299, 0.587, 0.114. */
static void colour_to_grey(void **state)
{
    uint8_t pixels[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 93, 93, 93};
    const oc_image image = {4, 1, 3, pixels};
    const oc_desc desc = nchw(1, 1, 4);
    oc_tensor tensor;
    (void)state;
    oc_assert_ok(oc_image_to_tensor(&image, &desc, OC_IMAGE_NCHW, NULL, NULL, &tensor));
    oc_assert_bits_equal(tensor.data, ((const float[]){76, 150, 29, 93}), 4);
    oc_tensor_free(&tensor, NULL);
}

/* 8 bits: as they are, less 128, or what a normalisation makes of them, rounded and saturated. */
static void eight_bits(void **state)
{
    uint8_t pixels[] = {0, 1, 130, 255};
    const oc_image image = {.width = 4, .height = 1, .channels = 1, .pixels = pixels};
    const oc_image_norm half = {.n = 1, .mean = {3}, .scale = {0.5f}};
    oc_desc desc = nhwc(1, 4, 1);
    oc_tensor t;
    (void)state;
    desc.dtype = OC_DTYPE_uint8;
    oc_assert_ok(oc_image_to_tensor(&image, &desc, OC_IMAGE_NHWC, NULL, NULL, &t));
    assert_memory_equal(t.data, pixels, 4);
    oc_tensor_free(&t, NULL);
    oc_assert_ok(oc_image_to_tensor(&image, &desc, OC_IMAGE_NHWC, &half, NULL, &t));
    assert_memory_equal(t.data, ((uint8_t[]){0, 0, 64, 126}), 4); /* 63.5 and 126 */
    oc_tensor_free(&t, NULL);
    desc.dtype = OC_DTYPE_int8;
    oc_assert_ok(oc_image_to_tensor(&image, &desc, OC_IMAGE_NHWC, NULL, NULL, &t));
    assert_memory_equal(t.data, ((int8_t[]){-128, -127, 2, 127}), 4);
    oc_tensor_free(&t, NULL);
    oc_assert_ok(oc_image_to_tensor(&image, &desc, OC_IMAGE_NHWC, &half, NULL, &t));
    assert_memory_equal(t.data, ((int8_t[]){-2, -1, 64, 126}), 4); /* -1.5 goes away from 0 */
    oc_tensor_free(&t, NULL);
}

static void refuses(void **state)
{
    oc_tensor tensor = {.data = &tensor};
    const oc_desc good = nhwc(2, 3, 3);
    oc_desc desc = good;
    oc_image image = colour;
    oc_image_norm norm = {.n = 2};
    (void)state;
#define FAILS(status_, text_)                                                               \
    oc_assert_fails(oc_image_to_tensor(&image, &desc, OC_IMAGE_NHWC, &norm, NULL, &tensor), \
                    status_, text_)
    FAILS(OC_E_ARG, "expected 1 or 3 values, found 2");
    norm = (oc_image_norm){.n = 1, .mean = {NAN}, .scale = {1}};
    FAILS(OC_E_ARG, "expected finite values");
    norm = (oc_image_norm){.n = 1, .mean = {0}, .scale = {INFINITY}};
    FAILS(OC_E_ARG, "expected finite values");
    norm.scale[0] = 1;
    desc.dtype = OC_DTYPE_int32;
    FAILS(OC_E_DTYPE, "expected float32, uint8 or int8 1xHxWxC for a picture, found int32 1x2x3x3");
    desc = good;
    desc.shape.dim[0] = 2;
    FAILS(OC_E_SHAPE, "expected 1xHxWxC for a picture, found float32 2x2x3x3");
    desc = good;
    desc.shape.rank = 3;
    FAILS(OC_E_SHAPE, "found float32 1x2x3");
    desc = nhwc(2, 3, 2);
    FAILS(OC_E_SHAPE, "with C 1 or 3");
    desc = nhwc(0, 3, 3);
    FAILS(OC_E_SHAPE, "found float32 1x0x3x3");
    desc = good;
    image.channels = 4;
    FAILS(OC_E_ARG, "expected pixels of 1 or 3 channels, found 3 x 2 x 4");
    image = (oc_image){0};
    FAILS(OC_E_ARG, "found 0 x 0 x 0");
#undef FAILS
    assert_ptr_equal(tensor.data, &tensor);
}

static oc_status convert_body(const oc_allocator *alloc, void *ctx)
{
    const oc_desc desc = nhwc(4, 5, 1);
    oc_tensor tensor;
    (void)ctx;
    OC_TRY(oc_image_to_tensor(&colour, &desc, OC_IMAGE_NHWC, NULL, alloc, &tensor));
    oc_tensor_free(&tensor, alloc);
    return OC_OK;
}

static void converts_without_memory(void **state)
{
    (void)state;
    oc_test_oom_sweep(convert_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),           cmocka_unit_test(one_colour_stays),
        cmocka_unit_test(shrinks_by_hand),
        cmocka_unit_test(grows_by_hand),           cmocka_unit_test(values_per_channel),
        cmocka_unit_test(channels_first),          cmocka_unit_test(grey_to_colour),
        cmocka_unit_test(colour_to_grey),          cmocka_unit_test(eight_bits),
        cmocka_unit_test(refuses),
        cmocka_unit_test(converts_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
