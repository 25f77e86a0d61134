/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of HTML: text, counts, spans of time. As web/format.js has them. */
#include "http/page_priv.h"

void
gw_page_put_html(gw_buf *out, gw_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        switch (c) {
        case '&':
            gw_buf_text(out, "&amp;");
            break;
        case '<':
            gw_buf_text(out, "&lt;");
            break;
        case '>':
            gw_buf_text(out, "&gt;");
            break;
        case '"':
            gw_buf_text(out, "&quot;");
            break;
        case '\'':
            gw_buf_text(out, "&#39;");
            break;
        case '\0':
            gw_buf_text(out, "\xef\xbf\xbd");
            break;
        default:
            gw_buf_byte(out, c);
        }
    }
}

bool
gw_page_put_member(gw_page *p, gw_fields fields, const char *key, gw_buf *out)
{
    gw_slice text;

    if (!gw_member_text(&p->arena, fields, key, &text) || text.len == 0)
        return false;
    gw_page_put_html(out, text);
    return true;
}

void
gw_page_put_member_or_dash(gw_page *p, gw_fields fields, const char *key,
                           gw_buf *out)
{
    if (!gw_page_put_member(p, fields, key, out))
        gw_buf_text(out, GW_DASH);
}

void
gw_page_put_count_or_dash(gw_fields fields, const char *key, gw_buf *out)
{
    int64_t value = gw_member_number(fields, key);

    if (value < 0)
        gw_buf_text(out, GW_DASH);
    else
        gw_units_put_count(out, value);
}

void
gw_page_put_span(gw_buf *out, int64_t ms)
{
    int64_t s = ms / 1000;

    if (ms < 0)
        gw_buf_text(out, GW_DASH);
    else if (ms < 1000)
        gw_buf_printf(out, "%d ms", (int)ms);
    else if (ms < 60000)
        gw_buf_printf(out, "%.1f s", (double)ms / 1000);
    else if (s < 3600)
        gw_buf_printf(out, "%d min %d s", (int)(s / 60), (int)(s % 60));
    else
        gw_buf_printf(out, "%lld h %d min", (long long)(s / 3600),
                      (int)(s / 60 % 60));
}

void
gw_page_put_bytes(gw_buf *out, int64_t bytes)
{
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes;
    size_t unit = 0;

    if (bytes < 0) {
        gw_buf_text(out, GW_DASH);
        return;
    }
    for (; n >= 1024 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0]); unit++)
        n /= 1024;
    gw_buf_printf(out, "%.*f %s", unit > 0 && n < 100 ? 1 : 0, n, UNITS[unit]);
}

bool
gw_page_is_text(gw_page *p, gw_fields fields, const char *key,
                const char *value)
{
    gw_slice text;

    return gw_member_text(&p->arena, fields, key, &text) &&
           gw_slice_equal(text, gw_slice_of(value));
}

void
gw_page_put_each(gw_page *p, gw_slice list, gw_page_item *put, gw_buf *out)
{
    gw_values items;
    gw_fields fields;

    if (!list.at || gw_json_array(&p->arena, list, &items, NULL) != GW_OK)
        return;
    for (size_t i = 0; i < items.n; i++)
        if (gw_json_object(&p->arena, items.at[i], &fields, NULL) == GW_OK)
            put(p, fields, out);
}
