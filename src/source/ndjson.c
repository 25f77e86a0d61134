/* SPDX-License-Identifier: Apache-2.0 */
/* The source "ndjson": files of items, one a line. Each step reads the files
 * for the items that are its own, and goes on from the byte that it had come
 * to. Source: docs/import.md */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/lines.h"
#include "source/import_priv.h"

enum {
    BATCH = 500, /* items of a position */
    LINE_WAIT_MS = 200,
};

#define KIND_FILE GW_LIT("file")

/* One line: {"collection", "key", "fields", "step"?}. */
typedef struct item {
    gw_slice collection, key, fields;
    gw_step step;
} item;

typedef struct ndjson {
    gw_importing *im;
} ndjson;

typedef struct reading {
    gw_importing *im;
    const char *name;
    char *path; /* absolute; owned */
    FILE *file;
    gw_lines lines;
    int64_t offset, number; /* behind the last line; its number */
    gw_arena arena;         /* of the batch */
    item items[BATCH];
    size_t n;
    gw_texts keys;
} reading;

static void
close_ndjson(void *self)
{
    free(self);
}

static gw_code
open_ndjson(gw_importing *im, void **self, gw_error *err)
{
    if (im->options->n_files == 0)
        return gw_fail(err, GW_E_USAGE, "no files to import; give their names");
    for (size_t i = 0; i < im->options->n_files; i++) {
        struct stat about;
        const char *name = im->options->files[i];
        if (stat(name, &about) != 0)
            return gw_fail(err, GW_E_INPUT, "%s: %s", name, strerror(errno));
        if (!S_ISREG(about.st_mode))
            return gw_fail(err, GW_E_INPUT,
                           "%s: is no file; what is read again from a byte "
                           "on must be one",
                           name);
    }
    ndjson *n = gw_calloc(1, sizeof(*n));
    n->im = im;
    *self = n;
    return GW_OK;
}

/* ---- lines ---- */

static gw_code
take_text(gw_arena *arena, const gw_field *field, gw_slice *out, gw_error *err)
{
    if (gw_json_kind_of(field->value) != GW_JSON_STRING)
        return gw_fail(err, GW_E_INPUT, "`%.*s` must be a string",
                       GW_FMT(field->key));
    *out = gw_json_string(arena, field->value);
    return GW_OK;
}

static gw_code
take_member(gw_arena *arena, const gw_field *field, item *out, gw_slice *step,
            gw_error *err)
{
    if (gw_slice_equal(field->key, GW_LIT("collection")))
        return take_text(arena, field, &out->collection, err);
    if (gw_slice_equal(field->key, GW_LIT("key")))
        return take_text(arena, field, &out->key, err);
    if (gw_slice_equal(field->key, GW_LIT("step")))
        return take_text(arena, field, step, err);
    if (!gw_slice_equal(field->key, GW_LIT("fields")))
        return gw_fail(err, GW_E_INPUT,
                       "unknown member; an item has collection, key, fields, "
                       "step");
    if (gw_json_kind_of(field->value) != GW_JSON_OBJECT)
        return gw_fail(err, GW_E_INPUT, "`fields` must be an object");
    out->fields = field->value;
    return GW_OK;
}

/* Names that a model can have, and values that an event can. */
static gw_code
check_fields(gw_arena *arena, gw_slice raw, gw_error *err)
{
    gw_fields fields;
    gw_code code = gw_json_object(arena, raw, &fields, err);

    for (size_t i = 0; code == GW_OK && i < fields.n; i++) {
        const gw_field *f = &fields.at[i];
        if (gw_slice_equal(f->key, GW_LIT("id")))
            code = gw_fail(err, GW_E_INPUT,
                           "`fields` holds an id; it is given here");
        else if (!gw_field_name_is_valid(f->key))
            code = gw_fail(err, GW_E_INPUT, "`%.*s` is no name of a field",
                           GW_FMT(f->key));
        else if (gw_json_kind_of(f->value) == GW_JSON_NULL)
            code = gw_fail(err, GW_E_INPUT, "`%.*s` is null", GW_FMT(f->key));
    }
    return code;
}

static gw_code
parse_item(gw_arena *arena, gw_slice line, item *out, gw_error *err)
{
    gw_fields fields;
    gw_slice step = {NULL, 0};
    gw_code code = gw_json_object(arena, line, &fields, err);

    *out = (item){.step = GW_STEP_MESSAGE};
    for (size_t i = 0; code == GW_OK && i < fields.n; i++)
        code = take_member(arena, &fields.at[i], out, &step, err);
    if (code != GW_OK)
        return code;
    if (!out->collection.at || !out->key.at || !out->fields.at)
        return gw_fail(err, GW_E_INPUT,
                       "an item needs collection, key and fields");
    if (!gw_collection_is_valid(out->collection) || out->collection.len > 32)
        return gw_fail(err, GW_E_INPUT, "its collection is no name of one");
    if (out->key.len == 0 || out->key.len > GW_LIMIT_SOURCE_KEY)
        return gw_fail(err, GW_E_INPUT, "its key has %zu bytes, 1 to %d can be",
                       out->key.len, GW_LIMIT_SOURCE_KEY);
    if (step.at &&
        (!gw_step_parse(step, &out->step) || out->step == GW_STEP_CLEANUP))
        return gw_fail(err, GW_E_INPUT,
                       "its step is none of user, channel, message, "
                       "conversation");
    if (!step.at)
        (void)gw_step_parse(out->collection, &out->step);
    return check_fields(arena, out->fields, err);
}

