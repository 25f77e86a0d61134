/* SPDX-License-Identifier: Apache-2.0 */
/** Options: the table of them, and what a command line sets them to. */
#ifndef GW_CLI_OPTION_PRIV_H
#define GW_CLI_OPTION_PRIV_H

#include "base/mem.h"

typedef enum gw_option_id {
    GW_OPTION_STORE,
    GW_OPTION_MIGRATIONS,
    GW_OPTION_JSON,
    GW_OPTION_RESTART,
    GW_OPTION_KEEP_MIGRATED,
    GW_OPTION_MEMORY,
    GW_OPTION_BATCH,
    GW_OPTION_KEYFRAME_EVENTS,
    GW_OPTION_LUA_MEMORY,
    GW_OPTION_LUA_TIMEOUT,
    GW_OPTION_LOCK_WAIT,
    GW_OPTION_MODELS,
    GW_OPTION_POSITION,
    GW_OPTION_LIMIT,
    GW_OPTION_FROM_INDEX,
    GW_OPTION_LUA,
    GW_OPTION_LISTEN,
    GW_OPTION_STATE_DIR,
    GW_OPTION_AUTH_PASSWORD_FILE,
    GW_OPTION_TLS_CERT,
    GW_OPTION_TLS_KEY,
    GW_OPTION_ALLOW_PLAINTEXT,
    GW_OPTION_ALLOW_HOST,
    GW_OPTION_PROTECT_STATUS,
    GW_OPTION_INTERVAL,
    GW_OPTION_TLS_CA,
    GW_OPTION_MAX_RETRIES,
    GW_OPTION_RETRY_DELAY,
    GW_OPTION_TIMEOUT,
    GW_OPTION_ON_SUCCESS,
    GW_OPTION_ON_FAILURE,
    GW_OPTION_WEBHOOK,
    GW_OPTION_WEBHOOK_SECRET_FILE,
    GW_OPTION_SOURCE,
    GW_OPTION_TOKEN_FILE,
    GW_OPTION_START_STEP,
    GW_OPTION_ONLY_STEP,
    GW_OPTION_PARALLEL,
    GW_OPTION_RATE,
    GW_OPTION_MAX_TRIES,
    GW_OPTION_GIVE_UP_AFTER,
    GW_OPTION_REQUEST_TIMEOUT,
    GW_OPTION_REPORT,
    GW_OPTION_MARKDOWN,
    GW_OPTION_VERBOSE,
    GW_OPTION_QUIET,
    GW_OPTION_LOG_FORMAT,
    GW_OPTION_COLOR,
    GW_OPTION_HELP,
    GW_OPTION_VERSION,
    GW_OPTION_COUNT,
} gw_option_id;

#define GW_OPTION_BIT(id) (UINT64_C(1) << GW_OPTION_##id)

/** Shown with every command. */
#define GW_OPTIONS_GENERAL                                                     \
    (GW_OPTION_BIT(VERBOSE) | GW_OPTION_BIT(QUIET) |                           \
     GW_OPTION_BIT(LOG_FORMAT) | GW_OPTION_BIT(COLOR) | GW_OPTION_BIT(HELP))
/** Taken by every command, so that a wrapper may always pass them. */
#define GW_OPTIONS_ANYWHERE                                                    \
    (GW_OPTIONS_GENERAL | GW_OPTION_BIT(STORE) | GW_OPTION_BIT(MIGRATIONS) |   \
     GW_OPTION_BIT(JSON))

typedef enum gw_option_type {
    GW_OPTION_TYPE_FLAG,
    GW_OPTION_TYPE_TEXT,
    GW_OPTION_TYPE_CHOICE, /* `value` lists them: a|b|c */
    GW_OPTION_TYPE_INTEGER,
    GW_OPTION_TYPE_SIZE,     /* bytes */
    GW_OPTION_TYPE_DURATION, /* milliseconds */
} gw_option_type;

typedef struct gw_option {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    gw_option_type type;
    const char *env;      /* or NULL */
    const char *value;    /* what it takes, for help; NULL for flags */
    const char *fallback; /* text and choice: the default, or NULL */
    int64_t number;       /* the others: the default; 0 for none */
    int64_t min, max;     /* of numbers */
    const char *help;
} gw_option;

typedef struct gw_option_value {
    bool is_set; /* on the command line or in the environment */
    const char *text;
    int64_t number;
} gw_option_value;

/** What a command line says. Words (command and arguments) and texts are
 *  borrowed from argv and the environment. */
typedef struct gw_options {
    gw_option_value at[GW_OPTION_COUNT];
    const char **words; /* in the arena */
    size_t n_words;
} gw_options;

/** The row of an option. */
const gw_option *gw_option_get(gw_option_id id);

/**
 * Reads a command line: options anywhere, `--` ends them, words between.
 *
 * Errors: GW_E_USAGE for unknown options ("did you mean"), missing or
 *         unwanted values. Values are not looked at yet.
 */
GW_MUST_CHECK gw_code gw_options_parse(gw_arena *arena, int argc,
                                       char *const *argv, gw_options *out,
                                       gw_error *err);

/**
 * Fills in environment and defaults, for the options of the set `applies`,
 * and checks all values.
 *
 * Errors: GW_E_USAGE naming the option or variable; also for options that
 *         are set and neither in the set nor taken anywhere.
 */
GW_MUST_CHECK gw_code gw_options_resolve(gw_options *options, uint64_t applies,
                                         const char *command, gw_error *err);

/** Whether a flag is given; the number, or text, of an option. */
bool gw_options_flag(const gw_options *options, gw_option_id id);
int64_t gw_options_number(const gw_options *options, gw_option_id id);
const char *gw_options_text(const gw_options *options, gw_option_id id);

/** Appends the default as a user would write it; nothing for none. */
void gw_option_put_default(gw_buf *buf, const gw_option *option);
/** Appends `--name VALUE`. */
void gw_option_put_form(gw_buf *buf, const gw_option *option);

/* value.c */

/** Reads 64MiB, 30s, 12. Errors: GW_E_USAGE saying how it is written. */
GW_MUST_CHECK gw_code gw_value_parse(const char *text, gw_option_type type,
                                     int64_t *out, gw_error *err);
/** Appends a size, duration or integer as gw_value_parse reads it. */
void gw_value_put(gw_buf *buf, int64_t value, gw_option_type type);

/* suggest.c */

/** The likeliest of several names for a mistyped one. */
typedef struct gw_suggestion {
    const char *typed;
    const char *best; /* NULL: none is near */
    size_t distance;
} gw_suggestion;

void gw_suggestion_offer(gw_suggestion *suggestion, const char *name);

#endif
