/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the service and its HTTP interface, until a signal ends it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/notify_priv.h"
#include "cli/session_priv.h"
#include "cli/version_priv.h"
#include "http/http.h"
#include "source/source.h"

enum {
    POLL_US = 50000,
    STOP_MS = 4000, /* for the batch under way to commit */
    CLOSE_MS = 300,
    STATUS_MS = 1000, /* from one word to systemd to the next */
};

static void
put_log(void *arg, gw_slice line)
{
    gw_output_log(arg, line);
}

/* ---- the state folder ---- */

static const char *
variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

/* The path of an SQLite store; NULL for others. */
static const char *
sqlite_path(const char *uri)
{
    if (strncmp(uri, "sqlite:", 7) == 0)
        return uri + 7;
    return strstr(uri, "://") ? NULL : uri;
}

static gw_code
put_state_dir(const gw_session *s, const char *uri, gw_buf *out, gw_error *err)
{
    const char *given = gw_options_text(s->options, GW_OPTION_STATE_DIR);
    const char *systemd = variable("STATE_DIRECTORY");
    const char *state = variable("XDG_STATE_HOME"), *home = variable("HOME");

    if (given)
        gw_buf_text(out, given);
    else if (systemd) /* several are parted by colons */
        gw_buf_add(out, systemd, strcspn(systemd, ":"));
    else if (sqlite_path(uri))
        gw_buf_printf(out, "%s-godwit-state", sqlite_path(uri));
    else if (state)
        gw_buf_printf(out, "%s/godwit", state);
    else if (home)
        gw_buf_printf(out, "%s/.local/state/godwit", home);
    else
        return gw_fail(err, GW_E_USAGE,
                       "no state folder; give --state-dir DIR");
    return GW_OK;
}

/* ---- the server ---- */

/* A client of ours is not to say where the source's token goes. */
static gw_code
check_source(const gw_options *o, gw_error *err)
{
    const char *source = gw_options_text(o, GW_OPTION_SOURCE);

    if (source && strlen(source) > GW_LIMIT_SOURCE_URL)
        return gw_fail(err, GW_E_USAGE, "--source is longer than %d bytes",
                       GW_LIMIT_SOURCE_URL);
    if (source)
        return gw_source_check_url(source, err);
    if (!gw_options_text(o, GW_OPTION_TOKEN_FILE))
        return GW_OK;
    return gw_fail(err, GW_E_USAGE,
                   "--token-file needs --source URL, the only server that "
                   "the token may go to");
}

static gw_code
open_service(gw_session *s, const char *uri, const char *state_dir,
             const gw_log *log, gw_service **out, gw_error *err)
{
    const gw_options *o = s->options;
    int64_t lua_ms = gw_options_number(o, GW_OPTION_LUA_TIMEOUT);
    gw_service_options options = {
        .store = uri,
        .migrations = gw_options_text(o, GW_OPTION_MIGRATIONS),
        .state_dir = state_dir,
        .limits =
            {
                .lua_memory_bytes =
                    (size_t)gw_options_number(o, GW_OPTION_LUA_MEMORY),
                .lua_seconds = (int)((lua_ms + 999) / 1000),
            },
        .batch_bytes = (size_t)gw_options_number(o, GW_OPTION_BATCH),
        .memory_bytes = (size_t)gw_options_number(o, GW_OPTION_MEMORY),
        .keyframe_events = gw_options_number(o, GW_OPTION_KEYFRAME_EVENTS),
        .lock_wait_ms = (int)gw_options_number(o, GW_OPTION_LOCK_WAIT),
        .source = gw_options_text(o, GW_OPTION_SOURCE),
        .token_file = gw_options_text(o, GW_OPTION_TOKEN_FILE),
        .tls_ca = gw_options_text(o, GW_OPTION_TLS_CA),
        .allow_plaintext = gw_options_flag(o, GW_OPTION_ALLOW_PLAINTEXT),
        .log = log,
    };

    return gw_service_open(&options, out, err);
}

static gw_code
open_http(const gw_session *s, gw_service *service, const char *state_dir,
          const gw_log *log, gw_http **out, gw_error *err)
{
    const gw_options *o = s->options;
    gw_http_options options = {
        .service = service,
        .listen = gw_options_text(o, GW_OPTION_LISTEN),
        .tls_cert = gw_options_text(o, GW_OPTION_TLS_CERT),
        .tls_key = gw_options_text(o, GW_OPTION_TLS_KEY),
        .secret_file = gw_options_text(o, GW_OPTION_AUTH_PASSWORD_FILE),
        .state_dir = state_dir,
        .hosts = gw_options_text(o, GW_OPTION_ALLOW_HOST),
        .allow_plaintext = gw_options_flag(o, GW_OPTION_ALLOW_PLAINTEXT),
        .protect_status = gw_options_flag(o, GW_OPTION_PROTECT_STATUS),
        .log = log,
    };

    return gw_http_open(&options, out, err);
}

