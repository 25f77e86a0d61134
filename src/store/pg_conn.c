/* SPDX-License-Identifier: Apache-2.0 */
/* A session of PostgreSQL: its settings, its prepared statements, rows, and
 * what the server's errors mean to a user. Knows nothing of the tables but
 * how to ask which there are. */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgresql_schema.h"
#include "store/pg_priv.h"

enum { FIRST_FETCH = 20, MOST_FETCH = 1000 };
#define FETCH_BYTES ((size_t)4 * 1024 * 1024)

static const char *const sql_texts[] = {
#define GW_PG_TEXT(name, text) text,
    GW_PG_MAP(GW_PG_TEXT)
#undef GW_PG_TEXT
};

static const char *const sql_names[] = {
#define GW_PG_NAME(name, text) #name,
    GW_PG_MAP(GW_PG_NAME)
#undef GW_PG_NAME
};

/* What each SQLSTATE (or the class it begins with) means, and what to do
 * next. The first that fits. */
static const struct {
    const char *state;
    gw_code code;
    const char *text;
} states[] = {
    {"08", GW_E_STORE,
     "the connection was lost; run the command again, it "
     "goes on where it was"},
    {"57P01", GW_E_STORE,
     "the server ended the session; run the command "
     "again, it goes on where it was"},
    {"57P", GW_E_STORE,
     "the server is going down or coming up; run the "
     "command again when it is there"},
    {"57014", GW_E_STORE,
     "the server cancelled the statement; run the "
     "command again, it goes on where it was"},
    {"53100", GW_E_STORE,
     "the server's disk is full; make room and run the "
     "command again, it goes on where it was"},
    {"53300", GW_E_STORE,
     "the server has no connection left; three are "
     "needed"},
    {"53", GW_E_STORE, "the server lacks resources"},
    {"42501", GW_E_STORE,
     "the user may not do that; the store's tables "
     "must belong to it"},
    {"55P03", GW_E_STORE,
     "another session holds the tables for too long; "
     "try again when it has ended"},
    {"40P01", GW_E_STORE, "another session was in the way; try again"},
    {"25006", GW_E_STORE, "the server can only be read; name its primary"},
    {"42P01", GW_E_STORE,
     "a table is missing; was the database changed by "
     "something else?"},
    {"22", GW_E_INPUT, "the store cannot hold this value"},
};

/* ---- errors ---- */

static const char *
field(const PGresult *result, int which)
{
    return result ? PQresultErrorField(result, which) : NULL;
}

/* The server's text as one line. */
static void
put_line(gw_buf *buf, const char *before, const char *text)
{
    if (!text || text[0] == '\0')
        return;
    gw_buf_text(buf, before);
    for (const char *c = text; *c; c++)
        gw_buf_byte(buf, (unsigned char)*c < ' ' ? ' ' : *c);
    while (buf->len > 0 && buf->at[buf->len - 1] == ' ')
        buf->len--;
}

gw_code
gw_pg_fail(gw_pg_conn *conn, const PGresult *result, const char *what,
           gw_error *err)
{
    const char *state = field(result, PG_DIAG_SQLSTATE);
    const char *primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
    gw_code code = GW_E_STORE;
    const char *advice = NULL;
    gw_buf text = {0};

    if (!state)
        state = PQstatus(conn->db) == CONNECTION_BAD ? "08006" : "";
    (void)snprintf(conn->state, sizeof(conn->state), "%.5s", state);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0) {
            code = states[i].code;
            advice = states[i].text;
            break;
        }
    }
    put_line(&text, "", primary ? primary : PQerrorMessage(conn->db));
    put_line(&text, " (", field(result, PG_DIAG_MESSAGE_DETAIL));
    if (field(result, PG_DIAG_MESSAGE_DETAIL))
        gw_buf_byte(&text, ')');
    put_line(&text, "; ", field(result, PG_DIAG_MESSAGE_HINT));
    put_line(&text, "; ", field(result, PG_DIAG_CONTEXT));
    (void)gw_fail(err, code, "the store %s: %.700s%s%s (while: %s%s%s)",
                  conn->name, gw_buf_cstr(&text), advice ? ": " : "",
                  advice ? advice : "", what, state[0] ? ", SQLSTATE " : "",
                  state);
    gw_buf_clear(&text);
    return code;
}

