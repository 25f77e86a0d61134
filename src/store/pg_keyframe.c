/* SPDX-License-Identifier: Apache-2.0 */
/* Saved keyframes. godwit_models holds the last level, as it will be live.
 * A lower level is taken to be as the one above it; a row of godwit_levels
 * says where it is not. */
#include <libpq-fe.h>

#include "base/limits.h"
#include "store/pg_priv.h"

#define PIECE_BYTES ((size_t)GW_MIB)

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
static gw_code
load_row(gw_arena *arena, const PGresult *rows, int row, gw_model *models,
         bool *is_set, size_t levels, gw_error *err)
{
    int64_t level = gw_pg_int(rows, row, LEVEL);
    size_t i = level < 0 ? levels - 1 : (size_t)level;
    gw_model model = {.status = status_of(rows, row)};
    gw_slice data = gw_pg_text(rows, row, DATA);
    gw_code code = GW_OK;

    if (i >= levels || is_set[i])
        return gw_fail(err, GW_E_INPUT,
                       "level %lld does not belong there; `godwit reset` "
                       "begins again",
                       (long long)level);
    if (data.at)
        code = gw_model_parse(arena, data, model.status == GW_STATUS_DELETED,
                              &model, err);
    if (code != GW_OK)
        return code;
    if (level >= 0)
        model.meta_position = gw_pg_int(rows, row, META_POSITION);
    models[i] = model;
    is_set[i] = true;
    return GW_OK;
}

static void
inherit(gw_model *models, const bool *is_set, size_t levels)
{
    for (size_t i = levels - 1; i-- > 0;) {
        if (is_set[i])
            continue;
        models[i] = models[i + 1];
        models[i].state = gw_state_retain(models[i + 1].state);
    }
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
    gw_arena_reset(&s->reader_arena);
    bool *is_set = gw_arena_zalloc(&s->reader_arena, levels);
    for (int i = 0; i < PQntuples(rows) && code == GW_OK; i++)
        code = load_row(&s->reader_arena, rows, i, models, is_set, levels, err);
    PQclear(rows);
    if (code == GW_OK) {
        inherit(models, is_set, levels);
        return GW_OK;
    }
    for (size_t i = 0; i < levels; i++) {
        gw_state_release((gw_state *)models[i].state);
        models[i] = (gw_model){0};
    }
    return gw_fail_prefix(err, "the saved model %.*s: ", GW_FMT(fqid));
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

static gw_slice
model_json(gw_buf *buf, const gw_model *model)
{
    buf->len = 0;
    gw_model_put_json(buf, model);
    return gw_buf_as_slice(buf);
}

static gw_code
run_for(gw_pg *s, gw_pg_sql which, gw_slice fqid, gw_error *err)
{
    gw_pg_params p = {0};

    gw_pg_add_text(&p, fqid);
    return gw_pg_run(&s->writer, which, &p, NULL, err);
}

static gw_code
put_last(gw_pg *s, gw_slice fqid, const gw_model *model, gw_error *err)
{
    gw_code code = GW_OK;

    if (model->status == GW_STATUS_NONE) {
        code = gw_pg_flush(s, err);
        return code == GW_OK ? run_for(s, GW_PG_DELETE_SAVED_MODEL, fqid, err)
                             : code;
    }
    gw_pg_add_model(&s->saved, fqid, model_json(&s->buf, model),
                    model->status == GW_STATUS_DELETED);
    gw_sequences_note(&s->made_ids, fqid);
    return s->saved.len >= PIECE_BYTES ? gw_pg_flush(s, err) : GW_OK;
}

/* Whether loading would give `model` (or more than it keeps) where the level
 * above gives `above`. */
static bool
is_inherited(const gw_model *model, const gw_model *above)
{
    if (model->status != above->status)
        return false;
    if (model->status == GW_STATUS_NONE || !model->state)
        return true;
    return model->state == above->state &&
           model->meta_position == above->meta_position;
}

static gw_code
put_level(gw_pg *s, gw_slice fqid, size_t level, const gw_model *model,
          gw_error *err)
{
    gw_pg_params p = {0};

    gw_pg_add_text(&p, fqid);
    gw_pg_add_int(&p, (int64_t)level);
    gw_pg_add_int(&p, model->meta_position);
    if (model->status == GW_STATUS_NONE)
        gw_pg_add_null(&p);
    else
        gw_pg_add_int(&p, model->status == GW_STATUS_DELETED);
    if (model->state)
        gw_pg_add_text(&p, model_json(&s->buf, model));
    else
        gw_pg_add_null(&p);
    s->has_levels = true;
    return gw_pg_run(&s->writer, GW_PG_PUT_LEVEL, &p, NULL, err);
}

gw_code
gw_pg_keyframe_put(gw_store *store, const gw_saved_model *model, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    const gw_model *above = &model->at[model->levels - 1];
    gw_code code = gw_pg_ensure_made(s, err);

    if (code == GW_OK)
        code = put_last(s, model->fqid, above, err);
    if (code == GW_OK && s->has_levels)
        code = run_for(s, GW_PG_DELETE_LEVELS, model->fqid, err);
    for (size_t i = model->levels - 1; i-- > 0 && code == GW_OK;) {
        if (is_inherited(&model->at[i], above))
            continue;
        above = &model->at[i];
        code = put_level(s, model->fqid, i, above, err);
    }
    return code;
}
