/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of messages: from the source's JSON to events. Values are handed on
 * as the bytes that came, so that no number or text changes. */
#include <inttypes.h>
#include <stdio.h>

#include "source/wukongim_topic_priv.h"

/* ---- reading ---- */

/* The members of a message, in the order of the fields. */
#define MEMBER(name, kind, in_header)                                          \
    {                                                                          \
        {name, sizeof(name) - 1}, kind, in_header                              \
    }
static const struct {
    gw_slice name;
    gw_json_kind kind;
    bool in_header;
} MEMBERS[] = {
    MEMBER("message_seq", GW_JSON_NUMBER, false),
    MEMBER("message_id", GW_JSON_NUMBER, false),
    MEMBER("client_msg_no", GW_JSON_STRING, false),
    MEMBER("from_uid", GW_JSON_STRING, false),
    MEMBER("setting", GW_JSON_NUMBER, false),
    MEMBER("no_persist", GW_JSON_NUMBER, true),
    MEMBER("red_dot", GW_JSON_NUMBER, true),
    MEMBER("sync_once", GW_JSON_NUMBER, true),
    MEMBER("timestamp", GW_JSON_NUMBER, false),
    MEMBER("expire", GW_JSON_NUMBER, false),
    MEMBER("payload", GW_JSON_STRING, false),
    MEMBER("stream_no", GW_JSON_STRING, false),
    MEMBER("stream_seq", GW_JSON_NUMBER, false),
    MEMBER("stream_flag", GW_JSON_NUMBER, false),
    MEMBER("streams", GW_JSON_ARRAY, false),
};
enum {
    N_MEMBERS = sizeof(MEMBERS) / sizeof(MEMBERS[0]),
    MESSAGE_ID = 1, /* of MEMBERS */
};

/* A page that is read. What is split stays in `scratch`: of a message only
 * its members are kept. */
typedef struct reading {
    gw_wk_page *page;
    gw_arena scratch;
    bool has_nul; /* some text of it */
} reading;

static gw_fields
read_header(gw_arena *arena, gw_fields message)
{
    gw_slice raw = gw_wk_member(message, "header");
    gw_fields header = {0};
    gw_error ignored;

    if (raw.at && gw_json_kind_of(raw) == GW_JSON_OBJECT)
        (void)!gw_json_object(arena, raw, &header, &ignored);
    return header;
}

/* The id as a number, or as the text beside it. */
static gw_slice
message_id(reading *r, gw_fields message)
{
    gw_slice raw = gw_wk_member(message, "message_id");
    int64_t n;

    if (raw.at && gw_json_int(raw, &n))
        return raw;
    raw = gw_wk_text(&r->scratch, message, "message_idstr");
    return raw.at && gw_json_int(raw, &n) ? gw_arena_int(&r->page->arena, n)
                                          : (gw_slice){0};
}

/* In a text, or in one of a list's; of those it may only look so. */
static bool
holds_nul(gw_arena *arena, gw_slice raw)
{
    static const char escape[] = "\\ufdd0";

    return gw_json_kind_of(raw) == GW_JSON_STRING
               ? gw_wk_holds_nul(gw_json_string(arena, raw))
               : memmem(raw.at, raw.len, escape, sizeof(escape) - 1) != NULL;
}

/* The fields of a message, in `out`; NULL, or the name of a member that is
 * not what it must be. */
static const char *
read_members(reading *r, gw_fields message, gw_fields *out)
{
    gw_fields header = read_header(&r->scratch, message);
    int64_t n;

    for (size_t i = 0; i < N_MEMBERS; i++) {
        gw_slice name = MEMBERS[i].name;
        gw_slice raw =
            i == MESSAGE_ID
                ? message_id(r, message)
                : gw_wk_field(MEMBERS[i].in_header ? header : message, name);
        if (!raw.at)
            continue;
        if (gw_json_kind_of(raw) != MEMBERS[i].kind ||
            (MEMBERS[i].kind == GW_JSON_NUMBER && !gw_json_int(raw, &n)) ||
            (r->has_nul && holds_nul(&r->scratch, raw)))
            return name.at;
        out->at[out->n++] = (gw_field){name, raw};
    }
    return NULL;
}

