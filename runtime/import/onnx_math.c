/* SPDX-License-Identifier: Apache-2.0 */
/** Elementwise operators: functions of one input, of several, and casts. */
#include "onnx_ops.h"

#include "oc_ops.h"

#include <float.h>

static bool is_float(const oc_onnx_call *c)
{
    return oc_onnx_dtype_of(c, 0) == OC_DTYPE_float32;
}

/* A scalar of input 0's type. */
static oc_status scalar_like(oc_onnx_call *c, const char *what, float number, oc_id *value)
{
    OC_TRY(oc_imp_scalar(&c->at, what, number, value));
    return is_float(c) ? OC_OK : oc_onnx_cast_to(c, what, *value, oc_onnx_dtype_of(c, 0), value);
}

/* ---- one input ------------------------------------------------------------------------------- */

oc_status oc_onnx_unary(oc_onnx_call *c)
{
    oc_id zero;
    if (is_float(c) || strcmp(c->row->fn, "relu") != 0)
        return oc_imp_unary(&c->at, NULL, c->row->fn, 0.0f, 0.0f, c->in[0], &c->out[0]);
    OC_TRY(scalar_like(c, "zero", 0.0f, &zero));
    return oc_imp_binary(&c->at, NULL, "max", c->in[0], zero, &c->out[0]);
}

/* neg and abs also of integers: 0 - x, and the larger of the two. */
oc_status oc_onnx_negation(oc_onnx_call *c)
{
    oc_id zero, minus;
    oc_imp at;
    if (is_float(c))
        return oc_onnx_unary(c);
    OC_TRY(scalar_like(c, "zero", 0.0f, &zero));
    if (strcmp(c->row->fn, "neg") == 0)
        return oc_imp_binary(&c->at, NULL, "sub", zero, c->in[0], &c->out[0]);
    OC_TRY(oc_onnx_step(c, "minus", &at));
    OC_TRY(oc_imp_binary(&at, NULL, "sub", zero, c->in[0], &minus));
    return oc_imp_binary(&c->at, NULL, "max", c->in[0], minus, &c->out[0]);
}

/* Of integers: x between -1 and 1. */
static oc_status sign_of(oc_onnx_call *c, const char *what, oc_id x, const oc_imp *at, oc_id *out)
{
    oc_id least, most;
    oc_imp step;
    OC_TRY(oc_onnx_step(c, what, &step));
    OC_TRY(scalar_like(c, "least", -1.0f, &least));
    OC_TRY(scalar_like(c, "most", 1.0f, &most));
    OC_TRY(oc_imp_binary(&step, NULL, "min", x, most, out));
    return oc_imp_binary(at, NULL, "max", *out, least, out);
}

oc_status oc_onnx_sign(oc_onnx_call *c)
{
    return is_float(c) ? oc_onnx_unary(c) : sign_of(c, "below", c->in[0], &c->at, &c->out[0]);
}

/* The functions with parameters, and what these are where the file leaves them out. */
static const struct parameters {
    const char *fn, *b_name; /* the first one is always called alpha */
    float a, b;
} parameters[] = {
    {"leaky_relu", NULL, 0.01f, 0.0f},
    {"elu", NULL, 1.0f, 0.0f},
    {"selu", "gamma", 1.67326319217681884765625f, 1.05070102214813232421875f},
    {"hard_sigmoid", "beta", 0.2f, 0.5f},
    {"thresholded_relu", NULL, 1.0f, 0.0f},
    {"swish", NULL, 1.0f, 0.0f},
};

oc_status oc_onnx_activation(oc_onnx_call *c)
{
    const struct parameters *p = parameters;
    float a, b = 0.0f;
    while (strcmp(p->fn, c->row->fn) != 0)
        p++;
    OC_TRY(oc_onnx_get_float(c, "alpha", p->a, &a));
    if (p->b_name)
        OC_TRY(oc_onnx_get_float(c, p->b_name, p->b, &b));
    return oc_imp_unary(&c->at, NULL, p->fn, a, b, c->in[0], &c->out[0]);
}

oc_status oc_onnx_gelu(oc_onnx_call *c)
{
    static const char *const approximate[] = {"none", "tanh", NULL}, *const fn[] = {"gelu",
                                                                                    "gelu_tanh"};
    size_t which;
    OC_TRY(oc_onnx_get_choice(c, "approximate", approximate, &which));
    return oc_imp_unary(&c->at, NULL, fn[which], 0.0f, 0.0f, c->in[0], &c->out[0]);
}

/* ---- Clip ------------------------------------------------------------------------------------ */

/*
 * Bounds of float32 that are known: the function that has a name of its own, as it is fused and
 * shared most.
 */
