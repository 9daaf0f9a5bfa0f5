/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Circuit breaker of one worker. Plain data, no clock. Source: Nygard, "Release It!" (2nd ed.), "Circuit Breaker".
 * Closed: used. Open: left alone for a pause that doubles with each failure (250 ms to 30 s). Half open: one request may try.
 */
#ifndef OC_BREAKER_H
#define OC_BREAKER_H

#include "oc_base.h"

typedef enum oc_breaker_state { OC_BREAKER_CLOSED, OC_BREAKER_OPEN, OC_BREAKER_HALF_OPEN } oc_breaker_state;
typedef struct oc_breaker {
    oc_breaker_state state;
    uint32_t n_failures;   /* in a row */
    uint64_t until_ns;     /* open: no trial before */
    bool is_trying;        /* half open: the trial is under way */
    bool is_distrusted;    /* an audit found a lie: stays open */
} oc_breaker;

/** Whether a request may go there now; an open one whose pause is over becomes half open. */
bool oc_breaker_allows(oc_breaker *breaker, uint64_t now_ns);
/** A request goes there. */
void oc_breaker_begin(oc_breaker *breaker);
void oc_breaker_succeeded(oc_breaker *breaker);
/** It failed. A failure that will repeat (another model, no such method) opens at once, one that may not (a timeout, a broken connection) at the second in a row. */
void oc_breaker_failed(oc_breaker *breaker, oc_status status, uint64_t now_ns);
/** A cancelled request says nothing. */
void oc_breaker_dropped(oc_breaker *breaker);
void oc_breaker_distrust(oc_breaker *breaker);

#endif
