/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in pieces, cut and hostile ones; what their order says; keys in
 * memory; pauses between tries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "source/ask.h"
#include "source/rows_priv.h"

static gw_code
collect(void *arg, gw_slice object, gw_error *err)
{
    gw_buf *out = arg;

    (void)err;
    gw_buf_slice(out, object);
    gw_buf_byte(out, ';');
    return GW_OK;
}

/* Feeds a text in pieces of so many bytes. */
static gw_code
parse(const char *text, size_t piece, gw_buf *out, gw_error *err)
{
    gw_list *list = gw_list_new(collect, out);
    size_t len = strlen(text);
    gw_code code = GW_OK;

    for (size_t i = 0; i < len && code == GW_OK; i += piece) {
        size_t n = len - i < piece ? len - i : piece;
        code = gw_list_feed(list, (gw_slice){text + i, n}, err);
    }
    if (code == GW_OK)
        code = gw_list_end(list, err);
    gw_list_free(list);
    return code;
}

static void
rows_are_the_same_in_pieces_of_any_size(void **state)
{
    static const char text[] =
        "[{\"uid\":\"a\\u003cb\",\"n\":9223372036854775807,\"x\":null},"
        " {\"uid\":\"\xc3\xa9\",\"f\":true} , {},{\"a\":\"\\u0000b\\u0000\"}]";
    static const char want[] =
        "{\"uid\":\"a<b\",\"n\":9223372036854775807,\"x\":null};"
        "{\"uid\":\"\xc3\xa9\",\"f\":true};{};"
        "{\"a\":\"" GW_LIST_NUL "b" GW_LIST_NUL "\"};";
    gw_error err;
    (void)state;

    for (size_t piece = 1; piece < sizeof(text); piece++) {
        gw_buf out = {0};
        assert_int_equal(parse(text, piece, &out, &err), GW_OK);
        assert_string_equal(gw_buf_cstr(&out), want);
        gw_buf_clear(&out);
    }
}

static void
a_list_that_is_cut_anywhere_is_no_list(void **state)
{
    static const char text[] = "[{\"uid\":\"a\"},{\"uid\":\"b\"}]";
    gw_error err;
    (void)state;

    for (size_t n = 0; n + 1 < sizeof(text); n++) {
        char cut[sizeof(text)];
        gw_buf out = {0};
        memcpy(cut, text, n);
        cut[n] = '\0';
        assert_int_not_equal(parse(cut, 3, &out, &err), GW_OK);
        gw_buf_clear(&out);
    }
}

static void
what_is_no_list_of_flat_rows_is_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[1]",
        "[[]]",
        "[\"a\"]",
        "[{\"a\":{}}]",
        "[{\"a\":[]}]",
        "[{\"a\":1}] x",
        "null",
        "[{\"a\":\"\xff\"}]",
        "404 page not found",
    };
    gw_error err;
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        gw_buf out = {0};
        assert_int_equal(parse(texts[i], 2, &out, &err), GW_E_INPUT);
        gw_buf_clear(&out);
    }
}

static void
a_row_without_end_is_cut_off(void **state)
{
    gw_buf out = {0};
    gw_list *list = gw_list_new(collect, &out);
    gw_error err;
    static char piece[65536];
    gw_code code = gw_list_feed(list, GW_LIT("[{\"a\":\""), &err);
    (void)state;

    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < 64 && code == GW_OK; i++)
        code = gw_list_feed(list, (gw_slice){piece, sizeof(piece)}, &err);

    assert_int_equal(code, GW_E_LIMIT);
    gw_list_free(list);
    gw_buf_clear(&out);
}

/* ---- trust ---- */

static void
assert_verdicts(const char *slots, const char *want)
{
    uint8_t at[32] = {0}, verdicts[32];
    size_t n = strlen(slots);
    char got[33] = "";

    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)slots[i];
    gw_trust_judge(at, n, verdicts);
    for (size_t i = 0; i < n; i++)
        got[i] = "fba"[verdicts[i]]; /* fits, breaks, ambiguous */
    got[n] = '\0';
    assert_string_equal(got, want);
}

static void
rows_that_do_not_ascend_are_found(void **state)
{
    (void)state;

    assert_verdicts("", "");
    assert_verdicts("1", "f");
    assert_verdicts("112233", "ffffff");
    assert_verdicts("12945", "ffbff");
    assert_verdicts("55144", "bbfff");
    assert_verdicts("21", "aa");
    assert_verdicts("1324", "faaf");
    assert_verdicts("119111", "ffbfff");
}

/* ---- keys in memory ---- */

static void
texts_are_kept_once_and_in_their_order(void **state)
{
    gw_arena arena = {0};
    gw_texts texts;
    char name[16];
    (void)state;

    gw_texts_init(&texts, &arena);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            int n = snprintf(name, sizeof(name), "u%d", i);
            gw_slice copy = gw_arena_dup(&arena, (gw_slice){name, (size_t)n});
            assert_int_equal(gw_texts_add(&texts, copy), round == 0);
        }

    assert_int_equal(texts.n, 1000);
    assert_true(gw_slice_equal(texts.at[999], GW_LIT("u999")));
    assert_true(gw_texts_has(&texts, GW_LIT("u17")));
    assert_false(gw_texts_has(&texts, GW_LIT("u1000")));
    gw_arena_clear(&arena);
}

static void
known_keys_are_told_apart_by_their_kind(void **state)
{
    gw_known known = {0};
    gw_import_row row = {.id = 7}, out;
    (void)state;

    gw_known_put(&known, GW_LIT("user"), GW_LIT("a"), &row);

    assert_true(gw_known_get(&known, GW_LIT("user"), GW_LIT("a"), &out));
    assert_int_equal(out.id, 7);
    assert_false(gw_known_get(&known, GW_LIT("channel"), GW_LIT("a"), &out));
    assert_false(gw_known_get(&known, GW_LIT("user"), GW_LIT("b"), &out));
    gw_known_clear(&known);
}

static void
known_keys_stay_within_their_memory(void **state)
{
    gw_known known = {0};
    gw_import_row row = {.id = 1}, out;
    char name[32];
    (void)state;

    for (int i = 0; i < 300000; i++) {
        int n = snprintf(name, sizeof(name), "user number %d", i);
        gw_known_put(&known, GW_LIT("user"), (gw_slice){name, (size_t)n}, &row);
    }

    assert_true(known.n <= 65536);
    assert_true(gw_known_get(&known, GW_LIT("user"), gw_slice_of(name), &out));
    gw_known_clear(&known);
}

/* ---- pauses ---- */

static void
pauses_grow_and_end_at_ten_seconds(void **state)
{
    (void)state;

    for (int64_t tries = 1; tries < 100; tries++) {
        int64_t most = tries < 8 ? INT64_C(100) << (tries - 1) : 10000;
        most = most < 10000 ? most : 10000;
        for (uint64_t random = 0; random < 20000; random += 777) {
            int64_t ms = gw_ask_pause_ms(tries, random);
            assert_true(ms >= most / 2 && ms <= most);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_in_pieces_of_any_size),
        cmocka_unit_test(a_list_that_is_cut_anywhere_is_no_list),
        cmocka_unit_test(what_is_no_list_of_flat_rows_is_refused),
        cmocka_unit_test(a_row_without_end_is_cut_off),
        cmocka_unit_test(rows_that_do_not_ascend_are_found),
        cmocka_unit_test(texts_are_kept_once_and_in_their_order),
        cmocka_unit_test(known_keys_are_told_apart_by_their_kind),
        cmocka_unit_test(known_keys_stay_within_their_memory),
        cmocka_unit_test(pauses_grow_and_end_at_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
