/* SPDX-License-Identifier: Apache-2.0 */
/** Watching: telemetry of this machine, and workers that are observed and given nothing to do. */
#include "oc_api.h"

#include "oc_remote.h"
#include "oc_site.h"
#include "oc_telemetry.h"

#define PERIOD_MS 200

struct oc_monitor {
    const oc_allocator *alloc;
    oc_telemetry *telemetry;
    size_t n_workers;
    oc_site *workers[OC_WORKERS_MAX];
};

static oc_status open_workers(oc_monitor *m, const oc_monitor_options *options)
{
    const oc_remote_options remote = {.log = options->log};
    if (options->n_workers > OC_WORKERS_MAX)
        return oc_fail(OC_E_ARG, "workers: expected at most %d, found %zu", OC_WORKERS_MAX,
                       options->n_workers);
    for (; m->n_workers < options->n_workers; m->n_workers++)
        OC_TRY(oc_remote_site_open(options->workers[m->n_workers], NULL, &remote, m->alloc,
                                   &m->workers[m->n_workers]));
    return OC_OK;
}

oc_status oc_monitor_create(const oc_monitor_options *options, const oc_allocator *alloc,
                            oc_monitor **monitor)
{
    static const oc_monitor_options none = {0};
    oc_monitor *m = NULL;
    alloc = oc_allocator_or_default(alloc);
    options = options ? options : &none;
    OC_TRY(OC_ALLOC(alloc, 1, m));
    m->alloc = alloc;
    oc_status status = open_workers(m, options);
    if (status == OC_OK)
        status = oc_telemetry_open(options->root ? options->root : "",
                                   options->period_ms ? options->period_ms : PERIOD_MS, alloc,
                                   &m->telemetry);
    if (status != OC_OK) {
        oc_monitor_destroy(m);
        return status;
    }
    *monitor = m;
    return OC_OK;
}

void oc_monitor_read(oc_monitor *monitor, oc_snapshot *snapshot)
{
    oc_telemetry_read(monitor->telemetry, snapshot);
    snapshot->n_workers = monitor->n_workers;
    for (size_t i = 0; i < monitor->n_workers; i++) {
        oc_site_health health;
        monitor->workers[i]->type->health(monitor->workers[i], &health);
        snapshot->workers[i] = health.worker;
    }
}

void oc_monitor_destroy(oc_monitor *monitor)
{
    if (!monitor)
        return;
    for (size_t i = 0; i < monitor->n_workers; i++)
        monitor->workers[i]->type->close(monitor->workers[i]);
    oc_telemetry_close(monitor->telemetry);
    oc_free(monitor->alloc, monitor);
}
