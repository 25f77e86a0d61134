/* SPDX-License-Identifier: Apache-2.0 */
/** The SQLite backend: its two connections, and every statement it runs. */
#ifndef GW_STORE_SQLITE_PRIV_H
#define GW_STORE_SQLITE_PRIV_H

#include "store/store_priv.h"

struct sqlite3;
struct sqlite3_stmt;

enum {
    GW_SQLITE_APPLICATION = 0x47445754, /* "GDWT", PRAGMA application_id */
    GW_SQLITE_SCHEMA = 1,               /* PRAGMA user_version */
};

/* X(name, SQL). Kept prepared per connection; none is used by two callers
 * at the same time, so a callback never meets a statement in use. */
// clang-format off
#define GW_SQL_MAP(X)                                                      \
    X(BEGIN, "BEGIN")                                                      \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                      \
    X(COMMIT, "COMMIT")                                                    \
    X(ROLLBACK, "ROLLBACK")                                                \
    X(COUNT_QUICK,                                                         \
      "SELECT (SELECT ifnull(min(migration_index), 0) FROM positions),"    \
      " (SELECT ifnull(max(migration_index), 0) FROM positions),"          \
      " (SELECT ifnull(max(position), 0) FROM positions),"                 \
      " (SELECT ifnull(max(migration_index), 0)"                           \
      "  FROM migration_positions),"                                       \
      " EXISTS (SELECT 1 FROM sqlite_schema"                               \
      "  WHERE name = 'godwit_old_positions')")                            \
    X(COUNT_AFTER,                                                         \
      "SELECT count(*) FROM (SELECT 1 FROM positions"                      \
      " WHERE position > ?1 LIMIT ?2)")                                    \
    X(COUNT_BASE_INDEX,                                                    \
      "SELECT ifnull(max(migration_index), 0) FROM godwit_base_positions"  \
      " WHERE position > (SELECT ifnull(max(position), 0)"                 \
      "  FROM migration_positions)")                                       \
    X(COUNT_LIVE,                                                          \
      "SELECT (SELECT count(*) FROM positions),"                           \
      " (SELECT count(*) FROM events)")                                    \
    X(COUNT_MADE,                                                          \
      "SELECT (SELECT count(*) FROM migration_positions"                   \
      "  WHERE migration_index = ?1),"                                     \
      " (SELECT count(*) FROM migration_positions)")                       \
    X(COUNT_BASE,                                                          \
      "SELECT ifnull(sum(migration_index = ?1), 0), count(*)"              \
      " FROM godwit_base_positions WHERE position >"                       \
      " (SELECT ifnull(max(position), 0) FROM migration_positions)")       \
    X(IS_SEALED,                                                           \
      "SELECT sealed_position IS"                                          \
      " (SELECT ifnull(max(position), 0) FROM positions)"                  \
      " AND sealed_event IS (SELECT ifnull(max(id), 0) FROM events)"       \
      " FROM godwit_store")                                                \
    X(RUN_STATE,                                                           \
      "SELECT start_index, event_target, position, positions, events,"     \
      " events_written, keyframe_position, base_target, base_position,"    \
      " final_index, checksums FROM godwit_run")                           \
    X(LIVE_POSITIONS,                                                      \
      "SELECT position, timestamp, user_id, information, migration_index"  \
      " FROM positions WHERE position > ?1 AND position <= ?2"             \
      " ORDER BY position")                                                \
    X(LIVE_EVENTS,                                                         \
      "SELECT position, fqid, type, data, weight FROM events"              \
      " WHERE position > ?1 AND position <= ?2 ORDER BY position")         \
    X(MADE_POSITIONS,                                                      \
      "SELECT m.position, p.timestamp, p.user_id, p.information,"          \
      " m.migration_index FROM migration_positions AS m"                   \
      " LEFT JOIN positions AS p ON p.position = m.position"               \
      " WHERE m.position > ?1 AND m.position <= ?2 ORDER BY m.position")   \
    X(MADE_EVENTS,                                                         \
      "SELECT position, fqid, type, data, weight FROM migration_events"    \
      " WHERE position > ?1 AND position <= ?2 ORDER BY position")         \
    X(BASE_POSITIONS,                                                      \
      "SELECT m.position, p.timestamp, p.user_id, p.information,"          \
      " m.migration_index FROM godwit_base_positions AS m"                 \
      " LEFT JOIN positions AS p ON p.position = m.position"               \
      " WHERE m.position > ?1 AND m.position <= ?2 ORDER BY m.position")   \
    X(BASE_EVENTS,                                                         \
      "SELECT position, fqid, type, data, weight FROM godwit_base_events"  \
      " WHERE position > ?1 AND position <= ?2 ORDER BY position")         \
    X(LAST_MADE,                                                           \
      "SELECT ifnull(max(position), 0) FROM migration_positions")          \
    X(MODEL, "SELECT data, deleted FROM models WHERE fqid = ?1")           \
    X(SAVED_MODEL,                                                         \
      "SELECT -1, 0, deleted, data FROM godwit_models WHERE fqid = ?1"     \
      " UNION ALL SELECT level, meta_position, deleted, data"              \
      " FROM migration_keyframe_models WHERE fqid = ?1")                   \
    X(HAS_LEVELS,                                                          \
      "SELECT EXISTS (SELECT 1 FROM migration_keyframe_models)")           \
    X(SAVED_POSITION,                                                      \
      "SELECT ifnull(max(position), 0) FROM migration_keyframes")          \
    X(KEEP_UNSAVED,                                                        \
      "INSERT INTO godwit_unsaved"                                         \
      " (keyframe_position, fqid, level, meta_position, deleted, data,"    \
      " updated) SELECT ?2, ?1, -2, 0, NULL, NULL, NULL UNION ALL"         \
      " SELECT ?2, ?1, -1, 0, deleted, data, updated FROM godwit_models"   \
      " WHERE fqid = ?1 UNION ALL"                                         \
      " SELECT ?2, ?1, level, meta_position, deleted, data, NULL"          \
      " FROM migration_keyframe_models WHERE fqid = ?1")                   \
    X(RUN_ID, "SELECT run_id, run_holder FROM godwit_store")               \
    X(SET_RUN_ID,                                                          \
      "UPDATE godwit_store SET run_id = ?1, run_holder = ?2")              \
    X(LAST_POSITION, "SELECT ifnull(max(position), 0) FROM positions")     \
    X(PUT_POSITION,                                                        \
      "INSERT INTO positions (position, timestamp, user_id, information,"  \
      " migration_index) VALUES (?1, ?2, ?3, ?4, ?5)")                     \
    X(PUT_EVENT,                                                           \
      "INSERT INTO events (position, fqid, type, data, weight)"            \
      " VALUES (?1, ?2, ?3, ?4, ?5)")                                      \
    X(PUT_MODEL,                                                           \
      "INSERT INTO models (fqid, data, deleted, updated)"                  \
      " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (fqid) DO UPDATE SET"          \
      " data = excluded.data, deleted = excluded.deleted,"                 \
      " updated = excluded.updated")                                       \
    X(PUT_SEQUENCE,                                                        \
      "INSERT INTO id_sequences (collection, id) VALUES (?1, ?2)"          \
      " ON CONFLICT (collection) DO UPDATE SET id = excluded.id"           \
      " WHERE excluded.id > id")                                           \
    X(PUT_MADE_STATE,                                                      \
      "INSERT INTO migration_positions (position, migration_index)"        \
      " VALUES (?1, ?2)")                                                  \
    X(PUT_MADE_POSITION,                                                   \
      "INSERT INTO godwit_positions (position, timestamp, user_id,"        \
      " information, migration_index) VALUES (?1, ?2, ?3, ?4, ?5)")        \
    X(PUT_MADE_EVENT,                                                      \
      "INSERT INTO migration_events (position, fqid, type, data, weight)"  \
      " VALUES (?1, ?2, ?3, ?4, ?5)")                                      \
    X(PUT_SAVED_MODEL,                                                     \
      "INSERT INTO godwit_models (fqid, data, deleted, updated)"           \
      " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (fqid) DO UPDATE SET"          \
      " data = excluded.data, deleted = excluded.deleted,"                 \
      " updated = excluded.updated")                                       \
    X(DELETE_SAVED_MODEL, "DELETE FROM godwit_models WHERE fqid = ?1")     \
    X(PUT_LEVEL,                                                           \
      "INSERT INTO migration_keyframe_models"                              \
      " (fqid, level, meta_position, deleted, data)"                       \
      " VALUES (?1, ?2, ?3, ?4, ?5)")                                      \
    X(DELETE_LEVELS,                                                       \
      "DELETE FROM migration_keyframe_models WHERE fqid = ?1")             \
    X(NEXT_UNSAVED,                                                        \
      "SELECT ifnull((SELECT rowid FROM godwit_unsaved WHERE level = -2"   \
      " ORDER BY rowid LIMIT 1 OFFSET ?1), 9223372036854775807)")          \
    X(UNSAVE_MODELS,                                                       \
      "DELETE FROM godwit_models WHERE fqid IN"                            \
      " (SELECT fqid FROM godwit_unsaved WHERE rowid < ?1 AND level = -2"  \
      "  AND keyframe_position = ?2)")                                     \
    X(UNSAVE_LEVELS,                                                       \
      "DELETE FROM migration_keyframe_models WHERE fqid IN"                \
      " (SELECT fqid FROM godwit_unsaved WHERE rowid < ?1 AND level = -2"  \
      "  AND keyframe_position = ?2)")                                     \
    X(RESTORE_MODELS,                                                      \
      "INSERT INTO godwit_models (fqid, data, deleted, updated)"           \
      " SELECT fqid, data, deleted, updated FROM godwit_unsaved"           \
      " WHERE rowid < ?1 AND level = -1 AND keyframe_position = ?2")       \
    X(RESTORE_LEVELS,                                                      \
      "INSERT INTO migration_keyframe_models"                              \
      " (fqid, level, meta_position, deleted, data)"                       \
      " SELECT fqid, level, meta_position, deleted, data"                  \
      " FROM godwit_unsaved"                                               \
      " WHERE rowid < ?1 AND level >= 0 AND keyframe_position = ?2")       \
    X(DROP_UNSAVED, "DELETE FROM godwit_unsaved WHERE rowid < ?1")         \
    X(PUT_MADE_SEQUENCE,                                                   \
      "INSERT INTO godwit_id_sequences (collection, id) VALUES (?1, ?2)"   \
      " ON CONFLICT (collection) DO UPDATE SET id = excluded.id"           \
      " WHERE excluded.id > id")                                           \
    X(PUT_RUN_STATE,                                                       \
      "INSERT OR REPLACE INTO godwit_run (only_row, start_index,"          \
      " event_target, position, positions, events, events_written,"        \
      " keyframe_position, base_target, base_position, final_index,"       \
      " checksums) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"    \
      " ?11)")                                                             \
    X(DROP_KEYFRAMES,                                                      \
      "DELETE FROM migration_keyframes"                                    \
      " WHERE position <> ?1 OR migration_index <> ?2")                    \
    X(PUT_KEYFRAME,                                                        \
      "INSERT OR IGNORE INTO migration_keyframes"                          \
      " (position, migration_index) VALUES (?1, ?2)")                      \
    X(SET_INDEX,                                                           \
      "UPDATE positions SET migration_index = ?1"                          \
      " WHERE migration_index < ?1 OR migration_index > ?1")               \
    X(SET_FINAL_INDEX,                                                     \
      "UPDATE godwit_positions SET migration_index = ?1"                   \
      " WHERE migration_index < ?1 OR migration_index > ?1")               \
    X(TAKE_NUMBER,                                                         \
      "UPDATE godwit_store SET next_number = next_number + 1"              \
      " RETURNING next_number - 1")                                        \
    X(SEAL,                                                                \
      "UPDATE godwit_store SET"                                            \
      " sealed_position ="                                                 \
      " (SELECT ifnull(max(position), 0) FROM positions),"                 \
      " sealed_event = (SELECT ifnull(max(id), 0) FROM events)")           \
    X(UNSEAL,                                                              \
      "UPDATE godwit_store SET sealed_position = NULL,"                    \
      " sealed_event = NULL")                                              \
    X(DROP_RUN_STATE, "DELETE FROM godwit_run")                            \
    X(COUNT_EVENTS_READ,                                                   \
      "SELECT count(*) FROM events WHERE position > ?1 AND position <= ?2")\
    X(CUT_EVENTS, "DELETE FROM migration_events WHERE position > ?1")      \
    X(CUT_STATES, "DELETE FROM migration_positions WHERE position > ?1")   \
    X(CUT_POSITIONS, "DELETE FROM godwit_positions WHERE position > ?1")   \
    X(IMPORT_STATE,                                                        \
      "SELECT state FROM godwit_import_sources WHERE source = ?1")         \
    X(PUT_IMPORT_STATE,                                                    \
      "INSERT INTO godwit_import_sources (source, state)"                  \
      " VALUES (?1, ?2) ON CONFLICT (source)"                              \
      " DO UPDATE SET state = excluded.state")                             \
    X(IMPORT_KEY,                                                          \
      "SELECT id, seen, mark, n FROM godwit_import_keys"                   \
      " WHERE source = ?1 AND kind = ?2 AND key = ?3")                     \
    X(PUT_IMPORT_KEY,                                                      \
      "INSERT INTO godwit_import_keys (source, kind, key, id, seen, mark," \
      " n) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"                            \
      " ON CONFLICT (source, kind, key) DO UPDATE SET"                     \
      " id = excluded.id, seen = excluded.seen, mark = excluded.mark,"     \
      " n = excluded.n")                                                   \
    X(IMPORT_KEYS,                                                         \
      "SELECT key, id, seen, mark, n FROM godwit_import_keys"              \
      " WHERE source = ?1 AND kind = ?2 AND key > ?3"                      \
      " AND (?4 IS NULL OR key < ?4) ORDER BY key LIMIT ?5")               \
    X(IMPORT_PENDING,                                                      \
      "SELECT key, id, seen, mark, n FROM godwit_import_keys"              \
      " WHERE source = ?1 AND kind = ?2 AND id > ?3 AND seen < ?4"         \
      " ORDER BY id LIMIT ?5")                                             \
    X(IMPORT_SUM,                                                          \
      "SELECT count(*), ifnull(sum(n), 0), ifnull(max(id), 0)"             \
      " FROM godwit_import_keys WHERE source = ?1 AND kind = ?2"           \
      " AND seen >= ?3")                                                   \
    X(PUT_IMPORT_PROBLEM,                                                  \
      "INSERT INTO godwit_import_problems (source, step, reason,"          \
      " collection, key, n, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"   \
      " ON CONFLICT (source, step, reason, collection, key) DO UPDATE SET" \
      " n = excluded.n, detail = excluded.detail")                         \
    X(DROP_IMPORT_PROBLEMS,                                                \
      "DELETE FROM godwit_import_problems WHERE source = ?1"               \
      " AND step = ?2 AND (?3 IS NULL OR reason = ?3)"                     \
      " AND (?4 IS NULL OR collection = ?4) AND (?5 IS NULL OR key = ?5)") \
    X(IMPORT_PROBLEMS,                                                     \
      "SELECT step, reason, collection, key, n, detail"                    \
      " FROM godwit_import_problems WHERE source = ?1"                     \
      " ORDER BY reason, step, collection, key")                           \
    X(RESERVE_IDS,                                                         \
      "UPDATE id_sequences SET id = id + ?2 WHERE collection = ?1"         \
      " RETURNING id - ?2")                                                \
    X(BEGIN_IDS,                                                           \
      "INSERT INTO id_sequences (collection, id) VALUES (?1, 1 + ifnull("  \
      "(SELECT max(CAST(substr(fqid, length(?1) + 2) AS INTEGER))"         \
      " FROM models WHERE fqid > ?1 || '/' AND fqid < ?1 || '0'), 0))")
