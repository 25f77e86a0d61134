/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "cli/command_priv.h"

#define MIGRATE "migrate"

static gw_arena arena;
static gw_options options;
static gw_error error;

static int
set_up(void **state)
{
    (void)state;
    gw_arena_init(&arena);
    memset(&options, 0, sizeof(options));
    memset(&error, 0, sizeof(error));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    gw_arena_clear(&arena);
    return 0;
}

/* Words of a command line up to NULL; the options of a command apply. */
static gw_code
read_line(const char *command, ...)
{
    char *argv[16] = {(char *)(uintptr_t) "godwit"};
    const gw_command *row;
    int argc = 1;
    va_list args;

    va_start(args, command);
    for (char *word; (word = va_arg(args, char *));)
        argv[argc++] = word;
    va_end(args);
    gw_code code = gw_options_parse(&arena, argc, argv, &options, &error);
    if (code)
        return code;
    assert_int_equal(gw_command_find(command, &row, &error), GW_OK);
    return gw_options_resolve(&options, gw_command_options(row), command,
                              &error);
}

static void
options_stand_before_between_and_after_words(void **state)
{
    (void)state;

    gw_code code = read_line("load", "--store", "a.db", "load", "-q", "x",
                             "--json", "y", NULL);

    assert_int_equal(code, GW_OK);
    assert_int_equal(options.n_words, 3);
    assert_string_equal(options.words[0], "load");
    assert_string_equal(options.words[2], "y");
    assert_string_equal(gw_options_text(&options, GW_OPTION_STORE), "a.db");
    assert_true(gw_options_flag(&options, GW_OPTION_QUIET));
    assert_true(gw_options_flag(&options, GW_OPTION_JSON));
}

static void
two_dashes_end_the_options_and_one_is_a_word(void **state)
{
    (void)state;

    gw_code code = read_line("load", "load", "-", "--", "--json", "--", NULL);

    assert_int_equal(code, GW_OK);
    assert_int_equal(options.n_words, 4);
    assert_string_equal(options.words[1], "-");
    assert_string_equal(options.words[2], "--json");
    assert_string_equal(options.words[3], "--");
    assert_false(gw_options_flag(&options, GW_OPTION_JSON));
}

static void
values_follow_a_blank_or_an_equals_sign(void **state)
{
    (void)state;

    gw_code code = read_line(MIGRATE, "--memory=64MiB", "--batch", "512KiB",
                             "--lua-timeout=2m", "--store=a=b", NULL);

    assert_int_equal(code, GW_OK);
    assert_int_equal(gw_options_number(&options, GW_OPTION_MEMORY),
                     64 * GW_MIB);
    assert_int_equal(gw_options_number(&options, GW_OPTION_BATCH),
                     512 * GW_KIB);
    assert_int_equal(gw_options_number(&options, GW_OPTION_LUA_TIMEOUT),
                     120000);
    assert_string_equal(gw_options_text(&options, GW_OPTION_STORE), "a=b");
}

static void
the_last_of_several_values_counts(void **state)
{
    (void)state;

    gw_code code = read_line("stats", "--store", "a", "--store", "b", NULL);

    assert_int_equal(code, GW_OK);
    assert_string_equal(gw_options_text(&options, GW_OPTION_STORE), "b");
}

static void
defaults_come_from_the_limits(void **state)
{
    (void)state;

    assert_int_equal(read_line(MIGRATE, NULL), GW_OK);

    assert_true((size_t)gw_options_number(&options, GW_OPTION_MEMORY) ==
                GW_DEFAULT_MEMORY);
    assert_true((size_t)gw_options_number(&options, GW_OPTION_LUA_MEMORY) ==
                GW_DEFAULT_LUA_MEMORY);
    assert_string_equal(gw_options_text(&options, GW_OPTION_MIGRATIONS),
                        "./migrations");
    assert_null(gw_options_text(&options, GW_OPTION_STORE));
}

static void
the_environment_stands_in_for_what_is_not_given(void **state)
{
    (void)state;
    setenv("GODWIT_STORE", "from-env", 1);
    setenv("GODWIT_BATCH", "1MiB", 1);
    setenv("GODWIT_MIGRATIONS", "", 1);

    gw_code code = read_line(MIGRATE, "--batch", "2MiB", NULL);
    unsetenv("GODWIT_STORE");
    unsetenv("GODWIT_BATCH");
    unsetenv("GODWIT_MIGRATIONS");

    assert_int_equal(code, GW_OK);
    assert_string_equal(gw_options_text(&options, GW_OPTION_STORE), "from-env");
    assert_int_equal(gw_options_number(&options, GW_OPTION_BATCH), 2 * GW_MIB);
    assert_string_equal(gw_options_text(&options, GW_OPTION_MIGRATIONS),
                        "./migrations");
}

static void
a_faulty_variable_is_named_and_only_where_it_applies(void **state)
{
    (void)state;
    setenv("GODWIT_MEMORY", "much", 1);

    gw_code migrate = read_line(MIGRATE, NULL);
    bool is_named = strstr(error.text, "GODWIT_MEMORY: ") == error.text;
    gw_code check = read_line("check", NULL);
    unsetenv("GODWIT_MEMORY");

    assert_int_equal(migrate, GW_E_USAGE);
    assert_true(is_named);
    assert_int_equal(check, GW_OK);
}

