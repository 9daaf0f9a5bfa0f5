/* SPDX-License-Identifier: Apache-2.0 */
/** Building a graph: values, constants, nodes and their attributes. */
#include "oc_graph.h"

#include "names.h"

#include <math.h>
#include <stdio.h>

oc_status oc_graph_create(const char *name, const oc_limits *limits, const oc_allocator *alloc,
                          oc_graph **graph)
{
    oc_graph *g = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, g));
    g->alloc = alloc;
    g->limits = oc_limits_or_default(limits);
    oc_arena_init(&g->arena, alloc);
    char *copy = NULL;
    oc_status status = oc_arena_strdup(&g->arena, name, strlen(name), &copy);
    g->name = copy;
    g->format = "";
    if (status != OC_OK) {
        oc_graph_destroy(g);
        return status;
    }
    *graph = g;
    return OC_OK;
}

void oc_graph_destroy(oc_graph *graph)
{
    if (!graph)
        return;
    const oc_allocator *alloc = graph->alloc;
    for (size_t i = 0; i < graph->n_files; i++)
        oc_file_unref(graph->files[i]);
    oc_free(alloc, graph->files);
    oc_free(alloc, graph->nodes);
    oc_free(alloc, graph->values);
    oc_free(alloc, graph->const_nodes);
    oc_free(alloc, graph->inputs);
    oc_free(alloc, graph->outputs);
    oc_free(alloc, graph->uses);
    oc_free(alloc, graph->use_begin);
    oc_names_fini(&graph->value_names, alloc);
    oc_names_fini(&graph->node_names, alloc);
    oc_arena_fini(&graph->arena);
    oc_free(alloc, graph);
}

/* ---- names --------------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence at `text` (RFC 3629), or 0 when it is none. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] < 0x80                      ? 1
                    : text[0] >= 0xC2 && text[0] <= 0xDF ? 2
                    : text[0] >= 0xE0 && text[0] <= 0xEF ? 3
                    : text[0] >= 0xF0 && text[0] <= 0xF4 ? 4
                                                         : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
        (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
        return 0;
    return length;
}

static void clean_name(char *name)
{
    unsigned char *p = (unsigned char *)name;
    while (*p) {
        size_t length = utf8_length(p);
        if (length == 0 || *p < 0x20 || *p == 0x7F || *p == ',')
            *p++ = '_';
        else
            p += length;
    }
}

/* A clean name that `taken` does not hold, in the arena. */
static oc_status unique_name(oc_graph *g, const oc_names *taken, const char *wanted, char **out)
{
    char *base = NULL;
    if (!wanted || !*wanted)
        wanted = "unnamed";
    OC_TRY(oc_arena_strdup(&g->arena, wanted, strlen(wanted), &base));
    clean_name(base);
    char *name = base;
    /* Counting on from the number of names keeps many equal names from being quadratic. */
    for (size_t n = taken->count; oc_names_find(taken, name) != OC_NONE; n++) {
        size_t size = strlen(base) + 24;
        OC_TRY(oc_arena_alloc(&g->arena, size, 1, &name));
        snprintf(name, size, "%s_%zu", base, n);
    }
    *out = name;
    return OC_OK;
}

/* ---- values -------------------------------------------------------------------------------- */

static oc_status check_open(const oc_graph *g)
{
    if (g->is_frozen)
        return oc_fail(OC_E_INTERNAL, "graph %s: frozen, it cannot be changed", g->name);
    return OC_OK;
}

