/* SPDX-License-Identifier: Apache-2.0 */
/* Lua migrations: loading the script and the calls of gw_migration_ops.
 *
 * The script returns a table:
 *   type          "event" or "model"
 *   description   text, for people (optional)
 *   reads_models  false: it never uses ctx.old, ctx.new or ctx:will_exist.
 *                 Then its keyframe need not keep fields, which saves memory
 *                 and time; using them all the same is an error. Not given:
 *                 whether one of its functions takes ctx
 *   and the functions of GW_LUA_CALL_MAP.
 * Source: migrations.md, Lua */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#include "base/limits.h"
#include "migration/lua_priv.h"

static const char *const call_names[] = {
#define GW_LUA_CALL_NAME(id, name) name,
    GW_LUA_CALL_MAP(GW_LUA_CALL_NAME)
#undef GW_LUA_CALL_NAME
};

static void
push_call(lua_State *L, gw_lua_call call)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CALLS + (int)call);
}

/* ---- loading */

static void
read_type(lua_State *L, gw_lua *self)
{
    lua_getfield(L, 1, "type");
    gw_slice type = gw_lua_slice_at(L, -1);

    if (gw_slice_equal(type, GW_LIT("event")))
        self->type = GW_MIGRATION_EVENT;
    else if (gw_slice_equal(type, GW_LIT("model")))
        self->type = GW_MIGRATION_MODEL;
    else
        luaL_error(L, "the migration's type must be \"event\" or \"model\"");
    lua_pop(L, 1);
}

/* Whether the function on top can see ctx as its argument number `place`. */
static bool
takes_ctx(lua_State *L, int place)
{
    lua_Debug about;

    if (!lua_isfunction(L, -1))
        return false;
    lua_pushvalue(L, -1);
    return lua_getinfo(L, ">u", &about) &&
           (about.isvararg || about.nparams >= place);
}

/* ctx comes as an argument and in no other way. */
static void
read_reads_models(lua_State *L, gw_lua *self)
{
    static const int ctx_places[GW_LUA_CALLS] = {
        [GW_LUA_POSITION_INIT] = 1,
        [GW_LUA_MIGRATE_EVENT] = 2,
        [GW_LUA_ADDITIONAL_EVENTS] = 1,
        [GW_LUA_ORDER_EVENTS] = 2,
    };
    bool is_given = lua_getfield(L, 1, "reads_models") != LUA_TNIL;

    self->reads_models = lua_toboolean(L, -1);
    lua_pop(L, 1);
    for (int i = 0; !is_given && i < GW_LUA_CALLS; i++) {
        if (ctx_places[i] == 0)
            continue;
        push_call(L, (gw_lua_call)i);
        self->reads_models = self->reads_models || takes_ctx(L, ctx_places[i]);
        lua_pop(L, 1);
    }
}

static void
read_calls(lua_State *L, gw_lua *self)
{
    for (int i = 0; i < GW_LUA_CALLS; i++) {
        int type = lua_getfield(L, 1, call_names[i]);

        if (type != LUA_TNIL && type != LUA_TFUNCTION)
            luaL_error(L, "%s must be a function, not a %s", call_names[i],
                       lua_typename(L, type));
        self->has[i] = type == LUA_TFUNCTION;
        lua_rawseti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CALLS + i);
    }
    if (self->type == GW_MIGRATION_MODEL && !self->has[GW_LUA_MIGRATE_MODELS])
        luaL_error(L, "a model migration needs a function migrate_models");
    if (self->type == GW_MIGRATION_EVENT && !self->has[GW_LUA_MIGRATE_EVENT] &&
        !self->has[GW_LUA_ADDITIONAL_EVENTS])
        luaL_error(L, "an event migration needs a function migrate_event (or "
                      "additional_events)");
}

static int
run_load(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    lua_pushfstring(L, "=%s", self->file);
    if (luaL_loadbufferx(L, self->text, self->text_len, lua_tostring(L, -1),
                         "t") != LUA_OK)
        return lua_error(L);
    lua_remove(L, -2);
    lua_call(L, 0, 1);
    if (!lua_istable(L, 1))
        return luaL_error(L,
                          "the script must return its migration, a table "
                          "(return migration), not %s",
                          luaL_typename(L, 1));
    read_type(L, self);
    read_calls(L, self);
    read_reads_models(L, self);
    lua_getfield(L, 1, "description");
    gw_slice description = gw_lua_slice_at(L, -1);
    if (description.at && !self->description)
        self->description = gw_strdup(description.at);
    return 0;
}

