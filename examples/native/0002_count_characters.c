/* SPDX-License-Identifier: Apache-2.0 */
/** An event migration in C: every message gets `length`, the number of
 *  characters of its `content`, and keeps it when it is edited.
 *
 *      cc -shared -fPIC -O2 -Iinclude -o 0002_count_characters.so \
 *          examples/native/0002_count_characters.c
 *
 *  It looks at no models, and says so in `needs`: no keyframe then keeps
 *  other fields for it. */
#include <godwit/migration.h>

static int64_t
count_characters(godwit_slice utf8)
{
    int64_t n = 0;

    for (size_t i = 0; i < utf8.len; i++)
        n += ((unsigned char)utf8.at[i] & 0xC0) != 0x80;
    return n;
}

/* The event's fields with `length` set; in memory of the host. */
static godwit_fields
with_length(godwit_call *call, godwit_fields fields, godwit_slice length)
{
    godwit_field *copy = (godwit_field *)call->host->alloc(
        call, (fields.n + 1) * sizeof(godwit_field));
    godwit_fields out = {copy, 0};

    for (size_t i = 0; i < fields.n; i++)
        if (!godwit_is(fields.at[i].key, "length"))
            copy[out.n++] = fields.at[i];
    copy[out.n].key = godwit_text("length");
    copy[out.n++].value = length;
    return out;
}

static int
migrate_event(godwit_call *call, const godwit_event *event)
{
    godwit_slice content, text;

    if (!godwit_is(event->collection, "message"))
        return GODWIT_KEEP;
    content = godwit_find(event->set, "content");
    if ((event->type != GODWIT_CREATE && event->type != GODWIT_UPDATE) ||
        !content.at || content.at[0] != '"')
        return GODWIT_KEEP;

    if (call->host->json_text(call, content, &text) != GODWIT_OK)
        return GODWIT_ERROR;

    godwit_event changed = *event;
    changed.set =
        with_length(call, event->set,
                    call->host->json_of_integer(call, count_characters(text)));
    return call->host->emit(call, &changed) == GODWIT_OK ? GODWIT_REPLACE
                                                         : GODWIT_ERROR;
}

/* Of the models before it, only whether `length` is a list could matter: it
 * is written over here, and a list change that fails must not go unseen. */
static const char *const length_only[] = {"length"};
static const godwit_need needs[] = {
    {GODWIT_OLD, "message", length_only, 1},
};

const godwit_migration godwit_migration_entry = {
    .abi = GODWIT_ABI,
    .size = sizeof(godwit_migration),
    .type = GODWIT_EVENT_MIGRATION,
    .description = "messages know their length",
    .migrate_event = migrate_event,
    .needs = needs,
    .n_needs = 1,
};
