/* SPDX-License-Identifier: Apache-2.0 */
/** The event store: positions, events and models as an application keeps
 *  them, and the migration tables beside them. Source: event-store.md
 *
 *  Threads: the calls of "The reading side" may be made by one thread while
 *  another makes those of "The writing side"; each side is one connection.
 *  Two threads on one side take turns by a lock of their own.
 *  What the writing side has committed is seen by the next call of the
 *  reading side. */
#ifndef GW_STORE_STORE_H
#define GW_STORE_STORE_H

#include "event/event.h"
#include "event/keyframe.h"

typedef struct gw_store gw_store;

/** How to open a store. */
typedef struct gw_store_options {
    bool create;      /* make the tables; GW_E_STATE when there are any */
    bool read_only;   /* for stats, dump, … */
    int lock_wait_ms; /* 0: a default; waiting for the application's locks */
} gw_store_options;

/** A consecutive run of positions with all their events. */
typedef struct gw_batch {
    gw_arena arena;
    gw_position *positions;
    size_t n;
    size_t n_events;
    size_t bytes; /* of event data */
} gw_batch;

void gw_batch_init(gw_batch *batch);
void gw_batch_reset(gw_batch *batch);
void gw_batch_clear(gw_batch *batch);

/** Which events. */
typedef enum gw_generation {
    GW_GENERATION_LIVE,     /* positions, events */
    GW_GENERATION_MIGRATED, /* migration_positions, migration_events */
} gw_generation;

/** What the migration tables hold; one row, GW's own. Zeroed: nothing. */
typedef struct gw_run_state {
    int64_t start_index;  /* migration index of the live positions */
    int64_t event_target; /* index of the migrated positions */
    int64_t position;     /* the last migrated (all before it are too) */
    int64_t positions;    /* migrated so far */
    int64_t events;       /* events read for them */
    int64_t events_written;
    int64_t keyframe_position; /* models are saved as of this */
    int64_t base_target;   /* > 0: an older set's result is kept and counts */
    int64_t base_position; /* for positions above `position`, up to this */
    int64_t final_index;   /* index that the ready-made positions carry */
    char *checksums;       /* JSON object {"2": "hex", …}; owned, or NULL */
} gw_run_state;

void gw_run_state_clear(gw_run_state *state);

typedef struct gw_store_counts {
    int64_t positions, events;
    int64_t min_index, max_index; /* of positions; 0 when there are none */
    int64_t max_position;         /* 0 when there are none */
    int64_t max_migrated_index;   /* of migration_positions; 0 for none */
    int64_t migrated_at_target;   /* migration_positions at `target` */
    int64_t migrated_elsewhere;   /* the other rows */
    bool has_old_generation;      /* something to roll back to */
    bool can_rollback;            /* and nothing was written since */
} gw_store_counts;

/** Who holds the run lock. */
typedef struct gw_lock_holder {
    char text[256]; /* "migrate, pid 123 on host since 2026-…" */
} gw_lock_holder;

/**
 * Opens the store that a URI names: `sqlite:PATH`, a plain path,
 * `postgresql://…`. Never creates one unless options->create.
 *
 * Errors: GW_E_STORE: not there, not a database, no such tables, a newer
 *         schema, no rights; GW_E_USAGE: a URI that is none.
 */
GW_MUST_CHECK gw_code gw_store_open(const char *uri,
                                    const gw_store_options *options,
                                    gw_store **out, gw_error *err);
void gw_store_close(gw_store *store);
/** The URI without a password, for messages. */
const char *gw_store_name(const gw_store *store);

/* ---- The reading side ---- */

/** Counts. `target` is the registered event target. full false leaves out
 *  what has to be counted row by row (positions, events, migrated_*). */
GW_MUST_CHECK gw_code gw_store_count(gw_store *store, int64_t target, bool full,
                                     gw_store_counts *out, gw_error *err);
/** How many live positions there are above `after`; counts no further than
 *  `limit`. */
GW_MUST_CHECK gw_code gw_store_count_after(gw_store *store, int64_t after,
                                           int64_t limit, int64_t *out,
                                           gw_error *err);
