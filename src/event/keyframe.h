/* SPDX-License-Identifier: Apache-2.0 */
/** Keyframes: the models as of one position, at several migration indexes.
 *
 *  A gw_keyframes holds `levels` keyframes side by side: level 0 is the
 *  index the store has, level i what stage i (1-based) makes. A model has a
 *  status at each level, and its fields only where somebody may ask for
 *  them (gw_mask). States are immutable and shared between levels until
 *  they differ; then a level costs what differs. Models that are not in memory
 * are fetched from a backing (the saved keyframe in the store); those that are
 * saved may be let go of, so memory stays within a budget. */
#ifndef GW_EVENT_KEYFRAME_H
#define GW_EVENT_KEYFRAME_H

#include "event/event.h"

typedef enum gw_status {
    GW_STATUS_NONE,    /* never created */
    GW_STATUS_ALIVE,   /* exists */
    GW_STATUS_DELETED, /* exists, deleted; fields are kept */
} gw_status;

/** Fields of a model, packed and reference counted; see state.c. */
typedef struct gw_state gw_state;

/** A model as one keyframe has it. */
typedef struct gw_model {
    gw_status status;
    int64_t meta_position;
    const gw_state *state; /* NULL: no fields, or not kept at this level */
    unsigned scalars;      /* where only lists are looked for (gw_mask): those
                              of the fields that hold something else, a bit
                              each */
} gw_model;

/** Which fields of a collection a level must keep. */
typedef struct gw_mask {
    bool all;
    const gw_slice *fields; /* when !all */
    size_t n;
    bool only_lists; /* of these fields only whether they hold a list, so that
                        a listfields event that meets something else is found;
                        where they are more than GW_MASK_LISTS, all of them */
} gw_mask;

enum { GW_MASK_LISTS = 6 };

/** Goes over the fields of a state: start with *cursor = 0; false at the
 *  end. Slices live as long as the state. */
bool gw_state_next(const gw_state *state, size_t *cursor, gw_field *out);
/** The raw value of a field, at NULL when missing. */
gw_slice gw_state_get(const gw_state *state, gw_slice key);
size_t gw_state_count(const gw_state *state);
gw_state *gw_state_retain(const gw_state *state);
void gw_state_release(gw_state *state);
/** Makes a state of fields (copied). NULL for none. */
gw_state *gw_state_new(gw_fields fields);

/**
 * Applies an event to a model outside any keyframe.
 *
 * Shape:  *model is replaced; its old state is released.
 * Errors: GW_E_MIGRATION `Model a/1 does not exist` and the others of the
 *         table in event-store.md, Events; `*model` then is untouched.
 */
GW_MUST_CHECK gw_code gw_model_apply(gw_model *model, const gw_event *event,
                                     int64_t position, const gw_mask *mask,
                                     gw_error *err);

/** Appends {"field":…,"meta_deleted":…,"meta_position":…}. */
void gw_model_put_json(gw_buf *buf, const gw_model *model);

/**
 * Makes a model of the JSON that gw_model_put_json printed and a store keeps.
 *
 * Shape:  `data` is taken apart in the arena; out->state is the caller's.
 * Errors: GW_E_INPUT when the data is no object; does not name the model.
 */
GW_MUST_CHECK gw_code gw_model_parse(gw_arena *arena, gw_slice data,
                                     bool deleted, gw_model *out,
                                     gw_error *err);

typedef struct gw_keyframes gw_keyframes;

/** One saved model: what it is at each level. Written and read by
 *  gw_keyframes_save and the backing. */
typedef struct gw_saved_model {
    gw_slice fqid;
    size_t levels;
    const gw_model *at; /* [levels] */
} gw_saved_model;

/** Where models come from that are not in memory. */
typedef struct gw_keyframe_backing {
    void *self;
    /** Fetches one model: fills models[0..levels) (zeroed before) and
     *  returns the states with a reference each. NONE when unknown. */
    gw_code (*load)(void *self, gw_slice fqid, gw_model *models, size_t levels,
                    gw_error *err);
    /** Calls `found` for the fqid of every saved model of a collection. */
    gw_code (*list)(void *self, gw_slice collection,
                    gw_code (*found)(void *arg, gw_slice fqid, gw_error *err),
                    void *arg, gw_error *err);
} gw_keyframe_backing;

/**
 * Makes empty keyframes.
 *
 * Shape:  mask(arg, level, collection) says what to keep; asked once per
 *         level and collection; the answer must live as long as this.
 *         backing NULL: nothing is saved yet, what is not here is not.
 */
gw_keyframes *gw_keyframes_new(size_t levels,
                               gw_mask (*mask)(void *arg, size_t level,
                                               gw_slice collection),
                               void *arg, const gw_keyframe_backing *backing);
void gw_keyframes_free(gw_keyframes *kf);

/** Begins a position: forgets how to undo the one before. */
void gw_keyframes_begin(gw_keyframes *kf, int64_t position);
/** Takes back, at all levels, what was applied since begin. */
void gw_keyframes_undo(gw_keyframes *kf);

/** Applies an event at a level. Errors as gw_model_apply, and those of the
 *  backing. */
GW_MUST_CHECK gw_code gw_keyframes_apply(gw_keyframes *kf, size_t level,
                                         const gw_event *event, gw_error *err);

/** The model at a level, as it is now. *out borrows. */
GW_MUST_CHECK gw_code gw_keyframes_get(gw_keyframes *kf, size_t level,
                                       gw_slice fqid, gw_model *out,
                                       gw_error *err);
/** The model at a level, as it was when the position began. */
GW_MUST_CHECK gw_code gw_keyframes_get_before(gw_keyframes *kf, size_t level,
                                              gw_slice fqid, gw_model *out,
                                              gw_error *err);

/** Ids of the models of a collection, alive or not, that are known at any
 *  level; ascending. `visit` is called with each fqid. */
GW_MUST_CHECK gw_code gw_keyframes_each(gw_keyframes *kf, gw_slice collection,
                                        gw_code (*visit)(void *arg,
                                                         gw_slice fqid,
                                                         gw_error *err),
                                        void *arg, gw_error *err);

/** Bytes held: states, index and all. */
size_t gw_keyframes_bytes(const gw_keyframes *kf);

/** Calls `write` for every model that changed since the last save, and
 *  takes them as saved when all went well. */
GW_MUST_CHECK gw_code gw_keyframes_save(
    gw_keyframes *kf,
    gw_code (*write)(void *arg, const gw_saved_model *model, gw_error *err),
    void *arg, gw_error *err);
/** Drops everything from memory; only after a save, with a backing. */
void gw_keyframes_drop(gw_keyframes *kf);
/** Lets go of models that are saved, those not asked for lately first, until
 *  `bytes` are held or nothing more can go: what changed since the last save
 *  stays, and without a backing everything. Only between two positions. */
void gw_keyframes_trim(gw_keyframes *kf, size_t bytes);

/** Gives (or takes away, NULL) the backing, after the first save. */
void gw_keyframes_set_backing(gw_keyframes *kf,
                              const gw_keyframe_backing *backing);

#endif
