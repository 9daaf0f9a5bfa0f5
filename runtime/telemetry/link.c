/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning a link. A direction keeps its newest samples and fits latency + bytes * rate to those since the last step. For
 * a given latency the rate is the median of what the large samples say; of the few latencies that are plausible (half a
 * round trip; where the lines through pairs of samples of different size begin, in the median, as in Theil 1950 and
 * Sen 1968) that one is taken whose line explains the samples best. Up to half of the samples may be outliers.
 */
#include "oc_link.h"

#include <math.h>

#define SECOND_NS 1e9
#define ASSUMED_LATENCY_NS 1e6
#define ASSUMED_NS_PER_BYTE 80.0 /* 100 Mbit/s */
#define STALE_NS (10 * SECOND_NS)
#define QUIET_NS (2 * SECOND_NS)
#define LONGER_NS 2e6 /* less is a scheduler's, and no news of the way */
#define PROBE_SHARE 0.01
#define PROBE_AHEAD_BYTES (96.0 * 1024)
#define PROBE_BYTES (64.0 * 1024)
#define PROBE_LEAST_BYTES (8.0 * 1024) /* less tells nothing of a rate */
#define PROBE_HEAD_BYTES 64.0          /* of the message around it, with some to spare */
#define PROBE_MOST_BYTES (512.0 * 1024)
#define PROBE_MOST_NS SECOND_NS
#define BYTES_MAX 1e15
#define NS_MAX 3.6e12 /* an hour */
#define ERROR_MAX 1e6
#define RESOLUTION_NS 20e3 /* the time of bytes below which there is only jitter */
#define DEVIATION \
    1.3 /* a sample further from the fit than by this factor may be the first of a step */
#define AGREEMENT 1.4 /* and two that agree with each other to this factor are one */
#define LOOK_BACK 3   /* samples back where the first of a step may stand, small ones in between */
#define FAST 0.5      /* of what was expected: after a pause believed at once */
#define SPREAD 1.5    /* sizes that differ by less are alike */
#define APART 2.0     /* sizes that differ by more separate latency from rate */
#define LARGE 0.25    /* of the largest size: what tells the rate */
#define BURST_MARGIN 1.25
#define FIT_SAMPLES 12 /* the newest that are fitted: 66 pairs */
#define BETTER \
    0.8 /* a line must explain the samples so much better than that of half a round trip */
#define BETTER_LN 0.01 /* and so much, in ln, besides: all lines explain one sample */
#define PINGS_AFTER_STEP 10
#define SHIFT_SHARE 0.25 /* of the latency: a change of the round trip that moves transfers */
#define SHIFT_NS 1e5

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

/* A clock that went back makes things old too. */
static double age_of(uint64_t at_ns, uint64_t now_ns)
{
    return now_ns > at_ns ? (double)(now_ns - at_ns) : (double)(at_ns - now_ns);
}

/* ---- one direction ----------------------------------------------------------------------------------------- */

static void way_init(oc_link_way *way)
{
    *way = (oc_link_way){.latency_ns = ASSUMED_LATENCY_NS,
                         .ns_per_byte = ASSUMED_NS_PER_BYTE,
                         .pings_since_step = PINGS_AFTER_STEP + 1};
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

static bool is_alike_size(double a, double b)
{
    return a < SPREAD * b && b < SPREAD * a;
}

/* ---- the fit ------------------------------------------------------------------------------- */

typedef struct window {
    const oc_link_sample *samples[OC_LINK_SAMPLES]; /* the newest first */
    size_t count;
    double large_bytes; /* from this size on a sample tells the rate */
    double least_ns;
} window;

static bool is_in_burst(const oc_link_way *way, double bytes)
{
    return bytes <= BURST_MARGIN * way->burst_bytes;
}

/* Where bursts were seen, samples beyond them count as long as there are any; small ones say nothing of a rate. */
static window window_of(const oc_link_way *way)
{
    window w = {.least_ns = NS_MAX};
    bool has_beyond = false;
    double largest = 0, second = 0;
    size_t reach;
    for (size_t i = 0; i < way->n_kept; i++)
        has_beyond = has_beyond || !is_in_burst(way, sample_at(way, i)->bytes);
    bool is_choosy = way->burst_bytes > 0 && has_beyond;
    reach = is_choosy ? way->n_kept : OC_MIN(way->n_kept, (size_t)FIT_SAMPLES);
    for (size_t i = 0; i < reach && w.count < FIT_SAMPLES; i++) {
        const oc_link_sample *s = sample_at(way, i);
        if (is_choosy && is_in_burst(way, s->bytes))
            continue;
        w.samples[w.count++] = s;
        w.least_ns = OC_MIN(w.least_ns, s->ns);
        second = OC_MAX(second, OC_MIN(largest, s->bytes));
        largest = OC_MAX(largest, s->bytes);
    }
    /* One large sample among smaller ones may be an outlier: the second largest says what is large. */
    w.large_bytes = LARGE * (w.count > 3 ? second : largest);
    return w;
}

static double rate_for(const window *w, double latency_ns)
{
    double rates[OC_LINK_SAMPLES];
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) {
        const oc_link_sample *s = w->samples[i];
        if (s->bytes >= w->large_bytes)
            rates[n++] = OC_MAX(s->ns - latency_ns, RESOLUTION_NS) / s->bytes;
    }
    return median(rates, n);
}

