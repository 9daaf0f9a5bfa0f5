/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

/* FNV-1a, 64 bits: Fowler, Noll, Vo. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return hash;
}

static size_t find_slot(const oc_names *names, const char *name)
{
    size_t mask = names->capacity - 1;
    size_t slot = (size_t)hash_text(name) & mask;
    while (names->slots[slot].name && strcmp(names->slots[slot].name, name) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static oc_status make_room(oc_names *names, const oc_allocator *alloc)
{
    if (2 * (names->count + 1) <= names->capacity)
        return OC_OK;
    oc_names wider = {.capacity = names->capacity ? 2 * names->capacity : 64, .count = names->count};
    OC_TRY(OC_ALLOC(alloc, wider.capacity, wider.slots));
    for (size_t i = 0; i < names->capacity; i++)
        if (names->slots[i].name)
            wider.slots[find_slot(&wider, names->slots[i].name)] = names->slots[i];
    oc_free(alloc, names->slots);
    *names = wider;
    return OC_OK;
}

oc_status oc_names_put(oc_names *names, const oc_allocator *alloc, const char *name, oc_id id)
{
    OC_TRY(make_room(names, alloc));
    size_t slot = find_slot(names, name);
    if (!names->slots[slot].name)
        names->count++;
    names->slots[slot] = (oc_name_slot){.name = name, .id = id};
    return OC_OK;
}

oc_id oc_names_find(const oc_names *names, const char *name)
{
    if (names->capacity == 0)
        return OC_NONE;
    const oc_name_slot *slot = &names->slots[find_slot(names, name)];
    return slot->name ? slot->id : OC_NONE;
}

void oc_names_clear(oc_names *names)
{
    if (names->slots)
        memset(names->slots, 0, names->capacity * sizeof(*names->slots));
    names->count = 0;
}

void oc_names_fini(oc_names *names, const oc_allocator *alloc)
{
    oc_free(alloc, names->slots);
    *names = (oc_names){0};
}
