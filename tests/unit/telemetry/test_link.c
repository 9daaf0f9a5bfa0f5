/* SPDX-License-Identifier: Apache-2.0 */
/** The link estimator on simulated links: how soon and how well it follows them, and what its probes cost. */
#include "oc_link.h"
#include "oc_test.h"

#include <math.h>

enum { SEEDS = 20 };
#define MS 1e6
#define S 1e9
#define KIB 1024.0

/* A shaped link: a token bucket, a delay each way, jitter. Times in nanoseconds. */
typedef struct wire {
    oc_link link;
    oc_rng rng;
    double ns_per_byte, delay_ns;
    double burst_bytes, tokens;
    double noise;       /* +- of each transfer */
    double overhead_ns; /* of each transfer, which no ping sees */
    double now_ns, filled_ns, pinged_ns;
    bool has_pings;
} wire;

static double uniform(wire *w, double low, double high)
{
    return low + (high - low) * ((double)(oc_rng_u64(&w->rng) >> 11) / 9007199254740992.0);
}

static double per_byte(double mbit)
{
    return 8000 / mbit;
}

static void wire_init(wire *w, uint64_t seed, double mbit, double delay_ms)
{
    *w = (wire){.rng = oc_rng_make(seed),
                .ns_per_byte = per_byte(mbit),
                .has_pings = true,
                .delay_ns = 50e3 + delay_ms * MS,
                .overhead_ns = 100e3,
                .now_ns = 5 * S,
                .noise = 0.05};
    oc_link_init(&w->link);
}

static double pass_bucket(wire *w, double bytes)
{
    w->tokens =
        fmin(w->tokens + fmax(w->now_ns - w->filled_ns, 0) / w->ns_per_byte, w->burst_bytes);
    double free_bytes = fmin(w->tokens, bytes);
    w->tokens -= free_bytes;
    double ns = (bytes - free_bytes) * w->ns_per_byte + free_bytes * per_byte(10000);
    w->filled_ns = w->now_ns + ns;
    return ns;
}

static double transfer_ns(wire *w, double bytes)
{
    return (w->overhead_ns + w->delay_ns + pass_bucket(w, bytes)) *
           (1 + uniform(w, -w->noise, w->noise));
}

static uint64_t now_of(const wire *w)
{
    return (uint64_t)w->now_ns;
}

static oc_link_estimate read_link(const wire *w)
{
    oc_link_estimate e;
    oc_link_read(&w->link, now_of(w), &e);
    return e;
}

static double predict(const wire *w, double bytes)
{
    oc_link_estimate e = read_link(w);
    return e.up_latency_ns + bytes * e.up_ns_per_byte;
}

static void ping(wire *w)
{
    double ns = 2 * w->delay_ns + uniform(w, 0, 50e3);
    w->now_ns += ns;
    w->pinged_ns = w->now_ns;
    oc_link_pinged(&w->link, now_of(w), ns);
}

/* Send it, with `extra_ns` of bad luck; the relative error of what was predicted. The next comes `gap_ns` later. */
static double send_with(wire *w, double bytes, double extra_ns, double gap_ns)
{
    if (w->has_pings && w->now_ns - w->pinged_ns > S)
        ping(w);
    double predicted = predict(w, bytes), ns = transfer_ns(w, bytes) + extra_ns;
    w->now_ns += ns;
    oc_link_sent(&w->link, now_of(w), bytes, ns);
    oc_link_received(&w->link, now_of(w), 4 * KIB, w->delay_ns + 4 * KIB * w->ns_per_byte);
    w->now_ns += gap_ns;
    return fabs(predicted - ns) / ns;
}

static double send(wire *w, double bytes)
{
    return send_with(w, bytes, 0, 20 * MS);
}

static double any_size(wire *w)
{
    return 4 * KIB * exp2(uniform(w, 0, 8)); /* up to 1 MiB */
}

static double median(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && values[k - 1] > values[k]; k--) {
            double held = values[k];
            values[k] = values[k - 1];
            values[k - 1] = held;
        }
    return values[count / 2];
}

static void check(double error, double most, const char *what, uint64_t seed)
{
    if (!(error <= most))
        fail_msg("%s, seed %llu: error %.3f, at most %.3f", what, (unsigned long long)seed, error,
                 most);
}

