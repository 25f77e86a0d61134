/* SPDX-License-Identifier: Apache-2.0 */
/* Users and channels that were found on the way: rounds over those that
 * nobody was asked about, until nothing new appears. */
#include "source/wukongim_people_priv.h"

typedef struct pending {
    gw_wk_bring bring; /* first */
    int64_t after, upto, seen;
    bool is_cut; /* the page ends before those that were found */
} pending;

static int64_t
page_of(int64_t id)
{
    return id / GW_WK_BATCH;
}

static gw_code
add_pending(void *arg, gw_slice key, const gw_import_row *row, gw_error *err)
{
    pending *p = arg;
    gw_wk_topic topic;
    gw_wk_entry entry = {.id = key};

    (void)err;
    if (row->id > p->upto) {
        p->bring.is_at_end = true;
        return GW_OK;
    }
    p->is_cut |= p->bring.n > 0 && page_of(row->id) != page_of(p->after);
    if (p->is_cut)
        return GW_OK;
    p->after = row->id;
    if (!p->bring.are_users) {
        if (!gw_wk_topic_parse(key, &topic))
            return GW_OK;
        entry.id = topic.id;
        entry.type = topic.type;
    }
    gw_wk_bring_add(&p->bring, &entry);
    return GW_OK;
}

static gw_code
more_pending(gw_wk_bring *b, gw_error *err)
{
    pending *p = (pending *)b;
    gw_importing *im = b->wk->im;
    gw_import_kind kind = {im->source,
                           b->are_users ? GW_WK_USER : GW_WK_CHANNEL};
    gw_code code = gw_importing_begin(im, err);

    p->is_cut = false;
    if (code == GW_OK)
        code = gw_import_pending(im->run->store, &kind, p->after, p->seen,
                                 GW_WK_BATCH, add_pending, p, err);
    b->is_at_end |= b->n < GW_WK_BATCH && !p->is_cut;
    return code;
}

/* One round over those there are now, up to a number that is kept: a run
 * that goes on makes the same batches. */
static gw_code
bring_round(gw_wk *wk, bool are_users, int64_t seen, bool *any, gw_error *err)
{
    gw_importing *im = wk->im;
    gw_count upto = are_users ? GW_COUNT_USERS_UPTO : GW_COUNT_CHANNELS_UPTO;
    gw_import_kind kind = {im->source, are_users ? GW_WK_USER : GW_WK_CHANNEL};
    pending p = {.bring = {.wk = wk,
                           .are_users = are_users,
                           .is_again = seen == INT64_MAX,
                           .more = more_pending},
                 .seen = seen};
    int64_t rows, items, top = gw_importing_count(im, upto);
    bool goes_on = top > 0; /* with those that there were then */
    gw_code code = gw_importing_begin(im, err);

    if (code == GW_OK && top == 0)
        code =
            gw_import_sum(im->run->store, &kind, 0, &rows, &items, &top, err);
    if (code != GW_OK)
        return code;
    p.upto = top;
    gw_importing_set_count(im, upto, top);
    code = gw_wk_bring_run(&p.bring, err);
    *any |= p.after > 0 || goes_on;
    if (code == GW_OK)
        gw_importing_set_count(im, upto, 0);
    return code;
}

gw_code
gw_wk_bring_found(gw_wk *wk, gw_error *err)
{
    gw_code code = GW_OK;

    for (bool any = true; any && code == GW_OK;) {
        any = false;
        code = bring_round(wk, true, 1, &any, err);
        if (code == GW_OK)
            code = bring_round(wk, false, 1, &any, err);
    }
    return code;
}

gw_code
gw_wk_bring_rest(gw_wk *wk, bool are_users, gw_error *err)
{
    gw_code code = GW_OK;

    for (bool any = true; any && code == GW_OK;) {
        any = false;
        code = bring_round(wk, are_users, wk->im->state.number, &any, err);
    }
    return code == GW_OK ? gw_wk_bring_found(wk, err) : code;
}

/* Lists that were read before a uid with a comma was known. */
gw_code
gw_wk_bring_again(gw_wk *wk, gw_error *err)
{
    bool any = false;
    gw_code code = bring_round(wk, true, INT64_MAX, &any, err);

    if (code == GW_OK)
        code = bring_round(wk, false, INT64_MAX, &any, err);
    if (code == GW_OK)
        gw_importing_set_count(wk->im, GW_COUNT_RELIST, 0);
    return code == GW_OK ? gw_wk_bring_found(wk, err) : code;
}
