/* SPDX-License-Identifier: Apache-2.0 */
/* Lua migrations, with an engine made of a few models. Outcomes are one line
 * of text: the events, `raw` before data that still is the stored text, or
 * `unchanged`, or the error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "migration/migration.h"

typedef struct fake_model {
    const char *fqid, *fields;
    bool deleted;
} fake_model;

static const fake_model models[] = {
    {"a/1", "{\"v\":1,\"name\":\"one\",\"d\":1.50,\"l\":[1,[2]]}", false},
    {"a/2", "{\"v\":2,\"name\":\"two\"}", true},
    {"a/4", "{\"v\":40,\"name\":\"four\",\"huge\":123456789012345678901}",
     false},
    {"b/1", "{\"v\":7}", false},
};

enum { MODELS = sizeof(models) / sizeof(models[0]) };

typedef struct fixture {
    gw_migration migration;
    bool is_open;
    gw_migration_limits limits;
    gw_arena arena;
    gw_position position;
    gw_context ctx;
    gw_event_list out;
    gw_buf text, log;
    gw_error err;
    bool engine_fails;
    char folder[64], lib[80];
} fixture;

/* ---- the engine */

static const fake_model *
find_model(gw_slice fqid)
{
    for (size_t i = 0; i < MODELS; i++)
        if (gw_slice_equal(fqid, gw_slice_of(models[i].fqid)))
            return &models[i];
    return NULL;
}

static gw_fields
fields_of(gw_arena *arena, const fake_model *m)
{
    gw_error err;
    gw_fields fields;

    assert_int_equal(
        gw_json_object(arena, gw_slice_of(m->fields), &fields, &err), GW_OK);
    return fields;
}

static gw_code
ctx_get(const gw_context *ctx, gw_side side, gw_slice fqid, gw_model *out,
        gw_error *err)
{
    fixture *f = ctx->engine;
    const fake_model *m = find_model(fqid);

    (void)side;
    if (f->engine_fails)
        return gw_fail(err, GW_E_STORE, "the store is gone");
    *out = (gw_model){0};
    if (!m)
        return GW_OK;
    out->status = m->deleted ? GW_STATUS_DELETED : GW_STATUS_ALIVE;
    out->meta_position = 3;
    /* states of this test live as long as the program */
    static gw_state *states[MODELS];
    if (!states[m - models])
        states[m - models] = gw_state_new(fields_of(&f->arena, m));
    out->state = states[m - models];
    return GW_OK;
}

static gw_code
ctx_ids(const gw_context *ctx, gw_side side, gw_slice collection,
        gw_values *out, gw_error *err)
{
    static const gw_slice ids[] = {{"1", 1}, {"4", 1}};

    (void)ctx;
    (void)err;
    *out = (gw_values){0};
    if (gw_slice_equal(collection, GW_LIT("a")))
        *out = (gw_values){(gw_slice *)ids, side == GW_SIDE_NEW ? 2 : 1};
    return GW_OK;
}

static gw_code
ctx_will_exist(const gw_context *ctx, gw_slice fqid, bool *out, gw_error *err)
{
    (void)ctx;
    (void)err;
    *out = find_model(fqid) != NULL;
    return GW_OK;
}

static void
ctx_log(const gw_context *ctx, gw_slice line)
{
    fixture *f = ctx->engine;

    gw_buf_slice(&f->log, line);
    gw_buf_byte(&f->log, '\n');
}

static const gw_context_ops ctx_ops = {ctx_get, ctx_ids, ctx_will_exist,
                                       ctx_log};

static gw_read_model
read_model(fixture *f, const fake_model *m)
{
    gw_read_model model = {.deleted = m->deleted};
    gw_fields fields = fields_of(&f->arena, m);

    assert_int_equal(gw_fqid_parse(gw_slice_of(m->fqid), &model.fqid, NULL),
                     GW_OK);
    model.fields = gw_fields_copy(&f->arena, fields, 1);
    model.fields.at[model.fields.n++] =
        (gw_field){GW_LIT("meta_position"), GW_LIT("3")};
    return model;
}

static gw_code
reader_get(gw_reader *r, gw_slice fqid, gw_read_model *out, bool *found,
           gw_error *err)
{
    const fake_model *m = find_model(fqid);

    (void)err;
    *found = m != NULL;
    if (m)
        *out = read_model(r->engine, m);
    return GW_OK;
}

static gw_code
reader_each(gw_reader *r, gw_slice collection,
            gw_code (*visit)(void *arg, const gw_read_model *model,
                             gw_error *err),
            void *arg, gw_error *err)
{
    for (size_t i = 0; i < MODELS; i++) {
        gw_read_model model = read_model(r->engine, &models[i]);

        if (!gw_slice_equal(gw_fqid_collection(&model.fqid), collection))
            continue;
        gw_code code = visit(arg, &model, err);
        if (code != GW_OK)
            return code;
    }
    return GW_OK;
}

static gw_code
reader_max_position(gw_reader *r, int64_t *out, gw_error *err)
{
    (void)r;
    (void)err;
    *out = 17;
    return GW_OK;
}

static gw_code
reader_history(gw_reader *r, int64_t from, int64_t to,
               gw_code (*visit)(void *arg, const gw_position *p, gw_error *err),
               void *arg, gw_error *err)
{
    fixture *f = r->engine;

    if (f->position.position < from || f->position.position > to)
        return GW_OK;
    return visit(arg, &f->position, err);
}

static const gw_reader_ops reader_ops = {
    reader_get, reader_each, reader_max_position, reader_history, NULL};

/* ---- the fixture */