// clang-format on

typedef enum gw_sql {
#define GW_SQL_ENUM(name, text) GW_SQL_##name,
    GW_SQL_MAP(GW_SQL_ENUM)
#undef GW_SQL_ENUM
        GW_SQL_COUNT
} gw_sql;

/** One connection and its prepared statements. */
typedef struct gw_sqlite_conn {
    struct sqlite3 *db; /* NULL until it is needed */
    struct sqlite3_stmt *statements[GW_SQL_COUNT];
    const char *path;
    int failure; /* SQLite's code of the latest error, kept on closing */
} gw_sqlite_conn;

/** What is known of others who write; see sqlite_beside.c. */
typedef struct gw_sqlite_beside {
    int log_pages;             /* in the log after the latest commit */
    int64_t begun_us, held_us; /* the transaction; the one before */
    int64_t data_version;      /* when it was asked for last */
    int64_t seen_us;           /* somebody else had written … */
    int64_t company_until_us;  /* … and is taken to be about until then */
    int64_t bytes;             /* of a batch beside others … */
    bool is_batch;             /* … such as this transaction writes */
    int64_t turn_us;           /* then it waited for whoever waits */
    int64_t renewed_us;        /* then the log was to begin anew */
} gw_sqlite_beside;

typedef struct gw_sqlite {
    gw_store store; /* first */
    char *path;     /* absolute */
    bool read_only;
    int wait_ms;
    int64_t page_bytes;

    /* the reading side */
    gw_sqlite_conn reader;
    gw_arena reader_arena; /* for the length of one call */

    /* the writing side */
    gw_sqlite_conn writer;
    gw_buf buf;
    gw_sqlite_beside beside;
    bool is_cutover, has_levels;
    bool is_parted; /* what is committed is a part: ids are put with the last */
    int64_t saved_position;      /* models are saved as of this; 0: none are */
    char now[GW_TIMESTAMP_ROOM]; /* of the transaction */
    gw_sequences live_ids, made_ids;

    /* the run lock */
    int lock_file; /* -1: not held */
    char run_id[33];
    gw_lock_holder holder;
} gw_sqlite;

