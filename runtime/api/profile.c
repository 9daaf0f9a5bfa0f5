/* SPDX-License-Identifier: Apache-2.0 */
/** Measuring a prepared model's nodes, here and on a worker, and writing what came out. */
#include "oc_api.h"

#include "oc_profile.h"
#include "oc_remote.h"

#include <stdio.h>

#define REPEATS 5
#define WORKER_WAIT_S 10
#define LOOK_NS (UINT64_C(20) * 1000000) /* how often a worker that connects is looked at */

/* ---- a worker ------------------------------------------------------------------------------ */

/* Sleep until it is known whether the worker can be used; what it said last is in `health`. */
static oc_status await_worker(oc_site *site, oc_site_health *health)
{
    const uint64_t end_ns = oc_now_ns() + WORKER_WAIT_S * UINT64_C(1000000000);
    oc_waker waker; /* nobody wakes it: it is the clock to sleep by */
    OC_TRY(oc_waker_init(&waker));
    for (;;) {
        const uint64_t now_ns = oc_now_ns();
        site->type->health(site, health);
        if (health->worker.is_up || health->is_settled || now_ns >= end_ns)
            break;
        oc_waker_wait(&waker, oc_waker_events(&waker), OC_MIN(now_ns + LOOK_NS, end_ns));
    }
    oc_waker_fini(&waker);
    if (!health->worker.is_up)
        return oc_fail(OC_E_LOST, "%s", health->worker.text); /* which names it */
    return OC_OK;
}

/* ---- measuring ----------------------------------------------------------------------------- */

typedef struct measuring {
    oc_prepared *prepared;
    const oc_profile_options *options;
    oc_site *worker; /* NULL: none */
    oc_profile profile;
} measuring;

/* Room for one more site's times. */
static oc_status add_site(measuring *m, const char *role, const char *device, const char *driver)
{
    oc_profile_site *site = &m->profile.sites[m->profile.n_sites];
    OC_TRY(OC_ALLOC(m->profile.alloc, m->profile.net->n_nodes, site->node_ns));
    m->profile.n_sites++;
    snprintf(site->role, sizeof(site->role), "%s", role);
    snprintf(site->device, sizeof(site->device), "%s", device);
    snprintf(site->driver, sizeof(site->driver), "%s", driver);
    return OC_OK;
}

static void show_site(const measuring *m)
{
    const oc_profile_site *site = &m->profile.sites[m->profile.n_sites - 1];
    if (m->options->on_site)
        m->options->on_site(m->options->site_ctx,
                            &(oc_profile_info){.role = site->role, .device = site->device,
                                               .driver = site->driver, .threads = site->threads,
                                               .node_ns = site->node_ns});
}

static oc_status measure_edge(measuring *m)
{
    const oc_profile_options *options = m->options;
    const oc_device_info *device = &m->prepared->device;
    OC_TRY(add_site(m, "edge", device->name, device->driver));
    oc_profile_site *site = &m->profile.sites[m->profile.n_sites - 1];
    site->threads = m->prepared->threads;
    OC_TRY(oc_exec_profile(m->prepared->exec, options->repeats ? options->repeats : REPEATS,
                           options->progress, options->progress_ctx, site->node_ns));
    show_site(m);
    return OC_OK;
}

static oc_status measure_worker(measuring *m)
{
    const oc_profile_options *options = m->options;
    oc_site_health health = {0};
    OC_TRY(await_worker(m->worker, &health));
    OC_TRY(add_site(m, "worker", health.device, health.driver));
    double *node_ns = m->profile.sites[m->profile.n_sites - 1].node_ns;
    OC_TRY(m->worker->type->profile(m->worker, node_ns, options->progress, options->progress_ctx));
    show_site(m);
    return OC_OK;
}

/* That a worker cannot be used is known before anything is measured; it may also go later. */
static oc_status measure(measuring *m)
{
    const oc_remote_options remote = {.log = m->options->log};
    oc_site_health health = {0};
    if (m->options->worker) {
        OC_TRY(oc_remote_site_open(m->options->worker, m->prepared->model->graph, &remote,
                                   m->profile.alloc, &m->worker));
        OC_TRY(await_worker(m->worker, &health));
    }
    OC_TRY(measure_edge(m));
    return m->worker ? measure_worker(m) : OC_OK;
}

static oc_status write_profile(const oc_profile *profile, const char *path)
{
    oc_buf yaml;
    oc_buf_init(&yaml, profile->alloc);
    oc_status status = oc_profile_print(profile, &yaml);
    if (status == OC_OK)
        status = oc_file_replace(path, yaml.data, yaml.size);
    oc_buf_fini(&yaml);
    return status;
}

oc_status oc_profile_write(oc_prepared *prepared, const oc_profile_options *options,
                           const char *path)
{
    const oc_profile_options none = {0};
    const oc_allocator *alloc = prepared->alloc;
    oc_net *net = NULL;
    OC_TRY(oc_net_make(prepared->model->graph, NULL, NULL, 0, 0, alloc, &net));
    measuring m = {.prepared = prepared, .options = options ? options : &none,
                   .profile = {.alloc = alloc, .net = net}};
    oc_status status = measure(&m);
    if (status == OC_OK && path)
        status = write_profile(&m.profile, path);
    if (m.worker)
        m.worker->type->close(m.worker);
    for (size_t i = 0; i < m.profile.n_sites; i++)
        oc_free(alloc, m.profile.sites[i].node_ns);
    oc_net_destroy(net);
    return status;
}
