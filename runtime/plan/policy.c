/* SPDX-License-Identifier: Apache-2.0 */
/** Policies from their texts: rows of policies.def joined by commas. */
#include "policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define OC_POLICY(name_) extern const oc_policy_type oc_##name_##_type;
#include "policies.def"
#undef OC_POLICY

const oc_policy_type *const *oc_policy_types(size_t *count)
{
    static const oc_policy_type *const rows[] = {
#define OC_POLICY(name_) &oc_##name_##_type,
#include "policies.def"
#undef OC_POLICY
    };
    *count = OC_COUNT(rows);
    return rows;
}

/*
 * ---- one row's text
 * ---------------------------------------------------------------------------------
 */

/* A row within the text: "name" or "name:argument", up to the next comma. */
typedef struct piece {
    const oc_policy_type *type;
    const char *argument; /* "" where there is none */
} piece;

static oc_status fail_unknown(const char *name)
{
    char known[256];
    size_t count, used = 0;
    const oc_policy_type *const *types = oc_policy_types(&count);
    for (size_t i = 0; i < count && used < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s%s%s", i ? ", " : "",
                                 types[i]->name, types[i]->argument ? ":" : "",
                                 types[i]->argument ? types[i]->argument : "");
    return oc_fail(OC_E_ARG, "policy \"%s\": expected rows joined by commas, each one of %s", name,
                   known);
}

static oc_status find_piece(char *text, piece *found)
{
    size_t count;
    const oc_policy_type *const *types = oc_policy_types(&count);
    char *colon = strchr(text, ':');
    if (colon)
        *colon = '\0';
    for (size_t i = 0; i < count; i++) {
        if (strcmp(types[i]->name, text) != 0)
            continue;
        if (!types[i]->argument && colon)
            return oc_fail(OC_E_ARG, "policy %s: it takes no argument, found \"%s\"", text,
                           colon + 1);
        if (types[i]->argument && (!colon || !colon[1]))
            return oc_fail(OC_E_ARG, "policy %s: expected %s:%s", text, text, types[i]->argument);
        *found = (piece){.type = types[i], .argument = colon ? colon + 1 : ""};
        return OC_OK;
    }
    return fail_unknown(text);
}

/* Split a text in place into its rows, each type once. */
static oc_status split(char *text, piece *pieces, size_t capacity, size_t *count)
{
    *count = 0;
    for (char *at = text; at;) {
        char *comma = strchr(at, ',');
        piece found = {0};
        if (comma)
            *comma = '\0';
        OC_TRY(find_piece(at, &found));
        for (size_t i = 0; i < *count; i++)
            if (pieces[i].type == found.type)
                return oc_fail(OC_E_ARG, "policy: %s stands there twice", found.type->name);
        if (*count == capacity)
            return oc_fail(OC_E_INTERNAL, "policy: more rows than there are types");
        pieces[(*count)++] = found;
        at = comma ? comma + 1 : NULL;
    }
    return OC_OK;
}

oc_status oc_policy_number(const char *text, const char *what, bool has_unit, double *number)
{
    static const char units[] = "KMG";
    char *end;
    double found = strtod(text, &end);
    const char *unit = has_unit && *end ? strchr(units, *end) : NULL;
    if (unit) {
        found = ldexp(found, 10 * (int)(unit - units + 1));
        end++;
    }
    if (strspn(text, "0123456789.") == 0 || *end || !isfinite(found))
        return oc_fail(OC_E_ARG, "%s:%s: expected a number%s", what, text,
                       has_unit ? ", K, M or G behind it" : "");
    *number = found;
    return OC_OK;
}

/*
 * ---- policies
 * ----------------------------------------------------------------------------------------
 */

enum {
    PIECES_MAX = 32
}; /* no row stands there twice; a registry's test sees to it that there are no more */

static oc_status fill_policy(oc_policy *p, const char *text)
{
    piece pieces[PIECES_MAX];
    size_t count;
    char *copy = NULL;
    OC_TRY(oc_arena_strdup(&p->arena, text, strlen(text), &p->text));
    OC_TRY(oc_arena_strdup(&p->arena, text, strlen(text), &copy));
    OC_TRY(split(copy, pieces, PIECES_MAX, &count));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, count + 1, p->rows));
    for (; p->n_rows < count; p->n_rows++) {
        oc_policy_row *row = &p->rows[p->n_rows];
        row->type = pieces[p->n_rows].type;
        if (row->type->parse)
            OC_TRY(row->type->parse(pieces[p->n_rows].argument, p->net, &p->arena, &row->arg));
        if (!row->type->score)
            continue;
        if (p->objective)
            return oc_fail(OC_E_ARG, "policy %s: expected one objective, found %s and %s", text,
                           p->objective->type->name, row->type->name);
        p->objective = row;
    }
    if (!p->objective) {
        p->rows[count].type = &oc_policy_latency_type;
        p->objective = &p->rows[count];
    }
    return OC_OK;
}