static inline gw_sqlite *
gw_sqlite_of(gw_store *store)
{
    return (gw_sqlite *)store;
}

/* ---- sqlite_conn.c ---- */

enum gw_sqlite_open_flags {
    GW_SQLITE_QUERY_ONLY = 1,
    GW_SQLITE_READ_ONLY_OK = 2,
    GW_SQLITE_IMMUTABLE = 4,
};

/** Opens a connection and sets it up. */
gw_code gw_sqlite_conn_open(gw_sqlite_conn *conn, const char *path,
                            unsigned flags, int wait_ms, int cache_kib,
                            gw_error *err);
void gw_sqlite_conn_close(gw_sqlite_conn *conn);
/** The error for an SQLite result code, from its table of messages. */
gw_code gw_sqlite_fail(gw_sqlite_conn *conn, int result, gw_error *err);
/** The prepared statement; the caller resets it when it is done. */
gw_code gw_sqlite_get(gw_sqlite_conn *conn, gw_sql which,
                      struct sqlite3_stmt **out, gw_error *err);
/** A statement of the caller's own, for what a callback may enter again. */
gw_code gw_sqlite_prepare(gw_sqlite_conn *conn, const char *sql,
                          struct sqlite3_stmt **out, gw_error *err);
/** Steps; *row false at the end. */
gw_code gw_sqlite_step(gw_sqlite_conn *conn, struct sqlite3_stmt *statement,
                       bool *row, gw_error *err);
