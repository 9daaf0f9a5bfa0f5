/* SPDX-License-Identifier: Apache-2.0 */
/** The trace: what is kept, and that what is written is JSON whose spans a viewer can stack. */
#include "oc_test.h"
#include "oc_trace.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const sites[] = {NULL, "10.0.0.2:50051", "board \"b\""};

static oc_span span(oc_track track, uint32_t site, uint64_t begin_ns, uint64_t end_ns,
                    const char *name)
{
    oc_span s = {.track = track,
                 .site = site,
                 .run = 1,
                 .begin_ns = begin_ns,
                 .end_ns = end_ns,
                 .predicted_ns = NAN,
                 .bytes = NAN,
                 .error = NAN};
    snprintf(s.name, sizeof(s.name), "%s", name);
    return s;
}

static void put(oc_trace *trace, oc_track track, uint32_t site, uint64_t begin, uint64_t end,
                const char *name)
{
    oc_span s = span(track, site, begin, end, name);
    oc_trace_put(trace, &s);
}

static oc_trace *trace_of(size_t capacity)
{
    oc_trace *trace = NULL;
    oc_assert_ok(oc_trace_create(capacity, NULL, &trace));
    return trace;
}

/* The document as a reader sees it; json_decref. */
static json_t *parsed(const oc_trace *trace, const char *process)
{
    oc_buf json;
    json_error_t error;
    oc_buf_init(&json, NULL);
    oc_assert_ok(oc_trace_print(trace, process, sites, OC_COUNT(sites), &json));
    json_t *document = json_loadb(json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        fail_msg("%s at %d: %s", error.text, error.line, json.data);
    oc_buf_fini(&json);
    return document;
}

static json_t *event(json_t *document, const char *name)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(document, "traceEvents"), i,
                       e) if (strcmp(json_string_value(json_object_get(e, "name")), name) ==
                              0) return e;
    fail_msg("no event '%s'", name);
    return NULL;
}

static double number(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("no number '%s'", key);
    return json_number_value(value);
}

static const char *thread_name(json_t *document, json_int_t tid)
{
    size_t i;
    json_t *e;
    json_array_foreach(
        json_object_get(document, "traceEvents"), i,
        e) if (strcmp(json_string_value(json_object_get(e, "name")), "thread_name") == 0 &&
               json_integer_value(json_object_get(e, "tid")) ==
                   tid) return json_string_value(json_object_get(json_object_get(e, "args"),
                                                                 "name"));
    return NULL;
}

/* Spans of one row are apart or within one another; every row has a name. Returns how many spans
 * there are. */
static size_t check_stacks(json_t *document)
{
    json_t *events = json_object_get(document, "traceEvents"), *a, *b;
    size_t i, k, spans = 0;
    json_array_foreach(events, i, a)
    {
        if (strcmp(json_string_value(json_object_get(a, "ph")), "X") != 0)
            continue;
        json_int_t tid = json_integer_value(json_object_get(a, "tid"));
        double begin = number(a, "ts"), end = begin + number(a, "dur");
        assert_non_null(thread_name(document, tid));
        assert_true(end >= begin);
        spans++;
        json_array_foreach(events, k, b)
        {
            if (k == i || strcmp(json_string_value(json_object_get(b, "ph")), "X") != 0 ||
                json_integer_value(json_object_get(b, "tid")) != tid)
                continue;
            double other = number(b, "ts"), other_end = other + number(b, "dur");
            bool is_apart = other_end <= begin || end <= other;
            bool is_within =
                (other >= begin && other_end <= end) || (begin >= other && end <= other_end);
            if (!is_apart && !is_within)
                fail_msg("row %d: %f..%f and %f..%f", (int)tid, begin, end, other, other_end);
        }
    }
    return spans;
}

