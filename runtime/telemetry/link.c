/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning a link. A direction keeps its newest samples and fits latency + bytes * rate to those since the last step: the slope is the median
 * of the slopes between pairs (Theil, 1950; Sen, 1968), which up to a quarter of outliers do not move. Where all transfers have about one
 * size, half a round trip is the latency and the size tells the rate.
 */
#include "oc_link.h"

#include <math.h>

#define SECOND_NS 1e9
#define ASSUMED_LATENCY_NS 1e6
#define ASSUMED_NS_PER_BYTE 80.0 /* 100 Mbit/s */
#define STALE_NS (10 * SECOND_NS)
#define QUIET_NS (2 * SECOND_NS)
#define PROBE_SHARE 0.01
#define PROBE_AHEAD_BYTES (96.0 * 1024)
#define PROBE_FIRST_BYTES (64u * 1024)
#define PROBE_LEAST_BYTES (32u * 1024) /* less is gone in a shaper's burst and tells nothing of a rate */
#define BYTES_MAX 1e15
#define NS_MAX 3.6e12 /* an hour */
#define DEVIATION \
    1.25 /* a sample further from the fit than by this factor may be the first of a step */
#define AGREEMENT 1.4  /* and two that agree with each other to this factor are one */
#define SPREAD 1.5     /* sizes that differ by less cannot separate latency from rate */
#define FIT_SAMPLES 12 /* the newest that are fitted: 66 pairs */

static bool is_possible(double bytes, double ns)
{
    return isfinite(bytes) && isfinite(ns) && bytes > 0 && bytes <= BYTES_MAX && ns > 0 &&
           ns <= NS_MAX;
}

/* ---- medians of a few numbers ---------------------------------------------------------------------------- */

static void sort(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        double value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

static double median(double *values, size_t count)
{
    sort(values, count);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* ---- one direction ----------------------------------------------------------------------------------------- */

static void way_init(oc_link_way *way)
{
    *way = (oc_link_way){.latency_ns = ASSUMED_LATENCY_NS, .ns_per_byte = ASSUMED_NS_PER_BYTE};
}

/* The sample that came `back` samples before the newest. */
static const oc_link_sample *sample_at(const oc_link_way *way, uint64_t back)
{
    return &way->samples[(way->n_seen - 1 - back) % OC_LINK_SAMPLES];
}

static double predict(const oc_link_way *way, double bytes)
{
    return way->latency_ns + bytes * way->ns_per_byte;
}

/* How the sizes spread decides what can be fitted: the pairs of distinct sizes, and their slopes. */
static size_t pair_slopes(const oc_link_way *way, size_t count, double *slopes)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1; k < count; k++) {
            const oc_link_sample *a = sample_at(way, i), *b = sample_at(way, k);
            if (OC_MAX(a->bytes, b->bytes) > SPREAD * OC_MIN(a->bytes, b->bytes))
                slopes[n++] = (a->ns - b->ns) / (a->bytes - b->bytes);
        }
    }
    return n;
}

static double rest_median(const oc_link_way *way, size_t count, double ns_per_byte)
{
    double rest[FIT_SAMPLES];
    for (size_t i = 0; i < count; i++)
        rest[i] = sample_at(way, i)->ns - sample_at(way, i)->bytes * ns_per_byte;
    return median(rest, count);
}

static double rate_median(const oc_link_way *way, size_t count, double latency_ns)
{
    double rate[FIT_SAMPLES];
    for (size_t i = 0; i < count; i++)
        rate[i] = OC_MAX(sample_at(way, i)->ns - latency_ns, 0.0) / sample_at(way, i)->bytes;
    return median(rate, count);
}

/*
 * The line must also meet the newest size: a frame that is always the same is predicted by its own kind, and small
 * messages, which a shaper lets through at once, must not bend the line that large ones follow.
 */
static void anchor(oc_link_way *way, size_t count, double known_latency_ns)
{
    double ratio[FIT_SAMPLES], bytes = sample_at(way, 0)->bytes;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const oc_link_sample *s = sample_at(way, i);
        if (s->bytes < SPREAD * bytes && bytes < SPREAD * s->bytes)
            ratio[n++] = s->ns / s->bytes;
    }
    double ns = median(ratio, n) * bytes;
    if (ns >= way->latency_ns) {
        way->ns_per_byte = (ns - way->latency_ns) / bytes;
    } else {
        way->latency_ns = OC_MIN(known_latency_ns, ns);
        way->ns_per_byte = (ns - way->latency_ns) / bytes;
    }
}