GW_MUST_CHECK gw_code gw_store_run_state(gw_store *store, gw_run_state *out,
                                         gw_error *err);

/**
 * Reads the next positions above `after`, up to `upto` (0: no bound), until
 * the batch holds about max_bytes of data or nothing is left.
 *
 * Shape:  the batch is reset first; n 0 at the end. Never passes a position
 *         below which another may still appear. Positions without events
 *         come too. For GW_GENERATION_MIGRATED only rows that are there.
 * Errors: GW_E_STORE; GW_E_INPUT naming position and event for malformed
 *         rows.
 */
GW_MUST_CHECK gw_code gw_store_read(gw_store *store, gw_generation which,
                                    int64_t after, int64_t upto,
                                    size_t max_bytes, gw_batch *batch,
                                    gw_error *err);

/** One live model; found false when there is none. In the arena. */
GW_MUST_CHECK gw_code gw_store_model(gw_store *store, gw_arena *arena,
                                     gw_slice fqid, gw_slice *data,
                                     bool *deleted, bool *found, gw_error *err);
/** Each live model, ascending by collection and id (number). `collection`
 *  at NULL: all. Slices live for the call. */
typedef gw_code (*gw_model_visit)(void *arg, gw_slice fqid, gw_slice data,
                                  bool deleted, gw_error *err);
GW_MUST_CHECK gw_code gw_store_models(gw_store *store, gw_slice collection,
                                      gw_model_visit visit, void *arg,
                                      gw_error *err);
/** Each row of id_sequences, ascending by collection. */
GW_MUST_CHECK gw_code gw_store_sequences(
    gw_store *store,
    gw_code (*visit)(void *arg, gw_slice collection, int64_t id, gw_error *err),
    void *arg, gw_error *err);

/** Saved keyframes: as gw_keyframe_backing has it; self is the store. */
GW_MUST_CHECK gw_code gw_store_keyframe_load(gw_store *store, gw_slice fqid,
                                             gw_model *models, size_t levels,
                                             gw_error *err);
GW_MUST_CHECK gw_code gw_store_keyframe_list(
    gw_store *store, gw_slice collection,
    gw_code (*found)(void *arg, gw_slice fqid, gw_error *err), void *arg,
    gw_error *err);

/** Godwit's own records of runs, newest first, at most `limit` and no more
 *  than GW_LIMIT_HISTORY of a kind ("run", "manage"); nothing where none was
 *  ever put. Passes over what is longer than GW_LIMIT_JOURNAL_LINE. */
GW_MUST_CHECK gw_code gw_store_records(
    gw_store *store, const char *kind, int64_t limit,
    gw_code (*visit)(void *arg, gw_slice id, gw_slice record, gw_error *err),
    void *arg, gw_error *err);

/** Bytes of event data that are best read at a time. */
size_t gw_store_batch(const gw_store *store);

/** Bytes that the store takes and bytes that it may still take on its disk;
 *  -1: not to be seen from here. */
typedef struct gw_store_space {
    int64_t used, free;
} gw_store_space;
gw_store_space gw_store_space_of(gw_store *store);

/** What a look at a store finds. X(name, text) */
#define GW_FINDING_MAP(X)                                                      \
    X(INFO, "info")                                                            \
    X(WARNING, "warning") /* will hurt */                                      \
    X(MISSING, "missing") /* a right without which a run fails */              \
    X(REFUSED, "refused") /* what a cutover cannot carry over */

typedef enum gw_finding_kind {
#define GW_FINDING_ENUM(name, text) GW_FINDING_##name,
    GW_FINDING_MAP(GW_FINDING_ENUM)
#undef GW_FINDING_ENUM
} gw_finding_kind;

const char *gw_finding_kind_name(gw_finding_kind kind);

typedef gw_code (*gw_finding_visit)(void *arg, gw_finding_kind kind,
                                    gw_slice text, gw_error *err);

/** Looks what is in the way of a run. only_refused leaves out the rest. */
GW_MUST_CHECK gw_code gw_store_check(gw_store *store, bool only_refused,
                                     gw_finding_visit visit, void *arg,
                                     gw_error *err);
