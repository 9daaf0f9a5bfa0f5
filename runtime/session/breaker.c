/* SPDX-License-Identifier: Apache-2.0 */
/* The circuit breaker of one worker: three states and the events that lead from one to another. */
#include "oc_breaker.h"

/* One failure may be chance, two in a row are a state; from there on the pause doubles. */
#define FAILURES_TO_OPEN 2
#define PAUSE_FIRST_NS ((uint64_t)250 * 1000 * 1000)
#define PAUSE_LONGEST_NS ((uint64_t)30 * 1000 * 1000 * 1000)
#define FAILURES_MAX 32 /* counted; the pause has long been the longest */

/* The same request would fail again: the worker answered, and it is not the worker we need. Bytes
 * damaged on the way (OC_E_FORMAT) and a full worker (OC_E_BUSY, OC_E_LIMIT) may pass. */
static bool will_repeat(oc_status status)
{
    return status == OC_E_MISMATCH || status == OC_E_UNSUPPORTED || status == OC_E_NOTFOUND ||
           status == OC_E_ARG || status == OC_E_SHAPE || status == OC_E_DTYPE;
}

static uint64_t pause_ns(uint32_t n_failures)
{
    uint64_t pause = PAUSE_FIRST_NS;
    for (uint32_t i = FAILURES_TO_OPEN; i < n_failures && pause < PAUSE_LONGEST_NS; i++)
        pause *= 2;
    return OC_MIN(pause, PAUSE_LONGEST_NS);
}

/* Open from now on. A sum that does not fit means never, which oc_breaker_allows bounds. */
static void open_at(oc_breaker *breaker, uint64_t now_ns)
{
    uint64_t pause = pause_ns(breaker->n_failures);
    breaker->state = OC_BREAKER_OPEN;
    breaker->is_trying = false;
    breaker->until_ns = now_ns <= OC_NEVER_NS - pause ? now_ns + pause : OC_NEVER_NS;
}

bool oc_breaker_allows(oc_breaker *breaker, uint64_t now_ns)
{
    if (breaker->is_distrusted)
        return false;
    if (breaker->state == OC_BREAKER_OPEN) {
        /* A clock that jumped back would make the pause as long as the jump: the pause begins
         * anew instead. One that jumped ahead costs a trial that comes early. */
        if (breaker->until_ns > now_ns && breaker->until_ns - now_ns > PAUSE_LONGEST_NS)
            open_at(breaker, now_ns);
        if (now_ns < breaker->until_ns)
            return false;
        breaker->state = OC_BREAKER_HALF_OPEN;
        breaker->is_trying = false;
    }
    return breaker->state == OC_BREAKER_CLOSED || !breaker->is_trying;
}

void oc_breaker_begin(oc_breaker *breaker)
{
    breaker->is_trying = breaker->state == OC_BREAKER_HALF_OPEN;
}

void oc_breaker_succeeded(oc_breaker *breaker)
{
    breaker->n_failures = 0;
    breaker->until_ns = 0;
    breaker->is_trying = false;
    breaker->state = breaker->is_distrusted ? OC_BREAKER_OPEN : OC_BREAKER_CLOSED;
}

void oc_breaker_failed(oc_breaker *breaker, oc_status status, uint64_t now_ns)
{
    if (status == OC_E_CANCELLED) {
        oc_breaker_dropped(breaker);
        return;
    }
    /* A request from before it opened says nothing that is not known, and must not double the
     * pause. */
    if (breaker->state == OC_BREAKER_OPEN)
        return;
    breaker->n_failures = OC_MIN(breaker->n_failures + 1, FAILURES_MAX);
    if (will_repeat(status))
        breaker->n_failures = OC_MAX(breaker->n_failures, FAILURES_TO_OPEN);
    if (breaker->state == OC_BREAKER_HALF_OPEN || breaker->n_failures >= FAILURES_TO_OPEN)
        open_at(breaker, now_ns);
}

void oc_breaker_dropped(oc_breaker *breaker)
{
    breaker->is_trying = false;
}

void oc_breaker_distrust(oc_breaker *breaker)
{
    breaker->is_distrusted = true;
    breaker->is_trying = false;
    breaker->state = OC_BREAKER_OPEN;
}
