/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of positions, filled from the rows of any backend, and the small
 * things that the backends share. No I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "store/store_priv.h"

enum {
    FIRST_POSITIONS = 64,
    FIRST_EVENTS = 128,
    LAST_EVENTS = 4096,
    EVENT_OVERHEAD = sizeof(gw_event) + 64,
    POSITION_OVERHEAD = sizeof(gw_position) + 64,
};

void
gw_batch_init(gw_batch *batch)
{
    *batch = (gw_batch){0};
    gw_arena_init(&batch->arena);
}

void
gw_batch_reset(gw_batch *batch)
{
    gw_arena_reset(&batch->arena);
    batch->positions = NULL;
    batch->n = 0;
    batch->n_events = 0;
    batch->bytes = 0;
}

void
gw_batch_clear(gw_batch *batch)
{
    gw_arena_clear(&batch->arena);
    *batch = (gw_batch){0};
}

void
gw_batch_builder_init(gw_batch_builder *b, gw_batch *batch)
{
    gw_batch_reset(batch);
    *b = (gw_batch_builder){.batch = batch};
}

static void
grow_positions(gw_batch_builder *b)
{
    size_t room = b->positions_room ? 2 * b->positions_room : FIRST_POSITIONS;
    gw_position *at = GW_ARENA_NEW(&b->batch->arena, gw_position, room);

    if (b->batch->n > 0)
        memcpy(at, b->batch->positions, b->batch->n * sizeof(*at));
    b->batch->positions = at;
    b->positions_room = room;
}

void
gw_batch_add_position(gw_batch_builder *b, const gw_position *p)
{
    gw_batch *batch = b->batch;

    if (batch->n == b->positions_room)
        grow_positions(b);
    gw_position *mine = &batch->positions[batch->n++];
    *mine = *p;
    mine->timestamp = gw_arena_dup(&batch->arena, p->timestamp);
    mine->information = gw_arena_dup(&batch->arena, p->information);
    mine->events = (gw_events){0};
    b->first = b->n;
    b->is_unsorted = false;
    b->cost += POSITION_OVERHEAD + p->timestamp.len + p->information.len;
}

/* The events of one position must lie side by side, so those there already
 * move along into the new piece. */
static void
grow_events(gw_batch_builder *b)
{
    size_t mine = b->n - b->first;
    size_t room = b->room ? 2 * b->room : FIRST_EVENTS;

    if (room > LAST_EVENTS)
        room = LAST_EVENTS;
    if (room < 2 * mine)
        room = 2 * mine;
    gw_event *events = GW_ARENA_NEW(&b->batch->arena, gw_event, room);
    int64_t *weights = GW_ARENA_NEW(&b->batch->arena, int64_t, room);
    if (mine > 0) {
        memcpy(events, b->events + b->first, mine * sizeof(*events));
        memcpy(weights, b->weights + b->first, mine * sizeof(*weights));
    }
    b->events = events;
    b->weights = weights;
    b->first = 0;
    b->n = mine;
    b->room = room;
}

static gw_code
check_event_size(const gw_batch_builder *b, gw_slice data, gw_error *err)
{
    if (b->n - b->first >= GW_LIMIT_POSITION_EVENTS)
        return gw_fail(err, GW_E_LIMIT, "more than %d events",
                       GW_LIMIT_POSITION_EVENTS);
    if (data.len > GW_LIMIT_EVENT_DATA)
        return gw_fail(err, GW_E_LIMIT, "its data is longer than %d MiB",
                       GW_LIMIT_EVENT_DATA / GW_MIB);
    return GW_OK;
}

/* One piece of memory for both texts. */
static void
copy_texts(gw_arena *arena, gw_slice *fqid, gw_slice *data)
{
    char *at = gw_arena_alloc(arena, fqid->len + data->len);

    if (fqid->at) {
        memcpy(at, fqid->at, fqid->len);
        fqid->at = at;
    }
    if (data->at) {
        memcpy(at + fqid->len, data->at, data->len);
        data->at = at + fqid->len;
    }
}

gw_code
gw_batch_add_event(gw_batch_builder *b, int64_t id, int64_t weight,
                   gw_slice fqid, gw_slice type, gw_slice data, gw_error *err)
{
    gw_batch *batch = b->batch;
    gw_code code = check_event_size(b, data, err);

    if (b->n == b->room)
        grow_events(b);
    if (code == GW_OK) {
        copy_texts(&batch->arena, &fqid, &data);
        code = gw_event_parse(&batch->arena, fqid, type, data, &b->events[b->n],
                              err);
    }
    if (code != GW_OK) {
        int shown = fqid.len > 100 ? 100 : (int)fqid.len;
        (void)gw_fail_prefix(err,
                             "position %" PRId64 ", event %" PRId64 " (%.*s): ",
                             batch->positions[batch->n - 1].position, weight,
                             shown, fqid.at ? fqid.at : "");
        return code;
    }
    if (b->n > b->first && weight < b->weights[b->n - 1])
        b->is_unsorted = true;
    /* JSON null becomes no data when it is written */
    b->events[b->n].row =
        (gw_event_row){gw_slice_equal(data, GW_LIT("null")) ? 0 : id, fqid.at,
                       weight, b->events[b->n].type};
    b->weights[b->n++] = weight;
    batch->n_events++;
    batch->bytes += data.len;
    b->cost += EVENT_OVERHEAD + fqid.len + data.len;
    return GW_OK;
}

