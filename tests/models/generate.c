/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_models OUTDIR: writes two networks with seeded weights and an input for each, the same bytes on
 * every machine:
 *
 *   residual.onnx, residual_input.npy   batch-norm, two residual additions, one with a 1x1 shortcut of stride 2
 *   concat.onnx, concat_input.npy       two blocks of four parallel branches that are concatenated
 *
 * Both take 1x3x32x32 and give 1x10 probabilities. They are small enough to be cut at every place
 * in a test, and have several values alive at most cuts.
 */
#include "oc_test.h"
#include "onnx_writer.h"

#include <offcut/tensor.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_C = 3, INPUT_HW = 32, CLASSES = 10 };

typedef struct model {
    onnx_writer w;
    oc_rng rng;
} model;

/* What goes from layer to layer: the value's name and its channels. */
typedef struct feature {
    const char *name;
    int64_t c;
} feature;

typedef struct text {
    char s[48];
} text;

static text join(const char *a, const char *b)
{
    text t;
    snprintf(t.s, sizeof(t.s), "%s%s", a, b);
    return t;
}

/* ---- layers ------------------------------------------------------------------------------------ */

/* Weights of unit gain: a uniform element of variance 1 / fan_in; no denormals come up. */
static void weights(model *m, const char *name, size_t rank, const int64_t *dims)
{
    size_t elems = (size_t)dims[0], fan_in = 1;
    for (size_t i = 1; i < rank; i++)
        fan_in *= (size_t)dims[i];
    elems *= fan_in;
    float range = sqrtf(3.0f / (float)fan_in);
    float *data = NULL;
    if (oc_alloc(NULL, elems, sizeof(*data), &data) != OC_OK)
        abort();
    oc_rng_fill_floats(&m->rng, data, elems, -range, range);
    onnx_writer_floats(&m->w, name, rank, dims, data);
    oc_free(NULL, data);
}

/* A vector with one element a channel, in lo .. hi. */
static void channels(model *m, const char *name, int64_t c, float lo, float hi)
{
    float data[256];
    oc_rng_fill_floats(&m->rng, data, (size_t)c, lo, hi);
    onnx_writer_floats(&m->w, name, 1, &c, data);
}

static feature conv(model *m, const char *name, feature in, int64_t out_c, int64_t k,
                    int64_t stride, bool has_bias)
{
    text w = join(name, ".weight"), b = join(name, ".bias");
    int64_t pad = k / 2;
    weights(m, w.s, 4, (int64_t[]){out_c, in.c, k, k});
    if (has_bias)
        channels(m, b.s, out_c, -0.25f, 0.25f);
    onnx_writer_node(
        &m->w, "Conv", name, (const char *[]){in.name, w.s, has_bias ? b.s : NULL, NULL}, name,
        (onnx_attr[]){
            {.name = "kernel_shape", .kind = ONNX_INTS, .ints = {k, k}, .n_ints = 2},
            {.name = "strides", .kind = ONNX_INTS, .ints = {stride, stride}, .n_ints = 2},
            {.name = "pads", .kind = ONNX_INTS, .ints = {pad, pad, pad, pad}, .n_ints = 4},
            {.name = "group", .kind = ONNX_INT, .i = 1},
            {0}});
    return (feature){name, out_c};
}

static feature batchnorm(model *m, const char *name, feature in)
{
    text s = join(name, ".scale"), b = join(name, ".bias");
    text mean = join(name, ".mean"), var = join(name, ".var");
    channels(m, s.s, in.c, 0.75f, 1.25f);
    channels(m, b.s, in.c, -0.25f, 0.25f);
    channels(m, mean.s, in.c, -0.25f, 0.25f);
    channels(m, var.s, in.c, 0.5f, 1.5f);
    onnx_writer_node(&m->w, "BatchNormalization", name,
                     (const char *[]){in.name, s.s, b.s, mean.s, var.s, NULL}, name,
                     (onnx_attr[]){{.name = "epsilon", .kind = ONNX_FLOAT, .f = 1e-5f}, {0}});
    return (feature){name, in.c};
}

