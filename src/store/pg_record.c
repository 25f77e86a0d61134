/* SPDX-License-Identifier: Apache-2.0 */
/* Records of runs. Their table is made when the first one is put. */
#include <inttypes.h>
#include <libpq-fe.h>

#include "base/limits.h"
#include "store/pg_priv.h"

typedef struct gw_pg_visit {
    gw_code (*visit)(void *arg, gw_slice id, gw_slice record, gw_error *err);
    void *arg;
} gw_pg_visit;

static gw_code
has_table(gw_pg_conn *conn, int64_t *out, gw_error *err)
{
    return gw_pg_ints(conn, GW_PG_HAS_RECORDS, NULL, out, 1, err);
}

static gw_code
make_table(gw_pg_conn *conn, gw_error *err)
{
    int64_t there = 0;
    gw_code code = has_table(conn, &there, err);

    if (code != GW_OK || there)
        return code;
    return gw_pg_exec(conn,
                      "CREATE TABLE IF NOT EXISTS godwit_runs ("
                      " kind text NOT NULL, id text NOT NULL,"
                      " at bigint NOT NULL, record json NOT NULL,"
                      " PRIMARY KEY (kind, id))",
                      "making the table of runs", err);
}

gw_code
gw_pg_put_record(gw_store *store, const char *kind, gw_slice id, int64_t at,
                 gw_slice record, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params row = {0}, old = {0};
    gw_code code = gw_pg_open_writer(s, err);

    if (code == GW_OK)
        code = make_table(&s->writer, err);
    if (code != GW_OK)
        return code;
    gw_pg_add_text(&row, gw_slice_of(kind));
    gw_pg_add_text(&row, id);
    gw_pg_add_int(&row, at);
    gw_pg_add_text(&row, record);
    code = gw_pg_run(&s->writer, GW_PG_PUT_RECORD, &row, NULL, err);
    gw_pg_add_text(&old, gw_slice_of(kind));
    gw_pg_add_int(&old, GW_LIMIT_HISTORY - 1);
    if (code == GW_OK)
        code = gw_pg_run(&s->writer, GW_PG_PRUNE_RECORDS, &old, NULL, err);
    return code;
}

static gw_code
visit_row(void *arg, PGresult *rows, int row, gw_error *err)
{
    const gw_pg_visit *v = arg;

    return v->visit(v->arg, gw_pg_text(rows, row, 0), gw_pg_text(rows, row, 1),
                    err);
}

gw_code
gw_pg_records(gw_store *store, const char *kind, int64_t limit,
              gw_code (*visit)(void *arg, gw_slice id, gw_slice record,
                               gw_error *err),
              void *arg, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_visit v = {visit, arg};
    gw_buf sql = {0};
    int64_t there = 0;
    gw_code code = gw_pg_begin_view(&s->reader, err);

    if (code != GW_OK)
        return code;
    gw_buf_printf(&sql,
                  "SELECT id, record::text FROM godwit_runs"
                  " WHERE kind = $1::text"
                  " AND octet_length(id) + octet_length(record::text) <= %d"
                  " ORDER BY at DESC, id DESC LIMIT %" PRId64,
                  GW_LIMIT_JOURNAL_LINE, limit);
    code = has_table(&s->reader, &there, err);
    if (code == GW_OK && there)
        code = gw_pg_each(&s->reader, gw_buf_cstr(&sql), gw_slice_of(kind),
                          visit_row, &v, err);
    gw_buf_clear(&sql);
    gw_pg_end_view(&s->reader);
    return code;
}
