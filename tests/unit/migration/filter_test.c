/* SPDX-License-Identifier: Apache-2.0 */
/* Which models a filter lets through, and which filters are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migration/migration.h"

struct fixture {
    gw_arena arena;
    gw_fields model;
    gw_error err;
};

static const char model_json[] =
    "{\"n\":10,\"neg\":-3,\"big\":9007199254740993,\"dec\":1.10,"
    "\"exp\":1e2,\"zero\":0.000,\"s\":\"Apple pie\",\"esc\":\"a\\u0062\\nc\","
    "\"num\":\"10\",\"uml\":\"ÄÖÜ Straße\",\"pct\":\"a_b%c\","
    "\"b\":true,\"f\":false,\"l\":[1, 2],\"o\":{\"x\":1,\"y\":2},"
    "\"meta_position\":7,\"meta_deleted\":false}";

static int
set_up(void **state)
{
    struct fixture *f = gw_calloc(1, sizeof(*f));

    gw_arena_init(&f->arena);
    *state = f;
    return gw_json_object(&f->arena, gw_slice_of(model_json), &f->model,
                          &f->err) != GW_OK;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    gw_arena_clear(&f->arena);
    free(f);
    return 0;
}

static bool
matches(struct fixture *f, const char *json)
{
    gw_filter filter;

    if (gw_filter_parse(&f->arena, gw_slice_of(json), &filter, &f->err) !=
        GW_OK)
        fail_msg("%s: %s", json, f->err.text);
    return gw_filter_matches(&filter, f->model);
}

static const char *
comparison(struct fixture *f, const char *field, const char *op,
           const char *value)
{
    return gw_arena_printf(
        &f->arena, "{\"field\":\"%s\",\"operator\":\"%s\",\"value\":%s}", field,
        op, value);
}

struct row {
    const char *field, *op, *value;
    bool yes;
};

static void
check_rows(struct fixture *f, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *json =
            comparison(f, rows[i].field, rows[i].op, rows[i].value);

        if (matches(f, json) != rows[i].yes)
            fail_msg("%s is not %s", json, rows[i].yes ? "true" : "false");
    }
}

#define CHECK(f, rows) check_rows(f, rows, sizeof(rows) / sizeof(rows[0]))

static void
equality_is_by_value_within_a_kind_and_by_text_between_kinds(void **state)
{
    static const struct row rows[] = {
        {"n", "=", "10", true},
        {"n", "=", "10.0", true},
        {"n", "!=", "10", false},
        {"n", "!=", "11", true},
        {"big", "=", "9007199254740993", true},
        {"big", "=", "9007199254740992", false},
        {"s", "=", "\"Apple pie\"", true},
        {"s", "=", "\"apple pie\"", false},
        {"esc", "=", "\"ab\\u000ac\"", true},
        {"b", "=", "true", true},
        {"b", "=", "\"true\"", true},
        {"f", "!=", "true", true},
        {"n", "=", "\"10\"", true},
        {"num", "=", "10", true},
        {"num", "!=", "10", false},
        {"l", "=", "[1,2]", true},
        {"l", "=", "[2,1]", false},
        {"o", "=", "{\"y\":2,\"x\":1}", true},
        {"l", "=", "\"[1, 2]\"", false},
        {"l", "!=", "1", true},
        {"meta_position", "=", "7", true},
        {"meta_deleted", "=", "false", true},
    };

    CHECK(*state, rows);
}

static void
order_is_by_exact_value(void **state)
{
    static const struct row rows[] = {
        {"n", ">", "9", true},
        {"n", ">", "10", false},
        {"n", ">=", "10.000", true},
        {"n", "<=", "1e1", true},
        {"n", "<", "100e-1", false},
        {"n", "<", "0.0101E3", true},
        {"neg", "<", "0", true},
        {"neg", "<", "-2.999", true},
        {"neg", "<", "-3.001", false},
        {"neg", ">", "-30", true},
        {"big", ">", "9007199254740992", true},
        {"big", "<", "9007199254740994", true},
        {"big", "<", "1e400", true},
        {"big", ">", "1e-99999999999999999999", true},
        {"dec", "<", "1.1000001", true},
        {"dec", ">=", "1.1", true},
        {"exp", "<=", "100", true},
        {"exp", ">=", "100", true},
        {"zero", ">=", "-0.0", true},
        {"zero", "<", "1e-30", true},
        {"num", ">", "9", true},
        {"num", ">", "\"9\"", true},
        {"s", ">", "\"Apple\"", true},
        {"s", "<", "\"Apple\"", false},
        {"s", "<", "5", false},
        {"s", ">", "5", false},
        {"b", ">", "0", false},
        {"l", ">", "0", false},
    };

    CHECK(*state, rows);
}

static void
like_knows_percent_underscore_and_no_case(void **state)
{
    static const struct row rows[] = {
        {"s", "~=", "\"aPPle PIE\"", true},
        {"s", "~=", "\"apple\"", false},
        {"s", "%=", "\"apple%\"", true},
        {"s", "%=", "\"%PLE_P%\"", true},
        {"s", "%=", "\"%e\"", true},
        {"s", "%=", "\"apple\"", false},
        {"s", "%=", "\"_pple pie\"", true},
        {"s", "%=", "\"__pple pie\"", false},
        {"s", "%=", "\"%p%p%p%e%\"", true},
        {"s", "%=", "\"%p%p%p%p%\"", false},
        {"s", "%=", "\"%\"", true},
        {"s", "%=", "\"\"", false},
        {"uml", "~=", "\"äöü STRAßE\"", true},
        {"uml", "%=", "\"_öÜ%\"", true},
        {"pct", "%=", "\"a\\\\_b\\\\%c\"", true},
        {"pct", "%=", "\"a\\\\_b\\\\%d\"", false},
        {"n", "~=", "\"10\"", true},
        {"n", "%=", "\"1%\"", true},
        {"b", "~=", "\"TRUE\"", true},
        {"l", "%=", "\"%\"", false},
    };

    CHECK(*state, rows);
}

static void
null_asks_whether_the_field_is_missing(void **state)
{
    static const struct row rows[] = {
        {"n", "=", "null", false},
        {"n", "!=", "null", true},
        {"no", "=", "null", true},
        {"no", "!=", "null", false},
    };

    CHECK(*state, rows);
}

static void
a_missing_field_is_unknown_even_behind_not(void **state)
{
    struct fixture *f = *state;
    static const struct row rows[] = {
        {"no", "=", "1", false},      {"no", "!=", "1", false},
        {"no", "<", "1", false},      {"no", ">=", "1", false},
        {"no", "~=", "\"a\"", false}, {"no", "%=", "\"%\"", false},
    };
    const char *unknown = comparison(f, "no", "=", "1");
    const char *yes = comparison(f, "n", "=", "10");
    const char *no = comparison(f, "n", "=", "11");

    CHECK(f, rows);
    assert_false(
        matches(f, gw_arena_printf(&f->arena, "{\"not_filter\":%s}", unknown)));
    assert_true(matches(f, gw_arena_printf(&f->arena, "{\"or_filter\":[%s,%s]}",
                                           unknown, yes)));
    assert_false(
        matches(f, gw_arena_printf(&f->arena, "{\"and_filter\":[%s,%s]}",
                                   unknown, yes)));
    /* no and unknown is no, so its opposite is yes */
    assert_true(
        matches(f, gw_arena_printf(&f->arena,
                                   "{\"not_filter\":{\"and_filter\":[%s,%s]}}",
                                   unknown, no)));
}

