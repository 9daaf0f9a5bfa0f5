/* SPDX-License-Identifier: Apache-2.0 */
/** Profiles: written, read back, refused, and looked up. */
#include "oc_profile.h"
#include "oc_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODES = 4, CHANGES = 3000 };

/* Names that YAML could take for something else. */
static const char *names[NODES] = {"conv1", "true", "a: b # {c}", "12"};

static oc_net make_net(uint8_t digest)
{
    oc_net net = {.name = "tiny", .n_nodes = NODES, .node_names = names};
    memset(net.digest.bytes, digest, sizeof(net.digest.bytes));
    return net;
}

static oc_status parse(const oc_net *net, const char *text, size_t size, const oc_allocator *alloc,
                       oc_profile **profile)
{
    return oc_profile_parse(net, (oc_bytes){(const uint8_t *)text, size}, "p.yaml", alloc, profile);
}

static char *print(const oc_profile *profile)
{
    oc_buf buf;
    oc_buf_init(&buf, NULL);
    oc_assert_ok(oc_profile_print(profile, &buf));
    return buf.data;
}

/* An edge with every node measured but the last, and a worker. Freed with free(). */
static char *good_text(const oc_net *net)
{
    double edge[NODES] = {12345.6, 0, 3.2e9, NAN}, worker[NODES] = {1000, 2000, 3000, 4000};
    const oc_profile profile = {
        .net = net,
        .sites = {{.role = "edge",
                   .device = "pthread: \"x\"",
                   .driver = "3.1 (PoCL)",
                   .threads = 2,
                   .node_ns = edge},
                  {.role = "worker", .device = "gpu", .driver = "", .node_ns = worker}},
        .n_sites = 2};
    return print(&profile);
}

/* ---- what is sound --------------------------------------------------------------------------- */

static void a_profile_survives_yaml(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    char *text = good_text(&net);
    oc_profile *profile = NULL;
    oc_assert_ok(parse(&net, text, strlen(text), NULL, &profile));
    assert_int_equal(profile->n_sites, 2);
    const oc_profile_site *edge = &profile->sites[0], *worker = &profile->sites[1];
    assert_string_equal(edge->role, "edge");
    assert_string_equal(edge->device, "pthread: \"x\"");
    assert_int_equal(edge->threads, 2);
    /* Times are written in whole nanoseconds. */
    assert_true(fabs(edge->node_ns[0] - 12345) < 1e-6 && edge->node_ns[1] == 0);
    assert_true(edge->node_ns[2] == 3.2e9 && isnan(edge->node_ns[3]));
    assert_string_equal(worker->driver, "");
    for (size_t n = 0; n < NODES; n++)
        assert_true(fabs(worker->node_ns[n] - 1000.0 * (double)(n + 1)) < 1e-6);
    char *again = print(profile);
    assert_string_equal(text, again);
    free(again);
    free(text);
    oc_profile_destroy(profile);
}

/* One line a node, without the noise of long numbers: that is what a diff shows. */
static void the_text_is_for_people(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    char *text = good_text(&net);
    assert_non_null(strstr(text, "offcut_profile: 1\n"));
    assert_non_null(strstr(text, "- role: edge\n"));
    assert_non_null(strstr(text, "- {name: conv1, us: 12.345}\n"));
    free(text);
}

static void a_site_is_found_by_role_device_and_driver(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    char *text = good_text(&net), why[256];
    oc_profile *profile = NULL;
    oc_assert_ok(parse(&net, text, strlen(text), NULL, &profile));
    assert_ptr_equal(oc_profile_find(profile, "edge", "pthread: \"x\"", "3.1 (PoCL)", why),
                     &profile->sites[0]);
    assert_ptr_equal(oc_profile_find(profile, "worker", "gpu", "", why), &profile->sites[1]);
    assert_null(oc_profile_find(profile, "worker", "cpu", "", why));
    assert_non_null(strstr(why, "cpu"));
    assert_non_null(strstr(why, "gpu"));
    assert_null(oc_profile_find(profile, "edge", "pthread: \"x\"", "4.0", why));
    assert_non_null(strstr(why, "4.0"));
    assert_non_null(strstr(why, "3.1 (PoCL)"));
    assert_null(oc_profile_find(profile, "neighbour", "gpu", "", why));
    assert_non_null(strstr(why, "neighbour"));
    oc_profile_destroy(profile);
    free(text);
}

