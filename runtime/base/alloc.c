/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the caller's allocator, or of the C library: the only place that calls malloc. */
#include "oc_base.h"

#include <stdlib.h>

static void *default_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void default_release(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static const oc_allocator default_allocator = {.alloc = default_alloc, .release = default_release};

const oc_allocator *oc_allocator_or_default(const oc_allocator *alloc)
{
    return alloc != NULL ? alloc : &default_allocator;
}

/* `size` zeroed bytes or NULL. calloc gets fresh pages from the kernel, which are zero already. */
static void *alloc_zeroed(const oc_allocator *alloc, size_t size)
{
    if (alloc->alloc == default_alloc)
        return calloc(1, size);
    void *ptr = alloc->alloc(alloc->ctx, size);
    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

oc_status oc_fail_memory(const oc_allocator *alloc, const char *what, size_t bytes)
{
    uint64_t limit, used;
    if (oc_budget_find(oc_allocator_or_default(alloc), &limit, &used) &&
        limit - used < bytes + OC_BUDGET_HEAD) /* else what the budget takes from had none */
        return oc_fail(OC_E_NOMEM,
                       "memory: %zu bytes more%s would pass the limit of %llu, of which %llu are "
                       "held",
                       bytes, what, (unsigned long long)limit, (unsigned long long)used);
    return oc_fail(OC_E_NOMEM, "memory: %zu bytes%s cannot be had", bytes, what);
}

oc_status oc_alloc(const oc_allocator *alloc, size_t count, size_t elem, void *out_ptr)
{
    size_t size;
    OC_TRY(oc_mul_size(count, elem, &size));
    /* Distances inside an object are ptrdiff_t: nothing larger can be used safely. */
    if (size > PTRDIFF_MAX)
        return oc_fail(OC_E_LIMIT, "memory: %zu bytes asked for, at most %zu can be addressed",
                       size, (size_t)PTRDIFF_MAX);
    void *ptr = alloc_zeroed(oc_allocator_or_default(alloc), OC_MAX(size, 1));
    if (ptr == NULL)
        return oc_fail_memory(alloc, "", size);
    memcpy(out_ptr, &ptr, sizeof(ptr));
    return OC_OK;
}

void oc_free(const oc_allocator *alloc, void *ptr)
{
    alloc = oc_allocator_or_default(alloc);
    alloc->release(alloc->ctx, ptr);
}

oc_status oc_charge(const oc_allocator *alloc, size_t bytes)
{
    alloc = oc_allocator_or_default(alloc);
    if (alloc->charge == NULL || alloc->charge(alloc->ctx, bytes))
        return OC_OK;
    return oc_fail_memory(alloc, " of a device", bytes);
}

void oc_discharge(const oc_allocator *alloc, size_t bytes)
{
    alloc = oc_allocator_or_default(alloc);
    if (alloc->discharge != NULL)
        alloc->discharge(alloc->ctx, bytes);
}

oc_status oc_grow(const oc_allocator *alloc, void *array, size_t count, size_t *capacity,
                  size_t elem)
{
    if (count < *capacity)
        return OC_OK;
    size_t larger = 8;
    if (*capacity > 0)
        OC_TRY(oc_mul_size(*capacity, 2, &larger));
    void *old, *fresh = NULL;
    memcpy(&old, array, sizeof(old));
    OC_TRY(oc_alloc(alloc, larger, elem, &fresh));
    if (count > 0)
        memcpy(fresh, old, count * elem);
    oc_free(alloc, old);
    memcpy(array, &fresh, sizeof(fresh));
    *capacity = larger;
    return OC_OK;
}
