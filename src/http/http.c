/* SPDX-License-Identifier: Apache-2.0 */
/* The server itself: libmicrohttpd with one epoll thread, which only ever
 * computes; what has to wait is in clock.c. */
#include "http/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "http/http_priv.h"

enum { QUIET_S = 30, PEM_MAX = 4 * GW_MIB };

/* ---- what libmicrohttpd calls ---- */

static enum MHD_Result
take_request(void *arg, struct MHD_Connection *connection, const char *url,
             const char *method, const char *version, const char *bytes,
             size_t *n_bytes, void **state)
{
    gw_request *request = *state;
    bool is_fine = true;

    (void)version;
    if (!request) {
        request = gw_request_new(arg, connection);
        *state = request;
        /* a body too large even to be passed over is answered at once */
        if (gw_request_begin(request, method, url))
            is_fine = gw_request_run(request);
    } else if (*n_bytes > 0) {
        is_fine = gw_request_take(request, bytes, *n_bytes);
        *n_bytes = 0;
    } else {
        is_fine = gw_request_run(request);
    }
    return is_fine ? MHD_YES : MHD_NO;
}

static void
end_request(void *arg, struct MHD_Connection *connection, void **state,
            enum MHD_RequestTerminationCode how)
{
    gw_request *request = *state;

    (void)arg;
    (void)connection;
    (void)how;
    if (!request)
        return;
    gw_peer_stage_set(request, GW_PEER_IDLE);
    gw_request_free(request);
    *state = NULL;
}

static gw_peer *
peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void *
see_request_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
    (void)uri;
    gw_peer_set(arg, peer_of(connection), GW_PEER_HEAD);
    return NULL;
}

static void
see_connection(void *arg, struct MHD_Connection *connection, void **state,
               enum MHD_ConnectionNotificationCode what)
{
    const union MHD_ConnectionInfo *info;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*state)
            gw_peer_close(arg, *state);
        *state = NULL;
        return;
    }
    info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    gw_peer *peer = NULL;
    gw_peer_open(arg, info ? info->connect_fd : -1, &peer);
    *state = peer;
}

/* ---- opening ---- */

static gw_code
read_pem(const char *path, gw_buf *out, gw_error *err)
{
    FILE *file = fopen(path, "re");

    if (!file)
        return gw_fail(err, GW_E_USAGE, "%s: %s", path, strerror(errno));
    out->len = fread(gw_buf_reserve(out, PEM_MAX), 1, PEM_MAX - 1, file);
    bool is_bad = ferror(file) != 0;
    fclose(file);
    if (is_bad || out->len == 0)
        return gw_fail(err, GW_E_USAGE, "%s cannot be read, or is empty", path);
    (void)gw_buf_cstr(out);
    return GW_OK;
}

static void
say_nothing(void *arg, const char *fmt, va_list args)
{
    (void)arg;
    (void)fmt;
    (void)args;
}

static gw_code
start_daemon(gw_http *http, const char *cert, const char *key, gw_error *err)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t) "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    if (http->has_tls)
        flags |= MHD_USE_TLS;
    http->daemon = MHD_start_daemon(
        flags | MHD_USE_ERROR_LOG, 0, NULL, NULL, take_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET,
        http->socket, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)GW_LIMIT_HTTP_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)GW_LIMIT_HTTP_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)QUIET_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)GW_LIMIT_HTTP_HEAD, MHD_OPTION_NOTIFY_COMPLETED, end_request,
        http, MHD_OPTION_NOTIFY_CONNECTION, see_connection, http,
        MHD_OPTION_URI_LOG_CALLBACK, see_request_line, http, MHD_OPTION_ARRAY,
        http->has_tls ? tls : none, MHD_OPTION_END);
    if (http->daemon)
        return GW_OK;
    return gw_fail(err, GW_E_USAGE,
                   http->has_tls ? "the server does not start: are "
                                   "certificate and key PEM files that "
                                   "belong together?"
                                 : "the server does not start: %s",
                   strerror(errno));
}

static gw_code
start_listening(gw_http *http, gw_error *err)
{
    gw_buf cert = {0}, key = {0};
    gw_code code = GW_OK;

    if (http->has_tls) {
        code = read_pem(http->options.tls_cert, &cert, err);
        if (!code)
            code = read_pem(http->options.tls_key, &key, err);
    }
    if (!code)
        code = gw_listen(http, err);
    if (!code)
        code = start_daemon(http, cert.at, key.at, err);
    if (key.at)
        explicit_bzero(key.at, key.len);
    gw_buf_clear(&cert);
    gw_buf_clear(&key);
    return code;
}

static gw_http *
make_http(const gw_http_options *options)
{
    gw_http *http = gw_calloc(1, sizeof(*http));
    pthread_condattr_t monotonic;

    http->options = *options;
    http->log = options->log;
    http->service = options->service;
    http->socket = -1;
    http->started = (int64_t)time(NULL);
    atomic_store(&http->tick_us, gw_clock_us());
    http->has_tls = options->tls_cert && options->tls_key;
    pthread_mutex_init(&http->lock, NULL);
    pthread_mutex_init(&http->peer_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&http->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return http;
}

gw_code
gw_http_open(const gw_http_options *options, gw_http **out, gw_error *err)
{
    if (!options->tls_cert != !options->tls_key)
        return gw_fail(err, GW_E_USAGE,
                       "--tls-cert and --tls-key go together; give both");
    gw_http *http = make_http(options);
    gw_page_open(http);
    gw_code code = gw_auth_open(http, err);
    if (!code)
        code = gw_clock_start(http, err);
    if (!code)
        code = start_listening(http, err);
    if (code)
        gw_http_close(http);
    else
        *out = http;
    return code;
}

const char *
gw_http_address(const gw_http *http)
{
    return http->address;
}

bool
gw_http_is_alive(const gw_http *http)
{
    enum { STUCK_S = 10 };

    return gw_clock_us() - atomic_load(&http->tick_us) <
           STUCK_S * INT64_C(1000000);
}

void
gw_http_refuse(gw_http *http)
{
    atomic_store(&http->is_refusing, true);
    /* the streams of events end now */
    atomic_fetch_add(&http->news, 1);
    pthread_mutex_lock(&http->lock);
    pthread_cond_signal(&http->wake);
    pthread_mutex_unlock(&http->lock);
}

void
gw_http_close(gw_http *http)
{
    atomic_store(&http->is_refusing, true);
    /* nothing may be suspended when the daemon stops */
    gw_clock_stop(http);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    else if (http->socket >= 0)
        close(http->socket);
    if (http->socket_path)
        (void)unlink(http->socket_path);
    pthread_mutex_destroy(&http->lock);
    pthread_mutex_destroy(&http->peer_lock);
    pthread_cond_destroy(&http->wake);
    free(http->address);
    free(http->socket_path);
    free(http->host);
    free(http);
}
