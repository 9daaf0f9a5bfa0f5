/* SPDX-License-Identifier: Apache-2.0 */
/** What the commands say, as JSON: sizes in bytes, times in nanoseconds, both exact. */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include "command.h"

#include <jansson.h>

/** Add `value`, which the object or list then owns. Ends the program when there is no memory. */
void host_json_put(json_t *object, const char *key, json_t *value);
void host_json_add(json_t *list, json_t *value);

/*
 * New values. A text that is not UTF-8 (a file's name may be anything) has '?' for the bytes that
 * are not ASCII.
 */
json_t *host_json_object(void);
json_t *host_json_list(void);
json_t *host_json_text(const char *text); /* NULL gives null */
json_t *host_json_uint(uint64_t value);
json_t *host_json_bool(bool value);
json_t *host_json_number(double value); /* null where JSON has no such number */
json_t *host_json_desc(const char *name, const oc_desc *desc); /* {name, dtype, shape} */
json_t *host_json_model(const oc_model_info *info);
json_t *host_json_device(const oc_device_info *info);

/** Print the document on stdout and release it. */
void host_json_print(json_t *document);

#endif
