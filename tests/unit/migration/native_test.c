/* SPDX-License-Identifier: Apache-2.0 */
/* Native migrations: real shared objects, built here with the compiler that
 * CC names (or cc), against include/godwit/migration.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "migration/migration.h"

static const char *
source_folder(void)
{
    const char *folder = getenv("GODWIT_SOURCE");

    return folder ? folder : ".";
}

/* Builds NAME.so in the folder of the test; its path. */
static char *
build(const char *folder, const char *name, const char *source,
      const char *flags)
{
    const char *cc = getenv("CC");
    gw_buf command = {0}, path = {0};

    gw_buf_printf(&path, "%s/%s.so", folder, name);
    gw_buf_printf(&command,
                  "%s -std=gnu17 -shared -fPIC -I%s/include %s -o %s %s/%s",
                  cc && *cc ? cc : "cc", source_folder(), flags,
                  gw_buf_cstr(&path), source_folder(), source);
    if (system(gw_buf_cstr(&command)) != 0)
        fail_msg("this fails: %s", command.at);
    gw_buf_clear(&command);
    return path.at;
}

struct fixture {
    char folder[64];
    char *built;
    gw_arena arena;
    gw_migration migration;
    gw_error err;
    gw_buf shown, logged;
    gw_state *user; /* of user/1 in all keyframes */
};

static void
set_up_folder(struct fixture *f)
{
    gw_arena_init(&f->arena);
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/godwit-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
}

static struct fixture *
open_source(const char *source)
{
    struct fixture *f = gw_calloc(1, sizeof(*f));
    gw_field fields[] = {{GW_LIT("name"), GW_LIT("\"Ada\"")},
                         {GW_LIT("n"), GW_LIT("1.50")}};

    set_up_folder(f);
    f->user = gw_state_new((gw_fields){fields, 2});
    f->built = build(f->folder, "0002_native", source, "");
    f->migration.file = gw_strdup("0002_native.so");
    f->migration.path = f->built;
    if (gw_native_open(&f->migration, &f->err) != GW_OK)
        fail_msg("%s", f->err.text);
    return f;
}

static int
set_up_events(void **state)
{
    *state = open_source("tests/unit/migration/native/every_call.c");
    return 0;
}

static int
set_up_models(void **state)
{
    *state = open_source("tests/unit/migration/native/models.c");
    return 0;
}

static int
set_up_example(void **state)
{
    *state = open_source("examples/native/0002_count_characters.c");
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    f->migration.ops->close(f->migration.self);
    free(f->migration.description);
    free(f->migration.file);
    (void)unlink(f->built);
    (void)rmdir(f->folder);
    free(f->built);
    gw_state_release(f->user);
    gw_buf_clear(&f->shown);
    gw_buf_clear(&f->logged);
    gw_arena_clear(&f->arena);
    free(f);
    return 0;
}

/* ---- the keyframes: user/1 lives, user/2 is deleted ---- */

static gw_code
get(const gw_context *ctx, gw_side side, gw_slice fqid, gw_model *out,
    gw_error *err)
{
    const struct fixture *f = ctx->engine;

    (void)err;
    *out = (gw_model){0};
    if (gw_slice_equal(fqid, GW_LIT("user/1")))
        *out = (gw_model){GW_STATUS_ALIVE, side == GW_SIDE_OLD ? 3 : 4, f->user,
                          0};
    if (gw_slice_equal(fqid, GW_LIT("user/2")))
        *out = (gw_model){GW_STATUS_DELETED, 3, NULL, 0};
    return GW_OK;
}

static gw_code
ids(const gw_context *ctx, gw_side side, gw_slice collection, gw_values *out,
    gw_error *err)
{
    gw_slice *at = GW_ARENA_NEW(ctx->arena, gw_slice, 2);

    (void)side;
    (void)err;
    assert_true(gw_slice_equal(collection, GW_LIT("user")));
    at[0] = GW_LIT("1");
    at[1] = GW_LIT("30");
    *out = (gw_values){at, 2};
    return GW_OK;
}

static gw_code
will_exist(const gw_context *ctx, gw_slice fqid, bool *out, gw_error *err)
{
    (void)ctx;
    (void)err;
    *out = gw_slice_equal(fqid, GW_LIT("user/1"));
    return GW_OK;
}

