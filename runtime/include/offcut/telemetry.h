/* SPDX-License-Identifier: Apache-2.0 */
/** What is measured of this machine, of the links and of the workers: one timestamped snapshot of plain data. */
#ifndef OFFCUT_TELEMETRY_H
#define OFFCUT_TELEMETRY_H

#include <offcut/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Every quantity a sensor may read: name, unit, and the bounds outside of which a reading is a lie. */
#define OC_QUANTITY_LIST(X)                                                        \
    X(CPU_LOAD, "cpu load", "share", 0, 1)            /* of the processors this process may use, by everybody */ \
    X(CPU_OTHERS, "cpu load of others", "share", 0, 1) /* the same without this process */ \
    X(CPU_FREQUENCY, "cpu frequency", "Hz", 1e6, 1e11)                              \
    X(CPU_FREQUENCY_MAX, "largest cpu frequency", "Hz", 1e6, 1e11)                  \
    X(MEMORY_TOTAL, "memory", "B", 1, 1e16)                                        \
    X(MEMORY_AVAILABLE, "memory available", "B", 0, 1e16)                          \
    X(CPU_PRESSURE, "cpu pressure", "share", 0, 1)     /* PSI some avg10 */         \
    X(MEMORY_PRESSURE, "memory pressure", "share", 0, 1)                           \
    X(IO_PRESSURE, "io pressure", "share", 0, 1)                                   \
    X(TEMPERATURE, "temperature", "degC", -60, 150)                                \
    X(THROTTLED, "throttled", "share", 0, 1)           /* 1: the machine slows itself down because it is hot */ \
    X(POWER, "power", "W", 0, 10000)                                               \
    X(VOLTAGE, "voltage", "V", -1000, 1000)                                        \
    X(CURRENT, "current", "A", -1000, 1000)                                        \
    X(BATTERY, "battery", "share", 0, 1)                                           \
    X(DEVICE_QUEUE, "device queue", "", 0, 1e9)        /* pieces of work given to the local device and not finished */

typedef enum oc_quantity {
#define X(id_, name_, unit_, low_, high_) OC_QUANTITY_##id_,
    OC_QUANTITY_LIST(X)
#undef X
    OC_QUANTITY_COUNT
} oc_quantity;

OC_API const char *oc_quantity_name(oc_quantity quantity); /* "cpu load"; static */
OC_API const char *oc_quantity_unit(oc_quantity quantity); /* "share", "degC"; static */

/** What is wrong with a reading; 0: nothing. */
enum {
    OC_READING_STALE = 1,   /* older than three sampling periods: its source went away or stopped */
    OC_READING_BOUNDED = 2  /* outside what is possible: the nearest possible value stands in `value` */
};

typedef struct oc_reading {
    uint8_t quantity;   /* oc_quantity */
    uint8_t flags;
    char label[30];     /* of the source: "cpu", "ina226 VCCINT", "cpu-thermal" */
    double value;       /* in the quantity's unit */
    uint64_t at_ns;     /* when it was read, of the monotonic clock */
} oc_reading;

#define OC_READINGS_MAX 96
#define OC_WORKERS_MAX 8
#define OC_SERVICES_MAX 8

/** What is wrong with what is known of a link or a worker; 0: nothing. */
enum {
    OC_LINK_STALE = 1,    /* nothing was learnt for a while */
    OC_LINK_ASSUMED = 2   /* nothing was learnt yet: a guess */
};

/** A link to a worker, as learnt from transfers. `up` is towards the worker. A transfer of n bytes takes latency + n * ns_per_byte. */
typedef struct oc_link_estimate {
    double up_latency_ns, up_ns_per_byte;
    double down_latency_ns, down_ns_per_byte;
    double rtt_ns;
    double error;         /* median relative error of its own predictions; 0 while there are none */
    uint64_t at_ns;       /* when something was last learnt */
    uint32_t n_samples;   /* that the estimate stands on */
    uint32_t flags;       /* OC_LINK_ */
} oc_link_estimate;

/** What a worker says of itself, bounded. */
typedef struct oc_worker_load {
    double queue_ns;           /* what a request that comes now would wait */
    uint32_t n_waiting, n_running;
    double cpu_load;           /* share */
    double memory_available;   /* B */
    double temperature;        /* degC; NAN: not known */
    double peak_flops, peak_bytes_per_s; /* of its device; 0: not known */
    uint64_t at_ns;            /* when it arrived; 0: never */
    uint32_t flags;            /* OC_LINK_STALE */
} oc_worker_load;

/** How long a part takes at a worker, as that measured it. Texts that are longer are cut. */
typedef struct oc_worker_service {
    char model[64];            /* the worker's name of it */
    char takes[48], gives[48]; /* values, joined by commas: which part */
    uint64_t compute_ns;       /* median of its last runs */
    uint32_t n_runs;
} oc_worker_service;

typedef struct oc_worker_status {
    char address[128];
    bool is_up;
    char text[256];            /* who is there, or why it is down */
    oc_link_estimate link;
    oc_worker_load load;
    uint64_t bytes_sent, bytes_received, probe_bytes; /* probe_bytes are among bytes_sent */
    uint64_t lost;             /* how often contact was lost */
    double clock_offset_ns;    /* its clock minus ours; NAN: not known */
    double clock_error_ns;     /* half the shortest round trip it stands on */
    size_t n_services;
    oc_worker_service services[OC_SERVICES_MAX]; /* those it ran most often; nothing from n_services on */
} oc_worker_status;

typedef struct oc_snapshot {
    uint64_t at_ns;
    size_t n_readings;
    oc_reading readings[OC_READINGS_MAX];
    size_t n_workers;
    oc_worker_status workers[OC_WORKERS_MAX];
} oc_snapshot;

/** Watches this machine, and workers without using them: what `offcut top` shows. */
typedef struct oc_monitor oc_monitor;
typedef struct oc_monitor_options {
    const char *root;             /* prefix of /sys and /proc: "" or NULL for this machine, a folder for a laid-out one */
    uint32_t period_ms;           /* between samples; 0: 200 */
    const char *const *workers;   /* "HOST:PORT" */
    size_t n_workers;
    const oc_log_sink *log;       /* borrowed for the monitor's life; NULL */
} oc_monitor_options;
/** Begins to sample. Owns: the caller destroys `*monitor`. `options` NULL: this machine alone. Errors: OC_E_ARG (address, more than OC_WORKERS_MAX), OC_E_NOMEM. */
OC_API OC_MUST_USE oc_status oc_monitor_create(const oc_monitor_options *options, const oc_allocator *alloc, oc_monitor **monitor);
/** The latest of everything. Threads: safe. */
OC_API void oc_monitor_read(oc_monitor *monitor, oc_snapshot *snapshot);
OC_API void oc_monitor_destroy(oc_monitor *monitor);

#ifdef __cplusplus
}
#endif
#endif
