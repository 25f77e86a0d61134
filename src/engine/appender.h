/* SPDX-License-Identifier: Apache-2.0 */
/** Appends positions as the application would: every event is applied to the
 *  model it is about, and the models are written with the positions.
 *
 *  What the models are is kept from one transaction to the next, up to the
 *  memory of the run, and forgotten when somebody else has written. */
#ifndef GW_ENGINE_APPENDER_H
#define GW_ENGINE_APPENDER_H

#include "engine/engine.h"

typedef struct gw_appender gw_appender;

gw_appender *gw_appender_new(const gw_run *run);
/** Takes back what is not committed. */
void gw_appender_free(gw_appender *a);

/** Begins a transaction, unless one is open. */
GW_MUST_CHECK gw_code gw_appender_open(gw_appender *a, gw_error *err);

/**
 * Appends a position in the open transaction.
 *
 * Shape:  p->position 0: the next number. migration_index 0: that of the
 *         store, 1 if it is empty. Both are filled in.
 * Errors: GW_E_INPUT, GW_E_MIGRATION: the position is refused as a whole,
 *         the transaction goes on; others end it.
 */
GW_MUST_CHECK gw_code gw_appender_add(gw_appender *a, gw_position *p,
                                      gw_error *err);

/** Writes the models and commits. Without a transaction nothing to do. After
 *  a failure nothing that was kept of the models counts. */
GW_MUST_CHECK gw_code gw_appender_commit(gw_appender *a, gw_error *err);
void gw_appender_abort(gw_appender *a);

/** The model as it is with all that was added. *out borrows. */
GW_MUST_CHECK gw_code gw_appender_model(gw_appender *a, gw_slice fqid,
                                        gw_model *out, gw_error *err);

/** Says that the ids of a collection from `first` on were reserved in the
 *  open transaction: nobody needs to look whether they are models. */
void gw_appender_reserved(gw_appender *a, gw_slice collection, int64_t first);

bool gw_appender_is_open(const gw_appender *a);
/** Whether somebody else had written before: the store is in use. */
bool gw_appender_is_shared(const gw_appender *a);
/** Milliseconds since the transaction began. */
int64_t gw_appender_age_ms(const gw_appender *a);
/** Whether the models take more memory than they may. */
bool gw_appender_is_full(const gw_appender *a);
/** The migration index of the store, 0 while it is empty. */
int64_t gw_appender_index(const gw_appender *a);

#endif
