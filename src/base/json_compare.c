/* SPDX-License-Identifier: Apache-2.0 */
/* Equality, hash and canonical text of valid JSON values. All three take time
 * in proportion to the text (n log n for members out of order), whatever the
 * nesting and however far away an exponent is. */
#include <assert.h>
#include <stdlib.h>

#include "base/json_priv.h"

enum { INLINE_JUMPS = 32 };

/* Where a list or object ends, so that passing over it costs nothing. They
 * stand in the order in which they begin in the text. */
typedef struct jump {
    uint32_t end;  /* offset behind it */
    uint32_t next; /* the first one that begins behind it */
} jump;

typedef struct doc {
    const char *begin, *end;
    jump *jumps;
    size_t n, room;
    jump first_jumps[INLINE_JUMPS];
} doc;

/* A place in a doc, and the next list or object that begins there or later. */
typedef struct cursor {
    const char *at;
    size_t jump;
} cursor;

static size_t
push_jump(doc *d)
{
    if (d->n == d->room) {
        size_t size_bytes = d->n * sizeof(jump);

        d->room *= 2;
        if (d->jumps == d->first_jumps)
            d->jumps = memcpy(gw_malloc(2 * size_bytes), d->jumps, size_bytes);
        else
            d->jumps = gw_realloc(d->jumps, 2 * size_bytes);
    }
    return d->n++;
}

/* `next` of one that is still open holds the one around it. */
static void
doc_init(doc *d, gw_slice value)
{
    const char *at = value.at;
    size_t open = 0;

    assert(value.len < UINT32_MAX);
    *d = (doc){.begin = value.at,
               .end = value.at + value.len,
               .jumps = d->first_jumps,
               .room = INLINE_JUMPS};
    while (at < d->end) {
        char c = *at++;

        if (c == '"') {
            at = gw_json_close_quote(at, d->end);
            at += at < d->end;
        } else if (c == '{' || c == '[') {
            size_t i = push_jump(d);

            d->jumps[i].next = (uint32_t)open;
            open = i;
        } else if (c == '}' || c == ']') {
            size_t around = d->jumps[open].next;

            d->jumps[open].end = (uint32_t)(at - d->begin);
            d->jumps[open].next = (uint32_t)d->n;
            open = around;
        }
    }
}

static void
doc_clear(doc *d)
{
    if (d->jumps != d->first_jumps)
        free(d->jumps);
}

static gw_slice
slice_to(const char *from, const char *to)
{
    return (gw_slice){from, (size_t)(to - from)};
}

static void
skip_space(const doc *d, cursor *c)
{
    c->at = gw_json_skip_space(c->at, d->end);
}

static void
skip_value(const doc *d, cursor *c)
{
    if (*c->at == '{' || *c->at == '[') {
        c->at = d->begin + d->jumps[c->jump].end;
        c->jump = d->jumps[c->jump].next;
    } else {
        c->at = gw_json_skip_scalar(c->at, d->end);
    }
}

/* Into a list or an object; false when it is empty, and then behind it. */
static bool
enter(const doc *d, cursor *c)
{
    c->at++;
    c->jump++;
    skip_space(d, c);
    if (*c->at != ']' && *c->at != '}')
        return true;
    c->at++;
    return false;
}

/* From behind a value to the next one; false, and behind the list or object,
 * when there is none. */
static bool
step(const doc *d, cursor *c)
{
    skip_space(d, c);
    bool has_more = *c->at++ == ',';
    if (has_more)
        skip_space(d, c);
    return has_more;
}

/* The raw text of a member's name; the cursor goes on to its value. */
static gw_slice
take_name(const doc *d, cursor *c)
{
    const char *from = c->at + 1;

    c->at = gw_json_close_quote(from, d->end);
    gw_slice name = slice_to(from, c->at++);
    skip_space(d, c);
    c->at++;
    skip_space(d, c);
    return name;
}

/* The members of an object, by name. */
typedef struct members {
    gw_json_name *names;
    cursor *values;
    size_t n, room;
} members;

static void
push_member(members *m, gw_slice name, cursor value)
{
    if (m->n == m->room) {
        m->room = m->room ? 2 * m->room : 8;
        m->names = gw_realloc(m->names, m->room * sizeof(*m->names));
        m->values = gw_realloc(m->values, m->room * sizeof(*m->values));
    }
    m->names[m->n] = gw_json_name_of(name, m->n);
    m->values[m->n++] = value;
}

