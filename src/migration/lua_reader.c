/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of model migrations, as scripts see it.
 *
 * The engine calls back for each model or position while it has a statement
 * open, so no Lua error may jump over it: what is pushed in a call-back is
 * pushed under lua_pcall, and an error is raised again once the engine has
 * returned. The engine's time does not count as the script's. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>

#include "base/limits.h"
#include "migration/lua_priv.h"

/** One walk over models or positions. */
typedef struct walk {
    lua_State *L;
    gw_lua *self;
    const gw_filter *filter; /* or NULL: all */
    int fields_idx;          /* 0: all fields */
    int result_idx;
    bool wants_one;  /* stop at the first */
    bool is_done;    /* stopped on purpose */
    bool has_failed; /* the Lua error is on top of the stack */
    size_t n;
    gw_filter better; /* min, max: what replaces the best so far */
    bool has_best;
    const gw_read_model *model;
    const gw_position *position;
} walk;

static gw_lua *
check_reader(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    if (gw_lua_kind_at(L, 1) != GW_LUA_READER)
        luaL_error(L, "call this with a colon, as in reader:get(fqid)");
    if (!self->reader)
        luaL_error(L, "the reader can only be used in migrate_models");
    gw_lua_check_time(L);
    return self;
}

/** Takes the time since `from_ns` off the script's. */
static void
exclude_time(gw_lua *self, int64_t from_ns)
{
    if (self->timed_call == self->call)
        self->started_ns += gw_lua_now_ns() - from_ns;
}

/* ---- pushing a model */

static bool
is_wanted(lua_State *L, int fields_idx, gw_slice key)
{
    bool found = false;

    if (fields_idx == 0)
        return true;
    for (lua_Integer i = 1; !found; i++) {
        lua_rawgeti(L, fields_idx, i);
        gw_slice name = gw_lua_slice_at(L, -1);
        lua_pop(L, 1);
        if (!name.at)
            break;
        found = gw_slice_equal(name, key);
    }
    return found;
}

static void
push_model(lua_State *L, gw_lua *self, const gw_read_model *model,
           int fields_idx)
{
    self->n_fields = 0;
    for (size_t i = 0; i < model->fields.n; i++) {
        const gw_field *f = &model->fields.at[i];

        if (is_wanted(L, fields_idx, f->key))
            gw_lua_add_field(self, f->key, f->value);
    }
    gw_lua_push_copy(L, (gw_fields){self->fields, self->n_fields});
}

/** Pushes the id as a key: an integer, or its text beyond int64. */
static void
push_id(lua_State *L, const gw_fqid *fqid)
{
    gw_slice id = gw_fqid_id(fqid);
    int64_t integer;

    if (gw_json_int(id, &integer))
        lua_pushinteger(L, integer);
    else
        lua_pushlstring(L, id.at, id.len);
}

/** The fields argument at idx as a stack place; 0 for none. */
static int
check_fields(lua_State *L, int idx)
{
    if (lua_isnoneornil(L, idx))
        return 0;
    luaL_checktype(L, idx, LUA_TTABLE);
    size_t n = lua_rawlen(L, idx);
    if (gw_lua_count(L, idx) != n)
        luaL_error(L, "the fields must be a list of names");
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, idx, (lua_Integer)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "the fields must be a list of names");
        lua_pop(L, 1);
    }
    return idx;
}

static const gw_filter *
check_filter(lua_State *L, gw_lua *self, int idx)
{
    gw_arena *arena = self->reader->arena;
    gw_filter *filter = GW_ARENA_NEW(arena, gw_filter, 1);
    gw_error err;

    luaL_checktype(L, idx, LUA_TTABLE);
    self->putting_fqid = self->putting_field = (gw_slice){0};
    gw_slice json = gw_lua_take_json(L, self, idx, arena);
    if (gw_filter_parse(arena, json, filter, &err) != GW_OK)
        luaL_error(L, "%s", err.text);
    return filter;
}

/* ---- walking */

