/* SPDX-License-Identifier: Apache-2.0 */
/** What all sources share: the import under way, the position under
 *  construction, what is known of the source's keys. */
#ifndef GW_SOURCE_IMPORT_PRIV_H
#define GW_SOURCE_IMPORT_PRIV_H

#include "base/json.h"
#include "base/limits.h"
#include "engine/appender.h"
#include "source/source.h"
#include "store/import.h"

/** Where an import is; kept in the store as JSON. */
typedef struct gw_progress_state {
    int64_t number;  /* of the import, from 1 */
    bool is_running; /* it has not come to its end */
    uint64_t steps;  /* bits of the steps that it is to do */
    uint64_t done;   /* … and that it has done */
    int64_t index;   /* migration index that the store had */
    /* numbers that the source keeps; see each source */
    int64_t counts[16];
} gw_progress_state;

/* The counts of the state. */
typedef enum gw_count {
    GW_COUNT_DEVICE_ROWS,   /* rows of the list of devices */
    GW_COUNT_DEVICES_DUE,   /* 1: devices are still to be brought */
    GW_COUNT_CONVERSATIONS, /* that the source gave */
    GW_COUNT_ASKED_AFTER,   /* users up to this id gave theirs */
    GW_COUNT_ASKED_UPTO,    /* … and up to this one are to be asked */
    GW_COUNT_USERS_UPTO,    /* users found: those of the round under way */
    GW_COUNT_CHANNELS_UPTO, /* channels found: the same */
    GW_COUNT_USERS_SINCE,   /* the import that brought all of them last */
    GW_COUNT_CHANNELS_SINCE,
    GW_COUNT_DEVICES_SINCE,
    GW_COUNT_CONVERSATIONS_SINCE,
    GW_COUNT_RELIST, /* 1: lists are to be asked for once more */
    GW_COUNT_ITEMS,  /* ndjson: items, of the first step */
    GW_COUNT_ITEMS_LAST = GW_COUNT_ITEMS + 3, /* … of the fourth */
} gw_count;

/** A small hash of keys in memory; forgets all when it grows too large. */
typedef struct gw_known {
    struct gw_known_entry *at;
    size_t n, room;
    gw_arena keys;
} gw_known;

bool gw_known_get(const gw_known *known, gw_slice kind, gw_slice key,
                  gw_import_row *out);
void gw_known_put(gw_known *known, gw_slice kind, gw_slice key,
                  const gw_import_row *row);
void gw_known_clear(gw_known *known);

/** Texts, each once, in the order in which they came; in an arena. */
typedef struct gw_texts {
    gw_arena *arena;
    gw_slice *at;
    size_t n, room;
    uint32_t *table; /* indexes + 1 */
    size_t table_room;
} gw_texts;

void gw_texts_init(gw_texts *texts, gw_arena *arena);
/** False when it was there. The text is borrowed. */
bool gw_texts_add(gw_texts *texts, gw_slice text);
bool gw_texts_has(const gw_texts *texts, gw_slice text);

/** The import under way. */
typedef struct gw_importing {
    const gw_run *run;
    const gw_import_options *options;
    gw_slice source;
    gw_run appender_run; /* with less memory for models */
    gw_appender *appender;
    gw_progress_state state;
    bool is_state_new; /* to be written with the next commit */
    gw_known known;
    gw_step step;
    bool is_beside; /* problems noted now are of items that tally does not
                       count as the source's */

    /* the position under construction */
    gw_arena arena;
    gw_event_list events;
    size_t bytes; /* of the open transaction */
    int64_t positions, items;
    int64_t lines; /* printed of problems */
} gw_importing;

/** Whether somebody asked to stop; waits while the run is paused. */
bool gw_importing_is_stopped(gw_importing *im);
/** Tells the step, how often it was tried, and its last error (or NULL). */
void gw_importing_tell(gw_importing *im, int64_t tries, const char *error);

/* ---- write.c ---- */

/** Begins a transaction unless one is open. */
GW_MUST_CHECK gw_code gw_importing_begin(gw_importing *im, gw_error *err);
/** Commits when there is enough, or at once. */
GW_MUST_CHECK gw_code gw_importing_settle(gw_importing *im, bool now,
                                          gw_error *err);
/** Commits what is whole, because the run is to stop. Always fails, with
 *  GW_E_INTERRUPTED if nothing else. */
GW_MUST_CHECK gw_code gw_importing_stop(gw_importing *im, gw_error *err);
int64_t gw_importing_count(const gw_importing *im, gw_count which);
void gw_importing_set_count(gw_importing *im, gw_count which, int64_t value);

