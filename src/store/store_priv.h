/* SPDX-License-Identifier: Apache-2.0 */
/** What a backend of the store is, and what the backends share. */
#ifndef GW_STORE_STORE_PRIV_H
#define GW_STORE_STORE_PRIV_H

#include "store/import.h"
#include "store/store.h"

enum {
    GW_STORE_WAIT_MS = 5000, /* the default of lock_wait_ms */
    GW_TIMESTAMP_ROOM = 48,
};

typedef struct gw_store_backend gw_store_backend;
struct gw_store_ops;

/** The beginning of every backend's own struct. */
struct gw_store {
    const struct gw_store_ops *ops;
    char *name; /* owned; the URI without a password */
};

/** One kind of store: which URIs are its, and how to open it. */
struct gw_store_backend {
    const char *scheme; /* "sqlite:" */
    gw_code (*open)(const char *uri, const gw_store_options *options,
                    gw_store **out, gw_error *err);
};

gw_code gw_sqlite_open(const char *uri, const gw_store_options *options,
                       gw_store **out, gw_error *err);
gw_code gw_pg_open(const char *uri, const gw_store_options *options,
                   gw_store **out, gw_error *err);

/** What gw_store_cut_back took away. */
typedef struct gw_cut {
    int64_t positions, events;
    int64_t events_read; /* of which they were made */
} gw_cut;

/** The calls of store.h, one for one. All are required but
 *  where it says what NULL means. */
struct gw_store_ops {
    size_t batch_bytes;
    void (*close)(gw_store *store);

    gw_code (*count)(gw_store *store, int64_t target, bool full,
                     gw_store_counts *out, gw_error *err);
    gw_code (*count_after)(gw_store *store, int64_t after, int64_t limit,
                           int64_t *out, gw_error *err);
    gw_code (*run_state)(gw_store *store, gw_run_state *out, gw_error *err);
    gw_code (*read)(gw_store *store, gw_generation which, int64_t after,
                    int64_t upto, size_t max_bytes, gw_batch *batch,
                    gw_error *err);
    gw_code (*model)(gw_store *store, gw_arena *arena, gw_slice fqid,
                     gw_slice *data, bool *deleted, bool *found, gw_error *err);
    gw_code (*models)(gw_store *store, gw_slice collection,
                      gw_model_visit visit, void *arg, gw_error *err);
    gw_code (*sequences)(gw_store *store,
                         gw_code (*visit)(void *arg, gw_slice collection,
                                          int64_t id, gw_error *err),
                         void *arg, gw_error *err);
    gw_code (*records)(gw_store *store, const char *kind, int64_t limit,
                       gw_code (*visit)(void *arg, gw_slice id, gw_slice record,
                                        gw_error *err),
                       void *arg, gw_error *err);
    gw_code (*put_record)(gw_store *store, const char *kind, gw_slice id,
                          int64_t at, gw_slice record, gw_error *err);
    gw_code (*keyframe_load)(gw_store *store, gw_slice fqid, gw_model *models,
                             size_t levels, gw_error *err);
    gw_code (*keyframe_list)(gw_store *store, gw_slice collection,
                             gw_code (*found)(void *arg, gw_slice fqid,
                                              gw_error *err),
                             void *arg, gw_error *err);

    gw_store_space (*space)(gw_store *store); /* NULL: not known */

