/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people and logs: cleaning, wrapping, counting columns. */
#include <time.h>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/output_priv.h"

static bool
is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

void
gw_text_put_clean(gw_buf *buf, gw_slice text, bool keep_lines)
{
    const unsigned char *at = (const unsigned char *)text.at;

    for (size_t i = 0; i < text.len;) {
        unsigned char c = at[i];
        size_t n = gw_utf8_step(text.at + i, text.at + text.len);

        if (n == 0)
            gw_buf_text(buf, "\xEF\xBF\xBD"); /* U+FFFD */
        else if (c == '\t' || (c == '\n' && keep_lines))
            gw_buf_byte(buf, (char)c);
        else if (c == '\n')
            gw_buf_byte(buf, ' ');
        else if (c < ' ' || c == 0x7F)
            gw_buf_printf(buf, "\\x%02x", c);
        else if (n == 2 && c == 0xC2 && at[i + 1] < 0xA0) /* C1 */
            gw_buf_printf(buf, "\\x%02x", at[i + 1]);
        else
            gw_buf_add(buf, text.at + i, n);
        i += n ? n : 1;
    }
}

void
gw_text_put_json(gw_buf *buf, gw_slice text)
{
    gw_json_put_text(buf, text);
}

size_t
gw_text_width(gw_slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += !is_tail((unsigned char)text.at[i]);
    return n;
}

void
gw_text_put_blanks(gw_buf *buf, size_t n)
{
    while (n-- > 0)
        gw_buf_byte(buf, ' ');
}

void
gw_text_put_wrapped(gw_buf *buf, const char *text, size_t indent, size_t at,
                    size_t width)
{
    bool is_first = true;

    while (*text) {
        gw_slice word = {text, strcspn(text, " ")};
        size_t columns = gw_text_width(word);

        if (!is_first && at + 1 + columns > width) {
            gw_buf_byte(buf, '\n');
            gw_text_put_blanks(buf, indent);
            at = indent;
        } else if (!is_first) {
            gw_buf_byte(buf, ' ');
            at++;
        }
        gw_buf_slice(buf, word);
        at += columns;
        is_first = false;
        text += word.len;
        text += strspn(text, " ");
    }
    gw_buf_byte(buf, '\n');
}

void
gw_text_put_now(gw_buf *buf)
{
    struct timespec now;
    struct tm utc;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    gw_buf_printf(buf, "%s.%03dZ", text, (int)(now.tv_nsec / 1000000));
}
