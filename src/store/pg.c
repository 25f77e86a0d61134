/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, checks and makes stores in PostgreSQL: a database with the tables
 * of the OpenSlides 4 datastore. Opening one changes nothing in it. */
#include <libpq-fe.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/pg_priv.h"

/* Shorter than the server's deadlock_timeout (1 s by default): two who lock
 * in another order wait for each other until we give way, and never until
 * the server ends the application's transaction. */
enum { FIRST_PAGE = 256, DEFAULT_WAIT_MS = 600 };

static void
close_store(gw_store *store)
{
    gw_pg *s = gw_pg_of(store);
    gw_buf *const all[] = {&s->positions, &s->events,  &s->models,
                           &s->saved,     &s->buf,     &s->made_rows,
                           &s->levels,    &s->runs[0], &s->runs[1],
                           &s->runs[2],   &s->runs[3], &s->import_keys};

    gw_pg_abort(store);
    gw_pg_unlock(store);
    gw_pg_conn_close(&s->reader);
    gw_pg_conn_close(&s->writer);
    gw_pg_conn_close(&s->helper);
    gw_pg_conn_close(&s->lock);
    gw_sequences_clear(&s->live_ids);
    gw_sequences_clear(&s->made_ids);
    gw_arena_clear(&s->reader_arena);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        gw_buf_clear(all[i]);
    free(s->writers);
    explicit_bzero(s->uri, strlen(s->uri));
    free(s->uri);
    free(s->store.name);
    free(s);
}

static const struct gw_store_ops pg_ops = {
    .batch_bytes = GW_DEFAULT_BATCH_PG,
    .close = close_store,
    .count = gw_pg_count,
    .count_after = gw_pg_count_after,
    .run_state = gw_pg_run_state,
    .read = gw_pg_read,
    .model = gw_pg_model,
    .models = gw_pg_models,
    .sequences = gw_pg_sequences,
    .records = gw_pg_records,
    .put_record = gw_pg_put_record,
    .keyframe_load = gw_pg_keyframe_load,
    .keyframe_list = gw_pg_keyframe_list,
    .lock = gw_pg_lock,
    .unlock = gw_pg_unlock,
    .begin = gw_pg_begin,
    .commit = gw_pg_commit,
    .abort = gw_pg_abort,
    .expect = gw_pg_expect,
    .append = gw_pg_append,
    .put_model = gw_pg_put_model,
    .model_now = gw_pg_model_now,
    .models_now = gw_pg_models_now,
    .read_now = gw_pg_read_now,
    .max_position_now = gw_pg_max_position_now,
    .write = gw_pg_write,
    .put_run_state = gw_pg_put_run_state,
    .keyframe_put = gw_pg_keyframe_put,
    .forget = gw_pg_forget,
    .set_aside = gw_pg_set_aside,
    .cut_back = gw_pg_cut_back,
    .drop_base = gw_pg_drop_base,
    .set_final_index = gw_pg_set_final_index,
    .check = gw_pg_check,
    .prepare_swap = gw_pg_prepare_swap,
    .after_swap = gw_pg_after_swap,
    .swap = gw_pg_swap,
    .swap_back = gw_pg_swap_back,
    .seal = gw_pg_seal,
    .discard = gw_pg_discard,
    .set_index = gw_pg_set_index,
    .clear_helpers = gw_pg_clear_helpers,
    .import = &gw_pg_import,
};

/* ---- making and checking ---- */

static const char present_sql[] =
    "SELECT coalesce(string_agg(name, ', ') FILTER (WHERE there), ''),"
    " coalesce(string_agg(name, ', ') FILTER (WHERE NOT there), '')"
    " FROM (SELECT name, to_regclass(name) IS NOT NULL AS there FROM"
    " unnest(ARRAY['positions', 'events', 'models', 'id_sequences']) AS name)"
    " AS t";

/* Lists of the store's tables that are there and that are not; the result
 * is the caller's. */
static gw_code
look_for_tables(gw_pg_conn *conn, PGresult **out, gw_error *err)
{
    PGresult *rows = PQexec(conn->db, present_sql);

    if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
        gw_code code = gw_pg_fail(conn, rows, "looking for the tables", err);
        PQclear(rows);
        return code;
    }
    *out = rows;
    return GW_OK;
}

