/* SPDX-License-Identifier: Apache-2.0 */
/* A list of collections with a hash table over it. Never forgets any. */
#include "engine/collections_priv.h"

#include <stdlib.h>

#include "base/limits.h"

struct gw_collections {
    gw_arena names;
    gw_collection_ids *at;
    size_t n;
    uint32_t *slots; /* index + 1 in `at`, 0: free */
    size_t n_slots;  /* a power of two, at least twice n */
};

static uint64_t
hash_name(gw_slice name)
{
    uint64_t hash = 5381;

    for (size_t i = 0; i < name.len; i++)
        hash = hash * 33 + (unsigned char)name.at[i];
    return hash;
}

/* Where a name is, or where it would go. */
static uint32_t *
slot_of(const gw_collections *c, gw_slice name)
{
    size_t i = hash_name(name) & (c->n_slots - 1);

    while (c->slots[i] && !gw_slice_equal(c->at[c->slots[i] - 1].name, name))
        i = (i + 1) & (c->n_slots - 1);
    return &c->slots[i];
}

static void
grow(gw_collections *c, size_t n_slots)
{
    free(c->slots);
    c->n_slots = n_slots;
    c->slots = gw_calloc(n_slots, sizeof(*c->slots));
    c->at = gw_realloc(c->at, n_slots / 2 * sizeof(*c->at));
    for (size_t i = 0; i < c->n; i++)
        *slot_of(c, c->at[i].name) = (uint32_t)i + 1;
}

gw_collections *
gw_collections_new(void)
{
    gw_collections *c = gw_calloc(1, sizeof(*c));

    gw_arena_init(&c->names);
    grow(c, 64);
    return c;
}

void
gw_collections_free(gw_collections *c)
{
    gw_arena_clear(&c->names);
    free(c->slots);
    free(c->at);
    free(c);
}

/* The id as a number, as far as it fits. */
static int64_t
number_of(gw_slice id)
{
    int64_t n = 0;

    for (size_t i = 0; i < id.len; i++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, id.at[i] - '0', &n))
            return INT64_MAX;
    return n;
}

gw_code
gw_collections_add(gw_collections *c, const gw_fqid *fqid, gw_error *err)
{
    gw_slice name = gw_fqid_collection(fqid);
    int64_t id = number_of(gw_fqid_id(fqid));
    uint32_t *slot = slot_of(c, name);

    if (*slot == 0) {
        if (c->n == GW_LIMIT_COLLECTIONS)
            return gw_fail(err, GW_E_LIMIT, "more than %d collections",
                           GW_LIMIT_COLLECTIONS);
        if ((c->n + 1) * 2 > c->n_slots) {
            grow(c, c->n_slots * 2);
            slot = slot_of(c, name);
        }
        c->at[c->n] = (gw_collection_ids){gw_arena_dup(&c->names, name), id, 0};
        *slot = (uint32_t)++c->n;
    } else if (id > c->at[*slot - 1].highest) {
        c->at[*slot - 1].highest = id;
    }
    return GW_OK;
}

void
gw_collections_set_next(gw_collections *c, gw_slice name, int64_t next)
{
    uint32_t slot = *slot_of(c, name);

    if (slot > 0)
        c->at[slot - 1].next = next;
}

const gw_collection_ids *
gw_collections_at(const gw_collections *c, size_t i)
{
    return i < c->n ? &c->at[i] : NULL;
}
