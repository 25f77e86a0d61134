/* SPDX-License-Identifier: Apache-2.0 */
/* `require` for the modules of a migrations folder: a.b is lib/a/b.lua, text
 * only, and never a file outside of lib/, whatever links there are. What was
 * read once is kept, so that a restarted state sees the same text. */
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "migration/lua_priv.h"

enum { MODULE_NAME = 200 }; /* bytes */

/** Letters, digits, _ and - in parts that are set apart by single dots. */
static bool
is_module_name(gw_slice name)
{
    bool had_dot = true;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_dot = c == '.';
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '_' || c == '-';

        if ((!is_word && !is_dot) || (is_dot && had_dot))
            return false;
        had_dot = is_dot;
    }
    return name.len > 0 && name.len <= MODULE_NAME && !had_dot;
}

/** lib/a/b.lua as it really is, if that is in lib/ still. */
static bool
resolve(const char *folder, gw_slice name, char out[PATH_MAX])
{
    char path[PATH_MAX], lib[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/", folder);

    if (n < 0 || (size_t)n + name.len + 5 > sizeof(path))
        return false;
    for (size_t i = 0; i < name.len; i++)
        path[n++] = name.at[i] == '.' ? '/' : name.at[i];
    memcpy(path + n, ".lua", 5);
    if (!realpath(folder, lib) || !realpath(path, out))
        return false;
    size_t len = strlen(lib);
    return strncmp(out, lib, len) == 0 && out[len] == '/';
}

static bool
read_text(int fd, gw_buf *text)
{
    struct stat info;
    ssize_t n;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size > GW_LIMIT_MIGRATION_FILE)
        return false;
    do {
        n = read(fd, gw_buf_reserve(text, 65536), 65536);
        if (n > 0)
            text->len += (size_t)n;
    } while (n > 0 && text->len <= GW_LIMIT_MIGRATION_FILE);
    return n == 0;
}

static gw_lua_module *
load_module(gw_lua *self, gw_slice name)
{
    char path[PATH_MAX];
    gw_buf text = {0};

    if (!self->lib_folder || !resolve(self->lib_folder, name, path))
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool is_read = fd >= 0 && read_text(fd, &text);
    if (fd >= 0)
        close(fd);
    if (!is_read) {
        gw_buf_clear(&text);
        return NULL;
    }
    gw_lua_module *m = gw_malloc(sizeof(*m));
    m->name = gw_malloc(name.len + 1);
    memcpy(m->name, name.at, name.len);
    m->name[name.len] = '\0';
    gw_buf_cstr(&text);
    m->text = gw_buf_as_slice(&text);
    m->next = self->modules;
    self->modules = m;
    return m;
}

static gw_lua_module *
find_module(gw_lua *self, gw_slice name)
{
    for (gw_lua_module *m = self->modules; m; m = m->next)
        if (gw_slice_equal(gw_slice_of(m->name), name))
            return m;
    return load_module(self, name);
}

void
gw_lua_free_modules(gw_lua *self)
{
    gw_lua_module *next;

    for (gw_lua_module *m = self->modules; m; m = next) {
        next = m->next;
        free(m->name);
        free((char *)m->text.at);
        free(m);
    }
    self->modules = NULL;
}

/** Pushes "=lib/a/b.lua". */
static const char *
push_chunk_name(lua_State *L, const char *name)
{
    lua_pushliteral(L, "=lib/");
    luaL_gsub(L, name, ".", "/");
    lua_pushliteral(L, ".lua");
    lua_concat(L, 3);
    return lua_tostring(L, -1);
}

static int
lua_require(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);
    gw_slice name = gw_lua_check_text(L, 1, "the module's name");

    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_MODULES);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) == LUA_TLIGHTUSERDATA)
        return luaL_error(L, "module '%s' requires itself", name.at);
    if (!lua_isnil(L, -1))
        return 1;
    if (!is_module_name(name))
        return luaL_error(L, "'%s' is no module: a.b stands for lib/a/b.lua",
                          name.at);
    const gw_lua_module *m = find_module(self, name);
    if (!m)
        return luaL_error(L,
                          "module '%s' not found, or not readable, in "
                          "the folder lib/ beside the migrations",
                          name.at);

    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, NULL); /* it is being loaded */
    lua_rawset(L, 2);
    const char *chunk = push_chunk_name(L, m->name);
    if (luaL_loadbufferx(L, m->text.at, m->text.len, chunk, "t") != LUA_OK)
        return lua_error(L);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, true);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}

void
gw_lua_open_require(lua_State *L)
{
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_MODULES);
    lua_pushcfunction(L, lua_require);
    lua_setglobal(L, "require");
}
