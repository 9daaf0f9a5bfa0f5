/* SPDX-License-Identifier: Apache-2.0 */
/** Constants as expressions: evaluated when somebody needs their bytes, then forgotten. */
#include "oc_graph.h"

#include <stdlib.h>

/* The folded nodes that one constant needs, and what they have made so far. */
typedef struct evaluation {
    const oc_graph *g;
    oc_id *nodes;          /* into const_nodes, ascending: an input's node always comes first */
    size_t n_nodes;
    uint32_t *uses_left;   /* per const node: consumers in `nodes` that have not run */
    void **made;           /* per const node: its output while it is needed */
} evaluation;

static void fill_elements(void *dst, size_t size, const void *element, size_t elem_size)
{
    for (size_t at = 0; at + elem_size <= size; at += elem_size)
        memcpy((char *)dst + at, element, elem_size);
}

/* A file may hold any bytes for bools; operators and whoever gets them over a cut know 0 and 1. */
static void make_bools(void *dst, size_t size)
{
    uint8_t *bytes = dst;
    for (size_t i = 0; i < size; i++)
        bytes[i] = bytes[i] != 0;
}

/* A constant that is no folded node. */
static oc_status read_leaf(const oc_value *value, void *dst, size_t size)
{
    const oc_const *constant = value->constant;
    if (constant->kind == OC_CONST_FILE && size > 0)
        OC_TRY(oc_file_read(constant->file, constant->offset, dst, size));
    if (constant->kind == OC_CONST_FILL)
        fill_elements(dst, size, constant->bytes, oc_dtype_size(value->desc.dtype));
    if (constant->kind == OC_CONST_BYTES && size > 0)
        memcpy(dst, constant->bytes, size);
    if (value->desc.dtype == OC_DTYPE_bool)
        make_bools(dst, size);
    return OC_OK;
}

/* The const node behind a value, or OC_NONE. */
static oc_id const_node_of(const oc_graph *g, oc_id value)
{
    const oc_const *constant = value == OC_NONE ? NULL : g->values[value].constant;
    return constant && constant->kind == OC_CONST_NODE ? constant->node : OC_NONE;
}

static int compare_ids(const void *a, const void *b)
{
    oc_id x = *(const oc_id *)a, y = *(const oc_id *)b;
    return x < y ? -1 : x > y;
}

/* Collect what `root` needs. A worklist, not recursion: a hostile model may nest as deep as it has nodes. */
static void collect(evaluation *e, oc_id root)
{
    e->nodes[e->n_nodes++] = root;
    e->uses_left[root] = 1;
    for (size_t at = 0; at < e->n_nodes; at++) {
        const oc_node *node = &e->g->const_nodes[e->nodes[at]];
        for (uint32_t i = 0; i < node->n_in; i++) {
            oc_id need = const_node_of(e->g, node->in[i]);
            if (need != OC_NONE && e->uses_left[need]++ == 0)
                e->nodes[e->n_nodes++] = need;
        }
    }
    qsort(e->nodes, e->n_nodes, sizeof(*e->nodes), compare_ids);
}

/* Input `i` as dense bytes: what its node made, or a fresh copy that the caller frees (`*own`). */
static oc_status input_bytes(evaluation *e, oc_id value, const void **bytes, void **own)
{
    size_t size;
    oc_id node = const_node_of(e->g, value);
    *own = NULL;
    if (node != OC_NONE) {
        *bytes = e->made[node];
        return OC_OK;
    }
    OC_TRY(oc_desc_bytes(&e->g->values[value].desc, &size));
    OC_TRY(oc_alloc(e->g->alloc, OC_MAX(size, (size_t)1), 1, own));
    *bytes = *own;
    return read_leaf(&e->g->values[value], *own, size);
}

