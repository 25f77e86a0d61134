/* SPDX-License-Identifier: Apache-2.0 */
/* Saved keyframes. godwit_models holds the last level, as it will be live.
 * A lower level is taken to be as the one above it; a row of godwit_levels
 * says where it is not. */
#include <inttypes.h>
#include <libpq-fe.h>

#include "base/limits.h"
#include "store/pg_priv.h"

#define PIECE_BYTES ((size_t)128 * GW_KIB)
#define LEVELS_BYTES ((size_t)4 * GW_MIB)

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
                      " WHERE split_part(fqid, '/', 1) = $1::text",
                      collection, visit_row, &l, err);
    gw_pg_end_view(conn);
    return code;
}

/* ---- saving ---- */

/* The first save goes right into the tables, in the order that the server
 * likes best. Any later one is laid down beside them, and replaces what is
 * there when all of it has come. */
#define COPY_MODELS "COPY godwit_models (fqid, data, deleted) FROM STDIN"
#define COPY_LEVELS                                                            \
    "COPY godwit_levels (fqid, level, meta_position, deleted, data) FROM "     \
    "STDIN"
#define COPY_SAVING                                                            \
    "COPY godwit_saving (fqid, level, meta_position, deleted, data) FROM "     \
    "STDIN"

static gw_code
send_saved(gw_pg *s, gw_error *err)
{
    gw_code code = GW_OK;

    if (s->saved.len > 0)
        code = gw_pg_copy_more(&s->writer,
                               s->is_first_save ? COPY_MODELS : COPY_SAVING,
                               gw_buf_as_slice(&s->saved), err);
    s->saved.len = 0;
    return code;
}

static gw_code
send_levels(gw_pg *s, gw_error *err)
{
    gw_code code = GW_OK;

    if (s->levels.len > 0)
        code = gw_pg_copy_more(&s->writer,
                               s->is_first_save ? COPY_LEVELS : COPY_SAVING,
                               gw_buf_as_slice(&s->levels), err);
    s->levels.len = 0;
    return code;
}

static gw_code
merge_saved(gw_pg *s, gw_error *err)
{
    static const gw_pg_sql steps[] = {
        GW_PG_UNSAVE_LEVELS,
        GW_PG_UNSAVE_MODELS,
        GW_PG_SAVE_MODELS,
        GW_PG_SAVE_LEVELS,
    };
    gw_code code = GW_OK;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (code == GW_OK)
            code = gw_pg_run(&s->writer, steps[i], NULL, NULL, err);
    }
    if (code != GW_OK)
        return code;
    /* a cutover drops the table; TRUNCATE would take its time */
    return s->is_cutover
               ? gw_pg_run(&s->writer, GW_PG_CLEAR_SAVING, NULL, NULL, err)
               : gw_pg_exec(&s->writer, "TRUNCATE godwit_saving",
                            "saving models", err);
}

gw_code
gw_pg_flush_saved(gw_pg *s, gw_error *err)
{
    gw_code code = GW_OK;

    if (!s->is_saving)
        return GW_OK;
    s->is_saving = false;
    code = send_saved(s, err);
    if (code == GW_OK)
        code = send_levels(s, err);
    if (code == GW_OK)
        code = gw_pg_copy_end(&s->writer, err);
    if (code == GW_OK)
        code = s->is_first_save ? gw_pg_section(&s->writer, "index_events", err)
                                : merge_saved(s, err);
    s->is_first_save = false;
    return code;
}

/* deleted, or nothing where there is no model */
static void
put_deleted(gw_buf *out, const gw_model *model)
{
    if (model->status == GW_STATUS_NONE)
        gw_buf_text(out, "\\N");
    else
        gw_buf_byte(out, model->status == GW_STATUS_DELETED ? 't' : 'f');
}

static void
put_data(gw_pg *s, gw_buf *out, const gw_model *model)
{
    s->buf.len = 0;
    gw_model_put_json(&s->buf, model);
    gw_pg_put_copy(out, gw_buf_as_slice(&s->buf));
}

static gw_code
put_last(gw_pg *s, gw_slice fqid, const gw_model *model, gw_error *err)
{
    gw_buf *out = &s->saved;

    if (model->status == GW_STATUS_NONE && s->is_first_save)
        return GW_OK;
    gw_pg_put_copy(out, fqid);
    gw_buf_text(out, s->is_first_save ? "\t" : "\t\\N\t\\N\t");
    if (s->is_first_save) {
        put_data(s, out, model);
        gw_buf_byte(out, '\t');
        put_deleted(out, model);
    } else {
        put_deleted(out, model);
        gw_buf_byte(out, '\t');
        put_data(s, out, model);
    }
    gw_buf_byte(out, '\n');
    if (model->status != GW_STATUS_NONE)
        gw_sequences_note(&s->made_ids, fqid);
    return out->len >= PIECE_BYTES ? send_saved(s, err) : GW_OK;
}

static gw_code
put_level(gw_pg *s, gw_slice fqid, size_t level, const gw_model *model,
          gw_error *err)
{
    gw_buf *out = &s->levels;

    gw_pg_put_copy(out, fqid);
    gw_buf_printf(out, "\t%zu\t%" PRId64 "\t", level, model->meta_position);
    put_deleted(out, model);
    gw_buf_byte(out, '\t');
    if (model->state)
        put_data(s, out, model);
    else
        gw_buf_text(out, "\\N");
    gw_buf_byte(out, '\n');
    return out->len >= LEVELS_BYTES ? send_levels(s, err) : GW_OK;
}

gw_code
gw_pg_keyframe_put(gw_store *store, const gw_saved_model *model, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    const gw_model *above = &model->at[model->levels - 1];
    gw_code code = gw_pg_ensure_made(s, err);

    s->is_saving = true;
    if (code == GW_OK)
        code = put_last(s, model->fqid, above, err);
    for (size_t i = model->levels - 1; i-- > 0 && code == GW_OK;) {
        if (gw_saved_is_inherited(&model->at[i], above))
            continue;
        above = &model->at[i];
        code = put_level(s, model->fqid, i, above, err);
    }
    return code;
}