static void spans_become_events(void **state)
{
    (void)state;
    oc_trace *trace = trace_of(16);
    put(trace, OC_TRACK_RUN, 0, 1000000, 9000123, "run 1");
    oc_span s = span(OC_TRACK_WIRE, 1, 2000000, 4000000, "send");
    s.predicted_ns = 1500000;
    s.bytes = 16384;
    s.error = -0.25;
    snprintf(s.detail, sizeof(s.detail), "conv2");
    oc_trace_put(trace, &s);
    put(trace, OC_TRACK_RUN, 0, 1500000, 1500000, "decide");
    json_t *document = parsed(trace, "lenet5");
    json_t *run = event(document, "run 1"), *send = event(document, "send"),
           *decide = event(document, "decide");
    assert_string_equal(json_string_value(json_object_get(run, "ph")), "X");
    assert_true(number(run, "ts") == 0);
    assert_true(fabs(number(run, "dur") - 8000.123) < 1e-9);
    json_t *args = json_object_get(send, "args");
    assert_true(number(args, "predicted_us") == 1500);
    assert_true(number(args, "actual_us") == 2000);
    assert_true(number(args, "bytes") == 16384);
    assert_true(number(args, "error") == -0.25);
    assert_true(number(args, "run") == 1);
    assert_string_equal(json_string_value(json_object_get(args, "detail")), "conv2");
    /* What is not known is not shown. */
    assert_null(json_object_get(json_object_get(run, "args"), "bytes"));
    assert_null(json_object_get(json_object_get(run, "args"), "detail"));
    assert_string_equal(json_string_value(json_object_get(decide, "ph")), "i");
    assert_true(number(decide, "ts") == 500);
    assert_string_equal(thread_name(document, (json_int_t)number(send, "tid")),
                        "wire 10.0.0.2:50051");
    assert_string_equal(thread_name(document, (json_int_t)number(run, "tid")), "runs");
    assert_int_equal(check_stacks(document), 2);
    json_decref(document);
    oc_trace_destroy(trace);
}

static void the_newest_are_kept(void **state)
{
    (void)state;
    char name[16];
    oc_trace *trace = trace_of(5);
    assert_int_equal(oc_trace_count(trace), 0);
    json_t *document = parsed(trace, "nothing yet");
    assert_int_equal(json_array_size(json_object_get(document, "traceEvents")), 1);
    json_decref(document);
    for (unsigned i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "span %u", i);
        put(trace, OC_TRACK_EDGE, 0, 100 * i, 100 * i + 50, name);
        assert_int_equal(oc_trace_count(trace), OC_MIN(i + 1, 5));
    }
    document = parsed(trace, "p");
    assert_int_equal(check_stacks(document), 5);
    for (unsigned i = 7; i < 12; i++) {
        snprintf(name, sizeof(name), "span %u", i);
        event(document, name);
    }
    json_decref(document);
    oc_trace_destroy(trace);
}

static void without_a_trace_nothing_happens(void **state)
{
    (void)state;
    oc_span s = span(OC_TRACK_RUN, 0, 1, 2, "x");
    oc_trace_put(NULL, &s);
    assert_int_equal(oc_trace_count(NULL), 0);
    oc_trace_destroy(NULL);
}

static void impossible_times_are_bounded(void **state)
{
    (void)state;
    oc_trace *trace = trace_of(8);
    put(trace, OC_TRACK_WORKER, 2, 5000000, 1000000, "backwards");
    put(trace, OC_TRACK_WORKER, 1, 1000000, UINT64_MAX, "for ever");
    put(trace, OC_TRACK_RUN, 0, UINT64_MAX, UINT64_MAX, "at the end of time");
    put(trace, OC_TRACK_RUN, 0, UINT64_MAX - 5, 3, "wrapped");
    json_t *document = parsed(trace, "p");
    assert_string_equal(json_string_value(json_object_get(event(document, "backwards"), "ph")),
                        "i");
    assert_true(number(event(document, "for ever"), "dur") == 3600e6);
    assert_true(number(event(document, "at the end of time"), "ts") < 9.3e15);
    check_stacks(document);
    json_decref(document);
    oc_trace_destroy(trace);
}

