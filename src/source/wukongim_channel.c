/* SPDX-License-Identifier: Apache-2.0 */
/* The step of channels: those of the list whose ids can be trusted. Rows of
 * type 1 are users: their lists are asked for as a user's. */
#include <stdio.h>

#include "source/wukongim_people_priv.h"

typedef struct listing {
    gw_wk_bring bring; /* first */
    gw_wk_list list;
} listing;

/* 0 or 1, or -1 for none; *is_bad when it is something else. */
static int
read_flag(gw_fields fields, const char *name, bool *is_bad)
{
    gw_slice raw = gw_wk_member(fields, name);

    if (!raw.at)
        return -1;
    *is_bad |= gw_json_kind_of(raw) != GW_JSON_BOOL;
    return gw_slice_equal(raw, GW_LIT("true"));
}

/* Such rows are no channels that anybody counts. */
static gw_code
note_row(listing *l, gw_slice id, int64_t type, const char *why, gw_error *err)
{
    gw_wk *wk = l->bring.wk;
    char key[32];
    gw_code code;

    wk->im->is_beside = true;
    int n = snprintf(key, sizeof(key), "row %zu", l->list.at);
    code =
        why ? gw_wk_note_mangled(wk, "channel", id, type, l->list.at, why, err)
            : gw_importing_problem(wk->im, GW_REASON_REFUSED, "channel",
                                   (gw_slice){key, (size_t)n}, 1, err,
                                   "its id is empty, too long or holds a "
                                   "NUL, or a flag is no boolean");
    wk->im->is_beside = false;
    return code;
}

static gw_code
take_row(void *arg, const gw_wk_row *row, bool *go_on, gw_error *err)
{
    listing *l = arg;
    gw_slice id = gw_wk_text(row->arena, row->fields, "channel_id");
    gw_slice login, peer;
    bool is_bad = false;
    gw_wk_entry entry = {
        .id = id,
        .type = gw_wk_int(row->fields, "channel_type", 0),
        .has_row = true,
        .ban = read_flag(row->fields, "ban", &is_bad),
        .disband = read_flag(row->fields, "disband", &is_bad),
        .large = read_flag(row->fields, "large", &is_bad),
    };
    const char *why =
        row->trust == GW_TRUST_FITS ? NULL : gw_wk_why(row->trust);

    if (!why && (entry.type < 1 || entry.type > 255))
        why = "its id is cut: there is no channel type 0";
    if (why || is_bad || !gw_wk_is_key(id))
        return note_row(l, id, entry.type, why, err);
    entry.is_known_only =
        entry.type == GW_WK_PERSON && !gw_wk_split(id, &login, &peer);
    gw_wk_bring_add(&l->bring, &entry);
    *go_on = l->bring.n < GW_WK_BATCH;
    return GW_OK;
}

/* Users that are known need no entry. */
static gw_code
leave_out_users(gw_wk_bring *b, gw_error *err)
{
    gw_slice uids[GW_WK_BATCH];
    gw_import_row rows[GW_WK_BATCH];
    size_t n = 0, kept = 0, at = 0;

    for (size_t i = 0; i < b->n; i++)
        if (b->page[i].type == GW_WK_PERSON)
            uids[n++] = b->page[i].id;
    gw_code code = gw_importing_find(b->wk->im, GW_WK_USER, uids, n, rows, err);
    for (size_t i = 0; i < b->n && code == GW_OK; i++) {
        bool is_user = b->page[i].type == GW_WK_PERSON && rows[at++].id > 0;
        if (!is_user)
            b->page[kept++] = b->page[i];
    }
    b->n = kept;
    return code;
}

static gw_code
leave_out(gw_wk_bring *b, gw_error *err)
{
    gw_slice keys[GW_WK_BATCH];
    gw_code code = leave_out_users(b, err);

    for (size_t i = 0; i < b->n && code == GW_OK; i++) {
        char *text =
            gw_arena_printf(&b->page_arena, "%d-%.*s", (int)b->page[i].type,
                            GW_FMT(b->page[i].id));
        keys[i] = gw_slice_of(text);
    }
    return code == GW_OK ? gw_wk_leave_out_seen(b, GW_WK_CHANNEL, keys, err)
                         : code;
}

static gw_code
more_rows(gw_wk_bring *b, gw_error *err)
{
    gw_code code =
        gw_wk_list_walk(&((listing *)b)->list, take_row, b, &b->is_at_end, err);

    return code == GW_OK ? leave_out(b, err) : code;
}

gw_code
gw_wk_step_channel(gw_wk *wk, gw_error *err)
{
    listing *l = gw_calloc(1, sizeof(*l));
    gw_code code = gw_wk_list_fetch(wk, "/migrate/allchannels", "channel_id",
                                    "channel_type", &l->list, err);

    l->bring = (gw_wk_bring){.wk = wk, .more = more_rows};
    if (code == GW_OK)
        code =
            gw_wk_forget_problems(wk, GW_STEP_CHANNEL, true, NULL, NULL, err);
    if (code == GW_OK)
        code = gw_wk_begin_asking(wk, GW_STEP_CHANNEL, GW_COUNT_CHANNELS_SINCE,
                                  "channel", err);
    if (code == GW_OK)
        code = gw_wk_bring_run(&l->bring, err);
    gw_wk_list_clear(&l->list);
    free(l);
    return code == GW_OK ? gw_wk_bring_rest(wk, false, err) : code;
}
