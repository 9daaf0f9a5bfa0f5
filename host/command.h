/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A command of `offcut`: one const row that --help, the parser and the program itself read.
 *
 * The command uses the public headers only, so whatever it does a user's program can do too.
 */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include <offcut/offcut.h>

/** Exit statuses of the program. */
enum { HOST_OK = 0, HOST_FAILED = 1, HOST_USAGE = 2 };

#define HOST_COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

/** What an option's value is, and the C type of its field. */
typedef enum host_option_type {
    HOST_FLAG,  /* bool: no value */
    HOST_TEXT,  /* const char *: of argv; NULL when not given */
    HOST_UINT,  /* uint32_t, within min and max */
    HOST_BYTES, /* uint64_t, at least 1: "1048576", "64K", "512M", "4G" */
    HOST_CACHE, /* const char *, the folder; where none is given the user's (host_args_free frees it); NULL for "none" */
    HOST_MEMORY, /* uint64_t, likewise: what the whole command may hold (host_call.alloc) */
    HOST_TEXTS,  /* host_texts: may be given several times */
    HOST_NUMBERS /* host_numbers: "1.5" or "1,2,3" */
} host_option_type;

typedef struct host_texts {
    const char **items; /* texts of argv, in their order */
    size_t count;
} host_texts;

typedef struct host_numbers {
    float v[3];
    size_t count; /* 0: not given; 1 or 3 */
} host_numbers;

typedef struct host_option {
    const char *name;  /* "output" for --output */
    char letter;       /* 'o' for -o as well; 0: none */
    const char *value; /* what help calls the value: "FILE"; NULL for a flag */
    host_option_type type;
    size_t offset;       /* of the field in the command's options */
    uint32_t min, max;   /* UINT */
    const char *initial; /* the value when none is given, as if it were typed; NULL: zero */
    const char *help;
} host_option;

typedef struct host_command host_command;

/** The options of every command that opens a device, as one member of its options struct. */
typedef struct host_device_options {
    const char *device, *kernel_dir;
    const char *cache_dir; /* NULL: none */
    uint32_t threads;
} host_device_options;

/** Their rows, for the member `member_` of the struct `type_`. */
#define HOST_DEVICE_ROWS(type_, member_)                                            \
    {.name = "device",                                                              \
     .value = "SELECTOR",                                                           \
     .type = HOST_TEXT,                                                             \
     .offset = offsetof(type_, member_.device),                                     \
     .help = "where to run (see: offcut devices)"},                                 \
        {.name = "threads",                                                         \
         .value = "N",                                                              \
         .type = HOST_UINT,                                                         \
         .offset = offsetof(type_, member_.threads),                                \
         .max = 4096,                                                               \
         .help = "use at most N threads of a CPU device; 0: all"},                  \
        {.name = "kernels",                                                         \
         .value = "DIR",                                                            \
         .type = HOST_TEXT,                                                         \
         .offset = offsetof(type_, member_.kernel_dir),                             \
         .help = "read the kernels from this folder instead of the built-in ones"}, \
    {                                                                               \
        .name = "cache", .value = "DIR", .type = HOST_CACHE,                        \
        .offset = offsetof(type_, member_.cache_dir),                               \
        .help = "keep built kernels here for the next start; none: nowhere",        \
    }

/** One invocation. `options` is the command's own struct, filled by its rows. */
typedef struct host_call {
    const host_command *command; /* NULL before it is known */
    const char *operand;         /* the model's file; NULL where the command takes none */
    const void *options;
    oc_budget *budget;         /* of a HOST_MEMORY option that was given; NULL: no limit */
    const oc_allocator *alloc; /* the budget's, for every call of the library; NULL: no limit */
} host_call;

struct host_command {
    const char *name;
    const char *operand; /* "MODEL"; NULL: none is taken */
    const char *help;    /* one line */
    const char *notes;   /* what else help says; NULL */
    const host_option *options;
    size_t n_options;
    size_t options_size;     /* of the struct that the rows fill */
    void (*more_help)(void); /* prints what help says behind the notes; NULL */
    int (*run)(
        const host_call *call); /* returns the exit status; what failed was said by host_fail */
};

/**
 * Fill `call` from the words after the command's name. Returns HOST_OK, or HOST_USAGE after
 * saying why.
 * `*wants_help`: --help was among them, and nothing else was checked.
 * Owns: host_args_free afterwards, in any case.
 */
int host_args_parse(host_call *call, int argc, char **argv, bool *wants_help);
void host_args_free(host_call *call);
/** Print the command's help on stdout. */
void host_args_help(const host_command *command);

/**
 * Say on stderr, in one line that starts with the command's name, what failed. Returns HOST_FAILED.
 */
int host_fail(const host_call *call, const char *fmt, ...) OC_PRINTF(2, 3);
/** The same with the library's own text of the call that just failed. */
int host_fail_library(const host_call *call);
/** The same, with `path` before the text unless that names it already. */
int host_fail_about(const host_call *call, const char *path);
/** The same for words that were not understood, with a hint at --help. Returns HOST_USAGE. */
int host_usage(const host_call *call, const char *fmt, ...) OC_PRINTF(2, 3);

/** What the library wants to know to open that device. */
oc_prepare_options host_prepare_options(const host_device_options *options, const oc_log_sink *log);

/**
 * Zeroed memory, freed with free(). Ends the program when there is none left: a command has nothing
 * better to do.
 */
void *host_alloc(size_t count, size_t size);
/** printf into memory of host_alloc. */
char *host_text(const char *fmt, ...) OC_PRINTF(1, 2);

#endif
