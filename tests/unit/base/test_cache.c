/* SPDX-License-Identifier: Apache-2.0 */
/* Results kept in a folder: what is put comes back, and what is wrong with a file costs a warning. */
#include "oc_test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOP "test_cache.dir"
#define FOLDER TOP "/deeper/folder"
#define HEAD 80

static const char text[] = "what was dear to make";
static const oc_bytes result = {.data = (const uint8_t *)text, .size = sizeof(text)};

typedef struct lines {
    int warnings, others;
    char last[600];
} lines;

static void count_line(void *ctx, oc_log_level level, const char *line)
{
    lines *to = ctx;
    *(level >= OC_LOG_WARN ? &to->warnings : &to->others) += 1;
    if (level >= OC_LOG_WARN)
        snprintf(to->last, sizeof(to->last), "%s", line);
}

static oc_digest key_of(uint8_t n)
{
    oc_digest key;
    for (size_t i = 0; i < OC_DIGEST_BYTES; i++)
        key.bytes[i] = (uint8_t)(n + i);
    return key;
}

static void path_of(const char *folder, const oc_digest *key, char path[200])
{
    char name[OC_DIGEST_TEXT];
    snprintf(path, 200, "%s/%s", folder, oc_digest_print(key, name));
}

static oc_cache *open_cache(const char *folder, lines *seen, oc_log_sink *sink)
{
    oc_cache *cache;
    *seen = (lines){.warnings = 0};
    *sink = (oc_log_sink){.ctx = seen, .level = OC_LOG_DEBUG, .write = count_line};
    oc_assert_ok(oc_cache_create(folder, sink, NULL, &cache));
    return cache;
}

static bool holds(oc_cache *cache, const oc_digest *key)
{
    oc_bytes got = {0};
    if (!oc_cache_get(cache, key, &got))
        return false;
    assert_int_equal(got.size, result.size);
    assert_memory_equal(got.data, result.data, result.size);
    oc_free(NULL, (void *)got.data);
    return true;
}

