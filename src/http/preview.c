/* SPDX-License-Identifier: Apache-2.0 */
/* GET /migrate/preview: events before and after the pending migrations. And
 * GET /migrate/checks: what may be done now. */
#include <microhttpd.h>

#include "http/http_priv.h"

enum { POSITIONS = 5, GRACE_MS = 2000 };

bool
gw_checks_handle(gw_request *request)
{
    gw_buf body = {0};

    gw_service_put_checks(request->http->service, &body);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

static bool
is_made(gw_request *request)
{
    return gw_service_has_previewed(request->http->service, request->number);
}

static bool
answer(gw_request *request)
{
    gw_buf body = {0};
    gw_error err = {0};

    if (!is_made(request))
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                              "The store does not answer in time");
    if (gw_service_put_preview(request->http->service, request->number, &body,
                               &err) != GW_OK)
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

bool
gw_preview_handle(gw_request *request)
{
    int64_t position = 0, limit = POSITIONS;
    gw_error err = {0};

    if (!gw_request_number(request, "position", &position))
        return gw_reply_error(request, MHD_HTTP_BAD_REQUEST,
                              "position must be a whole number");
    if (!gw_request_number(request, "limit", &limit) || limit < 1 ||
        limit > GW_LIMIT_PREVIEW_POSITIONS)
        return gw_reply_error(request, MHD_HTTP_BAD_REQUEST,
                              "limit must be 1 to 100");
    if (gw_service_preview(request->http->service, position, limit,
                           &request->number, &err) != GW_OK)
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
    request->next = answer;
    return gw_clock_park(request, is_made, GW_LIMIT_PREVIEW_MS + GRACE_MS) ||
           answer(request);
}
