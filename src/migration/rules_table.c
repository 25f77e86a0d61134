/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of rules: one row each. Reading, checking, messages and
 * needs come from it. Source: migrations.md, Rules */
#include "migration/rules_priv.h"

#define AT(member) offsetof(gw_rule, member)
#define COLLECTION                                                             \
    {                                                                          \
        "collection", GW_MEMBER_COLLECTION, AT(collection)                     \
    }
#define VALUES                                                                 \
    {                                                                          \
        "fields", GW_MEMBER_VALUES, AT(fields)                                 \
    }
#define NAMES                                                                  \
    {                                                                          \
        "fields", GW_MEMBER_NAMES, AT(fields)                                  \
    }
#define FIELD                                                                  \
    {                                                                          \
        "field", GW_MEMBER_FIELD, AT(from)                                     \
    }
#define FROM                                                                   \
    {                                                                          \
        "from", GW_MEMBER_FIELD, AT(from)                                      \
    }
#define TO                                                                     \
    {                                                                          \
        "to", GW_MEMBER_FIELD, AT(to)                                          \
    }
#define MAP                                                                    \
    {                                                                          \
        "map", GW_MEMBER_MAP, AT(keys)                                         \
    }
#define ITEMS                                                                  \
    {                                                                          \
        "items", GW_MEMBER_ITEMS, AT(keys)                                     \
    }

#define EVENTS GW_RULE_IN_EVENTS
#define MODELS GW_RULE_IN_MODELS
#define FIELDS_TOUCHED GW_RULE_TOUCHES_FIELDS
#define FROM_TOUCHED GW_RULE_TOUCHES_FROM
#define TO_TOUCHED GW_RULE_TOUCHES_TO

// clang-format off
const gw_rule_op gw_rule_ops[] = {
    {"add_fields", EVENTS | FIELDS_TOUCHED,
     {COLLECTION, VALUES}, gw_rule_apply_add_fields},
    {"set_fields", MODELS | FIELDS_TOUCHED,
     {COLLECTION, VALUES}, gw_rule_apply_add_fields},
    {"set_default", EVENTS | MODELS | FIELDS_TOUCHED,
     {COLLECTION, VALUES}, gw_rule_apply_set_default},
    {"remove_fields", EVENTS | MODELS | FIELDS_TOUCHED,
     {COLLECTION, NAMES}, gw_rule_apply_remove_fields},
    {"rename_field", EVENTS | MODELS | FROM_TOUCHED | TO_TOUCHED,
     {COLLECTION, FROM, TO}, gw_rule_apply_rename_field},
    {"map_values", EVENTS | MODELS | FROM_TOUCHED,
     {COLLECTION, FIELD, MAP}, gw_rule_apply_map_values},
    {"rename_collection", EVENTS | GW_RULE_TAKES_ALL,
     {{"from", GW_MEMBER_COLLECTION, AT(collection)},
      {"to", GW_MEMBER_COLLECTION, AT(target)}},
     gw_rule_apply_rename_collection},
    {"drop_collection", EVENTS | GW_RULE_TAKES_ALL,
     {COLLECTION}, gw_rule_apply_drop_collection},
    {"copy_field", EVENTS | MODELS | TO_TOUCHED,
     {COLLECTION, FROM, TO}, gw_rule_apply_copy_field},
    {"wrap_in_list", EVENTS | MODELS | FROM_TOUCHED,
     {COLLECTION, FIELD}, gw_rule_apply_wrap_in_list},
    {"remove_list_items", EVENTS | MODELS | FROM_TOUCHED,
     {COLLECTION, FIELD, ITEMS}, gw_rule_apply_remove_list_items},
};
// clang-format on

const size_t gw_n_rule_ops = sizeof(gw_rule_ops) / sizeof(gw_rule_ops[0]);
