/* SPDX-License-Identifier: Apache-2.0 */
/* The run lock: an open-file-description lock on a file beside the
 * database, which the kernel frees when its holder dies. The run's id in the
 * store is the fence: a run whose lock file was taken away cannot write. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_priv.h"

enum { TRIES = 10 };

/* Root makes the file for whoever owns the database. */
static int
open_lock_file(const char *database, const char *path)
{
    struct stat info;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);

    if (file >= 0 && geteuid() == 0 && stat(database, &info) == 0 &&
        fchown(file, info.st_uid, info.st_gid) != 0)
        return file; /* it only matters for the next one */
    return file;
}

/* Whether the path still leads to the file that is locked. */
static bool
is_in_place(int file, const char *path)
{
    struct stat mine, there;

    return fstat(file, &mine) == 0 && stat(path, &there) == 0 &&
           mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

static gw_code
fail_held(int file, const gw_sqlite *s, gw_error *err)
{
    char text[sizeof(s->holder.text)];
    ssize_t n = pread(file, text, sizeof(text) - 1, 0);

    for (ssize_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    }
    text[n > 0 ? n : 0] = '\0';
    return gw_fail(err, GW_E_LOCKED,
                   "another run holds the store %s: %s; wait until it ends",
                   s->path, n > 0 ? text : "it is just beginning");
}

static gw_code
take_lock(gw_sqlite *s, const char *path, gw_error *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    for (int i = 0; i < TRIES; i++) {
        int file = open_lock_file(s->path, path);
        if (file < 0)
            break;
        if (fcntl(file, F_OFD_SETLK, &whole) != 0) {
            bool is_held = errno == EAGAIN || errno == EACCES;
            int number = errno;
            gw_code code = GW_E_STORE;
            if (is_held)
                code = fail_held(file, s, err);
            (void)close(file);
            errno = number;
            if (is_held)
                return code;
            break;
        }
        if (is_in_place(file, path)) {
            s->lock_file = file;
            return GW_OK;
        }
        (void)close(file);
    }
    return gw_fail(err, GW_E_STORE,
                   "the lock file %s cannot be used: %s; check the rights on "
                   "its folder",
                   path, strerror(errno));
}

static void
make_holder(gw_sqlite *s, const char *command)
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

static gw_code
write_holder(gw_sqlite *s, gw_error *err)
{
    size_t n = strlen(s->holder.text);

    if (ftruncate(s->lock_file, 0) != 0 ||
        pwrite(s->lock_file, s->holder.text, n, 0) != (ssize_t)n)
        return gw_fail(err, GW_E_STORE,
                       "the lock file of the store %s cannot be written: %s",
                       s->path, strerror(errno));
    return GW_OK;
}

/* Outside of gw_sqlite_begin, which would ask for the fence. */
static gw_code
set_fence(gw_sqlite *s, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    gw_code code = gw_sqlite_open_writer(s, err);

    if (code == GW_OK)
        code = gw_sqlite_get(&s->writer, GW_SQL_SET_RUN_ID, &statement, err);
    if (code != GW_OK)
        return code;
    gw_sqlite_bind(statement, 1, gw_slice_of(s->run_id));
    gw_sqlite_bind(statement, 2, gw_slice_of(s->holder.text));
    return gw_sqlite_finish(&s->writer, statement, err);
}

gw_code
gw_sqlite_lock(gw_store *store, const char *command, gw_error *err)
{
    gw_sqlite *s = gw_sqlite_of(store);
    gw_buf path = {0};

    if (s->lock_file >= 0)
        return gw_fail(err, GW_E_LOCKED,
                       "this program holds the store %s already: %s", s->path,
                       s->holder.text);
    if (s->read_only)
        return gw_fail(err, GW_E_STORE, "the store %s is open for reading only",
                       s->path);
    gw_buf_printf(&path, "%s-godwit-lock", s->path);
    gw_code code = take_lock(s, gw_buf_cstr(&path), err);
    gw_buf_clear(&path);
    if (code != GW_OK)
        return code;
    make_holder(s, command);
    code = write_holder(s, err);
    if (code == GW_OK)
        code = set_fence(s, err);
    if (code != GW_OK)
        gw_sqlite_unlock(store);
    return code;
}

/* The file stays: removing it would let two runs lock two files. */
void
gw_sqlite_unlock(gw_store *store)
{
    gw_sqlite *s = gw_sqlite_of(store);

    if (s->lock_file < 0)
        return;
    if (ftruncate(s->lock_file, 0) != 0)
        s->holder.text[0] = '\0'; /* the text only explains a lock */
    (void)close(s->lock_file);
    s->lock_file = -1;
}

gw_code
gw_sqlite_check_fence(gw_sqlite *s, gw_error *err)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    gw_code code = gw_sqlite_get(&s->writer, GW_SQL_RUN_ID, &statement, err);

    if (code == GW_OK)
        code = gw_sqlite_step(&s->writer, statement, &row, err);
    if (code != GW_OK)
        return code;
    gw_slice id = row ? gw_sqlite_text(statement, 0) : (gw_slice){0};
    gw_slice holder = row ? gw_sqlite_text(statement, 1) : (gw_slice){0};
    if (!gw_slice_equal(id, gw_slice_of(s->run_id)))
        code = gw_fail(err, GW_E_LOCKED,
                       "this run lost its hold of the store %s to another: "
                       "%.*s",
                       s->path, (int)holder.len, holder.at ? holder.at : "");
    (void)sqlite3_reset(statement);
    return code;
}
