/* SPDX-License-Identifier: Apache-2.0 */
/* The step of messages. A topic is read from behind its last imported
 * message to the newest that the source knows of. The source answers from
 * the exact number asked for, or jumps: numbers in between are looked for. */
#include <inttypes.h>
#include <stdlib.h>

#include "source/wukongim_people_priv.h"
#include "source/wukongim_topic_priv.h"

enum {
    TOPICS = 500, /* looked up at a time */
    PAGES = 2,    /* read ahead in one topic */
    HOLES = 4,    /* the same */
    PROBES = 100, /* one by one, then in growing strides */
    PROBE_LIMIT = 200,
    BAD_PAGES = 3, /* until a page is taken for unreadable as it is */
};

typedef enum gw_phase_of_topic {
    PHASE_NEWEST, /* asks how far it goes */
    PHASE_PAGE,
    PHASE_PROBE, /* looks for the next number that is there */
    PHASE_BASE,  /* looks for the first that was not purged */
    PHASE_OVER,
} gw_phase_of_topic;

/* Numbers that are not there, or out of reach. */
typedef struct hole {
    int64_t from, upto;
    gw_reason reason;
    const char *why;
} hole;

typedef struct topic_task {
    gw_task task;
    gw_buf name;
    gw_wk_topic topic;
    gw_slice login, peer; /* of a person channel */
    bool is_silent;       /* no call reads it: only its length is known */
    gw_import_row row;
    gw_phase_of_topic phase;
    int64_t newest;
    int64_t at;     /* up to here it is read or given up */
    int64_t target; /* the next number known to be there, or one more
                       than the newest */
    int64_t probe, stride, missed;
    int64_t low, high; /* of a search between two numbers */
    int64_t limit;
    int bad_pages;
    bool is_stalled; /* does not ask: pages are waiting to be taken */
    gw_wk_page pages[PAGES];
    size_t first_page, n_pages;
    hole holes[HOLES];
    size_t n_holes;
    gw_buf refusal; /* why the rest of it cannot be read */
} topic_task;

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

/* ---- questions ---- */

static void
ask_messages(topics *s, topic_task *t, int64_t start, int64_t end,
             int64_t limit)
{
    gw_ask *ask = &t->task.ask;
    bool is_person = t->topic.type == GW_WK_PERSON;

    ask->path.len = ask->body.len = ask->label.len = 0;
    gw_buf_text(&ask->path, "/channel/messagesync");
    gw_buf_text(&ask->body, "{\"login_uid\":");
    gw_json_put_string(&ask->body, is_person ? t->login : GW_LIT(""));
    gw_buf_text(&ask->body, ",\"channel_id\":");
    gw_json_put_string(&ask->body, is_person ? t->peer : t->topic.id);
    gw_buf_printf(&ask->body,
                  ",\"channel_type\":%" PRId64 ",\"start_message_seq\":%" PRId64
                  ",\"end_message_seq\":%" PRId64 ",\"limit\":%" PRId64
                  ",\"pull_mode\":1}",
                  t->topic.type, start, end, limit);
    gw_buf_printf(&ask->label, "topic %.*s from %" PRId64,
                  GW_FMT(t->topic.name), start);
    ask->item.request.answer_bytes = GW_LIMIT_SOURCE_PAGE;
    gw_ask_send(&s->wk->asker, ask);
}

/* The next page, or the end; waits while pages have not been taken. */
static void
go_on(topics *s, topic_task *t)
{
    t->is_stalled = false;
    if (t->at >= t->newest) {
        t->phase = PHASE_OVER;
        return;
    }
    t->phase = PHASE_PAGE;
    if (t->n_pages == PAGES || t->n_holes == HOLES)
        t->is_stalled = true;
    else
        ask_messages(s, t, t->at + 1, 0, t->limit);
}

/* Up to `upto` there is nothing to be had; NULL: there never was. */
static void
give_up(topic_task *t, int64_t upto, gw_reason reason, const char *why)
{
    if (upto > t->at && why)
        t->holes[t->n_holes++] = (hole){t->at + 1, upto, reason, why};
    t->at = upto > t->at ? upto : t->at;
}

/* Numbers that were asked for one by one are no messages at the source; of
 * those that were passed over nothing is known. */
static const char *
why_not(const topic_task *t)
{
    return t->stride > 1 ? "the source does not give them: a gap, or out of "
                           "its reach"
                         : NULL;
}

/* ---- looking for what is there ---- */

static void
probe(topics *s, topic_task *t)
{
    if (t->probe >= t->target) {
        give_up(t, t->target - 1, GW_REASON_UNREADABLE, why_not(t));
        go_on(s, t);
        return;
    }
    t->phase = PHASE_PROBE;
    ask_messages(s, t, t->probe, t->target, PROBE_LIMIT);
}

