/* SPDX-License-Identifier: Apache-2.0 */
/* Formats lines of the log. Values come from outside: control characters
 * never get into a line. */
#include "base/log.h"

#include <time.h>

#include "base/json.h"

static const char *const LEVELS[] = {
    [GW_LOG_DEBUG] = "debug",
    [GW_LOG_INFO] = "info",
    [GW_LOG_WARN] = "warn",
    [GW_LOG_ERROR] = "error",
};

static void
put_now(gw_buf *line)
{
    struct timespec now;
    struct tm utc;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    gw_buf_printf(line, "%s.%03dZ", text, (int)(now.tv_nsec / 1000000));
}

static bool
is_bare(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '=' || *at == '\\')
            return false;
    return *text != '\0';
}

/* A JSON string reads as a quoted value of logfmt too. */
static void
put_text(const gw_log *log, gw_buf *line, const char *text)
{
    if (!log->is_json && is_bare(text))
        gw_buf_text(line, text);
    else
        gw_json_put_text(line, gw_slice_of(text));
}

static void
put_key(const gw_log *log, gw_buf *line, const char *key)
{
    bool is_first = line->len == 0;

    if (log->is_json)
        gw_buf_printf(line, "%s\"%s\":", is_first ? "{" : ",", key);
    else
        gw_buf_printf(line, "%s%s=", is_first ? "" : " ", key);
}

void
gw_log_write(const gw_log *log, gw_log_level level, const char *message,
             const gw_log_field *fields, size_t n)
{
    gw_buf line = {0};

    if (!log || level < log->least)
        return;
    put_key(log, &line, "ts");
    if (log->is_json)
        gw_buf_byte(&line, '"');
    put_now(&line);
    if (log->is_json)
        gw_buf_byte(&line, '"');
    put_key(log, &line, "level");
    put_text(log, &line, LEVELS[level]);
    put_key(log, &line, "msg");
    put_text(log, &line, message);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].text && !*fields[i].text)
            continue;
        put_key(log, &line, fields[i].key);
        if (fields[i].text)
            put_text(log, &line, fields[i].text);
        else
            gw_buf_int(&line, fields[i].number);
    }
    gw_buf_text(&line, log->is_json ? "}\n" : "\n");
    log->put(log->put_arg, gw_buf_as_slice(&line));
    gw_buf_clear(&line);
}
