/* SPDX-License-Identifier: Apache-2.0 */
/* Reads positions with their events, counts, and the run state. */
#include <inttypes.h>
#include <libpq-fe.h>

#include "base/limits.h"
#include "store/pg_priv.h"

enum { FIRST_PAGE = 256, MOST_PAGE = 16384 };

/* ---- positions and events ---- */

/* A page of positions, and the events of all of them as they come in. */
typedef struct reading {
    gw_pg_conn *conn;
    const char *events_sql;
    PGresult *positions;
    int n; /* of positions */
    gw_pg_copied events;
    gw_batch_builder builder;
    size_t max_bytes;
    bool is_faulty; /* the next position cannot be read */
} reading;

enum position_column { P_POSITION, P_TIMESTAMP, P_USER, P_INFO, P_INDEX };
enum event_column { E_POSITION, E_ID, E_WEIGHT, E_FQID, E_TYPE, E_DATA };

/* 2024-05-01 10:00:00.5+00 as RFC 3339 has it. What is unusual (infinity,
 * years before 1 or above 9999) stays. */
static gw_slice
timestamp_of(char room[GW_PG_TIMESTAMP_ROOM], gw_slice text)
{
    if (text.len < 22 || text.len + 4 > GW_PG_TIMESTAMP_ROOM ||
        text.at[10] != ' ' || memcmp(text.at + text.len - 3, "+00", 3) != 0)
        return text;
    memcpy(room, text.at, text.len);
    room[10] = 'T';
    memcpy(room + text.len, ":00", 4);
    return (gw_slice){room, text.len + 3};
}

static void
add_position(reading *r, int row)
{
    char room[GW_PG_TIMESTAMP_ROOM];
    gw_position p = {
        .position = gw_pg_int(r->positions, row, P_POSITION),
        .timestamp =
            timestamp_of(room, gw_pg_text(r->positions, row, P_TIMESTAMP)),
        .user_id = gw_pg_int(r->positions, row, P_USER),
        .information = gw_pg_text(r->positions, row, P_INFO),
        .migration_index = gw_pg_int(r->positions, row, P_INDEX),
    };

    gw_batch_add_position(&r->builder, &p);
}

static gw_code
add_events(reading *r, int64_t position, gw_error *err)
{
    gw_pg_copied *e = &r->events;
    gw_code code = GW_OK;

    while (code == GW_OK && e->has_row &&
           gw_pg_copied_int(e, E_POSITION) <= position) {
        if (gw_pg_copied_int(e, E_POSITION) < position)
            return gw_fail(err, GW_E_INPUT,
                           "position %" PRId64 " has events, but no row in "
                           "positions",
                           gw_pg_copied_int(e, E_POSITION));
        code = gw_batch_add_event(&r->builder, gw_pg_copied_int(e, E_ID),
                                  gw_pg_copied_int(e, E_WEIGHT), e->at[E_FQID],
                                  e->at[E_TYPE], e->at[E_DATA], err);
        if (code == GW_OK)
            code = gw_pg_copy_next(e, err);
    }
    return code;
}

/* A faulty position fails only when it is the first of a batch: what is
 * before it can be used. */
static gw_code
fill(reading *r, gw_error *err)
{
    gw_batch *batch = r->builder.batch;
    gw_code code = gw_pg_copy_next(&r->events, err);

    for (int i = 0; i < r->n && code == GW_OK; i++) {
        if (r->builder.cost >= r->max_bytes)
            break;
        add_position(r, i);
        code = add_events(r, gw_pg_int(r->positions, i, P_POSITION), err);
        if (code == GW_OK)
            gw_batch_end_position(&r->builder);
        else
            gw_batch_drop_position(&r->builder);
    }
    gw_pg_copy_stop(&r->events);
    r->is_faulty = code != GW_OK;
    if (batch->n > 0 && (code == GW_E_INPUT || code == GW_E_LIMIT))
        code = GW_OK;
    return code;
}

/* So many positions that the next batch is nearly full: what does not fit is
 * read again. */
static void
adapt_page(int64_t *page, const reading *r)
{
    size_t n = r->builder.batch->n;
    int64_t fit;

    if (n == 0)
        return;
    fit = (int64_t)((r->max_bytes - r->max_bytes / 8) /
                    (r->builder.cost / n + 1)) +
          1;
    if (fit > 4 * *page)
        fit = 4 * *page;
    *page = fit > MOST_PAGE ? MOST_PAGE : fit;
}

static gw_code
read_page(reading *r, gw_pg_sql positions, int64_t after, int64_t upto,
          int64_t page, gw_error *err)
{
    gw_pg_params p = {0};

    gw_pg_add_int(&p, after);
    gw_pg_add_int(&p, upto);
    gw_pg_add_int(&p, page);
    gw_code code = gw_pg_run(r->conn, positions, &p, &r->positions, err);
    r->n = code == GW_OK ? PQntuples(r->positions) : 0;
    return code;
}

