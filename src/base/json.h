/* SPDX-License-Identifier: Apache-2.0 */
/** JSON as slices of the bytes that were read.
 *
 *  Every function validates completely what it passes over (RFC 8259, UTF-8
 *  without surrogates or overlong forms, no lone \u surrogates, no \u0000,
 *  depth <= GW_LIMIT_JSON_DEPTH, no object with the same member twice) and
 *  never re-prints: values come back as the bytes they were. */
#ifndef GW_BASE_JSON_H
#define GW_BASE_JSON_H

#include "base/mem.h"

/** One member of an object: the key decoded, without its quotes; the value
 *  raw, without white space around it. */
typedef struct gw_field {
    gw_slice key;
    gw_slice value;
} gw_field;

/** Fields in stored order, in an arena. */
typedef struct gw_fields {
    gw_field *at;
    size_t n;
} gw_fields;

/** Values of a list, raw, in an arena. */
typedef struct gw_values {
    gw_slice *at;
    size_t n;
} gw_values;

/** Objects of a list, each split into its fields, in an arena. */
typedef struct gw_objects {
    gw_fields *at;
    size_t n;
} gw_objects;

typedef enum gw_json_kind {
    GW_JSON_NULL,
    GW_JSON_BOOL,
    GW_JSON_NUMBER,
    GW_JSON_STRING,
    GW_JSON_ARRAY,
    GW_JSON_OBJECT,
} gw_json_kind;

/** The kind of a valid value, from its first byte. */
gw_json_kind gw_json_kind_of(gw_slice value);
const char *gw_json_kind_name(gw_json_kind kind); /* "list" for arrays */

/**
 * Checks that `text` is exactly one JSON value (white space around it is
 * allowed) and gives it without that white space in `*value` (may be NULL).
 *
 * Errors: GW_E_INPUT with what is wrong and at which byte.
 */
GW_MUST_CHECK gw_code gw_json_check(gw_slice text, gw_slice *value,
                                    gw_error *err);

/**
 * Splits an object into its fields, in stored order.
 *
 * Shape:  out->at lives in the arena; keys and values are slices of `text`
 *         (a key with escapes is decoded into the arena).
 * Errors: GW_E_INPUT, also when it is valid but no object.
 */
GW_MUST_CHECK gw_code gw_json_object(gw_arena *arena, gw_slice text,
                                     gw_fields *out, gw_error *err);

/** Splits a list into its values. Same shape and errors. */
GW_MUST_CHECK gw_code gw_json_array(gw_arena *arena, gw_slice text,
                                    gw_values *out, gw_error *err);

/** Splits a list of objects into their fields, in one pass. Same shape;
 *  GW_E_INPUT also when an item is no object. */
GW_MUST_CHECK gw_code gw_json_objects(gw_arena *arena, gw_slice text,
                                      gw_objects *out, gw_error *err);

/** Decodes a valid JSON string (with its quotes); the text itself when there
 *  is nothing to decode, else a copy in the arena. */
gw_slice gw_json_string(gw_arena *arena, gw_slice value);

/** Reads a valid number as int64; false when it has a point, an exponent or
 *  does not fit, or when `value` is no number. */
bool gw_json_int(gw_slice value, int64_t *out);

/* Members of an object that was split. */

/** The raw value; at NULL when there is no such member. */
gw_slice gw_member_raw(gw_fields fields, const char *key);
/** A string's text. False, and *out as it was, when there is none. */
bool gw_member_text(gw_arena *arena, gw_fields fields, const char *key,
                    gw_slice *out);
/** A string of fewer than `room` bytes, copied with a NUL. False when there
 *  is none. */
bool gw_member_word(gw_arena *arena, gw_fields fields, const char *key,
                    char *out, size_t room);
/** A whole number that is not negative; -1 when there is none. */
int64_t gw_member_number(gw_fields fields, const char *key);
/** Whether the member is there and true. */
bool gw_member_is_true(gw_fields fields, const char *key);

/** Whether two valid values mean the same: numbers by exact decimal value
 *  (1 equals 1.0), strings by decoded text, objects without regard to
 *  order. Kinds never equal each other. */
bool gw_json_equal(gw_slice a, gw_slice b);

/** A hash that is equal for equal values (as gw_json_equal has it). */
uint64_t gw_json_hash(gw_slice value);

/** Appends text as a JSON string, quotes and all; text must be UTF-8. */
void gw_json_put_string(gw_buf *buf, gw_slice text);
/** The same for text of any bytes: what is no UTF-8 becomes U+FFFD. */
void gw_json_put_text(gw_buf *buf, gw_slice text);

/** Appends a valid value without insignificant white space, keys of all
 *  objects in byte order. */
void gw_json_put_canonical(gw_buf *buf, gw_slice value);

/** Appends an object of these fields: {"key":value,...}. */
void gw_json_put_fields(gw_buf *buf, gw_fields fields);

#endif