static void drop_inputs(evaluation *e, const oc_node *node, void **own)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        oc_id need = const_node_of(e->g, node->in[i]);
        oc_free(e->g->alloc, own[i]);
        if (need != OC_NONE && --e->uses_left[need] == 0) {
            oc_free(e->g->alloc, e->made[need]);
            e->made[need] = NULL;
        }
    }
}

static oc_status run_node(evaluation *e, const oc_node *node, void *dst)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    const void *bytes[OC_NODE_IO_MAX] = {0};
    void *own[OC_NODE_IO_MAX] = {0};
    bool is_const[OC_NODE_IO_MAX];
    oc_op_call call = oc_node_call(e->g, node, in, out, is_const);
    oc_status status = OC_OK;
    for (uint32_t i = 0; i < node->n_in && status == OC_OK; i++)
        if (node->in[i] != OC_NONE)
            status = input_bytes(e, node->in[i], &bytes[i], &own[i]);
    if (status == OC_OK && !oc_op_is_empty(&call))
        status = node->op->reference(&call, bytes, &dst);
    drop_inputs(e, node, own);
    return status;
}

static oc_status evaluate(evaluation *e, oc_id root, void *dst)
{
    collect(e, root);
    for (size_t i = 0; i < e->n_nodes; i++) {
        oc_id id = e->nodes[i];
        const oc_node *node = &e->g->const_nodes[id];
        void *out = dst;
        if (id != root) {
            size_t size;
            OC_TRY(oc_desc_bytes(&e->g->values[node->out[0]].desc, &size));
            OC_TRY(oc_alloc(e->g->alloc, OC_MAX(size, (size_t)1), 1, &e->made[id]));
            out = e->made[id];
        }
        OC_TRY(run_node(e, node, out));
    }
    return OC_OK;
}

oc_status oc_graph_const_read(const oc_graph *graph, oc_id value, void *dst, size_t size)
{
    evaluation e = {.g = graph};
    oc_arena scratch;
    oc_status status;
    size_t need;
    oc_id root = const_node_of(graph, value);
    OC_TRY(oc_desc_bytes(&graph->values[value].desc, &need));
    if (need != size || !graph->values[value].constant)
        return oc_fail(OC_E_INTERNAL, "constant \"%s\": %zu bytes asked for, it has %zu",
                       graph->values[value].name, size, need);
    if (root == OC_NONE)
        return read_leaf(&graph->values[value], dst, size);
    oc_arena_init(&scratch, graph->alloc);
    OC_TRY_OUT(OC_ARENA_ALLOC(&scratch, graph->n_const_nodes, e.nodes));
    OC_TRY_OUT(OC_ARENA_ALLOC(&scratch, graph->n_const_nodes, e.uses_left));
    OC_TRY_OUT(OC_ARENA_ALLOC(&scratch, graph->n_const_nodes, e.made));
    status = evaluate(&e, root, dst);
    for (size_t i = 0; i < e.n_nodes; i++)
        oc_free(graph->alloc, e.made[e.nodes[i]]);
out:
    oc_arena_fini(&scratch);
    return status;
}

oc_status oc_graph_settle(oc_graph *graph, oc_id value)
{
    size_t size;
    void *bytes = NULL;
    oc_const *settled = NULL;
    const oc_id node = const_node_of(graph, value);
    if (node == OC_NONE || node + 1 != graph->n_const_nodes)
        return oc_fail(OC_E_INTERNAL, "constant \"%s\": expected the node folded last",
                       graph->values[value].name);
    OC_TRY(oc_desc_bytes(&graph->values[value].desc, &size));
    OC_TRY(oc_arena_alloc(&graph->arena, size ? size : 1, 1, &bytes));
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, 1, settled));
    OC_TRY(oc_graph_const_read(graph, value, bytes, size));
    *settled = (oc_const){.kind = OC_CONST_BYTES, .bytes = bytes, .node = OC_NONE};
    graph->values[value].constant = settled;
    graph->n_const_nodes--;
    return OC_OK;
}
