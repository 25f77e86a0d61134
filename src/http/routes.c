/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes. */
#include "http/http_priv.h"

// clang-format off
static const gw_route ROUTES[] = {
    {"POST", "/internal/migrations",  GW_ACCESS_SECRET, gw_commands_handle},
    {"POST", "/internal/migrations/", GW_ACCESS_SECRET, gw_commands_handle},
    {"GET",  "/internal/manager",     GW_ACCESS_SECRET, gw_manager_get},
    {"POST", "/internal/manager",     GW_ACCESS_SECRET, gw_manager_post},
    {"GET",  "/migrate/result",       GW_ACCESS_LOCAL,  gw_result_handle},
    {"GET",  "/migrate/progress",     GW_ACCESS_LOCAL,  gw_progress_handle},
    {"GET",  "/migrate/history",      GW_ACCESS_LOCAL,  gw_history_handle},
    {"GET",  "/migrate/events",       GW_ACCESS_LOCAL,  gw_events_handle},
    {"GET",  "/migrate/samples",      GW_ACCESS_LOCAL,  gw_samples_handle},
    {"GET",  "/migrate/checks",       GW_ACCESS_LOCAL,  gw_checks_handle},
    {"GET",  "/migrate/preview",      GW_ACCESS_SECRET, gw_preview_handle},
    {"GET",  "/metrics",              GW_ACCESS_LOCAL,  gw_metrics_handle},
    {"GET",  "/",                     GW_ACCESS_PAGE,   gw_page_handle},
    {"GET",  "/web/{file}",           GW_ACCESS_ALL,    gw_asset_handle},
    {"GET",  "/health",               GW_ACCESS_ALL,    gw_health_handle},
    {"GET",  "/ready",                GW_ACCESS_ALL,    gw_ready_handle},
    {"GET",  "/version",              GW_ACCESS_ALL,    gw_version_handle},
};
// clang-format on

static bool
takes_method(const gw_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static bool
takes_path(const gw_route *route, const char *path)
{
    size_t n = strcspn(route->path, "{");

    return route->path[n] == '{' ? strncmp(route->path, path, n) == 0
                                 : strcmp(route->path, path) == 0;
}

const gw_route *
gw_route_find(const char *method, const char *path, const char **allow)
{
    static const char *const METHODS[] = {NULL, "GET, HEAD", "POST",
                                          "GET, HEAD, POST"};
    unsigned found = 0;

    *allow = NULL;
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
        const gw_route *route = &ROUTES[i];
        if (!takes_path(route, path))
            continue;
        if (takes_method(route, method))
            return route;
        found |= strcmp(route->method, "GET") == 0 ? 1 : 2;
        *allow = METHODS[found];
    }
    return NULL;
}
