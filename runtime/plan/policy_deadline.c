/* SPDX-License-Identifier: Apache-2.0 */
/** deadline:MS: as little work here as an answer in time allows. */
#include "policy.h"

#include <math.h>

extern const oc_policy_type oc_policy_deadline_type;

/*
 * Added to what is late, so that it comes behind all that is not: eleven days, and still exact to
 * an eighth of a nanosecond.
 */
static const double LATE_NS = 1e15;

static oc_status parse(const char *text, const oc_net *net, oc_arena *arena, oc_policy_arg *arg)
{
    (void)net, (void)arena;
    OC_TRY(oc_policy_number(text, "deadline", false, &arg->number));
    if (arg->number <= 0)
        return oc_fail(OC_E_ARG, "deadline:%s: expected more than 0 milliseconds", text);
    return OC_OK;
}

static double deadline_ns(const oc_policy_arg *arg)
{
    return arg->number * 1e6;
}

static double score(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation,
                    const oc_option *option)
{
    double left_ns = OC_MIN(deadline_ns(arg), situation->deadline_ns);
    bool is_in_time = option->predicted.total_ns * (1 + situation->total_error) <= left_ns;
    (void)net;
    return is_in_time ? option->predicted.edge_ns : LATE_NS + option->predicted.total_ns;
}

const oc_policy_type oc_policy_deadline_type = {
    .name = "deadline",
    .argument = "MS",
    .help = "an answer within MS milliseconds with the least work here; every run ends by then",
    .parse = parse,
    .score = score,
    .deadline_ns = deadline_ns,
};
