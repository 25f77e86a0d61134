/* SPDX-License-Identifier: Apache-2.0 */
/* What rules make of events and of models, and which files are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migration/migration.h"

struct fixture {
    gw_arena arena;
    gw_migration migration;
    gw_error err;
    gw_buf shown;
};

static int
set_up(void **state)
{
    struct fixture *f = gw_calloc(1, sizeof(*f));

    gw_arena_init(&f->arena);
    f->migration.file = gw_strdup("0002_x.json");
    *state = f;
    return 0;
}

static void
close_migration(struct fixture *f)
{
    if (f->migration.ops)
        f->migration.ops->close(f->migration.self);
    free(f->migration.description);
    f->migration.ops = NULL;
    f->migration.description = NULL;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    close_migration(f);
    free(f->migration.file);
    gw_buf_clear(&f->shown);
    gw_arena_clear(&f->arena);
    free(f);
    return 0;
}

static void
open_file(struct fixture *f, const char *json)
{
    close_migration(f);
    if (gw_rules_open(&f->migration, gw_slice_of(json), &f->err) != GW_OK)
        fail_msg("%s", f->err.text);
}

/* A file of these rules, without the brackets. */
static void
open_rules(struct fixture *f, const char *rules)
{
    open_file(f, gw_arena_printf(&f->arena, "{\"rules\":[%s]}", rules));
}

static void
open_model_rules(struct fixture *f, const char *rules)
{
    open_file(f, gw_arena_printf(&f->arena,
                                 "{\"type\":\"model\",\"rules\":[%s]}", rules));
}

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

/* What comes out: "unchanged", "gone", or "fqid data". */
static const char *
migrate(struct fixture *f, const char *type, const char *fqid, const char *data)
{
    gw_context ctx = {.arena = &f->arena, .migration_index = 2};
    gw_event event = make_event(f, type, fqid, data);
    gw_event_list out = {.arena = &f->arena};
    bool unchanged = false;

    assert_int_equal(f->migration.ops->migrate_event(f->migration.self, &ctx,
                                                     &event, &out, &unchanged,
                                                     &f->err),
                     GW_OK);
    /* the offered event is as it was */
    gw_buf before = {0};
    event.raw = (gw_slice){0};
    gw_event again = make_event(f, type, fqid, data);
    again.raw = (gw_slice){0};
    gw_event_put_data(&before, &event);
    f->shown.len = 0;
    gw_event_put_data(&f->shown, &again);
    assert_string_equal(gw_buf_cstr(&before), gw_buf_cstr(&f->shown));
    gw_buf_clear(&before);

    f->shown.len = 0;
    if (unchanged) {
        assert_int_equal(out.n, 0);
        return "unchanged";
    }
    if (out.n == 0)
        return "gone";
    assert_int_equal(out.n, 1);
    assert_string_equal(gw_event_type_name(out.at[0].type), type);
    gw_buf_printf(&f->shown, "%.*s ", GW_FMT(out.at[0].fqid.text));
    gw_event_put_data(&f->shown, &out.at[0]);
    return gw_buf_cstr(&f->shown);
}

/* ---- events ---- */

static void
events_of_other_collections_stay_as_they_are(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"add_fields\":{\"collection\":\"user\","
                  "\"fields\":{\"a\":1}}}");

    assert_string_equal(migrate(f, "create", "users/1", "{}"), "unchanged");
    assert_string_equal(migrate(f, "create", "use/1", "{}"), "unchanged");
    assert_string_equal(migrate(f, "create", "user/1", "{}"),
                        "user/1 {\"a\":1}");
}

static void
add_fields_replaces_on_create_and_keeps_the_text_of_values(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"add_fields\":{\"collection\":\"user\",\"fields\":"
                  "{\"a\": 1.10, \"b\": 9007199254740993123 ,"
                  "\"c\":[1, {\"x\" : null}]}}}");

    assert_string_equal(migrate(f, "create", "user/1", "{\"b\":2,\"z\":0}"),
                        "user/1 {\"b\":9007199254740993123,\"z\":0,"
                        "\"a\":1.10,\"c\":[1, {\"x\" : null}]}");
    assert_string_equal(migrate(f, "update", "user/1", "{\"b\":2}"),
                        "unchanged");
    assert_string_equal(migrate(f, "delete", "user/1", "null"), "unchanged");
}

