/* SPDX-License-Identifier: Apache-2.0 */
/* Lua library functions in a form that keeps a script within its limits and
 * its results the same every time.
 *
 * - pcall, xpcall and coroutines do not catch the end of time or memory.
 * - No finalizers (they would run without the hook that counts time).
 * - Library loops without end are refused (string.rep of nothing, moving
 *   2^60 elements).
 * - pairs goes over text keys by their bytes: their order in a Lua table
 *   differs from run to run. math.random starts anew for each position, so
 *   that a resumed run draws what an undisturbed one does.
 *
 * Not bounded: one call of string.find, match, gmatch or gsub with a pattern
 * that backtracks badly over a long text; it is stopped only when it ends. */
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdlib.h>

#include "migration/lua_priv.h"

enum {
    MIN_ELEMENT = 16, /* bytes of memory that an element of a table takes */
};

static const char out_of_memory[] = "not enough memory";

/* ---- protected calls */

static int
end_guarded(lua_State *L, int status, lua_KContext context)
{
    gw_lua *self = gw_lua_of(L);

    (void)status;
    (void)context;
    gw_lua_check_stop(L);
    if (self->was_refused && lua_isboolean(L, 1) && !lua_toboolean(L, 1) &&
        gw_slice_equal(gw_lua_slice_at(L, 2), gw_slice_of(out_of_memory))) {
        self->stop = GW_LUA_OUT_OF_MEMORY;
        gw_lua_check_stop(L);
    }
    return lua_gettop(L);
}

/** The function of upvalue 1, whose failures must not hide a stop. */
static int
call_guarded(lua_State *L)
{
    gw_lua_check_time(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, end_guarded);
    return end_guarded(L, LUA_OK, 0);
}

/** A message handler: the script's own, but not for a stop (it would run
 *  inside the hook, where no hook counts). */
static int
handle_message(lua_State *L)
{
    if (gw_lua_of(L)->stop != GW_LUA_GOES_ON)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int
call_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle_message, 1);
    lua_replace(L, 2);
    return call_guarded(L);
}

static int
fail_resume(lua_State *L, lua_State *co, int status)
{
    gw_lua_check_stop(L); /* before anything of the coroutine runs again */
    if (status == LUA_ERRMEM) {
        gw_lua_of(L)->stop = GW_LUA_OUT_OF_MEMORY;
        gw_lua_check_stop(L);
    }
    if (lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD) {
        lua_resetthread(co);
        gw_lua_check_stop(L);
    }
    lua_xmove(co, L, 1);
    return lua_error(L);
}

static int
resume_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int n = lua_gettop(L), n_results;

    gw_lua_check_time(L);
    if (lua_status(co) == LUA_OK && lua_gettop(co) == 0)
        return luaL_error(L, "cannot resume dead coroutine");
    if (!lua_checkstack(co, n + 1))
        return luaL_error(L, "too many arguments to resume");
    lua_xmove(L, co, n);
    int status = lua_resume(co, L, n, &n_results);
    if (status != LUA_OK && status != LUA_YIELD)
        return fail_resume(L, co, status);
    gw_lua_check_stop(L);
    luaL_checkstack(L, n_results + 1, "too many results to resume");
    lua_xmove(co, L, n_results);
    return n_results;
}

static int
coroutine_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, resume_wrapped, 1);
    return 1;
}

/* ---- tables and texts */

static int
call_original(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int
set_metatable(lua_State *L)
{
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "metatables cannot have __gc here");
        lua_pop(L, 1);
    }
    return call_original(L);
}

/** A function of the table library that goes by the table's length. */
static int
call_with_length(lua_State *L)
{
    if (lua_istable(L, 1) && luaL_getmetafield(L, 1, "__len") != LUA_TNIL)
        return luaL_error(L, "this works on tables without __len only");
    return call_original(L);
}

static int
move_elements(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer to = luaL_checkinteger(L, 3);
    uint64_t max = gw_lua_of(L)->memory_bytes / MIN_ELEMENT;

    if (to >= from && (uint64_t)to - (uint64_t)from >= max)
        return luaL_argerror(L, 3, "too many elements to move");
    return call_original(L);
}