/* ---- opening ---- */

static const char *
option_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && options->val[0] ? options->val : NULL;
    }
    return NULL;
}

/* libpq's own words on a faulty URI may hold all of it, so they are not
 * handed on. */
char *
gw_pg_name(const char *uri)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(uri, &message);
    gw_buf name = {0};

    PQfreemem(message);
    if (!options)
        return NULL;
    const char *user = option_of(options, "user");
    const char *host = option_of(options, "host");
    const char *port = option_of(options, "port");
    const char *database = option_of(options, "dbname");
    gw_buf_printf(&name, "postgresql://%s%s%s%s%s%s%s", user ? user : "",
                  user ? "@" : "", host ? host : "", port ? ":" : "",
                  port ? port : "", database ? "/" : "",
                  database ? database : "");
    PQconninfoFree(options);
    (void)gw_buf_cstr(&name);
    return name.at;
}

static void
ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* The tables' own schema comes first on the search path, so that what we
 * make lies beside them. Limits on time are for the application. */
static const char set_up_sql[] =
    "SET lock_timeout = 0;"
    "SET idle_in_transaction_session_timeout = 0;"
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';"
    "SET extra_float_digits = 3; SET client_min_messages = warning;"
    "SET standard_conforming_strings = on; SET jit = off;"
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN"
    " ('idle_session_timeout', 'transaction_timeout');"
    "SELECT set_config('search_path', quote_ident(n.nspname) || ', ' ||"
    " current_setting('search_path'), false)"
    " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.oid = to_regclass('positions')"
    " AND n.nspname IS DISTINCT FROM current_schema()";

gw_code
gw_pg_conn_open(gw_pg_conn *conn, const char *uri, const char *name,
                gw_error *err)
{
    const char *const keywords[] = {"connect_timeout",
                                    "fallback_application_name",
                                    "client_encoding", "dbname", NULL};
    const char *const values[] = {"10", "godwit", "UTF8", uri, NULL};

    *conn = (gw_pg_conn){.name = name};
    conn->db = PQconnectdbParams(keywords, values, 1);
    if (!conn->db || PQstatus(conn->db) != CONNECTION_OK) {
        gw_buf text = {0};
        put_line(&text, "", conn->db ? PQerrorMessage(conn->db) : "no memory");
        (void)gw_fail(err, GW_E_STORE, "the store %s cannot be reached: %.900s",
                      name, gw_buf_cstr(&text));
        gw_buf_clear(&text);
        gw_pg_conn_close(conn);
        return GW_E_STORE;
    }
    (void)PQsetNoticeReceiver(conn->db, ignore_notice, NULL);
    int version = PQserverVersion(conn->db);
    gw_code code = GW_OK;
    if (version < GW_PG_OLDEST_SERVER)
        code = gw_fail(err, GW_E_STORE,
                       "the store %s is on PostgreSQL %d; 13 or newer is "
                       "needed",
                       name, version / 10000);
    if (code == GW_OK)
        code = gw_pg_exec(conn, "SET statement_timeout = 0",
                          "setting up the session", err);
    if (code == GW_OK)
        code = gw_pg_exec(conn, set_up_sql, "setting up the session", err);
    if (code != GW_OK)
        gw_pg_conn_close(conn);
    return code;
}

void
gw_pg_conn_close(gw_pg_conn *conn)
{
    PQfinish(conn->db);
    *conn = (gw_pg_conn){.name = conn->name};
}

/* ---- statements ---- */

void
gw_pg_add_text(gw_pg_params *p, gw_slice text)
{
    p->values[p->n] = text.at;
    p->lengths[p->n] = (int)text.len;
    p->formats[p->n++] = 1; /* text's binary form is its bytes */
}

