/* SPDX-License-Identifier: Apache-2.0 */
/**
 * reduce: x -> one result over all elements along `axes`, for each index of the other axes.
 * With keepdims the reduced axes stay, with length 1. No axes: every element by itself.
 *
 * Numerics "sequential": elements in ascending row-major order of the reduced axes.
 * sum:  m = +0; m = m + x.   mean: the same, then m / count.
 * max:  m = -infinity; m = x > m or x is NaN ? x : m.   min: +infinity, x < m.
 */
#include "op_common.h"

typedef struct attrs {
    int32_t fn;
    oc_ints axes;
    int32_t keepdims;
} attrs;

static float step_sum(float m, float x)
{
    return m + x;
}

static float step_max(float m, float x)
{
    return x > m || x != x ? x : m;
}

static float step_min(float m, float x)
{
    return x < m || x != x ? x : m;
}

/* A further function is a line here and its macros in reduce.cl. */
#define FN_LIST(X)                      \
    X(mean, 0.0f, step_sum, true)       \
    X(sum, 0.0f, step_sum, false)       \
    X(max, -HUGE_VALF, step_max, false) \
    X(min, HUGE_VALF, step_min, false)

typedef struct function {
    float start;
    float (*step)(float m, float x);
    bool divides; /* by the number of elements */
} function;

static const function functions[] = {
#define X(name_, start_, step_, divides_) {start_, step_, divides_},
    FN_LIST(X)
#undef X
};

static const char *const fn_names[] = {
#define X(name_, start_, step_, divides_) #name_,
    FN_LIST(X)
#undef X
        NULL,
};

static const oc_attr rows[] = {
    {.name = "fn",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, fn),
     .max = OC_COUNT(functions) - 1,
     .names = fn_names,
     .help = "what becomes of the elements"},
    {.name = "axes",
     .type = OC_ATTR_INTS,
     .offset = offsetof(attrs, axes),
     .max = OC_RANK_MAX - 1,
     .help = "the axes that are reduced, each once"},
    {.name = "keepdims",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, keepdims),
     .max = 1,
     .help = "1: reduced axes stay with length 1, 0: they go"},
};

static bool is_reduced(const attrs *a, int32_t axis)
{
    for (int32_t i = 0; i < a->axes.count; i++)
        if (a->axes.v[i] == axis)
            return true;
    return false;
}

static oc_status check_axes(const oc_op_call *call)
{
    const attrs *a = call->attrs;
    for (int32_t i = 0; i < a->axes.count; i++) {
        OC_TRY(oc_op_check_axis(call, "axes", a->axes.v[i], call->in[0]->shape.rank));
        for (int32_t j = 0; j < i; j++)
            if (a->axes.v[j] == a->axes.v[i])
                return oc_fail(OC_E_ARG, "%s: axes of %s name axis %d twice, expected once",
                               call->name, call->op->name, a->axes.v[i]);
    }
    return OC_OK;
}

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    oc_desc y = {OC_DTYPE_float32, {0, {0}}};
    OC_TRY(oc_op_check(call));
    OC_TRY(oc_op_check_float(call));
    OC_TRY(check_axes(call));
    const oc_shape *x = &call->in[0]->shape;
    for (int32_t i = 0; i < x->rank; i++) {
        if (!is_reduced(a, i))
            y.shape.dim[y.shape.rank++] = x->dim[i];
        else if (a->keepdims)
            y.shape.dim[y.shape.rank++] = 1;
    }
    out[0] = y;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    if (!a->keepdims)
        return oc_fail(OC_E_UNSUPPORTED, "%s: %s without keepdims has an output of another rank",
                       call->name, call->op->name);
    b->axes.count = 0;
    for (int32_t i = 0, last = -1; i < rank; i++) {
        if (!is_reduced(a, perm[i]))
            continue;
        /* The elements must be met in the same order, or the sum gets other bits. */
        if (perm[i] < last)
            return oc_fail(OC_E_UNSUPPORTED, "%s: %s cannot change the order of its axes %d and %d",
                           call->name, call->op->name, perm[i], last);
        last = perm[i];
        b->axes.v[b->axes.count++] = i;
    }
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = oc_op_elems(&call->in[0]->shape);
    return OC_OK;
}

