/* SPDX-License-Identifier: Apache-2.0 */
/**
 * mutate_model IMPORTER MODEL WEIGHTS|- CUTS CHANGES SEED: the model cut short at CUTS places, and
 * with CHANGES single bytes changed, one at a time. Each is refused with a reason, or it is a
 * network; one that was not seen before, and is no more work than RUN_MACS and RUN_BYTES allow, also
 * runs on the device. Standard output says before each what is tried, so that a crash can be
 * repeated.
 */
#include "fuzz.h"

#include "oc_exec.h"
#include "oc_session.h"

#include <string.h>

#define RUN_MACS 100000000u
#define RUN_BYTES (64u << 20) /* of all values */
#define SEEN_MAX 20000

typedef struct campaign {
    const char *importer, *weights;
    oc_dev *dev;
    oc_digest seen[SEEN_MAX];
    size_t n_seen, n_refused, n_accepted, n_run;
} campaign;

/* ---- networks -------------------------------------------------------------------------------- */

static bool is_new(campaign *c, const oc_digest *digest)
{
    for (size_t i = 0; i < c->n_seen; i++)
        if (memcmp(&c->seen[i], digest, sizeof(*digest)) == 0)
            return false;
    if (c->n_seen == SEEN_MAX)
        return false;
    c->seen[c->n_seen++] = *digest;
    return true;
}

static oc_tensor *make_tensors(const oc_graph *g, const oc_id *ids, size_t count)
{
    oc_tensor *list = calloc(count + 1, sizeof(*list));
    FUZZ_CHECK(list != NULL);
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(oc_tensor_alloc(&g->values[ids[i]].desc, NULL, &list[i]) == OC_OK);
        fuzz_fill(&list[i].desc, list[i].data);
    }
    return list;
}

static void free_tensors(oc_tensor *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        oc_tensor_free(&list[i], NULL);
    free(list);
}

static void run(campaign *c, const oc_graph *g)
{
    const oc_session_options options = {0};
    oc_exec *exec = NULL;
    oc_session *session = NULL;
    oc_tensor *in = make_tensors(g, g->inputs, g->n_inputs);
    oc_tensor *out = make_tensors(g, g->outputs, g->n_outputs);
    oc_status status = oc_exec_create(g, c->dev, NULL, NULL, NULL, NULL, &exec);
    if (status == OC_OK)
        status = oc_session_make(exec, NULL, &options, NULL, &session);
    if (status == OC_OK)
        status = oc_session_run(session, in, g->n_inputs, out, g->n_outputs, NULL);
    if (status != OC_OK)
        fuzz_check_refusal(status);
    c->n_run += status == OC_OK;
    oc_session_destroy(session);
    oc_exec_destroy(exec);
    free_tensors(in, g->n_inputs);
    free_tensors(out, g->n_outputs);
}

static void try_model(campaign *c, const uint8_t *data, size_t size)
{
    const oc_model_options options = {.limits = {.memory_bytes = 1 << 30}, .weights = c->weights};
    oc_graph *g = fuzz_import(c->importer, data, size, &options);
    if (!g) {
        c->n_refused++;
        return;
    }
    c->n_accepted++;
    if (is_new(c, &g->digest) && fuzz_is_little(g, RUN_MACS, RUN_BYTES))
        run(c, g);
    oc_graph_destroy(g);
}

/* ---- the campaign ---------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void go(campaign *c, uint8_t *data, size_t size, size_t cuts, size_t changes, uint64_t seed)
{
    try_model(c, data, size);
    FUZZ_CHECK(c->n_accepted == 1); /* as it is, it is fine */
    for (size_t i = 0; i < cuts; i++) {
        const size_t at = size * i / cuts;
        printf("cut at %zu\n", at);
        try_model(c, data, at);
    }
    for (size_t i = 0; i < changes; i++) {
        const size_t at = (size_t)(next(&seed) % size);
        const uint8_t old = data[at], changed = (uint8_t)(old ^ (1 + next(&seed) % 255));
        printf("byte %zu: %02x to %02x\n", at, old, changed);
        data[at] = changed;
        try_model(c, data, size);
        data[at] = old;
    }
}

int main(int argc, char **argv)
{
    static campaign c;
    oc_bytes bytes;
    if (argc != 7) {
        fprintf(stderr, "usage: %s IMPORTER MODEL WEIGHTS|- CUTS CHANGES SEED\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    c.importer = argv[1];
    c.weights = strcmp(argv[3], "-") ? argv[3] : NULL;
    if (oc_file_slurp(argv[2], (size_t)1 << 30, oc_allocator_or_default(NULL), &bytes) != OC_OK ||
        oc_dev_open(NULL, &(oc_dev_options){0}, NULL, &c.dev) != OC_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], oc_error_text());
        return 1;
    }
    go(&c, (uint8_t *)(uintptr_t)bytes.data, bytes.size, strtoul(argv[4], NULL, 10),
       strtoul(argv[5], NULL, 10), strtoull(argv[6], NULL, 10));
    fprintf(stderr, "%s: %zu refused, %zu networks, %zu of them run\n", argv[2], c.n_refused,
            c.n_accepted, c.n_run);
    oc_dev_close(c.dev);
    oc_free(NULL, (void *)(uintptr_t)bytes.data);
    return 0;
}
