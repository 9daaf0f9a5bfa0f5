/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's thermal zones, and what it slows down because they are hot. */
#include "sensor.h"

#include <ctype.h>
#include <math.h>

struct oc_sensor {
    oc_sensor_env env;
    oc_sensor_names names;
};

#define THERMAL "/sys/class/thermal/"
#define CPU "/sys/devices/system/cpu"
#define CPUS_MAX 16 /* looked at for a limit: they share a few */

static bool has(const char *text, const char *word)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (word[i] != '\0' && tolower((unsigned char)text[i]) == word[i])
            i++;
        if (word[i] == '\0')
            return true;
    }
    return false;
}

static void read_zones(oc_sensor *s, oc_sensor_out *out)
{
    oc_sensor_list(&s->env, &s->names, "thermal_zone", "", "/sys/class/thermal");
    for (size_t i = 0; i < s->names.count && out->count < out->capacity; i++) {
        const char *zone = s->names.text[i];
        char type[64];
        double millidegrees;
        if (!oc_sensor_number(&s->env, &millidegrees, THERMAL "%s/temp", zone))
            continue;
        const bool is_named = oc_sensor_text(&s->env, type, sizeof(type), THERMAL "%s/type", zone);
        oc_sensor_put(out, OC_QUANTITY_TEMPERATURE, millidegrees / 1e3, "%s",
                      is_named ? type : zone);
    }
}

/* A fan cools too, and slows nothing down; so does a display that is dimmed. */
static bool slows(const char *type)
{
    static const char *const words[] = {"cpu",  "processor",  "devfreq",
                                        "idle", "powerclamp", "throttl"};
    for (size_t i = 0; i < OC_COUNT(words); i++)
        if (has(type, words[i]) && !has(type, "fan"))
            return true;
    return false;
}

/*
 * How far it is turned on; one that is turned off has nothing to tell, and there is one for each
 * processor.
 */
static void read_coolers(oc_sensor *s, oc_sensor_out *out)
{
    oc_sensor_list(&s->env, &s->names, "cooling_device", "", "/sys/class/thermal");
    for (size_t i = 0; i < s->names.count && out->count < out->capacity; i++) {
        const char *cooler = s->names.text[i];
        char type[64];
        double state, most;
        if (!oc_sensor_text(&s->env, type, sizeof(type), THERMAL "%s/type", cooler) ||
            !slows(type) || !oc_sensor_number(&s->env, &state, THERMAL "%s/cur_state", cooler) ||
            !oc_sensor_number(&s->env, &most, THERMAL "%s/max_state", cooler) || state <= 0)
            continue;
        oc_sensor_put(out, OC_QUANTITY_THROTTLED, most > 0 ? state / most : 1, "%s", type);
    }
}

/*
 * The largest share that is missing of a processor's own largest frequency. 0 is told too: nothing
 * is slowed down.
 */
static void read_limits(oc_sensor *s, oc_sensor_out *out)
{
    double missing = -1;
    size_t read = 0;
    oc_sensor_list(&s->env, &s->names, "cpu", "", CPU);
    for (size_t i = 0; i < s->names.count && read < CPUS_MAX; i++) {
        const char *cpu = s->names.text[i];
        double now, most;
        if (!isdigit((unsigned char)cpu[3]))
            continue;
        read++;
        if (oc_sensor_number(&s->env, &now, CPU "/%s/cpufreq/scaling_max_freq", cpu) &&
            oc_sensor_number(&s->env, &most, CPU "/%s/cpufreq/cpuinfo_max_freq", cpu) && now > 0 &&
            most > 0)
            missing = fmax(missing, fmax(1 - now / most, 0));
    }
    if (missing >= 0)
        oc_sensor_put(out, OC_QUANTITY_THROTTLED, missing, "cpufreq");
}

static oc_status thermal_open(const oc_sensor_env *env, oc_sensor **sensor)
{
    return oc_sensor_create(env, sizeof(**sensor), sensor);
}

static size_t thermal_read(oc_sensor *s, uint64_t now_ns, oc_reading *readings, size_t capacity)
{
    oc_sensor_out out = {.readings = readings, .capacity = capacity, .now_ns = now_ns};
    read_limits(s, &out);
    read_coolers(s, &out);
    read_zones(s, &out);
    return out.count;
}

const oc_sensor_type oc_sensor_type_thermal = {
    .name = "thermal",
    .open = thermal_open,
    .read = thermal_read,
    .close = oc_sensor_destroy,
};
