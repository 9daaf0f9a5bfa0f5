/* SPDX-License-Identifier: Apache-2.0 */
/** Models as the public sees them: every name, size and count is laid out once, when the file is opened. */
#include "oc_api.h"

#include "oc_export.h"
#include "oc_load.h"

/* ---- nodes ------------------------------------------------------------------------------------------ */

static oc_status fill_values(oc_model *m)
{
    const oc_graph *g = m->graph;
    OC_TRY(OC_ARENA_ALLOC(&m->arena, g->n_values + 1, m->values));
    for (size_t v = 0; v < g->n_values; v++) {
        size_t bytes;
        OC_TRY(oc_desc_bytes(&g->values[v].desc, &bytes));
        m->values[v] = (oc_value_info){.name = g->values[v].name, .desc = g->values[v].desc,
                                       .bytes = bytes, .norm = g->values[v].norm,
                                       .quant = g->values[v].quant, .labels = g->values[v].labels, .detector = g->values[v].detector};
    }
    return OC_OK;
}

static oc_status print_attrs(oc_model *m, const oc_node *node, const char **text)
{
    oc_buf buf;
    char *copy = NULL;
    oc_buf_init(&buf, m->alloc);
    oc_status status = oc_attrs_print(node->op, node->attrs, &buf);
    if (status == OC_OK)
        status = oc_arena_strdup(&m->arena, buf.data ? buf.data : "", buf.size, &copy);
    oc_buf_fini(&buf);
    *text = copy;
    return status;
}

static oc_status list_inputs(oc_model *m, const oc_node *node, oc_node_info *info)
{
    const char **names = NULL;
    OC_TRY(OC_ARENA_ALLOC(&m->arena, node->n_in + 1, names));
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != OC_NONE)
            names[info->n_inputs++] = m->graph->values[node->in[i]].name;
    info->inputs = names;
    return OC_OK;
}

static oc_status list_values(oc_model *m, const oc_id *ids, size_t count, const oc_value_info **list)
{
    oc_value_info *copy = NULL;
    OC_TRY(OC_ARENA_ALLOC(&m->arena, count + 1, copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = m->values[ids[i]];
    *list = copy;
    return OC_OK;
}

static oc_status fill_node(oc_model *m, size_t index)
{
    const oc_node *node = &m->graph->nodes[index];
    oc_node_info *info = &m->nodes[index];
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    oc_cost cost = {0};
    oc_op_call call = oc_node_call(m->graph, node, in, out, is_const);
    OC_TRY(node->op->cost(&call, &cost));
    *info = (oc_node_info){.name = node->name, .op = node->op->name, .numerics = node->numerics,
                           .n_outputs = node->n_out, .macs = cost.macs,
                           .params = cost.param_elems, .bytes_read = cost.bytes_read,
                           .bytes_written = cost.bytes_written};
    OC_TRY(print_attrs(m, node, &info->attrs));
    OC_TRY(list_inputs(m, node, info));
    OC_TRY(list_values(m, node->out, node->n_out, &info->outputs));
    m->info.macs += cost.macs;
    return OC_OK;
}

/* ---- the whole -------------------------------------------------------------------------------------- */

/* Constants that nodes use, each counted once. */
static oc_status count_weights(oc_model *m)
{
    const oc_graph *g = m->graph;
    for (size_t v = 0; v < g->n_values; v++) {
        size_t elems;
        if (!g->values[v].constant || g->use_begin[v] == g->use_begin[v + 1])
            continue;
        OC_TRY(oc_shape_elems(&g->values[v].desc.shape, &elems));
        m->info.params += elems;
        m->info.weight_bytes += m->values[v].bytes;
    }
    return OC_OK;
}

static oc_status measure_arena(oc_model *m)
{
    oc_plan *plan = NULL;
    OC_TRY(oc_plan_make(m, NULL, m->alloc, &plan));
    const oc_plan_site_info *edge = oc_plan_site_get(plan, 0);
    m->info.arena_bytes = edge->arena_bytes;
    m->info.arena_lower_bound = edge->arena_lower_bound;
    oc_plan_destroy(plan);
    return OC_OK;
}

static oc_status fill_info(oc_model *m)
{
    const oc_graph *g = m->graph;
    char *digest = NULL;
    OC_TRY(OC_ARENA_ALLOC(&m->arena, OC_DIGEST_TEXT, digest));
    m->info = (oc_model_info){.name = g->name, .format = g->format, .n_nodes = g->n_nodes,
                              .digest = oc_digest_print(&g->digest, digest),
                              .n_inputs = g->n_inputs, .n_outputs = g->n_outputs};
    OC_TRY(fill_values(m));
    OC_TRY(list_values(m, g->inputs, g->n_inputs, &m->info.inputs));
    OC_TRY(list_values(m, g->outputs, g->n_outputs, &m->info.outputs));
    OC_TRY(OC_ARENA_ALLOC(&m->arena, g->n_nodes + 1, m->nodes));
    for (size_t i = 0; i < g->n_nodes; i++)
        OC_TRY(fill_node(m, i));
    OC_TRY(count_weights(m));
    return measure_arena(m);
}

oc_status oc_model_open(const char *path, const oc_model_options *options,
                        const oc_allocator *alloc, oc_model **model)
{
    oc_model *m = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, m));
    m->alloc = alloc;
    oc_arena_init(&m->arena, alloc);
    char *copy = NULL;
    oc_status status = oc_arena_strdup(&m->arena, path, strlen(path), &copy);
    m->path = copy;
    if (status == OC_OK)
        status = oc_graph_load(path, options, alloc, &m->graph);
    if (status == OC_OK)
        status = fill_info(m);
    if (status != OC_OK) {
        oc_model_destroy(m);
        return status;
    }
    *model = m;
    return OC_OK;
}

