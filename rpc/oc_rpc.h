/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What both ends of the wire share: the gRPC library and its log, threads that wait on a completion
 * queue, messages, statuses, addresses, the checksum. Only this room sees gRPC.
 */
#ifndef OC_RPC_H
#define OC_RPC_H

#include "oc_base.h"

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>

/* Protocol versions of offcut.v1 that this build speaks: N and, once there is one, N - 1. */
#define OC_RPC_VERSION_MIN 1
#define OC_RPC_VERSION_MAX 1

#define OC_RPC_SMALL_BYTES (256u << 10) /* largest message without a tensor */
#define OC_RPC_DEPTH 4                  /* nesting of such a message; our own have 2 */
#define OC_RPC_NAME_TEXT 256            /* a model's name with its end, as both sides hold it */
#define OC_RPC_STATUS_KEY "offcut-status"

#define OC_RPC_PATH_HELLO "/offcut.v1.Offcut/Hello"
#define OC_RPC_PATH_RUN_PART "/offcut.v1.Offcut/RunPart"
#define OC_RPC_PATH_STATUS "/offcut.v1.Offcut/Status"

/* Bounds of a Status stream: between messages that nobody asked for, and of a request's padding. */
#define OC_RPC_STATUS_MIN_MS 20
#define OC_RPC_STATUS_MAX_MS 60000
#define OC_RPC_PADDING_BYTES (1u << 20)
/*
 * What a peer may send of one stream before it hears that it was taken, at the start of a connection: a chunk. From then on
 * gRPC's estimate of the link (BDP) widens the windows of streams and connection; without it the connection's stays at 64 KiB, and a
 * cut of 600 KiB costs a round trip more each way. docs/adr/0008-status-stream.md has the figures.
 */
#define OC_RPC_WINDOW_BYTES (1 << 20)

/* ---- the library ----------------------------------------------------------------------------- */

/** Count one more user of gRPC in this process, and route its messages (see oc_rpc_log_thread). */
void oc_rpc_begin(void);
void oc_rpc_end(void);

/**
 * What gRPC says on this thread goes to `sink` (NULL: nowhere) from now on; returns the one before.
 * gRPC has one log function per process and says nothing of whose channel or server speaks; but it
 * works on the threads that call it, so that the thread tells.
 */
const oc_log_sink *oc_rpc_log_thread(const oc_log_sink *sink);

/** A thread without signals: they are the program's. `run(ctx)` is its body. Errors: OC_E_NOMEM. */
OC_MUST_USE oc_status oc_rpc_thread_start(void *(*run)(void *ctx), void *ctx, pthread_t *thread);

/* ---- a thread on a completion queue ---------------------------------------------------------- */

/** What gRPC hands back when something is done. `done` runs on the loop's thread. */
typedef struct oc_rpc_tag {
    void (*done)(void *owner, bool ok);
    void *owner;
} oc_rpc_tag;

typedef struct oc_rpc_loop {
    grpc_completion_queue *queue;
    pthread_t thread;
    bool is_running;
    const oc_log_sink *log;
    void (*tick)(void *ctx); /* NULL: never called */
    void *tick_ctx;
    uint64_t tick_ns;
    uint64_t due_ns; /* of oc_now_ns: when tick is called next. The loop's thread may bring it forward. */
} oc_rpc_loop;

void oc_rpc_loop_init(oc_rpc_loop *loop, const oc_log_sink *log);
/** Begin to serve tags on a thread of its own. `tick`: called about every `tick_ns`, on that thread. */
OC_MUST_USE oc_status oc_rpc_loop_start(oc_rpc_loop *loop);
/** Serve what is left and end. No call may use the queue any more. Also for a loop that was never started. */
void oc_rpc_loop_fini(oc_rpc_loop *loop);

/** `at_ns` of oc_now_ns as gRPC wants it. */
gpr_timespec oc_rpc_deadline(uint64_t at_ns);
/** And back; a deadline too far away for a uint64_t is OC_NEVER_NS. */
uint64_t oc_rpc_deadline_ns(gpr_timespec deadline);

/* ---- a call of one question and one answer, for clients ----------------------------------------- */

typedef struct oc_rpc_unary {
    grpc_call *call; /* NULL: none is under way */
    grpc_byte_buffer *question, *answer; /* answer NULL: none came */
    grpc_metadata_array head, tail;
    grpc_status_code code;
    grpc_slice details;
} oc_rpc_unary;