/* strides[i]: how far a step along axis i of the input goes in the output; 0 if it is reduced. */
static void output_strides(const oc_op_call *call, size_t strides[OC_RANK_MAX])
{
    const oc_shape *x = &call->in[0]->shape;
    size_t step = 1;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        bool reduced = is_reduced(call->attrs, i);
        strides[i] = reduced ? 0 : step;
        step *= reduced ? 1 : (size_t)x->dim[i];
    }
}

/* Inputs in their own order, each added to its result: so every result sees its own in order. */
static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const function *fn = &functions[a->fn];
    const oc_shape *shape_in = &call->in[0]->shape;
    size_t elems_in = oc_op_elems(shape_in), elems_out = oc_op_elems(&call->out[0]->shape);
    size_t strides[OC_RANK_MAX];
    int32_t at[OC_RANK_MAX] = {0};
    const float *x = in[0];
    float *y = out[0];
    output_strides(call, strides);
    for (size_t i = 0; i < elems_out; i++)
        y[i] = fn->start;
    for (size_t i = 0; i < elems_in; i++) {
        size_t to = 0;
        for (int32_t d = 0; d < shape_in->rank; d++)
            to += (size_t)at[d] * strides[d];
        y[to] = fn->step(y[to], x[i]);
        oc_op_next(shape_in, at);
    }
    for (size_t i = 0; i < elems_out && fn->divides; i++)
        y[i] /= (float)(elems_in / elems_out);
    return OC_OK;
}

/*
 * Neighbouring axes of one kind as one; axes of length 1 vanish. So kinds alternate: there are four
 * of each at most.
 */
#define GROUPS (OC_RANK_MAX / 2)
typedef struct group {
    size_t length, stride;
} group;
typedef struct plan {
    group kept[GROUPS], reduced[GROUPS]; /* the innermost first; the rest have length 1 */
    bool is_last_kept;                   /* the last axis of the input is in kept[0] */
} plan;

static plan plan_make(const oc_op_call *call)
{
    const oc_shape *x = &call->in[0]->shape;
    plan p;
    size_t count[2] = {0, 0}, stride = 1;
    int before = -1;
    for (size_t i = 0; i < GROUPS; i++)
        p.kept[i] = p.reduced[i] = (group){1, 0};
    p.is_last_kept = false;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        size_t n = (size_t)x->dim[i];
        int kind = is_reduced(call->attrs, i);
        group *groups = kind ? p.reduced : p.kept;
        if (n == 1)
            continue;
        if (before < 0)
            p.is_last_kept = !kind;
        if (kind == before)
            groups[count[kind] - 1].length *= n;
        else
            groups[count[kind]++] = (group){n, stride};
        stride *= n;
        before = kind;
    }
    return p;
}

