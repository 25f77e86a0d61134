/* SPDX-License-Identifier: Apache-2.0 */
/** What a migration is, whatever it is written in; and the folder of them.
 *  Source: migrations.md */
#ifndef GW_MIGRATION_MIGRATION_H
#define GW_MIGRATION_MIGRATION_H

#include "event/event.h"
#include "event/keyframe.h"

typedef enum gw_migration_type {
    GW_MIGRATION_EVENT,
    GW_MIGRATION_MODEL,
} gw_migration_type;

/** What an event migration sees besides the event. Made by the engine. */
typedef struct gw_context {
    gw_arena *arena;             /* results go here; lives for the batch */
    const gw_position *position; /* with its events in *stored* order as they
                                    were before this migration */
    int64_t migration_index;     /* the target of this migration */
    void *engine;                /* for the calls below */
    const struct gw_context_ops *ops;
} gw_context;

typedef enum gw_side {
    GW_SIDE_OLD,
    GW_SIDE_NEW,
} gw_side;

typedef struct gw_context_ops {
    /** The model in ctx.old or ctx.new. *out borrows until the next call of
     *  the migration ends. */
    gw_code (*get)(const gw_context *ctx, gw_side side, gw_slice fqid,
                   gw_model *out, gw_error *err);
    /** Ids (decimal text) of the models that are not deleted, ascending by
     *  number; in ctx->arena. */
    gw_code (*ids)(const gw_context *ctx, gw_side side, gw_slice collection,
                   gw_values *out, gw_error *err);
    /** ctx:will_exist. Source: migrations.md, Lua */
    gw_code (*will_exist)(const gw_context *ctx, gw_slice fqid, bool *out,
                          gw_error *err);
    /** One line of the command's output. */
    void (*log)(const gw_context *ctx, gw_slice line);
} gw_context_ops;

/** A filter on models. Source: migrations.md, model migrations */
typedef enum gw_filter_op {
    GW_FILTER_EQ,   /* =  */
    GW_FILTER_NE,   /* != */
    GW_FILTER_LT,   /* <  */
    GW_FILTER_GT,   /* >  */
    GW_FILTER_LE,   /* <= */
    GW_FILTER_GE,   /* >= */
    GW_FILTER_IEQ,  /* ~= case-insensitive equal */
    GW_FILTER_LIKE, /* %= case-insensitive LIKE */
    GW_FILTER_AND,
    GW_FILTER_OR,
    GW_FILTER_NOT,
} gw_filter_op;

typedef struct gw_filter {
    gw_filter_op op;
    gw_slice field;                /* the comparing ones */
    gw_slice value;                /* raw JSON */
    const struct gw_filter *parts; /* AND, OR, NOT (one) */
    size_t n_parts;
} gw_filter;

/** Reads {"field","operator","value"} | {"and_filter"} | … from JSON.
 *  Errors: GW_E_INPUT naming the member. */
GW_MUST_CHECK gw_code gw_filter_parse(gw_arena *arena, gw_slice json,
                                      gw_filter *out, gw_error *err);
/** Whether a model's fields (meta_position and meta_deleted too) match. A
 *  missing field matches nothing but `= null`; filter.c has the table. */
bool gw_filter_matches(const gw_filter *filter, gw_fields model);

/** The models as they are now, for model migrations. Made by the engine. */
typedef struct gw_reader {
    gw_arena *arena; /* results live here, for the whole migration */
    bool in_memory;
    int64_t migration_index;
    void *engine;
    const struct gw_reader_ops *ops;
} gw_reader;

/** A model as a reader gives it: all its fields, meta_* included. */
typedef struct gw_read_model {
    gw_fqid fqid;
    bool deleted;
    gw_fields fields;
} gw_read_model;

typedef struct gw_reader_ops {
    /** One model, deleted or not; *found false when it was never there. */
    gw_code (*get)(gw_reader *r, gw_slice fqid, gw_read_model *out, bool *found,
                   gw_error *err);
    /** Each model of a collection (deleted ones too), ascending by id. The
     *  model's slices live for the call only: `arena` of the model's own. */
    gw_code (*each)(gw_reader *r, gw_slice collection,
                    gw_code (*visit)(void *arg, const gw_read_model *model,
                                     gw_error *err),
                    void *arg, gw_error *err);
    gw_code (*max_position)(gw_reader *r, int64_t *out, gw_error *err);
    /** Positions from..to (inclusive), with their events. */
    gw_code (*history)(gw_reader *r, int64_t from, int64_t to,
                       gw_code (*visit)(void *arg, const gw_position *p,
                                        gw_error *err),
                       void *arg, gw_error *err);
    void (*log)(gw_reader *r, gw_slice line);
} gw_reader_ops;

