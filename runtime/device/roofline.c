/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device may be expected to do before anything was measured on it. A driver tells compute
 * units, vector width and clock, but not memory bandwidth, nor what a start costs: those are plain
 * defaults of the order of magnitude that is common, right within a factor of a few. Measured times
 * (profiles) and corrections while running take their place.
 */
#include "oc_device.h"

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
