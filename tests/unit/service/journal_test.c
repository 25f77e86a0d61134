/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "service/service_priv.h"

typedef struct fixture {
    char folder[64];
    int dir, file;
    gw_history history;
    gw_error err;
} fixture;

static int
setup(void **state)
{
    fixture *f = gw_calloc(1, sizeof(*f));

    snprintf(f->folder, sizeof(f->folder), "/tmp/godwit-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->dir = open(f->folder, O_RDONLY | O_DIRECTORY);
    f->file = -1;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    fixture *f = *state;

    if (f->file >= 0)
        close(f->file);
    (void)unlinkat(f->dir, "journal.ndjson", 0);
    (void)unlinkat(f->dir, "journal.ndjson.new", 0);
    close(f->dir);
    rmdir(f->folder);
    gw_history_clear(&f->history);
    free(f);
    return 0;
}

static gw_record
record_of(int64_t run, gw_outcome outcome)
{
    return (gw_record){.run = run,
                       .job = gw_job_find(GW_LIT("migrate")),
                       .outcome = outcome,
                       .start = 1000 + run,
                       .end = outcome ? 2000 + run : 0,
                       .duration_ms = 7,
                       .tries = 2,
                       .positions = outcome ? 5 : -1,
                       .events = -1};
}

static void
must_open(fixture *f)
{
    assert_int_equal(gw_journal_open(f->dir, &f->history, &f->file, &f->err),
                     GW_OK);
}

static void
must_add(fixture *f, const gw_record *record)
{
    assert_int_equal(gw_journal_add(f->file, record, &f->err), GW_OK);
}

static void
must_read(fixture *f)
{
    gw_history_clear(&f->history);
    assert_int_equal(gw_journal_read(f->dir, &f->history, NULL, &f->err),
                     GW_OK);
}

static void
append(fixture *f, const char *text)
{
    assert_int_equal(write(f->file, text, strlen(text)), strlen(text));
}

static void
no_journal_is_an_empty_history(void **state)
{
    fixture *f = *state;

    must_read(f);

    assert_int_equal(f->history.n, 0);
    assert_null(gw_history_last(&f->history));
}

static void
what_is_written_is_read(void **state)
{
    fixture *f = *state;
    gw_record start = record_of(1, GW_OUTCOME_RUNNING);
    gw_record end = record_of(1, GW_OUTCOME_FAILED);

    end.error = gw_strdup("a \"quoted\"\nline \xff");
    end.options.verbose = true;
    must_open(f);
    must_add(f, &start);
    must_add(f, &end);
    must_read(f);

    assert_int_equal(f->history.n, 1);
    const gw_record *r = gw_history_last(&f->history);
    assert_int_equal(r->run, 1);
    assert_int_equal(r->outcome, GW_OUTCOME_FAILED);
    assert_int_equal(r->start, 1001);
    assert_int_equal(r->end, 2001);
    assert_int_equal(r->duration_ms, 7);
    assert_int_equal(r->tries, 2);
    assert_int_equal(r->positions, 5);
    assert_int_equal(r->events, -1);
    assert_true(r->options.verbose);
    assert_true(r->is_earlier);
    assert_string_equal(r->error, "a \"quoted\"\nline \xEF\xBF\xBD");
    free(end.error);
}

static void
a_start_without_an_end_is_under_way(void **state)
{
    fixture *f = *state;
    gw_record start = record_of(1, GW_OUTCOME_RUNNING);

    must_open(f);
    must_add(f, &start);
    must_read(f);

    assert_int_equal(gw_history_last(&f->history)->outcome, GW_OUTCOME_RUNNING);
}

static void
torn_and_foreign_lines_are_passed_over(void **state)
{
    static const char *const lines[] = {
        "{\"run\":2,\"comm",
        "\n",
        "[]\n",
        "\xff\n",
        "{}\n",
        "{\"run\":-4,\"command\":\"migrate\",\"result\":\"failed\"}\n",
        "{\"run\":4,\"command\":\"nothing\",\"result\":\"failed\"}\n",
        "{\"run\":4,\"command\":\"migrate\",\"result\":\"odd\"}\n",
        "{\"run\":4,\"command\":7,\"result\":[]}\n",
    };
    fixture *f = *state;
    gw_record one = record_of(1, GW_OUTCOME_COMPLETED);
    gw_record three = record_of(3, GW_OUTCOME_COMPLETED);

    must_open(f);
    must_add(f, &one);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        append(f, lines[i]);
    append(f, "{\"run\":9");
    must_add(f, &three);
    must_read(f);

    assert_int_equal(f->history.n, 2);
    assert_int_equal(f->history.at[0].run, 1);
    assert_int_equal(f->history.at[1].run, 3);
}

static void
only_the_newest_runs_are_kept(void **state)
{
    fixture *f = *state;

    for (int64_t run = 1; run <= GW_LIMIT_HISTORY + 5; run++)
        *gw_history_push(&f->history) = record_of(run, GW_OUTCOME_COMPLETED);
    must_open(f);
    must_read(f);

    assert_int_equal(f->history.n, GW_LIMIT_HISTORY);
    assert_int_equal(f->history.at[0].run, 6);
    assert_int_equal(gw_history_last(&f->history)->run, GW_LIMIT_HISTORY + 5);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(no_journal_is_an_empty_history),
        TEST(what_is_written_is_read),
        TEST(a_start_without_an_end_is_under_way),
        TEST(torn_and_foreign_lines_are_passed_over),
        TEST(only_the_newest_runs_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
