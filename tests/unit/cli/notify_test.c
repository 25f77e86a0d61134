/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/notify_priv.h"

/* A socket that listens, named by its first byte as a path or abstract. */
static int
make_socket(char *name, size_t room, bool is_abstract)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(at);
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(file >= 0);
    if (!is_abstract) {
        (void)snprintf(at.sun_path, sizeof(at.sun_path),
                       "/tmp/godwit-test-notify-%d", getpid());
        assert_int_equal(bind(file, (struct sockaddr *)&at, len), 0);
        (void)snprintf(name, room, "%s", at.sun_path);
        return file;
    }
    /* the kernel picks a name */
    assert_int_equal(bind(file, (struct sockaddr *)&at, sizeof(sa_family_t)),
                     0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(name, room, "@%.*s", (int)(len - sizeof(sa_family_t) - 1),
                   at.sun_path + 1);
    return file;
}

static void
assert_gets(int file, const char *want)
{
    char got[64] = "";

    assert_int_equal(recv(file, got, sizeof(got) - 1, MSG_DONTWAIT),
                     strlen(want));
    assert_string_equal(got, want);
}

static void
the_socket_gets_the_text(void **state)
{
    char name[128];
    (void)state;

    for (int is_abstract = 0; is_abstract <= 1; is_abstract++) {
        int file = make_socket(name, sizeof(name), is_abstract);
        setenv("NOTIFY_SOCKET", name, 1);

        assert_true(gw_notify_send("READY=1"));

        assert_gets(file, "READY=1");
        close(file);
        if (!is_abstract)
            unlink(name);
    }
}

static void
without_a_socket_there_is_nothing_to_do(void **state)
{
    (void)state;

    unsetenv("NOTIFY_SOCKET");
    assert_true(gw_notify_send("READY=1"));
    setenv("NOTIFY_SOCKET", "", 1);
    assert_true(gw_notify_send("READY=1"));
}

static void
a_socket_that_is_none_is_a_failure(void **state)
{
    (void)state;

    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_false(gw_notify_send("READY=1"));
    setenv("NOTIFY_SOCKET", "/nowhere/to/be/found", 1);
    assert_false(gw_notify_send("READY=1"));
}

static void
the_watchdog_is_for_this_process_only(void **state)
{
    char pid[24];
    (void)state;

    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(gw_notify_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(gw_notify_watchdog_ms(), 30000);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(gw_notify_watchdog_ms(), 0);
    (void)snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(gw_notify_watchdog_ms(), 30000);
    setenv("WATCHDOG_USEC", "x", 1);
    assert_int_equal(gw_notify_watchdog_ms(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_socket_gets_the_text),
        cmocka_unit_test(without_a_socket_there_is_nothing_to_do),
        cmocka_unit_test(a_socket_that_is_none_is_a_failure),
        cmocka_unit_test(the_watchdog_is_for_this_process_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
