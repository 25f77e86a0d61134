/* SPDX-License-Identifier: Apache-2.0 */
/* What events do to a model, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/event.h"
#include "event/keyframe.h"

static const gw_mask everything = {.all = true};

struct fixture {
    gw_arena arena;
    gw_model model;
    gw_error err;
};

static int
set_up(void **state)
{
    struct fixture *f = gw_calloc(1, sizeof(*f));
    gw_arena_init(&f->arena);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    gw_state_release((gw_state *)f->model.state);
    gw_arena_clear(&f->arena);
    free(f);
    return 0;
}

static gw_code
apply(struct fixture *f, const char *type, const char *data)
{
    gw_event event;
    gw_code code = gw_event_parse(&f->arena, GW_LIT("a/1"), gw_slice_of(type),
                                  gw_slice_of(data), &event, &f->err);
    return code != GW_OK
               ? code
               : gw_model_apply(&f->model, &event, 7, &everything, &f->err);
}

static void
assert_model(struct fixture *f, const char *json)
{
    gw_buf buf = {0};
    gw_model_put_json(&buf, &f->model);
    assert_string_equal(gw_buf_cstr(&buf), json);
    gw_buf_clear(&buf);
}

static void
fields_keep_their_order_and_their_bytes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(apply(f, "create", "{\"b\":1.10,\"a\":\"\\u00e4\"}"), 0);
    assert_int_equal(apply(f, "update", "{\"c\":[ ],\"b\":1E2}"), 0);

    assert_model(f, "{\"b\":1E2,\"a\":\"\\u00e4\",\"c\":[ ],"
                    "\"meta_deleted\":false,\"meta_position\":7}");
}

/* Lengths of one byte, of two and of three, and the keys' too. */
static void
fields_of_any_length_are_kept(void **state)
{
    static const int lengths[] = {0, 124, 125, 126, 127, 16381, 16382, 70000};
    const size_t n = sizeof(lengths) / sizeof(lengths[0]);
    struct fixture *f = *state;
    gw_buf event = {0};
    gw_buf all = {0};

    for (size_t i = 0; i < n; i++) {
        gw_buf_printf(&event, "%s\"k%0*d%zu\":\"%0*d\"", i > 0 ? "," : "{",
                      lengths[i] % 200, 0, i, lengths[i], 0);
    }
    gw_buf_printf(&all,
                  "%.*s,\"new\":1,\"meta_deleted\":false,"
                  "\"meta_position\":7}",
                  (int)event.len, event.at);
    gw_buf_text(&event, ",\"cut\":2}");

    assert_int_equal(apply(f, "create", gw_buf_cstr(&event)), 0);
    assert_int_equal(apply(f, "update", "{\"cut\":3,\"new\":1}"), 0);
    assert_int_equal(apply(f, "deletefields", "[\"cut\"]"), 0);

    assert_model(f, gw_buf_cstr(&all));
    gw_buf_clear(&event);
    gw_buf_clear(&all);
}

static void
listfields_adds_what_is_not_there_and_removes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(apply(f, "create", "{\"l\":[1,\"1\",2]}"), 0);
    assert_int_equal(apply(f, "listfields",
                           "{\"add\":{\"l\":[2,3,3],\"n\":[5]},"
                           "\"remove\":{\"l\":[\"1\",3],\"n\":[5],"
                           "\"m\":[1]}}"),
                     0);

    assert_model(f, "{\"l\":[1,2],\"n\":[5],"
                    "\"meta_deleted\":false,\"meta_position\":7}");
}

static void
listfields_works_alike_on_long_lists(void **state)
{
    struct fixture *f = *state;
    gw_buf list = {0};
    gw_buf event = {0};
    gw_buf_text(&list, "{\"l\":[0");
    gw_buf_text(&event, "{\"add\":{\"l\":[");
    for (int i = 1; i < 2000; i++) {
        gw_buf_printf(&list, ",%d", i);
        gw_buf_printf(&event, "%s%d", i == 1 ? "" : ",", i);
    }
    gw_buf_text(&list, "]}");
    gw_buf_text(&event, ",2000]},\"remove\":{}}");

    assert_int_equal(apply(f, "create", gw_buf_cstr(&list)), 0);
    assert_int_equal(apply(f, "listfields", gw_buf_cstr(&event)), 0);

    gw_values values;
    assert_int_equal(gw_json_array(&f->arena,
                                   gw_state_get(f->model.state, GW_LIT("l")),
                                   &values, &f->err),
                     0);
    assert_int_equal(values.n, 2001);
    gw_buf_clear(&list);
    gw_buf_clear(&event);
}

static void
listfields_on_a_field_that_is_no_list_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(apply(f, "create", "{\"l\":1}"), 0);

    assert_int_equal(
        apply(f, "listfields", "{\"add\":{\"l\":[2]},\"remove\":{}}"),
        GW_E_MIGRATION);
    assert_non_null(strstr(f->err.text, "Field 'l' of model a/1"));
}

static void
deleted_models_keep_their_fields(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(apply(f, "create", "{\"v\":1}"), 0);
    assert_int_equal(apply(f, "delete", "null"), 0);

    assert_model(f, "{\"v\":1,\"meta_deleted\":true,\"meta_position\":7}");
    assert_int_equal(apply(f, "restore", "null"), 0);
    assert_model(f, "{\"v\":1,\"meta_deleted\":false,\"meta_position\":7}");
}

