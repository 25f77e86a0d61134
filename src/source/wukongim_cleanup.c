/* SPDX-License-Identifier: Apache-2.0 */
/* The step of cleanup: compares each topic's newest number with ours, and
 * counts. */
#include <inttypes.h>
#include <stdlib.h>

#include "source/wukongim_people_priv.h"
#include "source/wukongim_topic_priv.h"

enum { TOPICS = 500, ROUNDS = 3 };

/* Goes over the topics that have a channel, in byte order of their names. */
typedef struct walk {
    gw_wk *wk;
    gw_arena arena;
    gw_buf last; /* the name read last */
    gw_slice names[TOPICS];
    gw_import_row rows[TOPICS];
    size_t n, at;
    bool is_at_end;
} walk;

static gw_code
add_topic(void *arg, gw_slice key, const gw_import_row *row, gw_error *err)
{
    walk *w = arg;

    (void)err;
    w->names[w->n] = gw_arena_dup(&w->arena, key);
    w->rows[w->n++] = *row;
    return GW_OK;
}

static gw_code
next_name(walk *w, gw_slice *name, gw_import_row *row, bool *has, gw_error *err)
{
    gw_importing *im = w->wk->im;
    gw_import_kind kind = {im->source, GW_WK_TOPIC};
    gw_code code = GW_OK;

    if (w->at == w->n && !w->is_at_end) {
        gw_arena_reset(&w->arena);
        w->n = w->at = 0;
        code = gw_importing_begin(im, err);
        if (code == GW_OK)
            code =
                gw_import_keys(im->run->store, &kind, gw_buf_as_slice(&w->last),
                               (gw_slice){0}, TOPICS, add_topic, w, err);
        w->is_at_end = w->n < TOPICS;
    }
    *has = code == GW_OK && w->at < w->n;
    if (!*has)
        return code;
    *name = w->names[w->at];
    *row = w->rows[w->at++];
    w->last.len = 0;
    gw_buf_slice(&w->last, *name);
    return GW_OK;
}

static gw_code
count(gw_wk *wk, gw_slice kind, int64_t seen, int64_t *rows, int64_t *items,
      gw_error *err)
{
    gw_import_kind k = {wk->im->source, kind};
    int64_t top;
    gw_code code = gw_importing_begin(wk->im, err);

    return code == GW_OK ? gw_import_sum(wk->im->run->store, &k, seen, rows,
                                         items, &top, err)
                         : code;
}

/* ---- the comparison ---- */

typedef struct check_task {
    gw_task task;
    gw_buf name;
    gw_wk_topic topic;
    gw_import_row row;
    int64_t newest;
} check_task;

typedef struct checking {
    walk walk;          /* first */
    gw_rows *behind;    /* names of those that have more */
    bool has_different; /* an earlier look has noted some */
} checking;

static gw_code
next_check(void *self, gw_task *task, bool *has, gw_error *err)
{
    checking *c = self;
    check_task *t = (check_task *)task;
    gw_slice name;
    gw_code code = next_name(&c->walk, &name, &t->row, has, err);

    if (code != GW_OK || !*has)
        return code;
    gw_buf_slice(&t->name, name);
    (void)gw_wk_topic_parse(gw_buf_as_slice(&t->name), &t->topic);
    gw_wk_ask_newest(c->walk.wk, &task->ask, t->topic.type, t->topic.id);
    return GW_OK;
}

static gw_code
reply(void *self, gw_task *task, gw_error *err)
{
    checking *c = self;
    check_task *t = (check_task *)task;
    bool is_there = true;

    if (task->ask.state == GW_ASK_REFUSED) {
        t->newest = t->row.mark;
        return GW_OK;
    }
    return gw_wk_read_newest(c->walk.wk, &task->ask, &t->newest, &is_there,
                             err);
}

/* For the report: what the source's newest number was. */
static gw_code
note_difference(checking *c, const check_task *t, gw_slice name, gw_error *err)
{
    gw_importing *im = c->walk.wk->im;
    gw_import_row row = {0};
    gw_code code = GW_OK;

    if (c->has_different)
        code = gw_importing_find(im, GW_WK_DIFFERENT, &name, 1, &row, err);
    bool differs = t->newest != t->row.mark || row.n != 0;
    if (code != GW_OK || (!differs && row.seen == 0))
        return code;
    row.id = 1;
    row.seen = differs ? im->state.number : 0;
    row.mark = t->newest;
    return gw_importing_put(im, GW_WK_DIFFERENT, name, &row, err);
}

/* Whether there is more than we have cannot be said. */
static gw_code
note_refusal(checking *c, const check_task *t, gw_slice name, gw_error *err)
{
    gw_buf key = {0};

    gw_buf_printf(&key, "%.*s, its newest number", GW_FMT(name));
    gw_code code = gw_importing_problem(
        c->walk.wk->im, GW_REASON_UNREADABLE, "channel", gw_buf_as_slice(&key),
        1, err, "%.*s", GW_FMT(gw_buf_as_slice(&t->task.ask.refusal)));
    gw_buf_clear(&key);
    return code;
}