static gw_wk_message
read_message(reading *r, gw_fields message, int64_t seq)
{
    gw_field room[N_MEMBERS];
    gw_fields fields = {room, 0};
    gw_wk_message m = {
        .seq = seq,
        .from = gw_wk_text(&r->page->arena, message, "from_uid"),
        .bad = read_members(r, message, &fields),
    };

    m.fields = gw_fields_copy(&r->page->arena, fields, 0);
    return m;
}

/* A source that sends more than was asked for has the rest asked for again:
 * what waits to be written is bounded. */
static gw_code
read_messages(reading *r, const gw_objects *objects, int64_t from,
              gw_error *err)
{
    gw_wk_page *page = r->page;
    size_t room = objects->n < GW_WK_PAGE ? objects->n : GW_WK_PAGE;
    int64_t last = from - 1;

    page->messages = GW_ARENA_NEW(&page->arena, gw_wk_message, room);
    for (size_t i = 0; i < objects->n && page->n < room; i++) {
        int64_t seq = gw_wk_int(objects->at[i], "message_seq", 0);
        if (seq <= 0 || seq > GW_WK_MOST_SEQ)
            return gw_fail(err, GW_E_INPUT, "a message has no message_seq");
        if (seq <= last)
            continue;
        if (page->n == 0)
            page->first = seq;
        page->last = last = seq;
        page->messages[page->n++] = read_message(r, objects->at[i], seq);
    }
    return GW_OK;
}

static gw_code
read_body(reading *r, int64_t from, gw_error *err)
{
    gw_fields fields;
    gw_objects objects;
    gw_code code = gw_json_object(&r->scratch, gw_buf_as_slice(&r->page->body),
                                  &fields, err);

    if (code != GW_OK)
        return code;
    ptrdiff_t at = gw_fields_find(fields, GW_LIT("messages"));
    if (at < 0)
        return gw_fail(err, GW_E_INPUT, "`messages` is missing");
    if (gw_json_kind_of(fields.at[at].value) == GW_JSON_NULL)
        return GW_OK;
    code = gw_json_objects(&r->scratch, fields.at[at].value, &objects, err);
    return code == GW_OK ? read_messages(r, &objects, from, err) : code;
}

gw_code
gw_wk_page_read(gw_wk_page *page, gw_buf *body, int64_t from, gw_error *err)
{
    reading r = {.page = page};

    gw_wk_page_clear(page);
    page->body = *body;
    *body = (gw_buf){0};
    r.has_nul = gw_wk_replace_nuls(&page->body);
    gw_code code = read_body(&r, from, err);
    page->bytes = page->body.room + page->n * (sizeof(gw_wk_message) +
                                               N_MEMBERS * sizeof(gw_field));
    gw_arena_clear(&r.scratch);
    return code;
}

void
gw_wk_page_clear(gw_wk_page *page)
{
    gw_buf_clear(&page->body);
    gw_arena_clear(&page->arena);
    *page = (gw_wk_page){0};
}

/* ---- events ---- */

enum { N_OF_CHANNEL = 3 };

typedef struct writing {
    gw_wk *wk;
    const gw_wk_topic *topic;
    gw_arena *arena;                   /* until the position is written */
    gw_field of_channel[N_OF_CHANNEL]; /* that all messages share */
    int64_t next_id;
    int64_t refused;
    gw_slice last_from; /* most messages have the sender of the one before */
    gw_texts senders;
} writing;

static gw_code
refuse_message(writing *w, const gw_wk_message *m, gw_error *err)
{
    w->refused++;
    return gw_importing_problem(
        w->wk->im, GW_REASON_REFUSED, "message",
        gw_slice_of(gw_arena_printf(w->arena, "%.*s/%" PRId64,
                                    GW_FMT(w->topic->name), m->seq)),
        1, err, "its `%s` is not what it must be", m->bad);
}

static gw_code
write_message(writing *w, const gw_wk_message *m, gw_error *err)
{
    gw_field *at =
        GW_ARENA_NEW(w->arena, gw_field, 1 + N_OF_CHANNEL + m->fields.n);
    gw_fields fields = {at, 1 + N_OF_CHANNEL + m->fields.n};

    at[0] = (gw_field){GW_LIT("id"), gw_arena_int(w->arena, w->next_id)};
    memcpy(at + 1, w->of_channel, sizeof(w->of_channel));
    memcpy(at + 1 + N_OF_CHANNEL, m->fields.at, m->fields.n * sizeof(gw_field));
    return gw_importing_create_of(w->wk->im, GW_WK_MESSAGE, w->next_id++,
                                  fields, err);
}

