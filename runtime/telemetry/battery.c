/* SPDX-License-Identifier: Apache-2.0 */
/* How full the machine's batteries are. */
#include "sensor.h"

struct oc_sensor {
    oc_sensor_env env;
    oc_sensor_names supplies;
};

#define FOLDER "/sys/class/power_supply/"

/* A share of `of`, both in the driver's unit. */
static bool read_share(const oc_sensor_env *env, const char *supply, const char *unit,
                       double *share)
{
    double now, full;
    if (!oc_sensor_number(env, &now, FOLDER "%s/%s_now", supply, unit) ||
        !oc_sensor_number(env, &full, FOLDER "%s/%s_full", supply, unit) || full <= 0)
        return false;
    *share = now / full;
    return true;
}

/* Percent where the driver knows them, else energy, else charge. */
static bool read_level(const oc_sensor_env *env, const char *supply, double *share)
{
    if (oc_sensor_number(env, share, FOLDER "%s/capacity", supply)) {
        *share /= 100;
        return true;
    }
    return read_share(env, supply, "energy", share) || read_share(env, supply, "charge", share);
}

/* The battery of a mouse says nothing of the machine: its scope is a device. */
static bool is_ours(const oc_sensor_env *env, const char *supply)
{
    char text[32];
    if (!oc_sensor_text(env, text, sizeof(text), FOLDER "%s/type", supply) ||
        strcmp(text, "Battery") != 0)
        return false;
    return !oc_sensor_text(env, text, sizeof(text), FOLDER "%s/scope", supply) ||
           strcmp(text, "Device") != 0;
}

static oc_status battery_open(const oc_sensor_env *env, oc_sensor **sensor)
{
    return oc_sensor_create(env, sizeof(**sensor), sensor);
}

static size_t battery_read(oc_sensor *s, uint64_t now_ns, oc_reading *readings, size_t capacity)
{
    oc_sensor_out out = {.readings = readings, .capacity = capacity, .now_ns = now_ns};
    oc_sensor_list(&s->env, &s->supplies, "", "", "/sys/class/power_supply");
    for (size_t i = 0; i < s->supplies.count && out.count < capacity; i++) {
        double share;
        if (is_ours(&s->env, s->supplies.text[i]) &&
            read_level(&s->env, s->supplies.text[i], &share))
            oc_sensor_put(&out, OC_QUANTITY_BATTERY, share, "%s", s->supplies.text[i]);
    }
    return out.count;
}

const oc_sensor_type oc_sensor_type_battery = {
    .name = "battery",
    .open = battery_open,
    .read = battery_read,
    .close = oc_sensor_destroy,
};
