/* SPDX-License-Identifier: Apache-2.0 */
/* The Lua state of a migration: its memory, its time, its libraries, and
 * how an error becomes a gw_error.
 *
 * Memory is counted in the allocator. Time is looked at by a hook every some
 * instructions; the first look of a call begins its time, so that a short
 * call costs no look at the clock at all. Once a limit is reached the state
 * is finished: no pcall catches that (lua_guard.c), and every later call
 * fails with the same error until a restart. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "migration/lua_priv.h"

enum {
    HOOK_INSTRUCTIONS = 1000,
    SHORT_NAME = LUA_IDSIZE - 1, /* what Lua keeps of a chunk's name */
};

static const int64_t second_ns = 1000000000;

gw_lua *
gw_lua_of(lua_State *L)
{
    return *(gw_lua **)lua_getextraspace(L);
}

int
gw_lua_kind_at(lua_State *L, int idx)
{
    return lua_type(L, idx) == LUA_TUSERDATA ? *(int *)lua_touserdata(L, idx)
                                             : 0;
}

bool
gw_lua_has_mark(lua_State *L, int idx, gw_lua_mark mark)
{
    if (!lua_getmetatable(L, idx))
        return false;
    const void *meta = lua_topointer(L, -1);
    lua_pop(L, 1);
    return meta == gw_lua_of(L)->marks[mark];
}

gw_slice
gw_lua_slice_at(lua_State *L, int idx)
{
    gw_slice text = {0};

    if (lua_type(L, idx) == LUA_TSTRING)
        text.at = lua_tolstring(L, idx, &text.len);
    return text;
}

gw_slice
gw_lua_check_text(lua_State *L, int idx, const char *what)
{
    gw_slice text = gw_lua_slice_at(L, idx);

    if (!text.at)
        luaL_error(L, "%s must be text, not %s", what,
                   lua_isnone(L, idx) ? "nil" : luaL_typename(L, idx));
    return text;
}

/* ---- limits */

static void *
allocate(void *arg, void *old, size_t old_bytes, size_t new_bytes)
{
    gw_lua *self = arg;

    if (!old)
        old_bytes = 0; /* then it is the kind of object */
    if (new_bytes == 0) {
        free(old);
        self->used_bytes -= old_bytes;
        return NULL;
    }
    if (new_bytes > old_bytes &&
        self->used_bytes - old_bytes + new_bytes > self->memory_bytes) {
        self->was_refused = true;
        return NULL;
    }
    self->used_bytes += new_bytes - old_bytes;
    return gw_realloc(old, new_bytes);
}

int64_t
gw_lua_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

static void
say_out_of_memory(gw_lua *self)
{
    gw_fail(&self->stopped, GW_E_MIGRATION,
            "%s: the script needs more than its memory limit of %zu MiB",
            self->file, self->memory_bytes / ((size_t)1024 * 1024));
}

void
gw_lua_check_stop(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    if (self->stop == GW_LUA_GOES_ON)
        return;
    if (self->stop == GW_LUA_OUT_OF_MEMORY)
        say_out_of_memory(self);
    lua_pushliteral(L, "the script was stopped");
    lua_error(L);
}

static void
stop_for_time(lua_State *L, gw_lua *self)
{
    lua_Debug where;
    int line = 0;

    for (int level = 0; line <= 0 && lua_getstack(L, level, &where); level++) {
        lua_getinfo(L, "Sl", &where);
        line = where.currentline;
    }
    self->stop = GW_LUA_OUT_OF_TIME;
    gw_fail(&self->stopped, GW_E_MIGRATION,
            "%s: the script ran longer than its limit of %d s per call "
            "(%s:%d)",
            self->file, (int)(self->limit_ns / second_ns),
            line > 0 ? where.short_src : "?", line);
}

void
gw_lua_check_time(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    gw_lua_check_stop(L);
    int64_t now = gw_lua_now_ns();
    if (self->timed_call != self->call) {
        self->timed_call = self->call;
        self->started_ns = now;
    } else if (now - self->started_ns > self->limit_ns) {
        stop_for_time(L, self);
        gw_lua_check_stop(L);
    }
}

static void
on_count(lua_State *L, lua_Debug *where)
{
    (void)where;
    gw_lua_check_time(L);
}

void
gw_lua_fail_engine(lua_State *L, const gw_error *err)
{
    gw_lua *self = gw_lua_of(L);

    self->stop = GW_LUA_ENGINE_FAILED;
    self->stopped = *err;
    lua_pushliteral(L, "the script was stopped");
    lua_error(L);
    __builtin_unreachable();
}

