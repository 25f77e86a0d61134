/* SPDX-License-Identifier: Apache-2.0 */
/* Migrated positions. What a migration left alone does not travel: the server
 * copies it, in runs of rows that follow each other; what was changed comes
 * by COPY. */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/pg_priv.h"

#define PIECE_BYTES ((size_t)8 * GW_MIB)
#define KEPT_BYTES ((size_t)32 * GW_MIB)

static gw_code
fail_other_rows(const gw_pg *s, const char *what, size_t n, int64_t first,
                int64_t last, long long rows, gw_error *err)
{
    return gw_fail(err, GW_E_STORE,
                   "the store %s: %zu %s from position %" PRId64 " to %" PRId64
                   " were read, and %lld are there; run the command again",
                   s->store.name, n, what, first, last, rows);
}

/* Copies rows of positions from first to last inside the server, so that
 * they stay exactly as they are. Other rows than were read would be one that
 * came late: it must never be. */
static gw_code
copy_positions(gw_pg *s, gw_pg_sql which, const gw_position *positions,
               size_t n, int64_t index, gw_error *err)
{
    int64_t first = positions[0].position, last = positions[n - 1].position;
    gw_pg_params p = {0};
    PGresult *result = NULL;

    gw_pg_add_int(&p, first);
    gw_pg_add_int(&p, last);
    gw_pg_add_int(&p, index);
    gw_code code = gw_pg_run(&s->writer, which, &p, &result, err);
    if (code != GW_OK)
        return code;
    long long rows = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return rows == (long long)n
               ? GW_OK
               : fail_other_rows(s, "positions", n, first, last, rows, err);
}

/* ---- what stayed as it was ---- */

/* Rows first … last of the live events follow each other in the result too:
 * their ids and weights are other ones by `shift` and `by`. */
typedef struct run {
    int64_t first, last, shift, by;
} run;

enum { RUN_MEMBERS = sizeof(run) / sizeof(int64_t) };

static void
end_run(gw_pg *s, const run *r)
{
    const int64_t members[RUN_MEMBERS] = {r->first, r->last, r->shift, r->by};

    for (size_t i = 0; i < RUN_MEMBERS && r->first > 0; i++) {
        gw_buf_byte(&s->runs[i], s->runs[i].len > 0 ? ',' : '{');
        gw_buf_int(&s->runs[i], members[i]);
    }
}

static void
add_to_run(gw_pg *s, run *r, const gw_event_row *row, int64_t id,
           int64_t weight)
{
    run next = {row->id, row->id, id - row->id, weight - row->weight};

    s->n_unchanged++;
    if (r->first > 0 && row->id == r->last + 1 && next.shift == r->shift &&
        next.by == r->by) {
        r->last++;
        return;
    }
    end_run(s, r);
    *r = next;
}

static gw_code
send_runs(gw_pg *s, const gw_position *first, const gw_position *last,
          gw_error *err)
{
    gw_pg_params p = {0};
    PGresult *result = NULL;
    size_t n = s->n_unchanged;

    if (n == 0)
        return GW_OK;
    for (size_t i = 0; i < RUN_MEMBERS; i++) {
        gw_buf_byte(&s->runs[i], '}');
        (void)gw_buf_cstr(&s->runs[i]); /* may move it */
        gw_pg_add_text(&p, gw_buf_as_slice(&s->runs[i]));
        p.formats[i] = 0;
    }
    gw_code code = gw_pg_run(&s->writer, GW_PG_COPY_EVENTS, &p, &result, err);
    for (size_t i = 0; i < RUN_MEMBERS; i++)
        s->runs[i].len = 0;
    s->n_unchanged = 0;
    if (code != GW_OK)
        return code;
    long long rows = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return rows == (long long)n
               ? GW_OK
               : fail_other_rows(s, "events", n, first->position,
                                 last->position, rows, err);
}

/* ---- events ---- */

static void
put_events(gw_pg *s, const gw_position *p, run *r)
{
    for (size_t i = 0; i < p->events.n; i++) {
        const gw_event *event = &p->events.at[i];
        int64_t id = ++s->last_event;
        if (gw_event_is_row(event)) {
            add_to_run(s, r, &event->row, id, (int64_t)i + 1);
            continue;
        }
        gw_buf_int(&s->made_rows, id);
        gw_buf_byte(&s->made_rows, '\t');
        gw_pg_put_event(&s->made_rows, &s->buf, p->position, event, i + 1);
    }
}

static gw_code
send_events(gw_pg *s, const gw_position *first, const gw_position *last,
            gw_error *err)
{
    gw_code code = send_runs(s, first, last, err);

    if (code == GW_OK)
        code = gw_pg_copy(&s->writer,
                          "COPY migration_events (id, position, fqid, type,"
                          " data, weight) FROM STDIN",
                          gw_buf_as_slice(&s->made_rows), err);
    s->made_rows.len = 0;
    return code;
}

static gw_code
write_events(gw_pg *s, const gw_position *positions, size_t n, gw_error *err)
{
    const gw_position *first = positions;
    run r = {0};
    gw_code code = GW_OK;

    for (size_t i = 0; i < n && code == GW_OK; i++) {
        put_events(s, &positions[i], &r);
        if (i + 1 < n && s->made_rows.len < PIECE_BYTES)
            continue;
        end_run(s, &r);
        code = send_events(s, first, &positions[i], err);
        r = (run){0};
        first = &positions[i] + 1;
    }
    if (s->made_rows.room > KEPT_BYTES)
        gw_buf_clear(&s->made_rows);
    return code;
}

gw_code
gw_pg_write(gw_store *store, const gw_position *positions, size_t n,
            int64_t event_target, int64_t final_index, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_ensure_made(s, err);

    if (code != GW_OK || n == 0)
        return code;
    if (s->last_event < 0)
        code = gw_pg_ints(&s->writer, GW_PG_LAST_EVENT, NULL, &s->last_event, 1,
                          err);
    if (code == GW_OK)
        code = copy_positions(s, GW_PG_COPY_STATES, positions, n, event_target,
                              err);
    if (code == GW_OK)
        code = copy_positions(s, GW_PG_COPY_POSITIONS, positions, n,
                              final_index, err);
    return code == GW_OK ? write_events(s, positions, n, err) : code;
}
