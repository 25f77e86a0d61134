/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions of the writing side, and what is appended in them. Rows that
 * are appended are gathered and sent in one piece, at the latest when
 * something of them is read or the transaction ends. */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/pg_priv.h"

/* What is gathered before it is sent, and what a buffer may keep. */
#define PIECE_BYTES ((size_t)GW_MIB)
#define KEPT_BYTES ((size_t)32 * GW_MIB)

/* ---- transactions ---- */

gw_pg_conn *
gw_pg_reader(gw_pg *s)
{
    return s->is_cutover ? &s->writer : &s->reader;
}

gw_code
gw_pg_open_writer(gw_pg *s, gw_error *err)
{
    if (s->writer.db && PQstatus(s->writer.db) == CONNECTION_OK)
        return GW_OK;
    if (s->read_only)
        return gw_fail(err, GW_E_STORE, "the store %s is open for reading only",
                       s->store.name);
    gw_pg_conn_close(&s->writer);
    return gw_pg_conn_open(&s->writer, s->uri, s->store.name, err);
}

gw_code
gw_pg_writer_of(gw_pg *s, gw_error *err)
{
    if (s->is_open)
        return GW_OK;
    return gw_fail(err, GW_E_STATE,
                   "the store %s has no open transaction to write in",
                   s->store.name);
}

void
gw_pg_forget_buffered(gw_pg *s)
{
    gw_buf *const all[] = {&s->positions, &s->events, &s->models,     &s->saved,
                           &s->levels,    &s->buf,    &s->import_keys};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        all[i]->len = 0;
        if (all[i]->room > KEPT_BYTES)
            gw_buf_clear(all[i]);
    }
    s->is_saving = false;
    s->made_rows.len = 0;
    s->n_unchanged = 0;
    for (size_t i = 0; i < sizeof(s->runs) / sizeof(s->runs[0]); i++)
        s->runs[i].len = 0;
}

/* Batches need not be on the disk when they are reported: their order is
 * kept, and a run goes on from what is there. Who holds no run lock writes
 * as the application does: one at a time, so that nobody's models change
 * under it. */
static gw_code
enter(gw_pg *s, gw_error *err)
{
    int64_t saved = 0;
    gw_pg_tables tables = {0};
    gw_code code = GW_OK;

    if (s->is_locked)
        code = gw_pg_check_fence(s, &s->writer, err);
    if (code == GW_OK && s->is_cutover)
        code = gw_pg_lock_tables(s, err);
    else if (code == GW_OK && s->is_locked)
        code = gw_pg_exec(&s->writer, "SET LOCAL synchronous_commit = off",
                          "beginning a batch", err);
    else if (code == GW_OK)
        code = gw_pg_exec(&s->writer,
                          "LOCK TABLE positions IN SHARE ROW EXCLUSIVE MODE",
                          "waiting for other writers", err);
    if (code == GW_OK)
        code = gw_pg_tables_of(&s->writer, &tables, err);
    if (code == GW_OK && tables.made)
        code = gw_pg_ints(&s->writer, GW_PG_HAS_SAVED, NULL, &saved, 1, err);
    s->is_first_save = saved == 0;
    s->may_help = s->is_locked && !s->is_cutover && tables.made;
    s->has_made = tables.made;
    s->collection_len = tables.collection_len;
    s->last_event = -1;
    s->newest = -1;
    s->is_raised = false;
    s->expected = s->n_numbers = s->used_numbers = 0;
    gw_store_timestamp(s->now);
    gw_sequences_clear(&s->live_ids);
    gw_sequences_clear(&s->made_ids);
    gw_pg_forget_buffered(s);
    return code;
}

