/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The Darknet layers that are understood: one row each, in the file of its kind. Adding one is a
 * function and a row.
 */
#ifndef DARKNET_LAYERS_H
#define DARKNET_LAYERS_H

#include "darknet_cfg.h"
#include "darknet_weights.h"
#include "import_common.h"

/** How a layer's result lies in the graph. Darknet's own order is NCHW; ours is NHWC. */
typedef enum oc_dk_form {
    OC_DK_NHWC, /* [N,H,W,C] */
    OC_DK_NCHW, /* [N,C,H,W] */
    OC_DK_FLAT  /* [N,C], H = W = 1: of layers that see a picture as a row of numbers */
} oc_dk_form;

typedef struct oc_dk_map {
    oc_id value;
    oc_dk_form form;
    int32_t c, h, w;
} oc_dk_map;

/** A network while it is read. */
typedef struct oc_dk_net {
    oc_dk_weights weights;
    int32_t n; /* pictures at once */
    oc_dk_map input;
    oc_dk_map *maps; /* of the layers so far */
    size_t n_maps;
} oc_dk_net;

/** One layer while it is converted. */
typedef struct oc_dk_call {
    oc_imp at;
    oc_dk_net *net;
    const oc_dk_section *section;
    oc_dk_map in;
    oc_dk_map out; /* set by `convert` */
} oc_dk_call;

typedef struct oc_dk_row {
    const char *type;
    const char *keys;    /* those it knows, separated by spaces */
    const char *ignored; /* those that matter in training only */
    bool is_output;      /* the network gives its result even when layers follow */
    oc_status (*convert)(oc_dk_call *call);
} oc_dk_row;

/** The row of a layer's type or of a short form of it, or NULL. */
const oc_dk_row *oc_dk_find_row(const char *type);
/** The type of row `index`, or NULL past the last. */
const char *oc_dk_layer_name(size_t index);
/* The kinds: with weights, of one map's pixels, of several layers, what a network ends with. */
extern const oc_dk_row oc_dk_product_rows[], oc_dk_pixel_rows[], oc_dk_join_rows[],
    oc_dk_head_rows[];
extern const size_t oc_dk_n_product_rows, oc_dk_n_pixel_rows, oc_dk_n_join_rows, oc_dk_n_head_rows;

/** Keys of layers of every kind that matter in training only. */
#define OC_DK_ONLY_IN_TRAINING "learning_rate stopbackward onlyforward train_only_bn"
#define OC_DK_SIDE_MAX 65536 /* of a window, in pixels: far above what any network has */
#define OC_DK_CHANNELS_MAX (1 << 24)

/** The map's value in another form. `name`: of the node and value where one is needed. */
OC_MUST_USE oc_status oc_dk_as(const oc_imp *at, int32_t n, const oc_dk_map *map, oc_dk_form form,
                               const char *name, oc_id *value);
/** The call's input in that form. */
OC_MUST_USE oc_status oc_dk_in(const oc_dk_call *call, oc_dk_form form, oc_id *value);
/** The layer that a number in the .cfg means: from the front, or, negative, back from this one. */
OC_MUST_USE oc_status oc_dk_layer(const oc_dk_call *call, const char *key, int32_t number,
                                  const oc_dk_map **map);
/** Elements [begin, end) of `axis`, every `step`-th. */
OC_MUST_USE oc_status oc_dk_slice(const oc_imp *at, const char *name, oc_id x, int32_t axis,
                                  int32_t begin, int32_t end, int32_t step, oc_id *out);
OC_MUST_USE oc_status oc_dk_concat(const oc_imp *at, const char *name, const oc_id *in, size_t n_in,
                                   int32_t axis, oc_id *out);
/** x fn number, elementwise. */
OC_MUST_USE oc_status oc_dk_by_number(const oc_imp *at, const char *what, const char *fn, oc_id x,
                                      float number, oc_id *out);
OC_MUST_USE oc_status oc_dk_softmax(const oc_imp *at, const char *name, oc_id x, int32_t axis,
                                    oc_id *out);

/** The function that the section's key "activation" names, on *x. */
OC_MUST_USE oc_status oc_dk_activate(const oc_dk_call *call, const char *initial, oc_id *x);
/** The layer's result: `value`, as [N,H,W,C]. */
void oc_dk_set_out(oc_dk_call *call, oc_id value);

#endif
