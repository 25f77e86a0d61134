/* SPDX-License-Identifier: Apache-2.0 */
/* What to do with JSON values known to be valid: kinds, decoding, printing,
 * stepping over them. Validates nothing, but stays inside its text. */
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/json_priv.h"

gw_json_kind
gw_json_kind_of(gw_slice value)
{
    switch (value.len ? value.at[0] : 'n') {
    case '{':
        return GW_JSON_OBJECT;
    case '[':
        return GW_JSON_ARRAY;
    case '"':
        return GW_JSON_STRING;
    case 't':
    case 'f':
        return GW_JSON_BOOL;
    case 'n':
        return GW_JSON_NULL;
    default:
        return GW_JSON_NUMBER;
    }
}

const char *
gw_json_kind_name(gw_json_kind kind)
{
    static const char *const names[] = {
        [GW_JSON_NULL] = "null",     [GW_JSON_BOOL] = "bool",
        [GW_JSON_NUMBER] = "number", [GW_JSON_STRING] = "string",
        [GW_JSON_ARRAY] = "list",    [GW_JSON_OBJECT] = "object",
    };

    return names[kind];
}

const char *
gw_json_close_quote(const char *at, const char *end)
{
    for (;;) {
#ifdef __SSE2__
        const __m128i quote = _mm_set1_epi8('"');
        const __m128i backslash = _mm_set1_epi8('\\');

        while (end - at >= 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
            unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(
                _mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)));

            if (mask) {
                at += __builtin_ctz(mask);
                break;
            }
            at += 16;
        }
#endif
        while (at < end && *at != '"' && *at != '\\')
            at++;
        if (end - at < 2 || *at == '"')
            return at;
        at += 2;
    }
}

const char *
gw_json_skip_scalar(const char *at, const char *end)
{
    if (at < end && *at == '"') {
        at = gw_json_close_quote(at + 1, end);
        return at < end ? at + 1 : end;
    }
    while (at < end && *at != ',' && *at != ']' && *at != '}' &&
           !gw_json_is_space(*at))
        at++;
    return at;
}

const char *
gw_json_skip(const char *at, const char *end)
{
    size_t depth = 0;

    if (at == end || (*at != '{' && *at != '['))
        return gw_json_skip_scalar(at, end);
    while (at < end) {
        switch (*at++) {
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0)
                return at;
            break;
        case '"':
            at = gw_json_close_quote(at, end);
            if (at < end)
                at++;
            break;
        default:
            break;
        }
    }
    return end;
}

static unsigned
hex_value(const char *at)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)at[i];

        value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static size_t
put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* The letters behind a backslash and what they stand for, in pairs. */
static const char escapes[] = "b\bf\fn\nr\rt\t";

static char
plain_escape(char letter)
{
    for (const char *e = escapes; *e; e += 2)
        if (e[0] == letter)
            return e[1];
    return letter; /* quote, backslash, slash */
}

size_t
gw_json_unescape(gw_slice raw, char *out)
{
    const char *at = raw.at, *end = raw.at + raw.len;
    char *to = out;

    while (at < end) {
        if (*at != '\\' || end - at < 2) {
            *to++ = *at++;
        } else if (at[1] != 'u') {
            *to++ = plain_escape(at[1]);
            at += 2;
        } else if (end - at < 6) {
            break; /* cannot be in a valid string */
        } else {
            unsigned c = hex_value(at + 2);

            at += 6;
            if (c >= 0xD800 && c <= 0xDBFF && end - at >= 6) {
                c = 0x10000 + ((c & 0x3FF) << 10) + (hex_value(at + 2) & 0x3FF);
                at += 6;
            }
            to += put_utf8(to, c);
        }
    }
    return (size_t)(to - out);
}

gw_slice
gw_json_text(gw_arena *arena, gw_slice raw)
{
    if (!raw.len || !memchr(raw.at, '\\', raw.len))
        return raw;

    char *text = gw_arena_alloc(arena, raw.len);
    return (gw_slice){text, gw_json_unescape(raw, text)};
}

gw_slice
gw_json_string(gw_arena *arena, gw_slice value)
{
    if (value.len < 2)
        return (gw_slice){"", 0};
    return gw_json_text(arena, (gw_slice){value.at + 1, value.len - 2});
}

bool
gw_json_int(gw_slice value, int64_t *out)
{
    bool is_negative = value.len && value.at[0] == '-';
    int64_t sum = 0;

    if (value.len == (size_t)is_negative)
        return false;
    for (size_t i = is_negative; i < value.len; i++) {
        int digit = value.at[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, is_negative ? -digit : digit, &sum))
            return false;
    }
    *out = sum;
    return true;
}

