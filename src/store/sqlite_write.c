/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions of the writing side, and what is appended in them. */
#include <inttypes.h>
#include <sqlite3.h>

#include "base/limits.h"
#include "base/units.h"
#include "store/sqlite_priv.h"

enum {
    WRITER_CACHE_KIB = 24 * 1024,
    CUTOVER_TRIES = 20,
    CUTOVER_PAUSE_US = 50000,
};

/* ---- transactions ---- */

static gw_code
set_wal(gw_sqlite *s, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false, is_wal = false;
    gw_code code = gw_sqlite_prepare(&s->writer, "PRAGMA journal_mode = WAL",
                                     &statement, err);

    if (code == GW_OK)
        code = gw_sqlite_step(&s->writer, statement, &row, err);
    if (code == GW_OK)
        is_wal =
            row && gw_slice_equal(gw_sqlite_text(statement, 0), GW_LIT("wal"));
    (void)sqlite3_finalize(statement);
    if (code == GW_OK && !is_wal)
        code = gw_fail(err, GW_E_STORE,
                       "the store %s cannot keep a write-ahead log: its file "
                       "system does not allow it",
                       s->path);
    return code;
}

gw_code
gw_sqlite_open_writer(gw_sqlite *s, gw_error *err)
{
    if (s->writer.db)
        return GW_OK;
    if (s->read_only)
        return gw_fail(err, GW_E_STORE, "the store %s is open for reading only",
                       s->path);
    gw_code code = gw_sqlite_conn_open(&s->writer, s->path, 0, s->wait_ms,
                                       WRITER_CACHE_KIB, err);
    if (code == GW_OK)
        code = set_wal(s, err);
    if (code == GW_OK)
        code = gw_sqlite_beside_open(s, err);
    if (code != GW_OK)
        gw_sqlite_conn_close(&s->writer);
    return code;
}

gw_code
gw_sqlite_writer(gw_sqlite *s, gw_error *err)
{
    if (s->writer.db && !sqlite3_get_autocommit(s->writer.db))
        return GW_OK;
    return gw_fail(err, GW_E_STATE,
                   "the store %s has no open transaction to write in", s->path);
}

/* A cutover must be on the disk when it is reported; a batch need not, the
 * log keeps the order. Moving the log before leaves less to sync while
 * writers wait. */
static gw_code
prepare_cutover(gw_sqlite *s, gw_error *err)
{
    gw_sqlite_move_log(s);
    return gw_sqlite_exec(&s->writer, "PRAGMA synchronous = FULL", err);
}

static gw_code
begin_write(gw_sqlite *s, int tries, gw_error *err)
{
    gw_code code;

    for (;;) {
        code = gw_sqlite_run(&s->writer, GW_SQL_BEGIN_WRITE, err);
        if (code == GW_OK || --tries <= 0 || s->writer.failure != SQLITE_BUSY)
            return code;
        gw_sleep_us(CUTOVER_PAUSE_US);
    }
}

static gw_code
enter(gw_sqlite *s, gw_error *err)
{
    int64_t levels = 0;
    gw_code code = GW_OK;

    if (s->lock_file >= 0)
        code = gw_sqlite_check_fence(s, err);
    if (code == GW_OK)
        code = gw_sqlite_int(&s->writer, GW_SQL_HAS_LEVELS, &levels, err);
    if (code == GW_OK)
        code = gw_sqlite_int(&s->writer, GW_SQL_SAVED_POSITION,
                             &s->saved_position, err);
    s->has_levels = levels != 0;
    s->beside.begun_us = gw_clock_us();
    s->beside.is_batch = false;
    gw_store_timestamp(s->now);
    gw_sequences_clear(&s->live_ids);
    if (!s->is_parted)
        gw_sequences_clear(&s->made_ids);
    return code;
}

static void
leave(gw_sqlite *s)
{
    gw_error ignored;

    if (!s->is_cutover)
        return;
    s->is_cutover = false;
    (void)gw_sqlite_exec(&s->writer, "PRAGMA synchronous = NORMAL", &ignored);
}

/* The fence is asked for at the beginning: from there to the commit nobody
 * else can write, and so nobody can take the run over. */
gw_code
gw_sqlite_begin(gw_store *store, bool cutover, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_open_writer(s, err);

    if (code == GW_OK && !sqlite3_get_autocommit(s->writer.db))
        return gw_fail(err, GW_E_STATE,
                       "the store %s has an open transaction already", s->path);
    if (code == GW_OK && cutover)
        code = prepare_cutover(s, err);
    if (code != GW_OK)
        return code;
    s->is_cutover = cutover;
    code = begin_write(s, cutover ? CUTOVER_TRIES : 1, err);
    if (code == GW_OK)
        code = enter(s, err);
    if (code != GW_OK)
        gw_sqlite_abort(store);
    return code;
}