static int
set_up(void **state)
{
    fixture *f = gw_calloc(1, sizeof(*f));
    static int64_t positions = 0;

    gw_arena_init(&f->arena);
    f->position = (gw_position){
        .position = 100 + ++positions,
        .timestamp = GW_LIT("2024-05-01T00:01:00+00:00"),
        .user_id = 5,
        .information = GW_LIT("{\"why\":[1,null]}"),
    };
    f->ctx = (gw_context){&f->arena, &f->position, 3, f, &ctx_ops};
    f->out.arena = &f->arena;
    strcpy(f->folder, "/tmp/gw_lua_test_XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->lib, sizeof(f->lib), "%s/lib", f->folder);
    *state = f;
    return mkdir(f->lib, 0700);
}

static void
close_script(fixture *f)
{
    if (f->is_open) {
        f->migration.ops->close(f->migration.self);
        free(f->migration.description);
    }
    f->is_open = false;
}

static int
tear_down(void **state)
{
    fixture *f = *state;
    char command[128];

    close_script(f);
    gw_arena_clear(&f->arena);
    gw_buf_clear(&f->text);
    gw_buf_clear(&f->log);
    snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    free(*state);
    return system(command);
}

static void
write_file(const fixture *f, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static gw_code
open_script(fixture *f, const char *script)
{
    close_script(f);
    f->migration = (gw_migration){.index = 3, .file = (char *)"0003_x.lua"};
    gw_code code = gw_lua_open(&f->migration, gw_slice_of(script), f->lib,
                               &f->limits, &f->err);
    f->is_open = code == GW_OK;
    return code;
}

/** The events of f->out, or the error, as text. */
static const char *
outcome(fixture *f, gw_code code, bool unchanged)
{
    f->text.len = 0;
    if (code != GW_OK) {
        gw_buf_text(&f->text, f->err.text);
        return gw_buf_cstr(&f->text);
    }
    if (unchanged) {
        assert_int_equal(f->out.n, 0);
        return "unchanged";
    }
    for (size_t i = 0; i < f->out.n; i++) {
        const gw_event *e = &f->out.at[i];
        gw_error err;

        if (i > 0)
            gw_buf_text(&f->text, "; ");
        gw_buf_printf(&f->text, "%s %.*s ", gw_event_type_name(e->type),
                      GW_FMT(e->fqid.text));
        if (e->raw.at)
            gw_buf_text(&f->text, "raw ");
        gw_event_put_data(&f->text, e);
        if (f->migration.type == GW_MIGRATION_EVENT &&
            gw_event_check(&f->arena, e, &err) != GW_OK)
            gw_buf_printf(&f->text, " (%s)", err.text);
    }
    return gw_buf_cstr(&f->text);
}

static gw_event
parse_event(fixture *f, const char *type, const char *fqid, const char *data)
{
    gw_event event;

    assert_int_equal(gw_event_parse(&f->arena, gw_slice_of(fqid),
                                    gw_slice_of(type), gw_slice_of(data),
                                    &event, &f->err),
                     GW_OK);
    return event;
}

/** Offers an event to the script that is open. */
static const char *
offer(fixture *f, const char *type, const char *fqid, const char *data)
{
    gw_event event = parse_event(f, type, fqid, data);
    bool unchanged = false;

    f->out.n = 0;
    gw_code code = f->migration.ops->migrate_event(
        f->migration.self, &f->ctx, &event, &f->out, &unchanged, &f->err);
    return outcome(f, code, unchanged);
}

/** A script with this body of migrate_event, and an event for it. */
static const char *
migrate(fixture *f, const char *body, const char *type, const char *fqid,
        const char *data)
{
    char *script = gw_arena_printf(
        &f->arena,
        "return { type = 'event', migrate_event = function(event, ctx)\n"
        "local data = event.data\n%s\nend }",
        body);

    if (open_script(f, script) != GW_OK)
        return f->err.text;
    return offer(f, type, fqid, data);
}

/** The fields that `body` makes of an update of a/1, without braces. */
static const char *
fields(fixture *f, const char *body, const char *data)
{
    return migrate(f, gw_arena_printf(&f->arena, "%s\nreturn { event }", body),
                   "update", "a/1", data);
}

/** What a script that runs `body` and returns a value gives, as JSON. */
static const char *
value_of(fixture *f, const char *expression)
{
    const char *text =
        migrate(f,
                gw_arena_printf(&f->arena,
                                "return { godwit.update('x/1', { v = %s }) }",
                                expression),
                "update", "a/1", "{\"v\":1}");
    static const char before[] = "update x/1 {\"v\":";
    size_t n = sizeof(before) - 1;

    if (strncmp(text, before, n) != 0)
        return text;
    f->text.len--;
    return gw_buf_cstr(&f->text) + n;
}

static const char *
migrate_models(fixture *f, const char *body)
{
    gw_reader reader = {&f->arena, true, 3, f, &reader_ops};
    char *script = gw_arena_printf(
        &f->arena,
        "return { type = 'model', migrate_models = function(reader, ctx)\n"
        "local function note(v) return { godwit.create('x/1', { v = v }) } "
        "end\n%s\nend }",
        body);

    if (open_script(f, script) != GW_OK)
        return f->err.text;
    f->out.n = 0;
    return outcome(f,
                   f->migration.ops->migrate_models(f->migration.self, &reader,
                                                    &f->out, &f->err),
                   false);
}

static void
assert_error(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("expected an error with \"%s\", got: %s", part, text);
}

/* ---- returns */

static void
returning_nothing_leaves_the_event(void **state)
{
    fixture *f = *state;

    assert_string_equal(migrate(f, "data.v = 2", "update", "a/1", "{\"v\":1}"),
                        "unchanged");
    assert_string_equal(migrate(f, "return nil", "delete", "a/1", "null"),
                        "unchanged");
}

static void
an_event_returned_as_it_was_is_unchanged(void **state)
{
    fixture *f = *state;

    assert_string_equal(fields(f, "", "{ \"v\" : 1.50 }"), "unchanged");
    assert_string_equal(fields(f, "local n = data.l[2].x", "{\"l\":[1,{}]}"),
                        "unchanged");
    assert_string_equal(fields(f, "for k, v in pairs(data) do end",
                               "{\"l\":[1,{\"a\": 1.10}],\"h\":1e400}"),
                        "unchanged");
    assert_string_equal(fields(f, "data.v = data.v", "{\"v\":\"\\u00e4\"}"),
                        "unchanged");
    assert_string_equal(
        migrate(f, "return { event }", "deletefields", "a/1", "[\"x\",\"y\"]"),
        "unchanged");
    assert_string_equal(migrate(f, "return { event }", "listfields", "a/1",
                                "{\"add\": {\"l\":[1.10]}, \"remove\":{}}"),
                        "unchanged");
}

static void
an_unchanged_event_among_others_keeps_its_stored_text(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        migrate(f, "local x = data.o.k return { event, godwit.delete('b/1') }",
                "create", "a/1", "{ \"o\": {\"k\" : 1} }"),
        "create a/1 raw { \"o\": {\"k\" : 1} }; delete b/1 null");
}

static void
a_list_replaces_the_event(void **state)
{
    fixture *f = *state;

    assert_string_equal(migrate(f, "return {}", "update", "a/1", "{\"v\":1}"),
                        "");
    assert_string_equal(
        migrate(f,
                "return { godwit.create('b/2', { z = 1, a = { true } }),"
                " godwit.update('b/2', { s = 'x' }),"
                " godwit.delete_fields('b/2', { 's', 'a' }),"
                " godwit.list_update('b/2', { add = { l = { 1 } } }),"
                " godwit.delete('b/2'), godwit.restore('b/2') }",
                "update", "a/1", "{\"v\":1}"),
        "create b/2 {\"a\":[true],\"z\":1}; update b/2 {\"s\":\"x\"}; "
        "deletefields b/2 [\"s\",\"a\"]; "
        "listfields b/2 {\"add\":{\"l\":[1]},\"remove\":{}}; "
        "delete b/2 null; restore b/2 null");
}

static void
wrong_returns_are_named(void **state)
{
    fixture *f = *state;
    static const char *const cases[][2] = {
        {"return 42", "0003_x.lua: migrate_event returned a number instead"},
        {"return { 42 }", "element 1 is a number"},
        {"return event", "put it in { }"},
        {"return { event, nil, event }", "without holes"},
        {"return { a = event }", "its keys must be 1 to n"},
        {"return { {} }", "element 1 is a table"},
        {"return { godwit.null }", "element 1 is a userdata"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_error(migrate(f, cases[i][0], "update", "a/1", "{\"v\":1}"),
                     cases[i][1]);
        assert_int_equal(f->out.n, 0);
    }
}

static void
makers_check_what_they_are_given(void **state)
{
    fixture *f = *state;
    static const char *const cases[][2] = {
        {"return { godwit.create('Box/1', {}) }", "Box/1"},
        {"return { godwit.create('a/1') }",
         "0003_x.lua:3: godwit.create: the fields must be a table, not nil"},
        {"return { godwit.create(1, {}) }", "an fqid must be text, not number"},
        {"return { godwit.delete_fields('a/1', 'v') }",
         "the names must be a table, not string"},
        {"return { godwit.delete_fields('a/1', { 1 }) }",
         "a list of field names holds a number"},
        {"return { godwit.list_update('a/1', { ad = {} }) }", "the key ad"},
        {"return { godwit.create('a/1', { 1, 2 }) }", "not a list"},
        {"return { godwit.update('a/1', { v = 0/0 }) }", "a/1: field 'v': "},
        {"return { godwit.update('a/1', { v = { 1, x = 2 } }) }",
         "without holes"},
        {"return { godwit.update('a/1', { v = { [2] = 2 } }) }", "the key 2"},
        {"return { godwit.update('a/1', { v = print }) }",
         "a function is no JSON value"},
        {"return { godwit.update('a/1', { v = '\\xff' }) }", "not valid UTF-8"},
        {"return { godwit.update('a/1', { v = '\\0' }) }", "a NUL"},
        {"local t = {} t.t = t return { godwit.update('a/1', { v = t }) }",
         "holds itself"},
        {"local t = {} for i = 1, 600 do t = { t } end return { "
         "godwit.update('a/1', { v = t }) }",
         "deeper than 512"},
        {"data.v = data return { event }", "holds itself"},
        {"event.type = 'create'", "event.type cannot be set"},
        {"event.data = 7", "must be a table, not a number"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_error(migrate(f, cases[i][0], "update", "a/1", "{\"v\":1}"),
                     cases[i][1]);
}

/* ---- event.data */

static void
fields_are_read_set_and_deleted_in_stored_order(void **state)
{
    fixture *f = *state;
    static const char data[] =
        "{\"z\":1,\"name\":\"n\",\"a\":[1, 2],\"b\":true}";

    assert_string_equal(
        fields(f, "data.username = data.name data.name = nil", data),
        "update a/1 {\"z\":1,\"a\":[1, 2],\"b\":true,"
        "\"username\":\"n\"}");
    assert_string_equal(fields(f, "data.z = false data.nope = nil", data),
                        "update a/1 {\"z\":false,\"name\":\"n\",\"a\":[1, 2],"
                        "\"b\":true}");
    assert_string_equal(
        fields(f,
               "local t = {} for k in pairs(data) do t[#t + 1] = k end "
               "data.keys = t data.x = 1 data.x = nil",
               data),
        "update a/1 {\"z\":1,\"name\":\"n\",\"a\":[1, 2],\"b\":true,"
        "\"keys\":[\"z\",\"name\",\"a\",\"b\"]}");
    assert_string_equal(
        fields(f,
               "data.t = type(data) data.n = next(data) data.m = "
               "next(data, 'b') == 't'",
               "{\"b\":1}"),
        "update a/1 {\"b\":1,\"t\":\"table\",\"n\":\"b\",\"m\":true}");
}

static void
many_fields_are_found(void **state)
{
    fixture *f = *state;
    gw_buf data = {0};

    for (int i = 0; i < 300; i++)
        gw_buf_printf(&data, "%s\"f_%d\":%d", i ? "," : "{", i, i);
    gw_buf_text(&data, "}");
    const char *text =
        fields(f,
               "local sum = 0 for k, v in pairs(data) do sum = sum + v end "
               "for i = 0, 299 do data['f_' .. i] = nil end "
               "for i = 1, 100 do data['g_' .. i] = i end "
               "for i = 2, 100 do data['g_' .. i] = nil end data.sum = sum",
               gw_buf_cstr(&data));

    assert_string_equal(text, "update a/1 {\"g_1\":1,\"sum\":44850}");
    gw_buf_clear(&data);
}

static void
a_nested_value_is_printed_again_only_when_it_changed(void **state)
{
    fixture *f = *state;
    static const char data[] =
        "{\"d\":{\"b\": {\"y\": 1, \"x\":[]}}, \"l\":[ 1,\"\\u00e4\" ]}";

    assert_string_equal(
        fields(f, "data.d.b.extra = godwit.object{} local _ = data.l[1]", data),
        "update a/1 {\"d\":{\"b\":{\"extra\":{},\"x\":[],\"y\":1}},"
        "\"l\":[ 1,\"\\u00e4\" ]}");
    assert_string_equal(
        fields(f,
               "table.remove(data.l) table.remove(data.l) data.d.b.x[1] = "
               "godwit.null",
               data),
        "update a/1 {\"d\":{\"b\":{\"x\":[null],\"y\":1}},\"l\":[]}");
    assert_string_equal(fields(f, "data.l[1] = 1.0", "{\"l\":[ 1 ]}"),
                        "update a/1 {\"l\":[1.0]}");
    assert_string_equal(fields(f, "data.e.x = nil", "{\"e\":{\"x\":1}}"),
                        "update a/1 {\"e\":{}}");
}

static void
names_and_lists_are_plain_tables(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        migrate(f, "data[1] = 'w' table.insert(data, 'q') return { event }",
                "deletefields", "a/1", "[\"v\",\"x\"]"),
        "deletefields a/1 [\"w\",\"x\",\"q\"]");
    assert_string_equal(
        migrate(f,
                "data.add.l[#data.add.l + 1] = 9 data.remove.k = { 'x' } "
                "return { event }",
                "listfields", "a/1",
                "{\"add\":{\"z\":[1.50],\"l\":[8]},\"remove\":{}}"),
        "listfields a/1 {\"add\":{\"z\":[1.50],\"l\":[8,9]},"
        "\"remove\":{\"k\":[\"x\"]}}");
    assert_string_equal(
        migrate(f, "assert(data == nil)", "delete", "a/1", "null"),
        "unchanged");
}

static void
the_fqid_and_the_whole_data_can_be_set(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        fields(f, "event.fqid = 'channel/' .. event.id", "{ \"v\": 1 }"),
        "update channel/1 raw { \"v\": 1 }");
    assert_string_equal(
        fields(f, "event.data = { w = data.v, v = data.v }", "{\"v\":[ 1]}"),
        "update a/1 {\"v\":[ 1],\"w\":[1]}");
    assert_string_equal(migrate(f,
                                "return { godwit.create('b/2', data), event }",
                                "create", "a/1", "{\"v\":[ 1]}"),
                        "create b/2 {\"v\":[ 1]}; create a/1 raw {\"v\":[ 1]}");
}

static void
the_members_of_an_event_are_there(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        migrate(f,
                "return { godwit.update('x/1', { v = { event.type, "
                "event.fqid, event.collection, event.id, "
                "math.type(event.id), tostring(event), event.nope == nil "
                "} }) }",
                "update", "a_b/12", "{\"v\":1}"),
        "update x/1 {\"v\":[\"update\",\"a_b/12\",\"a_b\",12,\"integer\","
        "\"update of a_b/12\",true]}");
}

static void
an_event_cannot_be_used_in_another_position(void **state)
{
    fixture *f = *state;

    assert_int_equal(
        open_script(f, "local kept, held return { type = 'event', "
                       "migrate_event = function(e) if kept then held.v = 2 "
                       "return { kept } end kept, held = e, e.data end }"),
        GW_OK);
    assert_string_equal(offer(f, "update", "a/1", "{\"v\":1}"), "unchanged");
    assert_string_equal(offer(f, "update", "a/2", "{\"v\":1}"),
                        "update a/1 {\"v\":2}");
    f->position.position += 1000;
    assert_error(offer(f, "update", "a/3", "{\"v\":1}"), "after its position");
}

/* ---- numbers and JSON */

static void
integers_are_exact(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        fields(f, "data.c = data.a + 1 data.d = data.b - data.a",
               "{\"a\":9007199254740993,\"b\":-9223372036854775808}"),
        "update a/1 {\"a\":9007199254740993,\"b\":-9223372036854775808,"
        "\"c\":9007199254740994,\"d\":9214364837600034815}");
}

