/* SPDX-License-Identifier: Apache-2.0 */
/* What an application has hung on the live tables by itself, indexes and
 * triggers: a cutover puts other tables in their place, so these are made
 * anew there, under the same names and from the same text. */
#include <sqlite3.h>

#include "store/sqlite_priv.h"

/* Names are the same in upper case and lower; a trigger has its table's as it
 * was typed. Our own indexes end in a number, and one of that name on other
 * columns is not ours. */
static const char find_sql[] =
    "WITH own (name, columns) AS (VALUES"
    " ('positions_migration_index_', '(migration_index)'),"
    " ('events_position_', '(position)'), ('events_fqid_', '(fqid)'))"
    " SELECT type, tbl_name, name, sql FROM sqlite_schema AS s"
    " WHERE lower(tbl_name) IN ('positions', 'events', 'models',"
    "  'id_sequences')"
    " AND type IN ('index', 'trigger') AND sql IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM own"
    "  WHERE own.name = rtrim(s.name, '0123456789')"
    "  AND s.sql LIKE 'CREATE INDEX % ' || own.columns) ORDER BY rowid";

gw_code
gw_sqlite_find_carried(gw_sqlite_conn *conn, gw_arena *arena,
                       gw_sqlite_carried **out, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_sqlite_carried **end = out;
    bool row = true;
    gw_code code = gw_sqlite_prepare(conn, find_sql, &statement, err);

    *out = NULL;
    while (code == GW_OK && row) {
        code = gw_sqlite_step(conn, statement, &row, err);
        if (code != GW_OK || !row)
            break;
        gw_sqlite_carried *one = GW_ARENA_NEW(arena, gw_sqlite_carried, 1);
        *one = (gw_sqlite_carried){
            .type = gw_arena_dup(arena, gw_sqlite_text(statement, 0)),
            .table = gw_arena_dup(arena, gw_sqlite_text(statement, 1)),
            .name = gw_arena_dup(arena, gw_sqlite_text(statement, 2)),
            .sql = gw_arena_dup(arena, gw_sqlite_text(statement, 3)),
        };
        *end = one;
        end = &one->next;
    }
    (void)sqlite3_finalize(statement);
    return code;
}

/* Runs the first statement of a text; a schema that somebody has tampered
 * with may hold more. */
static gw_code
run_one(gw_sqlite_conn *conn, const char *sql, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_prepare(conn, sql, &statement, err);

    if (code == GW_OK)
        code = gw_sqlite_step(conn, statement, &row, err);
    (void)sqlite3_finalize(statement);
    return code;
}

/* What SQLite does not take because of the rows, or of what only the
 * application knows (a function, a collation), is no fault of the store's. */
static gw_code
fail_anew(gw_sqlite_conn *conn, const gw_sqlite_carried *one, gw_error *err)
{
    const char *type = one->type.at, *name = one->name.at;
    bool is_row = conn->failure == SQLITE_CONSTRAINT;

    if (!is_row && conn->failure != SQLITE_ERROR)
        return gw_fail_prefix(err,
                              "the %s %s of the application cannot be made "
                              "anew on the table %s: ",
                              type, name, one->table.at);
    return gw_fail(err, GW_E_STATE,
                   "the %s %s of the application cannot be made anew on the "
                   "table %s%s (%.300s); nothing was changed: drop it, and "
                   "make it again afterwards",
                   type, name, one->table.at,
                   is_row ? " for the rows that it would get" : "",
                   sqlite3_errmsg(conn->db));
}

static gw_code
make_anew(gw_sqlite_conn *conn, const gw_sqlite_carried *one, gw_error *err)
{
    char *drop =
        sqlite3_mprintf("DROP %s IF EXISTS \"%w\"", one->type.at, one->name.at);

    if (!drop)
        return gw_sqlite_fail(conn, SQLITE_NOMEM, err);
    gw_code code = run_one(conn, drop, err);
    sqlite3_free(drop);
    if (code == GW_OK)
        code = run_one(conn, one->sql.at, err);
    return code == GW_OK ? code : fail_anew(conn, one, err);
}

gw_code
gw_sqlite_carry(gw_sqlite_conn *conn, const gw_sqlite_carried *first,
                gw_error *err)
{
    gw_code code = GW_OK;

    for (const gw_sqlite_carried *one = first; one && code == GW_OK;
         one = one->next)
        code = make_anew(conn, one, err);
    return code;
}
