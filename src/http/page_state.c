/* SPDX-License-Identifier: Apache-2.0 */
/* The page's first answers: where are we, how far. The words are those of
 * web/overview.js. */
#include "http/page_priv.h"

/* ---- where are we ---- */

typedef struct where {
    const char *word; /* as the route has it */
    const char *title, *stage;
} where;

static const where COMMANDS[] = {
    {"migrate", "Migrating", "migrate"},
    {"finalize", "Finalizing", "finalize"},
    {"import", "Importing", ""},
    {NULL, NULL, NULL},
};

static const where STATES[] = {
    {"migration_running", "Running", ""}, /* another command */
    {"migration_required", "Migration required", "required"},
    {"finalization_required", "Ready to finalize", "ready"},
    {"no_migration_required", "Up to date", "done"},
    {NULL, "Not known", ""},
};

static const struct {
    const char *stage, *title;
} STAGES[] = {
    {"required", "Required"},   {"migrate", "Migrating"}, {"ready", "Migrated"},
    {"finalize", "Finalizing"}, {"done", "Up to date"},
};

/* The row of that word, or the last one. */
static const where *
find(gw_page *p, const char *key, const where *rows)
{
    while (rows->word && !gw_page_is_text(p, p->checks, key, rows->word))
        rows++;
    return rows;
}

static const where *
find_where(gw_page *p)
{
    const where *command = find(p, "running", COMMANDS);

    return command->word ? command : find(p, "state", STATES);
}

static void
put_state(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, p->may_read ? find_where(p)->title : "Not shown");
}

static void
put_state_detail(gw_page *p, gw_buf *out)
{
    if (!p->may_read)
        gw_buf_text(out, "This server tells its state only to those who "
                         "give its secret.");
    else if (gw_page_put_member(p, p->checks, "running", out))
        gw_buf_text(out,
                    gw_member_is_true(p->checks, "paused") ? ", paused" : "");
}

static void
put_ribbon(gw_page *p, gw_buf *out)
{
    const char *now = find_where(p)->stage;
    bool is_past = now[0] != '\0';

    for (size_t i = 0; i < sizeof(STAGES) / sizeof(STAGES[0]); i++) {
        bool is_now = strcmp(STAGES[i].stage, now) == 0;
        is_past = is_past && !is_now;
        gw_buf_printf(out, "<li data-stage=\"%s\"%s%s>%s</li>", STAGES[i].stage,
                      is_past ? " class=\"past\"" : "",
                      is_now ? " aria-current=\"step\"" : "", STAGES[i].title);
    }
}

static void
put_tone(gw_page *p, gw_buf *out)
{
    bool has_failed = gw_page_is_text(p, p->result, "status", "failed");

    gw_buf_text(out, has_failed ? "bad" : "calm");
}

static void
put_title(gw_page *p, gw_buf *out)
{
    put_state(p, out);
    gw_buf_text(out, " \xc2\xb7 godwit");
}

static void
put_index(gw_page *p, gw_buf *out)
{
    gw_slice now = gw_member_raw(p->checks, "current_index");
    gw_slice target = gw_member_raw(p->checks, "target_index");
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
    int64_t bytes = gw_member_number(p->checks, "store_bytes");

    if (bytes < 0)
        gw_buf_text(out, GW_DASH);
    else
        gw_buf_printf(out, "%.1f MiB", (double)bytes / GW_MIB);
}

static void
put_action(gw_page *p, gw_fields action, gw_buf *out)
{
    gw_buf_text(out, "<li><b>");
    (void)gw_page_put_member(p, action, "name", out);
    gw_buf_text(out, "</b> <span class=\"reason\">");
    if (!gw_page_put_member(p, action, "reason", out))
        gw_buf_text(out, "allowed");
    gw_buf_text(out, "</span></li>");
}

static void
put_actions(gw_page *p, gw_buf *out)
{
    gw_page_put_each(p, "actions", put_action, out);
}

/* ---- how far ---- */

