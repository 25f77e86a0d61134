/* SPDX-License-Identifier: Apache-2.0 */
/* check: lists the migrations; loading them was the check. */
#include <inttypes.h>

#include "cli/session_priv.h"

static const char *
type_name(const gw_migration *m)
{
    return m->type == GW_MIGRATION_MODEL ? "model" : "event";
}

static void
put_row(gw_buf *buf, const gw_migration *m)
{
    gw_buf_printf(buf, "%5" PRId64 "  %-5s  %-6s  ", m->index, type_name(m),
                  m->ops->kind);
    gw_text_put_clean(buf, gw_slice_of(m->file), false);
    if (m->description) {
        gw_buf_text(buf, ": ");
        gw_text_put_clean(buf, gw_slice_of(m->description), false);
    }
    gw_buf_byte(buf, '\n');
}

static void
put_text(gw_buf *buf, const gw_migrations *migrations)
{
    if (migrations->n == 0) {
        gw_buf_text(buf, "no migrations\n");
        return;
    }
    gw_buf_text(buf, "index  type   kind    migration\n");
    for (size_t i = 0; i < migrations->n; i++)
        put_row(buf, &migrations->at[i]);
}

static void
put_object(gw_buf *buf, const gw_migration *m)
{
    gw_buf_printf(buf,
                  "{\"index\":%" PRId64 ",\"type\":\"%s\",\"kind\":\"%s\","
                  "\"file\":",
                  m->index, type_name(m), m->ops->kind);
    gw_text_put_json(buf, gw_slice_of(m->file));
    gw_buf_text(buf, ",\"description\":");
    if (m->description)
        gw_text_put_json(buf, gw_slice_of(m->description));
    else
        gw_buf_text(buf, "null");
    gw_buf_printf(buf, ",\"checksum\":\"%s\"}", m->checksum);
}

static void
put_json(gw_buf *buf, const gw_migrations *migrations)
{
    gw_buf_printf(buf,
                  "{\"success\":true,\"target_migration_index\":%" PRId64
                  ",\"migrations\":[",
                  gw_migrations_target(migrations));
    for (size_t i = 0; i < migrations->n; i++) {
        if (i > 0)
            gw_buf_byte(buf, ',');
        put_object(buf, &migrations->at[i]);
    }
    gw_buf_text(buf, "]}\n");
}

gw_code
gw_cmd_check(gw_session *session, gw_error *err)
{
    gw_buf text = {0};

    (void)err;
    if (session->output->is_json)
        put_json(&text, &session->migrations);
    else
        put_text(&text, &session->migrations);
    gw_output_write(session->output, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    return GW_OK;
}
