/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a server says. It may be any server: every member is looked
 * at before it is believed. */
#include "service/remote.h"

#include "base/json.h"

enum { REFUSED_FROM = 300, REFUSED_TO = 500, TOO_EARLY = 408, TOO_MANY = 429 };

/* ---- asking ---- */

/* A request that was refused, with what the server says about it. */
static gw_code
fail_status(gw_net *net, const char *path, const gw_net_answer *answer,
            gw_arena *arena, gw_error *err)
{
    int status = answer->status;
    gw_fields fields = {0};
    gw_slice said = {"", 0};
    bool is_final = status >= REFUSED_FROM && status < REFUSED_TO &&
                    status != TOO_EARLY && status != TOO_MANY;

    if (gw_json_object(arena, gw_buf_as_slice(&answer->body), &fields, NULL) ==
        GW_OK)
        (void)gw_member_text(arena, fields, "message", &said);
    (void)gw_fail(err, is_final ? GW_E_USAGE : GW_E_SERVER,
                  "%s%s: the server answers %d%s%.*s", gw_net_name(net), path,
                  status, said.len ? ": " : "", (int)said.len, said.at);
    if (status == 400) /* another command runs, or the like */
        return err->code = GW_E_STATE;
    if (status == 401)
        return gw_fail_suffix(err, "; give its secret with "
                                   "--auth-password-file");
    return err->code;
}

/* The object that a path answers. */
static gw_code
ask(gw_net *net, const gw_net_request *request, gw_arena *arena,
    gw_fields *fields, gw_error *err)
{
    gw_net_answer answer;
    gw_code code = gw_net_ask(net, request, &answer, err);

    if (code)
        return code;
    if (answer.status != 200) {
        code = fail_status(net, request->path, &answer, arena, err);
    } else {
        gw_slice text = gw_arena_dup(arena, gw_buf_as_slice(&answer.body));
        if (gw_json_object(arena, text, fields, NULL) != GW_OK)
            code =
                gw_fail(err, GW_E_SERVER, "%s%s: the answer is no JSON object",
                        gw_net_name(net), request->path);
    }
    gw_net_answer_clear(&answer);
    return code;
}

static gw_code
fail_sense(gw_net *net, const char *path, gw_error *err)
{
    return gw_fail(err, GW_E_SERVER,
                   "%s%s: the answer is not that of a migration server",
                   gw_net_name(net), path);
}

/* ---- the result ---- */

static gw_code
read_result(gw_net *net, gw_arena *arena, gw_remote_result *r, gw_error *err)
{
    const gw_net_request request = {.path = "/migrate/result"};
    gw_fields f = {0};
    gw_slice error;
    gw_code code = ask(net, &request, arena, &f, err);

    if (code)
        return code;
    if (!gw_member_word(arena, f, "status", r->status, sizeof(r->status)) ||
        !gw_member_word(arena, f, "step", r->step, sizeof(r->step)))
        return fail_sense(net, request.path, err);
    r->tries = gw_member_number(f, "try_count");
    if (gw_member_text(arena, f, "last_err", &error))
        gw_buf_slice(&r->error, error);
    return GW_OK;
}

gw_code
gw_remote_result_get(gw_net *net, gw_remote_result *out, gw_error *err)
{
    gw_arena arena;
    gw_remote_result result = {.tries = -1};

    gw_arena_init(&arena);
    gw_code code = read_result(net, &arena, &result, err);
    gw_arena_clear(&arena);
    if (code)
        gw_remote_result_clear(&result);
    else
        *out = result;
    return code;
}

void
gw_remote_result_clear(gw_remote_result *result)
{
    gw_buf_clear(&result->error);
}

/* ---- the progress ---- */

static gw_phase
phase_of(const char *name)
{
    for (int i = GW_PHASE_IDLE; i <= GW_PHASE_DONE; i++)
        if (strcmp(gw_phase_name((gw_phase)i), name) == 0)
            return (gw_phase)i;
    return GW_PHASE_IDLE;
}

