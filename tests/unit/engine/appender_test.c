/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/engine/store_fixture.h"

#include "engine/appender.h"

typedef struct appending {
    gw_fixture *f;
    gw_appender *a;
    gw_arena arena;
} appending;

static appending
begin_appending(gw_fixture *f)
{
    appending w = {.f = f, .a = gw_appender_new(&f->run)};

    gw_arena_init(&w.arena);
    return w;
}

static void
end_appending(appending *w)
{
    gw_appender_free(w->a);
    gw_arena_clear(&w->arena);
}

static void
must(appending *w, gw_code code)
{
    if (code != GW_OK)
        fail_msg("%s", w->f->err.text);
}

/* In the open transaction, or in one that it begins. */
static void
append(appending *w, const char *type, const char *data)
{
    gw_event e;

    must(w, gw_event_parse(&w->arena, GW_LIT("a/1"), gw_slice_of(type),
                           gw_slice_of(data), &e, &w->f->err));
    gw_position p = {.events = {&e, 1}};
    must(w, gw_appender_open(w->a, &w->f->err));
    must(w, gw_appender_add(w->a, &p, &w->f->err));
}

static void
commit(appending *w)
{
    must(w, gw_appender_commit(w->a, &w->f->err));
}

/* A commit that fails because of what is below it. */
static void
fail_to_commit(appending *w)
{
    gw_store_abort(w->f->store);
    assert_int_not_equal(gw_appender_commit(w->a, &w->f->err), GW_OK);
    assert_false(gw_appender_is_open(w->a));
}

static void
assert_model(appending *w, const char *expected)
{
    char *dump = fixture_text(w->f, gw_dump);

    assert_has(dump, expected);
    free(dump);
}

static void
a_model_of_an_aborted_transaction_can_be_created_again(void **state)
{
    appending w = begin_appending(*state);

    append(&w, "create", "{\"v\":1}");
    gw_appender_abort(w.a);
    append(&w, "create", "{\"v\":2}");
    commit(&w);

    assert_model(&w, "\"models\":{\"a/1\":{\"data\":{\"meta_deleted\":false,"
                     "\"meta_position\":1,\"v\":2}");
    end_appending(&w);
}

static void
what_an_aborted_transaction_changed_is_as_before(void **state)
{
    appending w = begin_appending(*state);

    append(&w, "create", "{\"v\":1}");
    commit(&w);
    append(&w, "update", "{\"w\":2}");
    gw_appender_abort(w.a);
    append(&w, "update", "{\"x\":3}");
    commit(&w);

    assert_model(&w, "\"models\":{\"a/1\":{\"data\":{\"meta_deleted\":false,"
                     "\"meta_position\":2,\"v\":1,\"x\":3}");
    end_appending(&w);
}

static void
nothing_is_believed_after_a_commit_that_failed(void **state)
{
    appending w = begin_appending(*state);

    append(&w, "create", "{\"v\":1}");
    fail_to_commit(&w);
    append(&w, "create", "{\"v\":2}");
    commit(&w);
    append(&w, "update", "{\"w\":3}");
    fail_to_commit(&w);
    append(&w, "update", "{\"x\":4}");
    commit(&w);

    assert_model(&w, "\"models\":{\"a/1\":{\"data\":{\"meta_deleted\":false,"
                     "\"meta_position\":2,\"v\":2,\"x\":4}");
    end_appending(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_model_of_an_aborted_transaction_can_be_created_again),
        FIXTURE_TEST(what_an_aborted_transaction_changed_is_as_before),
        FIXTURE_TEST(nothing_is_believed_after_a_commit_that_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
