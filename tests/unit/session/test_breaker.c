/* SPDX-License-Identifier: Apache-2.0 */
/** The circuit breaker: every way from state to state, back-off, trials, clocks that jump. */
#include "oc_breaker.h"
#include "oc_test.h"

#define MS ((uint64_t)1000 * 1000)
#define S (1000 * MS)

/* Two timeouts in a row at `now`. */
static oc_breaker opened(uint64_t now_ns)
{
    oc_breaker b = {.state = OC_BREAKER_CLOSED};
    oc_breaker_failed(&b, OC_E_DEADLINE, now_ns);
    oc_breaker_failed(&b, OC_E_LOST, now_ns);
    assert_int_equal(b.state, OC_BREAKER_OPEN);
    return b;
}

static void a_zeroed_one_is_closed(void **state)
{
    (void)state;
    oc_breaker b = {0};
    for (int i = 0; i < 3; i++) {
        assert_true(oc_breaker_allows(&b, (uint64_t)i));
        oc_breaker_begin(&b);
        assert_true(oc_breaker_allows(&b, (uint64_t)i));
        oc_breaker_succeeded(&b);
    }
    assert_int_equal(b.state, OC_BREAKER_CLOSED);
}

static void failures_that_may_pass_open_at_the_second_in_a_row(void **state)
{
    static const oc_status passing[] = {OC_E_DEADLINE, OC_E_LOST,   OC_E_IO,    OC_E_BUSY,
                                        OC_E_NOMEM,    OC_E_FORMAT, OC_E_LIMIT, OC_E_DEVICE};
    (void)state;
    for (size_t i = 0; i < OC_COUNT(passing); i++) {
        oc_breaker b = {0};
        oc_breaker_begin(&b);
        oc_breaker_failed(&b, passing[i], S);
        assert_true(oc_breaker_allows(&b, S));
        /* One success in between, and it is not in a row. */
        oc_breaker_succeeded(&b);
        oc_breaker_failed(&b, passing[i], S);
        assert_true(oc_breaker_allows(&b, S));
        oc_breaker_failed(&b, passing[i], S);
        assert_false(oc_breaker_allows(&b, S));
        assert_int_equal(b.state, OC_BREAKER_OPEN);
    }
}

static void failures_that_repeat_open_at_once(void **state)
{
    static const oc_status lasting[] = {OC_E_MISMATCH, OC_E_UNSUPPORTED, OC_E_NOTFOUND,
                                        OC_E_ARG,      OC_E_SHAPE,       OC_E_DTYPE};
    (void)state;
    for (size_t i = 0; i < OC_COUNT(lasting); i++) {
        oc_breaker b = {0};
        oc_breaker_failed(&b, lasting[i], S);
        assert_false(oc_breaker_allows(&b, S + 250 * MS - 1));
        assert_true(oc_breaker_allows(&b, S + 250 * MS));
        assert_int_equal(b.state, OC_BREAKER_HALF_OPEN);
    }
}

static void the_pause_doubles_to_its_longest(void **state)
{
    (void)state;
    uint64_t now = 7 * S, pause = 250 * MS;
    oc_breaker b = opened(now);
    for (int i = 0; i < 100; i++) {
        assert_false(oc_breaker_allows(&b, now));
        assert_false(oc_breaker_allows(&b, now + pause - 1));
        now += pause;
        assert_true(oc_breaker_allows(&b, now));
        oc_breaker_begin(&b);
        oc_breaker_failed(&b, OC_E_DEADLINE, now);
        assert_int_equal(b.state, OC_BREAKER_OPEN);
        pause = OC_MIN(pause * 2, 30 * S);
    }
    assert_int_equal(pause, 30 * S);
}

static void one_request_may_try(void **state)
{
    (void)state;
    oc_breaker b = opened(0);
    assert_true(oc_breaker_allows(&b, 250 * MS));
    /* Asking is not trying. */
    assert_true(oc_breaker_allows(&b, 250 * MS));
    oc_breaker_begin(&b);
    assert_false(oc_breaker_allows(&b, 260 * MS));
    assert_false(oc_breaker_allows(&b, 260 * S));
    oc_breaker_succeeded(&b);
    assert_int_equal(b.state, OC_BREAKER_CLOSED);
    assert_true(oc_breaker_allows(&b, 260 * MS));
    /* The back-off is forgotten: two failures, and the first pause again. */
    oc_breaker_failed(&b, OC_E_LOST, S);
    assert_true(oc_breaker_allows(&b, S));
    oc_breaker_failed(&b, OC_E_LOST, S);
    assert_true(oc_breaker_allows(&b, S + 250 * MS));
}

