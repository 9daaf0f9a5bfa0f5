/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Exec: a frozen graph made runnable on one device.
 *
 * oc_exec: every node prepared once (kernels chosen and built, constants packed). Read-only after
 * creation, shared by all lanes on any thread. A part is a range of it and is never prepared again.
 * oc_lane: what one session needs on that device for one list of nodes: a planned arena, nodes bound
 * to it, a compute queue and a transfer queue. One thread at a time.
 */
#ifndef OC_EXEC_H
#define OC_EXEC_H

#include "oc_device.h"
#include "oc_graph.h"

typedef struct oc_exec oc_exec;
typedef struct oc_lane oc_lane;

/** Long work shows progress: called after each of `total` steps with the node's name, from the creating thread. A node takes two where the device compiles on a first run. */
typedef void (*oc_exec_progress)(void *ctx, size_t done, size_t total, const char *node);

/**
 * Prepare the nodes of `graph` on `dev`; both must outlive it. `only` NULL: all nodes, else n_nodes flags (a worker or
 * edge that will run only a part of the network loads no weights for the rest).
 * Errors: OC_E_UNSUPPORTED (node, operator, why), OC_E_DEVICE (build log), OC_E_NOMEM, OC_E_IO.
 */
OC_MUST_USE oc_status oc_exec_create(const oc_graph *graph, oc_dev *dev, const bool *only, oc_exec_progress progress, void *ctx, const oc_allocator *alloc, oc_exec **exec);
void oc_exec_destroy(oc_exec *exec); /* after its lanes */
/** Whether the node was among those prepared. */
bool oc_exec_is_ready(const oc_exec *exec, oc_id node);
const oc_graph *oc_exec_graph(const oc_exec *exec);
oc_dev *oc_exec_dev(const oc_exec *exec);
/** Device memory of the packed constants. */
size_t oc_exec_weight_bytes(const oc_exec *exec);

/** Arena offsets are multiples of this (or of the device's own alignment where that is larger), so that a plan made without a device is exact on it. */
#define OC_ARENA_ALIGN 512

/** The memory of a list of nodes, planned without a device: what `offcut plan` and `inspect` print. */
typedef struct oc_arena_plan {
    const oc_allocator *alloc;
    size_t *offset;      /* per value; SIZE_MAX where the list does not touch it */
    oc_id *root;         /* per value: the value whose bytes it shares, through views of the list; itself where it is none */
    size_t bytes;        /* the arena */
    size_t lower_bound;  /* the largest sum of values alive at once */
} oc_arena_plan;

/**
 * Offsets for the values that `order` (a topological order of a part) touches, and for the pinned ones. Alive: from the
 * producing step (values from outside: from the start) to the last consuming one; `pinned` values until the end. A view
 * shares its input's bytes. A constant takes space, all the time, only where it is pinned or a view of it is touched:
 * else it lies with the prepared nodes. Greedy by size, best fit among the intervals that overlap in time, improved
 * while it is above the lower bound. The same input gives the same plan on every machine.
 * Source: Pisarchyk and Lee, "Efficient memory management for deep neural net inference" (2020), section 4.3 (greedy by size).
 * `align`: oc_dev.mem_align of the device, a power of two. Errors: OC_E_ARG when `order` is none, OC_E_LIMIT, OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_arena_plan_make(const oc_graph *graph, const oc_id *order, size_t n_order, const oc_id *pinned, size_t n_pinned, size_t align, const oc_allocator *alloc, oc_arena_plan *plan);
void oc_arena_plan_fini(oc_arena_plan *plan);
/**
 * Such a plan's lower bound alone, in linear time: nothing is placed. `sums` (NULL: not wanted) gets n_order + 1 entries: the bytes alive in
 * each step, and at the end. Errors: as oc_arena_plan_make.
 */
OC_MUST_USE oc_status oc_arena_plan_bound(const oc_graph *graph, const oc_id *order, size_t n_order, const oc_id *pinned, size_t n_pinned, size_t align, const oc_allocator *alloc, size_t *sums, size_t *bytes);

