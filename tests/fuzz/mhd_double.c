/* SPDX-License-Identifier: Apache-2.0 */
/* Only what src/http calls. An option or a call that it does not know is a
 * failure: the double would lie. */
#include "fuzz/mhd_double.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { STREAM_READS = 4, STREAM_BLOCK = 512 };

struct MHD_Response {
    char *bytes;
    size_t len;
    bool must_free;
    MHD_ContentReaderCallback read;
    MHD_ContentReaderFreeCallback free_read;
    void *read_arg;
    double_pair headers[DOUBLE_PAIRS];
    size_t n_headers;
    int users;
};

struct MHD_Connection {
    const double_request *request;
    struct MHD_Response *response;
    int status, n_answers;
    bool is_suspended;
    void *socket_context;
    struct sockaddr_in address;
    union MHD_ConnectionInfo info;
};

struct MHD_Daemon {
    MHD_AccessHandlerCallback handle;
    void *handle_arg;
    MHD_RequestCompletedCallback completed;
    void *completed_arg;
    MHD_NotifyConnectionCallback connected;
    void *connected_arg;
    void *(*see_uri)(void *arg, const char *uri, struct MHD_Connection *c);
    void *see_uri_arg;
    int socket;
};

static struct MHD_Daemon *daemon_of_all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resumed = PTHREAD_COND_INITIALIZER;

static void
insist(bool is_so, const char *what)
{
    if (is_so)
        return;
    (void)fprintf(stderr, "mhd_double: %s\n", what);
    abort();
}

/* ---- the daemon ---- */

static void
take_option(struct MHD_Daemon *d, enum MHD_OPTION option, va_list args)
{
    switch (option) {
    case MHD_OPTION_EXTERNAL_LOGGER:
        (void)va_arg(args, void *);
        (void)va_arg(args, void *);
        break;
    case MHD_OPTION_LISTEN_SOCKET:
        d->socket = va_arg(args, int);
        break;
    case MHD_OPTION_CONNECTION_LIMIT:
    case MHD_OPTION_PER_IP_CONNECTION_LIMIT:
    case MHD_OPTION_CONNECTION_TIMEOUT:
        (void)va_arg(args, unsigned);
        break;
    case MHD_OPTION_CONNECTION_MEMORY_LIMIT:
        (void)va_arg(args, size_t);
        break;
    case MHD_OPTION_NOTIFY_COMPLETED:
        d->completed = va_arg(args, MHD_RequestCompletedCallback);
        d->completed_arg = va_arg(args, void *);
        break;
    case MHD_OPTION_NOTIFY_CONNECTION:
        d->connected = va_arg(args, MHD_NotifyConnectionCallback);
        d->connected_arg = va_arg(args, void *);
        break;
    case MHD_OPTION_URI_LOG_CALLBACK:
        d->see_uri = va_arg(
            args, void *(*)(void *, const char *, struct MHD_Connection *));
        d->see_uri_arg = va_arg(args, void *);
        break;
    case MHD_OPTION_ARRAY:
        (void)va_arg(args, void *);
        break;
    default:
        insist(false, "an option that is not known");
    }
}

struct MHD_Daemon *
MHD_start_daemon(unsigned int flags, uint16_t port,
                 MHD_AcceptPolicyCallback accept, void *accept_arg,
                 MHD_AccessHandlerCallback handle, void *handle_arg, ...)
{
    struct MHD_Daemon *d = calloc(1, sizeof(*d));
    va_list args;

    (void)flags;
    (void)port;
    (void)accept;
    (void)accept_arg;
    d->handle = handle;
    d->handle_arg = handle_arg;
    va_start(args, handle_arg);
    for (;;) {
        enum MHD_OPTION option = (enum MHD_OPTION)va_arg(args, int);
        if (option == MHD_OPTION_END)
            break;
        take_option(d, option, args);
    }
    va_end(args);
    daemon_of_all = d;
    return d;
}

void
MHD_stop_daemon(struct MHD_Daemon *daemon)
{
    free(daemon);
    daemon_of_all = NULL;
}

/* ---- what is asked of a connection ---- */

