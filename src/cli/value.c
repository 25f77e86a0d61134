/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options by their type: which reader and which form. */
#include "base/units.h"
#include "cli/option_priv.h"

static gw_code
parse_integer(const char *text, int64_t *out, gw_error *err)
{
    int64_t value = 0;

    for (const char *at = text; *at; at++)
        if (*at < '0' || *at > '9' ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return gw_fail(err, GW_E_USAGE, "\"%.60s\" is no whole number",
                           text);
    if (!*text)
        return gw_fail(err, GW_E_USAGE, "a whole number is missing");
    *out = value;
    return GW_OK;
}

gw_code
gw_value_parse(const char *text, gw_option_type type, int64_t *out,
               gw_error *err)
{
    switch (type) {
    case GW_OPTION_TYPE_SIZE:
        return gw_units_parse_size(gw_slice_of(text), out, err);
    case GW_OPTION_TYPE_DURATION:
        return gw_units_parse_duration(gw_slice_of(text), out, err);
    default:
        return parse_integer(text, out, err);
    }
}

void
gw_value_put(gw_buf *buf, int64_t value, gw_option_type type)
{
    if (type == GW_OPTION_TYPE_SIZE)
        gw_units_put_size(buf, value);
    else if (type == GW_OPTION_TYPE_DURATION)
        gw_units_put_duration(buf, value);
    else
        gw_buf_int(buf, value);
}
