/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values in Lua and back.
 *
 * null is a light userdata (godwit.null), lists and objects are tables with
 * a metatable of their own, so that empty ones stay what they are. A table
 * of the script's own without entries is a list. What is read here was
 * checked by gw_json_check or gw_event_parse before; all the same nothing
 * is read beyond the end of the text.
 *
 * Members of an object have no order in Lua: they are printed by ascending
 * bytes of their names. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "migration/lua_priv.h"

enum {
    FEW = 8,                  /* values that wait on the stack */
    STACK_ROOM = 2 * FEW + 8, /* places one level of a value needs */
    PUT_COST = 48,            /* bytes that a value costs besides its text */
};

/* ---- reading */

typedef struct cursor {
    const char *at, *end;
} cursor;

/** The next byte that is no white space, '\0' at the end. */
static char
peek(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' ||
                              *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end ? *c->at : '\0';
}

/** Steps over `byte` if it is next. */
static bool
step_over(cursor *c, char byte)
{
    if (peek(c) != byte || c->at == c->end)
        return false;
    c->at++;
    return true;
}

/** The quote that closes the string whose text begins at `at`. */
static const char *
find_quote(const char *at, const char *end)
{
    const char *quote = memchr(at, '"', (size_t)(end - at));

    while (quote) {
        const char *slash = memchr(at, '\\', (size_t)(quote - at));

        if (!slash)
            return quote;
        at = slash + 2 < end ? slash + 2 : end;
        if (at > quote)
            quote = memchr(at, '"', (size_t)(end - at));
    }
    return end;
}

/** A byte that numbers, true, false and null are made of. */
static bool
is_scalar_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '-' || c == '+' || c == 'E';
}

/** The scalar that is next, string or not, with its quotes. */
static gw_slice
take_scalar(cursor *c)
{
    const char *from = c->at;

    if (*from == '"') {
        c->at = find_quote(c->at + 1, c->end);
        if (c->at < c->end)
            c->at++;
    } else {
        while (c->at < c->end && is_scalar_byte(*c->at))
            c->at++;
    }
    return (gw_slice){from, (size_t)(c->at - from)};
}

static gw_slice
decode_text(gw_lua *self, gw_slice raw)
{
    if (raw.len >= 2 && !memchr(raw.at, '\\', raw.len))
        return (gw_slice){raw.at + 1, raw.len - 2};
    gw_arena_reset(&self->scratch);
    return gw_json_string(&self->scratch, raw);
}

static void
push_text(lua_State *L, gw_lua *self, gw_slice raw)
{
    gw_slice text = decode_text(self, raw);

    lua_pushlstring(L, text.at, text.len);
}

static void push_value(lua_State *L, gw_lua *self, cursor *c);

/** Puts a table with room under the top `n` values of the stack. */
static void
insert_table(lua_State *L, int n, int n_list, int n_object, gw_lua_mark mark)
{
    lua_createtable(L, n_list, n_object);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_MARKS + (int)mark);
    lua_setmetatable(L, -2);
    if (n > 0)
        lua_insert(L, -n - 1);
}

/** The first values go to the stack, so that a short list (an object too)
 *  gets a table of just its size. */
static void
push_list(lua_State *L, gw_lua *self, cursor *c)
{
    int n = 0;

    for (; n < FEW && peek(c) != ']' && c->at < c->end; n++) {
        push_value(L, self, c);
        step_over(c, ',');
    }
    bool has_more = peek(c) != ']';
    insert_table(L, n, has_more ? 2 * n : n, 0, GW_LUA_LIST);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, -i - 1, i);
    for (lua_Integer i = n + 1; peek(c) != ']' && c->at < c->end; i++) {
        push_value(L, self, c);
        lua_rawseti(L, -2, i);
        step_over(c, ',');
    }
    step_over(c, ']');
}

