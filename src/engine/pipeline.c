/* SPDX-License-Identifier: Apache-2.0 */
/* A position through the stages. Level i of the keyframes is what stage i
 * (from 0) reads as its old side and i + 1 what it makes. */
#include <stdlib.h>

#include "engine/pipeline.h"

/* One stage at work on one position; what a migration's context points to */
struct work {
    gw_pipeline *pipeline;
    size_t stage;
    const gw_migration *migration;
    const gw_event *offered; /* in the order in which they are offered */
    size_t n;
    size_t current; /* the event that is offered now */
    bool is_offering;
    gw_event_list *made; /* of the event that is offered now */
    gw_state **held;     /* states made for old-side answers */
    size_t n_held, room_held;
};

struct gw_pipeline {
    const gw_migration *stages;
    size_t n_stages;
    gw_keyframes *keyframes;
    void (*print)(void *arg, gw_slice line);
    void *print_arg;
    gw_stage_seen seen;
    void *seen_arg;
};

static const gw_mask mask_all = {.all = true};

/* ---- what a level must keep ---- */

static gw_mask
needs(const gw_migration *migration, gw_side side, gw_slice collection)
{
    if (migration->ops->needs == NULL) {
        return mask_all;
    }
    return migration->ops->needs(migration->self, side, collection);
}

/* The last level becomes the models, so it keeps all. A level between is the
 * new side of one stage and the old side of the next; when both name fields,
 * keeping everything is right as well. */
static gw_mask
level_mask(void *arg, size_t level, gw_slice collection)
{
    const gw_pipeline *p = arg;
    if (level == p->n_stages) {
        return mask_all;
    }
    gw_mask old = needs(&p->stages[level], GW_SIDE_OLD, collection);
    if (level == 0 || old.all) {
        return old;
    }
    gw_mask new = needs(&p->stages[level - 1], GW_SIDE_NEW, collection);
    if (new.all || (new.n > 0 && old.n > 0)) {
        return mask_all;
    }
    return new.n > 0 ? new : old;
}

gw_pipeline *
gw_pipeline_new(const gw_migrations *migrations, int64_t start_index,
                const gw_keyframe_backing *backing,
                void (*print)(void *arg, gw_slice line), void *print_arg)
{
    gw_pipeline *p = gw_calloc(1, sizeof(*p));
    size_t first = 0;
    while (first < migrations->n_events &&
           migrations->at[first].index <= start_index) {
        first++;
    }
    p->stages = migrations->at + first;
    p->n_stages = migrations->n_events - first;
    p->print = print;
    p->print_arg = print_arg;
    p->keyframes = gw_keyframes_new(p->n_stages + 1, level_mask, p, backing);
    return p;
}

void
gw_pipeline_free(gw_pipeline *pipeline)
{
    if (pipeline != NULL) {
        gw_keyframes_free(pipeline->keyframes);
        free(pipeline);
    }
}

size_t
gw_pipeline_stages(const gw_pipeline *pipeline)
{
    return pipeline->n_stages;
}

gw_keyframes *
gw_pipeline_keyframes(gw_pipeline *pipeline)
{
    return pipeline->keyframes;
}

void
gw_pipeline_watch(gw_pipeline *pipeline, gw_stage_seen seen, void *arg)
{
    pipeline->seen = seen;
    pipeline->seen_arg = arg;
}

gw_code
gw_pipeline_restart(gw_pipeline *pipeline, gw_error *err)
{
    gw_code code = GW_OK;
    for (size_t i = 0; code == GW_OK && i < pipeline->n_stages; i++) {
        const gw_migration *m = &pipeline->stages[i];
        if (m->ops->restart != NULL) {
            code = m->ops->restart(m->self, err);
        }
    }
    return code;
}

/* ---- what a migration may ask ---- */

static void
hold(struct work *work, gw_state *state)
{
    if (work->n_held == work->room_held) {
        work->room_held = work->room_held * 2 + 16;
        work->held =
            gw_realloc(work->held, work->room_held * sizeof(gw_state *));
    }
    work->held[work->n_held++] = state;
}

