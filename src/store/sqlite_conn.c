/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to SQLite: its settings, its prepared statements, and what
 * SQLite's result codes mean to a user. Knows nothing of the tables. */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#include "store/sqlite_priv.h"

static const char *const sql_texts[] = {
#define GW_SQL_TEXT(name, text) text,
    GW_SQL_MAP(GW_SQL_TEXT)
#undef GW_SQL_TEXT
};

/* What each result code means, and what to do next. */
static const struct {
    int result;
    const char *text;
} results[] = {
    {SQLITE_NOTADB, "is not an SQLite database; check the path"},
    {SQLITE_CORRUPT, "is damaged: check the disk and put a backup back"},
    {SQLITE_FULL, "cannot grow, the disk is full: make room and go on"},
    {SQLITE_BUSY, "is locked by another program for too long: try again "
                  "when that has ended"},
    {SQLITE_LOCKED, "is in use within this program: try again"},
    {SQLITE_READONLY, "cannot be written: check the rights on the file and "
                      "on its folder"},
    {SQLITE_PERM, "may not be accessed: check the rights on the file"},
    {SQLITE_AUTH, "may not be accessed: check the rights on the file"},
    {SQLITE_CANTOPEN, "cannot be opened: check the rights on the file and "
                      "on its folder, where SQLite keeps two more files"},
    {SQLITE_IOERR, "cannot be read or written, the disk reports an error: "
                   "check the disk"},
    {SQLITE_PROTOCOL, "cannot be locked: does its file system support "
                      "locks?"},
    {SQLITE_TOOBIG, "cannot hold a value that large"},
    {SQLITE_NOMEM, "needs more memory than there is"},
};

static const char *
result_text(int result)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i].result == (result & 0xff))
            return results[i].text;
    }
    return NULL;
}

gw_code
gw_sqlite_fail(gw_sqlite_conn *conn, int result, gw_error *err)
{
    const char *text = result_text(result);
    const char *detail =
        conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(result);
    int number = conn->db ? sqlite3_system_errno(conn->db) : 0;
    bool is_disk =
        (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN;

    conn->failure = result & 0xff;
    if (text && is_disk && number != 0)
        return gw_fail(err, GW_E_STORE, "the store %s %s (%s)", conn->path,
                       text, strerror(number));
    if (text)
        return gw_fail(err, GW_E_STORE, "the store %s %s", conn->path, text);
    if (strstr(detail, "no such table") || strstr(detail, "no such column"))
        return gw_fail(err, GW_E_STORE,
                       "the store %s lacks a table of Godwit's (%s): it was "
                       "changed by something else; put a backup back, or "
                       "make a new store with `godwit init`",
                       conn->path, detail);
    return gw_fail(err, GW_E_STORE, "the store %s: %s (SQLite error %d)",
                   conn->path, detail, result);
}

/* ---- opening ---- */

/* A file URI that tells SQLite that nobody writes: no -wal, no -shm. */
static void
put_immutable_uri(gw_buf *buf, const char *path)
{
    gw_buf_text(buf, "file:");
    for (const char *c = path; *c; c++) {
        if (isalnum((unsigned char)*c) || strchr("/-_.~", *c))
            gw_buf_byte(buf, *c);
        else
            gw_buf_printf(buf, "%%%02X", (unsigned)(unsigned char)*c);
    }
    gw_buf_text(buf, "?immutable=1");
}

/* Nobody asks SQLite how much memory it uses, and counting takes a mutex for
 * each allocation. Somebody may have used SQLite before us in this process:
 * then it stays as it is. */
static void
set_up_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int
open_file(sqlite3 **db, const char *path, unsigned flags)
{
    int open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (!(flags & GW_SQLITE_IMMUTABLE))
        return sqlite3_open_v2(path, db, open_flags, NULL);
    gw_buf uri = {0};
    put_immutable_uri(&uri, path);
    open_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    int result = sqlite3_open_v2(gw_buf_cstr(&uri), db, open_flags, NULL);
    gw_buf_clear(&uri);
    return result;
}

/* A file from elsewhere may hold any schema: it gets no special trust.
 * secure_delete is a default of some distributions that makes dropping a
 * generation write all of it once more. */
static gw_code
set_up(gw_sqlite_conn *conn, unsigned flags, int cache_kib, gw_error *err)
{
    char sql[256];

    (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA cache_size = -%d; PRAGMA synchronous = NORMAL;"
                   "PRAGMA secure_delete = OFF; PRAGMA query_only = %d;"
                   "PRAGMA legacy_alter_table = ON",
                   cache_kib, (flags & GW_SQLITE_QUERY_ONLY) != 0);
    return gw_sqlite_exec(conn, sql, err);
}

gw_code
gw_sqlite_conn_open(gw_sqlite_conn *conn, const char *path, unsigned flags,
                    int wait_ms, int cache_kib, gw_error *err)
{
    gw_code code = GW_OK;

    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, set_up_library);
    *conn = (gw_sqlite_conn){.path = path};
    int result = open_file(&conn->db, path, flags);
    if (result != SQLITE_OK) {
        code = gw_sqlite_fail(conn, result, err);
        goto done;
    }
    (void)sqlite3_extended_result_codes(conn->db, 1);
    (void)sqlite3_busy_timeout(conn->db, wait_ms);
    if (sqlite3_db_readonly(conn->db, "main") == 1 &&
        !(flags & GW_SQLITE_READ_ONLY_OK)) {
        code = gw_sqlite_fail(conn, SQLITE_READONLY, err);
        goto done;
    }
    code = set_up(conn, flags, cache_kib, err);
done:
    if (code != GW_OK)
        gw_sqlite_conn_close(conn);
    return code;
}

