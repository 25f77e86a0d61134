/* SPDX-License-Identifier: Apache-2.0 */
/** Moves positions from the live tables through the pipeline into the
 *  migration tables: reading and migrating on the caller's thread, writing
 *  and committing on another, a bounded queue of batches between them. */
#ifndef GW_ENGINE_MOVER_H
#define GW_ENGINE_MOVER_H

#include "engine/pipeline.h"
#include "engine/plan.h"

typedef struct gw_mover gw_mover;

/**
 * Makes ready to go on from where the migration tables are: forgets, sets
 * aside or continues what is there, and brings the keyframes to the last
 * migrated position.
 *
 * Errors: GW_E_STATE for edited migrations; those of the store.
 */
GW_MUST_CHECK gw_code gw_mover_open(const gw_run *run, gw_plan *plan,
                                    gw_mover **out, gw_error *err);
void gw_mover_close(gw_mover *mover);

/** The last migrated position, 0 before the first. */
int64_t gw_mover_position(const gw_mover *mover);

/**
 * One pass: all positions that can be seen at its beginning, in batches,
 * each committed.
 * Ends with keyframes saved, also when a migration fails or the run is
 * stopped, unless few events have come since they were saved last.
 *
 * Shape:  *moved counts positions.
 */
GW_MUST_CHECK gw_code gw_mover_pass(gw_mover *mover, int64_t *moved,
                                    gw_error *err);

/** Saves the keyframes as of the last committed position if they are not:
 *  before a cutover, so that only the tail's models are left for it. */
GW_MUST_CHECK gw_code gw_mover_settle(gw_mover *mover, gw_error *err);

/** The last positions, inside a cutover transaction, on this thread. */
GW_MUST_CHECK gw_code gw_mover_tail(gw_mover *mover, gw_error *err);

/** Makes the ready-made positions carry the target index. */
GW_MUST_CHECK gw_code gw_mover_set_final_index(gw_mover *mover,
                                               int64_t final_index,
                                               gw_error *err);
#endif
