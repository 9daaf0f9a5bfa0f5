/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A condition and its mutex. pthread's own default waits by the wall clock, which jumps when the
 * time is set; deadlines here are monotonic.
 */
#include "oc_base.h"

#include <errno.h>
#include <time.h>

oc_status oc_cond_init(oc_cond *cond)
{
    pthread_condattr_t attr;
    int error = pthread_mutex_init(&cond->mutex, NULL);
    if (error != 0)
        return oc_fail(OC_E_NOMEM, "mutex: %s", strerror(error));
    error = pthread_condattr_init(&attr);
    if (error == 0) {
        error = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        if (error == 0)
            error = pthread_cond_init(&cond->cond, &attr);
        pthread_condattr_destroy(&attr);
    }
    if (error != 0) {
        pthread_mutex_destroy(&cond->mutex);
        return oc_fail(OC_E_NOMEM, "condition: %s", strerror(error));
    }
    return OC_OK;
}

void oc_cond_fini(oc_cond *cond)
{
    pthread_cond_destroy(&cond->cond);
    pthread_mutex_destroy(&cond->mutex);
}

void oc_cond_lock(oc_cond *cond)
{
    pthread_mutex_lock(&cond->mutex);
}

void oc_cond_unlock(oc_cond *cond)
{
    pthread_mutex_unlock(&cond->mutex);
}

bool oc_cond_wait(oc_cond *cond, uint64_t deadline_ns)
{
    if (deadline_ns == OC_NEVER_NS) {
        pthread_cond_wait(&cond->cond, &cond->mutex);
        return true;
    }
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / UINT64_C(1000000000)),
                                   .tv_nsec = (long)(deadline_ns % UINT64_C(1000000000))};
    return pthread_cond_timedwait(&cond->cond, &cond->mutex, &until) != ETIMEDOUT;
}

void oc_cond_wake(oc_cond *cond)
{
    pthread_cond_broadcast(&cond->cond);
}
