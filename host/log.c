/* SPDX-License-Identifier: Apache-2.0 */
/** The library's messages, and the progress of long work, on stderr. */
#include "log.h"

#include <stdio.h>
#include <unistd.h>

static const char *level_text(oc_log_level level)
{
    static const char *const texts[] = {"debug", "info", "warning", "error"};
    return (size_t)level < HOST_COUNT(texts) ? texts[level] : "message";
}

/* One fprintf a line: threads may write at once, and lines must not mix. */
static void write_line(void *ctx, oc_log_level level, const char *text)
{
    const host_call *call = ctx;
    fprintf(stderr, "offcut %s: %s: %s\n", call->command->name, level_text(level), text);
}

oc_log_sink host_log_sink(const host_call *call, oc_log_level level)
{
    return (oc_log_sink){.ctx = (void *)call, .level = level, .write = write_line};
}

/* "\033[K" clears to the end of the line, so that a shorter text leaves nothing of a longer one. */
void host_progress(const char *what, size_t done, size_t total, const char *detail)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s: %zu of %zu %.40s\033[K", what, done, total, detail);
}

void host_progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

void host_prepare_progress(void *ctx, size_t done, size_t total, const char *node)
{
    (void)ctx;
    host_progress("preparing nodes", done, total, node);
}