/* ---- errors */

/** One line of valid text: a script may raise whatever bytes it likes. */
static void
clean_text(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
}

static gw_code
report_text(gw_lua *self, const char *text, gw_error *err)
{
    size_t len = strlen(self->file);
    size_t cut = len < SHORT_NAME ? len : SHORT_NAME;

    /* text that begins with the chunk's name, which Lua may have cut */
    if (strncmp(text, self->file, cut) == 0 && text[cut] == ':')
        gw_fail(err, GW_E_MIGRATION, "%s%s", self->file, text + cut);
    else
        gw_fail(err, GW_E_MIGRATION, "%s: %s", self->file, text);
    if (err)
        clean_text(err->text);
    return GW_E_MIGRATION;
}

static gw_code
report_object(gw_lua *self, gw_error *err)
{
    lua_State *L = self->state;
    char text[64];

    if (lua_isinteger(L, -1))
        snprintf(text, sizeof(text), "%lld", (long long)lua_tointeger(L, -1));
    else if (lua_type(L, -1) == LUA_TNUMBER)
        snprintf(text, sizeof(text), "%.14g", lua_tonumber(L, -1));
    else
        snprintf(text, sizeof(text), "an error that is a %s value",
                 luaL_typename(L, -1));
    return report_text(self, text, err);
}

static gw_code
report(gw_lua *self, int status, gw_error *err)
{
    gw_slice text = {0};

    if (status != LUA_OK)
        text = gw_lua_slice_at(self->state, -1);
    if (self->stop == GW_LUA_GOES_ON &&
        (status == LUA_ERRMEM ||
         (self->was_refused &&
          gw_slice_equal(text, GW_LIT("not enough memory")))))
        self->stop = GW_LUA_OUT_OF_MEMORY;
    if (self->stop == GW_LUA_OUT_OF_MEMORY)
        say_out_of_memory(self);
    if (self->stop != GW_LUA_GOES_ON) {
        if (err)
            *err = self->stopped;
        return self->stopped.code;
    }
    if (text.at)
        return report_text(self, text.at, err);
    return report_object(self, err);
}

gw_code
gw_lua_run(gw_lua *self, gw_lua_function run, gw_error *err)
{
    lua_State *L = self->state;
    int status = LUA_OK;

    self->call++;
    self->was_refused = false;
    self->put_bytes = 0;
    self->putting_fqid = self->putting_field = (gw_slice){0};
    if (self->stop == GW_LUA_GOES_ON) {
        lua_pushcfunction(L, run);
        status = lua_pcall(L, 0, 0, 0);
    }
    if (status == LUA_OK && self->stop == GW_LUA_GOES_ON)
        return GW_OK;
    gw_code code = report(self, status, err);
    lua_settop(L, 0);
    return code;
}

/* ---- the state */

static const luaL_Reg libraries[] = {
    {"_G", luaopen_base},
    {"coroutine", luaopen_coroutine},
    {"string", luaopen_string},
    {"table", luaopen_table},
    {"math", luaopen_math},
    {"utf8", luaopen_utf8},
    {NULL, NULL},
};

static int
open_all(lua_State *L)
{
    for (const luaL_Reg *library = libraries; library->name; library++) {
        luaL_requiref(L, library->name, library->func, 1);
        lua_pop(L, 1);
    }
    gw_lua_open_guards(L);
    gw_lua_open_require(L);
    gw_lua_open_number(L);
    gw_lua_open_data(L);
    gw_lua_open_event(L);
    gw_lua_open_api(L);
    return 0;
}

gw_code
gw_lua_make_state(gw_lua *self, gw_error *err)
{
    gw_lua_drop_state(self);
    self->used_bytes = 0;
    self->stop = GW_LUA_GOES_ON;
    self->generation = self->position = 0;
    self->position_events = NULL;
    self->has_decimals = false;
    self->state = lua_newstate(allocate, self);
    if (!self->state)
        return gw_fail(err, GW_E_LIMIT,
                       "%s: the memory limit of %zu bytes does not even do "
                       "for Lua itself",
                       self->file, self->memory_bytes);
    *(gw_lua **)lua_getextraspace(self->state) = self;
    lua_sethook(self->state, on_count, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    return gw_lua_run(self, open_all, err);
}

void
gw_lua_drop_state(gw_lua *self)
{
    if (self->state)
        lua_close(self->state);
    self->state = NULL;
}
