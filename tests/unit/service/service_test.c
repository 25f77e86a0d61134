/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/service_priv.h"

#define LINE                                                                   \
    "{\"events\":[{\"fqid\":\"a/%d\",\"type\":\"create\",\"data\":{}}]}\n"
#define RULES                                                                  \
    "{\"rules\":[{\"rename_field\":{\"collection\":\"a\",\"from\":\"f\","      \
    "\"to\":\"g\"}}]}"

typedef struct fixture {
    char folder[64], store[96], migrations[96], state[96];
    gw_service *service;
    gw_buf text;
    gw_error err;
} fixture;

static void
load(fixture *f, int n)
{
    gw_store_options options = {.create = true};
    gw_run run = {0};
    int64_t positions, events;
    gw_buf lines = {0};

    assert_int_equal(gw_store_open(f->store, &options, &run.store, &f->err),
                     GW_OK);
    for (int i = 1; i <= n; i++)
        gw_buf_printf(&lines, LINE, i);
    FILE *in = fmemopen(lines.at, lines.len, "r");
    assert_int_equal(gw_load(&run, in, "test", &positions, &events, &f->err),
                     GW_OK);
    fclose(in);
    gw_buf_clear(&lines);
    gw_store_close(run.store);
}

static void
write_migration(fixture *f, const char *text)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/0002_x.json", f->migrations);
    FILE *out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
}

static void
open_service(fixture *f)
{
    gw_service_options options = {
        .store = f->store, .migrations = f->migrations, .state_dir = f->state};

    if (gw_service_open(&options, &f->service, &f->err) != GW_OK)
        fail_msg("%s", f->err.text);
}

static void
close_service(fixture *f)
{
    assert_true(gw_service_close(f->service, 5000));
    f->service = NULL;
}

