/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The net and the costs as a log describes them, rebuilt. What can be derived (who makes and who
 * uses a value, a cut's base) is; what stands there is checked to be a net: nodes in a topological
 * order, heads that are closed, and cuts whose values are those that cross, so that decisions need
 * no checks of their own.
 */
#include "log_json.h"
#include "net_build.h"

/* A net has some 60 (oc_net_make); each holds a flag per node. */
#define CUTS_MAX 256

/* The scene while it is read. */
typedef struct scene_reader {
    const oc_log_json *line;
    const oc_allocator *alloc;
    oc_arena *arena; /* the net's */
    oc_arena scratch;
    oc_net *net;
    bool *is_input;    /* per value */
    uint32_t *seen_at; /* per value: the last node (plus 1) that listed it */
} scene_reader;

/* ---- kinds, values --------------------------------------------------------------------------- */

static oc_status read_kinds(scene_reader *r)
{
    oc_net *net = r->net;
    oc_log_json list;
    OC_TRY(oc_log_list(r->line, "kinds", &list, &net->n_kinds));
    if (net->n_kinds > OC_KINDS_MAX)
        return oc_log_fail(&list, "at most %d kinds", OC_KINDS_MAX);
    OC_TRY(OC_ARENA_ALLOC(r->arena, OC_KINDS_MAX, net->kind_names));
    for (size_t k = 0; k < net->n_kinds; k++) {
        oc_log_json at = oc_log_entry_of(&list, k);
        const char *text;
        char *copy;
        OC_TRY(oc_log_string(&at, &text));
        OC_TRY(oc_arena_strdup(r->arena, text, strlen(text), &copy));
        net->kind_names[k] = copy;
    }
    return OC_OK;
}

static oc_status make_values(scene_reader *r)
{
    oc_net *net = r->net;
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_values + 1, net->value_names));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_values + 1, net->bytes));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_values + 1, net->producer));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_values + 1, net->is_output));
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, net->n_values + 1, r->is_input));
    return OC_ARENA_ALLOC(&r->scratch, net->n_values + 1, r->seen_at);
}

/* Inputs and outputs; an input is one once. */
static oc_status read_ends(scene_reader *r)
{
    oc_net *net = r->net;
    OC_TRY(
        oc_log_get_ids(r->line, "inputs", net->n_values, r->arena, &net->inputs, &net->n_inputs));
    OC_TRY(oc_log_get_ids(r->line, "outputs", net->n_values, r->arena, &net->outputs,
                          &net->n_outputs));
    for (size_t i = 0; i < net->n_inputs; i++) {
        if (r->is_input[net->inputs[i]])
            return oc_log_fail(r->line, "input %zu (value %u) once", i, net->inputs[i]);
        r->is_input[net->inputs[i]] = true;
    }
    for (size_t i = 0; i < net->n_outputs; i++)
        net->is_output[net->outputs[i]] = true;
    return OC_OK;
}

static oc_status read_values(scene_reader *r)
{
    oc_net *net = r->net;
    oc_log_json list;
    OC_TRY(oc_log_list(r->line, "values", &list, &net->n_values));
    OC_TRY(make_values(r));
    for (size_t v = 0; v < net->n_values; v++) {
        oc_log_json at = oc_log_entry_of(&list, v);
        OC_TRY(oc_log_get_text(&at, "name", r->arena, &net->value_names[v]));
        /* Sums of bytes stay below 2^64. */
        OC_TRY(
            oc_log_get_whole(&at, "bytes", INT64_MAX / OC_MAX(net->n_values, 1), &net->bytes[v]));
        net->producer[v] = OC_NONE;
    }
    return read_ends(r);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* How long a list of the node's is; it is read later. */
static oc_status count_ids(const oc_log_json *node, const char *key, size_t *total)
{
    oc_log_json list;
    size_t count;
    OC_TRY(oc_log_list(node, key, &list, &count));
    *total += count;
    return *total < OC_NONE ? OC_OK : oc_log_fail(&list, "fewer values in all");
}

static oc_status make_nodes(scene_reader *r, const oc_log_json *list)
{
    oc_net *net = r->net;
    size_t n_in = 0, n_out = 0;
    for (size_t n = 0; n < net->n_nodes; n++) {
        oc_log_json at = oc_log_entry_of(list, n);
        OC_TRY(count_ids(&at, "in", &n_in));
        OC_TRY(count_ids(&at, "out", &n_out));
    }
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->node_names));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->kind));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->macs));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->ops));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->moved_bytes));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->weight_bytes));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->in_begin));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, net->out_begin));
    OC_TRY(OC_ARENA_ALLOC(r->arena, n_in + 1, net->in));
    OC_TRY(OC_ARENA_ALLOC(r->arena, n_out + 1, net->out));
    OC_TRY(OC_ARENA_ALLOC(r->arena, n_in + 1, net->use));
    return OC_ARENA_ALLOC(r->arena, net->n_values + 1, net->use_begin);
}

