/* SPDX-License-Identifier: Apache-2.0 */
/* Topics of which only a part is listed: those whose ids hold a slash. They
 * are read by the names of channels that are known. */
#include "source/wukongim_people_priv.h"
#include "source/wukongim_topic_priv.h"

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
