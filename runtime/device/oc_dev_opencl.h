/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of the OpenCL device share: opencl.c (probe, open, memory), opencl_source.c
 * (the kernels' texts), opencl_join.c (many as one), opencl_program.c (building), opencl_binary.c (keeping what was built), opencl_choice.c (keeping what was chosen), opencl_node.c (prepare and bind), opencl_queue.c (running and telling), opencl_peak.c (what the
 * device can do at most), opencl_dot8.c (an instruction for products of bytes).
 */
#ifndef OC_DEV_OPENCL_H
#define OC_DEV_OPENCL_H

#include "oc_device.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

typedef struct oc_cl_unit oc_cl_unit;

/** kernels-cl/<stem>.cl with some options. Borrowed until the device is closed. */
typedef struct oc_cl_program {
    struct oc_cl_program *next;
    char *stem, *options;
    char suffix[32];  /* of its kernels' names in the unit: they are one of several parts */
    oc_cl_unit *unit; /* NULL: not built yet */
    bool is_apart;    /* it cannot be built together with others */
    bool is_trial;    /* only trials want it: a network's own programs are made without regard to it */
} oc_cl_program;

typedef struct oc_cl_dev {
    oc_dev head;
    cl_device_id device;
    cl_context context;
    cl_command_queue loader;  /* fills constants; used by any thread that prepares */
    const char *kernel_dir;
    oc_cache *cache;          /* of program binaries and choices; NULL: none */
    size_t mem_max;           /* the largest buffer the driver gives */
    char build_options[64];   /* those that every program is built with */
    pthread_mutex_t mutex;    /* guards programs and units */
    oc_cl_program *programs;
    oc_cl_unit *units;
    pthread_mutex_t dot8_mutex;
    oc_dot8_kind dot8;        /* see oc_cl_dot8 */
} oc_cl_dev;

/**
 * A buffer, or a view of one. OpenCL has no views of views, so a view keeps the buffer that it is
 * a part of, and where.
 */
struct oc_dev_mem {
    cl_mem mem;
    cl_mem root;   /* the whole buffer; equal to `mem` for a buffer */
    size_t offset; /* in `root` */
    size_t bytes;
    bool is_view;
};

/**
 * OC_OK for CL_SUCCESS, else the status that stands for `error`, with a text: device, call, name
 * of the error. A device that is said to be gone is marked lost.
 */
OC_MUST_USE oc_status oc_cl_check(oc_cl_dev *dev, cl_int error, const char *call);
/** The same without a text: for callbacks, whose threads are not ours. */
oc_status oc_cl_status(oc_cl_dev *dev, cl_int error);
/** "CL_INVALID_VALUE"; never NULL, static. */
const char *oc_cl_error_name(cl_int error);

/** A buffer of at least one byte, counted by the device's allocator. Owns: oc_cl_buffer_release with the same `bytes`. Errors: OC_E_LIMIT (asked for, the driver's limit), OC_E_NOMEM, OC_E_DEVICE. */
OC_MUST_USE oc_status oc_cl_buffer(oc_cl_dev *dev, cl_mem_flags flags, size_t bytes, cl_mem *mem);
void oc_cl_buffer_release(oc_cl_dev *dev, cl_mem mem, size_t bytes);
/** A sub-buffer of `root`; the whole of it for 0 bytes, which no kernel touches. Owns: clReleaseMemObject. */
OC_MUST_USE oc_status oc_cl_sub_buffer(oc_cl_dev *dev, cl_mem root, size_t offset, size_t bytes, cl_mem *mem);

/** The text of kernels-cl/<stem>.cl: of the device's folder of kernels, in `folder`, or the embedded one. */
OC_MUST_USE oc_status oc_cl_source_find(oc_cl_dev *dev, const char *stem, oc_buf *folder, oc_bytes *source);

#define OC_CL_PART "_part%zu" /* what the names of a part's declarations end in */
/** Append `source` to `text` as part `number` of a program: what it declares gets other names, what it defines ends behind it. */
OC_MUST_USE oc_status oc_cl_join_put(oc_bytes source, const char *options, size_t number, const oc_allocator *alloc, oc_buf *text);
/** Parts of one program have the same key; 0: built with these options a text cannot be a part. */
uint32_t oc_cl_join_key(const char *options);

