/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and their tries. An answer of any status is an answer of the
 * server's; what to do about it is decided here: take it, ask again, or end
 * the import. */
#include "source/ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/secret.h"
#include "base/units.h"

enum {
    PARALLEL = 20,
    TIMEOUT_MS = 30000,
    GIVE_UP_MS = 30 * 60000,
    WHOLE_TIMES = 10, /* of the timeout, for a whole answer */
    FIRST_PAUSE_MS = 100,
    LONGEST_PAUSE_MS = 10000,
    LONGEST_ASKED_MS = 300000, /* by Retry-After */
    REFUSALS = 3,              /* until a refusal is believed */
    LOOK_MS = 100,
    CONTROL_TRIES = 3, /* of a question about the source itself */
    SHOWN = 200,       /* bytes of an answer, in a message */
};

/* ---- opening ---- */

static gw_code
read_token(const char *path, gw_buf *out, gw_error *err)
{
    gw_code code = gw_secret_read(path, out, err);

    if (code != GW_OK)
        return code;
    if (strcspn(gw_buf_cstr(out), "\r\n") != out->len)
        return gw_fail(err, GW_E_USAGE,
                       "the secret's file %s: a token is one line", path);
    return GW_OK;
}

static int64_t
or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

gw_code
gw_asker_open(gw_asker *asker, gw_importing *im, gw_error *err)
{
    const gw_import_options *o = im->options;
    int64_t timeout_ms = or_default(o->timeout_ms, TIMEOUT_MS);
    gw_code code = GW_OK;

    asker->im = im;
    asker->seed = (uint64_t)gw_clock_us() | 1;
    if (!o->url)
        return gw_fail(err, GW_E_USAGE, "no source; give --source URL");
    code = gw_source_check_url(o->url, err);
    if (code != GW_OK)
        return code;
    if (o->token_file)
        code = read_token(o->token_file, &asker->token, err);
    if (code != GW_OK)
        return code;
    gw_fetch_options options = {
        .net = {.url = o->url,
                .ca_file = o->ca_file,
                .allow_plaintext = o->allow_plaintext,
                .connect_ms = timeout_ms,
                .timeout_ms = timeout_ms * WHOLE_TIMES,
                .idle_ms = timeout_ms,
                .answer_bytes = GW_LIMIT_SOURCE_ANSWER},
        .parallel = (size_t)or_default(o->parallel, PARALLEL),
        .per_second = (double)o->rate,
    };
    code = gw_fetch_open(&options, &asker->fetch, err);
    if (code == GW_OK && asker->token.at && !o->allow_plaintext)
        code = gw_fetch_check_secret(asker->fetch, err);
    return code;
}

size_t
gw_asker_most(const gw_asker *asker)
{
    return (size_t)or_default(asker->im->options->parallel, PARALLEL) * 3 / 2 +
           1;
}

void
gw_asker_close(gw_asker *asker)
{
    gw_fetch_close(asker->fetch);
    gw_secret_wipe(&asker->token);
    *asker = (gw_asker){0};
}

gw_code
gw_source_check_url(const char *url, gw_error *err)
{
    const gw_net_options options = {.url = url};
    gw_net *net = NULL;

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return gw_fail(err, GW_E_USAGE,
                       "the source's URL is http://host:port or https://host");
    gw_code code = gw_net_open(&options, &net, err);
    gw_net_close(net);
    return code;
}

/* ---- tries ---- */

static uint64_t
random_of(gw_asker *a)
{
    a->seed ^= a->seed << 13;
    a->seed ^= a->seed >> 7;
    a->seed ^= a->seed << 17;
    return a->seed;
}

int64_t
gw_ask_pause_ms(int64_t tries, uint64_t random)
{
    int64_t most = LONGEST_PAUSE_MS;

    if (tries < 1)
        tries = 1;
    if (tries < 8 && (int64_t)FIRST_PAUSE_MS << (tries - 1) < most)
        most = (int64_t)FIRST_PAUSE_MS << (tries - 1);
    return most / 2 + (int64_t)(random % (uint64_t)(most / 2 + 1));
}

