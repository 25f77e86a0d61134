/* SPDX-License-Identifier: Apache-2.0 */
/* The position under construction, and its way into the store together with
 * what is known of its keys: one transaction, or nothing of it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sha256.h"
#include "base/utf8.h"
#include "source/import_priv.h"

/* What one commit holds, and for how long others wait for it at most. */
#define COMMIT_BYTES ((size_t)8 * GW_MIB)
enum { COMMIT_MS = 1000 };

static const char *const REASONS[] = {
#define GW_REASON_TEXT(name, text) text,
    GW_REASON_MAP(GW_REASON_TEXT)
#undef GW_REASON_TEXT
};

const char *
gw_reason_name(gw_reason reason)
{
    return REASONS[reason];
}

/* ---- transactions ---- */

/* Items go in as of the migration index that the first import found: the
 * fields of later ones would not be those of the models. */
static gw_code
check_index(gw_importing *im, gw_error *err)
{
    int64_t index = gw_appender_index(im->appender);

    if (im->state.index == 0 || index == 0 || index == im->state.index)
        return GW_OK;
    return gw_fail(err, GW_E_STATE,
                   "the store is at migration index %" PRId64
                   ", this import began at %" PRId64
                   ": import everything before finalize, or import into "
                   "another store",
                   index, im->state.index);
}

gw_code
gw_importing_begin(gw_importing *im, gw_error *err)
{
    gw_code code;

    if (gw_appender_is_open(im->appender))
        return GW_OK;
    code = gw_appender_open(im->appender, err);
    if (code == GW_OK)
        code = check_index(im, err);
    return code;
}

static void
publish(gw_importing *im)
{
    gw_counters *c = im->run->counters;

    if (!c)
        return;
    atomic_store(&c->positions_done, im->positions);
    atomic_store(&c->events_done, im->items);
}

static void
put_state(const gw_progress_state *s, gw_buf *out)
{
    gw_buf_printf(out,
                  "{\"number\":%" PRId64 ",\"running\":%s,\"steps\":%" PRIu64
                  ",\"done\":%" PRIu64 ",\"index\":%" PRId64 ",\"counts\":[",
                  s->number, s->is_running ? "true" : "false", s->steps,
                  s->done, s->index);
    for (size_t i = 0; i < sizeof(s->counts) / sizeof(s->counts[0]); i++) {
        if (i > 0)
            gw_buf_byte(out, ',');
        gw_buf_int(out, s->counts[i]);
    }
    gw_buf_text(out, "]}");
}

static gw_code
write_state(gw_importing *im, gw_error *err)
{
    gw_buf text = {0};

    if (!im->is_state_new)
        return GW_OK;
    if (im->state.index == 0)
        im->state.index = gw_appender_index(im->appender);
    put_state(&im->state, &text);
    gw_code code = gw_import_put_state(im->run->store, im->source,
                                       gw_buf_as_slice(&text), err);
    gw_buf_clear(&text);
    im->is_state_new = code != GW_OK;
    return code;
}

gw_code
gw_importing_settle(gw_importing *im, bool now, gw_error *err)
{
    gw_code code = GW_OK;

    if (!now &&
        !(gw_appender_is_open(im->appender) &&
          (im->bytes >= COMMIT_BYTES || gw_appender_is_full(im->appender) ||
           gw_appender_age_ms(im->appender) >= COMMIT_MS)))
        return GW_OK;
    if (im->is_state_new)
        code = gw_importing_begin(im, err);
    if (code == GW_OK && !gw_appender_is_open(im->appender))
        return GW_OK;
    if (code == GW_OK)
        code = write_state(im, err);
    if (code == GW_OK)
        code = gw_appender_commit(im->appender, err);
    im->bytes = 0;
    publish(im);
    return code;
}

gw_code
gw_importing_stop(gw_importing *im, gw_error *err)
{
    gw_code code = gw_importing_settle(im, true, err);

    return code != GW_OK
               ? code
               : gw_fail(err, GW_E_INTERRUPTED,
                         "stopped; the next import goes on from here");
}

int64_t
gw_importing_count(const gw_importing *im, gw_count which)
{
    return im->state.counts[which];
}

