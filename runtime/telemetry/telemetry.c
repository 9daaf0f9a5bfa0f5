/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readings of all sensors, sampled by a thread, copied by whoever decides.
 *
 * Two lists: one that readers copy, one that the next sample is built in; a sample ends by changing
 * them over. So a reader waits for a copy of another reader at most, and never for a file.
 *
 * Ages are counted, not taken from the difference of two times: where the caller's clock goes back,
 * a reading is as old as it was.
 */
#include "sensor.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

#define MS UINT64_C(1000000)
#define PERIOD_MS 200 /* where only the caller samples: what staleness is measured by */
#define STALE_PERIODS 3
#define KEPT_NS (60000 * MS) /* a reading whose source is gone is dropped when it is so old */
#define FIRST_PERIOD_MS 100  /* loads are known from the second sample on: it comes soon */

static const oc_sensor_type *const types[] = {
#define OC_SENSOR(name_) &oc_sensor_type_##name_,
#include "sensors.def"
#undef OC_SENSOR
};

typedef struct reading_list {
    size_t count;
    oc_reading readings[OC_READINGS_MAX];
    uint64_t age_ns[OC_READINGS_MAX]; /* when the list was made */
    uint64_t at_ns;                   /* the caller's time of the sample */
    uint64_t made_ns;                 /* oc_now_ns then */
    oc_machine_state state;
    uint64_t state_age_ns; /* of its latest reading; OC_NEVER_NS: there is none */
} reading_list;

struct oc_telemetry {
    const oc_allocator *alloc;
    char *root;
    uint64_t period_ns;
    oc_sensor *sensors[OC_COUNT(types)];
    oc_cond sampling; /* held while a sample is made: of sensors and the list that is not current */
    oc_cond lock;     /* of everything below */
    reading_list lists[2];
    size_t current;
    bool is_stopping;
    bool has_thread;
    pthread_t thread;
};

/* ---- quantities ---------------------------------------------------------------------------- */

static const struct {
    const char *name, *unit;
    double low, high;
} quantities[] = {
#define X(id_, name_, unit_, low_, high_) {name_, unit_, low_, high_},
    OC_QUANTITY_LIST(X)
#undef X
};

const char *oc_quantity_name(oc_quantity quantity)
{
    return (size_t)quantity < OC_COUNT(quantities) ? quantities[quantity].name : "unknown quantity";
}

const char *oc_quantity_unit(oc_quantity quantity)
{
    return (size_t)quantity < OC_COUNT(quantities) ? quantities[quantity].unit : "";
}

/* False: it is no number at all. */
static bool bound(oc_reading *reading)
{
    const double low = quantities[reading->quantity].low, high = quantities[reading->quantity].high;
    if (isnan(reading->value))
        return false;
    if (reading->value < low || reading->value > high) {
        reading->value = reading->value < low ? low : high;
        reading->flags |= OC_READING_BOUNDED;
    }
    return true;
}

/* ---- a sample ------------------------------------------------------------------------------ */

static void read_sensors(oc_telemetry *t, reading_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < OC_COUNT(types); i++)
        count += types[i]->read(t->sensors[i], list->at_ns, list->readings + count,
                                OC_READINGS_MAX - count);
    list->count = 0;
    for (size_t i = 0; i < count; i++)
        if (bound(&list->readings[i])) {
            list->age_ns[list->count] = 0;
            list->readings[list->count++] = list->readings[i];
        }
}

static bool is_same_source(const oc_reading *a, const oc_reading *b)
{
    return a->quantity == b->quantity && strcmp(a->label, b->label) == 0;
}

/*
 * Which of the old readings have a new one. Several sources may have one name: each new one
 * replaces one.
 */
static void match(const reading_list *old, const reading_list *fresh,
                  bool is_replaced[OC_READINGS_MAX])
{
    memset(is_replaced, 0, OC_READINGS_MAX * sizeof(*is_replaced));
    for (size_t i = 0; i < fresh->count; i++)
        for (size_t j = 0; j < old->count; j++)
            if (!is_replaced[j] && is_same_source(&fresh->readings[i], &old->readings[j])) {
                is_replaced[j] = true;
                break;
            }
}