/* Whether the rows of the set, bit by bit, let the option be taken in some situation. */
static bool allow(const oc_policy *p, uint32_t rows, uint32_t cut, uint32_t site)
{
    const oc_option option = {.cut = cut, .site = site};
    for (size_t i = 0; i < p->n_rows; i++) {
        const oc_policy_row *row = &p->rows[i];
        if (rows >> i & 1 && row->type->allows &&
            !row->type->allows(&row->arg, p->net, NULL, &option))
            return false;
    }
    return true;
}

static bool allow_any(const oc_policy *p, uint32_t rows)
{
    const uint32_t last = (uint32_t)p->net->n_cuts - 1;
    for (uint32_t cut = 0; cut <= last; cut++)
        if (p->net->cuts[cut].n_head < p->net->n_nodes && allow(p, rows, cut, 1))
            return true;
    return p->net->cuts[last].n_head == p->net->n_nodes && allow(p, rows, last, 0);
}

/* A policy by which nothing can ever be done as it says: the fewest rows that are at fault. */
static oc_status check_rows(const oc_policy *p)
{
    if (allow_any(p, UINT32_MAX))
        return OC_OK;
    for (uint32_t i = 0; i < p->n_rows; i++)
        if (!allow_any(p, 1u << i))
            return oc_fail(OC_E_ARG, "policy %s: %s allows none of the %zu cuts to choose from",
                           p->text, p->rows[i].type->name, p->net->n_cuts);
    for (uint32_t i = 0; i < p->n_rows; i++)
        for (uint32_t j = 0; j < i; j++)
            if (!allow_any(p, 1u << i | 1u << j))
                return oc_fail(OC_E_ARG, "policy %s: %s and %s never allow the same", p->text,
                               p->rows[j].type->name, p->rows[i].type->name);
    return oc_fail(OC_E_ARG, "policy %s: there is nothing that all of its rows allow", p->text);
}

oc_status oc_policy_parse(const char *text, const oc_net *net, const oc_allocator *alloc,
                          oc_policy **policy)
{
    oc_policy *made = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, made));
    *made = (oc_policy){.alloc = alloc, .net = net};
    oc_arena_init(&made->arena, alloc);
    oc_status status = fill_policy(made, text);
    if (status == OC_OK)
        status = check_rows(made);
    if (status != OC_OK)
        oc_policy_destroy(made);
    else
        *policy = made;
    return status;
}

void oc_policy_destroy(oc_policy *policy)
{
    if (!policy)
        return;
    oc_arena_fini(&policy->arena);
    oc_free(policy->alloc, policy);
}

const char *oc_policy_text(const oc_policy *policy)
{
    return policy->text;
}

double oc_policy_deadline_ns(const oc_policy *policy)
{
    double least = INFINITY;
    for (size_t i = 0; i < policy->n_rows; i++)
        if (policy->rows[i].type->deadline_ns)
            least = fmin(least, policy->rows[i].type->deadline_ns(&policy->rows[i].arg));
    return least;
}

/*
 * ---- before there is a net
 * -----------------------------------------------------------------------------
 */

static oc_status find_cut(const piece *pieces, size_t count, const oc_graph *graph,
                          const oc_allocator *alloc, oc_cut *cut, bool *has_cut)
{
    *has_cut = false;
    for (size_t i = 0; i < count; i++)
        if (pieces[i].type->cut) {
            OC_TRY(pieces[i].type->cut(pieces[i].argument, graph, alloc, cut));
            *has_cut = true;
            return OC_OK;
        }
    return OC_OK;
}

oc_status oc_policy_cut(const char *text, const oc_graph *graph, const oc_allocator *alloc,
                        oc_cut *cut, bool *has_cut)
{
    piece pieces[PIECES_MAX];
    size_t count;
    char *copy = NULL;
    OC_TRY(OC_ALLOC(alloc, strlen(text) + 1, copy));
    memcpy(copy, text, strlen(text));
    oc_status status = split(copy, pieces, PIECES_MAX, &count);
    if (status == OC_OK)
        status = find_cut(pieces, count, graph, alloc, cut, has_cut);
    oc_free(alloc, copy);
    return status;
}

static oc_status find_memory(const piece *pieces, size_t count, oc_arena *arena, uint64_t *bytes)
{
    double least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        oc_policy_arg arg = {0};
        if (!pieces[i].type->memory_bytes)
            continue;
        OC_TRY(pieces[i].type->parse(pieces[i].argument, NULL, arena, &arg));
        least = OC_MIN(least, pieces[i].type->memory_bytes(&arg));
    }
    *bytes = isinf(least) ? 0 : (uint64_t)least;
    return OC_OK;
}

oc_status oc_policy_memory(const char *text, uint64_t *bytes)
{
    piece pieces[PIECES_MAX];
    size_t count;
    char *copy = NULL;
    oc_arena arena;
    oc_status status;
    oc_arena_init(&arena, NULL);
    OC_TRY_OUT(oc_arena_strdup(&arena, text, strlen(text), &copy));
    OC_TRY_OUT(split(copy, pieces, PIECES_MAX, &count));
    OC_TRY_OUT(find_memory(pieces, count, &arena, bytes));
out:
    oc_arena_fini(&arena);
    return status;
}
