/* SPDX-License-Identifier: Apache-2.0 */
/** What there is to do: the store's state held against the registered
 *  migrations. Shared by the commands; takes no lock, writes nothing. */
#ifndef GW_ENGINE_PLAN_H
#define GW_ENGINE_PLAN_H

#include "engine/engine.h"

typedef struct gw_plan {
    gw_store_counts counts;
    gw_run_state state;   /* of the migration tables; freed by _clear */
    int64_t current;      /* migration index of the store; -1 is legal */
    int64_t event_target; /* where the event migrations lead */
    int64_t target;       /* where all of them lead */
    bool is_empty;        /* no positions */
} gw_plan;

/**
 * Reads the store's state and refuses what every command refuses.
 *
 * Errors: GW_E_STATE: inconsistent indices; a store ahead of the registered
 *         migrations. Source: event-store.md, Migration index
 */
GW_MUST_CHECK gw_code gw_plan_make(const gw_run *run, bool full, gw_plan *out,
                                   gw_error *err);
void gw_plan_clear(gw_plan *plan);

gw_migration_state gw_plan_state(const gw_plan *plan);

/** {"2": "…", …} of the registered event migrations: checksum, a blank and
 *  what models it looks at, if any. The caller frees. */
char *gw_plan_checksums(const gw_migrations *migrations);

/** What became of migrations since positions were migrated with them. */
typedef struct gw_edits {
    const char *edited; /* file of the first that is another now, or NULL */
    const char *blind;  /* of the first that now looks at models that were
                           not kept: its new text cannot go on; or NULL */
} gw_edits;
gw_edits gw_plan_edits(const gw_plan *plan, const gw_migrations *migrations);

/** Prints one line of the command's output. */
void gw_run_print(const gw_run *run, const char *fmt, ...) GW_PRINTF(2, 3);
void gw_run_phase(const gw_run *run, gw_phase phase);
bool gw_run_is_stopped(const gw_run *run);

#endif