static void
log_line(const gw_context *ctx, gw_slice line)
{
    struct fixture *f = ctx->engine;

    gw_buf_printf(&f->logged, "%.*s\n", GW_FMT(line));
}

static const gw_context_ops context_ops = {get, ids, will_exist, log_line};

static gw_event
make_event(struct fixture *f, const char *type, const char *fqid,
           const char *data)
{
    gw_event event;

    if (gw_event_parse(&f->arena, gw_slice_of(fqid), gw_slice_of(type),
                       gw_slice_of(data), &event, &f->err) != GW_OK)
        fail_msg("%s", f->err.text);
    return event;
}

static gw_context
make_context(struct fixture *f, gw_position *position)
{
    return (gw_context){.arena = &f->arena,
                        .position = position,
                        .migration_index = 2,
                        .engine = f,
                        .ops = &context_ops};
}

static const char *
show(struct fixture *f, const gw_event_list *out)
{
    f->shown.len = 0;
    for (size_t i = 0; i < out->n; i++) {
        gw_buf_printf(&f->shown, "%s %.*s ",
                      gw_event_type_name(out->at[i].type),
                      GW_FMT(out->at[i].fqid.text));
        gw_event_put_data(&f->shown, &out->at[i]);
        gw_buf_byte(&f->shown, '\n');
    }
    return gw_buf_cstr(&f->shown);
}

static gw_code
offer(struct fixture *f, const char *type, const char *fqid, const char *data,
      const char **shown)
{
    gw_position position = {.position = 17};
    gw_context ctx = make_context(f, &position);
    gw_event event = make_event(f, type, fqid, data);
    gw_event_list out = {.arena = &f->arena};
    bool unchanged = false;
    gw_code code = f->migration.ops->migrate_event(
        f->migration.self, &ctx, &event, &out, &unchanged, &f->err);

    *shown = unchanged ? "unchanged" : show(f, &out);
    return code;
}

static const char *
migrate(struct fixture *f, const char *type, const char *fqid, const char *data)
{
    const char *shown;

    if (offer(f, type, fqid, data, &shown) != GW_OK)
        fail_msg("%s", f->err.text);
    return shown;
}

static void
assert_fails(struct fixture *f, const char *fqid, const char *text)
{
    const char *shown;

    assert_int_equal(offer(f, "update", fqid, "{\"x\":1}", &shown),
                     GW_E_MIGRATION);
    assert_int_equal(f->err.code, GW_E_MIGRATION);
    if (!strstr(f->err.text, text))
        fail_msg("'%s' does not hold '%s'", f->err.text, text);
    assert_int_equal(strncmp(f->err.text, "0002_native.so: ", 16), 0);
}

/* ---- events ---- */

static void
an_event_is_kept_dropped_or_passed_on_with_its_bytes(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(migrate(f, "update", "a/1", "{ \"x\" : 1.0 }"),
                        "unchanged");
    assert_string_equal(migrate(f, "update", "a/2", "{}"), "");
    assert_string_equal(migrate(f, "update", "a/3", "{ \"x\" : 1.0 }"),
                        "update a/3 { \"x\" : 1.0 }\n");
}

static void
makers_copy_what_is_on_the_stack(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(migrate(f, "update", "a/4", "{\"id\": 1.10 }"),
                        "create a/77 {\"made\":1,\"id\":1.10}\n"
                        "update a/4 {\"made\":1}\n"
                        "listfields a/4 {\"add\":{\"made\":[1]},"
                        "\"remove\":{}}\n"
                        "deletefields a/4 [\"made\",\"id\"]\n"
                        "delete a/4 null\n"
                        "restore a/4 null\n");
}

static void
local_state_lives_until_the_run_starts_again(void **state)
{
    struct fixture *f = *state;
    (void)migrate(f, "update", "a/4", "{\"id\":1}");

    assert_non_null(
        strstr(migrate(f, "update", "a/4", "{\"id\":1}"), "\"made\":2"));
    assert_int_equal(f->migration.ops->restart(f->migration.self, &f->err),
                     GW_OK);

    assert_non_null(
        strstr(migrate(f, "update", "a/4", "{\"id\":1}"), "\"made\":1"));
}

