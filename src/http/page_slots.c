/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of the page: one table, and those that are more than a member of
 * what is told. The words are those of Overview in web/overview.js; what only
 * a script knows (the place in an error, the reader's time zone) it adds. */
#include "http/page_priv.h"

/* ---- where are we ---- */

static void
put_tone(gw_page *p, gw_buf *out)
{
    gw_fields result = p->from[GW_PAGE_RESULT];

    gw_buf_text(out, gw_page_is_text(p, result, "status", "failed") ? "bad"
                     : gw_page_is_text(p, result, "status", "running")
                         ? "busy"
                         : "calm");
}

static void
put_index(gw_page *p, gw_buf *out)
{
    gw_slice now = gw_member_raw(p->from[GW_PAGE_CHECKS], "current_index");
    gw_slice target = gw_member_raw(p->from[GW_PAGE_CHECKS], "target_index");
    int64_t value;

    if (!gw_json_int(now, &value)) {
        gw_buf_text(out, GW_DASH);
        return;
    }
    gw_buf_slice(out, now);
    if (!gw_slice_equal(now, target) && target.at) {
        gw_buf_text(out, " \xe2\x86\x92 ");
        gw_buf_slice(out, target);
    }
}

static void
put_store_size(gw_page *p, gw_buf *out)
{
    gw_page_put_bytes(out,
                      gw_member_number(p->from[GW_PAGE_CHECKS], "store_bytes"));
}

/* ---- how far ---- */

static void
put_percent(gw_page *p, gw_buf *out)
{
    int64_t done =
        gw_member_number(p->from[GW_PAGE_PROGRESS], "positions_done");
    int64_t total =
        gw_member_number(p->from[GW_PAGE_PROGRESS], "positions_total");

    if (done < 0 || total <= 0)
        gw_buf_text(out, GW_DASH);
    else if (done >= total)
        gw_buf_text(out, "100.0 %");
    else
        gw_buf_printf(out, "%d.%d %%", (int)(done * 100 / total),
                      (int)(done * 1000 / total % 10));
}

static void
put_progress_attributes(gw_page *p, gw_buf *out)
{
    int64_t done =
        gw_member_number(p->from[GW_PAGE_PROGRESS], "positions_done");
    int64_t total =
        gw_member_number(p->from[GW_PAGE_PROGRESS], "positions_total");

    if (done >= 0 && total > 0)
        gw_buf_printf(out, "value=\"%lld\" max=\"%lld\"",
                      (long long)(done < total ? done : total),
                      (long long)total);
    else
        gw_buf_text(out, "value=\"0\" max=\"1\"");
}

static void
put_positions(gw_page *p, gw_buf *out)
{
    gw_page_put_count_or_dash(p->from[GW_PAGE_PROGRESS], "positions_done", out);
    if (gw_member_number(p->from[GW_PAGE_PROGRESS], "positions_total") >= 0) {
        gw_buf_text(out, " of ");
        gw_page_put_count_or_dash(p->from[GW_PAGE_PROGRESS], "positions_total",
                                  out);
    }
    gw_buf_text(out, " positions");
}

static void
put_time_left(gw_page *p, gw_buf *out)
{
    int64_t seconds =
        gw_member_number(p->from[GW_PAGE_PROGRESS], "seconds_left");

    gw_page_put_span(out, seconds < 0 ? -1 : seconds * 1000);
}

static void
put_run_line(gw_page *p, gw_buf *out)
{
    if (gw_member_number(p->from[GW_PAGE_CHECKS], "run") < 0)
        return;
    gw_buf_text(out, "Run ");
    gw_page_put_count_or_dash(p->from[GW_PAGE_CHECKS], "run", out);
    if (!gw_page_is_running(p))
        return;
    gw_buf_text(out, ", ");
    (void)gw_page_put_member(p, p->from[GW_PAGE_CHECKS], "running", out);
}

/* ---- can I cut over, what went wrong ---- */

static void
put_ready(gw_page *p, gw_buf *out)
{
    bool is_done = gw_page_is_text(p, p->from[GW_PAGE_CHECKS], "state",
                                   "no_migration_required");

    gw_buf_text(out, !p->may_read ? GW_DASH
                     : gw_member_is_true(p->from[GW_PAGE_CHECKS], "ready")
                         ? "Yes"
                     : is_done ? "Nothing to cut over"
                               : "Not now");
}

static void
note_bad(gw_page *p, gw_fields check, gw_buf *out)
{
    (void)p;
    if (gw_slice_equal(gw_member_raw(check, "ok"), GW_LIT("false")))
        gw_buf_byte(out, '!');
}

static void
put_ready_word(gw_page *p, gw_buf *out)
{
    gw_buf bad = {0};

    gw_page_put_each(p, gw_member_raw(p->from[GW_PAGE_CHECKS], "checks"),
                     note_bad, &bad);
    gw_buf_text(out, gw_member_is_true(p->from[GW_PAGE_CHECKS], "ready")
                         ? "true"
                     : bad.len > 0 ? "false"
                                   : "null");
    gw_buf_clear(&bad);
}

static void
put_hidden(gw_buf *out, bool is_hidden)
{
    gw_buf_text(out, is_hidden ? "hidden" : "");
}

static bool
has_error(gw_page *p)
{
    gw_slice text;

    return gw_member_text(&p->arena, p->from[GW_PAGE_RESULT], "last_err",
                          &text);
}

static void
put_error_hidden(gw_page *p, gw_buf *out)
{
    put_hidden(out, !has_error(p));
}

static void
put_no_error_hidden(gw_page *p, gw_buf *out)
{
    put_hidden(out, has_error(p));
}

/* Without the place that placeOf() finds in the text. */
static void
put_error_where(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, "In ");
    gw_page_put_member_or_dash(p, p->from[GW_PAGE_RESULT], "step", out);
    gw_buf_text(out, ", attempt ");
    gw_page_put_count_or_dash(p->from[GW_PAGE_RESULT], "try_count", out);
}

