/* SPDX-License-Identifier: Apache-2.0 */
/** ZIP archives behind a model, sound and hostile: by hand, field by field (APPNOTE.TXT 6.3). */
#include "oc_test.h"

#include "zip.h"

#include <stdlib.h>
#include <string.h>

/* A file as it stands in an archive. */
typedef struct file {
    const char *name, *data;
    uint32_t packed, size, crc;
    uint16_t method, flags;
    size_t start;
} file;

/* An archive as it is written: files, then their directory, then its end. */
typedef struct writer {
    uint8_t bytes[1024];
    size_t size, entries;
    file files[6];
} writer;

/* Where the parts of the archive stand. */
typedef struct places {
    size_t start, directory, end;
} places;

static void put(writer *w, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        w->bytes[w->size++] = (uint8_t)(value >> (8 * i));
}

static void put_text(writer *w, const char *text)
{
    memcpy(w->bytes + w->size, text, strlen(text));
    w->size += strlen(text);
}

static void put_file(writer *w, size_t start, file f)
{
    f.start = w->size - start;
    w->files[w->entries++] = f;
    put(w, 0x04034b50u, 4);
    put(w, 20, 2); /* version */
    put(w, f.flags, 2);
    put(w, f.method, 2);
    put(w, 0, 4); /* time, date */
    put(w, f.crc, 4);
    put(w, f.packed, 4);
    put(w, f.size, 4);
    put(w, (uint32_t)strlen(f.name), 2);
    put(w, 0, 2); /* extra field */
    put_text(w, f.name);
    memcpy(w->bytes + w->size, f.data, f.packed);
    w->size += f.packed;
}

static void put_entry(writer *w, const file *f)
{
    put(w, 0x02014b50u, 4);
    put(w, 20, 4); /* versions */
    put(w, f->flags, 2);
    put(w, f->method, 2);
    put(w, 0, 4);
    put(w, f->crc, 4);
    put(w, f->packed, 4);
    put(w, f->size, 4);
    put(w, (uint32_t)strlen(f->name), 2);
    put(w, 0, 4);  /* extra field, comment */
    put(w, 0, 8);  /* disk, attributes */
    put(w, (uint32_t)f->start, 4);
    put_text(w, f->name);
}

/* "dog\ncat\n" 40 times, by zlib 1.2.13, level 9. */
#define PETS 320
static const char deflated[] = "\x4b\xc9\x4f\xe7\x4a\x4e\x2c\xe1\x4a\x19\xa5\xc9\xa2\x01";
#define PACKED (sizeof(deflated) - 1)
/* CRC-32 of "dog\ncat\n" and of "dog", by zlib 1.2.13. */
#define PAIR_SUM 0xd83cc671u
#define DOG_SUM 0x812c397du

/* A model of four letters, then a.txt (imploded), b.txt, c.txt, p.txt (deflated), x.txt (encrypted), a comment. */
static places write_archive(writer *w)
{
    places p;
    *w = (writer){.size = 0};
    put_text(w, "TFL3");
    p.start = w->size;
    put_file(w, p.start, (file){"a.txt", "squeezed", 8, 8, 0, 6, 0, 0});
    put_file(w, p.start, (file){"b.txt", "dog\ncat\n", 8, 8, PAIR_SUM, 0, 0, 0});
    put_file(w, p.start, (file){"c.txt", "", 0, 0, 0, 0, 0, 0});
    put_file(w, p.start, (file){"p.txt", deflated, PACKED, PETS, 0xbb2dbae7u, 8, 0, 0});
    put_file(w, p.start, (file){"x.txt", "secret", 6, 6, 0, 0, 1, 0});
    p.directory = w->size;
    for (size_t i = 0; i < w->entries; i++)
        put_entry(w, &w->files[i]);
    p.end = w->size;
    put(w, 0x06054b50u, 4);
    put(w, 0, 4);
    put(w, (uint32_t)w->entries, 2);
    put(w, (uint32_t)w->entries, 2);
    put(w, (uint32_t)(p.end - p.directory), 4);
    put(w, (uint32_t)(p.directory - p.start), 4);
    put(w, 7, 2);
    put_text(w, "comment");
    return p;
}

/* The archive opened, a file found and read into `*arena`, which setup and teardown keep. */
static oc_arena *arena;

