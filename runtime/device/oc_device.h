/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The device seam: hardware that runs nodes, as one const table row per kind (devices.def).
 *
 * A device prepares a node once (program, packed weights: read-only, shared by all lanes), binds it
 * to buffers as often as there are lanes, and runs bound nodes in the order of a queue.
 * Unless said otherwise a call may come from any thread, but one queue or bound node from one thread at a time.
 */
#ifndef OC_DEVICE_H
#define OC_DEVICE_H

#include "oc_op.h"

#include <stdatomic.h>

typedef struct oc_dev_type oc_dev_type;

/** One device as `probe` finds it. An absent one is listed too: `why` says what is missing. */
typedef struct oc_dev_info {
    const oc_dev_type *type;
    char id[32];          /* what a selector may name exactly: "0:0" (platform:device), "reference" */
    char name[128];
    char vendor[64];
    char driver[128];     /* driver and version: part of cache keys */
    bool is_available;
    bool is_gpu, is_cpu;
    char why[160];        /* why it is not available */
    uint64_t memory_bytes;
    uint32_t compute_units;
    uint32_t clock_mhz;   /* of a compute unit at most; 0: the driver does not say */
} oc_dev_info;

/** Options of opening, plain data. `kernel_dir` and `log` are borrowed until the device is closed, `cache_dir` is copied. */
typedef struct oc_dev_options {
    uint32_t threads;           /* CPU devices: at most so many threads; 0: all */
    const char *kernel_dir;     /* read <stem>.cl and the headers it includes from here instead of the embedded ones; NULL: embedded */
    const char *cache_dir;      /* built programs are kept here when the device is closed, and taken from here, as are choices (oc_cache); NULL: nowhere */
    const oc_log_sink *log;
} oc_dev_options;

/** The common head of every open device; a type embeds it as its first member. */
typedef struct oc_dev {
    const oc_dev_type *type;
    const oc_allocator *alloc;
    oc_dev_info info;
    oc_traits traits;
    size_t mem_align;           /* power of two: offsets of oc_dev_type.mem_view are multiples of it */
    const oc_log_sink *log;
    atomic_uint n_pending;      /* notifications asked for and not come: pieces of work under way, for telemetry */
    atomic_bool is_lost;        /* a command never ended or the driver said so: from then on enqueuing fails with OC_E_LOST */
} oc_dev;

typedef struct oc_dev_mem oc_dev_mem;       /* a buffer, or a view of one */
typedef struct oc_dev_node oc_dev_node;     /* a prepared node */
typedef struct oc_dev_bound oc_dev_bound;   /* a prepared node with its buffers */

/** The common head of every queue; a type embeds it as its first member. In order. */
typedef struct oc_dev_queue {
    oc_dev *dev;
    struct oc_dev_waiter *waiter; /* what oc_dev_queue_wait sleeps on */
} oc_dev_queue;

/**
 * A node to prepare. `call` and what it points to outlive the prepared node. `const_read` evaluates
 * constant input `in` into `dst`; it is used only inside `prepare`.
 */
typedef struct oc_dev_task {
    const oc_op_call *call;
    void *ctx;
    oc_status (*const_read)(void *ctx, uint32_t in, void *dst, size_t bytes);
    const char *choices; /* what its launches choose (oc_choices_print), "": as the rule says; NULL: what is kept for it, or else as the rule says */
    bool is_trial;       /* to be measured and thrown away: what is built for it is not kept */
} oc_dev_task;

/** One kernel that a prepared node runs, for people. The texts belong to the node. */
typedef struct oc_dev_kernel {
    const char *name;    /* "conv2d_tile" */
    const char *options; /* what makes it this variant: shapes and tuning parameters, "-DKH=3 ..."; may be empty */
    size_t global[3], local[3]; /* its range and work-group; 0: the device chooses */
} oc_dev_kernel;

/** When one kernel ran, on a clock of the device's own. */
typedef struct oc_dev_span {
    uint64_t begin_ns, end_ns;
} oc_dev_span;

#define OC_PEAK_SIZES 8
/** What a device can do at most, as micro-kernels of its own measured it: what kernels are held against. */
typedef struct oc_dev_peak {
    double flops;        /* float32, per second, two a multiply-add */
    double int_ops;      /* products of 8-bit integers added up, per second, two a multiply-add, by the quickest way measured */
    double start_ns;     /* what one more kernel costs that does nothing, on a queue that is busy */
    size_t n_sizes;
    /* By what is touched over and over, ascending: caches hold small sizes. */
    struct {
        uint64_t bytes;
        double read_per_s; /* bytes that are read */
        double copy_per_s; /* bytes that are read and bytes that are written, half of each */
    } memory[OC_PEAK_SIZES];
} oc_dev_peak;

