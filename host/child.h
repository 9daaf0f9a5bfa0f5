/* SPDX-License-Identifier: Apache-2.0 */
/** A worker as a process of its own: `offcut worker` of this very program. */
#ifndef HOST_CHILD_H
#define HOST_CHILD_H

#include "command.h"

#include <sys/types.h>

typedef struct host_child {
    pid_t pid;        /* 0: none */
    int output;       /* what it prints; kept open as long as it lives */
    char address[64]; /* "127.0.0.1:41233" */
} host_child;

/**
 * Start a worker for `model` on a port that the system chooses, and wait until it listens. It dies
 * with this process. Returns an exit status; host_child_end after either.
 */
int host_child_start(const host_call *call, const char *model, const host_device_options *device,
                     host_child *child);
/** Freeze the process, and return when it is frozen. */
void host_child_freeze(const host_child *child);
/** End it if it still runs, and wait for its end. */
void host_child_end(host_child *child);

#endif
