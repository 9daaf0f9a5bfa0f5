/* SPDX-License-Identifier: Apache-2.0 */
/** Plans as YAML, for a network whose names the corpus knows: one that is read prints as one that reads as the same. */
#include "fuzz.h"

#include "oc_plan.h"
#include "tally_op.h"

#include <string.h>

#define GRAPH_SEED 7

/* Made once: a plan's graph outlives it. */
static const oc_graph *the_graph(void)
{
    static oc_graph *graph;
    oc_status status = OC_OK;
    if (!graph)
        graph = tally_random_graph(GRAPH_SEED, NULL, &status);
    FUZZ_CHECK(graph && status == OC_OK);
    return graph;
}

/* "$DIGEST" stands for the network's digest, which no fuzzer guesses and no corpus could keep. */
static void put_digest(const uint8_t *data, size_t size, oc_buf *yaml)
{
    static const char mark[] = "$DIGEST";
    char digest[OC_DIGEST_TEXT];
    oc_digest_print(&the_graph()->digest, digest);
    for (size_t i = 0; i < size; i++) {
        if (size - i >= strlen(mark) && memcmp(data + i, mark, strlen(mark)) == 0) {
            FUZZ_CHECK(oc_buf_put(yaml, digest, strlen(digest)) == OC_OK);
            i += strlen(mark) - 1;
        } else {
            FUZZ_CHECK(oc_buf_put(yaml, &data[i], 1) == OC_OK);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    oc_plan *plan = NULL, *again = NULL;
    oc_buf yaml, text, second;
    oc_buf_init(&yaml, NULL);
    put_digest(data, size, &yaml);
    oc_status status = oc_plan_parse(the_graph(), (oc_bytes){(const uint8_t *)yaml.data, yaml.size},
                                     "fuzz.yaml", NULL, &plan);
    oc_buf_fini(&yaml);
    if (status != OC_OK) {
        fuzz_check_refusal(status);
        return 0;
    }
    oc_buf_init(&text, NULL);
    oc_buf_init(&second, NULL);
    FUZZ_CHECK(oc_plan_print(plan, &text) == OC_OK);
    FUZZ_CHECK(oc_plan_parse(the_graph(), (oc_bytes){(const uint8_t *)text.data, text.size},
                             "again.yaml", NULL, &again) == OC_OK);
    FUZZ_CHECK(oc_plan_print(again, &second) == OC_OK);
    FUZZ_CHECK(text.size == second.size && memcmp(text.data, second.data, text.size) == 0);
    oc_buf_fini(&text);
    oc_buf_fini(&second);
    oc_plan_destroy(again);
    oc_plan_destroy(plan);
    return 0;
}
