/* SPDX-License-Identifier: Apache-2.0 */
/* A native event migration that answers to names: the id of an event says
 * what is to be tried. Used by native_test.c only. */
#include <godwit/migration.h>
#include <stdio.h>
#include <stdlib.h>

struct state {
    int64_t events; /* offered in this run */
    char *owned;
};

static void
start(void *state)
{
    ((struct state *)state)->owned = malloc(16);
}

static void
stop(void *state)
{
    free(((struct state *)state)->owned);
}

static int
position_init(godwit_call *call)
{
    call->host->log(
        call, "position %lld by %lld, %.*s",
        (long long)call->position->position, (long long)call->position->user_id,
        (int)call->position->information.len, call->position->information.at);
    return GODWIT_OK;
}

/* The event again, as it is. */
static int
same(godwit_call *call, const godwit_event *event)
{
    return call->host->emit(call, event) == GODWIT_OK ? GODWIT_REPLACE
                                                      : GODWIT_ERROR;
}

/* From arrays and texts on the stack. */
static int
many(godwit_call *call, const godwit_event *event)
{
    char text[16];
    struct state *state = (struct state *)call->state;
    godwit_field fields[2];
    godwit_fields add = {fields, 1}, none = {NULL, 0};
    int failures = 0;

    snprintf(text, sizeof(text), "%lld", (long long)++state->events);
    fields[0].key = godwit_text("made");
    fields[0].value = godwit_text(text);
    fields[1].key = godwit_text("id");
    fields[1].value = godwit_find(event->set, "id");
    failures += godwit_create(
        call, call->host->fqid(call, event->collection, 77), fields, 2);
    failures += godwit_update(call, event->fqid, fields, 1);
    fields[0].value = godwit_text("[1]");
    failures += godwit_list_update(call, event->fqid, add, none);
    failures += godwit_delete_fields(call, event->fqid, fields, 2);
    failures += godwit_delete(call, event->fqid);
    failures += godwit_restore(call, event->fqid);
    memset(text, 'x', sizeof(text));
    memset(fields, 0, sizeof(fields));
    return failures ? GODWIT_ERROR : GODWIT_REPLACE;
}

/* What the keyframes say, as fields. */
static int
look(godwit_call *call, const godwit_event *event)
{
    const godwit_host *host = call->host;
    godwit_model model;
    godwit_values ids;
    godwit_slice name, missing;
    int will_exist;
    godwit_field fields[4];

    if (host->model(call, GODWIT_NEW, godwit_text("user/1"), GODWIT_ALIVE,
                    &model) != GODWIT_OK ||
        host->field(call, GODWIT_OLD, godwit_text("user/1"),
                    godwit_text("name"), &name) != GODWIT_OK ||
        host->field(call, GODWIT_OLD, godwit_text("user/9"),
                    godwit_text("name"), &missing) != GODWIT_OK ||
        host->ids(call, GODWIT_OLD, godwit_text("user"), &ids) != GODWIT_OK ||
        host->will_exist(call, godwit_text("user/1"), &will_exist) != GODWIT_OK)
        return GODWIT_ERROR;
    fields[0].key = godwit_text("model");
    fields[0].value = host->json_of_fields(call, model.fields);
    fields[1].key = godwit_text("name");
    fields[1].value = name;
    fields[2].key = godwit_text("ids");
    fields[2].value = host->json_of_values(call, ids);
    fields[3].key = godwit_text("facts");
    fields[3].value = host->json_of_integer(
        call,
        will_exist * 100 + (missing.at == NULL) * 10 + model.meta_position);
    return godwit_update(call, event->fqid, fields, 4) == GODWIT_OK
               ? GODWIT_REPLACE
               : GODWIT_ERROR;
}

static int
want(godwit_call *call, const char *fqid, int which)
{
    godwit_model model;

    /* the result is thrown away on purpose: the run must stop all the same */
    (void)call->host->model(call, GODWIT_OLD, godwit_text(fqid), which, &model);
    return GODWIT_KEEP;
}

static int
one_field(godwit_call *call, const godwit_event *event, const char *value)
{
    godwit_field field;

    field.key = godwit_text("x");
    field.value = godwit_text(value);
    return godwit_update(call, event->fqid, &field, 1) == GODWIT_OK
               ? GODWIT_REPLACE
               : GODWIT_ERROR;
}

static int
migrate_event(godwit_call *call, const godwit_event *event)
{
    static const godwit_field none;
    godwit_slice id = event->id;

    if (godwit_is(id, "1"))
        return GODWIT_KEEP;
    if (godwit_is(id, "2"))
        return GODWIT_REPLACE;
    if (godwit_is(id, "3"))
        return same(call, event);
    if (godwit_is(id, "4"))
        return many(call, event);
    if (godwit_is(id, "5"))
        return look(call, event);
    if (godwit_is(id, "10"))
        return call->host->fail(call, "no luck with %s", "ten");
    if (godwit_is(id, "11"))
        return GODWIT_ERROR;
    if (godwit_is(id, "12"))
        return 7;
    if (godwit_is(id, "13"))
        return same(call, event) == GODWIT_ERROR ? GODWIT_ERROR : GODWIT_KEEP;
    if (godwit_is(id, "14"))
        return want(call, "user/9", GODWIT_ANY);
    if (godwit_is(id, "15"))
        return want(call, "user/2", GODWIT_ALIVE);
    if (godwit_is(id, "16"))
        return want(call, "user/1", GODWIT_DELETED);
    if (godwit_is(id, "17"))
        return want(call, "user/9", GODWIT_IF_ANY);
    if (godwit_is(id, "20"))
        return one_field(call, event, "{\"x\":}");
    if (godwit_is(id, "21"))
        return godwit_delete(call, godwit_text("User/1"));
    if (godwit_is(id, "22"))
        return godwit_emit(call, GODWIT_DELETE, event->fqid, &none, 1, NULL, 0);
    if (godwit_is(id, "23"))
        return godwit_emit(call, 99, event->fqid, NULL, 0, NULL, 0);
    if (godwit_is(id, "24")) {
        int64_t newest;
        return call->host->max_position(call, &newest);
    }
    return call->host->fail(call, "what is %.*s?", (int)id.len, id.at);
}

static int
additional_events(godwit_call *call)
{
    const godwit_event *events;
    size_t n;

    if (call->host->events(call, &events, &n) != GODWIT_OK)
        return GODWIT_ERROR;
    for (size_t i = 0; i < n; i++)
        if (godwit_restore(call, events[i].fqid) != GODWIT_OK)
            return GODWIT_ERROR;
    return GODWIT_OK;
}

static int
order_events(godwit_call *call, const godwit_event *events, size_t n,
             size_t *order)
{
    (void)call;
    for (size_t i = 0; i < n; i++)
        order[i] = n - 1 - i;
    if (n > 1 && godwit_is(events[0].id, "99"))
        order[1] = order[0];
    return GODWIT_OK;
}

static const char *const names[] = {"name", "lang"};
static const godwit_need needs[] = {
    {GODWIT_OLD, "user", names, 2},
    {GODWIT_NEW, "user", NULL, 0},
};

const godwit_migration godwit_migration_entry = {
    .abi = GODWIT_ABI,
    .size = sizeof(godwit_migration),
    .type = GODWIT_EVENT_MIGRATION,
    .description = "tries everything",
    .state_bytes = sizeof(struct state),
    .start = start,
    .stop = stop,
    .position_init = position_init,
    .migrate_event = migrate_event,
    .additional_events = additional_events,
    .order_events = order_events,
    .needs = needs,
    .n_needs = 2,
};
