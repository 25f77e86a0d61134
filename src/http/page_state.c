/* SPDX-License-Identifier: Apache-2.0 */
/* Where are we? The words are those of describe() in web/overview.js, which
 * draws the same once its scripts run. */
#include "http/page_priv.h"

typedef struct where {
    const char *word; /* as the route has it */
    const char *title, *stage;
} where;

static const where COMMANDS[] = {
    {"migrate", "Migrating", "migrate"},
    {"finalize", "Finalizing", "finalize"},
    {"import", "Importing", ""},
    {NULL, "Running", ""}, /* another command */
};

static const where STATES[] = {
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
    while (rows->word &&
           !gw_page_is_text(p, p->from[GW_PAGE_CHECKS], key, rows->word))
        rows++;
    return rows;
}

bool
gw_page_is_running(gw_page *p)
{
    gw_slice command;

    return gw_member_text(&p->arena, p->from[GW_PAGE_CHECKS], "running",
                          &command);
}

static bool
is_paused(gw_page *p)
{
    return gw_page_is_running(p) &&
           gw_member_is_true(p->from[GW_PAGE_CHECKS], "paused");
}

static const where *
find_where(gw_page *p)
{
    return gw_page_is_running(p) ? find(p, "running", COMMANDS)
                                 : find(p, "state", STATES);
}

void
gw_page_put_state(gw_page *p, gw_buf *out)
{
    const where *row = find_where(p);
    bool is_named = p->may_read && !is_paused(p);

    gw_buf_text(out, is_named      ? row->title
                     : p->may_read ? "Paused"
                                   : "Not shown");
    if (is_named && gw_page_is_running(p) && !row->word) {
        gw_buf_byte(out, ' ');
        (void)gw_page_put_member(p, p->from[GW_PAGE_CHECKS], "running", out);
    }
}

static void
put_plural(gw_buf *out, int64_t n, const char *noun)
{
    gw_units_put_count(out, n);
    gw_buf_printf(out, " %s%s", noun, n == 1 ? "" : "s");
}

/* What a store waits for that nothing runs on. */
static void
put_pending(gw_page *p, const char *stage, gw_buf *out)
{
    gw_fields checks = p->from[GW_PAGE_CHECKS];
    bool is_ready = strcmp(stage, "ready") == 0;
    int64_t left = gw_member_number(checks, "newest_position") -
                   gw_member_number(checks, "migrated_position");

    put_plural(out, gw_member_number(checks, "pending_total"), "migration");
    gw_buf_text(out, " pending, ");
    if (is_ready && left <= 0) {
        gw_buf_text(out, "all positions are migrated");
        return;
    }
    put_plural(out, left, "position");
    gw_buf_text(out, is_ready ? " new" : " to migrate");
}

static void
put_rest(gw_page *p, gw_buf *out)
{
    const char *stage = find_where(p)->stage;

    if (strcmp(stage, "done") == 0)
        gw_buf_text(out, "no migration is pending");
    else if (stage[0])
        put_pending(p, stage, out);
    if (gw_page_is_text(p, p->from[GW_PAGE_RESULT], "status", "failed"))
        gw_buf_text(out, "; the last run failed");
}

void
gw_page_put_state_detail(gw_page *p, gw_buf *out)
{
    if (!p->may_read) {
        gw_buf_text(out, "This server tells its state only to those who "
                         "give its secret.");
    } else if (!gw_page_is_running(p)) {
        put_rest(p, out);
    } else if (is_paused(p)) {
        (void)gw_page_put_member(p, p->from[GW_PAGE_CHECKS], "running", out);
        gw_buf_text(out, " waits; resume goes on");
    }
}

void
gw_page_put_ribbon(gw_page *p, gw_buf *out)
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

void
gw_page_put_title(gw_page *p, gw_buf *out)
{
    gw_page_put_state(p, out);
    gw_buf_text(out, " \xc2\xb7 godwit");
}
