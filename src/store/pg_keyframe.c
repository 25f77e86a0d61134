/* SPDX-License-Identifier: Apache-2.0 */
/* Saved keyframes, and how they are found. godwit_models holds the last level,
 * as it will be live. A lower level is taken to be as the one above it; a row
 * of godwit_levels says where it is not. */
#include <libpq-fe.h>

#include "store/pg_priv.h"

/* ---- loading ---- */

enum column { LEVEL, META_POSITION, DELETED, DATA };

static gw_status
status_of(const PGresult *rows, int row)
{
    if (PQgetisnull(rows, row, DELETED))
        return GW_STATUS_NONE;
    return gw_pg_bool(rows, row, DELETED) ? GW_STATUS_DELETED : GW_STATUS_ALIVE;
}

/* A row of either table; its level -1 stands for the last. */
static gw_saved_row
row_of(const PGresult *rows, int row)
{
    return (gw_saved_row){
        .level = gw_pg_int(rows, row, LEVEL),
        .meta_position = gw_pg_int(rows, row, META_POSITION),
        .status = status_of(rows, row),
        .data = gw_pg_text(rows, row, DATA),
    };
}

/* Sends what is to be seen; *is_there false when nothing was ever saved. */
static gw_code
look_for_saved(gw_pg *s, bool *is_there, gw_error *err)
{
    gw_pg_tables tables = {0};
    gw_code code = s->is_cutover ? gw_pg_flush(s, err) : GW_OK;

    if (code == GW_OK && !s->has_saved) {
        code = gw_pg_tables_of(gw_pg_reader(s), &tables, err);
        s->has_saved = code == GW_OK && tables.made;
    }
    *is_there = s->has_saved;
    return code;
}

/* One statement for all levels, so that it is one view of the store. */
gw_code
gw_pg_keyframe_load(gw_store *store, gw_slice fqid, gw_model *models,
                    size_t levels, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    PGresult *rows = NULL;
    bool is_there = false;
    gw_code code = look_for_saved(s, &is_there, err);

    if (code != GW_OK || !is_there)
        return code;
    gw_pg_add_text(&p, fqid);
    code = gw_pg_run(gw_pg_reader(s), GW_PG_SAVED_MODEL, &p, &rows, err);
    if (code != GW_OK)
        return code;
    gw_saved_levels l = gw_saved_begin(&s->reader_arena, models, levels);
    for (int i = 0; i < PQntuples(rows) && code == GW_OK; i++) {
        gw_saved_row saved = row_of(rows, i);
        code = gw_saved_take(&l, &saved, err);
    }
    PQclear(rows);
    return gw_saved_end(&l, code, fqid, err);
}

typedef struct listing {
    gw_code (*found)(void *arg, gw_slice fqid, gw_error *err);
    void *arg;
} listing;

static gw_code
visit_row(void *arg, PGresult *rows, int row, gw_error *err)
{
    const listing *l = arg;

    return l->found(l->arg, gw_pg_text(rows, row, 0), err);
}

gw_code
gw_pg_keyframe_list(gw_store *store, gw_slice collection,
                    gw_code (*found)(void *arg, gw_slice fqid, gw_error *err),
                    void *arg, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_conn *conn = gw_pg_reader(s);
    listing l = {found, arg};
    bool is_there = false;
    gw_code code = look_for_saved(s, &is_there, err);

    if (code != GW_OK || !is_there)
        return code;
    code = gw_pg_begin_view(conn, err);
    if (code != GW_OK)
        return code;
    code = gw_pg_each(conn,
                      "SELECT fqid::text FROM godwit_models"
                      " WHERE split_part(fqid, '/', 1) = $1::text"
                      " UNION SELECT fqid FROM godwit_levels"
                      " WHERE split_part(fqid, '/', 1) = $1::text"
                      " AND fqid <> $1::text",
                      collection, visit_row, &l, err);
    gw_pg_end_view(conn);
    return code;
}
