/* SPDX-License-Identifier: Apache-2.0 */
/** What the parts of the server share. One thread of libmicrohttpd answers
 *  all requests and never waits: a request that has to is parked, and the
 *  clock's thread wakes it. */
#ifndef GW_HTTP_HTTP_PRIV_H
#define GW_HTTP_HTTP_PRIV_H

#include <pthread.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/units.h"
#include "http/http.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

typedef struct gw_request gw_request;

/** Who may ask. */
typedef enum gw_access {
    GW_ACCESS_ALL,
    GW_ACCESS_PAGE,   /* all; the state in it as for the next */
    GW_ACCESS_LOCAL,  /* loopback, others with credentials */
    GW_ACCESS_SECRET, /* credentials, from anywhere */
} gw_access;

typedef struct gw_route {
    const char *method;
    const char *path; /* up to a {: all that begin so */
    gw_access access;
    /** Answers, or parks the request. False: the connection is closed. */
    bool (*handle)(gw_request *request);
} gw_route;

/** Where a connection is, and so how long it may take. */
typedef enum gw_peer_stage {
    GW_PEER_IDLE, /* between requests */
    GW_PEER_HEAD, /* the request line has come */
    GW_PEER_BODY,
    GW_PEER_ANSWER, /* ours */
} gw_peer_stage;

typedef struct gw_peer {
    int fd;
    gw_peer_stage stage;
    int64_t since_us;
    struct gw_peer *before, *after;
} gw_peer;

/** One request, from its headers to the end of its answer. */
struct gw_request {
    gw_http *http;
    struct MHD_Connection *connection;
    const gw_route *route;
    const char *path; /* libmicrohttpd's */
    gw_buf body;
    size_t skipped_bytes;
    int refused; /* status; 0: not */
    const char *message;
    const char *allow; /* for 405 */
    bool is_delayed;

    /** What comes after waiting; NULL: the route's handle. */
    bool (*next)(gw_request *request);
    bool (*is_over)(gw_request *request); /* or NULL */
    int64_t deadline_us;
    int64_t number; /* of the run or look that is waited for */
    uint64_t news;
    bool is_parked;
    gw_request *before, *after;
};

enum { GW_STATUS_CLASSES = 6, GW_HOSTS_MAX = 32 };

struct gw_http {
    gw_http_options options;
    const gw_log *log;
    gw_service *service;
    struct MHD_Daemon *daemon;
    int socket;
    char *address;
    char *socket_path; /* to be removed at the end */
    char *host;        /* that it listens on */
    bool is_local;     /* loopback or a unix socket */
    bool has_tls;
    char secret[GW_SHA256_HEX_SIZE];        /* checksum */
    char secret_base64[GW_SHA256_HEX_SIZE]; /* of its base64 */
    char page_policy[512]; /* Content-Security-Policy of the page */

    int64_t started;         /* Unix seconds */
    _Atomic int64_t tick_us; /* when the clock last turned */

    atomic_bool is_refusing;
    _Atomic int64_t requests[GW_STATUS_CLASSES];
    _Atomic int64_t auth_failures;
    _Atomic int64_t timeouts;
    _Atomic int64_t streams;

    pthread_mutex_t lock; /* of the parked ones; before the service's */
    pthread_cond_t wake;
    gw_request *parked;
    _Atomic uint64_t news;
    bool is_closing;
    pthread_t clock;
    bool has_clock;

    pthread_mutex_t peer_lock;
    gw_peer *peers;
    int64_t n_peers;
};

/* routes.c */
/** The route; else NULL, and *allow names the methods of that path, NULL
 *  when there is no such path. */
const gw_route *gw_route_find(const char *method, const char *path,
                              const char **allow);

/* request.c: one request */
gw_request *gw_request_new(gw_http *http, struct MHD_Connection *connection);
void gw_request_free(gw_request *request);
/** Looks at the headers; what is wrong becomes request->refused. True: the
 *  answer cannot wait for the body. */
