/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The local machine as a site: each part is a lane of one exec. Kernels and copies are queued by
 * the caller's thread; the device's notifications say what has finished and wake the session.
 */
#include "oc_exec.h"
#include "oc_site.h"

#include <stdio.h>

/* A device that has not finished a run by then is given up: its kernel will never end. */
#define RUN_LIMIT_NS ((uint64_t)600 * 1000000000u)

typedef struct local_site {
    oc_site base;
    oc_exec *exec;
} local_site;

#define NOTES 4 /* notifications under way at most, on each queue */

struct progress;
typedef struct note {
    struct progress *of;
    size_t covered; /* what had been asked when it was put on the queue */
    bool is_pending;
} note;

/*
 * What was asked of one of the lane's queues and how much of it is done. A few notifications are
 * under way at most, each for all that was asked before it; poll covers the rest, so that any
 * number of gets needs no more than that.
 */
typedef struct progress {
    struct local_part *part;
    oc_status (*notify)(oc_lane *lane, oc_dev_done done, void *ctx);
    size_t asked, done; /* calls of submit, or gets */
    bool is_open;       /* something was queued that no notification covers yet */
    note notes[NOTES];
} progress;

typedef struct local_part {
    oc_site_part base;
    oc_part part;
    oc_id *kept; /* gives and pinned values: what a lane is made with */
    size_t n_kept;
    oc_lane *lane;
    oc_waker *waker;
    /*
     * Per value, of this run: complete once so many calls of submit are done; 0: not made or
     * written yet.
     */
    size_t *complete_at;
    /* Guarded by `cond`, which is woken when a notification arrives. */
    oc_cond cond;
    progress compute, transfer;
    bool is_cancelled;
    /* Closed while a lost device may still call back: on_done touches nothing but this. */
    bool is_abandoned;
    oc_status status;
    char text[256];
    uint64_t start_ns, end_ns;
    uint64_t deadline_ns; /* of the run */
    uint64_t moved_ns; /* when something was last asked of the device, or done */
} local_part;

static local_site *site_of(oc_site *site)
{
    return (local_site *)site;
}

static local_part *part_of(oc_site_part *part)
{
    return (local_part *)part;
}

static oc_dev *dev_of(const local_part *p)
{
    return oc_exec_dev(site_of(p->base.site)->exec);
}

