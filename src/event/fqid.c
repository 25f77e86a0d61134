/* SPDX-License-Identifier: Apache-2.0 */
/* Names: fqids, collections, fields. Patterns are those of event-store.md,
 * by one table of character classes. */
#include "base/limits.h"
#include "event/event.h"

enum {
    LOWER = 1, /* a-z */
    UNDER = 2, /* _ */
    DIGIT = 4, /* 0-9 */
};

static unsigned
class_of(char byte)
{
    if (byte >= 'a' && byte <= 'z') {
        return LOWER;
    }
    if (byte >= '0' && byte <= '9') {
        return DIGIT;
    }
    return byte == '_' ? UNDER : 0;
}

static bool
all_of(gw_slice text, unsigned classes)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((class_of(text.at[i]) & classes) == 0) {
            return false;
        }
    }
    return true;
}

bool
gw_collection_is_valid(gw_slice name)
{
    /* [a-z](?:[a-z_]+[a-z]+)? : one letter, or three and more bytes that
     * begin and end with a letter */
    if (name.len == 0 || name.len == 2 || name.len > GW_LIMIT_FQID) {
        return false;
    }
    return class_of(name.at[0]) == LOWER &&
           class_of(name.at[name.len - 1]) == LOWER &&
           all_of(name, LOWER | UNDER);
}

static bool
is_id(gw_slice text)
{
    return text.len > 0 && text.at[0] != '0' && all_of(text, DIGIT);
}

gw_code
gw_fqid_parse(gw_slice text, gw_fqid *out, gw_error *err)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.at, '/', text.len);
    size_t n = slash == NULL ? 0 : (size_t)(slash - text.at);
    gw_fqid f = {text, n};

    if (slash == NULL || text.len > GW_LIMIT_FQID ||
        !gw_collection_is_valid(gw_fqid_collection(&f)) ||
        !is_id(gw_fqid_id(&f))) {
        return gw_fail(err, GW_E_INPUT,
                       "'%.*s' is no fqid (collection/id, %d characters at "
                       "most)",
                       (int)(text.len > 200 ? 200 : text.len),
                       text.len == 0 ? "" : text.at, GW_LIMIT_FQID);
    }
    *out = f;
    return GW_OK;
}

bool
gw_field_name_is_valid(gw_slice name)
{
    if (name.len == 0 || name.len > GW_LIMIT_FIELD_NAME ||
        class_of(name.at[0]) != LOWER) {
        return false;
    }
    bool seen_dollar = false;
    for (size_t i = 1; i < name.len; i++) {
        if (class_of(name.at[i]) != 0) {
            continue;
        }
        if (name.at[i] != '$' || seen_dollar) {
            return false;
        }
        seen_dollar = true;
    }
    return name.len < 5 || memcmp(name.at, "meta_", 5) != 0;
}
