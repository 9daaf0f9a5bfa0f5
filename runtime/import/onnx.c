/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ONNX models, opset 7 to 25.
 *
 * The file is walked in place (onnx_proto.h): initialisers become constants that stay in the file,
 * each node is converted by its operator's row (onnx_ops.c). ONNX lists nodes in topological order,
 * which is verified by looking each name up where it is used.
 */
#include "onnx_input.h"
#include "oc_ops.h"
#include "onnx_ops.h"

#include <stdio.h>

/* ---- names of the file -> values ------------------------------------------------------------- */

/* A value that a node has but that is not computed (the mask of a dropout). */
#define NOT_COMPUTED (OC_NONE - 1)

typedef struct name_entry {
    oc_bytes name; /* size 0: free */
    oc_id value;
} name_entry;

/* Open addressing, at most half full. Names are views into the file. */
typedef struct name_map {
    const oc_allocator *alloc;
    name_entry *entries;
    size_t count, capacity; /* capacity: a power of two */
} name_map;

/* FNV-1a. */
static uint64_t hash_name(oc_bytes name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * 0x100000001b3u;
    return hash;
}

/* The entry of that name, or the free one where it belongs. */
static name_entry *find_entry(const name_map *map, oc_bytes name)
{
    for (size_t at = hash_name(name);; at++) {
        name_entry *entry = &map->entries[at & (map->capacity - 1)];
        if (entry->name.size == 0 ||
            (entry->name.size == name.size && memcmp(entry->name.data, name.data, name.size) == 0))
            return entry;
    }
}

static oc_status grow_map(name_map *map)
{
    name_map larger = {.alloc = map->alloc,
                       .count = map->count,
                       .capacity = map->capacity ? map->capacity * 2 : 256};
    OC_TRY(OC_ALLOC(map->alloc, larger.capacity, larger.entries));
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].name.size)
            *find_entry(&larger, map->entries[i].name) = map->entries[i];
    oc_free(map->alloc, map->entries);
    *map = larger;
    return OC_OK;
}

static oc_status map_put(name_map *map, oc_bytes name, oc_id value)
{
    if (2 * map->count >= map->capacity)
        OC_TRY(grow_map(map));
    name_entry *entry = find_entry(map, name);
    if (entry->name.size)
        return oc_fail(OC_E_FORMAT, "\"%.*s\" is defined twice",
                       (int)OC_MIN(name.size, (size_t)OC_IMP_NAME_MAX), (const char *)name.data);
    *entry = (name_entry){.name = name, .value = value};
    map->count++;
    return OC_OK;
}

/* The value of that name; OC_NONE when there is none. */
static oc_id map_find(const name_map *map, oc_bytes name)
{
    if (map->capacity == 0 || name.size == 0)
        return OC_NONE;
    const name_entry *entry = find_entry(map, name);
    return entry->name.size ? entry->value : OC_NONE;
}

/* ---- the reader ------------------------------------------------------------------------------ */

typedef struct reader {
    oc_onnx model;
    oc_arena scratch;
    name_map names;
    oc_onnx_inputs inputs;
    oc_bytes graph;
} reader;

static const char *domain_text(oc_bytes domain)
{
    return domain.size == 0 || oc_bytes_equal_text(domain, "ai.onnx") ? "ai.onnx" : NULL;
}

/* The row that converts a node, or NULL. */
static const oc_onnx_row *row_of(const reader *r, const oc_onnx_node *node)
{
    const oc_onnx_row *row = domain_text(node->domain) ? oc_onnx_find_row(node->op_type) : NULL;
    bool is_known = row && r->model.opset >= row->since && r->model.opset <= row->until;
    return is_known ? row : NULL;
}

/* What a node is called in messages and in the graph: many files leave the names out. */
static oc_status node_name(reader *r, const oc_onnx_node *node, const char **text)
{
    oc_bytes name = node->name.size ? node->name : node->n_out ? node->out[0] : node->op_type;
    return oc_imp_text(&r->scratch, name, text);
}

