/* SPDX-License-Identifier: Apache-2.0 */
/**
 * reduce: x -> one result over all elements along `axes`, for each index of the other axes.
 * With keepdims the reduced axes stay, with length 1. No axes: every element by itself. Over no
 * elements (a reduced axis of length 0) the result is what the function begins with.
 *
 * Numerics "sequential": elements in ascending row-major order of the reduced axes; each operation
 * rounded, fma where it says so.
 *   sum          m = +0; m = m + x                     mean     the same, then m / count
 *   prod         m = 1; m = m * x                      log_sum  as sum, then oc_ln(m)
 *   max          m = -infinity; m = x > m or x is NaN ? x : m    min: +infinity, x < m
 *   sum_square   m = +0; m = fma(x, x, m)              l2       the same, then the square root
 *   l1           m = +0; m = m + |x|
 *   log_sum_exp  s = max if that is finite, else 0; m = +0; m = m + oc_exp(x - s);
 *                then oc_ln(m) + s
 *
 * Integers: sum, prod, sum_square and l1 of int32 and int64 wrap around; max and min take every
 * integer type and bool (any, all), and begin with the least and the greatest number of the type.
 */
#include "op_common.h"

typedef struct attrs {
    int32_t fn;
    oc_ints axes;
    int32_t keepdims;
} attrs;

/* ---- functions ------------------------------------------------------------------------------ */

static float step_sum(float m, float x, float shift)
{
    (void)shift;
    return m + x;
}

static float step_prod(float m, float x, float shift)
{
    (void)shift;
    return m * x;
}

static float step_max(float m, float x, float shift)
{
    (void)shift;
    return x > m || x != x ? x : m;
}

static float step_min(float m, float x, float shift)
{
    (void)shift;
    return x < m || x != x ? x : m;
}

static float step_square(float m, float x, float shift)
{
    (void)shift;
    return OC_FMA(x, x, m);
}

static float step_abs(float m, float x, float shift)
{
    (void)shift;
    return m + oc_abs(x);
}

static float step_exp(float m, float x, float shift)
{
    return m + oc_exp(x - shift);
}

static float end_none(float m, size_t count, float shift)
{
    (void)count;
    (void)shift;
    return m;
}

static float end_mean(float m, size_t count, float shift)
{
    (void)shift;
    return m / (float)count;
}

static float end_root(float m, size_t count, float shift)
{
    (void)count;
    (void)shift;
    return OC_SQRT(m);
}

static float end_log(float m, size_t count, float shift)
{
    (void)count;
    return oc_ln(m) + shift;
}

/* Unsigned arithmetic wraps around; what is kept of it are the low bits of the element's type. */
static int64_t int_sum(int64_t m, int64_t x)
{
    return (int64_t)((uint64_t)m + (uint64_t)x);
}

static int64_t int_prod(int64_t m, int64_t x)
{
    return (int64_t)((uint64_t)m * (uint64_t)x);
}

static int64_t int_max(int64_t m, int64_t x)
{
    return OC_MAX(m, x);
}

static int64_t int_min(int64_t m, int64_t x)
{
    return OC_MIN(m, x);
}

static int64_t int_square(int64_t m, int64_t x)
{
    return int_sum(m, int_prod(x, x));
}

static int64_t int_abs(int64_t m, int64_t x)
{
    return int_sum(m, x < 0 ? int_prod(x, -1) : x);
}

#define TYPES_FLOAT OC_TYPE(float32)
#define TYPES_WRAP (TYPES_FLOAT | OC_TYPE(int32) | OC_TYPE(int64))
#define TYPES_ORDER (TYPES_FLOAT | OC_TYPES_INT | OC_TYPE(bool))

/*
 * X(name, start, step, end, integer step, types). A further function is a line here and its macros
 * in reduce.cl.
 */
