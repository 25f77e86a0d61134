/* SPDX-License-Identifier: Apache-2.0 */
/** Model migrations: run on the models as they are now, each making at most
 *  one position. Source: event-store.md, Model migrations. */
#ifndef GW_ENGINE_MODELS_H
#define GW_ENGINE_MODELS_H

#include "engine/engine.h"

/**
 * Runs all model migrations above start_index inside an open cutover
 * transaction, after the swap.
 *
 * Errors: GW_E_MIGRATION naming file and model.
 */
GW_MUST_CHECK gw_code gw_models_run(const gw_run *run, int64_t start_index,
                                    gw_error *err);

/**
 * Turns the requests of one model migration into the events to be written:
 * an update's nulls become a deletefields event behind it, what says
 * nothing is dropped.
 *
 * Shape:  `out` is in the arena of `requests`.
 * Errors: GW_E_INPUT naming fqid and field for a malformed one.
 */
GW_MUST_CHECK gw_code gw_models_split(const gw_event_list *requests,
                                      gw_event_list *out, gw_error *err);

#endif
