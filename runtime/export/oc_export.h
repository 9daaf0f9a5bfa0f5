/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Writing: a part of a frozen graph as an ONNX file that any other runtime can serve.
 *
 * What is written is the transformed graph, each operator in the form that its row of forms.c
 * gives it in standard ONNX operators; an operator that has none is refused by name. The file's
 * bytes depend on the graph alone.
 */
#ifndef OC_EXPORT_H
#define OC_EXPORT_H

#include "oc_graph.h"

/** ONNX as it is written: operators of ai.onnx at this opset, files of this IR version. */
#define OC_EXPORT_OPSET 21
#define OC_EXPORT_IR 10
/** Protobuf messages, and so ONNX files without external data, end here. */
#define OC_EXPORT_BYTES_MAX INT32_MAX

/** Element types of its first input for which that operator can be written: OC_TYPE bits, 0 for none. */
uint32_t oc_export_types(const oc_op *op);

/** A part in its ONNX form, all but the bytes of its weights, which are read when it is written. */
typedef struct oc_export oc_export;

/**
 * `part`   whose takes become the file's inputs and whose gives its outputs, under their own names
 *          and in the graph's own layout. Not needed afterwards; the graph is.
 * `name`   of the graph in the file.   `doc`  its description, one line.
 * Owns: oc_export_destroy.
 * Errors: OC_E_UNSUPPORTED (node, operator, why), OC_E_LIMIT (the file would be larger than
 * OC_EXPORT_BYTES_MAX), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_export_make(const oc_graph *graph, const oc_part *part, const char *name,
                                     const char *doc, const oc_allocator *alloc,
                                     oc_export **made);
void oc_export_destroy(oc_export *made);

/**
 * Write the file's bytes, one weight after the other: the largest, and what evaluating it takes,
 * is all that is held at a time. Errors: those of the constants and of the file.
 */
OC_MUST_USE oc_status oc_export_put(const oc_export *made, oc_file_out *file);

/**
 * Both sides of a cut, each to its file; both files or none. `cut_text` is the cut as the caller
 * names it.
 *
 * The head takes the graph inputs that its nodes use and gives the values of the cut that it
 * makes, then the graph's outputs that it makes. The tail takes all values of the cut, graph
 * inputs among them, and gives the other outputs of the graph.
 * Errors: OC_E_ARG when a side has no nodes, or both paths are the same; those of oc_export_make
 * and oc_export_put.
 */
OC_MUST_USE oc_status oc_export_split(const oc_graph *graph, const oc_cut *cut,
                                      const char *cut_text, const char *head_path,
                                      const char *tail_path, const oc_allocator *alloc);

#endif
