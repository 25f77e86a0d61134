/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of one command: from its start record to its end record. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "service/service_priv.h"
#include "source/source.h"

#define GW_CUT "(more output was left out)\n"

enum { VERIFY_LINES = 100 };

static gw_code
verify(const gw_run *run, gw_error *err)
{
    int64_t differences = 0;

    return gw_verify(run, run->verbose ? INT64_MAX : VERIFY_LINES, &differences,
                     err);
}

static const gw_job JOBS[] = {
    {"migrate", "migrate", gw_migrate, true, false},
    {"finalize", "finalize", gw_finalize, true, false},
    {"reset", "cleanup", gw_reset, false, false},
    {"clear-collectionfield-tables", "cleanup", gw_clear_helpers, false, false},
    {"rollback", "rollback", gw_rollback, false, false},
    {"discard", "cleanup", gw_discard, false, false},
    {"verify", "verify", verify, false, false},
    {"import", "user", NULL, false, true},
};

const gw_job *
gw_job_find(gw_slice name)
{
    for (size_t i = 0; i < sizeof(JOBS) / sizeof(JOBS[0]); i++)
        if (gw_slice_equal(name, gw_slice_of(JOBS[i].name)))
            return &JOBS[i];
    return NULL;
}

/* ---- output ---- */

/* A full disk costs output, not the migration. */
static void
write_output(gw_service *s, const gw_buf *text)
{
    size_t done = 0;

    while (done < text->len) {
        ssize_t n = write(s->output, text->at + done, text->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            gw_log_put(s->options.log, GW_LOG_ERROR, "output cannot be written",
                       GW_LOG_TEXT("err", strerror(errno)));
            return;
        }
        done += (size_t)n;
    }
}

static void
take_line(void *arg, gw_slice line)
{
    gw_service *s = arg;
    gw_buf text = {0};

    pthread_mutex_lock(&s->output_lock);
    bool was_full = s->output_bytes > GW_LIMIT_RUN_OUTPUT;
    s->output_bytes += line.len + 1;
    if (s->output >= 0 && !was_full) {
        if (s->output_bytes > GW_LIMIT_RUN_OUTPUT) {
            gw_buf_text(&text, GW_CUT);
        } else {
            gw_buf_slice(&text, line);
            gw_buf_byte(&text, '\n');
        }
        write_output(s, &text);
    }
    pthread_mutex_unlock(&s->output_lock);
    gw_buf_clear(&text);
    if (!was_full)
        gw_service_changed(s);
}

static gw_code
open_output(gw_service *s, int64_t run, gw_error *err)
{
    gw_state_output_remove(s->dir, run - GW_LIMIT_RUN_FILES);
    int file = gw_state_output_open(s->dir, run, true);
    if (file < 0)
        return gw_fail(err, GW_E_STORE, "the file of the output: %s",
                       strerror(errno));
    s->output = file;
    s->output_bytes = 0;
    return GW_OK;
}

static void
close_output(gw_service *s)
{
    if (s->output < 0)
        return;
    (void)!fsync(s->output);
    close(s->output);
    s->output = -1;
}

/* ---- the run ---- */

static gw_outcome
outcome_of(gw_service *s, gw_code code)
{
    if (code == GW_OK)
        return GW_OUTCOME_COMPLETED;
    if (code != GW_E_INTERRUPTED)
        return GW_OUTCOME_FAILED;
    return atomic_load(&s->is_cancelled) ? GW_OUTCOME_CANCELLED
                                         : GW_OUTCOME_INTERRUPTED;
}

/* What this run did: without what earlier ones had done before it. */
static int64_t
own_part(int64_t done, int64_t before)
{
    return done < 0 ? -1 : done - (before > 0 ? before : 0);
}

static void
fill_end(gw_service *s, gw_record *record, gw_code code, const gw_error *err)
{
    gw_counters *c = &s->counters;

    record->outcome = outcome_of(s, code);
    record->end = (int64_t)time(NULL);
    record->error = code ? gw_strdup(err->text) : NULL;
    record->code = code;
    record->positions = own_part(atomic_load(&c->positions_done),
                                 atomic_load(&c->positions_before));
    record->events =
        own_part(atomic_load(&c->events_done), atomic_load(&c->events_before));
}

/* An import's step, its tries and its last error, as the result shows them. */
static void
note_step(void *arg, const char *step, int64_t tries, const char *error)
{
    gw_service *s = arg;
    char *copy = error ? gw_strdup(error) : NULL;

    pthread_mutex_lock(&s->lock);
    gw_record *record = gw_history_last(&s->history);
    (void)snprintf(record->step, sizeof(record->step), "%s", step);
    record->tries = tries;
    char *old = s->tried_error;
    s->tried_error = copy;
    pthread_mutex_unlock(&s->lock);
    free(old);
    gw_service_changed(s);
}

