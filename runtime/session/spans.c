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

static void put_nodes(run *r, oc_id first, oc_id last, uint64_t begin_ns, uint64_t end_ns,
                      double predicted_ns)
{
    const oc_node *nodes = r->s->graph->nodes;
    const char *from = nodes[first].name, *to = nodes[last].name;
    oc_span span = blank(r, OC_TRACK_EDGE, begin_ns, end_ns);
    snprintf(span.name, sizeof(span.name), "%.*s .. %.*s", oc_text_fit(from, 44), from,
             oc_text_fit(to, 44), to);
    span.predicted_ns = predicted_ns;
    oc_trace_put(r->s->trace, &span);
}

/* The first and the last node that `to` has beyond `from`. */
void spans_chunk(run *r, const chunk *c, uint64_t begin_ns, uint64_t end_ns, double predicted_ns)
{
    const oc_net *net = r->s->adapt->scene->net;
    size_t first = net->n_nodes, last = 0;
    if (!r->s->trace)
        return;
    for (size_t n = 0; n < net->n_nodes; n++) {
        if (!net->cuts[c->to].is_head[n] || net->cuts[c->from].is_head[n])
            continue;
        first = OC_MIN(first, n);
        last = n;
    }
    if (first < net->n_nodes)
        put_nodes(r, (oc_id)first, (oc_id)last, begin_ns, end_ns, predicted_ns);
}

void spans_pending(run *r)
{
    const pending_nodes *p = &r->pending;
    if (r->s->trace && p->begin_ns)
        put_nodes(r, p->first, p->last, p->begin_ns, oc_now_ns(), NAN);
    r->pending = (pending_nodes){.begin_ns = 0};
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
    snprintf(span.detail + used, sizeof(span.detail) - used, ": %.*s",
             oc_text_fit(decision->why, 90), decision->why);
    span.predicted_ns = decision->predicted.total_ns;
    oc_trace_put(r->s->trace, &span);
}

static void put_part(run *r, const attempt *a, oc_track track, const char *name, uint64_t begin_ns,
                     uint64_t end_ns, double bytes, double predicted_ns)
{
    if (end_ns <= begin_ns)
        return;
    oc_span span = blank(r, track, begin_ns, end_ns);
    span.site = a->worker + 1;
    span.bytes = bytes;
    span.predicted_ns = predicted_ns;
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
    const oc_prediction *p = &a->predicted;
    if (!r->s->trace)
        return;
    if (a->state != ATTEMPT_ANSWERED) {
        oc_span span = blank(r, OC_TRACK_WIRE, a->begin_ns, oc_now_ns());
        span.site = a->worker + 1;
        span.bytes = (double)t->bytes_sent;
        span.predicted_ns = p->encode_ns + p->send_ns + p->queue_ns + p->cloud_ns + p->receive_ns;
        snprintf(span.name, sizeof(span.name), a->state == ATTEMPT_FAILED ? "lost" : "dropped");
        snprintf(span.detail, sizeof(span.detail), "%.*s",
                 oc_text_fit(r->report.reason, sizeof(span.detail) - 1), r->report.reason);
        oc_trace_put(r->s->trace, &span);
        return;
    }
    uint64_t begin_ns = t->begin_ns ? t->begin_ns : a->begin_ns;
    uint64_t encoded_ns = begin_ns + t->encode_ns;
    uint64_t there_ns = t->there_ns ? t->there_ns : encoded_ns + t->send_ns;
    uint64_t started_ns = t->started_ns ? t->started_ns : there_ns + t->queue_ns;
    uint64_t computed_ns = t->computed_ns ? t->computed_ns : started_ns + t->compute_ns;
    uint64_t end_ns = t->end_ns ? t->end_ns : begin_ns + t->total_ns;
    put_part(r, a, OC_TRACK_WIRE, "encode", begin_ns, OC_MIN(encoded_ns, there_ns), NAN,
             p->encode_ns);
    put_part(r, a, OC_TRACK_WIRE, "send", OC_MIN(encoded_ns, there_ns), there_ns,
             (double)t->bytes_sent, p->send_ns);
    put_part(r, a, OC_TRACK_WORKER, "queue", there_ns, started_ns, NAN, p->queue_ns);
    put_part(r, a, OC_TRACK_WORKER, "compute", started_ns, computed_ns, NAN, p->cloud_ns);
    put_part(r, a, OC_TRACK_WIRE, "receive", computed_ns, end_ns, (double)t->bytes_received,
             p->receive_ns);
}

void spans_run(run *r)
{
    const oc_report *report = &r->report;
    if (!r->s->trace)
        return;
    oc_span span = blank(r, OC_TRACK_RUN, r->begin_ns, oc_now_ns());
    snprintf(span.name, sizeof(span.name), "run %llu", (unsigned long long)r->site_run.id);
    snprintf(span.detail, sizeof(span.detail), "%s%s%.*s", report->choice,
             report->reason[0] ? "; " : "", oc_text_fit(report->reason, 90), report->reason);
    if (report->n_decisions > 0)
        span.predicted_ns = (double)report->predicted_ns;
    /* As it is learnt: without connecting, deciding, and what came behind the answer. */
    if (r->actual_ns > 0)
        span.error =
            fabs(span.predicted_ns - (double)r->actual_ns) / (double)r->actual_ns;
    oc_trace_put(r->s->trace, &span);
}
