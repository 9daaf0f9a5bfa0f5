/* SPDX-License-Identifier: Apache-2.0 */
/** What a run puts into the trace, where one is kept. */
#include "session.h"

#include <math.h>
#include <stdio.h>

static oc_span blank(const run *r, oc_track track, uint64_t begin_ns, uint64_t end_ns)
{
    return (oc_span){.track = track,
                     .run = r->site_run.id,
                     .begin_ns = begin_ns,
                     .end_ns = OC_MAX(begin_ns, end_ns),
                     .predicted_ns = NAN,
                     .bytes = NAN,
                     .error = NAN};
}

/* The first and the last node that `to` has beyond `from`. */
void spans_chunk(run *r, const chunk *c, uint64_t begin_ns, uint64_t end_ns)
{
    const oc_net *net = r->s->adapt->scene->net;
    size_t first = net->n_nodes, last = 0;
    if (!r->s->trace)
        return;
    oc_span span = blank(r, OC_TRACK_EDGE, begin_ns, end_ns);
    for (size_t n = 0; n < net->n_nodes; n++) {
        if (!net->cuts[c->to].is_head[n] || net->cuts[c->from].is_head[n])
            continue;
        first = OC_MIN(first, n);
        last = n;
    }
    if (first < net->n_nodes)
        snprintf(span.name, sizeof(span.name), "%.44s .. %.44s", net->node_names[first],
                 net->node_names[last]);
    oc_trace_put(r->s->trace, &span);
}

void spans_decision(run *r, uint32_t at, const oc_decision *decision, uint64_t begin_ns,
                    uint64_t end_ns)
{
    if (!r->s->trace)
        return;
    oc_span span = blank(r, OC_TRACK_RUN, begin_ns, end_ns);
    snprintf(span.name, sizeof(span.name), "decide");
    explain_choice(r->s, r->s->adapt->scene, at, decision->cut, decision->site, true, span.detail,
                   OC_TRACE_TEXT);
    size_t used = strlen(span.detail);
    snprintf(span.detail + used, sizeof(span.detail) - used, ": %.90s", decision->why);
    span.predicted_ns = decision->predicted.total_ns;
    oc_trace_put(r->s->trace, &span);
}

static void put_part(run *r, const attempt *a, oc_track track, const char *name, uint64_t begin_ns,
                     uint64_t end_ns, double bytes)
{
    if (end_ns <= begin_ns)
        return;
    oc_span span = blank(r, track, begin_ns, end_ns);
    span.site = a->worker + 1;
    span.bytes = bytes;
    snprintf(span.name, sizeof(span.name), "%s", name);
    oc_trace_put(r->s->trace, &span);
}

/*
 * Where the worker's clock is not known, its times are put one after the other behind what was
 * sent.
 */
void spans_worker(run *r, const attempt *a)
{
    const oc_site_times *t = &a->times;
    if (!r->s->trace)
        return;
    if (a->state == ATTEMPT_FAILED) {
        oc_span span = blank(r, OC_TRACK_WIRE, a->begin_ns, oc_now_ns());
        span.site = a->worker + 1;
        snprintf(span.name, sizeof(span.name), "lost");
        snprintf(span.detail, sizeof(span.detail), "%.190s", r->report.reason);
        oc_trace_put(r->s->trace, &span);
        return;
    }
    uint64_t begin_ns = t->begin_ns ? t->begin_ns : a->begin_ns;
    uint64_t encoded_ns = begin_ns + t->encode_ns;
    uint64_t there_ns = t->there_ns ? t->there_ns : encoded_ns + t->send_ns;
    uint64_t started_ns = t->started_ns ? t->started_ns : there_ns + t->queue_ns;
    uint64_t computed_ns = t->computed_ns ? t->computed_ns : started_ns + t->compute_ns;
    uint64_t end_ns = t->end_ns ? t->end_ns : begin_ns + t->total_ns;
    put_part(r, a, OC_TRACK_WIRE, "encode", begin_ns, OC_MIN(encoded_ns, there_ns), NAN);
    put_part(r, a, OC_TRACK_WIRE, "send", OC_MIN(encoded_ns, there_ns), there_ns,
             (double)t->bytes_sent);
    put_part(r, a, OC_TRACK_WORKER, "queue", there_ns, started_ns, NAN);
    put_part(r, a, OC_TRACK_WORKER, "compute", started_ns, computed_ns, NAN);
    put_part(r, a, OC_TRACK_WIRE, "receive", computed_ns, end_ns, (double)t->bytes_received);
}

void spans_run(run *r)
{
    const oc_report *report = &r->report;
    if (!r->s->trace)
        return;
    oc_span span = blank(r, OC_TRACK_RUN, r->begin_ns, oc_now_ns());
    snprintf(span.name, sizeof(span.name), "run %llu", (unsigned long long)r->site_run.id);
    snprintf(span.detail, sizeof(span.detail), "%s%s%.90s", report->choice,
             report->reason[0] ? "; " : "", report->reason);
    if (report->n_decisions > 0) {
        span.predicted_ns = (double)report->predicted_ns;
        span.error = report->total_ns ? fabs(span.predicted_ns - (double)report->total_ns) /
                                            (double)report->total_ns
                                      : NAN;
    }
    oc_trace_put(r->s->trace, &span);
}
