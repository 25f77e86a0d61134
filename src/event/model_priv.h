/* SPDX-License-Identifier: Apache-2.0 */
/** A model's fields, packed; shared by model.c, keyframe.c. */
#ifndef GW_EVENT_MODEL_PRIV_H
#define GW_EVENT_MODEL_PRIV_H

#include "event/keyframe.h"

/* Never changed once made. The data of a whole state is per field: key length,
 * value length (of as many bytes as they need), key bytes, value bytes. That
 * of one with a base, which is whole, is runs of such fields, the base's and
 * its own; see state.c. */
struct gw_state {
    uint32_t refs;
    uint32_t n;
    size_t bytes;   /* of data */
    gw_state *base; /* with a reference; or NULL */
    char data[];
};

/** What a state is put together from: `n` packed fields of another one, that
 *  follow each other, or (n 0) one field. */
typedef struct gw_piece {
    gw_slice run;
    uint32_t n;
    gw_field field;
} gw_piece;

/** Makes a state of pieces (copied). */
gw_state *gw_state_join(const gw_piece *pieces, size_t n);

/** The same fields in a state of their own. */
gw_state *gw_state_copy(const gw_state *state);

/** As gw_state_next; returns the field's packed bytes, at NULL at the end. */
gw_slice gw_state_step(const gw_state *state, size_t *cursor, gw_field *out);

/**
 * The same fields, kept as what differs from `other` when that is much less.
 *
 * Shape:  takes the reference of `state`, which is whole, and gives one, of
 *         it or of a new state: never of `other`, whose pointer says that a
 *         level keeps what the other keeps. `other` (or its base) lives as
 *         long.
 */
gw_state *gw_state_like(gw_state *state, const gw_state *other);

/** Whether a level wants a field. */
bool gw_mask_has(const gw_mask *mask, gw_slice key);

/**
 * What the event makes of a model, as a new model with a reference of its
 * own; `model` is not touched. Shared by keyframes and gw_model_apply.
 *
 * Errors: as gw_model_apply.
 */
GW_MUST_CHECK gw_code gw_model_after(const gw_model *model,
                                     const gw_event *event, int64_t position,
                                     const gw_mask *mask, gw_model *out,
                                     gw_error *err);

#endif