static void
set_default_fills_only_what_is_missing(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"set_default\":{\"collection\":\"user\",\"fields\":"
                  "{\"a\":1,\"b\":2}}}");

    assert_string_equal(migrate(f, "create", "user/1", "{\"b\":\"\"}"),
                        "user/1 {\"b\":\"\",\"a\":1}");
    assert_string_equal(migrate(f, "create", "user/1", "{\"b\":0,\"a\":false}"),
                        "unchanged");
    assert_string_equal(migrate(f, "update", "user/1", "{}"), "unchanged");
}

static void
remove_fields_takes_the_first_mention_out_of_deletefields(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"remove_fields\":{\"collection\":\"user\","
                  "\"fields\":[\"nick\",\"l\"]}}");

    assert_string_equal(
        migrate(f, "update", "user/1", "{\"nick\":1,\"a\":2,\"l\":3}"),
        "user/1 {\"a\":2}");
    assert_string_equal(
        migrate(f, "deletefields", "user/1", "[\"nick\",\"x\",\"nick\",\"l\"]"),
        "user/1 [\"x\",\"nick\"]");
    assert_string_equal(migrate(f, "listfields", "user/1",
                                "{\"add\":{\"l\":[1],\"m\":[2]},"
                                "\"remove\":{\"l\":[3]}}"),
                        "user/1 {\"add\":{\"m\":[2]},\"remove\":{}}");
    assert_string_equal(migrate(f, "create", "user/1", "{\"nick\":1}"),
                        "user/1 {}");
    assert_string_equal(migrate(f, "create", "user/1", "{\"n\":1}"),
                        "unchanged");
}

static void
rename_field_replaces_what_stood_there(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"rename_field\":{\"collection\":\"user\","
                  "\"from\":\"name\",\"to\":\"username\"}}");

    assert_string_equal(
        migrate(f, "create", "user/1", "{\"username\":0,\"name\":\"a\"}"),
        "user/1 {\"username\":\"a\"}");
    assert_string_equal(migrate(f, "update", "user/1",
                                "{\"name\":\"a\",\"x\":1,\"username\":0}"),
                        "user/1 {\"username\":\"a\",\"x\":1}");
    assert_string_equal(migrate(f, "deletefields", "user/1",
                                "[\"username\",\"name\",\"x\",\"name\"]"),
                        "user/1 [\"username\",\"x\",\"name\",\"username\"]");
    assert_string_equal(migrate(f, "listfields", "user/1",
                                "{\"add\":{\"name\":[1],\"username\":[2]},"
                                "\"remove\":{\"username\":[3]}}"),
                        "user/1 {\"add\":{\"username\":[1]},"
                        "\"remove\":{\"username\":[3]}}");
    assert_string_equal(migrate(f, "update", "user/1", "{\"username\":1}"),
                        "unchanged");
}

static void
map_values_takes_the_first_equal_pair_once(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"map_values\":{\"collection\":\"user\",\"field\":\"l\","
                  "\"map\":[[\"a\",\"b\"],[\"b\",\"c\"],[\"a\",\"z\"],"
                  "[1,\"one\"],[{\"x\":[1, 2]},[]]]}}");

    assert_string_equal(migrate(f, "create", "user/1", "{\"l\":\"a\"}"),
                        "user/1 {\"l\":\"b\"}");
    assert_string_equal(migrate(f, "update", "user/1", "{\"l\":1}"),
                        "user/1 {\"l\":\"one\"}");
    assert_string_equal(migrate(f, "update", "user/1", "{\"l\":\"1\"}"),
                        "unchanged");
    assert_string_equal(migrate(f, "update", "user/1", "{\"l\":true}"),
                        "unchanged");
    assert_string_equal(migrate(f, "update", "user/1", "{\"l\":{\"x\":[1,2]}}"),
                        "user/1 {\"l\":[]}");
    assert_string_equal(migrate(f, "listfields", "user/1",
                                "{\"add\":{\"l\":[\"a\"]},\"remove\":{}}"),
                        "unchanged");
}