static oc_status add_value(oc_graph *g, const char *name, const oc_desc *desc, oc_id producer,
                           const oc_const *constant, oc_id *id)
{
    size_t bytes;
    OC_TRY(check_open(g));
    if (oc_desc_bytes(desc, &bytes) != OC_OK)
        return oc_fail_in(OC_E_SHAPE, "value \"%s\"", name ? name : "");
    if (bytes > g->limits.memory_bytes)
        return oc_fail(OC_E_LIMIT, "value \"%s\": %zu bytes, the limit is %llu", name ? name : "",
                       bytes, (unsigned long long)g->limits.memory_bytes);
    char *own = NULL;
    OC_TRY(unique_name(g, &g->value_names, name, &own));
    OC_TRY(oc_grow(g->alloc, &g->values, g->n_values, &g->cap_values, sizeof(*g->values)));
    OC_TRY(oc_names_put(&g->value_names, g->alloc, own, (oc_id)g->n_values));
    g->values[g->n_values] =
        (oc_value){.name = own, .desc = *desc, .producer = producer, .constant = constant};
    *id = (oc_id)g->n_values++;
    return OC_OK;
}

oc_status oc_graph_add_input(oc_graph *graph, const char *name, const oc_desc *desc, oc_id *value)
{
    oc_id id;
    OC_TRY(add_value(graph, name, desc, OC_NONE, NULL, &id));
    OC_TRY(oc_grow(graph->alloc, &graph->inputs, graph->n_inputs, &graph->cap_inputs,
                   sizeof(*graph->inputs)));
    graph->inputs[graph->n_inputs++] = id;
    *value = id;
    return OC_OK;
}

oc_status oc_graph_set_norm(oc_graph *graph, oc_id value, const oc_image_norm *norm)
{
    oc_image_norm *copy = NULL;
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, 1, copy));
    *copy = *norm;
    graph->values[value].norm = copy;
    return OC_OK;
}

oc_status oc_graph_set_quant(oc_graph *graph, oc_id value, const oc_quant *quant)
{
    oc_quant *copy = NULL;
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, 1, copy));
    *copy = *quant;
    graph->values[value].quant = copy;
    return OC_OK;
}

oc_status oc_graph_set_labels(oc_graph *graph, oc_id value, const oc_labels *labels)
{
    oc_labels *copy = NULL;
    const char **names = NULL;
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, 1, copy));
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, labels->count + 1, names));
    for (size_t i = 0; i < labels->count; i++) {
        char *name = NULL;
        OC_TRY(oc_arena_strdup(&graph->arena, labels->names[i], strlen(labels->names[i]), &name));
        names[i] = name;
    }
    *copy = (oc_labels){names, labels->count};
    graph->values[value].labels = copy;
    return OC_OK;
}

oc_status oc_graph_set_detector(oc_graph *graph, oc_id value, const oc_detector *detector)
{
    oc_detector *copy = NULL;
    float *anchors = NULL;
    const size_t n = 2 * (size_t)detector->n_anchors;
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, 1, copy));
    if (detector->anchors) {
        OC_TRY(OC_ARENA_ALLOC(&graph->arena, n + 1, anchors));
        memcpy(anchors, detector->anchors, n * sizeof(*anchors));
    }
    *copy = *detector;
    copy->anchors = anchors;
    graph->values[value].detector = copy;
    return OC_OK;
}

static oc_status add_constant(oc_graph *g, const char *name, const oc_desc *desc, oc_const made,
                              oc_id *value)
{
    oc_const *constant = NULL;
    OC_TRY(OC_ARENA_ALLOC(&g->arena, 1, constant));
    *constant = made;
    return add_value(g, name, desc, OC_NONE, constant, value);
}

static oc_status add_const_bytes(oc_graph *g, const char *name, const oc_desc *desc,
                                 oc_const_kind kind, const void *bytes, size_t size, oc_id *value)
{
    void *copy = NULL;
    OC_TRY(oc_arena_alloc(&g->arena, size ? size : 1, 1, &copy));
    if (size)
        memcpy(copy, bytes, size);
    return add_constant(g, name, desc, (oc_const){.kind = kind, .bytes = copy, .node = OC_NONE},
                        value);
}

oc_status oc_graph_add_bytes(oc_graph *graph, const char *name, const oc_desc *desc,
                             const void *bytes, oc_id *value)
{
    size_t size;
    OC_TRY(oc_desc_bytes(desc, &size));
    return add_const_bytes(graph, name, desc, OC_CONST_BYTES, bytes, size, value);
}

