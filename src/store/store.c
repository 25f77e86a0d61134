/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the backend that a URI names and passes every call on to it. */
#include <ctype.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/store_priv.h"

/* A plain path belongs to the first. */
static const gw_store_backend backends[] = {
    {"sqlite:", gw_sqlite_open},
    {"postgresql://", gw_pg_open},
    {"postgres://", gw_pg_open},
};

enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

/* Length of the scheme of "scheme://…", 0 when there is none. */
static size_t
scheme_length(const char *uri)
{
    size_t n = 0;

    while (isalnum((unsigned char)uri[n]) ||
           (n > 0 && strchr("+-.", uri[n]) && uri[n] != '\0'))
        n++;
    return n > 0 && strncmp(uri + n, "://", 3) == 0 ? n : 0;
}

gw_code
gw_store_open(const char *uri, const gw_store_options *options, gw_store **out,
              gw_error *err)
{
    for (size_t i = 0; i < BACKENDS; i++) {
        size_t n = strlen(backends[i].scheme);
        if (strncmp(uri, backends[i].scheme, n) == 0)
            return backends[i].open(uri, options, out, err);
    }
    size_t scheme = scheme_length(uri);
    if (scheme > 0)
        return gw_fail(err, GW_E_USAGE,
                       "no store is known for %.*s://; it is sqlite:PATH, a "
                       "plain path or postgresql://…",
                       (int)(scheme > 40 ? 40 : scheme), uri);
    if (uri[0] == '\0')
        return gw_fail(err, GW_E_USAGE,
                       "the store's URI is empty; it is sqlite:PATH, a "
                       "plain path or postgresql://…");
    return backends[0].open(uri, options, out, err);
}

void
gw_store_close(gw_store *store)
{
    if (store)
        store->ops->close(store);
}

const char *
gw_store_name(const gw_store *store)
{
    return store->name;
}

/* ---- the reading side ---- */

gw_code
gw_store_count(gw_store *store, int64_t target, bool full, gw_store_counts *out,
               gw_error *err)
{
    return store->ops->count(store, target, full, out, err);
}

gw_code
gw_store_count_after(gw_store *store, int64_t after, int64_t limit,
                     int64_t *out, gw_error *err)
{
    return store->ops->count_after(store, after, limit, out, err);
}

gw_code
gw_store_run_state(gw_store *store, gw_run_state *out, gw_error *err)
{
    return store->ops->run_state(store, out, err);
}

gw_code
gw_store_read(gw_store *store, gw_generation which, int64_t after, int64_t upto,
              size_t max_bytes, gw_batch *batch, gw_error *err)
{
    return store->ops->read(store, which, after, upto, max_bytes, batch, err);
}

gw_code
gw_store_model(gw_store *store, gw_arena *arena, gw_slice fqid, gw_slice *data,
               bool *deleted, bool *found, gw_error *err)
{
    return store->ops->model(store, arena, fqid, data, deleted, found, err);
}

gw_code
gw_store_models(gw_store *store, gw_slice collection, gw_model_visit visit,
                void *arg, gw_error *err)
{
    return store->ops->models(store, collection, visit, arg, err);
}

gw_code
gw_store_sequences(gw_store *store,
                   gw_code (*visit)(void *arg, gw_slice collection, int64_t id,
                                    gw_error *err),
                   void *arg, gw_error *err)
{
    return store->ops->sequences(store, visit, arg, err);
}

gw_code
gw_store_keyframe_load(gw_store *store, gw_slice fqid, gw_model *models,
                       size_t levels, gw_error *err)
{
    return store->ops->keyframe_load(store, fqid, models, levels, err);
}

gw_code
gw_store_keyframe_list(gw_store *store, gw_slice collection,
                       gw_code (*found)(void *arg, gw_slice fqid,
                                        gw_error *err),
                       void *arg, gw_error *err)
{
    return store->ops->keyframe_list(store, collection, found, arg, err);
}

