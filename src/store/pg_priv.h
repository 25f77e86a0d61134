/* SPDX-License-Identifier: Apache-2.0 */
/** The PostgreSQL backend: its connections, and every statement it runs with
 *  values. Statements that make and turn tables are in
 *  postgresql_schema.sql. */
#ifndef GW_STORE_PG_PRIV_H
#define GW_STORE_PG_PRIV_H

#include "store/store_priv.h"

struct pg_conn;
struct pg_result;

enum {
    GW_PG_OLDEST_SERVER = 130000,
    GW_PG_SCHEMA = 1, /* godwit_store.schema_version */
    GW_PG_PARAMS = 12,
    GW_PG_NUMBERS = 512, /* of positions, drawn at a time */
    GW_PG_COLUMNS = 8,   /* of rows that are copied */
    GW_PG_TIMESTAMP_ROOM = 48,
};

/* X(name, SQL). Prepared once per connection. */
// clang-format off
#define GW_PG_MAP(X)                                                       \
    X(TABLES,                                                              \
      "SELECT to_regclass('godwit_store') IS NOT NULL,"                    \
      " to_regclass('godwit_positions') IS NOT NULL,"                      \
      " to_regclass('migration_positions') IS NOT NULL,"                   \
      " to_regclass('migration_events') IS NOT NULL,"                      \
      " to_regclass('godwit_base_positions') IS NOT NULL,"                 \
      " to_regclass('godwit_old_positions') IS NOT NULL,"                  \
      " coalesce((SELECT atttypmod - 4 FROM pg_attribute WHERE attrelid ="  \
      " to_regclass('id_sequences') AND attname = 'collection'"            \
      " AND atttypmod >= 0), 1000)")                                       \
    X(COUNT_QUICK,                                                         \
      "SELECT coalesce(min(migration_index), 0),"                          \
      " coalesce(max(migration_index), 0), coalesce(max(position), 0)"     \
      " FROM positions")                                                   \
    X(COUNT_MADE_INDEX,                                                    \
      "SELECT coalesce(max(migration_index), 0) FROM migration_positions") \
    X(COUNT_BASE_INDEX,                                                    \
      "SELECT coalesce(max(migration_index), 0)"                           \
      " FROM godwit_base_positions WHERE position >"                       \
      " (SELECT coalesce(max(position), 0) FROM migration_positions)")     \
    X(COUNT_LIVE,                                                          \
      "SELECT (SELECT count(*) FROM positions),"                           \
      " (SELECT count(*) FROM events)")                                    \
    X(COUNT_MADE,                                                          \
      "SELECT count(*) FILTER (WHERE migration_index = $1::bigint),"       \
      " count(*) FROM migration_positions")                                \
    X(COUNT_BASE,                                                          \
      "SELECT count(*) FILTER (WHERE migration_index = $1::bigint),"       \
      " count(*) FROM godwit_base_positions WHERE position >"              \
      " (SELECT coalesce(max(position), 0) FROM migration_positions)")     \
    X(IS_SEALED,                                                           \
      "SELECT (coalesce(sealed_position ="                                 \
      " (SELECT coalesce(max(position), 0) FROM positions)"                \
      " AND sealed_event = (SELECT coalesce(max(id), 0) FROM events),"     \
      " false))::integer FROM godwit_store")                               \
    X(RUN_STATE,                                                           \
      "SELECT start_index, event_target, position, positions, events,"     \
      " events_written, keyframe_position, base_target, base_position,"    \
      " final_index, checksums FROM godwit_run")                           \
    X(LIVE_POSITIONS,                                                      \
      "SELECT position, timestamp, user_id, information, migration_index"  \
      " FROM positions WHERE position > $1::bigint"                        \
      " AND position <= $2::bigint ORDER BY position LIMIT $3::bigint")    \
    X(MADE_POSITIONS,                                                      \
      "SELECT m.position, p.timestamp, p.user_id, p.information,"          \
      " m.migration_index FROM migration_positions AS m"                   \
      " LEFT JOIN positions AS p ON p.position = m.position"               \
      " WHERE m.position > $1::bigint AND m.position <= $2::bigint"        \
      " ORDER BY m.position LIMIT $3::bigint")                             \
    X(BASE_POSITIONS,                                                      \
      "SELECT m.position, p.timestamp, p.user_id, p.information,"          \
      " m.migration_index FROM godwit_base_positions AS m"                 \
      " LEFT JOIN positions AS p ON p.position = m.position"               \
      " WHERE m.position > $1::bigint AND m.position <= $2::bigint"        \
      " ORDER BY m.position LIMIT $3::bigint")                             \
    X(SET_RANGE,                                                           \
      "SELECT set_config('godwit.after', $1::text, true),"                \
      " set_config('godwit.upto', $2::text, true)")                       \
    X(LAST_MADE,                                                           \
      "SELECT coalesce(max(position), 0) FROM migration_positions")        \
    X(LAST_DRAWN,                                                          \
      "SELECT greatest((SELECT coalesce(max(position), 0)"                 \
      " FROM positions), (SELECT coalesce(pg_sequence_last_value("         \
      "pg_get_serial_sequence('positions', 'position')::regclass), 0)))")  \
    X(OPEN_WRITERS,                                                        \
      "SELECT DISTINCT virtualtransaction FROM pg_locks"                   \
      " WHERE locktype = 'relation' AND granted AND database ="            \
      " (SELECT oid FROM pg_database WHERE datname = current_database())"  \
      " AND relation IN (SELECT to_regclass('positions')::oid"             \
      " UNION ALL SELECT objid FROM pg_depend"                             \
      " JOIN pg_sequence ON seqrelid = objid"                              \
      " WHERE classid = 'pg_class'::regclass"                              \
      " AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')"   \
      " AND refobjid IN (to_regclass('positions')::oid,"                   \
      " to_regclass('godwit_old_positions')::oid))"                        \
      " AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock',"         \
      " 'ExclusiveLock', 'AccessExclusiveLock')")                          \
    X(CONTIGUOUS,                                                          \
      "SELECT coalesce(max(position), $1::bigint) FROM (SELECT position,"  \
      " row_number() OVER (ORDER BY position) AS n FROM"                   \
      " (SELECT position FROM positions WHERE position > $1::bigint"       \
      "  ORDER BY position LIMIT $2::bigint) AS p) AS q"                   \
      " WHERE position = $1::bigint + n")                                  \
    X(MODEL, "SELECT data, deleted FROM models WHERE fqid = $1::text")     \
    X(SAVED_MODEL,                                                         \
      "SELECT -1, 0, deleted, data::text FROM godwit_models"               \
      " WHERE fqid = $1::text UNION ALL SELECT level, meta_position,"      \
      " deleted, data FROM godwit_levels WHERE fqid = $1::text")           \
    X(RUN_ID,                                                              \
      "SELECT run_id, run_holder FROM godwit_store FOR SHARE")             \
    X(RUN_HOLDER, "SELECT run_holder FROM godwit_store")                   \
    X(SET_RUN_ID,                                                          \
      "UPDATE godwit_store SET run_id = $1::text, run_holder = $2::text")  \
    X(COUNT_AFTER,                                                         \
      "SELECT count(*) FROM (SELECT 1 FROM positions"                      \
      " WHERE position > $1::bigint LIMIT $2::bigint) AS p")               \
    X(LAST_POSITION, "SELECT coalesce(max(position), 0) FROM positions")   \
    X(LAST_EVENT, "SELECT coalesce(max(id), 0) FROM migration_events")     \
    X(NEXT_POSITIONS,                                                      \
      "SELECT nextval(pg_get_serial_sequence('positions', 'position'))"    \
      " FROM generate_series(1, $1::bigint)")                              \
    X(RAISE_POSITION,                                                      \
      "SELECT setval(pg_get_serial_sequence('positions', 'position'),"     \
      " greatest($1::bigint, coalesce(pg_sequence_last_value("             \
      "pg_get_serial_sequence('positions', 'position')::regclass), 0)))")  \
    X(PUT_MODELS,                                                          \
      "INSERT INTO models (fqid, data, deleted)"                           \
      " SELECT DISTINCT ON (f) f, m, d FROM ROWS FROM"                     \
      " (json_to_recordset($1::text::json)"                                \
      "  AS (f text, m jsonb, d boolean)) WITH ORDINALITY AS r (f, m, d, n)"\
      " ORDER BY f, n DESC ON CONFLICT (fqid) DO UPDATE SET"               \
      " data = excluded.data, deleted = excluded.deleted")                 \
    X(UNSAVE_LEVELS,                                                       \
      "DELETE FROM godwit_levels AS l USING godwit_saving AS s"            \
      " WHERE s.level IS NULL AND l.fqid = s.fqid")                        \
    X(UNSAVE_MODELS,                                                       \
      "DELETE FROM godwit_models AS m USING godwit_saving AS s"            \
      " WHERE s.level IS NULL AND s.deleted IS NULL AND m.fqid = s.fqid")  \
    X(SAVE_MODELS,                                                         \
      "INSERT INTO godwit_models (fqid, data, deleted)"                    \
      " SELECT fqid, data::jsonb, deleted FROM godwit_saving"              \
      " WHERE level IS NULL AND deleted IS NOT NULL"                       \
      " ON CONFLICT (fqid) DO UPDATE SET data = excluded.data,"            \
      " deleted = excluded.deleted, updated = excluded.updated")           \
    X(SAVE_LEVELS,                                                         \
      "INSERT INTO godwit_levels (fqid, level, meta_position, deleted, data)"\
      " SELECT fqid, level, meta_position, deleted, data FROM godwit_saving"\
      " WHERE level IS NOT NULL")                                          \
    X(CLEAR_SAVING, "DELETE FROM godwit_saving")                           \
    X(HAS_SAVED,                                                           \
      "SELECT (EXISTS (SELECT 1 FROM godwit_models)"                       \
      " OR EXISTS (SELECT 1 FROM godwit_levels))::integer")                \
    X(COPY_EVENTS,                                                         \
      "INSERT INTO migration_events (id, position, fqid, type, data, weight)"\
      " OVERRIDING SYSTEM VALUE SELECT e.id + r.shift, e.position, e.fqid,"\
      " e.type, e.data, e.weight + r.by FROM unnest($1::bigint[],"         \
      " $2::bigint[], $3::bigint[], $4::bigint[])"                         \
      " AS r (first, last, shift, by)"                                     \
      " JOIN events AS e ON e.id >= r.first AND e.id <= r.last")           \
    X(PUT_SEQUENCE,                                                        \
      "INSERT INTO id_sequences AS s (collection, id)"                     \
      " VALUES ($1::text, $2::bigint) ON CONFLICT (collection)"            \
      " DO UPDATE SET id = excluded.id WHERE excluded.id > s.id")          \
    X(PUT_MADE_SEQUENCE,                                                   \
      "INSERT INTO godwit_id_sequences AS s (collection, id)"              \
      " VALUES ($1::text, $2::bigint) ON CONFLICT (collection)"            \
      " DO UPDATE SET id = excluded.id WHERE excluded.id > s.id")          \
    X(COPY_POSITIONS,                                                      \
      "INSERT INTO godwit_positions (position, timestamp, user_id,"        \
      " information, migration_index) OVERRIDING SYSTEM VALUE"             \
      " SELECT position, timestamp, user_id, information, $3::bigint"      \
      " FROM positions WHERE position >= $1::bigint"                       \
      " AND position <= $2::bigint ORDER BY position")                     \
    X(COPY_STATES,                                                         \
      "INSERT INTO migration_positions (position, migration_index)"        \
      " SELECT position, $3::bigint FROM positions"                        \
      " WHERE position >= $1::bigint AND position <= $2::bigint"           \
      " ORDER BY position")                                                \
    X(PUT_RUN_STATE,                                                       \
      "INSERT INTO godwit_run (only_row, start_index, event_target,"       \
      " position, positions, events, events_written, keyframe_position,"   \
      " base_target, base_position, final_index, checksums)"               \
      " VALUES (1, $1::bigint, $2::bigint, $3::bigint, $4::bigint,"        \
      " $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint,"       \
      " $10::bigint, $11::text) ON CONFLICT (only_row) DO UPDATE SET"      \
      " start_index = excluded.start_index,"                               \
      " event_target = excluded.event_target,"                             \
      " position = excluded.position, positions = excluded.positions,"     \
      " events = excluded.events,"                                         \
      " events_written = excluded.events_written,"                         \
      " keyframe_position = excluded.keyframe_position,"                   \
      " base_target = excluded.base_target,"                               \
      " base_position = excluded.base_position,"                           \
      " final_index = excluded.final_index,"                               \
      " checksums = excluded.checksums")                                   \
    X(SET_INDEX,                                                           \
      "UPDATE positions SET migration_index = $1::bigint"                  \
      " WHERE migration_index <> $1::bigint")                              \
    X(SET_FINAL_INDEX,                                                     \
      "UPDATE godwit_positions SET migration_index = $1::bigint"           \
      " WHERE migration_index <> $1::bigint")                              \
    X(SEAL,                                                                \
      "UPDATE godwit_store SET sealed_position ="                          \
      " (SELECT coalesce(max(position), 0) FROM positions),"               \
      " sealed_event = (SELECT coalesce(max(id), 0) FROM events)")         \
    X(UNSEAL,                                                              \
      "UPDATE godwit_store SET sealed_position = NULL,"                    \
      " sealed_event = NULL")                                              \
    X(HAS_RECORDS,                                                         \
      "SELECT (to_regclass('godwit_runs') IS NOT NULL)::integer")          \
    X(PUT_RECORD,                                                          \
      "INSERT INTO godwit_runs (kind, id, at, record)"                     \
      " VALUES ($1::text, $2::text, $3::bigint, $4::text::json)"           \
      " ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at,"            \
      " record = excluded.record")                                         \
    X(PRUNE_RECORDS,                                                       \
      "DELETE FROM godwit_runs WHERE kind = $1::text AND at <"             \
      " (SELECT at FROM godwit_runs WHERE kind = $1::text"                 \
      "  ORDER BY at DESC OFFSET $2::bigint LIMIT 1)")                     \
    X(DROP_RUN_STATE, "DELETE FROM godwit_run")                            \
    X(CUT_BACK,                                                            \
      "WITH e AS (DELETE FROM migration_events WHERE position > $1::bigint"\
      "  RETURNING 1),"                                                    \
      " s AS (DELETE FROM migration_positions WHERE position > $1::bigint" \
      "  RETURNING 1),"                                                    \
      " p AS (DELETE FROM godwit_positions WHERE position > $1::bigint"    \
      "  RETURNING 1)"                                                     \
      "SELECT (SELECT count(*) FROM s), (SELECT count(*) FROM e),"         \
      " (SELECT count(*) FROM events WHERE position > $1::bigint"          \
      "  AND position <= $2::bigint)")                                     \
    X(SET_TURN, "SELECT set_config('godwit.turn', $1::text, true)")        \
    X(SET_LOCK_TIMEOUT, "SELECT set_config('lock_timeout', $1::text, true)")\
    X(IMPORT_STATE,                                                        \
      "SELECT state FROM godwit_import_sources WHERE source = $1::text")   \
    X(PUT_IMPORT_STATE,                                                    \
      "INSERT INTO godwit_import_sources (source, state)"                  \
      " VALUES ($1::text, $2::text) ON CONFLICT (source)"                  \
      " DO UPDATE SET state = excluded.state")                             \
    X(IMPORT_KEY,                                                          \
      "SELECT o.at, k.id, k.seen, k.mark, k.n FROM"                        \
      " json_array_elements_text($3::text::json) WITH ORDINALITY"          \
      " AS o (key, at) CROSS JOIN LATERAL (SELECT id, seen, mark, n"       \
      " FROM godwit_import_keys WHERE source = $1::text"                   \
      " AND kind = $2::text AND key = o.key) AS k")                        \
    X(PUT_IMPORT_KEYS,                                                     \
      "INSERT INTO godwit_import_keys (source, kind, key, id, seen, mark," \
      " n) SELECT DISTINCT ON (s, t, k) s, t, k, i, g, m, c FROM ROWS FROM"\
      " (json_to_recordset($1::text::json) AS (s text, t text, k text,"    \
      "  i bigint, g bigint, m bigint, c bigint)) WITH ORDINALITY"         \
      " AS r (s, t, k, i, g, m, c, o) ORDER BY s, t, k, o DESC"            \
      " ON CONFLICT (source, kind, key) DO UPDATE SET"                     \
      " id = excluded.id, seen = excluded.seen, mark = excluded.mark,"     \
      " n = excluded.n")                                                   \
    X(IMPORT_KEYS,                                                         \
      "SELECT key, id, seen, mark, n FROM godwit_import_keys"              \
      " WHERE source = $1::text AND kind = $2::text AND key > $3::text"    \
      " AND ($4::text IS NULL OR key < $4::text)"                          \
      " ORDER BY key LIMIT $5::bigint")                                    \
    X(IMPORT_PENDING,                                                      \
      "SELECT key, id, seen, mark, n FROM godwit_import_keys"              \
      " WHERE source = $1::text AND kind = $2::text AND id > $3::bigint"   \
      " AND seen < $4::bigint ORDER BY id LIMIT $5::bigint")               \
    X(IMPORT_SUM,                                                          \
      "SELECT count(*), coalesce(sum(n), 0)::bigint,"                      \
      " coalesce(max(id), 0)"                                              \
      " FROM godwit_import_keys WHERE source = $1::text"                   \
      " AND kind = $2::text AND seen >= $3::bigint")                       \
    X(PUT_IMPORT_PROBLEM,                                                  \
      "INSERT INTO godwit_import_problems (source, step, reason,"          \
      " collection, key, n, detail) VALUES ($1::text, $2::text, $3::text," \
      " $4::text, $5::text, $6::bigint, $7::text)"                         \
      " ON CONFLICT (source, step, reason, collection, key) DO UPDATE SET" \
      " n = excluded.n, detail = excluded.detail")                         \
    X(DROP_IMPORT_PROBLEMS,                                                \
      "DELETE FROM godwit_import_problems WHERE source = $1::text"         \
      " AND step = $2::text AND ($3::text IS NULL OR reason = $3::text)"   \
      " AND ($4::text IS NULL OR collection = $4::text)"                   \
      " AND ($5::text IS NULL OR key = $5::text)")                         \
    X(IMPORT_PROBLEMS,                                                     \
      "SELECT step, reason, collection, key, n, detail"                    \
      " FROM godwit_import_problems WHERE source = $1::text"               \
      " AND (reason, step, collection, key) >"                             \
      " ($2::text, $3::text, $4::text, $5::text)"                          \
      " ORDER BY reason, step, collection, key LIMIT 1000")                \
    X(RESERVE_IDS,                                                         \
      "UPDATE id_sequences SET id = id + $2::bigint"                       \
      " WHERE collection = $1::text RETURNING id - $2::bigint")            \
    X(BEGIN_IDS,                                                           \
      "INSERT INTO id_sequences (collection, id) SELECT $1::text,"         \
      " 1 + coalesce(max(split_part(fqid, '/', 2)::bigint), 0) FROM models"\
      " WHERE split_part(fqid, '/', 1) = $1::text"                         \
      " ON CONFLICT (collection) DO NOTHING")