/* How badly a line explains the samples: the mean deviation in ln, where none counts as more than 1. */
static double badness(const window *w, double latency_ns, double ns_per_byte)
{
    double sum = 0;
    for (size_t i = 0; i < w->count; i++) {
        double line_ns = latency_ns + w->samples[i]->bytes * ns_per_byte;
        sum += OC_MIN(fabs(log(w->samples[i]->ns / line_ns)), 1.0);
    }
    return sum / (double)w->count;
}

/* Where the lines through pairs of different sizes begin, in the median; below 0: there are no such pairs. */
static double pairs_latency(const window *w)
{
    double starts[FIT_SAMPLES * (FIT_SAMPLES - 1) / 2];
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) {
        for (size_t k = i + 1; k < w->count; k++) {
            const oc_link_sample *a = w->samples[i], *b = w->samples[k];
            if (OC_MAX(a->bytes, b->bytes) > APART * OC_MIN(a->bytes, b->bytes))
                starts[n++] = a->ns - a->bytes * (a->ns - b->ns) / (a->bytes - b->bytes);
        }
    }
    return n > 0 ? OC_MIN(OC_MAX(median(starts, n), 0.0), w->least_ns) : -1;
}

static void take_best_line(oc_link_way *way, const window *w, double known_latency_ns)
{
    double candidates[] = {known_latency_ns, pairs_latency(w), w->least_ns / 2};
    double best = INFINITY;
    for (size_t i = 0; i < OC_COUNT(candidates); i++) {
        if (candidates[i] < 0)
            continue;
        double rate = rate_for(w, candidates[i]), found = badness(w, candidates[i], rate);
        if (i > 0 && found >= BETTER * best - BETTER_LN)
            continue;
        best = found;
        way->latency_ns = candidates[i];
        way->ns_per_byte = rate;
    }
}

/* The line must meet the newest size: frames that are always the same are predicted by their own kind. */
static void meet_newest(oc_link_way *way, const window *w)
{
    double ratios[OC_LINK_SAMPLES];
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        if (is_alike_size(w->samples[i]->bytes, w->samples[0]->bytes))
            ratios[n++] = w->samples[i]->ns / predict(way, w->samples[i]->bytes);
    if (n < 3) /* an outlier's kind is no kind */
        return;
    double ratio = median(ratios, n);
    way->latency_ns *= ratio;
    way->ns_per_byte *= ratio;
}

/* Fit the samples since the last step. `known_latency_ns`: half a round trip. */
static void way_fit(oc_link_way *way, double known_latency_ns)
{
    if (way->n_kept == 0)
        return;
    window w = window_of(way);
    take_best_line(way, &w, known_latency_ns);
    meet_newest(way, &w);
    way->latency_ns = OC_MIN(way->latency_ns, NS_MAX);
    way->ns_per_byte = OC_MIN(way->ns_per_byte, NS_MAX);
}

/* ---- steps --------------------------------------------------------------------------------- */

/* Whether two samples deviate alike from what was expected: by a factor (the rate), or by a time (the latency). */
static bool is_alike(const oc_link_way *way, const oc_link_sample *a, const oc_link_sample *b)
{
    double expected_a = predict(way, a->bytes), expected_b = predict(way, b->bytes);
    double ratio_a = a->ns / expected_a, ratio_b = b->ns / expected_b;
    double more_a = a->ns - expected_a, more_b = b->ns - expected_b;
    bool is_slower = ratio_a > DEVIATION && ratio_b > DEVIATION;
    bool is_faster = ratio_a < 1 / DEVIATION && ratio_b < 1 / DEVIATION;
    if (!is_slower && !is_faster)
        return false;
    return OC_MAX(ratio_a, ratio_b) < AGREEMENT * OC_MIN(ratio_a, ratio_b) ||
           fabs(more_a - more_b) < (AGREEMENT - 1) * OC_MIN(fabs(more_a), fabs(more_b));
}

