/* SPDX-License-Identifier: Apache-2.0 */
/** What a network saw in a picture: things with boxes, a class for every pixel; shown and drawn. */
#ifndef HOST_SEEN_H
#define HOST_SEEN_H

#include "inputs.h"
#include "json.h"
#include "labels.h"

typedef struct host_seen_options {
    const char *draw, *mask; /* files to write; NULL: none */
    host_numbers threshold, overlap;
} host_seen_options;

typedef struct host_seen {
    bool has_detections, has_mask;
    oc_detections detections;
    oc_mask mask;
    const char *masked; /* the output whose mask it is; of the model */
} host_seen;

/** Whether any output holds detections. */
bool host_is_detector(const oc_model_info *info);

/* Each returns an exit status, after saying what failed. */

/** The options and labels fit the model. */
int host_seen_check(const host_call *call, const host_seen_options *options,
                    const host_labels *labels, const oc_model_info *info);
/** `picture`: that of the input, perhaps none. Owns: host_seen_free, in any case. */
int host_seen_find(const host_call *call, const host_seen_options *options,
                   const oc_model_info *info, const oc_tensor *outputs, const host_picture *picture,
                   host_seen *seen);
/** The pictures that the options ask for; `picture` is one if boxes are to be drawn. */
int host_seen_draw(const host_call *call, const host_seen_options *options, const host_seen *seen,
                   const host_picture *picture, const host_labels *labels);
void host_seen_free(const host_call *call, host_seen *seen);

void host_seen_print(const host_seen *seen, const host_labels *labels);
/** Adds "detections" with "detections_left_out", and "mask" to the document, each where there is one. */
void host_seen_json(const host_seen *seen, const host_labels *labels, json_t *document);

#endif
