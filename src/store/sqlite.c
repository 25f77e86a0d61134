/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, checks and makes SQLite stores: a file whose application_id and
 * user_version say that it is one of Godwit's. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/limits.h"
#include "store/sqlite_priv.h"

enum { READER_CACHE_KIB = 4 * 1024 };

/* Fewer, larger pages cost fewer system calls: a quarter less time for
 * writing events than with SQLite's 4096. */
#define PAGE_BYTES "16384"

static void
close_store(gw_store *store)
{
    gw_sqlite *s = gw_sqlite_of(store);

    gw_sqlite_abort(store);
    gw_sqlite_unlock(store);
    /* The writing connection is closed last: the last one to leave moves
     * the log into the database and removes it. */
    gw_sqlite_conn_close(&s->reader);
    gw_sqlite_conn_close(&s->writer);
    gw_sequences_clear(&s->live_ids);
    gw_sequences_clear(&s->made_ids);
    gw_arena_clear(&s->reader_arena);
    gw_buf_clear(&s->buf);
    free(s->path);
    free(s->store.name);
    free(s);
}

/* The database and its log. */
static gw_store_space
find_space(gw_store *store)
{
    static const char *const ends[] = {"", "-wal"};
    const gw_sqlite *s = gw_sqlite_of(store);
    gw_store_space space = {-1, -1};
    struct stat info;
    struct statvfs disk;
    gw_buf path = {0};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        path.len = 0;
        gw_buf_printf(&path, "%s%s", s->path, ends[i]);
        if (stat(gw_buf_cstr(&path), &info) == 0)
            space.used = (space.used < 0 ? 0 : space.used) + info.st_size;
    }
    if (statvfs(s->path, &disk) == 0)
        space.free = (int64_t)(disk.f_bavail * disk.f_frsize);
    gw_buf_clear(&path);
    return space;
}

static const struct gw_store_ops sqlite_ops = {
    .batch_bytes = GW_DEFAULT_BATCH_SQLITE,
    .close = close_store,
    .count = gw_sqlite_count,
    .count_after = gw_sqlite_count_after,
    .run_state = gw_sqlite_run_state,
    .read = gw_sqlite_read,
    .model = gw_sqlite_model,
    .models = gw_sqlite_models,
    .sequences = gw_sqlite_sequences,
    .records = gw_sqlite_records,
    .put_record = gw_sqlite_put_record,
    .keyframe_load = gw_sqlite_keyframe_load,
    .keyframe_list = gw_sqlite_keyframe_list,
    .space = find_space,
    .lock = gw_sqlite_lock,
    .unlock = gw_sqlite_unlock,
    .begin = gw_sqlite_begin,
    .commit = gw_sqlite_commit,
    .abort = gw_sqlite_abort,
    .append = gw_sqlite_append,
    .put_model = gw_sqlite_put_model,
    .model_now = gw_sqlite_model_now,
    .models_now = gw_sqlite_models_now,
    .read_now = gw_sqlite_read_now,
    .commit_bytes = gw_sqlite_commit_bytes,
    .make_way = gw_sqlite_make_way,
    .max_position_now = gw_sqlite_max_position_now,
    .write = gw_sqlite_write,
    .put_run_state = gw_sqlite_put_run_state,
    .keyframe_recover = gw_sqlite_keyframe_recover,
    .keyframe_put = gw_sqlite_keyframe_put,
    .keyframe_yield = gw_sqlite_keyframe_yield,
    .forget = gw_sqlite_forget,
    .set_aside = gw_sqlite_set_aside,
    .cut_back = gw_sqlite_cut_back,
    .drop_base = gw_sqlite_drop_base,
    .set_final_index = gw_sqlite_set_final_index,
    .check = gw_sqlite_check,
    .swap = gw_sqlite_swap,
    .swap_back = gw_sqlite_swap_back,
    .seal = gw_sqlite_seal,
    .discard = gw_sqlite_discard,
    .tidy = gw_sqlite_tidy,
    .set_index = gw_sqlite_set_index,
    .clear_helpers = gw_sqlite_clear_helpers,
    .import = &gw_sqlite_import,
};

/* ---- making ---- */

/* Sections, and the numbers of their indexes; "own" then holds the next. */
static const char *const sections[] = {"live",   "helpers", "made", "keyframes",
                                       "saving", "base",    "own"};