gw_code
gw_pg_begin(gw_store *store, bool cutover, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code;

    if (s->is_open)
        return gw_fail(err, GW_E_STATE,
                       "the store %s has an open transaction already",
                       s->store.name);
    code = gw_pg_open_writer(s, err);
    if (code == GW_OK)
        code = gw_pg_exec(&s->writer,
                          "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                          "beginning a transaction", err);
    if (code != GW_OK)
        return code;
    s->is_open = true;
    s->is_cutover = cutover;
    code = enter(s, err);
    if (code != GW_OK)
        gw_pg_abort(store);
    return code;
}

/* A failed transaction answers COMMIT with ROLLBACK, and says it went well. */
static gw_code
send_commit(gw_pg *s, gw_error *err)
{
    PGresult *result = PQexec(s->writer.db, "COMMIT");
    gw_code code = GW_OK;

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        code = gw_pg_fail(&s->writer, result, "committing", err);
    else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
        code = gw_fail(err, GW_E_STORE,
                       "the store %s: the transaction failed before it was "
                       "committed",
                       s->store.name);
    PQclear(result);
    return code;
}

gw_code
gw_pg_commit(gw_store *store, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    if (code == GW_OK)
        code = gw_pg_put_sequences(s, err);
    if (code == GW_OK)
        code = send_commit(s, err);
    if (code != GW_OK) {
        gw_pg_abort(store);
        return code;
    }
    s->is_open = s->is_cutover = false;
    gw_pg_forget_buffered(s);
    return GW_OK;
}

void
gw_pg_abort(gw_store *store)
{
    gw_pg *s = gw_pg_of(store);

    if (!s->is_open)
        return;
    s->writer.copying = NULL; /* ROLLBACK ends it */
    PQclear(PQexec(s->writer.db, "ROLLBACK"));
    gw_pg_conn_close(&s->helper);
    s->is_helping = false;
    s->is_open = s->is_cutover = false;
    gw_pg_forget_buffered(s);
}

/* ---- what is gathered ---- */

static gw_code
flush_models(gw_pg *s, gw_error *err)
{
    gw_pg_params p = {0};

    if (s->models.len == 0)
        return GW_OK;
    gw_buf_byte(&s->models, ']');
    gw_pg_add_text(&p, gw_buf_as_slice(&s->models));
    gw_code code = gw_pg_run(&s->writer, GW_PG_PUT_MODELS, &p, NULL, err);
    s->models.len = 0;
    return code;
}

static gw_code
raise_sequence(gw_pg *s, gw_error *err)
{
    gw_pg_params p = {0};
    int64_t ignored;

    if (!s->is_raised)
        return GW_OK;
    s->is_raised = false;
    gw_pg_add_int(&p, s->newest);
    return gw_pg_ints(&s->writer, GW_PG_RAISE_POSITION, &p, &ignored, 1, err);
}

static gw_code
flush_positions(gw_pg *s, gw_error *err)
{
    gw_code code = gw_pg_copy(&s->writer,
                              "COPY positions (position, timestamp, user_id,"
                              " information, migration_index) FROM STDIN",
                              gw_buf_as_slice(&s->positions), err);

    if (code == GW_OK)
        code = gw_pg_copy(&s->writer,
                          "COPY events (position, fqid, type, data, weight)"
                          " FROM STDIN",
                          gw_buf_as_slice(&s->events), err);
    s->positions.len = s->events.len = 0;
    return code == GW_OK ? raise_sequence(s, err) : code;
}

gw_code
gw_pg_flush(gw_pg *s, gw_error *err)
{
    gw_code code = flush_positions(s, err);

    if (code == GW_OK)
        code = flush_models(s, err);
    if (code == GW_OK)
        code = gw_pg_flush_saved(s, err);
    return code == GW_OK ? gw_pg_flush_import(s, err) : code;
}

static void
add_model(gw_buf *buf, gw_slice fqid, gw_slice data, bool deleted)
{
    gw_buf_text(buf, buf->len == 0 ? "[{\"f\":" : ",{\"f\":");
    gw_json_put_string(buf, fqid);
    gw_buf_text(buf, ",\"m\":");
    gw_buf_slice(buf, data);
    gw_buf_text(buf, deleted ? ",\"d\":true}" : ",\"d\":false}");
}

/* ---- rows ---- */

/* Some JSON null, as in NDJSON, is no data. */
static gw_slice
none_for_null(gw_slice json)
{
    gw_slice none = {0};

    return gw_slice_equal(json, GW_LIT("null")) ? none : json;
}

void
gw_pg_put_event(gw_buf *out, gw_buf *room, int64_t position,
                const gw_event *event, size_t weight)
{
    gw_buf_int(out, position);
    gw_buf_byte(out, '\t');
    gw_pg_put_copy(out, event->fqid.text);
    gw_buf_byte(out, '\t');
    gw_buf_text(out, gw_event_type_name(event->type));
    gw_buf_byte(out, '\t');
    gw_pg_put_copy(out, none_for_null(gw_store_event_data(room, event)));
    gw_buf_byte(out, '\t');
    gw_buf_int(out, (int64_t)weight);
    gw_buf_byte(out, '\n');
}

static void
put_position(gw_pg *s, int64_t number, const gw_position *p)
{
    gw_buf *out = &s->positions;

    gw_buf_int(out, number);
    gw_buf_byte(out, '\t');
    gw_pg_put_copy(out, p->timestamp.at ? p->timestamp : gw_slice_of(s->now));
    gw_buf_byte(out, '\t');
    gw_buf_int(out, p->user_id);
    gw_buf_byte(out, '\t');
    gw_pg_put_copy(out, none_for_null(p->information));
    gw_buf_byte(out, '\t');
    gw_buf_int(out, p->migration_index);
    gw_buf_byte(out, '\n');
}

void
gw_pg_expect(gw_store *store, size_t n)
{
    gw_pg_of(store)->expected = n;
}

/* Draws what the positions that are expected will want, one at least. */
static gw_code
draw_numbers(gw_pg *s, gw_error *err)
{
    gw_pg_params p = {0};
    PGresult *rows = NULL;
    size_t n = s->expected > GW_PG_NUMBERS ? GW_PG_NUMBERS : s->expected;

    s->n_numbers = s->used_numbers = 0;
    gw_pg_add_int(&p, n > 0 ? (int64_t)n : 1);
    gw_code code = gw_pg_run(&s->writer, GW_PG_NEXT_POSITIONS, &p, &rows, err);
    if (code != GW_OK)
        return code;
    for (int i = 0; i < PQntuples(rows) && i < GW_PG_NUMBERS; i++)
        s->numbers[s->n_numbers++] = gw_pg_int(rows, i, 0);
    PQclear(rows);
    return GW_OK;
}

/* The next of the numbers drawn, of those above the newest position. */
static bool
take_number(gw_pg *s, int64_t *out)
{
    while (s->used_numbers < s->n_numbers) {
        *out = s->numbers[s->used_numbers++];
        if (*out <= s->newest)
            continue;
        if (s->expected > 0)
            s->expected--;
        return true;
    }
    return false;
}

/* The next number, as the application draws it. Where numbers were given by
 * hand the sequence may be behind. */
static gw_code
draw_position(gw_pg *s, int64_t *out, gw_error *err)
{
    gw_code code;

    if (take_number(s, out))
        return GW_OK;
    code = draw_numbers(s, err);
    if (code != GW_OK || take_number(s, out))
        return code;
    s->is_raised = true;
    code = raise_sequence(s, err);
    if (code == GW_OK)
        code = draw_numbers(s, err);
    if (code == GW_OK && !take_number(s, out))
        code = gw_fail(err, GW_E_STORE,
                       "the store %s: its sequence of positions gives no "
                       "number above the newest, %" PRId64,
                       s->store.name, s->newest);
    return code;
}

static gw_code
number_position(gw_pg *s, int64_t wanted, int64_t *out, gw_error *err)
{
    gw_code code = GW_OK;

    if (s->newest < 0)
        code = gw_pg_ints(&s->writer, GW_PG_LAST_POSITION, NULL, &s->newest, 1,
                          err);
    if (code != GW_OK)
        return code;
    *out = wanted;
    if (wanted == 0)
        return draw_position(s, out, err);
    if (wanted <= s->newest || wanted < 1)
        return gw_fail(err, GW_E_INPUT,
                       "position %" PRId64 " is not above the newest one, "
                       "%" PRId64,
                       wanted, s->newest);
    if (wanted > INT32_MAX)
        return gw_fail(err, GW_E_LIMIT,
                       "position %" PRId64 " is above %d, the highest that "
                       "PostgreSQL's column can hold",
                       wanted, INT32_MAX);
    s->is_raised = true;
    return GW_OK;
}

gw_code
gw_pg_append(gw_store *store, const gw_position *p, int64_t *assigned,
             gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    int64_t number = 0;
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = number_position(s, p->position, &number, err);
    if (code != GW_OK)
        return code;
    s->newest = number;
    put_position(s, number, p);
    for (size_t i = 0; i < p->events.n; i++)
        gw_pg_put_event(&s->events, &s->buf, number, &p->events.at[i], i + 1);
    if (s->events.len + s->positions.len >= PIECE_BYTES)
        code = flush_positions(s, err);
    if (code == GW_OK && assigned)
        *assigned = number;
    return code;
}

gw_code
gw_pg_put_model(gw_store *store, gw_slice fqid, gw_slice data, bool deleted,
                gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    if (code != GW_OK)
        return code;
    gw_sequences_note(&s->live_ids, fqid);
    add_model(&s->models, fqid, data, deleted);
    return s->models.len >= PIECE_BYTES ? flush_models(s, err) : GW_OK;
}

/* What the table's columns cannot hold the application cannot reserve. */
static gw_code
put_ids(gw_pg *s, gw_pg_sql which, gw_sequences *ids, gw_error *err)
{
    gw_code code = GW_OK;

    for (size_t i = 0; i < ids->n && code == GW_OK; i++) {
        gw_sequence *q = &ids->at[i];
        gw_pg_params p = {0};
        if (q->is_written || q->next > INT32_MAX ||
            q->len > (size_t)s->collection_len)
            continue;
        gw_pg_add_text(&p, (gw_slice){q->collection, q->len});
        gw_pg_add_int(&p, q->next);
        code = gw_pg_run(&s->writer, which, &p, NULL, err);
        q->is_written = code == GW_OK;
    }
    return code;
}

gw_code
gw_pg_put_sequences(gw_pg *s, gw_error *err)
{
    gw_code code = put_ids(s, GW_PG_PUT_SEQUENCE, &s->live_ids, err);

    if (code == GW_OK && s->has_made)
        code = put_ids(s, GW_PG_PUT_MADE_SEQUENCE, &s->made_ids, err);
    return code;
}

/* ---- run state and indexes ---- */

gw_code
gw_pg_put_run_state(gw_store *store, const gw_run_state *state, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    const int64_t values[] = {
        state->start_index,       state->event_target, state->position,
        state->positions,         state->events,       state->events_written,
        state->keyframe_position, state->base_target,  state->base_position,
        state->final_index,
    };
    gw_pg_params p = {0};
    gw_code code = gw_pg_ensure_made(s, err);

    if (code != GW_OK)
        return code;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        gw_pg_add_int(&p, values[i]);
    if (state->checksums)
        gw_pg_add_text(&p, gw_slice_of(state->checksums));
    else
        gw_pg_add_null(&p);
    return gw_pg_run(&s->writer, GW_PG_PUT_RUN_STATE, &p, NULL, err);
}

gw_code
gw_pg_set_index(gw_store *store, int64_t index, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    gw_code code = gw_pg_writer_of(s, err);

    if (code == GW_OK)
        code = gw_pg_flush(s, err);
    gw_pg_add_int(&p, index);
    return code == GW_OK ? gw_pg_run(&s->writer, GW_PG_SET_INDEX, &p, NULL, err)
                         : code;
}

gw_code
gw_pg_set_final_index(gw_store *store, int64_t final_index, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    gw_code code = gw_pg_ensure_made(s, err);

    gw_pg_add_int(&p, final_index);
    return code == GW_OK
               ? gw_pg_run(&s->writer, GW_PG_SET_FINAL_INDEX, &p, NULL, err)
               : code;
}
