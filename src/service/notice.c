/* SPDX-License-Identifier: Apache-2.0 */
/* Telling how a workflow ended: a command of the operator's, a webhook. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/units.h"
#include "service/manager_priv.h"

enum { POLL_MS = 20 };

static const char *
result_of(const gw_manage_record *r)
{
    return r->state == GW_MANAGE_SUCCEEDED ? "success" : "failure";
}

/* ---- the command ---- */

/* Ours behind those we were given, so that ours count: who reads the first
 * of two finds none of these names before. */
static char **
make_environment(gw_arena *arena, const gw_manage_record *r)
{
    static const char PREFIX[] = "GODWIT_RESULT";
    char started[GW_TIMESTAMP_SIZE], ended[GW_TIMESTAMP_SIZE];
    size_t n = 0, have = 0;

    while (environ[have])
        have++;
    char **all = GW_ARENA_NEW(arena, char *, have + 10);
    for (size_t i = 0; i < have; i++)
        if (strncmp(environ[i], PREFIX, sizeof(PREFIX) - 1) != 0)
            all[n++] = environ[i];
    gw_units_format_time(r->started, started);
    gw_units_format_time(r->ended, ended);
    all[n++] = gw_arena_printf(arena, "GODWIT_RESULT=%s", result_of(r));
    all[n++] = gw_arena_printf(arena, "GODWIT_RESULT_ID=%s", r->id);
    all[n++] = gw_arena_printf(arena, "GODWIT_RESULT_STEP=%s", r->step);
    all[n++] = gw_arena_printf(arena, "GODWIT_RESULT_TRIES=%" PRId64, r->tries);
    all[n++] =
        gw_arena_printf(arena, "GODWIT_RESULT_CODE=%s", gw_code_name(r->code));
    all[n++] = gw_arena_printf(arena, "GODWIT_RESULT_ERROR=%s", r->error);
    all[n++] = gw_arena_printf(arena, "GODWIT_RESULT_STARTED=%s", started);
    all[n++] = gw_arena_printf(arena, "GODWIT_RESULT_ENDED=%s", ended);
    all[n] = NULL;
    return all;
}

/* A group of its own, with no signal blocked: it ends with all it started.
 * SIGPIPE, which we ignore, is what a shell expects it to be. */
static int
spawn_shell(pid_t *pid, const char *line, char **environment)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, NULL, NULL};
    gw_buf copy = {0};
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t files;
    sigset_t none, piped;

    gw_buf_text(&copy, line);
    (void)gw_buf_cstr(&copy);
    argv[2] = copy.at;
    sigemptyset(&none);
    sigemptyset(&piped);
    sigaddset(&piped, SIGPIPE);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
                                        POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attr, &piped);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
                                     O_RDONLY, 0);
    /* our standard output is for results */
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    int failure = posix_spawn(pid, "/bin/sh", &files, &attr, argv, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    gw_buf_clear(&copy);
    return failure;
}

static gw_code
wait_for(pid_t pid, const atomic_bool *stop, gw_error *err)
{
    int64_t until_us = gw_clock_us() + GW_LIMIT_NOTICE_MS * INT64_C(1000);
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        bool is_late = gw_clock_us() > until_us;
        if (gw_manage_sleep(stop, POLL_MS) && !is_late)
            continue;
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
        return gw_fail(err, is_late ? GW_E_STATE : GW_E_INTERRUPTED,
                       "the command was ended%s",
                       is_late ? ": it took too long" : " on request");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return GW_OK;
    return gw_fail(err, GW_E_STATE, "the command ended with %s %d",
                   WIFEXITED(status) ? "status" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

gw_code
gw_notice_command(const char *line, const gw_manage_record *record,
                  const atomic_bool *stop, gw_error *err)
{
    gw_arena arena;
    pid_t pid;

    gw_arena_init(&arena);
    int failure = spawn_shell(&pid, line, make_environment(&arena, record));
    gw_code code =
        failure ? gw_fail(err, GW_E_STATE, "the command cannot be started: %s",
                          strerror(failure))
                : wait_for(pid, stop, err);
    gw_arena_clear(&arena);
    return code;
}

/* ---- the webhook ---- */

/* The record, and what happened in a word. */
static void
put_body(const gw_manage_record *record, gw_buf *out)
{
    char now[GW_TIMESTAMP_SIZE];

    gw_units_format_now(now);
    gw_buf_printf(out,
                  "{\"event\":\"migration.%s\",\"result\":\"%s\","
                  "\"sent\":\"%s\",\"migration\":",
                  record->state == GW_MANAGE_SUCCEEDED ? "succeeded" : "failed",
                  result_of(record), now);
    gw_manage_record_put(record, out);
    gw_buf_printf(out, ",\"id\":\"%s\"}", record->id);
}

static gw_code
check_status(gw_net *net, int status, gw_error *err)
{
    bool is_final = status >= 300 && status < 500 && status != 408 &&
                    status != 409 && status != 425 && status != 429;

    if (status >= 200 && status < 300)
        return GW_OK;
    return gw_fail(err, is_final ? GW_E_USAGE : GW_E_SERVER,
                   "the webhook at %s answers %d", gw_net_name(net), status);
}

gw_code
gw_notice_post(gw_net *net, gw_slice secret, const gw_manage_record *record,
               gw_error *err)
{
    char hex[GW_SHA256_HEX_SIZE], signature[GW_SHA256_HEX_SIZE + 8];
    gw_buf body = {0};
    gw_net_answer answer = {0};
    const gw_net_header headers[] = {
        {"X-Godwit-Id", record->id},
        {"X-Godwit-Signature", signature},
    };

    put_body(record, &body);
    gw_sha256_hmac_hex(secret, gw_buf_as_slice(&body), hex);
    (void)snprintf(signature, sizeof(signature), "sha256=%s", hex);
    gw_net_request request = {
        .body = gw_buf_as_slice(&body),
        .headers = headers,
        .n_headers = 2,
        .status_only = true,
    };
    gw_code code = gw_net_ask(net, &request, &answer, err);
    if (!code)
        code = check_status(net, answer.status, err);
    gw_net_answer_clear(&answer);
    gw_buf_clear(&body);
    return code;
}
