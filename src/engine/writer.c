/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of parcels between two threads: the one at `filled` is filled by
 * whoever migrates, the one at `written` is being written here. */
#include "engine/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "base/units.h"

enum {
    LEAST_PARCELS = 8,
    MOST_PARCELS = 32,
    PARCEL_BYTES = 4 * GW_MIB, /* of all together, between the two */
    POLL_MS = 20,
    COMMIT_US = 400000,
};

struct gw_writer {
    const gw_run *run;
    char *checksums; /* for the run state; borrowed */
    gw_parcel ring[MOST_PARCELS];
    size_t n_ring; /* of them are used */
    uint64_t filled, written, committed;
    bool is_draining; /* somebody waits for everything to be committed */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread, is_closing;
    gw_code code; /* of the thread */
    gw_error err;
};

void
gw_count_done(const gw_run *run, const gw_run_state *state)
{
    if (run->counters != NULL) {
        atomic_store(&run->counters->positions_done, state->positions);
        atomic_store(&run->counters->events_done, state->events);
    }
}

gw_code
gw_parcel_write(const gw_run *run, const gw_parcel *parcel, gw_error *err)
{
    return gw_store_write(run->store, parcel->batch.positions, parcel->batch.n,
                          parcel->after.event_target, parcel->after.final_index,
                          err);
}

/* Waits for a parcel, for at most a moment when `is_urgent`: the commit
 * must not wait for a slow migration. */
static bool
wait_for_parcel(gw_writer *w, bool is_urgent)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += POLL_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while (w->written == w->filled && !w->is_closing &&
           !(is_urgent && w->is_draining)) {
        if (!is_urgent) {
            pthread_cond_wait(&w->changed, &w->lock);
        } else if (pthread_cond_timedwait(&w->changed, &w->lock, &until) != 0) {
            break;
        }
    }
    return w->written != w->filled;
}

/* Gives the written parcel back; whether there is another to
 * go into the same commit. */
static bool
next_to_write(gw_writer *w, bool may_go_on)
{
    pthread_mutex_lock(&w->lock);
    w->written++;
    pthread_cond_broadcast(&w->changed);
    bool has_parcel = may_go_on && wait_for_parcel(w, true);
    pthread_mutex_unlock(&w->lock);
    return has_parcel;
}

/* One commit of as many parcels as come while it may last. A commit writes
 * most pages of the index on fqids again, whatever its size: fewer are
 * faster. */
static gw_code
write_commit(gw_writer *w, gw_error *err)
{
    gw_store *store = w->run->store;
    gw_run_state after = {0};
    size_t bytes = 0;
    size_t most = gw_store_commit_bytes(store);
    int64_t since = gw_clock_us();
    bool has_parcel = true;
    gw_code code = gw_store_begin(store, false, err);

    if (code != GW_OK) {
        return code;
    }
    while (code == GW_OK && has_parcel) {
        gw_parcel *parcel = &w->ring[w->written % w->n_ring];
        after = parcel->after;
        bytes += parcel->batch.bytes;
        code = gw_parcel_write(w->run, parcel, err);
        has_parcel =
            code == GW_OK &&
            next_to_write(w, bytes < most && gw_clock_us() - since < COMMIT_US);
    }
    if (code == GW_OK) {
        after.checksums = w->checksums;
        code = gw_store_put_run_state(store, &after, err);
    }
    code = gw_store_finish(store, code, err);
    if (code == GW_OK) {
        gw_count_done(w->run, &after);
    }
    return code;
}

static void *
write_parcels(void *arg)
{
    gw_writer *w = arg;
    pthread_mutex_lock(&w->lock);
    while (wait_for_parcel(w, false)) {
        bool has_failed = w->code != GW_OK;
        pthread_mutex_unlock(&w->lock);
        gw_error err = {0};
        gw_code code = GW_OK;
        if (!has_failed) {
            code = write_commit(w, &err);
        }
        if (code == GW_OK) {
            gw_store_make_way(w->run->store);
        }
        pthread_mutex_lock(&w->lock);
        if (code != GW_OK) {
            w->code = code;
            w->err = err;
        }
        if (w->code != GW_OK) {
            w->written = w->filled;
        }
        w->committed = w->written;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

gw_parcel *
gw_writer_next(gw_writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->filled - w->written == w->n_ring) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    gw_parcel *parcel = &w->ring[w->filled % w->n_ring];
    pthread_mutex_unlock(&w->lock);
    return parcel;
}

void
gw_writer_send(gw_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->filled++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

gw_code
gw_writer_drain(gw_writer *w, gw_error *err)
{
    pthread_mutex_lock(&w->lock);
    w->is_draining = true;
    pthread_cond_broadcast(&w->changed);
    while (w->committed != w->filled) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    w->is_draining = false;
    gw_code code = w->code;
    if (code != GW_OK && err != NULL) {
        *err = w->err;
    }
    pthread_mutex_unlock(&w->lock);
    return code;
}

bool
gw_writer_has_failed(gw_writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool has_failed = w->code != GW_OK;
    pthread_mutex_unlock(&w->lock);
    return has_failed;
}

gw_code
gw_writer_fail(gw_writer *w, gw_code code, const gw_error *err)
{
    pthread_mutex_lock(&w->lock);
    w->code = code;
    w->err = *err;
    pthread_mutex_unlock(&w->lock);
    return code;
}

/* ---- life ---- */

gw_code
gw_writer_open(const gw_run *run, char *checksums, size_t batch_bytes,
               gw_writer **out, gw_error *err)
{
    gw_writer *w = gw_calloc(1, sizeof(*w));
    w->run = run;
    w->checksums = checksums;
    w->n_ring = PARCEL_BYTES / batch_bytes;
    w->n_ring = w->n_ring < LEAST_PARCELS  ? LEAST_PARCELS
                : w->n_ring > MOST_PARCELS ? MOST_PARCELS
                                           : w->n_ring;
    for (size_t i = 0; i < w->n_ring; i++) {
        gw_batch_init(&w->ring[i].batch);
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->has_thread = pthread_create(&w->thread, NULL, write_parcels, w) == 0;
    if (!w->has_thread) {
        gw_writer_close(w);
        return gw_fail(err, GW_E_STORE, "no thread for writing");
    }
    *out = w;
    return GW_OK;
}

void
gw_writer_close(gw_writer *w)
{
    if (w == NULL) {
        return;
    }
    if (w->has_thread) {
        pthread_mutex_lock(&w->lock);
        w->is_closing = true;
        pthread_cond_broadcast(&w->changed);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
    }
    for (size_t i = 0; i < w->n_ring; i++) {
        gw_batch_clear(&w->ring[i].batch);
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
