/* SPDX-License-Identifier: Apache-2.0 */
/* What every store must do, whatever keeps it: one suite for all backends.
 *
 *     store_contract [URI]
 *
 * Every test makes a store of its own. `{}` in the URI is replaced by a
 * name that is new each time; without a URI it is SQLite in a temporary
 * folder. Stores are left to whoever gave the URI. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "store/import.h"
#include "store/store.h"

static const char *template;
static char folder[] = "/tmp/store_contract_XXXXXX";

/* ---- one store per test ---- */

typedef struct fixture {
    char uri[512];
    gw_store *store;
    gw_arena arena;
    gw_batch batch;
    gw_buf text; /* what visitors saw */
    gw_error err;
} fixture;

#define ok(code) check_ok((code), &f->err, __LINE__)
#define fails(code, expected) check_fails((code), (expected), &f->err, __LINE__)

static void
check_ok(gw_code code, const gw_error *err, int line)
{
    if (code != GW_OK)
        fail_msg("line %d: %s: %s", line, gw_code_name(code), err->text);
}

static void
check_fails(gw_code code, gw_code expected, const gw_error *err, int line)
{
    if (code != expected)
        fail_msg("line %d: %s instead of %s", line, gw_code_name(code),
                 gw_code_name(expected));
    if (err->code != expected || err->text[0] == '\0')
        fail_msg("line %d: the error is not filled", line);
}

static void
open_store(fixture *f, bool create)
{
    gw_store_options options = {.create = create};

    ok(gw_store_open(f->uri, &options, &f->store, &f->err));
}

static int
set_up(void **state)
{
    static int number;
    fixture *f = gw_calloc(1, sizeof(*f));
    const char *hole = strstr(template, "{}");

    if (hole)
        (void)snprintf(f->uri, sizeof(f->uri), "%.*s%d_%d%s",
                       (int)(hole - template), template, (int)getpid(),
                       ++number, hole + 2);
    else
        (void)snprintf(f->uri, sizeof(f->uri), "%s", template);
    gw_arena_init(&f->arena);
    gw_batch_init(&f->batch);
    open_store(f, true);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    fixture *f = *state;

    gw_store_close(f->store);
    gw_batch_clear(&f->batch);
    gw_arena_clear(&f->arena);
    gw_buf_clear(&f->text);
    free(f);
    return 0;
}

/* ---- making and looking ---- */

static gw_event
event(fixture *f, const char *type, const char *fqid, const char *data)
{
    gw_event e;

    ok(gw_event_parse(&f->arena, gw_slice_of(fqid), gw_slice_of(type),
                      gw_slice_of(data), &e, &f->err));
    return e;
}

static gw_position
position(fixture *f, int64_t number, const gw_event *events, size_t n)
{
    gw_event *at = GW_ARENA_NEW(&f->arena, gw_event, n + 1);

    if (n > 0)
        memcpy(at, events, n * sizeof(*at));
    return (gw_position){.position = number,
                         .timestamp = GW_LIT("2024-05-01T10:00:00+00:00"),
                         .user_id = 7,
                         .information = GW_LIT("{\"a\":1}"),
                         .migration_index = 1,
                         .events = {at, n}};
}

static void
begin(fixture *f)
{
    ok(gw_store_begin(f->store, false, &f->err));
}

static void
commit(fixture *f)
{
    ok(gw_store_commit(f->store, &f->err));
}

/* Appends positions 1..n, each creating user/<position>. */
static void
append_users(fixture *f, int64_t first, int64_t n)
{
    begin(f);
    for (int64_t i = first; i < first + n; i++) {
        char *fqid = gw_arena_printf(&f->arena, "user/%d", (int)i);
        char *data = gw_arena_printf(&f->arena, "{\"n\":%d}", (int)i);
        gw_event e = event(f, "create", fqid, data);
        gw_position p = position(f, i, &e, 1);
        ok(gw_store_append(f->store, &p, NULL, &f->err));
        ok(gw_store_put_model(f->store, gw_slice_of(fqid), gw_slice_of(data),
                              false, &f->err));
    }
    commit(f);
}

/* A store may print JSON in its own way: white space is no difference. */
static void
put_data(fixture *f, const gw_event *e)
{
    gw_buf data = {0};

    gw_event_put_data(&data, e);
    gw_json_put_canonical(&f->text, gw_buf_as_slice(&data));
    gw_buf_clear(&data);
}

static void
put_batch_text(fixture *f)
{
    for (size_t i = 0; i < f->batch.n; i++) {
        const gw_position *p = &f->batch.positions[i];
        gw_buf_printf(&f->text, "%d@%d", (int)p->position,
                      (int)p->migration_index);
        for (size_t j = 0; j < p->events.n; j++) {
            const gw_event *e = &p->events.at[j];
            gw_buf_printf(&f->text, " %s %.*s ", gw_event_type_name(e->type),
                          GW_FMT(e->fqid.text));
            put_data(f, e);
        }
        gw_buf_text(&f->text, "; ");
    }
}

/* All of a generation as text, read in batches of max_bytes. */
static const char *
read_all(fixture *f, gw_generation which, size_t max_bytes)
{
    int64_t after = 0;

    f->text.len = 0;
    do {
        ok(gw_store_read(f->store, which, after, 0, max_bytes, &f->batch,
                         &f->err));
        put_batch_text(f);
        if (f->batch.n > 0)
            after = f->batch.positions[f->batch.n - 1].position;
    } while (f->batch.n > 0);
    return gw_buf_cstr(&f->text);
}

static gw_code
see_model(void *arg, gw_slice fqid, gw_slice data, bool deleted, gw_error *err)
{
    fixture *f = arg;

    (void)err;
    gw_buf_printf(&f->text, "%.*s ", GW_FMT(fqid));
    gw_json_put_canonical(&f->text, data);
    gw_buf_text(&f->text, deleted ? " deleted; " : "; ");
    return GW_OK;
}

static const char *
all_models(fixture *f, const char *collection)
{
    f->text.len = 0;
    ok(gw_store_models(f->store, gw_slice_of(collection), see_model, f,
                       &f->err));
    return gw_buf_cstr(&f->text);
}

static gw_code
see_sequence(void *arg, gw_slice collection, int64_t id, gw_error *err)
{
    fixture *f = arg;

    (void)err;
    gw_buf_printf(&f->text, "%.*s %lld; ", GW_FMT(collection), (long long)id);
    return GW_OK;
}

static const char *
all_sequences(fixture *f)
{
    f->text.len = 0;
    ok(gw_store_sequences(f->store, see_sequence, f, &f->err));
    return gw_buf_cstr(&f->text);
}

static gw_code
see_fqid(void *arg, gw_slice fqid, gw_error *err)
{
    fixture *f = arg;

    (void)err;
    gw_buf_printf(&f->text, "%.*s; ", GW_FMT(fqid));
    return GW_OK;
}

static gw_store_counts
counts(fixture *f, int64_t target)
{
    gw_store_counts c;

    ok(gw_store_count(f->store, target, true, &c, &f->err));
    return c;
}

static gw_state *
state_of(fixture *f, const char *json)
{
    gw_fields fields;

    ok(gw_json_object(&f->arena, gw_slice_of(json), &fields, &f->err));
    return gw_state_new(fields);
}

