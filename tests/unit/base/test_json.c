/* SPDX-License-Identifier: Apache-2.0 */
/** Text inside JSON strings: what is escaped, and what is no UTF-8. Text that is cut short. */
#include "oc_test.h"

static void check(const char *text, size_t size, const char *expected)
{
    char out[64] = "", piece[OC_JSON_ESCAPE];
    const char *end = text + size;
    size_t used = 0;
    for (size_t n; (n = oc_json_escape(&text, end, piece)) > 0; used += n) {
        assert_true(n <= sizeof(piece) && used + n < sizeof(out));
        memcpy(out + used, piece, n);
    }
    assert_string_equal(out, expected);
}

static void texts_become_json(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"plain / text", "plain / text"},
        {"\"\\\b\n\x7f", "\\\"\\\\\\u0008\\u000a\\u007f"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80"},
        {"\xef\xbf\xbf\xf4\x8f\xbf\xbf", "\xef\xbf\xbf\xf4\x8f\xbf\xbf"},
        /* Overlong, a surrogate, beyond the last character, a byte that begins nothing, one that
         * is missing. */
        {"\xc0\xaf", "??"},
        {"\xe0\x80\xaf", "???"},
        {"\xf0\x80\x80\xaf", "????"},
        {"\xed\xa0\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xff"
         "a\x80",
         "?a?"},
        {"a\xe2\x82", "a??"},
        {"\xc3\"", "?\\\""},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(cases); i++)
        check(cases[i].text, strlen(cases[i].text), cases[i].expected);
}

static void it_ends_at_its_end_or_its_nul(void **state)
{
    (void)state;
    check("abc", 2, "ab");
    check("ab\0c", 4, "ab");
    /* A character that the end cuts in two is none: the byte behind the end is not looked at. */
    check("a\xc3\xa9", 2, "a?");
    check("\xf0\x9f\x9a\x80", 3, "???");
}

static void no_character_is_shown_in_part(void **state)
{
    static const struct {
        const char *text;
        size_t most;
        int fits;
    } cases[] = {
        {"", 0, 0},       {"abc", 3, 3},        {"abc", 2, 2},
        {"a\xc3\xa9", 3, 3}, {"a\xc3\xa9", 2, 1}, {"\xf0\x9f\x9a\x80z", 4, 4},
        {"\xf0\x9f\x9a\x80z", 3, 0}, {"\xe2\x82\xac\xe2\x82\xac", 5, 3},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(cases); i++)
        assert_int_equal(oc_text_fit(cases[i].text, cases[i].most), cases[i].fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_json),
        cmocka_unit_test(it_ends_at_its_end_or_its_nul),
        cmocka_unit_test(no_character_is_shown_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