/* A value that a node consumes: given, or made by a node before it; each once. */
static oc_status read_in(scene_reader *r, const oc_log_json *at, oc_id node)
{
    oc_net *net = r->net;
    uint64_t v;
    OC_TRY(oc_log_whole(at, OC_NONE - 1, &v));
    if (v >= net->n_values || r->seen_at[v] == node + 1 ||
        (!r->is_input[v] && net->producer[v] == OC_NONE))
        return oc_log_fail(at, "an input or a value of an earlier node, each once");
    r->seen_at[v] = node + 1;
    net->in[net->in_begin[node + 1]++] = (oc_id)v;
    return OC_OK;
}

static oc_status read_out(scene_reader *r, const oc_log_json *at, oc_id node)
{
    oc_net *net = r->net;
    uint64_t v;
    OC_TRY(oc_log_whole(at, OC_NONE - 1, &v));
    if (v >= net->n_values || r->is_input[v] || net->producer[v] != OC_NONE)
        return oc_log_fail(at, "a value that no other node makes");
    net->producer[v] = node;
    net->out[net->out_begin[node + 1]++] = (oc_id)v;
    return OC_OK;
}

static oc_status read_edges(scene_reader *r, const oc_log_json *node, oc_id n)
{
    oc_net *net = r->net;
    oc_log_json list;
    size_t count;
    net->in_begin[n + 1] = net->in_begin[n];
    net->out_begin[n + 1] = net->out_begin[n];
    OC_TRY(oc_log_list(node, "in", &list, &count));
    for (size_t i = 0; i < count; i++) {
        oc_log_json at = oc_log_entry_of(&list, i);
        OC_TRY(read_in(r, &at, n));
    }
    OC_TRY(oc_log_list(node, "out", &list, &count));
    for (size_t i = 0; i < count; i++) {
        oc_log_json at = oc_log_entry_of(&list, i);
        OC_TRY(read_out(r, &at, n));
    }
    return OC_OK;
}

static oc_status read_node(scene_reader *r, const oc_log_json *at, oc_id n)
{
    oc_net *net = r->net;
    uint64_t kind;
    oc_log_json kind_at;
    OC_TRY(oc_log_get_text(at, "name", r->arena, &net->node_names[n]));
    OC_TRY(oc_log_member(at, "kind", &kind_at));
    OC_TRY(oc_log_whole(&kind_at, OC_KINDS_MAX - 1, &kind));
    if (kind >= net->n_kinds)
        return oc_log_fail(&kind_at, "one of the %zu kinds", net->n_kinds);
    net->kind[n] = (uint8_t)kind;
    OC_TRY(oc_log_get_amount(at, "macs", &net->macs[n]));
    OC_TRY(oc_log_get_amount(at, "ops", &net->ops[n]));
    OC_TRY(oc_log_get_amount(at, "moved_bytes", &net->moved_bytes[n]));
    OC_TRY(oc_log_get_whole(at, "weight_bytes", UINT64_MAX, &net->weight_bytes[n]));
    return read_edges(r, at, n);
}

/* A value's users, in the order of the nodes. */
static void invert_edges(oc_net *net, uint32_t *next)
{
    for (size_t i = 0; i < net->in_begin[net->n_nodes]; i++)
        net->use_begin[net->in[i] + 1]++;
    for (size_t v = 0; v < net->n_values; v++)
        net->use_begin[v + 1] += net->use_begin[v];
    memcpy(next, net->use_begin, net->n_values * sizeof(*next));
    for (size_t n = 0; n < net->n_nodes; n++)
        for (uint32_t i = net->in_begin[n]; i < net->in_begin[n + 1]; i++)
            net->use[next[net->in[i]]++] = (oc_id)n;
}

static oc_status read_nodes(scene_reader *r, size_t most)
{
    oc_net *net = r->net;
    oc_log_json list;
    OC_TRY(oc_log_list(r->line, "nodes", &list, &net->n_nodes));
    if (net->n_nodes > most)
        return oc_fail(OC_E_LIMIT, "%s:%zu: nodes: expected at most %zu, found %zu",
                       r->line->place->file, r->line->place->line, most, net->n_nodes);
    OC_TRY(make_nodes(r, &list));
    for (size_t n = 0; n < net->n_nodes; n++) {
        oc_log_json at = oc_log_entry_of(&list, n);
        OC_TRY(read_node(r, &at, (oc_id)n));
    }
    invert_edges(net, r->seen_at); /* not needed as what it was any more */
    return OC_OK;
}

/* ---- cuts ------------------------------------------------------------------------------------ */

