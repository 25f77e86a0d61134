/* SPDX-License-Identifier: Apache-2.0 */
/* Model migrations over the writing side of a store: they see what the
 * cutover transaction has made so far. */
#include <stdlib.h>

#include "base/limits.h"
#include "engine/models.h"
#include "engine/plan.h"

/* ---- requests to events ---- */

static void
split_update(gw_event_list *out, const gw_event *request)
{
    gw_event update = *request;
    gw_event remove = {.type = GW_EVENT_DELETEFIELDS, .fqid = request->fqid};
    update.raw = (gw_slice){0};
    update.set = gw_fields_copy(out->arena, (gw_fields){0}, request->set.n);
    remove.cut = gw_fields_copy(out->arena, (gw_fields){0}, request->set.n);
    for (size_t i = 0; i < request->set.n; i++) {
        const gw_field *field = &request->set.at[i];
        if (gw_json_kind_of(field->value) == GW_JSON_NULL) {
            remove.cut.at[remove.cut.n++] = *field;
        } else {
            update.set.at[update.set.n++] = *field;
        }
    }
    if (update.set.n > 0) {
        gw_event_list_add(out, &update);
    }
    if (remove.cut.n > 0) {
        gw_event_list_add(out, &remove);
    }
}

gw_code
gw_models_split(const gw_event_list *requests, gw_event_list *out,
                gw_error *err)
{
    gw_code code = GW_OK;
    for (size_t i = 0; i < requests->n; i++) {
        const gw_event *request = &requests->at[i];
        if (request->type == GW_EVENT_UPDATE) {
            split_update(out, request);
        } else if (!gw_event_is_noop(request)) {
            gw_event_list_add(out, request);
        }
    }
    for (size_t i = 0; code == GW_OK && i < out->n; i++) {
        code = gw_event_check(out->arena, &out->at[i], err);
    }
    return code;
}

/* ---- reading ---- */

static gw_code
parse_model(gw_arena *arena, gw_slice fqid, gw_slice data, bool deleted,
            gw_read_model *out, gw_error *err)
{
    out->deleted = deleted;
    gw_code code = gw_fqid_parse(fqid, &out->fqid, err);
    if (code == GW_OK) {
        code = gw_json_object(arena, data, &out->fields, err);
        if (code != GW_OK) {
            gw_fail_prefix(err, "model %.*s: ", GW_FMT(fqid));
        }
    }
    return code;
}

static gw_code
reader_get(gw_reader *r, gw_slice fqid, gw_read_model *out, bool *found,
           gw_error *err)
{
    const gw_run *run = r->engine;
    gw_slice data = {0};
    bool deleted = false;
    bool is_there = false;
    gw_code code = gw_store_model_now(run->store, r->arena, fqid, &data,
                                      &deleted, &is_there, err);
    if (code == GW_OK && is_there) {
        gw_slice own = gw_arena_dup(r->arena, fqid);
        code = parse_model(r->arena, own, data, deleted, out, err);
    }
    if (code == GW_OK) {
        *found = is_there;
    }
    return code;
}

struct each {
    gw_arena arena;
    gw_code (*visit)(void *arg, const gw_read_model *model, gw_error *err);
    void *arg;
};

static gw_code
visit_model(void *arg, gw_slice fqid, gw_slice data, bool deleted,
            gw_error *err)
{
    struct each *each = arg;
    gw_read_model model = {0};
    gw_arena_reset(&each->arena);
    gw_code code = parse_model(&each->arena, fqid, data, deleted, &model, err);
    return code == GW_OK ? each->visit(each->arg, &model, err) : code;
}

static gw_code
reader_each(gw_reader *r, gw_slice collection,
            gw_code (*visit)(void *arg, const gw_read_model *model,
                             gw_error *err),
            void *arg, gw_error *err)
{
    const gw_run *run = r->engine;
    struct each each = {.visit = visit, .arg = arg};
    gw_arena_init(&each.arena);
    gw_code code =
        gw_store_models_now(run->store, collection, visit_model, &each, err);
    gw_arena_clear(&each.arena);
    return code;
}