/* "Foo (ai.onnx, opset 13)" */
static oc_status operator_text(reader *r, const oc_onnx_node *node, const char **text)
{
    const char *op, *domain = domain_text(node->domain);
    char *made = NULL;
    OC_TRY(oc_imp_text(&r->scratch, node->op_type, &op));
    if (!domain)
        OC_TRY(oc_imp_text(&r->scratch, node->domain, &domain));
    size_t size = strlen(op) + strlen(domain) + 40;
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, size, made));
    snprintf(made, size, "%s (%s, opset %lld)", op, domain, (long long)r->model.opset);
    *text = made;
    return OC_OK;
}

static oc_status note_missing(reader *r, const oc_onnx_node *node, oc_imp_missing *missing)
{
    const char *op, *name;
    OC_TRY(operator_text(r, node, &op));
    OC_TRY(node_name(r, node, &name));
    oc_imp_missing_note(missing, op, name);
    return OC_OK;
}

/* Refuse a model with operators that are not understood, before anything is made of it. */
static oc_status check_operators(reader *r)
{
    oc_imp_missing missing = {.count = 0};
    size_t count = 0;
    oc_onnx_walk w = oc_onnx_walk_begin(r->graph);
    while (oc_onnx_walk_next(&w)) {
        oc_onnx_node node;
        if (w.f.number != OC_ONNX_GRAPH_NODE)
            continue;
        if (++count > r->model.graph->limits.nodes)
            return oc_fail(OC_E_LIMIT, "more than %u nodes", r->model.graph->limits.nodes);
        OC_TRY(oc_onnx_read_node(w.f.bytes, &node));
        if (node.op_type.size == 0)
            return oc_fail(OC_E_FORMAT, "node %zu has no operator", count - 1);
        if (!row_of(r, &node))
            OC_TRY(note_missing(r, &node, &missing));
    }
    OC_TRY(w.status);
    return oc_imp_missing_fail(&missing, r->model.graph->alloc);
}

/* ---- initialisers, inputs, outputs ----------------------------------------------------------- */

oc_status oc_onnx_constant(oc_onnx *model, const oc_onnx_tensor *tensor, const char *name,
                           oc_id *value)
{
    return oc_onnx_data_constant(&model->data, tensor, name, value);
}

/*
 * Put the first node that has `name` as an input before the error text: what cannot be read is
 * its.
 */
static oc_status fail_in_user(reader *r, oc_status status, oc_bytes name)
{
    oc_onnx_walk w = oc_onnx_walk_begin(r->graph);
    while (oc_onnx_walk_next(&w)) {
        oc_onnx_node node;
        const char *text, *op;
        bool is_user = false;
        if (w.f.number != OC_ONNX_GRAPH_NODE || oc_onnx_read_node(w.f.bytes, &node) != OC_OK)
            continue;
        for (uint32_t i = 0; i < node.n_in; i++)
            is_user = is_user || (node.in[i].size == name.size && name.size > 0 &&
                                  memcmp(node.in[i].data, name.data, name.size) == 0);
        if (!is_user)
            continue;
        OC_TRY(node_name(r, &node, &text));
        OC_TRY(oc_imp_text(&r->scratch, node.op_type, &op));
        return oc_fail_in(status, "node \"%s\": %s", text, op);
    }
    return status;
}

static oc_status add_initializer(reader *r, oc_bytes message)
{
    oc_onnx_tensor tensor;
    const char *name;
    oc_id value;
    oc_status status = oc_onnx_read_tensor(message, &tensor);
    if (status == OC_E_UNSUPPORTED)
        return fail_in_user(r, status, tensor.name);
    OC_TRY(status);
    if (tensor.name.size == 0)
        return oc_fail(OC_E_FORMAT, "an initializer has no name");
    OC_TRY(oc_imp_text(&r->scratch, tensor.name, &name));
    OC_TRY(oc_onnx_constant(&r->model, &tensor, name, &value));
    return map_put(&r->names, tensor.name, value);
}

