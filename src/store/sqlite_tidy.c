/* SPDX-License-Identifier: Apache-2.0 */
/* Work that is done in many short transactions, so that nobody waits long for
 * a turn: clearing away tables that were set aside as godwit_drop_… and what a
 * save has replaced, and taking back a save that has not come to its end. */
#include <sqlite3.h>

#include "store/sqlite_priv.h"

enum { PART_ROWS = 4096, PART_MODELS = 256 };

/* ---- parts ---- */

typedef gw_code (*work_part)(gw_sqlite *s, void *arg, bool *has_more,
                             gw_error *err);

static gw_code
work_for_a_turn(gw_sqlite *s, work_part work, void *arg, bool *has_more,
                gw_error *err)
{
    gw_code code = gw_sqlite_begin(&s->store, false, err);

    if (code != GW_OK)
        return code;
    do
        code = work(s, arg, has_more, err);
    while (code == GW_OK && *has_more && !gw_sqlite_is_long(s));
    code = gw_store_finish(&s->store, code, err);
    if (code == GW_OK)
        gw_sqlite_make_way(&s->store);
    return code;
}

static gw_code
work_in_parts(gw_sqlite *s, work_part work, void *arg, gw_error *err)
{
    bool has_more = true;
    gw_code code = GW_OK;

    while (code == GW_OK && has_more)
        code = work_for_a_turn(s, work, arg, &has_more, err);
    return code;
}

/* A store of an older version has no godwit_unsaved. Its number is not
 * used. */
static gw_code
make_unsaved(gw_sqlite *s, gw_error *err)
{
    gw_code code = gw_sqlite_begin(&s->store, false, err);

    if (code != GW_OK)
        return code;
    return gw_store_finish(&s->store,
                           gw_sqlite_make(&s->writer, "saving", 0, err), err);
}

/* ---- clearing away ---- */

static gw_code
delete_some(gw_sqlite *s, void *arg, bool *has_more, gw_error *err)
{
    gw_code code = gw_sqlite_finish(&s->writer, arg, err);

    *has_more = sqlite3_changes(s->writer.db) == PART_ROWS;
    return code;
}

static gw_code
empty_table(gw_sqlite *s, char *table, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    char *sql = sqlite3_mprintf("DELETE FROM \"%w\" WHERE rowid IN"
                                " (SELECT rowid FROM \"%w\" LIMIT %d)",
                                table, table, PART_ROWS);
    gw_code code = sql ? gw_sqlite_prepare(&s->writer, sql, &statement, err)
                       : gw_sqlite_fail(&s->writer, SQLITE_NOMEM, err);

    if (code == GW_OK)
        code = work_in_parts(s, delete_some, statement, err);
    (void)sqlite3_finalize(statement);
    sqlite3_free(sql);
    return code;
}

/* Dropping a full table is one long transaction, and much less work: beside
 * others only the rows go before it. By then the indexes have gone, one by
 * one, and whoever writes was seen. */
static gw_code
empty_beside_others(gw_sqlite *s, char *table, gw_error *err)
{
    return gw_sqlite_has_company(s) ? empty_table(s, table, err) : GW_OK;
}

static gw_code
run_once(gw_sqlite *s, void *sql, bool *has_more, gw_error *err)
{
    *has_more = false;
    return gw_sqlite_exec(&s->writer, sql, err);
}

static gw_code
run_alone(gw_sqlite *s, char *sql, gw_error *err)
{
    return work_in_parts(s, run_once, sql, err);
}

/* What is to be done with each text that a query gives. All are read first:
 * nothing may be dropped while a statement runs. */
typedef struct chore {
    const char *query;
    gw_code (*work)(gw_sqlite *s, char *text, gw_error *err);
} chore;

