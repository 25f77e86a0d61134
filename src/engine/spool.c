/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted runs in a temporary file, and their merge. Does not sort: input in
 * no order at all makes as many runs as there are steps down. */
#include "engine/spool_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

/* More than this is written to the file. */
#define TAIL_BYTES (8 * (size_t)GW_MIB)
#define PIECE_BYTES (64 * (size_t)GW_KIB)

/* before each key and body */
typedef struct gw_spool_record {
    size_t key_len, body_len;
} gw_spool_record;

static gw_code
fail_file(gw_error *err)
{
    return gw_fail(err, GW_E_STORE,
                   "temporary file: %s; TMPDIR names "
                   "another folder for it",
                   strerror(errno));
}

static gw_code
open_file(gw_spool *spool, gw_error *err)
{
    const char *folder = getenv("TMPDIR");
    gw_buf path = {0};
    int fd;

    gw_buf_text(&path, folder && *folder ? folder : "/tmp");
    gw_buf_text(&path, "/godwit-XXXXXX");
    gw_buf_cstr(&path);
    fd = mkstemp(path.at);
    if (fd >= 0) {
        unlink(path.at);
        spool->file = fdopen(fd, "w+b");
    }
    gw_buf_clear(&path);
    return spool->file ? GW_OK : fail_file(err);
}

static gw_code
write_tail(gw_spool *spool, gw_error *err)
{
    size_t done = 0;
    ssize_t n;
    gw_code code = spool->file ? GW_OK : open_file(spool, err);

    while (code == GW_OK && done < spool->tail.len) {
        n = pwrite(fileno(spool->file), spool->tail.at + done,
                   spool->tail.len - done, (off_t)(spool->in_file + done));
        if (n < 0 && errno != EINTR)
            code = fail_file(err);
        done += n > 0 ? (size_t)n : 0;
    }
    if (code == GW_OK) {
        spool->in_file += spool->tail.len;
        spool->tail.len = 0;
    }
    return code;
}

/* Records are never cut: each is in the file or in the tail. */
static gw_code
read_at(const gw_spool *spool, size_t at, void *to, size_t len, gw_error *err)
{
    ssize_t n;

    if (at >= spool->in_file) {
        memcpy(to, spool->tail.at + (at - spool->in_file), len);
        return GW_OK;
    }
    for (size_t done = 0; done<len; done += n> 0 ? (size_t)n : 0) {
        n = pread(fileno(spool->file), (char *)to + done, len - done,
                  (off_t)(at + done));
        if (n == 0)
            errno = EIO;
        if (n == 0 || (n < 0 && errno != EINTR))
            return fail_file(err);
    }
    return GW_OK;
}

static void
empty(gw_spool *spool)
{
    spool->tail.len = spool->last_key.len = 0;
    spool->in_file = 0;
    spool->n = 0;
}

void
gw_spool_clear(gw_spool *spool)
{
    gw_buf_clear(&spool->tail);
    gw_buf_clear(&spool->last_key);
    free(spool->runs);
    if (spool->file)
        fclose(spool->file);
    *spool = (gw_spool){0};
}

/* The run that a record with this key belongs to. */
static gw_spool_run *
run_for(gw_spool *spool, gw_slice key)
{
    size_t at = spool->in_file + spool->tail.len;

    if (spool->n > 0 &&
        gw_slice_compare(gw_buf_as_slice(&spool->last_key), key) < 0)
        return &spool->runs[spool->n - 1];
    if (spool->n == spool->room) {
        spool->room = spool->room ? spool->room * 2 : 16;
        spool->runs =
            gw_realloc(spool->runs, spool->room * sizeof(*spool->runs));
    }
    spool->runs[spool->n] = (gw_spool_run){.at = at, .end = at};
    return &spool->runs[spool->n++];
}

gw_code
gw_spool_add(gw_spool *spool, gw_slice key, gw_slice body, gw_error *err)
{
    gw_spool_record record = {key.len, body.len};
    gw_spool_run *run;

    if (key.len > sizeof(run->key))
        return gw_fail(err, GW_E_LIMIT, "a key of %zu bytes", key.len);
    run = run_for(spool, key);
    spool->last_key.len = 0;
    gw_buf_slice(&spool->last_key, key);
    gw_buf_add(&spool->tail, (const char *)&record, sizeof(record));
    gw_buf_slice(&spool->tail, key);
    gw_buf_slice(&spool->tail, body);
    run->end = spool->in_file + spool->tail.len;
    return spool->tail.len < TAIL_BYTES ? GW_OK : write_tail(spool, err);
}

static gw_code
load_key(const gw_spool *spool, gw_spool_run *run, gw_error *err)
{
    gw_spool_record record;
    gw_code code;

    if (run->at == run->end)
        return GW_OK;
    code = read_at(spool, run->at, &record, sizeof(record), err);
    if (code != GW_OK)
        return code;
    run->key_len = record.key_len;
    run->body_len = record.body_len;
    return read_at(spool, run->at + sizeof(record), run->key, run->key_len,
                   err);
}

static gw_spool_run *
first_run(const gw_spool *spool)
{
    gw_spool_run *first = NULL;

    for (size_t i = 0; i < spool->n; i++) {
        gw_spool_run *run = &spool->runs[i];

        if (run->at < run->end &&
            (!first ||
             gw_slice_compare((gw_slice){run->key, run->key_len},
                              (gw_slice){first->key, first->key_len}) < 0))
            first = run;
    }
    return first;
}

gw_code
gw_spool_merge(gw_spool *spool,
               gw_code (*put)(void *arg, gw_slice piece, bool is_first,
                              gw_error *err),
               void *arg, gw_error *err)
{
    char *piece = gw_malloc(PIECE_BYTES);
    gw_code code = GW_OK;
    gw_spool_run *run;

    for (size_t i = 0; code == GW_OK && i < spool->n; i++)
        code = load_key(spool, &spool->runs[i], err);
    while (code == GW_OK && (run = first_run(spool)) != NULL) {
        size_t from = run->at + sizeof(gw_spool_record) + run->key_len;
        size_t len = run->body_len;

        for (size_t done = 0, n; code == GW_OK && done < len; done += n) {
            n = len - done < PIECE_BYTES ? len - done : PIECE_BYTES;
            code = read_at(spool, from + done, piece, n, err);
            if (code == GW_OK)
                code = put(arg, (gw_slice){piece, n}, done == 0, err);
        }
        run->at = from + len;
        if (code == GW_OK)
            code = load_key(spool, run, err);
    }
    empty(spool);
    free(piece);
    return code;
}