/* All axes but kept[0] step over whole rows of it: their strides are multiples of its length. */
static void plan_vectorise(plan *p, size_t lanes)
{
    p->kept[0].length /= lanes;
    for (size_t i = 0; i < GROUPS; i++) {
        p->reduced[i].stride /= lanes;
        if (i > 0)
            p->kept[i].stride /= lanes;
    }
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    plan p = plan_make(call);
    size_t elems_in = oc_op_elems(&call->in[0]->shape);
    size_t elems_out = oc_op_elems(&call->out[0]->shape);
    uint32_t lanes = p.is_last_kept ? oc_op_lanes(traits, p.kept[0].length) : 1;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    plan_vectorise(&p, lanes);
    OC_TRY(oc_launch_add(list, "reduce", "reduce", &l));
    /* Whole names: "max" by itself is a macro of some compilers. */
    OC_TRY(oc_launch_define(l, "-DSTART=start_%s -DSTEP=step_%s -DEND=end_%s", fn_names[a->fn],
                            fn_names[a->fn], fn_names[a->fn]));
    OC_TRY(oc_launch_define(l, "-DCOUNT=%zu -DLANES=%u", elems_in / elems_out, lanes));
    for (size_t i = 0; i < GROUPS; i++) {
        OC_TRY(oc_launch_define(l, "-DK%zu=%zu -DKS%zu=%zu", i, p.kept[i].length, i,
                                p.kept[i].stride));
        OC_TRY(oc_launch_define(l, "-DR%zu=%zu -DRS%zu=%zu", i, p.reduced[i].length, i,
                                p.reduced[i].stride));
    }
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, elems_out / lanes, 1, 1);
    return OC_OK;
}

#define FN(name_) OP_SET_ENUM("fn", name_)
static const oc_op_case cases[] = {
    {.name = "spatial_mean",
     .in = {OP_F32(2, 7, 5, 16)},
     .n_in = 1,
     .sets = {OP_SET_INTS("axes", 1, 2)}},
    {.name = "spatial_mean_odd_keepdims",
     .in = {OP_F32(1, 3, 4, 7)},
     .n_in = 1,
     .sets = {OP_SET_INTS("axes", 2, 1), OP_SET("keepdims", 1)}},
    {.name = "nchw_mean",
     .in = {OP_F32(2, 6, 3, 5)},
     .n_in = 1,
     .sets = {OP_SET_INTS("axes", 2, 3)}},
    {.name = "sum_last",
     .in = {OP_F32(5, 33)},
     .n_in = 1,
     .sets = {FN("sum"), OP_SET_INTS("axes", 1)}},
    {.name = "max_first",
     .in = {OP_F32(6, 8)},
     .n_in = 1,
     .lo = -5,
     .hi = -1,
     .sets = {FN("max"), OP_SET_INTS("axes", 0), OP_SET("keepdims", 1)}},
    {.name = "min_all",
     .in = {OP_F32(3, 4, 5)},
     .n_in = 1,
     .lo = 1,
     .hi = 5,
     .sets = {FN("min"), OP_SET_INTS("axes", 0, 1, 2)}},
    {.name = "sum_none", .in = {OP_F32(3, 4)}, .n_in = 1, .sets = {FN("sum"), {.attr = "axes"}}},
    {.name = "mean_scalar", .in = {OP_SCALAR(float32)}, .n_in = 1},
    {.name = "mean_alternating_rank_8",
     .in = {OP_F32(2, 3, 2, 2, 3, 2, 2, 4)},
     .n_in = 1,
     .sets = {OP_SET_INTS("axes", 0, 2, 4, 6)}},
    {.name = "max_alternating_rank_8",
     .in = {OP_F32(2, 3, 2, 2, 3, 2, 2, 3)},
     .n_in = 1,
     .sets = {FN("max"), OP_SET_INTS("axes", 1, 3, 5, 7), OP_SET("keepdims", 1)}},
    {.name = "sum_ones_between",
     .in = {OP_F32(3, 1, 4, 1, 5)},
     .n_in = 1,
     .sets = {FN("sum"), OP_SET_INTS("axes", 0, 1, 2)}},
    {.name = "min_middle",
     .in = {OP_F32(4, 9, 12)},
     .n_in = 1,
     .sets = {FN("min"), OP_SET_INTS("axes", 1)}},
};

const oc_op oc_op_reduce = {
    .name = "reduce",
    .help = "x -> the mean, sum, maximum or minimum along axes",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = OC_TYPE(float32),
    .numerics = "sequential",
    .shape = shape,
    .permute = permute,
    .cost = cost,
    .reference = reference,
    .launch = launch,
    .cases = cases,
    .n_cases = OC_COUNT(cases),
};