static gw_code
list_texts(gw_sqlite_conn *conn, const char *query, gw_buf *out, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = true;
    gw_code code = gw_sqlite_prepare(conn, query, &statement, err);

    while (code == GW_OK) {
        code = gw_sqlite_step(conn, statement, &row, err);
        if (code != GW_OK || !row)
            break;
        gw_buf_slice(out, gw_sqlite_text(statement, 0));
        gw_buf_byte(out, '\0');
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static gw_code
do_chore(gw_sqlite *s, const chore *c, gw_error *err)
{
    gw_buf texts = {0};
    gw_code code = list_texts(&s->writer, c->query, &texts, err);

    for (size_t i = 0; code == GW_OK && i < texts.len;) {
        char *text = texts.at + i;
        code = c->work(s, text, err);
        i += strlen(text) + 1;
    }
    gw_buf_clear(&texts);
    return code;
}

gw_code
gw_sqlite_tidy(gw_store *store, gw_error *err)
{
    static const chore chores[] = {
        {"SELECT 'godwit_unsaved' WHERE NOT EXISTS" /* needed to go back */
         " (SELECT 1 FROM godwit_unsaved WHERE keyframe_position ="
         "  (SELECT max(position) FROM migration_keyframes))",
         empty_table},
        {"SELECT format('DROP %s \"%w\"', type, name) FROM sqlite_schema"
         " WHERE type IN ('trigger', 'index') AND sql IS NOT NULL"
         " AND tbl_name GLOB 'godwit_drop_*'",
         run_alone},
        {"SELECT name FROM pragma_table_list AS t" /* no automatic index */
         " WHERE type = 'table' AND NOT wr AND name GLOB 'godwit_drop_*'"
         " AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS i"
         "  WHERE i.type = 'index' AND i.tbl_name = t.name)",
         empty_beside_others},
        {"SELECT format('DROP TABLE \"%w\"', name) FROM sqlite_schema"
         " WHERE type = 'table' AND name GLOB 'godwit_drop_*'",
         run_alone},
    };
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = make_unsaved(s, err);

    for (size_t i = 0; code == GW_OK && i < sizeof(chores) / sizeof(*chores);
         i++)
        code = do_chore(s, &chores[i], err);
    return code;
}

/* ---- taking a save back ---- */

/* The models that were saved first, up to a row that is another one's; those
 * of a save that had come to its end are only forgotten. */
static gw_code
put_back_some(gw_sqlite *s, void *arg, bool *has_more, gw_error *err)
{
    static const gw_sql steps[] = {GW_SQL_UNSAVE_MODELS, GW_SQL_UNSAVE_LEVELS,
                                   GW_SQL_RESTORE_MODELS, GW_SQL_RESTORE_LEVELS,
                                   GW_SQL_DROP_UNSAVED};
    sqlite3_stmt *statement = NULL;
    int64_t before = 0;
    gw_code code =
        gw_sqlite_get(&s->writer, GW_SQL_NEXT_UNSAVED, &statement, err);

    (void)arg;
    if (code == GW_OK) {
        (void)sqlite3_bind_int(statement, 1, PART_MODELS);
        code = gw_sqlite_int(&s->writer, GW_SQL_NEXT_UNSAVED, &before, err);
    }
    for (size_t i = 0; code == GW_OK && i < sizeof(steps) / sizeof(*steps);
         i++) {
        code = gw_sqlite_get(&s->writer, steps[i], &statement, err);
        if (code != GW_OK)
            break;
        (void)sqlite3_bind_int64(statement, 1, before);
        if (steps[i] != GW_SQL_DROP_UNSAVED)
            (void)sqlite3_bind_int64(statement, 2, s->saved_position);
        code = gw_sqlite_finish(&s->writer, statement, err);
    }
    *has_more = before < INT64_MAX;
    return code;
}

/* Before the first save has come to its end nothing is saved. */
static gw_code
clear_saved(gw_sqlite *s, gw_error *err)
{
    char *const tables[] = {"godwit_models", "migration_keyframe_models"};
    gw_code code = GW_OK;

    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables) && code == GW_OK;
         i++)
        code = empty_table(s, tables[i], err);
    return code;
}

gw_code
gw_sqlite_keyframe_recover(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = make_unsaved(s, err);

    if (code != GW_OK)
        return code;
    return s->saved_position > 0 ? work_in_parts(s, put_back_some, NULL, err)
                                 : clear_saved(s, err);
}