static int
repeat_text(lua_State *L)
{
    size_t len, separator_len = 0;

    luaL_checklstring(L, 1, &len);
    luaL_optlstring(L, 3, "", &separator_len);
    if (len + separator_len > 0)
        return call_original(L);
    luaL_checkinteger(L, 2);
    lua_pushliteral(L, "");
    return 1;
}

/* ---- types and iteration */

static int
type_of(lua_State *L)
{
    luaL_checkany(L, 1);
    switch (gw_lua_kind_at(L, 1)) {
    case GW_LUA_EVENT:
    case GW_LUA_DATA:
        lua_pushliteral(L, "table");
        break;
    case GW_LUA_NUMBER:
        lua_pushliteral(L, "number");
        break;
    default:
        lua_pushstring(L, luaL_typename(L, 1));
    }
    return 1;
}

static int
next_of(lua_State *L)
{
    size_t slot = 0;
    bool found;

    lua_settop(L, 2);
    if (gw_lua_kind_at(L, 1) == GW_LUA_DATA) {
        if (!lua_isnil(L, 2) && (slot = gw_lua_data_find(L, 1, 2)) == 0)
            return luaL_error(L, "invalid key to 'next'");
        found = gw_lua_data_next(L, 1, &slot);
    } else {
        luaL_checktype(L, 1, LUA_TTABLE);
        found = lua_next(L, 1) != 0;
    }
    if (found)
        return 2;
    lua_pushnil(L);
    return 1;
}

static int
next_field(lua_State *L)
{
    size_t slot = (size_t)lua_tointeger(L, lua_upvalueindex(2));
    bool found = gw_lua_data_next(L, lua_upvalueindex(1), &slot);

    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, (lua_Integer)slot);
    lua_replace(L, lua_upvalueindex(2));
    return 2;
}

/** A key to sort: numbers, then what has no order, then text. */
typedef struct sort_key {
    enum { NUMBER, OTHER, TEXT } rank;
    double number;
    gw_slice text;
    lua_Integer index; /* in the order of the table */
} sort_key;

static int
compare_keys(const void *a, const void *b)
{
    const sort_key *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->rank == NUMBER && x->number != y->number)
        return x->number < y->number ? -1 : 1;
    if (x->rank == TEXT)
        return gw_slice_compare(x->text, y->text);
    return x->index < y->index ? -1 : x->index > y->index;
}

static sort_key
sort_key_at(lua_State *L, int idx, lua_Integer index)
{
    sort_key key = {.rank = OTHER, .index = index};

    if (lua_type(L, idx) == LUA_TNUMBER) {
        key.rank = NUMBER;
        key.number = lua_tonumber(L, idx);
    } else if (lua_type(L, idx) == LUA_TSTRING) {
        key.rank = TEXT;
        key.text = gw_lua_slice_at(L, idx);
    }
    return key;
}

/** Pushes the keys of the table at 1, sorted, as a table. */
static void
push_sorted_keys(lua_State *L, size_t n)
{
    sort_key *keys = lua_newuserdatauv(L, (n + 1) * sizeof(*keys), 0);
    int memory = lua_gettop(L);
    size_t at = 0;

    lua_createtable(L, (int)n, 0);
    for (lua_pushnil(L); lua_next(L, 1) && at < n; lua_pop(L, 1)) {
        keys[at] = sort_key_at(L, -2, (lua_Integer)at + 1);
        lua_pushvalue(L, -2);
        lua_rawseti(L, memory + 1, keys[at++].index);
    }
    lua_settop(L, memory + 1);
    qsort(keys, at, sizeof(*keys), compare_keys);
    lua_createtable(L, (int)at, 0);
    for (size_t i = 0; i < at; i++) {
        lua_rawgeti(L, memory + 1, keys[i].index);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_replace(L, memory);
    lua_settop(L, memory);
}

/** Upvalues: the sorted keys, how many of them were visited. */
static int
next_sorted(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));

    lua_settop(L, 1);
    while (lua_rawgeti(L, lua_upvalueindex(1), ++i) != LUA_TNIL) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL) {
            lua_pushinteger(L, i);
            lua_replace(L, lua_upvalueindex(2));
            return 2;
        }
        lua_pop(L, 2);
    }
    return 1;
}

