/* SPDX-License-Identifier: Apache-2.0 */
/** What a prepared model's kernels take, held against what the device can do at most. */
#ifndef OFFCUT_BENCH_H
#define OFFCUT_BENCH_H

#include <offcut/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oc_bench oc_bench;

#define OC_BENCH_SIZES 8
/** What micro-kernels reached on the device, before and after the model's kernels were measured: the better of both. */
typedef struct oc_bench_peak {
    bool is_measured;   /* the reference device has nothing to hold against: all below is 0 */
    double flops;       /* float32, per second, two a multiply-add */
    double int_ops;     /* products of 8-bit integers added up, per second, two a multiply-add */
    double start_ns;    /* what a kernel costs that does nothing, among others */
    size_t n_sizes;
    struct {
        uint64_t bytes; /* that are touched over and over, ascending */
        double read_per_s, copy_per_s; /* bytes; copying counts what is read and what is written */
    } memory[OC_BENCH_SIZES];
} oc_bench_peak;

typedef struct oc_bench_kernel {
    const char *name;           /* "conv2d_tile" */
    const char *options;        /* what makes it this variant: shapes and tuning parameters */
    size_t global[3], local[3]; /* its range and work-group; 0: the device chooses */
    double ns, best_ns;         /* by the device's own clock, inside whole runs: the median, and the least */
} oc_bench_kernel;

/** A node of the model; one that runs nothing (a view) has no kernels. */
typedef struct oc_bench_node {
    const oc_bench_kernel *kernels;
    size_t n_kernels;
    double ns, best_ns;     /* of its kernels together */
    double ops;             /* arithmetic, two a multiply-add */
    double bytes;           /* inputs, constants and outputs, each once */
    double bound_ns;        /* the least that a device of that peak needs; NAN: not known */
    bool is_memory_bound;   /* because of its bytes, not of its arithmetic */
} oc_bench_node;

typedef struct oc_bench_info {
    oc_bench_peak peak;
    const oc_bench_node *nodes; /* per node of the model */
    size_t n_nodes;
    double kernels_ns;          /* the sum over the nodes; likewise: */
    double best_ns, ops, bytes, bound_ns;
    double run_ns;              /* from the first kernel's begin to the last one's end, the median */
} oc_bench_info;

typedef struct oc_bench_options {
    const oc_tensor *inputs;    /* as oc_session_run takes them; NULL: zeros */
    uint32_t repeats;           /* whole runs, or rows of them where they are short; 0: 20; at most 1001 */
    /** Long work shows progress: `done` of `total` repeats; NULL. */
    void (*progress)(void *ctx, size_t done, size_t total, const char *node);
    void *progress_ctx;
} oc_bench_options;

/**
 * Measure each kernel of `prepared`, all of whose nodes are prepared, in whole runs, and the device's peak before and after.
 * Blocks, for seconds; the device should do nothing else. `options` NULL: defaults. The bound of a node is the roofline's: the longer of its
 * arithmetic at the peak and its bytes at the rate of memory, where constants count at the rate at which as many bytes as the network has constants are
 * read, and values at the rate at which as many bytes as the node touches are copied.
 * Owns: the caller destroys `*bench`, before `prepared`. Errors: OC_E_ARG (a prefix only), OC_E_DEVICE, OC_E_LOST, OC_E_DEADLINE (a run takes minutes), OC_E_NOMEM.
 */
OC_API OC_MUST_USE oc_status oc_bench_run(oc_prepared *prepared, const oc_bench_options *options, const oc_allocator *alloc, oc_bench **bench);
OC_API void oc_bench_destroy(oc_bench *bench);
/** Belongs to the bench. */
OC_API const oc_bench_info *oc_bench_get_info(const oc_bench *bench);

#ifdef __cplusplus
}
#endif
#endif
