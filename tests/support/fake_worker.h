/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A worker without a network: a second local site behind one that is slow, silent, wrong or gone on purpose,
 * and says of itself and its link what the test wants.
 */
#ifndef FAKE_WORKER_H
#define FAKE_WORKER_H

#include "oc_exec.h"
#include "oc_site.h"

#include <stdatomic.h>

typedef enum fake_mode {
    FAKE_GOOD,
    FAKE_REFUSES,    /* start fails */
    FAKE_NO_VALUE,   /* takes no value */
    FAKE_STUCK,      /* takes everything, answers nothing */
    FAKE_DIES,       /* is lost after the work was sent */
    FAKE_OTHER,      /* another model: OC_E_MISMATCH after the work was sent */
    FAKE_LIES,       /* a plausible answer with one bit wrong */
    FAKE_MODES
} fake_mode;

typedef struct fake_worker {
    oc_site base;
    oc_site *inner;
    const char *name;
    fake_mode mode;
    atomic_bool is_up;
    bool is_unsettled;         /* it neither answers nor refuses */
    atomic_uint up_after;      /* up once so many nodes of `ran` have run; 0: is_up says it */
    atomic_uint *ran;
    uint32_t delay_ms;         /* answers so much later */
    double ns_per_byte;        /* of its link, both ways */
    double peak_flops, peak_bytes_per_s; /* 0: it does not say */
    const char *device, *driver; /* as its profile names them; NULL: it does not say */
    unsigned n_starts, n_cancels;
    uint64_t skipped_bytes;
} fake_worker;

/** Up and good, on a quick link. Owns: closed by its type. */
OC_MUST_USE oc_status fake_worker_open(oc_exec *exec, const char *name, const oc_allocator *alloc, fake_worker **worker);

#endif