/**
 * What the first `count` nodes of the fixed order need at least in a session: their constants in the model's layout, each once, and the arena planned for them
 * with the network's inputs, the values of the cut behind them and the outputs that they make pinned. Errors: OC_E_ARG, OC_E_NOMEM, OC_E_LIMIT.
 */
OC_MUST_USE oc_status oc_exec_prefix_bytes(const oc_graph *graph, size_t count, const oc_allocator *alloc, uint64_t *bytes);
/** The longest such prefix that needs at most `bytes`; 0 where there is none. Errors: OC_E_NOMEM, OC_E_LIMIT. */
OC_MUST_USE oc_status oc_exec_prefix_fit(const oc_graph *graph, uint64_t bytes, const oc_allocator *alloc, size_t *count);

/**
 * A lane for the nodes of `order`, which must be prepared in `exec`. `pinned`: values that stay readable
 * after later nodes ran (outputs, and the values of a cut that may be forwarded).
 */
OC_MUST_USE oc_status oc_lane_create(oc_exec *exec, const oc_id *order, size_t n_order, const oc_id *pinned, size_t n_pinned, const oc_allocator *alloc, oc_lane **lane);
void oc_lane_destroy(oc_lane *lane);
size_t oc_lane_arena_bytes(const oc_lane *lane);
size_t oc_lane_arena_lower_bound(const oc_lane *lane);
/** Device memory beside the arena: the scratch buffers that kernels ask for, the largest node's. */
size_t oc_lane_scratch_bytes(const oc_lane *lane);

/** The same for all that `exec` has prepared, in the fixed order: the network's inputs and the outputs that it makes stay readable. */
OC_MUST_USE oc_status oc_lane_create_whole(oc_exec *exec, const oc_allocator *alloc, oc_lane **lane);

/** One kernel that a run of a lane starts. */
typedef struct oc_lane_kernel {
    size_t step;         /* of the lane */
    oc_dev_kernel info;  /* texts belong to the exec */
    double ns, best_ns;  /* what it takes inside a run, by the device's own clock: the median, and the least */
} oc_lane_kernel;

typedef struct oc_lane_times {
    const oc_allocator *alloc;
    oc_lane_kernel *kernels; /* in the order in which they run */
    size_t n_kernels;
    double run_ns;           /* a run from the first one's begin to the last one's end, the median */
} oc_lane_times;

/**
 * Measure the lane's kernels in whole runs on what was last written to it: `repeats` runs, or rows of runs where these are short. Blocks; the lane is
 * idle before and afterwards. A value that is not pinned holds nothing of use then, an input not even from one run to the next.
 * `progress` (NULL: none) is told of each repeat, and "" for a name. Owns: the caller calls oc_lane_times_fini.
 * Errors: OC_E_DEVICE, OC_E_LOST, OC_E_DEADLINE (runs that take minutes), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_lane_measure(oc_lane *lane, uint32_t repeats, oc_exec_progress progress, void *ctx, oc_lane_times *times);
void oc_lane_times_fini(oc_lane_times *times);

/** What each of the lane's nodes adds to a run: its kernels, and its share of what lies between kernels. `node_ns` has n_order entries. All values are zeros. Otherwise as oc_lane_measure. */
OC_MUST_USE oc_status oc_lane_profile(oc_lane *lane, uint32_t repeats, oc_exec_progress progress, void *ctx, double *node_ns);

/** The same for all that `exec` has prepared, in a lane of its own: `node_ns` per node of the graph, NAN where it is not prepared. Errors: also those of oc_lane_create. */
OC_MUST_USE oc_status oc_exec_profile(oc_exec *exec, uint32_t repeats, oc_exec_progress progress, void *ctx, double *node_ns);

/* ---- tuning ----------------------------------------------------------------------------------- */