/* A prefix, or the nodes that are listed; closed: with all that they need. */
static oc_status read_head(scene_reader *r, const oc_log_json *at, oc_net_cut *cut)
{
    oc_net *net = r->net;
    oc_log_json index;
    OC_TRY(oc_log_member(at, "index", &index));
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_nodes + 1, cut->is_head));
    cut->index = OC_NONE;
    if (!json_is_null(index.json)) {
        uint64_t count;
        OC_TRY(oc_log_whole(&index, net->n_nodes, &count));
        cut->index = cut->n_head = (uint32_t)count;
        for (size_t n = 0; n < count; n++)
            cut->is_head[n] = true;
        return OC_OK;
    }
    oc_id *nodes;
    size_t count;
    OC_TRY(oc_log_get_ids(at, "head", net->n_nodes, &r->scratch, &nodes, &count));
    for (size_t i = 0; i < count; i++) {
        for (uint32_t e = net->in_begin[nodes[i]]; e < net->in_begin[nodes[i] + 1]; e++) {
            oc_id producer = net->producer[net->in[e]];
            if (producer != OC_NONE && !cut->is_head[producer])
                return oc_log_fail(at, "a head with all that its node %u needs", nodes[i]);
        }
        if (cut->is_head[nodes[i]])
            return oc_log_fail(at, "a head with its node %u once", nodes[i]);
        cut->is_head[nodes[i]] = true;
    }
    cut->n_head = (uint32_t)count;
    return OC_OK;
}

/* Whether the value is there once the head has run, and is needed behind it. */
static bool does_cross(const scene_reader *r, const oc_net_cut *cut, size_t v)
{
    const oc_net *net = r->net;
    oc_id producer = net->producer[v];
    if (producer == OC_NONE ? !r->is_input[v] : !cut->is_head[producer])
        return false;
    for (uint32_t u = net->use_begin[v]; u < net->use_begin[v + 1]; u++)
        if (!cut->is_head[net->use[u]])
            return true;
    return false;
}

static oc_status read_moves(scene_reader *r, const oc_log_json *at, oc_net_cut *cut)
{
    oc_net *net = r->net;
    size_t n_values, n_gives, next = 0;
    OC_TRY(oc_log_get_ids(at, "values", net->n_values, r->arena, &cut->values, &n_values));
    OC_TRY(oc_log_get_ids(at, "gives", net->n_values, r->arena, &cut->gives, &n_gives));
    cut->n_values = (uint32_t)n_values;
    cut->n_gives = (uint32_t)n_gives;
    for (size_t v = 0; v < net->n_values; v++) {
        if (!does_cross(r, cut, v))
            continue;
        if (next == n_values || cut->values[next] != v)
            return oc_log_fail(at, "a cut whose values are those that cross, value %zu among them",
                               v);
        next++;
    }
    if (next != n_values)
        return oc_log_fail(at, "a cut without the value %u, which does not cross",
                           cut->values[next]);
    for (size_t i = 0; i < n_gives; i++) {
        oc_id producer = net->producer[cut->gives[i]];
        if (!net->is_output[cut->gives[i]] || producer == OC_NONE || cut->is_head[producer])
            return oc_log_fail(at, "a cut that gives outputs of its tail, which value %u is not",
                               cut->gives[i]);
    }
    return OC_OK;
}

static oc_status read_cut(scene_reader *r, const oc_log_json *at, size_t i)
{
    oc_net_cut *cut = &r->net->cuts[i];
    OC_TRY(oc_log_get_text(at, "name", r->arena, &cut->name));
    OC_TRY(read_head(r, at, cut));
    if (i == 0 ? cut->n_head != 0 : cut->n_head < r->net->cuts[i - 1].n_head)
        return oc_log_fail(at, "cuts that stand by the sizes of their heads, from 0 on");
    OC_TRY(read_moves(r, at, cut));
    OC_TRY(oc_log_get_whole(at, "up_bytes", UINT64_MAX, &cut->up_bytes));
    OC_TRY(oc_log_get_whole(at, "down_bytes", UINT64_MAX, &cut->down_bytes));
    return oc_log_get_whole(at, "memory_bytes", UINT64_MAX, &cut->memory_bytes);
}

static oc_status read_cuts(scene_reader *r)
{
    oc_net *net = r->net;
    oc_log_json list;
    OC_TRY(oc_log_list(r->line, "cuts", &list, &net->n_cuts));
    if (net->n_cuts < 1 || net->n_cuts > CUTS_MAX)
        return oc_log_fail(&list, "1 to %d cuts", CUTS_MAX);
    OC_TRY(OC_ARENA_ALLOC(r->arena, net->n_cuts, net->cuts));
    for (size_t i = 0; i < net->n_cuts; i++) {
        oc_log_json at = oc_log_entry_of(&list, i);
        OC_TRY(read_cut(r, &at, i));
    }
    oc_net_set_bases(net);
    return OC_OK;
}

