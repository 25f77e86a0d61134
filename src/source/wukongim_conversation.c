/* SPDX-License-Identifier: Apache-2.0 */
/* The step of conversations: every user is asked for theirs. What they name
 * for the first time is asked for too, until nothing new appears. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/wukongim_people_priv.h"

enum {
    USERS = 500,       /* looked up at a time */
    ROUND = 100,       /* ids after which a position ends */
    MOST_ITEMS = 1000, /* of a position, about */
};

static const char *const OWNED[] = {"unread",
                                    "read_to_message_seq",
                                    "last_message_seq",
                                    "last_client_msg_no",
                                    "timestamp",
                                    "version",
                                    NULL};

/* One conversation, ready to be written; texts in the arena of the
 * position. */
typedef struct item {
    gw_slice key, fields;
    gw_wk_topic topic;
    int64_t digest;
} item;

typedef struct user_task {
    gw_task task;
    gw_buf uid;
    int64_t id;
    bool is_last; /* of the round */
    gw_values list;
} user_task;

typedef struct asking {
    gw_wk *wk;
    int64_t after, upto;
    bool is_at_end;
    gw_arena arena; /* of the users that follow */
    gw_slice uids[USERS];
    int64_t ids[USERS];
    size_t n, at;

    /* the position under construction */
    item *items;
    size_t n_items, room;
    gw_texts peers;
    int64_t last_id; /* of the users in it */
    int64_t given;   /* conversations that they have */
} asking;

/* ---- users ---- */

static gw_code
add_user(void *arg, gw_slice key, const gw_import_row *row, gw_error *err)
{
    asking *a = arg;

    (void)err;
    if (row->id > a->upto) {
        a->is_at_end = true;
        return GW_OK;
    }
    a->after = row->id;
    a->ids[a->n] = row->id;
    a->uids[a->n++] = gw_arena_dup(&a->arena, key);
    return GW_OK;
}

static gw_code
fill(asking *a, gw_error *err)
{
    gw_importing *im = a->wk->im;
    gw_import_kind kind = {im->source, GW_WK_USER};
    gw_code code = gw_importing_begin(im, err);

    gw_arena_reset(&a->arena);
    a->n = a->at = 0;
    if (code == GW_OK && !a->is_at_end)
        code = gw_import_pending(im->run->store, &kind, a->after, INT64_MAX,
                                 USERS, add_user, a, err);
    a->is_at_end |= a->n < USERS;
    return code;
}

static gw_code
next_user(void *self, gw_task *task, bool *has, gw_error *err)
{
    asking *a = self;
    user_task *t = (user_task *)task;
    gw_ask *ask = &task->ask;
    gw_code code = a->at == a->n ? fill(a, err) : GW_OK;

    if (code != GW_OK || a->at == a->n)
        return code;
    t->id = a->ids[a->at];
    gw_buf_slice(&t->uid, a->uids[a->at++]);
    t->is_last = a->is_at_end && a->at == a->n;
    gw_slice uid = gw_buf_as_slice(&t->uid);
    gw_buf_text(&ask->path, "/conversation/sync");
    gw_buf_text(&ask->body, "{\"uid\":");
    gw_json_put_string(&ask->body, uid);
    gw_buf_text(&ask->body, ",\"version\":0,\"msg_count\":0}");
    gw_buf_printf(&ask->label, "user %.*s", GW_FMT(uid));
    gw_ask_send(&a->wk->asker, ask);
    *has = true;
    return GW_OK;
}

static gw_code
reply(void *self, gw_task *task, gw_error *err)
{
    asking *a = self;
    user_task *t = (user_task *)task;
    bool is_there = true;

    return task->ask.state == GW_ASK_REFUSED
               ? GW_OK
               : gw_wk_read_array(a->wk, &task->ask, &t->list, &is_there, err);
}

/* ---- one conversation ---- */

static void
put_number(gw_buf *out, const char *name, gw_fields fields, const char *member)
{
    gw_slice raw = gw_wk_member(fields, member);
    int64_t n;

    if (raw.at && gw_json_int(raw, &n))
        gw_buf_printf(out, ",\"%s\":%" PRId64, name, n);
}

/* Members that must be these, where they are. */
static const struct {
    const char *name;
    gw_json_kind kind;
} MEMBERS[] = {
    {"channel_type", GW_JSON_NUMBER},       {"unread", GW_JSON_NUMBER},
    {"timestamp", GW_JSON_NUMBER},          {"last_msg_seq", GW_JSON_NUMBER},
    {"last_client_msg_no", GW_JSON_STRING}, {"version", GW_JSON_NUMBER},
};