/* Fit the samples since the last step. `known_latency_ns`: half a round trip. */
static void way_fit(oc_link_way *way, double known_latency_ns)
{
    double slopes[FIT_SAMPLES * (FIT_SAMPLES - 1) / 2];
    size_t count = OC_MIN(way->n_kept, FIT_SAMPLES);
    size_t n_slopes = pair_slopes(way, count, slopes);
    double slope = n_slopes > 0 ? median(slopes, n_slopes) : -1;
    if (n_slopes >= 2 && slope > 0) {
        way->ns_per_byte = slope;
        way->latency_ns = OC_MAX(rest_median(way, count, slope), 0.0);
    } else {
        way->latency_ns = known_latency_ns;
        way->ns_per_byte = rate_median(way, count, known_latency_ns);
    }
    anchor(way, count, known_latency_ns);
}

static bool deviates(double ratio)
{
    return ratio > DEVIATION || ratio < 1 / DEVIATION;
}

/* Whether the newest two samples deviate alike from what was expected of them: then all before them is of another link. */
static bool is_step(double ratio, double before)
{
    bool is_alike = (ratio > 1) == (before > 1) && OC_MAX(ratio, before) < AGREEMENT * OC_MIN(ratio, before);
    return deviates(ratio) && deviates(before) && is_alike;
}

static double age_of(uint64_t at_ns, uint64_t now_ns)
{
    return now_ns > at_ns ? (double)(now_ns - at_ns) : 0;
}

/* How many samples the next one stands with, itself included: none that are of another link, or so old that one new is worth more. */
static uint32_t kept_with(const oc_link_way *way, uint64_t now_ns, double ratio)
{
    if (way->n_kept == 0)
        return 1;
    const oc_link_sample *last = sample_at(way, 0);
    if (deviates(ratio) && age_of(last->at_ns, now_ns) >= QUIET_NS)
        return 1;
    if (way->n_kept >= 2 && is_step(ratio, last->ns / predict(way, last->bytes)))
        return 2;
    return OC_MIN(way->n_kept + 1, (uint32_t)OC_LINK_SAMPLES);
}

static void way_add(oc_link_way *way, uint64_t now_ns, double bytes, double ns, double known_latency_ns)
{
    double expected = predict(way, bytes);
    uint32_t n_kept = kept_with(way, now_ns, expected > 0 ? ns / expected : DEVIATION * 2);
    way->errors[way->n_seen % OC_LINK_SAMPLES] = fabs(ns - expected) / ns;
    way->samples[way->n_seen % OC_LINK_SAMPLES] = (oc_link_sample){bytes, ns, now_ns};
    way->n_seen++;
    way->n_kept = n_kept;
    way_fit(way, known_latency_ns);
}

/* ---- the link ------------------------------------------------------------------------------------------------ */

void oc_link_init(oc_link *link)
{
    *link = (oc_link){.at_ns = 0};
    way_init(&link->up);
    way_init(&link->down);
}

static double half_trip(const oc_link *link)
{
    return link->n_pings > 0 ? link->rtt_ns / 2 : 0;
}

/* What was learnt before contact was lost is of another connection. */
static void learnt(oc_link *link, uint64_t now_ns)
{
    if (link->is_lost)
        link->up.n_kept = link->down.n_kept = 0;
    link->is_lost = false;
    link->at_ns = now_ns;
}

static uint64_t add_bytes(uint64_t sum, double bytes)
{
    return (double)sum + bytes < BYTES_MAX ? sum + (uint64_t)bytes : (uint64_t)BYTES_MAX;
}

void oc_link_sent(oc_link *link, uint64_t now_ns, double bytes, double ns)
{
    if (!is_possible(bytes, ns))
        return;
    learnt(link, now_ns);
    link->sent_bytes = add_bytes(link->sent_bytes, bytes);
    way_add(&link->up, now_ns, bytes, ns, half_trip(link));
}

void oc_link_received(oc_link *link, uint64_t now_ns, double bytes, double ns)
{
    if (!is_possible(bytes, ns))
        return;
    learnt(link, now_ns);
    way_add(&link->down, now_ns, bytes, ns, half_trip(link));
}

