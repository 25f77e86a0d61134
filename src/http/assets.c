/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard's files, inside the program: as they are and compressed. */
#include <microhttpd.h>
#include <stdlib.h>
#include <strings.h>

#include "http/http_priv.h"

#include "web_client_js.h"
#include "web_controls_js.h"
#include "web_dashboard_js.h"
#include "web_format_js.h"
#include "web_history_js.h"
#include "web_icon_svg.h"
#include "web_live_js.h"
#include "web_notices_js.h"
#include "web_output_js.h"
#include "web_overview_js.h"
#include "web_plot_js.h"
#include "web_preview_js.h"
#include "web_server_js.h"
#include "web_start_js.h"
#include "web_uplot_css.h"
#include "web_uplot_js.h"

#define CSS "text/css; charset=utf-8"
#define JS "text/javascript; charset=utf-8"
#define SVG "image/svg+xml"
#define ASSET(file, type, name)                                                \
    {                                                                          \
        "/web/" file, type, gw_##name, sizeof(gw_##name) - 1, gw_##name##_gz,  \
            sizeof(gw_##name##_gz) - 1, "\"" gw_##name##_etag "\"",            \
            "\"" gw_##name##_etag "-gz\""                                      \
    }

typedef struct asset {
    const char *path, *type;
    const char *bytes;
    size_t n_bytes;
    const char *packed;
    size_t n_packed;
    const char *etag, *packed_etag;
} asset;

static const asset ASSETS[] = {
    ASSET("controls.js", JS, web_controls_js),
    ASSET("dashboard.js", JS, web_dashboard_js),
    ASSET("format.js", JS, web_format_js),
    ASSET("godwit-client.js", JS, web_client_js),
    ASSET("history.js", JS, web_history_js),
    ASSET("icon.svg", SVG, web_icon_svg),
    ASSET("live.js", JS, web_live_js),
    ASSET("notices.js", JS, web_notices_js),
    ASSET("output.js", JS, web_output_js),
    ASSET("overview.js", JS, web_overview_js),
    ASSET("plot.js", JS, web_plot_js),
    ASSET("preview.js", JS, web_preview_js),
    ASSET("server.js", JS, web_server_js),
    ASSET("start.js", JS, web_start_js),
    ASSET("uplot.css", CSS, web_uplot_css),
    ASSET("uplot.js", JS, web_uplot_js),
};

static const asset *
find(const char *path)
{
    for (size_t i = 0; i < sizeof(ASSETS) / sizeof(ASSETS[0]); i++)
        if (strcmp(ASSETS[i].path, path) == 0)
            return &ASSETS[i];
    return NULL;
}

bool
gw_asset_accepts_gzip(const char *accepted)
{
    for (const char *at = accepted; at && *at;) {
        at += strspn(at, " \t,");
        size_t n = strcspn(at, ",");
        size_t name = strcspn(at, ";, \t");
        if (name == 4 && strncasecmp(at, "gzip", 4) == 0) {
            char rest[32] = "";
            size_t len = n - name < sizeof(rest) ? n - name : sizeof(rest) - 1;
            memcpy(rest, at + name, len);
            const char *q = strstr(rest, "q=");
            return !q || strtod(q + 2, NULL) > 0;
        }
        at += n;
    }
    return false;
}

static bool
is_known(const gw_request *request, const char *etag)
{
    const char *known = gw_request_header(request, "If-None-Match");

    return known && strstr(known, etag) != NULL;
}

bool
gw_asset_handle(gw_request *request)
{
    const asset *a = find(request->path);

    if (!a)
        return gw_reply_error(request, MHD_HTTP_NOT_FOUND, "Not found");
    bool is_packed =
        gw_asset_accepts_gzip(gw_request_header(request, "Accept-Encoding"));
    const char *etag = is_packed ? a->packed_etag : a->etag;
    bool is_same = is_known(request, etag);
    const char *bytes = is_packed ? a->packed : a->bytes;
    size_t n = is_same ? 0 : is_packed ? a->n_packed : a->n_bytes;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        n, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);

    if (!response)
        return false;
    if (is_packed && !is_same)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    MHD_add_response_header(response, "ETag", etag);
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    return gw_reply_response(request,
                             is_same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
                             a->type, response);
}