/** Runs a bound statement that gives no rows, and resets it. */
gw_code gw_sqlite_finish(gw_sqlite_conn *conn, struct sqlite3_stmt *statement,
                         gw_error *err);
/** Runs a statement without parameters and rows. */
gw_code gw_sqlite_run(gw_sqlite_conn *conn, gw_sql which, gw_error *err);
/** The first column of the first row of a statement without parameters. */
gw_code gw_sqlite_int(gw_sqlite_conn *conn, gw_sql which, int64_t *out,
                      gw_error *err);
gw_code gw_sqlite_exec(gw_sqlite_conn *conn, const char *sql, gw_error *err);
gw_code gw_sqlite_pragma(gw_sqlite_conn *conn, const char *sql, int64_t *out,
                         gw_error *err);
/** Begins one view of the store for several statements, where there is no
 *  transaction yet; *mine says so, for the end of it. */
gw_code gw_sqlite_begin_view(gw_sqlite_conn *conn, bool *mine, gw_error *err);
void gw_sqlite_end_view(gw_sqlite_conn *conn, bool mine);
/** Text of a column; at NULL for NULL. Lives until the next step. */
gw_slice gw_sqlite_text(struct sqlite3_stmt *statement, int column);
void gw_sqlite_bind(struct sqlite3_stmt *statement, int parameter,
                    gw_slice text);

