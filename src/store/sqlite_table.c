/* SPDX-License-Identifier: Apache-2.0 */
/* Generations: which table stands where. Putting one in place of another is
 * renaming; what is no longer wanted is set aside under godwit_drop_…, to be
 * cleared away by sqlite_tidy.c. */
#include <sqlite3.h>

#include "sqlite_schema.h"
#include "store/sqlite_priv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Tables that are made together: a section of the schema. */
typedef struct group {
    const char *section;
    const char *tables[5];
    size_t n;
} group;

static const group made = {
    "made",
    {"migration_positions", "migration_events", "godwit_positions",
     "godwit_models", "godwit_id_sequences"},
    5,
};
static const group keyframes = {
    "keyframes", {"migration_keyframes", "migration_keyframe_models"}, 2};
static const group base = {
    "base", {"godwit_base_positions", "godwit_base_events"}, 2};
static const group helpers = {
    "helpers", {"collectionfields", "events_to_collectionfields"}, 2};

/* What becomes what. */
typedef struct turn {
    const char *made, *live, *old;
} turn;

static const turn turns[] = {
    {"godwit_positions", "positions", "godwit_old_positions"},
    {"migration_events", "events", "godwit_old_events"},
    {"godwit_models", "models", "godwit_old_models"},
    {"godwit_id_sequences", "id_sequences", "godwit_old_id_sequences"},
};

/* ---- making ---- */

gw_code
gw_sqlite_make(gw_sqlite_conn *conn, const char *section, int64_t number,
               gw_error *err)
{
    gw_slice text = gw_store_section(gw_sqlite_schema, section);
    gw_buf sql = {0};

    for (size_t i = 0; i < text.len;) {
        if (strncmp(text.at + i, "{n}", 3) == 0) {
            gw_buf_int(&sql, number);
            i += 3;
        } else {
            gw_buf_byte(&sql, text.at[i++]);
        }
    }
    gw_code code = gw_sqlite_exec(conn, gw_buf_cstr(&sql), err);
    gw_buf_clear(&sql);
    return code;
}

/* As gw_sqlite_make, with the next free number. */
static gw_code
make_again(gw_sqlite_conn *conn, const char *section, gw_error *err)
{
    int64_t number = 0;
    gw_code code = gw_sqlite_int(conn, GW_SQL_TAKE_NUMBER, &number, err);

    return code == GW_OK ? gw_sqlite_make(conn, section, number, err) : code;
}

/* ---- renaming and dropping ---- */

static gw_code
exec_free(gw_sqlite_conn *conn, char *sql, gw_error *err)
{
    gw_code code = sql ? gw_sqlite_exec(conn, sql, err)
                       : gw_sqlite_fail(conn, SQLITE_NOMEM, err);

    sqlite3_free(sql);
    return code;
}

static gw_code
rename_table(gw_sqlite_conn *conn, const char *from, const char *to,
             gw_error *err)
{
    return exec_free(
        conn, sqlite3_mprintf("ALTER TABLE \"%w\" RENAME TO \"%w\"", from, to),
        err);
}

static gw_code
has_rows(gw_sqlite_conn *conn, const char *table, bool *out, gw_error *err)
{
    int64_t rows = 0;
    char *sql = sqlite3_mprintf("SELECT EXISTS (SELECT 1 FROM \"%w\")", table);

    if (!sql)
        return gw_sqlite_fail(conn, SQLITE_NOMEM, err);
    gw_code code = gw_sqlite_pragma(conn, sql, &rows, err);
    sqlite3_free(sql);
    *out = rows != 0;
    return code;
}

/* Takes a table out of the way, at a cost that does not depend on its
 * size. */
static gw_code
retire_table(gw_sqlite_conn *conn, const char *table, gw_error *err)
{
    bool any = false;
    int64_t number = 0;
    gw_code code = has_rows(conn, table, &any, err);

    if (code != GW_OK)
        return code;
    if (!any)
        return exec_free(conn, sqlite3_mprintf("DROP TABLE \"%w\"", table),
                         err);
    code = gw_sqlite_int(conn, GW_SQL_TAKE_NUMBER, &number, err);
    if (code != GW_OK)
        return code;
    return exec_free(
        conn,
        sqlite3_mprintf("ALTER TABLE \"%w\" RENAME TO \"godwit_drop_%lld_%w\"",
                        table, (long long)number, table),
        err);
}

