/* SPDX-License-Identifier: Apache-2.0 */
/** Progress of a long command: a bar on a terminal, lines elsewhere, and a
 *  summary. A thread reads the engine's counters; the engine never waits. */
#ifndef GW_CLI_PROGRESS_PRIV_H
#define GW_CLI_PROGRESS_PRIV_H

#include "cli/output_priv.h"
#include "engine/engine.h"

/** The counters at one moment. -1: not known. */
typedef struct gw_snapshot {
    gw_phase phase;
    const char *label; /* the phase's name, or the command's without one */
    int64_t positions_done, positions_total;
    int64_t events_done, events_total;
    int64_t models;
    double seconds;      /* since the start */
    double events_per_s; /* over the last seconds; < 0: not known */
    double seconds_left; /* < 0: not known */
} gw_snapshot;

/** Appends one line of at most `width` columns, without newline. */
void gw_progress_put_bar(gw_buf *buf, const gw_snapshot *s, size_t width);
/** Draws that line at the end of a terminal, as wide as it is now. */
void gw_progress_draw(gw_output *output, const gw_snapshot *s);
/** Appends one line of text, or one JSON object, without newline. */
void gw_progress_put_line(gw_buf *buf, const gw_snapshot *s);
void gw_progress_put_json(gw_buf *buf, const gw_snapshot *s);
/** Seconds from one line to the next, so long after the start. */
double gw_progress_interval(double seconds);
/** Appends 1.2 s, 45 s, 3 m 05 s or 2 h 03 m. */
void gw_progress_put_seconds(gw_buf *buf, double seconds);

/** Events over time, for the rate of the last seconds. */
#define GW_RATE_SAMPLES 16
typedef struct gw_rate {
    double at[GW_RATE_SAMPLES];
    int64_t events[GW_RATE_SAMPLES];
    size_t n, next;
} gw_rate;

void gw_rate_add(gw_rate *rate, double seconds, int64_t events);
/** Events per second, or -1 when not known yet. */
double gw_rate_get(const gw_rate *rate);

typedef struct gw_progress gw_progress;

/** Sets all counters to "not known". */
void gw_progress_clear(gw_counters *counters);

/** Begins to show counters, which are "not known" as long as the engine has
 *  not set them. NULL under --quiet, or when no thread can be had: progress
 *  is not worth failing. */
gw_progress *gw_progress_start(gw_output *output, gw_counters *counters,
                               const char *command);
/** Stops showing; prints the summary, as that of a command that ended well
 *  or not. NULL is fine. */
void gw_progress_stop(gw_progress *progress, bool ended_well);

#endif
