/* SPDX-License-Identifier: Apache-2.0 */
/** What those share who speak HTTP through libcurl: a transfer is one easy
 *  handle with everything set that holds for all of ours. */
#ifndef GW_NET_NET_PRIV_H
#define GW_NET_NET_PRIV_H

#include "net/net.h"

struct curl_slist;

/** Where to, looked through once. */
typedef struct gw_net_place {
    char *base;          /* http://host:port/path, without the last slash */
    char *whole;         /* with its path and query as they were given */
    char *name;          /* http://host:port */
    char *socket_path;   /* or NULL */
    char *authorization; /* "Authorization: Bearer …", or NULL */
    char *ca_file;
    bool is_loopback;
    int64_t connect_ms, timeout_ms, idle_ms;
    size_t answer_bytes;
    const atomic_bool *stop; /* borrowed, or NULL */
} gw_net_place;

GW_MUST_CHECK gw_code gw_net_place_init(gw_net_place *place,
                                        const gw_net_options *options,
                                        gw_error *err);
void gw_net_place_clear(gw_net_place *place);

enum { GW_NET_PROBLEM_SIZE = 256 }; /* CURL_ERROR_SIZE */

/** One transfer. It must not move while libcurl has it. */
typedef struct gw_transfer {
    void *easy; /* CURL */
    const gw_net_place *place;
    struct curl_slist *headers;
    gw_code (*take)(void *arg, gw_slice bytes, gw_error *err);
    void *take_arg;
    gw_buf body;
    size_t n_bytes; /* of the body so far */
    size_t most;    /* of the body */
    bool status_only;
    gw_code failure; /* our own reason to break off */
    gw_error err;
    char problem[GW_NET_PROBLEM_SIZE];
} gw_transfer;

/** Makes the easy handle. Errors: GW_E_LIMIT when libcurl has no memory. */
GW_MUST_CHECK gw_code gw_transfer_init(gw_transfer *transfer,
                                       const gw_net_place *place,
                                       gw_error *err);
/** Sets it to a request; the body is copied. To be called before each. */
void gw_transfer_set(gw_transfer *transfer, const gw_net_request *request);
/** The answer, once libcurl is done with it and has said `result` (a
 *  CURLcode). Errors: those of gw_net_ask. */
GW_MUST_CHECK gw_code gw_transfer_end(gw_transfer *transfer, int result,
                                      gw_net_answer *out, gw_error *err);
void gw_transfer_clear(gw_transfer *transfer);

#endif
