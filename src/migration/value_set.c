/* SPDX-License-Identifier: Apache-2.0 */
/* Finding one of many JSON values: a plain search for few, open addressing
 * by gw_json_hash for more (a map of a hundred thousand pairs must not cost
 * a hundred thousand comparisons an event). */
#include "migration/value_set_priv.h"

enum { FEW = 8 };

static void
insert(gw_value_set *set, size_t index)
{
    size_t mask = set->n_slots - 1;
    size_t at = (size_t)gw_json_hash(set->values.at[index]) & mask;

    while (set->slots[at] != 0) {
        /* the first of equal values is the one that counts */
        if (gw_json_equal(set->values.at[set->slots[at] - 1],
                          set->values.at[index]))
            return;
        at = (at + 1) & mask;
    }
    set->slots[at] = (uint32_t)(index + 1);
}

gw_value_set
gw_value_set_new(gw_arena *arena, gw_values values)
{
    gw_value_set set = {.values = values};

    if (values.n <= FEW)
        return set;
    for (set.n_slots = 4 * FEW; set.n_slots < 2 * values.n;)
        set.n_slots *= 2;
    set.slots = gw_arena_zalloc(arena, set.n_slots * sizeof(uint32_t));
    for (size_t i = 0; i < values.n; i++)
        insert(&set, i);
    return set;
}

static ptrdiff_t
find_of_few(const gw_value_set *set, gw_slice value)
{
    gw_json_kind kind = gw_json_kind_of(value);

    for (size_t i = 0; i < set->values.n; i++) {
        gw_slice other = set->values.at[i];

        if (gw_slice_equal(other, value) ||
            (gw_json_kind_of(other) == kind && gw_json_equal(other, value)))
            return (ptrdiff_t)i;
    }
    return -1;
}

ptrdiff_t
gw_value_set_find(const gw_value_set *set, gw_slice value)
{
    if (!set->slots)
        return find_of_few(set, value);

    size_t mask = set->n_slots - 1;
    size_t at = (size_t)gw_json_hash(value) & mask;

    for (; set->slots[at] != 0; at = (at + 1) & mask)
        if (gw_json_equal(set->values.at[set->slots[at] - 1], value))
            return (ptrdiff_t)set->slots[at] - 1;
    return -1;
}