/* ---- sites ----------------------------------------------------------------------------------- */

static oc_status read_source(const oc_log_json *site, oc_cost_source *source)
{
    oc_log_json at;
    const char *text;
    OC_TRY(oc_log_member(site, "source", &at));
    OC_TRY(oc_log_string(&at, &text));
    for (size_t i = 0; i < OC_COUNT(oc_log_sources); i++)
        if (strcmp(text, oc_log_sources[i]) == 0) {
            *source = (oc_cost_source)i;
            return OC_OK;
        }
    return oc_log_fail(&at, "%s or %s", oc_log_sources[0], oc_log_sources[1]);
}

static oc_status read_site(scene_reader *r, const oc_log_json *at, size_t s, oc_log_scene *scene)
{
    double *node_ns;
    oc_cost_source source;
    OC_TRY(oc_log_get_text(at, "name", r->arena, &scene->site_names[s]));
    OC_TRY(read_source(at, &source));
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, r->net->n_nodes + 1, node_ns));
    OC_TRY(oc_log_get_amounts(at, "node_ns", r->net->n_nodes, node_ns));
    oc_costs_set(scene->costs, s, node_ns); /* sums them up as the session did */
    scene->costs->source[s] = source;
    return OC_OK;
}

static oc_status read_sites(scene_reader *r, oc_log_scene *scene)
{
    oc_roofline rooflines[OC_SITES_MAX];
    oc_log_json list;
    size_t count;
    OC_TRY(oc_log_list(r->line, "sites", &list, &count));
    if (count < 1 || count > OC_SITES_MAX)
        return oc_log_fail(&list, "1 to %d sites", OC_SITES_MAX);
    for (size_t s = 0; s < count; s++) /* any: every time is set below */
        rooflines[s] = (oc_roofline){.flops = 1, .bytes_per_s = 1, .start_ns = 0};
    OC_TRY(oc_costs_make(r->net, rooflines, count, r->alloc, &scene->costs));
    OC_TRY(OC_ARENA_ALLOC(r->arena, count, scene->site_names));
    for (size_t s = 0; s < count; s++) {
        oc_log_json at = oc_log_entry_of(&list, s);
        OC_TRY(read_site(r, &at, s, scene));
    }
    return OC_OK;
}

/* ---- the scene ------------------------------------------------------------------------------- */

static oc_status read_head_of_line(scene_reader *r, oc_log_scene *scene)
{
    oc_log_json at;
    uint64_t version;
    const char *digest;
    OC_TRY(oc_log_member(r->line, "offcut_log", &at));
    OC_TRY(oc_log_whole(&at, UINT64_MAX, &version));
    if (version != OC_LOG_VERSION)
        return oc_log_fail(&at, "version %d", OC_LOG_VERSION);
    OC_TRY(oc_log_get_text(r->line, "model", r->arena, &r->net->name));
    OC_TRY(oc_log_get_text(r->line, "policy", r->arena, &scene->policy));
    OC_TRY(oc_log_member(r->line, "digest", &at));
    OC_TRY(oc_log_string(&at, &digest));
    return oc_digest_parse(digest, &r->net->digest) == OC_OK ? OC_OK : oc_log_fail(&at, "a digest");
}

static oc_status read_scene(scene_reader *r, const oc_limits *limits, oc_log_scene *scene)
{
    OC_TRY(read_head_of_line(r, scene));
    OC_TRY(read_kinds(r));
    OC_TRY(read_values(r));
    OC_TRY(read_nodes(r, limits->nodes));
    OC_TRY(read_cuts(r));
    return read_sites(r, scene);
}

oc_status oc_log_scene_read(const oc_log_json *line, const oc_limits *limits,
                            const oc_allocator *alloc, oc_log_scene *scene)
{
    oc_log_scene fresh = {.net = NULL};
    OC_TRY(OC_ALLOC(alloc, 1, fresh.net));
    fresh.net->alloc = alloc;
    oc_arena_init(&fresh.net->arena, alloc);
    scene_reader r = {.line = line, .alloc = alloc, .arena = &fresh.net->arena, .net = fresh.net};
    oc_arena_init(&r.scratch, alloc);
    oc_status status = read_scene(&r, limits, &fresh);
    oc_arena_fini(&r.scratch);
    if (status != OC_OK)
        oc_log_scene_fini(&fresh);
    else
        *scene = fresh;
    return status;
}

void oc_log_scene_fini(oc_log_scene *scene)
{
    oc_costs_destroy(scene->costs);
    oc_net_destroy(scene->net);
    *scene = (oc_log_scene){.net = NULL};
}
