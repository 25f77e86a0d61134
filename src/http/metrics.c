/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: Prometheus text. What is not known has no sample. */
#include <dirent.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "http/http_priv.h"

/* a description, then samples */
static void
describe(gw_buf *out, const char *name, const char *type, const char *help)
{
    gw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put(gw_buf *out, const char *name, const char *labels, int64_t value)
{
    if (value >= 0)
        gw_buf_printf(out, "%s%s %" PRId64 "\n", name, labels, value);
}

static void
put_one(gw_buf *out, const char *name, const char *type, const char *help,
        int64_t value)
{
    describe(out, name, type, help);
    put(out, name, "", value);
}

static void
put_states(gw_buf *out, const gw_service_view *v)
{
    static const gw_migration_state STATES[] = {
        GW_STATE_NO_MIGRATION_REQUIRED,
        GW_STATE_MIGRATION_REQUIRED,
        GW_STATE_FINALIZATION_REQUIRED,
    };
    char labels[80];

    describe(out, "godwit_migration_state", "gauge",
             "1 for the state that the store is in.");
    put(out, "godwit_migration_state", "{state=\"migration_running\"}",
        v->is_running);
    for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++) {
        (void)snprintf(labels, sizeof(labels), "{state=\"%s\"}",
                       gw_migration_state_name(STATES[i]));
        put(out, "godwit_migration_state", labels,
            !v->is_running && v->has_state && v->state == STATES[i]);
    }
}

static void
put_errors(gw_buf *out, const gw_service_view *v)
{
    char labels[48];

    describe(out, "godwit_errors_total", "counter",
             "Commands that failed, by the kind of error.");
    for (int code = GW_OK + 1; code < GW_CODE_COUNT; code++) {
        (void)snprintf(labels, sizeof(labels), "{code=\"%s\"}",
                       gw_code_name((gw_code)code));
        put(out, "godwit_errors_total", labels, v->errors[code]);
    }
}

static void
put_service(gw_buf *out, const gw_service_view *v)
{
    describe(out, "godwit_position", "gauge", "Newest position of a stage.");
    put(out, "godwit_position", "{stage=\"source_head\"}", v->newest_position);
    put(out, "godwit_position", "{stage=\"committed\"}", v->migrated_position);
    put_one(out, "godwit_lag_positions", "gauge",
            "Positions that are not migrated yet.", v->lag_positions);
    put_one(out, "godwit_events_read_total", "counter",
            "Events read by commands since the server started.",
            v->events_read);
    put_one(out, "godwit_events_per_second", "gauge",
            "Events migrated a second, over the last five.",
            v->events_per_second);
    put_one(out, "godwit_eta_seconds", "gauge",
            "Seconds until the command ends at this rate.", v->seconds_left);
    describe(out, "godwit_finalize_blocked_writes_seconds", "gauge",
             "How long the last cutover locked out writers.");
    if (v->cutover_us >= 0)
        gw_buf_printf(out, "godwit_finalize_blocked_writes_seconds %.6f\n",
                      (double)v->cutover_us / 1e6);
    put_one(out, "godwit_paused", "gauge", "1 while a command is paused.",
            v->is_paused);
    put_one(out, "godwit_store_up", "gauge",
            "1 when the store answered the last time.", v->is_store_ok);
    describe(out, "godwit_runs_total", "counter",
             "Commands that ended since the server started.");
    put(out, "godwit_runs_total", "{result=\"completed\"}", v->runs_completed);
    put(out, "godwit_runs_total", "{result=\"failed\"}", v->runs_failed);
    put_one(out, "godwit_retries_total", "counter",
            "Commands that tried again what had failed.", v->retries);
    put_errors(out, v);
}

static void
put_http(gw_buf *out, gw_http *http)
{
    char labels[32];

    describe(out, "godwit_http_requests_total", "counter",
             "Answers by class of status.");
    for (int i = 2; i < GW_STATUS_CLASSES; i++) {
        (void)snprintf(labels, sizeof(labels), "{code=\"%dxx\"}", i);
        put(out, "godwit_http_requests_total", labels,
            atomic_load(&http->requests[i]));
    }
    put_one(out, "godwit_http_auth_failures_total", "counter",
            "Requests with wrong or missing credentials.",
            atomic_load(&http->auth_failures));
    put_one(out, "godwit_http_timeouts_total", "counter",
            "Connections closed because a request took too long.",
            atomic_load(&http->timeouts));
    put_one(out, "godwit_http_event_streams", "gauge",
            "Event streams that are open.", atomic_load(&http->streams));
    pthread_mutex_lock(&http->peer_lock);
    int64_t n_peers = http->n_peers;
    pthread_mutex_unlock(&http->peer_lock);
    put_one(out, "godwit_http_connections", "gauge",
            "Connections that are open.", n_peers);
}

/* The second number of /proc/self/statm, in pages; -1 when unknown. */
static int64_t
resident_bytes(void)
{
    char text[128], *at = text;
    FILE *file = fopen("/proc/self/statm", "re");
    size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    if (file)
        fclose(file);
    text[n] = '\0';
    (void)strtoll(text, &at, 10);
    if (at == text)
        return -1;
    return (int64_t)strtoll(at, NULL, 10) * sysconf(_SC_PAGESIZE);
}

/* Not the one that counts them. */
static int64_t
count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t n = -1;

    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void
put_process(gw_buf *out, const gw_http *http)
{
    struct rusage usage;
    struct rlimit limit;

    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        double cpu =
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        describe(out, "process_cpu_seconds_total", "counter",
                 "Processor time in seconds.");
        gw_buf_printf(out, "process_cpu_seconds_total %.3f\n", cpu);
    }
    put_one(out, "process_start_time_seconds", "gauge",
            "When the server began, in Unix seconds.", http->started);
    put_one(out, "process_open_fds", "gauge", "Files that are open.",
            count_files());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put_one(out, "process_max_fds", "gauge", "Files that may be open.",
                (int64_t)limit.rlim_cur);
    put_one(out, "process_resident_memory_bytes", "gauge",
            "Memory that is in use, in bytes.", resident_bytes());
}

bool
gw_metrics_handle(gw_request *request)
{
    gw_service_view view;
    gw_buf out = {0};

    gw_service_look(request->http->service, &view);
    describe(&out, "godwit_build_info", "gauge", "The version; always 1.");
    put(&out, "godwit_build_info", "{version=\"" GW_VERSION "\"}", 1);
    put_states(&out, &view);
    put_service(&out, &view);
    put_http(&out, request->http);
    put_process(&out, request->http);
    return gw_reply_text(request, "text/plain; version=0.0.4; charset=utf-8",
                         &out);
}