static void
map_values_finds_the_first_of_very_many_pairs(void **state)
{
    struct fixture *f = *state;
    gw_buf rules = {0};
    gw_buf_text(&rules, "{\"map_values\":{\"collection\":\"a\","
                        "\"field\":\"n\",\"map\":[[7,\"first\"]");
    for (int i = 0; i < 5000; i++)
        gw_buf_printf(&rules, ",[%d,\"v%d\"]", i, i);
    gw_buf_text(&rules, "]}}");

    open_rules(f, gw_buf_cstr(&rules));

    assert_string_equal(migrate(f, "update", "a/1", "{\"n\":7}"),
                        "a/1 {\"n\":\"first\"}");
    assert_string_equal(migrate(f, "update", "a/1", "{\"n\":4999}"),
                        "a/1 {\"n\":\"v4999\"}");
    assert_string_equal(migrate(f, "update", "a/1", "{\"n\":5000}"),
                        "unchanged");
    gw_buf_clear(&rules);
}

static void
rename_collection_keeps_the_bytes_of_the_data(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"rename_collection\":{\"from\":\"room\","
                  "\"to\":\"channel\"}}");

    assert_string_equal(
        migrate(f, "update", "room/9007199254740993", "{ \"a\" : 1.0 }"),
        "channel/9007199254740993 { \"a\" : 1.0 }");
    assert_string_equal(migrate(f, "delete", "room/3", "null"),
                        "channel/3 null");
    assert_string_equal(migrate(f, "delete", "roomy/3", "null"), "unchanged");
}

static void
drop_collection_makes_events_vanish(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"drop_collection\":{\"collection\":\"draft\"}},"
                  "{\"add_fields\":{\"collection\":\"draft\","
                  "\"fields\":{\"a\":1}}}");

    assert_string_equal(migrate(f, "create", "draft/3", "{}"), "gone");
    assert_string_equal(migrate(f, "create", "drafts/3", "{}"), "unchanged");
}

static void
copy_field_takes_the_value_on_create_if_there_is_one(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"copy_field\":{\"collection\":\"group\","
                  "\"from\":\"id\",\"to\":\"weight\"}}");

    assert_string_equal(
        migrate(f, "create", "group/1", "{\"weight\":9,\"id\":1.50}"),
        "group/1 {\"weight\":1.50,\"id\":1.50}");
    assert_string_equal(migrate(f, "create", "group/1", "{\"weight\":9}"),
                        "unchanged");
    assert_string_equal(migrate(f, "update", "group/1", "{\"id\":9}"),
                        "unchanged");
}

static void
wrap_in_list_leaves_lists_alone(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"wrap_in_list\":{\"collection\":\"a\","
                  "\"field\":\"t\"}}");

    assert_string_equal(migrate(f, "update", "a/1", "{\"t\":{}}"),
                        "a/1 {\"t\":[{}]}");
    assert_string_equal(migrate(f, "create", "a/1", "{\"t\":\"x\"}"),
                        "a/1 {\"t\":[\"x\"]}");
    assert_string_equal(migrate(f, "update", "a/1", "{\"t\":[]}"), "unchanged");
    assert_string_equal(migrate(f, "deletefields", "a/1", "[\"t\"]"),
                        "unchanged");
}

static void
remove_list_items_works_on_values_and_both_halves(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"remove_list_items\":{\"collection\":\"a\","
                  "\"field\":\"p\",\"items\":[\"see\",0]}}");

    assert_string_equal(
        migrate(f, "update", "a/1",
                "{\"p\":[ \"see\" , [\"see\"], 0,\"s\\u0065e\" ]}"),
        "a/1 {\"p\":[[\"see\"]]}");
}

static void
remove_list_items_leaves_what_it_does_not_hit(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"remove_list_items\":{\"collection\":\"a\","
                  "\"field\":\"p\",\"items\":[\"see\",0]}}");

    assert_string_equal(migrate(f, "update", "a/1", "{\"p\":[1, 2]}"),
                        "unchanged");
    assert_string_equal(migrate(f, "update", "a/1", "{\"p\":\"see\"}"),
                        "unchanged");
    assert_string_equal(migrate(f, "deletefields", "a/1", "[\"p\"]"),
                        "unchanged");
    assert_string_equal(migrate(f, "listfields", "a/1",
                                "{\"add\":{\"p\":[\"see\",\"c\"]},"
                                "\"remove\":{\"p\":[0,\"z\",\"see\"]}}"),
                        "a/1 {\"add\":{\"p\":[\"c\"]},"
                        "\"remove\":{\"p\":[\"z\"]}}");
    assert_string_equal(
        migrate(f, "listfields", "a/1", "{\"add\":{\"p\":[0]},\"remove\":{}}"),
        "a/1 {\"add\":{\"p\":[]},\"remove\":{}}");
}