/* Leaves the tables of a group empty; those that are, as they are. */
static gw_code
renew_group(gw_sqlite_conn *conn, const group *g, gw_error *err)
{
    bool any = false;
    gw_code code = GW_OK;

    for (size_t i = 0; i < g->n && code == GW_OK && !any; i++)
        code = has_rows(conn, g->tables[i], &any, err);
    if (code != GW_OK || !any)
        return code;
    for (size_t i = 0; i < g->n && code == GW_OK; i++)
        code = retire_table(conn, g->tables[i], err);
    return code == GW_OK ? make_again(conn, g->section, err) : code;
}

/* What goes with either turn besides the turned tables. */
static gw_code
renew_rest(gw_sqlite_conn *conn, gw_error *err)
{
    gw_code code = renew_group(conn, &keyframes, err);

    if (code == GW_OK)
        code = renew_group(conn, &base, err);
    if (code == GW_OK)
        code = renew_group(conn, &helpers, err);
    if (code == GW_OK)
        code = gw_sqlite_run(conn, GW_SQL_DROP_RUN_STATE, err);
    if (code == GW_OK)
        code = gw_sqlite_run(conn, GW_SQL_UNSEAL, err);
    return code;
}

/* ---- cutover and back ---- */

static gw_code
has_old(gw_sqlite_conn *conn, bool *out, gw_error *err)
{
    int64_t n = 0;
    gw_code code = gw_sqlite_pragma(conn,
                                    "SELECT count(*) FROM sqlite_schema"
                                    " WHERE name = 'godwit_old_positions'",
                                    &n, err);

    *out = n > 0;
    return code;
}

static gw_code
retire_old(gw_sqlite_conn *conn, gw_error *err)
{
    bool has = false;
    gw_code code = has_old(conn, &has, err);

    for (size_t i = 0; i < COUNT(turns) && code == GW_OK && has; i++)
        code = retire_table(conn, turns[i].old, err);
    return code;
}

static gw_code
rename_forward(gw_sqlite_conn *conn, gw_error *err)
{
    gw_code code = GW_OK;

    for (size_t i = 0; i < COUNT(turns) && code == GW_OK; i++) {
        const turn *t = &turns[i];
        code = rename_table(conn, t->live, t->old, err);
        if (code == GW_OK)
            code = rename_table(conn, t->made, t->live, err);
    }
    return code;
}

static gw_code
rename_back(gw_sqlite_conn *conn, gw_error *err)
{
    gw_code code = GW_OK;

    for (size_t i = 0; i < COUNT(turns) && code == GW_OK; i++) {
        code = retire_table(conn, turns[i].live, err);
        if (code == GW_OK)
            code = rename_table(conn, turns[i].old, turns[i].live, err);
    }
    return code;
}

/* Renames; what the application has added to the live tables comes along. */
static gw_code
turn_tables(gw_sqlite_conn *conn,
            gw_code (*rename)(gw_sqlite_conn *conn, gw_error *err),
            gw_error *err)
{
    gw_arena arena;
    gw_sqlite_carried *carried = NULL;

    gw_arena_init(&arena);
    gw_code code = gw_sqlite_find_carried(conn, &arena, &carried, err);
    if (code == GW_OK)
        code = rename(conn, err);
    if (code == GW_OK)
        code = gw_sqlite_carry(conn, carried, err);
    gw_arena_clear(&arena);
    return code;
}

gw_code
gw_sqlite_swap(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_sqlite_conn *conn = &s->writer;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_put_sequences(s, err);
    if (code == GW_OK)
        code = retire_old(conn, err);
    if (code == GW_OK)
        code = turn_tables(conn, rename_forward, err);
    if (code == GW_OK)
        code = retire_table(conn, "migration_positions", err);
    if (code == GW_OK)
        code = make_again(conn, made.section, err);
    if (code == GW_OK)
        code = renew_rest(conn, err);
    gw_sequences_clear(&s->live_ids);
    gw_sequences_clear(&s->made_ids);
    s->has_levels = false;
    return code;
}

