/* SPDX-License-Identifier: Apache-2.0 */
/** What the tests of real models share: a run through the public API, and golden outputs in TensorProto files. */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "oc_test.h"
#include "tensor_proto.h"

#include <math.h>
#include <offcut/offcut.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-4 /* of the largest output */

/* ---- running -------------------------------------------------------------------------------------- */

/* What the answers of the light models were made with: arange(n) / n. */
static inline void fill_ramp(oc_tensor *tensor)
{
    size_t elems;
    oc_assert_ok(oc_shape_elems(&tensor->desc.shape, &elems));
    for (size_t i = 0; i < elems; i++)
        ((float *)tensor->data)[i] = (float)((double)i / (double)elems);
}

static inline void fill_from(oc_tensor *tensor, const char *path)
{
    tensor_proto given;
    size_t expected, found;
    oc_assert_ok(tensor_proto_read(path, &given));
    oc_assert_ok(oc_desc_bytes(&tensor->desc, &expected));
    oc_assert_ok(oc_desc_bytes(&given.tensor.desc, &found));
    assert_int_equal(expected, found);
    memcpy(tensor->data, given.tensor.data, found);
    oc_tensor_free(&given.tensor, NULL);
}

/* One run of a model with one input and one output; the caller frees the output. `input`: a TensorProto file or NULL. */
static inline oc_tensor run_model(const char *path, const char *device, const char *input)
{
    oc_model *model = NULL;
    oc_prepared *prepared = NULL;
    oc_session *session = NULL;
    oc_tensor in, out;
    oc_prepare_options options = {.device = device};
    oc_assert_ok(oc_model_open(path, NULL, NULL, &model));
    const oc_model_info *info = oc_model_get_info(model);
    assert_int_equal(info->n_inputs, 1);
    assert_int_equal(info->n_outputs, 1);
    oc_assert_ok(oc_tensor_alloc(&info->inputs[0].desc, NULL, &in));
    oc_assert_ok(oc_tensor_alloc(&info->outputs[0].desc, NULL, &out));
    if (input)
        fill_from(&in, input);
    else
        fill_ramp(&in);
    oc_assert_ok(oc_prepare(model, &options, NULL, &prepared));
    oc_assert_ok(oc_session_create(prepared, NULL, NULL, &session));
    oc_assert_ok(oc_session_run(session, &in, 1, &out, 1, NULL));
    oc_session_destroy(session);
    oc_prepared_destroy(prepared);
    oc_model_destroy(model);
    oc_tensor_free(&in, NULL);
    return out;
}

/* ---- comparing --------------------------------------------------------------------------------------- */

static inline size_t best_class(const float *data, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (data[i] > data[best])
            best = i;
    return best;
}

static inline void check_close(const char *name, const float *found, const float *expected, size_t count)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        worst = fmax(worst, fabs((double)found[i] - (double)expected[i]));
        if (isnan(found[i]))
            fail_msg("%s: output %zu is NaN", name, i);
    }
    print_message("%-40s largest %.6g, worst difference %.3g (%.2g of the largest)\n", name, largest, worst, worst / largest);
    if (worst > TOLERANCE * largest)
        fail_msg("%s: off by %g of the largest output, allowed are %g", name, worst / largest, TOLERANCE);
    /* Where the two best classes are closer than the tolerance, either is right. */
    size_t best = best_class(found, count);
    assert_true((double)expected[best_class(expected, count)] - (double)expected[best] <= TOLERANCE * largest);
}

static inline void check_onnx(const char *model, const char *input, const char *output)
{
    oc_test_path path = oc_test_asset(model), golden = oc_test_asset(output), given;
    size_t count, elems;
    if (input)
        given = oc_test_asset(input);
    tensor_proto expected;
    oc_assert_ok(tensor_proto_read(golden.text, &expected));
    oc_assert_ok(oc_shape_elems(&expected.tensor.desc.shape, &count));
    oc_tensor found = run_model(path.text, "pocl", input ? given.text : NULL);
    oc_assert_ok(oc_shape_elems(&found.desc.shape, &elems));
    assert_int_equal(elems, count);
    check_close(model, found.data, expected.tensor.data, count);
    oc_tensor_free(&found, NULL);
    oc_tensor_free(&expected.tensor, NULL);
}

static inline void check_light(const char *name)
{
    char model[80], output[80];
    snprintf(model, sizeof(model), "onnx/light/light_%s.onnx", name);
    snprintf(output, sizeof(output), "onnx/light/light_%s_output_0.pb", name);
    check_onnx(model, NULL, output);
}

#define LIGHT(name_)                  \
    static void name_(void **state)   \
    {                                 \
        (void)state;                  \
        check_light(#name_);          \
    }

#endif
