/* SPDX-License-Identifier: Apache-2.0 */
/* A native model migration. Used by native_test.c only. */
#include <godwit/migration.h>

static int
visit_model(godwit_call *call, void *arg, const godwit_model *model)
{
    godwit_field fields[2];
    int64_t *count = (int64_t *)arg;

    if (godwit_is(model->fqid, "user/13"))
        return call->host->fail(call, "thirteen");
    if (godwit_is(model->fqid, "user/14"))
        return GODWIT_ERROR;
    ++*count;
    fields[0].key = godwit_text("n");
    fields[0].value = call->host->json_of_integer(
        call,
        *count * 100 + (int64_t)model->fields.n * 10 + model->meta_position);
    fields[1].key = godwit_text("name");
    fields[1].value = godwit_text("null");
    return godwit_update(call, model->fqid, fields, 2);
}

static int
visit_position(godwit_call *call, void *arg, const godwit_position *position,
               const godwit_event *events, size_t n)
{
    (void)arg;
    call->host->log(call, "%lld has %zu, first %.*s",
                    (long long)position->position, n, (int)events[0].fqid.len,
                    events[0].fqid.at);
    return GODWIT_OK;
}

static int
migrate_models(godwit_call *call)
{
    const godwit_host *host = call->host;
    godwit_slice filter =
        godwit_text("{\"field\":\"n\",\"operator\":\">\",\"value\":1}");
    godwit_slice none = {NULL, 0};
    godwit_model model;
    int64_t count = 0, newest = 0;

    if (host->max_position(call, &newest) != GODWIT_OK ||
        host->history(call, 1, newest, visit_position, NULL) != GODWIT_OK ||
        host->model(call, GODWIT_NEW, godwit_text("user/2"), GODWIT_DELETED,
                    &model) != GODWIT_OK)
        return GODWIT_ERROR;
    if (host->each_model(call, godwit_text("user"), GODWIT_ALIVE, filter,
                         visit_model, &count) != GODWIT_OK)
        return GODWIT_ERROR;
    return host->each_model(call, godwit_text("room"), GODWIT_ANY, none,
                            visit_model, &count);
}

const godwit_migration godwit_migration_entry = {
    .abi = GODWIT_ABI,
    .size = sizeof(godwit_migration),
    .type = GODWIT_MODEL_MIGRATION,
    .migrate_models = migrate_models,
};
