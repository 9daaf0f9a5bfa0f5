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

/* What is beyond the whole number decides, which adding a half could round away. */
static oc_tensor_id round_away(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    oc_tensor_id size = OC_FORM(c, "Abs", x), whole = OC_FORM(c, "Floor", size);
    oc_tensor_id rest = OC_FORM(c, "Sub", size, whole);
    oc_tensor_id is_up = OC_FORM(c, "GreaterOrEqual", rest, oc_form_same(c, 0.5));
    oc_tensor_id up = OC_FORM(c, "Add", whole, oc_form_same(c, 1));
    return OC_FORM(c, "Mul", OC_FORM(c, "Sign", x), OC_FORM(c, "Where", is_up, up, whole));
}

static oc_tensor_id times(oc_form_call *c, oc_tensor_id x, double factor)
{
    return OC_FORM(c, "Mul", x, oc_form_same(c, factor));
}

static oc_tensor_id plus(oc_form_call *c, oc_tensor_id x, double addend)
{
    return OC_FORM(c, "Add", x, oc_form_same(c, addend));
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

/* x < low ? below : x > high ? above : between */
static oc_tensor_id pieces(oc_form_call *c, oc_tensor_id x, double low, double high,
                           oc_tensor_id below, oc_tensor_id between, oc_tensor_id above)
{
    oc_tensor_id is_above = OC_FORM(c, "Greater", x, oc_form_same(c, high));
    oc_tensor_id is_below = OC_FORM(c, "Less", x, oc_form_same(c, low));
    return OC_FORM(c, "Where", is_below, below, OC_FORM(c, "Where", is_above, above, between));
}

static oc_tensor_id lhtan(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    oc_tensor_id above = plus(c, times(c, plus(c, x, -1), 0.001), 1);
    return pieces(c, x, 0, 1, times(c, x, 0.001), x, above);
}

static oc_tensor_id plse(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    oc_tensor_id below = times(c, plus(c, x, 4), 0.01);
    oc_tensor_id above = plus(c, times(c, plus(c, x, -4), 0.01), 1);
    return pieces(c, x, -4, 4, below, plus(c, times(c, x, 0.125), 0.5), above);
}

static oc_tensor_id stair(oc_form_call *c, oc_tensor_id x, float a, float b)
{
    (void)a, (void)b;
    oc_tensor_id n = OC_FORM(c, "Floor", x), half = OC_FORM(c, "Floor", times(c, n, 0.5));
    oc_tensor_id is_even = OC_FORM(c, "Equal", n, times(c, half, 2));
    oc_tensor_id odd = OC_FORM(c, "Add", OC_FORM(c, "Sub", x, n), half);
    return OC_FORM(c, "Where", is_even, half, odd);
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

/*
 * Integers: x / 0 = 0, and the least number divided by -1, which ends other programs, wraps around.
 * Both divisors are taken out.
 */
static oc_tensor_id divide(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    oc_dtype dtype = c->out[0]->dtype;
    oc_tensor_id zero = oc_form_same(c, 0), is_zero = OC_FORM(c, "Equal", q, zero);
    oc_tensor_id safe = OC_FORM(c, "Where", is_zero, oc_form_same(c, 1), q);
    if (dtype == OC_DTYPE_uint8)
        return OC_FORM(c, "Where", is_zero, zero, OC_FORM(c, "Div", p, safe));
    oc_tensor_id is_back = OC_FORM(c, "Equal", q, oc_form_same(c, -1));
    safe = OC_FORM(c, "Where", is_back, oc_form_same(c, 1), safe);
    oc_tensor_id y = OC_FORM(c, "Where", is_zero, zero, OC_FORM(c, "Div", p, safe));
    return OC_FORM(c, "Where", is_back, OC_FORM(c, "Sub", zero, p), y);
}

/* ONNX's PRelu stretches its second input only. */
static oc_tensor_id prelu(oc_form_call *c, oc_tensor_id p, oc_tensor_id q)
{
    const oc_shape *x = &c->in[0]->shape, *y = &c->out[0]->shape;
    if (x->rank == y->rank && memcmp(x->dim, y->dim, (size_t)y->rank * sizeof(y->dim[0])) == 0)
        return OC_FORM(c, "PRelu", p, q);
    oc_tensor_id is_negative = OC_FORM(c, "Less", p, oc_form_same(c, 0));
    return OC_FORM(c, "Where", is_negative, OC_FORM(c, "Mul", p, q), p);
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
