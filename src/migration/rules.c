/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: read wholly, checked and linked before anything runs; then
 * events go through the rules of their collection.
 *
 * Rules are linked by collection: each knows which one comes next for the
 * collection that the event has after it. So an event of a collection that
 * no rule names costs one look-up, and the others meet their own rules only.
 *
 * What the keyframe before must hold (needs). A rules migration never looks
 * at models; but whether a list change meets a field that is no list can
 * only be said where the field is known. The error of a level may stay
 * unfound there as long as the level after finds the same error at the same
 * event, and the last level keeps everything. That goes wrong only where the
 * rules come between: for a field that a rule touches, its value (or the
 * list change itself) may be another one after the rules, and for
 * collections that are dropped or get another name, the event is gone or
 * names another model. Of those fields, by either name when they are renamed,
 * the level before must therefore keep whether they hold a list, and of those
 * collections all fields. A collection that another is renamed to needs nothing
 * for that: its own events stay what they are, and two models of one name are
 * an error that needs no fields. Every other field has the same history on both
 * levels. */
#include "base/limits.h"
#include "migration/rules_priv.h"

#include <stdlib.h>

/* ---- collections ---- */

static uint32_t
hash_name(gw_slice name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.at[i]) * 16777619u;
    return hash ^ (hash >> 15);
}

const gw_rule_collection *
gw_rules_find(const gw_rules *rules, gw_slice collection)
{
    size_t mask = rules->n_slots - 1;

    for (size_t at = hash_name(collection) & mask; rules->slots[at] != 0;
         at = (at + 1) & mask) {
        const gw_rule_collection *c = &rules->collections[rules->slots[at] - 1];

        if (gw_slice_equal(c->name, collection))
            return c;
    }
    return NULL;
}

static gw_rule_collection *
find_own(gw_rules *rules, gw_slice collection)
{
    return (gw_rule_collection *)(uintptr_t)gw_rules_find(rules, collection);
}

static int
compare_slices(const void *a, const void *b)
{
    return gw_slice_compare(*(const gw_slice *)a, *(const gw_slice *)b);
}

/* Sorts the slices and takes out repeats; the number that is left. */
static size_t
sort_unique(gw_slice *at, size_t n)
{
    size_t kept = 0;

    if (n > 0)
        qsort(at, n, sizeof(*at), compare_slices);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !gw_slice_equal(at[kept - 1], at[i]))
            at[kept++] = at[i];
    return kept;
}

static void
make_collections(gw_rules *rules)
{
    gw_slice *names = GW_ARENA_NEW(&rules->arena, gw_slice, 2 * rules->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < rules->n; i++) {
        names[n++] = rules->at[i].collection;
        if (rules->at[i].target.at)
            names[n++] = rules->at[i].target;
    }
    n = sort_unique(names, n);

    rules->n_collections = n;
    rules->collections =
        gw_arena_zalloc(&rules->arena, (n + 1) * sizeof(gw_rule_collection));
    for (rules->n_slots = 8; rules->n_slots < 2 * (n + 1);)
        rules->n_slots *= 2;
    rules->slots =
        gw_arena_zalloc(&rules->arena, rules->n_slots * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++) {
        size_t at = hash_name(names[i]) & (rules->n_slots - 1);

        while (rules->slots[at] != 0)
            at = (at + 1) & (rules->n_slots - 1);
        rules->slots[at] = (uint32_t)(i + 1);
        rules->collections[i].name = names[i];
        rules->collections[i].first = GW_RULE_NONE;
    }
}

/* From the last rule to the first: `first` of each collection is what an
 * event of it meets after the rule at hand. */
static void
link_rules(gw_rules *rules)
{
    for (size_t i = rules->n; i-- > 0;) {
        gw_rule *rule = &rules->at[i];
        gw_slice after = rule->target.at ? rule->target : rule->collection;

        rule->next = find_own(rules, after)->first;
        find_own(rules, rule->collection)->first = (uint32_t)i;
    }
}