/**
 * Called once, when everything that was on the queue before it has finished or failed; from any
 * thread, perhaps inside `notify` itself. Must not block or call the device. On a lost device it
 * may come late, even after the queue is gone, or never: what `ctx` points to has to live that long.
 */
typedef void (*oc_dev_done)(void *ctx, oc_status status);

#define OC_DEV_NOTES 1024 /* notifications that may be under way on one queue */

/** How a device's nodes are tuned: what is to be chosen, and what was (oc_launch_choose). */
typedef struct oc_dev_tuner {
    /** What is chosen for the call where `wanted` (NULL: nothing) is, and the digest of all that a choice for it depends on: device, driver, compute units, kernels, operator, shapes, attributes. */
    oc_status (*choices)(oc_dev *dev, const oc_op_call *call, const char *wanted, oc_choices *choices, oc_digest *key);
    /** Whether a choice is kept under that key, and which. */
    bool (*kept)(oc_dev *dev, const oc_digest *key, char text[OC_CHOICE_TEXT]);
    /** From now on such calls are prepared so, in later starts too. Whether it is kept: where not, the reason is in the log. */
    bool (*keep)(oc_dev *dev, const oc_digest *key, const char *text);
} oc_dev_tuner;

struct oc_dev_type {
    const char *name;
    const char *help;
    bool is_reference; /* the definition in plain C: opened only when it is asked for by name */
    bool finishes_on_first_run; /* kernels are compiled for good when they first run: exec runs each once before anybody waits for an answer */
    /** Fill at most `cap` entries, set `*count` to how many there are. Never fails for absent hardware. */
    oc_status (*probe)(oc_dev_info *list, size_t cap, size_t *count);
    oc_status (*open)(const oc_dev_info *info, const oc_dev_options *options, const oc_allocator *alloc, oc_dev **dev);
    void (*close)(oc_dev *dev); /* after everything made from it was destroyed */

    /** NULL text: the node can run. Else OC_E_UNSUPPORTED, with why in the error text. */
    oc_status (*can_run)(oc_dev *dev, const oc_op_call *call);
    /** Nodes that will be prepared: kernels that they need are built together, which may take seconds. What is wrong with a node `prepare` tells. NULL: nothing is gained by it. */
    oc_status (*expect)(oc_dev *dev, const oc_dev_task *tasks, size_t count);
    /** Choose and build the kernels, load and pack the constants. May take seconds. `*const_bytes`: device memory that the node's constants take. */
    oc_status (*prepare)(oc_dev *dev, const oc_dev_task *task, oc_dev_node **node, size_t *const_bytes);
    void (*unprepare)(oc_dev *dev, oc_dev_node *node);
    /** Scratch memory that one run of the node needs beside its inputs and outputs. */
    size_t (*scratch_bytes)(oc_dev *dev, const oc_dev_node *node);
    /** Kernel `index` of those that a run of the node starts; false behind the last. */
    bool (*kernel)(const oc_dev_node *node, size_t index, oc_dev_kernel *kernel);

    oc_status (*mem_create)(oc_dev *dev, size_t bytes, oc_dev_mem **mem);
    /** A window of `parent`; destroy it before its parent. */
    oc_status (*mem_view)(oc_dev *dev, oc_dev_mem *parent, size_t offset, size_t bytes, oc_dev_mem **view);
    void (*mem_destroy)(oc_dev *dev, oc_dev_mem *mem);

    /** in[i] NULL for constant and absent inputs. `scratch` NULL when scratch_bytes is 0. The buffers must outlive the bound node. */
    oc_status (*bind)(oc_dev *dev, const oc_dev_node *node, oc_dev_mem *const *in, oc_dev_mem *const *out, oc_dev_mem *scratch, oc_dev_bound **bound);
    void (*unbind)(oc_dev *dev, oc_dev_bound *bound);

