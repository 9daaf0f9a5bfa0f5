/* SPDX-License-Identifier: Apache-2.0 */
/** Files as a network's inputs: .npy as they are, pictures resized and normalised. */
#ifndef HOST_INPUTS_H
#define HOST_INPUTS_H

#include "runner.h"

/** How a picture becomes numbers: (pixel - mean) * scale; not given: mean 0, scale 1/255. */
typedef struct host_normal {
    host_numbers mean, scale;
    bool is_letterboxed;          /* its proportions are kept, instead of stretching it */
    oc_image_filter filter;       /* with which it is resized: host_filter */
    struct host_picture *picture; /* keeps the first picture that is read; NULL: none is kept */
} host_normal;

/** A picture as it was read, and where it lies in the network's input. */
typedef struct host_picture {
    oc_image image; /* no pixels: none was read */
    bool is_letterboxed;
    oc_image_place place;
} host_picture;

/** With which filter pictures are resized for a model, where nobody says: what its framework does. */
oc_image_filter host_filter(const oc_model_info *info);

/**
 * Where a model of pictures has its channels, as the first input tells that has 1 or 3 of them
 * either second or last. Returns false, and leaves `*layout` open, where none does.
 */
bool host_layout(const oc_model_info *info, oc_image_layout *layout);

/**
 * Fill `runner->inputs` from `texts`: "FILE", or "NAME=FILE" for each where the model has several.
 * The runner owns the data, also on failure. Returns an exit status.
 */
int host_inputs_load(host_runner *runner, const host_texts *texts, const host_normal *normal);

/** Fill them with numbers that are the same on every machine: floats from -1 to 1, all values of 8 bits, 0 and 1 for other types. */
int host_inputs_random(host_runner *runner, uint32_t seed);

/**
 * One file into one tensor, allocated by the library. `input` is what the model wants. Returns an
 * exit status.
 */
int host_input_read(const host_call *call, const char *path, const oc_value_info *input,
                    const host_normal *normal, oc_tensor *tensor);

#endif
