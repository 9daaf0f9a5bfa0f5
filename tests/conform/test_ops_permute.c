/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An operator that says how it runs on permuted axes means it: with the attributes that it gives,
 * the permuted inputs make the permuted outputs, bit for bit.
 */
#include "op_case.h"

/* Axis i of `to` is axis perm[i] of `from`. */
static oc_shape permuted_shape(const oc_shape *from, const int32_t *perm)
{
    oc_shape to = {.rank = from->rank};
    for (int32_t i = 0; i < from->rank; i++)
        to.dim[i] = from->dim[perm[i]];
    return to;
}

/* The tensor `from` of desc `desc` with permuted axes. */
static void permute_data(const oc_desc *desc, const int32_t *perm, const void *from, void *to)
{
    const oc_shape *shape = &desc->shape, out = permuted_shape(shape, perm);
    size_t size = oc_dtype_size(desc->dtype), elems, step[OC_RANK_MAX], next = 1;
    oc_assert_ok(oc_shape_elems(shape, &elems));
    for (int32_t d = shape->rank - 1; d >= 0; d--) {
        step[d] = next;
        next *= (size_t)shape->dim[d];
    }
    for (size_t i = 0; i < elems; i++) {
        size_t rest = i, at = 0;
        for (int32_t d = out.rank - 1; d >= 0; d--) {
            at += rest % (size_t)out.dim[d] * step[perm[d]];
            rest /= (size_t)out.dim[d];
        }
        memcpy((char *)to + i * size, (const char *)from + at * size, size);
    }
}

/* All inputs have the rank of the first. */
static bool has_one_rank(const op_run *run)
{
    for (uint32_t i = 0; i < run->call.n_in; i++)
        if (run->in[i] == NULL || run->in[i]->shape.rank != run->in[0]->shape.rank)
            return false;
    return true;
}

/* Runs `p`, which has its attributes already, on the permuted inputs of `run`. */
static void run_permuted(const op_run *run, const int32_t *perm, op_run *p)
{
    size_t bytes;
    for (uint32_t i = 0; i < run->call.n_in; i++) {
        p->in_desc[i].shape = permuted_shape(&run->in_desc[i].shape, perm);
        oc_assert_ok(oc_desc_bytes(&p->in_desc[i], &bytes));
        oc_assert_ok(oc_alloc(NULL, bytes, 1, &p->data[i]));
        permute_data(&run->in_desc[i], perm, run->data[i], p->data[i]);
    }
    oc_assert_ok(op_run_shape(p));
    oc_assert_ok(op_run_reference(p));
}

/* The outputs of `p` are those of `run`, permuted. */
static void compare(const op_run *run, const int32_t *perm, op_run *p)
{
    for (uint32_t o = 0; o < run->call.n_out; o++) {
        const oc_shape want = permuted_shape(&run->out[o]->shape, perm);
        void *moved[OC_CASE_IN] = {NULL};
        size_t bytes;
        assert_memory_equal(&want, &p->out[o]->shape, sizeof(want));
        oc_assert_ok(oc_desc_bytes(run->out[o], &bytes));
        oc_assert_ok(oc_alloc(NULL, bytes, 1, &moved[o]));
        permute_data(run->out[o], perm, run->expected[o], moved[o]);
        op_run_compare(p, moved, "permuted");
        oc_free(NULL, moved[o]);
    }
}

/* True when the operator took the permutation. */
static bool check(const oc_op *op, const oc_op_case *c, const int32_t *perm)
{
    op_run run, p;
    op_run_init(&run, op, c);
    op_run_init(&p, op, c);
    oc_assert_ok(op_run_shape(&run));
    oc_status status = op->permute(&run.call, perm, run.in[0]->shape.rank, p.attrs);
    if (!has_one_rank(&run)) {
        assert_int_not_equal(status, OC_OK);
    } else if (status == OC_OK) {
        op_run_fill(&run, c, OP_FILL_TINY);
        oc_assert_ok(op_run_reference(&run));
        run_permuted(&run, perm, &p);
        compare(&run, perm, &p);
    } else {
        assert_int_equal(status, OC_E_UNSUPPORTED);
        assert_non_null(strstr(oc_error_text(), run.name));
    }
    op_run_fini(&run);
    op_run_fini(&p);
    return status == OC_OK;
}

/* Turned round, rotated, and with the first and last axis exchanged. */
static size_t check_all(const oc_op *op, const oc_op_case *c)
{
    int32_t rank = c->in[0].shape.rank, turn[OC_RANK_MAX], rotate[OC_RANK_MAX], swap[OC_RANK_MAX];
    for (int32_t i = 0; i < rank; i++) {
        turn[i] = rank - 1 - i;
        rotate[i] = (i + 1) % rank;
        swap[i] = i == 0 ? rank - 1 : i == rank - 1 ? 0 : i;
    }
    return (size_t)check(op, c, turn) + check(op, c, rotate) + check(op, c, swap);
}

static void permuted_inputs_make_permuted_outputs(void **state)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t taken = 0;
        for (size_t k = 0; ops[i]->permute && k < ops[i]->n_cases; k++)
            taken += check_all(ops[i], &ops[i]->cases[k]);
        if (ops[i]->permute && taken == 0)
            fail_msg("%s takes no permutation of any case", ops[i]->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permuted_inputs_make_permuted_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
