/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Replaying a decision log: as it was, by other policies, with what the runs cost; logs that break
 * off.
 */
#include "oc_decision_log.h"
#include "oc_test.h"
#include "tally_op.h"

#include <offcut/offcut.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH "replay.jsonl"
static const char *const site_names[] = {"edge", "10.0.0.2:50051"};
enum { SITES = 2 };

/* What decided, kept for the tests' own comparisons. */
typedef struct scene {
    oc_graph *graph;
    oc_net *net;
    oc_costs *costs;
    oc_policy *policy;
    oc_planner *planner;
} scene;

static void scene_init(scene *s, const char *policy)
{
    const oc_roofline edge = {.flops = 1e6, .bytes_per_s = 1e6, .start_ns = 100000};
    const oc_roofline rooflines[SITES] = {edge,
                                          {.flops = 1e8, .bytes_per_s = 1e8, .start_ns = 1000}};
    oc_status status;
    s->graph = tally_random_graph(11, NULL, &status);
    oc_assert_ok(status);
    oc_assert_ok(oc_net_make(s->graph, NULL, NULL, 0, 0, NULL, &s->net));
    oc_assert_ok(oc_costs_make(s->net, rooflines, SITES, NULL, &s->costs));
    oc_assert_ok(oc_policy_parse(policy, s->net, NULL, &s->policy));
    oc_assert_ok(oc_planner_create(s->costs, s->policy, NULL, &s->planner));
}

static void scene_fini(scene *s)
{
    oc_planner_destroy(s->planner);
    oc_policy_destroy(s->policy);
    oc_costs_destroy(s->costs);
    oc_net_destroy(s->net);
    oc_graph_destroy(s->graph);
}

/* The start of a run; the worker is near and quick. */
static oc_situation situation_of(uint64_t run, double deadline_ns)
{
    oc_situation x = {.run = run,
                      .at_ns = run * 1000000000,
                      .now_cut = OC_NONE,
                      .now_site = OC_NONE,
                      .deadline_ns = deadline_ns,
                      .can_finish = true,
                      .n_sites = SITES,
                      .memory_available = NAN};
    for (size_t i = 0; i < SITES; i++) {
        x.sites[i].is_up = true;
        for (size_t k = 0; k < OC_KINDS_MAX; k++)
            x.sites[i].factor[k] = 1;
    }
    x.sites[1].link = (oc_link_estimate){
        .up_latency_ns = 10, .up_ns_per_byte = 1, .down_latency_ns = 10, .down_ns_per_byte = 1};
    return x;
}

static void put(oc_decision_log *log, scene *s, const oc_situation *x)
{
    oc_decision d;
    oc_planner_decide(s->planner, x, &d);
    oc_decision_log_put(log, x, &d);
}

/* Two runs of one decision and their costs, a third one of two decisions that did not end. */
static void write_log(const char *policy, double deadline_ns)
{
    scene s;
    oc_decision_log *log = NULL;
    scene_init(&s, policy);
    oc_assert_ok(oc_decision_log_open(PATH, NULL, &log));
    oc_decision_log_scene(log, s.costs, policy, site_names);
    for (uint64_t run = 1; run <= 3; run++) {
        oc_situation x = situation_of(run, deadline_ns);
        put(log, &s, &x);
        if (run == 3) {
            x.at_cut = 1;
            x.n_submitted = s.net->cuts[1].n_head;
            x.at_ns += 500;
            put(log, &s, &x);
            break;
        }
        oc_outcome o = {.run = run, .cut = 0, .site = 1, .actual.total_ns = 1000.0 * (double)run};
        oc_decision_log_outcome(log, &o);
    }
    oc_assert_ok(oc_decision_log_close(log));
    scene_fini(&s);
}

/* The next of the replay, which must have one. */
static oc_replay_info next(oc_replay *replay)
{
    oc_replay_info info;
    bool more = false;
    oc_assert_ok(oc_replay_next(replay, &info, &more));
    assert_true(more);
    return info;
}

static void ends(oc_replay *replay)
{
    oc_replay_info info;
    for (int i = 0; i < 2; i++) {
        bool more = true;
        oc_assert_ok(oc_replay_next(replay, &info, &more));
        assert_false(more);
    }
    oc_replay_close(replay);
}

static oc_replay *opened(const char *policy)
{
    oc_replay *replay = NULL;
    oc_assert_ok(oc_replay_open(PATH, policy, NULL, &replay));
    return replay;
}

