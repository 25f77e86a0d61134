/* SPDX-License-Identifier: Apache-2.0 */
/** Importing: items of another system, step by step, each exactly once.
 *  Source: import.md */
#ifndef GW_SOURCE_SOURCE_H
#define GW_SOURCE_SOURCE_H

#include "engine/engine.h"

/* X(name, text) */
#define GW_STEP_MAP(X)                                                         \
    X(USER, "user")                                                            \
    X(CHANNEL, "channel")                                                      \
    X(MESSAGE, "message")                                                      \
    X(CONVERSATION, "conversation")                                            \
    X(CLEANUP, "cleanup")

typedef enum gw_step {
#define GW_STEP_ENUM(name, text) GW_STEP_##name,
    GW_STEP_MAP(GW_STEP_ENUM)
#undef GW_STEP_ENUM
        GW_STEP_COUNT
} gw_step;

const char *gw_step_name(gw_step step);
/** False when there is no such step. */
bool gw_step_parse(gw_slice name, gw_step *out);

/** What to import, and how. Zeroed members take defaults. Borrowed. */
typedef struct gw_import_options {
    const char *source; /* "wukongim", "ndjson" */
    const char *url;    /* of a server */
    const char *token_file;
    const char *ca_file;
    bool allow_plaintext;     /* the token over HTTP to other machines */
    const char *const *files; /* those of "ndjson" */
    size_t n_files;
    const char *start_step, *only_step; /* or NULL */
    int64_t parallel;                   /* requests at a time */
    int64_t rate;                       /* requests a second; 0: no limit */
    int64_t max_tries;                  /* of one request; 0: no limit */
    int64_t give_up_ms;                 /* a request has failed for so long */
    int64_t timeout_ms;                 /* nothing comes for so long */
    const char *report;                 /* a file for the report, or NULL */
} gw_import_options;

/** Errors: GW_E_USAGE for what is no http or https URL of a server, or one
 *  that holds credentials. Asks nothing. */
GW_MUST_CHECK gw_code gw_source_check_url(const char *url, gw_error *err);

/** The names of sources; NULL from the end on. */
const char *gw_source_at(size_t i);

/**
 * Imports. Goes on where an import that failed or was killed had come to;
 * after one that ended it brings what is new or changed.
 *
 * Errors: GW_E_USAGE for the options; GW_E_SOURCE when it gave up, GW_E_SERVER
 *         when the source was never reached; GW_E_DIFFERENT when something is
 *         not explained by `imported`; GW_E_INTERRUPTED; those of the store.
 */
GW_MUST_CHECK gw_code gw_import(const gw_run *run,
                                const gw_import_options *options,
                                gw_error *err);

#endif
