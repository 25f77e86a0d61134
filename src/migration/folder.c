/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations folder: which files there are, whether their numbers are
 * right, what they hold (the three kinds load themselves), and checksums.
 *
 * Only NNNN_name.json, .lua and .so may be there, beside lib/, *.md and
 * names that begin with a dot: a file that is overlooked because its name is
 * misspelt would be a migration that does not run. */
#include "base/limits.h"
#include "base/sha256.h"
#include "migration/folder_priv.h"
#include "migration/migration.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FIRST_INDEX = 2, DIGITS = 4 };

typedef struct loader {
    const char *folder;
    char *lib; /* FOLDER/lib, there or not */
    const gw_migration_limits *limits;
    char lib_checksum[GW_SHA256_HEX_SIZE]; /* "" when lib/ has no files */
    bool has_lib_checksum;
} loader;

/* ---- what kinds there are ---- */

static gw_code
open_rules(const loader *l, gw_migration *m, gw_slice text, gw_error *err)
{
    (void)l;
    return gw_rules_open(m, text, err);
}

static gw_code
open_lua(const loader *l, gw_migration *m, gw_slice text, gw_error *err)
{
    return gw_lua_open(m, text, l->lib, l->limits, err);
}

static gw_code
open_native(const loader *l, gw_migration *m, gw_slice text, gw_error *err)
{
    (void)l;
    (void)text;
    return gw_native_open(m, err);
}

typedef struct kind_row {
    const char *extension;
    gw_code (*open)(const loader *l, gw_migration *m, gw_slice text,
                    gw_error *err);
    bool uses_lib;
} kind_row;

static const kind_row kinds[] = {
    {".json", open_rules, false},
    {".lua", open_lua, true},
    {".so", open_native, false},
};

/* ---- names and numbers ---- */

