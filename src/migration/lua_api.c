/* SPDX-License-Identifier: Apache-2.0 */
/* What scripts are given: the table `godwit`, and ctx with the keyframes
 * before and after the migration. The reader of model migrations is in
 * lua_reader.c. */
#include <lauxlib.h>
#include <lua.h>

#include "migration/lua_priv.h"

/* ---- makers: a table of what each takes */

static const struct maker {
    const char *name;
    const char *data; /* what the second argument is; NULL: none */
    gw_event_type type;
    bool has_lists;
} makers[] = {
    {"create", "fields", GW_EVENT_CREATE, false},
    {"update", "fields", GW_EVENT_UPDATE, true},
    {"delete_fields", "names", GW_EVENT_DELETEFIELDS, false},
    {"list_update", "lists", GW_EVENT_LISTFIELDS, false},
    {"delete", NULL, GW_EVENT_DELETE, false},
    {"restore", NULL, GW_EVENT_RESTORE, false},
};

enum { MAKERS = sizeof(makers) / sizeof(makers[0]) };

static void
check_table(lua_State *L, int idx, const struct maker *m, const char *what)
{
    bool takes_proxy = m->type == GW_EVENT_CREATE || m->type == GW_EVENT_UPDATE;

    if (lua_istable(L, idx) ||
        (takes_proxy && gw_lua_kind_at(L, idx) == GW_LUA_DATA))
        return;
    luaL_error(L, "godwit.%s: the %s must be a table, not %s", m->name, what,
               lua_isnoneornil(L, idx) ? "nil" : luaL_typename(L, idx));
}

static int
make_event(lua_State *L)
{
    const struct maker *m = &makers[lua_tointeger(L, lua_upvalueindex(1))];
    bool has_lists = m->has_lists && !lua_isnoneornil(L, 3);

    lua_settop(L, 3);
    if (m->data)
        check_table(L, 2, m, m->data);
    if (has_lists && !lua_istable(L, 3))
        check_table(L, 3, m, "lists");
    gw_lua_make_event(L, m->type, 1, m->data ? 2 : 0, has_lists ? 3 : 0);
    return 1;
}

/* ---- helpers */

static int
make_fqid(lua_State *L)
{
    gw_lua_check_text(L, 1, "the collection");
    if (!lua_isinteger(L, 2) && gw_lua_kind_at(L, 2) != GW_LUA_NUMBER &&
        lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "the id must be an integer, not %s",
                          luaL_tolstring(L, 2, NULL));
    lua_settop(L, 2);
    lua_pushliteral(L, "/");
    lua_insert(L, 2);
    luaL_tolstring(L, 3, NULL);
    lua_replace(L, 3);
    lua_concat(L, 3);
    return 1;
}

static int
split_fqid(lua_State *L)
{
    gw_slice text = gw_lua_check_text(L, 1, "the fqid");
    gw_fqid fqid;
    gw_error err;

    if (gw_fqid_parse(text, &fqid, &err) != GW_OK)
        return luaL_error(L, "%s", err.text);
    lua_pushlstring(L, text.at, fqid.collection_len);
    gw_lua_push_number(L, gw_lua_of(L), gw_fqid_id(&fqid));
    return 2;
}

static void
log_line(const gw_lua *self, gw_slice line)
{
    if (self->ctx && self->ctx->ops->log)
        self->ctx->ops->log(self->ctx, line);
    else if (self->reader && self->reader->ops->log)
        self->reader->ops->log(self->reader, line);
}

/** godwit.log and print: a line of the command's output. */
static int
log_values(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&b, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    log_line(gw_lua_of(L), gw_lua_slice_at(L, -1));
    return 0;
}

static void
open_godwit(lua_State *L)
{
    lua_newtable(L);
    gw_lua_open_json(L);
    for (int i = 0; i < MAKERS; i++) {
        lua_pushinteger(L, i);
        lua_pushcclosure(L, make_event, 1);
        lua_setfield(L, -2, makers[i].name);
    }
    lua_pushcfunction(L, make_fqid);
    lua_setfield(L, -2, "fqid");
    lua_pushcfunction(L, split_fqid);
    lua_setfield(L, -2, "split");
    lua_pushcfunction(L, log_values);
    lua_setfield(L, -2, "log");
    lua_setglobal(L, "godwit");
    lua_pushcfunction(L, log_values);
    lua_setglobal(L, "print");
}

