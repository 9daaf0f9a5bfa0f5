/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the pools share: a window that slides over [N,H,W,C], whose kernel is an attribute, and a
 * result that an activation finishes, also where elements are integers.
 */
#ifndef OP_POOL_H
#define OP_POOL_H

#include "op_common.h"

/** The window slides along these axes: bits. */
#define OP_POOL_WINDOW_AXES (UINT32_C(1) << 1 | UINT32_C(1) << 2)

/** Member `pool` of an attribute struct; `act` stands beside it, where there is one. */
typedef struct oc_op_pool {
    oc_ints kernel;
    oc_op_window window;
    int32_t ceil_mode;
} oc_op_pool;

/** The rows of member `pool` of `type_`. */
/* clang-format off */
#define OP_ATTR_POOL(type_)                                                                    \
    {.name = "kernel", .type = OC_ATTR_INTS, .offset = offsetof(type_, pool.kernel), .min = 1, \
     .max = INT32_MAX, .initial_ints = {2, {1, 1}}, .help = "taps of the window [h,w]"},       \
    {.name = "strides", .type = OC_ATTR_INTS, .offset = offsetof(type_, pool.window.strides),  \
     .min = 1, .max = INT32_MAX, .initial_ints = {2, {1, 1}},                                  \
     .help = "step of the window [h,w]"},                                                      \
    {.name = "dilations", .type = OC_ATTR_INTS,                                                \
     .offset = offsetof(type_, pool.window.dilations), .min = 1, .max = INT32_MAX,             \
     .initial_ints = {2, {1, 1}}, .help = "distance of the window's taps [h,w]"},              \
    {.name = "pads", .type = OC_ATTR_INTS, .offset = offsetof(type_, pool.window.pads),        \
     .max = INT32_MAX, .initial_ints = {4, {0, 0, 0, 0}},                                      \
     .help = "rows and columns added [top,left,bottom,right]"},                                \
    {.name = "ceil_mode", .type = OC_ATTR_INT, .offset = offsetof(type_, pool.ceil_mode),      \
     .max = 1,                                                                                 \
     .help = "1: also windows that end past the padded input; those that begin there are dropped"}
/* clang-format on */

/**
 * oc_op_geometry_set with the kernel, which is checked too. With ceil_mode also the windows that
 * begin inside the input or its top or left padding and end past the padded input:
 * OH = min(ceil((H + top + bottom - ((KH-1) dh + 1)) / sh) + 1, ceil((H + top) / sh)), likewise OW.
 */
OC_MUST_USE oc_status oc_op_pool_geometry(const oc_op_call *call, const oc_op_pool *pool,
                                          oc_op_geometry *geometry);

/** A pool's `halo`. */
OC_MUST_USE oc_status oc_op_pool_halo(const oc_op_call *call, const oc_op_pool *pool,
                                      const oc_box *out, oc_box *in);

/**
 * The taps of one window that lie inside the input. Serial loop: for kh: for kw: those inside.
 *     oc_op_taps taps = oc_op_taps_begin(&g, oh, ow);
 *     for (size_t at; oc_op_taps_next(&taps, &at);) use x[(n * H * W + at) * C + c]
 */
typedef struct oc_op_taps {
    const oc_op_geometry *g;
    int32_t h_0, w_0, kh, kw; /* kh, kw: the next one */
} oc_op_taps;

static inline oc_op_taps oc_op_taps_begin(const oc_op_geometry *g, int32_t oh, int32_t ow)
{
    return (oc_op_taps){g, oh * g->sh - g->pt, ow * g->sw - g->pl, 0, 0};
}

static inline bool oc_op_taps_next(oc_op_taps *t, size_t *at)
{
    const oc_op_geometry *g = t->g;
    for (; t->kh < g->kh; t->kh++, t->kw = 0) {
        int32_t h = t->h_0 + t->kh * g->dh;
        while (h >= 0 && h < g->h && t->kw < g->kw) {
            int32_t w = t->w_0 + t->kw++ * g->dw;
            *at = (size_t)h * (size_t)g->w + (size_t)w;
            if (w >= 0 && w < g->w)
                return true;
        }
    }
    return false;
}

/**
 * The activation of a pool of integers: none, or of 8-bit integers clip, whose bounds are integers
 * too. Anything of float32. Errors: OC_E_DTYPE.
 */
OC_MUST_USE oc_status oc_op_pool_check_act(const oc_op_call *call, const oc_op_act *act);

/** The activation of an integer: clip's bounds, within those of the type. */
int64_t oc_op_pool_act_int(oc_dtype dtype, const oc_op_act *act, int64_t x);

/** Defines T and what a pool's kernel (pool.h) needs to finish a result: the activation. */
OC_MUST_USE oc_status oc_op_pool_define(oc_launch *launch, oc_dtype dtype, const oc_op_act *act);

/**
 * Adds a kernel that has a work-item for LANES channels of an output pixel and is named as its
 * stem: geometry, LANES, arguments, range (c / LANES, ow, n * OH + oh).
 */
OC_MUST_USE oc_status oc_op_pool_launch(oc_launch_list *list, const char *stem,
                                        const oc_op_geometry *geometry, uint32_t lanes,
                                        oc_launch **launch);

#endif
