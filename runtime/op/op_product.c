/* SPDX-License-Identifier: Apache-2.0 */
#include "op_product.h"

/* ---- reference ------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void dot(const float *x, size_t n, const float *w,
                                                      size_t next_j, size_t next_i, int32_t count,
                                                      float *acc)
{
    float a[OP_DOT_MAX];
    if (count == OP_DOT_MAX) { /* a known number of chains side by side, in registers */
        memcpy(a, acc, sizeof(a));
        for (size_t i = 0; i < n; i++) {
            float xi = x ? x[i] : 0.0f;
            for (size_t j = 0; j < OP_DOT_MAX; j++)
                a[j] = fmaf(xi, w[j * next_j + i * next_i], a[j]);
        }
        memcpy(acc, a, sizeof(a));
        return;
    }
    for (int32_t j = 0; j < count; j++, w += next_j)
        for (size_t i = 0; i < n; i++)
            acc[j] = fmaf(x ? x[i] : 0.0f, w[i * next_i], acc[j]);
}

/*
 * fmaf is exact with and without the instruction, so the bits are the same; without it each call
 * goes to the C library. On x86-64 it is not in the base set, so the choice is made here; elsewhere
 * it is the compiler's.
 */
#if defined(__x86_64__) && !defined(__FMA__)
__attribute__((target("fma"))) static void dot_by_instruction(const float *x, size_t n,
                                                              const float *w, size_t next_j,
                                                              size_t next_i, int32_t count,
                                                              float *acc)
{
    dot(x, n, w, next_j, next_i, count, acc);
}
#define HAS_FMA __builtin_cpu_supports("fma")
#else
#define HAS_FMA false
#define dot_by_instruction dot
#endif

void oc_op_dot(const float *x, size_t n, const float *w, size_t next_j, size_t next_i,
               int32_t count, float *acc)
{
    if (HAS_FMA)
        dot_by_instruction(x, n, w, next_j, next_i, count, acc);
    else
        dot(x, n, w, next_j, next_i, count, acc);
}

/* ---- packed weights ------------------------------------------------------------------------- */

oc_status oc_op_pack_elems(size_t n, size_t k, size_t width, size_t *elems)
{
    size_t made;
    OC_TRY(oc_mul_size(oc_align_up(n, width), k, &made));
    if (made > OC_OP_LAUNCH_ELEMS)
        return oc_fail(OC_E_UNSUPPORTED,
                       "weights of %zu columns and %zu rows: kernels take at most %d elements, "
                       "found %zu in packs of %zu columns",
                       n, k, OC_OP_LAUNCH_ELEMS, made, width);
    *elems = made;
    return OC_OK;
}

void oc_op_pack(const float *w, size_t n, size_t k, size_t next_j, size_t next_i, size_t width,
                float *dst)
{
    for (size_t j = 0; j < n; j += width, w += width * next_j) {
        size_t count = OC_MIN(width, n - j);
        for (size_t i = 0; i < k; i++, dst += width) {
            for (size_t c = 0; c < count; c++)
                dst[c] = w[c * next_j + i * next_i];
            for (size_t c = count; c < width; c++)
                dst[c] = 0.0f;
        }
    }
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/*
 * The least work for `m` rows: a tile costs its rows and one more, and no less than four rows, the
 * latency of fma.
 */
static int32_t choose_rows(int32_t m, int32_t most)
{
    int32_t best = 1;
    int64_t best_cost = INT64_MAX;
    for (int32_t rows = 1; rows <= OC_MIN(m, most); rows++) {
        int64_t cost = ((int64_t)m + rows - 1) / rows * (OC_MAX(rows, 4) + 1);
        if (cost <= best_cost) {
            best = rows;
            best_cost = cost;
        }
    }
    return best;
}

/* The rule's tile: registers that hold all accumulators, or on other devices many work-items. */
static oc_op_tile rule_tile(const oc_traits *traits, int32_t m, int32_t width)
{
    int32_t lanes = traits->vector_floats >= 16 ? 16 : traits->vector_floats >= 8 ? 8 : 4;
    lanes = OC_MIN(lanes, width);
    int32_t most = !traits->is_cpu ? 4 : lanes == 16 ? 14 : 6;
    /* One row reads each weight once: then whole packs, which lie in a row, are read fastest. */
    int32_t vectors = !traits->is_cpu ? 1 : m == 1 ? width / lanes : OC_MIN(2, width / lanes);
    return (oc_op_tile){.rows = choose_rows(m, most), .vectors = vectors, .lanes = lanes};
}

oc_op_tile oc_op_tile_choose(oc_launch_list *list, const oc_traits *traits, int32_t m,
                             int32_t width)
{
    oc_op_tile t = rule_tile(traits, m, width);
    /* Accumulators that registers hold: 28 of 32, 12 of 16. */
    const int32_t room = !traits->is_cpu ? 8 : traits->vector_floats >= 16 ? 28 : 12;
    int32_t vectors[3], rows[4], rule = t.vectors;
    size_t n = 0;
    for (int32_t v = 1; v <= 4 && v * t.lanes <= width; v *= 2)
        vectors[n++] = v;
    t.vectors = oc_launch_choose(list, "vectors", rule, vectors, n);
    const int32_t most = OC_MAX(room / t.vectors, 1);
    for (int32_t i = 0; i < 4; i++) /* all of it, three quarters, a half, a quarter */
        rows[i] = choose_rows(m, OC_MAX(most * (4 - i) / 4, 1));
    if (t.vectors != rule)
        t.rows = rows[0];
    t.rows = oc_launch_choose(list, "rows", t.rows, rows, OC_COUNT(rows));
    return t;
}

oc_status oc_op_launch_product(const oc_op_product *p, const oc_traits *traits,
                               oc_launch_list *list)
{
    size_t w_elems, bias_elems;
    oc_launch *l;
    oc_op_tile tile = oc_op_tile_choose(list, traits, (int32_t)p->m, OP_PACK);
    size_t block = (size_t)(tile.lanes * tile.vectors), rows = (size_t)tile.rows;
    OC_TRY(oc_op_pack_elems(p->n, p->k, OP_PACK, &w_elems));
    OC_TRY(oc_op_pack_elems(p->n, 1, OP_PACK, &bias_elems));
    OC_TRY(oc_launch_add(list, "fully_connected", "fully_connected_tile", &l));
    OC_TRY(oc_launch_define(l, "-DFULLY_CONNECTED_TILE -DM=%zu -DK=%zu -DO=%zu -DHAS_BIAS=%d", p->m,
                            p->k, p->n, p->bias_index != 0));
    OC_TRY(oc_launch_define(l, "-DPACK=%d -DLANES=%d -DVECTORS=%d -DTILE=%d", OP_PACK, tile.lanes,
                            tile.vectors, tile.rows));
    OC_TRY(oc_op_define_act(l, p->act));
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_IN, .index = 0});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                         .index = p->w_index,
                                         .bytes = w_elems * sizeof(float),
                                         .pack = p->pack_w});
    if (p->bias_index != 0)
        oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_PACKED,
                                             .index = p->bias_index,
                                             .bytes = bias_elems * sizeof(float),
                                             .pack = p->pack_bias});
    oc_launch_arg_add(l, (oc_launch_arg){.kind = OC_ARG_OUT});
    oc_launch_range(l, (p->n + block - 1) / block, (p->m + rows - 1) / rows, 1);
    oc_op_launch_alone(l, traits);
    return OC_OK;
}