static void
release_held(struct work *work)
{
    for (size_t i = 0; i < work->n_held; i++) {
        gw_state_release(work->held[i]);
    }
    free(work->held);
}

/* The stage before has already put the whole position into this level: goes
 * back to its beginning and over the events offered so far. */
static gw_code
get_old_within(struct work *work, gw_slice fqid, gw_model *out, gw_error *err)
{
    gw_keyframes *kf = work->pipeline->keyframes;
    gw_model now;
    gw_model model;
    gw_code code = gw_keyframes_get(kf, work->stage, fqid, &now, err);
    if (code == GW_OK) {
        code = gw_keyframes_get_before(kf, work->stage, fqid, &model, err);
    }
    if (code != GW_OK) {
        return code;
    }
    if (now.state != model.state || now.status != model.status ||
        now.meta_position != model.meta_position) {
        gw_state_retain(model.state);
        for (size_t i = 0; code == GW_OK && i < work->current; i++) {
            const gw_event *event = &work->offered[i];
            if (gw_slice_equal(event->fqid.text, fqid)) {
                code = gw_model_apply(&model, event, now.meta_position,
                                      &mask_all, err);
            }
        }
        hold(work, (gw_state *)model.state);
    }
    *out = model;
    return code;
}

static gw_code
context_get(const gw_context *ctx, gw_side side, gw_slice fqid, gw_model *out,
            gw_error *err)
{
    struct work *work = ctx->engine;
    gw_keyframes *kf = work->pipeline->keyframes;
    gw_fqid checked;
    gw_code code = gw_fqid_parse(fqid, &checked, err);
    if (code != GW_OK) {
        return code;
    }
    if (side == GW_SIDE_NEW) {
        return gw_keyframes_get(kf, work->stage + 1, fqid, out, err);
    }
    if (work->stage == 0) {
        return gw_keyframes_get(kf, 0, fqid, out, err);
    }
    return get_old_within(work, fqid, out, err);
}

struct id_list {
    const gw_context *ctx;
    gw_side side;
    gw_slice *at;
    size_t n, room;
};

static gw_code
add_id(void *arg, gw_slice fqid, gw_error *err)
{
    struct id_list *list = arg;
    gw_model model;
    gw_code code = context_get(list->ctx, list->side, fqid, &model, err);
    if (code != GW_OK || model.status != GW_STATUS_ALIVE) {
        return code;
    }
    if (list->n == list->room) {
        list->room = list->room * 2 + 64;
        list->at = gw_realloc(list->at, list->room * sizeof(gw_slice));
    }
    const char *slash = memchr(fqid.at, '/', fqid.len);
    size_t skip = (size_t)(slash - fqid.at) + 1;
    list->at[list->n++] = gw_arena_dup(
        list->ctx->arena, (gw_slice){fqid.at + skip, fqid.len - skip});
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
    return memcmp(x->at, y->at, x->len);
}

static gw_code
context_ids(const gw_context *ctx, gw_side side, gw_slice collection,
            gw_values *out, gw_error *err)
{
    struct work *work = ctx->engine;
    struct id_list list = {.ctx = ctx, .side = side};
    gw_code code = GW_OK;

    if (gw_collection_is_valid(collection)) {
        code = gw_keyframes_each(work->pipeline->keyframes, collection, add_id,
                                 &list, err);
    }
    if (code == GW_OK) {
        if (list.n > 1) {
            qsort(list.at, list.n, sizeof(gw_slice), compare_ids);
        }
        out->at = GW_ARENA_NEW(ctx->arena, gw_slice, list.n + 1);
        out->n = list.n;
        if (list.n > 0) {
            memcpy(out->at, list.at, list.n * sizeof(gw_slice));
        }
    }
    free(list.at);
    return code;
}

