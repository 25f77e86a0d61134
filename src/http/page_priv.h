/* SPDX-License-Identifier: Apache-2.0 */
/** What the parts of the page share: the state as fields of JSON, and the
 *  pieces of HTML. All that is put is escaped. */
#ifndef GW_HTTP_PAGE_PRIV_H
#define GW_HTTP_PAGE_PRIV_H

#include "http/http_priv.h"

#define GW_DASH "\xe2\x80\x93"

typedef struct gw_page {
    gw_arena arena;
    bool may_read;
    gw_fields result, progress, checks; /* empty when it may not be read */
    gw_values runs;
    gw_slice output;
} gw_page;

/** A place of web/index.html that is filled in. */
typedef struct gw_page_slot {
    const char *name;
    void (*put)(gw_page *p, gw_buf *out);
} gw_page_slot;

/** Both end with a row without a name. */
extern const gw_page_slot GW_PAGE_STATE_SLOTS[]; /* page_state.c */
extern const gw_page_slot GW_PAGE_LIST_SLOTS[];  /* page_lists.c */

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
bool gw_page_is_text(gw_page *p, gw_fields fields, const char *key,
                     const char *value);
/** Calls `put` for each object of a list of the checks. */
void gw_page_put_each(gw_page *p, const char *key,
                      void (*put)(gw_page *p, gw_fields fields, gw_buf *out),
                      gw_buf *out);

#endif
