/* SPDX-License-Identifier: Apache-2.0 */
/* Positions through stages whose migrations are written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/pipeline.h"

/* What the fake migrations do is in their self: a small script of marks. */
struct fake {
    gw_buf seen;
    const char *fail_at; /* fqid */
    bool double_events;
    bool empty_updates;
    bool adds_note;
    bool looks_at_old;
};

static void
note_old(struct fake *fake, const gw_context *ctx, gw_slice fqid)
{
    gw_model model = {0};
    int64_t v = -1;
    assert_int_equal(ctx->ops->get(ctx, GW_SIDE_OLD, fqid, &model, NULL), 0);
    (void)gw_json_int(gw_state_get(model.state, GW_LIT("v")), &v);
    gw_buf_printf(&fake->seen, "(%d:%lld)", (int)model.status, (long long)v);
}

static gw_code
migrate_event(void *self, const gw_context *ctx, const gw_event *event,
              gw_event_list *out, bool *unchanged, gw_error *err)
{
    struct fake *fake = self;
    gw_buf_slice(&fake->seen, event->fqid.text);
    gw_buf_text(&fake->seen, event->type == GW_EVENT_CREATE ? "+ " : "~ ");
    if (fake->looks_at_old) {
        note_old(fake, ctx, GW_LIT("a/1"));
    }
    if (fake->fail_at != NULL &&
        gw_slice_equal(event->fqid.text, gw_slice_of(fake->fail_at))) {
        return gw_fail(err, GW_E_MIGRATION, "on purpose");
    }
    *unchanged = true;
    if (fake->empty_updates && event->type == GW_EVENT_UPDATE) {
        gw_event empty = *event;
        empty.raw = (gw_slice){0};
        empty.set.n = 0;
        gw_event_list_add(out, &empty);
        *unchanged = false;
    }
    if (fake->double_events) {
        gw_event_list_add(out, event);
        gw_event_list_add(out, event);
        *unchanged = false;
    }
    return GW_OK;
}

static gw_code
additional_events(void *self, const gw_context *ctx, gw_event_list *out,
                  gw_error *err)
{
    struct fake *fake = self;
    gw_event event;
    if (!fake->adds_note) {
        return GW_OK;
    }
    char *fqid = gw_arena_printf(ctx->arena, "note/%lld",
                                 (long long)ctx->position->position);
    gw_code code = gw_event_parse(ctx->arena, gw_slice_of(fqid),
                                  GW_LIT("create"), GW_LIT("{}"), &event, err);
    if (code == GW_OK) {
        gw_event_list_add(out, &event);
    }
    return code;
}

static const gw_migration_ops fake_ops = {
    .kind = "fake",
    .migrate_event = migrate_event,
    .additional_events = additional_events,
};

struct fixture {
    gw_arena arena;
    gw_error err;
    struct fake fakes[2];
    gw_migration at[2];
    gw_migrations migrations;
    gw_pipeline *pipeline;
};

static struct fixture *
set_up(size_t n)
{
    struct fixture *f = gw_calloc(1, sizeof(*f));
    static char *const files[] = {"0002_one", "0003_two"};
    gw_arena_init(&f->arena);
    for (size_t i = 0; i < n; i++) {
        f->at[i] = (gw_migration){.index = (int64_t)i + 2,
                                  .file = files[i],
                                  .self = &f->fakes[i],
                                  .ops = &fake_ops};
    }
    f->migrations = (gw_migrations){.at = f->at, .n = n, .n_events = n};
    f->pipeline = gw_pipeline_new(&f->migrations, 1, NULL, NULL, NULL);
    return f;
}

static void
tear_down(struct fixture *f)
{
    gw_pipeline_free(f->pipeline);
    gw_arena_clear(&f->arena);
    for (size_t i = 0; i < 2; i++) {
        gw_buf_clear(&f->fakes[i].seen);
    }
    free(f);
}

/* "c a/1 1" creates with v, "u a/1 2" updates v, "d a/1 0" deletes */
static gw_position
position(struct fixture *f, int64_t number, size_t n, const char *const *events)
{
    gw_position p = {.position = number,
                     .events = {GW_ARENA_NEW(&f->arena, gw_event, n), n}};
    for (size_t i = 0; i < n; i++) {
        const char *space = strchr(events[i] + 2, ' ');
        char kind = events[i][0];
        const char *type = kind == 'c'   ? "create"
                           : kind == 'u' ? "update"
                                         : "delete";
        char *data = kind == 'd'
                         ? "null"
                         : gw_arena_printf(&f->arena, "{\"v\":%s}", space + 1);
        gw_slice fqid = {events[i] + 2, (size_t)(space - events[i]) - 2};
        assert_int_equal(gw_event_parse(&f->arena, fqid, gw_slice_of(type),
                                        gw_slice_of(data), &p.events.at[i],
                                        NULL),
                         0);
    }
    return p;
}