static oc_status clip_known(oc_onnx_call *c, float low, float high)
{
    const char *fn = low == 0.0f && high == 6.0f      ? "relu6"
                     : low == 0.0f && high >= FLT_MAX ? "relu"
                     : low == -1.0f && high == 1.0f   ? "relu_n1_to_1"
                                                      : NULL;
    if (fn)
        return oc_imp_unary(&c->at, NULL, fn, 0.0f, 0.0f, c->in[0], &c->out[0]);
    return oc_imp_unary(&c->at, NULL, "clip", low, high, c->in[0], &c->out[0]);
}

/* Any other bounds: the largest of x and low, then the smallest of that and high. */
static oc_status clip_values(oc_onnx_call *c, oc_id low, oc_id high)
{
    oc_id x = c->in[0];
    oc_imp at;
    if (low == OC_NONE && high == OC_NONE)
        return oc_imp_identity(&c->at, NULL, x, &c->out[0]);
    OC_TRY(oc_onnx_step(c, "low", &at));
    if (low != OC_NONE)
        OC_TRY(oc_imp_binary(high == OC_NONE ? &c->at : &at, NULL, "max", x, low, &x));
    if (high != OC_NONE)
        OC_TRY(oc_imp_binary(&c->at, NULL, "min", x, high, &x));
    c->out[0] = x;
    return OC_OK;
}

/* A bound: an attribute up to opset 10, then an input. */
static oc_status clip_bound(oc_onnx_call *c, const char *name, uint32_t input, float initial,
                            oc_id *value, float *known, bool *is_known)
{
    *value = oc_onnx_in(c, input);
    if (*value == OC_NONE)
        return oc_onnx_get_float(c, name, initial, known);
    *is_known = *is_known && oc_imp_is_const(c->at.graph, *value);
    return *is_known && is_float(c) ? oc_imp_float(&c->at, *value, name, known) : OC_OK;
}

oc_status oc_onnx_clip(oc_onnx_call *c)
{
    float low = 0, high = 0;
    oc_id low_value, high_value;
    bool is_known = is_float(c);
    OC_TRY(clip_bound(c, "min", 1, -FLT_MAX, &low_value, &low, &is_known));
    OC_TRY(clip_bound(c, "max", 2, FLT_MAX, &high_value, &high, &is_known));
    if (is_known && low <= high && (low > -FLT_MAX || high < FLT_MAX))
        return clip_known(c, low, high);
    if (is_float(c) && c->model->opset < 11) {
        OC_TRY(oc_imp_scalar(&c->at, "min", low, &low_value));
        OC_TRY(oc_imp_scalar(&c->at, "max", high, &high_value));
    }
    return clip_values(c, low_value, high_value);
}

/* ---- several inputs -------------------------------------------------------------------------- */

oc_status oc_onnx_p_relu(oc_onnx_call *c)
{
    return oc_imp_binary(&c->at, NULL, "prelu", c->in[0], c->in[1], &c->out[0]);
}

/* Any number of inputs, from the left; the last node is called as `at` says. */
static oc_status chain_at(oc_onnx_call *c, const oc_imp *at, oc_id *out)
{
    oc_imp part;
    *out = c->in[0];
    OC_TRY(oc_onnx_step(c, "part", &part));
    for (uint32_t i = 1; i < c->n_in; i++) {
        if (c->in[i] == OC_NONE)
            return oc_fail(OC_E_FORMAT, "node \"%s\": its input %u is missing", c->at.node, i);
        OC_TRY(oc_imp_binary(i + 1 < c->n_in ? &part : at, NULL, c->row->fn, *out, c->in[i], out));
    }
    return OC_OK;
}

oc_status oc_onnx_chain(oc_onnx_call *c)
{
    if (c->n_in == 1)
        return oc_imp_identity(&c->at, NULL, c->in[0], &c->out[0]);
    return chain_at(c, &c->at, &c->out[0]);
}

/* p - (p / q) q of integers, whose division truncates. */
static oc_status rest_of(oc_onnx_call *c, const oc_imp *at, oc_id p, oc_id q, oc_id *out)
{
    oc_imp step;
    OC_TRY(oc_onnx_step(c, "quotient", &step));
    OC_TRY(oc_imp_binary(&step, NULL, "div", p, q, out));
    OC_TRY(oc_onnx_step(c, "product", &step));
    OC_TRY(oc_imp_binary(&step, NULL, "mul", *out, q, out));
    return oc_imp_binary(at, NULL, "sub", p, *out, out);
}

