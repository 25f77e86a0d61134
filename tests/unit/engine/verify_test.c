/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>

#include "unit/engine/store_fixture.h"

static const char sample[] =
    "{\"events\":[{\"fqid\":\"a/1\",\"type\":\"create\",\"data\":"
    "{\"n\":1,\"s\":\"x\"}},"
    "{\"fqid\":\"b/7\",\"type\":\"create\",\"data\":{}}]}\n"
    "{\"events\":[]}\n"
    "{\"events\":[{\"fqid\":\"a/1\",\"type\":\"update\",\"data\":"
    "{\"n\":2.0}},"
    "{\"fqid\":\"b/7\",\"type\":\"delete\",\"data\":null}]}\n";

static gw_code
verify(gw_fixture *f, int64_t *differences)
{
    gw_code code;

    f->printed.len = 0;
    code = gw_verify(&f->run, 100, differences, &f->err);
    gw_buf_cstr(&f->printed);
    return code;
}

/* Changes the store behind its back. */
static void
execute(gw_fixture *f, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void
verify_finds_nothing_in_a_sound_store(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;
    gw_counters counters = {0};

    f->run.counters = &counters;
    fixture_must_load(f, sample);

    assert_int_equal(verify(f, &differences), GW_OK);
    assert_int_equal(differences, 0);
    assert_string_equal(f->printed.at,
                        "verified 3 positions, 4 events, 2 models\n");
    assert_int_equal(counters.positions_done, 3);
    assert_int_equal(counters.events_total, 4);
}

static void
verify_takes_an_empty_store(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;

    assert_int_equal(verify(f, &differences), GW_OK);
    assert_string_equal(f->printed.at,
                        "verified 0 positions, 0 events, 0 models\n");
}

static void
verify_takes_equal_values_as_equal(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;

    fixture_must_load(f, sample);
    execute(f, "update models set data = '{ \"s\":\"\\u0078\", \"n\":2, "
               "\"meta_position\":3,\"meta_deleted\":false}' "
               "where fqid = 'a/1'");

    assert_int_equal(verify(f, &differences), GW_OK);
}

/* One change each, and the only line that it must lead to. */
static const struct {
    const char *sql, *line;
} changes[] = {
    {"update models set data = json_set(data, '$.n', 3) "
     "where fqid = 'a/1'",
     "a/1: n: expected 2.0, found 3\n"},
    {"update models set data = json_remove(data, '$.s') "
     "where fqid = 'a/1'",
     "a/1: s: expected \"x\", found nothing\n"},
    {"update models set data = json_set(data, '$.extra', 1) "
     "where fqid = 'a/1'",
     "a/1: extra: expected nothing, found 1\n"},
    {"update models set data = json_set(data, '$.meta_position', 1) "
     "where fqid = 'a/1'",
     "a/1: meta_position: expected 3, found 1\n"},
    {"update models set data = json_set(data, '$.meta_position', 4) "
     "where fqid = 'a/1'",
     "a/1: meta_position: 4 is above the newest position, 3\n"},
    {"update models set deleted = 0 where fqid = 'b/7'",
     "b/7: deleted: expected true, found false\n"},
    {"delete from models where fqid = 'b/7'",
     "b/7: missing among the models\n"},
    {"insert into models select 'c/1', data, 0, updated from models "
     "where fqid = 'a/1'",
     "c/1: no event creates it\n"},
    {"update id_sequences set id = 7 where collection = 'b'",
     "id_sequences: b: expected at least 8, found 7\n"},
    {"delete from id_sequences where collection = 'a'",
     "id_sequences: a: expected at least 2, found nothing\n"},
    {"insert into models select 'c/x', data, 0, updated from models "
     "where fqid = 'a/1'",
     "'c/x' is no fqid"},
    {"insert into models select 'b/07', data, 0, updated from models "
     "where fqid = 'a/1'",
     "models: 'b/07' is no fqid"},
    {"update models set data = '[1]' where fqid = 'b/7'", "b/7: data: "},
    {"insert into events (position, fqid, type, data, weight) "
     "values (2, 'a/9', 'delete', null, 1)",
     "position 2, event 1: Model a/9 does not exist\n"},
};

static void
verify_tells_each_kind_of_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        int64_t differences = -1;
        gw_fixture *f;
        void *own = NULL;

        assert_int_equal(fixture_setup(&own), 0);
        f = own;
        fixture_must_load(f, sample);
        execute(f, changes[i].sql);

        assert_int_equal(verify(f, &differences), GW_E_DIFFERENT);
        assert_has(f->printed.at, changes[i].line);
        assert_int_equal(differences, 1);
        assert_string_equal(f->err.text, "1 difference between the events "
                                         "and the models");
        fixture_teardown(&own);
    }
}

