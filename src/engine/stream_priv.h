/* SPDX-License-Identifier: Apache-2.0 */
/** Lines in and text out, for load, dump and export. */
#ifndef GW_ENGINE_STREAM_PRIV_H
#define GW_ENGINE_STREAM_PRIV_H

#include "base/limits.h"
#include "engine/engine.h"

/** Whether somebody asked this run to stop. */
static inline bool
gw_stream_is_stopped(const gw_run *run)
{
    return run->stop && atomic_load(run->stop);
}

/** At most `most` bytes of a text, whole characters only; for messages. */
gw_slice gw_stream_shorten(gw_slice text, size_t most);

/** Lines of a file, pipe or terminal. */
typedef struct gw_lines {
    FILE *file;
    int fd;         /* -1: no descriptor, `file` is read */
    bool is_live;   /* may block: a pipe, a socket, a terminal */
    bool is_at_end; /* nothing more will come */
    int64_t number; /* of the line taken last, from 1 */
    gw_buf buf;     /* holds the lines in buf[begin..len) */
    size_t begin;
    size_t searched; /* up to here there is no line end after begin */
} gw_lines;

/** `file` must not have been read from: its descriptor is read past it. */
void gw_lines_init(gw_lines *lines, FILE *file);
void gw_lines_clear(gw_lines *lines);
/** The next line that is in memory, without its end; false when there is
 *  no whole one. It lives until the next fill. */
bool gw_lines_take(gw_lines *lines, gw_slice *line);
/** Waits at most wait_ms for more and reads it. Errors: GW_E_LIMIT for a
 *  line longer than GW_LIMIT_LINE, GW_E_INPUT when reading fails. */
GW_MUST_CHECK gw_code gw_lines_fill(gw_lines *lines, int wait_ms,
                                    gw_error *err);

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