static void
rules_work_on_each_others_result_under_new_names(void **state)
{
    struct fixture *f = *state;
    open_rules(f,
               "{\"rename_field\":{\"collection\":\"room\",\"from\":\"name\","
               "\"to\":\"title\"}},"
               "{\"set_default\":{\"collection\":\"room\",\"fields\":"
               "{\"title\":\"none\",\"mode\":\"z\"}}},"
               "{\"rename_collection\":{\"from\":\"room\",\"to\":\"channel\"}},"
               "{\"map_values\":{\"collection\":\"channel\",\"field\":\"mode\","
               "\"map\":[[\"a\",\"alpha\"]]}},"
               "{\"map_values\":{\"collection\":\"room\",\"field\":\"mode\","
               "\"map\":[[\"alpha\",\"wrong\"]]}}");

    assert_string_equal(
        migrate(f, "create", "room/1", "{\"name\":\"x\",\"mode\":\"a\"}"),
        "channel/1 {\"title\":\"x\",\"mode\":\"alpha\"}");
    assert_string_equal(migrate(f, "create", "room/2", "{}"),
                        "channel/2 {\"title\":\"none\",\"mode\":\"z\"}");
    assert_string_equal(migrate(f, "update", "channel/3", "{\"mode\":\"a\"}"),
                        "channel/3 {\"mode\":\"alpha\"}");
}

static void
collections_can_change_places(void **state)
{
    struct fixture *f = *state;
    open_rules(f, "{\"rename_collection\":{\"from\":\"a\",\"to\":\"tmp\"}},"
                  "{\"rename_collection\":{\"from\":\"b\",\"to\":\"a\"}},"
                  "{\"rename_collection\":{\"from\":\"tmp\",\"to\":\"b\"}}");

    assert_string_equal(migrate(f, "delete", "a/1", "null"), "b/1 null");
    assert_string_equal(migrate(f, "delete", "b/1", "null"), "a/1 null");
}

/* ---- needs ---- */

static const char *
needed(struct fixture *f, gw_side side, const char *collection)
{
    gw_mask mask = f->migration.ops->needs(f->migration.self, side,
                                           gw_slice_of(collection));

    if (mask.all)
        return "all";
    f->shown.len = 0;
    for (size_t i = 0; i < mask.n; i++)
        gw_buf_printf(&f->shown, "%s%.*s", i ? " " : "",
                      GW_FMT(mask.fields[i]));
    return gw_buf_cstr(&f->shown);
}

static void
needs_are_the_fields_whose_errors_rules_could_hide(void **state)
{
    struct fixture *f = *state;
    open_rules(f,
               "{\"rename_field\":{\"collection\":\"a\",\"from\":\"x\","
               "\"to\":\"y\"}},"
               "{\"remove_fields\":{\"collection\":\"a\",\"fields\":[\"b\","
               "\"x\"]}},"
               "{\"copy_field\":{\"collection\":\"a\",\"from\":\"p\","
               "\"to\":\"q\"}},"
               "{\"rename_collection\":{\"from\":\"room\",\"to\":\"hall\"}},"
               "{\"wrap_in_list\":{\"collection\":\"hall\",\"field\":\"w\"}},"
               "{\"drop_collection\":{\"collection\":\"draft\"}}");

    assert_string_equal(needed(f, GW_SIDE_OLD, "a"), "b q x y");
    assert_string_equal(needed(f, GW_SIDE_OLD, "room"), "all");
    assert_string_equal(needed(f, GW_SIDE_OLD, "hall"), "w");
    assert_string_equal(needed(f, GW_SIDE_OLD, "draft"), "all");
    assert_string_equal(needed(f, GW_SIDE_OLD, "other"), "");
    assert_string_equal(needed(f, GW_SIDE_NEW, "a"), "");
    assert_string_equal(needed(f, GW_SIDE_NEW, "draft"), "");
}

/* ---- models ---- */

struct models {
    struct fixture *f;
    const char *const *rows; /* collection/id, "" or "-" (deleted), fields */
};

