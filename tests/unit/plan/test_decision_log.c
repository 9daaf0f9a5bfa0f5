/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The decision log: what is written reads back to the same bits and decides the same; hostile logs
 * are refused.
 */
#include "oc_decision_log.h"
#include "oc_test.h"
#include "tally_op.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SITES = 3, NETWORKS = 12, DECISIONS = 12 };
static const char *const site_names[SITES] = {"edge", "10.0.0.2:50051", "board \"b\"\n"};
static const char *const policies[] = {"latency", "remote", "local", "deadline:0.01", "memory:8K"};

/* ---- a scene made of a random graph ---------------------------------------------------------- */

typedef struct scene {
    oc_graph *graph;
    oc_net *net;
    oc_costs *costs;
    oc_policy *policy;
    oc_planner *planner;
} scene;

static double amount(oc_rng *rng, double most)
{
    return most * (double)oc_rng_below(rng, 1000003) / 1000003;
}

static void scene_init(scene *s, uint64_t seed, const char *policy)
{
    oc_rng rng = oc_rng_make(seed);
    oc_status status;
    double node_ns[256];
    const oc_roofline any = {.flops = 1e9, .bytes_per_s = 1e9, .start_ns = 100};
    const oc_roofline rooflines[SITES] = {any, any, any};
    s->graph = tally_random_graph(seed, NULL, &status);
    oc_assert_ok(status);
    oc_assert_ok(oc_net_make(s->graph, NULL, NULL, 0, 0, NULL, &s->net));
    oc_assert_ok(oc_costs_make(s->net, rooflines, SITES, NULL, &s->costs));
    assert_true(s->net->n_nodes <= OC_COUNT(node_ns));
    for (size_t site = 0; site + 1 < SITES; site++) {
        for (size_t n = 0; n < s->net->n_nodes; n++)
            node_ns[n] = amount(&rng, site == 0 ? 5000 : 900) / 3;
        oc_costs_set(s->costs, site, node_ns);
    }
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

static oc_situation random_situation(const scene *s, oc_rng *rng, uint64_t run)
{
    oc_situation x = {.run = run,
                      .at_ns = oc_rng_u64(rng) >> oc_rng_below(rng, 64),
                      .at_cut =
                          oc_rng_below(rng, 2) ? 0 : oc_rng_below(rng, (uint32_t)s->net->n_cuts),
                      .now_cut = OC_NONE,
                      .now_site = OC_NONE,
                      .total_error = amount(rng, 0.3),
                      .deadline_ns = oc_rng_below(rng, 2) ? INFINITY : amount(rng, 1e6) - 1000,
                      .can_finish = oc_rng_below(rng, 8) != 0,
                      .memory_available = oc_rng_below(rng, 2) ? NAN : amount(rng, 1e9),
                      .temperature = -3.5,
                      .throttled = -0.0,
                      .power = DBL_MIN / 3,
                      .battery = NAN,
                      .frequency = 1.0 / 3,
                      .cpu_others = DBL_MAX,
                      .n_sites = SITES};
    x.n_submitted =
        OC_MIN(s->net->cuts[x.at_cut].n_head + oc_rng_below(rng, 2), (uint32_t)s->net->n_nodes);
    if (oc_rng_below(rng, 2)) {
        x.now_cut = oc_rng_below(rng, (uint32_t)s->net->n_cuts);
        x.now_site = oc_rng_below(rng, SITES);
    }
    for (size_t i = 0; i < SITES; i++) {
        oc_site_state *site = &x.sites[i];
        for (size_t k = 0; k < OC_KINDS_MAX; k++)
            site->factor[k] = 0.25 + amount(rng, 4);
        site->is_up = i == 0 || oc_rng_below(rng, 4) != 0;
        site->is_excluded = oc_rng_below(rng, 6) == 0;
        snprintf(site->why, sizeof(site->why), "%s", i == 2 ? "it said \"no\"\n\xc3\xa9" : "");
        site->start_ns = amount(rng, 300);
        site->error = amount(rng, 1);
        site->queue_ns = amount(rng, 500);
        site->encode_ns_per_byte = amount(rng, 1);
        site->decode_ns_per_byte = amount(rng, 1);
        site->link = (oc_link_estimate){.up_latency_ns = amount(rng, 900),
                                        .up_ns_per_byte = amount(rng, 40),
                                        .down_latency_ns = amount(rng, 900),
                                        .down_ns_per_byte = amount(rng, 40),
                                        .rtt_ns = amount(rng, 900),
                                        .error = amount(rng, 1),
                                        .at_ns = oc_rng_u64(rng),
                                        .n_samples = oc_rng_below(rng, 24),
                                        .flags = oc_rng_below(rng, 4)};
    }
    return x;
}

static oc_outcome outcome_of(uint64_t run)
{
    oc_outcome o = {.run = run, .cut = 0, .site = 1, .predicted_ns = 1.0 / 7, .fell_back = true};
    o.actual = (oc_prediction){.edge_ns = 1, .send_ns = 0.1, .total_ns = 1.1};
    snprintf(o.reason, sizeof(o.reason), "the worker is \"gone\"");
    return o;
}

/* ---- writing and reading --------------------------------------------------------------------- */

static void path_of(char path[64], const char *name)
{
    snprintf(path, 64, "decision_log_%s.jsonl", name);
}

/* A log of one scene with random decisions, an outcome behind each; what was decided goes to
 * `choices`. */
static void write_log(const char *path, scene *s, const char *policy, uint64_t seed,
                      oc_log_choice *choices)
{
    oc_rng rng = oc_rng_make(seed);
    oc_decision_log *log = NULL;
    oc_assert_ok(oc_decision_log_open(path, NULL, &log));
    oc_decision_log_scene(log, s->costs, policy, site_names);
    for (uint64_t i = 0; i < DECISIONS; i++) {
        oc_situation x = random_situation(s, &rng, i + 1);
        oc_decision d;
        oc_planner_decide(s->planner, &x, &d);
        choices[i] = oc_log_choice_of(&d);
        oc_decision_log_put(log, &x, &d);
        oc_outcome o = outcome_of(i + 1);
        oc_decision_log_outcome(log, &o);
    }
    oc_assert_ok(oc_decision_log_close(log));
}

static char *slurp(const char *path, size_t *size)
{
    oc_bytes bytes;
    oc_assert_ok(oc_file_slurp(path, 1u << 30, NULL, &bytes));
    *size = bytes.size;
    return (char *)(uintptr_t)bytes.data;
}

static void spill(const char *path, const char *data, size_t size)
{
    oc_assert_ok(oc_file_replace(path, data, size));
}

static void assert_same_files(const char *a, const char *b)
{
    size_t size_a, size_b;
    char *data_a = slurp(a, &size_a), *data_b = slurp(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(data_a, data_b, size_a);
    oc_free(NULL, data_a);
    oc_free(NULL, data_b);
}

/* Decide again by what the log says alone, and write it all again. */
static void replay(const char *path, const char *copy_path, const oc_log_choice *choices)
{
    oc_log_reader *reader = NULL;
    oc_decision_log *copy = NULL;
    oc_log_entry e;
    oc_policy *policy = NULL;
    oc_planner *planner = NULL;
    size_t decisions = 0, outcomes = 0;
    oc_assert_ok(oc_decision_log_open(copy_path, NULL, &copy));
    oc_assert_ok(oc_log_reader_open(path, NULL, NULL, &reader));
    for (;;) {
        oc_decision d;
        oc_assert_ok(oc_log_reader_next(reader, &e));
        if (e.line == OC_LOG_END)
            break;
        if (e.line == OC_LOG_SCENE) {
            oc_assert_ok(oc_policy_parse(e.policy, e.costs->net, NULL, &policy));
            oc_assert_ok(oc_planner_create(e.costs, policy, NULL, &planner));
            oc_decision_log_scene(copy, e.costs, e.policy, e.site_names);
        } else if (e.line == OC_LOG_DECISION) {
            oc_planner_decide(planner, &e.situation, &d);
            oc_log_choice again = oc_log_choice_of(&d);
            if (!oc_log_choice_equal(&again, &choices[decisions]) ||
                !oc_log_choice_equal(&again, &e.choice))
                fail_msg("%s: decision %zu of %s replays to another", path, decisions, e.policy);
            oc_decision_log_put(copy, &e.situation, &d);
            decisions++;
        } else {
            assert_int_equal(e.outcome.run, ++outcomes);
            oc_decision_log_outcome(copy, &e.outcome);
        }
    }
    assert_int_equal(decisions, DECISIONS);
    assert_int_equal(outcomes, DECISIONS);
    oc_planner_destroy(planner);
    oc_policy_destroy(policy);
    oc_log_reader_close(reader);
    oc_assert_ok(oc_decision_log_close(copy));
}

static void every_decision_replays(void **state)
{
    char path[64], copy[64];
    oc_log_choice choices[DECISIONS];
    (void)state;
    path_of(path, "replay");
    path_of(copy, "copy");
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        const char *policy = policies[seed % OC_COUNT(policies)];
        scene s;
        scene_init(&s, seed, policy);
        write_log(path, &s, policy, seed, choices);
        scene_fini(&s);
        replay(path, copy, choices);
        /* Net, costs, situations, decisions, outcomes: all of it came back to the same bits. */
        assert_same_files(path, copy);
    }
}

/* The nodes that `node` needs, and itself. Returns whether they are no prefix of the fixed
 * order. */
static bool odd_head(const oc_net *net, size_t node, bool *is_head)
{
    size_t count = 0, leading = 0;
    memset(is_head, 0, net->n_nodes * sizeof(*is_head));
    is_head[node] = true;
    for (size_t n = node + 1; n-- > 0;)
        for (uint32_t i = net->in_begin[n]; is_head[n] && i < net->in_begin[n + 1]; i++)
            if (net->producer[net->in[i]] != OC_NONE)
                is_head[net->producer[net->in[i]]] = true;
    for (size_t n = 0; n < net->n_nodes; n++)
        count += is_head[n];
    while (leading < net->n_nodes && is_head[leading])
        leading++;
    return leading != count;
}

/* Gives the scene a net with that cut too. */
static void add_cut(scene *s, const bool *is_head, uint32_t *cut)
{
    const oc_roofline any = {.flops = 1e9, .bytes_per_s = 1e9, .start_ns = 100};
    const oc_roofline rooflines[SITES] = {any, any, any};
    oc_net *larger = NULL;
    oc_assert_ok(oc_net_with_cut(s->net, s->graph, is_head, &larger, cut));
    oc_planner_destroy(s->planner);
    oc_policy_destroy(s->policy);
    oc_costs_destroy(s->costs);
    oc_net_destroy(s->net);
    s->net = larger;
    oc_assert_ok(oc_costs_make(s->net, rooflines, SITES, NULL, &s->costs));
    oc_assert_ok(oc_policy_parse("latency", s->net, NULL, &s->policy));
    oc_assert_ok(oc_planner_create(s->costs, s->policy, NULL, &s->planner));
}

static void a_cut_that_is_no_prefix_replays(void **state)
{
    char path[64], copy[64];
    oc_log_choice choices[DECISIONS];
    size_t found = 0;
    (void)state;
    path_of(path, "odd");
    path_of(copy, "odd_copy");
    for (uint64_t seed = 1; seed <= 40 && found < 4; seed++) {
        scene s;
        bool is_head[256];
        uint32_t cut = OC_NONE;
        scene_init(&s, seed, "latency");
        for (size_t n = 0; n < s.net->n_nodes && cut == OC_NONE; n++)
            if (odd_head(s.net, n, is_head))
                add_cut(&s, is_head, &cut);
        if (cut != OC_NONE) {
            assert_int_equal(s.net->cuts[cut].index, OC_NONE);
            write_log(path, &s, "latency", seed, choices);
            replay(path, copy, choices);
            assert_same_files(path, copy);
            found++;
        }
        scene_fini(&s);
    }
    assert_true(found > 0);
}

static void numbers_keep_their_bits(void **state)
{
    static const double values[] = {NAN,       INFINITY,
                                    -INFINITY, 0.0,
                                    -0.0,      1.0 / 3,
                                    -1e-320,   DBL_MAX,
                                    DBL_MIN,   9007199254740993.0,
                                    1e17,      123456789012345678.0,
                                    -7};
    char path[64];
    (void)state;
    path_of(path, "bits");
    scene s;
    scene_init(&s, 3, "latency");
    oc_decision_log *log = NULL;
    oc_assert_ok(oc_decision_log_open(path, NULL, &log));
    oc_decision_log_scene(log, s.costs, "latency", site_names);
    for (size_t i = 0; i < OC_COUNT(values); i++) {
        oc_outcome o = {
            .run = UINT64_MAX - i, .cut = OC_NONE, .site = OC_NONE, .predicted_ns = values[i]};
        oc_decision_log_outcome(log, &o);
    }
    oc_assert_ok(oc_decision_log_close(log));
    scene_fini(&s);
    oc_log_reader *reader = NULL;
    oc_log_entry e;
    oc_assert_ok(oc_log_reader_open(path, NULL, NULL, &reader));
    oc_assert_ok(oc_log_reader_next(reader, &e));
    for (size_t i = 0; i < OC_COUNT(values); i++) {
        oc_assert_ok(oc_log_reader_next(reader, &e));
        assert_int_equal(e.line, OC_LOG_OUTCOME);
        assert_int_equal(e.outcome.run, UINT64_MAX - i);
        assert_int_equal(e.outcome.cut, OC_NONE);
        if (isnan(values[i]))
            assert_true(isnan(e.outcome.predicted_ns));
        else
            assert_memory_equal(&e.outcome.predicted_ns, &values[i], sizeof(double));
    }
    oc_log_reader_close(reader);
}

/* A program with a locale whose decimal point is a comma writes the same log. */
static void the_locale_does_not_matter(void **state)
{
    char path[64], copy[64];
    oc_log_choice choices[DECISIONS];
    (void)state;
    path_of(path, "locale");
    path_of(copy, "locale_copy");
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE",
                                        "fr_FR"};
    const char *set = NULL;
    scene s;
    scene_init(&s, 2, "latency");
    write_log(path, &s, "latency", 2, choices);
    for (size_t i = 0; i < OC_COUNT(names) && !set; i++)
        set = setlocale(LC_NUMERIC, names[i]);
    if (!set) {
        scene_fini(&s);
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    write_log(copy, &s, "latency", 2, choices);
    replay(copy, path, choices);
    setlocale(LC_NUMERIC, "C");
    assert_same_files(path, copy);
    scene_fini(&s);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void a_full_disk_is_said_once(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    scene s;
    scene_init(&s, 1, "latency");
    oc_decision_log *log = NULL;
    oc_assert_ok(oc_decision_log_open("/dev/full", NULL, &log));
    oc_decision_log_scene(log, s.costs, "latency", site_names);
    oc_assert_fails(oc_decision_log_flush(log), OC_E_IO, "/dev/full: the decision log ends here");
    oc_rng rng = oc_rng_make(1);
    for (int i = 0; i < 400; i++) { /* more than the buffer holds */
        oc_situation x = random_situation(&s, &rng, 1);
        oc_decision d;
        oc_planner_decide(s.planner, &x, &d);
        oc_decision_log_put(log, &x, &d);
    }
    oc_assert_ok(oc_decision_log_flush(log));
    oc_assert_ok(oc_decision_log_close(log));
    /* Unless nobody flushed before the end. */
    oc_assert_ok(oc_decision_log_open("/dev/full", NULL, &log));
    oc_decision_log_scene(log, s.costs, "latency", site_names);
    oc_assert_fails(oc_decision_log_close(log), OC_E_IO, "/dev/full");
    oc_assert_ok(oc_decision_log_close(NULL));
    scene_fini(&s);
}

static void places_that_cannot_be_written(void **state)
{
    (void)state;
    oc_decision_log *log = NULL;
    oc_assert_fails(oc_decision_log_open("no/such/folder/log", NULL, &log), OC_E_IO,
                    "no/such/folder/log");
    oc_assert_fails(oc_decision_log_open(".", NULL, &log), OC_E_IO, ".: ");
    unlink("decision_log_pipe");
    assert_int_equal(mkfifo("decision_log_pipe", 0600), 0);
    oc_assert_fails(oc_decision_log_open("decision_log_pipe", NULL, &log), OC_E_IO,
                    "decision_log_pipe");
    unlink("decision_log_pipe");
    assert_null(log);
}

/* Whole lines go to the file, also those that did not fit the buffer any more; a scene longer
 * than the buffer too. */
static void lines_are_whole(void **state)
{
    char path[64];
    oc_decision d;
    (void)state;
    path_of(path, "whole");
    scene s;
    scene_init(&s, 5, "latency");
    char *long_name = calloc(1, 300001);
    memset(long_name, 'p', 300000);
    const char *names[SITES] = {"edge", long_name, "b"};
    oc_decision_log *log = NULL;
    oc_rng rng = oc_rng_make(5);
    oc_assert_ok(oc_decision_log_open(path, NULL, &log));
    oc_decision_log_scene(log, s.costs, "latency", names);
    for (uint64_t i = 0; i < 300; i++) {
        size_t size;
        oc_situation x = random_situation(&s, &rng, i + 1);
        oc_planner_decide(s.planner, &x, &d);
        oc_decision_log_put(log, &x, &d);
        if (i % 16 == 0 && i > 0) {
            char *text = slurp(path, &size);
            /* The first piece of the scene may be there alone. */
            if (memchr(text, '\n', size))
                assert_int_equal(text[size - 1], '\n');
            oc_free(NULL, text);
        }
    }
    oc_assert_ok(oc_decision_log_close(log));
    oc_log_reader *reader = NULL;
    oc_log_entry e;
    oc_assert_ok(oc_log_reader_open(path, NULL, NULL, &reader));
    oc_assert_ok(oc_log_reader_next(reader, &e));
    assert_int_equal(strlen(e.site_names[1]), 300000);
    for (uint64_t i = 0; i < 300; i++) {
        oc_assert_ok(oc_log_reader_next(reader, &e));
        assert_int_equal(e.situation.run, i + 1);
    }
    oc_assert_ok(oc_log_reader_next(reader, &e));
    assert_int_equal(e.line, OC_LOG_END);
    oc_assert_ok(oc_log_reader_next(reader, &e));
    assert_int_equal(e.line, OC_LOG_END);
    oc_log_reader_close(reader);
    free(long_name);
    scene_fini(&s);
}

static void a_new_scene_replaces_the_old(void **state)
{
    char path[64];
    (void)state;
    path_of(path, "scenes");
    oc_decision_log *log = NULL;
    oc_assert_ok(oc_decision_log_open(path, NULL, &log));
    oc_decision_log_outcome(log, &(oc_outcome){.run = 9}); /* about nothing: left out */
    size_t n_nodes[3];
    for (uint64_t seed = 1; seed <= 3; seed++) {
        scene s;
        scene_init(&s, seed, "local");
        n_nodes[seed - 1] = s.net->n_nodes;
        oc_decision_log_scene(log, s.costs, "local", site_names);
        scene_fini(&s);
    }
    oc_assert_ok(oc_decision_log_close(log));
    oc_log_reader *reader = NULL;
    oc_log_entry e;
    oc_assert_ok(oc_log_reader_open(path, NULL, NULL, &reader));
    for (size_t i = 0; i < 3; i++) {
        oc_assert_ok(oc_log_reader_next(reader, &e));
        assert_int_equal(e.line, OC_LOG_SCENE);
        assert_int_equal(e.costs->net->n_nodes, n_nodes[i]);
        assert_string_equal(e.policy, "local");
    }
    oc_log_reader_close(reader);
}

/* ---- logs that are none ---------------------------------------------------------------------- */

/* Reads all of it, decides with whatever was accepted; returns how it ended. */
static oc_status consume(const char *path)
{
    oc_log_reader *reader = NULL;
    oc_log_entry e = {.line = OC_LOG_SCENE};
    oc_policy *policy = NULL;
    oc_planner *planner = NULL;
    oc_decision d;
    oc_assert_ok(oc_log_reader_open(path, NULL, NULL, &reader));
    oc_status status = OC_OK;
    while (e.line != OC_LOG_END && status == OC_OK) {
        status = oc_log_reader_next(reader, &e);
        if (status != OC_OK) {
            oc_log_entry again;
            assert_int_equal(oc_log_reader_next(reader, &again), status);
            assert_non_null(strstr(oc_error_text(), path));
        } else if (e.line == OC_LOG_SCENE) {
            oc_planner_destroy(planner);
            oc_policy_destroy(policy);
            planner = NULL;
            policy = NULL;
            oc_assert_ok(oc_policy_parse("latency", e.costs->net, NULL, &policy));
            oc_assert_ok(oc_planner_create(e.costs, policy, NULL, &planner));
        } else if (e.line == OC_LOG_DECISION) {
            oc_planner_decide(planner, &e.situation, &d);
            assert_true(!d.is_possible || d.cut < e.costs->net->n_cuts);
        }
    }
    oc_planner_destroy(planner);
    oc_policy_destroy(policy);
    oc_log_reader_close(reader);
    return status;
}

/* A short log: a scene, a decision, an outcome. */
static char *short_log(const char *path, size_t *size)
{
    scene s;
    oc_decision_log *log = NULL;
    oc_rng rng = oc_rng_make(7);
    oc_decision d;
    oc_outcome o = outcome_of(1);
    scene_init(&s, 7, "latency");
    oc_assert_ok(oc_decision_log_open(path, NULL, &log));
    oc_decision_log_scene(log, s.costs, "latency", site_names);
    oc_situation x = random_situation(&s, &rng, 1);
    x.at_cut = x.n_submitted = 0;
    x.can_finish = true;
    oc_planner_decide(s.planner, &x, &d);
    oc_decision_log_put(log, &x, &d);
    oc_decision_log_outcome(log, &o);
    oc_assert_ok(oc_decision_log_close(log));
    scene_fini(&s);
    return slurp(path, size);
}

static void a_writer_killed_anywhere_leaves_a_log(void **state)
{
    char path[64];
    size_t size;
    (void)state;
    path_of(path, "cut");
    char *whole = short_log(path, &size);
    for (size_t length = 0; length < size; length += 1 + length % 5) {
        spill(path, whole, length);
        oc_assert_ok(consume(path));
    }
    /* Cut off, and something else behind it: no JSON any more, or no whole object. */
    for (size_t length = 1; length < size; length += 37) {
        if (whole[length - 1] == '\n')
            continue;
        char *line = malloc(length + 1);
        memcpy(line, whole, length);
        line[length] = '\n';
        spill(path, line, length + 1);
        oc_status status = consume(path);
        assert_true(status == OC_E_FORMAT || whole[length] == '\n');
        free(line);
    }
    oc_free(NULL, whole);
}

static void random_changes_do_no_harm(void **state)
{
    static const char *const pieces[] = {"null",  "-1",      "4294967295", "18446744073709551615",
                                         "1e308", "\"inf\"", "[]",         "{}",
                                         "0",     "1",       "2",          "3",
                                         "9",     "true",    "\"\"",       "1e18",
                                         ",",     "]",       "}",          "-0.0",
                                         "0.5"};
    char path[64];
    size_t size, accepted = 0;
    (void)state;
    path_of(path, "random");
    char *whole = short_log(path, &size);
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        oc_rng rng = oc_rng_make(seed);
        char *text = malloc(size + 64);
        size_t length = size;
        memcpy(text, whole, size);
        if (seed % 3 == 0) {
            text[oc_rng_below(&rng, (uint32_t)size)] = (char)oc_rng_below(&rng, 256);
        } else {
            /* A whole number or word becomes another one, so that what comes out is often JSON
             * still. */
            size_t at = oc_rng_below(&rng, (uint32_t)size), end;
            while (at < size && !strchr("[:,", text[at]))
                at++;
            at = at < size ? at + 1 : size;
            for (end = at; end < size && !strchr(",]}\n", text[end]);)
                end++;
            const char *piece = pieces[oc_rng_below(&rng, OC_COUNT(pieces))];
            length = at + strlen(piece) + (size - end);
            memcpy(text + at, piece, strlen(piece));
            memcpy(text + at + strlen(piece), whole + end, size - end);
        }
        spill(path, text, length);
        oc_status status = consume(path);
        if (status != OC_OK && status != OC_E_FORMAT && status != OC_E_LIMIT)
            fail_msg("seed %d: %s", (int)seed, oc_error_text());
        accepted += status == OC_OK;
        free(text);
    }
    assert_true(accepted > 100 && accepted < 1400);
    oc_free(NULL, whole);
}

/* ---- what exactly is wrong ------------------------------------------------------------------- */

#define KINDS "\"kinds\":[\"k\"],"
#define VALUES                                                                               \
    "\"values\":[{\"name\":\"x\",\"bytes\":8},{\"name\":\"a\",\"bytes\":8},{\"name\":\"b\"," \
    "\"bytes\":4}],"
#define ENDS "\"inputs\":[0],\"outputs\":[2],"
#define NODE(in_, out_)                                                                      \
    "{\"name\":\"n\",\"kind\":0,\"macs\":1,\"ops\":1,\"moved_bytes\":16,\"weight_bytes\":0," \
    "\"in\":[" in_ "],\"out\":[" out_ "]}"
#define NODES "\"nodes\":[" NODE("0", "1") "," NODE("1", "2") "],"
#define CUT(head_, values_, gives_)                                         \
    "{\"name\":\"c\"," head_ ",\"values\":[" values_ "],\"gives\":[" gives_ \
    "],\"up_bytes\":8,\"down_bytes\":4,\"memory_bytes\":24}"
#define CUTS "\"cuts\":[" CUT("\"index\":0", "0", "2") "," CUT("\"index\":2", "", "") "],"
#define SITE "{\"name\":\"edge\",\"source\":\"roofline\",\"node_ns\":[1,2.5]}"
#define HEAD_V(version_) \
    "{\"offcut_log\":" version_ ",\"policy\":\"latency\",\"model\":\"m\",\"digest\":\"" DIGEST "\","
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD HEAD_V("1")
#define SCENE(kinds_, values_, ends_, nodes_, cuts_, sites_) \
    HEAD kinds_ values_ ends_ nodes_ cuts_ "\"sites\":[" sites_ "]}\n"
#define GOOD SCENE(KINDS, VALUES, ENDS, NODES, CUTS, SITE)
#define OUTCOME(run_, cut_, actual_)                                      \
    "{\"run\":" run_ ",\"cut\":" cut_                                     \
    ",\"site\":0,\"predicted_ns\":1,\"fell_back\":false,\"reason\":\"\"," \
    "\"actual\":" actual_ "}\n"
#define ACTUAL                                                                                     \
    "{\"edge_ns\":1,\"encode_ns\":0,\"send_ns\":0,\"queue_ns\":0,\"cloud_ns\":0,\"receive_ns\":0," \
    "\"total_ns\":1}"

static void each_fault_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"\n", ":1: column "},
        {"[]\n", ":1: expected an object, found a list of 0"},
        {"{}\n", ":1: expected the line with \"offcut_log\" first"},
        {OUTCOME("1", "0", ACTUAL), ":1: expected the line with \"offcut_log\" first"},
        {"{\"a\":1,\"a\":2}\n", "duplicate"},
        {HEAD_V("2") "\"x\":0}\n", "offcut_log: expected version 1, found 2"},
        {HEAD "\"x\":0}\n", "kinds: expected a list, found nothing"},
        {SCENE("\"kinds\":[7],", VALUES, ENDS, NODES, CUTS, SITE),
         "kinds[0]: expected a text, found 7"},
        {SCENE("\"kinds\":[],", VALUES, ENDS, NODES, CUTS, SITE),
         "nodes[0].kind: expected one of the 0 kinds, found 0"},
        {SCENE(KINDS, "\"values\":[{\"name\":\"x\",\"bytes\":-8}],", ENDS, NODES, CUTS, SITE),
         "values[0].bytes: expected a whole number"},
        {SCENE(KINDS, VALUES, "\"inputs\":[3],\"outputs\":[2],", NODES, CUTS, SITE),
         "inputs[0]: expected a whole number of at most 2, found 3"},
        {SCENE(KINDS, VALUES, "\"inputs\":[0,0],\"outputs\":[2],", NODES, CUTS, SITE),
         "input 1 (value 0) once"},
        {SCENE(KINDS, "\"values\":[],", "\"inputs\":[0],\"outputs\":[],", NODES, CUTS, SITE),
         "inputs[0]: expected nothing"},
        /* The nodes in a circle, or the wrong way round. */
        {SCENE(KINDS, VALUES, ENDS, "\"nodes\":[" NODE("2", "1") "," NODE("1", "2") "],", CUTS,
               SITE),
         "nodes[0].in[0]: expected an input or a value of an earlier node, each once, found 2"},
        {SCENE(KINDS, VALUES, ENDS, "\"nodes\":[" NODE("1", "2") "," NODE("0", "1") "],", CUTS,
               SITE),
         "nodes[0].in[0]"},
        {SCENE(KINDS, VALUES, ENDS, "\"nodes\":[" NODE("0,0", "1") "," NODE("1", "2") "],", CUTS,
               SITE),
         "nodes[0].in[1]"},
        {SCENE(KINDS, VALUES, ENDS, "\"nodes\":[" NODE("0", "1") "," NODE("1", "1") "],", CUTS,
               SITE),
         "nodes[1].out[0]: expected a value that no other node makes, found 1"},
        {SCENE(KINDS, VALUES, ENDS, "\"nodes\":[" NODE("0", "0") "],", CUTS, SITE),
         "nodes[0].out[0]"},
        {SCENE(KINDS, VALUES, ENDS, "\"nodes\":[" NODE("0", "4294967295") "],", CUTS, SITE),
         "nodes[0].out[0]"},
        {SCENE(KINDS, VALUES, ENDS, NODES, "\"cuts\":[],", SITE),
         "cuts: expected 1 to 256 cuts, found a list of 0"},
        {SCENE(KINDS, VALUES, ENDS, NODES, "\"cuts\":[" CUT("\"index\":1", "1", "2") "],", SITE),
         "cuts[0]: expected cuts that stand by"},
        {SCENE(KINDS, VALUES, ENDS, NODES, "\"cuts\":[" CUT("\"index\":3", "1", "2") "],", SITE),
         "cuts[0].index: expected a whole number of at most 2, found 3"},
        {SCENE(KINDS, VALUES, ENDS, NODES, "\"cuts\":[" CUT("\"index\":0", "", "2") "],", SITE),
         "value 0 among them"},
        {SCENE(KINDS, VALUES, ENDS, NODES, "\"cuts\":[" CUT("\"index\":0", "0,1", "2") "],", SITE),
         "cuts[0]: expected a cut without the value 1"},
        {SCENE(KINDS, VALUES, ENDS, NODES, "\"cuts\":[" CUT("\"index\":0", "0", "1") "],", SITE),
         "gives outputs of its tail, which value 1 is not"},
        {SCENE(KINDS, VALUES, ENDS, NODES,
               "\"cuts\":[" CUT("\"index\":0", "0", "2") "," CUT("\"index\":null,\"head\":[1]", "0",
                                                                 "2") "],",
               SITE),
         "cuts[1]: expected a head with all that its node 1 needs"},
        {SCENE(KINDS, VALUES, ENDS, NODES,
               "\"cuts\":[" CUT("\"index\":0", "0", "2") "," CUT("\"index\":null,\"head\":[0,0]",
                                                                 "1", "2") "],",
               SITE),
         "cuts[1]: expected a head with its node 0 once"},
        {SCENE(KINDS, VALUES, ENDS, NODES, CUTS, ""),
         "sites: expected 1 to 9 sites, found a list of 0"},
        {SCENE(KINDS, VALUES, ENDS, NODES, CUTS,
               "{\"name\":\"e\",\"source\":\"guess\",\"node_ns\":[1,2]}"),
         "sites[0].source: expected roofline or profile, found \"guess\""},
        {SCENE(KINDS, VALUES, ENDS, NODES, CUTS,
               "{\"name\":\"e\",\"source\":\"profile\",\"node_ns\":[1]}"),
         "sites[0].node_ns: expected a list of 2"},
        {SCENE(KINDS, VALUES, ENDS, NODES, CUTS,
               "{\"name\":\"e\",\"source\":\"profile\",\"node_ns\":[1,\"inf\"]}"),
         "sites[0].node_ns[1]: expected a number from 0 to 1e+18, found \"inf\""},
        {GOOD "{\"x\":1}\n", ":2: expected one of the keys offcut_log, situation and actual"},
        {GOOD OUTCOME("1", "0", "7"), ":2: actual: expected an object, found 7"},
        {GOOD OUTCOME("-1", "0", ACTUAL), ":2: run: expected a whole number"},
        {GOOD OUTCOME("\"18446744073709551616\"", "0", ACTUAL), ":2: run: expected a whole number"},
        {GOOD OUTCOME("1", "2", ACTUAL), ":2: cut: expected a number below 2, or null, found 2"},
        {GOOD "{\"situation\":{},\"decision\":{}}\n", ":2: situation.run: expected a whole number"},
    };
    char path[64];
    (void)state;
    path_of(path, "fault");
    spill(path, GOOD OUTCOME("1", "0", ACTUAL), strlen(GOOD OUTCOME("1", "0", ACTUAL)));
    oc_assert_ok(consume(path));
    for (size_t i = 0; i < OC_COUNT(cases); i++) {
        spill(path, cases[i].text, strlen(cases[i].text));
        oc_assert_fails(consume(path), OC_E_FORMAT, cases[i].says);
    }
}

