/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/output_priv.h"

static void
assert_clean(const char *text, size_t len, bool keep_lines, const char *wanted)
{
    gw_buf buf = {0};

    gw_text_put_clean(&buf, (gw_slice){text, len}, keep_lines);
    assert_string_equal(gw_buf_cstr(&buf), wanted);
    gw_buf_clear(&buf);
}

#define CLEAN(text, wanted) assert_clean(text, sizeof(text) - 1, false, wanted)

static void
what_a_terminal_would_obey_is_made_visible(void **state)
{
    (void)state;

    CLEAN("a\033[2Jb", "a\\x1b[2Jb");
    CLEAN("a\x7f\r\b", "a\\x7f\\x0d\\x08");
    CLEAN("a\xC2\x9B"
          "2J",
          "a\\x9b2J");
    CLEAN("a\0b", "a\\x00b");
}

static void
plain_text_and_utf8_stay(void **state)
{
    (void)state;

    CLEAN("tab\there, Zürich … 漢 🐦", "tab\there, Zürich … 漢 🐦");
}

static void
newlines_stay_only_where_lines_are_wanted(void **state)
{
    (void)state;

    assert_clean("a\nb", 3, true, "a\nb");
    assert_clean("a\nb", 3, false, "a b");
}

static void
bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;

    CLEAN("a\xFF"
          "b",
          "a\xEF\xBF\xBD"
          "b");
    CLEAN("\xC3", "\xEF\xBF\xBD");
    CLEAN("\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void
any_bytes_become_valid_json(void **state)
{
    gw_buf buf = {0};
    (void)state;

    gw_text_put_json(&buf, GW_LIT("a\"\\\n\033\xFF"));

    json_t *value = json_loadb(buf.at, buf.len, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    assert_string_equal(json_string_value(value), "a\"\\\n\033\xEF\xBF\xBD");
    json_decref(value);
    gw_buf_clear(&buf);
}

static void
text_is_wrapped_at_blanks(void **state)
{
    gw_buf buf = {0};
    (void)state;

    gw_text_put_wrapped(&buf, "one two three …… six", 2, 4, 12);

    assert_string_equal(gw_buf_cstr(&buf), "one two\n  three ……\n  six\n");
    gw_buf_clear(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_would_obey_is_made_visible),
        cmocka_unit_test(plain_text_and_utf8_stay),
        cmocka_unit_test(newlines_stay_only_where_lines_are_wanted),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(any_bytes_become_valid_json),
        cmocka_unit_test(text_is_wrapped_at_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