static void
and_or_and_not_combine(void **state)
{
    struct fixture *f = *state;
    const char *yes = comparison(f, "n", "=", "10");
    const char *no = comparison(f, "n", "=", "11");

    assert_true(matches(
        f, gw_arena_printf(&f->arena, "{\"and_filter\":[%s,%s]}", yes, yes)));
    assert_false(matches(
        f, gw_arena_printf(&f->arena, "{\"and_filter\":[%s,%s]}", yes, no)));
    assert_true(matches(
        f, gw_arena_printf(&f->arena, "{\"or_filter\":[%s,%s]}", no, yes)));
    assert_false(
        matches(f, gw_arena_printf(&f->arena, "{\"or_filter\":[%s]}", no)));
    assert_true(matches(
        f, gw_arena_printf(
               &f->arena, "{\"not_filter\":{\"or_filter\":[%s,%s]}}", no, no)));
}

struct fault {
    const char *json, *text;
};

static const struct fault faults[] = {
    {"[]", ""},
    {"{}", "a filter has 'field'"},
    {"{\"field\":\"a\",\"operator\":\"=\"}", "a filter has 'field'"},
    {"{\"field\":\"a\",\"operator\":\"=\",\"value\":1,\"x\":1}",
     "unknown member 'x'"},
    {"{\"field\":\"a\",\"operator\":\"=\",\"value\":1,\"not_filter\":"
     "{\"field\":\"a\",\"operator\":\"=\",\"value\":1}}",
     "a filter has 'field'"},
    {"{\"field\":\"A\",\"operator\":\"=\",\"value\":1}", "'field' must be"},
    {"{\"field\":1,\"operator\":\"=\",\"value\":1}", "'field' must be"},
    {"{\"field\":\"a\",\"operator\":\"==\",\"value\":1}",
     "'operator' must be one of = != < > <= >= ~= %="},
    {"{\"field\":\"a\",\"operator\":\"<\",\"value\":null}",
     "'value' must be a number or a text with '<'"},
    {"{\"field\":\"a\",\"operator\":\">=\",\"value\":true}", "'value' must be"},
    {"{\"field\":\"a\",\"operator\":\"%=\",\"value\":[]}",
     "'value' must be a text with '%='"},
    {"{\"and_filter\":{}}", "and_filter: must be a list"},
    {"{\"or_filter\":[]}", "or_filter: must hold at least one"},
    {"{\"and_filter\":[{\"field\":\"a\"}]}",
     "and_filter: a filter has 'field'"},
    {"{\"not_filter\":[]}", "not_filter: "},
};

static void
faulty_filters_are_refused_naming_the_member(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        gw_filter filter;
        gw_code code = gw_filter_parse(&f->arena, gw_slice_of(faults[i].json),
                                       &filter, &f->err);

        if (code != GW_E_INPUT || !strstr(f->err.text, faults[i].text))
            fail_msg("%s\ngives '%s'\nnot   '%s'", faults[i].json,
                     code == GW_OK ? "no error" : f->err.text, faults[i].text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equality_is_by_value_within_a_kind_and_by_text_between_kinds),
        TEST(order_is_by_exact_value),
        TEST(like_knows_percent_underscore_and_no_case),
        TEST(null_asks_whether_the_field_is_missing),
        TEST(a_missing_field_is_unknown_even_behind_not),
        TEST(and_or_and_not_combine),
        TEST(faulty_filters_are_refused_naming_the_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