/* clang-format off */
#define FN_LIST(X)                                                               \
    X(mean, 0.0f, step_sum, end_mean, NULL, TYPES_FLOAT)                         \
    X(sum, 0.0f, step_sum, end_none, int_sum, TYPES_WRAP)                        \
    X(max, -HUGE_VALF, step_max, end_none, int_max, TYPES_ORDER)                 \
    X(min, HUGE_VALF, step_min, end_none, int_min, TYPES_ORDER)                  \
    X(prod, 1.0f, step_prod, end_none, int_prod, TYPES_WRAP)                     \
    X(sum_square, 0.0f, step_square, end_none, int_square, TYPES_WRAP)           \
    X(l1, 0.0f, step_abs, end_none, int_abs, TYPES_WRAP)                         \
    X(l2, 0.0f, step_square, end_root, NULL, TYPES_FLOAT)                        \
    X(log_sum, 0.0f, step_sum, end_log, NULL, TYPES_FLOAT)                       \
    X(log_sum_exp, 0.0f, step_exp, end_log, NULL, TYPES_FLOAT)
/* clang-format on */

typedef struct function {
    float start; /* of integers: the nearest that the type has */
    float (*step)(float m, float x, float shift);
    float (*end)(float m, size_t count, float shift);
    int64_t (*step_int)(int64_t m, int64_t x);
    uint32_t types;
} function;

static const function functions[] = {
#define X(name_, start_, step_, end_, step_int_, types_) {start_, step_, end_, step_int_, types_},
    FN_LIST(X)
#undef X
};

static const char *const fn_names[] = {
#define X(name_, start_, step_, end_, step_int_, types_) #name_,
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
    OC_TRY(oc_op_check(call));
    oc_desc y = {call->in[0]->dtype, {0, {0}}};
    if (!(functions[a->fn].types >> y.dtype & 1u))
        return oc_fail(OC_E_DTYPE, "%s: input 0 of %s is %s, expected a type that has %s",
                       call->name, call->op->name, oc_dtype_name(y.dtype), fn_names[a->fn]);
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

static oc_status batch_axis(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs_out)
{
    const attrs *a = call->attrs;
    uint32_t fixed = 0;
    (void)n;
    (void)attrs_out;
    for (int32_t i = 0; i < a->axes.count; i++)
        fixed |= UINT32_C(1) << a->axes.v[i];
    OC_TRY(oc_op_batch_along(call, in, fixed, out));
    for (int32_t i = in[0] - 1; !a->keepdims && i >= 0; i--)
        *out -= is_reduced(a, i);
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    in[0] = oc_op_halo_whole(x);
    for (int32_t d = 0, to = 0; d < x->rank; d++) {
        if (!is_reduced(a, d))
            oc_op_halo_set(x, d, out->from[to], out->to[to], &in[0]);
        to += a->keepdims || !is_reduced(a, d);
    }
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = oc_op_elems(&call->in[0]->shape);
    return OC_OK;
}

/* ---- the walk ------------------------------------------------------------------------------- */

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
    size_t count;                        /* elements that make a result */
    bool is_last_kept;                   /* the last axis of the input is in kept[0] */
} plan;

static plan plan_make(const oc_op_call *call)
{
    const oc_shape *x = &call->in[0]->shape;
    plan p = {.count = 1};
    size_t count[2] = {0, 0}, stride = 1;
    int before = -1;
    for (size_t i = 0; i < GROUPS; i++)
        p.kept[i] = p.reduced[i] = (group){1, 0};
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
        if (kind)
            p.count *= n;
        stride *= n;
        before = kind;
    }
    return p;
}

/* Where the i-th index over `groups` lies, the innermost fastest. */
static size_t place(const group *groups, size_t i)
{
    size_t at = 0;
    for (; i > 0; i /= groups->length, groups++)
        at += i % groups->length * groups->stride;
    return at;
}

static float fold(const function *fn, const plan *p, const float *x)
{
    float shift = 0.0f;
    if (fn->step == step_exp) {
        float m = -OC_INF;
        for (size_t i = 0; i < p->count; i++)
            m = step_max(m, x[place(p->reduced, i)], shift);
        shift = oc_abs(m) < OC_INF ? m : 0.0f;
    }
    float m = fn->start;
    for (size_t i = 0; i < p->count; i++)
        m = fn->step(m, x[place(p->reduced, i)], shift);
    return fn->end(m, p->count, shift);
}

