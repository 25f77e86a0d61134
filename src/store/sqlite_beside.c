/* SPDX-License-Identifier: Apache-2.0 */
/* Beside others: SQLite lets one write at a time, and whoever waits for it
 * asks again and again. Notices an application that writes, keeps transactions
 * short for it and makes way, and moves the log at a time when that is in
 * nobody's way. */
#include <sqlite3.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/units.h"
#include "store/sqlite_priv.h"

enum {
    /* Above the first the log is moved into the database after a commit, as
     * far as readers allow. Above the second also with waiting for them and
     * keeping writers away, so that it begins anew. */
    LOG_BYTES = 128 * GW_MIB,
    LOG_LIMIT_BYTES = 256 * GW_MIB,
    LOG_WAIT_MS = 25,
    /* The first, beside others: half of that at which an application's own
     * SQLite moves the log, which would fall on one of its commits. */
    LOG_PAGES_BESIDE = 500,
    HELD_US = 40000, /* what a transaction beside others should take */
    LEAST_BYTES = GW_DEFAULT_BATCH_SQLITE,
    MOST_BYTES = GW_MIB,
    PART_BESIDE_US = 20000, /* of what can be parted as one likes */
    PART_US = 50000,
    COMPANY_US = 10000000,  /* since somebody else has written */
    VISIT_US = 1000000,     /* the same, for the first time in a while */
    UNKNOWN_US = 150000,    /* so long anybody may be about */
    GLANCE_US = 5000,       /* for others, while nobody was seen */
    TURN_BESIDE_US = 25000, /* as long as SQLite sleeps at first */
    TURN_US = 105000,       /* longer than it sleeps in the end … */
    AGAIN_US = 2000000,     /* … though a reader may keep the log long */
};

static int
note_log(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    *(int *)arg = pages;
    return SQLITE_OK;
}

/* Cutting the log's file down to the limit is done within a commit, and takes
 * long where it is much. */
gw_code
gw_sqlite_beside_open(gw_sqlite *s, gw_error *err)
{
    char sql[64];

    s->beside = (gw_sqlite_beside){
        .seen_us = gw_clock_us() - COMPANY_US,
        .company_until_us = gw_clock_us() + UNKNOWN_US,
        .bytes = LEAST_BYTES,
    };
    (void)sqlite3_wal_hook(s->writer.db, note_log, &s->beside.log_pages);
    (void)snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit = %d",
                   LOG_LIMIT_BYTES);
    return gw_sqlite_exec(&s->writer, sql, err);
}

/* ---- noticing ---- */

/* data_version changes only with the commits of other connections. Who writes
 * once, such as our own server a record of a run, may not do so again. */
bool
gw_sqlite_has_company(gw_sqlite *s)
{
    gw_sqlite_beside *b = &s->beside;
    int64_t version = 0, now = gw_clock_us();
    gw_error ignored;

    if (gw_sqlite_pragma(&s->writer, "PRAGMA data_version", &version,
                         &ignored) != GW_OK)
        return false;
    if (b->data_version != 0 && version != b->data_version) {
        bool is_again = now - b->seen_us < COMPANY_US;
        b->company_until_us = now + (is_again ? COMPANY_US : VISIT_US);
        b->seen_us = now;
    }
    b->data_version = version;
    return now < b->company_until_us;
}

size_t
gw_sqlite_commit_bytes(gw_store *store)
{
    gw_sqlite *s = gw_sqlite_of(store);

    return s->writer.db && !gw_sqlite_has_company(s) ? GW_COMMIT_BYTES
                                                     : (size_t)s->beside.bytes;
}

bool
gw_sqlite_is_long(const gw_sqlite *s)
{
    int64_t now = gw_clock_us();
    int64_t most_us =
        now < s->beside.company_until_us ? PART_BESIDE_US : PART_US;

    return now - s->beside.begun_us >= most_us;
}

static int64_t
between(int64_t n, int64_t least, int64_t most)
{
    return n < least ? least : n > most ? most : n;
}

/* At most half or twice as much, so that one odd time does not matter. */
static void
adapt(gw_sqlite_beside *b)
{
    int64_t held_us = between(b->held_us, HELD_US / 2, HELD_US * 2);

    b->bytes = between(b->bytes * HELD_US / held_us, LEAST_BYTES, MOST_BYTES);
}

/* Waiting in SQLite is asking again and again, so it takes a moment in which
 * nobody writes: as long as the transaction before was, at most. It comes
 * after the log was moved, which was such a moment as well: who writes in this
 * one begins the log anew. */
void
gw_sqlite_make_way(gw_store *store)
{
    const gw_sqlite_beside *b = &gw_sqlite_of(store)->beside;
    int64_t most_us =
        gw_sqlite_has_company(gw_sqlite_of(store)) ? TURN_BESIDE_US : GLANCE_US;

    gw_sleep_us(between(b->held_us, 0, most_us));
}

/* ---- the log ---- */

static int64_t
log_bytes(const gw_sqlite *s)
{
    return s->beside.log_pages * s->page_bytes;
}

/* Moves the log into the database. It may fail for a reader in the way or a
 * full disk: the log keeps everything, the next time may do better, and the
 * next commit says what is wrong. */
void
gw_sqlite_move_log(gw_sqlite *s)
{
    int64_t now = gw_clock_us();
    int left = 0, moved = 0;

    (void)sqlite3_wal_checkpoint_v2(s->writer.db, NULL,
                                    SQLITE_CHECKPOINT_PASSIVE, &left, &moved);
    if (log_bytes(s) < LOG_LIMIT_BYTES || now - s->beside.renewed_us < AGAIN_US)
        return;
    s->beside.renewed_us = now;
    (void)sqlite3_busy_timeout(s->writer.db, LOG_WAIT_MS);
    (void)sqlite3_wal_checkpoint_v2(s->writer.db, NULL,
                                    SQLITE_CHECKPOINT_RESTART, &left, &moved);
    (void)sqlite3_busy_timeout(s->writer.db, s->wait_ms);
}

/* Others can write while the log is moved. Beside them that is often, and
 * most of it between their commits. While nobody was seen it is at times only,
 * and takes so long that whoever waits for us has a turn, and is seen. */
static void
tend_log(gw_sqlite *s)
{
    int64_t since = gw_clock_us();

    if (gw_sqlite_has_company(s)) {
        if (s->beside.log_pages >= LOG_PAGES_BESIDE)
            gw_sqlite_move_log(s);
    } else if (log_bytes(s) >= LOG_BYTES) {
        gw_sqlite_move_log(s);
        if (since - s->beside.turn_us > AGAIN_US) {
            gw_sleep_us(since + TURN_US - gw_clock_us());
            s->beside.turn_us = since;
        }
    }
}

void
gw_sqlite_beside_commit(gw_sqlite *s)
{
    s->beside.held_us = gw_clock_us() - s->beside.begun_us;
    if (s->beside.is_batch)
        adapt(&s->beside);
    tend_log(s);
}