/* ---- the rest ---- */

static void
put_pending_none_hidden(gw_page *p, gw_buf *out)
{
    put_hidden(out,
               gw_member_number(p->from[GW_PAGE_CHECKS], "pending_total") != 0);
}

static void
put_history_empty_hidden(gw_page *p, gw_buf *out)
{
    gw_slice runs = gw_member_raw(p->from[GW_PAGE_HISTORY], "runs");

    put_hidden(out, !gw_slice_equal(runs, GW_LIT("[]")));
}

static void
put_now(gw_page *p, gw_buf *out)
{
    char text[GW_TIMESTAMP_SIZE];

    (void)p;
    gw_units_format_now(text);
    gw_buf_text(out, text);
}

/* Its own checksum is in the policy: it goes out as it is. */
static void
put_style(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, p->style);
}

static void
put_version(gw_page *p, gw_buf *out)
{
    (void)p;
    gw_buf_text(out, GW_VERSION);
}

static void
put_looked_at(gw_page *p, gw_buf *out)
{
    gw_buf before = {0};

    if (gw_page_put_member(p, p->from[GW_PAGE_CHECKS], "looked_at", &before))
        gw_buf_printf(out, "Store looked at %s", gw_buf_cstr(&before));
    else
        gw_buf_text(out, "The store was not looked at yet");
    gw_buf_clear(&before);
}

static void
put_output(gw_page *p, gw_buf *out)
{
    gw_page_put_html(out, p->output);
}

/* ---- the slots ---- */

typedef enum kind {
    TEXT,   /* a member's text, if there is one */
    DASHED, /* or a dash */
    COUNT,  /* a number or a dash, and `suffix` */
    LIST,   /* `item` for each object */
    ODD,    /* whatever `put` puts */
} kind;

typedef struct slot {
    const char *name;
    kind kind;
    gw_page_from from;
    const char *key, *suffix;
    gw_page_item *item;
    void (*put)(gw_page *p, gw_buf *out);
} slot;

#define ODD_SLOT(name, put)                                                    \
    {                                                                          \
        name, ODD, GW_PAGE_RESULT, NULL, NULL, NULL, put                       \
    }
#define LIST_SLOT(name, from, key, item)                                       \
    {                                                                          \
        name, LIST, GW_PAGE_##from, key, NULL, item, NULL                      \
    }
#define SLOT(name, kind, from, key, suffix)                                    \
    {                                                                          \
        name, kind, GW_PAGE_##from, key, suffix, NULL, NULL                    \
    }