static void
keyframes_are_read_through_the_host(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(migrate(f, "update", "a/5", "{}"),
                        "update a/5 {\"model\":{\"name\":\"Ada\",\"n\":1.50},"
                        "\"name\":\"Ada\",\"ids\":[1,30],\"facts\":114}\n");
}

static void
failures_say_why_and_cannot_be_ignored(void **state)
{
    struct fixture *f = *state;

    assert_fails(f, "a/10", "no luck with ten");
    assert_fails(f, "a/11", "did not say why");
    assert_fails(f, "a/12", "returned 7");
    assert_fails(f, "a/13", "emitted 1 events and returned GODWIT_KEEP");
    assert_fails(f, "a/14", "Model user/9 does not exist");
    assert_fails(f, "a/15", "Model user/2 is deleted");
    assert_fails(f, "a/16", "Model user/1 is not deleted");
    assert_fails(f, "a/24", "max_position is for model migrations");
    assert_string_equal(migrate(f, "update", "a/17", "{}"), "unchanged");
}

static void
emitted_nonsense_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_fails(f, "a/20", "field 'x' has a value that is no JSON");
    assert_fails(f, "a/21", "'User/1' is no fqid");
    assert_fails(f, "a/22", "has fields that this type of event");
    assert_fails(f, "a/23", "without a type");
}

static void
position_init_sees_the_position(void **state)
{
    struct fixture *f = *state;
    gw_position position = {
        .position = 17, .user_id = 5, .information = GW_LIT("{\"by\":1}")};
    gw_context ctx = make_context(f, &position);

    assert_int_equal(
        f->migration.ops->position_init(f->migration.self, &ctx, &f->err),
        GW_OK);
    position.information = (gw_slice){0};
    assert_int_equal(
        f->migration.ops->position_init(f->migration.self, &ctx, &f->err),
        GW_OK);

    assert_string_equal(gw_buf_cstr(&f->logged),
                        "position 17 by 5, {\"by\":1}\n"
                        "position 17 by 5, null\n");
}

static void
additional_events_see_the_stored_events(void **state)
{
    struct fixture *f = *state;
    gw_event events[] = {make_event(f, "delete", "a/8", "null"),
                         make_event(f, "delete", "b/9", "null")};
    gw_position position = {.position = 17, .events = {events, 2}};
    gw_context ctx = make_context(f, &position);
    gw_event_list out = {.arena = &f->arena};

    assert_int_equal(f->migration.ops->additional_events(f->migration.self,
                                                         &ctx, &out, &f->err),
                     GW_OK);

    assert_string_equal(show(f, &out), "restore a/8 null\n"
                                       "restore b/9 null\n");
}

static void
order_events_must_name_each_event_once(void **state)
{
    struct fixture *f = *state;
    gw_event events[] = {make_event(f, "update", "a/8", "{ }"),
                         make_event(f, "delete", "b/9", "null")};
    gw_position position = {.position = 17, .events = {events, 2}};
    gw_context ctx = make_context(f, &position);
    gw_event_list out = {.arena = &f->arena};

    assert_int_equal(f->migration.ops->order_events(f->migration.self, &ctx,
                                                    position.events, &out,
                                                    &f->err),
                     GW_OK);
    assert_string_equal(show(f, &out), "delete b/9 null\nupdate a/8 { }\n");

    events[0] = make_event(f, "delete", "a/99", "null");
    assert_int_equal(f->migration.ops->order_events(f->migration.self, &ctx,
                                                    position.events, &out,
                                                    &f->err),
                     GW_E_MIGRATION);
    assert_non_null(strstr(f->err.text, "each once"));
}

static void
needs_are_those_of_the_descriptor(void **state)
{
    struct fixture *f = *state;
    const gw_migration_ops *ops = f->migration.ops;
    gw_mask old = ops->needs(f->migration.self, GW_SIDE_OLD, GW_LIT("user"));
    gw_mask new = ops->needs(f->migration.self, GW_SIDE_NEW, GW_LIT("user"));
    gw_mask other = ops->needs(f->migration.self, GW_SIDE_OLD, GW_LIT("x"));

    assert_false(old.all);
    assert_int_equal(old.n, 2);
    assert_true(gw_slice_equal(old.fields[1], GW_LIT("lang")));
    assert_true(new.all);
    assert_false(other.all);
    assert_int_equal(other.n, 0);
    assert_string_equal(f->migration.description, "tries everything");
}

