/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a decision log line by line. The file is read in pieces into a window that grows up to
 * the longest line that is accepted; a line that was refused stays the next one.
 */
#include "log_json.h"

#define LINE_BYTES_MAX ((size_t)32 << 20)
#define PIECE_BYTES ((size_t)64 << 10)

struct oc_log_reader {
    const oc_allocator *alloc;
    oc_limits limits;
    oc_file *file;
    uint64_t offset; /* of the file: what was read into the window */
    char *window;
    size_t capacity, begin, end; /* what of the window is not used up */
    oc_log_place place;
    oc_log_scene scene; /* in force; net NULL: none yet */
};

oc_status oc_log_reader_open(const char *path, const oc_limits *limits, const oc_allocator *alloc,
                             oc_log_reader **reader)
{
    oc_log_reader *fresh = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, fresh));
    fresh->alloc = alloc;
    fresh->limits = oc_limits_or_default(limits);
    oc_status status = oc_file_open(path, alloc, &fresh->file);
    if (status != OC_OK) {
        oc_free(alloc, fresh);
        return status;
    }
    fresh->place.file = oc_file_path(fresh->file);
    *reader = fresh;
    return OC_OK;
}

void oc_log_reader_close(oc_log_reader *reader)
{
    if (reader == NULL)
        return;
    oc_log_scene_fini(&reader->scene);
    oc_free(reader->alloc, reader->window);
    oc_file_unref(reader->file);
    oc_free(reader->alloc, reader);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Room for a piece behind what is in the window: moved to its front, or into a larger one. */
static oc_status make_room(oc_log_reader *r)
{
    size_t used = r->end - r->begin;
    if (r->capacity - r->end >= PIECE_BYTES)
        return OC_OK;
    if (r->capacity >= 2 * (used + PIECE_BYTES)) {
        memmove(r->window, r->window + r->begin, used);
    } else {
        char *larger = NULL;
        size_t capacity = 2 * (used + PIECE_BYTES);
        OC_TRY(oc_alloc(r->alloc, capacity, 1, &larger));
        if (used > 0)
            memcpy(larger, r->window + r->begin, used);
        oc_free(r->alloc, r->window);
        r->window = larger;
        r->capacity = capacity;
    }
    r->begin = 0;
    r->end = used;
    return OC_OK;
}

/* One more piece of the file; `*has_more` false: it has ended. */
static oc_status read_piece(oc_log_reader *r, bool *has_more)
{
    uint64_t left = oc_file_size(r->file) - r->offset;
    size_t size = (size_t)OC_MIN(left, PIECE_BYTES);
    *has_more = size > 0;
    if (size == 0)
        return OC_OK;
    OC_TRY(make_room(r));
    OC_TRY(oc_file_read(r->file, r->offset, r->window + r->end, size));
    r->offset += size;
    r->end += size;
    return OC_OK;
}

/* The next line without its newline, in the window; not used up yet. `*has_line` false: there is
 * no whole one any more. */
static oc_status find_line(oc_log_reader *r, oc_bytes *line, bool *has_line)
{
    size_t searched = 0;
    for (;;) {
        const char *from = r->window + r->begin;
        size_t size = r->end - r->begin;
        const char *newline =
            size > searched ? memchr(from + searched, '\n', size - searched) : NULL;
        size_t length = newline != NULL ? (size_t)(newline - from) : size;
        if (length > LINE_BYTES_MAX)
            return oc_fail(OC_E_LIMIT, "%s:%zu: expected a line of at most %zu bytes, found more",
                           r->place.file, r->place.line, LINE_BYTES_MAX);
        *has_line = newline != NULL;
        if (newline != NULL) {
            *line = (oc_bytes){.data = (const uint8_t *)from, .size = length};
            return OC_OK;
        }
        searched = size;
        bool has_more;
        OC_TRY(read_piece(r, &has_more));
        if (!has_more)
            return OC_OK;
    }
}

/* ---- what a line says ------------------------------------------------------------------------ */

static oc_status check_index(const oc_log_json *at, const char *key, uint32_t value, size_t limit,
                             bool may_be_none)
{
    oc_log_json found;
    if (value < limit || (value == OC_NONE && may_be_none))
        return OC_OK;
    OC_TRY(oc_log_member(at, key, &found));
    return oc_log_fail(&found, "a number below %zu%s", limit, may_be_none ? ", or null" : "");
}

static oc_status read_state(const oc_log_reader *r, const oc_log_json *at, oc_site_state *state)
{
    oc_log_json link;
    OC_TRY(oc_log_get_fields(at, &oc_log_site_fields, state));
    OC_TRY(oc_log_get_amounts(at, "factor", r->scene.net->n_kinds, state->factor));
    for (size_t k = r->scene.net->n_kinds; k < OC_KINDS_MAX; k++)
        state->factor[k] = 1;
    OC_TRY(oc_log_object(at, "link", &link));
    return oc_log_get_fields(&link, &oc_log_link_fields, &state->link);
}

static oc_status read_situation(const oc_log_reader *r, const oc_log_json *line, oc_situation *s)
{
    const oc_net *net = r->scene.net;
    oc_log_json at, sites;
    size_t count;
    OC_TRY(oc_log_object(line, "situation", &at));
    OC_TRY(oc_log_get_fields(&at, &oc_log_situation_fields, s));
    OC_TRY(check_index(&at, "at_cut", s->at_cut, net->n_cuts, false));
    OC_TRY(check_index(&at, "n_submitted", s->n_submitted, net->n_nodes + 1, false));
    OC_TRY(check_index(&at, "now_cut", s->now_cut, net->n_cuts, true));
    OC_TRY(check_index(&at, "now_site", s->now_site, r->scene.costs->n_sites, true));
    OC_TRY(oc_log_list(&at, "sites", &sites, &count));
    if (count != r->scene.costs->n_sites)
        return oc_log_fail(&sites, "a list of %zu", r->scene.costs->n_sites);
    s->n_sites = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        oc_log_json site = oc_log_entry_of(&sites, i);
        OC_TRY(read_state(r, &site, &s->sites[i]));
    }
    return OC_OK;
}

