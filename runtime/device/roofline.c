/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device may be expected to do before anything was measured on it. A driver tells compute
 * units, vector width and clock, but not memory bandwidth, nor what a start costs: those are plain
 * defaults of the order of magnitude that is common, right within a factor of a few. Measured times
 * (profiles) and corrections while running take their place.
 *
 * And what it can do at most where that was measured: the roofline of S. Williams, A. Waterman and
 * D. Patterson, "Roofline: an insightful visual performance model for multicore architectures"
 * (2009), with a roof for each level of the caches: values between nodes are small and were written
 * a moment ago, while constants are touched once a run, all of them.
 */
#include "oc_device.h"

#include <math.h>

#define DEFAULT_CLOCK_MHZ 1000u

typedef struct defaults {
    double lanes; /* multiply-adds per cycle and compute unit; 0: the native vector's width */
    double share; /* of that which compiled kernels reach */
    double bytes_per_s;      /* of memory, all compute units together */
    double unit_bytes_per_s; /* what one compute unit can draw of it */
    double start_ns;         /* to start one node's kernels on a queue that is busy */
} defaults;

/* One vector multiply-add a cycle, half of what large cores can; some channels of DDR4. */
static const defaults cpu = {
    .share = 1, .bytes_per_s = 40e9, .unit_bytes_per_s = 6e9, .start_ns = 5e3};
/* A compute unit of 64 lanes, as most makers group them; GDDR5. */
static const defaults gpu = {
    .lanes = 64, .share = 0.3, .bytes_per_s = 200e9, .unit_bytes_per_s = 10e9, .start_ns = 8e3};
/* One thread of plain C, without vectors. */
static const defaults reference = {
    .lanes = 1, .share = 1, .bytes_per_s = 4e9, .unit_bytes_per_s = 4e9, .start_ns = 1e3};

oc_dev_roofline oc_dev_roofline_of(const oc_dev *dev)
{
    const defaults *d = dev->type->is_reference ? &reference : dev->info.is_gpu ? &gpu : &cpu;
    const double units = OC_MAX(dev->traits.compute_units, 1u);
    const double lanes = d->lanes > 0 ? d->lanes : (double)OC_MAX(dev->traits.vector_floats, 1u);
    const double clock_mhz = dev->info.clock_mhz > 0 ? dev->info.clock_mhz : DEFAULT_CLOCK_MHZ;
    return (oc_dev_roofline){.flops = 2 * d->share * units * lanes * clock_mhz * 1e6,
                             .bytes_per_s = OC_MIN(d->bytes_per_s, units * d->unit_bytes_per_s),
                             .start_ns = d->start_ns};
}

/* ---- measured ------------------------------------------------------------------------------ */

/* Between two measured sizes along a straight line of the logarithm of the size. */
static double rate_at(const oc_dev_peak *peak, uint64_t bytes, bool is_copy)
{
    double before = 0, rate = 0;
    for (size_t i = 0; i < peak->n_sizes; i++, before = rate) {
        rate = is_copy ? peak->memory[i].copy_per_s : peak->memory[i].read_per_s;
        if (bytes > peak->memory[i].bytes)
            continue;
        if (i == 0)
            return rate;
        const double low = log((double)peak->memory[i - 1].bytes);
        const double high = log((double)peak->memory[i].bytes);
        return before + (rate - before) * (log((double)bytes) - low) / (high - low);
    }
    return rate;
}

static double ns_of(double amount, double per_s)
{
    return amount > 0 && per_s > 0 ? amount / per_s * 1e9 : 0;
}

double oc_dev_peak_ns(const oc_dev_peak *peak, const oc_dev_work *work, bool *is_memory)
{
    const double arithmetic = ns_of(work->flops, peak->flops) + ns_of(work->int_ops, peak->int_ops);
    const uint64_t values = work->in_bytes + work->out_bytes;
    const uint64_t both = 2 * OC_MIN(work->in_bytes, work->out_bytes);
    /* What is only written is as dear as copying: memory is read before it is written. */
    const bool is_written = work->out_bytes > work->in_bytes;
    const double memory =
        ns_of((double)work->const_bytes, rate_at(peak, work->all_const_bytes, false)) +
        ns_of((double)both, rate_at(peak, values, true)) +
        ns_of((double)(values - both), rate_at(peak, values, is_written));
    *is_memory = memory > arithmetic;
    return OC_MAX(memory, arithmetic);
}
