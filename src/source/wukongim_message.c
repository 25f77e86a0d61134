/* SPDX-License-Identifier: Apache-2.0 */
/* The step of messages. A topic is read from behind its last imported
 * message to the newest that the source knows of; what is there is written
 * in the order of the topics. */
#include <inttypes.h>
#include <stdlib.h>

#include "source/wukongim_people_priv.h"
#include "source/wukongim_topic_priv.h"

enum {
    TOPICS = 500,      /* looked up at a time */
    TOPICS_READ = 200, /* and read, as far as memory allows */
};

typedef struct topics {
    gw_wk *wk;
    gw_wk_next_name next;
    void *next_arg;
    bool is_again, is_at_end;
    gw_arena arena; /* of the names that follow */
    gw_slice names[TOPICS];
    gw_import_row rows[TOPICS];
    size_t n, at;
} topics;
/* ---- the next topics ---- */

static gw_code
fill(topics *s, gw_error *err)
{
    gw_buf name = {0};
    gw_code code = GW_OK;

    gw_arena_reset(&s->arena);
    s->n = s->at = 0;
    while (code == GW_OK && s->n < TOPICS && !s->is_at_end) {
        bool has = false;
        name.len = 0;
        code = s->next(s->next_arg, &name, &has, err);
        s->is_at_end = !has;
        if (code == GW_OK && has)
            s->names[s->n++] = gw_arena_dup(&s->arena, gw_buf_as_slice(&name));
    }
    gw_buf_clear(&name);
    return code == GW_OK ? gw_importing_find(s->wk->im, GW_WK_TOPIC, s->names,
                                             s->n, s->rows, err)
                         : code;
}

/* A topic whose messages no call gives, but whose length can be asked. */
static bool
is_silent(gw_wk_reading *t)
{
    const char *at = t->topic.id.at;
    size_t len = t->topic.id.len;

    return t->topic.type == GW_WK_PERSON &&
           ((len >= 10 && memcmp(at, "userqueue_", 10) == 0) ||
            !gw_wk_split(t->topic.id, &t->login, &t->peer));
}

static gw_code
next_topic(void *self, gw_task *task, bool *has, gw_error *err)
{
    topics *s = self;
    gw_wk_reading *t = (gw_wk_reading *)task;
    gw_code code = GW_OK;

    do {
        if (s->at == s->n && !s->is_at_end)
            code = fill(s, err);
        if (code != GW_OK || s->at == s->n)
            return code;
        t->row = s->rows[s->at];
        s->at++;
    } while (!s->is_again && t->row.id &&
             t->row.seen == s->wk->im->state.number);
    gw_buf_slice(&t->name, s->names[s->at - 1]);
    (void)gw_wk_topic_parse(gw_buf_as_slice(&t->name), &t->topic);
    t->is_silent = is_silent(t);
    t->at = t->row.mark;
    t->limit = GW_WK_PAGE;
    t->phase = GW_WK_PHASE_NEWEST;
    gw_wk_ask_newest(s->wk, &task->ask, t->topic.type, t->topic.id);
    *has = true;
    return GW_OK;
}

static gw_code
reply(void *self, gw_task *task, gw_error *err)
{
    topics *s = self;

    return gw_wk_reading_reply(s->wk, (gw_wk_reading *)task, err);
}

/* ---- taking ---- */

/* Those below a number. */
static gw_code
write_holes(topics *s, gw_wk_reading *t, int64_t below, gw_error *err)
{
    /* for good: the cleanup fills in what the source's newest is */
    static const gw_import_row different = {.id = 1, .n = 1};
    gw_code code = GW_OK;
    size_t n = 0;

    for (; n < t->n_holes && t->holes[n].from < below && code == GW_OK; n++) {
        const gw_wk_hole *h = &t->holes[n];
        gw_buf key = {0};
        gw_buf_printf(&key, "%.*s/%" PRId64, GW_FMT(t->topic.name), h->from);
        if (h->upto > h->from)
            gw_buf_printf(&key, "..%" PRId64, h->upto);
        code = gw_importing_problem(s->wk->im, h->reason, "message",
                                    gw_buf_as_slice(&key),
                                    h->upto - h->from + 1, err, "%s", h->why);
        gw_buf_clear(&key);
    }
    if (n > 0 && code == GW_OK)
        code = gw_importing_put(s->wk->im, GW_WK_DIFFERENT, t->topic.name,
                                &different, err);
    t->n_holes -= n;
    memmove(t->holes, t->holes + n, t->n_holes * sizeof(gw_wk_hole));
    return code;
}

/* The persons that a silent topic names; it makes no channel. */
static gw_code
end_silent(topics *s, gw_wk_reading *t, gw_error *err)
{
    gw_importing *im = s->wk->im;
    gw_slice id = t->topic.id;
    bool is_queue = id.len >= 10 && memcmp(id.at, "userqueue_", 10) == 0;
    gw_slice uid = is_queue ? (gw_slice){id.at + 10, id.len - 10} : id;
    gw_texts uids;
    gw_code code;

    if (t->newest == 0)
        return GW_OK;
    gw_texts_init(&uids, &im->arena);
    if (gw_wk_is_key(uid) && !memchr(uid.at, '@', uid.len))
        (void)gw_texts_add(&uids, uid);
    code = gw_wk_find_users(s->wk, &uids, err);
    if (code == GW_OK)
        code = gw_importing_write(im, t->topic.name, err);
    if (code != GW_OK)
        return code;
    im->is_beside = true;
    code = gw_importing_problem(
        im, is_queue ? GW_REASON_REFUSED : GW_REASON_UNREADABLE, "message",
        t->topic.name, t->newest, err, "%" PRId64 " %s", t->newest,
        is_queue ? "offline commands: they are no messages of a channel"
                 : "messages without a sender: no call of the source reads "
                   "them");
    im->is_beside = false;
    return code;
}

