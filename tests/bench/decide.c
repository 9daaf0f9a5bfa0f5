/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What deciding costs: the planner at a decision point of one model and at the start of a run of
 * another.
 *
 *     decide RESNET.onnx DENSENET.onnx
 *
 * Prints the median and the 99th percentile of 5,000 decisions each. A program for people, no test.
 */
#include "oc_load.h"
#include "oc_policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DECISIONS = 5000 };

typedef struct bench {
    oc_graph *graph;
    oc_net *net;
    oc_costs *costs;
    oc_policy *policy;
    oc_planner *planner;
    oc_situation situation;
} bench;

/* An edge of 20 Gflop/s, workers of 500, links of 100 Mbit/s. */
static void fill_situation(oc_situation *s, uint32_t n_sites)
{
    *s = (oc_situation){.run = 1,
                        .now_cut = OC_NONE,
                        .now_site = OC_NONE,
                        .deadline_ns = INFINITY,
                        .can_finish = true,
                        .n_sites = n_sites};
    for (uint32_t i = 0; i < n_sites; i++) {
        oc_site_state *site = &s->sites[i];
        site->is_up = true;
        site->start_ns = 50e3;
        site->link = (oc_link_estimate){.up_latency_ns = 200e3,
                                        .up_ns_per_byte = 80,
                                        .down_latency_ns = 200e3,
                                        .down_ns_per_byte = 80};
        for (int k = 0; k < OC_KINDS_MAX; k++)
            site->factor[k] = 1;
    }
}

static oc_status open_bench(bench *b, const char *path, uint32_t n_sites)
{
    oc_roofline rooflines[OC_SITES_MAX];
    for (int i = 0; i < OC_SITES_MAX; i++)
        rooflines[i] = (oc_roofline){i ? 5e11 : 2e10, i ? 4e10 : 4e9, 2000};
    OC_TRY(oc_graph_load(path, NULL, NULL, &b->graph));
    uint64_t start = oc_now_ns();
    OC_TRY(oc_net_make(b->graph, NULL, NULL, 0, 0, NULL, &b->net));
    printf("%s: %zu nodes, %zu kinds, %zu cuts; the net made in %.1f ms\n", b->net->name,
           b->net->n_nodes, b->net->n_kinds, b->net->n_cuts, (double)(oc_now_ns() - start) / 1e6);
    OC_TRY(oc_costs_make(b->net, rooflines, n_sites, NULL, &b->costs));
    OC_TRY(oc_policy_parse("latency", b->net, NULL, &b->policy));
    fill_situation(&b->situation, n_sites);
    return oc_planner_create(b->costs, b->policy, NULL, &b->planner);
}

static void close_bench(bench *b)
{
    oc_planner_destroy(b->planner);
    oc_policy_destroy(b->policy);
    oc_costs_destroy(b->costs);
    oc_net_destroy(b->net);
    oc_graph_destroy(b->graph);
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The link's rate goes up and down over four decades, so that every choice comes up. */
static void measure(bench *b, const char *what)
{
    static uint64_t ns[DECISIONS];
    oc_decision d;
    for (int i = 0; i < DECISIONS; i++) {
        for (uint32_t site = 1; site < b->situation.n_sites; site++)
            b->situation.sites[site].link.up_ns_per_byte = pow(10, (i + site) % 41 / 10.0);
        uint64_t start = oc_now_ns();
        oc_planner_decide(b->planner, &b->situation, &d);
        ns[i] = oc_now_ns() - start;
    }
    qsort(ns, DECISIONS, sizeof(*ns), compare_ns);
    printf("%-40s %u worker(s): median %.1f us, 99 %% %.1f us\n", what, b->situation.n_sites - 1,
           (double)ns[DECISIONS / 2] / 1e3, (double)ns[DECISIONS * 99 / 100] / 1e3);
}

static oc_status run(const char *path, uint32_t n_sites, bool is_start)
{
    bench b = {0};
    oc_status status = open_bench(&b, path, n_sites);
    if (status == OC_OK) {
        uint32_t at = 0;
        while (!is_start && b.net->cuts[at].n_head == 0)
            at++;
        b.situation.at_cut = at;
        b.situation.n_submitted = is_start ? 0 : b.net->cuts[at].n_head;
        measure(&b, is_start ? "full re-plan at the start of a run" : "a decision point");
    }
    close_bench(&b);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: decide MODEL_OF_A_DECISION_POINT MODEL_OF_A_FULL_REPLAN\n");
        return 2;
    }
    oc_status status = run(argv[1], 2, false);
    if (status == OC_OK)
        status = run(argv[1], 9, false);
    if (status == OC_OK)
        status = run(argv[2], 2, true);
    if (status == OC_OK)
        status = run(argv[2], 9, true);
    if (status != OC_OK)
        fprintf(stderr, "decide: %s\n", oc_error_text());
    return status != OC_OK;
}