gw_slice
gw_lua_check_fqid(lua_State *L, int idx)
{
    gw_slice text = gw_lua_check_text(L, idx, "the fqid");
    gw_fqid fqid;
    gw_error err;

    if (gw_fqid_parse(text, &fqid, &err) != GW_OK)
        luaL_error(L, "%s", err.text);
    return text;
}

gw_slice
gw_lua_check_collection(lua_State *L, int idx)
{
    gw_slice text = gw_lua_check_text(L, idx, "the collection");

    if (!gw_collection_is_valid(text))
        luaL_error(L, "'%s' is no name of a collection", text.at);
    return text;
}

/* ---- ctx.old, ctx.new */

typedef struct accessor {
    int kind;
    gw_side side;
} accessor;

/** The context, for a call of ctx.old:NAME(…) or ctx.new:NAME(…). */
static const gw_context *
check_accessor(lua_State *L, gw_side *side)
{
    const gw_lua *self = gw_lua_of(L);

    if (gw_lua_kind_at(L, 1) != GW_LUA_ACCESSOR)
        luaL_error(L, "call this with a colon, as in ctx.new:get_model(fqid)");
    *side = ((const accessor *)lua_touserdata(L, 1))->side;
    if (!self->ctx)
        luaL_error(L, "ctx can only be used in a call of the migration");
    if (!self->reads_models)
        luaL_error(L, "the migration says that it reads no models: remove "
                      "`reads_models = false` from it");
    return self->ctx;
}

static gw_slice
get_model(lua_State *L, gw_model *model)
{
    gw_side side;
    const gw_context *ctx = check_accessor(L, &side);
    gw_slice fqid = gw_lua_check_fqid(L, 2);
    gw_error err;

    if (ctx->ops->get(ctx, side, fqid, model, &err) != GW_OK)
        gw_lua_fail_engine(L, &err);
    return fqid;
}

void
gw_lua_add_field(gw_lua *self, gw_slice key, gw_slice value)
{
    if (self->n_fields == self->fields_room) {
        self->fields_room = self->fields_room * 2 + 32;
        self->fields =
            gw_realloc(self->fields, self->fields_room * sizeof(gw_field));
    }
    self->fields[self->n_fields++] = (gw_field){key, value};
}

static void
push_model(lua_State *L, const gw_model *model)
{
    gw_lua *self = gw_lua_of(L);
    char position[32];
    size_t cursor = 0;
    gw_field field;

    self->n_fields = 0;
    while (model->state && gw_state_next(model->state, &cursor, &field))
        gw_lua_add_field(self, field.key, field.value);
    snprintf(position, sizeof(position), "%lld",
             (long long)model->meta_position);
    gw_lua_add_field(self, GW_LIT("meta_position"), gw_slice_of(position));
    gw_lua_add_field(self, GW_LIT("meta_deleted"),
                     model->status == GW_STATUS_DELETED ? GW_LIT("true")
                                                        : GW_LIT("false"));
    gw_lua_push_copy(L, (gw_fields){self->fields, self->n_fields});
}

static int
fail_model(lua_State *L, const char *what)
{
    return luaL_error(L, "Model %s %s", lua_tostring(L, 2), what);
}

static int
accessor_get_model(lua_State *L)
{
    gw_model model;

    get_model(L, &model);
    if (model.status == GW_STATUS_NONE)
        return fail_model(L, "does not exist");
    if (model.status == GW_STATUS_DELETED)
        return fail_model(L, "is deleted");
    push_model(L, &model);
    return 1;
}

static int
accessor_get_deleted_model(lua_State *L)
{
    gw_model model;

    get_model(L, &model);
    if (model.status == GW_STATUS_NONE)
        return fail_model(L, "does not exist");
    if (model.status != GW_STATUS_DELETED)
        return fail_model(L, "is not deleted");
    push_model(L, &model);
    return 1;
}

static int
accessor_get_model_ignore_deleted(lua_State *L)
{
    gw_model model;

    get_model(L, &model);
    if (model.status == GW_STATUS_NONE)
        return fail_model(L, "does not exist");
    push_model(L, &model);
    lua_pushboolean(L, model.status == GW_STATUS_DELETED);
    return 2;
}

static int
accessor_model_exists(lua_State *L)
{
    gw_model model;

    get_model(L, &model);
    lua_pushboolean(L, model.status != GW_STATUS_NONE);
    return 1;
}

static int
accessor_model_not_deleted(lua_State *L)
{
    gw_model model;

    get_model(L, &model);
    lua_pushboolean(L, model.status == GW_STATUS_ALIVE);
    return 1;
}