static uint64_t add_ages(uint64_t a, uint64_t b)
{
    return a > OC_NEVER_NS - b ? OC_NEVER_NS : a + b;
}

/*
 * Old readings whose source told nothing now go behind the new ones, while they are young and
 * there is room.
 */
static void keep_old(const reading_list *old, reading_list *list)
{
    bool is_replaced[OC_READINGS_MAX];
    const uint64_t passed = list->at_ns > old->at_ns ? list->at_ns - old->at_ns : 0;
    match(old, list, is_replaced);
    for (size_t i = 0; i < old->count && list->count < OC_READINGS_MAX; i++) {
        const uint64_t age = add_ages(old->age_ns[i], passed);
        if (is_replaced[i] || age >= KEPT_NS)
            continue;
        list->age_ns[list->count] = age;
        list->readings[list->count] = old->readings[i];
        /* A time that is yet to come would be nonsense, after a clock that went back. */
        list->readings[list->count++].at_ns = list->at_ns > age ? list->at_ns - age : 0;
    }
}

static uint64_t stale_ns(const oc_telemetry *t)
{
    return STALE_PERIODS * t->period_ns;
}

/* `later`: how long ago the list was made. */
static void mark_stale(const oc_telemetry *t, oc_reading *readings, const uint64_t *age_ns,
                       size_t count, uint64_t later)
{
    for (size_t i = 0; i < count; i++) {
        readings[i].flags &= (uint8_t)~OC_READING_STALE;
        if (add_ages(age_ns[i], later) > stale_ns(t))
            readings[i].flags |= OC_READING_STALE;
    }
}

static void make_state(const oc_telemetry *t, reading_list *list)
{
    mark_stale(t, list->readings, list->age_ns, list->count, 0);
    oc_telemetry_summarise(list->readings, list->count, &list->state);
    list->state.at_ns = 0;
    list->state_age_ns = OC_NEVER_NS;
    for (size_t i = 0; i < list->count; i++)
        if (list->age_ns[i] < list->state_age_ns) {
            list->state_age_ns = list->age_ns[i];
            list->state.at_ns = list->readings[i].at_ns;
        }
}