/* From a member to behind its object. */
static members
take_members(const doc *d, cursor *c, gw_arena *arena)
{
    members m = {0};

    do {
        gw_slice name = gw_json_text(arena, take_name(d, c));

        push_member(&m, name, *c);
        skip_value(d, c);
    } while (step(d, c));
    gw_json_sort_names(m.names, m.n);
    return m;
}

static void
clear_members(members *m)
{
    free(m->names);
    free(m->values);
}

/* A number as 0.DIGITS times ten to the power of exponent + shift. */
typedef struct number {
    bool is_negative, is_exponent_negative;
    gw_slice digits;   /* may have a point in it; "" is zero */
    gw_slice exponent; /* digits only */
    int64_t shift;
} number;

static number
number_of(gw_slice text)
{
    const char *at = text.at, *end = text.at + text.len;
    number n = {.is_negative = text.len && *at == '-'};
    const char *first = NULL, *last = NULL;
    bool has_point = false;

    for (at += n.is_negative; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            has_point = true;
            continue;
        }
        if (*at != '0') {
            first = first ? first : at;
            last = at;
        }
        if (first && !has_point)
            n.shift++;
        else if (!first && has_point)
            n.shift--;
    }
    if (!first)
        return (number){.digits = {"", 0}};
    n.digits = slice_to(first, last + 1);
    if (at < end && ++at < end && (*at == '+' || *at == '-'))
        n.is_exponent_negative = *at++ == '-';
    while (at < end && *at == '0')
        at++;
    n.exponent = slice_to(at, end);
    return n;
}

static bool
same_digits(gw_slice a, gw_slice b)
{
    size_t i = 0, j = 0;

    for (;;) {
        i += i < a.len && a.at[i] == '.';
        j += j < b.len && b.at[j] == '.';
        if (i == a.len || j == b.len)
            return i == a.len && j == b.len;
        if (a.at[i++] != b.at[j++])
            return false;
    }
}

/* The digit of a signed exponent with 10^place. */
static int
exponent_digit(const number *n, size_t place)
{
    if (place >= n->exponent.len)
        return 0;

    int digit = n->exponent.at[n->exponent.len - 1 - place] - '0';
    return n->is_exponent_negative ? -digit : digit;
}

/* Exponents may have a million digits; all that counts is whether they differ
 * by just what the shifts do. From the top, the difference only grows once it
 * is beyond what the digits below can take back. */
static bool
same_exponent(const number *a, const number *b)
{
    size_t place =
        a->exponent.len > b->exponent.len ? a->exponent.len : b->exponent.len;
    const int64_t bound = INT64_C(1) << 50;
    int64_t difference = 0;

    while (place-- > 0) {
        difference = 10 * difference + exponent_digit(a, place) -
                     exponent_digit(b, place);
        if (difference > bound || difference < -bound)
            return false;
    }
    return difference == b->shift - a->shift;
}

static bool
equal_numbers(gw_slice a_text, gw_slice b_text)
{
    number a = number_of(a_text), b = number_of(b_text);

    return a.is_negative == b.is_negative && same_digits(a.digits, b.digits) &&
           same_exponent(&a, &b);
}

static bool
equal_texts(gw_slice a, gw_slice b)
{
    if (gw_slice_equal(a, b))
        return true;
    if (!(a.len && memchr(a.at, '\\', a.len)) &&
        !(b.len && memchr(b.at, '\\', b.len)))
        return false;

    gw_arena arena;
    gw_arena_init(&arena);
    bool is_equal =
        gw_slice_equal(gw_json_text(&arena, a), gw_json_text(&arena, b));
    gw_arena_clear(&arena);
    return is_equal;
}

static gw_slice
without_quotes(gw_slice s)
{
    return s.len < 2 ? (gw_slice){"", 0} : (gw_slice){s.at + 1, s.len - 2};
}

static bool
equal_scalars(gw_slice a, gw_slice b)
{
    gw_json_kind kind = gw_json_kind_of(a);

    if (gw_slice_equal(a, b))
        return true;
    if (kind != gw_json_kind_of(b))
        return false;
    if (kind == GW_JSON_NUMBER)
        return equal_numbers(a, b);
    return kind == GW_JSON_STRING &&
           equal_texts(without_quotes(a), without_quotes(b));
}

static bool equal_values(const doc *a, cursor *ca, const doc *b, cursor *cb);

