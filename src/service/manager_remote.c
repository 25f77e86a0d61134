/* SPDX-License-Identifier: Apache-2.0 */
/* A server as what is managed. A run that is under way already, as after a
 * crash of the manager, is watched instead of begun. */
#include <stdio.h>

#include "base/units.h"
#include "service/manager_priv.h"
#include "service/remote.h"

static bool
is_over(const gw_manage_remote *r, int64_t until_us)
{
    return atomic_load(r->stop) || gw_clock_us() >= until_us;
}

static gw_code
fail_over(gw_error *err)
{
    return gw_fail(err, GW_E_INTERRUPTED, "stopped before it ended");
}

/* The run that is waited for. */
typedef struct gw_awaited {
    const char *command;
    int64_t run;
} gw_awaited;

static bool
is_awaited(const gw_remote_run *run, const gw_awaited *awaited)
{
    return run->run == awaited->run &&
           strcmp(run->command, awaited->command) == 0;
}

/* The run of that number once it is no longer under way. Any other run in
 * its place is none of ours, and says nothing about it. */
static gw_code
wait_for_end(gw_manage_remote *r, const gw_awaited *awaited, int64_t until_us,
             gw_remote_run *out, gw_error *err)
{
    for (;;) {
        gw_code code = gw_remote_last_run(r->net, out, err);
        if (code && code != GW_E_SERVER)
            return code;
        if (!code && !is_awaited(out, awaited))
            return gw_fail(err, GW_E_STATE, "another command came after %s",
                           awaited->command);
        if (!code && strcmp(out->result, "running") != 0)
            return GW_OK;
        if (!code)
            gw_remote_run_clear(out);
        if (is_over(r, until_us))
            return fail_over(err);
        (void)gw_manage_sleep(r->stop, r->interval_ms);
    }
}

/* A server that went away may come back; what an operator cancelled is not
 * to be begun again. */
static gw_code
code_of(const gw_remote_run *run, gw_error *err)
{
    gw_code code = run->code ? run->code : GW_E_MIGRATION;

    if (strcmp(run->result, "completed") == 0)
        return GW_OK;
    if (strcmp(run->result, "interrupted") == 0)
        code = GW_E_SERVER;
    if (strcmp(run->result, "cancelled") == 0)
        return gw_fail(err, GW_E_INTERRUPTED,
                       "%s was cancelled on the server; start manage again "
                       "for a new workflow",
                       run->command);
    return gw_fail(err, code, "%.*s", (int)run->error.len,
                   run->error.len ? run->error.at : "");
}

/* Whose time is over does not want it to go on; who stops it may. */
static void
cancel_late(gw_manage_remote *r, int64_t until_us)
{
    gw_error ignored;

    if (gw_clock_us() >= until_us && !atomic_load(r->stop))
        (void)!gw_remote_command(r->net, "cancel", &ignored);
}

/* Begins the run, or finds it under way; *number is the one it has. */
static gw_code
begin(gw_manage_remote *r, const char *command, int64_t until_us,
      int64_t *number, gw_error *err)
{
    gw_remote_run last;

    for (;;) {
        gw_code code = gw_remote_last_run(r->net, &last, err);
        if (code)
            return code;
        bool is_running = strcmp(last.result, "running") == 0;
        bool is_ours = strcmp(last.command, command) == 0;
        *number = is_running ? last.run : last.run + 1;
        gw_remote_run_clear(&last);
        if (is_running && is_ours)
            return GW_OK;
        if (!is_running)
            return gw_remote_command(r->net, command, err);
        if (is_over(r, until_us))
            return fail_over(err);
        (void)gw_manage_sleep(r->stop, r->interval_ms);
    }
}

static gw_code
run(void *self, const char *command, int64_t until_us, gw_error *err)
{
    gw_manage_remote *r = self;
    gw_remote_run last = {0};
    gw_awaited awaited = {.command = command};
    gw_code code = begin(r, command, until_us, &awaited.run, err);

    if (code)
        return code;
    code = wait_for_end(r, &awaited, until_us, &last, err);
    if (!code)
        code = code_of(&last, err);
    else if (code != GW_E_STATE) /* what runs now is somebody else's */
        cancel_late(r, until_us);
    gw_remote_run_clear(&last);
    return code;
}

static gw_code
load(void *self, gw_buf *out, gw_error *err)
{
    gw_manage_remote *r = self;

    return gw_remote_manager_get(r->net, out, err);
}

static gw_code
save(void *self, const gw_manage_record *record, gw_error *err)
{
    gw_manage_remote *r = self;
    gw_buf text = {0};

    gw_manage_record_put(record, &text);
    gw_code code = gw_remote_manager_put(r->net, gw_buf_as_slice(&text), err);
    gw_buf_clear(&text);
    return code;
}

gw_manage_target
gw_manage_remote_target(gw_manage_remote *remote)
{
    return (gw_manage_target){
        .self = remote, .run = run, .load = load, .save = save};
}
