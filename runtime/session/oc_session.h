/* SPDX-License-Identifier: Apache-2.0 */
/** The session's inside: what the api room makes one from. The rest of it is <offcut/session.h>. */
#ifndef OC_SESSION_H
#define OC_SESSION_H

#include "oc_exec.h"
#include "oc_plan.h"
#include "oc_site.h"

#include <offcut/session.h>

/**
 * A session that runs all-local on `exec` (which outlives it). `workers`: as many as options->n_workers, in its order; the
 * session closes them, also when this fails (the array is copied). Errors: as oc_session_create.
 */
OC_MUST_USE oc_status oc_session_make(oc_exec *exec, oc_site *const *workers, const oc_session_options *options, const oc_allocator *alloc, oc_session **session);

#endif
