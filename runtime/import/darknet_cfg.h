/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The text of a Darknet .cfg: sections "[type]" of "key=value" lines, in order. '#' and ';' begin a
 * comment, white space counts nowhere. Of a key that a section has twice the first counts.
 */
#ifndef DARKNET_CFG_H
#define DARKNET_CFG_H

#include "oc_base.h"

typedef struct oc_dk_pair {
    const char *key, *value;
    uint32_t line; /* from 1 */
} oc_dk_pair;

typedef struct oc_dk_section {
    const char *type; /* "convolutional" */
    uint32_t line;
    oc_dk_pair *pairs;
    size_t n_pairs, cap_pairs;
} oc_dk_section;

typedef struct oc_dk_cfg {
    const oc_allocator *alloc; /* of the lists; the texts lie in the scratch arena */
    oc_dk_section *sections;
    size_t n_sections, cap_sections;
} oc_dk_cfg;

/**
 * Read the whole text. Owns: oc_dk_cfg_fini, in any case; the texts live as long as `scratch`.
 * Errors: OC_E_FORMAT (line, expected, found), OC_E_LIMIT (more than `most` sections), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_dk_cfg_read(oc_bytes text, uint32_t most, oc_arena *scratch,
                                     oc_dk_cfg *cfg);
void oc_dk_cfg_fini(oc_dk_cfg *cfg);

/** Every key is one of the words of `known` or `ignored` (NULL: none). Errors: OC_E_UNSUPPORTED. */
OC_MUST_USE oc_status oc_dk_check_keys(const oc_dk_section *section, const char *known,
                                       const char *ignored);
bool oc_dk_has(const oc_dk_section *section, const char *key);

/* The value of a key, or `initial`. Errors: OC_E_FORMAT (line, key, expected, found). */
OC_MUST_USE oc_status oc_dk_int(const oc_dk_section *section, const char *key, int32_t initial,
                                int32_t min, int32_t max, int32_t *out);
OC_MUST_USE oc_status oc_dk_float(const oc_dk_section *section, const char *key, float initial,
                                  float *out);
const char *oc_dk_text(const oc_dk_section *section, const char *key, const char *initial);
/** 0 or 1. */
OC_MUST_USE oc_status oc_dk_flag(const oc_dk_section *section, const char *key, bool initial,
                                 bool *out);
/** Numbers separated by commas; `*count` 0 without the key. Errors: also more than `most`. */
OC_MUST_USE oc_status oc_dk_ints(const oc_dk_section *section, const char *key, int32_t *out,
                                 size_t most, size_t *count);
OC_MUST_USE oc_status oc_dk_floats(const oc_dk_section *section, const char *key, float *out,
                                   size_t most, size_t *count);
/** The key is absent or has this value. Errors: OC_E_UNSUPPORTED (line, key, expected, found). */
OC_MUST_USE oc_status oc_dk_only(const oc_dk_section *section, const char *key, int32_t value);

#endif