/* To the first byte that a JSON string cannot hold as it is. */
static inline const char *
skip_literal(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);

    while (end - at >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i stop =
            _mm_or_si128(_mm_cmpeq_epi8(_mm_max_epu8(v, control), control),
                         _mm_or_si128(_mm_cmpeq_epi8(v, quote),
                                      _mm_cmpeq_epi8(v, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);

        if (mask)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static char *
write_escape(char *to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    *to++ = '\\';
    if (c == '"' || c == '\\') {
        *to++ = (char)c;
        return to;
    }
    for (const char *e = escapes; *e; e += 2) {
        if (e[1] == (char)c) {
            *to++ = e[0];
            return to;
        }
    }
    to[0] = 'u';
    to[1] = to[2] = '0';
    to[3] = digits[c >> 4];
    to[4] = digits[c & 15];
    return to + 5;
}

/* How many bytes write_string needs at most. */
static inline size_t
string_room(gw_slice text)
{
    return 6 * text.len + 2;
}

static inline char *
write_string(char *to, gw_slice text)
{
    const char *at = text.at, *end = text.len ? at + text.len : at;

    *to++ = '"';
    while (at < end) {
        const char *from = at;

        at = skip_literal(at, end);
        memcpy(to, from, (size_t)(at - from));
        to += at - from;
        if (at < end)
            to = write_escape(to, (unsigned char)*at++);
    }
    *to++ = '"';
    return to;
}

/* A run at a time: room for the worst case of a long text would be six times
 * what it mostly takes. */
void
gw_json_put_string(gw_buf *buf, gw_slice text)
{
    const char *at = text.at, *end = text.len ? at + text.len : at;

    gw_buf_byte(buf, '"');
    while (at < end) {
        const char *from = at;

        at = skip_literal(at, end);
        gw_buf_add(buf, from, (size_t)(at - from));
        if (at < end) {
            char *to = gw_buf_reserve(buf, 6);

            to = write_escape(to, (unsigned char)*at++);
            buf->len = (size_t)(to - buf->at);
        }
    }
    gw_buf_byte(buf, '"');
}

void
gw_json_put_fields(gw_buf *buf, gw_fields fields)
{
    size_t room = 2;

    for (size_t i = 0; i < fields.n; i++)
        room += string_room(fields.at[i].key) + fields.at[i].value.len + 2;

    char *to = gw_buf_reserve(buf, room);
    *to++ = '{';
    for (size_t i = 0; i < fields.n; i++) {
        gw_field f = fields.at[i];

        if (i)
            *to++ = ',';
        to = write_string(to, f.key);
        *to++ = ':';
        memcpy(to, f.value.at, f.value.len);
        to += f.value.len;
    }
    *to++ = '}';
    buf->len = (size_t)(to - buf->at);
}

gw_json_name
gw_json_name_of(gw_slice text, size_t index)
{
    uint64_t prefix = 0;

    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (i < text.len ? (unsigned char)text.at[i] : 0);
    return (gw_json_name){prefix, text, index};
}

static inline bool
is_after(const gw_json_name *a, const gw_json_name *b)
{
    if (a->prefix != b->prefix)
        return a->prefix > b->prefix;
    return gw_slice_compare(a->text, b->text) > 0;
}

static void
insertion_sort(gw_json_name *names, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        gw_json_name name = names[i];
        size_t j = i;

        for (; j > 0 && is_after(&names[j - 1], &name); j--)
            names[j] = names[j - 1];
        names[j] = name;
    }
}

/* Sorted from[0..middle) and from[middle..n) to to[0..n). */
static void
merge(gw_json_name *to, const gw_json_name *from, size_t middle, size_t n)
{
    size_t a = 0, b = middle;

    for (size_t i = 0; i < n; i++) {
        if (b == n || (a < middle && !is_after(&from[a], &from[b])))
            to[i] = from[a++];
        else
            to[i] = from[b++];
    }
}

/* qsort may turn quadratic when it finds no memory; hostile input decides
 * the order here. */
void
gw_json_sort_names(gw_json_name *names, size_t n)
{
    enum { RUN = 12 };

    for (size_t i = 0; i < n; i += RUN)
        insertion_sort(names + i, n - i < RUN ? n - i : RUN);
    if (n <= RUN)
        return;

    gw_json_name *other = gw_malloc(n * sizeof(*other));
    gw_json_name *from = names, *to = other;
    for (size_t width = RUN; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            size_t left = n - i;

            merge(to + i, from + i, left < width ? left : width,
                  left < 2 * width ? left : 2 * width);
        }
        gw_json_name *swap = from;
        from = to;
        to = swap;
    }
    if (from != names)
        memcpy(names, from, n * sizeof(*names));
    free(other);
}
