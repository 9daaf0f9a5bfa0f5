/* SPDX-License-Identifier: Apache-2.0 */
/** The text of a Darknet .cfg. Source: the files themselves; Darknet documents no grammar. */
#include "darknet_cfg.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 65536 /* no anchor list comes near it */
#define SHOWN_MAX 80         /* of a value in an error text */

/* ---- lines ----------------------------------------------------------------------------------- */

/* The next line without white space and comment, in the arena; false at the end. */
static oc_status next_line(oc_bytes text, size_t *at, oc_arena *scratch, uint32_t number,
                           char **line)
{
    const uint8_t *begin = text.data + *at;
    const uint8_t *newline = memchr(begin, '\n', text.size - *at);
    size_t size = newline ? (size_t)(newline - begin) : text.size - *at, kept = 0;
    *at += size + (newline != NULL);
    if (size > LINE_MAX_BYTES)
        return oc_fail(OC_E_FORMAT, "line %u: expected at most %d bytes, found %zu", number,
                       LINE_MAX_BYTES, size);
    OC_TRY(OC_ARENA_ALLOC(scratch, size + 1, *line));
    for (size_t i = 0; i < size && begin[i] != '#' && begin[i] != ';'; i++) {
        if (begin[i] == 0)
            return oc_fail(OC_E_FORMAT, "line %u: expected text, found a zero byte", number);
        if (begin[i] != ' ' && begin[i] != '\t' && begin[i] != '\r')
            (*line)[kept++] = (char)begin[i];
    }
    return OC_OK;
}

static oc_status add_section(oc_dk_cfg *cfg, char *line, uint32_t number, uint32_t most)
{
    size_t size = strlen(line);
    if (size < 3 || line[size - 1] != ']')
        return oc_fail(OC_E_FORMAT, "line %u: expected [type], found \"%.*s\"", number,
                       oc_text_fit(line, SHOWN_MAX), line);
    if (cfg->n_sections == most)
        return oc_fail(OC_E_LIMIT, "line %u: more than %u sections", number, most);
    OC_TRY(oc_grow(cfg->alloc, &cfg->sections, cfg->n_sections, &cfg->cap_sections,
                   sizeof(*cfg->sections)));
    line[size - 1] = '\0';
    cfg->sections[cfg->n_sections++] = (oc_dk_section){.type = line + 1, .line = number};
    return OC_OK;
}

static oc_status add_pair(oc_dk_cfg *cfg, char *line, uint32_t number)
{
    char *equals = strchr(line, '=');
    if (cfg->n_sections == 0 || !equals || equals == line)
        return oc_fail(OC_E_FORMAT, "line %u: expected %s, found \"%.*s\"", number,
                       cfg->n_sections ? "key=value or [type]" : "[net]",
                       oc_text_fit(line, SHOWN_MAX), line);
    oc_dk_section *section = &cfg->sections[cfg->n_sections - 1];
    OC_TRY(oc_grow(cfg->alloc, &section->pairs, section->n_pairs, &section->cap_pairs,
                   sizeof(*section->pairs)));
    *equals = '\0';
    section->pairs[section->n_pairs++] =
        (oc_dk_pair){.key = line, .value = equals + 1, .line = number};
    return OC_OK;
}

oc_status oc_dk_cfg_read(oc_bytes text, uint32_t most, oc_arena *scratch, oc_dk_cfg *cfg)
{
    *cfg = (oc_dk_cfg){.alloc = scratch->alloc};
    uint32_t number = 0;
    for (size_t at = 0; at < text.size;) {
        char *line = NULL;
        OC_TRY(next_line(text, &at, scratch, ++number, &line));
        if (line[0] == '[')
            OC_TRY(add_section(cfg, line, number, most));
        else if (line[0])
            OC_TRY(add_pair(cfg, line, number));
    }
    return OC_OK;
}

void oc_dk_cfg_fini(oc_dk_cfg *cfg)
{
    for (size_t i = 0; i < cfg->n_sections; i++)
        oc_free(cfg->alloc, cfg->sections[i].pairs);
    oc_free(cfg->alloc, cfg->sections);
    *cfg = (oc_dk_cfg){.alloc = cfg->alloc};
}

/* ---- keys ------------------------------------------------------------------------------------ */

static const oc_dk_pair *find(const oc_dk_section *section, const char *key)
{
    for (size_t i = 0; i < section->n_pairs; i++)
        if (strcmp(section->pairs[i].key, key) == 0)
            return &section->pairs[i];
    return NULL;
}

bool oc_dk_has(const oc_dk_section *section, const char *key)
{
    return find(section, key) != NULL;
}

/* Is `word` one of the words of `list`? */
static bool has_word(const char *list, const char *word)
{
    while (list && *list) {
        size_t size = strcspn(list, " ");
        if (size == strlen(word) && memcmp(list, word, size) == 0)
            return true;
        list += size + strspn(list + size, " ");
    }
    return false;
}

