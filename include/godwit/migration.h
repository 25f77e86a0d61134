/* SPDX-License-Identifier: Apache-2.0 */
/** Migrations in C or C++: the whole interface between godwit and a shared
 *  object `NNNN_name.so` in the migrations folder. Include this header, link
 *  against nothing, export one `godwit_migration_entry`:
 *
 *      #include <godwit/migration.h>
 *
 *      static int
 *      migrate_event(godwit_call *call, const godwit_event *event)
 *      {
 *          if (!godwit_is(event->collection, "draft"))
 *              return GODWIT_KEEP;
 *          return GODWIT_REPLACE; // by nothing: the event vanishes
 *      }
 *
 *      const godwit_migration godwit_migration_entry = {
 *          .abi = GODWIT_ABI,
 *          .size = sizeof(godwit_migration),
 *          .type = GODWIT_EVENT_MIGRATION,
 *          .migrate_event = migrate_event,
 *      };
 *
 *      cc -shared -fPIC -O2 -o 0004_no_drafts.so no_drafts.c
 *
 *  What a migration does, when each call comes and what the events mean is
 *  in "Writing migrations"; this header has the same calls as Lua.
 *
 *  Text. Names and values are slices: bytes with a length, without a NUL at
 *  the end. A value is JSON as it stands in the store, so `"text"` has its
 *  quotes and 1.10 stays 1.10; host->json_* read and make such values.
 *
 *  Life. What the host gives, and what comes from host->alloc, lives until
 *  the call that it was got in returns. What is emitted is copied (values of
 *  the offered event that are passed on are not, which is what makes them
 *  cheap), so arrays and texts on the stack are fine. Never write to what
 *  the host gives.
 *
 *  Errors. A call that fails returns GODWIT_ERROR, after host->fail has said
 *  why. A host function that returns GODWIT_ERROR has said why itself:
 *  return it at once. The run then stops at this position whatever the call
 *  returns.
 *
 *  Threads. One call at a time, but not always from the same thread. */
#ifndef GODWIT_MIGRATION_H
#define GODWIT_MIGRATION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this interface. A migration built for another one is
 *  refused. Members that are added at the end of godwit_migration or
 *  godwit_host within a version are told by their `size`. */
#define GODWIT_ABI 1u

#if defined(__GNUC__)
#define GODWIT_EXPORT __attribute__((visibility("default")))
#define GODWIT_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define GODWIT_EXPORT
#define GODWIT_PRINTF
#endif

/** What calls and host functions return. */
enum {
    GODWIT_OK = 0,
    GODWIT_KEEP = 0,    /* migrate_event: the event stays as it is */
    GODWIT_REPLACE = 1, /* migrate_event: by what was emitted, if anything */
    GODWIT_ERROR = -1
};

/** Bytes that belong to somebody else; `at` NULL means "none". */
typedef struct godwit_slice {
    const char *at;
    size_t len;
} godwit_slice;

/** A field: its name, and its value as JSON. */
typedef struct godwit_field {
    godwit_slice key;
    godwit_slice value;
} godwit_field;

/** Fields in stored order, no name twice (but see `cut`). */
typedef struct godwit_fields {
    const godwit_field *at;
    size_t n;
} godwit_fields;

/** Texts or JSON values. */
typedef struct godwit_values {
    const godwit_slice *at;
    size_t n;
} godwit_values;

/** Types of events. */
enum {
    GODWIT_CREATE = 0,
    GODWIT_UPDATE = 1,
    GODWIT_DELETE = 2,
    GODWIT_DELETEFIELDS = 3,
    GODWIT_LISTFIELDS = 4,
    GODWIT_RESTORE = 5
};

/** One event. To emit one only type, fqid, set and cut are needed. */
typedef struct godwit_event {
    uint32_t type;
    uint32_t reserved;
    godwit_slice fqid;       /* user/12 */
    godwit_slice collection; /* user */
    godwit_slice id;         /* 12 */
    godwit_fields set;       /* create, update: fields; listfields: add */
    godwit_fields cut;       /* listfields: remove; deletefields: the names are
                                the keys (a name may come twice), values are
                                not used */
} godwit_event;

/** A position, without its events. */
typedef struct godwit_position {
    int64_t position;
    int64_t user_id;
    godwit_slice timestamp;   /* as the store prints it */
    godwit_slice information; /* JSON; "null" for none */
} godwit_position;

/** The two keyframes: the models before and after this migration. */
enum { GODWIT_OLD = 0, GODWIT_NEW = 1 };

/** Which models are wanted: alive, deleted, or both. */
enum {
    GODWIT_ALIVE = 1,
    GODWIT_DELETED = 2,
    GODWIT_ANY = 3,
    GODWIT_IF_ANY = 4 /* both, and none is no error */
};

