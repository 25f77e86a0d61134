/* SPDX-License-Identifier: Apache-2.0 */
/* A model's fields, packed in one block. Immutable, reference counted by
 * one thread. */
#include <stdlib.h>

#include "event/model_priv.h"

enum { HEAD = GW_STATE_HEAD };

static char *
put_field(char *to, const gw_field *field)
{
    uint32_t head[2] = {(uint32_t)field->key.len, (uint32_t)field->value.len};
    memcpy(to, head, HEAD);
    memcpy(to + HEAD, field->key.at, field->key.len);
    memcpy(to + HEAD + field->key.len, field->value.at, field->value.len);
    return to + HEAD + field->key.len + field->value.len;
}

static size_t
packed_bytes(const gw_field *field)
{
    return HEAD + field->key.len + field->value.len;
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
            memcpy(to, p->run.at, p->run.len);
            to += p->run.len;
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
    uint32_t head[2];
    memcpy(head, at, HEAD);
    out->key = (gw_slice){at + HEAD, head[0]};
    out->value = (gw_slice){at + HEAD + head[0], head[1]};
    *cursor += HEAD + (size_t)head[0] + head[1];
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