/* How many files the folder holds. */
static int count_files(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int remove_all(void **state)
{
    (void)state;
    return system("rm -rf " TOP) == 0 && mkdir(TOP, 0777) == 0 ? 0 : -1;
}

static void what_is_put_comes_back(void **state)
{
    lines seen;
    oc_log_sink sink;
    struct stat info;
    (void)state;
    const oc_digest a = key_of(1), b = key_of(2);
    oc_cache *cache = open_cache(FOLDER, &seen, &sink);
    assert_false(holds(cache, &a));
    assert_int_not_equal(stat(FOLDER, &info), 0);
    assert_true(oc_cache_put(cache, &a, result));
    assert_true(holds(cache, &a));
    assert_false(holds(cache, &b));
    oc_cache_put(cache, &a, result);
    assert_true(holds(cache, &a));
    assert_int_equal(count_files(FOLDER), 1);
    assert_int_equal(stat(FOLDER, &info), 0);
    assert_int_equal(info.st_mode & 0777 & 0077, 0);
    oc_cache_destroy(cache);
    cache = open_cache(FOLDER "/", &seen, &sink);
    assert_true(holds(cache, &a));
    oc_cache_put(cache, &b, (oc_bytes){.data = result.data, .size = 0});
    oc_bytes got = {0};
    assert_true(oc_cache_get(cache, &b, &got));
    assert_int_equal(got.size, 0);
    oc_free(NULL, (void *)got.data);
    assert_int_equal(seen.warnings + seen.others, 0);
    oc_cache_destroy(cache);
    oc_cache_destroy(NULL);
}

/* The file with these bytes is not taken, is told of once, and is replaced by the next put. */
static void is_refused(const oc_digest *key, const uint8_t *bytes, size_t size)
{
    char path[200];
    lines seen;
    oc_log_sink sink;
    path_of(FOLDER, key, path);
    oc_assert_ok(oc_file_replace(path, bytes, size));
    oc_cache *cache = open_cache(FOLDER, &seen, &sink);
    assert_false(holds(cache, key));
    assert_int_equal(seen.warnings, 1);
    assert_non_null(strstr(seen.last, path));
    assert_false(holds(cache, key));
    assert_int_equal(seen.warnings, 1);
    assert_int_equal(seen.others, 1);
    oc_cache_put(cache, key, result);
    assert_true(holds(cache, key));
    assert_int_equal(seen.warnings, 1);
    oc_cache_destroy(cache);
}

static void every_changed_byte_is_found(void **state)
{
    char path[200];
    lines seen;
    oc_log_sink sink;
    oc_bytes file;
    uint8_t bad[HEAD + sizeof(text) + 1] = {0};
    (void)state;
    const oc_digest key = key_of(3), other = key_of(4);
    oc_cache *cache = open_cache(FOLDER, &seen, &sink);
    oc_cache_put(cache, &key, result);
    oc_cache_destroy(cache);
    path_of(FOLDER, &key, path);
    oc_assert_ok(oc_file_slurp(path, 1000, NULL, &file));
    assert_int_equal(file.size, HEAD + sizeof(text));
    for (size_t i = 0; i < file.size; i++) {
        memcpy(bad, file.data, file.size);
        bad[i] ^= (uint8_t)(1u << i % 8);
        is_refused(&key, bad, file.size);
    }
    memcpy(bad, file.data, file.size);
    for (size_t size = 0; size < file.size; size++)
        is_refused(&key, bad, size);
    is_refused(&key, bad, file.size + 1);
    /* A whole file, of another name. */
    is_refused(&other, bad, file.size);
    oc_free(NULL, (void *)file.data);
}

static void other_things_in_its_place(void **state)
{
    char path[200];
    lines seen;
    oc_log_sink sink;
    (void)state;
    const oc_digest key = key_of(5);
    oc_cache *cache = open_cache(FOLDER, &seen, &sink);
    oc_cache_put(cache, &key, result);
    path_of(FOLDER, &key, path);
    /* A pipe would block who opens it. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_false(holds(cache, &key));
    oc_cache_put(cache, &key, result);
    assert_true(holds(cache, &key));
    assert_int_equal(seen.warnings, 1);
    oc_cache_destroy(cache);
    /* A folder stays: nobody deletes what it does not know. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    cache = open_cache(FOLDER, &seen, &sink);
    assert_false(holds(cache, &key));
    oc_cache_put(cache, &key, result);
    assert_false(holds(cache, &key));
    assert_int_equal(seen.warnings, 1);
    assert_int_equal(rmdir(path), 0);
    oc_cache_destroy(cache);
    /* A file where the folder would be. */
    cache = open_cache(TOP "/file/folder", &seen, &sink);
    oc_assert_ok(oc_file_replace(TOP "/file", "x", 1));
    assert_false(holds(cache, &key));
    assert_int_equal(seen.warnings, 0);
    oc_cache_put(cache, &key, result);
    oc_cache_put(cache, &key, result);
    assert_int_equal(seen.warnings, 1);
    oc_cache_destroy(cache);
}

/* Nobody can write there: procfs takes no file, for root neither. */
static void a_folder_without_room(void **state)
{
    lines seen;
    oc_log_sink sink;
    (void)state;
    const oc_digest key = key_of(6);
    oc_cache *cache = NULL;
    oc_assert_fails(oc_cache_create("", NULL, NULL, &cache), OC_E_ARG, "folder's name");
    static const char *const folders[] = {"/proc/self/offcut", "/dev/null"};
    for (size_t i = 0; i < OC_COUNT(folders); i++) {
        cache = open_cache(folders[i], &seen, &sink);
        assert_false(holds(cache, &key));
        assert_false(oc_cache_put(cache, &key, result));
        assert_false(oc_cache_put(cache, &key, result));
        assert_false(holds(cache, &key));
        assert_int_equal(seen.warnings, 1);
        oc_cache_destroy(cache);
    }
}

static void a_read_only_folder(void **state)
{
    lines seen;
    oc_log_sink sink;
    (void)state;
    if (geteuid() == 0)
        skip();
    const oc_digest a = key_of(1), b = key_of(9);
    oc_cache *cache = open_cache(FOLDER, &seen, &sink);
    oc_cache_put(cache, &a, result);
    assert_int_equal(chmod(FOLDER, 0500), 0);
    oc_cache_put(cache, &b, result);
    oc_cache_put(cache, &b, result);
    assert_false(holds(cache, &b));
    assert_true(holds(cache, &a));
    assert_int_equal(chmod(FOLDER, 0700), 0);
    assert_int_equal(seen.warnings, 1);
    oc_cache_destroy(cache);
}

/* A disk that takes no more than some bytes of a file, as one that is full. */
static void a_full_disk(void **state)
{
    lines seen;
    oc_log_sink sink;
    struct rlimit before, full;
    (void)state;
    const oc_digest old = key_of(10), fresh = key_of(11);
    oc_cache *cache = open_cache(FOLDER, &seen, &sink);
    assert_true(oc_cache_put(cache, &old, result));
    const int count = count_files(FOLDER);
    signal(SIGXFSZ, SIG_IGN); /* then writing fails, with EFBIG */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = before;
    for (rlim_t room = 0; room < HEAD + sizeof(text); room += 25) {
        full.rlim_cur = room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
        const bool is_kept = oc_cache_put(cache, &fresh, result);
        assert_false(oc_cache_put(cache, &old, result));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_false(is_kept);
        assert_false(holds(cache, &fresh));
        assert_true(holds(cache, &old)); /* as it was */
        assert_int_equal(count_files(FOLDER), count);
    }
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(seen.warnings, 1);
    assert_true(oc_cache_put(cache, &fresh, result));
    assert_true(holds(cache, &fresh));
    oc_cache_destroy(cache);
}

/* Writers and readers of one name: a reader sees a whole file or none. */
#define ROUNDS 60
typedef struct writer {
    pthread_t thread;
    oc_cache *cache;
    int hits;
} writer;

static void *write_and_read(void *ctx)
{
    writer *w = ctx;
    const oc_digest key = key_of(7);
    for (int i = 0; i < ROUNDS; i++) {
        oc_bytes got = {0};
        oc_cache_put(w->cache, &key, result);
        if (oc_cache_get(w->cache, &key, &got)) {
            w->hits += got.size == result.size && memcmp(got.data, text, sizeof(text)) == 0;
            oc_free(NULL, (void *)got.data);
        }
    }
    return NULL;
}

static void several_writers(void **state)
{
    writer writers[4] = {{.hits = 0}};
    lines seen[4];
    oc_log_sink sinks[4];
    (void)state;
    for (size_t i = 0; i < OC_COUNT(writers); i++) {
        /* Two share a cache, as two threads do; the others have their own, as processes do. */
        writers[i].cache = i == 1 ? writers[0].cache : open_cache(FOLDER, &seen[i], &sinks[i]);
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_and_read, &writers[i]), 0);
    }
    for (size_t i = 0; i < OC_COUNT(writers); i++)
        pthread_join(writers[i].thread, NULL);
    for (size_t i = 0; i < OC_COUNT(writers); i++) {
        assert_int_equal(writers[i].hits, ROUNDS);
        if (i == 1)
            continue;
        assert_int_equal(seen[i].warnings, 0);
        oc_cache_destroy(writers[i].cache);
    }
}

