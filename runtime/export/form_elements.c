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

/* Functions that are made of several, each by the formula of OC_UNARY_LIST. */
typedef struct composite {
    const char *fn;
    oc_tensor_id (*write)(oc_form_call *c, oc_tensor_id x, float a, float b);
} composite;

static const composite composites[] = {
    {"relu6", relu6},
    {"relu_n1_to_1", relu_n1_to_1},
    {"clip", clip_a_b},
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
};

void oc_form_write_binary(oc_form_call *c)
{
    const char *fn = oc_node_enum(&c->node, "fn");
    for (size_t i = 0; i < OC_COUNT(pairs); i++)
        if (strcmp(pairs[i].fn, fn) == 0) {
            oc_tensor_id y = OC_FORM(c, pairs[i].op_type, oc_form_in(c, 0), oc_form_in(c, 1));
            oc_form_out(c, 0, oc_form_act(c, y));
            return;
        }
    oc_form_refuse(c, "no form of its function %s is known", fn);
}