static gw_code
each(gw_reader *r, gw_slice collection,
     gw_code (*visit)(void *arg, const gw_read_model *model, gw_error *err),
     void *arg, gw_error *err)
{
    const struct models *models = r->engine;
    gw_code code = GW_OK;

    for (const char *const *row = models->rows; code == GW_OK && *row;
         row += 3) {
        gw_read_model model = {.deleted = row[1][0] == '-'};

        assert_int_equal(gw_fqid_parse(gw_slice_of(row[0]), &model.fqid, err),
                         GW_OK);
        if (!gw_slice_equal(gw_fqid_collection(&model.fqid), collection))
            continue;
        assert_int_equal(gw_json_object(&models->f->arena, gw_slice_of(row[2]),
                                        &model.fields, err),
                         GW_OK);
        code = visit(arg, &model, err);
    }
    return code;
}

static const gw_reader_ops reader_ops = {.each = each};

/* The requests: "fqid fields\n" each. */
static const char *
migrate_models(struct fixture *f, const char *const *rows)
{
    struct models models = {f, rows};
    gw_reader reader = {
        .arena = &f->arena, .engine = &models, .ops = &reader_ops};
    gw_event_list out = {.arena = &f->arena};

    assert_int_equal(f->migration.ops->migrate_models(f->migration.self,
                                                      &reader, &out, &f->err),
                     GW_OK);
    f->shown.len = 0;
    for (size_t i = 0; i < out.n; i++) {
        assert_int_equal(out.at[i].type, GW_EVENT_UPDATE);
        gw_buf_printf(&f->shown, "%.*s ", GW_FMT(out.at[i].fqid.text));
        gw_json_put_fields(&f->shown, out.at[i].set);
        gw_buf_byte(&f->shown, '\n');
    }
    return gw_buf_cstr(&f->shown);
}

static const char *const users[] = {
    "user/1", "",  "{\"lang\":\"de\",\"n\":5,\"tags\":\"x\"}",
    "user/2", "",  "{\"n\":1,\"tags\":[\"x\",\"y\"]}",
    "user/3", "",  "{\"lang\":\"fr\",\"nick\":\"e\"}",
    "user/4", "-", "{\"lang\":\"de\",\"nick\":\"g\"}",
    "room/1", "",  "{\"lang\":\"de\"}",
    NULL,
};

static void
model_rules_touch_only_live_models_that_change(void **state)
{
    struct fixture *f = *state;
    open_model_rules(f, "{\"rename_field\":{\"collection\":\"user\","
                        "\"from\":\"nick\",\"to\":\"alias\"}},"
                        "{\"map_values\":{\"collection\":\"user\","
                        "\"field\":\"lang\",\"map\":[[\"de\",\"de_DE\"]]}}");

    assert_int_equal(f->migration.type, GW_MIGRATION_MODEL);
    assert_string_equal(migrate_models(f, users),
                        "user/1 {\"lang\":\"de_DE\"}\n"
                        "user/3 {\"alias\":\"e\",\"nick\":null}\n");
}

static void
model_rules_go_by_collection_in_ascending_order(void **state)
{
    struct fixture *f = *state;
    open_model_rules(f, "{\"set_fields\":{\"collection\":\"user\",\"fields\":"
                        "{\"n\":1}}},"
                        "{\"set_default\":{\"collection\":\"room\",\"fields\":"
                        "{\"seats\":4,\"lang\":\"x\"}}}");

    assert_string_equal(migrate_models(f, users), "room/1 {\"seats\":4}\n"
                                                  "user/1 {\"n\":1}\n"
                                                  "user/3 {\"n\":1}\n");
}

static void
model_rules_say_nothing_when_all_is_as_it_was(void **state)
{
    struct fixture *f = *state;
    open_model_rules(
        f, "{\"rename_field\":{\"collection\":\"user\",\"from\":\"n\","
           "\"to\":\"m\"}},"
           "{\"rename_field\":{\"collection\":\"user\",\"from\":\"m\","
           "\"to\":\"n\"}},"
           "{\"set_fields\":{\"collection\":\"room\",\"fields\":"
           "{\"lang\" : \"d\\u0065\"}}}");

    assert_string_equal(migrate_models(f, users), "");
}

