/* SPDX-License-Identifier: Apache-2.0 */
/* Positions that commit late. A number is drawn from a sequence before its
 * transaction commits, so 17 may appear after 18, or never.
 *
 * Who draws a number, or inserts a position, holds a lock on the sequence or
 * on the table until its transaction ends, and everybody can see that in
 * pg_locks. (xmin of rows would not do: a session may have drawn a number
 * and have no transaction id yet.) So: first read the last number drawn,
 * then look who holds such a lock. A transaction that was not there at the
 * look before has drawn only numbers above those drawn then. Below the
 * lowest such floor nothing can appear any more: gaps there are for good. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "store/pg_priv.h"

enum { POLL_MS = 5, MOST_WAIT_MS = 1000, CONTIGUOUS_ROWS = 16384 };

static gw_pg_writer *
find_writer(gw_pg *s, const char *id)
{
    for (size_t i = 0; i < s->n_writers; i++) {
        if (strcmp(s->writers[i].id, id) == 0)
            return &s->writers[i];
    }
    return NULL;
}

static gw_pg_writer *
add_writer(gw_pg *s, const char *id)
{
    if (s->n_writers == s->writers_room) {
        s->writers_room = s->writers_room ? 2 * s->writers_room : 16;
        s->writers =
            gw_realloc(s->writers, s->writers_room * sizeof(*s->writers));
    }
    gw_pg_writer *w = &s->writers[s->n_writers++];
    (void)snprintf(w->id, sizeof(w->id), "%s", id);
    w->floor = s->drawn; /* of the look before; -1: it may have any */
    return w;
}

static void
forget_ended(gw_pg *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_writers; i++) {
        if (s->writers[i].is_seen)
            s->writers[n++] = s->writers[i];
    }
    s->n_writers = n;
}

/* The order of the two statements is what makes it right. */
static gw_code
look(gw_pg *s, int64_t *safe, gw_error *err)
{
    PGresult *rows = NULL;
    int64_t drawn = 0;
    gw_code code =
        gw_pg_ints(&s->reader, GW_PG_LAST_DRAWN, NULL, &drawn, 1, err);

    if (code == GW_OK)
        code = gw_pg_run(&s->reader, GW_PG_OPEN_WRITERS, NULL, &rows, err);
    if (code != GW_OK)
        return code;
    for (size_t i = 0; i < s->n_writers; i++)
        s->writers[i].is_seen = false;
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *id = PQgetvalue(rows, i, 0);
        gw_pg_writer *w = find_writer(s, id);
        if (!w)
            w = add_writer(s, id);
        w->is_seen = true;
    }
    PQclear(rows);
    forget_ended(s);
    s->drawn = drawn;
    *safe = drawn;
    for (size_t i = 0; i < s->n_writers; i++) {
        if (s->writers[i].floor < *safe)
            *safe = s->writers[i].floor;
    }
    return GW_OK;
}

/* Without a gap nothing can appear in between. */
static gw_code
follow_without_gap(gw_pg *s, int64_t after, int64_t *safe, gw_error *err)
{
    gw_pg_params p = {0};

    gw_pg_add_int(&p, after);
    gw_pg_add_int(&p, CONTIGUOUS_ROWS);
    return gw_pg_ints(&s->reader, GW_PG_CONTIGUOUS, &p, safe, 1, err);
}

gw_code
gw_pg_safe_position(gw_pg *s, int64_t after, int64_t *out, gw_error *err)
{
    int64_t safe = 0;
    gw_code code = GW_OK;

    for (int waited_ms = 0; code == GW_OK; waited_ms += POLL_MS) {
        code = look(s, &safe, err);
        if (code != GW_OK || safe > after || s->drawn <= after ||
            waited_ms >= MOST_WAIT_MS)
            break;
        gw_sleep_us(POLL_MS * 1000);
    }
    if (code == GW_OK && safe <= after && s->drawn > after)
        code = follow_without_gap(s, after, &safe, err);
    if (code == GW_OK)
        *out = safe;
    return code;
}