/* The first that is not; NULL for none. */
static const char *
find_bad(gw_arena *arena, gw_fields fields)
{
    int64_t n;

    for (size_t i = 0; i < sizeof(MEMBERS) / sizeof(MEMBERS[0]); i++) {
        gw_slice raw = gw_wk_member(fields, MEMBERS[i].name);
        if (!raw.at)
            continue;
        if (gw_json_kind_of(raw) != MEMBERS[i].kind ||
            (MEMBERS[i].kind == GW_JSON_NUMBER
                 ? !gw_json_int(raw, &n)
                 : gw_wk_holds_nul(gw_json_string(arena, raw))))
            return MEMBERS[i].name;
    }
    return NULL;
}

static void
put_numbers(gw_buf *out, gw_fields fields)
{
    int64_t unread = gw_wk_int(fields, "unread", 0), read_to = 0;
    int64_t last = gw_wk_int(fields, "last_msg_seq", 0);
    gw_slice number = gw_wk_member(fields, "last_client_msg_no");

    if (__builtin_sub_overflow(last, unread, &read_to))
        read_to = 0;
    put_number(out, "unread", fields, "unread");
    gw_buf_printf(out, ",\"read_to_message_seq\":%" PRId64,
                  read_to > 0 ? read_to : 0);
    put_number(out, "last_message_seq", fields, "last_msg_seq");
    if (number.at && gw_json_kind_of(number) == GW_JSON_STRING) {
        gw_buf_text(out, ",\"last_client_msg_no\":");
        gw_buf_slice(out, number);
    }
    put_number(out, "timestamp", fields, "timestamp");
    put_number(out, "version", fields, "version");
}

/* The channel, by the name that its topic has. */
static bool
read_channel(asking *a, gw_slice uid, gw_fields fields, gw_wk_topic *out)
{
    gw_arena *arena = &a->wk->im->arena;
    gw_slice id = gw_wk_text(arena, fields, "channel_id");
    gw_buf name = {0};
    int64_t type = gw_wk_int(fields, "channel_type", 0);

    if (!gw_wk_is_key(id) || type < 1 || type > 255)
        return false;
    gw_buf_printf(&name, "%" PRId64 "-", type);
    if (type == GW_WK_PERSON) {
        gw_wk_put_fake(&name, uid, id);
        (void)gw_texts_add(&a->peers, gw_arena_dup(arena, id));
    } else {
        gw_buf_slice(&name, id);
    }
    gw_slice text = gw_arena_dup(arena, gw_buf_as_slice(&name));
    gw_buf_clear(&name);
    return gw_wk_topic_parse(text, out);
}

/* The n-th of a user's. */
static gw_code
refuse_item(asking *a, gw_slice uid, size_t n, const char *member,
            gw_error *err)
{
    gw_buf key = {0};

    gw_buf_printf(&key, "%.*s/%zu", GW_FMT(uid), n);
    gw_code code = gw_importing_problem(
        a->wk->im, GW_REASON_REFUSED, "conversation", gw_buf_as_slice(&key), 1,
        err, member ? "its `%s` is not what it must be" : "it names no channel",
        member ? member : "");
    gw_buf_clear(&key);
    return code;
}

