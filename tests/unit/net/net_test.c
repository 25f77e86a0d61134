/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a server that says exactly what a test wants. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "net/net.h"

/* Takes one connection, reads one request, says `answer` and hangs up. */
typedef struct fixture {
    int socket;
    char url[64];
    const char *answer;
    char asked[4096];
    pthread_t thread;
    bool has_thread;
    gw_net *net;
    gw_net_answer got;
    gw_error err;
} fixture;

static size_t
wanted(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");

    if (!end)
        return SIZE_MAX;
    return (size_t)(end + 4 - text) +
           (length ? strtoul(length + 17, NULL, 10) : 0);
}

static void *
answer_once(void *arg)
{
    fixture *f = arg;
    size_t n = 0;
    int peer = accept(f->socket, NULL, NULL);

    while (n < wanted(f->asked)) {
        ssize_t more = read(peer, f->asked + n, sizeof(f->asked) - 1 - n);
        if (more <= 0)
            break;
        n += (size_t)more;
    }
    if (f->answer)
        (void)!write(peer, f->answer, strlen(f->answer));
    shutdown(peer, SHUT_WR);
    while (read(peer, (char[64]){0}, 64) > 0)
        ;
    close(peer);
    return NULL;
}

static int
set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    f->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->socket, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(f->socket, 8), 0);
    assert_int_equal(getsockname(f->socket, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d",
                   ntohs(at.sin_port));
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    fixture *f = *state;

    gw_net_close(f->net);
    if (f->has_thread)
        pthread_join(f->thread, NULL);
    gw_net_answer_clear(&f->got);
    close(f->socket);
    free(f);
    return 0;
}

static void
open_net(fixture *f, gw_net_options options)
{
    if (!options.url)
        options.url = f->url;
    assert_int_equal(gw_net_open(&options, &f->net, &f->err), GW_OK);
}

static gw_code
ask(fixture *f, const char *answer, gw_net_request request)
{
    f->answer = answer;
    f->has_thread = pthread_create(&f->thread, NULL, answer_once, f) == 0;
    return gw_net_ask(f->net, &request, &f->got, &f->err);
}

static void
assert_body(const fixture *f, const char *want)
{
    assert_int_equal(f->got.body.len, strlen(want));
    assert_memory_equal(f->got.body.at, want, strlen(want));
}

static void
a_get_sends_the_secret_and_gives_status_and_body(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){.secret = "open sesame"});

    gw_code code = ask(f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                       (gw_net_request){.path = "/migrate/result"});

    assert_int_equal(code, GW_OK);
    assert_int_equal(f->got.status, 200);
    assert_body(f, "{}");
    assert_ptr_equal(strstr(f->asked, "GET /migrate/result HTTP/1.1\r\n"),
                     f->asked);
    assert_non_null(strstr(f->asked, "\r\nAuthorization: Bearer open sesame"));
}

static void
a_body_is_posted_as_json_with_the_headers_given(void **state)
{
    fixture *f = *state;
    const gw_net_header headers[] = {{"X-Id", "7"}};
    open_net(f, (gw_net_options){0});

    gw_code code = ask(f, "HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nwhy",
                       (gw_net_request){.body = GW_LIT("{\"cmd\":\"stats\"}"),
                                        .headers = headers,
                                        .n_headers = 1});

    assert_int_equal(code, GW_OK);
    assert_int_equal(f->got.status, 400);
    assert_body(f, "why");
    assert_ptr_equal(strstr(f->asked, "POST / HTTP/1.1\r\n"), f->asked);
    assert_non_null(strstr(f->asked, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(f->asked, "\r\nX-Id: 7\r\n"));
    assert_non_null(strstr(f->asked, "\r\n\r\n{\"cmd\":\"stats\"}"));
    assert_null(strstr(f->asked, "Authorization"));
}

static void
a_redirect_is_an_answer_and_is_not_followed(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){.secret = "x"});

    gw_code code = ask(f,
                       "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                       "Content-Length: 0\r\n\r\n",
                       (gw_net_request){.path = "/"});

    assert_int_equal(code, GW_OK);
    assert_int_equal(f->got.status, 302);
}

static void
an_answer_that_is_too_long_ends_the_transfer(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){.answer_bytes = 4});

    gw_code code = ask(f, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
                       (gw_net_request){.path = "/"});

    assert_int_equal(code, GW_E_LIMIT);
    assert_non_null(strstr(f->err.text, "longer than 4 bytes"));
}

static void
where_only_the_status_counts_no_body_spoils_it(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){.answer_bytes = 4});

    gw_code code = ask(f, "HTTP/1.1 202 OK\r\nContent-Length: 50\r\n\r\n12345",
                       (gw_net_request){.path = "/", .status_only = true});

    assert_int_equal(code, GW_OK);
    assert_int_equal(f->got.status, 202);
}

static void
where_only_the_status_counts_one_has_to_come(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){0});

    gw_code code = ask(f, "HTTP/1.1 100 Continue\r\n\r\n",
                       (gw_net_request){.path = "/", .status_only = true});

    assert_int_equal(code, GW_E_SERVER);
}

static void
a_server_that_says_nothing_is_given_up(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){.timeout_ms = 100});

    assert_int_equal(listen(f->socket, 8), 0);
    gw_net_request request = {.path = "/"};
    gw_code code = gw_net_ask(f->net, &request, &f->got, &f->err);

    assert_int_equal(code, GW_E_SERVER);
    assert_ptr_equal(strstr(f->err.text, f->url), f->err.text);
}