void oc_link_pinged(oc_link *link, uint64_t now_ns, double rtt_ns)
{
    if (!(rtt_ns > 0) || rtt_ns > NS_MAX)
        return;
    double before = link->rtt_ns,
           second = link->n_pings > 0
                        ? link->recent_rtt[(link->n_pings - 1) % OC_COUNT(link->recent_rtt)]
                        : rtt_ns;
    link->recent_rtt[link->n_pings % OC_COUNT(link->recent_rtt)] = rtt_ns;
    link->n_pings++;
    link->rtt_ns = rtt_ns;
    uint32_t count = OC_MIN(link->n_pings, (uint32_t)OC_COUNT(link->recent_rtt));
    /* The smallest is the link's own; two in a row well above it mean that the way became longer. */
    bool is_longer = link->n_pings > 1 && OC_MIN(rtt_ns, second) > 2 * before + 1e5;
    for (uint32_t i = 0; i < count && !is_longer; i++)
        link->rtt_ns = OC_MIN(link->rtt_ns, link->recent_rtt[i]);
    if (is_longer) {
        link->n_pings = 2;
        link->recent_rtt[0] = second;
        link->recent_rtt[1] = rtt_ns;
        link->rtt_ns = OC_MIN(rtt_ns, second);
    }
    double shift = link->rtt_ns / 2 - before / 2;
    bool is_first = before <= 0;
    /* A way that was never used has the latency that pings show; one that was moves with it. */
    oc_link_way *ways[] = {&link->up, &link->down};
    for (size_t i = 0; i < OC_COUNT(ways); i++) {
        if (ways[i]->n_kept == 0)
            ways[i]->latency_ns = link->rtt_ns / 2;
        else if (!is_first && fabs(shift) > 0.25 * before / 2 + 1e5)
            ways[i]->latency_ns = OC_MAX(ways[i]->latency_ns + shift, 0.0);
    }
    link->at_ns = OC_MAX(link->at_ns, now_ns);
}

void oc_link_lost(oc_link *link, uint64_t now_ns)
{
    (void)now_ns; /* being lost is no news of the link's speed */
    link->is_lost = true;
    link->n_pings = 0;
}

void oc_link_skipped(oc_link *link, double bytes)
{
    if (isfinite(bytes) && bytes > 0)
        link->skipped_bytes = add_bytes(link->skipped_bytes, bytes);
}

static double error_of(const oc_link_way *way)
{
    double errors[OC_LINK_SAMPLES];
    uint64_t count = OC_MIN(way->n_seen, (uint64_t)OC_LINK_SAMPLES);
    if (count < 2) /* the first was a guess's */
        return 0;
    for (uint64_t i = 0; i < count; i++)
        errors[i] = way->errors[i];
    return median(errors, (size_t)count);
}

void oc_link_read(const oc_link *link, uint64_t now_ns, oc_link_estimate *estimate)
{
    bool is_guess = link->up.n_seen == 0;
    *estimate = (oc_link_estimate){.up_latency_ns = link->up.latency_ns,
                                   .up_ns_per_byte = link->up.ns_per_byte,
                                   .down_latency_ns = link->down.latency_ns,
                                   .down_ns_per_byte = link->down.ns_per_byte,
                                   .rtt_ns = link->rtt_ns,
                                   .error = error_of(&link->up),
                                   .at_ns = link->at_ns,
                                   .n_samples = link->up.n_kept,
                                   .flags = is_guess ? OC_LINK_ASSUMED : 0};
    if (link->down.n_seen == 0)
        estimate->down_ns_per_byte = link->up.ns_per_byte;
    if (!is_guess && age_of(link->at_ns, now_ns) > STALE_NS)
        estimate->flags |= OC_LINK_STALE;
}

uint64_t oc_link_probe(const oc_link *link, uint64_t now_ns)
{
    double allowed =
        PROBE_AHEAD_BYTES + PROBE_SHARE * ((double)link->sent_bytes + (double)link->skipped_bytes);
    double left = allowed - (double)link->probe_bytes;
    uint64_t at_ns = link->up.n_seen > 0 ? sample_at(&link->up, 0)->at_ns : 0;
    bool is_quiet = link->up.n_kept == 0 || link->is_lost || age_of(at_ns, now_ns) > QUIET_NS;
    /* What was spent in advance is paid back before the second probe: then the share itself has to suffice. */
    if (link->probe_bytes > 0)
        left -= PROBE_AHEAD_BYTES;
    if (!is_quiet || left < PROBE_LEAST_BYTES)
        return 0;
    return left < PROBE_FIRST_BYTES ? (uint64_t)left : PROBE_FIRST_BYTES;
}

void oc_link_probed(oc_link *link, double bytes)
{
    if (isfinite(bytes) && bytes > 0)
        link->probe_bytes = add_bytes(link->probe_bytes, bytes);
}