/* Migrates positions first..first+n as a rule would: "n" becomes "m". */
static void
migrate(fixture *f, int64_t first, int64_t n, int64_t target)
{
    begin(f);
    for (int64_t i = first; i < first + n; i++) {
        char *fqid = gw_arena_printf(&f->arena, "user/%d", (int)i);
        char *data = gw_arena_printf(&f->arena, "{\"m\":%d}", (int)i);
        gw_event e = event(f, "create", fqid, data);
        gw_position p = position(f, i, &e, 1);
        ok(gw_store_write(f->store, &p, 1, target, target, &f->err));
        gw_state *s = state_of(f, data);
        gw_model levels[2] = {{GW_STATUS_ALIVE, i, NULL, 0},
                              {GW_STATUS_ALIVE, i, s, 0}};
        gw_saved_model saved = {gw_slice_of(fqid), 2, levels};
        ok(gw_store_keyframe_put(f->store, &saved, &f->err));
        gw_state_release(s);
    }
    gw_run_state run = {.start_index = 1,
                        .event_target = target,
                        .position = first + n - 1,
                        .keyframe_position = first + n - 1,
                        .final_index = target};
    ok(gw_store_put_run_state(f->store, &run, &f->err));
    commit(f);
}

static void
cut_over(fixture *f)
{
    ok(gw_store_begin(f->store, true, &f->err));
    ok(gw_store_swap(f->store, &f->err));
    ok(gw_store_seal(f->store, &f->err));
    commit(f);
}

/* ---- opening ---- */

static void
a_new_store_is_empty(void **state)
{
    fixture *f = *state;
    gw_store_counts c = counts(f, 2);
    gw_run_state run = {.position = 9};

    ok(gw_store_run_state(f->store, &run, &f->err));

    assert_int_equal(c.positions + c.events + c.min_index + c.max_index, 0);
    assert_int_equal(c.max_position + c.max_migrated_index, 0);
    assert_int_equal(c.migrated_at_target + c.migrated_elsewhere, 0);
    assert_false(c.has_old_generation || c.can_rollback);
    assert_int_equal(run.position + run.event_target, 0);
    assert_null(run.checksums);
    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1000), "");
    assert_string_equal(all_models(f, NULL), "");
    assert_string_equal(all_sequences(f), "");
}

static void
making_a_store_twice_is_refused(void **state)
{
    fixture *f = *state;
    gw_store_options options = {.create = true};
    gw_store *second = NULL;

    append_users(f, 1, 1);

    fails(gw_store_open(f->uri, &options, &second, &f->err), GW_E_STATE);
    assert_null(second);
    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1000),
                        "1@1 create user/1 {\"n\":1}; ");
}

static void
a_store_for_reading_only_cannot_be_written(void **state)
{
    fixture *f = *state;
    gw_store_options options = {.read_only = true};

    append_users(f, 1, 1);
    gw_store_close(f->store);
    ok(gw_store_open(f->uri, &options, &f->store, &f->err));

    assert_int_equal(counts(f, 2).positions, 1);
    fails(gw_store_begin(f->store, false, &f->err), GW_E_STORE);
    fails(gw_store_lock(f->store, "migrate", &f->err), GW_E_STORE);
}

static void
an_unknown_uri_is_wrong_usage(void **state)
{
    fixture *f = *state;
    gw_store *store = NULL;

    fails(gw_store_open("mongodb://host/db", NULL, &store, &f->err),
          GW_E_USAGE);
    fails(gw_store_open("", NULL, &store, &f->err), GW_E_USAGE);
    assert_null(store);
}

/* ---- appending and reading ---- */

static void
append_numbers_positions_by_itself(void **state)
{
    fixture *f = *state;
    gw_event e = event(f, "delete", "user/1", "null");
    gw_position p = position(f, 0, &e, 1);
    int64_t first = 0, second = 0, third = 0;

    begin(f);
    ok(gw_store_append(f->store, &p, &first, &f->err));
    p.position = 10;
    ok(gw_store_append(f->store, &p, &second, &f->err));
    p.position = 0;
    ok(gw_store_append(f->store, &p, &third, &f->err));
    commit(f);

    assert_int_equal(first, 1);
    assert_int_equal(second, 10);
    assert_int_equal(third, 11);
    assert_int_equal(counts(f, 2).max_position, 11);
}

/* Numbers that are ready for positions to come are as good as any: they
 * follow each other, and one given by hand between them makes no harm. */
static void
append_numbers_what_was_expected(void **state)
{
    static const int64_t BY_HAND[] = {0, 0, 10, 0, 0};
    static const int64_t WANTED[] = {1, 2, 10, 11, 12};
    fixture *f = *state;
    int64_t got[5] = {0};

    begin(f);
    gw_store_expect(f->store, 700);
    for (size_t i = 0; i < 5; i++) {
        gw_position p = position(f, BY_HAND[i], NULL, 0);
        ok(gw_store_append(f->store, &p, &got[i], &f->err));
    }
    commit(f);

    assert_memory_equal(got, WANTED, sizeof(got));
    begin(f);
    gw_position p = position(f, 0, NULL, 0);
    ok(gw_store_append(f->store, &p, &got[0], &f->err));
    commit(f);
    assert_true(got[0] > 12);
}

static void
append_rejects_a_stale_position(void **state)
{
    fixture *f = *state;
    gw_position p = position(f, 5, NULL, 0);
    int64_t assigned = -7;

    append_users(f, 5, 1);
    begin(f);
    fails(gw_store_append(f->store, &p, &assigned, &f->err), GW_E_INPUT);
    p.position = -1;
    fails(gw_store_append(f->store, &p, &assigned, &f->err), GW_E_INPUT);
    commit(f);

    assert_int_equal(assigned, -7);
    assert_int_equal(counts(f, 2).positions, 1);
}

static void
reading_gives_back_what_was_appended(void **state)
{
    fixture *f = *state;
    gw_event events[] = {
        event(f, "create", "user/1",
              "{\"big\":9007199254740993,\"text\":\"\\u00e4\\n\",\"l\":[]}"),
        event(f, "update", "group/2", "{\"o\":{}}"),
        event(f, "deletefields", "user/1", "[\"text\"]"),
        event(f, "listfields", "user/1", "{\"add\":{\"l\":[1]},\"remove\":{}}"),
        event(f, "delete", "user/1", "null"),
        event(f, "restore", "user/1", "null"),
    };
    gw_position p = position(f, 3, events, 6);

    begin(f);
    ok(gw_store_append(f->store, &p, NULL, &f->err));
    commit(f);
    ok(gw_store_read(f->store, GW_GENERATION_LIVE, 0, 0, 1 << 20, &f->batch,
                     &f->err));

    assert_int_equal(f->batch.n, 1);
    assert_int_equal(f->batch.n_events, 6);
    const gw_position *r = f->batch.positions;
    assert_int_equal(r->position, 3);
    assert_int_equal(r->user_id, 7);
    assert_int_equal(r->migration_index, 1);
    assert_memory_equal(r->timestamp.at, "2024-05-01T10:00:00", 19);
    assert_true(gw_json_equal(r->information, GW_LIT("{\"a\":1}")));
    assert_int_equal(r->events.n, 6);
    for (size_t i = 0; i < 6; i++) {
        gw_buf expected = {0}, got = {0};
        gw_event_put_data(&expected, &events[i]);
        gw_event_put_data(&got, &r->events.at[i]);
        assert_int_equal(r->events.at[i].type, events[i].type);
        assert_true(
            gw_slice_equal(r->events.at[i].fqid.text, events[i].fqid.text));
        assert_true(
            gw_json_equal(gw_buf_as_slice(&expected), gw_buf_as_slice(&got)));
        gw_buf_clear(&expected);
        gw_buf_clear(&got);
    }
}

