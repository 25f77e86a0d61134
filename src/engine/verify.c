/* SPDX-License-Identifier: Apache-2.0 */
/* Derives all models from the events again and compares them with what the
 * store has. Only reads, and holds no lock: what the application writes
 * meanwhile is not compared.
 *
 * Derived models that do not fit into memory are done in slices: fqids by
 * their hash, each slice in a pass of its own over all events. A pass that
 * grows too large is given up, and its slice is cut smaller. */
#include <stdlib.h>

#include "engine/collections_priv.h"
#include "engine/position_priv.h"
#include "engine/stream_priv.h"

#define MAX_SLICE_BITS 16
/* With less, what any keyframe takes would already be too much. */
#define MIN_BUDGET ((size_t)GW_MIB)
/* Models newer than the events that were read, held until it is known
 * whether the application wrote them. */
#define MAX_NEWER 10000

/* The fqids whose hash has `index` in its lowest `bits` bits. */
typedef struct gw_slice_of_fqids {
    unsigned bits;
    uint64_t index;
    int64_t reported; /* faults of events up to here are counted already */
} gw_slice_of_fqids;

typedef struct gw_newer_model {
    gw_slice fqid;
    int64_t position;
} gw_newer_model;

typedef struct gw_verifier {
    const gw_run *run;
    size_t budget, batch_bytes;
    int64_t upto; /* the newest position when it began */
    int64_t max_lines, differences;
    gw_buf line;
    gw_arena arena; /* of one model or batch */
    gw_collections *collections;
    int64_t malformed; /* the last position that could not be read */
    int64_t counted;   /* positions up to here are in the numbers below */
    int64_t positions, events, models;
    int64_t events_total;
    /* of the slice at hand */
    gw_slice_of_fqids slice;
    gw_keyframes *derived;
    int64_t n_derived, n_found, events_seen;
    gw_arena newer_arena;
    gw_newer_model newer[MAX_NEWER];
    size_t n_newer;
    bool is_cut;     /* not all models could be visited */
    int64_t skipped; /* changed while it ran */
} gw_verifier;

/* ---- reporting ---- */

static void
print_line(gw_verifier *v)
{
    if (v->run->print)
        v->run->print(v->run->print_arg, gw_buf_as_slice(&v->line));
    v->line.len = 0;
}

/* Counts the difference that v->line tells; prints it while there are not
 * too many. */
static void
report(gw_verifier *v)
{
    v->differences++;
    if (v->differences <= v->max_lines)
        print_line(v);
    v->line.len = 0;
}

static void
put_value(gw_buf *buf, gw_slice value)
{
    gw_slice shown = gw_stream_shorten(value, 80);

    gw_buf_slice(buf, value.at ? shown : GW_LIT("nothing"));
    if (value.at && shown.len < value.len)
        gw_buf_text(buf, "…");
}

static void
report_field(gw_verifier *v, gw_slice fqid, gw_slice field, gw_slice expected,
             gw_slice found)
{
    gw_slice shown = gw_stream_shorten(field, 80);

    gw_buf_printf(&v->line, "%.*s: %.*s: expected ", GW_FMT(fqid),
                  GW_FMT(shown));
    put_value(&v->line, expected);
    gw_buf_text(&v->line, ", found ");
    put_value(&v->line, found);
    report(v);
}

static gw_slice
bool_text(bool value)
{
    return value ? GW_LIT("true") : GW_LIT("false");
}

static gw_slice
int_text(gw_arena *arena, int64_t value)
{
    return gw_slice_of(gw_arena_printf(arena, "%lld", (long long)value));
}

/* ---- the events ---- */

static uint64_t
hash_fqid(gw_slice fqid)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, then mixed: its low */

    for (size_t i = 0; i < fqid.len; i++)
        hash = (hash ^ (unsigned char)fqid.at[i]) * 0x100000001b3u;
    return hash ^ hash >> 29; /* bits alone are poor */
}

static bool
is_in_slice(const gw_verifier *v, gw_slice fqid)
{
    uint64_t mask = ((uint64_t)1 << v->slice.bits) - 1;

    return v->slice.bits == 0 || (hash_fqid(fqid) & mask) == v->slice.index;
}

/* A fault of an event is a difference; anything else ends it. */
static bool
is_fault(gw_code code)
{
    return code == GW_E_MIGRATION || code == GW_E_INPUT || code == GW_E_LIMIT;
}

