/* SPDX-License-Identifier: Apache-2.0 */
/* Events as scripts see them, and what scripts return, as events again.
 *
 * An offered event is a userdata on the gw_event of the position; its data
 * is made when the script asks for it: a proxy (lua_data.c) for create and
 * update, plain tables for deletefields and listfields. An event that comes
 * back as it was offered is passed on with its stored text.
 *
 * Names and values are only turned into JSON here; whether they make a
 * proper event is checked by the engine. */
#include <lauxlib.h>
#include <lua.h>

#include "base/limits.h"
#include "migration/lua_priv.h"

enum {
    DATA = 1, /* user values: what event.data is */
    FQID,     /* the text of an fqid that the script gave */
    LISTS,    /* godwit.update: {add=…, remove=…} */
};

typedef struct lua_event {
    int kind;
    bool is_made;  /* by the script, not offered */
    bool has_data; /* DATA is set: somebody may have changed it */
    bool has_fqid; /* FQID is set */
    int64_t generation;
    const gw_event *source; /* what was offered */
    gw_event event;
} lua_event;

static lua_event *
event_at(lua_State *L, int idx)
{
    lua_event *e = lua_touserdata(L, idx);

    if (!e->is_made && e->generation != gw_lua_of(L)->generation)
        luaL_error(L, "an event cannot be used after its position: keep its "
                      "values instead");
    return e;
}

static lua_event *
new_event(lua_State *L, int user_values)
{
    lua_event *e = lua_newuserdatauv(L, sizeof(*e), user_values);

    *e = (lua_event){.kind = GW_LUA_EVENT};
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_EVENT);
    lua_setmetatable(L, -2);
    return e;
}

void
gw_lua_push_event(lua_State *L, gw_lua *self, const gw_event *event)
{
    lua_event *e = new_event(L, FQID);

    e->generation = self->generation;
    e->source = event;
    e->event = *event;
}

const gw_event *
gw_lua_offered(lua_State *L, int idx)
{
    return event_at(L, idx)->source;
}

/** Takes the text at idx as the event's fqid. */
static void
set_fqid(lua_State *L, int event_idx, int idx)
{
    lua_event *e = lua_touserdata(L, event_idx);
    gw_slice text = gw_lua_check_text(L, idx, "an fqid");
    gw_error err;

    if (gw_fqid_parse(text, &e->event.fqid, &err) != GW_OK)
        luaL_error(L, "%s", err.text);
    lua_pushvalue(L, idx);
    lua_setiuservalue(L, event_idx, FQID);
    e->has_fqid = true;
}

void
gw_lua_make_event(lua_State *L, gw_event_type type, int fqid_idx, int data_idx,
                  int lists_idx)
{
    lua_event *e = new_event(L, lists_idx ? LISTS : FQID);
    int idx = lua_gettop(L);

    e->is_made = true;
    e->event.type = type;
    set_fqid(L, idx, fqid_idx);
    if (data_idx) {
        lua_pushvalue(L, data_idx);
        lua_setiuservalue(L, idx, DATA);
        e->has_data = true;
    }
    if (lists_idx) {
        lua_pushvalue(L, lists_idx);
        lua_setiuservalue(L, idx, LISTS);
    }
}

/* ---- event.data and the other members */

static void
push_marked(lua_State *L, gw_lua_mark mark, size_t n_list, size_t n_object)
{
    lua_createtable(L, (int)n_list, (int)n_object);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_MARKS + (int)mark);
    lua_setmetatable(L, -2);
}

static void
push_lists(lua_State *L, gw_lua *self, gw_fields fields)
{
    push_marked(L, GW_LUA_OBJECT, 0, fields.n);
    for (size_t i = 0; i < fields.n; i++) {
        lua_pushlstring(L, fields.at[i].key.at, fields.at[i].key.len);
        gw_lua_push_json(L, self, fields.at[i].value);
        lua_rawset(L, -3);
    }
}