static void
a_missing_timestamp_and_information_become_now_and_null(void **state)
{
    fixture *f = *state;
    gw_position p = {.user_id = 0, .migration_index = 3};

    begin(f);
    ok(gw_store_append(f->store, &p, NULL, &f->err));
    commit(f);
    ok(gw_store_read(f->store, GW_GENERATION_LIVE, 0, 0, 1, &f->batch,
                     &f->err));

    const gw_position *r = f->batch.positions;
    assert_int_equal(f->batch.n, 1);
    assert_true(r->timestamp.len >= 20 && r->timestamp.at[0] == '2');
    assert_true(!r->information.at ||
                gw_slice_equal(r->information, GW_LIT("null")));
    assert_int_equal(r->migration_index, 3);
}

static void
batches_never_split_a_position(void **state)
{
    fixture *f = *state;
    gw_event e = event(f, "create", "user/1", "{\"n\":1}");
    gw_event many[300];
    size_t total = 0;
    int64_t after = 0;

    for (size_t i = 0; i < 300; i++)
        many[i] = e;
    begin(f);
    for (int i = 0; i < 4; i++) {
        gw_position p = position(f, 0, many, 300);
        ok(gw_store_append(f->store, &p, NULL, &f->err));
    }
    commit(f);

    for (int i = 1; i <= 4; i++) {
        ok(gw_store_read(f->store, GW_GENERATION_LIVE, after, 0, 100, &f->batch,
                         &f->err));
        assert_int_equal(f->batch.n, 1);
        assert_int_equal(f->batch.positions[0].position, i);
        assert_int_equal(f->batch.positions[0].events.n, 300);
        after = i;
        total += f->batch.n_events;
    }
    ok(gw_store_read(f->store, GW_GENERATION_LIVE, after, 0, 100, &f->batch,
                     &f->err));
    assert_int_equal(f->batch.n, 0);
    assert_int_equal(total, 1200);
    ok(gw_store_read(f->store, GW_GENERATION_LIVE, 0, 0, 1 << 24, &f->batch,
                     &f->err));
    assert_int_equal(f->batch.n, 4);
    assert_int_equal(f->batch.n_events, 1200);
    assert_int_equal(f->batch.positions[2].events.n, 300);
}

static void
reading_stops_at_the_bound(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 6);
    ok(gw_store_read(f->store, GW_GENERATION_LIVE, 2, 4, 1 << 20, &f->batch,
                     &f->err));

    assert_int_equal(f->batch.n, 2);
    assert_int_equal(f->batch.positions[0].position, 3);
    assert_int_equal(f->batch.positions[1].position, 4);
}

static void
positions_without_events_are_read_too(void **state)
{
    fixture *f = *state;
    gw_position p = position(f, 0, NULL, 0);

    append_users(f, 1, 1);
    begin(f);
    ok(gw_store_append(f->store, &p, NULL, &f->err));
    commit(f);
    append_users(f, 3, 1);

    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1 << 20),
                        "1@1 create user/1 {\"n\":1}; 2@1; "
                        "3@1 create user/3 {\"n\":3}; ");
    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1),
                        "1@1 create user/1 {\"n\":1}; 2@1; "
                        "3@1 create user/3 {\"n\":3}; ");
}

/* An event that no check has seen, as an application may write it. */
static void
a_malformed_event_stops_reading_at_its_position(void **state)
{
    fixture *f = *state;
    gw_event bad = event(f, "create", "user/3", "{\"n\":3}");
    gw_position p;

    bad.raw = GW_LIT("{\"n\":null}");
    append_users(f, 1, 2);
    p = position(f, 3, &bad, 1);
    begin(f);
    ok(gw_store_append(f->store, &p, NULL, &f->err));
    commit(f);
    append_users(f, 4, 1);

    ok(gw_store_read(f->store, GW_GENERATION_LIVE, 0, 0, 1 << 20, &f->batch,
                     &f->err));
    assert_int_equal(f->batch.n, 2);
    assert_int_equal(f->batch.n_events, 2);
    fails(gw_store_read(f->store, GW_GENERATION_LIVE, 2, 0, 1 << 20, &f->batch,
                        &f->err),
          GW_E_INPUT);
    assert_int_equal(f->batch.n, 0);
    assert_non_null(strstr(f->err.text, "position 3, event 1 (user/3)"));
}

static void
the_writing_side_sees_its_own_transaction(void **state)
{
    fixture *f = *state;
    gw_event e = event(f, "create", "user/1", "{\"n\":1}");
    gw_position p = position(f, 0, &e, 1);
    gw_slice data = {0};
    bool deleted = false, found = false;

    begin(f);
    ok(gw_store_append(f->store, &p, NULL, &f->err));
    ok(gw_store_put_model(f->store, GW_LIT("user/1"), GW_LIT("{\"n\":1}"), true,
                          &f->err));
    ok(gw_store_read_now(f->store, 0, 0, 1 << 20, &f->batch, &f->err));
    assert_int_equal(f->batch.n, 1);
    ok(gw_store_model_now(f->store, &f->arena, GW_LIT("user/1"), &data,
                          &deleted, &found, &f->err));
    assert_true(found && deleted);
    ok(gw_store_models_now(f->store, (gw_slice){0}, see_model, f, &f->err));
    assert_string_equal(gw_buf_cstr(&f->text), "user/1 {\"n\":1} deleted; ");

    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1000), "");
    commit(f);
    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1000),
                        "1@1 create user/1 {\"n\":1}; ");
}

static void
an_aborted_transaction_leaves_nothing(void **state)
{
    fixture *f = *state;
    gw_position p = position(f, 0, NULL, 0);

    begin(f);
    ok(gw_store_append(f->store, &p, NULL, &f->err));
    ok(gw_store_put_model(f->store, GW_LIT("user/5"), GW_LIT("{}"), false,
                          &f->err));
    gw_store_abort(f->store);
    gw_store_abort(f->store);
    begin(f);
    commit(f);

    assert_int_equal(counts(f, 2).positions, 0);
    assert_string_equal(all_models(f, NULL), "");
    assert_string_equal(all_sequences(f), "");
}

static void
writing_outside_of_a_transaction_is_refused(void **state)
{
    fixture *f = *state;
    gw_position p = position(f, 0, NULL, 0);

    fails(gw_store_append(f->store, &p, NULL, &f->err), GW_E_STATE);
    fails(gw_store_swap(f->store, &f->err), GW_E_STATE);
    fails(gw_store_commit(f->store, &f->err), GW_E_STATE);
    begin(f);
    fails(gw_store_begin(f->store, false, &f->err), GW_E_STATE);
    gw_store_abort(f->store);
}

/* ---- models ---- */

