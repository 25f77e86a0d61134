/* SPDX-License-Identifier: Apache-2.0 */
/** A fixed set of JSON values that finds an equal one quickly. */
#ifndef GW_MIGRATION_VALUE_SET_PRIV_H
#define GW_MIGRATION_VALUE_SET_PRIV_H

#include "base/json.h"

/** In an arena. Values are compared as gw_json_equal does. */
typedef struct gw_value_set {
    gw_values values;
    uint32_t *slots; /* index + 1 of a value, 0: free; NULL: few values */
    size_t n_slots;  /* a power of two */
} gw_value_set;

/** Makes a set of valid values; they stay the caller's. */
gw_value_set gw_value_set_new(gw_arena *arena, gw_values values);
/** The index of the first value equal to `value`, or -1. */
ptrdiff_t gw_value_set_find(const gw_value_set *set, gw_slice value);

#endif
