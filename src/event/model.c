/* SPDX-License-Identifier: Apache-2.0 */
/* What an event does to a model. Source: event-store.md, Events. */
#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "event/model_priv.h"

/* A state under construction: the model's fields in order, then new ones.
 * Fields that stay and follow each other are copied as one piece. The common
 * case fits the array; larger ones go to the heap. */
struct draft {
    gw_piece *at;
    size_t n;
    size_t n_fields, bytes;
    gw_piece few[32];
};

static void
draft_init(struct draft *d, size_t most)
{
    d->at = most <= sizeof(d->few) / sizeof(d->few[0])
                ? d->few
                : gw_malloc(most * sizeof(gw_piece));
    d->n = d->n_fields = d->bytes = 0;
}

static void
draft_count(struct draft *d, const gw_field *field)
{
    d->n_fields++;
    d->bytes += field->key.len + field->value.len;
}

static void
draft_add(struct draft *d, const gw_field *field)
{
    d->at[d->n++] = (gw_piece){.field = *field};
    draft_count(d, field);
}

/* Keeps a field of the old state. */
static void
draft_keep(struct draft *d, gw_slice packed, const gw_field *field)
{
    gw_piece *last = d->n > 0 ? &d->at[d->n - 1] : NULL;
    if (last == NULL || last->n == 0 ||
        last->run.at + last->run.len != packed.at) {
        last = &d->at[d->n++];
        *last = (gw_piece){.run = {packed.at, 0}};
    }
    last->run.len += packed.len;
    last->n++;
    draft_count(d, field);
}

static void
draft_clear(struct draft *d)
{
    if (d->at != d->few) {
        free(d->at);
    }
}

static gw_code
draft_finish(struct draft *d, const gw_event *event, gw_state **out,
             gw_error *err)
{
    gw_code code = GW_OK;
    if (d->bytes > GW_LIMIT_MODEL_BYTES || d->n_fields > GW_LIMIT_FIELDS) {
        code = gw_fail(err, GW_E_LIMIT,
                       "Model %.*s has grown to %zu bytes in %zu fields; "
                       "%d bytes in %d fields are allowed",
                       GW_FMT(event->fqid.text), d->bytes, d->n_fields,
                       GW_LIMIT_MODEL_BYTES, GW_LIMIT_FIELDS);
    } else {
        *out = gw_state_join(d->at, d->n);
    }
    draft_clear(d);
    return code;
}

/* ---- finding the event's fields by key ---- */

enum { FEW_FIELDS = 24 };

/* Index over an event's fields: linear while there are few, sorted else. */
struct keys {
    gw_fields fields;
    gw_field **sorted; /* or NULL */
};

static int
compare_fields(const void *a, const void *b)
{
    return gw_slice_compare((*(gw_field *const *)a)->key,
                            (*(gw_field *const *)b)->key);
}

static int
compare_key(const void *key, const void *field)
{
    return gw_slice_compare(*(const gw_slice *)key,
                            (*(gw_field *const *)field)->key);
}

static void
keys_init(struct keys *k, gw_fields fields)
{
    *k = (struct keys){fields, NULL};
    if (fields.n <= FEW_FIELDS) {
        return;
    }
    k->sorted = gw_malloc(fields.n * sizeof(gw_field *));
    for (size_t i = 0; i < fields.n; i++) {
        k->sorted[i] = &fields.at[i];
    }
    qsort(k->sorted, fields.n, sizeof(gw_field *), compare_fields);
}

static const gw_field *
keys_find(const struct keys *k, gw_slice key)
{
    if (k->sorted == NULL) {
        ptrdiff_t i = gw_fields_find(k->fields, key);
        return i < 0 ? NULL : &k->fields.at[i];
    }
    gw_field **hit =
        bsearch(&key, k->sorted, k->fields.n, sizeof(gw_field *), compare_key);
    return hit == NULL ? NULL : *hit;
}

