/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/session_priv.h"

static gw_options options;
static gw_error error;
static char password_file[] = "/tmp/godwit-password-XXXXXX";

static int
set_up(void **state)
{
    static const char *const NAMES[] = {
        "DATABASE_HOST", "DATABASE_PORT",          "DATABASE_NAME",
        "DATABASE_USER", "DATABASE_PASSWORD_FILE",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        unsetenv(NAMES[i]);
    memset(&options, 0, sizeof(options));
    return 0;
}

static void
write_password(const char *text, size_t len)
{
    strcpy(password_file + strlen(password_file) - 6, "XXXXXX");
    int fd = mkstemp(password_file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    setenv("DATABASE_PASSWORD_FILE", password_file, 1);
}

static void
assert_uri(const char *wanted)
{
    gw_buf uri = {0};

    assert_int_equal(gw_store_uri_put(&uri, &options, &error), GW_OK);
    assert_string_equal(gw_buf_cstr(&uri), wanted);
    gw_buf_clear(&uri);
}

static void
the_option_goes_before_the_variables(void **state)
{
    (void)state;
    setenv("DATABASE_HOST", "db", 1);
    options.at[GW_OPTION_STORE].text = "sqlite:x.db";

    assert_uri("sqlite:x.db");
}

static void
variables_make_a_uri_with_everything_escaped(void **state)
{
    (void)state;
    setenv("DATABASE_HOST", "db.example", 1);
    setenv("DATABASE_PORT", "5433", 1);
    setenv("DATABASE_NAME", "open slides", 1);
    setenv("DATABASE_USER", "a@b", 1);
    write_password("p/w:?#%\n", 8);

    assert_uri("postgresql://a%40b:p%2Fw%3A%3F%23%25@db.example:5433/"
               "open%20slides");
    unlink(password_file);
}

static void
what_is_not_set_is_left_to_the_server(void **state)
{
    (void)state;
    setenv("DATABASE_NAME", "app", 1);

    assert_uri("postgresql:///app");
}

static void
addresses_and_sockets_are_hosts_too(void **state)
{
    (void)state;
    setenv("DATABASE_HOST", "::1", 1);
    assert_uri("postgresql://[::1]");

    setenv("DATABASE_HOST", "/run/postgresql", 1);
    assert_uri("postgresql://%2Frun%2Fpostgresql");
}

static void
no_store_at_all_is_wrong_usage(void **state)
{
    gw_buf uri = {0};
    (void)state;

    assert_int_equal(gw_store_uri_put(&uri, &options, &error), GW_E_USAGE);
    assert_non_null(strstr(error.text, "GODWIT_STORE"));
    gw_buf_clear(&uri);
}

static void
a_password_file_that_cannot_serve_is_named_not_shown(void **state)
{
    static char long_text[5000];
    gw_buf uri = {0};
    (void)state;
    setenv("DATABASE_HOST", "db", 1);
    setenv("DATABASE_USER", "me", 1);

    setenv("DATABASE_PASSWORD_FILE", "/nonexistent/password", 1);
    assert_int_equal(gw_store_uri_put(&uri, &options, &error), GW_E_USAGE);
    assert_non_null(strstr(error.text, "/nonexistent/password"));

    memset(long_text, 's', sizeof(long_text));
    write_password(long_text, sizeof(long_text));
    assert_int_equal(gw_store_uri_put(&uri, &options, &error), GW_E_USAGE);
    assert_null(strstr(error.text, "ssss"));
    unlink(password_file);
    gw_buf_clear(&uri);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(the_option_goes_before_the_variables),
        TEST(variables_make_a_uri_with_everything_escaped),
        TEST(what_is_not_set_is_left_to_the_server),
        TEST(addresses_and_sockets_are_hosts_too),
        TEST(no_store_at_all_is_wrong_usage),
        TEST(a_password_file_that_cannot_serve_is_named_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
