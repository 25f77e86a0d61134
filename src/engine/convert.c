/* SPDX-License-Identifier: Apache-2.0 */
/* convert: models brought to the target index in memory. They come as one
 * position that creates them all; the keyframes behind the last stage are
 * the result, and what model migrations read and write. */
#include <stdlib.h>

#include "base/limits.h"
#include "engine/models.h"
#include "engine/pipeline.h"
#include "engine/plan.h"

struct memory {
    const gw_run *run;
    gw_arena *arena;
    gw_keyframes *keyframes;
    size_t level;
    int64_t position;
    gw_event_list written; /* everything that made or changed a model */
};

/* ---- in ---- */

static gw_code
read_model(gw_arena *arena, const gw_field *model, gw_event *out, gw_error *err)
{
    gw_event event = {.type = GW_EVENT_CREATE};
    gw_fields fields;
    gw_code code = gw_fqid_parse(model->key, &event.fqid, err);
    if (code == GW_OK) {
        code = gw_json_object(arena, model->value, &fields, err);
        if (code != GW_OK) {
            gw_fail_prefix(err, "%.*s: ", GW_FMT(model->key));
        }
    }
    if (code != GW_OK) {
        return code;
    }
    event.set = gw_fields_copy(arena, (gw_fields){0}, fields.n);
    for (size_t i = 0; i < fields.n; i++) {
        gw_slice key = fields.at[i].key;
        if (!gw_slice_equal(key, GW_LIT("meta_position")) &&
            !gw_slice_equal(key, GW_LIT("meta_deleted"))) {
            event.set.at[event.set.n++] = fields.at[i];
        }
    }
    code = gw_event_check(arena, &event, err);
    if (code == GW_OK) {
        *out = event;
    }
    return code;
}

static gw_code
read_models(gw_arena *arena, gw_slice text, gw_position *out, gw_error *err)
{
    gw_fields models;
    gw_code code = gw_json_object(arena, text, &models, err);
    if (code != GW_OK) {
        return code;
    }
    gw_event *events = GW_ARENA_NEW(arena, gw_event, models.n + 1);
    for (size_t i = 0; code == GW_OK && i < models.n; i++) {
        code = read_model(arena, &models.at[i], &events[i], err);
    }
    out->position = 1;
    out->timestamp = GW_LIT("");
    out->events = (gw_events){events, models.n};
    return code;
}

/* ---- the models for model migrations ---- */

static gw_read_model
to_read_model(gw_arena *arena, gw_slice fqid, const gw_model *model)
{
    gw_read_model out = {.deleted = model->status == GW_STATUS_DELETED};
    size_t n = gw_state_count(model->state);
    size_t cursor = 0;
    gw_field field;
    (void)!gw_fqid_parse(fqid, &out.fqid, NULL);
    out.fields.at = GW_ARENA_NEW(arena, gw_field, n + 2);
    while (gw_state_next(model->state, &cursor, &field)) {
        out.fields.at[out.fields.n++] = (gw_field){
            gw_arena_dup(arena, field.key), gw_arena_dup(arena, field.value)};
    }
    out.fields.at[out.fields.n++] = (gw_field){
        GW_LIT("meta_deleted"), out.deleted ? GW_LIT("true") : GW_LIT("false")};
    out.fields.at[out.fields.n++] =
        (gw_field){GW_LIT("meta_position"),
                   gw_slice_of(gw_arena_printf(
                       arena, "%lld", (long long)model->meta_position))};
    return out;
}

static gw_code
memory_get(gw_reader *r, gw_slice fqid, gw_read_model *out, bool *found,
           gw_error *err)
{
    struct memory *memory = r->engine;
    gw_model model;
    gw_code code =
        gw_keyframes_get(memory->keyframes, memory->level, fqid, &model, err);
    if (code == GW_OK) {
        *found = model.status != GW_STATUS_NONE;
        if (*found) {
            *out =
                to_read_model(r->arena, gw_arena_dup(r->arena, fqid), &model);
        }
    }
    return code;
}

struct fqids {
    gw_arena *arena;
    gw_slice *at;
    size_t n, room;
};

static gw_code
add_fqid(void *arg, gw_slice fqid, gw_error *err)
{
    struct fqids *list = arg;
    (void)err;
    if (list->n == list->room) {
        list->room = list->room * 2 + 64;
        list->at = gw_realloc(list->at, list->room * sizeof(gw_slice));
    }
    list->at[list->n++] = gw_arena_dup(list->arena, fqid);
    return GW_OK;
}

static int
compare_ids(const void *a, const void *b)
{
    const gw_slice *x = a;
    const gw_slice *y = b;
    if (x->len != y->len) {
        return x->len < y->len ? -1 : 1;
    }
    return gw_slice_compare(*x, *y);
}

static gw_code
memory_each(gw_reader *r, gw_slice collection,
            gw_code (*visit)(void *arg, const gw_read_model *model,
                             gw_error *err),
            void *arg, gw_error *err)
{
    struct memory *memory = r->engine;
    struct fqids list = {.arena = r->arena};
    gw_code code =
        gw_keyframes_each(memory->keyframes, collection, add_fqid, &list, err);
    if (list.n > 1) {
        qsort(list.at, list.n, sizeof(gw_slice), compare_ids);
    }
    for (size_t i = 0; code == GW_OK && i < list.n; i++) {
        gw_read_model model;
        bool found = false;
        code = memory_get(r, list.at[i], &model, &found, err);
        if (code == GW_OK && found) {
            code = visit(arg, &model, err);
        }
    }
    free(list.at);
    return code;
}

static gw_code
memory_max_position(gw_reader *r, int64_t *out, gw_error *err)
{
    struct memory *memory = r->engine;
    (void)err;
    *out = memory->position;
    return GW_OK;
}