static int
setup(void **state)
{
    fixture *f = gw_calloc(1, sizeof(*f));

    snprintf(f->folder, sizeof(f->folder), "/tmp/godwit-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->store, sizeof(f->store), "%s/store.db", f->folder);
    snprintf(f->migrations, sizeof(f->migrations), "%s/m", f->folder);
    snprintf(f->state, sizeof(f->state), "%s/state/deep", f->folder);
    mkdir(f->migrations, 0700);
    write_migration(f, RULES);
    load(f, 3);
    open_service(f);
    *state = f;
    return 0;
}

static int
remove_one(const char *path, const struct stat *info, int kind,
           struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static int
teardown(void **state)
{
    fixture *f = *state;

    if (f->service)
        close_service(f);
    nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    gw_buf_clear(&f->text);
    free(f);
    return 0;
}

static void
wait_ended(fixture *f)
{
    for (int i = 0; i < 2000 && gw_service_is_running(f->service); i++)
        usleep(5000);
    assert_false(gw_service_is_running(f->service));
}

static void
issue(fixture *f, const char *name)
{
    int64_t run;

    assert_int_equal(gw_service_issue(f->service,
                                      gw_job_find(gw_slice_of(name)),
                                      &(gw_job_options){0}, &run, &f->err),
                     GW_OK);
}

static const char *
answer(fixture *f, bool with_progress)
{
    f->text.len = 0;
    gw_service_put_answer(f->service, with_progress, &f->text);
    return gw_buf_cstr(&f->text);
}

static const char *
result(fixture *f)
{
    f->text.len = 0;
    gw_service_put_result(f->service, &f->text);
    return gw_buf_cstr(&f->text);
}

static void
look(fixture *f)
{
    int64_t number = gw_service_ask(f->service, false);

    while (!gw_service_has_probed(f->service, false, number))
        usleep(1000);
}

static void
nothing_ever_run_has_no_output(void **state)
{
    fixture *f = *state;

    look(f);

    assert_string_equal(answer(f, true),
                        "{\"success\":true,\"status\":\"migration_required\"}");
    assert_string_equal(result(f), "{\"status\":\"completed\",\"step\":\"\","
                                   "\"last_err\":null,\"try_count\":0}");
}

static void
a_run_gives_output_state_and_result(void **state)
{
    fixture *f = *state;

    issue(f, "migrate");
    wait_ended(f);

    assert_non_null(strstr(answer(f, false),
                           "\"status\":\"finalization_required\","
                           "\"output\":\"Migrating"));
    assert_null(strstr(answer(f, false), "exception"));
    assert_non_null(strstr(answer(f, true), "\"positions_done\":3,"
                                            "\"positions_total\":3"));
    assert_string_equal(result(f),
                        "{\"status\":\"completed\",\"step\":\"migrate\","
                        "\"last_err\":null,\"try_count\":1}");
}

static void
a_restart_gives_the_same_but_migrated(void **state)
{
    fixture *f = *state;

    issue(f, "migrate");
    wait_ended(f);
    char *before = gw_strdup(answer(f, false));
    close_service(f);
    open_service(f);
    look(f);

    assert_string_equal(answer(f, false), before);
    assert_non_null(strstr(answer(f, true), "\"positions_done\":null"));
    assert_string_equal(result(f),
                        "{\"status\":\"migrated\",\"step\":\"migrate\","
                        "\"last_err\":null,\"try_count\":1}");
    free(before);
}

static void
a_failure_counts_tries_until_it_succeeds(void **state)
{
    fixture *f = *state;

    write_migration(f, "{");
    issue(f, "migrate");
    wait_ended(f);
    assert_non_null(strstr(answer(f, false), "\"exception\":\""));
    assert_non_null(strstr(result(f), "\"failed\""));
    issue(f, "migrate");
    wait_ended(f);
    assert_non_null(strstr(result(f), "\"try_count\":2"));

    write_migration(f, RULES);
    issue(f, "migrate");
    wait_ended(f);

    assert_null(strstr(answer(f, false), "exception"));
    assert_string_equal(result(f),
                        "{\"status\":\"completed\",\"step\":\"migrate\","
                        "\"last_err\":null,\"try_count\":3}");
}

static void
an_interrupted_run_is_told_and_can_be_issued_again(void **state)
{
    fixture *f = *state;
    char path[160];

    issue(f, "migrate");
    wait_ended(f);
    close_service(f);
    snprintf(path, sizeof(path), "%s/journal.ndjson", f->state);
    FILE *journal = fopen(path, "a");
    fputs("{\"run\":2,\"command\":\"finalize\",\"result\":\"running\","
          "\"tries\":1,\"start_s\":5}\n",
          journal);
    fclose(journal);
    open_service(f);

    assert_string_equal(result(f),
                        "{\"status\":\"failed\",\"step\":\"finalize\","
                        "\"last_err\":\"interrupted by a restart of the "
                        "server\",\"try_count\":1}");
    issue(f, "finalize");
    wait_ended(f);
    assert_string_equal(result(f),
                        "{\"status\":\"completed\",\"step\":\"finalize\","
                        "\"last_err\":null,\"try_count\":2}");
}

static void
control_needs_something_to_control(void **state)
{
    fixture *f = *state;

    assert_int_equal(gw_service_control(f->service, GW_CONTROL_CANCEL, &f->err),
                     GW_E_STATE);
}

static void
a_stopped_service_takes_nothing(void **state)
{
    fixture *f = *state;
    int64_t run;

    gw_service_stop(f->service);

    assert_int_equal(gw_service_issue(f->service,
                                      gw_job_find(GW_LIT("migrate")),
                                      &(gw_job_options){0}, &run, &f->err),
                     GW_E_INTERRUPTED);
    assert_int_equal(gw_service_last_run(f->service), 0);
}

static void
the_state_folder_is_of_one_service(void **state)
{
    fixture *f = *state;
    gw_service_options options = {
        .store = f->store, .migrations = f->migrations, .state_dir = f->state};
    gw_service *second = NULL;

    assert_int_equal(gw_service_open(&options, &second, &f->err), GW_E_LOCKED);
    assert_null(second);
}

static void
stats_count_the_store(void **state)
{
    fixture *f = *state;
    int64_t number = gw_service_ask(f->service, true);

    while (!gw_service_has_probed(f->service, true, number))
        usleep(1000);

    f->text.len = 0;
    assert_int_equal(gw_service_put_stats(f->service, &f->text, &f->err),
                     GW_OK);
    assert_non_null(strstr(gw_buf_cstr(&f->text), "\"positions\":3"));
}

static void
history_is_paged_newest_first(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        issue(f, "reset");
        wait_ended(f);
    }

    gw_service_put_history(f->service, 0, 2, &f->text);
    const char *text = gw_buf_cstr(&f->text);
    assert_int_equal(strncmp(text, "{\"runs\":[{\"run\":3,", 18), 0);
    assert_non_null(strstr(text, "],\"next\":2,\"manager\":null}"));
    f->text.len = 0;
    gw_service_put_history(f->service, 2, 2, &f->text);
    text = gw_buf_cstr(&f->text);
    assert_int_equal(strncmp(text, "{\"runs\":[{\"run\":1,", 18), 0);
    assert_non_null(strstr(text, "],\"next\":null,\"manager\":null}"));
}

static void
output_is_read_from_any_place(void **state)
{
    fixture *f = *state;

    issue(f, "discard");
    wait_ended(f);

    gw_service_read_output(f->service, 1, 6, 5, &f->text);
    assert_string_equal(gw_buf_cstr(&f->text), "is no");
    gw_service_read_output(f->service, 9, 0, 5, &f->text);
    assert_int_equal(f->text.len, 5);
}

/* Holds the thread that tells of the first run's end until it is released. */
typedef struct holder {
    gw_service *service;
    atomic_bool is_released;
    atomic_int seen_running;
} holder;

static void
see_change(void *arg)
{
    holder *h = arg;

    if (gw_service_is_running(h->service))
        atomic_fetch_add(&h->seen_running, 1);
}

static void
hold_end(void *arg)
{
    holder *h = arg;

    while (!atomic_load(&h->is_released) &&
           gw_service_last_run(h->service) == 1 &&
           !gw_service_is_running(h->service))
        usleep(1000);
}

static void
wait_answered(fixture *f)
{
    gw_service *s = f->service;
    bool is_answered = false;

    for (int i = 0; i < 2000 && !is_answered; i++) {
        pthread_mutex_lock(&s->lock);
        is_answered = s->probe.at_us > 0 && s->asked == s->answered;
        pthread_mutex_unlock(&s->lock);
        usleep(1000);
    }
    assert_true(is_answered);
}

static void
the_start_of_a_run_is_told(void **state)
{
    fixture *f = *state;
    holder h = {.service = f->service};

    look(f);
    wait_answered(f);
    assert_int_equal(unlink(f->store), 0);
    gw_service_on_change(f->service, see_change, &h);
    issue(f, "migrate");
    wait_ended(f);

    assert_true(atomic_load(&h.seen_running) > 0);
}

static void
the_store_is_looked_at_when_a_run_starts(void **state)
{
    fixture *f = *state;

    look(f);
    wait_answered(f);
    int64_t asked = f->service->asked;
    issue(f, "migrate");

    assert_true(gw_service_has_probed(f->service, false, asked));
    assert_int_equal(f->service->asked, asked + 1);
    wait_answered(f);
    wait_ended(f);
}

static const char *
progress(fixture *f)
{
    f->text.len = 0;
    gw_service_put_progress(f->service, &f->text);
    return gw_buf_cstr(&f->text);
}

/* The second run's thread waits for that of the first. */
static void
a_new_run_does_not_show_the_numbers_of_the_last(void **state)
{
    fixture *f = *state;
    holder h = {.service = f->service};

    gw_service_on_change(f->service, hold_end, &h);
    issue(f, "migrate");
    wait_ended(f);
    bool is_done = strstr(progress(f), "\"positions_done\":3") != NULL;
    int64_t run;
    gw_code code = gw_service_issue(f->service, gw_job_find(GW_LIT("verify")),
                                    &(gw_job_options){0}, &run, &f->err);
    bool is_idle = strstr(progress(f), "{\"phase\":\"idle\","
                                       "\"positions_done\":null") != NULL;
    atomic_store(&h.is_released, true);
    wait_ended(f);

    assert_int_equal(code, GW_OK);
    assert_true(is_done);
    assert_true(is_idle);
}

static void
a_run_that_fails_shows_where(void **state)
{
    fixture *f = *state;
    gw_store *store;
    gw_store_options options = {0};

    assert_int_equal(gw_store_open(f->store, &options, &store, &f->err), GW_OK);
    assert_int_equal(gw_store_lock(store, "test", &f->err), GW_OK);
    assert_int_equal(gw_store_begin(store, false, &f->err), GW_OK);
    assert_int_equal(
        gw_store_finish(store, gw_store_set_index(store, 99, &f->err), &f->err),
        GW_OK);
    gw_store_unlock(store);
    gw_store_close(store);
    issue(f, "migrate");
    wait_ended(f);

    assert_non_null(strstr(result(f), "\"failed\""));
    assert_non_null(strstr(progress(f), "{\"phase\":\"prepare\""));
}

static void
put_run(gw_store *store, int64_t run, gw_outcome outcome)
{
    gw_record record = {
        .run = run,
        .job = gw_job_find(GW_LIT("migrate")),
        .outcome = outcome,
        .start = 1000 * run,
        .end = outcome == GW_OUTCOME_RUNNING ? 0 : 1000 * run + 5,
        .tries = 1,
        .positions = -1,
        .events = -1,
    };
    gw_service s = {0};

    gw_keeper_put_run(&s, store, &record);
}

/* A state folder that is lost, and runs that were killed. */
static void
lose_state(fixture *f)
{
    gw_store_options options = {0};
    gw_store *store;

    close_service(f);
    assert_int_equal(nftw(f->state, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(gw_store_open(f->store, &options, &store, &f->err), GW_OK);
    put_run(store, 1, GW_OUTCOME_RUNNING);
    put_run(store, 2, GW_OUTCOME_COMPLETED);
    put_run(store, 3, GW_OUTCOME_RUNNING);
    gw_store_close(store);
}

static void
runs_of_the_store_are_ended_and_kept_in_the_journal(void **state)
{
    fixture *f = *state;
    gw_history kept = {0};

    lose_state(f);
    open_service(f);
    look(f);
    issue(f, "discard");
    wait_ended(f);
    int dir = open(f->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(gw_journal_read(dir, &kept, NULL, &f->err), GW_OK);
    close(dir);

    assert_int_equal(kept.n, 4);
    for (size_t i = 0; i < kept.n; i++)
        assert_int_equal(kept.at[i].run, i + 1);
    assert_int_equal(kept.at[0].outcome, GW_OUTCOME_INTERRUPTED);
    assert_int_equal(kept.at[0].end, 2000);
    assert_int_equal(kept.at[1].outcome, GW_OUTCOME_COMPLETED);
    assert_int_equal(kept.at[1].end, 2005);
    assert_int_equal(kept.at[2].outcome, GW_OUTCOME_INTERRUPTED);
    assert_int_equal(kept.at[2].code, GW_E_INTERRUPTED);
    gw_history_clear(&kept);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_ever_run_has_no_output),
        TEST(a_run_gives_output_state_and_result),
        TEST(a_restart_gives_the_same_but_migrated),
        TEST(a_failure_counts_tries_until_it_succeeds),
        TEST(an_interrupted_run_is_told_and_can_be_issued_again),
        TEST(control_needs_something_to_control),
        TEST(a_stopped_service_takes_nothing),
        TEST(the_state_folder_is_of_one_service),
        TEST(stats_count_the_store),
        TEST(history_is_paged_newest_first),
        TEST(output_is_read_from_any_place),
        TEST(the_start_of_a_run_is_told),
        TEST(the_store_is_looked_at_when_a_run_starts),
        TEST(a_new_run_does_not_show_the_numbers_of_the_last),
        TEST(a_run_that_fails_shows_where),
        TEST(runs_of_the_store_are_ended_and_kept_in_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
