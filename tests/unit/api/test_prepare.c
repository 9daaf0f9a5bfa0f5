/* SPDX-License-Identifier: Apache-2.0 */
/** Models prepared within a memory limit, and measured: what the public headers promise. */
#include "oc_test.h"

#include <offcut/offcut.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static oc_model *open_lenet(void)
{
    const oc_test_path path = oc_test_source("tests/models/lenet5.tflite");
    oc_model *model;
    oc_assert_ok(oc_model_open(path.text, NULL, NULL, &model));
    return model;
}

static oc_prepared *prepare(const oc_model *model, uint64_t memory_bytes, const oc_log_sink *log)
{
    const oc_prepare_options options = {
        .device = "reference", .memory_bytes = memory_bytes, .log = log};
    oc_prepared *prepared;
    oc_assert_ok(oc_prepare(model, &options, NULL, &prepared));
    return prepared;
}

typedef struct said {
    size_t warnings;
    char text[512];
} said;

static void on_log(void *ctx, oc_log_level level, const char *text)
{
    said *s = ctx;
    s->warnings += level == OC_LOG_WARN;
    snprintf(s->text, sizeof(s->text), "%s", text);
}

/* More memory never prepares less; none is needed for nothing, and enough is all of it. */
static void memory_limits_what_is_prepared(void **state)
{
    (void)state;
    oc_model *model = open_lenet();
    const oc_model_info *info = oc_model_get_info(model);
    const uint64_t all = info->weight_bytes + info->arena_bytes;
    size_t before = 0, steps = 0;
    for (uint64_t percent = 1; percent <= 110; percent++) {
        oc_prepared *prepared = prepare(model, OC_MAX(all * percent / 100, 1), NULL);
        const size_t count = oc_prepared_node_count(prepared);
        uint64_t weights = 0;
        assert_true(count >= before);
        for (size_t n = 0; n < count; n++)
            weights += oc_model_get_node(model, n)->params * sizeof(float);
        assert_true(weights <= all * percent / 100);
        assert_int_equal(oc_prepared_weight_bytes(prepared), weights);
        steps += count > before;
        before = count;
        oc_prepared_destroy(prepared);
    }
    assert_true(steps > 1);
    assert_int_equal(before, info->n_nodes);
    oc_prepared *prepared = prepare(model, 0, NULL);
    assert_int_equal(oc_prepared_node_count(prepared), info->n_nodes);
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
}

/* Nothing fits into a byte: that is legal, and said. */
static void no_node_at_all_is_said(void **state)
{
    (void)state;
    said s = {0};
    const oc_log_sink log = {.ctx = &s, .level = OC_LOG_INFO, .write = on_log};
    oc_model *model = open_lenet();
    oc_prepared *prepared = prepare(model, 1, &log);
    assert_int_equal(oc_prepared_node_count(prepared), 0);
    assert_int_equal(oc_prepared_weight_bytes(prepared), 0);
    assert_int_equal(s.warnings, 1);
    assert_non_null(strstr(s.text, "0 of 9 nodes are prepared: 1 bytes are allowed"));
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
}

typedef struct measured {
    size_t sites, n_nodes, n_measured;
    char role[16];
} measured;

static void on_site(void *ctx, const oc_profile_info *site)
{
    measured *m = ctx;
    m->sites++;
    snprintf(m->role, sizeof(m->role), "%s", site->role);
    for (size_t n = 0; n < m->n_nodes; n++)
        m->n_measured += !isnan(site->node_ns[n]);
}

/* Only what was prepared has a time. Without a path nothing is written. */
static void what_was_prepared_is_measured(void **state)
{
    (void)state;
    oc_model *model = open_lenet();
    const oc_model_info *info = oc_model_get_info(model);
    for (uint64_t limit = 0; limit < 2; limit++) {
        measured m = {.n_nodes = info->n_nodes};
        const oc_profile_options options = {.repeats = 1, .on_site = on_site, .site_ctx = &m};
        oc_prepared *prepared = prepare(model, limit * info->weight_bytes / 2, NULL);
        oc_assert_ok(oc_profile_write(prepared, &options, NULL));
        assert_int_equal(m.sites, 1);
        assert_string_equal(m.role, "edge");
        assert_int_equal(m.n_measured, oc_prepared_node_count(prepared));
        oc_prepared_destroy(prepared);
    }
    oc_model_destroy(model);
}