static void
push_new_data(lua_State *L, gw_lua *self, const gw_event *event)
{
    switch (event->type) {
    case GW_EVENT_CREATE:
    case GW_EVENT_UPDATE:
        gw_lua_push_data(L, self, event->set);
        break;
    case GW_EVENT_DELETEFIELDS:
        push_marked(L, GW_LUA_LIST, event->cut.n, 0);
        for (size_t i = 0; i < event->cut.n; i++) {
            gw_slice name = event->cut.at[i].key;

            lua_pushlstring(L, name.at, name.len);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    case GW_EVENT_LISTFIELDS:
        push_marked(L, GW_LUA_OBJECT, 0, 2);
        push_lists(L, self, event->set);
        lua_setfield(L, -2, "add");
        push_lists(L, self, event->cut);
        lua_setfield(L, -2, "remove");
        break;
    default:
        lua_pushnil(L);
    }
}

static int
push_data_of(lua_State *L, lua_event *e)
{
    if (e->has_data) {
        lua_getiuservalue(L, 1, DATA);
        return 1;
    }
    push_new_data(L, gw_lua_of(L), &e->event);
    if (!lua_isnil(L, -1)) {
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, DATA);
        e->has_data = true;
    }
    return 1;
}

static int
push_slice(lua_State *L, gw_slice text)
{
    lua_pushlstring(L, text.at, text.len);
    return 1;
}

static int
event_index(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);
    lua_event *e = event_at(L, 1);
    const char *name = gw_lua_slice_at(L, 2).at;

    if (name == self->names[GW_LUA_NAME_DATA])
        return push_data_of(L, e);
    if (name == self->names[GW_LUA_NAME_TYPE]) {
        lua_pushstring(L, gw_event_type_name(e->event.type));
        return 1;
    }
    if (name == self->names[GW_LUA_NAME_COLLECTION])
        return push_slice(L, gw_fqid_collection(&e->event.fqid));
    if (name == self->names[GW_LUA_NAME_FQID])
        return push_slice(L, e->event.fqid.text);
    if (name == self->names[GW_LUA_NAME_ID]) {
        gw_lua_push_number(L, self, gw_fqid_id(&e->event.fqid));
        return 1;
    }
    lua_pushnil(L);
    return 1;
}

static int
event_newindex(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);
    lua_event *e = event_at(L, 1);
    const char *name = gw_lua_slice_at(L, 2).at;

    if (name == self->names[GW_LUA_NAME_FQID]) {
        set_fqid(L, 1, 3);
        return 0;
    }
    if (name != self->names[GW_LUA_NAME_DATA])
        return luaL_error(L,
                          "event.%s cannot be set (event.data and "
                          "event.fqid can): make another event, as with "
                          "godwit.create",
                          luaL_tolstring(L, 2, NULL));
    if (e->event.type == GW_EVENT_DELETE || e->event.type == GW_EVENT_RESTORE)
        return luaL_error(L, "a %s event has no data",
                          gw_event_type_name(e->event.type));
    if (!lua_istable(L, 3) && gw_lua_kind_at(L, 3) != GW_LUA_DATA)
        return luaL_error(L, "event.data must be a table, not a %s",
                          luaL_typename(L, 3));
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 1, DATA);
    e->has_data = true;
    return 0;
}

static int
event_tostring(lua_State *L)
{
    const lua_event *e = lua_touserdata(L, 1);

    if (!e->is_made && e->generation != gw_lua_of(L)->generation)
        lua_pushliteral(L, "an event of an earlier position");
    else
        lua_pushfstring(L, "%s of ", gw_event_type_name(e->event.type));
    if (e->is_made || e->generation == gw_lua_of(L)->generation) {
        push_slice(L, e->event.fqid.text);
        lua_concat(L, 2);
    }
    return 1;
}

/* ---- back again */

/** A field of a table with its text, the old text if it still says so. */
static void
take_field(lua_State *L, gw_lua *self, gw_slice key, const gw_slice *old,
           gw_fields *out, bool *same)
{
    gw_arena *arena = self->out->arena;

    self->putting_field = key;
    if (old && gw_lua_is_json(L, self, lua_gettop(L), *old)) {
        out->at[out->n++] = (gw_field){key, *old};
    } else {
        *same = false;
        out->at[out->n++] =
            (gw_field){gw_arena_dup(arena, key),
                       gw_lua_take_json(L, self, lua_gettop(L), arena)};
    }
    self->putting_field = (gw_slice){0};
}

/** The fields of the table at idx: those of `base` in its order, then the
 *  others by their names. */