static gw_code
context_will_exist(const gw_context *ctx, gw_slice fqid, bool *out,
                   gw_error *err)
{
    bool is_created = false;
    bool is_deleted = false;
    for (size_t i = 0; i < ctx->position->events.n; i++) {
        const gw_event *event = &ctx->position->events.at[i];
        if (gw_slice_equal(event->fqid.text, fqid)) {
            is_created = is_created || event->type == GW_EVENT_CREATE;
            is_deleted = is_deleted || event->type == GW_EVENT_DELETE;
        }
    }
    gw_model model;
    gw_code code = context_get(ctx, GW_SIDE_NEW, fqid, &model, err);
    if (code == GW_OK) {
        *out = !is_deleted && (is_created || model.status == GW_STATUS_ALIVE);
    }
    return code;
}

static void
context_log(const gw_context *ctx, gw_slice line)
{
    struct work *work = ctx->engine;
    if (work->pipeline->print != NULL) {
        work->pipeline->print(work->pipeline->print_arg, line);
    }
}

static const gw_context_ops context_ops = {
    .get = context_get,
    .ids = context_ids,
    .will_exist = context_will_exist,
    .log = context_log,
};

/* ---- one stage ---- */

/* Whether no event that creates comes behind one that does not. */
static bool
is_in_order(gw_events events)
{
    for (size_t i = 1; i < events.n; i++) {
        if (events.at[i].type == GW_EVENT_CREATE &&
            events.at[i - 1].type != GW_EVENT_CREATE) {
            return false;
        }
    }
    return true;
}

static gw_code
put_in_order(struct work *work, const gw_context *ctx, gw_events events,
             gw_error *err)
{
    const gw_migration *m = work->migration;
    if (m->ops->order_events != NULL) {
        gw_event_list list = {.arena = ctx->arena};
        gw_code code = m->ops->order_events(m->self, ctx, events, &list, err);
        work->offered = list.at;
        work->n = list.n;
        return code;
    }
    if (is_in_order(events)) {
        work->offered = events.at;
        work->n = events.n;
        return GW_OK;
    }
    gw_event *ordered = GW_ARENA_NEW(ctx->arena, gw_event, events.n);
    for (int creates = 1; creates >= 0; creates--) {
        for (size_t i = 0; i < events.n; i++) {
            if ((events.at[i].type == GW_EVENT_CREATE) == creates) {
                ordered[work->n++] = events.at[i];
            }
        }
    }
    work->offered = ordered;
    return GW_OK;
}

/* Checks what a migration made, applies it, and adds it to the result. What
 * still has the bytes and the fqid it was read with was checked then. */
static gw_code
accept(struct work *work, gw_arena *arena, const gw_event *event,
       gw_event_list *result, gw_error *err)
{
    gw_code code = GW_OK;
    const gw_event *offered =
        work->current < work->n ? &work->offered[work->current] : NULL;
    if (event->raw.at == NULL || offered == NULL ||
        event->raw.at != offered->raw.at ||
        event->fqid.text.at != offered->fqid.text.at) {
        code = gw_event_check(arena, event, err);
        if (code != GW_OK) {
            gw_fail_prefix(err,
                           "%s made a faulty event: ", work->migration->file);
            return GW_E_MIGRATION;
        }
    }
    code = gw_keyframes_apply(work->pipeline->keyframes, work->stage + 1, event,
                              err);
    if (code == GW_OK) {
        gw_event_list_add(result, event);
    }
    return code;
}

static gw_code
offer(struct work *work, const gw_context *ctx, gw_event_list *result,
      gw_error *err)
{
    const gw_migration *m = work->migration;
    const gw_event *event = &work->offered[work->current];
    bool is_unchanged = true;
    gw_code code = GW_OK;

    gw_event_list *made = work->made;
    made->n = 0;
    if (m->ops->migrate_event != NULL) {
        code = m->ops->migrate_event(m->self, ctx, event, made, &is_unchanged,
                                     err);
    }
    if (code == GW_OK && work->stage == 0) {
        code = gw_keyframes_apply(work->pipeline->keyframes, 0, event, err);
    }
    const gw_event *at = is_unchanged ? event : made->at;
    size_t n = is_unchanged ? 1 : made->n;
    for (size_t i = 0; code == GW_OK && i < n; i++) {
        if (!gw_event_is_noop(&at[i])) {
            code = accept(work, ctx->arena, &at[i], result, err);
        }
    }
    return code;
}

