/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation does to an event, or to a model as its create event.
 * The offered event's arrays are never written to: the first change of a
 * half makes a copy of it. Values are moved as they are.
 *
 * Where an operation is for some types of events only, the others mostly
 * need no check: `set` is empty for deletefields, delete and restore, `cut`
 * for create and update. */
#include "migration/rules_priv.h"

enum { ROOM = 4 }; /* spare fields in a copy */

/* Makes `fields` the rewrite's own, with room for one more. */
static void
own(gw_rewrite *w, gw_fields *fields, size_t *room)
{
    w->changed = true;
    if (fields->n < *room)
        return;

    size_t extra = ROOM + (*room ? fields->n : 0);
    *fields = gw_fields_copy(w->arena, *fields, extra);
    *room = fields->n + extra;
}

static void
set_value(gw_rewrite *w, ptrdiff_t at, gw_slice value)
{
    if (gw_slice_equal(w->event.set.at[at].value, value))
        return;
    own(w, &w->event.set, &w->set_room);
    w->event.set.at[at].value = value;
}

static void
set_field(gw_rewrite *w, gw_slice key, gw_slice value)
{
    ptrdiff_t at = gw_fields_find(w->event.set, key);

    if (at >= 0) {
        set_value(w, at, value);
        return;
    }
    own(w, &w->event.set, &w->set_room);
    w->event.set.at[w->event.set.n++] = (gw_field){key, value};
}

static void
take_out(gw_rewrite *w, gw_fields *fields, size_t *room, gw_slice key)
{
    ptrdiff_t found = gw_fields_find(*fields, key);

    if (found < 0)
        return;
    own(w, fields, room);

    size_t at = (size_t)found;
    fields->n--;
    memmove(fields->at + at, fields->at + at + 1,
            (fields->n - at) * sizeof(gw_field));
}

static bool
has_values(const gw_rewrite *w)
{
    return w->event.type == GW_EVENT_CREATE || w->event.type == GW_EVENT_UPDATE;
}

gw_code
gw_rule_apply_add_fields(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    (void)err;
    if (w->event.type != GW_EVENT_CREATE)
        return GW_OK;
    for (size_t i = 0; i < rule->fields.n; i++)
        set_field(w, rule->fields.at[i].key, rule->fields.at[i].value);
    return GW_OK;
}

gw_code
gw_rule_apply_set_default(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    (void)err;
    if (w->event.type != GW_EVENT_CREATE)
        return GW_OK;
    for (size_t i = 0; i < rule->fields.n; i++) {
        const gw_field *f = &rule->fields.at[i];

        if (gw_fields_find(w->event.set, f->key) < 0)
            set_field(w, f->key, f->value);
    }
    return GW_OK;
}

gw_code
gw_rule_apply_remove_fields(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    (void)err;
    for (size_t i = 0; i < rule->fields.n; i++) {
        gw_slice key = rule->fields.at[i].key;

        take_out(w, &w->event.set, &w->set_room, key);
        /* deletefields may name a field more than once: the first mention */
        take_out(w, &w->event.cut, &w->cut_room, key);
    }
    return GW_OK;
}

static void
rename_key(gw_rewrite *w, gw_fields *fields, size_t *room, const gw_rule *rule)
{
    if (gw_fields_find(*fields, rule->from) < 0)
        return;
    take_out(w, fields, room, rule->to);
    own(w, fields, room);
    fields->at[gw_fields_find(*fields, rule->from)].key = rule->to;
}

gw_code
gw_rule_apply_rename_field(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    gw_event *event = &w->event;

    (void)err;
    if (event->type != GW_EVENT_DELETEFIELDS) {
        rename_key(w, &event->set, &w->set_room, rule);
        rename_key(w, &event->cut, &w->cut_room, rule);
    } else if (gw_fields_find(event->cut, rule->from) >= 0) {
        take_out(w, &event->cut, &w->cut_room, rule->from);
        own(w, &event->cut, &w->cut_room);
        event->cut.at[event->cut.n++] = (gw_field){.key = rule->to};
    }
    return GW_OK;
}