static void
big_numbers_keep_their_text_when_moved(void **state)
{
    fixture *f = *state;
    static const char data[] = "{\"a\":123456789012345678901,"
                               "\"b\":-123456789012345678902,\"e\":1e400}";

    assert_string_equal(
        fields(f,
               "data.l = { data.a, data.b, data.e } data.a = nil "
               "data.b = nil data.e = nil",
               data),
        "update a/1 {\"l\":[123456789012345678901,-123456789012345678902,"
        "1e400]}");
    assert_string_equal(
        fields(f,
               "local a, b = data.a, data.b data.a, data.b, data.e = nil "
               "data.v = { tostring(a), a .. '', a > b, b < 5, a == a, "
               "type(a), a + 1, -a }",
               data),
        "update a/1 {\"v\":[\"123456789012345678901\","
        "\"123456789012345678901\",true,true,true,\"number\","
        "1.2345678901234568e+20,-1.2345678901234568e+20]}");
    assert_error(fields(f, "data.v = data.a + {}", data),
                 "arithmetic on a table");
}

static void
floats_print_shortest_and_keep_their_text_when_moved(void **state)
{
    fixture *f = *state;

    assert_string_equal(value_of(f, "{ 0.1, 1/3, 2^53, 1e300, 5e-324, -2.5, "
                                    "0.00001, 7 / 2, 8 // 3, 3.0, 1e16 }"),
                        "[0.1,0.3333333333333333,9007199254740992.0,1e+300,"
                        "4.94065645841247e-324,-2.5,1e-05,3.5,2,3.0,"
                        "10000000000000000.0]");
    assert_string_equal(
        fields(f, "data.x = { data.a, data.l } data.a = nil data.l = nil",
               "{\"a\":1.10,\"l\":[0.1000000000000000055,1E2,2.50]}"),
        "update a/1 {\"x\":[1.10,[0.1000000000000000055,1E2,2.50]]}");
    /* two texts of one double: neither is right for both */
    assert_string_equal(fields(f,
                               "data.x = data.a data.y = data.b data.a = nil "
                               "data.b = nil",
                               "{\"a\":1.10,\"b\":1.1}"),
                        "update a/1 {\"x\":1.1,\"y\":1.1}");
    assert_error(value_of(f, "1/0"), "inf is no number that JSON has");
}