static void note(const char *what, double worst)
{
    print_message("%-52s %5.1f %%\n", what, 100 * worst);
}

static const double rates[] = {2, 10, 100, 1000}, delays[] = {0, 10, 50};

/* ---- a still link ------------------------------------------------------------------------------ */

static void one_size(void **state)
{
    static const double sizes[] = {6 * KIB, 150 * KIB, 600 * KIB};
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < OC_COUNT(rates) * OC_COUNT(delays) * OC_COUNT(sizes); i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], delays[i / 4 % 3]);
        w.has_pings = i % 2;
        double errors[20], bytes = sizes[i / 12];
        send(&w, bytes);
        for (size_t k = 0; k < OC_COUNT(errors); k++)
            errors[k] = send(&w, bytes);
        double error = median(errors, OC_COUNT(errors));
        check(error, 0.05, "one size", i);
        worst = fmax(worst, error);
    }
    note("one size, from the second transfer, median", worst);
}

/* With pings one size is enough to know the others. */
static void another_size(void **state)
{
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < OC_COUNT(rates) * OC_COUNT(delays); i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], delays[i / 4]);
        w.overhead_ns = 0;
        for (size_t k = 0; k < 10; k++)
            send(&w, 600 * KIB);
        double error = send(&w, 100 * KIB);
        check(error, 0.25, "another size", i);
        worst = fmax(worst, error);
    }
    note("another size than ever sent, worst", worst);
}

static void many_sizes(void **state)
{
    (void)state;
    double worst = 0, large = 0;
    for (uint64_t i = 0; i < SEEDS * OC_COUNT(rates) * OC_COUNT(delays); i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], delays[i / 4 % 3]);
        w.has_pings = i % 2;
        double errors[20];
        for (size_t k = 0; k < 10; k++)
            send(&w, any_size(&w));
        for (size_t k = 0; k < OC_COUNT(errors); k++)
            errors[k] = send(&w, any_size(&w));
        double error = median(errors, OC_COUNT(errors));
        check(error, 0.15, "many sizes", i);
        worst = fmax(worst, error);
        double truth = w.delay_ns + w.overhead_ns + KIB * KIB * w.ns_per_byte;
        check(fabs(predict(&w, KIB * KIB) / truth - 1), 0.25, "the largest size", i);
        large = fmax(large, fabs(predict(&w, KIB * KIB) / truth - 1));
        check(read_link(&w).error, 0.15, "its own error", i);
    }
    note("many sizes, after 10, median", worst);
    note("the same, 1 MiB against the truth", large);
}

static void noise(void **state)
{
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < SEEDS; i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], delays[i / 4 % 3]);
        w.noise = 0.2;
        double errors[80];
        for (size_t k = 0; k < 20; k++)
            send(&w, 300 * KIB);
        for (size_t k = 0; k < OC_COUNT(errors); k++)
            errors[k] = send(&w, 300 * KIB);
        double error = median(errors, OC_COUNT(errors));
        check(error, 0.15, "noise", i);
        worst = fmax(worst, error);
    }
    note("noise of 20 %, median", worst);
}

/* ---- steps -------------------------------------------------------------------------------------- */

/* The worst error from the third transfer after the step on; `bytes` 0: any sizes. */
static double after_step(wire *w, double mbit, double delay_ms, double bytes)
{
    w->ns_per_byte = per_byte(mbit);
    w->delay_ns = 50e3 + delay_ms * MS;
    send(w, bytes > 0 ? bytes : any_size(w));
    send(w, bytes > 0 ? bytes : any_size(w));
    double worst = 0;
    for (int i = 0; i < 4; i++)
        worst = fmax(worst, send(w, bytes > 0 ? bytes : any_size(w)));
    return worst;
}

static void rate_steps(void **state)
{
    (void)state;
    double one = 0;
    for (uint64_t i = 0; i < SEEDS * 16; i++) {
        double from = rates[i % 4], to = rates[i / 4 % 4];
        wire w;
        wire_init(&w, i, from, delays[i % 3]);
        for (int k = 0; k < 20; k++)
            send(&w, 300 * KIB);
        double error = after_step(&w, to, delays[i % 3], 300 * KIB);
        check(error, 0.15, "a step of the rate", i);
        one = fmax(one, error);
    }
    note("step of the rate, 3rd to 6th transfer, worst", one);
}

