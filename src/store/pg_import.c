/* SPDX-License-Identifier: Apache-2.0 */
/* What imports keep in PostgreSQL. Keys are gathered and sent in one piece,
 * at the latest when keys are read or the transaction ends. */
#include <libpq-fe.h>

#include "base/limits.h"
#include "store/pg_priv.h"

#define PIECE_BYTES ((size_t)GW_MIB)

static void
add_kind(gw_pg_params *p, const gw_import_kind *kind)
{
    gw_pg_add_text(p, kind->source);
    gw_pg_add_text(p, kind->kind);
}

static void
add_optional(gw_pg_params *p, gw_slice text)
{
    if (text.at)
        gw_pg_add_text(p, text);
    else
        gw_pg_add_null(p);
}

static gw_code
prepare(gw_store *store, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    return code == GW_OK ? gw_pg_section(&s->writer, "import", err) : code;
}

static gw_code
state(gw_store *store, gw_arena *arena, gw_slice source, gw_slice *out,
      gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    PGresult *rows = NULL;
    gw_code code = gw_pg_writer_of(s, err);

    gw_pg_add_text(&p, source);
    if (code == GW_OK)
        code = gw_pg_run(&s->writer, GW_PG_IMPORT_STATE, &p, &rows, err);
    if (code != GW_OK)
        return code;
    *out = PQntuples(rows) > 0 ? gw_arena_dup(arena, gw_pg_text(rows, 0, 0))
                               : (gw_slice){0};
    PQclear(rows);
    return GW_OK;
}

static gw_code
put_state(gw_store *store, gw_slice source, gw_slice text, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    gw_code code = gw_pg_writer_of(s, err);

    gw_pg_add_text(&p, source);
    gw_pg_add_text(&p, text);
    return code == GW_OK
               ? gw_pg_run(&s->writer, GW_PG_PUT_IMPORT_STATE, &p, NULL, err)
               : code;
}

/* ---- keys ---- */

gw_code
gw_pg_flush_import(gw_pg *s, gw_error *err)
{
    gw_pg_params p = {0};

    if (s->import_keys.len == 0)
        return GW_OK;
    gw_buf_byte(&s->import_keys, ']');
    gw_pg_add_text(&p, gw_buf_as_slice(&s->import_keys));
    gw_code code = gw_pg_run(&s->writer, GW_PG_PUT_IMPORT_KEYS, &p, NULL, err);
    s->import_keys.len = 0;
    return code;
}

/* The writing connection with all keys sent. */
static gw_code
get_writer(gw_store *store, gw_pg **out, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_code code = gw_pg_writer_of(s, err);

    *out = s;
    return code == GW_OK ? gw_pg_flush_import(s, err) : code;
}

static gw_import_row
row_of(const PGresult *rows, int row)
{
    return (gw_import_row){
        .id = gw_pg_int(rows, row, 1),
        .seen = gw_pg_int(rows, row, 2),
        .mark = gw_pg_int(rows, row, 3),
        .n = gw_pg_int(rows, row, 4),
    };
}

static gw_code
find(gw_store *store, const gw_import_kind *kind, const gw_slice *keys,
     size_t n, gw_import_row *out, gw_error *err)
{
    gw_pg *s;
    gw_pg_params p = {0};
    PGresult *rows = NULL;
    gw_buf list = {0};
    gw_code code = get_writer(store, &s, err);

    if (code != GW_OK || n == 0)
        return code;
    for (size_t i = 0; i < n; i++) {
        out[i] = (gw_import_row){0};
        gw_buf_byte(&list, i == 0 ? '[' : ',');
        gw_json_put_string(&list, keys[i]);
    }
    gw_buf_byte(&list, ']');
    add_kind(&p, kind);
    gw_pg_add_text(&p, gw_buf_as_slice(&list));
    code = gw_pg_run(&s->writer, GW_PG_IMPORT_KEY, &p, &rows, err);
    gw_buf_clear(&list);
    if (code != GW_OK)
        return code;
    for (int i = 0; i < PQntuples(rows); i++) {
        int64_t at = gw_pg_int(rows, i, 0);
        if (at >= 1 && (uint64_t)at <= n)
            out[at - 1] = row_of(rows, i);
    }
    PQclear(rows);
    return GW_OK;
}

