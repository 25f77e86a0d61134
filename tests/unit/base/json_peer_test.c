/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON layer against jansson, on random and on mutated texts. The seed is
 * fixed, or given in GW_TEST_SEED; a failure prints the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/json_peer.h"

enum { ROUNDS = 150000, MAX_TEXT = 600 };

static const char *const seeds[] = {
    "{\"id\": 1, \"name\": \"x\", \"list\": [1, 2, {\"a\": null}]}",
    "[\"a\", \"\\u0061\", 1, 1.0, 10e-1, true, [1], [1], {}, {}]",
    "[{\"a\":1,\"b\":[2]},{\"b\":[2],\"a\":1},{\"\\u0062\":[2],\"a\":1}]",
    "[\"\\ud83d\\ude00\", \"\360\237\230\200\", \"\\n\\t\\\"\\\\\\/\", \"\"]",
    "{\"gr\303\274n\": \"\344\275\240\345\245\275\", \"\\u00fc\": -0}",
    "[-1, 0, -0, 123456789012345678, -9223372036854775808]",
    "  {\"deep\": {\"deep\": {\"deep\": [[[[]]], false]}}}\r\n",
    "[0.5, 5e-1, 0.50, 1E400, 123456789012345678901234567890]",
    "{\"a\":{\"a\":{\"a\":1,\"b\":2},\"b\":3},\"b\":{\"a\":1,\"b\":2}}",
    "[\"\340\240\200\355\237\277\", \"\\u0001\\udbff\\udfff\", "
    "\"\360\220\200\200\364\217\277\277\"]",
};

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t
below(uint64_t *state, size_t n)
{
    return n ? (size_t)(next_random(state) % n) : 0;
}

static void
put_random_value(gw_buf *buf, uint64_t *state, int depth)
{
    static const char *const scalars[] = {
        "0",
        "-1",
        "1.5",
        "1e2",
        "100",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\u0061\"",
        "\"\303\244 \\\\ \\ud834\\udd1e\"",
        "\"a text that is longer than one step of the scanner\"",
    };
    static const char *const names[] = {"a", "\\u0062", "b", "c", "dd", ""};
    size_t n = below(state, 5);

    if (depth == 0 || n == 0) {
        gw_buf_text(
            buf, scalars[below(state, sizeof(scalars) / sizeof(scalars[0]))]);
        return;
    }
    bool is_object = below(state, 2);
    gw_buf_byte(buf, is_object ? '{' : '[');
    for (size_t i = 0; i + 1 < n; i++) {
        if (i)
            gw_buf_text(buf, below(state, 2) ? "," : " , ");
        if (is_object)
            gw_buf_printf(buf, "\"%s\":", names[below(state, 6)]);
        put_random_value(buf, state, depth - 1);
    }
    gw_buf_byte(buf, is_object ? '}' : ']');
}

static char
interesting_byte(uint64_t *state)
{
    static const char bytes[] = "\"\\{}[],:u0dD89aceE+-. \n\t\x01\x1f\x7f"
                                "\x80\xbf\xc0\xc2\xe0\xed\xa0\xf0\xf4\xff";

    return below(state, 4) ? bytes[below(state, sizeof(bytes))]
                           : (char)next_random(state);
}

static void
mutate(gw_buf *buf, uint64_t *state)
{
    size_t at = below(state, buf->len), n = below(state, 8);

    if (buf->len == 0 || buf->len > MAX_TEXT)
        return;
    switch (below(state, 4)) {
    case 0:
        buf->at[at] = interesting_byte(state);
        break;
    case 1: /* delete */
        n = n < buf->len - at ? n : buf->len - at;
        memmove(buf->at + at, buf->at + at + n, buf->len - at - n);
        buf->len -= n;
        break;
    case 2: /* insert */
        (void)gw_buf_reserve(buf, 1);
        memmove(buf->at + at + 1, buf->at + at, buf->len - at);
        buf->at[at] = interesting_byte(state);
        buf->len++;
        break;
    default: /* repeat a part at the end, or cut */
        n = below(state, buf->len - at);
        (void)gw_buf_reserve(buf, n);
        gw_buf_add(buf, buf->at + at, n);
        break;
    }
}

/* In memory of exactly its length, so that a sanitizer sees over-reads. */
static void
check(const gw_buf *buf)
{
    char *copy = gw_malloc(buf->len);

    if (buf->len)
        memcpy(copy, buf->at, buf->len);
    const char *wrong = json_peer_check((gw_slice){copy, buf->len});
    if (wrong) {
        print_error("%s: ", wrong);
        for (size_t i = 0; i < buf->len; i++)
            print_error(buf->at[i] >= 0x20 && buf->at[i] < 0x7f ? "%c"
                                                                : "\\x%02x",
                        (unsigned char)buf->at[i]);
        print_error("\n");
    }
    free(copy);
    assert_null(wrong);
}

static uint64_t
first_seed(void)
{
    const char *text = getenv("GW_TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 0;

    return seed ? seed : 20240501;
}

static void
random_values_mean_what_jansson_reads(void **unused)
{
    uint64_t state = first_seed();
    gw_buf buf = {0};

    (void)unused;
    for (int i = 0; i < ROUNDS / 5; i++) {
        buf.len = 0;
        put_random_value(&buf, &state, 4);
        check(&buf);
    }
    gw_buf_clear(&buf);
}

static void
mutated_texts_are_accepted_as_by_jansson(void **unused)
{
    uint64_t state = first_seed();
    size_t n = sizeof(seeds) / sizeof(seeds[0]);
    gw_buf buf = {0};

    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0) {
            buf.len = 0;
            gw_buf_text(&buf, seeds[below(&state, n)]);
        }
        mutate(&buf, &state);
        check(&buf);
    }
    gw_buf_clear(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_values_mean_what_jansson_reads),
        cmocka_unit_test(mutated_texts_are_accepted_as_by_jansson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