static void
lists_and_objects_stay_what_they_are(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        value_of(f, "{ godwit.array{}, godwit.object{}, {}, { a = {} }, "
                    "godwit.array{1}, godwit.object{a=1}, godwit.null, "
                    "godwit.array(), { 'x' } }"),
        "[[],{},[],{\"a\":[]},[1],{\"a\":1},null,[],[\"x\"]]");
    assert_string_equal(value_of(f, "{ b = 1, a = 2, ['\\u{e4}'] = 3, B = 4 }"),
                        "{\"B\":4,\"a\":2,\"b\":1,\"ä\":3}");
    assert_error(value_of(f, "godwit.object{1}"), "the key 1");
}

static void
json_text_is_decoded_and_encoded(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        value_of(f, "godwit.json.decode(' {\"a\": [1, {\"b\": null}], "
                    "\"c\": {}, \"d\": \"\\\\u00e4\\\\n\", \"e\": 1.50 } ')"),
        "{\"a\":[1,{\"b\":null}],\"c\":{},\"d\":\"ä\\n\",\"e\":1.50}");
    assert_string_equal(
        value_of(f, "godwit.json.encode({ a = 'x\\n', b = { 1.5 } })"),
        "\"{\\\"a\\\":\\\"x\\\\n\\\",\\\"b\\\":[1.5]}\"");
    assert_string_equal(value_of(f, "godwit.json.encode(data)"),
                        "\"{\\\"v\\\":1}\"");
    assert_error(value_of(f, "godwit.json.decode('{')"), "0003_x.lua:3: ");
    assert_error(value_of(f, "godwit.json.encode(nil)"), "godwit.null is");
    assert_error(value_of(f, "godwit.json.encode(event)"), "its data is");
}

/* ---- ctx */

static void
accessors_return_copies_of_models(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        value_of(f, "(function() local m = ctx.new:get_model('a/1') m.v = 9 "
                    "m.l[1] = 2 local n = ctx.old:get_model('a/1') return { "
                    "m, n } end)()"),
        "[{\"v\":9,\"name\":\"one\",\"d\":1.50,\"l\":[2,[2]],"
        "\"meta_position\":3,\"meta_deleted\":false},"
        "{\"v\":1,\"name\":\"one\",\"d\":1.50,\"l\":[1,[2]],"
        "\"meta_position\":3,\"meta_deleted\":false}]");
    assert_string_equal(
        value_of(f, "{ ctx.new:get_deleted_model('a/2').v, "
                    "select(2, ctx.new:get_model_ignore_deleted('a/2')), "
                    "ctx.old:model_exists('a/2'), "
                    "ctx.old:model_not_deleted('a/2'), "
                    "ctx.old:model_exists('a/9'), ctx:will_exist('a/1'), "
                    "ctx:will_exist('a/9') }"),
        "[2,true,true,false,false,true,false]");
    assert_string_equal(
        value_of(f, "{ ctx.new:get_all_ids_for_collection('a'), "
                    "ctx.old:get_all_ids_for_collection('a'), "
                    "ctx.old:get_all_ids_for_collection('nosuch') }"),
        "[[1,4],[1],[]]");
}

