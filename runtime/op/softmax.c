/* SPDX-License-Identifier: Apache-2.0 */
/**
 * softmax: x -> y of the same shape, e^x divided by its sum along one axis, or that one's
 * logarithm.
 *
 * Numerics "sequential": m = x[0]; for i ascending: m = x > m or x is NaN ? x : m;
 * e[i] = oc_exp(x[i] - m); sum = +0; for i ascending: sum = sum + e[i]; y[i] = e[i] / sum.
 * With `log`: y[i] = (x[i] - m) - oc_ln(sum).
 */
#include "op_common.h"

typedef struct attrs {
    int32_t axis, log;
} attrs;

static const oc_attr rows[] = {
    {.name = "axis",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, axis),
     .max = OC_RANK_MAX - 1,
     .help = "the axis whose elements add up to 1"},
    {.name = "log",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, log),
     .max = 1,
     .help = "1: the logarithm of the result"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(oc_op_check_rank(call, 0, 1, OC_RANK_MAX));
    OC_TRY(oc_op_check_axis(call, "axis", a->axis, call->in[0]->shape.rank));
    out[0] = *call->in[0];
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    for (int32_t i = 0; i < rank; i++)
        if (perm[i] == a->axis)
            b->axis = i;
    return OC_OK;
}

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    (void)n;
    (void)attrs_out;
    return oc_op_batch_along(call, in, UINT32_C(1) << a->axis, out);
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    oc_op_halo_along(call, out, UINT32_C(1) << a->axis, in);
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = 5 * (uint64_t)oc_op_elems(&call->out[0]->shape);
    return OC_OK;
}

/* One sum: n elements, `inner` apart. */
static void softmax_line(const float *x, float *y, size_t n, size_t inner, bool is_log)
{
    float m = x[0], sum = 0.0f;
    for (size_t i = 1; i < n; i++) {
        float v = x[i * inner];
        m = v > m || v != v ? v : m;
    }
    for (size_t i = 0; i < n; i++) {
        float v = x[i * inner] - m, e = oc_exp(v);
        y[i * inner] = is_log ? v : e;
        sum += e;
    }
    float log_sum = is_log ? oc_ln(sum) : 0.0f;
    for (size_t i = 0; i < n; i++)
        y[i * inner] = is_log ? y[i * inner] - log_sum : y[i * inner] / sum;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    oc_op_lines s = oc_op_lines_of(&call->in[0]->shape, a->axis);
    const float *x = in[0];
    float *y = out[0];
    for (size_t o = 0; o < s.outer; o++)
        for (size_t i = 0; i < s.inner; i++)
            softmax_line(x + o * s.n * s.inner + i, y + o * s.n * s.inner + i, s.n, s.inner,
                         a->log);
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    oc_op_lines s = oc_op_lines_of(&call->in[0]->shape, a->axis);
    oc_launch *l;
    (void)traits;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_launch_add(list, "softmax", "softmax", &l));
    OC_TRY(oc_launch_define(l, "-DCOUNT=%zu -DINNER=%zu -DIS_LOG=%d", s.n, s.inner, a->log));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, s.outer * s.inner, 1, 1);
    return OC_OK;
}

static const oc_op_case cases[] = {
    {.name = "classes",
     .in = {OP_F32(1, 10)},
     .n_in = 1,
     .lo = -20,
     .hi = 20,
     .sets = {OP_SET("axis", 1)}},
    {.name = "wide_range",
     .in = {OP_F32(3, 101)},
     .n_in = 1,
     .lo = -120,
     .hi = 120,
     .sets = {OP_SET("axis", 1)}},
    {.name = "vector", .in = {OP_F32(7)}, .n_in = 1},
    {.name = "one_class", .in = {OP_F32(4, 1)}, .n_in = 1, .sets = {OP_SET("axis", 1)}},
    {.name = "first_axis", .in = {OP_F32(5, 3, 4)}, .n_in = 1},
    {.name = "channels_of_pixels",
     .in = {OP_F32(2, 6, 5, 3)},
     .n_in = 1,
     .lo = -4,
     .hi = 4,
     .sets = {OP_SET("axis", 3)}},
    {.name = "middle_axis",
     .in = {OP_F32(2, 9, 5, 3)},
     .n_in = 1,
     .lo = -4,
     .hi = 4,
     .sets = {OP_SET("axis", 1)}},
    {.name = "rank_8",
     .in = {OP_F32(2, 1, 3, 2, 1, 5, 2, 2)},
     .n_in = 1,
     .sets = {OP_SET("axis", 5)}},
    {.name = "log_classes",
     .in = {OP_F32(2, 33)},
     .n_in = 1,
     .lo = -100,
     .hi = 100,
     .sets = {OP_SET("axis", 1), OP_SET("log", 1)}},
    {.name = "log_first_axis", .in = {OP_F32(5, 3, 4)}, .n_in = 1, .sets = {OP_SET("log", 1)}},
    {.name = "log_one_class",
     .in = {OP_F32(3, 1)},
     .n_in = 1,
     .sets = {OP_SET("axis", 1), OP_SET("log", 1)}},
};

const oc_op oc_op_softmax = {
    .name = "softmax",
    .help = "x -> y of the same shape, e^x divided by its sum along an axis, or the logarithm",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPE(float32),
    .numerics = "sequential",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape,
    .permute = permute,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