static gw_code
make_tables(gw_sqlite_conn *conn, gw_error *err)
{
    char sql[128];
    int64_t tables = 0;
    gw_code code = gw_sqlite_exec(conn, "BEGIN IMMEDIATE", err);

    if (code == GW_OK)
        code = gw_sqlite_pragma(conn, "SELECT count(*) FROM sqlite_schema",
                                &tables, err);
    if (code == GW_OK && tables > 0)
        code = gw_fail(err, GW_E_STATE,
                       "%s holds tables already; a new store needs a new "
                       "file",
                       conn->path);
    for (size_t i = 0;
         i < sizeof(sections) / sizeof(sections[0]) && code == GW_OK; i++)
        code = gw_sqlite_make(conn, sections[i], (int64_t)i + 1, err);
    if (code == GW_OK) {
        (void)snprintf(sql, sizeof(sql),
                       "PRAGMA application_id = %d; PRAGMA user_version = %d;"
                       "COMMIT",
                       GW_SQLITE_APPLICATION, GW_SQLITE_SCHEMA);
        code = gw_sqlite_exec(conn, sql, err);
    }
    return code;
}

static gw_code
make_store(const char *path, int wait_ms, gw_error *err)
{
    gw_sqlite_conn conn = {.path = path};
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool is_new = file >= 0;

    if (is_new)
        (void)close(file);
    else if (errno != EEXIST)
        return gw_fail(err, GW_E_STORE, "the store %s cannot be made: %s", path,
                       strerror(errno));
    gw_code code = gw_sqlite_conn_open(&conn, path, 0, wait_ms, 1024, err);
    if (code == GW_OK && is_new)
        code = gw_sqlite_exec(&conn,
                              "PRAGMA auto_vacuum = NONE;"
                              "PRAGMA page_size = " PAGE_BYTES,
                              err);
    if (code == GW_OK)
        code = make_tables(&conn, err);
    if (code == GW_OK)
        code = gw_sqlite_exec(&conn, "PRAGMA journal_mode = WAL", err);
    gw_sqlite_conn_close(&conn);
    if (code != GW_OK && is_new)
        (void)unlink(path);
    return code;
}

/* ---- checking ---- */

static gw_code
check_schema(gw_sqlite_conn *conn, gw_error *err)
{
    int64_t application = 0, version = 0;
    gw_code code =
        gw_sqlite_pragma(conn, "PRAGMA application_id", &application, err);

    if (code == GW_OK)
        code = gw_sqlite_pragma(conn, "PRAGMA user_version", &version, err);
    if (code != GW_OK)
        return code;
    if (application == 0)
        return gw_fail(err, GW_E_STORE,
                       "%s holds no store: there are no tables of Godwit's "
                       "in it; `godwit init` makes a store",
                       conn->path);
    if (application != GW_SQLITE_APPLICATION)
        return gw_fail(err, GW_E_STORE,
                       "%s is the database of another program (application "
                       "id %lld); `godwit init` makes a store",
                       conn->path, (long long)application);
    if (version > GW_SQLITE_SCHEMA)
        return gw_fail(err, GW_E_STORE,
                       "the store %s has schema version %lld, this program "
                       "knows %d: use a newer Godwit",
                       conn->path, (long long)version, GW_SQLITE_SCHEMA);
    if (version < GW_SQLITE_SCHEMA)
        return gw_fail(err, GW_E_STORE,
                       "the store %s has schema version %lld, which there "
                       "never was: it is damaged",
                       conn->path, (long long)version);
    return GW_OK;
}

static bool
has_log(const char *path)
{
    gw_buf name = {0};
    struct stat info;

    gw_buf_printf(&name, "%s-wal", path);
    bool has = stat(gw_buf_cstr(&name), &info) == 0 && info.st_size > 0;
    gw_buf_clear(&name);
    return has;
}

static bool
was_refused(const gw_sqlite *s)
{
    return s->reader.failure == SQLITE_CANTOPEN ||
           s->reader.failure == SQLITE_READONLY;
}

/* Without rights on the folder SQLite cannot make its two files beside the
 * database. Where there is no log to miss, it can do without. */