void oc_telemetry_sample(oc_telemetry *t, uint64_t now_ns)
{
    oc_cond_lock(&t->sampling);
    /* Only samples change `current`, so it stands still here. */
    const reading_list *old = &t->lists[t->current];
    reading_list *list = &t->lists[1 - t->current];
    list->at_ns = now_ns;
    read_sensors(t, list);
    keep_old(old, list);
    make_state(t, list);
    list->made_ns = oc_now_ns();
    oc_cond_lock(&t->lock);
    t->current = 1 - t->current;
    oc_cond_unlock(&t->lock);
    oc_cond_unlock(&t->sampling);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* How long ago the list was made, where a thread should have made another since. */
static uint64_t since(const oc_telemetry *t, const reading_list *list)
{
    const uint64_t now = oc_now_ns();
    return t->has_thread && now > list->made_ns ? now - list->made_ns : 0;
}

void oc_telemetry_read(oc_telemetry *t, oc_snapshot *snapshot)
{
    uint64_t age_ns[OC_READINGS_MAX];
    oc_cond_lock(&t->lock);
    const reading_list *list = &t->lists[t->current];
    snapshot->at_ns = list->at_ns;
    snapshot->n_readings = list->count;
    memcpy(snapshot->readings, list->readings, list->count * sizeof(*list->readings));
    memcpy(age_ns, list->age_ns, list->count * sizeof(*age_ns));
    const uint64_t later = since(t, list);
    oc_cond_unlock(&t->lock);
    mark_stale(t, snapshot->readings, age_ns, snapshot->n_readings, later);
}

void oc_telemetry_state(oc_telemetry *t, oc_machine_state *state)
{
    oc_cond_lock(&t->lock);
    const reading_list *list = &t->lists[t->current];
    *state = list->state;
    state->is_stale = add_ages(list->state_age_ns, since(t, list)) > stale_ns(t);
    oc_cond_unlock(&t->lock);
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* False: the telemetry is being closed. */
static bool sleep_until(oc_telemetry *t, uint64_t due_ns)
{
    oc_cond_lock(&t->lock);
    while (!t->is_stopping && oc_cond_wait(&t->lock, due_ns))
        continue;
    const bool goes_on = !t->is_stopping;
    oc_cond_unlock(&t->lock);
    return goes_on;
}

static void *run(void *ctx)
{
    oc_telemetry *t = ctx;
    oc_telemetry_sample(t, oc_now_ns());
    uint64_t due = oc_now_ns() + OC_MIN(t->period_ns, FIRST_PERIOD_MS * MS);
    while (sleep_until(t, due)) {
        const uint64_t now = oc_now_ns();
        oc_telemetry_sample(t, now);
        /* Samples that were missed (the machine slept, a sensor was slow) are not made up for. */
        due = OC_MAX(due, now) + t->period_ns;
    }
    return NULL;
}

/* Signals are the program's: none is delivered to this thread. */
static oc_status start(oc_telemetry *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    t->has_thread = true; /* the thread reads it */
    const int error = pthread_create(&t->thread, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return OC_OK;
    t->has_thread = false;
    return oc_fail(OC_E_NOMEM, "telemetry: a thread cannot be had: %s", strerror(error));
}

/* ---- opening and closing ------------------------------------------------------------------- */

static oc_status open_sensors(oc_telemetry *t, const char *root)
{
    const size_t length = strlen(root);
    OC_TRY(OC_ALLOC(t->alloc, length + 1, t->root));
    memcpy(t->root, root, length + 1);
    /* "/tmp/board/" names the same folder as "/tmp/board". */
    for (size_t i = length; i > 0 && t->root[i - 1] == '/'; i--)
        t->root[i - 1] = '\0';
    const oc_sensor_env env = {.root = t->root, .alloc = t->alloc};
    for (size_t i = 0; i < OC_COUNT(types); i++)
        OC_TRY(types[i]->open(&env, &t->sensors[i]));
    return OC_OK;
}

/* What the two conditions do not hold. */
static void release(oc_telemetry *t)
{
    for (size_t i = 0; i < OC_COUNT(types); i++)
        if (t->sensors[i] != NULL)
            types[i]->close(t->sensors[i]);
    oc_free(t->alloc, t->root);
    oc_free(t->alloc, t);
}

static oc_status init_conds(oc_telemetry *t)
{
    OC_TRY(oc_cond_init(&t->sampling));
    const oc_status status = oc_cond_init(&t->lock);
    if (status != OC_OK)
        oc_cond_fini(&t->sampling);
    return status;
}

oc_status oc_telemetry_open(const char *root, uint32_t period_ms, const oc_allocator *alloc,
                            oc_telemetry **telemetry)
{
    oc_telemetry *t;
    alloc = oc_allocator_or_default(alloc);
    OC_TRY(OC_ALLOC(alloc, 1, t));
    t->alloc = alloc;
    t->period_ns = (period_ms > 0 ? period_ms : PERIOD_MS) * MS;
    make_state(t, &t->lists[0]);
    t->lists[0].made_ns = oc_now_ns();
    oc_status status = open_sensors(t, root);
    if (status == OC_OK)
        status = init_conds(t);
    if (status != OC_OK) {
        release(t);
        return status;
    }
    if (period_ms > 0)
        status = start(t);
    if (status != OC_OK)
        oc_telemetry_close(t);
    else
        *telemetry = t;
    return status;
}

void oc_telemetry_close(oc_telemetry *t)
{
    if (t == NULL)
        return;
    if (t->has_thread) {
        oc_cond_lock(&t->lock);
        t->is_stopping = true;
        oc_cond_wake(&t->lock);
        oc_cond_unlock(&t->lock);
        pthread_join(t->thread, NULL);
    }
    oc_cond_fini(&t->lock);
    oc_cond_fini(&t->sampling);
    release(t);
}
