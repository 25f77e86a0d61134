/* SPDX-License-Identifier: Apache-2.0 */
/** Topics and their messages. */
#ifndef GW_SOURCE_WUKONGIM_TOPIC_PRIV_H
#define GW_SOURCE_WUKONGIM_TOPIC_PRIV_H

#include "source/wukongim_priv.h"

/** The names of all topics whose slot is theirs, in the order in which they
 *  are imported, ready to be read. */
GW_MUST_CHECK gw_code gw_wk_topics_fetch(gw_wk *wk, gw_rows *out,
                                         gw_error *err);

/** Where the names come from: *has false at the end; the name is copied. */
typedef gw_code (*gw_wk_next_name)(void *arg, gw_buf *name, bool *has,
                                   gw_error *err);
/** Brings the messages of topics. is_again: those that this import has read
 *  to their end too. */
GW_MUST_CHECK gw_code gw_wk_topics_bring(gw_wk *wk, gw_wk_next_name next,
                                         void *arg, bool is_again,
                                         gw_error *err);

/** One answer of /channel/messagesync. */
typedef struct gw_wk_page {
    gw_buf body;
    gw_arena arena;
    gw_values messages; /* those from first on */
    int64_t first, last;
} gw_wk_page;

/**
 * Reads a page and leaves out what is below `from` or does not ascend.
 *
 * Shape:  takes the body; messages.n 0 when nothing is left.
 * Errors: GW_E_INPUT for what is no page.
 */
GW_MUST_CHECK gw_code gw_wk_page_read(gw_wk_page *page, gw_buf *body,
                                      int64_t from, gw_error *err);
void gw_wk_page_clear(gw_wk_page *page);

/** Writes a page as one position, with the users and the channel that it is
 *  the first to name. `row` is the topic's and is brought up to date; it is
 *  written too. */
GW_MUST_CHECK gw_code gw_wk_page_write(gw_wk *wk, gw_wk_page *page,
                                       const gw_wk_topic *topic,
                                       gw_import_row *row, gw_error *err);

#endif
