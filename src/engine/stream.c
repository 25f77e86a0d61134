/* SPDX-License-Identifier: Apache-2.0 */
/* Reads lines of any input with a bound on their length and on the time
 * spent waiting, and writes text in large pieces. Knows nothing of JSON. */
#include "engine/stream_priv.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (256 * (size_t)GW_KIB)
#define WRITE_BYTES (64 * (size_t)GW_KIB)

gw_slice
gw_stream_shorten(gw_slice text, size_t most)
{
    if (text.len <= most)
        return text;
    while (most > 0 && ((unsigned char)text.at[most] & 0xc0) == 0x80)
        most--;
    return (gw_slice){text.at, most};
}

void
gw_lines_init(gw_lines *lines, FILE *file)
{
    struct stat st;

    *lines = (gw_lines){.file = file, .fd = fileno(file)};
    lines->is_live =
        lines->fd >= 0 && fstat(lines->fd, &st) == 0 && !S_ISREG(st.st_mode);
}

void
gw_lines_clear(gw_lines *lines)
{
    gw_buf_clear(&lines->buf);
}

bool
gw_lines_take(gw_lines *lines, gw_slice *line)
{
    gw_buf *buf = &lines->buf;
    char *end = NULL;
    size_t len;

    if (buf->len > lines->searched)
        end =
            memchr(buf->at + lines->searched, '\n', buf->len - lines->searched);
    lines->searched = buf->len;
    if (!end && (!lines->is_at_end || buf->len == lines->begin))
        return false;
    len =
        end ? (size_t)(end - buf->at) - lines->begin : buf->len - lines->begin;
    *line = (gw_slice){buf->at + lines->begin, len};
    lines->begin += len + (end ? 1 : 0);
    lines->searched = lines->begin;
    lines->number++;
    return true;
}

size_t
gw_lines_waiting(const gw_lines *lines)
{
    const char *at = lines->buf.at + lines->begin;
    size_t left = lines->buf.len - lines->begin, n = 0;

    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        if (!end)
            break;
        left -= (size_t)(end + 1 - at);
        at = end + 1;
        n++;
    }
    return n;
}

/* Takes the lines that were given out away from the front. */
static void
drop_taken(gw_lines *lines)
{
    size_t left = lines->buf.len - lines->begin;

    if (lines->begin == 0)
        return;
    memmove(lines->buf.at, lines->buf.at + lines->begin, left);
    lines->buf.len = left;
    lines->searched -= lines->begin;
    lines->begin = 0;
}

/* Whether there is something to read, an end or an error included. */
static bool
wait_readable(const gw_lines *lines, int wait_ms)
{
    struct pollfd p = {.fd = lines->fd, .events = POLLIN};

    return !lines->is_live || poll(&p, 1, wait_ms) > 0;
}

gw_code
gw_lines_fill(gw_lines *lines, int wait_ms, gw_error *err)
{
    char *to;
    ssize_t n;

    if (lines->is_at_end || !wait_readable(lines, wait_ms))
        return GW_OK;
    drop_taken(lines);
    if (lines->buf.len > GW_LIMIT_LINE)
        return gw_fail(err, GW_E_LIMIT, "the line is longer than %d MiB",
                       GW_LIMIT_LINE / GW_MIB);
    to = gw_buf_reserve(&lines->buf, READ_BYTES);
    if (lines->fd >= 0)
        n = read(lines->fd, to, READ_BYTES);
    else
        n = (ssize_t)fread(to, 1, READ_BYTES, lines->file);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return GW_OK;
    if (n < 0 || (n == 0 && lines->fd < 0 && ferror(lines->file)))
        return gw_fail(err, GW_E_INPUT, "cannot read on: %s", strerror(errno));
    lines->buf.len += (size_t)n;
    lines->is_at_end = n == 0;
    return GW_OK;
}

static gw_code
write_out(gw_out *out, gw_error *err)
{
    size_t len = out->buf.len;

    out->buf.len = 0;
    if (len > 0 && fwrite(out->buf.at, 1, len, out->file) != len)
        return gw_fail(err, GW_E_STORE, "cannot write the output: %s",
                       strerror(errno));
    return GW_OK;
}

gw_code
gw_out_drain(gw_out *out, gw_error *err)
{
    return out->buf.len < WRITE_BYTES ? GW_OK : write_out(out, err);
}

gw_code
gw_out_finish(gw_out *out, gw_error *err)
{
    gw_code code = write_out(out, err);

    if (code == GW_OK && fflush(out->file) != 0)
        code = gw_fail(err, GW_E_STORE, "cannot write the output: %s",
                       strerror(errno));
    return code;
}

gw_code
gw_stream_positions(const gw_run *run, gw_generation which, int64_t upto,
                    gw_code (*visit)(void *arg, const gw_position *p,
                                     gw_error *err),
                    void *arg, gw_error *err)
{
    size_t bytes =
        run->batch_bytes ? run->batch_bytes : gw_store_batch(run->store);
    gw_code code = GW_OK;
    gw_batch batch;
    int64_t after = 0;

    gw_batch_init(&batch);
    do {
        if (gw_stream_is_stopped(run))
            code = gw_fail(err, GW_E_INTERRUPTED, "stopped");
        if (code == GW_OK)
            code = gw_store_read(run->store, which, after, upto, bytes, &batch,
                                 err);
        for (size_t i = 0; code == GW_OK && i < batch.n; i++) {
            code = visit(arg, &batch.positions[i], err);
            after = batch.positions[i].position;
        }
    } while (code == GW_OK && batch.n > 0);
    gw_batch_clear(&batch);
    return code;
}