gw_code
gw_remote_progress_get(gw_net *net, gw_remote_progress *out, gw_error *err)
{
    const gw_net_request request = {.path = "/migrate/progress"};
    gw_arena arena;
    gw_fields f = {0};
    char phase[16] = "";

    gw_arena_init(&arena);
    gw_code code = ask(net, &request, &arena, &f, err);
    if (!code) {
        (void)gw_member_word(&arena, f, "phase", phase, sizeof(phase));
        *out = (gw_remote_progress){
            .phase = phase_of(phase),
            .positions_done = gw_member_number(f, "positions_done"),
            .positions_total = gw_member_number(f, "positions_total"),
            .events_done = gw_member_number(f, "events_done"),
            .events_per_second = gw_member_number(f, "events_per_second"),
            .seconds_left = gw_member_number(f, "seconds_left"),
        };
    }
    gw_arena_clear(&arena);
    return code;
}

/* ---- the last run ---- */

static gw_code
read_run(gw_net *net, gw_arena *arena, gw_remote_run *r, gw_error *err)
{
    const gw_net_request request = {.path = "/migrate/history?limit=1"};
    gw_fields f = {0};
    gw_values runs = {0};
    gw_slice error;
    char name[16];
    gw_code code = ask(net, &request, arena, &f, err);

    if (code)
        return code;
    gw_slice list = gw_member_raw(f, "runs");
    if (!list.at || gw_json_array(arena, list, &runs, NULL) != GW_OK)
        return fail_sense(net, request.path, err);
    if (runs.n == 0)
        return GW_OK;
    if (gw_json_object(arena, runs.at[0], &f, NULL) != GW_OK ||
        !gw_member_word(arena, f, "command", r->command, sizeof(r->command)) ||
        !gw_member_word(arena, f, "result", r->result, sizeof(r->result)))
        return fail_sense(net, request.path, err);
    r->run = gw_member_number(f, "run");
    if (gw_member_word(arena, f, "code", name, sizeof(name)))
        (void)gw_code_find(name, &r->code);
    if (gw_member_text(arena, f, "error", &error))
        gw_buf_slice(&r->error, error);
    return GW_OK;
}

gw_code
gw_remote_last_run(gw_net *net, gw_remote_run *out, gw_error *err)
{
    gw_arena arena;
    gw_remote_run run = {0};

    gw_arena_init(&arena);
    gw_code code = read_run(net, &arena, &run, err);
    gw_arena_clear(&arena);
    if (code)
        gw_remote_run_clear(&run);
    else
        *out = run;
    return code;
}

void
gw_remote_run_clear(gw_remote_run *run)
{
    gw_buf_clear(&run->error);
}

/* ---- commands ---- */

gw_code
gw_remote_command(gw_net *net, const char *command, gw_error *err)
{
    gw_arena arena;
    gw_fields f = {0};
    gw_buf body = {0};

    gw_buf_printf(&body, "{\"cmd\":\"%s\"}", command);
    const gw_net_request request = {
        .path = "/internal/migrations/",
        .body = gw_buf_as_slice(&body),
    };
    gw_arena_init(&arena);
    gw_code code = ask(net, &request, &arena, &f, err);
    gw_arena_clear(&arena);
    gw_buf_clear(&body);
    return code;
}

/* ---- the manager's record ---- */

gw_code
gw_remote_manager_get(gw_net *net, gw_buf *out, gw_error *err)
{
    const gw_net_request request = {.path = "/internal/manager"};
    gw_arena arena;
    gw_fields f = {0};

    gw_arena_init(&arena);
    gw_code code = ask(net, &request, &arena, &f, err);
    gw_slice record = {0};

    if (!code)
        record = gw_member_raw(f, "manager");
    if (record.at && gw_json_kind_of(record) == GW_JSON_OBJECT)
        gw_buf_slice(out, record);
    gw_arena_clear(&arena);
    return code;
}

gw_code
gw_remote_manager_put(gw_net *net, gw_slice record, gw_error *err)
{
    const gw_net_request request = {.path = "/internal/manager",
                                    .body = record};
    gw_arena arena;
    gw_fields f = {0};

    gw_arena_init(&arena);
    gw_code code = ask(net, &request, &arena, &f, err);
    gw_arena_clear(&arena);
    return code;
}
