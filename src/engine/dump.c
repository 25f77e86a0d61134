/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the whole store as one JSON object, the same text for the same
 * content whatever the backend: keys sorted, models by fqid in byte order,
 * values canonical. Streams: holds a batch and, for the order of the models
 * of one collection, a temporary file. Source: cli.md, dump */
#include "engine/position_priv.h"
#include "engine/spool_priv.h"
#include "engine/stream_priv.h"

typedef struct gw_dumper {
    const gw_run *run;
    gw_out out;
    bool is_first;  /* nothing in this list or object yet */
    gw_spool spool; /* the models of `collection` */
    gw_buf collection;
    gw_buf model;   /* one, printed */
    int64_t newest; /* the live position that is printed last */
} gw_dumper;

static void
separate(gw_dumper *d)
{
    if (!d->is_first)
        gw_buf_byte(&d->out.buf, ',');
    d->is_first = false;
}

/* ---- positions and events ---- */

static gw_code
put_events(void *arg, const gw_position *p, gw_error *err)
{
    gw_dumper *d = arg;
    gw_buf *buf = &d->out.buf;
    gw_buf data = {0};
    gw_code code = GW_OK;

    for (size_t i = 0; code == GW_OK && i < p->events.n; i++) {
        const gw_event *event = &p->events.at[i];

        separate(d);
        data.len = 0;
        gw_event_put_data(&data, event);
        gw_buf_text(buf, "{\"data\":");
        gw_json_put_canonical(buf, gw_buf_as_slice(&data));
        gw_buf_text(buf, ",\"fqid\":");
        gw_json_put_string(buf, event->fqid.text);
        gw_buf_printf(buf,
                      ",\"position\":%lld,\"type\":\"%s\","
                      "\"weight\":%zu}",
                      (long long)p->position, gw_event_type_name(event->type),
                      i + 1);
        code = gw_out_drain(&d->out, err);
    }
    gw_buf_clear(&data);
    return code;
}

static gw_code
put_position(void *arg, const gw_position *p, gw_error *err)
{
    gw_dumper *d = arg;
    gw_buf *buf = &d->out.buf;

    separate(d);
    gw_buf_text(buf, "{\"information\":");
    gw_json_put_canonical(buf,
                          p->information.at ? p->information : GW_LIT("null"));
    gw_buf_printf(buf,
                  ",\"migration_index\":%lld,\"position\":%lld,"
                  "\"user_id\":%lld}",
                  (long long)p->migration_index, (long long)p->position,
                  (long long)p->user_id);
    return gw_out_drain(&d->out, err);
}

static gw_code
put_migration_position(void *arg, const gw_position *p, gw_error *err)
{
    gw_dumper *d = arg;

    separate(d);
    gw_buf_printf(&d->out.buf, "{\"migration_index\":%lld,\"position\":%lld}",
                  (long long)p->migration_index, (long long)p->position);
    return gw_out_drain(&d->out, err);
}

static gw_code
dump_events(gw_dumper *d, gw_error *err)
{
    return gw_stream_positions(d->run, GW_GENERATION_LIVE, d->newest,
                               put_events, d, err);
}

static gw_code
dump_positions(gw_dumper *d, gw_error *err)
{
    return gw_stream_positions(d->run, GW_GENERATION_LIVE, d->newest,
                               put_position, d, err);
}

static gw_code
dump_migration_events(gw_dumper *d, gw_error *err)
{
    return gw_stream_positions(d->run, GW_GENERATION_MIGRATED, 0, put_events, d,
                               err);
}

static gw_code
dump_migration_positions(gw_dumper *d, gw_error *err)
{
    return gw_stream_positions(d->run, GW_GENERATION_MIGRATED, 0,
                               put_migration_position, d, err);
}

/* ---- models and sequences ---- */

static gw_code
put_sequence(void *arg, gw_slice collection, int64_t id, gw_error *err)
{
    gw_dumper *d = arg;

    separate(d);
    gw_json_put_string(&d->out.buf, collection);
    gw_buf_printf(&d->out.buf, ":%lld", (long long)id);
    return gw_out_drain(&d->out, err);
}

static gw_code
dump_sequences(gw_dumper *d, gw_error *err)
{
    return gw_store_sequences(d->run->store, put_sequence, d, err);
}

static gw_code
put_piece(void *arg, gw_slice piece, bool is_first, gw_error *err)
{
    gw_dumper *d = arg;

    if (is_first)
        separate(d);
    gw_buf_slice(&d->out.buf, piece);
    return gw_out_drain(&d->out, err);
}

static gw_slice
collection_of(gw_slice fqid)
{
    const char *slash = memchr(fqid.at, '/', fqid.len);

    return (gw_slice){fqid.at, slash ? (size_t)(slash - fqid.at) : fqid.len};
}

static gw_code
add_model(void *arg, gw_slice fqid, gw_slice data, bool deleted, gw_error *err)
{
    gw_dumper *d = arg;
    gw_slice collection = collection_of(fqid);
    gw_code code = GW_OK;

    if (gw_stream_is_stopped(d->run))
        return gw_fail(err, GW_E_INTERRUPTED, "stopped");
    if (!gw_slice_equal(collection, gw_buf_as_slice(&d->collection))) {
        code = gw_spool_merge(&d->spool, put_piece, d, err);
        d->collection.len = 0;
        gw_buf_slice(&d->collection, collection);
    }
    if (code != GW_OK)
        return code;
    d->model.len = 0;
    gw_json_put_string(&d->model, fqid);
    gw_buf_text(&d->model, ":{\"data\":");
    gw_json_put_canonical(&d->model, data);
    gw_buf_printf(&d->model, ",\"deleted\":%s}", deleted ? "true" : "false");
    return gw_spool_add(&d->spool, fqid, gw_buf_as_slice(&d->model), err);
}

static gw_code
dump_models(gw_dumper *d, gw_error *err)
{
    gw_code code;

    code =
        gw_store_models(d->run->store, (gw_slice){NULL, 0}, add_model, d, err);
    if (code == GW_OK)
        code = gw_spool_merge(&d->spool, put_piece, d, err);
    return code;
}

/* ---- the object ---- */

static const struct {
    const char *open, *close;
    gw_code (*dump)(gw_dumper *d, gw_error *err);
} members[] = {
    {"{\"events\":[", "]", dump_events},
    {",\"id_sequences\":{", "}", dump_sequences},
    {",\"migration_events\":[", "]", dump_migration_events},
    {",\"migration_positions\":[", "]", dump_migration_positions},
    {",\"models\":{", "}", dump_models},
    {",\"positions\":[", "]}\n", dump_positions},
};
#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

/* What is appended while it runs is left out: the lists of positions and of
 * events are about the same positions. */
gw_code
gw_dump(const gw_run *run, FILE *out, gw_error *err)
{
    gw_dumper d = {.run = run, .out = {.file = out}};
    gw_store_counts counts;
    gw_code code;

    code = gw_store_count(run->store, 0, false, &counts, err);
    if (code != GW_OK)
        return code;
    d.newest = counts.max_position;
    for (size_t i = 0; code == GW_OK && i < N_MEMBERS; i++) {
        gw_buf_text(&d.out.buf, members[i].open);
        d.is_first = true;
        code = members[i].dump(&d, err);
        gw_buf_text(&d.out.buf, members[i].close);
    }
    if (code == GW_OK)
        code = gw_out_finish(&d.out, err);
    gw_spool_clear(&d.spool);
    gw_buf_clear(&d.collection);
    gw_buf_clear(&d.model);
    gw_buf_clear(&d.out.buf);
    return code;
}