static void delay_steps(void **state)
{
    static const double from[] = {0, 50, 0, 10, 50}, to[] = {50, 0, 10, 50, 10};
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < SEEDS * OC_COUNT(from); i++) {
        wire w;
        wire_init(&w, i, rates[i / 5 % 4], from[i % 5]);
        w.has_pings = i % 2;
        for (int k = 0; k < 20; k++)
            send(&w, 100 * KIB);
        double error = after_step(&w, rates[i / 5 % 4], to[i % 5], 100 * KIB);
        check(error, 0.15, "a step of the delay", i);
        worst = fmax(worst, error);
        /* Nor does the ping that comes to know it later count it twice. */
        for (int k = 0; k < 200; k++)
            worst = fmax(worst, error = send(&w, 100 * KIB));
        check(worst, 0.15, "long after a step of the delay", i);
    }
    note("step of the delay, from the 3rd transfer, worst", worst);
}

/* Up and down of one run are two witnesses: the second transfer already is foretold. */
static void longer_way_shows_in_one_run(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < SEEDS * 4; i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], 1);
        w.has_pings = true;
        for (int k = 0; k < 40; k++)
            send(&w, 100 * KIB);
        w.delay_ns = 50e3 + 50 * MS;
        send(&w, 100 * KIB);
        check(send(&w, 100 * KIB), 0.15, "the second transfer after a longer way", i);
        for (int k = 0; k < 100; k++)
            check(send(&w, 100 * KIB), 0.15, "long after a longer way", i);
    }
}

static void steps_of_many_sizes(void **state)
{
    (void)state;
    enum { ALL = SEEDS * 16 };
    double errors[ALL], delay_errors[ALL];
    for (uint64_t i = 0; i < ALL; i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], 0);
        for (int k = 0; k < 20; k++)
            send(&w, any_size(&w));
        after_step(&w, rates[i / 4 % 4], 0, 0);
        errors[i] = send(&w, any_size(&w));
        wire_init(&w, i, rates[i % 4], i % 8 < 4 ? 0 : 50);
        for (int k = 0; k < 20; k++)
            send(&w, any_size(&w));
        after_step(&w, rates[i % 4], i % 8 < 4 ? 50 : 0, 0);
        delay_errors[i] = send(&w, any_size(&w));
    }
    double found = median(errors, ALL), found_delay = median(delay_errors, ALL);
    note("step of the rate, many sizes: 7th, median", found);
    note("step of the rate, many sizes: 7th, of ten nine", errors[ALL * 9 / 10]);
    note("step of the delay, many sizes: 7th, median", found_delay);
    note("step of the delay, many sizes: 7th, of ten nine", delay_errors[ALL * 9 / 10]);
    check(found, 0.15, "steps of the rate, many sizes", ALL);
    check(found_delay, 0.15, "steps of the delay, many sizes", ALL);
}

/* Small messages go unharmed where large ones meet the new rate. */
static void step_among_small(void **state)
{
    (void)state;
    wire w;
    wire_init(&w, 7, 100, 10);
    w.burst_bytes = 8 * KIB;
    for (int k = 0; k < 20; k++)
        send(&w, k % 2 ? 400 * KIB : 4 * KIB);
    w.ns_per_byte = per_byte(10);
    for (int k = 0; k < 4; k++)
        send(&w, k % 2 ? 400 * KIB : 4 * KIB);
    double error = send(&w, 400 * KIB);
    check(error, 0.15, "a step that every second transfer shows", 7);
}

/* While nothing is sent, pings alone tell of a longer way. */
static void pings_alone(void **state)
{
    static const double from[] = {0, 50}, to[] = {50, 0};
    (void)state;
    for (uint64_t i = 0; i < 2; i++) {
        wire w;
        wire_init(&w, i, 100, from[i]);
        for (int k = 0; k < 20; k++)
            send(&w, 100 * KIB);
        w.delay_ns = 50e3 + to[i] * MS;
        for (int k = 0; k < 12; k++) {
            w.now_ns += S;
            ping(&w);
        }
        check(send(&w, 100 * KIB), 0.15, "the first transfer after pings", i);
        check(send(&w, 100 * KIB), 0.15, "the second", i);
    }
}

