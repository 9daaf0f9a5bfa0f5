/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Telemetry: sensors (sensors.def, one file each) and the thread that reads them. A decision reads the latest
 * snapshot and never touches a file itself.
 */
#ifndef OC_TELEMETRY_H
#define OC_TELEMETRY_H

#include "oc_base.h"

#include <offcut/telemetry.h>

/** What a sensor reads through: paths under a root prefix, bounded and without allocation. */
typedef struct oc_sensor_env {
    const char *root;   /* "" or a folder without a slash at its end; borrowed for the sensor's life */
    const oc_allocator *alloc;
} oc_sensor_env;

/**
 * The sensor seam: one const row per kind. `read` appends at most `capacity` readings with `at_ns`; what cannot be read
 * (absent, vanished, garbage) is left out, what is impossible is left as it is: the caller bounds and flags it. A sensor that
 * has nothing here still opens: hardware may come later. Nothing is allocated by `read`. One thread at a time.
 */
typedef struct oc_sensor oc_sensor;
typedef struct oc_sensor_type {
    const char *name;   /* "cpu", "hwmon" */
    oc_status (*open)(const oc_sensor_env *env, oc_sensor **sensor);
    size_t (*read)(oc_sensor *sensor, uint64_t now_ns, oc_reading *readings, size_t capacity);
    void (*close)(oc_sensor *sensor);
} oc_sensor_type;

/** Files as sensors read them: `fmt` is the path below the root. Text has its newline cut off. False: absent, too long, or garbage. */
bool oc_sensor_text(const oc_sensor_env *env, char *text, size_t size, const char *fmt, ...) OC_PRINTF(4, 5);
bool oc_sensor_number(const oc_sensor_env *env, double *value, const char *fmt, ...) OC_PRINTF(3, 4);

/** Every sensor of the table, and a thread that reads them each period. */
typedef struct oc_telemetry oc_telemetry;
/** `period_ms` 0: no thread, only oc_telemetry_sample reads. `root` is copied. Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_telemetry_open(const char *root, uint32_t period_ms, const oc_allocator *alloc, oc_telemetry **telemetry);
void oc_telemetry_close(oc_telemetry *telemetry);
/** Read all sensors now, as the thread would. A reading whose source went away stays, and says that it is stale, until it is a minute old. */
void oc_telemetry_sample(oc_telemetry *telemetry, uint64_t now_ns);
/** The latest readings into `snapshot` (workers are left alone). Threads: safe. */
void oc_telemetry_read(oc_telemetry *telemetry, oc_snapshot *snapshot);

/** What predictions of time use, from the latest readings; a thing that is not known is NAN. Threads: safe, under a microsecond. */
typedef struct oc_machine_state {
    double cpu_others;       /* share of the processors that others take */
    double frequency;        /* share of the largest frequency, mean of the processors */
    double memory_available; /* B */
    double temperature;      /* degC, the hottest */
    double throttled;        /* share */
    double power;            /* W, the sum over the rails (a rail named as the total counts alone) */
    double battery;          /* share */
    uint64_t at_ns;          /* of the latest reading among them */
    bool is_stale;
} oc_machine_state;
void oc_telemetry_state(oc_telemetry *telemetry, oc_machine_state *state);

#endif