// clang-format on

/* The events of positions in the range that SET_RANGE has set; COPY takes no
 * parameters. In the order of the column, which an index has: that of what
 * it is cast to would be sorted. */
#define GW_PG_SEND_EVENTS(table)                                               \
    "COPY (SELECT e.position::bigint, e.id::bigint, e.weight::bigint,"         \
    " e.fqid::text, e.type::text, e.data::text FROM " table " AS e"            \
    " WHERE e.position > current_setting('godwit.after')::bigint"              \
    " AND e.position <= current_setting('godwit.upto')::bigint"                \
    " ORDER BY e.position) TO STDOUT (FORMAT binary)"

typedef enum gw_pg_sql {
#define GW_PG_ENUM(name, text) GW_PG_##name,
    GW_PG_MAP(GW_PG_ENUM)
#undef GW_PG_ENUM
        GW_PG_COUNT
} gw_pg_sql;

/** One session and what is prepared in it. */
typedef struct gw_pg_conn {
    struct pg_conn *db; /* NULL until it is needed */
    const char *name;   /* of the store, for messages */
    bool is_prepared[GW_PG_COUNT];
    int depth;           /* of views, see gw_pg_begin_view */
    unsigned cursors;    /* named so far */
    const char *copying; /* rows are being sent: ended by what comes next */
    char state[6];       /* SQLSTATE of the latest failure */
} gw_pg_conn;