/* One page and its events; *is_last when there is no more to read. */
static gw_code
add_page(reading *r, int64_t page, gw_pg_sql positions, int64_t after,
         int64_t upto, bool *is_last, gw_error *err)
{
    gw_pg_params p = {0};
    gw_code code = read_page(r, positions, after, upto, page, err);

    *is_last = code == GW_OK && r->n < page;
    if (code == GW_OK && r->n > 0) {
        gw_pg_add_int(&p, after);
        gw_pg_add_int(&p, gw_pg_int(r->positions, r->n - 1, P_POSITION));
        code = gw_pg_run(r->conn, GW_PG_SET_RANGE, &p, NULL, err);
        if (code == GW_OK)
            code = gw_pg_copy_begin(&r->events, r->conn, r->events_sql, err);
        if (code == GW_OK)
            code = fill(r, err);
    }
    PQclear(r->positions);
    r->positions = NULL;
    return code;
}

static gw_code
read_range(gw_pg_conn *conn, int64_t *page, gw_pg_sql positions,
           const char *events, int64_t after, int64_t upto, size_t max_bytes,
           gw_batch *batch, gw_error *err)
{
    reading r = {.conn = conn,
                 .events_sql = events,
                 .max_bytes = max_bytes ? max_bytes : 1};
    bool is_last = false;
    gw_code code = GW_OK;

    gw_batch_builder_init(&r.builder, batch);
    while (code == GW_OK && !is_last && !r.is_faulty &&
           r.builder.cost < r.max_bytes / 2 + 1) {
        code = add_page(&r, *page, positions, after, upto, &is_last, err);
        if (code == GW_OK && batch->n > 0) {
            after = batch->positions[batch->n - 1].position;
            adapt_page(page, &r);
        }
    }
    if (code != GW_OK)
        gw_batch_reset(batch);
    return code;
}

/* What is migrated by the present set, then what only an older one made. */
static gw_code
read_migrated(gw_pg *s, gw_pg_conn *conn, int64_t after, int64_t upto,
              size_t max_bytes, gw_batch *batch, gw_error *err)
{
    gw_pg_tables tables;
    int64_t last = 0;
    gw_code code = gw_pg_tables_of(conn, &tables, err);

    gw_batch_reset(batch);
    if (code != GW_OK || !tables.positions || !tables.events)
        return code;
    code = read_range(conn, &s->page, GW_PG_MADE_POSITIONS,
                      GW_PG_SEND_EVENTS("migration_events"), after, upto,
                      max_bytes, batch, err);
    if (code != GW_OK || batch->n > 0 || !tables.base)
        return code;
    code = gw_pg_ints(conn, GW_PG_LAST_MADE, NULL, &last, 1, err);
    if (code != GW_OK)
        return code;
    return read_range(conn, &s->page, GW_PG_BASE_POSITIONS,
                      GW_PG_SEND_EVENTS("godwit_base_events"),
                      after > last ? after : last, upto, max_bytes, batch, err);
}

/* A run must not pass a position that is still to come. Others only look
 * at what is there. */
static gw_code
bound_by_writers(gw_pg *s, int64_t after, int64_t *upto, gw_error *err)
{
    int64_t safe = 0;

    if (!s->is_locked || s->is_cutover)
        return GW_OK;
    gw_code code = gw_pg_safe_position(s, after, &safe, err);
    if (code == GW_OK && safe < *upto)
        *upto = safe;
    return code;
}

gw_code
gw_pg_read(gw_store *store, gw_generation which, int64_t after, int64_t upto,
           size_t max_bytes, gw_batch *batch, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_conn *conn = gw_pg_reader(s);
    gw_code code = GW_OK;

    if (upto == 0)
        upto = INT64_MAX;
    if (which == GW_GENERATION_LIVE)
        code = bound_by_writers(s, after, &upto, err);
    if (code == GW_OK)
        code = gw_pg_begin_view(conn, err);
    if (code != GW_OK)
        return code;
    if (which == GW_GENERATION_LIVE)
        code = read_range(conn, &s->page, GW_PG_LIVE_POSITIONS,
                          GW_PG_SEND_EVENTS("events"), after, upto, max_bytes,
                          batch, err);
    else
        code = read_migrated(s, conn, after, upto, max_bytes, batch, err);
    gw_pg_end_view(conn);
    return code;
}

gw_code
gw_pg_read_now(gw_store *store, int64_t after, int64_t upto, size_t max_bytes,
               gw_batch *batch, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    int64_t page = FIRST_PAGE;
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    if (code != GW_OK)
        return code;
    return read_range(&s->writer, &page, GW_PG_LIVE_POSITIONS,
                      GW_PG_SEND_EVENTS("events"), after,
                      upto ? upto : INT64_MAX, max_bytes, batch, err);
}

