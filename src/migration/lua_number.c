/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers between JSON and Lua without loss.
 *
 * An integer that fits int64 is a Lua integer, a number with a point or an
 * exponent a float. What neither can hold (integers beyond int64, decimals
 * beyond a double's range) is a userdata that keeps its text, prints it and
 * goes back to JSON as it is; arithmetic with it is arithmetic with floats.
 *
 * A float prints as the shortest text that reads back as the same double.
 * If it was read from another text (1.10, 1e5, or more digits than a double
 * has), that text is remembered for as long as the position lasts, so that a
 * value which is only moved keeps it. Two texts of one double forget it. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "migration/lua_priv.h"

enum {
    EXACT_DIGITS = 15, /* decimal digits that any double keeps */
    MAX_DIGITS = 17,   /* digits that tell any two doubles apart */
    FLOAT_TEXT = 40,   /* bytes of a printed float */
    SHORT_NUMBER = 64, /* bytes of a number read without an allocation */
};

/* integral doubles below print in full: 100000.0, not 1e+05 */
static const double full_below = 1e17;

typedef struct big_number {
    int kind;
    double value;
    size_t len;
    char text[];
} big_number;

static const big_number *
big_at(lua_State *L, int idx)
{
    return lua_touserdata(L, idx);
}

gw_slice
gw_lua_big_text(lua_State *L, int idx)
{
    const big_number *big = big_at(L, idx);

    return (gw_slice){big->text, big->len};
}

static double
read_double(gw_lua *self, gw_slice raw)
{
    char small[SHORT_NUMBER];

    if (raw.len < sizeof(small)) {
        memcpy(small, raw.at, raw.len);
        small[raw.len] = '\0';
        return strtod(small, NULL);
    }
    gw_arena_reset(&self->scratch);
    return strtod(gw_arena_dup(&self->scratch, raw).at, NULL);
}

static size_t
print_double(char *out, double value)
{
    int n = 0;

    if (value == floor(value) && fabs(value) < full_below)
        return (size_t)snprintf(out, FLOAT_TEXT, "%.1f", value);
    for (int digits = EXACT_DIGITS; digits <= MAX_DIGITS; digits++) {
        n = snprintf(out, FLOAT_TEXT, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return (size_t)n;
}

/** Whether this decimal surely is what print_double makes of its value:
 *  few digits, a point, no needless zeros, no exponent. */
static bool
is_plain(gw_slice raw)
{
    size_t digits = 0, point = 0;

    if (raw.len > EXACT_DIGITS + 2)
        return false;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.at[i] == '.')
            point = i;
        else if (raw.at[i] >= '0' && raw.at[i] <= '9')
            digits++;
        else if (raw.at[i] != '-')
            return false;
    }
    if (digits > EXACT_DIGITS || point == 0)
        return false;
    if (raw.at[raw.len - 1] == '0' && raw.len != point + 2)
        return false;
    /* 0.00001 would print as 1e-05 */
    return raw.at[point - 1] != '0' || raw.len < point + 4;
}

static void
remember(lua_State *L, gw_lua *self, double value, gw_slice raw)
{
    char text[FLOAT_TEXT];
    bool is_own = false;

    if (is_plain(raw))
        is_own = true;
    else
        is_own =
            gw_slice_equal(raw, (gw_slice){text, print_double(text, value)});
    if (is_own && !self->has_decimals)
        return;

    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_DECIMALS);
    lua_pushnumber(L, value);
    lua_rawget(L, -2);
    bool is_known = !lua_isnil(L, -1);
    bool is_other = is_known && !gw_slice_equal(gw_lua_slice_at(L, -1), raw);
    lua_pop(L, 1);
    if (is_other || (!is_known && !is_own)) {
        lua_pushnumber(L, value);
        if (is_other)
            lua_pushboolean(L, false);
        else
            lua_pushlstring(L, raw.at, raw.len);
        lua_rawset(L, -3);
        self->has_decimals = true;
    }
    lua_pop(L, 1);
}

void
gw_lua_forget_decimals(lua_State *L, gw_lua *self)
{
    if (!self->has_decimals)
        return;
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_DECIMALS);
    self->has_decimals = false;
}

void
gw_lua_put_float(lua_State *L, gw_lua *self, int idx)
{
    double value = lua_tonumber(L, idx);
    char text[FLOAT_TEXT];

    if (self->has_decimals) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_DECIMALS);
        lua_pushnumber(L, value);
        lua_rawget(L, -2);
        gw_slice known = gw_lua_slice_at(L, -1);
        gw_buf_slice(&self->buf, known);
        lua_pop(L, 2);
        if (known.at)
            return;
    }
    gw_buf_add(&self->buf, text, print_double(text, value));
}