static gw_code
verify_event(gw_verifier *v, int64_t position, size_t i, const gw_event *event,
             gw_error *err)
{
    gw_error fault;
    gw_code code = gw_keyframes_apply(v->derived, 0, event, &fault);

    if (code == GW_OK) {
        v->n_derived += event->type == GW_EVENT_CREATE;
        return GW_OK;
    }
    if (!is_fault(code)) {
        if (err)
            *err = fault;
        return code;
    }
    if (position > v->slice.reported) {
        gw_buf_printf(&v->line, "position %lld, event %zu: %s",
                      (long long)position, i + 1, fault.text);
        report(v);
    }
    return GW_OK;
}

static gw_code
verify_position(gw_verifier *v, const gw_position *p, gw_error *err)
{
    bool is_new = p->position > v->counted;
    gw_code code = GW_OK;

    gw_keyframes_begin(v->derived, p->position);
    for (size_t i = 0; code == GW_OK && i < p->events.n; i++) {
        const gw_event *event = &p->events.at[i];

        if (is_new && event->type == GW_EVENT_CREATE)
            code = gw_collections_add(v->collections, &event->fqid, err);
        if (code == GW_OK && is_in_slice(v, event->fqid.text))
            code = verify_event(v, p->position, i, event, err);
    }
    v->events_seen += (int64_t)p->events.n;
    if (is_new && code == GW_OK) {
        v->counted = p->position;
        v->positions++;
        v->events += (int64_t)p->events.n;
    }
    return code;
}

static void
publish(const gw_verifier *v)
{
    gw_counters *counters = v->run->counters;

    if (!counters)
        return;
    atomic_store(&counters->positions_done, v->positions);
    atomic_store(&counters->events_done, v->events);
}

/* Finds the first position above `after` that cannot be read, knowing that
 * reading from there fails: the least bound with which it does. */
static gw_code
find_malformed(const gw_verifier *v, int64_t after, int64_t upto,
               gw_batch *batch, int64_t *out, gw_error *err)
{
    int64_t low = after, high = upto; /* low reads, high does not */
    gw_code code;

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        code = gw_store_read(v->run->store, GW_GENERATION_LIVE, after, middle,
                             v->batch_bytes, batch, err);
        if (code != GW_OK && !is_fault(code))
            return code;
        *(code == GW_OK ? &low : &high) = middle;
    }
    *out = high;
    return GW_OK;
}

/* Reads on. A malformed position is reported and left out: *upto stops the
 * next reads before it. */
static gw_code
read_batch(gw_verifier *v, int64_t *after, int64_t *upto, gw_batch *batch,
           gw_error *err)
{
    int64_t bad = 0;
    gw_error fault;
    gw_code code;

    for (;;) {
        code = GW_OK;
        batch->n = 0;
        if (*after < *upto)
            code = gw_store_read(v->run->store, GW_GENERATION_LIVE, *after,
                                 *upto, v->batch_bytes, batch, &fault);
        if (is_fault(code)) {
            code = find_malformed(v, *after, *upto, batch, &bad, err);
            if (code != GW_OK)
                return code;
            if (bad > v->malformed) {
                v->malformed = bad;
                gw_buf_text(&v->line, fault.text);
                report(v);
            }
            *upto = bad - 1;
        } else if (code == GW_OK && batch->n == 0 && *upto < v->upto) {
            *after = *upto + 1; /* the malformed one */
            *upto = v->upto;
        } else {
            if (code != GW_OK && err)
                *err = fault;
            return code;
        }
    }
}

/* Derives the models of the slice; *is_too_large when they do not fit, and
 * then slice.reported is how far it came. */
static gw_code
derive(gw_verifier *v, bool *is_too_large, gw_error *err)
{
    int64_t after = 0, upto = v->upto;
    gw_code code = GW_OK;
    gw_batch batch;

    gw_batch_init(&batch);
    while (code == GW_OK && !*is_too_large) {
        if (gw_stream_is_stopped(v->run)) {
            code = gw_fail(err, GW_E_INTERRUPTED, "stopped");
            break;
        }
        code = read_batch(v, &after, &upto, &batch, err);
        if (code != GW_OK || batch.n == 0)
            break;
        for (size_t i = 0; code == GW_OK && i < batch.n; i++)
            code = verify_position(v, &batch.positions[i], err);
        after = batch.positions[batch.n - 1].position;
        publish(v);
        if (v->slice.bits < MAX_SLICE_BITS &&
            gw_keyframes_bytes(v->derived) > v->budget)
            *is_too_large = true;
    }
    gw_batch_clear(&batch);
    if (*is_too_large && after > v->slice.reported)
        v->slice.reported = after;
    return code;
}

