/* SPDX-License-Identifier: Apache-2.0 */
/* Opens store and migrations for a command, and carries its output. */
#include "cli/session_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "service/manager.h"

/* The engine's output. In text it is the command's result, unless that is a
 * stream of its own; in JSON it becomes a member of the result. */
static void
take_line(void *arg, gw_slice line)
{
    gw_session *s = arg;
    gw_output *o = s->output;

    if (s->command->needs & GW_NEED_RAW) {
        gw_output_note(o, "%.*s", GW_FMT(line));
    } else if (!o->is_json) {
        gw_output_line(o, line);
    } else {
        pthread_mutex_lock(&o->lock);
        s->is_cut |= s->lines.len + line.len > (size_t)GW_LIMIT_JSON_OUTPUT;
        if (!s->is_cut) {
            gw_buf_slice(&s->lines, line);
            gw_buf_byte(&s->lines, '\n');
        }
        pthread_mutex_unlock(&o->lock);
    }
}

static gw_code
open_store(gw_session *s, gw_error *err)
{
    unsigned needs = s->command->needs;
    gw_store_options options = {
        .create = (needs & GW_NEED_CREATE) != 0,
        .read_only = (needs & GW_NEED_READ_ONLY) != 0,
        .lock_wait_ms = (int)gw_options_number(s->options, GW_OPTION_LOCK_WAIT),
    };
    gw_buf uri = {0};
    gw_code code = gw_store_uri_put(&uri, s->options, err);

    if (!code)
        code = gw_store_open(gw_buf_cstr(&uri), &options, &s->store, err);
    if (uri.at)
        explicit_bzero(uri.at, uri.len);
    gw_buf_clear(&uri);
    if (!code)
        gw_output_detail(s->output, "store: %s", gw_store_name(s->store));
    return code;
}

static gw_code
open_migrations(gw_session *s, gw_error *err)
{
    const char *folder = gw_options_text(s->options, GW_OPTION_MIGRATIONS);
    int64_t ms = gw_options_number(s->options, GW_OPTION_LUA_TIMEOUT);
    gw_migration_limits limits = {
        .lua_memory_bytes =
            (size_t)gw_options_number(s->options, GW_OPTION_LUA_MEMORY),
        .lua_seconds = (int)((ms + 999) / 1000),
    };
    gw_code code = gw_migrations_open(folder, &limits, &s->migrations, err);

    if (code)
        return code;
    s->run.migrations = &s->migrations;
    gw_output_detail(s->output, "migrations: %s, %zu of them", folder,
                     s->migrations.n);
    return GW_OK;
}

static bool
wants_migrations(const gw_session *s)
{
    unsigned needs = s->command->needs;
    const char *folder = gw_options_text(s->options, GW_OPTION_MIGRATIONS);

    if (needs & GW_NEED_MIGRATIONS)
        return true;
    /* a folder that was named must be there, the default one need not */
    return (needs & GW_NEED_MIGRATIONS_IF_ANY) != 0 &&
           (gw_options_flag(s->options, GW_OPTION_MIGRATIONS) ||
            access(folder, F_OK) == 0);
}

static bool
wants_store(const gw_session *s)
{
    unsigned needs = s->command->needs;

    return (needs & GW_NEED_STORE) != 0 ||
           ((needs & GW_NEED_STORE_IF_NAMED) != 0 &&
            gw_options_flag(s->options, GW_OPTION_STORE));
}

gw_code
gw_session_open(gw_session *session, gw_error *err)
{
    const gw_options *o = session->options;
    gw_code code = GW_OK;

    /* faulty migrations are told before anything is touched */
    if (wants_migrations(session))
        code = open_migrations(session, err);
    if (!code && wants_store(session))
        code = open_store(session, err);
    if (code)
        return code;

    gw_run *run = &session->run;
    run->store = session->store;
    run->counters = &session->counters;
    run->stop = &session->stop;
    run->print = take_line;
    run->print_arg = session;
    run->verbose = session->output->is_verbose;
    run->restart = gw_options_flag(o, GW_OPTION_RESTART);
    run->keep_migrated = gw_options_flag(o, GW_OPTION_KEEP_MIGRATED);
    run->batch_bytes = (size_t)gw_options_number(o, GW_OPTION_BATCH);
    run->memory_bytes = (size_t)gw_options_number(o, GW_OPTION_MEMORY);
    run->keyframe_events = gw_options_number(o, GW_OPTION_KEYFRAME_EVENTS);
    return GW_OK;
}

static void
close_both(gw_session *s)
{
    if (s->store)
        gw_store_close(s->store);
    if (s->run.migrations)
        gw_migrations_close(&s->migrations);
    s->run.store = s->store = NULL;
    s->run.migrations = NULL;
}

gw_code
gw_session_reopen(gw_session *session, gw_error *err)
{
    close_both(session);
    gw_code code = open_migrations(session, err);
    if (!code)
        code = open_store(session, err);
    session->run.store = session->store;
    return code;
}

void
gw_session_close(gw_session *session)
{
    close_both(session);
    gw_buf_clear(&session->lines);
}

bool
gw_session_sleep(gw_session *session, int64_t ms)
{
    return gw_manage_sleep(&session->stop, ms);
}

static void
put_status(gw_buf *object, gw_session *s)
{
    gw_stats stats;
    gw_error ignored;

    /* a store in disorder has no state: that is in the exception */
    if (s->store && s->run.migrations &&
        gw_stats_get(&s->run, &stats, &ignored) == GW_OK)
        gw_buf_printf(object, "\"%s\"", gw_migration_state_name(stats.status));
    else
        gw_buf_text(object, "null");
}

void
gw_session_put_result(gw_session *session, gw_code code, const gw_error *error)
{
    gw_buf object = {0};

    if (session->is_cut)
        gw_buf_text(&session->lines, "(more output was left out)\n");
    gw_buf_text(&object, "{\"success\":true,\"status\":");
    put_status(&object, session);
    gw_buf_text(&object, ",\"output\":");
    gw_text_put_json(&object, gw_buf_as_slice(&session->lines));
    if (code) {
        gw_buf_text(&object, ",\"exception\":");
        gw_text_put_json(&object, gw_slice_of(error->text));
    }
    gw_buf_text(&object, "}\n");
    gw_output_write(session->output, gw_buf_as_slice(&object));
    gw_buf_clear(&object);
}
