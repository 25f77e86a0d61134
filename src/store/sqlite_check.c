/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the way of a cutover: a table that is put in place of a live one
 * is as the schema has it, so a column or a constraint that the application
 * has added would be lost. What the schema has is asked of a store of its
 * own, in memory. */
#include <ctype.h>
#include <sqlite3.h>

#include "store/sqlite_priv.h"

typedef struct check {
    gw_sqlite_conn *live, *plain; /* plain: as `godwit init` makes it */
    const char *table;
    gw_finding_visit visit;
    void *arg;
    gw_error *err;
} check;

static gw_code
find(const check *c, gw_finding_kind kind, gw_buf *text)
{
    gw_code code = c->visit(c->arg, kind, gw_buf_as_slice(text), c->err);

    gw_buf_clear(text);
    return code;
}

/* ---- definitions as lists of words ---- */

static bool
is_word(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '$' ||
           (unsigned char)byte >= 0x80;
}

/* Behind what begins at `at`: a space, a comment, a quoted text, a word, or
 * a single byte. */
static const char *
end_of(const char *at)
{
    const char *end = NULL;

    if (strncmp(at, "--", 2) == 0) {
        end = strchr(at, '\n');
    } else if (strncmp(at, "/*", 2) == 0) {
        end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    } else if (strchr("'\"`[", *at)) {
        end = strchr(at + 1, *at == '[' ? ']' : *at);
    } else if (is_word(*at)) {
        while (is_word(at[1]))
            at++;
        return at + 1;
    } else {
        return at + 1;
    }
    return end ? end + 1 : at + strlen(at);
}

/* Names are the same quoted or not, in upper case or lower. */
static void
put_word(gw_buf *out, const char *at, const char *end)
{
    bool is_text = *at == '\'';

    if (isspace((unsigned char)*at) || strncmp(at, "--", 2) == 0 ||
        strncmp(at, "/*", 2) == 0)
        return;
    if (strchr("\"`[", *at) && end - at > 2) {
        at++;
        end--;
    }
    for (; at < end; at++)
        gw_buf_byte(out, is_text ? *at : (char)tolower((unsigned char)*at));
    gw_buf_byte(out, ' ');
}

/* What follows the table's name, each word with a space behind it. */
static void
put_words(gw_buf *out, const char *sql)
{
    const char *at = strchr(sql, '(');

    gw_buf_byte(out, ' ');
    for (const char *end; at && *at; at = end) {
        end = end_of(at);
        put_word(out, at, end);
    }
}

static gw_code
read_words(const check *c, gw_sqlite_conn *conn, gw_buf *out)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_prepare(conn,
                                     "SELECT sql FROM sqlite_schema"
                                     " WHERE type = 'table'"
                                     " AND name = ?1 COLLATE NOCASE",
                                     &statement, c->err);

    if (code == GW_OK) {
        gw_sqlite_bind(statement, 1, gw_slice_of(c->table));
        code = gw_sqlite_step(conn, statement, &row, c->err);
    }
    if (code == GW_OK && row && gw_sqlite_text(statement, 0).at)
        put_words(out, gw_sqlite_text(statement, 0).at);
    (void)sqlite3_finalize(statement);
    return code;
}

/* ---- what differs ---- */

