/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that are read ahead: a ring between two threads. */
#include <stdlib.h>

#include "engine/prefetch.h"

enum { AHEAD = 2 };

/* A batch, or why there is none. */
struct read_batch {
    gw_batch batch;
    gw_code code;
    gw_error err;
};

struct gw_prefetch {
    gw_store *store;
    pthread_mutex_t *store_lock;
    int64_t after, upto;
    size_t batch_bytes;

    struct read_batch ring[AHEAD];
    uint64_t read, taken;
    bool is_closing;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread;
};

/* ---- the reading thread ---- */

/* Whether there is more to read after it. */
static bool
read_one(gw_prefetch *p, struct read_batch *next)
{
    gw_batch *batch = &next->batch;
    next->err = (gw_error){0};
    pthread_mutex_lock(p->store_lock);
    next->code = gw_store_read(p->store, GW_GENERATION_LIVE, p->after, p->upto,
                               p->batch_bytes, batch, &next->err);
    pthread_mutex_unlock(p->store_lock);
    if (next->code != GW_OK || batch->n == 0) {
        return false;
    }
    p->after = batch->positions[batch->n - 1].position;
    return true;
}

/* The place for the next batch; NULL when nobody wants one any more. */
static struct read_batch *
wait_for_place(gw_prefetch *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->read - p->taken == AHEAD && !p->is_closing) {
        pthread_cond_wait(&p->changed, &p->lock);
    }
    struct read_batch *place = p->is_closing ? NULL : &p->ring[p->read % AHEAD];
    pthread_mutex_unlock(&p->lock);
    return place;
}

static void *
read_batches(void *arg)
{
    gw_prefetch *p = arg;
    struct read_batch *place;
    bool has_more = true;
    while (has_more && (place = wait_for_place(p)) != NULL) {
        has_more = read_one(p, place);
        pthread_mutex_lock(&p->lock);
        p->read++;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

/* ---- the taking side ---- */

gw_code
gw_prefetch_begin(gw_store *store, pthread_mutex_t *lock, int64_t after,
                  int64_t upto, size_t batch_bytes, gw_prefetch **out,
                  gw_error *err)
{
    gw_prefetch *p = gw_calloc(1, sizeof(*p));
    p->store = store;
    p->store_lock = lock;
    p->after = after;
    p->upto = upto;
    p->batch_bytes = batch_bytes;
    for (size_t i = 0; i < AHEAD; i++) {
        gw_batch_init(&p->ring[i].batch);
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->has_thread = pthread_create(&p->thread, NULL, read_batches, p) == 0;
    if (!p->has_thread) {
        gw_prefetch_end(p);
        return gw_fail(err, GW_E_STORE, "no thread for reading");
    }
    *out = p;
    return GW_OK;
}

gw_code
gw_prefetch_next(gw_prefetch *p, gw_batch *batch, gw_error *err)
{
    struct read_batch *next = &p->ring[p->taken % AHEAD];
    pthread_mutex_lock(&p->lock);
    while (p->read == p->taken) {
        pthread_cond_wait(&p->changed, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    gw_code code = next->code;
    if (code != GW_OK) {
        if (err != NULL) {
            *err = next->err;
        }
        return code; /* nothing comes after it */
    }
    if (next->batch.n == 0) { /* the end stays where it is */
        gw_batch_reset(batch);
        return GW_OK;
    }
    gw_batch taken = next->batch;
    next->batch = *batch;
    *batch = taken;
    pthread_mutex_lock(&p->lock);
    p->taken++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return GW_OK;
}

void
gw_prefetch_end(gw_prefetch *p)
{
    if (p == NULL) {
        return;
    }
    if (p->has_thread) {
        pthread_mutex_lock(&p->lock);
        p->is_closing = true;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    for (size_t i = 0; i < AHEAD; i++) {
        gw_batch_clear(&p->ring[i].batch);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
