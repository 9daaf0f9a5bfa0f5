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

/* ---- files that appear whole ------------------------------------------------------------------ */

struct oc_file_out {
    const oc_allocator *alloc;
    int fd;          /* -1: closed */
    bool has_beside; /* `beside` exists and is what gets written */
    char *path, *beside;
    char texts[];
};

/* The path's folder, as it can be asked for, and the name in it. */
static bool stat_folder(const char *path, struct stat *info, const char **name)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t size = slash ? (size_t)(slash - path) + 1 : 0;
    *name = path + size;
    if (size + 2 > sizeof(folder))
        return false;
    memcpy(folder, path, size);
    memcpy(folder + size, ".", 2);
    return stat(folder, info) == 0;
}

bool oc_file_is_same_place(const char *a, const char *b)
{
    struct stat of_a, of_b;
    const char *name_a, *name_b;
    return strcmp(a, b) == 0 ||
           (stat_folder(a, &of_a, &name_a) && stat_folder(b, &of_b, &name_b) &&
            strcmp(name_a, name_b) == 0 && of_a.st_dev == of_b.st_dev &&
            of_a.st_ino == of_b.st_ino);
}

bool oc_file_is_same(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return oc_file_is_same_place(a, b) || (stat(a, &of_a) == 0 && stat(b, &of_b) == 0 &&
                                           of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino);
}

/* A new file beside the path. mkstemp would make it readable by its owner only. */
static oc_status open_beside(oc_file_out *out, size_t beside_bytes)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(out->beside, beside_bytes, "%s.%ld-%llx.tmp", out->path, (long)getpid(),
                 (unsigned long long)oc_now_ns());
        out->fd = open(out->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        out->has_beside = out->fd >= 0;
        if (out->has_beside)
            return OC_OK;
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return fail_errno(out->path, "cannot be created", errno);
}

static oc_status open_out(oc_file_out *out, size_t beside_bytes)
{
    struct stat info;
    if (stat(out->path, &info) != 0 || S_ISREG(info.st_mode))
        return open_beside(out, beside_bytes);
    if (S_ISDIR(info.st_mode))
        return oc_fail(OC_E_IO, "%s: expected a file to write, found a folder", out->path);
    /* A terminal, a pipe, /dev/null: to be written to, never to be replaced by a file. */
    out->fd = open(out->path, O_WRONLY | O_CLOEXEC);
    return out->fd < 0 ? fail_errno(out->path, "cannot be opened", errno) : OC_OK;
}

oc_status oc_file_out_create(const char *path, const oc_allocator *alloc, oc_file_out **out)
{
    oc_file_out *fresh = NULL;
    size_t path_bytes = strlen(path) + 1, beside_bytes = path_bytes + 64;
    OC_TRY(oc_alloc(alloc, sizeof(*fresh) + path_bytes + beside_bytes, 1, &fresh));
    fresh->alloc = alloc;
    fresh->fd = -1;
    fresh->path = fresh->texts;
    fresh->beside = fresh->texts + path_bytes;
    memcpy(fresh->path, path, path_bytes);
    oc_status status = open_out(fresh, beside_bytes);
    if (status != OC_OK)
        oc_free(alloc, fresh);
    else
        *out = fresh;
    return status;
}

oc_status oc_file_out_put(oc_file_out *out, const void *data, size_t size)
{
    return write_all(out->fd, out->path, (oc_bytes){.data = data, .size = size});
}

oc_status oc_file_out_close(oc_file_out *out)
{
    int fd = out->fd;
    out->fd = -1;
    if (fd >= 0 && close(fd) != 0)
        return fail_errno(out->path, "cannot be written", errno);
    return OC_OK;
}

oc_status oc_file_out_keep(oc_file_out *out)
{
    OC_TRY(oc_file_out_close(out));
    if (out->has_beside && rename(out->beside, out->path) != 0)
        return fail_errno(out->path, "cannot be replaced", errno);
    out->has_beside = false;
    return OC_OK;
}

void oc_file_out_destroy(oc_file_out *out)
{
    if (!out)
        return;
    if (out->fd >= 0)
        close(out->fd);
    if (out->has_beside)
        unlink(out->beside);
    oc_free(out->alloc, out);
}

oc_status oc_file_replace_pieces(const char *path, const oc_bytes *pieces, size_t n)
{
    oc_file_out *out = NULL;
    OC_TRY(oc_file_out_create(path, NULL, &out));
    oc_status status = OC_OK;
    for (size_t i = 0; i < n && status == OC_OK; i++)
        status = oc_file_out_put(out, pieces[i].data, pieces[i].size);
    if (status == OC_OK)
        status = oc_file_out_keep(out);
    oc_file_out_destroy(out);
    return status;
}

oc_status oc_file_replace(const char *path, const void *data, size_t size)
{
    return oc_file_replace_pieces(path, &(oc_bytes){.data = data, .size = size}, 1);
}
