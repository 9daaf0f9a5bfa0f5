/* SPDX-License-Identifier: Apache-2.0 */
/** Measuring which of several ways to compute a layer is the fastest on a device, all of them with the same bits. */
#ifndef OFFCUT_TUNE_H
#define OFFCUT_TUNE_H

#include <offcut/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oc_tune oc_tune;

/** Nodes that are the same to a device: same operator, shapes, types and attributes. */
typedef struct oc_tune_layer {
    size_t node;              /* the first one; there are n_nodes */
    size_t n_nodes;
    const char *rule;         /* what is chosen where nothing was measured: "vectors=2 rows=14" */
    const char *choice;       /* what is chosen now; equal to `rule` where nothing was faster */
    size_t n_tried;           /* others that were measured; 0: what was kept before holds, or time was over */
    bool was_kept, is_kept;   /* in the cache, before and now */
    double rule_ns, ns;       /* all n_nodes together inside whole runs, so and so: medians */
    double gain;              /* the median of rule_ns / ns over the runs, which bears other load on the machine better; 1 where they are the same */
} oc_tune_layer;

typedef struct oc_tune_info {
    oc_device_info device;
    const oc_tune_layer *layers; /* those where there is something to choose, in the model's order */
    size_t n_layers;
    size_t n_left;            /* of them, those that time was over for */
    double rule_ns, ns, gain; /* a whole run, likewise; 0 where there are no layers */
} oc_tune_info;

typedef struct oc_tune_options {
    uint64_t limit_ns;        /* nothing more is tried after so long, whole runs are then measured nevertheless; 0: no limit */
    bool is_again;            /* also what the cache has a choice for */
    /** Long work shows progress: layer `done` of `total` is tried, or with "" for a name whole runs are compared; NULL. */
    void (*progress)(void *ctx, size_t done, size_t total, const char *node);
    void *progress_ctx;
} oc_tune_options;

/**
 * Try the ways in which the model's layers can be computed on a device, one after the other, keep the fastest in the cache and compare whole
 * runs: with all layers as the rule says, and as chosen. oc_prepare with the same cache takes them from then on, in any process and for
 * any model with such layers. No bit of an answer depends on it. Where nothing can be kept (`prepare->cache_dir` is NULL, or not writable) `is_kept` says so.
 *
 * `prepare`  the device and the cache; its progress and memory_bytes are not looked at. NULL: defaults.   `options`  NULL: defaults.
 * Blocks, for seconds to minutes; the device should do nothing else; it holds the model twice. Owns: the caller destroys `*tune`, before the model.
 * Errors: those of oc_prepare, OC_E_DEADLINE (a run takes minutes).
 */
OC_API OC_MUST_USE oc_status oc_tune_run(const oc_model *model, const oc_prepare_options *prepare, const oc_tune_options *options, const oc_allocator *alloc, oc_tune **tune);
OC_API void oc_tune_destroy(oc_tune *tune);
/** Belongs to the tune. */
OC_API const oc_tune_info *oc_tune_get_info(const oc_tune *tune);

#ifdef __cplusplus
}
#endif
#endif