void
gw_lua_push_number(lua_State *L, gw_lua *self, gw_slice raw)
{
    int64_t integer;

    if (gw_json_int(raw, &integer)) {
        lua_pushinteger(L, integer);
        return;
    }
    bool is_integer = !memchr(raw.at, '.', raw.len) &&
                      !memchr(raw.at, 'e', raw.len) &&
                      !memchr(raw.at, 'E', raw.len);
    double value = read_double(self, raw);
    if (!is_integer && isfinite(value)) {
        remember(L, self, value, raw);
        lua_pushnumber(L, value);
        return;
    }
    big_number *big = lua_newuserdatauv(L, sizeof(*big) + raw.len, 0);
    *big = (big_number){GW_LUA_NUMBER, value, raw.len};
    memcpy(big->text, raw.at, raw.len);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_NUMBER);
    lua_setmetatable(L, -2);
}

/* ---- what a script can do with a big number */

static double
operand(lua_State *L, int idx)
{
    if (gw_lua_kind_at(L, idx) == GW_LUA_NUMBER)
        return big_at(L, idx)->value;
    if (lua_type(L, idx) != LUA_TNUMBER)
        luaL_error(L, "attempt to do arithmetic on a %s value",
                   luaL_typename(L, idx));
    return lua_tonumber(L, idx);
}

static int
big_arith(lua_State *L)
{
    int op = (int)lua_tointeger(L, lua_upvalueindex(1));

    lua_pushnumber(L, operand(L, 1));
    if (op != LUA_OPUNM)
        lua_pushnumber(L, operand(L, 2));
    lua_arith(L, op);
    return 1;
}

/** Exact order of two big integers (no leading zeros in JSON). */
static int
compare_texts(gw_slice a, gw_slice b)
{
    bool a_is_negative = a.at[0] == '-', b_is_negative = b.at[0] == '-';

    if (a_is_negative != b_is_negative)
        return a_is_negative ? -1 : 1;
    int order =
        a.len != b.len ? (a.len < b.len ? -1 : 1) : gw_slice_compare(a, b);
    return a_is_negative ? -order : order;
}

static int
big_order(lua_State *L)
{
    double a = operand(L, 1), b = operand(L, 2);

    if (a != b || gw_lua_kind_at(L, 1) != gw_lua_kind_at(L, 2))
        return a < b ? -1 : a > b;
    return compare_texts(gw_lua_big_text(L, 1), gw_lua_big_text(L, 2));
}

static int
big_lt(lua_State *L)
{
    lua_pushboolean(L, big_order(L) < 0);
    return 1;
}

static int
big_le(lua_State *L)
{
    lua_pushboolean(L, big_order(L) <= 0);
    return 1;
}

static int
big_eq(lua_State *L)
{
    lua_pushboolean(
        L, gw_lua_kind_at(L, 1) == GW_LUA_NUMBER &&
               gw_lua_kind_at(L, 2) == GW_LUA_NUMBER &&
               gw_slice_equal(gw_lua_big_text(L, 1), gw_lua_big_text(L, 2)));
    return 1;
}

static int
big_tostring(lua_State *L)
{
    gw_slice text = gw_lua_big_text(L, 1);

    lua_pushlstring(L, text.at, text.len);
    return 1;
}

static int
big_concat(lua_State *L)
{
    for (int i = 1; i <= 2; i++)
        if (gw_lua_kind_at(L, i) != GW_LUA_NUMBER && !lua_isstring(L, i))
            return luaL_error(L, "attempt to concatenate a %s value",
                              luaL_typename(L, i));
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

static const struct {
    const char *name;
    int op;
} arithmetic[] = {
    {"__add", LUA_OPADD},   {"__sub", LUA_OPSUB}, {"__mul", LUA_OPMUL},
    {"__div", LUA_OPDIV},   {"__mod", LUA_OPMOD}, {"__pow", LUA_OPPOW},
    {"__idiv", LUA_OPIDIV}, {"__unm", LUA_OPUNM},
};

static const luaL_Reg big_methods[] = {
    {"__lt", big_lt},         {"__le", big_le},
    {"__eq", big_eq},         {"__tostring", big_tostring},
    {"__concat", big_concat}, {NULL, NULL},
};

void
gw_lua_open_number(lua_State *L)
{
    lua_newtable(L);
    luaL_setfuncs(L, big_methods, 0);
    for (size_t i = 0; i < sizeof(arithmetic) / sizeof(arithmetic[0]); i++) {
        lua_pushinteger(L, arithmetic[i].op);
        lua_pushcclosure(L, big_arith, 1);
        lua_setfield(L, -2, arithmetic[i].name);
    }
    lua_pushliteral(L, "number");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_NUMBER);
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_DECIMALS);
}
