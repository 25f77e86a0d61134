/* SPDX-License-Identifier: Apache-2.0 */
/* Native migrations: loads the shared object, checks that it speaks this
 * interface, and makes gw_migration_ops of its calls. What it may call back
 * is in native_host.c. A native migration is trusted as the program itself
 * is: it is checked for mistakes, not confined. */
#include "migration/native_priv.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/sha256.h"

/* ---- calling ---- */

static gw_native_call
begin(gw_native *native, const gw_context *ctx, gw_reader *reader,
      gw_event_list *out)
{
    gw_native_call call = {
        .head = {.host = &gw_native_host, .state = native->state},
        .native = native,
        .ctx = ctx,
        .reader = reader,
        .out = out,
    };

    if (ctx) {
        call.head.migration_index = ctx->migration_index;
        call.arena = ctx->arena;
        call.position = gw_native_position(ctx->position);
    } else if (reader) {
        call.head.migration_index = reader->migration_index;
        call.head.in_memory = reader->in_memory;
        call.arena = reader->arena;
    }
    return call;
}

/* Ends a call that returned `result`, of which `allowed` is the highest that
 * is no error. */
static gw_code
finish(const gw_native_call *call, const char *name, int result, int allowed,
       gw_error *err)
{
    const char *file = call->native->file;

    if (call->has_failed)
        return gw_fail(err, call->why.code, "%s: %s", file, call->why.text);
    if (result == GODWIT_ERROR)
        return gw_fail(err, GW_E_MIGRATION,
                       "%s: %s failed and did not say why (host->fail)", file,
                       name);
    if (result < 0 || result > allowed)
        return gw_fail(err, GW_E_MIGRATION,
                       "%s: %s returned %d, which means nothing", file, name,
                       result);
    return GW_OK;
}

static gw_code
position_init(void *self, const gw_context *ctx, gw_error *err)
{
    gw_native *native = self;
    gw_native_call call = begin(native, ctx, NULL, NULL);

    call.head.position = &call.position;
    return finish(&call, "position_init", native->api.position_init(&call.head),
                  GODWIT_OK, err);
}

static gw_code
migrate_event(void *self, const gw_context *ctx, const gw_event *event,
              gw_event_list *out, bool *unchanged, gw_error *err)
{
    gw_native *native = self;
    gw_native_call call = begin(native, ctx, NULL, out);
    godwit_event view = gw_native_event(event);

    call.head.position = &call.position;
    call.offered = event;

    int result = native->api.migrate_event(&call.head, &view);
    gw_code code = finish(&call, "migrate_event", result, GODWIT_REPLACE, err);
    if (code != GW_OK)
        return code;
    if (result == GODWIT_KEEP && call.emitted > 0)
        return gw_fail(err, GW_E_MIGRATION,
                       "%s: migrate_event emitted %zu events and returned "
                       "GODWIT_KEEP; GODWIT_REPLACE puts them in place of "
                       "the event",
                       native->file, call.emitted);
    *unchanged = result == GODWIT_KEEP;
    return GW_OK;
}

static gw_code
additional_events(void *self, const gw_context *ctx, gw_event_list *out,
                  gw_error *err)
{
    gw_native *native = self;
    gw_native_call call = begin(native, ctx, NULL, out);

    call.head.position = &call.position;
    return finish(&call, "additional_events",
                  native->api.additional_events(&call.head), GODWIT_OK, err);
}

/* Adds the events in the order that the migration gave; false when that
 * names one twice or one that is not there. */
static bool
take_order(gw_arena *arena, gw_events events, const size_t *order,
           gw_event_list *out)
{
    bool *seen = gw_arena_zalloc(arena, events.n + 1);

    for (size_t i = 0; i < events.n; i++) {
        if (order[i] >= events.n || seen[order[i]])
            return false;
        seen[order[i]] = true;
        gw_event_list_add(out, &events.at[order[i]]);
    }
    return true;
}

