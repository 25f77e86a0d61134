/* SPDX-License-Identifier: Apache-2.0 */
/* What the backends do alike: sections of a schema, the data of an event,
 * and which levels of a saved model are rows of their own. */
#include <string.h>

#include "store/store_priv.h"

gw_slice
gw_store_section(const char *schema, const char *section)
{
    static const char mark[] = "-- section: ";
    size_t n = strlen(section);

    for (const char *at = schema; (at = strstr(at, mark)) != NULL;) {
        at += sizeof(mark) - 1;
        if (strncmp(at, section, n) != 0 || at[n] != '\n')
            continue;
        const char *end = strstr(at, mark);
        at += n;
        return (gw_slice){at, end ? (size_t)(end - at) : strlen(at)};
    }
    return (gw_slice){0};
}

gw_slice
gw_store_event_data(gw_buf *buf, const gw_event *event)
{
    if (event->raw.at)
        return event->raw;
    buf->len = 0;
    gw_event_put_data(buf, event);
    return gw_buf_as_slice(buf);
}

/* ---- saved models ---- */

bool
gw_saved_is_inherited(const gw_model *model, const gw_model *above)
{
    if (model->status != above->status)
        return false;
    if (model->status == GW_STATUS_NONE || !model->state)
        return true;
    return model->state == above->state &&
           model->meta_position == above->meta_position;
}

gw_code
gw_saved_take(gw_saved_levels *l, const gw_saved_row *row, gw_error *err)
{
    size_t i = row->level < 0 ? l->n - 1 : (size_t)row->level;
    gw_model model = {.status = row->status};
    gw_code code = GW_OK;

    if (i >= l->n || l->is_set[i])
        return gw_fail(err, GW_E_INPUT,
                       "level %lld does not belong there; `godwit reset` "
                       "begins again",
                       (long long)row->level);
    if (row->data.at)
        code = gw_model_parse(l->arena, row->data,
                              model.status == GW_STATUS_DELETED, &model, err);
    if (code != GW_OK)
        return code;
    if (row->level >= 0)
        model.meta_position = row->meta_position;
    l->models[i] = model;
    l->is_set[i] = true;
    return GW_OK;
}

gw_saved_levels
gw_saved_begin(gw_arena *arena, gw_model *models, size_t n)
{
    gw_arena_reset(arena);
    return (gw_saved_levels){arena, models, gw_arena_zalloc(arena, n), n};
}

static void
inherit(const gw_saved_levels *l)
{
    for (size_t i = l->n - 1; i-- > 0;) {
        if (l->is_set[i])
            continue;
        l->models[i] = l->models[i + 1];
        l->models[i].state = gw_state_retain(l->models[i + 1].state);
    }
}

gw_code
gw_saved_end(const gw_saved_levels *l, gw_code code, gw_slice fqid,
             gw_error *err)
{
    if (code == GW_OK) {
        inherit(l);
        return GW_OK;
    }
    for (size_t i = 0; i < l->n; i++) {
        gw_state_release((gw_state *)l->models[i].state);
        l->models[i] = (gw_model){0};
    }
    return code == GW_E_STORE
               ? code
               : gw_fail_prefix(err, "the saved model %.*s: ", GW_FMT(fqid));
}
