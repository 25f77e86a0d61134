/* SPDX-License-Identifier: Apache-2.0 */
/* Previews: what the pending migrations would make of some positions. Each
 * is made in a thread of its own, on a connection that cannot write, one at
 * a time, and is stopped when it takes too long or says too much. */
#include "service/service_priv.h"

typedef struct preview {
    gw_service *service;
    gw_buf changes; /* JSON objects with commas between them */
    bool is_full;
} preview;

static void
take_change(void *arg, gw_slice line)
{
    preview *p = arg;

    if (p->is_full ||
        p->changes.len + line.len + 1 > (size_t)GW_LIMIT_PREVIEW_BYTES) {
        p->is_full = true;
        atomic_store(&p->service->preview.stop, true);
        return;
    }
    if (p->changes.len > 0)
        gw_buf_byte(&p->changes, ',');
    gw_buf_slice(&p->changes, line);
}

static gw_code
make(gw_service *s, preview *p, gw_error *err)
{
    gw_opened opened;
    gw_code code = gw_service_open_both(s, true, &opened, err);

    if (code)
        return code;
    gw_run run = {
        .store = opened.store,
        .migrations = &opened.migrations,
        .stop = &s->preview.stop,
        .print = take_change,
        .print_arg = p,
        .memory_bytes = GW_LIMIT_PREVIEW_MEMORY,
    };
    code = gw_preview(&run, s->preview.position, s->preview.limit, true, err);
    gw_service_close_both(&opened);
    return code;
}

static void
put_answer(const preview *p, gw_code code, const gw_error *err, gw_buf *out)
{
    const char *error = code == GW_OK || p->is_full ? NULL : err->text;

    if (error && code == GW_E_INTERRUPTED)
        error = "It took too long: the positions before have to be replayed; "
                "ask for earlier ones, or use `godwit preview`";
    gw_buf_text(out, "{\"success\":true,\"changes\":[");
    gw_buf_slice(out, gw_buf_as_slice(&p->changes));
    gw_buf_printf(
        out, "],\"truncated\":%s,\"error\":", p->is_full ? "true" : "false");
    if (error)
        gw_json_put_text(out, gw_slice_of(error));
    else
        gw_buf_text(out, "null");
    gw_buf_byte(out, '}');
}

static void *
run_preview(void *arg)
{
    gw_service *s = arg;
    gw_preview_job *job = &s->preview;
    preview p = {.service = s};
    gw_buf text = {0};
    gw_error err = {0};

    pthread_mutex_lock(&s->lock);
    pthread_t previous = job->previous;
    bool has_previous = job->has_previous;
    pthread_mutex_unlock(&s->lock);
    if (has_previous)
        pthread_join(previous, NULL);
    gw_code code = make(s, &p, &err);
    put_answer(&p, code, &err, &text);
    gw_buf_clear(&p.changes);

    pthread_mutex_lock(&s->lock);
    gw_buf_clear(&job->text);
    job->text = text;
    job->done = job->begun;
    job->is_running = false;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    gw_service_changed(s);
    return NULL;
}

/* With the lock. */
static gw_code
start(gw_service *s, int64_t position, int64_t limit, gw_error *err)
{
    gw_preview_job *job = &s->preview;

    if (s->is_stopping)
        return gw_fail(err, GW_E_INTERRUPTED, "The server is shutting down");
    if (job->is_running)
        return gw_fail(err, GW_E_LOCKED,
                       "Another preview is being made; try again");
    /* it may still be telling of its end: the next one joins it */
    job->previous = job->thread;
    job->has_previous = job->has_thread;
    job->position = position;
    job->limit = limit;
    job->deadline_us = gw_clock_us() + GW_LIMIT_PREVIEW_MS * INT64_C(1000);
    atomic_store(&job->stop, false);
    if (pthread_create(&job->thread, NULL, run_preview, s) != 0) {
        job->thread = job->previous;
        return gw_fail(err, GW_E_LIMIT, "no thread can be made");
    }
    job->has_thread = job->is_running = true;
    job->begun++;
    return GW_OK;
}

gw_code
gw_service_preview(gw_service *service, int64_t position, int64_t limit,
                   int64_t *number, gw_error *err)
{
    pthread_mutex_lock(&service->lock);
    gw_code code = start(service, position, limit, err);
    if (!code)
        *number = service->preview.begun;
    pthread_mutex_unlock(&service->lock);
    return code;
}

bool
gw_service_has_previewed(gw_service *service, int64_t number)
{
    pthread_mutex_lock(&service->lock);
    bool is_done = service->preview.done >= number;
    pthread_mutex_unlock(&service->lock);
    return is_done;
}

gw_code
gw_service_put_preview(gw_service *service, int64_t number, gw_buf *out,
                       gw_error *err)
{
    gw_preview_job *job = &service->preview;
    gw_code code = GW_OK;

    pthread_mutex_lock(&service->lock);
    if (job->done == number)
        gw_buf_slice(out, gw_buf_as_slice(&job->text));
    else
        code = gw_fail(err, GW_E_LOCKED,
                       "Another preview has taken its place; try again");
    pthread_mutex_unlock(&service->lock);
    return code;
}

void
gw_previewer_check(gw_service *s)
{
    if (s->preview.is_running && gw_clock_us() > s->preview.deadline_us)
        atomic_store(&s->preview.stop, true);
}