static gw_fields
take_table(lua_State *L, gw_lua *self, int idx, gw_fields base, bool *same)
{
    gw_fields out = {0};
    gw_slice few[GW_LUA_FEW_KEYS];
    size_t n;
    const gw_slice *keys = gw_lua_push_keys(L, idx, few, &n);

    if (n > GW_LIMIT_FIELDS)
        luaL_error(L, "more than %d fields", GW_LIMIT_FIELDS);
    out.at = GW_ARENA_NEW(self->out->arena, gw_field, n + 1);
    for (size_t i = 0; i < base.n; i++) {
        push_slice(L, base.at[i].key);
        if (lua_rawget(L, idx) == LUA_TNIL)
            *same = false;
        else
            take_field(L, self, base.at[i].key, &base.at[i].value, &out, same);
        lua_pop(L, 1);
    }
    bool has_more = out.n < n;
    for (size_t i = 0; has_more && i < n; i++) {
        if (gw_fields_find(base, keys[i]) >= 0)
            continue;
        push_slice(L, keys[i]);
        lua_rawget(L, idx);
        take_field(L, self, keys[i], NULL, &out, same);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return out;
}

static gw_fields
take_fields(lua_State *L, gw_lua *self, int idx, gw_fields base, bool *same)
{
    if (gw_lua_kind_at(L, idx) == GW_LUA_DATA)
        return gw_lua_data_take(L, self, idx, base.at, same);
    if (gw_lua_is_list(L, idx) && lua_rawlen(L, idx) > 0)
        luaL_error(L, "the data of a create or update is a table of fields, "
                      "not a list");
    return take_table(L, self, idx, base, same);
}

static gw_fields
take_names(lua_State *L, gw_lua *self, int idx, gw_fields base, bool *same)
{
    size_t n = lua_rawlen(L, idx);
    gw_fields out = {GW_ARENA_NEW(self->out->arena, gw_field, n + 1), n};

    if (gw_lua_count(L, idx) != n)
        luaL_error(L, "field names must be a list, with the keys 1 to n "
                      "without holes");
    *same = *same && n == base.n;
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, idx, (lua_Integer)i + 1);
        gw_slice name = gw_lua_slice_at(L, -1);
        if (!name.at) {
            luaL_error(L, "a list of field names holds a %s",
                       luaL_typename(L, -1));
            return out; /* not reached */
        }
        *same = *same && gw_slice_equal(name, base.at[i].key);
        out.at[i] = (gw_field){gw_arena_dup(self->out->arena, name), {NULL, 0}};
        lua_pop(L, 1);
    }
    return out;
}

static gw_fields
take_half(lua_State *L, gw_lua *self, int idx, const char *half, gw_fields base,
          bool *same)
{
    gw_fields out = {0};

    lua_pushstring(L, half);
    int type = lua_rawget(L, idx);
    int at = lua_gettop(L);
    if (type == LUA_TNIL)
        *same = false;
    else if (type == LUA_TTABLE)
        out = take_table(L, self, at, base, same);
    else if (gw_lua_kind_at(L, at) == GW_LUA_DATA)
        out = take_fields(L, self, at, base, same);
    else
        luaL_error(L,
                   "'%s' of list changes must be a table field → list, "
                   "not a %s",
                   half, luaL_typename(L, at));
    lua_pop(L, 1);
    return out;
}

static void
check_halves(lua_State *L, int idx)
{
    if (!lua_istable(L, idx))
        luaL_error(L, "list changes must be a table {add = …, remove = …}");
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        gw_slice key = gw_lua_slice_at(L, -2);

        if (!gw_slice_equal(key, GW_LIT("add")) &&
            !gw_slice_equal(key, GW_LIT("remove")))
            luaL_error(L,
                       "list changes must be a table {add = …, remove = "
                       "…}, this has the key %s",
                       luaL_tolstring(L, -2, NULL));
    }
}

static void
take_lists(lua_State *L, gw_lua *self, int idx, gw_event *event, bool *same)
{
    check_halves(L, idx);
    event->set = take_half(L, self, idx, "add", event->set, same);
    event->cut = take_half(L, self, idx, "remove", event->cut, same);
}

static void
check_data(lua_State *L, int idx, const gw_event *event)
{
    if (!lua_istable(L, idx) && gw_lua_kind_at(L, idx) != GW_LUA_DATA)
        luaL_error(L, "the data of a %s must be a table, not a %s",
                   gw_event_type_name(event->type), luaL_typename(L, idx));
    if (event->type != GW_EVENT_CREATE && event->type != GW_EVENT_UPDATE &&
        !lua_istable(L, idx))
        luaL_error(L, "the data of a %s must be a plain table",
                   gw_event_type_name(event->type));
}

/** Reads the data at idx into *event; whether it is what it was. */
static bool
take_data(lua_State *L, gw_lua *self, int idx, gw_event *event)
{
    bool same = true;

    check_data(L, idx, event);
    switch (event->type) {
    case GW_EVENT_CREATE:
    case GW_EVENT_UPDATE:
        event->set = take_fields(L, self, idx, event->set, &same);
        break;
    case GW_EVENT_DELETEFIELDS:
        event->cut = take_names(L, self, idx, event->cut, &same);
        break;
    case GW_EVENT_LISTFIELDS:
        take_lists(L, self, idx, event, &same);
        break;
    default:
        break;
    }
    return same;
}