/* The rest has the divisor's sign: where it has another, the divisor is added. */
oc_status oc_onnx_modulo(oc_onnx_call *c)
{
    oc_id p = c->in[0], q = c->in[1], rest, sign, of_q, none;
    oc_imp at;
    int64_t is_c;
    OC_TRY(oc_onnx_get_int(c, "fmod", 0, &is_c));
    if (is_float(c))
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": Mod of float32 is not supported, only of integers",
                       c->at.node);
    if (is_c)
        return rest_of(c, &c->at, p, q, &c->out[0]);
    OC_TRY(oc_onnx_step(c, "rest", &at));
    OC_TRY(rest_of(c, &at, p, q, &rest));
    OC_TRY(oc_onnx_step(c, "sign", &at));
    OC_TRY(sign_of(c, "sign_below", rest, &at, &sign));
    OC_TRY(sign_of(c, "divisor_below", q, &at, &of_q));
    OC_TRY(oc_imp_binary(&at, NULL, "mul", sign, of_q, &sign));
    OC_TRY(scalar_like(c, "none", 0.0f, &none));
    OC_TRY(oc_imp_binary(&at, NULL, "min", sign, none, &sign));
    OC_TRY(oc_imp_binary(&at, NULL, "mul", sign, q, &sign));
    return oc_imp_binary(&c->at, NULL, "sub", rest, sign, &c->out[0]);
}

oc_status oc_onnx_mean(oc_onnx_call *c)
{
    oc_imp at;
    oc_id sum, count;
    if (c->n_in == 1)
        return oc_onnx_chain(c);
    OC_TRY(oc_onnx_step(c, "sum", &at));
    OC_TRY(chain_at(c, &at, &sum));
    OC_TRY(oc_imp_scalar(&c->at, "count", (float)c->n_in, &count));
    return oc_imp_binary(&c->at, NULL, "div", sum, count, &c->out[0]);
}

/*
 * The power of an int64 by a float32: exact for whole exponents of 0 to 62, which all powers that an
 * int64 holds have, but for those of 0, 1 and -1; of others that of the base as a float32, cut off.
 * Which it is, is seen at run time: y = exact + is_other (rounded - exact), modulo 2^64.
 */
static oc_status power_by_float(oc_onnx_call *c, const oc_imp *at, oc_id p, oc_id q, oc_id *y)
{
    oc_id least, most, whole, is_other, exact, rounded;
    oc_imp step;
    OC_TRY(oc_onnx_step(c, "power", &step));
    OC_TRY(oc_imp_scalar(&c->at, "least", 0.0f, &least));
    OC_TRY(oc_imp_scalar(&c->at, "most", 62.0f, &most));
    OC_TRY(oc_imp_binary(&step, NULL, "max", q, least, &whole));
    OC_TRY(oc_imp_binary(&step, NULL, "min", whole, most, &whole));
    OC_TRY(oc_imp_unary(&step, NULL, "floor", 0.0f, 0.0f, whole, &whole));
    OC_TRY(oc_imp_binary(&step, NULL, "sub", q, whole, &is_other));
    OC_TRY(oc_onnx_cast_to(c, "is_other", is_other, OC_DTYPE_bool, &is_other));
    OC_TRY(oc_onnx_cast_to(c, "is_other", is_other, OC_DTYPE_int64, &is_other));
    OC_TRY(oc_onnx_cast_to(c, "whole", whole, OC_DTYPE_int64, &whole));
    OC_TRY(oc_imp_binary(&step, NULL, "pow", p, whole, &exact));
    OC_TRY(oc_onnx_cast_to(c, "rounded", p, OC_DTYPE_float32, &rounded));
    OC_TRY(oc_imp_binary(&step, NULL, "pow", rounded, q, &rounded));
    OC_TRY(oc_onnx_cast_to(c, "rounded", rounded, OC_DTYPE_int64, &rounded));
    OC_TRY(oc_imp_binary(&step, NULL, "sub", rounded, exact, &rounded));
    OC_TRY(oc_imp_binary(&step, NULL, "mul", rounded, is_other, &rounded));
    return oc_imp_binary(at, NULL, "add", exact, rounded, y);
}

/* Whole numbers up to this size are float32 as they are; of larger ones the odd ones are none. */
#define WHOLE_FLOATS 16777216
#define EXPONENTS_SEEN 4096 /* known exponents that are looked at */

/* Whether every exponent is known to be a float32 as it is, by its type or by its value. */
static oc_status are_floats(oc_onnx_call *c, oc_id q, bool *is_exact)
{
    const oc_dtype dtype = oc_onnx_dtype_of(c, 1);
    int64_t *known = NULL;
    size_t elems;
    *is_exact = dtype != OC_DTYPE_int32 && dtype != OC_DTYPE_int64;
    OC_TRY(oc_shape_elems(oc_imp_shape(&c->at, q), &elems));
    if (*is_exact || !oc_imp_is_const(c->at.graph, q) || elems > EXPONENTS_SEEN)
        return OC_OK;
    OC_TRY(OC_ARENA_ALLOC(c->at.scratch, elems + 1, known));
    OC_TRY(oc_imp_ints(&c->at, q, "exponent", known, elems, &elems));
    *is_exact = true;
    for (size_t i = 0; i < elems; i++)
        *is_exact = *is_exact && known[i] >= -WHOLE_FLOATS && known[i] <= WHOLE_FLOATS;
    return OC_OK;
}