    gw_code (*lock)(gw_store *store, const char *command, gw_error *err);
    void (*unlock)(gw_store *store);
    gw_code (*begin)(gw_store *store, bool cutover, gw_error *err);
    gw_code (*commit)(gw_store *store, gw_error *err);
    void (*abort)(gw_store *store);
    void (*expect)(gw_store *store, size_t n); /* NULL: of no use */
    gw_code (*append)(gw_store *store, const gw_position *p, int64_t *assigned,
                      gw_error *err);
    gw_code (*put_model)(gw_store *store, gw_slice fqid, gw_slice data,
                         bool deleted, gw_error *err);
    gw_code (*model_now)(gw_store *store, gw_arena *arena, gw_slice fqid,
                         gw_slice *data, bool *deleted, bool *found,
                         gw_error *err);
    gw_code (*models_now)(gw_store *store, gw_slice collection,
                          gw_model_visit visit, void *arg, gw_error *err);
    gw_code (*read_now)(gw_store *store, int64_t after, int64_t upto,
                        size_t max_bytes, gw_batch *batch, gw_error *err);
    size_t (*commit_bytes)(gw_store *store); /* NULL: GW_COMMIT_BYTES */
    void (*make_way)(gw_store *store);       /* NULL: nothing to do */
    gw_code (*max_position_now)(gw_store *store, int64_t *out, gw_error *err);
    gw_code (*write)(gw_store *store, const gw_position *positions, size_t n,
                     int64_t event_target, int64_t final_index, gw_error *err);
    gw_code (*put_run_state)(gw_store *store, const gw_run_state *state,
                             gw_error *err);
    gw_code (*keyframe_recover)(gw_store *store, gw_error *err); /* or NULL */
    gw_code (*keyframe_yield)(gw_store *store, gw_error *err);   /* or NULL */
    gw_code (*keyframe_put)(gw_store *store, const gw_saved_model *model,
                            gw_error *err);
    gw_code (*forget)(gw_store *store, gw_error *err);
    gw_code (*set_aside)(gw_store *store, gw_error *err);
    gw_code (*cut_back)(gw_store *store, const gw_run_state *state, gw_cut *out,
                        gw_error *err);
    gw_code (*drop_base)(gw_store *store, gw_error *err);
    gw_code (*set_final_index)(gw_store *store, int64_t final_index,
                               gw_error *err);
    gw_code (*check)(gw_store *store, bool only_refused, gw_finding_visit visit,
                     void *arg, gw_error *err);
    gw_code (*prepare_swap)(gw_store *store, gw_error *err); /* NULL: none */
    void (*after_swap)(gw_store *store);                     /* NULL: none */
    gw_code (*swap)(gw_store *store, gw_error *err);
    gw_code (*swap_back)(gw_store *store, gw_error *err);
    gw_code (*seal)(gw_store *store, gw_error *err);
    gw_code (*discard)(gw_store *store, gw_error *err);
    gw_code (*tidy)(gw_store *store, gw_error *err); /* or NULL */
    gw_code (*set_index)(gw_store *store, int64_t index, gw_error *err);
    gw_code (*clear_helpers)(gw_store *store, gw_error *err);
    const struct gw_import_ops *import;
};

/** The calls of import.h, one for one. All are required. */
struct gw_import_ops {
    gw_code (*prepare)(gw_store *store, gw_error *err);
    gw_code (*state)(gw_store *store, gw_arena *arena, gw_slice source,
                     gw_slice *out, gw_error *err);
    gw_code (*put_state)(gw_store *store, gw_slice source, gw_slice state,
                         gw_error *err);
    gw_code (*find)(gw_store *store, const gw_import_kind *kind,
                    const gw_slice *keys, size_t n, gw_import_row *rows,
                    gw_error *err);
    gw_code (*put)(gw_store *store, const gw_import_kind *kind, gw_slice key,
                   const gw_import_row *row, gw_error *err);
    gw_code (*keys)(gw_store *store, const gw_import_kind *kind, gw_slice above,
                    gw_slice below, int64_t limit, gw_import_visit visit,
                    void *arg, gw_error *err);
    gw_code (*pending)(gw_store *store, const gw_import_kind *kind,
                       int64_t after, int64_t seen, int64_t limit,
                       gw_import_visit visit, void *arg, gw_error *err);
    gw_code (*sum)(gw_store *store, const gw_import_kind *kind, int64_t seen,
                   int64_t *rows, int64_t *items, int64_t *top, gw_error *err);
    gw_code (*put_problem)(gw_store *store, gw_slice source,
                           const gw_import_problem *problem, gw_error *err);
    gw_code (*drop_problems)(gw_store *store, gw_slice source,
                             const gw_import_problem *like, gw_error *err);
    gw_code (*problems)(gw_store *store, gw_slice source,
                        gw_problem_visit visit, void *arg, gw_error *err);
    gw_code (*take_ids)(gw_store *store, gw_slice collection, int64_t n,
                        int64_t *first, bool *found, gw_error *err);
    gw_code (*begin_ids)(gw_store *store, gw_slice collection, gw_error *err);
};

