/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_campaign [OPTIONS] FAULTY_WORKER LINK_PROXY MODEL...: sessions that live through everything
 * that can happen to a worker and its link, at random moments.
 *
 *     --runs N          how many (100)
 *     --seed S          of all that is random but the clock (the time of day)
 *     --tolerance MS    how much later than its deadline a run may end, for the scheduler (100, with sanitizers 500)
 *     --device NAME     of the edge and of the worker (reference)
 *     --no-tail         the edge may not, or cannot, run the tail: named errors count too
 *     --verbose         a line for each run
 *
 * The network runs all-local first: these answers are what every later one is compared with, bit by
 * bit, on several inputs in turn so that the answer to another run would be seen. An episode is one
 * fault for one to three runs, then the world is healed, and there are one to three runs without.
 * Nothing may leak: memory and descriptors of this program and of each worker are compared between
 * an early and a late moment, and at the end no child is left.
 */
#define _GNU_SOURCE
#include "oc_base.h"

#include <offcut/offcut.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INPUTS 4
#define MODELS_MAX 8
#define HUNG_S 60      /* no run has a deadline anywhere near */
#define WORKER_LIFE 20 /* runs after which a worker has all the memory it needs */
#if defined(__SANITIZE_ADDRESS__)
#define LEAK_KB (512 << 10) /* what was freed is kept for a while */
#define TOLERANCE_MS 500
#else
#define LEAK_KB (24 << 10)
#define TOLERANCE_MS 100
#endif
#define SETTLE_S 15    /* until connections that were cut or frozen are given up */
#define LEAK_FILES 12 /* connections that are being made or given up */

extern char **environ;

/* ---- what can happen ------------------------------------------------------------------------- */

typedef struct fault {
    const char *name;
    const char *lie;               /* the worker's, see faulty_worker.c */
    const char *link, *link_after; /* the link's, see link_proxy.c */
    int signal, signal_after;
    bool is_restarted_at_once, is_restarted_after;
    bool is_plausible; /* only an audit finds it */
} fault;

static const fault faults[] = {
    {.name = "worker killed", .signal = SIGKILL, .is_restarted_after = true},
    {.name = "worker stopped", .signal = SIGSTOP, .signal_after = SIGCONT},
    {.name = "worker restarted", .signal = SIGKILL, .is_restarted_at_once = true},
    {.name = "worker slowed", .lie = "slow 1000"},
    {.name = "worker a little slowed", .lie = "slow 20"},
    {.name = "wrong shape", .lie = "shape"},
    {.name = "wrong type", .lie = "dtype"},
    {.name = "wrong checksum", .lie = "checksum"},
    {.name = "half a value", .lie = "short"},
    {.name = "a value missing", .lie = "missing"},
    {.name = "half an answer", .lie = "half"},
    {.name = "no answer", .lie = "silent"},
    {.name = "an error", .lie = "refuse"},
    {.name = "wrong times", .lie = "times"},
    {.name = "wrong status", .lie = "status"},
    {.name = "wrong digest", .lie = "digest", .link = "cut", .link_after = "cut"},
    {.name = "wrong version", .lie = "version", .link = "cut", .link_after = "cut"},
    {.name = "plausible numbers", .lie = "plausible", .is_plausible = true},
    {.name = "link cut", .link = "cut"},
    {.name = "link frozen", .link = "freeze", .link_after = "thaw"},
    {.name = "link closed", .link = "refuse", .link_after = "serve"},
    {.name = "link throttled", .link = "rate 20K", .link_after = "rate 0"},
    {.name = "link slow", .link = "delay 400", .link_after = "delay 0"},
    {.name = "a bit flipped", .link = "corrupt 2", .link_after = "corrupt 0"},
};

/* ---- how a session may be made --------------------------------------------------------------- */

typedef enum kind {
    KIND_PLAN,
    KIND_FIXED,
    KIND_REMOTE,
    KIND_HEDGED,
    KIND_LATENCY,
    KIND_COUNT
} kind;

typedef struct net {
    oc_model *model;
    const oc_model_info *info;
    oc_prepared *prepared, *prefix; /* prefix: of the edge that cannot run the tail */
    oc_tensor *inputs[INPUTS], *expected[INPUTS], *outputs;
    oc_plan *plan;
    oc_session *sessions[KIND_COUNT];
} net;

