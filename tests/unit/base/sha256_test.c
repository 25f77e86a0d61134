/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/sha256.h"

/* Vectors of FIPS 180-4. */
static const char empty_sum[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc_sum[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void
known_texts_have_their_known_sums(void **unused)
{
    char hex[GW_SHA256_HEX_SIZE];
    gw_slice abc = GW_LIT("abc");

    (void)unused;
    gw_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, empty_sum);
    gw_sha256_hex(&abc, 1, hex);
    assert_string_equal(hex, abc_sum);
}

static void
parts_count_as_one_text(void **unused)
{
    char hex[GW_SHA256_HEX_SIZE];
    gw_slice parts[] = {GW_LIT("a"), {0}, GW_LIT(""), GW_LIT("bc")};

    (void)unused;
    gw_sha256_hex(parts, 4, hex);
    assert_string_equal(hex, abc_sum);

    gw_sha256 *sum = gw_sha256_new();
    gw_sha256_add(sum, GW_LIT("ab"));
    gw_sha256_add(sum, GW_LIT("c"));
    gw_sha256_finish(sum, hex);
    assert_string_equal(hex, abc_sum);
}

static void
a_sum_may_be_given_up(void **unused)
{
    gw_sha256 *sum = gw_sha256_new();

    (void)unused;
    gw_sha256_add(sum, GW_LIT("x"));
    gw_sha256_free(sum);
    gw_sha256_free(NULL);
}

static void
a_sum_in_base64_is_that_of_the_standard(void **unused)
{
    char base64[GW_SHA256_BASE64_SIZE];

    (void)unused;
    gw_sha256_base64(GW_LIT("abc"), base64);
    assert_string_equal(base64, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

/* RFC 4231, test cases 2 and 6 */
static void
an_hmac_is_that_of_the_standard(void **unused)
{
    char hex[GW_SHA256_HEX_SIZE], key[131];

    (void)unused;
    gw_sha256_hmac_hex(GW_LIT("Jefe"), GW_LIT("what do ya want for nothing?"),
                       hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c7"
                             "5a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    gw_sha256_hmac_hex((gw_slice){key, sizeof(key)},
                       GW_LIT("Test Using Larger Than Block-Size Key - "
                              "Hash Key First"),
                       hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f"
                             "8e0bc6213728c5140546040f0ee37f54");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_known_sums),
        cmocka_unit_test(parts_count_as_one_text),
        cmocka_unit_test(a_sum_in_base64_is_that_of_the_standard),
        cmocka_unit_test(an_hmac_is_that_of_the_standard),
        cmocka_unit_test(a_sum_may_be_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
