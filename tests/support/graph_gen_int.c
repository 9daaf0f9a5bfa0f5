/* SPDX-License-Identifier: Apache-2.0 */
/** The 8-bit integers of a random network, as importers make them of a quantised model. */
#include "graph_gen.h"

#include "oc_ops.h"
#include "oc_test.h"

#include <stdio.h>

typedef struct chain {
    oc_graph *g;
    oc_rng *rng;
    uint32_t serial; /* of the chain: its names begin with it */
    uint32_t nodes;
} chain;

static int32_t between(chain *t, int32_t lo, int32_t hi)
{
    return lo + (int32_t)oc_rng_below(t->rng, (uint32_t)(hi - lo + 1));
}

static oc_status begin(chain *t, const oc_op *op, const oc_id *in, size_t n_in, oc_node **node)
{
    char name[48];
    snprintf(name, sizeof(name), "int%u_%s_%u", t->serial, op->name, t->nodes++);
    return oc_graph_begin_node(t->g, op, name, in, n_in, node);
}

static oc_status end(chain *t, oc_node *node, oc_id *value)
{
    return oc_graph_end_node(t->g, node, NULL, value);
}

static oc_status int8s(chain *t, int32_t rank, const int32_t *dims, oc_id *value)
{
    int8_t data[512];
    oc_desc desc = {OC_DTYPE_int8, {.rank = rank}};
    memcpy(desc.shape.dim, dims, sizeof(*dims) * (size_t)rank);
    oc_rng_fill_bytes(t->rng, data, sizeof(data));
    return oc_graph_add_bytes(t->g, "bytes", &desc, data, value);
}

static oc_status int32s(chain *t, int32_t count, int32_t lo, int32_t hi, oc_id *value)
{
    int32_t data[16];
    for (int32_t i = 0; i < count; i++)
        data[i] = between(t, lo, hi);
    return oc_graph_add_bytes(t->g, "integers", &(oc_desc){OC_DTYPE_int32, {1, {count}}}, data,
                              value);
}

static oc_status scaled(chain *t, const oc_op *op, float scale, int8_t zero, oc_id *x)
{
    oc_id in[3] = {*x};
    oc_node *node;
    const oc_desc real = {.dtype = OC_DTYPE_float32}, byte = {.dtype = OC_DTYPE_int8};
    OC_TRY(oc_graph_add_bytes(t->g, "scale", &real, &scale, &in[1]));
    OC_TRY(oc_graph_add_bytes(t->g, "zero", &byte, &zero, &in[2]));
    OC_TRY(begin(t, op, in, 3, &node));
    if (op == &oc_op_quantize)
        OC_TRY(oc_node_set_enum(node, "to", "int8"));
    return end(t, node, x);
}

/* A convolution to sums, and back to 8 bits. */
static oc_status layer(chain *t, oc_id *x)
{
    const int32_t channels = t->g->values[*x].desc.shape.dim[3];
    const int32_t outputs = between(t, 1, 5), k = between(t, 1, 2), one = between(t, 0, 1);
    const int32_t factors = one ? 1 : outputs;
    const bool is_double = between(t, 0, 3) == 0;
    oc_id in[4] = {*x}, scale[4];
    oc_node *node;
    OC_TRY(int8s(t, 4, (int32_t[]){outputs, k, k, channels}, &in[1]));
    OC_TRY(int32s(t, outputs, -500, 500, &in[2]));
    OC_TRY(int8s(t, 1, (int32_t[]){1}, &in[3]));
    OC_TRY(begin(t, &oc_op_conv2d, in, 4, &node));
    OC_TRY(oc_node_set_ints(node, "pads", (int32_t[]){k - 1, 0, 0, k - 1}, 4));
    OC_TRY(end(t, node, &scale[0]));
    OC_TRY(int32s(t, factors, 1 << 30, INT32_MAX - 1, &scale[1]));
    OC_TRY(int32s(t, factors, -9, -6, &scale[2]));
    OC_TRY(int32s(t, factors, 0, (1 << 22) - 1, &scale[3]));
    OC_TRY(begin(t, &oc_op_requantize, scale, is_double ? 4 : 3, &node));
    OC_TRY(oc_node_set_enum(node, "rounding", is_double ? "double" : "twice"));
    OC_TRY(oc_node_set_int(node, "zero", between(t, -20, 20)));
    return end(t, node, x);
}

/* A function as its table, and a sum of what it gives and what it was given. */
static oc_status residual(chain *t, oc_id *x)
{
    oc_id in[2] = {*x}, sum[2] = {*x};
    oc_node *node;
    OC_TRY(int8s(t, 1, (int32_t[]){256}, &in[1]));
    OC_TRY(begin(t, &oc_op_lookup, in, 2, &node));
    OC_TRY(end(t, node, &sum[1]));
    OC_TRY(begin(t, &oc_op_qbinary, sum, 2, &node));
    OC_TRY(oc_node_set_enum(node, "fn", between(t, 0, 1) ? "add" : "sub"));
    OC_TRY(oc_node_set_int(node, "left_shift", 20));
    OC_TRY(oc_node_set_int(node, "zero1", between(t, -9, 9)));
    OC_TRY(oc_node_set_int(node, "mult1", 1 << 30));
    OC_TRY(oc_node_set_int(node, "mult2", between(t, 1 << 30, INT32_MAX - 1)));
    OC_TRY(oc_node_set_int(node, "shift2", -1));
    OC_TRY(oc_node_set_int(node, "mult_out", between(t, 1 << 30, INT32_MAX - 1)));
    OC_TRY(oc_node_set_int(node, "shift_out", -19));
    return end(t, node, x);
}

oc_status graph_gen_integers(oc_graph *graph, oc_rng *rng, uint32_t serial, oc_id x, oc_id *y)
{
    chain t = {graph, rng, serial, 0};
    OC_TRY(scaled(&t, &oc_op_quantize, 1.0f / 100, (int8_t)between(&t, -9, 9), &x));
    OC_TRY(layer(&t, &x));
    if (between(&t, 0, 1))
        OC_TRY(residual(&t, &x));
    if (between(&t, 0, 1))
        OC_TRY(layer(&t, &x));
    *y = x;
    return scaled(&t, &oc_op_dequantize, 1.0f / 64, (int8_t)between(&t, -9, 9), y);
}