static void
a_server_that_breaks_off_is_an_error(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){0});

    gw_code code = ask(f, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
                       (gw_net_request){.path = "/"});

    assert_int_equal(code, GW_E_SERVER);
}

static void
a_server_that_speaks_no_http_is_an_error(void **state)
{
    fixture *f = *state;
    open_net(f, (gw_net_options){0});

    gw_code code = ask(f, "SSH-2.0-x\r\n", (gw_net_request){.path = "/"});

    assert_int_equal(code, GW_E_SERVER);
}

static gw_code
collect(void *arg, gw_slice bytes, gw_error *err)
{
    gw_buf *all = arg;

    if (memchr(bytes.at, '!', bytes.len))
        return gw_fail(err, GW_E_INPUT, "no shouting");
    gw_buf_slice(all, bytes);
    return GW_OK;
}

static void
a_body_can_be_taken_piece_by_piece(void **state)
{
    fixture *f = *state;
    gw_buf all = {0};
    open_net(f, (gw_net_options){0});

    gw_code code = ask(f, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
                       (gw_net_request){.take = collect, .take_arg = &all});

    assert_int_equal(code, GW_OK);
    assert_int_equal(all.len, 5);
    assert_int_equal(f->got.body.len, 0);
    gw_buf_clear(&all);
}

static void
an_error_of_who_takes_the_body_comes_back(void **state)
{
    fixture *f = *state;
    gw_buf all = {0};
    open_net(f, (gw_net_options){0});

    gw_code code = ask(f, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
                       (gw_net_request){.take = collect, .take_arg = &all});

    assert_int_equal(code, GW_E_INPUT);
    assert_string_equal(f->err.text, "no shouting");
    gw_buf_clear(&all);
}

static void
the_body_of_an_error_is_not_taken_for_the_answer(void **state)
{
    fixture *f = *state;
    gw_buf all = {0};
    open_net(f, (gw_net_options){0});

    gw_code code =
        ask(f, "HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nnot found",
            (gw_net_request){.take = collect, .take_arg = &all});

    assert_int_equal(code, GW_OK);
    assert_int_equal(f->got.status, 404);
    assert_int_equal(all.len, 0);
    assert_body(f, "not found");
}

static void
a_path_of_the_url_goes_before_that_of_the_request(void **state)
{
    fixture *f = *state;
    char url[96];
    (void)snprintf(url, sizeof(url), "%s/godwit/", f->url);
    open_net(f, (gw_net_options){.url = url});

    gw_code code = ask(f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                       (gw_net_request){.path = "/health"});

    assert_int_equal(code, GW_OK);
    assert_ptr_equal(strstr(f->asked, "GET /godwit/health "), f->asked);
    assert_string_equal(gw_net_name(f->net), f->url);
}

static void
a_url_that_is_none_of_ours_is_refused(void **state)
{
    static const char *const WRONG[] = {
        "",
        "localhost:5001",
        "ftp://localhost",
        "file:///etc/passwd",
        "http://",
        "http://user:password@localhost",
        "http://user@localhost",
        "http://localhost/#x",
        "unix:relative",
        "gopher://localhost",
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        gw_net_options options = {.url = WRONG[i]};
        gw_code code = gw_net_open(&options, &f->net, &f->err);
        if (code != GW_E_USAGE)
            fail_msg("%s: %d", WRONG[i], code);
        assert_null(strstr(f->err.text, "password@"));
    }
}

static void
a_secret_does_not_go_out_in_the_open(void **state)
{
    fixture *f = *state;
    gw_net_options options = {.url = "http://db.example", .secret = "x"};

    assert_int_equal(gw_net_open(&options, &f->net, &f->err), GW_E_USAGE);
    assert_non_null(strstr(f->err.text, "in the open"));
    options.url = "http://127.evil.example";
    assert_int_equal(gw_net_open(&options, &f->net, &f->err), GW_E_USAGE);
    options.url = "https://db.example";
    assert_int_equal(gw_net_open(&options, &f->net, &f->err), GW_OK);
    gw_net_close(f->net);
    options.url = "http://db.example";
    options.allow_plaintext = true;
    assert_int_equal(gw_net_open(&options, &f->net, &f->err), GW_OK);
    assert_string_equal(gw_net_name(f->net), "http://db.example:80");
}

static void
a_secret_of_two_lines_is_refused(void **state)
{
    fixture *f = *state;
    gw_net_options options = {.url = f->url, .secret = "x\r\nHost: y"};

    assert_int_equal(gw_net_open(&options, &f->net, &f->err), GW_E_USAGE);
    f->net = NULL;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(a_get_sends_the_secret_and_gives_status_and_body),
        CASE(a_body_is_posted_as_json_with_the_headers_given),
        CASE(a_redirect_is_an_answer_and_is_not_followed),
        CASE(an_answer_that_is_too_long_ends_the_transfer),
        CASE(where_only_the_status_counts_no_body_spoils_it),
        CASE(where_only_the_status_counts_one_has_to_come),
        CASE(a_server_that_says_nothing_is_given_up),
        CASE(a_server_that_breaks_off_is_an_error),
        CASE(a_server_that_speaks_no_http_is_an_error),
        CASE(a_body_can_be_taken_piece_by_piece),
        CASE(an_error_of_who_takes_the_body_comes_back),
        CASE(the_body_of_an_error_is_not_taken_for_the_answer),
        CASE(a_path_of_the_url_goes_before_that_of_the_request),
        CASE(a_url_that_is_none_of_ours_is_refused),
        CASE(a_secret_does_not_go_out_in_the_open),
        CASE(a_secret_of_two_lines_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
