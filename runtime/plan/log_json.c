/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the JSON of a log line. Nothing is used before its type and range were checked. */
#include "log_json.h"

#include <math.h>
#include <stdio.h>

/* Thirty years in nanoseconds: no time, rate or amount of work comes near it, and sums and
 * products of such stay finite. */
#define AMOUNT_MAX 1e18

/* ---- saying what is wrong -------------------------------------------------------------------- */

/* "situation.sites[1].queue_ns", as much of it as there is room for. */
static size_t print_key(const oc_log_json *at, char *text, size_t size)
{
    if (at->up == NULL)
        return 0;
    size_t used = print_key(at->up, text, size);
    int more = at->key == NULL
                   ? snprintf(text + used, size - used, "[%zu]", at->index)
                   : snprintf(text + used, size - used, "%s%s", used > 0 ? "." : "", at->key);
    return OC_MIN(used + (size_t)OC_MAX(more, 0), size - 1);
}

/* The value itself where it is short enough to be of use. */
static void print_found(const json_t *json, char *text, size_t size)
{
    if (json == NULL) {
        snprintf(text, size, "nothing");
    } else if (json_is_object(json) || json_is_array(json)) {
        snprintf(text, size, json_is_object(json) ? "an object" : "a list of %zu",
                 json_array_size(json));
    } else {
        /* What does not fit is left out by the piece, and counted all the same. */
        size_t length = json_dumpb(json, text, size - 1, JSON_ENCODE_ANY | JSON_COMPACT);
        if (length < size)
            text[length] = '\0';
        else
            snprintf(text, size, "a text of %zu bytes", length);
    }
}

