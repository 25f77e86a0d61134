/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: every one goes through gw_reply_response and carries the same
 * headers, but for those that it has already. */
#include <microhttpd.h>

#include "http/http_priv.h"

static const char *const HEADERS[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

static void
add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

bool
gw_reply_response(gw_request *request, int status, const char *type,
                  struct MHD_Response *response)
{
    gw_http *http = request->http;

    if (!response)
        return false;
    for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++)
        if (!MHD_get_response_header(response, HEADERS[i][0]))
            add(response, HEADERS[i][0], HEADERS[i][1]);
    add(response, "Content-Type", type);
    if (http->has_tls)
        add(response, "Strict-Transport-Security", "max-age=31536000");
    if (status == MHD_HTTP_UNAUTHORIZED)
        add(response, "WWW-Authenticate", "Bearer realm=\"godwit\"");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED && request->allow)
        add(response, "Allow", request->allow);
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        add(response, "Retry-After", "5");
    if (atomic_load(&http->is_refusing))
        add(response, "Connection", "close");
    atomic_fetch_add(&http->requests[status / 100 % GW_STATUS_CLASSES], 1);
    enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned int)status, response);
    MHD_destroy_response(response);
    return result == MHD_YES;
}

/* The bytes go to libmicrohttpd. */
static bool
reply(gw_request *request, int status, const char *type, gw_buf *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body->len, body->at, MHD_RESPMEM_MUST_FREE);

    if (!response)
        gw_buf_clear(body);
    *body = (gw_buf){0};
    return gw_reply_response(request, status, type, response);
}

bool
gw_reply_json(gw_request *request, int status, gw_buf *body)
{
    gw_buf_byte(body, '\n');
    return reply(request, status, "application/json", body);
}

bool
gw_reply_text(gw_request *request, const char *type, gw_buf *body)
{
    return reply(request, MHD_HTTP_OK, type, body);
}

bool
gw_reply_error(gw_request *request, int status, const char *message)
{
    gw_buf body = {0};

    gw_buf_text(&body, "{\"success\":false,\"message\":");
    gw_json_put_text(&body, gw_slice_of(message));
    gw_buf_byte(&body, '}');
    return gw_reply_json(request, status, &body);
}
