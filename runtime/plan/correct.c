/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning factors. All of it happens in logarithms, where twice as slow and twice as fast are alike. A site has one
 * factor for everything, which load, quota and a wrong roofline move at once, and one per kind beside it, which moves
 * slowly: an observation is the time of several kinds, and each gets the part of the deviation that its share explains.
 */
#include "oc_correct.h"

#include <math.h>

#define FACTOR_MIN 1e-3
#define FACTOR_MAX 1e3
#define KIND_RANGE 30.0 /* how far a kind's own factor may go from the common one */
#define START_EDGE_NS 10e3
#define START_WORKER_NS 50e3
#define START_MAX_NS 20e6
#define TIME_MAX_NS 3.6e12 /* an hour */
#define QUEUE_MAX_NS 60e9
#define QUEUE_HALF_LIFE_NS 500e6
#define LOAD_FRESH_NS 1e9
#define CODEC_NS_PER_BYTE 0.3
#define CODEC_MAX 100.0
#define STEP 0.22      /* ln of a deviation that may be the first of a step */
#define AGREEMENT 0.35 /* and how far, in ln, the second may be from it */
#define OUTLIER 0.4    /* ln: a single observation counts as no more */
#define GAIN 0.3
#define GAIN_EARLY 0.7 /* of the first observations */
#define EARLY 4
#define KIND_GAIN 0.3 /* of it, what the kinds take */

static double bounded(double value, double low, double high)
{
    return isnan(value) ? low : OC_MIN(OC_MAX(value, low), high);
}

/* ---- errors --------------------------------------------------------------------------------------------- */

void oc_errors_add(oc_errors *errors, double predicted, double actual)
{
    if (!isfinite(predicted) || !isfinite(actual) || actual <= 0 || predicted < 0)
        return;
    errors->value[errors->n_seen % OC_ERRORS_KEPT] = fabs(predicted - actual) / actual;
    errors->n_seen++;
}

double oc_errors_median(const oc_errors *errors)
{
    double sorted[OC_ERRORS_KEPT];
    uint32_t count = OC_MIN(errors->n_seen, (uint32_t)OC_ERRORS_KEPT);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] > errors->value[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = errors->value[i];
    }
    if (count == 0)
        return 0;
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* ---- load and frequency ------------------------------------------------------------------------------------ */

/* What the machine's state would cost at most, as a factor: others take their share of the processors, and the clock is slower. */
static double slowdown_of(const oc_machine_state *machine)
{
    double others, frequency;
    if (!machine)
        return 1;
    others = isnan(machine->cpu_others) ? 0 : bounded(machine->cpu_others, 0, 0.75);
    frequency = isnan(machine->frequency) ? 1 : bounded(machine->frequency, 0.1, 1);
    return 1 / (1 - others) / frequency;
}

static double felt(const oc_correct_site *s, double slowdown)
{
    return pow(slowdown, s->load_share);
}

/* When the state changed clearly, how much of the change showed in the time is how much of it is felt. */
static void learn_share(oc_correct_site *s, double slowdown, double raw)
{
    double change = log(slowdown) - log(s->last_slowdown);
    if (s->n_seen > 1 && fabs(change) > 0.2) {
        double seen = bounded((log(raw) - log(s->last_raw)) / change, 0, 1);
        double before = s->load_share;
        s->load_share += 0.5 * (seen - before);
        /* What is explained by load now was in the common factor before. */
        s->common =
            bounded(s->common * pow(slowdown, before - s->load_share), FACTOR_MIN, FACTOR_MAX);
    }
    s->last_slowdown = slowdown;
    s->last_raw = raw;
}

/* ---- factors ------------------------------------------------------------------------------------------------ */

void oc_correct_init(oc_correct *correct, const oc_costs *costs)
{
    *correct = (oc_correct){.n_sites = costs->n_sites, .n_kinds = costs->net->n_kinds};
    for (size_t i = 0; i < correct->n_sites; i++) {
        oc_correct_site *s = &correct->sites[i];
        *s = (oc_correct_site){.common = 1,
                               .last_ratio = 1,
                               .last_slowdown = 1,
                               .last_raw = 1,
                               .start_ns = i == 0 ? START_EDGE_NS : START_WORKER_NS,
                               .encode_ns_per_byte = CODEC_NS_PER_BYTE};
        for (size_t k = 0; k < OC_KINDS_MAX; k++)
            s->factor[k] = 1;
    }
}

/* How far the observation moves the estimate, in ln: all of a step, little of an outlier. */
static double step_of(const oc_correct_site *s, double deviation)
{
    double before = log(s->last_ratio);
    bool is_alike = deviation * before > 0 && fabs(deviation) > STEP && fabs(before) > STEP &&
                    fabs(deviation - before) < AGREEMENT;
    if (s->n_seen == 0 || is_alike)
        return deviation;
    if (s->n_seen < EARLY)
        return GAIN_EARLY * deviation;
    return GAIN * bounded(deviation, -OUTLIER, OUTLIER);
}