static gw_code
end_topic(topics *s, gw_wk_reading *t, gw_error *err)
{
    gw_code code = write_holes(s, t, INT64_MAX, err);

    if (code != GW_OK || t->is_silent)
        return code == GW_OK ? end_silent(s, t, err) : code;
    if (t->refusal.len)
        code = gw_importing_problem(
            s->wk->im, GW_REASON_UNREADABLE, "channel", t->topic.name,
            t->newest > t->at ? t->newest - t->at : 1, err, "%.*s",
            GW_FMT(gw_buf_as_slice(&t->refusal)));
    /* purged as a whole, or only its members are there: a channel */
    if (code == GW_OK && !t->row.id && (t->newest > 0 || t->has_members)) {
        code = gw_wk_find_channel(s->wk, &t->topic, &t->row.id, err);
        if (code == GW_OK)
            code = gw_importing_write(s->wk->im, t->topic.name, err);
    }
    if (code != GW_OK || !t->row.id)
        return code;
    if (t->at > t->row.mark)
        t->row.mark = t->at;
    /* a run that goes on tries again what is refused */
    t->row.seen = t->refusal.len ? GW_WK_UNREAD : s->wk->im->state.number;
    return gw_importing_put(s->wk->im, GW_WK_TOPIC, t->topic.name, &t->row,
                            err);
}

static gw_code
take(void *self, gw_task *task, bool *took, bool *is_over, gw_error *err)
{
    topics *s = self;
    gw_wk_reading *t = (gw_wk_reading *)task;
    gw_code code = GW_OK;

    if (t->n_pages > 0) {
        gw_wk_page page = gw_wk_reading_take(s->wk, t);
        code = write_holes(s, t, page.first, err);
        if (code == GW_OK)
            code = gw_wk_page_write(s->wk, &page, &t->topic, &t->row, err);
        gw_wk_page_clear(&page);
        *took = true;
    }
    if (code == GW_OK && t->is_stalled && t->n_pages == 0) {
        code = write_holes(s, t, INT64_MAX, err);
        if (code == GW_OK)
            gw_wk_reading_go_on(s->wk, t);
    }
    if (code == GW_OK && t->phase == GW_WK_PHASE_OVER && t->n_pages == 0) {
        code = end_topic(s, t, err);
        *took = *is_over = true;
    }
    return code;
}

static void
go_on(void *self, gw_task *task, bool is_first)
{
    topics *s = self;
    gw_wk_reading *t = (gw_wk_reading *)task;

    t->is_first = is_first;
    if (t->is_stalled)
        gw_wk_reading_go_on(s->wk, t);
}

static void
clear(void *self, gw_task *task)
{
    topics *s = self;

    gw_wk_reading_clear(s->wk, (gw_wk_reading *)task);
}

gw_code
gw_wk_topics_bring(gw_wk *wk, gw_wk_next_name next, void *arg, bool is_again,
                   gw_error *err)
{
    static const gw_flow flow = {
        .task_size = sizeof(gw_wk_reading),
        .next = next_topic,
        .reply = reply,
        .take = take,
        .clear = clear,
        .go_on = go_on,
        .least_tasks = TOPICS_READ,
    };
    topics *s = gw_calloc(1, sizeof(*s));

    s->wk = wk;
    s->next = next;
    s->next_arg = arg;
    s->is_again = is_again;
    gw_code code = gw_flow_run(&wk->asker, &flow, s, err);
    gw_arena_clear(&s->arena);
    free(s);
    return code;
}
/* ---- the step ---- */

gw_code
gw_wk_next_row(void *arg, gw_buf *name, bool *has, gw_error *err)
{
    gw_slice text;
    gw_code code = gw_rows_next(arg, &text, has, err);

    if (code == GW_OK && *has)
        gw_buf_slice(name, text);
    return code;
}

gw_code
gw_wk_step_message(gw_wk *wk, gw_error *err)
{
    gw_rows names = {0};
    gw_code code = gw_wk_forget_problems(wk, GW_STEP_MESSAGE, false,
                                         "unreadable", "channel", err);

    if (code == GW_OK) /* all of those are noted again */
        code =
            gw_wk_forget_problems(wk, GW_STEP_MESSAGE, true, NULL, NULL, err);

    if (code == GW_OK)
        code = gw_wk_topics_fetch(wk, &names, err);
    if (code == GW_OK)
        code = gw_wk_topics_bring(wk, gw_wk_next_row, &names, false, err);
    gw_rows_clear(&names);
    if (code == GW_OK)
        code = gw_wk_bring_cut_topics(wk, err);
    return code == GW_OK ? gw_wk_bring_found(wk, err) : code;
}
