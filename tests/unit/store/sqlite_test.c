/* SPDX-License-Identifier: Apache-2.0 */
/* What is special about stores in SQLite: files that are none, rights, the
 * lock file, another program at the same file. The rest is in
 * tests/contract. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store/store.h"

enum { NOBODY = 65534 };

static char folder[] = "/tmp/sqlite_test_XXXXXX";

typedef struct fixture {
    char path[128];
    gw_store *store;
    gw_error err;
} fixture;

static gw_code
open_path(fixture *f, bool create, bool read_only)
{
    gw_store_options options = {
        .create = create, .read_only = read_only, .lock_wait_ms = 200};

    return gw_store_open(f->path, &options, &f->store, &f->err);
}

static int
set_up(void **state)
{
    static int number;
    fixture *f = gw_calloc(1, sizeof(*f));

    (void)snprintf(f->path, sizeof(f->path), "%s/%d", folder, ++number);
    if (mkdir(f->path, 0755) != 0)
        return -1;
    (void)strcat(f->path, "/store.db");
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    fixture *f = *state;

    gw_store_close(f->store);
    free(f);
    return 0;
}

static void
ok(const fixture *f, gw_code code)
{
    if (code != GW_OK)
        fail_msg("%s: %s", gw_code_name(code), f->err.text);
}

static void
fails(const fixture *f, gw_code code, gw_code expected, const char *words)
{
    if (code != expected || !strstr(f->err.text, words))
        fail_msg("%s, '%s' instead of %s, '%s'", gw_code_name(code),
                 code ? f->err.text : "", gw_code_name(expected), words);
}

static void
write_file(const char *path, const char *text, size_t n)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void
run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
make_store(fixture *f)
{
    ok(f, open_path(f, true, false));
    gw_store_close(f->store);
    f->store = NULL;
}

static void
a_missing_store_is_not_made_by_accident(void **state)
{
    fixture *f = *state;

    fails(f, open_path(f, false, false), GW_E_STORE, "godwit init");
    assert_int_not_equal(access(f->path, F_OK), 0);
}

static void
a_missing_folder_is_named(void **state)
{
    fixture *f = *state;

    (void)snprintf(f->path, sizeof(f->path), "%s/nowhere/store.db", folder);
    fails(f, open_path(f, true, false), GW_E_STORE, "nowhere");
}

static void
a_folder_is_no_store(void **state)
{
    fixture *f = *state;

    *strrchr(f->path, '/') = '\0';
    fails(f, open_path(f, false, false), GW_E_STORE, "a folder");
}

static void
a_file_of_something_else_is_refused_and_left_alone(void **state)
{
    fixture *f = *state;
    char text[4096];

    memset(text, 'x', sizeof(text));
    write_file(f->path, text, sizeof(text));
    fails(f, open_path(f, false, false), GW_E_STORE, "not an SQLite");
    fails(f, open_path(f, true, false), GW_E_STORE, "not an SQLite");
    assert_int_equal(access(f->path, F_OK), 0);
}

static void
a_database_without_the_tables_tells_how_to_make_them(void **state)
{
    fixture *f = *state;

    run_sql(f->path, "CREATE TABLE mine (x)");
    fails(f, open_path(f, false, false), GW_E_STORE, "godwit init");
    fails(f, open_path(f, true, false), GW_E_STATE, "tables already");
    run_sql(f->path, "PRAGMA application_id = 99");
    fails(f, open_path(f, false, false), GW_E_STORE, "another program");
}

static void
a_newer_schema_asks_for_a_newer_program(void **state)
{
    fixture *f = *state;

    make_store(f);
    run_sql(f->path, "PRAGMA user_version = 2");
    fails(f, open_path(f, false, false), GW_E_STORE, "newer Godwit");
}

static void
a_lost_table_is_named(void **state)
{
    fixture *f = *state;
    gw_store_counts counts;

    make_store(f);
    run_sql(f->path, "DROP TABLE migration_positions");
    ok(f, open_path(f, false, false));
    fails(f, gw_store_count(f->store, 2, true, &counts, &f->err), GW_E_STORE,
          "migration_positions");
}

static void
damage_is_reported_as_such(void **state)
{
    fixture *f = *state;
    gw_store_counts counts;
    char junk[16384];

    make_store(f);
    FILE *file = fopen(f->path, "r+");
    assert_non_null(file);
    memset(junk, 0xa5, sizeof(junk));
    assert_int_equal(fseek(file, 16384, SEEK_SET), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fwrite(junk, 1, sizeof(junk), file), sizeof(junk));
    assert_int_equal(fclose(file), 0);

    gw_code code = open_path(f, false, false);
    if (code == GW_OK)
        code = gw_store_count(f->store, 2, true, &counts, &f->err);
    fails(f, code, GW_E_STORE, "damaged");
}

/* Runs as somebody without rights, where the tests are run by root. */
static void
as_nobody(void (*call)(fixture *f), fixture *f)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        if (geteuid() == 0 && setuid(NOBODY) != 0)
            _exit(2);
        call(f);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
