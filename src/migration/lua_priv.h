/* SPDX-License-Identifier: Apache-2.0 */
/** Shared by the lua*.c files: one migration's Lua state and what the parts
 *  of it do for each other.
 *
 *  Functions that take a lua_State may raise a Lua error (a longjmp), so
 *  they run inside gw_lua_run only, and own nothing that must be freed:
 *  memory is the Lua state's, or belongs to gw_lua. */
#ifndef GW_MIGRATION_LUA_PRIV_H
#define GW_MIGRATION_LUA_PRIV_H

#include "migration/migration.h"

typedef struct lua_State lua_State;

/** The first member of every userdata that a script can hold. */
typedef enum gw_lua_kind {
    GW_LUA_EVENT = 1,
    GW_LUA_DATA,
    GW_LUA_NUMBER,
    GW_LUA_ACCESSOR,
    GW_LUA_READER,
} gw_lua_kind;

/** Fixed places in the registry. */
enum {
    GW_LUA_REF_EVENT = 4, /* metatables */
    GW_LUA_REF_DATA,
    GW_LUA_REF_NUMBER,
    GW_LUA_REF_MARKS, /* one for each gw_lua_mark */
    GW_LUA_REF_LAST_MARK,
    GW_LUA_REF_ACCESSOR,
    GW_LUA_REF_CONTEXT,  /* ctx */
    GW_LUA_REF_DECIMALS, /* float → the text it was read from, or false */
    GW_LUA_REF_MODULES,  /* what require returned */
    GW_LUA_REF_NAMES,    /* anchors gw_lua.names */
    GW_LUA_REF_CALLS,    /* the functions of the migration, from here on */
};

/* X(id, name in the script) */
#define GW_LUA_CALL_MAP(X)                                                     \
    X(POSITION_INIT, "position_init")                                          \
    X(MIGRATE_EVENT, "migrate_event")                                          \
    X(ADDITIONAL_EVENTS, "additional_events")                                  \
    X(ORDER_EVENTS, "order_events")                                            \
    X(MIGRATE_MODELS, "migrate_models")

typedef enum gw_lua_call {
#define GW_LUA_CALL_ENUM(id, name) GW_LUA_##id,
    GW_LUA_CALL_MAP(GW_LUA_CALL_ENUM)
#undef GW_LUA_CALL_ENUM
        GW_LUA_CALLS,
} gw_lua_call;

/* X(id, text): names that are compared by address, being interned */
#define GW_LUA_NAME_MAP(X)                                                     \
    X(TYPE, "type")                                                            \
    X(FQID, "fqid")                                                            \
    X(COLLECTION, "collection")                                                \
    X(ID, "id")                                                                \
    X(DATA, "data")

enum {
#define GW_LUA_NAME_ENUM(id, text) GW_LUA_NAME_##id,
    GW_LUA_NAME_MAP(GW_LUA_NAME_ENUM)
#undef GW_LUA_NAME_ENUM
        GW_LUA_NAMES,
};

enum { GW_LUA_FEW_KEYS = 16 };

/** Why no script may go on, whatever it catches. */
typedef enum gw_lua_stop {
    GW_LUA_GOES_ON,
    GW_LUA_OUT_OF_TIME,
    GW_LUA_OUT_OF_MEMORY,
    GW_LUA_ENGINE_FAILED,
} gw_lua_stop;

/** What the metatable of a table says it is. */
typedef enum gw_lua_mark {
    GW_LUA_LIST,
    GW_LUA_OBJECT,
    GW_LUA_MARKS,
} gw_lua_mark;

/** A file of lib/, as it was when it was first required. */
typedef struct gw_lua_module {
    struct gw_lua_module *next;
    char *name;
    gw_slice text;
} gw_lua_module;

