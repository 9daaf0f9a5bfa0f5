/* SPDX-License-Identifier: Apache-2.0 */
/** The devices of this machine, and models prepared for one of them. */
#ifndef OFFCUT_DEVICE_H
#define OFFCUT_DEVICE_H

#include <offcut/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One device, available or not. */
typedef struct oc_device_info {
    char kind[16];       /* "opencl", "reference" */
    char id[32];         /* a selector that names exactly this one: "0:0" */
    char name[128];
    char vendor[64];
    char driver[128];
    bool is_available;
    char why[160];       /* why it is not */
    uint64_t memory_bytes;
    uint32_t compute_units;
} oc_device_info;

/** Every device of every kind this build knows. Owns: free `*list` with oc_device_list_free and the same allocator. Threads: safe. */
OC_API OC_MUST_USE oc_status oc_device_list(const oc_allocator *alloc, oc_device_info **list, size_t *count);
OC_API void oc_device_list_free(oc_device_info *list, const oc_allocator *alloc);

/** A model made runnable on one device: kernels built, weights packed. Any number of sessions share it, each on its own thread. */
typedef struct oc_prepared oc_prepared;

typedef struct oc_prepare_options {
    const char *device;      /* selector: NULL (PoCL by default), "pocl", "gpu", "cpu", "reference", "PLATFORM:DEVICE", or a part of a name */
    uint32_t threads;        /* CPU devices: at most so many; 0: all */
    const char *kernel_dir;  /* read kernels (.cl) from this folder instead of the built-in ones; NULL */
    const char *cache_dir;   /* the built kernels are kept in this folder by oc_prepared_destroy, and the next start takes them from there, as it takes what oc_tune_run chose; it is made, may be deleted at any time, and what is wrong with it costs only time and one warning. What lies in it is run: nobody else should write there. Copied; NULL: none */
    uint64_t memory_bytes;   /* what constants (in the model's layout) and values may take together: only the longest prefix of the network that fits is prepared, perhaps none of it; 0: all of it. A session runs the rest on a worker, without a fallback. */
    const oc_log_sink *log;  /* borrowed for the prepared model's life; NULL */
    /** Long work shows progress: `done` of `total` steps, one or two a node; NULL. */
    void (*progress)(void *ctx, size_t done, size_t total, const char *node);
    void *progress_ctx;
} oc_prepare_options;

/**
 * Prepare a model for a device. May take seconds: kernels are compiled, weights read.
 * Owns: the caller destroys `*prepared`, after its sessions; the model outlives it. `options` NULL: defaults.
 * Errors: OC_E_NOTFOUND (selector, what there is), OC_E_UNSUPPORTED (node, why), OC_E_DEVICE (build log), OC_E_IO, OC_E_LIMIT, OC_E_NOMEM.
 * Threads: safe.
 */
OC_API OC_MUST_USE oc_status oc_prepare(const oc_model *model, const oc_prepare_options *options, const oc_allocator *alloc, oc_prepared **prepared);
OC_API void oc_prepared_destroy(oc_prepared *prepared);
/** The device it was prepared for; belongs to `prepared`. */
OC_API const oc_device_info *oc_prepared_device(const oc_prepared *prepared);
/** How many nodes were prepared: all, or the prefix that options->memory_bytes allowed. */
OC_API size_t oc_prepared_node_count(const oc_prepared *prepared);
/** Device memory that the packed weights take. */
OC_API uint64_t oc_prepared_weight_bytes(const oc_prepared *prepared);

#ifdef __cplusplus
}
#endif
#endif
