/* SPDX-License-Identifier: Apache-2.0 */
/* A window of tasks: all ask, the first is taken. What is written is so in
 * one order, whichever answer comes first. */
#include <stdlib.h>

#include "source/ask.h"

enum { LOOK_MS = 100 };

typedef struct window {
    gw_asker *asker;
    const gw_flow *flow;
    void *self;
    char *tasks; /* a ring */
    size_t room, first, n;
    bool is_at_end;
} window;

static gw_task *
task_at(const window *w, size_t i)
{
    return (gw_task *)(w->tasks +
                       (w->first + i) % w->room * w->flow->task_size);
}

static void
clear_task(window *w, gw_task *task)
{
    if (w->flow->clear)
        w->flow->clear(w->self, task);
    gw_ask_clear(w->asker, &task->ask);
    memset(task, 0, w->flow->task_size);
}

static gw_code
fill(window *w, gw_error *err)
{
    gw_code code = GW_OK;

    while (code == GW_OK && !w->is_at_end && w->n < w->room) {
        bool has = false;
        gw_task *task = task_at(w, w->n);
        code = w->flow->next(w->self, task, &has, err);
        if (code != GW_OK || !has) {
            clear_task(w, task);
            w->is_at_end = true;
        } else {
            w->n++;
        }
    }
    return code;
}

/* A reply that takes the answer for a failed try may find that it was the
 * last: then there is a refusal to reply to. */
static gw_code
reply(window *w, gw_task *task, gw_error *err)
{
    bool was_refused = task->ask.state == GW_ASK_REFUSED;
    gw_code code = w->flow->reply(w->self, task, err);

    if (code == GW_OK && !was_refused && task->ask.state == GW_ASK_REFUSED)
        code = w->flow->reply(w->self, task, err);
    return code;
}

static gw_code
look(window *w, bool *moved, gw_error *err)
{
    gw_code code = GW_OK;

    for (size_t i = 0; i < w->n && code == GW_OK; i++) {
        gw_task *task = task_at(w, i);
        if (task->ask.state != GW_ASK_WAITING)
            continue;
        code = gw_ask_look(w->asker, &task->ask, err);
        if (code == GW_OK && task->ask.state != GW_ASK_WAITING) {
            *moved = true;
            code = reply(w, task, err);
        }
    }
    return code;
}

static void
go_on(window *w)
{
    for (size_t i = 0; i < w->n && w->flow->go_on; i++) {
        gw_task *task = task_at(w, i);
        if (task->ask.state != GW_ASK_WAITING)
            w->flow->go_on(w->self, task, i == 0);
    }
}

static gw_code
take(window *w, bool *moved, gw_error *err)
{
    gw_code code = GW_OK;
    bool took = true;

    while (code == GW_OK && took && w->n > 0) {
        bool is_over = false;
        took = false;
        code = w->flow->take(w->self, task_at(w, 0), &took, &is_over, err);
        if (code != GW_OK || !is_over) {
            *moved |= took;
            /* let the others go on between two pages */
            break;
        }
        clear_task(w, task_at(w, 0));
        w->first = (w->first + 1) % w->room;
        w->n--;
        *moved = took = true;
    }
    return code;
}

gw_code
gw_flow_run(gw_asker *asker, const gw_flow *flow, void *self, gw_error *err)
{
    window w = {
        .asker = asker,
        .flow = flow,
        .self = self,
        .room = gw_asker_most(asker),
    };
    gw_code code = GW_OK;

    if (w.room < flow->least_tasks)
        w.room = flow->least_tasks;
    w.tasks = gw_calloc(w.room, flow->task_size);
    while (code == GW_OK) {
        bool moved = false;
        if (gw_importing_is_stopped(asker->im)) {
            code = gw_importing_stop(asker->im, err);
            break;
        }
        code = fill(&w, err);
        if (code != GW_OK || w.n == 0)
            break;
        code = look(&w, &moved, err);
        if (code == GW_OK)
            code = take(&w, &moved, err);
        go_on(&w);
        if (code == GW_OK && w.n > 0)
            gw_fetch_run(asker->fetch, moved ? 0 : LOOK_MS);
        if (code == GW_OK)
            code = gw_importing_settle(asker->im, false, err);
    }
    while (w.n > 0) {
        clear_task(&w, task_at(&w, 0));
        w.first = (w.first + 1) % w.room;
        w.n--;
    }
    free(w.tasks);
    return code;
}