/* What `start` is in an integer type: infinities become its bounds. */
static int64_t start_int(const function *fn, oc_dtype dtype)
{
    if (oc_abs(fn->start) < OC_INF)
        return (int64_t)fn->start;
    return fn->start < 0 ? oc_op_int_lowest(dtype) : oc_op_int_highest(dtype);
}

static int64_t fold_int(const function *fn, const plan *p, oc_dtype dtype, const void *x,
                        size_t from)
{
    int64_t m = start_int(fn, dtype);
    for (size_t i = 0; i < p->count; i++)
        m = fn->step_int(m, oc_op_int_get(dtype, x, from + place(p->reduced, i)));
    return m;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const function *fn = &functions[a->fn];
    const oc_dtype dtype = call->in[0]->dtype;
    const plan p = plan_make(call);
    size_t elems = oc_op_elems(&call->out[0]->shape);
    for (size_t i = 0; i < elems; i++) {
        size_t from = place(p.kept, i);
        if (dtype == OC_DTYPE_float32)
            ((float *)out[0])[i] = fold(fn, &p, (const float *)in[0] + from);
        else
            oc_op_int_set(dtype, out[0], i, fold_int(fn, &p, dtype, in[0], from));
    }
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

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

/* What wraps around is computed in the unsigned type of the same width. */
static oc_status define_type(oc_launch *l, const function *fn, oc_dtype dtype)
{
    if (dtype == OC_DTYPE_float32 || fn->types == TYPES_ORDER)
        return oc_op_define_type(l, dtype);
    return oc_launch_define(l, dtype == OC_DTYPE_int32 ? "-DT=uint -DT_SIGN=0x80000000u"
                                                       : "-DT=ulong -DT_SIGN=0x8000000000000000ul");
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    const char *fn = fn_names[a->fn];
    plan p = plan_make(call);
    uint32_t lanes = p.is_last_kept ? oc_op_lanes(traits, p.kept[0].length) : 1;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    plan_vectorise(&p, lanes);
    OC_TRY(oc_launch_add(list, "reduce", "reduce", &l));
    OC_TRY(define_type(l, &functions[a->fn], call->in[0]->dtype));
    /* Whole names: "max" by itself is a macro of some compilers. */
    OC_TRY(oc_launch_define(l, "-DSTART=start_%s -DSTEP=step_%s -DEND=end_%s", fn, fn, fn));
    OC_TRY(oc_launch_define(l, "-DSHIFTS=%d -DCOUNT=%zu -DLANES=%u",
                            functions[a->fn].step == step_exp, p.count, lanes));
    for (size_t i = 0; i < GROUPS; i++) {
        OC_TRY(oc_launch_define(l, "-DK%zu=%zu -DKS%zu=%zu", i, p.kept[i].length, i,
                                p.kept[i].stride));
        OC_TRY(oc_launch_define(l, "-DR%zu=%zu -DRS%zu=%zu", i, p.reduced[i].length, i,
                                p.reduced[i].stride));
    }
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, oc_op_elems(&call->out[0]->shape) / lanes, 1, 1);
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
    {.name = "prod_spatial",
     .in = {OP_F32(1, 3, 3, 24)},
     .n_in = 1,
     .lo = 0.5,
     .hi = 1.5,
     .sets = {FN("prod"), OP_SET_INTS("axes", 1, 2)}},
    {.name = "sum_square_all",
     .in = {OP_F32(5, 7)},
     .n_in = 1,
     .sets = {FN("sum_square"), OP_SET_INTS("axes", 0, 1)}},
    {.name = "l1_first",
     .in = {OP_F32(5, 20)},
     .n_in = 1,
     .sets = {FN("l1"), OP_SET_INTS("axes", 0)}},
    {.name = "l2_last",
     .in = {OP_F32(2, 3, 11)},
     .n_in = 1,
     .sets = {FN("l2"), OP_SET_INTS("axes", 2), OP_SET("keepdims", 1)}},
    {.name = "log_sum_middle",
     .in = {OP_F32(3, 5, 16)},
     .n_in = 1,
     .lo = 0.25,
     .hi = 4,
     .sets = {FN("log_sum"), OP_SET_INTS("axes", 1)}},
    {.name = "log_sum_exp_first",
     .in = {OP_F32(9, 16)},
     .n_in = 1,
     .lo = -200,
     .hi = 200,
     .sets = {FN("log_sum_exp"), OP_SET_INTS("axes", 0)}},
    {.name = "log_sum_exp_last",
     .in = {OP_F32(4, 9)},
     .n_in = 1,
     .lo = -5,
     .hi = 5,
     .sets = {FN("log_sum_exp"), OP_SET_INTS("axes", 1)}},
#define INTS(fn_, dtype_, axis_, ...)                                                         \
    {                                                                                         \
        .name = #fn_ "_" #dtype_ "_" #axis_, .in = {OP_DESC(dtype_, __VA_ARGS__)}, .n_in = 1, \
        .sets = {                                                                             \
            FN(#fn_),                                                                         \
            OP_SET_INTS("axes", axis_)                                                        \
        }                                                                                     \
    }
    INTS(sum, int32, 0, 7, 16),
    INTS(sum, int64, 1, 3, 9),
    INTS(prod, int32, 1, 5, 6),
    INTS(prod, int64, 0, 5, 8),
    INTS(sum_square, int32, 0, 4, 3),
    INTS(sum_square, int64, 1, 4, 3, 4),
    INTS(l1, int32, 0, 9, 32),
    INTS(l1, int64, 1, 5, 7),
    INTS(max, int8, 1, 2, 9, 16),
    INTS(min, int8, 1, 5, 13),
    INTS(max, uint8, 0, 6, 7),
    INTS(min, uint8, 0, 9, 32),
    INTS(max, int32, 0, 6, 8),
    INTS(min, int32, 1, 6, 5),
    INTS(max, int64, 1, 6, 5),
    INTS(min, int64, 0, 6, 8),
#undef INTS
    {.name = "any",
     .in = {OP_DESC(bool, 40, 3)},
     .n_in = 1,
     .sets = {FN("max"), OP_SET_INTS("axes", 1)}},
    {.name = "all",
     .in = {OP_DESC(bool, 2, 16)},
     .n_in = 1,
     .sets = {FN("min"), OP_SET_INTS("axes", 0)}},
    {.name = "sum_nothing",
     .in = {OP_F32(3, 0, 8)},
     .n_in = 1,
     .sets = {FN("sum"), OP_SET_INTS("axes", 1)}},
    {.name = "mean_nothing", .in = {OP_F32(0, 5)}, .n_in = 1, .sets = {OP_SET_INTS("axes", 0)}},
    {.name = "log_sum_exp_nothing",
     .in = {OP_F32(4, 0)},
     .n_in = 1,
     .sets = {FN("log_sum_exp"), OP_SET_INTS("axes", 1)}},
    {.name = "min_nothing",
     .in = {OP_DESC(int8, 0, 3)},
     .n_in = 1,
     .sets = {FN("min"), OP_SET_INTS("axes", 0)}},
    {.name = "max_into_nothing",
     .in = {OP_F32(0, 5)},
     .n_in = 1,
     .sets = {FN("max"), OP_SET_INTS("axes", 1)}},
};

const oc_op oc_op_reduce = {
    .name = "reduce",
    .help = "x -> a mean, sum, product, maximum, minimum or norm along axes",
    .attrs_size = sizeof(attrs),
    .attrs = rows,
    .n_attrs = OC_COUNT(rows),
    .in_min = 1,
    .in_max = 1,
    .n_out = 1,
    .types = TYPES_ORDER,
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