/* The same of processes: what one has begun to write another never sees. */
static void several_processes(void **state)
{
    pid_t children[3];
    lines seen;
    oc_log_sink sink;
    (void)state;
    for (size_t i = 0; i < OC_COUNT(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] > 0)
            continue;
        writer w = {.cache = open_cache(FOLDER, &seen, &sink)};
        write_and_read(&w);
        _exit(w.hits == ROUNDS && seen.warnings == 0 ? 0 : 1);
    }
    for (size_t i = 0; i < OC_COUNT(children); i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    oc_cache *cache = open_cache(FOLDER, &seen, &sink);
    const oc_digest key = key_of(7);
    assert_true(holds(cache, &key));
    oc_cache_destroy(cache);
}

/* Without memory a result is absent, or not kept: never an error, never half of it. */
static oc_status without_memory(const oc_allocator *alloc, void *ctx)
{
    oc_cache *cache = NULL;
    oc_bytes got;
    const oc_digest key = key_of(8);
    (void)ctx;
    OC_TRY(oc_cache_create(FOLDER, NULL, alloc, &cache));
    oc_cache_put(cache, &key, result);
    if (oc_cache_get(cache, &key, &got)) {
        assert_memory_equal(got.data, text, sizeof(text));
        oc_free(alloc, (void *)got.data);
    }
    oc_cache_destroy(cache);
    return OC_OK;
}

static void it_may_run_out_of_memory(void **state)
{
    (void)state;
    oc_test_oom_sweep(without_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_comes_back),
        cmocka_unit_test(every_changed_byte_is_found),
        cmocka_unit_test(other_things_in_its_place),
        cmocka_unit_test(a_folder_without_room),
        cmocka_unit_test(a_read_only_folder),
        cmocka_unit_test(several_writers),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(several_processes),
        cmocka_unit_test(it_may_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, remove_all, remove_all);
}
