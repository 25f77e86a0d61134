/* SPDX-License-Identifier: Apache-2.0 */
/* The workflow. Every change is saved before it is acted upon, so that
 * whoever starts it again finds what was under way. */
#include "service/manager.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/units.h"
#include "service/manager_priv.h"

static const char *const STEPS[] = {"migrate", "verify", "finalize"};

enum {
    N_STEPS = sizeof(STEPS) / sizeof(STEPS[0]),
    POST_MS = 1000, /* the first wait before posting again, then doubled … */
    POST_MAX_MS = 60000, /* … up to this, and so many times */
    POST_TRIES = 10,
    POST_WAIT_MS = 15000,
};

typedef struct gw_manager {
    const gw_manage_options *options;
    const gw_manage_target *target;
    gw_manage_record record;
    bool is_left_over; /* it had ended before this began */
    int64_t until_us;
} gw_manager;

bool
gw_manage_sleep(const atomic_bool *stop, int64_t ms)
{
    enum { POLL_US = 50000 };
    int64_t until_us = gw_clock_us() + ms * 1000;

    while (!atomic_load(stop)) {
        int64_t left_us = until_us - gw_clock_us();
        if (left_us <= 0)
            return true;
        usleep((useconds_t)(left_us < POLL_US ? left_us : POLL_US));
    }
    return false;
}

static void note(gw_manager *m, const char *fmt, ...) GW_PRINTF(2, 3);

static void
note(gw_manager *m, const char *fmt, ...)
{
    char text[2400];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    m->options->note(m->options->note_arg, text);
}

static bool
is_stopped(const gw_manager *m)
{
    return atomic_load(m->options->stop);
}

static gw_code
fail_stopped(gw_error *err)
{
    return gw_fail(err, GW_E_INTERRUPTED,
                   "interrupted; started again, it goes on");
}

/* What cannot be saved does not stop the work. */
static void
save(gw_manager *m)
{
    gw_error err = {0};

    if (m->target->save(m->target->self, &m->record, &err) != GW_OK)
        note(m, "the state is not saved: %s", err.text);
}

static void
set_error(gw_manager *m, gw_code code, const gw_error *err)
{
    m->record.code = code;
    (void)snprintf(m->record.error, sizeof(m->record.error), "%s",
                   code ? err->text : "");
}

/* ---- one step ---- */

/* What another try would not change, or is not to. */
static bool
is_final(gw_code code)
{
    return code == GW_E_DIFFERENT || code == GW_E_USAGE ||
           code == GW_E_INTERRUPTED;
}

static gw_code
fail_late(gw_manager *m, gw_error *err)
{
    gw_buf time = {0};

    gw_units_put_duration(&time, m->record.timeout_ms);
    (void)gw_fail(err, GW_E_STATE, "%s did not end within %s", m->record.step,
                  gw_buf_cstr(&time));
    if (m->record.error[0])
        (void)gw_fail_suffix(err, "; before: %s", m->record.error);
    gw_buf_clear(&time);
    return err->code;
}

static gw_code
wait_for_retry(gw_manager *m, gw_error *err)
{
    gw_manage_record *r = &m->record;
    int64_t left_ms = (m->until_us - gw_clock_us()) / 1000;
    int64_t ms = r->retry_delay_ms < left_ms ? r->retry_delay_ms : left_ms;

    note(m,
         "%s failed: %s; trying again in %" PRId64 " s (%" PRId64 " of %" PRId64
         ")",
         r->step, r->error, (r->retry_delay_ms + 500) / 1000, r->tries,
         r->max_retries);
    r->next_try = (int64_t)time(NULL) + r->retry_delay_ms / 1000;
    save(m);
    if (!gw_manage_sleep(m->options->stop, ms))
        return fail_stopped(err);
    r->next_try = 0;
    return gw_clock_us() >= m->until_us ? fail_late(m, err) : GW_OK;
}

static gw_code
run_step(gw_manager *m, gw_error *err)
{
    gw_manage_record *r = &m->record;
    gw_code code;

    for (;;) {
        r->tries++;
        save(m);
        note(m, "%s, attempt %" PRId64, r->step, r->tries);
        code = m->target->run(m->target->self, r->step, m->until_us, err);
        if (code == GW_OK)
            break;
        if (is_stopped(m)) {
            r->tries--; /* not its fault */
            return fail_stopped(err);
        }
        if (gw_clock_us() >= m->until_us)
            return fail_late(m, err);
        set_error(m, code, err);
        if (is_final(code) || r->tries > r->max_retries)
            return code;
        code = wait_for_retry(m, err);
        if (code)
            return code;
    }
    set_error(m, GW_OK, err);
    return GW_OK;
}

