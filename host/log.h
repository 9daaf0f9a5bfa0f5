/* SPDX-License-Identifier: Apache-2.0 */
/** The library's messages, and the progress of long work, on stderr. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include "command.h"

/** Messages from `level` on go to stderr, a line each. Borrows `call`. */
oc_log_sink host_log_sink(const host_call *call, oc_log_level level);

/**
 * Show "what: done of total (detail)" on the last line of stderr if that is a terminal; "" clears
 * it.
 */
void host_progress(const char *what, size_t done, size_t total, const char *detail);
void host_progress_end(void);
/** The same as oc_prepare wants it. */
void host_prepare_progress(void *ctx, size_t done, size_t total, const char *node);

#endif
