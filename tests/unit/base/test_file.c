/* SPDX-License-Identifier: Apache-2.0 */
/* Files read by position and replaced whole; digests; time, conditions and log lines. */
#include "oc_test.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "test_file.dir"

static int make_folder(void **state)
{
    (void)state;
    return mkdir(FOLDER, 0777) == 0 || access(FOLDER, W_OK) == 0 ? 0 : -1;
}

/* How many names the folder holds whose text contains `part`. */
static int count_names(const char *part)
{
    int count = 0;
    DIR *dir = opendir(FOLDER);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strstr(entry->d_name, part) != NULL;
    closedir(dir);
    return count;
}

static void reads_by_position(void **state)
{
    const char *path = FOLDER "/ten";
    oc_file *file = NULL;
    char text[11] = {0};
    (void)state;
    oc_assert_ok(oc_file_replace(path, "0123456789", 10));
    oc_assert_ok(oc_file_open(path, NULL, &file));
    assert_int_equal(oc_file_size(file), 10);
    assert_string_equal(oc_file_path(file), path);
    assert_ptr_equal(oc_file_ref(file), file);
    oc_file_unref(file);
    oc_assert_ok(oc_file_read(file, 7, text, 3));
    assert_string_equal(text, "789");
    oc_assert_ok(oc_file_read(file, 10, text, 0));
    oc_assert_fails(oc_file_read(file, 8, text, 3), OC_E_IO, "expected 3 bytes at offset 8");
    oc_assert_fails(oc_file_read(file, 11, text, 0), OC_E_IO, NULL);
    oc_assert_fails(oc_file_read(file, UINT64_MAX, text, 2), OC_E_IO, NULL);
    /* Somebody cuts the file while it is open. */
    assert_int_equal(truncate(path, 4), 0);
    oc_assert_fails(oc_file_read(file, 0, text, 10), OC_E_IO, "become shorter");
    oc_file_unref(file);
    oc_file_unref(NULL);
}

static void opens_only_files(void **state)
{
    const char *fifo = FOLDER "/fifo";
    oc_file *file = NULL;
    (void)state;
    oc_assert_fails(oc_file_open(FOLDER "/none", NULL, &file), OC_E_IO,
                    FOLDER "/none: cannot be opened");
    oc_assert_fails(oc_file_open(FOLDER, NULL, &file), OC_E_IO, "found a folder");
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0666), 0);
    oc_assert_fails(oc_file_open(fifo, NULL, &file), OC_E_IO, "expected a regular file");
    unlink(fifo);
    assert_null(file);
}

static void slurps(void **state)
{
    const char *path = FOLDER "/slurp";
    oc_bytes bytes = {0};
    (void)state;
    oc_assert_ok(oc_file_replace(path, "abc", 3));
    oc_assert_ok(oc_file_slurp(path, 3, NULL, &bytes));
    assert_true(oc_bytes_equal_text(bytes, "abc"));
    oc_free(NULL, (void *)bytes.data);
    oc_assert_fails(oc_file_slurp(path, 2, NULL, &bytes), OC_E_LIMIT, "at most 2 bytes, found 3");
    oc_assert_ok(oc_file_replace(path, "", 0));
    oc_assert_ok(oc_file_slurp(path, 0, NULL, &bytes));
    assert_int_equal(bytes.size, 0);
    oc_free(NULL, (void *)bytes.data);
}

static oc_status slurp_body(const oc_allocator *alloc, void *ctx)
{
    oc_bytes bytes;
    OC_TRY(oc_file_slurp(ctx, 100, alloc, &bytes));
    oc_free(alloc, (void *)bytes.data);
    return OC_OK;
}

static void slurps_without_memory(void **state)
{
    char path[] = FOLDER "/slurp";
    (void)state;
    oc_assert_ok(oc_file_replace(path, "abc", 3));
    oc_test_oom_sweep(slurp_body, path);
}

static void replaces_whole(void **state)
{
    const char *path = FOLDER "/whole";
    const oc_bytes pieces[] = {{(const uint8_t *)"ab", 2}, {NULL, 0}, {(const uint8_t *)"cde", 3}};
    struct stat info;
    oc_bytes bytes;
    (void)state;
    mode_t mask = umask(022);
    oc_assert_ok(oc_file_replace(path, "a longer text than the next", 27));
    oc_assert_ok(oc_file_replace_pieces(path, pieces, OC_COUNT(pieces)));
    umask(mask);
    oc_assert_ok(oc_file_slurp(path, 100, NULL, &bytes));
    assert_true(oc_bytes_equal_text(bytes, "abcde"));
    oc_free(NULL, (void *)bytes.data);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(count_names(".tmp"), 0);
}

static void replace_fails_cleanly(void **state)
{
    (void)state;
    oc_assert_fails(oc_file_replace(FOLDER "/none/x", "a", 1), OC_E_IO,
                    FOLDER "/none/x: cannot be created");
    oc_assert_fails(oc_file_replace(FOLDER, "a", 1), OC_E_IO, "found a folder");
    if (access("/dev/full", W_OK) == 0)
        oc_assert_fails(oc_file_replace("/dev/full", "a", 1), OC_E_IO,
                        "/dev/full: cannot be written");
    /* Devices are written to and stay what they are. */
    struct stat info;
    oc_assert_ok(oc_file_replace("/dev/null", "a", 1));
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_int_equal(count_names(".tmp"), 0);
}