/** One Lua migration. */
typedef struct gw_lua {
    lua_State *state;
    gw_migration_ops ops;
    char *file; /* "0003_number_topics.lua" */
    char *text;
    size_t text_len;
    char *lib_folder; /* or NULL */
    gw_lua_module *modules;
    gw_migration_type type;
    char *description; /* until the migration takes it */
    bool reads_models;
    bool is_fresh; /* nothing was called since the state was made */
    bool has[GW_LUA_CALLS];

    /* limits */
    size_t memory_bytes, used_bytes;
    int64_t limit_ns;
    bool was_refused;         /* memory, at least once in this call */
    int64_t call, timed_call; /* number of this call; the one timed */
    int64_t started_ns;       /* when timed_call was first looked at */
    size_t put_bytes;         /* JSON made in this call */
    gw_lua_stop stop;
    gw_error stopped; /* what to say then */

    /* the call that runs */
    const gw_context *ctx;
    gw_reader *reader;
    const gw_event *event;
    gw_events events;
    gw_event_list *out;
    bool *unchanged;
    gw_slice putting_fqid, putting_field; /* for messages */

    /* the position it is for */
    int64_t generation; /* events of others are stale */
    int64_t position;
    const gw_event *position_events;
    int64_t seeded;    /* the generation math.random was seeded for */
    bool has_decimals; /* GW_LUA_REF_DECIMALS is not empty */

    const char *names[GW_LUA_NAMES];
    const void *marks[GW_LUA_MARKS]; /* the metatables */
    gw_buf buf;                      /* JSON that is being made */
    gw_arena scratch;                /* reset by whoever uses it, at once */
    gw_field *fields;                /* for putting a model together */
    size_t n_fields, fields_room;
} gw_lua;

typedef int (*gw_lua_function)(lua_State *L);

gw_lua *gw_lua_of(lua_State *L);
/** The kind of the userdata at idx, 0 when it is none. */
int gw_lua_kind_at(lua_State *L, int idx);
/** Whether the table at idx is marked as a list, or as an object. */
bool gw_lua_has_mark(lua_State *L, int idx, gw_lua_mark mark);
/** The string at idx (no number is turned into one), at NULL for others. */
gw_slice gw_lua_slice_at(lua_State *L, int idx);
/** The string argument; an error naming what `what` should be. */
gw_slice gw_lua_check_text(lua_State *L, int idx, const char *what);
void gw_lua_set_functions(lua_State *L, const char *const *names,
                          const gw_lua_function *functions, size_t n);

/* lua_sandbox.c: the state, its limits and what of Lua there is */

/** Makes the state with all it offers; NULL when memory does not do. */
GW_MUST_CHECK gw_code gw_lua_make_state(gw_lua *self, gw_error *err);
void gw_lua_drop_state(gw_lua *self);
/** Calls `run` protected; errors become GW_E_MIGRATION with the file. */
GW_MUST_CHECK gw_code gw_lua_run(gw_lua *self, gw_lua_function run,
                                 gw_error *err);
/** Raises the error of a stop if there is one. */
void gw_lua_check_stop(lua_State *L);
/** Looks at the clock too. */
void gw_lua_check_time(lua_State *L);
/** Ends the call for good with an error of the engine's. */
void gw_lua_fail_engine(lua_State *L, const gw_error *err)
    __attribute__((noreturn));
int64_t gw_lua_now_ns(void);

/* lua_guard.c: library functions replaced by ones that keep the limits */
void gw_lua_open_guards(lua_State *L);

/* lua_require.c */
void gw_lua_open_require(lua_State *L);
void gw_lua_free_modules(gw_lua *self);

/* lua_json.c: values from JSON and to it */

/** Pushes what a valid JSON value is in Lua. */
void gw_lua_push_json(lua_State *L, gw_lua *self, gw_slice raw);
/** Whether the value at idx still is what gw_lua_push_json makes of raw. */
bool gw_lua_is_json(lua_State *L, gw_lua *self, int idx, gw_slice raw);
/** Appends the value at idx to self->buf. `depth`: lists and objects that
 *  are open around it. Raises an error for what is no JSON. */