static void
models_come_by_collection_and_number(void **state)
{
    static const char *const fqids[] = {
        "user/10", "user/9",  "user/100", "user_group/1",
        "user/2",  "userx/3", "topic/1",  "user/18446744073709551617",
    };
    fixture *f = *state;

    begin(f);
    for (size_t i = 0; i < sizeof(fqids) / sizeof(fqids[0]); i++)
        ok(gw_store_put_model(f->store, gw_slice_of(fqids[i]), GW_LIT("{}"),
                              false, &f->err));
    commit(f);

    assert_string_equal(all_models(f, NULL),
                        "topic/1 {}; user/2 {}; user/9 {}; user/10 {}; "
                        "user/100 {}; user/18446744073709551617 {}; "
                        "user_group/1 {}; userx/3 {}; ");
    assert_string_equal(all_models(f, "user_group"), "user_group/1 {}; ");
    assert_string_equal(all_models(f, "nothing"), "");
    assert_string_equal(all_sequences(f),
                        "topic 2; user 101; user_group 2; userx 4; ");
}

static void
a_model_is_replaced_and_found(void **state)
{
    fixture *f = *state;
    gw_slice data = {0};
    bool deleted = false, found = true;

    append_users(f, 1, 2);
    begin(f);
    ok(gw_store_put_model(f->store, GW_LIT("user/1"), GW_LIT("{\"x\":2}"), true,
                          &f->err));
    commit(f);

    ok(gw_store_model(f->store, &f->arena, GW_LIT("user/1"), &data, &deleted,
                      &found, &f->err));
    assert_true(found && deleted);
    assert_true(gw_json_equal(data, GW_LIT("{\"x\":2}")));
    ok(gw_store_model(f->store, &f->arena, GW_LIT("user/3"), &data, &deleted,
                      &found, &f->err));
    assert_false(found);
}

static void
id_sequences_only_rise(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 9);
    begin(f);
    ok(gw_store_put_model(f->store, GW_LIT("user/4"), GW_LIT("{}"), false,
                          &f->err));
    ok(gw_store_put_model(f->store, GW_LIT("user/9223372036854775807"),
                          GW_LIT("{}"), false, &f->err));
    commit(f);

    assert_string_equal(all_sequences(f), "user 10; ");
}

static gw_code
stop_at_once(void *arg, gw_slice fqid, gw_slice data, bool deleted,
             gw_error *err)
{
    (void)fqid, (void)data, (void)deleted;
    ++*(int *)arg;
    return gw_fail(err, GW_E_INTERRUPTED, "stop");
}

static void
an_error_of_a_visitor_ends_the_visit(void **state)
{
    fixture *f = *state;
    int calls = 0;

    append_users(f, 1, 3);

    fails(
        gw_store_models(f->store, (gw_slice){0}, stop_at_once, &calls, &f->err),
        GW_E_INTERRUPTED);
    assert_int_equal(calls, 1);
    assert_int_equal(counts(f, 2).positions, 3);
}

/* ---- migrating ---- */

static void
migrated_positions_are_counted_and_read(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 3);
    migrate(f, 1, 2, 3);

    gw_store_counts c = counts(f, 3);
    assert_int_equal(c.positions, 3);
    assert_int_equal(c.events, 3);
    assert_int_equal(c.min_index, 1);
    assert_int_equal(c.max_index, 1);
    assert_int_equal(c.migrated_at_target, 2);
    assert_int_equal(c.migrated_elsewhere, 0);
    assert_int_equal(c.max_migrated_index, 3);
    assert_int_equal(counts(f, 4).migrated_at_target, 0);
    assert_int_equal(counts(f, 4).migrated_elsewhere, 2);
    assert_string_equal(read_all(f, GW_GENERATION_MIGRATED, 1),
                        "1@3 create user/1 {\"m\":1}; "
                        "2@3 create user/2 {\"m\":2}; ");
    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1 << 20),
                        "1@1 create user/1 {\"n\":1}; "
                        "2@1 create user/2 {\"n\":2}; "
                        "3@1 create user/3 {\"n\":3}; ");
}

static void
a_changed_event_is_written_as_it_is_now(void **state)
{
    fixture *f = *state;
    gw_event e = event(f, "update", "user/1", "{\"a\":1.10,\"b\":2}");
    gw_fields set = gw_fields_copy(&f->arena, e.set, 0);
    gw_position p;

    append_users(f, 1, 1);
    set.at[0].key = GW_LIT("c");
    e.set = set;
    e.raw = (gw_slice){0};
    p = position(f, 1, &e, 1);
    begin(f);
    ok(gw_store_write(f->store, &p, 1, 2, 2, &f->err));
    commit(f);

    ok(gw_store_read(f->store, GW_GENERATION_MIGRATED, 0, 0, 1 << 20, &f->batch,
                     &f->err));
    assert_int_equal(f->batch.n, 1);
    assert_true(gw_json_equal(f->batch.positions[0].events.at[0].raw,
                              GW_LIT("{\"b\":2,\"c\":1.10}")));
}

/* By turns one event that is changed and one that is left alone: 21 rows of
 * two digits that do not follow each other, so that a list of them fills a
 * buffer of 64 bytes to its last. */
static void
unchanged_events_between_changed_ones_come_back(void **state)
{
    enum { N = 42, FIRST = 10 };
    fixture *f = *state;
    gw_event events[N];

    append_users(f, 1, FIRST - 1);
    for (size_t i = 0; i < N; i++)
        events[i] =
            event(f, "create", gw_arena_printf(&f->arena, "thing/%zu", i + 1),
                  "{\"n\":1}");
    gw_position p = position(f, FIRST, events, N);
    begin(f);
    ok(gw_store_append(f->store, &p, NULL, &f->err));
    commit(f);
    ok(gw_store_read(f->store, GW_GENERATION_LIVE, FIRST - 1, 0, 1 << 20,
                     &f->batch, &f->err));
    for (size_t i = 0; i < N; i += 2)
        f->batch.positions[0].events.at[i] =
            event(f, "create", (char *)events[i].fqid.text.at, "{\"m\":1}");
    begin(f);
    ok(gw_store_write(f->store, f->batch.positions, 1, 2, 2, &f->err));
    commit(f);

    ok(gw_store_read(f->store, GW_GENERATION_MIGRATED, 0, 0, 1 << 20, &f->batch,
                     &f->err));
    assert_int_equal(f->batch.positions[0].events.n, N);
    for (size_t i = 0; i < N; i++) {
        const gw_event *e = &f->batch.positions[0].events.at[i];
        assert_true(gw_slice_equal(e->fqid.text, events[i].fqid.text));
        assert_true(gw_json_equal(e->raw, i % 2 ? GW_LIT("{\"n\":1}")
                                                : GW_LIT("{\"m\":1}")));
    }
}

static void
the_run_state_comes_back_whole(void **state)
{
    fixture *f = *state;
    gw_run_state in = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, NULL}, out;

    in.checksums = gw_strdup("{\"2\": \"ab\"}");
    begin(f);
    ok(gw_store_put_run_state(f->store, &in, &f->err));
    in.position = 33;
    ok(gw_store_put_run_state(f->store, &in, &f->err));
    commit(f);
    gw_store_close(f->store);
    open_store(f, false);
    ok(gw_store_run_state(f->store, &out, &f->err));

    assert_int_equal(out.start_index, 1);
    assert_int_equal(out.event_target, 2);
    assert_int_equal(out.position, 33);
    assert_int_equal(out.positions, 4);
    assert_int_equal(out.events, 5);
    assert_int_equal(out.events_written, 6);
    assert_int_equal(out.keyframe_position, 7);
    assert_int_equal(out.base_target, 8);
    assert_int_equal(out.base_position, 9);
    assert_int_equal(out.final_index, 10);
    assert_true(
        gw_json_equal(gw_slice_of(out.checksums), gw_slice_of(in.checksums)));
    gw_run_state_clear(&out);
    assert_null(out.checksums);
    gw_run_state_clear(&in);
}