static gw_code
lua_restart(void *arg, gw_error *err)
{
    gw_lua *self = arg;

    if (self->is_fresh)
        return GW_OK;
    gw_code code = gw_lua_make_state(self, err);
    if (code == GW_OK)
        code = gw_lua_run(self, run_load, err);
    self->is_fresh = code == GW_OK;
    return code;
}

/* ---- the calls */

static int
run_position_init(lua_State *L)
{
    gw_lua_enter_position(L, gw_lua_of(L));
    push_call(L, GW_LUA_POSITION_INIT);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CONTEXT);
    lua_call(L, 1, 0);
    return 0;
}

static int
run_migrate_event(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    gw_lua_enter_position(L, self);
    gw_lua_push_event(L, self, self->event);
    push_call(L, GW_LUA_MIGRATE_EVENT);
    lua_pushvalue(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CONTEXT);
    lua_call(L, 2, 1);
    *self->unchanged = lua_isnil(L, 2);
    if (!*self->unchanged)
        gw_lua_take_events(L, self, 2, "migrate_event", 1, self->unchanged);
    return 0;
}

static int
run_additional_events(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    gw_lua_enter_position(L, self);
    push_call(L, GW_LUA_ADDITIONAL_EVENTS);
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CONTEXT);
    lua_call(L, 1, 1);
    if (!lua_isnil(L, 1))
        gw_lua_take_events(L, self, 1, "additional_events", 0, NULL);
    return 0;
}

static int
run_migrate_models(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    self->generation++;
    push_call(L, GW_LUA_MIGRATE_MODELS);
    gw_lua_push_reader(L, self);
    lua_createtable(L, 0, 1);
    lua_pushinteger(L, self->reader->migration_index);
    lua_setfield(L, -2, "migration_index");
    lua_call(L, 2, 1);
    if (!lua_isnil(L, 1))
        gw_lua_take_events(L, self, 1, "migrate_models", 0, NULL);
    return 0;
}

/* ---- order_events */

static void
add_creates_first(gw_lua *self)
{
    for (int creates = 1; creates >= 0; creates--)
        for (size_t i = 0; i < self->events.n; i++)
            if ((self->events.at[i].type == GW_EVENT_CREATE) == creates)
                gw_event_list_add(self->out, &self->events.at[i]);
}

static void
fail_order(lua_State *L)
{
    luaL_error(L, "order_events must return a list with each of the events "
                  "it was given once, and nothing else");
}

/** Takes the list at 1 to self->out: each of self->events once. */
static void
take_order(lua_State *L, gw_lua *self)
{
    size_t n = self->events.n;
    bool *seen = lua_newuserdatauv(L, n + 1, 0);

    memset(seen, 0, n + 1);
    if (!lua_istable(L, 1) || lua_rawlen(L, 1) != n)
        fail_order(L);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        if (gw_lua_kind_at(L, -1) != GW_LUA_EVENT)
            fail_order(L);
        const gw_event *event = gw_lua_offered(L, lua_gettop(L));
        if (!event || event < self->events.at || event >= self->events.at + n)
            fail_order(L);
        if (seen[event - self->events.at])
            fail_order(L);
        seen[event - self->events.at] = true;
        gw_event_list_add(self->out, event);
        lua_pop(L, 1);
    }
}