void gw_lua_put_json(lua_State *L, gw_lua *self, int idx, int depth);
/** The same for text. */
void gw_lua_put_text(lua_State *L, gw_lua *self, gw_slice text);
/** The value at idx as JSON in the arena. */
gw_slice gw_lua_take_json(lua_State *L, gw_lua *self, int idx, gw_arena *arena);
/** The number of entries of the table. */
size_t gw_lua_count(lua_State *L, int idx);
/** Whether the table's own keys make it a list; false when it is empty. */
bool gw_lua_is_list(lua_State *L, int idx);
/** Pushes what holds the keys of the table, all of them text, in byte
 *  order: `few` if they fit in, else a userdata. */
gw_slice *gw_lua_push_keys(lua_State *L, int idx, gw_slice few[GW_LUA_FEW_KEYS],
                           size_t *n);
void gw_lua_open_json(lua_State *L);

/* lua_number.c: numbers that Lua has not, and decimals' texts */
void gw_lua_push_number(lua_State *L, gw_lua *self, gw_slice raw);
/** The exact text of a big number. */
gw_slice gw_lua_big_text(lua_State *L, int idx);
void gw_lua_put_float(lua_State *L, gw_lua *self, int idx);
void gw_lua_forget_decimals(lua_State *L, gw_lua *self);
void gw_lua_open_number(lua_State *L);

/* lua_data.c: fields that are decoded only when somebody looks */

/** A proxy on fields that live as long as the position. */
void gw_lua_push_data(lua_State *L, gw_lua *self, gw_fields fields);
/** A proxy on a copy. */
void gw_lua_push_copy(lua_State *L, gw_fields fields);
/** Pushes the key and value after *slot (0: the first); false, and nothing
 *  pushed, at the end. */
bool gw_lua_data_next(lua_State *L, int idx, size_t *slot);
/** Where the key at key_idx is; 0 when it is not. */
size_t gw_lua_data_find(lua_State *L, int idx, int key_idx);
/** The fields as they are now, in the arena of self->out; *same when they
 *  are `base` and nothing changed. */
gw_fields gw_lua_data_take(lua_State *L, gw_lua *self, int idx,
                           const gw_field *base, bool *same);
/** Appends the proxy as an object to self->buf. */
void gw_lua_data_put(lua_State *L, gw_lua *self, int idx, int depth);
void gw_lua_open_data(lua_State *L);

/* lua_event.c: events as scripts see them, and back */
void gw_lua_push_event(lua_State *L, gw_lua *self, const gw_event *event);
/** Pushes an event of the script's own, of the data (and lists) at the
 *  stack places, 0 for none. */
void gw_lua_make_event(lua_State *L, gw_event_type type, int fqid_idx,
                       int data_idx, int lists_idx);
/** Takes the list of events that the call named `name` returned, at idx, to
 *  self->out. *unchanged (may be NULL) when it is just the event at
 *  offered_idx as it was. */
void gw_lua_take_events(lua_State *L, gw_lua *self, int idx, const char *name,
                        int offered_idx, bool *unchanged);
/** What the event at idx was made of; NULL for the script's own. */
const gw_event *gw_lua_offered(lua_State *L, int idx);
void gw_lua_open_event(lua_State *L);

/* lua_api.c: the table `godwit`, ctx and its accessors */
void gw_lua_open_api(lua_State *L);
/** Makes ready for a call with this context. */
void gw_lua_enter_position(lua_State *L, gw_lua *self);

/** The argument as a well-formed fqid, or collection. */
gw_slice gw_lua_check_fqid(lua_State *L, int idx);
gw_slice gw_lua_check_collection(lua_State *L, int idx);
/** Pushes {position, timestamp, user_id, information}. */
void gw_lua_push_position(lua_State *L, gw_lua *self, const gw_position *p);
/** Adds a field to self->fields. */
void gw_lua_add_field(gw_lua *self, gw_slice key, gw_slice value);

/* lua_reader.c */
void gw_lua_push_reader(lua_State *L, gw_lua *self);

#endif
