/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator with an end. Each block begins with its size, so that what is given back is known; the
 * sum is one atomic number, which never passes the limit, not even for a moment.
 */
#include "oc_base.h"

#include <stdalign.h>
#include <stdatomic.h>

struct oc_budget {
    oc_allocator allocator; /* what users are given; its ctx is the budget */
    const oc_allocator *base;
    uint64_t limit;
    _Atomic uint64_t used, peak;
};

_Static_assert(OC_BUDGET_HEAD >= sizeof(size_t) && OC_BUDGET_HEAD % alignof(max_align_t) == 0,
               "a block behind its head is aligned for any type");

static bool take(void *ctx, size_t bytes)
{
    oc_budget *b = ctx;
    uint64_t used = atomic_load(&b->used), peak;
    do {
        if (bytes > b->limit - used)
            return false;
    } while (!atomic_compare_exchange_weak(&b->used, &used, used + bytes));
    used += bytes;
    peak = atomic_load(&b->peak);
    while (peak < used && !atomic_compare_exchange_weak(&b->peak, &peak, used))
        ;
    return true;
}

static void give_back(void *ctx, size_t bytes)
{
    oc_budget *b = ctx;
    atomic_fetch_sub(&b->used, bytes);
}

static void *budget_alloc(void *ctx, size_t size)
{
    oc_budget *b = ctx;
    size_t whole;
    if (oc_add_size(size, OC_BUDGET_HEAD, &whole) != OC_OK || !take(b, whole))
        return NULL;
    uint8_t *block = b->base->alloc(b->base->ctx, whole);
    if (block == NULL) {
        give_back(b, whole);
        return NULL;
    }
    memcpy(block, &whole, sizeof(whole));
    return block + OC_BUDGET_HEAD;
}

static void budget_release(void *ctx, void *ptr)
{
    oc_budget *b = ctx;
    size_t whole;
    if (ptr == NULL)
        return;
    uint8_t *block = (uint8_t *)ptr - OC_BUDGET_HEAD;
    memcpy(&whole, block, sizeof(whole));
    b->base->release(b->base->ctx, block);
    give_back(b, whole);
}

oc_status oc_budget_create(uint64_t limit_bytes, const oc_allocator *alloc, oc_budget **budget)
{
    oc_budget *b = NULL;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, b));
    b->base = alloc;
    b->limit = limit_bytes;
    b->allocator = (oc_allocator){.ctx = b,
                                  .alloc = budget_alloc,
                                  .release = budget_release,
                                  .charge = take,
                                  .discharge = give_back};
    *budget = b;
    return OC_OK;
}

bool oc_budget_find(const oc_allocator *alloc, uint64_t *limit, uint64_t *used)
{
    if (alloc->alloc != budget_alloc)
        return false;
    const oc_budget *b = alloc->ctx;
    *limit = b->limit;
    *used = atomic_load(&b->used);
    return true;
}

void oc_budget_destroy(oc_budget *budget)
{
    if (budget != NULL)
        oc_free(budget->base, budget);
}

const oc_allocator *oc_budget_get_allocator(const oc_budget *budget)
{
    return &budget->allocator;
}

uint64_t oc_budget_used_bytes(const oc_budget *budget)
{
    return atomic_load(&budget->used);
}

uint64_t oc_budget_peak_bytes(const oc_budget *budget)
{
    return atomic_load(&budget->peak);
}
