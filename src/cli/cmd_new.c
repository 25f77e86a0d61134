/* SPDX-License-Identifier: Apache-2.0 */
/* new: the next migration file, with something to begin with. Looks at names
 * only: a folder that does not load yet can still get a file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/session_priv.h"

#define GW_MIGRATION_NAME_MAX 100

/* Valid as it stands, and changes nothing. */
static const char RULES_TEMPLATE[] =
    "{\n"
    "  \"description\": \"%s: say here what it does\",\n"
    "  \"rules\": [\n"
    "  ]\n"
    "}\n";

static const char LUA_TEMPLATE[] =
    "-- %s: say here what it does.\n"
    "-- An event migration: events go through it one by one. With\n"
    "-- type = \"model\" and migrate_models(reader, ctx) in place of\n"
    "-- migrate_event it changes the models as they are when it runs.\n"
    "local migration = { type = \"event\" }\n"
    "\n"
    "-- event: type, fqid, collection, id, data. ctx: old, new (the models\n"
    "-- before and after this migration), position, migration_index.\n"
    "function migration.migrate_event(event, ctx)\n"
    "  -- if event.collection == \"user\" and event.type == \"create\" then\n"
    "  --   event.data.is_active = true\n"
    "  --   return { event }   -- these take its place; {} drops it\n"
    "  -- end\n"
    "  -- returning nothing leaves the event as it is\n"
    "end\n"
    "\n"
    "-- Called after the last event of a position; may return more events:\n"
    "-- function migration.additional_events(ctx)\n"
    "--   return { godwit.update(\"user/1\", { is_active = false }) }\n"
    "-- end\n"
    "\n"
    "return migration\n";

static gw_code
check_name(const char *name, gw_error *err)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    if (len == 0 || name[len] || len > GW_MIGRATION_NAME_MAX)
        return gw_fail(err, GW_E_USAGE,
                       "the name of a migration is made of a-z, 0-9 and _, "
                       "at most %d of them",
                       GW_MIGRATION_NAME_MAX);
    return GW_OK;
}

/* The index in NNNN_…, 0 when it is no migration's file. */
static int64_t
index_of_file(const char *file)
{
    int64_t index = 0;

    for (int i = 0; i < 4; i++) {
        if (file[i] < '0' || file[i] > '9')
            return 0;
        index = index * 10 + (file[i] - '0');
    }
    return file[4] == '_' ? index : 0;
}

static bool
has_name(const char *file, const char *name)
{
    size_t len = strlen(name);

    return strncmp(file + 5, name, len) == 0 && file[5 + len] == '.';
}

static gw_code
find_next_index(const char *folder, const char *name, int64_t *out,
                gw_error *err)
{
    int64_t highest = 1;
    gw_code code = GW_OK;
    DIR *dir = opendir(folder);

    if (!dir)
        return gw_fail(err, GW_E_FILE, "%s: %s", folder, strerror(errno));
    for (struct dirent *e; !code && (e = readdir(dir));) {
        int64_t index = index_of_file(e->d_name);
        if (index == 0)
            continue;
        if (has_name(e->d_name, name))
            code = gw_fail(err, GW_E_USAGE,
                           "%s/%s is there already; choose another name",
                           folder, e->d_name);
        if (index > highest)
            highest = index;
    }
    closedir(dir);
    if (!code && highest > GW_LIMIT_MIGRATIONS)
        code = gw_fail(err, GW_E_LIMIT,
                       "%s: index %" PRId64 " is the last "
                       "that a migration can have",
                       folder, highest);
    if (!code)
        *out = highest + 1;
    return code;
}

/* Never over a file that is there, never half of one. */
static gw_code
write_file(const char *path, gw_slice text, gw_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (fd < 0)
        return gw_fail(err, GW_E_FILE, "%s: %s", path, strerror(errno));
    ssize_t n = write(fd, text.at, text.len);
    int error = n < 0 ? errno : (size_t)n < text.len ? ENOSPC : 0;
    if (close(fd) != 0 && !error)
        error = errno;
    if (!error)
        return GW_OK;
    unlink(path);
    return gw_fail(err, GW_E_STORE, "%s: %s", path, strerror(error));
}

static void
print_path(gw_output *output, const char *path)
{
    gw_buf text = {0};

    if (!output->is_json) {
        gw_output_line(output, gw_slice_of(path));
        return;
    }
    gw_buf_text(&text, "{\"success\":true,\"path\":");
    gw_text_put_json(&text, gw_slice_of(path));
    gw_buf_text(&text, "}\n");
    gw_output_write(output, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
}

gw_code
gw_cmd_new(gw_session *session, gw_error *err)
{
    const char *folder =
        gw_options_text(session->options, GW_OPTION_MIGRATIONS);
    const char *name = session->args[0];
    bool is_lua = gw_options_flag(session->options, GW_OPTION_LUA);
    int64_t index = 0;
    gw_code code = check_name(name, err);

    if (code)
        return code;
    if (mkdir(folder, 0777) == 0)
        gw_output_note(session->output, "made the folder %s", folder);
    code = find_next_index(folder, name, &index, err);
    if (code)
        return code;

    const char *path =
        gw_arena_printf(session->arena, "%s/%04" PRId64 "_%s.%s", folder, index,
                        name, is_lua ? "lua" : "json");
    gw_buf text = {0};
    if (is_lua)
        gw_buf_printf(&text, LUA_TEMPLATE, name);
    else
        gw_buf_printf(&text, RULES_TEMPLATE, name);
    code = write_file(path, gw_buf_as_slice(&text), err);
    gw_buf_clear(&text);
    if (!code)
        print_path(session->output, path);
    return code;
}