typedef struct child {
    pid_t pid;
    int in;    /* its standard input */
    FILE *out; /* its standard output */
} child;

typedef struct campaign {
    uint64_t seed, random;
    uint32_t runs, tolerance_ms, deadline_ms;
    const char *device;
    bool is_tailless, is_verbose;
    char **models;
    net nets[MODELS_MAX];
    size_t n_nets;
    char folder[64], control[96], address[64];
    const char *worker_program, *proxy_program;
    child worker, proxy;
    int worker_port;
    /* For the thread that lets faults happen while a run is under way. */
    pthread_t thread;
    sem_t go, done;
    const fault *next;
    uint64_t wait_ns;
    bool is_ending;
    /* What became of it. */
    uint32_t n_right, n_worker, n_fell_back, n_hedged, n_local, n_errors, n_audited, n_lies_found;
    uint64_t longest_ns;
    uint32_t life; /* runs of this worker */
    long worker_kb, worker_files;
    uint32_t hits[OC_COUNT(faults)];
} campaign;

static campaign c;

static void stop_with(const char *fmt, ...) OC_PRINTF(1, 2);
static void stop_with(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "fault_campaign: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, " (--seed %llu)\n", (unsigned long long)c.seed);
    va_end(args);
    if (c.worker.pid > 0)
        kill(c.worker.pid, SIGKILL);
    if (c.proxy.pid > 0)
        kill(c.proxy.pid, SIGKILL);
    _exit(1);
}

static void check(oc_status status, const char *what)
{
    if (status != OC_OK)
        stop_with("%s: %s", what, oc_error_text());
}

/* splitmix64 */
static uint64_t random_u64(void)
{
    uint64_t z = c.random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(random_u64() % n);
}

static void pause_ns(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        continue;
}

/* ---- children -------------------------------------------------------------------------------- */

