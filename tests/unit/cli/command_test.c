/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/command_priv.h"
#include "cli/output_priv.h"

static size_t
count_lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* The widest line, in columns. */
static size_t
width_of(const char *text)
{
    size_t widest = 0;

    while (*text) {
        size_t len = strcspn(text, "\n");
        size_t columns = gw_text_width((gw_slice){text, len});
        if (columns > widest)
            widest = columns;
        text += len;
        text += *text == '\n';
    }
    return widest;
}

static void
every_command_is_whole_and_found_by_its_name(void **state)
{
    const gw_command *found;
    (void)state;

    for (size_t i = 0; gw_command_at(i); i++) {
        const gw_command *c = gw_command_at(i);

        assert_non_null(c->summary);
        assert_non_null(c->about);
        assert_non_null(c->run);
        assert_true(c->args_max < 0 || c->args_min <= c->args_max);
        assert_true((c->args_max != 0) == (c->arguments != NULL));
        assert_int_equal(gw_command_find(c->name, &found, NULL), GW_OK);
        assert_ptr_equal(found, c);
    }
}

/* serve and manage open the store for each command of theirs, check only one
 * that is named. */
static bool
opens_its_own_store(const gw_command *c)
{
    static const char *const names[] = {"serve", "manage", "check"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(c->name, names[i]) == 0)
            return true;
    return false;
}

static void
a_command_that_needs_a_store_shows_the_option(void **state)
{
    (void)state;

    for (size_t i = 0; gw_command_at(i); i++) {
        const gw_command *c = gw_command_at(i);

        if (c->needs & GW_NEED_STORE)
            assert_true(c->options & GW_OPTION_BIT(STORE));
        else if (!opens_its_own_store(c))
            assert_false(c->options & GW_OPTION_BIT(STORE));
        if (c->needs & GW_NEED_MIGRATIONS)
            assert_true(c->options & GW_OPTION_BIT(MIGRATIONS));
    }
}

/* One name may mean two things, in two commands. */
static bool
some_command_takes(size_t a, size_t b)
{
    for (size_t i = 0; gw_command_at(i); i++) {
        uint64_t options = gw_command_options(gw_command_at(i));
        if ((options >> a & 1) && (options >> b & 1))
            return true;
    }
    return false;
}

static void
every_option_is_whole_and_belongs_to_a_command(void **state)
{
    uint64_t used = GW_OPTION_BIT(VERSION);
    (void)state;

    for (size_t i = 0; gw_command_at(i); i++)
        used |= gw_command_options(gw_command_at(i));
    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        const gw_option *o = gw_option_get((gw_option_id)i);

        assert_non_null(o->name);
        assert_non_null(o->help);
        assert_int_equal(o->type == GW_OPTION_TYPE_FLAG, o->value == NULL);
        assert_true(used >> i & 1);
        for (size_t j = 0; j < i; j++)
            if (strcmp(o->name, gw_option_get((gw_option_id)j)->name) == 0)
                assert_false(some_command_takes(i, j));
    }
}

static void
defaults_lie_within_their_range(void **state)
{
    (void)state;

    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        const gw_option *o = gw_option_get((gw_option_id)i);

        if (o->number)
            assert_true(o->number >= o->min && o->number <= o->max);
    }
}

static void
a_mistyped_command_is_answered_with_the_nearest(void **state)
{
    const gw_command *c;
    gw_error err;
    (void)state;

    assert_int_equal(gw_command_find("exprot", &c, &err), GW_E_USAGE);
    assert_string_equal(err.text,
                        "unknown command exprot; did you mean export?");
    assert_int_equal(gw_command_find("frobnicate", &c, &err), GW_E_USAGE);
    assert_string_equal(err.text,
                        "unknown command frobnicate; see godwit --help");
}

static void
what_cannot_be_a_command_is_not_repeated(void **state)
{
    const gw_command *c;
    gw_error err;
    (void)state;

    assert_int_equal(gw_command_find("postgresql://u:secret@h", &c, &err),
                     GW_E_USAGE);
    assert_null(strstr(err.text, "secret"));
    assert_int_equal(gw_command_find("", &c, &err), GW_E_USAGE);
    assert_int_equal(gw_command_find("\033[2Jmigrate", &c, &err), GW_E_USAGE);
    assert_null(strchr(err.text, '\033'));
}