static oc_status add_input(reader *r, oc_bytes message)
{
    oc_onnx_value info;
    const char *name;
    oc_id value;
    OC_TRY(oc_onnx_read_value(message, &info));
    /* Before IR version 4 every initialiser is listed as an input too; later it may be. */
    if (map_find(&r->names, info.name) != OC_NONE)
        return OC_OK;
    if (info.name.size == 0)
        return oc_fail(OC_E_FORMAT, "an input of the graph has no name");
    OC_TRY(oc_imp_text(&r->scratch, info.name, &name));
    oc_status status = oc_onnx_inputs_add(&r->inputs, &info, name, &value);
    if (status == OC_E_UNSUPPORTED)
        return fail_in_user(r, status, info.name);
    OC_TRY(status);
    return map_put(&r->names, info.name, value);
}

static oc_status add_output(reader *r, oc_bytes message)
{
    oc_onnx_value info;
    const char *name;
    OC_TRY(oc_onnx_read_value(message, &info));
    OC_TRY(oc_imp_text(&r->scratch, info.name, &name));
    oc_id value = map_find(&r->names, info.name);
    if (value == OC_NONE)
        return oc_fail(OC_E_FORMAT, "output \"%s\" is not defined by any node", name);
    if (value == NOT_COMPUTED)
        return oc_fail(OC_E_UNSUPPORTED, "output \"%s\": this result of its node is not supported",
                       name);
    return oc_imp_add_output(r->model.graph, name, value);
}

/* `each` for every field `number` of the graph. */
static oc_status for_each(reader *r, uint32_t number, oc_status (*each)(reader *, oc_bytes))
{
    oc_onnx_walk w = oc_onnx_walk_begin(r->graph);
    while (oc_onnx_walk_next(&w))
        if (w.f.number == number)
            OC_TRY(each(r, w.f.bytes));
    return w.status;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static oc_status find_inputs(reader *r, oc_onnx_call *call)
{
    const oc_onnx_node *node = call->node;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const char *name;
        call->in[i] = map_find(&r->names, node->in[i]);
        if (node->in[i].size)
            call->n_in = i + 1;
        if (!node->in[i].size || call->in[i] < NOT_COMPUTED)
            continue;
        OC_TRY(oc_imp_text(&r->scratch, node->in[i], &name));
        if (call->in[i] == NOT_COMPUTED)
            return oc_fail(OC_E_UNSUPPORTED,
                           "node \"%s\": its input \"%s\" is a result that is not supported",
                           call->at.node, name);
        return oc_fail(OC_E_FORMAT, "node \"%s\": its input \"%s\" is not defined before it",
                       call->at.node, name);
    }
    const oc_onnx_row *row = call->row;
    if (call->n_in < row->in_min || call->n_in > row->in_max)
        return oc_fail(OC_E_FORMAT, "node \"%s\": %s takes %u to %u inputs, found %u",
                       call->at.node, row->op, row->in_min, row->in_max, call->n_in);
    for (uint32_t i = 0; i < row->in_min; i++)
        if (call->in[i] == OC_NONE)
            return oc_fail(OC_E_FORMAT, "node \"%s\": %s needs its input %u, it is missing",
                           call->at.node, row->op, i);
    return OC_OK;
}

/* Is `word` one of the words of `list`? */
static bool has_word(const char *list, oc_bytes word)
{
    while (*list) {
        size_t size = strcspn(list, " ");
        if (size == word.size && memcmp(list, word.data, size) == 0)
            return true;
        list += size + strspn(list + size, " ");
    }
    return false;
}

/* An attribute that is not understood may change the result: it is refused. */
static oc_status check_attrs(reader *r, const oc_onnx_call *call)
{
    oc_onnx_walk w = oc_onnx_walk_begin(call->node->message);
    while (oc_onnx_walk_next(&w)) {
        oc_onnx_attr attr;
        const char *name;
        if (w.f.number != OC_ONNX_NODE_ATTRIBUTE)
            continue;
        OC_TRY(oc_onnx_read_attr(w.f.bytes, &attr));
        if (call->row->attrs && has_word(call->row->attrs, attr.name))
            continue;
        OC_TRY(oc_imp_text(&r->scratch, attr.name, &name));
        return oc_fail(OC_E_UNSUPPORTED,
                       "node \"%s\": attribute \"%s\" of %s (opset %lld) is not supported",
                       call->at.node, name, call->row->op, (long long)r->model.opset);
    }
    return w.status;
}

