/* SPDX-License-Identifier: Apache-2.0 */
/** Decisions as people read them. Texts are made when they are asked for, not in the run. */
#include "session.h"

#include <math.h>
#include <stdio.h>

static uint64_t to_ns(double ns)
{
    return ns > 0 ? (uint64_t)fmin(ns, 1e18) : 0;
}

void explain_choice(const oc_session *s, const scene *sc, uint32_t at, uint32_t cut, uint32_t site,
                    bool is_stay, char *text, size_t size)
{
    if (site == 0)
        snprintf(text, size, is_stay ? "stay" : "all-local");
    else if (is_stay && cut == at)
        snprintf(text, size, "forward now to %s", s->names[site - 1]);
    else
        snprintf(text, size, "forward after cut %s to %s", sc->net->cuts[cut].name,
                 s->names[site - 1]);
}

static void fill_verdict(const oc_situation *situation, const oc_option *o, oc_option_info *info)
{
    const char *text = oc_verdict_text(o->verdict);
    if (o->by)
        snprintf(info->verdict, sizeof(info->verdict), "%s by %s", text, o->by);
    else if (o->site > 0 && (o->verdict == OC_WORKER_DOWN || o->verdict == OC_WORKER_EXCLUDED))
        snprintf(info->verdict, sizeof(info->verdict), "%s: %.*s", text,
                 oc_text_fit(situation->sites[o->site].why, 60), situation->sites[o->site].why);
    else
        snprintf(info->verdict, sizeof(info->verdict), "%s", text);
}

const oc_option_info *oc_session_options_seen(const oc_session *session, size_t *count)
{
    adapt *a = session->adapt;
    *count = a ? a->n_options : 0;
    for (size_t i = 0; i < *count; i++) {
        const oc_option *o = &a->options[i];
        const oc_net_cut *cut = &a->scene->net->cuts[o->cut];
        const oc_prediction *p = &o->predicted;
        oc_option_info *info = &a->option_infos[i];
        *info = (oc_option_info){.cut = o->site ? cut->name : "all-local",
                                 .worker = o->site ? session->names[o->site - 1] : NULL,
                                 .edge_ns = to_ns(p->edge_ns),
                                 .encode_ns = to_ns(p->encode_ns),
                                 .send_ns = to_ns(p->send_ns),
                                 .queue_ns = to_ns(p->queue_ns),
                                 .cloud_ns = to_ns(p->cloud_ns),
                                 .receive_ns = to_ns(p->receive_ns),
                                 .total_ns = to_ns(p->total_ns),
                                 .memory_bytes = cut->memory_bytes,
                                 .bytes = o->site ? cut->up_bytes : 0,
                                 .is_chosen = o->verdict == OC_CHOSEN};
        fill_verdict(&a->first, o, info);
    }
    return a ? a->option_infos : NULL;
}

const oc_decision_info *oc_session_decisions(const oc_session *session, size_t *count)
{
    adapt *a = session->adapt;
    *count = a ? a->n_decisions : 0;
    for (size_t i = 0; i < *count; i++) {
        const kept_decision *k = &a->decisions[i];
        explain_choice(session, a->scene, k->at, k->cut, k->site, true, a->choices[i],
                       sizeof(a->choices[i]));
        a->decision_infos[i] = (oc_decision_info){.at = a->scene->net->cuts[k->at].name,
                                                  .at_ns = k->at_ns,
                                                  .choice = a->choices[i],
                                                  .predicted_ns = to_ns(k->predicted_ns),
                                                  .gap = k->gap,
                                                  .why = k->why};
    }
    return a ? a->decision_infos : NULL;
}

double oc_session_prediction_error(const oc_session *session)
{
    const adapt *a = session->adapt;
    return a && a->correct.total.n_seen > 0 ? oc_errors_median(&a->correct.total) : NAN;
}
