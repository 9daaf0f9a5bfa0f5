/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cast: x of any shape and type -> the same shape, elements of type `to`.
 *
 *   float to integer   cut off towards zero; beyond the type's range its end; a NaN becomes 0
 *   integer to narrower integer   the low bits, so it wraps around
 *   to float           the nearest number, of two the even one; beyond float16's range infinity
 *   to bool            x != 0 (so a NaN is true); a bool is 0 or 1
 *
 * Numerics "elementwise": each of these is exact or rounded once.
 */
#include "op_common.h"

#include "oc_tensor.h"

typedef struct attrs {
    int32_t to; /* oc_dtype */
} attrs;

static const oc_attr rows[] = {
    {.name = "to",
     .type = OC_ATTR_ENUM,
     .offset = offsetof(attrs, to),
     .max = OC_DTYPE_COUNT - 1,
     .names = oc_op_dtype_names,
     .help = "element type of the result"},
};

static oc_status shape(const oc_op_call *call, oc_desc *out)
{
    const attrs *a = call->attrs;
    OC_TRY(oc_op_check(call));
    out[0] = (oc_desc){(oc_dtype)a->to, call->in[0]->shape};
    return OC_OK;
}

static oc_status permute(const oc_op_call *call, const int32_t *perm, int32_t rank, void *to)
{
    (void)perm;
    (void)to;
    return oc_op_check_rank(call, 0, rank, rank);
}

static oc_status cost(const oc_op_call *call, oc_cost *cost)
{
    OC_TRY(oc_op_cost_io(call, cost));
    cost->ops = oc_op_elems(&call->in[0]->shape);
    return OC_OK;
}

static bool is_float(oc_dtype dtype)
{
    return dtype == OC_DTYPE_float32 || dtype == OC_DTYPE_float16;
}

/* ---- reference ------------------------------------------------------------------------------ */

static float load_float(oc_dtype dtype, const void *x, size_t i)
{
    return dtype == OC_DTYPE_float16 ? oc_half_to_float(((const uint16_t *)x)[i])
                                     : ((const float *)x)[i];
}

static void store_float(oc_dtype dtype, void *y, size_t i, float v)
{
    if (dtype == OC_DTYPE_float16)
        ((uint16_t *)y)[i] = oc_half_from_float(v);
    else
        ((float *)y)[i] = v;
}

/* The ends are whole numbers; the number after the upper one is a power of two, so a float. */
static int64_t cut_off(float v, oc_dtype to)
{
    int64_t low = oc_op_int_lowest(to), high = oc_op_int_highest(to);
    float end = (float)(high / 2 + 1) * 2.0f;
    if (v != v)
        return 0;
    return v <= (float)low ? low : v >= end ? high : (int64_t)v;
}

static void cast_float(oc_dtype to, void *y, size_t i, float v)
{
    if (is_float(to))
        store_float(to, y, i, v);
    else
        oc_op_int_set(to, y, i, to == OC_DTYPE_bool ? v != 0.0f : cut_off(v, to));
}

static void cast_int(oc_dtype to, void *y, size_t i, int64_t v)
{
    if (is_float(to))
        store_float(to, y, i, (float)v);
    else
        oc_op_int_set(to, y, i, to == OC_DTYPE_bool ? v != 0 : v);
}

static oc_status reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    oc_dtype from = call->in[0]->dtype, to = call->out[0]->dtype;
    size_t elems = oc_op_elems(&call->in[0]->shape);
    for (size_t i = 0; i < elems; i++) {
        if (is_float(from)) {
            cast_float(to, out[0], i, load_float(from, in[0], i));
        } else {
            int64_t v = oc_op_int_get(from, in[0], i);
            cast_int(to, out[0], i, from == OC_DTYPE_bool ? v != 0 : v);
        }
    }
    return OC_OK;
}

/* ---- launch --------------------------------------------------------------------------------- */

