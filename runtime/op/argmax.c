/* SPDX-License-Identifier: Apache-2.0 */
/**
 * argmax: x -> where along one axis its greatest (or least) element lies, for each index of the
 * other axes, as int64 or int32. With keep_dims the axis stays, with length 1. Of equal elements
 * the first counts, with select_last the last. A NaN is greater, and less, than any number.
 *
 * Numerics "sequential": elements in ascending order; no arithmetic.
 */
#include "op_common.h"

typedef struct attrs {
    int32_t fn, axis, keep_dims, select_last, to;
} attrs;

enum { FN_MAX, FN_MIN };
enum { TO_INT64, TO_INT32 };
static const char *const fn_names[] = {"max", "min", NULL};
static const char *const to_names[] = {"int64", "int32", NULL};

static const oc_attr rows[] = {
    {.name = "fn",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, fn),
     .max = FN_MIN,
     .names = fn_names,
     .help = "which element is looked for"},
    {.name = "axis",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, axis),
     .max = OC_RANK_MAX - 1,
     .help = "the axis that is searched"},
    {.name = "keep_dims",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, keep_dims),
     .max = 1,
     .help = "1: the axis stays with length 1, 0: it goes"},
    {.name = "select_last",
     .type = OC_ATTR_INT,
     .offset = offsetof(attrs, select_last),
     .max = 1,
     .help = "1: of equal elements the last, 0: the first"},
    {.name = "to",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, to),
     .max = TO_INT32,
     .names = to_names,
     .help = "element type of the result"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    const oc_shape *x;
    OC_TRY(oc_op_check(call));
    x = &call->in[0]->shape;
    OC_TRY(oc_op_check_axis(call, "axis", a->axis, x->rank));
    if (x->dim[a->axis] < 1)
        return oc_fail(OC_E_SHAPE, "%s: %s searches axis %d, expected elements there, found none",
                       call->name, call->op->name, a->axis);
    oc_desc y = {a->to == TO_INT32 ? OC_DTYPE_int32 : OC_DTYPE_int64, {0, {0}}};
    for (int32_t i = 0; i < x->rank; i++) {
        if (i != a->axis)
            y.shape.dim[y.shape.rank++] = x->dim[i];
        else if (a->keep_dims)
            y.shape.dim[y.shape.rank++] = 1;
    }
    out[0] = y;
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs_out)
{
    const attrs *a = call->attrs;
    attrs *b = attrs_out;
    if (!a->keep_dims)
        return oc_fail(OC_E_UNSUPPORTED, "%s: %s without keep_dims has an output of another rank",
                       call->name, call->op->name);
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
    OC_TRY(oc_op_batch_along(call, in, UINT32_C(1) << a->axis, out));
    if (!a->keep_dims && *out > a->axis)
        --*out;
    return OC_OK;
}

static oc_status halo(const oc_op_call *call, const oc_box *out, oc_box *in)
{
    const attrs *a = call->attrs;
    const oc_shape *x = &call->in[0]->shape;
    in[0] = oc_op_halo_whole(x);
    for (int32_t d = 0; d < x->rank; d++) {
        int32_t to = d > a->axis && !a->keep_dims ? d - 1 : d;
        if (d != a->axis)
            oc_op_halo_set(x, d, out->from[to], out->to[to], &in[0]);
    }
    return OC_OK;
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = oc_op_elems(&call->in[0]->shape);
    return OC_OK;
}

/* Does element i of input 0 stand before element j? */
static bool is_before(const oc_op_call *call, const void *data, size_t i, size_t j)
{
    const attrs *a = call->attrs;
    const oc_dtype dtype = call->in[0]->dtype;
    if (dtype != OC_DTYPE_float32) {
        int64_t x = oc_op_int_get(dtype, data, i), m = oc_op_int_get(dtype, data, j);
        return a->fn == FN_MAX ? x > m : x < m;
    }
    float x = ((const float *)data)[i], m = ((const float *)data)[j];
    return (a->fn == FN_MAX ? x > m : x < m) || (x != x && m == m);
}

