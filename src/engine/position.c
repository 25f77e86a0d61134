/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and prints positions as NDJSON. Checks the shape of everything, but
 * not whether an event fits the models. */
#include "engine/position_priv.h"

#include "base/limits.h"
#include "engine/stream_priv.h"
#include "engine/timestamp_priv.h"

/* A position under construction; slices of one line. */
typedef struct gw_reading {
    gw_arena *arena;
    gw_position p;
    bool has_index;
    gw_slice events; /* raw; at NULL: not there */
} gw_reading;

/* Says what a member must be, and what it is. */
static gw_code
refuse(const char *member, const char *must, gw_slice value, gw_error *err)
{
    gw_slice shown = gw_stream_shorten(value, 60);

    return gw_fail(err, GW_E_INPUT, "`%s` must be %s, not %.*s%s", member, must,
                   GW_FMT(shown), shown.len < value.len ? "…" : "");
}

static gw_code
take_position(gw_reading *r, gw_slice value, gw_error *err)
{
    int64_t n;

    if (!gw_json_int(value, &n) || n < 1 || n > INT32_MAX)
        return refuse("position", "a whole number from 1 to 2147483647", value,
                      err);
    r->p.position = n;
    return GW_OK;
}

static gw_code
take_timestamp(gw_reading *r, gw_slice value, gw_error *err)
{
    gw_slice text = {NULL, 0};

    if (gw_json_kind_of(value) == GW_JSON_STRING)
        text = gw_json_string(r->arena, value);
    if (!text.at || !gw_timestamp_is_valid(text))
        return refuse("timestamp",
                      "a time as "
                      "\"2024-05-01T10:00:00+00:00\"",
                      value, err);
    r->p.timestamp = text;
    return GW_OK;
}

static gw_code
take_user_id(gw_reading *r, gw_slice value, gw_error *err)
{
    int64_t n;

    if (!gw_json_int(value, &n) || n < INT32_MIN || n > INT32_MAX)
        return refuse("user_id", "a whole number of 32 bits", value, err);
    r->p.user_id = n;
    return GW_OK;
}

static gw_code
take_information(gw_reading *r, gw_slice value, gw_error *err)
{
    (void)err;
    if (gw_json_kind_of(value) != GW_JSON_NULL)
        r->p.information = value;
    return GW_OK;
}

static gw_code
take_index(gw_reading *r, gw_slice value, gw_error *err)
{
    int64_t n;

    if (!gw_json_int(value, &n) || n < -1 || n == 0 || n > INT32_MAX)
        return refuse("migration_index", "a whole number from 1, or -1", value,
                      err);
    r->p.migration_index = n;
    r->has_index = true;
    return GW_OK;
}

static gw_code
take_events(gw_reading *r, gw_slice value, gw_error *err)
{
    if (gw_json_kind_of(value) != GW_JSON_ARRAY)
        return refuse("events", "a list", value, err);
    r->events = value;
    return GW_OK;
}

static const struct {
    const char *name;
    gw_code (*take)(gw_reading *r, gw_slice value, gw_error *err);
} members[] = {
    {"position", take_position},     {"timestamp", take_timestamp},
    {"user_id", take_user_id},       {"information", take_information},
    {"migration_index", take_index}, {"events", take_events},
};
#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static gw_code
take_member(gw_reading *r, const gw_field *field, gw_error *err)
{
    gw_slice shown = gw_stream_shorten(field->key, 60);

    for (size_t i = 0; i < N_MEMBERS; i++)
        if (gw_slice_equal(field->key, gw_slice_of(members[i].name)))
            return members[i].take(r, field->value, err);
    return gw_fail(err, GW_E_INPUT,
                   "unknown member `%.*s`; a position has position, "
                   "timestamp, user_id, information, migration_index, "
                   "events",
                   GW_FMT(shown));
}

/* ---- events ---- */

typedef struct gw_event_parts {
    gw_slice fqid, type, data;
} gw_event_parts;

static gw_code
take_event_member(gw_arena *arena, const gw_field *field, gw_event_parts *parts,
                  gw_error *err)
{
    gw_slice shown = gw_stream_shorten(field->key, 60);
    bool is_fqid = gw_slice_equal(field->key, GW_LIT("fqid"));

    if (gw_slice_equal(field->key, GW_LIT("data"))) {
        parts->data = field->value;
        return GW_OK;
    }
    if (!is_fqid && !gw_slice_equal(field->key, GW_LIT("type")))
        return gw_fail(err, GW_E_INPUT,
                       "unknown member `%.*s`; an event has fqid, type, "
                       "data",
                       GW_FMT(shown));
    if (gw_json_kind_of(field->value) != GW_JSON_STRING)
        return refuse(is_fqid ? "fqid" : "type", "a string", field->value, err);
    *(is_fqid ? &parts->fqid : &parts->type) =
        gw_json_string(arena, field->value);
    return GW_OK;
}

