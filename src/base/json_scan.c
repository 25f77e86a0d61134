/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON scanner: validates untrusted text and splits it into slices, in
 * one pass. Reads nothing outside the text, which may end at a page's end.
 * What already is valid is json_value.c's and json_compare.c's. */
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/json_priv.h"
#include "base/limits.h"
#include "base/utf8.h"

enum {
    INLINE_MEMBERS = 48, /* open members held without allocating */
    FEW_MEMBERS = 32,    /* up to here names are compared one by one */
};

typedef struct member {
    gw_field field;
    const char *at; /* the name's opening quote in the text */
} member;

/* `members` is a stack: those of all objects that are open. */
typedef struct scan {
    const char *begin, *end;
    gw_arena *arena; /* for names with escapes, and kept objects */
    member *members;
    size_t n, room;
    unsigned depth;
    const char *fault, *fault_at;
    gw_slice fault_name;
    gw_buf kept; /* gw_fields of the objects of gw_json_objects */
    member first_members[INLINE_MEMBERS];
} scan;

static void
scan_init(scan *s, gw_arena *arena, gw_slice text)
{
    s->begin = text.len ? text.at : "";
    s->end = s->begin + text.len;
    s->arena = arena;
    s->members = s->first_members;
    s->n = 0;
    s->room = INLINE_MEMBERS;
    s->depth = 0;
    s->fault = s->fault_at = NULL;
    s->fault_name = (gw_slice){0};
    s->kept = (gw_buf){0};
}

static void
scan_clear(scan *s)
{
    if (s->members != s->first_members)
        free(s->members);
    gw_buf_clear(&s->kept);
}

static __attribute__((cold)) const char *
fault(scan *s, const char *at, const char *what)
{
    s->fault = what;
    s->fault_at = at;
    return NULL;
}

static __attribute__((cold)) gw_code
report_fault(const scan *s, gw_error *err)
{
    size_t offset = (size_t)(s->fault_at - s->begin);
    gw_slice name = s->fault_name;

    if (!name.at)
        return gw_fail(err, GW_E_INPUT, "invalid JSON at byte offset %zu: %s",
                       offset, s->fault);
    return gw_fail(err, GW_E_INPUT,
                   "invalid JSON at byte offset %zu: %s \"%.*s\"%s", offset,
                   s->fault, (int)(name.len < 100 ? name.len : 100), name.at,
                   name.len < 100 ? "" : "...");
}

static inline const char *
skip_space(const char *at, const char *end)
{
    if (at < end && (unsigned char)*at > ' ')
        return at;
    return gw_json_skip_space(at, end);
}

/* To the first byte of string text that needs a closer look: a quote, a
 * backslash, a control character, anything but ASCII, or the end. */