/* The result for one line: n elements from element `from` on, `inner` apart. */
static size_t search(const oc_op_call *call, const oc_op_lines *s, const void *data, size_t from)
{
    const attrs *a = call->attrs;
    size_t best = 0;
    for (size_t i = 1; i < s->n; i++) {
        size_t at = from + i * s->inner, at_best = from + best * s->inner;
        if (a->select_last ? !is_before(call, data, at_best, at)
                           : is_before(call, data, at, at_best))
            best = i;
    }
    return best;
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    const attrs *a = call->attrs;
    const oc_op_lines s = oc_op_lines_of(&call->in[0]->shape, a->axis);
    for (size_t i = 0; i < s.outer * s.inner; i++) {
        size_t from = i / s.inner * s.n * s.inner + i % s.inner;
        oc_op_int_set(call->out[0]->dtype, out[0], i, (int64_t)search(call, &s, in[0], from));
    }
    return OC_OK;
}

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    const attrs *a = call->attrs;
    const oc_op_lines s = oc_op_lines_of(&call->in[0]->shape, a->axis);
    oc_launch *l;
    (void)traits;
    OC_TRY(oc_op_check_launch(call));
    OC_TRY(oc_launch_add(list, "argmax", "argmax", &l));
    OC_TRY(oc_op_define_type(l, call->in[0]->dtype));
    OC_TRY(oc_launch_define(l, "-DTO=%s -DCOUNT=%zu -DINNER=%zu",
                            a->to == TO_INT32 ? "int" : "long", s.n, s.inner));
    OC_TRY(oc_launch_define(l, "-DIS_MIN=%d -DSELECT_LAST=%d", a->fn == FN_MIN, a->select_last));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, s.outer * s.inner, 1, 1);
    return OC_OK;
}

/* clang-format off */
#define TO_32 OP_SET_ENUM("to", "int32")
#define MIN OP_SET_ENUM("fn", "min")
#define LAST OP_SET("select_last", 1)
#define KEEP OP_SET("keep_dims", 1)
#define AXIS(axis_) OP_SET("axis", axis_)

static const oc_op_case cases[] = {
    {.name = "classes", .in = {OP_F32(2, 1001)}, .n_in = 1, .sets = {AXIS(1)}},
    {.name = "segments", .in = {OP_F32(1, 5, 7, 21)}, .n_in = 1, .sets = {AXIS(3), TO_32}},
    {.name = "first_axis", .in = {OP_F32(9, 4, 3)}, .n_in = 1, .sets = {KEEP}},
    {.name = "middle_last", .in = {OP_F32(3, 9, 4)}, .n_in = 1, .sets = {AXIS(1), LAST, KEEP}},
    {.name = "min", .in = {OP_F32(4, 17)}, .n_in = 1, .sets = {AXIS(1), MIN}},
    {.name = "min_last", .in = {OP_F32(17, 4)}, .n_in = 1, .sets = {MIN, LAST, TO_32}},
    {.name = "one_element", .in = {OP_F32(3, 1, 2)}, .n_in = 1, .sets = {AXIS(1)}},
    {.name = "int8", .in = {OP_DESC(int8, 3, 700)}, .n_in = 1, .sets = {AXIS(1)}},
    {.name = "int8_last", .in = {OP_DESC(int8, 700, 3)}, .n_in = 1, .sets = {LAST}},
    {.name = "uint8", .in = {OP_DESC(uint8, 2, 600, 2)}, .n_in = 1, .sets = {AXIS(1), TO_32}},
    {.name = "uint8_min_last", .in = {OP_DESC(uint8, 2, 600)}, .n_in = 1,
     .sets = {AXIS(1), MIN, LAST}},
    {.name = "int32", .in = {OP_DESC(int32, 5, 6)}, .n_in = 1, .sets = {AXIS(1)}},
    {.name = "int64_min", .in = {OP_DESC(int64, 6, 5)}, .n_in = 1, .sets = {MIN}},
};

const oc_op oc_op_argmax = {
    .name = "argmax",
    .help = "x -> where along an axis its greatest or least element lies",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 1, .in_max = 1, .n_out = 1,
    .types = OC_TYPE(float32) | OC_TYPES_INT,
    .numerics = "sequential",
    .batch_axis = batch_axis,
    .halo = halo,
    .shape = shape, .permute = permute, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