static gw_code
has_column(const check *c, gw_sqlite_conn *conn, gw_slice name, bool *out)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_prepare(
        conn,
        "SELECT 1 FROM pragma_table_xinfo(?1) WHERE name = ?2 COLLATE NOCASE",
        &statement, c->err);

    if (code == GW_OK) {
        gw_sqlite_bind(statement, 1, gw_slice_of(c->table));
        gw_sqlite_bind(statement, 2, name);
        code = gw_sqlite_step(conn, statement, out, c->err);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static gw_code
demand_column(const check *c, gw_slice name)
{
    bool has = true;
    gw_code code = has_column(c, c->live, name, &has);

    return code != GW_OK || has
               ? code
               : gw_fail(c->err, GW_E_STORE,
                         "the store %s: no such column: %s.%.*s; it was made "
                         "by another program, or spoiled",
                         c->live->path, c->table, GW_FMT(name));
}

static gw_code
check_column(const check *c, gw_slice name, size_t *n)
{
    gw_buf text = {0};
    bool has = true;
    gw_code code = has_column(c, c->plain, name, &has);

    if (code != GW_OK || has)
        return code;
    ++*n;
    gw_buf_printf(&text,
                  "the table %s has the column %.*s, which Godwit does not "
                  "know and a cutover would lose; keep it in a table of your "
                  "own",
                  c->table, GW_FMT(name));
    return find(c, GW_FINDING_REFUSED, &text);
}

/* Each column of the table in `conn`, generated ones too: one of init's must
 * be there, another is counted in *n. */
static gw_code
check_columns(const check *c, gw_sqlite_conn *conn, size_t *n)
{
    sqlite3_stmt *statement = NULL;
    bool row = true;
    gw_code code = gw_sqlite_prepare(
        conn, "SELECT name FROM pragma_table_xinfo(?1)", &statement, c->err);

    if (code == GW_OK)
        gw_sqlite_bind(statement, 1, gw_slice_of(c->table));
    while (code == GW_OK && row) {
        code = gw_sqlite_step(conn, statement, &row, c->err);
        if (code == GW_OK && row)
            code = conn == c->plain
                       ? demand_column(c, gw_sqlite_text(statement, 0))
                       : check_column(c, gw_sqlite_text(statement, 0), n);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

/* Names what `live` has and `plain` has not. */
static gw_code
tell_difference(const check *c, const char *live, const char *plain)
{
    static const char *const words[] = {
        " check ",   " unique ",        " references ",  " collate ",
        " default ", " autoincrement ", " on conflict ", " strict ",
    };
    gw_buf text = {0};
    size_t n = 0;

    gw_buf_printf(&text, "the table %s is not defined as `godwit init` does it",
                  c->table);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!strstr(live, words[i]) || strstr(plain, words[i]))
            continue;
        gw_buf_text(&text, n++ == 0 ? " (" : ", ");
        for (const char *at = words[i] + 1; at[1]; at++)
            gw_buf_byte(&text, (char)toupper((unsigned char)*at));
    }
    gw_buf_text(&text, n > 0 ? ")" : "");
    gw_buf_text(&text, ", which a cutover would lose; use an index or a "
                       "trigger of your own instead");
    return find(c, GW_FINDING_REFUSED, &text);
}

static gw_code
check_table(check *c)
{
    gw_buf live = {0}, plain = {0};
    size_t n = 0;
    gw_code code = read_words(c, c->live, &live);

    if (code == GW_OK && live.len == 0)
        code = gw_fail(c->err, GW_E_STORE, "the store %s: no such table: %s",
                       c->live->path, c->table);
    if (code == GW_OK)
        code = read_words(c, c->plain, &plain);
    if (code == GW_OK && strcmp(gw_buf_cstr(&live), gw_buf_cstr(&plain)) != 0) {
        code = check_columns(c, c->plain, &n);
        if (code == GW_OK)
            code = check_columns(c, c->live, &n);
        if (code == GW_OK && n == 0)
            code = tell_difference(c, live.at, plain.at);
    }
    gw_buf_clear(&live);
    gw_buf_clear(&plain);
    return code;
}

static gw_code
check_tables(check *c)
{
    static const char *const tables[] = {"positions", "events", "models",
                                         "id_sequences"};
    gw_sqlite_conn plain;
    gw_code code = gw_sqlite_conn_open(&plain, ":memory:", 0, 0, 64, c->err);

    c->plain = &plain;
    if (code == GW_OK)
        code = gw_sqlite_make(&plain, "live", 1, c->err);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        c->table = tables[i];
        code = code == GW_OK ? check_table(c) : code;
    }
    gw_sqlite_conn_close(&plain);
    return code;
}

/* ---- what takes its time ---- */

static gw_code
check_indexes(const check *c)
{
    gw_arena arena;
    gw_sqlite_carried *one = NULL;

    gw_arena_init(&arena);
    gw_code code = gw_sqlite_find_carried(c->live, &arena, &one, c->err);
    for (; one && code == GW_OK; one = one->next) {
        gw_buf text = {0};
        if (!gw_slice_equal(one->type, GW_LIT("index")))
            continue;
        gw_buf_printf(&text,
                      "the index %s of the table %s is made anew while writers "
                      "are locked out; where that takes too long, drop it "
                      "before and make it again afterwards",
                      one->name.at, one->table.at);
        code = find(c, GW_FINDING_WARNING, &text);
    }
    gw_arena_clear(&arena);
    return code;
}

gw_code
gw_sqlite_check(gw_store *store, bool only_refused, gw_finding_visit visit,
                void *arg, gw_error *err)
{
    check c = {.live = &gw_sqlite_of(store)->reader,
               .visit = visit,
               .arg = arg,
               .err = err};
    bool mine = false;
    gw_code code = gw_sqlite_begin_view(c.live, &mine, err);

    if (code != GW_OK)
        return code;
    code = check_tables(&c);
    if (code == GW_OK && !only_refused)
        code = check_indexes(&c);
    gw_sqlite_end_view(c.live, mine);
    return code;
}
