/* SPDX-License-Identifier: Apache-2.0 */
/** What the operators that slide a window of weights share: attributes and the loop nest's numbers. */
#ifndef OP_CONV_H
#define OP_CONV_H

#include "op_product_int.h"

typedef struct oc_op_conv_attrs {
    oc_op_window window;
    int32_t groups;
    oc_op_act act;
    oc_op_requant requant; /* of conv2d */
} oc_op_conv_attrs;

/** The row of member `groups` of `type_`. */
/* clang-format off */
#define OP_ATTR_GROUPS(type_)                                                                  \
    {.name = "groups", .type = OC_ATTR_INT, .offset = offsetof(type_, groups), .initial = 1,   \
     .min = 1, .max = INT32_MAX,                                                               \
     .help = "input and output channels fall into so many independent groups"}
/* clang-format on */

/** All numbers of a convolution's loop nest. */
typedef struct oc_op_conv {
    oc_op_geometry g;
    int32_t groups, o; /* output channels */
    int32_t cg, og;    /* input and output channels of a group */
    bool has_bias;
} oc_op_conv;

/** The groups divide `c` input and `o` output channels. Errors: OC_E_SHAPE. */
OC_MUST_USE oc_status oc_op_check_groups(const oc_op_call *call, int32_t groups, int32_t c,
                                         int32_t o);
/**
 * From x [N,H,W,C], w [O,KH,KW,C/G] and attributes; checks the ranks of both, the lists and the
 * groups. Errors: OC_E_ARG, OC_E_SHAPE.
 */
OC_MUST_USE oc_status oc_op_conv_set(const oc_op_call *call, const oc_op_window *window,
                                     int32_t groups, oc_op_conv *conv);
/** oc_op_conv_set of a conv2d, whose attributes are oc_op_conv_attrs. */
OC_MUST_USE oc_status oc_op_conv2d_set(const oc_op_call *call, oc_op_conv *conv);
/** The rest of a convolution's shapes: w's last axis and the bias. Errors: OC_E_SHAPE. */
OC_MUST_USE oc_status oc_op_check_weights(const oc_op_call *call, int32_t cg, int32_t o);

/**
 * Of all but the rows and columns: which images and channels of x, rows of w and elements of vectors
 * (bias, zero points) the box `out` of [N,OH,OW,O] needs; the whole of the rest.
 */
void oc_op_conv_halo(const oc_op_call *call, const oc_op_conv *conv, const oc_box *out, oc_box *in);

/* ---- shapes of launches ------------------------------------------------------------------------ */

/** A 1x1 window that visits every pixel once sees no rows: one long row makes full tiles. */
void oc_op_conv_flatten(oc_op_geometry *g);
/**
 * No tap of a tile of `tile` pixels reaches outside the input, not even those of a tile that is
 * wider than the rest of its row.
 */
bool oc_op_conv_is_inside(const oc_op_geometry *g, int32_t tile);
/** Pixels of a work-item: at most `most`, and the fewest that need no more work-items. */
int32_t oc_op_conv_run(int32_t ow, int32_t most);
/** Pixels of a depthwise work-item: as many as share what they read. Choice: rows. */
int32_t oc_op_conv_run_choose(oc_launch_list *list, const oc_traits *traits, int32_t ow);
enum { OC_OP_CHUNK = 8 }; /* so many vectors of channels are worth starting a work-item */
/**
 * Channels of a work-item that computes each by itself: `rule` vectors, at least 1; pixels make the
 * parallelism. Choice: chunk, in vectors.
 */
oc_op_chunks oc_op_channels_choose(oc_launch_list *list, const oc_traits *traits, size_t channels,
                                   int32_t rule);

/* ---- packed weights --------------------------------------------------------------------------- */

/** a / b, rounded up. */
int32_t oc_op_ceil_div(int32_t a, int32_t b);

/**
 * The float weights of a tile kernel: `width` output channels of a group side by side, no more than
 * 32 and not far more than there are, `packs` times a group.
 */
typedef struct oc_op_packing {
    int32_t width, packs;
    size_t w_elems, bias_elems;
} oc_op_packing;