static void
keys_clear(struct keys *k)
{
    free(k->sorted);
}

/* ---- create, update, deletefields ---- */

static gw_code
make_state(const gw_event *event, const gw_mask *mask, gw_state **out,
           gw_error *err)
{
    struct draft d;
    draft_init(&d, event->set.n);
    for (size_t i = 0; i < event->set.n; i++) {
        if (gw_mask_has(mask, event->set.at[i].key)) {
            draft_add(&d, &event->set.at[i]);
        }
    }
    return draft_finish(&d, event, out, err);
}

static gw_code
update_state(const gw_state *old, const gw_event *event, const gw_mask *mask,
             gw_state **out, gw_error *err)
{
    struct draft d;
    struct keys keys;
    gw_field field;
    bool seen_few[FEW_FIELDS] = {false};
    bool *seen = event->set.n <= FEW_FIELDS
                     ? seen_few
                     : gw_calloc(event->set.n, sizeof(bool));

    assert(event->set.n == 0 || event->set.at != NULL);
    draft_init(&d, gw_state_count(old) + event->set.n);
    keys_init(&keys, event->set);
    gw_slice packed;
    for (size_t cursor = 0;
         (packed = gw_state_step(old, &cursor, &field)).at != NULL;) {
        const gw_field *changed = keys_find(&keys, field.key);
        if (changed == NULL) {
            draft_keep(&d, packed, &field);
            continue;
        }
        seen[changed - event->set.at] = true;
        field.value = changed->value;
        draft_add(&d, &field);
    }
    for (size_t i = 0; i < event->set.n; i++) {
        if (!seen[i] && gw_mask_has(mask, event->set.at[i].key)) {
            draft_add(&d, &event->set.at[i]);
        }
    }
    keys_clear(&keys);
    if (seen != seen_few) {
        free(seen);
    }
    return draft_finish(&d, event, out, err);
}

static gw_code
remove_fields(const gw_state *old, const gw_event *event, gw_state **out,
              gw_error *err)
{
    struct draft d;
    struct keys keys;
    gw_field field;

    draft_init(&d, gw_state_count(old));
    keys_init(&keys, event->cut);
    gw_slice packed;
    for (size_t cursor = 0;
         (packed = gw_state_step(old, &cursor, &field)).at != NULL;) {
        if (keys_find(&keys, field.key) == NULL) {
            draft_keep(&d, packed, &field);
        }
    }
    keys_clear(&keys);
    return draft_finish(&d, event, out, err);
}

/* ---- listfields ---- */

enum { FEW_ITEMS = 16 };

/* A set of values: hashes sorted, so that a long list is looked through in
 * the time of its logarithm. */
struct value_set {
    gw_values values;
    struct hashed {
        uint64_t hash;
        size_t i;
    } * sorted; /* NULL while there are few */
};

static int
compare_hashed(const void *a, const void *b)
{
    uint64_t x = ((const struct hashed *)a)->hash;
    uint64_t y = ((const struct hashed *)b)->hash;
    return (x > y) - (x < y);
}

static void
value_set_init(struct value_set *set, gw_values values, size_t lookups)
{
    *set = (struct value_set){values, NULL};
    if (values.n <= FEW_ITEMS || lookups <= FEW_ITEMS / 4) {
        return;
    }
    set->sorted = gw_malloc(values.n * sizeof(struct hashed));
    for (size_t i = 0; i < values.n; i++) {
        set->sorted[i] = (struct hashed){gw_json_hash(values.at[i]), i};
    }
    qsort(set->sorted, values.n, sizeof(struct hashed), compare_hashed);
}