static void digests(void **state)
{
    /* FIPS 180-2, appendix B.1 and B.2. */
    static const char *const abc =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    static const char *const two =
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
    oc_hash *hash = NULL;
    oc_digest a, b, parsed;
    char text[OC_DIGEST_TEXT];
    (void)state;
    oc_assert_ok(oc_hash_create(NULL, &hash));
    oc_assert_ok(oc_hash_put(hash, "a", 1));
    oc_assert_ok(oc_hash_put(hash, NULL, 0));
    oc_assert_ok(oc_hash_put(hash, "bc", 2));
    oc_assert_ok(oc_hash_end(hash, &a));
    oc_hash_destroy(hash);
    oc_hash_destroy(NULL);
    assert_string_equal(oc_digest_print(&a, text), abc);
    oc_assert_ok(oc_hash_create(NULL, &hash));
    oc_assert_ok(oc_hash_put(hash, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56));
    oc_assert_ok(oc_hash_end(hash, &b));
    oc_hash_destroy(hash);
    assert_string_equal(oc_digest_print(&b, text), two);
    assert_false(oc_digest_equal(&a, &b));
    oc_assert_ok(oc_digest_parse(abc, &parsed));
    assert_true(oc_digest_equal(&a, &parsed));
    oc_assert_ok(oc_digest_parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
                                 &parsed));
    assert_true(oc_digest_equal(&a, &parsed));
    oc_assert_fails(oc_digest_parse("ba78", &parsed), OC_E_FORMAT, "found 4 characters");
    memcpy(text, abc, sizeof(text));
    text[5] = 'g';
    oc_assert_fails(oc_digest_parse(text, &parsed), OC_E_FORMAT, "found '1g'");
    assert_true(oc_digest_equal(&a, &parsed));
}

static void text_is_hashed_with_its_end(void **state)
{
    oc_digest digest[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        oc_hash *hash;
        oc_assert_ok(oc_hash_create(NULL, &hash));
        oc_assert_ok(oc_hash_put_text(hash, i == 0 ? "ab" : "a"));
        oc_assert_ok(oc_hash_put_text(hash, i == 0 ? "c" : "bc"));
        oc_assert_ok(oc_hash_end(hash, &digest[i]));
        oc_hash_destroy(hash);
    }
    assert_false(oc_digest_equal(&digest[0], &digest[1]));
}

typedef struct line_log {
    int count;
    oc_log_level level;
    char text[64];
} line_log;

static void take_line(void *ctx, oc_log_level level, const char *text)
{
    line_log *log = ctx;
    log->count++;
    log->level = level;
    snprintf(log->text, sizeof(log->text), "%s", text);
}

static void logs(void **state)
{
    line_log log = {0};
    const oc_log_sink sink = {.ctx = &log, .level = OC_LOG_INFO, .write = take_line};
    (void)state;
    oc_log(NULL, OC_LOG_ERROR, "nobody listens");
    oc_log(&sink, OC_LOG_DEBUG, "too low");
    assert_int_equal(log.count, 0);
    oc_log(&sink, OC_LOG_WARN, "a\nb %d", 5);
    assert_int_equal(log.count, 1);
    assert_int_equal(log.level, OC_LOG_WARN);
    assert_string_equal(log.text, "a?b 5");
}

typedef struct gate {
    oc_cond cond;
    bool is_open;
} gate;

static void *open_gate(void *ctx)
{
    gate *g = ctx;
    oc_cond_lock(&g->cond);
    g->is_open = true;
    oc_cond_wake(&g->cond);
    oc_cond_unlock(&g->cond);
    return NULL;
}

static void conditions(void **state)
{
    gate g = {.is_open = false};
    pthread_t thread;
    (void)state;
    oc_assert_ok(oc_cond_init(&g.cond));
    oc_cond_lock(&g.cond);
    const uint64_t start = oc_now_ns(), deadline = start + 20000000;
    while (oc_cond_wait(&g.cond, deadline)) /* a wake-up without a cause is allowed */
        ;
    assert_true(oc_now_ns() >= deadline);
    assert_false(oc_cond_wait(&g.cond, 0));
    assert_int_equal(pthread_create(&thread, NULL, open_gate, &g), 0);
    while (!g.is_open)
        assert_true(oc_cond_wait(&g.cond, OC_NEVER_NS));
    oc_cond_unlock(&g.cond);
    pthread_join(thread, NULL);
    oc_cond_fini(&g.cond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_by_position),
        cmocka_unit_test(opens_only_files),
        cmocka_unit_test(slurps),
        cmocka_unit_test(slurps_without_memory),
        cmocka_unit_test(replaces_whole),
        cmocka_unit_test(replace_fails_cleanly),
        cmocka_unit_test(digests),
        cmocka_unit_test(text_is_hashed_with_its_end),
        cmocka_unit_test(logs),
        cmocka_unit_test(conditions),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
