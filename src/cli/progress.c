/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that shows progress. How it is worded is in progress_text.c. */
#include "cli/progress_priv.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"

#define GW_TICK_MS 100 /* a bar is drawn at most so often */
#define GW_SAMPLE_SECONDS 0.5
#define GW_EARLY_SECONDS 10    /* no guess of what is left before this … */
#define GW_EARLY_FRACTION 0.01 /* … or this is done */

struct gw_progress {
    gw_output *output;
    gw_counters *counters;
    const char *command;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool must_stop;
    double started;
    /* the thread's own */
    gw_rate rate;
    double last_sample, last_line;
    gw_phase last_phase;
};

static double
now_seconds(void)
{
    return (double)gw_clock_us() / 1e6;
}

static int64_t
read_counter(_Atomic int64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static double
guess_seconds_left(const gw_snapshot *s)
{
    if (s->positions_total <= 0 || s->positions_done <= 0)
        return -1;
    double left = (double)(s->positions_total - s->positions_done);
    double fraction = (double)s->positions_done / (double)s->positions_total;
    bool is_early =
        s->seconds < GW_EARLY_SECONDS && fraction < GW_EARLY_FRACTION;

    if (is_early || s->events_done <= 0 || s->events_per_s <= 0)
        return -1;
    /* the recent rate is of events: as many a position as until now */
    double per_position = (double)s->events_done / (double)s->positions_done;
    return left > 0 ? left * per_position / s->events_per_s : 0;
}

static gw_snapshot
take_snapshot(gw_progress *p)
{
    gw_counters *c = p->counters;
    gw_snapshot s = {
        .phase = (gw_phase)atomic_load(&c->phase),
        .positions_done = read_counter(&c->positions_done),
        .positions_total = read_counter(&c->positions_total),
        .events_done = read_counter(&c->events_done),
        .events_total = read_counter(&c->events_total),
        .models = read_counter(&c->models),
        .seconds = now_seconds() - p->started,
    };
    s.label = s.phase == GW_PHASE_IDLE ? p->command : gw_phase_name(s.phase);
    if (s.events_done >= 0 &&
        (p->rate.n == 0 || s.seconds - p->last_sample >= GW_SAMPLE_SECONDS)) {
        gw_rate_add(&p->rate, s.seconds, s.events_done);
        p->last_sample = s.seconds;
    }
    s.events_per_s = gw_rate_get(&p->rate);
    s.seconds_left = guess_seconds_left(&s);
    return s;
}

void
gw_progress_draw(gw_output *output, const gw_snapshot *s)
{
    struct winsize size = {0};
    gw_buf bar = {0};
    size_t width = 79;

    /* asked every time, so a resized window needs no signal */
    if (ioctl(fileno(output->err), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        width = size.ws_col - 1u;
    gw_progress_put_bar(&bar, s, width);
    pthread_mutex_lock(&output->lock);
    gw_output_draw_bar(output, gw_buf_as_slice(&bar));
    pthread_mutex_unlock(&output->lock);
    gw_buf_clear(&bar);
}

static void
print_line(gw_progress *p, const gw_snapshot *s)
{
    gw_buf line = {0};

    if (p->output->is_log_json)
        gw_progress_put_json(&line, s);
    else
        gw_progress_put_line(&line, s);
    gw_buf_byte(&line, '\n');
    gw_output_log(p->output, gw_buf_as_slice(&line));
    gw_buf_clear(&line);
}

static void
show(gw_progress *p)
{
    gw_snapshot s = take_snapshot(p);

    if (s.phase == GW_PHASE_DONE ||
        (s.phase == GW_PHASE_IDLE && s.positions_done < 0))
        return;
    if (p->output->can_redraw && !p->output->is_log_json) {
        gw_progress_draw(p->output, &s);
        return;
    }
    /* the first line only after a second: short runs have just a summary */
    bool is_due = s.seconds - p->last_line >= gw_progress_interval(s.seconds);
    bool is_new = s.phase != p->last_phase && s.seconds >= 1;
    if (!is_due && !is_new)
        return;
    print_line(p, &s);
    p->last_line = s.seconds;
    p->last_phase = s.phase;
}

static void
wait_for_tick(gw_progress *p)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GW_TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&p->wake, &p->lock, &until);
}

static void *
run_progress(void *arg)
{
    gw_progress *p = arg;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        wait_for_tick(p);
        if (p->must_stop)
            break;
        pthread_mutex_unlock(&p->lock);
        show(p);
        gw_output_flush(p->output); /* so that a pipe sees lines in time */
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void
gw_progress_clear(gw_counters *c)
{
    atomic_store(&c->phase, GW_PHASE_IDLE);
    atomic_store(&c->positions_done, -1);
    atomic_store(&c->positions_total, -1);
    atomic_store(&c->events_done, -1);
    atomic_store(&c->events_total, -1);
    atomic_store(&c->positions_before, 0);
    atomic_store(&c->events_before, 0);
    atomic_store(&c->models, 0);
    atomic_store(&c->cutover_us, -1);
}

gw_progress *
gw_progress_start(gw_output *output, gw_counters *counters, const char *command)
{
    if (output->is_quiet)
        return NULL;

    gw_progress *p = gw_calloc(1, sizeof(*p));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&p->lock, NULL);
    p->output = output;
    p->counters = counters;
    p->started = now_seconds();
    p->command = command;
    if (pthread_create(&p->thread, NULL, run_progress, p) != 0) {
        pthread_cond_destroy(&p->wake);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return NULL;
    }
    return p;
}

static void
put_summary_text(gw_buf *buf, const gw_snapshot *s, int64_t cutover_us,
                 bool ended_well)
{
    gw_buf_text(buf, ended_well ? "godwit: done: " : "godwit: ended after ");
    gw_units_put_count(buf, s->positions_done);
    gw_buf_text(buf, " positions, ");
    gw_units_put_count(buf, s->events_done);
    gw_buf_text(buf, " events in ");
    gw_progress_put_seconds(buf, s->seconds);
    if (s->events_per_s >= 0) {
        gw_buf_text(buf, ", ");
        gw_units_put_count(buf, (int64_t)s->events_per_s);
        gw_buf_text(buf, " events/s");
    }
    if (cutover_us >= 0)
        gw_buf_printf(buf, ", writers locked out for %.1f ms",
                      (double)cutover_us / 1000);
    gw_buf_byte(buf, '\n');
}

static void
put_summary_json(gw_buf *buf, const gw_snapshot *s, int64_t cutover_us,
                 bool ended_well)
{
    gw_buf_text(buf, "{\"ts\":\"");
    gw_text_put_now(buf);
    gw_buf_printf(buf,
                  "\",\"level\":\"info\",\"msg\":\"summary\",\"done\":%s,"
                  "\"positions\":%lld,\"events\":%lld,\"seconds\":%.3f,"
                  "\"events_per_second\":",
                  ended_well ? "true" : "false", (long long)s->positions_done,
                  (long long)s->events_done, s->seconds);
    if (s->events_per_s >= 0)
        gw_buf_printf(buf, "%.0f", s->events_per_s);
    else
        gw_buf_text(buf, "null");
    if (cutover_us >= 0)
        gw_buf_printf(buf, ",\"cutover_ms\":%.3f}\n",
                      (double)cutover_us / 1000);
    else
        gw_buf_text(buf, ",\"cutover_ms\":null}\n");
}

static void
print_summary(gw_progress *p, bool ended_well)
{
    gw_snapshot s = take_snapshot(p);
    int64_t cutover_us = read_counter(&p->counters->cutover_us);
    gw_buf line = {0};

    /* a command that found nothing to do has said so itself */
    if (s.positions_done < 0 || s.events_done < 0)
        return;
    /* of a short one that failed the message says it all */
    if (!ended_well && s.seconds < 1)
        return;
    s.positions_done -= read_counter(&p->counters->positions_before);
    s.events_done -= read_counter(&p->counters->events_before);
    s.events_per_s = s.events_done > 0 && s.seconds > 0
                         ? (double)s.events_done / s.seconds
                         : -1;
    if (p->output->is_log_json)
        put_summary_json(&line, &s, cutover_us, ended_well);
    else
        put_summary_text(&line, &s, cutover_us, ended_well);
    gw_output_log(p->output, gw_buf_as_slice(&line));
    gw_buf_clear(&line);
}

void
gw_progress_stop(gw_progress *progress, bool ended_well)
{
    if (!progress)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->must_stop = true;
    pthread_cond_signal(&progress->wake);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);

    pthread_mutex_lock(&progress->output->lock);
    gw_output_wipe_bar(progress->output);
    pthread_mutex_unlock(&progress->output->lock);
    print_summary(progress, ended_well);
    pthread_cond_destroy(&progress->wake);
    pthread_mutex_destroy(&progress->lock);
    free(progress);
}
