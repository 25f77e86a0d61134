/* SPDX-License-Identifier: Apache-2.0 */
/* Topics of which only a part is listed: those whose ids hold a slash. They
 * are read by the names of channels that are known. */
#include "source/wukongim_people_priv.h"
#include "source/wukongim_topic_priv.h"

enum { CHANNELS = 1000 }; /* looked at at a time */

typedef struct cut_search {
    gw_wk *wk;
    gw_arena arena;
    gw_rows names;  /* whole topics that a cut name can stand for */
    gw_texts parts; /* "17/2-a": the cut names that are explained */
    gw_buf last;    /* the channel looked at last */
    size_t n;       /* of those looked at this time */
} cut_search;

/* Whether the source lists the part of a channel's topic before its slash,
 * in the slot of the whole. */
static gw_code
look_at_channel(void *arg, gw_slice key, const gw_import_row *row,
                gw_error *err)
{
    cut_search *c = arg;
    const char *slash = memchr(key.at, '/', key.len);
    gw_buf part = {0};
    gw_code code = GW_OK;

    (void)row;
    c->n++;
    c->last.len = 0;
    gw_buf_slice(&c->last, key);
    if (!slash)
        return GW_OK;
    gw_buf_printf(&part, "%u/%.*s", (unsigned)gw_wk_slot(key),
                  (int)(slash - key.at), key.at);
    gw_slice text = gw_buf_as_slice(&part);
    if (gw_texts_has(&c->wk->cut_names, text)) {
        if (!gw_texts_has(&c->parts, text))
            (void)gw_texts_add(&c->parts, gw_arena_dup(&c->arena, text));
        code = gw_rows_add(&c->names, key, err);
    }
    gw_buf_clear(&part);
    return code;
}

static gw_code
look_at_channels(cut_search *c, gw_error *err)
{
    gw_importing *im = c->wk->im;
    gw_import_kind kind = {im->source, GW_WK_CHANNEL};
    gw_buf above = {0}; /* `last` changes while the store reads */
    gw_code code = gw_importing_begin(im, err);

    do {
        c->n = above.len = 0;
        gw_buf_slice(&above, gw_buf_as_slice(&c->last));
        if (code == GW_OK)
            code = gw_import_keys(im->run->store, &kind,
                                  gw_buf_as_slice(&above), (gw_slice){0},
                                  CHANNELS, look_at_channel, c, err);
    } while (code == GW_OK && c->n == CHANNELS);
    gw_buf_clear(&above);
    return code == GW_OK ? gw_rows_rewind(&c->names, err) : code;
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

    if (wk->cut_names.n == 0)
        return GW_OK;
    gw_texts_init(&c.parts, &c.arena);
    gw_code code = look_at_channels(&c, err);
    if (code == GW_OK && c.names.n > 0)
        code = gw_wk_topics_bring(wk, gw_wk_next_row, &c.names, false, err);
    if (code == GW_OK)
        code = explain_parts(&c, err);
    gw_rows_clear(&c.names);
    gw_buf_clear(&c.last);
    gw_arena_clear(&c.arena);
    return code;
}
