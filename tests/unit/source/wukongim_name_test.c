/* SPDX-License-Identifier: Apache-2.0 */
/* Slots, topics and the channels of two persons, by the vectors of the fact
 * sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "source/wukongim_priv.h"

static void
assert_fake(const char *login, const char *peer, const char *want)
{
    gw_buf name = {0};

    gw_wk_put_fake(&name, gw_slice_of(login), gw_slice_of(peer));
    assert_string_equal(gw_buf_cstr(&name), want);
    gw_buf_clear(&name);
}

static void
hashes_and_slots_are_those_of_the_source(void **state)
{
    (void)state;

    assert_int_equal(gw_wk_crc(GW_LIT("")), 0);
    assert_int_equal(gw_wk_crc(GW_LIT("u1")), 0x424f9f76);
    assert_int_equal(gw_wk_crc(GW_LIT("bob")), 0xf5cbb140);
    assert_int_equal(gw_wk_slot(GW_LIT("2-group1")), 90);
    assert_int_equal(gw_wk_slot(GW_LIT("1-bob@alice")), 159);
    assert_int_equal(gw_wk_slot(GW_LIT("1-userqueue_u1")), 30);
}

static void
the_greater_hash_stands_first_in_a_person_channel(void **state)
{
    (void)state;

    assert_fake("u1", "u2", "u2@u1");
    assert_fake("u2", "u1", "u2@u1");
    assert_fake("alice", "bob", "bob@alice");
    assert_fake("u1", "u1", "u1@u1");
    assert_fake("", "u1", "u1@");
    /* equal hashes: the peer first */
    assert_fake("plumless", "buckeroo", "buckeroo@plumless");
    assert_fake("buckeroo", "plumless", "plumless@buckeroo");
}

static void
assert_split_gives_back(const char *id)
{
    gw_slice login, peer;
    gw_buf name = {0};

    assert_true(gw_wk_split(gw_slice_of(id), &login, &peer));
    gw_wk_put_fake(&name, login, peer);
    assert_string_equal(gw_buf_cstr(&name), id);
    gw_buf_clear(&name);
}

static void
a_channel_is_split_so_that_the_source_finds_it_again(void **state)
{
    gw_slice login, peer;
    (void)state;

    assert_split_gives_back("u2@u1");
    assert_split_gives_back("plumless@buckeroo");
    assert_split_gives_back("buckeroo@plumless");
    assert_split_gives_back("@");
    assert_false(gw_wk_split(GW_LIT("u1@u2"), &login, &peer));
    assert_false(gw_wk_split(GW_LIT("u1"), &login, &peer));
    assert_false(gw_wk_split(GW_LIT(""), &login, &peer));
}

static void
a_topic_is_a_type_and_an_id_with_any_dashes(void **state)
{
    gw_wk_topic topic;
    (void)state;

    assert_true(gw_wk_topic_parse(GW_LIT("2-a-b-c"), &topic));
    assert_int_equal(topic.type, 2);
    assert_true(gw_slice_equal(topic.id, GW_LIT("a-b-c")));
    assert_false(gw_wk_topic_parse(GW_LIT("2-"), &topic));
    assert_false(gw_wk_topic_parse(GW_LIT("-a"), &topic));
    assert_false(gw_wk_topic_parse(GW_LIT("group"), &topic));
    assert_false(gw_wk_topic_parse(GW_LIT("256-a"), &topic));
    assert_false(gw_wk_topic_parse(GW_LIT(""), &topic));
}

static void
a_cut_id_takes_its_number_from_between_the_dashes(void **state)
{
    (void)state;

    assert_int_equal(gw_wk_reported_number(GW_LIT("alice"), 1), 1);
    assert_int_equal(gw_wk_reported_number(GW_LIT("x-7"), 1), 7);
    assert_int_equal(gw_wk_reported_number(GW_LIT("a-b"), 1), 0);
    assert_int_equal(gw_wk_reported_number(GW_LIT("a-300-b"), 1), 300 % 256);
    assert_int_equal(gw_wk_reported_number(GW_LIT("a-"), 1), 0);
}

static void
every_slot_has_a_topic_that_warms_it(void **state)
{
    (void)state;

    for (unsigned slot = 0; slot < GW_WK_SLOTS; slot++) {
        char name[32];
        int number = gw_wk_warm_number(slot);
        int n = snprintf(name, sizeof(name), "2-__warm%d", number);
        assert_true(number <= 565);
        assert_int_equal(gw_wk_slot((gw_slice){name, (size_t)n}), slot);
    }
}

static void
a_nul_is_replaced_and_a_backslash_before_its_text_is_none(void **state)
{
    gw_buf json = {0};
    (void)state;

    gw_buf_text(&json, "[\"\\u0000\",\"\\\\u0000\",\"\\\\\\u0000\",\"\\u000");
    assert_true(gw_wk_replace_nuls(&json));
    assert_string_equal(gw_buf_cstr(&json),
                        "[\"\\ufdd0\",\"\\\\u0000\",\"\\\\\\ufdd0\","
                        "\"\\u000");
    assert_false(gw_wk_replace_nuls(&json));
    gw_buf_clear(&json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_and_slots_are_those_of_the_source),
        cmocka_unit_test(the_greater_hash_stands_first_in_a_person_channel),
        cmocka_unit_test(a_channel_is_split_so_that_the_source_finds_it_again),
        cmocka_unit_test(a_topic_is_a_type_and_an_id_with_any_dashes),
        cmocka_unit_test(a_cut_id_takes_its_number_from_between_the_dashes),
        cmocka_unit_test(
            a_nul_is_replaced_and_a_backslash_before_its_text_is_none),
        cmocka_unit_test(every_slot_has_a_topic_that_warms_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