oc_status oc_dk_check_keys(const oc_dk_section *section, const char *known, const char *ignored)
{
    for (size_t i = 0; i < section->n_pairs; i++) {
        const oc_dk_pair *pair = &section->pairs[i];
        if (!has_word(known, pair->key) && !has_word(ignored, pair->key))
            return oc_fail(OC_E_UNSUPPORTED,
                           "line %u: [%s] %.*s=%.*s: expected one of: %s; this key is not "
                           "supported",
                           pair->line, section->type, oc_text_fit(pair->key, SHOWN_MAX), pair->key,
                           oc_text_fit(pair->value, SHOWN_MAX), pair->value, known);
    }
    return OC_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

static oc_status fail_value(const oc_dk_section *section, const oc_dk_pair *pair,
                            const char *expected)
{
    return oc_fail(OC_E_FORMAT, "line %u: [%s] %s: expected %s, found \"%.*s\"", pair->line,
                   section->type, pair->key, expected, oc_text_fit(pair->value, SHOWN_MAX),
                   pair->value);
}

/* A whole number that ends at a comma or the text's end; moves `*text` behind the comma. */
static bool take_int(const char **text, int32_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(*text, &end, 10);
    if (errno || end == *text || (*end && *end != ',') || value < INT32_MIN || value > INT32_MAX)
        return false;
    *out = (int32_t)value;
    *text = end + (*end == ',');
    return true;
}

static bool take_float(const char **text, float *out)
{
    char *end;
    float value = strtof(*text, &end);
    if (end == *text || (*end && *end != ',') || !isfinite(value))
        return false;
    *out = value;
    *text = end + (*end == ',');
    return true;
}

oc_status oc_dk_int(const oc_dk_section *section, const char *key, int32_t initial, int32_t min,
                    int32_t max, int32_t *out)
{
    const oc_dk_pair *pair = find(section, key);
    *out = initial;
    if (!pair)
        return OC_OK;
    const char *text = pair->value;
    if (!take_int(&text, out) || *text || text[-1] == ',')
        return fail_value(section, pair, "a whole number");
    if (*out < min || *out > max)
        return oc_fail(OC_E_FORMAT, "line %u: [%s] %s: expected %d to %d, found %d", pair->line,
                       section->type, key, min, max, *out);
    return OC_OK;
}

oc_status oc_dk_flag(const oc_dk_section *section, const char *key, bool initial, bool *out)
{
    int32_t value;
    OC_TRY(oc_dk_int(section, key, initial, 0, 1, &value));
    *out = value != 0;
    return OC_OK;
}

oc_status oc_dk_float(const oc_dk_section *section, const char *key, float initial, float *out)
{
    const oc_dk_pair *pair = find(section, key);
    *out = initial;
    if (!pair)
        return OC_OK;
    const char *text = pair->value;
    if (!take_float(&text, out) || *text || text[-1] == ',')
        return fail_value(section, pair, "a number");
    return OC_OK;
}

const char *oc_dk_text(const oc_dk_section *section, const char *key, const char *initial)
{
    const oc_dk_pair *pair = find(section, key);
    return pair ? pair->value : initial;
}

oc_status oc_dk_ints(const oc_dk_section *section, const char *key, int32_t *out, size_t most,
                     size_t *count)
{
    const oc_dk_pair *pair = find(section, key);
    *count = 0;
    for (const char *text = pair ? pair->value : ""; *text;) {
        if (*count == most)
            return oc_fail(OC_E_LIMIT, "line %u: [%s] %s: expected at most %zu numbers, found more",
                           pair->line, section->type, key, most);
        if (!take_int(&text, &out[(*count)++]))
            return fail_value(section, pair, "whole numbers separated by commas");
    }
    return OC_OK;
}

oc_status oc_dk_floats(const oc_dk_section *section, const char *key, float *out, size_t most,
                       size_t *count)
{
    const oc_dk_pair *pair = find(section, key);
    *count = 0;
    for (const char *text = pair ? pair->value : ""; *text;) {
        if (*count == most)
            return oc_fail(OC_E_LIMIT, "line %u: [%s] %s: expected at most %zu numbers, found more",
                           pair->line, section->type, key, most);
        if (!take_float(&text, &out[(*count)++]))
            return fail_value(section, pair, "numbers separated by commas");
    }
    return OC_OK;
}

oc_status oc_dk_only(const oc_dk_section *section, const char *key, int32_t value)
{
    int32_t found;
    OC_TRY(oc_dk_int(section, key, value, INT32_MIN, INT32_MAX, &found));
    if (found != value)
        return oc_fail(OC_E_UNSUPPORTED,
                       "line %u: [%s] %s: expected %d, found %d; it is not supported",
                       find(section, key)->line, section->type, key, value, found);
    return OC_OK;
}