/** Looks keys up, in memory or in the store. */
GW_MUST_CHECK gw_code gw_importing_find(gw_importing *im, gw_slice kind,
                                        const gw_slice *keys, size_t n,
                                        gw_import_row *rows, gw_error *err);
GW_MUST_CHECK gw_code gw_importing_put(gw_importing *im, gw_slice kind,
                                       gw_slice key, const gw_import_row *row,
                                       gw_error *err);
/** n ids of a collection, from *first on. */
GW_MUST_CHECK gw_code gw_importing_reserve(gw_importing *im,
                                           gw_slice collection, size_t n,
                                           int64_t *first, gw_error *err);
/** Adds a create event. `data` is an object; copied. */
GW_MUST_CHECK gw_code gw_importing_create(gw_importing *im, gw_slice collection,
                                          int64_t id, gw_slice data,
                                          gw_error *err);
/** The same of fields that are split already. Their values must be valid
 *  JSON, and what they point to is to stay until the position is written. */
GW_MUST_CHECK gw_code gw_importing_create_of(gw_importing *im,
                                             gw_slice collection, int64_t id,
                                             gw_fields fields, gw_error *err);
/**
 * Adds what makes the model's `owned` fields those of `data`, if anything;
 * `owned` NULL: all but the id.
 * A model that the store does not have any more becomes a problem of `key`.
 */
GW_MUST_CHECK gw_code gw_importing_change(gw_importing *im, gw_slice collection,
                                          int64_t id, gw_slice key,
                                          const char *const *owned,
                                          gw_slice data, gw_error *err);
/** Appends the position under construction, if it has events. `unit` says
 *  in its information where it came from. */
GW_MUST_CHECK gw_code gw_importing_write(gw_importing *im, gw_slice unit,
                                         gw_error *err);

/** A digest of an item's fields, never 0. */
int64_t gw_importing_digest(gw_slice data);

/* X(name, text): why something is not in the store */
#define GW_REASON_MAP(X)                                                       \
    X(REFUSED, "refused")                                                      \
    X(UNREADABLE, "unreadable")                                                \
    X(MANGLED, "mangled")                                                      \
    X(DIFFERS, "differs")

typedef enum gw_reason {
#define GW_REASON_ENUM(name, text) GW_REASON_##name,
    GW_REASON_MAP(GW_REASON_ENUM)
#undef GW_REASON_ENUM
        GW_REASON_COUNT
} gw_reason;

const char *gw_reason_name(gw_reason reason);

/** Notes that n items are not in the store. */
GW_MUST_CHECK gw_code gw_importing_problem(gw_importing *im, gw_reason reason,
                                           const char *collection, gw_slice key,
                                           int64_t n, gw_error *err,
                                           const char *fmt, ...)
    GW_PRINTF(7, 8);
GW_MUST_CHECK gw_code gw_importing_solved(gw_importing *im, gw_reason reason,
                                          const char *collection, gw_slice key,
                                          gw_error *err);

/* ---- report.c ---- */

/** Numbers of one step. */
typedef struct gw_tally {
    int64_t source, imported, reasons[GW_REASON_COUNT];
    int64_t beside; /* of those in reasons: what tally need not count */
} gw_tally;

/** A channel whose numbers are not the source's. */
typedef struct gw_differing {
    int64_t channel_type;
    gw_slice channel_id;
    int64_t source_seq, seq, messages;
} gw_differing;

/* ---- sources ---- */

/** A kind of source. `self` is made by open. */
typedef struct gw_source {
    const char *name;
    gw_code (*open)(gw_importing *im, void **self, gw_error *err);
    void (*close)(void *self);
    /** Does a step, from where an earlier try had come to. */
    gw_code (*step)(void *self, gw_step step, gw_error *err);
    /** Counts what the source has and what the store has, of a step. */
    gw_code (*tally)(void *self, gw_step step, gw_tally *out, gw_error *err);
    /** Each channel that differs; or NULL. */
    gw_code (*differing)(void *self,
                         gw_code (*visit)(void *arg, const gw_differing *d,
                                          gw_error *err),
                         void *arg, gw_error *err);
} gw_source;

/** Writes the report to its file and prints the table. *is_explained says
 *  whether everything is `imported`. */
GW_MUST_CHECK gw_code gw_report_write(gw_importing *im, const gw_source *source,
                                      void *self, bool *is_explained,
                                      gw_error *err);

extern const gw_source gw_source_wukongim, gw_source_ndjson;

#endif