/** The calls of one migration. NULL where it has none. Errors are
 *  GW_E_MIGRATION naming the file and line; the engine adds the position. */
typedef struct gw_migration_ops {
    const char *kind; /* "rules", "lua", "native" */
    /** Puts local state back to what it is at the start of a run. */
    gw_code (*restart)(void *self, gw_error *err);
    gw_code (*position_init)(void *self, const gw_context *ctx, gw_error *err);
    /**
     * Offers one event.
     *
     * Shape:  *unchanged true (nothing in `out`): the event stays as it is.
     *         Else `out` holds what replaces it; events in ctx->arena. They
     *         need not be checked: the engine does.
     */
    gw_code (*migrate_event)(void *self, const gw_context *ctx,
                             const gw_event *event, gw_event_list *out,
                             bool *unchanged, gw_error *err);
    gw_code (*additional_events)(void *self, const gw_context *ctx,
                                 gw_event_list *out, gw_error *err);
    /** Another order than creates first: `out` gets the events in the
     *  order in which they are to be offered. */
    gw_code (*order_events)(void *self, const gw_context *ctx, gw_events events,
                            gw_event_list *out, gw_error *err);
    /** Model migrations: requests in order. An update's `set` value of JSON
     *  null deletes that field; lists of an update come as a following
     *  LISTFIELDS event of the same fqid. The engine splits and checks. */
    gw_code (*migrate_models)(void *self, gw_reader *reader, gw_event_list *out,
                              gw_error *err);
    /** What of a collection's fields the keyframe before (GW_SIDE_OLD) and
     *  after (GW_SIDE_NEW) must hold for this migration. NULL: all. */
    gw_mask (*needs)(void *self, gw_side side, gw_slice collection);
    void (*close)(void *self);
} gw_migration_ops;

#define GW_VIEW_ALL "*"

typedef struct gw_migration {
    int64_t index; /* target migration index, 2… */
    char *file;    /* "0002_add_active.json" */
    char *path;
    char *description; /* or NULL */
    gw_migration_type type;
    char checksum[65]; /* SHA-256 of the file (and lib/), hex */
    char view[17];     /* what models it looks at: "" none, GW_VIEW_ALL, or a
                          hash of which */
    void *self;
    const gw_migration_ops *ops;
} gw_migration;

typedef struct gw_migration_limits {
    size_t lua_memory_bytes; /* 0: GW_DEFAULT_LUA_MEMORY */
    int lua_seconds;         /* 0: GW_DEFAULT_LUA_SECONDS */
} gw_migration_limits;

/** Registered migrations, by ascending index 2, 3, … without gaps. */
typedef struct gw_migrations {
    gw_migration *at;
    size_t n;
    size_t n_events; /* the first so many are event migrations */
    char *folder;
} gw_migrations;

/** The index that all event migrations (all migrations) lead to. */
int64_t gw_migrations_event_target(const gw_migrations *migrations);
int64_t gw_migrations_target(const gw_migrations *migrations);

/**
 * Loads, checks and compiles all migrations of a folder; an empty folder is
 * fine, a missing one an error.
 *
 * Errors: GW_E_FILE naming the file (and rule, member, line).
 * Source: migrations.md
 */
GW_MUST_CHECK gw_code gw_migrations_open(const char *folder,
                                         const gw_migration_limits *limits,
                                         gw_migrations *out, gw_error *err);
void gw_migrations_close(gw_migrations *migrations);

/* The three kinds; each fills type, self, ops and description. */
GW_MUST_CHECK gw_code gw_rules_open(gw_migration *m, gw_slice text,
                                    gw_error *err);
GW_MUST_CHECK gw_code gw_lua_open(gw_migration *m, gw_slice text,
                                  const char *lib_folder,
                                  const gw_migration_limits *limits,
                                  gw_error *err);
GW_MUST_CHECK gw_code gw_native_open(gw_migration *m, gw_error *err);

#endif
