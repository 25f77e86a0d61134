/* SPDX-License-Identifier: Apache-2.0 */
/* Positions behind the newest one, with their models. Takes no run lock.
 *
 * The models that the events touch are kept as one keyframe whose backing
 * is the `models` table. It is saved at each commit, so a model that many
 * positions change is written once a commit, and dropped when it is too
 * large or when somebody else has written in between. */
#include "engine/appender.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/units.h"

/* Ids from `first` on of a collection are this transaction's own. */
typedef struct gw_reservation {
    char collection[GW_LIMIT_FQID + 1];
    int64_t first;
} gw_reservation;

struct gw_appender {
    const gw_run *run;
    gw_keyframes *models;
    size_t budget; /* of bytes for them */
    gw_keyframe_backing backing;
    bool is_backed;
    gw_arena arena; /* of one model that is fetched */
    gw_buf data;    /* of one model that is written */
    bool is_open;   /* in a transaction */
    int64_t opened_us;
    int64_t newest; /* the newest position; -1 before the first begin */
    int64_t index;  /* for positions that name none */
    bool has_index; /* false: the store is empty */
    gw_reservation *reserved;
    size_t n_reserved, reserved_room;
};

/* ---- models ---- */

static gw_mask
keep_all(void *arg, size_t level, gw_slice collection)
{
    (void)arg;
    (void)level;
    (void)collection;
    return (gw_mask){.all = true};
}

static gw_reservation *
find_reservation(const gw_appender *a, gw_slice collection)
{
    for (size_t i = 0; i < a->n_reserved; i++)
        if (gw_slice_equal(gw_slice_of(a->reserved[i].collection), collection))
            return &a->reserved[i];
    return NULL;
}

static bool
is_reserved(const gw_appender *a, gw_slice text)
{
    gw_fqid fqid;
    gw_error ignored;
    int64_t id = 0;

    if (a->n_reserved == 0 || gw_fqid_parse(text, &fqid, &ignored) != GW_OK)
        return false;
    const gw_reservation *r = find_reservation(a, gw_fqid_collection(&fqid));
    return r && gw_json_int(gw_fqid_id(&fqid), &id) && id >= r->first;
}

/* gw_keyframe_backing.load over the models table */
static gw_code
fetch_model(void *self, gw_slice fqid, gw_model *models, size_t levels,
            gw_error *err)
{
    gw_appender *a = self;
    bool deleted, found;
    gw_slice data;
    gw_code code;

    (void)levels;
    if (is_reserved(a, fqid))
        return GW_OK;
    gw_arena_reset(&a->arena);
    code = gw_store_model_now(a->run->store, &a->arena, fqid, &data, &deleted,
                              &found, err);
    if (code != GW_OK || !found)
        return code;
    code = gw_model_parse(&a->arena, data, deleted, &models[0], err);
    return code == GW_OK ? code
                         : gw_fail_prefix(err, "model %.*s: ", GW_FMT(fqid));
}

/* gw_keyframe_backing.list is never asked for */
static gw_code
list_models(void *self, gw_slice collection,
            gw_code (*found)(void *arg, gw_slice fqid, gw_error *err),
            void *arg, gw_error *err)
{
    (void)self;
    (void)collection;
    (void)found;
    (void)arg;
    (void)err;
    return GW_OK;
}

static gw_code
put_model(void *arg, const gw_saved_model *saved, gw_error *err)
{
    gw_appender *a = arg;
    const gw_model *model = &saved->at[0];

    if (model->status == GW_STATUS_NONE)
        return GW_OK;
    a->data.len = 0;
    gw_model_put_json(&a->data, model);
    return gw_store_put_model(a->run->store, saved->fqid,
                              gw_buf_as_slice(&a->data),
                              model->status == GW_STATUS_DELETED, err);
}

static void
forget_models(gw_appender *a)
{
    if (!a->is_backed)
        gw_keyframes_set_backing(a->models, &a->backing);
    a->is_backed = true;
    gw_keyframes_drop(a->models);
}

/* After a transaction that did not come to be: the models hold what was taken
 * back, so nothing that is known counts. */
static void
begin_anew(gw_appender *a)
{
    gw_keyframes_free(a->models);
    a->models = gw_keyframes_new(1, keep_all, NULL, NULL);
    a->is_backed = false;
    a->newest = -1;
}

/* ---- transactions ---- */

gw_appender *
gw_appender_new(const gw_run *run)
{
    gw_appender *a = gw_calloc(1, sizeof(*a));

    a->run = run;
    a->index = 1;
    a->budget = run->memory_bytes ? run->memory_bytes : GW_DEFAULT_MEMORY;
    a->backing = (gw_keyframe_backing){a, fetch_model, list_models};
    gw_arena_init(&a->arena);
    begin_anew(a);
    return a;
}

void
gw_appender_free(gw_appender *a)
{
    if (!a)
        return;
    gw_appender_abort(a);
    gw_keyframes_free(a->models);
    gw_arena_clear(&a->arena);
    gw_buf_clear(&a->data);
    free(a->reserved);
    free(a);
}

