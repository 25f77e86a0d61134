/* SPDX-License-Identifier: Apache-2.0 */
/* Reads live models and id sequences. */
#include <sqlite3.h>

#include "base/limits.h"
#include "store/sqlite_priv.h"

static gw_code
read_model(gw_sqlite_conn *conn, gw_arena *arena, gw_slice fqid, gw_slice *data,
           bool *deleted, bool *found, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_get(conn, GW_SQL_MODEL, &statement, err);

    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, fqid);
    code = gw_sqlite_step(conn, statement, &row, err);
    if (code != GW_OK)
        return code;
    if (row) {
        *data = gw_arena_dup(arena, gw_sqlite_text(statement, 0));
        *deleted = sqlite3_column_int(statement, 1) != 0;
    }
    *found = row;
    (void)sqlite3_reset(statement);
    return GW_OK;
}

gw_code
gw_sqlite_model(gw_store *store, gw_arena *arena, gw_slice fqid, gw_slice *data,
                bool *deleted, bool *found, gw_error *err)
{
    return read_model(&gw_sqlite_of(store)->reader, arena, fqid, data, deleted,
                      found, err);
}

gw_code
gw_sqlite_model_now(gw_store *store, gw_arena *arena, gw_slice fqid,
                    gw_slice *data, bool *deleted, bool *found, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    return code == GW_OK
               ? read_model(&s->writer, arena, fqid, data, deleted, found, err)
               : code;
}

/* ---- all models ---- */

/* A walk over models. The ids of one collection that have the same number
 * of digits sort as text as they do as numbers: so it goes by collection,
 * then by length, and needs no sorting. */
typedef struct walk {
    gw_sqlite_conn *conn;
    gw_model_visit visit;
    void *arg;
    /* every model of a collection is between these: 'a/' and 'a0' */
    gw_buf from, below;
    gw_error *err;
} walk;

static void
set_range(walk *w, gw_slice collection)
{
    w->from.len = w->below.len = 0;
    gw_buf_slice(&w->from, collection);
    gw_buf_byte(&w->from, '/');
    gw_buf_slice(&w->below, collection);
    gw_buf_byte(&w->below, '/' + 1);
}

static void
bind_range(const walk *w, sqlite3_stmt *statement)
{
    gw_sqlite_bind(statement, 1, gw_buf_as_slice(&w->from));
    gw_sqlite_bind(statement, 2, gw_buf_as_slice(&w->below));
}

static gw_code
visit_length(walk *w, sqlite3_stmt *statement, int64_t length)
{
    bool row = true;
    gw_code code = GW_OK;

    bind_range(w, statement);
    (void)sqlite3_bind_int64(statement, 3, length);
    while (code == GW_OK) {
        code = gw_sqlite_step(w->conn, statement, &row, w->err);
        if (code != GW_OK || !row)
            break;
        code = w->visit(w->arg, gw_sqlite_text(statement, 0),
                        gw_sqlite_text(statement, 1),
                        sqlite3_column_int(statement, 2) != 0, w->err);
    }
    (void)sqlite3_reset(statement);
    return code;
}

static gw_code
visit_collection(walk *w)
{
    sqlite3_stmt *lengths = NULL, *models = NULL;
    bool row = true;
    gw_code code =
        gw_sqlite_prepare(w->conn,
                          "SELECT DISTINCT length(fqid) FROM models"
                          " WHERE fqid >= ?1 AND fqid < ?2 ORDER BY 1",
                          &lengths, w->err);

    if (code == GW_OK)
        code = gw_sqlite_prepare(
            w->conn,
            "SELECT fqid, data, deleted FROM models WHERE fqid >= ?1"
            " AND fqid < ?2 AND length(fqid) = ?3 ORDER BY fqid",
            &models, w->err);
    if (code == GW_OK)
        bind_range(w, lengths);
    while (code == GW_OK) {
        code = gw_sqlite_step(w->conn, lengths, &row, w->err);
        if (code != GW_OK || !row)
            break;
        code = visit_length(w, models, sqlite3_column_int64(lengths, 0));
    }
    (void)sqlite3_finalize(models);
    (void)sqlite3_finalize(lengths);
    return code;
}

/* The first collection that has models at or above w->below. */
static gw_code
next_collection(walk *w, sqlite3_stmt *statement, bool *found)
{
    gw_fqid fqid;

    gw_sqlite_bind(statement, 1, gw_buf_as_slice(&w->below));
    gw_code code = gw_sqlite_step(w->conn, statement, found, w->err);
    if (code == GW_OK && *found) {
        code = gw_fqid_parse(gw_sqlite_text(statement, 0), &fqid, w->err);
        if (code == GW_OK)
            set_range(w, gw_fqid_collection(&fqid));
        else
            (void)gw_fail_prefix(w->err, "a row of models: ");
    }
    (void)sqlite3_reset(statement);
    return code;
}

static gw_code
visit_all(walk *w)
{
    sqlite3_stmt *statement = NULL;
    bool found = true;
    gw_code code = gw_sqlite_prepare(
        w->conn,
        "SELECT fqid FROM models WHERE fqid >= ?1 ORDER BY fqid"
        " LIMIT 1",
        &statement, w->err);

    gw_buf_text(&w->below, "");
    (void)gw_buf_cstr(&w->below);
    while (code == GW_OK) {
        code = next_collection(w, statement, &found);
        if (code != GW_OK || !found)
            break;
        code = visit_collection(w);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static gw_code
walk_models(gw_sqlite_conn *conn, gw_slice collection, gw_model_visit visit,
            void *arg, gw_error *err)
{
    walk w = {.conn = conn, .visit = visit, .arg = arg, .err = err};
    bool mine = false;
    gw_code code = gw_sqlite_begin_view(conn, &mine, err);

    if (code != GW_OK)
        return code;
    if (collection.at) {
        set_range(&w, collection);
        code = visit_collection(&w);
    } else {
        code = visit_all(&w);
    }
    gw_sqlite_end_view(conn, mine);
    gw_buf_clear(&w.from);
    gw_buf_clear(&w.below);
    return code;
}

gw_code
gw_sqlite_models(gw_store *store, gw_slice collection, gw_model_visit visit,
                 void *arg, gw_error *err)
{
    return walk_models(&gw_sqlite_of(store)->reader, collection, visit, arg,
                       err);
}

gw_code
gw_sqlite_models_now(gw_store *store, gw_slice collection, gw_model_visit visit,
                     void *arg, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    return code == GW_OK ? walk_models(&s->writer, collection, visit, arg, err)
                         : code;
}

gw_code
gw_sqlite_sequences(gw_store *store,
                    gw_code (*visit)(void *arg, gw_slice collection, int64_t id,
                                     gw_error *err),
                    void *arg, gw_error *err)
{
    gw_sqlite_conn *conn = &gw_sqlite_of(store)->reader;
    sqlite3_stmt *statement = NULL;
    bool row = true;
    gw_code code = gw_sqlite_prepare(
        conn, "SELECT collection, id FROM id_sequences ORDER BY collection",
        &statement, err);

    while (code == GW_OK) {
        code = gw_sqlite_step(conn, statement, &row, err);
        if (code != GW_OK || !row)
            break;
        code = visit(arg, gw_sqlite_text(statement, 0),
                     sqlite3_column_int64(statement, 1), err);
    }
    (void)sqlite3_finalize(statement);
    return code;
}
