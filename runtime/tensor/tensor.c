/* SPDX-License-Identifier: Apache-2.0 */
#include "oc_tensor.h"

oc_status oc_tensor_alloc(const oc_desc *desc, const oc_allocator *alloc, oc_tensor *tensor)
{
    size_t bytes;
    void *data;
    OC_TRY(oc_desc_bytes(desc, &bytes));
    OC_TRY(oc_alloc(alloc, bytes, 1, &data));
    *tensor = (oc_tensor){.desc = *desc, .data = data};
    return OC_OK;
}

void oc_tensor_free(oc_tensor *tensor, const oc_allocator *alloc)
{
    oc_free(alloc, tensor->data);
    *tensor = (oc_tensor){0};
}
