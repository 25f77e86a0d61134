/* SPDX-License-Identifier: Apache-2.0 */
/* /internal/manager: where `godwit manage` keeps its record. The store has
 * it; the service's prober reads and writes it there. */
#include <microhttpd.h>

#include "http/http_priv.h"

enum { WAIT_MS = 10000 };

static bool
answer(gw_request *request)
{
    gw_buf body = {0};

    gw_buf_text(&body, "{\"success\":true,\"manager\":");
    gw_service_put_manager(request->http->service, &body);
    gw_buf_byte(&body, '}');
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

static bool
fail_late(gw_request *request)
{
    return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                          "The store does not answer in time");
}

/* ---- GET ---- */

static bool
has_looked(gw_request *request)
{
    return gw_service_has_probed(request->http->service, false,
                                 request->number);
}

static bool
answer_look(gw_request *request)
{
    gw_error err = {0};

    if (!has_looked(request))
        return fail_late(request);
    if (gw_service_read_manager(request->http->service, &err) != GW_OK)
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
    return answer(request);
}

bool
gw_manager_get(gw_request *request)
{
    request->number = gw_service_ask(request->http->service, false);
    request->next = answer_look;
    return gw_clock_park(request, has_looked, WAIT_MS) || answer_look(request);
}

/* ---- POST ---- */

static bool
has_kept(gw_request *request)
{
    return gw_service_has_kept(request->http->service, request->number);
}

static bool
answer_kept(gw_request *request)
{
    gw_error err = {0};

    if (!has_kept(request))
        return fail_late(request);
    if (gw_service_kept(request->http->service, &err) != GW_OK)
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
    return answer(request);
}

bool
gw_manager_post(gw_request *request)
{
    gw_manage_record record;
    gw_error err = {0};

    if (gw_manage_record_read(gw_buf_as_slice(&request->body), &record, &err) !=
        GW_OK)
        return gw_reply_error(request, MHD_HTTP_BAD_REQUEST, err.text);
    request->number = gw_service_keep_manager(request->http->service, &record);
    request->next = answer_kept;
    return gw_clock_park(request, has_kept, WAIT_MS) || answer_kept(request);
}
