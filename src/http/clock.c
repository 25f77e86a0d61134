/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that wakes parked requests, takes samples of the progress, and
 * ends connections that take too long to say what they want. */
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "http/http_priv.h"

enum { TICK_MS = 500 };

static const char LATE[] =
    "HTTP/1.1 408 Request Timeout\r\n"
    "Content-Type: application/json\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-store\r\n"
    "Content-Length: 59\r\n"
    "Connection: close\r\n"
    "\r\n"
    "{\"success\":false,\"message\":\"The request took too long\"}    ";

/* ---- connections ---- */

void
gw_peer_open(gw_http *http, int fd, gw_peer **out)
{
    gw_peer *peer = gw_calloc(1, sizeof(*peer));

    peer->fd = fd;
    peer->since_us = gw_clock_us();
    pthread_mutex_lock(&http->peer_lock);
    peer->after = http->peers;
    if (peer->after)
        peer->after->before = peer;
    http->peers = peer;
    http->n_peers++;
    pthread_mutex_unlock(&http->peer_lock);
    *out = peer;
}

void
gw_peer_close(gw_http *http, gw_peer *peer)
{
    pthread_mutex_lock(&http->peer_lock);
    if (peer->before)
        peer->before->after = peer->after;
    else
        http->peers = peer->after;
    if (peer->after)
        peer->after->before = peer->before;
    http->n_peers--;
    pthread_mutex_unlock(&http->peer_lock);
    free(peer);
}

void
gw_peer_set(gw_http *http, gw_peer *peer, gw_peer_stage stage)
{
    if (!peer)
        return;
    pthread_mutex_lock(&http->peer_lock);
    peer->stage = stage;
    peer->since_us = gw_clock_us();
    pthread_mutex_unlock(&http->peer_lock);
}

void
gw_peer_stage_set(gw_request *request, gw_peer_stage stage)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (info)
        gw_peer_set(request->http, info->socket_context, stage);
}

/* Only while libmicrohttpd reads: it writes nothing then. A client that has
 * sent no request is not answered. */
static void
end_late(gw_http *http, gw_peer *peer)
{
    if (!http->has_tls && peer->stage != GW_PEER_IDLE)
        (void)!send(peer->fd, LATE, sizeof(LATE) - 1,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(peer->fd, SHUT_RDWR);
    atomic_fetch_add(&http->timeouts, 1);
    peer->stage = GW_PEER_ANSWER;
}

static void
end_late_ones(gw_http *http)
{
    static const int64_t LIMITS_MS[] = {
        [GW_PEER_IDLE] = GW_LIMIT_HTTP_HEAD_MS,
        [GW_PEER_HEAD] = GW_LIMIT_HTTP_HEAD_MS,
        [GW_PEER_BODY] = GW_LIMIT_HTTP_BODY_MS,
        [GW_PEER_ANSWER] = INT64_MAX / 1000,
    };
    int64_t now = gw_clock_us();

    pthread_mutex_lock(&http->peer_lock);
    for (gw_peer *p = http->peers; p; p = p->after)
        if ((now - p->since_us) / 1000 > LIMITS_MS[p->stage])
            end_late(http, p);
    pthread_mutex_unlock(&http->peer_lock);
}

/* ---- parked requests ---- */

/* With the lock. */
static void
unlink_parked(gw_request *r)
{
    if (r->before)
        r->before->after = r->after;
    else
        r->http->parked = r->after;
    if (r->after)
        r->after->before = r->before;
    r->before = r->after = NULL;
    r->is_parked = false;
}

bool
gw_clock_park(gw_request *request, bool (*is_over)(gw_request *request),
              int64_t wait_ms)
{
    gw_http *http = request->http;
    bool is_parked = false;

    pthread_mutex_lock(&http->lock);
    if (!http->is_closing && !(is_over && is_over(request))) {
        request->is_over = is_over;
        request->deadline_us = gw_clock_us() + wait_ms * 1000;
        request->after = http->parked;
        if (request->after)
            request->after->before = request;
        http->parked = request;
        request->is_parked = is_parked = true;
        MHD_suspend_connection(request->connection);
        pthread_cond_signal(&http->wake);
    }
    pthread_mutex_unlock(&http->lock);
    return is_parked;
}

void
gw_clock_forget(gw_request *request)
{
    pthread_mutex_lock(&request->http->lock);
    if (request->is_parked)
        unlink_parked(request);
    pthread_mutex_unlock(&request->http->lock);
}

/* With the lock. The time of the next deadline. */
static int64_t
wake_parked(gw_http *http, int64_t until_us)
{
    int64_t now = gw_clock_us();
    gw_request *after;

    for (gw_request *r = http->parked; r; r = after) {
        after = r->after;
        if (http->is_closing || now >= r->deadline_us ||
            (r->is_over && r->is_over(r))) {
            struct MHD_Connection *connection = r->connection;
            unlink_parked(r);
            MHD_resume_connection(connection);
        } else if (r->deadline_us < until_us) {
            until_us = r->deadline_us;
        }
    }
    return until_us;
}

static void
take_news(void *arg)
{
    gw_http *http = arg;

    atomic_fetch_add(&http->news, 1);
    pthread_mutex_lock(&http->lock);
    pthread_cond_signal(&http->wake);
    pthread_mutex_unlock(&http->lock);
}

static void
wait_until(gw_http *http, int64_t until_us)
{
    struct timespec until = {
        .tv_sec = until_us / 1000000,
        .tv_nsec = until_us % 1000000 * 1000,
    };

    (void)pthread_cond_timedwait(&http->wake, &http->lock, &until);
}

static void *
run_clock(void *arg)
{
    gw_http *http = arg;
    int64_t tick_us = gw_clock_us();

    pthread_mutex_lock(&http->lock);
    while (!http->is_closing) {
        if (gw_clock_us() >= tick_us) {
            pthread_mutex_unlock(&http->lock);
            (void)gw_service_tick(http->service);
            end_late_ones(http);
            atomic_store(&http->tick_us, gw_clock_us());
            tick_us = gw_clock_us() + TICK_MS * 1000;
            pthread_mutex_lock(&http->lock);
        }
        int64_t until_us = wake_parked(http, tick_us);
        if (!http->is_closing)
            wait_until(http, until_us);
    }
    (void)wake_parked(http, 0);
    pthread_mutex_unlock(&http->lock);
    return NULL;
}

gw_code
gw_clock_start(gw_http *http, gw_error *err)
{
    if (pthread_create(&http->clock, NULL, run_clock, http) != 0)
        return gw_fail(err, GW_E_LIMIT, "no thread can be made");
    http->has_clock = true;
    gw_service_on_change(http->service, take_news, http);
    return GW_OK;
}

void
gw_clock_stop(gw_http *http)
{
    gw_service_on_change(http->service, NULL, NULL);
    pthread_mutex_lock(&http->lock);
    http->is_closing = true;
    pthread_cond_signal(&http->wake);
    pthread_mutex_unlock(&http->lock);
    if (http->has_clock)
        pthread_join(http->clock, NULL);
    http->has_clock = false;
}
