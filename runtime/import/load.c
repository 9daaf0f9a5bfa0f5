/* SPDX-License-Identifier: Apache-2.0 */
/** From a file to a frozen graph: the one path that the library, the worker and the tests take. */
#include "oc_load.h"

#include "oc_import.h"
#include "oc_ops.h"
#include "oc_transform.h"

/* The operators' own text of a class's name, or NULL. */
static const char *find_numerics(const char *name)
{
    size_t n_ops;
    const oc_op *const *ops = oc_ops(&n_ops);
    for (size_t i = 0; i < n_ops; i++) {
        if (!ops[i]->more_numerics)
            continue;
        if (strcmp(ops[i]->numerics, name) == 0)
            return ops[i]->numerics;
        for (const char *const *more = ops[i]->more_numerics; *more; more++)
            if (strcmp(*more, name) == 0)
                return *more;
    }
    return NULL;
}

static oc_status transform(const char *numerics, oc_graph *g)
{
    if (numerics) {
        g->numerics = find_numerics(numerics);
        if (!g->numerics)
            return oc_fail(OC_E_ARG,
                           "expected a numerics class that an operator has beside others, found \"%s\"",
                           numerics);
    }
    return oc_transform_all(g);
}

oc_status oc_graph_load(const char *path, const oc_model_options *options,
                        const oc_allocator *alloc, oc_graph **graph)
{
    oc_graph *g = NULL;
    OC_TRY(oc_import(path, options, alloc, &g));
    oc_status status = transform(options ? options->numerics : NULL, g);
    if (status != OC_OK) {
        oc_graph_destroy(g);
        return oc_fail_in(status, "%s", path);
    }
    *graph = g;
    return OC_OK;
}