/* ---- the models ---- */

static int
compare_fields(const void *a, const void *b)
{
    const gw_field *x = a, *y = b;

    return gw_slice_compare(x->key, y->key);
}

/* The fields that the events make, the meta ones too, sorted. */
static gw_fields
expected_fields(gw_arena *arena, const gw_model *model)
{
    size_t n = model->state ? gw_state_count(model->state) : 0;
    gw_fields fields = {GW_ARENA_NEW(arena, gw_field, n + 2), 0};
    size_t cursor = 0;

    while (model->state && fields.n < n &&
           gw_state_next(model->state, &cursor, &fields.at[fields.n]))
        fields.n++;
    fields.at[fields.n++] = (gw_field){
        GW_LIT("meta_deleted"), bool_text(model->status == GW_STATUS_DELETED)};
    fields.at[fields.n++] = (gw_field){GW_LIT("meta_position"),
                                       int_text(arena, model->meta_position)};
    qsort(fields.at, fields.n, sizeof(gw_field), compare_fields);
    return fields;
}

static void
compare_data(gw_verifier *v, gw_slice fqid, gw_fields expected, gw_fields found)
{
    const gw_slice nothing = {NULL, 0};
    size_t i = 0, k = 0;

    while (i < expected.n || k < found.n) {
        int order = i == expected.n ? 1
                    : k == found.n
                        ? -1
                        : compare_fields(&expected.at[i], &found.at[k]);
        gw_slice want = order <= 0 ? expected.at[i].value : nothing;
        gw_slice have = order >= 0 ? found.at[k].value : nothing;

        if (order != 0 ||
            (!gw_slice_equal(want, have) && !gw_json_equal(want, have)))
            report_field(v, fqid,
                         order <= 0 ? expected.at[i].key : found.at[k].key,
                         want, have);
        i += order <= 0;
        k += order >= 0;
    }
}

/* Whether a model was touched after the last position that was read. */
static bool
is_newer(gw_verifier *v, gw_slice fqid, gw_fields found)
{
    ptrdiff_t i = gw_fields_find(found, GW_LIT("meta_position"));
    int64_t position;

    if (i < 0 || !gw_json_int(found.at[i].value, &position) ||
        position <= v->upto || v->n_newer == MAX_NEWER)
        return false;
    v->newer[v->n_newer++] =
        (gw_newer_model){gw_arena_dup(&v->newer_arena, fqid), position};
    return true;
}

/* One row of `models` against what the events make of it. */
static void
compare_model(gw_verifier *v, gw_slice fqid, gw_slice data, bool deleted,
              const gw_model *model)
{
    gw_fields found;
    gw_error fault;

    gw_arena_reset(&v->arena);
    if (gw_json_object(&v->arena, data, &found, &fault) != GW_OK) {
        gw_buf_printf(&v->line, "%.*s: data: %s", GW_FMT(fqid), fault.text);
        report(v);
    } else if (is_newer(v, fqid, found)) {
        return;
    } else if (model->status == GW_STATUS_NONE) {
        gw_buf_printf(&v->line, "%.*s: no event creates it", GW_FMT(fqid));
        report(v);
    } else {
        bool is_deleted = model->status == GW_STATUS_DELETED;

        if (deleted != is_deleted)
            report_field(v, fqid, GW_LIT("deleted"), bool_text(is_deleted),
                         bool_text(deleted));
        if (found.n > 1)
            qsort(found.at, found.n, sizeof(gw_field), compare_fields);
        compare_data(v, fqid, expected_fields(&v->arena, model), found);
    }
}

static gw_code
verify_model(void *arg, gw_slice fqid, gw_slice data, bool deleted,
             gw_error *err)
{
    gw_model model = {0};
    gw_verifier *v = arg;
    gw_error fault;
    gw_fqid parsed;
    gw_code code;

    if (gw_stream_is_stopped(v->run))
        return gw_fail(err, GW_E_INTERRUPTED, "stopped");
    if (!is_in_slice(v, fqid))
        return GW_OK;
    v->models++;
    if (gw_fqid_parse(fqid, &parsed, &fault) != GW_OK) {
        gw_buf_printf(&v->line, "models: %s", fault.text);
        report(v);
        return GW_OK;
    }
    code = gw_keyframes_get(v->derived, 0, fqid, &model, err);
    if (code != GW_OK)
        return code;
    v->n_found += model.status != GW_STATUS_NONE;
    compare_model(v, fqid, data, deleted, &model);
    return GW_OK;
}

