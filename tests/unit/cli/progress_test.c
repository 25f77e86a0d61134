/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/progress_priv.h"

static gw_snapshot
half_way(void)
{
    return (gw_snapshot){
        .phase = GW_PHASE_MIGRATE,
        .label = "migrate",
        .positions_done = 1500,
        .positions_total = 3000,
        .events_done = 7500,
        .events_total = 15000,
        .seconds = 12,
        .events_per_s = 625,
        .seconds_left = 12,
    };
}

static gw_snapshot
nothing_known(void)
{
    return (gw_snapshot){
        .phase = GW_PHASE_PREPARE,
        .label = "prepare",
        .positions_done = -1,
        .positions_total = -1,
        .events_done = -1,
        .events_total = -1,
        .events_per_s = -1,
        .seconds_left = -1,
    };
}

static void
a_bar_has_phase_share_counts_rate_and_time_left(void **state)
{
    gw_snapshot s = half_way();
    gw_buf text = {0};
    (void)state;

    gw_progress_put_bar(&text, &s, 100);

    assert_int_equal(text.len, 100);
    assert_string_equal(gw_buf_cstr(&text),
                        "migrate [=================>                 ] 50.0 %"
                        "  1,500/3,000 positions  625 events/s  12 s left");
    gw_buf_clear(&text);
}

static void
a_bar_never_is_wider_than_the_terminal(void **state)
{
    gw_snapshot s = half_way(), none = nothing_known();
    (void)state;

    for (size_t width = 1; width < 200; width++) {
        gw_buf text = {0};
        gw_progress_put_bar(&text, &s, width);
        assert_true(text.len <= width);
        text.len = 0;
        gw_progress_put_bar(&text, &none, width);
        assert_true(text.len <= width);
        gw_buf_clear(&text);
    }
}

static void
what_is_not_known_is_left_out_or_null(void **state)
{
    gw_snapshot s = nothing_known();
    gw_buf text = {0};
    (void)state;

    gw_progress_put_line(&text, &s);
    assert_string_equal(gw_buf_cstr(&text), "prepare");
    text.len = 0;
    gw_progress_put_json(&text, &s);

    json_t *object = json_loads(gw_buf_cstr(&text), 0, NULL);
    assert_non_null(object);
    assert_true(json_is_null(json_object_get(object, "positions_done")));
    assert_true(json_is_null(json_object_get(object, "seconds_left")));
    assert_string_equal(json_string_value(json_object_get(object, "phase")),
                        "prepare");
    json_decref(object);
    gw_buf_clear(&text);
}

static void
a_line_without_a_total_shows_what_is_done(void **state)
{
    gw_snapshot s = nothing_known();
    gw_buf text = {0};
    (void)state;
    s.label = "load";
    s.positions_done = 1234567;
    s.events_per_s = 1000;

    gw_progress_put_line(&text, &s);

    assert_string_equal(gw_buf_cstr(&text),
                        "load: 1,234,567 positions, 1,000 events/s");
    gw_buf_clear(&text);
}

static void
a_hundred_percent_is_shown_only_when_all_is_done(void **state)
{
    gw_snapshot s = half_way();
    gw_buf text = {0};
    (void)state;
    s.positions_total = 10000000;
    s.positions_done = s.positions_total - 1;

    gw_progress_put_line(&text, &s);
    assert_non_null(strstr(gw_buf_cstr(&text), " 99.9 %"));
    text.len = 0;
    s.positions_done++;
    gw_progress_put_line(&text, &s);
    assert_non_null(strstr(gw_buf_cstr(&text), " 100.0 %"));
    gw_buf_clear(&text);
}

static void
the_rate_is_that_of_the_last_seconds(void **state)
{
    gw_rate rate = {0};
    (void)state;

    assert_true(gw_rate_get(&rate) < 0);
    for (int i = 0; i <= 100; i++) /* 1,000 a second, then 10 */
        gw_rate_add(&rate, i, i * 1000);
    for (int i = 1; i <= 30; i++)
        gw_rate_add(&rate, 100 + i, 100000 + i * 10);

    assert_true(gw_rate_get(&rate) > 9.9 && gw_rate_get(&rate) < 10.1);
}

