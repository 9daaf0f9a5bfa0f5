/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: a chain of blocks, filled from the head. A block is zeroed when it is made and no byte of
 * it is given out twice, so that every object starts zeroed. Blocks double in size, which keeps
 * their number small; an object that would waste much of a block gets one of its own behind the
 * head.
 */
#include "oc_base.h"

#include <stdalign.h>

#define FIRST_BLOCK ((size_t)4 << 10)
#define LARGEST_BLOCK ((size_t)1 << 20)

struct oc_arena_block {
    struct oc_arena_block *next;
    size_t size, used;
    alignas(max_align_t) uint8_t data[];
};

void oc_arena_init(oc_arena *arena, const oc_allocator *alloc)
{
    *arena = (oc_arena){.alloc = alloc};
}

void oc_arena_fini(oc_arena *arena)
{
    while (arena->head != NULL) {
        struct oc_arena_block *block = arena->head;
        arena->head = block->next;
        oc_free(arena->alloc, block);
    }
    arena->total_bytes = 0;
}

/* A new block with `size` usable bytes. */
static oc_status block_create(oc_arena *arena, size_t size, struct oc_arena_block **block)
{
    size_t bytes;
    OC_TRY(oc_add_size(size, sizeof(**block), &bytes));
    OC_TRY(oc_alloc(arena->alloc, bytes, 1, block));
    (*block)->size = size;
    arena->total_bytes += bytes;
    return OC_OK;
}

/* A new head with room for `size` bytes, or, for a large object, a block of its own. */
static oc_status add_block(oc_arena *arena, size_t size, struct oc_arena_block **block)
{
    struct oc_arena_block *head = arena->head;
    size_t usual =
        head == NULL ? FIRST_BLOCK : OC_MIN(OC_MAX(head->size, FIRST_BLOCK) * 2, LARGEST_BLOCK);
    if (head != NULL && size > usual / 4) {
        OC_TRY(block_create(arena, size, block));
        (*block)->next = head->next;
        head->next = *block;
        return OC_OK;
    }
    OC_TRY(block_create(arena, OC_MAX(usual, size), block));
    (*block)->next = head;
    arena->head = *block;
    return OC_OK;
}

oc_status oc_arena_alloc(oc_arena *arena, size_t count, size_t elem, void *out_ptr)
{
    const size_t align = alignof(max_align_t);
    size_t size;
    OC_TRY(oc_mul_size(count, elem, &size));
    OC_TRY(oc_add_size(OC_MAX(size, 1), align - 1, &size));
    size = size / align * align;
    struct oc_arena_block *block = arena->head;
    if (block == NULL || size > block->size - block->used)
        OC_TRY(add_block(arena, size, &block));
    void *ptr = block->data + block->used;
    block->used += size;
    memcpy(out_ptr, &ptr, sizeof(ptr));
    return OC_OK;
}

oc_status oc_arena_strdup(oc_arena *arena, const char *text, size_t len, char **copy)
{
    size_t size;
    char *fresh;
    OC_TRY(oc_add_size(len, 1, &size));
    OC_TRY(oc_arena_alloc(arena, size, 1, &fresh));
    if (len > 0)
        memcpy(fresh, text, len);
    *copy = fresh;
    return OC_OK;
}
