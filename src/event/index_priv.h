/* SPDX-License-Identifier: Apache-2.0 */
/** fqid → slot number: a hash over collection and integer id, no text. */
#ifndef GW_EVENT_INDEX_PRIV_H
#define GW_EVENT_INDEX_PRIV_H

#include "event/event.h"

/** A collection and the slots of its models, in the order they came. */
typedef struct gw_collection {
    gw_slice name;  /* of the fqids; for ids of more than 18 digits also the
                       leading ones ("user/123"): a collection of their own */
    bool is_wide;   /* name includes the slash and digits */
    bool is_listed; /* all saved models of it have a slot */
    uint32_t *slots;
    size_t n, room;
} gw_collection;

typedef struct gw_index gw_index;

#define GW_NO_SLOT UINT32_MAX

gw_index *gw_index_new(void);
void gw_index_free(gw_index *index);

/** The slot of an fqid, or GW_NO_SLOT. */
uint32_t gw_index_find(gw_index *index, gw_slice fqid);
/** Gives an fqid that is not there the next slot: 0, 1, …
 *  Errors: GW_E_LIMIT: too many collections or models. */
GW_MUST_CHECK gw_code gw_index_add(gw_index *index, gw_slice fqid,
                                   uint32_t *slot, gw_error *err);
size_t gw_index_count(const gw_index *index);
size_t gw_index_bytes(const gw_index *index);

/** The collection number of a slot; its fqid, into text of GW_LIMIT_FQID+1
 *  bytes. */
uint32_t gw_index_collection_of(const gw_index *index, uint32_t slot);
gw_slice gw_index_fqid(const gw_index *index, uint32_t slot, char *text);

/** A collection by name (not wide), made when missing; those by number. */
GW_MUST_CHECK gw_code gw_index_collection(gw_index *index, gw_slice name,
                                          gw_collection **out, gw_error *err);
size_t gw_index_collections(const gw_index *index);
gw_collection *gw_index_collection_at(gw_index *index, size_t i);

#endif
