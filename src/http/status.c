/* SPDX-License-Identifier: Apache-2.0 */
/* The small reading routes: result, progress, history, health, ready,
 * version. */
#include <microhttpd.h>

#include "http/http_priv.h"

enum { STALE_MS = 60000, PAGE = 50 };

bool
gw_result_handle(gw_request *request)
{
    gw_buf body = {0};

    gw_service_put_result(request->http->service, &body);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

bool
gw_progress_handle(gw_request *request)
{
    gw_buf body = {0};

    gw_service_put_progress(request->http->service, &body);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

bool
gw_samples_handle(gw_request *request)
{
    gw_buf body = {0};

    gw_service_put_samples(request->http->service, &body);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

bool
gw_history_handle(gw_request *request)
{
    int64_t before = 0, limit = PAGE;
    gw_buf body = {0};

    if (!gw_request_number(request, "before", &before))
        return gw_reply_error(request, MHD_HTTP_BAD_REQUEST,
                              "before must be a whole number");
    if (!gw_request_number(request, "limit", &limit) || limit < 1 ||
        limit > GW_LIMIT_HTTP_PAGE)
        return gw_reply_error(request, MHD_HTTP_BAD_REQUEST,
                              "limit must be 1 to 200");
    gw_service_put_history(request->http->service, before, limit, &body);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

bool
gw_health_handle(gw_request *request)
{
    gw_buf body = {0};

    gw_buf_text(&body, "{\"status\":\"ok\"}");
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

bool
gw_ready_handle(gw_request *request)
{
    gw_service_view view;
    gw_buf body = {0};

    gw_service_look(request->http->service, &view);
    /* why not is in the log: this route is open to all */
    if (!view.is_store_ok)
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                              "The store cannot be reached");
    if (view.probe_age_ms > STALE_MS)
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                              "The store has not answered for a minute");
    gw_buf_text(&body, "{\"status\":\"ready\"}");
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

bool
gw_version_handle(gw_request *request)
{
    gw_buf body = {0};

    gw_buf_text(&body, "{\"name\":\"godwit\",\"version\":\"" GW_VERSION "\"}");
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}