/* Spread over the kinds so that the observation's own prediction moves by `amount`: a kind of share w gets w / sum of w^2 of it. */
static void move_kinds(oc_correct_site *s, const double *shares, size_t n_kinds, double start_share,
                       double amount)
{
    double squares = start_share * start_share;
    for (size_t k = 0; k < n_kinds; k++)
        squares += shares[k] * shares[k];
    for (size_t k = 0; k < n_kinds; k++)
        s->factor[k] =
            bounded(s->factor[k] * exp(amount * shares[k] / squares), 1 / KIND_RANGE, KIND_RANGE);
    s->start_ns = bounded(s->start_ns * exp(amount * start_share / squares), 1e3, START_MAX_NS);
}

/* The kinds' times by their own factors, without the common one; returns their sum. */
static double kind_times(const oc_correct *correct, const oc_correct_site *s, const double *base_ns,
                         double *times)
{
    double sum = 0;
    for (size_t k = 0; k < correct->n_kinds; k++) {
        times[k] = bounded(base_ns[k], 0, TIME_MAX_NS) * s->factor[k];
        sum += times[k];
    }
    return sum;
}

void oc_correct_saw(oc_correct *correct, size_t site, const double *base_ns, double actual_ns,
                    bool is_part, const oc_machine_state *machine)
{
    double shares[OC_KINDS_MAX];
    if (site >= correct->n_sites || !(actual_ns > 0) || actual_ns > TIME_MAX_NS)
        return;
    oc_correct_site *s = &correct->sites[site];
    double slowdown = slowdown_of(machine), start = is_part ? s->start_ns : 0;
    double sum = kind_times(correct, s, base_ns, shares);
    if (!(sum > 0))
        return;
    learn_share(s, slowdown, actual_ns / sum);
    double scale = s->common * felt(s, slowdown), predicted = sum * scale + start;
    for (size_t k = 0; k < correct->n_kinds; k++)
        shares[k] *= scale / predicted;
    oc_errors_add(&s->errors, predicted, actual_ns);
    double ratio = bounded(actual_ns / predicted, 1e-4, 1e4), move = step_of(s, log(ratio));
    /* A part that is nearly all start says nothing of the nodes, and the other way round. */
    double body_share = 1 - start / predicted, kinds = s->n_seen == 0 ? 0 : KIND_GAIN;
    s->common = bounded(s->common * exp(move * (1 - kinds) * body_share), FACTOR_MIN, FACTOR_MAX);
    move_kinds(s, shares, correct->n_kinds, start / predicted,
               move * (1 - (1 - kinds) * body_share));
    s->last_ratio =
        ratio * exp(-move); /* what is left is what the next observation is compared with */
    s->n_seen++;
}

/* ---- queue, codec, total -------------------------------------------------------------------------------------- */

void oc_correct_saw_queue(oc_correct *correct, size_t site, double queue_ns, uint64_t now_ns)
{
    if (site >= correct->n_sites || isnan(queue_ns))
        return;
    correct->sites[site].queue_ns = bounded(queue_ns, 0, QUEUE_MAX_NS);
    correct->sites[site].queue_at_ns = now_ns;
}

void oc_correct_saw_codec(oc_correct *correct, size_t site, double bytes, double encode_ns)
{
    if (site >= correct->n_sites || !(bytes > 0) || !(encode_ns >= 0))
        return;
    oc_correct_site *s = &correct->sites[site];
    double rate = bounded(encode_ns / bytes, 0, CODEC_MAX);
    /* A scheduler's hiccup while encoding is no property of the codec. */
    s->encode_ns_per_byte +=
        GAIN * (OC_MIN(rate, 3 * s->encode_ns_per_byte + 0.1) - s->encode_ns_per_byte);
}

void oc_correct_saw_total(oc_correct *correct, double predicted_ns, double actual_ns)
{
    oc_errors_add(&correct->total, predicted_ns, actual_ns);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static double queue_of(const oc_correct_site *s, const oc_worker_load *load, uint64_t now_ns)
{
    double age = now_ns > s->queue_at_ns ? (double)(now_ns - s->queue_at_ns) : 0;
    double measured = s->queue_ns * exp2(-age / QUEUE_HALF_LIFE_NS);
    if (!load || load->at_ns == 0 || (load->flags & OC_LINK_STALE))
        return measured;
    double told_age = now_ns > load->at_ns ? (double)(now_ns - load->at_ns) : 0;
    if (told_age > LOAD_FRESH_NS)
        return measured;
    return bounded(bounded(load->queue_ns, 0, QUEUE_MAX_NS) - told_age, 0, QUEUE_MAX_NS);
}

void oc_correct_read(const oc_correct *correct, size_t site, const oc_machine_state *machine,
                     const oc_worker_load *load, uint64_t now_ns, oc_site_state *state)
{
    if (site >= correct->n_sites)
        return;
    const oc_correct_site *s = &correct->sites[site];
    double scale = s->common * felt(s, slowdown_of(machine));
    for (size_t k = 0; k < OC_KINDS_MAX; k++)
        state->factor[k] =
            k < correct->n_kinds ? bounded(scale * s->factor[k], FACTOR_MIN, FACTOR_MAX) : 1;
    state->start_ns = s->start_ns;
    state->error = oc_errors_median(&s->errors);
    state->encode_ns_per_byte = s->encode_ns_per_byte;
    state->decode_ns_per_byte = s->decode_ns_per_byte;
    state->queue_ns = queue_of(s, load, now_ns);
}
