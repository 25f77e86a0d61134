/* SPDX-License-Identifier: Apache-2.0 */
/* What the store itself keeps, so that it is known wherever the store is
 * opened next: records of runs and of the manager. Threads that wait for the
 * store call this, never those that answer requests. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "service/service_priv.h"

#define GW_KIND_RUN "run"
#define GW_KIND_MANAGER "manage"

/* ---- writing ---- */

void
gw_keeper_put_run(gw_service *s, gw_store *store, const gw_record *record)
{
    gw_buf id = {0}, line = {0};
    gw_error err = {0};

    /* of two servers, each with a state folder, both have a run 1 */
    gw_buf_printf(&id, "%" PRId64 "-%" PRId64, record->start, record->run);
    gw_record_put_line(record, &line);
    if (gw_store_put_record(store, GW_KIND_RUN, gw_buf_as_slice(&id),
                            record->start, gw_buf_as_slice(&line),
                            &err) != GW_OK)
        gw_log_put(
            s->options.log, GW_LOG_WARN, "the store keeps no record of the run",
            GW_LOG_INT("run", record->run), GW_LOG_TEXT("err", err.text));
    gw_buf_clear(&id);
    gw_buf_clear(&line);
}

gw_code
gw_keeper_put(gw_store *store, const gw_manage_record *record, gw_error *err)
{
    gw_buf text = {0};

    gw_manage_record_put(record, &text);
    gw_code code =
        gw_store_put_record(store, GW_KIND_MANAGER, gw_slice_of(record->id),
                            record->started, gw_buf_as_slice(&text), err);
    gw_buf_clear(&text);
    return code;
}

void
gw_keeper_put_manager(gw_service *s)
{
    gw_store *store;
    gw_error err = {0};

    pthread_mutex_lock(&s->lock);
    int64_t number = s->keep_asked;
    gw_manage_record record = s->to_keep;
    pthread_mutex_unlock(&s->lock);
    gw_code code = gw_service_open_store(s, false, &store, &err);
    if (code == GW_OK) {
        code = gw_keeper_put(store, &record, &err);
        gw_store_close(store);
    }
    pthread_mutex_lock(&s->lock);
    if (code == GW_OK) {
        s->manager = record;
        s->has_manager = true;
    }
    s->keep_code = code;
    s->keep_error = err;
    s->keep_answered = number;
    pthread_mutex_unlock(&s->lock);
}

/* ---- reading ---- */

static gw_code
take_text(void *arg, gw_slice id, gw_slice record, gw_error *err)
{
    gw_buf *text = arg;

    (void)id;
    (void)err;
    gw_buf_slice(text, record);
    return GW_OK;
}

gw_code
gw_keeper_get(gw_store *store, gw_buf *out, gw_error *err)
{
    return gw_store_records(store, GW_KIND_MANAGER, 1, take_text, out, err);
}

void
gw_keeper_look_failed(gw_service *s, gw_code code, const gw_error *err)
{
    pthread_mutex_lock(&s->lock);
    s->manager_code = code;
    s->manager_error = *err;
    pthread_mutex_unlock(&s->lock);
}

static void
look_for_manager(gw_service *s, gw_store *store)
{
    gw_buf text = {0};
    gw_manage_record record;
    gw_error err = {0};
    gw_code code = gw_keeper_get(store, &text, &err);
    bool is_there =
        !code && text.len > 0 &&
        gw_manage_record_read(gw_buf_as_slice(&text), &record, NULL) == GW_OK;

    gw_keeper_look_failed(s, code, &err);
    pthread_mutex_lock(&s->lock);
    if (is_there && s->keep_asked == s->keep_answered) {
        s->manager = record;
        s->has_manager = true;
    }
    pthread_mutex_unlock(&s->lock);
    gw_buf_clear(&text);
}

/* Newest first, as lines that end each other. */
static gw_code
take_line(void *arg, gw_slice id, gw_slice record, gw_error *err)
{
    gw_buf *lines = arg;

    (void)id;
    (void)err;
    gw_buf_slice(lines, record);
    gw_buf_byte(lines, '\n');
    return GW_OK;
}

/* From the last line to the first. JSON has no line ends in it: ours is
 * written without, PostgreSQL's json keeps it as it was. */
static void
take_backwards(const gw_buf *lines, gw_history *history)
{
    size_t end = lines->len;

    while (end > 0) {
        size_t at = end - 1;
        while (at > 0 && lines->at[at - 1] != '\n')
            at--;
        (void)gw_record_take_line((gw_slice){lines->at + at, end - 1 - at},
                                  history);
        end = at;
    }
}

/* The runs become the history if there is still none. A run that begins then
 * writes to the journal behind them: it waits for the lock. */
static void
adopt(gw_service *s, gw_history *found)
{
    gw_buf lines = {0};
    gw_error err = {0};
    gw_code code = GW_OK;

    gw_service_end_interrupted(found, s->options.log);
    gw_journal_put(found, &lines);
    pthread_mutex_lock(&s->journal_lock);
    pthread_mutex_lock(&s->lock);
    s->has_adopted = true;
    bool is_wanted = s->history.n == 0 && found->n > 0;
    if (is_wanted) {
        s->history = *found;
        *found = (gw_history){0};
    }
    pthread_mutex_unlock(&s->lock);
    if (is_wanted)
        code = gw_journal_write(s->journal, &lines, &err);
    pthread_mutex_unlock(&s->journal_lock);
    if (code)
        gw_log_put(s->options.log, GW_LOG_WARN,
                   "runs that the store knows are not in the journal",
                   GW_LOG_TEXT("err", err.text));
    gw_buf_clear(&lines);
}

/* The state folder is new: the store may know what there was. */
static void
look_for_runs(gw_service *s, gw_store *store)
{
    gw_buf lines = {0};
    gw_history found = {0};

    if (gw_store_records(store, GW_KIND_RUN, GW_LIMIT_HISTORY, take_line,
                         &lines, NULL) == GW_OK) {
        take_backwards(&lines, &found);
        adopt(s, &found);
    }
    gw_buf_clear(&lines);
    gw_history_clear(&found);
}

void
gw_keeper_look(gw_service *s, gw_store *store)
{
    pthread_mutex_lock(&s->lock);
    bool must_adopt = !s->has_adopted && s->history.n == 0;
    s->has_adopted |= !must_adopt;
    pthread_mutex_unlock(&s->lock);
    if (must_adopt)
        look_for_runs(s, store);
    look_for_manager(s, store);
}
