/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_base.h"

#include <time.h>

uint64_t oc_now_ns(void)
{
    struct timespec now;
    /* Cannot fail: the clock exists on every system with POSIX timers, and the pointer is good. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