/* ---- sqlite_carry.c ---- */

/** An index or trigger of the application's on a live table. */
typedef struct gw_sqlite_carried {
    gw_slice type, table, name, sql;
    struct gw_sqlite_carried *next;
} gw_sqlite_carried;

/** Those that there are, as a list; NULL for none. In the arena. */
GW_MUST_CHECK gw_code gw_sqlite_find_carried(gw_sqlite_conn *conn,
                                             gw_arena *arena,
                                             gw_sqlite_carried **out,
                                             gw_error *err);
/** Makes them anew on the tables that now have the live names. An index
 *  takes the time of its table's rows. */
GW_MUST_CHECK gw_code gw_sqlite_carry(gw_sqlite_conn *conn,
                                      const gw_sqlite_carried *first,
                                      gw_error *err);

/* ---- sqlite_table.c ---- */

/** Runs a section of sqlite_schema.sql with a number for its indexes. */
gw_code gw_sqlite_make(gw_sqlite_conn *conn, const char *section,
                       int64_t number, gw_error *err);

/* ---- sqlite_beside.c ---- */

/** After the writing side was opened. */
gw_code gw_sqlite_beside_open(gw_sqlite *s, gw_error *err);
/** After a commit: measures it, and may move the log. */
void gw_sqlite_beside_commit(gw_sqlite *s);
/** Whether somebody else has written lately, as far as this was asked; outside
 *  a transaction. */