static inline const char *
skip_plain(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');

    while (end - at >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        /* signed: below ' ' is the control characters and all of 0x80.. */
        __m128i stop = _mm_or_si128(_mm_cmplt_epi8(v, space),
                                    _mm_or_si128(_mm_cmpeq_epi8(v, quote),
                                                 _mm_cmpeq_epi8(v, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);

        if (mask)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end) {
        unsigned char c = (unsigned char)*at;

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        at++;
    }
    return at;
}

/* Four hex digits as a number, or -1. */
static int
hex4(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* `at` is behind the backslash and the u. */
static const char *
scan_unicode_escape(scan *s, const char *at)
{
    int unit = hex4(at, s->end);

    if (unit < 0)
        return fault(s, at, "\\u needs four hexadecimal digits");
    if (unit == 0)
        return fault(s, at, "\\u0000 cannot be stored");
    if (unit < 0xD800 || unit > 0xDFFF)
        return at + 4;
    if (unit > 0xDBFF)
        return fault(s, at, "a \\u surrogate without its first half");
    at += 4;
    if (s->end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return fault(s, at, "a \\u surrogate without its second half");
    unit = hex4(at + 2, s->end);
    if (unit < 0xDC00 || unit > 0xDFFF)
        return fault(s, at, "a \\u surrogate without its second half");
    return at + 6;
}

static const char *
scan_escape(scan *s, const char *at)
{
    if (at + 1 == s->end)
        return fault(s, at, "the text ends inside a string");
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        return scan_unicode_escape(s, at + 2);
    default:
        return fault(s, at, "no such escape in a string");
    }
}

static const char *
scan_non_ascii(scan *s, const char *at)
{
    while (at < s->end && (unsigned char)*at >= 0x80) {
        size_t step = gw_utf8_step(at, s->end);

        if (step == 0)
            return fault(s, at, "a string is not valid UTF-8");
        at += step;
    }
    return at;
}

/* From behind the opening quote to the closing one. */
static inline const char *
scan_string(scan *s, const char *at, bool *has_escape)
{
    while (at) {
        at = skip_plain(at, s->end);
        if (at == s->end)
            return fault(s, at, "the text ends inside a string");
        if (*at == '"')
            return at;
        if (*at == '\\') {
            *has_escape = true;
            at = scan_escape(s, at);
        } else if ((unsigned char)*at >= 0x80) {
            at = scan_non_ascii(s, at);
        } else {
            return fault(s, at,
                         "a control character in a string; write it as \\u");
        }
    }
    return NULL;
}

static inline bool
is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static inline const char *
skip_digits(const char *at, const char *end)
{
    while (is_digit(at, end))
        at++;
    return at;
}

static inline const char *
scan_number(scan *s, const char *at)
{
    const char *end = s->end;
    const char *first = at;

    if (*at == '-')
        at++;
    if (!is_digit(at, end))
        return fault(s, first, "no JSON value begins like this");
    if (*at == '0' && is_digit(at + 1, end))
        return fault(s, first, "a number begins with 0");
    at = skip_digits(at, end);
    if (at < end && *at == '.') {
        if (!is_digit(++at, end))
            return fault(s, at, "a number needs a digit behind its point");
        at = skip_digits(at, end);
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        if (!is_digit(at, end))
            return fault(s, at, "a number needs a digit in its exponent");
        at = skip_digits(at, end);
    }
    return at;
}

static const char *
scan_word(scan *s, const char *at, gw_slice word)
{
    if ((size_t)(s->end - at) < word.len || memcmp(at, word.at, word.len) != 0)
        return fault(s, at, "no JSON value begins like this");
    return at + word.len;
}

static __attribute__((cold, noinline)) void
grow_members(scan *s)
{
    size_t size_bytes = s->n * sizeof(member);

    s->room *= 2;
    if (s->members == s->first_members)
        s->members = memcpy(gw_malloc(2 * size_bytes), s->members, size_bytes);
    else
        s->members = gw_realloc(s->members, 2 * size_bytes);
}

static inline size_t
push_member(scan *s, gw_slice name, const char *at)
{
    if (s->n == s->room)
        grow_members(s);
    s->members[s->n] = (member){.field.key = name, .at = at};
    return s->n++;
}

/* One bit of 64, by the name's length and three of its bytes. */
static inline uint64_t
bit_of(gw_slice name)
{
    if (name.len == 0)
        return 1;

    uint32_t mix = (uint32_t)name.len * 7 + (unsigned char)name.at[0] * 31U +
                   (unsigned char)name.at[name.len / 2] * 57U +
                   (unsigned char)name.at[name.len - 1] * 113U;
    return (uint64_t)1 << (mix * 2654435769U >> 26);
}

/* Whether an object whose members begin at `first` has the name already.
 * `seen` holds the bits of its names; most are answered by that. */
static inline bool
is_repeated(const scan *s, size_t first, gw_slice name, uint64_t *seen)
{
    uint64_t bit = bit_of(name);

    if (!(*seen & bit)) {
        *seen |= bit;
        return false;
    }
    if (s->n - first > FEW_MEMBERS)
        return false; /* left to find_repeated */
    for (size_t i = first; i < s->n; i++)
        if (gw_slice_equal(s->members[i].field.key, name))
            return true;
    return false;
}

static __attribute__((cold)) const char *
fault_repeated(scan *s, const char *at, gw_slice name)
{
    s->fault_name = name;
    return fault(s, at, "an object has this member twice:");
}

/* For objects with many members, at their end: by sorting. The first of the
 * repeated ones, or NULL. */
static const member *
find_repeated(const scan *s, size_t first)
{
    size_t n = s->n - first, found = SIZE_MAX;
    gw_json_name *names = gw_malloc(n * sizeof(*names));

    for (size_t i = 0; i < n; i++)
        names[i] = gw_json_name_of(s->members[first + i].field.key, i);
    gw_json_sort_names(names, n);
    for (size_t i = 1; i < n; i++)
        if (names[i].index < found &&
            gw_slice_equal(names[i - 1].text, names[i].text))
            found = names[i].index;
    free(names);
    return found == SIZE_MAX ? NULL : &s->members[first + found];
}

static const char *scan_value(scan *s, const char *at);

static inline const char *
scan_member(scan *s, const char *at, size_t first, uint64_t *seen)
{
    if (at == s->end || *at != '"')
        return fault(s, at, "a member's name in quotes is missing");

    bool has_escape = false;
    const char *close = scan_string(s, at + 1, &has_escape);
    if (!close)
        return NULL;

    gw_slice name = {at + 1, (size_t)(close - at - 1)};
    if (has_escape)
        name = gw_json_text(s->arena, name);
    if (is_repeated(s, first, name, seen))
        return fault_repeated(s, at, name);

    size_t index = push_member(s, name, at);
    at = skip_space(close + 1, s->end);
    if (at == s->end || *at != ':')
        return fault(s, at, "a colon is missing behind a member's name");
    const char *value = skip_space(at + 1, s->end);
    at = scan_value(s, value);
    if (at)
        s->members[index].field.value = (gw_slice){value, (size_t)(at - value)};
    return at;
}

/* From behind the opening brace to behind the closing one. Leaves the
 * object's members on the stack. */
static const char *
scan_object(scan *s, const char *at)
{
    size_t first = s->n;
    uint64_t seen = 0;

    if (++s->depth > GW_LIMIT_JSON_DEPTH)
        return fault(s, at - 1, "lists and objects are nested too deep");
    at = skip_space(at, s->end);
    if (at < s->end && *at == '}') {
        s->depth--;
        return at + 1;
    }
    for (;;) {
        at = scan_member(s, at, first, &seen);
        if (!at)
            return NULL;
        at = skip_space(at, s->end);
        if (at == s->end)
            return fault(s, at, "the text ends inside an object");
        if (*at == '}')
            break;
        if (*at != ',')
            return fault(s, at, "a comma or } is missing in an object");
        at = skip_space(at + 1, s->end);
    }
    if (s->n - first > FEW_MEMBERS) {
        const member *again = find_repeated(s, first);

        if (again)
            return fault_repeated(s, again->at, again->field.key);
    }
    s->depth--;
    return at + 1;
}

/* From behind the opening bracket to behind the closing one; `item` scans
 * each value. */
static inline const char *
scan_items(scan *s, const char *at,
           const char *(*item)(scan *s, const char *at), size_t *count)
{
    size_t n = 0;

    if (++s->depth > GW_LIMIT_JSON_DEPTH)
        return fault(s, at - 1, "lists and objects are nested too deep");
    at = skip_space(at, s->end);
    if (at < s->end && *at == ']')
        goto done;
    for (;;) {
        at = item(s, at);
        if (!at)
            return NULL;
        n++;
        at = skip_space(at, s->end);
        if (at == s->end)
            return fault(s, at, "the text ends inside a list");
        if (*at == ']')
            break;
        if (*at != ',')
            return fault(s, at, "a comma or ] is missing in a list");
        at = skip_space(at + 1, s->end);
    }
done:
    s->depth--;
    *count = n;
    return at + 1;
}

static const char *
scan_list(scan *s, const char *at, size_t *count)
{
    return scan_items(s, at, scan_value, count);
}

/* Moves the members from `first` on off the stack, into an array. */
static gw_fields
take_members(scan *s, size_t first)
{
    size_t n = s->n - first;
    gw_fields fields = {GW_ARENA_NEW(s->arena, gw_field, n), n};

    for (size_t i = 0; i < n; i++)
        fields.at[i] = s->members[first + i].field;
    s->n = first;
    return fields;
}

static const char *
scan_kept_object(scan *s, const char *at)
{
    if (at == s->end || *at != '{')
        return fault(s, at, "an object is missing in a list of objects");

    size_t first = s->n;
    at = scan_object(s, at + 1);
    if (at) {
        gw_fields fields = take_members(s, first);
        gw_buf_slice(&s->kept,
                     (gw_slice){(const char *)&fields, sizeof(fields)});
    }
    return at;
}

/* A value and nothing else: `at` is its first byte. */
static const char *
scan_value(scan *s, const char *at)
{
    size_t first = s->n, count;
    bool has_escape;

    if (at == s->end)
        return fault(s, at, "the text ends where a value is missing");
    switch (*at) {
    case '"':
        at = scan_string(s, at + 1, &has_escape);
        return at ? at + 1 : NULL;
    case '{':
        at = scan_object(s, at + 1);
        s->n = first;
        return at;
    case '[':
        return scan_list(s, at + 1, &count);
    case 't':
        return scan_word(s, at, GW_LIT("true"));
    case 'f':
        return scan_word(s, at, GW_LIT("false"));
    case 'n':
        return scan_word(s, at, GW_LIT("null"));
    default:
        return scan_number(s, at);
    }
}

/* `at` is behind the value: only white space may follow. */
static const char *
scan_end(scan *s, const char *at)
{
    at = at ? skip_space(at, s->end) : NULL;
    if (at && at != s->end)
        return fault(s, at, "something follows the value");
    return at;
}

gw_code
gw_json_check(gw_slice text, gw_slice *value, gw_error *err)
{
    gw_code code = GW_OK;
    gw_arena arena;
    scan s;

    gw_arena_init(&arena);
    scan_init(&s, &arena, text);

    const char *first = skip_space(s.begin, s.end);
    const char *last = scan_value(&s, first);
    if (!scan_end(&s, last))
        code = report_fault(&s, err);
    else if (value)
        *value = (gw_slice){first, (size_t)(last - first)};

    scan_clear(&s);
    gw_arena_clear(&arena);
    return code;
}

/* Says what is there instead of a `wanted`, or what is invalid about it. */
static __attribute__((cold)) gw_code
refuse_kind(gw_slice text, gw_json_kind wanted, gw_error *err)
{
    gw_slice value = {0};
    gw_code code = gw_json_check(text, &value, err);

    if (code != GW_OK)
        return code;
    return gw_fail(err, GW_E_INPUT,
                   "unexpected JSON at byte offset %zu: a value of kind %s "
                   "where one of kind %s belongs",
                   (size_t)(value.at - text.at),
                   gw_json_kind_name(gw_json_kind_of(value)),
                   gw_json_kind_name(wanted));
}

gw_code
gw_json_object(gw_arena *arena, gw_slice text, gw_fields *out, gw_error *err)
{
    gw_code code = GW_OK;
    scan s;

    scan_init(&s, arena, text);
    const char *at = skip_space(s.begin, s.end);
    if (at == s.end || *at != '{')
        return refuse_kind(text, GW_JSON_OBJECT, err);

    at = scan_object(&s, at + 1);
    if (!scan_end(&s, at)) {
        code = report_fault(&s, err);
        goto done;
    }
    *out = take_members(&s, 0);
done:
    scan_clear(&s);
    return code;
}

/* `at` is behind the bracket of a list of n values, which is valid. */
static void
split_list(gw_slice *to, size_t n, const char *at, const char *end)
{
    for (size_t i = 0; i < n; i++) {
        const char *first = gw_json_skip_space(at, end);
        const char *last = gw_json_skip(first, end);

        to[i] = (gw_slice){first, (size_t)(last - first)};
        at = gw_json_skip_space(last, end) + 1;
    }
}

/* Two passes: a list's length is known only at its end, and a list of a
 * hundred million small numbers should cost its slices and no more. */
gw_code
gw_json_array(gw_arena *arena, gw_slice text, gw_values *out, gw_error *err)
{
    gw_code code = GW_OK;
    gw_arena names;
    size_t n = 0;
    scan s;

    gw_arena_init(&names);
    scan_init(&s, &names, text);
    const char *at = skip_space(s.begin, s.end);
    if (at == s.end || *at != '[')
        return refuse_kind(text, GW_JSON_ARRAY, err);

    if (!scan_end(&s, scan_list(&s, at + 1, &n))) {
        code = report_fault(&s, err);
    } else {
        out->at = GW_ARENA_NEW(arena, gw_slice, n);
        out->n = n;
        split_list(out->at, n, at + 1, s.end);
    }
    scan_clear(&s);
    gw_arena_clear(&names);
    return code;
}

gw_code
gw_json_objects(gw_arena *arena, gw_slice text, gw_objects *out, gw_error *err)
{
    gw_code code = GW_OK;
    size_t n = 0;
    scan s;

    scan_init(&s, arena, text);
    const char *at = skip_space(s.begin, s.end);
    if (at == s.end || *at != '[')
        return refuse_kind(text, GW_JSON_ARRAY, err);

    if (!scan_end(&s, scan_items(&s, at + 1, scan_kept_object, &n))) {
        code = report_fault(&s, err);
    } else {
        out->at = GW_ARENA_NEW(arena, gw_fields, n);
        out->n = n;
        if (n > 0)
            memcpy(out->at, s.kept.at, n * sizeof(gw_fields));
    }
    scan_clear(&s);
    return code;
}