read_without_rights(fixture *f)
{
    gw_store_counts counts;

    if (open_path(f, false, true) != GW_OK ||
        gw_store_count(f->store, 2, true, &counts, &f->err) != GW_OK) {
        (void)fprintf(stderr, "%s\n", f->err.text);
        _exit(3);
    }
    gw_store_close(f->store);
    f->store = NULL;
    if (open_path(f, false, false) != GW_E_STORE ||
        !strstr(f->err.text, "rights"))
        _exit(4);
}

static void
a_store_in_a_folder_without_rights_can_be_read(void **state)
{
    fixture *f = *state;

    make_store(f);
    assert_int_equal(chmod(f->path, 0444), 0);
    *strrchr(f->path, '/') = '\0';
    assert_int_equal(chmod(f->path, 0555), 0);
    (void)strcat(f->path, "/store.db");
    as_nobody(read_without_rights, f);
}

static void
a_run_that_lost_its_lock_file_cannot_write(void **state)
{
    fixture *f = *state;
    gw_store *first = NULL;
    char lock[160];

    make_store(f);
    ok(f, open_path(f, false, false));
    ok(f, gw_store_lock(f->store, "migrate", &f->err));
    first = f->store;
    (void)snprintf(lock, sizeof(lock), "%s-godwit-lock", f->path);
    assert_int_equal(unlink(lock), 0);
    ok(f, open_path(f, false, false));
    ok(f, gw_store_lock(f->store, "finalize", &f->err));

    fails(f, gw_store_begin(first, false, &f->err), GW_E_LOCKED, "finalize");
    ok(f, gw_store_begin(f->store, false, &f->err));
    ok(f, gw_store_commit(f->store, &f->err));
    gw_store_close(first);
}

static void
two_names_of_a_store_share_one_lock(void **state)
{
    fixture *f = *state;
    gw_store *first = NULL;
    char other[160];

    make_store(f);
    (void)snprintf(other, sizeof(other), "%s.link", f->path);
    assert_int_equal(symlink(f->path, other), 0);
    ok(f, open_path(f, false, false));
    first = f->store;
    ok(f, gw_store_lock(first, "migrate", &f->err));
    ok(f, gw_store_open(other, NULL, &f->store, &f->err));
    fails(f, gw_store_lock(f->store, "migrate", &f->err), GW_E_LOCKED,
          "migrate, pid");
    gw_store_close(first);
}

static void
a_long_lock_of_another_program_is_reported(void **state)
{
    fixture *f = *state;
    sqlite3 *db = NULL;

    make_store(f);
    ok(f, open_path(f, false, false));
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);

    fails(f, gw_store_begin(f->store, false, &f->err), GW_E_STORE,
          "locked by another program");
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    ok(f, gw_store_begin(f->store, false, &f->err));
    ok(f, gw_store_commit(f->store, &f->err));
    (void)sqlite3_close(db);
}

static gw_code
append_much(fixture *f)
{
    static char text[100000];
    gw_event event = {.type = GW_EVENT_DELETE, .raw = {text, sizeof(text)}};
    gw_position p = {.events = {&event, 1}};
    gw_code code = gw_fqid_parse(GW_LIT("user/1"), &event.fqid, &f->err);

    memset(text, ' ', sizeof(text));
    for (int i = 0; i < 1000 && code == GW_OK; i++)
        code = gw_store_append(f->store, &p, NULL, &f->err);
    if (code == GW_OK)
        code = gw_store_commit(f->store, &f->err);
    else
        gw_store_abort(f->store);
    return code;
}

