/* SPDX-License-Identifier: Apache-2.0 */
/** The cloud worker: a gRPC server that runs whole models and parts of them. */
#ifndef OFFCUT_WORKER_H
#define OFFCUT_WORKER_H

#include <offcut/device.h>
#include <offcut/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct oc_worker oc_worker;

typedef struct oc_worker_model {
    const char *name; /* as clients name it; NULL: the file's name without folder and extension */
    const char *path;
    oc_model_options options; /* how the file is to be read; its limits are the worker's */
} oc_worker_model;

/** A model that is served. Its texts are the worker's, and end with it. */
typedef struct oc_worker_model_info {
    const char *name;   /* as clients name it */
    const char *path;
    const char *digest; /* as oc_model_info has it */
    size_t n_nodes;
} oc_worker_model_info;

typedef struct oc_worker_options {
    const char *listen;              /* "127.0.0.1:50051"; port 0: the system chooses. There is no TLS: keep it on trusted networks. */
    const oc_worker_model *models;
    size_t n_models;
    oc_prepare_options prepare;      /* device, threads, log, progress */
    oc_limits limits;
    uint32_t message_bytes_max;      /* largest single message accepted; 0: 256 MiB */
    uint32_t requests_max;           /* requests in the worker at once; more are refused with RESOURCE_EXHAUSTED; 0: 64 */
} oc_worker_options;

/**
 * Load and prepare the models, bind the port. Owns: the caller destroys `*worker`. Errors: OC_E_BUSY (the port is taken: which), OC_E_ARG (two
 * models of one name, no model, an address), and those of oc_model_open and oc_prepare with the model's path.
 */
OC_API OC_MUST_USE oc_status oc_worker_create(const oc_worker_options *options, const oc_allocator *alloc, oc_worker **worker);
/** The port that is listened on. */
OC_API int oc_worker_port(const oc_worker *worker);
/** The models served, in the order of oc_worker_options. */
OC_API size_t oc_worker_model_count(const oc_worker *worker);
/** Borrowed from the worker; NULL for an index that is too large. */
OC_API const oc_worker_model_info *oc_worker_model_get(const oc_worker *worker, size_t index);
/**
 * Serve until oc_worker_stop; then finish what runs, refuse what waits, and return. A part that runs for more than
 * 5 s from then on is given up with its device, and answers have 5 s to go out.
 */
OC_API OC_MUST_USE oc_status oc_worker_run(oc_worker *worker);
/** Make oc_worker_run return. Safe from any thread and from a signal handler. */
OC_API void oc_worker_stop(oc_worker *worker);
OC_API void oc_worker_destroy(oc_worker *worker);

#ifdef __cplusplus
}
#endif
#endif
