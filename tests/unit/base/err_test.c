/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void
fail_fills_the_error_and_returns_its_code(void **unused)
{
    gw_error err;

    (void)unused;
    assert_int_equal(gw_fail(&err, GW_E_LOCKED, "held by %s, %d", "x", 7),
                     GW_E_LOCKED);
    assert_int_equal(err.code, GW_E_LOCKED);
    assert_string_equal(err.text, "held by x, 7");
    assert_int_equal(gw_fail(NULL, GW_E_INPUT, "%d", 1), GW_E_INPUT);
}

static void
prefix_and_suffix_go_around_the_text(void **unused)
{
    gw_error err;

    (void)unused;
    (void)gw_fail(&err, GW_E_FILE, "no name");
    assert_int_equal(gw_fail_prefix(&err, "%s: ", "0002_a.json"), GW_E_FILE);
    assert_int_equal(gw_fail_suffix(&err, " (rule %d)", 3), GW_E_FILE);
    assert_string_equal(err.text, "0002_a.json: no name (rule 3)");
}

static void
without_an_error_prefix_and_suffix_never_read_as_success(void **unused)
{
    (void)unused;

    assert_int_not_equal(gw_fail_prefix(NULL, "x"), GW_OK);
    assert_int_not_equal(gw_fail_suffix(NULL, "x"), GW_OK);
}

static void
the_old_text_may_be_quoted_in_the_new(void **unused)
{
    gw_error err;

    (void)unused;
    (void)gw_fail(&err, GW_E_INPUT, "inner");
    (void)gw_fail(&err, GW_E_STORE, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
    (void)gw_fail_prefix(&err, "<%s>", err.text);
    assert_string_equal(err.text, "<outer: inner>outer: inner");
}

static void
a_long_text_is_cut_between_characters(void **unused)
{
    gw_error err;
    char text[3 * 1024 + 1];

    (void)unused;
    for (size_t i = 0; i < 1024; i++)
        memcpy(text + 3 * i, "\342\202\254", 4);
    for (int i = 0; i < 4; i++) {
        (void)gw_fail(&err, GW_E_INPUT, "%.*s%s", i, "abc", text);
        size_t len = strlen(err.text);

        assert_true(len < sizeof(err.text) && len > sizeof(err.text) - 8);
        assert_string_equal(err.text + len - 3, "\342\202\254");
        (void)gw_fail_prefix(&err, "%s", text);
        assert_int_equal(strlen(err.text) % 3, 0);
        (void)gw_fail_suffix(&err, "%s", text);
        assert_int_equal(strlen(err.text) % 3, 0);
    }
}

static void
what_cannot_be_shown_on_one_line_is_replaced(void **unused)
{
    gw_error err;

    (void)unused;
    (void)gw_fail(&err, GW_E_INPUT, "a\nb\x1b[31m\xff\xc3(\303\274\r\n\n");
    assert_string_equal(err.text, "a b [31m?"
                                  "?(\303\274");
}

static void
every_code_has_its_names_and_numbers(void **unused)
{
    (void)unused;

    assert_string_equal(gw_code_name(GW_OK), "ok");
    assert_int_equal(gw_code_exit(GW_OK), 0);
    assert_string_equal(gw_code_name(GW_E_DIFFERENT), "different");
    assert_int_equal(gw_code_exit(GW_E_DIFFERENT), 4);
    assert_int_equal(gw_code_http(GW_E_STORE), 503);
    assert_int_equal(gw_code_exit(GW_E_INTERRUPTED), 130);
    assert_int_not_equal(gw_code_exit((gw_code)12345), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_fills_the_error_and_returns_its_code),
        cmocka_unit_test(prefix_and_suffix_go_around_the_text),
        cmocka_unit_test(
            without_an_error_prefix_and_suffix_never_read_as_success),
        cmocka_unit_test(the_old_text_may_be_quoted_in_the_new),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(what_cannot_be_shown_on_one_line_is_replaced),
        cmocka_unit_test(every_code_has_its_names_and_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
