/* SPDX-License-Identifier: Apache-2.0 */
/* The step of users: those of the list whose ids can be trusted, then those
 * that their lists name. */
#include <inttypes.h>

#include "source/wukongim_people_priv.h"

typedef struct listing {
    gw_wk_bring bring; /* first */
    gw_wk_list list;
    gw_buf last_uid;
} listing;

static const char *const WHY[] = {
    [GW_TRUST_BREAKS] = "its id is cut: it does not stand where it belongs",
    [GW_TRUST_AMBIGUOUS] = "its id or that of a row near it is cut: which of "
                           "them cannot be told",
};

const char *
gw_wk_why(gw_trust trust)
{
    return WHY[trust];
}

/* Rows that make nothing. The key names the row, never its token. */
gw_code
gw_wk_note_mangled(gw_wk *wk, const char *collection, gw_slice id,
                   int64_t number, size_t row, const char *why, gw_error *err)
{
    gw_buf key = {0};

    gw_buf_slice(&key, id);
    gw_buf_printf(&key, "/%" PRId64 ", row %zu", number, row);
    gw_code code =
        gw_importing_problem(wk->im, GW_REASON_MANGLED, collection,
                             gw_buf_as_slice(&key), 1, err, "%s", why);
    gw_buf_clear(&key);
    return code;
}

gw_code
gw_wk_begin_asking(gw_wk *wk, gw_step step, gw_count since,
                   const char *collection, gw_error *err)
{
    if (gw_importing_count(wk->im, since) == wk->im->state.number)
        return GW_OK; /* what this import has noted holds */
    gw_importing_set_count(wk->im, since, wk->im->state.number);
    return gw_wk_forget_problems(wk, step, false, "unreadable", collection,
                                 err);
}

static const char *
beside_name(gw_step step)
{
    return step == GW_STEP_CHANNEL ? "channel*" : "message*";
}

gw_code
gw_wk_forget_problems(gw_wk *wk, gw_step step, bool is_beside,
                      const char *reason, const char *collection, gw_error *err)
{
    gw_slice name = gw_slice_of(gw_step_name(step));
    gw_import_problem like = {
        .step = is_beside ? gw_slice_of(beside_name(step)) : name,
        .reason = gw_slice_of(reason),
        .collection = gw_slice_of(collection),
    };
    gw_code code = gw_importing_begin(wk->im, err);

    return code == GW_OK ? gw_import_drop_problems(wk->im->run->store,
                                                   wk->im->source, &like, err)
                         : code;
}

/* A row becomes an entry, unless the one before was the same user. */
static gw_code
take_row(void *arg, const gw_wk_row *row, bool *go_on, gw_error *err)
{
    listing *l = arg;
    gw_slice uid = gw_wk_text(row->arena, row->fields, "uid");
    gw_wk_entry entry = {.id = uid};

    if (row->trust != GW_TRUST_FITS)
        return gw_wk_note_mangled(l->bring.wk, "device", uid,
                                  gw_wk_int(row->fields, "device_flag", 0),
                                  row->number, gw_wk_why(row->trust), err);
    if (gw_slice_equal(uid, gw_buf_as_slice(&l->last_uid)))
        return GW_OK;
    l->last_uid.len = 0;
    gw_buf_slice(&l->last_uid, uid);
    if (!gw_wk_is_key(uid)) /* its devices are refused */
        return GW_OK;
    gw_wk_bring_add(&l->bring, &entry);
    *go_on = l->bring.n < GW_WK_BATCH;
    return GW_OK;
}

/* Those that this import has brought are left out. */
gw_code
gw_wk_leave_out_seen(gw_wk_bring *b, gw_slice kind, const gw_slice *keys,
                     gw_error *err)
{
    gw_import_row rows[GW_WK_BATCH];
    size_t kept = 0;
    gw_code code = gw_importing_find(b->wk->im, kind, keys, b->n, rows, err);

    for (size_t i = 0; i < b->n && code == GW_OK; i++)
        if (rows[i].seen < b->wk->im->state.number || !rows[i].id)
            b->page[kept++] = b->page[i];
    b->n = kept;
    return code;
}

static gw_code
more_rows(gw_wk_bring *b, gw_error *err)
{
    gw_slice keys[GW_WK_BATCH];
    gw_code code =
        gw_wk_list_walk(&((listing *)b)->list, take_row, b, &b->is_at_end, err);

    for (size_t i = 0; i < b->n; i++)
        keys[i] = b->page[i].id;
    return code == GW_OK ? gw_wk_leave_out_seen(b, GW_WK_USER, keys, err)
                         : code;
}

/* A uid with a comma: lists have it split. */
static gw_code
note_comma(void *arg, const gw_wk_row *row, bool *go_on, gw_error *err)
{
    gw_slice uid = gw_wk_text(row->arena, row->fields, "uid");

    (void)go_on;
    return row->trust == GW_TRUST_FITS && gw_wk_is_key(uid)
               ? gw_wk_note_comma(arg, uid, err)
               : GW_OK;
}

static gw_code
bring_list(gw_wk *wk, gw_error *err)
{
    listing *l = gw_calloc(1, sizeof(*l));
    gw_code code = gw_wk_list_fetch(wk, "/migrate/allusers", "uid",
                                    "device_flag", &l->list, err);

    l->bring = (gw_wk_bring){.wk = wk, .are_users = true, .more = more_rows};
    if (code == GW_OK)
        code = gw_wk_forget_problems(wk, GW_STEP_USER, false, "mangled",
                                     "device", err);
    if (code == GW_OK)
        code = gw_wk_list_walk(&l->list, note_comma, wk, NULL, err);
    if (code == GW_OK) {
        gw_importing_set_count(wk->im, GW_COUNT_DEVICE_ROWS,
                               (int64_t)l->list.n);
        gw_importing_set_count(wk->im, GW_COUNT_DEVICES_DUE, 1);
        code = gw_wk_bring_run(&l->bring, err);
    }
    gw_wk_list_clear(&l->list);
    gw_buf_clear(&l->last_uid);
    free(l);
    return code;
}

/* Devices wait until all uids are known: that is how a cut id is told from
 * a whole one. */
gw_code
gw_wk_step_user(gw_wk *wk, gw_error *err)
{
    gw_code code =
        gw_wk_begin_asking(wk, GW_STEP_USER, GW_COUNT_USERS_SINCE, "user", err);

    if (code == GW_OK)
        code = bring_list(wk, err);
    if (code == GW_OK)
        code = gw_wk_bring_rest(wk, true, err);
    return code == GW_OK && !wk->is_complete ? gw_wk_bring_devices(wk, err)
                                             : code;
}
