/* SPDX-License-Identifier: Apache-2.0 */
/** Rules as they are compiled: shared by the reading of rule files
 *  (rules.c, rules_read.c), their table (rules_table.c) and what they do to
 *  events and models (rules_apply.c, model_rules.c). */
#ifndef GW_MIGRATION_RULES_PRIV_H
#define GW_MIGRATION_RULES_PRIV_H

#include "migration/migration.h"
#include "migration/value_set_priv.h"

#define GW_RULE_NONE UINT32_MAX

/** One compiled rule. Which members it has, says its operation. */
typedef struct gw_rule {
    const struct gw_rule_op *op;
    gw_slice collection;
    gw_slice target;   /* rename_collection: the new name */
    gw_slice from, to; /* fields; `from` also where there is only one */
    gw_fields fields;  /* names, with values where the rule gives any */
    gw_value_set keys; /* map_values, remove_list_items: what is looked for */
    gw_values results; /* map_values: beside keys */
    gw_filter *where;  /* model rules; or NULL */
    gw_values touched; /* names of fields whose value it may change */
    uint32_t next;     /* the rule that comes next for the collection that the
                          event then has, or GW_RULE_NONE */
} gw_rule;

/** A collection that rules name. */
typedef struct gw_rule_collection {
    gw_slice name;
    uint32_t first;    /* its first rule, or GW_RULE_NONE */
    gw_mask needs;     /* of the keyframe before; see rules.c */
    gw_values touched; /* by any of its rules; ascending, none twice */
} gw_rule_collection;

/** A rules file. Everything is in the arena. */
typedef struct gw_rules {
    gw_arena arena;
    const char *file;
    gw_migration_type type;
    gw_slice description;
    gw_rule *at;
    size_t n;
    gw_rule_collection *collections; /* ascending by name */
    size_t n_collections;
    uint32_t *slots; /* hash of the name → index + 1 into collections */
    size_t n_slots;  /* a power of two */
} gw_rules;

/** An event (or a model, as its create event) while rules work on it. */
typedef struct gw_rewrite {
    gw_arena *arena; /* for what is new */
    gw_event event;
    size_t set_room, cut_room; /* 0: the array is still the offered one's */
    bool changed;
    bool dropped;
} gw_rewrite;

/** What a member of a rule holds, and so how it is read. */
typedef enum gw_member_type {
    GW_MEMBER_COLLECTION, /* a gw_slice */
    GW_MEMBER_FIELD,      /* a gw_slice */
    GW_MEMBER_VALUES,     /* {"field": value}, into fields */
    GW_MEMBER_NAMES,      /* ["field"], into fields */
    GW_MEMBER_MAP,        /* [[old, new]], into keys and results */
    GW_MEMBER_ITEMS,      /* [value], into keys */
    GW_MEMBER_FILTER,     /* into where; may be left out */
} gw_member_type;

typedef struct gw_rule_member {
    const char *name;
    gw_member_type type;
    size_t offset; /* of the gw_slice in gw_rule */
} gw_rule_member;

enum { GW_RULE_MEMBERS = 4 };

/** Flags of an operation. */
enum {
    GW_RULE_IN_EVENTS = 1,
    GW_RULE_IN_MODELS = 2,
    GW_RULE_TAKES_ALL = 4,      /* hides any field: the events go elsewhere */
    GW_RULE_TOUCHES_FIELDS = 8, /* which members name changed fields */
    GW_RULE_TOUCHES_FROM = 16,
    GW_RULE_TOUCHES_TO = 32,
};

/** One operation: a row of gw_rule_ops. */
typedef struct gw_rule_op {
    const char *name;
    unsigned flags;
    gw_rule_member members[GW_RULE_MEMBERS]; /* name NULL: the end */
    gw_code (*apply)(const gw_rule *rule, gw_rewrite *w, gw_error *err);
} gw_rule_op;

extern const gw_rule_op gw_rule_ops[];
extern const size_t gw_n_rule_ops;

/** Reads one element of `rules`. Errors: GW_E_FILE with operation and
 *  member. */
GW_MUST_CHECK gw_code gw_rule_read(gw_rules *rules, gw_slice json, gw_rule *out,
                                   gw_error *err);

/** The collection a name has among the rules, or NULL. */
const gw_rule_collection *gw_rules_find(const gw_rules *rules,
                                        gw_slice collection);

/** gw_migration_ops.migrate_models of rules of type model. */
GW_MUST_CHECK gw_code gw_model_rules_migrate(void *self, gw_reader *reader,
                                             gw_event_list *out, gw_error *err);

/* What the operations do; rows of the table. */
#define GW_RULE_APPLY_MAP(X)                                                   \
    X(add_fields)                                                              \
    X(set_default)                                                             \
    X(remove_fields)                                                           \
    X(rename_field)                                                            \
    X(map_values)                                                              \
    X(rename_collection)                                                       \
    X(drop_collection)                                                         \
    X(copy_field)                                                              \
    X(wrap_in_list)                                                            \
    X(remove_list_items)

#define GW_RULE_APPLY_DECLARE(name)                                            \
    gw_code gw_rule_apply_##name(const gw_rule *rule, gw_rewrite *w,           \
                                 gw_error *err);
GW_RULE_APPLY_MAP(GW_RULE_APPLY_DECLARE)
#undef GW_RULE_APPLY_DECLARE

#endif