static void
begin_probing(topics *s, topic_task *t, int64_t target)
{
    t->target = target;
    t->missed = t->at + 1;
    t->probe = t->at + 2;
    t->stride = 1;
    t->low = t->high = 0;
    probe(s, t);
}

/* Between a number that is not there and one that is. */
static bool
search_between(topics *s, topic_task *t)
{
    if (t->high - t->low <= 1)
        return false;
    t->probe = t->low + (t->high - t->low) / 2;
    ask_messages(s, t, t->probe, t->target, PROBE_LIMIT);
    return true;
}

static void
take_probe(topics *s, topic_task *t, const gw_wk_page *page)
{
    bool is_any = page->messages.n > 0;
    bool is_hit = is_any && page->first == t->probe;

    if (t->high) { /* a search is under way */
        if (!is_hit)
            t->low = t->probe;
        if (is_any && page->first < t->high)
            t->high = page->first;
    } else if (is_hit) {
        t->low = t->missed;
        t->high = t->probe;
    } else {
        if (is_any && page->first < t->target)
            t->target = page->first;
        t->missed = t->probe;
        if (t->probe - t->at > PROBES)
            t->stride *= 2;
        t->probe += t->stride;
        probe(s, t);
        return;
    }
    if (search_between(s, t))
        return;
    give_up(t, t->high - 1, GW_REASON_UNREADABLE, why_not(t));
    go_on(s, t);
}

/* The oldest file of the topic was removed: numbers below some are gone. */
static void
search_base(topics *s, topic_task *t, bool is_refused)
{
    if (t->phase != PHASE_BASE) {
        t->phase = PHASE_BASE;
        t->low = t->at + 1;
        t->high = t->newest + 1;
    } else {
        *(is_refused ? &t->low : &t->high) = t->probe;
    }
    if (t->high - t->low > 1) {
        t->probe = t->low + (t->high - t->low) / 2;
        ask_messages(s, t, t->probe, 0, 1);
        return;
    }
    give_up(t, t->high - 1, GW_REASON_UNREADABLE,
            "the source has removed the file that held them");
    t->high = 0;
    go_on(s, t);
}

/* ---- answers ---- */

static bool
is_purged(const gw_ask *ask)
{
    return gw_slice_equal(gw_buf_as_slice(&ask->message),
                          GW_LIT("baseOffset not found"));
}

/* A page that is too long, or no JSON time and again: smaller ones. */
static bool
make_smaller(topics *s, topic_task *t)
{
    if (t->phase != PHASE_PAGE || t->limit == 1)
        return false;
    t->limit = (t->limit + 1) / 2;
    t->bad_pages = 0;
    go_on(s, t);
    return true;
}

static void
take_refusal(topics *s, topic_task *t)
{
    gw_ask *ask = &t->task.ask;

    if (ask->item.code == GW_E_LIMIT && make_smaller(s, t))
        return;
    if (ask->item.code == GW_E_LIMIT) {
        give_up(t, t->at + 1, GW_REASON_REFUSED, "it is too long");
        t->limit = GW_WK_PAGE;
        go_on(s, t);
    } else if (is_purged(ask)) {
        search_base(s, t, true);
    } else {
        gw_buf_slice(&t->refusal, gw_buf_as_slice(&ask->message));
        t->phase = PHASE_OVER;
    }
}

static gw_code
take_newest(topics *s, topic_task *t, gw_error *err)
{
    bool is_there = true;
    gw_code code =
        gw_wk_read_newest(s->wk, &t->task.ask, &t->newest, &is_there, err);

    if (code != GW_OK || !is_there)
        return code;
    if (t->is_silent)
        t->phase = PHASE_OVER;
    else
        go_on(s, t);
    return GW_OK;
}

static void
take_page(topics *s, topic_task *t, gw_wk_page *page)
{
    size_t place = (t->first_page + t->n_pages) % PAGES;

    t->limit = GW_WK_PAGE;
    t->bad_pages = 0;
    if (page->messages.n == 0) {
        begin_probing(s, t, t->newest + 1);
        return;
    }
    if (page->first > t->at + 2) {
        begin_probing(s, t, page->first);
        return;
    }
    give_up(t, page->first - 1, GW_REASON_UNREADABLE, NULL);
    t->at = page->last;
    t->pages[place] = *page;
    *page = (gw_wk_page){0};
    t->n_pages++;
    go_on(s, t);
}