bool gw_request_begin(gw_request *request, const char *method,
                      const char *path);
/** Takes a piece of the body. False: enough. */
bool gw_request_take(gw_request *request, const char *bytes, size_t n);
/** The request is whole: answers it. */
bool gw_request_run(gw_request *request);
const char *gw_request_header(const gw_request *request, const char *name);
/** Whether this client may ask what routes of that access tell. */
bool gw_request_may(const gw_request *request, gw_access access);
/** A number of the query. False when it is there and none. */
bool gw_request_number(const gw_request *request, const char *name,
                       int64_t *value);

/* reply.c */
/** Answers JSON; the buffer is emptied. */
bool gw_reply_json(gw_request *request, int status, gw_buf *body);
bool gw_reply_text(gw_request *request, const char *type, gw_buf *body);
/** {"success":false,"message":…} */
bool gw_reply_error(gw_request *request, int status, const char *message);
bool gw_reply_response(gw_request *request, int status, const char *type,
                       struct MHD_Response *response);

/* auth.c */
GW_MUST_CHECK gw_code gw_auth_open(gw_http *http, gw_error *err);
bool gw_auth_is_right(const gw_http *http, const char *authorization);
/** Whether the client is on this machine (and no proxy for another). */
bool gw_auth_is_local(const gw_request *request);
/** Whether Host, and Origin if there is one, name this server. */
bool gw_auth_is_own_host(const gw_request *request);
bool gw_auth_is_own_origin(const gw_request *request);

/* secret.c */
/** That of the options, or one in the state folder, made if need be. */
GW_MUST_CHECK gw_code gw_secret_find(const gw_http_options *options,
                                     gw_buf *out, gw_error *err);

/* listen.c */
GW_MUST_CHECK gw_code gw_listen(gw_http *http, gw_error *err);
/** host:port, brackets taken off, in two. False: neither. */
bool gw_listen_split(const char *text, char *host, size_t room, int *port);

/* clock.c */
GW_MUST_CHECK gw_code gw_clock_start(gw_http *http, gw_error *err);
void gw_clock_stop(gw_http *http);
/**
 * Suspends the request until `is_over` (NULL: never), or for wait_ms.
 *
 * Shape:  false when it is over already: nothing is suspended. A call of
 *         request->next follows.
 */
bool gw_clock_park(gw_request *request, bool (*is_over)(gw_request *request),
                   int64_t wait_ms);
void gw_clock_forget(gw_request *request);
void gw_peer_stage_set(gw_request *request, gw_peer_stage stage);
void gw_peer_open(gw_http *http, int fd, gw_peer **out);
void gw_peer_close(gw_http *http, gw_peer *peer);
void gw_peer_set(gw_http *http, gw_peer *peer, gw_peer_stage stage);

/* the routes' own */
bool gw_commands_handle(gw_request *request);
bool gw_result_handle(gw_request *request);
bool gw_progress_handle(gw_request *request);
bool gw_history_handle(gw_request *request);
bool gw_health_handle(gw_request *request);
bool gw_ready_handle(gw_request *request);
bool gw_version_handle(gw_request *request);
bool gw_events_handle(gw_request *request);
bool gw_manager_get(gw_request *request);
bool gw_manager_post(gw_request *request);
bool gw_metrics_handle(gw_request *request);
bool gw_samples_handle(gw_request *request);
bool gw_checks_handle(gw_request *request);
bool gw_preview_handle(gw_request *request);
bool gw_page_handle(gw_request *request);
bool gw_asset_handle(gw_request *request);
/** What an Accept-Encoding says of gzip; it may be NULL. */
bool gw_asset_accepts_gzip(const char *accepted);

/* page.c */
/** Makes the Content-Security-Policy of the page. */
void gw_page_open(gw_http *http);
/** The dashboard as HTML. Without `may_read` it tells nothing of the
 *  store. */
void gw_page_put(gw_service *service, bool may_read, gw_buf *out);

#endif
