/* SPDX-License-Identifier: Apache-2.0 */
/** The rows of a command's options, read by the parser and by --help alike. */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

static bool parse_uint(const host_option *option, const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text < '0' || *text > '9' || value < option->min ||
        value > option->max)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* A size of at least 1, in bytes or with a letter for a power of 1024. */
static bool parse_bytes(const char *text, uint64_t *out)
{
    static const char letters[] = "KMG";
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    const char *letter = *end ? strchr(letters, *end) : NULL;
    const int shift = letter ? 10 * (int)(letter - letters + 1) : 0;
    if (errno || *text < '0' || *text > '9' || (*end && (!letter || end[1])) || value == 0 ||
        value > UINT64_MAX >> shift)
        return false;
    *out = (uint64_t)value << shift;
    return true;
}

/* One number, or three separated by commas. */
static bool parse_numbers(const char *text, host_numbers *out)
{
    host_numbers found = {.count = 0};
    for (const char *at = text;; at++) {
        char *end;
        float value = strtof(at, &end);
        if (end == at || found.count == HOST_COUNT(found.v) || !isfinite(value))
            return false;
        found.v[found.count++] = value;
        at = end;
        if (*at != ',')
            break;
    }
    if (text[strcspn(text, " \t\n")] || found.count == 2 || text[strlen(text) - 1] == ',')
        return false;
    *out = found;
    return true;
}

/* Both texts as one. Owns: free. */
static char *join(const char *head, const char *tail)
{
    const size_t size = strlen(head) + strlen(tail) + 1;
    char *text = host_alloc(size, 1);
    snprintf(text, size, "%s%s", head, tail);
    return text;
}

