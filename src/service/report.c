/* SPDX-License-Identifier: Apache-2.0 */
/* What the service says about itself: from memory and from the files of
 * output, never from the store. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "service/service_priv.h"

/* With the lock: the record under way or last. */
static const char *
status_name(gw_service *s)
{
    if (s->is_running)
        return "migration_running";
    return s->probe.has_state ? gw_migration_state_name(s->probe.state) : NULL;
}

void
gw_service_read_output(gw_service *service, int64_t run, int64_t offset,
                       size_t most, gw_buf *out)
{
    enum { PIECE = 64 * GW_KIB };
    int file = gw_state_output_open(service->dir, run, false);

    while (file >= 0 && most > 0) {
        size_t want = most < PIECE ? most : PIECE;
        ssize_t n = pread(file, gw_buf_reserve(out, want), want, offset);
        if (n <= 0)
            break;
        out->len += (size_t)n;
        offset += n;
        most -= (size_t)n;
    }
    if (file >= 0)
        close(file);
}

void
gw_service_read_newest(gw_service *service, int64_t run, size_t most,
                       gw_buf *out)
{
    int file = gw_state_output_open(service->dir, run, false);
    off_t size = file < 0 ? 0 : lseek(file, 0, SEEK_END);
    bool is_cut = size > (off_t)most;
    gw_buf text = {0};

    if (file >= 0)
        close(file);
    /* with the byte before, which may be the end of a line */
    gw_service_read_output(service, run, is_cut ? size - (off_t)most - 1 : 0,
                           most + 1, &text);
    gw_slice all = gw_buf_as_slice(&text);
    const char *end =
        is_cut && all.len > 0 ? memchr(all.at, '\n', all.len) : NULL;
    if (end) {
        all.len -= (size_t)(end - all.at) + 1;
        all.at = end + 1;
    }
    gw_buf_slice(out, all);
    gw_buf_clear(&text);
}

/* ---- progress ---- */

typedef struct gw_rates {
    /* -1: not known */
    int64_t events_per_second;
    int64_t seconds_left, seconds_left_min, seconds_left_max;
} gw_rates;

/* Positions a second. */
typedef struct gw_speed {
    double recent; /* over the samples */
    double spread; /* twice the standard error of that */
    double all;    /* since the run began; 0: not known */
} gw_speed;

static double
speed_between(const gw_sample *a, const gw_sample *b)
{
    double seconds = (double)(b->at_us - a->at_us) / 1e6;

    return seconds > 0 ? (double)(b->positions - a->positions) / seconds : 0;
}

/* With the lock; there are two samples at least. */
static gw_speed
measure_speed(gw_service *s)
{
    const gw_sample *first = &s->samples[0];
    const gw_sample *last = &s->samples[s->n_samples - 1];
    double n = (double)s->n_samples - 1, squares = 0;
    int64_t before = atomic_load(&s->counters.positions_before);
    double seconds = (double)(last->at_us - s->since_us) / 1e6;
    gw_speed speed = {.recent = speed_between(first, last)};

    for (size_t i = 1; i < s->n_samples; i++) {
        double off =
            speed_between(&s->samples[i - 1], &s->samples[i]) - speed.recent;
        squares += off * off;
    }
    speed.spread = n > 1 ? 2 * sqrt(squares / (n - 1) / n) : speed.recent;
    if (seconds > 0 && last->positions > before)
        speed.all =
            (double)(last->positions - (before > 0 ? before : 0)) / seconds;
    return speed;
}

static int64_t
seconds_for(double left, double speed)
{
    double seconds = speed > 0 ? left / speed + 0.5 : -1;

    return seconds >= 0 && seconds < 1e15 ? (int64_t)seconds : -1;
}

/* The range takes in what the rate varies by, and the rate of all the run:
 * a run does not become faster or slower for ever. */
static void
set_left(gw_rates *rates, double left, gw_speed speed)
{
    double most = speed.recent + speed.spread;
    double least = speed.recent - speed.spread;

    if (speed.all > most)
        most = speed.all;
    if (speed.all > 0 && speed.all < least)
        least = speed.all;
    rates->seconds_left = seconds_for(left, speed.recent);
    if (rates->seconds_left < 0)
        return;
    rates->seconds_left_min = seconds_for(left, most);
    rates->seconds_left_max = seconds_for(left, least);
}