static gw_code
take(void *self, gw_task *task, bool *took, bool *is_over, gw_error *err)
{
    checking *c = self;
    check_task *t = (check_task *)task;
    gw_slice name = gw_buf_as_slice(&t->name);
    bool is_noted = t->row.seen == GW_WK_UNREAD;

    if (task->ask.state == GW_ASK_WAITING)
        return GW_OK;
    *took = *is_over = true;
    gw_code code = note_difference(c, t, name, err);
    if (code == GW_OK && task->ask.state == GW_ASK_REFUSED)
        code = is_noted ? GW_OK : note_refusal(c, t, name, err);
    else if (code == GW_OK && t->newest > t->row.mark && !is_noted)
        code = gw_rows_add(c->behind, name, err);
    else if (code == GW_OK && t->newest < t->row.mark)
        code = gw_importing_problem(
            c->walk.wk->im, GW_REASON_DIFFERS, "message", name,
            t->row.mark - t->newest, err,
            "the source's newest number is %" PRId64 ", %" PRId64
            " was imported: was it put back to an older state?",
            t->newest, t->row.mark);
    return code;
}

static void
clear(void *self, gw_task *task)
{
    (void)self;
    gw_buf_clear(&((check_task *)task)->name);
}

static gw_code
compare(gw_wk *wk, gw_rows *behind, gw_error *err)
{
    static const gw_flow flow = {
        .task_size = sizeof(check_task),
        .next = next_check,
        .reply = reply,
        .take = take,
        .clear = clear,
    };
    checking *c = gw_calloc(1, sizeof(*c));
    int64_t rows = 0, items;
    gw_code code;

    c->walk.wk = wk;
    c->behind = behind;
    code =
        gw_wk_forget_problems(wk, GW_STEP_MESSAGE, false, "differs", NULL, err);
    if (code == GW_OK)
        code = count(wk, GW_WK_DIFFERENT, 0, &rows, &items, err);
    c->has_different = rows > 0;
    if (code == GW_OK)
        code = gw_flow_run(&wk->asker, &flow, c, err);
    gw_arena_clear(&c->walk.arena);
    gw_buf_clear(&c->walk.last);
    free(c);
    return code == GW_OK ? gw_rows_rewind(behind, err) : code;
}

/* ---- those that have more ---- */

/* Whoever still has more is being written to. */
static gw_code
note_behind(gw_wk *wk, gw_rows *behind, gw_error *err)
{
    gw_slice name;
    gw_import_row theirs, ours;
    bool has = true;
    gw_code code = GW_OK;

    while (code == GW_OK && has) {
        code = gw_rows_next(behind, &name, &has, err);
        if (code == GW_OK && has)
            code = gw_importing_find(wk->im, GW_WK_DIFFERENT, &name, 1, &theirs,
                                     err);
        if (code == GW_OK && has)
            code = gw_importing_find(wk->im, GW_WK_TOPIC, &name, 1, &ours, err);
        if (code == GW_OK && has)
            code = gw_importing_problem(
                wk->im, GW_REASON_DIFFERS, "message", name,
                theirs.mark - ours.mark, err,
                "the source has newer messages: it is still written to, or "
                "does not give them; import again");
    }
    return code;
}

static gw_code
compare_rounds(gw_wk *wk, gw_error *err)
{
    gw_rows behind = {0};
    gw_code code = GW_OK;

    for (int round = 0; code == GW_OK; round++) {
        code = gw_rows_empty(&behind, err);
        if (code == GW_OK)
            code = compare(wk, &behind, err);
        if (code != GW_OK || behind.n == 0)
            break;
        if (round == ROUNDS) {
            code = note_behind(wk, &behind, err);
            break;
        }
        code = gw_wk_topics_bring(wk, gw_wk_next_row, &behind, true, err);
        if (code == GW_OK)
            code = gw_wk_bring_found(wk, err);
    }
    gw_rows_clear(&behind);
    return code;
}

gw_code
gw_wk_step_cleanup(gw_wk *wk, gw_error *err)
{
    wk->im->step = GW_STEP_MESSAGE; /* whose numbers they are */
    gw_code code = compare_rounds(wk, err);
    wk->im->step = GW_STEP_CLEANUP;
    return code;
}

/* ---- counting ---- */

/* Those that nobody was asked for have been seen by import 0. */
static int64_t
least(int64_t number)
{
    return number > 0 ? number : 1;
}

/* Those that are in the store, against those that were ever found. */
static gw_code
tally_kind(gw_wk *wk, gw_slice kind, gw_count since, gw_tally *out,
           gw_error *err)
{
    int64_t all = 0, brought = 0, items;
    gw_code code = count(wk, kind, 0, &all, &items, err);

    if (code == GW_OK)
        code = count(wk, kind, least(gw_importing_count(wk->im, since)),
                     &brought, &items, err);
    out->source += all;
    out->imported += brought;
    return code;
}