static void
a_write_that_does_not_fit_leaves_the_store_as_it_was(void **state)
{
    fixture *f = *state;
    struct rlimit before, small;
    gw_store_counts counts;

    make_store(f);
    ok(f, open_path(f, false, false));
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 2000000;
    ok(f, gw_store_begin(f->store, false, &f->err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    gw_code code = append_much(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    assert_int_equal(code, GW_E_STORE);
    ok(f, gw_store_count(f->store, 2, true, &counts, &f->err));
    assert_int_equal(counts.positions, 0);
    ok(f, gw_store_begin(f->store, false, &f->err));
    ok(f, append_much(f));
    ok(f, gw_store_count(f->store, 2, true, &counts, &f->err));
    assert_int_equal(counts.positions, 1000);
}

static void
events_without_their_position_are_reported(void **state)
{
    fixture *f = *state;
    gw_batch batch;

    gw_batch_init(&batch);
    make_store(f);
    run_sql(f->path, "INSERT INTO positions VALUES (1, 'x', 0, NULL, 1);"
                     "INSERT INTO events (position, fqid, type, data, weight)"
                     " VALUES (2, 'a/1', 'delete', NULL, 1)");
    ok(f, open_path(f, false, false));
    ok(f, gw_store_read(f->store, GW_GENERATION_LIVE, 0, 0, 1000, &batch,
                        &f->err));
    assert_int_equal(batch.n, 1);
    fails(f,
          gw_store_read(f->store, GW_GENERATION_LIVE, 1, 0, 1000, &batch,
                        &f->err),
          GW_E_INPUT, "position 2");
    gw_batch_clear(&batch);
}

static void
events_come_in_the_order_of_their_weights(void **state)
{
    fixture *f = *state;
    gw_batch batch;

    gw_batch_init(&batch);
    make_store(f);
    run_sql(f->path,
            "INSERT INTO positions VALUES (1, 'x', 0, NULL, 1);"
            "INSERT INTO events (position, fqid, type, data, weight) VALUES"
            " (1, 'a/3', 'delete', NULL, 3), (1, 'a/1', 'delete', NULL, 1),"
            " (1, 'a/2', 'delete', 'null', 2)");
    ok(f, open_path(f, false, false));
    ok(f, gw_store_read(f->store, GW_GENERATION_LIVE, 0, 0, 1000, &batch,
                        &f->err));

    assert_int_equal(batch.positions[0].events.n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(batch.positions[0].events.at[i].fqid.text.at[2],
                         '1' + i);
    gw_batch_clear(&batch);
}

static void
a_closed_store_is_one_file(void **state)
{
    fixture *f = *state;
    char name[160];

    make_store(f);
    ok(f, open_path(f, false, false));
    ok(f, gw_store_begin(f->store, false, &f->err));
    ok(f, gw_store_set_index(f->store, 3, &f->err));
    ok(f, gw_store_commit(f->store, &f->err));
    gw_store_close(f->store);
    f->store = NULL;

    (void)snprintf(name, sizeof(name), "%s-wal", f->path);
    assert_int_not_equal(access(name, F_OK), 0);
    (void)snprintf(name, sizeof(name), "%s-shm", f->path);
    assert_int_not_equal(access(name, F_OK), 0);
}

/* ---- a save in several transactions ---- */

/* Puts a model of two levels, the lower one as the upper or not there. */
static void
save_model(fixture *f, const char *fqid, bool is_at_both, const char *json)
{
    gw_arena arena;
    gw_model at[2] = {{0}};

    gw_arena_init(&arena);
    if (json)
        ok(f,
           gw_model_parse(&arena, gw_slice_of(json), false, &at[1], &f->err));
    if (is_at_both)
        at[0] = at[1];
    gw_saved_model saved = {gw_slice_of(fqid), 2, at};
    ok(f, gw_store_keyframe_put(f->store, &saved, &f->err));
    gw_state_release((gw_state *)at[1].state);
    gw_arena_clear(&arena);
}

static void
is_saved(fixture *f, const char *fqid, bool is_at_both, const char *json)
{
    gw_model at[2] = {{0}};
    gw_buf text = {0};

    ok(f, gw_store_keyframe_load(f->store, gw_slice_of(fqid), at, 2, &f->err));
    assert_int_equal(at[0].status, is_at_both ? at[1].status : GW_STATUS_NONE);
    if (json) {
        gw_model_put_json(&text, &at[1]);
        assert_string_equal(gw_buf_cstr(&text), json);
    } else {
        assert_int_equal(at[1].status, GW_STATUS_NONE);
    }
    gw_state_release((gw_state *)at[0].state);
    gw_state_release((gw_state *)at[1].state);
    gw_buf_clear(&text);
}

static void
recover(fixture *f)
{
    gw_store_close(f->store);
    ok(f, open_path(f, false, false));
    ok(f, gw_store_keyframe_recover(f->store, &f->err));
}

#define MODEL(v) "{\"v\":" #v ",\"meta_deleted\":false,\"meta_position\":1}"

static void
a_save_that_has_not_ended_is_taken_back(void **state)
{
    fixture *f = *state;
    const gw_run_state run = {.position = 1, .keyframe_position = 1};

    make_store(f);
    ok(f, open_path(f, false, false));
    ok(f, gw_store_begin(f->store, false, &f->err));
    save_model(f, "user/1", false, MODEL(1));
    save_model(f, "user/2", true, MODEL(2));
    ok(f, gw_store_put_run_state(f->store, &run, &f->err));
    ok(f, gw_store_commit(f->store, &f->err));
    recover(f); /* this one has ended */

    ok(f, gw_store_begin(f->store, false, &f->err));
    save_model(f, "user/1", true, MODEL(10));
    save_model(f, "user/2", false, NULL);
    ok(f, gw_store_commit(f->store, &f->err));
    ok(f, gw_store_begin(f->store, false, &f->err));
    save_model(f, "user/3", false, MODEL(30));
    ok(f, gw_store_commit(f->store, &f->err));
    is_saved(f, "user/1", true, MODEL(10));
    is_saved(f, "user/2", true, NULL);
    is_saved(f, "user/3", false, MODEL(30));

    recover(f);
    is_saved(f, "user/1", false, MODEL(1));
    is_saved(f, "user/2", true, MODEL(2));
    is_saved(f, "user/3", true, NULL);
}

/* The first number of a query, asked by another connection. */
static int64_t
ask_file(const fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return number;
}

static int64_t
next_id(const fixture *f)
{
    return ask_file(f, "SELECT id FROM godwit_id_sequences");
}

static void
the_next_ids_are_put_with_the_last_part_of_a_save(void **state)
{
    fixture *f = *state;
    gw_run_state run = {.position = 1, .keyframe_position = 1};

    make_store(f);
    ok(f, open_path(f, false, false));
    ok(f, gw_store_begin(f->store, false, &f->err));
    save_model(f, "user/2", false, MODEL(1));
    ok(f, gw_store_put_run_state(f->store, &run, &f->err));
    ok(f, gw_store_commit(f->store, &f->err));
    assert_int_equal(next_id(f), 3);

    ok(f, gw_store_begin(f->store, false, &f->err));
    save_model(f, "user/30", false, MODEL(1));
    (void)usleep(300000);
    ok(f, gw_store_keyframe_yield(f->store, &f->err));
    is_saved(f, "user/30", false, MODEL(1));
    assert_int_equal(next_id(f), 3);
    save_model(f, "user/4", false, MODEL(1));
    run.keyframe_position = run.position = 2;
    ok(f, gw_store_put_run_state(f->store, &run, &f->err));
    ok(f, gw_store_commit(f->store, &f->err));
    assert_int_equal(next_id(f), 31);
}

/* More of them than are put back at a time. */
static void
a_large_save_is_taken_back_as_a_whole(void **state)
{
    fixture *f = *state;
    const gw_run_state run = {.position = 1, .keyframe_position = 1};
    char fqid[32];

    make_store(f);
    ok(f, open_path(f, false, false));
    for (int round = 1; round <= 2; round++) {
        ok(f, gw_store_begin(f->store, false, &f->err));
        for (int i = 1; i <= 1000 * round; i++) {
            (void)snprintf(fqid, sizeof(fqid), "user/%d", i);
            save_model(f, fqid, round == 2, round == 1 ? MODEL(1) : MODEL(2));
        }
        if (round == 1)
            ok(f, gw_store_put_run_state(f->store, &run, &f->err));
        ok(f, gw_store_commit(f->store, &f->err));
    }

    ok(f, gw_store_tidy(f->store, &f->err)); /* not yet */
    recover(f);
    for (int i = 1; i <= 2000; i++) {
        (void)snprintf(fqid, sizeof(fqid), "user/%d", i);
        is_saved(f, fqid, i > 1000, i <= 1000 ? MODEL(1) : NULL);
    }
}

static void
a_first_save_that_has_not_ended_leaves_nothing(void **state)
{
    fixture *f = *state;

    make_store(f);
    ok(f, open_path(f, false, false));
    ok(f, gw_store_begin(f->store, false, &f->err));
    save_model(f, "user/1", false, MODEL(1));
    ok(f, gw_store_commit(f->store, &f->err));
    is_saved(f, "user/1", false, MODEL(1));

    recover(f);
    is_saved(f, "user/1", true, NULL);
}

static int64_t
count_dropped(const fixture *f)
{
    return ask_file(f, "SELECT count(*) FROM sqlite_schema"
                       " WHERE tbl_name GLOB 'godwit_drop_*'");
}

/* Whatever their kind, and with more rows than are deleted at a time. The
 * trigger would make the deletion fail. */
static void
tables_that_were_set_aside_are_cleared_away(void **state)
{
    static const char sql[] =
        "CREATE TABLE godwit_drop_1_events (id INTEGER PRIMARY KEY, a TEXT);"
        "CREATE INDEX by_a ON godwit_drop_1_events (a);"
        "CREATE TRIGGER never BEFORE DELETE ON godwit_drop_1_events"
        " BEGIN SELECT raise(ABORT, 'never'); END;"
        "CREATE TABLE \"godwit_drop_2_o\"\"dd\" (a TEXT PRIMARY KEY);"
        "CREATE TABLE godwit_drop_3_ids (a INTEGER PRIMARY KEY) WITHOUT ROWID;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
        " SELECT i + 1 FROM n WHERE i < 10000)"
        " INSERT INTO godwit_drop_1_events SELECT i, 'a' || i FROM n;"
        "INSERT INTO \"godwit_drop_2_o\"\"dd\" VALUES ('b');"
        "INSERT INTO godwit_drop_3_ids VALUES (7)";
    fixture *f = *state;
    sqlite3 *db = NULL;

    make_store(f);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    assert_int_equal(count_dropped(f), 6);

    ok(f, open_path(f, false, false));
    ok(f, gw_store_tidy(f->store, &f->err));
    assert_int_equal(count_dropped(f), 0);
    ok(f, gw_store_tidy(f->store, &f->err)); /* nothing to do */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(a_missing_store_is_not_made_by_accident),
        T(a_missing_folder_is_named),
        T(a_folder_is_no_store),
        T(a_file_of_something_else_is_refused_and_left_alone),
        T(a_database_without_the_tables_tells_how_to_make_them),
        T(a_newer_schema_asks_for_a_newer_program),
        T(a_lost_table_is_named),
        T(damage_is_reported_as_such),
        T(a_store_in_a_folder_without_rights_can_be_read),
        T(a_run_that_lost_its_lock_file_cannot_write),
        T(two_names_of_a_store_share_one_lock),
        T(a_long_lock_of_another_program_is_reported),
        T(a_write_that_does_not_fit_leaves_the_store_as_it_was),
        T(events_without_their_position_are_reported),
        T(events_come_in_the_order_of_their_weights),
        T(a_closed_store_is_one_file),
        T(a_save_that_has_not_ended_is_taken_back),
        T(the_next_ids_are_put_with_the_last_part_of_a_save),
        T(a_large_save_is_taken_back_as_a_whole),
        T(a_first_save_that_has_not_ended_leaves_nothing),
        T(tables_that_were_set_aside_are_cleared_away),
#undef T
    };

    if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gw_buf command = {0};
    gw_buf_printf(&command, "chmod -R u+rwX '%s' && rm -rf '%s'", folder,
                  folder);
    if (system(gw_buf_cstr(&command)) != 0)
        failed++;
    gw_buf_clear(&command);
    return failed;
}