oc_status oc_graph_add_fill(oc_graph *graph, const char *name, const oc_desc *desc,
                            const void *element, oc_id *value)
{
    return add_const_bytes(graph, name, desc, OC_CONST_FILL, element, oc_dtype_size(desc->dtype),
                           value);
}

oc_status oc_graph_hold_file(oc_graph *g, oc_file *file)
{
    for (size_t i = 0; i < g->n_files; i++)
        if (g->files[i] == file)
            return OC_OK;
    OC_TRY(oc_grow(g->alloc, &g->files, g->n_files, &g->cap_files, sizeof(*g->files)));
    g->files[g->n_files++] = oc_file_ref(file);
    return OC_OK;
}

oc_status oc_graph_add_file(oc_graph *graph, const char *name, const oc_desc *desc, oc_file *file,
                            uint64_t offset, oc_id *value)
{
    size_t size;
    OC_TRY(oc_desc_bytes(desc, &size));
    uint64_t total = oc_file_size(file);
    if (offset > total || size > total - offset)
        return oc_fail(OC_E_FORMAT, "%s: constant \"%s\" needs bytes %llu+%zu, the file has %llu",
                       oc_file_path(file), name ? name : "", (unsigned long long)offset, size,
                       (unsigned long long)total);
    OC_TRY(oc_graph_hold_file(graph, file));
    return add_constant(
        graph, name, desc,
        (oc_const){.kind = OC_CONST_FILE, .file = file, .offset = offset, .node = OC_NONE}, value);
}

oc_status oc_graph_add_output(oc_graph *graph, oc_id value)
{
    OC_TRY(check_open(graph));
    if (value >= graph->n_values)
        return oc_fail(OC_E_INTERNAL, "graph %s: output %u, only %zu values", graph->name, value,
                       graph->n_values);
    OC_TRY(oc_grow(graph->alloc, &graph->outputs, graph->n_outputs, &graph->cap_outputs,
                   sizeof(*graph->outputs)));
    graph->outputs[graph->n_outputs++] = value;
    return OC_OK;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static oc_status check_inputs(const oc_graph *g, const oc_op *op, const char *name, const oc_id *in,
                              size_t n_in)
{
    size_t most = OC_MIN(op->in_max, OC_NODE_IO_MAX);
    if (n_in < op->in_min || n_in > most)
        return oc_fail(OC_E_ARG, "node \"%s\": %s takes %u to %zu inputs, found %zu", name,
                       op->name, op->in_min, most, n_in);
    for (size_t i = 0; i < n_in; i++) {
        if (in[i] == OC_NONE && i < op->in_min)
            return oc_fail(OC_E_ARG, "node \"%s\": %s needs input %zu, it is missing", name,
                           op->name, i);
        if (in[i] != OC_NONE && in[i] >= g->n_values)
            return oc_fail(OC_E_INTERNAL, "node \"%s\": input %zu is value %u of %zu", name, i,
                           in[i], g->n_values);
    }
    return OC_OK;
}

oc_status oc_graph_begin_node(oc_graph *graph, const oc_op *op, const char *name, const oc_id *in,
                              size_t n_in, oc_node **node)
{
    OC_TRY(check_open(graph));
    OC_TRY(check_inputs(graph, op, name && *name ? name : op->name, in, n_in));
    if (graph->n_nodes >= graph->limits.nodes)
        return oc_fail(OC_E_LIMIT, "graph %s: more than %u nodes", graph->name,
                       graph->limits.nodes);
    char *own = NULL;
    OC_TRY(unique_name(graph, &graph->node_names, name && *name ? name : op->name, &own));
    OC_TRY(oc_grow(graph->alloc, &graph->nodes, graph->n_nodes, &graph->cap_nodes,
                   sizeof(*graph->nodes)));
    oc_node made = {.name = own, .op = op, .numerics = op->numerics, .n_in = (uint32_t)n_in};
    OC_TRY(oc_arena_alloc(&graph->arena, 1, OC_MAX(op->attrs_size, (size_t)1), &made.attrs));
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, OC_MAX(n_in, (size_t)1), made.in));
    OC_TRY(OC_ARENA_ALLOC(&graph->arena, op->n_out, made.out));
    oc_attrs_default(op, made.attrs);
    if (n_in)
        memcpy(made.in, in, n_in * sizeof(*in));
    graph->nodes[graph->n_nodes] = made;
    *node = &graph->nodes[graph->n_nodes];
    return OC_OK;
}