/** Calls `push` protected; on an error the walk ends. */
static gw_code
protect(walk *w, gw_lua_function push, gw_error *err)
{
    lua_pushcfunction(w->L, push);
    lua_pushlightuserdata(w->L, w);
    lua_pushvalue(w->L, w->result_idx);
    if (w->fields_idx)
        lua_pushvalue(w->L, w->fields_idx);
    if (lua_pcall(w->L, w->fields_idx ? 3 : 2, 0, 0) == LUA_OK)
        return GW_OK;
    w->has_failed = true;
    return gw_fail(err, GW_E_MIGRATION, "the script's memory is used up");
}

/** Ends the walk: raises what failed, unless that was on purpose. */
static void
end_walk(walk *w, gw_code code, const gw_error *err, int64_t from_ns)
{
    exclude_time(w->self, from_ns);
    if (code == GW_OK || w->is_done)
        return;
    if (w->has_failed)
        lua_error(w->L);
    gw_lua_fail_engine(w->L, err);
}

static void
walk_models(walk *w, gw_slice collection,
            gw_code (*visit)(void *arg, const gw_read_model *model,
                             gw_error *err))
{
    gw_reader *r = w->self->reader;
    int64_t from_ns = gw_lua_now_ns();
    gw_error err;

    luaL_checkstack(w->L, 8, NULL);
    gw_code code = r->ops->each(r, collection, visit, w, &err);
    end_walk(w, code, &err, from_ns);
}

static bool
is_match(const walk *w, const gw_read_model *model)
{
    return !model->deleted &&
           (!w->filter || gw_filter_matches(w->filter, model->fields));
}

static int
put_model(lua_State *L)
{
    const walk *w = lua_touserdata(L, 1);

    push_id(L, &w->model->fqid);
    push_model(L, w->self, w->model, w->fields_idx ? 3 : 0);
    lua_rawset(L, 2);
    return 0;
}

static gw_code
visit_keep(void *arg, const gw_read_model *model, gw_error *err)
{
    walk *w = arg;

    if (!is_match(w, model))
        return GW_OK;
    w->model = model;
    return protect(w, put_model, err);
}

static gw_code
visit_count(void *arg, const gw_read_model *model, gw_error *err)
{
    walk *w = arg;

    if (!is_match(w, model))
        return GW_OK;
    w->n++;
    if (!w->wants_one)
        return GW_OK;
    w->is_done = true;
    return gw_fail(err, GW_E_INTERRUPTED, "found one");
}

static gw_code
visit_bound(void *arg, const gw_read_model *model, gw_error *err)
{
    walk *w = arg;
    gw_buf *best = &w->self->buf;

    (void)err;
    if (!is_match(w, model))
        return GW_OK;
    ptrdiff_t at = gw_fields_find(model->fields, w->better.field);
    if (at < 0 || gw_json_kind_of(model->fields.at[at].value) == GW_JSON_NULL)
        return GW_OK;
    w->better.value = gw_buf_as_slice(best);
    if (w->has_best && !gw_filter_matches(&w->better, model->fields))
        return GW_OK;
    best->len = 0;
    gw_buf_slice(best, model->fields.at[at].value);
    w->has_best = true;
    return GW_OK;
}

/* ---- the calls */

static int
keep_models(lua_State *L, gw_lua *self, const gw_filter *filter, int fields_idx)
{
    walk w = {.L = L,
              .self = self,
              .filter = filter,
              .fields_idx = check_fields(L, fields_idx)};

    lua_newtable(L);
    w.result_idx = lua_gettop(L);
    walk_models(&w, gw_lua_check_collection(L, 2), visit_keep);
    return 1;
}

static int
reader_get_all(lua_State *L)
{
    gw_lua *self = check_reader(L);

    lua_settop(L, 3);
    return keep_models(L, self, NULL, 3);
}

static int
reader_filter(lua_State *L)
{
    gw_lua *self = check_reader(L);

    lua_settop(L, 4);
    return keep_models(L, self, check_filter(L, self, 3), 4);
}

