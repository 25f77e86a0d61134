/* SPDX-License-Identifier: Apache-2.0 */
/** What the parts of the page share: the state as fields of JSON, and the
 *  pieces of HTML. All that is put is escaped. */
#ifndef GW_HTTP_PAGE_PRIV_H
#define GW_HTTP_PAGE_PRIV_H

#include "http/http_priv.h"

#define GW_DASH "\xe2\x80\x93"

/** What is told as JSON, and filled in from. */
typedef enum gw_page_from {
    GW_PAGE_RESULT,
    GW_PAGE_PROGRESS,
    GW_PAGE_CHECKS,
    GW_PAGE_HISTORY,
    GW_PAGE_FROM_COUNT
} gw_page_from;

typedef struct gw_page {
    gw_arena arena;
    bool may_read;
    const char *style;
    gw_fields from[GW_PAGE_FROM_COUNT]; /* empty when it may not be read */
    gw_slice output;
} gw_page;

typedef void gw_page_item(gw_page *p, gw_fields fields, gw_buf *out);

/* page_state.c: where are we */
bool gw_page_is_running(gw_page *p);
void gw_page_put_state(gw_page *p, gw_buf *out);
void gw_page_put_state_detail(gw_page *p, gw_buf *out);
void gw_page_put_ribbon(gw_page *p, gw_buf *out);
void gw_page_put_title(gw_page *p, gw_buf *out);

/* page_slots.c */
/** Fills in what web/index.html has in double braces. */
void gw_page_fill(gw_page *p, const char *html, gw_buf *out);

/* page_lists.c: an item of each list */
gw_page_item gw_page_put_action, gw_page_put_check, gw_page_put_pending,
    gw_page_put_run;

/* page_pieces.c */
void gw_page_put_html(gw_buf *out, gw_slice text);
/** The member's text; false when there is none. */
bool gw_page_put_member(gw_page *p, gw_fields fields, const char *key,
                        gw_buf *out);
void gw_page_put_member_or_dash(gw_page *p, gw_fields fields, const char *key,
                                gw_buf *out);
void gw_page_put_count_or_dash(gw_fields fields, const char *key, gw_buf *out);
/** 850 ms, 4.2 s, 2 min 5 s, 3 h 12 min. */
void gw_page_put_span(gw_buf *out, int64_t ms);
/** 512 B, 1.5 MiB, 120 GiB. */
void gw_page_put_bytes(gw_buf *out, int64_t bytes);
bool gw_page_is_text(gw_page *p, gw_fields fields, const char *key,
                     const char *value);
/** Calls `put` for each object of a list. */
void gw_page_put_each(gw_page *p, gw_slice list, gw_page_item *put,
                      gw_buf *out);

#endif
