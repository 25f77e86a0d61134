/* SPDX-License-Identifier: Apache-2.0 */
/* Proxies: the fields of an event or a model, decoded only when a script
 * looks at them.
 *
 * A proxy stands on the fields as they were read ("base") and knows of each
 * whether it still is untouched, has a Lua value, or is gone. Values of Lua
 * and the names of new fields, which come behind the base, are in user values
 * and, when there are more, in two tables that scripts never see. A list or
 * object that was looked at has become a Lua table, and might have been
 * changed through it: when the fields are taken out again it is compared, and
 * keeps its text if it is the same. */
#include <lauxlib.h>
#include <lua.h>

#include "base/limits.h"
#include "migration/lua_priv.h"

enum {
    FEW_VALUES = 4,   /* of touched fields, and new fields, kept without a */
    FEW_NEW = 2,      /* table: making one costs more than all the rest */
    MANY_FIELDS = 24, /* from here on a table finds them faster */

    /* user values */
    VALUES = 1, /* table: slot → value */
    NAMES,      /* table: number of a new field, 1… → its name */
    INDEX,      /* table: name → slot, once there are many */
    VALUE,      /* the values of the first touched fields */
    NEW_VALUE = VALUE + FEW_VALUES,
    NEW_NAME = NEW_VALUE + FEW_NEW,
    USER_VALUES = NEW_NAME + FEW_NEW - 1,
};

/** Of a field of the base: where its value is. */
enum {
    UNTOUCHED,
    GONE,
    IN_TABLE,
    IN_USER_VALUE, /* VALUE, and the next ones in the ones after it */
};

typedef struct proxy {
    int kind;
    bool is_touched; /* something is not UNTOUCHED, or there are new fields */
    bool has_index;
    int64_t generation; /* 0: the base is a copy and never gets stale */
    const gw_field *base;
    size_t n_base, n_new;
    unsigned char n_values; /* of VALUE that are taken */
    unsigned char state[];  /* of the base, [n_base] */
} proxy;

static proxy *
proxy_at(lua_State *L, int idx)
{
    proxy *p = lua_touserdata(L, idx);

    if (p->generation != 0 && p->generation != gw_lua_of(L)->generation)
        luaL_error(L, "the data of an event cannot be used after its "
                      "position: keep the values instead");
    return p;
}

static proxy *
new_proxy(lua_State *L, size_t n, size_t size_bytes)
{
    proxy *p = lua_newuserdatauv(L, size_bytes, USER_VALUES);

    memset(p, 0, sizeof(*p) + n);
    p->kind = GW_LUA_DATA;
    p->n_base = n;
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_DATA);
    lua_setmetatable(L, -2);
    return p;
}

void
gw_lua_push_data(lua_State *L, gw_lua *self, gw_fields fields)
{
    proxy *p = new_proxy(L, fields.n, sizeof(*p) + fields.n);

    p->base = fields.at;
    p->generation = self->generation;
}

void
gw_lua_push_copy(lua_State *L, gw_fields fields)
{
    size_t states = (sizeof(proxy) + fields.n + 15) / 16 * 16;
    size_t bytes = 0;

    for (size_t i = 0; i < fields.n; i++)
        bytes += fields.at[i].key.len + fields.at[i].value.len;
    proxy *p =
        new_proxy(L, fields.n, states + fields.n * sizeof(gw_field) + bytes);
    gw_field *base = (gw_field *)(void *)((char *)p + states);
    char *at = (char *)(base + fields.n);

    p->base = base;
    for (size_t i = 0; i < fields.n; i++) {
        const gw_field *from = &fields.at[i];

        memcpy(at, from->key.at, from->key.len);
        base[i].key = (gw_slice){at, from->key.len};
        at += from->key.len;
        memcpy(at, from->value.at, from->value.len);
        base[i].value = (gw_slice){at, from->value.len};
        at += from->value.len;
    }
}

/* ---- user values, made when the first one is needed */

static void
push_table(lua_State *L, int idx, int which)
{
    if (lua_getiuservalue(L, idx, which) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, idx, which);
}

/** The user value that holds the slot's value; 0: it is in the table. */
static int
value_place(const proxy *p, size_t slot)
{
    if (slot > p->n_base)
        return slot - p->n_base <= FEW_NEW
                   ? NEW_VALUE + (int)(slot - p->n_base) - 1
                   : 0;
    if (p->state[slot - 1] >= IN_USER_VALUE)
        return VALUE + p->state[slot - 1] - IN_USER_VALUE;
    return 0;
}

static void
choose_place(proxy *p, size_t slot)
{
    if (slot > p->n_base || p->state[slot - 1] >= IN_TABLE)
        return;
    if (p->n_values < FEW_VALUES)
        p->state[slot - 1] = IN_USER_VALUE + p->n_values++;
    else
        p->state[slot - 1] = IN_TABLE;
}

/** Pops the value on top into the slot. */
static void
keep_value(lua_State *L, int idx, proxy *p, size_t slot)
{
    choose_place(p, slot);
    p->is_touched = true;
    int place = value_place(p, slot);
    if (place) {
        lua_setiuservalue(L, idx, place);
        return;
    }
    push_table(L, idx, VALUES);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)slot);
    lua_pop(L, 1);
}