static gw_code
open_reader(gw_sqlite *s, gw_error *err)
{
    unsigned flags = GW_SQLITE_QUERY_ONLY;

    if (s->read_only)
        flags |= GW_SQLITE_READ_ONLY_OK;
    gw_code code = gw_sqlite_conn_open(&s->reader, s->path, flags, s->wait_ms,
                                       READER_CACHE_KIB, err);
    if (code == GW_OK)
        code = check_schema(&s->reader, err);
    if (code == GW_OK || !s->read_only || !was_refused(s) || has_log(s->path))
        return code;
    gw_sqlite_conn_close(&s->reader);
    code = gw_sqlite_conn_open(&s->reader, s->path, flags | GW_SQLITE_IMMUTABLE,
                               s->wait_ms, READER_CACHE_KIB, err);
    return code == GW_OK ? check_schema(&s->reader, err) : code;
}

/* ---- opening ---- */

/* The absolute path, so that two names of one store find the same lock. The
 * last part of it need not be there yet. */
static char *
resolve(const char *path)
{
    char *whole = realpath(path, NULL);

    if (whole)
        return whole;
    char *for_folder = gw_strdup(path), *for_name = gw_strdup(path);
    char *folder = realpath(dirname(for_folder), NULL);
    gw_buf joined = {0};
    if (folder)
        gw_buf_printf(&joined, "%s/%s", strcmp(folder, "/") ? folder : "",
                      basename(for_name));
    free(folder);
    free(for_name);
    free(for_folder);
    if (joined.len == 0)
        return NULL;
    (void)gw_buf_cstr(&joined);
    return joined.at;
}

static gw_code
check_path(const char *path, const char *resolved, bool create, gw_error *err)
{
    struct stat info;

    if (!resolved)
        return gw_fail(err, GW_E_STORE,
                       "the folder of the store %s cannot be reached: %s", path,
                       strerror(errno));
    if (stat(resolved, &info) != 0) {
        if (errno == ENOENT && create)
            return GW_OK;
        if (errno == ENOENT)
            return gw_fail(err, GW_E_STORE,
                           "there is no store at %s; `godwit init` makes "
                           "one",
                           path);
        return gw_fail(err, GW_E_STORE, "the store %s cannot be reached: %s",
                       path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode))
        return gw_fail(err, GW_E_STORE, "%s is %s; a store in SQLite is a file",
                       path, S_ISDIR(info.st_mode) ? "a folder" : "no file");
    return GW_OK;
}

static gw_sqlite *
new_store(char *path, const gw_store_options *options)
{
    gw_sqlite *s = gw_calloc(1, sizeof(*s));
    gw_buf name = {0};

    gw_buf_printf(&name, "sqlite:%s", path);
    (void)gw_buf_cstr(&name);
    s->store = (gw_store){&sqlite_ops, name.at};
    s->path = path;
    s->read_only = options->read_only;
    s->wait_ms =
        options->lock_wait_ms > 0 ? options->lock_wait_ms : GW_STORE_WAIT_MS;
    s->lock_file = -1;
    s->reader.path = s->writer.path = path;
    gw_arena_init(&s->reader_arena);
    return s;
}

gw_code
gw_sqlite_open(const char *uri, const gw_store_options *options, gw_store **out,
               gw_error *err)
{
    static const gw_store_options defaults;
    const char *path = uri;

    if (!options)
        options = &defaults;
    if (strncmp(uri, "sqlite:", 7) == 0)
        path += 7;
    if (*path == '\0')
        return gw_fail(err, GW_E_USAGE,
                       "the store's URI %s has no path; it is sqlite:PATH",
                       uri);
    char *resolved = resolve(path);
    gw_code code = check_path(path, resolved, options->create, err);
    if (code != GW_OK) {
        free(resolved);
        return code;
    }
    gw_sqlite *s = new_store(resolved, options);
    if (options->create)
        code = make_store(s->path, s->wait_ms, err);
    if (code == GW_OK)
        code = open_reader(s, err);
    if (code == GW_OK)
        code = gw_sqlite_pragma(&s->reader, "PRAGMA page_size", &s->page_bytes,
                                err);
    if (code != GW_OK) {
        close_store(&s->store);
        return code;
    }
    *out = &s->store;
    return GW_OK;
}
