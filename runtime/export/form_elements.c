/* SPDX-License-Identifier: Apache-2.0 */
/** The ONNX forms of elementwise operators: unary, binary, and the activations fused into others. */
#include "forms.h"

#include "oc_ops.h"

/* ---- functions of one number ------------------------------------------------------------------ */

/* Functions that ONNX has: its operator, and the names there of the parameters a and b. */
typedef struct function {
    const char *fn, *op_type, *a, *b;
} function;

static const function functions[] = {
    {"none", "Identity", NULL, NULL},    {"relu", "Relu", NULL, NULL},
    {"leaky_relu", "LeakyRelu", "alpha", NULL}, {"sigmoid", "Sigmoid", NULL, NULL},
    {"tanh", "Tanh", NULL, NULL},        {"exp", "Exp", NULL, NULL},
    {"log", "Log", NULL, NULL},          {"sqrt", "Sqrt", NULL, NULL},
    {"neg", "Neg", NULL, NULL},          {"abs", "Abs", NULL, NULL},
    {"elu", "Elu", "alpha", NULL},       {"selu", "Selu", "alpha", "gamma"},
    {"hard_sigmoid", "HardSigmoid", "alpha", "beta"},
    {"hard_swish", "HardSwish", NULL, NULL},
    {"softplus", "Softplus", NULL, NULL}, {"softsign", "Softsign", NULL, NULL},
    {"mish", "Mish", NULL, NULL},        {"erf", "Erf", NULL, NULL},
    {"gelu", "Gelu", NULL, NULL},        {"thresholded_relu", "ThresholdedRelu", "alpha", NULL},
    {"reciprocal", "Reciprocal", NULL, NULL}, {"sign", "Sign", NULL, NULL},
    {"floor", "Floor", NULL, NULL},      {"ceil", "Ceil", NULL, NULL},
    {"round", "Round", NULL, NULL},
};

/* Of integers too, where it may reach beyond their type. */
static oc_tensor_id clip(oc_form_call *c, oc_tensor_id x, double low, double high)
{
    oc_dtype dtype = c->out[0]->dtype;
    if (dtype != OC_DTYPE_float32) {
        double least = dtype == OC_DTYPE_int8 ? -128 : 0, most = dtype == OC_DTYPE_int8 ? 127 : 255;
        low = low < least ? least : low;
        high = high > most ? most : high;
    }
    return OC_FORM(c, "Clip", x, oc_form_same(c, low), oc_form_same(c, high));
}

static oc_tensor_id relu6(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return clip(c, x, 0, 6);
}

static oc_tensor_id relu_n1_to_1(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return clip(c, x, -1, 1);
}

static oc_tensor_id clip_a_b(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    return clip(c, x, (double)a, (double)b);
}

static oc_tensor_id swish(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)b;
    oc_tensor_id s = a == 1.0f ? x : OC_FORM(c, "Mul", x, oc_form_same(c, (double)a));
    return OC_FORM(c, "Mul", x, OC_FORM(c, "Sigmoid", s));
}

static oc_tensor_id gelu_tanh(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    oc_tensor_id y = OC_FORM(c, "Gelu", x);
    oc_form_set_text(c, "approximate", "tanh");
    return y;
}

static oc_tensor_id rsqrt(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return OC_FORM(c, "Reciprocal", OC_FORM(c, "Sqrt", x));
}

static oc_tensor_id square(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return OC_FORM(c, "Mul", x, x);
}

static oc_tensor_id times(oc_form_call *c, oc_tensor_id x, double factor)
{
    return OC_FORM(c, "Mul", x, oc_form_same(c, factor));
}

static oc_tensor_id plus(oc_form_call *c, oc_tensor_id x, double addend)
{
    return OC_FORM(c, "Add", x, oc_form_same(c, addend));
}

/*
 * Twice what is beyond the whole number decides, which adding a half could round away. From 2^24
 * on there is nothing beyond.
 */
static oc_tensor_id round_away(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    oc_tensor_id size = OC_FORM(c, "Abs", x);
    oc_tensor_id near = OC_FORM(c, "Min", size, oc_form_same(c, 0x1p24));
    oc_tensor_id rest = OC_FORM(c, "Sub", near, OC_FORM(c, "Floor", near));
    oc_tensor_id up = OC_FORM(c, "Floor", times(c, rest, 2));
    oc_tensor_id whole = OC_FORM(c, "Add", OC_FORM(c, "Floor", size), up);
    return OC_FORM(c, "Mul", OC_FORM(c, "Sign", x), whole);
}

