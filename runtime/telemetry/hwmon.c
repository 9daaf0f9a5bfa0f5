/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware monitors: power of the rails, voltages, currents, temperatures, called by the chip's
 * name and the channel's label. A folder's number is the order in which drivers came up, so it
 * means nothing.
 *
 * A chip without any power file (an INA226 on some kernels) has V x I of its rails instead.
 */
#include "sensor.h"

#include <stdio.h>

#define FOLDER "/sys/class/hwmon/"
#define CHANNELS_MAX 64

/* In the order in which they are told: where room runs out, it does for the least useful. */
typedef enum kind { POWER, TEMP, IN, CURR, KINDS } kind;
static const struct {
    const char *prefix;
    oc_quantity quantity;
    double unit;
} kinds[] = {
    [POWER] = {"power", OC_QUANTITY_POWER, 1e-6},
    [TEMP] = {"temp", OC_QUANTITY_TEMPERATURE, 1e-3},
    [IN] = {"in", OC_QUANTITY_VOLTAGE, 1e-3},
    [CURR] = {"curr", OC_QUANTITY_CURRENT, 1e-3},
};

typedef struct channel {
    kind kind;
    uint32_t number;
    bool is_read;
    double value;
    char label[64]; /* "" where it has none */
} channel;

struct oc_sensor {
    oc_sensor_env env;
    oc_sensor_names chips, files;
    char chip[128]; /* its name, and its own label where it has one */
    channel channels[CHANNELS_MAX];
    size_t n_channels;
    size_t per_kind[KINDS];
};

/* ---- reading a chip ------------------------------------------------------------------------ */

/* "curr1_input": the kind and the number. */
static bool parse_file(const char *file, channel *c)
{
    for (size_t k = 0; k < KINDS; k++) {
        const size_t length = strlen(kinds[k].prefix);
        const char *at = file + length;
        uint64_t number;
        if (strncmp(file, kinds[k].prefix, length) != 0 || !oc_sensor_take(&at, &number) ||
            strcmp(at, "_input") != 0 || number > UINT16_MAX)
            continue;
        *c = (channel){.kind = (kind)k, .number = (uint32_t)number};
        return true;
    }
    return false;
}

/* in0 of Texas Instruments' power monitors is the voltage across the shunt: no rail's. */
static bool is_shunt(const oc_sensor *s, const channel *c)
{
    return c->kind == IN && c->number == 0 && strncmp(s->chip, "ina2", 4) == 0;
}

static void read_channel(const oc_sensor *s, const char *folder, channel *c)
{
    const char *prefix = kinds[c->kind].prefix;
    c->is_read =
        oc_sensor_number(&s->env, &c->value, FOLDER "%s/%s%u_input", folder, prefix, c->number);
    c->value *= kinds[c->kind].unit;
    if (!oc_sensor_text(&s->env, c->label, sizeof(c->label), FOLDER "%s/%s%u_label", folder, prefix,
                        c->number))
        c->label[0] = '\0';
}

static void read_name(oc_sensor *s, const char *folder)
{
    char name[60], label[60];
    if (!oc_sensor_text(&s->env, name, sizeof(name), FOLDER "%s/name", folder))
        snprintf(name, sizeof(name), "hwmon");
    const bool is_named = oc_sensor_text(&s->env, label, sizeof(label), FOLDER "%s/label", folder);
    snprintf(s->chip, sizeof(s->chip), "%s%s%s", name, is_named ? " " : "", is_named ? label : "");
}

static void read_chip(oc_sensor *s, const char *folder)
{
    read_name(s, folder);
    s->n_channels = 0;
    memset(s->per_kind, 0, sizeof(s->per_kind));
    oc_sensor_list(&s->env, &s->files, "", "_input", FOLDER "%s", folder);
    for (size_t i = 0; i < s->files.count && s->n_channels < CHANNELS_MAX; i++) {
        channel *c = &s->channels[s->n_channels];
        if (!parse_file(s->files.text[i], c) || is_shunt(s, c))
            continue;
        read_channel(s, folder, c);
        s->per_kind[c->kind]++;
        s->n_channels++;
    }
}

