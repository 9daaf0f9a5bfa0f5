/* SPDX-License-Identifier: Apache-2.0 */
/** Products of matrices. */
#include "onnx_matrix.h"

#include "oc_ops.h"

static oc_status swap_axes(oc_onnx_call *c, const char *what, oc_id x, oc_id *out)
{
    const char *name;
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    return oc_imp_transpose(&c->at, name, x, (int32_t[]){1, 0}, out);
}

/* x times a number; x itself for 1. */
static oc_status scale(oc_onnx_call *c, const char *what, oc_id x, float factor, oc_id *out)
{
    const char *name;
    oc_id number;
    *out = x;
    if (factor == 1.0f)
        return OC_OK;
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    OC_TRY(oc_imp_scalar(&c->at, what, factor, &number));
    return oc_imp_binary(&c->at, name, "mul", x, number, out);
}

typedef struct gemm_args {
    float alpha, beta;
    int64_t swap_a, swap_b;
    oc_id a, b, c;
} gemm_args;

static oc_status read_gemm(oc_onnx_call *c, gemm_args *g)
{
    OC_TRY(oc_onnx_get_float(c, "alpha", 1.0f, &g->alpha));
    OC_TRY(oc_onnx_get_float(c, "beta", 1.0f, &g->beta));
    OC_TRY(oc_onnx_get_int(c, "transA", 0, &g->swap_a));
    OC_TRY(oc_onnx_get_int(c, "transB", 0, &g->swap_b));
    for (uint32_t i = 0; i < 2; i++)
        if (oc_onnx_shape(c, i)->rank != 2)
            return oc_fail(OC_E_SHAPE, "node \"%s\": expected input %u of rank 2, found %d",
                           c->at.node, i, oc_onnx_shape(c, i)->rank);
    g->a = c->in[0];
    g->b = c->in[1];
    g->c = c->n_in > 2 && g->beta != 0.0f ? c->in[2] : OC_NONE;
    if (g->swap_a)
        OC_TRY(swap_axes(c, "a", g->a, &g->a));
    return g->c == OC_NONE ? OC_OK : scale(c, "beta", g->c, g->beta, &g->c);
}

/* A constant addend of one number a column is a bias [N]: takes it out of `g`. */
static oc_status take_bias(oc_onnx_call *c, gemm_args *g, int32_t columns, oc_id *bias)
{
    const char *name;
    *bias = OC_NONE;
    if (!oc_imp_is_const(c->at.graph, g->c))
        return OC_OK;
    const oc_shape *shape = oc_imp_shape(&c->at, g->c);
    bool is_row = shape->rank == 2 && shape->dim[0] == 1 && shape->dim[1] == columns;
    if (!is_row && !(shape->rank == 1 && shape->dim[0] == columns))
        return OC_OK;
    *bias = g->c;
    g->c = OC_NONE;
    if (!is_row)
        return OC_OK;
    OC_TRY(oc_imp_sub(&c->at, "bias", &name));
    return oc_imp_reshape(&c->at, name, *bias, &(oc_shape){1, {columns}}, bias);
}

/* Constant b: the weights [N,K] of a fully connected layer, alpha and the bias within. */
static oc_status gemm_connected(oc_onnx_call *c, gemm_args *g, const char *name, const char *out,
                                oc_id *y)
{
    oc_node *node;
    oc_id in[3] = {g->a, g->b, OC_NONE};
    if (!g->swap_b)
        OC_TRY(swap_axes(c, "weights", g->b, &in[1]));
    OC_TRY(scale(c, "alpha", in[1], g->alpha, &in[1]));
    OC_TRY(take_bias(c, g, oc_imp_shape(&c->at, in[1])->dim[0], &in[2]));
    if (g->c == OC_NONE)
        name = NULL, out = c->at.out;
    OC_TRY(oc_imp_begin(&c->at, name, &oc_op_fully_connected, in, in[2] == OC_NONE ? 2 : 3, &node));
    return oc_imp_end(&c->at, node, out, y);
}

static oc_status gemm_matmul(oc_onnx_call *c, gemm_args *g, oc_id *y)
{
    oc_node *node;
    const char *name;
    oc_id in[2] = {g->a, g->b};
    if (g->swap_b)
        OC_TRY(swap_axes(c, "b", g->b, &in[1]));
    OC_TRY(scale(c, "alpha", in[0], g->alpha, &in[0]));
    OC_TRY(oc_imp_sub(&c->at, "product", &name));
    bool is_last = g->c == OC_NONE;
    OC_TRY(oc_imp_begin(&c->at, is_last ? NULL : name, &oc_op_matmul, in, 2, &node));
    return oc_imp_end(&c->at, node, is_last ? c->at.out : name, y);
}

