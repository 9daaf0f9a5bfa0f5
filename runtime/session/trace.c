/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace: a ring of spans, and the ring as Chrome trace events. Source: "Trace Event Format"
 * (Google, 2016); Perfetto reads it too.
 *
 * A viewer stacks the spans of one row (a tid) by time and draws nonsense where two overlap without
 * one holding the other, as a transfer up and one down do. Such spans get a row more: each row
 * keeps the chain of spans that are open where the next one begins, and takes it if it begins
 * behind the innermost one or ends within it.
 */
#include "oc_trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct oc_trace {
    const oc_allocator *alloc;
    size_t capacity;
    uint64_t n_put; /* ever; the newest is spans[(n_put - 1) % capacity] */
    oc_span spans[];
};

/* No single thing takes longer: a worker's clock that jumped must not make a span of centuries. */
#define LONGEST_NS ((uint64_t)3600 * 1000 * 1000 * 1000)
/* Readers count nanoseconds in 64 bits with a sign. */
#define LATEST_NS ((uint64_t)INT64_MAX / 2)
#define ROWS_MAX 8 /* of one track and site */

oc_status oc_trace_create(size_t capacity, const oc_allocator *alloc, oc_trace **trace)
{
    oc_trace *fresh;
    size_t bytes;
    capacity = OC_MAX(capacity, 1);
    OC_TRY(oc_mul_size(capacity, sizeof(fresh->spans[0]), &bytes));
    OC_TRY(oc_add_size(bytes, sizeof(*fresh), &bytes));
    OC_TRY(oc_alloc(alloc, bytes, 1, &fresh));
    fresh->alloc = alloc;
    fresh->capacity = capacity;
    *trace = fresh;
    return OC_OK;
}

void oc_trace_destroy(oc_trace *trace)
{
    if (trace != NULL)
        oc_free(trace->alloc, trace);
}

/* The others have one row (or a few), whatever the site. */
static bool has_site(oc_track track)
{
    return track == OC_TRACK_WIRE || track == OC_TRACK_WORKER;
}

void oc_trace_put(oc_trace *trace, const oc_span *span)
{
    if (trace == NULL)
        return;
    oc_span *kept = &trace->spans[trace->n_put++ % trace->capacity];
    *kept = *span;
    if (!has_site(span->track))
        kept->site = 0;
    if (kept->end_ns < kept->begin_ns)
        kept->end_ns = kept->begin_ns;
    if (kept->end_ns - kept->begin_ns > LONGEST_NS)
        kept->end_ns = kept->begin_ns + LONGEST_NS;
}