static void
queue(gw_asker *a, gw_ask *ask, int64_t pause_ms)
{
    gw_fetch_item *item = &ask->item;

    if (ask->again)
        ask->again(ask->again_arg);
    item->request.path = gw_buf_cstr(&ask->path);
    item->request.body =
        ask->body.at ? gw_buf_as_slice(&ask->body) : (gw_slice){0};
    item->request.headers = &ask->header;
    item->request.n_headers = a->token.at ? 1 : 0;
    ask->header = (gw_net_header){"token", a->token.at};
    item->timeout_ms = ask->is_long ? -1 : 0;
    item->not_before_us = pause_ms ? gw_clock_us() + pause_ms * 1000 : 0;
    ask->has_nul = false;
    ask->state = GW_ASK_WAITING;
    gw_fetch_add(a->fetch, item);
}

void
gw_ask_send(gw_asker *asker, gw_ask *ask)
{
    ask->tries = ask->refusals = 0;
    ask->failing_since_us = 0;
    queue(asker, ask, 0);
}

/* "POST /migrate/topics (slot 17): " */
static void
put_name(const gw_ask *ask, gw_buf *out)
{
    size_t path = 0;

    while (path < ask->path.len && ask->path.at[path] != '?')
        path++;
    gw_buf_printf(out, "%s %.*s", ask->body.at ? "POST" : "GET", (int)path,
                  ask->path.at);
    if (ask->label.len)
        gw_buf_printf(out, " (%.*s)", GW_FMT(gw_buf_as_slice(&ask->label)));
    gw_buf_text(out, ": ");
}

/* A server may repeat what it was sent. What it says by itself is known. */
static bool
repeats_token(const gw_asker *a, gw_slice text)
{
    return a->token.at && !(a->is_final && a->is_final(text)) &&
           memmem(text.at, text.len, a->token.at, a->token.len);
}

/* The message of an error's body, or the beginning of the body. */
static void
read_message(const gw_asker *a, gw_ask *ask)
{
    gw_slice body = gw_ask_body(ask);
    gw_fields fields;
    gw_error ignored;
    ptrdiff_t at = -1;

    gw_arena_reset(&ask->arena);
    ask->message.len = 0;
    if (gw_json_object(&ask->arena, body, &fields, &ignored) == GW_OK)
        at = gw_fields_find(fields, GW_LIT("msg"));
    if (at >= 0 && gw_json_kind_of(fields.at[at].value) == GW_JSON_STRING)
        body = gw_json_string(&ask->arena, fields.at[at].value);
    if (repeats_token(a, body))
        return;
    if (body.len > SHOWN)
        body.len = SHOWN;
    for (size_t i = 0; i < body.len; i++)
        gw_buf_byte(&ask->message,
                    (unsigned char)body.at[i] < ' ' ? ' ' : body.at[i]);
    (void)gw_buf_cstr(&ask->message);
}

static const struct {
    int status;
    const char *text;
} STATUSES[] = {
    {400, "bad request"},       {401, "unauthorized"},
    {403, "forbidden"},         {404, "not found"},
    {429, "too many requests"}, {500, "internal server error"},
    {502, "bad gateway"},       {503, "service unavailable"},
    {504, "gateway timeout"},
};

/* What went wrong with the latest try: "500 internal server error". */
static void
put_cause(const gw_ask *ask, const char *why, gw_buf *out)
{
    const gw_fetch_item *item = &ask->item;
    const char *text = "unexpected status";

    if (why || item->code) {
        gw_buf_text(out, why ? why : item->err.text);
        return;
    }
    for (size_t i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++)
        if (STATUSES[i].status == item->answer.status)
            text = STATUSES[i].text;
    if (!ask->message.len)
        gw_buf_printf(out, "%d %s", item->answer.status, text);
    else if (ask->message.len > 3 && memcmp(ask->message.at, "404", 3) == 0)
        gw_buf_slice(out, gw_buf_as_slice(&ask->message));
    else
        gw_buf_printf(out, "%d %.*s", item->answer.status,
                      GW_FMT(gw_buf_as_slice(&ask->message)));
}

