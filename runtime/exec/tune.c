/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launches can choose, measured. A layer is tried by itself, against the best one so far, in turns:
 * each choice after the other, since all combinations would be too many. What a layer leaves in the
 * caches is not what the layers before it leave there, so that in the end whole runs decide: where the
 * network is no faster for it, the rule holds.
 */
#include "exec.h"

#include <stdlib.h>

#define TURNS 5     /* of a candidate and the best one so far */
#define TURNS_MIN 2 /* after which one that is clearly slower gets no more */
#define SLOWER 1.08 /* clearly */
#define FASTER 0.98 /* worth a change */
#define RUNS 11     /* whole runs, of the rule's choices and of the best ones */
#define GAIN 1.01   /* there, of a layer that is no chance */

/* A node by itself, ready to run. */
typedef struct trial {
    oc_exec *exec;
    oc_lane *lane;
} trial;

typedef struct tuning {
    const oc_graph *graph;
    oc_dev *dev;
    const oc_tune_plan *plan;
    const oc_allocator *alloc;
    uint64_t end_ns;
    oc_tuned tuned;
    oc_digest *keys;   /* per layer */
    size_t *layer_of;  /* per node; SIZE_MAX: nothing to choose */
    bool *only;        /* per node */
    const char **best; /* per node: what was chosen; "" for the rule */
} tuning;

/* ---- what there is to choose --------------------------------------------------------------- */

static oc_status choices_of(const tuning *t, oc_id node, const char *wanted, oc_choices *choices,
                            oc_digest *key)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    const oc_op_call call = oc_node_call(t->graph, &t->graph->nodes[node], in, out, is_const);
    *choices = (oc_choices){.count = 0};
    if (call.op->is_view || oc_op_is_empty(&call))
        return OC_OK;
    return t->dev->type->tuner->choices(t->dev, &call, wanted, choices, key);
}

/* What is kept for the layer, where its launches can choose that. */
static oc_status read_kept(tuning *t, oc_tuned_layer *layer, const oc_digest *key)
{
    char text[OC_CHOICE_TEXT], made[OC_CHOICE_TEXT];
    oc_choices choices;
    oc_digest same;
    if (!t->dev->type->tuner->kept(t->dev, key, text))
        return OC_OK;
    OC_TRY(choices_of(t, layer->node, text, &choices, &same));
    layer->was_kept = strcmp(oc_choices_print(&choices, made), text) == 0;
    layer->is_kept = layer->was_kept;
    if (layer->was_kept)
        memcpy(layer->best, text, sizeof(layer->best));
    return OC_OK;
}

/* The layer with that key, made where there is none. */
static oc_status add_node(tuning *t, oc_id node, const oc_choices *choices, const oc_digest *key)
{
    size_t l = 0;
    while (l < t->tuned.n_layers && !oc_digest_equal(&t->keys[l], key))
        l++;
    oc_tuned_layer *layer = &t->tuned.layers[l];
    t->layer_of[node] = l;
    layer->n_nodes++;
    if (l < t->tuned.n_layers)
        return OC_OK;
    t->tuned.n_layers++;
    t->keys[l] = *key;
    layer->node = node;
    oc_choices_print(choices, layer->rule);
    oc_choices_print(choices, layer->best);
    return read_kept(t, layer, key);
}

static oc_status list_layers(tuning *t)
{
    const size_t n_nodes = t->graph->n_nodes;
    OC_TRY(OC_ALLOC(t->alloc, n_nodes + 1, t->tuned.layers));
    OC_TRY(OC_ALLOC(t->alloc, n_nodes + 1, t->keys));
    OC_TRY(OC_ALLOC(t->alloc, n_nodes + 1, t->layer_of));
    OC_TRY(OC_ALLOC(t->alloc, n_nodes + 1, t->only));
    OC_TRY(OC_ALLOC(t->alloc, n_nodes + 1, t->best));
    for (size_t n = 0; n < n_nodes; n++) {
        oc_choices choices = {.count = 0};
        oc_digest key;
        t->layer_of[n] = SIZE_MAX;
        if (t->dev->type->tuner != NULL)
            OC_TRY(choices_of(t, (oc_id)n, NULL, &choices, &key));
        if (choices.count > 0)
            OC_TRY(add_node(t, (oc_id)n, &choices, &key));
    }
    return OC_OK;
}