/* The application may have written since the last commit, or a finalize gone
 * by: then what is known of the models may be old. */
gw_code
gw_appender_open(gw_appender *a, gw_error *err)
{
    gw_store_counts counts;
    gw_code code;

    if (a->is_open)
        return GW_OK;
    code = gw_store_begin(a->run->store, false, err);
    if (code != GW_OK)
        return code;
    a->is_open = true;
    a->opened_us = gw_clock_us();
    a->n_reserved = 0;
    code = gw_store_count(a->run->store, 0, false, &counts, err);
    if (code != GW_OK) {
        gw_appender_abort(a);
        return code;
    }
    if (counts.max_position == a->newest &&
        (counts.max_index == a->index || !a->has_index))
        return GW_OK;
    if (counts.max_position > 0)
        forget_models(a);
    a->newest = counts.max_position;
    a->has_index = counts.max_position > 0;
    a->index = a->has_index ? counts.max_index : 1;
    return GW_OK;
}

void
gw_appender_abort(gw_appender *a)
{
    if (!a->is_open)
        return;
    gw_store_abort(a->run->store);
    a->is_open = false;
    begin_anew(a);
}

gw_code
gw_appender_commit(gw_appender *a, gw_error *err)
{
    gw_code code;

    if (!a->is_open)
        return GW_OK;
    code = gw_keyframes_save(a->models, put_model, a, err);
    code = gw_store_finish(a->run->store, code, err);
    a->is_open = false;
    if (code != GW_OK)
        begin_anew(a);
    else if (gw_appender_is_full(a))
        forget_models(a);
    return code;
}

/* ---- one position ---- */

static gw_code
apply_events(gw_appender *a, const gw_position *p, int64_t number,
             gw_error *err)
{
    gw_code code;

    gw_keyframes_begin(a->models, number);
    for (size_t i = 0; i < p->events.n; i++) {
        code = gw_keyframes_apply(a->models, 0, &p->events.at[i], err);
        if (code != GW_OK) {
            gw_keyframes_undo(a->models);
            return gw_fail_prefix(err, "event %zu: ", i + 1);
        }
    }
    return GW_OK;
}

/* The store numbers positions that come without one; the models need the
 * number too, so they are done again when it is not the one expected. */
gw_code
gw_appender_add(gw_appender *a, gw_position *p, gw_error *err)
{
    int64_t expected = p->position ? p->position : a->newest + 1;
    int64_t assigned = 0;
    gw_code code;

    if (expected <= a->newest)
        return gw_fail(err, GW_E_INPUT,
                       "position %lld is not above %lld, the newest of the "
                       "store; leave `position` out to append",
                       (long long)expected, (long long)a->newest);
    if (p->migration_index == 0)
        p->migration_index = a->index;
    code = apply_events(a, p, expected, err);
    if (code != GW_OK)
        return code;
    code = gw_store_append(a->run->store, p, &assigned, err);
    if (code == GW_OK && assigned != expected) {
        gw_keyframes_undo(a->models);
        code = apply_events(a, p, assigned, err);
    }
    if (code != GW_OK) { /* half of it may be written */
        gw_appender_abort(a);
        return code;
    }
    a->newest = p->position = assigned;
    if (!a->has_index || p->migration_index > a->index)
        a->index = p->migration_index;
    a->has_index = true;
    return GW_OK;
}

/* ---- questions ---- */

gw_code
gw_appender_model(gw_appender *a, gw_slice fqid, gw_model *out, gw_error *err)
{
    return gw_keyframes_get(a->models, 0, fqid, out, err);
}

void
gw_appender_reserved(gw_appender *a, gw_slice collection, int64_t first)
{
    if (find_reservation(a, collection) || collection.len > GW_LIMIT_FQID)
        return; /* what was reserved before is below */
    if (a->n_reserved == a->reserved_room) {
        a->reserved_room = a->reserved_room ? 2 * a->reserved_room : 8;
        a->reserved =
            gw_realloc(a->reserved, a->reserved_room * sizeof(*a->reserved));
    }
    gw_reservation *r = &a->reserved[a->n_reserved++];
    memcpy(r->collection, collection.at, collection.len);
    r->collection[collection.len] = '\0';
    r->first = first;
}

bool
gw_appender_is_open(const gw_appender *a)
{
    return a->is_open;
}

bool
gw_appender_is_shared(const gw_appender *a)
{
    return a->is_backed;
}

int64_t
gw_appender_age_ms(const gw_appender *a)
{
    return a->is_open ? (gw_clock_us() - a->opened_us) / 1000 : 0;
}

bool
gw_appender_is_full(const gw_appender *a)
{
    return gw_keyframes_bytes(a->models) > a->budget;
}

int64_t
gw_appender_index(const gw_appender *a)
{
    return a->has_index ? a->index : 0;
}