oc_op_call oc_node_call(const oc_graph *graph, const oc_node *node, const oc_desc **in,
                        const oc_desc **out, bool *is_const)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const oc_value *value = node->in[i] == OC_NONE ? NULL : &graph->values[node->in[i]];
        in[i] = value ? &value->desc : NULL;
        is_const[i] = value && value->constant;
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = &graph->values[node->out[i]].desc;
    return (oc_op_call){.op = node->op, .name = node->name, .attrs = node->attrs,
                        .numerics = node->numerics,
                        .n_in = node->n_in, .n_out = node->n_out, .in = in, .out = out,
                        .is_const = is_const};
}

/* The descs that the node's operator gives its outputs. `shapes` has room for op->n_out. */
static oc_status node_shapes(const oc_graph *g, const oc_node *node, oc_desc *shapes)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_op_call call = oc_node_call(g, node, in, out, is_const);
    return node->op->shape(&call, shapes);
}

oc_status oc_graph_end_node(oc_graph *graph, oc_node *node, const char *const *out_names, oc_id *out)
{
    oc_desc shapes[OC_NODE_IO_MAX];
    oc_id id = (oc_id)(node - graph->nodes);
    if (id != graph->n_nodes)
        return oc_fail(OC_E_INTERNAL, "node \"%s\": ended twice or out of turn", node->name);
    OC_TRY(node_shapes(graph, node, shapes));
    for (uint32_t i = 0; i < node->op->n_out; i++) {
        OC_TRY(add_value(graph, out_names ? out_names[i] : node->name, &shapes[i], id, NULL,
                         &node->out[i]));
        out[i] = node->out[i];
    }
    node->n_out = node->op->n_out;
    OC_TRY(oc_names_put(&graph->node_names, graph->alloc, node->name, id));
    graph->n_nodes++;
    return OC_OK;
}

/* ---- attributes ---------------------------------------------------------------------------- */

static oc_status find_attr(const oc_node *node, const char *name, oc_attr_type type,
                           const oc_attr **row)
{
    *row = oc_attr_find(node->op, name);
    if (!*row || (*row)->type != type)
        return oc_fail(OC_E_ARG, "node \"%s\": %s has no attribute \"%s\" of that type", node->name,
                       node->op->name, name);
    return OC_OK;
}

static oc_status check_range(const oc_node *node, const oc_attr *row, double value)
{
    bool is_bounded = row->min != 0 || row->max != 0;
    if (isnan(value) || (is_bounded && (value < row->min || value > row->max)))
        return oc_fail(OC_E_ARG, "node \"%s\": attribute %s is %g, allowed are %g to %g",
                       node->name, row->name, value, row->min, row->max);
    return OC_OK;
}

static void *attr_field(const oc_node *node, const oc_attr *row)
{
    return (char *)node->attrs + row->offset;
}

oc_status oc_node_set_int(oc_node *node, const char *attr, int64_t value)
{
    const oc_attr *row;
    OC_TRY(find_attr(node, attr, OC_ATTR_INT, &row));
    if (value < INT32_MIN || value > INT32_MAX)
        return oc_fail(OC_E_ARG, "node \"%s\": attribute %s is %lld, beyond 32 bits", node->name,
                       attr, (long long)value);
    OC_TRY(check_range(node, row, (double)value));
    *(int32_t *)attr_field(node, row) = (int32_t)value;
    return OC_OK;
}

