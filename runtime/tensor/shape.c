/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes: checking, comparing, counting, printing. */
#include "oc_tensor.h"

#include <stdio.h>

oc_status oc_shape_check(const oc_shape *shape)
{
    if (shape->rank < 0 || shape->rank > OC_RANK_MAX)
        return oc_fail(OC_E_SHAPE, "shape: expected rank 0 to %d, found %d", OC_RANK_MAX,
                       (int)shape->rank);
    for (int32_t i = 0; i < shape->rank; i++)
        if (shape->dim[i] < 0)
            return oc_fail(OC_E_SHAPE, "shape: expected axis %d to be 0 or more, found %d", (int)i,
                           (int)shape->dim[i]);
    return OC_OK;
}

bool oc_shape_equal(const oc_shape *a, const oc_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

bool oc_desc_equal(const oc_desc *a, const oc_desc *b)
{
    return a->dtype == b->dtype && oc_shape_equal(&a->shape, &b->shape);
}

oc_status oc_shape_elems(const oc_shape *shape, size_t *elems)
{
    OC_TRY(oc_shape_check(shape));
    /* Zeros are counted last, so that whether a shape is accepted does not depend on the order of
     * its axes. */
    size_t product = 1;
    bool is_empty = false;
    for (int32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == 0)
            is_empty = true;
        else
            OC_TRY(oc_mul_size(product, (size_t)shape->dim[i], &product));
    }
    *elems = is_empty ? 0 : product;
    return OC_OK;
}

oc_status oc_desc_bytes(const oc_desc *desc, size_t *bytes)
{
    size_t elems;
    if ((size_t)desc->dtype >= OC_DTYPE_COUNT)
        return oc_fail(OC_E_DTYPE, "tensor: expected element type 0 to %d, found %d",
                       OC_DTYPE_COUNT - 1, (int)desc->dtype);
    OC_TRY(oc_shape_elems(&desc->shape, &elems));
    return oc_mul_size(elems, oc_dtype_size(desc->dtype), bytes);
}

char *oc_shape_print(const oc_shape *shape, char *text, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return text;
    snprintf(text, size, "%s", shape->rank == 0 ? "scalar" : "");
    int32_t rank = OC_MIN(shape->rank, OC_RANK_MAX);
    for (int32_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", i > 0 ? "x" : "",
                                 (int)shape->dim[i]);
    return text;
}

char *oc_desc_print(const oc_desc *desc, char *text, size_t size)
{
    char shape[OC_SHAPE_TEXT];
    snprintf(text, size, "%s %s", oc_dtype_name(desc->dtype),
             oc_shape_print(&desc->shape, shape, sizeof(shape)));
    return text;
}
