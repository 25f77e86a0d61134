/* SPDX-License-Identifier: Apache-2.0 */
/* The page's other answers: can I cut over, what went wrong, what does it do
 * to my data, and past runs. */
#include "http/page_priv.h"

/* ---- can I cut over, what went wrong, what does it do ---- */

/* As web/overview.js has them. */
static const char *const CHECKS[][2] = {
    {"idle", "Idle"},
    {"store", "Store"},
    {"migrations", "Migrations"},
    {"caught_up", "Caught up"},
    {"last_run", "Last run"},
    {"disk", "Disk space"},
    {"way_back", "Way back"},
};

static void
put_check_title(gw_page *p, gw_fields check, gw_buf *out)
{
    for (size_t i = 0; i < sizeof(CHECKS) / sizeof(CHECKS[0]); i++)
        if (gw_page_is_text(p, check, "name", CHECKS[i][0]))
            gw_buf_text(out, CHECKS[i][1]);
}

static void
put_check(gw_page *p, gw_fields check, gw_buf *out)
{
    gw_buf_text(out, "<li data-check=\"");
    (void)gw_page_put_member(p, check, "name", out);
    gw_buf_text(out, "\" data-ok=\"");
    gw_buf_slice(out, gw_member_raw(check, "ok"));
    gw_buf_text(out, "\"><b>");
    put_check_title(p, check, out);
    gw_buf_text(out, "</b> <span>");
    (void)gw_page_put_member(p, check, "text", out);
    gw_buf_text(out, "</span></li>");
}

static void
put_checks(gw_page *p, gw_buf *out)
{
    gw_page_put_each(p, "checks", put_check, out);
}

static void
put_ready(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, !p->may_read                            ? GW_DASH
                     : gw_member_is_true(p->checks, "ready") ? "Yes"
                                                             : "Not now");
}

static void
put_ready_word(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, gw_member_is_true(p->checks, "ready") ? "true" : "null");
}

static bool
has_error(gw_page *p)
{
    gw_slice text;

    return gw_member_text(&p->arena, p->result, "last_err", &text);
}

static void
put_error_hidden(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, has_error(p) ? "" : "hidden");
}

static void
put_no_error_hidden(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, has_error(p) ? "hidden" : "");
}

static void
put_error(gw_page *p, gw_buf *out)
{
    (void)gw_page_put_member(p, p->result, "last_err", out);
}

static void
put_error_where(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, "In ");
    gw_page_put_member_or_dash(p, p->result, "step", out);
    gw_buf_text(out, ", attempt ");
    gw_page_put_count_or_dash(p->result, "try_count", out);
}

static void
put_pending_one(gw_page *p, gw_fields m, gw_buf *out)
{
    gw_buf_text(out, "<li><code>");
    (void)gw_page_put_member(p, m, "file", out);
    gw_buf_text(out, "</code> <span class=\"kind\">");
    (void)gw_page_put_member(p, m, "kind", out);
    gw_buf_text(out, ", ");
    (void)gw_page_put_member(p, m, "type", out);
    gw_buf_text(out, "s</span> <span>");
    (void)gw_page_put_member(p, m, "description", out);
    gw_buf_text(out, "</span></li>");
}

static void
put_pending(gw_page *p, gw_buf *out)
{
    gw_page_put_each(p, "pending", put_pending_one, out);
}

static void
put_pending_none_hidden(gw_page *p, gw_buf *out)
{
    bool is_none = gw_member_number(p->checks, "pending_total") == 0;

    gw_buf_text(out, is_none ? "" : "hidden");
}

static void
put_pending_total(gw_page *p, gw_buf *out)
{
    gw_page_put_count_or_dash(p->checks, "pending_total", out);
    gw_buf_text(out, " pending");
}

/* ---- history and output ---- */

static void
put_run(gw_page *p, gw_fields run, gw_buf *out)
{
    static const char *const TEXTS[] = {"command", "start"};
    static const char *const COUNTS[] = {"positions", "events"};

    gw_buf_text(out, "<tr><td class=\"number\">");
    gw_page_put_count_or_dash(run, "run", out);
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        gw_buf_text(out, "</td><td>");
        gw_page_put_member_or_dash(p, run, TEXTS[i], out);
    }
    gw_buf_text(out, "</td><td class=\"number\">");
    gw_page_put_span(out, gw_member_number(run, "duration_ms"));
    gw_buf_text(out, "</td><td>");
    gw_page_put_member_or_dash(p, run, "step", out);
    gw_buf_text(out, "</td><td data-result=\"");
    (void)gw_page_put_member(p, run, "result", out);
    gw_buf_text(out, "\">");
    gw_page_put_member_or_dash(p, run, "result", out);
    for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        gw_buf_text(out, "</td><td class=\"number\">");
        gw_page_put_count_or_dash(run, COUNTS[i], out);
    }
    gw_buf_text(out, "</td><td class=\"what\">");
    (void)gw_page_put_member(p, run, "error", out);
    gw_buf_text(out, "</td></tr>\n");
}

static void
put_history(gw_page *p, gw_buf *out)
{
    gw_fields run;

    for (size_t i = 0; i < p->runs.n; i++)
        if (gw_json_object(&p->arena, p->runs.at[i], &run, NULL) == GW_OK)
            put_run(p, run, out);
}

static void
put_history_empty_hidden(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, p->runs.n ? "hidden" : "");
}

static void
put_output(gw_page *p, gw_buf *out)
{
    gw_page_put_html(out, p->output);
}

// clang-format off
const gw_page_slot GW_PAGE_LIST_SLOTS[] = {
    {"checks",                put_checks},
    {"error",                 put_error},
    {"error_hidden",          put_error_hidden},
    {"error_where",           put_error_where},
    {"history",               put_history},
    {"history_empty_hidden",  put_history_empty_hidden},
    {"no_error_hidden",       put_no_error_hidden},
    {"output",                put_output},
    {"pending",               put_pending},
    {"pending_none_hidden",   put_pending_none_hidden},
    {"pending_total",         put_pending_total},
    {"ready",                 put_ready},
    {"ready_word",            put_ready_word},
    {NULL, NULL},
};
// clang-format on
