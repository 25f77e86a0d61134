/* SPDX-License-Identifier: Apache-2.0 */
/* Each command opens the store anew: it may have been away in between. */
#include "base/units.h"
#include "cli/manage_priv.h"
#include "service/service.h"

/* Says stop to a command when its time is over, or the session's is. */
typedef struct gw_timer {
    const gw_session *session;
    int64_t until_us;
    atomic_bool stop; /* the command's */
    atomic_bool is_done;
} gw_timer;

static void *
watch_time(void *arg)
{
    gw_timer *timer = arg;

    while (!atomic_load(&timer->is_done)) {
        if (atomic_load(&timer->session->stop) ||
            gw_clock_us() >= timer->until_us)
            atomic_store(&timer->stop, true);
        (void)gw_manage_sleep(&timer->is_done, 50);
    }
    return NULL;
}

static gw_code
run_job(gw_session *s, const gw_job *job, int64_t until_us, gw_error *err)
{
    gw_timer timer = {.session = s, .until_us = until_us};
    pthread_t thread;

    if (pthread_create(&thread, NULL, watch_time, &timer) != 0)
        return gw_fail(err, GW_E_LIMIT, "no thread can be made");
    s->run.stop = &timer.stop;
    gw_progress_clear(&s->counters);
    gw_code code = job->work(&s->run, err);
    s->run.stop = &s->stop;
    atomic_store(&timer.is_done, true);
    pthread_join(thread, NULL);
    if (code) /* nothing goes on until the next try */
        gw_progress_clear(&s->counters);
    return code;
}

static gw_code
run(void *self, const char *command, int64_t until_us, gw_error *err)
{
    gw_session *s = self;
    const gw_job *job = gw_job_find(gw_slice_of(command));
    gw_code code = gw_session_reopen(s, err);

    return code ? code : run_job(s, job, until_us, err);
}

static gw_code
load(void *self, gw_buf *out, gw_error *err)
{
    gw_session *s = self;
    gw_code code = gw_session_reopen(s, err);

    return code ? code : gw_keeper_get(s->store, out, err);
}

static gw_code
save(void *self, const gw_manage_record *record, gw_error *err)
{
    gw_session *s = self;
    gw_code code = s->store ? GW_OK : gw_session_reopen(s, err);

    return code ? code : gw_keeper_put(s->store, record, err);
}

gw_manage_target
gw_manage_local_target(gw_session *session)
{
    return (gw_manage_target){
        .self = session, .run = run, .load = load, .save = save};
}
