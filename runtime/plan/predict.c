/* SPDX-License-Identifier: Apache-2.0 */
/** What a choice is expected to cost, from costs and situation. */
#include "oc_situation.h"

/*
 * The corrected time of the nodes that row `more` of the sums holds and row `less` does not. Kind
 * by kind, so that where the one head holds the other no difference is below 0; where it does not,
 * what was done already counts as nothing.
 */
static double between_ns(const oc_costs *costs, const oc_site_state *state, size_t site,
                         size_t less, size_t more)
{
    const double *from = costs->sum[site] + less * OC_KINDS_MAX,
                 *to = costs->sum[site] + more * OC_KINDS_MAX;
    double sum_ns = 0;
    for (size_t k = 0; k < costs->net->n_kinds; k++)
        sum_ns += state->factor[k] * OC_MAX(to[k] - from[k], 0.0);
    return sum_ns;
}

double oc_costs_head_ns(const oc_costs *costs, const oc_site_state *state, size_t site,
                        uint32_t cut)
{
    return between_ns(costs, state, site, 0, cut); /* the head of cut 0 is empty */
}

double oc_costs_tail_ns(const oc_costs *costs, const oc_site_state *state, size_t site,
                        uint32_t cut)
{
    return between_ns(costs, state, site, cut, costs->net->n_cuts);
}

void oc_predict(const oc_costs *costs, const oc_situation *situation, uint32_t cut, uint32_t site,
                oc_prediction *prediction)
{
    const oc_net_cut *c = &costs->net->cuts[cut];
    /* What goes on from a head that is no prefix does so from its base. */
    uint32_t from = cut == situation->at_cut ? cut : costs->net->cuts[situation->at_cut].base;
    oc_prediction p = {.edge_ns = between_ns(costs, &situation->sites[0], 0, from, cut)};
    if (situation->at_cut == 0 && situation->n_submitted == 0 && c->n_head > 0)
        p.edge_ns += situation->sites[0].start_ns;
    if (site > 0) {
        const oc_site_state *worker = &situation->sites[site];
        const oc_link_estimate *link = &worker->link;
        p.encode_ns = (double)c->up_bytes * worker->encode_ns_per_byte;
        p.send_ns = link->up_latency_ns + (double)c->up_bytes * link->up_ns_per_byte;
        p.queue_ns = worker->queue_ns;
        p.cloud_ns = worker->start_ns + oc_costs_tail_ns(costs, worker, site, cut);
        p.receive_ns = link->down_latency_ns + (double)c->down_bytes * (link->down_ns_per_byte +
                                                                        worker->decode_ns_per_byte);
    }
    p.total_ns = p.edge_ns + p.encode_ns + p.send_ns + p.queue_ns + p.cloud_ns + p.receive_ns;
    *prediction = p;
}