static oc_status read_decision(const oc_log_reader *r, const oc_log_json *line, oc_log_entry *entry)
{
    oc_log_choice *c = &entry->choice;
    oc_log_json at;
    OC_TRY(read_situation(r, line, &entry->situation));
    OC_TRY(oc_log_object(line, "decision", &at));
    OC_TRY(oc_log_get_fields(&at, &oc_log_choice_fields, c));
    OC_TRY(check_index(&at, "cut", c->cut, r->scene.net->n_cuts, !c->is_possible));
    OC_TRY(check_index(&at, "site", c->site, r->scene.costs->n_sites, !c->is_possible));
    entry->line = OC_LOG_DECISION;
    return OC_OK;
}

static oc_status read_outcome(const oc_log_reader *r, const oc_log_json *line, oc_log_entry *entry)
{
    oc_outcome *outcome = &entry->outcome;
    oc_log_json at;
    OC_TRY(oc_log_get_fields(line, &oc_log_outcome_fields, outcome));
    OC_TRY(check_index(line, "cut", outcome->cut, r->scene.net->n_cuts, true));
    OC_TRY(check_index(line, "site", outcome->site, r->scene.costs->n_sites, true));
    OC_TRY(oc_log_object(line, "actual", &at));
    OC_TRY(oc_log_get_fields(&at, &oc_log_prediction_fields, &outcome->actual));
    entry->line = OC_LOG_OUTCOME;
    return OC_OK;
}

static oc_status read_new_scene(oc_log_reader *r, const oc_log_json *line, oc_log_entry *entry)
{
    oc_log_scene scene;
    OC_TRY(oc_log_scene_read(line, &r->limits, r->alloc, &scene));
    oc_log_scene_fini(&r->scene);
    r->scene = scene;
    entry->line = OC_LOG_SCENE;
    return OC_OK;
}

static oc_status read_line(oc_log_reader *r, const oc_log_json *line, oc_log_entry *entry)
{
    if (!json_is_object(line->json))
        return oc_log_fail(line, "an object");
    if (json_object_get(line->json, "offcut_log") != NULL)
        return read_new_scene(r, line, entry);
    if (r->scene.net == NULL)
        return oc_log_fail(line, "the line with \"offcut_log\" first");
    if (json_object_get(line->json, "situation") != NULL)
        return read_decision(r, line, entry);
    if (json_object_get(line->json, "actual") != NULL)
        return read_outcome(r, line, entry);
    return oc_log_fail(line, "one of the keys offcut_log, situation and actual");
}

static oc_status parse_line(oc_log_reader *r, oc_bytes text, oc_log_entry *entry)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        return oc_fail(OC_E_FORMAT, "%s:%zu: column %d: expected JSON, found: %s", r->place.file,
                       r->place.line, error.column, error.text);
    oc_log_json line = {.place = &r->place, .json = json};
    oc_status status = read_line(r, &line, entry);
    json_decref(json);
    return status;
}

oc_status oc_log_reader_next(oc_log_reader *reader, oc_log_entry *entry)
{
    oc_bytes line;
    bool has_line;
    oc_log_entry fresh = {.line = OC_LOG_END};
    reader->place.line++;
    oc_status status = find_line(reader, &line, &has_line);
    if (status == OC_OK && has_line)
        status = parse_line(reader, line, &fresh);
    if (status != OC_OK || !has_line)
        reader->place.line--; /* the next call finds the same */
    if (status != OC_OK)
        return status;
    if (has_line)
        reader->begin += line.size + 1;
    fresh.costs = reader->scene.costs;
    fresh.policy = reader->scene.policy;
    fresh.site_names = (const char *const *)reader->scene.site_names;
    *entry = fresh;
    return OC_OK;
}