static void
push_member(lua_State *L, gw_lua *self, cursor *c)
{
    push_text(L, self, take_scalar(c));
    step_over(c, ':');
    push_value(L, self, c);
    step_over(c, ',');
}

static void
push_object(lua_State *L, gw_lua *self, cursor *c)
{
    int n = 0;

    for (; n < FEW && peek(c) != '}' && c->at < c->end; n++)
        push_member(L, self, c);
    insert_table(L, 2 * n, 0, n, GW_LUA_OBJECT);
    for (int i = n; i >= 1; i--)
        lua_rawset(L, -2 * i - 1);
    while (peek(c) != '}' && c->at < c->end) {
        push_member(L, self, c);
        lua_rawset(L, -3);
    }
    step_over(c, '}');
}

static void
push_value(lua_State *L, gw_lua *self, cursor *c)
{
    luaL_checkstack(L, STACK_ROOM, "JSON is nested too deep");
    switch (peek(c)) {
    case '[':
        c->at++;
        push_list(L, self, c);
        return;
    case '{':
        c->at++;
        push_object(L, self, c);
        return;
    case '"':
        push_text(L, self, take_scalar(c));
        return;
    case 't':
    case 'f':
        lua_pushboolean(L, *c->at == 't');
        break;
    case 'n':
    case '\0':
        lua_pushlightuserdata(L, NULL);
        break;
    default:
        gw_lua_push_number(L, self, take_scalar(c));
        return;
    }
    take_scalar(c);
}

void
gw_lua_push_json(lua_State *L, gw_lua *self, gw_slice raw)
{
    push_value(L, self, &(cursor){raw.at, raw.at + raw.len});
}

/* ---- comparing: is a table that was handed out still what it was? */

static bool is_value(lua_State *L, gw_lua *self, cursor *c, int idx);

size_t
gw_lua_count(lua_State *L, int idx)
{
    size_t n = 0;

    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
        n++;
    return n;
}

static bool
is_list(lua_State *L, gw_lua *self, cursor *c, int idx)
{
    size_t n = 0;

    if (!lua_istable(L, idx) || gw_lua_has_mark(L, idx, GW_LUA_OBJECT))
        return false;
    while (peek(c) != ']' && c->at < c->end) {
        lua_rawgeti(L, idx, (lua_Integer)++n);
        bool same = is_value(L, self, c, lua_gettop(L));
        lua_pop(L, 1);
        if (!same)
            return false;
        step_over(c, ',');
    }
    step_over(c, ']');
    return gw_lua_count(L, idx) == n;
}

static bool
is_object(lua_State *L, gw_lua *self, cursor *c, int idx)
{
    size_t n = 0;

    if (!lua_istable(L, idx) || gw_lua_has_mark(L, idx, GW_LUA_LIST))
        return false;
    for (; peek(c) != '}' && c->at < c->end; n++) {
        push_text(L, self, take_scalar(c));
        step_over(c, ':');
        lua_rawget(L, idx);
        bool same = is_value(L, self, c, lua_gettop(L));
        lua_pop(L, 1);
        if (!same)
            return false;
        step_over(c, ',');
    }
    step_over(c, '}');
    /* {} of the script's own is a list */
    return gw_lua_count(L, idx) == n &&
           (n > 0 || gw_lua_has_mark(L, idx, GW_LUA_OBJECT));
}

static bool
is_scalar(lua_State *L, gw_lua *self, gw_slice raw, int idx)
{
    if (raw.at[0] == '"')
        return lua_type(L, idx) == LUA_TSTRING &&
               gw_slice_equal(gw_lua_slice_at(L, idx), decode_text(self, raw));
    if (raw.at[0] == 't' || raw.at[0] == 'f')
        return lua_isboolean(L, idx) &&
               lua_toboolean(L, idx) == (raw.at[0] == 't');
    if (raw.at[0] == 'n')
        return lua_islightuserdata(L, idx);
    if (gw_lua_kind_at(L, idx) == GW_LUA_NUMBER)
        return gw_slice_equal(gw_lua_big_text(L, idx), raw);
    if (lua_type(L, idx) != LUA_TNUMBER)
        return false;
    gw_lua_push_number(L, self, raw);
    bool same = lua_isinteger(L, -1) == lua_isinteger(L, idx) &&
                lua_rawequal(L, -1, idx);
    lua_pop(L, 1);
    return same;
}