static void
note_needs(gw_rules *rules)
{
    for (size_t i = 0; i < rules->n; i++) {
        const gw_rule *rule = &rules->at[i];
        gw_rule_collection *c = find_own(rules, rule->collection);

        c->touched.n += rule->touched.n;
        if (rule->op->flags & GW_RULE_TAKES_ALL)
            c->needs.all = true;
    }
    for (size_t i = 0; i < rules->n_collections; i++) {
        gw_values *touched = &rules->collections[i].touched;

        touched->at = GW_ARENA_NEW(&rules->arena, gw_slice, touched->n + 1);
        touched->n = 0;
    }
    for (size_t i = 0; i < rules->n; i++) {
        const gw_rule *rule = &rules->at[i];
        gw_values *touched = &find_own(rules, rule->collection)->touched;

        for (size_t k = 0; k < rule->touched.n; k++)
            touched->at[touched->n++] = rule->touched.at[k];
    }
    for (size_t i = 0; i < rules->n_collections; i++) {
        gw_rule_collection *c = &rules->collections[i];

        c->touched.n = sort_unique(c->touched.at, c->touched.n);
        if (!c->needs.all)
            c->needs = (gw_mask){false, c->touched.at, c->touched.n, true};
    }
}

/* ---- reading the file ---- */

static gw_code
read_description(gw_rules *rules, gw_slice value, gw_error *err)
{
    if (gw_json_kind_of(value) != GW_JSON_STRING)
        return gw_fail(err, GW_E_FILE, "'description' must be text");
    rules->description = gw_json_string(&rules->arena, value);
    return GW_OK;
}

static gw_code
read_type(gw_rules *rules, gw_slice value, gw_error *err)
{
    gw_slice type = {0};

    if (gw_json_kind_of(value) == GW_JSON_STRING)
        type = gw_json_string(&rules->arena, value);
    if (gw_slice_equal(type, GW_LIT("event")))
        rules->type = GW_MIGRATION_EVENT;
    else if (gw_slice_equal(type, GW_LIT("model")))
        rules->type = GW_MIGRATION_MODEL;
    else
        return gw_fail(err, GW_E_FILE,
                       "'type' must be \"event\" or \"model\", not %.*s",
                       (int)(value.len > 100 ? 100 : value.len), value.at);
    return GW_OK;
}

static gw_code
read_rules(gw_rules *rules, gw_slice value, gw_error *err)
{
    gw_values list;

    if (gw_json_kind_of(value) != GW_JSON_ARRAY)
        return gw_fail(err, GW_E_FILE, "'rules' must be a list of rules");

    gw_code code = gw_json_array(&rules->arena, value, &list, err);
    if (code != GW_OK)
        return code;
    if (list.n > GW_LIMIT_RULES)
        return gw_fail(err, GW_E_FILE, "%zu rules, %d at most; use two files",
                       list.n, GW_LIMIT_RULES);

    rules->at = GW_ARENA_NEW(&rules->arena, gw_rule, list.n + 1);
    for (size_t i = 0; i < list.n; i++) {
        code = gw_rule_read(rules, list.at[i], &rules->at[i], err);
        if (code != GW_OK) {
            /* "(operation): …" when it is known, the reason alone if not */
            gw_fail_prefix(err, "rule %zu%s", i + 1,
                           err->text[0] == '(' ? " " : ": ");
            return code;
        }
    }
    rules->n = list.n;
    return GW_OK;
}

typedef struct top_member {
    const char *name;
    gw_code (*read)(gw_rules *rules, gw_slice value, gw_error *err);
} top_member;

/* `type` before `rules`: it decides which there may be. */
static const top_member top_members[] = {
    {"description", read_description},
    {"type", read_type},
    {"rules", read_rules},
};

enum { N_TOP_MEMBERS = sizeof(top_members) / sizeof(top_members[0]) };