static int setup(void **state)
{
    arena = malloc(sizeof(*arena));
    *state = arena;
    oc_arena_init(arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    oc_arena_fini(*state);
    free(*state);
    return 0;
}

static oc_status find(const writer *w, const char *name, oc_bytes *data, bool *found)
{
    oc_zip zip;
    *data = (oc_bytes){0};
    *found = false;
    OC_TRY(oc_zip_open((oc_bytes){w->bytes, w->size}, arena, &zip));
    const oc_zip_entry *entry = oc_zip_find(&zip, (oc_bytes){(const uint8_t *)name, strlen(name)});
    *found = entry != NULL;
    return entry ? oc_zip_read(&zip, entry, arena, data) : OC_OK;
}

static void poke(writer *w, size_t at, uint32_t value)
{
    const size_t size = w->size;
    w->size = at;
    put(w, value, 4);
    w->size = size;
}

static void files_are_found(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    write_archive(&w);
    oc_assert_ok(find(&w, "b.txt", &data, &found));
    assert_true(found);
    assert_int_equal(data.size, 8);
    assert_memory_equal(data.data, "dog\ncat\n", 8);
    oc_assert_ok(find(&w, "c.txt", &data, &found));
    assert_true(found);
    assert_int_equal(data.size, 0);
    oc_assert_ok(find(&w, "p.txt", &data, &found));
    assert_true(found);
    assert_int_equal(data.size, PETS);
    for (size_t i = 0; i < PETS; i += 8)
        assert_memory_equal(data.data + i, "dog\ncat\n", 8);
    oc_assert_ok(find(&w, "a.txt", &data, &found)); /* a method that is not known */
    assert_false(found);
    oc_assert_ok(find(&w, "x.txt", &data, &found)); /* encrypted */
    assert_false(found);
    oc_assert_ok(find(&w, "b.tx", &data, &found));
    assert_false(found);
    w.size = 4; /* a model with nothing behind it */
    oc_assert_ok(find(&w, "b.txt", &data, &found));
    assert_false(found);
}

static void sizes_that_lie_are_refused(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    const size_t entry = 46 + 5; /* bytes of a directory's entry with a name of five letters */
    places p = write_archive(&w);
    poke(&w, p.end + 12, UINT32_MAX); /* the directory's size */
    oc_assert_fails(find(&w, "b.txt", &data, &found), OC_E_FORMAT, "expected a ZIP directory of 4294967295");
    p = write_archive(&w);
    poke(&w, p.end + 16, UINT32_MAX - 3); /* where it begins */
    oc_assert_fails(find(&w, "b.txt", &data, &found), OC_E_FORMAT, "expected a ZIP directory");
    p = write_archive(&w);
    poke(&w, p.directory + entry + 24, UINT32_MAX); /* b.txt's size */
    assert_int_equal(find(&w, "b.txt", &data, &found), OC_E_FORMAT);
    p = write_archive(&w);
    poke(&w, p.directory + entry + 42, UINT32_MAX); /* where b.txt begins */
    assert_int_equal(find(&w, "b.txt", &data, &found), OC_E_FORMAT);
    p = write_archive(&w);
    poke(&w, p.directory + entry + 42, 1); /* within a.txt */
    oc_assert_fails(find(&w, "b.txt", &data, &found), OC_E_FORMAT, "expected a file of a ZIP archive");
    p = write_archive(&w);
    poke(&w, p.directory + 28, UINT32_MAX); /* lengths of a.txt's name and extra field */
    assert_int_equal(find(&w, "b.txt", &data, &found), OC_E_FORMAT);
    p = write_archive(&w);
    poke(&w, p.end + 8, 0x00ff00ffu); /* 255 entries: the sixth is none */
    oc_assert_fails(find(&w, "d.txt", &data, &found), OC_E_FORMAT, "expected an entry of a ZIP directory");
}

/* Where the entry of p.txt, the fourth, stands. */
static size_t packed_entry(places p)
{
    return p.directory + 3 * (46 + 5);
}

static void stored_files_that_lie_are_refused(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    const places p = write_archive(&w);
    w.bytes[p.start + w.files[1].start + 30 + 5] = 'f'; /* no dog */
    oc_assert_fails(find(&w, "b.txt", &data, &found), OC_E_FORMAT, "its checksum is another");
}

static void deflated_files_that_lie_are_refused(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    places p = write_archive(&w);
    poke(&w, packed_entry(p) + 16, 1); /* the sum */
    oc_assert_fails(find(&w, "p.txt", &data, &found), OC_E_FORMAT, "its checksum is another");
    static const uint32_t sizes[] = {0, PETS - 1, PETS + 1, 2000};
    for (size_t i = 0; i < OC_COUNT(sizes); i++) {
        p = write_archive(&w);
        poke(&w, packed_entry(p) + 24, sizes[i]);
        oc_assert_fails(find(&w, "p.txt", &data, &found), OC_E_FORMAT, "found another stream");
    }
    /* More than its bytes can give: refused before memory is taken for it. */
    p = write_archive(&w);
    poke(&w, packed_entry(p) + 24, UINT32_MAX);
    oc_assert_fails(find(&w, "p.txt", &data, &found), OC_E_FORMAT, "cannot be 4294967295");
    p = write_archive(&w);
    poke(&w, packed_entry(p) + 20, (uint32_t)PACKED - 1);
    oc_assert_fails(find(&w, "p.txt", &data, &found), OC_E_FORMAT, "found another stream");
    p = write_archive(&w);
    poke(&w, packed_entry(p) + 20, (uint32_t)PACKED + 1);
    oc_assert_fails(find(&w, "p.txt", &data, &found), OC_E_FORMAT, "found another stream");
}

static void the_first_of_one_name_counts(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    const places p = write_archive(&w);
    w.bytes[p.directory + (46 + 5) + 46] = 'c'; /* b.txt is called c.txt too */
    oc_assert_ok(find(&w, "c.txt", &data, &found));
    assert_true(found);
    assert_int_equal(data.size, 8);
}

/* Reading an archive of `*arg` with an allocator that fails now and then. */
static oc_status read_packed(const oc_allocator *alloc, void *arg)
{
    const writer *w = arg;
    oc_arena own;
    oc_zip zip;
    oc_bytes data;
    oc_arena_init(&own, alloc);
    oc_status status = oc_zip_open((oc_bytes){w->bytes, w->size}, &own, &zip);
    if (status == OC_OK)
        status = oc_zip_read(&zip, oc_zip_find(&zip, (oc_bytes){(const uint8_t *)"p.txt", 5}), &own, &data);
    oc_arena_fini(&own);
    return status;
}

static void running_out_of_memory_is_clean(void **state)
{
    writer w;
    (void)state;
    write_archive(&w);
    oc_test_oom_sweep(read_packed, &w);
}

/* Two entries that claim the same bytes are two views of them: nothing is copied or unpacked. */
static void entries_may_overlap(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    const places p = write_archive(&w);
    poke(&w, p.directory + 2 * (46 + 5) + 42, (uint32_t)w.files[1].start);
    poke(&w, p.directory + 2 * (46 + 5) + 24, 3);
    poke(&w, p.directory + 2 * (46 + 5) + 16, DOG_SUM);
    oc_assert_ok(find(&w, "c.txt", &data, &found));
    assert_true(found);
    assert_int_equal(data.size, 3);
    assert_memory_equal(data.data, "dog", 3);
}

/* What was found lies in the archive, or was inflated to its size. */
static void check_found(const writer *w, const char *name)
{
    oc_bytes data;
    bool found;
    oc_status status = find(w, name, &data, &found);
    assert_true(status == OC_OK || status == OC_E_FORMAT);
    if (status != OC_OK || !found)
        return;
    if (data.data >= w->bytes && data.data < w->bytes + sizeof(w->bytes)) {
        assert_true(data.data + data.size <= w->bytes + w->size);
        return;
    }
    assert_int_equal(data.size, PETS);
    assert_memory_equal(data.data, "dog\ncat\ndog\ncat\n", 16);
}

/* Cut anywhere and with any byte changed: what is found is sound, or there is a clear refusal. */
static void broken_archives_are_survived(void **state)
{
    writer w;
    (void)state;
    write_archive(&w);
    const size_t whole = w.size;
    for (w.size = 0; w.size < whole; w.size++) {
        check_found(&w, "b.txt");
        check_found(&w, "p.txt");
    }
    for (size_t at = 0; at < whole; at++)
        for (unsigned value = 0; value < 256; value += 17) {
            write_archive(&w);
            w.bytes[at] = (uint8_t)value;
            check_found(&w, "b.txt");
            check_found(&w, "p.txt");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes_that_lie_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(stored_files_that_lie_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(deflated_files_that_lie_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_of_one_name_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_may_overlap, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_archives_are_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(running_out_of_memory_is_clean, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