static size_t
lower_bound(const struct value_set *set, uint64_t hash)
{
    size_t low = 0;
    size_t high = set->values.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->sorted[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
value_set_has(const struct value_set *set, gw_slice value)
{
    if (set->sorted == NULL) {
        for (size_t i = 0; i < set->values.n; i++) {
            if (gw_json_equal(set->values.at[i], value)) {
                return true;
            }
        }
        return false;
    }
    uint64_t hash = gw_json_hash(value);
    for (size_t i = lower_bound(set, hash);
         i < set->values.n && set->sorted[i].hash == hash; i++) {
        if (gw_json_equal(set->values.at[set->sorted[i].i], value)) {
            return true;
        }
    }
    return false;
}

static void
value_set_clear(struct value_set *set)
{
    free(set->sorted);
}

/* The values of `list` that are in `other` (or are not), printed after
 * `start`. */
static void
put_values(gw_buf *buf, gw_values list, const struct value_set *other,
           bool wanted)
{
    for (size_t i = 0; i < list.n; i++) {
        if (value_set_has(other, list.at[i]) == wanted) {
            if (buf->len > 1) {
                gw_buf_byte(buf, ',');
            }
            gw_buf_slice(buf, list.at[i]);
        }
    }
}

static gw_slice
take_text(gw_arena *arena, gw_buf *buf)
{
    gw_slice text = gw_arena_dup(arena, gw_buf_as_slice(buf));
    gw_buf_clear(buf);
    return text;
}

static gw_slice
append_values(gw_arena *arena, gw_slice list, gw_values have, gw_values add)
{
    struct value_set set;
    gw_buf buf = {0};
    value_set_init(&set, have, add.n);
    gw_buf_byte(&buf, '[');
    for (size_t i = 0; i < have.n; i++) {
        if (i > 0) {
            gw_buf_byte(&buf, ',');
        }
        gw_buf_slice(&buf, have.at[i]);
    }
    size_t before = buf.len;
    put_values(&buf, add, &set, false);
    bool is_same = buf.len == before && list.at != NULL;
    gw_buf_byte(&buf, ']');
    value_set_clear(&set);
    gw_slice made = take_text(arena, &buf);
    return is_same ? list : made;
}

static gw_slice
remove_values(gw_arena *arena, gw_values have, gw_values remove)
{
    struct value_set set;
    gw_buf buf = {0};
    value_set_init(&set, remove, have.n);
    gw_buf_byte(&buf, '[');
    put_values(&buf, have, &set, false);
    gw_buf_byte(&buf, ']');
    value_set_clear(&set);
    return take_text(arena, &buf);
}

static bool
is_list(gw_slice value)
{
    return value.at[0] == '[';
}

static gw_code
fail_no_list(const gw_event *event, gw_slice key, gw_error *err)
{
    return gw_fail(err, GW_E_MIGRATION,
                   "Field '%.*s' of model %.*s is no list, but a listfields "
                   "event changes it",
                   GW_FMT(key), GW_FMT(event->fqid.text));
}

static gw_code
read_list(gw_arena *arena, const gw_event *event, const gw_field *field,
          gw_values *out, gw_error *err)
{
    if (field->value.at == NULL) {
        *out = (gw_values){0};
        return GW_OK;
    }
    if (!is_list(field->value)) {
        return fail_no_list(event, field->key, err);
    }
    return gw_json_array(arena, field->value, out, err);
}

static gw_code
apply_add(gw_arena *arena, const gw_event *event, const gw_field *add,
          gw_field *field, gw_error *err)
{
    gw_values have = {0};
    gw_values more = {0};
    gw_code code = read_list(arena, event, field, &have, err);
    if (code == GW_OK) {
        code = gw_json_array(arena, add->value, &more, err);
    }
    if (code == GW_OK) {
        field->value = append_values(arena, field->value, have, more);
    }
    return code;
}

static gw_code
apply_remove(gw_arena *arena, const gw_event *event, const gw_field *cut,
             gw_field *field, gw_error *err)
{
    gw_values have = {0};
    gw_values less = {0};
    gw_code code = read_list(arena, event, field, &have, err);
    if (code == GW_OK) {
        code = gw_json_array(arena, cut->value, &less, err);
    }
    if (code == GW_OK) {
        field->value = remove_values(arena, have, less);
    }
    return code;
}

/* A field that the model already has: adds, then removes. */
static gw_code
change_lists(gw_arena *arena, const gw_event *event, const struct keys *add,
             const struct keys *cut, bool *seen, gw_field *field, gw_error *err)
{
    gw_code code = GW_OK;
    const gw_field *more = keys_find(add, field->key);
    const gw_field *less = keys_find(cut, field->key);
    if (more != NULL) {
        seen[more - event->set.at] = true;
        code = apply_add(arena, event, more, field, err);
    }
    if (code == GW_OK && less != NULL) {
        code = apply_remove(arena, event, less, field, err);
    }
    return code;
}

static gw_code
change_state(gw_arena *arena, const gw_state *old, const gw_event *event,
             const gw_mask *mask, struct draft *d, gw_error *err)
{
    struct keys add;
    struct keys cut;
    gw_field field;
    gw_code code = GW_OK;
    bool *seen = gw_arena_zalloc(arena, event->set.n + 1);

    keys_init(&add, event->set);
    keys_init(&cut, event->cut);
    for (size_t cursor = 0;
         code == GW_OK && gw_state_next(old, &cursor, &field);) {
        code = change_lists(arena, event, &add, &cut, seen, &field, err);
        draft_add(d, &field);
    }
    for (size_t i = 0; code == GW_OK && i < event->set.n; i++) {
        if (!seen[i] && gw_mask_has(mask, event->set.at[i].key)) {
            field = (gw_field){event->set.at[i].key, {0}};
            code = apply_add(arena, event, &event->set.at[i], &field, err);
            draft_add(d, &field);
        }
    }
    keys_clear(&add);
    keys_clear(&cut);
    return code;
}

static gw_code
list_state(const gw_state *old, const gw_event *event, const gw_mask *mask,
           gw_state **out, gw_error *err)
{
    gw_arena arena;
    struct draft d;
    gw_arena_init(&arena);
    draft_init(&d, gw_state_count(old) + event->set.n);
    gw_code code = change_state(&arena, old, event, mask, &d, err);
    if (code == GW_OK) {
        code = draft_finish(&d, event, out, err);
    } else {
        draft_clear(&d);
    }
    gw_arena_clear(&arena);
    return code;
}

/* ---- only whether a field holds a list ---- */

static gw_code
scalars_after(unsigned old, const gw_event *event, const gw_mask *mask,
              unsigned *out, gw_error *err)
{
    unsigned scalars = event->type == GW_EVENT_CREATE ? 0 : old;
    for (size_t i = 0; i < mask->n; i++) {
        unsigned bit = 1U << i;
        ptrdiff_t set = gw_fields_find(event->set, mask->fields[i]);
        bool is_cut = gw_fields_find(event->cut, mask->fields[i]) >= 0;
        if (set < 0 && !is_cut) {
            continue;
        }
        if (event->type == GW_EVENT_LISTFIELDS && (scalars & bit) != 0) {
            return fail_no_list(event, mask->fields[i], err);
        }
        bool is_scalar = set >= 0 && !is_list(event->set.at[set].value);
        scalars = is_scalar ? scalars | bit : scalars & ~bit;
    }
    *out = scalars;
    return GW_OK;
}

/* ---- status ---- */

static gw_code
check_status(const gw_model *model, const gw_event *event, gw_error *err)
{
    const char *wrong = NULL;
    if (event->type == GW_EVENT_CREATE) {
        wrong = model->status != GW_STATUS_NONE ? "already exists" : NULL;
    } else if (model->status == GW_STATUS_NONE) {
        wrong = "does not exist";
    } else if (event->type == GW_EVENT_RESTORE) {
        wrong = model->status == GW_STATUS_ALIVE ? "is not deleted" : NULL;
    } else if (model->status == GW_STATUS_DELETED) {
        wrong = "is deleted";
    }
    if (wrong != NULL) {
        return gw_fail(err, GW_E_MIGRATION, "Model %.*s %s",
                       GW_FMT(event->fqid.text), wrong);
    }
    return GW_OK;
}

static gw_code
state_after(const gw_state *old, const gw_event *event, const gw_mask *mask,
            gw_state **out, gw_error *err)
{
    switch (event->type) {
    case GW_EVENT_CREATE:
        return make_state(event, mask, out, err);
    case GW_EVENT_UPDATE:
        return update_state(old, event, mask, out, err);
    case GW_EVENT_DELETEFIELDS:
        return remove_fields(old, event, out, err);
    case GW_EVENT_LISTFIELDS:
        return list_state(old, event, mask, out, err);
    case GW_EVENT_DELETE:
    case GW_EVENT_RESTORE:
        break;
    }
    *out = gw_state_retain(old);
    return GW_OK;
}

gw_code
gw_model_after(const gw_model *model, const gw_event *event, int64_t position,
               const gw_mask *mask, gw_model *out, gw_error *err)
{
    gw_state *state = NULL;
    unsigned scalars = 0;
    gw_code code = check_status(model, event, err);
    if (code == GW_OK && mask->only_lists) {
        code = scalars_after(model->scalars, event, mask, &scalars, err);
    } else if (code == GW_OK && (mask->all || mask->n > 0)) {
        code = state_after(model->state, event, mask, &state, err);
    }
    if (code == GW_OK) {
        gw_status status = event->type == GW_EVENT_DELETE ? GW_STATUS_DELETED
                                                          : GW_STATUS_ALIVE;
        *out = (gw_model){status, position, state, scalars};
    }
    return code;
}

gw_code
gw_model_apply(gw_model *model, const gw_event *event, int64_t position,
               const gw_mask *mask, gw_error *err)
{
    gw_model after;
    gw_code code = gw_model_after(model, event, position, mask, &after, err);
    if (code == GW_OK) {
        gw_state_release((gw_state *)model->state);
        *model = after;
    }
    return code;
}

void
gw_model_put_json(gw_buf *buf, const gw_model *model)
{
    gw_field field;
    gw_buf_byte(buf, '{');
    for (size_t cursor = 0; gw_state_next(model->state, &cursor, &field);) {
        gw_json_put_string(buf, field.key);
        gw_buf_byte(buf, ':');
        gw_buf_slice(buf, field.value);
        gw_buf_byte(buf, ',');
    }
    gw_buf_text(buf, model->status == GW_STATUS_DELETED
                         ? "\"meta_deleted\":true,\"meta_position\":"
                         : "\"meta_deleted\":false,\"meta_position\":");
    gw_buf_int(buf, model->meta_position);
    gw_buf_byte(buf, '}');
}

gw_code
gw_model_parse(gw_arena *arena, gw_slice data, bool deleted, gw_model *out,
               gw_error *err)
{
    int64_t meta_position = 0;
    gw_fields fields;
    size_t n = 0;
    gw_code code = gw_json_object(arena, data, &fields, err);

    if (code != GW_OK) {
        return code;
    }
    for (size_t i = 0; i < fields.n; i++) {
        const gw_field *f = &fields.at[i];
        if (gw_slice_equal(f->key, GW_LIT("meta_position"))) {
            (void)gw_json_int(f->value, &meta_position);
        } else if (!gw_slice_equal(f->key, GW_LIT("meta_deleted"))) {
            fields.at[n++] = *f;
        }
    }
    fields.n = n;
    *out = (gw_model){
        .status = deleted ? GW_STATUS_DELETED : GW_STATUS_ALIVE,
        .meta_position = meta_position,
        .state = gw_state_new(fields),
    };
    return GW_OK;
}