/* ---- systemd ---- */

/* What `systemctl status` shows. */
static void
put_status(gw_service *service, gw_buf *out)
{
    gw_service_view v;

    gw_service_look(service, &v);
    gw_buf_text(out, "STATUS=");
    if (v.is_running)
        gw_buf_printf(out, "%s%s", gw_phase_name(v.phase),
                      v.is_paused ? ", paused" : "");
    else
        gw_buf_text(out, v.has_state ? gw_migration_state_name(v.state)
                                     : "the store's state is not known");
    gw_buf_byte(out, '\n');
}

/* The status when it is another, and a sign of life. */
static void
tell_systemd(gw_service *service, const gw_http *http, gw_buf *last)
{
    gw_buf now = {0};

    put_status(service, &now);
    if (gw_slice_equal(gw_buf_as_slice(&now), gw_buf_as_slice(last))) {
        gw_buf_clear(&now);
    } else {
        gw_buf_clear(last);
        *last = now;
        (void)gw_notify_send(gw_buf_cstr(last));
    }
    if (gw_http_is_alive(http))
        (void)gw_notify_send("WATCHDOG=1");
}

static void
serve_until_stopped(gw_session *s, gw_service *service, const gw_http *http)
{
    int64_t watchdog_ms = gw_notify_watchdog_ms();
    int64_t wait_ms = watchdog_ms > 0 && watchdog_ms / 3 < STATUS_MS
                          ? watchdog_ms / 3
                          : STATUS_MS;
    gw_buf status = {0};

    do
        tell_systemd(service, http, &status);
    while (gw_session_sleep(s, wait_ms));
    gw_buf_clear(&status);
}

/* Serves until it is to stop, and then lets the batch commit. */
static void
serve(gw_session *s, gw_service *service, gw_http *http, const gw_log *log)
{
    gw_log_put(log, GW_LOG_INFO, "listening",
               GW_LOG_TEXT("address", gw_http_address(http)),
               GW_LOG_TEXT("version", GW_VERSION));
    if (!gw_notify_send("READY=1"))
        gw_log_put(log, GW_LOG_WARN, "systemd cannot be told",
                   GW_LOG_TEXT("err", strerror(errno)));
    serve_until_stopped(s, service, http);
    gw_log_put(log, GW_LOG_INFO, "stopping",
               GW_LOG_INT("running", gw_service_is_running(service)));
    (void)gw_notify_send("STOPPING=1");
    gw_http_refuse(http);
    gw_service_stop(service);
    for (int ms = 0; gw_service_is_running(service) && ms < STOP_MS;
         ms += POLL_US / 1000)
        usleep(POLL_US);
}

/* A thread that waits for the store must not keep us: what it did is not
 * committed, and the journal says that it was under way. */
static void
close_service(gw_service *service, const gw_log *log)
{
    if (gw_service_close(service, CLOSE_MS))
        return;
    gw_log_put(log, GW_LOG_WARN, "the store does not answer; ending anyway",
               GW_LOG_INT("waited_ms", STOP_MS));
    _exit(EXIT_SUCCESS);
}

static gw_code
run(gw_session *s, const char *uri, const char *state_dir, const gw_log *log,
    gw_error *err)
{
    gw_service *service;
    gw_http *http;
    gw_code code = open_service(s, uri, state_dir, log, &service, err);

    if (code)
        return code;
    code = open_http(s, service, state_dir, log, &http, err);
    if (!code) {
        serve(s, service, http, log);
        gw_http_close(http);
    }
    close_service(service, log);
    return code;
}

static gw_log_level
log_level(const gw_output *output)
{
    if (output->is_quiet)
        return GW_LOG_WARN;
    return output->is_verbose ? GW_LOG_DEBUG : GW_LOG_INFO;
}

gw_code
gw_cmd_serve(gw_session *session, gw_error *err)
{
    gw_output *output = session->output;
    gw_log log = {
        .is_json = output->is_log_json,
        .least = log_level(output),
        .put = put_log,
        .put_arg = output,
    };
    gw_buf uri = {0}, state_dir = {0};
    gw_code code = check_source(session->options, err);

    if (!code)
        code = gw_store_uri_put(&uri, session->options, err);
    if (!code)
        code = put_state_dir(session, gw_buf_cstr(&uri), &state_dir, err);
    if (!code)
        code = run(session, uri.at, gw_buf_cstr(&state_dir), &log, err);
    if (uri.at)
        explicit_bzero(uri.at, uri.len);
    gw_buf_clear(&uri);
    gw_buf_clear(&state_dir);
    return code;
}
