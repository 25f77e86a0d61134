/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the source: slots, topics, channels of two persons. Pure. */
#include <stdio.h>
#include <zlib.h>

#include "source/wukongim_priv.h"

uint32_t
gw_wk_crc(gw_slice text)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const Bytef *)text.at,
                             text.len);
}

/* On equal hashes the source puts the peer first. */
static bool
is_login_first(gw_slice login, gw_slice peer)
{
    return gw_wk_crc(login) > gw_wk_crc(peer);
}

void
gw_wk_put_fake(gw_buf *out, gw_slice login, gw_slice peer)
{
    bool login_first = is_login_first(login, peer);

    gw_buf_slice(out, login_first ? login : peer);
    gw_buf_byte(out, '@');
    gw_buf_slice(out, login_first ? peer : login);
}

/* Either may be the login, so long as the source makes the same name. */
bool
gw_wk_split(gw_slice id, gw_slice *login, gw_slice *peer)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.at[i] != '@')
            continue;
        gw_slice left = {id.at, i}, right = {id.at + i + 1, id.len - i - 1};
        bool left_is_login = is_login_first(left, right);
        if (!left_is_login && is_login_first(right, left))
            continue; /* no order of the two gives this name */
        *login = left_is_login ? left : right;
        *peer = left_is_login ? right : left;
        return true;
    }
    return false;
}

bool
gw_wk_replace_nuls(gw_buf *json)
{
    static const char nul[] = "\\u0000", other[] = "\\ufdd0";
    char *at = json->at, *end = json->at + json->len;
    bool any = false;

    while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
        if ((size_t)(end - at) >= sizeof(nul) - 1 &&
            memcmp(at, nul, sizeof(nul) - 1) == 0) {
            memcpy(at, other, sizeof(other) - 1);
            any = true;
        }
        /* what follows is no backslash of its own */
        at = end - at > 2 ? at + 2 : end;
    }
    return any;
}

bool
gw_wk_holds_nul(gw_slice text)
{
    return text.len > 0 && memmem(text.at, text.len, GW_LIST_NUL,
                                  sizeof(GW_LIST_NUL) - 1) != NULL;
}

static bool
read_number(gw_slice text, int64_t most, int64_t *out)
{
    int64_t n = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (text.at[i] - '0');
        if (n > most)
            return false;
    }
    *out = n;
    return true;
}

bool
gw_wk_topic_parse(gw_slice name, gw_wk_topic *out)
{
    const char *dash = name.len ? memchr(name.at, '-', name.len) : NULL;
    size_t len = dash ? (size_t)(dash - name.at) : 0;

    if (!dash || len + 1 == name.len ||
        !read_number((gw_slice){name.at, len}, 255, &out->type))
        return false;
    out->name = name;
    out->id = (gw_slice){dash + 1, name.len - len - 1};
    return true;
}

int64_t
gw_wk_reported_number(gw_slice id, int64_t number)
{
    const char *dash = id.len ? memchr(id.at, '-', id.len) : NULL;
    int64_t n = 0;

    if (!dash)
        return number;
    gw_slice part = {dash + 1, id.len - (size_t)(dash + 1 - id.at)};
    const char *second = part.len ? memchr(part.at, '-', part.len) : NULL;
    if (second)
        part.len = (size_t)(second - part.at);
    return read_number(part, INT64_MAX / 16, &n) ? n % 256 : 0;
}

int
gw_wk_warm_number(unsigned slot)
{
    char name[32];

    for (int n = 0;; n++) {
        int len = snprintf(name, sizeof(name), "2-__warm%d", n);
        if (gw_wk_slot((gw_slice){name, (size_t)len}) == slot)
            return n;
    }
}
