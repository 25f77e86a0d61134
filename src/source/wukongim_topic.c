/* SPDX-License-Identifier: Apache-2.0 */
/* The names of all topics: 256 slots, those that are cold warmed first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/wukongim_topic_priv.h"

typedef struct slot_task {
    gw_task task;
    unsigned slot;
    bool is_warming, is_refused;
    gw_values names;
} slot_task;

typedef struct slots {
    gw_wk *wk;
    gw_rows *out;
    unsigned next;
    int64_t n_fitting, n_other; /* names, by whether they fit 256 slots */
} slots;

/* ---- asking ---- */

static void
ask_names(slots *s, slot_task *t)
{
    gw_ask *ask = &t->task.ask;

    ask->path.len = ask->body.len = ask->label.len = 0;
    gw_buf_text(&ask->path, "/migrate/topics");
    gw_buf_printf(&ask->body, "{\"slot\":%u}", t->slot);
    gw_buf_printf(&ask->label, "slot %u", t->slot);
    t->is_warming = false;
    gw_ask_send(&s->wk->asker, ask);
}

/* Touching any topic of a slot loads it. */
static void
warm(slots *s, slot_task *t)
{
    char id[32];
    int n = snprintf(id, sizeof(id), "__warm%d", gw_wk_warm_number(t->slot));

    t->is_warming = true;
    gw_wk_ask_newest(s->wk, &t->task.ask, 2, (gw_slice){id, (size_t)n});
}

static gw_code
next_slot(void *self, gw_task *task, bool *has, gw_error *err)
{
    slots *s = self;
    slot_task *t = (slot_task *)task;

    (void)err;
    if (s->next == GW_WK_SLOTS)
        return GW_OK;
    t->slot = s->next++;
    ask_names(s, t);
    *has = true;
    return GW_OK;
}

static gw_code
reply(void *self, gw_task *task, gw_error *err)
{
    slots *s = self;
    slot_task *t = (slot_task *)task;
    gw_ask *ask = &task->ask;
    bool is_there = true;

    if (ask->state == GW_ASK_REFUSED) {
        t->is_refused =
            t->is_warming || !gw_slice_equal(gw_buf_as_slice(&ask->message),
                                             GW_LIT("slot not found"));
        if (!t->is_refused)
            warm(s, t);
        return GW_OK;
    }
    if (t->is_warming) {
        ask_names(s, t);
        return GW_OK;
    }
    gw_code code = gw_wk_read_array(s->wk, ask, &t->names, &is_there, err);
    if (code == GW_OK && is_there &&
        !gw_wk_is_texts(&ask->arena, gw_ask_body(ask))) {
        t->names = (gw_values){0};
        return gw_ask_again(&s->wk->asker, ask, "a topic's name is no text",
                            err);
    }
    return code;
}

/* ---- sorting names ---- */

static bool
is_warm_topic(unsigned slot, gw_slice name)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "2-__warm%d", gw_wk_warm_number(slot));

    return gw_slice_equal(name, (gw_slice){text, (size_t)n});
}

/* Where an id holds a slash, the source lists what stands before it. */
static gw_code
note_cut(slots *s, unsigned slot, gw_slice name, gw_error *err)
{
    static const gw_import_row row = {.id = 1};
    gw_wk *wk = s->wk;
    gw_buf key = {0};
    gw_code code = GW_OK;

    gw_buf_printf(&key, "%u/%.*s", slot, GW_FMT(name));
    gw_slice text = gw_buf_as_slice(&key);
    if (gw_texts_add(&wk->cut_names, gw_arena_dup(&wk->cuts, text)))
        code = gw_importing_put(wk->im, GW_WK_CUT, text, &row, err);
    wk->im->is_beside = true;
    if (code == GW_OK)
        code = gw_importing_problem(
            wk->im, GW_REASON_UNREADABLE, "message", text, 1, err,
            "the source lists only a part of this topic's name; no channel "
            "with a slash that it can be is known");
    wk->im->is_beside = false;
    gw_buf_clear(&key);
    return code;
}

static gw_code
refuse_name(slots *s, unsigned slot, gw_slice name, gw_error *err)
{
    gw_importing *im = s->wk->im;

    im->is_beside = true;
    gw_code code =
        gw_importing_problem(im, GW_REASON_REFUSED, "message", name, 1, err,
                             "slot %u: this is no topic's name", slot);
    im->is_beside = false;
    return code;
}

static gw_code
sort_name(slots *s, unsigned slot, gw_slice name, gw_error *err)
{
    gw_wk_topic topic;

    if (is_warm_topic(slot, name))
        return GW_OK;
    if (!gw_wk_topic_parse(name, &topic) || !gw_wk_is_key(name))
        return refuse_name(s, slot, name, err);
    if (gw_wk_slot(name) != slot) {
        s->n_other++;
        return note_cut(s, slot, name, err);
    }
    s->n_fitting++;
    return gw_rows_add(s->out, name, err);
}

/* Its topics, however many, are not read by this import. */
static gw_code
note_slot(slots *s, const slot_task *t, gw_error *err)
{
    gw_importing *im = s->wk->im;
    char key[32];
    int n = snprintf(key, sizeof(key), "slot %u", t->slot);

    im->is_beside = true;
    gw_code code = gw_importing_problem(
        im, GW_REASON_UNREADABLE, "message", (gw_slice){key, (size_t)n}, 1, err,
        "the names of its topics: %.*s",
        GW_FMT(gw_buf_as_slice(&t->task.ask.refusal)));
    im->is_beside = false;
    return code;
}

static int
compare_names(const void *a, const void *b)
{
    return gw_slice_compare(*(const gw_slice *)a, *(const gw_slice *)b);
}

static gw_code
take(void *self, gw_task *task, bool *took, bool *is_over, gw_error *err)
{
    slots *s = self;
    slot_task *t = (slot_task *)task;
    gw_code code = GW_OK;
    size_t n = 0;

    if (task->ask.state == GW_ASK_WAITING)
        return GW_OK;
    if (t->is_refused)
        code = note_slot(s, t, err);
    gw_slice *names = GW_ARENA_NEW(&task->ask.arena, gw_slice, t->names.n + 1);
    for (size_t i = 0; i < t->names.n; i++)
        names[n++] = gw_json_string(&task->ask.arena, t->names.at[i]);
    qsort(names, n, sizeof(*names), compare_names);
    for (size_t i = 0; i < n && code == GW_OK; i++)
        if (i == 0 || !gw_slice_equal(names[i], names[i - 1]))
            code = sort_name(s, t->slot, names[i], err);
    *took = *is_over = true;
    return code;
}

gw_code
gw_wk_topics_fetch(gw_wk *wk, gw_rows *out, gw_error *err)
{
    static const gw_flow flow = {
        .task_size = sizeof(slot_task),
        .next = next_slot,
        .reply = reply,
        .take = take,
    };
    slots s = {.wk = wk, .out = out};
    gw_code code = gw_flow_run(&wk->asker, &flow, &s, err);

    if (code == GW_OK && s.n_other > 8 && s.n_other > s.n_fitting)
        code = gw_fail(err, GW_E_SOURCE,
                       "%" PRId64 " of %" PRId64 " topics are not where they "
                       "would be in a store of 256 slots: this source keeps "
                       "another number of them",
                       s.n_other, s.n_other + s.n_fitting);
    return code == GW_OK ? gw_rows_rewind(out, err) : code;
}
