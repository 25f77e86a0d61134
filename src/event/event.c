/* SPDX-License-Identifier: Apache-2.0 */
/* Events: made of stored text, checked, printed. Does not apply them to
 * models (model.c). */
#include <stdlib.h>

#include "base/limits.h"
#include "event/event.h"

static const char *const type_names[] = {
#define GW_EVENT_NAME(name, wire) wire,
    GW_EVENT_TYPE_MAP(GW_EVENT_NAME)
#undef GW_EVENT_NAME
};

enum { TYPE_COUNT = sizeof(type_names) / sizeof(type_names[0]) };

const char *
gw_event_type_name(gw_event_type type)
{
    return type_names[type];
}

bool
gw_event_type_parse(gw_slice name, gw_event_type *out)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (gw_slice_equal(name, gw_slice_of(type_names[i]))) {
            *out = (gw_event_type)i;
            return true;
        }
    }
    return false;
}

bool
gw_event_is_row(const gw_event *event)
{
    const gw_event_row *row = &event->row;
    bool has_data =
        event->type != GW_EVENT_DELETE && event->type != GW_EVENT_RESTORE;

    return row->id > 0 && event->type == row->type &&
           event->fqid.text.at == row->fqid &&
           (event->raw.at != NULL || !has_data);
}

ptrdiff_t
gw_fields_find(gw_fields fields, gw_slice key)
{
    for (size_t i = 0; i < fields.n; i++) {
        if (gw_slice_equal(fields.at[i].key, key)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

gw_fields
gw_fields_copy(gw_arena *arena, gw_fields fields, size_t extra)
{
    gw_fields copy = {GW_ARENA_NEW(arena, gw_field, fields.n + extra + 1),
                      fields.n};
    if (fields.n > 0) {
        memcpy(copy.at, fields.at, fields.n * sizeof(gw_field));
    }
    return copy;
}

void
gw_event_list_reserve(gw_event_list *list, size_t n)
{
    if (n <= list->room) {
        return;
    }
    gw_event *at = GW_ARENA_NEW(list->arena, gw_event, n);
    if (list->n > 0) {
        memcpy(at, list->at, list->n * sizeof(gw_event));
    }
    list->at = at;
    list->room = n;
}

void
gw_event_list_add(gw_event_list *list, const gw_event *event)
{
    if (list->n == list->room) {
        gw_event_list_reserve(list, list->room == 0 ? 2 : list->room * 2);
    }
    list->at[list->n++] = *event;
}

/* ---- checking ---- */

static gw_code
fail_field(const gw_fqid *fqid, gw_slice name, const char *what, gw_error *err)
{
    size_t len = name.len > 200 ? 200 : name.len;
    return gw_fail(err, GW_E_INPUT, "%.*s: field '%.*s' %s", GW_FMT(fqid->text),
                   (int)len, len == 0 ? "" : name.at, what);
}

static gw_code
check_name(const gw_fqid *fqid, gw_slice name, gw_error *err)
{
    if (gw_field_name_is_valid(name)) {
        return GW_OK;
    }
    bool reserved = name.len >= 5 && memcmp(name.at, "meta_", 5) == 0;
    return fail_field(fqid, name,
                      reserved ? "is reserved (meta_…)"
                               : "has a name that is not allowed",
                      err);
}

static gw_code
check_values(const gw_fqid *fqid, gw_fields fields, gw_error *err)
{
    for (size_t i = 0; i < fields.n; i++) {
        const gw_field *f = &fields.at[i];
        gw_code code = check_name(fqid, f->key, err);
        if (code != GW_OK) {
            return code;
        }
        if (f->value.at[0] == 'n') {
            return fail_field(fqid, f->key, "is null", err);
        }
    }
    return GW_OK;
}

static gw_code
check_lists(const gw_fqid *fqid, gw_fields fields, gw_error *err)
{
    for (size_t i = 0; i < fields.n; i++) {
        const gw_field *f = &fields.at[i];
        gw_code code = check_name(fqid, f->key, err);
        if (code != GW_OK) {
            return code;
        }
        if (f->value.at[0] != '[') {
            return fail_field(fqid, f->key, "is no list, as listfields needs",
                              err);
        }
    }
    return GW_OK;
}

static gw_code
check_names(const gw_fqid *fqid, gw_fields names, gw_error *err)
{
    for (size_t i = 0; i < names.n; i++) {
        gw_code code = check_name(fqid, names.at[i].key, err);
        if (code != GW_OK) {
            return code;
        }
    }
    return GW_OK;
}

static gw_code
check_contents(const gw_event *event, gw_error *err)
{
    gw_code code = GW_OK;
    switch (event->type) {
    case GW_EVENT_CREATE:
    case GW_EVENT_UPDATE:
        return check_values(&event->fqid, event->set, err);
    case GW_EVENT_LISTFIELDS:
        code = check_lists(&event->fqid, event->set, err);
        return code != GW_OK ? code
                             : check_lists(&event->fqid, event->cut, err);
    case GW_EVENT_DELETEFIELDS:
        return check_names(&event->fqid, event->cut, err);
    case GW_EVENT_DELETE:
    case GW_EVENT_RESTORE:
        break;
    }
    return code;
}

static int
compare_keys(const void *a, const void *b)
{
    return gw_slice_compare(((const gw_field *)a)->key,
                            ((const gw_field *)b)->key);
}

enum { FEW_FIELDS = 16 };

static gw_code
check_unique_few(const gw_fqid *fqid, gw_fields fields, gw_error *err)
{
    for (size_t i = 1; i < fields.n; i++) {
        gw_fields before = {fields.at, i};
        if (gw_fields_find(before, fields.at[i].key) >= 0) {
            return fail_field(fqid, fields.at[i].key, "is given twice", err);
        }
    }
    return GW_OK;
}

static gw_code
check_unique(gw_arena *arena, const gw_fqid *fqid, gw_fields fields,
             gw_error *err)
{
    if (fields.n <= FEW_FIELDS) {
        return check_unique_few(fqid, fields, err);
    }
    gw_fields sorted = gw_fields_copy(arena, fields, 0);
    qsort(sorted.at, sorted.n, sizeof(gw_field), compare_keys);
    for (size_t i = 1; i < sorted.n; i++) {
        if (gw_slice_equal(sorted.at[i - 1].key, sorted.at[i].key)) {
            return fail_field(fqid, sorted.at[i].key, "is given twice", err);
        }
    }
    return GW_OK;
}

gw_code
gw_event_check(gw_arena *arena, const gw_event *event, gw_error *err)
{
    gw_fqid fqid;
    gw_code code = gw_fqid_parse(event->fqid.text, &fqid, err);

    if (code == GW_OK) {
        code = check_contents(event, err);
    }
    if (code == GW_OK) {
        code = check_unique(arena, &fqid, event->set, err);
    }
    if (code == GW_OK && event->type == GW_EVENT_LISTFIELDS) {
        code = check_unique(arena, &fqid, event->cut, err);
    }
    return code;
}

/* ---- parsing ---- */

static bool
is_null(gw_slice data)
{
    return data.at == NULL || gw_slice_equal(data, GW_LIT("null"));
}

static gw_code
parse_names(gw_arena *arena, gw_slice data, gw_event *event, gw_error *err)
{
    gw_values values;
    gw_code code = gw_json_array(arena, data, &values, err);
    if (code != GW_OK) {
        return code;
    }
    gw_field *names = GW_ARENA_NEW(arena, gw_field, values.n + 1);
    for (size_t i = 0; i < values.n; i++) {
        if (gw_json_kind_of(values.at[i]) != GW_JSON_STRING) {
            return gw_fail(err, GW_E_INPUT, "a field name is no text");
        }
        names[i] = (gw_field){gw_json_string(arena, values.at[i]), {0}};
    }
    event->cut = (gw_fields){names, values.n};
    return GW_OK;
}

static gw_code
parse_lists(gw_arena *arena, gw_slice data, gw_event *event, gw_error *err)
{
    gw_fields halves;
    gw_code code = gw_json_object(arena, data, &halves, err);
    for (size_t i = 0; code == GW_OK && i < halves.n; i++) {
        const gw_field *half = &halves.at[i];
        if (gw_slice_equal(half->key, GW_LIT("add"))) {
            code = gw_json_object(arena, half->value, &event->set, err);
        } else if (gw_slice_equal(half->key, GW_LIT("remove"))) {
            code = gw_json_object(arena, half->value, &event->cut, err);
        } else {
            code = gw_fail(err, GW_E_INPUT,
                           "listfields has 'add' and 'remove', not '%.*s'",
                           (int)(half->key.len > 100 ? 100 : half->key.len),
                           half->key.at);
        }
    }
    if (code == GW_OK && halves.n < 2) {
        event->raw = (gw_slice){0}; /* printed with both halves */
    }
    return code;
}

static gw_code
parse_data(gw_arena *arena, gw_slice data, gw_event *event, gw_error *err)
{
    switch (event->type) {
    case GW_EVENT_CREATE:
    case GW_EVENT_UPDATE:
        return gw_json_object(arena, data, &event->set, err);
    case GW_EVENT_DELETEFIELDS:
        return parse_names(arena, data, event, err);
    case GW_EVENT_LISTFIELDS:
        return parse_lists(arena, data, event, err);
    case GW_EVENT_DELETE:
    case GW_EVENT_RESTORE:
        break;
    }
    if (!is_null(data)) {
        return gw_fail(err, GW_E_INPUT, "has data, and must have none");
    }
    return GW_OK;
}

gw_code
gw_event_parse(gw_arena *arena, gw_slice fqid, gw_slice type, gw_slice data,
               gw_event *out, gw_error *err)
{
    gw_event event = {.raw = data};
    gw_code code = gw_fqid_parse(fqid, &event.fqid, err);
    if (code != GW_OK) {
        return code;
    }
    if (!gw_event_type_parse(type, &event.type)) {
        return gw_fail(err, GW_E_INPUT, "%.*s: '%.*s' is no event type",
                       GW_FMT(fqid), (int)(type.len > 50 ? 50 : type.len),
                       type.len == 0 ? "" : type.at);
    }
    if (data.len > GW_LIMIT_EVENT_DATA) {
        return gw_fail(err, GW_E_INPUT, "%.*s: data of %zu bytes, %d at most",
                       GW_FMT(fqid), data.len, GW_LIMIT_EVENT_DATA);
    }
    code =
        parse_data(arena, data.at == NULL ? GW_LIT("null") : data, &event, err);
    if (code != GW_OK) {
        gw_fail_prefix(err, "%.*s (%.*s): ", GW_FMT(fqid), GW_FMT(type));
        return code;
    }
    code = check_contents(&event, err);
    if (code == GW_OK) {
        *out = event;
    }
    return code;
}

/* ---- printing ---- */

static void
put_names(gw_buf *buf, gw_fields names)
{
    gw_buf_byte(buf, '[');
    for (size_t i = 0; i < names.n; i++) {
        if (i > 0) {
            gw_buf_byte(buf, ',');
        }
        gw_json_put_string(buf, names.at[i].key);
    }
    gw_buf_byte(buf, ']');
}

void
gw_event_put_data(gw_buf *buf, const gw_event *event)
{
    if (event->raw.at != NULL) {
        gw_buf_slice(buf, event->raw);
        return;
    }
    switch (event->type) {
    case GW_EVENT_CREATE:
    case GW_EVENT_UPDATE:
        gw_json_put_fields(buf, event->set);
        break;
    case GW_EVENT_DELETEFIELDS:
        put_names(buf, event->cut);
        break;
    case GW_EVENT_LISTFIELDS:
        gw_buf_text(buf, "{\"add\":");
        gw_json_put_fields(buf, event->set);
        gw_buf_text(buf, ",\"remove\":");
        gw_json_put_fields(buf, event->cut);
        gw_buf_byte(buf, '}');
        break;
    case GW_EVENT_DELETE:
    case GW_EVENT_RESTORE:
        gw_buf_text(buf, "null");
        break;
    }
}

static bool
are_all_empty(gw_fields lists)
{
    for (size_t i = 0; i < lists.n; i++) {
        gw_slice list = lists.at[i].value;
        for (size_t k = 1; k + 1 < list.len; k++) {
            char c = list.at[k];
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
                return false;
            }
        }
    }
    return true;
}

bool
gw_event_is_noop(const gw_event *event)
{
    switch (event->type) {
    case GW_EVENT_UPDATE:
        return event->set.n == 0;
    case GW_EVENT_DELETEFIELDS:
        return event->cut.n == 0;
    case GW_EVENT_LISTFIELDS:
        return are_all_empty(event->set) && are_all_empty(event->cut);
    case GW_EVENT_CREATE:
    case GW_EVENT_DELETE:
    case GW_EVENT_RESTORE:
        break;
    }
    return false;
}
