/* SPDX-License-Identifier: Apache-2.0 */
/** Events and positions, as slices of the bytes that were read. */
#ifndef GW_EVENT_EVENT_H
#define GW_EVENT_EVENT_H

#include "base/json.h"
#include "base/mem.h"

/** collection/id. The text is borrowed; GW_LIMIT_FQID characters at most. */
typedef struct gw_fqid {
    gw_slice text;         /* "user/12" */
    size_t collection_len; /* 4 */
} gw_fqid;

/** Checks the shape `[a-z](?:[a-z_]+[a-z]+)?/[1-9][0-9]*`.
 *  Errors: GW_E_INPUT naming the fqid. Source: event-store.md */
GW_MUST_CHECK gw_code gw_fqid_parse(gw_slice text, gw_fqid *out, gw_error *err);
bool gw_collection_is_valid(gw_slice name);
/** `[a-z][a-z0-9_]*\$?[a-z0-9_]*`, not beginning with `meta_`. */
bool gw_field_name_is_valid(gw_slice name);

static inline gw_slice
gw_fqid_collection(const gw_fqid *f)
{
    return (gw_slice){f->text.at, f->collection_len};
}

static inline gw_slice
gw_fqid_id(const gw_fqid *f)
{
    return (gw_slice){f->text.at + f->collection_len + 1,
                      f->text.len - f->collection_len - 1};
}

/* X(name, wire) */
#define GW_EVENT_TYPE_MAP(X)                                                   \
    X(CREATE, "create")                                                        \
    X(UPDATE, "update")                                                        \
    X(DELETE, "delete")                                                        \
    X(DELETEFIELDS, "deletefields")                                            \
    X(LISTFIELDS, "listfields")                                                \
    X(RESTORE, "restore")

typedef enum gw_event_type {
#define GW_EVENT_ENUM(name, wire) GW_EVENT_##name,
    GW_EVENT_TYPE_MAP(GW_EVENT_ENUM)
#undef GW_EVENT_ENUM
} gw_event_type;

const char *gw_event_type_name(gw_event_type type);
bool gw_event_type_parse(gw_slice name, gw_event_type *out);

/** Where an event was read from, so that a store can copy what a migration
 *  left alone. */
typedef struct gw_event_row {
    int64_t id; /* 0: from no row */
    const char *fqid;
    int64_t weight;
    gw_event_type type;
} gw_event_row;

/**
 * One event. A value: copying the struct copies the event, the arrays are
 * never changed in place once another copy may exist (write new ones into
 * the arena instead).
 */
typedef struct gw_event {
    gw_event_type type;
    gw_fqid fqid;
    gw_fields set; /* create, update: the fields; listfields: add */
    gw_fields cut; /* listfields: remove; deletefields: keys are the names,
                      values unused */
    gw_slice raw;  /* the data as it was stored; at NULL once it differs.
                      Whoever changes set or cut must clear it */
    gw_event_row row;
} gw_event;

/** Whether the event is still what the row says that it was read from. */
bool gw_event_is_row(const gw_event *event);

typedef struct gw_events {
    gw_event *at;
    size_t n;
} gw_events;

/** One atomic write and its events, in weight order. */
typedef struct gw_position {
    int64_t position;
    gw_slice timestamp; /* text as the store prints it; at NULL: now */
    int64_t user_id;
    gw_slice information; /* raw JSON; at NULL: null */
    int64_t migration_index;
    gw_events events;
} gw_position;

/**
 * Makes an event of what a store or a line of NDJSON holds.
 *
 * Shape:  `data` must be JSON (checked here); slices are borrowed from it,
 *         arrays are in the arena. `data` "null" or at NULL for none.
 * Errors: GW_E_INPUT: faulty JSON, wrong shape for the type, reserved or
 *         malformed names (GW_E_INPUT names fqid and field), null values.
 * Source: event-store.md, Events
 */
GW_MUST_CHECK gw_code gw_event_parse(gw_arena *arena, gw_slice fqid,
                                     gw_slice type, gw_slice data,
                                     gw_event *out, gw_error *err);

/** Checks names, values and shape of an event that a migration made. Same
 *  errors as gw_event_parse. */
GW_MUST_CHECK gw_code gw_event_check(gw_arena *arena, const gw_event *event,
                                     gw_error *err);

/** Appends the event's data as JSON; the raw bytes when it is unchanged. */
void gw_event_put_data(gw_buf *buf, const gw_event *event);

/** Whether it says nothing: update without fields, deletefields without
 *  names, listfields whose lists are all empty. Source: Event migrations 3 */
bool gw_event_is_noop(const gw_event *event);

/** A growing list of events in an arena. */
typedef struct gw_event_list {
    gw_arena *arena;
    gw_event *at;
    size_t n, room;
} gw_event_list;

void gw_event_list_add(gw_event_list *list, const gw_event *event);
/** Makes room for `n` events in all, so that adding them moves nothing. */
void gw_event_list_reserve(gw_event_list *list, size_t n);

/** Field helpers: index of `key` or -1; a copy in the arena with room for
 *  `extra` more. */
ptrdiff_t gw_fields_find(gw_fields fields, gw_slice key);
gw_fields gw_fields_copy(gw_arena *arena, gw_fields fields, size_t extra);

#endif