static void
every_error_of_the_contract_has_its_words(void **state)
{
    static const struct {
        const char *before, *type, *data, *words;
    } cases[] = {
        {"", "update", "{\"v\":1}", "Model a/1 does not exist"},
        {"", "delete", "null", "Model a/1 does not exist"},
        {"", "restore", "null", "Model a/1 does not exist"},
        {"", "deletefields", "[\"v\"]", "Model a/1 does not exist"},
        {"c", "create", "{}", "Model a/1 already exists"},
        {"c", "restore", "null", "Model a/1 is not deleted"},
        {"cd", "create", "{}", "Model a/1 already exists"},
        {"cd", "update", "{\"v\":1}", "Model a/1 is deleted"},
        {"cd", "delete", "null", "Model a/1 is deleted"},
        {"cd", "listfields", "{\"add\":{},\"remove\":{}}",
         "Model a/1 is deleted"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gw_state_release((gw_state *)f->model.state);
        f->model = (gw_model){0};
        for (const char *c = cases[i].before; *c != '\0'; c++) {
            assert_int_equal(apply(f, *c == 'c' ? "create" : "delete",
                                   *c == 'c' ? "{}" : "null"),
                             0);
        }

        assert_int_equal(apply(f, cases[i].type, cases[i].data),
                         GW_E_MIGRATION);
        assert_string_equal(f->err.text, cases[i].words);
    }
}

static void
malformed_events_are_refused_naming_fqid_or_field(void **state)
{
    static const struct {
        const char *fqid, *type, *data, *named;
    } cases[] = {
        {"Box/1", "create", "{}", "Box/1"},
        {"ab/1", "create", "{}", "ab/1"},
        {"box/0", "create", "{}", "box/0"},
        {"box/01", "create", "{}", "box/01"},
        {"box/", "create", "{}", "box/"},
        {"/1", "create", "{}", "/1"},
        {"box", "create", "{}", "box"},
        {"box_/1", "create", "{}", "box_/1"},
        {"box/1", "made", "{}", "made"},
        {"box/1", "create", "{\"9x\":1}", "9x"},
        {"box/1", "create", "{\"meta_x\":1}", "meta_x"},
        {"box/1", "create", "{\"a$b$\":1}", "a$b$"},
        {"box/1", "create", "{\"v\":null}", "'v' is null"},
        {"box/1", "create", "[1]", "box/1"},
        {"box/1", "create", "{\"a\":1,\"a\":2}", "box/1"},
        {"box/1", "deletefields", "[\"Upper\"]", "Upper"},
        {"box/1", "deletefields", "[1]", "box/1"},
        {"box/1", "listfields", "{\"add\":{\"l\":1}}", "'l'"},
        {"box/1", "listfields", "{\"plus\":{}}", "plus"},
        {"box/1", "delete", "{}", "box/1"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gw_event event;
        gw_code code = gw_event_parse(
            &f->arena, gw_slice_of(cases[i].fqid), gw_slice_of(cases[i].type),
            gw_slice_of(cases[i].data), &event, &f->err);

        assert_int_equal(code, GW_E_INPUT);
        assert_non_null(strstr(f->err.text, cases[i].named));
    }
}

static void
an_unchanged_event_prints_the_bytes_it_was_read_with(void **state)
{
    struct fixture *f = *state;
    gw_event event;
    gw_buf buf = {0};
    const char *data = "{ \"v\" : 1.10 , \"w\":[ ] }";

    assert_int_equal(gw_event_parse(&f->arena, GW_LIT("box/1"),
                                    GW_LIT("create"), gw_slice_of(data), &event,
                                    &f->err),
                     0);
    gw_event_put_data(&buf, &event);

    assert_string_equal(gw_buf_cstr(&buf), data);
    gw_buf_clear(&buf);
}

static void
half_a_listfields_prints_both_halves(void **state)
{
    struct fixture *f = *state;
    gw_event event;
    gw_buf buf = {0};

    assert_int_equal(
        gw_event_parse(&f->arena, GW_LIT("box/1"), GW_LIT("listfields"),
                       GW_LIT("{\"add\":{\"l\":[1]}}"), &event, &f->err),
        0);
    gw_event_put_data(&buf, &event);

    assert_string_equal(gw_buf_cstr(&buf),
                        "{\"add\":{\"l\":[1]},\"remove\":{}}");
    gw_buf_clear(&buf);
}

static void
a_printed_model_is_parsed_back_without_its_meta_fields(void **state)
{
    struct fixture *f = *state;
    gw_buf text = {0};
    gw_model model;

    assert_int_equal(apply(f, "create", "{\"v\":1.10}"), 0);
    gw_model_put_json(&text, &f->model);
    assert_int_equal(gw_model_parse(&f->arena, gw_buf_as_slice(&text), true,
                                    &model, &f->err),
                     0);

    assert_int_equal(model.status, GW_STATUS_DELETED);
    assert_int_equal(model.meta_position, 7);
    assert_int_equal(gw_state_count(model.state), 1);
    assert_true(
        gw_slice_equal(gw_state_get(model.state, GW_LIT("v")), GW_LIT("1.10")));
    assert_int_equal(
        gw_model_parse(&f->arena, GW_LIT("[1]"), false, &model, &f->err),
        GW_E_INPUT);
    gw_state_release((gw_state *)model.state);
    gw_buf_clear(&text);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(fields_keep_their_order_and_their_bytes),
        TEST(fields_of_any_length_are_kept),
        TEST(listfields_adds_what_is_not_there_and_removes),
        TEST(listfields_works_alike_on_long_lists),
        TEST(listfields_on_a_field_that_is_no_list_is_refused),
        TEST(deleted_models_keep_their_fields),
        TEST(every_error_of_the_contract_has_its_words),
        TEST(malformed_events_are_refused_naming_fqid_or_field),
        TEST(an_unchanged_event_prints_the_bytes_it_was_read_with),
        TEST(half_a_listfields_prints_both_halves),
        TEST(a_printed_model_is_parsed_back_without_its_meta_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
