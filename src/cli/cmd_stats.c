/* SPDX-License-Identifier: Apache-2.0 */
/* stats: the state and the counts, for people or as JSON. */
#include "base/units.h"
#include "cli/session_priv.h"

/* What to do about it. */
static const char *const NEXT[] = {
    [GW_STATE_NO_MIGRATION_REQUIRED] = "nothing to do",
    [GW_STATE_MIGRATION_REQUIRED] = "run godwit migrate",
    [GW_STATE_FINALIZATION_REQUIRED] = "run godwit finalize",
};

static void
put_row(gw_buf *buf, const char *name, int64_t count)
{
    gw_buf_printf(buf, "%-30s", name);
    gw_units_put_count(buf, count);
    gw_buf_byte(buf, '\n');
}

static void
put_table(gw_buf *buf, const gw_stats *stats)
{
    gw_buf_printf(buf, "%-30s%s (%s)\n", "status",
                  gw_migration_state_name(stats->status), NEXT[stats->status]);
    put_row(buf, "current migration index", stats->current_index);
    put_row(buf, "target migration index", stats->target_index);
    put_row(buf, "positions", stats->positions);
    put_row(buf, "events", stats->events);
    put_row(buf, "fully migrated positions", stats->fully_migrated);
    put_row(buf, "partially migrated positions", stats->partially_migrated);
}

gw_code
gw_cmd_stats(gw_session *session, gw_error *err)
{
    gw_stats stats;
    gw_code code = gw_stats_get(&session->run, &stats, err);
    gw_buf text = {0};

    if (code)
        return code;
    if (session->output->is_json) {
        gw_buf_text(&text, "{\"success\":true,\"stats\":");
        gw_stats_put_json(&text, &stats);
        gw_buf_text(&text, "}\n");
    } else {
        put_table(&text, &stats);
    }
    gw_output_write(session->output, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    return GW_OK;
}