static gw_code
run(struct fixture *f, gw_position *p)
{
    return gw_pipeline_run(f->pipeline, &f->arena, p, &f->err);
}

static void
creates_are_offered_first_and_each_group_keeps_its_order(void **state)
{
    (void)state;
    struct fixture *f = set_up(1);
    gw_position first = position(f, 1, 1, (const char *[]){"c a/1 1"});
    gw_position p = position(
        f, 2, 4, (const char *[]){"u a/1 2", "c a/3 1", "d a/1 0", "c a/2 1"});

    assert_int_equal(run(f, &first), 0);
    f->fakes[0].seen.len = 0;
    assert_int_equal(run(f, &p), 0);

    assert_string_equal(gw_buf_cstr(&f->fakes[0].seen), "a/3+ a/2+ a/1~ a/1~ ");
    tear_down(f);
}

static void
events_that_say_nothing_are_dropped_but_added_ones_are_not(void **state)
{
    (void)state;
    struct fixture *f = set_up(1);
    f->fakes[0].empty_updates = true;
    f->fakes[0].adds_note = true;
    gw_position p = position(f, 5, 2, (const char *[]){"c a/1 1", "u a/1 2"});

    assert_int_equal(run(f, &p), 0);

    assert_int_equal(p.events.n, 2);
    assert_string_equal(p.events.at[1].fqid.text.at, "note/5");
    tear_down(f);
}

static void
an_error_names_file_position_and_event_and_leaves_no_trace(void **state)
{
    (void)state;
    struct fixture *f = set_up(2);
    f->fakes[1].fail_at = "a/2";
    gw_position p = position(f, 17, 2, (const char *[]){"c a/1 1", "c a/2 2"});
    gw_model model;

    assert_int_equal(run(f, &p), GW_E_MIGRATION);

    assert_string_equal(f->err.text,
                        "on purpose (0003_two, position 17, event 2)");
    for (size_t level = 0; level < 3; level++) {
        assert_int_equal(gw_keyframes_get(gw_pipeline_keyframes(f->pipeline),
                                          level, GW_LIT("a/1"), &model, NULL),
                         0);
        assert_int_equal(model.status, GW_STATUS_NONE);
    }
    tear_down(f);
}

static void
a_migration_that_creates_twice_is_stopped_by_the_new_keyframe(void **state)
{
    (void)state;
    struct fixture *f = set_up(1);
    f->fakes[0].double_events = true;
    gw_position p = position(f, 3, 1, (const char *[]){"c a/1 1"});

    assert_int_equal(run(f, &p), GW_E_MIGRATION);

    assert_non_null(strstr(f->err.text, "Model a/1 already exists"));
    tear_down(f);
}

static void
the_old_side_of_a_later_stage_goes_event_by_event(void **state)
{
    (void)state;
    struct fixture *f = set_up(2);
    f->fakes[1].looks_at_old = true;
    gw_position first = position(f, 1, 1, (const char *[]){"c a/1 1"});
    gw_position p = position(
        f, 2, 4, (const char *[]){"u a/1 2", "u a/1 3", "d a/1 0", "c b/1 1"});

    assert_int_equal(run(f, &first), 0);
    assert_int_equal(run(f, &p), 0);

    assert_string_equal(gw_buf_cstr(&f->fakes[1].seen),
                        "a/1+ (0:-1)b/1+ (1:1)a/1~ (1:1)a/1~ (1:2)a/1~ "
                        "(1:3)");
    tear_down(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            creates_are_offered_first_and_each_group_keeps_its_order),
        cmocka_unit_test(
            events_that_say_nothing_are_dropped_but_added_ones_are_not),
        cmocka_unit_test(
            an_error_names_file_position_and_event_and_leaves_no_trace),
        cmocka_unit_test(
            a_migration_that_creates_twice_is_stopped_by_the_new_keyframe),
        cmocka_unit_test(the_old_side_of_a_later_stage_goes_event_by_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
