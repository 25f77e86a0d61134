/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of uids, as the source has them: it joins them by commas, so a uid
 * with a comma comes in pieces. Those that are known are put together. */
#include "source/wukongim_people_priv.h"

enum { COMMA_PARTS = 8 };

/* ---- uids with a comma ---- */

gw_code
gw_wk_note_comma(gw_wk *wk, gw_slice uid, gw_error *err)
{
    static const gw_import_row row = {.id = 1};

    if (!memchr(uid.at, ',', uid.len) || gw_texts_has(&wk->comma_uids, uid))
        return GW_OK;
    (void)gw_texts_add(&wk->comma_uids, gw_arena_dup(&wk->commas, uid));
    if (wk->im->step != GW_STEP_USER)
        gw_importing_set_count(wk->im, GW_COUNT_RELIST, 1);
    return gw_importing_put(wk->im, GW_WK_COMMA, uid, &row, err);
}

/* How many pieces from `at` on are one uid that is known. */
static size_t
count_pieces(const gw_wk *wk, gw_buf *joined, const gw_slice *at, size_t n)
{
    size_t best = 1;

    joined->len = 0;
    gw_buf_slice(joined, at[0]);
    for (size_t i = 1; i < n && i < COMMA_PARTS; i++) {
        gw_buf_byte(joined, ',');
        gw_buf_slice(joined, at[i]);
        if (gw_texts_has(&wk->comma_uids, gw_buf_as_slice(joined)))
            best = i + 1;
    }
    return best;
}

static void
mend(const gw_wk *wk, gw_arena *arena, const gw_slice *pieces, size_t n,
     gw_texts *out)
{
    gw_buf joined = {0};

    for (size_t i = 0; i < n;) {
        size_t used =
            wk->comma_uids.n ? count_pieces(wk, &joined, pieces + i, n - i) : 1;
        gw_slice uid = pieces[i];
        if (used > 1) {
            joined.len = 0;
            for (size_t k = 0; k < used; k++) {
                if (k > 0)
                    gw_buf_byte(&joined, ',');
                gw_buf_slice(&joined, pieces[i + k]);
            }
            uid = gw_arena_dup(arena, gw_buf_as_slice(&joined));
        }
        (void)gw_texts_add(out, uid);
        i += used;
    }
    gw_buf_clear(&joined);
}

/* ---- the lists of an answer ---- */

bool
gw_wk_read_uids(const gw_wk *wk, gw_arena *arena, gw_slice raw, gw_texts *out)
{
    gw_values values;
    gw_error ignored;

    gw_texts_init(out, arena);
    if (!raw.at || gw_json_kind_of(raw) != GW_JSON_ARRAY ||
        gw_json_array(arena, raw, &values, &ignored) != GW_OK)
        return false;
    gw_slice *pieces = GW_ARENA_NEW(arena, gw_slice, values.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < values.n; i++) {
        if (gw_json_kind_of(values.at[i]) != GW_JSON_STRING)
            continue;
        pieces[n] = gw_arena_dup(arena, gw_json_string(arena, values.at[i]));
        n += !gw_wk_holds_nul(pieces[n]);
    }
    mend(wk, arena, pieces, n, out);
    return true;
}
