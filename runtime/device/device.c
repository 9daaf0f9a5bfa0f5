/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of device types, selection by name, and waiting with a deadline. */
#include "oc_device.h"

#include <ctype.h>
#include <stdio.h>

/* ---- registry ------------------------------------------------------------------------------ */

static const oc_dev_type *const types[] = {
#define OC_DEVICE(name_) &oc_dev_type_##name_,
#include "devices.def"
#undef OC_DEVICE
};

const oc_dev_type *const *oc_dev_types(size_t *count)
{
    *count = OC_COUNT(types);
    return types;
}

/* A growing list of what the types' probes found. */
typedef struct finding {
    const oc_allocator *alloc;
    oc_dev_info *list;
    size_t count;
} finding;

/* Append what `type` finds. A device that appears between the two probes is left for the next time. */
static oc_status find_type(finding *found, const oc_dev_type *type)
{
    size_t there = 0, filled = 0;
    OC_TRY(type->probe(NULL, 0, &there));
    oc_dev_info *list;
    OC_TRY(OC_ALLOC(found->alloc, found->count + there, list));
    oc_status status = type->probe(list + found->count, there, &filled);
    if (status != OC_OK) {
        oc_free(found->alloc, list);
        return status;
    }
    if (found->count > 0)
        memcpy(list, found->list, found->count * sizeof(*list));
    oc_free(found->alloc, found->list);
    found->list = list;
    found->count += OC_MIN(there, filled);
    return OC_OK;
}

oc_status oc_dev_list(const oc_allocator *alloc, oc_dev_info **list, size_t *count)
{
    finding found = {.alloc = alloc};
    for (size_t i = 0; i < OC_COUNT(types); i++) {
        oc_status status = find_type(&found, types[i]);
        if (status != OC_OK) {
            oc_free(alloc, found.list);
            return status;
        }
    }
    *list = found.list;
    *count = found.count;
    return OC_OK;
}

/* ---- selection ----------------------------------------------------------------------------- */

static bool equals(const char *text, const char *selector)
{
    for (; *text != '\0' && *selector != '\0'; text++, selector++)
        if (tolower((unsigned char)*text) != tolower((unsigned char)*selector))
            return false;
    return *text == *selector;
}

static bool contains(const char *text, const char *part)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (part[i] != '\0' &&
               tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (part[i] == '\0')
            return true;
    }
    return false;
}

static bool is_pocl(const oc_dev_info *info)
{
    return !info->type->is_reference && contains(info->driver, "pocl");
}

static bool is_cpu(const oc_dev_info *info)
{
    return !info->type->is_reference && info->is_cpu;
}

static bool is_gpu(const oc_dev_info *info)
{
    return info->is_gpu;
}

static bool is_any(const oc_dev_info *info)
{
    return !info->type->is_reference;
}

static bool is_listed(const oc_dev_info *info)
{
    (void)info;
    return true;
}

/* The first available device of that kind, or NULL. */
static const oc_dev_info *first_of(const finding *found, bool (*is_kind)(const oc_dev_info *info))
{
    for (size_t i = 0; i < found->count; i++)
        if (found->list[i].is_available && is_kind(&found->list[i]))
            return &found->list[i];
    return NULL;
}

/* What there is, for an error text: "0:0 NAME; reference NAME (absent: WHY)". */
static void print_found(const finding *found, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < found->count && used < size; i++) {
        const oc_dev_info *info = &found->list[i];
        used += (size_t)snprintf(
            text + used, size - used, "%s%s %s%s%s%s", i > 0 ? "; " : "", info->id, info->name,
            info->is_available ? "" : " (absent: ", info->is_available ? "" : info->why,
            info->is_available ? "" : ")");
    }
}

static oc_status not_found(const finding *found, const char *selector)
{
    char text[768];
    print_found(found, text, sizeof(text));
    if (*selector == '\0')
        return oc_fail(OC_E_NOTFOUND, "no device can be used; there are: %s", text);
    return oc_fail(OC_E_NOTFOUND, "device '%s': expected one of: %s", selector, text);
}

/* The available device whose name or driver has `part`; several are an error that names two. */
static oc_status by_part(const finding *found, const char *part, const oc_dev_info **info)
{
    const oc_dev_info *hit = NULL;
    for (size_t i = 0; i < found->count; i++) {
        const oc_dev_info *other = &found->list[i];
        if (!other->is_available || !(contains(other->name, part) || contains(other->driver, part)))
            continue;
        if (hit != NULL)
            return oc_fail(OC_E_ARG, "device '%s': expected one device, found %s %s and %s %s",
                           part, hit->id, hit->name, other->id, other->name);
        hit = other;
    }
    if (hit == NULL)
        return not_found(found, part);
    *info = hit;
    return OC_OK;
}

/* The device of that id, if there is one. Errors: it is there, but not available. */
static oc_status by_id(const finding *found, const char *id, const oc_dev_info **info)
{
    for (size_t i = 0; i < found->count; i++) {
        if (!equals(found->list[i].id, id))
            continue;
        if (!found->list[i].is_available)
            return oc_fail(OC_E_NOTFOUND, "device '%s': not available: %s", id, found->list[i].why);
        *info = &found->list[i];
    }
    return OC_OK;
}

static oc_status by_kind(const finding *found, const char *word, const oc_dev_info **info)
{
    static const struct {
        const char *word;
        bool (*is_kind)(const oc_dev_info *info);
    } kinds[] = {{"pocl", is_pocl}, {"cpu", is_cpu}, {"gpu", is_gpu}};
    for (size_t i = 0; i < OC_COUNT(kinds); i++) {
        if (!equals(kinds[i].word, word))
            continue;
        *info = first_of(found, kinds[i].is_kind);
        if (*info == NULL)
            return not_found(found, word);
    }
    return OC_OK;
}