static void
accessors_raise_the_errors_of_the_contract(void **state)
{
    fixture *f = *state;

    assert_string_equal(value_of(f, "ctx.new:get_model('a/3')"),
                        "0003_x.lua:3: Model a/3 does not exist");
    assert_string_equal(value_of(f, "ctx.old:get_model('a/2')"),
                        "0003_x.lua:3: Model a/2 is deleted");
    assert_string_equal(value_of(f, "ctx.old:get_deleted_model('a/9')"),
                        "0003_x.lua:3: Model a/9 does not exist");
    assert_string_equal(value_of(f, "ctx.old:get_deleted_model('a/1')"),
                        "0003_x.lua:3: Model a/1 is not deleted");
    assert_error(value_of(f, "ctx.new.get_model('a/1')"), "with a colon");
    assert_error(value_of(f, "ctx.new:get_model('nonsense')"), "nonsense");
    assert_error(value_of(f, "ctx.new:get_model(nil)"),
                 "the fqid must be text, not nil");
}

static void
the_context_tells_of_position_and_index(void **state)
{
    fixture *f = *state;

    f->position.position = 77;
    assert_string_equal(
        value_of(f, "{ ctx.position.position, ctx.position.timestamp, "
                    "ctx.position.user_id, ctx.position.information, "
                    "ctx.migration_index }"),
        "[77,\"2024-05-01T00:01:00+00:00\",5,{\"why\":[1,null]},3]");
    f->position.information = (gw_slice){0};
    assert_string_equal(value_of(f, "{ ctx.position.information }"), "[null]");
}

static void
an_error_of_the_engine_cannot_be_caught(void **state)
{
    fixture *f = *state;

    f->engine_fails = true;
    assert_string_equal(
        migrate(f,
                "while true do pcall(ctx.new.get_model, ctx.new, 'a/1') "
                "end",
                "update", "a/1", "{\"v\":1}"),
        "the store is gone");
    assert_int_equal(f->err.code, GW_E_STORE);
}

static void
a_migration_can_say_that_it_reads_no_models(void **state)
{
    fixture *f = *state;

    assert_int_equal(
        open_script(f, "return { type = 'event', reads_models = false, "
                       "migrate_event = function(e, ctx) "
                       "ctx.new:model_exists('a/1') end }"),
        GW_OK);
    const gw_migration *m = &f->migration;
    assert_false(m->ops->needs(m->self, GW_SIDE_NEW, GW_LIT("a")).all);
    assert_false(m->ops->needs(m->self, GW_SIDE_OLD, GW_LIT("a")).all);
    assert_error(offer(f, "update", "a/1", "{\"v\":1}"),
                 "remove `reads_models = false`");
    assert_string_equal(value_of(f, "1"), "1");
    assert_true(m->ops->needs(m->self, GW_SIDE_NEW, GW_LIT("a")).all);
}

/* Whether a migration that consists of `members` has its keyframes keep the
 * fields of models. */
static bool
keeps_fields(fixture *f, const char *members)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "return { type = 'event', %s }",
                   members);
    assert_int_equal(open_script(f, text), GW_OK);
    const gw_migration *m = &f->migration;
    return m->ops->needs(m->self, GW_SIDE_OLD, GW_LIT("a")).all &&
           m->ops->needs(m->self, GW_SIDE_NEW, GW_LIT("a")).all;
}

static void
models_are_kept_for_a_script_that_can_see_ctx(void **state)
{
    fixture *f = *state;

    assert_false(keeps_fields(f, "migrate_event = function(e) end"));
    assert_true(keeps_fields(f, "migrate_event = function(e, c) end"));
    assert_true(keeps_fields(f, "migrate_event = function(...) end"));
    assert_true(keeps_fields(f, "migrate_event = print or type"));
    assert_true(keeps_fields(f, "migrate_event = function(e) end, "
                                "position_init = function(ctx) end"));
    assert_true(keeps_fields(f, "additional_events = function(ctx) end"));
    assert_false(keeps_fields(f, "additional_events = function() end, "
                                 "order_events = function(events) end"));
    assert_true(keeps_fields(f, "migrate_event = function(e) end, "
                                "order_events = function(events, ctx) end"));
}

static void
hooks_share_locals_until_a_restart(void **state)
{
    fixture *f = *state;
    gw_error err;

    assert_int_equal(
        open_script(f,
                    "local n, inits = 0, 0\n"
                    "return { type = 'event', description = 'counts',\n"
                    "position_init = function(ctx) inits = inits + 1 end,\n"
                    "migrate_event = function(e) n = n + 1 end,\n"
                    "additional_events = function(ctx) return {\n"
                    "godwit.create('c/' .. n, { n = n, i = inits }) } end }"),
        GW_OK);
    const gw_migration *m = &f->migration;
    assert_string_equal(m->description, "counts");
    for (int run = 0; run < 2; run++) {
        assert_int_equal(m->ops->restart(m->self, &err), GW_OK);
        assert_int_equal(m->ops->position_init(m->self, &f->ctx, &err), GW_OK);
        offer(f, "update", "a/1", "{\"v\":1}");
        offer(f, "update", "a/1", "{\"v\":1}");
        f->out.n = 0;
        gw_code code =
            m->ops->additional_events(m->self, &f->ctx, &f->out, &f->err);
        assert_string_equal(outcome(f, code, false),
                            "create c/2 {\"i\":1,\"n\":2}");
    }
}

static const char *
order(fixture *f, const char *body)
{
    gw_event events[] = {
        parse_event(f, "update", "a/1", "{\"v\":1}"),
        parse_event(f, "create", "b/1", "{\"v\":1}"),
        parse_event(f, "delete", "a/1", "null"),
    };

    if (open_script(f, gw_arena_printf(
                           &f->arena,
                           "return { type = 'event', migrate_event = "
                           "function() end, order_events = function(events, "
                           "ctx) %s end }",
                           body)) != GW_OK)
        return f->err.text;
    f->out.n = 0;
    gw_code code = f->migration.ops->order_events(
        f->migration.self, &f->ctx, (gw_events){events, 3}, &f->out, &f->err);
    return outcome(f, code, false);
}

