/* SPDX-License-Identifier: Apache-2.0 */
/* Users and channels: their models, and the questions for their lists. Those
 * that a step comes across get a small model at once, so that they can be
 * referred to, and are asked for at its end. */
#include <inttypes.h>
#include <stdio.h>

#include "source/wukongim_people_priv.h"

/* Of fields, after which a position ends: large groups make large ones. */
#define BATCH_BYTES ((size_t)GW_MIB)

static const char *const USER_LISTS[] = {"allowlist", "denylist", NULL};
const char *const gw_wk_channel_lists[] = {"subscribers", "allowlist",
                                           "denylist", NULL};
static const char *const CHANNEL_ALL[] = {
    "ban", "disband", "large", "subscribers", "allowlist", "denylist", NULL};

bool
gw_wk_is_key(gw_slice text)
{
    return text.at && text.len > 0 && text.len <= GW_LIMIT_SOURCE_KEY &&
           !gw_wk_holds_nul(text);
}

/* ---- fields ---- */

static void
put_uids(gw_buf *out, const char *name, const gw_texts *uids)
{
    gw_buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < uids->n; i++) {
        if (i > 0)
            gw_buf_byte(out, ',');
        gw_json_put_string(out, uids->at[i]);
    }
    gw_buf_byte(out, ']');
}

static void
put_user(gw_buf *out, gw_slice uid)
{
    gw_buf_text(out, "\"uid\":");
    gw_json_put_string(out, uid);
}

static void
put_channel(gw_buf *out, int64_t type, gw_slice id)
{
    gw_buf_text(out, "\"channel_id\":");
    gw_json_put_string(out, id);
    gw_buf_printf(out, ",\"channel_type\":%" PRId64, type);
}

static void
put_flag(gw_buf *out, const char *name, int is_set)
{
    if (is_set >= 0)
        gw_buf_printf(out, ",\"%s\":%s", name, is_set ? "true" : "false");
}

/* The fields of an entry, without the id; uids of its lists to `found`. */
static void
put_entry(gw_wk_bring *b, const gw_wk_entry *e, gw_fields lists, gw_buf *out,
          gw_texts *found)
{
    gw_arena *arena = &b->wk->im->arena;

    if (b->are_users)
        put_user(out, e->id);
    else
        put_channel(out, e->type, e->id);
    if (e->has_row) {
        put_flag(out, "ban", e->ban);
        put_flag(out, "disband", e->disband);
        put_flag(out, "large", e->large);
    }
    for (const char *const *name = b->are_users ? USER_LISTS
                                                : gw_wk_channel_lists;
         *name; name++) {
        gw_texts uids;
        if (!gw_wk_read_uids(b->wk, arena, gw_wk_member(lists, *name), &uids))
            continue;
        put_uids(out, *name, &uids);
        for (size_t i = 0; i < uids.n; i++)
            (void)gw_texts_add(found, uids.at[i]);
    }
}

