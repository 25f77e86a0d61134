/* SPDX-License-Identifier: Apache-2.0 */
/* monitor: asks a server how its run goes until that ends. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/session_priv.h"
#include "service/remote.h"

enum {
    ANSWER_MS = 10000,
    AWAY_MS = 1000,      /* the first wait after an error, then doubled … */
    AWAY_MAX_MS = 60000, /* … up to this or the interval */
    AGAIN = 12,          /* intervals for a run that a restart ended to go on */
};

typedef struct gw_monitor {
    gw_session *session;
    gw_net *net;
    int64_t interval_ms, away_ms; /* away_ms 0: the server is there */
    bool is_text;                 /* for a person */
    gw_buf last;                  /* the result as printed */
    gw_remote_result result;
    int again;         /* intervals that the run did not go on */
    bool was_away;     /* since the run was last seen under way */
    bool has_progress; /* the server knows that route */
    double since;
} gw_monitor;

static bool
is(const gw_monitor *m, const char *status)
{
    return strcmp(m->result.status, status) == 0;
}

/* ---- printing ---- */

static void
put_json(gw_buf *out, const gw_remote_result *r)
{
    gw_buf_text(out, "\"status\":");
    gw_text_put_json(out, gw_slice_of(r->status));
    gw_buf_text(out, ",\"step\":");
    gw_text_put_json(out, gw_slice_of(r->step));
    gw_buf_text(out, ",\"last_err\":");
    if (r->error.len)
        gw_text_put_json(out, gw_buf_as_slice(&r->error));
    else
        gw_buf_text(out, "null");
    gw_buf_text(out, ",\"try_count\":");
    if (r->tries < 0)
        gw_buf_text(out, "null");
    else
        gw_buf_int(out, r->tries);
}

static void
put_text(gw_buf *out, const gw_remote_result *r)
{
    gw_buf_text(out, r->status);
    if (r->step[0])
        gw_buf_printf(out, ": %s", r->step);
    if (r->tries > 1)
        gw_buf_printf(out, ", attempt %lld", (long long)r->tries);
    if (r->error.len)
        gw_buf_printf(out, ": %.*s", (int)r->error.len, r->error.at);
}

/* The time is not part of what is compared. */
static void
print_change(gw_monitor *m)
{
    gw_buf now = {0}, line = {0};

    if (m->is_text)
        put_text(&now, &m->result);
    else
        put_json(&now, &m->result);
    if (gw_slice_equal(gw_buf_as_slice(&now), gw_buf_as_slice(&m->last))) {
        gw_buf_clear(&now);
        return;
    }
    gw_buf_text(&line, m->is_text ? "" : "{\"ts\":\"");
    gw_text_put_now(&line);
    gw_buf_printf(&line, m->is_text ? " %.*s" : "\",%.*s}", (int)now.len,
                  now.at);
    gw_output_line(m->session->output, gw_buf_as_slice(&line));
    gw_output_flush(m->session->output);
    gw_buf_clear(&line);
    gw_buf_clear(&m->last);
    m->last = now;
}

static void
draw_bar(gw_monitor *m, const gw_remote_progress *p)
{
    gw_snapshot s = {
        .phase = p->phase,
        .label = p->phase == GW_PHASE_IDLE ? m->result.step
                                           : gw_phase_name(p->phase),
        .positions_done = p->positions_done,
        .positions_total = p->positions_total,
        .events_done = p->events_done,
        .events_total = -1,
        .seconds = (double)gw_clock_us() / 1e6 - m->since,
        .events_per_s = (double)p->events_per_second,
        .seconds_left = (double)p->seconds_left,
    };

    gw_progress_draw(m->session->output, &s);
}

/* Progress is worth a look, not an error. */
static void
show_progress(gw_monitor *m)
{
    gw_remote_progress progress;
    gw_error ignored;
    gw_output *output = m->session->output;

    if (!output->can_redraw || output->is_quiet || output->is_log_json ||
        !m->has_progress || !is(m, "running"))
        return;
    gw_code code = gw_remote_progress_get(m->net, &progress, &ignored);
    if (code == GW_OK)
        draw_bar(m, &progress);
    else if (code == GW_E_USAGE)
        m->has_progress = false;
}