static void
the_order_of_events_can_be_chosen(void **state)
{
    fixture *f = *state;

    assert_string_equal(order(f, "return events"),
                        "update a/1 raw {\"v\":1}; create b/1 raw {\"v\":1}; "
                        "delete a/1 raw null");
    assert_string_equal(order(f, "return { events[3], events[1], events[2] }"),
                        "delete a/1 raw null; update a/1 raw {\"v\":1}; "
                        "create b/1 raw {\"v\":1}");
    assert_string_equal(order(f, ""),
                        "create b/1 raw {\"v\":1}; update a/1 raw {\"v\":1}; "
                        "delete a/1 raw null");
    assert_error(order(f, "return { events[1], events[2] }"), "each of");
    assert_error(order(f, "return { events[1], events[2], events[2] }"),
                 "each of");
    assert_error(order(f, "return { events[1], events[2], "
                          "godwit.delete('a/1') }"),
                 "each of");
}

static void
log_and_print_give_lines(void **state)
{
    fixture *f = *state;

    migrate(f, "godwit.log('at ' .. event.fqid) print(1, nil, godwit.null)",
            "update", "a/1", "{\"v\":1}");
    assert_string_equal(gw_buf_cstr(&f->log), "at a/1\n1\tnil\tnull\n");
}

static void
fqids_are_made_and_split(void **state)
{
    fixture *f = *state;

    assert_string_equal(value_of(f, "{ godwit.fqid('a_b', 12), "
                                    "godwit.split('a_b/12') }"),
                        "[\"a_b/12\",\"a_b\",12]");
    assert_error(value_of(f, "{ godwit.split('nothing') }"), "nothing");
    assert_error(value_of(f, "godwit.fqid('a', 1.5)"), "an integer, not 1.5");
}

/* ---- errors */