static void a_log_replays_as_it_was(void **state)
{
    (void)state;
    write_log("latency", INFINITY);
    oc_replay *replay = opened(NULL);
    for (uint64_t run = 1; run <= 2; run++) {
        oc_replay_info info = next(replay);
        assert_int_equal(info.run, run);
        assert_true(info.is_same);
        assert_string_equal(info.at, "0 (input)");
        assert_string_equal(info.was, "forward now to 10.0.0.2:50051");
        assert_string_equal(info.would_be, info.was);
        assert_true(info.was_ns > 0 && info.was_ns == info.would_be_ns);
        assert_true(info.has_actual);
        assert_int_equal(info.actual_ns, 1000 * run);
        assert_string_equal(oc_replay_policy(replay), "latency");
        assert_non_null(oc_replay_model(replay));
    }
    /* Not the run's last one; then the last one of a run that did not end. */
    for (int i = 0; i < 2; i++) {
        oc_replay_info info = next(replay);
        assert_int_equal(info.run, 3);
        assert_true(info.is_same);
        assert_false(info.has_actual);
    }
    ends(replay);
}

static void another_policy_decides_otherwise(void **state)
{
    (void)state;
    write_log("latency", INFINITY);
    oc_replay *replay = opened("local");
    for (int i = 0; i < 4; i++) {
        oc_replay_info info = next(replay);
        assert_string_equal(info.would_be, "stay");
        assert_false(info.is_same);
        assert_true(info.would_be_ns > info.was_ns);
    }
    assert_string_equal(oc_replay_policy(replay), "local");
    ends(replay);
}

/* A deadline of the log's policy goes with that policy; one of the session stays. */
static void deadlines_change_with_the_policy(void **state)
{
    (void)state;
    write_log("local,deadline:0.000001", 1);
    oc_replay *replay = opened(NULL);
    oc_replay_info info = next(replay);
    assert_string_equal(info.was, "stay, forced");
    assert_true(info.is_same);
    oc_replay_close(replay);
    replay = opened("local");
    info = next(replay);
    assert_string_equal(info.was, "stay, forced");
    assert_string_equal(info.would_be, "stay");
    assert_false(info.is_same);
    oc_replay_close(replay);
    write_log("local", 1);
    replay = opened("remote");
    info = next(replay);
    assert_string_equal(info.would_be, "forward now to 10.0.0.2:50051, forced");
    oc_replay_close(replay);
    write_log("local", INFINITY);
    replay = opened("local,deadline:0.000001");
    info = next(replay);
    assert_string_equal(info.was, "stay");
    assert_string_equal(info.would_be, "stay, forced");
    oc_replay_close(replay);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    oc_replay *replay = NULL;
    oc_replay_info info;
    bool more;
    oc_assert_fails(oc_replay_open("no such log", NULL, NULL, &replay), OC_E_IO, "no such log");
    oc_assert_fails(oc_replay_open(PATH, "nonsense", NULL, &replay), OC_E_ARG, "nonsense");
    write_log("latency", INFINITY);
    replay = opened("privacy:no_such_node");
    for (int i = 0; i < 2; i++)
        oc_assert_fails(oc_replay_next(replay, &info, &more), OC_E_NOTFOUND, "no_such_node");
    oc_replay_close(replay);
    oc_replay_close(NULL);
}

/* What stands before a line that cannot be read is replayed. */
static void a_broken_line_ends_it_with_its_number(void **state)
{
    (void)state;
    FILE *file;
    oc_replay_info info;
    bool more;
    write_log("latency", INFINITY);
    file = fopen(PATH, "a");
    assert_non_null(file);
    fputs("{\"situation\":\n", file);
    fclose(file);
    oc_replay *replay = opened(NULL);
    for (int i = 0; i < 4; i++)
        assert_true(next(replay).is_same);
    for (int i = 0; i < 2; i++)
        oc_assert_fails(oc_replay_next(replay, &info, &more), OC_E_FORMAT, PATH ":8: ");
    oc_replay_close(replay);
    file = fopen(PATH, "w");
    assert_non_null(file);
    fclose(file);
    replay = opened(NULL);
    assert_null(oc_replay_policy(replay));
    ends(replay);
}

static oc_status replay_all(const oc_allocator *alloc, void *ctx)
{
    oc_replay *replay = NULL;
    oc_replay_info info;
    bool more = true;
    (void)ctx;
    OC_TRY(oc_replay_open(PATH, "local", alloc, &replay));
    oc_status status = OC_OK;
    while (status == OC_OK && more)
        status = oc_replay_next(replay, &info, &more);
    oc_replay_close(replay);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    write_log("latency", INFINITY);
    oc_test_oom_sweep(replay_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_replays_as_it_was),
        cmocka_unit_test(another_policy_decides_otherwise),
        cmocka_unit_test(deadlines_change_with_the_policy),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_broken_line_ends_it_with_its_number),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
