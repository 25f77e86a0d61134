/* SPDX-License-Identifier: Apache-2.0 */
/** The log of a server: one line per thing that happened, as logfmt or as
 *  JSON, with a time, a level, a message and fields. Not for the output of
 *  commands. Secrets are never handed to it. */
#ifndef GW_BASE_LOG_H
#define GW_BASE_LOG_H

#include "base/mem.h"

typedef enum gw_log_level {
    GW_LOG_DEBUG,
    GW_LOG_INFO,
    GW_LOG_WARN,
    GW_LOG_ERROR,
} gw_log_level;

/** Where lines go. `put` is called by any thread, with whole lines. */
typedef struct gw_log {
    bool is_json;
    gw_log_level least;
    void (*put)(void *arg, gw_slice line);
    void *put_arg;
} gw_log;

/** One key and its value; `text` NULL: the number. "": left out. */
typedef struct gw_log_field {
    const char *key;
    const char *text;
    int64_t number;
} gw_log_field;

#define GW_LOG_TEXT(key, text) ((gw_log_field){(key), (text), 0})
#define GW_LOG_INT(key, number) ((gw_log_field){(key), NULL, (number)})

/** Writes one line; `log` may be NULL. */
void gw_log_write(const gw_log *log, gw_log_level level, const char *message,
                  const gw_log_field *fields, size_t n);

/** gw_log_put(log, GW_LOG_INFO, "run started", GW_LOG_INT("run", 7)); with
 *  at least one field. */
#define gw_log_put(log, level, message, ...)                                   \
    gw_log_write(                                                              \
        (log), (level), (message), (const gw_log_field[]){__VA_ARGS__},        \
        sizeof((const gw_log_field[]){__VA_ARGS__}) / sizeof(gw_log_field))

#endif
