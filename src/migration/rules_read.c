/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one rule: which operation it is, whether its members are the right
 * ones, and their values, by the table of operations. Values keep the text
 * they have in the file. */
#include "base/limits.h"
#include "migration/rules_priv.h"

#include <stdlib.h>

enum { COLLECTION_MAX = GW_LIMIT_FQID - 2 }; /* "/1" follows */

typedef gw_code read_member(gw_arena *arena, gw_slice value, gw_rule *rule,
                            const gw_rule_member *member, gw_error *err);

static int
quoted_len(gw_slice s)
{
    return (int)(s.len > 100 ? 100 : s.len);
}

static gw_code
fail_kind(gw_slice value, const char *wanted, gw_error *err)
{
    return gw_fail(err, GW_E_FILE, "must be %s, not %.*s", wanted,
                   quoted_len(value), value.at);
}

static gw_slice *
slice_of(gw_rule *rule, const gw_rule_member *member)
{
    return (gw_slice *)(void *)((char *)rule + member->offset);
}

static gw_code
read_text(gw_arena *arena, gw_slice value, const char *what, gw_slice *out,
          gw_error *err)
{
    if (gw_json_kind_of(value) != GW_JSON_STRING)
        return fail_kind(value, what, err);
    *out = gw_json_string(arena, value);
    return GW_OK;
}

static gw_code
read_collection(gw_arena *arena, gw_slice value, gw_rule *rule,
                const gw_rule_member *member, gw_error *err)
{
    gw_slice name = {0};
    gw_code code = read_text(arena, value, "a collection's name", &name, err);

    if (code != GW_OK)
        return code;
    if (!gw_collection_is_valid(name) || name.len > COLLECTION_MAX)
        return gw_fail(err, GW_E_FILE,
                       "'%.*s' is no collection name (a-z and _, a letter "
                       "at both ends, one or 3 to %d characters)",
                       quoted_len(name), name.at, COLLECTION_MAX);
    *slice_of(rule, member) = name;
    return GW_OK;
}

static gw_code
check_field(gw_slice name, gw_error *err)
{
    if (gw_field_name_is_valid(name))
        return GW_OK;
    if (name.len >= 5 && memcmp(name.at, "meta_", 5) == 0)
        return gw_fail(err, GW_E_FILE,
                       "'%.*s' is reserved: names that begin with meta_ are "
                       "the store's own",
                       quoted_len(name), name.at);
    return gw_fail(err, GW_E_FILE,
                   "'%.*s' is no field name (a-z, 0-9 and _, a letter first, "
                   "one $ at most)",
                   quoted_len(name), name.at);
}

static gw_code
read_field(gw_arena *arena, gw_slice value, gw_rule *rule,
           const gw_rule_member *member, gw_error *err)
{
    gw_slice name = {0};
    gw_code code = read_text(arena, value, "a field's name", &name, err);

    if (code == GW_OK)
        code = check_field(name, err);
    if (code == GW_OK)
        *slice_of(rule, member) = name;
    return code;
}

static gw_code
read_values(gw_arena *arena, gw_slice value, gw_rule *rule,
            const gw_rule_member *member, gw_error *err)
{
    (void)member;
    if (gw_json_kind_of(value) != GW_JSON_OBJECT)
        return fail_kind(value, "an object of fields and values", err);

    gw_code code = gw_json_object(arena, value, &rule->fields, err);
    for (size_t i = 0; code == GW_OK && i < rule->fields.n; i++) {
        const gw_field *f = &rule->fields.at[i];

        code = check_field(f->key, err);
        if (code == GW_OK && gw_json_kind_of(f->value) == GW_JSON_NULL)
            code = gw_fail(err, GW_E_FILE,
                           "'%.*s' may not be null; remove_fields takes a "
                           "field away",
                           quoted_len(f->key), f->key.at);
    }
    return code;
}

static int
compare_keys(const void *a, const void *b)
{
    return gw_slice_compare(((const gw_field *)a)->key,
                            ((const gw_field *)b)->key);
}

/* Twice in remove_fields would take two mentions out of deletefields. */
static gw_code
check_unique(gw_arena *arena, gw_fields names, gw_error *err)
{
    gw_fields sorted = gw_fields_copy(arena, names, 0);

    if (sorted.n > 0)
        qsort(sorted.at, sorted.n, sizeof(gw_field), compare_keys);
    for (size_t i = 1; i < sorted.n; i++)
        if (gw_slice_equal(sorted.at[i - 1].key, sorted.at[i].key))
            return gw_fail(err, GW_E_FILE, "'%.*s' is given twice",
                           quoted_len(sorted.at[i].key), sorted.at[i].key.at);
    return GW_OK;
}