oc_status oc_log_fail(const oc_log_json *at, const char *fmt, ...)
{
    char key[128] = "", expected[160], found[64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(expected, sizeof(expected), fmt, args);
    va_end(args);
    print_key(at, key, sizeof(key));
    print_found(at->json, found, sizeof(found));
    return oc_fail(OC_E_FORMAT, "%s:%zu: %s%sexpected %s, found %s", at->place->file,
                   at->place->line, key, key[0] != '\0' ? ": " : "", expected, found);
}

/* ---- values ---------------------------------------------------------------------------------- */

oc_status oc_log_member(const oc_log_json *in, const char *key, oc_log_json *found)
{
    if (!json_is_object(in->json))
        return oc_log_fail(in, "an object");
    *found = (oc_log_json){
        .up = in, .place = in->place, .key = key, .json = json_object_get(in->json, key)};
    return OC_OK;
}

oc_status oc_log_object(const oc_log_json *in, const char *key, oc_log_json *found)
{
    OC_TRY(oc_log_member(in, key, found));
    return json_is_object(found->json) ? OC_OK : oc_log_fail(found, "an object");
}

oc_status oc_log_list(const oc_log_json *in, const char *key, oc_log_json *found, size_t *count)
{
    OC_TRY(oc_log_member(in, key, found));
    if (!json_is_array(found->json))
        return oc_log_fail(found, "a list");
    *count = json_array_size(found->json);
    return OC_OK;
}

oc_log_json oc_log_entry_of(const oc_log_json *list, size_t i)
{
    return (oc_log_json){
        .up = list, .place = list->place, .index = i, .json = json_array_get(list->json, i)};
}

/* Digits alone, as numbers are written that JSON readers would cut. */
static bool parse_digits(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

oc_status oc_log_whole(const oc_log_json *at, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    bool is_whole = false;
    if (json_is_integer(at->json) && json_integer_value(at->json) >= 0) {
        value = (uint64_t)json_integer_value(at->json);
        is_whole = true;
    } else if (json_is_string(at->json)) {
        is_whole = parse_digits(json_string_value(at->json), &value);
    }
    if (!is_whole || value > max)
        return oc_log_fail(at, "a whole number of at most %llu", (unsigned long long)max);
    *out = value;
    return OC_OK;
}

oc_status oc_log_number(const oc_log_json *at, bool is_amount, double *out)
{
    const char *text = json_string_value(at->json);
    double value;
    if (json_is_number(at->json))
        value = json_number_value(at->json);
    else if (json_is_null(at->json))
        value = NAN;
    else if (text != NULL && strcmp(text, "inf") == 0)
        value = INFINITY;
    else if (text != NULL && strcmp(text, "-inf") == 0)
        value = -INFINITY;
    else
        return oc_log_fail(at, "a number");
    if (is_amount && !(value >= 0 && value <= AMOUNT_MAX))
        return oc_log_fail(at, "a number from 0 to %g", AMOUNT_MAX);
    *out = value;
    return OC_OK;
}

oc_status oc_log_string(const oc_log_json *at, const char **out)
{
    if (!json_is_string(at->json))
        return oc_log_fail(at, "a text");
    *out = json_string_value(at->json);
    return OC_OK;
}

/* ---- members --------------------------------------------------------------------------------- */

oc_status oc_log_get_whole(const oc_log_json *in, const char *key, uint64_t max, uint64_t *out)
{
    oc_log_json at;
    OC_TRY(oc_log_member(in, key, &at));
    return oc_log_whole(&at, max, out);
}

oc_status oc_log_get_amount(const oc_log_json *in, const char *key, double *out)
{
    oc_log_json at;
    OC_TRY(oc_log_member(in, key, &at));
    return oc_log_number(&at, true, out);
}

oc_status oc_log_get_text(const oc_log_json *in, const char *key, oc_arena *arena, const char **out)
{
    oc_log_json at;
    const char *text;
    char *copy;
    OC_TRY(oc_log_member(in, key, &at));
    OC_TRY(oc_log_string(&at, &text));
    OC_TRY(oc_arena_strdup(arena, text, strlen(text), &copy));
    *out = copy;
    return OC_OK;
}

static oc_status get_array(const oc_log_json *at, char *out, size_t size)
{
    const char *text;
    OC_TRY(oc_log_string(at, &text));
    if (strlen(text) >= size)
        return oc_log_fail(at, "a text of at most %zu bytes", size - 1);
    memset(out, 0, size);
    memcpy(out, text, strlen(text));
    return OC_OK;
}

static oc_status get_u32(const oc_log_json *at, uint32_t *out)
{
    uint64_t value;
    OC_TRY(oc_log_whole(at, UINT32_MAX - 1, &value));
    *out = (uint32_t)value;
    return OC_OK;
}

static oc_status get_flag(const oc_log_json *at, bool *out)
{
    if (!json_is_boolean(at->json))
        return oc_log_fail(at, "true or false");
    *out = json_is_true(at->json);
    return OC_OK;
}

static oc_status get_field(const oc_log_json *at, const oc_field *field, void *object)
{
    void *out = (char *)object + field->offset;
    switch (field->type) {
    case OC_FIELD_U64:
        return oc_log_whole(at, UINT64_MAX, out);
    case OC_FIELD_INDEX:
        if (json_is_null(at->json)) {
            *(uint32_t *)out = OC_NONE;
            return OC_OK;
        }
        return get_u32(at, out);
    case OC_FIELD_U32:
        return get_u32(at, out);
    case OC_FIELD_FLAG:
        return get_flag(at, out);
    case OC_FIELD_ANY:
    case OC_FIELD_AMOUNT:
        return oc_log_number(at, field->type == OC_FIELD_AMOUNT, out);
    case OC_FIELD_TEXT:
        return get_array(at, out, field->size);
    }
    return oc_fail(OC_E_INTERNAL, "log field \"%s\": expected a known type, found %d", field->key,
                   (int)field->type);
}

oc_status oc_log_get_fields(const oc_log_json *in, const oc_fields *fields, void *object)
{
    for (size_t i = 0; i < fields->count; i++) {
        oc_log_json at;
        OC_TRY(oc_log_member(in, fields->rows[i].key, &at));
        OC_TRY(get_field(&at, &fields->rows[i], object));
    }
    return OC_OK;
}

oc_status oc_log_get_amounts(const oc_log_json *in, const char *key, size_t count, double *out)
{
    oc_log_json list;
    size_t found;
    OC_TRY(oc_log_list(in, key, &list, &found));
    if (found != count)
        return oc_log_fail(&list, "a list of %zu", count);
    for (size_t i = 0; i < count; i++) {
        oc_log_json at = oc_log_entry_of(&list, i);
        OC_TRY(oc_log_number(&at, true, &out[i]));
    }
    return OC_OK;
}

oc_status oc_log_get_ids(const oc_log_json *in, const char *key, size_t limit, oc_arena *arena,
                         oc_id **ids, size_t *count)
{
    oc_log_json list;
    size_t n;
    oc_id *fresh;
    OC_TRY(oc_log_list(in, key, &list, &n));
    OC_TRY(OC_ARENA_ALLOC(arena, n + 1, fresh));
    for (size_t i = 0; i < n; i++) {
        oc_log_json at = oc_log_entry_of(&list, i);
        uint64_t id;
        OC_TRY(oc_log_whole(&at, limit > 0 ? limit - 1 : 0, &id));
        if (id >= limit)
            return oc_log_fail(&at, "nothing, there are none to name");
        fresh[i] = (oc_id)id;
    }
    *ids = fresh;
    *count = n;
    return OC_OK;
}
