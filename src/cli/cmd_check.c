/* SPDX-License-Identifier: Apache-2.0 */
/* check: lists the migrations; loading them was the check. And looks at a
 * store, when one is named. */
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

/* What is found in a store, as text and as JSON. */
typedef struct findings {
    gw_buf text, json;
    size_t in_the_way;
} findings;

static gw_code
add_finding(void *arg, gw_finding_kind kind, gw_slice text, gw_error *err)
{
    findings *all = arg;
    const char *name = gw_finding_kind_name(kind);

    (void)err;
    gw_buf_printf(&all->text, "%s: ", name);
    gw_text_put_clean(&all->text, text, false);
    gw_buf_byte(&all->text, '\n');
    gw_buf_printf(&all->json,
                  "%s{\"kind\":\"%s\",\"text\":", all->json.len > 0 ? "," : "",
                  name);
    gw_text_put_json(&all->json, text);
    gw_buf_byte(&all->json, '}');
    all->in_the_way += kind >= GW_FINDING_MISSING;
    return GW_OK;
}

static void
put_json(gw_buf *buf, const gw_session *session, findings *all)
{
    const gw_migrations *migrations = &session->migrations;

    gw_buf_printf(buf,
                  "{\"success\":%s,\"target_migration_index\":%" PRId64
                  ",\"migrations\":[",
                  all->in_the_way > 0 ? "false" : "true",
                  gw_migrations_target(migrations));
    for (size_t i = 0; i < migrations->n; i++) {
        if (i > 0)
            gw_buf_byte(buf, ',');
        put_object(buf, &migrations->at[i]);
    }
    gw_buf_byte(buf, ']');
    if (session->store) {
        gw_buf_text(buf, ",\"findings\":[");
        gw_buf_slice(buf, gw_buf_as_slice(&all->json));
        gw_buf_byte(buf, ']');
    }
    gw_buf_text(buf, "}\n");
}

gw_code
gw_cmd_check(gw_session *session, gw_error *err)
{
    gw_buf text = {0};
    findings all = {0};
    gw_code code = GW_OK;

    if (session->store)
        code = gw_store_check(session->store, false, add_finding, &all, err);
    if (code == GW_OK && session->output->is_json) {
        put_json(&text, session, &all);
    } else if (code == GW_OK) {
        put_text(&text, &session->migrations);
        gw_buf_slice(&text, gw_buf_as_slice(&all.text));
    }
    gw_output_write(session->output, gw_buf_as_slice(&text));
    if (code == GW_OK && all.in_the_way > 0)
        code = gw_fail(err, GW_E_STATE,
                       "the store is not ready to be migrated: %zu things are "
                       "in the way",
                       all.in_the_way);
    gw_buf_clear(&text);
    gw_buf_clear(&all.text);
    gw_buf_clear(&all.json);
    return code;
}
