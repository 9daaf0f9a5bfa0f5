/* SPDX-License-Identifier: Apache-2.0 */
/** The importer seam: one const row per model format (importers.def), each one file. */
#ifndef OC_IMPORT_H
#define OC_IMPORT_H

#include "oc_graph.h"

typedef struct oc_importer {
    const char *name;         /* "tflite", "onnx" */
    const char *extensions;   /* ".tflite" */
    const char *help;
    /** Certainty 0 (no) to 100 that a file with these first bytes (up to 4 KiB) and this name is of the format. Reads only `head`. */
    int (*probe)(oc_bytes head, const char *path);
    /**
     * Build the graph of a whole model. `bytes`: the file's contents, only valid during the call;
     * `file`: the same file, for constants to be read from later (oc_graph_add_file at an offset into `bytes`).
     * Errors: OC_E_FORMAT (offset, expected, found), OC_E_UNSUPPORTED (node, operator, version), OC_E_LIMIT, and the graph's.
     */
    oc_status (*read)(oc_bytes bytes, oc_file *file, oc_graph *graph);
} oc_importer;

const oc_importer *const *oc_importers(size_t *count);

/**
 * Read a model file into a graph that is neither transformed, compacted nor frozen: the format is found from the
 * first bytes; the source digest is that of all bytes. Owns: the caller destroys `*graph`.
 * Errors: OC_E_IO, OC_E_FORMAT (no importer knows it: what was found), OC_E_LIMIT (size), and the importer's, with the path in front.
 */
OC_MUST_USE oc_status oc_import(const char *path, const oc_limits *limits, const oc_allocator *alloc, oc_graph **graph);

#endif
