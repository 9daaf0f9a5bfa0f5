/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The local machine as a site: each part is a lane of one exec. Kernels and copies are queued by the
 * caller's thread; the device's callbacks count what has finished and wake the session.
 */
#include "oc_exec.h"
#include "oc_site.h"

#include <stdio.h>

typedef struct local_site {
    oc_site base;
    oc_exec *exec;
} local_site;

/* What one callback reports: nodes up to `upto` are done, or (is_get) one value is in. */
typedef struct ticket {
    struct local_part *part;
    size_t upto;
    bool is_get;
} ticket;

typedef struct local_part {
    oc_site_part base;
    oc_part part;
    oc_lane *lane;
    oc_waker *waker;
    ticket *tickets;      /* one for every submit and get that a run can have */
    size_t n_tickets;
    /* Guarded by `cond`, which is woken when `pending` reaches 0. */
    oc_cond cond;
    size_t used;          /* tickets given out in this run */
    size_t pending;       /* callbacks to come */
    size_t nodes_done, gets_done;
    bool is_cancelled;
    oc_status status;
    char text[256];
    uint64_t start_ns, end_ns;
} local_part;

static local_site *site_of(oc_site *site)
{
    return (local_site *)site;
}

static local_part *part_of(oc_site_part *part)
{
    return (local_part *)part;
}

static void local_close(oc_site *site)
{
    oc_free(site->alloc, site);
}

static oc_status copy_ids(const oc_allocator *alloc, const oc_id *ids, size_t count, oc_id **copy)
{
    OC_TRY(OC_ALLOC(alloc, count + 1, *copy));
    if (count)
        memcpy(*copy, ids, count * sizeof(*ids));
    return OC_OK;
}

static oc_status copy_part(const oc_allocator *alloc, const oc_part *from, oc_part *to)
{
    to->alloc = alloc;
    to->n_nodes = from->n_nodes;
    to->n_takes = from->n_takes;
    to->n_gives = from->n_gives;
    OC_TRY(copy_ids(alloc, from->nodes, from->n_nodes, &to->nodes));
    OC_TRY(copy_ids(alloc, from->takes, from->n_takes, &to->takes));
    return copy_ids(alloc, from->gives, from->n_gives, &to->gives);
}

static void destroy_part(local_part *p)
{
    oc_lane_destroy(p->lane);
    oc_part_fini(&p->part);
    oc_free(p->base.site->alloc, p->tickets);
    oc_cond_fini(&p->cond);
    oc_free(p->base.site->alloc, p);
}

static oc_status open_lane(local_part *p, const oc_part *part, const oc_id *pinned, size_t n_pinned)
{
    const oc_allocator *alloc = p->base.site->alloc;
    oc_id *kept = NULL;
    oc_status status;
    OC_TRY(copy_part(alloc, part, &p->part));
    p->n_tickets = part->n_nodes + part->n_gives + n_pinned + 1;
    OC_TRY(OC_ALLOC(alloc, p->n_tickets, p->tickets));
    OC_TRY(OC_ALLOC(alloc, part->n_gives + n_pinned + 1, kept));
    memcpy(kept, p->part.gives, part->n_gives * sizeof(*kept));
    if (n_pinned)
        memcpy(kept + part->n_gives, pinned, n_pinned * sizeof(*kept));
    status = oc_lane_create(site_of(p->base.site)->exec, p->part.nodes, part->n_nodes, kept,
                            part->n_gives + n_pinned, alloc, &p->lane);
    oc_free(alloc, kept);
    return status;
}

static oc_status local_part_open(oc_site *site, const oc_part *part, const oc_id *pinned,
                                 size_t n_pinned, oc_waker *waker, oc_site_part **out)
{
    local_part *p = NULL;
    OC_TRY(OC_ALLOC(site->alloc, 1, p));
    p->base.site = site;
    p->waker = waker;
    oc_status status = oc_cond_init(&p->cond);
    if (status != OC_OK) {
        oc_free(site->alloc, p);
        return status;
    }
    status = open_lane(p, part, pinned, n_pinned);
    if (status != OC_OK) {
        destroy_part(p);
        return status;
    }
    *out = &p->base;
    return OC_OK;
}

static void local_part_close(oc_site_part *part)
{
    local_part *p = part_of(part);
    if (!p)
        return;
    oc_cond_lock(&p->cond);
    while (p->pending > 0)
        oc_cond_wait(&p->cond, OC_NEVER_NS);
    oc_cond_unlock(&p->cond);
    destroy_part(p);
}

static oc_status local_start(oc_site_part *part, const oc_site_run *run)
{
    local_part *p = part_of(part);
    (void)run; /* kernels that run cannot be stopped at a deadline; the session watches the time */
    oc_cond_lock(&p->cond);
    bool is_idle = p->pending == 0;
    if (is_idle) {
        p->used = p->nodes_done = p->gets_done = 0;
        p->is_cancelled = false;
        p->status = OC_OK;
        p->text[0] = '\0';
        p->start_ns = p->end_ns = oc_now_ns();
    }
    oc_cond_unlock(&p->cond);
    return is_idle ? OC_OK : oc_fail(OC_E_BUSY, "local site: the last run has not finished");
}

