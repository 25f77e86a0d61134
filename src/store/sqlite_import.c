/* SPDX-License-Identifier: Apache-2.0 */
/* What imports keep in SQLite. */
#include <sqlite3.h>

#include "store/sqlite_priv.h"

/* A statement with its first parameters, on the writing connection. */
static gw_code
get(gw_store *store, gw_sql which, const gw_slice *texts, int n,
    sqlite3_stmt **out, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_get(&s->writer, which, out, err);
    for (int i = 0; code == GW_OK && i < n; i++)
        gw_sqlite_bind(*out, i + 1, texts[i]);
    return code;
}

static gw_code
finish(gw_store *store, sqlite3_stmt *statement, gw_error *err)
{
    return gw_sqlite_finish(&gw_sqlite_of(store)->writer, statement, err);
}

static gw_code
step(gw_store *store, sqlite3_stmt *statement, bool *row, gw_error *err)
{
    return gw_sqlite_step(&gw_sqlite_of(store)->writer, statement, row, err);
}

/* An import is to need little memory, whatever the store's size: less cache
 * than other writers have. The lists of a million users go through 64 MiB. */
static gw_code
prepare(gw_store *store, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_code code = gw_sqlite_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_exec(&s->writer, "PRAGMA cache_size = -16384", err);
    return code == GW_OK ? gw_sqlite_make(&s->writer, "import", 0, err) : code;
}

static gw_code
state(gw_store *store, gw_arena *arena, gw_slice source, gw_slice *out,
      gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = get(store, GW_SQL_IMPORT_STATE, &source, 1, &statement, err);

    if (code == GW_OK)
        code = step(store, statement, &row, err);
    if (code != GW_OK)
        return code;
    *out =
        row ? gw_arena_dup(arena, gw_sqlite_text(statement, 0)) : (gw_slice){0};
    (void)sqlite3_reset(statement);
    return GW_OK;
}

static gw_code
put_state(gw_store *store, gw_slice source, gw_slice text, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {source, text};
    gw_code code =
        get(store, GW_SQL_PUT_IMPORT_STATE, texts, 2, &statement, err);

    return code == GW_OK ? finish(store, statement, err) : code;
}

/* ---- keys ---- */

static gw_import_row
row_of(sqlite3_stmt *statement, int column)
{
    return (gw_import_row){
        .id = sqlite3_column_int64(statement, column),
        .seen = sqlite3_column_int64(statement, column + 1),
        .mark = sqlite3_column_int64(statement, column + 2),
        .n = sqlite3_column_int64(statement, column + 3),
    };
}

static gw_code
find(gw_store *store, const gw_import_kind *kind, const gw_slice *keys,
     size_t n, gw_import_row *rows, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {kind->source, kind->kind};
    gw_code code = get(store, GW_SQL_IMPORT_KEY, texts, 2, &statement, err);

    for (size_t i = 0; i < n && code == GW_OK; i++) {
        bool row = false;
        gw_sqlite_bind(statement, 3, keys[i]);
        code = step(store, statement, &row, err);
        if (code == GW_OK)
            rows[i] = row ? row_of(statement, 0) : (gw_import_row){0};
        (void)sqlite3_reset(statement);
    }
    return code;
}

static gw_code
put(gw_store *store, const gw_import_kind *kind, gw_slice key,
    const gw_import_row *row, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {kind->source, kind->kind, key};
    gw_code code = get(store, GW_SQL_PUT_IMPORT_KEY, texts, 3, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 4, row->id);
    (void)sqlite3_bind_int64(statement, 5, row->seen);
    (void)sqlite3_bind_int64(statement, 6, row->mark);
    (void)sqlite3_bind_int64(statement, 7, row->n);
    return finish(store, statement, err);
}

static gw_code
visit_keys(gw_store *store, sqlite3_stmt *statement, gw_import_visit visit,
           void *arg, gw_error *err)
{
    bool row = true;
    gw_code code = GW_OK;

    while (code == GW_OK && row) {
        code = step(store, statement, &row, err);
        if (code == GW_OK && row) {
            gw_import_row r = row_of(statement, 1);
            code = visit(arg, gw_sqlite_text(statement, 0), &r, err);
        }
    }
    (void)sqlite3_reset(statement);
    return code;
}