/* A node of one input without attributes. */
static feature simple(model *m, const char *op_type, const char *name, feature in)
{
    onnx_writer_node(&m->w, op_type, name, (const char *[]){in.name, NULL}, name, NULL);
    return (feature){name, in.c};
}

static feature add(model *m, const char *name, feature a, feature b)
{
    onnx_writer_node(&m->w, "Add", name, (const char *[]){a.name, b.name, NULL}, name, NULL);
    return (feature){name, a.c};
}

static feature maxpool(model *m, const char *name, feature in, int64_t k, int64_t stride,
                       int64_t pad)
{
    onnx_writer_node(
        &m->w, "MaxPool", name, (const char *[]){in.name, NULL}, name,
        (onnx_attr[]){
            {.name = "kernel_shape", .kind = ONNX_INTS, .ints = {k, k}, .n_ints = 2},
            {.name = "strides", .kind = ONNX_INTS, .ints = {stride, stride}, .n_ints = 2},
            {.name = "pads", .kind = ONNX_INTS, .ints = {pad, pad, pad, pad}, .n_ints = 4},
            {0}});
    return (feature){name, in.c};
}

/* Global average, flatten, fully connected, softmax: "probabilities". */
static void classify(model *m, feature in)
{
    feature f = simple(m, "GlobalAveragePool", "average", in);
    onnx_writer_node(&m->w, "Flatten", "flat", (const char *[]){f.name, NULL}, "flat",
                     (onnx_attr[]){{.name = "axis", .kind = ONNX_INT, .i = 1}, {0}});
    weights(m, "fc.weight", 2, (int64_t[]){CLASSES, in.c});
    channels(m, "fc.bias", CLASSES, -0.25f, 0.25f);
    onnx_writer_node(&m->w, "Gemm", "fc", (const char *[]){"flat", "fc.weight", "fc.bias", NULL},
                     "fc", (onnx_attr[]){{.name = "transB", .kind = ONNX_INT, .i = 1}, {0}});
    onnx_writer_node(&m->w, "Softmax", "probabilities", (const char *[]){"fc", NULL},
                     "probabilities",
                     (onnx_attr[]){{.name = "axis", .kind = ONNX_INT, .i = 1}, {0}});
    onnx_writer_output(&m->w, "probabilities", 2, (int64_t[]){1, CLASSES});
}

static feature start(model *m, const char *name, uint64_t seed)
{
    m->rng = oc_rng_make(seed);
    onnx_writer_init(&m->w, name);
    onnx_writer_input(&m->w, "image", 4, (int64_t[]){1, INPUT_C, INPUT_HW, INPUT_HW});
    return (feature){"image", INPUT_C};
}

/* ---- networks ---------------------------------------------------------------------------------- */

static feature conv_bn_relu(model *m, const char *conv_name, const char *bn, const char *relu,
                            feature in, int64_t out_c, int64_t stride)
{
    feature f = conv(m, conv_name, in, out_c, 3, stride, false);
    return simple(m, "Relu", relu, batchnorm(m, bn, f));
}

static void residual(model *m)
{
    feature f = start(m, "residual", 20220901);
    feature stem = conv_bn_relu(m, "conv0", "bn0", "relu0", f, 8, 1);
    f = conv_bn_relu(m, "conv1a", "bn1a", "relu1a", stem, 8, 1);
    f = batchnorm(m, "bn1b", conv(m, "conv1b", f, 8, 3, 1, false));
    feature block = simple(m, "Relu", "relu1", add(m, "add1", f, stem));
    f = conv_bn_relu(m, "conv2a", "bn2a", "relu2a", block, 16, 2);
    f = batchnorm(m, "bn2b", conv(m, "conv2b", f, 16, 3, 1, false));
    feature shortcut = batchnorm(m, "bn2s", conv(m, "conv2s", block, 16, 1, 2, true));
    classify(m, simple(m, "Relu", "relu2", add(m, "add2", f, shortcut)));
}

