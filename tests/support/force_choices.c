/* SPDX-License-Identifier: Apache-2.0 */
/**
 * force_choices MODEL FOLDER N [NUMERICS]: a cache in which each choice of each of the model's layers
 * is its value number N (of as many as it has, beginning anew), as if tuning had found that fastest.
 * Prints how many layers there are with something to choose.
 */
#include "oc_api.h"

#include <stdio.h>
#include <stdlib.h>

static oc_status choices_of(oc_dev *dev, const oc_graph *graph, size_t node, const char *wanted,
                            oc_choices *choices, oc_digest *key)
{
    const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
    bool is_const[OC_NODE_IO_MAX];
    const oc_op_call call = oc_node_call(graph, &graph->nodes[node], in, out, is_const);
    *choices = (oc_choices){.count = 0};
    return call.op->is_view ? OC_OK : dev->type->tuner->choices(dev, &call, wanted, choices, key);
}

/* Later choices depend on earlier ones: so one after the other. */
static oc_status force_node(oc_dev *dev, const oc_graph *graph, size_t node, uint32_t n,
                            size_t *count)
{
    char text[OC_CHOICE_TEXT] = "";
    oc_choices choices;
    oc_digest key;
    OC_TRY(choices_of(dev, graph, node, NULL, &choices, &key));
    for (uint32_t which = 0; which < choices.count; which++) {
        oc_choices_vary(&choices, which, n % choices.of[which].n_values, text);
        OC_TRY(choices_of(dev, graph, node, text, &choices, &key));
    }
    if (choices.count == 0)
        return OC_OK;
    ++*count;
    if (!dev->type->tuner->keep(dev, &key, oc_choices_print(&choices, text)))
        return oc_fail(OC_E_IO, "%s: the cache keeps nothing", graph->nodes[node].name);
    return OC_OK;
}

static oc_status force(const char *path, const char *folder, uint32_t n, const char *numerics)
{
    const oc_model_options how = {.numerics = numerics};
    const oc_dev_options options = {.cache_dir = folder};
    oc_model *model = NULL;
    oc_dev *dev = NULL;
    size_t count = 0;
    OC_TRY(oc_model_open(path, &how, NULL, &model));
    oc_status status = oc_dev_open("pocl", &options, NULL, &dev);
    for (size_t i = 0; status == OC_OK && i < model->graph->n_nodes; i++)
        status = force_node(dev, model->graph, i, n, &count);
    oc_dev_close(dev);
    oc_model_destroy(model);
    printf("%zu layers\n", count);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: force_choices MODEL FOLDER N [NUMERICS]\n");
        return 2;
    }
    const uint32_t n = (uint32_t)strtoul(argv[3], NULL, 10);
    const oc_status status = force(argv[1], argv[2], n, argc > 4 ? argv[4] : NULL);
    if (status != OC_OK)
        fprintf(stderr, "force_choices: %s\n", oc_error_text());
    return status == OC_OK ? 0 : 1;
}
