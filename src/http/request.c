/* SPDX-License-Identifier: Apache-2.0 */
/* From headers to answer: every check that holds for all routes. */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <strings.h>

#include "http/http_priv.h"

enum { AUTH_DELAY_MS = 500 };

gw_request *
gw_request_new(gw_http *http, struct MHD_Connection *connection)
{
    gw_request *request = gw_calloc(1, sizeof(*request));

    request->http = http;
    request->connection = connection;
    return request;
}

void
gw_request_free(gw_request *request)
{
    gw_clock_forget(request);
    gw_buf_clear(&request->body);
    free(request);
}

const char *
gw_request_header(const gw_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                       name);
}

static bool
parse_number(const char *text, int64_t *value)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *value = number;
    return true;
}

bool
gw_request_number(const gw_request *request, const char *name, int64_t *value)
{
    const char *text = MHD_lookup_connection_value(request->connection,
                                                   MHD_GET_ARGUMENT_KIND, name);

    return !text || parse_number(text, value);
}

static void
refuse(gw_request *request, int status, const char *message)
{
    if (request->refused)
        return;
    request->refused = status;
    request->message = message;
}

/* application/json, with any parameters. */
static bool
is_json(const char *type)
{
    static const char JSON[] = "application/json";
    size_t n = sizeof(JSON) - 1;

    return type && strncasecmp(type, JSON, n) == 0 &&
           (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

/* Whether the body is too large even to be passed over. */
static bool
check_body(gw_request *request, const char *method)
{
    const char *length = gw_request_header(request, "Content-Length");
    bool is_post = strcmp(method, "POST") == 0;
    int64_t size = 0;

    if (length && !parse_number(length, &size))
        refuse(request, MHD_HTTP_BAD_REQUEST, "Content-Length is no number");
    if (is_post && !length)
        refuse(request, MHD_HTTP_LENGTH_REQUIRED, "Content-Length is missing");
    if (size > GW_LIMIT_HTTP_BODY)
        refuse(request, MHD_HTTP_CONTENT_TOO_LARGE,
               "The body is larger than 64 KiB");
    return size > GW_LIMIT_HTTP_SKIPPED;
}

bool
gw_request_may(const gw_request *request, gw_access access)
{
    const gw_http *http = request->http;
    const char *given = gw_request_header(request, "Authorization");

    if (access == GW_ACCESS_ALL || (access == GW_ACCESS_PAGE && !given))
        return true;
    if (given)
        return gw_auth_is_right(http, given);
    return access == GW_ACCESS_LOCAL && !http->options.protect_status &&
           gw_auth_is_local(request);
}

static void
check_access(gw_request *request)
{
    gw_http *http = request->http;
    const char *given = gw_request_header(request, "Authorization");

    if (request->refused || gw_request_may(request, request->route->access))
        return;
    request->is_delayed = true;
    atomic_fetch_add(&http->auth_failures, 1);
    gw_log_put(http->log, GW_LOG_WARN, "credentials refused",
               GW_LOG_TEXT("path", request->route->path),
               GW_LOG_TEXT("given", given ? "wrong" : "none"));
    /* the page is for all, but shows whether a secret was right */
    if (request->route->access == GW_ACCESS_PAGE)
        return;
    refuse(request, MHD_HTTP_UNAUTHORIZED,
           given ? "Wrong credentials" : "No credentials given");
}

/* Another site's page in a browser may not speak to us. */
static void
check_origin(gw_request *request)
{
    bool changes = strcmp(request->route->method, "POST") == 0;

    if (request->route->access <= GW_ACCESS_PAGE)
        return;
    if (!gw_auth_is_own_host(request))
        refuse(request, MHD_HTTP_FORBIDDEN,
               "The Host header names another server; see --allow-host");
    if (changes && !gw_auth_is_own_origin(request))
        refuse(request, MHD_HTTP_FORBIDDEN, "The Origin is another site");
}

bool
gw_request_begin(gw_request *request, const char *method, const char *path)
{
    gw_http *http = request->http;

    request->path = path;
    gw_log_put(http->log, GW_LOG_DEBUG, "request",
               GW_LOG_TEXT("method", method), GW_LOG_TEXT("path", path));
    if (atomic_load(&http->is_refusing))
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
               "The server is shutting down");
    request->route = gw_route_find(method, path, &request->allow);
    if (!request->route)
        refuse(request,
               request->allow ? MHD_HTTP_METHOD_NOT_ALLOWED
                              : MHD_HTTP_NOT_FOUND,
               request->allow ? "Method not allowed" : "Not found");
    bool is_huge = check_body(request, method);
    if (request->route) {
        check_origin(request);
        check_access(request);
    }
    if (strcmp(method, "POST") == 0 &&
        !is_json(gw_request_header(request, "Content-Type")))
        refuse(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
               "The Content-Type must be application/json");
    gw_peer_stage_set(request, GW_PEER_BODY);
    return is_huge;
}

bool
gw_request_take(gw_request *request, const char *bytes, size_t n)
{
    if (request->refused || request->body.len + n > GW_LIMIT_HTTP_BODY) {
        refuse(request, MHD_HTTP_CONTENT_TOO_LARGE,
               "The body is larger than 64 KiB");
        request->skipped_bytes += n;
        return request->skipped_bytes <= GW_LIMIT_HTTP_SKIPPED;
    }
    gw_buf_add(&request->body, bytes, n);
    return true;
}

static bool
answer_refusal(gw_request *request)
{
    return gw_reply_error(request, request->refused, request->message);
}

bool
gw_request_run(gw_request *request)
{
    gw_peer_stage_set(request, GW_PEER_ANSWER);
    if (request->next)
        return request->next(request);
    request->next = request->refused ? answer_refusal : request->route->handle;
    if (request->is_delayed && gw_clock_park(request, NULL, AUTH_DELAY_MS))
        return true;
    return request->next(request);
}
