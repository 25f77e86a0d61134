/* SPDX-License-Identifier: Apache-2.0 */
/* GET /: web/index.html with the state filled in, so that it is there before
 * any script runs. What is filled in is what the routes tell as JSON. The
 * words are those of web/overview.js. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/http_priv.h"

#include "web_index_html.h"

enum { RUNS = 10, OUTPUT_BYTES = 8 * GW_KIB };

#define DASH "\xe2\x80\x93"
#define CSP                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; "                \
    "img-src 'self'; connect-src 'self'; base-uri 'none'; "                    \
    "form-action 'none'; frame-ancestors 'none'; "                             \
    "require-trusted-types-for 'script'; trusted-types 'none'"

typedef struct page {
    gw_arena arena;
    bool may_read;
    gw_fields result, progress, checks; /* empty when it may not be read */
    gw_values runs;
    gw_slice output;
} page;

/* ---- pieces ---- */

static void
put_html(gw_buf *out, gw_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        switch (c) {
        case '&':
            gw_buf_text(out, "&amp;");
            break;
        case '<':
            gw_buf_text(out, "&lt;");
            break;
        case '>':
            gw_buf_text(out, "&gt;");
            break;
        case '"':
            gw_buf_text(out, "&quot;");
            break;
        case '\'':
            gw_buf_text(out, "&#39;");
            break;
        case '\0':
            gw_buf_text(out, "\xef\xbf\xbd");
            break;
        default:
            gw_buf_byte(out, c);
        }
    }
}

/* The member's text, escaped; false when there is none. */
static bool
put_member(page *p, gw_fields fields, const char *key, gw_buf *out)
{
    gw_slice text;

    if (!gw_member_text(&p->arena, fields, key, &text) || text.len == 0)
        return false;
    put_html(out, text);
    return true;
}

static void
put_member_or_dash(page *p, gw_fields fields, const char *key, gw_buf *out)
{
    if (!put_member(p, fields, key, out))
        gw_buf_text(out, DASH);
}

static void
put_count_or_dash(gw_fields fields, const char *key, gw_buf *out)
{
    int64_t value = gw_member_number(fields, key);

    if (value < 0)
        gw_buf_text(out, DASH);
    else
        gw_units_put_count(out, value);
}

/* 850 ms, 4.2 s, 2 min 5 s, 3 h 12 min. */
static void
put_span(gw_buf *out, int64_t ms)
{
    int64_t s = ms / 1000;

    if (ms < 0)
        gw_buf_text(out, DASH);
    else if (ms < 1000)
        gw_buf_printf(out, "%d ms", (int)ms);
    else if (ms < 60000)
        gw_buf_printf(out, "%.1f s", (double)ms / 1000);
    else if (s < 3600)
        gw_buf_printf(out, "%d min %d s", (int)(s / 60), (int)(s % 60));
    else
        gw_buf_printf(out, "%lld h %d min", (long long)(s / 3600),
                      (int)(s / 60 % 60));
}

static bool
is_text(page *p, gw_fields fields, const char *key, const char *value)
{
    gw_slice text;

    return gw_member_text(&p->arena, fields, key, &text) &&
           gw_slice_equal(text, gw_slice_of(value));
}

/* ---- where are we ---- */

static const struct {
    const char *word; /* as the route has it */
    const char *title;
    const char *stage;
} STATES[] = {
    {"migration_running", "Running", "migrate"},
    {"migration_required", "Migration required", "required"},
    {"finalization_required", "Ready to finalize", "ready"},
    {"no_migration_required", "Up to date", "done"},
};

static const struct {
    const char *stage, *title;
} STAGES[] = {
    {"required", "Required"},   {"migrate", "Migrating"}, {"ready", "Migrated"},
    {"finalize", "Finalizing"}, {"done", "Up to date"},
};

static size_t
find_state(page *p)
{
    size_t n = sizeof(STATES) / sizeof(STATES[0]);

    for (size_t i = 0; i < n; i++)
        if (is_text(p, p->checks, "state", STATES[i].word))
            return i;
    return n;
}

static void
put_state(page *p, gw_buf *out)
{
    size_t i = find_state(p);

    if (!p->may_read)
        gw_buf_text(out, "Not shown");
    else
        gw_buf_text(out, i < sizeof(STATES) / sizeof(STATES[0])
                             ? STATES[i].title
                             : "Not known");
}

static void
put_state_detail(page *p, gw_buf *out)
{
    if (!p->may_read)
        gw_buf_text(out, "This server tells its state only to those who "
                         "give its secret.");
    else if (put_member(p, p->checks, "running", out))
        gw_buf_text(out,
                    gw_member_is_true(p->checks, "paused") ? ", paused" : "");
}