static void
errors_name_file_and_line(void **state)
{
    fixture *f = *state;
    static const char *const cases[][2] = {
        {"return data.x.y", "0003_x.lua:3: attempt to index a nil value "
                            "(field 'x')"},
        {"error('custom trouble')", "0003_x.lua:3: custom trouble"},
        {"error('no line', 0)", "0003_x.lua: no line"},
        {"error({ 1 })", "0003_x.lua: an error that is a table value"},
        {"error()", "0003_x.lua: an error that is a nil value"},
        {"error(12)", "0003_x.lua: 12"},
        {"error('a\\nb', 0)", "0003_x.lua: a b"},
        {"return (event.data.v)()", "0003_x.lua:3: attempt to call"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_error(migrate(f, cases[i][0], "update", "a/1", "{\"v\":1}"),
                     cases[i][1]);
    assert_int_equal(f->err.code, GW_E_MIGRATION);
}

static void
faulty_scripts_are_refused_when_opened(void **state)
{
    fixture *f = *state;
    static const char *const cases[][2] = {
        {"return { type = 'event', migrate_event = function( end }",
         "0003_x.lua:1: "},
        {"return 1", "must return its migration"},
        {"", "must return its migration"},
        {"return {}", "type must be \"event\" or \"model\""},
        {"return { type = 'event' }", "needs a function migrate_event"},
        {"return { type = 'model' }", "needs a function migrate_models"},
        {"return { type = 'event', migrate_event = 1 }",
         "must be a function, not a number"},
        {"error('at once')", "0003_x.lua:1: at once"},
        {"\x1bLua", "attempt to load a binary chunk"},
        {"while true do end", "longer than"},
    };

    f->limits.lua_seconds = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(open_script(f, cases[i][0]), GW_E_FILE);
        assert_int_equal(f->err.code, GW_E_FILE);
        assert_error(f->err.text, cases[i][1]);
    }
}

static void
a_file_name_longer_than_lua_keeps_is_whole_in_errors(void **state)
{
    fixture *f = *state;
    char name[] = "0003_a_very_long_name_of_a_migration_that_nobody_will_ever"
                  "_read_to_its_end.lua";
    gw_slice script = GW_LIT("\nerror('x')");

    f->migration = (gw_migration){.index = 3, .file = name};
    assert_int_equal(gw_lua_open(&f->migration, script, NULL, NULL, &f->err),
                     GW_E_FILE);
    assert_error(f->err.text, "to_its_end.lua:2: x");
}

/* ---- confinement */

static void
nothing_of_the_machine_can_be_reached(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {
        "io",         "os",       "debug",  "package", "load",
        "loadstring", "loadfile", "dofile", "warn",    "string.dump",
        "arg",        "jit",      "module",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_equal(
            value_of(f, gw_arena_printf(&f->arena, "%s == nil", names[i])),
            "true");
    assert_error(value_of(f, "setmetatable({}, { __gc = print })"), "__gc");
    assert_string_equal(
        value_of(f, "{ getmetatable(event) == false, getmetatable(data) == "
                    "false, getmetatable(ctx.new) == false, "
                    "getmetatable(godwit.null) == false, "
                    "getmetatable(godwit.array{}) }"),
        "[true,true,true,true,\"array\"]");
    assert_error(value_of(f, "setmetatable(godwit.array{}, {})"),
                 "protected metatable");
}

static void
modules_come_from_lib_only(void **state)
{
    fixture *f = *state;
    char path[128];

    write_file(f, "outside.lua", "return 'outside'");
    write_file(f, "lib/tools.lua",
               "local n = 0 return { count = function() n = n + 1 return n "
               "end }");
    write_file(f, "lib/bad.lua", "local x\nreturn x.y");
    write_file(f, "lib/code.lua", "\x1bLua");
    write_file(f, "lib/me.lua", "return require('me')");
    snprintf(path, sizeof(path), "%s/deep", f->lib);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(f, "lib/deep/more.lua", "return require('tools').count() + 10");
    snprintf(path, sizeof(path), "%s/link.lua", f->lib);
    assert_int_equal(symlink("../outside.lua", path), 0);

    assert_string_equal(
        value_of(f, "{ require('deep.more'), require('tools').count(), "
                    "require('deep.more') }"),
        "[11,2,11]");
    static const char *const cases[][2] = {
        {"require('nosuch')", "module 'nosuch' not found"},
        {"require('../outside')", "is no module"},
        {"require('..outside')", "is no module"},
        {"require('deep/more')", "is no module"},
        {"require('')", "is no module"},
        {"require('tools\\0x')", "is no module"},
        {"require('link')", "module 'link' not found"},
        {"require('deep')", "module 'deep' not found"},
        {"require('me')", "requires itself"},
        {"require('code')", "binary chunk"},
        {"require('bad')", "0003_x.lua: lib/bad.lua:2: attempt to index"},
        {"require(1)", "must be text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_error(value_of(f, cases[i][0]), cases[i][1]);
}

static void
a_restart_sees_the_modules_as_they_were(void **state)
{
    fixture *f = *state;
    gw_error err;

    write_file(f, "lib/one.lua", "return 1");
    assert_int_equal(
        open_script(f, "local one = require('one') return { type = 'event', "
                       "migrate_event = function() return { "
                       "godwit.update('a/1', { v = one }) } end }"),
        GW_OK);
    offer(f, "update", "a/1", "{\"v\":5}");
    write_file(f, "lib/one.lua", "return 2");
    assert_int_equal(f->migration.ops->restart(f->migration.self, &err), GW_OK);

    assert_string_equal(offer(f, "update", "a/1", "{\"v\":5}"),
                        "update a/1 {\"v\":1}");
}

/** Bodies that would never end; each must, soon after the second it has. */
static void
endless_scripts_are_stopped(void **state)
{
    fixture *f = *state;
    static const char *const bodies[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() return pcall(f) end while true do f() end",
        "while true do pcall(error) end",
        "xpcall(function() while true do end end, function() while true do "
        "end end)",
        "while true do xpcall(error, function() while true do end end) end",
        "while true do coroutine.wrap(function() while true do end end)() "
        "end",
        "while true do coroutine.resume(coroutine.create(function() while "
        "true do end end)) end",
        "local function deep() for i = 1, 1e9 do pcall(coroutine.wrap(deep)) "
        "end end deep()",
        "local close = setmetatable({}, { __close = function() while true do "
        "end end }) coroutine.wrap(function() local x <close> = close while "
        "true do end end)()",
        "local close = setmetatable({}, { __close = function() while true do "
        "end end }) pcall(function() for i in next, {}, nil, close do end "
        "end)",
        "local s = ('x'):gsub('x', function() while true do end end)",
        "table.sort({ 3, 2, 1 }, function() while true do end end)",
        "local s = ('x'):rep(1e6) while true do s:find('y') end",
    };

    f->limits.lua_seconds = 1;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        time_t before = time(NULL);
        const char *text = migrate(f, bodies[i], "update", "a/1", "{\"v\":1}");

        assert_error(text, "0003_x.lua: the script ran longer than its "
                           "limit of 1 s per call (0003_x.lua:");
        assert_true(time(NULL) - before < 4);
        /* it is finished until a restart */
        assert_error(offer(f, "update", "a/1", "{\"v\":1}"), "longer than");
        assert_int_equal(f->migration.ops->restart(f->migration.self, &f->err),
                         GW_OK);
    }
}

static void
short_calls_do_not_add_up(void **state)
{
    fixture *f = *state;

    f->limits.lua_seconds = 1;
    assert_int_equal(
        open_script(f, "return { type = 'event', migrate_event = function() "
                       "for i = 1, 3000000 do end end }"),
        GW_OK);
    clock_t until = clock() + 2 * CLOCKS_PER_SEC;
    while (clock() < until)
        assert_string_equal(offer(f, "update", "a/1", "{\"v\":1}"),
                            "unchanged");
}

static void
memory_eaters_are_stopped(void **state)
{
    fixture *f = *state;
    static const char *const bodies[] = {
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "return ('x'):rep(1e9)",
        "while true do pcall(string.rep, 'x', 1e9) end",
        "local t = {} while true do pcall(function() while true do t[#t + 1] "
        "= {} end end) end",
        "local t = {} local f = function() while true do t[#t + 1] = {} end "
        "end while true do coroutine.resume(coroutine.create(f)) end",
        "local t = {} local f = function() while true do t[#t + 1] = {} end "
        "end while true do pcall(coroutine.wrap(f)) end",
        "local t = {} while true do t[#t + 1] = "
        "ctx.new:get_model('a/1') end",
        "for i = 1, 1e9 do data['f' .. i] = ('x'):rep(1000) end",
    };

    f->limits.lua_memory_bytes = (size_t)8 * GW_MIB;
    f->limits.lua_seconds = 20;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_error(migrate(f, bodies[i], "update", "a/1", "{\"v\":1}"),
                     "needs more than its memory limit of 8 MiB");
    assert_int_equal(f->err.code, GW_E_MIGRATION);
}

static void
shared_tables_cannot_blow_up_the_output(void **state)
{
    fixture *f = *state;

    f->limits.lua_memory_bytes = (size_t)8 * GW_MIB;
    assert_error(value_of(f, "(function() local t = { 'x' } for i = 1, 40 do "
                             "t = { t, t } end return t end)()"),
                 "MiB");
    assert_error(value_of(f, "(function() local t = { 'x' } for i = 1, 40 do "
                             "t = { t, t } end return "
                             "godwit.json.encode(t) end)()"),
                 "MiB");
    assert_error(migrate(f,
                         "local s, t = ('x'):rep(1e6), {} local e = "
                         "godwit.update('a/1', { s = s }) for i = 1, 100 "
                         "do t[i] = e end return t",
                         "update", "a/1", "{\"v\":1}"),
                 "in one call");
}

static void
library_loops_without_end_are_refused(void **state)
{
    fixture *f = *state;

    assert_string_equal(value_of(f, "(''):rep(math.maxinteger)"), "\"\"");
    assert_error(value_of(f, "table.move({}, 1, math.maxinteger - 1, 2)"),
                 "too many elements");
    assert_error(value_of(f, "table.insert(setmetatable({}, { __len = "
                             "function() return 1 << 60 end }), 1, 1)"),
                 "without __len");
}

static void
coroutines_and_protected_calls_work(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        value_of(f, "(function() local co = coroutine.wrap(function(a) "
                    "local ok, b = pcall(function() return "
                    "coroutine.yield(a + 1) end) return b, ok end) return { "
                    "co(1), co('x') } end)()"),
        "[2,\"x\",true]");
    assert_string_equal(
        value_of(f, "{ pcall(error, 'm'), select(2, pcall(error, 'm')), "
                    "select(2, xpcall(error, function(m) return m .. '!' "
                    "end, 'm')) }"),
        "[false,\"m\",\"m!\"]");
    assert_error(value_of(f, "coroutine.wrap(function() error('in it') "
                             "end)()"),
                 "in it");
    assert_error(value_of(f, "(function() local c = coroutine.wrap(function() "
                             "end) c() c() end)()"),
                 "dead coroutine");
}

static void
results_are_the_same_every_time(void **state)
{
    fixture *f = *state;
    static const char expression[] =
        "(function() local t, o = {}, {} for i = 1, 50 do t['k' .. i * 7919 "
        "% 101] = i end t[3] = 1 t[1] = 1 for k in pairs(t) do o[#o + 1] = k "
        "end for i = 1, 5 do o[#o + 1] = math.random(1000000) end "
        "math.randomseed() o[#o + 1] = math.random(1000000) return o end)()";
    char *first = gw_strdup(value_of(f, expression));

    for (int i = 0; i < 5; i++)
        assert_string_equal(value_of(f, expression), first);
    assert_true(strncmp(first, "[1,3,\"k", 7) == 0);
    free(first);
}

/* ---- model migrations */

static void
the_reader_gives_models_that_are_alive(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        migrate_models(f, "return note(reader:get('a/1', { 'v', 'no', "
                          "'name' }))"),
        "create x/1 {\"v\":{\"v\":1,\"name\":\"one\"}}");
    assert_string_equal(
        migrate_models(f, "local all = reader:get_all('a') return note({ "
                          "all[1].v, all[2] == nil, all[4].huge, "
                          "all[4].meta_position })"),
        "create x/1 {\"v\":[1,true,123456789012345678901,3]}");
    assert_string_equal(
        migrate_models(f, "local m = reader:get_many({ { collection = 'a', "
                          "ids = { 1, 2, 99 }, fields = { 'v' } }, { "
                          "collection = 'b', ids = { 1 } } }) return note({ "
                          "m.a[1], m.a[2] == nil, m.b[1].v, next(m.a, 1) == "
                          "nil })"),
        "create x/1 {\"v\":[{\"v\":1},true,7,true]}");
    assert_error(migrate_models(f, "reader:get('a/3')"),
                 "0003_x.lua:3: Model a/3 does not exist");
    assert_error(migrate_models(f, "reader:get('a/2')"),
                 "Model a/2 is deleted");
    assert_error(migrate_models(f, "reader.get('a/2')"), "with a colon");
}

static void
the_reader_filters_and_aggregates(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        migrate_models(
            f, "local some = { field = 'v', operator = '>', value = 1 }\n"
               "local none = { field = 'v', operator = '=', value = 77 }\n"
               "local any = { field = 'v', operator = '>', value = 0 }\n"
               "return note({ reader:filter('a', some, { 'v' })[4], "
               "reader:exists('a', some), reader:exists('a', none), "
               "reader:count('a', any), reader:min('a', any, 'v'), "
               "reader:max('a', any, 'v'), reader:max('a', any, 'name'), "
               "reader:min('a', none, 'v') == nil })"),
        "create x/1 {\"v\":[{\"v\":40},true,false,2,1,40,\"one\",true]}");
    assert_error(migrate_models(f, "reader:count('a', { field = 'v' })"),
                 "0003_x.lua:3: ");
}

