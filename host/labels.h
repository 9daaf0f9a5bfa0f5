/* SPDX-License-Identifier: Apache-2.0 */
/** Class names, one a line. */
#ifndef HOST_LABELS_H
#define HOST_LABELS_H

#include "command.h"

typedef struct host_labels {
    const char *path;
    char *text; /* the file, its lines cut apart */
    char **lines;
    size_t count; /* 0: no labels */
} host_labels;

/**
 * Read `path`; NULL gives no labels. Owns: host_labels_free, in any case. Returns an exit status.
 */
int host_labels_read(const host_call *call, const char *path, host_labels *labels);
/** Without labels, those that the model itself has for its scores, if any: their lines are copied. */
void host_labels_own(const oc_model_info *info, host_labels *labels);
void host_labels_free(host_labels *labels);

#endif
