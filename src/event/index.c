/* SPDX-License-Identifier: Apache-2.0 */
/* fqid → slot. Ids of one collection that are near each other are near each
 * other in the table (the usual case is 1, 2, 3, …), blocks of them are
 * scattered by a mixing hash. */
#include <stdlib.h>

#include "base/limits.h"
#include "event/index_priv.h"

enum { ID_DIGITS = 18, BLOCK_BITS = 6 };

struct entry {
    uint64_t id;
    uint32_t collection;
    uint32_t slot; /* + 1; 0: free */
};

struct key { /* of a slot, to find its fqid again */
    uint64_t id;
    uint32_t collection;
};

struct gw_index {
    struct entry *entries;
    size_t mask; /* entries - 1 */
    struct key *keys;
    size_t n, room;
    gw_collection *collections;
    size_t n_collections, room_collections;
    uint32_t *names; /* open addressing: collection number + 1 */
    size_t names_mask;
    uint32_t last; /* the collection asked for last */
    size_t list_bytes;
    gw_arena arena; /* names */
};

static uint64_t
mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}

static size_t
place_of(uint32_t collection, uint64_t id)
{
    uint64_t block = (id >> BLOCK_BITS) ^ ((uint64_t)collection << 40);
    return (size_t)((mix(block) << BLOCK_BITS) +
                    (id & ((1u << BLOCK_BITS) - 1)));
}

gw_index *
gw_index_new(void)
{
    gw_index *index = gw_calloc(1, sizeof(*index));
    index->mask = 1023;
    index->entries = gw_calloc(index->mask + 1, sizeof(struct entry));
    index->names_mask = 255;
    index->names = gw_calloc(index->names_mask + 1, sizeof(uint32_t));
    gw_arena_init(&index->arena);
    return index;
}

void
gw_index_free(gw_index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t i = 0; i < index->n_collections; i++) {
        free(index->collections[i].slots);
    }
    free(index->collections);
    free(index->names);
    free(index->entries);
    free(index->keys);
    gw_arena_clear(&index->arena);
    free(index);
}

size_t
gw_index_count(const gw_index *index)
{
    return index->n;
}

size_t
gw_index_bytes(const gw_index *index)
{
    return (index->mask + 1) * sizeof(struct entry) +
           index->room * sizeof(struct key) + index->list_bytes;
}

/* ---- collections ---- */

static uint64_t
hash_name(gw_slice name)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < name.len; i++) {
        h = (h ^ (unsigned char)name.at[i]) * 1099511628211u;
    }
    return mix(h);
}

static uint32_t *
name_place(gw_index *index, gw_slice name)
{
    size_t at = hash_name(name) & index->names_mask;
    while (
        index->names[at] != 0 &&
        !gw_slice_equal(index->collections[index->names[at] - 1].name, name)) {
        at = (at + 1) & index->names_mask;
    }
    return &index->names[at];
}

static void
grow_names(gw_index *index)
{
    free(index->names);
    index->names_mask = index->names_mask * 2 + 1;
    index->names = gw_calloc(index->names_mask + 1, sizeof(uint32_t));
    for (size_t i = 0; i < index->n_collections; i++) {
        *name_place(index, index->collections[i].name) = (uint32_t)i + 1;
    }
}

static gw_code
add_collection(gw_index *index, gw_slice name, uint32_t *out, gw_error *err)
{
    if (index->n_collections == GW_LIMIT_COLLECTIONS) {
        return gw_fail(err, GW_E_LIMIT,
                       "more than %d collections; '%.*s' is one too many",
                       GW_LIMIT_COLLECTIONS, GW_FMT(name));
    }
    if (index->n_collections == index->room_collections) {
        index->room_collections = index->room_collections * 2 + 16;
        index->collections =
            gw_realloc(index->collections,
                       index->room_collections * sizeof(gw_collection));
    }
    *out = (uint32_t)index->n_collections++;
    index->collections[*out] = (gw_collection){
        .name = gw_arena_dup(&index->arena, name),
        .is_wide = memchr(name.at, '/', name.len) != NULL,
    };
    *name_place(index, name) = *out + 1;
    if (index->n_collections * 2 > index->names_mask) {
        grow_names(index);
    }
    return GW_OK;
}

static bool
find_collection(gw_index *index, gw_slice name, uint32_t *out)
{
    if (index->last < index->n_collections &&
        gw_slice_equal(index->collections[index->last].name, name)) {
        *out = index->last;
        return true;
    }
    uint32_t number = *name_place(index, name);
    if (number == 0) {
        return false;
    }
    *out = index->last = number - 1;
    return true;
}

