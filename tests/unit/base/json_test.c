/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static gw_arena arena;

static int
set_up(void **unused)
{
    (void)unused;
    gw_arena_init(&arena);
    return 0;
}

static int
tear_down(void **unused)
{
    (void)unused;
    gw_arena_clear(&arena);
    return 0;
}

static void
assert_slice(gw_slice got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.at, want, got.len);
}

static gw_fields
fields_of(const char *text)
{
    gw_fields fields;
    gw_error err;

    if (gw_json_object(&arena, gw_slice_of(text), &fields, &err) != GW_OK)
        fail_msg("%s: %s", text, err.text);
    return fields;
}

static bool
is_valid(const char *text)
{
    return gw_json_check(gw_slice_of(text), NULL, NULL) == GW_OK;
}

static bool
equal(const char *a, const char *b)
{
    bool is_equal = gw_json_equal(gw_slice_of(a), gw_slice_of(b));

    assert_true(is_valid(a) && is_valid(b));
    assert_int_equal(is_equal, gw_json_equal(gw_slice_of(b), gw_slice_of(a)));
    if (is_equal)
        assert_true(gw_json_hash(gw_slice_of(a)) ==
                    gw_json_hash(gw_slice_of(b)));
    return is_equal;
}

static const char *
canonical(const char *text)
{
    gw_buf buf = {0};

    gw_json_put_canonical(&buf, gw_slice_of(text));
    const char *copy = gw_arena_dup(&arena, gw_buf_as_slice(&buf)).at;
    gw_buf_clear(&buf);
    return copy;
}

static const char *
nested(char open, char close, size_t depth)
{
    char *text = gw_arena_alloc(&arena, 2 * depth + 1);

    memset(text, open, depth);
    memset(text + depth, close, depth);
    text[2 * depth] = '\0';
    return text;
}

static void
object_gives_fields_in_stored_order_as_written(void **unused)
{
    (void)unused;
    gw_fields f = fields_of(" {\"b\" : 1.10 ,\"a\":{\"x\": [ 1 ]}, "
                            "\"\": \"q\\u00fc\\\"\"}\n");

    assert_int_equal(f.n, 3);
    assert_slice(f.at[0].key, "b");
    assert_slice(f.at[0].value, "1.10");
    assert_slice(f.at[1].key, "a");
    assert_slice(f.at[1].value, "{\"x\": [ 1 ]}");
    assert_slice(f.at[2].key, "");
    assert_slice(f.at[2].value, "\"q\\u00fc\\\"\"");
}

static void
object_decodes_names(void **unused)
{
    (void)unused;
    gw_fields f = fields_of("{\"\\u0061\\n\\ud83d\\ude00\\/\": 1}");

    assert_slice(f.at[0].key, "a\n\360\237\230\200/");
}

static void
an_empty_object_has_no_fields(void **unused)
{
    (void)unused;

    assert_int_equal(fields_of("{}").n, 0);
    assert_int_equal(fields_of(" { } ").n, 0);
}

static void
object_holds_more_members_than_fit_inline(void **unused)
{
    gw_buf buf = {0};

    (void)unused;
    for (int i = 0; i < 5000; i++)
        gw_buf_printf(&buf, "%c\"field_%d\":%d", i ? ',' : '{', i, i);
    gw_buf_byte(&buf, '}');
    gw_fields f = fields_of(gw_buf_cstr(&buf));

    assert_int_equal(f.n, 5000);
    assert_slice(f.at[4321].key, "field_4321");
    assert_slice(f.at[4321].value, "4321");
    gw_buf_clear(&buf);
}

static void
array_gives_values_as_written(void **unused)
{
    gw_values values;

    (void)unused;
    gw_slice text = GW_LIT(" [ 1.0 , \"a,]\" ,{\"a\":[1,2]}, [] ,null ]");
    assert_int_equal(gw_json_array(&arena, text, &values, NULL), GW_OK);

    assert_int_equal(values.n, 5);
    assert_slice(values.at[0], "1.0");
    assert_slice(values.at[1], "\"a,]\"");
    assert_slice(values.at[2], "{\"a\":[1,2]}");
    assert_slice(values.at[3], "[]");
    assert_slice(values.at[4], "null");
}

