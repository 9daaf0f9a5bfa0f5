/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The network: nodes, values, constants, cuts and parts.
 *
 * A graph is built (importer), rewritten (transforms), then frozen: from then on it is read-only,
 * its node list is THE fixed topological order, and any number of threads may read it.
 * Ids are indices: of nodes into oc_graph.nodes, of values into oc_graph.values. Names are unique
 * per kind and are what goes to disk and wire.
 */
#ifndef OC_GRAPH_H
#define OC_GRAPH_H

#include "oc_base.h"
#include "oc_op.h"

#include <offcut/image.h>
#include <offcut/tensor.h>
#include <offcut/vision.h>

typedef uint32_t oc_id;
#define OC_NONE UINT32_MAX

/**
 * A constant is an expression that is evaluated when a device is prepared, so that weights are read
 * from the file once, and folding them costs no second copy: bytes, bytes of the model's file, one
 * repeated element, or an operator applied to other constants (evaluated by its reference).
 */
typedef enum oc_const_kind { OC_CONST_BYTES, OC_CONST_FILE, OC_CONST_FILL, OC_CONST_NODE } oc_const_kind;

typedef struct oc_const {
    oc_const_kind kind;
    const void *bytes;      /* BYTES: the dense tensor; FILL: one element. In the graph's arena. */
    oc_file *file;          /* FILE: a reference that the graph holds */
    uint64_t offset;        /* FILE: where the dense little-endian tensor starts */
    oc_id node;             /* NODE: id into oc_graph.const_nodes; output 0 is this value */
} oc_const;

typedef struct oc_value {
    const char *name;
    oc_desc desc;
    oc_id producer;           /* node, or OC_NONE for an input or a constant */
    const oc_const *constant; /* NULL unless constant */
    const oc_image_norm *norm; /* an input: how its model says that pictures are normalised; NULL: it does not */
    const oc_quant *quant;       /* an input or output: what its 8-bit elements stand for, or NULL */
    const oc_labels *labels;     /* an output: names of its classes, or NULL */
    const oc_detector *detector; /* an output: what its numbers mean where it holds detections, or NULL */
} oc_value;

typedef struct oc_node {
    const char *name;
    const oc_op *op;
    void *attrs;              /* op->attrs_size bytes */
    const char *numerics;     /* numerics class; see oc_op.numerics */
    uint32_t n_in, n_out;
    oc_id *in;                /* OC_NONE: an optional input that is not given */
    oc_id *out;
} oc_node;

/** Names to ids (open addressing). */
typedef struct oc_name_slot {
    const char *name;
    oc_id id;
} oc_name_slot;
typedef struct oc_names {
    oc_name_slot *slots;
    size_t capacity, count;
} oc_names;

typedef struct oc_graph {
    const oc_allocator *alloc;
    oc_limits limits;
    const char *numerics;     /* the class that every node gets that can have it; NULL: as the operators choose */
    oc_arena arena;           /* names, attributes, id lists, small constants */
    const char *name;
    const char *format;       /* the importer's name */
    oc_digest source;         /* of the model file's bytes */
    oc_digest digest;         /* set by oc_graph_freeze */
    oc_node *nodes;
    size_t n_nodes, cap_nodes;
    oc_value *values;
    size_t n_values, cap_values;
    oc_node *const_nodes;     /* folded away: they only define constants */
    size_t n_const_nodes, cap_const_nodes;
    oc_id *inputs, *outputs;  /* values */
    size_t n_inputs, cap_inputs, n_outputs, cap_outputs;
    oc_names value_names, node_names; /* node_names holds const_nodes' names too, as OC_NONE */
    oc_file **files;          /* references held */
    size_t n_files, cap_files;
    bool is_frozen;
    /* Set by oc_graph_freeze: the nodes that consume value v are uses[use_begin[v] .. use_begin[v+1]). */
    oc_id *uses;
    uint32_t *use_begin;
} oc_graph;

/* ---- building: not thread-safe, only before oc_graph_freeze --------------------------------- */

OC_MUST_USE oc_status oc_graph_create(const char *name, const oc_limits *limits, const oc_allocator *alloc, oc_graph **graph);
void oc_graph_destroy(oc_graph *graph);

/**
 * Add a value. `name` is copied; an empty or taken name is made unique by a suffix; commas, control characters and
 * bytes that are not UTF-8 become '_', so that a name can stand in a list, on a terminal and in JSON.
 * Errors: OC_E_NOMEM, OC_E_SHAPE, OC_E_LIMIT (the tensor is larger than limits.memory_bytes).
 */
