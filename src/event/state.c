/* SPDX-License-Identifier: Apache-2.0 */
/* A model's fields, packed in one block. Immutable, reference counted by
 * one thread. */
#include <stdlib.h>

#include "event/model_priv.h"

/* A length: seven bits a byte, the lowest first, the top bit where more come.
 * Most keys and values are short, and there are millions of them. */
static char *
put_length(char *to, size_t length)
{
    for (; length > 0x7f; length >>= 7) {
        *to++ = (char)(length | 0x80);
    }
    *to++ = (char)length;
    return to;
}

static const char *
get_length(const char *at, size_t *length)
{
    unsigned char byte = (unsigned char)*at++;
    *length = byte & 0x7f;
    for (unsigned shift = 7; byte > 0x7f; shift += 7) {
        byte = (unsigned char)*at++;
        *length |= (size_t)(byte & 0x7f) << shift;
    }
    return at;
}

static size_t
length_bytes(size_t length)
{
    size_t n = 1;
    for (; length > 0x7f; length >>= 7) {
        n++;
    }
    return n;
}

static char *
put_slice(char *to, gw_slice bytes)
{
    memcpy(to, bytes.at, bytes.len);
    return to + bytes.len;
}

static char *
put_field(char *to, const gw_field *field)
{
    to = put_length(to, field->key.len);
    to = put_length(to, field->value.len);
    to = put_slice(to, field->key);
    return put_slice(to, field->value);
}

static size_t
packed_bytes(const gw_field *field)
{
    return length_bytes(field->key.len) + length_bytes(field->value.len) +
           field->key.len + field->value.len;
}

static gw_state *
new_state(size_t n, size_t bytes)
{
    gw_state *state = gw_malloc(sizeof(gw_state) + bytes);
    *state = (gw_state){1, (uint32_t)n, bytes};
    return state;
}

gw_state *
gw_state_new(gw_fields fields)
{
    size_t bytes = 0;
    for (size_t i = 0; i < fields.n; i++) {
        bytes += packed_bytes(&fields.at[i]);
    }
    gw_state *state = new_state(fields.n, bytes);
    char *to = state->data;
    for (size_t i = 0; i < fields.n; i++) {
        to = put_field(to, &fields.at[i]);
    }
    return state;
}

gw_state *
gw_state_join(const gw_piece *pieces, size_t n)
{
    size_t fields = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const gw_piece *p = &pieces[i];
        fields += p->n > 0 ? p->n : 1;
        bytes += p->n > 0 ? p->run.len : packed_bytes(&p->field);
    }
    gw_state *state = new_state(fields, bytes);
    char *to = state->data;
    for (size_t i = 0; i < n; i++) {
        const gw_piece *p = &pieces[i];
        if (p->n > 0) {
            to = put_slice(to, p->run);
        } else {
            to = put_field(to, &p->field);
        }
    }
    return state;
}

gw_state *
gw_state_retain(const gw_state *state)
{
    gw_state *mine = (gw_state *)state;
    if (mine != NULL) {
        mine->refs++;
    }
    return mine;
}

void
gw_state_release(gw_state *state)
{
    if (state != NULL && --state->refs == 0) {
        free(state);
    }
}

bool
gw_state_next(const gw_state *state, size_t *cursor, gw_field *out)
{
    if (state == NULL || *cursor >= state->bytes) {
        return false;
    }
    const char *at = state->data + *cursor;
    at = get_length(at, &out->key.len);
    at = get_length(at, &out->value.len);
    out->key.at = at;
    out->value.at = at + out->key.len;
    *cursor = (size_t)(out->value.at + out->value.len - state->data);
    return true;
}

gw_slice
gw_state_get(const gw_state *state, gw_slice key)
{
    gw_field field;
    for (size_t cursor = 0; gw_state_next(state, &cursor, &field);) {
        if (gw_slice_equal(field.key, key)) {
            return field.value;
        }
    }
    return (gw_slice){0};
}

size_t
gw_state_count(const gw_state *state)
{
    return state == NULL ? 0 : state->n;
}

bool
gw_mask_has(const gw_mask *mask, gw_slice key)
{
    if (mask->all) {
        return true;
    }
    for (size_t i = 0; i < mask->n; i++) {
        if (gw_slice_equal(mask->fields[i], key)) {
            return true;
        }
    }
    return false;
}