/*
 * float16 is a type to store and to move: an operator that computes gets float32, and its results
 * are rounded to float16 again. What type they have is said by the first input that is of a float
 * type.
 */
static oc_status widen_inputs(oc_onnx_call *call)
{
    bool is_known = false;
    for (uint32_t i = 0; i < call->n_in; i++) {
        oc_imp at;
        if (call->in[i] == OC_NONE)
            continue;
        const oc_value *value = &call->at.graph->values[call->in[i]];
        is_known = is_known || value->desc.dtype == OC_DTYPE_float32;
        if (value->desc.dtype != OC_DTYPE_float16)
            continue;
        call->is_half = call->is_half || !is_known;
        is_known = true;
        OC_TRY(oc_onnx_step(call, "float32", &at));
        OC_TRY(oc_imp_join(at.scratch, value->name, "float32", &at.out));
        OC_TRY(oc_imp_cast(&at, NULL, call->in[i], OC_DTYPE_float32, &call->in[i]));
    }
    return OC_OK;
}

static oc_status narrow_results(oc_onnx_call *call)
{
    call->is_half = false; /* the names are the file's again */
    for (uint32_t i = 0; i < call->node->n_out; i++) {
        oc_imp at;
        if (call->out[i] == OC_NONE || !oc_onnx_wants(call, i) ||
            call->at.graph->values[call->out[i]].desc.dtype != OC_DTYPE_float32)
            continue;
        OC_TRY(oc_onnx_step(call, "float16", &at));
        OC_TRY(oc_onnx_out_name(call, i, &at.out));
        OC_TRY(oc_imp_cast(&at, NULL, call->out[i], OC_DTYPE_float16, &call->out[i]));
    }
    return OC_OK;
}

static oc_status convert_call(reader *r, oc_onnx_call *call)
{
    OC_TRY(find_inputs(r, call));
    OC_TRY(check_attrs(r, call));
    if (!call->row->moves)
        OC_TRY(widen_inputs(call));
    OC_TRY(oc_onnx_out_name(call, 0, &call->at.out));
    oc_status status = call->row->convert(call);
    if (status == OC_E_DTYPE)
        return oc_fail_in(status, "node \"%s\": %s", call->at.node, call->row->op);
    OC_TRY(status);
    return call->is_half ? narrow_results(call) : OC_OK;
}

static oc_status convert_node(reader *r, oc_bytes message)
{
    oc_onnx_node node;
    OC_TRY(oc_onnx_read_node(message, &node));
    oc_onnx_call call = {
        .at = {.graph = r->model.graph, .scratch = &r->scratch},
        .model = &r->model,
        .node = &node,
        .row = row_of(r, &node),
    };
    for (size_t i = 0; i < OC_COUNT(call.out); i++)
        call.out[i] = OC_NONE;
    OC_TRY(node_name(r, &node, &call.at.node));
    if (node.n_out == 0 || node.out[0].size == 0)
        return oc_fail(OC_E_FORMAT, "node \"%s\": its first output has no name", call.at.node);
    OC_TRY(convert_call(r, &call));
    for (uint32_t i = 0; i < node.n_out; i++)
        if (node.out[i].size)
            OC_TRY(map_put(&r->names, node.out[i],
                           call.out[i] == OC_NONE ? NOT_COMPUTED : call.out[i]));
    return OC_OK;
}

/* ---- the whole file -------------------------------------------------------------------------- */

static oc_status refuse_sparse(reader *r, oc_bytes message)
{
    (void)r, (void)message;
    return oc_fail(OC_E_UNSUPPORTED, "sparse initializers are not supported");
}