static gw_code
check_way_back(gw_sqlite *s, gw_error *err)
{
    bool has = false;
    int64_t sealed = 0;
    gw_code code = has_old(&s->writer, &has, err);

    if (code == GW_OK && !has)
        return gw_fail(err, GW_E_STATE,
                       "there is no old generation to go back to");
    if (code == GW_OK)
        code = gw_sqlite_int(&s->writer, GW_SQL_IS_SEALED, &sealed, err);
    if (code == GW_OK && !sealed)
        return gw_fail(err, GW_E_STATE,
                       "positions were written since the cutover; going "
                       "back would lose them");
    return code;
}

gw_code
gw_sqlite_swap_back(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_sqlite_conn *conn = &s->writer;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = check_way_back(s, err);
    if (code == GW_OK)
        code = turn_tables(conn, rename_back, err);
    if (code == GW_OK)
        code = renew_group(conn, &made, err);
    if (code == GW_OK)
        code = renew_rest(conn, err);
    gw_sequences_clear(&s->live_ids);
    gw_sequences_clear(&s->made_ids);
    s->has_levels = false;
    return code;
}

gw_code
gw_sqlite_seal(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    return code == GW_OK ? gw_sqlite_run(&s->writer, GW_SQL_SEAL, err) : code;
}

gw_code
gw_sqlite_discard(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = retire_old(&s->writer, err);
    if (code == GW_OK)
        code = gw_sqlite_run(&s->writer, GW_SQL_UNSEAL, err);
    return code;
}

/* ---- beginning again ---- */

gw_code
gw_sqlite_forget(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_sqlite_conn *conn = &s->writer;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = renew_group(conn, &made, err);
    if (code == GW_OK)
        code = renew_group(conn, &keyframes, err);
    if (code == GW_OK)
        code = gw_sqlite_drop_base(store, err);
    if (code == GW_OK)
        code = gw_sqlite_run(conn, GW_SQL_DROP_RUN_STATE, err);
    gw_sequences_clear(&s->made_ids);
    s->has_levels = false;
    return code;
}

gw_code
gw_sqlite_drop_base(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    return code == GW_OK ? renew_group(&s->writer, &base, err) : code;
}

/* What an older base still has to say goes behind what was made since. */
static gw_code
merge_base(gw_sqlite_conn *conn, gw_error *err)
{
    static const char sql[] =
        "INSERT INTO migration_events (position, fqid, type, data, weight)"
        " SELECT position, fqid, type, data, weight FROM godwit_base_events"
        " WHERE position > (SELECT ifnull(max(position), 0)"
        "  FROM migration_positions) ORDER BY position, id;"
        "INSERT INTO migration_positions (position, migration_index)"
        " SELECT position, migration_index FROM godwit_base_positions"
        " WHERE position > (SELECT ifnull(max(position), 0)"
        "  FROM migration_positions) ORDER BY position";

    return gw_sqlite_exec(conn, sql, err);
}

/* The tables of the old base, and what the older set was to become, make
 * room. */
static gw_code
drop_for_base(gw_sqlite_conn *conn, gw_error *err)
{
    static const char *const tables[] = {
        "godwit_base_positions", "godwit_base_events", "godwit_positions",
        "godwit_models", "godwit_id_sequences"};
    gw_code code = GW_OK;

    for (size_t i = 0; i < COUNT(tables) && code == GW_OK; i++)
        code = retire_table(conn, tables[i], err);
    return code;
}

gw_code
gw_sqlite_set_aside(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_sqlite_conn *conn = &s->writer;
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = merge_base(conn, err);
    if (code == GW_OK)
        code = drop_for_base(conn, err);
    if (code == GW_OK)
        code = rename_table(conn, "migration_positions",
                            "godwit_base_positions", err);
    if (code == GW_OK)
        code =
            rename_table(conn, "migration_events", "godwit_base_events", err);
    if (code == GW_OK)
        code = make_again(conn, made.section, err);
    if (code == GW_OK)
        code = renew_group(conn, &keyframes, err);
    gw_sequences_clear(&s->made_ids);
    s->has_levels = false;
    return code;
}

gw_code
gw_sqlite_clear_helpers(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    return code == GW_OK
               ? gw_sqlite_exec(&s->writer,
                                "DELETE FROM events_to_collectionfields;"
                                "DELETE FROM collectionfields",
                                err)
               : code;
}