/*
 * The power of a float32 by an integer that no float32 may be: p^high p^low, where low is the rest of
 * q by 2^24 and so a float32, with q's parity; high is one too, or so large that only its sign and
 * being even count (|p| next to 1 to the power of 2^48 is 0 or infinite). Both have q's sign, so that
 * neither factor is 0 or infinite unless the power is.
 */
static oc_status power_by_whole(oc_onnx_call *c, oc_id p, oc_id q, oc_id *y)
{
    oc_id unit, high, low;
    oc_imp step;
    OC_TRY(oc_onnx_step(c, "part", &step));
    OC_TRY(oc_imp_scalar(&c->at, "unit", WHOLE_FLOATS, &unit));
    OC_TRY(oc_onnx_cast_to(c, "unit", unit, oc_onnx_dtype_of(c, 1), &unit));
    OC_TRY(oc_imp_binary(&step, NULL, "div", q, unit, &high));
    OC_TRY(oc_imp_binary(&step, NULL, "mul", high, unit, &high));
    OC_TRY(oc_imp_binary(&step, NULL, "sub", q, high, &low));
    OC_TRY(oc_onnx_cast_to(c, "high", high, OC_DTYPE_float32, &high));
    OC_TRY(oc_onnx_cast_to(c, "low", low, OC_DTYPE_float32, &low));
    OC_TRY(oc_imp_binary(&step, NULL, "pow", p, high, &high));
    OC_TRY(oc_imp_binary(&step, NULL, "pow", p, low, &low));
    return oc_imp_binary(&c->at, NULL, "mul", high, low, y);
}

/*
 * The result has the base's type. Where the two types differ, the power of a float32 is computed in
 * float32, that of an integer in int64.
 */
oc_status oc_onnx_power(oc_onnx_call *c)
{
    oc_dtype base = oc_onnx_dtype_of(c, 0), exponent = oc_onnx_dtype_of(c, 1);
    oc_id p = c->in[0], q = c->in[1], y;
    oc_imp at;
    if (base == exponent)
        return oc_imp_binary(&c->at, NULL, "pow", p, q, &c->out[0]);
    const oc_dtype common = base == OC_DTYPE_float32 ? OC_DTYPE_float32 : OC_DTYPE_int64;
    const bool by_float = base != common && exponent == OC_DTYPE_float32;
    bool is_exact = true;
    if (base == OC_DTYPE_float32)
        OC_TRY(are_floats(c, q, &is_exact));
    if (!is_exact)
        return power_by_whole(c, p, q, &c->out[0]);
    if (base != common)
        OC_TRY(oc_onnx_cast_to(c, "base", p, common, &p));
    if (exponent != common && exponent != OC_DTYPE_float32)
        OC_TRY(oc_onnx_cast_to(c, "exponent", q, common, &q));
    if (base == OC_DTYPE_int64 && exponent == OC_DTYPE_float32)
        return power_by_float(c, &c->at, p, q, &c->out[0]);
    if (base == common)
        return oc_imp_binary(&c->at, NULL, "pow", p, q, &c->out[0]);
    OC_TRY(oc_onnx_step(c, "power", &at));
    if (by_float)
        OC_TRY(power_by_float(c, &at, p, q, &y));
    else
        OC_TRY(oc_imp_binary(&at, NULL, "pow", p, q, &y));
    return oc_imp_cast(&c->at, NULL, y, base, &c->out[0]);
}

/* ---- casts ----------------------------------------------------------------------------------- */

oc_status oc_onnx_cast_to(oc_onnx_call *c, const char *what, oc_id x, oc_dtype dtype, oc_id *out)
{
    oc_imp at;
    OC_TRY(oc_onnx_step(c, what, &at));
    return oc_imp_cast(&at, NULL, x, dtype, out);
}

/* `saturate` and `round_mode` only speak of 8-bit floats. */
oc_status oc_onnx_cast(oc_onnx_call *c)
{
    int64_t to;
    oc_dtype dtype;
    OC_TRY(oc_onnx_get_int(c, "to", 0, &to));
    oc_status status = oc_onnx_dtype((uint64_t)to, &dtype);
    if (status != OC_OK)
        return oc_fail_in(status, "node \"%s\": Cast", c->at.node);
    return oc_imp_cast(&c->at, NULL, c->in[0], dtype, &c->out[0]);
}
