/* SPDX-License-Identifier: Apache-2.0 */
/** Which numerics class a convolution gets: a matter of its shape, of nothing else. */
#include "oc_graph.h"
#include "oc_ops.h"
#include "oc_test.h"

#include <stdlib.h>

typedef struct shape {
    int32_t n, side, c, o, k, stride, groups;
    bool computes_weights, is_int;
} shape;

static const char *class_of(const shape *s, const char *wanted)
{
    const oc_op *op = oc_op_find("conv2d");
    const int32_t pad = s->k / 2, out = (s->side + 2 * pad - s->k) / s->stride + 1;
    const oc_dtype dtype = s->is_int ? OC_DTYPE_int8 : OC_DTYPE_float32;
    const oc_desc x = {dtype, {4, {s->n, s->side, s->side, s->c}}};
    const oc_desc w = {dtype, {4, {s->o, s->k, s->k, s->c / s->groups}}};
    const oc_desc y = {s->is_int ? OC_DTYPE_int32 : dtype, {4, {s->n, out, out, s->o}}};
    const oc_desc *in[] = {&x, &w}, *outs[] = {&y};
    const bool is_const[] = {false, !s->computes_weights};
    void *attrs = calloc(1, op->attrs_size);
    oc_node node = {.name = "conv", .op = op, .attrs = attrs};
    oc_attrs_default(op, attrs);
    oc_assert_ok(oc_node_set_int(&node, "groups", s->groups));
    oc_assert_ok(oc_node_set_ints(&node, "strides", (int32_t[]){s->stride, s->stride}, 2));
    oc_assert_ok(oc_node_set_ints(&node, "pads", (int32_t[]){pad, pad, pad, pad}, 4));
    const oc_op_call call = {.op = op,
                             .name = "conv",
                             .attrs = attrs,
                             .numerics = op->numerics,
                             .n_in = 2,
                             .n_out = 1,
                             .in = in,
                             .out = outs,
                             .is_const = is_const};
    const char *found = op->choose_numerics(&call, wanted);
    free(attrs);
    return found;
}

/* The rule follows what was measured: docs/performance.md. */
static void what_costs_least_is_chosen(void **state)
{
    static const struct {
        int32_t c, side;
        const char *expected;
    } rows[] = {{64, 224, "winograd4"}, {128, 112, "winograd4"}, {256, 56, "winograd4"},
                {512, 28, "winograd4"}, {512, 14, "winograd2"},  {64, 56, "winograd4"},
                {128, 28, "winograd4"}, {256, 14, "winograd2"},  {512, 7, "direct"},
                {3, 32, "direct"}};
    (void)state;
    for (size_t i = 0; i < OC_COUNT(rows); i++)
        for (int32_t n = 1; n <= 8; n += 7) { /* however many images */
            const shape s = {n, rows[i].side, rows[i].c, rows[i].c, 3, 1, 1, false, false};
            assert_string_equal(class_of(&s, NULL), rows[i].expected);
        }
}

static void a_wish_is_heard_where_it_is_possible(void **state)
{
    static const shape possible = {1, 9, 4, 5, 3, 1, 1, false, false};
    static const shape others[] = {
        {1, 9, 4, 5, 3, 2, 1, false, false}, {1, 9, 4, 5, 5, 1, 1, false, false},
        {1, 9, 4, 5, 1, 1, 1, false, false}, {1, 9, 4, 4, 3, 1, 2, false, false},
        {1, 9, 4, 5, 3, 1, 1, true, false},  {1, 9, 4, 5, 3, 1, 1, false, true},
        {1, 99, 9000, 9000, 3, 1, 1, false, false}}; /* kernels count in int32_t */
    (void)state;
    assert_string_equal(class_of(&possible, "winograd2"), "winograd2");
    assert_string_equal(class_of(&possible, "winograd4"), "winograd4");
    assert_string_equal(class_of(&possible, "direct"), "direct");
    for (size_t i = 0; i < OC_COUNT(others); i++) {
        assert_string_equal(class_of(&others[i], "winograd4"), "direct");
        assert_string_equal(class_of(&others[i], NULL), "direct");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_costs_least_is_chosen),
        cmocka_unit_test(a_wish_is_heard_where_it_is_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