static void
the_reader_tells_states_and_history(void **state)
{
    fixture *f = *state;
    gw_event events[] = {
        parse_event(f, "update", "a/1", "{\"v\":1}"),
        parse_event(f, "delete", "b/1", "null"),
        parse_event(f, "delete", "a/1", "null"),
    };

    f->position.events = (gw_events){events, 3};
    f->position.position = 9;
    assert_string_equal(
        migrate_models(f, "return note({ reader:is_alive('a/1'), "
                          "reader:is_alive('a/2'), reader:is_deleted('a/2'), "
                          "reader:is_deleted('a/9'), "
                          "reader:model_exists('a/2'), "
                          "reader:model_exists('a/9'), "
                          "reader:max_position(), reader.in_memory, "
                          "ctx.migration_index })"),
        "create x/1 {\"v\":[true,false,true,false,true,false,17,true,3]}");
    assert_string_equal(
        migrate_models(f, "local h = reader:history(0, 100) return note({ #h, "
                          "h[1].position, h[1].user_id, h[1].information, "
                          "h[1].fqids, #reader:history(10, 11) })"),
        "create x/1 {\"v\":[1,9,5,{\"why\":[1,null]},[\"a/1\",\"b/1\"],0]}");
}

static void
a_model_update_carries_nulls_and_lists(void **state)
{
    fixture *f = *state;

    assert_string_equal(
        migrate_models(f, "return { godwit.update('a/1', { n = godwit.null, "
                          "v = 1 }, { add = { l = { 1 } }, remove = { k = { "
                          "'x' } } }), godwit.delete('b/1') }"),
        "update a/1 {\"n\":null,\"v\":1}; "
        "listfields a/1 {\"add\":{\"l\":[1]},\"remove\":{\"k\":[\"x\"]}}; "
        "delete b/1 null");
    assert_string_equal(migrate_models(f, ""), "");
}

static void
memory_used_up_in_a_reader_call_ends_the_script(void **state)
{
    fixture *f = *state;

    f->limits.lua_memory_bytes = (size_t)4 * GW_MIB;
    assert_error(migrate_models(f, "local t = {} while true do t[#t + 1] = "
                                   "select(2, pcall(reader.get_all, reader, "
                                   "'a')) end"),
                 "memory limit of 4 MiB");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(returning_nothing_leaves_the_event),
        TEST(an_event_returned_as_it_was_is_unchanged),
        TEST(an_unchanged_event_among_others_keeps_its_stored_text),
        TEST(a_list_replaces_the_event),
        TEST(wrong_returns_are_named),
        TEST(makers_check_what_they_are_given),
        TEST(fields_are_read_set_and_deleted_in_stored_order),
        TEST(many_fields_are_found),
        TEST(a_nested_value_is_printed_again_only_when_it_changed),
        TEST(names_and_lists_are_plain_tables),
        TEST(the_fqid_and_the_whole_data_can_be_set),
        TEST(the_members_of_an_event_are_there),
        TEST(an_event_cannot_be_used_in_another_position),
        TEST(integers_are_exact),
        TEST(big_numbers_keep_their_text_when_moved),
        TEST(floats_print_shortest_and_keep_their_text_when_moved),
        TEST(lists_and_objects_stay_what_they_are),
        TEST(json_text_is_decoded_and_encoded),
        TEST(accessors_return_copies_of_models),
        TEST(accessors_raise_the_errors_of_the_contract),
        TEST(the_context_tells_of_position_and_index),
        TEST(an_error_of_the_engine_cannot_be_caught),
        TEST(a_migration_can_say_that_it_reads_no_models),
        TEST(models_are_kept_for_a_script_that_can_see_ctx),
        TEST(hooks_share_locals_until_a_restart),
        TEST(the_order_of_events_can_be_chosen),
        TEST(log_and_print_give_lines),
        TEST(fqids_are_made_and_split),
        TEST(errors_name_file_and_line),
        TEST(faulty_scripts_are_refused_when_opened),
        TEST(a_file_name_longer_than_lua_keeps_is_whole_in_errors),
        TEST(nothing_of_the_machine_can_be_reached),
        TEST(modules_come_from_lib_only),
        TEST(a_restart_sees_the_modules_as_they_were),
        TEST(endless_scripts_are_stopped),
        TEST(short_calls_do_not_add_up),
        TEST(memory_eaters_are_stopped),
        TEST(shared_tables_cannot_blow_up_the_output),
        TEST(library_loops_without_end_are_refused),
        TEST(coroutines_and_protected_calls_work),
        TEST(results_are_the_same_every_time),
        TEST(the_reader_gives_models_that_are_alive),
        TEST(the_reader_filters_and_aggregates),
        TEST(the_reader_tells_states_and_history),
        TEST(a_model_update_carries_nulls_and_lists),
        TEST(memory_used_up_in_a_reader_call_ends_the_script),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