static void
forgetting_leaves_only_the_live_tables(void **state)
{
    fixture *f = *state;
    gw_run_state run;
    gw_model models[2] = {{0}};

    append_users(f, 1, 2);
    migrate(f, 1, 2, 2);
    begin(f);
    ok(gw_store_forget(f->store, &f->err));
    commit(f);

    gw_store_counts c = counts(f, 2);
    ok(gw_store_run_state(f->store, &run, &f->err));
    ok(gw_store_keyframe_load(f->store, GW_LIT("user/1"), models, 2, &f->err));
    assert_int_equal(c.positions, 2);
    assert_int_equal(c.migrated_at_target + c.max_migrated_index, 0);
    assert_int_equal(run.position, 0);
    assert_int_equal(models[1].status, GW_STATUS_NONE);
    assert_string_equal(read_all(f, GW_GENERATION_MIGRATED, 1000), "");
    migrate(f, 1, 2, 2);
    cut_over(f);
    assert_int_equal(counts(f, 2).min_index, 2);
}

static void
the_result_of_an_older_set_counts_until_it_is_replaced(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 4);
    migrate(f, 1, 3, 2);
    begin(f);
    ok(gw_store_set_aside(f->store, &f->err));
    commit(f);
    assert_int_equal(counts(f, 2).migrated_at_target, 3);
    migrate(f, 1, 1, 3);

    gw_store_counts c = counts(f, 3);
    assert_int_equal(c.migrated_at_target, 1);
    assert_int_equal(c.migrated_elsewhere, 2);
    assert_int_equal(c.max_migrated_index, 3);
    assert_string_equal(read_all(f, GW_GENERATION_MIGRATED, 1),
                        "1@3 create user/1 {\"m\":1}; "
                        "2@2 create user/2 {\"m\":2}; "
                        "3@2 create user/3 {\"m\":3}; ");
    begin(f);
    ok(gw_store_set_aside(f->store, &f->err));
    commit(f);
    migrate(f, 1, 2, 4);
    assert_int_equal(counts(f, 4).migrated_elsewhere, 1);
    migrate(f, 3, 2, 4);
    begin(f);
    ok(gw_store_drop_base(f->store, &f->err));
    commit(f);
    assert_int_equal(counts(f, 4).migrated_at_target, 4);
    assert_int_equal(counts(f, 4).migrated_elsewhere, 0);
}

static void
a_run_is_cut_back_to_its_keyframe(void **state)
{
    fixture *f = *state;
    gw_run_state run = {.event_target = 2,
                        .position = 3,
                        .positions = 3,
                        .events = 3,
                        .events_written = 3,
                        .keyframe_position = 1};

    append_users(f, 1, 4);
    migrate(f, 1, 3, 2);
    begin(f);
    ok(gw_store_cut_back(f->store, &run, &f->err));
    commit(f);

    assert_int_equal(run.position, 1);
    assert_int_equal(run.positions, 1);
    assert_int_equal(run.events, 1);
    assert_int_equal(run.events_written, 1);
    assert_string_equal(read_all(f, GW_GENERATION_MIGRATED, 1),
                        "1@2 create user/1 {\"m\":1}; ");
    migrate(f, 2, 3, 2);
    cut_over(f);
    assert_int_equal(counts(f, 2).events, 4);
}

/* ---- keyframes ---- */

static void
put_saved(fixture *f, const char *fqid, size_t levels, const gw_model *at)
{
    gw_saved_model saved = {gw_slice_of(fqid), levels, at};

    begin(f);
    ok(gw_store_keyframe_put(f->store, &saved, &f->err));
    commit(f);
}

static void
load_saved(fixture *f, const char *fqid, size_t levels, gw_model *at)
{
    memset(at, 0, levels * sizeof(*at));
    ok(gw_store_keyframe_load(f->store, gw_slice_of(fqid), at, levels,
                              &f->err));
}

static void
release(gw_model *at, size_t levels)
{
    for (size_t i = 0; i < levels; i++)
        gw_state_release((gw_state *)at[i].state);
}

static void
a_saved_model_is_shared_by_the_levels_below(void **state)
{
    fixture *f = *state;
    gw_state *s = state_of(f, "{\"a\":1,\"b\":\"x\"}");
    gw_model in[3] = {{GW_STATUS_ALIVE, 4, NULL, 0},
                      {GW_STATUS_ALIVE, 5, s, 0},
                      {GW_STATUS_ALIVE, 5, s, 0}};
    gw_model out[3];

    put_saved(f, "user/1", 3, in);
    load_saved(f, "user/1", 3, out);

    for (int i = 0; i < 3; i++) {
        assert_int_equal(out[i].status, GW_STATUS_ALIVE);
        assert_ptr_equal(out[i].state, out[2].state);
    }
    assert_int_equal(out[2].meta_position, 5);
    assert_int_equal(gw_state_count(out[2].state), 2);
    assert_true(gw_slice_equal(gw_state_get(out[2].state, GW_LIT("b")),
                               GW_LIT("\"x\"")));
    release(out, 3);
    gw_state_release(s);
}

static void
levels_that_differ_come_back_as_they_were(void **state)
{
    fixture *f = *state;
    gw_state *low = state_of(f, "{\"a\":1}"), *high = state_of(f, "{}");
    gw_model in[4] = {{GW_STATUS_NONE, 0, NULL, 0},
                      {GW_STATUS_DELETED, 3, low, 0},
                      {GW_STATUS_DELETED, 4, low, 0},
                      {GW_STATUS_ALIVE, 9, high, 0}};
    gw_model out[4];

    put_saved(f, "user/1", 4, in);
    load_saved(f, "user/1", 4, out);

    for (int i = 0; i < 4; i++) {
        assert_int_equal(out[i].status, in[i].status);
        assert_int_equal(out[i].meta_position, in[i].meta_position);
        assert_int_equal(gw_state_count(out[i].state),
                         gw_state_count(in[i].state));
    }
    assert_null(out[0].state);
    assert_non_null(out[3].state);
    release(out, 4);
    gw_state_release(low);
    gw_state_release(high);
}

static void
a_level_that_no_longer_differs_is_forgotten(void **state)
{
    fixture *f = *state;
    gw_state *s = state_of(f, "{\"a\":1}");
    gw_model apart[2] = {{GW_STATUS_NONE, 0, NULL, 0},
                         {GW_STATUS_ALIVE, 5, s, 0}};
    gw_model equal[2] = {{GW_STATUS_ALIVE, 6, s, 0},
                         {GW_STATUS_ALIVE, 6, s, 0}};
    gw_model out[2];

    put_saved(f, "user/1", 2, apart);
    put_saved(f, "user/1", 2, equal);
    load_saved(f, "user/1", 2, out);

    assert_int_equal(out[0].status, GW_STATUS_ALIVE);
    assert_int_equal(out[0].meta_position, 6);
    release(out, 2);
    gw_state_release(s);
}

