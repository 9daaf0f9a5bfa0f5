/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files read by position, and files replaced whole. Reading by position (pread) has no shared
 * cursor, so that several threads read one file without a lock; nothing is mapped, so that a file
 * that is cut short behind our back gives an error, not a signal.
 */
#include "oc_base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct oc_file {
    const oc_allocator *alloc;
    atomic_size_t refs;
    int fd;
    uint64_t size;
    char path[];
};

/* "PATH: what: reason of errno". strerror_r would do as well; glibc's strerror is thread-safe. */
static oc_status fail_errno(const char *path, const char *what, int error)
{
    return oc_fail(OC_E_IO, "%s: %s: %s", path, what, strerror(error));
}

/* The descriptor of a regular file and its size. A pipe without a writer would block open, and has
 * no size, hence O_NONBLOCK and the check. */
static oc_status open_regular(const char *path, int *fd, uint64_t *size)
{
    struct stat info;
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return fail_errno(path, "cannot be opened", errno);
    if (fstat(opened, &info) != 0) {
        oc_status status = fail_errno(path, "cannot be examined", errno);
        close(opened);
        return status;
    }
    if (!S_ISREG(info.st_mode)) {
        close(opened);
        return oc_fail(OC_E_IO, "%s: expected a regular file, found %s", path,
                       S_ISDIR(info.st_mode) ? "a folder" : "something else");
    }
    *fd = opened;
    *size = (uint64_t)info.st_size;
    return OC_OK;
}

oc_status oc_file_open(const char *path, const oc_allocator *alloc, oc_file **file)
{
    int fd = -1;
    uint64_t size = 0;
    size_t path_bytes = strlen(path) + 1;
    oc_file *fresh = NULL;
    OC_TRY(oc_alloc(alloc, sizeof(*fresh) + path_bytes, 1, &fresh));
    oc_status status = open_regular(path, &fd, &size);
    if (status != OC_OK) {
        oc_free(alloc, fresh);
        return status;
    }
    fresh->alloc = alloc;
    fresh->fd = fd;
    fresh->size = size;
    atomic_init(&fresh->refs, 1);
    memcpy(fresh->path, path, path_bytes);
    *file = fresh;
    return OC_OK;
}

oc_file *oc_file_ref(oc_file *file)
{
    atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
    return file;
}

void oc_file_unref(oc_file *file)
{
    /* Acquire-release: whoever frees the file sees all that other owners did with it. */
    if (file == NULL || atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) != 1)
        return;
    close(file->fd);
    oc_free(file->alloc, file);
}

uint64_t oc_file_size(const oc_file *file)
{
    return file->size;
}

const char *oc_file_path(const oc_file *file)
{
    return file->path;
}

oc_status oc_file_read(oc_file *file, uint64_t offset, void *dst, size_t size)
{
    uint8_t *to = dst;
    if (offset > file->size || size > file->size - offset)
        return oc_fail(OC_E_IO, "%s: expected %zu bytes at offset %llu, found the end at %llu",
                       file->path, size, (unsigned long long)offset,
                       (unsigned long long)file->size);
    while (size > 0) {
        /* Larger reads are not portable: Linux stops at 2 GiB, others fail. */
        ssize_t got = pread(file->fd, to, OC_MIN(size, (size_t)1 << 30), (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(file->path, "cannot be read", errno);
        if (got == 0)
            return oc_fail(OC_E_IO,
                           "%s: expected %zu more bytes at offset %llu, found the end: "
                           "the file has become shorter",
                           file->path, size, (unsigned long long)offset);
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return OC_OK;
}

oc_status oc_file_slurp(const char *path, uint64_t max_bytes, const oc_allocator *alloc,
                        oc_bytes *bytes)
{
    oc_status status;
    oc_file *file = NULL;
    uint8_t *data = NULL;
    OC_TRY(oc_file_open(path, alloc, &file));
    if (file->size > max_bytes || file->size > SIZE_MAX) {
        status = oc_fail(OC_E_LIMIT, "%s: expected at most %llu bytes, found %llu", path,
                         (unsigned long long)max_bytes, (unsigned long long)file->size);
        goto out;
    }
    size_t size = (size_t)file->size;
    OC_TRY_OUT(oc_alloc(alloc, size, 1, &data));
    OC_TRY_OUT(oc_file_read(file, 0, data, size));
    *bytes = (oc_bytes){.data = data, .size = size};
    data = NULL;
out:
    oc_free(alloc, data);
    oc_file_unref(file);
    return status;
}

static oc_status write_all(int fd, const char *path, oc_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(fd, bytes.data, OC_MIN(bytes.size, (size_t)1 << 30));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_errno(path, "cannot be written", errno);
        bytes.data += put;
        bytes.size -= (size_t)put;
    }
    return OC_OK;
}

/* Write the pieces and close. Some file systems report a full disk only at close. */
static oc_status write_and_close(int fd, const char *path, const oc_bytes *pieces, size_t n)
{
    oc_status status = OC_OK;
    for (size_t i = 0; i < n && status == OC_OK; i++)
        status = write_all(fd, path, pieces[i]);
    if (close(fd) != 0 && status == OC_OK)
        status = fail_errno(path, "cannot be written", errno);
    return status;
}

/* A new file beside `path`, named in `name`. mkstemp would make it readable by its owner only. */
static oc_status open_beside(const char *path, char *name, size_t name_bytes, int *fd)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(name, name_bytes, "%s.%ld-%llx.tmp", path, (long)getpid(),
                 (unsigned long long)oc_now_ns());
        *fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd >= 0)
            return OC_OK;
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return fail_errno(path, "cannot be created", errno);
}

static oc_status replace_regular(const char *path, const oc_bytes *pieces, size_t n)
{
    char *name;
    int fd;
    size_t name_bytes = strlen(path) + 64;
    OC_TRY(oc_alloc(NULL, name_bytes, 1, &name));
    oc_status status = open_beside(path, name, name_bytes, &fd);
    if (status == OC_OK) {
        status = write_and_close(fd, path, pieces, n);
        if (status == OC_OK && rename(name, path) != 0)
            status = fail_errno(path, "cannot be replaced", errno);
        if (status != OC_OK)
            unlink(name);
    }
    oc_free(NULL, name);
    return status;
}

oc_status oc_file_replace_pieces(const char *path, const oc_bytes *pieces, size_t n)
{
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode))
        return replace_regular(path, pieces, n);
    if (S_ISDIR(info.st_mode))
        return oc_fail(OC_E_IO, "%s: expected a file to write, found a folder", path);
    /* A terminal, a pipe, /dev/null: to be written to, never to be replaced by a file. */
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(path, "cannot be opened", errno);
    return write_and_close(fd, path, pieces, n);
}

oc_status oc_file_replace(const char *path, const void *data, size_t size)
{
    return oc_file_replace_pieces(path, &(oc_bytes){.data = data, .size = size}, 1);
}
