/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_base.h"

#include <stdio.h>

void oc_log(const oc_log_sink *sink, oc_log_level level, const char *fmt, ...)
{
    if (sink == NULL || level < sink->level)
        return;
    char text[1024]; /* longer lines are cut: logging must not allocate */
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (length < 0)
        return;
    oc_text_one_line(text);
    sink->write(sink->ctx, level, text);
}