/*
 * How many of the newest samples, `s` among them, are of the link as it is now; 0: it is as it was. The other witness
 * of a step may stand further back, if it is of the size of this one: small messages in between notice nothing.
 */
static uint32_t step_of(const oc_link_way *way, const oc_link_sample *s)
{
    double ratio = s->ns / predict(way, s->bytes);
    if (way->n_kept == 0 || (ratio < 1 && is_in_burst(way, s->bytes)))
        return 0;
    uint64_t last_ns = sample_at(way, 0)->at_ns;
    if (ratio < FAST && age_of(last_ns, s->at_ns) > QUIET_NS)
        return 1;
    for (uint32_t back = 0; back < OC_MIN(way->n_kept, (uint32_t)LOOK_BACK); back++) {
        const oc_link_sample *other = sample_at(way, back);
        if ((back == 0 || is_alike_size(other->bytes, s->bytes)) && is_alike(way, other, s))
            return back + 2;
    }
    return 0;
}

/*
 * A token bucket lets so many bytes through at once after a pause. It shows when a larger transfer than all before is
 * slow a byte, and so is the next, unless little was known before. It is refuted by a small one that is slow, and by a
 * larger one that is not.
 */
static void learn_burst(oc_link_way *way, const oc_link_sample *s, uint32_t n_new)
{
    double largest = 0, ratio = s->ns / predict(way, s->bytes);
    for (size_t i = n_new > 1 ? n_new - 1 : 0; i < way->n_kept; i++)
        largest = OC_MAX(largest, sample_at(way, i)->bytes);
    bool is_sure = way->n_kept <= 2 || n_new > 1;
    if (largest > 0 && s->bytes > APART * largest && ratio > 1 / FAST && is_sure)
        way->burst_bytes = largest;
    else if (is_in_burst(way, s->bytes) ? ratio > FAST : ratio < FAST)
        way->burst_bytes = 0;
}

static void way_add(oc_link_way *way, uint64_t now_ns, double bytes, double ns,
                    double known_latency_ns)
{
    const oc_link_sample s = {bytes, ns, now_ns};
    way->errors[way->n_seen % OC_LINK_SAMPLES] =
        OC_MIN(fabs(ns - predict(way, bytes)) / ns, ERROR_MAX);
    uint32_t n_new = step_of(way, &s);
    learn_burst(way, &s, n_new);
    way->samples[way->n_seen % OC_LINK_SAMPLES] = s;
    way->n_seen++;
    way->n_kept = n_new > 0 ? n_new : OC_MIN(way->n_kept + 1, (uint32_t)OC_LINK_SAMPLES);
    if (n_new > 0)
        way->pings_since_step = 0;
    way_fit(way, known_latency_ns);
}

/*
 * Pings say that the latency has moved: so have all transfers that were before. Not where transfers have shown a
 * step lately, which may be this one, nor those that are where the shift would lead them.
 */
static void way_shift(oc_link_way *way, double shift_ns)
{
    if (way->pings_since_step <= PINGS_AFTER_STEP)
        return;
    for (uint32_t i = 0; i < way->n_kept; i++) {
        oc_link_sample *s = &way->samples[(way->n_seen - 1 - i) % OC_LINK_SAMPLES];
        double more = s->ns - predict(way, s->bytes);
        if (more * shift_ns <= 0 || fabs(more) < fabs(shift_ns) / 2)
            s->ns = OC_MIN(OC_MAX(s->ns + shift_ns, 0.05 * s->ns), NS_MAX);
    }
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
    if (link->is_lost) {
        link->up.n_kept = link->down.n_kept = 0;
        link->up.burst_bytes = link->down.burst_bytes = 0;
    }
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
    link->up_more_ns = link->up.n_kept > 0 ? ns - predict(&link->up, bytes) : 0;
    way_add(&link->up, now_ns, bytes, ns, half_trip(link));
}

/*
 * There and back each took longer than expected by the same time, in one run: two witnesses that the way became longer.
 * What pings and transfers said before is moved by that; pings find it out where it was a coincidence.
 */