/** Nodes of a graph that are the same to a device, and what was chosen for them (oc_launch_choose). */
typedef struct oc_tuned_layer {
    oc_id node;      /* the first one */
    size_t n_nodes;
    char rule[OC_CHOICE_TEXT], best[OC_CHOICE_TEXT]; /* as oc_choices_print writes them */
    size_t n_tried;  /* 0: what was kept before holds, or time was over */
    bool was_kept;   /* before */
    bool is_kept;    /* now */
    double rule_ns, best_ns; /* all of them, inside whole runs: medians */
    double gain;     /* the median of rule_ns / best_ns over the runs; 1 where the rule's is the best */
} oc_tuned_layer;

typedef struct oc_tuned {
    const oc_allocator *alloc;
    oc_tuned_layer *layers; /* those with something to choose, in the graph's order */
    size_t n_layers, n_left; /* left: time was over before anything was tried */
    double rule_ns, best_ns, gain; /* a whole run, likewise */
} oc_tuned;

typedef struct oc_tune_plan {
    uint64_t limit_ns;  /* nothing more is tried after so long; 0: no limit */
    bool is_again;      /* also what is kept already */
    /** Long work shows progress: layer `done` of `total` is tried, or "" when whole runs are compared; NULL. */
    oc_exec_progress progress;
    void *ctx;
} oc_tune_plan;

/**
 * Measure what the nodes' launches can choose, keep the quickest where it is quicker in whole runs as well, and say what that brings. Blocks, for
 * seconds to minutes; the device should do nothing else. Holds the graph twice on the device. Owns: the caller calls oc_tuned_fini.
 * Errors: as oc_exec_create and oc_lane_measure.
 */
OC_MUST_USE oc_status oc_exec_tune(const oc_graph *graph, oc_dev *dev, const oc_tune_plan *plan, const oc_allocator *alloc, oc_tuned *tuned);
void oc_tuned_fini(oc_tuned *tuned);

/** Fill the arena with zeros and wait: for runs whose result nobody wants. Not between runs: constants that the arena holds are lost. */
OC_MUST_USE oc_status oc_lane_clear(oc_lane *lane);

/**
 * Everything below enqueues and returns; nothing is allocated. Host memory stays valid and untouched until the lane is notified.
 * After a failure of the device the lane stays failed: make a new one.
 */
/**
 * A value from outside, whole; or a value that crosses the cut at which this run of the lane starts. `bytes` is checked
 * against its desc; a view of a constant keeps the constant's bytes. Waits, on the device, for all reads that came
 * before: so the next run cannot overtake them.
 */
OC_MUST_USE oc_status oc_lane_write(oc_lane *lane, oc_id value, const void *src, size_t bytes);
/** Nodes order[first .. first+count). */
OC_MUST_USE oc_status oc_lane_submit(oc_lane *lane, size_t first, size_t count);
/** Read a pinned value on the transfer queue, after all that was submitted before, while later submissions run. Errors: OC_E_ARG (not pinned, size). */
OC_MUST_USE oc_status oc_lane_read(oc_lane *lane, oc_id value, void *dst, size_t bytes);
/** The same for a value that is complete: a notification said that the node that makes it has finished, or it was written and a later one has. Does not wait for what was submitted since. */
OC_MUST_USE oc_status oc_lane_read_complete(oc_lane *lane, oc_id value, void *dst, size_t bytes);
/** `done` once all submitted nodes finished (compute), or all reads and what they waited for (transfer). */
OC_MUST_USE oc_status oc_lane_notify_compute(oc_lane *lane, oc_dev_done done, void *ctx);
OC_MUST_USE oc_status oc_lane_notify_transfer(oc_lane *lane, oc_dev_done done, void *ctx);
/** Wait for both queues, also when one failed. Errors: OC_E_DEADLINE (see oc_dev_queue_wait), OC_E_DEVICE, OC_E_LOST. */
OC_MUST_USE oc_status oc_lane_wait(oc_lane *lane, uint64_t deadline_ns);

#endif