/* ---- what is no step ------------------------------------------------------------------------------ */

static void outliers(void **state)
{
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < SEEDS; i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], delays[i % 3]);
        for (int k = 0; k < 5; k++)
            send(&w, i % 2 ? any_size(&w) : 300 * KIB);
        send_with(&w, 300 * KIB, 9 * predict(&w, 300 * KIB), 20 * MS);
        double error = send(&w, 300 * KIB);
        check(error, 0.2, "after one transfer ten times as slow", i);
        worst = fmax(worst, error);
    }
    note("one outlier of 10 after five: the next", worst);
}

static void hiccups(void **state)
{
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < SEEDS; i++) {
        wire w;
        wire_init(&w, i, 100, 0);
        double errors[60];
        for (size_t k = 0; k < OC_COUNT(errors); k++) {
            double extra = uniform(&w, 0, 1) < 0.15 ? 20 * MS : 0;
            errors[k] = send_with(&w, 150 * KIB, extra, 20 * MS);
        }
        double error = median(errors, OC_COUNT(errors));
        check(error, 0.1, "hiccups", i);
        worst = fmax(worst, error);
    }
    note("20 ms hiccups in 15 % of 12 ms transfers, median", worst);
}

/* ---- a token bucket ---------------------------------------------------------------------------------- */

static void bucket_one_size(void **state)
{
    static const double bursts[] = {3100, 16 * KIB, 64 * KIB};
    (void)state;
    double worst = 0;
    for (uint64_t i = 0; i < OC_COUNT(bursts) * OC_COUNT(rates); i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], 0);
        w.burst_bytes = bursts[i / 4];
        double errors[20];
        for (size_t k = 0; k < OC_COUNT(errors); k++)
            errors[k] = send_with(&w, 150 * KIB, 0, 3 * S);
        double error = median(errors, OC_COUNT(errors));
        check(error, 0.1, "a bucket, one size", i);
        worst = fmax(worst, error);
    }
    note("token buckets to 64 KiB, one size, median", worst);
}

/* Probes that fit into the bucket do not make anybody believe in a quick link, but for once. */
static void bucket_probes(void **state)
{
    (void)state;
    wire w;
    wire_init(&w, 1, 2, 0);
    w.burst_bytes = 64 * KIB;
    unsigned n_fooled = 0;
    ping(&w);
    for (int i = 0; i < 60; i++) {
        w.now_ns += 3 * S;
        ping(&w);
        oc_link_skipped(&w.link, 5000 * KIB);
        uint64_t probe = oc_link_probe(&w.link, now_of(&w));
        if (probe > 0) {
            oc_link_probed(&w.link, (double)probe);
            send_with(&w, (double)probe, 0, 100 * MS);
        }
        if (predict(&w, 600 * KIB) < 800 * MS) { /* the truth: 2.1 s to 2.4 s */
            n_fooled++;
            send_with(&w, 600 * KIB, 0, 100 * MS);
        }
    }
    print_message("probes into a bucket of 64 KiB: fooled %u times of 60\n", n_fooled);
    assert_in_range(n_fooled, 1, 3);
    /* And the quick link is noticed when it is there. */
    w.ns_per_byte = per_byte(100);
    unsigned n_waited = 0;
    while (predict(&w, 600 * KIB) > 100 * MS && n_waited++ < 20) {
        w.now_ns += 3 * S;
        oc_link_skipped(&w.link, 5000 * KIB);
        uint64_t probe = oc_link_probe(&w.link, now_of(&w));
        if (probe > 0) {
            oc_link_probed(&w.link, (double)probe);
            send_with(&w, (double)probe, 0, 100 * MS);
        }
    }
    assert_in_range(n_waited, 0, 10);
}

/* ---- probes -------------------------------------------------------------------------------------------- */

