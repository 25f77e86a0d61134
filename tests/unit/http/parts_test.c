/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that need no socket: routes, addresses, credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "http/http_priv.h"

static void
routes_are_found_by_method_and_path(void **state)
{
    const char *allow;

    (void)state;
    assert_non_null(gw_route_find("POST", "/internal/migrations", &allow));
    assert_non_null(gw_route_find("POST", "/internal/migrations/", &allow));
    assert_non_null(gw_route_find("GET", "/migrate/result", &allow));
    assert_non_null(gw_route_find("HEAD", "/migrate/result", &allow));
    assert_null(gw_route_find("GET", "/migrate/resul", &allow));
    assert_null(allow);
    assert_null(gw_route_find("get", "/migrate/result", &allow));
    assert_string_equal(allow, "GET, HEAD");
    assert_null(gw_route_find("GET", "/internal/migrations", &allow));
    assert_string_equal(allow, "POST");
}

static void
a_route_with_a_name_in_braces_takes_what_begins_so(void **state)
{
    const char *allow;

    (void)state;
    assert_non_null(gw_route_find("GET", "/web/a.js", &allow));
    assert_non_null(gw_route_find("GET", "/web/", &allow));
    assert_null(gw_route_find("GET", "/web", &allow));
    assert_null(gw_route_find("POST", "/web/a.js", &allow));
    assert_string_equal(allow, "GET, HEAD");
    assert_non_null(gw_route_find("GET", "/", &allow));
    assert_null(gw_route_find("GET", "/x", &allow));
}

static void
gzip_is_accepted_by_those_who_say_so(void **state)
{
    static const char *const yes[] = {
        "gzip", "GZip", "br,gzip", "br, gzip;q=0.1", "gzip ; q=1, br",
    };
    static const char *const no[] = {
        "",      "br",       "gzip;q=0", "gzip; q=0.0",  "xgzip",
        "gzipx", "identity", ",,;",      "deflate;gzip",
    };

    (void)state;
    assert_false(gw_asset_accepts_gzip(NULL));
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        if (!gw_asset_accepts_gzip(yes[i]))
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        if (gw_asset_accepts_gzip(no[i]))
            fail_msg("%s", no[i]);
}

static void
only_commands_change_and_they_need_the_secret(void **state)
{
    const char *allow;

    (void)state;
    assert_int_equal(
        gw_route_find("POST", "/internal/migrations", &allow)->access,
        GW_ACCESS_SECRET);
    assert_int_equal(gw_route_find("GET", "/migrate/events", &allow)->access,
                     GW_ACCESS_LOCAL);
}

static void
addresses_are_split(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
    } rows[] = {
        {"127.0.0.1:5001", "127.0.0.1", 5001},
        {"[::1]:80", "::1", 80},
        {"localhost", "localhost", -1},
        {"[::]", "::", -1},
        {"a:0", "a", 0},
        {"a:65535", "a", 65535},
    };
    static const char *const bad[] = {
        "",      ":1",   "a:",     "a:65536", "a:1x",
        "[::1",  "[]:1", "[::1]x", "a:-1",    "a:99999999999999999999",
        "[::1]:"};
    char host[64];
    int port;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(gw_listen_split(rows[i].text, host, sizeof(host), &port));
        assert_string_equal(host, rows[i].host);
        assert_int_equal(port, rows[i].port);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (gw_listen_split(bad[i], host, sizeof(host), &port))
            fail_msg("%s was taken", bad[i]);
}

static void
a_host_longer_than_the_room_is_none(void **state)
{
    char host[4];
    int port;

    (void)state;
    assert_true(gw_listen_split("abc:1", host, sizeof(host), &port));
    assert_false(gw_listen_split("abcd:1", host, sizeof(host), &port));
}

static void
a_secret_is_made_private_kept_and_compared(void **state)
{
    char folder[] = "/tmp/godwit-test-XXXXXX", path[64];
    gw_http http = {0}, again = {0};
    gw_error err = {0};
    gw_buf secret = {0}, header = {0};
    struct stat info;

    (void)state;
    assert_non_null(mkdtemp(folder));
    http.options.state_dir = again.options.state_dir = folder;
    assert_int_equal(gw_auth_open(&http, &err), GW_OK);
    assert_int_equal(gw_auth_open(&again, &err), GW_OK);
    assert_string_equal(http.secret, again.secret);
    snprintf(path, sizeof(path), "%s/secret", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);

    assert_int_equal(gw_secret_find(&http.options, &secret, &err), GW_OK);
    gw_buf_printf(&header, "Bearer %s", gw_buf_cstr(&secret));
    assert_true(gw_auth_is_right(&http, gw_buf_cstr(&header)));
    gw_buf_text(&header, "0");
    assert_false(gw_auth_is_right(&http, gw_buf_cstr(&header)));
    assert_false(gw_auth_is_right(&http, secret.at));
    assert_false(gw_auth_is_right(&http, ""));
    unlink(path);
    rmdir(folder);
    gw_buf_clear(&secret);
    gw_buf_clear(&header);
}

static void
the_base64_of_a_password_is_taken(void **state)
{
    static const struct {
        const char *password, *base64;
    } rows[] = {
        {"openslides", "b3BlbnNsaWRlcw=="},
        {"a", "YQ=="},
        {"ab", "YWI="},
        {"abc", "YWJj"},
        {"\xc3\xa9>?", "w6k+Pw=="},
    };
    char folder[] = "/tmp/godwit-test-XXXXXX", path[64];
    gw_error err = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/password", folder);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gw_http http = {.options = {.secret_file = path}};
        FILE *out = fopen(path, "w");
        fprintf(out, "%s\r\n", rows[i].password);
        fclose(out);
        assert_int_equal(gw_auth_open(&http, &err), GW_OK);
        assert_true(gw_auth_is_right(&http, rows[i].base64));
        assert_false(gw_auth_is_right(&http, rows[i].password));
    }
    unlink(path);
    rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_found_by_method_and_path),
        cmocka_unit_test(a_route_with_a_name_in_braces_takes_what_begins_so),
        cmocka_unit_test(gzip_is_accepted_by_those_who_say_so),
        cmocka_unit_test(only_commands_change_and_they_need_the_secret),
        cmocka_unit_test(addresses_are_split),
        cmocka_unit_test(a_host_longer_than_the_room_is_none),
        cmocka_unit_test(a_secret_is_made_private_kept_and_compared),
        cmocka_unit_test(the_base64_of_a_password_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
