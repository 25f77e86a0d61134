/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations folder: numbers, order, what is ignored, checksums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "migration/migration.h"

static const char event_rules[] = "{\"rules\":[]}";
static const char model_rules[] = "{\"type\":\"model\",\"rules\":[]}";
static const char lua[] =
    "return { type = \"event\", migrate_event = function() end }";

struct fixture {
    char folder[64];
    gw_migrations migrations;
    gw_error err;
};

static int
set_up(void **state)
{
    struct fixture *f = gw_calloc(1, sizeof(*f));

    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/godwit-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    gw_migrations_close(&f->migrations);
    (void)snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void
put_bytes(struct fixture *f, const char *name, const char *bytes, size_t n)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void
put(struct fixture *f, const char *name, const char *text)
{
    put_bytes(f, name, text, strlen(text));
}

static void
put_folder(struct fixture *f, const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void
open_folder(struct fixture *f)
{
    gw_migrations_close(&f->migrations);
    if (gw_migrations_open(f->folder, NULL, &f->migrations, &f->err) != GW_OK)
        fail_msg("%s", f->err.text);
}

static void
assert_refused(struct fixture *f, const char *text)
{
    assert_int_equal(
        gw_migrations_open(f->folder, NULL, &f->migrations, &f->err),
        GW_E_FILE);
    if (!strstr(f->err.text, text))
        fail_msg("'%s' does not hold '%s'", f->err.text, text);
    assert_int_equal(f->migrations.n, 0);
}

static void
an_empty_folder_is_fine(void **state)
{
    struct fixture *f = *state;
    put_folder(f, "lib");
    put(f, ".gitkeep", "");
    put(f, "README.md", "what is here");

    open_folder(f);

    assert_int_equal(f->migrations.n, 0);
    assert_int_equal(gw_migrations_target(&f->migrations), 1);
    assert_int_equal(gw_migrations_event_target(&f->migrations), 1);
    assert_string_equal(f->migrations.folder, f->folder);
}

static void
a_missing_folder_is_an_error(void **state)
{
    struct fixture *f = *state;
    char folder[sizeof(f->folder) + 8];
    (void)snprintf(folder, sizeof(folder), "%s/none", f->folder);

    assert_int_equal(gw_migrations_open(folder, NULL, &f->migrations, &f->err),
                     GW_E_FILE);

    assert_non_null(strstr(f->err.text, folder));
}

static void
migrations_are_loaded_by_number(void **state)
{
    struct fixture *f = *state;
    put(f, "0004_c.json", model_rules);
    put(f, "0002_a.json", event_rules);
    put(f, "0003_b.lua", lua);

    open_folder(f);

    assert_int_equal(f->migrations.n, 3);
    assert_int_equal(f->migrations.n_events, 2);
    assert_int_equal(gw_migrations_event_target(&f->migrations), 3);
    assert_int_equal(gw_migrations_target(&f->migrations), 4);
    assert_string_equal(f->migrations.at[1].file, "0003_b.lua");
    assert_string_equal(f->migrations.at[1].ops->kind, "lua");
    assert_int_equal(f->migrations.at[2].index, 4);
    assert_int_equal(f->migrations.at[2].type, GW_MIGRATION_MODEL);
}

static void
a_gap_is_refused(void **state)
{
    struct fixture *f = *state;
    put(f, "0002_a.json", event_rules);
    put(f, "0004_gap.json", event_rules);

    assert_refused(f, "0004_gap.json: there is a gap before it, 0003 is");
}

static void
a_double_is_refused(void **state)
{
    struct fixture *f = *state;
    put(f, "0002_a.json", event_rules);
    put(f, "0003_b.json", event_rules);
    put(f, "0003_c.lua", lua);

    assert_refused(f, "0003_c.lua: has the same number as 0003_b.json");
}

static void
another_first_number_is_refused(void **state)
{
    struct fixture *f = *state;
    put(f, "0001_a.json", event_rules);

    assert_refused(f, "0001_a.json: the first migration must have the "
                      "number 0002");
}

static void
names_that_fit_no_pattern_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {
        "later.lua",       "2_a.json",  "00002_a.json", "0002-a.json",
        "0002_.json",      "0002_a.py", "0002_a",       "0002_a.json~",
        "0002_a.json.md5", "notes.txt", "0002_a.JSON",  "lib",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[512];

        put(f, names[i], event_rules);
        assert_refused(f, names[i]);
        assert_non_null(strstr(f->err.text, "is no migration"));
        (void)snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void
an_event_migration_after_a_model_migration_is_refused(void **state)
{
    struct fixture *f = *state;
    put(f, "0002_a.json", event_rules);
    put(f, "0003_models.json", model_rules);
    put(f, "0004_models.json", model_rules);
    put(f, "0005_late.json", event_rules);

    assert_refused(f, "0005_late.json: is an event migration after the "
                      "model migration 0003_models.json");
}

static void
faulty_files_are_named(void **state)
{
    struct fixture *f = *state;
    put(f, "0002_a.json", event_rules);
    put(f, "0003_b.json", "{\"rules\":1}");

    assert_refused(f, "0003_b.json: 'rules' must be");
}

static void
folders_and_pipes_are_no_migrations(void **state)
{
    struct fixture *f = *state;
    put_folder(f, "0002_a.json");
    assert_refused(f, "0002_a.json: is no regular file");

    char path[512];
    (void)snprintf(path, sizeof(path), "%s/0002_a.json", f->folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0644), 0);

    assert_refused(f, "0002_a.json: is no regular file");
}

static void
a_file_that_is_too_long_is_refused(void **state)
{
    struct fixture *f = *state;
    size_t n = GW_LIMIT_MIGRATION_FILE + 1;
    char *text = gw_calloc(1, n);

    put_bytes(f, "0002_a.json", text, n);
    free(text);

    assert_refused(f, "0002_a.json: is longer than the 16777216 bytes");
}

static void
the_checksum_is_the_sha256_of_the_file(void **state)
{
    struct fixture *f = *state;
    put(f, "0002_a.json", event_rules);

    open_folder(f);

    /* printf '{"rules":[]}' | sha256sum */
    assert_string_equal(f->migrations.at[0].checksum,
                        "da506c8a9c8a9f31aa00eaeef23d4976"
                        "4b9ace97158a1a0a7aa628e6d446b0fb");
}

static void
only_lua_checksums_follow_lib(void **state)
{
    struct fixture *f = *state;
    char before[2][65], with_lib[65];
    put(f, "0002_a.json", event_rules);
    put(f, "0003_b.lua", lua);
    open_folder(f);
    strcpy(before[0], f->migrations.at[0].checksum);
    strcpy(before[1], f->migrations.at[1].checksum);

    put_folder(f, "lib");
    put_folder(f, "lib/deep");
    put(f, "lib/README.md", "does not count");
    open_folder(f);
    assert_string_equal(f->migrations.at[1].checksum, before[1]);

    put(f, "lib/deep/a.lua", "return 1");
    open_folder(f);
    strcpy(with_lib, f->migrations.at[1].checksum);
    assert_string_equal(f->migrations.at[0].checksum, before[0]);
    assert_string_not_equal(with_lib, before[1]);

    put(f, "lib/deep/a.lua", "return 2");
    open_folder(f);
    assert_string_not_equal(f->migrations.at[1].checksum, with_lib);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_folder_is_fine),
        TEST(a_missing_folder_is_an_error),
        TEST(migrations_are_loaded_by_number),
        TEST(a_gap_is_refused),
        TEST(a_double_is_refused),
        TEST(another_first_number_is_refused),
        TEST(names_that_fit_no_pattern_are_refused),
        TEST(an_event_migration_after_a_model_migration_is_refused),
        TEST(faulty_files_are_named),
        TEST(folders_and_pipes_are_no_migrations),
        TEST(a_file_that_is_too_long_is_refused),
        TEST(the_checksum_is_the_sha256_of_the_file),
        TEST(only_lua_checksums_follow_lib),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
