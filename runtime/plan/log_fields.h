/* SPDX-License-Identifier: Apache-2.0 */
/** The members of the decision log's objects: one list that the writer and the reader both follow. Only the plan room uses it. */
#ifndef OC_LOG_FIELDS_H
#define OC_LOG_FIELDS_H

#include "oc_decision_log.h"

#define OC_LOG_VERSION 1

/**
 * How a field stands in JSON. Doubles have 17 digits, so that they read back to the same bits; those that JSON has not are null (NAN) and the
 * texts "inf" and "-inf"; a NAN's payload is not kept. Whole numbers beyond 2^63 - 1, which JSON readers cut, are texts of digits.
 */
typedef enum oc_field_type {
    OC_FIELD_U64,
    OC_FIELD_U32,
    OC_FIELD_INDEX,  /* uint32_t; OC_NONE is null */
    OC_FIELD_FLAG,   /* bool */
    OC_FIELD_ANY,    /* double, whatever it is */
    OC_FIELD_AMOUNT, /* double from 0 to 1e18: a time, a rate, a factor */
    OC_FIELD_TEXT    /* char[size]; what is not UTF-8 becomes '?' */
} oc_field_type;

typedef struct oc_field {
    const char *key;
    oc_field_type type;
    size_t offset, size; /* size: of a text's array */
} oc_field;

typedef struct oc_fields {
    const oc_field *rows;
    size_t count;
} oc_fields;

extern const oc_fields oc_log_situation_fields;  /* of oc_situation, its sites apart */
extern const oc_fields oc_log_site_fields;       /* of oc_site_state, factors and link apart */
extern const oc_fields oc_log_link_fields;       /* of oc_link_estimate */
extern const oc_fields oc_log_choice_fields;     /* of oc_log_choice */
extern const oc_fields oc_log_outcome_fields;    /* of oc_outcome, the actual times apart */
extern const oc_fields oc_log_prediction_fields; /* of oc_prediction */

/** oc_cost_source by name. */
extern const char *const oc_log_sources[2];

#endif