OC_MUST_USE oc_status oc_graph_add_input(oc_graph *graph, const char *name, const oc_desc *desc, oc_id *value);
/** Say how pictures become the input `value` (copied). Not part of the digest: it changes no node. */
OC_MUST_USE oc_status oc_graph_set_norm(oc_graph *graph, oc_id value, const oc_image_norm *norm);
/** Likewise what the 8-bit elements of an input or output stand for. */
OC_MUST_USE oc_status oc_graph_set_quant(oc_graph *graph, oc_id value, const oc_quant *quant);
/** Likewise what an output's numbers mean (copied, names and anchors too). Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_graph_set_labels(oc_graph *graph, oc_id value, const oc_labels *labels);
OC_MUST_USE oc_status oc_graph_set_detector(oc_graph *graph, oc_id value, const oc_detector *detector);
/** Constants. Bytes are copied into the graph; a file range is checked against the file's size. */
OC_MUST_USE oc_status oc_graph_add_bytes(oc_graph *graph, const char *name, const oc_desc *desc, const void *bytes, oc_id *value);
OC_MUST_USE oc_status oc_graph_add_file(oc_graph *graph, const char *name, const oc_desc *desc, oc_file *file, uint64_t offset, oc_id *value);
OC_MUST_USE oc_status oc_graph_add_fill(oc_graph *graph, const char *name, const oc_desc *desc, const void *element, oc_id *value);
/** The file belongs to the model, whether constants are read from it later or not: it is held as long as the graph. */
OC_MUST_USE oc_status oc_graph_hold_file(oc_graph *graph, oc_file *file);

/**
 * Start a node: attributes get their defaults; set them by name (oc_node_set_*), then call
 * oc_graph_end_node, which runs the operator's shape function and creates the output values.
 * `*node` is valid until the next oc_graph_begin_node.
 */
OC_MUST_USE oc_status oc_graph_begin_node(oc_graph *graph, const oc_op *op, const char *name, const oc_id *in, size_t n_in, oc_node **node);
/** `out_names` may be NULL (named after the node). `out` receives op->n_out value ids. Errors: those of the operator's shape. */
OC_MUST_USE oc_status oc_graph_end_node(oc_graph *graph, oc_node *node, const char *const *out_names, oc_id *out);
OC_MUST_USE oc_status oc_graph_add_output(oc_graph *graph, oc_id value);

/* Attributes by name, checked against the operator's rows. Errors: OC_E_ARG (unknown name, wrong type, out of range). */
OC_MUST_USE oc_status oc_node_set_int(oc_node *node, const char *attr, int64_t value);
OC_MUST_USE oc_status oc_node_set_float(oc_node *node, const char *attr, float value);
OC_MUST_USE oc_status oc_node_set_ints(oc_node *node, const char *attr, const int32_t *values, size_t count);
OC_MUST_USE oc_status oc_node_set_floats(oc_node *node, const char *attr, const float *values, size_t count);
OC_MUST_USE oc_status oc_node_set_enum(oc_node *node, const char *attr, const char *value_name);
/** Reading them back; NULL row or wrong type is a defect and returns the type's zero. */
int32_t oc_node_int(const oc_node *node, const char *attr);
float oc_node_float(const oc_node *node, const char *attr);
const char *oc_node_enum(const oc_node *node, const char *attr);
const oc_ints *oc_node_ints(const oc_node *node, const char *attr);
const oc_floats *oc_node_floats(const oc_node *node, const char *attr);

/* ---- rewriting: for transforms, only before oc_graph_freeze ------------------------------- */

/** Every consumer of `from` (and the output list) uses `to` instead. The two have equal descs. When `from` is an output and `to` is not an input or constant, `to` takes over its name and its meaning (quantisation, labels, detector), so that outputs keep them. */
OC_MUST_USE oc_status oc_graph_replace_uses(oc_graph *graph, oc_id from, oc_id to);
/** Exchange the names of two values. */
OC_MUST_USE oc_status oc_graph_swap_names(oc_graph *graph, oc_id a, oc_id b);
/** How many node inputs and graph outputs use the value. */
size_t oc_graph_use_count(const oc_graph *graph, oc_id value);
bool oc_graph_is_output(const oc_graph *graph, oc_id value);
/** Move a node whose inputs are all constant to const_nodes; its output 0 becomes a constant. The node must have one output. */
OC_MUST_USE oc_status oc_graph_fold_node(oc_graph *graph, oc_id node);
/** Drop nodes and values that no output needs, renumber, and sort topologically (stable: the lowest old id first). Every id changes. Graph inputs stay. */
OC_MUST_USE oc_status oc_graph_compact(oc_graph *graph);