static size_t
count_models(lua_State *L, bool wants_one)
{
    gw_lua *self = check_reader(L);
    walk w = {.L = L,
              .self = self,
              .filter = check_filter(L, self, 3),
              .wants_one = wants_one};

    walk_models(&w, gw_lua_check_collection(L, 2), visit_count);
    return w.n;
}

static int
reader_exists(lua_State *L)
{
    lua_pushboolean(L, count_models(L, true) > 0);
    return 1;
}

static int
reader_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)count_models(L, false));
    return 1;
}

static int
find_bound(lua_State *L, gw_filter_op op)
{
    gw_lua *self = check_reader(L);
    walk w = {.L = L, .self = self, .filter = check_filter(L, self, 3)};

    w.better =
        (gw_filter){.op = op, .field = gw_lua_check_text(L, 4, "the field")};
    walk_models(&w, gw_lua_check_collection(L, 2), visit_bound);
    if (w.has_best)
        gw_lua_push_json(L, self, gw_buf_as_slice(&self->buf));
    else
        lua_pushnil(L);
    return 1;
}

static int
reader_min(lua_State *L)
{
    return find_bound(L, GW_FILTER_LT);
}

static int
reader_max(lua_State *L)
{
    return find_bound(L, GW_FILTER_GT);
}

static bool
find_model(lua_State *L, gw_lua *self, gw_slice fqid, gw_read_model *model)
{
    gw_reader *r = self->reader;
    int64_t from_ns = gw_lua_now_ns();
    gw_error err;
    bool found = false;
    gw_code code = r->ops->get(r, fqid, model, &found, &err);

    exclude_time(self, from_ns);
    if (code != GW_OK)
        gw_lua_fail_engine(L, &err);
    return found;
}

static int
reader_get(lua_State *L)
{
    gw_lua *self = check_reader(L);
    gw_slice fqid = gw_lua_check_fqid(L, 2);
    int fields_idx = check_fields(L, 3);
    gw_read_model model;

    if (!find_model(L, self, fqid, &model))
        return luaL_error(L, "Model %s does not exist", fqid.at);
    if (model.deleted)
        return luaL_error(L, "Model %s is deleted", fqid.at);
    push_model(L, self, &model, fields_idx);
    return 1;
}

/** One id of a request of get_many, on top of the stack: into the table at
 *  result_idx. */
static void
get_one(lua_State *L, gw_lua *self, int request_idx, int result_idx,
        int fields_idx)
{
    gw_read_model model;

    lua_getfield(L, request_idx, "collection");
    lua_pushliteral(L, "/");
    luaL_tolstring(L, -3, NULL);
    lua_concat(L, 3);
    gw_slice fqid = gw_lua_check_fqid(L, lua_gettop(L));
    if (find_model(L, self, fqid, &model) && !model.deleted) {
        push_id(L, &model.fqid);
        push_model(L, self, &model, fields_idx);
        lua_rawset(L, result_idx);
    }
    lua_pop(L, 1);
}

/** The table for the request's collection, made when it is the first. */
static void
push_collection(lua_State *L, int request_idx, int all_idx)
{
    lua_getfield(L, request_idx, "collection");
    gw_lua_check_collection(L, lua_gettop(L));
    lua_pushvalue(L, -1);
    if (lua_rawget(L, all_idx) == LUA_TTABLE) {
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    lua_newtable(L);
    lua_insert(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, all_idx);
}

static void
get_request(lua_State *L, gw_lua *self, int request_idx, int all_idx)
{
    luaL_checktype(L, request_idx, LUA_TTABLE);
    lua_getfield(L, request_idx, "fields");
    int fields_idx = check_fields(L, lua_gettop(L));
    push_collection(L, request_idx, all_idx);
    int result_idx = lua_gettop(L);
    if (lua_getfield(L, request_idx, "ids") != LUA_TTABLE)
        luaL_error(L, "a request needs a list of ids: {collection = …, ids = "
                      "{…}}");
    int ids_idx = lua_gettop(L);
    size_t n = lua_rawlen(L, ids_idx);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, ids_idx, (lua_Integer)i);
        get_one(L, self, request_idx, result_idx, fields_idx);
        lua_pop(L, 1);
    }
    lua_settop(L, request_idx);
}