static void
the_overview_fits_a_small_terminal(void **state)
{
    gw_buf text = {0};
    (void)state;

    gw_help_put_overview(&text);

    assert_true(count_lines(gw_buf_cstr(&text)) <= 24);
    assert_true(width_of(gw_buf_cstr(&text)) <= 80);
    gw_buf_clear(&text);
}

static void
help_of_a_command_names_its_options_in_80_columns(void **state)
{
    (void)state;

    for (size_t i = 0; gw_command_at(i); i++) {
        const gw_command *c = gw_command_at(i);
        gw_buf text = {0}, form = {0};

        gw_help_put_command(&text, c);

        assert_true(width_of(gw_buf_cstr(&text)) <= 80);
        for (size_t j = 0; j < GW_OPTION_COUNT; j++) {
            form.len = 0;
            gw_option_put_form(&form, gw_option_get((gw_option_id)j));
            bool is_shown =
                strstr(gw_buf_cstr(&text), gw_buf_cstr(&form)) != NULL;
            if (gw_command_options(c) >> j & 1)
                assert_true(is_shown);
        }
        gw_buf_clear(&text);
        gw_buf_clear(&form);
    }
}

static void
every_exit_status_of_an_error_is_explained(void **state)
{
    (void)state;

#define CHECK(name, wire, http, status)                                        \
    assert_non_null(gw_help_exit_text(status));
    GW_CODE_MAP(CHECK)
#undef CHECK
    assert_null(gw_help_exit_text(-1));
    assert_null(gw_help_exit_text(5));
    assert_null(gw_help_exit_text(255));
}

static void
manual_and_completions_hold_every_command_and_option(void **state)
{
    void (*const MAKERS[])(gw_buf * buf) = {
        gw_man_put_markdown,
        gw_completion_put_bash,
        gw_completion_put_zsh,
        gw_completion_put_fish,
    };
    (void)state;

    for (size_t m = 0; m < sizeof(MAKERS) / sizeof(MAKERS[0]); m++) {
        gw_buf text = {0};

        MAKERS[m](&text);

        for (size_t i = 0; gw_command_at(i); i++)
            assert_non_null(strstr(gw_buf_cstr(&text), gw_command_at(i)->name));
        for (size_t i = 0; i < GW_OPTION_COUNT; i++)
            assert_non_null(strstr(gw_buf_cstr(&text),
                                   gw_option_get((gw_option_id)i)->name));
        gw_buf_clear(&text);
    }
}

static void
the_manual_page_leaves_no_control_lines_to_text(void **state)
{
    gw_buf text = {0};
    (void)state;

    gw_man_put_roff(&text);

    for (const char *at = gw_buf_cstr(&text); at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (*at == '.')
            assert_true(
                strncmp(at, ".TH ", 4) == 0 || strncmp(at, ".SH ", 4) == 0 ||
                strncmp(at, ".TP\n", 4) == 0 || strncmp(at, ".PP\n", 4) == 0 ||
                strncmp(at, ".B ", 3) == 0 || strncmp(at, ".I ", 3) == 0);
        assert_true(*at != '\'');
    }
    gw_buf_clear(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_whole_and_found_by_its_name),
        cmocka_unit_test(a_command_that_needs_a_store_shows_the_option),
        cmocka_unit_test(every_option_is_whole_and_belongs_to_a_command),
        cmocka_unit_test(defaults_lie_within_their_range),
        cmocka_unit_test(a_mistyped_command_is_answered_with_the_nearest),
        cmocka_unit_test(what_cannot_be_a_command_is_not_repeated),
        cmocka_unit_test(the_overview_fits_a_small_terminal),
        cmocka_unit_test(help_of_a_command_names_its_options_in_80_columns),
        cmocka_unit_test(every_exit_status_of_an_error_is_explained),
        cmocka_unit_test(manual_and_completions_hold_every_command_and_option),
        cmocka_unit_test(the_manual_page_leaves_no_control_lines_to_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
