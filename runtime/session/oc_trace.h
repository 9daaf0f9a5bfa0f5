/* SPDX-License-Identifier: Apache-2.0 */
/** The trace: the newest spans of what a session did, on one clock, in memory made ahead. Written as Chrome trace events (Perfetto reads them too). One thread at a time. */
#ifndef OC_TRACE_H
#define OC_TRACE_H

#include "oc_base.h"

typedef enum oc_track { OC_TRACK_RUN, OC_TRACK_EDGE, OC_TRACK_WIRE, OC_TRACK_WORKER } oc_track; /* one row each; workers have one per site */

#define OC_TRACE_TEXT 96
typedef struct oc_span {
    oc_track track;
    uint32_t site;          /* of WIRE and WORKER */
    uint64_t run;
    uint64_t begin_ns, end_ns; /* of oc_now_ns; equal: an instant */
    char name[OC_TRACE_TEXT];  /* "conv1 .. relu3", "send", "decide" */
    /* Shown with the span where they are not NAN / empty. */
    double predicted_ns, bytes, error;
    char detail[OC_TRACE_TEXT * 2];
} oc_span;

typedef struct oc_trace oc_trace;
/** Room for the newest `capacity` spans. Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_trace_create(size_t capacity, const oc_allocator *alloc, oc_trace **trace);
void oc_trace_destroy(oc_trace *trace);
/** Copied. NULL trace: nothing. */
void oc_trace_put(oc_trace *trace, const oc_span *span);
size_t oc_trace_count(const oc_trace *trace);
/** `site_names`: of the workers from index 1 on. Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_trace_print(const oc_trace *trace, const char *process, const char *const *site_names, size_t n_sites, oc_buf *json);

#endif
