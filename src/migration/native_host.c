/* SPDX-License-Identifier: Apache-2.0 */
/* What a native migration can ask for. A failure is kept in the call and
 * ends it, whether the migration passes it on or not. */
#include "base/limits.h"
#include "migration/native_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Events and fields are handed over as they lie in memory. */
#define SAME(member, theirs, ours)                                             \
    _Static_assert(offsetof(theirs, member) == offsetof(ours, member),         \
                   "the layouts differ")
SAME(at, godwit_slice, gw_slice);
SAME(len, godwit_slice, gw_slice);
SAME(key, godwit_field, gw_field);
SAME(value, godwit_field, gw_field);
_Static_assert(sizeof(godwit_slice) == sizeof(gw_slice) &&
                   sizeof(godwit_field) == sizeof(gw_field),
               "the layouts differ");
_Static_assert((int)GODWIT_CREATE == (int)GW_EVENT_CREATE &&
                   (int)GODWIT_UPDATE == (int)GW_EVENT_UPDATE &&
                   (int)GODWIT_DELETE == (int)GW_EVENT_DELETE &&
                   (int)GODWIT_DELETEFIELDS == (int)GW_EVENT_DELETEFIELDS &&
                   (int)GODWIT_LISTFIELDS == (int)GW_EVENT_LISTFIELDS &&
                   (int)GODWIT_RESTORE == (int)GW_EVENT_RESTORE,
               "the types differ");
_Static_assert((int)GODWIT_ALIVE == (int)GW_STATUS_ALIVE &&
                   (int)GODWIT_DELETED == (int)GW_STATUS_DELETED,
               "the states differ");

static gw_native_call *
call_of(godwit_call *call)
{
    return (gw_native_call *)(void *)call;
}

/* Keeps the first failure only: what follows is its consequence. */
static int
failed(gw_native_call *c, const gw_error *why)
{
    if (!c->has_failed)
        c->why = *why;
    c->has_failed = true;
    return GODWIT_ERROR;
}

static int
ended(gw_native_call *c, gw_code code, const gw_error *why)
{
    return code == GW_OK ? GODWIT_OK : failed(c, why);
}

static int fail_with(gw_native_call *c, const char *fmt, ...) GW_PRINTF(2, 3);

static int
fail_with(gw_native_call *c, const char *fmt, ...)
{
    gw_error why;
    char text[sizeof(why.text)];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)gw_fail(&why, GW_E_MIGRATION, "%s", text);
    return failed(c, &why);
}

static int
need_events(gw_native_call *c, const char *name)
{
    return c->ctx ? GODWIT_OK
                  : fail_with(c, "host->%s is for event migrations", name);
}

static int
need_models(gw_native_call *c, const char *name)
{
    return c->reader ? GODWIT_OK
                     : fail_with(c, "host->%s is for model migrations", name);
}

/* ---- views ---- */

static godwit_fields
view_fields(gw_fields fields)
{
    return (godwit_fields){(const godwit_field *)(const void *)fields.at,
                           fields.n};
}

static godwit_values
view_values(gw_values values)
{
    return (godwit_values){(const godwit_slice *)(const void *)values.at,
                           values.n};
}

godwit_event
gw_native_event(const gw_event *event)
{
    return (godwit_event){
        .type = (uint32_t)event->type,
        .fqid = gw_native_slice(event->fqid.text),
        .collection = gw_native_slice(gw_fqid_collection(&event->fqid)),
        .id = gw_native_slice(gw_fqid_id(&event->fqid)),
        .set = view_fields(event->set),
        .cut = view_fields(event->cut),
    };
}

godwit_event *
gw_native_events(gw_arena *arena, gw_events events)
{
    godwit_event *views = GW_ARENA_NEW(arena, godwit_event, events.n + 1);

    for (size_t i = 0; i < events.n; i++)
        views[i] = gw_native_event(&events.at[i]);
    return views;
}

godwit_position
gw_native_position(const gw_position *position)
{
    bool has_information = position->information.at != NULL;

    return (godwit_position){
        .position = position->position,
        .user_id = position->user_id,
        .timestamp = gw_native_slice(position->timestamp),
        .information = has_information ? gw_native_slice(position->information)
                                       : (godwit_slice){"null", 4},
    };
}

/* ---- the call itself ---- */

