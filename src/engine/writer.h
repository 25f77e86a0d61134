/* SPDX-License-Identifier: Apache-2.0 */
/** Writes what was migrated on a thread of its own, many batches a commit. */
#ifndef GW_ENGINE_WRITER_H
#define GW_ENGINE_WRITER_H

#include "engine/engine.h"
#include "store/store.h"

/** A batch on its way, and what the run state is once it is written. */
typedef struct gw_parcel {
    gw_batch batch;
    gw_run_state after; /* numbers only */
} gw_parcel;

typedef struct gw_writer gw_writer;

/**
 * Begins to wait for parcels, of about batch_bytes of event data each.
 *
 * Ownership:  run and checksums (what the run state has, or NULL) must
 *             outlive it. It is the only one to use the store's writing side
 *             but when it is drained.
 * Errors:     GW_E_STORE when there is no thread.
 */
GW_MUST_CHECK gw_code gw_writer_open(const gw_run *run, char *checksums,
                                     size_t batch_bytes, gw_writer **out,
                                     gw_error *err);
/** Writes what was sent, if nothing has failed, and ends. NULL is fine. */
void gw_writer_close(gw_writer *w);

/** The parcel to fill next; waits until one is free. It is the writer's. */
gw_parcel *gw_writer_next(gw_writer *w);
/** Hands that parcel over. */
void gw_writer_send(gw_writer *w);
/** Waits until everything is committed. Errors: those of the store in any
 *  commit so far, and what gw_writer_fail has said. */
GW_MUST_CHECK gw_code gw_writer_drain(gw_writer *w, gw_error *err);
/** Whether a commit has failed: nothing more will be written. */
bool gw_writer_has_failed(gw_writer *w);
/** Nothing more may be written, for this reason. Gives `code`. */
gw_code gw_writer_fail(gw_writer *w, gw_code code, const gw_error *err);

/** Writes a parcel in the open transaction of whoever calls. */
GW_MUST_CHECK gw_code gw_parcel_write(const gw_run *run,
                                      const gw_parcel *parcel, gw_error *err);

/** Tells the run's counters how far it is. */
void gw_count_done(const gw_run *run, const gw_run_state *state);

#endif
