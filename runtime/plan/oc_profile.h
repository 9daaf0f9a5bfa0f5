/* SPDX-License-Identifier: Apache-2.0 */
/** Profiles: the measured time of each node at a site, as YAML (the form is shown in profile.c). */
#ifndef OC_PROFILE_H
#define OC_PROFILE_H

#include "oc_net.h"

typedef struct oc_profile_site {
    char role[16];     /* "edge", "worker" */
    char device[128], driver[128];
    uint32_t threads;  /* 0: all */
    double *node_ns;   /* per node of the net; NAN: not measured, such a node is not in the file */
} oc_profile_site;

typedef struct oc_profile {
    const oc_allocator *alloc;
    const oc_net *net; /* outlives the profile */
    oc_profile_site sites[2];
    size_t n_sites;
} oc_profile;

/** Errors: OC_E_FORMAT (file, line, key), OC_E_MISMATCH (another model: both digests), OC_E_NOTFOUND (a node), OC_E_ARG (a time that is none), OC_E_NOMEM. */
OC_MUST_USE oc_status oc_profile_parse(const oc_net *net, oc_bytes yaml, const char *name, const oc_allocator *alloc, oc_profile **profile);
OC_MUST_USE oc_status oc_profile_print(const oc_profile *profile, oc_buf *yaml);
void oc_profile_destroy(oc_profile *profile);
/** The site of that role measured on that device and driver, or NULL; `why` (256 bytes) says what did not fit: device, expected, found. */
const oc_profile_site *oc_profile_find(const oc_profile *profile, const char *role, const char *device, const char *driver, char why[256]);

#endif
