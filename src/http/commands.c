/* SPDX-License-Identifier: Apache-2.0 */
/* POST /internal/migrations/: the commands. */
#include <microhttpd.h>

#include "http/http_priv.h"
#include "source/source.h"

enum {
    WAIT_MS = 100,        /* for a command to end */
    STATS_MS = 30000,     /* for rows to be counted */
    FIRST_LOOK_MS = 2000, /* for the store to be looked at at all */
    FRESH_MS = 200,       /* a state so old is good enough */
    SHOWN = 200,          /* bytes of a word from outside */
};

typedef struct gw_order {
    gw_slice cmd;
    gw_job_options options;
} gw_order;

/* ---- the answers ---- */

static bool
fail(gw_request *request, const gw_error *err)
{
    return gw_reply_error(request, gw_code_http(err->code), err->text);
}

static bool
answer(gw_request *request)
{
    gw_buf body = {0};

    gw_service_put_answer(request->http->service, false, &body);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

static bool
answer_progress(gw_request *request)
{
    gw_buf body = {0};

    gw_service_put_answer(request->http->service, true, &body);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

static bool
answer_stats(gw_request *request)
{
    gw_service *service = request->http->service;
    gw_buf body = {0};
    gw_error err = {0};

    if (!gw_service_has_probed(service, true, request->number))
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                              "The store does not answer in time");
    if (gw_service_put_stats(service, &body, &err) != GW_OK)
        return fail(request, &err);
    return gw_reply_json(request, MHD_HTTP_OK, &body);
}

/* ---- waiting ---- */

static bool
has_ended(gw_request *request)
{
    return !gw_service_is_running(request->http->service);
}

static bool
has_looked(gw_request *request)
{
    return gw_service_has_probed(request->http->service, false,
                                 request->number);
}

static bool
has_counted(gw_request *request)
{
    return gw_service_has_probed(request->http->service, true, request->number);
}

static bool
wait_for(gw_request *request, bool (*is_over)(gw_request *request),
         int64_t wait_ms, bool (*next)(gw_request *request))
{
    request->next = next;
    return gw_clock_park(request, is_over, wait_ms) || next(request);
}

/* ---- the commands ---- */

/* The token that this server has goes to no place that a client names. */
static gw_code
find_source(const char *only, char *source, gw_error *err)
{
    if (only && source[0] && strcmp(only, source) != 0)
        return gw_fail(err, GW_E_INPUT,
                       "this server imports only from the URL of its --source;"
                       " name that one, or none");
    if (only)
        memcpy(source, only, strlen(only) + 1);
    if (!source[0])
        return gw_fail(err, GW_E_INPUT, "import needs a source");
    return gw_source_check_url(source, err);
}

static gw_code
check_source(gw_service *service, const gw_job *job, gw_job_options *options,
             gw_error *err)
{
    if (job->has_source)
        return find_source(gw_service_source(service), options->source, err);
    if (options->source[0])
        return gw_fail(err, GW_E_INPUT, "source is for import");
    return GW_OK;
}

static bool
issue(gw_request *request, const gw_job *job, gw_job_options *options)
{
    gw_error err = {0};

    if (!job->may_restart && (options->restart || options->keep_migrated))
        return gw_reply_error(request, MHD_HTTP_BAD_REQUEST,
                              "restart and keep_migrated are for migrate and "
                              "finalize");
    if (check_source(request->http->service, job, options, &err) != GW_OK)
        return fail(request, &err);
    if (gw_service_issue(request->http->service, job, options, &request->number,
                         &err) != GW_OK)
        return fail(request, &err);
    return wait_for(request, has_ended, WAIT_MS, answer);
}

static bool
steer(gw_request *request, gw_control control)
{
    gw_error err = {0};

    if (gw_service_control(request->http->service, control, &err) != GW_OK)
        return fail(request, &err);
    return wait_for(request, has_ended,
                    control == GW_CONTROL_CANCEL ? WAIT_MS : 0, answer);
}

static bool
cancel(gw_request *request)
{
    return steer(request, GW_CONTROL_CANCEL);
}

static bool
pause_run(gw_request *request)
{
    return steer(request, GW_CONTROL_PAUSE);
}

static bool
resume_run(gw_request *request)
{
    return steer(request, GW_CONTROL_RESUME);
}

static bool
progress(gw_request *request)
{
    gw_service *service = request->http->service;
    int64_t age_ms = gw_service_state_age_ms(service);

    if (gw_service_is_running(service) || (age_ms >= 0 && age_ms <= FRESH_MS))
        return answer_progress(request);
    request->number = gw_service_ask(service, false);
    return wait_for(request, has_looked, age_ms < 0 ? FIRST_LOOK_MS : WAIT_MS,
                    answer_progress);
}

static bool
stats(gw_request *request)
{
    gw_service *service = request->http->service;

    if (gw_service_is_running(service))
        return gw_reply_error(
            request, MHD_HTTP_BAD_REQUEST,
            "Migration is running, only 'progress' command is allowed");
    request->number = gw_service_ask(service, true);
    return wait_for(request, has_counted, STATS_MS, answer_stats);
}

static const struct {
    const char *name;
    bool (*handle)(gw_request *request);
} COMMANDS[] = {
    {"progress", progress}, {"stats", stats},       {"cancel", cancel},
    {"pause", pause_run},   {"resume", resume_run},
};

/* ---- what was asked ---- */

static gw_code
read_source(gw_arena *arena, gw_slice value, gw_order *out, gw_error *err)
{
    char *to = out->options.source;

    if (gw_json_kind_of(value) != GW_JSON_STRING)
        return gw_fail(err, GW_E_INPUT, "source must be a string");
    gw_slice text = gw_json_string(arena, value);
    if (text.len > GW_LIMIT_SOURCE_URL)
        return gw_fail(err, GW_E_INPUT, "source is longer than %d bytes",
                       GW_LIMIT_SOURCE_URL);
    memcpy(to, text.at, text.len);
    to[text.len] = '\0';
    return GW_OK;
}

/* One member; those that nobody knows are passed over. */
static gw_code
read_member(gw_arena *arena, const gw_field *field, gw_order *out,
            gw_error *err)
{
    const struct {
        const char *name;
        bool *to;
    } FLAGS[] = {
        {"verbose", &out->options.verbose},
        {"restart", &out->options.restart},
        {"keep_migrated", &out->options.keep_migrated},
    };
    gw_json_kind kind = gw_json_kind_of(field->value);

    if (gw_slice_equal(field->key, GW_LIT("cmd"))) {
        if (kind != GW_JSON_STRING)
            return gw_fail(err, GW_E_INPUT, "cmd must be a string");
        out->cmd = gw_json_string(arena, field->value);
    }
    if (gw_slice_equal(field->key, GW_LIT("source")))
        return read_source(arena, field->value, out, err);
    for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++) {
        if (!gw_slice_equal(field->key, gw_slice_of(FLAGS[i].name)))
            continue;
        if (kind != GW_JSON_BOOL)
            return gw_fail(err, GW_E_INPUT, "%s must be a boolean",
                           FLAGS[i].name);
        *FLAGS[i].to = field->value.at[0] == 't';
    }
    return GW_OK;
}

