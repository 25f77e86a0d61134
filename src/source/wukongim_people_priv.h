/* SPDX-License-Identifier: Apache-2.0 */
/** Users and channels on their way into the store, in batches. */
#ifndef GW_SOURCE_WUKONGIM_PEOPLE_PRIV_H
#define GW_SOURCE_WUKONGIM_PEOPLE_PRIV_H

#include <stdlib.h>

#include "source/wukongim_priv.h"

enum { GW_WK_BATCH = 500 }; /* in one position */

/** One to be asked for. */
typedef struct gw_wk_entry {
    gw_slice id;
    int64_t type;
    bool has_row;            /* of a channel that can be trusted */
    int ban, disband, large; /* -1: the row does not say */
    bool is_known_only; /* a user that is known by a channel's row: not asked
                           for here */
    gw_fields lists;    /* the answer */
} gw_wk_entry;

/** A run over many. */
struct gw_wk_bring {
    gw_wk *wk;
    bool are_users;
    bool is_again; /* those too that this import has brought */
    /** Fills the page by gw_wk_bring_add, up to GW_WK_BATCH; none is fine. Sets
     *  is_at_end with the last ones. A page ends where it does if a run goes
     *  on within it, so that its positions are the same. */
    gw_code (*more)(gw_wk_bring *b, gw_error *err);
    bool is_at_end;

    gw_arena page_arena;
    gw_wk_entry page[GW_WK_BATCH];
    size_t n, at;

    struct gw_wk_made *made; /* of the position under construction */
    size_t n_made, made_bytes;
    gw_texts found;
};

/** The names of a channel's lists; NULL at the end. */
extern const char *const gw_wk_channel_lists[];
/** A list of uids, without repeats; false when there is none. Texts in the
 *  arena. */
bool gw_wk_read_uids(const gw_wk *wk, gw_arena *arena, gw_slice raw,
                     gw_texts *out);

void gw_wk_bring_add(gw_wk_bring *b, const gw_wk_entry *entry);
GW_MUST_CHECK gw_code gw_wk_bring_run(gw_wk_bring *b, gw_error *err);
GW_MUST_CHECK gw_code gw_wk_bring_write(gw_wk_bring *b, gw_error *err);
GW_MUST_CHECK gw_code gw_wk_bring_again(gw_wk *wk, gw_error *err);
/** Leaves out of the page what this import has brought; keys of the page. */
GW_MUST_CHECK gw_code gw_wk_leave_out_seen(gw_wk_bring *b, gw_slice kind,
                                           const gw_slice *keys, gw_error *err);

/** Why a row is not trusted. */
const char *gw_wk_why(gw_trust trust);
GW_MUST_CHECK gw_code gw_wk_note_mangled(gw_wk *wk, const char *collection,
                                         gw_slice id, int64_t number,
                                         size_t row, const char *why,
                                         gw_error *err);
/** Notes that from this import on all of a kind are asked again; forgets
 *  which of them could not be read, unless a try of this import noted it. */
GW_MUST_CHECK gw_code gw_wk_begin_asking(gw_wk *wk, gw_step step,
                                         gw_count since, const char *collection,
                                         gw_error *err);
/** is_beside: those that the tally of the step does not count. */
GW_MUST_CHECK gw_code gw_wk_forget_problems(gw_wk *wk, gw_step step,
                                            bool is_beside, const char *reason,
                                            const char *collection,
                                            gw_error *err);

#endif
