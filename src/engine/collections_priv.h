/* SPDX-License-Identifier: Apache-2.0 */
/** The collections that events are about, with their highest ids. */
#ifndef GW_ENGINE_COLLECTIONS_PRIV_H
#define GW_ENGINE_COLLECTIONS_PRIV_H

#include "event/event.h"

typedef struct gw_collection_ids {
    gw_slice name;
    int64_t highest; /* id; INT64_MAX for larger ones */
    int64_t next;    /* as id_sequences has it, 0 for none */
} gw_collection_ids;

typedef struct gw_collections gw_collections;

gw_collections *gw_collections_new(void);
void gw_collections_free(gw_collections *collections);
/** Notes a model. Errors: GW_E_LIMIT for too many collections. */
GW_MUST_CHECK gw_code gw_collections_add(gw_collections *collections,
                                         const gw_fqid *fqid, gw_error *err);
/** Notes a row of id_sequences; unknown collections are left out. */
void gw_collections_set_next(gw_collections *collections, gw_slice name,
                             int64_t next);
/** In the order in which they came; NULL behind the last. */
const gw_collection_ids *gw_collections_at(const gw_collections *collections,
                                           size_t i);

#endif
