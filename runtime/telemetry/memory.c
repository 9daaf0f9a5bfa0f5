/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: the machine's, or that of our control group where a limit leaves us less. Every group
 * above ours may have a limit too. A container often sees its own group as the root, whatever its
 * path says, so that the root of the hierarchy is asked as well.
 */
#include "sensor.h"

#include <stdio.h>

#define LEVELS_MAX 16

struct oc_sensor {
    oc_sensor_env env;
    char text[8192]; /* of /proc/meminfo and memory.stat, which are about 1.5 and 1 KiB */
    char path[256];  /* of the group that is being asked */
};

typedef struct room {
    double total, available;
} room;

/* The two versions of control groups. */
typedef struct hierarchy {
    const char *mount, *limit, *usage;
    const char *reclaimable; /* of memory.stat: what the kernel gives back first */
} hierarchy;
static const hierarchy v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                             "memory.usage_in_bytes", "total_inactive_file"};
static const hierarchy v2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

/* The number of the line that starts with `key` and is followed by a blank or colon. */
static bool find_line(const char *text, const char *key, double *value)
{
    const size_t length = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        uint64_t number;
        line += *line == '\n';
        if (strncmp(line, key, length) != 0 || (line[length] != ':' && line[length] != ' '))
            continue;
        const char *at = line + length + 1;
        if (!oc_sensor_take(&at, &number))
            return false;
        *value = (double)number;
        return true;
    }
    return false;
}

/* Kilobytes there are bytes here. */
static bool read_machine(oc_sensor *s, room *machine)
{
    if (oc_sensor_head(&s->env, s->text, sizeof(s->text), "/proc/meminfo") == 0 ||
        !find_line(s->text, "MemTotal", &machine->total) ||
        !find_line(s->text, "MemAvailable", &machine->available))
        return false;
    machine->total *= 1024;
    machine->available *= 1024;
    return true;
}

/* ---- groups -------------------------------------------------------------------------------- */

/*
 * "max" (version 2) is no number; version 1 says a number larger than any machine. A group above
 * ours may have the larger limit and yet the less room, so that both are taken by themselves.
 */
static void apply_group(oc_sensor *s, const hierarchy *h, double machine, room *least)
{
    double limit, usage, reclaimable = 0;
    if (!oc_sensor_number(&s->env, &limit, "%s%s/%s", h->mount, s->path, h->limit) ||
        limit >= machine || limit <= 0 ||
        !oc_sensor_number(&s->env, &usage, "%s%s/%s", h->mount, s->path, h->usage))
        return;
    if (oc_sensor_head(&s->env, s->text, sizeof(s->text), "%s%s/memory.stat", h->mount, s->path) ==
            0 ||
        !find_line(s->text, h->reclaimable, &reclaimable))
        reclaimable = 0;
    const double available = limit - usage + OC_MIN(reclaimable, usage);
    least->total = OC_MIN(least->total, limit);
    least->available = OC_MIN(least->available, OC_MAX(available, 0));
}

/* "0::/a/b" is version 2, "4:memory:/a/b" (perhaps among others, "5:cpu,memory:") version 1. */
static const hierarchy *parse_line(const char *line, size_t length, const char **path)
{
    const char *controllers = memchr(line, ':', length);
    if (controllers == NULL)
        return NULL;
    controllers++;
    const char *end = memchr(controllers, ':', length - (size_t)(controllers - line));
    if (end == NULL)
        return NULL;
    *path = end + 1;
    if (end == controllers)
        return &v2;
    for (const char *word = controllers; word < end; word += strcspn(word, ",:") + 1)
        if (strncmp(word, "memory", 6) == 0 && (word[6] == ',' || word[6] == ':'))
            return &v1;
    return NULL;
}

/* From our group up to the root. */
static void apply_groups(oc_sensor *s, const hierarchy *h, const char *path, size_t length,
                         room *least)
{
    const double machine = least->total;
    const bool is_usable = length < sizeof(s->path) && path[0] == '/';
    snprintf(s->path, sizeof(s->path), "%.*s", is_usable ? (int)length : 0, path);
    /*
     * A group outside of what we see is printed with "..": below our mount it would name something
     * else.
     */
    if (strstr(s->path, "/..") != NULL)
        s->path[0] = '\0';
    for (size_t level = 0; level < LEVELS_MAX && strrchr(s->path, '/') != NULL; level++) {
        if (strcmp(s->path, "/") != 0)
            apply_group(s, h, machine, least);
        *strrchr(s->path, '/') = '\0';
    }
    s->path[0] = '\0';
    apply_group(s, h, machine, least);
}

static void apply_limits(oc_sensor *s, room *least)
{
    char groups[2048];
    const char *path;
    if (oc_sensor_head(&s->env, groups, sizeof(groups), "/proc/self/cgroup") == 0)
        return;
    for (const char *line = groups, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const hierarchy *h = parse_line(line, (size_t)(end - line), &path);
        if (h != NULL)
            apply_groups(s, h, path, (size_t)(end - path), least);
    }
}

/* ---- the row ------------------------------------------------------------------------------- */

static oc_status memory_open(const oc_sensor_env *env, oc_sensor **sensor)
{
    return oc_sensor_create(env, sizeof(**sensor), sensor);
}

static size_t memory_read(oc_sensor *s, uint64_t now_ns, oc_reading *readings, size_t capacity)
{
    oc_sensor_out out = {.readings = readings, .capacity = capacity, .now_ns = now_ns};
    room least;
    if (!read_machine(s, &least))
        return 0;
    apply_limits(s, &least);
    oc_sensor_put(&out, OC_QUANTITY_MEMORY_TOTAL, least.total, "memory");
    oc_sensor_put(&out, OC_QUANTITY_MEMORY_AVAILABLE, least.available, "memory");
    return out.count;
}

const oc_sensor_type oc_sensor_type_memory = {
    .name = "memory",
    .open = memory_open,
    .read = memory_read,
    .close = oc_sensor_destroy,
};
