/* SPDX-License-Identifier: Apache-2.0 */
/** The whole workflow unattended: migrate, verify, finalize, each tried again
 *  when it fails; then who wants to know is told. Its state is a record that
 *  survives it: started again, it goes on.
 *  Source: cli.md, manage */
#ifndef GW_SERVICE_MANAGER_H
#define GW_SERVICE_MANAGER_H

#include "engine/engine.h"
#include "net/net.h"

/* X(name, text) */
#define GW_MANAGE_STATE_MAP(X)                                                 \
    X(RUNNING, "running")                                                      \
    X(SUCCEEDED, "succeeded")                                                  \
    X(FAILED, "failed")

typedef enum gw_manage_state {
#define GW_MANAGE_STATE_ENUM(name, text) GW_MANAGE_##name,
    GW_MANAGE_STATE_MAP(GW_MANAGE_STATE_ENUM)
#undef GW_MANAGE_STATE_ENUM
} gw_manage_state;

/* X(name, text) */
#define GW_NOTICE_MAP(X)                                                       \
    X(NONE, "none")       /* nobody wants it */                                \
    X(PENDING, "pending") /* to be given */                                    \
    X(GIVEN, "given")                                                          \
    X(FAILED, "failed") /* it was not taken, or did not end well */

typedef enum gw_notice {
#define GW_NOTICE_ENUM(name, text) GW_NOTICE_##name,
    GW_NOTICE_MAP(GW_NOTICE_ENUM)
#undef GW_NOTICE_ENUM
} gw_notice;

/** Policy and state, as they are kept. Times are Unix seconds, 0: none. */
typedef struct gw_manage_record {
    char id[33]; /* of this workflow, 32 hexadecimal digits */
    gw_manage_state state;
    char step[16]; /* migrate, verify, finalize */
    int64_t tries; /* of the step */
    int64_t started, ended, next_try;
    gw_code code;     /* of the last error; GW_OK: none */
    char error[2048]; /* its text */

    int64_t max_retries, retry_delay_ms, timeout_ms;
    bool on_success, on_failure; /* there is such a command */
    char webhook[256];           /* scheme, host, port; "": none */
    gw_notice command, posted;
} gw_manage_record;

void gw_manage_record_put(const gw_manage_record *record, gw_buf *out);
/** Errors: GW_E_INPUT when the text is no such record. */
GW_MUST_CHECK gw_code gw_manage_record_read(gw_slice text,
                                            gw_manage_record *out,
                                            gw_error *err);

/** What is managed: a store, or a server's. */
typedef struct gw_manage_target {
    void *self;
    /** Runs one command to its end, or until `stop` or the time (of
     *  gw_clock_us) has come, or somebody cancels it: GW_E_INTERRUPTED, and
     *  it is not tried again. Other errors: those of the command;
     *  GW_E_SERVER, GW_E_STORE. */
    gw_code (*run)(void *self, const char *command, int64_t until_us,
                   gw_error *err);
    /** The record that was kept last; empty when there is none. */
    gw_code (*load)(void *self, gw_buf *out, gw_error *err);
    gw_code (*save)(void *self, const gw_manage_record *record, gw_error *err);
} gw_manage_target;

/** All is borrowed. */
typedef struct gw_manage_options {
    int64_t max_retries, retry_delay_ms, timeout_ms;
    const char *on_success, *on_failure; /* shell lines; or NULL */
    const char *webhook;                 /* URL; or NULL */
    gw_slice webhook_secret;             /* its HMAC key */
    const char *ca_file;                 /* or NULL */
    const atomic_bool *stop;
    void (*note)(void *arg, const char *text); /* for a person */
    void *note_arg;
} gw_manage_options;

/**
 * Begins a workflow, or goes on with one that has not ended. The end of one
 * that nobody was told is told first.
 *
 * Shape:  *out is the record at its end, for GW_E_INTERRUPTED as it stands.
 * Errors: GW_E_INTERRUPTED after options->stop: started again, it goes on;
 *         with the state GW_MANAGE_FAILED: an operator cancelled a command.
 *         Else what the workflow failed with: GW_E_DIFFERENT when verify
 *         found a difference, and then nothing was finalized; GW_E_STATE when
 *         the time was over.
 */
GW_MUST_CHECK gw_code gw_manage(const gw_manage_options *options,
                                const gw_manage_target *target,
                                gw_manage_record *out, gw_error *err);

/** Sleeps. False when it is to stop, and then at once. */
bool gw_manage_sleep(const atomic_bool *stop, int64_t ms);

/** The record in a store: puts it, and appends the newest one's text. */
GW_MUST_CHECK gw_code gw_keeper_put(gw_store *store,
                                    const gw_manage_record *record,
                                    gw_error *err);
GW_MUST_CHECK gw_code gw_keeper_get(gw_store *store, gw_buf *out,
                                    gw_error *err);

/** Commands through a server. The interval is for asking how they go. */
typedef struct gw_manage_remote {
    gw_net *net;
    int64_t interval_ms;
    const atomic_bool *stop;
} gw_manage_remote;

gw_manage_target gw_manage_remote_target(gw_manage_remote *remote);

#endif