static void learn_longer_way(oc_link *link, uint64_t now_ns, double bytes, double ns)
{
    double up = link->up_more_ns, down = ns - predict(&link->down, bytes), least = OC_MIN(up, down);
    bool is_one_run = link->up.n_kept > 1 && sample_at(&link->up, 0)->at_ns == now_ns;
    bool is_settled = link->n_pings > 0 && link->up.pings_since_step > PINGS_AFTER_STEP &&
                      link->down.pings_since_step > PINGS_AFTER_STEP;
    if (!is_one_run || !is_settled || link->down.n_kept == 0 || least < LONGER_NS ||
        least < link->rtt_ns / 4 || OC_MAX(up, down) > AGREEMENT * least)
        return;
    way_shift(&link->up, least);
    way_shift(&link->down, least);
    link->rtt_ns += 2 * least;
    link->recent_rtt[0] = link->rtt_ns;
    link->n_pings = 1;
    link->up.pings_since_step = link->down.pings_since_step = 0;
    way_fit(&link->up, link->rtt_ns / 2);
    way_fit(&link->down, link->rtt_ns / 2);
}

void oc_link_received(oc_link *link, uint64_t now_ns, double bytes, double ns)
{
    if (!is_possible(bytes, ns))
        return;
    learnt(link, now_ns);
    learn_longer_way(link, now_ns, bytes, ns);
    way_add(&link->down, now_ns, bytes, ns, half_trip(link));
}

/* The round trip was `before`, and is now another. */
static void move_ways(oc_link *link, double before)
{
    double shift_ns = (link->rtt_ns - before) / 2;
    bool has_moved = before > 0 && fabs(shift_ns) > SHIFT_SHARE * before / 2 + SHIFT_NS;
    oc_link_way *ways[] = {&link->up, &link->down};
    for (size_t i = 0; i < OC_COUNT(ways); i++) {
        if (ways[i]->pings_since_step <= PINGS_AFTER_STEP)
            ways[i]->pings_since_step++;
        if (has_moved)
            way_shift(ways[i], shift_ns);
        /* A way that was never used has the latency that pings show. */
        if (ways[i]->n_kept == 0)
            ways[i]->latency_ns = link->rtt_ns / 2;
        way_fit(ways[i], link->rtt_ns / 2);
    }
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
    move_ways(link, before);
    link->at_ns = now_ns;
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
    size_t n = 0;
    for (uint64_t i = way->n_seen > OC_LINK_SAMPLES ? 0 : 1; i < count; i++)
        errors[n++] = way->errors[i]; /* the very first was a guess's */
    return n > 0 ? median(errors, n) : 0;
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

/* What a probe should be, were there no budget. */
static double wanted_bytes(const oc_link_way *way)
{
    double bytes = OC_MAX(PROBE_BYTES, APART * way->burst_bytes);
    if (way->n_seen > 0)
        bytes = OC_MIN(bytes, (PROBE_MOST_NS - way->latency_ns) / way->ns_per_byte);
    return OC_MIN(OC_MAX(bytes, PROBE_LEAST_BYTES), PROBE_MOST_BYTES);
}

uint64_t oc_link_probe(const oc_link *link, uint64_t now_ns)
{
    const oc_link_way *up = &link->up;
    double left = PROBE_SHARE * ((double)link->sent_bytes + (double)link->skipped_bytes) -
                  (double)link->probe_bytes - PROBE_HEAD_BYTES;
    uint64_t at_ns = up->n_seen > 0 ? sample_at(up, 0)->at_ns : 0;
    bool is_quiet = up->n_kept == 0 || link->is_lost || age_of(at_ns, now_ns) > QUIET_NS;
    /* What was spent in advance is paid back before the second probe: then the share itself has to suffice. */
    if (link->probe_bytes == 0)
        left += PROBE_AHEAD_BYTES;
    double wanted = wanted_bytes(up);
    double least =
        up->burst_bytes > 0 ? OC_MIN(wanted, APART * up->burst_bytes) : PROBE_LEAST_BYTES;
    if (!is_quiet || left < OC_MAX(least, PROBE_LEAST_BYTES))
        return 0;
    return (uint64_t)OC_MIN(left, wanted);
}

void oc_link_probed(oc_link *link, double bytes)
{
    if (isfinite(bytes) && bytes > 0)
        link->probe_bytes = add_bytes(link->probe_bytes, bytes);
}