static void
a_count_that_goes_back_begins_the_rate_again(void **state)
{
    gw_rate rate = {0};
    (void)state;
    gw_rate_add(&rate, 0, 0);
    gw_rate_add(&rate, 1, 5000);

    gw_rate_add(&rate, 2, 0);

    assert_true(gw_rate_get(&rate) < 0);
    gw_rate_add(&rate, 3, 100);
    assert_true(gw_rate_get(&rate) > 99 && gw_rate_get(&rate) < 101);
}

static void
lines_come_at_growing_intervals(void **state)
{
    (void)state;

    assert_true(gw_progress_interval(0) == 1);
    assert_true(gw_progress_interval(11) == 5);
    assert_true(gw_progress_interval(3600) == 30);
}

static void
times_are_short_for_people(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } CASES[] = {
        {0.04, "0.0 s"},    {9.94, "9.9 s"},   {59.4, "59 s"},
        {59.6, "1 m 00 s"}, {185, "3 m 05 s"}, {3599.6, "1 h 00 m"},
        {7380, "2 h 03 m"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        gw_buf text = {0};
        gw_progress_put_seconds(&text, CASES[i].seconds);
        assert_string_equal(gw_buf_cstr(&text), CASES[i].text);
        gw_buf_clear(&text);
    }
}

/* What a run of the thread leaves on "standard error". */
static char *
show_run(bool is_log_json, bool is_quiet, bool ended_well)
{
    char *text = NULL;
    size_t len = 0;
    gw_output output = {.is_log_json = is_log_json, .is_quiet = is_quiet};
    gw_counters counters;

    pthread_mutex_init(&output.lock, NULL);
    output.err = open_memstream(&text, &len);
    output.out = stdout;
    gw_progress_clear(&counters);
    gw_progress *p = gw_progress_start(&output, &counters, "migrate");
    atomic_store(&counters.positions_total, 100);
    atomic_store(&counters.positions_done, 40);
    atomic_store(&counters.events_done, 400);
    atomic_store(&counters.phase, GW_PHASE_MIGRATE);
    atomic_store(&counters.positions_before, 40);
    atomic_store(&counters.events_before, 400);
    atomic_store(&counters.positions_done, 100);
    atomic_store(&counters.events_done, 1000);
    atomic_store(&counters.cutover_us, 12345);
    gw_progress_stop(p, ended_well);
    fclose(output.err);
    return text;
}

static void
the_summary_counts_only_this_run(void **state)
{
    (void)state;

    char *text = show_run(false, false, true);

    assert_non_null(strstr(text, "godwit: done: 60 positions, 600 events"));
    assert_non_null(strstr(text, "writers locked out for 12.3 ms"));
    free(text);
}

static void
the_summary_is_an_object_in_a_json_log(void **state)
{
    (void)state;

    char *text = show_run(true, false, true);

    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "positions")),
                     60);
    assert_true(json_number_value(json_object_get(object, "cutover_ms")) >
                12.3);
    json_decref(object);
    free(text);
}

static void
quiet_is_silent(void **state)
{
    (void)state;

    char *text = show_run(false, true, true);

    assert_string_equal(text, "");
    free(text);
}

static void
a_short_run_that_failed_leaves_the_word_to_the_error(void **state)
{
    (void)state;

    char *text = show_run(false, false, false);

    assert_string_equal(text, "");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bar_has_phase_share_counts_rate_and_time_left),
        cmocka_unit_test(a_bar_never_is_wider_than_the_terminal),
        cmocka_unit_test(what_is_not_known_is_left_out_or_null),
        cmocka_unit_test(a_line_without_a_total_shows_what_is_done),
        cmocka_unit_test(a_hundred_percent_is_shown_only_when_all_is_done),
        cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
        cmocka_unit_test(a_count_that_goes_back_begins_the_rate_again),
        cmocka_unit_test(lines_come_at_growing_intervals),
        cmocka_unit_test(times_are_short_for_people),
        cmocka_unit_test(the_summary_counts_only_this_run),
        cmocka_unit_test(the_summary_is_an_object_in_a_json_log),
        cmocka_unit_test(quiet_is_silent),
        cmocka_unit_test(a_short_run_that_failed_leaves_the_word_to_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
