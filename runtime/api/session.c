/* SPDX-License-Identifier: Apache-2.0 */
/** Sessions for prepared models: where the remote site, which the session room cannot see, is put in. */
#include "oc_api.h"

#include "oc_remote.h"
#include "oc_session.h"

oc_status oc_session_create(oc_prepared *prepared, const oc_session_options *options,
                            const oc_allocator *alloc, oc_session **session)
{
    oc_site *worker = NULL;
    if (options && options->worker) {
        oc_remote_options remote = {.log = options->log,
                                    .hello_timeout_ms = options->connect_timeout_ms};
        OC_TRY(oc_remote_site_open(options->worker, prepared->model->graph, &remote, alloc, &worker));
    }
    return oc_session_make(prepared->exec, worker, options, alloc, session);
}
