/* SPDX-License-Identifier: Apache-2.0 */
/** Lines of NDJSON, in bounded memory. */
#ifndef GW_ENGINE_LINES_H
#define GW_ENGINE_LINES_H

#include <stdio.h>

#include "base/mem.h"

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
/** How many whole lines are in memory. */
size_t gw_lines_waiting(const gw_lines *lines);
/** Waits at most wait_ms for more and reads it. Errors: GW_E_LIMIT for a
 *  line longer than GW_LIMIT_LINE, GW_E_INPUT when reading fails. */
GW_MUST_CHECK gw_code gw_lines_fill(gw_lines *lines, int wait_ms,
                                    gw_error *err);

#endif