static gw_code
reader_history(gw_reader *r, int64_t from, int64_t to,
               gw_code (*visit)(void *arg, const gw_position *p, gw_error *err),
               void *arg, gw_error *err)
{
    const gw_run *run = r->engine;
    gw_batch batch;
    gw_code code = GW_OK;
    int64_t after = from < 1 ? 0 : from - 1;
    gw_batch_init(&batch);
    while (code == GW_OK && to > after) {
        code = gw_store_read_now(run->store, after, to,
                                 gw_store_batch(run->store), &batch, err);
        if (batch.n == 0) {
            break;
        }
        for (size_t i = 0; code == GW_OK && i < batch.n; i++) {
            after = batch.positions[i].position;
            code = visit(arg, &batch.positions[i], err);
        }
    }
    gw_batch_clear(&batch);
    return code;
}

static gw_code
reader_max_position(gw_reader *r, int64_t *out, gw_error *err)
{
    const gw_run *run = r->engine;
    return gw_store_max_position_now(run->store, out, err);
}

static void
reader_log(gw_reader *r, gw_slice line)
{
    const gw_run *run = r->engine;
    gw_run_print(run, "%.*s", GW_FMT(line));
}

static const gw_reader_ops reader_ops = {
    .get = reader_get,
    .each = reader_each,
    .max_position = reader_max_position,
    .history = reader_history,
    .log = reader_log,
};

/* ---- writing ---- */

static gw_code
apply_event(gw_store *store, gw_arena *arena, const gw_event *event,
            int64_t position, gw_error *err)
{
    static const gw_mask all = {.all = true};
    gw_slice data = {0};
    bool deleted = false;
    bool found = false;
    gw_model model = {0};
    gw_buf text = {0};
    gw_code code = gw_store_model_now(store, arena, event->fqid.text, &data,
                                      &deleted, &found, err);
    if (code == GW_OK && found) {
        code = gw_model_parse(arena, data, deleted, &model, err);
    }
    if (code == GW_OK) {
        code = gw_model_apply(&model, event, position, &all, err);
    }
    if (code == GW_OK) {
        gw_model_put_json(&text, &model);
        code =
            gw_store_put_model(store, event->fqid.text, gw_buf_as_slice(&text),
                               model.status == GW_STATUS_DELETED, err);
    }
    gw_state_release((gw_state *)model.state);
    gw_buf_clear(&text);
    return code;
}

static gw_code
write_position(const gw_run *run, const gw_event_list *events, gw_error *err)
{
    gw_position p = {
        .migration_index = gw_migrations_target(run->migrations),
        .events = {events->at, events->n},
    };
    int64_t number = 0;
    gw_arena arena;
    gw_code code = gw_store_append(run->store, &p, &number, err);
    gw_arena_init(&arena);
    for (size_t i = 0; code == GW_OK && i < events->n; i++) {
        gw_arena_reset(&arena);
        code = apply_event(run->store, &arena, &events->at[i], number, err);
    }
    gw_arena_clear(&arena);
    return code;
}

static gw_code
run_migration(const gw_run *run, const gw_migration *m, gw_error *err)
{
    gw_arena arena;
    gw_arena_init(&arena);
    gw_reader reader = {&arena, false, m->index, (void *)run, &reader_ops};
    gw_event_list requests = {.arena = &arena};
    gw_event_list events = {.arena = &arena};

    gw_run_print(run, "Running model migration %s.", m->file);
    gw_code code = GW_OK;
    if (m->ops->restart != NULL) {
        code = m->ops->restart(m->self, err);
    }
    if (code == GW_OK) {
        code = m->ops->migrate_models(m->self, &reader, &requests, err);
    }
    if (code == GW_OK) {
        code = gw_models_split(&requests, &events, err);
    }
    if (code == GW_OK && events.n > 0) {
        code = write_position(run, &events, err);
    }
    if (code != GW_OK && strstr(err->text, m->file) == NULL) {
        gw_fail_suffix(err, " (%s)", m->file);
    }
    gw_arena_clear(&arena);
    return code == GW_E_INPUT ? GW_E_MIGRATION : code;
}

gw_code
gw_models_run(const gw_run *run, int64_t start_index, gw_error *err)
{
    gw_code code = GW_OK;
    gw_run_phase(run, GW_PHASE_MODELS);
    for (size_t i = run->migrations->n_events;
         code == GW_OK && i < run->migrations->n; i++) {
        if (run->migrations->at[i].index > start_index) {
            code = run_migration(run, &run->migrations->at[i], err);
        }
    }
    return code;
}