/** GW_E_STATE naming what a cutover could not carry over. */
GW_MUST_CHECK gw_code gw_store_may_swap(gw_store *store, gw_error *err);

/* ---- The writing side ---- */

/** Takes the run lock, or GW_E_LOCKED naming the holder. Freed by
 *  gw_store_unlock, gw_store_close, or when the process dies. */
GW_MUST_CHECK gw_code gw_store_lock(gw_store *store, const char *command,
                                    gw_error *err);
void gw_store_unlock(gw_store *store);

/** A transaction. Everything below runs inside one. cutover: also locks out
 *  writers, waiting for at most lock_wait_ms at a time, with retries. */
GW_MUST_CHECK gw_code gw_store_begin(gw_store *store, bool cutover,
                                     gw_error *err);
GW_MUST_CHECK gw_code gw_store_commit(gw_store *store, gw_error *err);
void gw_store_abort(gw_store *store);
/** Ends a transaction: commits when `code` is GW_OK, else aborts; also aborts
 *  when the commit fails. Gives `code`, or what the commit says. */
GW_MUST_CHECK gw_code gw_store_finish(gw_store *store, gw_code code,
                                      gw_error *err);

/** How much event data the next transaction should take, about: where an open
 *  one keeps others from writing, and somebody else was seen to, no more than
 *  is written in a moment. Outside a transaction. */
size_t gw_store_commit_bytes(gw_store *store);
/** After a commit, where an open transaction keeps others from writing: takes
 *  a moment, for whoever waits to have a turn. */
void gw_store_make_way(gw_store *store);

/** Appends a position with its events, already checked, as the application
 *  would; p->position 0: the next number, put into *assigned. Does not
 *  touch models. Errors: GW_E_INPUT when the number is not above all. */
GW_MUST_CHECK gw_code gw_store_append(gw_store *store, const gw_position *p,
                                      int64_t *assigned, gw_error *err);
/** Says that `n` positions without a number come next in the open
 *  transaction: a store that asks a server for each number then asks for
 *  many at once. Numbers that are not used after all are lost, as those of
 *  a transaction that is taken back are. */
void gw_store_expect(gw_store *store, size_t n);
/** Inserts or replaces a live model, and raises its collection's row of
 *  id_sequences to its id + 1 where that is higher. */
GW_MUST_CHECK gw_code gw_store_put_model(gw_store *store, gw_slice fqid,
                                         gw_slice data, bool deleted,
                                         gw_error *err);
/** As gw_store_model, on the writing side: sees the open transaction. */
GW_MUST_CHECK gw_code gw_store_model_now(gw_store *store, gw_arena *arena,
                                         gw_slice fqid, gw_slice *data,
                                         bool *deleted, bool *found,
                                         gw_error *err);
/** As gw_store_models, gw_store_read (live), on the writing side. */
GW_MUST_CHECK gw_code gw_store_models_now(gw_store *store, gw_slice collection,
                                          gw_model_visit visit, void *arg,
                                          gw_error *err);
GW_MUST_CHECK gw_code gw_store_read_now(gw_store *store, int64_t after,
                                        int64_t upto, size_t max_bytes,
                                        gw_batch *batch, gw_error *err);
/** The newest live position, 0 for none, on the writing side. */
GW_MUST_CHECK gw_code gw_store_max_position_now(gw_store *store, int64_t *out,
                                                gw_error *err);

/** Appends migrated positions at the end of the migration tables: rows of
 *  migration_positions at event_target, of migration_events with weights
 *  from 1, and the ready-made positions at final_index. */
GW_MUST_CHECK gw_code gw_store_write(gw_store *store,
                                     const gw_position *positions, size_t n,
                                     int64_t event_target, int64_t final_index,
                                     gw_error *err);
GW_MUST_CHECK gw_code gw_store_put_run_state(gw_store *store,
                                             const gw_run_state *state,
                                             gw_error *err);
/** Saves one model as of the keyframe position, as gw_keyframes_save gives
 *  it. The last level's data becomes the live model at cutover, its highest
 *  id the row of id_sequences. */
