/* SPDX-License-Identifier: Apache-2.0 */
/** Holds the JSON layer against jansson, for one text: whether both accept
 *  it, and whether what ours says about it is consistent. For the unit test
 *  with random texts and for the fuzzer. */
#ifndef TESTS_LIB_JSON_PEER_H
#define TESTS_LIB_JSON_PEER_H

#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"

enum { JSON_PEER_PAIRS = 12 };

static inline bool
json_peer_has_real(const json_t *value)
{
    json_t *part;
    const char *name;
    size_t i;

    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, name, part)
        {
            if (json_peer_has_real(part))
                return true;
        }
    }
    json_array_foreach(value, i, part)
    {
        if (json_peer_has_real(part))
            return true;
    }
    return json_is_real(value);
}

/* jansson's print of the value: other escapes, order and white space. Not of
 * reals, which it rounds. */
static inline const char *
json_peer_check_dump(gw_slice value, const json_t *peer)
{
    const char *wrong = NULL;
    char *text = json_dumps(peer, JSON_ENCODE_ANY | JSON_ENSURE_ASCII |
                                      JSON_SORT_KEYS | JSON_INDENT(1));
    gw_slice dump = gw_slice_of(text);

    if (!text)
        return "jansson cannot print it";
    if (!json_peer_has_real(peer)) {
        if (!gw_json_equal(value, dump) || !gw_json_equal(dump, value))
            wrong = "not equal to its print by jansson";
        else if (gw_json_hash(value) != gw_json_hash(dump))
            wrong = "another hash than its print by jansson";
    }
    free(text);
    return wrong;
}

static inline const char *
json_peer_check_canonical(gw_slice value)
{
    const char *wrong = NULL;
    gw_buf first = {0}, second = {0};

    gw_json_put_canonical(&first, value);
    gw_slice canonical = gw_buf_as_slice(&first);
    gw_json_put_canonical(&second, canonical);
    if (gw_json_check(canonical, NULL, NULL) != GW_OK)
        wrong = "the canonical text is not valid";
    else if (!gw_slice_equal(canonical, gw_buf_as_slice(&second)))
        wrong = "the canonical text of the canonical text is another";
    else if (!gw_json_equal(value, canonical))
        wrong = "not equal to its canonical text";
    else if (gw_json_hash(value) != gw_json_hash(canonical))
        wrong = "another hash than its canonical text";
    gw_buf_clear(&first);
    gw_buf_clear(&second);
    return wrong;
}

static inline const char *
json_peer_check_pair(gw_slice a, gw_slice b, const json_t *peer_a,
                     const json_t *peer_b)
{
    bool is_equal = gw_json_equal(a, b);

    if (is_equal != gw_json_equal(b, a))
        return "equality is not symmetric";
    if (is_equal && gw_json_hash(a) != gw_json_hash(b))
        return "equal values with different hashes";
    if (!json_peer_has_real(peer_a) && !json_peer_has_real(peer_b) &&
        is_equal != (json_equal(peer_a, peer_b) == 1))
        return "jansson sees the equality of two values differently";
    return NULL;
}

static inline const char *
json_peer_check_list(gw_arena *arena, gw_slice value, const json_t *peer)
{
    const char *wrong = NULL;
    gw_values parts;

    if (gw_json_array(arena, value, &parts, NULL) != GW_OK)
        return "a valid list cannot be split";
    if (parts.n != json_array_size(peer))
        return "jansson sees another number of values";
    for (size_t i = 0; i < parts.n && i < JSON_PEER_PAIRS && !wrong; i++)
        for (size_t j = 0; j <= i && !wrong; j++)
            wrong = json_peer_check_pair(parts.at[i], parts.at[j],
                                         json_array_get(peer, i),
                                         json_array_get(peer, j));
    return wrong;
}

static inline const char *
json_peer_check_object(gw_arena *arena, gw_slice value, const json_t *peer)
{
    gw_fields fields;
    gw_slice part;
    gw_buf print = {0};

    if (gw_json_object(arena, value, &fields, NULL) != GW_OK)
        return "a valid object cannot be split";
    if (fields.n != json_object_size(peer))
        return "jansson sees another number of members";
    for (size_t i = 0; i < fields.n; i++) {
        gw_slice name = gw_arena_dup(arena, fields.at[i].key);

        if (!json_object_get(peer, name.at))
            return "jansson does not see a member";
        if (gw_json_check(fields.at[i].value, &part, NULL) != GW_OK ||
            !gw_slice_equal(part, fields.at[i].value))
            return "the value of a member is no value";
    }
    gw_json_put_fields(&print, fields);
    bool is_same = gw_json_equal(value, gw_buf_as_slice(&print));
    gw_buf_clear(&print);
    return is_same ? NULL : "not equal to the print of its fields";
}

static inline const char *
json_peer_check_value(gw_slice value, const json_t *peer)
{
    const char *wrong = json_peer_check_dump(value, peer);
    gw_arena arena;

    gw_arena_init(&arena);
    if (!wrong)
        wrong = json_peer_check_canonical(value);
    if (!wrong && json_is_array(peer))
        wrong = json_peer_check_list(&arena, value, peer);
    if (!wrong && json_is_object(peer))
        wrong = json_peer_check_object(&arena, value, peer);
    gw_arena_clear(&arena);
    return wrong;
}

/** What is wrong, or NULL. Rules that differ give no verdict on acceptance:
 *  jansson refuses numbers beyond its types, we nesting beyond 512; jansson
 *  2.14 passes over some NUL bytes, we over none. */
static inline const char *
json_peer_check(gw_slice text)
{
    const char *wrong = NULL;
    json_error_t peer_error;
    gw_error err = {0};
    gw_slice value;
    bool is_valid = gw_json_check(text, &value, &err) == GW_OK;
    json_t *peer =
        json_loadb(text.len ? text.at : "", text.len,
                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &peer_error);

    if (text.len && memchr(text.at, '\0', text.len))
        wrong = is_valid ? "a NUL byte is accepted" : NULL;
    else if (is_valid && peer)
        wrong = json_peer_check_value(value, peer);
    else if (is_valid &&
             json_error_code(&peer_error) != json_error_numeric_overflow)
        wrong = "jansson refuses it";
    else if (is_valid)
        wrong = json_peer_check_canonical(value);
    else if (peer && !strstr(err.text, "nested too deep"))
        wrong = "jansson accepts it";
    json_decref(peer);
    return wrong;
}

#endif