gw_code
gw_pg_max_position_now(gw_store *store, int64_t *out, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    return code == GW_OK
               ? gw_pg_ints(&s->writer, GW_PG_LAST_POSITION, NULL, out, 1, err)
               : code;
}

/* ---- counts ---- */

static gw_code
count_quick(gw_pg_conn *conn, const gw_pg_tables *tables,
            gw_store_counts *counts, gw_error *err)
{
    int64_t quick[3], made = 0, base = 0, sealed = 0;
    gw_code code = gw_pg_ints(conn, GW_PG_COUNT_QUICK, NULL, quick, 3, err);

    if (code == GW_OK && tables->positions)
        code = gw_pg_ints(conn, GW_PG_COUNT_MADE_INDEX, NULL, &made, 1, err);
    if (code == GW_OK && tables->base)
        code = gw_pg_ints(conn, GW_PG_COUNT_BASE_INDEX, NULL, &base, 1, err);
    if (code == GW_OK && tables->old && tables->own)
        code = gw_pg_ints(conn, GW_PG_IS_SEALED, NULL, &sealed, 1, err);
    if (code != GW_OK)
        return code;
    counts->min_index = quick[0];
    counts->max_index = quick[1];
    counts->max_position = quick[2];
    counts->max_migrated_index = made > base ? made : base;
    counts->has_old_generation = tables->old;
    counts->can_rollback = sealed != 0;
    return GW_OK;
}

static gw_code
count_rows(gw_pg_conn *conn, const gw_pg_tables *tables, int64_t target,
           gw_store_counts *counts, gw_error *err)
{
    int64_t live[2], made[2] = {0}, base[2] = {0};
    gw_pg_params p = {0};

    gw_pg_add_int(&p, target);
    gw_code code = gw_pg_ints(conn, GW_PG_COUNT_LIVE, NULL, live, 2, err);
    if (code == GW_OK && tables->positions)
        code = gw_pg_ints(conn, GW_PG_COUNT_MADE, &p, made, 2, err);
    if (code == GW_OK && tables->base)
        code = gw_pg_ints(conn, GW_PG_COUNT_BASE, &p, base, 2, err);
    if (code != GW_OK)
        return code;
    counts->positions = live[0];
    counts->events = live[1];
    counts->migrated_at_target = made[0] + base[0];
    counts->migrated_elsewhere = made[1] + base[1] - counts->migrated_at_target;
    return GW_OK;
}

gw_code
gw_pg_count(gw_store *store, int64_t target, bool full, gw_store_counts *out,
            gw_error *err)
{
    gw_pg_conn *conn = gw_pg_reader(gw_pg_of(store));
    gw_store_counts counts = {0};
    gw_pg_tables tables = {0};
    gw_code code = gw_pg_begin_view(conn, err);

    if (code != GW_OK)
        return code;
    code = gw_pg_tables_of(conn, &tables, err);
    if (code == GW_OK)
        code = count_quick(conn, &tables, &counts, err);
    if (code == GW_OK && full)
        code = count_rows(conn, &tables, target, &counts, err);
    gw_pg_end_view(conn);
    if (code == GW_OK)
        *out = counts;
    return code;
}

gw_code
gw_pg_count_after(gw_store *store, int64_t after, int64_t limit, int64_t *out,
                  gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};

    gw_pg_add_int(&p, after);
    gw_pg_add_int(&p, limit);
    return gw_pg_ints(&s->reader, GW_PG_COUNT_AFTER, &p, out, 1, err);
}

gw_code
gw_pg_run_state(gw_store *store, gw_run_state *out, gw_error *err)
{
    gw_pg_conn *conn = gw_pg_reader(gw_pg_of(store));
    gw_run_state state = {0};
    int64_t *const members[] = {
        &state.start_index,       &state.event_target, &state.position,
        &state.positions,         &state.events,       &state.events_written,
        &state.keyframe_position, &state.base_target,  &state.base_position,
        &state.final_index,
    };
    const int n = (int)(sizeof(members) / sizeof(members[0]));
    gw_pg_tables tables = {0};
    PGresult *rows = NULL;
    gw_code code = gw_pg_tables_of(conn, &tables, err);

    if (code == GW_OK && tables.own)
        code = gw_pg_run(conn, GW_PG_RUN_STATE, NULL, &rows, err);
    if (code != GW_OK)
        return code;
    if (rows && PQntuples(rows) > 0) {
        for (int i = 0; i < n; i++)
            *members[i] = gw_pg_int(rows, 0, i);
        gw_slice checksums = gw_pg_text(rows, 0, n);
        if (checksums.at)
            state.checksums = gw_strdup(checksums.at);
    }
    PQclear(rows);
    *out = state;
    return GW_OK;
}