bool gw_sqlite_has_company(gw_sqlite *s);
/** Whether the open transaction has been that for long enough, when what is
 *  done in it can as well be done in several. */
bool gw_sqlite_is_long(const gw_sqlite *s);
/** Moves the log into the database, as far as that can be done now. */
void gw_sqlite_move_log(gw_sqlite *s);

/* ---- sqlite_write.c ---- */

/** The writing connection; GW_E_STATE outside of a transaction. */
gw_code gw_sqlite_writer(gw_sqlite *s, gw_error *err);
/** Opens it where it is not open yet. */
gw_code gw_sqlite_open_writer(gw_sqlite *s, gw_error *err);
/** Writes the id sequences noted in this transaction. */
gw_code gw_sqlite_put_sequences(gw_sqlite *s, gw_error *err);

/* ---- the calls of gw_store_ops, by file ---- */

/* sqlite_read.c */
gw_code gw_sqlite_count(gw_store *, int64_t, bool, gw_store_counts *,
                        gw_error *);
gw_code gw_sqlite_count_after(gw_store *, int64_t, int64_t, int64_t *,
                              gw_error *);
gw_code gw_sqlite_run_state(gw_store *, gw_run_state *, gw_error *);
gw_code gw_sqlite_read(gw_store *, gw_generation, int64_t, int64_t, size_t,
                       gw_batch *, gw_error *);
gw_code gw_sqlite_max_position_now(gw_store *, int64_t *, gw_error *);
gw_code gw_sqlite_read_now(gw_store *, int64_t, int64_t, size_t, gw_batch *,
                           gw_error *);

