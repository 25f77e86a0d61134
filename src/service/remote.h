/* SPDX-License-Identifier: Apache-2.0 */
/** A server as its clients see it: its answers, read.
 *
 *  All errors: GW_E_SERVER when there is no answer, or none that makes sense:
 *  it may come back. GW_E_USAGE when it refuses: asking again is no use.
 *  Source: http-api.md */
#ifndef GW_SERVICE_REMOTE_H
#define GW_SERVICE_REMOTE_H

#include "engine/engine.h"
#include "net/net.h"

/** GET /migrate/result. */
typedef struct gw_remote_result {
    char status[16]; /* running, completed, migrated, failed */
    char step[32];
    gw_buf error; /* the caller's; empty: none */
    int64_t tries;
} gw_remote_result;

GW_MUST_CHECK gw_code gw_remote_result_get(gw_net *net, gw_remote_result *out,
                                           gw_error *err);
void gw_remote_result_clear(gw_remote_result *result);

/** GET /migrate/progress. -1: not known. */
typedef struct gw_remote_progress {
    gw_phase phase;
    int64_t positions_done, positions_total;
    int64_t events_done, events_per_second, seconds_left;
} gw_remote_progress;

GW_MUST_CHECK gw_code gw_remote_progress_get(gw_net *net,
                                             gw_remote_progress *out,
                                             gw_error *err);

/** The newest run of GET /migrate/history; run 0: there is none. */
typedef struct gw_remote_run {
    int64_t run;
    char command[32];
    char result[16]; /* running, completed, failed, cancelled, interrupted */
    gw_code code;    /* of its error */
    gw_buf error;    /* the caller's */
} gw_remote_run;

GW_MUST_CHECK gw_code gw_remote_last_run(gw_net *net, gw_remote_run *out,
                                         gw_error *err);
void gw_remote_run_clear(gw_remote_run *run);

/** POST /internal/migrations/: a command, to begin. Errors also: GW_E_STATE
 *  when another one runs. */
GW_MUST_CHECK gw_code gw_remote_command(gw_net *net, const char *command,
                                        gw_error *err);

/** The manager's record that the server's store has; empty for none. */
GW_MUST_CHECK gw_code gw_remote_manager_get(gw_net *net, gw_buf *out,
                                            gw_error *err);
GW_MUST_CHECK gw_code gw_remote_manager_put(gw_net *net, gw_slice record,
                                            gw_error *err);

#endif