static gw_code
add_item(asking *a, const user_task *t, size_t n, gw_error *err)
{
    gw_arena *arena = &a->wk->im->arena;
    gw_slice uid = gw_buf_as_slice(&t->uid), raw = t->list.at[n - 1];
    gw_fields fields;
    gw_buf text = {0};
    item it;

    a->given++;
    if (gw_json_kind_of(raw) != GW_JSON_OBJECT ||
        gw_json_object(arena, raw, &fields, err) != GW_OK)
        return refuse_item(a, uid, n, NULL, err);
    const char *bad = find_bad(arena, fields);
    if (bad || !read_channel(a, uid, fields, &it.topic))
        return refuse_item(a, uid, n, bad, err);
    gw_buf_printf(&text, "\"user_id\":%" PRId64 ",\"uid\":", t->id);
    gw_json_put_string(&text, uid);
    gw_buf_text(&text, ",\"channel_ref\":0,\"channel_id\":");
    gw_json_put_string(&text, it.topic.id);
    gw_buf_printf(&text, ",\"channel_type\":%" PRId64, it.topic.type);
    put_numbers(&text, fields);
    it.fields = gw_arena_dup(arena, gw_buf_as_slice(&text));
    it.digest = gw_importing_digest(it.fields);
    text.len = 0;
    gw_buf_printf(&text, "%" PRId64 "/%.*s", t->id, GW_FMT(it.topic.name));
    it.key = gw_arena_dup(arena, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    if (a->n_items == a->room) {
        a->room = a->room ? 2 * a->room : 256;
        a->items = gw_realloc(a->items, a->room * sizeof(*a->items));
    }
    a->items[a->n_items++] = it;
    return GW_OK;
}

/* The source orders them by time, with ties in any order. */
static int
compare_items(const void *a, const void *b)
{
    return gw_slice_compare(((const item *)a)->key, ((const item *)b)->key);
}

/* ---- writing ---- */

/* The item with the ids that are known only now. */
static gw_slice
complete(gw_arena *arena, const item *it, int64_t id, int64_t channel_ref)
{
    static const char hole[] = "\"channel_ref\":0,";
    const char *at =
        memmem(it->fields.at, it->fields.len, hole, sizeof(hole) - 1);
    size_t before = (size_t)(at - it->fields.at);
    gw_slice rest = {at + sizeof(hole) - 1,
                     it->fields.len - before - (sizeof(hole) - 1)};

    return gw_slice_of(gw_arena_printf(
        arena, "{\"id\":%" PRId64 ",%.*s\"channel_ref\":%" PRId64 ",%.*s}", id,
        (int)before, it->fields.at, channel_ref, GW_FMT(rest)));
}

static gw_code
write_item(asking *a, const item *it, const gw_import_row *row,
           int64_t *next_id, gw_error *err)
{
    gw_importing *im = a->wk->im;
    gw_import_row now = {row->id, im->state.number, it->digest, 1};
    int64_t channel_ref;
    gw_code code = gw_wk_find_channel(a->wk, &it->topic, &channel_ref, err);

    if (code != GW_OK)
        return code;
    if (!row->id) {
        now.id = (*next_id)++;
        code = gw_importing_create(
            im, GW_WK_CONVERSATION, now.id,
            complete(&im->arena, it, now.id, channel_ref), err);
    } else if (row->mark != it->digest) {
        code = gw_importing_change(
            im, GW_WK_CONVERSATION, row->id, it->key, OWNED,
            complete(&im->arena, it, row->id, channel_ref), err);
    }
    return code == GW_OK
               ? gw_importing_put(im, GW_WK_CONVERSATION, it->key, &now, err)
               : code;
}

static gw_code
write_items(asking *a, gw_error *err)
{
    gw_importing *im = a->wk->im;
    size_t n = 0, n_new = 0;
    int64_t next_id = 0;

    for (size_t i = 0; i < a->n_items; i++) /* a channel twice is once */
        if (n == 0 || !gw_slice_equal(a->items[i].key, a->items[n - 1].key))
            a->items[n++] = a->items[i];
    gw_slice *keys = GW_ARENA_NEW(&im->arena, gw_slice, n + 1);
    gw_import_row *rows = GW_ARENA_NEW(&im->arena, gw_import_row, n + 1);
    for (size_t i = 0; i < n; i++)
        keys[i] = a->items[i].key;
    gw_code code =
        gw_importing_find(im, GW_WK_CONVERSATION, keys, n, rows, err);
    for (size_t i = 0; i < n; i++)
        n_new += rows[i].id == 0;
    if (code == GW_OK)
        code =
            gw_importing_reserve(im, GW_WK_CONVERSATION, n_new, &next_id, err);
    for (size_t i = 0; i < n && code == GW_OK; i++)
        code = write_item(a, &a->items[i], &rows[i], &next_id, err);
    a->given -= (int64_t)(a->n_items - n);
    return code;
}

static gw_code
write_position(asking *a, gw_error *err)
{
    gw_importing *im = a->wk->im;
    char unit[64];
    gw_code code = gw_wk_find_users(a->wk, &a->peers, err);

    if (code == GW_OK)
        code = write_items(a, err);
    if (code != GW_OK)
        return code;
    gw_importing_set_count(im, GW_COUNT_ASKED_AFTER, a->last_id);
    gw_importing_set_count(im, GW_COUNT_CONVERSATIONS,
                           gw_importing_count(im, GW_COUNT_CONVERSATIONS) +
                               a->given);
    int len = snprintf(unit, sizeof(unit), "users up to %" PRId64, a->last_id);
    code = gw_importing_write(im, (gw_slice){unit, (size_t)len}, err);
    a->n_items = 0;
    a->given = 0;
    a->peers = (gw_texts){0};
    return code;
}

static gw_code
take(void *self, gw_task *task, bool *took, bool *is_over, gw_error *err)
{
    asking *a = self;
    user_task *t = (user_task *)task;
    size_t from = a->n_items;
    gw_code code = GW_OK;

    if (task->ask.state == GW_ASK_WAITING)
        return GW_OK;
    *took = *is_over = true;
    if (!a->peers.arena)
        gw_texts_init(&a->peers, &a->wk->im->arena);
    if (task->ask.state == GW_ASK_REFUSED) {
        a->given++;
        code = gw_importing_problem(
            a->wk->im, GW_REASON_UNREADABLE, "conversation",
            gw_buf_as_slice(&t->uid), 1, err, "%.*s",
            GW_FMT(gw_buf_as_slice(&task->ask.refusal)));
    }
    for (size_t i = 0; i < t->list.n && code == GW_OK; i++)
        code = add_item(a, t, i + 1, err);
    if (a->n_items > from)
        qsort(a->items + from, a->n_items - from, sizeof(item), compare_items);
    a->last_id = t->id;
    /* by the id, so that a run that goes on makes the same positions */
    if (code == GW_OK &&
        (t->is_last || t->id % ROUND == 0 || a->n_items >= MOST_ITEMS))
        code = write_position(a, err);
    return code;
}

static void
clear(void *self, gw_task *task)
{
    (void)self;
    gw_buf_clear(&((user_task *)task)->uid);
}

/* ---- the step ---- */

/* Asks the users that there are now; *any says whether there were some. */
static gw_code
ask_round(gw_wk *wk, bool *any, gw_error *err)
{
    static const gw_flow flow = {
        .task_size = sizeof(user_task),
        .next = next_user,
        .reply = reply,
        .take = take,
        .clear = clear,
    };
    gw_importing *im = wk->im;
    gw_import_kind kind = {im->source, GW_WK_USER};
    int64_t rows, items, top = 0;
    asking *a = gw_calloc(1, sizeof(*a));
    gw_code code = gw_importing_begin(im, err);

    a->wk = wk;
    a->after = gw_importing_count(im, GW_COUNT_ASKED_AFTER);
    a->upto = gw_importing_count(im, GW_COUNT_ASKED_UPTO);
    if (code == GW_OK && a->after >= a->upto) {
        code =
            gw_import_sum(im->run->store, &kind, 0, &rows, &items, &top, err);
        a->upto = top;
        gw_importing_set_count(im, GW_COUNT_ASKED_UPTO, top);
    }
    *any = a->after < a->upto;
    if (code == GW_OK && *any)
        code = gw_flow_run(&wk->asker, &flow, a, err);
    if (code == GW_OK && (a->n_items > 0 || a->given > 0))
        code = write_position(a, err);
    if (code == GW_OK)
        gw_importing_set_count(im, GW_COUNT_ASKED_AFTER, a->upto);
    free(a->items);
    gw_arena_clear(&a->arena);
    free(a);
    return code;
}

gw_code
gw_wk_step_conversation(gw_wk *wk, gw_error *err)
{
    gw_importing *im = wk->im;
    gw_code code = GW_OK;

    if (gw_importing_count(im, GW_COUNT_ASKED_UPTO) == 0) {
        gw_importing_set_count(im, GW_COUNT_CONVERSATIONS, 0);
        gw_importing_set_count(im, GW_COUNT_CONVERSATIONS_SINCE,
                               im->state.number);
        code = gw_wk_forget_problems(wk, GW_STEP_CONVERSATION, false, NULL,
                                     NULL, err);
    }
    for (bool any = true; any && code == GW_OK;) {
        code = gw_wk_bring_found(wk, err);
        if (code == GW_OK)
            code = gw_wk_bring_cut_topics(wk, err);
        if (code == GW_OK)
            code = ask_round(wk, &any, err);
    }
    if (code == GW_OK && gw_importing_count(im, GW_COUNT_RELIST))
        code = gw_wk_bring_again(wk, err);
    if (code == GW_OK && gw_importing_count(im, GW_COUNT_DEVICES_DUE) &&
        wk->is_complete)
        code = gw_wk_bring_devices(wk, err);
    if (code == GW_OK) { /* the next import asks all again */
        gw_importing_set_count(im, GW_COUNT_ASKED_AFTER, 0);
        gw_importing_set_count(im, GW_COUNT_ASKED_UPTO, 0);
    }
    return code;
}