static gw_code
order_events(void *self, const gw_context *ctx, gw_events events,
             gw_event_list *out, gw_error *err)
{
    gw_native *native = self;
    gw_native_call call = begin(native, ctx, NULL, NULL);
    size_t *order = GW_ARENA_NEW(ctx->arena, size_t, events.n + 1);

    call.head.position = &call.position;
    for (size_t i = 0; i < events.n; i++)
        order[i] = i;

    int result = native->api.order_events(
        &call.head, gw_native_events(ctx->arena, events), events.n, order);
    gw_code code = finish(&call, "order_events", result, GODWIT_OK, err);
    if (code == GW_OK && !take_order(ctx->arena, events, order, out))
        code = gw_fail(err, GW_E_MIGRATION,
                       "%s: order_events must rearrange the numbers in "
                       "`order`, each once",
                       native->file);
    return code;
}

static gw_code
migrate_models(void *self, gw_reader *reader, gw_event_list *out, gw_error *err)
{
    gw_native *native = self;
    gw_native_call call = begin(native, NULL, reader, out);

    return finish(&call, "migrate_models",
                  native->api.migrate_models(&call.head), GODWIT_OK, err);
}

static void
stop(gw_native *native)
{
    if (native->is_started && native->api.stop)
        native->api.stop(native->state);
    native->is_started = false;
}

static gw_code
restart(void *self, gw_error *err)
{
    gw_native *native = self;

    (void)err;
    stop(native);
    memset(native->state, 0, native->api.state_bytes);
    native->is_started = true;
    if (native->api.start)
        native->api.start(native->state);
    return GW_OK;
}

static gw_mask
needs(void *self, gw_side side, gw_slice collection)
{
    const gw_native *native = self;

    for (size_t i = 0; i < native->n_needs; i++)
        if (native->needs[i].side == side &&
            gw_slice_equal(native->needs[i].collection, collection))
            return native->needs[i].mask;
    return (gw_mask){0};
}

static void
close_native(void *self)
{
    gw_native *native = self;

    stop(native);
    free(native->state);
    gw_arena_clear(&native->arena);
    if (native->library)
        dlclose(native->library);
    free(native);
}

/* ---- loading ---- */

static gw_code
read_needs(gw_native *native, gw_error *err)
{
    const godwit_migration *api = &native->api;

    native->needs =
        GW_ARENA_NEW(&native->arena, gw_native_need, api->n_needs + 1);
    for (size_t i = 0; i < api->n_needs; i++) {
        const godwit_need *need = &api->needs[i];
        gw_side side = need->side == GODWIT_OLD ? GW_SIDE_OLD : GW_SIDE_NEW;

        if ((need->side != GODWIT_OLD && need->side != GODWIT_NEW) ||
            !need->collection)
            return gw_fail(err, GW_E_FILE,
                           "needs[%zu] has a wrong side or "
                           "no collection",
                           i);
        gw_slice collection = gw_slice_of(need->collection);
        for (size_t k = 0; k < i; k++)
            if (native->needs[k].side == side &&
                gw_slice_equal(native->needs[k].collection, collection))
                return gw_fail(err, GW_E_FILE,
                               "needs[%zu] names collection '%s' of that "
                               "side again; put its fields in one row",
                               i, need->collection);

        gw_slice *fields = GW_ARENA_NEW(&native->arena, gw_slice,
                                        need->fields ? need->n_fields : 1);
        for (size_t k = 0; need->fields && k < need->n_fields; k++)
            fields[k] = gw_slice_of(need->fields[k]);
        native->needs[i] = (gw_native_need){
            side,
            collection,
            {!need->fields, fields, need->fields ? need->n_fields : 0, false}};
        native->n_needs = i + 1;
    }
    return GW_OK;
}

static gw_code
check_calls(const godwit_migration *api, gw_error *err)
{
    bool has_event_calls = api->position_init || api->migrate_event ||
                           api->additional_events || api->order_events;

    if (api->type != GODWIT_EVENT_MIGRATION &&
        api->type != GODWIT_MODEL_MIGRATION)
        return gw_fail(err, GW_E_FILE, "type %u is no type of migrations",
                       api->type);
    if (api->type == GODWIT_MODEL_MIGRATION &&
        (has_event_calls || !api->migrate_models))
        return gw_fail(err, GW_E_FILE,
                       "a model migration has migrate_models and no other "
                       "call");
    if (api->type == GODWIT_EVENT_MIGRATION &&
        (!has_event_calls || api->migrate_models))
        return gw_fail(err, GW_E_FILE,
                       "an event migration has migrate_event or another "
                       "call for events, and no migrate_models");
    return GW_OK;
}

