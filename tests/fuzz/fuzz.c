/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "graph_eval.h"
#include "oc_transform.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MACS_MAX 200000u     /* of a model that is computed too */
#define BYTES_MAX (1u << 20) /* of all its values */

void fuzz_check_refusal(oc_status status)
{
    FUZZ_CHECK(status != OC_E_INTERNAL && status != OC_E_NOMEM);
    FUZZ_CHECK(oc_error_text()[0] != '\0');
    FUZZ_CHECK(strchr(oc_error_text(), '\n') == NULL);
}

const char *fuzz_file(unsigned slot, const uint8_t *data, size_t size)
{
    static int fds[FUZZ_SLOTS] = {-1, -1};
    static char paths[FUZZ_SLOTS][32];
    if (fds[slot] < 0) {
        char name[32];
        snprintf(name, sizeof(name), "/offcut-fuzz-%ld-%u", (long)getpid(), slot);
        fds[slot] = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        FUZZ_CHECK(fds[slot] >= 0 && shm_unlink(name) == 0);
        snprintf(paths[slot], sizeof(paths[slot]), "/proc/self/fd/%d", fds[slot]);
    }
    FUZZ_CHECK(ftruncate(fds[slot], 0) == 0);
    FUZZ_CHECK(pwrite(fds[slot], data, size, 0) == (ssize_t)size);
    return paths[slot];
}

static const oc_importer *find_importer(const char *name)
{
    size_t count;
    const oc_importer *const *rows = oc_importers(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    FUZZ_CHECK(!"an importer of that name");
    return NULL;
}

/* ---- a graph that was accepted ------------------------------------------------------------------ */

static void read_constants(const oc_graph *g)
{
    for (oc_id v = 0; v < g->n_values; v++) {
        size_t bytes;
        void *data = NULL;
        if (!g->values[v].constant)
            continue;
        FUZZ_CHECK(oc_desc_bytes(&g->values[v].desc, &bytes) == OC_OK);
        if (oc_alloc(NULL, bytes + 1, 1, &data) != OC_OK)
            continue;
        oc_status status = oc_graph_const_read(g, v, data, bytes);
        if (status != OC_OK)
            fuzz_check_refusal(status);
        oc_free(NULL, data);
    }
}

bool fuzz_is_little(const oc_graph *g, uint64_t macs_max, uint64_t bytes_max)
{
    uint64_t macs = 0, bytes = 0;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const oc_desc *in[OC_NODE_IO_MAX], *out[OC_NODE_IO_MAX];
        bool is_const[OC_NODE_IO_MAX];
        oc_cost cost;
        oc_op_call call = oc_node_call(g, &g->nodes[i], in, out, is_const);
        if (g->nodes[i].op->cost(&call, &cost) != OC_OK)
            return false;
        macs += OC_MIN(cost.macs, UINT32_MAX) + OC_MIN(cost.ops, UINT32_MAX);
    }
    for (oc_id v = 0; v < g->n_values; v++) {
        size_t size;
        FUZZ_CHECK(oc_desc_bytes(&g->values[v].desc, &size) == OC_OK);
        bytes += size;
    }
    return macs <= macs_max && bytes <= bytes_max;
}

void fuzz_fill(const oc_desc *desc, void *data)
{
    uint64_t state = 88172645463325252u; /* Marsaglia's xorshift64 */
    size_t bytes;
    FUZZ_CHECK(oc_desc_bytes(desc, &bytes) == OC_OK);
    for (size_t i = 0; i < bytes; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((uint8_t *)data)[i] = (uint8_t)(state >> 32);
        if (desc->dtype == OC_DTYPE_bool)
            ((uint8_t *)data)[i] &= 1;
    }
}

static void evaluate(const oc_graph *g)
{
    oc_tensor *in = calloc(g->n_inputs + 1, sizeof(*in));
    oc_tensor *out = calloc(g->n_outputs + 1, sizeof(*out));
    FUZZ_CHECK(in && out);
    for (size_t i = 0; i < g->n_inputs; i++) {
        FUZZ_CHECK(oc_tensor_alloc(&g->values[g->inputs[i]].desc, NULL, &in[i]) == OC_OK);
        fuzz_fill(&in[i].desc, in[i].data);
    }
    oc_status status = graph_eval(g, in, out);
    if (status != OC_OK)
        fuzz_check_refusal(status);
    for (size_t i = 0; i < g->n_inputs; i++)
        oc_tensor_free(&in[i], NULL);
    for (size_t i = 0; status == OC_OK && i < g->n_outputs; i++)
        oc_tensor_free(&out[i], NULL);
    free(in);
    free(out);
}

/* ---- bytes ------------------------------------------------------------------------------------- */

oc_graph *fuzz_import(const char *importer, const uint8_t *data, size_t size,
                      const oc_model_options *options)
{
    oc_graph *g = NULL;
    oc_file *file = NULL;
    /* A copy whose end the sanitizer guards. */
    uint8_t *exact = malloc(size + !size);
    FUZZ_CHECK(exact != NULL);
    if (size)
        memcpy(exact, data, size);
    FUZZ_CHECK(oc_file_open(fuzz_file(0, data, size), oc_allocator_or_default(NULL), &file) ==
               OC_OK);
    FUZZ_CHECK(oc_graph_create("fuzz", &options->limits, NULL, &g) == OC_OK);
    const oc_import_source source = {{exact, size}, file, options};
    oc_status status = find_importer(importer)->read(&source, g);
    free(exact);
    oc_file_unref(file);
    memset(&g->source, 0, sizeof(g->source));
    if (status == OC_OK)
        status = oc_transform_all(g);
    if (status == OC_OK) {
        FUZZ_CHECK(oc_graph_verify(g) == OC_OK);
        return g;
    }
    fuzz_check_refusal(status);
    oc_graph_destroy(g);
    return NULL;
}

void fuzz_model(const char *importer, const uint8_t *data, size_t size, const char *weights)
{
    const oc_model_options options = {
        .limits = {.model_bytes = 1 << 26, .memory_bytes = 1 << 22, .nodes = 500},
        .weights = weights};
    oc_graph *g = fuzz_import(importer, data, size, &options);
    if (!g)
        return;
    read_constants(g);
    if (fuzz_is_little(g, MACS_MAX, BYTES_MAX))
        evaluate(g);
    oc_graph_destroy(g);
}
