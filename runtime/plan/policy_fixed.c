/* SPDX-License-Identifier: Apache-2.0 */
/** fixed:CUT: one cut, on the quickest worker. */
#include "oc_policy.h"

#include <stdlib.h>

extern const oc_policy_type oc_policy_fixed_type;

static bool is_index(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= 9 && strspn(text, "0123456789") == length;
}

/*
 * An index that the net does not have as a cut: it is between two that it has, or behind them all.
 */
static oc_status find_index(const char *text, const oc_net *net, uint32_t *cut)
{
    uint32_t index = (uint32_t)atol(text);
    const oc_net_cut *below = NULL, *above = NULL;
    for (size_t c = 0; c < net->n_cuts; c++) {
        const oc_net_cut *candidate = &net->cuts[c];
        if (candidate->index == index) {
            *cut = (uint32_t)c;
            return OC_OK;
        }
        if (candidate->index < index)
            below = candidate;
        else if (candidate->index != OC_NONE && !above)
            above = candidate;
    }
    return oc_fail(OC_E_NOTFOUND,
                   "fixed:%s: expected one of the cuts to choose from, the nearest are %s and %s",
                   text, below ? below->name : "none", above ? above->name : "none");
}

/* Whether one of the names in "a+b" is that one; "value:42" is a value called 42. */
static bool is_named(const char *text, const char *name)
{
    for (const char *at = text;; at++) {
        if (strncmp(at, "value:", 6) == 0)
            at += 6;
        size_t length = strcspn(at, "+");
        if (strlen(name) == length && strncmp(name, at, length) == 0)
            return true;
        at += length;
        if (!*at)
            return false;
    }
}

/* Whether the names are those of the values that cross, in any order. */
static bool names_cut(const char *text, const oc_net *net, const oc_net_cut *cut)
{
    uint32_t n_names = 1;
    for (const char *at = text; *at; at++)
        n_names += *at == '+';
    for (uint32_t i = 0; i < cut->n_values; i++)
        if (!is_named(text, net->value_names[cut->values[i]]))
            return false;
    return n_names == cut->n_values;
}

static oc_status parse(const char *text, const oc_net *net, oc_arena *arena, oc_policy_arg *arg)
{
    const oc_net_cut *last = &net->cuts[net->n_cuts - 1];
    (void)arena;
    if (strcmp(text, "all-local") == 0) {
        arg->cut = (uint32_t)net->n_cuts - 1;
        return last->n_head == net->n_nodes
                   ? OC_OK
                   : oc_fail(OC_E_NOTFOUND, "fixed:all-local: the edge cannot run more than %s",
                             last->name);
    }
    if (is_index(text))
        return find_index(text, net, &arg->cut);
    for (size_t c = 0; c < net->n_cuts; c++)
        if (names_cut(text, net, &net->cuts[c])) {
            arg->cut = (uint32_t)c;
            return OC_OK;
        }
    return oc_fail(OC_E_NOTFOUND,
                   "fixed:%s: expected all-local, an index, or the values of one of the %zu cuts "
                   "to choose from, joined by '+'",
                   text, net->n_cuts);
}

static oc_status find_cut(const char *text, const oc_graph *graph, const oc_allocator *alloc,
                          oc_cut *cut)
{
    char *names = NULL;
    if (strcmp(text, "all-local") == 0)
        return oc_cut_at(graph, graph->n_nodes, alloc, cut);
    OC_TRY(OC_ALLOC(alloc, strlen(text) + 1, names));
    for (size_t i = 0; text[i]; i++)
        names[i] = text[i] == '+' ? ',' : text[i];
    oc_status status = oc_cut_parse(graph, names, alloc, cut);
    oc_free(alloc, names);
    return status;
}

static bool allows(const oc_policy_arg *arg, const oc_net *net, const oc_situation *situation,
                   const oc_option *option)
{
    (void)net, (void)situation;
    return option->cut == arg->cut;
}

const oc_policy_type oc_policy_fixed_type = {
    .name = "fixed",
    .argument = "CUT",
    .help = "always at CUT: all-local, an index, or value names joined by '+'",
    .parse = parse,
    .cut = find_cut,
    .allows = allows,
};