static gw_code
parse_event(gw_arena *arena, gw_slice json, gw_event *out, gw_error *err)
{
    gw_event_parts parts = {0};
    gw_fields fields;
    gw_code code;

    code = gw_json_object(arena, json, &fields, err);
    for (size_t i = 0; code == GW_OK && i < fields.n; i++)
        code = take_event_member(arena, &fields.at[i], &parts, err);
    if (code != GW_OK)
        return code;
    if (!parts.fqid.at || !parts.type.at)
        return gw_fail(err, GW_E_INPUT, "`%s` is missing",
                       parts.fqid.at ? "type" : "fqid");
    return gw_event_parse(arena, parts.fqid, parts.type, parts.data, out, err);
}

static gw_code
parse_events(gw_reading *r, gw_error *err)
{
    gw_values values;
    gw_code code;

    code = gw_json_array(r->arena, r->events, &values, err);
    if (code != GW_OK)
        return code;
    if (values.n > GW_LIMIT_POSITION_EVENTS)
        return gw_fail(err, GW_E_LIMIT,
                       "%zu events in one position, %d "
                       "are allowed",
                       values.n, GW_LIMIT_POSITION_EVENTS);
    r->p.events.at = GW_ARENA_NEW(r->arena, gw_event, values.n);
    for (size_t i = 0; i < values.n; i++) {
        code = parse_event(r->arena, values.at[i], &r->p.events.at[i], err);
        if (code != GW_OK)
            return gw_fail_prefix(err, "event %zu: ", i + 1);
    }
    r->p.events.n = values.n;
    return GW_OK;
}

gw_code
gw_position_parse(gw_arena *arena, gw_slice line, gw_position *out,
                  bool *has_index, gw_error *err)
{
    gw_reading r = {.arena = arena};
    gw_fields fields;
    gw_code code;

    code = gw_json_object(arena, line, &fields, err);
    for (size_t i = 0; code == GW_OK && i < fields.n; i++)
        code = take_member(&r, &fields.at[i], err);
    if (code == GW_OK && !r.events.at)
        code = gw_fail(err, GW_E_INPUT, "`events` is missing");
    if (code == GW_OK)
        code = parse_events(&r, err);
    if (code != GW_OK)
        return code;
    *out = r.p;
    *has_index = r.has_index;
    return GW_OK;
}

/* ---- printing ---- */

/* A line end may stand between the members of stored JSON. */
static void
keep_on_one_line(gw_buf *buf, size_t from)
{
    gw_buf copy = {0};

    if (!memchr(buf->at + from, '\n', buf->len - from) &&
        !memchr(buf->at + from, '\r', buf->len - from))
        return;
    gw_buf_add(&copy, buf->at + from, buf->len - from);
    buf->len = from;
    gw_json_put_canonical(buf, gw_buf_as_slice(&copy));
    gw_buf_clear(&copy);
}

void
gw_position_put_value(gw_buf *buf, gw_slice value)
{
    size_t from = buf->len;

    gw_buf_slice(buf, value.at ? value : GW_LIT("null"));
    keep_on_one_line(buf, from);
}

static void
put_event(gw_buf *buf, const gw_event *event)
{
    size_t from;

    gw_buf_text(buf, "{\"fqid\":");
    gw_json_put_string(buf, event->fqid.text);
    gw_buf_text(buf, ",\"type\":");
    gw_json_put_string(buf, gw_slice_of(gw_event_type_name(event->type)));
    gw_buf_text(buf, ",\"data\":");
    from = buf->len;
    gw_event_put_data(buf, event);
    keep_on_one_line(buf, from);
    gw_buf_byte(buf, '}');
}

void
gw_position_put_line(gw_buf *buf, const gw_position *p)
{
    gw_buf_text(buf, "{\"position\":");
    gw_buf_int(buf, p->position);
    if (p->timestamp.at) {
        gw_buf_text(buf, ",\"timestamp\":");
        gw_json_put_string(buf, p->timestamp);
    }
    gw_buf_text(buf, ",\"user_id\":");
    gw_buf_int(buf, p->user_id);
    gw_buf_text(buf, ",\"information\":");
    gw_position_put_value(buf, p->information);
    gw_buf_text(buf, ",\"migration_index\":");
    gw_buf_int(buf, p->migration_index);
    gw_buf_text(buf, ",\"events\":[");
    for (size_t i = 0; i < p->events.n; i++) {
        if (i > 0)
            gw_buf_byte(buf, ',');
        put_event(buf, &p->events.at[i]);
    }
    gw_buf_text(buf, "]}\n");
}
