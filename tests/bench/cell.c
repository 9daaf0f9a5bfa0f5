/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_cell MODEL WORKER DEVICE PROFILE|-: one edge of the table of links, driven by lines on the
 * standard input that scripts/bench-links.py writes. Every answer is lines of JSON, the last of
 * which has "ok" or "error".
 *
 *     session NAME POLICY    a session that stays open until `close NAME`
 *     run NAME COUNT         so many frames, a line each
 *     options NAME           what the first decision of the last run chose from, a line each
 *     transfer ADDRESS PORT UP DOWN COUNT
 *                            the median time of a plain TCP exchange of that size, nanoseconds
 *
 * bench_cell --sink ADDRESS: the other side of `transfer`; prints "listening on PORT".
 *
 * Only the public headers are used, as a user's program would.
 */
#include <offcut/offcut.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 8
#define LINE_BYTES 512
#define NAME_BYTES 64
#define BLOCK_BYTES (256u << 10)
#define TRIALS_MAX 64

typedef struct named_session {
    char name[NAME_BYTES];
    oc_session *session;
    unsigned frames;
} named_session;

typedef struct cell {
    const char *worker, *profile;
    oc_model *model;
    const oc_model_info *info;
    oc_prepared *prepared;
    oc_tensor *inputs, *outputs, *expected;
    named_session sessions[SESSIONS_MAX];
} cell;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_text(const char *key, const char *text)
{
    printf("\"%s\":\"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < 0x20 ? ' ' : *text);
    }
    printf("\",");
}

static void put_number(const char *key, double value)
{
    if (value == value) /* JSON has no NAN */
        printf("\"%s\":%.17g,", key, value);
}

static void end_line(const char *key)
{
    printf("\"%s\":true}\n", key);
    fflush(stdout);
}

static void answer_ok(void)
{
    putchar('{');
    end_line("ok");
}

static void answer_error(const char *what, const char *text)
{
    putchar('{');
    put_text("what", what);
    put_text("text", text);
    end_line("error");
}

/* ---- frames ---------------------------------------------------------------------------------- */

static bool is_right(const cell *c)
{
    for (size_t i = 0; i < c->info->n_outputs; i++)
        if (memcmp(c->outputs[i].data, c->expected[i].data, c->info->outputs[i].bytes) != 0)
            return false;
    return true;
}

static void put_link(oc_session *session)
{
    static oc_snapshot snapshot;
    oc_session_snapshot(session, &snapshot);
    if (snapshot.n_workers == 0)
        return;
    const oc_worker_status *w = &snapshot.workers[0];
    put_number("link_samples", w->link.n_samples);
    put_number("link_up_latency_ns", w->link.up_latency_ns);
    put_number("link_up_ns_per_byte", w->link.up_ns_per_byte);
    put_number("link_down_latency_ns", w->link.down_latency_ns);
    put_number("link_down_ns_per_byte", w->link.down_ns_per_byte);
    put_number("link_rtt_ns", w->link.rtt_ns);
    put_number("link_error", w->link.error);
    put_number("link_flags", w->link.flags);
    put_number("worker_queue_ns", w->load.queue_ns);
    put_number("probe_bytes", (double)w->probe_bytes);
    put_number("bytes_sent_in_all", (double)w->bytes_sent);
}

static void put_report(const oc_report *r)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {{"total_ns", r->total_ns},
                   {"predicted_ns", r->predicted_ns},
                   {"edge_ns", r->edge_ns},
                   {"encode_ns", r->encode_ns},
                   {"send_ns", r->send_ns},
                   {"queue_ns", r->queue_ns},
                   {"cloud_ns", r->cloud_ns},
                   {"receive_ns", r->receive_ns},
                   {"connect_ns", r->connect_ns},
                   {"lost_ns", r->lost_ns},
                   {"decide_ns", r->decide_ns},
                   {"decide_max_ns", r->decide_max_ns},
                   {"n_decisions", r->n_decisions},
                   {"bytes_sent", r->bytes_sent},
                   {"bytes_received", r->bytes_received}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        put_number(numbers[i].key, (double)numbers[i].value);
    put_text("choice", r->choice);
    put_text("reason", r->reason);
    put_number("used_worker", r->used_worker);
    put_number("fell_back", r->fell_back);
}