/** Values of one statement, in order. */
typedef struct gw_pg_params {
    int n;
    const char *values[GW_PG_PARAMS];
    int lengths[GW_PG_PARAMS], formats[GW_PG_PARAMS];
    char ints[GW_PG_PARAMS][24];
} gw_pg_params;

/** Which tables there are. */
typedef struct gw_pg_tables {
    bool own, made, positions, events, base, old;
    int64_t collection_len; /* that id_sequences can hold */
} gw_pg_tables;

/** An open transaction that may have drawn a position's number. */
typedef struct gw_pg_writer {
    char id[48];   /* virtual transaction */
    int64_t floor; /* its numbers are above this */
    bool is_seen;
} gw_pg_writer;

typedef struct gw_pg {
    gw_store store; /* first */
    char *uri;      /* with its password; wiped at the end */
    bool read_only;
    int wait_ms;

    /* the reading side */
    gw_pg_conn reader;
    gw_arena reader_arena; /* for the length of one call */
    bool has_saved;        /* the saved keyframes' tables were there */
    int64_t page;          /* positions to ask for at a time */

    /* positions that may still appear */
    gw_pg_writer *writers;
    size_t n_writers, writers_room;
    int64_t drawn; /* the last number drawn at the latest look; -1: none */

    /* the writing side */
    gw_pg_conn writer;
    bool is_open, is_cutover, has_made;
    gw_pg_conn helper; /* saves every other piece of the first save */
    bool may_help, is_helping;
    bool is_helpers_turn;
    bool is_saving;     /* something is in `saved`, `levels` or on its way */
    bool is_first_save; /* no model is saved: nothing to replace */
    int64_t collection_len; /* that id_sequences can hold */
    int64_t last_event;     /* id of the last migrated one; -1: not known */
    int64_t newest;         /* live position, -1: not known */
    bool is_raised;         /* the sequence is behind `newest` */
    size_t expected;        /* positions that will want a number */
    int64_t numbers[GW_PG_NUMBERS];
    size_t n_numbers, used_numbers; /* drawn for them, and taken of those */
    gw_buf buf;
    gw_buf positions, events; /* live rows on their way, as COPY text */
    gw_buf models;            /* models on their way, as JSON */
    gw_buf saved, levels;     /* saved ones, as COPY text */
    gw_buf made_rows;         /* migrated events, as COPY text */
    gw_buf import_keys;       /* of imports on their way, as JSON */
    gw_buf runs[4];           /* what the server copies, as arrays */
    size_t n_unchanged;       /* events in them */
    char now[GW_TIMESTAMP_ROOM];
    gw_sequences live_ids, made_ids;

    /* the run lock */
    gw_pg_conn lock;
    bool is_locked;
    char run_id[33];
    gw_lock_holder holder;
} gw_pg;

