/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Correction: what was predicted against what happened, per site and kind of node. Plain data, no clock. Robust: one
 * outlier moves little, a lasting change is followed within three observations. Load and frequency of the edge are
 * divided out before learning and multiplied in again for predicting, as far as they were seen to matter.
 * One thread at a time.
 */
#ifndef OC_CORRECT_H
#define OC_CORRECT_H

#include "oc_situation.h"
#include "oc_telemetry.h"

#define OC_ERRORS_KEPT 15
/** The last relative errors; their median is what is reported. */
typedef struct oc_errors {
    double value[OC_ERRORS_KEPT];
    uint32_t n_seen;
} oc_errors;
void oc_errors_add(oc_errors *errors, double predicted, double actual);
double oc_errors_median(const oc_errors *errors);

/** The chunks of one run together: what a run takes is their sum, so a machine that stops and goes is judged by it. */
typedef struct oc_correct_frame {
    double base_ns[OC_KINDS_MAX];
    double slowdown_ln;           /* mean, by base_ns */
    double actual_ns, n_starts;
} oc_correct_frame;

#define OC_FRAMES_KEPT 5
/* What is learnt, all in ln: of all kinds; how much of the contention seen is felt (0..1, no ln); a part's start; each kind. */
enum { OC_LEARNT_COMMON, OC_LEARNT_LOAD, OC_LEARNT_START, OC_LEARNT_KIND };
#define OC_LEARNT_MAX (OC_LEARNT_KIND + OC_KINDS_MAX)

typedef struct oc_correct_site {
    double learnt[OC_LEARNT_MAX];
    float covariance[OC_LEARNT_MAX * (OC_LEARNT_MAX + 1) / 2]; /* lower triangle, row by row */
    double noise;                 /* variance of an observation, ln */
    double last_ln;               /* what of the last observation the estimate did not follow: two alike are a step */
    oc_correct_frame frames[OC_FRAMES_KEPT]; /* a ring, since the last step; the newest may still be open */
    uint32_t n_frames;
    double calibration;           /* of the frames: actual to what the factors say */
    double encode_ns_per_byte;
    uint32_t n_codec;
    double rest_ns;               /* of a whole run that ends at this site, beside all its parts: waking up, handing over */
    double queue_ns;              /* measured, and when */
    uint64_t queue_at_ns;
    oc_errors errors;
    uint32_t n_seen;
} oc_correct_site;

typedef struct oc_correct {
    size_t n_sites, n_kinds;
    oc_correct_site sites[OC_SITES_MAX];
    oc_errors total;
} oc_correct;

void oc_correct_init(oc_correct *correct, const oc_costs *costs);
/**
 * A piece of work took actual_ns: `base_ns` are its costs per kind (OC_KINDS_MAX entries, uncorrected). `machine`: the edge's state meanwhile; NULL for a worker.
 * `is_part`: the whole of a part, with its start; false: a chunk among others.
 */
void oc_correct_saw(oc_correct *correct, size_t site, const double *base_ns, double actual_ns, bool is_part, const oc_machine_state *machine);
/** A worker's queue as a request met it; a status says what it is now. */
void oc_correct_saw_queue(oc_correct *correct, size_t site, double queue_ns, uint64_t now_ns);
void oc_correct_saw_codec(oc_correct *correct, size_t site, double bytes, double encode_ns);
/** A whole run that ended at `site` (0: here): its predicted and actual total. */
void oc_correct_saw_total(oc_correct *correct, size_t site, double predicted_ns, double actual_ns);
/**
 * Fill the factors, start, error, codec and queue of a site's state. `load`: the worker's latest word, NULL where there is none: a fresh one beats what was measured before it.
 * Everything is bounded: factors 1e-3 to 1e3, queue 0 to 60 s.
 */
void oc_correct_read(const oc_correct *correct, size_t site, const oc_machine_state *machine, const oc_worker_load *load, uint64_t now_ns, oc_site_state *state);

#endif
