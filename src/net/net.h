/* SPDX-License-Identifier: Apache-2.0 */
/** HTTP as a client: asks a server and waits for the answer.
 *
 *  http and https only, redirects are not followed, answers are limited, and
 *  a secret goes over plain HTTP to this machine alone unless that is allowed.
 *  One client is for one thread at a time. */
#ifndef GW_NET_NET_H
#define GW_NET_NET_H

#include <stdatomic.h>

#include "base/mem.h"

/** Whom to ask, and how. Everything is copied. */
typedef struct gw_net_options {
    const char *url;      /* http://host:port, https://…, unix:/path; a path
                             at its end goes before those of requests, a query
                             is for requests without a path */
    const char *secret;   /* sent as bearer; or NULL */
    const char *ca_file;  /* PEM of who signs servers; NULL: the system's */
    bool allow_plaintext; /* the secret over HTTP to other machines */
    int64_t connect_ms;   /* 0: GW_DEFAULT_NET_CONNECT_MS */
    int64_t timeout_ms;   /* for a whole answer; 0: GW_DEFAULT_NET_MS */
    int64_t idle_ms;      /* for nothing to come, in seconds; 0: none */
    size_t answer_bytes;  /* 0: GW_LIMIT_NET_ANSWER */
    const atomic_bool *stop; /* borrowed, or NULL; true: break off */
} gw_net_options;

typedef struct gw_net_header {
    const char *name, *value;
} gw_net_header;

/** One request: POST with a body, GET without. */
typedef struct gw_net_request {
    const char *path; /* "/migrate/result"; NULL or "": that of the URL */
    gw_slice body;    /* JSON; at NULL: none */
    const gw_net_header *headers;
    size_t n_headers;
    /** Takes the answer's body piece by piece, and only of status 200;
     *  NULL: it is collected in the answer. Not GW_OK ends the transfer. */
    gw_code (*take)(void *arg, gw_slice bytes, gw_error *err);
    void *take_arg;
    size_t answer_bytes; /* at most; 0: as in the options */
    bool status_only;    /* it is the answer, however its body ends */
} gw_net_request;

typedef struct gw_net_answer {
    int status;
    gw_buf body; /* the caller's */
} gw_net_answer;

typedef struct gw_net gw_net;

/** Looks at the options; nothing is asked yet.
 *  Errors: GW_E_USAGE for a URL that is none of ours, for one that holds
 *          credentials, and for a secret that would go out in the open. */
GW_MUST_CHECK gw_code gw_net_open(const gw_net_options *options, gw_net **out,
                                  gw_error *err);
void gw_net_close(gw_net *net);

/** Scheme, host and port, for messages. */
const char *gw_net_name(const gw_net *net);

/**
 * Asks, over the connection of the last time if it still stands.
 *
 * Shape:  any status is an answer.
 * Errors: GW_E_SERVER when none came (refused, too late, broken off, no
 *         trust in the certificate); GW_E_LIMIT when it was too long;
 *         GW_E_INTERRUPTED after options->stop; those of request->take.
 */
GW_MUST_CHECK gw_code gw_net_ask(gw_net *net, const gw_net_request *request,
                                 gw_net_answer *out, gw_error *err);

void gw_net_answer_clear(gw_net_answer *answer);

#endif