/* ---- the end ---- */

/* The code of the failed run; that a run was stopped is a failure of it. */
static gw_code
code_of_run(gw_monitor *m)
{
    gw_remote_run run;
    gw_error ignored;
    gw_code code = GW_OK;

    if (gw_remote_last_run(m->net, &run, &ignored) == GW_OK) {
        code = run.code;
        gw_remote_run_clear(&run);
    }
    return code && code != GW_E_INTERRUPTED ? code : GW_E_MIGRATION;
}

static gw_code
end(gw_monitor *m, gw_error *err)
{
    const gw_remote_result *r = &m->result;

    if (!is(m, "failed"))
        return GW_OK;
    return gw_fail(err, code_of_run(m), "%s failed: %.*s", r->step,
                   (int)r->error.len, r->error.len ? r->error.at : "");
}

/* Whether it ended because its server did: then it is often begun again. */
static bool
was_interrupted(gw_monitor *m)
{
    gw_remote_run run;
    gw_error ignored;

    if (gw_remote_last_run(m->net, &run, &ignored) != GW_OK)
        return m->was_away;
    bool is_so = strcmp(run.result, "interrupted") == 0;
    gw_remote_run_clear(&run);
    return is_so;
}

static bool
may_go_on(gw_monitor *m)
{
    if (is(m, "running")) {
        m->again = 0;
        m->was_away = false;
        return true;
    }
    return is(m, "failed") && was_interrupted(m) && ++m->again <= AGAIN;
}

/* ---- watching ---- */

static gw_code
look(gw_monitor *m, gw_error *err)
{
    gw_remote_result result;
    gw_code code = gw_remote_result_get(m->net, &result, err);

    if (code)
        return code;
    gw_remote_result_clear(&m->result);
    m->result = result;
    if (m->away_ms)
        gw_output_note(m->session->output, "%s answers again",
                       gw_net_name(m->net));
    m->away_ms = 0;
    print_change(m);
    show_progress(m);
    return GW_OK;
}

static void
see_away(gw_monitor *m, const gw_error *err)
{
    int64_t most_ms =
        m->interval_ms > AWAY_MAX_MS ? m->interval_ms : AWAY_MAX_MS;
    int64_t first_ms = m->interval_ms < AWAY_MS ? m->interval_ms : AWAY_MS;

    if (!m->away_ms)
        gw_output_note(m->session->output, "%s; trying again", err->text);
    else
        gw_output_detail(m->session->output, "%s", err->text);
    m->was_away = true;
    m->away_ms = m->away_ms ? m->away_ms * 2 : first_ms;
    if (m->away_ms > most_ms)
        m->away_ms = most_ms;
}

static gw_code
watch(gw_monitor *m, gw_error *err)
{
    for (;;) {
        gw_code code = look(m, err);
        if (code == GW_E_SERVER)
            see_away(m, err);
        else if (code)
            return code;
        else if (!may_go_on(m))
            return end(m, err);
        if (!gw_session_sleep(m->session,
                              m->away_ms ? m->away_ms : m->interval_ms))
            return gw_fail(err, GW_E_INTERRUPTED,
                           "interrupted; the run that "
                           "was watched goes on");
    }
}

gw_code
gw_cmd_monitor(gw_session *session, gw_error *err)
{
    gw_monitor m = {
        .session = session,
        .interval_ms = gw_options_number(session->options, GW_OPTION_INTERVAL),
        .is_text = !session->output->is_json && isatty(STDOUT_FILENO),
        .has_progress = true,
        .since = (double)gw_clock_us() / 1e6,
    };
    gw_code code = gw_session_open_net(session, ANSWER_MS, &m.net, err);

    if (code)
        return code;
    code = watch(&m, err);
    gw_net_close(m.net);
    gw_remote_result_clear(&m.result);
    gw_buf_clear(&m.last);
    pthread_mutex_lock(&session->output->lock);
    gw_output_wipe_bar(session->output);
    pthread_mutex_unlock(&session->output->lock);
    return code;
}
