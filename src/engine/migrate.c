/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that change a store's migration state. Each takes the run
 * lock. Source: event-store.md, Commands. */
#include "base/units.h"
#include "engine/models.h"
#include "engine/mover.h"

/* Passes go on, without a lock, until so little is left that writers will
 * not notice a cutover; a store that is written faster than we read ends the
 * attempts when a pass does not shrink any more. */
enum { SMALL_TAIL = 500, MOST_PASSES = 10 };

static gw_code
in_transaction(gw_store *store, bool cutover,
               gw_code (*work)(gw_store *store, gw_error *err), gw_error *err)
{
    gw_code code = gw_store_begin(store, cutover, err);
    if (code != GW_OK) {
        return code;
    }
    return gw_store_finish(store, work(store, err), err);
}

/* After a transaction that was committed. */
static gw_code
tidy(gw_store *store, gw_error *err)
{
    gw_code code = gw_store_tidy(store, err);
    return code == GW_OK
               ? code
               : gw_fail_prefix(err, "it is done, but what it leaves is not "
                                     "cleared away yet (that can be repeated, "
                                     "and the next migrate does it): ");
}

/* MI -1 says 'written by the newest code': only the index is set. */
static gw_code
set_newest(const gw_run *run, const gw_plan *plan, gw_error *err)
{
    gw_store *store = run->store;
    gw_run_print(run,
                 "The store was written by the newest code; setting "
                 "its migration index to %lld.",
                 (long long)plan->target);
    gw_code code = gw_store_begin(store, false, err);
    if (code != GW_OK) {
        return code;
    }
    code = gw_store_forget(store, err);
    if (code == GW_OK) {
        code = gw_store_set_index(store, plan->target, err);
    }
    code = gw_store_finish(store, code, err);
    return code == GW_OK ? tidy(store, err) : code;
}

static void
print_empty(const gw_run *run)
{
    gw_run_print(run, "Datastore is empty, nothing to do.");
}

static gw_code
with_lock(const gw_run *run, const char *name, bool full,
          gw_code (*command)(const gw_run *run, gw_plan *plan, gw_error *err),
          gw_error *err)
{
    gw_plan plan;
    gw_code code = gw_store_lock(run->store, name, err);
    if (code != GW_OK) {
        return code;
    }
    gw_run_phase(run, GW_PHASE_PREPARE);
    code = gw_plan_make(run, full, &plan, err);
    if (code == GW_OK) {
        code = command(run, &plan, err);
        gw_plan_clear(&plan);
    }
    gw_store_unlock(run->store);
    if (code == GW_OK) { /* else it tells where the run ended */
        gw_run_phase(run, GW_PHASE_DONE);
    }
    return code;
}

/* ---- migrate ---- */

static void
print_pending(const gw_run *run, const gw_plan *plan)
{
    for (size_t i = 0; i < run->migrations->n_events; i++) {
        const gw_migration *m = &run->migrations->at[i];
        if (m->index > plan->current && run->verbose) {
            gw_run_print(run, "%s%s%s", m->file,
                         m->description != NULL ? ": " : "",
                         m->description != NULL ? m->description : "");
        }
    }
}

static gw_code
catch_up(const gw_run *run, gw_mover *mover, gw_error *err)
{
    gw_code code = GW_OK;
    int64_t before = INT64_MAX;
    int64_t moved = INT64_MAX - 1;
    int64_t all = 0;
    for (int i = 0; code == GW_OK && moved > SMALL_TAIL && moved < before &&
                    i < MOST_PASSES;
         i++) {
        before = moved;
        code = gw_mover_pass(mover, &moved, err);
        all += moved;
    }
    if (all > 0) {
        gw_run_print(run, "%lld positions migrated.", (long long)all);
    }
    return code;
}

static gw_code
migrate_all(const gw_run *run, gw_plan *plan, gw_error *err)
{
    gw_mover *mover = NULL;
    print_pending(run, plan);
    gw_code code = gw_mover_open(run, plan, &mover, err);
    if (code == GW_OK) {
        gw_run_print(run,
                     "Migrating from migration index %lld to %lld, from "
                     "position %lld on.",
                     (long long)plan->current, (long long)plan->event_target,
                     (long long)gw_mover_position(mover) + 1);
        code = catch_up(run, mover, err);
    }
    gw_mover_close(mover);
    if (code == GW_OK) {
        gw_run_print(run, "Done. Finalizing is needed.");
    }
    return code;
}

static gw_code
migrate(const gw_run *run, gw_plan *plan, gw_error *err)
{
    if (plan->is_empty) {
        print_empty(run);
        return GW_OK;
    }
    if (plan->current == -1) {
        return set_newest(run, plan, err);
    }
    if (plan->current >= plan->event_target) {
        gw_run_print(run, plan->current == plan->target
                              ? "No migrations to apply."
                              : "No event migrations to apply; finalize runs "
                                "the model migrations.");
        return GW_OK;
    }
    return migrate_all(run, plan, err);
}

gw_code
gw_migrate(const gw_run *run, gw_error *err)
{
    return with_lock(run, "migrate", true, migrate, err);
}

/* ---- finalize ---- */

