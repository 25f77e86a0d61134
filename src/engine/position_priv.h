/* SPDX-License-Identifier: Apache-2.0 */
/** Positions as lines of NDJSON, and models as the store's JSON. */
#ifndef GW_ENGINE_POSITION_PRIV_H
#define GW_ENGINE_POSITION_PRIV_H

#include "event/event.h"
#include "event/keyframe.h"

/**
 * Reads one line. Source: cli.md, NDJSON
 *
 * Shape:  position 0 and timestamp at NULL where they are left out;
 *         has_index false when migration_index is. Slices of the line.
 * Errors: GW_E_INPUT naming the member or event; GW_E_LIMIT.
 */
GW_MUST_CHECK gw_code gw_position_parse(gw_arena *arena, gw_slice line,
                                        gw_position *out, bool *has_index,
                                        gw_error *err);

/** Appends the line (with its end) that gw_position_parse reads back. */
void gw_position_put_line(gw_buf *buf, const gw_position *p);

/** Appends a value on one line: the bytes as they are, if they have no line
 *  end. at NULL: null. */
void gw_position_put_value(gw_buf *buf, gw_slice value);

#endif
