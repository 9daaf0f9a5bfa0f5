/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_site.h"

oc_status oc_waker_init(oc_waker *waker)
{
    waker->events = 0;
    return oc_cond_init(&waker->cond);
}

void oc_waker_fini(oc_waker *waker)
{
    oc_cond_fini(&waker->cond);
}

void oc_waker_wake(oc_waker *waker)
{
    oc_cond_lock(&waker->cond);
    waker->events++;
    oc_cond_wake(&waker->cond);
    oc_cond_unlock(&waker->cond);
}

uint64_t oc_waker_events(oc_waker *waker)
{
    oc_cond_lock(&waker->cond);
    uint64_t events = waker->events;
    oc_cond_unlock(&waker->cond);
    return events;
}

void oc_waker_wait(oc_waker *waker, uint64_t seen, uint64_t deadline_ns)
{
    oc_cond_lock(&waker->cond);
    while (waker->events == seen && oc_cond_wait(&waker->cond, deadline_ns))
        ;
    oc_cond_unlock(&waker->cond);
}
