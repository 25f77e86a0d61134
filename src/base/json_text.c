/* SPDX-License-Identifier: Apache-2.0 */
/* JSON strings of text that may be anything. */
#include "base/json.h"
#include "base/utf8.h"

void
gw_json_put_text(gw_buf *buf, gw_slice text)
{
    gw_buf valid = {0};
    size_t from = 0;

    for (size_t i = 0; i < text.len;) {
        size_t n = gw_utf8_step(text.at + i, text.at + text.len);
        if (n == 0) {
            gw_buf_add(&valid, text.at + from, i - from);
            gw_buf_text(&valid, "\xEF\xBF\xBD"); /* U+FFFD */
            from = i + 1;
        }
        i += n ? n : 1;
    }
    if (from == 0) {
        gw_json_put_string(buf, text);
        return;
    }
    gw_buf_add(&valid, text.at + from, text.len - from);
    gw_json_put_string(buf, gw_buf_as_slice(&valid));
    gw_buf_clear(&valid);
}