GW_MUST_CHECK gw_code gw_store_keyframe_put(gw_store *store,
                                            const gw_saved_model *model,
                                            gw_error *err);
/** Between two models of a save outside a cutover: where a transaction keeps
 *  others from writing and has been open for long, commits and begins another
 *  one. A save has come to its end when gw_store_put_run_state is committed
 *  with its position. */
GW_MUST_CHECK gw_code gw_store_keyframe_yield(gw_store *store, gw_error *err);
/** Before anything that a run does to what is saved, outside a transaction:
 *  takes back a save that has not come to its end. */
GW_MUST_CHECK gw_code gw_store_keyframe_recover(gw_store *store, gw_error *err);
/** What migrate made is no more (migration tables, saved keyframes, run
 *  state); gw_store_tidy drops it. Live tables and the old generation stay. */
GW_MUST_CHECK gw_code gw_store_forget(gw_store *store, gw_error *err);
/** Sets the present migrated rows aside as the base of a grown set; they
 *  still count and are dumped for positions not yet migrated again. */
GW_MUST_CHECK gw_code gw_store_set_aside(gw_store *store, gw_error *err);
/** Takes back what was migrated above state->keyframe_position, and puts
 *  position and numbers of *state right; does not write them. */
GW_MUST_CHECK gw_code gw_store_cut_back(gw_store *store, gw_run_state *state,
                                        gw_error *err);
/** The base is none any more, when all of it is migrated again; gw_store_tidy
 *  drops it. */
GW_MUST_CHECK gw_code gw_store_drop_base(gw_store *store, gw_error *err);
/** Gives the ready-made positions another final index, when a model
 *  migration was added after migrate. Outside of the cutover. */
GW_MUST_CHECK gw_code gw_store_set_final_index(gw_store *store,
                                               int64_t final_index,
                                               gw_error *err);
/** Makes ready what a swap needs and what takes its time, as indexes do:
 *  before the last catch-up, outside of a transaction. */
GW_MUST_CHECK gw_code gw_store_prepare_swap(gw_store *store, gw_error *err);
/** Lets go of what was made for migrating and takes its time, after a swap
 *  or a swap back that is committed. What fails of it the next run does. */
void gw_store_after_swap(gw_store *store);
/** Puts the migrated generation in place of the live one, keeps the live
 *  one as the old generation, empties helper and migration tables. Inside
 *  gw_store_begin(cutover). Cost does not depend on the store's size, but
 *  for indexes of the application that SQLite makes anew. */
GW_MUST_CHECK gw_code gw_store_swap(gw_store *store, gw_error *err);
/** Puts the old generation back. GW_E_STATE when there is none or when
 *  something was written since. Inside gw_store_begin(cutover). */
GW_MUST_CHECK gw_code gw_store_swap_back(gw_store *store, gw_error *err);
/** Records the newest position after a cutover, for the check that nothing
 *  was written since. */
GW_MUST_CHECK gw_code gw_store_seal(gw_store *store, gw_error *err);
/** The old generation is none any more; gw_store_tidy drops it. Nothing to do
 *  is fine. */
GW_MUST_CHECK gw_code gw_store_discard(gw_store *store, gw_error *err);
/** Outside a transaction: clears away what is of no use any more (tables that
 *  were set aside, what a save has replaced), where that takes long a little
 *  at a time. When it ends early, a later call goes on. */
GW_MUST_CHECK gw_code gw_store_tidy(gw_store *store, gw_error *err);
/** Sets every live position's index (the MI -1 case). */
GW_MUST_CHECK gw_code gw_store_set_index(gw_store *store, int64_t index,
                                         gw_error *err);
/** Puts a record, in place of one of the same kind and id; `at` gives the
 *  order. At once, outside of a transaction, and without the run lock. Keeps
 *  the newest GW_LIMIT_HISTORY of a kind. */
GW_MUST_CHECK gw_code gw_store_put_record(gw_store *store, const char *kind,
                                          gw_slice id, int64_t at,
                                          gw_slice record, gw_error *err);
/** Empties collectionfields and events_to_collectionfields. */
GW_MUST_CHECK gw_code gw_store_clear_helpers(gw_store *store, gw_error *err);

#endif