static void
objects_gives_the_fields_of_each(void **unused)
{
    gw_objects objects;

    (void)unused;
    gw_slice text = GW_LIT(" [ {\"a\":1, \"b\\u0021\":{\"c\":[2]}} ,{},"
                           "{\"a\":\"x\"}] ");
    assert_int_equal(gw_json_objects(&arena, text, &objects, NULL), GW_OK);

    assert_int_equal(objects.n, 3);
    assert_int_equal(objects.at[0].n, 2);
    assert_slice(objects.at[0].at[0].key, "a");
    assert_slice(objects.at[0].at[0].value, "1");
    assert_slice(objects.at[0].at[1].key, "b!");
    assert_slice(objects.at[0].at[1].value, "{\"c\":[2]}");
    assert_int_equal(objects.at[1].n, 0);
    assert_int_equal(objects.at[2].n, 1);
    assert_slice(objects.at[2].at[0].value, "\"x\"");
    assert_int_equal(gw_json_objects(&arena, GW_LIT("[]"), &objects, NULL),
                     GW_OK);
    assert_int_equal(objects.n, 0);
}

static void
objects_refuses_other_items(void **unused)
{
    static const char *const texts[] = {
        "[{},1]", "[[]]", "[{}", "[{},]", "[{\"a\":1,\"a\":2}]", "{}"};
    gw_objects objects = {0};
    gw_error err;

    (void)unused;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (gw_json_objects(&arena, gw_slice_of(texts[i]), &objects, &err) !=
            GW_E_INPUT)
            fail_msg("accepted: %s", texts[i]);
    assert_null(objects.at);
    (void)!gw_json_objects(&arena, gw_slice_of(texts[0]), &objects, &err);
    assert_string_equal(err.text, "invalid JSON at byte offset 4: an object "
                                  "is missing in a list of objects");
}

static void
check_gives_the_value_without_white_space(void **unused)
{
    gw_slice value;

    (void)unused;
    assert_int_equal(gw_json_check(GW_LIT("\t\r\n 12 \n"), &value, NULL),
                     GW_OK);
    assert_slice(value, "12");
}

static void
the_wrong_kind_is_refused_by_name(void **unused)
{
    gw_fields fields = {0};
    gw_values values = {0};
    gw_error err;

    (void)unused;
    assert_int_equal(gw_json_object(&arena, GW_LIT(" [1]"), &fields, &err),
                     GW_E_INPUT);
    assert_string_equal(err.text, "unexpected JSON at byte offset 1: a value "
                                  "of kind list where one of kind object "
                                  "belongs");
    assert_null(fields.at);
    assert_int_equal(gw_json_array(&arena, GW_LIT("{}"), &values, &err),
                     GW_E_INPUT);
    assert_null(values.at);
}

static void
valid_texts_are_accepted(void **unused)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "-0.0e-0",
        "1E+5",
        "123456789012345678901234567890.0001e999999999999",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uffff\"",
        "\"\\uD834\\uDD1E\"",
        "\"\x7f \302\200 \337\277 \340\240\200 \355\237\277 \356\200\200\"",
        "\"\360\220\200\200 \364\217\277\277\"",
        "true",
        "[[],{},\"\"]",
        "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":1}]",
    };

    (void)unused;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!is_valid(texts[i]))
            fail_msg("refused: %s", texts[i]);
}

typedef struct invalid {
    const char *text;
    size_t offset; /* that the error has to name */
} invalid;

