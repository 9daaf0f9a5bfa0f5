/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the sensors share: folders and long files read without allocation, and the list that
 * readings go to.
 */
#ifndef OC_SENSOR_H
#define OC_SENSOR_H

#include "oc_telemetry.h"

#define OC_SENSOR(name_) extern const oc_sensor_type oc_sensor_type_##name_;
#include "sensors.def"
#undef OC_SENSOR

/**
 * The first `size` - 1 bytes of a file of several lines, terminated; `fmt` as for oc_sensor_text.
 * Returns the length; 0: absent, empty, or bytes that are no text. The last line may be cut off.
 */
size_t oc_sensor_head(const oc_sensor_env *env, char *text, size_t size,
    const char *fmt, ...) OC_PRINTF(4, 5);

/**
 * A whole decimal number, as the kernel prints them: "-12", "7.771514892". Independent of the
 * locale.
 */
bool oc_sensor_parse(const char *text, double *value);
/** The unsigned number at `*at`, after blanks, of at most 15 digits; moves `*at` behind it. */
bool oc_sensor_take(const char **at, uint64_t *value);

/** A row's `open` and `close` for a sensor whose struct of `size` bytes starts with its env. */
oc_status oc_sensor_create(const oc_sensor_env *env, size_t size, oc_sensor **sensor);
void oc_sensor_destroy(oc_sensor *sensor);

/* ---- folders ------------------------------------------------------------------------------- */

#define OC_SENSOR_NAMES 256 /* names kept of one folder; there may be more */
#define OC_SENSOR_NAME 48   /* bytes of a name; a longer one is left out */
typedef struct oc_sensor_names {
    size_t count;
    char text[OC_SENSOR_NAMES][OC_SENSOR_NAME]; /* sorted, numbers in them by value */
} oc_sensor_names;
/** The names in a folder that start and end so; none where it is absent. */
void oc_sensor_list(const oc_sensor_env *env, oc_sensor_names *names, const char *prefix,
    const char *suffix, const char *fmt, ...) OC_PRINTF(5, 6);

/* ---- readings ------------------------------------------------------------------------------ */

typedef struct oc_sensor_out {
    oc_reading *readings;
    size_t count, capacity;
    uint64_t now_ns;
} oc_sensor_out;
/**
 * Append a reading while there is room; the label is cut off where it is too long, and what is not
 * printable ASCII in it becomes '?'.
 */
void oc_sensor_put(oc_sensor_out *out, oc_quantity quantity, double value,
    const char *fmt, ...) OC_PRINTF(4, 5);

/* ---- what is made of readings -------------------------------------------------------------- */

/**
 * What predictions use; readings flagged as bounded tell nothing. at_ns and is_stale are left
 * alone.
 */
void oc_telemetry_summarise(const oc_reading *readings, size_t count, oc_machine_state *state);

#endif
