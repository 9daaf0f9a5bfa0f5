/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the decision log. Lines are put together in one buffer and go to the file when it is
 * full or flushed: whole ones only, so that a reader of a growing log meets no halves, but for a
 * scene longer than the buffer. The first failure is kept; after it everything is skipped, and the
 * session goes on. While a log is held no line but a scene goes to the file: one that does not fit
 * is left out.
 */
#include "log_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Some twenty decisions of nine sites: more than a run makes. */
#define BUFFER_BYTES ((size_t)256 << 10)
#define NUMBER_BYTES 40

struct oc_decision_log {
    const oc_allocator *alloc;
    int fd;
    int error;        /* errno of the first write that failed; 0: none */
    bool is_reported; /* it was said */
    size_t n_kinds;   /* of the scene; there is none before has_scene */
    bool has_scene;
    bool is_held;
    bool is_scene;    /* the line under way is one */
    bool is_left_out; /* the line under way does not fit */
    bool has_left_out, is_left_out_told;
    size_t used, line; /* bytes in the buffer; where the line under way begins */
    const char *path;
    char buffer[BUFFER_BYTES];
};

/* ---- the file -------------------------------------------------------------------------------- */

static oc_status open_log(const char *path, int *fd)
{
    struct stat info;
    int opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    if (opened < 0)
        return oc_fail(OC_E_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (fstat(opened, &info) != 0 || (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode))) {
        close(opened);
        return oc_fail(OC_E_IO, "%s: expected a file for the decision log, found something else",
                       path);
    }
    *fd = opened;
    return OC_OK;
}

oc_status oc_decision_log_open(const char *path, const oc_allocator *alloc, oc_decision_log **log)
{
    oc_decision_log *fresh = NULL;
    size_t path_bytes = strlen(path) + 1;
    OC_TRY(oc_alloc(alloc, sizeof(*fresh) + path_bytes, 1, &fresh));
    char *copy = (char *)fresh + sizeof(*fresh);
    memcpy(copy, path, path_bytes);
    fresh->alloc = alloc;
    fresh->path = copy;
    oc_status status = open_log(path, &fresh->fd);
    if (status != OC_OK)
        oc_free(alloc, fresh);
    else
        *log = fresh;
    return status;
}

/* The first `size` bytes of the buffer to the file, the rest to its beginning. */
static void drain(oc_decision_log *log, size_t size)
{
    size_t done = 0;
    while (done < size && log->error == 0) {
        ssize_t put = write(log->fd, log->buffer + done, size - done);
        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR)
            log->error = errno;
    }
    memmove(log->buffer, log->buffer + size, log->used - size);
    log->used -= size;
    log->line -= OC_MIN(log->line, size);
}

static oc_status report(oc_decision_log *log)
{
    if (log->has_left_out && !log->is_left_out_told && log->error == 0) {
        log->is_left_out_told = true;
        return oc_fail(OC_E_LIMIT, "%s: a run decided so often that some of it is left out",
                       log->path);
    }
    if (log->error == 0 || log->is_reported)
        return OC_OK;
    log->is_reported = true;
    return oc_fail(OC_E_IO, "%s: the decision log ends here, it cannot be written: %s", log->path,
                   strerror(log->error));
}

oc_status oc_decision_log_flush(oc_decision_log *log)
{
    log->is_held = false;
    drain(log, log->line);
    return report(log);
}

void oc_decision_log_hold(oc_decision_log *log)
{
    log->is_held = true;
}