/* ---- a batch ---- */

static gw_slice
with_id(gw_arena *arena, int64_t id, gw_slice fields)
{
    gw_buf text = {0};
    gw_slice rest = {fields.at + 1, fields.len - 1}; /* behind its brace */
    bool is_empty = memchr(rest.at, '"', rest.len) == NULL;

    gw_buf_printf(&text, "{\"id\":%" PRId64 "%s", id, is_empty ? "" : ",");
    gw_buf_slice(&text, rest);
    gw_slice copy = gw_arena_dup(arena, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    return copy;
}

static gw_slice
kind_of(gw_arena *arena, gw_slice collection)
{
    return gw_slice_of(gw_arena_printf(arena, "item %.*s", GW_FMT(collection)));
}

static gw_code
write_item(reading *r, const item *it, gw_error *err)
{
    gw_importing *im = r->im;
    gw_slice kind = kind_of(&im->arena, it->collection);
    gw_buf canonical = {0};
    gw_import_row row;
    gw_code code = gw_importing_find(im, kind, &it->key, 1, &row, err);

    if (code != GW_OK)
        return code;
    gw_json_put_canonical(&canonical, it->fields);
    int64_t digest = gw_importing_digest(gw_buf_as_slice(&canonical));
    gw_buf_clear(&canonical);
    gw_import_row now = {row.id, im->state.number, digest, 1};
    if (!row.id) {
        code = gw_importing_reserve(im, it->collection, 1, &now.id, err);
        if (code == GW_OK)
            code = gw_importing_create(im, it->collection, now.id,
                                       with_id(&im->arena, now.id, it->fields),
                                       err);
    } else if (row.mark != digest) {
        code = gw_importing_change(im, it->collection, row.id, it->key, NULL,
                                   it->fields, err);
    }
    return code == GW_OK ? gw_importing_put(im, kind, it->key, &now, err)
                         : code;
}

static gw_slice
cursor_key(const reading *r, gw_arena *arena)
{
    return gw_slice_of(
        gw_arena_printf(arena, "%s %s", gw_step_name(r->im->step), r->path));
}

/* The items and the byte behind them: together or not at all. */
static gw_code
write_batch(reading *r, gw_error *err)
{
    gw_importing *im = r->im;
    gw_import_row cursor = {1, im->state.number, r->offset, r->number};
    char unit[64];
    gw_code code = gw_importing_begin(im, err);

    for (size_t i = 0; i < r->n && code == GW_OK; i++)
        code = write_item(r, &r->items[i], err);
    if (code == GW_OK)
        code = gw_importing_put(im, KIND_FILE, cursor_key(r, &im->arena),
                                &cursor, err);
    gw_count count = (gw_count)(GW_COUNT_ITEMS + (int)im->step);
    gw_importing_set_count(im, count,
                           gw_importing_count(im, count) + (int64_t)r->n);
    int len = snprintf(unit, sizeof(unit), "byte %" PRId64, r->offset);
    if (code == GW_OK)
        code = gw_importing_write(im, (gw_slice){unit, (size_t)len}, err);
    r->n = 0;
    gw_arena_reset(&r->arena);
    gw_texts_init(&r->keys, &r->arena);
    return code;
}

/* An item twice in one position would be created twice. */
static gw_code
add_item(reading *r, const item *it, gw_error *err)
{
    gw_slice key = gw_slice_of(gw_arena_printf(
        &r->arena, "%.*s %.*s", GW_FMT(it->collection), GW_FMT(it->key)));
    gw_code code = GW_OK;

    if (gw_texts_has(&r->keys, key))
        return gw_fail(err, GW_E_STATE, "twice");
    (void)gw_texts_add(&r->keys, key);
    r->items[r->n] = (item){
        .collection = gw_arena_dup(&r->arena, it->collection),
        .key = gw_arena_dup(&r->arena, it->key),
        .fields = gw_arena_dup(&r->arena, it->fields),
        .step = it->step,
    };
    r->n++;
    return code;
}

/* ---- a file ---- */

/* Every step reads them, so each notes them, in the same place: which of them
 * this run begins with is not known here. */
static gw_code
refuse_line(reading *r, const gw_error *why, gw_error *err)
{
    gw_importing *im = r->im;
    gw_arena arena = {0};
    gw_slice key =
        gw_slice_of(gw_arena_printf(&arena, "line %" PRId64, r->number));

    gw_step step = im->step;
    im->step = GW_STEP_USER;
    im->is_beside = true;
    gw_code code = gw_importing_problem(im, GW_REASON_REFUSED, r->name, key, 1,
                                        err, "%s", why->text);
    im->is_beside = false;
    im->step = step;
    gw_arena_clear(&arena);
    return code;
}

static gw_code
take_line(reading *r, gw_slice line, int64_t end, gw_error *err)
{
    gw_error why;
    gw_arena scratch = {0};
    gw_code code = GW_OK;
    item it;

    r->number++;
    if (line.len == 0) {
        r->offset = end;
        return GW_OK;
    }
    if (parse_item(&scratch, line, &it, &why) != GW_OK) {
        code = refuse_line(r, &why, err);
    } else if (it.step == r->im->step) {
        if (add_item(r, &it, &why) != GW_OK) {
            code = write_batch(r, err);
            if (code == GW_OK)
                code = add_item(r, &it, err);
        }
    }
    r->offset = end;
    gw_arena_clear(&scratch);
    return code == GW_OK && r->n == BATCH ? write_batch(r, err) : code;
}

/* What was read so far is kept. */
static gw_code
stop_reading(reading *r, gw_error *err)
{
    gw_code code = write_batch(r, err);

    return code == GW_OK ? gw_importing_stop(r->im, err) : code;
}

static gw_code
take_next(reading *r, bool *is_done, gw_error *err)
{
    size_t before = r->lines.begin;
    gw_slice line;

    if (gw_lines_take(&r->lines, &line)) {
        int64_t end = r->offset + (int64_t)(r->lines.begin - before);
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        return take_line(r, line, end, err);
    }
    if (r->lines.is_at_end) {
        *is_done = true;
        return write_batch(r, err);
    }
    gw_code code = gw_lines_fill(&r->lines, LINE_WAIT_MS, err);
    if (code != GW_OK)
        gw_fail_prefix(err, "%s:%" PRId64 ": ", r->name, r->number + 1);
    return code;
}

static gw_code
read_file(reading *r, gw_error *err)
{
    bool is_done = false;
    gw_code code = GW_OK;

    gw_lines_init(&r->lines, r->file);
    while (code == GW_OK && !is_done)
        code = gw_importing_is_stopped(r->im) ? stop_reading(r, err)
                                              : take_next(r, &is_done, err);
    gw_lines_clear(&r->lines);
    return code;
}

/* Read from the beginning: what was refused may have been mended. */
static gw_code
forget_refused(reading *r, gw_error *err)
{
    gw_import_problem like = {.step = GW_LIT("user*"),
                              .collection = gw_slice_of(r->name)};

    return gw_import_drop_problems(r->im->run->store, r->im->source, &like,
                                   err);
}

/* Where this import had come to in it. */
static gw_code
seek(reading *r, gw_error *err)
{
    gw_importing *im = r->im;
    gw_slice key = cursor_key(r, &r->arena);
    struct stat about;
    gw_import_row cursor;
    gw_code code = gw_importing_find(im, KIND_FILE, &key, 1, &cursor, err);

    if (code == GW_OK && cursor.seen != im->state.number)
        return forget_refused(r, err);
    if (code != GW_OK)
        return code;
    if (fstat(fileno(r->file), &about) != 0 || about.st_size < cursor.mark)
        return gw_fail(
            err, GW_E_INPUT,
            "%s: is shorter than what was already read of it (%" PRId64
            " bytes)",
            r->name, cursor.mark);
    r->offset = cursor.mark;
    r->number = cursor.n;
    if (lseek(fileno(r->file), (off_t)r->offset, SEEK_SET) < 0)
        return gw_fail(err, GW_E_INPUT, "%s: %s", r->name, strerror(errno));
    return GW_OK;
}

static gw_code
import_file(gw_importing *im, const char *name, gw_error *err)
{
    reading *r = gw_calloc(1, sizeof(*r));
    gw_code code = GW_OK;

    r->im = im;
    r->name = name;
    r->path = realpath(name, NULL);
    r->file = fopen(name, "re");
    gw_texts_init(&r->keys, &r->arena);
    if (!r->path || !r->file)
        code = gw_fail(err, GW_E_INPUT, "%s: %s", name, strerror(errno));
    if (code == GW_OK)
        code = seek(r, err);
    if (code == GW_OK)
        code = read_file(r, err);
    if (r->file)
        fclose(r->file);
    free(r->path);
    gw_arena_clear(&r->arena);
    free(r);
    return code;
}

static gw_code
step(void *self, gw_step which, gw_error *err)
{
    ndjson *n = self;
    const gw_import_options *o = n->im->options;
    gw_code code = GW_OK;

    if (which == GW_STEP_CLEANUP)
        return GW_OK;
    for (size_t i = 0; i < o->n_files && code == GW_OK; i++)
        code = import_file(n->im, o->files[i], err);
    return code;
}

/* All that was read is in the store, or a problem. */
static gw_code
tally(void *self, gw_step which, gw_tally *out, gw_error *err)
{
    ndjson *n = self;

    (void)err;
    if (which != GW_STEP_CLEANUP)
        out->source = out->imported =
            gw_importing_count(n->im, (gw_count)(GW_COUNT_ITEMS + (int)which));
    return GW_OK;
}

const gw_source gw_source_ndjson = {
    .name = "ndjson",
    .open = open_ndjson,
    .close = close_ndjson,
    .step = step,
    .tally = tally,
};
