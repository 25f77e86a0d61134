/* SPDX-License-Identifier: Apache-2.0 */
/* Reads live models and id sequences. */
#include <libpq-fe.h>

#include "store/pg_priv.h"

static gw_code
read_model(gw_pg_conn *conn, gw_arena *arena, gw_slice fqid, gw_slice *data,
           bool *deleted, bool *found, gw_error *err)
{
    gw_pg_params p = {0};
    PGresult *rows = NULL;

    gw_pg_add_text(&p, fqid);
    gw_code code = gw_pg_run(conn, GW_PG_MODEL, &p, &rows, err);
    if (code != GW_OK)
        return code;
    *found = PQntuples(rows) > 0;
    if (*found) {
        *data = gw_arena_dup(arena, gw_pg_text(rows, 0, 0));
        *deleted = gw_pg_bool(rows, 0, 1);
    }
    PQclear(rows);
    return GW_OK;
}

gw_code
gw_pg_model(gw_store *store, gw_arena *arena, gw_slice fqid, gw_slice *data,
            bool *deleted, bool *found, gw_error *err)
{
    return read_model(gw_pg_reader(gw_pg_of(store)), arena, fqid, data, deleted,
                      found, err);
}

gw_code
gw_pg_model_now(gw_store *store, gw_arena *arena, gw_slice fqid, gw_slice *data,
                bool *deleted, bool *found, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    return code == GW_OK
               ? read_model(&s->writer, arena, fqid, data, deleted, found, err)
               : code;
}

/* ---- all models ---- */

typedef struct walk {
    gw_model_visit visit;
    void *arg;
} walk;

static gw_code
visit_row(void *arg, PGresult *rows, int row, gw_error *err)
{
    const walk *w = arg;

    return w->visit(w->arg, gw_pg_text(rows, row, 0), gw_pg_text(rows, row, 1),
                    gw_pg_bool(rows, row, 2), err);
}

/* Ids of one collection sort as numbers: the shorter before the longer. */
#define MODELS "SELECT fqid, data, deleted FROM models"
#define IN_ORDER                                                               \
    " ORDER BY split_part(fqid, '/', 1) COLLATE \"C\", length(fqid),"          \
    " fqid COLLATE \"C\""

static gw_code
walk_models(gw_pg_conn *conn, gw_slice collection, gw_model_visit visit,
            void *arg, gw_error *err)
{
    walk w = {visit, arg};
    gw_code code = gw_pg_begin_view(conn, err);

    if (code != GW_OK)
        return code;
    code = gw_pg_each(conn,
                      collection.at ? MODELS " WHERE split_part(fqid, '/', 1) ="
                                             " $1::text" IN_ORDER
                                    : MODELS IN_ORDER,
                      collection, visit_row, &w, err);
    gw_pg_end_view(conn);
    return code;
}

gw_code
gw_pg_models(gw_store *store, gw_slice collection, gw_model_visit visit,
             void *arg, gw_error *err)
{
    return walk_models(gw_pg_reader(gw_pg_of(store)), collection, visit, arg,
                       err);
}

gw_code
gw_pg_models_now(gw_store *store, gw_slice collection, gw_model_visit visit,
                 void *arg, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    return code == GW_OK ? walk_models(&s->writer, collection, visit, arg, err)
                         : code;
}

/* ---- id sequences ---- */

typedef struct sequence_walk {
    gw_code (*visit)(void *arg, gw_slice collection, int64_t id, gw_error *err);
    void *arg;
} sequence_walk;

static gw_code
visit_sequence(void *arg, PGresult *rows, int row, gw_error *err)
{
    const sequence_walk *w = arg;

    return w->visit(w->arg, gw_pg_text(rows, row, 0), gw_pg_int(rows, row, 1),
                    err);
}

gw_code
gw_pg_sequences(gw_store *store,
                gw_code (*visit)(void *arg, gw_slice collection, int64_t id,
                                 gw_error *err),
                void *arg, gw_error *err)
{
    gw_pg_conn *conn = gw_pg_reader(gw_pg_of(store));
    sequence_walk w = {visit, arg};
    gw_code code = gw_pg_begin_view(conn, err);

    if (code != GW_OK)
        return code;
    code = gw_pg_each(conn,
                      "SELECT collection, id FROM id_sequences"
                      " ORDER BY collection COLLATE \"C\"",
                      (gw_slice){0}, visit_sequence, &w, err);
    gw_pg_end_view(conn);
    return code;
}