static bool
equal_lists(const doc *a, cursor *ca, const doc *b, cursor *cb)
{
    bool has_a = enter(a, ca), has_b = enter(b, cb);

    while (has_a && has_b) {
        if (!equal_values(a, ca, b, cb))
            return false;
        has_a = step(a, ca);
        has_b = step(b, cb);
    }
    return has_a == has_b;
}

/* Both cursors at a member: compares what is left of the two objects. */
static bool
equal_unordered(const doc *a, cursor *ca, const doc *b, cursor *cb)
{
    gw_arena arena;

    gw_arena_init(&arena);
    members ma = take_members(a, ca, &arena);
    members mb = take_members(b, cb, &arena);
    bool is_equal = ma.n == mb.n;

    for (size_t i = 0; is_equal && i < ma.n; i++)
        is_equal = gw_slice_equal(ma.names[i].text, mb.names[i].text);
    for (size_t i = 0; is_equal && i < ma.n; i++)
        is_equal = equal_values(a, &ma.values[ma.names[i].index], b,
                                &mb.values[mb.names[i].index]);
    clear_members(&ma);
    clear_members(&mb);
    gw_arena_clear(&arena);
    return is_equal;
}

/* Member by member as long as the order is the same, mostly to the end. */
static bool
equal_objects(const doc *a, cursor *ca, const doc *b, cursor *cb)
{
    bool has_a = enter(a, ca), has_b = enter(b, cb);

    while (has_a && has_b) {
        cursor from_a = *ca, from_b = *cb;

        if (!equal_texts(take_name(a, ca), take_name(b, cb))) {
            *ca = from_a;
            *cb = from_b;
            return equal_unordered(a, ca, b, cb);
        }
        if (!equal_values(a, ca, b, cb))
            return false;
        has_a = step(a, ca);
        has_b = step(b, cb);
    }
    return has_a == has_b;
}

/* Passes over both values when they are equal. */
static bool
equal_values(const doc *a, cursor *ca, const doc *b, cursor *cb)
{
    if (*ca->at == '{' && *cb->at == '{')
        return equal_objects(a, ca, b, cb);
    if (*ca->at == '[' && *cb->at == '[')
        return equal_lists(a, ca, b, cb);

    const char *from_a = ca->at, *from_b = cb->at;
    skip_value(a, ca);
    skip_value(b, cb);
    return equal_scalars(slice_to(from_a, ca->at), slice_to(from_b, cb->at));
}

static bool
is_nested(gw_slice value)
{
    return value.len && (value.at[0] == '{' || value.at[0] == '[');
}

bool
gw_json_equal(gw_slice a, gw_slice b)
{
    if (gw_slice_equal(a, b))
        return true;
    if (gw_json_kind_of(a) != gw_json_kind_of(b))
        return false;
    if (!is_nested(a))
        return equal_scalars(a, b);

    doc da, db;
    doc_init(&da, a);
    doc_init(&db, b);
    bool is_equal =
        equal_values(&da, &(cursor){a.at, 0}, &db, &(cursor){b.at, 0});
    doc_clear(&da);
    doc_clear(&db);
    return is_equal;
}

static uint64_t
mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ UINT64_C(0xa0761d6478bd642f)) +
           value * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 29;
}

static uint64_t
hash_bytes(uint64_t hash, gw_slice s)
{
    uint64_t word = 0;
    size_t i = 0;

    for (; s.len - i >= 8; i += 8) {
        memcpy(&word, s.at + i, 8);
        hash = mix(hash, word);
    }
    word = 0;
    if (i < s.len)
        memcpy(&word, s.at + i, s.len - i);
    return mix(mix(hash, word), s.len);
}

static uint64_t
hash_text(uint64_t hash, gw_slice raw)
{
    if (!raw.len || !memchr(raw.at, '\\', raw.len))
        return hash_bytes(hash, raw);

    gw_arena arena;
    gw_arena_init(&arena);
    hash = hash_bytes(hash, gw_json_text(&arena, raw));
    gw_arena_clear(&arena);
    return hash;
}

/* The exponent counts only while it is small by its value: what is equal has
 * to fall on the same side of that border, however it is written. */
static uint64_t
hash_number(uint64_t hash, gw_slice text)
{
    const int64_t border = INT64_C(1000000000000000);
    number n = number_of(text);
    int64_t exponent = 0;

    if (n.digits.len == 0)
        return hash;
    for (size_t i = 0; i < n.digits.len; i++)
        if (n.digits.at[i] != '.')
            hash = mix(hash, (unsigned char)n.digits.at[i]);
    for (size_t i = 0; i < n.exponent.len && exponent < 100 * border; i++)
        exponent = 10 * exponent + (n.exponent.at[i] - '0');
    exponent = (n.is_exponent_negative ? -exponent : exponent) + n.shift;
    if (exponent < border && exponent > -border)
        hash = mix(hash, (uint64_t)exponent);
    return mix(hash, n.is_negative);
}

