/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temperatures of industrial I/O devices: Xilinx's AMS, which measures the two halves of the chip.
 * Millidegrees are (raw + offset) * scale. Its voltages are left alone: they are many, and no
 * decision asks for them.
 */
#include "sensor.h"

struct oc_sensor {
    oc_sensor_env env;
    oc_sensor_names devices, channels;
};

#define FOLDER "/sys/bus/iio/devices/"

/* A property of the channel `stem`, or the one that its kind shares. */
static bool read_property(const oc_sensor_env *env, const char *device, const char *stem,
                          const char *property, double *value)
{
    return oc_sensor_number(env, value, FOLDER "%s/%s_%s", device, stem, property) ||
           oc_sensor_number(env, value, FOLDER "%s/in_temp_%s", device, property);
}

static bool read_channel(const oc_sensor_env *env, const char *device, const char *stem,
                         double *degrees)
{
    double raw, scale, offset = 0;
    if (!oc_sensor_number(env, &raw, FOLDER "%s/%s_raw", device, stem) ||
        !read_property(env, device, stem, "scale", &scale))
        return false;
    if (!read_property(env, device, stem, "offset", &offset))
        offset = 0;
    *degrees = (raw + offset) * scale / 1e3;
    return true;
}

/* "ps_temp" of "in_temp0_ps_temp"; "temp7" of "in_temp7", which has no name. */
static const char *name_of(const char *stem)
{
    const char *name = stem + strlen("in_temp");
    name += strspn(name, "0123456789");
    return *name == '_' ? name + 1 : stem + strlen("in_");
}

static void read_device(oc_sensor *s, const char *device, oc_sensor_out *out)
{
    char chip[64], label[64];
    if (!oc_sensor_text(&s->env, chip, sizeof(chip), FOLDER "%s/name", device))
        return;
    oc_sensor_list(&s->env, &s->channels, "in_temp", "_raw", FOLDER "%s", device);
    for (size_t i = 0; i < s->channels.count && out->count < out->capacity; i++) {
        char *stem = s->channels.text[i];
        double degrees;
        stem[strlen(stem) - strlen("_raw")] = '\0';
        if (!read_channel(&s->env, device, stem, &degrees))
            continue;
        const bool is_named =
            oc_sensor_text(&s->env, label, sizeof(label), FOLDER "%s/%s_label", device, stem);
        oc_sensor_put(out, OC_QUANTITY_TEMPERATURE, degrees, "%s %s", chip,
                      is_named ? label : name_of(stem));
    }
}

static oc_status iio_open(const oc_sensor_env *env, oc_sensor **sensor)
{
    return oc_sensor_create(env, sizeof(**sensor), sensor);
}

static size_t iio_read(oc_sensor *s, uint64_t now_ns, oc_reading *readings, size_t capacity)
{
    oc_sensor_out out = {.readings = readings, .capacity = capacity, .now_ns = now_ns};
    oc_sensor_list(&s->env, &s->devices, "iio:device", "", "/sys/bus/iio/devices");
    for (size_t i = 0; i < s->devices.count && out.count < capacity; i++)
        read_device(s, s->devices.text[i], &out);
    return out.count;
}

const oc_sensor_type oc_sensor_type_iio = {
    .name = "iio",
    .open = iio_open,
    .read = iio_read,
    .close = oc_sensor_destroy,
};