    oc_status (*queue_create)(oc_dev *dev, oc_dev_queue **queue);
    /** A queue for measuring: it keeps when each kernel ran, of at most `kernels` until `spans` takes them: then `run` fails with OC_E_LIMIT. */
    oc_status (*queue_create_timed)(oc_dev *dev, size_t kernels, oc_dev_queue **queue);
    /**
     * Waits for what runs and for the notifications under way. On a lost device it does not: host
     * memory that its unfinished commands use must then never be freed.
     */
    void (*queue_destroy)(oc_dev *dev, oc_dev_queue *queue);
    /*
     * The next five enqueue and return; nothing of ours is allocated. Errors: OC_E_DEVICE, OC_E_LOST.
     * A queue on which a command failed stays failed: each later call gives that failure.
     */
    oc_status (*run)(oc_dev_queue *queue, oc_dev_bound *const *bound, size_t count);
    oc_status (*write)(oc_dev_queue *queue, oc_dev_mem *mem, const void *src, size_t bytes); /* src stays valid until done */
    oc_status (*read)(oc_dev_queue *queue, oc_dev_mem *mem, void *dst, size_t bytes);
    /** What comes on `queue` next waits for what is on `other` now. */
    oc_status (*after)(oc_dev_queue *queue, oc_dev_queue *other);
    /** Call `done(ctx, status)` when all before it has finished; also starts the work. Errors (`done` is not called): also OC_E_BUSY when OC_DEV_NOTES are under way. */
    oc_status (*notify)(oc_dev_queue *queue, oc_dev_done done, void *ctx);

    /** Of a timed queue that was waited for: when each kernel ran since the last call, in turn. There is room for as many as the queue keeps. */
    oc_status (*spans)(oc_dev_queue *queue, oc_dev_span *spans, size_t *count);
    const oc_dev_tuner *tuner; /* NULL: there is nothing to choose */
    /** Takes about a second, on a device that does nothing else. `bytes`: the most that is of interest to touch at once. NULL: nothing to hold against. */
    oc_status (*measure_peak)(oc_dev *dev, uint64_t bytes, oc_dev_peak *peak);
};

#define OC_DEVICE(name_) extern const oc_dev_type oc_dev_type_##name_;
#include "devices.def"
#undef OC_DEVICE

/** The rows of devices.def. */
const oc_dev_type *const *oc_dev_types(size_t *count);

/** Every device of every row, available or not. Owns: free `*list` with oc_free and the same allocator. */
OC_MUST_USE oc_status oc_dev_list(const oc_allocator *alloc, oc_dev_info **list, size_t *count);

/**
 * Open by selector: NULL or "" (PoCL if there, else any OpenCL CPU, else the first available device
 * that is not the reference), "pocl", "gpu", "cpu", "reference", "PLATFORM:DEVICE", or a part of a name or driver (no matter the case).
 * Errors: OC_E_NOTFOUND (selector, what there is and why some are absent), OC_E_ARG when a part of a name fits several devices.
 */
OC_MUST_USE oc_status oc_dev_open(const char *selector, const oc_dev_options *options, const oc_allocator *alloc, oc_dev **dev);
void oc_dev_close(oc_dev *dev);

/**
 * Wait for the queue, at most until `deadline_ns`. Allocates nothing.
 * Errors: OC_E_DEADLINE (the device is then marked lost, and its allocator must live until the
 * commands have ended, if they ever do), OC_E_LOST, and what failed on the queue.
 */
OC_MUST_USE oc_status oc_dev_queue_wait(oc_dev *dev, oc_dev_queue *queue, uint64_t deadline_ns);

/** What the device may be expected to do, unmeasured: a node takes the longer of its arithmetic and its bytes, and a start. */
typedef struct oc_dev_roofline {
    double flops;       /* per second, two a multiply-add */
    double bytes_per_s;
    double start_ns;    /* per node */
} oc_dev_roofline;
/** From traits, compute units and clock; plain defaults where the driver says nothing (roofline.c names them). All three are positive. */
oc_dev_roofline oc_dev_roofline_of(const oc_dev *dev);

/** What some kernels have to do at least. */
typedef struct oc_dev_work {
    double flops, int_ops;    /* two a multiply-add */
    uint64_t const_bytes;     /* of constants */
    uint64_t all_const_bytes; /* of the whole network, all of which a run reads: whether caches hold them */
    uint64_t in_bytes, out_bytes; /* of values, each once */
} oc_dev_work;
/** The shortest time in which a device of that peak does it, nanoseconds: the longer of arithmetic and memory; which is told in `*is_memory`. */
double oc_dev_peak_ns(const oc_dev_peak *peak, const oc_dev_work *work, bool *is_memory);

/* ---- for the types ------------------------------------------------------------------------- */

/** OC_E_LOST, with the device's name, once the device is lost. */
OC_MUST_USE oc_status oc_dev_check(const oc_dev *dev);
/** Fill and clear the common head of a queue. */
OC_MUST_USE oc_status oc_dev_queue_init(oc_dev_queue *queue, oc_dev *dev);
void oc_dev_queue_fini(oc_dev_queue *queue);

#endif