/* gw_keyframes_each: a model that the events make and the store lacks */
static gw_code
verify_presence(void *arg, gw_slice fqid, gw_error *err)
{
    gw_verifier *v = arg;
    bool deleted, found;
    gw_model model;
    gw_slice data;
    gw_code code;

    code = gw_keyframes_get(v->derived, 0, fqid, &model, err);
    if (code != GW_OK || model.status == GW_STATUS_NONE)
        return code;
    gw_arena_reset(&v->arena);
    code = gw_store_model(v->run->store, &v->arena, fqid, &data, &deleted,
                          &found, err);
    if (code == GW_OK && !found) {
        gw_buf_printf(&v->line, "%.*s: missing among the models", GW_FMT(fqid));
        report(v);
    }
    return code;
}

static gw_code
find_missing(gw_verifier *v, gw_error *err)
{
    const gw_collection_ids *c;
    gw_code code = GW_OK;

    for (size_t i = 0;
         code == GW_OK && (c = gw_collections_at(v->collections, i)) != NULL;
         i++)
        code = gw_keyframes_each(v->derived, c->name, verify_presence, v, err);
    return code;
}

/* Models above the last position read: written while this ran, or wrong. */
static gw_code
judge_newer(gw_verifier *v, gw_error *err)
{
    gw_store_counts counts;
    gw_code code = GW_OK;

    if (v->n_newer > 0)
        code = gw_store_count(v->run->store, 0, false, &counts, err);
    for (size_t i = 0; code == GW_OK && i < v->n_newer; i++) {
        const gw_newer_model *newer = &v->newer[i];

        if (newer->position <= counts.max_position) {
            v->skipped++;
            continue;
        }
        gw_buf_printf(&v->line,
                      "%.*s: meta_position: %lld is above the "
                      "newest position, %lld",
                      GW_FMT(newer->fqid), (long long)newer->position,
                      (long long)counts.max_position);
        report(v);
    }
    v->n_newer = 0;
    gw_arena_reset(&v->newer_arena);
    return code;
}

/* Some faults of a row of models keep the store from going on behind it. */
static gw_code
visit_models(gw_verifier *v, gw_error *err)
{
    gw_error fault;
    gw_code code;

    code = gw_store_models(v->run->store, (gw_slice){NULL, 0}, verify_model, v,
                           &fault);
    if (is_fault(code)) {
        if (!v->is_cut) {
            gw_buf_printf(&v->line,
                          "%s; the models behind it are not "
                          "compared",
                          fault.text);
            report(v);
        }
        v->is_cut = true;
        return GW_OK;
    }
    if (code != GW_OK && err)
        *err = fault;
    return code;
}

static gw_code
compare_models(gw_verifier *v, gw_error *err)
{
    gw_code code;

    v->n_found = 0;
    code = visit_models(v, err);
    if (code == GW_OK)
        code = judge_newer(v, err);
    if (code == GW_OK && !v->is_cut && v->n_found != v->n_derived)
        code = find_missing(v, err);
    return code;
}

/* ---- slices ---- */

static gw_mask
keep_all(void *arg, size_t level, gw_slice collection)
{
    (void)arg;
    (void)level;
    (void)collection;
    return (gw_mask){.all = true};
}

/* By how many bits to cut, from how far the pass came. */
static unsigned
more_bits(const gw_verifier *v)
{
    unsigned bits = 1;

    while (bits + v->slice.bits < MAX_SLICE_BITS &&
           v->events_seen << bits < v->events_total)
        bits++;
    return bits;
}

static gw_code
verify_slice(gw_verifier *v, gw_slice_of_fqids slice, gw_error *err)
{
    bool is_too_large = false;
    gw_code code;
    unsigned bits;

    v->slice = slice;
    v->n_derived = v->events_seen = 0;
    v->derived = gw_keyframes_new(1, keep_all, NULL, NULL);
    code = derive(v, &is_too_large, err);
    if (code == GW_OK && !is_too_large)
        code = compare_models(v, err);
    gw_keyframes_free(v->derived);
    if (code != GW_OK || !is_too_large)
        return code;
    bits = more_bits(v);
    slice.reported = v->slice.reported;
    for (uint64_t i = 0; code == GW_OK && i < (uint64_t)1 << bits; i++)
        code = verify_slice(v,
                            (gw_slice_of_fqids){slice.bits + bits,
                                                slice.index | i << slice.bits,
                                                slice.reported},
                            err);
    return code;
}

/* ---- id_sequences ---- */

