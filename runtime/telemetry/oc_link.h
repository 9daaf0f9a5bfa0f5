/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The link estimator: latency and rate of both directions, learnt from every transfer. Plain data of fixed size, no
 * clock of its own: the caller says when. One thread at a time.
 *
 * Transfers of several sizes separate latency from rate; where there is one size, pings tell the latency. An outlier does
 * not move the estimate; two in a row that agree with each other do, at once: that is how a step of the link is
 * followed. After a pause, one that is much faster is enough: nothing is fast by accident, and probes are rare.
 */
#ifndef OC_LINK_H
#define OC_LINK_H

#include "oc_base.h"

#include <offcut/telemetry.h>

#define OC_LINK_SAMPLES 24
typedef struct oc_link_sample {
    double bytes, ns;
    uint64_t at_ns;
} oc_link_sample;

typedef struct oc_link_way {        /* one direction */
    oc_link_sample samples[OC_LINK_SAMPLES]; /* a ring, the newest at (n_seen - 1) % OC_LINK_SAMPLES */
    uint64_t n_seen;
    uint32_t n_kept;                /* of the newest: those since the last step */
    double latency_ns, ns_per_byte; /* the fit */
    double burst_bytes;             /* so many went faster than the link's rate (a token bucket); 0: none seen */
    uint32_t pings_since_step;
    double errors[OC_LINK_SAMPLES]; /* relative, of what was predicted before each sample */
} oc_link_way;

typedef struct oc_link {
    oc_link_way up, down;
    double up_more_ns;              /* how much longer the newest transfer upwards took than expected */
    double rtt_ns;                  /* smallest of the recent pings */
    double recent_rtt[8];
    uint32_t n_pings;
    uint64_t at_ns;                 /* when something was last learnt */
    uint64_t sent_bytes, skipped_bytes, probe_bytes;
    bool is_lost;
} oc_link;

/** Nothing is known: the estimate is a guess (OC_LINK_ASSUMED) of 100 Mbit/s and 1 ms. */
void oc_link_init(oc_link *link);
/** `bytes` went towards the worker in `ns` (first byte handed over to last byte there). Impossible figures are ignored. */
void oc_link_sent(oc_link *link, uint64_t now_ns, double bytes, double ns);
void oc_link_received(oc_link *link, uint64_t now_ns, double bytes, double ns);
/** A small message came back after `rtt_ns`, the worker's own share taken off. What was learnt of transfers moves with the latency. */
void oc_link_pinged(oc_link *link, uint64_t now_ns, double rtt_ns);
/** Contact was lost; the next sample after it stands alone. */
void oc_link_lost(oc_link *link, uint64_t now_ns);
/** A run was done here; forwarding it whole would have sent so many bytes: they count for the probes' share. */
void oc_link_skipped(oc_link *link, double bytes);
/** What a transfer now would take. Stale: nothing learnt for 10 s. */
void oc_link_read(const oc_link *link, uint64_t now_ns, oc_link_estimate *estimate);
/**
 * How many bytes to probe with now; 0: none. Only when nothing was learnt for 2 s (or ever), and the probes so far are at most 1 % of the
 * bytes sent and skipped; a new link may spend 96 KiB in advance, which later probes wait for. More than what was
 * seen to go as a burst, since a burst says nothing of the rate; no more than what is expected to take a second.
 */
uint64_t oc_link_probe(const oc_link *link, uint64_t now_ns);
/** A probe of so many bytes was sent; its transfer comes by oc_link_sent too. */
void oc_link_probed(oc_link *link, double bytes);

#endif