/* ---- which channels belong together -------------------------------------------------------- */

/*
 * PMBus calls the output's voltage, current and power vout1, iout1, pout1: they are of the rail
 * out1.
 */
static const char *rail_of(const char *label)
{
    const bool is_pmbus = strchr("vip", label[0]) != NULL && label[0] != '\0' &&
                          (strncmp(label + 1, "in", 2) == 0 || strncmp(label + 1, "out", 3) == 0);
    return label + is_pmbus;
}

/* Labels decide where both have one; else the numbers do (an INA3221 labels its voltages only). */
static bool is_same_rail(const channel *a, const channel *b)
{
    if (a->label[0] != '\0' && b->label[0] != '\0')
        return strcmp(rail_of(a->label), rail_of(b->label)) == 0;
    return a->number == b->number;
}

static const channel *voltage_of(const oc_sensor *s, const channel *c)
{
    for (size_t i = 0; i < s->n_channels; i++)
        if (s->channels[i].kind == IN && is_same_rail(&s->channels[i], c))
            return &s->channels[i];
    return NULL;
}

/* ---- telling ------------------------------------------------------------------------------- */

/*
 * The chip's name and the channel's label, or its rail's; only where neither is known and there
 * are several, its number.
 */
static void put(const oc_sensor *s, oc_sensor_out *out, oc_quantity quantity, double value,
                const channel *c)
{
    const channel *in = c->kind == POWER || c->kind == CURR ? voltage_of(s, c) : NULL;
    if (c->label[0] != '\0')
        oc_sensor_put(out, quantity, value, "%s %s", s->chip, c->label);
    else if (in != NULL && in->label[0] != '\0')
        oc_sensor_put(out, quantity, value, "%s %s", s->chip, in->label);
    else if (s->per_kind[c->kind] > 1)
        oc_sensor_put(out, quantity, value, "%s %s%u", s->chip, kinds[c->kind].prefix, c->number);
    else
        oc_sensor_put(out, quantity, value, "%s", s->chip);
}

static void put_products(const oc_sensor *s, oc_sensor_out *out)
{
    for (size_t i = 0; i < s->n_channels; i++) {
        const channel *c = &s->channels[i];
        const channel *in = c->kind == CURR ? voltage_of(s, c) : NULL;
        if (in != NULL && c->is_read && in->is_read)
            put(s, out, OC_QUANTITY_POWER, c->value * in->value, c);
    }
}

static void put_chip(const oc_sensor *s, oc_sensor_out *out)
{
    if (s->per_kind[POWER] == 0)
        put_products(s, out);
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < s->n_channels; i++)
            if (s->channels[i].kind == (kind)k && s->channels[i].is_read)
                put(s, out, kinds[k].quantity, s->channels[i].value, &s->channels[i]);
}

/* ---- the row ------------------------------------------------------------------------------- */

static oc_status hwmon_open(const oc_sensor_env *env, oc_sensor **sensor)
{
    return oc_sensor_create(env, sizeof(**sensor), sensor);
}

static size_t hwmon_read(oc_sensor *s, uint64_t now_ns, oc_reading *readings, size_t capacity)
{
    oc_sensor_out out = {.readings = readings, .capacity = capacity, .now_ns = now_ns};
    oc_sensor_list(&s->env, &s->chips, "hwmon", "", "/sys/class/hwmon");
    for (size_t i = 0; i < s->chips.count && out.count < capacity; i++) {
        read_chip(s, s->chips.text[i]);
        put_chip(s, &out);
    }
    return out.count;
}

const oc_sensor_type oc_sensor_type_hwmon = {
    .name = "hwmon",
    .open = hwmon_open,
    .read = hwmon_read,
    .close = oc_sensor_destroy,
};