static gw_code
put(gw_store *store, const gw_import_kind *kind, gw_slice key,
    const gw_import_row *row, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_buf *buf = &s->import_keys;
    gw_code code = gw_pg_writer_of(s, err);

    if (code != GW_OK)
        return code;
    gw_buf_text(buf, buf->len == 0 ? "[{\"s\":" : ",{\"s\":");
    gw_json_put_string(buf, kind->source);
    gw_buf_text(buf, ",\"t\":");
    gw_json_put_string(buf, kind->kind);
    gw_buf_text(buf, ",\"k\":");
    gw_json_put_string(buf, key);
    gw_buf_printf(buf, ",\"i\":%lld,\"g\":%lld,\"m\":%lld,\"c\":%lld}",
                  (long long)row->id, (long long)row->seen,
                  (long long)row->mark, (long long)row->n);
    return buf->len < PIECE_BYTES ? GW_OK : gw_pg_flush_import(s, err);
}

static gw_code
visit_keys(gw_pg *s, gw_pg_sql which, const gw_pg_params *p,
           gw_import_visit visit, void *arg, gw_error *err)
{
    PGresult *rows = NULL;
    gw_code code = gw_pg_run(&s->writer, which, p, &rows, err);

    if (code != GW_OK)
        return code;
    for (int i = 0; code == GW_OK && i < PQntuples(rows); i++) {
        gw_import_row row = row_of(rows, i);
        code = visit(arg, gw_pg_text(rows, i, 0), &row, err);
    }
    PQclear(rows);
    return code;
}

static gw_code
keys(gw_store *store, const gw_import_kind *kind, gw_slice above,
     gw_slice below, int64_t limit, gw_import_visit visit, void *arg,
     gw_error *err)
{
    gw_pg *s;
    gw_pg_params p = {0};
    gw_code code = get_writer(store, &s, err);

    add_kind(&p, kind);
    gw_pg_add_text(&p, above.at ? above : GW_LIT(""));
    add_optional(&p, below);
    gw_pg_add_int(&p, limit);
    return code == GW_OK ? visit_keys(s, GW_PG_IMPORT_KEYS, &p, visit, arg, err)
                         : code;
}

static gw_code
pending(gw_store *store, const gw_import_kind *kind, int64_t after,
        int64_t seen, int64_t limit, gw_import_visit visit, void *arg,
        gw_error *err)
{
    gw_pg *s;
    gw_pg_params p = {0};
    gw_code code = get_writer(store, &s, err);

    add_kind(&p, kind);
    gw_pg_add_int(&p, after);
    gw_pg_add_int(&p, seen);
    gw_pg_add_int(&p, limit);
    return code == GW_OK
               ? visit_keys(s, GW_PG_IMPORT_PENDING, &p, visit, arg, err)
               : code;
}

static gw_code
sum(gw_store *store, const gw_import_kind *kind, int64_t seen, int64_t *rows,
    int64_t *items, int64_t *top, gw_error *err)
{
    gw_pg *s;
    gw_pg_params p = {0};
    int64_t out[3] = {0};
    gw_code code = get_writer(store, &s, err);

    add_kind(&p, kind);
    gw_pg_add_int(&p, seen);
    if (code == GW_OK)
        code = gw_pg_ints(&s->writer, GW_PG_IMPORT_SUM, &p, out, 3, err);
    *rows = out[0];
    *items = out[1];
    *top = out[2];
    return code;
}

/* ---- problems ---- */

