/* SPDX-License-Identifier: Apache-2.0 */
/** What nodes cost at each site, summed for every cut. */
#include "oc_situation.h"

#include <math.h>

/*
 * Summed in the order of the nodes, kind by kind: of two heads the one that holds the other never
 * has the smaller sum.
 */
static void sum_cut(const oc_net *net, const double *node_ns, const bool *is_head, double *sum)
{
    for (size_t k = 0; k < OC_KINDS_MAX; k++)
        sum[k] = 0;
    for (size_t n = 0; n < net->n_nodes; n++)
        if (!is_head || is_head[n])
            sum[net->kind[n]] += node_ns[n];
}

static void sum_site(oc_costs *costs, size_t site)
{
    const oc_net *net = costs->net;
    for (size_t c = 0; c <= net->n_cuts; c++)
        sum_cut(net, costs->node_ns[site], c < net->n_cuts ? net->cuts[c].is_head : NULL,
                costs->sum[site] + c * OC_KINDS_MAX);
}

static double roofline_ns(const oc_net *net, const oc_roofline *roofline, size_t n)
{
    double flops = 2 * net->macs[n] + net->ops[n];
    if (flops <= 0 && net->moved_bytes[n] <= 0)
        return 0;
    return roofline->start_ns +
           1e9 * OC_MAX(flops / roofline->flops, net->moved_bytes[n] / roofline->bytes_per_s);
}

static oc_status check_rooflines(const oc_roofline *rooflines, size_t n_sites)
{
    if (n_sites == 0 || n_sites > OC_SITES_MAX)
        return oc_fail(OC_E_ARG, "costs: expected 1 to %d sites, found %zu", OC_SITES_MAX, n_sites);
    for (size_t i = 0; i < n_sites; i++) {
        const oc_roofline *r = &rooflines[i];
        if (!(r->flops > 0) || !(r->bytes_per_s > 0) || !(r->start_ns >= 0) || isinf(r->start_ns))
            return oc_fail(
                OC_E_ARG,
                "costs of site %zu: expected positive rates, found %g flop/s, %g B/s, start %g ns",
                i, r->flops, r->bytes_per_s, r->start_ns);
    }
    return OC_OK;
}

static oc_status fill_costs(oc_costs *costs, const oc_roofline *rooflines)
{
    const oc_net *net = costs->net;
    for (size_t i = 0; i < costs->n_sites; i++) {
        OC_TRY(OC_ALLOC(costs->alloc, net->n_nodes + 1, costs->node_ns[i]));
        OC_TRY(
            oc_alloc(costs->alloc, net->n_cuts + 1, OC_KINDS_MAX * sizeof(double), &costs->sum[i]));
        for (size_t n = 0; n < net->n_nodes; n++)
            costs->node_ns[i][n] = roofline_ns(net, &rooflines[i], n);
        costs->source[i] = OC_COST_ROOFLINE;
        sum_site(costs, i);
    }
    return OC_OK;
}

oc_status oc_costs_make(const oc_net *net, const oc_roofline *rooflines, size_t n_sites,
                        const oc_allocator *alloc, oc_costs **costs)
{
    oc_costs *made = NULL;
    OC_TRY(check_rooflines(rooflines, n_sites));
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, made));
    *made = (oc_costs){.alloc = alloc, .net = net, .n_sites = n_sites};
    oc_status status = fill_costs(made, rooflines);
    if (status != OC_OK)
        oc_costs_destroy(made);
    else
        *costs = made;
    return status;
}

/* A view takes no time; multiplying that takes none was not measured. */
static bool is_time(const oc_net *net, size_t node, double ns)
{
    return isfinite(ns) && (net->macs[node] > 0 ? ns > 0 : ns >= 0);
}

void oc_costs_set(oc_costs *costs, size_t site, const double *node_ns)
{
    for (size_t n = 0; n < costs->net->n_nodes; n++)
        if (is_time(costs->net, n, node_ns[n]))
            costs->node_ns[site][n] = node_ns[n];
    costs->source[site] = OC_COST_PROFILE;
    sum_site(costs, site);
}

void oc_costs_destroy(oc_costs *costs)
{
    if (!costs)
        return;
    for (size_t i = 0; i < OC_SITES_MAX; i++) {
        oc_free(costs->alloc, costs->node_ns[i]);
        oc_free(costs->alloc, costs->sum[i]);
    }
    oc_free(costs->alloc, costs);
}
