/* SPDX-License-Identifier: Apache-2.0 */
/* The error value. Formats only; logging and printing are for the edges. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* More than a message holds, so that a character which vsnprintf cuts in two
 * lies behind the place where copy_clean cuts. */
enum { FORMAT_SIZE = sizeof(((gw_error *)0)->text) + 8 };

typedef struct code_row {
    const char *name;
    int http, exit;
} code_row;

static const code_row code_rows[] = {
#define CODE_ROW(name, wire, http, exit) {wire, http, exit},
    GW_CODE_MAP(CODE_ROW)
#undef CODE_ROW
};

static const code_row *
row_of(gw_code code)
{
    size_t n = sizeof(code_rows) / sizeof(code_rows[0]);

    return &code_rows[(size_t)code < n ? (size_t)code : GW_E_STATE];
}

/* Messages quote hostile input: what is no printable UTF-8 must not reach a
 * terminal, a log line or a JSON answer. Cuts at a character's border. */
static void
copy_clean(gw_error *err, const char *text)
{
    const char *end = text + strlen(text);
    size_t len = 0;

    while (end > text && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    while (text < end) {
        size_t step = gw_utf8_step(text, end);
        size_t width = step ? step : 1;

        if (len + width >= sizeof(err->text))
            break;
        if (step == 0)
            err->text[len] = '?';
        else if (step == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f))
            err->text[len] = ' ';
        else
            memcpy(err->text + len, text, step);
        len += width;
        text += width;
    }
    err->text[len] = '\0';
}

gw_code
gw_fail(gw_error *err, gw_code code, const char *fmt, ...)
{
    if (!err)
        return code;

    /* not straight into err: the arguments may quote its old text */
    char text[FORMAT_SIZE];
    va_list args;

    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        text[0] = '\0';
    va_end(args);

    err->code = code;
    copy_clean(err, text);
    return code;
}

/* Without an err the code is lost; it must still not read as success. */
static gw_code
code_of(const gw_error *err)
{
    return err && err->code != GW_OK ? err->code : GW_E_STATE;
}

gw_code
gw_fail_prefix(gw_error *err, const char *fmt, ...)
{
    if (!err)
        return code_of(err);

    char text[FORMAT_SIZE + sizeof(err->text)];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, FORMAT_SIZE, fmt, args);
    va_end(args);

    size_t len = n < 0 ? 0 : strlen(text);
    memcpy(text + len, err->text, strlen(err->text) + 1);
    copy_clean(err, text);
    return code_of(err);
}

/* How much of a text may stay so that a suffix (the place) is not lost: all
 * of it, or up to a character's border with room for "…". */
static size_t
length_beside(const char *text, size_t suffix)
{
    size_t len = strlen(text);
    size_t room = sizeof(((gw_error *)0)->text) - 1;

    if (len + suffix <= room)
        return len;
    len = suffix + sizeof("…") < room ? room - suffix - sizeof("…") : 0;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

gw_code
gw_fail_suffix(gw_error *err, const char *fmt, ...)
{
    if (!err)
        return code_of(err);

    char suffix[FORMAT_SIZE];
    char text[FORMAT_SIZE + sizeof(err->text)];
    va_list args;

    va_start(args, fmt);
    if (vsnprintf(suffix, sizeof(suffix), fmt, args) < 0)
        suffix[0] = '\0';
    va_end(args);

    size_t len = length_beside(err->text, strlen(suffix));
    memcpy(text, err->text, len);
    (void)snprintf(text + len, sizeof(text) - len, "%s%s",
                   err->text[len] == '\0' ? "" : "…", suffix);
    copy_clean(err, text);
    return code_of(err);
}

const char *
gw_code_name(gw_code code)
{
    return row_of(code)->name;
}

bool
gw_code_find(const char *name, gw_code *out)
{
    for (size_t i = 0; i < sizeof(code_rows) / sizeof(code_rows[0]); i++)
        if (strcmp(code_rows[i].name, name) == 0) {
            *out = (gw_code)i;
            return true;
        }
    return false;
}

int
gw_code_exit(gw_code code)
{
    return row_of(code)->exit;
}

int
gw_code_http(gw_code code)
{
    return row_of(code)->http;
}
