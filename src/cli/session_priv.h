/* SPDX-License-Identifier: Apache-2.0 */
/** What a command runs with: its options, and what it needs, opened. */
#ifndef GW_CLI_SESSION_PRIV_H
#define GW_CLI_SESSION_PRIV_H

#include "cli/command_priv.h"
#include "cli/output_priv.h"
#include "cli/progress_priv.h"
#include "engine/engine.h"

typedef struct gw_session {
    const gw_command *command;
    const gw_options *options;
    const char **args; /* words behind the command */
    size_t n_args;
    gw_output *output;
    gw_arena *arena;
    atomic_bool stop;
    gw_store *store;          /* if needed */
    gw_migrations migrations; /* if needed */
    gw_counters counters;
    gw_run run;   /* ready for the engine */
    gw_buf lines; /* --json: output so far */
    bool is_cut;  /* … of which there was too much */
} gw_session;

/** Opens what the command's row says that it needs.
 *  Errors: GW_E_USAGE without a store's URI, those of opening. */
GW_MUST_CHECK gw_code gw_session_open(gw_session *session, gw_error *err);
void gw_session_close(gw_session *session);

/** Opens store and migrations anew, whatever the row says. */
GW_MUST_CHECK gw_code gw_session_reopen(gw_session *session, gw_error *err);

/** Prints the JSON object of a command that ran, and `code`'s text as its
 *  exception: {"success","status","output","exception"?}. */
void gw_session_put_result(gw_session *session, gw_code code,
                           const gw_error *error);

struct gw_net;

/** A client for the server that the first argument names, with the secret and
 *  the certificates of the options. Errors: those of gw_net_open. */
GW_MUST_CHECK gw_code gw_session_open_net(gw_session *session, int64_t wait_ms,
                                          struct gw_net **out, gw_error *err);

/** Sleeps. False when the command is to stop, and then at once. */
bool gw_session_sleep(gw_session *session, int64_t ms);

/**
 * Appends the store's URI: --store, GODWIT_STORE, or one made of the
 * variables DATABASE_….
 *
 * Shape:  may hold a password: for gw_store_open only, then to be wiped.
 * Errors: GW_E_USAGE: none given, or a password file that cannot be read.
 */
GW_MUST_CHECK gw_code gw_store_uri_put(gw_buf *uri, const gw_options *options,
                                       gw_error *err);

#endif