/* alpha A B + beta C */
oc_status oc_onnx_gemm(oc_onnx_call *c)
{
    gemm_args g;
    const char *name;
    oc_id y;
    OC_TRY(read_gemm(c, &g));
    OC_TRY(oc_imp_sub(&c->at, "product", &name));
    if (oc_imp_is_const(c->at.graph, g.b))
        OC_TRY(gemm_connected(c, &g, name, name, &y));
    else
        OC_TRY(gemm_matmul(c, &g, &y));
    if (g.c != OC_NONE)
        return oc_imp_binary(&c->at, NULL, "add", y, g.c, &c->out[0]);
    c->out[0] = y;
    return OC_OK;
}

/* A vector as a matrix of one row (`axis` 0) or one column (1); others stay. */
static oc_status to_matrix(oc_onnx_call *c, const char *what, oc_id x, int axis, oc_id *out)
{
    const oc_shape *shape = oc_imp_shape(&c->at, x);
    oc_shape matrix = {2, {1, 1}};
    const char *name;
    *out = x;
    if (shape->rank != 1)
        return OC_OK;
    matrix.dim[1 - axis] = shape->dim[0];
    OC_TRY(oc_imp_sub(&c->at, what, &name));
    return oc_imp_reshape(&c->at, name, x, &matrix, out);
}

/* One number for all of input a; one a row only matmul knows. */
static bool is_single(const oc_onnx_call *c, oc_id value)
{
    size_t elems;
    return value == OC_NONE ||
           (oc_shape_elems(oc_imp_shape(&c->at, value), &elems) == OC_OK && elems == 1);
}

/* The product of matrices, or, for a constant matrix b, a fully connected layer. */
static oc_status product(oc_onnx_call *c, const oc_imp *at, const oc_onnx_product_args *p, oc_id *y)
{
    oc_node *node;
    const oc_op *op = &oc_op_matmul;
    oc_id in[5] = {p->a, p->b, OC_NONE, p->a_zero, p->b_zero};
    size_t n_in = p->b_zero != OC_NONE ? 5 : p->a_zero != OC_NONE ? 4 : 2;
    if (oc_imp_is_const(at->graph, p->b) && oc_imp_shape(at, p->b)->rank == 2 &&
        is_single(c, p->a_zero)) {
        op = &oc_op_fully_connected;
        OC_TRY(swap_axes(c, "weights", p->b, &in[1]));
    }
    OC_TRY(oc_imp_begin(at, NULL, op, in, n_in, &node));
    return oc_imp_end(at, node, at->out, y);
}

/* NumPy's rule: the axis that a vector gains before the product is removed after it. */
oc_status oc_onnx_product(oc_onnx_call *c, const oc_imp *at, const oc_onnx_product_args *args,
                          oc_id *y)
{
    oc_onnx_product_args p = *args;
    oc_shape shape;
    oc_imp step;
    bool is_row = oc_imp_shape(at, p.a)->rank == 1, is_column = oc_imp_shape(at, p.b)->rank == 1;
    if (oc_imp_shape(at, p.a)->rank == 0 || oc_imp_shape(at, p.b)->rank == 0)
        return oc_fail(OC_E_SHAPE, "node \"%s\": one of its matrices is a scalar", c->at.node);
    OC_TRY(to_matrix(c, "row", args->a, 0, &p.a));
    OC_TRY(to_matrix(c, "column", args->b, 1, &p.b));
    if (!is_row && !is_column)
        return product(c, at, &p, y);
    OC_TRY(oc_onnx_step(c, "product", &step));
    OC_TRY(product(c, &step, &p, y));
    const oc_shape *full = oc_imp_shape(at, *y);
    int32_t drop[2], n = 0;
    if (is_row)
        drop[n++] = full->rank - 2;
    if (is_column)
        drop[n++] = full->rank - 1;
    OC_TRY(oc_imp_squeezed(at, full, drop, (size_t)n, &shape));
    return oc_imp_reshape(at, NULL, *y, &shape, y);
}

oc_status oc_onnx_mat_mul(oc_onnx_call *c)
{
    const oc_onnx_product_args p = {c->in[0], c->in[1], OC_NONE, OC_NONE};
    return oc_onnx_product(c, &c->at, &p, &c->out[0]);
}

oc_status oc_onnx_by_row(oc_onnx_call *c, const char *what, oc_id x, oc_id *out)
{
    const oc_shape s = x == OC_NONE ? (oc_shape){0} : *oc_imp_shape(&c->at, x);
    oc_imp at;
    *out = x;
    if (s.rank != 1 || s.dim[0] == 1)
        return OC_OK;
    OC_TRY(oc_onnx_step(c, what, &at));
    return oc_imp_reshape(&at, NULL, x, &(oc_shape){2, {s.dim[0], 1}}, out);
}

oc_status oc_onnx_mat_mul_integer(oc_onnx_call *c)
{
    const oc_onnx_product_args p = {c->in[0], c->in[1], oc_onnx_in(c, 2), oc_onnx_in(c, 3)};
    return oc_onnx_product(c, &c->at, &p, &c->out[0]);
}