static void
put_ribbon(page *p, gw_buf *out)
{
    size_t state = find_state(p);
    const char *now = "";
    bool is_past = true;

    if (state < sizeof(STATES) / sizeof(STATES[0]))
        now = is_text(p, p->checks, "running", "finalize")
                  ? "finalize"
                  : STATES[state].stage;
    for (size_t i = 0; i < sizeof(STAGES) / sizeof(STAGES[0]); i++) {
        bool is_now = strcmp(STAGES[i].stage, now) == 0;
        is_past = is_past && !is_now && now[0];
        gw_buf_printf(out, "<li data-stage=\"%s\"%s%s>%s</li>", STAGES[i].stage,
                      is_past ? " class=\"past\"" : "",
                      is_now ? " aria-current=\"step\"" : "", STAGES[i].title);
    }
}

static void
put_tone(page *p, gw_buf *out)
{
    bool has_failed = is_text(p, p->result, "status", "failed");

    gw_buf_text(out, has_failed ? "bad" : "calm");
}

static void
put_title(page *p, gw_buf *out)
{
    put_state(p, out);
    gw_buf_text(out, " \xc2\xb7 godwit");
}

static void
put_index(page *p, gw_buf *out)
{
    gw_slice now = gw_member_raw(p->checks, "current_index");
    gw_slice target = gw_member_raw(p->checks, "target_index");
    int64_t value;

    if (!gw_json_int(now, &value)) {
        gw_buf_text(out, DASH);
        return;
    }
    gw_buf_slice(out, now);
    if (!gw_slice_equal(now, target) && target.at) {
        gw_buf_text(out, " \xe2\x86\x92 ");
        gw_buf_slice(out, target);
    }
}

static void
put_store_size(page *p, gw_buf *out)
{
    int64_t bytes = gw_member_number(p->checks, "store_bytes");

    if (bytes < 0)
        gw_buf_text(out, DASH);
    else
        gw_buf_printf(out, "%.1f MiB", (double)bytes / GW_MIB);
}

/* Calls `put` for each object of a list of the checks. */
static void
put_each(page *p, const char *key,
         void (*put)(page *p, gw_fields fields, gw_buf *out), gw_buf *out)
{
    gw_values list;
    gw_fields fields;
    gw_slice raw = gw_member_raw(p->checks, key);

    if (!raw.at || gw_json_array(&p->arena, raw, &list, NULL) != GW_OK)
        return;
    for (size_t i = 0; i < list.n; i++)
        if (gw_json_object(&p->arena, list.at[i], &fields, NULL) == GW_OK)
            put(p, fields, out);
}

static void
put_action(page *p, gw_fields action, gw_buf *out)
{
    gw_buf_text(out, "<li><b>");
    (void)put_member(p, action, "name", out);
    gw_buf_text(out, "</b> <span class=\"reason\">");
    if (!put_member(p, action, "reason", out))
        gw_buf_text(out, "allowed");
    gw_buf_text(out, "</span></li>");
}

static void
put_actions(page *p, gw_buf *out)
{
    put_each(p, "actions", put_action, out);
}

/* ---- how far ---- */

static void
put_percent(page *p, gw_buf *out)
{
    int64_t done = gw_member_number(p->progress, "positions_done");
    int64_t total = gw_member_number(p->progress, "positions_total");

    if (done < 0 || total <= 0)
        gw_buf_text(out, DASH);
    else
        gw_buf_printf(out, "%.1f %%",
                      done >= total ? 100.0
                                    : (double)(done * 1000 / total) / 10.0);
}

static void
put_progress_attributes(page *p, gw_buf *out)
{
    int64_t done = gw_member_number(p->progress, "positions_done");
    int64_t total = gw_member_number(p->progress, "positions_total");

    if (done >= 0 && total > 0)
        gw_buf_printf(out, "value=\"%lld\" max=\"%lld\"",
                      (long long)(done < total ? done : total),
                      (long long)total);
    else
        gw_buf_text(out, "value=\"0\" max=\"1\"");
}

static void
put_positions(page *p, gw_buf *out)
{
    put_count_or_dash(p->progress, "positions_done", out);
    gw_buf_text(out, " of ");
    put_count_or_dash(p->progress, "positions_total", out);
    gw_buf_text(out, " positions");
}

static void
put_events(page *p, gw_buf *out)
{
    put_count_or_dash(p->progress, "events_done", out);
    gw_buf_text(out, " events");
}

static void
put_rate(page *p, gw_buf *out)
{
    put_count_or_dash(p->progress, "events_per_second", out);
    gw_buf_text(out, " events/s");
}

static void
put_time_left(page *p, gw_buf *out)
{
    int64_t seconds = gw_member_number(p->progress, "seconds_left");

    put_span(out, seconds < 0 ? -1 : seconds * 1000);
}

static void
put_lag(page *p, gw_buf *out)
{
    put_count_or_dash(p->progress, "lag_positions", out);
    gw_buf_text(out, " positions");
}