void
gw_importing_set_count(gw_importing *im, gw_count which, int64_t value)
{
    im->is_state_new |= im->state.counts[which] != value;
    im->state.counts[which] = value;
}

/* ---- keys ---- */

static gw_import_kind
kind_of(const gw_importing *im, gw_slice kind)
{
    return (gw_import_kind){im->source, kind};
}

/* Those that are not in memory, all at once. */
static gw_code
find_missing(gw_importing *im, gw_slice kind, const gw_slice *keys, size_t n,
             const size_t *at, gw_import_row *rows, gw_error *err)
{
    gw_import_kind k = kind_of(im, kind);
    gw_slice *wanted = gw_malloc(n * sizeof(*wanted));
    gw_import_row *found = gw_calloc(n, sizeof(*found));

    for (size_t i = 0; i < n; i++)
        wanted[i] = keys[at[i]];
    gw_code code = gw_import_find(im->run->store, &k, wanted, n, found, err);
    for (size_t i = 0; i < n && code == GW_OK; i++) {
        rows[at[i]] = found[i];
        if (found[i].id)
            gw_known_put(&im->known, kind, wanted[i], &found[i]);
    }
    free(wanted);
    free(found);
    return code;
}

gw_code
gw_importing_find(gw_importing *im, gw_slice kind, const gw_slice *keys,
                  size_t n, gw_import_row *rows, gw_error *err)
{
    size_t *missing = n ? gw_malloc(n * sizeof(*missing)) : NULL;
    size_t n_missing = 0;
    gw_code code = GW_OK;

    for (size_t i = 0; i < n; i++) {
        rows[i] = (gw_import_row){0};
        if (!gw_known_get(&im->known, kind, keys[i], &rows[i]))
            missing[n_missing++] = i;
    }
    if (n_missing > 0) {
        code = gw_importing_begin(im, err);
        if (code == GW_OK)
            code = find_missing(im, kind, keys, n_missing, missing, rows, err);
    }
    free(missing);
    return code;
}

gw_code
gw_importing_put(gw_importing *im, gw_slice kind, gw_slice key,
                 const gw_import_row *row, gw_error *err)
{
    gw_import_kind k = kind_of(im, kind);
    gw_code code = gw_importing_begin(im, err);

    if (code == GW_OK)
        code = gw_import_put(im->run->store, &k, key, row, err);
    if (code == GW_OK)
        gw_known_put(&im->known, kind, key, row);
    return code;
}

gw_code
gw_importing_reserve(gw_importing *im, gw_slice collection, size_t n,
                     int64_t *first, gw_error *err)
{
    gw_code code = gw_importing_begin(im, err);

    *first = 0;
    if (code != GW_OK || n == 0)
        return code;
    code =
        gw_import_reserve(im->run->store, collection, (int64_t)n, first, err);
    if (code == GW_OK)
        gw_appender_reserved(im->appender, collection, *first);
    return code;
}

int64_t
gw_importing_digest(gw_slice data)
{
    char hex[GW_SHA256_HEX_SIZE];
    uint64_t value = 0;

    gw_sha256_hex(&data, 1, hex);
    for (int i = 0; i < 15; i++) {
        int digit = hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10;
        value = value << 4 | (uint64_t)digit;
    }
    return value ? (int64_t)value : 1;
}

/* ---- events ---- */

static gw_slice
put_fqid(gw_importing *im, gw_slice collection, int64_t id)
{
    gw_slice number = gw_arena_int(&im->arena, id);
    gw_slice text = {NULL, collection.len + 1 + number.len};
    char *at = gw_arena_alloc(&im->arena, text.len);

    memcpy(at, collection.at, collection.len);
    at[collection.len] = '/';
    memcpy(at + collection.len + 1, number.at, number.len);
    text.at = at;
    return text;
}

static gw_code
add_event(gw_importing *im, gw_slice fqid, gw_slice type, gw_slice data,
          gw_error *err)
{
    gw_event event;
    gw_code code = gw_event_parse(&im->arena, fqid, type,
                                  gw_arena_dup(&im->arena, data), &event, err);

    if (code != GW_OK)
        return code;
    gw_event_list_add(&im->events, &event);
    im->bytes += data.len;
    return GW_OK;
}