/** A model. `fields` is without meta_position and meta_deleted. */
typedef struct godwit_model {
    uint32_t status; /* GODWIT_ALIVE, GODWIT_DELETED; 0: there is none */
    uint32_t reserved;
    int64_t meta_position; /* the last position that touched it */
    godwit_slice fqid;
    godwit_fields fields;
} godwit_model;

struct godwit_host;

/** One call of a migration. Pass it on to the host's functions. */
typedef struct godwit_call {
    const struct godwit_host *host;
    void *state; /* godwit_migration.state_bytes of the migration's own */
    const godwit_position *position; /* NULL in migrate_models */
    int64_t migration_index;         /* what this migration leads to */
    int32_t in_memory; /* migrate_models: 1 when models are converted that
                          are in no store; max_position is 0 then */
    int32_t reserved;
} godwit_call;

/** What a migration can ask for. All of it works in every call, except where
 *  it says "events only" or "models only". */
typedef struct godwit_host {
    uint32_t abi;
    uint32_t size; /* sizeof(godwit_host) of the host */

    /** Memory until the call returns; never NULL. */
    void *(*alloc)(godwit_call *call, size_t size_bytes);
    /** Says why the call fails; returns GODWIT_ERROR. */
    int (*fail)(godwit_call *call, const char *format, ...) GODWIT_PRINTF;
    /** A line of the command's output. */
    void (*log)(godwit_call *call, const char *format, ...) GODWIT_PRINTF;
    /** Adds an event to the result of migrate_event, additional_events or
     *  migrate_models. Checks its shape, and that values are JSON. In
     *  migrate_models an update's value `null` deletes the field. */
    int (*emit)(godwit_call *call, const godwit_event *event);

    /** Events only: a model of a keyframe; `want` says what it must be, else
     *  `Model a/1 does not exist`, `is deleted` or `is not deleted` stops the
     *  run. Models only: the model as it is now; `side` is not used. */
    int (*model)(godwit_call *call, int side, godwit_slice fqid, int want,
                 godwit_model *out);
    /** One value of a model, deleted or not; at NULL when there is no such
     *  model or field. Cheaper than `model`. */
    int (*field)(godwit_call *call, int side, godwit_slice fqid,
                 godwit_slice name, godwit_slice *out);
    /** Events only: ids of the models of a collection that are not deleted,
     *  as decimal text, ascending. */
    int (*ids)(godwit_call *call, int side, godwit_slice collection,
               godwit_values *out);
    /** Events only: whether the model would exist after this position
     *  without the migration. */
    int (*will_exist)(godwit_call *call, godwit_slice fqid, int *out);
    /** Events only: the position's events in stored order, as they were
     *  before this migration. */
    int (*events)(godwit_call *call, const godwit_event **out, size_t *n);

    /** Models only: calls `visit` for each model of a collection that is
     *  wanted and that the filter (JSON, as in rules; at NULL: all) lets
     *  through, ascending by id. The model lives for the visit; an error of
     *  `visit` ends it. */
    int (*each_model)(godwit_call *call, godwit_slice collection, int want,
                      godwit_slice filter,
                      int (*visit)(godwit_call *call, void *arg,
                                   const godwit_model *model),
                      void *arg);
    /** Models only: the newest position, 0 for none. */
    int (*max_position)(godwit_call *call, int64_t *out);
    /** Models only: calls `visit` for the positions from..to that are there,
     *  with their events; both live for the visit. */
    int (*history)(godwit_call *call, int64_t from, int64_t to,
                   int (*visit)(godwit_call *call, void *arg,
                                const godwit_position *position,
                                const godwit_event *events, size_t n),
                   void *arg);

    /** collection/id. */
    godwit_slice (*fqid)(godwit_call *call, godwit_slice collection,
                         int64_t id);
    /** A copy that lives until the call returns. */
    godwit_slice (*copy)(godwit_call *call, godwit_slice text);
    /** JSON objects and lists in their parts; strings decoded. Errors: it is
     *  no JSON, or another kind. */
    int (*json_object)(godwit_call *call, godwit_slice json,
                       godwit_fields *out);
    int (*json_list)(godwit_call *call, godwit_slice json, godwit_values *out);
    int (*json_text)(godwit_call *call, godwit_slice json, godwit_slice *out);
    /** 1 if the value is an integer of 64 bits, else 0. */
    int (*json_integer)(godwit_slice json, int64_t *out);
    /** 1 if two valid values mean the same (1 and 1.0 do). */
    int (*json_equal)(godwit_slice a, godwit_slice b);
    /** JSON of a text (UTF-8), of an integer, of fields, of values. */
    godwit_slice (*json_of_text)(godwit_call *call, godwit_slice text);
    godwit_slice (*json_of_integer)(godwit_call *call, int64_t value);
    godwit_slice (*json_of_fields)(godwit_call *call, godwit_fields fields);
    godwit_slice (*json_of_values)(godwit_call *call, godwit_values values);
} godwit_host;

