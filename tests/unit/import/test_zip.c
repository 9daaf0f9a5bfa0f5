/* SPDX-License-Identifier: Apache-2.0 */
/** ZIP archives behind a model, sound and hostile: by hand, field by field (APPNOTE.TXT 6.3). */
#include "oc_test.h"

#include "zip.h"

#include <string.h>

/* An archive as it is written: files, then their directory, then its end. */
typedef struct writer {
    uint8_t bytes[512];
    size_t size, entries, starts[4];
    const char *names[4], *data[4];
    uint16_t methods[4];
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

static void put_file(writer *w, size_t start, const char *name, const char *data, uint16_t method)
{
    const uint32_t size = (uint32_t)strlen(data);
    w->names[w->entries] = name;
    w->data[w->entries] = data;
    w->methods[w->entries] = method;
    w->starts[w->entries++] = w->size - start;
    put(w, 0x04034b50u, 4);
    put(w, 20, 4); /* version, flags */
    put(w, method, 2);
    put(w, 0, 8); /* time, date, sum */
    put(w, size, 4);
    put(w, size, 4);
    put(w, (uint32_t)strlen(name), 2);
    put(w, 0, 2); /* extra field */
    put_text(w, name);
    put_text(w, data);
}

static void put_entry(writer *w, size_t i)
{
    const uint32_t size = (uint32_t)strlen(w->data[i]);
    put(w, 0x02014b50u, 4);
    put(w, 20, 4);
    put(w, 0, 2);
    put(w, w->methods[i], 2);
    put(w, 0, 8);
    put(w, size, 4);
    put(w, size, 4);
    put(w, (uint32_t)strlen(w->names[i]), 2);
    put(w, 0, 4);  /* extra field, comment */
    put(w, 0, 8);  /* disk, attributes */
    put(w, (uint32_t)w->starts[i], 4);
    put_text(w, w->names[i]);
}

/* A model of four letters, then a.txt (compressed), b.txt and c.txt, then a comment. */
static places write_archive(writer *w)
{
    places p;
    *w = (writer){.size = 0};
    put_text(w, "TFL3");
    p.start = w->size;
    put_file(w, p.start, "a.txt", "squeezed", 8);
    put_file(w, p.start, "b.txt", "dog\ncat\n", 0);
    put_file(w, p.start, "c.txt", "", 0);
    p.directory = w->size;
    for (size_t i = 0; i < w->entries; i++)
        put_entry(w, i);
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

static oc_status find(const writer *w, const char *name, oc_bytes *data, bool *found)
{
    *data = (oc_bytes){0};
    return oc_zip_find((oc_bytes){w->bytes, w->size}, (oc_bytes){(const uint8_t *)name, strlen(name)},
                       data, found);
}

static void poke(writer *w, size_t at, uint32_t value)
{
    const size_t size = w->size;
    w->size = at;
    put(w, value, 4);
    w->size = size;
}

static void stored_files_are_found(void **state)
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
    oc_assert_ok(find(&w, "a.txt", &data, &found)); /* compressed */
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
    poke(&w, p.end + 8, 0x00ff00ffu); /* 255 entries: the fourth is none */
    oc_assert_fails(find(&w, "d.txt", &data, &found), OC_E_FORMAT, "expected an entry of a ZIP directory");
}

/* Two entries that claim the same bytes are two views of them: nothing is copied or unpacked. */
static void entries_may_overlap(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    const places p = write_archive(&w);
    poke(&w, p.directory + 2 * (46 + 5) + 42, (uint32_t)w.starts[1]);
    poke(&w, p.directory + 2 * (46 + 5) + 24, 3);
    oc_assert_ok(find(&w, "c.txt", &data, &found));
    assert_true(found);
    assert_int_equal(data.size, 3);
    assert_memory_equal(data.data, "dog", 3);
}

/* Cut anywhere and with any byte changed: what is found lies within, or there is a clear refusal. */
static void broken_archives_are_survived(void **state)
{
    writer w;
    oc_bytes data;
    bool found;
    (void)state;
    write_archive(&w);
    const size_t whole = w.size;
    for (w.size = 0; w.size < whole; w.size++)
        if (find(&w, "b.txt", &data, &found) == OC_OK && found)
            assert_true(data.data >= w.bytes && data.data + data.size <= w.bytes + w.size);
    for (size_t at = 0; at < whole; at++)
        for (unsigned value = 0; value < 256; value += 17) {
            write_archive(&w);
            w.bytes[at] = (uint8_t)value;
            oc_status status = find(&w, "b.txt", &data, &found);
            assert_true(status == OC_OK || status == OC_E_FORMAT);
            if (status == OC_OK && found)
                assert_true(data.data >= w.bytes && data.data + data.size <= w.bytes + w.size);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_files_are_found),
        cmocka_unit_test(sizes_that_lie_are_refused),
        cmocka_unit_test(entries_may_overlap),
        cmocka_unit_test(broken_archives_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
