/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_proxy LISTEN TARGET [CONTROL [COMMAND...]]: a TCP relay that behaves like a bad link.
 *
 * LISTEN and TARGET are ADDRESS:PORT, port 0 lets the system choose; "listening on PORT" is printed
 * once it serves. CONTROL is a FIFO (made where it is absent) or "-" for the standard input, whose
 * end ends the program. Each line is a command, as are the further arguments; each is answered on
 * the standard output by "ok LINE" once it holds, or "no LINE".
 *
 *     delay MS     every byte arrives so much later, each way; may have a fraction
 *     rate BITS    per second, each way, shared by all connections; K, M, G; 0: as fast as it goes;
 *                  from now on, also for what already waits
 *     freeze       nothing is accepted, read or written: bytes and connections wait in the kernel
 *     thaw         they go on
 *     cut          every connection is reset
 *     refuse       and no new one is taken: a closed port
 *     serve        takes connections again
 *     corrupt N    flips a bit of the N-th chunk from now (1: the next)
 *     quit
 *
 * A chunk is what one read gave. It is due when the link has carried it (rate) and it has flown
 * (delay), so that a delay costs no rate: what is in flight is held here, up to 64 MiB a direction.
 * With a rate little more is held than is in flight, so that a sender feels the link.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NEVER UINT64_MAX
#define CHUNK_BYTES (64u << 10)
#define HELD_BYTES (64u << 20)
#define CONNECTIONS_MAX 256
#define LINE_BYTES 256
#define SECOND_NS 1e9

typedef struct chunk {
    struct chunk *next;
    uint64_t due_ns;
    size_t size, sent;
    uint8_t data[];
} chunk;

typedef struct flow {
    int from, to;
    unsigned direction; /* 0: towards the target */
    chunk *first, **last;
    size_t held;
    uint64_t due_ns;        /* of the last chunk */
    bool is_ended, is_shut; /* `from` said that it ends; `to` was told */
} flow;

typedef struct connection {
    struct connection *next;
    flow up, down;
    bool is_connecting, is_broken;
    size_t at; /* of its two rows among the polled */
} connection;

typedef struct proxy {
    struct sockaddr_storage listen, target;
    socklen_t listen_size, target_size;
    int listener; /* -1: refuses */
    int control;
    char line[LINE_BYTES];
    size_t line_size;
    connection *connections;
    size_t n_connections;
    double delay_ns, rate;
    uint64_t free_ns[2]; /* when the link has carried what it was given */
    unsigned corrupt_in; /* chunks; 0: none */
    bool is_frozen, is_over;
} proxy;

static void die(const char *what)
{
    fprintf(stderr, "link_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    fflush(stdout);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static void parse_address(char *text, struct sockaddr_storage *address, socklen_t *size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
    char *port = strrchr(text, ':');
    if (!port) {
        fprintf(stderr, "link_proxy: expected ADDRESS:PORT, found '%s'\n", text);
        exit(2);
    }
    *port = '\0';
    int error = getaddrinfo(text, port + 1, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "link_proxy: %s:%s: %s\n", text, port + 1, gai_strerror(error));
        exit(2);
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
}

/* The port that was chosen at first is kept: `serve` after `refuse` is at the same place. */
static void start_listening(proxy *p)
{
    int on = 1;
    p->listener = socket(p->listen.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->listener < 0)
        die("socket");
    setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(p->listener, (struct sockaddr *)&p->listen, p->listen_size) != 0 ||
        listen(p->listener, 64) != 0 ||
        getsockname(p->listener, (struct sockaddr *)&p->listen, &p->listen_size) != 0)
        die("listen");
}

static int listen_port(const proxy *p)
{
    return p->listen.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)&p->listen)->sin6_port)
               : ntohs(((const struct sockaddr_in *)&p->listen)->sin_port);
}

static void set_no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void flow_init(flow *f, int from, int to, unsigned direction)
{
    *f = (flow){.from = from, .to = to, .direction = direction};
    f->last = &f->first;
}