/* {"id":N,fields} */
static gw_slice
with_id(gw_arena *arena, int64_t id, gw_slice fields)
{
    gw_buf text = {0};

    gw_buf_printf(&text, "{\"id\":%" PRId64 ",", id);
    gw_buf_slice(&text, fields);
    gw_buf_byte(&text, '}');
    gw_slice copy = gw_arena_dup(arena, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    return copy;
}

/* ---- what is found ---- */

/* Adds a model with these fields that nobody was asked for yet. */
static gw_code
add_found(gw_wk *wk, gw_slice collection, gw_slice key, int64_t id,
          gw_slice fields, gw_error *err)
{
    gw_import_row row = {.id = id, .mark = gw_importing_digest(fields), .n = 1};
    gw_code code = gw_importing_create(
        wk->im, collection, id, with_id(&wk->im->arena, id, fields), err);

    return code == GW_OK ? gw_importing_put(wk->im, collection, key, &row, err)
                         : code;
}

static gw_code
add_users(gw_wk *wk, const gw_texts *uids, const gw_import_row *rows,
          gw_error *err)
{
    size_t n = 0;
    int64_t id = 0;
    gw_buf fields = {0};

    for (size_t i = 0; i < uids->n; i++)
        n += rows[i].id == 0 && gw_wk_is_key(uids->at[i]);
    gw_code code = gw_importing_reserve(wk->im, GW_WK_USER, n, &id, err);
    for (size_t i = 0; i < uids->n && code == GW_OK; i++) {
        if (rows[i].id || !gw_wk_is_key(uids->at[i]))
            continue;
        fields.len = 0;
        put_user(&fields, uids->at[i]);
        code = add_found(wk, GW_WK_USER, uids->at[i], id++,
                         gw_buf_as_slice(&fields), err);
        if (code == GW_OK)
            code = gw_wk_note_comma(wk, uids->at[i], err);
    }
    gw_buf_clear(&fields);
    return code;
}

gw_code
gw_wk_find_users(gw_wk *wk, const gw_texts *uids, gw_error *err)
{
    if (uids->n == 0)
        return GW_OK;
    gw_import_row *rows = gw_calloc(uids->n, sizeof(*rows));
    gw_code code =
        gw_importing_find(wk->im, GW_WK_USER, uids->at, uids->n, rows, err);
    if (code == GW_OK)
        code = add_users(wk, uids, rows, err);
    free(rows);
    return code;
}

gw_code
gw_wk_find_channel(gw_wk *wk, const gw_wk_topic *topic, int64_t *id,
                   gw_error *err)
{
    gw_import_row row;
    gw_buf fields = {0};
    gw_code code =
        gw_importing_find(wk->im, GW_WK_CHANNEL, &topic->name, 1, &row, err);

    *id = row.id;
    if (code != GW_OK || row.id)
        return code;
    code = gw_importing_reserve(wk->im, GW_WK_CHANNEL, 1, id, err);
    put_channel(&fields, topic->type, topic->id);
    if (code == GW_OK)
        code = add_found(wk, GW_WK_CHANNEL, topic->name, *id,
                         gw_buf_as_slice(&fields), err);
    gw_buf_clear(&fields);
    return code;
}

void
gw_wk_add_persons(gw_texts *uids, const gw_wk_topic *topic)
{
    const char *at = memchr(topic->id.at, '@', topic->id.len);

    if (topic->type != GW_WK_PERSON || !at)
        return;
    gw_slice left = {topic->id.at, (size_t)(at - topic->id.at)};
    gw_slice right = {at + 1, topic->id.len - left.len - 1};
    if (memchr(right.at, '@', right.len))
        return; /* a uid holds one: who they are is not certain */
    if (gw_wk_is_key(left))
        (void)gw_texts_add(uids, left);
    if (gw_wk_is_key(right))
        (void)gw_texts_add(uids, right);
}

/* ---- a batch, which becomes a position ---- */

typedef struct gw_wk_made {
    gw_slice key, fields;
    int64_t digest;
    bool is_readable, has_row;
} gw_wk_made;

static gw_code
write_entry(gw_wk_bring *b, const gw_wk_made *made, const gw_import_row *row,
            int64_t *next_id, gw_error *err)
{
    gw_importing *im = b->wk->im;
    gw_slice collection = b->are_users ? GW_WK_USER : GW_WK_CHANNEL;
    gw_import_row now = {row->id, im->state.number, made->digest, 1};
    gw_code code = GW_OK;

    if (row->id && row->seen == im->state.number && !b->is_again)
        return GW_OK;
    if (!row->id) {
        now.id = (*next_id)++;
        code =
            gw_importing_create(im, collection, now.id,
                                with_id(&im->arena, now.id, made->fields), err);
    } else if (!made->is_readable) {
        now.mark = row->mark;
    } else if (row->mark != made->digest) {
        const char *const *owned = b->are_users    ? USER_LISTS
                                   : made->has_row ? CHANNEL_ALL
                                                   : gw_wk_channel_lists;
        code = gw_importing_change(im, collection, row->id, made->key, owned,
                                   with_id(&im->arena, row->id, made->fields),
                                   err);
    }
    if (code == GW_OK)
        code = gw_importing_put(im, collection, made->key, &now, err);
    return code == GW_OK && b->are_users
               ? gw_wk_note_comma(b->wk, made->key, err)
               : code;
}

static gw_code
write_entries(gw_wk_bring *b, const gw_wk_made *made, size_t n,
              const gw_import_row *rows, gw_error *err)
{
    size_t n_new = 0;
    int64_t next_id = 0;

    for (size_t i = 0; i < n; i++)
        n_new += rows[i].id == 0;
    gw_code code = gw_importing_reserve(
        b->wk->im, b->are_users ? GW_WK_USER : GW_WK_CHANNEL, n_new, &next_id,
        err);
    for (size_t i = 0; i < n && code == GW_OK; i++)
        code = write_entry(b, &made[i], &rows[i], &next_id, err);
    return code;
}

/* Problems are of the step that counts users or channels, wherever they are
 * come across. Returns the step under way. */
static gw_step
enter_step(const gw_wk_bring *b)
{
    gw_step step = b->wk->im->step;

    b->wk->im->step = b->are_users ? GW_STEP_USER : GW_STEP_CHANNEL;
    return step;
}

gw_code
gw_wk_bring_write(gw_wk_bring *b, gw_error *err)
{
    gw_importing *im = b->wk->im;
    gw_step step;
    gw_slice *keys = GW_ARENA_NEW(&im->arena, gw_slice, b->n_made + 1);
    gw_import_row *rows =
        GW_ARENA_NEW(&im->arena, gw_import_row, b->n_made + 1);
    char unit[64];

    for (size_t i = 0; i < b->n_made; i++)
        keys[i] = b->made[i].key;
    gw_code code =
        gw_importing_find(im, b->are_users ? GW_WK_USER : GW_WK_CHANNEL, keys,
                          b->n_made, rows, err);
    step = enter_step(b);
    if (code == GW_OK)
        code = write_entries(b, b->made, b->n_made, rows, err);
    im->step = step;
    if (code == GW_OK)
        code = gw_wk_find_users(b->wk, &b->found, err);
    int len = snprintf(unit, sizeof(unit), "%zu %s", b->n_made,
                       b->are_users ? "users" : "channels");
    if (code == GW_OK)
        code = gw_importing_write(im, (gw_slice){unit, (size_t)len}, err);
    b->n_made = b->made_bytes = 0;
    b->found = (gw_texts){0};
    return code;
}

/* ---- tasks ---- */

typedef struct bring_task {
    gw_task task;
    gw_buf id;
    gw_wk_entry entry;
    bool is_last; /* of its batch */
} bring_task;

static gw_code
next_page(gw_wk_bring *b, gw_error *err)
{
    gw_code code = GW_OK;

    gw_arena_reset(&b->page_arena);
    b->n = b->at = 0;
    while (code == GW_OK && b->n == 0 && !b->is_at_end)
        code = b->more(b, err);
    return code;
}

static gw_code
next_task(void *self, gw_task *task, bool *has, gw_error *err)
{
    gw_wk_bring *b = self;
    bring_task *t = (bring_task *)task;
    gw_code code = b->at == b->n ? next_page(b, err) : GW_OK;

    if (code != GW_OK || b->n == 0)
        return code;
    t->entry = b->page[b->at++];
    t->is_last = b->at == b->n;
    gw_buf_slice(&t->id, t->entry.id);
    t->entry.id = gw_buf_as_slice(&t->id);
    if (!t->entry.is_known_only)
        gw_wk_ask_lists(b->wk, &task->ask,
                        b->are_users ? GW_WK_PERSON : t->entry.type,
                        t->entry.id);
    *has = true;
    return GW_OK;
}

/* A list that is none is a try that failed. */
static gw_code
check_lists(gw_wk_bring *b, bring_task *t, gw_error *err)
{
    char why[64];

    for (const char *const *name = gw_wk_channel_lists; *name; name++) {
        gw_slice raw = gw_wk_member(t->entry.lists, *name);
        if (!raw.at || gw_wk_is_texts(&t->task.ask.arena, raw))
            continue;
        t->entry.lists = (gw_fields){0};
        (void)snprintf(why, sizeof(why), "its `%s` is no list of texts", *name);
        return gw_ask_again(&b->wk->asker, &t->task.ask, why, err);
    }
    return GW_OK;
}

static gw_code
reply(void *self, gw_task *task, gw_error *err)
{
    gw_wk_bring *b = self;
    bring_task *t = (bring_task *)task;
    bool is_there = true;

    if (task->ask.state == GW_ASK_REFUSED)
        return GW_OK;
    gw_code code =
        gw_wk_read_object(b->wk, &task->ask, &t->entry.lists, &is_there, err);
    return code == GW_OK && is_there ? check_lists(b, t, err) : code;
}

/* The answer becomes fields in the arena of the position. */
static void
make(gw_wk_bring *b, const gw_wk_entry *e, bool is_readable)
{
    gw_arena *arena = &b->wk->im->arena;
    gw_buf text = {0};
    gw_wk_made *made;

    if (!b->found.arena)
        gw_texts_init(&b->found, arena);
    if (!b->made)
        b->made = gw_calloc(GW_WK_BATCH, sizeof(*b->made));
    made = &b->made[b->n_made++];
    put_entry(b, e, e->lists, &text, &b->found);
    made->fields = gw_arena_dup(arena, gw_buf_as_slice(&text));
    made->digest = gw_importing_digest(made->fields);
    made->is_readable = is_readable;
    b->made_bytes += made->fields.len;
    made->has_row = e->has_row;
    text.len = 0;
    if (!b->are_users)
        gw_buf_printf(&text, "%" PRId64 "-", e->type);
    gw_buf_slice(&text, e->id);
    made->key = gw_arena_dup(arena, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
}

/* Its lists are not those of the source. */
static gw_code
note_lists(gw_wk_bring *b, const gw_ask *ask, gw_slice key, gw_error *err)
{
    gw_step step = enter_step(b);
    gw_slice why = ask->has_nul ? GW_LIT("an id holds a NUL and is left out")
                                : gw_buf_as_slice(&ask->refusal);
    gw_code code = gw_importing_problem(b->wk->im, GW_REASON_UNREADABLE,
                                        b->are_users ? "user" : "channel", key,
                                        1, err, "its lists: %.*s", GW_FMT(why));

    b->wk->im->step = step;
    return code;
}

static gw_code
take(void *self, gw_task *task, bool *took, bool *is_over, gw_error *err)
{
    gw_wk_bring *b = self;
    bring_task *t = (bring_task *)task;
    gw_code code = GW_OK;

    if (task->ask.state == GW_ASK_WAITING)
        return GW_OK;
    *took = *is_over = true;
    if (t->entry.is_known_only) {
        if (!b->found.arena)
            gw_texts_init(&b->found, &b->wk->im->arena);
        (void)gw_texts_add(&b->found,
                           gw_arena_dup(&b->wk->im->arena, t->entry.id));
    } else {
        bool is_refused = task->ask.state == GW_ASK_REFUSED;
        make(b, &t->entry, !is_refused);
        if (is_refused || task->ask.has_nul)
            code = note_lists(b, &task->ask, b->made[b->n_made - 1].key, err);
    }
    bool is_full = t->is_last || b->made_bytes >= BATCH_BYTES;
    return code == GW_OK && is_full ? gw_wk_bring_write(b, err) : code;
}

static void
clear(void *self, gw_task *task)
{
    (void)self;
    gw_buf_clear(&((bring_task *)task)->id);
}

gw_code
gw_wk_bring_run(gw_wk_bring *b, gw_error *err)
{
    static const gw_flow flow = {
        .task_size = sizeof(bring_task),
        .next = next_task,
        .reply = reply,
        .take = take,
        .clear = clear,
    };
    gw_code code = gw_flow_run(&b->wk->asker, &flow, b, err);

    free(b->made);
    gw_arena_clear(&b->page_arena);
    b->made = NULL;
    return code;
}

void
gw_wk_bring_add(gw_wk_bring *b, const gw_wk_entry *entry)
{
    gw_wk_entry *e = &b->page[b->n++];

    *e = *entry;
    e->id = gw_arena_dup(&b->page_arena, entry->id);
}