static void
put_percent(gw_page *p, gw_buf *out)
{
    int64_t done = gw_member_number(p->progress, "positions_done");
    int64_t total = gw_member_number(p->progress, "positions_total");

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
put_positions(gw_page *p, gw_buf *out)
{
    gw_page_put_count_or_dash(p->progress, "positions_done", out);
    if (gw_member_number(p->progress, "positions_total") >= 0) {
        gw_buf_text(out, " of ");
        gw_page_put_count_or_dash(p->progress, "positions_total", out);
    }
    gw_buf_text(out, " positions");
}

static void
put_events(gw_page *p, gw_buf *out)
{
    gw_page_put_count_or_dash(p->progress, "events_done", out);
    gw_buf_text(out, " events");
}

static void
put_rate(gw_page *p, gw_buf *out)
{
    gw_page_put_count_or_dash(p->progress, "events_per_second", out);
    gw_buf_text(out, " events/s");
}

static void
put_time_left(gw_page *p, gw_buf *out)
{
    int64_t seconds = gw_member_number(p->progress, "seconds_left");

    gw_page_put_span(out, seconds < 0 ? -1 : seconds * 1000);
}

static void
put_lag(gw_page *p, gw_buf *out)
{
    gw_page_put_count_or_dash(p->progress, "lag_positions", out);
    gw_buf_text(out, " positions");
}

/* ---- the rest ---- */

static void
put_now(gw_page *p, gw_buf *out)
{
    char text[GW_TIMESTAMP_SIZE];

    (void)p;
    gw_units_format_now(text);
    gw_buf_text(out, text);
}

static void
put_version(gw_page *p, gw_buf *out)
{
    (void)p;
    gw_buf_text(out, GW_VERSION);
}

static void
put_store(gw_page *p, gw_buf *out)
{
    (void)gw_page_put_member(p, p->checks, "store", out);
}

static void
put_looked_at(gw_page *p, gw_buf *out)
{
    gw_buf_text(out, "Store looked at ");
    gw_page_put_member_or_dash(p, p->checks, "looked_at", out);
}

static void
put_status(gw_page *p, gw_buf *out)
{
    gw_page_put_member_or_dash(p, p->result, "status", out);
}

static void
put_step(gw_page *p, gw_buf *out)
{
    gw_page_put_member_or_dash(p, p->result, "step", out);
}

static void
put_tries(gw_page *p, gw_buf *out)
{
    gw_page_put_count_or_dash(p->result, "try_count", out);
}

static void
put_phase(gw_page *p, gw_buf *out)
{
    gw_page_put_member_or_dash(p, p->progress, "phase", out);
}

static void
put_run_line(gw_page *p, gw_buf *out)
{
    gw_fields run;

    if (p->runs.n == 0 ||
        gw_json_object(&p->arena, p->runs.at[0], &run, NULL) != GW_OK)
        return;
    gw_buf_text(out, "Run ");
    gw_page_put_count_or_dash(run, "run", out);
    gw_buf_text(out, ", ");
    gw_page_put_member_or_dash(p, run, "command", out);
}

// clang-format off
const gw_page_slot GW_PAGE_STATE_SLOTS[] = {
    {"actions",               put_actions},
    {"events",                put_events},
    {"index",                 put_index},
    {"lag",                   put_lag},
    {"looked_at",             put_looked_at},
    {"now",                   put_now},
    {"percent",               put_percent},
    {"phase",                 put_phase},
    {"positions",             put_positions},
    {"progress_attributes",   put_progress_attributes},
    {"rate",                  put_rate},
    {"ribbon",                put_ribbon},
    {"run_line",              put_run_line},
    {"state",                 put_state},
    {"state_detail",          put_state_detail},
    {"status",                put_status},
    {"step",                  put_step},
    {"store",                 put_store},
    {"store_size",            put_store_size},
    {"time_left",             put_time_left},
    {"title",                 put_title},
    {"tone",                  put_tone},
    {"tries",                 put_tries},
    {"version",               put_version},
    {NULL, NULL},
};
// clang-format on
