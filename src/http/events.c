/* SPDX-License-Identifier: Apache-2.0 */
/* GET /migrate/events: server-sent events. An id is RUN-OFFSET, a place in
 * the output of a run; Last-Event-ID goes on behind it. */
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdlib.h>

#include "http/http_priv.h"

enum {
    BLOCK = 16 * GW_KIB,
    PROGRESS_MS = 500,
    QUIET_MS = 15000, /* then a comment, so that nobody hangs up */
    CATCH_UP = 20,    /* runs whose output there still is */
};

#define SEND_US INT64_C(15000000)

typedef struct gw_stream {
    gw_http *http;
    gw_request *request; /* ends before the stream is freed */
    int64_t run, offset;
    gw_buf out; /* not yet sent: out[sent..len) */
    size_t sent;
    gw_buf result, progress, checks; /* as last sent */
    int64_t progress_us, sent_us;
    bool is_owing; /* measures that were too early to send */
} gw_stream;

/* ---- making events ---- */

static void
put_event(gw_stream *s, const char *type, gw_slice data)
{
    gw_buf_printf(&s->out,
                  "id: %" PRId64 "-%" PRId64 "\nevent: %s\ndata: ", s->run,
                  s->offset, type);
    gw_buf_slice(&s->out, data);
    gw_buf_text(&s->out, "\n\n");
}

/* An event when it is not what was sent last. */
static bool
put_if_news(gw_stream *s, const char *type, gw_buf *now, gw_buf *last)
{
    bool is_news = !gw_slice_equal(gw_buf_as_slice(now), gw_buf_as_slice(last));

    if (is_news) {
        put_event(s, type, gw_buf_as_slice(now));
        gw_buf_clear(last);
        *last = *now;
    } else {
        gw_buf_clear(now);
    }
    return is_news;
}

static void
put_line(gw_stream *s, gw_slice line)
{
    gw_buf data = {0};

    gw_buf_printf(&data, "{\"run\":%" PRId64 ",\"line\":", s->run);
    gw_json_put_text(&data, line);
    gw_buf_byte(&data, '}');
    put_event(s, "output", gw_buf_as_slice(&data));
    gw_buf_clear(&data);
}

/* The whole lines of the next block of output; a line longer than a block
 * comes in pieces. False when there is nothing more. */
static bool
put_lines(gw_stream *s)
{
    gw_buf text = {0};
    int64_t begin = s->offset;

    gw_service_read_output(s->http->service, s->run, s->offset, BLOCK, &text);
    for (size_t at = 0; at < text.len;) {
        const char *end = memchr(text.at + at, '\n', text.len - at);
        if (!end && (at > 0 || text.len < BLOCK))
            break;
        size_t n = end ? (size_t)(end - text.at) - at : text.len - at;
        gw_slice line = {text.at + at, n};
        at += n + (end != NULL);
        s->offset = begin + (int64_t)at;
        put_line(s, line);
    }
    gw_buf_clear(&text);
    return s->offset > begin;
}

static void
put_output(gw_stream *s)
{
    int64_t last = gw_service_last_run(s->http->service);

    if (s->run < last - CATCH_UP || s->run > last) {
        s->run = last;
        s->offset = 0;
    }
    while (!put_lines(s) && s->run < last) {
        s->run++;
        s->offset = 0;
    }
}

/* What changes all the time: at most twice a second. */
static void
put_measures(gw_stream *s)
{
    gw_service *service = s->http->service;
    gw_buf progress = {0}, checks = {0};
    int64_t now = gw_clock_us();

    s->is_owing = s->progress_us && now - s->progress_us < PROGRESS_MS * 1000;
    if (s->is_owing)
        return;
    gw_service_put_progress(service, &progress);
    bool is_news = put_if_news(s, "progress", &progress, &s->progress);
    gw_service_put_checks(service, &checks);
    if (put_if_news(s, "checks", &checks, &s->checks) || is_news)
        s->progress_us = now;
}

static void
put_state(gw_stream *s)
{
    gw_buf result = {0};

    gw_service_put_result(s->http->service, &result);
    (void)put_if_news(s, "status", &result, &s->result);
    put_measures(s);
}

/* ---- sending ---- */

static bool
has_news(gw_request *request)
{
    return atomic_load(&request->http->news) != request->news;
}

static void
fill(gw_stream *s)
{
    s->out.len = s->sent = 0;
    s->request->news = atomic_load(&s->http->news);
    put_output(s);
    put_state(s);
    if (s->out.len == 0 && gw_clock_us() - s->sent_us > SEND_US)
        gw_buf_text(&s->out, ": still here\n\n");
    if (s->out.len > 0)
        s->sent_us = gw_clock_us();
}

static ssize_t
send_some(gw_stream *s, char *to, size_t room)
{
    size_t n = s->out.len - s->sent;

    n = n < room ? n : room;
    memcpy(to, s->out.at + s->sent, n);
    s->sent += n;
    return (ssize_t)n;
}

static ssize_t
read_stream(void *arg, uint64_t pos, char *to, size_t room)
{
    gw_stream *s = arg;
    gw_http *http = s->http;

    (void)pos;
    for (;;) {
        if (s->sent < s->out.len)
            return send_some(s, to, room);
        if (atomic_load(&http->is_refusing))
            return MHD_CONTENT_READER_END_OF_STREAM;
        fill(s);
        if (s->sent < s->out.len)
            continue;
        bool is_soon = s->is_owing || gw_service_is_running(http->service);
        int64_t wait_ms = is_soon ? (int64_t)PROGRESS_MS : (int64_t)QUIET_MS;
        if (gw_clock_park(s->request, has_news, wait_ms))
            return 0;
    }
}

static void
free_stream(void *arg)
{
    gw_stream *s = arg;

    atomic_fetch_sub(&s->http->streams, 1);
    gw_buf_clear(&s->out);
    gw_buf_clear(&s->result);
    gw_buf_clear(&s->progress);
    gw_buf_clear(&s->checks);
    free(s);
}

/* ---- beginning ---- */

static void
take_place(gw_stream *s, const char *id)
{
    char *end;

    s->run = gw_service_last_run(s->http->service);
    if (!id)
        return;
    errno = 0;
    long long run = strtoll(id, &end, 10);
    if (errno || *end != '-' || run < 0 || run > s->run)
        return;
    long long offset = strtoll(end + 1, &end, 10);
    if (errno || *end || offset < 0)
        return;
    s->run = run;
    s->offset = offset;
}

bool
gw_events_handle(gw_request *request)
{
    gw_http *http = request->http;

    if (atomic_fetch_add(&http->streams, 1) >= GW_LIMIT_HTTP_STREAMS) {
        atomic_fetch_sub(&http->streams, 1);
        return gw_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                              "Too many event streams are open");
    }
    gw_stream *s = gw_calloc(1, sizeof(*s));
    s->http = http;
    s->request = request;
    s->sent_us = gw_clock_us();
    take_place(s, gw_request_header(request, "Last-Event-ID"));
    gw_buf_text(&s->out, "retry: 2000\n\n");
    return gw_reply_response(
        request, MHD_HTTP_OK, "text/event-stream",
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream,
                                          s, free_stream));
}
