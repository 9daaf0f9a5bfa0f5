/* SPDX-License-Identifier: Apache-2.0 */
/** From a file to a frozen graph: the one path that the library, the worker and the tests take. */
#include "oc_load.h"

#include "oc_import.h"
#include "oc_transform.h"

oc_status oc_graph_load(const char *path, const oc_model_options *options,
                        const oc_allocator *alloc, oc_graph **graph)
{
    oc_graph *g = NULL;
    OC_TRY(oc_import(path, options, alloc, &g));
    oc_status status = oc_transform_all(g);
    if (status != OC_OK) {
        oc_graph_destroy(g);
        return oc_fail_in(status, "%s", path);
    }
    *graph = g;
    return OC_OK;
}
