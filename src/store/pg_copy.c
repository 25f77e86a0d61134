/* SPDX-License-Identifier: Apache-2.0 */
/* COPY: rows in text to the server, rows in binary from it. The binary form
 * needs no unescaping, and one message is one row; its columns must be bigint
 * or text, so that what type a table's column has does not matter. */
#include <endian.h>
#include <libpq-fe.h>
#include <string.h>

#include "store/pg_priv.h"

enum { COPY_PIECE = 64 * 1024, HEADER = 19 };

/* ---- from the server ---- */

static uint32_t
u32_at(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static gw_code
fail_row(gw_pg_conn *conn, gw_error *err)
{
    return gw_fail(err, GW_E_STORE, "the store %s sends rows of another form",
                   conn->name);
}

/* Takes apart one message. The first begins with a header. */
static gw_code
take_row(gw_pg_copied *rows, const char *at, size_t len, gw_error *err)
{
    const char *end = at + len;

    if (!rows->has_begun) {
        if (len < HEADER || (size_t)(len - HEADER) < u32_at(at + HEADER - 4))
            return fail_row(rows->conn, err);
        at += HEADER + u32_at(at + HEADER - 4);
        rows->has_begun = true;
    }
    rows->has_row = end - at >= 2 && (unsigned char)at[0] == 0;
    if (!rows->has_row)
        return GW_OK; /* a header alone, or the end: -1 columns */
    int n = (unsigned char)at[1];
    at += 2;
    if (n > GW_PG_COLUMNS)
        return fail_row(rows->conn, err);
    for (int i = 0; i < n; i++) {
        if (end - at < 4)
            return fail_row(rows->conn, err);
        uint32_t size = u32_at(at);
        at += 4;
        rows->at[i] = (gw_slice){0};
        if (size == UINT32_MAX)
            continue;
        if ((size_t)(end - at) < size)
            return fail_row(rows->conn, err);
        rows->at[i] = (gw_slice){at, size};
        at += size;
    }
    return GW_OK;
}

gw_code
gw_pg_copy_begin(gw_pg_copied *rows, gw_pg_conn *conn, const char *sql,
                 gw_error *err)
{
    *rows = (gw_pg_copied){.conn = conn};
    gw_code code = gw_pg_take(conn, PQexec(conn->db, sql), sql, NULL, err);
    rows->is_open = code == GW_OK;
    return code;
}

static gw_code
end_copy(gw_pg_copied *rows, gw_error *err)
{
    gw_code code = GW_OK;
    PGresult *result;

    rows->is_open = rows->has_row = false;
    while ((result = PQgetResult(rows->conn->db)) != NULL) {
        if (code == GW_OK && !gw_pg_is_good(result))
            code = gw_pg_fail(rows->conn, result, "reading rows", err);
        PQclear(result);
    }
    return code;
}

gw_code
gw_pg_copy_next(gw_pg_copied *rows, gw_error *err)
{
    rows->has_row = false;
    while (rows->is_open && !rows->has_row) {
        PQfreemem(rows->message);
        rows->message = NULL;
        int n = PQgetCopyData(rows->conn->db, &rows->message, 0);
        if (n < 0)
            return end_copy(rows, err);
        gw_code code = take_row(rows, rows->message, (size_t)n, err);
        if (code != GW_OK)
            return code;
    }
    return GW_OK;
}

void
gw_pg_copy_stop(gw_pg_copied *rows)
{
    gw_error ignored;

    while (rows->is_open) {
        char *message = NULL;
        if (PQgetCopyData(rows->conn->db, &message, 0) < 0)
            (void)!end_copy(rows, &ignored);
        PQfreemem(message);
    }
    PQfreemem(rows->message);
    rows->message = NULL;
}

int64_t
gw_pg_copied_int(const gw_pg_copied *rows, int column)
{
    uint64_t value = 0;

    if (rows->at[column].len == sizeof(value))
        memcpy(&value, rows->at[column].at, sizeof(value));
    return (int64_t)be64toh(value);
}

/* ---- to the server ---- */

static bool
put_pieces(PGconn *db, gw_slice rows)
{
    for (size_t i = 0; i < rows.len; i += COPY_PIECE) {
        size_t n = rows.len - i < COPY_PIECE ? rows.len - i : COPY_PIECE;
        if (PQputCopyData(db, rows.at + i, (int)n) != 1)
            return false;
    }
    return true;
}

gw_code
gw_pg_copy_more(gw_pg_conn *conn, const char *sql, gw_slice rows, gw_error *err)
{
    gw_code code = GW_OK;

    if (conn->copying != sql) {
        code = gw_pg_copy_end(conn, err);
        if (code == GW_OK)
            code = gw_pg_take(conn, PQexec(conn->db, sql), sql, NULL, err);
        conn->copying = code == GW_OK ? sql : NULL;
    }
    if (code == GW_OK && !put_pieces(conn->db, rows))
        code = gw_pg_fail(conn, NULL, sql, err);
    return code;
}

gw_code
gw_pg_copy_end(gw_pg_conn *conn, gw_error *err)
{
    const char *sql = conn->copying;
    gw_code code = GW_OK;
    PGresult *result;

    if (!sql)
        return GW_OK;
    conn->copying = NULL;
    if (PQputCopyEnd(conn->db, NULL) != 1)
        code = gw_pg_fail(conn, NULL, sql, err);
    while ((result = PQgetResult(conn->db)) != NULL) {
        bool is_lost = PQresultStatus(result) == PGRES_COPY_IN;
        if (code == GW_OK && !gw_pg_is_good(result))
            code = gw_pg_fail(conn, result, sql, err);
        PQclear(result);
        if (is_lost)
            break; /* the end could not be sent */
    }
    return code;
}

gw_code
gw_pg_copy(gw_pg_conn *conn, const char *sql, gw_slice rows, gw_error *err)
{
    if (rows.len == 0)
        return GW_OK;
    gw_code code = gw_pg_copy_more(conn, sql, rows, err);
    gw_error other;
    gw_code end = gw_pg_copy_end(conn, code == GW_OK ? err : &other);
    return code == GW_OK ? end : code;
}

static char
copy_escape(char c)
{
    switch (c) {
    case '\\':
        return '\\';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

void
gw_pg_put_copy(gw_buf *buf, gw_slice value)
{
    if (!value.at) {
        gw_buf_text(buf, "\\N");
        return;
    }
    char *to = gw_buf_reserve(buf, 2 * value.len);
    for (size_t i = 0; i < value.len; i++) {
        char escape = copy_escape(value.at[i]);
        if (escape) {
            *to++ = '\\';
            *to++ = escape;
        } else {
            *to++ = value.at[i];
        }
    }
    buf->len = (size_t)(to - buf->at);
}
