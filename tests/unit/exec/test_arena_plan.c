/* SPDX-License-Identifier: Apache-2.0 */
/* The planned arena on random networks, against a brute-force reading of what is alive when. */
#include "oc_test.h"

#include "oc_exec.h"

enum { ALIGN = 64, NODES_MAX = 40, SEEDS = 400 };

/* ---- operators that only have shapes -------------------------------------------------------- */

typedef struct mix_attrs {
    int32_t elems;
} mix_attrs;

static const oc_attr mix_rows[] = {
    {.name = "elems", .type = OC_ATTR_INT, .offset = offsetof(mix_attrs, elems), .initial = 1},
};

static oc_status mix_shape(const oc_op_call *call, oc_desc *out)
{
    const mix_attrs *attrs = call->attrs;
    for (uint32_t i = 0; i < call->op->n_out; i++)
        out[i] = (oc_desc){OC_DTYPE_float32, {.rank = 1, .dim = {attrs->elems}}};
    return OC_OK;
}

static oc_status view_shape(const oc_op_call *call, oc_desc *out)
{
    *out = *call->in[0];
    return OC_OK;
}

#define MIX(name_, n_out_)                                                               \
    {                                                                                    \
        .name = name_, .attrs_size = sizeof(mix_attrs), .attrs = mix_rows, .n_attrs = 1, \
        .in_min = 1, .in_max = 8, .n_out = n_out_, .numerics = "", .shape = mix_shape    \
    }
static const oc_op mix = MIX("mix", 1), fork2 = MIX("fork", 2);
static const oc_op view = {.name = "view",
                           .in_min = 1,
                           .in_max = 1,
                           .n_out = 1,
                           .numerics = "",
                           .is_view = true,
                           .shape = view_shape};

static oc_id add_node(oc_graph *g, const oc_op *op, const oc_id *in, size_t n_in, int32_t elems,
                      oc_id *out)
{
    oc_node *node;
    oc_assert_ok(oc_graph_begin_node(g, op, NULL, in, n_in, &node));
    if (op->n_attrs > 0)
        oc_assert_ok(oc_node_set_int(node, "elems", elems));
    oc_assert_ok(oc_graph_end_node(g, node, NULL, out));
    return out[0];
}

static oc_id add_input(oc_graph *g, int32_t elems)
{
    const oc_desc desc = {OC_DTYPE_float32, {.rank = 1, .dim = {elems}}};
    oc_id id;
    oc_assert_ok(oc_graph_add_input(g, "in", &desc, &id));
    return id;
}

static oc_id add_constant(oc_graph *g, int32_t elems)
{
    const oc_desc desc = {OC_DTYPE_float32, {.rank = 1, .dim = {elems}}};
    const float one = 1;
    oc_id id;
    oc_assert_ok(oc_graph_add_fill(g, "one", &desc, &one, &id));
    return id;
}

/* ---- random networks ----------------------------------------------------------------------- */

static oc_graph *random_graph(oc_rng *rng)
{
    oc_graph *g;
    oc_id values[2 * NODES_MAX + 8], out[2];
    size_t n = 0;
    oc_assert_ok(oc_graph_create("random", NULL, NULL, &g));
    for (uint32_t i = 0; i <= oc_rng_below(rng, 3); i++)
        values[n++] = add_input(g, (int32_t)oc_rng_below(rng, 300));
    values[n++] = add_constant(g, 1 + (int32_t)oc_rng_below(rng, 100));
    const uint32_t n_nodes = 1 + oc_rng_below(rng, NODES_MAX);
    for (uint32_t i = 0; i < n_nodes; i++) {
        const uint32_t kind = oc_rng_below(rng, 10);
        const oc_op *op = kind < 7 ? &mix : kind < 8 ? &fork2 : &view;
        const size_t n_in = op == &view ? 1 : 1 + oc_rng_below(rng, 3);
        oc_id in[3];
        for (size_t k = 0; k < n_in; k++) /* mostly what was made last, sometimes long ago */
            in[k] = values[oc_rng_below(rng, 2) ? n - 1 : oc_rng_below(rng, (uint32_t)n)];
        add_node(g, op, in, n_in, (int32_t)oc_rng_below(rng, 500), out);
        for (uint32_t k = 0; k < op->n_out; k++)
            values[n++] = out[k];
    }
    oc_assert_ok(oc_graph_add_output(g, values[n - 1]));
    oc_assert_ok(oc_graph_add_output(g, values[oc_rng_below(rng, (uint32_t)n)]));
    oc_assert_ok(oc_graph_freeze(g, 1));
    return g;
}

/* ---- the brute-force reading --------------------------------------------------------------- */

typedef struct reading {
    const oc_graph *g;
    size_t first, count; /* the part: nodes first .. first + count */
    const oc_id *pinned;
    size_t n_pinned;
} reading;

static bool is_here(const reading *r, oc_id node)
{
    return node != OC_NONE && node >= r->first && node < r->first + r->count;
}

