/* SPDX-License-Identifier: Apache-2.0 */
/* Saved keyframes. godwit_models holds the last level, as it will be live.
 * A lower level is taken to be as the one above it; a row says where it is
 * not. Migrations that do not look at models so cost no rows. */
#include <sqlite3.h>

#include "store/sqlite_priv.h"

/* ---- loading ---- */

static gw_status
status_of(sqlite3_stmt *statement, int column)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return GW_STATUS_NONE;
    return sqlite3_column_int(statement, column) ? GW_STATUS_DELETED
                                                 : GW_STATUS_ALIVE;
}

enum column { LEVEL, META_POSITION, DELETED, DATA };

/* A row of either table; its level -1 stands for the last. */
static gw_saved_row
row_of(sqlite3_stmt *statement)
{
    return (gw_saved_row){
        .level = sqlite3_column_int64(statement, LEVEL),
        .meta_position = sqlite3_column_int64(statement, META_POSITION),
        .status = status_of(statement, DELETED),
        .data = gw_sqlite_text(statement, DATA),
    };
}

/* One statement for all levels, so that it is one view of the store. */
gw_code
gw_sqlite_keyframe_load(gw_store *store, gw_slice fqid, gw_model *models,
                        size_t levels, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    sqlite3_stmt *statement = NULL;
    bool row = true;
    gw_code code =
        gw_sqlite_get(&s->reader, GW_SQL_SAVED_MODEL, &statement, err);

    if (code != GW_OK)
        return code;
    gw_saved_levels l = gw_saved_begin(&s->reader_arena, models, levels);
    gw_sqlite_bind(statement, 1, fqid);
    while (code == GW_OK) {
        code = gw_sqlite_step(&s->reader, statement, &row, err);
        if (code != GW_OK || !row)
            break;
        gw_saved_row saved = row_of(statement);
        code = gw_saved_take(&l, &saved, err);
    }
    (void)sqlite3_reset(statement);
    return gw_saved_end(&l, code, fqid, err);
}

/* Those of godwit_models, then those that only a lower level has. */
gw_code
gw_sqlite_keyframe_list(gw_store *store, gw_slice collection,
                        gw_code (*found)(void *arg, gw_slice fqid,
                                         gw_error *err),
                        void *arg, gw_error *err)
{
    static const char sql[] =
        "SELECT fqid FROM godwit_models"
        " WHERE fqid >= ?1 || '/' AND fqid < ?1 || '0'"
        " UNION ALL SELECT DISTINCT fqid FROM migration_keyframe_models AS k"
        " WHERE fqid >= ?1 || '/' AND fqid < ?1 || '0' AND NOT EXISTS"
        " (SELECT 1 FROM godwit_models AS m WHERE m.fqid = k.fqid)";
    gw_sqlite_conn *conn = &gw_sqlite_of(store)->reader;
    sqlite3_stmt *statement = NULL;
    bool row = true;
    gw_code code = gw_sqlite_prepare(conn, sql, &statement, err);

    if (code == GW_OK)
        gw_sqlite_bind(statement, 1, collection);
    while (code == GW_OK) {
        code = gw_sqlite_step(conn, statement, &row, err);
        if (code != GW_OK || !row)
            break;
        code = found(arg, gw_sqlite_text(statement, 0), err);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

/* ---- saving ---- */

static gw_slice
model_json(gw_buf *buf, const gw_model *model)
{
    buf->len = 0;
    gw_model_put_json(buf, model);
    return gw_buf_as_slice(buf);
}

static gw_code
put_last(gw_sqlite *s, gw_slice fqid, const gw_model *model, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool is_there = model->status != GW_STATUS_NONE;
    gw_code code = gw_sqlite_get(&s->writer,
                                 is_there ? GW_SQL_PUT_SAVED_MODEL
                                          : GW_SQL_DELETE_SAVED_MODEL,
                                 &statement, err);

    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, fqid);
    if (is_there) {
        gw_sqlite_bind(statement, 2, model_json(&s->buf, model));
        (void)sqlite3_bind_int(statement, 3,
                               model->status == GW_STATUS_DELETED);
        gw_sqlite_bind(statement, 4, gw_slice_of(s->now));
        gw_sequences_note(&s->made_ids, fqid);
    }
    return gw_sqlite_finish(&s->writer, statement, err);
}

static gw_code
put_level(gw_sqlite *s, gw_slice fqid, size_t level, const gw_model *model,
          gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_get(&s->writer, GW_SQL_PUT_LEVEL, &statement, err);

    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, fqid);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)level);
    (void)sqlite3_bind_int64(statement, 3, model->meta_position);
    if (model->status == GW_STATUS_NONE)
        (void)sqlite3_bind_null(statement, 4);
    else
        (void)sqlite3_bind_int(statement, 4,
                               model->status == GW_STATUS_DELETED);
    gw_sqlite_bind(statement, 5,
                   model->state ? model_json(&s->buf, model) : (gw_slice){0});
    s->has_levels = true;
    return gw_sqlite_finish(&s->writer, statement, err);
}

static gw_code
delete_levels(gw_sqlite *s, gw_slice fqid, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code =
        gw_sqlite_get(&s->writer, GW_SQL_DELETE_LEVELS, &statement, err);

    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, fqid);
    return gw_sqlite_finish(&s->writer, statement, err);
}

static gw_code
keep_unsaved(gw_sqlite *s, gw_slice fqid, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code =
        gw_sqlite_get(&s->writer, GW_SQL_KEEP_UNSAVED, &statement, err);

    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, fqid);
    (void)sqlite3_bind_int64(statement, 2, s->saved_position);
    return gw_sqlite_finish(&s->writer, statement, err);
}

gw_code
gw_sqlite_keyframe_put(gw_store *store, const gw_saved_model *model,
                       gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    const gw_model *above = &model->at[model->levels - 1];
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK && s->saved_position > 0 && !s->is_cutover)
        code = keep_unsaved(s, model->fqid, err);
    if (code == GW_OK)
        code = put_last(s, model->fqid, above, err);
    if (code == GW_OK && s->has_levels)
        code = delete_levels(s, model->fqid, err);
    for (size_t i = model->levels - 1; i-- > 0 && code == GW_OK;) {
        if (gw_saved_is_inherited(&model->at[i], above))
            continue;
        above = &model->at[i];
        code = put_level(s, model->fqid, i, above, err);
    }
    return code;
}

/* ---- a save in several transactions ---- */

gw_code
gw_sqlite_keyframe_yield(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    if (s->is_cutover || !gw_sqlite_is_long(s))
        return GW_OK;
    s->is_parted = true;
    gw_code code = gw_sqlite_commit(store, err);
    if (code == GW_OK) {
        gw_sqlite_make_way(store);
        code = gw_sqlite_begin(store, false, err);
    }
    s->is_parted = false;
    return code;
}
