/* SPDX-License-Identifier: Apache-2.0 */
/** What keyframes consist of; shared by keyframe.c, keyframe_save.c. */
#ifndef GW_EVENT_KEYFRAME_PRIV_H
#define GW_EVENT_KEYFRAME_PRIV_H

#include "base/limits.h"
#include "event/index_priv.h"
#include "event/model_priv.h"

enum {
    GW_KF_PAGE = 1024,
    GW_STATUS_BITS = 2,
    GW_STATUS_MASK = (1 << GW_STATUS_BITS) - 1,
};

/** What a level keeps of a collection, and what it has of models for which
 *  nothing is saved there. */
struct wanted {
    gw_mask mask;
    unsigned usual;   /* scalars, when the mask is only_lists */
    bool is_told;     /* what is saved now says by itself what it has: what is
                         not was saved for another mask … */
    gw_state *before; /* … and has these fields (with a reference); NULL: those
                         of the level above */
};

struct cell {
    int64_t meta_position;
    gw_state *state;
};

struct level {
    uint8_t **status;    /* [pages]; scalars above the GW_STATUS_BITS */
    struct cell **cells; /* [pages], NULL where nothing is kept */
};

struct slot {
    uint32_t epoch; /* the position in which it was last changed … */
    uint32_t last;  /* … and its newest log entry then, + 1 */
    bool is_dirty;
    bool is_used; /* since the last trim */
    bool is_away; /* trimmed: to be fetched when it is asked for */
};

struct change {
    uint32_t slot;
    uint32_t level;
    uint32_t previous; /* of the same slot, + 1 */
    gw_event_type type;
    bool is_whole;         /* the level keeps all fields of the model */
    const void *set, *cut; /* tell events that are the same apart from others */
    gw_model before;       /* with a reference */
};

struct gw_keyframes {
    size_t levels;
    gw_mask (*mask)(void *arg, size_t level, gw_slice collection);
    void *mask_arg;
    bool has_backing;
    gw_keyframe_backing backing;

    gw_index *index;
    struct level *level; /* [levels] */
    size_t pages;
    struct slot *slots;           /* [pages * GW_KF_PAGE] */
    struct wanted *wanted;        /* [collections * levels] */
    size_t n_wanted, room_wanted; /* in collections */
    uint32_t *dirty;
    size_t n_dirty, room_dirty;

    struct change *log;
    size_t n_log, room_log;
    uint32_t epoch;
    int64_t position;
    size_t state_bytes, page_bytes;
    gw_model *loaded; /* [levels], scratch */
    gw_model *usual;  /* the same */

    /* the fqid that was asked for last: each level asks for the same */
    char recent[GW_LIMIT_FQID];
    size_t recent_len;
    uint32_t recent_slot;

    uint32_t hand; /* where the next trim begins */
};

/** A model at a level. *out borrows. */
gw_model gw_keyframes_cell(const gw_keyframes *kf, size_t level, uint32_t slot);
const struct wanted *gw_keyframes_wanted(const gw_keyframes *kf, size_t level,
                                         uint32_t slot);
/** Releases what the backing gave, a model per level. */
void gw_keyframes_forget(const gw_keyframes *kf, gw_model *models);
/** Asks what is to be kept of all collections that the index has, and the
 *  backing what is usual there. Before anything else about them.
 *  Errors: those of the backing. */
GW_MUST_CHECK gw_code gw_keyframes_learn(gw_keyframes *kf, gw_error *err);
/** Makes of a level as the backing gave it, with fields of its own or as the
 *  level above, one that is as `wanted`. */
void gw_keyframes_fit(const struct wanted *wanted, gw_model *model,
                      bool is_own);
/** Forgets what is kept of all collections. */
void gw_keyframes_unlearn(gw_keyframes *kf);

#endif