gw_code
gw_store_records(gw_store *store, const char *kind, int64_t limit,
                 gw_code (*visit)(void *arg, gw_slice id, gw_slice record,
                                  gw_error *err),
                 void *arg, gw_error *err)
{
    if (limit > GW_LIMIT_HISTORY)
        limit = GW_LIMIT_HISTORY;
    return store->ops->records(store, kind, limit, visit, arg, err);
}

size_t
gw_store_batch(const gw_store *store)
{
    return store->ops->batch_bytes;
}

gw_store_space
gw_store_space_of(gw_store *store)
{
    return store->ops->space ? store->ops->space(store)
                             : (gw_store_space){-1, -1};
}

/* ---- the writing side ---- */

gw_code
gw_store_lock(gw_store *store, const char *command, gw_error *err)
{
    return store->ops->lock(store, command, err);
}

void
gw_store_unlock(gw_store *store)
{
    store->ops->unlock(store);
}

gw_code
gw_store_begin(gw_store *store, bool cutover, gw_error *err)
{
    return store->ops->begin(store, cutover, err);
}

gw_code
gw_store_commit(gw_store *store, gw_error *err)
{
    return store->ops->commit(store, err);
}

gw_code
gw_store_finish(gw_store *store, gw_code code, gw_error *err)
{
    if (code == GW_OK)
        code = gw_store_commit(store, err);
    if (code != GW_OK)
        gw_store_abort(store);
    return code;
}

void
gw_store_abort(gw_store *store)
{
    store->ops->abort(store);
}

void
gw_store_expect(gw_store *store, size_t n)
{
    if (store->ops->expect)
        store->ops->expect(store, n);
}

gw_code
gw_store_append(gw_store *store, const gw_position *p, int64_t *assigned,
                gw_error *err)
{
    return store->ops->append(store, p, assigned, err);
}

gw_code
gw_store_put_model(gw_store *store, gw_slice fqid, gw_slice data, bool deleted,
                   gw_error *err)
{
    return store->ops->put_model(store, fqid, data, deleted, err);
}

gw_code
gw_store_model_now(gw_store *store, gw_arena *arena, gw_slice fqid,
                   gw_slice *data, bool *deleted, bool *found, gw_error *err)
{
    return store->ops->model_now(store, arena, fqid, data, deleted, found, err);
}

gw_code
gw_store_models_now(gw_store *store, gw_slice collection, gw_model_visit visit,
                    void *arg, gw_error *err)
{
    return store->ops->models_now(store, collection, visit, arg, err);
}

gw_code
gw_store_read_now(gw_store *store, int64_t after, int64_t upto,
                  size_t max_bytes, gw_batch *batch, gw_error *err)
{
    return store->ops->read_now(store, after, upto, max_bytes, batch, err);
}

gw_code
gw_store_write(gw_store *store, const gw_position *positions, size_t n,
               int64_t event_target, int64_t final_index, gw_error *err)
{
    return store->ops->write(store, positions, n, event_target, final_index,
                             err);
}

size_t
gw_store_commit_bytes(gw_store *store)
{
    return store->ops->commit_bytes != NULL ? store->ops->commit_bytes(store)
                                            : GW_COMMIT_BYTES;
}

void
gw_store_make_way(gw_store *store)
{
    if (store->ops->make_way != NULL) {
        store->ops->make_way(store);
    }
}

gw_code
gw_store_max_position_now(gw_store *store, int64_t *out, gw_error *err)
{
    return store->ops->max_position_now(store, out, err);
}

gw_code
gw_store_put_run_state(gw_store *store, const gw_run_state *state,
                       gw_error *err)
{
    return store->ops->put_run_state(store, state, err);
}

gw_code
gw_store_keyframe_recover(gw_store *store, gw_error *err)
{
    return store->ops->keyframe_recover != NULL
               ? store->ops->keyframe_recover(store, err)
               : GW_OK;
}

gw_code
gw_store_keyframe_yield(gw_store *store, gw_error *err)
{
    return store->ops->keyframe_yield != NULL
               ? store->ops->keyframe_yield(store, err)
               : GW_OK;
}

