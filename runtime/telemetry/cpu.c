/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processors that this process may use: how busy they are, by everybody and by others, and
 * how fast they run. Loads are shares of the time since the sample before, in the kernel's own
 * ticks, so that no clock is needed.
 */
#include "sensor.h"

#include <stdio.h>

#define CPUS 1024
#define SPEEDS_MAX \
    8 /* processors whose frequency is read: more say the same, and each costs two files */
#define TICKS_MIN 4 /* a load over fewer ticks says nothing */

typedef struct cpu_ticks {
    uint64_t busy, total; /* total 0: not known */
} cpu_ticks;

struct oc_sensor {
    oc_sensor_env env;
    cpu_ticks before[CPUS]; /* at the beginning of the interval that is being measured */
    uint64_t own_before;
    bool has_own_before;
    double load, others; /* of the last whole interval; negative: none yet */
    cpu_ticks now[CPUS];
    bool is_ours[CPUS];   /* in the affinity mask and there */
    char text[64 * CPUS]; /* the head of /proc/stat: 64 bytes a line suffice for years of ticks */
    char status[4096];    /* of /proc/self/status, which is about 1.5 KiB */
};

/* ---- which processors ---------------------------------------------------------------------- */

/* "0-3,8": the processors of the list; all where there is none. */
static void read_mask(oc_sensor *s)
{
    static const char key[] = "Cpus_allowed_list:";
    uint64_t first, last;
    const char *at = NULL;
    if (oc_sensor_head(&s->env, s->status, sizeof(s->status), "/proc/self/status") > 0)
        at = strstr(s->status, key);
    for (size_t i = 0; i < CPUS; i++)
        s->is_ours[i] = at == NULL;
    for (at = at != NULL ? at + strlen(key) : ""; oc_sensor_take(&at, &first); at += *at == ',') {
        last = first;
        if (*at == '-' && (at++, !oc_sensor_take(&at, &last)))
            return;
        for (uint64_t i = first; i <= last && i < CPUS; i++)
            s->is_ours[i] = true;
    }
}

/* ---- load ---------------------------------------------------------------------------------- */

/* Behind "cpuN": user nice system idle iowait irq softirq steal; guests are in user. */
static bool parse_ticks(const char *at, cpu_ticks *ticks)
{
    uint64_t t[8] = {0};
    size_t n = 0;
    while (n < OC_COUNT(t) && oc_sensor_take(&at, &t[n]))
        n++;
    ticks->busy = t[0] + t[1] + t[2] + t[5] + t[6] + t[7];
    ticks->total = ticks->busy + t[3] + t[4];
    return n >= 4;
}

static void read_ticks(oc_sensor *s)
{
    memset(s->now, 0, sizeof(s->now));
    if (oc_sensor_head(&s->env, s->text, sizeof(s->text), "/proc/stat") == 0)
        return;
    /* A line without its end may be cut off. */
    const char *line = s->text;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const char *at = line + 3;
        uint64_t cpu;
        cpu_ticks ticks;
        if (strncmp(line, "cpu", 3) == 0 && *at != ' ' && oc_sensor_take(&at, &cpu) && cpu < CPUS &&
            parse_ticks(at, &ticks))
            s->now[cpu] = ticks;
    }
}

/* Ticks that this process has used. Its name, in brackets, may hold anything, also brackets. */
static bool read_own(oc_sensor *s, uint64_t *ticks)
{
    char text[1024];
    uint64_t user, kernel;
    const char *at = NULL;
    if (oc_sensor_head(&s->env, text, sizeof(text), "/proc/self/stat") > 0)
        at = strrchr(text, ')');
    /* From the bracket (field 2) to fields 14 and 15. */
    for (int field = 2; at != NULL && field < 14; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL || !oc_sensor_take(&at, &user) || !oc_sensor_take(&at, &kernel))
        return false;
    *ticks = user + kernel;
    return true;
}

/*
 * What passed on our processors since `before`. One that was not there then, or whose ticks went
 * back, is left out.
 */
