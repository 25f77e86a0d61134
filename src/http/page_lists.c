/* SPDX-License-Identifier: Apache-2.0 */
/* The items of the page's lists. */
#include "http/page_priv.h"

void
gw_page_put_action(gw_page *p, gw_fields action, gw_buf *out)
{
    gw_buf_text(out, "<li><b>");
    (void)gw_page_put_member(p, action, "name", out);
    gw_buf_text(out, "</b> <span class=\"reason\">");
    if (!gw_page_put_member(p, action, "reason", out))
        gw_buf_text(out, "allowed");
    gw_buf_text(out, "</span></li>");
}

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

void
gw_page_put_check(gw_page *p, gw_fields check, gw_buf *out)
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

void
gw_page_put_pending(gw_page *p, gw_fields m, gw_buf *out)
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

void
gw_page_put_run(gw_page *p, gw_fields run, gw_buf *out)
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
