/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in memory: those looked up or written of late, so that the store is
 * not asked for the sender of every message; and lists without repeats. */
#include <stdlib.h>

#include "source/import_priv.h"

enum { FIRST_ROOM = 1024, MOST = 64 * 1024, FIRST_TABLE = 64 };
#define MOST_BYTES ((size_t)8 * GW_MIB)

typedef struct gw_known_entry {
    uint64_t hash; /* 0: free */
    gw_slice key;
    gw_import_row row;
} gw_known_entry;

static uint64_t
hash_more(uint64_t hash, gw_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t
mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static uint64_t
hash_of(gw_slice kind, gw_slice key)
{
    uint64_t hash = hash_more(UINT64_C(0xcbf29ce484222325), kind);

    return mix(hash_more(hash_more(hash, GW_LIT("\0")), key));
}

/* Where the key is, or a free place. The kind is only in the hash and the
 * first bytes of the stored key. */
static gw_known_entry *
place_of(const gw_known *k, uint64_t hash, gw_slice kind, gw_slice key)
{
    for (size_t i = hash & (k->room - 1);; i = (i + 1) & (k->room - 1)) {
        gw_known_entry *e = &k->at[i];
        if (!e->hash)
            return e;
        if (e->hash == hash && e->key.len == kind.len + key.len &&
            memcmp(e->key.at, kind.at, kind.len) == 0 &&
            memcmp(e->key.at + kind.len, key.at, key.len) == 0)
            return e;
    }
}

bool
gw_known_get(const gw_known *known, gw_slice kind, gw_slice key,
             gw_import_row *out)
{
    if (!known->room)
        return false;
    gw_known_entry *e = place_of(known, hash_of(kind, key), kind, key);
    if (!e->hash)
        return false;
    *out = e->row;
    return true;
}

static void
grow(gw_known *k)
{
    gw_known_entry *old = k->at;
    size_t room = k->room;

    k->room = room ? 2 * room : FIRST_ROOM;
    k->at = gw_calloc(k->room, sizeof(*k->at));
    for (size_t i = 0; i < room; i++) {
        size_t at = old[i].hash & (k->room - 1);
        if (!old[i].hash)
            continue;
        while (k->at[at].hash)
            at = (at + 1) & (k->room - 1);
        k->at[at] = old[i];
    }
    free(old);
}

void
gw_known_put(gw_known *known, gw_slice kind, gw_slice key,
             const gw_import_row *row)
{
    gw_known *k = known;
    uint64_t hash = hash_of(kind, key);

    if (k->n >= MOST || k->keys.used_bytes > MOST_BYTES)
        gw_known_clear(k);
    if (2 * (k->n + 1) > k->room)
        grow(k);
    gw_known_entry *e = place_of(k, hash, kind, key);
    if (!e->hash) {
        char *copy = gw_arena_alloc(&k->keys, kind.len + key.len + 1);
        memcpy(copy, kind.at, kind.len);
        memcpy(copy + kind.len, key.at, key.len);
        e->key = (gw_slice){copy, kind.len + key.len};
        e->hash = hash;
        k->n++;
    }
    e->row = *row;
}

void
gw_known_clear(gw_known *known)
{
    free(known->at);
    gw_arena_clear(&known->keys);
    known->at = NULL;
    known->n = known->room = 0;
}

/* ---- texts ---- */

void
gw_texts_init(gw_texts *texts, gw_arena *arena)
{
    *texts = (gw_texts){.arena = arena};
}

static size_t
text_place(const gw_texts *t, gw_slice text)
{
    size_t mask = t->table_room - 1;
    size_t i = hash_of(GW_LIT(""), text) & mask;

    while (t->table[i] && !gw_slice_equal(t->at[t->table[i] - 1], text))
        i = (i + 1) & mask;
    return i;
}

static void
grow_texts(gw_texts *t)
{
    size_t room = t->room ? 2 * t->room : FIRST_TABLE / 2;
    gw_slice *at = GW_ARENA_NEW(t->arena, gw_slice, room);

    if (t->n > 0)
        memcpy(at, t->at, t->n * sizeof(*at));
    t->at = at;
    t->room = room;
    t->table_room = 2 * room;
    t->table = gw_arena_zalloc(t->arena, t->table_room * sizeof(*t->table));
    for (size_t i = 0; i < t->n; i++)
        t->table[text_place(t, t->at[i])] = (uint32_t)i + 1;
}

bool
gw_texts_add(gw_texts *texts, gw_slice text)
{
    if (texts->n == texts->room)
        grow_texts(texts);
    size_t place = text_place(texts, text);
    if (texts->table[place])
        return false;
    texts->at[texts->n++] = text;
    texts->table[place] = (uint32_t)texts->n;
    return true;
}

bool
gw_texts_has(const gw_texts *texts, gw_slice text)
{
    return texts->n > 0 && texts->table[text_place(texts, text)] != 0;
}