static const invalid invalid_texts[] = {
    {"", 0},
    {"  ", 2},
    {"1 1", 2},
    {"{}x", 2},
    {"tru", 0},
    {"trux", 0},
    {"nul", 0},
    {"True", 0},
    {"NaN", 0},
    {"'a'", 0},
    {"\xef\xbb\xbf{}", 0},
    /* numbers */
    {"01", 0},
    {"-", 0},
    {"-01", 0},
    {"+1", 0},
    {".5", 0},
    {"1.", 2},
    {"1.e5", 2},
    {"1e", 2},
    {"1e+", 3},
    {"1.5.5", 3},
    {"0x10", 1},
    {"-Infinity", 0},
    /* lists and objects */
    {"[", 1},
    {"[1", 2},
    {"[1,", 3},
    {"[1,]", 3},
    {"[,1]", 1},
    {"[1 2]", 3},
    {"[1}", 2},
    {"{", 1},
    {"{\"a\"", 4},
    {"{\"a\" 1}", 5},
    {"{\"a\":", 5},
    {"{\"a\":}", 5},
    {"{\"a\":1", 6},
    {"{\"a\":1,}", 7},
    {"{,}", 1},
    {"{a:1}", 1},
    {"{1:1}", 1},
    {"{\"a\":1 \"b\":2}", 7},
    {"{\"a\":1]", 6},
    {"[/**/1]", 1},
    /* members twice */
    {"{\"a\":1,\"a\":2}", 7},
    {"{\"a\":1,\"b\":2,\"\\u0061\":2}", 13},
    {"[{\"x\":{\"\":1,\"\":2}}]", 12},
    /* strings */
    {"\"", 1},
    {"\"a", 2},
    {"\"\\", 1},
    {"\"\\\"", 3},
    {"\"\\x41\"", 1},
    {"\"\\U0041\"", 1},
    {"\"\\u12\"", 3},
    {"\"\\u12g4\"", 3},
    {"\"\\u0000\"", 3},
    {"\"a\\ud800\"", 8},
    {"\"\\ud800\\n\"", 7},
    {"\"\\ud800\\u0041\"", 7},
    {"\"\\ud800\\ud800\"", 7},
    {"\"\\udc00\"", 3},
    {"\"a\nb\"", 2},
    {"\"a\tb\"", 2},
    {"\"0123456789abcdef\x1f\"", 17},
    {"{\"a\x01\":1}", 3},
    /* UTF-8 */
    {"\"\x80\"", 1},
    {"\"\xbf\"", 1},
    {"\"\xc0\x80\"", 1},
    {"\"\xc1\xbf\"", 1},
    {"\"\xc3\"", 1},
    {"\"\xc3(\"", 1},
    {"\"\xe0\x80\x80\"", 1},
    {"\"\xe0\x9f\xbf\"", 1},
    {"\"\xe2\x82\"", 1},
    {"\"\xed\xa0\x80\"", 1},
    {"\"\xed\xbf\xbf\"", 1},
    {"\"\xf0\x80\x80\x80\"", 1},
    {"\"\xf0\x8f\xbf\xbf\"", 1},
    {"\"\xf0\x90\x80\"", 1},
    {"\"\xf4\x90\x80\x80\"", 1},
    {"\"\xf5\x80\x80\x80\"", 1},
    {"\"\xff\"", 1},
    {"\"0123456789abcdef\xc3\xa4\xc3\"", 19},
};

static void
invalid_texts_are_refused_with_their_offset(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(invalid_texts); i++) {
        const invalid *t = &invalid_texts[i];
        gw_slice value = {0};
        gw_error err;
        char want[64];

        (void)snprintf(want, sizeof(want), "at byte offset %zu: ", t->offset);
        if (gw_json_check(gw_slice_of(t->text), &value, &err) != GW_E_INPUT)
            fail_msg("accepted: %s", t->text);
        if (!strstr(err.text, want))
            fail_msg("%s: not %s but %s", t->text, want, err.text);
        assert_null(value.at);
    }
}

/* Objects hand out slices, lists scan twice: the same verdict as check's. */
static void
splitting_refuses_what_check_refuses(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(invalid_texts); i++) {
        const char *text = invalid_texts[i].text;
        gw_slice list =
            gw_slice_of(gw_arena_printf(&arena, "[\"x\",%s]", text));
        gw_slice object =
            gw_slice_of(gw_arena_printf(&arena, "{\"x\":%s}", text));
        gw_slice objects_text =
            gw_slice_of(gw_arena_printf(&arena, "[{\"x\":%s}]", text));
        gw_values values = {0};
        gw_fields fields = {0};
        gw_objects objects = {0};

        if (gw_json_array(&arena, list, &values, NULL) != GW_E_INPUT ||
            gw_json_object(&arena, object, &fields, NULL) != GW_E_INPUT ||
            gw_json_objects(&arena, objects_text, &objects, NULL) != GW_E_INPUT)
            fail_msg("accepted inside: %s", text);
        assert_null(values.at);
        assert_null(fields.at);
    }
}

