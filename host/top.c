/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut top`: what is measured of this machine and of workers, while it changes. */
#include "json.h"
#include "log.h"
#include "table.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define FIRST_MS 250   /* until loads are known, which are differences of two samples */
#define SETTLE_MS 2500 /* until it is known whether workers are there */
#define BAR 20         /* characters */
#define MODEL 20       /* likewise, of a worker's words */
#define VALUES 24

typedef struct top_options {
    host_texts workers;
    const char *root;
    uint32_t interval_ms;
    bool is_once, is_json;
} top_options;

static const host_option rows[] = {
    {.name = "worker",
     .value = "HOST:PORT",
     .type = HOST_TEXTS,
     .offset = offsetof(top_options, workers),
     .help = "a worker to watch; may be given several times"},
    {.name = "root",
     .value = "DIR",
     .type = HOST_TEXT,
     .offset = offsetof(top_options, root),
     .help = "read /sys and /proc below this folder instead"},
    {.name = "interval",
     .value = "MS",
     .type = HOST_UINT,
     .offset = offsetof(top_options, interval_ms),
     .min = 50,
     .max = 60000,
     .initial = "1000",
     .help = "time between two views"},
    {.name = "once", .offset = offsetof(top_options, is_once), .help = "show it once and end"},
    {.name = "json",
     .offset = offsetof(top_options, is_json),
     .help = "a JSON document at each interval; with --once one"},
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * MS + (uint64_t)now.tv_nsec;
}

static uint64_t age_of(uint64_t at_ns, uint64_t now)
{
    return now > at_ns ? now - at_ns : 0;
}

/* ---- a view: lines that are written at once, so that nothing flickers ------------------------ */

typedef enum hue { PLAIN, DIM, BOLD, GREEN, YELLOW, RED } hue;

typedef struct view {
    char *text;
    size_t size, capacity;
    bool has_hues; /* a terminal shows it */
    bool is_live;  /* and it stands over the view before */
    size_t lines, lines_max;
    size_t line_at; /* where in `text` the line begins that is being put */
} view;

static void put(view *v, const char *fmt, ...) OC_PRINTF(2, 3);
static void put(view *v, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t size = length < 0 ? 0 : strlen(text);
    if (v->size + size > v->capacity) {
        size_t capacity = 2 * (v->size + size);
        char *larger = host_alloc(capacity, 1);
        if (v->size > 0)
            memcpy(larger, v->text, v->size);
        free(v->text);
        v->text = larger;
        v->capacity = capacity;
    }
    if (size > 0)
        memcpy(v->text + v->size, text, size);
    v->size += size;
}

/* What follows is shown so. */
static void put_hue(view *v, hue h)
{
    static const char *const codes[] = {"0", "2", "1", "32", "33", "31"};
    if (v->has_hues)
        put(v, "\033[%sm", codes[h]);
}

/* Words of a worker: a terminal obeys what is not printable ASCII. */
static void put_foreign(view *v, const char *words)
{
    for (; *words; words++)
        put(v, "%c", *words >= ' ' && *words <= '~' ? *words : '?');
}

/* Words of a worker in a column: cut off where they are too long. */
static void put_column(view *v, const char *words, int width)
{
    char text[HOST_NUMBER_TEXT];
    snprintf(text, sizeof(text), "%.*s", width, words);
    put_foreign(v, text);
    put(v, "%*s", width - (int)strlen(text) + 2, "");
}

/* What lies below the terminal is dropped, and nothing ends its last line: else it would scroll. */
static void end_line(view *v)
{
    put_hue(v, PLAIN);
    if (!v->is_live)
        put(v, "\n");
    else if (v->lines >= v->lines_max)
        v->size = v->line_at;
    else
        put(v, "\033[K%s", v->lines + 1 < v->lines_max ? "\n" : "");
    v->line_at = v->size;
    v->lines++;
}

/* False: the terminal has no line left but the last, which says that there is more. */
static bool has_room(const view *v)
{
    return !v->is_live || v->lines + 2 <= v->lines_max;
}

/* ---- readings -------------------------------------------------------------------------------- */

static const char *value_text(const oc_reading *r, char text[HOST_NUMBER_TEXT])
{
    const char *unit = oc_quantity_unit((oc_quantity)r->quantity);
    if (strcmp(unit, "share") == 0)
        snprintf(text, HOST_NUMBER_TEXT, "%.1f %%", r->value * 100);
    else if (strcmp(unit, "B") == 0)
        host_bytes_text((uint64_t)r->value, text);
    else if (strcmp(unit, "Hz") == 0)
        snprintf(text, HOST_NUMBER_TEXT, "%.0f MHz", r->value / 1e6);
    else
        snprintf(text, HOST_NUMBER_TEXT, "%.*f %s", strcmp(unit, "degC") == 0 ? 1 : 3, r->value,
                 unit);
    return text;
}

/* A reading as a share of the one that says how much there is; NAN: it is no share. */
static double share_of(const oc_snapshot *s, const oc_reading *r)
{
    static const oc_quantity wholes[OC_QUANTITY_COUNT] = {
        [OC_QUANTITY_CPU_FREQUENCY] = OC_QUANTITY_CPU_FREQUENCY_MAX,
        [OC_QUANTITY_MEMORY_AVAILABLE] = OC_QUANTITY_MEMORY_TOTAL,
    };
    if (strcmp(oc_quantity_unit((oc_quantity)r->quantity), "share") == 0)
        return r->value;
    for (size_t i = 0; i < s->n_readings && wholes[r->quantity]; i++)
        if (s->readings[i].quantity == wholes[r->quantity] &&
            strcmp(s->readings[i].label, r->label) == 0)
            return fmin(r->value / s->readings[i].value, 1);
    return (double)NAN;
}

/* Much of a load is bad, little of a battery too; a frequency is neither. */
static hue hue_of(const oc_reading *r, double share)
{
    switch ((oc_quantity)r->quantity) {
    case OC_QUANTITY_CPU_FREQUENCY:
        return GREEN;
    case OC_QUANTITY_BATTERY:
    case OC_QUANTITY_MEMORY_AVAILABLE:
        share = 1 - share;
        break;
    default:
        break;
    }
    return share < 0.7 ? GREEN : share < 0.9 ? YELLOW : RED;
}

static void put_bar(view *v, const oc_reading *r, double share)
{
    int full = (int)(share * BAR + 0.5);
    put(v, "  [");
    put_hue(v, hue_of(r, share));
    put(v, "%.*s", full, "####################");
    put_hue(v, PLAIN);
    put(v, "%*s]", BAR - full, "");
}

static void put_reading(view *v, const oc_snapshot *s, const oc_reading *r, uint64_t now)
{
    char text[HOST_NUMBER_TEXT];
    double share = share_of(s, r);
    bool is_stale = r->flags & OC_READING_STALE, is_bounded = r->flags & OC_READING_BOUNDED;
    put_hue(v, is_bounded ? RED : is_stale ? DIM : PLAIN);
    put(v, "  %-22s %-29s %13s", oc_quantity_name((oc_quantity)r->quantity), r->label,
        value_text(r, text));
    if (!isnan(share))
        put_bar(v, r, share);
    else if (is_stale || is_bounded)
        put(v, "  %*s", BAR + 2, "");
    put_hue(v, is_bounded ? RED : YELLOW);
    if (is_stale)
        put(v, "  stale: %.1f s old", (double)age_of(r->at_ns, now) / 1e9);
    if (is_bounded)
        put(v, "  bounded: it cannot be so");
    end_line(v);
}

static void put_readings(view *v, const oc_snapshot *s, uint64_t now)
{
    size_t shown = 0;
    put_hue(v, BOLD);
    put(v, "  %-22s %-29s %13s  share", "reading", "source", "value");
    end_line(v);
    for (unsigned q = 0; q < OC_QUANTITY_COUNT; q++)
        for (size_t i = 0; i < s->n_readings; i++)
            if (s->readings[i].quantity == q && has_room(v)) {
                put_reading(v, s, &s->readings[i], now);
                shown++;
            }
    if (s->n_readings == 0)
        put(v, "  no sensor says anything");
    else if (shown < s->n_readings)
        put(v, "  and %zu more", s->n_readings - shown);
    if (shown < s->n_readings || s->n_readings == 0)
        end_line(v);
}

/* ---- workers --------------------------------------------------------------------------------- */

/* "12.3 ms"; "-" for what is not known. */
static const char *number_text(bool is_known, double value, const char *unit,
                               char text[HOST_NUMBER_TEXT])
{
    if (is_known && isfinite(value))
        snprintf(text, HOST_NUMBER_TEXT, "%.1f %s", value, unit);
    else
        snprintf(text, HOST_NUMBER_TEXT, "-");
    return text;
}

/* Megabits per second, as links are called. */
static const char *rate_text(double ns_per_byte, char text[HOST_NUMBER_TEXT])
{
    return number_text(ns_per_byte > 0, 8e3 / ns_per_byte, "Mb/s", text);
}

static void put_worker_load(view *v, const oc_worker_status *w, uint64_t now)
{
    char text[HOST_NUMBER_TEXT];
    const oc_worker_load *load = &w->load;
    bool is_known = load->at_ns != 0;
    bool has_memory = is_known && load->memory_available > 0;
    put_hue(v, load->flags & OC_LINK_STALE ? DIM : PLAIN);
    put(v, "%11s", number_text(is_known, load->queue_ns / 1e6, "ms", text));
    snprintf(text, sizeof(text), "%u+%u", load->n_running, load->n_waiting);
    put(v, "%7s", is_known ? text : "-");
    put(v, "%9s", number_text(is_known, load->cpu_load * 100, "%", text));
    put(v, "%12s", has_memory ? host_bytes_text((uint64_t)load->memory_available, text) : "-");
    put(v, "%11s", number_text(is_known, load->temperature, "degC", text));
    put(v, "%9s", number_text(is_known, (double)age_of(load->at_ns, now) / 1e9, "s", text));
}

static void put_worker_link(view *v, const oc_worker_status *w)
{
    char text[HOST_NUMBER_TEXT];
    const oc_link_estimate *link = &w->link;
    put_hue(v, link->flags ? DIM : PLAIN);
    put(v, "%11s", number_text(link->rtt_ns > 0, link->rtt_ns / 1e6, "ms", text));
    put(v, "%15s", rate_text(link->up_ns_per_byte, text));
    put(v, "%15s", rate_text(link->down_ns_per_byte, text));
    put_hue(v, w->lost > 0 ? YELLOW : PLAIN);
    put(v, "%7llu", (unsigned long long)w->lost);
}

static void put_worker(view *v, const oc_worker_status *w, int width, uint64_t now)
{
    put(v, "  %-*s ", width, w->address);
    put_hue(v, w->is_up ? GREEN : RED);
    put(v, "%-5s", w->is_up ? "up" : "down");
    put_worker_load(v, w, now);
    put_worker_link(v, w);
    put_hue(v, YELLOW);
    if (w->load.flags & OC_LINK_STALE)
        put(v, "  load %s", w->load.at_ns ? "stale" : "not known");
    if (w->link.flags & OC_LINK_ASSUMED)
        put(v, "  link assumed");
    else if (w->link.flags & OC_LINK_STALE)
        put(v, "  link stale");
    end_line(v);
    put_hue(v, DIM);
    put(v, "    ");
    put_foreign(v, w->text);
    end_line(v);
}

/* Of the addresses. */
static int worker_width(const oc_snapshot *s)
{
    int width = 6;
    for (size_t i = 0; i < s->n_workers; i++)
        width = (int)fmax(width, (double)strlen(s->workers[i].address));
    return width;
}

static void put_workers(view *v, const oc_snapshot *s, uint64_t now)
{
    int width = worker_width(s);
    if (s->n_workers == 0)
        return;
    put_hue(v, BOLD);
    put(v, "  %-*s %-5s%11s%7s%9s%12s%11s%9s%11s%15s%15s%7s", width, "worker", "state", "queue",
        "run+wt", "load", "memory", "temp", "age", "rtt", "up", "down", "lost");
    end_line(v);
    for (size_t i = 0; i < s->n_workers && has_room(v); i++)
        put_worker(v, &s->workers[i], width, now);
    end_line(v);
}

static void put_service(view *v, const oc_worker_status *w, const oc_worker_service *service,
                        int width)
{
    put_hue(v, w->is_up ? PLAIN : DIM);
    put(v, "  %-*s  ", width, w->address);
    put_column(v, service->model, MODEL);
    put_column(v, service->takes, VALUES);
    put_column(v, service->gives, VALUES);
    put(v, "%9.3f ms%9u", (double)service->compute_ns / 1e6, service->n_runs);
    end_line(v);
}

/* What the workers ran, as they measured it. */
static void put_services(view *v, const oc_snapshot *s)
{
    int width = worker_width(s);
    size_t count = 0;
    for (size_t i = 0; i < s->n_workers; i++)
        count += s->workers[i].n_services;
    if (count == 0)
        return;
    put_hue(v, BOLD);
    put(v, "  %-*s  %-*s  %-*s  %-*s  %12s%9s", width, "worker", MODEL, "model", VALUES, "takes",
        VALUES, "gives", "time", "runs");
    end_line(v);
    for (size_t i = 0; i < s->n_workers; i++)
        for (size_t k = 0; k < s->workers[i].n_services && has_room(v); k++)
            put_service(v, &s->workers[i], &s->workers[i].services[k], width);
    end_line(v);
}

/* Workers first: where lines run out, they are not what is left out. */
static void put_all(view *v, const oc_snapshot *s)
{
    uint64_t now = now_ns();
    put_workers(v, s, now);
    put_services(v, s);
    put_readings(v, s, now);
}

static int write_view(view *v)
{
    fwrite(v->text, 1, v->size, stdout);
    v->size = v->lines = v->line_at = 0;
    return fflush(stdout) || ferror(stdout) ? HOST_FAILED : HOST_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *json_reading(const oc_reading *r, uint64_t now)
{
    json_t *object = host_json_object();
    host_json_put(object, "quantity", host_json_text(oc_quantity_name((oc_quantity)r->quantity)));
    host_json_put(object, "source", host_json_text(r->label));
    host_json_put(object, "value", host_json_number(r->value));
    host_json_put(object, "unit", host_json_text(oc_quantity_unit((oc_quantity)r->quantity)));
    host_json_put(object, "age_ns", host_json_uint(age_of(r->at_ns, now)));
    host_json_put(object, "stale", host_json_bool(r->flags & OC_READING_STALE));
    host_json_put(object, "bounded", host_json_bool(r->flags & OC_READING_BOUNDED));
    return object;
}

static json_t *json_load(const oc_worker_load *load, uint64_t now)
{
    json_t *object = host_json_object();
    if (load->at_ns == 0) {
        json_decref(object);
        return json_null();
    }
    host_json_put(object, "queue_ns", host_json_number(load->queue_ns));
    host_json_put(object, "waiting", host_json_uint(load->n_waiting));
    host_json_put(object, "running", host_json_uint(load->n_running));
    host_json_put(object, "cpu_load", host_json_number(load->cpu_load));
    host_json_put(object, "memory_available_bytes", host_json_number(load->memory_available));
    host_json_put(object, "temperature", host_json_number(load->temperature));
    host_json_put(object, "age_ns", host_json_uint(age_of(load->at_ns, now)));
    host_json_put(object, "stale", host_json_bool(load->flags & OC_LINK_STALE));
    return object;
}

static json_t *json_link(const oc_link_estimate *link)
{
    json_t *object = host_json_object();
    host_json_put(object, "rtt_ns", host_json_number(link->rtt_ns));
    host_json_put(object, "up_latency_ns", host_json_number(link->up_latency_ns));
    host_json_put(object, "up_ns_per_byte", host_json_number(link->up_ns_per_byte));
    host_json_put(object, "down_latency_ns", host_json_number(link->down_latency_ns));
    host_json_put(object, "down_ns_per_byte", host_json_number(link->down_ns_per_byte));
    host_json_put(object, "error", host_json_number(link->error));
    host_json_put(object, "samples", host_json_uint(link->n_samples));
    host_json_put(object, "stale", host_json_bool(link->flags & OC_LINK_STALE));
    host_json_put(object, "assumed", host_json_bool(link->flags & OC_LINK_ASSUMED));
    return object;
}

static json_t *json_service(const oc_worker_service *service)
{
    json_t *object = host_json_object();
    host_json_put(object, "model", host_json_text(service->model));
    host_json_put(object, "takes", host_json_text(service->takes));
    host_json_put(object, "gives", host_json_text(service->gives));
    host_json_put(object, "compute_ns", host_json_uint(service->compute_ns));
    host_json_put(object, "runs", host_json_uint(service->n_runs));
    return object;
}

static json_t *json_worker(const oc_worker_status *w, uint64_t now)
{
    json_t *object = host_json_object(), *services = host_json_list();
    for (size_t i = 0; i < w->n_services; i++)
        host_json_add(services, json_service(&w->services[i]));
    host_json_put(object, "address", host_json_text(w->address));
    host_json_put(object, "up", host_json_bool(w->is_up));
    host_json_put(object, "text", host_json_text(w->text));
    host_json_put(object, "load", json_load(&w->load, now));
    host_json_put(object, "link", json_link(&w->link));
    host_json_put(object, "bytes_sent", host_json_uint(w->bytes_sent));
    host_json_put(object, "bytes_received", host_json_uint(w->bytes_received));
    host_json_put(object, "probe_bytes", host_json_uint(w->probe_bytes));
    host_json_put(object, "lost", host_json_uint(w->lost));
    host_json_put(object, "clock_offset_ns", host_json_number(w->clock_offset_ns));
    host_json_put(object, "clock_error_ns", host_json_number(w->clock_error_ns));
    host_json_put(object, "services", services);
    return object;
}

static int print_json(const oc_snapshot *s)
{
    uint64_t now = now_ns();
    json_t *document = host_json_object(), *readings = host_json_list(),
           *workers = host_json_list();
    for (size_t i = 0; i < s->n_readings; i++)
        host_json_add(readings, json_reading(&s->readings[i], now));
    for (size_t i = 0; i < s->n_workers; i++)
        host_json_add(workers, json_worker(&s->workers[i], now));
    host_json_put(document, "at_ns", host_json_uint(s->at_ns));
    host_json_put(document, "readings", readings);
    host_json_put(document, "workers", workers);
    host_json_print(document);
    return fflush(stdout) ? HOST_FAILED : HOST_OK;
}

/* ---- the terminal ---------------------------------------------------------------------------- */

/*
 * Signals come only while the program waits (pselect), so that a view is never cut in two, and are
 * noted here: a handler takes no argument, so it needs a static.
 */
static volatile sig_atomic_t is_ending, is_stopping;

static void on_signal(int number)
{
    if (number == SIGTSTP)
        is_stopping = 1;
    else if (number != SIGWINCH)
        is_ending = 1;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

typedef struct terminal {
    bool has_keys; /* stdin is one too, and its settings are `before` */
    struct termios before;
    sigset_t unblocked; /* while it waits */
} terminal;

/* Before any thread is made: threads inherit what is blocked. */
static void catch_signals(terminal *t)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t ours;
    sigemptyset(&ours);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < HOST_COUNT(signals); i++) {
        sigaddset(&ours, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &ours, &t->unblocked);
    for (size_t i = 0; i < HOST_COUNT(signals); i++)
        sigdelset(&t->unblocked, signals[i]);
}

/*
 * A screen of its own without cursor, where long lines are cut off; keys come at once and are not
 * shown.
 */
static void enter(terminal *t)
{
    t->has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &t->before) == 0;
    if (t->has_keys) {
        struct termios raw = t->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs("\033[?1049h\033[?25l\033[?7l\033[2J", stdout);
    fflush(stdout);
}

static void leave(const terminal *t)
{
    fputs("\033[?7h\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (t->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
}

/* "q" and the end of input end it; other keys show a new view at once. */
static void read_keys(void)
{
    char keys[64];
    ssize_t got = read(STDIN_FILENO, keys, sizeof(keys));
    if (got <= 0)
        is_ending = 1;
    for (ssize_t i = 0; i < got; i++)
        if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == 4)
            is_ending = 1;
}

/* Until the time, a key or a signal. */
static void wait_for(terminal *t, uint64_t ns)
{
    fd_set keys;
    const struct timespec most = {.tv_sec = (time_t)(ns / (1000 * MS)),
                                  .tv_nsec = (long)(ns % (1000 * MS))};
    FD_ZERO(&keys);
    if (t->has_keys)
        FD_SET(STDIN_FILENO, &keys);
    if (pselect(STDIN_FILENO + 1, &keys, NULL, NULL, &most, &t->unblocked) > 0)
        read_keys();
    if (is_stopping) { /* Ctrl-Z: the shell gets its own screen back meanwhile */
        is_stopping = 0;
        leave(t);
        raise(SIGSTOP);
        enter(t);
    }
}

static size_t count_lines(void)
{
    struct winsize size;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    return is_known ? size.ws_row : 24;
}

static int show_live(oc_monitor *monitor, const top_options *options, terminal *t)
{
    view v = {.has_hues = true, .is_live = true};
    oc_snapshot *s = host_alloc(1, sizeof(*s));
    int status = HOST_OK;
    enter(t);
    wait_for(t, FIRST_MS * MS);
    while (!is_ending && status == HOST_OK) {
        v.lines_max = count_lines();
        oc_monitor_read(monitor, s);
        put(&v, "\033[H");
        put_hue(&v, BOLD);
        put(&v, "offcut top: every %u ms; q ends it", options->interval_ms);
        end_line(&v);
        put_all(&v, s);
        put(&v, "\033[J");
        status = write_view(&v);
        if (status == HOST_OK)
            wait_for(t, options->interval_ms * MS);
    }
    leave(t);
    free(v.text);
    free(s);
    return status;
}

/* ---- once, and one after the other ----------------------------------------------------------- */

static void nap(uint64_t ns)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(ns / (1000 * MS)),
                                 .tv_nsec = (long)(ns % (1000 * MS))},
              NULL);
}

/* Every worker has said how it is, and something of the link to it was measured. */
static bool is_settled(const oc_snapshot *s)
{
    for (size_t i = 0; i < s->n_workers; i++) {
        const oc_worker_status *w = &s->workers[i];
        if (!w->is_up || w->load.at_ns == 0 || w->link.flags & OC_LINK_ASSUMED ||
            !(w->link.up_ns_per_byte > 0))
            return false;
    }
    return true;
}

/* Read once there is something to read. */
static void settle(oc_monitor *monitor, oc_snapshot *s)
{
    uint64_t begin = now_ns();
    nap(FIRST_MS * MS);
    oc_monitor_read(monitor, s);
    while (!is_settled(s) && now_ns() - begin < SETTLE_MS * MS) {
        nap(50 * MS);
        oc_monitor_read(monitor, s);
    }
}

static int show_plainly(oc_monitor *monitor, const top_options *options, bool has_hues)
{
    view v = {.has_hues = has_hues};
    oc_snapshot *s = host_alloc(1, sizeof(*s));
    settle(monitor, s);
    int status;
    if (options->is_json) {
        status = print_json(s);
        while (status == HOST_OK && !options->is_once) {
            nap(options->interval_ms * MS);
            oc_monitor_read(monitor, s);
            status = print_json(s);
        }
    } else {
        put_all(&v, s);
        status = write_view(&v);
    }
    free(v.text);
    free(s);
    return status;
}

/* A terminal that understands what is sent to it. */
static bool is_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDOUT_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

static int run(const host_call *call)
{
    const top_options *options = call->options;
    oc_log_sink log = host_log_sink(call, OC_LOG_ERROR);
    oc_monitor *monitor = NULL;
    terminal t = {.has_keys = false};
    struct stat info;
    bool is_live = is_terminal() && !options->is_once && !options->is_json;
    if (options->root && (stat(options->root, &info) != 0 || !S_ISDIR(info.st_mode)))
        return host_fail(call, "--root: expected a folder, found none at '%s'", options->root);
    if (is_live)
        catch_signals(&t);
    const oc_monitor_options watched = {
        .root = options->root,
        .period_ms = options->interval_ms < 1000 ? options->interval_ms : 1000,
        .workers = options->workers.items,
        .n_workers = options->workers.count,
        .log = is_live ? NULL : &log, /* lines would stand across the view */
    };
    if (oc_monitor_create(&watched, NULL, &monitor) != OC_OK)
        return host_fail_library(call);
    int status =
        is_live ? show_live(monitor, options, &t) : show_plainly(monitor, options, is_terminal());
    oc_monitor_destroy(monitor);
    return status;
}

const host_command host_command_top = {
    .name = "top",
    .help = "show what is measured of this machine and of workers, while it changes",
    .notes = "On a terminal the view stays until q or Ctrl-C; anywhere else it is shown once. What "
             "says stale\n"
             "comes from a source that went silent, what says bounded is impossible, and what says "
             "assumed has\n"
             "not been measured yet. Watching a worker gives it nothing to run.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(top_options),
    .run = run,
};