static gw_code
read_names(gw_arena *arena, gw_slice value, gw_rule *rule,
           const gw_rule_member *member, gw_error *err)
{
    gw_values names;

    (void)member;
    if (gw_json_kind_of(value) != GW_JSON_ARRAY)
        return fail_kind(value, "a list of field names", err);

    gw_code code = gw_json_array(arena, value, &names, err);
    if (code != GW_OK)
        return code;

    gw_field *fields = GW_ARENA_NEW(arena, gw_field, names.n + 1);
    for (size_t i = 0; code == GW_OK && i < names.n; i++) {
        fields[i] = (gw_field){0};
        code = read_text(arena, names.at[i], "a list of field names",
                         &fields[i].key, err);
        if (code == GW_OK)
            code = check_field(fields[i].key, err);
    }
    rule->fields = (gw_fields){fields, names.n};
    return code != GW_OK ? code : check_unique(arena, rule->fields, err);
}

static gw_code
read_pair(gw_arena *arena, gw_slice json, gw_slice *key, gw_slice *result,
          gw_error *err)
{
    gw_values pair;

    if (gw_json_kind_of(json) != GW_JSON_ARRAY)
        return fail_kind(json, "a list of pairs [old, new]", err);

    gw_code code = gw_json_array(arena, json, &pair, err);
    if (code != GW_OK)
        return code;
    if (pair.n != 2)
        return fail_kind(json, "a list of pairs [old, new]", err);
    if (gw_json_kind_of(pair.at[1]) == GW_JSON_NULL)
        return gw_fail(err, GW_E_FILE,
                       "%.*s makes a field null, which no field may be",
                       quoted_len(json), json.at);
    *key = pair.at[0];
    *result = pair.at[1];
    return GW_OK;
}

static gw_code
read_map(gw_arena *arena, gw_slice value, gw_rule *rule,
         const gw_rule_member *member, gw_error *err)
{
    gw_values pairs;

    (void)member;
    if (gw_json_kind_of(value) != GW_JSON_ARRAY)
        return fail_kind(value, "a list of pairs [old, new]", err);

    gw_code code = gw_json_array(arena, value, &pairs, err);
    if (code != GW_OK)
        return code;

    gw_slice *results = GW_ARENA_NEW(arena, gw_slice, pairs.n + 1);
    for (size_t i = 0; code == GW_OK && i < pairs.n; i++)
        code = read_pair(arena, pairs.at[i], &pairs.at[i], &results[i], err);
    if (code != GW_OK)
        return code;
    rule->keys = gw_value_set_new(arena, pairs);
    rule->results = (gw_values){results, pairs.n};
    return GW_OK;
}

static gw_code
read_items(gw_arena *arena, gw_slice value, gw_rule *rule,
           const gw_rule_member *member, gw_error *err)
{
    gw_values items;

    (void)member;
    if (gw_json_kind_of(value) != GW_JSON_ARRAY)
        return fail_kind(value, "a list of values", err);

    gw_code code = gw_json_array(arena, value, &items, err);
    if (code == GW_OK)
        rule->keys = gw_value_set_new(arena, items);
    return code;
}

static gw_code
read_filter(gw_arena *arena, gw_slice value, gw_rule *rule,
            const gw_rule_member *member, gw_error *err)
{
    gw_filter *filter = GW_ARENA_NEW(arena, gw_filter, 1);
    gw_code code = gw_filter_parse(arena, value, filter, err);

    (void)member;
    if (code == GW_OK)
        rule->where = filter;
    return code;
}

static read_member *const readers[] = {
    [GW_MEMBER_COLLECTION] = read_collection,
    [GW_MEMBER_FIELD] = read_field,
    [GW_MEMBER_VALUES] = read_values,
    [GW_MEMBER_NAMES] = read_names,
    [GW_MEMBER_MAP] = read_map,
    [GW_MEMBER_ITEMS] = read_items,
    [GW_MEMBER_FILTER] = read_filter,
};

/* Every operation of a model file may have it, so it is in no row. */
static const gw_rule_member where = {"where", GW_MEMBER_FILTER, 0};

static const gw_rule_member *
find_member(const gw_rule_op *op, gw_migration_type type, gw_slice name)
{
    for (size_t i = 0; i < GW_RULE_MEMBERS && op->members[i].name; i++)
        if (gw_slice_equal(name, gw_slice_of(op->members[i].name)))
            return &op->members[i];
    if (type == GW_MIGRATION_MODEL &&
        gw_slice_equal(name, gw_slice_of(where.name)))
        return &where;
    return NULL;
}

static gw_code
fail_unknown_member(const gw_rule_op *op, gw_migration_type type, gw_slice name,
                    gw_error *err)
{
    if (type == GW_MIGRATION_EVENT && gw_slice_equal(name, GW_LIT("where")))
        return gw_fail(err, GW_E_FILE,
                       "'where' is for rules of \"type\": \"model\" only");

    gw_buf known = {0};
    for (size_t i = 0; i < GW_RULE_MEMBERS && op->members[i].name; i++)
        gw_buf_printf(&known, "%s'%s'", i ? ", " : "", op->members[i].name);
    if (type == GW_MIGRATION_MODEL)
        gw_buf_text(&known, ", 'where'");

    gw_code code =
        gw_fail(err, GW_E_FILE, "unknown member '%.*s'; it may have %s",
                quoted_len(name), name.at, gw_buf_cstr(&known));
    gw_buf_clear(&known);
    return code;
}

