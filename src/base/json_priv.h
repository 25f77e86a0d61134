/* SPDX-License-Identifier: Apache-2.0 */
/** Shared by the json files: stepping over valid text, sorting names. */
#ifndef GW_BASE_JSON_PRIV_H
#define GW_BASE_JSON_PRIV_H

#include "base/json.h"

/** White space as JSON has it. */
static inline bool
gw_json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *
gw_json_skip_space(const char *at, const char *end)
{
    while (at < end && gw_json_is_space(*at))
        at++;
    return at;
}

/** The end of the valid string whose text begins at `at` (behind the opening
 *  quote): where its closing quote is. Never goes beyond `end`. */
const char *gw_json_close_quote(const char *at, const char *end);

/** Behind the valid value at `at`. Never goes beyond `end`. */
const char *gw_json_skip(const char *at, const char *end);

/** Behind the valid value at `at` that is no list and no object. */
const char *gw_json_skip_scalar(const char *at, const char *end);

/** Decodes valid string text (without quotes) to `out`, which has room for
 *  raw.len bytes; returns how many it wrote. */
size_t gw_json_unescape(gw_slice raw, char *out);

/** Decodes valid string text (without quotes), into the arena if need be. */
gw_slice gw_json_text(gw_arena *arena, gw_slice raw);

/** A name to sort by, and which member it belongs to. */
typedef struct gw_json_name {
    uint64_t prefix; /* its first eight bytes as a number: compared first */
    gw_slice text;
    size_t index;
} gw_json_name;

gw_json_name gw_json_name_of(gw_slice text, size_t index);

/** Sorts by bytes, stable; n log n whatever the input. */
void gw_json_sort_names(gw_json_name *names, size_t n);

#endif