static bool
is_value(lua_State *L, gw_lua *self, cursor *c, int idx)
{
    luaL_checkstack(L, STACK_ROOM, "JSON is nested too deep");
    switch (peek(c)) {
    case '[':
        c->at++;
        return is_list(L, self, c, idx);
    case '{':
        c->at++;
        return is_object(L, self, c, idx);
    case '\0':
        return false;
    default:
        return is_scalar(L, self, take_scalar(c), idx);
    }
}

bool
gw_lua_is_json(lua_State *L, gw_lua *self, int idx, gw_slice raw)
{
    return is_value(L, self, &(cursor){raw.at, raw.at + raw.len}, idx);
}

/* ---- printing */

static int
fail_put(lua_State *L, gw_lua *self, const char *fmt, ...)
{
    va_list args;

    lua_pushlstring(L, self->putting_fqid.at, self->putting_fqid.len);
    if (self->putting_fqid.at) {
        lua_pushliteral(L, ": ");
        lua_concat(L, 2);
    }
    if (self->putting_field.at) {
        lua_pushliteral(L, "field '");
        lua_pushlstring(L, self->putting_field.at, self->putting_field.len);
        lua_pushliteral(L, "': ");
        lua_concat(L, 3);
    } else {
        lua_pushliteral(L, "");
    }
    luaL_where(L, 1);
    lua_insert(L, -3);
    va_start(args, fmt);
    lua_pushvfstring(L, fmt, args);
    va_end(args);
    lua_concat(L, 4);
    return lua_error(L);
}

