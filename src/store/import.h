/* SPDX-License-Identifier: Apache-2.0 */
/** What an import keeps in the store beside the events: how far it is, which
 *  source key became which id, what it could not import. It outlives
 *  migrations and cutovers, since a later import goes on from it.
 *
 *  All calls are of the writing side, inside a transaction; what is written
 *  is committed with the positions of that transaction. */
#ifndef GW_STORE_IMPORT_H
#define GW_STORE_IMPORT_H

#include "store/store.h"

/** Whose keys, and keys of what. Text without NUL. */
typedef struct gw_import_kind {
    gw_slice source; /* "wukongim" */
    gw_slice kind;   /* "user" */
} gw_import_kind;

/** What is known of a key. Zeroed: nothing. */
typedef struct gw_import_row {
    int64_t id;   /* of the model; > 0, or the key is not known */
    int64_t seen; /* the number of the import that brought it last */
    int64_t mark; /* the source's own: a digest, a cursor */
    int64_t n;    /* how many items the row stands for */
} gw_import_row;

/** Something at the source that is not in the store. */
typedef struct gw_import_problem {
    gw_slice step, reason; /* "message", "unreadable" */
    gw_slice collection, key;
    int64_t n; /* items */
    gw_slice detail;
} gw_import_problem;

typedef gw_code (*gw_import_visit)(void *arg, gw_slice key,
                                   const gw_import_row *row, gw_error *err);
typedef gw_code (*gw_problem_visit)(void *arg, const gw_import_problem *problem,
                                    gw_error *err);

/** Makes the tables if they are not there. To be called first. */
GW_MUST_CHECK gw_code gw_import_prepare(gw_store *store, gw_error *err);

/** The state of a source, JSON in the arena; at NULL: never imported. */
GW_MUST_CHECK gw_code gw_import_state(gw_store *store, gw_arena *arena,
                                      gw_slice source, gw_slice *out,
                                      gw_error *err);
GW_MUST_CHECK gw_code gw_import_put_state(gw_store *store, gw_slice source,
                                          gw_slice state, gw_error *err);

/** Looks up keys[0..n); rows of unknown ones are zeroed. */
GW_MUST_CHECK gw_code gw_import_find(gw_store *store,
                                     const gw_import_kind *kind,
                                     const gw_slice *keys, size_t n,
                                     gw_import_row *rows, gw_error *err);
/** Inserts or replaces. */
GW_MUST_CHECK gw_code gw_import_put(gw_store *store, const gw_import_kind *kind,
                                    gw_slice key, const gw_import_row *row,
                                    gw_error *err);
/** Keys above and below (at NULL: no bound), in byte order. The visitor
 *  must not use the store; slices live for the call. */
GW_MUST_CHECK gw_code gw_import_keys(gw_store *store,
                                     const gw_import_kind *kind, gw_slice above,
                                     gw_slice below, int64_t limit,
                                     gw_import_visit visit, void *arg,
                                     gw_error *err);
/** Keys with an id above `after` that no import since `seen` brought,
 *  ascending by id. Same visitor. */
GW_MUST_CHECK gw_code gw_import_pending(gw_store *store,
                                        const gw_import_kind *kind,
                                        int64_t after, int64_t seen,
                                        int64_t limit, gw_import_visit visit,
                                        void *arg, gw_error *err);
/** Counts the rows brought by import `seen` or later, and their items; *top
 *  is their highest id, 0 for none. */
GW_MUST_CHECK gw_code gw_import_sum(gw_store *store, const gw_import_kind *kind,
                                    int64_t seen, int64_t *rows, int64_t *items,
                                    int64_t *top, gw_error *err);

/** Notes a problem; one of the same key and reason is replaced. */
GW_MUST_CHECK gw_code gw_import_put_problem(gw_store *store, gw_slice source,
                                            const gw_import_problem *problem,
                                            gw_error *err);
/** Forgets the problems of like->step; reason, collection and key narrow
 *  it where they are given (at not NULL). */
GW_MUST_CHECK gw_code gw_import_drop_problems(gw_store *store, gw_slice source,
                                              const gw_import_problem *like,
                                              gw_error *err);
/** Each problem, ascending by reason, step, collection, key. */
GW_MUST_CHECK gw_code gw_import_problems(gw_store *store, gw_slice source,
                                         gw_problem_visit visit, void *arg,
                                         gw_error *err);

/**
 * Reserves n ids of a collection, as an application does: from id_sequences,
 * which is raised.
 *
 * Shape:  *first to *first + n - 1 belong to the transaction. One that is
 *         taken back gives them back too.
 * Errors: GW_E_LIMIT when the column cannot hold them.
 */
GW_MUST_CHECK gw_code gw_import_reserve(gw_store *store, gw_slice collection,
                                        int64_t n, int64_t *first,
                                        gw_error *err);

#endif
