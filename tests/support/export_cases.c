/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_cases OUTDIR: writes every case of every operator as NAME.onnx with its inputs NAME.inI.npy and the
 * reference's outputs NAME.outI.npy, for other runtimes to judge our ONNX forms (tests/long/split_check.py). Prints
 * the names; of those that have no form, why, after a '-'.
 */
#include "case_graph.h"
#include "oc_export.h"

#include <stdio.h>

static oc_status save(const char *folder, const char *stem, const char *what, uint32_t index,
                      const oc_desc *desc, void *data)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s.%s%u.npy", folder, stem, what, index);
    return oc_npy_write(path, &(oc_tensor){*desc, data});
}

static oc_status save_model(const oc_graph *g, const char *folder, const char *stem)
{
    char path[600];
    oc_id nodes[1] = {0};
    const oc_part part = {.nodes = nodes, .n_nodes = 1, .takes = g->inputs, .n_takes = g->n_inputs,
                          .gives = g->outputs, .n_gives = g->n_outputs};
    oc_export *made = NULL;
    oc_file_out *file = NULL;
    snprintf(path, sizeof(path), "%s/%s.onnx", folder, stem);
    OC_TRY(oc_export_make(g, &part, stem, "a case", NULL, &made));
    oc_status status = oc_file_out_create(path, NULL, &file);
    if (status == OC_OK)
        status = oc_export_put(made, file);
    if (status == OC_OK)
        status = oc_file_out_keep(file);
    oc_file_out_destroy(file);
    oc_export_destroy(made);
    return status;
}

static oc_status save_case(const oc_op *op, const oc_op_case *c, const char *folder)
{
    char stem[200];
    op_run run;
    oc_graph *g = NULL;
    snprintf(stem, sizeof(stem), "%s.%s", op->name, c->name);
    oc_status status = case_graph(op, c, &run, &g);
    if (status == OC_OK)
        status = save_model(g, folder, stem);
    if (status == OC_E_UNSUPPORTED) {
        printf("%s - %s\n", stem, oc_error_text());
        status = OC_OK;
    } else if (status == OC_OK) {
        printf("%s\n", stem);
        for (uint32_t i = 0; i < run.call.n_in && status == OC_OK; i++)
            if (run.in[i])
                status = save(folder, stem, "in", i, run.in[i], run.data[i]);
        for (uint32_t i = 0; i < run.call.n_out && status == OC_OK; i++)
            status = save(folder, stem, "out", i, run.out[i], run.expected[i]);
    }
    op_run_fini(&run);
    oc_graph_destroy(g);
    return status;
}

int main(int argc, char **argv)
{
    size_t count;
    if (argc != 2) {
        fprintf(stderr, "usage: export_cases OUTDIR\n");
        return 2;
    }
    const oc_op *const *ops = oc_ops(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < ops[i]->n_cases; k++)
            if (save_case(ops[i], &ops[i]->cases[k], argv[1]) != OC_OK) {
                fprintf(stderr, "export_cases: %s\n", oc_error_text());
                return 1;
            }
    return 0;
}
