/* SPDX-License-Identifier: Apache-2.0 */
/** The way of a position through all pending event migrations: the stages.
 *  Knows keyframes and migrations, no store. Source: event-store.md,
 *  Event migrations. */
#ifndef GW_ENGINE_PIPELINE_H
#define GW_ENGINE_PIPELINE_H

#include "migration/migration.h"

typedef struct gw_pipeline gw_pipeline;

/** Who wants to see what a stage made of a position (preview). */
typedef void (*gw_stage_seen)(void *arg, const gw_migration *migration,
                              int64_t position, gw_events before,
                              gw_events after);

/**
 * Makes a pipeline of the event migrations above start_index.
 *
 * Shape:  migrations stay the caller's. backing NULL: begin with no models.
 *         print may be NULL.
 */
gw_pipeline *gw_pipeline_new(const gw_migrations *migrations,
                             int64_t start_index,
                             const gw_keyframe_backing *backing,
                             void (*print)(void *arg, gw_slice line),
                             void *print_arg);
void gw_pipeline_free(gw_pipeline *pipeline);

size_t gw_pipeline_stages(const gw_pipeline *pipeline);
/** The keyframes: stages + 1 levels. */
gw_keyframes *gw_pipeline_keyframes(gw_pipeline *pipeline);

/** Puts the local state of all migrations back to that of a new run. */
GW_MUST_CHECK gw_code gw_pipeline_restart(gw_pipeline *pipeline, gw_error *err);

/**
 * Migrates a position: its events are replaced by those of the last stage,
 * in `arena`; keyframes go on to after it.
 *
 * Errors: GW_E_MIGRATION and what keyframes report, with the place
 *         "(position P, event N)"; keyframes then are as before it.
 */
GW_MUST_CHECK gw_code gw_pipeline_run(gw_pipeline *pipeline, gw_arena *arena,
                                      gw_position *position, gw_error *err);

void gw_pipeline_watch(gw_pipeline *pipeline, gw_stage_seen seen, void *arg);

#endif
