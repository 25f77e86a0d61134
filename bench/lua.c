/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a Lua migration is by itself: events per second of CPU time,
 * without a store, keyframes or parsing. An event has some 250 bytes of JSON,
 * a position five events.
 * Run: build/release/bench_lua [EVENTS [CASE]] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "migration/migration.h"

enum { BATCH = 5000, PER_POSITION = 5, ROUNDS = 3 };

static const struct bench_case {
    const char *name, *body;
} cases[] = {
    {"noop", ""},
    {"look at the type", "if event.type == 'delete' then return {} end"},
    {"rename a field", "local d = event.data d.username = d.name d.name = nil "
                       "return { event }"},
    {"five fields", "local d = event.data d.name = d.name .. '!' d.n = d.n + 1 "
                    "d.is_active = true d.nick = nil d.group = 'g' "
                    "return { event }"},
    {"nested value", "event.data.tags.deep = { 1 } return { event }"},
    {"read a nested value", "local x = event.data.tags.colour "
                            "return { event }"},
    {"make an update", "return { event, godwit.update(event.fqid, { v = 1 }) "
                       "}"},
    {"position and index", "event.data.at = ctx.position.position + "
                           "ctx.migration_index return { event }"},
};

static gw_code
no_log(const gw_context *ctx, gw_slice fqid, bool *out, gw_error *err)
{
    (void)ctx;
    (void)fqid;
    (void)err;
    *out = true;
    return GW_OK;
}

static const gw_context_ops ops = {.will_exist = no_log};

static gw_event *
make_events(gw_arena *arena)
{
    gw_event *events = GW_ARENA_NEW(arena, gw_event, BATCH);
    gw_error err;

    for (int i = 0; i < BATCH; i++) {
        const char *fqid = gw_arena_printf(arena, "user/%d", i + 1);
        const char *data = gw_arena_printf(
            arena,
            "{\"name\":\"some user %d\",\"n\":%d,\"nick\":\"nick %d\","
            "\"meeting_id\":%d,\"text\":\"%s\",\"tags\":{\"colour\":\"red\","
            "\"list\":[1,2,3]},\"weight\":1.50,\"is_present\":false}",
            i, i * 7, i, i % 11,
            "a text of some length, as descriptions are, with an \xc3\xa4");

        if (gw_event_parse(arena, gw_slice_of(fqid), GW_LIT("update"),
                           gw_slice_of(data), &events[i], &err) != GW_OK) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
    return events;
}

static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
run_batch(const gw_migration *m, gw_arena *arena, gw_event *events,
          int64_t *position)
{
    gw_position p = {0};
    gw_context ctx = {arena, &p, 2, NULL, &ops};
    gw_event_list out = {.arena = arena};
    gw_error err;
    bool unchanged;

    gw_arena_reset(arena);
    for (int i = 0; i < BATCH; i++) {
        if (i % PER_POSITION == 0) {
            p.position = ++*position;
            p.events = (gw_events){events + i, PER_POSITION};
        }
        out.n = 0;
        if (m->ops->migrate_event(m->self, &ctx, &events[i], &out, &unchanged,
                                  &err) != GW_OK) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
}

static void
run_case(const struct bench_case *c, gw_event *events, long n)
{
    gw_migration m = {.index = 2, .file = (char *)"0002_bench.lua"};
    gw_arena arena;
    gw_error err;
    char script[1024];
    double best = 0;

    snprintf(script, sizeof(script),
             "return { type = 'event', migrate_event = function(event, ctx) "
             "%s end }",
             c->body);
    if (gw_lua_open(&m, gw_slice_of(script), NULL, NULL, &err) != GW_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    gw_arena_init(&arena);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t position = round * (int64_t)n;
        double from = seconds();

        for (long done = 0; done < n; done += BATCH)
            run_batch(&m, &arena, events, &position);
        double rate = (double)n / (seconds() - from);
        if (rate > best)
            best = rate;
    }
    printf("%-24s %9.0f events/s\n", c->name, best);
    m.ops->close(m.self);
    gw_arena_clear(&arena);
}

int
main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 500000;
    gw_arena arena;

    gw_arena_init(&arena);
    gw_event *events = make_events(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (argc < 3 || strstr(cases[i].name, argv[2]))
            run_case(&cases[i], events, n);
    gw_arena_clear(&arena);
    return 0;
}