static void a_dropped_trial_says_nothing(void **state)
{
    (void)state;
    oc_breaker b = opened(0);
    assert_true(oc_breaker_allows(&b, S));
    oc_breaker_begin(&b);
    oc_breaker_dropped(&b);
    assert_int_equal(b.state, OC_BREAKER_HALF_OPEN);
    assert_true(oc_breaker_allows(&b, S));
    oc_breaker_begin(&b);
    /* A cancelled request is a dropped one, whoever reports it. */
    oc_breaker_failed(&b, OC_E_CANCELLED, S);
    assert_true(oc_breaker_allows(&b, S));
    assert_int_equal(b.n_failures, 2);
    oc_breaker closed = {0};
    oc_breaker_failed(&closed, OC_E_LOST, 0);
    oc_breaker_begin(&closed);
    oc_breaker_dropped(&closed);
    assert_int_equal(closed.n_failures, 1);
    oc_breaker_failed(&closed, OC_E_LOST, 0);
    assert_int_equal(closed.state, OC_BREAKER_OPEN);
}

static void late_news_of_older_requests(void **state)
{
    (void)state;
    oc_breaker b = opened(S);
    uint64_t until = b.until_ns;
    oc_breaker_failed(&b, OC_E_LOST, S + 100 * MS);
    oc_breaker_failed(&b, OC_E_MISMATCH, S + 200 * MS);
    assert_int_equal(b.until_ns, until);
    assert_int_equal(b.n_failures, 2);
    /* An answer is an answer. */
    oc_breaker_succeeded(&b);
    assert_true(oc_breaker_allows(&b, S));
}

static void clocks_that_jump_cost_a_pause_at_most(void **state)
{
    (void)state;
    /* Back: without a bound this would be closed to the worker for a million seconds. */
    oc_breaker b = opened(1000000 * S);
    assert_false(oc_breaker_allows(&b, 5 * S));
    assert_false(oc_breaker_allows(&b, 5 * S + 250 * MS - 1));
    assert_true(oc_breaker_allows(&b, 5 * S + 250 * MS));
    /* Ahead: a trial comes early, and only one. */
    b = opened(S);
    assert_true(oc_breaker_allows(&b, 1000000 * S));
    oc_breaker_begin(&b);
    assert_false(oc_breaker_allows(&b, 2000000 * S));
    oc_breaker_failed(&b, OC_E_LOST, 3000000 * S);
    assert_false(oc_breaker_allows(&b, 3000000 * S + 500 * MS - 1));
    assert_true(oc_breaker_allows(&b, 3000000 * S + 500 * MS));
    /* At the end of time the sum would wrap to a pause that is over. */
    b = opened(UINT64_MAX - 1);
    assert_false(oc_breaker_allows(&b, UINT64_MAX - 1));
    assert_true(oc_breaker_allows(&b, UINT64_MAX));
}

static void a_liar_stays_out(void **state)
{
    (void)state;
    oc_breaker b = {0};
    oc_breaker_begin(&b);
    oc_breaker_distrust(&b);
    assert_false(oc_breaker_allows(&b, 0));
    assert_false(oc_breaker_allows(&b, UINT64_MAX));
    oc_breaker_succeeded(&b);
    oc_breaker_dropped(&b);
    oc_breaker_failed(&b, OC_E_LOST, S);
    assert_false(oc_breaker_allows(&b, UINT64_MAX));
    assert_int_equal(b.state, OC_BREAKER_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_one_is_closed),
        cmocka_unit_test(failures_that_may_pass_open_at_the_second_in_a_row),
        cmocka_unit_test(failures_that_repeat_open_at_once),
        cmocka_unit_test(the_pause_doubles_to_its_longest),
        cmocka_unit_test(one_request_may_try),
        cmocka_unit_test(a_dropped_trial_says_nothing),
        cmocka_unit_test(late_news_of_older_requests),
        cmocka_unit_test(clocks_that_jump_cost_a_pause_at_most),
        cmocka_unit_test(a_liar_stays_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