static void
keyframes_list_each_model_of_a_collection_once(void **state)
{
    fixture *f = *state;
    gw_state *s = state_of(f, "{\"a\":1}"), *t = state_of(f, "{\"a\":2}");
    gw_model both[3] = {{GW_STATUS_ALIVE, 1, s, 0},
                        {GW_STATUS_ALIVE, 1, t, 0},
                        {GW_STATUS_ALIVE, 1, s, 0}};
    gw_model gone[3] = {{GW_STATUS_ALIVE, 2, s, 0},
                        {GW_STATUS_DELETED, 2, t, 0},
                        {GW_STATUS_NONE, 0, NULL, 0}};
    gw_model out[3];

    put_saved(f, "user/1", 3, both);
    put_saved(f, "user/2", 3, gone);
    put_saved(f, "user_group/3", 3, both);
    ok(gw_store_keyframe_list(f->store, GW_LIT("user"), see_fqid, f, &f->err));
    load_saved(f, "user/2", 3, out);

    assert_string_equal(gw_buf_cstr(&f->text), "user/1; user/2; ");
    assert_int_equal(out[0].status, GW_STATUS_ALIVE);
    assert_int_equal(out[1].status, GW_STATUS_DELETED);
    assert_int_equal(out[2].status, GW_STATUS_NONE);
    release(out, 3);
    gw_state_release(s);
    gw_state_release(t);
}

/* ---- cutover ---- */

static void
a_swap_makes_the_migrated_generation_live(void **state)
{
    fixture *f = *state;
    gw_run_state run;

    append_users(f, 1, 2);
    migrate(f, 1, 2, 2);
    cut_over(f);

    gw_store_counts c = counts(f, 2);
    assert_int_equal(c.positions, 2);
    assert_int_equal(c.min_index, 2);
    assert_int_equal(c.max_index, 2);
    assert_int_equal(c.migrated_at_target + c.migrated_elsewhere, 0);
    assert_true(c.has_old_generation && c.can_rollback);
    ok(gw_store_run_state(f->store, &run, &f->err));
    assert_int_equal(run.event_target, 0);
    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1000),
                        "1@2 create user/1 {\"m\":1}; "
                        "2@2 create user/2 {\"m\":2}; ");
    assert_string_equal(
        all_models(f, NULL),
        "user/1 {\"m\":1,\"meta_deleted\":false,\"meta_position\":1}; "
        "user/2 {\"m\":2,\"meta_deleted\":false,\"meta_position\":2}; ");
    assert_string_equal(all_sequences(f), "user 3; ");
    assert_string_equal(read_all(f, GW_GENERATION_MIGRATED, 1000), "");
}

static void
the_swapped_position_keeps_what_is_not_events(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 1);
    migrate(f, 1, 1, 2);
    cut_over(f);
    ok(gw_store_read(f->store, GW_GENERATION_LIVE, 0, 0, 1, &f->batch,
                     &f->err));

    assert_int_equal(f->batch.positions[0].user_id, 7);
    assert_memory_equal(f->batch.positions[0].timestamp.at,
                        "2024-05-01T10:00:00", 19);
    assert_true(
        gw_json_equal(f->batch.positions[0].information, GW_LIT("{\"a\":1}")));
}

static void
an_aborted_swap_changes_nothing(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 2);
    migrate(f, 1, 2, 2);
    ok(gw_store_begin(f->store, true, &f->err));
    ok(gw_store_swap(f->store, &f->err));
    gw_store_abort(f->store);

    assert_int_equal(counts(f, 2).min_index, 1);
    assert_int_equal(counts(f, 2).migrated_at_target, 2);
    assert_false(counts(f, 2).has_old_generation);
    cut_over(f);
    assert_int_equal(counts(f, 2).min_index, 2);
}

static void
swapping_back_restores_everything(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 2);
    char *models = gw_strdup(all_models(f, NULL));
    char *events = gw_strdup(read_all(f, GW_GENERATION_LIVE, 1000));
    migrate(f, 1, 2, 2);
    cut_over(f);
    ok(gw_store_begin(f->store, true, &f->err));
    ok(gw_store_swap_back(f->store, &f->err));
    commit(f);

    assert_string_equal(all_models(f, NULL), models);
    assert_string_equal(read_all(f, GW_GENERATION_LIVE, 1000), events);
    assert_string_equal(all_sequences(f), "user 3; ");
    assert_false(counts(f, 2).has_old_generation);
    assert_int_equal(counts(f, 2).min_index, 1);
    migrate(f, 1, 2, 3);
    cut_over(f);
    assert_int_equal(counts(f, 3).min_index, 3);
    free(models);
    free(events);
}

static void
swapping_back_is_refused_after_a_write(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 2);
    migrate(f, 1, 2, 2);
    cut_over(f);
    append_users(f, 3, 1);

    assert_true(counts(f, 2).has_old_generation);
    assert_false(counts(f, 2).can_rollback);
    ok(gw_store_begin(f->store, true, &f->err));
    fails(gw_store_swap_back(f->store, &f->err), GW_E_STATE);
    gw_store_abort(f->store);
    assert_int_equal(counts(f, 2).positions, 3);
}

static void
swapping_back_needs_an_old_generation(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 2);
    migrate(f, 1, 2, 2);
    cut_over(f);
    begin(f);
    ok(gw_store_discard(f->store, &f->err));
    ok(gw_store_discard(f->store, &f->err));
    commit(f);

    assert_false(counts(f, 2).has_old_generation);
    ok(gw_store_begin(f->store, true, &f->err));
    fails(gw_store_swap_back(f->store, &f->err), GW_E_STATE);
    gw_store_abort(f->store);
    assert_int_equal(counts(f, 2).min_index, 2);
}

static void
generations_follow_each_other(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 1);
    for (int64_t i = 2; i < 8; i++) {
        migrate(f, 1, i - 1, i);
        cut_over(f);
        assert_int_equal(counts(f, i).max_index, i);
        if (i % 2 == 0) {
            begin(f);
            ok(gw_store_discard(f->store, &f->err));
            commit(f);
        }
        append_users(f, i, 1);
    }
    assert_int_equal(counts(f, 7).positions, 7);
    assert_string_equal(all_sequences(f), "user 8; ");
}

static void
indexes_can_be_set(void **state)
{
    fixture *f = *state;

    append_users(f, 1, 3);
    migrate(f, 1, 3, 2);
    begin(f);
    ok(gw_store_set_final_index(f->store, 5, &f->err));
    commit(f);
    assert_int_equal(counts(f, 2).max_index, 1);
    assert_int_equal(counts(f, 2).migrated_at_target, 3);
    cut_over(f);
    assert_int_equal(counts(f, 2).min_index, 5);
    begin(f);
    ok(gw_store_set_index(f->store, -1, &f->err));
    commit(f);

    assert_int_equal(counts(f, 2).min_index, -1);
    assert_int_equal(counts(f, 2).max_index, -1);
}

static void
helpers_can_be_emptied(void **state)
{
    fixture *f = *state;

    begin(f);
    ok(gw_store_clear_helpers(f->store, &f->err));
    commit(f);
}

static void
quick_counts_leave_out_the_rows(void **state)
{
    fixture *f = *state;
    gw_store_counts c;

    append_users(f, 1, 3);
    migrate(f, 1, 3, 2);
    ok(gw_store_count(f->store, 2, false, &c, &f->err));

    assert_int_equal(c.positions + c.events + c.migrated_at_target, 0);
    assert_int_equal(c.max_position, 3);
    assert_int_equal(c.max_index, 1);
    assert_int_equal(c.max_migrated_index, 2);
}