static void
an_unknown_option_is_answered_with_the_nearest(void **state)
{
    (void)state;

    gw_code code = read_line(MIGRATE, "--migratoins=x", NULL);

    assert_int_equal(code, GW_E_USAGE);
    assert_string_equal(
        error.text, "unknown option --migratoins; did you mean --migrations?");
}

static void
the_value_of_an_unknown_option_is_not_repeated(void **state)
{
    (void)state;

    gw_code code = read_line(MIGRATE, "--stor=postgresql://u:secret@h/d", NULL);

    assert_int_equal(code, GW_E_USAGE);
    assert_null(strstr(error.text, "secret"));
    assert_non_null(strstr(error.text, "--store"));
}

static void
an_unknown_option_cannot_reach_the_terminal(void **state)
{
    (void)state;

    gw_code code = read_line(MIGRATE, "--\033[2J", NULL);

    assert_int_equal(code, GW_E_USAGE);
    assert_null(strchr(error.text, '\033'));
}

static void
an_option_of_another_command_is_refused(void **state)
{
    (void)state;

    gw_code code = read_line("stats", "--restart", NULL);

    assert_int_equal(code, GW_E_USAGE);
    assert_non_null(strstr(error.text, "--restart is no option of stats"));
}

static void
store_migrations_and_json_are_taken_by_every_command(void **state)
{
    (void)state;

    for (size_t i = 0; gw_command_at(i); i++)
        assert_int_equal(read_line(gw_command_at(i)->name, "--store", "s",
                                   "--migrations", "m", "--json", NULL),
                         GW_OK);
}

static void
missing_and_unwanted_values_are_refused(void **state)
{
    (void)state;

    assert_int_equal(read_line("stats", "--store", NULL), GW_E_USAGE);
    assert_int_equal(read_line("stats", "--store", "--json", NULL), GW_E_USAGE);
    assert_int_equal(read_line("stats", "--json=yes", NULL), GW_E_USAGE);
    assert_int_equal(read_line("stats", "--store=", NULL), GW_E_USAGE);
    assert_int_equal(read_line("stats", "-vq", NULL), GW_E_USAGE);
}

static void
values_out_of_range_or_of_another_kind_are_refused(void **state)
{
    static const char *const FAULTY[][2] = {
        {"--memory", "1KiB"},
        {"--memory", "64MB"},
        {"--memory", "-1"},
        {"--batch", "0"},
        {"--batch", "1.5MiB"},
        {"--keyframe-events", "0"},
        {"--keyframe-events", "1k"},
        {"--lua-timeout", "10"},
        {"--lua-timeout", "500ms"},
        {"--lock-wait", "0s"},
        {"--color", "sometimes"},
        {"--color", "auto|always"},
        {"--log-format", "xml"},
        {"--lua-memory", "99999999999TiB"},
        {"--keyframe-events", "99999999999999999999"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(FAULTY) / sizeof(FAULTY[0]); i++) {
        gw_code code = read_line(MIGRATE, FAULTY[i][0], FAULTY[i][1], NULL);

        assert_int_equal(code, GW_E_USAGE);
        assert_true(strstr(error.text, FAULTY[i][0]) == error.text);
    }
}

static void
options_that_exclude_each_other_are_refused(void **state)
{
    (void)state;

    assert_int_equal(read_line(MIGRATE, "--restart", "--keep-migrated", NULL),
                     GW_E_USAGE);
    assert_int_equal(read_line(MIGRATE, "-v", "--quiet", NULL), GW_E_USAGE);
}

static void
suggestions_are_near_or_none(void **state)
{
    gw_suggestion near = {.typed = "finalise"}, begun = {.typed = "clear"},
                  far = {.typed = "xyzzy"}, swapped = {.typed = "laod"};
    (void)state;

    for (size_t i = 0; gw_command_at(i); i++) {
        gw_suggestion_offer(&near, gw_command_at(i)->name);
        gw_suggestion_offer(&begun, gw_command_at(i)->name);
        gw_suggestion_offer(&far, gw_command_at(i)->name);
        gw_suggestion_offer(&swapped, gw_command_at(i)->name);
    }

    assert_string_equal(near.best, "finalize");
    assert_string_equal(begun.best, "clear-collectionfield-tables");
    assert_string_equal(swapped.best, "load");
    assert_null(far.best);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(options_stand_before_between_and_after_words),
        TEST(two_dashes_end_the_options_and_one_is_a_word),
        TEST(values_follow_a_blank_or_an_equals_sign),
        TEST(the_last_of_several_values_counts),
        TEST(defaults_come_from_the_limits),
        TEST(the_environment_stands_in_for_what_is_not_given),
        TEST(a_faulty_variable_is_named_and_only_where_it_applies),
        TEST(an_unknown_option_is_answered_with_the_nearest),
        TEST(the_value_of_an_unknown_option_is_not_repeated),
        TEST(an_unknown_option_cannot_reach_the_terminal),
        TEST(an_option_of_another_command_is_refused),
        TEST(store_migrations_and_json_are_taken_by_every_command),
        TEST(missing_and_unwanted_values_are_refused),
        TEST(values_out_of_range_or_of_another_kind_are_refused),
        TEST(options_that_exclude_each_other_are_refused),
        TEST(suggestions_are_near_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