static void accept_one(proxy *p)
{
    int client = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0)
        return;
    int server = socket(p->target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connection *c = calloc(1, sizeof(*c));
    if (server < 0 || !c)
        die("connection");
    set_no_delay(client);
    set_no_delay(server);
    c->is_connecting = true;
    if (connect(server, (struct sockaddr *)&p->target, p->target_size) != 0 && errno != EINPROGRESS)
        c->is_broken = true;
    flow_init(&c->up, client, server, 0);
    flow_init(&c->down, server, client, 1);
    c->next = p->connections;
    p->connections = c;
    p->n_connections++;
}

static void flow_drop(flow *f)
{
    while (f->first) {
        chunk *gone = f->first;
        f->first = gone->next;
        free(gone);
    }
}

/* Without a linger time closing resets, which is what a cut link and a dead peer look like. */
static void close_connection(connection *c, bool is_reset)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 2; i++) {
        int fd = i ? c->up.to : c->up.from;
        if (is_reset)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
        close(fd);
    }
    flow_drop(&c->up);
    flow_drop(&c->down);
    free(c);
}

static void close_finished(proxy *p)
{
    for (connection **at = &p->connections; *at;) {
        connection *c = *at;
        if (c->is_broken || (c->up.is_shut && c->down.is_shut)) {
            *at = c->next;
            p->n_connections--;
            close_connection(c, c->is_broken);
        } else {
            at = &c->next;
        }
    }
}

