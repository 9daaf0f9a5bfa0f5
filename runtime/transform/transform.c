/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_transform.h"

#include "rewrite.h"

#define OC_TRANSFORM(name_) extern const oc_transform oc_transform_##name_;
#include "transforms.def"
#undef OC_TRANSFORM

/*
 * Each round of the rewrites leaves work for the next only where one of them makes room for
 * another; real networks are done in three or four. The bound is for models made to have no end.
 */
enum { ROUNDS_MAX = 32 };

/* How many times more nodes a graph may have between two compactions. */
enum { ROOM = 8 };

const oc_transform *const *oc_transforms(size_t *count)
{
    static const oc_transform *const rows[] = {
#define OC_TRANSFORM(name_) &oc_transform_##name_,
#include "transforms.def"
#undef OC_TRANSFORM
    };
    *count = OC_COUNT(rows);
    return rows;
}

/* Importers leave transposes behind that they found no use for, with the names of the model's values. */
static oc_status pass_names(oc_graph *graph)
{
    oc_arena scratch;
    oc_arena_init(&scratch, graph->alloc);
    oc_status status = oc_rewrite_pass_names(graph, &scratch);
    oc_arena_fini(&scratch);
    return status;
}

oc_status oc_transform_apply(const oc_transform *row, oc_graph *graph, size_t *changes)
{
    oc_arena scratch;
    oc_arena_init(&scratch, graph->alloc);
    oc_status status = row->apply(graph, &scratch, changes);
    oc_arena_fini(&scratch);
    return status == OC_OK ? oc_graph_compact(graph) : status;
}

static oc_status run_rounds(oc_graph *graph)
{
    size_t n_rows, changes = 1;
    const oc_transform *const *rows = oc_transforms(&n_rows);
    OC_TRY(pass_names(graph));
    OC_TRY(oc_graph_compact(graph));
    for (int round = 0; round < ROUNDS_MAX && changes > 0; round++) {
        changes = 0;
        for (size_t i = 0; i < n_rows; i++)
            OC_TRY(oc_transform_apply(rows[i], graph, &changes));
    }
    return OC_OK;
}

oc_status oc_transform_all(oc_graph *graph)
{
    /*
     * The limit is for what comes from outside. Until it is compacted, a rewritten graph also holds the
     * nodes that were replaced, and those that became constants.
     */
    const uint32_t limit = graph->limits.nodes;
    graph->limits.nodes = limit > UINT32_MAX / ROOM ? UINT32_MAX : limit * ROOM;
    oc_status status = run_rounds(graph);
    graph->limits.nodes = limit;
    return status == OC_OK ? oc_graph_freeze(graph, OC_TRANSFORM_VERSION) : status;
}