static oc_status by_default(const finding *found, const oc_dev_info **info)
{
    bool (*const order[])(const oc_dev_info *info) = {is_pocl, is_cpu, is_any};
    for (size_t i = 0; i < OC_COUNT(order); i++) {
        *info = first_of(found, order[i]);
        if (*info != NULL)
            return OC_OK;
    }
    return not_found(found, "");
}

static oc_status choose(const finding *found, const char *selector, const oc_dev_info **info)
{
    if (selector[0] == '\0')
        return by_default(found, info);
    *info = NULL;
    OC_TRY(by_kind(found, selector, info));
    if (*info == NULL)
        OC_TRY(by_id(found, selector, info));
    return *info != NULL ? OC_OK : by_part(found, selector, info);
}

/* The type of that name, or NULL. */
static const oc_dev_type *type_named(const char *name)
{
    for (size_t i = 0; i < OC_COUNT(types); i++)
        if (equals(types[i]->name, name))
            return types[i];
    return NULL;
}

/* A type's name asks only that type: the reference opens without waking a single driver. */
static oc_status find_and_choose(finding *found, const char *selector, const oc_dev_info **info)
{
    const oc_dev_type *only = type_named(selector);
    for (size_t i = 0; i < OC_COUNT(types); i++)
        if (only == NULL || only == types[i])
            OC_TRY(find_type(found, types[i]));
    if (only == NULL)
        return choose(found, selector, info);
    *info = first_of(found, is_listed);
    return *info != NULL ? OC_OK : not_found(found, selector);
}

oc_status oc_dev_open(const char *selector, const oc_dev_options *options,
                      const oc_allocator *alloc, oc_dev **dev)
{
    static const oc_dev_options defaults = {0};
    finding found = {.alloc = alloc};
    const oc_dev_info *info = NULL;
    oc_status status = find_and_choose(&found, selector != NULL ? selector : "", &info);
    if (status == OC_OK)
        status = info->type->open(info, options != NULL ? options : &defaults, alloc, dev);
    oc_free(alloc, found.list);
    return status;
}

void oc_dev_close(oc_dev *dev)
{
    if (dev != NULL)
        dev->type->close(dev);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/*
 * Owned by the queue and, while a notification is under way, by that as well: after a deadline the
 * queue may be gone long before the driver calls back.
 */
struct oc_dev_waiter {
    const oc_allocator *alloc;
    oc_cond cond;
    uint32_t refs; /* guarded by cond */
    bool is_done;
    oc_status status;
};

oc_status oc_dev_check(const oc_dev *dev)
{
    if (atomic_load_explicit(&dev->is_lost, memory_order_acquire))
        return oc_fail(OC_E_LOST, "device %s (%s): lost by an earlier failure", dev->info.id,
                       dev->info.name);
    return OC_OK;
}

oc_status oc_dev_queue_init(oc_dev_queue *queue, oc_dev *dev)
{
    struct oc_dev_waiter *waiter;
    OC_TRY(OC_ALLOC(dev->alloc, 1, waiter));
    oc_status status = oc_cond_init(&waiter->cond);
    if (status != OC_OK) {
        oc_free(dev->alloc, waiter);
        return status;
    }
    waiter->alloc = dev->alloc;
    waiter->refs = 1;
    *queue = (oc_dev_queue){.dev = dev, .waiter = waiter};
    return OC_OK;
}

/* Called locked; unlocks. */
static void waiter_unref(struct oc_dev_waiter *waiter)
{
    const bool is_last = --waiter->refs == 0;
    oc_cond_unlock(&waiter->cond);
    if (is_last) {
        oc_cond_fini(&waiter->cond);
        oc_free(waiter->alloc, waiter);
    }
}

void oc_dev_queue_fini(oc_dev_queue *queue)
{
    if (queue->waiter == NULL)
        return;
    oc_cond_lock(&queue->waiter->cond);
    waiter_unref(queue->waiter);
    queue->waiter = NULL;
}

static void waiter_done(void *ctx, oc_status status)
{
    struct oc_dev_waiter *waiter = ctx;
    oc_cond_lock(&waiter->cond);
    waiter->is_done = true;
    waiter->status = status;
    oc_cond_wake(&waiter->cond);
    waiter_unref(waiter);
}

oc_status oc_dev_queue_wait(oc_dev *dev, oc_dev_queue *queue, uint64_t deadline_ns)
{
    struct oc_dev_waiter *waiter = queue->waiter;
    OC_TRY(oc_dev_check(dev));
    oc_cond_lock(&waiter->cond);
    waiter->is_done = false;
    waiter->refs++;
    oc_cond_unlock(&waiter->cond);

    oc_status status = dev->type->notify(queue, waiter_done, waiter);
    oc_cond_lock(&waiter->cond);
    if (status != OC_OK) {
        waiter_unref(waiter);
        return status;
    }
    while (!waiter->is_done && oc_cond_wait(&waiter->cond, deadline_ns))
        continue;
    const bool is_done = waiter->is_done;
    status = waiter->status;
    oc_cond_unlock(&waiter->cond);

    if (!is_done) {
        atomic_store_explicit(&dev->is_lost, true, memory_order_release);
        return oc_fail(OC_E_DEADLINE,
                       "device %s (%s): expected its queue to end by the deadline; it is given up",
                       dev->info.id, dev->info.name);
    }
    if (status != OC_OK)
        return oc_fail(status, "device %s (%s): a command on its queue failed: %s", dev->info.id,
                       dev->info.name, oc_status_text(status));
    return OC_OK;
}