struct rank {
    int64_t weight;
    size_t index;
};

static int
compare_ranks(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight < y->weight ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void
sort_events(gw_batch_builder *b)
{
    size_t n = b->n - b->first;
    const gw_event *from = b->events + b->first;
    struct rank *ranks = gw_malloc(n * sizeof(*ranks));
    gw_event *sorted = gw_malloc(n * sizeof(*sorted));

    for (size_t i = 0; i < n; i++)
        ranks[i] = (struct rank){b->weights[b->first + i], i};
    qsort(ranks, n, sizeof(*ranks), compare_ranks);
    for (size_t i = 0; i < n; i++)
        sorted[i] = from[ranks[i].index];
    memcpy(b->events + b->first, sorted, n * sizeof(*sorted));
    free(sorted);
    free(ranks);
}

void
gw_batch_end_position(gw_batch_builder *b)
{
    gw_position *p = &b->batch->positions[b->batch->n - 1];

    if (b->is_unsorted)
        sort_events(b);
    p->events.n = b->n - b->first;
    p->events.at = p->events.n ? b->events + b->first : NULL;
    b->first = b->n;
}

void
gw_batch_drop_position(gw_batch_builder *b)
{
    b->batch->n--;
    b->batch->n_events -= b->n - b->first;
    for (size_t i = b->first; i < b->n; i++)
        b->batch->bytes -= b->events[i].raw.len;
    b->n = b->first;
}

void
gw_store_timestamp(char out[GW_TIMESTAMP_ROOM])
{
    struct timespec now;
    struct tm utc;
    char seconds[sizeof("2026-11-24T10:00:00")] = "";

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out, GW_TIMESTAMP_ROOM, "%s.%06ld+00:00", seconds,
                   now.tv_nsec / 1000);
}

void
gw_run_state_clear(gw_run_state *state)
{
    free(state->checksums);
    *state = (gw_run_state){0};
}

/* ---- id sequences ---- */

/* Where the collection is, or belongs. */
static size_t
find_sequence(const gw_sequences *s, gw_slice collection, bool *found)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const gw_sequence *m = &s->at[middle];
        int order =
            gw_slice_compare((gw_slice){m->collection, m->len}, collection);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static void
insert_sequence(gw_sequences *s, size_t index, gw_slice collection)
{
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 16;
        s->at = gw_realloc(s->at, s->room * sizeof(*s->at));
    }
    memmove(s->at + index + 1, s->at + index, (s->n - index) * sizeof(*s->at));
    char *name = gw_malloc(collection.len + 1);
    memcpy(name, collection.at, collection.len);
    name[collection.len] = '\0';
    s->at[index] = (gw_sequence){.collection = name, .len = collection.len};
    s->n++;
}

static gw_sequence *
take_sequence(gw_sequences *s, gw_slice collection)
{
    bool found = false;

    if (s->latest < s->n) {
        gw_sequence *q = &s->at[s->latest];
        if (gw_slice_equal((gw_slice){q->collection, q->len}, collection))
            return q;
    }
    s->latest = find_sequence(s, collection, &found);
    if (!found)
        insert_sequence(s, s->latest, collection);
    return &s->at[s->latest];
}

void
gw_sequences_note(gw_sequences *s, gw_slice fqid)
{
    const char *slash = memchr(fqid.at, '/', fqid.len);
    int64_t next = 0;

    if (!slash)
        return;
    size_t len = (size_t)(slash - fqid.at);
    for (size_t i = len + 1; i < fqid.len; i++) {
        int digit = fqid.at[i] - '0';
        if (digit < 0 || digit > 9 ||
            __builtin_mul_overflow(next, (int64_t)10, &next) ||
            __builtin_add_overflow(next, (int64_t)digit, &next))
            return;
    }
    if (__builtin_add_overflow(next, (int64_t)1, &next))
        return;
    gw_sequence *q = take_sequence(s, (gw_slice){fqid.at, len});
    if (next > q->next) {
        q->next = next;
        q->is_written = false;
    }
}

void
gw_sequences_clear(gw_sequences *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->at[i].collection);
    free(s->at);
    *s = (gw_sequences){0};
}
