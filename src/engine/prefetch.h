/* SPDX-License-Identifier: Apache-2.0 */
/** Reads live positions ahead of whoever migrates them, on a thread of its
 *  own: what a server needs to send them passes meanwhile. */
#ifndef GW_ENGINE_PREFETCH_H
#define GW_ENGINE_PREFETCH_H

#include <pthread.h>

#include "store/store.h"

typedef struct gw_prefetch gw_prefetch;

/**
 * Begins to read positions above `after`, up to `upto`, in batches of about
 * `batch_bytes`, a few of them ahead.
 *
 * Ownership:  store and lock must outlive it. The lock is held for every call
 *             of the store: others who call its reading side take it too.
 * Errors:     GW_E_STORE when there is no thread.
 */
GW_MUST_CHECK gw_code gw_prefetch_begin(gw_store *store, pthread_mutex_t *lock,
                                        int64_t after, int64_t upto,
                                        size_t batch_bytes, gw_prefetch **out,
                                        gw_error *err);

/**
 * The next batch, in order; empty at the end.
 *
 * Ownership:  *batch changes hands: what is in it is used for a later one.
 * Errors:     those of gw_store_read, in their place: after the batches
 *             before.
 */
GW_MUST_CHECK gw_code gw_prefetch_next(gw_prefetch *p, gw_batch *batch,
                                       gw_error *err);

/** Ends the thread; forgets what is read and not taken. NULL is fine. */
void gw_prefetch_end(gw_prefetch *p);
#endif
