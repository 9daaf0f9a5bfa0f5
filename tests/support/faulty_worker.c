/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_worker [--listen HOST:PORT] [--device SELECTOR] CONTROL [NAME=]MODEL...: a worker that
 * lies on command.
 *
 * It is the library's own worker; the linker puts these functions between its rooms (see
 * tests/CMakeLists.txt). CONTROL is a file with one line, read at each message, so that it may be
 * replaced (by rename, not written in place) while the worker runs; absent or "honest": it does as
 * it should. Else
 *
 *     shape, dtype, checksum   a value's chunks say another one than they have
 *     short                    a value comes with half of its bytes, and says so
 *     missing                  the first value does not come, all else does
 *     half                     the first chunk of the answer comes, then nothing
 *     silent                   nothing comes
 *     refuse                   the part ends with an error
 *     slow MS                  the device takes so much longer
 *     plausible                the first value has other numbers, and their right checksum
 *     digest, version          Hello names another graph, versions that nobody else speaks
 *     times                    Done tells times that cannot be
 *     status                   Status tells loads, queues and clocks that cannot be
 */
#include "oc_serve.h"

#include "offcut_v1.pb-c.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

grpc_byte_buffer *__real_oc_flow_send(oc_flow_value *value);
grpc_byte_buffer *__wrap_oc_flow_send(oc_flow_value *value);
grpc_byte_buffer *__real_oc_rpc_pack(const ProtobufCMessage *message);
grpc_byte_buffer *__wrap_oc_rpc_pack(const ProtobufCMessage *message);
oc_status __real_oc_serve_part_ran(oc_serve_call *call);
oc_status __wrap_oc_serve_part_ran(oc_serve_call *call);
oc_status __real_oc_serve_part_sent(oc_serve_call *call);
oc_status __wrap_oc_serve_part_sent(oc_serve_call *call);
oc_status __real_oc_lane_submit(oc_lane *lane, size_t first, size_t count);
oc_status __wrap_oc_lane_submit(oc_lane *lane, size_t first, size_t count);

/* The wrapped functions get no context, a signal handler neither. */
static const char *control;
static oc_worker *serving;

typedef struct lie {
    char word[32];
    double number;
} lie;

