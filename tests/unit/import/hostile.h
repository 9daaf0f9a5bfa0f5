/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A model cut short and with bytes changed: each time a clear refusal or a graph that holds
 * together.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "import_test.h"

typedef struct hostile {
    const oc_importer *importer;
    oc_file *file; /* the model as it was */
    size_t accepted, refused;
} hostile;

static inline const oc_importer *find_importer(const char *name)
{
    size_t count;
    const oc_importer *const *rows = oc_importers(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    fail_msg("no importer is called %s", name);
    return NULL;
}

/* Constants are read too: folded ones are computed from what the file says. */
static inline void read_constants(const oc_graph *g)
{
    static unsigned char bytes[1 << 16];
    for (oc_id v = 0; v < g->n_values; v++) {
        size_t size;
        if (!g->values[v].constant)
            continue;
        oc_assert_ok(oc_desc_bytes(&g->values[v].desc, &size));
        if (size <= sizeof(bytes))
            oc_assert_ok(oc_graph_const_read(g, v, bytes, size));
    }
}

/*
 * `limits` keep what a changed byte asks for small. The copy of the bytes has an end that ASan
 * guards.
 */
static inline void hostile_import(hostile *h, const uint8_t *data, size_t size)
{
    oc_graph *g = NULL;
    const oc_model_options options = {.limits = {.memory_bytes = 1 << 28, .nodes = 5000}};
    uint8_t *exact = NULL;
    oc_assert_ok(OC_ALLOC(NULL, size, exact));
    if (size)
        memcpy(exact, data, size);
    oc_assert_ok(oc_graph_create("hostile", &options.limits, NULL, &g));
    oc_status status = h->importer->read(&(oc_import_source){{exact, size}, h->file, &options}, g);
    oc_free(NULL, exact);
    if (status == OC_OK) {
        h->accepted++;
        oc_assert_ok(oc_graph_compact(g));
        oc_assert_ok(oc_graph_verify(g));
        read_constants(g);
    } else {
        h->refused++;
        assert_true(status != OC_E_INTERNAL && status != OC_E_NOMEM);
        assert_true(strlen(oc_error_text()) > 0);
        assert_null(strchr(oc_error_text(), '\n'));
    }
    oc_graph_destroy(g);
}

/**
 * `cuts` lengths spread over the file (all, where it is shorter), then `flips` single bytes
 * changed.
 */
static inline void hostile_run(const char *importer, const char *path, size_t cuts, size_t flips,
                               uint64_t seed)
{
    oc_bytes bytes;
    oc_rng rng = oc_rng_make(seed);
    hostile h = {.importer = find_importer(importer)};
    oc_assert_ok(oc_file_slurp(path, 1 << 30, NULL, &bytes));
    oc_assert_ok(oc_file_open(path, NULL, &h.file));
    hostile_import(&h, bytes.data, bytes.size);
    assert_int_equal(h.accepted, 1); /* as it is, it is fine */
    cuts = OC_MIN(cuts, bytes.size);
    for (size_t i = 0; i < cuts; i++)
        hostile_import(&h, bytes.data, i * bytes.size / cuts);
    uint8_t *changed = (uint8_t *)(uintptr_t)bytes.data; /* slurped for us */
    for (size_t i = 0; i < flips; i++) {
        size_t at = (size_t)(oc_rng_u64(&rng) % bytes.size);
        uint8_t old = changed[at];
        changed[at] = (uint8_t)oc_rng_below(&rng, 256);
        hostile_import(&h, changed, bytes.size);
        changed[at] = old;
    }
    assert_true(h.refused > 0);
    oc_file_unref(h.file);
    oc_free(NULL, changed);
}

#endif