static inline gw_pg *
gw_pg_of(gw_store *store)
{
    return (gw_pg *)store;
}

/* ---- pg_conn.c ---- */

gw_code gw_pg_conn_open(gw_pg_conn *conn, const char *uri, const char *name,
                        gw_error *err);
void gw_pg_conn_close(gw_pg_conn *conn);
/** The error of a failed result (may be NULL). `what` says what it was
 *  about: "while reading positions". */
gw_code gw_pg_fail(gw_pg_conn *conn, const struct pg_result *result,
                   const char *what, gw_error *err);
/** The name for messages: no password. NULL when the URI is none. */
char *gw_pg_name(const char *uri);

void gw_pg_add_int(gw_pg_params *p, int64_t value);
void gw_pg_add_text(gw_pg_params *p, gw_slice text);
void gw_pg_add_null(gw_pg_params *p);

/** Keeps a good result in *out (may be NULL), or makes an error of it. */
gw_code gw_pg_take(gw_pg_conn *conn, struct pg_result *result, const char *what,
                   struct pg_result **out, gw_error *err);
bool gw_pg_is_good(const struct pg_result *result);

/** Runs a prepared statement; *out (may be NULL) is the caller's. */
gw_code gw_pg_run(gw_pg_conn *conn, gw_pg_sql which, const gw_pg_params *p,
                  struct pg_result **out, gw_error *err);
