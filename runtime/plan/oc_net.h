/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The network as decisions see it: plain data without operators, devices or files, made from a graph once or
 * read back from a decision log. Read-only; any number of threads may read it.
 *
 * Ids are those of the graph it was made from; constants have no producer and no users here. Nodes stand in the graph's fixed topological order.
 */
#ifndef OC_NET_H
#define OC_NET_H

#include "oc_graph.h"

#define OC_NET_PLANNED 512 /* nodes; planning the arena of every cut of a larger network takes seconds */
#define OC_KINDS_MAX 32 /* kinds of nodes: times of one kind are corrected together */

/**
 * A cut that may be forwarded at, or (the last one) not forwarding at all. The cuts of a net stand by n_head, rising.
 * cuts[0] is that of nothing having run; the head of cuts[n_cuts - 1] is all that the edge can run: every node, unless
 * `can_run` forbade some, and then it is a cut like the others.
 */
typedef struct oc_net_cut {
    const char *name;       /* for people: "7 (conv2)", "all-local", or the names of the values that cross */
    uint32_t index;         /* the head's length where it is a prefix of the fixed order; OC_NONE where it is none */
    uint32_t base;          /* the largest of the cuts that is a prefix and lies in this head: from there the edge goes on behind it, in the fixed order. A prefix's is itself */
    bool *is_head;          /* per node */
    uint32_t n_head;
    oc_id *values;          /* that cross: they move to the worker; ascending */
    uint32_t n_values;
    oc_id *gives;           /* outputs that the tail makes: they move back; in the order of the net's outputs */
    uint32_t n_gives;
    uint64_t up_bytes, down_bytes;
    uint64_t memory_bytes;  /* the edge's, for the head alone: constants in the model's layout and the planned arena; of networks of more than OC_NET_PLANNED nodes the arena's lower bound, but of the last cut */
} oc_net_cut;

typedef struct oc_net {
    const oc_allocator *alloc;
    oc_arena arena;
    const char *name;       /* of the model */
    oc_digest digest;
    size_t n_nodes, n_values;
    const char **node_names, **value_names;
    /* A kind: the operator's name and how many multiply-adds it does a byte ("conv2d 64"): what one device does equally well. */
    size_t n_kinds;
    const char **kind_names;
    uint8_t *kind;          /* per node */
    double *macs, *ops, *moved_bytes; /* per node: oc_cost, bytes read and written together */
    uint64_t *weight_bytes; /* per node: constants in the model's layout; a shared one counts at its first user */
    uint64_t *bytes;        /* per value; 0 for constants */
    oc_id *producer;        /* per value; OC_NONE for inputs and constants */
    bool *is_output;        /* per value */
    oc_id *inputs, *outputs;
    size_t n_inputs, n_outputs;
    uint32_t *in_begin, *out_begin, *use_begin; /* n_nodes + 1, n_nodes + 1, n_values + 1 */
    oc_id *in, *out, *use;  /* a node's values consumed (each once, no constants) and produced; a value's consuming nodes */
    oc_net_cut *cuts;
    size_t n_cuts;
} oc_net;

/**
 * Make the net of a frozen graph with its worthwhile cuts: the prefixes that no shorter prefix matches in bytes sent (as long as the worker
 * is the faster one, waiting for more of the network to run pays only when less has to move), at most 32 of them; in each eighth of the
 * arithmetic the prefix that sends least, so that a run that went past the others can still be forwarded; and the cuts
 * that are the least for some speed of link and worker (found by sweeping oc_mincut), at most 16 more, of every speed of worker some; and all that the edge can run.
 * `can_run`: per node, whether the edge can run it (NULL: all); cuts whose head it cannot run are left out, so is all-local then.
 * `extra`: cuts that the net must have, such as a policy's (oc_policy_cut); NULL with n_extra 0.
 * `memory_bytes`: what the edge may hold (oc_policy_memory); 0: no limit. It holds the constants of the last cut's head and one arena for it, in which the values that cross at
 * any of the cuts are kept, and outputs: so cuts are left out, those that send most first, until that fits; never the first one, the last one and extra ones.
 * Nothing is left out where the first and the last one alone do not fit: then `can_run` allows more than oc_exec_prefix_fit does, and a policy's memory row judges each cut by itself.
 * Errors: OC_E_NOMEM, OC_E_LIMIT (extra cuts do not fit where the net without them does; kinds beyond OC_KINDS_MAX are joined, not refused),
 * OC_E_UNSUPPORTED (the edge cannot run the head of an extra cut: cut, node).
 */
OC_MUST_USE oc_status oc_net_make(const oc_graph *graph, const bool *can_run, const oc_cut *const *extra, size_t n_extra, uint64_t memory_bytes, const oc_allocator *alloc, oc_net **net);
void oc_net_destroy(oc_net *net);
/**
 * A new net, the same but with one more cut, whose head is `is_head`; `*cut` is its index there. Errors: OC_E_NOMEM,
 * OC_E_ARG (no cut: a node of the head needs one outside, or the edge cannot run it).
 */
OC_MUST_USE oc_status oc_net_with_cut(const oc_net *net, const oc_graph *graph, const bool *is_head, oc_net **made, uint32_t *cut);
/** The cut with that head, or OC_NONE. */
uint32_t oc_net_find_cut(const oc_net *net, const bool *is_head);
/** The largest cut that is a prefix and lies in that head; cut 0 always does. */
uint32_t oc_net_find_base(const oc_net *net, const bool *is_head);

/** Per value (n_values flags): whether every path from an input to it goes through `node`, the node's own outputs included. Linear. */
void oc_net_dominated(const oc_net *net, oc_id node, bool *is_dominated);

#endif