static void
a_nul_byte_is_refused_everywhere(void **unused)
{
    (void)unused;
    static const gw_slice texts[] = {
        {"\0", 1}, {"1\0", 2}, {"\"a\0\"", 4}, {"[1,\0 2]", 7}, {"\0 1", 3},
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(gw_json_check(texts[i], NULL, NULL), GW_E_INPUT);
}

static void
none_is_no_value(void **unused)
{
    (void)unused;
    gw_slice none = {0};
    gw_fields fields;

    assert_int_equal(gw_json_check(none, NULL, NULL), GW_E_INPUT);
    assert_int_equal(gw_json_object(&arena, none, &fields, NULL), GW_E_INPUT);
}

static void
nesting_is_accepted_to_the_limit_and_not_beyond(void **unused)
{
    (void)unused;
    gw_error err;

    assert_true(is_valid(nested('[', ']', GW_LIMIT_JSON_DEPTH)));
    assert_int_equal(
        gw_json_check(gw_slice_of(nested('[', ']', GW_LIMIT_JSON_DEPTH + 1)),
                      NULL, &err),
        GW_E_INPUT);
    assert_string_equal(err.text, "invalid JSON at byte offset 512: lists "
                                  "and objects are nested too deep");
    assert_false(is_valid(nested('[', ']', 1000000)));
    assert_true(is_valid("[[[]],[[]],[[]]]"));
}

static void
a_repeated_member_is_found_among_many(void **unused)
{
    (void)unused;
    static const int counts[] = {31, 32, 33, 34, 1000, 100000};

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        gw_buf buf = {0};
        gw_error err;

        for (int j = 0; j < counts[i]; j++)
            gw_buf_printf(&buf, "%c\"n%d\":0", j ? ',' : '{', j);
        gw_buf_byte(&buf, '}');
        assert_true(is_valid(gw_buf_cstr(&buf)));
        buf.len--;
        size_t offset = buf.len + 1;
        gw_buf_text(&buf, ",\"\\u006e7\":1,\"n9\":0}");

        assert_int_equal(gw_json_check(gw_buf_as_slice(&buf), NULL, &err),
                         GW_E_INPUT);
        assert_string_equal(
            err.text,
            gw_arena_printf(&arena,
                            "invalid JSON at byte offset %zu: an object has "
                            "this member twice: \"n7\"",
                            offset));
        gw_buf_clear(&buf);
    }
}

/* The text ends where readable memory ends. */
static void
nothing_is_read_beyond_the_text(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "{\"name\":\"0123456789abcdef0123456789\",\"a\":[1,{\"b\":true}]}",
        "{\"name\":\"\303\244\\ud83d\\ude00\360\237\230\200\",\"n\":-1.5e10}",
        "[\"0123456789abcdefghij\",null,false,1234567890123456789]",
    };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (size_t n = 0; n <= strlen(texts[i]); n++) {
            gw_slice text = {map + page - n, n};
            gw_fields fields;
            gw_values values;
            gw_objects objects;
            gw_buf buf = {0};

            memcpy(map + page - n, texts[i], n);
            gw_code code = gw_json_check(text, NULL, NULL);
            assert_int_equal(code == GW_OK, n == strlen(texts[i]));
            (void)!gw_json_object(&arena, text, &fields, NULL);
            (void)!gw_json_array(&arena, text, &values, NULL);
            (void)!gw_json_objects(&arena, text, &objects, NULL);
            if (code == GW_OK) {
                gw_json_put_canonical(&buf, text);
                assert_true(gw_json_equal(text, gw_buf_as_slice(&buf)));
                assert_true(gw_json_hash(text) ==
                            gw_json_hash(gw_buf_as_slice(&buf)));
            }
            gw_json_put_string(&buf, text);
            gw_buf_clear(&buf);
        }
    }
    munmap(map, 2 * page);
}

