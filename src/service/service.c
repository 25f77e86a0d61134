/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing, issuing and steering. What runs is in runner.c. */
#include "service/service.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "service/service_priv.h"

#define GW_BUSY "Migration is running, only 'progress' command is allowed"
#define GW_RESTARTED "interrupted by a restart of the server"

void
gw_service_changed(gw_service *s)
{
    pthread_mutex_lock(&s->changed_lock);
    if (s->changed)
        s->changed(s->changed_arg);
    pthread_mutex_unlock(&s->changed_lock);
}

void
gw_service_on_change(gw_service *service, void (*changed)(void *arg), void *arg)
{
    pthread_mutex_lock(&service->changed_lock);
    service->changed = changed;
    service->changed_arg = arg;
    pthread_mutex_unlock(&service->changed_lock);
}

gw_code
gw_service_open_store(const gw_service *s, bool read_only, gw_store **out,
                      gw_error *err)
{
    gw_store_options options = {
        .read_only = read_only,
        .lock_wait_ms = s->options.lock_wait_ms,
    };

    return gw_store_open(s->store, &options, out, err);
}

gw_code
gw_service_open_both(const gw_service *s, bool read_only, gw_opened *out,
                     gw_error *err)
{
    gw_code code = gw_migrations_open(s->migrations, &s->options.limits,
                                      &out->migrations, err);

    if (code)
        return code;
    code = gw_service_open_store(s, read_only, &out->store, err);
    if (code)
        gw_migrations_close(&out->migrations);
    return code;
}

void
gw_service_close_both(gw_opened *opened)
{
    gw_store_close(opened->store);
    gw_migrations_close(&opened->migrations);
}

/* ---- opening ---- */

static void
end_interrupted(gw_record *record, int64_t end, const gw_log *log)
{
    record->outcome = GW_OUTCOME_INTERRUPTED;
    record->end = end;
    record->duration_ms =
        end > record->start ? (end - record->start) * 1000 : 0;
    free(record->error);
    record->error = gw_strdup(GW_RESTARTED);
    record->code = GW_E_INTERRUPTED;
    gw_log_put(log, GW_LOG_WARN, "a run was interrupted by a restart",
               GW_LOG_INT("run", record->run),
               GW_LOG_TEXT("command", record->job->name));
}

/* What was under way is not any more, and ended before the next began. */
void
gw_service_end_interrupted(gw_history *history, const gw_log *log)
{
    int64_t end = (int64_t)time(NULL);

    for (size_t i = history->n; i > 0; i--) {
        gw_record *record = &history->at[i - 1];
        if (record->outcome == GW_OUTCOME_RUNNING)
            end_interrupted(record, end, log);
        end = record->start;
    }
}

static gw_code
open_state(gw_service *s, const char *path, gw_error *err)
{
    gw_code code = gw_state_dir_open(path, &s->dir, &s->lock_file, err);

    if (!code)
        code = gw_journal_read(s->dir, &s->history, s->options.log, err);
    if (code)
        return code;
    gw_service_end_interrupted(&s->history, s->options.log);
    return gw_journal_open(s->dir, &s->history, &s->journal, err);
}

static void
free_service(gw_service *s)
{
    const int files[] = {s->dir, s->lock_file, s->journal};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (files[i] >= 0)
            close(files[i]);
    gw_history_clear(&s->history);
    gw_buf_clear(&s->probe.pending);
    gw_buf_clear(&s->preview.text);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->output_lock);
    pthread_mutex_destroy(&s->journal_lock);
    pthread_mutex_destroy(&s->changed_lock);
    pthread_cond_destroy(&s->wake);
    explicit_bzero(s->store, strlen(s->store)); /* a password may be in it */
    free(s->tried_error);
    free(s->store);
    free(s->migrations);
    free(s);
}

static gw_service *
make_service(const gw_service_options *options)
{
    gw_service *s = gw_calloc(1, sizeof(*s));
    pthread_condattr_t monotonic;

    s->store = gw_strdup(options->store);
    s->migrations = gw_strdup(options->migrations);
    s->options = *options;
    s->dir = s->lock_file = s->journal = s->output = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->output_lock, NULL);
    pthread_mutex_init(&s->journal_lock, NULL);
    pthread_mutex_init(&s->changed_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return s;
}