/* ---- models ---- */

struct models {
    struct fixture *f;
    const char *const *rows; /* fqid, "" or "-" (deleted), fields */
};

static gw_read_model
read_row(struct fixture *f, const char *const *row)
{
    gw_read_model model = {.deleted = row[1][0] == '-'};

    assert_int_equal(gw_fqid_parse(gw_slice_of(row[0]), &model.fqid, &f->err),
                     GW_OK);
    assert_int_equal(
        gw_json_object(&f->arena, gw_slice_of(row[2]), &model.fields, &f->err),
        GW_OK);
    return model;
}

static gw_code
read_one(gw_reader *r, gw_slice fqid, gw_read_model *out, bool *found,
         gw_error *err)
{
    const struct models *models = r->engine;

    (void)err;
    for (const char *const *row = models->rows; *row; row += 3) {
        if (gw_slice_equal(fqid, gw_slice_of(row[0]))) {
            *out = read_row(models->f, row);
            *found = true;
        }
    }
    return GW_OK;
}

static gw_code
each(gw_reader *r, gw_slice collection,
     gw_code (*visit)(void *arg, const gw_read_model *model, gw_error *err),
     void *arg, gw_error *err)
{
    const struct models *models = r->engine;
    gw_code code = GW_OK;

    for (const char *const *row = models->rows; code == GW_OK && *row;
         row += 3) {
        gw_read_model model = read_row(models->f, row);

        if (gw_slice_equal(gw_fqid_collection(&model.fqid), collection))
            code = visit(arg, &model, err);
    }
    return code;
}

static gw_code
max_position(gw_reader *r, int64_t *out, gw_error *err)
{
    (void)r;
    (void)err;
    *out = 9;
    return GW_OK;
}

static gw_code
history(gw_reader *r, int64_t from, int64_t to,
        gw_code (*visit)(void *arg, const gw_position *p, gw_error *err),
        void *arg, gw_error *err)
{
    const struct models *models = r->engine;
    gw_event event = make_event(models->f, "delete", "user/2", "null");
    gw_position position = {.position = to, .events = {&event, 1}};

    assert_int_equal(from, 1);
    return visit(arg, &position, err);
}

static void
log_reader_line(gw_reader *r, gw_slice line)
{
    const struct models *models = r->engine;

    gw_buf_printf(&models->f->logged, "%.*s\n", GW_FMT(line));
}

static const gw_reader_ops reader_ops = {read_one, each, max_position, history,
                                         log_reader_line};

static gw_code
migrate_models(struct fixture *f, const char *const *rows, gw_event_list *out)
{
    struct models models = {f, rows};
    gw_reader reader = {.arena = &f->arena,
                        .migration_index = 3,
                        .engine = &models,
                        .ops = &reader_ops};

    *out = (gw_event_list){.arena = &f->arena};
    return f->migration.ops->migrate_models(f->migration.self, &reader, out,
                                            &f->err);
}

static void
model_migrations_read_filter_and_emit(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {
        "user/1", "",  "{\"n\":2,\"meta_position\":4,\"meta_deleted\":false}",
        "user/2", "-", "{\"n\":3,\"meta_position\":1,\"meta_deleted\":true}",
        "user/3", "",  "{\"n\":1,\"meta_position\":1,\"meta_deleted\":false}",
        "room/4", "-", "{\"meta_position\":5,\"meta_deleted\":true}",
        NULL,
    };
    gw_event_list out;

    if (migrate_models(f, rows, &out) != GW_OK)
        fail_msg("%s", f->err.text);

    assert_int_equal(f->migration.type, GW_MIGRATION_MODEL);
    assert_string_equal(show(f, &out),
                        "update user/1 {\"n\":114,\"name\":null}\n"
                        "update room/4 {\"n\":205,\"name\":null}\n");
    assert_string_equal(gw_buf_cstr(&f->logged), "9 has 1, first user/2\n");
}