size_t oc_trace_count(const oc_trace *trace)
{
    if (trace == NULL)
        return 0;
    return trace->n_put < trace->capacity ? (size_t)trace->n_put : trace->capacity;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A span and where it is drawn. */
typedef struct placed {
    const oc_span *span;
    uint64_t end_ns; /* the span's, or where the one around it ends when no row was free */
    size_t parent;   /* the span around it on its row; SIZE_MAX: none */
    uint32_t row;
} placed;

/* The rows of one track and site while its spans are placed: the last one put on each. */
typedef struct track_rows {
    size_t last[ROWS_MAX];
    uint32_t count;
} track_rows;

static int by_number(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Track by track; there by beginning, and the longer one first, so that a span stands before
 * those within it. */
static int compare_placed(const void *left, const void *right)
{
    const oc_span *a = ((const placed *)left)->span, *b = ((const placed *)right)->span;
    int order = by_number((uint64_t)a->track, (uint64_t)b->track);
    order = order ? order : by_number(a->site, b->site);
    order = order ? order : by_number(a->begin_ns, b->begin_ns);
    order = order ? order : by_number(b->end_ns, a->end_ns);
    return order ? order : by_number((uintptr_t)a, (uintptr_t)b);
}

/* The innermost span of the row that is still open at `begin_ns`. */
static size_t open_at(const placed *list, size_t last, uint64_t begin_ns)
{
    while (last != SIZE_MAX && list[last].end_ns <= begin_ns)
        last = list[last].parent;
    return last;
}

static void place(placed *list, size_t i, track_rows *rows)
{
    placed *p = &list[i];
    for (p->row = 0; p->row < rows->count; p->row++) {
        p->parent = open_at(list, rows->last[p->row], p->span->begin_ns);
        rows->last[p->row] = p->parent; /* what has ended is not looked at again */
        if (p->parent == SIZE_MAX || p->span->end_ns <= list[p->parent].end_ns)
            break;
    }
    if (p->row == ROWS_MAX) {
        /* More at once than there are rows: cut short, the true length stands in its arguments. */
        p->row = ROWS_MAX - 1;
        p->end_ns = list[p->parent].end_ns;
    } else if (p->row == rows->count) {
        p->parent = SIZE_MAX;
        rows->count++;
    }
    rows->last[p->row] = i;
}

/* All spans, sorted and placed. Owns: oc_free. */
static oc_status place_all(const oc_trace *trace, size_t count, placed **list)
{
    placed *fresh;
    track_rows rows = {.count = 0};
    OC_TRY(OC_ALLOC(trace->alloc, count, fresh));
    for (size_t i = 0; i < count; i++)
        fresh[i] = (placed){.span = &trace->spans[i], .end_ns = trace->spans[i].end_ns};
    qsort(fresh, count, sizeof(*fresh), compare_placed);
    for (size_t i = 0; i < count; i++) {
        bool is_first = i == 0 || fresh[i].span->track != fresh[i - 1].span->track ||
                        fresh[i].span->site != fresh[i - 1].span->site;
        if (is_first)
            rows.count = 0;
        place(fresh, i, &rows);
    }
    *list = fresh;
    return OC_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static oc_status put_text(oc_buf *json, const char *text, size_t size)
{
    const char *end = text + strnlen(text, size);
    char piece[OC_JSON_ESCAPE];
    OC_TRY(oc_buf_put(json, "\"", 1));
    for (size_t n; (n = oc_json_escape(&text, end, piece)) > 0;)
        OC_TRY(oc_buf_put(json, piece, n));
    return oc_buf_put(json, "\"", 1);
}

/* Microseconds, exact: a double would lose the nanoseconds of a machine that is up for months. */
static oc_status put_us(oc_buf *json, const char *key, uint64_t ns)
{
    return oc_buf_printf(json, ",\"%s\":%llu.%03u", key, (unsigned long long)(ns / 1000),
                         (unsigned)(ns % 1000));
}

/* A number that people read; what is not known or no number is left out. In thousandths, so that
 * no locale's comma gets in. */
static oc_status put_number(oc_buf *json, const char *key, double value)
{
    if (!isfinite(value) || fabs(value) > 9e15)
        return OC_OK;
    long long thousandths = llround(fabs(value) * 1000);
    return oc_buf_printf(json, ",\"%s\":%s%lld.%03lld", key, value < 0 ? "-" : "",
                         thousandths / 1000, thousandths % 1000);
}

/* Rows of one session: runs, the edge, then per site its wire and its worker, ROWS_MAX each. */
static uint64_t thread_of(const placed *p)
{
    uint64_t track = (uint64_t)p->span->track + 2 * (uint64_t)p->span->site;
    return 1 + track * ROWS_MAX + p->row;
}

static oc_status put_args(oc_buf *json, const oc_span *span)
{
    OC_TRY(oc_buf_printf(json, ",\"args\":{\"run\":%llu", (unsigned long long)span->run));
    if (span->end_ns > span->begin_ns)
        OC_TRY(put_us(json, "actual_us", span->end_ns - span->begin_ns));
    OC_TRY(put_number(json, "predicted_us", span->predicted_ns / 1000));
    OC_TRY(put_number(json, "error", span->error));
    OC_TRY(put_number(json, "bytes", span->bytes));
    if (span->detail[0] != '\0') {
        OC_TRY(oc_buf_printf(json, ",\"detail\":"));
        OC_TRY(put_text(json, span->detail, sizeof(span->detail)));
    }
    return oc_buf_printf(json, "}}");
}

static oc_status put_event(oc_buf *json, const placed *p, uint64_t start_ns)
{
    const oc_span *span = p->span;
    bool is_instant = span->end_ns == span->begin_ns;
    OC_TRY(oc_buf_printf(json, ",\n{\"name\":"));
    OC_TRY(put_text(json, span->name, sizeof(span->name)));
    OC_TRY(oc_buf_printf(json, ",\"ph\":\"%s\",\"pid\":1,\"tid\":%llu", is_instant ? "i" : "X",
                         (unsigned long long)thread_of(p)));
    OC_TRY(put_us(json, "ts", OC_MIN(span->begin_ns - start_ns, LATEST_NS)));
    if (is_instant)
        OC_TRY(oc_buf_printf(json, ",\"s\":\"t\""));
    else
        OC_TRY(put_us(json, "dur", p->end_ns - span->begin_ns));
    return put_args(json, span);
}

/* "wire 10.0.0.2:50051", "edge (2)": the name of the row that `p` stands on, and its place. */
static oc_status put_row_name(oc_buf *json, const placed *p, const char *const *site_names,
                              size_t n_sites)
{
    static const char *const tracks[] = {[OC_TRACK_RUN] = "runs",
                                         [OC_TRACK_EDGE] = "edge",
                                         [OC_TRACK_WIRE] = "wire ",
                                         [OC_TRACK_WORKER] = "worker "};
    uint32_t site = p->span->site;
    bool is_named = has_site(p->span->track) && site_names != NULL && site < n_sites &&
                    site_names[site] != NULL;
    char number[24] = "", row[24] = "", name[OC_TRACE_TEXT * 3];
    unsigned long long thread = (unsigned long long)thread_of(p);
    if (has_site(p->span->track))
        snprintf(number, sizeof(number), "%u", site);
    if (p->row > 0)
        snprintf(row, sizeof(row), " (%u)", p->row + 1);
    const char *of = is_named ? site_names[site] : number;
    snprintf(name, sizeof(name), "%s%.*s%s", tracks[p->span->track], oc_text_fit(of, 200), of, row);
    OC_TRY(oc_buf_printf(
        json,
        ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%llu,\"args\":{\"name\":",
        thread));
    OC_TRY(put_text(json, name, sizeof(name)));
    return oc_buf_printf(json,
                         "}},\n{\"name\":\"thread_sort_index\",\"ph\":\"M\",\"pid\":1,\"tid\":%llu,"
                         "\"args\":{\"sort_index\":%llu}}",
                         thread, thread);
}

/* The events of the list, each row named before its first span. */
static oc_status put_all(oc_buf *json, const placed *list, size_t count,
                         const char *const *site_names, size_t n_sites)
{
    uint64_t start_ns = UINT64_MAX;
    uint64_t named = 0; /* the threads of the current track that have a name: bits by row */
    for (size_t i = 0; i < count; i++)
        start_ns = OC_MIN(start_ns, list[i].span->begin_ns);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || list[i].span->track != list[i - 1].span->track ||
            list[i].span->site != list[i - 1].span->site)
            named = 0;
        if (!(named >> list[i].row & 1))
            OC_TRY(put_row_name(json, &list[i], site_names, n_sites));
        named |= (uint64_t)1 << list[i].row;
        OC_TRY(put_event(json, &list[i], start_ns));
    }
    return OC_OK;
}

oc_status oc_trace_print(const oc_trace *trace, const char *process, const char *const *site_names,
                         size_t n_sites, oc_buf *json)
{
    placed *list = NULL;
    size_t count = oc_trace_count(trace);
    oc_status status = OC_OK;
    if (count > 0)
        OC_TRY(place_all(trace, count, &list));
    OC_TRY_OUT(oc_buf_printf(json, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
                                   "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":"
                                   "{\"name\":"));
    OC_TRY_OUT(put_text(json, process, strlen(process)));
    OC_TRY_OUT(oc_buf_printf(json, "}}"));
    OC_TRY_OUT(put_all(json, list, count, site_names, n_sites));
    OC_TRY_OUT(oc_buf_printf(json, "\n]}\n"));
out:
    if (list != NULL)
        oc_free(trace->alloc, list);
    return status;
}
