/* SPDX-License-Identifier: Apache-2.0 */
#include "tally_op.h"

#include "oc_test.h"

typedef struct tally_attrs {
    int32_t bonus;
    float scale;
    int32_t mood;
    oc_ints list;
} tally_attrs;

static const char *const moods[] = {"merry", "calm", NULL};

static const oc_attr attrs[] = {
    {.name = "bonus", .type = OC_ATTR_INT, .offset = offsetof(tally_attrs, bonus), .initial = 1, .max = 10},
    {.name = "scale", .type = OC_ATTR_FLOAT, .offset = offsetof(tally_attrs, scale), .initial = 1},
    {.name = "mood", .type = OC_ATTR_ENUM, .offset = offsetof(tally_attrs, mood), .names = moods},
    {.name = "list", .type = OC_ATTR_INTS, .offset = offsetof(tally_attrs, list), .min = 1, .max = 9},
};

static oc_status tally_shape(const oc_op_call *call, oc_desc *out)
{
    for (uint32_t i = 1; i < call->n_in; i++)
        if (memcmp(call->in[i], call->in[0], sizeof(oc_desc)) != 0)
            return oc_fail(OC_E_SHAPE, "node \"%s\": inputs differ", call->name);
    out[0] = *call->in[0];
    return OC_OK;
}

static size_t tally_elems(const oc_op_call *call)
{
    size_t elems = 1;
    for (int32_t i = 0; i < call->in[0]->shape.rank; i++)
        elems *= (size_t)call->in[0]->shape.dim[i];
    return elems;
}

static oc_status tally_cost(const oc_op_call *call, oc_cost *cost)
{
    *cost = (oc_cost){.ops = call->n_in * tally_elems(call)};
    return OC_OK;
}

static oc_status tally_reference(const oc_op_call *call, const void *const *in, void *const *out)
{
    float *sum = out[0];
    for (size_t e = 0; e < tally_elems(call); e++) {
        sum[e] = (float)((const tally_attrs *)call->attrs)->bonus;
        for (uint32_t i = 0; i < call->n_in; i++)
            sum[e] += ((const float *)in[i])[e];
    }
    return OC_OK;
}

const oc_op tally_op = {
    .name = "tally",
    .help = "any number of equal tensors -> bonus plus their sum",
    .attrs_size = sizeof(tally_attrs),
    .attrs = attrs,
    .n_attrs = OC_COUNT(attrs),
    .in_min = 1,
    .in_max = OC_NODE_IO_MAX,
    .n_out = 1,
    .numerics = "sequential",
    .shape = tally_shape,
    .cost = tally_cost,
    .reference = tally_reference,
};

const oc_desc tally_desc = {OC_DTYPE_float32, {1, {2}}};

oc_graph *tally_random_graph(uint64_t seed, const oc_allocator *alloc, oc_status *status)
{
    oc_rng rng = oc_rng_make(seed);
    oc_graph *g = NULL;
    size_t n_inputs = 1 + oc_rng_below(&rng, 2), n_nodes = 2 + oc_rng_below(&rng, 20), count = 0;
    oc_id ids[32], loose[OC_NODE_IO_MAX];
    bool is_used[32] = {false};
    *status = oc_graph_create("random", NULL, alloc, &g);
    for (size_t i = 0; *status == OC_OK && i < n_inputs; i++)
        *status = oc_graph_add_input(g, "in", &tally_desc, &ids[count++]);
    for (size_t n = 0; *status == OC_OK && n <= n_nodes; n++) {
        size_t n_in = 0;
        oc_node *node = NULL;
        if (n < n_nodes) {
            n_in = 1 + oc_rng_below(&rng, 3);
            for (size_t i = 0; i < n_in; i++) {
                uint32_t pick = oc_rng_below(&rng, (uint32_t)count);
                loose[i] = ids[pick];
                is_used[pick] = true;
            }
        } else {
            for (size_t i = 0; i < count; i++)
                if (!is_used[i])
                    loose[n_in++] = ids[i];
        }
        *status = oc_graph_begin_node(g, &tally_op, NULL, loose, n_in, &node);
        if (*status == OC_OK)
            *status = oc_graph_end_node(g, node, NULL, &ids[count++]);
    }
    if (*status == OC_OK)
        *status = oc_graph_add_output(g, ids[count - 1]);
    if (*status == OC_OK)
        *status = oc_graph_freeze(g, 1);
    return g;
}