/* With the lock. From the oldest sample to the newest. */
static gw_rates
measure(gw_service *s)
{
    gw_rates rates = {-1, -1, -1, -1};
    int64_t total = atomic_load(&s->counters.positions_total);

    if (!s->is_running || s->n_samples < 2)
        return rates;
    const gw_sample *a = &s->samples[0];
    const gw_sample *b = &s->samples[s->n_samples - 1];
    double seconds = (double)(b->at_us - a->at_us) / 1e6;
    if (seconds <= 0)
        return rates;
    double events = (double)(b->events - a->events) / seconds;
    rates.events_per_second = events < 0 ? 0 : (int64_t)events;
    if (total >= b->positions)
        set_left(&rates, (double)(total - b->positions), measure_speed(s));
    return rates;
}

int64_t
gw_service_rate(gw_service *s)
{
    return measure(s).events_per_second;
}

void
gw_service_put_progress(gw_service *service, gw_buf *out)
{
    gw_service *s = service;
    const gw_counters *c = &s->counters;

    pthread_mutex_lock(&s->lock);
    gw_rates rates = measure(s);
    int64_t ahead = gw_probe_lag(&s->probe);
    const gw_record *last = gw_history_last(&s->history);
    /* the counters are those of a run of this server */
    bool is_known = last && !last->is_earlier;
    pthread_mutex_unlock(&s->lock);

    if (is_known)
        gw_buf_printf(out, "{\"phase\":\"%s\"",
                      gw_phase_name((gw_phase)atomic_load(&c->phase)));
    else
        gw_buf_text(out, "{\"phase\":null");
    gw_put_number(out, "positions_done",
                  is_known ? atomic_load(&c->positions_done) : -1);
    gw_put_number(out, "positions_total",
                  is_known ? atomic_load(&c->positions_total) : -1);
    gw_put_number(out, "events_done",
                  is_known ? atomic_load(&c->events_done) : -1);
    gw_put_number(out, "events_per_second", rates.events_per_second);
    gw_put_number(out, "seconds_left", rates.seconds_left);
    gw_put_number(out, "seconds_left_min", rates.seconds_left_min);
    gw_put_number(out, "seconds_left_max", rates.seconds_left_max);
    gw_put_number(out, "lag_positions", ahead);
    gw_buf_byte(out, '}');
}

/* ---- answers ---- */

void
gw_service_put_answer(gw_service *service, bool with_progress, gw_buf *out)
{
    gw_service *s = service;
    gw_buf output = {0};
    gw_buf error = {0};

    pthread_mutex_lock(&s->lock);
    const char *status = status_name(s);
    const gw_record *last = gw_history_last(&s->history);
    int64_t run = last ? last->run : 0;
    bool has_error = last && !s->is_running && last->error;
    if (has_error)
        gw_buf_text(&error, last->error);
    pthread_mutex_unlock(&s->lock);

    gw_buf_text(out, "{\"success\":true");
    gw_put_text(out, "status", status);
    if (run) {
        gw_service_read_output(s, run, 0, GW_LIMIT_RUN_OUTPUT + GW_KIB,
                               &output);
        gw_buf_text(out, ",\"output\":");
        gw_json_put_text(out, gw_buf_as_slice(&output));
    }
    if (has_error) {
        gw_buf_text(out, ",\"exception\":");
        gw_json_put_text(out, gw_buf_as_slice(&error));
    }
    if (with_progress && run) {
        gw_buf_text(out, ",\"progress\":");
        gw_service_put_progress(s, out);
    }
    gw_buf_byte(out, '}');
    gw_buf_clear(&output);
    gw_buf_clear(&error);
}

static const char *
result_status(const gw_record *last)
{
    if (!last)
        return "completed";
    switch (last->outcome) {
    case GW_OUTCOME_RUNNING:
        return "running";
    case GW_OUTCOME_COMPLETED:
        return last->is_earlier ? "migrated" : "completed";
    default:
        return "failed";
    }
}

