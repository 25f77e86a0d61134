/* SPDX-License-Identifier: Apache-2.0 */
/* Appends positions from NDJSON, as the application would: every event is
 * applied to the model it is about, and the models are written with the
 * positions. Takes no run lock. Source: cli.md, NDJSON
 *
 * The models that the events touch are kept as one keyframe whose backing
 * is the `models` table. It is saved at each commit, so a model that many
 * positions change is written once a commit, and dropped when it is too
 * large or when somebody else has written in between. */

#include "base/units.h"
#include "engine/position_priv.h"
#include "engine/stream_priv.h"

/* What one commit holds: much, since each writes every model that it
 * touches. In a store in use it is also limited in time, for others wait. */
#define COMMIT_BYTES (128 * (size_t)GW_MIB)
#define COMMIT_BUSY_MS 1000
/* How many lines go by between two looks at the clock. */
#define LOOK_LINES 64
/* Lines that come by a pipe, one now and then, are committed at once: others
 * can write only between two commits. When many come, those that are open
 * wait so long for more. */
#define BULK_BYTES (32 * (size_t)GW_KIB)
#define BULK_MS 250
/* How often a run that waits for input looks at its stop flag. */
#define STOP_MS 200

typedef struct gw_loader {
    const gw_run *run;
    const char *name;
    gw_lines lines;
    gw_keyframes *models;
    size_t budget; /* of bytes for them */
    gw_keyframe_backing backing;
    bool is_backed;
    gw_arena arena;       /* of one line */
    gw_arena model_arena; /* of one model that is fetched */
    gw_buf data;          /* of one model that is written */
    bool is_open;         /* in a transaction */
    int64_t opened_us;
    size_t bytes;   /* of lines in this transaction */
    int64_t newest; /* the newest position; -1 before the first begin */
    int64_t index;  /* for positions that name none */
    bool has_index; /* false: the store is empty */
    int64_t positions, events;           /* with this transaction */
    int64_t positions_done, events_done; /* committed */
} gw_loader;

/* ---- models ---- */

static gw_mask
keep_all(void *arg, size_t level, gw_slice collection)
{
    (void)arg;
    (void)level;
    (void)collection;
    return (gw_mask){.all = true};
}

/* gw_keyframe_backing.load over the models table */
static gw_code
fetch_model(void *self, gw_slice fqid, gw_model *models, size_t levels,
            gw_error *err)
{
    gw_loader *l = self;
    bool deleted, found;
    gw_slice data;
    gw_code code;

    (void)levels;
    gw_arena_reset(&l->model_arena);
    code = gw_store_model_now(l->run->store, &l->model_arena, fqid, &data,
                              &deleted, &found, err);
    if (code != GW_OK || !found)
        return code;
    code = gw_model_parse(&l->model_arena, data, deleted, &models[0], err);
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
    gw_loader *l = arg;
    const gw_model *model = &saved->at[0];

    if (model->status == GW_STATUS_NONE)
        return GW_OK;
    l->data.len = 0;
    gw_model_put_json(&l->data, model);
    return gw_store_put_model(l->run->store, saved->fqid,
                              gw_buf_as_slice(&l->data),
                              model->status == GW_STATUS_DELETED, err);
}

static void
forget_models(gw_loader *l)
{
    if (!l->is_backed)
        gw_keyframes_set_backing(l->models, &l->backing);
    l->is_backed = true;
    gw_keyframes_drop(l->models);
}

/* ---- transactions ---- */

/* The application may have written since the last commit, or a finalize gone
 * by: then what is known of the models may be old. */
static gw_code
open_commit(gw_loader *l, gw_error *err)
{
    gw_store_counts counts;
    gw_code code;

    if (l->is_open)
        return GW_OK;
    code = gw_store_begin(l->run->store, false, err);
    if (code != GW_OK)
        return code;
    l->is_open = true;
    l->opened_us = gw_clock_us();
    l->bytes = 0;
    code = gw_store_count(l->run->store, 0, false, &counts, err);
    if (code != GW_OK || (counts.max_position == l->newest &&
                          (counts.max_index == l->index || !l->has_index)))
        return code;
    if (counts.max_position > 0)
        forget_models(l);
    l->newest = counts.max_position;
    l->has_index = counts.max_position > 0;
    l->index = l->has_index ? counts.max_index : 1;
    return GW_OK;
}

/* Counts what is not committed yet too: it is for progress. */
static void
publish(const gw_loader *l)
{
    gw_counters *counters = l->run->counters;

    if (!counters)
        return;
    atomic_store(&counters->positions_done, l->positions);
    atomic_store(&counters->events_done, l->events);
}

static gw_code
commit(gw_loader *l, gw_error *err)
{
    gw_code code;

    if (!l->is_open)
        return GW_OK;
    code = gw_keyframes_save(l->models, put_model, l, err);
    code = gw_store_finish(l->run->store, code, err);
    l->is_open = false;
    if (code != GW_OK)
        return code;
    l->positions_done = l->positions;
    l->events_done = l->events;
    publish(l);
    if (gw_keyframes_bytes(l->models) > l->budget)
        forget_models(l);
    return GW_OK;
}

/* Whether it is time to commit; asked after each line. */
static bool
is_full(const gw_loader *l)
{
    if (!l->is_open)
        return false;
    if (l->bytes >= COMMIT_BYTES || gw_keyframes_bytes(l->models) > l->budget)
        return true;
    return l->is_backed && l->lines.number % LOOK_LINES == 0 &&
           gw_clock_us() - l->opened_us >= COMMIT_BUSY_MS * 1000;
}

