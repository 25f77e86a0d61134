/* SPDX-License-Identifier: Apache-2.0 */
/** Text out, and positions in order, for load, dump and export. */
#ifndef GW_ENGINE_STREAM_PRIV_H
#define GW_ENGINE_STREAM_PRIV_H

#include "base/limits.h"
#include "engine/engine.h"
#include "engine/lines.h"

/** Whether somebody asked this run to stop. */
static inline bool
gw_stream_is_stopped(const gw_run *run)
{
    return run->stop && atomic_load(run->stop);
}

/** At most `most` bytes of a text, whole characters only; for messages. */
gw_slice gw_stream_shorten(gw_slice text, size_t most);

/** Text on its way to a file. */
typedef struct gw_out {
    FILE *file;
    gw_buf buf;
} gw_out;

/** Writes what is in the buffer once it is worth it. Errors: GW_E_STORE. */
GW_MUST_CHECK gw_code gw_out_drain(gw_out *out, gw_error *err);
/** Writes everything, down to the file. */
GW_MUST_CHECK gw_code gw_out_finish(gw_out *out, gw_error *err);

/** Calls `visit` for all positions up to `upto` (0: all), in order.
 *  Errors: GW_E_INTERRUPTED when the run is to stop; those of visit. */
GW_MUST_CHECK gw_code gw_stream_positions(
    const gw_run *run, gw_generation which, int64_t upto,
    gw_code (*visit)(void *arg, const gw_position *p, gw_error *err), void *arg,
    gw_error *err);

#endif