static gw_code
memory_history(gw_reader *r, int64_t from, int64_t to,
               gw_code (*visit)(void *arg, const gw_position *p, gw_error *err),
               void *arg, gw_error *err)
{
    (void)r, (void)from, (void)to, (void)visit, (void)arg, (void)err;
    return GW_OK; /* models in memory have none */
}

static void
memory_log(gw_reader *r, gw_slice line)
{
    struct memory *memory = r->engine;
    gw_run_print(memory->run, "%.*s", GW_FMT(line));
}

static const gw_reader_ops memory_ops = {
    .get = memory_get,
    .each = memory_each,
    .max_position = memory_max_position,
    .history = memory_history,
    .log = memory_log,
};

static gw_code
run_model_migration(struct memory *memory, const gw_migration *m, gw_error *err)
{
    gw_reader reader = {memory->arena, true, m->index, memory, &memory_ops};
    gw_event_list requests = {.arena = memory->arena};
    gw_event_list events = {.arena = memory->arena};
    gw_code code =
        m->ops->restart == NULL ? GW_OK : m->ops->restart(m->self, err);
    if (code == GW_OK) {
        code = m->ops->migrate_models(m->self, &reader, &requests, err);
    }
    if (code == GW_OK) {
        code = gw_models_split(&requests, &events, err);
    }
    if (code == GW_OK && events.n > 0) {
        gw_keyframes_begin(memory->keyframes, ++memory->position);
    }
    for (size_t i = 0; code == GW_OK && i < events.n; i++) {
        code = gw_keyframes_apply(memory->keyframes, memory->level,
                                  &events.at[i], err);
        gw_event_list_add(&memory->written, &events.at[i]);
    }
    if (code != GW_OK && strstr(err->text, m->file) == NULL) {
        gw_fail_suffix(err, " (%s)", m->file);
    }
    return code;
}

/* ---- out ---- */

static int
compare_events(const void *a, const void *b)
{
    return gw_slice_compare(((const gw_event *)a)->fqid.text,
                            ((const gw_event *)b)->fqid.text);
}

static void
put_model(gw_buf *out, gw_slice fqid, const gw_model *model)
{
    gw_field field;
    size_t cursor = 0;
    const char *between = "";
    gw_json_put_string(out, fqid);
    gw_buf_text(out, ":{");
    while (gw_state_next(model->state, &cursor, &field)) {
        gw_buf_text(out, between);
        gw_json_put_string(out, field.key);
        gw_buf_byte(out, ':');
        gw_buf_slice(out, field.value);
        between = ",";
    }
    gw_buf_byte(out, '}');
}

static gw_code
put_models(struct memory *memory, gw_buf *out, gw_error *err)
{
    gw_event_list *list = &memory->written;
    gw_code code = GW_OK;
    const char *between = "";
    if (list->n > 1) {
        qsort(list->at, list->n, sizeof(gw_event), compare_events);
    }
    gw_buf_byte(out, '{');
    for (size_t i = 0; code == GW_OK && i < list->n; i++) {
        gw_slice fqid = list->at[i].fqid.text;
        gw_model model = {0};
        if (i > 0 && gw_slice_equal(fqid, list->at[i - 1].fqid.text)) {
            continue;
        }
        code = gw_keyframes_get(memory->keyframes, memory->level, fqid, &model,
                                err);
        if (code == GW_OK && model.status == GW_STATUS_ALIVE) {
            gw_buf_text(out, between);
            put_model(out, fqid, &model);
            between = ",";
        }
    }
    gw_buf_text(out, "}\n");
    return code;
}

static gw_code
check_index(const gw_run *run, int64_t from_index, gw_error *err)
{
    int64_t target = gw_migrations_target(run->migrations);
    if (from_index >= 1 && from_index <= target) {
        return GW_OK;
    }
    return gw_fail(err, GW_E_USAGE,
                   "models cannot be at migration index %lld: the "
                   "registered migrations lead from 1 to %lld",
                   (long long)from_index, (long long)target);
}

static gw_code
convert(struct memory *memory, gw_pipeline *pipeline, int64_t from_index,
        gw_slice models, gw_error *err)
{
    gw_position position = {0};
    const gw_migrations *all = memory->run->migrations;
    gw_code code = read_models(memory->arena, models, &position, err);
    if (code == GW_OK) {
        code = gw_pipeline_restart(pipeline, err);
    }
    if (code == GW_OK) {
        code = gw_pipeline_run(pipeline, memory->arena, &position, err);
    }
    for (size_t i = 0; code == GW_OK && i < position.events.n; i++) {
        gw_event_list_add(&memory->written, &position.events.at[i]);
    }
    for (size_t i = all->n_events; code == GW_OK && i < all->n; i++) {
        if (all->at[i].index > from_index) {
            code = run_model_migration(memory, &all->at[i], err);
        }
    }
    return code;
}

gw_code
gw_convert(const gw_run *run, int64_t from_index, gw_slice models, gw_buf *out,
           gw_error *err)
{
    gw_arena arena;
    gw_code code = check_index(run, from_index, err);
    if (code != GW_OK) {
        return code;
    }
    gw_arena_init(&arena);
    gw_pipeline *pipeline = gw_pipeline_new(run->migrations, from_index, NULL,
                                            run->print, run->print_arg);
    struct memory memory = {
        .run = run,
        .arena = &arena,
        .keyframes = gw_pipeline_keyframes(pipeline),
        .level = gw_pipeline_stages(pipeline),
        .position = 1,
        .written = {.arena = &arena},
    };
    code = convert(&memory, pipeline, from_index, models, err);
    if (code == GW_OK) {
        code = put_models(&memory, out, err);
    }
    gw_pipeline_free(pipeline);
    gw_arena_clear(&arena);
    return code;
}