/* ---- one position ---- */

static gw_code
apply_events(gw_loader *l, const gw_position *p, int64_t number, gw_error *err)
{
    gw_code code;

    gw_keyframes_begin(l->models, number);
    for (size_t i = 0; i < p->events.n; i++) {
        code = gw_keyframes_apply(l->models, 0, &p->events.at[i], err);
        if (code != GW_OK) {
            gw_keyframes_undo(l->models);
            return gw_fail_prefix(err, "event %zu: ", i + 1);
        }
    }
    return GW_OK;
}

/* The store numbers positions that come without one; the models need the
 * number too, so they are done again when it is not the one expected. */
static gw_code
append(gw_loader *l, gw_position *p, gw_error *err)
{
    int64_t expected = p->position ? p->position : l->newest + 1;
    int64_t assigned = 0;
    gw_code code;

    if (expected <= l->newest)
        return gw_fail(err, GW_E_INPUT,
                       "position %lld is not above %lld, the newest of the "
                       "store; leave `position` out to append",
                       (long long)expected, (long long)l->newest);
    code = apply_events(l, p, expected, err);
    if (code != GW_OK)
        return code;
    code = gw_store_append(l->run->store, p, &assigned, err);
    if (code == GW_OK && assigned != expected) {
        gw_keyframes_undo(l->models);
        code = apply_events(l, p, assigned, err);
    }
    if (code != GW_OK) { /* half of it may be written */
        gw_store_abort(l->run->store);
        l->is_open = false;
        return code;
    }
    l->newest = assigned;
    l->positions++;
    l->events += (int64_t)p->events.n;
    if (l->positions % LOOK_LINES == 0)
        publish(l);
    return GW_OK;
}

static bool
is_blank(gw_slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (!memchr(" \t\r", line.at[i], 3))
            return false;
    return true;
}

static gw_code
load_line(gw_loader *l, gw_slice line, gw_error *err)
{
    bool has_index;
    gw_position p;
    gw_code code;

    if (is_blank(line))
        return GW_OK;
    code = open_commit(l, err);
    if (code != GW_OK)
        return code;
    gw_arena_reset(&l->arena);
    code = gw_position_parse(&l->arena, line, &p, &has_index, err);
    if (code == GW_OK) {
        if (!has_index)
            p.migration_index = l->index;
        code = append(l, &p, err);
    }
    if (code != GW_OK)
        return gw_fail_prefix(err, "%s:%lld: ", l->name,
                              (long long)l->lines.number);
    if (!l->has_index || p.migration_index > l->index)
        l->index = p.migration_index;
    l->has_index = true;
    l->bytes += line.len;
    return GW_OK;
}

/* ---- the stream ---- */

/* Reads on; what has waited long enough for more is committed. */
static gw_code
fill(gw_loader *l, gw_error *err)
{
    int64_t left = STOP_MS;
    gw_code code;

    if (l->is_open && l->lines.is_live) {
        left = l->bytes < BULK_BYTES
                   ? 0
                   : BULK_MS - (gw_clock_us() - l->opened_us) / 1000;
        if (left <= 0) {
            code = commit(l, err);
            if (code != GW_OK)
                return code;
            left = STOP_MS;
        }
    }
    code = gw_lines_fill(&l->lines, (int)left, err);
    if (code != GW_OK)
        return gw_fail_prefix(err, "%s:%lld: ", l->name,
                              (long long)l->lines.number + 1);
    return GW_OK;
}

static gw_code
load_lines(gw_loader *l, gw_error *err)
{
    gw_code code = GW_OK;
    gw_slice line;

    while (code == GW_OK) {
        if (gw_stream_is_stopped(l->run))
            return gw_fail(err, GW_E_INTERRUPTED,
                           "%s: stopped after line "
                           "%lld",
                           l->name, (long long)l->lines.number);
        if (gw_lines_take(&l->lines, &line)) {
            code = load_line(l, line, err);
            if (code == GW_OK && is_full(l))
                code = commit(l, err);
        } else if (l->lines.is_at_end) {
            break;
        } else {
            code = fill(l, err);
        }
    }
    return code;
}

/* Commits what is whole after an error too; the first error counts. */
static gw_code
finish(gw_loader *l, gw_code code, gw_error *err)
{
    gw_error second;
    gw_code last = commit(l, code == GW_OK ? err : &second);

    return code == GW_OK ? last : code;
}

gw_code
gw_load(const gw_run *run, FILE *in, const char *name, int64_t *positions,
        int64_t *events, gw_error *err)
{
    gw_loader l = {.run = run, .name = name, .newest = -1, .index = 1};
    gw_code code;

    l.budget = run->memory_bytes ? run->memory_bytes : GW_DEFAULT_MEMORY;
    l.backing = (gw_keyframe_backing){&l, fetch_model, list_models};
    gw_lines_init(&l.lines, in);
    gw_arena_init(&l.arena);
    gw_arena_init(&l.model_arena);
    l.models = gw_keyframes_new(1, keep_all, NULL, NULL);
    code = finish(&l, load_lines(&l, err), err);
    gw_keyframes_free(l.models);
    gw_arena_clear(&l.model_arena);
    gw_arena_clear(&l.arena);
    gw_buf_clear(&l.data);
    gw_lines_clear(&l.lines);
    *positions = l.positions_done;
    *events = l.events_done;
    return code;
}