static int
reader_get_many(lua_State *L)
{
    gw_lua *self = check_reader(L);

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_newtable(L);
    size_t n = lua_rawlen(L, 2);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i);
        get_request(L, self, lua_gettop(L), 3);
        lua_pop(L, 1);
    }
    return 1;
}

/** Whether the model is there and, if `deleted` is not NULL, as it says. */
static int
push_state(lua_State *L, const bool *deleted)
{
    gw_lua *self = check_reader(L);
    gw_read_model model;
    bool found = find_model(L, self, gw_lua_check_fqid(L, 2), &model);

    lua_pushboolean(L, found && (!deleted || model.deleted == *deleted));
    return 1;
}

static int
reader_is_alive(lua_State *L)
{
    return push_state(L, &(bool){false});
}

static int
reader_is_deleted(lua_State *L)
{
    return push_state(L, &(bool){true});
}

static int
reader_model_exists(lua_State *L)
{
    return push_state(L, NULL);
}

static int
reader_max_position(lua_State *L)
{
    gw_lua *self = check_reader(L);
    gw_error err;
    int64_t position;

    if (self->reader->ops->max_position(self->reader, &position, &err) != GW_OK)
        gw_lua_fail_engine(L, &err);
    lua_pushinteger(L, position);
    return 1;
}

/** Pushes the fqids of the position, each once, in order. */
static void
push_fqids(lua_State *L, const gw_position *p)
{
    lua_Integer n = 0;

    lua_newtable(L);
    lua_newtable(L); /* those that are in it */
    for (size_t i = 0; i < p->events.n; i++) {
        gw_slice fqid = p->events.at[i].fqid.text;

        lua_pushlstring(L, fqid.at, fqid.len);
        lua_pushvalue(L, -1);
        bool is_new = lua_rawget(L, -3) == LUA_TNIL;
        lua_pop(L, 1);
        if (is_new) {
            lua_pushvalue(L, -1);
            lua_pushboolean(L, true);
            lua_rawset(L, -4);
            lua_rawseti(L, -3, ++n);
        } else {
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static int
put_position(lua_State *L)
{
    walk *w = lua_touserdata(L, 1);

    gw_lua_push_position(L, w->self, w->position);
    push_fqids(L, w->position);
    lua_setfield(L, -2, "fqids");
    lua_rawseti(L, 2, (lua_Integer)++w->n);
    return 0;
}

static gw_code
visit_position(void *arg, const gw_position *p, gw_error *err)
{
    walk *w = arg;

    w->position = p;
    return protect(w, put_position, err);
}

static int
reader_history(lua_State *L)
{
    gw_lua *self = check_reader(L);
    gw_reader *r = self->reader;
    int64_t from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
    walk w = {.L = L, .self = self};
    gw_error err;

    lua_newtable(L);
    w.result_idx = lua_gettop(L);
    luaL_checkstack(L, 8, NULL);
    int64_t from_ns = gw_lua_now_ns();
    gw_code code = r->ops->history(r, from, to, visit_position, &w, &err);
    end_walk(&w, code, &err, from_ns);
    return 1;
}

static const luaL_Reg methods[] = {
    {"get", reader_get},
    {"get_many", reader_get_many},
    {"get_all", reader_get_all},
    {"filter", reader_filter},
    {"exists", reader_exists},
    {"count", reader_count},
    {"min", reader_min},
    {"max", reader_max},
    {"is_alive", reader_is_alive},
    {"is_deleted", reader_is_deleted},
    {"model_exists", reader_model_exists},
    {"max_position", reader_max_position},
    {"history", reader_history},
    {NULL, NULL},
};

void
gw_lua_push_reader(lua_State *L, gw_lua *self)
{
    int *kind = lua_newuserdatauv(L, sizeof(*kind), 0);

    *kind = GW_LUA_READER;
    lua_newtable(L);
    luaL_newlib(L, methods);
    lua_pushboolean(L, self->reader->in_memory);
    lua_setfield(L, -2, "in_memory");
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "reader");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}