static gw_code
see_sequence(void *arg, gw_slice collection, int64_t id, gw_error *err)
{
    gw_verifier *v = arg;

    (void)err;
    gw_collections_set_next(v->collections, collection, id);
    return GW_OK;
}

/* Too high is fine: the application may have given out ids in advance. */
static gw_code
verify_sequences(gw_verifier *v, gw_error *err)
{
    const gw_collection_ids *c;
    gw_code code;

    code = gw_store_sequences(v->run->store, see_sequence, v, err);
    for (size_t i = 0;
         code == GW_OK && (c = gw_collections_at(v->collections, i)) != NULL;
         i++) {
        if (c->next > c->highest)
            continue;
        gw_buf_printf(
            &v->line,
            "id_sequences: %.*s: expected at least "
            "%lld, found ",
            GW_FMT(c->name),
            (long long)(c->highest == INT64_MAX ? c->highest : c->highest + 1));
        if (c->next > 0)
            gw_buf_int(&v->line, c->next);
        else
            gw_buf_text(&v->line, "nothing");
        report(v);
    }
    return code;
}

/* ---- the command ---- */

static void
summarize(gw_verifier *v)
{
    if (v->differences > v->max_lines && v->max_lines > 0) {
        gw_buf_printf(&v->line, "… and %lld more",
                      (long long)(v->differences - v->max_lines));
        print_line(v);
    }
    if (v->skipped > 0) {
        gw_buf_printf(&v->line,
                      "%lld models not compared: they were "
                      "written meanwhile",
                      (long long)v->skipped);
        print_line(v);
    }
    gw_buf_printf(&v->line,
                  "verified %lld positions, %lld events, "
                  "%lld models",
                  (long long)v->positions, (long long)v->events,
                  (long long)v->models);
    print_line(v);
}

/* A cutover puts other events and models in place of those compared. */
static gw_code
check_same_generation(gw_verifier *v, const gw_store_counts *before,
                      gw_error *err)
{
    gw_store_counts now;
    gw_code code = gw_store_count(v->run->store, 0, false, &now, err);

    if (code == GW_OK && (now.min_index != before->min_index ||
                          now.max_position < before->max_position))
        return gw_fail(err, GW_E_STATE,
                       "the store was migrated while it "
                       "was verified; verify it again");
    return code;
}

static gw_code
verify_all(gw_verifier *v, gw_error *err)
{
    gw_counters *counters = v->run->counters;
    gw_store_counts counts;
    gw_code code;

    code = gw_store_count(v->run->store, 0, true, &counts, err);
    if (code != GW_OK)
        return code;
    v->upto = counts.max_position;
    v->events_total = counts.events;
    if (counters) {
        atomic_store(&counters->phase, GW_PHASE_VERIFY);
        atomic_store(&counters->positions_total, counts.positions);
        atomic_store(&counters->events_total, counts.events);
    }
    publish(v);
    code = verify_slice(v, (gw_slice_of_fqids){0}, err);
    if (code == GW_OK)
        code = verify_sequences(v, err);
    if (code == GW_OK)
        code = check_same_generation(v, &counts, err);
    if (code != GW_OK)
        return code;
    summarize(v);
    if (counters)
        atomic_store(&counters->phase, GW_PHASE_DONE);
    return GW_OK;
}

gw_code
gw_verify(const gw_run *run, int64_t max_lines, int64_t *differences,
          gw_error *err)
{
    gw_verifier *v = gw_calloc(1, sizeof(*v));
    gw_code code;

    v->run = run;
    v->max_lines = max_lines;
    v->budget = run->memory_bytes ? run->memory_bytes : GW_DEFAULT_MEMORY;
    if (v->budget < MIN_BUDGET)
        v->budget = MIN_BUDGET;
    v->batch_bytes =
        run->batch_bytes ? run->batch_bytes : gw_store_batch(run->store);
    v->collections = gw_collections_new();
    gw_arena_init(&v->arena);
    gw_arena_init(&v->newer_arena);
    code = verify_all(v, err);
    if (code == GW_OK) {
        *differences = v->differences;
        if (v->differences > 0)
            code = gw_fail(err, GW_E_DIFFERENT,
                           "%lld difference%s between "
                           "the events and the models",
                           (long long)v->differences,
                           v->differences == 1 ? "" : "s");
    }
    gw_collections_free(v->collections);
    gw_arena_clear(&v->newer_arena);
    gw_arena_clear(&v->arena);
    gw_buf_clear(&v->line);
    free(v);
    return code;
}