static gw_fqid
keep_fqid(gw_lua *self, const lua_event *e)
{
    if (!e->has_fqid)
        return e->event.fqid;
    return (gw_fqid){gw_arena_dup(self->out->arena, e->event.fqid.text),
                     e->event.fqid.collection_len};
}

/** Adds the lists of a godwit.update as an event of their own. */
static void
add_lists(lua_State *L, gw_lua *self, int idx, gw_fqid fqid)
{
    gw_event event = {.type = GW_EVENT_LISTFIELDS, .fqid = fqid};
    bool same = true;

    if (lua_getiuservalue(L, idx, LISTS) == LUA_TTABLE) {
        take_lists(L, self, lua_gettop(L), &event, &same);
        if (event.set.n > 0 || event.cut.n > 0)
            gw_event_list_add(self->out, &event);
    }
    lua_pop(L, 1);
}

/** Adds the event at idx to self->out; whether it is as it was offered. */
static bool
take_event(lua_State *L, gw_lua *self, int idx)
{
    const lua_event *e = event_at(L, idx);
    gw_event event = e->event;
    bool same = true;

    self->putting_fqid = event.fqid.text;
    if (e->has_data) {
        lua_getiuservalue(L, idx, DATA);
        same = take_data(L, self, lua_gettop(L), &event);
        lua_pop(L, 1);
    }
    if (same && !e->is_made)
        event = e->event;
    else
        event.raw = (gw_slice){0};
    event.fqid = keep_fqid(self, e);
    gw_event_list_add(self->out, &event);
    if (e->is_made && event.type == GW_EVENT_UPDATE)
        add_lists(L, self, idx, event.fqid);
    self->putting_fqid = (gw_slice){0};
    return same && !e->is_made && !e->has_fqid;
}

/** Checks that the table at idx is a list and nothing else. */
static size_t
check_list(lua_State *L, int idx, const char *name)
{
    if (gw_lua_kind_at(L, idx) == GW_LUA_EVENT)
        luaL_error(L,
                   "%s returned an event, not a list of events: put it "
                   "in { }",
                   name);
    if (!lua_istable(L, idx))
        luaL_error(L, "%s returned a %s instead of a list of events", name,
                   luaL_typename(L, idx));
    size_t n = gw_lua_count(L, idx);
    if (n != lua_rawlen(L, idx))
        luaL_error(L,
                   "%s returned a table that is no list: its keys must be "
                   "1 to n without holes",
                   name);
    return n;
}

void
gw_lua_take_events(lua_State *L, gw_lua *self, int idx, const char *name,
                   int offered_idx, bool *unchanged)
{
    size_t n = check_list(L, idx, name);
    bool is_same = false;

    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, idx, (lua_Integer)i);
        if (gw_lua_kind_at(L, -1) != GW_LUA_EVENT)
            luaL_error(L,
                       "%s returned a list whose element %d is a %s, not "
                       "an event",
                       name, (int)i, luaL_typename(L, -1));
        bool is_offered = offered_idx && lua_rawequal(L, -1, offered_idx);
        is_same = take_event(L, self, lua_gettop(L)) && is_offered;
        lua_pop(L, 1);
        if (self->out->n > GW_LIMIT_MIGRATION_OUTPUT)
            luaL_error(L, "%s returned more than %d events", name,
                       GW_LIMIT_MIGRATION_OUTPUT);
    }
    if (unchanged)
        *unchanged = is_same && n == 1;
}

static const luaL_Reg event_methods[] = {
    {"__index", event_index},
    {"__newindex", event_newindex},
    {"__tostring", event_tostring},
    {NULL, NULL},
};

static const char *const names[] = {
#define GW_LUA_NAME_TEXT(id, text) text,
    GW_LUA_NAME_MAP(GW_LUA_NAME_TEXT)
#undef GW_LUA_NAME_TEXT
};

void
gw_lua_open_event(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    lua_newtable(L);
    luaL_setfuncs(L, event_methods, 0);
    lua_pushliteral(L, "event");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_EVENT);

    lua_createtable(L, GW_LUA_NAMES, 0);
    for (int i = 0; i < GW_LUA_NAMES; i++) {
        self->names[i] = lua_pushstring(L, names[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_NAMES);
}
