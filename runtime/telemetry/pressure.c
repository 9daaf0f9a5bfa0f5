/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the last ten seconds some task waited for processor, memory or disk (the kernel's
 * PSI; it may be built without).
 */
#include "sensor.h"

struct oc_sensor {
    oc_sensor_env env;
};

static const struct {
    const char *file;
    oc_quantity quantity;
} rows[] = {
    {"cpu", OC_QUANTITY_CPU_PRESSURE},
    {"memory", OC_QUANTITY_MEMORY_PRESSURE},
    {"io", OC_QUANTITY_IO_PRESSURE},
};

/* "some avg10=1.23 avg60=..." is 1.23 %. */
static bool parse(const char *text, double *share)
{
    static const char key[] = "some avg10=";
    char number[16];
    if (strncmp(text, key, strlen(key)) != 0)
        return false;
    text += strlen(key);
    const size_t length = strcspn(text, " \n");
    if (length >= sizeof(number))
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    if (!oc_sensor_parse(number, share))
        return false;
    *share /= 100;
    return true;
}

static oc_status pressure_open(const oc_sensor_env *env, oc_sensor **sensor)
{
    return oc_sensor_create(env, sizeof(**sensor), sensor);
}

static size_t pressure_read(oc_sensor *s, uint64_t now_ns, oc_reading *readings, size_t capacity)
{
    oc_sensor_out out = {.readings = readings, .capacity = capacity, .now_ns = now_ns};
    for (size_t i = 0; i < OC_COUNT(rows); i++) {
        char text[256];
        double share;
        if (oc_sensor_head(&s->env, text, sizeof(text), "/proc/pressure/%s", rows[i].file) > 0 &&
            parse(text, &share))
            oc_sensor_put(&out, rows[i].quantity, share, "%s", rows[i].file);
    }
    return out.count;
}

const oc_sensor_type oc_sensor_type_pressure = {
    .name = "pressure",
    .open = pressure_open,
    .read = pressure_read,
    .close = oc_sensor_destroy,
};
