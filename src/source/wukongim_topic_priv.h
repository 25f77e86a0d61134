/* SPDX-License-Identifier: Apache-2.0 */
/** Topics and their messages. */
#ifndef GW_SOURCE_WUKONGIM_TOPIC_PRIV_H
#define GW_SOURCE_WUKONGIM_TOPIC_PRIV_H

#include "source/wukongim_priv.h"

/** In `seen` of a topic's row: its rest could not be read, and that is
 *  noted. */
enum { GW_WK_UNREAD = -1 };

/** The names of all topics whose slot is theirs, in the order in which they
 *  are imported, ready to be read. */
GW_MUST_CHECK gw_code gw_wk_topics_fetch(gw_wk *wk, gw_rows *out,
                                         gw_error *err);

/** Where the names come from: *has false at the end; the name is copied. */
typedef gw_code (*gw_wk_next_name)(void *arg, gw_buf *name, bool *has,
                                   gw_error *err);
/** Those of a gw_rows. */
GW_MUST_CHECK gw_code gw_wk_next_row(void *rows, gw_buf *name, bool *has,
                                     gw_error *err);
/** Brings the messages of topics. is_again: those that this import has read
 *  to their end too. */
GW_MUST_CHECK gw_code gw_wk_topics_bring(gw_wk *wk, gw_wk_next_name next,
                                         void *arg, bool is_again,
                                         gw_error *err);

/** A message as it is to be stored: slices of the page's body. */
typedef struct gw_wk_message {
    int64_t seq;
    gw_fields fields;
    gw_slice from;   /* its sender; at NULL when it names none */
    const char *bad; /* a member that is not what it must be, or NULL */
} gw_wk_message;

/** One answer of /channel/messagesync. */
typedef struct gw_wk_page {
    gw_buf body;
    gw_arena arena;
    gw_wk_message *messages; /* in order */
    size_t n;
    int64_t first, last;
    size_t bytes; /* about what it takes in memory */
} gw_wk_page;

/**
 * Reads a page and leaves out what is below `from` or does not ascend, and
 * what is more than GW_WK_PAGE messages.
 *
 * Shape:  takes the body; n 0 when nothing is left.
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

/** What is asked of a topic now. */
typedef enum gw_wk_phase {
    GW_WK_PHASE_NEWEST,  /* asks how far it goes */
    GW_WK_PHASE_MEMBERS, /* of one without messages: whether it is a channel */
    GW_WK_PHASE_PAGE,
    GW_WK_PHASE_PROBE, /* looks for the next number that is there */
    GW_WK_PHASE_BASE,  /* looks for the first that was not purged */
    GW_WK_PHASE_CHECK, /* whether an answer without a message can be read */
    GW_WK_PHASE_OVER,
} gw_wk_phase;

/** Numbers that are not there, or out of reach. */
typedef struct gw_wk_hole {
    int64_t from, upto;
    gw_reason reason;
    const char *why;
} gw_wk_hole;

enum {
    GW_WK_PAGES = 16, /* read ahead in one topic, at most */
    GW_WK_HOLES = 4,  /* the same */
};

/** A topic that is being read (wukongim_reading.c). */
typedef struct gw_wk_reading {
    gw_task task;
    gw_buf name;
    gw_wk_topic topic;
    gw_slice login, peer; /* of a person channel */
    bool is_silent;       /* no call reads it: only its length is known */
    bool has_members;
    gw_import_row row;
    gw_wk_phase phase;
    int64_t newest;
    int64_t at;     /* up to here it is read or given up */
    int64_t target; /* the next number known to be there, or one more
                       than the newest */
    int64_t probe, stride, missed, probe_limit;
    int64_t low, high; /* of a search between two numbers */
    int64_t limit;
    int bad_pages;
    bool is_checked; /* the source answers; so it is the next message */
    bool is_stalled; /* does not ask: pages are waiting to be taken */
    bool is_asking;  /* one of gw_wk.pages_asked */
    bool is_first;   /* of all topics: what it asks for is taken next */
    gw_wk_page pages[GW_WK_PAGES];
    size_t first_page, n_pages;
    gw_wk_hole holes[GW_WK_HOLES];
    size_t n_holes;
    gw_buf refusal; /* why the rest of it cannot be read */
} gw_wk_reading;

/** Asks for the next page, or ends; waits while pages have not been taken, or
 *  too much of other topics. */
void gw_wk_reading_go_on(gw_wk *wk, gw_wk_reading *reading);
/** The oldest page that was read; the caller clears it. */
gw_wk_page gw_wk_reading_take(gw_wk *wk, gw_wk_reading *reading);
/** Forgets what was asked and read. */
void gw_wk_reading_clear(gw_wk *wk, gw_wk_reading *reading);
/** Takes an answer or a refusal, and asks what comes next. */
GW_MUST_CHECK gw_code gw_wk_reading_reply(gw_wk *wk, gw_wk_reading *reading,
                                          gw_error *err);

#endif