static void
verify_reports_malformed_events_and_goes_on(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;

    fixture_must_load(f, sample);
    fixture_must_load(f, "{\"events\":[{\"fqid\":\"c/1\",\"type\":\"create\","
                         "\"data\":{}}]}\n{\"events\":[]}\n");
    execute(f, "insert into events (position, fqid, type, data, weight) "
               "values (2, 'a/1', 'update', '{\"meta_x\":1}', 1);"
               "update events set data = '{' where fqid = 'c/1'");

    assert_int_equal(verify(f, &differences), GW_E_DIFFERENT);
    assert_has(f->printed.at, "meta_x");
    assert_has(f->printed.at, "c/1: no event creates it\n");
    assert_has(f->printed.at, "verified 3 positions, 4 events, 3 models\n");
    assert_int_equal(differences, 3);
}

static void
verify_in_slices_finds_the_same(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;
    gw_buf text = {0};

    for (int i = 1; i <= 300; i++)
        gw_buf_printf(&text,
                      "{\"events\":[{\"fqid\":\"a/%d\",\"type\":"
                      "\"create\",\"data\":{\"n\":%d,\"s\":\"%020000d\"}}]}"
                      "\n",
                      i, i, i);
    fixture_must_load(f, gw_buf_cstr(&text));
    gw_buf_clear(&text);
    execute(f, "update models set data = json_set(data, '$.n', 0) "
               "where fqid in ('a/1', 'a/77', 'a/200');"
               "delete from models where fqid = 'a/300';"
               "insert into events (position, fqid, type, data, weight) "
               "values (9, 'a/400', 'delete', null, 2);"
               "insert into events (position, fqid, type, data, weight) "
               "values (150, 'a/5', 'update', '[]', 2)");
    f->run.batch_bytes = 100000;
    f->run.memory_bytes = 1;

    assert_int_equal(verify(f, &differences), GW_E_DIFFERENT);
    assert_has(f->printed.at, "verified 299 positions, 300 events, 299 "
                              "models\n");
    assert_has(f->printed.at, "a/77: n: expected 77, found 0\n");
    assert_has(f->printed.at, "position 9, event 2: Model a/400 does not "
                              "exist\n");
    assert_has(f->printed.at, "a/300: missing among the models\n");
    /* with position 150 the model a/150 is without its event */
    assert_has(f->printed.at, "a/150: no event creates it\n");
    assert_int_equal(differences, 7);
}

/* Writes to a/1 as soon as something is printed. */
static void
write_meanwhile(void *arg, gw_slice line)
{
    gw_store_options options = {0};
    gw_fixture *f = arg;
    gw_fixture other = {0};
    bool is_first = f->printed.len == 0;

    fixture_print(arg, line);
    if (!is_first)
        return;
    assert_int_equal(gw_store_open(f->path, &options, &other.store, &other.err),
                     GW_OK);
    other.run.store = other.store;
    fixture_must_load(&other, "{\"events\":[{\"fqid\":\"a/1\",\"type\":"
                              "\"update\",\"data\":{\"n\":5}}]}\n");
    gw_store_close(other.store);
}

static void
verify_leaves_out_what_is_written_meanwhile(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;

    fixture_must_load(f, sample);
    execute(f, "insert into events (position, fqid, type, data, weight) "
               "values (2, 'a/9', 'delete', null, 1)");
    f->run.print = write_meanwhile;

    assert_int_equal(verify(f, &differences), GW_E_DIFFERENT);
    assert_int_equal(differences, 1);
    assert_has(f->printed.at, "1 models not compared: they were written "
                              "meanwhile\n");
}

static void
verify_counts_what_it_does_not_print(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;

    fixture_must_load(f, sample);
    execute(f, "delete from models");

    assert_int_equal(gw_verify(&f->run, 1, &differences, &f->err),
                     GW_E_DIFFERENT);
    assert_int_equal(differences, 2);
    assert_has(gw_buf_cstr(&f->printed), "… and 1 more\n");
    assert_has_not(f->printed.at, "b/7");
}

static void
verify_can_be_stopped(void **state)
{
    gw_fixture *f = *state;
    int64_t differences = -1;
    atomic_bool stop = true;

    fixture_must_load(f, sample);
    f->run.stop = &stop;

    assert_int_equal(verify(f, &differences), GW_E_INTERRUPTED);
    assert_int_equal(differences, -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(verify_finds_nothing_in_a_sound_store),
        FIXTURE_TEST(verify_takes_an_empty_store),
        FIXTURE_TEST(verify_takes_equal_values_as_equal),
        cmocka_unit_test(verify_tells_each_kind_of_difference),
        FIXTURE_TEST(verify_reports_malformed_events_and_goes_on),
        FIXTURE_TEST(verify_in_slices_finds_the_same),
        FIXTURE_TEST(verify_leaves_out_what_is_written_meanwhile),
        FIXTURE_TEST(verify_counts_what_it_does_not_print),
        FIXTURE_TEST(verify_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
