/* SPDX-License-Identifier: Apache-2.0 */
/** Files as a network's inputs: .npy as they are, pictures resized and normalised. */
#ifndef HOST_INPUTS_H
#define HOST_INPUTS_H

#include "runner.h"

/** How a picture becomes numbers: (pixel - mean) * scale; not given: mean 0, scale 1/255. */
typedef struct host_normal {
    host_numbers mean, scale;
} host_normal;

/**
 * Fill `runner->inputs` from `texts`: "FILE", or "NAME=FILE" for each where the model has several.
 * The runner owns the data, also on failure. Returns an exit status.
 */
int host_inputs_load(host_runner *runner, const host_texts *texts, const host_normal *normal);

/**
 * One file into one tensor, allocated by the library. `input` is what the model wants. Returns an
 * exit status.
 */
int host_input_read(const host_call *call, const char *path, const oc_value_info *input,
                    const host_normal *normal, oc_tensor *tensor);

#endif