typedef struct oc_rpc_unary_options {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    const char *path;
    grpc_byte_buffer *question; /* owned by the call from then on, whatever happens */
    uint64_t deadline_ns;       /* of oc_now_ns */
    bool waits_for_ready;       /* for a connection, instead of failing at once */
} oc_rpc_unary_options;

/** `on_over` comes once, when all fields are set. False: gRPC refused the call, and nothing will come. */
bool oc_rpc_unary_begin(oc_rpc_unary *unary, const oc_rpc_unary_options *options, oc_rpc_tag *on_over);
/** Releases what belongs to a call that is over. */
void oc_rpc_unary_end(oc_rpc_unary *unary);

/* ---- statuses -------------------------------------------------------------------------------- */

grpc_status_code oc_rpc_code(oc_status status);
/** The status a peer means: by its name ("E_SHAPE", not terminated) where it sent one we know, else by the gRPC code. */
oc_status oc_rpc_status(grpc_status_code code, oc_bytes name);

/* ---- messages -------------------------------------------------------------------------------- */

/**
 * The bytes of a message as one view. Owns: the caller drops `*slice`, which holds them, with
 * grpc_slice_unref; `slice` is not copied meanwhile. Errors: OC_E_LIMIT (found, at most), OC_E_FORMAT (no message), OC_E_UNSUPPORTED (compressed).
 */
OC_MUST_USE oc_status oc_rpc_bytes(grpc_byte_buffer *buffer, size_t max_bytes, grpc_slice *slice, oc_bytes *bytes);

/** A message of one slice that the caller fills: `*data` has `size` bytes. */
grpc_byte_buffer *oc_rpc_buffer(size_t size, uint8_t **data);
/** Tag and length of a bytes field (numbers 1 to 15) of `size` bytes: how long they are, and writing them; returns what follows. */
size_t oc_rpc_field_bytes(size_t size);
uint8_t *oc_rpc_field_put(uint8_t *at, uint32_t number, size_t size);
/** A small message as it goes over the wire. */
grpc_byte_buffer *oc_rpc_pack(const ProtobufCMessage *message);

/**
 * Unpack a small message after it was checked: protobuf-c recurses and copies as the bytes tell it,
 * so size, nesting and texts are checked first. Owns: the caller frees `*message` with oc_rpc_unpacked_free.
 * Errors: OC_E_FORMAT, OC_E_LIMIT, OC_E_NOMEM; the text names the message.
 */
OC_MUST_USE oc_status oc_rpc_unpack(const ProtobufCMessageDescriptor *type, oc_bytes bytes, const oc_allocator *alloc, void *message);
void oc_rpc_unpacked_free(void *message, const oc_allocator *alloc);

/* ---- addresses ------------------------------------------------------------------------------- */

#define OC_RPC_HOST_TEXT 256
typedef struct oc_rpc_address {
    char host[OC_RPC_HOST_TEXT]; /* a name, an IPv4 or an IPv6 address, without brackets */
    bool is_v6;
    bool is_v4;
    int port;
} oc_rpc_address;

/** "HOST:PORT", "[IPV6]:PORT". Errors: OC_E_ARG. */
OC_MUST_USE oc_status oc_rpc_address_parse(const char *text, oc_rpc_address *address);
/** What a gRPC channel connects to: the scheme is said, so that no name is taken for one. Returns `text`. */
#define OC_RPC_TARGET_TEXT (OC_RPC_HOST_TEXT + 32)
char *oc_rpc_address_target(const oc_rpc_address *address, char text[OC_RPC_TARGET_TEXT]);
/**
 * Let `server` listen on every address that the host stands for; `*port` receives the port, chosen by the system where it was 0.
 * Errors: OC_E_BUSY (taken), OC_E_IO (no such host or address, no right); the text names the address.
 */
OC_MUST_USE oc_status oc_rpc_listen(grpc_server *server, const oc_rpc_address *address, int *port);

/* ---- checksum -------------------------------------------------------------------------------- */

/** XXH64 with seed 0, in pieces of any size. */
typedef struct oc_rpc_sum {
    uint64_t lane[4];
    uint64_t bytes;
    uint8_t rest[32]; /* the last bytes % 32 bytes */
} oc_rpc_sum;
void oc_rpc_sum_init(oc_rpc_sum *sum);
void oc_rpc_sum_put(oc_rpc_sum *sum, const void *data, size_t size);
uint64_t oc_rpc_sum_end(const oc_rpc_sum *sum);

#endif