/** Types of migrations. */
enum { GODWIT_EVENT_MIGRATION = 0, GODWIT_MODEL_MIGRATION = 1 };

/** Fields of a collection that a keyframe must hold. */
typedef struct godwit_need {
    int side;                  /* GODWIT_OLD, GODWIT_NEW */
    const char *collection;    /* one row for a side and collection */
    const char *const *fields; /* NULL: all */
    size_t n_fields;
} godwit_need;

/** A migration. Members that are not used stay zero. */
typedef struct godwit_migration {
    uint32_t abi;  /* GODWIT_ABI */
    uint32_t size; /* sizeof(godwit_migration) */
    uint32_t type; /* GODWIT_EVENT_MIGRATION, GODWIT_MODEL_MIGRATION */
    uint32_t reserved;
    const char *description; /* UTF-8, or NULL */

    /** Local state: so many zeroed bytes, then `start`, at the beginning of
     *  every run; `stop` at its end. A run that resumes starts with a fresh
     *  one, so what must survive has to be read from the models. */
    size_t state_bytes;
    void (*start)(void *state);
    void (*stop)(void *state);

    /** Once per position, before its events. May not emit. */
    int (*position_init)(godwit_call *call);
    /** Each event. GODWIT_KEEP, or GODWIT_REPLACE by what was emitted. */
    int (*migrate_event)(godwit_call *call, const godwit_event *event);
    /** Once per position, after its events: what is emitted is added. */
    int (*additional_events)(godwit_call *call);
    /** Another order than creates first: `order` holds 0…n-1 and is to be
     *  rearranged; events[order[0]] is offered first. */
    int (*order_events)(godwit_call *call, const godwit_event *events, size_t n,
                        size_t *order);
    /** Model migrations: what is emitted becomes one new position. */
    int (*migrate_models)(godwit_call *call);

    /** What host->model and host->field may be asked for. NULL: everything,
     *  which costs memory for every model. Else all other fields read as
     *  missing; then GODWIT_OLD must also name each field whose values or
     *  list changes this migration rewrites or drops, or errors of list
     *  changes on them are not found. Existence, meta_position and ids are
     *  always there. For no needs at all: an array with n_needs 0. */
    const godwit_need *needs;
    size_t n_needs;
} godwit_migration;

/** To be defined by the migration. */
extern GODWIT_EXPORT const godwit_migration godwit_migration_entry;

/* ---- helpers ---- */

/** A slice of a text that ends with NUL. */
static inline godwit_slice
godwit_text(const char *text)
{
    godwit_slice s;

    s.at = text;
    s.len = strlen(text);
    return s;
}

/** Whether a slice is this text. */
static inline int
godwit_is(godwit_slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/** The value of a field, at NULL when it is missing. */
static inline godwit_slice
godwit_find(godwit_fields fields, const char *key)
{
    godwit_slice none = {NULL, 0};
    size_t i;

    for (i = 0; i < fields.n; i++)
        if (godwit_is(fields.at[i].key, key))
            return fields.at[i].value;
    return none;
}

/** Makers: each emits one event. */
static inline int
godwit_emit(godwit_call *call, uint32_t type, godwit_slice fqid,
            const godwit_field *set, size_t n_set, const godwit_field *cut,
            size_t n_cut)
{
    godwit_event event;

    memset(&event, 0, sizeof(event));
    event.type = type;
    event.fqid = fqid;
    event.set.at = set;
    event.set.n = n_set;
    event.cut.at = cut;
    event.cut.n = n_cut;
    return call->host->emit(call, &event);
}

static inline int
godwit_create(godwit_call *call, godwit_slice fqid, const godwit_field *fields,
              size_t n)
{
    return godwit_emit(call, GODWIT_CREATE, fqid, fields, n, NULL, 0);
}

static inline int
godwit_update(godwit_call *call, godwit_slice fqid, const godwit_field *fields,
              size_t n)
{
    return godwit_emit(call, GODWIT_UPDATE, fqid, fields, n, NULL, 0);
}

static inline int
godwit_delete_fields(godwit_call *call, godwit_slice fqid,
                     const godwit_field *names, size_t n)
{
    return godwit_emit(call, GODWIT_DELETEFIELDS, fqid, NULL, 0, names, n);
}

static inline int
godwit_list_update(godwit_call *call, godwit_slice fqid, godwit_fields add,
                   godwit_fields remove)
{
    return godwit_emit(call, GODWIT_LISTFIELDS, fqid, add.at, add.n, remove.at,
                       remove.n);
}

static inline int
godwit_delete(godwit_call *call, godwit_slice fqid)
{
    return godwit_emit(call, GODWIT_DELETE, fqid, NULL, 0, NULL, 0);
}

static inline int
godwit_restore(godwit_call *call, godwit_slice fqid)
{
    return godwit_emit(call, GODWIT_RESTORE, fqid, NULL, 0, NULL, 0);
}

#ifdef __cplusplus
}
#endif

#endif