/* Members behind `size` are not there in an object that is older than this
 * program but of the same version. */
static gw_code
read_descriptor(gw_native *native, const godwit_migration *found, gw_error *err)
{
    size_t least = offsetof(godwit_migration, n_needs) + sizeof(size_t);
    size_t size = found->size;

    if (found->abi != GODWIT_ABI)
        return gw_fail(err, GW_E_FILE,
                       "was built for version %u of the interface, this "
                       "program has version %u; build it again with the "
                       "<godwit/migration.h> of this program",
                       found->abi, GODWIT_ABI);
    if (size < least)
        return gw_fail(err, GW_E_FILE,
                       "its `size` is %zu, not sizeof(godwit_migration)", size);
    memcpy(&native->api, found,
           size < sizeof(native->api) ? size : sizeof(native->api));
    return check_calls(&native->api, err);
}

static gw_code
load(gw_native *native, const char *path, gw_error *err)
{
    const godwit_migration *found;

    native->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!native->library)
        return gw_fail(err, GW_E_FILE, "cannot be loaded: %s", dlerror());
    found = dlsym(native->library, "godwit_migration_entry");
    if (!found)
        return gw_fail(err, GW_E_FILE,
                       "exports no godwit_migration_entry; see "
                       "<godwit/migration.h>");

    gw_code code = read_descriptor(native, found, err);
    return code == GW_OK ? read_needs(native, err) : code;
}

static gw_migration_ops
make_ops(const godwit_migration *api)
{
    gw_migration_ops ops = {
        .kind = "native", .restart = restart, .close = close_native};

    ops.position_init = api->position_init ? position_init : NULL;
    ops.migrate_event = api->migrate_event ? migrate_event : NULL;
    ops.additional_events = api->additional_events ? additional_events : NULL;
    ops.order_events = api->order_events ? order_events : NULL;
    ops.migrate_models = api->migrate_models ? migrate_models : NULL;
    ops.needs = api->needs ? needs : NULL;
    return ops;
}

/* Which models it looks at, for gw_migration.view. */
static void
put_view(const gw_native *native, char view[17])
{
    gw_buf text = {0};
    char hex[GW_SHA256_HEX_SIZE];

    for (size_t i = 0; i < native->n_needs; i++) {
        const gw_native_need *need = &native->needs[i];
        gw_buf_printf(&text, "%d ", (int)need->side);
        gw_json_put_string(&text, need->collection);
        gw_buf_byte(&text, need->mask.all ? '*' : ':');
        for (size_t k = 0; k < need->mask.n; k++)
            gw_json_put_string(&text, need->mask.fields[k]);
    }
    if (!native->api.needs) {
        memcpy(view, GW_VIEW_ALL, sizeof(GW_VIEW_ALL));
    } else if (text.len > 0) {
        gw_slice part = gw_buf_as_slice(&text);
        gw_sha256_hex(&part, 1, hex);
        memcpy(view, hex, 16);
    }
    gw_buf_clear(&text);
}

gw_code
gw_native_open(gw_migration *m, gw_error *err)
{
    gw_native *native = gw_calloc(1, sizeof(*native));
    gw_error why = {0};

    gw_arena_init(&native->arena);
    native->file = m->file;
    if (load(native, m->path, &why) != GW_OK) {
        close_native(native);
        return gw_fail(err, GW_E_FILE, "%s: %s", m->file, why.text);
    }
    native->state = gw_calloc(1, native->api.state_bytes + 1);
    native->ops = make_ops(&native->api);
    if (restart(native, &why) != GW_OK) {
        close_native(native);
        return gw_fail(err, GW_E_FILE, "%s: %s", m->file, why.text);
    }

    m->type = native->api.type == GODWIT_MODEL_MIGRATION ? GW_MIGRATION_MODEL
                                                         : GW_MIGRATION_EVENT;
    m->self = native;
    m->ops = &native->ops;
    if (native->api.description)
        m->description = gw_strdup(native->api.description);
    put_view(native, m->view);
    return GW_OK;
}
