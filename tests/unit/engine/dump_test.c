/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/engine/store_fixture.h"

#include "engine/spool_priv.h"

static void
dump_orders_models_by_fqid_in_byte_order(void **state)
{
    static const char *const ordered[] = {
        "\"a/1\":",  "\"a/10\":", "\"a/100\":", "\"a/2\":",
        "\"a/20\":", "\"a/3\":",  "\"a_b/5\":", "\"abc/4\":"};
    gw_fixture *f = *state;
    const char *at;
    char *dump;

    fixture_must_load(f,
                      "{\"events\":["
                      "{\"fqid\":\"abc/4\",\"type\":\"create\",\"data\":{}},"
                      "{\"fqid\":\"a/20\",\"type\":\"create\",\"data\":{}},"
                      "{\"fqid\":\"a_b/5\",\"type\":\"create\",\"data\":{}},"
                      "{\"fqid\":\"a/3\",\"type\":\"create\",\"data\":{}},"
                      "{\"fqid\":\"a/100\",\"type\":\"create\",\"data\":{}},"
                      "{\"fqid\":\"a/1\",\"type\":\"create\",\"data\":{}},"
                      "{\"fqid\":\"a/10\",\"type\":\"create\",\"data\":{}},"
                      "{\"fqid\":\"a/2\",\"type\":\"create\",\"data\":{}}]}\n");
    dump = fixture_text(f, gw_dump);

    at = strstr(dump, "\"models\":");
    for (size_t i = 0; i < sizeof(ordered) / sizeof(ordered[0]); i++) {
        at = at ? strstr(at, ordered[i]) : NULL;
        if (!at)
            fail_msg("%s is not where it should be: %s", ordered[i], dump);
    }
    assert_has(dump, "\"id_sequences\":{\"a\":101,\"a_b\":6,\"abc\":5}");
    free(dump);
}

static void
dump_prints_canonical_values(void **state)
{
    gw_fixture *f = *state;
    char *dump;

    fixture_must_load(f, "{\"information\":{\"z\": 1, \"a\" : [ ]},"
                         "\"events\":[{\"fqid\":\"a/1\",\"type\":\"create\","
                         "\"data\":{ \"n\" : {\"b\":2 , \"a\":1.50} } }]}\n");
    dump = fixture_text(f, gw_dump);

    assert_has(dump, "\"data\":{\"n\":{\"a\":1.50,\"b\":2}}");
    assert_has(dump, "\"information\":{\"a\":[],\"z\":1}");
    free(dump);
}

static void
export_is_loaded_back_to_the_same_dump(void **state)
{
    gw_fixture *f = *state;
    char *dump, *lines, *again;
    gw_fixture *other;
    void *other_state = NULL;

    fixture_must_load(
        f, "{\"position\":2,\"timestamp\":\"2024-05-01T10:00:00.5+02:00\","
           "\"user_id\":-3,\"information\":\"x\\ny\",\"migration_index\":3,"
           "\"events\":[{\"fqid\":\"a/1\",\"type\":\"create\",\"data\":"
           "{\"s\":\"\\u00e9\\\"\",\"d\":1.10,\"e\":[],\"o\":{}}},"
           "{\"fqid\":\"a/1\",\"type\":\"listfields\",\"data\":"
           "{\"add\":{\"e\":[1]},\"remove\":{}}},"
           "{\"fqid\":\"a/1\",\"type\":\"deletefields\",\"data\":[\"o\"]},"
           "{\"fqid\":\"a/1\",\"type\":\"delete\",\"data\":null},"
           "{\"fqid\":\"a/1\",\"type\":\"restore\",\"data\":null}]}\n"
           "{\"position\":9,\"migration_index\":-1,\"events\":[]}\n");
    dump = fixture_text(f, gw_dump);
    lines = fixture_text(f, gw_export);
    assert_int_equal(fixture_setup(&other_state), 0);
    other = other_state;
    fixture_must_load(other, lines);
    again = fixture_text(other, gw_dump);

    assert_string_equal(dump, again);
    assert_has(lines, "\"timestamp\":\"2024-05-01T10:00:00.5+02:00\"");
    free(again);
    again = fixture_text(other, gw_export);
    assert_string_equal(lines, again);
    fixture_teardown(&other_state);
    free(again);
    free(lines);
    free(dump);
}

static void
export_models_prints_one_a_line(void **state)
{
    gw_fixture *f = *state;
    char *lines;

    fixture_must_load(f, "{\"events\":["
                         "{\"fqid\":\"a/1\",\"type\":\"create\",\"data\":"
                         "{\"v\":1}},"
                         "{\"fqid\":\"a/2\",\"type\":\"create\",\"data\":{}},"
                         "{\"fqid\":\"a/2\",\"type\":\"delete\"}]}\n");
    lines = fixture_text(f, gw_export_models);

    assert_string_equal(lines,
                        "{\"fqid\":\"a/1\",\"deleted\":false,\"data\":"
                        "{\"v\":1,\"meta_deleted\":false,\"meta_position\":"
                        "1}}\n"
                        "{\"fqid\":\"a/2\",\"deleted\":true,\"data\":"
                        "{\"meta_deleted\":true,\"meta_position\":1}}\n");
    free(lines);
}

static void
export_to_a_full_disk_fails(void **state)
{
    gw_fixture *f = *state;
    FILE *full = fopen("/dev/full", "w");
    gw_code code;

    if (!full)
        skip();
    fixture_must_load(f, "{\"events\":[]}\n");
    code = gw_export(&f->run, full, &f->err);
    fclose(full);

    assert_int_equal(code, GW_E_STORE);
    assert_has(f->err.text, "cannot write the output");
}

static gw_code
collect(void *arg, gw_slice piece, bool is_first, gw_error *err)
{
    gw_buf *buf = arg;

    (void)err;
    if (is_first)
        gw_buf_byte(buf, '|');
    /* long ones: only what tells them apart */
    gw_buf_add(buf, piece.at, is_first ? 4 : 0);
    return GW_OK;
}

static void
spool_merges_more_than_it_keeps_in_memory(void **state)
{
    const size_t len = 3 * 1024 * 1024;
    static const char *const keys[] = {"u/1",  "u/3", "u/20",
                                       "u/21", "u/4", "u/200"};
    gw_spool spool = {0};
    gw_buf got = {0};
    char *body = gw_malloc(len);
    gw_error err;

    (void)state;
    memset(body, 'x', len);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        snprintf(body, 8, "%04zu", i);
        assert_int_equal(gw_spool_add(&spool, gw_slice_of(keys[i]),
                                      (gw_slice){body, len}, &err),
                         GW_OK);
    }
    assert_non_null(spool.file);
    assert_int_equal(gw_spool_merge(&spool, collect, &got, &err), GW_OK);

    assert_string_equal(gw_buf_cstr(&got), "|0000|0002|0005|0003|0001|0004");
    free(body);
    gw_buf_clear(&got);
    gw_spool_clear(&spool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(dump_orders_models_by_fqid_in_byte_order),
        FIXTURE_TEST(dump_prints_canonical_values),
        FIXTURE_TEST(export_is_loaded_back_to_the_same_dump),
        FIXTURE_TEST(export_models_prints_one_a_line),
        FIXTURE_TEST(export_to_a_full_disk_fails),
        cmocka_unit_test(spool_merges_more_than_it_keeps_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