static oc_tensor_id ramp(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return OC_FORM(c, "Add", OC_FORM(c, "Relu", x), times(c, x, 0.1));
}

static oc_tensor_id loggy(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return plus(c, times(c, OC_FORM(c, "Sigmoid", x), 2), -1);
}

/*
 * A function in three straight pieces that meet: `between`, which stays within 0 .. 1, and how far x
 * is below `low` and above `high`, times `slope`. Two of the addends are always 0 or 1.
 */
static oc_tensor_id pieces(oc_form_call *c, oc_tensor_id x, double low, double high, double slope,
                           oc_tensor_id between)
{
    oc_tensor_id below = OC_FORM(c, "Min", plus(c, x, -low), oc_form_same(c, 0));
    oc_tensor_id above = OC_FORM(c, "Max", plus(c, x, -high), oc_form_same(c, 0));
    oc_tensor_id y = OC_FORM(c, "Add", clip(c, between, 0, 1), times(c, below, slope));
    return OC_FORM(c, "Add", y, times(c, above, slope));
}

static oc_tensor_id lhtan(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return pieces(c, x, 0, 1, 0.001, x);
}

static oc_tensor_id plse(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    return pieces(c, x, -4, 4, 0.01, plus(c, times(c, x, 0.125), 0.5));
}

/* floor(n / 2), and for odd n also what x is beyond n; from 2^25 on all floats are even. */
static oc_tensor_id stair(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    oc_tensor_id near = clip(c, x, -0x1p25, 0x1p25), n = OC_FORM(c, "Floor", near);
    oc_tensor_id half = OC_FORM(c, "Floor", times(c, n, 0.5));
    oc_tensor_id is_odd = OC_FORM(c, "Sub", n, times(c, half, 2));
    oc_tensor_id beyond = OC_FORM(c, "Mul", is_odd, OC_FORM(c, "Sub", near, n));
    oc_tensor_id y = OC_FORM(c, "Floor", times(c, OC_FORM(c, "Floor", x), 0.5));
    return OC_FORM(c, "Add", y, beyond);
}

/* Functions that are made of several, each by the formula of OC_UNARY_LIST. */
typedef struct composite {
    const char *fn;
    oc_tensor_id (*write)(oc_form_call *c, oc_tensor_id x, float a, float b);
} composite;

static const composite composites[] = {
    {"relu6", relu6},
    {"relu_n1_to_1", relu_n1_to_1},
    {"clip", clip_a_b},
    {"swish", swish},
    {"gelu_tanh", gelu_tanh},
    {"rsqrt", rsqrt},
    {"square", square},
    {"round_away", round_away},
    {"ramp", ramp},
    {"loggy", loggy},
    {"lhtan", lhtan},
    {"plse", plse},
    {"stair", stair},
};

oc_tensor_id oc_form_function(oc_form_call *c, const char *fn, float a, float b, oc_tensor_id x)
{
    for (size_t i = 0; i < OC_COUNT(functions); i++) {
        const function *f = &functions[i];
        if (strcmp(f->fn, fn) != 0)
            continue;
        oc_tensor_id y = OC_FORM(c, f->op_type, x);
        if (f->a)
            oc_form_set_float(c, f->a, a);
        if (f->b)
            oc_form_set_float(c, f->b, b);
        return y;
    }
    for (size_t i = 0; i < OC_COUNT(composites); i++)
        if (strcmp(composites[i].fn, fn) == 0)
            return composites[i].write(c, x, a, b);
    oc_form_refuse(c, "no form of its function %s is known", fn);
    return 0;
}

void oc_form_write_unary(oc_form_call *c)
{
    oc_form_out(c, 0,
                oc_form_function(c, oc_node_enum(&c->node, "fn"), oc_node_float(&c->node, "a"),
                                 oc_node_float(&c->node, "b"), oc_form_in(c, 0)));
}

oc_tensor_id oc_form_act(oc_form_call *c, oc_tensor_id x)
{
    const char *fn = oc_node_enum(&c->node, "act");
    if (strcmp(fn, "none") == 0)
        return x;
    return oc_form_function(c, fn, oc_node_float(&c->node, "act_a"),
                            oc_node_float(&c->node, "act_b"), x);
}