static void
positions_behind_one_are_counted_without_gaps(void **state)
{
    fixture *f = *state;
    int64_t n = -1;

    append_users(f, 1, 3);
    append_users(f, 100, 2);
    ok(gw_store_count_after(f->store, 2, 10, &n, &f->err));
    assert_int_equal(n, 3);
    ok(gw_store_count_after(f->store, 0, 4, &n, &f->err));
    assert_int_equal(n, 4);
    ok(gw_store_count_after(f->store, 101, 4, &n, &f->err));
    assert_int_equal(n, 0);
}

/* ---- the run lock ---- */

static void
a_second_run_is_refused_and_told_who_holds_it(void **state)
{
    fixture *f = *state;
    gw_store *other = NULL;
    char pid[32];

    ok(gw_store_lock(f->store, "migrate", &f->err));
    ok(gw_store_open(f->uri, NULL, &other, &f->err));

    fails(gw_store_lock(other, "finalize", &f->err), GW_E_LOCKED);
    (void)snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
    assert_non_null(strstr(f->err.text, "migrate"));
    assert_non_null(strstr(f->err.text, pid));
    gw_store_unlock(f->store);
    ok(gw_store_lock(other, "finalize", &f->err));
    fails(gw_store_lock(f->store, "migrate", &f->err), GW_E_LOCKED);
    gw_store_close(other);
    ok(gw_store_lock(f->store, "migrate", &f->err));
}