void
gw_service_put_result(gw_service *service, gw_buf *out)
{
    gw_service *s = service;

    pthread_mutex_lock(&s->lock);
    const gw_record *last = gw_history_last(&s->history);
    const char *error = last ? last->error : NULL;
    /* the attempt before, until this one succeeds */
    if (last && last->outcome == GW_OUTCOME_RUNNING && last->tries > 1 &&
        s->history.n > 1)
        error = last[-1].error;
    if (last && last->outcome == GW_OUTCOME_RUNNING && last->job->has_source)
        error = s->tried_error;
    gw_buf_printf(out, "{\"status\":\"%s\",\"step\":\"%s\"",
                  result_status(last), last ? gw_record_step(last) : "");
    gw_put_text(out, "last_err", error);
    gw_put_number(out, "try_count", last ? last->tries : 0);
    gw_buf_byte(out, '}');
    pthread_mutex_unlock(&s->lock);
}

gw_code
gw_service_put_stats(gw_service *service, gw_buf *out, gw_error *err)
{
    pthread_mutex_lock(&service->lock);
    gw_stats stats = service->stats;
    gw_code code = service->stats_code;
    if (code)
        *err = service->stats_error;
    pthread_mutex_unlock(&service->lock);
    if (code)
        return code;
    gw_buf_text(out, "{\"success\":true,\"stats\":");
    gw_stats_put_json(out, &stats);
    gw_buf_byte(out, '}');
    return GW_OK;
}

void
gw_service_put_manager(gw_service *service, gw_buf *out)
{
    pthread_mutex_lock(&service->lock);
    bool is_there = service->has_manager;
    gw_manage_record record = service->manager;
    pthread_mutex_unlock(&service->lock);
    if (is_there)
        gw_manage_record_put(&record, out);
    else
        gw_buf_text(out, "null");
}

void
gw_service_put_history(gw_service *service, int64_t before, int64_t limit,
                       gw_buf *out)
{
    const gw_history *h = &service->history;
    int64_t n = 0, next = 0;

    gw_buf_text(out, "{\"runs\":[");
    pthread_mutex_lock(&service->lock);
    for (size_t i = h->n; i > 0; i--) {
        const gw_record *record = &h->at[i - 1];
        if (before && record->run >= before)
            continue;
        if (n == limit) {
            next = h->at[i].run;
            break;
        }
        if (n++ > 0)
            gw_buf_byte(out, ',');
        gw_record_put(record, out);
    }
    pthread_mutex_unlock(&service->lock);
    gw_buf_text(out, "]");
    gw_put_number(out, "next", next ? next : -1);
    gw_buf_text(out, ",\"manager\":");
    gw_service_put_manager(service, out);
    gw_buf_byte(out, '}');
}

/* ---- metrics ---- */

void
gw_service_look(gw_service *service, gw_service_view *out)
{
    gw_service *s = service;
    const gw_counters *c = &s->counters;
    gw_service_view v = {.cutover_us = -1, .phase = GW_PHASE_IDLE};

    pthread_mutex_lock(&s->lock);
    gw_rates rates = measure(s);
    const gw_record *last = gw_history_last(&s->history);
    v.is_running = s->is_running;
    v.is_paused = s->is_running && atomic_load(&s->pause);
    v.is_store_ok = s->probe.is_store_ok;
    v.has_state = s->probe.has_state;
    v.state = s->probe.state;
    v.newest_position = s->probe.has_state ? s->probe.newest_position : -1;
    v.migrated_position = s->probe.has_state ? s->probe.migrated_position : -1;
    v.lag_positions = gw_probe_lag(&s->probe);
    v.events_per_second = rates.events_per_second;
    v.seconds_left = rates.seconds_left;
    memcpy(v.errors, s->errors, sizeof(v.errors));
    v.retries = s->retries;
    v.runs_completed = s->runs_completed;
    v.runs_failed = s->runs_failed;
    v.events_read = s->events_read;
    v.positions_read = s->positions_read;
    v.probe_age_ms =
        s->probe.at_us ? (gw_clock_us() - s->probe.at_us) / 1000 : -1;
    (void)snprintf(v.problem, sizeof(v.problem), "%s", s->probe.problem);
    if (last && !last->is_earlier) {
        v.phase = (gw_phase)atomic_load(&c->phase);
        v.cutover_us = atomic_load(&c->cutover_us);
    }
    if (s->is_running) {
        int64_t events = atomic_load(&c->events_done);
        int64_t before = atomic_load(&c->events_before);
        v.events_read += events > 0 ? events - (before > 0 ? before : 0) : 0;
    }
    pthread_mutex_unlock(&s->lock);
    *out = v;
}
