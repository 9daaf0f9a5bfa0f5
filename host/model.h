/* SPDX-License-Identifier: Apache-2.0 */
/** The options of every command that opens a model: how its file is to be read. */
#ifndef HOST_MODEL_H
#define HOST_MODEL_H

#include "command.h"

/** What the words say; one member of a command's options struct. */
typedef struct host_model_options {
    const char *weights, *numerics;
    host_texts shapes, constants;
    uint32_t batch;
    uint64_t model_bytes, memory_bytes;
} host_model_options;

/** Their rows, for the member `member_` of the struct `type_`. */
#define HOST_MODEL_ROWS(type_, member_)                                                        \
    {.name = "weights",                                                                        \
     .value = "FILE",                                                                          \
     .type = HOST_TEXT,                                                                        \
     .offset = offsetof(type_, member_.weights),                                               \
     .help = "a Darknet model's weights (default: beside it, with its name)"},                 \
        {.name = "batch",                                                                      \
         .value = "N",                                                                         \
         .type = HOST_UINT,                                                                    \
         .offset = offsetof(type_, member_.batch),                                             \
         .min = 1,                                                                             \
         .max = 65536,                                                                         \
         .help = "where the model leaves its batch open (default 1)"},                         \
        {.name = "shape",                                                                      \
         .value = "NAME=1x3x224x224",                                                          \
         .type = HOST_TEXTS,                                                                   \
         .offset = offsetof(type_, member_.shapes),                                            \
         .help = "of an input whose shape the model leaves open; may be given several times"}, \
        {.name = "const",                                                                      \
         .value = "NAME=FILE.npy",                                                             \
         .type = HOST_TEXTS,                                                                   \
         .offset = offsetof(type_, member_.constants),                                         \
         .help = "an input that is known now, and no input of the model any more"},            \
        {.name = "numerics",                                                                   \
         .value = "CLASS",                                                                     \
         .type = HOST_TEXT,                                                                    \
         .offset = offsetof(type_, member_.numerics),                                          \
         .help = "direct, winograd2 or winograd4 for all nodes that can (default: what costs " \
                 "least); workers need the same"},                                             \
        {.name = "max-model-bytes",                                                            \
         .value = "BYTES",                                                                     \
         .type = HOST_BYTES,                                                                   \
         .offset = offsetof(type_, member_.model_bytes),                                       \
         .help = "refuse larger model files; K, M, G may follow (default 4G)"},                \
    {                                                                                          \
        .name = "max-memory", .value = "BYTES", .type = HOST_MEMORY,                           \
        .offset = offsetof(type_, member_.memory_bytes),                                       \
        .help = "fail before more is held, device buffers included (default: no limit but "    \
                "16G for each tensor and arena)"                                               \
    }

/** What the library wants to know, and what its parts belong to. */
typedef struct host_model {
    const oc_allocator *alloc; /* of the constants */
    oc_model_options options;
    char **texts; /* shapes and constants, their names cut off */
    size_t n_texts;
    oc_named_shape *shapes;
    oc_named_tensor *constants;
} host_model;

/** Understand the words and read the constants. Owns: host_model_free, in any case. Returns an exit status. */
int host_model_read(const host_call *call, const host_model_options *words, host_model *model);
void host_model_free(host_model *model);

/** What `option` writes to `path` (NULL: nothing) is no file of the model. Returns an exit status. */
int host_model_spare(const host_call *call, const oc_model *model, const char *option,
                     const char *path);

#endif