static oc_id root_of(const reading *r, oc_id v)
{
    const oc_id producer = r->g->values[v].producer;
    if (!is_here(r, producer) || !r->g->nodes[producer].op->is_view)
        return v;
    return root_of(r, r->g->nodes[producer].in[0]);
}

/* Does the node's execution touch the bytes of root value `v`? */
static bool uses(const reading *r, const oc_node *node, oc_id v)
{
    for (uint32_t i = 0; i < node->n_out; i++)
        if (root_of(r, node->out[i]) == v)
            return true;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (root_of(r, node->in[i]) == v && r->g->values[node->in[i]].constant == NULL)
            return true;
    return false;
}

/* Where root value `v` is alive: from *begin to *end in steps, `count` being the end; false where it takes no space. */
static bool life_of(const reading *r, oc_id v, size_t *begin, size_t *end)
{
    bool is_touched = false;
    *begin = SIZE_MAX;
    *end = 0;
    for (size_t s = 0; s < r->count; s++)
        if (uses(r, &r->g->nodes[r->first + s], v)) {
            is_touched = true;
            *begin = OC_MIN(*begin, s);
            *end = s;
        }
    for (size_t i = 0; i < r->n_pinned; i++)
        if (root_of(r, r->pinned[i]) == v) {
            is_touched = true;
            *end = r->count;
        }
    if (!is_here(r, r->g->values[v].producer))
        *begin = 0;
    if (r->g->values[v].constant != NULL)
        *end = r->count;
    return is_touched;
}

static size_t padded_bytes(const reading *r, oc_id v)
{
    size_t bytes;
    oc_assert_ok(oc_desc_bytes(&r->g->values[v].desc, &bytes));
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static void check_pair(const reading *r, const oc_arena_plan *plan, oc_id v, oc_id w)
{
    size_t v_begin, v_end, w_begin, w_end;
    if (!life_of(r, v, &v_begin, &v_end) || !life_of(r, w, &w_begin, &w_end))
        return;
    if (v_end < w_begin || w_end < v_begin)
        return;
    if (padded_bytes(r, v) == 0 || padded_bytes(r, w) == 0)
        return;
    assert_true(plan->offset[v] + padded_bytes(r, v) <= plan->offset[w] ||
                plan->offset[w] + padded_bytes(r, w) <= plan->offset[v]);
}

static void check_value(const reading *r, const oc_arena_plan *plan, oc_id v, size_t *alive)
{
    size_t begin, end;
    const oc_id root = root_of(r, v);
    assert_int_equal(plan->root[v], root);
    assert_true(plan->offset[v] == plan->offset[root]);
    if (root != v)
        return;
    if (!life_of(r, v, &begin, &end)) {
        assert_true(plan->offset[v] == SIZE_MAX);
        return;
    }
    assert_int_equal(plan->offset[v] % ALIGN, 0);
    assert_true(plan->offset[v] + padded_bytes(r, v) <= plan->bytes);
    for (size_t s = begin; s <= end; s++)
        alive[s] += padded_bytes(r, v);
    for (oc_id w = 0; w < v; w++)
        if (root_of(r, w) == w)
            check_pair(r, plan, v, w);
}

static void check_plan(const reading *r, const oc_arena_plan *plan)
{
    size_t alive[2 * NODES_MAX] = {0}, most = 0;
    for (oc_id v = 0; v < r->g->n_values; v++)
        check_value(r, plan, v, alive);
    for (size_t s = 0; s <= r->count; s++)
        most = OC_MAX(most, alive[s]);
    assert_int_equal(plan->lower_bound, most);
    assert_true(plan->bytes >= plan->lower_bound);
}

static void make_plan(const reading *r, oc_arena_plan *plan)
{
    oc_id order[NODES_MAX];
    for (size_t i = 0; i < r->count; i++)
        order[i] = (oc_id)(r->first + i);
    oc_assert_ok(
        oc_arena_plan_make(r->g, order, r->count, r->pinned, r->n_pinned, ALIGN, NULL, plan));
}

/* ---- tests --------------------------------------------------------------------------------- */

static void random_parts_never_overlap(void **state)
{
    (void)state;
    double ratio = 0, worst = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oc_rng rng = oc_rng_make(seed);
        oc_graph *g = random_graph(&rng);
        oc_id pinned[4];
        oc_arena_plan plan;
        reading r = {.g = g, .pinned = pinned};
        r.first = oc_rng_below(&rng, 3) ? 0 : oc_rng_below(&rng, (uint32_t)g->n_nodes + 1);
        r.count = g->n_nodes - r.first;
        if (oc_rng_below(&rng, 2))
            r.count = oc_rng_below(&rng, (uint32_t)r.count + 1);
        r.n_pinned = oc_rng_below(&rng, 5);
        for (size_t i = 0; i < r.n_pinned; i++)
            pinned[i] = oc_rng_below(&rng, (uint32_t)g->n_values);
        make_plan(&r, &plan);
        check_plan(&r, &plan);
        const double excess =
            plan.lower_bound > 0 ? (double)plan.bytes / (double)plan.lower_bound : 1;
        ratio += excess / SEEDS;
        worst = OC_MAX(worst, excess);
        oc_arena_plan_fini(&plan);
        oc_graph_destroy(g);
    }
    print_message("arena against lower bound: mean %.4f, worst %.4f\n", ratio, worst);
    assert_true(ratio < 1.01);
    assert_true(worst < 1.25);
}

