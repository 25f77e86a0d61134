/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/units.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct written {
    const char *text;
    int64_t value;
    const char *printed;
} written;

static const written durations[] = {
    {"500ms", 500, "500ms"},
    {"30s", 30000, "30s"},
    {"5m", 300000, "5m"},
    {"2h", 7200000, "2h"},
    {"90m", 5400000, "90m"},
    {"120m", 7200000, "2h"},
    {"1500ms", 1500, "1500ms"},
    {"0s", 0, "0ms"},
    {"2562047788015h", 9223372036854000000, "2562047788015h"},
};

static const written sizes[] = {
    {"64MiB", INT64_C(64) << 20, "64MiB"},
    {"64KiB", 65536, "64KiB"},
    {"1GiB", INT64_C(1) << 30, "1GiB"},
    {"1024MiB", INT64_C(1) << 30, "1GiB"},
    {"4TiB", INT64_C(4) << 40, "4TiB"},
    {"1000", 1000, "1000"},
    {"0", 0, "0"},
    {"9223372036854775807", INT64_MAX, "9223372036854775807"},
};

static const char *const no_durations[] = {
    "",
    "5",
    "s",
    "-5s",
    "+5s",
    " 5s",
    "5 s",
    "5s ",
    "1.5h",
    "5S",
    "5min",
    "5us",
    "5d",
    "ms",
    "5mss",
    "2562047788016h",
    "99999999999999999999ms",
};

static const char *const no_sizes[] = {
    "",           "MiB",
    "-1",         "+1",
    "1.5GiB",     "64MB",
    "64mib",      "64M",
    "64 MiB",     "1KiBx",
    "0x10",       "1B",
    "8388608TiB", "9223372036854775808",
};

static void
durations_are_read_and_printed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        const written *w = &durations[i];
        gw_buf buf = {0};
        int64_t ms = -1;

        assert_int_equal(
            gw_units_parse_duration(gw_slice_of(w->text), &ms, NULL), GW_OK);
        assert_true(ms == w->value);
        gw_units_put_duration(&buf, ms);
        assert_string_equal(gw_buf_cstr(&buf), w->printed);
        gw_buf_clear(&buf);
    }
}

static void
sizes_are_read_and_printed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        const written *w = &sizes[i];
        gw_buf buf = {0};
        int64_t size_bytes = -1;

        assert_int_equal(
            gw_units_parse_size(gw_slice_of(w->text), &size_bytes, NULL),
            GW_OK);
        assert_true(size_bytes == w->value);
        gw_units_put_size(&buf, size_bytes);
        assert_string_equal(gw_buf_cstr(&buf), w->printed);
        gw_buf_clear(&buf);
    }
}

static void
what_is_no_duration_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(no_durations); i++) {
        int64_t ms = 77;

        if (gw_units_parse_duration(gw_slice_of(no_durations[i]), &ms, NULL) !=
            GW_E_USAGE)
            fail_msg("accepted: %s", no_durations[i]);
        assert_true(ms == 77);
    }
}

static void
what_is_no_size_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(no_sizes); i++) {
        int64_t size_bytes = 77;

        if (gw_units_parse_size(gw_slice_of(no_sizes[i]), &size_bytes, NULL) !=
            GW_E_USAGE)
            fail_msg("accepted: %s", no_sizes[i]);
        assert_true(size_bytes == 77);
    }
}

static void
refusals_say_how_to_write_it(void **unused)
{
    int64_t value;
    gw_error err;

    (void)unused;
    (void)!gw_units_parse_duration(GW_LIT("5 minutes"), &value, &err);
    assert_string_equal(err.text, "\"5 minutes\" is no duration; write it as "
                                  "500ms, 30s, 5m or 2h");
    (void)!gw_units_parse_size((gw_slice){0}, &value, &err);
    assert_string_equal(err.text, "\"\" is no size; write it as 65536, "
                                  "64KiB, 64MiB or 1GiB");
}

static void
counts_have_a_comma_before_every_three_digits(void **unused)
{
    static const struct {
        int64_t count;
        const char *text;
    } rows[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {-1000, "-1,000"},
        {-999, "-999"},
        {1234567, "1,234,567"},
        {INT64_MAX, "9,223,372,036,854,775,807"},
        {INT64_MIN, "-9,223,372,036,854,775,808"},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        gw_buf buf = {0};

        gw_units_put_count(&buf, rows[i].count);
        assert_string_equal(gw_buf_cstr(&buf), rows[i].text);
        gw_buf_clear(&buf);
    }
}

static void
times_are_rfc_3339_in_utc(void **unused)
{
    char text[GW_TIMESTAMP_SIZE];

    (void)unused;
    gw_units_format_time(1714557600, text);
    assert_string_equal(text, "2024-05-01T10:00:00+00:00");
    gw_units_format_time(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00+00:00");
    gw_units_format_time(INT64_C(253402300799), text);
    assert_string_equal(text, "9999-12-31T23:59:59+00:00");
}

static void
now_lies_between_before_and_after(void **unused)
{
    char before[GW_TIMESTAMP_SIZE], now[GW_TIMESTAMP_SIZE];
    char after[GW_TIMESTAMP_SIZE];
    struct timespec t;

    (void)unused;
    clock_gettime(CLOCK_REALTIME, &t);
    gw_units_format_time(t.tv_sec, before);
    gw_units_format_now(now);
    clock_gettime(CLOCK_REALTIME, &t);
    gw_units_format_time(t.tv_sec, after);
    assert_true(strcmp(before, now) <= 0 && strcmp(now, after) <= 0);
}

static void
the_clock_counts_microseconds(void **unused)
{
    struct timespec wait = {0, 20000000};
    int64_t start = gw_clock_us();

    (void)unused;
    nanosleep(&wait, NULL);
    int64_t took = gw_clock_us() - start;
    assert_true(took >= 20000 && took < 60000000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_and_printed),
        cmocka_unit_test(sizes_are_read_and_printed),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(refusals_say_how_to_write_it),
        cmocka_unit_test(counts_have_a_comma_before_every_three_digits),
        cmocka_unit_test(times_are_rfc_3339_in_utc),
        cmocka_unit_test(now_lies_between_before_and_after),
        cmocka_unit_test(the_clock_counts_microseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