/* ---- one layer ----------------------------------------------------------------------------- */

static void trial_fini(trial *made)
{
    oc_lane_destroy(made->lane);
    oc_exec_destroy(made->exec);
    *made = (trial){.exec = NULL};
}

static oc_status trial_init(tuning *t, oc_id node, const char *choices, trial *made)
{
    const exec_setup setup = {.only = t->only, .choices = t->best, .is_trial = true};
    trial fresh = {.exec = NULL};
    t->only[node] = true;
    t->best[node] = choices;
    oc_status status = oc_exec_create_as(t->graph, t->dev, &setup, t->alloc, &fresh.exec);
    t->only[node] = false;
    t->best[node] = NULL;
    if (status == OC_OK)
        status = oc_lane_create(fresh.exec, &node, 1, NULL, 0, t->alloc, &fresh.lane);
    if (status == OC_OK)
        status = oc_lane_clear(fresh.lane);
    if (status == OC_OK)
        *made = fresh;
    else
        trial_fini(&fresh);
    return status;
}

static oc_status run_ns(oc_lane *lane, double *ns)
{
    oc_lane_times times;
    OC_TRY(oc_lane_measure(lane, 1, NULL, NULL, &times));
    *ns = OC_MAX(times.run_ns, 1.0);
    oc_lane_times_fini(&times);
    return OC_OK;
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the numbers. */
static double median(double *list, size_t count)
{
    qsort(list, count, sizeof(*list), compare_numbers);
    return list[count / 2];
}

static oc_status is_faster(const trial *other, const trial *best, bool *is)
{
    double ratios[TURNS], least = 0;
    size_t turns = 0;
    while (turns < TURNS) {
        double other_ns, best_ns;
        OC_TRY(run_ns(best->lane, &best_ns));
        OC_TRY(run_ns(other->lane, &other_ns));
        ratios[turns++] = other_ns / best_ns;
        least = turns == 1 ? ratios[0] : OC_MIN(least, ratios[turns - 1]);
        if (turns >= TURNS_MIN && least > SLOWER)
            break;
    }
    *is = median(ratios, turns) < FASTER;
    return OC_OK;
}

/* One candidate: it takes the place of the best one if it is faster. */
static oc_status try_one(tuning *t, oc_tuned_layer *layer, const char *wanted, trial *best)
{
    trial other;
    oc_choices choices;
    oc_digest key;
    bool is = false;
    if (t->plan->progress != NULL)
        t->plan->progress(t->plan->ctx, (size_t)(layer - t->tuned.layers), t->tuned.n_layers,
                          t->graph->nodes[layer->node].name);
    oc_status status = trial_init(t, layer->node, wanted, &other);
    if (status == OC_E_UNSUPPORTED || status == OC_E_DEVICE)
        return OC_OK; /* what a device cannot do is no candidate */
    OC_TRY(status);
    layer->n_tried++;
    status = is_faster(&other, best, &is);
    if (status == OC_OK && is)
        status = choices_of(t, layer->node, wanted, &choices, &key);
    if (status == OC_OK && is) {
        const trial slower = *best;
        *best = other;
        other = slower;
        oc_choices_print(&choices, layer->best);
    }
    trial_fini(&other);
    return status;
}

static bool is_over(const tuning *t)
{
    return oc_now_ns() >= t->end_ns;
}

/* Each choice in its turn, with the ones before it as they turned out best. */
static oc_status try_all(tuning *t, oc_tuned_layer *layer, trial *best)
{
    oc_choices choices;
    oc_digest key;
    char wanted[OC_CHOICE_TEXT];
    OC_TRY(choices_of(t, layer->node, NULL, &choices, &key));
    for (uint32_t which = 0; which < choices.count; which++) {
        for (uint32_t v = 0; v < choices.of[which].n_values; v++)
            if (v != choices.of[which].taken)
                OC_TRY(try_one(t, layer, oc_choices_vary(&choices, which, v, wanted), best));
        OC_TRY(choices_of(t, layer->node, layer->best, &choices, &key));
    }
    return OC_OK;
}

static oc_status tune_layer(tuning *t, oc_tuned_layer *layer)
{
    trial best;
    memcpy(layer->best, layer->rule, sizeof(layer->best));
    OC_TRY(trial_init(t, layer->node, "", &best));
    const oc_status status = try_all(t, layer, &best);
    trial_fini(&best);
    return status;
}

static void keep(tuning *t, oc_tuned_layer *layer)
{
    const oc_digest *key = &t->keys[layer - t->tuned.layers];
    layer->is_kept = t->dev->type->tuner->keep(t->dev, key, layer->best);
}

/* What is found is kept at once: who has no patience loses nothing. */
static oc_status tune_layers(tuning *t)
{
    for (size_t l = 0; l < t->tuned.n_layers; l++) {
        oc_tuned_layer *layer = &t->tuned.layers[l];
        if (layer->was_kept && !t->plan->is_again)
            continue;
        if (is_over(t)) {
            t->tuned.n_left++;
            continue;
        }
        OC_TRY(tune_layer(t, layer));
        keep(t, layer);
    }
    return OC_OK;
}

/* ---- whole runs ---------------------------------------------------------------------------- */

/* The network in one of its forms. */
typedef struct whole {
    trial made;
    double *layer_ns; /* per layer and run */
    double run_ns[RUNS];
} whole;

static void whole_fini(const tuning *t, whole *w)
{
    trial_fini(&w->made);
    oc_free(t->alloc, w->layer_ns);
}

/* `is_best`: with what was chosen, else as the rule says. */
static oc_status whole_init(tuning *t, bool is_best, bool is_trial, whole *w)
{
    const exec_setup setup = {.choices = t->best, .is_trial = is_trial};
    const oc_tuned *tuned = &t->tuned;
    for (size_t n = 0; n < t->graph->n_nodes; n++) {
        const bool is_layer = t->layer_of[n] != SIZE_MAX;
        t->best[n] = is_best && is_layer ? tuned->layers[t->layer_of[n]].best : "";
    }
    OC_TRY(OC_ALLOC(t->alloc, (tuned->n_layers + 1) * RUNS, w->layer_ns));
    OC_TRY(oc_exec_create_as(t->graph, t->dev, &setup, t->alloc, &w->made.exec));
    OC_TRY(oc_lane_create_whole(w->made.exec, t->alloc, &w->made.lane));
    return oc_lane_clear(w->made.lane);
}

/* A lane of all nodes has them in the graph's order: a step is a node. */
static oc_status run_whole(tuning *t, whole *w, size_t run)
{
    oc_lane_times times;
    OC_TRY(oc_lane_measure(w->made.lane, 1, NULL, NULL, &times));
    w->run_ns[run] = times.run_ns;
    for (size_t k = 0; k < times.n_kernels; k++) {
        const size_t layer = t->layer_of[times.kernels[k].step];
        if (layer != SIZE_MAX)
            w->layer_ns[layer * RUNS + run] += times.kernels[k].ns;
    }
    oc_lane_times_fini(&times);
    return OC_OK;
}

/* Runs next to each other saw the same of what else the machine does: so ratios count. */
static double gain_of(const double *rule_ns, const double *best_ns)
{
    double ratios[RUNS];
    for (size_t run = 0; run < RUNS; run++)
        ratios[run] = rule_ns[run] / OC_MAX(best_ns[run], 1.0);
    return median(ratios, RUNS);
}

static bool is_rule(const oc_tuned_layer *layer)
{
    return strcmp(layer->best, layer->rule) == 0;
}

static void sum_up(tuning *t, whole *rule, whole *best)
{
    for (size_t l = 0; l < t->tuned.n_layers; l++) {
        oc_tuned_layer *layer = &t->tuned.layers[l];
        double *rule_ns = rule->layer_ns + l * RUNS, *best_ns = best->layer_ns + l * RUNS;
        layer->gain = is_rule(layer) ? 1 : gain_of(rule_ns, best_ns);
        layer->rule_ns = median(rule_ns, RUNS);
        layer->best_ns = is_rule(layer) ? layer->rule_ns : median(best_ns, RUNS);
    }
    t->tuned.gain = gain_of(rule->run_ns, best->run_ns);
    t->tuned.rule_ns = median(rule->run_ns, RUNS);
    t->tuned.best_ns = median(best->run_ns, RUNS);
}

static bool is_any_better(const tuning *t)
{
    for (size_t l = 0; l < t->tuned.n_layers; l++)
        if (!is_rule(&t->tuned.layers[l]))
            return true;
    return false;
}

static oc_status compare_runs(tuning *t)
{
    whole rule = {.layer_ns = NULL}, best = {.layer_ns = NULL};
    const bool is_any = is_any_better(t); /* otherwise both are one */
    oc_status status;
    if (is_any)
        OC_TRY_OUT(whole_init(t, false, true, &rule));
    OC_TRY_OUT(whole_init(t, true, true, &best));
    for (size_t run = 0; run < RUNS; run++) {
        if (t->plan->progress != NULL)
            t->plan->progress(t->plan->ctx, run, RUNS, "");
        if (is_any)
            OC_TRY_OUT(run_whole(t, &rule, run));
        OC_TRY_OUT(run_whole(t, &best, run));
    }
    sum_up(t, is_any ? &rule : &best, &best);
out:
    whole_fini(t, &best);
    whole_fini(t, &rule);
    return status;
}

/* Layers that were tried and are no faster inside the network go back to the rule. */
static bool take_back(tuning *t)
{
    bool is_any = false;
    for (size_t l = 0; l < t->tuned.n_layers; l++) {
        oc_tuned_layer *layer = &t->tuned.layers[l];
        if (layer->n_tried == 0 || is_rule(layer) || layer->gain >= GAIN)
            continue;
        memcpy(layer->best, layer->rule, sizeof(layer->best));
        keep(t, layer);
        is_any = true;
    }
    return is_any;
}

/*
 * A later start takes the network's kernels as one program. It is built and run when all is chosen:
 * what the comparison built on its way has some of them only.
 */
static oc_status keep_programs(tuning *t)
{
    whole w = {.layer_ns = NULL};
    oc_status status = whole_init(t, true, false, &w);
    if (status == OC_OK)
        status = run_whole(t, &w, 0);
    whole_fini(t, &w);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static oc_status tune(tuning *t)
{
    OC_TRY(list_layers(t));
    if (t->tuned.n_layers == 0)
        return OC_OK;
    OC_TRY(tune_layers(t));
    OC_TRY(compare_runs(t));
    while (take_back(t))
        OC_TRY(compare_runs(t));
    return keep_programs(t);
}

oc_status oc_exec_tune(const oc_graph *graph, oc_dev *dev, const oc_tune_plan *plan,
                       const oc_allocator *alloc, oc_tuned *tuned)
{
    tuning t = {.graph = graph,
                .dev = dev,
                .plan = plan,
                .alloc = alloc,
                .end_ns = plan->limit_ns > 0 ? oc_now_ns() + plan->limit_ns : OC_NEVER_NS,
                .tuned = {.alloc = alloc}};
    const oc_status status = tune(&t);
    oc_free(alloc, t.best);
    oc_free(alloc, t.only);
    oc_free(alloc, t.layer_of);
    oc_free(alloc, t.keys);
    if (status == OC_OK)
        *tuned = t.tuned;
    else
        oc_tuned_fini(&t.tuned);
    return status;
}

void oc_tuned_fini(oc_tuned *tuned)
{
    oc_free(tuned->alloc, tuned->layers);
    tuned->layers = NULL;
    tuned->n_layers = 0;
}