static gw_code
read_order(gw_arena *arena, gw_slice body, gw_order *out, gw_error *err)
{
    gw_fields fields;
    gw_code code = gw_json_object(arena, body, &fields, err);

    for (size_t i = 0; !code && i < fields.n; i++)
        code = read_member(arena, &fields.at[i], out, err);
    if (code)
        return code;
    if (out->cmd.len == 0)
        return gw_fail(err, GW_E_INPUT, "No command provided");
    if (out->options.restart && out->options.keep_migrated)
        return gw_fail(err, GW_E_INPUT,
                       "restart and keep_migrated cannot both be true");
    return GW_OK;
}

static bool
obey(gw_request *request, gw_order *order)
{
    const gw_job *job = gw_job_find(order->cmd);
    gw_error err = {0};
    int shown = order->cmd.len > SHOWN ? SHOWN : (int)order->cmd.len;

    if (job)
        return issue(request, job, &order->options);
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
        if (gw_slice_equal(order->cmd, gw_slice_of(COMMANDS[i].name)))
            return COMMANDS[i].handle(request);
    (void)gw_fail(&err, GW_E_INPUT, "Unknown command: %.*s", shown,
                  order->cmd.at);
    return fail(request, &err);
}

bool
gw_commands_handle(gw_request *request)
{
    gw_arena arena;
    gw_order order = {0};
    gw_error err = {0};
    bool is_answered;

    gw_arena_init(&arena);
    if (read_order(&arena, gw_buf_as_slice(&request->body), &order, &err))
        is_answered = fail(request, &err);
    else
        is_answered = obey(request, &order);
    gw_arena_clear(&arena);
    return is_answered;
}