static bool run_frame(cell *c, named_session *s)
{
    oc_report report;
    if (oc_session_run(s->session, c->inputs, c->info->n_inputs, c->outputs, c->info->n_outputs,
                       &report) != OC_OK) {
        answer_error(s->name, oc_error_text());
        return false;
    }
    putchar('{');
    put_text("session", s->name);
    put_number("frame", s->frames++);
    put_report(&report);
    put_link(s->session);
    put_number("prediction_error", oc_session_prediction_error(s->session));
    put_number("right", is_right(c));
    end_line("end");
    return true;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static named_session *find(cell *c, const char *name)
{
    for (int i = 0; i < SESSIONS_MAX; i++)
        if (strcmp(c->sessions[i].name, name) == 0)
            return &c->sessions[i];
    return NULL;
}

static void open_session(cell *c, const char *name, const char *policy)
{
    const oc_session_options options = {.workers = &c->worker,
                                        .n_workers = 1,
                                        .policy = policy,
                                        .profile = c->profile,
                                        .worker_timeout_ms = 120000};
    named_session *s = find(c, "");
    if (!s || find(c, name)) {
        answer_error(name, "there is one of that name, or no more room");
        return;
    }
    if (oc_session_create(c->prepared, &options, NULL, &s->session) != OC_OK) {
        answer_error(name, oc_error_text());
        return;
    }
    snprintf(s->name, sizeof(s->name), "%s", name);
    s->frames = 0;
    answer_ok();
}

static void close_session(named_session *s)
{
    oc_session_destroy(s->session);
    *s = (named_session){.frames = 0};
    answer_ok();
}

static void run_frames(cell *c, named_session *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!run_frame(c, s))
            return;
    answer_ok();
}

static void show_options(named_session *s)
{
    size_t count;
    const oc_option_info *options = oc_session_options_seen(s->session, &count);
    for (size_t i = 0; i < count; i++) {
        const oc_option_info *o = &options[i];
        putchar('{');
        put_text("cut", o->cut);
        put_text("worker", o->worker ? o->worker : "");
        put_number("edge_ns", (double)o->edge_ns);
        put_number("send_ns", (double)o->send_ns);
        put_number("queue_ns", (double)o->queue_ns);
        put_number("cloud_ns", (double)o->cloud_ns);
        put_number("receive_ns", (double)o->receive_ns);
        put_number("total_ns", (double)o->total_ns);
        put_number("bytes", (double)o->bytes);
        put_text("verdict", o->verdict);
        end_line("end");
    }
    answer_ok();
}

/* ---- plain transfers ------------------------------------------------------------------------- */

static bool move_all(int fd, uint64_t bytes, bool is_out)
{
    static char block[BLOCK_BYTES];
    while (bytes > 0) {
        size_t size = bytes < sizeof(block) ? (size_t)bytes : sizeof(block);
        ssize_t moved = is_out ? send(fd, block, size, MSG_NOSIGNAL) : recv(fd, block, size, 0);
        if (moved <= 0)
            return false;
        bytes -= (uint64_t)moved;
    }
    return true;
}

static int open_socket(const char *address, int port, struct sockaddr_in *at)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &at->sin_addr);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* One connection for all trials, as a session has one; the first opens TCP's window and does not
 * count. */
static void transfer(const char *address, int port, uint64_t up, uint64_t down, unsigned count)
{
    struct sockaddr_in at;
    uint64_t times[TRIALS_MAX], sizes[2] = {up, down};
    int fd = open_socket(address, port, &at);
    bool is_well = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    count = count < 1 ? 1 : count > TRIALS_MAX ? TRIALS_MAX : count;
    for (unsigned i = 0; i < count + 1 && is_well; i++) {
        uint64_t begin = now_ns();
        is_well = send(fd, sizes, sizeof(sizes), MSG_NOSIGNAL | MSG_MORE) == sizeof(sizes) &&
                  move_all(fd, up, true) && move_all(fd, down, false);
        times[i > 0 ? i - 1 : 0] = now_ns() - begin;
    }
    close(fd);
    if (!is_well) {
        answer_error("transfer", "the connection ended");
        return;
    }
    qsort(times, count, sizeof(times[0]), by_value);
    putchar('{');
    put_number("median_ns", (double)times[count / 2]);
    end_line("end");
    answer_ok();
}