static void
model_rules_with_a_filter_see_what_rules_before_made(void **state)
{
    struct fixture *f = *state;
    open_model_rules(
        f, "{\"set_fields\":{\"collection\":\"user\",\"fields\":"
           "{\"mark\":1},\"where\":{\"field\":\"n\",\"operator\":\">\","
           "\"value\":1}}},"
           "{\"remove_fields\":{\"collection\":\"user\",\"fields\":"
           "[\"tags\",\"nothing\"],\"where\":{\"field\":\"mark\","
           "\"operator\":\"=\",\"value\":1}}}");

    assert_string_equal(migrate_models(f, users),
                        "user/1 {\"mark\":1,\"tags\":null}\n");
}

/* ---- faulty files ---- */

static void
a_description_is_kept(void **state)
{
    struct fixture *f = *state;

    open_file(f, "{\"description\":\"\\u00fc \\\"q\\\"\",\"rules\":[]}");

    assert_string_equal(f->migration.description, "ü \"q\"");
    assert_string_equal(f->migration.ops->kind, "rules");
    assert_string_equal(migrate(f, "create", "a/1", "{}"), "unchanged");
}

struct fault {
    const char *json, *text;
};

static const struct fault faults[] = {
    {"", "0002_x.json: "},
    {"[]", "0002_x.json: "},
    {"{}", "0002_x.json: member 'rules' is missing"},
    {"{\"rules\":[],\"rule\":[]}", "0002_x.json: unknown member 'rule'"},
    {"{\"rules\":[],\"rules\":[]}", "0002_x.json: "},
    {"{\"rules\":{}}", "'rules' must be a list"},
    {"{\"rules\":[],\"description\":1}", "'description' must be text"},
    {"{\"rules\":[],\"type\":\"models\"}", "'type' must be"},
    {"{\"rules\":[1]}", "0002_x.json: rule 1: must be an object"},
    {"{\"rules\":[{}]}", "rule 1: must be an object with one operation"},
    {"{\"rules\":[{\"drop_collection\":{\"collection\":\"a\"}},"
     "{\"add_field\":{}}]}",
     "0002_x.json: rule 2: unknown rule 'add_field'; there are add_fields"},
    {"{\"rules\":[{\"rename_field\":{\"collection\":\"a\",\"from\":\"a\","
     "\"to\":\"b\",\"into\":\"c\"}}]}",
     "0002_x.json: rule 1 (rename_field): unknown member 'into'; it may "
     "have 'collection', 'from', 'to'"},
    {"{\"rules\":[{\"remove_fields\":{\"collection\":\"a\"}}]}",
     "rule 1 (remove_fields): member 'fields' is missing"},
    {"{\"rules\":[{\"remove_fields\":[]}]}",
     "rule 1 (remove_fields): must be an object"},
    {"{\"rules\":[{\"set_default\":{\"collection\":\"a\",\"fields\":"
     "[\"a\"]}}]}",
     "rule 1 (set_default): member 'fields': must be an object"},
    {"{\"rules\":[{\"add_fields\":{\"collection\":\"a\",\"fields\":"
     "{\"x\":null}}}]}",
     "member 'fields': 'x' may not be null"},
    {"{\"rules\":[{\"add_fields\":{\"collection\":\"a\",\"fields\":"
     "{\"x\":1,\"x\":2}}}]}",
     "0002_x.json: "},
    {"{\"rules\":[{\"add_fields\":{\"collection\":\"a\",\"fields\":"
     "{\"meta_deleted\":true}}}]}",
     "'meta_deleted' is reserved"},
    {"{\"rules\":[{\"add_fields\":{\"collection\":\"A\",\"fields\":{}}}]}",
     "member 'collection': 'A' is no collection name"},
    {"{\"rules\":[{\"add_fields\":{\"collection\":7,\"fields\":{}}}]}",
     "member 'collection': must be a collection's name, not 7"},
    {"{\"rules\":[{\"rename_collection\":{\"from\":\"a\",\"to\":"
     "\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee\"}}]}",
     "is no collection name"},
    {"{\"rules\":[{\"rename_collection\":{\"from\":\"a\",\"to\":\"a\"}}]}",
     "'from' and 'to' are the same"},
    {"{\"rules\":[{\"copy_field\":{\"collection\":\"a\",\"from\":\"x\","
     "\"to\":\"x\"}}]}",
     "'from' and 'to' are the same"},
    {"{\"rules\":[{\"remove_fields\":{\"collection\":\"a\",\"fields\":"
     "[\"x\",\"y\",\"x\"]}}]}",
     "member 'fields': 'x' is given twice"},
    {"{\"rules\":[{\"remove_fields\":{\"collection\":\"a\",\"fields\":"
     "[\"x\",\"Y\"]}}]}",
     "'Y' is no field name"},
    {"{\"rules\":[{\"map_values\":{\"collection\":\"a\",\"field\":\"x\","
     "\"map\":[[1]]}}]}",
     "member 'map': must be a list of pairs"},
    {"{\"rules\":[{\"map_values\":{\"collection\":\"a\",\"field\":\"x\","
     "\"map\":[[1,null]]}}]}",
     "makes a field null"},
    {"{\"rules\":[{\"remove_list_items\":{\"collection\":\"a\",\"field\":"
     "\"x\",\"items\":\"y\"}}]}",
     "member 'items': must be a list"},
    {"{\"rules\":[{\"set_fields\":{\"collection\":\"a\",\"fields\":{}}}]}",
     "set_fields is no rule for migrations of type \"event\""},
    {"{\"type\":\"model\",\"rules\":[{\"drop_collection\":"
     "{\"collection\":\"a\"}}]}",
     "drop_collection is no rule for migrations of type \"model\""},
    {"{\"rules\":[{\"set_default\":{\"collection\":\"a\",\"fields\":{},"
     "\"where\":{\"field\":\"v\",\"operator\":\"=\",\"value\":1}}}]}",
     "'where' is for rules of \"type\": \"model\" only"},
    {"{\"type\":\"model\",\"rules\":[{\"set_default\":{\"collection\":\"a\","
     "\"fields\":{},\"where\":{\"field\":\"v\",\"operator\":\"==\","
     "\"value\":1}}}]}",
     "rule 1 (set_default): member 'where': 'operator' must be one of"},
};

