/* SPDX-License-Identifier: Apache-2.0 */
/* Element types: everything here is a column of OC_DTYPE_LIST. */
#include "oc_tensor.h"

#define X(name_, ctype_, size_, npy_, oip_) \
    _Static_assert(sizeof(ctype_) == (size_), "size column of " #name_);
OC_DTYPE_LIST(X)
#undef X

typedef struct row {
    const char *name;
    size_t size;
    const char *oip_name;
} row;

static const row rows[OC_DTYPE_COUNT] = {
#define X(name_, ctype_, size_, npy_, oip_) [OC_DTYPE_##name_] = {#name_, size_, oip_},
    OC_DTYPE_LIST(X)
#undef X
};

const char *oc_dtype_name(oc_dtype dtype)
{
    return (size_t)dtype < OC_DTYPE_COUNT ? rows[dtype].name : "unknown";
}

size_t oc_dtype_size(oc_dtype dtype)
{
    return (size_t)dtype < OC_DTYPE_COUNT ? rows[dtype].size : 0;
}

const char *oc_dtype_oip_name(oc_dtype dtype)
{
    return (size_t)dtype < OC_DTYPE_COUNT ? rows[dtype].oip_name : "unknown";
}

oc_status oc_dtype_parse(const char *name, oc_dtype *dtype)
{
    for (size_t i = 0; i < OC_DTYPE_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *dtype = (oc_dtype)i;
            return OC_OK;
        }
    }
    return oc_fail(OC_E_UNSUPPORTED, "element type: expected one like float32, found '%s'", name);
}

oc_status oc_dtype_parse_oip(const char *name, oc_dtype *dtype)
{
    for (size_t i = 0; i < OC_DTYPE_COUNT; i++) {
        if (strcmp(rows[i].oip_name, name) == 0) {
            *dtype = (oc_dtype)i;
            return OC_OK;
        }
    }
    return oc_fail(OC_E_UNSUPPORTED, "element type: expected one like FP32, found '%s'", name);
}