gw_code
gw_sqlite_commit(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK && !s->is_parted)
        code = gw_sqlite_put_sequences(s, err);
    if (code == GW_OK)
        code = gw_sqlite_run(&s->writer, GW_SQL_COMMIT, err);
    if (code != GW_OK) {
        gw_sqlite_abort(store);
        return code;
    }
    if (!s->is_cutover) /* or it would count as a time without writers */
        gw_sqlite_beside_commit(s);
    leave(s);
    return GW_OK;
}

/* SQLite has rolled back by itself after some errors. */
void
gw_sqlite_abort(gw_store *store)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_error ignored;

    if (!s->writer.db)
        return;
    if (!sqlite3_get_autocommit(s->writer.db))
        (void)gw_sqlite_run(&s->writer, GW_SQL_ROLLBACK, &ignored);
    leave(s);
}

/* ---- rows ---- */

static gw_code
put_events(gw_sqlite *s, gw_sql which, int64_t position, gw_events events,
           gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_get(&s->writer, which, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 1, position);
    for (size_t i = 0; i < events.n && code == GW_OK; i++) {
        const gw_event *event = &events.at[i];
        gw_sqlite_bind(statement, 2, event->fqid.text);
        gw_sqlite_bind(statement, 3,
                       gw_slice_of(gw_event_type_name(event->type)));
        gw_sqlite_bind(statement, 4, gw_store_event_data(&s->buf, event));
        (void)sqlite3_bind_int64(statement, 5, (int64_t)i + 1);
        code = gw_sqlite_finish(&s->writer, statement, err);
    }
    return code;
}

static gw_code
put_position(gw_sqlite *s, gw_sql which, int64_t number, const gw_position *p,
             int64_t index, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_get(&s->writer, which, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 1, number);
    gw_sqlite_bind(statement, 2,
                   p->timestamp.at ? p->timestamp : gw_slice_of(s->now));
    (void)sqlite3_bind_int64(statement, 3, p->user_id);
    gw_sqlite_bind(statement, 4, p->information);
    (void)sqlite3_bind_int64(statement, 5, index);
    return gw_sqlite_finish(&s->writer, statement, err);
}

gw_code
gw_sqlite_append(gw_store *store, const gw_position *p, int64_t *assigned,
                 gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    int64_t last = 0, number = p->position;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_int(&s->writer, GW_SQL_LAST_POSITION, &last, err);
    if (code != GW_OK)
        return code;
    if (number == 0 && __builtin_add_overflow(last, (int64_t)1, &number))
        return gw_fail(err, GW_E_LIMIT, "there is no position above %" PRId64,
                       last);
    if (number <= last || number < 1)
        return gw_fail(err, GW_E_INPUT,
                       "position %" PRId64 " is not above the newest one, "
                       "%" PRId64,
                       number, last);
    code = put_position(s, GW_SQL_PUT_POSITION, number, p, p->migration_index,
                        err);
    if (code == GW_OK)
        code = put_events(s, GW_SQL_PUT_EVENT, number, p->events, err);
    if (code == GW_OK && assigned)
        *assigned = number;
    return code;
}

gw_code
gw_sqlite_put_model(gw_store *store, gw_slice fqid, gw_slice data, bool deleted,
                    gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_get(&s->writer, GW_SQL_PUT_MODEL, &statement, err);
    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, fqid);
    gw_sqlite_bind(statement, 2, data);
    (void)sqlite3_bind_int(statement, 3, deleted);
    gw_sqlite_bind(statement, 4, gw_slice_of(s->now));
    code = gw_sqlite_finish(&s->writer, statement, err);
    if (code == GW_OK)
        gw_sequences_note(&s->live_ids, fqid);
    return code;
}

static gw_code
put_ids(gw_sqlite *s, gw_sql which, gw_sequences *ids, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_get(&s->writer, which, &statement, err);

    for (size_t i = 0; i < ids->n && code == GW_OK; i++) {
        gw_sequence *q = &ids->at[i];
        if (q->is_written)
            continue;
        gw_sqlite_bind(statement, 1, (gw_slice){q->collection, q->len});
        (void)sqlite3_bind_int64(statement, 2, q->next);
        code = gw_sqlite_finish(&s->writer, statement, err);
        q->is_written = code == GW_OK;
    }
    return code;
}

gw_code
gw_sqlite_put_sequences(gw_sqlite *s, gw_error *err)
{
    gw_code code = put_ids(s, GW_SQL_PUT_SEQUENCE, &s->live_ids, err);

    if (code == GW_OK)
        code = put_ids(s, GW_SQL_PUT_MADE_SEQUENCE, &s->made_ids, err);
    return code;
}

