/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Fixed point and 8-bit tables as LiteRT's reference kernels compute them; tflite_quant.h names the
 * source of each. Rounding is away from zero at halves throughout, as C's round.
 */
#include "tflite_quant.h"

#include "oc_quant.h"
#include "quant.h"

#include <math.h>

/* ---- fixed point ----------------------------------------------------------------------------- */

oc_tflite_scale oc_tflite_scale_make(double real)
{
    oc_tflite_scale scale = {0, 0, 0};
    oc_quant_multiplier(real, &scale.multiplier, &scale.shift);
    return scale;
}

oc_tflite_scale oc_tflite_scale_double(double real)
{
    oc_tflite_scale scale = {0, 0, 0};
    oc_quant_multiplier_double(real, &scale.multiplier, &scale.low, &scale.shift);
    return scale;
}

int32_t oc_tflite_scale_apply(int32_t x, oc_tflite_scale scale)
{
    return oc_quant_scale(x, scale.multiplier, OC_MAX(-31, OC_MIN(30, scale.shift)));
}

/* x / 2^exponent, rounded to nearest, halves away from zero. */
static int32_t divide_pot(int32_t x, int exponent)
{
    int64_t half = exponent > 0 ? INT64_C(1) << (exponent - 1) : 0;
    int64_t size = x < 0 ? -(int64_t)x : x;
    int64_t rounded = (size + half) >> exponent;
    return (int32_t)(x < 0 ? -rounded : rounded);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

oc_tflite_range oc_tflite_range_of(oc_dtype dtype)
{
    return dtype == OC_DTYPE_int8 ? (oc_tflite_range){-128, 127} : (oc_tflite_range){0, 255};
}

static int32_t clamp(int32_t x, oc_tflite_range range)
{
    return OC_MAX(range.lo, OC_MIN(range.hi, x));
}

/* A rounded float as an integer that bounds of 8 bits still tell from all others. */
static int32_t to_int(float rounded)
{
    return (int32_t)fminf(fmaxf(rounded, -1e6f), 1e6f);
}

oc_tflite_range oc_tflite_act_range(const char *act, oc_dtype dtype, oc_tflite_quant out)
{
    oc_tflite_range all = oc_tflite_range_of(dtype), range = all;
    bool is_relu = strcmp(act, "relu") == 0, is_6 = strcmp(act, "relu6") == 0,
         is_1 = strcmp(act, "relu_n1_to_1") == 0;
    if (is_relu || is_6 || is_1)
        range.lo = OC_MAX(all.lo, out.zero + to_int(roundf((is_1 ? -1.0f : 0.0f) / out.scale)));
    if (is_6 || is_1)
        range.hi = OC_MIN(all.hi, out.zero + to_int(roundf((is_1 ? 1.0f : 6.0f) / out.scale)));
    return range;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Element `i` of a table answers to this element. */
static int32_t element_at(oc_dtype dtype, int i)
{
    return dtype == OC_DTYPE_int8 ? i - 128 : i;
}

/*
 * LiteRT asks the C library for expf, expm1f and tanhf, whose last bit is not the same everywhere.
 * Doubles rounded to float are, and agree with a library that rounds correctly.
 */
static float evaluate(const char *fn, float x)
{
    if (strcmp(fn, "sigmoid") == 0)
        return 1.0f / (1.0f + (float)exp(-(double)x));
    if (strcmp(fn, "tanh") == 0)
        return (float)tanh((double)x);
    return x < 0.0f ? (float)exp((double)x) - 1.0f : x; /* elu */
}

oc_status oc_tflite_table_float(const oc_tflite_function *f, const char *fn, uint8_t table[256])
{
    const float inverse = 1.0f / f->out.scale;
    if (strcmp(fn, "sigmoid") == 0 && f->out.scale != 1.0f / 256.0f)
        return oc_fail(OC_E_UNSUPPORTED, "expected an output scale of 1/256, found %g",
                       (double)f->out.scale);
    for (int i = 0; i < 256; i++) {
        float x = f->in.scale * (float)(element_at(f->dtype, i) - f->in.zero);
        float y = roundf(evaluate(fn, x) * inverse) + (float)f->out.zero;
        table[i] = (uint8_t)clamp(to_int(y), oc_tflite_range_of(f->dtype));
    }
    return OC_OK;
}

static void rescale(const oc_tflite_function *f, oc_tflite_scale up, oc_tflite_scale down,
                    oc_tflite_range range, uint8_t table[256])
{
    for (int i = 0; i < 256; i++) {
        int32_t x = element_at(f->dtype, i) - f->in.zero;
        int32_t y = oc_tflite_scale_apply(x, x >= 0 ? up : down) + f->out.zero;
        table[i] = (uint8_t)clamp(y, range);
    }
}

void oc_tflite_table_relu(const oc_tflite_function *f, const char *act, uint8_t table[256])
{
    const float real = f->in.scale / f->out.scale;
    oc_tflite_scale scale = oc_tflite_scale_make((double)real);
    rescale(f, scale, scale, oc_tflite_act_range(act, f->dtype, f->out), table);
}

void oc_tflite_table_leaky_relu(const oc_tflite_function *f, uint8_t table[256])
{
    const float up = f->in.scale / f->out.scale, down = f->in.scale * f->a / f->out.scale;
    rescale(f, oc_tflite_scale_make((double)up), oc_tflite_scale_make((double)down),
            oc_tflite_range_of(f->dtype), table);
}

void oc_tflite_table_prelu(const oc_tflite_function *f, uint8_t up[256], int32_t below[256])
{
    const float real = f->in.scale / f->out.scale;
    oc_tflite_scale scale = oc_tflite_scale_make((double)real);
    for (int i = 0; i < 256; i++) {
        int32_t x = element_at(f->dtype, i) - f->in.zero;
        int32_t y = oc_tflite_scale_apply(OC_MAX(x, 0), scale) + f->out.zero;
        up[i] = (uint8_t)(clamp(y, oc_tflite_range_of(f->dtype)) - f->out.zero);
        below[i] = OC_MIN(x, 0);
    }
}

void oc_tflite_table_requantize(const oc_tflite_function *f, oc_dtype to, uint8_t table[256])
{
    oc_tflite_scale scale = oc_tflite_scale_make((double)f->in.scale / (double)f->out.scale);
    rescale(f, scale, scale, oc_tflite_range_of(to), table);
}

void oc_tflite_table_concatenation(const oc_tflite_function *f, uint8_t table[256])
{
    const float scale = f->in.scale * (1.0f / f->out.scale);
    const float bias = (float)-f->in.zero * scale;
    for (int i = 0; i < 256; i++) {
        float y = roundf((float)element_at(f->dtype, i) * scale + bias);
        table[i] = (uint8_t)clamp(to_int(y) + f->out.zero, oc_tflite_range_of(f->dtype));
    }
}

void oc_tflite_table_clamp(const oc_tflite_function *f, oc_tflite_range range, uint8_t table[256])
{
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)clamp(element_at(f->dtype, i), range);
}

void oc_tflite_table_centred(const oc_tflite_function *f, int32_t table[256])
{
    for (int i = 0; i < 256; i++)
        table[i] = element_at(f->dtype, i) - f->in.zero;
}

/* ---- HARD_SWISH ------------------------------------------------------------------------------ */

static int16_t saturate_16(int64_t x)
{
    return (int16_t)OC_MAX(INT64_C(-32768), OC_MIN(INT64_C(32767), x));
}

/* A 32-bit multiplier rounded to 16 bits. */
static int16_t multiplier_16(int32_t multiplier)
{
    return saturate_16(((int64_t)multiplier + (1 << 15)) >> 16);
}

/* The high half of 2 a b, rounded to nearest. */
static int16_t high_mul_16(int16_t a, int16_t b)
{
    int32_t ab = (int32_t)a * b, nudge = ab >= 0 ? 1 << 14 : 1 - (1 << 14);
    return saturate_16((ab + nudge) / (1 << 15));
}

typedef struct swish {
    int16_t out, relu;     /* multipliers */
    int out_shift, relu_shift;
} swish;

/* x * relu6(x + 3) / 6 for one centred element; relu6(x + 3) / 6 is a fixed point number in [0,1]. */
static int32_t hard_swish_of(const swish *s, int32_t x)
{
    int16_t high = (int16_t)(x * 128);
    int16_t scaled = high_mul_16(high, s->out), relu = high;
    /* All but one bit of a left shift come first; what saturates there, saturates in the last too. */
    if (s->relu_shift > 0)
        relu = saturate_16((int64_t)relu * (INT64_C(1) << (s->relu_shift - 1)));
    relu = high_mul_16(relu, s->relu);
    if (s->relu_shift > 0)
        relu = saturate_16((int64_t)relu * 2);
    else
        relu = (int16_t)divide_pot(relu, -s->relu_shift);
    relu = (int16_t)((relu + (1 << 15)) >> 1);
    /* This product alone is rounded to zero. Neither factor is -32768 together with the other. */
    int16_t product = saturate_16((int32_t)relu * scaled / (1 << 15));
    return divide_pot(product, -s->out_shift);
}

oc_status oc_tflite_table_hard_swish(const oc_tflite_function *f, uint8_t table[256])
{
    const float high_scale = 1.0f / 128.0f * f->in.scale;
    const float out_real = high_scale / f->out.scale, relu_real = high_scale / (3.0f / 32768.0f);
    oc_tflite_scale out = oc_tflite_scale_make((double)out_real),
                    relu = oc_tflite_scale_make((double)relu_real);
    if (out.shift > 0 || relu.shift > 31)
        return oc_fail(OC_E_UNSUPPORTED,
                       "expected an input scale of at most 128 times the output's, found %g and %g",
                       (double)f->in.scale, (double)f->out.scale);
    const swish s = {multiplier_16(out.multiplier), multiplier_16(relu.multiplier), out.shift,
                     relu.shift};
    for (int i = 0; i < 256; i++) {
        int32_t y = hard_swish_of(&s, element_at(f->dtype, i) - f->in.zero) + f->out.zero;
        table[i] = (uint8_t)clamp(y, oc_tflite_range_of(f->dtype));
    }
    return OC_OK;
}
