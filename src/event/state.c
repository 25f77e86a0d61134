/* SPDX-License-Identifier: Apache-2.0 */
/* A model's fields, packed in one block, or what differs from another one.
 * Immutable, reference counted by one thread. */
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

static const char *
get_field(const char *at, gw_field *out)
{
    at = get_length(at, &out->key.len);
    at = get_length(at, &out->value.len);
    out->key.at = at;
    out->value.at = at + out->key.len;
    return out->value.at + out->value.len;
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
    *state = (gw_state){1, (uint32_t)n, bytes, NULL};
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
gw_state_copy(const gw_state *state)
{
    gw_state *copy = new_state(state->n, state->bytes);
    memcpy(copy->data, state->data, state->bytes);
    copy->base = gw_state_retain(state->base);
    return copy;
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
        gw_state_release(state->base);
        free(state);
    }
}

/* ---- going over the fields ---- */

/* Packed fields that follow each other: all of a whole state's, or one run of
 * a state with a base. */
struct run {
    gw_slice fields;
    size_t end; /* where the next one begins, in the state's data */
};

static struct run
run_at(const gw_state *state, size_t begin)
{
    size_t where;
    struct run run;
    const char *at = get_length(state->data + begin, &where);
    at = get_length(at, &run.fields.len);
    run.fields.at = where > 0 ? state->base->data + where - 1 : at;
    run.end = (size_t)(at - state->data) + (where > 0 ? 0 : run.fields.len);
    return run;
}

enum { RUN_SHIFT = 32 }; /* a cursor: where the run begins, and how far in it */

static gw_slice
next_in_run(const gw_state *state, size_t *cursor, gw_field *out)
{
    size_t begin = *cursor >> RUN_SHIFT;
    size_t done = *cursor & UINT32_MAX;
    struct run run = run_at(state, begin);
    const char *at = run.fields.at + done;
    gw_slice packed = {at, (size_t)(get_field(at, out) - at)};
    done += packed.len;
    *cursor = done < run.fields.len ? begin << RUN_SHIFT | done
                                    : run.end << RUN_SHIFT;
    return packed;
}

gw_slice
gw_state_step(const gw_state *state, size_t *cursor, gw_field *out)
{
    if (state == NULL) {
        return (gw_slice){0};
    }
    if (state->base != NULL) {
        return *cursor >> RUN_SHIFT < state->bytes
                   ? next_in_run(state, cursor, out)
                   : (gw_slice){0};
    }
    if (*cursor >= state->bytes) {
        return (gw_slice){0};
    }
    const char *at = state->data + *cursor;
    gw_slice packed = {at, (size_t)(get_field(at, out) - at)};
    *cursor += packed.len;
    return packed;
}

bool
gw_state_next(const gw_state *state, size_t *cursor, gw_field *out)
{
    return gw_state_step(state, cursor, out).at != NULL;
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

/* ---- what differs ---- */

enum {
    MOST_RUNS = 16, /* of more than that a difference is not small */
    LOOK_AHEAD = 4, /* fields of the base that may be missing in a row */
};

/* A state as runs of the base's fields and of its own. */
struct difference {
    gw_state *base;
    size_t cursor; /* in the base: all before is in a run, or left out */
    gw_slice runs[MOST_RUNS];
    bool is_own[MOST_RUNS];
    size_t n;
};

static bool
add_to_run(struct difference *d, gw_slice packed, bool is_own)
{
    gw_slice *last = d->n > 0 ? &d->runs[d->n - 1] : NULL;
    if (last != NULL && d->is_own[d->n - 1] == is_own &&
        last->at + last->len == packed.at) {
        last->len += packed.len;
        return true;
    }
    if (d->n == MOST_RUNS) {
        return false;
    }
    d->runs[d->n] = packed;
    d->is_own[d->n++] = is_own;
    return true;
}

/* The next field of the base that is the same one. Of a field that has only
 * another value the base's is passed over. */
static gw_slice
find_in_base(struct difference *d, gw_slice packed, gw_slice key)
{
    gw_field field;
    size_t cursor = d->cursor;
    for (int i = 0; i < LOOK_AHEAD; i++) {
        gw_slice found = gw_state_step(d->base, &cursor, &field);
        if (found.at == NULL) {
            break;
        }
        bool is_same = gw_slice_equal(found, packed);
        if (is_same || gw_slice_equal(field.key, key)) {
            d->cursor = cursor;
            return is_same ? found : (gw_slice){0};
        }
    }
    return (gw_slice){0};
}

static bool
find_difference(struct difference *d, const gw_state *state)
{
    gw_field field;
    bool is_small = true;
    for (size_t cursor = 0; is_small;) {
        gw_slice own = gw_state_step(state, &cursor, &field);
        if (own.at == NULL) {
            break;
        }
        gw_slice shared = find_in_base(d, own, field.key);
        is_small = shared.at != NULL ? add_to_run(d, shared, false)
                                     : add_to_run(d, own, true);
    }
    return is_small;
}

/* A run: where it begins in the base, from 1 on, or 0 for one of its own; its
 * length; its own fields. */
static size_t
where_is(const struct difference *d, size_t i)
{
    return d->is_own[i] ? 0 : (size_t)(d->runs[i].at - d->base->data) + 1;
}

static size_t
difference_bytes(const struct difference *d)
{
    size_t bytes = 0;
    for (size_t i = 0; i < d->n; i++) {
        size_t length = d->runs[i].len;
        bytes += length_bytes(where_is(d, i)) + length_bytes(length) +
                 (d->is_own[i] ? length : 0);
    }
    return bytes;
}

static gw_state *
state_of_runs(const struct difference *d, uint32_t n)
{
    gw_state *state = new_state(n, difference_bytes(d));
    char *to = state->data;
    for (size_t i = 0; i < d->n; i++) {
        to = put_length(to, where_is(d, i));
        to = put_length(to, d->runs[i].len);
        if (d->is_own[i]) {
            to = put_slice(to, d->runs[i]);
        }
    }
    state->base = gw_state_retain(d->base);
    return state;
}

gw_state *
gw_state_like(gw_state *state, const gw_state *other)
{
    gw_state *base = other->base != NULL ? other->base : (gw_state *)other;
    struct difference d = {.base = base};
    if (!find_difference(&d, state) ||
        difference_bytes(&d) >= state->bytes / 2) {
        return state;
    }
    gw_state *made = state_of_runs(&d, state->n);
    gw_state_release(state);
    return made;
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