static void
note_sender(writing *w, gw_slice from)
{
    if (!gw_wk_is_key(from) || gw_slice_equal(from, w->last_from))
        return;
    w->last_from = from;
    (void)gw_texts_add(&w->senders, from);
}

/* The senders are looked for first: users come before what they sent. */
static gw_code
find_people(writing *w, const gw_wk_page *page, bool is_first, gw_error *err)
{
    if (is_first)
        gw_wk_add_persons(&w->senders, w->topic);
    for (size_t i = 0; i < page->n; i++)
        note_sender(w, page->messages[i].from);
    return gw_wk_find_users(w->wk, &w->senders, err);
}

static gw_slice
string_of(gw_arena *arena, gw_slice text)
{
    gw_buf buf = {0};

    gw_json_put_string(&buf, text);
    gw_slice string = gw_arena_dup(arena, gw_buf_as_slice(&buf));
    gw_buf_clear(&buf);
    return string;
}

static gw_code
write_messages(writing *w, const gw_wk_page *page, int64_t channel_ref,
               gw_error *err)
{
    gw_code code = gw_importing_reserve(w->wk->im, GW_WK_MESSAGE, page->n,
                                        &w->next_id, err);
    const gw_field of_channel[N_OF_CHANNEL] = {
        {GW_LIT("channel_ref"), gw_arena_int(w->arena, channel_ref)},
        {GW_LIT("channel_id"), string_of(w->arena, w->topic->id)},
        {GW_LIT("channel_type"), gw_arena_int(w->arena, w->topic->type)},
    };

    memcpy(w->of_channel, of_channel, sizeof(of_channel));
    for (size_t i = 0; i < page->n && code == GW_OK; i++) {
        const gw_wk_message *m = &page->messages[i];
        code = m->bad ? refuse_message(w, m, err) : write_message(w, m, err);
    }
    return code;
}

/* Which ids the messages became: those of a page are one behind the other. */
static gw_code
remember(writing *w, const gw_wk_page *page, int64_t first_id,
         gw_import_row *row, gw_error *err)
{
    gw_importing *im = w->wk->im;
    int64_t n = (int64_t)page->n - w->refused;
    gw_import_row range = {first_id, im->state.number, page->first, n};
    char key[64];
    int len = snprintf(key, sizeof(key), "%" PRId64 "/%" PRId64, row->id,
                       page->first);
    gw_code code = GW_OK;

    if (n > 0)
        code = gw_importing_put(im, GW_WK_MESSAGE, (gw_slice){key, (size_t)len},
                                &range, err);
    row->mark = page->last;
    row->n += n;
    return code == GW_OK
               ? gw_importing_put(im, GW_WK_TOPIC, w->topic->name, row, err)
               : code;
}

gw_code
gw_wk_page_write(gw_wk *wk, gw_wk_page *page, const gw_wk_topic *topic,
                 gw_import_row *row, gw_error *err)
{
    gw_importing *im = wk->im;
    writing w = {.wk = wk, .topic = topic, .arena = &im->arena};
    gw_buf unit = {0};
    bool is_first = row->id == 0;
    gw_code code = GW_OK;

    gw_texts_init(&w.senders, &im->arena);
    if (is_first)
        code = gw_wk_find_channel(wk, topic, &row->id, err);
    if (code == GW_OK)
        code = find_people(&w, page, is_first, err);
    if (code == GW_OK)
        code = write_messages(&w, page, row->id, err);
    if (code == GW_OK)
        code = remember(&w, page, w.next_id - (int64_t)page->n + w.refused, row,
                        err);
    gw_buf_printf(&unit, "%.*s %" PRId64 "..%" PRId64, GW_FMT(topic->name),
                  page->first, page->last);
    if (code == GW_OK)
        code = gw_importing_write(im, gw_buf_as_slice(&unit), err);
    gw_buf_clear(&unit);
    return code;
}