static gw_code
run_steps(gw_manager *m, gw_error *err)
{
    gw_manage_record *r = &m->record;
    size_t i = 0;

    while (i < N_STEPS && strcmp(STEPS[i], r->step) != 0)
        i++;
    for (; i < N_STEPS; i++) {
        if (strcmp(STEPS[i], r->step) != 0) {
            (void)snprintf(r->step, sizeof(r->step), "%s", STEPS[i]);
            r->tries = 0;
        }
        gw_code code = run_step(m, err);
        if (code == GW_E_DIFFERENT)
            return gw_fail_suffix(err, "; nothing was finalized");
        if (code)
            return code;
    }
    return GW_OK;
}

/* ---- notices ---- */

static const char *
command_of(const gw_manager *m)
{
    return m->record.state == GW_MANAGE_SUCCEEDED ? m->options->on_success
                                                  : m->options->on_failure;
}

static gw_code
give_command(gw_manager *m, gw_error *err)
{
    const char *line = command_of(m);
    gw_error failure = {0};

    if (m->record.command != GW_NOTICE_PENDING)
        return GW_OK;
    if (!line) {
        m->record.command = GW_NOTICE_NONE;
        save(m);
        return GW_OK;
    }
    gw_code code =
        gw_notice_command(line, &m->record, m->options->stop, &failure);
    if (code == GW_E_INTERRUPTED)
        return fail_stopped(err);
    if (code)
        note(m, "--on-%s: %s",
             m->record.state == GW_MANAGE_SUCCEEDED ? "success" : "failure",
             failure.text);
    m->record.command = code ? GW_NOTICE_FAILED : GW_NOTICE_GIVEN;
    save(m);
    return GW_OK;
}

/* What a server that may come back did not take stays pending, once. */
static void
give_up(gw_manager *m, gw_code code, const gw_error *failure)
{
    if (code == GW_E_SERVER && !m->is_left_over) {
        note(m, "%s; given up, and told when this is started again",
             failure->text);
        return;
    }
    note(m, "%s; given up", failure->text);
    m->record.posted = GW_NOTICE_FAILED;
    save(m);
}

/* Until it is taken or there is no hope. */
static gw_code
post_until_taken(gw_manager *m, gw_net *net, gw_error *err)
{
    int64_t ms = POST_MS;

    for (int i = 1;; i++) {
        gw_error failure = {0};
        gw_code code = gw_notice_post(net, m->options->webhook_secret,
                                      &m->record, &failure);
        if (code == GW_OK)
            break;
        if (is_stopped(m))
            return fail_stopped(err);
        if (code != GW_E_SERVER || i == POST_TRIES) {
            give_up(m, code, &failure);
            return GW_OK;
        }
        note(m, "%s; trying again in %" PRId64 " s", failure.text, ms / 1000);
        if (!gw_manage_sleep(m->options->stop, ms))
            return fail_stopped(err);
        ms = 2 * ms < POST_MAX_MS ? 2 * ms : POST_MAX_MS;
    }
    m->record.posted = GW_NOTICE_GIVEN;
    save(m);
    return GW_OK;
}

static gw_code
open_webhook(gw_manager *m, gw_net **out, gw_error *err)
{
    gw_net_options options = {
        .url = m->options->webhook,
        .ca_file = m->options->ca_file,
        .connect_ms = POST_WAIT_MS,
        .timeout_ms = POST_WAIT_MS,
        .answer_bytes = GW_LIMIT_NET_ERROR,
        .stop = m->options->stop,
    };
    return gw_net_open(&options, out, err);
}

static gw_code
give_post(gw_manager *m, gw_error *err)
{
    gw_net *net;

    if (m->record.posted != GW_NOTICE_PENDING)
        return GW_OK;
    if (!m->options->webhook) {
        m->record.posted = GW_NOTICE_NONE;
        save(m);
        return GW_OK;
    }
    gw_code code = open_webhook(m, &net, err);
    if (code)
        return code;
    code = post_until_taken(m, net, err);
    gw_net_close(net);
    return code;
}

static gw_code
notify(gw_manager *m, gw_error *err)
{
    gw_code code = give_command(m, err);

    if (!code)
        code = give_post(m, err);
    return code;
}

/* ---- the whole ---- */

static void
set_policy(gw_manager *m, const char *webhook)
{
    const gw_manage_options *o = m->options;
    gw_manage_record *r = &m->record;

    r->max_retries = o->max_retries;
    r->retry_delay_ms = o->retry_delay_ms;
    r->timeout_ms = o->timeout_ms;
    r->on_success = o->on_success != NULL;
    r->on_failure = o->on_failure != NULL;
    (void)snprintf(r->webhook, sizeof(r->webhook), "%s", webhook);
}