/* The same as a line, with the question and what to do. */
static void
put_failure(gw_asker *a, const gw_ask *ask, const char *why, gw_buf *out)
{
    put_name(ask, out);
    put_cause(ask, why, out);
    if (!why && !ask->item.code)
        a->advise(out, ask->item.answer.status, gw_buf_as_slice(&ask->path));
}

/* ---- giving up ---- */

static gw_code
give_up(gw_asker *a, const gw_ask *ask, const gw_buf *failure, gw_error *err)
{
    gw_code code = a->was_reached ? GW_E_SOURCE : GW_E_SERVER;

    if (ask->tries <= 1)
        return gw_fail(err, code, "%.*s", GW_FMT(gw_buf_as_slice(failure)));
    return gw_fail(err, code,
                   "%.*s; gave up after %" PRId64 " tries, the next import "
                   "goes on from here",
                   GW_FMT(gw_buf_as_slice(failure)), ask->tries);
}

static void
refuse(gw_ask *ask, const char *why)
{
    ask->refusal.len = 0;
    put_cause(ask, why, &ask->refusal);
    if (ask->tries > 1 && ask->refusals == 0)
        gw_buf_printf(&ask->refusal, " (%" PRId64 " tries)", ask->tries);
    ask->state = GW_ASK_REFUSED;
}

static bool
is_tried_enough(const gw_asker *a, const gw_ask *ask, int64_t tries)
{
    const gw_import_options *o = a->im->options;
    int64_t most = ask->most_tries ? ask->most_tries : o->max_tries;
    int64_t ms = ask->failing_since_us
                     ? (gw_clock_us() - ask->failing_since_us) / 1000
                     : 0;

    return (most > 0 && tries >= most) ||
           ms >= or_default(o->give_up_ms, GIVE_UP_MS);
}

bool
gw_ask_is_last_try(const gw_asker *asker, const gw_ask *ask)
{
    return is_tried_enough(asker, ask, ask->tries + 1);
}

static bool
is_answer_of_control(const gw_asker *a, gw_ask *control)
{
    gw_values values;
    gw_error ignored;

    if (control->state == GW_ASK_REFUSED)
        return a->is_final(gw_buf_as_slice(&control->message));
    return gw_json_array(&control->arena, gw_ask_body(control), &values,
                         &ignored) == GW_OK;
}

/* Whether the source answers another question: then it is this one that
 * it fails with. */
static gw_code
see_if_well(gw_asker *a, bool *is_well, gw_error *err)
{
    gw_ask control = {.is_vital = true, .most_tries = CONTROL_TRIES};
    gw_error failure;

    a->control(&control.path, &control.body, random_of(a));
    gw_ask_send(a, &control);
    gw_code code = gw_ask_wait(a, &control, &failure);
    *is_well = code == GW_OK && is_answer_of_control(a, &control);
    gw_ask_clear(a, &control);
    if (code != GW_E_INTERRUPTED)
        return GW_OK;
    *err = failure;
    return code;
}

static gw_code
end_tries(gw_asker *a, gw_ask *ask, const char *why, const gw_buf *failure,
          gw_error *err)
{
    bool is_well = false;
    gw_code code = GW_OK;

    if (!ask->is_vital && a->was_reached)
        code = see_if_well(a, &is_well, err);
    if (code != GW_OK)
        return code;
    if (!is_well)
        return give_up(a, ask, failure, err);
    refuse(ask, why);
    return GW_OK;
}

/* ---- tries ---- */

static void
try_again(gw_asker *a, gw_ask *ask)
{
    int64_t pause_ms = gw_ask_pause_ms(ask->tries, random_of(a));
    int64_t asked_ms = LONGEST_ASKED_MS;

    if (ask->item.retry_after_s < LONGEST_ASKED_MS / 1000)
        asked_ms = ask->item.retry_after_s * 1000;
    queue(a, ask, pause_ms > asked_ms ? pause_ms : asked_ms);
}