void
gw_pg_add_int(gw_pg_params *p, int64_t value)
{
    char *at = p->ints[p->n];

    (void)snprintf(at, sizeof(p->ints[0]), "%" PRId64, value);
    p->values[p->n] = at;
    p->lengths[p->n] = 0;
    p->formats[p->n++] = 0;
}

void
gw_pg_add_null(gw_pg_params *p)
{
    p->values[p->n] = NULL;
    p->lengths[p->n] = 0;
    p->formats[p->n++] = 0;
}

bool
gw_pg_is_good(const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
        return true;
    default:
        return false;
    }
}

/* Keeps a good result, or turns it into an error. */
gw_code
gw_pg_take(gw_pg_conn *conn, PGresult *result, const char *what, PGresult **out,
           gw_error *err)
{
    gw_code code = GW_OK;

    if (!gw_pg_is_good(result))
        code = gw_pg_fail(conn, result, what, err);
    if (code == GW_OK && out)
        *out = result;
    else
        PQclear(result);
    return code;
}

static gw_code
prepare(gw_pg_conn *conn, gw_pg_sql which, gw_error *err)
{
    gw_code code = gw_pg_copy_end(conn, err);

    if (code != GW_OK || conn->is_prepared[which])
        return code;
    code = gw_pg_take(
        conn, PQprepare(conn->db, sql_names[which], sql_texts[which], 0, NULL),
        sql_names[which], NULL, err);
    conn->is_prepared[which] = code == GW_OK;
    return code;
}

gw_code
gw_pg_run(gw_pg_conn *conn, gw_pg_sql which, const gw_pg_params *p,
          PGresult **out, gw_error *err)
{
    static const gw_pg_params none;
    gw_code code = prepare(conn, which, err);

    if (code != GW_OK)
        return code;
    if (!p)
        p = &none;
    return gw_pg_take(conn,
                      PQexecPrepared(conn->db, sql_names[which], p->n,
                                     p->values, p->lengths, p->formats, 0),
                      sql_names[which], out, err);
}

gw_code
gw_pg_ints(gw_pg_conn *conn, gw_pg_sql which, const gw_pg_params *p,
           int64_t *out, int n, gw_error *err)
{
    PGresult *rows = NULL;
    gw_code code = gw_pg_run(conn, which, p, &rows, err);

    if (code != GW_OK)
        return code;
    for (int i = 0; i < n; i++)
        out[i] = PQntuples(rows) > 0 ? gw_pg_int(rows, 0, i) : 0;
    PQclear(rows);
    return GW_OK;
}

gw_code
gw_pg_exec(gw_pg_conn *conn, const char *sql, const char *what, gw_error *err)
{
    gw_code code = gw_pg_copy_end(conn, err);

    return code == GW_OK
               ? gw_pg_take(conn, PQexec(conn->db, sql), what, NULL, err)
               : code;
}

gw_code
gw_pg_section(gw_pg_conn *conn, const char *section, gw_error *err)
{
    gw_slice text = gw_store_section(gw_postgresql_schema, section);
    gw_buf sql = {0};

    if (!text.at)
        return gw_fail(err, GW_E_STATE, "there is no section %s", section);
    gw_buf_slice(&sql, text);
    gw_code code = gw_pg_exec(conn, gw_buf_cstr(&sql), section, err);
    gw_buf_clear(&sql);
    return code;
}

/* ---- views and walks ---- */

gw_code
gw_pg_begin_view(gw_pg_conn *conn, gw_error *err)
{
    gw_code code = GW_OK;

    if (conn->depth == 0 && PQtransactionStatus(conn->db) == PQTRANS_IDLE) {
        code =
            gw_pg_exec(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                       "beginning to read", err);
        conn->depth = code == GW_OK ? 1 : 0;
    } else if (conn->depth > 0) {
        conn->depth++;
    }
    return code;
}