/** Integers of one row. NULL is 0. */
gw_code gw_pg_ints(gw_pg_conn *conn, gw_pg_sql which, const gw_pg_params *p,
                   int64_t *out, int n, gw_error *err);
gw_code gw_pg_exec(gw_pg_conn *conn, const char *sql, const char *what,
                   gw_error *err);
/** Runs a section of postgresql_schema.sql. */
gw_code gw_pg_section(gw_pg_conn *conn, const char *section, gw_error *err);
/** Each row of a query with at most one parameter. The callback may use the
 *  connection. Needs a transaction, see gw_pg_begin_view. */
gw_code gw_pg_each(gw_pg_conn *conn, const char *sql, gw_slice parameter,
                   gw_code (*visit)(void *arg, struct pg_result *rows, int row,
                                    gw_error *err),
                   void *arg, gw_error *err);
/** One view of the store for several statements. */
gw_code gw_pg_begin_view(gw_pg_conn *conn, gw_error *err);
void gw_pg_end_view(gw_pg_conn *conn);
gw_code gw_pg_tables_of(gw_pg_conn *conn, gw_pg_tables *out, gw_error *err);

/** A value of a result; at NULL for NULL. */
gw_slice gw_pg_text(const struct pg_result *rows, int row, int column);
int64_t gw_pg_int(const struct pg_result *rows, int row, int column);
bool gw_pg_bool(const struct pg_result *rows, int row, int column);

