/* SPDX-License-Identifier: Apache-2.0 */
/** The names of activations, and what they are here. */
#include "darknet_layers.h"

static const struct {
    const char *name; /* in the .cfg */
    const char *fn;   /* of the operator unary; NULL: none */
    float a, b;
} activations[] = {
    {"linear", NULL, 0, 0},
    {"leaky", "leaky_relu", 0.1f, 0},
    {"relu", "relu", 0, 0},
    {"relu6", "relu6", 0, 0},
    {"logistic", "sigmoid", 0, 0},
    {"tanh", "tanh", 0, 0},
    {"relie", "leaky_relu", 0.01f, 0},
    {"hardtan", "relu_n1_to_1", 0, 0},
    {"elu", "elu", 1, 0},
    {"selu", "selu", 1.6732f, 1.0507f},
    {"mish", "mish", 0, 0},
    {"swish", "swish", 1, 0},
    {"ramp", "ramp", 0, 0},
    {"loggy", "loggy", 0, 0},
    {"lhtan", "lhtan", 0, 0},
    {"plse", "plse", 0, 0},
    {"stair", "stair", 0, 0},
};

oc_status oc_dk_activate(const oc_dk_call *call, const char *initial, oc_id *x)
{
    const char *text = oc_dk_text(call->section, "activation", initial), *name;
    for (size_t i = 0; i < OC_COUNT(activations); i++) {
        if (strcmp(text, activations[i].name) != 0)
            continue;
        if (!activations[i].fn)
            return OC_OK;
        OC_TRY(oc_imp_sub(&call->at, text, &name));
        return oc_imp_unary(&call->at, name, activations[i].fn, activations[i].a, activations[i].b,
                            *x, x);
    }
    return oc_fail(OC_E_UNSUPPORTED, "line %u: [%s] activation: \"%.*s\" is not supported",
                   call->section->line, call->section->type, oc_text_fit(text, 80), text);
}