/* Runs on a thread of the device. The waker is woken before `pending` falls, since whoever sees it 0 may free it. */
static void on_done(void *ctx, oc_status status)
{
    ticket *t = ctx;
    local_part *p = t->part;
    oc_cond_lock(&p->cond);
    if (status != OC_OK && p->status == OC_OK) {
        p->status = status;
        snprintf(p->text, sizeof(p->text), "%s: %s", oc_exec_dev(site_of(p->base.site)->exec)->info.name,
                 oc_status_text(status));
    }
    if (t->is_get)
        p->gets_done += status == OC_OK;
    else if (status == OC_OK)
        p->nodes_done = OC_MAX(p->nodes_done, t->upto);
    p->end_ns = oc_now_ns();
    oc_waker_wake(p->waker);
    if (--p->pending == 0)
        oc_cond_wake(&p->cond);
    oc_cond_unlock(&p->cond);
}

static oc_status take_ticket(local_part *p, bool is_get, size_t upto, ticket **out)
{
    oc_status status = OC_OK;
    oc_cond_lock(&p->cond);
    if (p->used == p->n_tickets) {
        status = oc_fail(OC_E_LIMIT, "local site: more than %zu submits and gets in one run",
                         p->n_tickets);
    } else {
        *out = &p->tickets[p->used++];
        **out = (ticket){.part = p, .is_get = is_get, .upto = upto};
        p->pending++;
    }
    oc_cond_unlock(&p->cond);
    return status;
}

/* A ticket whose callback will never come: the device refused it. */
static void drop_ticket(local_part *p)
{
    oc_cond_lock(&p->cond);
    p->pending--;
    oc_cond_unlock(&p->cond);
}

static oc_status local_put(oc_site_part *part, oc_id value, const oc_tensor *tensor)
{
    size_t bytes;
    OC_TRY(oc_desc_bytes(&tensor->desc, &bytes));
    return oc_lane_write(part_of(part)->lane, value, tensor->data, bytes);
}

static oc_status local_submit(oc_site_part *part, size_t first, size_t count)
{
    local_part *p = part_of(part);
    ticket *t = NULL;
    OC_TRY(take_ticket(p, false, first + count, &t));
    oc_status status = oc_lane_submit(p->lane, first, count);
    if (status == OC_OK)
        status = oc_lane_notify_compute(p->lane, on_done, t);
    if (status != OC_OK)
        drop_ticket(p);
    return status;
}

static oc_status local_get(oc_site_part *part, oc_id value, oc_tensor *tensor)
{
    local_part *p = part_of(part);
    ticket *t = NULL;
    size_t bytes;
    OC_TRY(oc_desc_bytes(&tensor->desc, &bytes));
    OC_TRY(take_ticket(p, true, 0, &t));
    oc_status status = oc_lane_read(p->lane, value, tensor->data, bytes);
    if (status == OC_OK)
        status = oc_lane_notify_transfer(p->lane, on_done, t);
    if (status != OC_OK)
        drop_ticket(p);
    return status;
}

static void local_poll(oc_site_part *part, oc_site_progress *progress)
{
    local_part *p = part_of(part);
    oc_cond_lock(&p->cond);
    *progress = (oc_site_progress){.is_ready = true, .is_idle = p->pending == 0,
                                   .nodes_done = p->nodes_done, .gets_done = p->gets_done,
                                   .status = p->status};
    if (progress->is_idle && p->is_cancelled && p->status == OC_OK)
        progress->status = OC_E_CANCELLED;
    memcpy(progress->text, p->text, sizeof(progress->text));
    progress->times.compute_ns = progress->times.total_ns = p->end_ns - p->start_ns;
    oc_cond_unlock(&p->cond);
}

static void local_cancel(oc_site_part *part)
{
    local_part *p = part_of(part);
    oc_cond_lock(&p->cond);
    p->is_cancelled = p->pending > 0; /* what is queued on the device runs to its end */
    oc_cond_unlock(&p->cond);
}

static void local_health(oc_site *site, oc_site_health *health)
{
    const oc_dev_info *info = &oc_exec_dev(site_of(site)->exec)->info;
    health->is_up = true;
    snprintf(health->text, sizeof(health->text), "this machine, %s", info->name);
}

static const oc_site_type local_type = {
    .name = "local",
    .close = local_close,
    .part_open = local_part_open,
    .part_close = local_part_close,
    .start = local_start,
    .put = local_put,
    .submit = local_submit,
    .get = local_get,
    .poll = local_poll,
    .cancel = local_cancel,
    .health = local_health,
};

oc_status oc_local_site_open(oc_exec *exec, const oc_allocator *alloc, oc_site **site)
{
    local_site *s = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, s));
    s->base = (oc_site){.type = &local_type, .alloc = alloc, .graph = oc_exec_graph(exec)};
    s->exec = exec;
    *site = &s->base;
    return OC_OK;
}