/* sqlite_model.c */
gw_code gw_sqlite_model(gw_store *, gw_arena *, gw_slice, gw_slice *, bool *,
                        bool *, gw_error *);
gw_code gw_sqlite_models(gw_store *, gw_slice, gw_model_visit, void *,
                         gw_error *);
gw_code gw_sqlite_sequences(gw_store *,
                            gw_code (*)(void *, gw_slice, int64_t, gw_error *),
                            void *, gw_error *);
gw_code gw_sqlite_model_now(gw_store *, gw_arena *, gw_slice, gw_slice *,
                            bool *, bool *, gw_error *);
gw_code gw_sqlite_models_now(gw_store *, gw_slice, gw_model_visit, void *,
                             gw_error *);

/* sqlite_keyframe.c */
gw_code gw_sqlite_keyframe_load(gw_store *, gw_slice, gw_model *, size_t,
                                gw_error *);
gw_code gw_sqlite_keyframe_list(gw_store *, gw_slice,
                                gw_code (*)(void *, gw_slice, gw_error *),
                                void *, gw_error *);
gw_code gw_sqlite_keyframe_yield(gw_store *, gw_error *);
gw_code gw_sqlite_keyframe_put(gw_store *, const gw_saved_model *, gw_error *);

/* sqlite_record.c */
gw_code gw_sqlite_records(gw_store *, const char *, int64_t,
                          gw_code (*)(void *, gw_slice, gw_slice, gw_error *),
                          void *, gw_error *);
gw_code gw_sqlite_put_record(gw_store *, const char *, gw_slice, int64_t,
                             gw_slice, gw_error *);

/* sqlite_lock.c */
gw_code gw_sqlite_lock(gw_store *, const char *, gw_error *);
void gw_sqlite_unlock(gw_store *);
/** That the lock is still this run's, inside a transaction. */
gw_code gw_sqlite_check_fence(gw_sqlite *, gw_error *);

/* sqlite_beside.c */
size_t gw_sqlite_commit_bytes(gw_store *);
void gw_sqlite_make_way(gw_store *);

/* sqlite_write.c */
gw_code gw_sqlite_begin(gw_store *, bool, gw_error *);
gw_code gw_sqlite_commit(gw_store *, gw_error *);
void gw_sqlite_abort(gw_store *);
gw_code gw_sqlite_append(gw_store *, const gw_position *, int64_t *,
                         gw_error *);
gw_code gw_sqlite_put_model(gw_store *, gw_slice, gw_slice, bool, gw_error *);
gw_code gw_sqlite_write(gw_store *, const gw_position *, size_t, int64_t,
                        int64_t, gw_error *);
gw_code gw_sqlite_put_run_state(gw_store *, const gw_run_state *, gw_error *);
gw_code gw_sqlite_set_index(gw_store *, int64_t, gw_error *);
gw_code gw_sqlite_set_final_index(gw_store *, int64_t, gw_error *);

/* sqlite_check.c */
gw_code gw_sqlite_check(gw_store *, bool, gw_finding_visit, void *, gw_error *);

/* sqlite_table.c */
gw_code gw_sqlite_forget(gw_store *, gw_error *);
gw_code gw_sqlite_set_aside(gw_store *, gw_error *);
gw_code gw_sqlite_cut_back(gw_store *, const gw_run_state *, gw_cut *,
                           gw_error *);
gw_code gw_sqlite_drop_base(gw_store *, gw_error *);
gw_code gw_sqlite_swap(gw_store *, gw_error *);
gw_code gw_sqlite_swap_back(gw_store *, gw_error *);
gw_code gw_sqlite_seal(gw_store *, gw_error *);
gw_code gw_sqlite_discard(gw_store *, gw_error *);
gw_code gw_sqlite_clear_helpers(gw_store *, gw_error *);

/* sqlite_tidy.c */
gw_code gw_sqlite_keyframe_recover(gw_store *, gw_error *);
gw_code gw_sqlite_tidy(gw_store *, gw_error *);

/* sqlite_import.c */
extern const struct gw_import_ops gw_sqlite_import;

#endif