oc_status oc_node_set_float(oc_node *node, const char *attr, float value)
{
    const oc_attr *row;
    OC_TRY(find_attr(node, attr, OC_ATTR_FLOAT, &row));
    OC_TRY(check_range(node, row, (double)value));
    *(float *)attr_field(node, row) = value;
    return OC_OK;
}

oc_status oc_node_set_ints(oc_node *node, const char *attr, const int32_t *values, size_t count)
{
    const oc_attr *row;
    oc_ints list = {.count = (int32_t)count};
    OC_TRY(find_attr(node, attr, OC_ATTR_INTS, &row));
    if (count > OC_INTS_MAX)
        return oc_fail(OC_E_ARG, "node \"%s\": attribute %s has %zu values, at most %d fit",
                       node->name, attr, count, OC_INTS_MAX);
    for (size_t i = 0; i < count; i++) {
        OC_TRY(check_range(node, row, (double)values[i]));
        list.v[i] = values[i];
    }
    *(oc_ints *)attr_field(node, row) = list;
    return OC_OK;
}

oc_status oc_node_set_floats(oc_node *node, const char *attr, const float *values, size_t count)
{
    const oc_attr *row;
    oc_floats list = {.count = (int32_t)count};
    OC_TRY(find_attr(node, attr, OC_ATTR_FLOATS, &row));
    if (count > OC_INTS_MAX)
        return oc_fail(OC_E_ARG, "node \"%s\": attribute %s has %zu values, at most %d fit",
                       node->name, attr, count, OC_INTS_MAX);
    for (size_t i = 0; i < count; i++) {
        OC_TRY(check_range(node, row, (double)values[i]));
        list.v[i] = values[i];
    }
    *(oc_floats *)attr_field(node, row) = list;
    return OC_OK;
}

oc_status oc_node_set_enum(oc_node *node, const char *attr, const char *value_name)
{
    const oc_attr *row;
    OC_TRY(find_attr(node, attr, OC_ATTR_ENUM, &row));
    for (int32_t i = 0; row->names[i]; i++)
        if (strcmp(row->names[i], value_name) == 0) {
            *(int32_t *)attr_field(node, row) = i;
            return OC_OK;
        }
    return oc_fail(OC_E_ARG, "node \"%s\": attribute %s cannot be \"%s\"", node->name, attr,
                   value_name);
}

static const oc_attr *typed_attr(const oc_node *node, const char *attr, oc_attr_type type)
{
    const oc_attr *row = oc_attr_find(node->op, attr);
    return row && row->type == type ? row : NULL;
}

int32_t oc_node_int(const oc_node *node, const char *attr)
{
    const oc_attr *row = typed_attr(node, attr, OC_ATTR_INT);
    return row ? *(const int32_t *)attr_field(node, row) : 0;
}

float oc_node_float(const oc_node *node, const char *attr)
{
    const oc_attr *row = typed_attr(node, attr, OC_ATTR_FLOAT);
    return row ? *(const float *)attr_field(node, row) : 0.0f;
}

const char *oc_node_enum(const oc_node *node, const char *attr)
{
    const oc_attr *row = typed_attr(node, attr, OC_ATTR_ENUM);
    return row ? row->names[*(const int32_t *)attr_field(node, row)] : "";
}

const oc_ints *oc_node_ints(const oc_node *node, const char *attr)
{
    static const oc_ints none = {0};
    const oc_attr *row = typed_attr(node, attr, OC_ATTR_INTS);
    return row ? attr_field(node, row) : &none;
}

const oc_floats *oc_node_floats(const oc_node *node, const char *attr)
{
    static const oc_floats none = {0};
    const oc_attr *row = typed_attr(node, attr, OC_ATTR_FLOATS);
    return row ? attr_field(node, row) : &none;
}

/* ---- look-up ------------------------------------------------------------------------------- */

oc_id oc_graph_find_value(const oc_graph *graph, const char *name)
{
    return oc_names_find(&graph->value_names, name);
}

oc_id oc_graph_find_node(const oc_graph *graph, const char *name)
{
    return oc_names_find(&graph->node_names, name);
}