void oc_model_destroy(oc_model *model)
{
    if (!model)
        return;
    oc_graph_destroy(model->graph);
    oc_arena_fini(&model->arena);
    oc_free(model->alloc, model);
}

const oc_model_info *oc_model_get_info(const oc_model *model)
{
    return &model->info;
}

const oc_node_info *oc_model_get_node(const oc_model *model, size_t index)
{
    return index < model->info.n_nodes ? &model->nodes[index] : NULL;
}

oc_status oc_model_cut(const oc_model *model, size_t index, const oc_allocator *alloc,
                       oc_cut_info **cut)
{
    oc_cut made;
    oc_cut_info *info = NULL;
    OC_TRY(oc_cut_at(model->graph, index, alloc, &made));
    /* One block: the info and, behind it, its list. */
    oc_status status = oc_alloc(alloc, 1, sizeof(*info) + (made.n_values + 1) * sizeof(*info->values),
                                &info);
    if (status == OC_OK) {
        const oc_value_info **list = (const oc_value_info **)(info + 1);
        for (size_t i = 0; i < made.n_values; i++)
            list[i] = &model->values[made.values[i]];
        *info = (oc_cut_info){.index = index, .values = list, .n_values = made.n_values,
                              .bytes = made.bytes};
        *cut = info;
    }
    oc_cut_fini(&made);
    return status;
}

void oc_cut_info_free(oc_cut_info *cut, const oc_allocator *alloc)
{
    oc_free(alloc, cut);
}

oc_status oc_model_check_output(const oc_model *model, const char *what, const char *path)
{
    const oc_graph *g = model->graph;
    bool is_ours = oc_file_is_same(path, model->path);
    for (size_t i = 0; i < g->n_files && !is_ours; i++)
        is_ours = oc_file_is_same(path, oc_file_path(g->files[i]));
    return is_ours ? oc_fail(OC_E_ARG, "%s: expected another file than the model's own, found %s",
                             what, path)
                   : OC_OK;
}

oc_status oc_model_split(const oc_model *model, const char *cut, const char *head, const char *tail)
{
    oc_cut made;
    OC_TRY(oc_model_check_output(model, "head", head));
    OC_TRY(oc_model_check_output(model, "tail", tail));
    OC_TRY(oc_cut_parse(model->graph, cut, model->alloc, &made));
    oc_status status = oc_export_split(model->graph, &made, cut, head, tail, model->alloc);
    oc_cut_fini(&made);
    return status;
}
