/* SPDX-License-Identifier: Apache-2.0 */
/** Class names, one a line. */
#include "labels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL_BYTES_MAX (16u << 20) /* a million names; more is the wrong file */

static int read_text(const host_call *call, FILE *file, host_labels *labels)
{
    size_t room = 4096;
    size_t size = 0;
    labels->text = host_alloc(room, 1);
    for (;;) {
        size_t found = fread(labels->text + size, 1, room - size - 1, file);
        size += found;
        if (ferror(file))
            return host_fail(call, "%s: %s", labels->path, strerror(errno));
        if (found == 0)
            break;
        if (size > LABEL_BYTES_MAX)
            return host_fail(call, "%s: expected labels, at most %u bytes, found more",
                             labels->path, LABEL_BYTES_MAX);
        if (room - size < 2) {
            char *larger = host_alloc(room * 2, 1);
            memcpy(larger, labels->text, size);
            free(labels->text);
            labels->text = larger;
            room *= 2;
        }
    }
    if (memchr(labels->text, 0, size))
        return host_fail(call, "%s: expected text, one label a line, found a zero byte",
                         labels->path);
    return HOST_OK;
}

/* Cut the text into lines; control characters (a carriage return too) would spoil a table. */
static void cut_lines(host_labels *labels)
{
    size_t lines = 1;
    for (const char *c = labels->text; *c; c++)
        lines += *c == '\n';
    labels->lines = host_alloc(lines, sizeof(*labels->lines));
    for (char *at = labels->text; at && *at;) {
        labels->lines[labels->count++] = at;
        at = strchr(at, '\n');
        if (at)
            *at++ = '\0';
    }
    for (size_t i = 0; i < labels->count; i++) {
        char *line = labels->lines[i];
        size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        for (char *c = line; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 0x7f)
                *c = ' ';
    }
    while (labels->count > 0 && !*labels->lines[labels->count - 1])
        labels->count--;
}

/* Regular files only, as with models: opening a pipe without a writer would wait for one. */
static int open_text(const host_call *call, const char *path, FILE **file)
{
    struct stat info;
    const int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0 || fstat(opened, &info) != 0) {
        const int status =
            host_fail(call, "%s: expected labels, found: %s", path, strerror(errno));
        if (opened >= 0)
            close(opened);
        return status;
    }
    if (!S_ISREG(info.st_mode)) {
        close(opened);
        return host_fail(call, "%s: expected labels in a regular file, found %s", path,
                         S_ISDIR(info.st_mode) ? "a folder" : "something else");
    }
    *file = fdopen(opened, "rb");
    if (*file)
        return HOST_OK;
    close(opened);
    return host_fail(call, "%s: out of memory", path);
}

int host_labels_read(const host_call *call, const char *path, host_labels *labels)
{
    *labels = (host_labels){.path = path};
    if (!path)
        return HOST_OK;
    FILE *file = NULL;
    int status = open_text(call, path, &file);
    if (status != HOST_OK)
        return status;
    status = read_text(call, file, labels);
    fclose(file);
    if (status != HOST_OK)
        return status;
    cut_lines(labels);
    if (labels->count == 0)
        return host_fail(call, "%s: expected labels, one a line, found none", path);
    return HOST_OK;
}

/* The labels of the first output that has as many elements. */
static const oc_labels *find_own(const oc_model_info *info)
{
    for (size_t i = 0; i < info->n_outputs; i++) {
        size_t elems;
        const oc_labels *own = info->outputs[i].labels;
        if (own && oc_shape_elems(&info->outputs[i].desc.shape, &elems) == OC_OK &&
            own->count == elems)
            return own;
    }
    return NULL;
}

void host_labels_own(const oc_model_info *info, host_labels *labels)
{
    const oc_labels *own = labels->count == 0 ? find_own(info) : NULL;
    size_t size = 0;
    if (!own)
        return;
    for (size_t i = 0; i < own->count; i++)
        size += strlen(own->names[i]) + 1;
    labels->path = info->name;
    labels->text = host_alloc(size, 1);
    labels->lines = host_alloc(own->count, sizeof(*labels->lines));
    char *at = labels->text;
    for (size_t i = 0; i < own->count; i++) {
        labels->lines[labels->count++] = at;
        at = stpcpy(at, own->names[i]) + 1;
    }
}

void host_labels_free(host_labels *labels)
{
    free(labels->lines);
    free(labels->text);
    *labels = (host_labels){.path = NULL};
}