static void serve_transfers(int client)
{
    uint64_t sizes[2];
    while (recv(client, sizes, sizeof(sizes), MSG_WAITALL) == sizeof(sizes) &&
           move_all(client, sizes[0], false) && move_all(client, sizes[1], true))
        continue;
    close(client);
}

static int sink(const char *address)
{
    struct sockaddr_in at;
    socklen_t size = sizeof(at);
    int on = 1, fd = open_socket(address, 0, &at);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        perror("bench_cell: sink");
        return 1;
    }
    printf("listening on %d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client < 0)
            return 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        serve_transfers(client);
    }
}

/* ---- the program ----------------------------------------------------------------------------- */

static void obey_session(cell *c, const char *word, const char *name, const char *argument)
{
    named_session *s = find(c, name);
    if (strcmp(word, "session") == 0)
        open_session(c, name, argument);
    else if (!s)
        answer_error(name, "no such session");
    else if (strcmp(word, "run") == 0)
        run_frames(c, s, (unsigned)strtoul(argument, NULL, 10));
    else if (strcmp(word, "options") == 0)
        show_options(s);
    else if (strcmp(word, "close") == 0)
        close_session(s);
    else
        answer_error(word, "no such command");
}

static void obey(cell *c, const char *line)
{
    char word[16], name[NAME_BYTES], argument[256] = "";
    unsigned long long up, down;
    unsigned count;
    int port;
    if (sscanf(line, "transfer %63s %d %llu %llu %u", name, &port, &up, &down, &count) == 5)
        transfer(name, port, up, down, count);
    else if (sscanf(line, "%15s %63s %255s", word, name, argument) >= 2)
        obey_session(c, word, name, argument);
    else
        answer_error(line, "no such command");
}

static oc_tensor *make_tensors(const oc_value_info *values, size_t count)
{
    oc_tensor *tensors = calloc(count, sizeof(*tensors));
    for (size_t i = 0; tensors && i < count; i++)
        if (oc_tensor_alloc(&values[i].desc, NULL, &tensors[i]) != OC_OK)
            return NULL;
    return tensors;
}

/* Numbers as pictures have them; what they are does not matter to the time. */
static void fill(cell *c)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < c->info->n_inputs; i++) {
        float *data = c->inputs[i].data;
        for (size_t k = 0; k < c->info->inputs[i].bytes / sizeof(*data); k++) {
            state = state * 1664525u + 1013904223u;
            data[k] = (float)(state >> 8) / (float)(1 << 24);
        }
    }
}

static bool set_up(cell *c, const char *path, const char *device)
{
    const oc_prepare_options options = {.device = strcmp(device, "-") ? device : NULL,
                                        .threads = 1};
    oc_session *local;
    if (oc_model_open(path, NULL, NULL, &c->model) != OC_OK ||
        oc_prepare(c->model, &options, NULL, &c->prepared) != OC_OK)
        return false;
    c->info = oc_model_get_info(c->model);
    c->inputs = make_tensors(c->info->inputs, c->info->n_inputs);
    c->outputs = make_tensors(c->info->outputs, c->info->n_outputs);
    c->expected = make_tensors(c->info->outputs, c->info->n_outputs);
    if (!c->inputs || !c->outputs || !c->expected)
        return false;
    fill(c);
    if (oc_session_create(c->prepared, NULL, NULL, &local) != OC_OK)
        return false;
    oc_status status =
        oc_session_run(local, c->inputs, c->info->n_inputs, c->expected, c->info->n_outputs, NULL);
    oc_session_destroy(local);
    return status == OC_OK;
}

int main(int argc, char **argv)
{
    static cell c;
    char line[LINE_BYTES];
    if (argc == 3 && strcmp(argv[1], "--sink") == 0)
        return sink(argv[2]);
    if (argc != 5) {
        fprintf(stderr, "usage: bench_cell MODEL WORKER DEVICE PROFILE|-\n");
        return 2;
    }
    c.worker = argv[2];
    c.profile = strcmp(argv[4], "-") ? argv[4] : NULL;
    if (!set_up(&c, argv[1], argv[3])) {
        answer_error(argv[1], oc_error_text());
        return 1;
    }
    answer_ok();
    while (fgets(line, sizeof(line), stdin))
        obey(&c, line);
    for (int i = 0; i < SESSIONS_MAX; i++)
        oc_session_destroy(c.sessions[i].session);
    oc_prepared_destroy(c.prepared);
    oc_model_destroy(c.model);
    return 0;
}
