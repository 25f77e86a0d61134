/* SPDX-License-Identifier: Apache-2.0 */
/* Records of runs. Their table is made when the first one is put. */
#include <sqlite3.h>

#include "base/limits.h"
#include "store/sqlite_priv.h"

static const char make_table[] =
    "CREATE TABLE IF NOT EXISTS godwit_runs ("
    " kind TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,"
    " record TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID";

static const char put_row[] =
    "INSERT INTO godwit_runs (kind, id, at, record) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at,"
    " record = excluded.record";

static const char prune[] = "DELETE FROM godwit_runs WHERE kind = ?1 AND at <"
                            " (SELECT at FROM godwit_runs WHERE kind = ?1"
                            "  ORDER BY at DESC LIMIT 1 OFFSET ?2)";

static const char read_rows[] =
    "SELECT id, record FROM godwit_runs WHERE kind = ?1"
    " AND length(CAST(id || record AS BLOB)) <= ?3 ORDER BY at DESC, id DESC "
    "LIMIT ?2";

static gw_code
put(gw_sqlite_conn *conn, const char *kind, gw_slice id, int64_t at,
    gw_slice record, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_prepare(conn, put_row, &statement, err);

    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, gw_slice_of(kind));
    gw_sqlite_bind(statement, 2, id);
    (void)sqlite3_bind_int64(statement, 3, at);
    gw_sqlite_bind(statement, 4, record);
    code = gw_sqlite_finish(conn, statement, err);
    (void)sqlite3_finalize(statement);
    return code;
}

static gw_code
drop_oldest(gw_sqlite_conn *conn, const char *kind, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_prepare(conn, prune, &statement, err);

    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, gw_slice_of(kind));
    (void)sqlite3_bind_int64(statement, 2, GW_LIMIT_HISTORY - 1);
    code = gw_sqlite_finish(conn, statement, err);
    (void)sqlite3_finalize(statement);
    return code;
}

gw_code
gw_sqlite_put_record(gw_store *store, const char *kind, gw_slice id, int64_t at,
                     gw_slice record, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_open_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_exec(&s->writer, make_table, err);
    if (code == GW_OK)
        code = put(&s->writer, kind, id, at, record, err);
    if (code == GW_OK)
        code = drop_oldest(&s->writer, kind, err);
    return code;
}

gw_code
gw_sqlite_records(gw_store *store, const char *kind, int64_t limit,
                  gw_code (*visit)(void *arg, gw_slice id, gw_slice record,
                                   gw_error *err),
                  void *arg, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    sqlite3_stmt *statement = NULL;
    int64_t there = 0;
    bool row = true;
    gw_code code = gw_sqlite_pragma(
        &s->reader,
        "SELECT count(*) FROM sqlite_schema WHERE name = 'godwit_runs'", &there,
        err);

    if (code != GW_OK || !there)
        return code;
    code = gw_sqlite_prepare(&s->reader, read_rows, &statement, err);
    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, gw_slice_of(kind));
    (void)sqlite3_bind_int64(statement, 2, limit);
    (void)sqlite3_bind_int64(statement, 3, GW_LIMIT_JOURNAL_LINE);
    while (code == GW_OK && row) {
        code = gw_sqlite_step(&s->reader, statement, &row, err);
        if (code == GW_OK && row)
            code = visit(arg, gw_sqlite_text(statement, 0),
                         gw_sqlite_text(statement, 1), err);
    }
    (void)sqlite3_finalize(statement);
    return code;
}