gw_code
gw_index_collection(gw_index *index, gw_slice name, gw_collection **out,
                    gw_error *err)
{
    uint32_t number = 0;
    if (!find_collection(index, name, &number)) {
        gw_code code = add_collection(index, name, &number, err);
        if (code != GW_OK) {
            return code;
        }
    }
    *out = &index->collections[number];
    return GW_OK;
}

size_t
gw_index_collections(const gw_index *index)
{
    return index->n_collections;
}

gw_collection *
gw_index_collection_at(gw_index *index, size_t i)
{
    return &index->collections[i];
}

/* ---- slots ---- */

/* Cuts an fqid into the collection's key and a number of at most 18 digits;
 * longer ids leave their first digits with the collection. */
static gw_slice
split(gw_slice fqid, uint64_t *id)
{
    size_t slash = fqid.len;
    while (slash > 0 && fqid.at[slash - 1] != '/') {
        slash--;
    }
    size_t first = fqid.len - slash > ID_DIGITS ? fqid.len - ID_DIGITS : slash;
    uint64_t number = 0;
    for (size_t i = first; i < fqid.len; i++) {
        number = number * 10 + (uint64_t)(fqid.at[i] - '0');
    }
    *id = number;
    return (gw_slice){fqid.at, first == slash ? slash - 1 : first};
}

static struct entry *
entry_place(gw_index *index, uint32_t collection, uint64_t id)
{
    size_t at = place_of(collection, id) & index->mask;
    while (index->entries[at].slot != 0 &&
           (index->entries[at].id != id ||
            index->entries[at].collection != collection)) {
        at = (at + 1) & index->mask;
    }
    return &index->entries[at];
}

uint32_t
gw_index_find(gw_index *index, gw_slice fqid)
{
    uint64_t id;
    uint32_t collection = 0;
    gw_slice name = split(fqid, &id);
    if (!find_collection(index, name, &collection)) {
        return GW_NO_SLOT;
    }
    uint32_t slot = entry_place(index, collection, id)->slot;
    return slot == 0 ? GW_NO_SLOT : slot - 1;
}

static void
grow_entries(gw_index *index)
{
    free(index->entries);
    index->mask = index->mask * 2 + 1;
    index->entries = gw_calloc(index->mask + 1, sizeof(struct entry));
    for (size_t i = 0; i < index->n; i++) {
        const struct key *k = &index->keys[i];
        *entry_place(index, k->collection, k->id) =
            (struct entry){k->id, k->collection, (uint32_t)i + 1};
    }
}

static void
add_to_collection(gw_index *index, uint32_t number, uint32_t slot)
{
    gw_collection *c = &index->collections[number];
    if (c->n == c->room) {
        size_t room = c->room == 0 ? 16 : c->room * 2;
        c->slots = gw_realloc(c->slots, room * sizeof(uint32_t));
        index->list_bytes += (room - c->room) * sizeof(uint32_t);
        c->room = room;
    }
    c->slots[c->n++] = slot;
}

gw_code
gw_index_add(gw_index *index, gw_slice fqid, uint32_t *slot, gw_error *err)
{
    uint64_t id;
    uint32_t collection = 0;
    gw_slice name = split(fqid, &id);
    gw_code code = GW_OK;

    if (!find_collection(index, name, &collection)) {
        code = add_collection(index, name, &collection, err);
    }
    if (code == GW_OK && index->n >= GW_NO_SLOT - 1) {
        code = gw_fail(err, GW_E_LIMIT, "too many models in memory");
    }
    if (code != GW_OK) {
        return code;
    }
    if (index->n == index->room) {
        index->room = index->room * 2 + 1024;
        index->keys = gw_realloc(index->keys, index->room * sizeof(struct key));
    }
    if ((index->n + 1) * 3 > (index->mask + 1) * 2) {
        grow_entries(index);
    }
    *slot = (uint32_t)index->n;
    index->keys[index->n++] = (struct key){id, collection};
    *entry_place(index, collection, id) =
        (struct entry){id, collection, *slot + 1};
    add_to_collection(index, collection, *slot);
    return GW_OK;
}

uint32_t
gw_index_collection_of(const gw_index *index, uint32_t slot)
{
    return index->keys[slot].collection;
}

gw_slice
gw_index_fqid(const gw_index *index, uint32_t slot, char *text)
{
    const struct key *k = &index->keys[slot];
    const gw_collection *c = &index->collections[k->collection];
    uint64_t id = k->id;
    char digits[ID_DIGITS];
    size_t n = 0;

    while (id > 0 || (c->is_wide && n < ID_DIGITS)) {
        digits[n++] = (char)('0' + id % 10);
        id /= 10;
    }
    size_t len = c->name.len;
    memcpy(text, c->name.at, len);
    if (!c->is_wide) {
        text[len++] = '/';
    }
    while (n > 0) {
        text[len++] = digits[--n];
    }
    return (gw_slice){text, len};
}