static gw_code
import(gw_service *s, const gw_record *record, gw_run *run, gw_error *err)
{
    const gw_import_options options = {
        .source = "wukongim",
        .url = record->options.source,
        .token_file = s->options.token_file,
        .ca_file = s->options.tls_ca,
        .allow_plaintext = s->options.allow_plaintext,
    };

    run->tell = note_step;
    run->tell_arg = s;
    return gw_import(run, &options, err);
}

static gw_code
run_job(gw_service *s, const gw_record *record, const gw_opened *opened,
        gw_error *err)
{
    const gw_service_options *o = &s->options;
    gw_run run = {
        .store = opened->store,
        .migrations = &opened->migrations,
        .counters = &s->counters,
        .stop = &s->stop,
        .pause = &s->pause,
        .print = take_line,
        .print_arg = s,
        .verbose = record->options.verbose,
        .restart = record->options.restart,
        .keep_migrated = record->options.keep_migrated,
        .batch_bytes = o->batch_bytes,
        .memory_bytes = o->memory_bytes,
        .keyframe_events = o->keyframe_events,
    };

    if (record->job->has_source)
        return import(s, record, &run, err);
    return record->job->work(&run, err);
}

/* The run; the record then tells its end. */
static void
work(gw_service *s, gw_record *record, gw_code code, gw_error *err)
{
    gw_opened opened = {0};
    int64_t since = gw_clock_us();

    if (!code)
        code = gw_service_open_both(s, false, &opened, err);
    if (opened.store)
        gw_keeper_put_run(s, opened.store, record);
    if (!code)
        code = run_job(s, record, &opened, err);
    fill_end(s, record, code, err);
    record->duration_ms = (gw_clock_us() - since) / 1000;
    if (opened.store) {
        gw_keeper_put_run(s, opened.store, record);
        gw_service_close_both(&opened);
    }
}

/* From here on the end is seen: the last thing that a run does. */
static void
publish_end(gw_service *s, gw_record *record)
{
    pthread_mutex_lock(&s->lock);
    if (record->job->has_source) { /* as it was told last */
        const gw_record *told = gw_history_last(&s->history);
        memcpy(record->step, told->step, sizeof(record->step));
        record->tries = told->tries;
    }
    *gw_history_last(&s->history) = *record;
    s->is_running = false;
    s->errors[record->code]++;
    if (record->outcome == GW_OUTCOME_COMPLETED)
        s->runs_completed++;
    else
        s->runs_failed++;
    s->events_read += record->events > 0 ? record->events : 0;
    s->positions_read += record->positions > 0 ? record->positions : 0;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void
log_end(gw_service *s, const gw_record *record)
{
    bool is_well = record->outcome == GW_OUTCOME_COMPLETED;

    gw_log_put(s->options.log, is_well ? GW_LOG_INFO : GW_LOG_ERROR,
               "run ended", GW_LOG_INT("run", record->run),
               GW_LOG_TEXT("command", record->job->name),
               GW_LOG_TEXT("result", gw_outcome_name(record->outcome)),
               GW_LOG_INT("attempt", record->tries),
               GW_LOG_INT("dur_ms", record->duration_ms),
               GW_LOG_INT("positions", record->positions),
               GW_LOG_INT("events", record->events),
               GW_LOG_TEXT("err", record->error ? record->error : ""));
}

static gw_code
add_to_journal(gw_service *s, const gw_record *record, gw_error *err)
{
    pthread_mutex_lock(&s->journal_lock);
    gw_code code = gw_journal_add(s->journal, record, err);
    pthread_mutex_unlock(&s->journal_lock);
    return code;
}

void *
gw_runner_main(void *arg)
{
    gw_service *s = arg;
    gw_error err = {0}, journal_err = {0};

    pthread_mutex_lock(&s->lock);
    gw_record record = *gw_history_last(&s->history);
    pthread_t previous = s->previous;
    bool has_previous = s->has_previous;
    pthread_mutex_unlock(&s->lock);
    if (has_previous)
        pthread_join(previous, NULL);
    gw_service_changed(s);
    gw_log_put(s->options.log, GW_LOG_INFO, "run started",
               GW_LOG_INT("run", record.run),
               GW_LOG_TEXT("command", record.job->name),
               GW_LOG_INT("attempt", record.tries));

    gw_code code = add_to_journal(s, &record, &err);
    if (!code)
        code = open_output(s, record.run, &err);
    work(s, &record, code, &err);
    close_output(s);
    gw_probe_now(s);
    if (add_to_journal(s, &record, &journal_err) != GW_OK)
        gw_log_put(s->options.log, GW_LOG_ERROR, "a run's end is not recorded",
                   GW_LOG_TEXT("err", journal_err.text));
    log_end(s, &record);
    publish_end(s, &record);
    gw_service_changed(s);
    return NULL;
}
