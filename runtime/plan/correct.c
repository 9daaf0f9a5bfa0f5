/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning factors. An observation is the time of several kinds of nodes, perhaps with a part's start, perhaps under
 * load. In logarithms, where twice as slow and twice as fast are alike, it is nearly linear in what is to be learnt, each
 * with its share of the time as coefficient; so a Kalman filter (extended: linear around what is known) decides who gets
 * which part of a deviation. Source: Kalman, "A new approach to linear filtering and prediction problems" (1960).
 * To be robust, a deviation far outside the noise counts as little more than the noise; the second such one that is like
 * the first is a step, and is followed at once, by the factor that all kinds share. The noise itself is learnt:
 * where a quota lets a processor run and stop, chunks differ manyfold, and that is no step.
 * The mean of such times is not the mean of their logarithms; what whole runs took, in the median, corrects it.
 */
#include "oc_correct.h"

#include <math.h>

#define FACTOR_MIN 1e-3
#define FACTOR_MAX 1e3
#define KIND_RANGE 30.0 /* how far a kind's own factor may go from the common one */
#define START_EDGE_NS 10e3
#define START_WORKER_NS 50e3
#define START_MIN_NS 1e3
#define START_MAX_NS 20e6
#define TIME_MAX_NS 3.6e12 /* an hour */
#define QUEUE_MAX_NS 60e9
#define QUEUE_HALF_LIFE_NS 500e6
#define LOAD_FRESH_NS 1e9
#define CODEC_NS_PER_BYTE 0.3
#define CODEC_MAX 100.0
#define CODEC_GAIN 0.3
#define REST_GAIN 0.3
#define REST_STEP_NS 200e3
#define REST_MAX_NS 1e6
#define DEVIATION_MIN 1e-9
#define RATIO_LN 9.2 /* 1e4: what an observation may deviate by and still be heard */

/* Variances, ln. A profile may be wrong by a factor of 20; a kind by e beside it; a start by e. */
#define VAR_COMMON 9.0
#define VAR_LOAD 0.3
/* From where on load and frequency count. NAN is neither. */
#define OTHERS_LEAST 0.2
#define FREQUENCY_MOST 0.95
#define VAR_START 1.0
#define VAR_KIND 1.0
#define VAR_MIN 1e-6
/* What each may drift between two observations: the common factor moves, a kind hardly. */
#define DRIFT_COMMON 1e-3
#define DRIFT_LOAD 1e-4
#define DRIFT_START 1e-3
#define DRIFT_KIND 1e-4
#define NOISE_MIN 4e-3 /* variance of an observation on a quiet machine: 6 % */
#define NOISE_MAX 2.0
#define NOISE_GAIN 0.1
#define OUTLIER 2.5 /* standard deviations beyond which a deviation counts as no more */
/* The same of a part with its start, in ln: the first run at another cut prepares it. */
#define OUTLIER_PART_LN 0.25
#define STEP_LN 0.22      /* a deviation that may be the first of a step */
#define AGREEMENT_LN 0.35 /* and how far the second may be from it */
/* So many observations may be corrected downwards at once: the first run prepares things. */
#define EARLY 3

static double bounded(double value, double low, double high)
{
    return isnan(value) ? low : OC_MIN(OC_MAX(value, low), high);
}