static int
pairs_of_table(lua_State *L)
{
    size_t n = 0, n_texts = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1), n++)
        n_texts += lua_type(L, -2) == LUA_TSTRING;
    if (n < 2 || n_texts == 0) {
        lua_pushcfunction(L, next_of);
        lua_pushvalue(L, 1);
        lua_pushnil(L);
        return 3;
    }
    push_sorted_keys(L, n);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_sorted, 2);
    lua_pushvalue(L, 1);
    return 2;
}

static int
pairs_of(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (gw_lua_kind_at(L, 1) == GW_LUA_DATA) {
        lua_pushinteger(L, 0);
        lua_pushcclosure(L, next_field, 2);
        return 1;
    }
    if (luaL_getmetafield(L, 1, "__pairs") == LUA_TNIL)
        return pairs_of_table(L);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 3);
    return 3;
}

/* ---- randomness and memory */

static const lua_Integer seed = 20260101;

/** Upvalues: math.random, math.randomseed. */
static int
draw_random(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    if (self->seeded != self->generation) {
        self->seeded = self->generation;
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_pushinteger(L, seed);
        lua_pushinteger(L, self->position);
        lua_call(L, 2, 0);
    }
    return call_original(L);
}

/** Without a seed of the script's own: the same one every time. */
static int
seed_random(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    self->seeded = self->generation;
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_pushinteger(L, seed);
    }
    call_original(L);
    return 0;
}

static int
collect_garbage(lua_State *L)
{
    const char *what = luaL_optstring(L, 1, "collect");

    if (strcmp(what, "count") == 0)
        lua_pushnumber(L, (double)gw_lua_of(L)->used_bytes / 1024);
    else
        lua_pushinteger(L, 0); /* it is collected as need be */
    return 1;
}

/* ---- what is replaced by what; the original is upvalue 1 */

static const struct {
    const char *library, *name;
    gw_lua_function function; /* NULL: taken away */
} replaced[] = {
    {"_G", "pcall", call_guarded},
    {"_G", "xpcall", call_xpcall},
    {"_G", "setmetatable", set_metatable},
    {"_G", "type", type_of},
    {"_G", "next", next_of},
    {"_G", "pairs", pairs_of},
    {"_G", "collectgarbage", collect_garbage},
    {"_G", "dofile", NULL},
    {"_G", "loadfile", NULL},
    {"_G", "load", NULL},
    {"_G", "warn", NULL},
    {"coroutine", "resume", call_guarded},
    {"coroutine", "close", call_guarded},
    {"coroutine", "wrap", coroutine_wrap},
    {"string", "rep", repeat_text},
    {"string", "dump", NULL},
    {"table", "insert", call_with_length},
    {"table", "remove", call_with_length},
    {"table", "sort", call_with_length},
    {"table", "concat", call_with_length},
    {"table", "unpack", call_with_length},
    {"table", "move", move_elements},
    {"math", "randomseed", seed_random},
};

static void
open_random(lua_State *L)
{
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "random");
    lua_getfield(L, -2, "randomseed");
    lua_pushcclosure(L, draw_random, 2);
    lua_setfield(L, -2, "random");
    lua_pop(L, 1);
}

void
gw_lua_open_guards(lua_State *L)
{
    gw_lua_of(L)->seeded = -1;
    open_random(L);
    for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++) {
        lua_getglobal(L, replaced[i].library);
        lua_getfield(L, -1, replaced[i].name);
        if (replaced[i].function) {
            lua_pushcclosure(L, replaced[i].function, 1);
        } else {
            lua_pop(L, 1);
            lua_pushnil(L);
        }
        lua_setfield(L, -2, replaced[i].name);
        lua_pop(L, 1);
    }
}