static gw_code
make_tables(gw_pg *s, gw_error *err)
{
    PGresult *rows = NULL;
    gw_code code = look_for_tables(&s->reader, &rows, err);

    if (code != GW_OK)
        return code;
    if (PQgetlength(rows, 0, 0) > 0)
        code = gw_fail(err, GW_E_STATE,
                       "%s holds tables already (%s); a new store needs a "
                       "new database",
                       s->store.name, PQgetvalue(rows, 0, 0));
    PQclear(rows);
    if (code == GW_OK)
        code = gw_pg_exec(&s->reader, "BEGIN", "making the tables", err);
    if (code == GW_OK)
        code = gw_pg_section(&s->reader, "schema", err);
    if (code == GW_OK)
        code = gw_pg_section(&s->reader, "live", err);
    if (code == GW_OK)
        code = gw_pg_exec(&s->reader, "COMMIT", "making the tables", err);
    return code;
}

static gw_code
check_version(gw_pg *s, gw_error *err)
{
    PGresult *rows;
    gw_pg_tables tables = {0};
    gw_code code = gw_pg_tables_of(&s->reader, &tables, err);

    if (code != GW_OK || !tables.own)
        return code;
    rows = PQexec(s->reader.db, "SELECT schema_version FROM godwit_store");
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        code = gw_pg_fail(&s->reader, rows, "reading the version", err);
    else if (PQntuples(rows) > 0 && gw_pg_int(rows, 0, 0) > GW_PG_SCHEMA)
        code = gw_fail(err, GW_E_STORE,
                       "the store %s has schema version %s, this program "
                       "knows %d: use a newer Godwit",
                       s->store.name, PQgetvalue(rows, 0, 0), GW_PG_SCHEMA);
    PQclear(rows);
    return code;
}

static gw_code
check_tables(gw_pg *s, gw_error *err)
{
    PGresult *rows = NULL;
    gw_code code = look_for_tables(&s->reader, &rows, err);

    if (code != GW_OK)
        return code;
    if (PQgetlength(rows, 0, 1) > 0)
        code = gw_fail(err, GW_E_STORE,
                       "%s holds no store: it has no %s; `godwit init` makes "
                       "a store",
                       s->store.name, PQgetvalue(rows, 0, 1));
    PQclear(rows);
    return code == GW_OK ? check_version(s, err) : code;
}

/* ---- opening ---- */

static gw_pg *
new_store(const char *uri, char *name, const gw_store_options *options)
{
    gw_pg *s = gw_calloc(1, sizeof(*s));

    s->store = (gw_store){&pg_ops, name};
    s->uri = gw_strdup(uri);
    s->read_only = options->read_only;
    s->wait_ms =
        options->lock_wait_ms > 0 ? options->lock_wait_ms : DEFAULT_WAIT_MS;
    s->page = FIRST_PAGE;
    s->drawn = -1;
    s->last_event = s->newest = -1;
    s->reader.name = s->writer.name = s->helper.name = s->lock.name = name;
    gw_arena_init(&s->reader_arena);
    return s;
}

gw_code
gw_pg_open(const char *uri, const gw_store_options *options, gw_store **out,
           gw_error *err)
{
    static const gw_store_options defaults;
    char *name = gw_pg_name(uri);

    if (!name)
        return gw_fail(err, GW_E_USAGE,
                       "the store's URI is malformed; it is "
                       "postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE "
                       "with what is special in them as %%XX");
    if (!options)
        options = &defaults;
    gw_pg *s = new_store(uri, name, options);
    gw_code code = gw_pg_conn_open(&s->reader, s->uri, name, err);
    if (code == GW_OK && options->create) {
        code = make_tables(s, err);
        gw_pg_conn_close(&s->reader); /* the search path may be another */
        if (code == GW_OK)
            code = gw_pg_conn_open(&s->reader, s->uri, name, err);
    }
    if (code == GW_OK)
        code = check_tables(s, err);
    if (code != GW_OK) {
        close_store(&s->store);
        return code;
    }
    *out = &s->store;
    return GW_OK;
}
