/* SPDX-License-Identifier: Apache-2.0 */
/** Saying what failed, and memory that does not fail. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* File names may hold anything, and a message is one line. */
static void one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void say(const host_call *call, const char *fmt, va_list args, const char *hint)
    OC_PRINTF(2, 0);
static void say(const host_call *call, const char *fmt, va_list args, const char *hint)
{
    char text[2048];
    const char *name = call->command ? call->command->name : "";
    const char *space = call->command ? " " : "";
    vsnprintf(text, sizeof(text), fmt, args);
    one_line(text);
    fflush(stdout);
    if (hint)
        fprintf(stderr, "offcut%s%s: %s (see: offcut%s%s %s)\n", space, name, text, space, name,
                hint);
    else
        fprintf(stderr, "offcut%s%s: %s\n", space, name, text);
}

int host_fail(const host_call *call, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(call, fmt, args, NULL);
    va_end(args);
    return HOST_FAILED;
}

int host_fail_library(const host_call *call)
{
    return host_fail(call, "%s", oc_error_text());
}

int host_fail_about(const host_call *call, const char *path)
{
    const char *text = oc_error_text();
    bool is_named = strstr(text, path) != NULL;
    return host_fail(call, "%s%s%s", is_named ? "" : path, is_named ? "" : ": ", text);
}

int host_usage(const host_call *call, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(call, fmt, args, "--help");
    va_end(args);
    return HOST_USAGE;
}

void *host_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory) {
        fprintf(stderr, "offcut: out of memory: %zu times %zu bytes\n", count, size);
        exit(HOST_FAILED);
    }
    return memory;
}

char *host_text(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    size_t bytes = (size_t)(size > 0 ? size : 0) + 1;
    char *text = host_alloc(bytes, 1);
    va_start(args, fmt);
    vsnprintf(text, bytes, fmt, args);
    va_end(args);
    return text;
}
