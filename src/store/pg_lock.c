/* SPDX-License-Identifier: Apache-2.0 */
/* The run lock: an advisory lock of a session of its own, which the server
 * frees when that ends. The run's id in the store is the fence: a run that
 * lost its session cannot write. And the locks of a cutover. */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/units.h"
#include "store/pg_priv.h"

enum {
    CUTOVER_TRIES = 60,
    FIRST_WAIT_MS = 25,
    FIRST_PAUSE_MS = 50,
    MOST_PAUSE_MS = 2000,
};

/* "GDWT", and the schema that holds the store */
#define LOCK_KEY "(1195661140, hashtext(current_schema()))"

/* ---- one run at a time ---- */

static gw_code
fail_held(gw_pg *s, gw_error *err)
{
    PGresult *rows = NULL;
    gw_pg_tables tables = {0};
    gw_slice holder = {0};
    gw_error ignored;

    if (gw_pg_tables_of(&s->lock, &tables, &ignored) == GW_OK && tables.own &&
        gw_pg_run(&s->lock, GW_PG_RUN_HOLDER, NULL, &rows, &ignored) == GW_OK &&
        PQntuples(rows) > 0)
        holder = gw_pg_text(rows, 0, 0);
    if (!holder.at)
        holder = GW_LIT("it is just beginning");
    (void)gw_fail(err, GW_E_LOCKED,
                  "another run holds the store %s: %.*s; wait until it ends",
                  s->store.name, GW_FMT(holder));
    PQclear(rows);
    return GW_E_LOCKED;
}

static gw_code
take_lock(gw_pg *s, gw_error *err)
{
    gw_code code = gw_pg_conn_open(&s->lock, s->uri, s->store.name, err);

    if (code != GW_OK)
        return code;
    PGresult *rows = PQexec(s->lock.db, "SELECT pg_try_advisory_lock" LOCK_KEY);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        code = gw_pg_fail(&s->lock, rows, "taking the run lock", err);
    else if (!gw_pg_bool(rows, 0, 0))
        code = fail_held(s, err);
    PQclear(rows);
    if (code != GW_OK)
        gw_pg_conn_close(&s->lock);
    return code;
}

static void
make_holder(gw_pg *s, const char *command)
{
    char host[65] = "";
    char now[GW_TIMESTAMP_ROOM];
    uint64_t random[2] = {0};

    (void)gethostname(host, sizeof(host) - 1);
    gw_store_timestamp(now);
    (void)snprintf(s->holder.text, sizeof(s->holder.text),
                   "%.60s, pid %ld on %s since %.19sZ", command, (long)getpid(),
                   host, now);
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random[0] = (uint64_t)getpid();
    (void)snprintf(s->run_id, sizeof(s->run_id), "%016" PRIx64 "%016" PRIx64,
                   random[0], random[1]);
}

/* Waits for what a run before this one still has open. */
static gw_code
set_fence(gw_pg *s, gw_error *err)
{
    gw_pg_params p = {0};
    gw_code code = gw_pg_section(&s->lock, "own", err);

    gw_pg_add_text(&p, gw_slice_of(s->run_id));
    gw_pg_add_text(&p, gw_slice_of(s->holder.text));
    return code == GW_OK ? gw_pg_run(&s->lock, GW_PG_SET_RUN_ID, &p, NULL, err)
                         : code;
}

gw_code
gw_pg_lock(gw_store *store, const char *command, gw_error *err)
{
    gw_pg *s = gw_pg_of(store);

    if (s->is_locked)
        return gw_fail(err, GW_E_LOCKED,
                       "this program holds the store %s already: %s",
                       s->store.name, s->holder.text);
    if (s->read_only)
        return gw_fail(err, GW_E_STORE, "the store %s is open for reading only",
                       s->store.name);
    gw_code code = take_lock(s, err);
    if (code != GW_OK)
        return code;
    s->is_locked = true;
    s->drawn = -1;
    s->n_writers = 0;
    make_holder(s, command);
    code = set_fence(s, err);
    if (code != GW_OK)
        gw_pg_unlock(store);
    return code;
}

/* Ending the session frees the lock; asking for it first lets the next run
 * in at once. */
void
gw_pg_unlock(gw_store *store)
{
    gw_pg *s = gw_pg_of(store);

    if (!s->is_locked)
        return;
    PQclear(PQexec(s->lock.db, "SELECT pg_advisory_unlock" LOCK_KEY));
    gw_pg_conn_close(&s->lock);
    s->is_locked = false;
}

/* The row stays locked to the end of the transaction: nobody can take the
 * run over in between. */
