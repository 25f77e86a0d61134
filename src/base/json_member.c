/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for members by name, for objects of a few of them. */
#include "base/json.h"

gw_slice
gw_member_raw(gw_fields fields, const char *key)
{
    for (size_t i = 0; i < fields.n; i++)
        if (gw_slice_equal(fields.at[i].key, gw_slice_of(key)))
            return fields.at[i].value;
    return (gw_slice){0};
}

bool
gw_member_text(gw_arena *arena, gw_fields fields, const char *key,
               gw_slice *out)
{
    gw_slice raw = gw_member_raw(fields, key);

    if (!raw.at || gw_json_kind_of(raw) != GW_JSON_STRING)
        return false;
    *out = gw_json_string(arena, raw);
    return true;
}

bool
gw_member_word(gw_arena *arena, gw_fields fields, const char *key, char *out,
               size_t room)
{
    gw_slice text;

    if (!gw_member_text(arena, fields, key, &text) || text.len >= room)
        return false;
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return true;
}

int64_t
gw_member_number(gw_fields fields, const char *key)
{
    int64_t value;
    gw_slice raw = gw_member_raw(fields, key);

    return raw.at && gw_json_int(raw, &value) && value >= 0 ? value : -1;
}

bool
gw_member_is_true(gw_fields fields, const char *key)
{
    return gw_slice_equal(gw_member_raw(fields, key), GW_LIT("true"));
}