static gw_code
put_problem(gw_store *store, gw_slice source, const gw_import_problem *problem,
            gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    gw_code code = gw_pg_writer_of(s, err);

    gw_pg_add_text(&p, source);
    gw_pg_add_text(&p, problem->step);
    gw_pg_add_text(&p, problem->reason);
    gw_pg_add_text(&p, problem->collection);
    gw_pg_add_text(&p, problem->key);
    gw_pg_add_int(&p, problem->n);
    gw_pg_add_text(&p, problem->detail);
    return code == GW_OK
               ? gw_pg_run(&s->writer, GW_PG_PUT_IMPORT_PROBLEM, &p, NULL, err)
               : code;
}

static gw_code
drop_problems(gw_store *store, gw_slice source, const gw_import_problem *like,
              gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    gw_code code = gw_pg_writer_of(s, err);

    gw_pg_add_text(&p, source);
    gw_pg_add_text(&p, like->step);
    add_optional(&p, like->reason);
    add_optional(&p, like->collection);
    add_optional(&p, like->key);
    return code == GW_OK ? gw_pg_run(&s->writer, GW_PG_DROP_IMPORT_PROBLEMS, &p,
                                     NULL, err)
                         : code;
}

static gw_import_problem
problem_of(const PGresult *rows, int row)
{
    return (gw_import_problem){
        .step = gw_pg_text(rows, row, 0),
        .reason = gw_pg_text(rows, row, 1),
        .collection = gw_pg_text(rows, row, 2),
        .key = gw_pg_text(rows, row, 3),
        .n = gw_pg_int(rows, row, 4),
        .detail = gw_pg_text(rows, row, 5),
    };
}

/* A page of them at a time, above the last of the page before. */
static gw_code
problems(gw_store *store, gw_slice source, gw_problem_visit visit, void *arg,
         gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_import_problem last = {GW_LIT(""), GW_LIT(""), GW_LIT(""),
                              GW_LIT(""), 0,          GW_LIT("")};
    PGresult *page = NULL;
    gw_code code = gw_pg_writer_of(s, err);

    while (code == GW_OK) {
        gw_pg_params p = {0};
        PGresult *rows = NULL;
        gw_pg_add_text(&p, source);
        gw_pg_add_text(&p, last.reason);
        gw_pg_add_text(&p, last.step);
        gw_pg_add_text(&p, last.collection);
        gw_pg_add_text(&p, last.key);
        code = gw_pg_run(&s->writer, GW_PG_IMPORT_PROBLEMS, &p, &rows, err);
        PQclear(page);
        page = rows;
        int n = code == GW_OK ? PQntuples(rows) : 0;
        for (int i = 0; code == GW_OK && i < n; i++) {
            last = problem_of(rows, i);
            code = visit(arg, &last, err);
        }
        if (n == 0)
            break;
    }
    PQclear(page);
    return code;
}

/* ---- ids ---- */

/* The row is locked until the end of the transaction, as the application
 * locks it. */
static gw_code
take_ids(gw_store *store, gw_slice collection, int64_t n, int64_t *first,
         bool *found, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};
    PGresult *rows = NULL;
    gw_code code = gw_pg_writer_of(s, err);

    if (code != GW_OK)
        return code;
    gw_pg_add_text(&p, collection);
    gw_pg_add_int(&p, n);
    code = gw_pg_run(&s->writer, GW_PG_RESERVE_IDS, &p, &rows, err);
    if (code != GW_OK)
        return code;
    *found = PQntuples(rows) > 0;
    if (*found)
        *first = gw_pg_int(rows, 0, 0);
    PQclear(rows);
    return GW_OK;
}

static gw_code
begin_ids(gw_store *store, gw_slice collection, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);
    gw_pg_params p = {0};

    gw_pg_add_text(&p, collection);
    return gw_pg_run(&s->writer, GW_PG_BEGIN_IDS, &p, NULL, err);
}

const struct gw_import_ops gw_pg_import = {
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
