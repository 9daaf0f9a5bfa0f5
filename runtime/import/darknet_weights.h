/* SPDX-License-Identifier: Apache-2.0 */
/** A Darknet .weights file: a header, then the layers' float32 arrays without any names. */
#ifndef DARKNET_WEIGHTS_H
#define DARKNET_WEIGHTS_H

#include "import_common.h"

typedef struct oc_dk_weights {
    oc_graph *graph;
    oc_file *file;
    uint64_t at;        /* where the next array begins */
    bool is_transposed; /* weights of fully connected layers lie as [inputs][outputs] */
} oc_dk_weights;

/**
 * Open the file, read its header, and mix all of its bytes into the graph's source digest.
 * Owns: oc_dk_weights_close, in any case. Errors: OC_E_IO, OC_E_FORMAT (header), OC_E_LIMIT.
 */
OC_MUST_USE oc_status oc_dk_weights_open(oc_graph *graph, const char *path, oc_dk_weights *weights);
void oc_dk_weights_close(oc_dk_weights *weights);

/** The next array, called "node/what", as a constant. Errors: OC_E_FORMAT where the file ends before. */
OC_MUST_USE oc_status oc_dk_weights_take(oc_dk_weights *weights, const oc_imp *at, const char *what,
                                         const oc_shape *shape, oc_id *value);
/** Everything has been taken. Errors: OC_E_FORMAT (bytes expected, found). */
OC_MUST_USE oc_status oc_dk_weights_end(const oc_dk_weights *weights);

#endif