int32_t oc_op_pack_width(const oc_op_conv *conv);
/** Errors: OC_E_LIMIT. */
OC_MUST_USE oc_status oc_op_packing_set(const oc_op_conv *conv, oc_op_packing *packing);
/** w [O,KH,KW,CG] -> [G][packs][KH*KW*CG][width], then CG zeros. */
void oc_op_conv_pack(const oc_op_conv *conv, const float *w, float *dst);
/** bias [O] -> [G][packs][width]. */
void oc_op_conv_pack_bias(const oc_op_conv *conv, const float *bias, float *dst);
/** oc_launch_arg.pack of a conv2d's bias. */
OC_MUST_USE oc_status oc_op_conv2d_pack_bias(const oc_op_call *call, const void *src, void *dst,
                                             size_t dst_bytes);

/* ---- conv2d by Winograd's method --------------------------------------------------------------- */

#define OP_WINOGRAD_2 "winograd2"
#define OP_WINOGRAD_4 "winograd4"

/** The call's numerics class is one of these. */
bool oc_op_is_winograd(const oc_op_call *call);
/** See oc_op.choose_numerics. */
const char *oc_op_conv2d_numerics(const oc_op_call *call, const char *wanted);
/** `out` becomes the whole tiles that it touches. */
void oc_op_winograd_halo(const oc_op_call *call, oc_box *out);
void oc_op_winograd_reference(const oc_op_call *call, const oc_op_conv *conv,
                              const void *const *in, void *const *out);
OC_MUST_USE oc_status oc_op_winograd_launch(const oc_op_call *call, const oc_op_conv *conv,
                                            const oc_traits *traits, oc_launch_list *list);

/* ---- the integer form of conv2d -------------------------------------------------------------- */

void oc_op_conv2d_int_reference(const oc_op_call *call, const oc_op_conv *conv,
                                const void *const *in, void *const *out);
/** A product of x [m,k] with n columns of constant weights, as a convolution. */
oc_op_conv oc_op_conv_of_product(const oc_op_call *call, size_t m, size_t k, size_t n);
/** One zero point holds for all of x: what the tile kernel needs. */
bool oc_op_has_one_zero(const oc_op_call *call);
/** oc_launch_arg.pack: how an operator lays its weights out for the kernels of 8-bit products. */
typedef oc_status oc_op_packer(const oc_op_call *call, const void *src, void *dst,
                               size_t dst_bytes);
typedef struct oc_op_packers {
    oc_op_packer *tile; /* by oc_op_pack_int */
    oc_op_packer *dot;  /* by oc_op_pack_dot */
} oc_op_packers;

/** 8-bit products by the kernel that is best there. `requant` NULL: sums stay what they are. */
OC_MUST_USE oc_status oc_op_launch_int(const oc_op_call *call, const oc_op_conv *conv,
                                       const oc_op_requant *requant, const oc_op_packers *packers,
                                       const oc_traits *traits, oc_launch_list *list);
/**
 * As [G][packs][KH*KW*CG][width] bytes, missing channels zero. Element (channel j, tap i) of a
 * group's weights is w[j * next_j + i * next_i].
 */
void oc_op_pack_int(const oc_op_conv *conv, const uint8_t *w, size_t next_j, size_t next_i,
                    uint8_t *dst);
/** As kernels-cl/conv2d_dot.cl wants them, the same elements. Errors: OC_E_LIMIT. */
OC_MUST_USE oc_status oc_op_pack_dot(const oc_op_call *call, const oc_op_conv *conv,
                                     const uint8_t *w, size_t next_j, size_t next_i, void *dst);
/** The device has an instruction for sums of four products, and the convolution suits its kernel. */
bool oc_op_dot_fits(const oc_op_conv *conv, const oc_traits *traits);
/** That kernel. */
OC_MUST_USE oc_status oc_op_launch_dot(const oc_op_call *call, const oc_op_conv *conv,
                                       const oc_op_requant *requant, oc_op_packer *pack,
                                       const oc_traits *traits, oc_launch_list *list);
/** The same of a depthwise convolution. */
bool oc_op_dot_fits_depthwise(const oc_op_call *call, const oc_op_conv *conv,
                              const oc_traits *traits);
OC_MUST_USE oc_status oc_op_launch_dot_depthwise(const oc_op_call *call, const oc_op_conv *conv,
                                                 const oc_op_requant *requant,
                                                 const oc_traits *traits, oc_launch_list *list);
OC_MUST_USE oc_status oc_op_conv2d_int_launch(const oc_op_call *call, const oc_op_conv *conv,
                                              const oc_traits *traits, oc_launch_list *list);

#endif