gw_code
gw_service_open(const gw_service_options *options, gw_service **out,
                gw_error *err)
{
    gw_migrations migrations;
    gw_code code = gw_migrations_open(options->migrations, &options->limits,
                                      &migrations, err);
    if (code)
        return code;
    gw_migrations_close(&migrations);

    gw_service *s = make_service(options);
    code = open_state(s, options->state_dir, err);
    if (!code && pthread_create(&s->prober, NULL, gw_prober_main, s) != 0)
        code = gw_fail(err, GW_E_LIMIT, "no thread can be made");
    if (code)
        free_service(s);
    else
        *out = s;
    return code;
}

void
gw_service_stop(gw_service *service)
{
    pthread_mutex_lock(&service->lock);
    service->is_stopping = true;
    atomic_store(&service->stop, true);
    atomic_store(&service->preview.stop, true);
    pthread_cond_broadcast(&service->wake);
    pthread_mutex_unlock(&service->lock);
}

bool
gw_service_close(gw_service *service, int wait_ms)
{
    gw_service *s = service;
    struct timespec until;
    int failure = 0;

    gw_service_on_change(s, NULL, NULL);
    gw_service_stop(s);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&s->lock);
    while (!failure &&
           (s->is_running || !s->is_prober_done || s->preview.is_running))
        failure = pthread_cond_timedwait(&s->wake, &s->lock, &until);
    bool has_ended =
        !s->is_running && s->is_prober_done && !s->preview.is_running;
    pthread_mutex_unlock(&s->lock);
    if (!has_ended)
        return false;
    if (s->has_runner)
        pthread_join(s->runner, NULL);
    if (s->preview.has_thread)
        pthread_join(s->preview.thread, NULL);
    pthread_join(s->prober, NULL);
    free_service(s);
    return true;
}

/* ---- commands ---- */

/* The attempt that this is at its step. */
static int64_t
count_tries(const gw_record *last, const gw_job *job)
{
    if (!last || last->outcome == GW_OUTCOME_COMPLETED ||
        strcmp(gw_record_step(last), job->step) != 0)
        return 1;
    return last->tries + 1;
}

static void
clear_counters(gw_counters *c)
{
    atomic_store(&c->phase, GW_PHASE_IDLE);
    atomic_store(&c->positions_done, -1);
    atomic_store(&c->positions_total, -1);
    atomic_store(&c->events_done, -1);
    atomic_store(&c->events_total, -1);
    atomic_store(&c->positions_before, -1);
    atomic_store(&c->events_before, -1);
    atomic_store(&c->models, -1);
    atomic_store(&c->cutover_us, -1);
}

static gw_code
start(gw_service *s, const gw_job *job, const gw_job_options *options,
      int64_t *run, gw_error *err)
{
    gw_record *last = gw_history_last(&s->history);
    int64_t number = last ? last->run + 1 : 1;
    int64_t tries = count_tries(last, job);

    if (s->is_stopping)
        return gw_fail(err, GW_E_INTERRUPTED, "The server is shutting down");
    if (s->is_running)
        return gw_fail(err, GW_E_STATE, GW_BUSY);
    gw_record *record = gw_history_push(&s->history);
    record->run = number;
    record->job = job;
    record->options = *options;
    record->tries = tries;
    free(s->tried_error);
    s->tried_error = NULL;
    record->start = (int64_t)time(NULL);
    s->n_samples = 0;
    clear_counters(&s->counters);
    gw_curve_begin(s);
    s->since_us = gw_clock_us();
    s->retries += tries > 1;
    atomic_store(&s->stop, false);
    atomic_store(&s->pause, false);
    atomic_store(&s->is_cancelled, false);
    /* it may still be telling of its end: who waits for it here, with the
     * lock, could wait for ever */
    s->previous = s->runner;
    s->has_previous = s->has_runner;
    if (pthread_create(&s->runner, NULL, gw_runner_main, s) != 0) {
        s->runner = s->previous;
        s->history.n--;
        return gw_fail(err, GW_E_LIMIT, "no thread can be made");
    }
    s->has_runner = s->is_running = true;
    s->asked++; /* a look at once, and then as often as while one runs */
    pthread_cond_broadcast(&s->wake);
    *run = number;
    return GW_OK;
}

gw_code
gw_service_issue(gw_service *service, const gw_job *job,
                 const gw_job_options *options, int64_t *run, gw_error *err)
{
    pthread_mutex_lock(&service->lock);
    gw_code code = start(service, job, options, run, err);
    pthread_mutex_unlock(&service->lock);
    return code;
}