static lie current_lie(void)
{
    char line[64];
    lie now = {.word = "honest"};
    int fd = open(control, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return now;
    ssize_t size = read(fd, line, sizeof(line) - 1);
    close(fd);
    line[size > 0 ? size : 0] = '\0';
    sscanf(line, "%31s %lf", now.word, &now.number);
    return now;
}

static bool lies(const char *word)
{
    return strcmp(current_lie().word, word) == 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static grpc_byte_buffer *send_half(oc_flow_value *value)
{
    oc_flow_value half = *value;
    half.bytes = value->bytes / 2;
    grpc_byte_buffer *message = __real_oc_flow_send(&half);
    value->moved = value->bytes;
    value->is_done = true;
    return message;
}

grpc_byte_buffer *__wrap_oc_flow_send(oc_flow_value *value)
{
    const lie now = current_lie();
    const oc_desc *honest = value->desc;
    oc_desc desc = *honest;
    if (strcmp(now.word, "short") == 0 && value->moved == 0)
        return send_half(value);
    if (strcmp(now.word, "shape") == 0 && desc.shape.rank > 0)
        desc.shape.dim[desc.shape.rank - 1]++;
    if (strcmp(now.word, "dtype") == 0)
        desc.dtype = desc.dtype == OC_DTYPE_int32 ? OC_DTYPE_float32 : OC_DTYPE_int32;
    if (strcmp(now.word, "checksum") == 0)
        value->sum.bytes += 64; /* enters the sum and moves no byte of the rest */
    value->desc = &desc;
    grpc_byte_buffer *message = __real_oc_flow_send(value);
    value->desc = honest;
    return message;
}

/* ---- calls ----------------------------------------------------------------------------------- */

oc_status __wrap_oc_serve_part_ran(oc_serve_call *call)
{
    oc_flow_value *first = &call->request->gives[0];
    if (lies("silent"))
        return OC_OK;
    if (lies("refuse"))
        return oc_fail(OC_E_DEVICE, "this worker was told to fail");
    if (lies("missing"))
        first->is_done = true;
    if (lies("plausible") && first->bytes > 2)
        ((uint8_t *)first->data)[2] ^= 1; /* of a float32: the 16th bit of its fraction */
    return __real_oc_serve_part_ran(call);
}

oc_status __wrap_oc_serve_part_sent(oc_serve_call *call)
{
    return lies("half") ? OC_OK : __real_oc_serve_part_sent(call);
}

oc_status __wrap_oc_lane_submit(oc_lane *lane, size_t first, size_t count)
{
    const lie now = current_lie();
    if (strcmp(now.word, "slow") == 0) {
        struct timespec pause = {(time_t)(now.number / 1000), (long)(fmod(now.number, 1000) * 1e6)};
        nanosleep(&pause, NULL);
    }
    return __real_oc_lane_submit(lane, first, count);
}

/* ---- small messages -------------------------------------------------------------------------- */

static grpc_byte_buffer *pack_hello(const Offcut__V1__HelloResponse *honest)
{
    Offcut__V1__HelloResponse hello = *honest;
    char digest[OC_DIGEST_TEXT] = "";
    if (lies("version"))
        hello.version_min = hello.version_max = OC_RPC_VERSION_MAX + 2;
    if (!lies("digest") || hello.n_models == 0)
        return __real_oc_rpc_pack(&hello.base);
    /* The first model alone, under its own name. */
    Offcut__V1__Model model = *honest->models[0], *models[] = {&model};
    snprintf(digest, sizeof(digest), "%s", model.digest);
    digest[0] = digest[0] == '0' ? '1' : '0';
    model.digest = digest;
    hello.models = models;
    hello.n_models = 1;
    return __real_oc_rpc_pack(&hello.base);
}

static grpc_byte_buffer *pack_part(const Offcut__V1__RunPartResponse *honest)
{
    Offcut__V1__RunPartResponse response = *honest;
    if (response.message_case != OFFCUT__V1__RUN_PART_RESPONSE__MESSAGE_DONE || !lies("times"))
        return __real_oc_rpc_pack(&honest->base);
    Offcut__V1__Done done = *honest->done;
    done.receive_ns = UINT64_MAX;
    done.queue_ns = UINT64_MAX - 1;
    done.compute_ns = UINT64_MAX / 2;
    done.open_at_ns = UINT64_MAX;
    done.done_at_ns = 1;
    response.done = &done;
    return __real_oc_rpc_pack(&response.base);
}

static grpc_byte_buffer *pack_status(const Offcut__V1__StatusResponse *honest)
{
    Offcut__V1__StatusResponse status = *honest;
    if (lies("status")) {
        status.received_at_ns = UINT64_MAX;
        status.sent_at_ns = 0;
        status.queue_ns = UINT64_MAX;
        status.n_waiting = status.n_running = UINT32_MAX;
        status.cpu_load = -NAN;
        status.memory_available = -INFINITY;
        status.temperature = 1e300;
        status.has_temperature = true;
    }
    return __real_oc_rpc_pack(&status.base);
}

grpc_byte_buffer *__wrap_oc_rpc_pack(const ProtobufCMessage *message)
{
    if (message->descriptor == &offcut__v1__hello_response__descriptor)
        return pack_hello((const Offcut__V1__HelloResponse *)message);
    if (message->descriptor == &offcut__v1__run_part_response__descriptor)
        return pack_part((const Offcut__V1__RunPartResponse *)message);
    if (message->descriptor == &offcut__v1__status_response__descriptor)
        return pack_status((const Offcut__V1__StatusResponse *)message);
    return __real_oc_rpc_pack(message);
}

/* ---- the program ----------------------------------------------------------------------------- */

static void on_signal(int number)
{
    (void)number;
    oc_worker_stop(serving);
}

static oc_worker_model model_of(char *text)
{
    char *equals = strchr(text, '='), *slash = strchr(text, '/');
    if (!equals || (slash && slash < equals))
        return (oc_worker_model){.path = text};
    *equals = '\0';
    return (oc_worker_model){.name = text, .path = equals + 1};
}

int main(int argc, char **argv)
{
    oc_worker_model models[16];
    oc_worker_options options = {.listen = "127.0.0.1:0", .models = models, .prepare.threads = 1};
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--listen") == 0)
            options.listen = argv[at + 1];
        else if (strcmp(argv[at], "--device") == 0)
            options.prepare.device = argv[at + 1];
    }
    if (argc - at < 2 || (size_t)(argc - at - 1) > OC_COUNT(models)) {
        fprintf(stderr, "usage: faulty_worker [--listen HOST:PORT] [--device SELECTOR] CONTROL "
                        "[NAME=]MODEL...\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves no worker behind */
    control = argv[at];
    for (int i = at + 1; i < argc; i++)
        models[options.n_models++] = model_of(argv[i]);
    if (oc_worker_create(&options, NULL, &serving) != OC_OK) {
        fprintf(stderr, "faulty_worker: %s\n", oc_error_text());
        return 1;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    printf("listening on %.*s:%d\n", (int)(strrchr(options.listen, ':') - options.listen),
           options.listen, oc_worker_port(serving));
    fflush(stdout);
    oc_status status = oc_worker_run(serving);
    if (status != OC_OK)
        fprintf(stderr, "faulty_worker: %s\n", oc_error_text());
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    oc_worker_destroy(serving);
    return status == OC_OK ? 0 : 1;
}