void
gw_sqlite_conn_close(gw_sqlite_conn *conn)
{
    for (int i = 0; i < GW_SQL_COUNT; i++)
        (void)sqlite3_finalize(conn->statements[i]);
    (void)sqlite3_close_v2(conn->db);
    *conn = (gw_sqlite_conn){.path = conn->path, .failure = conn->failure};
}

/* ---- statements ---- */

gw_code
gw_sqlite_get(gw_sqlite_conn *conn, gw_sql which, sqlite3_stmt **out,
              gw_error *err)
{
    sqlite3_stmt **kept = &conn->statements[which];

    if (!*kept) {
        int result = sqlite3_prepare_v3(conn->db, sql_texts[which], -1,
                                        SQLITE_PREPARE_PERSISTENT, kept, NULL);
        if (result != SQLITE_OK)
            return gw_sqlite_fail(conn, result, err);
    }
    *out = *kept;
    return GW_OK;
}

gw_code
gw_sqlite_prepare(gw_sqlite_conn *conn, const char *sql, sqlite3_stmt **out,
                  gw_error *err)
{
    int result = sqlite3_prepare_v2(conn->db, sql, -1, out, NULL);

    return result == SQLITE_OK ? GW_OK : gw_sqlite_fail(conn, result, err);
}

gw_code
gw_sqlite_step(gw_sqlite_conn *conn, sqlite3_stmt *statement, bool *row,
               gw_error *err)
{
    int result = sqlite3_step(statement);

    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        gw_code code = gw_sqlite_fail(conn, result, err);
        (void)sqlite3_reset(statement);
        return code;
    }
    *row = result == SQLITE_ROW;
    return GW_OK;
}

gw_code
gw_sqlite_finish(gw_sqlite_conn *conn, sqlite3_stmt *statement, gw_error *err)
{
    bool row = false;
    gw_code code = gw_sqlite_step(conn, statement, &row, err);

    (void)sqlite3_reset(statement);
    return code;
}

gw_code
gw_sqlite_run(gw_sqlite_conn *conn, gw_sql which, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_get(conn, which, &statement, err);

    return code == GW_OK ? gw_sqlite_finish(conn, statement, err) : code;
}

gw_code
gw_sqlite_int(gw_sqlite_conn *conn, gw_sql which, int64_t *out, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_get(conn, which, &statement, err);

    if (code == GW_OK)
        code = gw_sqlite_step(conn, statement, &row, err);
    if (code != GW_OK)
        return code;
    *out = row ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return GW_OK;
}

gw_code
gw_sqlite_exec(gw_sqlite_conn *conn, const char *sql, gw_error *err)
{
    int result = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);

    return result == SQLITE_OK ? GW_OK : gw_sqlite_fail(conn, result, err);
}

gw_code
gw_sqlite_pragma(gw_sqlite_conn *conn, const char *sql, int64_t *out,
                 gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_prepare(conn, sql, &statement, err);

    if (code == GW_OK)
        code = gw_sqlite_step(conn, statement, &row, err);
    if (code == GW_OK)
        *out = row ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement);
    return code;
}

gw_code
gw_sqlite_begin_view(gw_sqlite_conn *conn, bool *mine, gw_error *err)
{
    *mine = sqlite3_get_autocommit(conn->db) != 0;
    return *mine ? gw_sqlite_run(conn, GW_SQL_BEGIN, err) : GW_OK;
}

/* Nothing was written: there is nothing that could go wrong. */
void
gw_sqlite_end_view(gw_sqlite_conn *conn, bool mine)
{
    gw_error ignored;

    if (mine && !sqlite3_get_autocommit(conn->db))
        (void)gw_sqlite_run(conn, GW_SQL_ROLLBACK, &ignored);
}

gw_slice
gw_sqlite_text(sqlite3_stmt *statement, int column)
{
    const char *at = (const char *)sqlite3_column_text(statement, column);

    return (gw_slice){at, (size_t)sqlite3_column_bytes(statement, column)};
}

void
gw_sqlite_bind(sqlite3_stmt *statement, int parameter, gw_slice text)
{
    if (text.at)
        (void)sqlite3_bind_text64(statement, parameter, text.at, text.len,
                                  SQLITE_STATIC, SQLITE_UTF8);
    else
        (void)sqlite3_bind_null(statement, parameter);
}