oc_status oc_decision_log_close(oc_decision_log *log)
{
    if (log == NULL)
        return OC_OK;
    drain(log, log->line);
    /* Some file systems report a full disk only here. */
    if (close(log->fd) != 0 && log->error == 0)
        log->error = errno;
    oc_status status = report(log);
    oc_free(log->alloc, log);
    return status;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void put(oc_decision_log *log, const char *text, size_t size)
{
    if (log->error != 0 || log->is_left_out)
        return;
    if (size > BUFFER_BYTES - log->used && log->is_held && !log->is_scene) {
        log->is_left_out = true;
        log->used = log->line;
        return;
    }
    if (size > BUFFER_BYTES - log->used)
        drain(log, log->line > 0 ? log->line : log->used);
    if (size > BUFFER_BYTES - log->used)
        drain(log, log->used); /* the line under way alone fills it */
    memcpy(log->buffer + log->used, text, size);
    log->used += size;
}

static void put_literal(oc_decision_log *log, const char *text)
{
    put(log, text, strlen(text));
}

static void put_text(oc_decision_log *log, const char *text, size_t size)
{
    char piece[OC_JSON_ESCAPE];
    const char *end = text + strnlen(text, size);
    put(log, "\"", 1);
    for (size_t n; (n = oc_json_escape(&text, end, piece)) > 0;)
        put(log, piece, n);
    put(log, "\"", 1);
}

static void put_u64(oc_decision_log *log, uint64_t value)
{
    char text[NUMBER_BYTES];
    const char *quote = value > INT64_MAX ? "\"" : "";
    int size = snprintf(text, sizeof(text), "%s%llu%s", quote, (unsigned long long)value, quote);
    put(log, text, (size_t)size);
}

static void put_index(oc_decision_log *log, uint32_t value)
{
    if (value == OC_NONE)
        put_literal(log, "null");
    else
        put_u64(log, value);
}

/* The program may have set a locale whose decimal point is something else, of one or more bytes. */
static size_t make_point(char *text)
{
    size_t size = 0;
    bool was_foreign = false;
    for (const char *c = text; *c != '\0'; c++) {
        bool is_foreign = strchr("0123456789+-e.", *c) == NULL;
        if (!is_foreign || !was_foreign)
            text[size++] = is_foreign ? '.' : *c;
        was_foreign = is_foreign;
    }
    return size;
}

static void put_double(oc_decision_log *log, double value)
{
    char text[NUMBER_BYTES];
    if (isnan(value)) {
        put_literal(log, "null");
    } else if (isinf(value)) {
        put_literal(log, value < 0 ? "\"-inf\"" : "\"inf\"");
    } else if (value == 0) {
        put_literal(log, signbit(value) ? "-0.0" : "0"); /* "-0" would be read as an integer */
    } else {
        snprintf(text, sizeof(text), "%.17g", value);
        put(log, text, make_point(text));
    }
}

/* ---- objects --------------------------------------------------------------------------------- */

/* `,"key":` with the comma left out behind a bracket or at a line's beginning. */
static void put_key(oc_decision_log *log, const char *key)
{
    if (log->used > 0 && log->buffer[log->used - 1] != '{')
        put_literal(log, ",");
    put_literal(log, "\"");
    put_literal(log, key);
    put_literal(log, "\":");
}

static void put_comma(oc_decision_log *log, size_t i)
{
    if (i > 0)
        put_literal(log, ",");
}

static void put_field(oc_decision_log *log, const oc_field *field, const void *object)
{
    const char *at = (const char *)object + field->offset;
    put_key(log, field->key);
    switch (field->type) {
    case OC_FIELD_U64:
        put_u64(log, *(const uint64_t *)(const void *)at);
        break;
    case OC_FIELD_U32:
        put_u64(log, *(const uint32_t *)(const void *)at);
        break;
    case OC_FIELD_INDEX:
        put_index(log, *(const uint32_t *)(const void *)at);
        break;
    case OC_FIELD_FLAG:
        put_literal(log, *(const bool *)at ? "true" : "false");
        break;
    case OC_FIELD_ANY:
    case OC_FIELD_AMOUNT:
        put_double(log, *(const double *)(const void *)at);
        break;
    case OC_FIELD_TEXT:
        put_text(log, at, field->size);
        break;
    }
}

static void put_fields(oc_decision_log *log, const oc_fields *fields, const void *object)
{
    for (size_t i = 0; i < fields->count; i++)
        put_field(log, &fields->rows[i], object);
}

static void put_ids(oc_decision_log *log, const char *key, const oc_id *ids, size_t count)
{
    put_key(log, key);
    put_literal(log, "[");
    for (size_t i = 0; i < count; i++) {
        put_comma(log, i);
        put_u64(log, ids[i]);
    }
    put_literal(log, "]");
}

static void put_doubles(oc_decision_log *log, const char *key, const double *values, size_t count)
{
    put_key(log, key);
    put_literal(log, "[");
    for (size_t i = 0; i < count; i++) {
        put_comma(log, i);
        put_double(log, values[i]);
    }
    put_literal(log, "]");
}

static void put_named(oc_decision_log *log, const char *key, const char *text)
{
    put_key(log, key);
    put_text(log, text, SIZE_MAX);
}

static void put_counted(oc_decision_log *log, const char *key, uint64_t value)
{
    put_key(log, key);
    put_u64(log, value);
}

static void put_measured(oc_decision_log *log, const char *key, double value)
{
    put_key(log, key);
    put_double(log, value);
}

/* Ends the line; all of it may go to the file from now on. */
static void end_line(oc_decision_log *log)
{
    put_literal(log, "}\n");
    log->line = log->used;
    log->has_left_out = log->has_left_out || log->is_left_out;
    log->is_left_out = log->is_scene = false;
}

/* ---- the scene ------------------------------------------------------------------------------- */

static void put_values(oc_decision_log *log, const oc_net *net)
{
    put_key(log, "values");
    put_literal(log, "[");
    for (size_t v = 0; v < net->n_values; v++) {
        put_comma(log, v);
        put_literal(log, "{");
        put_named(log, "name", net->value_names[v]);
        put_counted(log, "bytes", net->bytes[v]);
        put_literal(log, "}");
    }
    put_literal(log, "]");
    put_ids(log, "inputs", net->inputs, net->n_inputs);
    put_ids(log, "outputs", net->outputs, net->n_outputs);
}

static void put_nodes(oc_decision_log *log, const oc_net *net)
{
    put_key(log, "nodes");
    put_literal(log, "[");
    for (size_t n = 0; n < net->n_nodes; n++) {
        uint32_t in = net->in_begin[n], out = net->out_begin[n];
        put_comma(log, n);
        put_literal(log, "{");
        put_named(log, "name", net->node_names[n]);
        put_counted(log, "kind", net->kind[n]);
        put_measured(log, "macs", net->macs[n]);
        put_measured(log, "ops", net->ops[n]);
        put_measured(log, "moved_bytes", net->moved_bytes[n]);
        put_counted(log, "weight_bytes", net->weight_bytes[n]);
        put_ids(log, "in", net->in + in, net->in_begin[n + 1] - in);
        put_ids(log, "out", net->out + out, net->out_begin[n + 1] - out);
        put_literal(log, "}");
    }
    put_literal(log, "]");
}

/* The nodes of a head that is no prefix. */
static void put_head(oc_decision_log *log, const bool *is_head, size_t n_nodes)
{
    size_t count = 0;
    put_key(log, "head");
    put_literal(log, "[");
    for (size_t n = 0; n < n_nodes; n++)
        if (is_head[n]) {
            put_comma(log, count++);
            put_u64(log, n);
        }
    put_literal(log, "]");
}

static void put_cut(oc_decision_log *log, const oc_net *net, const oc_net_cut *cut)
{
    put_literal(log, "{");
    put_named(log, "name", cut->name);
    put_key(log, "index");
    put_index(log, cut->index);
    if (cut->index == OC_NONE)
        put_head(log, cut->is_head, net->n_nodes);
    put_ids(log, "values", cut->values, cut->n_values);
    put_ids(log, "gives", cut->gives, cut->n_gives);
    put_counted(log, "up_bytes", cut->up_bytes);
    put_counted(log, "down_bytes", cut->down_bytes);
    put_counted(log, "memory_bytes", cut->memory_bytes);
    put_literal(log, "}");
}

static void put_net(oc_decision_log *log, const oc_net *net)
{
    char digest[OC_DIGEST_TEXT];
    put_named(log, "model", net->name);
    put_named(log, "digest", oc_digest_print(&net->digest, digest));
    put_key(log, "kinds");
    put_literal(log, "[");
    for (size_t k = 0; k < net->n_kinds; k++) {
        put_comma(log, k);
        put_text(log, net->kind_names[k], SIZE_MAX);
    }
    put_literal(log, "]");
    put_values(log, net);
    put_nodes(log, net);
    put_key(log, "cuts");
    put_literal(log, "[");
    for (size_t c = 0; c < net->n_cuts; c++) {
        put_comma(log, c);
        put_cut(log, net, &net->cuts[c]);
    }
    put_literal(log, "]");
}

void oc_decision_log_scene(oc_decision_log *log, const oc_costs *costs, const char *policy,
                           const char *const *site_names)
{
    log->is_scene = true;
    put_literal(log, "{");
    put_counted(log, "offcut_log", OC_LOG_VERSION);
    put_named(log, "policy", policy);
    put_net(log, costs->net);
    put_key(log, "sites");
    put_literal(log, "[");
    for (size_t s = 0; s < costs->n_sites; s++) {
        put_comma(log, s);
        put_literal(log, "{");
        put_named(log, "name", site_names[s]);
        put_named(log, "source", oc_log_sources[costs->source[s]]);
        put_doubles(log, "node_ns", costs->node_ns[s], costs->net->n_nodes);
        put_literal(log, "}");
    }
    put_literal(log, "]");
    end_line(log);
    log->n_kinds = costs->net->n_kinds;
    log->has_scene = true;
}

/* ---- decisions and outcomes ------------------------------------------------------------------ */

static void put_situation(oc_decision_log *log, const oc_situation *situation)
{
    put_key(log, "situation");
    put_literal(log, "{");
    put_fields(log, &oc_log_situation_fields, situation);
    put_key(log, "sites");
    put_literal(log, "[");
    for (uint32_t s = 0; s < situation->n_sites; s++) {
        const oc_site_state *site = &situation->sites[s];
        put_comma(log, s);
        put_literal(log, "{");
        put_fields(log, &oc_log_site_fields, site);
        put_doubles(log, "factor", site->factor, log->n_kinds);
        put_key(log, "link");
        put_literal(log, "{");
        put_fields(log, &oc_log_link_fields, &site->link);
        put_literal(log, "}}");
    }
    put_literal(log, "]}");
}

void oc_decision_log_put(oc_decision_log *log, const oc_situation *situation,
                         const oc_decision *decision)
{
    oc_log_choice choice = oc_log_choice_of(decision);
    if (!log->has_scene)
        return;
    put_literal(log, "{");
    put_situation(log, situation);
    put_key(log, "decision");
    put_literal(log, "{");
    put_fields(log, &oc_log_choice_fields, &choice);
    /* For people and scripts; a replay computes them. */
    put_measured(log, "gap", decision->gap);
    put_named(log, "why", decision->why);
    put_literal(log, "}");
    end_line(log);
}

void oc_decision_log_outcome(oc_decision_log *log, const oc_outcome *outcome)
{
    if (!log->has_scene)
        return;
    put_literal(log, "{");
    put_fields(log, &oc_log_outcome_fields, outcome);
    put_key(log, "actual");
    put_literal(log, "{");
    put_fields(log, &oc_log_prediction_fields, &outcome->actual);
    put_literal(log, "}");
    end_line(log);
}

oc_log_choice oc_log_choice_of(const oc_decision *decision)
{
    bool is_possible = decision->is_possible;
    return (oc_log_choice){.cut = is_possible ? decision->cut : OC_NONE,
                           .site = is_possible ? decision->site : OC_NONE,
                           .is_now = is_possible && decision->is_now,
                           .is_forced = is_possible && decision->is_forced,
                           .is_possible = is_possible,
                           .predicted_ns = is_possible ? decision->predicted.total_ns : NAN,
                           .bound_ns = decision->bound_ns};
}

static bool same_bits(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0;
}

bool oc_log_choice_equal(const oc_log_choice *a, const oc_log_choice *b)
{
    return a->cut == b->cut && a->site == b->site && a->is_now == b->is_now &&
           a->is_forced == b->is_forced && a->is_possible == b->is_possible &&
           same_bits(a->predicted_ns, b->predicted_ns) && same_bits(a->bound_ns, b->bound_ns);
}
