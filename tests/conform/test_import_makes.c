/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a format's row says that its networks are made of is so: oc_import refuses any other
 * operator, and each that is named is made by one of the models that lie in the tree (those that
 * fuzzers found, too) or that we write.
 */
#include "case_graph.h"
#include "oc_export.h"
#include "oc_import.h"
#include "oc_test.h"
#include "onnx_writer.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

/* A bit for each entry of an importer's `makes`. */
static uint64_t made[8];

static void note(const oc_graph *graph)
{
    size_t count;
    const oc_importer *const *importers = oc_importers(&count);
    for (size_t f = 0; f < count; f++) {
        if (strcmp(importers[f]->name, graph->format) != 0)
            continue;
        for (size_t n = 0; n < graph->n_nodes; n++)
            for (size_t i = 0; importers[f]->makes[i]; i++)
                if (importers[f]->makes[i] == graph->nodes[n].op)
                    made[f] |= UINT64_C(1) << i;
    }
}

/* Whether it is a model; much of a corpus is none. */
static bool import_file(const char *path)
{
    oc_graph *graph = NULL;
    if (oc_import(path, NULL, NULL, &graph) != OC_OK)
        return false;
    note(graph);
    oc_graph_destroy(graph);
    return true;
}

/* As fuzz_darknet has it: the .cfg, a 0, the weights. */
static bool import_darknet(const char *path)
{
    oc_bytes all;
    oc_assert_ok(oc_file_slurp(path, SIZE_MAX, NULL, &all));
    const uint8_t *end = all.size > 0 ? memchr(all.data, 0, all.size) : NULL;
    size_t cfg = end ? (size_t)(end - all.data) : all.size, rest = end ? all.size - cfg - 1 : 0;
    oc_assert_ok(oc_file_replace("makes.cfg", all.data, cfg));
    oc_assert_ok(oc_file_replace("makes.weights", end ? end + 1 : all.data, rest));
    oc_free(NULL, (void *)(uintptr_t)all.data);
    bool is_model = import_file("makes.cfg");
    unlink("makes.cfg");
    unlink("makes.weights");
    return is_model;
}

static void import_folder(const char *name, bool (*import)(const char *path))
{
    oc_test_path folder = oc_test_source(name);
    DIR *dir = opendir(folder.text);
    size_t imported = 0;
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[1400];
        snprintf(path, sizeof(path), "%s/%s", folder.text, entry->d_name);
        if (entry->d_type == DT_REG)
            imported += import(path);
    }
    closedir(dir);
    print_message("%s: %zu models\n", name, imported);
    assert_true(imported > 0);
}

/* ---- ONNX files of our own -------------------------------------------------------------------- */

static oc_status write_case(const oc_graph *g, const char *path)
{
    oc_id nodes[1] = {0};
    const oc_part part = {.nodes = nodes,
                          .n_nodes = 1,
                          .takes = g->inputs,
                          .n_takes = g->n_inputs,
                          .gives = g->outputs,
                          .n_gives = g->n_outputs};
    oc_export *model = NULL;
    oc_file_out *file = NULL;
    OC_TRY(oc_export_make(g, &part, "case", "", NULL, &model));
    oc_status status = oc_file_out_create(path, NULL, &file);
    if (status == OC_OK)
        status = oc_export_put(model, file);
    if (status == OC_OK)
        status = oc_file_out_keep(file);
    oc_file_out_destroy(file);
    oc_export_destroy(model);
    return status;
}

/* Every operator's cases that have an ONNX form. */
static void import_cases(void)
{
    size_t count;
    const oc_op *const *ops = oc_ops(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < ops[i]->n_cases; k++) {
            op_run run;
            oc_graph *g = NULL;
            oc_assert_ok(case_graph(ops[i], &ops[i]->cases[k], &run, &g));
            if (write_case(g, "makes.onnx") == OC_OK)
                (void)import_file("makes.onnx");
            oc_graph_destroy(g);
            op_run_fini(&run);
        }
    unlink("makes.onnx");
}

/* A Resize, which we write as other operators. */
static void import_resize(void)
{
    const int64_t in[] = {1, 2, 3, 3}, out[] = {1, 2, 6, 3}, count = 4;
    const float scales[] = {1, 1, 2, 1};
    onnx_writer w;
    oc_buf model;
    onnx_writer_init(&w, "resize");
    onnx_writer_input(&w, "x", 4, in);
    onnx_writer_floats(&w, "scales", 1, &count, scales);
    onnx_writer_node(&w, "Resize", "resize", (const char *[]){"x", "", "scales", NULL}, "y", NULL);
    onnx_writer_output(&w, "y", 4, out);
    oc_assert_ok(onnx_writer_end(&w, &model));
    oc_assert_ok(oc_file_replace("makes.onnx", model.data, model.size));
    assert_true(import_file("makes.onnx"));
    oc_buf_fini(&model);
    unlink("makes.onnx");
}

/* Layers that are in no .cfg of the corpus. */
static void import_layers(void)
{
    static const char cfg[] = "[net]\nchannels=1\nheight=2\nwidth=2\n"
                              "[convolutional]\nbatch_normalize=1\nactivation=linear\n"
                              "[maxpool]\nsize=2\nstride=2\n";
    const struct {
        int32_t version[3], seen[2];
        float weights[5]; /* bias, scale, mean, variance, the one tap */
    } file = {{0, 2, 0}, {0, 0}, {0.5f, 2, 1, 4, 3}};
    oc_assert_ok(oc_file_replace("makes.cfg", cfg, sizeof(cfg) - 1));
    oc_assert_ok(oc_file_replace("makes.weights", &file, sizeof(file)));
    assert_true(import_file("makes.cfg"));
    unlink("makes.cfg");
    unlink("makes.weights");
}

/* ---- the test --------------------------------------------------------------------------------- */

static void every_operator_named_is_made(void **state)
{
    size_t count, missing = 0;
    const oc_importer *const *importers = oc_importers(&count);
    (void)state;
    assert_true(count <= OC_COUNT(made));
    import_folder("tests/models", import_file);
    import_folder("tests/models/tflite", import_file);
    import_folder("tests/fuzz/corpus/onnx", import_file);
    import_folder("tests/fuzz/corpus/darknet", import_darknet);
    import_layers();
    import_cases();
    import_resize();
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; importers[f]->makes[i]; i++)
            if (!(made[f] >> i & 1)) {
                print_error("no model of %s makes a %s\n", importers[f]->name,
                            importers[f]->makes[i]->name);
                missing++;
            }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_operator_named_is_made)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