static gw_code
check_top_name(gw_slice name, gw_error *err)
{
    for (size_t i = 0; i < N_TOP_MEMBERS; i++)
        if (gw_slice_equal(name, gw_slice_of(top_members[i].name)))
            return GW_OK;
    return gw_fail(err, GW_E_FILE,
                   "unknown member '%.*s'; it may have 'description', "
                   "'type' and 'rules'",
                   (int)(name.len > 100 ? 100 : name.len), name.at);
}

static gw_code
read_file(gw_rules *rules, gw_slice text, gw_error *err)
{
    gw_fields top;
    gw_code code = gw_json_object(&rules->arena, text, &top, err);

    for (size_t i = 0; code == GW_OK && i < top.n; i++)
        code = check_top_name(top.at[i].key, err);
    for (size_t i = 0; code == GW_OK && i < N_TOP_MEMBERS; i++) {
        ptrdiff_t at = gw_fields_find(top, gw_slice_of(top_members[i].name));

        if (at >= 0)
            code = top_members[i].read(rules, top.at[at].value, err);
    }
    if (code == GW_OK && gw_fields_find(top, GW_LIT("rules")) < 0)
        code = gw_fail(err, GW_E_FILE, "member 'rules' is missing");
    return code;
}

/* ---- running ---- */

static gw_code
migrate_event(void *self, const gw_context *ctx, const gw_event *event,
              gw_event_list *out, bool *unchanged, gw_error *err)
{
    const gw_rules *rules = self;
    const gw_rule_collection *c =
        gw_rules_find(rules, gw_fqid_collection(&event->fqid));

    *unchanged = true;
    if (!c || c->first == GW_RULE_NONE)
        return GW_OK;

    gw_rewrite w = {.arena = ctx->arena, .event = *event};
    for (uint32_t i = c->first; i != GW_RULE_NONE && !w.dropped;
         i = rules->at[i].next) {
        gw_code code = rules->at[i].op->apply(&rules->at[i], &w, err);

        if (code != GW_OK) {
            gw_fail_prefix(err, "%s: rule %u (%s): ", rules->file, i + 1,
                           rules->at[i].op->name);
            return code;
        }
    }
    if (!w.changed)
        return GW_OK;

    *unchanged = false;
    if (w.dropped)
        return GW_OK;
    /* another name alone leaves the data's bytes as they were */
    if (w.set_room || w.cut_room)
        w.event.raw = (gw_slice){0};
    gw_event_list_add(out, &w.event);
    return GW_OK;
}

static gw_mask
needs(void *self, gw_side side, gw_slice collection)
{
    const gw_rule_collection *c =
        side == GW_SIDE_OLD ? gw_rules_find(self, collection) : NULL;

    return c ? c->needs : (gw_mask){0};
}

static void
close_rules(void *self)
{
    gw_rules *rules = self;

    gw_arena_clear(&rules->arena);
    free(rules);
}

static const gw_migration_ops event_ops = {
    .kind = "rules",
    .migrate_event = migrate_event,
    .needs = needs,
    .close = close_rules,
};

static const gw_migration_ops model_ops = {
    .kind = "rules",
    .migrate_models = gw_model_rules_migrate,
    .needs = needs,
    .close = close_rules,
};

gw_code
gw_rules_open(gw_migration *m, gw_slice text, gw_error *err)
{
    gw_rules *rules = gw_calloc(1, sizeof(*rules));
    gw_error why = {0};

    gw_arena_init(&rules->arena);
    rules->file = m->file;
    if (read_file(rules, gw_arena_dup(&rules->arena, text), &why) != GW_OK) {
        close_rules(rules);
        return gw_fail(err, GW_E_FILE, "%s: %s", m->file, why.text);
    }
    make_collections(rules);
    link_rules(rules);
    note_needs(rules);

    m->type = rules->type;
    m->self = rules;
    m->ops = rules->type == GW_MIGRATION_MODEL ? &model_ops : &event_ops;
    if (rules->description.at)
        m->description =
            gw_strdup(gw_arena_dup(&rules->arena, rules->description).at);
    return GW_OK;
}