gw_code
gw_importing_create(gw_importing *im, gw_slice collection, int64_t id,
                    gw_slice data, gw_error *err)
{
    return add_event(im, put_fqid(im, collection, id), GW_LIT("create"), data,
                     err);
}

gw_code
gw_importing_create_of(gw_importing *im, gw_slice collection, int64_t id,
                       gw_fields fields, gw_error *err)
{
    gw_slice text = put_fqid(im, collection, id);
    gw_event event = {
        .fqid = {text, collection.len},
        .type = GW_EVENT_CREATE,
        .set = fields,
    };
    gw_code code = gw_event_check(&im->arena, &event, err);

    if (code != GW_OK)
        return code;
    gw_event_list_add(&im->events, &event);
    for (size_t i = 0; i < fields.n; i++)
        im->bytes += fields.at[i].key.len + fields.at[i].value.len;
    return GW_OK;
}

/* One owned field: what is new goes to `set`, what is gone to `cut`. */
static void
compare_field(const gw_model *model, gw_fields fields, gw_slice name,
              gw_buf *set, gw_buf *cut)
{
    ptrdiff_t at = gw_fields_find(fields, name);
    gw_slice now = at >= 0 ? fields.at[at].value : (gw_slice){0};
    gw_slice was =
        model->state ? gw_state_get(model->state, name) : (gw_slice){0};

    if (!now.at && was.at) {
        gw_buf_byte(cut, cut->len ? ',' : '[');
        gw_json_put_string(cut, name);
    } else if (now.at && (!was.at || !gw_json_equal(now, was))) {
        gw_buf_byte(set, set->len ? ',' : '{');
        gw_json_put_string(set, name);
        gw_buf_byte(set, ':');
        gw_buf_slice(set, now);
    }
}

/* Every field of either, but the id. */
static void
compare_all(const gw_model *model, gw_fields fields, gw_buf *set, gw_buf *cut)
{
    gw_field field;
    size_t cursor = 0;

    while (model->state && gw_state_next(model->state, &cursor, &field))
        if (!gw_slice_equal(field.key, GW_LIT("id")))
            compare_field(model, fields, field.key, set, cut);
    for (size_t i = 0; i < fields.n; i++)
        if (!model->state || !gw_state_get(model->state, fields.at[i].key).at)
            compare_field(model, fields, fields.at[i].key, set, cut);
}

static gw_code
add_difference(gw_importing *im, gw_slice fqid, const gw_model *model,
               const char *const *owned, gw_fields fields, gw_error *err)
{
    gw_buf set = {0}, cut = {0};
    gw_code code = GW_OK;

    if (owned)
        for (; *owned; owned++)
            compare_field(model, fields, gw_slice_of(*owned), &set, &cut);
    else
        compare_all(model, fields, &set, &cut);
    if (set.len) {
        gw_buf_byte(&set, '}');
        code =
            add_event(im, fqid, GW_LIT("update"), gw_buf_as_slice(&set), err);
    }
    if (cut.len && code == GW_OK) {
        gw_buf_byte(&cut, ']');
        code = add_event(im, fqid, GW_LIT("deletefields"),
                         gw_buf_as_slice(&cut), err);
    }
    gw_buf_clear(&set);
    gw_buf_clear(&cut);
    return code;
}

gw_code
gw_importing_change(gw_importing *im, gw_slice collection, int64_t id,
                    gw_slice key, const char *const *owned, gw_slice data,
                    gw_error *err)
{
    gw_slice fqid = put_fqid(im, collection, id);
    gw_fields fields;
    gw_model model;
    gw_code code = gw_importing_begin(im, err);

    if (code == GW_OK)
        code = gw_appender_model(im->appender, fqid, &model, err);
    if (code != GW_OK)
        return code;
    if (model.status != GW_STATUS_ALIVE)
        return gw_importing_problem(
            im, GW_REASON_REFUSED,
            gw_arena_printf(&im->arena, "%.*s", GW_FMT(collection)), key, 1,
            err, "it changed at the source, but model %.*s is deleted here",
            GW_FMT(fqid));
    code = gw_json_object(&im->arena, data, &fields, err);
    return code == GW_OK ? add_difference(im, fqid, &model, owned, fields, err)
                         : code;
}