/* ---- pg_copy.c ---- */

/** Rows on their way from the server. */
typedef struct gw_pg_copied {
    gw_pg_conn *conn;
    bool is_open, has_begun;
    bool has_row;
    gw_slice at[GW_PG_COLUMNS]; /* good until the next row */
    char *message;
} gw_pg_copied;

/** Begins a COPY … TO STDOUT (FORMAT binary); gw_pg_copy_stop ends it. */
gw_code gw_pg_copy_begin(gw_pg_copied *rows, gw_pg_conn *conn, const char *sql,
                         gw_error *err);
/** The next row; has_row is false at the end. */
gw_code gw_pg_copy_next(gw_pg_copied *rows, gw_error *err);
/** Lets go of the rows that nobody wants. */
void gw_pg_copy_stop(gw_pg_copied *rows);
/** The value of a bigint column. */
int64_t gw_pg_copied_int(const gw_pg_copied *rows, int column);

/** COPY … FROM STDIN with rows in its text format. */
gw_code gw_pg_copy(gw_pg_conn *conn, const char *sql, gw_slice rows,
                   gw_error *err);
/** The same in pieces: more rows for `sql`, which ends with any other
 *  statement, or gw_pg_copy_end. */
gw_code gw_pg_copy_more(gw_pg_conn *conn, const char *sql, gw_slice rows,
                        gw_error *err);