// clang-format off
static const slot SLOTS[] = {
    LIST_SLOT("actions",  CHECKS,  "actions", gw_page_put_action),
    LIST_SLOT("checks",   CHECKS,  "checks",  gw_page_put_check),
    LIST_SLOT("history",  HISTORY, "runs",    gw_page_put_run),
    LIST_SLOT("pending",  CHECKS,  "pending", gw_page_put_pending),
    SLOT("error",         TEXT,    RESULT,    "last_err",           NULL),
    SLOT("events",        COUNT,   PROGRESS,  "events_done",        " events"),
    SLOT("lag",           COUNT,   PROGRESS,  "lag_positions",      " positions"),
    SLOT("pending_total", COUNT,   CHECKS,    "pending_total",      " pending"),
    SLOT("phase",         DASHED,  PROGRESS,  "phase",              NULL),
    SLOT("rate",          COUNT,   PROGRESS,  "events_per_second",  " events/s"),
    SLOT("status",        DASHED,  RESULT,    "status",             NULL),
    SLOT("step",          DASHED,  RESULT,    "step",               NULL),
    SLOT("store",         TEXT,    CHECKS,    "store",              NULL),
    SLOT("tries",         COUNT,   RESULT,    "try_count",          ""),
    ODD_SLOT("error_hidden",         put_error_hidden),
    ODD_SLOT("error_where",          put_error_where),
    ODD_SLOT("history_empty_hidden", put_history_empty_hidden),
    ODD_SLOT("index",                put_index),
    ODD_SLOT("looked_at",            put_looked_at),
    ODD_SLOT("no_error_hidden",      put_no_error_hidden),
    ODD_SLOT("now",                  put_now),
    ODD_SLOT("output",               put_output),
    ODD_SLOT("pending_none_hidden",  put_pending_none_hidden),
    ODD_SLOT("percent",              put_percent),
    ODD_SLOT("positions",            put_positions),
    ODD_SLOT("progress_attributes",  put_progress_attributes),
    ODD_SLOT("ready",                put_ready),
    ODD_SLOT("ready_word",           put_ready_word),
    ODD_SLOT("ribbon",               gw_page_put_ribbon),
    ODD_SLOT("run_line",             put_run_line),
    ODD_SLOT("state",                gw_page_put_state),
    ODD_SLOT("state_detail",         gw_page_put_state_detail),
    ODD_SLOT("store_size",           put_store_size),
    ODD_SLOT("style",                put_style),
    ODD_SLOT("time_left",            put_time_left),
    ODD_SLOT("title",                gw_page_put_title),
    ODD_SLOT("tone",                 put_tone),
    ODD_SLOT("version",              put_version),
};
// clang-format on

static void
put_slot(gw_page *p, const slot *s, gw_buf *out)
{
    gw_fields fields = p->from[s->from];

    switch (s->kind) {
    case TEXT:
        (void)gw_page_put_member(p, fields, s->key, out);
        break;
    case DASHED:
        gw_page_put_member_or_dash(p, fields, s->key, out);
        break;
    case COUNT:
        gw_page_put_count_or_dash(fields, s->key, out);
        gw_buf_text(out, s->suffix);
        break;
    case LIST:
        gw_page_put_each(p, gw_member_raw(fields, s->key), s->item, out);
        break;
    case ODD:
        s->put(p, out);
        break;
    }
}

static void
fill_slot(gw_page *p, gw_slice name, gw_buf *out)
{
    for (size_t i = 0; i < sizeof(SLOTS) / sizeof(SLOTS[0]); i++)
        if (gw_slice_equal(gw_slice_of(SLOTS[i].name), name))
            put_slot(p, &SLOTS[i], out);
}

void
gw_page_fill(gw_page *p, const char *html, gw_buf *out)
{
    for (;;) {
        const char *begin = strstr(html, "{{");
        const char *end = begin ? strstr(begin, "}}") : NULL;
        if (!end) {
            gw_buf_text(out, html);
            return;
        }
        gw_buf_add(out, html, (size_t)(begin - html));
        fill_slot(p, (gw_slice){begin + 2, (size_t)(end - begin) - 2}, out);
        html = end + 2;
    }
}