gw_code
gw_service_control(gw_service *service, gw_control control, gw_error *err)
{
    gw_service *s = service;
    gw_code code = GW_OK;

    pthread_mutex_lock(&s->lock);
    if (!s->is_running) {
        code = gw_fail(err, GW_E_STATE, "No command is running");
    } else if (control == GW_CONTROL_CANCEL) {
        atomic_store(&s->is_cancelled, true);
        atomic_store(&s->stop, true);
    } else {
        atomic_store(&s->pause, control == GW_CONTROL_PAUSE);
    }
    pthread_mutex_unlock(&s->lock);
    if (!code)
        gw_log_put(
            s->options.log, GW_LOG_INFO, "run steered",
            GW_LOG_TEXT("control", control == GW_CONTROL_CANCEL  ? "cancel"
                                   : control == GW_CONTROL_PAUSE ? "pause"
                                                                 : "resume"));
    return code;
}

const char *
gw_service_source(const gw_service *service)
{
    return service->options.source;
}

bool
gw_service_is_running(gw_service *service)
{
    pthread_mutex_lock(&service->lock);
    bool is_running = service->is_running;
    pthread_mutex_unlock(&service->lock);
    return is_running;
}

int64_t
gw_service_last_run(gw_service *service)
{
    pthread_mutex_lock(&service->lock);
    const gw_record *last = gw_history_last(&service->history);
    int64_t run = last ? last->run : 0;
    pthread_mutex_unlock(&service->lock);
    return run;
}

/* ---- looks at the store ---- */

int64_t
gw_service_ask(gw_service *service, bool full)
{
    pthread_mutex_lock(&service->lock);
    int64_t number = full ? ++service->stats_asked : ++service->asked;
    pthread_cond_broadcast(&service->wake);
    pthread_mutex_unlock(&service->lock);
    return number;
}

bool
gw_service_has_probed(gw_service *service, bool full, int64_t number)
{
    pthread_mutex_lock(&service->lock);
    int64_t done = full ? service->stats_answered : service->answered;
    pthread_mutex_unlock(&service->lock);
    return done >= number;
}

int64_t
gw_service_keep_manager(gw_service *service, const gw_manage_record *record)
{
    pthread_mutex_lock(&service->lock);
    service->to_keep = *record;
    int64_t number = ++service->keep_asked;
    pthread_cond_broadcast(&service->wake);
    pthread_mutex_unlock(&service->lock);
    return number;
}

bool
gw_service_has_kept(gw_service *service, int64_t number)
{
    pthread_mutex_lock(&service->lock);
    bool has_kept = service->keep_answered >= number;
    pthread_mutex_unlock(&service->lock);
    return has_kept;
}

gw_code
gw_service_read_manager(gw_service *service, gw_error *err)
{
    pthread_mutex_lock(&service->lock);
    gw_code code = service->manager_code;
    if (code)
        *err = service->manager_error;
    pthread_mutex_unlock(&service->lock);
    return code;
}

gw_code
gw_service_kept(gw_service *service, gw_error *err)
{
    pthread_mutex_lock(&service->lock);
    gw_code code = service->keep_code;
    if (code)
        *err = service->keep_error;
    pthread_mutex_unlock(&service->lock);
    return code;
}

int64_t
gw_service_state_age_ms(gw_service *service)
{
    pthread_mutex_lock(&service->lock);
    int64_t at_us = service->probe.has_state ? service->probe.at_us : 0;
    pthread_mutex_unlock(&service->lock);
    return at_us ? (gw_clock_us() - at_us) / 1000 : -1;
}

bool
gw_service_tick(gw_service *service)
{
    gw_service *s = service;

    pthread_mutex_lock(&s->lock);
    gw_sample sample = {
        .at_us = gw_clock_us(),
        .events = atomic_load(&s->counters.events_done),
        .positions = atomic_load(&s->counters.positions_done),
    };
    bool is_running = s->is_running;
    if (is_running && sample.events >= 0) {
        if (s->n_samples == GW_SAMPLES) {
            s->n_samples--;
            memmove(s->samples, s->samples + 1,
                    s->n_samples * sizeof(gw_sample));
        }
        s->samples[s->n_samples++] = sample;
        gw_curve_add(s);
    }
    gw_previewer_check(s);
    pthread_mutex_unlock(&s->lock);
    return is_running;
}
