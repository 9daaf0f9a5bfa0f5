/* SPDX-License-Identifier: Apache-2.0 */
/** Both sides of a cut as files: which values each takes and gives. */
#include "oc_export.h"

#include <stdio.h>

enum { HEAD, TAIL, SIDES };
static const char *const side_names[SIDES] = {"head", "tail"};

typedef struct side {
    oc_part part; /* its lists lie in the arena */
    const char *name, *doc;
    oc_export *made;
    oc_file_out *file;
} side;

static bool is_in_head(const oc_graph *g, const oc_cut *cut, oc_id value)
{
    oc_id producer = g->values[value].producer;
    return producer != OC_NONE && cut->is_head[producer];
}

static bool is_used_by_head(const oc_graph *g, const oc_cut *cut, oc_id value)
{
    for (uint32_t u = g->use_begin[value]; u < g->use_begin[value + 1]; u++)
        if (cut->is_head[g->uses[u]])
            return true;
    return false;
}

static bool is_listed(const oc_id *list, size_t count, oc_id value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

static void add_once(oc_id *list, size_t *count, oc_id value)
{
    if (!is_listed(list, *count, value))
        list[(*count)++] = value;
}

static oc_status make_parts(const oc_graph *g, const oc_cut *cut, oc_arena *arena, side *sides)
{
    oc_part *head = &sides[HEAD].part, *tail = &sides[TAIL].part;
    size_t most = cut->n_values + g->n_inputs + g->n_outputs + 1;
    for (int s = 0; s < SIDES; s++) {
        OC_TRY(OC_ARENA_ALLOC(arena, g->n_nodes + 1, sides[s].part.nodes));
        OC_TRY(OC_ARENA_ALLOC(arena, most, sides[s].part.takes));
        OC_TRY(OC_ARENA_ALLOC(arena, most, sides[s].part.gives));
    }
    for (size_t n = 0; n < g->n_nodes; n++) {
        oc_part *part = cut->is_head[n] ? head : tail;
        part->nodes[part->n_nodes++] = (oc_id)n;
    }
    for (size_t i = 0; i < g->n_inputs; i++)
        if (is_used_by_head(g, cut, g->inputs[i]))
            head->takes[head->n_takes++] = g->inputs[i];
    for (size_t i = 0; i < cut->n_values; i++) {
        tail->takes[tail->n_takes++] = cut->values[i];
        if (is_in_head(g, cut, cut->values[i]))
            head->gives[head->n_gives++] = cut->values[i];
    }
    for (size_t i = 0; i < g->n_outputs; i++) {
        oc_id value = g->outputs[i];
        oc_part *part = is_in_head(g, cut, value) ? head : tail;
        add_once(part->gives, &part->n_gives, value);
        /* An output that nobody computes: the tail passes it on. */
        if (g->values[value].producer == OC_NONE && !g->values[value].constant)
            add_once(tail->takes, &tail->n_takes, value);
    }
    return OC_OK;
}

static oc_status print_texts(const oc_graph *g, const char *cut_text, int which, oc_arena *arena,
                             side *s)
{
    char digest[OC_DIGEST_TEXT];
    oc_buf b;
    oc_status status;
    char *name = NULL, *doc = NULL;
    oc_buf_init(&b, arena->alloc);
    OC_TRY_OUT(oc_buf_printf(&b, "%s: %s at cut %s", g->name, side_names[which], cut_text));
    OC_TRY_OUT(oc_arena_strdup(arena, b.data, b.size, &name));
    OC_TRY_OUT(oc_buf_printf(&b, ", graph %s", oc_digest_print(&g->digest, digest)));
    OC_TRY_OUT(oc_arena_strdup(arena, b.data, b.size, &doc));
    s->name = name;
    s->doc = doc;
out:
    oc_buf_fini(&b);
    return status;
}

/* Everything that can be refused is, before a file is begun; no file is kept before all are whole. */
static oc_status write_sides(const oc_graph *g, const char *const *paths, const oc_allocator *alloc,
                             side *sides)
{
    for (int s = 0; s < SIDES; s++)
        OC_TRY(oc_export_make(g, &sides[s].part, sides[s].name, sides[s].doc, alloc,
                              &sides[s].made));
    for (int s = 0; s < SIDES; s++) {
        OC_TRY(oc_file_out_create(paths[s], alloc, &sides[s].file));
        OC_TRY(oc_export_put(sides[s].made, sides[s].file));
        OC_TRY(oc_file_out_close(sides[s].file));
    }
    for (int s = 0; s < SIDES; s++)
        OC_TRY(oc_file_out_keep(sides[s].file));
    return OC_OK;
}

oc_status oc_export_split(const oc_graph *graph, const oc_cut *cut, const char *cut_text,
                          const char *head_path, const char *tail_path, const oc_allocator *alloc)
{
    const char *const paths[SIDES] = {head_path, tail_path};
    side sides[SIDES] = {{.made = NULL}};
    oc_arena arena;
    oc_status status;
    alloc = oc_allocator_or_default(alloc);
    if (oc_file_is_same_place(head_path, tail_path))
        return oc_fail(OC_E_ARG, "expected two files, found %s for both halves", tail_path);
    if (cut->n_head == 0 || cut->n_head == graph->n_nodes)
        return oc_fail(OC_E_ARG, "cut %s: expected nodes on both sides, the %s has none", cut_text,
                       side_names[cut->n_head == 0 ? HEAD : TAIL]);
    oc_arena_init(&arena, alloc);
    OC_TRY_OUT(make_parts(graph, cut, &arena, sides));
    for (int s = 0; s < SIDES; s++)
        OC_TRY_OUT(print_texts(graph, cut_text, s, &arena, &sides[s]));
    status = write_sides(graph, paths, alloc, sides);
out:
    for (int s = 0; s < SIDES; s++) {
        oc_export_destroy(sides[s].made);
        oc_file_out_destroy(sides[s].file);
    }
    oc_arena_fini(&arena);
    return status;
}