/* ---- the position ---- */

static void
clear_position(gw_importing *im)
{
    gw_arena_reset(&im->arena);
    im->events = (gw_event_list){.arena = &im->arena};
}

gw_code
gw_importing_write(gw_importing *im, gw_slice unit, gw_error *err)
{
    gw_buf information = {0};
    gw_code code = gw_importing_begin(im, err);

    if (code == GW_OK && im->events.n > 0) {
        gw_buf_text(&information, "{\"import\":");
        gw_json_put_string(&information, im->source);
        gw_buf_printf(&information, ",\"step\":\"%s\"", gw_step_name(im->step));
        if (unit.len > 0) {
            gw_buf_text(&information, ",\"unit\":");
            gw_json_put_string(&information, unit);
        }
        gw_buf_byte(&information, '}');
        gw_position p = {
            .information = gw_buf_as_slice(&information),
            .events = {im->events.at, im->events.n},
        };
        code = gw_appender_add(im->appender, &p, err);
        im->positions++;
        im->items += (int64_t)im->events.n;
    }
    gw_buf_clear(&information);
    clear_position(im);
    return code == GW_OK ? gw_importing_settle(im, false, err) : code;
}

/* ---- problems ---- */

enum {
    GW_STEP_ROOM = 32,
    KEY_ROOM = 2200, /* two ids and what stands around them */
    KEY_SHOWN = 200,
};

/* "message", or "message*" for what tally does not count. */
static gw_slice
step_text(const gw_importing *im, char room[GW_STEP_ROOM])
{
    int n = snprintf(room, GW_STEP_ROOM, "%s%s", gw_step_name(im->step),
                     im->is_beside ? "*" : "");

    return (gw_slice){room, (size_t)n};
}

/* What was cut inside a character, or came as no text, ends before it. */
static void
cut_to_text(char *text)
{
    char *end = text + strlen(text);

    for (size_t n; text < end; text += n) {
        n = gw_utf8_step(text, end);
        if (n == 0) {
            *text = '\0';
            return;
        }
    }
}

/* An index of a store has no room for a key of any length. */
static gw_slice
short_key(gw_importing *im, gw_slice key)
{
    size_t len = 0;

    if (key.len <= KEY_ROOM)
        return key;
    while (len < KEY_SHOWN) {
        size_t n = gw_utf8_step(key.at + len, key.at + key.len);
        len += n ? n : 1;
    }
    return gw_slice_of(
        gw_arena_printf(&im->arena, "%.*s… (%zu bytes, %" PRIx64 ")", (int)len,
                        key.at, key.len, (uint64_t)gw_importing_digest(key)));
}

gw_code
gw_importing_problem(gw_importing *im, gw_reason reason, const char *collection,
                     gw_slice key, int64_t n, gw_error *err, const char *fmt,
                     ...)
{
    char detail[512], step[GW_STEP_ROOM];
    va_list args;
    gw_code code = gw_importing_begin(im, err);

    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    cut_to_text(detail);
    gw_import_problem p = {
        .step = step_text(im, step),
        .reason = gw_slice_of(REASONS[reason]),
        .collection = gw_slice_of(collection),
        .key = short_key(im, key),
        .n = n,
        .detail = gw_slice_of(detail),
    };
    return code == GW_OK
               ? gw_import_put_problem(im->run->store, im->source, &p, err)
               : code;
}

gw_code
gw_importing_solved(gw_importing *im, gw_reason reason, const char *collection,
                    gw_slice key, gw_error *err)
{
    char step[GW_STEP_ROOM];
    gw_import_problem p = {
        .step = step_text(im, step),
        .reason = gw_slice_of(REASONS[reason]),
        .collection = gw_slice_of(collection),
        .key = short_key(im, key),
    };
    gw_code code = gw_importing_begin(im, err);

    return code == GW_OK
               ? gw_import_drop_problems(im->run->store, im->source, &p, err)
               : code;
}