/** Pushes what keep_value took; nil for what is gone. */
static void
push_kept(lua_State *L, int idx, const proxy *p, size_t slot)
{
    int place = value_place(p, slot);

    if (place) {
        lua_getiuservalue(L, idx, place);
        return;
    }
    if (slot <= p->n_base && p->state[slot - 1] == GONE) {
        lua_pushnil(L);
        return;
    }
    push_table(L, idx, VALUES);
    lua_rawgeti(L, -1, (lua_Integer)slot);
    lua_remove(L, -2);
}

static void
push_new_name(lua_State *L, int idx, size_t number)
{
    if (number <= FEW_NEW) {
        lua_getiuservalue(L, idx, NEW_NAME + (int)number - 1);
        return;
    }
    push_table(L, idx, NAMES);
    lua_rawgeti(L, -1, (lua_Integer)number);
    lua_remove(L, -2);
}

/** Pushes the name of a slot; the slice is good while the proxy is. */
static gw_slice
push_name(lua_State *L, int idx, const proxy *p, size_t slot)
{
    if (slot <= p->n_base) {
        gw_slice key = p->base[slot - 1].key;

        lua_pushlstring(L, key.at, key.len);
        return key;
    }
    push_new_name(L, idx, slot - p->n_base);
    return gw_lua_slice_at(L, -1);
}

/* ---- finding */

