/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"

static void
take(void *arg, gw_slice line)
{
    gw_buf_slice(arg, line);
}

static void
logfmt_quotes_what_needs_it(void **state)
{
    gw_buf out = {0};
    gw_log log = {.put = take, .put_arg = &out};

    (void)state;
    gw_log_put(&log, GW_LOG_WARN, "two words", GW_LOG_TEXT("a", "bare"),
               GW_LOG_TEXT("b", "x=\"y\"\n"), GW_LOG_TEXT("none", ""),
               GW_LOG_INT("n", -7));

    assert_non_null(strstr(gw_buf_cstr(&out),
                           "Z level=warn msg=\"two words\" a=bare "
                           "b=\"x=\\\"y\\\"\\n\" n=-7\n"));
    assert_int_equal(strncmp(out.at, "ts=2", 4), 0);
    gw_buf_clear(&out);
}

static void
json_is_one_valid_object_a_line(void **state)
{
    gw_buf out = {0};
    gw_log log = {.is_json = true, .put = take, .put_arg = &out};
    gw_arena arena;
    gw_fields fields;

    (void)state;
    gw_log_put(&log, GW_LOG_INFO, "a \xff", GW_LOG_TEXT("b", "\x01\n"),
               GW_LOG_INT("n", 3));

    gw_arena_init(&arena);
    assert_null(memchr(out.at, '\n', out.len - 1));
    assert_int_equal(
        gw_json_object(&arena, gw_buf_as_slice(&out), &fields, NULL), GW_OK);
    assert_int_equal(fields.n, 5);
    gw_arena_clear(&arena);
    gw_buf_clear(&out);
}

static void
what_is_below_the_level_is_not_written(void **state)
{
    gw_buf out = {0};
    gw_log log = {.least = GW_LOG_WARN, .put = take, .put_arg = &out};

    (void)state;
    gw_log_put(&log, GW_LOG_INFO, "a", GW_LOG_INT("n", 3));
    gw_log_put(NULL, GW_LOG_ERROR, "a", GW_LOG_INT("n", 3));

    assert_int_equal(out.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt_quotes_what_needs_it),
        cmocka_unit_test(json_is_one_valid_object_a_line),
        cmocka_unit_test(what_is_below_the_level_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