static gw_code
take_bad_page(topics *s, topic_task *t, const gw_error *problem, gw_error *err)
{
    gw_buf why = {0};

    if (++t->bad_pages >= BAD_PAGES) {
        if (make_smaller(s, t))
            return GW_OK;
        if (t->phase == PHASE_PAGE) {
            give_up(t, t->at + 1, GW_REASON_REFUSED,
                    "the source's answer with it is no JSON");
            t->limit = GW_WK_PAGE;
            t->bad_pages = 0;
            go_on(s, t);
            return GW_OK;
        }
    }
    gw_buf_printf(&why, "the answer is cut or no page (%s)", problem->text);
    gw_code code =
        gw_ask_again(&s->wk->asker, &t->task.ask, gw_buf_cstr(&why), err);
    gw_buf_clear(&why);
    return code;
}

static gw_code
reply(void *self, gw_task *task, gw_error *err)
{
    topics *s = self;
    topic_task *t = (topic_task *)task;
    gw_wk_page page = {0};
    gw_error problem;
    gw_code code = GW_OK;
    int64_t from = t->phase == PHASE_PAGE ? t->at + 1 : t->probe;

    if (task->ask.state == GW_ASK_REFUSED) {
        take_refusal(s, t);
        return GW_OK;
    }
    if (t->phase == PHASE_NEWEST)
        return take_newest(s, t, err);
    if (gw_wk_page_read(&page, &task->ask.item.answer.body, from, &problem) !=
        GW_OK)
        code = take_bad_page(s, t, &problem, err);
    else if (t->phase == PHASE_PAGE)
        take_page(s, t, &page);
    else if (t->phase == PHASE_PROBE)
        take_probe(s, t, &page);
    else
        search_base(s, t, false);
    gw_wk_page_clear(&page);
    return code;
}

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
is_silent(topic_task *t)
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
    topic_task *t = (topic_task *)task;
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
    t->phase = PHASE_NEWEST;
    gw_wk_ask_newest(s->wk, &task->ask, t->topic.type, t->topic.id);
    *has = true;
    return GW_OK;
}

/* ---- taking ---- */

static gw_code
write_holes(topics *s, topic_task *t, gw_error *err)
{
    /* for good: the cleanup fills in what the source's newest is */
    static const gw_import_row different = {.id = 1, .n = 1};
    gw_code code = GW_OK;

    for (size_t i = 0; i < t->n_holes && code == GW_OK; i++) {
        const hole *h = &t->holes[i];
        gw_buf key = {0};
        gw_buf_printf(&key, "%.*s/%" PRId64, GW_FMT(t->topic.name), h->from);
        if (h->upto > h->from)
            gw_buf_printf(&key, "..%" PRId64, h->upto);
        code = gw_importing_problem(s->wk->im, h->reason, "message",
                                    gw_buf_as_slice(&key),
                                    h->upto - h->from + 1, err, "%s", h->why);
        gw_buf_clear(&key);
    }
    if (t->n_holes > 0 && code == GW_OK)
        code = gw_importing_put(s->wk->im, GW_WK_DIFFERENT, t->topic.name,
                                &different, err);
    t->n_holes = 0;
    return code;
}