static gw_code
check_members_there(const gw_rule_op *op, gw_fields members, gw_error *err)
{
    for (size_t i = 0; i < GW_RULE_MEMBERS && op->members[i].name; i++) {
        const char *name = op->members[i].name;

        if (gw_fields_find(members, gw_slice_of(name)) < 0)
            return gw_fail(err, GW_E_FILE, "member '%s' is missing", name);
    }
    return GW_OK;
}

/* A rule that renames or copies something to itself is a slip of the pen,
 * and would still reorder deletefields. */
static gw_code
check_two_names(const gw_rule *rule, gw_error *err)
{
    bool same = rule->target.at
                    ? gw_slice_equal(rule->collection, rule->target)
                    : rule->to.at && gw_slice_equal(rule->from, rule->to);

    if (same)
        return gw_fail(err, GW_E_FILE, "'from' and 'to' are the same");
    return GW_OK;
}

static gw_code
read_members(gw_rules *rules, gw_slice json, gw_rule *rule, gw_error *err)
{
    gw_fields members;

    if (gw_json_kind_of(json) != GW_JSON_OBJECT)
        return fail_kind(json, "an object", err);

    gw_code code = gw_json_object(&rules->arena, json, &members, err);
    for (size_t i = 0; code == GW_OK && i < members.n; i++) {
        gw_field f = members.at[i];
        const gw_rule_member *member =
            find_member(rule->op, rules->type, f.key);

        if (!member)
            return fail_unknown_member(rule->op, rules->type, f.key, err);
        code = readers[member->type](&rules->arena, f.value, rule, member, err);
        if (code != GW_OK)
            gw_fail_prefix(err, "member '%s': ", member->name);
    }
    if (code == GW_OK)
        code = check_members_there(rule->op, members, err);
    if (code == GW_OK)
        code = check_two_names(rule, err);
    return code;
}

static void
note_touched(gw_arena *arena, gw_rule *rule)
{
    unsigned flags = rule->op->flags;
    gw_slice *at = GW_ARENA_NEW(arena, gw_slice, rule->fields.n + 2);
    size_t n = 0;

    if (flags & GW_RULE_TOUCHES_FIELDS)
        for (size_t i = 0; i < rule->fields.n; i++)
            at[n++] = rule->fields.at[i].key;
    if (flags & GW_RULE_TOUCHES_FROM)
        at[n++] = rule->from;
    if (flags & GW_RULE_TOUCHES_TO)
        at[n++] = rule->to;
    rule->touched = (gw_values){at, n};
}

static const gw_rule_op *
find_op(gw_slice name)
{
    for (size_t i = 0; i < gw_n_rule_ops; i++)
        if (gw_slice_equal(name, gw_slice_of(gw_rule_ops[i].name)))
            return &gw_rule_ops[i];
    return NULL;
}

static gw_code
fail_unknown_op(gw_slice name, unsigned wanted, const gw_rule_op *op,
                gw_error *err)
{
    const char *type = wanted == GW_RULE_IN_MODELS ? "model" : "event";

    if (op)
        return gw_fail(err, GW_E_FILE,
                       "%s is no rule for migrations of type \"%s\"", op->name,
                       type);

    gw_buf known = {0};
    for (size_t i = 0; i < gw_n_rule_ops; i++)
        if (gw_rule_ops[i].flags & wanted)
            gw_buf_printf(&known, "%s%s", known.len ? ", " : "",
                          gw_rule_ops[i].name);
    gw_code code = gw_fail(err, GW_E_FILE, "unknown rule '%.*s'; there are %s",
                           quoted_len(name), name.at, gw_buf_cstr(&known));
    gw_buf_clear(&known);
    return code;
}

gw_code
gw_rule_read(gw_rules *rules, gw_slice json, gw_rule *out, gw_error *err)
{
    gw_fields one;

    if (gw_json_kind_of(json) != GW_JSON_OBJECT)
        return fail_kind(json, "an object {operation: {...}}", err);

    gw_code code = gw_json_object(&rules->arena, json, &one, err);
    if (code != GW_OK)
        return code;
    if (one.n != 1)
        return gw_fail(err, GW_E_FILE,
                       "must be an object with one operation, not %zu", one.n);

    const gw_rule_op *op = find_op(one.at[0].key);
    unsigned wanted = rules->type == GW_MIGRATION_MODEL ? GW_RULE_IN_MODELS
                                                        : GW_RULE_IN_EVENTS;
    if (!op || !(op->flags & wanted))
        return fail_unknown_op(one.at[0].key, wanted, op, err);

    gw_rule rule = {.op = op, .next = GW_RULE_NONE};
    code = read_members(rules, one.at[0].value, &rule, err);
    if (code != GW_OK) {
        gw_fail_prefix(err, "(%s): ", op->name);
        return code;
    }
    note_touched(&rules->arena, &rule);
    *out = rule;
    return GW_OK;
}
