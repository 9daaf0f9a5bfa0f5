/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_worker.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GETS_MAX 64

typedef struct fake_part {
    oc_site_part base;
    oc_site_part *inner;
    oc_waker *waker;
    const oc_tensor *gets[GETS_MAX];
    size_t n_gets;
    uint64_t due_ns; /* no answer before */
    bool is_submitted, is_cancelled, is_spoilt;
    pthread_t ticker; /* wakes the session when the answer is due */
    atomic_bool is_ticking, has_ticker;
} fake_part;

static fake_worker *worker_of(oc_site_part *part)
{
    return (fake_worker *)part->site;
}

static fake_part *part_of(oc_site_part *part)
{
    return (fake_part *)part;
}

static const oc_site_type *inner_type(oc_site_part *part)
{
    return part_of(part)->inner->site->type;
}

static void fake_close(oc_site *site)
{
    fake_worker *w = (fake_worker *)site;
    w->inner->type->close(w->inner);
    oc_free(site->alloc, w);
}

static oc_status fake_part_open(oc_site *site, const oc_part *part, const oc_id *pinned,
                                size_t n_pinned, oc_waker *waker, oc_site_part **out)
{
    fake_worker *w = (fake_worker *)site;
    fake_part *p = NULL;
    OC_TRY(OC_ALLOC(site->alloc, 1, p));
    p->base.site = site;
    p->waker = waker;
    oc_status status =
        w->inner->type->part_open(w->inner, part, pinned, n_pinned, waker, &p->inner);
    if (status != OC_OK) {
        oc_free(site->alloc, p);
        return status;
    }
    *out = &p->base;
    return OC_OK;
}

static void *tick(void *ctx)
{
    fake_part *p = ctx;
    while (atomic_load(&p->is_ticking)) {
        const struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
        oc_waker_wake(p->waker);
    }
    return NULL;
}

static void stop_ticker(fake_part *p)
{
    atomic_store(&p->is_ticking, false);
    if (atomic_exchange(&p->has_ticker, false))
        pthread_join(p->ticker, NULL);
}

static void fake_part_close(oc_site_part *part)
{
    stop_ticker(part_of(part));
    inner_type(part)->part_close(part_of(part)->inner);
    oc_free(part->site->alloc, part);
}

static oc_status fake_start(oc_site_part *part, const oc_site_run *run)
{
    fake_part *p = part_of(part);
    fake_worker *w = worker_of(part);
    stop_ticker(p);
    p->is_submitted = p->is_cancelled = p->is_spoilt = false;
    p->n_gets = 0;
    w->n_starts++;
    if (w->mode == FAKE_REFUSES)
        return oc_fail(OC_E_LOST, "worker %s: it would not start", w->name);
    return inner_type(part)->start(p->inner, run);
}

static oc_status fake_put(oc_site_part *part, oc_id value, const oc_tensor *tensor)
{
    if (worker_of(part)->mode == FAKE_NO_VALUE)
        return oc_fail(OC_E_LOST, "worker %s: it took no value", worker_of(part)->name);
    return inner_type(part)->put(part_of(part)->inner, value, tensor);
}

static bool is_mute(oc_site_part *part)
{
    fake_mode mode = worker_of(part)->mode;
    return mode == FAKE_STUCK || mode == FAKE_DIES || mode == FAKE_OTHER;
}

static oc_status fake_submit(oc_site_part *part, size_t first, size_t count)
{
    fake_part *p = part_of(part);
    p->is_submitted = true;
    p->due_ns = oc_now_ns() + (uint64_t)worker_of(part)->delay_ms * 1000000u;
    if (worker_of(part)->delay_ms > 0) {
        atomic_store(&p->is_ticking, true);
        atomic_store(&p->has_ticker, pthread_create(&p->ticker, NULL, tick, p) == 0);
    }
    return is_mute(part) ? OC_OK : inner_type(part)->submit(p->inner, first, count);
}

static oc_status fake_get(oc_site_part *part, oc_id value, oc_tensor *tensor)
{
    fake_part *p = part_of(part);
    if (is_mute(part))
        return OC_OK;
    if (p->n_gets < GETS_MAX)
        p->gets[p->n_gets++] = tensor;
    return inner_type(part)->get(p->inner, value, tensor);
}