/* The persons that a silent topic names; it makes no channel. */
static gw_code
end_silent(topics *s, topic_task *t, gw_error *err)
{
    gw_importing *im = s->wk->im;
    gw_slice id = t->topic.id;
    bool is_queue = id.len > 10 && memcmp(id.at, "userqueue_", 10) == 0;
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
end_topic(topics *s, topic_task *t, gw_error *err)
{
    gw_code code = write_holes(s, t, err);

    if (code != GW_OK || t->is_silent)
        return code == GW_OK ? end_silent(s, t, err) : code;
    if (t->refusal.len)
        code = gw_importing_problem(
            s->wk->im, GW_REASON_UNREADABLE, "channel", t->topic.name,
            t->newest > t->at ? t->newest - t->at : 1, err, "400 %.*s",
            GW_FMT(gw_buf_as_slice(&t->refusal)));
    /* purged as a whole: its channel is known all the same */
    if (code == GW_OK && !t->row.id && t->newest > 0) {
        code = gw_wk_find_channel(s->wk, &t->topic, &t->row.id, err);
        if (code == GW_OK)
            code = gw_importing_write(s->wk->im, t->topic.name, err);
    }
    if (code != GW_OK || !t->row.id)
        return code;
    if (t->at > t->row.mark)
        t->row.mark = t->at;
    if (!t->refusal.len) /* else a run that goes on tries again */
        t->row.seen = s->wk->im->state.number;
    return gw_importing_put(s->wk->im, GW_WK_TOPIC, t->topic.name, &t->row,
                            err);
}

static gw_code
take(void *self, gw_task *task, bool *took, bool *is_over, gw_error *err)
{
    topics *s = self;
    topic_task *t = (topic_task *)task;
    gw_code code = GW_OK;

    if (t->n_pages > 0) {
        gw_wk_page *page = &t->pages[t->first_page];
        code = write_holes(s, t, err); /* those that the page passes */
        if (code == GW_OK)
            code = gw_wk_page_write(s->wk, page, &t->topic, &t->row, err);
        gw_wk_page_clear(page);
        t->first_page = (t->first_page + 1) % PAGES;
        t->n_pages--;
        *took = true;
    }
    if (code == GW_OK && t->is_stalled) {
        code = write_holes(s, t, err);
        if (code == GW_OK)
            go_on(s, t);
    }
    if (code == GW_OK && t->phase == PHASE_OVER && t->n_pages == 0) {
        code = end_topic(s, t, err);
        *took = *is_over = true;
    }
    return code;
}

static void
clear(void *self, gw_task *task)
{
    topic_task *t = (topic_task *)task;

    (void)self;
    for (size_t i = 0; i < PAGES; i++)
        gw_wk_page_clear(&t->pages[i]);
    gw_buf_clear(&t->name);
    gw_buf_clear(&t->refusal);
}

gw_code
gw_wk_topics_bring(gw_wk *wk, gw_wk_next_name next, void *arg, bool is_again,
                   gw_error *err)
{
    static const gw_flow flow = {sizeof(topic_task), next_topic, reply, take,
                                 clear};
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

/* ---- topics of which only a part is listed ---- */

typedef struct cut_search {
    gw_wk *wk;
    gw_arena arena;
    gw_texts names; /* whole topics that a cut name can stand for */
    gw_texts parts; /* "17/2-a": the cut names that are explained */
    size_t at;
} cut_search;

/* Whether the source lists the part of a channel's topic before its slash,
 * in the slot of the whole. */
static gw_code
look_at_channel(void *arg, gw_slice key, const gw_import_row *row,
                gw_error *err)
{
    cut_search *c = arg;
    const char *slash = memchr(key.at, '/', key.len);

    (void)row;
    (void)err;
    if (!slash)
        return GW_OK;
    gw_slice part = gw_slice_of(gw_arena_printf(&c->arena, "%u/%.*s",
                                                (unsigned)gw_wk_slot(key),
                                                (int)(slash - key.at), key.at));
    if (!gw_texts_has(&c->wk->cut_names, part))
        return GW_OK;
    (void)gw_texts_add(&c->names, gw_arena_dup(&c->arena, key));
    (void)gw_texts_add(&c->parts, part);
    return GW_OK;
}

static gw_code
next_cut(void *arg, gw_buf *name, bool *has, gw_error *err)
{
    cut_search *c = arg;

    (void)err;
    *has = c->at < c->names.n;
    if (*has)
        gw_buf_slice(name, c->names.at[c->at++]);
    return GW_OK;
}

static gw_code
explain_parts(cut_search *c, gw_error *err)
{
    gw_step step = c->wk->im->step;
    gw_code code = GW_OK;

    c->wk->im->step = GW_STEP_MESSAGE; /* where they were noted */
    c->wk->im->is_beside = true;
    for (size_t i = 0; i < c->parts.n && code == GW_OK; i++)
        code = gw_importing_solved(c->wk->im, GW_REASON_UNREADABLE, "message",
                                   c->parts.at[i], err);
    c->wk->im->step = step;
    c->wk->im->is_beside = false;
    return code;
}

gw_code
gw_wk_bring_cut_topics(gw_wk *wk, gw_error *err)
{
    cut_search c = {.wk = wk};
    gw_import_kind kind = {wk->im->source, GW_WK_CHANNEL};
    gw_code code;

    if (wk->cut_names.n == 0)
        return GW_OK;
    gw_texts_init(&c.names, &c.arena);
    gw_texts_init(&c.parts, &c.arena);
    code = gw_importing_begin(wk->im, err);
    if (code == GW_OK)
        code =
            gw_import_keys(wk->im->run->store, &kind, (gw_slice){0},
                           (gw_slice){0}, INT32_MAX, look_at_channel, &c, err);
    if (code == GW_OK && c.names.n > 0)
        code = gw_wk_topics_bring(wk, next_cut, &c, false, err);
    if (code == GW_OK)
        code = explain_parts(&c, err);
    gw_arena_clear(&c.arena);
    return code;
}

/* ---- the step ---- */

static gw_code
next_listed(void *arg, gw_buf *name, bool *has, gw_error *err)
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
        code = gw_wk_topics_bring(wk, next_listed, &names, false, err);
    gw_rows_clear(&names);
    if (code == GW_OK)
        code = gw_wk_bring_cut_topics(wk, err);
    return code == GW_OK ? gw_wk_bring_found(wk, err) : code;
}