/* `value` is NULL for a flag only. `room`: so many words there are at most. */
static int set_option(const host_call *call, const host_option *option, const char *value,
                      size_t room, void *options)
{
    void *field = (char *)options + option->offset;
    host_texts *texts = field;
    const bool is_text =
        option->type == HOST_TEXT || option->type == HOST_TEXTS || option->type == HOST_CACHE;
    if (is_text && !*value)
        return host_usage(call, "--%s: expected %s, found ''", option->name, option->value);
    switch (option->type) {
    case HOST_FLAG:
        *(bool *)field = true;
        return HOST_OK;
    case HOST_TEXT:
        *(const char **)field = value;
        return HOST_OK;
    case HOST_CACHE:
        *(char **)field = join(value, "");
        return HOST_OK;
    case HOST_TEXTS:
        if (!texts->items)
            texts->items = host_alloc(room, sizeof(*texts->items));
        texts->items[texts->count++] = value;
        return HOST_OK;
    case HOST_UINT:
        if (parse_uint(option, value, field))
            return HOST_OK;
        return host_usage(call, "--%s: expected a whole number from %u to %u, found '%s'",
                          option->name, option->min, option->max, value);
    case HOST_BYTES:
    case HOST_MEMORY:
        if (parse_bytes(value, field))
            return HOST_OK;
        return host_usage(call, "--%s: expected a number of bytes, or as 64K, 512M, 4G, found '%s'",
                          option->name, value);
    case HOST_NUMBERS:
        if (parse_numbers(value, field))
            return HOST_OK;
        return host_usage(call, "--%s: expected one number or three (%s), found '%s'", option->name,
                          option->value, value);
    }
    return HOST_OK;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* The row that `word` ("--output=x", "-o") names, and in *value what follows a '='. */
static const host_option *find_option(const host_command *command, const char *word,
                                      const char **value)
{
    size_t length = strcspn(word, "=");
    *value = word[length] ? word + length + 1 : NULL;
    for (size_t i = 0; i < command->n_options; i++) {
        const host_option *option = &command->options[i];
        bool is_short = option->letter && word[1] == option->letter && length == 2;
        bool is_long = strncmp(word, "--", 2) == 0 && length == strlen(option->name) + 2 &&
                       strncmp(word + 2, option->name, length - 2) == 0;
        if (is_short || is_long)
            return option;
    }
    return NULL;
}

/* The words of one invocation while they are read. */
typedef struct word_reader {
    int argc;
    char **argv;
    void *options;
    bool *is_given; /* for each row of the command */
} word_reader;

/* Whether the row's option comes for the second time; flags and lists may. */
static bool is_second(const host_call *call, const host_option *option, word_reader *words)
{
    bool *is_given = &words->is_given[option - call->command->options];
    bool is_single = option->type != HOST_FLAG && option->type != HOST_TEXTS;
    bool is_again = is_single && *is_given;
    *is_given = true;
    return is_again;
}

/* An option and its value, which may be the next word; *i is the index of the last word used. */
static int take_option(const host_call *call, word_reader *words, int *i)
{
    const char *word = words->argv[*i];
    const char *value;
    const host_option *option = find_option(call->command, word, &value);
    if (!option)
        return host_usage(call, "%.*s: no such option", (int)strcspn(word, "="), word);
    if (option->type == HOST_FLAG && value)
        return host_usage(call, "--%s takes no value, found '%s'", option->name, value);
    if (option->type != HOST_FLAG && !value) {
        if (*i + 1 == words->argc)
            return host_usage(call, "--%s: expected %s, found nothing", option->name,
                              option->value);
        value = words->argv[++*i];
    }
    if (is_second(call, option, words))
        return host_usage(call, "--%s: expected one %s, found a second: '%s'", option->name,
                          option->value, value);
    return set_option(call, option, value, (size_t)words->argc, words->options);
}

static int take_operand(host_call *call, const char *word)
{
    if (!call->command->operand)
        return host_usage(call, "expected options only, found '%s'", word);
    if (call->operand)
        return host_usage(call, "expected one %s, found '%s' and '%s'", call->command->operand,
                          call->operand, word);
    call->operand = word;
    return HOST_OK;
}

static int set_initial(const host_call *call, void *options)
{
    int status = HOST_OK;
    for (size_t i = 0; i < call->command->n_options && status == HOST_OK; i++)
        if (call->command->options[i].initial)
            status = set_option(call, &call->command->options[i], call->command->options[i].initial,
                                1, options);
    return status;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Every word, options in any order; "--" ends them. */
static int take_words(host_call *call, word_reader *words)
{
    bool is_ended = false;
    int status = HOST_OK;
    for (int i = 0; i < words->argc && status == HOST_OK; i++) {
        const char *word = words->argv[i];
        if (!is_ended && strcmp(word, "--") == 0)
            is_ended = true;
        else if (!is_ended && word[0] == '-' && word[1])
            status = take_option(call, words, &i);
        else
            status = take_operand(call, word);
    }
    if (status == HOST_OK && call->command->operand && !call->operand)
        return host_usage(call, "expected a %s, found none", call->command->operand);
    return status;
}

/* The limit on memory, if the command has one and it was given. */
static int set_budget(host_call *call)
{
    for (size_t i = 0; i < call->command->n_options; i++) {
        const host_option *option = &call->command->options[i];
        const uint64_t *bytes = (const void *)((const char *)call->options + option->offset);
        if (option->type != HOST_MEMORY || *bytes == 0)
            continue;
        if (oc_budget_create(*bytes, NULL, &call->budget) != OC_OK)
            return host_fail_library(call);
        call->alloc = oc_budget_get_allocator(call->budget);
    }
    return HOST_OK;
}

/* Where nothing is said: the folder of the XDG Base Directory Specification; NULL when nobody knows one. */
static char *default_cache(void)
{
    static const char *const places[][2] = {
        {"OFFCUT_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/offcut"}, {"HOME", "/.cache/offcut"}};
    for (size_t i = 0; i < HOST_COUNT(places); i++) {
        const char *value = getenv(places[i][0]);
        if (value && *value)
            return join(value, places[i][1]);
    }
    return NULL;
}

static void set_cache(const host_call *call, void *options)
{
    for (size_t i = 0; i < call->command->n_options; i++) {
        const host_option *option = &call->command->options[i];
        if (option->type != HOST_CACHE)
            continue;
        char **folder = (void *)((char *)options + option->offset);
        if (!*folder)
            *folder = default_cache();
        if (*folder && strcmp(*folder, "none") == 0) {
            free(*folder);
            *folder = NULL;
        }
    }
}

int host_args_parse(host_call *call, int argc, char **argv, bool *wants_help)
{
    word_reader words = {.argc = argc, .argv = argv};
    words.options = host_alloc(1, call->command->options_size);
    call->options = words.options;
    for (int i = 0; i < argc && !*wants_help; i++)
        *wants_help = is_help(argv[i]);
    if (*wants_help)
        return HOST_OK;
    words.is_given = host_alloc(call->command->n_options, sizeof(*words.is_given));
    int status = set_initial(call, words.options);
    if (status == HOST_OK)
        status = take_words(call, &words);
    free(words.is_given);
    set_cache(call, words.options);
    return status == HOST_OK ? set_budget(call) : status;
}

void host_args_free(host_call *call)
{
    for (size_t i = 0; call->options && i < call->command->n_options; i++) {
        const host_option *option = &call->command->options[i];
        const void *field = (const char *)call->options + option->offset;
        if (option->type == HOST_TEXTS)
            free(((const host_texts *)field)->items);
        else if (option->type == HOST_CACHE)
            free(*(char *const *)field);
    }
    free((void *)call->options);
    call->options = NULL;
    /* A driver that still holds a buffer will yet say that it is gone. */
    if (call->budget && oc_budget_used_bytes(call->budget) == 0)
        oc_budget_destroy(call->budget);
    call->budget = NULL;
    call->alloc = NULL;
}

oc_prepare_options host_prepare_options(const host_device_options *options, const oc_log_sink *log)
{
    return (oc_prepare_options){.device = options->device,
                                .threads = options->threads,
                                .kernel_dir = options->kernel_dir,
                                .cache_dir = options->cache_dir,
                                .log = log};
}

/* ---- help ------------------------------------------------------------------------------------ */

static void print_option(char letter, const char *name, const char *value, const char *help,
                         const char *initial)
{
    char head[80];
    char dash[8] = "    ";
    if (letter)
        snprintf(dash, sizeof(dash), "-%c, ", letter);
    snprintf(head, sizeof(head), "%s--%s%s%s", dash, name, value ? " " : "", value ? value : "");
    /* Long heads get a line of their own, so that all texts start in one column. */
    if (strlen(head) > 28)
        printf("  %s\n%32s%s", head, "", help);
    else
        printf("  %-28s  %s", head, help);
    if (initial)
        printf(" (default %s)", initial);
    putchar('\n');
}

void host_args_help(const host_command *command)
{
    printf("usage: offcut %s%s%s [OPTION]...\n\n%c%s.\n\noptions:\n", command->name,
           command->operand ? " " : "", command->operand ? command->operand : "",
           toupper((unsigned char)command->help[0]), command->help + 1);
    for (size_t i = 0; i < command->n_options; i++) {
        const host_option *option = &command->options[i];
        print_option(option->letter, option->name, option->value, option->help, option->initial);
    }
    print_option('h', "help", NULL, "say this", NULL);
    if (command->notes)
        printf("\n%s\n", command->notes);
    if (command->more_help)
        command->more_help();
}