/** Fills a batch row by row: a position, its events, the next position.
 *  Text is copied into the batch. */
typedef struct gw_batch_builder {
    gw_batch *batch;
    size_t positions_room;
    gw_event *events; /* of this position and some before it */
    int64_t *weights; /* beside them */
    size_t first;     /* of this position in events */
    size_t n, room;
    bool is_unsorted;
    size_t cost; /* memory that the batch takes, about */
} gw_batch_builder;

void gw_batch_builder_init(gw_batch_builder *b, gw_batch *batch);
/** Begins a position: everything but its events. */
void gw_batch_add_position(gw_batch_builder *b, const gw_position *p);
/** Adds an event to the position begun last, read from the row `id` (0: it
 *  does not matter). Any order of weights.
 *  Errors: GW_E_INPUT, GW_E_LIMIT naming the position and the event. */
gw_code gw_batch_add_event(gw_batch_builder *b, int64_t id, int64_t weight,
                           gw_slice fqid, gw_slice type, gw_slice data,
                           gw_error *err);
void gw_batch_end_position(gw_batch_builder *b);
/** Takes back the position begun last. */
void gw_batch_drop_position(gw_batch_builder *b);

/** The text of a section, up to the next `-- section:`; at NULL when the
 *  schema has none of that name. */
gw_slice gw_store_section(const char *schema, const char *section);

/** The data as it is stored: as it was read, or printed into buf. */
gw_slice gw_store_event_data(gw_buf *buf, const gw_event *event);

/** A saved model being loaded: a row for the last level, and one for each
 *  lower level that is not as the one above it. */
typedef struct gw_saved_levels {
    gw_arena *arena;
    gw_model *models;
    bool *is_set;
    size_t n;
} gw_saved_levels;

typedef struct gw_saved_row {
    int64_t level; /* -1: the last */
    int64_t meta_position;
    gw_status status;
    gw_slice data; /* at NULL: none is kept */
} gw_saved_row;

/** The arena is reset. */
gw_saved_levels gw_saved_begin(gw_arena *arena, gw_model *models, size_t n);
/** Errors: GW_E_INPUT for a level that does not belong there. */
gw_code gw_saved_take(gw_saved_levels *levels, const gw_saved_row *row,
                      gw_error *err);
/** Fills levels without a row; frees all of them when `code` is an error. */
gw_code gw_saved_end(const gw_saved_levels *levels, gw_code code, gw_slice fqid,
                     gw_error *err);
/** Whether loading would give `model` (or more than it keeps) where the level
 *  above gives `above`. */
bool gw_saved_is_inherited(const gw_model *model, const gw_model *above);

/** Now, as RFC 3339 in UTC: 2026-05-01T10:00:00.123456+00:00 */
void gw_store_timestamp(char out[GW_TIMESTAMP_ROOM]);

/** The highest id seen per collection, so that id_sequences is written once
 *  per collection and transaction. */
typedef struct gw_sequence {
    char *collection;
    size_t len;
    int64_t next; /* the highest id + 1 */
    bool is_written;
} gw_sequence;

typedef struct gw_sequences {
    gw_sequence *at; /* ascending by collection */
    size_t n, room;
    size_t latest;
} gw_sequences;

/** Notes an fqid; one whose id does not fit int64 is passed over. */
void gw_sequences_note(gw_sequences *s, gw_slice fqid);
void gw_sequences_clear(gw_sequences *s);

#endif
