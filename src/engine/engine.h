/* SPDX-License-Identifier: Apache-2.0 */
/** The commands on a store: migrate, finalize, reset, stats, rollback,
 *  discard, verify, preview, convert, load, dump.
 *  Source: event-store.md, Commands; cli.md */
#ifndef GW_ENGINE_ENGINE_H
#define GW_ENGINE_ENGINE_H

#include <stdatomic.h>
#include <stdio.h>

#include "migration/migration.h"
#include "store/store.h"

/** Counters of a run, read by other threads at any time. -1: not known. */
typedef struct gw_counters {
    _Atomic int phase; /* gw_phase */
    _Atomic int64_t positions_done, positions_total;
    _Atomic int64_t events_done, events_total;
    /* of those done: by earlier runs, when this one goes on from them */
    _Atomic int64_t positions_before, events_before;
    _Atomic int64_t models;     /* saved of models_total, while saving */
    _Atomic int64_t cutover_us; /* how long writers were locked out */
} gw_counters;

/* X(name, text) */
#define GW_PHASE_MAP(X)                                                        \
    X(IDLE, "idle")                                                            \
    X(PREPARE, "prepare")                                                      \
    X(REPLAY, "replay")                                                        \
    X(MIGRATE, "migrate")                                                      \
    X(KEYFRAMES, "keyframes")                                                  \
    X(CATCH_UP, "catch-up")                                                    \
    X(CUTOVER, "cutover")                                                      \
    X(MODELS, "models")                                                        \
    X(USER, "user")                                                            \
    X(CHANNEL, "channel")                                                      \
    X(MESSAGE, "message")                                                      \
    X(CONVERSATION, "conversation")                                            \
    X(CLEANUP, "cleanup")                                                      \
    X(VERIFY, "verify")                                                        \
    X(DONE, "done")

typedef enum gw_phase {
#define GW_PHASE_ENUM(name, text) GW_PHASE_##name,
    GW_PHASE_MAP(GW_PHASE_ENUM)
#undef GW_PHASE_ENUM
} gw_phase;

const char *gw_phase_name(gw_phase phase);

/** What a command needs. Zeroed members take defaults. */
typedef struct gw_run {
    gw_store *store;
    const gw_migrations *migrations;
    gw_counters *counters;    /* or NULL */
    const atomic_bool *stop;  /* or NULL; true: stop after this batch */
    const atomic_bool *pause; /* or NULL; true: wait between batches */
    void (*print)(void *arg, gw_slice line); /* output, no newline; or NULL */
    void *print_arg;
    /** Told of an import's step, how often it was tried, and its last error
     *  (or NULL); or NULL. */
    void (*tell)(void *arg, const char *step, int64_t tries, const char *error);
    void *tell_arg;
    bool verbose;
    bool restart;            /* edited migrations: begin again */
    bool keep_migrated;      /* edited migrations: keep what is migrated */
    size_t batch_bytes;      /* 0: what suits the store */
    size_t memory_bytes;     /* for models */
    int64_t keyframe_events; /* save keyframes after so many events */
} gw_run;

typedef enum gw_migration_state {
    GW_STATE_NO_MIGRATION_REQUIRED,
    GW_STATE_MIGRATION_REQUIRED,
    GW_STATE_FINALIZATION_REQUIRED,
} gw_migration_state;

const char *gw_migration_state_name(gw_migration_state state);

typedef struct gw_stats {
    gw_migration_state status;
    int64_t current_index, target_index;
    int64_t positions, events;
    int64_t fully_migrated, partially_migrated;
} gw_stats;

GW_MUST_CHECK gw_code gw_stats_get(const gw_run *run, gw_stats *out,
                                   gw_error *err);
/** One JSON object with the seven members of event-store.md. */
void gw_stats_put_json(gw_buf *buf, const gw_stats *stats);

/** The commands. Each takes the run lock itself (not stats). GW_E_MIGRATION
 *  for errors of migrations and events, GW_E_INTERRUPTED when stopped: both
 *  leave a store that a later run goes on from. */
GW_MUST_CHECK gw_code gw_migrate(const gw_run *run, gw_error *err);
GW_MUST_CHECK gw_code gw_finalize(const gw_run *run, gw_error *err);
GW_MUST_CHECK gw_code gw_reset(const gw_run *run, gw_error *err);
GW_MUST_CHECK gw_code gw_rollback(const gw_run *run, gw_error *err);
GW_MUST_CHECK gw_code gw_discard(const gw_run *run, gw_error *err);
GW_MUST_CHECK gw_code gw_clear_helpers(const gw_run *run, gw_error *err);

/** Derives all models from the events again and compares. Differences are
 *  printed, at most `max_lines` of them; *differences counts all. Also
 *  checks every event. Errors: GW_E_DIFFERENT when there is one. */
GW_MUST_CHECK gw_code gw_verify(const gw_run *run, int64_t max_lines,
                                int64_t *differences, gw_error *err);

/** Runs pending migrations without writing and prints, for up to `limit`
 *  positions from `from` (0: the first) whose events change, the events
 *  before and after each migration. as_json: one object a line. */
GW_MUST_CHECK gw_code gw_preview(const gw_run *run, int64_t from, int64_t limit,
                                 bool as_json, gw_error *err);

/** Brings a JSON object of models (fqid → fields) from `from_index` to the
 *  target, in memory. run->store is not used. */
GW_MUST_CHECK gw_code gw_convert(const gw_run *run, int64_t from_index,
                                 gw_slice models, gw_buf *out, gw_error *err);

/** Appends the positions of an NDJSON stream, checking every event against
 *  the models; all or nothing per position, many positions a commit.
 *  `name` is for messages. */
GW_MUST_CHECK gw_code gw_load(const gw_run *run, FILE *in, const char *name,
                              int64_t *positions, int64_t *events,
                              gw_error *err);
/** Prints the store as cli.md, `dump`; as NDJSON; the models one per line.*/
GW_MUST_CHECK gw_code gw_dump(const gw_run *run, FILE *out, gw_error *err);
GW_MUST_CHECK gw_code gw_export(const gw_run *run, FILE *out, gw_error *err);
GW_MUST_CHECK gw_code gw_export_models(const gw_run *run, FILE *out,
                                       gw_error *err);

#endif