gw_code
gw_rule_apply_map_values(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    (void)err;
    ptrdiff_t at =
        has_values(w) ? gw_fields_find(w->event.set, rule->from) : -1;
    if (at < 0)
        return GW_OK;

    ptrdiff_t pair = gw_value_set_find(&rule->keys, w->event.set.at[at].value);
    if (pair >= 0)
        set_value(w, at, rule->results.at[pair]);
    return GW_OK;
}

gw_code
gw_rule_apply_rename_collection(const gw_rule *rule, gw_rewrite *w,
                                gw_error *err)
{
    gw_slice id = gw_fqid_id(&w->event.fqid);
    size_t len = rule->target.len + 1 + id.len;
    char *text = gw_arena_alloc(w->arena, len);

    (void)err;
    memcpy(text, rule->target.at, rule->target.len);
    text[rule->target.len] = '/';
    memcpy(text + rule->target.len + 1, id.at, id.len);
    w->event.fqid = (gw_fqid){{text, len}, rule->target.len};
    w->changed = true;
    return GW_OK;
}

gw_code
gw_rule_apply_drop_collection(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    (void)rule;
    (void)err;
    w->changed = true;
    w->dropped = true;
    return GW_OK;
}

gw_code
gw_rule_apply_copy_field(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    (void)err;
    if (w->event.type != GW_EVENT_CREATE)
        return GW_OK;

    ptrdiff_t at = gw_fields_find(w->event.set, rule->from);
    if (at >= 0)
        set_field(w, rule->to, w->event.set.at[at].value);
    return GW_OK;
}

gw_code
gw_rule_apply_wrap_in_list(const gw_rule *rule, gw_rewrite *w, gw_error *err)
{
    (void)err;
    ptrdiff_t at =
        has_values(w) ? gw_fields_find(w->event.set, rule->from) : -1;
    if (at < 0)
        return GW_OK;

    gw_slice value = w->event.set.at[at].value;
    if (gw_json_kind_of(value) == GW_JSON_ARRAY)
        return GW_OK;

    char *text = gw_arena_alloc(w->arena, value.len + 2);
    text[0] = '[';
    memcpy(text + 1, value.at, value.len);
    text[value.len + 1] = ']';
    set_value(w, at, (gw_slice){text, value.len + 2});
    return GW_OK;
}

/* The list without the items of `keys`; `list` itself when it has none. */
static gw_code
without_items(gw_rewrite *w, gw_slice list, const gw_value_set *keys,
              gw_slice *out, gw_error *err)
{
    gw_values values;
    gw_code code = gw_json_array(w->arena, list, &values, err);
    if (code != GW_OK)
        return code;

    size_t kept = 0;
    for (size_t i = 0; i < values.n; i++)
        if (gw_value_set_find(keys, values.at[i]) < 0)
            values.at[kept++] = values.at[i];
    if (kept == values.n) {
        *out = list;
        return GW_OK;
    }

    char *text = gw_arena_alloc(w->arena, list.len);
    size_t len = 0;
    text[len++] = '[';
    for (size_t i = 0; i < kept; i++) {
        if (i > 0)
            text[len++] = ',';
        memcpy(text + len, values.at[i].at, values.at[i].len);
        len += values.at[i].len;
    }
    text[len++] = ']';
    *out = (gw_slice){text, len};
    return GW_OK;
}

static gw_code
remove_items(gw_rewrite *w, gw_fields *fields, size_t *room,
             const gw_rule *rule, gw_error *err)
{
    ptrdiff_t at = gw_fields_find(*fields, rule->from);
    if (at < 0)
        return GW_OK;

    gw_slice list = fields->at[at].value, less;
    if (gw_json_kind_of(list) != GW_JSON_ARRAY)
        return GW_OK;

    gw_code code = without_items(w, list, &rule->keys, &less, err);
    if (code == GW_OK && less.at != list.at) {
        own(w, fields, room);
        fields->at[at].value = less;
    }
    return code;
}

gw_code
gw_rule_apply_remove_list_items(const gw_rule *rule, gw_rewrite *w,
                                gw_error *err)
{
    gw_event *event = &w->event;
    gw_code code = remove_items(w, &event->set, &w->set_room, rule, err);

    if (code == GW_OK && event->type == GW_EVENT_LISTFIELDS)
        code = remove_items(w, &event->cut, &w->cut_room, rule, err);
    return code;
}
