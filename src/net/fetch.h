/* SPDX-License-Identifier: Apache-2.0 */
/** Many requests to one server at a time, over a few kept connections. One
 *  thread drives them; nothing is tried twice here. */
#ifndef GW_NET_FETCH_H
#define GW_NET_FETCH_H

#include "net/net.h"

/** How. The server is that of `net`; its timeout_ms is for each request
 *  that names none, its idle_ms counts in milliseconds here. */
typedef struct gw_fetch_options {
    gw_net_options net;
    size_t parallel;   /* requests at a time */
    double per_second; /* requests; 0: no limit */
} gw_fetch_options;

/** One request and, once it is done, its answer. The caller's storage,
 *  zeroed before the first use; it must not move while it is under way. */
typedef struct gw_fetch_item {
    gw_net_request request;
    int64_t timeout_ms;    /* for a whole answer; 0: that of the options; -1:
                              none */
    int64_t not_before_us; /* by gw_clock_us; 0: at once */

    /* the answer; `answer` is the caller's to clear */
    bool is_done;
    gw_code code; /* as gw_net_ask gives it */
    gw_error err;
    gw_net_answer answer;
    int64_t retry_after_s; /* what the server says; 0: nothing */

    struct gw_fetch_item *next; /* the fetch's own */
    struct gw_fetch_slot *slot;
} gw_fetch_item;

typedef struct gw_fetch gw_fetch;

/** Errors: those of gw_net_open. */
GW_MUST_CHECK gw_code gw_fetch_open(const gw_fetch_options *options,
                                    gw_fetch **out, gw_error *err);
/** Breaks off what is under way. NULL is fine. */
void gw_fetch_close(gw_fetch *fetch);
const char *gw_fetch_name(const gw_fetch *fetch);
/** For a secret that goes in a header of its own. Errors: GW_E_USAGE when it
 *  would go over plain HTTP to another machine. */
GW_MUST_CHECK gw_code gw_fetch_check_secret(const gw_fetch *fetch,
                                            gw_error *err);

/** Queues a request; the text and body of it are borrowed until it is done.
 *  Those that are due begin in the order in which they came. */
void gw_fetch_add(gw_fetch *fetch, gw_fetch_item *item);
/** Takes a request back, whatever has become of it. */
void gw_fetch_drop(gw_fetch *fetch, gw_fetch_item *item);
/** Moves everything on, waiting for at most wait_ms for something to
 *  happen. */
void gw_fetch_run(gw_fetch *fetch, int wait_ms);
/** Appends a text for use in a query. */
void gw_fetch_put_escaped(gw_buf *buf, gw_slice text);

#endif
