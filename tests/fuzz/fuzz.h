/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the fuzz targets share. A target is one file fuzz_NAME.c with the function that libFuzzer
 * calls; linked with replay.c it runs a corpus without any fuzzer. What must not happen ends the
 * process: a promise that does not hold (FUZZ_CHECK), or whatever the sanitizers see.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "oc_import.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** The promise, with the library's last error text where it is broken. */
#define FUZZ_CHECK(is_true_)                                                              \
    do {                                                                                  \
        if (!(is_true_)) {                                                                \
            fprintf(stderr, "%s:%d: %s; last error: %s\n", __FILE__, __LINE__, #is_true_, \
                    oc_error_text());                                                     \
            abort();                                                                      \
        }                                                                                 \
    } while (0)

/** A refusal names something, on one line, and is nobody's defect. */
void fuzz_check_refusal(oc_status status);

/** A file without a folder that holds `data`: its path is good as long as the process lives. One per `slot` (below FUZZ_SLOTS); the one before is overwritten. */
#define FUZZ_SLOTS 2
const char *fuzz_file(unsigned slot, const uint8_t *data, size_t size);

/**
 * Import `data` by the importer of that name (with options->weights, NULL where the format has no
 * second file) and transform the graph. NULL: it was refused, as it should. The digest is of the
 * graph alone: that of the bytes is left out. Owns: destroy it with oc_graph_destroy.
 */
oc_graph *fuzz_import(const char *importer, const uint8_t *data, size_t size,
                      const oc_model_options *options);

/** Whether its nodes need no more operations, and all its values together no more bytes. */
bool fuzz_is_little(const oc_graph *graph, uint64_t macs_max, uint64_t bytes_max);

/** Seeded bytes of every sort: small and large numbers of either sign, no numbers. */
void fuzz_fill(const oc_desc *desc, void *data);

/**
 * fuzz_import within tight limits; then the constants are read and, where that is little work, the
 * network is computed from made-up inputs by the references.
 */
void fuzz_model(const char *importer, const uint8_t *data, size_t size, const char *weights);

#endif
