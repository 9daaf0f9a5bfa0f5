/* SPDX-License-Identifier: Apache-2.0 */
/** The importer seam: one const row per model format (importers.def), each one file. */
#ifndef OC_IMPORT_H
#define OC_IMPORT_H

#include "oc_graph.h"

#include <offcut/model.h>

/** A model file while it is read. */
typedef struct oc_import_source {
    oc_bytes bytes;           /* all its contents; only valid during the call */
    oc_file *file;            /* the same, for constants to be read from later (oc_graph_add_file at an offset into `bytes`); its path leads to files beside it */
    const oc_model_options *options; /* never NULL; its limits are those of the graph */
} oc_import_source;

typedef struct oc_importer {
    const char *name;         /* "tflite", "onnx" */
    const char *extensions;   /* ".tflite" */
    const char *help;
    bool has_weights_file;    /* takes options->weights */
    bool has_constants;       /* takes options->constants */
    /** Certainty 0 (no) to 100 that a file with these first bytes (up to 4 KiB) and this name is of the format. Reads only `head`. */
    int (*probe)(oc_bytes head, const char *path);
    /**
     * Build the graph of a whole model. What it reads besides `source` (weights, external data, constants
     * of the options) it mixes into graph->source by oc_import_mix, so that the digest tells models apart.
     * Errors: OC_E_FORMAT (offset, expected, found), OC_E_UNSUPPORTED (node, operator, version), OC_E_LIMIT, and the graph's.
     */
    oc_status (*read)(const oc_import_source *source, oc_graph *graph);
    /** What the format calls the `index`-th of its operators that are understood; NULL past the last. */
    const char *(*operator_name)(size_t index);
    /** Our operators that graphs of this format may be made of; NULL ends them. oc_import refuses a graph with any other. */
    const oc_op *const *makes;
} oc_importer;

const oc_importer *const *oc_importers(size_t *count);

/** graph->source becomes the digest of itself and `bytes`. */
OC_MUST_USE oc_status oc_import_mix(oc_graph *graph, oc_bytes bytes);
/** The same of all bytes of a file of the model, which is read in pieces and held by the graph. */
OC_MUST_USE oc_status oc_import_mix_file(oc_graph *graph, oc_file *file);

/**
 * Read a model file into a graph that is neither transformed, compacted nor frozen: the format is found from the
 * first bytes; the source digest is that of all bytes. Owns: the caller destroys `*graph`.
 * Errors: OC_E_IO, OC_E_FORMAT (no importer knows it: what was found), OC_E_LIMIT (size), and the importer's, with the path in front.
 */
OC_MUST_USE oc_status oc_import(const char *path, const oc_model_options *options, const oc_allocator *alloc, oc_graph **graph);

#endif