static void say(oc_site_part *part, oc_site_progress *progress, oc_status status, const char *text)
{
    progress->status = status;
    snprintf(progress->text, sizeof(progress->text), "worker %s: %s", worker_of(part)->name, text);
}

static void fake_poll(oc_site_part *part, oc_site_progress *progress)
{
    fake_part *p = part_of(part);
    fake_worker *w = worker_of(part);
    inner_type(part)->poll(p->inner, progress);
    progress->is_ready = (atomic_load(&w->is_up) || w->ran) && !w->is_unsettled;
    if (w->is_unsettled)
        return;
    if (!progress->is_ready)
        say(part, progress, OC_E_LOST, "nobody is there");
    if (!p->is_submitted || p->is_cancelled)
        return;
    if (w->mode == FAKE_STUCK || (!is_mute(part) && oc_now_ns() < p->due_ns)) {
        progress->is_idle = false;
        progress->gets_done = 0;
    }
    if (w->mode == FAKE_DIES)
        say(part, progress, OC_E_LOST, "gone");
    if (w->mode == FAKE_OTHER)
        say(part, progress, OC_E_MISMATCH, "another model");
    if (w->mode == FAKE_LIES && progress->is_idle && progress->gets_done == p->n_gets &&
        p->n_gets > 0 && !p->is_spoilt) {
        ((uint8_t *)p->gets[0]->data)[0] ^= 1;
        p->is_spoilt = true;
    }
}

static void fake_cancel(oc_site_part *part)
{
    part_of(part)->is_cancelled = true;
    worker_of(part)->n_cancels++;
    inner_type(part)->cancel(part_of(part)->inner);
}

static void fake_health(oc_site *site, oc_site_health *health)
{
    fake_worker *w = (fake_worker *)site;
    *health = (oc_site_health){.is_settled = !w->is_unsettled};
    oc_worker_status *s = &health->worker;
    s->is_up = !w->is_unsettled &&
               (w->ran ? atomic_load(w->ran) >= atomic_load(&w->up_after) : atomic_load(&w->is_up));
    snprintf(s->address, sizeof(s->address), "%s", w->name);
    snprintf(s->text, sizeof(s->text), s->is_up ? "fake" : "nobody is there");
    s->link = (oc_link_estimate){.up_latency_ns = 1000,
                                 .down_latency_ns = 1000,
                                 .rtt_ns = 2000,
                                 .up_ns_per_byte = w->ns_per_byte,
                                 .down_ns_per_byte = w->ns_per_byte,
                                 .at_ns = oc_now_ns(),
                                 .n_samples = 10};
    s->load = (oc_worker_load){.at_ns = oc_now_ns(),
                               .temperature = NAN,
                               .peak_flops = w->peak_flops,
                               .peak_bytes_per_s = w->peak_bytes_per_s};
    s->clock_offset_ns = NAN;
    snprintf(health->device, sizeof(health->device), "%s", w->device ? w->device : "");
    snprintf(health->driver, sizeof(health->driver), "%s", w->driver ? w->driver : "");
}

static void fake_skipped(oc_site *site, uint64_t bytes)
{
    ((fake_worker *)site)->skipped_bytes += bytes;
}

static const oc_site_type fake_type = {
    .name = "fake",
    .close = fake_close,
    .part_open = fake_part_open,
    .part_close = fake_part_close,
    .start = fake_start,
    .put = fake_put,
    .submit = fake_submit,
    .get = fake_get,
    .poll = fake_poll,
    .cancel = fake_cancel,
    .health = fake_health,
    .skipped = fake_skipped,
};

oc_status fake_worker_open(oc_exec *exec, const char *name, const oc_allocator *alloc,
                           fake_worker **worker)
{
    fake_worker *w = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, w));
    w->base = (oc_site){.type = &fake_type, .alloc = alloc, .graph = oc_exec_graph(exec)};
    w->name = name;
    w->ns_per_byte = 0.01;
    atomic_store(&w->is_up, true);
    oc_status status = oc_local_site_open(exec, alloc, &w->inner);
    if (status != OC_OK) {
        oc_free(alloc, w);
        return status;
    }
    *worker = w;
    return OC_OK;
}