/* Each node needs only the one before it, as in LeNet or VGG: almost nothing may be lost. */
static void chains_are_near_the_bound(void **state)
{
    (void)state;
    double worst = 1;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oc_rng rng = oc_rng_make(seed);
        oc_graph *g;
        oc_arena_plan plan;
        oc_assert_ok(oc_graph_create("chain", NULL, NULL, &g));
        oc_id last = add_input(g, 1000);
        for (size_t i = 0; i < NODES_MAX; i++)
            add_node(g, &mix, (oc_id[]){last}, 1, 1 + (int32_t)oc_rng_below(&rng, 5000), &last);
        oc_assert_ok(oc_graph_add_output(g, last));
        oc_assert_ok(oc_graph_freeze(g, 1));
        const reading r = {.g = g, .count = g->n_nodes, .pinned = g->outputs, .n_pinned = 1};
        make_plan(&r, &plan);
        check_plan(&r, &plan);
        worst = OC_MAX(worst, (double)plan.bytes / (double)plan.lower_bound);
        oc_arena_plan_fini(&plan);
        oc_graph_destroy(g);
    }
    print_message("chains: worst %.4f of the lower bound\n", worst);
    assert_true(worst < 1.01);
}

static void an_empty_list_holds_what_is_pinned(void **state)
{
    (void)state;
    oc_graph *g;
    oc_arena_plan plan;
    oc_id out;
    oc_assert_ok(oc_graph_create("through", NULL, NULL, &g));
    const oc_id x = add_input(g, 10), y = add_input(g, 20);
    add_node(g, &mix, &x, 1, 5, &out);
    oc_assert_ok(oc_graph_add_output(g, out));
    oc_assert_ok(oc_graph_freeze(g, 1));
    oc_assert_ok(oc_arena_plan_make(g, NULL, 0, g->inputs, 2, ALIGN, NULL, &plan));
    assert_int_equal(plan.bytes, 64 + 128);
    assert_int_equal(plan.lower_bound, 64 + 128);
    assert_true(plan.offset[y] == 0 && plan.offset[x] == 128);
    oc_arena_plan_fini(&plan);
    oc_assert_ok(oc_arena_plan_make(g, NULL, 0, NULL, 0, ALIGN, NULL, &plan));
    assert_int_equal(plan.bytes, 0);
    oc_arena_plan_fini(&plan);
    oc_graph_destroy(g);
}

static void bad_orders_are_refused(void **state)
{
    (void)state;
    oc_graph *g;
    oc_arena_plan plan;
    oc_id out;
    oc_assert_ok(oc_graph_create("pair", NULL, NULL, &g));
    const oc_id x = add_input(g, 10);
    add_node(g, &mix, &x, 1, 5, &out);
    add_node(g, &mix, &out, 1, 5, &out);
    oc_assert_ok(oc_graph_add_output(g, out));
    oc_assert_ok(oc_graph_freeze(g, 1));
    oc_assert_fails(oc_arena_plan_make(g, (oc_id[]){1, 0}, 2, NULL, 0, ALIGN, NULL, &plan),
                    OC_E_ARG, "after a node that needs it");
    oc_assert_fails(oc_arena_plan_make(g, (oc_id[]){0, 0}, 2, NULL, 0, ALIGN, NULL, &plan),
                    OC_E_ARG, "twice");
    oc_assert_fails(oc_arena_plan_make(g, (oc_id[]){0, 2}, 2, NULL, 0, ALIGN, NULL, &plan),
                    OC_E_ARG, "expected a node below 2");
    oc_assert_fails(oc_arena_plan_make(g, NULL, 0, (oc_id[]){99}, 1, ALIGN, NULL, &plan), OC_E_ARG,
                    "pinned");
    oc_graph_destroy(g);
}

static oc_status plan_once(const oc_allocator *alloc, void *ctx)
{
    const oc_graph *g = ctx;
    oc_id order[NODES_MAX];
    oc_arena_plan plan;
    for (size_t i = 0; i < g->n_nodes; i++)
        order[i] = (oc_id)i;
    OC_TRY(oc_arena_plan_make(g, order, g->n_nodes, g->outputs, g->n_outputs, ALIGN, alloc, &plan));
    oc_arena_plan_fini(&plan);
    return OC_OK;
}

static void planning_runs_out_of_memory(void **state)
{
    (void)state;
    oc_rng rng = oc_rng_make(5);
    oc_graph *g = random_graph(&rng);
    oc_test_oom_sweep(plan_once, g);
    oc_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_parts_never_overlap),
        cmocka_unit_test(chains_are_near_the_bound),
        cmocka_unit_test(an_empty_list_holds_what_is_pinned),
        cmocka_unit_test(bad_orders_are_refused),
        cmocka_unit_test(planning_runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