/* Branches 1x1; 1x1 and 3x3; 3x3 of half the channels; pool and 1x1: 3.5 `c` channels in all. */
static feature inception(model *m, const char *const names[9], feature in, int64_t c)
{
    feature branch[4];
    branch[0] = simple(m, "Relu", names[1], conv(m, names[0], in, c, 1, 1, true));
    branch[1] = conv(m, names[2], in, c, 1, 1, true);
    branch[1] = conv(m, names[3], branch[1], c, 3, 1, true);
    branch[2] = simple(m, "Relu", names[5], conv(m, names[4], in, c / 2, 3, 1, true));
    branch[3] = conv(m, names[7], maxpool(m, names[6], in, 3, 1, 1), c, 1, 1, true);
    onnx_writer_node(
        &m->w, "Concat", names[8],
        (const char *[]){branch[0].name, branch[1].name, branch[2].name, branch[3].name, NULL},
        names[8], (onnx_attr[]){{.name = "axis", .kind = ONNX_INT, .i = 1}, {0}});
    return (feature){names[8], branch[0].c + branch[1].c + branch[2].c + branch[3].c};
}

static void concat(model *m)
{
    static const char *const first[9] = {"a.one",   "a.one_relu", "a.three_in",
                                         "a.three", "a.half",     "a.half_relu",
                                         "a.pool",  "a.pool_one", "a.concat"};
    static const char *const second[9] = {"b.one",   "b.one_relu", "b.three_in",
                                          "b.three", "b.half",     "b.half_relu",
                                          "b.pool",  "b.pool_one", "b.concat"};
    feature f = start(m, "concat", 20210607);
    f = simple(m, "Relu", "stem_relu", conv(m, "stem", f, 8, 3, 2, true));
    f = inception(m, first, f, 8);
    f = maxpool(m, "between", f, 2, 2, 0);
    classify(m, inception(m, second, f, 12));
}

/* ---- files ------------------------------------------------------------------------------------- */

static oc_status write_input(model *m, const char *path)
{
    oc_tensor image;
    oc_desc desc = {OC_DTYPE_float32, {4, {1, INPUT_C, INPUT_HW, INPUT_HW}}};
    OC_TRY(oc_tensor_alloc(&desc, NULL, &image));
    oc_rng_fill_floats(&m->rng, image.data, (size_t)INPUT_C * INPUT_HW * INPUT_HW, -1, 1);
    oc_status status = oc_npy_write(path, &image);
    oc_tensor_free(&image, NULL);
    return status;
}

static oc_status write_model(const char *folder, const char *name, void (*describe)(model *m))
{
    model m;
    oc_buf bytes, path;
    oc_buf_init(&path, NULL);
    describe(&m);
    oc_status status = onnx_writer_end(&m.w, &bytes);
    if (status == OC_OK)
        status = oc_buf_printf(&path, "%s/%s.onnx", folder, name);
    if (status == OC_OK)
        status = oc_file_replace(path.data, bytes.data, bytes.size);
    path.size = 0;
    if (status == OC_OK)
        status = oc_buf_printf(&path, "%s/%s_input.npy", folder, name);
    if (status == OC_OK)
        status = write_input(&m, path.data);
    oc_buf_fini(&path);
    oc_buf_fini(&bytes);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: generate_models OUTDIR\n");
        return 2;
    }
    oc_status status = write_model(argv[1], "residual", residual);
    if (status == OC_OK)
        status = write_model(argv[1], "concat", concat);
    if (status != OC_OK)
        fprintf(stderr, "generate_models: %s\n", oc_error_text());
    return status == OC_OK ? 0 : 1;
}