static void start_child(const char *const *argv, child *out)
{
    int to[2], from[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        stop_with("pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    int error = posix_spawn(&out->pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    if (error != 0)
        stop_with("%s: %s", argv[0], strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    out->in = to[1];
    out->out = fdopen(from[0], "r");
}

static int read_port(child *of)
{
    char line[256];
    if (!fgets(line, sizeof(line), of->out) || !strrchr(line, ' '))
        stop_with("a child ended before it served");
    const char *colon = strrchr(line, ':');
    return atoi(colon ? colon + 1 : strrchr(line, ' ') + 1);
}

static void reap(child *of)
{
    close(of->in);
    fclose(of->out);
    waitpid(of->pid, NULL, 0);
    of->pid = 0;
}

static void start_worker(void)
{
    char listen[32];
    const char *argv[8 + MODELS_MAX] = {c.worker_program, "--listen", listen,
                                        "--device",       c.device,   c.control};
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", c.worker_port);
    for (size_t i = 0; i < c.n_nets; i++)
        argv[6 + i] = c.models[i];
    start_child(argv, &c.worker);
    c.worker_port = read_port(&c.worker);
    c.life = 0;
    c.worker_kb = 0;
}

static void tell_link(const char *command)
{
    char line[128];
    dprintf(c.proxy.in, "%s\n", command);
    if (!fgets(line, sizeof(line), c.proxy.out) || strncmp(line, "ok ", 3) != 0)
        stop_with("the link did not obey '%s'", command);
}

static void tell_worker(const char *lie)
{
    char fresh[128];
    snprintf(fresh, sizeof(fresh), "%s.new", c.control);
    FILE *f = fopen(fresh, "w");
    if (!f || fprintf(f, "%s\n", lie) < 0 || fclose(f) != 0 || rename(fresh, c.control) != 0)
        stop_with("%s: %s", c.control, strerror(errno));
}

/* ---- what must not grow ---------------------------------------------------------------------- */

static long resident_kb(pid_t pid)
{
    char path[64];
    long pages = -1;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*d %ld", &pages) != 1)
        pages = -1;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long open_files(pid_t pid)
{
    char path[64];
    long count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static void compare(const char *who, pid_t pid, long kb, long files)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    /* Sessions connect again in their own time: at the early moment perhaps none was. */
    const long most = LEAK_FILES + (long)c.n_nets * KIND_COUNT;
    long kb_now = resident_kb(pid), files_now = open_files(pid);
    for (int i = 0; i < SETTLE_S * 10 && files_now > files + most; i++) {
        nanosleep(&pause, NULL);
        files_now = open_files(pid);
    }
    if (kb_now > kb + LEAK_KB || files_now > files + most)
        stop_with("%s leaks: %ld kB and %ld files were %ld kB and %ld files", who, kb_now,
                  files_now, kb, files);
}

/* A life of the worker: its memory from when nothing new is needed until its end. */
static void check_worker(void)
{
    if (c.worker_kb == 0 && c.life >= WORKER_LIFE) {
        c.worker_kb = resident_kb(c.worker.pid);
        c.worker_files = open_files(c.worker.pid);
    } else if (c.worker_kb > 0) {
        compare("the worker", c.worker.pid, c.worker_kb, c.worker_files);
    }
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void begin_fault(const fault *f)
{
    if (f->lie)
        tell_worker(f->lie);
    if (f->signal)
        kill(c.worker.pid, f->signal);
    if (f->signal == SIGKILL)
        reap(&c.worker);
    if (f->is_restarted_at_once)
        start_worker();
    if (f->link)
        tell_link(f->link);
}

static void end_fault(const fault *f)
{
    if (f->lie)
        tell_worker("honest");
    if (f->signal_after)
        kill(c.worker.pid, f->signal_after);
    if (f->is_restarted_after)
        start_worker();
    if (f->link_after)
        tell_link(f->link_after);
}

static void *let_happen(void *unused)
{
    (void)unused;
    for (;;) {
        sem_wait(&c.go);
        if (c.is_ending)
            return NULL;
        pause_ns(c.wait_ns);
        begin_fault(c.next);
        sem_post(&c.done);
    }
}

/* ---- networks -------------------------------------------------------------------------------- */

static oc_tensor *make_tensors(const oc_value_info *values, size_t count)
{
    oc_tensor *tensors = calloc(count, sizeof(*tensors));
    for (size_t i = 0; i < count; i++)
        check(oc_tensor_alloc(&values[i].desc, NULL, &tensors[i]), "tensor");
    return tensors;
}

static void fill(const net *n, oc_tensor *inputs)
{
    for (size_t i = 0; i < n->info->n_inputs; i++) {
        float *data = inputs[i].data;
        if (n->info->inputs[i].desc.dtype != OC_DTYPE_float32)
            stop_with("%s: its input is no float32", n->info->name);
        for (size_t k = 0; k < n->info->inputs[i].bytes / sizeof(float); k++)
            data[k] = (float)below(1 << 20) / (1 << 20);
    }
}

static oc_prepared *prepare(const net *n, uint64_t memory_bytes)
{
    const oc_prepare_options options = {
        .device = c.device, .threads = 1, .memory_bytes = memory_bytes};
    oc_prepared *prepared;
    check(oc_prepare(n->model, &options, NULL, &prepared), n->info->name);
    return prepared;
}

static oc_session *make_session(const net *n, kind k, double audit)
{
    static char fixed[KIND_COUNT][32];
    const char *worker = c.address;
    oc_session_options options = {.workers = &worker,
                                  .n_workers = 1,
                                  .connect_timeout_ms = 200,
                                  .deadline_ms = c.deadline_ms,
                                  .audit = audit,
                                  .is_hedged = k == KIND_HEDGED};
    oc_session *session;
    snprintf(fixed[k], sizeof(fixed[k]), "fixed:%zu", n->info->n_nodes / 3);
    if (k == KIND_FIXED || k == KIND_HEDGED)
        options.policy = fixed[k];
    else if (k == KIND_REMOTE)
        options.policy = "remote";
    else if (k == KIND_LATENCY)
        options.policy = "latency";
    options.is_worker_required = c.is_tailless && k != KIND_LATENCY && k != KIND_REMOTE;
    /* Where nothing forbids the tail, the device has no room for it. */
    bool is_prefix = c.is_tailless && !options.is_worker_required;
    check(oc_session_create(is_prefix ? n->prefix : n->prepared, &options, NULL, &session),
          n->info->name);
    if (k == KIND_PLAN)
        check(oc_session_set_plan(session, n->plan), "plan");
    return session;
}

static uint64_t run_local(net *n)
{
    oc_session *session;
    uint64_t longest = 0;
    check(oc_session_create(n->prepared, NULL, NULL, &session), "local session");
    for (int i = 0; i < INPUTS; i++) {
        n->inputs[i] = make_tensors(n->info->inputs, n->info->n_inputs);
        n->expected[i] = make_tensors(n->info->outputs, n->info->n_outputs);
        fill(n, n->inputs[i]);
        oc_report report;
        for (int k = 0; k < 3; k++) {
            check(oc_session_run(session, n->inputs[i], n->info->n_inputs, n->expected[i],
                                 n->info->n_outputs, &report),
                  "local run");
            longest = OC_MAX(longest, report.total_ns);
        }
    }
    oc_session_destroy(session);
    return longest;
}

/* Returns how long the network takes here. */
static uint64_t open_net(net *n, const char *path)
{
    char cut[32];
    check(oc_model_open(path, NULL, NULL, &n->model), path);
    n->info = oc_model_get_info(n->model);
    n->prepared = prepare(n, 0);
    if (c.is_tailless) {
        n->prefix = prepare(n, (n->info->weight_bytes + n->info->arena_bytes) / 2);
        if (oc_prepared_node_count(n->prefix) >= n->info->n_nodes)
            stop_with("%s: half of its memory suffices for all of it", n->info->name);
    }
    snprintf(cut, sizeof(cut), "%zu", n->info->n_nodes / 2);
    check(oc_plan_make(n->model, cut, NULL, &n->plan), "plan");
    n->outputs = make_tensors(n->info->outputs, n->info->n_outputs);
    return run_local(n);
}

static void free_tensors(oc_tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        oc_tensor_free(&tensors[i], NULL);
    free(tensors);
}

static void close_net(net *n)
{
    for (int k = 0; k < KIND_COUNT; k++)
        oc_session_destroy(n->sessions[k]);
    for (int i = 0; i < INPUTS; i++) {
        free_tensors(n->inputs[i], n->info->n_inputs);
        free_tensors(n->expected[i], n->info->n_outputs);
    }
    free_tensors(n->outputs, n->info->n_outputs);
    oc_plan_destroy(n->plan);
    oc_prepared_destroy(n->prefix);
    oc_prepared_destroy(n->prepared);
    oc_model_destroy(n->model);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static bool is_right(const net *n, int input)
{
    for (size_t i = 0; i < n->info->n_outputs; i++)
        if (memcmp(n->outputs[i].data, n->expected[input][i].data,
                   (size_t)n->info->outputs[i].bytes) != 0)
            return false;
    return true;
}

static void count(const oc_report *report)
{
    c.n_right++;
    c.n_worker += report->used_worker;
    c.n_fell_back += report->fell_back;
    c.n_hedged += report->is_hedged;
    c.n_audited += report->is_audited;
    c.n_local += !report->used_worker && !report->fell_back;
}

/* Without a fallback a run waits for a worker until its deadline, and says then what it met. */
static bool is_named(oc_status status)
{
    return status == OC_E_DEADLINE && strstr(oc_error_text(), c.address) != NULL;
}

/* One run of the session, judged. `what` names the fault that is on. */
static void run_once(net *n, oc_session *session, const char *what, oc_report *report)
{
    int input = (int)below(INPUTS);
    for (size_t i = 0; i < n->info->n_outputs; i++)
        memset(n->outputs[i].data, 0xA5, (size_t)n->info->outputs[i].bytes);
    *report = (oc_report){.total_ns = 0};
    alarm(HUNG_S);
    uint64_t begin = oc_now_ns();
    oc_status status = oc_session_run(session, n->inputs[input], n->info->n_inputs, n->outputs,
                                      n->info->n_outputs, report);
    uint64_t took = oc_now_ns() - begin;
    alarm(0);
    c.longest_ns = OC_MAX(c.longest_ns, took);
    if (c.is_verbose)
        printf("%-24s %-12s %8.2f ms  %s  %s  %s\n", what, n->info->name, (double)took / 1e6,
               status != OC_OK       ? oc_status_text(status)
               : report->fell_back   ? "fell back"
               : report->used_worker ? "worker"
                                     : "local",
               report->choice, status != OC_OK ? oc_error_text() : report->reason);
    if (took > (uint64_t)(c.deadline_ms + c.tolerance_ms) * 1000000)
        stop_with("%s: %s: ended after %.1f ms, its deadline was %u ms (%s)", what, n->info->name,
                  (double)took / 1e6, c.deadline_ms,
                  status == OC_OK ? report->reason : oc_error_text());
    if (status == OC_OK && !is_right(n, input))
        stop_with("%s: %s: another answer than the local one", what, n->info->name);
    if (status == OC_OK && c.is_tailless && !report->used_worker)
        stop_with("%s: %s: the edge ran what it may not (%s; %s)", what, n->info->name,
                  report->choice, report->reason);
    if (status == OC_OK)
        count(report);
    else if (c.is_tailless && is_named(status) && took >= (uint64_t)c.deadline_ms * 1000000)
        c.n_errors++;
    else
        stop_with("%s: %s: %s after %.1f ms: %s", what, n->info->name, oc_status_text(status),
                  (double)took / 1e6, oc_error_text());
}

static void run_any(const char *what)
{
    net *n = &c.nets[below((uint32_t)c.n_nets)];
    oc_report report;
    run_once(n, n->sessions[below(KIND_COUNT)], what, &report);
}

/* After a run, when no fault is about to happen: one that is dead was killed by us. */
static void check_alive(const char *what)
{
    if (c.worker.pid > 0 && waitpid(c.worker.pid, NULL, WNOHANG) != 0)
        stop_with("%s: the worker ended by itself", what);
    c.life++;
}

/* Only an audit can see this one, and the session does not trust the worker afterwards. */
static uint32_t run_audited(const fault *f)
{
    net *n = &c.nets[below((uint32_t)c.n_nets)];
    oc_session *session = make_session(n, KIND_FIXED, 1.0);
    oc_report report;
    begin_fault(f);
    run_once(n, session, f->name, &report);
    c.n_lies_found += report.is_audited;
    run_once(n, session, f->name, &report);
    if (report.used_worker)
        stop_with("%s: the worker is still believed", f->name);
    end_fault(f);
    oc_session_destroy(session);
    return 2;
}

/* Each in turn before any comes again, in an order that is shuffled each time: none is left out. */
static const fault *next_fault(void)
{
    static size_t order[OC_COUNT(faults)], n_left;
    if (n_left == 0)
        for (; n_left < OC_COUNT(faults); n_left++)
            order[n_left] = n_left;
    size_t at = below((uint32_t)n_left), found = order[at];
    order[at] = order[--n_left];
    return &faults[found];
}

static uint32_t run_episode(uint32_t left)
{
    const fault *f = next_fault();
    uint32_t ill = 1 + below(3), well = 1 + below(3), done = 0;
    if (f->is_plausible && (c.is_tailless || left < 2))
        return 0;
    c.hits[f - faults]++;
    if (f->is_plausible)
        return run_audited(f);
    /* Anywhere in the first run: what a run takes here is about the length of one with a worker. */
    c.next = f;
    c.wait_ns = below(4000) * UINT64_C(1000);
    sem_post(&c.go);
    for (uint32_t i = 0; i < ill && done < left; i++, done++) {
        run_any(f->name);
        if (i == 0)
            sem_wait(&c.done);
        check_alive(f->name);
    }
    if (f->signal != SIGKILL)
        check_worker();
    end_fault(f);
    pause_ns(below(500) *
             UINT64_C(1000000)); /* a circuit breaker's first pauses are 250 and 500 ms */
    for (uint32_t i = 0; i < well && done < left; i++, done++) {
        run_any("nothing");
        check_alive("nothing");
    }
    check_worker();
    return done;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void on_alarm(int number)
{
    (void)number;
    stop_with("a run hangs: it has not ended after %d s", HUNG_S);
}

static void set_up(void)
{
    uint64_t longest = 0;
    char target[64];
    snprintf(c.folder, sizeof(c.folder), "/tmp/fault_campaign.XXXXXX");
    if (!mkdtemp(c.folder))
        stop_with("%s: %s", c.folder, strerror(errno));
    snprintf(c.control, sizeof(c.control), "%s/control", c.folder);
    tell_worker("honest");
    for (size_t i = 0; i < c.n_nets; i++) {
        const uint64_t takes = open_net(&c.nets[i], c.models[i]);
        longest = OC_MAX(longest, takes);
    }
    /* So that a slow machine, or a build that checks itself, has time for the tail. */
    c.deadline_ms = (uint32_t)OC_MAX(UINT64_C(300), 30 * longest / 1000000);
    start_worker();
    snprintf(target, sizeof(target), "127.0.0.1:%d", c.worker_port);
    start_child((const char *[]){c.proxy_program, "127.0.0.1:0", target, "-", NULL}, &c.proxy);
    snprintf(c.address, sizeof(c.address), "127.0.0.1:%d", read_port(&c.proxy));
    for (size_t i = 0; i < c.n_nets; i++)
        for (int k = 0; k < KIND_COUNT; k++)
            c.nets[i].sessions[k] = make_session(&c.nets[i], (kind)k, 0);
    sem_init(&c.go, 0, 0);
    sem_init(&c.done, 0, 0);
    if (pthread_create(&c.thread, NULL, let_happen, NULL) != 0)
        stop_with("no thread");
}

static void tear_down(void)
{
    int status = 0;
    for (size_t i = 0; i < c.n_nets; i++)
        close_net(&c.nets[i]);
    alarm(HUNG_S);
    kill(c.worker.pid, SIGTERM);
    if (waitpid(c.worker.pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        stop_with("the worker did not end well: wait status %d", status);
    c.worker.pid = 0;
    tell_link("quit");
    reap(&c.proxy);
    alarm(0);
    /* Not before: a worker ends with the thread that started it. */
    c.is_ending = true;
    sem_post(&c.go);
    pthread_join(c.thread, NULL);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        stop_with("a process is left");
    unlink(c.control);
    rmdir(c.folder);
}

static void print_summary(uint32_t runs)
{
    printf(
        "seed %llu, deadline %u ms: %u runs, %u right answers, %u named errors; longest %.1f ms\n",
        (unsigned long long)c.seed, c.deadline_ms, runs, c.n_right, c.n_errors,
        (double)c.longest_ns / 1e6);
    printf("worker %u, fell back %u, local %u, hedged %u, audited %u, lies found %u\n", c.n_worker,
           c.n_fell_back, c.n_local, c.n_hedged, c.n_audited, c.n_lies_found);
    for (size_t i = 0; i < OC_COUNT(faults); i++)
        printf("%s %u%s", faults[i].name, c.hits[i], i + 1 < OC_COUNT(faults) ? ", " : "\n");
}

static void run_all(void)
{
    uint32_t warm = OC_MIN(c.runs / 4, 100u), done = 0;
    long kb = 0, files = 0;
    while (done < c.runs) {
        done += run_episode(c.runs - done);
        if (kb == 0 && done >= warm) {
            kb = resident_kb(getpid());
            files = open_files(getpid());
        }
    }
    compare("the edge", getpid(), kb, files);
    print_summary(done);
    /* A campaign in which nothing was sent, or nothing failed, has tested nothing. */
    if (c.n_worker < c.runs / 10 || c.n_fell_back + c.n_errors < c.runs / 20)
        stop_with("too few runs met the worker (%u) or a failure (%u)", c.n_worker,
                  c.n_fell_back + c.n_errors);
}

static int parse(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        const char *word = argv[at];
        if (strcmp(word, "--no-tail") == 0)
            c.is_tailless = true;
        else if (strcmp(word, "--verbose") == 0)
            c.is_verbose = true;
        else if (at + 1 == argc)
            return argc;
        else if (strcmp(word, "--runs") == 0)
            c.runs = (uint32_t)strtoul(argv[++at], NULL, 10);
        else if (strcmp(word, "--seed") == 0)
            c.seed = strtoull(argv[++at], NULL, 10);
        else if (strcmp(word, "--tolerance") == 0)
            c.tolerance_ms = (uint32_t)strtoul(argv[++at], NULL, 10);
        else if (strcmp(word, "--device") == 0)
            c.device = argv[++at];
        else
            return argc;
    }
    return at;
}

int main(int argc, char **argv)
{
    c.runs = 100;
    c.tolerance_ms = TOLERANCE_MS;
    c.device = "reference";
    c.seed = (uint64_t)time(NULL);
    int at = parse(argc, argv);
    if (argc - at < 3 || argc - at - 2 > MODELS_MAX || c.runs == 0) {
        fprintf(stderr, "usage: fault_campaign [OPTIONS] FAULTY_WORKER LINK_PROXY MODEL...\n");
        return 2;
    }
    c.random = c.seed;
    c.worker_program = argv[at];
    c.proxy_program = argv[at + 1];
    c.models = argv + at + 2;
    c.n_nets = (size_t)(argc - at - 2);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    set_up();
    run_all();
    tear_down();
    return 0;
}