/* Where another's transaction was open, depth stayed 0. */
void
gw_pg_end_view(gw_pg_conn *conn)
{
    if (conn->depth > 0 && --conn->depth == 0)
        PQclear(PQexec(conn->db, "ROLLBACK"));
}

gw_code
gw_pg_tables_of(gw_pg_conn *conn, gw_pg_tables *out, gw_error *err)
{
    PGresult *rows = NULL;
    gw_code code = gw_pg_run(conn, GW_PG_TABLES, NULL, &rows, err);

    if (code != GW_OK)
        return code;
    *out = (gw_pg_tables){
        .own = gw_pg_bool(rows, 0, 0),
        .made = gw_pg_bool(rows, 0, 1),
        .positions = gw_pg_bool(rows, 0, 2),
        .events = gw_pg_bool(rows, 0, 3),
        .base = gw_pg_bool(rows, 0, 4),
        .old = gw_pg_bool(rows, 0, 5),
        .collection_len = gw_pg_int(rows, 0, 6),
    };
    PQclear(rows);
    return GW_OK;
}

static gw_code
declare_cursor(gw_pg_conn *conn, unsigned number, const char *sql,
               gw_slice parameter, gw_error *err)
{
    gw_buf text = {0};
    const int lengths[] = {(int)parameter.len}, formats[] = {1};
    const char *const values[] = {parameter.at};
    int n = parameter.at ? 1 : 0;

    gw_buf_printf(&text, "DECLARE godwit_%u NO SCROLL CURSOR FOR %s", number,
                  sql);
    gw_code code = gw_pg_take(conn,
                              PQexecParams(conn->db, gw_buf_cstr(&text), n,
                                           NULL, values, lengths, formats, 0),
                              "beginning to read models", NULL, err);
    gw_buf_clear(&text);
    return code;
}

/* The next rows: as many as make about FETCH_BYTES, by the size of those
 * before. */
static gw_code
fetch(gw_pg_conn *conn, unsigned number, size_t n, PGresult **out,
      gw_error *err)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "FETCH %zu FROM godwit_%u", n, number);
    return gw_pg_take(conn, PQexec(conn->db, text), "reading models", out, err);
}

static size_t
next_fetch(const PGresult *rows, size_t n)
{
    size_t each = PQresultMemorySize(rows) / (size_t)PQntuples(rows) + 1;
    size_t next = FETCH_BYTES / each;

    if (next > 4 * n)
        next = 4 * n;
    if (next > MOST_FETCH)
        next = MOST_FETCH;
    return next > 0 ? next : 1;
}

gw_code
gw_pg_each(gw_pg_conn *conn, const char *sql, gw_slice parameter,
           gw_code (*visit)(void *arg, PGresult *rows, int row, gw_error *err),
           void *arg, gw_error *err)
{
    unsigned number = ++conn->cursors;
    size_t n = FIRST_FETCH;
    bool is_done = false;
    char close_sql[48];
    gw_code code = declare_cursor(conn, number, sql, parameter, err);

    if (code != GW_OK)
        return code;
    while (code == GW_OK && !is_done) {
        PGresult *rows = NULL;
        code = fetch(conn, number, n, &rows, err);
        if (code != GW_OK)
            return code;
        int got = PQntuples(rows);
        for (int i = 0; i < got && code == GW_OK; i++)
            code = visit(arg, rows, i, err);
        is_done = (size_t)got < n;
        if (got > 0)
            n = next_fetch(rows, n);
        PQclear(rows);
    }
    (void)snprintf(close_sql, sizeof(close_sql), "CLOSE godwit_%u", number);
    PQclear(PQexec(conn->db, close_sql));
    return code;
}

/* ---- values ---- */

gw_slice
gw_pg_text(const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column))
        return (gw_slice){0};
    return (gw_slice){PQgetvalue(rows, row, column),
                      (size_t)PQgetlength(rows, row, column)};
}

int64_t
gw_pg_int(const PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

bool
gw_pg_bool(const PGresult *rows, int row, int column)
{
    return PQgetvalue(rows, row, column)[0] == 't';
}