/* A new record. The store tells the newest by its start, in seconds. */
static gw_code
begin(gw_manager *m, gw_error *err)
{
    unsigned char bytes[16];
    int64_t now = (int64_t)time(NULL), last = m->record.started;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return gw_fail(err, GW_E_LIMIT, "no random bytes");
    m->record = (gw_manage_record){.started = now > last ? now : last + 1};
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(m->record.id + 2 * i, 3, "%02x", bytes[i]);
    (void)snprintf(m->record.step, sizeof(m->record.step), "%s", STEPS[0]);
    return GW_OK;
}

/* The text of the record that was left, if there is one. */
static gw_code
load(gw_manager *m, gw_buf *text, gw_error *err)
{
    gw_code code = GW_OK;

    for (int64_t i = 0;; i++) {
        code = m->target->load(m->target->self, text, err);
        bool may_pass = code == GW_E_SERVER || code == GW_E_STORE;
        if (!may_pass || i == m->options->max_retries)
            break;
        note(m, "%s; trying again in %" PRId64 " s", err->text,
             m->options->retry_delay_ms / 1000);
        if (!gw_manage_sleep(m->options->stop, m->options->retry_delay_ms))
            break;
    }
    return code;
}

/* Tells an end that nobody was told. */
static gw_code
tell_left_over(gw_manager *m, gw_error *err)
{
    const gw_manage_record *r = &m->record;

    if (r->command != GW_NOTICE_PENDING && r->posted != GW_NOTICE_PENDING)
        return GW_OK;
    note(m, "first telling how %.8s ended", r->id);
    m->is_left_over = true;
    gw_code code = notify(m, err);
    m->is_left_over = false;
    return code;
}

/* The record that was left; a new one where there is none to go on with. */
static gw_code
find_record(gw_manager *m, gw_error *err)
{
    gw_buf text = {0};
    gw_code code = load(m, &text, err);
    bool is_there = !code && text.len > 0 &&
                    gw_manage_record_read(gw_buf_as_slice(&text), &m->record,
                                          NULL) == GW_OK;

    gw_buf_clear(&text);
    if (is_there && m->record.state == GW_MANAGE_RUNNING) {
        note(m, "going on with %s of %.8s", m->record.step, m->record.id);
        return GW_OK;
    }
    if (is_there)
        code = tell_left_over(m, err);
    return code ? code : begin(m, err);
}

/* The time is counted from the workflow's beginning. */
static void
set_deadline(gw_manager *m)
{
    int64_t since_ms = ((int64_t)time(NULL) - m->record.started) * 1000;
    int64_t left_ms = m->options->timeout_ms - (since_ms > 0 ? since_ms : 0);

    m->until_us = gw_clock_us() + (left_ms > 0 ? left_ms : 0) * 1000;
}

/* The result, which is then to be told. */
static void
set_end(gw_manager *m, gw_code code, const gw_error *err)
{
    gw_manage_record *r = &m->record;

    set_error(m, code, err);
    r->state = code ? GW_MANAGE_FAILED : GW_MANAGE_SUCCEEDED;
    r->ended = (int64_t)time(NULL);
    r->next_try = 0;
    r->command = command_of(m) ? GW_NOTICE_PENDING : GW_NOTICE_NONE;
    r->posted = m->options->webhook ? GW_NOTICE_PENDING : GW_NOTICE_NONE;
    save(m);
}

static gw_code
work(gw_manager *m, gw_error *err)
{
    gw_code code = GW_OK;

    if (gw_clock_us() >= m->until_us)
        code = fail_late(m, err);
    if (!code)
        code = run_steps(m, err);
    if (code && is_stopped(m)) {
        save(m);
        return fail_stopped(err);
    }
    set_end(m, code, err);
    return GW_OK;
}

/* From the record that was left, or a new one, to the end of its steps. */
static gw_code
find_and_work(gw_manager *m, const char *webhook, gw_error *err)
{
    gw_code code = find_record(m, err);

    if (code && is_stopped(m))
        return fail_stopped(err);
    if (code) {
        /* nothing could be begun, but it can be told */
        gw_error failure = *err;
        if (begin(m, err) != GW_OK)
            return err->code;
        set_policy(m, webhook);
        set_end(m, failure.code, &failure);
        return GW_OK;
    }
    set_policy(m, webhook);
    set_deadline(m);
    return work(m, err);
}

gw_code
gw_manage(const gw_manage_options *options, const gw_manage_target *target,
          gw_manage_record *out, gw_error *err)
{
    gw_manager m = {.options = options, .target = target};
    gw_net *net = NULL;
    gw_code code = GW_OK;

    /* a wrong webhook is told now, not in the night */
    if (options->webhook)
        code = open_webhook(&m, &net, err);
    if (!code)
        code = find_and_work(&m, net ? gw_net_name(net) : "", err);
    gw_net_close(net);
    if (!code)
        code = notify(&m, err);
    *out = m.record;
    if (!code && m.record.code)
        code = gw_fail(err, m.record.code, "%s", m.record.error);
    return code;
}