static cpu_ticks passed(const oc_sensor *s)
{
    cpu_ticks sum = {0};
    for (size_t i = 0; i < CPUS; i++) {
        const cpu_ticks *a = &s->before[i], *b = &s->now[i];
        if (!s->is_ours[i] || a->total == 0 || b->total <= a->total)
            continue;
        const uint64_t total = b->total - a->total;
        sum.total += total;
        sum.busy += b->busy > a->busy ? OC_MIN(b->busy - a->busy, total) : 0;
    }
    return sum;
}

static void begin_interval(oc_sensor *s, bool has_own, uint64_t own)
{
    memcpy(s->before, s->now, sizeof(s->before));
    s->has_own_before = has_own;
    s->own_before = own;
}

static void measure_load(oc_sensor *s)
{
    uint64_t own = 0;
    read_ticks(s);
    const bool has_own = read_own(s, &own);
    const cpu_ticks sum = passed(s);
    if (sum.total >= TICKS_MIN) {
        s->load = (double)sum.busy / (double)sum.total;
        s->others = -1;
        if (has_own && s->has_own_before && own >= s->own_before) {
            /* The two files count at different moments, hence the bounds. */
            const uint64_t ours = OC_MIN(own - s->own_before, sum.busy);
            s->others = (double)(sum.busy - ours) / (double)sum.total;
        }
        begin_interval(s, has_own, own);
    } else if (sum.total == 0) {
        /*
         * The first sample; ticks that stand still, or nothing that can be read: there is no load
         * to tell.
         */
        s->load = s->others = -1;
        begin_interval(s, has_own, own);
    }
}

/* ---- frequency ----------------------------------------------------------------------------- */

static void read_speed(const oc_sensor *s, size_t cpu, oc_sensor_out *out)
{
    static const char folder[] = "/sys/devices/system/cpu/cpu";
    double khz;
    if (oc_sensor_number(&s->env, &khz, "%s%zu/cpufreq/scaling_cur_freq", folder, cpu))
        oc_sensor_put(out, OC_QUANTITY_CPU_FREQUENCY, khz * 1e3, "cpu%zu", cpu);
    if (oc_sensor_number(&s->env, &khz, "%s%zu/cpufreq/cpuinfo_max_freq", folder, cpu))
        oc_sensor_put(out, OC_QUANTITY_CPU_FREQUENCY_MAX, khz * 1e3, "cpu%zu", cpu);
}

/* Of all that are ours, SPEEDS_MAX at even distances, the first among them. */
static void read_speeds(const oc_sensor *s, oc_sensor_out *out)
{
    size_t count = 0, seen = 0, next = 0;
    for (size_t i = 0; i < CPUS; i++)
        count += s->is_ours[i] && s->now[i].total > 0;
    const size_t wanted = OC_MIN(count, (size_t)SPEEDS_MAX);
    for (size_t i = 0; i < CPUS && next < wanted; i++) {
        if (!s->is_ours[i] || s->now[i].total == 0)
            continue;
        if (seen++ == next * count / wanted) {
            read_speed(s, i, out);
            next++;
        }
    }
}

/* ---- the row ------------------------------------------------------------------------------- */

static oc_status cpu_open(const oc_sensor_env *env, oc_sensor **sensor)
{
    OC_TRY(oc_sensor_create(env, sizeof(**sensor), sensor));
    (*sensor)->load = (*sensor)->others = -1;
    return OC_OK;
}

static size_t cpu_read(oc_sensor *s, uint64_t now_ns, oc_reading *readings, size_t capacity)
{
    oc_sensor_out out = {.readings = readings, .capacity = capacity, .now_ns = now_ns};
    read_mask(s);
    measure_load(s);
    if (s->load >= 0)
        oc_sensor_put(&out, OC_QUANTITY_CPU_LOAD, s->load, "cpu");
    if (s->others >= 0)
        oc_sensor_put(&out, OC_QUANTITY_CPU_OTHERS, s->others, "cpu");
    read_speeds(s, &out);
    return out.count;
}

const oc_sensor_type oc_sensor_type_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .read = cpu_read,
    .close = oc_sensor_destroy,
};