/* Blanks at the end and in the middle, quotes, and lines that the writer folds. */
static void odd_texts_survive(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        " ",
        "null",
        "0x10",
        "- a",
        "'",
        "\"",
        "a  b   c",
        "caf\xc3\xa9",
        "key: value # not",
        "3.1+debian (PoCL 3.1+debian  Linux, None+Asserts, RELOC, SPIR, LLVM 15.0.6, SLEEF), a, "};
    const oc_net net = make_net(7);
    double times[NODES] = {1, 2, 3, 4};
    for (size_t i = 0; i < OC_COUNT(odd); i++) {
        oc_profile profile = {.net = &net,
                              .n_sites = 1,
                              .sites = {{.role = "edge", .node_ns = times}}},
                   *again = NULL;
        snprintf(profile.sites[0].device, sizeof(profile.sites[0].device), "%s", odd[i]);
        snprintf(profile.sites[0].driver, sizeof(profile.sites[0].driver), "%s", odd[i]);
        char *text = print(&profile);
        oc_assert_ok(parse(&net, text, strlen(text), NULL, &again));
        assert_string_equal(again->sites[0].device, odd[i]);
        assert_string_equal(again->sites[0].driver, odd[i]);
        oc_profile_destroy(again);
        free(text);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

#define DIGEST "0707070707070707070707070707070707070707070707070707070707070707"
#define HEAD "offcut_profile: 1\nmodel: {name: tiny, digest: " DIGEST "}\nsites:\n"
#define SITE "- role: edge\n  device: d\n  driver: v\n  threads: 0\n  nodes:\n"
#define EMPTY "- role: edge\n  device: d\n  driver: v\n  threads: 0\n  nodes: []\n"

static const struct {
    const char *text;
    oc_status status;
    const char *said;
} refused[] = {
    {"", OC_E_FORMAT, "p.yaml:1"},
    {"- 1\n", OC_E_FORMAT, "p.yaml:1"},
    {"offcut_profile: 2\nmodel: {name: tiny, digest: " DIGEST "}\nsites:\n" EMPTY, OC_E_FORMAT,
     "p.yaml:1: offcut_profile: expected version 1, found 2"},
    {"offcut_profile: 1\nmodel:\n  name: other\n  digest: 09\nsites:\n" EMPTY, OC_E_FORMAT,
     "p.yaml:4: model.digest: "},
    {HEAD "  []\n", OC_E_FORMAT, "sites"},
    {HEAD "- role: moon\n", OC_E_FORMAT, "p.yaml:4: sites[0].role"},
    {HEAD "- role: 1\n", OC_E_FORMAT, "p.yaml:4: sites[0].role"},
    {HEAD EMPTY "  speed: 1\n", OC_E_FORMAT, "speed"},
    {HEAD SITE "  - {name: conv1, ms: 1}\n", OC_E_FORMAT, "p.yaml:9: "},
    {HEAD SITE "  - {name: conv1, ms: 1}\n", OC_E_FORMAT, "ms"},
    {HEAD SITE "  - {name: conv1}\n", OC_E_FORMAT, "us"},
    {HEAD "- role: edge\n  device: d\n  driver: v\n  threads: -1\n  nodes: []\n", OC_E_FORMAT,
     "p.yaml:7: "},
    {HEAD SITE "  - {name: conv1, us: 1}\n  - {name: conv9, us: 1}\n", OC_E_NOTFOUND,
     "p.yaml:10: sites[0].nodes[1].name: expected a node of tiny, found \"conv9\""},
    {HEAD SITE "  - {name: conv1, us: 1}\n  - {name: conv1, us: 2}\n", OC_E_FORMAT,
     "p.yaml:10: sites[0].nodes[1].name: node \"conv1\" stands twice"},
    {HEAD EMPTY EMPTY, OC_E_FORMAT, "p.yaml:9: sites[1].role: edge stands twice"},
    {HEAD EMPTY EMPTY EMPTY, OC_E_FORMAT, "sites"},
};

static void errors_name_file_line_and_key(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    for (size_t i = 0; i < OC_COUNT(refused); i++) {
        oc_profile *profile = NULL;
        const char *text = refused[i].text;
        oc_assert_fails(parse(&net, text, strlen(text), NULL, &profile), refused[i].status,
                        refused[i].said);
        assert_null(profile);
    }
}

static void a_profile_of_another_model_is_named(void **state)
{
    (void)state;
    const oc_net net = make_net(7), other = make_net(8);
    char *text = good_text(&net), digest[OC_DIGEST_TEXT];
    oc_profile *profile = NULL;
    oc_assert_fails(parse(&other, text, strlen(text), NULL, &profile), OC_E_MISMATCH, DIGEST);
    oc_assert_fails(parse(&other, text, strlen(text), NULL, &profile), OC_E_MISMATCH,
                    oc_digest_print(&other.digest, digest));
    free(text);
}

static void times_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"-1",
                                      "nan",
                                      ".nan",
                                      "inf",
                                      ".inf",
                                      "1e3",
                                      "0x10",
                                      "''",
                                      ".",
                                      ".5",
                                      "5.",
                                      "'1,5'",
                                      "+1",
                                      "' 1'",
                                      "1ns",
                                      "3600000000.1e9",
                                      "3600000001",
                                      "99999999999999999999999999",
                                      "1.0000000000",
                                      "~"};
    static const char *const good[] = {"0", "1", "0.001", "3600000000", "'7.25'", "1.000000000"};
    const oc_net net = make_net(7);
    char text[512];
    for (size_t i = 0; i < OC_COUNT(bad) + OC_COUNT(good); i++) {
        const bool is_bad = i < OC_COUNT(bad);
        const char *time = is_bad ? bad[i] : good[i - OC_COUNT(bad)];
        oc_profile *profile = NULL;
        snprintf(text, sizeof(text), HEAD SITE "  - {name: conv1, us: %s}\n", time);
        if (is_bad)
            oc_assert_fails(parse(&net, text, strlen(text), NULL, &profile), OC_E_ARG,
                            "p.yaml:9: sites[0].nodes[0].us: node \"conv1\"");
        else
            oc_assert_ok(parse(&net, text, strlen(text), NULL, &profile));
        oc_profile_destroy(profile);
    }
}