/* A link that had become slow is quick again: the first probe that shows it is enough. */
static void one_probe_is_enough(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < SEEDS; i++) {
        wire w;
        uint64_t probe = 0;
        wire_init(&w, i, 2, delays[i % 3]);
        for (int k = 0; k < 5; k++)
            send(&w, 600 * KIB);
        w.ns_per_byte = per_byte(i % 2 ? 100 : 10);
        for (int k = 0; k < 20 && probe == 0; k++) {
            w.now_ns += S;
            ping(&w);
            oc_link_skipped(&w.link, 600 * KIB);
            probe = oc_link_probe(&w.link, now_of(&w));
        }
        assert_true(probe >= 8192);
        oc_link_probed(&w.link, (double)probe);
        send(&w, (double)probe);
        double truth = w.delay_ns + 600 * KIB * w.ns_per_byte;
        check(fabs(predict(&w, 600 * KIB) / truth - 1), 0.25, "after one probe", i);
    }
}

static void first_probe(void **state)
{
    (void)state;
    wire w;
    wire_init(&w, 1, 10, 10);
    assert_int_equal(read_link(&w).flags, OC_LINK_ASSUMED);
    assert_true(fabs(predict(&w, 1e6) - 81e6) < 1);
    uint64_t probe = oc_link_probe(&w.link, now_of(&w));
    assert_int_equal(probe, 64 * 1024);
    ping(&w);
    assert_true(fabs(read_link(&w).up_latency_ns / w.delay_ns - 1) < 0.05);
    oc_link_probed(&w.link, (double)probe);
    send(&w, (double)probe);
    assert_int_equal(read_link(&w).flags, 0);
    check(fabs(predict(&w, 600 * KIB) / (w.delay_ns + 600 * KIB * w.ns_per_byte) - 1), 0.15,
          "after the first probe", 1);
    w.now_ns += 100 * S;
    assert_int_equal(oc_link_probe(&w.link, now_of(&w)), 0); /* not paid back yet */
    assert_int_equal(read_link(&w).flags, OC_LINK_STALE);
    oc_link_skipped(&w.link, 8e6);
    assert_true(oc_link_probe(&w.link, now_of(&w)) > 0);
    send(&w, 100 * KIB);
    assert_int_equal(oc_link_probe(&w.link, now_of(&w)), 0); /* there is something to learn from */
}

static void probes_cost_little(void **state)
{
    (void)state;
    double most = 0;
    for (uint64_t i = 0; i < 10 * SEEDS; i++) {
        wire w;
        wire_init(&w, i, rates[i % 4], delays[i % 3]);
        w.burst_bytes = i % 3 ? 0 : 64 * KIB;
        double total = 0, probed = 0;
        unsigned n_probes = 0;
        for (int k = 0; k < 400; k++) {
            uint32_t what = oc_rng_below(&w.rng, 12);
            double bytes = what > 0 && what < 6 ? any_size(&w) : 0;
            if (what == 0)
                oc_link_lost(&w.link, now_of(&w));
            else if (what < 3)
                send(&w, bytes);
            else if (what < 6)
                oc_link_skipped(&w.link, bytes);
            else
                w.now_ns += uniform(&w, 0, 3 * S);
            total += bytes;
            uint64_t probe = oc_link_probe(&w.link, now_of(&w));
            if (probe > 0) {
                double sent = (double)probe + 24; /* with its message's head */
                oc_link_probed(&w.link, sent);
                send(&w, sent);
                probed += sent;
                total += sent;
                n_probes++;
                assert_true(probed <= 96 * KIB + total / 100);
                assert_true(n_probes == 1 || probed <= total / 100);
                if (n_probes > 1)
                    most = fmax(most, probed / total);
            }
        }
        assert_true(n_probes > 1);
    }
    print_message("probes' share of the bytes, at most: %.3f %%\n", 100 * most);
}

/* ---- contact --------------------------------------------------------------------------------------------- */

static void another_link(void **state)
{
    (void)state;
    wire w;
    wire_init(&w, 3, 1000, 0);
    for (int k = 0; k < 20; k++)
        send(&w, 300 * KIB);
    oc_link_lost(&w.link, now_of(&w));
    w.ns_per_byte = per_byte(10);
    w.delay_ns = 30 * MS;
    ping(&w);
    send(&w, 300 * KIB);
    assert_int_equal(read_link(&w).n_samples, 1);
    check(send(&w, 300 * KIB), 0.15, "the second transfer over a new link", 3);
}