static void
faulty_files_are_refused_naming_file_rule_and_member(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        gw_code code =
            gw_rules_open(&f->migration, gw_slice_of(faults[i].json), &f->err);

        if (code != GW_E_FILE || f->err.code != GW_E_FILE ||
            !strstr(f->err.text, faults[i].text))
            fail_msg("%s\ngives '%s'\nnot   '%s'", faults[i].json,
                     code == GW_OK ? "no error" : f->err.text, faults[i].text);
        assert_null(f->migration.ops);
    }
}

static void
more_rules_than_allowed_are_refused(void **state)
{
    struct fixture *f = *state;
    gw_buf json = {0};
    gw_buf_text(&json, "{\"rules\":[1");
    for (int i = 0; i < 10000; i++)
        gw_buf_text(&json, ",1");
    gw_buf_text(&json, "]}");

    assert_int_equal(
        gw_rules_open(&f->migration, gw_buf_as_slice(&json), &f->err),
        GW_E_FILE);

    assert_non_null(strstr(f->err.text, "10001 rules"));
    gw_buf_clear(&json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_of_other_collections_stay_as_they_are),
        TEST(add_fields_replaces_on_create_and_keeps_the_text_of_values),
        TEST(set_default_fills_only_what_is_missing),
        TEST(remove_fields_takes_the_first_mention_out_of_deletefields),
        TEST(rename_field_replaces_what_stood_there),
        TEST(map_values_takes_the_first_equal_pair_once),
        TEST(map_values_finds_the_first_of_very_many_pairs),
        TEST(rename_collection_keeps_the_bytes_of_the_data),
        TEST(drop_collection_makes_events_vanish),
        TEST(copy_field_takes_the_value_on_create_if_there_is_one),
        TEST(wrap_in_list_leaves_lists_alone),
        TEST(remove_list_items_works_on_values_and_both_halves),
        TEST(remove_list_items_leaves_what_it_does_not_hit),
        TEST(rules_work_on_each_others_result_under_new_names),
        TEST(collections_can_change_places),
        TEST(needs_are_the_fields_whose_errors_rules_could_hide),
        TEST(model_rules_touch_only_live_models_that_change),
        TEST(model_rules_go_by_collection_in_ascending_order),
        TEST(model_rules_say_nothing_when_all_is_as_it_was),
        TEST(model_rules_with_a_filter_see_what_rules_before_made),
        TEST(a_description_is_kept),
        TEST(faulty_files_are_refused_naming_file_rule_and_member),
        TEST(more_rules_than_allowed_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
