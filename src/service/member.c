/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the JSON that the service tells. */
#include <inttypes.h>

#include "service/service_priv.h"

void
gw_put_known(gw_buf *out, const char *key, bool is_known, int64_t value)
{
    if (is_known)
        gw_buf_printf(out, ",\"%s\":%" PRId64, key, value);
    else
        gw_buf_printf(out, ",\"%s\":null", key);
}

void
gw_put_number(gw_buf *out, const char *key, int64_t value)
{
    gw_put_known(out, key, value >= 0, value);
}

void
gw_put_text(gw_buf *out, const char *key, const char *text)
{
    gw_buf_printf(out, ",\"%s\":", key);
    if (text && text[0])
        gw_json_put_text(out, gw_slice_of(text));
    else
        gw_buf_text(out, "null");
}

void
gw_put_time(gw_buf *out, const char *key, int64_t seconds)
{
    char text[GW_TIMESTAMP_SIZE] = "";

    if (seconds)
        gw_units_format_time(seconds, text);
    gw_put_text(out, key, text);
}
