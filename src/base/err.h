/* SPDX-License-Identifier: Apache-2.0 */
/** Error codes, their wire names and exit codes, and the error value. */
#ifndef GW_BASE_ERR_H
#define GW_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define GW_MUST_CHECK __attribute__((warn_unused_result))
#define GW_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* X(name, wire name, HTTP status, exit status) */
// clang-format off
#define GW_CODE_MAP(X)                                                     \
    X(OK,          "ok",          200, 0)   /* no error */                 \
    X(USAGE,       "usage",       400, 2)   /* the command line is wrong */ \
    X(FILE,        "file",        500, 2)   /* a faulty migrations folder */ \
    X(MIGRATION,   "migration",   500, 1)   /* a migration or event failed */ \
    X(INPUT,       "input",       400, 1)   /* malformed or refused data */ \
    X(STATE,       "state",       400, 1)   /* not allowed in this state */ \
    X(LIMIT,       "limit",       503, 1)   /* a limit was reached */      \
    X(STORE,       "store",       503, 3)   /* the store cannot be used */ \
    X(SERVER,      "server",      502, 3)   /* no answer from a server */  \
    X(SOURCE,      "source",      502, 1)   /* an import gave its source up */ \
    X(LOCKED,      "locked",      503, 3)   /* another run holds it */     \
    X(DIFFERENT,   "different",   500, 4)   /* verification: a difference */ \
    X(INTERRUPTED, "interrupted", 503, 130) /* stopped on request */
// clang-format on

typedef enum gw_code {
#define GW_CODE_ENUM(name, wire, http, exit) GW_E_##name,
    GW_CODE_MAP(GW_CODE_ENUM)
#undef GW_CODE_ENUM
        GW_CODE_COUNT
} gw_code;

#define GW_OK GW_E_OK

/** One error: what, where and what to do next, as one line of text. */
typedef struct gw_error {
    gw_code code;
    char text[2048]; /* UTF-8, no newline at the end; cut when longer */
} gw_error;

/** Fills `err` and returns `code`; `err` may be NULL. */
gw_code gw_fail(gw_error *err, gw_code code, const char *fmt, ...)
    GW_PRINTF(3, 4);

/** Puts `fmt` before the text that `err` holds; returns its code. */
gw_code gw_fail_prefix(gw_error *err, const char *fmt, ...) GW_PRINTF(2, 3);

/** Puts `fmt` after the text that `err` holds; returns its code. */
gw_code gw_fail_suffix(gw_error *err, const char *fmt, ...) GW_PRINTF(2, 3);

/** The wire name ("migration"), exit status and HTTP status of a code. */
const char *gw_code_name(gw_code code);
int gw_code_exit(gw_code code);
/** The code of a wire name; false when there is none. */
bool gw_code_find(const char *name, gw_code *out);
int gw_code_http(gw_code code);

#endif