gw_code
gw_store_keyframe_put(gw_store *store, const gw_saved_model *model,
                      gw_error *err)
{
    return store->ops->keyframe_put(store, model, err);
}

gw_code
gw_store_forget(gw_store *store, gw_error *err)
{
    return store->ops->forget(store, err);
}

gw_code
gw_store_set_aside(gw_store *store, gw_error *err)
{
    return store->ops->set_aside(store, err);
}

gw_code
gw_store_cut_back(gw_store *store, gw_run_state *state, gw_error *err)
{
    gw_cut cut = {0};
    gw_code code = store->ops->cut_back(store, state, &cut, err);

    if (code != GW_OK)
        return code;
    state->position = state->keyframe_position;
    state->positions -= cut.positions;
    state->events -= cut.events_read;
    state->events_written -= cut.events;
    return GW_OK;
}

gw_code
gw_store_drop_base(gw_store *store, gw_error *err)
{
    return store->ops->drop_base(store, err);
}

gw_code
gw_store_set_final_index(gw_store *store, int64_t final_index, gw_error *err)
{
    return store->ops->set_final_index(store, final_index, err);
}

const char *
gw_finding_kind_name(gw_finding_kind kind)
{
    static const char *const names[] = {
#define GW_FINDING_NAME(name, text) text,
        GW_FINDING_MAP(GW_FINDING_NAME)
#undef GW_FINDING_NAME
    };
    return names[kind];
}

gw_code
gw_store_check(gw_store *store, bool only_refused, gw_finding_visit visit,
               void *arg, gw_error *err)
{
    return store->ops->check(store, only_refused, visit, arg, err);
}

static gw_code
add_refused(void *arg, gw_finding_kind kind, gw_slice text, gw_error *err)
{
    gw_buf *all = arg;

    (void)kind;
    (void)err;
    gw_buf_text(all, all->len > 0 ? "; " : "");
    gw_buf_slice(all, text);
    return GW_OK;
}

gw_code
gw_store_may_swap(gw_store *store, gw_error *err)
{
    gw_buf all = {0};
    gw_code code = gw_store_check(store, true, add_refused, &all, err);

    if (code == GW_OK && all.len > 0)
        code =
            gw_fail(err, GW_E_STATE, "the store %s cannot be finalized: %.900s",
                    gw_store_name(store), gw_buf_cstr(&all));
    gw_buf_clear(&all);
    return code;
}

gw_code
gw_store_prepare_swap(gw_store *store, gw_error *err)
{
    return store->ops->prepare_swap ? store->ops->prepare_swap(store, err)
                                    : GW_OK;
}

void
gw_store_after_swap(gw_store *store)
{
    if (store->ops->after_swap)
        store->ops->after_swap(store);
}

gw_code
gw_store_swap(gw_store *store, gw_error *err)
{
    return store->ops->swap(store, err);
}

gw_code
gw_store_swap_back(gw_store *store, gw_error *err)
{
    return store->ops->swap_back(store, err);
}

gw_code
gw_store_seal(gw_store *store, gw_error *err)
{
    return store->ops->seal(store, err);
}

gw_code
gw_store_discard(gw_store *store, gw_error *err)
{
    return store->ops->discard(store, err);
}

gw_code
gw_store_tidy(gw_store *store, gw_error *err)
{
    return store->ops->tidy != NULL ? store->ops->tidy(store, err) : GW_OK;
}

gw_code
gw_store_set_index(gw_store *store, int64_t index, gw_error *err)
{
    return store->ops->set_index(store, index, err);
}

gw_code
gw_store_clear_helpers(gw_store *store, gw_error *err)
{
    return store->ops->clear_helpers(store, err);
}

gw_code
gw_store_put_record(gw_store *store, const char *kind, gw_slice id, int64_t at,
                    gw_slice record, gw_error *err)
{
    return store->ops->put_record(store, kind, id, at, record, err);
}
