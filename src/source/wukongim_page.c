/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of messages: from the source's JSON to events. Values are handed on
 * as the bytes that came, so that no number or text changes. */
#include <inttypes.h>
#include <stdio.h>

#include "source/wukongim_topic_priv.h"

/* ---- reading ---- */

/* Leaves out what is below `from` or does not ascend. */
static gw_code
leave_out(gw_wk_page *page, int64_t from, gw_error *err)
{
    gw_objects *m = &page->messages;
    size_t kept = 0;
    int64_t last = from - 1;

    for (size_t i = 0; i < m->n; i++) {
        int64_t seq = gw_wk_int(m->at[i], "message_seq", 0);
        if (seq <= 0 || seq > GW_WK_MOST_SEQ)
            return gw_fail(err, GW_E_INPUT, "a message has no message_seq");
        if (seq <= last)
            continue;
        if (kept == 0)
            page->first = seq;
        page->last = last = seq;
        m->at[kept++] = m->at[i];
    }
    m->n = kept;
    return GW_OK;
}

gw_code
gw_wk_page_read(gw_wk_page *page, gw_buf *body, int64_t from, gw_error *err)
{
    gw_fields fields;

    page->body = *body;
    *body = (gw_buf){0};
    gw_arena_reset(&page->arena);
    page->messages = (gw_objects){0};
    page->has_nul = gw_wk_replace_nuls(&page->body);
    gw_code code = gw_json_object(&page->arena, gw_buf_as_slice(&page->body),
                                  &fields, err);
    if (code != GW_OK)
        return code;
    ptrdiff_t at = gw_fields_find(fields, GW_LIT("messages"));
    if (at < 0)
        return gw_fail(err, GW_E_INPUT, "`messages` is missing");
    if (gw_json_kind_of(fields.at[at].value) == GW_JSON_NULL)
        return GW_OK;
    code = gw_json_objects(&page->arena, fields.at[at].value, &page->messages,
                           err);
    return code == GW_OK ? leave_out(page, from, err) : code;
}

void
gw_wk_page_clear(gw_wk_page *page)
{
    gw_buf_clear(&page->body);
    gw_arena_clear(&page->arena);
    *page = (gw_wk_page){0};
}

/* ---- events ---- */

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
    N_OF_CHANNEL = 3,
};

typedef struct writing {
    gw_wk *wk;
    const gw_wk_topic *topic;
    gw_arena *arena;                   /* until the position is written */
    gw_field of_channel[N_OF_CHANNEL]; /* that all messages share */
    int64_t next_id;
    int64_t refused;
    bool has_nul;
    gw_slice last_from; /* most messages have the sender of the one before */
    gw_texts senders;
} writing;

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
message_id(gw_arena *arena, gw_fields message)
{
    gw_slice raw = gw_wk_member(message, "message_id");
    int64_t n;

    if (raw.at && gw_json_int(raw, &n))
        return raw;
    raw = gw_wk_text(arena, message, "message_idstr");
    return raw.at && gw_json_int(raw, &n) ? raw : (gw_slice){0};
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

/* Adds the fields; NULL, or the name of a member that is not what it must
 * be. */
static const char *
add_members(writing *w, gw_fields message, gw_fields *out)
{
    gw_fields header = read_header(w->arena, message);
    int64_t n;

    for (size_t i = 0; i < N_MEMBERS; i++) {
        gw_slice name = MEMBERS[i].name;
        gw_slice raw =
            i == MESSAGE_ID
                ? message_id(w->arena, message)
                : gw_wk_field(MEMBERS[i].in_header ? header : message, name);
        if (!raw.at)
            continue;
        if (gw_json_kind_of(raw) != MEMBERS[i].kind ||
            (MEMBERS[i].kind == GW_JSON_NUMBER && !gw_json_int(raw, &n)) ||
            (w->has_nul && holds_nul(w->arena, raw)))
            return name.at;
        out->at[out->n++] = (gw_field){name, raw};
    }
    return NULL;
}

static gw_code
write_message(writing *w, gw_fields message, gw_error *err)
{
    gw_importing *im = w->wk->im;
    gw_fields fields = {
        GW_ARENA_NEW(w->arena, gw_field, 1 + N_OF_CHANNEL + N_MEMBERS), 0};

    fields.at[fields.n++] =
        (gw_field){GW_LIT("id"), gw_arena_int(w->arena, w->next_id)};
    for (size_t i = 0; i < N_OF_CHANNEL; i++)
        fields.at[fields.n++] = w->of_channel[i];
    const char *bad = add_members(w, message, &fields);
    if (bad) {
        int64_t seq = gw_wk_int(message, "message_seq", 0);
        w->refused++;
        return gw_importing_problem(
            im, GW_REASON_REFUSED, "message",
            gw_slice_of(gw_arena_printf(&im->arena, "%.*s/%" PRId64,
                                        GW_FMT(w->topic->name), seq)),
            1, err, "its `%s` is not what it must be", bad);
    }
    return gw_importing_create_of(im, GW_WK_MESSAGE, w->next_id++, fields, err);
}

static void
note_sender(writing *w, gw_fields message)
{
    gw_slice from = gw_wk_text(w->arena, message, "from_uid");

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
    for (size_t i = 0; i < page->messages.n; i++)
        note_sender(w, page->messages.at[i]);
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
    gw_code code = gw_importing_reserve(w->wk->im, GW_WK_MESSAGE,
                                        page->messages.n, &w->next_id, err);
    const gw_field of_channel[N_OF_CHANNEL] = {
        {GW_LIT("channel_ref"), gw_arena_int(w->arena, channel_ref)},
        {GW_LIT("channel_id"), string_of(w->arena, w->topic->id)},
        {GW_LIT("channel_type"), gw_arena_int(w->arena, w->topic->type)},
    };

    memcpy(w->of_channel, of_channel, sizeof(of_channel));
    for (size_t i = 0; i < page->messages.n && code == GW_OK; i++)
        code = write_message(w, page->messages.at[i], err);
    return code;
}

/* Which ids the messages became: those of a page are one behind the other. */
static gw_code
remember(writing *w, const gw_wk_page *page, int64_t first_id,
         gw_import_row *row, gw_error *err)
{
    gw_importing *im = w->wk->im;
    int64_t n = (int64_t)page->messages.n - w->refused;
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
    writing w = {.wk = wk,
                 .topic = topic,
                 .arena = &im->arena,
                 .has_nul = page->has_nul};
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
        code = remember(&w, page,
                        w.next_id - (int64_t)page->messages.n + w.refused, row,
                        err);
    gw_buf_printf(&unit, "%.*s %" PRId64 "..%" PRId64, GW_FMT(topic->name),
                  page->first, page->last);
    if (code == GW_OK)
        code = gw_importing_write(im, gw_buf_as_slice(&unit), err);
    gw_buf_clear(&unit);
    return code;
}