static uint64_t
hash_scalar(gw_slice value)
{
    gw_json_kind kind = gw_json_kind_of(value);
    uint64_t hash = mix(0, (uint64_t)kind);

    if (kind == GW_JSON_NUMBER)
        return hash_number(hash, value);
    if (kind == GW_JSON_STRING)
        return hash_text(hash, without_quotes(value));
    return hash_bytes(hash, value);
}

static uint64_t hash_value(const doc *d, cursor *c);

static uint64_t
hash_list(const doc *d, cursor *c)
{
    uint64_t hash = mix(0, GW_JSON_ARRAY);

    for (bool has = enter(d, c); has; has = step(d, c))
        hash = mix(hash, hash_value(d, c));
    return hash;
}

/* A sum, as the order of members does not count. */
static uint64_t
hash_object(const doc *d, cursor *c)
{
    uint64_t sum = 0;

    for (bool has = enter(d, c); has; has = step(d, c)) {
        uint64_t name = hash_text(1, take_name(d, c));

        sum += mix(name, hash_value(d, c));
    }
    return mix(sum, GW_JSON_OBJECT);
}

static uint64_t
hash_value(const doc *d, cursor *c)
{
    if (*c->at == '{')
        return hash_object(d, c);
    if (*c->at == '[')
        return hash_list(d, c);

    const char *from = c->at;
    skip_value(d, c);
    return hash_scalar(slice_to(from, c->at));
}

/* Walks in stored order, so it needs no jumps. */
uint64_t
gw_json_hash(gw_slice value)
{
    if (!is_nested(value))
        return hash_scalar(value);

    doc d = {.begin = value.at, .end = value.at + value.len};
    return hash_value(&d, &(cursor){value.at, 0});
}

static void
put_text(gw_buf *buf, gw_slice raw)
{
    gw_arena arena;

    gw_arena_init(&arena);
    gw_json_put_string(buf, gw_json_text(&arena, raw));
    gw_arena_clear(&arena);
}

static void put_value(gw_buf *buf, const doc *d, cursor *c);

static void
put_list(gw_buf *buf, const doc *d, cursor *c)
{
    char before = '[';

    for (bool has = enter(d, c); has; has = step(d, c)) {
        gw_buf_byte(buf, before);
        put_value(buf, d, c);
        before = ',';
    }
    if (before == '[')
        gw_buf_byte(buf, before);
    gw_buf_byte(buf, ']');
}

static void
put_object(gw_buf *buf, const doc *d, cursor *c)
{
    gw_arena arena;
    members m = {0};

    gw_arena_init(&arena);
    if (enter(d, c))
        m = take_members(d, c, &arena);
    gw_buf_byte(buf, '{');
    for (size_t i = 0; i < m.n; i++) {
        if (i)
            gw_buf_byte(buf, ',');
        gw_json_put_string(buf, m.names[i].text);
        gw_buf_byte(buf, ':');
        put_value(buf, d, &m.values[m.names[i].index]);
    }
    gw_buf_byte(buf, '}');
    clear_members(&m);
    gw_arena_clear(&arena);
}

static void
put_scalar(gw_buf *buf, gw_slice value)
{
    if (gw_json_kind_of(value) == GW_JSON_STRING)
        put_text(buf, without_quotes(value));
    else
        gw_buf_slice(buf, value);
}

static void
put_value(gw_buf *buf, const doc *d, cursor *c)
{
    if (*c->at == '{') {
        put_object(buf, d, c);
    } else if (*c->at == '[') {
        put_list(buf, d, c);
    } else {
        const char *from = c->at;

        skip_value(d, c);
        put_scalar(buf, slice_to(from, c->at));
    }
}

static gw_slice
trim(gw_slice text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.at[0]) != NULL) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r\n", text.at[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

void
gw_json_put_canonical(gw_buf *buf, gw_slice value)
{
    value = trim(value);
    if (!is_nested(value)) {
        put_scalar(buf, value);
        return;
    }

    doc d;
    doc_init(&d, value);
    put_value(buf, &d, &(cursor){value.at, 0});
    doc_clear(&d);
}
