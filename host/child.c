/* SPDX-License-Identifier: Apache-2.0 */
/** A worker as a process of its own. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIMEOUT_MS 60000 /* a first start compiles kernels */

/*
 * In the child. Threads may have held locks when the process was copied: only calls that are safe
 * in a signal handler.
 */
static void become_worker(const char *const *argv, pid_t parent, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(output, STDOUT_FILENO) >= 0)
        execv("/proc/self/exe", (char *const *)argv);
    _exit(127);
}

/* The first line of what it prints, within the time; false: it ended or said nothing. */
static bool read_line(int output, char *line, size_t size)
{
    size_t length = 0;
    while (length + 1 < size) {
        struct pollfd ready = {.fd = output, .events = POLLIN};
        if (poll(&ready, 1, START_TIMEOUT_MS) <= 0 || read(output, line + length, 1) != 1)
            return false;
        if (line[length] == '\n')
            break;
        length++;
    }
    line[length] = '\0';
    return true;
}

static int spawn(const host_call *call, const char *const *argv, host_child *child)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe(ends) != 0)
        return host_fail(call, "worker: expected a pipe to it, found: %s", strerror(errno));
    /* The copy that becomes its standard output stays open, the pipe itself does not. */
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fflush(stdout);
    child->pid = fork();
    if (child->pid == 0)
        become_worker(argv, parent, ends[1]);
    close(ends[1]);
    child->output = ends[0];
    if (child->pid > 0)
        return HOST_OK;
    close(ends[0]);
    child->pid = 0;
    return host_fail(call, "worker: expected a process, found: %s", strerror(errno));
}

int host_child_start(const host_call *call, const char *model, const host_device_options *device,
                     host_child *child)
{
    char threads[16];
    const char *argv[15] = {"offcut",    "worker",
                            "--listen",  "127.0.0.1:0",
                            "--model",   model,
                            "--threads", threads,
                            "--cache",   device->cache_dir ? device->cache_dir : "none"};
    size_t n = 10;
    snprintf(threads, sizeof(threads), "%u", device->threads);
    if (device->device) {
        argv[n++] = "--device";
        argv[n++] = device->device;
    }
    if (device->kernel_dir) {
        argv[n++] = "--kernels";
        argv[n++] = device->kernel_dir;
    }
    char line[128];
    const char *said = "listening on ";
    *child = (host_child){.pid = 0};
    int status = spawn(call, argv, child);
    if (status != HOST_OK)
        return status;
    if (!read_line(child->output, line, sizeof(line)) || strncmp(line, said, strlen(said)) != 0)
        return host_fail(call,
                         "worker: expected '%s...', found that it ended or was silent for %d s",
                         said, START_TIMEOUT_MS / 1000);
    snprintf(child->address, sizeof(child->address), "%.60s", line + strlen(said));
    return HOST_OK;
}

void host_child_freeze(const host_child *child)
{
    kill(child->pid, SIGSTOP);
    while (waitpid(child->pid, NULL, WUNTRACED) < 0 && errno == EINTR)
        continue;
}

void host_child_end(host_child *child)
{
    if (child->pid == 0)
        return;
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(child->output);
    child->pid = 0;
}