static const kind_row *
kind_of(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t n = strlen(kinds[i].extension);

        if (len > DIGITS + 1 + n &&
            strcmp(name + len - n, kinds[i].extension) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* The number that the name begins with, or -1 when it is no migration's. */
static int64_t
index_of(const char *name)
{
    int64_t index = 0;

    for (int i = 0; i < DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -1;
        index = index * 10 + (name[i] - '0');
    }
    return name[DIGITS] == '_' && kind_of(name) ? index : -1;
}

static gw_code
check_number(const gw_names *names, size_t at, gw_error *err)
{
    const char *name = names->at[at];
    int64_t index = index_of(name);
    int64_t expected = FIRST_INDEX + (int64_t)at;

    if (index == expected)
        return GW_OK;
    if (index < 0)
        return gw_fail(err, GW_E_FILE,
                       "%s: is no migration, which is called "
                       "NNNN_name.json, .lua or .so; rename it or take it "
                       "out of the folder",
                       name);
    if (at > 0 && index == expected - 1)
        return gw_fail(err, GW_E_FILE,
                       "%s: has the same number as %s; every migration has "
                       "its own",
                       name, names->at[at - 1]);
    if (at == 0)
        return gw_fail(err, GW_E_FILE,
                       "%s: the first migration must have the number %04d",
                       name, FIRST_INDEX);
    return gw_fail(err, GW_E_FILE,
                   "%s: there is a gap before it, %04lld is missing", name,
                   (long long)expected);
}

static gw_code
check_numbers(const gw_names *names, gw_error *err)
{
    /* what is no migration at all first: letters sort behind digits, and a
     * gap may be no more than a misspelt name */
    for (size_t i = 0; i < names->n; i++)
        if (index_of(names->at[i]) < 0)
            return check_number(names, i, err);
    for (size_t i = 0; i < names->n; i++) {
        gw_code code = check_number(names, i, err);

        if (code != GW_OK)
            return code;
    }
    return GW_OK;
}

/* ---- loading ---- */

static gw_code
make_checksum(loader *l, const kind_row *kind, gw_slice text, gw_migration *m,
              gw_error *err)
{
    if (kind->uses_lib && !l->has_lib_checksum) {
        gw_code code = gw_folder_checksum(l->lib, l->lib_checksum, err);

        if (code != GW_OK)
            return code;
        l->has_lib_checksum = true;
    }

    gw_slice parts[] = {text, gw_slice_of(l->lib_checksum)};
    gw_sha256_hex(parts, kind->uses_lib ? 2 : 1, m->checksum);
    return GW_OK;
}

static gw_code
load_one(loader *l, gw_migration *m, gw_error *err)
{
    const kind_row *kind = kind_of(m->file);
    gw_buf text = {0};
    gw_code code = gw_file_read(m->path, &text, err);

    if (code != GW_OK)
        gw_fail_prefix(err, "%s: ", m->file);
    if (code == GW_OK)
        code = make_checksum(l, kind, gw_buf_as_slice(&text), m, err);
    if (code == GW_OK)
        code = kind->open(l, m, gw_buf_as_slice(&text), err);
    gw_buf_clear(&text);
    return code;
}

static gw_code
check_order(const gw_migrations *migrations, size_t at, gw_error *err)
{
    const gw_migration *m = &migrations->at[at];

    if (at == migrations->n_events || m->type == GW_MIGRATION_MODEL)
        return GW_OK;
    return gw_fail(err, GW_E_FILE,
                   "%s: is an event migration after the model migration %s; "
                   "all event migrations come first",
                   m->file, migrations->at[migrations->n_events].file);
}

static gw_code
load_all(loader *l, const gw_names *names, gw_migrations *migrations,
         gw_error *err)
{
    migrations->at = gw_calloc(names->n + 1, sizeof(gw_migration));
    for (size_t i = 0; i < names->n; i++) {
        gw_migration *m = &migrations->at[i];

        migrations->n = i + 1;
        m->index = FIRST_INDEX + (int64_t)i;
        m->file = gw_strdup(names->at[i]);
        m->path = gw_path_join(l->folder, m->file);

        gw_code code = load_one(l, m, err);
        if (code == GW_OK)
            code = check_order(migrations, i, err);
        if (code != GW_OK)
            return code;
        if (m->type == GW_MIGRATION_EVENT)
            migrations->n_events = i + 1;
    }
    return GW_OK;
}

static bool
is_wanted(const char *folder, const char *name)
{
    size_t len = strlen(name);
    struct stat info;

    if (name[0] == '.' || (len > 3 && strcmp(name + len - 3, ".md") == 0))
        return false;
    if (strcmp(name, "lib") != 0)
        return true;

    char *path = gw_path_join(folder, name);
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    free(path);
    return !is_folder;
}

gw_code
gw_migrations_open(const char *folder, const gw_migration_limits *limits,
                   gw_migrations *out, gw_error *err)
{
    gw_migrations migrations = {.folder = gw_strdup(folder)};
    loader l = {
        .folder = folder, .lib = gw_path_join(folder, "lib"), .limits = limits};
    gw_names names = {0};
    gw_code code =
        gw_names_read(folder, is_wanted, GW_LIMIT_MIGRATIONS, &names, err);

    if (code == GW_OK)
        code = check_numbers(&names, err);
    if (code == GW_OK)
        code = load_all(&l, &names, &migrations, err);
    if (code == GW_OK)
        *out = migrations;
    else
        gw_migrations_close(&migrations);

    gw_names_clear(&names);
    free(l.lib);
    return code;
}

void
gw_migrations_close(gw_migrations *migrations)
{
    for (size_t i = migrations->n; i-- > 0;) {
        gw_migration *m = &migrations->at[i];

        if (m->ops && m->ops->close)
            m->ops->close(m->self);
        free(m->file);
        free(m->path);
        free(m->description);
    }
    free(migrations->at);
    free(migrations->folder);
    *migrations = (gw_migrations){0};
}

int64_t
gw_migrations_event_target(const gw_migrations *migrations)
{
    return 1 + (int64_t)migrations->n_events;
}

int64_t
gw_migrations_target(const gw_migrations *migrations)
{
    return 1 + (int64_t)migrations->n;
}