static void *
host_alloc(godwit_call *call, size_t size_bytes)
{
    return gw_arena_alloc(call_of(call)->arena, size_bytes);
}

static int
host_fail(godwit_call *call, const char *format, ...)
{
    char text[sizeof(call_of(call)->why.text)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fail_with(call_of(call), "%s", text);
}

static void
host_log(godwit_call *call, const char *format, ...)
{
    gw_native_call *c = call_of(call);
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return;
    if (c->ctx)
        c->ctx->ops->log(c->ctx, (gw_slice){text, (size_t)len});
    else
        c->reader->ops->log(c->reader, (gw_slice){text, (size_t)len});
    free(text);
}

/* ---- emit ---- */

/* Whether the value is one that the offered event has: then it is JSON and
 * lives long enough. Mostly it is at the place it was, or near. */
static bool
is_offered(gw_fields offered, size_t near, godwit_slice value)
{
    enum { REACH = 16 };
    size_t from = near < REACH ? 0 : near - REACH;

    for (size_t i = from; i < offered.n && i < near + REACH; i++)
        if (offered.at[i].value.at == value.at &&
            offered.at[i].value.len == value.len)
            return true;
    return false;
}

static gw_code
take_value(gw_native_call *c, gw_fields offered, size_t i, godwit_slice value,
           gw_slice *out, gw_error *why)
{
    *out = gw_native_own_slice(value);
    if (value.at && is_offered(offered, i, value))
        return GW_OK;
    if (!value.at)
        return gw_fail(why, GW_E_MIGRATION, "has no value");
    if (value.len > GW_LIMIT_EVENT_DATA)
        return gw_fail(why, GW_E_MIGRATION, "has a value of %zu bytes",
                       value.len);

    gw_slice copy = gw_arena_dup(c->arena, *out);
    if (gw_json_check(copy, out, why) != GW_OK) {
        gw_fail_prefix(why, "has a value that is no JSON: ");
        return GW_E_MIGRATION;
    }
    return GW_OK;
}

static gw_code
take_fields(gw_native_call *c, godwit_fields in, gw_fields offered,
            bool has_values, gw_fields *out, gw_error *why)
{
    if (in.n > GW_LIMIT_FIELDS || (in.n > 0 && !in.at))
        return gw_fail(why, GW_E_MIGRATION, "has %zu fields", in.n);
    if ((const void *)in.at == (const void *)offered.at && in.n == offered.n) {
        *out = offered;
        return GW_OK;
    }

    gw_field *fields = GW_ARENA_NEW(c->arena, gw_field, in.n + 1);
    for (size_t i = 0; i < in.n; i++) {
        fields[i] = (gw_field){0};
        if (!in.at[i].key.at || in.at[i].key.len > GW_LIMIT_FIELD_NAME)
            return gw_fail(why, GW_E_MIGRATION,
                           "field %zu has no name, or a very long one", i + 1);
        fields[i].key =
            gw_arena_dup(c->arena, gw_native_own_slice(in.at[i].key));
        if (has_values && take_value(c, offered, i, in.at[i].value,
                                     &fields[i].value, why) != GW_OK) {
            gw_fail_prefix(why, "field '%.*s' ", GW_FMT(fields[i].key));
            return GW_E_MIGRATION;
        }
    }
    *out = (gw_fields){fields, in.n};
    return GW_OK;
}

static bool
has_set(gw_event_type type)
{
    return type == GW_EVENT_CREATE || type == GW_EVENT_UPDATE ||
           type == GW_EVENT_LISTFIELDS;
}

static bool
has_cut(gw_event_type type)
{
    return type == GW_EVENT_DELETEFIELDS || type == GW_EVENT_LISTFIELDS;
}

static gw_code
take_event(gw_native_call *c, const godwit_event *in, gw_event *out,
           gw_error *why)
{
    gw_event none = {0};
    const gw_event *offered = c->offered ? c->offered : &none;
    gw_event event = {.type = (gw_event_type)in->type};
    gw_code code;

    if (in->type > GODWIT_RESTORE || !in->fqid.at)
        return gw_fail(why, GW_E_MIGRATION,
                       "an event was emitted without a type or fqid");
    code = gw_fqid_parse(gw_arena_dup(c->arena, gw_native_own_slice(in->fqid)),
                         &event.fqid, why);
    if (code != GW_OK)
        return code;

    if ((in->set.n > 0 && !has_set(event.type)) ||
        (in->cut.n > 0 && !has_cut(event.type)))
        code = gw_fail(why, GW_E_MIGRATION,
                       "has fields that this type of event does not have");
    if (code == GW_OK)
        code = take_fields(c, in->set, offered->set, true, &event.set, why);
    if (code == GW_OK)
        code = take_fields(c, in->cut, offered->cut,
                           event.type == GW_EVENT_LISTFIELDS, &event.cut, why);
    if (code != GW_OK) {
        gw_fail_prefix(why, "%.*s (%s): ", GW_FMT(event.fqid.text),
                       gw_event_type_name(event.type));
        return code;
    }
    if (c->offered && event.type == offered->type &&
        event.set.at == offered->set.at && event.set.n == offered->set.n &&
        event.cut.at == offered->cut.at && event.cut.n == offered->cut.n)
        event.raw = offered->raw;
    *out = event;
    return GW_OK;
}

static int
host_emit(godwit_call *call, const godwit_event *event)
{
    gw_native_call *c = call_of(call);
    gw_event taken;
    gw_error why = {0};

    if (!c->out)
        return fail_with(c, "this call may not emit events");
    if (c->emitted >= GW_LIMIT_MIGRATION_OUTPUT && c->ctx)
        return fail_with(c, "more than %d events from one call",
                         GW_LIMIT_MIGRATION_OUTPUT);
    if (take_event(c, event, &taken, &why) != GW_OK) {
        why.code = GW_E_MIGRATION;
        return failed(c, &why);
    }
    gw_event_list_add(c->out, &taken);
    c->emitted++;
    return GODWIT_OK;
}

/* ---- models ---- */

static bool
is_meta(gw_slice key)
{
    return key.len >= 5 && memcmp(key.at, "meta_", 5) == 0;
}

/* Models of the reader come with their meta fields among the others. */
static void
view_read_model(gw_arena *arena, const gw_read_model *model, godwit_model *out)
{
    godwit_field *fields =
        GW_ARENA_NEW(arena, godwit_field, model->fields.n + 1);
    size_t n = 0;

    *out =
        (godwit_model){.status = model->deleted ? GODWIT_DELETED : GODWIT_ALIVE,
                       .fqid = gw_native_slice(model->fqid.text)};
    for (size_t i = 0; i < model->fields.n; i++) {
        const gw_field *f = &model->fields.at[i];

        if (gw_slice_equal(f->key, GW_LIT("meta_position")))
            (void)gw_json_int(f->value, &out->meta_position);
        if (!is_meta(f->key))
            fields[n++] = (godwit_field){gw_native_slice(f->key),
                                         gw_native_slice(f->value)};
    }
    out->fields = (godwit_fields){fields, n};
}

/* A copy: the state may be gone before what was made of it is written. */
static void
copy_model(gw_arena *arena, const gw_model *model, gw_slice fqid,
           godwit_model *out)
{
    size_t room = model->state ? gw_state_count(model->state) : 0;
    godwit_field *fields = GW_ARENA_NEW(arena, godwit_field, room + 1);
    size_t n = 0, cursor = 0;
    gw_field f;

    while (n < room && gw_state_next(model->state, &cursor, &f))
        fields[n++] =
            (godwit_field){gw_native_slice(gw_arena_dup(arena, f.key)),
                           gw_native_slice(gw_arena_dup(arena, f.value))};
    *out = (godwit_model){.status = (uint32_t)model->status,
                          .meta_position = model->meta_position,
                          .fqid = gw_native_slice(fqid),
                          .fields = {fields, n}};
}

static gw_code
get_old_or_new(gw_native_call *c, int side, gw_slice fqid, gw_model *out,
               gw_error *why)
{
    *out = (gw_model){0};
    if (side != GODWIT_OLD && side != GODWIT_NEW)
        return gw_fail(why, GW_E_MIGRATION,
                       "side %d is neither GODWIT_OLD nor GODWIT_NEW", side);
    return c->ctx->ops->get(
        c->ctx, side == GODWIT_OLD ? GW_SIDE_OLD : GW_SIDE_NEW, fqid, out, why);
}

static gw_code
get_model(gw_native_call *c, int side, gw_slice fqid, godwit_model *out,
          gw_error *why)
{
    gw_code code;

    if (c->ctx) {
        gw_model model;

        code = get_old_or_new(c, side, fqid, &model, why);
        if (code == GW_OK)
            copy_model(c->arena, &model, fqid, out);
    } else {
        gw_read_model model = {0};
        bool found = false;

        code = c->reader->ops->get(c->reader, fqid, &model, &found, why);
        if (code == GW_OK && found)
            view_read_model(c->arena, &model, out);
    }
    return code;
}

static int
check_status(gw_native_call *c, const godwit_model *model, gw_slice fqid,
             int want)
{
    if (want == GODWIT_IF_ANY || (model->status && want == GODWIT_ANY) ||
        (model->status && (int)model->status == want))
        return GODWIT_OK;
    return fail_with(c, "Model %.*s %s", GW_FMT(fqid),
                     !model->status           ? "does not exist"
                     : want == GODWIT_DELETED ? "is not deleted"
                                              : "is deleted");
}

static int
host_model(godwit_call *call, int side, godwit_slice fqid, int want,
           godwit_model *out)
{
    gw_native_call *c = call_of(call);
    gw_slice name = gw_arena_dup(c->arena, gw_native_own_slice(fqid));
    godwit_model model = {.fqid = gw_native_slice(name)};
    gw_error why = {0};

    if (get_model(c, side, name, &model, &why) != GW_OK)
        return failed(c, &why);

    int result = check_status(c, &model, name, want);
    if (result == GODWIT_OK)
        *out = model;
    return result;
}

static int
host_field(godwit_call *call, int side, godwit_slice fqid, godwit_slice name,
           godwit_slice *out)
{
    gw_native_call *c = call_of(call);
    gw_slice value = {0}, key = gw_native_own_slice(name);
    gw_error why = {0};
    gw_code code;

    if (c->ctx) {
        gw_model model;

        code = get_old_or_new(c, side, gw_native_own_slice(fqid), &model, &why);
        if (code == GW_OK && model.state)
            value = gw_state_get(model.state, key);
    } else {
        gw_read_model model = {0};
        bool found = false;

        code = c->reader->ops->get(c->reader, gw_native_own_slice(fqid), &model,
                                   &found, &why);
        ptrdiff_t at = code == GW_OK && found && !is_meta(key)
                           ? gw_fields_find(model.fields, key)
                           : -1;
        if (at >= 0)
            value = model.fields.at[at].value;
    }
    if (code == GW_OK)
        *out =
            gw_native_slice(value.at ? gw_arena_dup(c->arena, value) : value);
    return ended(c, code, &why);
}

static int
host_ids(godwit_call *call, int side, godwit_slice collection,
         godwit_values *out)
{
    gw_native_call *c = call_of(call);
    gw_values ids = {0};
    gw_error why = {0};

    if (need_events(c, "ids") != GODWIT_OK)
        return GODWIT_ERROR;

    gw_code code =
        c->ctx->ops->ids(c->ctx, side == GODWIT_OLD ? GW_SIDE_OLD : GW_SIDE_NEW,
                         gw_native_own_slice(collection), &ids, &why);
    if (code == GW_OK)
        *out = view_values(ids);
    return ended(c, code, &why);
}

static int
host_will_exist(godwit_call *call, godwit_slice fqid, int *out)
{
    gw_native_call *c = call_of(call);
    bool answer = false;
    gw_error why = {0};

    if (need_events(c, "will_exist") != GODWIT_OK)
        return GODWIT_ERROR;

    gw_code code = c->ctx->ops->will_exist(c->ctx, gw_native_own_slice(fqid),
                                           &answer, &why);
    if (code == GW_OK)
        *out = answer;
    return ended(c, code, &why);
}

static int
host_events(godwit_call *call, const godwit_event **out, size_t *n)
{
    gw_native_call *c = call_of(call);

    if (need_events(c, "events") != GODWIT_OK)
        return GODWIT_ERROR;
    *out = gw_native_events(c->arena, c->ctx->position->events);
    *n = c->ctx->position->events.n;
    return GODWIT_OK;
}

/* ---- the reader ---- */

typedef struct model_visit {
    gw_native_call *call;
    int want;
    const gw_filter *filter; /* or NULL */
    int (*visit)(godwit_call *call, void *arg, const godwit_model *model);
    void *arg;
    gw_arena scratch; /* one model's */
} model_visit;

/* What the migration's own visit returned, as the reader understands it. */
static gw_code
visit_code(gw_native_call *c, int result, gw_error *err)
{
    if (result == GODWIT_OK && !c->has_failed)
        return GW_OK;
    if (!c->has_failed)
        (void)fail_with(c, "a visit failed and did not say why (host->fail)");
    return gw_fail(err, c->why.code, "%s", c->why.text);
}

static gw_code
visit_model(void *arg, const gw_read_model *model, gw_error *err)
{
    model_visit *v = arg;
    int status = model->deleted ? GODWIT_DELETED : GODWIT_ALIVE;
    godwit_model view;

    if (!(v->want & status) && v->want != GODWIT_IF_ANY)
        return GW_OK;
    if (v->filter && !gw_filter_matches(v->filter, model->fields))
        return GW_OK;
    gw_arena_reset(&v->scratch);
    view_read_model(&v->scratch, model, &view);
    return visit_code(v->call, v->visit(&v->call->head, v->arg, &view), err);
}

static int
host_each_model(godwit_call *call, godwit_slice collection, int want,
                godwit_slice filter,
                int (*visit)(godwit_call *call, void *arg,
                             const godwit_model *model),
                void *arg)
{
    gw_native_call *c = call_of(call);
    gw_filter parsed;
    gw_error why = {0};
    gw_code code = GW_OK;

    if (need_models(c, "each_model") != GODWIT_OK)
        return GODWIT_ERROR;
    if (filter.at) {
        gw_slice json = gw_arena_dup(c->arena, gw_native_own_slice(filter));

        code = gw_filter_parse(c->arena, json, &parsed, &why);
        if (code != GW_OK)
            return fail_with(c, "each_model: %s", why.text);
    }

    model_visit v = {.call = c,
                     .want = want,
                     .filter = filter.at ? &parsed : NULL,
                     .visit = visit,
                     .arg = arg};
    gw_arena_init(&v.scratch);
    code = c->reader->ops->each(c->reader, gw_native_own_slice(collection),
                                visit_model, &v, &why);
    gw_arena_clear(&v.scratch);
    return ended(c, code, &why);
}

static int
host_max_position(godwit_call *call, int64_t *out)
{
    gw_native_call *c = call_of(call);
    gw_error why = {0};

    if (need_models(c, "max_position") != GODWIT_OK)
        return GODWIT_ERROR;
    return ended(c, c->reader->ops->max_position(c->reader, out, &why), &why);
}

typedef struct history_visit {
    gw_native_call *call;
    int (*visit)(godwit_call *call, void *arg, const godwit_position *position,
                 const godwit_event *events, size_t n);
    void *arg;
    gw_arena scratch; /* one position's */
} history_visit;

static gw_code
visit_position(void *arg, const gw_position *position, gw_error *err)
{
    history_visit *v = arg;
    godwit_position view = gw_native_position(position);

    gw_arena_reset(&v->scratch);

    const godwit_event *events =
        gw_native_events(&v->scratch, position->events);
    return visit_code(
        v->call,
        v->visit(&v->call->head, v->arg, &view, events, position->events.n),
        err);
}

static int
host_history(godwit_call *call, int64_t from, int64_t to,
             int (*visit)(godwit_call *call, void *arg,
                          const godwit_position *position,
                          const godwit_event *events, size_t n),
             void *arg)
{
    gw_native_call *c = call_of(call);
    history_visit v = {.call = c, .visit = visit, .arg = arg};
    gw_error why = {0};

    if (need_models(c, "history") != GODWIT_OK)
        return GODWIT_ERROR;
    gw_arena_init(&v.scratch);
    gw_code code =
        c->reader->ops->history(c->reader, from, to, visit_position, &v, &why);
    gw_arena_clear(&v.scratch);
    return ended(c, code, &why);
}

/* ---- text and JSON ---- */

static godwit_slice
host_fqid(godwit_call *call, godwit_slice collection, int64_t id)
{
    char *text =
        gw_arena_printf(call_of(call)->arena, "%.*s/%lld", (int)collection.len,
                        collection.at, (long long)id);

    return godwit_text(text);
}

static godwit_slice
host_copy(godwit_call *call, godwit_slice text)
{
    return gw_native_slice(
        gw_arena_dup(call_of(call)->arena, gw_native_own_slice(text)));
}

static int
host_json_object(godwit_call *call, godwit_slice json, godwit_fields *out)
{
    gw_native_call *c = call_of(call);
    gw_fields fields = {0};
    gw_error why = {0};

    if (gw_json_object(c->arena, gw_native_own_slice(json), &fields, &why) !=
        GW_OK)
        return fail_with(c, "%s", why.text);
    *out = view_fields(fields);
    return GODWIT_OK;
}

static int
host_json_list(godwit_call *call, godwit_slice json, godwit_values *out)
{
    gw_native_call *c = call_of(call);
    gw_values values = {0};
    gw_error why = {0};

    if (gw_json_array(c->arena, gw_native_own_slice(json), &values, &why) !=
        GW_OK)
        return fail_with(c, "%s", why.text);
    *out = view_values(values);
    return GODWIT_OK;
}

static int
host_json_text(godwit_call *call, godwit_slice json, godwit_slice *out)
{
    gw_native_call *c = call_of(call);
    gw_slice value;
    gw_error why = {0};

    if (gw_json_check(gw_native_own_slice(json), &value, &why) != GW_OK)
        return fail_with(c, "%s", why.text);
    if (gw_json_kind_of(value) != GW_JSON_STRING)
        return fail_with(c, "a %s is no text",
                         gw_json_kind_name(gw_json_kind_of(value)));
    *out = gw_native_slice(gw_json_string(c->arena, value));
    return GODWIT_OK;
}

static int
host_json_integer(godwit_slice json, int64_t *out)
{
    return json.at && json.len > 0 &&
           gw_json_int(gw_native_own_slice(json), out);
}

static int
host_json_equal(godwit_slice a, godwit_slice b)
{
    if (!a.at || !b.at)
        return !a.at && !b.at;
    return gw_json_equal(gw_native_own_slice(a), gw_native_own_slice(b));
}

/* Moves what a buffer holds into the arena. */
static godwit_slice
take_text(godwit_call *call, gw_buf *buf)
{
    gw_slice text = gw_arena_dup(call_of(call)->arena, gw_buf_as_slice(buf));

    gw_buf_clear(buf);
    return gw_native_slice(text);
}

static godwit_slice
host_json_of_text(godwit_call *call, godwit_slice text)
{
    gw_buf buf = {0};

    gw_json_put_string(&buf, gw_native_own_slice(text));
    return take_text(call, &buf);
}

static godwit_slice
host_json_of_integer(godwit_call *call, int64_t value)
{
    gw_buf buf = {0};

    gw_buf_int(&buf, value);
    return take_text(call, &buf);
}

static godwit_slice
host_json_of_fields(godwit_call *call, godwit_fields fields)
{
    gw_buf buf = {0};

    gw_buf_byte(&buf, '{');
    for (size_t i = 0; i < fields.n; i++) {
        if (i > 0)
            gw_buf_byte(&buf, ',');
        gw_json_put_string(&buf, gw_native_own_slice(fields.at[i].key));
        gw_buf_byte(&buf, ':');
        gw_buf_slice(&buf, gw_native_own_slice(fields.at[i].value));
    }
    gw_buf_byte(&buf, '}');
    return take_text(call, &buf);
}

static godwit_slice
host_json_of_values(godwit_call *call, godwit_values values)
{
    gw_buf buf = {0};

    gw_buf_byte(&buf, '[');
    for (size_t i = 0; i < values.n; i++) {
        if (i > 0)
            gw_buf_byte(&buf, ',');
        gw_buf_slice(&buf, gw_native_own_slice(values.at[i]));
    }
    gw_buf_byte(&buf, ']');
    return take_text(call, &buf);
}

const godwit_host gw_native_host = {
    .abi = GODWIT_ABI,
    .size = sizeof(godwit_host),
    .alloc = host_alloc,
    .fail = host_fail,
    .log = host_log,
    .emit = host_emit,
    .model = host_model,
    .field = host_field,
    .ids = host_ids,
    .will_exist = host_will_exist,
    .events = host_events,
    .each_model = host_each_model,
    .max_position = host_max_position,
    .history = host_history,
    .fqid = host_fqid,
    .copy = host_copy,
    .json_object = host_json_object,
    .json_list = host_json_list,
    .json_text = host_json_text,
    .json_integer = host_json_integer,
    .json_equal = host_json_equal,
    .json_of_text = host_json_of_text,
    .json_of_integer = host_json_of_integer,
    .json_of_fields = host_json_of_fields,
    .json_of_values = host_json_of_values,
};