static void texts_are_escaped(void **state)
{
    (void)state;
    oc_trace *trace = trace_of(4);
    oc_span s = span(OC_TRACK_WIRE, 2, 0, 10, "");
    memcpy(s.name, "a\"b\\c\nd\x01 \xc3\xa9 \xff\xc3", sizeof("a\"b\\c\nd\x01 \xc3\xa9 \xff\xc3"));
    memset(s.detail, 'x', sizeof(s.detail)); /* without its NUL */
    oc_trace_put(trace, &s);
    json_t *document = parsed(trace, "mod\"el\t\xed\xa0\x80");
    json_t *e = event(document, "a\"b\\c\nd\x01 \xc3\xa9 ??");
    const char *detail = json_string_value(json_object_get(json_object_get(e, "args"), "detail"));
    assert_int_equal(strlen(detail), sizeof(s.detail));
    assert_string_equal(thread_name(document, (json_int_t)number(e, "tid")), "wire board \"b\"");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(event(document, "process_name"), "args"), "name")),
                        "mod\"el\t???");
    json_decref(document);
    oc_trace_destroy(trace);
}

/* Numbers that JSON does not have, or that would not be read as they are. */
static void numbers_that_are_none_are_left_out(void **state)
{
    (void)state;
    oc_trace *trace = trace_of(4);
    oc_span s = span(OC_TRACK_EDGE, 0, 0, 10, "x");
    s.predicted_ns = INFINITY;
    s.bytes = 1e300;
    s.error = -INFINITY;
    oc_trace_put(trace, &s);
    json_t *document = parsed(trace, "p");
    json_t *args = json_object_get(event(document, "x"), "args");
    assert_null(json_object_get(args, "predicted_us"));
    assert_null(json_object_get(args, "bytes"));
    assert_null(json_object_get(args, "error"));
    json_decref(document);
    oc_trace_destroy(trace);
}

static void whatever_overlaps_can_be_stacked(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        oc_rng rng = oc_rng_make(seed);
        size_t count = 1 + oc_rng_below(&rng, 60), spans = 0;
        /* A short stretch, so that some of them overlap more than rows can show. */
        uint32_t stretch = 1 + oc_rng_below(&rng, 100);
        oc_trace *trace = trace_of(count);
        for (size_t i = 0; i < count; i++) {
            uint64_t begin = oc_rng_below(&rng, stretch) * 1000;
            uint64_t end = begin + oc_rng_below(&rng, stretch) * 1000;
            spans += end > begin;
            put(trace, (oc_track)oc_rng_below(&rng, 4), 1 + oc_rng_below(&rng, 2), begin, end, "s");
        }
        json_t *document = parsed(trace, "p");
        if (check_stacks(document) != spans)
            fail_msg("seed %d: spans are missing", (int)seed);
        json_decref(document);
        oc_trace_destroy(trace);
    }
}

static oc_status make_and_print(const oc_allocator *alloc, void *ctx)
{
    oc_trace *trace = NULL;
    oc_buf json;
    (void)ctx;
    OC_TRY(oc_trace_create(4, alloc, &trace));
    put(trace, OC_TRACK_EDGE, 0, 0, 10, "x");
    put(trace, OC_TRACK_WIRE, 1, 5, 15, "y");
    oc_buf_init(&json, alloc);
    oc_status status = oc_trace_print(trace, "p", sites, OC_COUNT(sites), &json);
    oc_buf_fini(&json);
    oc_trace_destroy(trace);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    oc_test_oom_sweep(make_and_print, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_become_events),
        cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(without_a_trace_nothing_happens),
        cmocka_unit_test(impossible_times_are_bounded),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(numbers_that_are_none_are_left_out),
        cmocka_unit_test(whatever_overlaps_can_be_stacked),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