static void local_close(oc_site *site)
{
    oc_free(site->alloc, site);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static oc_status copy_ids(const oc_allocator *alloc, const oc_id *ids, size_t count, oc_id **copy)
{
    OC_TRY(OC_ALLOC(alloc, count + 1, *copy));
    if (count)
        memcpy(*copy, ids, count * sizeof(*ids));
    return OC_OK;
}

static oc_status open_lane(local_part *p)
{
    return oc_lane_create(site_of(p->base.site)->exec, p->part.nodes, p->part.n_nodes, p->kept,
                          p->n_kept, p->base.site->alloc, &p->lane);
}

static oc_status fill_part(local_part *p, const oc_part *part, const oc_id *pinned, size_t n_pinned)
{
    const oc_allocator *alloc = p->base.site->alloc;
    p->part = (oc_part){.alloc = alloc, .n_nodes = part->n_nodes};
    OC_TRY(copy_ids(alloc, part->nodes, part->n_nodes, &p->part.nodes));
    OC_TRY(OC_ALLOC(alloc, p->base.site->graph->n_values + 1, p->complete_at));
    OC_TRY(OC_ALLOC(alloc, part->n_gives + n_pinned + 1, p->kept));
    for (size_t i = 0; i < part->n_gives; i++)
        p->kept[p->n_kept++] = part->gives[i];
    for (size_t i = 0; i < n_pinned; i++)
        p->kept[p->n_kept++] = pinned[i];
    return open_lane(p);
}

static void destroy_part(local_part *p)
{
    oc_lane_destroy(p->lane);
    oc_part_fini(&p->part);
    oc_free(p->base.site->alloc, p->complete_at);
    oc_free(p->base.site->alloc, p->kept);
    oc_cond_fini(&p->cond);
    oc_free(p->base.site->alloc, p);
}

static void progress_init(progress *g, local_part *part,
                          oc_status (*notify)(oc_lane *lane, oc_dev_done done, void *ctx))
{
    *g = (progress){.part = part, .notify = notify};
    for (size_t i = 0; i < NOTES; i++)
        g->notes[i].of = g;
}

/* Locked. */
static bool is_pending(const progress *g)
{
    bool any = false;
    for (size_t i = 0; i < NOTES; i++)
        any = any || g->notes[i].is_pending;
    return any;
}

static oc_status local_part_open(oc_site *site, const oc_part *part, const oc_id *pinned,
                                 size_t n_pinned, oc_waker *waker, oc_site_part **out)
{
    local_part *p = NULL;
    OC_TRY(OC_ALLOC(site->alloc, 1, p));
    p->base.site = site;
    p->waker = waker;
    p->deadline_ns = OC_NEVER_NS;
    progress_init(&p->compute, p, oc_lane_notify_compute);
    progress_init(&p->transfer, p, oc_lane_notify_transfer);
    oc_status status = oc_cond_init(&p->cond);
    if (status != OC_OK) {
        oc_free(site->alloc, p);
        return status;
    }
    status = fill_part(p, part, pinned, n_pinned);
    if (status != OC_OK) {
        destroy_part(p);
        return status;
    }
    *out = &p->base;
    return OC_OK;
}

/* ---- what the device tells ------------------------------------------------------------------- */

/* Called locked. The first failure is the one that is told. */
static void record_failure(local_part *p, oc_status status, const char *text)
{
    if (p->status != OC_OK)
        return;
    p->status = status;
    snprintf(p->text, sizeof(p->text), "%s", text);
}

/*
 * Runs on a thread of the device. The waker is woken before is_pending falls, since whoever sees
 * that may free it. Callbacks of one queue may overtake each other, its work does not.
 */
static void on_done(void *ctx, oc_status status)
{
    note *n = ctx;
    progress *g = n->of;
    local_part *p = g->part;
    oc_cond_lock(&p->cond);
    if (p->is_abandoned) {
        n->is_pending = false;
        oc_cond_unlock(&p->cond);
        return;
    }
    if (status == OC_OK) {
        g->done = OC_MAX(g->done, n->covered);
    } else {
        char text[sizeof(p->text)];
        snprintf(text, sizeof(text), "%s: %s", dev_of(p)->info.name, oc_status_text(status));
        record_failure(p, status, text);
    }
    p->end_ns = p->moved_ns = oc_now_ns();
    oc_waker_wake(p->waker);
    n->is_pending = false;
    oc_cond_wake(&p->cond);
    oc_cond_unlock(&p->cond);
}

static note *free_note(progress *g)
{
    for (size_t i = 0; i < NOTES; i++)
        if (!g->notes[i].is_pending)
            return &g->notes[i];
    return NULL;
}

/* Ask to be told of all that was queued so far, unless enough questions are under way. */
static oc_status cover(progress *g)
{
    local_part *p = g->part;
    oc_cond_lock(&p->cond);
    note *n = g->is_open ? free_note(g) : NULL;
    if (n) {
        g->is_open = false;
        n->is_pending = true;
        n->covered = g->asked;
    }
    oc_cond_unlock(&p->cond);
    oc_status status = n ? g->notify(p->lane, on_done, n) : OC_OK;
    if (status != OC_OK) {
        oc_cond_lock(&p->cond);
        n->is_pending = false;
        oc_cond_unlock(&p->cond);
    }
    return status;
}

/* Wait until the device uses no memory of the run any more, or is given up. */
static void settle(local_part *p, uint64_t deadline_ns)
{
    /* There is no lane after one that failed could not be made anew: nothing runs then. */
    const oc_status status = p->lane ? oc_lane_wait(p->lane, deadline_ns) : OC_OK;
    oc_cond_lock(&p->cond);
    if (status != OC_OK)
        record_failure(p, status, oc_error_text());
    p->compute.is_open = p->transfer.is_open = false;
    oc_cond_unlock(&p->cond);
    /*
     * A wait that failed may not have waited. Destroying the lane does, and it is of no more use.
     */
    if (status != OC_OK && !atomic_load(&dev_of(p)->is_lost)) {
        oc_lane_destroy(p->lane);
        p->lane = NULL;
    }
}

/*
 * A call of the lane failed. What was queued before may still run: a run without a deadline hears
 * of it when nothing does any more. One with a deadline has no time for that, and is told by poll
 * when the part is idle, as long as the queues still tell.
 */
static oc_status fail_run(local_part *p, oc_status status)
{
    oc_cond_lock(&p->cond);
    record_failure(p, status, oc_error_text());
    oc_cond_unlock(&p->cond);
    if (p->deadline_ns == OC_NEVER_NS || cover(&p->compute) != OC_OK ||
        cover(&p->transfer) != OC_OK)
        settle(p, oc_now_ns() + RUN_LIMIT_NS);
    return oc_fail(status, "%s", p->text);
}

/* Whether notifications are still to come that will come. Called locked. */
static bool is_waiting(const local_part *p)
{
    return (is_pending(&p->compute) || is_pending(&p->transfer)) &&
           !atomic_load(&dev_of(p)->is_lost);
}

/* Whether the device is done with all that was queued, or given up. Called locked. */
static bool is_settled(const local_part *p)
{
    bool is_uncovered = p->compute.is_open || p->transfer.is_open;
    return !is_waiting(p) && (!is_uncovered || atomic_load(&dev_of(p)->is_lost));
}

static void local_part_close(oc_site_part *part)
{
    local_part *p = part_of(part);
    if (!p)
        return;
    settle(p, oc_now_ns() + RUN_LIMIT_NS);
    oc_cond_lock(&p->cond);
    while (is_waiting(p))
        oc_cond_wait(&p->cond, oc_now_ns() + 1000000000u);
    p->is_abandoned = true;
    oc_cond_unlock(&p->cond);
    oc_lane_destroy(p->lane);
    p->lane = NULL;
    oc_cond_lock(&p->cond);
    bool is_owed = is_pending(&p->compute) || is_pending(&p->transfer);
    oc_cond_unlock(&p->cond);
    /* A lost device may call back at any time later: what that would touch is left to it. */
    if (!is_owed)
        destroy_part(p);
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* A queue that failed stays failed (docs/adr/0007), so the run after a failure gets a new lane. */
static oc_status renew_lane(local_part *p)
{
    oc_lane_destroy(p->lane);
    p->lane = NULL;
    return open_lane(p);
}

static oc_status local_start(oc_site_part *part, const oc_site_run *run)
{
    local_part *p = part_of(part);
    if (atomic_load(&dev_of(p)->is_lost))
        return oc_fail(OC_E_LOST, "%s: lost, open it again", dev_of(p)->info.name);
    oc_cond_lock(&p->cond);
    bool is_idle = !is_pending(&p->compute) && !is_pending(&p->transfer);
    oc_cond_unlock(&p->cond);
    if (!is_idle)
        return oc_fail(OC_E_BUSY, "local site: the last run has not finished");
    if (p->status != OC_OK || !p->lane)
        OC_TRY(renew_lane(p));
    oc_cond_lock(&p->cond);
    p->compute.asked = p->compute.done = p->transfer.asked = p->transfer.done = 0;
    p->is_cancelled = false;
    p->deadline_ns = run->deadline_ns; /* kernels are not stopped by it: the session watches it */
    p->status = OC_OK;
    p->text[0] = '\0';
    p->start_ns = p->end_ns = p->moved_ns = oc_now_ns();
    oc_cond_unlock(&p->cond);
    memset(p->complete_at, 0, part->site->graph->n_values * sizeof(*p->complete_at));
    return OC_OK;
}

/* Note that `count` more calls will be queued. Errors: the lane failed and is gone. */
static oc_status ask(progress *g, size_t count)
{
    local_part *p = g->part;
    if (!p->lane)
        return oc_fail(p->status == OC_OK ? OC_E_DEVICE : p->status, "%s", p->text);
    oc_cond_lock(&p->cond);
    g->asked += count;
    g->is_open = true;
    p->moved_ns = oc_now_ns();
    oc_cond_unlock(&p->cond);
    return OC_OK;
}

static oc_status local_put(oc_site_part *part, oc_id value, const oc_tensor *tensor)
{
    local_part *p = part_of(part);
    size_t bytes;
    OC_TRY(oc_desc_bytes(&tensor->desc, &bytes));
    OC_TRY(ask(&p->compute, 0)); /* covered with the nodes that follow */
    oc_status status = oc_lane_write(p->lane, value, tensor->data, bytes);
    if (status != OC_OK)
        return fail_run(p, status);
    p->complete_at[value] = p->compute.asked + 1;
    return OC_OK;
}

static void note_made(local_part *p, size_t first, size_t count)
{
    const oc_graph *graph = p->base.site->graph;
    for (size_t i = 0; i < count && first + i < p->part.n_nodes; i++) {
        const oc_node *node = &graph->nodes[p->part.nodes[first + i]];
        for (uint32_t k = 0; k < node->n_out; k++)
            p->complete_at[node->out[k]] = p->compute.asked;
    }
}

static oc_status local_submit(oc_site_part *part, size_t first, size_t count)
{
    local_part *p = part_of(part);
    OC_TRY(ask(&p->compute, 1));
    note_made(p, first, count);
    oc_status status = oc_lane_submit(p->lane, first, count);
    if (status == OC_OK)
        status = cover(&p->compute);
    return status == OC_OK ? OC_OK : fail_run(p, status);
}

static bool is_complete(local_part *p, oc_id value)
{
    oc_cond_lock(&p->cond);
    bool is_there = p->complete_at[value] != 0 && p->complete_at[value] <= p->compute.done;
    oc_cond_unlock(&p->cond);
    return is_there;
}

static oc_status local_get(oc_site_part *part, oc_id value, oc_tensor *tensor)
{
    local_part *p = part_of(part);
    size_t bytes;
    OC_TRY(oc_desc_bytes(&tensor->desc, &bytes));
    OC_TRY(ask(&p->transfer, 1));
    oc_status status = is_complete(p, value)
                           ? oc_lane_read_complete(p->lane, value, tensor->data, bytes)
                           : oc_lane_read(p->lane, value, tensor->data, bytes);
    if (status == OC_OK)
        status = cover(&p->transfer);
    return status == OC_OK ? OC_OK : fail_run(p, status);
}

/* Cover what is not covered yet, and give up a device that has had its time. */
static void go_on(local_part *p)
{
    oc_status status = cover(&p->compute);
    if (status == OC_OK)
        status = cover(&p->transfer);
    if (status != OC_OK)
        (void)fail_run(p, status);
    oc_cond_lock(&p->cond);
    bool is_late = is_waiting(p) && oc_now_ns() > p->moved_ns + RUN_LIMIT_NS;
    oc_cond_unlock(&p->cond);
    if (is_late)
        settle(p, oc_now_ns());
}

static void local_poll(oc_site_part *part, oc_site_progress *now)
{
    local_part *p = part_of(part);
    go_on(p);
    oc_cond_lock(&p->cond);
    *now = (oc_site_progress){.is_ready = true,
                              .is_idle = is_settled(p),
                              .status = p->status,
                              .submits_done = p->compute.done,
                              .gets_done = p->transfer.done};
    if (now->is_idle && p->is_cancelled && p->status == OC_OK)
        now->status = OC_E_CANCELLED;
    memcpy(now->text, p->text, sizeof(now->text));
    now->times.compute_ns = now->times.total_ns = p->end_ns - p->start_ns;
    now->times.begin_ns = p->start_ns;
    now->times.end_ns = p->end_ns;
    oc_cond_unlock(&p->cond);
    if (p->lane) {
        now->arena_bytes = oc_lane_arena_bytes(p->lane);
        now->arena_lower_bound = oc_lane_arena_lower_bound(p->lane);
        now->scratch_bytes = oc_lane_scratch_bytes(p->lane);
    }
}

static void local_cancel(oc_site_part *part)
{
    local_part *p = part_of(part);
    oc_cond_lock(&p->cond);
    p->is_cancelled = is_pending(&p->compute) || is_pending(&p->transfer);
    oc_cond_unlock(&p->cond);
    settle(p, oc_now_ns() + RUN_LIMIT_NS);
}

static void local_health(oc_site *site, oc_site_health *health)
{
    const oc_dev_info *info = &oc_exec_dev(site_of(site)->exec)->info;
    *health = (oc_site_health){0};
    health->is_settled = health->worker.is_up = true;
    snprintf(health->worker.text, sizeof(health->worker.text), "this machine, %s", info->name);
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