static gw_code
keys(gw_store *store, const gw_import_kind *kind, gw_slice above,
     gw_slice below, int64_t limit, gw_import_visit visit, void *arg,
     gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {kind->source, kind->kind,
                              above.at ? above : GW_LIT(""), below};
    gw_code code = get(store, GW_SQL_IMPORT_KEYS, texts, 4, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 5, limit);
    return visit_keys(store, statement, visit, arg, err);
}

static gw_code
pending(gw_store *store, const gw_import_kind *kind, int64_t after,
        int64_t seen, int64_t limit, gw_import_visit visit, void *arg,
        gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {kind->source, kind->kind};
    gw_code code = get(store, GW_SQL_IMPORT_PENDING, texts, 2, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 3, after);
    (void)sqlite3_bind_int64(statement, 4, seen);
    (void)sqlite3_bind_int64(statement, 5, limit);
    return visit_keys(store, statement, visit, arg, err);
}

static gw_code
sum(gw_store *store, const gw_import_kind *kind, int64_t seen, int64_t *rows,
    int64_t *items, int64_t *top, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {kind->source, kind->kind};
    bool row = false;
    gw_code code = get(store, GW_SQL_IMPORT_SUM, texts, 2, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 3, seen);
    code = step(store, statement, &row, err);
    if (code == GW_OK) {
        *rows = sqlite3_column_int64(statement, 0);
        *items = sqlite3_column_int64(statement, 1);
        *top = sqlite3_column_int64(statement, 2);
    }
    (void)sqlite3_reset(statement);
    return code;
}

/* ---- problems ---- */

static gw_code
put_problem(gw_store *store, gw_slice source, const gw_import_problem *p,
            gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {source, p->step, p->reason, p->collection,
                              p->key};
    gw_code code =
        get(store, GW_SQL_PUT_IMPORT_PROBLEM, texts, 5, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 6, p->n);
    gw_sqlite_bind(statement, 7, p->detail);
    return finish(store, statement, err);
}

static gw_code
drop_problems(gw_store *store, gw_slice source, const gw_import_problem *like,
              gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    const gw_slice texts[] = {source, like->step, like->reason,
                              like->collection, like->key};
    gw_code code =
        get(store, GW_SQL_DROP_IMPORT_PROBLEMS, texts, 5, &statement, err);

    return code == GW_OK ? finish(store, statement, err) : code;
}

static gw_code
problems(gw_store *store, gw_slice source, gw_problem_visit visit, void *arg,
         gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = true;
    gw_code code =
        get(store, GW_SQL_IMPORT_PROBLEMS, &source, 1, &statement, err);

    while (code == GW_OK && row) {
        code = step(store, statement, &row, err);
        if (code != GW_OK || !row)
            break;
        gw_import_problem p = {
            .step = gw_sqlite_text(statement, 0),
            .reason = gw_sqlite_text(statement, 1),
            .collection = gw_sqlite_text(statement, 2),
            .key = gw_sqlite_text(statement, 3),
            .n = sqlite3_column_int64(statement, 4),
            .detail = gw_sqlite_text(statement, 5),
        };
        code = visit(arg, &p, err);
    }
    if (statement)
        (void)sqlite3_reset(statement);
    return code;
}

/* ---- ids ---- */

static gw_code
take_ids(gw_store *store, gw_slice collection, int64_t n, int64_t *first,
         bool *found, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code =
        get(store, GW_SQL_RESERVE_IDS, &collection, 1, &statement, err);

    if (code != GW_OK)
        return code;
    (void)sqlite3_bind_int64(statement, 2, n);
    code = step(store, statement, found, err);
    if (code == GW_OK && *found) {
        *first = sqlite3_column_int64(statement, 0);
        code = finish(store, statement, err); /* to its end: it is done */
    }
    (void)sqlite3_reset(statement);
    return code;
}

static gw_code
begin_ids(gw_store *store, gw_slice collection, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code =
        get(store, GW_SQL_BEGIN_IDS, &collection, 1, &statement, err);

    return code == GW_OK ? finish(store, statement, err) : code;
}

const struct gw_import_ops gw_sqlite_import = {
    .prepare = prepare,
    .state = state,
    .put_state = put_state,
    .find = find,
    .put = put,
    .keys = keys,
    .pending = pending,
    .sum = sum,
    .put_problem = put_problem,
    .drop_problems = drop_problems,
    .problems = problems,
    .take_ids = take_ids,
    .begin_ids = begin_ids,
};
