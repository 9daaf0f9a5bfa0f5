/* SPDX-License-Identifier: Apache-2.0 */
/** Inputs of a model as the caller wants them. */
#include "onnx_input.h"

#include "oc_tensor.h"

oc_status oc_onnx_inputs_init(oc_onnx_inputs *inputs, oc_graph *graph, oc_arena *scratch,
                              const oc_model_options *options)
{
    *inputs = (oc_onnx_inputs){.graph = graph, .options = options};
    OC_TRY(OC_ARENA_ALLOC(scratch, options->n_shapes + 1, inputs->has_shape));
    OC_TRY(OC_ARENA_ALLOC(scratch, options->n_constants + 1, inputs->has_constant));
    memset(inputs->has_shape, 0, options->n_shapes);
    memset(inputs->has_constant, 0, options->n_constants);
    return OC_OK;
}

static const oc_shape *find_shape(oc_onnx_inputs *inputs, oc_bytes name)
{
    const oc_shape *found = NULL;
    for (size_t i = 0; i < inputs->options->n_shapes; i++)
        if (oc_bytes_equal_text(name, inputs->options->shapes[i].name)) {
            inputs->has_shape[i] = true;
            found = &inputs->options->shapes[i].shape;
        }
    return found;
}

static const oc_tensor *find_constant(oc_onnx_inputs *inputs, oc_bytes name)
{
    const oc_tensor *found = NULL;
    for (size_t i = 0; i < inputs->options->n_constants; i++)
        if (oc_bytes_equal_text(name, inputs->options->constants[i].name)) {
            inputs->has_constant[i] = true;
            found = &inputs->options->constants[i].tensor;
        }
    return found;
}

/* A shape that the caller gives agrees with what the file says. */
static oc_status check_shape(const oc_onnx_type *type, const oc_shape *given)
{
    char text[OC_SHAPE_TEXT];
    bool fits = !type->has_shape || type->desc.shape.rank == given->rank;
    for (int32_t i = 0; fits && type->has_shape && i < given->rank; i++)
        fits = type->desc.shape.dim[i] == OC_ONNX_OPEN || type->desc.shape.dim[i] == given->dim[i];
    if (!fits)
        return oc_fail(OC_E_SHAPE, "the model allows no shape %s",
                       oc_shape_print(given, text, sizeof(text)));
    return OC_OK;
}

/* The dimensions that the file leaves open. */
static oc_status fill_open(const oc_onnx_type *type, int32_t batch, oc_shape *shape)
{
    if (!type->has_shape)
        return oc_fail(OC_E_UNSUPPORTED, "its shape is not known; give it one");
    *shape = type->desc.shape;
    if (shape->rank > 0 && shape->dim[0] == OC_ONNX_OPEN)
        shape->dim[0] = batch > 0 ? batch : 1;
    for (int32_t i = 0; i < shape->rank; i++)
        if (shape->dim[i] == OC_ONNX_OPEN)
            return oc_fail(OC_E_UNSUPPORTED,
                           "the size of axis %d is not known; only the first, the batch, may be "
                           "open; give the input a shape",
                           i);
    return OC_OK;
}

/* An input that is known now: its bytes make another model of it. */
static oc_status add_constant(oc_onnx_inputs *inputs, const char *name, const oc_tensor *tensor,
                              oc_id *value)
{
    char text[OC_DESC_TEXT];
    size_t bytes;
    OC_TRY(oc_desc_bytes(&tensor->desc, &bytes));
    oc_desc_print(&tensor->desc, text, sizeof(text));
    OC_TRY(oc_import_mix(inputs->graph, (oc_bytes){(const uint8_t *)name, strlen(name)}));
    OC_TRY(oc_import_mix(inputs->graph, (oc_bytes){(const uint8_t *)text, strlen(text)}));
    OC_TRY(oc_import_mix(inputs->graph, (oc_bytes){tensor->data, bytes}));
    return oc_graph_add_bytes(inputs->graph, name, &tensor->desc, tensor->data, value);
}

static oc_status add(oc_onnx_inputs *inputs, const oc_onnx_value *info, const char *name,
                     oc_id *value)
{
    const oc_shape *given = find_shape(inputs, info->name);
    const oc_tensor *known = find_constant(inputs, info->name);
    oc_onnx_type type;
    OC_TRY(oc_onnx_value_type(info, &type));
    if (known && known->desc.dtype != type.desc.dtype)
        return oc_fail(OC_E_DTYPE, "the model has %s, the constant given is %s",
                       oc_dtype_name(type.desc.dtype), oc_dtype_name(known->desc.dtype));
    if (known)
        given = &known->desc.shape;
    if (given) {
        OC_TRY(check_shape(&type, given));
        type.desc.shape = *given;
    } else {
        OC_TRY(fill_open(&type, inputs->options->batch, &type.desc.shape));
    }
    if (known)
        return add_constant(inputs, name, known, value);
    return oc_graph_add_input(inputs->graph, name, &type.desc, value);
}

oc_status oc_onnx_inputs_add(oc_onnx_inputs *inputs, const oc_onnx_value *info, const char *name,
                             oc_id *value)
{
    oc_status status = add(inputs, info, name, value);
    return status == OC_OK ? OC_OK : oc_fail_in(status, "input \"%s\"", name);
}

oc_status oc_onnx_inputs_end(const oc_onnx_inputs *inputs)
{
    const oc_model_options *o = inputs->options;
    for (size_t i = 0; i < o->n_shapes; i++)
        if (!inputs->has_shape[i])
            return oc_fail(OC_E_NOTFOUND, "a shape is given for \"%s\", which is no input",
                           o->shapes[i].name);
    for (size_t i = 0; i < o->n_constants; i++)
        if (!inputs->has_constant[i])
            return oc_fail(OC_E_NOTFOUND, "a constant is given for \"%s\", which is no input",
                           o->constants[i].name);
    return OC_OK;
}