/* A try that failed: the next one, or the end. */
static gw_code
fail_try(gw_asker *a, gw_ask *ask, const char *why, bool is_hopeless,
         gw_error *err)
{
    gw_buf failure = {0};
    gw_code code = GW_OK;
    bool is_over;

    ask->tries++;
    if (!ask->failing_since_us)
        ask->failing_since_us = gw_clock_us();
    is_over = is_hopeless || is_tried_enough(a, ask, ask->tries);
    put_failure(a, ask, why, &failure);
    gw_importing_tell(a->im, ask->tries + !is_over, gw_buf_cstr(&failure));
    if (is_hopeless)
        code = give_up(a, ask, &failure, err);
    else if (is_over)
        code = end_tries(a, ask, why, &failure, err);
    else
        try_again(a, ask);
    gw_buf_clear(&failure);
    return code;
}

static gw_code
take_refusal(gw_asker *a, gw_ask *ask, gw_error *err)
{
    ask->refusals++;
    if (ask->refusals < REFUSALS && !gw_ask_is_last_try(a, ask) &&
        !(a->is_final && a->is_final(gw_buf_as_slice(&ask->message))))
        return fail_try(a, ask, NULL, false, err);
    refuse(ask, NULL);
    return GW_OK;
}

/* It would be as long again. Who sets a limit can ask for less. */
static gw_code
take_long(gw_asker *a, gw_ask *ask, gw_error *err)
{
    gw_buf failure = {0};
    gw_code code = GW_OK;

    if (ask->item.request.answer_bytes && !ask->is_vital) {
        refuse(ask, NULL);
        return GW_OK;
    }
    ask->tries++;
    put_failure(a, ask, NULL, &failure);
    code = end_tries(a, ask, NULL, &failure, err);
    gw_buf_clear(&failure);
    return code;
}

gw_code
gw_ask_look(gw_asker *asker, gw_ask *ask, gw_error *err)
{
    gw_fetch_item *item = &ask->item;

    if (ask->state != GW_ASK_WAITING || !item->is_done)
        return GW_OK;
    ask->message.len = 0;
    if (item->code == GW_OK || item->code == GW_E_INPUT ||
        item->code == GW_E_LIMIT) /* of its answer, however wrong */
        asker->was_reached = true;
    if (item->code == GW_E_STORE) { /* a temporary file of ours */
        *err = item->err;
        return item->code;
    }
    if (item->code == GW_E_LIMIT)
        return take_long(asker, ask, err);
    if (item->code != GW_OK)
        return fail_try(asker, ask, NULL, false, err);
    if (item->answer.status == 200) {
        ask->state = GW_ASK_ANSWERED;
        return GW_OK;
    }
    read_message(asker, ask);
    if (item->answer.status == 400)
        return take_refusal(asker, ask, err);
    return fail_try(asker, ask, NULL,
                    item->answer.status == 401 || item->answer.status == 404,
                    err);
}

gw_code
gw_ask_again(gw_asker *asker, gw_ask *ask, const char *why, gw_error *err)
{
    return fail_try(asker, ask, why, false, err);
}

gw_code
gw_ask_wait(gw_asker *asker, gw_ask *ask, gw_error *err)
{
    gw_code code = GW_OK;

    while (code == GW_OK && ask->state == GW_ASK_WAITING) {
        if (gw_importing_is_stopped(asker->im))
            return gw_fail(err, GW_E_INTERRUPTED,
                           "stopped; the next import goes on from here");
        gw_fetch_run(asker->fetch, LOOK_MS);
        code = gw_ask_look(asker, ask, err);
    }
    return code;
}

gw_slice
gw_ask_body(const gw_ask *ask)
{
    gw_slice body = gw_buf_as_slice(&ask->item.answer.body);

    return body.at ? body : GW_LIT("");
}

void
gw_ask_clear(gw_asker *asker, gw_ask *ask)
{
    if (asker->fetch)
        gw_fetch_drop(asker->fetch, &ask->item);
    gw_net_answer_clear(&ask->item.answer);
    gw_buf_clear(&ask->path);
    gw_buf_clear(&ask->body);
    gw_buf_clear(&ask->label);
    gw_buf_clear(&ask->message);
    gw_buf_clear(&ask->refusal);
    gw_arena_clear(&ask->arena);
    *ask = (gw_ask){0};
}