static void
build_index(lua_State *L, int idx, proxy *p)
{
    push_table(L, idx, INDEX);
    for (size_t slot = 1; slot <= p->n_base + p->n_new; slot++) {
        push_name(L, idx, p, slot);
        lua_pushinteger(L, (lua_Integer)slot);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
    p->has_index = true;
}

static size_t
find_in_index(lua_State *L, int idx, int key_idx)
{
    push_table(L, idx, INDEX);
    lua_pushvalue(L, key_idx);
    lua_rawget(L, -2);
    size_t slot = (size_t)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return slot;
}

static size_t
find_new(lua_State *L, int idx, const proxy *p, gw_slice key)
{
    size_t found = 0;

    for (size_t i = 1; i <= p->n_new && found == 0; i++) {
        push_new_name(L, idx, i);
        if (gw_slice_equal(gw_lua_slice_at(L, -1), key))
            found = p->n_base + i;
        lua_pop(L, 1);
    }
    return found;
}

static size_t
find(lua_State *L, proxy *p, int idx, int key_idx)
{
    gw_slice key = gw_lua_slice_at(L, key_idx);

    if (!key.at)
        return 0;
    if (!p->has_index && p->n_base + p->n_new >= MANY_FIELDS)
        build_index(L, idx, p);
    if (p->has_index)
        return find_in_index(L, idx, key_idx);
    for (size_t i = 0; i < p->n_base; i++)
        if (p->base[i].key.len == key.len &&
            memcmp(p->base[i].key.at, key.at, key.len) == 0)
            return i + 1;
    return find_new(L, idx, p, key);
}

size_t
gw_lua_data_find(lua_State *L, int idx, int key_idx)
{
    return find(L, proxy_at(L, idx), idx, key_idx);
}

/* ---- getting and setting */

static bool
is_untouched(const proxy *p, size_t slot)
{
    return slot <= p->n_base && p->state[slot - 1] == UNTOUCHED;
}

/** Pushes the value of a slot, nil when it is gone. */
static void
push_slot(lua_State *L, int idx, proxy *p, size_t slot)
{
    if (!is_untouched(p, slot)) {
        push_kept(L, idx, p, slot);
        return;
    }
    gw_lua_push_json(L, gw_lua_of(L), p->base[slot - 1].value);
    if (lua_istable(L, -1)) {
        /* the script may change it, and must find it again */
        lua_pushvalue(L, -1);
        keep_value(L, idx, p, slot);
    }
}

static int
data_index(lua_State *L)
{
    proxy *p = proxy_at(L, 1);
    size_t slot = find(L, p, 1, 2);

    if (slot == 0)
        lua_pushnil(L);
    else
        push_slot(L, 1, p, slot);
    return 1;
}

static size_t
add_name(lua_State *L, proxy *p)
{
    if (p->n_base + p->n_new >= GW_LIMIT_FIELDS)
        luaL_error(L, "more than %d fields", GW_LIMIT_FIELDS);
    size_t number = p->n_new + 1, slot = p->n_base + number;
    lua_pushvalue(L, 2);
    if (number <= FEW_NEW) {
        lua_setiuservalue(L, 1, NEW_NAME + (int)number - 1);
    } else {
        push_table(L, 1, NAMES);
        lua_insert(L, -2);
        lua_rawseti(L, -2, (lua_Integer)number);
        lua_pop(L, 1);
    }
    if (p->has_index) {
        push_table(L, 1, INDEX);
        lua_pushvalue(L, 2);
        lua_pushinteger(L, (lua_Integer)slot);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
    p->n_new++;
    return slot;
}

static void
check_value(lua_State *L)
{
    int type = lua_type(L, 3);

    if (type == LUA_TFUNCTION || type == LUA_TTHREAD ||
        (type == LUA_TUSERDATA && gw_lua_kind_at(L, 3) == GW_LUA_EVENT))
        luaL_error(L, "the field '%s' cannot hold %s: it is no JSON value",
                   lua_tostring(L, 2),
                   type == LUA_TUSERDATA ? "an event" : lua_typename(L, type));
}

static int
data_newindex(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "a field's name must be text, not a %s",
                          luaL_typename(L, 2));
    proxy *p = proxy_at(L, 1);
    size_t slot = find(L, p, 1, 2);

    check_value(L);
    if (lua_isnil(L, 3) && slot == 0)
        return 0;
    if (slot == 0)
        slot = add_name(L, p);
    if (slot <= p->n_base && lua_isnil(L, 3)) {
        p->state[slot - 1] = GONE;
        p->is_touched = true;
        return 0;
    }
    lua_settop(L, 3);
    keep_value(L, 1, p, slot);
    return 0;
}

bool
gw_lua_data_next(lua_State *L, int idx, size_t *slot)
{
    proxy *p = proxy_at(L, idx);

    while (++*slot <= p->n_base + p->n_new) {
        if (*slot <= p->n_base && p->state[*slot - 1] == GONE)
            continue;
        push_name(L, idx, p, *slot);
        push_slot(L, idx, p, *slot);
        if (!lua_isnil(L, -1))
            return true;
        lua_pop(L, 2);
    }
    return false;
}

/* ---- taking them out again */

/** The JSON of a slot that has a value (on top of the stack). */
static gw_slice
take_slot(lua_State *L, gw_lua *self, const proxy *p, size_t slot,
          gw_arena *arena, bool *same)
{
    if (slot <= p->n_base) {
        gw_slice raw = p->base[slot - 1].value;

        if (gw_lua_is_json(L, self, lua_gettop(L), raw))
            return p->generation ? raw : gw_arena_dup(arena, raw);
    }
    *same = false;
    return gw_lua_take_json(L, self, lua_gettop(L), arena);
}

static void
take_field(lua_State *L, gw_lua *self, int idx, size_t slot, gw_arena *arena,
           gw_fields *out, bool *same)
{
    const proxy *p = lua_touserdata(L, idx);
    gw_field *to = &out->at[out->n];

    push_kept(L, idx, p, slot);
    if (lua_isnil(L, -1)) {
        *same = *same && slot > p->n_base;
        lua_pop(L, 1);
        return;
    }
    gw_slice name = push_name(L, idx, p, slot);
    lua_insert(L, -2);
    self->putting_field = name;
    to->value = take_slot(L, self, p, slot, arena, same);
    to->key =
        slot <= p->n_base && p->generation ? name : gw_arena_dup(arena, name);
    out->n++;
    self->putting_field = (gw_slice){0};
    lua_pop(L, 2);
}

gw_fields
gw_lua_data_take(lua_State *L, gw_lua *self, int idx, const gw_field *base,
                 bool *same)
{
    const proxy *p = proxy_at(L, idx);
    gw_arena *arena = self->out->arena;
    gw_fields out = {0};

    *same = p->base == base;
    if (p->generation && !p->is_touched) {
        out = (gw_fields){(gw_field *)p->base, p->n_base};
        return out;
    }
    out.at = GW_ARENA_NEW(arena, gw_field, p->n_base + p->n_new + 1);
    for (size_t slot = 1; slot <= p->n_base + p->n_new; slot++) {
        if (!is_untouched(p, slot)) {
            take_field(L, self, idx, slot, arena, &out, same);
            continue;
        }
        gw_field field = p->base[slot - 1];
        if (!p->generation) {
            field.key = gw_arena_dup(arena, field.key);
            field.value = gw_arena_dup(arena, field.value);
        }
        out.at[out.n++] = field;
    }
    return out;
}

void
gw_lua_data_put(lua_State *L, gw_lua *self, int idx, int depth)
{
    const proxy *p = proxy_at(L, idx);
    size_t n = 0;

    luaL_checkstack(L, 8, "JSON is nested too deep");
    gw_buf_byte(&self->buf, '{');
    for (size_t slot = 1; slot <= p->n_base + p->n_new; slot++) {
        if (!is_untouched(p, slot)) {
            push_kept(L, idx, p, slot);
            if (lua_isnil(L, -1)) {
                lua_pop(L, 1);
                continue;
            }
        }
        if (n++ > 0)
            gw_buf_byte(&self->buf, ',');
        gw_slice name = push_name(L, idx, p, slot);
        lua_pop(L, 1);
        gw_lua_put_text(L, self, name);
        gw_buf_byte(&self->buf, ':');
        if (is_untouched(p, slot)) {
            gw_buf_slice(&self->buf, p->base[slot - 1].value);
        } else {
            gw_lua_put_json(L, self, lua_gettop(L), depth);
            lua_pop(L, 1);
        }
    }
    gw_buf_byte(&self->buf, '}');
}

void
gw_lua_open_data(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, data_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, data_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "data");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_DATA);
}