gw_code
gw_pg_check_fence(gw_pg *s, gw_pg_conn *conn, gw_error *err)
{
    PGresult *rows = NULL;
    gw_code code = gw_pg_run(conn, GW_PG_RUN_ID, NULL, &rows, err);

    if (code != GW_OK)
        return code;
    bool is_there = PQntuples(rows) > 0;
    gw_slice id = is_there ? gw_pg_text(rows, 0, 0) : (gw_slice){0};
    gw_slice holder = is_there ? gw_pg_text(rows, 0, 1) : (gw_slice){0};
    if (!gw_slice_equal(id, gw_slice_of(s->run_id)))
        code =
            gw_fail(err, GW_E_LOCKED,
                    "this run lost its hold of the store %s to another: "
                    "%.*s",
                    s->store.name, (int)holder.len, holder.at ? holder.at : "");
    PQclear(rows);
    return code;
}

/* ---- locking writers out ---- */

#define TABLES                                                                 \
    "positions, events, models, id_sequences, collectionfields,"               \
    " events_to_collectionfields"

static gw_code
set_lock_timeout(gw_pg *s, int ms, gw_error *err)
{
    char text[24];
    gw_pg_params p = {0};

    (void)snprintf(text, sizeof(text), "%dms", ms);
    gw_pg_add_text(&p, gw_slice_of(text));
    return gw_pg_run(&s->writer, GW_PG_SET_LOCK_TIMEOUT, &p, NULL, err);
}

/* A writer draws its number before it touches a table, and the swap renames
 * the sequences: they are locked first, as writers lock them. LOCK does not
 * take sequences; a change that changes nothing does. */
static const char lock_sequences[] =
    "DO $lock$ DECLARE q record; BEGIN FOR q IN"
    " SELECT s.seqrelid, s.seqcache"
    " FROM pg_sequence AS s JOIN pg_depend AS d ON d.objid = s.seqrelid"
    " AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')"
    " WHERE d.refobjid IN ('positions'::regclass, 'events'::regclass)"
    " ORDER BY d.refobjid = 'events'::regclass LOOP"
    " EXECUTE format('ALTER SEQUENCE %s CACHE %s', q.seqrelid::regclass,"
    " q.seqcache); END LOOP; END $lock$";

static bool
may_try_again(const gw_pg *s)
{
    return strcmp(s->writer.state, "55P03") == 0 ||
           strcmp(s->writer.state, "40P01") == 0;
}

static gw_code
try_lock(gw_pg *s, gw_error *err)
{
    gw_code code = gw_pg_exec(&s->writer, "SAVEPOINT godwit_lock",
                              "locking writers out", err);

    if (code == GW_OK)
        code =
            gw_pg_exec(&s->writer, lock_sequences, "locking writers out", err);
    if (code == GW_OK)
        code = gw_pg_exec(&s->writer,
                          "LOCK TABLE " TABLES " IN ACCESS EXCLUSIVE MODE",
                          "locking writers out", err);
    return code;
}

static int
twice(int ms, int most)
{
    return ms < most / 2 ? 2 * ms : most;
}

/* A weak lock first, on all that will change hands or go: it is in nobody's
 * way but autovacuum's, which ends a second later. The strong one is asked for
 * at most wait_ms at a time, for whoever comes after us queues behind us
 * meanwhile; nor does anything else in the transaction wait longer. At first it
 * is asked for much less: a writer that waits for us while we wait for it does
 * so for a moment only. */
gw_code
gw_pg_lock_tables(gw_pg *s, gw_error *err)
{
    int pause_ms = FIRST_PAUSE_MS;
    int wait_ms = s->wait_ms < FIRST_WAIT_MS ? s->wait_ms : FIRST_WAIT_MS;
    gw_code code = gw_pg_section(&s->writer, "keep", err);

    for (int i = 0; code == GW_OK; i++) {
        code = set_lock_timeout(s, wait_ms, err);
        if (code == GW_OK)
            code = try_lock(s, err);
        if (code == GW_OK || !may_try_again(s) || i + 1 >= CUTOVER_TRIES)
            break;
        code = gw_pg_exec(&s->writer, "ROLLBACK TO SAVEPOINT godwit_lock",
                          "letting the application go on", err);
        gw_sleep_us((int64_t)pause_ms * 1000);
        pause_ms = twice(pause_ms, MOST_PAUSE_MS);
        wait_ms = twice(wait_ms, s->wait_ms);
    }
    return code == GW_OK ? set_lock_timeout(s, s->wait_ms, err) : code;
}