static void
every_short_escape_and_utf8_text_decodes(void **unused)
{
    (void)unused;

    assert_slice(gw_json_string(&arena, GW_LIT("\"plain\"")), "plain");
    assert_slice(gw_json_string(&arena, GW_LIT("\"\"")), "");
    assert_slice(gw_json_string(&arena, GW_LIT("\"\\udbff\\uDFFF\"")),
                 "\364\217\277\277");
    assert_slice(
        gw_json_string(&arena, GW_LIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")),
        "\"\\/\b\f\n\r\t");
    assert_slice(
        gw_json_string(&arena,
                       GW_LIT("\"\\u0041\\u00Fc\\u20aC\\uD834\\uDd1e!\"")),
        "A\303\274\342\202\254\360\235\204\236!");
}

static void
strings_are_printed_with_the_least_escapes(void **unused)
{
    gw_buf buf = {0};

    (void)unused;
    gw_json_put_string(&buf, GW_LIT("0123456789abcdef\"\\/\b\f\n\r\t\x01\x1f"
                                    "\x7f\303\274 and so on, a long text"));
    assert_string_equal(gw_buf_cstr(&buf),
                        "\"0123456789abcdef\\\"\\\\/\\b\\f\\n\\r\\t\\u0001"
                        "\\u001f\x7f\303\274 and so on, a long text\"");
    gw_buf_clear(&buf);
}

static void
fields_are_printed_as_they_were(void **unused)
{
    gw_buf buf = {0};

    (void)unused;
    gw_json_put_fields(&buf, fields_of("{ \"\\\"\\u0001a\" : 1.10, \"b\":[ ]"
                                       "}"));
    gw_json_put_fields(&buf, fields_of("{}"));
    assert_string_equal(gw_buf_cstr(&buf),
                        "{\"\\\"\\u0001a\":1.10,\"b\":[ ]}{}");
    gw_buf_clear(&buf);
}

static void
integers_are_read_to_the_ends_of_int64(void **unused)
{
    int64_t n = 5;

    (void)unused;
    assert_true(gw_json_int(GW_LIT("9223372036854775807"), &n));
    assert_true(n == INT64_MAX);
    assert_true(gw_json_int(GW_LIT("-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_true(gw_json_int(GW_LIT("-0"), &n));
    assert_true(n == 0);
}

static void
what_is_no_int64_is_not_read(void **unused)
{
    static const char *const texts[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "1.0",
        "1e2",
        "\"1\"",
        "null",
        "[1]",
        "",
        "-",
        "99999999999999999999999",
    };
    int64_t n = 5;

    (void)unused;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_false(gw_json_int(gw_slice_of(texts[i]), &n));
    assert_true(n == 5);
}

static void
kinds_are_told_from_the_first_byte(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *name;
    } rows[] = {
        {"null", "null"}, {"true", "bool"}, {"false", "bool"},
        {"-1", "number"}, {"7", "number"},  {"\"\"", "string"},
        {"[]", "list"},   {"{}", "object"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(
            gw_json_kind_name(gw_json_kind_of(gw_slice_of(rows[i].text))),
            rows[i].name);
}

static void
numbers_are_equal_by_exact_decimal_value(void **unused)
{
    (void)unused;

    assert_true(equal("1", "1.0"));
    assert_true(equal("1.10", "1.1"));
    assert_true(equal("100", "1e2"));
    assert_true(equal("0.001", "1E-3"));
    assert_true(equal("12.5", "0.125e+2"));
    assert_true(equal("1200e-2", "12"));
    assert_true(equal("0", "-0.00e99999999999999999999"));
    assert_true(equal("0e5", "0.0"));
    assert_true(equal("9007199254740993", "9007199254740993.0"));
    assert_true(equal("10.01", "1001e-2"));
    assert_false(equal("9007199254740993", "9007199254740992"));
    assert_false(equal("1", "-1"));
    assert_false(equal("1", "10"));
    assert_false(equal("101", "11"));
    assert_false(equal("0.1", "0.10000000000000000000000000000001"));
    assert_false(equal("1e5", "1e-5"));
    assert_false(equal("0", "1e-999999999999999999999"));
}

static void
numbers_with_hostile_exponents_compare_exactly(void **unused)
{
    gw_buf huge = {0}, shifted = {0};

    (void)unused;
    assert_true(equal("1e999999999", "10e999999998"));
    assert_false(equal("1e999999999", "1e999999998"));
    assert_false(equal("1e999999999", "1e-999999999"));
    assert_true(equal("1e1000000000000000000", "10e999999999999999999"));
    assert_true(equal("0.1e-9223372036854775808", "1e-9223372036854775809"));
    assert_true(equal("1e00000000000000000000000000000000002", "100"));
    assert_true(equal("1e1000000000000000", "10e999999999999999"));
    assert_false(equal("1e18446744073709551616", "1"));
    assert_false(equal("1e18446744073709551617", "10"));

    gw_buf_text(&huge, "1e1");
    gw_buf_text(&shifted, "10e");
    for (int i = 0; i < 100000; i++) {
        gw_buf_byte(&huge, '0');
        gw_buf_byte(&shifted, '9');
    }
    assert_true(equal(gw_buf_cstr(&huge), gw_buf_cstr(&shifted)));
    shifted.at[shifted.len - 1] = '8';
    assert_false(equal(gw_buf_cstr(&huge), gw_buf_cstr(&shifted)));
    gw_buf_clear(&huge);
    gw_buf_clear(&shifted);
}

static void
strings_are_equal_by_their_decoded_text(void **unused)
{
    (void)unused;

    assert_true(equal("\"\\u0061\\u00e4\"", "\"a\303\244\""));
    assert_true(equal("\"\\/\"", "\"/\""));
    assert_true(equal("\"\\ud83d\\ude00\"", "\"\360\237\230\200\""));
    assert_false(equal("\"\\\\u0061\"", "\"a\""));
    assert_false(equal("\"A\"", "\"a\""));
}

static void
kinds_never_equal_each_other(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "null",     "true", "false", "0",      "1",    "\"\"", "\"1\"",
        "\"null\"", "[]",   "{}",    "[null]", "[[]]", "[{}]",
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        for (size_t j = 0; j < COUNT_OF(texts); j++)
            assert_int_equal(equal(texts[i], texts[j]), i == j);
}

static void
objects_are_equal_in_any_order(void **unused)
{
    (void)unused;

    assert_true(equal("{\"a\":1,\"b\":{\"c\":[1],\"d\":2}}",
                      "{ \"b\" : {\"d\":2.0,\"\\u0063\":[1]}, \"a\":1 }"));
    assert_false(equal("{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}"));
    assert_false(equal("{\"a\":1,\"b\":2}", "{\"b\":2,\"c\":1}"));
    assert_false(equal("{\"a\":1}", "{\"a\":1,\"b\":2}"));
    assert_false(equal("{\"a\":1,\"b\":2}", "{\"b\":2}"));
    assert_false(equal("{\"b\":2,\"a\":1}", "{\"a\":1,\"b\":2,\"c\":3}"));
    assert_false(equal("{}", "{\"a\":1}"));
}

static void
lists_are_equal_in_order_only(void **unused)
{
    (void)unused;

    assert_true(equal("[1, [2 ], {}]", "[1.0,[2],{ }]"));
    assert_false(equal("[1,2]", "[2,1]"));
    assert_false(equal("[1,2]", "[1]"));
    assert_false(equal("[1]", "[1,1]"));
    assert_false(equal("[]", "[1]"));
}

static void
hashes_of_different_values_differ(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "1",           "-1",        "10",
        "0.1",         "12",        "21",
        "\"1\"",       "\"a\"",     "\"b\"",
        "true",        "false",     "null",
        "[1,2]",       "[2,1]",     "[[1],2]",
        "[]",          "{}",        "{\"a\":1}",
        "{\"a\":2}",   "{\"b\":1}", "{\"a\":{\"b\":1}}",
        "1e999999999",
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        for (size_t j = 0; j < i; j++)
            assert_false(gw_json_hash(gw_slice_of(texts[i])) ==
                         gw_json_hash(gw_slice_of(texts[j])));
}

static void
canonical_text_sorts_names_and_drops_white_space(void **unused)
{
    (void)unused;

    assert_string_equal(
        canonical("{ \"b\" : [ 1.10 , { } , [ ] ],\"a\":{\"\\u007a\":null, "
                  "\"y\": \"\\u00fc\\/ \"}, \"aa\":1, \"\":1E2 , "
                  "\"\303\244\":true}"),
        "{\"\":1E2,\"a\":{\"y\":\"\303\274/ \",\"z\":null},\"aa\":1,"
        "\"b\":[1.10,{},[]],\"\303\244\":true}");
    assert_string_equal(canonical("\"\\u0061\""), "\"a\"");
}

/* {"a":{"a":…bulk…,"b":0},"b":0}, or with each object's members turned. */
static char *
deep_object(bool is_turned, size_t depth, size_t bulk)
{
    gw_buf buf = {0};

    for (size_t i = 0; i < depth; i++)
        gw_buf_text(&buf, is_turned ? "{\"b\":0,\"a\":" : "{\"a\":");
    gw_buf_byte(&buf, '"');
    for (size_t i = 0; i < bulk; i++)
        gw_buf_byte(&buf, 'x');
    gw_buf_byte(&buf, '"');
    for (size_t i = 0; i < depth; i++)
        gw_buf_text(&buf, is_turned ? "}" : ",\"b\":0}");
    (void)gw_buf_cstr(&buf);
    return buf.at;
}

/* Passing over the inner text once per level would take minutes. */
static void
deep_nesting_costs_no_more_than_its_text(void **unused)
{
    (void)unused;
    char *a = deep_object(false, GW_LIMIT_JSON_DEPTH, 4 * GW_MIB);
    char *b = deep_object(true, GW_LIMIT_JSON_DEPTH, 4 * GW_MIB);

    assert_true(equal(a, b));
    assert_string_equal(canonical(a), canonical(b));
    free(a);
    free(b);
}

/* Comparing each member with each would take an hour. */
static void
wide_objects_compare_in_any_order(void **unused)
{
    enum { N = 300000 };
    gw_buf a = {0}, b = {0};

    (void)unused;
    for (int i = 0; i < N; i++) {
        gw_buf_printf(&a, "%c\"%d\":%d", i ? ',' : '{', i, i);
        gw_buf_printf(&b, "%c\"%d\":%d", i ? ',' : '{', N - 1 - i, N - 1 - i);
    }
    gw_buf_byte(&a, '}');
    gw_buf_byte(&b, '}');

    assert_true(equal(gw_buf_cstr(&a), gw_buf_cstr(&b)));
    b.at[b.len - 2] = '9';
    assert_false(equal(gw_buf_cstr(&a), gw_buf_cstr(&b)));
    gw_buf_clear(&a);
    gw_buf_clear(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object_gives_fields_in_stored_order_as_written),
        cmocka_unit_test(object_decodes_names),
        cmocka_unit_test(an_empty_object_has_no_fields),
        cmocka_unit_test(object_holds_more_members_than_fit_inline),
        cmocka_unit_test(array_gives_values_as_written),
        cmocka_unit_test(objects_gives_the_fields_of_each),
        cmocka_unit_test(objects_refuses_other_items),
        cmocka_unit_test(check_gives_the_value_without_white_space),
        cmocka_unit_test(the_wrong_kind_is_refused_by_name),
        cmocka_unit_test(valid_texts_are_accepted),
        cmocka_unit_test(invalid_texts_are_refused_with_their_offset),
        cmocka_unit_test(splitting_refuses_what_check_refuses),
        cmocka_unit_test(a_nul_byte_is_refused_everywhere),
        cmocka_unit_test(none_is_no_value),
        cmocka_unit_test(nesting_is_accepted_to_the_limit_and_not_beyond),
        cmocka_unit_test(a_repeated_member_is_found_among_many),
        cmocka_unit_test(nothing_is_read_beyond_the_text),
        cmocka_unit_test(every_short_escape_and_utf8_text_decodes),
        cmocka_unit_test(strings_are_printed_with_the_least_escapes),
        cmocka_unit_test(fields_are_printed_as_they_were),
        cmocka_unit_test(integers_are_read_to_the_ends_of_int64),
        cmocka_unit_test(what_is_no_int64_is_not_read),
        cmocka_unit_test(kinds_are_told_from_the_first_byte),
        cmocka_unit_test(numbers_are_equal_by_exact_decimal_value),
        cmocka_unit_test(numbers_with_hostile_exponents_compare_exactly),
        cmocka_unit_test(strings_are_equal_by_their_decoded_text),
        cmocka_unit_test(kinds_never_equal_each_other),
        cmocka_unit_test(objects_are_equal_in_any_order),
        cmocka_unit_test(lists_are_equal_in_order_only),
        cmocka_unit_test(hashes_of_different_values_differ),
        cmocka_unit_test(canonical_text_sorts_names_and_drops_white_space),
        cmocka_unit_test(deep_nesting_costs_no_more_than_its_text),
        cmocka_unit_test(wide_objects_compare_in_any_order),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
