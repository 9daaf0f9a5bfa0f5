/* SPDX-License-Identifier: Apache-2.0 */
/** What all Darknet layers are made with: forms of maps, layers by their number, small nodes. */
#include "darknet_layers.h"

#include "oc_ops.h"

oc_status oc_dk_as(const oc_imp *at, int32_t n, const oc_dk_map *map, oc_dk_form form,
                   const char *name, oc_id *value)
{
    static const int32_t to_nhwc[] = {0, 2, 3, 1}, to_nchw[] = {0, 3, 1, 2};
    oc_id x = map->value;
    const bool is_point = map->h == 1 && map->w == 1;
    if (form == OC_DK_FLAT && map->form != OC_DK_FLAT) {
        size_t elems;
        const char *first;
        OC_TRY(oc_shape_elems(oc_imp_shape(at, x), &elems));
        if (elems / (size_t)n > INT32_MAX)
            return oc_fail(OC_E_LIMIT, "layer %s: %zu numbers in a row, expected at most %d",
                           at->node, elems / (size_t)n, INT32_MAX);
        OC_TRY(oc_imp_join(at->scratch, name, "nchw", &first));
        if (map->form == OC_DK_NHWC && !is_point)
            OC_TRY(oc_imp_transpose(at, first, x, to_nchw, &x));
        OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){2, {n, (int32_t)(elems / (size_t)n)}}, &x));
    } else if (map->form == OC_DK_FLAT && form == OC_DK_NHWC) {
        OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){4, {n, 1, 1, map->c}}, &x));
    } else if (map->form == OC_DK_FLAT && form == OC_DK_NCHW) {
        OC_TRY(oc_imp_reshape(at, name, x, &(oc_shape){4, {n, map->c, 1, 1}}, &x));
    } else if (map->form != form) {
        OC_TRY(oc_imp_transpose(at, name, x, form == OC_DK_NHWC ? to_nhwc : to_nchw, &x));
    }
    *value = x;
    return OC_OK;
}

oc_status oc_dk_in(const oc_dk_call *call, oc_dk_form form, oc_id *value)
{
    const char *name;
    OC_TRY(oc_imp_sub(&call->at, "in", &name));
    return oc_dk_as(&call->at, call->net->n, &call->in, form, name, value);
}

oc_status oc_dk_layer(const oc_dk_call *call, const char *key, int32_t number,
                      const oc_dk_map **map)
{
    const oc_dk_net *net = call->net;
    const int64_t index = number < 0 ? (int64_t)net->n_maps + number : number;
    if (index < 0 || index >= (int64_t)net->n_maps || net->maps[index].value == OC_NONE)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [%s] %s: expected a layer before number %zu that has a result, "
                       "found %d",
                       call->section->line, call->section->type, key, net->n_maps, number);
    *map = &net->maps[index];
    return OC_OK;
}

oc_status oc_dk_slice(const oc_imp *at, const char *name, oc_id x, int32_t axis, int32_t begin,
                      int32_t end, int32_t step, oc_id *out)
{
    int32_t begins[OC_RANK_MAX] = {0}, steps[OC_RANK_MAX];
    oc_shape ends = *oc_imp_shape(at, x);
    const size_t rank = (size_t)ends.rank;
    oc_node *node;
    for (size_t i = 0; i < rank; i++)
        steps[i] = 1;
    begins[axis] = begin;
    ends.dim[axis] = end;
    steps[axis] = step;
    OC_TRY(oc_imp_begin(at, name, &oc_op_slice, &x, 1, &node));
    OC_TRY(oc_node_set_ints(node, "begins", begins, rank));
    OC_TRY(oc_node_set_ints(node, "ends", ends.dim, rank));
    OC_TRY(oc_node_set_ints(node, "steps", steps, rank));
    return oc_imp_end(at, node, name ? name : at->out, out);
}

oc_status oc_dk_concat(const oc_imp *at, const char *name, const oc_id *in, size_t n_in,
                       int32_t axis, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_concat, in, n_in, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(at, node, name ? name : at->out, out);
}

oc_status oc_dk_softmax(const oc_imp *at, const char *name, oc_id x, int32_t axis, oc_id *out)
{
    oc_node *node;
    OC_TRY(oc_imp_begin(at, name, &oc_op_softmax, &x, 1, &node));
    OC_TRY(oc_node_set_int(node, "axis", axis));
    return oc_imp_end(at, node, name ? name : at->out, out);
}

oc_status oc_dk_by_number(const oc_imp *at, const char *what, const char *fn, oc_id x, float number,
                          oc_id *out)
{
    const char *name;
    oc_id constant;
    OC_TRY(oc_imp_sub(at, what, &name));
    OC_TRY(oc_imp_scalar(at, what, number, &constant));
    return oc_imp_binary(at, name, fn, x, constant, out);
}

void oc_dk_set_out(oc_dk_call *call, oc_id value)
{
    const int32_t *dim = oc_imp_shape(&call->at, value)->dim;
    call->out = (oc_dk_map){value, OC_DK_NHWC, dim[3], dim[1], dim[2]};
}