static void limits_hold(void **state)
{
    char path[64];
    (void)state;
    path_of(path, "limit");
    oc_log_reader *reader = NULL;
    oc_log_entry e;
    spill(path, GOOD, strlen(GOOD));
    oc_assert_ok(oc_log_reader_open(path, &(oc_limits){.nodes = 1}, NULL, &reader));
    oc_assert_fails(oc_log_reader_next(reader, &e), OC_E_LIMIT,
                    "nodes: expected at most 1, found 2");
    oc_log_reader_close(reader);
    /* A line without end: given up long before it is in memory. */
    size_t size = (size_t)34 << 20;
    char *text = malloc(size);
    memset(text, '[', size);
    spill(path, text, size);
    oc_assert_fails(consume(path), OC_E_LIMIT, ":1: expected a line of at most 33554432 bytes");
    /* Brackets that would take the stack of a reader that follows them. */
    text[1 << 20] = '\n';
    spill(path, text, (1 << 20) + 1);
    oc_assert_fails(consume(path), OC_E_FORMAT, ":1: column ");
    free(text);
    unlink(path);
    oc_assert_fails(oc_log_reader_open(path, NULL, NULL, &reader), OC_E_IO, path);
    oc_log_reader_close(NULL);
}

static oc_status write_and_read(const oc_allocator *alloc, void *ctx)
{
    const scene *s = ctx;
    oc_decision_log *log = NULL;
    oc_log_reader *reader = NULL;
    oc_log_entry e;
    OC_TRY(oc_decision_log_open("decision_log_oom.jsonl", alloc, &log));
    oc_decision_log_scene(log, s->costs, "latency", site_names);
    OC_TRY(oc_decision_log_close(log));
    OC_TRY(oc_log_reader_open("decision_log_oom.jsonl", NULL, alloc, &reader));
    oc_status status = oc_log_reader_next(reader, &e);
    oc_log_reader_close(reader);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    scene s;
    scene_init(&s, 4, "latency");
    oc_test_oom_sweep(write_and_read, &s);
    scene_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_decision_replays),
        cmocka_unit_test(a_cut_that_is_no_prefix_replays),
        cmocka_unit_test(numbers_keep_their_bits),
        cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(a_full_disk_is_said_once),
        cmocka_unit_test(places_that_cannot_be_written),
        cmocka_unit_test(lines_are_whole),
        cmocka_unit_test(a_new_scene_replaces_the_old),
        cmocka_unit_test(a_writer_killed_anywhere_leaves_a_log),
        cmocka_unit_test(random_changes_do_no_harm),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
