/* SPDX-License-Identifier: Apache-2.0 */
/**
 * YAML to struct and back, by libcyaml schemas. The reader of a schema's file sees errors with
 * file, line and key.
 */
#ifndef OC_YAML_H
#define OC_YAML_H

#include "oc_base.h"

#include <cyaml/cyaml.h>

/**
 * Parse `bytes` (named `name` in errors) by `schema` (a pointer-to-mapping value) into `*out`.
 * Owns: free with oc_yaml_free and the same schema. Errors: OC_E_FORMAT ("name:line: key: what"), OC_E_LIMIT (brackets open at once), OC_E_NOMEM.
 * Unknown, missing and repeated keys, aliases, second documents, and numbers or truth values with
 * anything behind them are refused. Give enums CYAML_FLAG_STRICT: without it libcyaml takes numbers for names.
 */
OC_MUST_USE oc_status oc_yaml_load(oc_bytes bytes, const char *name, const cyaml_schema_value_t *schema, void **out);
/** The YAML text of `data`, appended to `text`. */
OC_MUST_USE oc_status oc_yaml_save(const cyaml_schema_value_t *schema, const void *data, oc_buf *text);
void oc_yaml_free(const cyaml_schema_value_t *schema, void *data);

#endif