/* ---- can I cut over, what went wrong, what does it do ---- */

static void
put_check(page *p, gw_fields check, gw_buf *out)
{
    gw_buf_text(out, "<li data-check=\"");
    (void)put_member(p, check, "name", out);
    gw_buf_text(out, "\" data-ok=\"");
    gw_buf_slice(out, gw_member_raw(check, "ok"));
    gw_buf_text(out, "\"><b>");
    (void)put_member(p, check, "name", out);
    gw_buf_text(out, "</b> <span>");
    (void)put_member(p, check, "text", out);
    gw_buf_text(out, "</span></li>");
}

static void
put_checks(page *p, gw_buf *out)
{
    put_each(p, "checks", put_check, out);
}

static void
put_ready(page *p, gw_buf *out)
{
    gw_buf_text(out, !p->may_read                            ? DASH
                     : gw_member_is_true(p->checks, "ready") ? "Yes"
                                                             : "Not now");
}

static void
put_ready_word(page *p, gw_buf *out)
{
    gw_buf_text(out, gw_member_is_true(p->checks, "ready") ? "true" : "null");
}

static bool
has_error(page *p)
{
    gw_slice text;

    return gw_member_text(&p->arena, p->result, "last_err", &text);
}

static void
put_error_hidden(page *p, gw_buf *out)
{
    gw_buf_text(out, has_error(p) ? "" : "hidden");
}

static void
put_no_error_hidden(page *p, gw_buf *out)
{
    gw_buf_text(out, has_error(p) ? "hidden" : "");
}

static void
put_error(page *p, gw_buf *out)
{
    (void)put_member(p, p->result, "last_err", out);
}

static void
put_error_where(page *p, gw_buf *out)
{
    gw_buf_text(out, "In ");
    put_member_or_dash(p, p->result, "step", out);
    gw_buf_text(out, ", attempt ");
    put_count_or_dash(p->result, "try_count", out);
}

static void
put_pending_one(page *p, gw_fields m, gw_buf *out)
{
    gw_buf_text(out, "<li><code>");
    (void)put_member(p, m, "file", out);
    gw_buf_text(out, "</code> <span class=\"kind\">");
    (void)put_member(p, m, "kind", out);
    gw_buf_text(out, ", ");
    (void)put_member(p, m, "type", out);
    gw_buf_text(out, "s</span> <span>");
    (void)put_member(p, m, "description", out);
    gw_buf_text(out, "</span></li>");
}

static void
put_pending(page *p, gw_buf *out)
{
    put_each(p, "pending", put_pending_one, out);
}

static void
put_pending_total(page *p, gw_buf *out)
{
    put_count_or_dash(p->checks, "pending_total", out);
    gw_buf_text(out, " pending");
}

/* ---- history and output ---- */

static void
put_run(page *p, gw_fields run, gw_buf *out)
{
    static const char *const TEXTS[] = {"command", "start"};
    static const char *const COUNTS[] = {"positions", "events"};

    gw_buf_text(out, "<tr><td class=\"number\">");
    put_count_or_dash(run, "run", out);
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        gw_buf_text(out, "</td><td>");
        put_member_or_dash(p, run, TEXTS[i], out);
    }
    gw_buf_text(out, "</td><td class=\"number\">");
    put_span(out, gw_member_number(run, "duration_ms"));
    gw_buf_text(out, "</td><td>");
    put_member_or_dash(p, run, "step", out);
    gw_buf_text(out, "</td><td data-result=\"");
    (void)put_member(p, run, "result", out);
    gw_buf_text(out, "\">");
    put_member_or_dash(p, run, "result", out);
    for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        gw_buf_text(out, "</td><td class=\"number\">");
        put_count_or_dash(run, COUNTS[i], out);
    }
    gw_buf_text(out, "</td><td class=\"what\">");
    (void)put_member(p, run, "error", out);
    gw_buf_text(out, "</td></tr>\n");
}

static void
put_history(page *p, gw_buf *out)
{
    gw_fields run;

    for (size_t i = 0; i < p->runs.n; i++)
        if (gw_json_object(&p->arena, p->runs.at[i], &run, NULL) == GW_OK)
            put_run(p, run, out);
}

static void
put_history_empty_hidden(page *p, gw_buf *out)
{
    gw_buf_text(out, p->runs.n ? "hidden" : "");
}

static void
put_output(page *p, gw_buf *out)
{
    put_html(out, p->output);
}

/* ---- the rest ---- */

static void
put_now(page *p, gw_buf *out)
{
    char text[GW_TIMESTAMP_SIZE];

    (void)p;
    gw_units_format_now(text);
    gw_buf_text(out, text);
}

static void
put_version(page *p, gw_buf *out)
{
    (void)p;
    gw_buf_text(out, GW_VERSION);
}

