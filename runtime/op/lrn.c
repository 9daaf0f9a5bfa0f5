/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lrn: x [...,C] -> [...,C], local response normalisation across channels.
 *
 * y = x / (bias + alpha * sum of x^2 over the window)^beta
 *
 * The window of channel c is c - floor((size-1)/2) .. c + ceil((size-1)/2); channels outside
 * 0 .. C-1 are left out. alpha is not divided by size: TensorFlow Lite's alpha is this one (size =
 * 2 radius + 1), ONNX's is size times this one.
 *
 * Numerics "sequential": sum = +0; for channels ascending: sum = sum + (x * x);
 * y = x / oc_pow(bias + (alpha * sum), beta); each operation rounded, none fused.
 */
#include "op_common.h"

typedef struct attrs {
    int32_t size;
    float alpha, beta, bias;
} attrs;

static const oc_attr rows[] = {
    {.name = "size",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, size),
     .initial = 5,
     .min = 1,
     .max = INT32_MAX,
     .help = "channels in the sum"},
    {.name = "alpha",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, alpha),
     .initial = 1,
     .help = "factor of the sum of squares (not divided by size)"},
    {.name = "beta",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, beta),
     .initial = 0.5,
     .help = "exponent"},
    {.name = "bias",
     .type = OC_ATTR_FLOAT,
     .offset = offsetof(attrs, bias),
     .initial = 1,
     .help = "added to the scaled sum"},
};

/* The window around a channel, no wider than there are channels. */
typedef struct window {
    size_t channels, before, after;
} window;

static window window_of(const oc_op_call *call)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    size_t n_c = (size_t)x->dim[x->rank - 1];
    size_t before = (size_t)(a->size - 1) / 2, after = (size_t)(a->size - 1) - before;
    return (window){n_c, OC_MIN(before, n_c - 1), OC_MIN(after, n_c - 1)};
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(oc_op_check_rank(call, 0, 1, OC_RANK_MAX));
    out[0] = *call->in[0];
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const oc_shape *x = &call->in[0]->shape;
    const window w = window_of(call);
    int32_t last = x->rank - 1;
    oc_op_halo_along(call, out, 0, in);
    oc_op_halo_set(x, last, out->from[last] - (int64_t)w.before, out->to[last] + (int64_t)w.after,
                   &in[0]);
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    window win = window_of(call);
    uint64_t elems = oc_op_elems(&call->out[0]->shape);
    OC_TRY(oc_op_cost_io(call, cost));
    cost->macs = elems * (win.before + 1 + win.after);
    cost->ops = 4 * elems;
    return OC_OK;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    window win = window_of(call);
    size_t pixels = oc_op_elems(&call->in[0]->shape) / win.channels;
    for (size_t p = 0; p < pixels; p++) {
        const float *x = (const float *)in[0] + p * win.channels;
        float *y = (float *)out[0] + p * win.channels;
        for (size_t c = 0; c < win.channels; c++) {
            size_t first = c - OC_MIN(c, win.before);
            size_t last = OC_MIN(c + win.after, win.channels - 1);
            float sum = 0.0f;
            for (size_t k = first; k <= last; k++)
                sum += x[k] * x[k];
            y[c] = x[c] / oc_pow(a->bias + a->alpha * sum, a->beta);
        }
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    window win = window_of(call);
    uint32_t lanes = oc_op_lanes(traits, win.channels);
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_launch_add(list, "lrn", "lrn", &l));
    OC_TRY(oc_launch_define(l, "-DC=%zu -DBEFORE=%zu -DAFTER=%zu -DLANES=%u", win.channels,
                            win.before, win.after, lanes));
    OC_TRY(oc_launch_define_float(l, "ALPHA", a->alpha));
    OC_TRY(oc_launch_define_float(l, "BETA", a->beta));
    OC_TRY(oc_launch_define_float(l, "BIAS", a->bias));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, win.channels / lanes, oc_op_elems(&call->in[0]->shape) / win.channels, 1);
    return OC_OK;
}

static const oc_op_case cases[] = {
    {.name = "alexnet",
     .in = {OP_F32(1, 5, 5, 96)},
     .n_in = 1,
     .lo = 0,
     .hi = 60,
     .sets = {OP_SET("size", 5), OP_SET("alpha", 2e-5), OP_SET("beta", 0.75)}},
    {.name = "defaults", .in = {OP_F32(2, 3, 4, 7)}, .n_in = 1},
    {.name = "even_size",
     .in = {OP_F32(1, 2, 3, 10)},
     .n_in = 1,
     .sets = {OP_SET("size", 4), OP_SET("alpha", 0.5), OP_SET("bias", 2)}},
    {.name = "wider_than_channels",
     .in = {OP_F32(1, 3, 3, 4)},
     .n_in = 1,
     .sets = {OP_SET("size", 100), OP_SET("beta", 0.6)}},
    {.name = "size_1",
     .in = {OP_F32(3, 16)},
     .n_in = 1,
     .sets = {OP_SET("size", 1), OP_SET("beta", 1)}},
    {.name = "wide_window",
     .in = {OP_F32(2, 3, 48)},
     .n_in = 1,
     .sets = {OP_SET("size", 41), OP_SET("alpha", 0.1), OP_SET("beta", 0.75)}},
    {.name = "all_of_three_vectors",
     .in = {OP_F32(5, 48)},
     .n_in = 1,
     .sets = {OP_SET("size", 1000), OP_SET("beta", 0.75)}},
    {.name = "one_channel", .in = {OP_F32(1)}, .n_in = 1, .sets = {OP_SET("size", 3)}},
};

const oc_op oc_op_lrn = {
    .name = "lrn",
    .help = "x [...,C] -> [...,C], local response normalisation across channels",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPE(float32),
    .numerics = "sequential",
    .batch_axis = oc_op_batch_lines,
    .halo = halo,
    .shape = shape,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
