/* SPDX-License-Identifier: Apache-2.0 */
/** Where a command's words go: results to standard output, all else to
 *  standard error. Notices when either cannot be written. */
#ifndef GW_CLI_OUTPUT_PRIV_H
#define GW_CLI_OUTPUT_PRIV_H

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"

typedef struct gw_output {
    FILE *out, *err;
    pthread_mutex_t lock; /* keeps lines whole and apart from the bar */
    bool is_json;         /* results as JSON */
    bool is_log_json;     /* standard error as JSON lines */
    bool is_quiet, is_verbose;
    bool has_color;  /* on standard error */
    bool can_redraw; /* standard error is a terminal that can */
    bool has_bar;    /* a progress bar stands on the last line */
    bool has_begun;  /* a result was (perhaps partly) written */
    int write_errno; /* of standard output, the first one */
} gw_output;

/** Makes the three standard streams safe to use: opens what is closed, so
 *  that no store gets their numbers, and takes SIGPIPE as a write error. */
void gw_output_init(gw_output *output);
/** Looks at the terminal. `color` is auto, always or never. */
void gw_output_configure(gw_output *output, const char *color);

/** Writes a result as it is. */
void gw_output_write(gw_output *output, gw_slice bytes);
/** Writes one line of a command's output, made safe for a terminal. */
void gw_output_line(gw_output *output, gw_slice line);
/** A line on standard error; unless --quiet. detail: only if --verbose. */
void gw_output_note(gw_output *output, const char *fmt, ...) GW_PRINTF(2, 3);
void gw_output_detail(gw_output *output, const char *fmt, ...) GW_PRINTF(2, 3);
/** The message of a failed command. */
void gw_output_error(gw_output *output, const gw_error *error);
/** Whole lines for standard error, as they are. Takes the lock. */
void gw_output_log(gw_output *output, gw_slice bytes);

/** Draws, or wipes, the line at the bottom. The lock must be held. */
void gw_output_draw_bar(gw_output *output, gw_slice bar);
void gw_output_wipe_bar(gw_output *output);

/** Hands on what is buffered; a failure shows in gw_output_finish. */
void gw_output_flush(gw_output *output);
/** Flushes. Errors: GW_E_STORE when standard output took not all of it. */
GW_MUST_CHECK gw_code gw_output_finish(gw_output *output, gw_error *err);

/** Appends text with what a terminal might obey (control characters) made
 *  visible and what is no UTF-8 replaced. Newlines stay if keep_lines. */
void gw_text_put_clean(gw_buf *buf, gw_slice text, bool keep_lines);
/** Appends text of any bytes as a JSON string. */
void gw_text_put_json(gw_buf *buf, gw_slice text);
/** Appends text broken into lines of at most `width` columns, each after
 *  `indent` blanks but the first, which begins in column `at`. */
void gw_text_put_wrapped(gw_buf *buf, const char *text, size_t indent,
                         size_t at, size_t width);
/** Columns that UTF-8 text takes (one a character). */
size_t gw_text_width(gw_slice text);
void gw_text_put_blanks(gw_buf *buf, size_t n);
/** Appends the time now, 2026-11-22T10:00:00.123Z. */
void gw_text_put_now(gw_buf *buf);

#endif