static void a_profile_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    oc_model *model = open_lenet();
    oc_prepared *prepared = prepare(model, 1, NULL);
    const oc_profile_options nobody = {.worker = "127.0.0.1:1"}, wrong = {.worker = "nowhere"};
    oc_assert_fails(oc_profile_write(prepared, NULL, "absent/folder/p.yaml"), OC_E_IO, "p.yaml");
    oc_assert_fails(oc_profile_write(prepared, &nobody, "profile.yaml"), OC_E_LOST, "127.0.0.1:1");
    oc_assert_fails(oc_profile_write(prepared, &wrong, "profile.yaml"), OC_E_ARG, "nowhere");
    assert_int_not_equal(access("profile.yaml", F_OK), 0);
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
}

/* Every node but the view has a kernel, and what is summed up are the nodes. */
static void check_bench(const oc_model *model, const oc_bench_info *info)
{
    double ns = 0, best_ns = 0, ops = 0;
    assert_int_equal(info->n_nodes, oc_model_get_info(model)->n_nodes);
    for (size_t n = 0; n < info->n_nodes; n++) {
        const oc_node_info *about = oc_model_get_node(model, n);
        const oc_bench_node *node = &info->nodes[n];
        const bool is_view = strcmp(about->op, "reshape") == 0;
        double kernels_ns = 0;
        assert_int_equal(node->n_kernels == 0, is_view);
        for (size_t k = 0; k < node->n_kernels; k++) {
            assert_true(node->kernels[k].name[0] != '\0' && node->kernels[k].options != NULL);
            assert_true(node->kernels[k].best_ns <= node->kernels[k].ns);
            kernels_ns += node->kernels[k].ns;
        }
        assert_true(fabs(kernels_ns - node->ns) <= 1e-6 * node->ns);
        assert_true(node->ops >= 2 * (double)about->macs);
        assert_true(node->bytes == (double)(about->bytes_read + about->bytes_written));
        assert_int_equal(isnan(node->bound_ns), is_view || !info->peak.is_measured);
        ns += node->ns;
        best_ns += node->best_ns;
        ops += node->ops;
    }
    assert_true(fabs(info->kernels_ns - ns) <= 1e-6 * ns && info->run_ns > 0);
    assert_true(fabs(info->best_ns - best_ns) <= 1e-6 * ns && fabs(info->ops - ops) < 1);
}

static void every_kernel_is_held_against_the_peak(void **state)
{
    (void)state;
    static const char *const devices[] = {"reference", "pocl"};
    oc_model *model = open_lenet();
    for (size_t i = 0; i < OC_COUNT(devices); i++) {
        const oc_prepare_options options = {.device = devices[i]};
        const oc_bench_options few = {.repeats = 2};
        oc_prepared *prepared;
        oc_bench *bench;
        oc_assert_ok(oc_prepare(model, &options, NULL, &prepared));
        oc_assert_ok(oc_bench_run(prepared, &few, NULL, &bench));
        assert_int_equal(oc_bench_get_info(bench)->peak.is_measured, i == 1);
        check_bench(model, oc_bench_get_info(bench));
        oc_bench_destroy(bench);
        oc_prepared_destroy(prepared);
    }
    oc_bench_destroy(NULL);
    oc_model_destroy(model);
}

static void a_prefix_is_not_benched(void **state)
{
    (void)state;
    oc_model *model = open_lenet();
    oc_prepared *prepared = prepare(model, 1, NULL);
    oc_bench *bench;
    oc_assert_fails(oc_bench_run(prepared, NULL, NULL, &bench), OC_E_ARG,
                    "9 nodes prepared, found 0");
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
}

static oc_status bench_once(const oc_allocator *alloc, void *ctx)
{
    const oc_prepare_options options = {.device = "reference"};
    const oc_bench_options few = {.repeats = 1};
    oc_prepared *prepared = NULL;
    oc_bench *bench = NULL;
    oc_status status = oc_prepare(ctx, &options, alloc, &prepared);
    if (status == OC_OK)
        status = oc_bench_run(prepared, &few, alloc, &bench);
    oc_bench_destroy(bench);
    oc_prepared_destroy(prepared);
    return status;
}

static void memory_may_run_out_while_benching(void **state)
{
    (void)state;
    oc_model *model = open_lenet();
    oc_test_oom_sweep(bench_once, model);
    oc_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_limits_what_is_prepared),
        cmocka_unit_test(no_node_at_all_is_said),
        cmocka_unit_test(what_was_prepared_is_measured),
        cmocka_unit_test(a_profile_that_cannot_be_written_is_an_error),
        cmocka_unit_test(every_kernel_is_held_against_the_peak),
        cmocka_unit_test(a_prefix_is_not_benched),
        cmocka_unit_test(memory_may_run_out_while_benching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