static gw_code
tally_users(gw_wk *wk, gw_tally *out, gw_error *err)
{
    int64_t rows = 0, items;
    gw_code code = tally_kind(wk, GW_WK_USER, GW_COUNT_USERS_SINCE, out, err);

    if (code == GW_OK)
        code = count(wk, GW_WK_DEVICE,
                     gw_importing_count(wk->im, GW_COUNT_DEVICES_SINCE), &rows,
                     &items, err);
    out->source += gw_importing_count(wk->im, GW_COUNT_DEVICE_ROWS);
    out->imported += rows;
    return code;
}

/* Numbers that the source never gave to a message are no items of it, so its
 * newest numbers do not count them. What is counted is what was read of each
 * topic, what could not be, and what came since; against it stand the ids
 * that messages were given. */
static gw_code
tally_messages(gw_wk *wk, gw_tally *out, gw_error *err)
{
    int64_t rows, read = 0, made = 0;
    gw_code code = count(wk, GW_WK_TOPIC, GW_WK_UNREAD, &rows, &read, err);

    if (code == GW_OK)
        code = count(wk, GW_WK_MESSAGE, 0, &rows, &made, err);
    out->source = read - out->beside;
    for (size_t i = 0; i < GW_REASON_COUNT; i++)
        out->source += out->reasons[i];
    out->imported = made;
    return code;
}

static gw_code
tally_conversations(gw_wk *wk, gw_tally *out, gw_error *err)
{
    int64_t rows = 0, items;
    gw_code code =
        count(wk, GW_WK_CONVERSATION,
              gw_importing_count(wk->im, GW_COUNT_CONVERSATIONS_SINCE), &rows,
              &items, err);

    out->source = gw_importing_count(wk->im, GW_COUNT_CONVERSATIONS);
    out->imported = rows;
    return code;
}

gw_code
gw_wk_tally(void *self, gw_step step, gw_tally *out, gw_error *err)
{
    gw_wk *wk = self;

    switch (step) {
    case GW_STEP_USER:
        return tally_users(wk, out, err);
    case GW_STEP_CHANNEL:
        return tally_kind(wk, GW_WK_CHANNEL, GW_COUNT_CHANNELS_SINCE, out, err);
    case GW_STEP_MESSAGE:
        return tally_messages(wk, out, err);
    case GW_STEP_CONVERSATION:
        return tally_conversations(wk, out, err);
    default:
        return GW_OK;
    }
}

/* ---- channels that differ ---- */

typedef struct differing {
    gw_wk *wk;
    gw_arena arena;
    gw_slice names[TOPICS];
    int64_t newest[TOPICS];
    size_t n, seen;
    gw_buf last;
    gw_code (*visit)(void *arg, const gw_differing *d, gw_error *err);
    void *arg;
} differing;

static gw_code
add_differing(void *arg, gw_slice key, const gw_import_row *row, gw_error *err)
{
    differing *d = arg;

    (void)err;
    d->seen++;
    d->last.len = 0;
    gw_buf_slice(&d->last, key);
    if (row->seen != d->wk->im->state.number)
        return GW_OK;
    d->names[d->n] = gw_arena_dup(&d->arena, key);
    d->newest[d->n++] = row->mark;
    return GW_OK;
}

static gw_code
visit_page(differing *d, gw_error *err)
{
    gw_import_row rows[TOPICS];
    gw_code code =
        gw_importing_find(d->wk->im, GW_WK_TOPIC, d->names, d->n, rows, err);

    for (size_t i = 0; i < d->n && code == GW_OK; i++) {
        gw_wk_topic topic;
        if (!gw_wk_topic_parse(d->names[i], &topic))
            continue;
        gw_differing found = {
            .channel_type = topic.type,
            .channel_id = topic.id,
            .source_seq = d->newest[i],
            .seq = rows[i].mark,
            .messages = rows[i].n,
        };
        code = d->visit(d->arg, &found, err);
    }
    return code;
}

gw_code
gw_wk_differing(void *self,
                gw_code (*visit)(void *arg, const gw_differing *d,
                                 gw_error *err),
                void *arg, gw_error *err)
{
    differing *d = gw_calloc(1, sizeof(*d));
    gw_wk *wk = self;
    gw_import_kind kind = {wk->im->source, GW_WK_DIFFERENT};
    gw_code code = gw_importing_begin(wk->im, err);

    *d = (differing){.wk = wk, .visit = visit, .arg = arg, .seen = TOPICS};
    while (code == GW_OK && d->seen == TOPICS) {
        d->n = d->seen = 0;
        gw_arena_reset(&d->arena);
        /* `last` changes while the store reads */
        gw_slice above = gw_arena_dup(&d->arena, gw_buf_as_slice(&d->last));
        code = gw_import_keys(wk->im->run->store, &kind, above, (gw_slice){0},
                              TOPICS, add_differing, d, err);
        if (code == GW_OK)
            code = visit_page(d, err);
    }
    gw_arena_clear(&d->arena);
    gw_buf_clear(&d->last);
    free(d);
    return code;
}