static const char *
find(const double_pair *pairs, size_t n, const char *name, bool any_case)
{
    for (size_t i = 0; i < n; i++)
        if (any_case ? strcasecmp(pairs[i].name, name) == 0
                     : strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *
MHD_lookup_connection_value(struct MHD_Connection *c, enum MHD_ValueKind kind,
                            const char *key)
{
    const double_request *r = c->request;

    if (kind == MHD_HEADER_KIND)
        return find(r->headers, r->n_headers, key, true);
    insist(kind == MHD_GET_ARGUMENT_KIND, "a kind that is not known");
    return find(r->arguments, r->n_arguments, key, false);
}

const union MHD_ConnectionInfo *
MHD_get_connection_info(struct MHD_Connection *c,
                        enum MHD_ConnectionInfoType type, ...)
{
    switch (type) {
    case MHD_CONNECTION_INFO_SOCKET_CONTEXT:
        c->info.socket_context = c->socket_context;
        break;
    case MHD_CONNECTION_INFO_CONNECTION_FD:
        c->info.connect_fd = -1;
        break;
    case MHD_CONNECTION_INFO_CLIENT_ADDRESS:
        c->address.sin_family = AF_INET;
        c->address.sin_addr.s_addr =
            htonl(c->request->is_remote ? 0xC0000201 : INADDR_LOOPBACK);
        c->info.client_addr = (struct sockaddr *)&c->address;
        break;
    default:
        insist(false, "a question that is not known");
    }
    return &c->info;
}

void
MHD_suspend_connection(struct MHD_Connection *c)
{
    pthread_mutex_lock(&lock);
    insist(!c->is_suspended, "suspended twice");
    c->is_suspended = true;
    pthread_mutex_unlock(&lock);
}

void
MHD_resume_connection(struct MHD_Connection *c)
{
    pthread_mutex_lock(&lock);
    insist(c->is_suspended, "resumed what is not suspended");
    c->is_suspended = false;
    pthread_cond_broadcast(&resumed);
    pthread_mutex_unlock(&lock);
}

/* ---- responses ---- */

struct MHD_Response *
MHD_create_response_from_buffer(size_t size, void *buffer,
                                enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *r = calloc(1, sizeof(*r));

    r->bytes = buffer;
    r->len = size;
    r->must_free = mode == MHD_RESPMEM_MUST_FREE;
    r->users = 1;
    return r;
}

struct MHD_Response *
MHD_create_response_from_callback(uint64_t size, size_t block_size,
                                  MHD_ContentReaderCallback read,
                                  void *read_arg,
                                  MHD_ContentReaderFreeCallback free_read)
{
    struct MHD_Response *r = calloc(1, sizeof(*r));

    (void)size;
    (void)block_size;
    r->read = read;
    r->read_arg = read_arg;
    r->free_read = free_read;
    r->users = 1;
    return r;
}

void
MHD_destroy_response(struct MHD_Response *r)
{
    if (--r->users > 0)
        return;
    for (size_t i = 0; i < r->n_headers; i++) {
        free((char *)(uintptr_t)r->headers[i].name);
        free((char *)(uintptr_t)r->headers[i].value);
    }
    if (r->must_free)
        free(r->bytes);
    if (r->free_read)
        r->free_read(r->read_arg);
    free(r);
}

/* libmicrohttpd refuses what would break the head of an answer. */
enum MHD_Result
MHD_add_response_header(struct MHD_Response *r, const char *name,
                        const char *value)
{
    insist(r->n_headers < DOUBLE_PAIRS, "too many headers");
    insist(!strpbrk(name, "\r\n\t ") && !strpbrk(value, "\r\n"),
           "a header with a line end");
    r->headers[r->n_headers++] = (double_pair){strdup(name), strdup(value)};
    return MHD_YES;
}

const char *
MHD_get_response_header(struct MHD_Response *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

enum MHD_Result
MHD_queue_response(struct MHD_Connection *c, unsigned int status,
                   struct MHD_Response *r)
{
    insist(++c->n_answers == 1, "answered twice");
    insist(!c->is_suspended, "answered while suspended");
    r->users++;
    c->response = r;
    c->status = (int)status;
    return MHD_YES;
}

/* ---- a request's way ---- */

/* False when the client has had enough of waiting. */
static bool
wait_for_resume(struct MHD_Connection *c, int wait_ms)
{
    struct timespec until;
    bool is_late = false;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += wait_ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&lock);
    while (c->is_suspended && !is_late)
        is_late = pthread_cond_timedwait(&resumed, &lock, &until) != 0;
    bool is_resumed = !c->is_suspended;
    pthread_mutex_unlock(&lock);
    return is_resumed;
}

static bool
call(struct MHD_Connection *c, void **state, const char *bytes, size_t n)
{
    const struct MHD_Daemon *d = daemon_of_all;
    const double_request *r = c->request;
    size_t left = n;

    bool is_fine = d->handle(d->handle_arg, c, r->url, r->method, r->version,
                             bytes, &left, state) == MHD_YES;
    insist(!is_fine || left == 0 || c->status, "a part of the body was left");
    return is_fine;
}

static bool
send_body(struct MHD_Connection *c, void **state)
{
    const double_request *r = c->request;
    size_t piece = r->piece ? r->piece : r->body_len;

    for (size_t at = 0; at < r->body_len && !c->status; at += piece) {
        size_t n = r->body_len - at < piece ? r->body_len - at : piece;
        /* a copy of its own, so that reading beyond it is seen */
        char *copy = malloc(n);
        memcpy(copy, r->body + at, n);
        bool is_fine = call(c, state, copy, n);
        free(copy);
        if (!is_fine)
            return false;
    }
    return true;
}

/* True when there is an answer; false when either side hung up. */
static bool
run_request(struct MHD_Connection *c, void **state)
{
    if (!call(c, state, NULL, 0))
        return false;
    if (!c->status && !send_body(c, state))
        return false;
    while (!c->status) {
        if (!call(c, state, NULL, 0))
            return false;
        if (c->status)
            break;
        insist(c->n_answers == 0, "an answer without a status");
        if (!wait_for_resume(c, c->request->wait_ms))
            return false;
    }
    return true;
}

static void
read_stream(struct MHD_Connection *c, double_answer *answer)
{
    char block[STREAM_BLOCK];
    struct MHD_Response *r = c->response;

    for (int i = 0; i < STREAM_READS; i++) {
        ssize_t n =
            r->read(r->read_arg, answer->streamed, block, sizeof(block));
        if (n < 0 || (n == 0 && !wait_for_resume(c, c->request->wait_ms)))
            return;
        insist(n <= (ssize_t)sizeof(block), "a stream wrote too much");
        answer->streamed += (size_t)n;
    }
}

static void
take_answer(struct MHD_Connection *c, double_answer *answer)
{
    struct MHD_Response *r = c->response;

    answer->status = c->status;
    for (size_t i = 0; i < r->n_headers; i++)
        answer->headers[answer->n_headers++] = (double_pair){
            strdup(r->headers[i].name), strdup(r->headers[i].value)};
    if (r->read) {
        read_stream(c, answer);
        return;
    }
    answer->body = malloc(r->len + 1);
    if (r->len)
        memcpy(answer->body, r->bytes, r->len);
    answer->body[r->len] = '\0';
    answer->body_len = r->len;
}

void
double_ask(const double_request *request, double_answer *answer)
{
    struct MHD_Daemon *d = daemon_of_all;
    struct MHD_Connection c = {.request = request};
    void *state = NULL;

    *answer = (double_answer){0};
    d->connected(d->connected_arg, &c, &c.socket_context,
                 MHD_CONNECTION_NOTIFY_STARTED);
    (void)d->see_uri(d->see_uri_arg, request->url, &c);
    bool is_answered = run_request(&c, &state);
    if (is_answered)
        take_answer(&c, answer);
    answer->was_closed = !is_answered;
    d->completed(d->completed_arg, &c, &state,
                 is_answered ? MHD_REQUEST_TERMINATED_COMPLETED_OK
                             : MHD_REQUEST_TERMINATED_CLIENT_ABORT);
    insist(state == NULL, "the request's state was left");
    if (c.response)
        MHD_destroy_response(c.response);
    d->connected(d->connected_arg, &c, &c.socket_context,
                 MHD_CONNECTION_NOTIFY_CLOSED);
    insist(!c.socket_context, "the connection's state was left");
}

void
double_answer_clear(double_answer *answer)
{
    for (size_t i = 0; i < answer->n_headers; i++) {
        free((char *)(uintptr_t)answer->headers[i].name);
        free((char *)(uintptr_t)answer->headers[i].value);
    }
    free(answer->body);
    *answer = (double_answer){0};
}