static void
put_store(page *p, gw_buf *out)
{
    (void)put_member(p, p->checks, "store", out);
}

static void
put_looked_at(page *p, gw_buf *out)
{
    gw_buf_text(out, "Store looked at ");
    put_member_or_dash(p, p->checks, "looked_at", out);
}

static void
put_status(page *p, gw_buf *out)
{
    put_member_or_dash(p, p->result, "status", out);
}

static void
put_step(page *p, gw_buf *out)
{
    put_member_or_dash(p, p->result, "step", out);
}

static void
put_tries(page *p, gw_buf *out)
{
    put_count_or_dash(p->result, "try_count", out);
}

static void
put_phase(page *p, gw_buf *out)
{
    put_member_or_dash(p, p->progress, "phase", out);
}

static void
put_run_line(page *p, gw_buf *out)
{
    gw_fields run;

    if (p->runs.n == 0 ||
        gw_json_object(&p->arena, p->runs.at[0], &run, NULL) != GW_OK)
        return;
    gw_buf_text(out, "Run ");
    put_count_or_dash(run, "run", out);
    gw_buf_text(out, ", ");
    put_member_or_dash(p, run, "command", out);
}

// clang-format off
static const struct {
    const char *name;
    void (*put)(page *p, gw_buf *out);
} SLOTS[] = {
    {"actions",              put_actions},
    {"checks",               put_checks},
    {"error",                put_error},
    {"error_hidden",         put_error_hidden},
    {"error_where",          put_error_where},
    {"events",               put_events},
    {"history",              put_history},
    {"history_empty_hidden", put_history_empty_hidden},
    {"index",                put_index},
    {"lag",                  put_lag},
    {"looked_at",            put_looked_at},
    {"no_error_hidden",      put_no_error_hidden},
    {"now",                  put_now},
    {"output",               put_output},
    {"pending",              put_pending},
    {"pending_total",        put_pending_total},
    {"percent",              put_percent},
    {"phase",                put_phase},
    {"positions",            put_positions},
    {"progress_attributes",  put_progress_attributes},
    {"rate",                 put_rate},
    {"ready",                put_ready},
    {"ready_word",           put_ready_word},
    {"ribbon",               put_ribbon},
    {"run_line",             put_run_line},
    {"state",                put_state},
    {"state_detail",         put_state_detail},
    {"status",               put_status},
    {"step",                 put_step},
    {"store",                put_store},
    {"store_size",           put_store_size},
    {"time_left",            put_time_left},
    {"title",                put_title},
    {"tone",                 put_tone},
    {"tries",                put_tries},
    {"version",              put_version},
};
// clang-format on

static void
fill_slot(page *p, gw_slice name, gw_buf *out)
{
    for (size_t i = 0; i < sizeof(SLOTS) / sizeof(SLOTS[0]); i++)
        if (gw_slice_equal(gw_slice_of(SLOTS[i].name), name))
            SLOTS[i].put(p, out);
}

static void
fill(page *p, const char *at, gw_buf *out)
{
    for (;;) {
        const char *slot = strstr(at, "{{");
        const char *end = slot ? strstr(slot, "}}") : NULL;
        if (!end) {
            gw_buf_text(out, at);
            return;
        }
        gw_buf_add(out, at, (size_t)(slot - at));
        fill_slot(p, (gw_slice){slot + 2, (size_t)(end - slot) - 2}, out);
        at = end + 2;
    }
}

/* What `put` tells, as fields that live in the page's arena. */
static gw_fields
ask(page *p, gw_service *service, void (*put)(gw_service *, gw_buf *))
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
read_state(page *p, gw_service *service)
{
    gw_buf output = {0};
    gw_fields history = ask(p, service, put_runs);
    gw_slice runs = gw_member_raw(history, "runs");

    p->result = ask(p, service, gw_service_put_result);
    p->progress = ask(p, service, gw_service_put_progress);
    p->checks = ask(p, service, gw_service_put_checks);
    if (!runs.at || gw_json_array(&p->arena, runs, &p->runs, NULL) != GW_OK)
        p->runs.n = 0;
    gw_service_read_output(service, gw_service_last_run(service), 0,
                           OUTPUT_BYTES, &output);
    p->output = gw_arena_dup(&p->arena, gw_buf_as_slice(&output));
    gw_buf_clear(&output);
}

void
gw_page_put(gw_service *service, bool may_read, gw_buf *out)
{
    page p = {.may_read = may_read};

    gw_arena_init(&p.arena);
    if (may_read)
        read_state(&p, service);
    fill(&p, gw_web_index_html, out);
    gw_arena_clear(&p.arena);
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
    MHD_add_response_header(response, "Content-Security-Policy", CSP);
    return gw_reply_response(request, MHD_HTTP_OK, "text/html; charset=utf-8",
                             response);
}