static int
run_order_events(lua_State *L)
{
    gw_lua *self = gw_lua_of(L);

    gw_lua_enter_position(L, self);
    push_call(L, GW_LUA_ORDER_EVENTS);
    lua_createtable(L, (int)self->events.n, 0);
    for (size_t i = 0; i < self->events.n; i++) {
        gw_lua_push_event(L, self, &self->events.at[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, GW_LUA_REF_CONTEXT);
    lua_call(L, 2, 1);
    if (lua_isnil(L, 1))
        add_creates_first(self);
    else
        take_order(L, self);
    return 0;
}

/* ---- as the engine calls them */

/** Runs a call for a context; `out` (may be NULL) is as it was when it
 *  fails. */
static gw_code
run_for(gw_lua *self, const gw_context *ctx, gw_lua_function run,
        gw_event_list *out, gw_error *err)
{
    size_t n = out ? out->n : 0;

    if (out && !out->arena)
        out->arena = ctx->arena;
    self->is_fresh = false;
    self->ctx = ctx;
    self->out = out;
    gw_code code = gw_lua_run(self, run, err);
    self->ctx = NULL;
    if (code != GW_OK && out)
        out->n = n;
    return code;
}

static gw_code
lua_position_init(void *self, const gw_context *ctx, gw_error *err)
{
    return run_for(self, ctx, run_position_init, NULL, err);
}

static gw_code
lua_migrate_event(void *arg, const gw_context *ctx, const gw_event *event,
                  gw_event_list *out, bool *unchanged, gw_error *err)
{
    gw_lua *self = arg;
    size_t n = out->n;
    bool is_same = true;

    if (self->has[GW_LUA_MIGRATE_EVENT]) {
        self->event = event;
        self->unchanged = &is_same;
        gw_code code = run_for(self, ctx, run_migrate_event, out, err);
        if (code != GW_OK)
            return code;
    }
    if (is_same)
        out->n = n;
    *unchanged = is_same;
    return GW_OK;
}

static gw_code
lua_additional_events(void *self, const gw_context *ctx, gw_event_list *out,
                      gw_error *err)
{
    return run_for(self, ctx, run_additional_events, out, err);
}

static gw_code
lua_order_events(void *arg, const gw_context *ctx, gw_events events,
                 gw_event_list *out, gw_error *err)
{
    gw_lua *self = arg;

    self->events = events;
    return run_for(self, ctx, run_order_events, out, err);
}

static gw_code
lua_migrate_models(void *arg, gw_reader *reader, gw_event_list *out,
                   gw_error *err)
{
    gw_lua *self = arg;
    size_t n = out->n;

    if (!out->arena)
        out->arena = reader->arena;
    self->is_fresh = false;
    self->reader = reader;
    self->out = out;
    gw_code code = gw_lua_run(self, run_migrate_models, err);
    self->reader = NULL;
    if (code != GW_OK)
        out->n = n;
    return code;
}

static gw_mask
lua_needs(void *arg, gw_side side, gw_slice collection)
{
    const gw_lua *self = arg;

    (void)side;
    (void)collection;
    return (gw_mask){.all = self->reads_models};
}

static void
lua_close_migration(void *arg)
{
    gw_lua *self = arg;

    gw_lua_drop_state(self);
    gw_lua_free_modules(self);
    gw_arena_clear(&self->scratch);
    gw_buf_clear(&self->buf);
    free(self->fields);
    free(self->description);
    free(self->lib_folder);
    free(self->text);
    free(self->file);
    free(self);
}

static gw_migration_ops
choose_ops(const gw_lua *self)
{
    gw_migration_ops ops = {
        .kind = "lua",
        .restart = lua_restart,
        .needs = lua_needs,
        .close = lua_close_migration,
    };

    if (self->type == GW_MIGRATION_MODEL) {
        ops.migrate_models = lua_migrate_models;
        return ops;
    }
    ops.migrate_event = lua_migrate_event;
    if (self->has[GW_LUA_POSITION_INIT])
        ops.position_init = lua_position_init;
    if (self->has[GW_LUA_ADDITIONAL_EVENTS])
        ops.additional_events = lua_additional_events;
    if (self->has[GW_LUA_ORDER_EVENTS])
        ops.order_events = lua_order_events;
    return ops;
}

static gw_lua *
make(const gw_migration *m, gw_slice text, const char *lib_folder,
     const gw_migration_limits *limits)
{
    gw_lua *self = gw_calloc(1, sizeof(*self));
    int seconds = limits ? limits->lua_seconds : 0;

    self->file = gw_strdup(m->file);
    self->text = gw_malloc(text.len + 1);
    if (text.len > 0)
        memcpy(self->text, text.at, text.len);
    self->text_len = text.len;
    self->lib_folder = lib_folder ? gw_strdup(lib_folder) : NULL;
    self->memory_bytes = limits ? limits->lua_memory_bytes : 0;
    if (self->memory_bytes == 0)
        self->memory_bytes = GW_DEFAULT_LUA_MEMORY;
    self->limit_ns =
        (seconds > 0 ? seconds : GW_DEFAULT_LUA_SECONDS) * (int64_t)1000000000;
    gw_arena_init(&self->scratch);
    return self;
}

gw_code
gw_lua_open(gw_migration *m, gw_slice text, const char *lib_folder,
            const gw_migration_limits *limits, gw_error *err)
{
    gw_lua *self = make(m, text, lib_folder, limits);
    gw_code code = lua_restart(self, err);

    if (code != GW_OK) {
        lua_close_migration(self);
        if (err)
            err->code = GW_E_FILE;
        return GW_E_FILE;
    }
    self->ops = choose_ops(self);
    m->type = self->type;
    m->self = self;
    m->ops = &self->ops;
    m->description = self->description;
    self->description = NULL;
    if (self->reads_models)
        memcpy(m->view, GW_VIEW_ALL, sizeof(GW_VIEW_ALL));
    return GW_OK;
}
