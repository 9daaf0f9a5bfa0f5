/* SPDX-License-Identifier: Apache-2.0 */
/** A model's layers tuned for a device. */
#include "oc_api.h"

struct oc_tune {
    const oc_allocator *alloc;
    oc_tuned tuned;
    oc_tune_layer *layers;
    oc_tune_info info;
};

static oc_status fill(oc_tune *t)
{
    const oc_tuned *tuned = &t->tuned;
    OC_TRY(OC_ALLOC(t->alloc, tuned->n_layers + 1, t->layers));
    for (size_t l = 0; l < tuned->n_layers; l++) {
        const oc_tuned_layer *from = &tuned->layers[l];
        t->layers[l] = (oc_tune_layer){.node = from->node,
                                       .n_nodes = from->n_nodes,
                                       .rule = from->rule,
                                       .choice = from->best,
                                       .n_tried = from->n_tried,
                                       .was_kept = from->was_kept,
                                       .is_kept = from->is_kept,
                                       .rule_ns = from->rule_ns,
                                       .ns = from->best_ns,
                                       .gain = from->gain};
    }
    t->info.layers = t->layers;
    t->info.n_layers = tuned->n_layers;
    t->info.n_left = tuned->n_left;
    t->info.rule_ns = tuned->rule_ns;
    t->info.ns = tuned->best_ns;
    t->info.gain = tuned->gain;
    return OC_OK;
}

static oc_status tune_on(oc_tune *t, const oc_model *model, oc_dev *dev,
                         const oc_tune_options *options)
{
    const oc_tune_plan plan = {.limit_ns = options->limit_ns,
                               .is_again = options->is_again,
                               .progress = options->progress,
                               .ctx = options->progress_ctx};
    oc_show_device(&dev->info, &t->info.device);
    OC_TRY(oc_exec_tune(model->graph, dev, &plan, t->alloc, &t->tuned));
    return fill(t);
}

oc_status oc_tune_run(const oc_model *model, const oc_prepare_options *prepare,
                      const oc_tune_options *options, const oc_allocator *alloc, oc_tune **tune)
{
    static const oc_prepare_options usual;
    static const oc_tune_options all;
    oc_tune *t = NULL;
    oc_dev *dev = NULL;
    prepare = prepare ? prepare : &usual;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, t));
    t->alloc = alloc;
    t->tuned.alloc = alloc;
    oc_status status = oc_open_device(prepare, alloc, &dev);
    if (status == OC_OK)
        status = tune_on(t, model, dev, options ? options : &all);
    oc_dev_close(dev);
    if (status != OC_OK)
        oc_tune_destroy(t);
    else
        *tune = t;
    return status;
}

void oc_tune_destroy(oc_tune *tune)
{
    if (!tune)
        return;
    oc_tuned_fini(&tune->tuned);
    oc_free(tune->alloc, tune->layers);
    oc_free(tune->alloc, tune);
}

const oc_tune_info *oc_tune_get_info(const oc_tune *tune)
{
    return &tune->info;
}
