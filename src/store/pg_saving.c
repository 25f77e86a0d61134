/* SPDX-License-Identifier: Apache-2.0 */
/* Saving keyframes: see pg_keyframe.c for what lies where. */
#include <inttypes.h>
#include <libpq-fe.h>

#include "base/limits.h"
#include "store/pg_priv.h"

#define PIECE_BYTES ((size_t)128 * GW_KIB)
#define LEVELS_BYTES ((size_t)4 * GW_MIB)

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

/* ---- two who save ---- */

/* What a server does with a model takes it longer than us: the first save
 * goes over two sessions, a piece each in turn. The helper commits before
 * the writer does. Should the writer then fail, models lie there that the
 * run state says nothing of: nobody reads them, and the next save, of all
 * models again, replaces them. */
static gw_code
begin_helping(gw_pg *s, gw_error *err)
{
    gw_code code = gw_pg_exec(&s->helper, "BEGIN", "saving models", err);

    if (code == GW_OK)
        code = gw_pg_check_fence(s, &s->helper, err);
    if (code == GW_OK)
        code = gw_pg_exec(&s->helper, "SET LOCAL synchronous_commit = off",
                          "saving models", err);
    s->is_helping = code == GW_OK;
    return code;
}

static gw_code
end_helping(gw_pg *s, gw_error *err)
{
    gw_code code = GW_OK;

    if (!s->is_helping)
        return GW_OK;
    s->is_helping = false;
    code = gw_pg_copy_end(&s->helper, err);
    if (code == GW_OK)
        code = gw_pg_exec(&s->helper, "COMMIT", "saving models", err);
    gw_pg_conn_close(&s->helper);
    return code;
}

/* A server that has no session left for it: the writer does without. */
static gw_code
ensure_helper(gw_pg *s, gw_error *err)
{
    gw_error ignored;

    if (!s->may_help || s->is_helping)
        return GW_OK;
    if (gw_pg_conn_open(&s->helper, s->uri, s->store.name, &ignored) == GW_OK)
        return begin_helping(s, err);
    s->may_help = false;
    return GW_OK;
}

/* ---- rows on their way ---- */

static gw_code
send_first(gw_pg *s, gw_error *err)
{
    gw_code code = ensure_helper(s, err);
    bool is_helpers = s->is_helping && s->is_helpers_turn;

    s->is_helpers_turn = !s->is_helpers_turn;
    return code == GW_OK
               ? gw_pg_copy_more(is_helpers ? &s->helper : &s->writer,
                                 COPY_MODELS, gw_buf_as_slice(&s->saved), err)
               : code;
}

static gw_code
send_saved(gw_pg *s, gw_error *err)
{
    gw_code code = GW_OK;

    if (s->saved.len > 0 && s->is_first_save)
        code = send_first(s, err);
    else if (s->saved.len > 0)
        code = gw_pg_copy_more(&s->writer, COPY_SAVING,
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
        code = end_helping(s, err);
    if (code == GW_OK && !s->is_first_save)
        code = merge_saved(s, err);
    if (code == GW_OK && !s->is_cutover)
        code = gw_pg_section(&s->writer, "index_events", err);
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