static gw_code
put_made_state(gw_sqlite *s, int64_t position, int64_t index, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code =
        gw_sqlite_get(&s->writer, GW_SQL_PUT_MADE_STATE, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 1, position);
    (void)sqlite3_bind_int64(statement, 2, index);
    return gw_sqlite_finish(&s->writer, statement, err);
}

gw_code
gw_sqlite_write(gw_store *store, const gw_position *positions, size_t n,
                int64_t event_target, int64_t final_index, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    s->beside.is_batch = true;
    for (size_t i = 0; i < n && code == GW_OK; i++) {
        const gw_position *p = &positions[i];
        code = put_made_state(s, p->position, event_target, err);
        if (code == GW_OK)
            code = put_position(s, GW_SQL_PUT_MADE_POSITION, p->position, p,
                                final_index, err);
        if (code == GW_OK)
            code = put_events(s, GW_SQL_PUT_MADE_EVENT, p->position, p->events,
                              err);
    }
    return code;
}

/* ---- run state and indexes ---- */

static gw_code
note_keyframe(gw_sqlite *s, const gw_run_state *state, gw_error *err)
{
    static const gw_sql both[] = {GW_SQL_DROP_KEYFRAMES, GW_SQL_PUT_KEYFRAME};
    size_t n = state->keyframe_position > 0 ? 2 : 1;
    gw_code code = GW_OK;

    for (size_t i = 0; i < n && code == GW_OK; i++) {
        sqlite3_stmt *statement = NULL;
        code = gw_sqlite_get(&s->writer, both[i], &statement, err);
        if (code != GW_OK)
            break;
        (void)sqlite3_bind_int64(statement, 1, state->keyframe_position);
        (void)sqlite3_bind_int64(statement, 2, state->event_target);
        code = gw_sqlite_finish(&s->writer, statement, err);
    }
    return code;
}

gw_code
gw_sqlite_put_run_state(gw_store *store, const gw_run_state *state,
                        gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    const int64_t values[] = {
        state->start_index,       state->event_target, state->position,
        state->positions,         state->events,       state->events_written,
        state->keyframe_position, state->base_target,  state->base_position,
        state->final_index,
    };
    const int n = (int)(sizeof(values) / sizeof(values[0]));
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_get(&s->writer, GW_SQL_PUT_RUN_STATE, &statement, err);
    if (code != GW_OK)
        return code;
    for (int i = 0; i < n; i++)
        (void)sqlite3_bind_int64(statement, i + 1, values[i]);
    gw_sqlite_bind(statement, n + 1, gw_slice_of(state->checksums));
    code = gw_sqlite_finish(&s->writer, statement, err);
    return code == GW_OK ? note_keyframe(s, state, err) : code;
}

/* Runs a statement of one number. */
static gw_code
run_with(gw_store *store, gw_sql which, int64_t number, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_get(&s->writer, which, &statement, err);
    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 1, number);
    return gw_sqlite_finish(&s->writer, statement, err);
}

gw_code
gw_sqlite_set_index(gw_store *store, int64_t index, gw_error *err)
{
    return run_with(store, GW_SQL_SET_INDEX, index, err);
}

gw_code
gw_sqlite_set_final_index(gw_store *store, int64_t final_index, gw_error *err)
{
    return run_with(store, GW_SQL_SET_FINAL_INDEX, final_index, err);
}

/* ---- taking back ---- */

static gw_code
count_read(gw_sqlite *s, const gw_run_state *state, int64_t *out, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code =
        gw_sqlite_get(&s->writer, GW_SQL_COUNT_EVENTS_READ, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 1, state->keyframe_position);
    (void)sqlite3_bind_int64(statement, 2, state->position);
    return gw_sqlite_int(&s->writer, GW_SQL_COUNT_EVENTS_READ, out, err);
}

gw_code
gw_sqlite_cut_back(gw_store *store, const gw_run_state *state, gw_cut *out,
                   gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    int64_t above = state->keyframe_position;
    gw_code code = run_with(store, GW_SQL_CUT_EVENTS, above, err);

    if (code != GW_OK)
        return code;
    out->events = sqlite3_changes64(s->writer.db);
    code = run_with(store, GW_SQL_CUT_STATES, above, err);
    out->positions = sqlite3_changes64(s->writer.db);
    if (code == GW_OK)
        code = run_with(store, GW_SQL_CUT_POSITIONS, above, err);
    return code == GW_OK ? count_read(s, state, &out->events_read, err) : code;
}
