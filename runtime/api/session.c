/* SPDX-License-Identifier: Apache-2.0 */
/** Sessions for prepared models: where the remote site, which the session room cannot see, is put in. */
#include "oc_api.h"

#include "oc_remote.h"
#include "oc_session.h"

static oc_status open_workers(const oc_prepared *prepared, const oc_session_options *options,
                              const oc_allocator *alloc, oc_site *workers[OC_WORKERS_MAX])
{
    const oc_remote_options remote = {.log = options->log,
                                      .hello_timeout_ms = options->connect_timeout_ms};
    if (options->n_workers > OC_WORKERS_MAX)
        return oc_fail(OC_E_ARG, "workers: expected at most %d, found %zu", OC_WORKERS_MAX,
                       options->n_workers);
    for (size_t i = 0; i < options->n_workers; i++) {
        oc_status status = oc_remote_site_open(options->workers[i], prepared->model->graph, &remote,
                                               alloc, &workers[i]);
        while (status != OC_OK && i-- > 0)
            workers[i]->type->close(workers[i]);
        OC_TRY(status);
    }
    return OC_OK;
}

oc_status oc_session_create(oc_prepared *prepared, const oc_session_options *options,
                            const oc_allocator *alloc, oc_session **session)
{
    const oc_session_options none = {0};
    oc_site *workers[OC_WORKERS_MAX];
    options = options ? options : &none;
    OC_TRY(open_workers(prepared, options, alloc, workers));
    return oc_session_make(prepared->exec, workers, options, alloc, session);
}
