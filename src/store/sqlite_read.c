/* SPDX-License-Identifier: Apache-2.0 */
/* Reads positions with their events, counts, and the run state. */
#include <inttypes.h>
#include <sqlite3.h>

#include "store/sqlite_priv.h"

/* ---- positions and events ---- */

/* Two statements over the same range, each by position. */
typedef struct reading {
    gw_sqlite_conn *conn;
    sqlite3_stmt *positions, *events;
    bool has_position, has_event; /* at a row */
    int64_t last;                 /* the position before */
    gw_batch_builder builder;
    size_t max_bytes;
} reading;

enum position_column { P_POSITION, P_TIMESTAMP, P_USER, P_INFO, P_INDEX };
enum event_column { E_POSITION, E_FQID, E_TYPE, E_DATA, E_WEIGHT };

static gw_code
bind_range(gw_sqlite_conn *conn, gw_sql which, int64_t after, int64_t upto,
           sqlite3_stmt **out, bool *row, gw_error *err)
{
    gw_code code = gw_sqlite_get(conn, which, out, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(*out, 1, after);
    (void)sqlite3_bind_int64(*out, 2, upto);
    return gw_sqlite_step(conn, *out, row, err);
}

static gw_code
start(reading *r, gw_sql positions, gw_sql events, int64_t after, int64_t upto,
      gw_error *err)
{
    gw_code code = bind_range(r->conn, positions, after, upto, &r->positions,
                              &r->has_position, err);

    if (code == GW_OK)
        code = bind_range(r->conn, events, after, upto, &r->events,
                          &r->has_event, err);
    return code;
}

static void
add_position(reading *r)
{
    gw_position p = {
        .position = sqlite3_column_int64(r->positions, P_POSITION),
        .timestamp = gw_sqlite_text(r->positions, P_TIMESTAMP),
        .user_id = sqlite3_column_int64(r->positions, P_USER),
        .information = gw_sqlite_text(r->positions, P_INFO),
        .migration_index = sqlite3_column_int64(r->positions, P_INDEX),
    };

    gw_batch_add_position(&r->builder, &p);
}

/* In a damaged file a row may be where it does not belong; whoever reads on
 * from there would not come to an end. */
static gw_code
check_order(reading *r, int64_t position, gw_error *err)
{
    if (position <= r->last)
        return gw_fail(err, GW_E_STORE,
                       "the store %s is damaged, position %" PRId64
                       " comes after %" PRId64 ": check the disk and put a "
                       "backup back",
                       r->conn->path, position, r->last);
    r->last = position;
    return GW_OK;
}

static gw_code
check_event_belongs(const reading *r, int64_t position, gw_error *err)
{
    int64_t at = sqlite3_column_int64(r->events, E_POSITION);

    if (!r->has_event || at >= position)
        return GW_OK;
    return gw_fail(err, GW_E_INPUT,
                   "position %" PRId64 " has events, but no row in positions",
                   at);
}

static gw_code
add_events(reading *r, int64_t position, gw_error *err)
{
    gw_code code = GW_OK;

    while (code == GW_OK && r->has_event &&
           sqlite3_column_int64(r->events, E_POSITION) == position) {
        code = gw_batch_add_event(&r->builder, 0,
                                  sqlite3_column_int64(r->events, E_WEIGHT),
                                  gw_sqlite_text(r->events, E_FQID),
                                  gw_sqlite_text(r->events, E_TYPE),
                                  gw_sqlite_text(r->events, E_DATA), err);
        if (code == GW_OK)
            code = gw_sqlite_step(r->conn, r->events, &r->has_event, err);
    }
    return code;
}

static gw_code
add_next(reading *r, gw_error *err)
{
    int64_t position = sqlite3_column_int64(r->positions, P_POSITION);
    gw_code code = check_order(r, position, err);

    if (code == GW_OK)
        code = check_event_belongs(r, position, err);
    if (code != GW_OK)
        return code;
    add_position(r);
    code = add_events(r, position, err);
    if (code == GW_OK) {
        gw_batch_end_position(&r->builder);
        return gw_sqlite_step(r->conn, r->positions, &r->has_position, err);
    }
    gw_batch_drop_position(&r->builder);
    return code;
}

/* A faulty position fails only when it is the first of a batch: what is
 * before it can be used. */
static gw_code
fill(reading *r, gw_error *err)
{
    gw_batch *batch = r->builder.batch;
    gw_code code = GW_OK;

    while (code == GW_OK && r->has_position && r->builder.cost < r->max_bytes)
        code = add_next(r, err);
    if (code == GW_OK && !r->has_position)
        code = check_event_belongs(r, INT64_MAX, err);
    if (batch->n > 0 && (code == GW_E_INPUT || code == GW_E_LIMIT))
        code = GW_OK;
    return code;
}

static void
stop(reading *r)
{
    (void)sqlite3_reset(r->positions);
    (void)sqlite3_reset(r->events);
}

static gw_code
read_range(gw_sqlite_conn *conn, gw_sql positions, gw_sql events, int64_t after,
           int64_t upto, size_t max_bytes, gw_batch *batch, gw_error *err)
{
    reading r = {
        .conn = conn, .last = after, .max_bytes = max_bytes ? max_bytes : 1};

    gw_batch_builder_init(&r.builder, batch);
    gw_code code = start(&r, positions, events, after, upto, err);
    if (code == GW_OK)
        code = fill(&r, err);
    stop(&r);
    if (code != GW_OK)
        gw_batch_reset(batch);
    return code;
}

/* What is migrated by the present set, then what only an older one made. */
static gw_code
read_migrated(gw_sqlite_conn *conn, int64_t after, int64_t upto,
              size_t max_bytes, gw_batch *batch, gw_error *err)
{
    int64_t last = 0;
    gw_code code = gw_sqlite_int(conn, GW_SQL_LAST_MADE, &last, err);

    if (code == GW_OK)
        code = read_range(conn, GW_SQL_MADE_POSITIONS, GW_SQL_MADE_EVENTS,
                          after, upto, max_bytes, batch, err);
    if (code != GW_OK || batch->n > 0)
        return code;
    return read_range(conn, GW_SQL_BASE_POSITIONS, GW_SQL_BASE_EVENTS,
                      after > last ? after : last, upto, max_bytes, batch, err);
}

gw_code
gw_sqlite_read(gw_store *store, gw_generation which, int64_t after,
               int64_t upto, size_t max_bytes, gw_batch *batch, gw_error *err)
{
    gw_sqlite_conn *conn = &gw_sqlite_of(store)->reader;
    bool mine = false;
    gw_code code = gw_sqlite_begin_view(conn, &mine, err);

    if (code != GW_OK)
        return code;
    if (upto == 0)
        upto = INT64_MAX;
    if (which == GW_GENERATION_LIVE)
        code = read_range(conn, GW_SQL_LIVE_POSITIONS, GW_SQL_LIVE_EVENTS,
                          after, upto, max_bytes, batch, err);
    else
        code = read_migrated(conn, after, upto, max_bytes, batch, err);
    gw_sqlite_end_view(conn, mine);
    return code;
}

gw_code
gw_sqlite_read_now(gw_store *store, int64_t after, int64_t upto,
                   size_t max_bytes, gw_batch *batch, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    if (code != GW_OK)
        return code;
    return read_range(&s->writer, GW_SQL_LIVE_POSITIONS, GW_SQL_LIVE_EVENTS,
                      after, upto ? upto : INT64_MAX, max_bytes, batch, err);
}

gw_code
gw_sqlite_max_position_now(gw_store *store, int64_t *out, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    return code == GW_OK
               ? gw_sqlite_int(&s->writer, GW_SQL_LAST_POSITION, out, err)
               : code;
}

/* ---- counts ---- */

/* The columns of one row as integers. */
static gw_code
read_ints(gw_sqlite_conn *conn, gw_sql which, int64_t parameter, int64_t *out,
          int n, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_get(conn, which, &statement, err);

    if (code != GW_OK)
        return code;
    if (sqlite3_bind_parameter_count(statement) > 0)
        (void)sqlite3_bind_int64(statement, 1, parameter);
    code = gw_sqlite_step(conn, statement, &row, err);
    if (code != GW_OK)
        return code;
    for (int i = 0; i < n; i++)
        out[i] = row ? sqlite3_column_int64(statement, i) : 0;
    (void)sqlite3_reset(statement);
    return GW_OK;
}

static gw_code
count_quick(gw_sqlite_conn *conn, gw_store_counts *counts, gw_error *err)
{
    int64_t quick[5], base_index = 0, sealed = 0;
    gw_code code = read_ints(conn, GW_SQL_COUNT_QUICK, 0, quick, 5, err);

    if (code == GW_OK)
        code = read_ints(conn, GW_SQL_COUNT_BASE_INDEX, 0, &base_index, 1, err);
    if (code == GW_OK && quick[4])
        code = read_ints(conn, GW_SQL_IS_SEALED, 0, &sealed, 1, err);
    if (code != GW_OK)
        return code;
    counts->min_index = quick[0];
    counts->max_index = quick[1];
    counts->max_position = quick[2];
    counts->max_migrated_index = quick[3] > base_index ? quick[3] : base_index;
    counts->has_old_generation = quick[4] != 0;
    counts->can_rollback = sealed != 0;
    return GW_OK;
}

static gw_code
count_rows(gw_sqlite_conn *conn, int64_t target, gw_store_counts *counts,
           gw_error *err)
{
    int64_t live[2], made[2], base[2];
    gw_code code = read_ints(conn, GW_SQL_COUNT_LIVE, 0, live, 2, err);

    if (code == GW_OK)
        code = read_ints(conn, GW_SQL_COUNT_MADE, target, made, 2, err);
    if (code == GW_OK)
        code = read_ints(conn, GW_SQL_COUNT_BASE, target, base, 2, err);
    if (code != GW_OK)
        return code;
    counts->positions = live[0];
    counts->events = live[1];
    counts->migrated_at_target = made[0] + base[0];
    counts->migrated_elsewhere = made[1] + base[1] - counts->migrated_at_target;
    return GW_OK;
}

gw_code
gw_sqlite_count(gw_store *store, int64_t target, bool full,
                gw_store_counts *out, gw_error *err)
{
    gw_sqlite_conn *conn = &gw_sqlite_of(store)->reader;
    gw_store_counts counts = {0};
    bool mine = false;
    gw_code code = gw_sqlite_begin_view(conn, &mine, err);

    if (code == GW_OK)
        code = count_quick(conn, &counts, err);
    if (code == GW_OK && full)
        code = count_rows(conn, target, &counts, err);
    gw_sqlite_end_view(conn, mine);
    if (code == GW_OK)
        *out = counts;
    return code;
}

gw_code
gw_sqlite_count_after(gw_store *store, int64_t after, int64_t limit,
                      int64_t *out, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code =
        gw_sqlite_get(&s->reader, GW_SQL_COUNT_AFTER, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 1, after);
    (void)sqlite3_bind_int64(statement, 2, limit);
    code = gw_sqlite_step(&s->reader, statement, &row, err);
    if (code == GW_OK)
        *out = row ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return code;
}

gw_code
gw_sqlite_run_state(gw_store *store, gw_run_state *out, gw_error *err)
{
    gw_sqlite_conn *conn = &gw_sqlite_of(store)->reader;
    gw_run_state state = {0};
    int64_t *const members[] = {
        &state.start_index,       &state.event_target, &state.position,
        &state.positions,         &state.events,       &state.events_written,
        &state.keyframe_position, &state.base_target,  &state.base_position,
        &state.final_index,
    };
    const int n = (int)(sizeof(members) / sizeof(members[0]));
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_get(conn, GW_SQL_RUN_STATE, &statement, err);

    if (code == GW_OK)
        code = gw_sqlite_step(conn, statement, &row, err);
    if (code != GW_OK)
        return code;
    for (int i = 0; i < n && row; i++)
        *members[i] = sqlite3_column_int64(statement, i);
    gw_slice checksums = row ? gw_sqlite_text(statement, n) : (gw_slice){0};
    if (checksums.at)
        state.checksums = gw_strdup(checksums.at);
    (void)sqlite3_reset(statement);
    *out = state;
    return GW_OK;
}