static oc_status read_head(reader *r)
{
    oc_onnx_model head;
    const oc_bytes bytes = r->model.data.bytes;
    OC_TRY(oc_onnx_check(bytes, r->model.graph->limits.depth));
    OC_TRY(oc_onnx_read_model(bytes, &head));
    if (!head.has_graph)
        return oc_fail(OC_E_FORMAT, "expected an ONNX model with a graph, found none");
    if (head.opset < OC_ONNX_OPSET_MIN || head.opset > OC_ONNX_OPSET_MAX)
        return oc_fail(OC_E_UNSUPPORTED, "expected ONNX opset %d to %d, found %lld",
                       OC_ONNX_OPSET_MIN, OC_ONNX_OPSET_MAX, (long long)head.opset);
    r->model.opset = head.opset;
    r->graph = head.graph;
    return OC_OK;
}

static oc_status read_all(reader *r)
{
    OC_TRY(read_head(r));
    OC_TRY(check_operators(r));
    OC_TRY(for_each(r, OC_ONNX_GRAPH_SPARSE, refuse_sparse));
    OC_TRY(for_each(r, OC_ONNX_GRAPH_INITIALIZER, add_initializer));
    OC_TRY(for_each(r, OC_ONNX_GRAPH_INPUT, add_input));
    OC_TRY(oc_onnx_inputs_end(&r->inputs));
    OC_TRY(for_each(r, OC_ONNX_GRAPH_NODE, convert_node));
    OC_TRY(for_each(r, OC_ONNX_GRAPH_OUTPUT, add_output));
    if (r->model.graph->n_outputs == 0)
        return oc_fail(OC_E_FORMAT, "the graph has no outputs");
    return OC_OK;
}

static oc_status onnx_read(const oc_import_source *source, oc_graph *graph)
{
    reader r = {.model = {.graph = graph}, .names = {.alloc = graph->alloc}};
    r.model.scratch = &r.scratch;
    oc_arena_init(&r.scratch, graph->alloc);
    oc_onnx_data_init(&r.model.data, graph, &r.scratch, source->bytes, source->file);
    oc_status status = oc_onnx_inputs_init(&r.inputs, graph, &r.scratch, source->options);
    if (status == OC_OK)
        status = read_all(&r);
    oc_free(graph->alloc, r.names.entries);
    oc_free(graph->alloc, r.model.last);
    oc_onnx_data_fini(&r.model.data);
    oc_arena_fini(&r.scratch);
    return status;
}

/*
 * ONNX has no magic number: a ModelProto begins with ir_version, a small varint, followed by one of
 * its other fields.
 */
static int onnx_probe(oc_bytes head, const char *path)
{
    const char *dot = strrchr(path, '.');
    int certainty = dot && strcmp(dot, ".onnx") == 0 ? 20 : 0;
    oc_wire wire;
    oc_wire_field field;
    bool more;
    oc_wire_init(&wire, head);
    if (oc_wire_next(&wire, &field, &more) == OC_OK && more && field.number == 1 &&
        field.type == OC_WIRE_VARINT && field.value >= 1 && field.value < 100)
        certainty += 50;
    return certainty;
}

static const oc_op *const makes[] = {
    &oc_op_argmax, &oc_op_avgpool2d, &oc_op_batchnorm, &oc_op_binary, &oc_op_cast,
    &oc_op_concat, &oc_op_conv2d, &oc_op_conv_transpose2d, &oc_op_deform_conv2d,
    &oc_op_dequantize, &oc_op_fully_connected, &oc_op_gather, &oc_op_identity, &oc_op_lrn,
    &oc_op_matmul, &oc_op_maxpool2d, &oc_op_maxpool2d_index, &oc_op_pad, &oc_op_quantize,
    &oc_op_reduce, &oc_op_reshape, &oc_op_resize, &oc_op_slice, &oc_op_softmax, &oc_op_tile,
    &oc_op_transpose, &oc_op_unary, NULL,
};

const oc_importer oc_importer_onnx = {
    .name = "onnx",
    .extensions = ".onnx",
    .help = "ONNX, opset 7 to 25",
    .has_constants = true,
    .probe = onnx_probe,
    .read = onnx_read,
    .operator_name = oc_onnx_op_name,
    .makes = makes,
};