static oc_status launch(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list)
{
    oc_dtype from = call->in[0]->dtype, to = call->out[0]->dtype;
    oc_launch *l;
    OC_TRY(oc_op_check_launch(call));
    oc_op_chunks c = oc_op_chunks_scalar(traits, oc_op_elems(&call->in[0]->shape), 4096);
    OC_TRY(oc_launch_add(list, "cast", "cast", &l));
    OC_TRY(oc_launch_define(l, "-DFROM=%s -DTO=%s", oc_op_cl_type(from), oc_op_cl_type(to)));
    if (from == OC_DTYPE_float16)
        OC_TRY(oc_launch_define(l, "-DFROM_HALF"));
    if (from == OC_DTYPE_bool)
        OC_TRY(oc_launch_define(l, "-DFROM_BOOL"));
    if (to == OC_DTYPE_float16)
        OC_TRY(oc_launch_define(l, "-DTO_HALF"));
    if (to == OC_DTYPE_bool)
        OC_TRY(oc_launch_define(l, "-DTO_BOOL"));
    else if (is_float(from) && !is_float(to))
        OC_TRY(oc_launch_define(l, "-DCUT_OFF -DHIGH=%lld -DIS_SIGNED=%d",
                                (long long)oc_op_int_highest(to), oc_op_int_lowest(to) < 0));
    OC_TRY(oc_op_define_chunks(l, &c));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, c.chunks, 1, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}

/* clang-format off */
#define CASE(from_, to_, lo_, hi_, ...)                                                        \
    {.name = #from_ "_to_" #to_, .in = {{OC_DTYPE_##from_, OP_INTS(__VA_ARGS__)}}, .n_in = 1,  \
     .lo = lo_, .hi = hi_, .sets = {OP_SET_ENUM("to", #to_)}}

static const oc_op_case cases[] = {
    CASE(float32, float16, -70000, 70000, 2, 3, 4, 501),
    CASE(float32, int8, -140, 140, 2, 3, 4, 5),
    CASE(float32, uint8, -20, 300, 999),
    CASE(float32, int32, -3e9, 3e9, 5, 201),
    CASE(float32, int64, -1e19, 1e19, 1001),
    CASE(float32, bool, 0, 0, 7, 33),
    CASE(float16, float32, 0, 0, 4, 5000),
    CASE(float16, int8, 0, 0, 501),
    CASE(float16, int32, 0, 0, 501),
    CASE(float16, bool, 0, 0, 19, 2),
    CASE(int8, float32, 0, 0, 2, 3, 4097),
    CASE(int8, float16, 0, 0, 300),
    CASE(int8, int32, 0, 0, 65),
    CASE(uint8, float32, 0, 0, 1, 28, 28, 3),
    CASE(uint8, int64, 0, 0, 65),
    CASE(uint8, bool, 0, 0, 900),
    CASE(int32, float32, 0, 0, 3, 700),
    CASE(int32, float16, -80000, 80000, 700),
    CASE(int32, int8, 0, 0, 65),
    CASE(int32, int64, 0, 0, 65),
    CASE(int64, float32, 0, 0, 3, 701),
    CASE(int64, float16, -80000, 80000, 700),
    CASE(int64, uint8, 0, 0, 65),
    CASE(int64, int32, 0, 0, 65),
    CASE(int64, bool, -2, 2, 65),
    CASE(bool, float32, 0, 0, 3, 21),
    CASE(bool, uint8, 0, 0, 3, 21),
    CASE(bool, int32, 0, 0, 3, 21),
    {.name = "scalar", .in = {OP_SCALAR(int64)}, .n_in = 1, .sets = {OP_SET_ENUM("to", "float32")}},
    {.name = "rank_8", .in = {OP_DESC(uint8, 2, 1, 3, 2, 1, 2, 2, 3)}, .n_in = 1,
     .sets = {OP_SET_ENUM("to", "float32")}},
};

const oc_op oc_op_cast = {
    .name = "cast",
    .help = "x of any shape and type -> the same shape, elements of type `to`",
    .attrs_size = sizeof(attrs), .attrs = rows, .n_attrs = OC_COUNT(rows),
    .in_min = 1, .in_max = 1, .n_out = 1,
    .types = OC_TYPES_ALL,
    .numerics = "elementwise",
    .batch_axis = oc_op_batch_elementwise,
    .halo = oc_op_halo_elementwise,
    .shape = shape, .permute = permute, .cost = cost, .reference = reference, .launch = launch,
    .cases = cases, .n_cases = OC_COUNT(cases),
};
/* clang-format on */
