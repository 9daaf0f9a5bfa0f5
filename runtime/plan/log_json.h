/* SPDX-License-Identifier: Apache-2.0 */
/** Reading the JSON of a log line: every value knows where it stands, so that what is wrong can be named. Only the plan room uses it. */
#ifndef OC_LOG_JSON_H
#define OC_LOG_JSON_H

#include "log_fields.h"

#include <jansson.h>

/** A line of a log. */
typedef struct oc_log_place {
    const char *file;
    size_t line; /* from 1 */
} oc_log_place;

/** A value of the line; `up` is the object or list that it is in (NULL: it is the line itself). */
typedef struct oc_log_json {
    const struct oc_log_json *up;
    const oc_log_place *place;
    const char *key; /* in an object; NULL: entry `index` of a list */
    size_t index;
    const json_t *json;
} oc_log_json;

/** OC_E_FORMAT: "FILE:LINE: KEY: expected ..., found ...". */
oc_status oc_log_fail(const oc_log_json *at, const char *fmt, ...) OC_PRINTF(2, 3);

/** Members and entries; `*found` refers to `in`, which stays where it is. Errors (of these and those below): OC_E_FORMAT. */
OC_MUST_USE oc_status oc_log_member(const oc_log_json *in, const char *key, oc_log_json *found);
OC_MUST_USE oc_status oc_log_object(const oc_log_json *in, const char *key, oc_log_json *found);
OC_MUST_USE oc_status oc_log_list(const oc_log_json *in, const char *key, oc_log_json *found, size_t *count);
oc_log_json oc_log_entry_of(const oc_log_json *list, size_t i);

/** A whole number of at most `max`. */
OC_MUST_USE oc_status oc_log_whole(const oc_log_json *at, uint64_t max, uint64_t *out);
/** A double; an amount is from 0 to 1e18. */
OC_MUST_USE oc_status oc_log_number(const oc_log_json *at, bool is_amount, double *out);
/** Belongs to the line's JSON. */
OC_MUST_USE oc_status oc_log_string(const oc_log_json *at, const char **out);

/** The same for members. */
OC_MUST_USE oc_status oc_log_get_whole(const oc_log_json *in, const char *key, uint64_t max, uint64_t *out);
OC_MUST_USE oc_status oc_log_get_amount(const oc_log_json *in, const char *key, double *out);
/** Copied to the arena. */
OC_MUST_USE oc_status oc_log_get_text(const oc_log_json *in, const char *key, oc_arena *arena, const char **out);
/** Every field of the rows into `object`; all must be there. */
OC_MUST_USE oc_status oc_log_get_fields(const oc_log_json *in, const oc_fields *fields, void *object);
/** Exactly `count` amounts. */
OC_MUST_USE oc_status oc_log_get_amounts(const oc_log_json *in, const char *key, size_t count, double *out);
/** Ids below `limit`, in `*ids` of the arena. */
OC_MUST_USE oc_status oc_log_get_ids(const oc_log_json *in, const char *key, size_t limit, oc_arena *arena, oc_id **ids, size_t *count);

/** What a scene describes. `net` holds the texts. */
typedef struct oc_log_scene {
    oc_net *net;
    oc_costs *costs;
    const char *policy;
    const char **site_names; /* costs->n_sites */
} oc_log_scene;
/** Owns: oc_log_scene_fini. Errors: OC_E_FORMAT, OC_E_LIMIT, OC_E_NOMEM. */
OC_MUST_USE oc_status oc_log_scene_read(const oc_log_json *line, const oc_limits *limits, const oc_allocator *alloc, oc_log_scene *scene);
void oc_log_scene_fini(oc_log_scene *scene);

#endif
