/* SPDX-License-Identifier: Apache-2.0 */
/** Native migrations: what native.c (loading, calling) and native_host.c
 *  (what a migration can ask for) share. */
#ifndef GW_MIGRATION_NATIVE_PRIV_H
#define GW_MIGRATION_NATIVE_PRIV_H

#include <godwit/migration.h>

#include "migration/migration.h"

/** A keyframe need, ready to be given out. */
typedef struct gw_native_need {
    gw_side side;
    gw_slice collection;
    gw_mask mask;
} gw_native_need;

/** A loaded shared object. */
typedef struct gw_native {
    gw_arena arena;
    const char *file;
    void *library;
    godwit_migration api; /* zeroed where an older one has less */
    void *state;
    bool is_started;
    gw_native_need *needs;
    size_t n_needs;
    gw_migration_ops ops; /* NULL where it has no call */
} gw_native;

/** One call under way: what the migration's godwit_call is the head of. */
typedef struct gw_native_call {
    godwit_call head; /* first */
    const gw_native *native;
    gw_arena *arena;         /* results */
    const gw_context *ctx;   /* events only */
    gw_reader *reader;       /* models only */
    const gw_event *offered; /* migrate_event only */
    gw_event_list *out;      /* NULL: may not emit */
    size_t emitted;
    bool has_failed;
    gw_error why; /* once it has failed */
    godwit_position position;
} gw_native_call;

extern const godwit_host gw_native_host;

/** Views of the same bytes; nothing is copied. */
godwit_event gw_native_event(const gw_event *event);
/** Views of all events, in the arena. */
godwit_event *gw_native_events(gw_arena *arena, gw_events events);
godwit_position gw_native_position(const gw_position *position);

static inline godwit_slice
gw_native_slice(gw_slice s)
{
    return (godwit_slice){s.at, s.len};
}

static inline gw_slice
gw_native_own_slice(godwit_slice s)
{
    return (gw_slice){s.at, s.len};
}

#endif