static void
a_dead_run_blocks_nobody(void **state)
{
    fixture *f = *state;
    int status = 0;

    gw_store_close(f->store);
    pid_t child = fork();
    if (child == 0) {
        gw_store *store = NULL;
        gw_error err;
        if (gw_store_open(f->uri, NULL, &store, &err) != GW_OK ||
            gw_store_lock(store, "migrate", &err) != GW_OK ||
            gw_store_begin(store, false, &err) != GW_OK ||
            gw_store_put_model(store, GW_LIT("user/1"), GW_LIT("{}"), false,
                               &err) != GW_OK)
            _exit(1);
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    open_store(f, false);

    assert_true(WIFSIGNALED(status));
    ok(gw_store_lock(f->store, "migrate", &f->err));
    append_users(f, 1, 1);
    assert_string_equal(all_models(f, NULL), "user/1 {\"n\":1}; ");
}

static void
another_connection_writes_between_batches(void **state)
{
    fixture *f = *state;
    gw_store *mine = f->store;

    append_users(f, 1, 2);
    f->store = NULL;
    open_store(f, false);
    gw_store *other = f->store;
    append_users(f, 3, 1);
    f->store = mine;

    assert_int_equal(counts(f, 2).max_position, 3);
    migrate(f, 1, 3, 2);
    gw_store_close(other);
    cut_over(f);
    assert_int_equal(counts(f, 2).min_index, 2);
}

typedef struct records {
    char text[4][64];
    size_t n;
} records;

static gw_code
take_record(void *arg, gw_slice id, gw_slice record, gw_error *err)
{
    records *r = arg;

    (void)err;
    assert_true(r->n < 4);
    (void)snprintf(r->text[r->n++], sizeof(r->text[0]), "%.*s %.*s", GW_FMT(id),
                   GW_FMT(record));
    return GW_OK;
}

static void
records_of_runs_are_replaced_and_come_newest_first(void **state)
{
    fixture *f = *state;
    records got = {0};
    gw_store *store = f->store;

    ok(gw_store_records(store, "run", 4, take_record, &got, &f->err));
    assert_int_equal(got.n, 0);
    ok(gw_store_put_record(store, "run", GW_LIT("a"), 1, GW_LIT("{\"n\":1}"),
                           &f->err));
    ok(gw_store_put_record(store, "run", GW_LIT("b"), 2, GW_LIT("{\"n\":2}"),
                           &f->err));
    ok(gw_store_put_record(store, "manage", GW_LIT("c"), 3, GW_LIT("{}"),
                           &f->err));
    ok(gw_store_put_record(store, "run", GW_LIT("a"), 1, GW_LIT("{\"n\":3}"),
                           &f->err));
    ok(gw_store_records(store, "run", 4, take_record, &got, &f->err));

    assert_int_equal(got.n, 2);
    assert_string_equal(got.text[0], "b {\"n\":2}");
    assert_string_equal(got.text[1], "a {\"n\":3}");
    ok(gw_store_records(store, "run", 1, take_record, &got, &f->err));
    assert_int_equal(got.n, 3);
    ok(gw_store_records(store, "manage", 1, take_record, &got, &f->err));
    assert_string_equal(got.text[3], "c {}");
}

/* Whoever can write to the store can write to that table. */
static void
records_are_read_within_limits(void **state)
{
    fixture *f = *state;
    records got = {0};
    gw_store *store = f->store;
    gw_buf large = {0};

    gw_buf_byte(&large, '"');
    for (size_t i = 0; i < GW_LIMIT_JOURNAL_LINE; i++)
        gw_buf_byte(&large, 'x');
    gw_buf_byte(&large, '"');
    for (int64_t i = 1; i <= 8; i++)
        ok(gw_store_put_record(
            store, "run", gw_slice_of(gw_arena_printf(&f->arena, "%d", (int)i)),
            i, i % 2 ? GW_LIT("{}") : gw_buf_as_slice(&large), &f->err));
    gw_buf_clear(&large);

    ok(gw_store_records(store, "run", 3, take_record, &got, &f->err));
    assert_int_equal(got.n, 3);
    assert_string_equal(got.text[0], "7 {}");
    assert_string_equal(got.text[2], "3 {}");
}

/* ---- what imports keep ---- */

static const gw_import_kind users = {{"source", 6}, {"user", 4}};

static void
begin_import(fixture *f)
{
    ok(gw_store_begin(f->store, false, &f->err));
    ok(gw_import_prepare(f->store, &f->err));
}

static gw_import_row
find_row(fixture *f, const char *key)
{
    gw_slice text = gw_slice_of(key);
    gw_import_row row = {.id = 99};

    ok(gw_import_find(f->store, &users, &text, 1, &row, &f->err));
    return row;
}

static gw_code
note_key(void *arg, gw_slice key, const gw_import_row *row, gw_error *err)
{
    fixture *f = arg;

    (void)err;
    gw_buf_printf(&f->text, "%.*s=%lld ", GW_FMT(key), (long long)row->id);
    return GW_OK;
}

static void
keys_of_an_import_are_found_replaced_and_walked(void **state)
{
    static const char *const keys[] = {"b,<\"é", "a-1", "a", "a-", "a."};
    fixture *f = *state;
    int64_t rows, items, top;

    begin_import(f);
    for (int i = 0; i < 5; i++) {
        gw_import_row row = {i + 1, i, -i, 2};
        ok(gw_import_put(f->store, &users, gw_slice_of(keys[i]), &row,
                         &f->err));
    }
    gw_import_row row = {1, 7, INT64_MIN, 3};
    ok(gw_import_put(f->store, &users, gw_slice_of(keys[0]), &row, &f->err));
    ok(gw_store_commit(f->store, &f->err));
    ok(gw_store_begin(f->store, false, &f->err));

    assert_int_equal(find_row(f, keys[0]).mark, INT64_MIN);
    assert_int_equal(find_row(f, keys[0]).seen, 7);
    assert_int_equal(find_row(f, "nobody").id, 0);
    ok(gw_import_keys(f->store, &users, GW_LIT("a-"), GW_LIT("a."), 10,
                      note_key, f, &f->err));
    assert_string_equal(gw_buf_cstr(&f->text), "a-1=2 ");
    f->text.len = 0;
    ok(gw_import_pending(f->store, &users, 1, 4, 2, note_key, f, &f->err));
    assert_string_equal(gw_buf_cstr(&f->text), "a-1=2 a=3 ");
    ok(gw_import_sum(f->store, &users, 3, &rows, &items, &top, &f->err));
    assert_int_equal(rows, 3);
    assert_int_equal(items, 7);
    assert_int_equal(top, 5);
    gw_store_abort(f->store);
}

static void
ids_that_are_taken_back_are_given_again_and_others_never(void **state)
{
    fixture *f = *state;
    int64_t first = 0;

    begin_import(f);
    ok(gw_store_put_model(f->store, GW_LIT("user/41"), GW_LIT("{}"), false,
                          &f->err));
    ok(gw_store_commit(f->store, &f->err));
    ok(gw_store_begin(f->store, false, &f->err));
    ok(gw_import_reserve(f->store, GW_LIT("user"), 5, &first, &f->err));
    assert_int_equal(first, 42);
    gw_store_abort(f->store);

    ok(gw_store_begin(f->store, false, &f->err));
    ok(gw_import_reserve(f->store, GW_LIT("user"), 2, &first, &f->err));
    assert_int_equal(first, 42);
    ok(gw_import_reserve(f->store, GW_LIT("fresh"), 3, &first, &f->err));
    assert_int_equal(first, 1);
    ok(gw_store_commit(f->store, &f->err));
    ok(gw_store_begin(f->store, false, &f->err));
    ok(gw_import_reserve(f->store, GW_LIT("user"), 1, &first, &f->err));
    assert_int_equal(first, 44);
    ok(gw_import_reserve(f->store, GW_LIT("fresh"), 1, &first, &f->err));
    assert_int_equal(first, 4);
    gw_store_abort(f->store);
}

static gw_code
note_problem(void *arg, const gw_import_problem *p, gw_error *err)
{
    fixture *f = arg;

    (void)err;
    gw_buf_printf(&f->text, "%.*s %.*s %lld;", GW_FMT(p->reason),
                  GW_FMT(p->key), (long long)p->n);
    return GW_OK;
}

static void
problems_and_states_of_an_import_outlive_it(void **state)
{
    fixture *f = *state;
    gw_import_problem p = {
        GW_LIT("user"), GW_LIT("refused"), GW_LIT("device"), GW_LIT("k"), 2,
        GW_LIT("why")};
    gw_slice text;

    begin_import(f);
    ok(gw_import_state(f->store, &f->arena, users.source, &text, &f->err));
    assert_null(text.at);
    ok(gw_import_put_state(f->store, users.source, GW_LIT("{\"a\":1}"),
                           &f->err));
    ok(gw_import_put_problem(f->store, users.source, &p, &f->err));
    p.n = 3;
    ok(gw_import_put_problem(f->store, users.source, &p, &f->err));
    p.reason = GW_LIT("mangled");
    ok(gw_import_put_problem(f->store, users.source, &p, &f->err));
    ok(gw_store_commit(f->store, &f->err));
    ok(gw_store_begin(f->store, false, &f->err));
    ok(gw_import_prepare(f->store, &f->err));

    ok(gw_import_state(f->store, &f->arena, users.source, &text, &f->err));
    assert_true(gw_slice_equal(text, GW_LIT("{\"a\":1}")));
    ok(gw_import_problems(f->store, users.source, note_problem, f, &f->err));
    assert_string_equal(gw_buf_cstr(&f->text), "mangled k 3;refused k 3;");
    p = (gw_import_problem){.step = GW_LIT("user"),
                            .reason = GW_LIT("refused")};
    ok(gw_import_drop_problems(f->store, users.source, &p, &f->err));
    f->text.len = 0;
    ok(gw_import_problems(f->store, users.source, note_problem, f, &f->err));
    assert_string_equal(gw_buf_cstr(&f->text), "mangled k 3;");
    gw_store_abort(f->store);
}

int
main(int argc, char **argv)
{
    static char uri[64];
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(a_new_store_is_empty),
        T(making_a_store_twice_is_refused),
        T(a_store_for_reading_only_cannot_be_written),
        T(an_unknown_uri_is_wrong_usage),
        T(append_numbers_positions_by_itself),
        T(append_numbers_what_was_expected),
        T(append_rejects_a_stale_position),
        T(reading_gives_back_what_was_appended),
        T(a_missing_timestamp_and_information_become_now_and_null),
        T(batches_never_split_a_position),
        T(reading_stops_at_the_bound),
        T(positions_without_events_are_read_too),
        T(a_malformed_event_stops_reading_at_its_position),
        T(the_writing_side_sees_its_own_transaction),
        T(an_aborted_transaction_leaves_nothing),
        T(writing_outside_of_a_transaction_is_refused),
        T(models_come_by_collection_and_number),
        T(a_model_is_replaced_and_found),
        T(id_sequences_only_rise),
        T(an_error_of_a_visitor_ends_the_visit),
        T(migrated_positions_are_counted_and_read),
        T(a_changed_event_is_written_as_it_is_now),
        T(unchanged_events_between_changed_ones_come_back),
        T(the_run_state_comes_back_whole),
        T(forgetting_leaves_only_the_live_tables),
        T(the_result_of_an_older_set_counts_until_it_is_replaced),
        T(a_run_is_cut_back_to_its_keyframe),
        T(a_saved_model_is_shared_by_the_levels_below),
        T(levels_that_differ_come_back_as_they_were),
        T(a_level_that_no_longer_differs_is_forgotten),
        T(keyframes_list_each_model_of_a_collection_once),
        T(a_swap_makes_the_migrated_generation_live),
        T(the_swapped_position_keeps_what_is_not_events),
        T(an_aborted_swap_changes_nothing),
        T(swapping_back_restores_everything),
        T(swapping_back_is_refused_after_a_write),
        T(swapping_back_needs_an_old_generation),
        T(generations_follow_each_other),
        T(indexes_can_be_set),
        T(helpers_can_be_emptied),
        T(quick_counts_leave_out_the_rows),
        T(positions_behind_one_are_counted_without_gaps),
        T(a_second_run_is_refused_and_told_who_holds_it),
        T(a_dead_run_blocks_nobody),
        T(another_connection_writes_between_batches),
        T(records_of_runs_are_replaced_and_come_newest_first),
        T(records_are_read_within_limits),
        T(keys_of_an_import_are_found_replaced_and_walked),
        T(ids_that_are_taken_back_are_given_again_and_others_never),
        T(problems_and_states_of_an_import_outlive_it),
#undef T
    };

    template = argc > 1 ? argv[1] : uri;
    if (argc <= 1) {
        if (!mkdtemp(folder))
            return 1;
        (void)snprintf(uri, sizeof(uri), "sqlite:%s/{}.db", folder);
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (argc <= 1) {
        gw_buf command = {0};
        gw_buf_printf(&command, "rm -rf '%s'", folder);
        if (system(gw_buf_cstr(&command)) != 0)
            failed++;
        gw_buf_clear(&command);
    }
    return failed;
}