static void cut(proxy *p)
{
    for (connection *c = p->connections; c; c = c->next)
        c->is_broken = true;
    close_finished(p);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static size_t room_of(const proxy *p)
{
    double bytes = p->rate > 0 ? p->rate / 8 * (p->delay_ns / SECOND_NS + 0.02) + CHUNK_BYTES
                               : (double)HELD_BYTES;
    return bytes < HELD_BYTES ? (size_t)bytes : HELD_BYTES;
}

/* On a slow link a chunk is what it carries in 2 ms, so that bytes come evenly. */
static size_t chunk_size(const proxy *p)
{
    double bytes = p->rate > 0 ? p->rate / 8 * 0.002 : CHUNK_BYTES;
    return bytes < 1500 ? 1500 : bytes < CHUNK_BYTES ? (size_t)bytes : CHUNK_BYTES;
}

static uint64_t due_at(proxy *p, const flow *f, size_t size, uint64_t now)
{
    uint64_t *free_ns = &p->free_ns[f->direction];
    if (p->rate > 0) {
        uint64_t begin = *free_ns > now ? *free_ns : now;
        *free_ns = begin + (uint64_t)((double)size * 8 * SECOND_NS / p->rate);
        now = *free_ns;
    }
    uint64_t due = now + (uint64_t)p->delay_ns;
    return due > f->due_ns ? due : f->due_ns; /* bytes never overtake */
}

static bool may_read(const proxy *p, const flow *f)
{
    return !f->is_ended && f->held < room_of(p);
}

static void read_some(proxy *p, connection *c, flow *f)
{
    uint8_t data[CHUNK_BYTES];
    while (may_read(p, f)) {
        ssize_t got = read(f->from, data, chunk_size(p));
        if (got < 0) {
            c->is_broken = c->is_broken || (errno != EAGAIN && errno != EINTR);
            return;
        }
        if (got == 0) {
            f->is_ended = true;
            return;
        }
        chunk *k = malloc(sizeof(*k) + (size_t)got);
        if (!k)
            die("chunk");
        *k = (chunk){.size = (size_t)got};
        memcpy(k->data, data, k->size);
        if (p->corrupt_in > 0 && --p->corrupt_in == 0)
            k->data[k->size / 2] ^= 0x10;
        f->due_ns = k->due_ns = due_at(p, f, k->size, now_ns());
        *f->last = k;
        f->last = &k->next;
        f->held += k->size;
        if (p->rate > 0)
            return; /* the other connections share the link */
    }
}

static void write_due(connection *c, flow *f)
{
    uint64_t now = now_ns();
    while (f->first && f->first->due_ns <= now) {
        chunk *k = f->first;
        ssize_t put = send(f->to, k->data + k->sent, k->size - k->sent, MSG_NOSIGNAL);
        if (put < 0) {
            c->is_broken = c->is_broken || (errno != EAGAIN && errno != EINTR);
            return;
        }
        k->sent += (size_t)put;
        f->held -= (size_t)put;
        if (k->sent < k->size)
            return;
        f->first = k->next;
        if (!f->first)
            f->last = &f->first;
        free(k);
    }
    if (f->is_ended && !f->first && !f->is_shut) {
        shutdown(f->to, SHUT_WR);
        f->is_shut = true;
    }
}

static void serve_connection(proxy *p, connection *c, const struct pollfd *client,
                             const struct pollfd *server)
{
    if (c->is_connecting && server->revents) {
        int error = 0;
        socklen_t size = sizeof(error);
        getsockopt(c->up.to, SOL_SOCKET, SO_ERROR, &error, &size);
        c->is_broken = error != 0;
        c->is_connecting = false;
    }
    if (c->is_broken)
        return;
    if (client->revents & (POLLIN | POLLHUP | POLLERR))
        read_some(p, c, &c->up);
    if (!c->is_connecting && server->revents & (POLLIN | POLLHUP | POLLERR))
        read_some(p, c, &c->down);
    if (!c->is_connecting)
        write_due(c, &c->up);
    write_due(c, &c->down);
}

/* ---- commands -------------------------------------------------------------------------------- */

static bool parse_number(const char *text, double *value)
{
    static const char suffixes[] = "KMG";
    char *end;
    *value = strtod(text, &end);
    if (end == text || !(*value >= 0))
        return false;
    const char *suffix = *end ? strchr(suffixes, *end) : NULL;
    for (const char *s = suffixes; suffix && s <= suffix; s++)
        *value *= 1000;
    return *(end + (suffix != NULL)) == '\0';
}

/* When what waits for the link will have been carried by it at the new rate; `flight_ns` goes on. */
static void carry_on(const proxy *p, double rate, uint64_t now, uint64_t flight_ns,
                     uint64_t *due_ns)
{
    if (*due_ns <= now + flight_ns)
        return;
    const double wait_ns = (double)(*due_ns - now - flight_ns);
    *due_ns = now + flight_ns + (rate > 0 ? (uint64_t)(wait_ns * p->rate / rate) : 0);
}

static void set_rate(proxy *p, double rate)
{
    const uint64_t now = now_ns(), flight_ns = (uint64_t)p->delay_ns;
    for (connection *c = p->connections; c; c = c->next)
        for (int i = 0; i < 2; i++) {
            flow *f = i ? &c->down : &c->up;
            for (chunk *k = f->first; k; k = k->next)
                carry_on(p, rate, now, flight_ns, &k->due_ns);
            carry_on(p, rate, now, flight_ns, &f->due_ns);
        }
    for (int i = 0; i < 2; i++)
        carry_on(p, rate, now, 0, &p->free_ns[i]);
    p->rate = rate;
}

static bool set_number(proxy *p, const char *word, double value)
{
    if (strcmp(word, "delay") == 0)
        p->delay_ns = value * 1e6;
    else if (strcmp(word, "rate") == 0)
        set_rate(p, value);
    else if (strcmp(word, "corrupt") == 0)
        p->corrupt_in = (unsigned)value;
    else
        return false;
    return true;
}

static bool obey_word(proxy *p, const char *word)
{
    if (strcmp(word, "freeze") == 0)
        p->is_frozen = true;
    else if (strcmp(word, "thaw") == 0)
        p->is_frozen = false;
    else if (strcmp(word, "cut") == 0)
        cut(p);
    else if (strcmp(word, "quit") == 0)
        p->is_over = true;
    else if (strcmp(word, "serve") == 0 && p->listener < 0)
        start_listening(p);
    else if (strcmp(word, "refuse") == 0) {
        if (p->listener >= 0)
            close(p->listener);
        p->listener = -1;
        cut(p);
    } else {
        return strcmp(word, "serve") == 0;
    }
    return true;
}

static void obey(proxy *p, const char *line)
{
    char word[LINE_BYTES], argument[LINE_BYTES];
    double value;
    int count = sscanf(line, "%255s %255s", word, argument);
    bool is_known = count == 1   ? obey_word(p, word)
                    : count == 2 ? parse_number(argument, &value) && set_number(p, word, value)
                                 : false;
    say("%s %s\n", is_known ? "ok" : "no", line);
}

static void read_control(proxy *p)
{
    ssize_t got = read(p->control, p->line + p->line_size, sizeof(p->line) - 1 - p->line_size);
    if (got <= 0) {
        p->is_over = p->is_over || (got == 0 && p->control == STDIN_FILENO);
        return;
    }
    p->line_size += (size_t)got;
    for (char *end; (end = memchr(p->line, '\n', p->line_size));) {
        *end = '\0';
        obey(p, p->line);
        p->line_size -= (size_t)(end + 1 - p->line);
        memmove(p->line, end + 1, p->line_size);
    }
    if (p->line_size == sizeof(p->line) - 1)
        p->line_size = 0; /* no command is so long */
}

static void open_control(proxy *p, const char *path)
{
    p->control = -1;
    if (!path)
        return;
    if (strcmp(path, "-") == 0) {
        p->control = STDIN_FILENO;
        return;
    }
    if (mkfifo(path, 0600) != 0 && errno != EEXIST)
        die(path);
    /* Also for writing: a FIFO whose last writer left would be at its end for ever. */
    p->control = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (p->control < 0)
        die(path);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static short out_event(const flow *f, uint64_t now, uint64_t *wake_ns)
{
    if (!f->first)
        return 0;
    if (f->first->due_ns <= now)
        return POLLOUT;
    if (f->first->due_ns < *wake_ns)
        *wake_ns = f->first->due_ns;
    return 0;
}

/* Nothing is wanted of it: not even its end, which poll would tell again and again. */
static struct pollfd row(int fd, short events)
{
    return (struct pollfd){.fd = events ? fd : -1, .events = events};
}

static size_t fill_rows(proxy *p, struct pollfd *rows, uint64_t *wake_ns)
{
    uint64_t now = now_ns();
    bool is_open = p->listener >= 0 && !p->is_frozen && p->n_connections < CONNECTIONS_MAX;
    size_t count = 2;
    rows[0] = row(p->control, POLLIN);
    rows[1] = row(p->listener, is_open ? POLLIN : 0);
    for (connection *c = p->connections; c; c = c->next) {
        short client = may_read(p, &c->up) ? POLLIN : 0;
        short server = c->is_connecting ? POLLOUT : may_read(p, &c->down) ? POLLIN : 0;
        client |= out_event(&c->down, now, wake_ns);
        if (!c->is_connecting)
            server |= out_event(&c->up, now, wake_ns);
        c->at = count;
        rows[count++] = row(c->up.from, p->is_frozen ? 0 : client);
        rows[count++] = row(c->up.to, p->is_frozen ? 0 : server);
    }
    if (p->is_frozen)
        *wake_ns = NEVER;
    return count;
}

static void serve(proxy *p)
{
    static struct pollfd rows[2 + 2 * CONNECTIONS_MAX];
    while (!p->is_over) {
        uint64_t wake_ns = NEVER, now;
        size_t count = fill_rows(p, rows, &wake_ns);
        now = now_ns();
        uint64_t left = wake_ns > now ? wake_ns - now : 0;
        struct timespec timeout = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        if (ppoll(rows, count, wake_ns == NEVER ? NULL : &timeout, NULL) < 0 && errno != EINTR)
            die("poll");
        if (!p->is_frozen)
            for (connection *c = p->connections; c; c = c->next)
                serve_connection(p, c, &rows[c->at], &rows[c->at + 1]);
        close_finished(p);
        if (rows[1].revents)
            accept_one(p);
        if (rows[0].revents)
            read_control(p);
    }
}

int main(int argc, char **argv)
{
    static proxy p;
    if (argc < 3) {
        fprintf(stderr, "usage: link_proxy LISTEN TARGET [CONTROL [COMMAND...]]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000UL); /* delays are held to the microsecond */
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves no proxy behind */
    parse_address(argv[1], &p.listen, &p.listen_size);
    parse_address(argv[2], &p.target, &p.target_size);
    open_control(&p, argc > 3 ? argv[3] : NULL);
    start_listening(&p);
    say("listening on %d\n", listen_port(&p));
    for (int i = 4; i < argc; i++)
        obey(&p, argv[i]);
    serve(&p);
    cut(&p);
    return 0;
}