static double median_of(const double *values, size_t count)
{
    double sorted[OC_MAX(OC_ERRORS_KEPT, OC_FRAMES_KEPT)];
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > values[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = values[i];
    }
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* ---- errors -------------------------------------------------------------------------------- */

void oc_errors_add(oc_errors *errors, double predicted, double actual)
{
    if (!isfinite(predicted) || !isfinite(actual) || actual <= 0 || predicted < 0)
        return;
    errors->value[errors->n_seen % OC_ERRORS_KEPT] =
        bounded(fabs(predicted - actual) / actual, 0, 1e6);
    /* Once it is full it stays full, however long it runs. */
    errors->n_seen = errors->n_seen < 1u << 30 ? errors->n_seen + 1 : OC_ERRORS_KEPT;
}

double oc_errors_median(const oc_errors *errors)
{
    size_t count = OC_MIN(errors->n_seen, (uint32_t)OC_ERRORS_KEPT);
    return count > 0 ? median_of(errors->value, count) : 0;
}

/* ---- load and frequency -------------------------------------------------------------------- */

/*
 * ln of what the machine's state would cost at most: others take their share of the processors, and the clock is slower.
 * Little of either is noise: what were learnt from it would be believed of much.
 */
static double slowdown_ln(const oc_machine_state *machine)
{
    if (!machine)
        return 0;
    double others = machine->cpu_others >= OTHERS_LEAST ? OC_MIN(machine->cpu_others, 0.75) : 0;
    double frequency = machine->frequency <= FREQUENCY_MOST ? OC_MAX(machine->frequency, 0.1) : 1;
    return -log(1 - others) - log(frequency);
}

/* ---- the model ----------------------------------------------------------------------------- */

static float *covariance(oc_correct_site *s, size_t i, size_t k)
{
    size_t row = OC_MAX(i, k), column = OC_MIN(i, k);
    return &s->covariance[row * (row + 1) / 2 + column];
}

static void site_init(oc_correct_site *s, bool is_edge)
{
    *s = (oc_correct_site){
        .noise = NOISE_MIN, .calibration = 1, .encode_ns_per_byte = CODEC_NS_PER_BYTE};
    s->learnt[OC_LEARNT_START] = log(is_edge ? START_EDGE_NS : START_WORKER_NS);
    for (size_t i = 0; i < OC_LEARNT_MAX; i++)
        *covariance(s, i, i) = VAR_KIND;
    *covariance(s, OC_LEARNT_COMMON, OC_LEARNT_COMMON) = VAR_COMMON;
    *covariance(s, OC_LEARNT_LOAD, OC_LEARNT_LOAD) = VAR_LOAD;
    *covariance(s, OC_LEARNT_START, OC_LEARNT_START) = VAR_START;
}

void oc_correct_init(oc_correct *correct, const oc_costs *costs)
{
    *correct = (oc_correct){.n_sites = OC_MIN(costs->n_sites, (size_t)OC_SITES_MAX),
                            .n_kinds = OC_MIN(costs->net->n_kinds, (size_t)OC_KINDS_MAX)};
    for (size_t i = 0; i < correct->n_sites; i++)
        site_init(&correct->sites[i], i == 0);
}

static double scale_of(const oc_correct_site *s, double slowdown)
{
    return exp(s->learnt[OC_LEARNT_COMMON] + s->learnt[OC_LEARNT_LOAD] * slowdown);
}

/* What the factors say of a piece of work, and what each of the learnt has in it (`shares`, NULL: not asked). */
static double model_ns(const oc_correct_site *s, size_t n_kinds, const double *base_ns,
                       double slowdown, double n_starts, double *shares)
{
    double scale = scale_of(s, slowdown), start = n_starts * exp(s->learnt[OC_LEARNT_START]);
    double body = 0, times[OC_KINDS_MAX];
    for (size_t k = 0; k < n_kinds; k++) {
        times[k] = bounded(base_ns[k], 0, TIME_MAX_NS) * scale * exp(s->learnt[OC_LEARNT_KIND + k]);
        body += times[k];
    }
    double total = body + start;
    if (!shares || !(total > 0))
        return total;
    shares[OC_LEARNT_COMMON] = body / total;
    shares[OC_LEARNT_LOAD] = body / total * slowdown;
    shares[OC_LEARNT_START] = start / total;
    for (size_t k = 0; k < n_kinds; k++)
        shares[OC_LEARNT_KIND + k] = times[k] / total;
    return total;
}

/* ---- the filter ---------------------------------------------------------------------------- */

static void drift(oc_correct_site *s, size_t n_learnt)
{
    *covariance(s, OC_LEARNT_COMMON, OC_LEARNT_COMMON) += (float)DRIFT_COMMON;
    *covariance(s, OC_LEARNT_LOAD, OC_LEARNT_LOAD) += (float)DRIFT_LOAD;
    *covariance(s, OC_LEARNT_START, OC_LEARNT_START) += (float)DRIFT_START;
    for (size_t i = OC_LEARNT_KIND; i < n_learnt; i++)
        *covariance(s, i, i) += (float)DRIFT_KIND;
    /* What is not seen must not become uncertain without end, nor rounding make it no covariance any more. */
    for (size_t i = 0; i < n_learnt; i++)
        *covariance(s, i, i) = (float)bounded(*covariance(s, i, i), VAR_MIN, VAR_COMMON);
    for (size_t i = 0; i < n_learnt; i++) {
        for (size_t k = 0; k < i; k++) {
            double most = sqrt((double)*covariance(s, i, i) * *covariance(s, k, k));
            *covariance(s, i, k) = (float)bounded(*covariance(s, i, k), -most, most);
        }
    }
}

/* The covariance of each of the learnt with the observation, and the observation's own variance. */
static double observe(oc_correct_site *s, size_t n_learnt, const double *shares, double *with)
{
    double variance = s->noise;
    for (size_t i = 0; i < n_learnt; i++) {
        with[i] = 0;
        for (size_t k = 0; k < n_learnt; k++)
            with[i] += *covariance(s, i, k) * shares[k];
        variance += shares[i] * with[i];
    }
    return OC_MAX(variance, s->noise);
}

static void keep_bounds(oc_correct_site *s, size_t n_learnt)
{
    double *l = s->learnt;
    l[OC_LEARNT_COMMON] = bounded(l[OC_LEARNT_COMMON], log(FACTOR_MIN), log(FACTOR_MAX));
    l[OC_LEARNT_LOAD] = bounded(l[OC_LEARNT_LOAD], 0, 1);
    l[OC_LEARNT_START] = bounded(l[OC_LEARNT_START], log(START_MIN_NS), log(START_MAX_NS));
    for (size_t i = OC_LEARNT_KIND; i < n_learnt; i++)
        l[i] = bounded(l[i], -log(KIND_RANGE), log(KIND_RANGE));
}

static void update(oc_correct_site *s, size_t n_learnt, const double *with, double variance,
                   double deviation)
{
    for (size_t i = 0; i < n_learnt; i++) {
        s->learnt[i] += with[i] / variance * deviation;
        for (size_t k = 0; k <= i; k++)
            *covariance(s, i, k) -= (float)(with[i] * with[k] / variance);
    }
    keep_bounds(s, n_learnt);
}

/*
 * Two alike in a row, far outside the noise: not chance. Nor is work that is quicker than expected, where what was
 * expected stands on a first run, which prepares things, or on an outlier, of which a little was believed.
 */
static bool is_step(const oc_correct_site *s, double deviation)
{
    double least = OC_MAX(STEP_LN, 2 * sqrt(s->noise));
    if (deviation < -least && (s->n_seen < EARLY || s->last_ln > least))
        return true;
    return deviation * s->last_ln > 0 && fabs(deviation) > least && fabs(s->last_ln) > least &&
           fabs(deviation - s->last_ln) < AGREEMENT_LN;
}

/*
 * How much of a deviation is believed that is no step. A part that was slow once must not be avoided for it ever
 * after, unseen: where it is slow it will be seen to be so the second time.
 */
static double believed(double deviation, double variance, bool has_start)
{
    double limit = OUTLIER * sqrt(variance);
    return bounded(deviation, -limit, has_start ? OC_MIN(limit, OUTLIER_PART_LN) : limit);
}

/* Follow an observation that deviates by so much, in ln. True: it was the second of a step. */
static bool follow(oc_correct_site *s, size_t n_learnt, const double *shares, double deviation)
{
    double with[OC_LEARNT_MAX];
    bool is_new = is_step(s, deviation);
    drift(s, n_learnt);
    if (is_new)
        *covariance(s, OC_LEARNT_COMMON, OC_LEARNT_COMMON) += (float)(deviation * deviation);
    double variance = observe(s, n_learnt, shares, with);
    double heard = is_new ? deviation : believed(deviation, variance, shares[OC_LEARNT_START] > 0);
    double gain = (1 - s->noise / variance) * heard / deviation;
    /* What is not believed is as good as so much more noise: it makes nothing more certain. */
    update(s, n_learnt, with, variance * deviation / heard, deviation);
    s->last_ln = deviation * (1 - gain);
    if (!is_new && s->n_seen > 0) {
        double square = OC_MIN(s->last_ln * s->last_ln, 9 * s->noise);
        s->noise = bounded(s->noise + NOISE_GAIN * (square - s->noise), NOISE_MIN, NOISE_MAX);
    }
    return is_new;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void add_to_frame(oc_correct_site *s, size_t n_kinds, const double *base_ns, double slowdown,
                         double n_starts, double actual_ns)
{
    if (s->n_frames == 0 || n_starts > 0) {
        if (s->n_frames >= 2 * OC_FRAMES_KEPT)
            s->n_frames -= OC_FRAMES_KEPT; /* the ring's place stays the same */
        s->frames[s->n_frames++ % OC_FRAMES_KEPT] = (oc_correct_frame){.n_starts = 0};
    }
    oc_correct_frame *f = &s->frames[(s->n_frames - 1) % OC_FRAMES_KEPT];
    double before = 0, added = 0;
    for (size_t k = 0; k < n_kinds; k++) {
        double base = bounded(base_ns[k], 0, TIME_MAX_NS);
        before += f->base_ns[k];
        added += base;
        f->base_ns[k] = bounded(f->base_ns[k] + base, 0, TIME_MAX_NS);
    }
    f->slowdown_ln = (f->slowdown_ln * before + slowdown * added) / (before + added);
    f->actual_ns = bounded(f->actual_ns + actual_ns, 0, TIME_MAX_NS);
    f->n_starts += n_starts;
}

/* The fewer runs, the less of what they say is taken for more than chance. */
static void calibrate(oc_correct_site *s, size_t n_kinds)
{
    double ratio_ln[OC_FRAMES_KEPT];
    size_t count = OC_MIN(s->n_frames, (uint32_t)OC_FRAMES_KEPT);
    for (size_t i = 0; i < count; i++) {
        const oc_correct_frame *f = &s->frames[i];
        double model = model_ns(s, n_kinds, f->base_ns, f->slowdown_ln, f->n_starts, NULL);
        ratio_ln[i] = model > 0 ? bounded(log(f->actual_ns / model), -RATIO_LN, RATIO_LN) : 0;
    }
    double weight = count == OC_FRAMES_KEPT ? 1 : (double)count / (double)(count + 1);
    s->calibration = exp(weight * median_of(ratio_ln, count));
}

void oc_correct_saw(oc_correct *correct, size_t site, const double *base_ns, double actual_ns,
                    bool is_part, const oc_machine_state *machine)
{
    double shares[OC_LEARNT_MAX] = {0}, work_ns = 0;
    if (site >= correct->n_sites || !(actual_ns > 0) || actual_ns > TIME_MAX_NS)
        return;
    for (size_t k = 0; k < correct->n_kinds; k++)
        work_ns += bounded(base_ns[k], 0, TIME_MAX_NS);
    if (!(work_ns > 0))
        return;
    oc_correct_site *s = &correct->sites[site];
    size_t n_learnt = OC_LEARNT_KIND + correct->n_kinds;
    double slowdown = slowdown_ln(machine), n_starts = is_part ? 1 : 0;
    double model = model_ns(s, correct->n_kinds, base_ns, slowdown, n_starts, shares);
    oc_errors_add(&s->errors, model * s->calibration, actual_ns);
    double deviation = bounded(log(actual_ns / model), -RATIO_LN, RATIO_LN);
    if (fabs(deviation) < DEVIATION_MIN)
        deviation = DEVIATION_MIN; /* ratios of deviations are taken */
    if (follow(s, n_learnt, shares, deviation))
        s->n_frames = 0;
    add_to_frame(s, correct->n_kinds, base_ns, slowdown, n_starts, actual_ns);
    calibrate(s, correct->n_kinds);
    s->n_seen = OC_MIN(s->n_seen + 1, (uint32_t)1 << 30);
}

/* ---- queue, codec, total ------------------------------------------------------------------- */

void oc_correct_saw_queue(oc_correct *correct, size_t site, double queue_ns, uint64_t now_ns)
{
    if (site >= correct->n_sites || isnan(queue_ns))
        return;
    correct->sites[site].queue_ns = bounded(queue_ns, 0, QUEUE_MAX_NS);
    correct->sites[site].queue_at_ns = now_ns;
}

void oc_correct_saw_codec(oc_correct *correct, size_t site, double bytes, double encode_ns)
{
    if (site >= correct->n_sites || !(bytes > 0) || !isfinite(bytes) || !(encode_ns >= 0))
        return;
    oc_correct_site *s = &correct->sites[site];
    double rate = bounded(encode_ns / bytes, 0, CODEC_MAX);
    /* A scheduler's hiccup while encoding is no property of the codec. */
    if (s->n_codec > 0)
        rate = OC_MIN(rate, 3 * s->encode_ns_per_byte + 0.1);
    s->encode_ns_per_byte += (s->n_codec < 2 ? 0.7 : CODEC_GAIN) * (rate - s->encode_ns_per_byte);
    s->n_codec = OC_MIN(s->n_codec + 1, 2u);
}

/*
 * What no part explains is little, and the same in every run: a small step towards it each time.
 * What is more than that is noise of the parts.
 */
static void learn_rest(oc_correct_site *s, double more_ns, double actual_ns)
{
    double most = OC_MIN(REST_STEP_NS, 0.2 * actual_ns);
    s->rest_ns = bounded(s->rest_ns + REST_GAIN * bounded(more_ns, -most, most), 0, REST_MAX_NS);
}

void oc_correct_saw_total(oc_correct *correct, size_t site, double predicted_ns, double actual_ns)
{
    oc_errors_add(&correct->total, predicted_ns, actual_ns);
    if (site < correct->n_sites && isfinite(predicted_ns) && actual_ns > 0 &&
        actual_ns <= TIME_MAX_NS)
        learn_rest(&correct->sites[site], actual_ns - predicted_ns, actual_ns);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* A clock that went back makes things old too. */
static double age_of(uint64_t at_ns, uint64_t now_ns)
{
    return now_ns > at_ns ? (double)(now_ns - at_ns) : (double)(at_ns - now_ns);
}

static double queue_of(const oc_correct_site *s, const oc_worker_load *load, uint64_t now_ns)
{
    double measured = s->queue_ns * exp2(-age_of(s->queue_at_ns, now_ns) / QUEUE_HALF_LIFE_NS);
    if (!load || load->at_ns == 0 || (load->flags & OC_LINK_STALE) ||
        age_of(load->at_ns, now_ns) > LOAD_FRESH_NS)
        return measured;
    bool is_older = load->at_ns < s->queue_at_ns && age_of(s->queue_at_ns, now_ns) < LOAD_FRESH_NS;
    if (is_older)
        return measured;
    double told = bounded(load->queue_ns, 0, QUEUE_MAX_NS);
    return OC_MAX(told - age_of(load->at_ns, now_ns), 0.0);
}

void oc_correct_read(const oc_correct *correct, size_t site, const oc_machine_state *machine,
                     const oc_worker_load *load, uint64_t now_ns, oc_site_state *state)
{
    if (site >= correct->n_sites)
        return;
    const oc_correct_site *s = &correct->sites[site];
    double scale = scale_of(s, slowdown_ln(machine)) * s->calibration;
    for (size_t k = 0; k < OC_KINDS_MAX; k++)
        state->factor[k] =
            k < correct->n_kinds
                ? bounded(scale * exp(s->learnt[OC_LEARNT_KIND + k]), FACTOR_MIN, FACTOR_MAX)
                : 1;
    state->start_ns =
        bounded(exp(s->learnt[OC_LEARNT_START]) * s->calibration, START_MIN_NS, START_MAX_NS) +
        s->rest_ns;
    state->error = oc_errors_median(&s->errors);
    state->encode_ns_per_byte = s->encode_ns_per_byte;
    state->decode_ns_per_byte = 0; /* the time a result takes to arrive holds its decoding */
    state->queue_ns = queue_of(s, load, now_ns);
}