static gw_code
add_events(struct work *work, const gw_context *ctx, gw_event_list *result,
           gw_error *err)
{
    const gw_migration *m = work->migration;
    gw_event_list *made = work->made;
    if (m->ops->additional_events == NULL) {
        return GW_OK;
    }
    made->n = 0;
    gw_code code = m->ops->additional_events(m->self, ctx, made, err);
    for (size_t i = 0; code == GW_OK && i < made->n; i++) {
        code = accept(work, ctx->arena, &made->at[i], result, err);
    }
    return code;
}

static size_t
weight_of(const gw_events *events, const gw_event *event)
{
    for (size_t i = 0; i < events->n; i++) {
        const gw_event *other = &events->at[i];
        if (other->fqid.text.at == event->fqid.text.at &&
            other->type == event->type && other->set.at == event->set.at &&
            other->cut.at == event->cut.at) {
            return i + 1;
        }
    }
    return 0;
}

static void
add_place(const struct work *work, const gw_position *position, gw_error *err)
{
    size_t weight =
        work->is_offering && work->current < work->n
            ? weight_of(&position->events, &work->offered[work->current])
            : 0;
    if (weight > 0) {
        gw_fail_suffix(err, " (%s, position %lld, event %zu)",
                       work->migration->file, (long long)position->position,
                       weight);
    } else {
        gw_fail_suffix(err, " (%s, position %lld)", work->migration->file,
                       (long long)position->position);
    }
}

static gw_code
run_stage(gw_pipeline *pipeline, size_t stage, gw_event_list *made,
          const gw_position *position, gw_events *out, gw_error *err)
{
    const gw_migration *m = &pipeline->stages[stage];
    struct work work = {
        .pipeline = pipeline, .stage = stage, .migration = m, .made = made};
    gw_context ctx = {made->arena, position, m->index, &work, &context_ops};
    gw_event_list result = {.arena = made->arena};
    gw_code code = put_in_order(&work, &ctx, position->events, err);

    if (code == GW_OK && m->ops->position_init != NULL) {
        code = m->ops->position_init(m->self, &ctx, err);
    }
    gw_event_list_reserve(&result, position->events.n);
    while (code == GW_OK && work.current < work.n) {
        work.is_offering = true;
        code = offer(&work, &ctx, &result, err);
        work.current += code == GW_OK;
    }
    if (code == GW_OK) {
        code = add_events(&work, &ctx, &result, err);
    }
    if (code == GW_OK) {
        *out = (gw_events){result.at, result.n};
    } else {
        add_place(&work, position, err);
    }
    release_held(&work);
    return code;
}

/* No migrations: the events stay, the models follow from them. */
static gw_code
run_no_stage(gw_pipeline *pipeline, const gw_position *position, gw_error *err)
{
    for (size_t i = 0; i < position->events.n; i++) {
        gw_code code = gw_keyframes_apply(pipeline->keyframes, 0,
                                          &position->events.at[i], err);
        if (code != GW_OK) {
            gw_fail_suffix(err, " (position %lld, event %zu)",
                           (long long)position->position, i + 1);
            return code;
        }
    }
    return GW_OK;
}

gw_code
gw_pipeline_run(gw_pipeline *pipeline, gw_arena *arena, gw_position *position,
                gw_error *err)
{
    gw_position now = *position;
    gw_event_list scratch = {.arena = arena};
    gw_code code = GW_OK;

    gw_keyframes_begin(pipeline->keyframes, position->position);
    if (pipeline->n_stages == 0) {
        code = run_no_stage(pipeline, position, err);
    }
    for (size_t i = 0; code == GW_OK && i < pipeline->n_stages; i++) {
        gw_events made = {0};
        code = run_stage(pipeline, i, &scratch, &now, &made, err);
        if (code == GW_OK && pipeline->seen != NULL) {
            pipeline->seen(pipeline->seen_arg, &pipeline->stages[i],
                           now.position, now.events, made);
        }
        now.events = made;
    }
    if (code != GW_OK) {
        gw_keyframes_undo(pipeline->keyframes);
        return code;
    }
    *position = now;
    return GW_OK;
}