static int
accessor_get_all_ids(lua_State *L)
{
    gw_side side;
    const gw_context *ctx = check_accessor(L, &side);
    gw_slice collection = gw_lua_check_collection(L, 2);
    gw_values ids;
    gw_error err;

    if (ctx->ops->ids(ctx, side, collection, &ids, &err) != GW_OK)
        gw_lua_fail_engine(L, &err);
    lua_createtable(L, (int)ids.n, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_MARKS + GW_LUA_LIST);
    lua_setmetatable(L, -2);
    for (size_t i = 0; i < ids.n; i++) {
        gw_lua_push_number(L, gw_lua_of(L), ids.at[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const luaL_Reg accessor_methods[] = {
    {"get_model", accessor_get_model},
    {"get_deleted_model", accessor_get_deleted_model},
    {"get_model_ignore_deleted", accessor_get_model_ignore_deleted},
    {"model_exists", accessor_model_exists},
    {"model_not_deleted", accessor_model_not_deleted},
    {"get_all_ids_for_collection", accessor_get_all_ids},
    {NULL, NULL},
};

static void
push_accessor(lua_State *L, gw_side side)
{
    accessor *a = lua_newuserdatauv(L, sizeof(*a), 0);

    *a = (accessor){GW_LUA_ACCESSOR, side};
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_ACCESSOR);
    lua_setmetatable(L, -2);
}

/* ---- ctx */

static int
ctx_will_exist(lua_State *L)
{
    const gw_lua *self = gw_lua_of(L);
    gw_error err;
    bool exists;

    if (!lua_istable(L, 1))
        return luaL_error(L, "call this with a colon: ctx:will_exist(fqid)");
    gw_slice fqid = gw_lua_check_fqid(L, 2);
    if (!self->ctx)
        return luaL_error(L, "ctx can only be used in a call of the "
                             "migration");
    if (!self->reads_models)
        return luaL_error(L, "the migration says that it reads no models: "
                             "remove `reads_models = false` from it");
    if (self->ctx->ops->will_exist(self->ctx, fqid, &exists, &err) != GW_OK)
        gw_lua_fail_engine(L, &err);
    lua_pushboolean(L, exists);
    return 1;
}

static void
push_raw(lua_State *L, gw_lua *self, gw_slice raw)
{
    gw_error err;

    if (!raw.at) {
        lua_pushlightuserdata(L, NULL);
        return;
    }
    if (gw_json_check(raw, &raw, &err) != GW_OK)
        luaL_error(L, "the position's information: %s", err.text);
    gw_lua_push_json(L, self, raw);
}

void
gw_lua_push_position(lua_State *L, gw_lua *self, const gw_position *p)
{
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, p->position);
    lua_setfield(L, -2, "position");
    if (p->timestamp.at) {
        lua_pushlstring(L, p->timestamp.at, p->timestamp.len);
        lua_setfield(L, -2, "timestamp");
    }
    lua_pushinteger(L, p->user_id);
    lua_setfield(L, -2, "user_id");
    push_raw(L, self, p->information);
    lua_setfield(L, -2, "information");
}

/** ctx.position is made when it is asked for, and kept for the position. */
static int
ctx_index(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    if (!gw_slice_equal(gw_lua_slice_at(L, 2), GW_LIT("position")) ||
        !self->ctx) {
        lua_pushnil(L);
        return 1;
    }
    gw_lua_push_position(L, self, self->ctx->position);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

void
gw_lua_enter_position(lua_State *L, gw_lua *self)
{
    const gw_position *p = self->ctx->position;

    if (self->generation > 0 && self->position == p->position &&
        self->position_events == p->events.at)
        return;
    self->generation++;
    self->position = p->position;
    self->position_events = p->events.at;
    gw_lua_forget_decimals(L, self);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CONTEXT);
    lua_pushliteral(L, "position");
    lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pushinteger(L, self->ctx->migration_index);
    lua_setfield(L, -2, "migration_index");
    lua_pop(L, 1);
}

static void
open_context(lua_State *L)
{
    lua_newtable(L);
    luaL_newlib(L, accessor_methods);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "keyframe");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_ACCESSOR);

    lua_newtable(L);
    push_accessor(L, GW_SIDE_OLD);
    lua_setfield(L, -2, "old");
    push_accessor(L, GW_SIDE_NEW);
    lua_setfield(L, -2, "new");
    lua_pushcfunction(L, ctx_will_exist);
    lua_setfield(L, -2, "will_exist");
    lua_newtable(L);
    lua_pushcfunction(L, ctx_index);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CONTEXT);
}

void
gw_lua_open_api(lua_State *L)
{
    open_godwit(L);
    open_context(L);
}