static void clock_jumps(void **state)
{
    (void)state;
    wire w;
    wire_init(&w, 3, 100, 0);
    oc_link_skipped(&w.link, 1e9);
    for (int k = 0; k < 20; k++) {
        double error = send(&w, 300 * KIB);
        check(k > 0 ? error : 0, 0.15, "a clock that jumps", 3);
        w.now_ns = k % 2 ? 0 : 1e18;
        w.filled_ns = w.pinged_ns = w.now_ns;
    }
    send(&w, 300 * KIB);
    w.now_ns = 1e18;
    send(&w, 300 * KIB);
    assert_true(oc_link_probe(&w.link, 1000) > 0); /* it does not wait for that time to come */
}

/* ---- anything goes in, nothing bad comes out ---------------------------------------------------------------- */

static double any(wire *w)
{
    static const double odd[] = {0, -1, 1, 1e-300, 1e300, 1e15, 3.6e12, NAN, INFINITY, -INFINITY};
    uint32_t choice = oc_rng_below(&w->rng, 3);
    if (choice == 0)
        return odd[oc_rng_below(&w->rng, OC_COUNT(odd))];
    return pow(10, uniform(w, choice == 1 ? -3 : 3, choice == 1 ? 15 : 9));
}

static void check_sane(const oc_link *link, uint64_t now_ns)
{
    oc_link_estimate e;
    oc_link_read(link, now_ns, &e);
    const double values[] = {e.up_latency_ns,    e.up_ns_per_byte, e.down_latency_ns,
                             e.down_ns_per_byte, e.rtt_ns,         e.error};
    for (size_t i = 0; i < OC_COUNT(values); i++)
        assert_true(values[i] >= 0 && values[i] <= 1e13);
    assert_true(e.up_latency_ns + e.up_ns_per_byte > 0);
    assert_true(e.n_samples <= OC_LINK_SAMPLES);
    assert_true(oc_link_probe(link, now_ns) <= 1 << 20);
}

static void anything(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        wire w;
        wire_init(&w, seed, 100, 10);
        for (int i = 0; i < 2000; i++) {
            uint64_t now_ns = oc_rng_u64(&w.rng) >> oc_rng_below(&w.rng, 64);
            switch (oc_rng_below(&w.rng, 8)) {
            case 0:
                oc_link_lost(&w.link, now_ns);
                break;
            case 1:
                oc_link_skipped(&w.link, any(&w));
                break;
            case 2:
                oc_link_probed(&w.link, any(&w));
                break;
            case 3:
                oc_link_received(&w.link, now_ns, any(&w), any(&w));
                break;
            case 4:
            case 5:
                oc_link_pinged(&w.link, now_ns, any(&w));
                break;
            default:
                oc_link_sent(&w.link, now_ns, any(&w), any(&w));
                break;
            }
            check_sane(&w.link, oc_rng_u64(&w.rng));
        }
        /* And a sane link leads back to sane predictions. */
        double errors[11];
        w.pinged_ns = 0;
        for (int i = 0; i < 20; i++)
            send_with(&w, 300 * KIB, 0, S);
        for (size_t i = 0; i < OC_COUNT(errors); i++)
            errors[i] = send_with(&w, 300 * KIB, 0, S);
        check(median(errors, OC_COUNT(errors)), 0.1, "sane again", seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_size),
        cmocka_unit_test(another_size),
        cmocka_unit_test(many_sizes),
        cmocka_unit_test(noise),
        cmocka_unit_test(rate_steps),
        cmocka_unit_test(delay_steps),
        cmocka_unit_test(longer_way_shows_in_one_run),
        cmocka_unit_test(steps_of_many_sizes),
        cmocka_unit_test(step_among_small),
        cmocka_unit_test(pings_alone),
        cmocka_unit_test(outliers),
        cmocka_unit_test(hiccups),
        cmocka_unit_test(bucket_one_size),
        cmocka_unit_test(bucket_probes),
        cmocka_unit_test(one_probe_is_enough),
        cmocka_unit_test(first_probe),
        cmocka_unit_test(probes_cost_little),
        cmocka_unit_test(another_link),
        cmocka_unit_test(clock_jumps),
        cmocka_unit_test(anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
