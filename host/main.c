/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut COMMAND ...`: finds the command's row and runs it. */
#include "command.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#define OC_COMMAND(name_) extern const host_command host_command_##name_;
#include "commands.def"
#undef OC_COMMAND

static const host_command *const commands[] = {
#define OC_COMMAND(name_) &host_command_##name_,
#include "commands.def"
#undef OC_COMMAND
};

static const host_command *find_command(const char *name)
{
    for (size_t i = 0; i < HOST_COUNT(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void print_help(void)
{
    printf("usage: offcut COMMAND [OPTION]...\n\n"
           "Runs a trained CNN here, or cuts it and forwards the rest to a worker.\n\ncommands:\n");
    for (size_t i = 0; i < HOST_COUNT(commands); i++)
        printf("  %-10s%s\n", commands[i]->name, commands[i]->help);
    printf("\n'offcut COMMAND --help' says more about one; 'offcut --version' names the version.\n"
           "Exit status: 0 done, 1 failed, 2 the words were not understood.\n");
}

static int run_command(host_call *call, int argc, char **argv)
{
    bool wants_help = false;
    int status = host_args_parse(call, argc, argv, &wants_help);
    if (wants_help)
        host_args_help(call->command);
    else if (status == HOST_OK)
        status = call->command->run(call);
    host_args_free(call);
    return status;
}

/* `offcut help [COMMAND]`. */
static int run_help(host_call *call, int argc, char **argv)
{
    if (argc == 0) {
        print_help();
        return HOST_OK;
    }
    const host_command *command = find_command(argv[0]);
    if (!command)
        return host_usage(call, "'%s' is no command", argv[0]);
    host_args_help(command);
    return HOST_OK;
}

static int dispatch(host_call *call, int argc, char **argv)
{
    if (argc < 2)
        return host_usage(call, "expected a command, found none");
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        printf("offcut %s\n", oc_version());
        return HOST_OK;
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return run_help(call, argc - 2, argv + 2);
    const host_command *command = find_command(word);
    if (!command)
        return host_usage(call, "'%s' is no command", word);
    call->command = command;
    return run_command(call, argc - 2, argv + 2);
}

/*
 * Large blocks go back to the system when they are freed. glibc would come to keep them, because the
 * first constant of a model that is copied and freed raises its threshold to that size: 5 to 10 MiB
 * of MobileNetV2's peak.
 */
#define LARGE_BYTES (128 * 1024)

int main(int argc, char **argv)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    host_call call = {.command = NULL};
    int status = dispatch(&call, argc, argv);
    errno = 0;
    /* An answer that did not arrive is a failure, even where computing it was none. */
    if (fflush(stdout) || ferror(stdout))
        status = host_fail(&call, "stdout: expected to write the answer, found: %s",
                           strerror(errno ? errno : EIO));
    return status;
}