/* Everything that happens while writers are locked out. */
static gw_code
swap_in(const gw_run *run, const gw_plan *plan, gw_mover *mover, gw_error *err)
{
    gw_store *store = run->store;
    gw_code code = gw_mover_tail(mover, err);
    if (code == GW_OK) {
        code = gw_store_swap(store, err);
    }
    if (code == GW_OK) {
        code = gw_models_run(run, plan->current, err);
    }
    if (code == GW_OK) {
        code = gw_store_seal(store, err);
    }
    return gw_store_finish(store, code, err);
}

static gw_code
cut_over(const gw_run *run, const gw_plan *plan, gw_mover *mover, gw_error *err)
{
    gw_code code = gw_mover_set_final_index(mover, plan->target, err);
    if (code != GW_OK) {
        return code;
    }
    gw_run_phase(run, GW_PHASE_CUTOVER);
    code = gw_store_begin(run->store, true, err);
    if (code != GW_OK) {
        return code;
    }
    int64_t since = gw_clock_us();
    code = swap_in(run, plan, mover, err);
    int64_t locked_us = gw_clock_us() - since;
    if (run->counters != NULL) {
        atomic_store(&run->counters->cutover_us, locked_us);
    }
    if (code == GW_OK) {
        gw_store_after_swap(run->store);
        gw_run_print(run,
                     "Cutover done; writers were locked out for %.1f "
                     "ms.",
                     (double)locked_us / 1000.0);
    }
    return code;
}

/* Without event migrations the copy made for the cutover is nothing that
 * migrate would have made: it goes when the model migrations fail. */
static gw_code
drop_copy(const gw_run *run, const gw_plan *plan, gw_code code)
{
    if (code != GW_OK && code != GW_E_STORE &&
        plan->current >= plan->event_target) {
        gw_error ignored;
        (void)!in_transaction(run->store, false, gw_store_forget, &ignored);
        (void)!gw_store_tidy(run->store, &ignored);
    }
    return code;
}

static gw_code
finalize(const gw_run *run, gw_plan *plan, gw_error *err)
{
    gw_mover *mover = NULL;
    if (plan->is_empty) {
        print_empty(run);
        return GW_OK;
    }
    if (plan->current == -1) {
        return set_newest(run, plan, err);
    }
    if (plan->current == plan->target) {
        gw_run_print(run, "No migrations to apply.");
        return GW_OK;
    }
    gw_code code = gw_store_may_swap(run->store, err);
    if (code == GW_OK) {
        gw_run_phase(run, GW_PHASE_CATCH_UP);
        code = gw_mover_open(run, plan, &mover, err);
    }
    if (code == GW_OK) {
        code = catch_up(run, mover, err);
    }
    if (code == GW_OK) {
        code = gw_store_prepare_swap(run->store, err);
    }
    if (code == GW_OK) { /* what was written meanwhile */
        code = catch_up(run, mover, err);
    }
    if (code == GW_OK) {
        code = gw_mover_settle(mover, err);
    }
    if (code == GW_OK) {
        code = cut_over(run, plan, mover, err);
    }
    gw_mover_close(mover);
    if (code == GW_OK) {
        gw_run_print(run, "Done. The store is at migration index %lld.",
                     (long long)plan->target);
    }
    return drop_copy(run, plan, code);
}

gw_code
gw_finalize(const gw_run *run, gw_error *err)
{
    return with_lock(run, "finalize", true, finalize, err);
}

/* ---- the small ones ---- */

static gw_code
reset(const gw_run *run, gw_plan *plan, gw_error *err)
{
    if (plan->is_empty) {
        print_empty(run);
        return GW_OK;
    }
    gw_run_phase(run, GW_PHASE_CLEANUP);
    gw_code code = in_transaction(run->store, false, gw_store_forget, err);
    if (code == GW_OK) {
        code = tidy(run->store, err);
    }
    if (code == GW_OK) {
        gw_run_print(run, "What was migrated and not finalized is gone; "
                          "the live tables are as they were.");
    }
    return code;
}

gw_code
gw_reset(const gw_run *run, gw_error *err)
{
    return with_lock(run, "reset", false, reset, err);
}

static gw_code
after_swap(gw_store *store, gw_error *err)
{
    (void)err;
    gw_store_after_swap(store);
    return GW_OK;
}

/* `after` it was committed; or NULL. */
static gw_code
locked_transaction(const gw_run *run, const char *name, bool cutover,
                   gw_code (*work)(gw_store *store, gw_error *err),
                   gw_code (*after)(gw_store *store, gw_error *err),
                   const char *done, gw_error *err)
{
    gw_code code = gw_store_lock(run->store, name, err);
    if (code != GW_OK) {
        return code;
    }
    code = in_transaction(run->store, cutover, work, err);
    if (code == GW_OK && after != NULL) {
        code = after(run->store, err);
    }
    gw_store_unlock(run->store);
    if (code == GW_OK) {
        gw_run_print(run, "%s", done);
    }
    return code;
}

gw_code
gw_rollback(const gw_run *run, gw_error *err)
{
    return locked_transaction(run, "rollback", true, gw_store_swap_back,
                              after_swap, "The old generation is live again.",
                              err);
}

gw_code
gw_discard(const gw_run *run, gw_error *err)
{
    return locked_transaction(run, "discard", false, gw_store_discard, tidy,
                              "There is no old generation any more.", err);
}

gw_code
gw_clear_helpers(const gw_run *run, gw_error *err)
{
    return locked_transaction(run, "clear-collectionfield-tables", false,
                              gw_store_clear_helpers, NULL,
                              "The collectionfield tables are empty.", err);
}
