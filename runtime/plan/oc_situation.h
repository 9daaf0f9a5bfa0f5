/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The situation: everything a decision may look at, as plain data. Static: the net (oc_net.h) and the costs. Changing: oc_situation,
 * without pointers, so that it can be copied, logged and replayed. No clock, no file, no device stands behind any of it.
 */
#ifndef OC_SITUATION_H
#define OC_SITUATION_H

#include "oc_net.h"

#include <offcut/telemetry.h>

#define OC_SITES_MAX (1 + OC_WORKERS_MAX) /* site 0 is the edge, the others are workers */

/** Where a site's times of nodes come from. */
typedef enum oc_cost_source { OC_COST_ROOFLINE, OC_COST_PROFILE } oc_cost_source;

/**
 * What each node costs at each site, before corrections. Fixed for a session. sum[site][cut * OC_KINDS_MAX + kind] is the time of the nodes of
 * that kind in the head of that cut, so that the cost of any cut is a few multiply-adds; the row of cut n_cuts is that of all nodes.
 */
typedef struct oc_costs {
    const oc_allocator *alloc;
    const oc_net *net;                 /* outlives the costs */
    size_t n_sites;
    oc_cost_source source[OC_SITES_MAX];
    double *node_ns[OC_SITES_MAX];     /* per node */
    double *sum[OC_SITES_MAX];
} oc_costs;

/** A device's roofline: a node takes the longer of its arithmetic and its bytes, and a start. Source: Williams et al., "Roofline" (CACM 2009). */
typedef struct oc_roofline {
    double flops;       /* per second, two a multiply-add */
    double bytes_per_s;
    double start_ns;    /* per node */
} oc_roofline;

/** All sites by their rooflines; a node that does nothing takes nothing. Errors: OC_E_NOMEM, OC_E_ARG (more sites than OC_SITES_MAX, a rate that is not positive). */
OC_MUST_USE oc_status oc_costs_make(const oc_net *net, const oc_roofline *rooflines, size_t n_sites, const oc_allocator *alloc, oc_costs **costs);
/** Give a site measured times (n_nodes of them); one that is no time (NAN, negative, infinite, nothing for a node that multiplies) leaves the node's as it is. */
void oc_costs_set(oc_costs *costs, size_t site, const double *node_ns);
void oc_costs_destroy(oc_costs *costs);

typedef struct oc_site_state {
    bool is_up;              /* it can be used now; a worker that is not says why in `why` */
    bool is_excluded;        /* it failed in this run, or its circuit breaker is open */
    char why[96];
    double factor[OC_KINDS_MAX]; /* multiplies the costs of a kind: learnt, load and frequency taken into account */
    double start_ns;         /* a part's own, whatever its nodes, and what a run that ends here takes beside its parts */
    double error;            /* median relative error of this site's predicted compute times; 0 while there are none */
    /* Workers: */
    double queue_ns;
    double encode_ns_per_byte, decode_ns_per_byte; /* of what is sent, of the answer */
    oc_link_estimate link;
} oc_site_state;

typedef struct oc_situation {
    uint64_t run;            /* which one, from 1 */
    uint64_t at_ns;          /* since the session was made */
    uint32_t at_cut;         /* of the net: what has run; cut 0 at the start */
    uint32_t n_submitted;    /* nodes of the fixed order that the edge has been given: those of at_cut and of at most one chunk more; where at_cut is no prefix: its nodes alone */
    uint32_t now_cut, now_site; /* the choice in force, from the last decision of this run or the last run; OC_NONE: none. now_site 0: all local */
    double total_error;      /* median relative error of the predicted totals; 0 while there are none */
    double deadline_ns;      /* what is left; INFINITY: none */
    bool can_finish;         /* the edge can run every node: there is a fallback */
    double memory_available; /* B, of the edge; NAN: not known */
    double temperature, throttled, power, battery, frequency, cpu_others; /* of the edge; NAN: not known */
    uint32_t n_sites;
    oc_site_state sites[OC_SITES_MAX];
} oc_situation;

/** What is expected of a choice, from now on. The parts add up to the total. */
typedef struct oc_prediction {
    double edge_ns;          /* of the nodes behind at_cut, or its base where the edge goes on from a cut that is no prefix: a chunk that was queued ahead of the decision has only begun */
    double encode_ns, send_ns, queue_ns, cloud_ns, receive_ns;
    double total_ns;
} oc_prediction;

/** Forward at `cut` to `site`, or (the last cut, site 0) stay to the end. The edge's start counts while nothing was submitted. */
void oc_predict(const oc_costs *costs, const oc_situation *situation, uint32_t cut, uint32_t site, oc_prediction *prediction);

/** The corrected time of the nodes before and behind a cut at a site, without its start. */
double oc_costs_head_ns(const oc_costs *costs, const oc_site_state *state, size_t site, uint32_t cut);
double oc_costs_tail_ns(const oc_costs *costs, const oc_site_state *state, size_t site, uint32_t cut);

#endif