gw_code gw_pg_copy_end(gw_pg_conn *conn, gw_error *err);
/** Appends a value as COPY's text format has it. */
void gw_pg_put_copy(gw_buf *buf, gw_slice value);

/* ---- pg_write.c ---- */

/** The connection that reads: during a cutover the writing one, which alone
 *  can. */
gw_pg_conn *gw_pg_reader(gw_pg *s);
gw_code gw_pg_writer_of(gw_pg *s, gw_error *err);
gw_code gw_pg_open_writer(gw_pg *s, gw_error *err);
/** Sends what is buffered. */
gw_code gw_pg_flush(gw_pg *s, gw_error *err);
void gw_pg_forget_buffered(gw_pg *s);
gw_code gw_pg_put_sequences(gw_pg *s, gw_error *err);
/** An event as a line of COPY text, but for its id. */
void gw_pg_put_event(gw_buf *out, gw_buf *room, int64_t position,
                     const gw_event *event, size_t weight);

/* ---- pg_safe.c ---- */

/** The highest position that can be read: below it none may still appear.
 *  May wait for transactions that are just ending. */
gw_code gw_pg_safe_position(gw_pg *s, int64_t after, int64_t *out,
                            gw_error *err);

/* ---- the calls of gw_store_ops, by file ---- */

/* pg_read.c */
gw_code gw_pg_count(gw_store *, int64_t, bool, gw_store_counts *, gw_error *);
gw_code gw_pg_count_after(gw_store *, int64_t, int64_t, int64_t *, gw_error *);
gw_code gw_pg_run_state(gw_store *, gw_run_state *, gw_error *);
gw_code gw_pg_read(gw_store *, gw_generation, int64_t, int64_t, size_t,
                   gw_batch *, gw_error *);
