/* SPDX-License-Identifier: Apache-2.0 */
/* GET /: web/index.html with its style and the state filled in, so that all
 * that is to be seen is there before anything else is asked for. What is
 * filled in is what the routes tell as JSON. */
#include <microhttpd.h>

#include "http/page_priv.h"

#include "web_dashboard_css.h"
#include "web_index_html.h"

enum { RUNS = 10, OUTPUT_BYTES = 8 * GW_KIB };

#define CSP                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-%s'; "    \
    "img-src 'self'; connect-src 'self'; base-uri 'none'; "                    \
    "form-action 'none'; frame-ancestors 'none'; "                             \
    "require-trusted-types-for 'script'; trusted-types 'none'"

/* What `put` tells, as fields that live in the page's arena. */
static gw_fields
ask(gw_page *p, gw_service *service, void (*put)(gw_service *, gw_buf *))
{
    gw_buf text = {0};
    gw_fields fields = {0};

    put(service, &text);
    gw_slice kept = gw_arena_dup(&p->arena, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    if (gw_json_object(&p->arena, kept, &fields, NULL) != GW_OK)
        fields.n = 0;
    return fields;
}

static void
put_runs(gw_service *service, gw_buf *out)
{
    gw_service_put_history(service, 0, RUNS, out);
}

static void
read_state(gw_page *p, gw_service *service)
{
    static void (*const PUTS[])(gw_service *, gw_buf *) = {
        [GW_PAGE_RESULT] = gw_service_put_result,
        [GW_PAGE_PROGRESS] = gw_service_put_progress,
        [GW_PAGE_CHECKS] = gw_service_put_checks,
        [GW_PAGE_HISTORY] = put_runs,
    };
    gw_buf output = {0};

    for (size_t i = 0; i < GW_PAGE_FROM_COUNT; i++)
        p->from[i] = ask(p, service, PUTS[i]);
    gw_service_read_newest(service, gw_service_last_run(service), OUTPUT_BYTES,
                           &output);
    p->output = gw_arena_dup(&p->arena, gw_buf_as_slice(&output));
    gw_buf_clear(&output);
}

void
gw_page_put(gw_service *service, bool may_read, gw_buf *out)
{
    gw_page p = {.may_read = may_read, .style = gw_web_dashboard_css};

    gw_arena_init(&p.arena);
    if (may_read)
        read_state(&p, service);
    gw_page_fill(&p, gw_web_index_html, out);
    gw_arena_clear(&p.arena);
}

void
gw_page_open(gw_http *http)
{
    char sum[GW_SHA256_BASE64_SIZE];

    gw_sha256_base64(gw_slice_of(gw_web_dashboard_css), sum);
    (void)snprintf(http->page_policy, sizeof(http->page_policy), CSP, sum);
}

bool
gw_page_handle(gw_request *request)
{
    gw_buf body = {0};
    bool may_read = gw_auth_is_own_host(request) &&
                    gw_request_may(request, GW_ACCESS_LOCAL);

    gw_page_put(request->http->service, may_read, &body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, body.at, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        gw_buf_clear(&body);
        return false;
    }
    MHD_add_response_header(response, "Content-Security-Policy",
                            request->http->page_policy);
    return gw_reply_response(request, MHD_HTTP_OK, "text/html; charset=utf-8",
                             response);
}