/** kernels-cl/<stem>.cl with `options` will be asked for; oc_cl_programs_join builds together what was told so. */
OC_MUST_USE oc_status oc_cl_program_want(oc_cl_dev *dev, const char *stem, const char *options, bool is_trial);
/** What cannot be built together is left to oc_cl_program_get. */
void oc_cl_programs_join(oc_cl_dev *dev);
/** kernels-cl/<stem>.cl with `options`, built at most once per device, and once more for trials before anybody else wants it. `is_trial`: its binary is of no use to later starts. */
OC_MUST_USE oc_status oc_cl_program_get(oc_cl_dev *dev, const char *stem, const char *options, bool is_trial, const oc_cl_program **program);
/** Its kernel of that name. Owns: clReleaseKernel; NULL with `*error` set. */
cl_kernel oc_cl_program_kernel(const oc_cl_program *program, const char *name, cl_int *error);
void oc_cl_programs_release(oc_cl_dev *dev);
/** The text of kernels-cl/<stem>.cl, with its headers, goes into the digest. */
OC_MUST_USE oc_status oc_cl_hash_source(oc_cl_dev *dev, const char *stem, oc_hash *hash);

/** What the driver compiles for goes into the digest: offcut's version, the device, its driver. */
OC_MUST_USE oc_status oc_cl_hash_device(oc_cl_dev *dev, oc_hash *hash);
/** Start what a program's binary is kept under with all that does not depend on the program. */
OC_MUST_USE oc_status oc_cl_binary_key(oc_cl_dev *dev, oc_hash *hash);
/** The program of that key, built from what was kept; NULL where there is none that the driver takes. Owns: clReleaseProgram. */
cl_program oc_cl_binary_load(oc_cl_dev *dev, const char *stem, const char *options, const oc_digest *key);
/** Keep a program, once its kernels have run: what the driver made of them then is part of it. */
void oc_cl_binary_keep(oc_cl_dev *dev, cl_program program, const oc_digest *key);

/** Which instruction for products of bytes works here: tried at the first call. Never OC_DOT8_OPEN. */
oc_dot8_kind oc_cl_dot8(oc_cl_dev *dev);
/** The launches of a call where `wanted` is what is to be chosen. Owns: oc_free `list->items`, also on failure. */
OC_MUST_USE oc_status oc_cl_launches(oc_dev *dev, const oc_op_call *call, const char *wanted, oc_launch_list *list);
/** The same with what is kept for the call. */
OC_MUST_USE oc_status oc_cl_launches_kept(oc_dev *dev, const oc_op_call *call, oc_launch_list *list);

/* Parts of the type's row. */
extern const oc_dev_tuner oc_cl_tuner;
oc_status oc_cl_can_run(oc_dev *dev, const oc_op_call *call);
oc_status oc_cl_prepare(oc_dev *dev, const oc_dev_task *task, oc_dev_node **node, size_t *const_bytes);
void oc_cl_unprepare(oc_dev *dev, oc_dev_node *node);
size_t oc_cl_scratch_bytes(oc_dev *dev, const oc_dev_node *node);
oc_status oc_cl_bind(oc_dev *dev, const oc_dev_node *node, oc_dev_mem *const *in, oc_dev_mem *const *out, oc_dev_mem *scratch, oc_dev_bound **bound);
void oc_cl_unbind(oc_dev *dev, oc_dev_bound *bound);
/** Events of kernels, kept for their times. */
typedef struct oc_cl_events {
    size_t count, max;
    cl_event *items;
} oc_cl_events;
/** Enqueue the kernels of one bound node. `events` NULL: none are kept. Errors: also OC_E_LIMIT when there is no room for them. */
OC_MUST_USE oc_status oc_cl_enqueue(oc_cl_dev *dev, cl_command_queue queue, const oc_dev_bound *bound, oc_cl_events *events);
oc_status oc_cl_expect(oc_dev *dev, const oc_dev_task *tasks, size_t count);
bool oc_cl_kernel(const oc_dev_node *node, size_t index, oc_dev_kernel *kernel);

oc_status oc_cl_queue_create(oc_dev *dev, oc_dev_queue **queue);
void oc_cl_queue_destroy(oc_dev *dev, oc_dev_queue *queue);
oc_status oc_cl_run(oc_dev_queue *queue, oc_dev_bound *const *bound, size_t count);
oc_status oc_cl_write(oc_dev_queue *queue, oc_dev_mem *mem, const void *src, size_t bytes);
oc_status oc_cl_read(oc_dev_queue *queue, oc_dev_mem *mem, void *dst, size_t bytes);
oc_status oc_cl_after(oc_dev_queue *queue, oc_dev_queue *other);
oc_status oc_cl_notify(oc_dev_queue *queue, oc_dev_done done, void *ctx);
oc_status oc_cl_queue_create_timed(oc_dev *dev, size_t kernels, oc_dev_queue **queue);
oc_status oc_cl_spans(oc_dev_queue *queue, oc_dev_span *spans, size_t *count);
oc_status oc_cl_measure_peak(oc_dev *dev, uint64_t bytes, oc_dev_peak *peak);

#endif