gw_code gw_pg_read_now(gw_store *, int64_t, int64_t, size_t, gw_batch *,
                       gw_error *);
gw_code gw_pg_max_position_now(gw_store *, int64_t *, gw_error *);

/* pg_check.c */
gw_code gw_pg_check(gw_store *, bool, gw_finding_visit, void *, gw_error *);

/* pg_model.c */
gw_code gw_pg_model(gw_store *, gw_arena *, gw_slice, gw_slice *, bool *,
                    bool *, gw_error *);
gw_code gw_pg_models(gw_store *, gw_slice, gw_model_visit, void *, gw_error *);
gw_code gw_pg_sequences(gw_store *,
                        gw_code (*)(void *, gw_slice, int64_t, gw_error *),
                        void *, gw_error *);
gw_code gw_pg_model_now(gw_store *, gw_arena *, gw_slice, gw_slice *, bool *,
                        bool *, gw_error *);
gw_code gw_pg_models_now(gw_store *, gw_slice, gw_model_visit, void *,
                         gw_error *);

/* pg_keyframe.c */
gw_code gw_pg_keyframe_load(gw_store *, gw_slice, gw_model *, size_t,
                            gw_error *);
gw_code gw_pg_keyframe_list(gw_store *, gw_slice,
                            gw_code (*)(void *, gw_slice, gw_error *), void *,
                            gw_error *);
gw_code gw_pg_keyframe_put(gw_store *, const gw_saved_model *, gw_error *);
gw_code gw_pg_flush_saved(gw_pg *, gw_error *);

/* pg_record.c */
gw_code gw_pg_records(gw_store *, const char *, int64_t,
                      gw_code (*)(void *, gw_slice, gw_slice, gw_error *),
                      void *, gw_error *);
gw_code gw_pg_put_record(gw_store *, const char *, gw_slice, int64_t, gw_slice,
                         gw_error *);

/* pg_lock.c */
gw_code gw_pg_lock(gw_store *, const char *, gw_error *);
void gw_pg_unlock(gw_store *);
gw_code gw_pg_check_fence(gw_pg *, gw_pg_conn *, gw_error *);
/** Locks writers out, with retries. */
gw_code gw_pg_lock_tables(gw_pg *, gw_error *);

/* pg_write.c */
gw_code gw_pg_begin(gw_store *, bool, gw_error *);
gw_code gw_pg_commit(gw_store *, gw_error *);
void gw_pg_abort(gw_store *);
void gw_pg_expect(gw_store *store, size_t n);
gw_code gw_pg_append(gw_store *, const gw_position *, int64_t *, gw_error *);
gw_code gw_pg_put_model(gw_store *, gw_slice, gw_slice, bool, gw_error *);
gw_code gw_pg_put_run_state(gw_store *, const gw_run_state *, gw_error *);
gw_code gw_pg_set_index(gw_store *, int64_t, gw_error *);
gw_code gw_pg_set_final_index(gw_store *, int64_t, gw_error *);

/* pg_made.c */
gw_code gw_pg_write(gw_store *, const gw_position *, size_t, int64_t, int64_t,
                    gw_error *);

/* pg_table.c */
gw_code gw_pg_ensure_made(gw_pg *, gw_error *);
gw_code gw_pg_forget(gw_store *, gw_error *);
gw_code gw_pg_set_aside(gw_store *, gw_error *);
gw_code gw_pg_cut_back(gw_store *, const gw_run_state *, gw_cut *, gw_error *);
gw_code gw_pg_drop_base(gw_store *, gw_error *);
gw_code gw_pg_prepare_swap(gw_store *, gw_error *);
void gw_pg_after_swap(gw_store *);
gw_code gw_pg_swap(gw_store *, gw_error *);
gw_code gw_pg_swap_back(gw_store *, gw_error *);
gw_code gw_pg_seal(gw_store *, gw_error *);
gw_code gw_pg_discard(gw_store *, gw_error *);
gw_code gw_pg_clear_helpers(gw_store *, gw_error *);

/* pg_import.c */
extern const struct gw_import_ops gw_pg_import;
/** Sends the keys that are gathered. */
gw_code gw_pg_flush_import(gw_pg *, gw_error *);

#endif