/** Text that JSON can hold: UTF-8, no NUL. */
static bool
is_text(gw_slice text)
{
    const char *at = text.at, *end = text.at + text.len;

    while (at < end) {
        uint64_t eight;

        if (end - at >= 8) {
            memcpy(&eight, at, 8);
            /* no high bit, and no byte that is zero */
            if (!((eight | (eight - 0x0101010101010101)) &
                  0x8080808080808080)) {
                at += 8;
                continue;
            }
        }
        size_t n = *at == '\0' ? 0 : gw_utf8_step(at, end);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

void
gw_lua_put_text(lua_State *L, gw_lua *self, gw_slice text)
{
    if (text.len > GW_LIMIT_EVENT_DATA)
        fail_put(L, self, "a text of %d MiB is too long",
                 (int)(text.len / GW_MIB));
    if (!is_text(text))
        fail_put(L, self,
                 "a text is not valid UTF-8, or has a NUL in it; "
                 "JSON cannot hold it");
    gw_json_put_string(&self->buf, text);
}

static void
put_list(lua_State *L, gw_lua *self, int idx, int depth)
{
    size_t n = lua_rawlen(L, idx);

    if (gw_lua_count(L, idx) != n)
        fail_put(L, self,
                 "a list must have the keys 1 to n without holes and no "
                 "others (godwit.null stands for null)");
    gw_buf_byte(&self->buf, '[');
    for (size_t i = 1; i <= n; i++) {
        if (i > 1)
            gw_buf_byte(&self->buf, ',');
        lua_rawgeti(L, idx, (lua_Integer)i);
        gw_lua_put_json(L, self, lua_gettop(L), depth);
        lua_pop(L, 1);
    }
    gw_buf_byte(&self->buf, ']');
}

static int
compare_keys(const void *a, const void *b)
{
    return gw_slice_compare(*(const gw_slice *)a, *(const gw_slice *)b);
}

gw_slice *
gw_lua_push_keys(lua_State *L, int idx, gw_slice few[GW_LUA_FEW_KEYS],
                 size_t *n)
{
    size_t room = gw_lua_count(L, idx), at = 0;
    gw_slice *keys = few;
    gw_lua *self = gw_lua_of(L);

    if (room <= GW_LUA_FEW_KEYS)
        lua_pushnil(L);
    else
        keys = lua_newuserdatauv(L, room * sizeof(*keys), 0);

    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        keys[at] = gw_lua_slice_at(L, -2);
        if (!keys[at].at)
            fail_put(L, self,
                     "a table has the key %s: an object's keys must be "
                     "text, a list's 1 to n without holes",
                     luaL_tolstring(L, -2, NULL));
        at++;
    }
    if (at > 1)
        qsort(keys, at, sizeof(*keys), compare_keys);
    *n = at;
    return keys;
}

static void
put_object(lua_State *L, gw_lua *self, int idx, int depth)
{
    gw_slice few[GW_LUA_FEW_KEYS];
    size_t n;
    const gw_slice *keys = gw_lua_push_keys(L, idx, few, &n);

    gw_buf_byte(&self->buf, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            gw_buf_byte(&self->buf, ',');
        gw_lua_put_text(L, self, keys[i]);
        gw_buf_byte(&self->buf, ':');
        lua_pushlstring(L, keys[i].at, keys[i].len);
        lua_rawget(L, idx);
        gw_lua_put_json(L, self, lua_gettop(L), depth);
        lua_pop(L, 1);
    }
    gw_buf_byte(&self->buf, '}');
    lua_pop(L, 1);
}

bool
gw_lua_is_list(lua_State *L, int idx)
{
    if (gw_lua_has_mark(L, idx, GW_LUA_LIST))
        return true;
    return lua_rawlen(L, idx) > 0 && !gw_lua_has_mark(L, idx, GW_LUA_OBJECT);
}

static void
put_table(lua_State *L, gw_lua *self, int idx, int depth)
{
    bool is_empty = true;

    if (gw_lua_is_list(L, idx)) {
        put_list(L, self, idx, depth);
        return;
    }
    lua_pushnil(L);
    if (lua_next(L, idx)) {
        is_empty = false;
        lua_pop(L, 2);
    }
    if (is_empty && !gw_lua_has_mark(L, idx, GW_LUA_OBJECT))
        gw_buf_text(&self->buf, "[]");
    else
        put_object(L, self, idx, depth);
}

static void
put_userdata(lua_State *L, gw_lua *self, int idx, int depth)
{
    switch (gw_lua_kind_at(L, idx)) {
    case GW_LUA_NUMBER:
        gw_buf_slice(&self->buf, gw_lua_big_text(L, idx));
        break;
    case GW_LUA_DATA:
        gw_lua_data_put(L, self, idx, depth);
        break;
    case GW_LUA_EVENT:
        fail_put(L, self, "an event is no JSON value (its data is)");
        break;
    default:
        fail_put(L, self, "%s is no JSON value", luaL_typename(L, idx));
    }
}

static void
put_number(lua_State *L, gw_lua *self, int idx)
{
    if (lua_isinteger(L, idx))
        gw_buf_int(&self->buf, lua_tointeger(L, idx));
    else if (isfinite(lua_tonumber(L, idx)))
        gw_lua_put_float(L, self, idx);
    else
        fail_put(L, self, "%s is no number that JSON has",
                 luaL_tolstring(L, idx, NULL));
}

void
gw_lua_put_json(lua_State *L, gw_lua *self, int idx, int depth)
{
    luaL_checkstack(L, STACK_ROOM, "JSON is nested too deep");
    switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN:
        gw_buf_text(&self->buf, lua_toboolean(L, idx) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        put_number(L, self, idx);
        break;
    case LUA_TSTRING:
        gw_lua_put_text(L, self, gw_lua_slice_at(L, idx));
        break;
    case LUA_TLIGHTUSERDATA:
        gw_buf_text(&self->buf, "null");
        break;
    case LUA_TTABLE:
    case LUA_TUSERDATA:
        if (depth >= GW_LIMIT_JSON_DEPTH)
            fail_put(L, self,
                     "nested deeper than %d levels, or a table "
                     "that holds itself",
                     GW_LIMIT_JSON_DEPTH);
        if (lua_istable(L, idx))
            put_table(L, self, idx, depth + 1);
        else
            put_userdata(L, self, idx, depth + 1);
        break;
    default:
        fail_put(L, self, "a %s is no JSON value%s", luaL_typename(L, idx),
                 lua_isnil(L, idx) ? " (godwit.null is)" : "");
    }
    if (self->buf.len > GW_LIMIT_EVENT_DATA)
        fail_put(L, self, "more than %d MiB of JSON",
                 GW_LIMIT_EVENT_DATA / GW_MIB);
}

/** Counts what a call makes, so that shared tables cannot grow without
 *  bound in their printed form. */
static void
count_put(lua_State *L, gw_lua *self)
{
    self->put_bytes += self->buf.len + self->putting_field.len + PUT_COST;
    if (self->put_bytes > self->memory_bytes)
        luaL_error(L, "more JSON than the memory limit of %d MiB in one call",
                   (int)(self->memory_bytes / GW_MIB));
}

gw_slice
gw_lua_take_json(lua_State *L, gw_lua *self, int idx, gw_arena *arena)
{
    self->buf.len = 0;
    gw_lua_put_json(L, self, idx, 1);
    count_put(L, self);
    return gw_arena_dup(arena, gw_buf_as_slice(&self->buf));
}

/* ---- godwit.json, godwit.array, godwit.object */

static int
json_encode(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    luaL_checkany(L, 1);
    lua_settop(L, 1);
    self->buf.len = 0;
    self->putting_fqid = self->putting_field = (gw_slice){0};
    gw_lua_put_json(L, self, 1, 0);
    lua_pushlstring(L, self->buf.at, self->buf.len);
    return 1;
}

static int
json_decode(lua_State *L)
{
    gw_slice text = gw_lua_check_text(L, 1, "the JSON text");
    gw_slice value;
    gw_error err;

    if (gw_json_check(text, &value, &err) != GW_OK)
        return luaL_error(L, "%s", err.text);
    gw_lua_push_json(L, gw_lua_of(L), value);
    return 1;
}

/** godwit.array{…}, godwit.object{…}: marks the table it is given. */
static int
mark_table(lua_State *L)
{
    int mark = (int)lua_tointeger(L, lua_upvalueindex(1));

    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_MARKS + mark);
    lua_setmetatable(L, 1);
    return 1;
}

static void
make_mark(lua_State *L, const char *name, gw_lua_mark mark)
{
    lua_newtable(L);
    gw_lua_of(L)->marks[mark] = lua_topointer(L, -1);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_MARKS + (int)mark);
    lua_pushinteger(L, (lua_Integer)mark);
    lua_pushcclosure(L, mark_table, 1);
    lua_setfield(L, -2, name);
}

static int
null_tostring(lua_State *L)
{
    lua_pushliteral(L, "null");
    return 1;
}

/** Fills the table on top of the stack, `godwit`. */
void
gw_lua_open_json(lua_State *L)
{
    make_mark(L, "array", GW_LUA_LIST);
    make_mark(L, "object", GW_LUA_OBJECT);
    lua_pushlightuserdata(L, NULL);
    lua_newtable(L);
    lua_pushcfunction(L, null_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "null");
    lua_newtable(L);
    lua_pushcfunction(L, json_encode);
    lua_setfield(L, -2, "encode");
    lua_pushcfunction(L, json_decode);
    lua_setfield(L, -2, "decode");
    lua_setfield(L, -2, "json");
}
