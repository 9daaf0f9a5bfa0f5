/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status list as text, and the error text of each thread. The text lives in a fixed buffer, so
 * that failing never allocates: running out of memory can be reported like anything else.
 */
#include "oc_base.h"

#include <stdio.h>

#define ERROR_BYTES 1024

static _Thread_local char error_text[ERROR_BYTES];

const char *oc_status_text(oc_status status)
{
    static const char *const texts[] = {
#define X(name_, text_, grpc_) [OC_##name_] = text_,
        OC_STATUS_LIST(X)
#undef X
    };
    return (size_t)status < OC_COUNT(texts) ? texts[status] : "unknown status";
}

const char *oc_status_name(oc_status status)
{
    static const char *const names[] = {
#define X(name_, text_, grpc_) [OC_##name_] = #name_,
        OC_STATUS_LIST(X)
#undef X
    };
    return (size_t)status < OC_COUNT(names) ? names[status] : "E_UNKNOWN";
}

const char *oc_error_text(void)
{
    return error_text;
}

void oc_text_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

int oc_text_fit(const char *text, size_t most)
{
    size_t length = strnlen(text, most + 1);
    if (length > most)
        for (length = most; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--;
    return (int)length;
}

/* Write `text` and, if room is left, `rest` as this thread's error text, on one line. A text that is
 * too long ends in "...". Neither argument may point into error_text. */
static void set_error(const char *text, const char *rest)
{
    int length = snprintf(error_text, sizeof(error_text), "%s%s", text, rest);
    if (length >= (int)sizeof(error_text))
        memcpy(error_text + sizeof(error_text) - 4, "...", 4);
    oc_text_one_line(error_text);
}

oc_status oc_fail(oc_status status, const char *fmt, ...)
{
    /* An argument may be oc_error_text() itself, hence the second buffer. */
    char text[ERROR_BYTES];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        snprintf(text, sizeof(text), "%s", oc_status_text(status));
    va_end(args);
    set_error(text, "");
    return status;
}

oc_status oc_fail_in(oc_status status, const char *fmt, ...)
{
    char what[ERROR_BYTES], old[ERROR_BYTES];
    va_list args;
    memcpy(old, error_text, sizeof(old));
    va_start(args, fmt);
    int length = vsnprintf(what, sizeof(what) - 2, fmt, args);
    va_end(args);
    if (length < 0)
        return status;
    strcat(what, ": ");
    set_error(what, old);
    return status;
}

const char *oc_version(void)
{
    return OC_VERSION;
}