static void
a_visit_that_fails_ends_the_migration(void **state)
{
    struct fixture *f = *state;
    const char *rows[] = {"user/2", "-",         "{\"n\":3}", "user/13",
                          "",       "{\"n\":2}", NULL};
    gw_event_list out;

    assert_int_equal(migrate_models(f, rows, &out), GW_E_MIGRATION);
    assert_string_equal(f->err.text, "0002_native.so: thirteen");

    rows[3] = "user/14";
    assert_int_equal(migrate_models(f, rows, &out), GW_E_MIGRATION);
    assert_non_null(strstr(f->err.text, "did not say why"));
}

static void
the_example_counts_characters(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        migrate(f, "create", "message/1",
                "{\"length\":9,\"content\":\"\\u00e4b\\n\",\"x\": 1.0}"),
        "create message/1 {\"content\":\"\\u00e4b\\n\",\"x\":1.0,"
        "\"length\":3}\n");
    assert_string_equal(migrate(f, "update", "message/1", "{\"content\":\"\"}"),
                        "update message/1 {\"content\":\"\",\"length\":0}\n");
    assert_string_equal(migrate(f, "update", "message/1", "{\"x\":1}"),
                        "unchanged");
    assert_string_equal(migrate(f, "create", "topic/1", "{\"content\":\"a\"}"),
                        "unchanged");
}

/* ---- loading ---- */

static void
wrong_objects_are_refused_with_the_reason(void **state)
{
    static const char *const reasons[] = {
        "exports no godwit_migration_entry",
        "was built for version 999 of the interface, this program has "
        "version 1; build it again",
        "its `size` is 24",
        "type 9 is no type",
        "a model migration has migrate_models and no other call",
        "an event migration has migrate_event or another call",
        "an event migration has migrate_event or another call",
        "needs[1] names collection 'user' of that side again",
    };
    struct fixture f = {0};

    (void)state;
    set_up_folder(&f);
    for (int fault = 1; fault <= 8; fault++) {
        char flag[32];
        gw_migration m = {0};

        (void)snprintf(flag, sizeof(flag), "-DFAULT=%d", fault);
        m.file = gw_strdup("0002_faulty.so");
        m.path = build(f.folder, "0002_faulty",
                       "tests/unit/migration/native/faulty.c", flag);
        assert_int_equal(gw_native_open(&m, &f.err), GW_E_FILE);
        if (!strstr(f.err.text, reasons[fault - 1]))
            fail_msg("'%s' does not hold '%s'", f.err.text, reasons[fault - 1]);
        assert_int_equal(strncmp(f.err.text, "0002_faulty.so: ", 16), 0);
        assert_null(m.ops);
        (void)unlink(m.path);
        free(m.path);
        free(m.file);
    }
    (void)rmdir(f.folder);
    gw_arena_clear(&f.arena);
}

static void
a_file_that_is_no_object_is_refused(void **state)
{
    gw_migration m = {.file = gw_strdup("0002_text.so"),
                      .path = gw_strdup("tests/no/such/0002_text.so")};
    gw_error err;

    (void)state;
    assert_int_equal(gw_native_open(&m, &err), GW_E_FILE);
    assert_non_null(strstr(err.text, "0002_text.so: cannot be loaded: "));
    free(m.file);
    free(m.path);
}

#define EVENTS(name)                                                           \
    cmocka_unit_test_setup_teardown(name, set_up_events, tear_down)
#define MODELS(name)                                                           \
    cmocka_unit_test_setup_teardown(name, set_up_models, tear_down)
#define EXAMPLE(name)                                                          \
    cmocka_unit_test_setup_teardown(name, set_up_example, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EVENTS(an_event_is_kept_dropped_or_passed_on_with_its_bytes),
        EVENTS(makers_copy_what_is_on_the_stack),
        EVENTS(local_state_lives_until_the_run_starts_again),
        EVENTS(keyframes_are_read_through_the_host),
        EVENTS(failures_say_why_and_cannot_be_ignored),
        EVENTS(emitted_nonsense_is_refused),
        EVENTS(position_init_sees_the_position),
        EVENTS(additional_events_see_the_stored_events),
        EVENTS(order_events_must_name_each_event_once),
        EVENTS(needs_are_those_of_the_descriptor),
        MODELS(model_migrations_read_filter_and_emit),
        MODELS(a_visit_that_fails_ends_the_migration),
        EXAMPLE(the_example_counts_characters),
        cmocka_unit_test(wrong_objects_are_refused_with_the_reason),
        cmocka_unit_test(a_file_that_is_no_object_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