static void long_texts_are_refused(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    char device[200], text[768];
    oc_profile *profile = NULL;
    for (size_t length = 127; length <= 128; length++) {
        memset(device, 'x', length);
        device[length] = '\0';
        snprintf(text, sizeof(text),
                 HEAD "- role: edge\n  device: %s\n  driver: v\n  threads: 0\n  nodes: []\n",
                 device);
        if (length == 127) {
            oc_assert_ok(parse(&net, text, strlen(text), NULL, &profile));
            assert_string_equal(profile->sites[0].device, device);
            oc_profile_destroy(profile);
            profile = NULL;
        } else {
            oc_assert_fails(parse(&net, text, strlen(text), NULL, &profile), OC_E_FORMAT, "device");
        }
    }
}

/* ---- what is broken -------------------------------------------------------------------------- */

/* Whatever it is, it is a profile or an error with a text; a profile has times that are some. */
static void check(const oc_net *net, const char *text, size_t size)
{
    oc_profile *profile = NULL;
    const oc_status status = parse(net, text, size, NULL, &profile);
    if (status != OC_OK) {
        assert_null(profile);
        assert_non_null(strstr(oc_error_text(), "p.yaml:"));
        return;
    }
    for (size_t i = 0; i < profile->n_sites; i++)
        for (size_t n = 0; n < NODES; n++)
            assert_true(
                isnan(profile->sites[i].node_ns[n]) ||
                (profile->sites[i].node_ns[n] >= 0 && profile->sites[i].node_ns[n] < 3.7e12));
    oc_profile_destroy(profile);
}

static void a_text_that_is_cut_is_refused_or_shorter(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    char *text = good_text(&net);
    const size_t size = strlen(text);
    for (size_t length = 0; length < size; length++) {
        /* Memory of just that size, so that a sanitiser sees a read behind it. */
        char *part = malloc(length + (length == 0));
        memcpy(part, text, length);
        check(&net, part, length);
        free(part);
    }
    free(text);
}

static void random_changes_do_no_harm(void **state)
{
    (void)state;
    static const char marks[] = ":{}[]-#'\"\n \t,0x.&*!|>%";
    const oc_net net = make_net(7);
    char *text = good_text(&net);
    const size_t size = strlen(text);
    oc_rng rng = oc_rng_make(20261121);
    char *changed = malloc(size);
    for (int i = 0; i < CHANGES; i++) {
        memcpy(changed, text, size);
        for (uint32_t c = 0; c <= oc_rng_below(&rng, 3); c++)
            changed[oc_rng_below(&rng, (uint32_t)size)] =
                oc_rng_below(&rng, 2) ? marks[oc_rng_below(&rng, sizeof(marks) - 1)]
                                      : (char)oc_rng_below(&rng, 256);
        check(&net, changed, size);
    }
    free(changed);
    free(text);
}

static oc_status read_and_write(const oc_allocator *alloc, void *ctx)
{
    const oc_net net = make_net(7);
    const char *text = ctx;
    oc_profile *profile = NULL;
    oc_buf buf;
    OC_TRY(parse(&net, text, strlen(text), alloc, &profile));
    oc_buf_init(&buf, alloc);
    const oc_status status = oc_profile_print(profile, &buf);
    oc_buf_fini(&buf);
    oc_profile_destroy(profile);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    char *text = good_text(&net);
    oc_test_oom_sweep(read_and_write, text);
    free(text);
}

static void a_role_that_is_none_is_not_written(void **state)
{
    (void)state;
    const oc_net net = make_net(7);
    double times[NODES] = {0};
    const oc_profile profile = {
        .net = &net, .n_sites = 1, .sites = {{.role = "moon", .node_ns = times}}};
    oc_buf buf;
    oc_buf_init(&buf, NULL);
    oc_assert_fails(oc_profile_print(&profile, &buf), OC_E_ARG, "moon");
    oc_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_survives_yaml),
        cmocka_unit_test(the_text_is_for_people),
        cmocka_unit_test(a_site_is_found_by_role_device_and_driver),
        cmocka_unit_test(odd_texts_survive),
        cmocka_unit_test(errors_name_file_line_and_key),
        cmocka_unit_test(a_profile_of_another_model_is_named),
        cmocka_unit_test(times_that_are_none_are_refused),
        cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(a_text_that_is_cut_is_refused_or_shorter),
        cmocka_unit_test(random_changes_do_no_harm),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(a_role_that_is_none_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