/** Compact, verify, compute uses and the digest (source, transform version, node list with attributes and descs, numerics classes; never computed weights). */
OC_MUST_USE oc_status oc_graph_freeze(oc_graph *graph, uint32_t transform_version);
/** What every graph must satisfy: names unique, ids in range, order topological, descs as the operators say. Errors: OC_E_INTERNAL or the operator's own. */
OC_MUST_USE oc_status oc_graph_verify(const oc_graph *graph);

/* ---- reading: thread-safe once frozen ------------------------------------------------------ */

/** The value or node of that name, or OC_NONE. */
oc_id oc_graph_find_value(const oc_graph *graph, const char *name);
oc_id oc_graph_find_node(const oc_graph *graph, const char *name);

/** A node as its operator sees it. `in` and `out` have room for node->n_in and n_out descs; `is_const` for n_in flags. */
oc_op_call oc_node_call(const oc_graph *graph, const oc_node *node, const oc_desc **in, const oc_desc **out, bool *is_const);
#define OC_NODE_IO_MAX 64 /* most inputs or outputs of a node; graph building refuses more */

/**
 * Evaluate the constant `value` into `dst` (oc_desc_bytes of its desc); a bool is 0 or 1, whatever
 * byte other than 0 its file has. Intermediate constants are
 * held only while they are needed. Errors: OC_E_IO, OC_E_NOMEM, and the operators'.
 */
OC_MUST_USE oc_status oc_graph_const_read(const oc_graph *graph, oc_id value, void *dst, size_t size);

/**
 * Evaluate the value of the node folded last now, and keep its bytes instead of the node: for small
 * ones that many others are made of. Errors: as above.
 */
OC_MUST_USE oc_status oc_graph_settle(oc_graph *graph, oc_id value);

/* ---- cuts and parts ------------------------------------------------------------------------ */

/**
 * A set of values that separates what has run from what has not. `values` holds, by ascending id,
 * those that cross (produced or given before, consumed after); graph outputs that the head already
 * made are not among them unless the tail also consumes them. `is_head[node]` says on which side a node is.
 */
typedef struct oc_cut {
    const oc_allocator *alloc;
    oc_id *values;
    size_t n_values;
    bool *is_head;      /* n_nodes flags */
    size_t n_head;
    oc_id index;        /* the prefix length, or OC_NONE when the head is no prefix */
    size_t bytes;       /* of all crossing values */
} oc_cut;

/** The cut after the first `index` nodes, 0 .. n_nodes. Errors: OC_E_ARG (index, n_nodes), OC_E_NOMEM. */
OC_MUST_USE oc_status oc_cut_at(const oc_graph *graph, size_t index, const oc_allocator *alloc, oc_cut *cut);
/** The cut at the named values. The head is what they need and what no tail node is needed for. Errors: OC_E_NOTFOUND (name), OC_E_ARG when the values do not separate (names one that leaks past them). */
OC_MUST_USE oc_status oc_cut_values(const oc_graph *graph, const char *const *names, size_t n_names, const oc_allocator *alloc, oc_cut *cut);
/** "INDEX" or "VALUE,VALUE..." as the command line writes it. Digits alone are an index; "value:42" names a value called 42. */
OC_MUST_USE oc_status oc_cut_parse(const oc_graph *graph, const char *text, const oc_allocator *alloc, oc_cut *cut);
void oc_cut_fini(oc_cut *cut);

/**
 * A convex set of nodes between values that are given and values that are wanted: the nodes that
 * `gives` need, searched backwards until `takes` stops the search. In topological order.
 */
typedef struct oc_part {
    const oc_allocator *alloc;
    oc_id *nodes;
    size_t n_nodes;
    oc_id *takes;       /* values given from outside, ascending */
    size_t n_takes;
    oc_id *gives;       /* values wanted, in the caller's order */
    size_t n_gives;
} oc_part;

/** Errors: OC_E_ARG when a graph input or producer outside `takes` is reached (names it), when a take is not needed, or is constant; OC_E_NOMEM. */
OC_MUST_USE oc_status oc_part_between(const oc_graph *graph, const oc_id *takes, size_t n_takes, const oc_id *gives, size_t n_gives, const oc_allocator *alloc, oc_part *part);
void oc_part_fini(oc_part *part);

#endif
