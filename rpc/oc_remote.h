/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A worker as a site. Opening begins a connection and a Hello, and returns; a part is ready once a
 * worker answered that serves the graph (the same digest). A connection that breaks is made again by
 * itself, in the background, for as long as the site is open; the parts become ready again.
 *
 * What poll says of a part:
 *   is_ready   start may be called. Look at it, not at `status`, before a start: `status` keeps what became of the last run.
 *   status     OC_OK while connecting for the first time and while a run is under way. Else of the last run; but where the part is not
 *              ready, and poll has said how that run ended (or there was none, or it was cancelled), why it is not: OC_E_LOST (no
 *              connection, and why), OC_E_MISMATCH (no such digest there: both are named; or no common protocol version),
 *              OC_E_UNSUPPORTED (no offcut worker).
 *   times      of the last run, from its first put (or submit) on.
 * What health says of the worker comes from a Status stream that is open while there is a connection (docs/adr/0008-status-stream.md):
 *   is_settled  it cannot be used, and text says why; or it answered Hello, and link and clock were measured as far as they are at the start.
 *   load        bounded whatever the worker says; OC_LINK_STALE when it was not heard for 3 intervals of 200 ms and a round trip, and
 *               for a worker without Status (an older one), whose link is learnt from runs alone.
 * Memory given to put and get is not touched any more once cancel has returned.
 */
#ifndef OC_REMOTE_H
#define OC_REMOTE_H

#include "oc_site.h"

/** Zero means the default. */
typedef struct oc_remote_options {
    const oc_log_sink *log;        /* borrowed for the site's life; NULL */
    uint32_t hello_timeout_ms;     /* how long the first Hello may take before the site says that nobody is there; 2000 */
    uint32_t keepalive_ms;         /* a peer that is silent so long is asked for a sign of life; 5000 */
    uint32_t keepalive_timeout_ms; /* and how long it may take to give it, before the connection counts as lost; 10000 */
} oc_remote_options;

/**
 * `address`: "HOST:PORT". `graph` is frozen and outlives the site; NULL: the worker is only watched, whatever it serves, and
 * part_open and profile fail with OC_E_ARG. `options` NULL: defaults.
 * Owns: the caller closes `*site` by its type, after its parts. Errors: OC_E_ARG (address), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_remote_site_open(const char *address, const oc_graph *graph, const oc_remote_options *options, const oc_allocator *alloc, oc_site **site);

#endif
