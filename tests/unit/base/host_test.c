/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/host.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void
loopback_is_known_by_name_and_number(void **state)
{
    static const char *const OURS[] = {
        "localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1", "[::1]",
    };
    static const char *const OTHERS[] = {
        "127.evil.example",
        "127.0.0.1.example.org",
        "localhost.example.org",
        "127.",
        "127.0.0.256",
        "128.0.0.1",
        "::",
        "0.0.0.0",
        "",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(OURS); i++)
        if (!gw_host_is_loopback(OURS[i]))
            fail_msg("%s", OURS[i]);
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        if (gw_host_is_loopback(OTHERS[i]))
            fail_msg("%s", OTHERS[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_known_by_name_and_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