/* ---- functions of two ------------------------------------------------------------------------- */

static const struct {
    const char *fn, *op_type;
} pairs[] = {
    {"add", "Add"}, {"sub", "Sub"}, {"mul", "Mul"}, {"div", "Div"}, {"max", "Max"}, {"min", "Min"},
    {"pow", "Pow"},
};

oc_tensor_id oc_form_sign(oc_form_call *c, oc_dtype dtype, oc_tensor_id x)
{
    return OC_FORM(c, "Clip", x, oc_form_scalar(c, dtype, -1), oc_form_scalar(c, dtype, 1));
}

static oc_tensor_id limits(oc_form_call *c, oc_tensor_id x, double low, double high)
{
    return OC_FORM(c, "Clip", x, oc_form_same(c, low), oc_form_same(c, high));
}

/*
 * Integers: x / 0 = 0, and the least number divided by -1, which ends other programs, wraps around.
 * Both divisors become 1, and what comes of it is multiplied by 0 or -1.
 */
static oc_tensor_id divide(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    oc_tensor_id one = oc_form_same(c, 1), factor, divisor;
    if (c->out[0]->dtype == OC_DTYPE_uint8) {
        factor = limits(c, q, 0, 1);
        divisor = OC_FORM(c, "Max", q, one);
    } else {
        /* 1 for q = -1, else 0: whether q <= -1, less whether q <= -2. */
        oc_tensor_id below = OC_FORM(c, "Sub", limits(c, q, -2, -1), limits(c, q, -1, 0));
        oc_tensor_id is_back = OC_FORM(c, "Add", below, one);
        oc_tensor_id sign = oc_form_sign(c, c->out[0]->dtype, q);
        /* The sign's square is 1 but for q = 0. */
        oc_tensor_id is_some = OC_FORM(c, "Mul", sign, sign);
        factor = OC_FORM(c, "Sub", is_some, OC_FORM(c, "Mul", is_back, oc_form_same(c, 2)));
        divisor = OC_FORM(c, "Add", q, OC_FORM(c, "Sub", one, is_some));
        divisor = OC_FORM(c, "Add", divisor, OC_FORM(c, "Mul", is_back, oc_form_same(c, 2)));
    }
    return OC_FORM(c, "Mul", OC_FORM(c, "Div", p, divisor), factor);
}

/* ONNX's PRelu stretches its second input only. */
static oc_tensor_id prelu(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    const oc_shape *x = &c->in[0]->shape, *y = &c->out[0]->shape;
    if (x->rank == y->rank && memcmp(x->dim, y->dim, (size_t)y->rank * sizeof(y->dim[0])) == 0)
        return OC_FORM(c, "PRelu", p, q);
    oc_tensor_id below = OC_FORM(c, "Mul", OC_FORM(c, "Min", p, oc_form_same(c, 0)), q);
    return OC_FORM(c, "Add", OC_FORM(c, "Relu", p), below);
}

static oc_tensor_id pair(oc_form_call *c, const char *fn, oc_tensor_id p, oc_tensor_id q)
{
    bool is_float = c->out[0]->dtype == OC_DTYPE_float32;
    if (strcmp(fn, "div") == 0 && !is_float)
        return divide(c, p, q);
    if (strcmp(fn, "prelu") == 0)
        return prelu(c, p, q);
    if (strcmp(fn, "squared_difference") == 0) {
        oc_tensor_id d = OC_FORM(c, "Sub", p, q);
        return OC_FORM(c, "Mul", d, d);
    }
    if (strcmp(fn, "pow") == 0 && !is_float)
        oc_form_refuse(c, "runtimes take powers of integers as those of doubles");
    for (size_t i = 0; i < OC_COUNT(pairs); i++)
        if (strcmp(pairs[i].fn, fn) == 0)
            return OC_FORM(c, pairs[i].op_type, p, q);
    oc_form_refuse(c, "no form of its function %s is known", fn);
    return 0;
}

void oc_form_write_binary(oc_form_call *c)
{
    oc_tensor_id p = oc_form_in(c, 0), q = oc_form_in(c, 1);
    oc_form_out(c, 0, oc_form_act(c, pair(c, oc_node_enum(&c->node, "fn"), p, q)));
}
