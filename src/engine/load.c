/* SPDX-License-Identifier: Apache-2.0 */
/* Appends positions from NDJSON, as the application would. Takes no run
 * lock. Source: cli.md, NDJSON */

#include "engine/appender.h"

#include "base/units.h"
#include "engine/position_priv.h"
#include "engine/stream_priv.h"

/* What one commit holds: much, since each writes every model that it
 * touches. In a store in use it is also limited in time, for others wait. */
#define COMMIT_BYTES (128 * (size_t)GW_MIB)
#define COMMIT_BUSY_MS 1000
/* How many positions go by between two reports of progress. */
#define REPORT_POSITIONS 64
/* Lines that come by a pipe, one now and then, are committed at once: others
 * can write only between two commits. When many come, those that are open
 * wait so long for more; and as a commit of many costs more than they do,
 * four times as long as the last one took. */
#define BULK_BYTES (32 * (size_t)GW_KIB)
#define BULK_MS 250
#define BULK_MOST_MS 10000
#define BULK_PER_COMMIT 4
/* How often a run that waits for input looks at its stop flag. */
#define STOP_MS 200

typedef struct gw_loader {
    const gw_run *run;
    const char *name;
    gw_lines lines;
    gw_appender *appender;
    gw_arena arena;                      /* of one line */
    size_t bytes;                        /* of lines in this transaction */
    bool is_told;                        /* the store knows how many come */
    int64_t commit_ms;                   /* what the last commit took */
    int64_t positions, events;           /* with this transaction */
    int64_t positions_done, events_done; /* committed */
} gw_loader;

/* Counts what is not committed yet too: it is for progress. */
static void
publish(const gw_loader *l)
{
    gw_counters *counters = l->run->counters;

    if (!counters)
        return;
    atomic_store(&counters->positions_done, l->positions);
    atomic_store(&counters->events_done, l->events);
}

static gw_code
commit(gw_loader *l, gw_error *err)
{
    int64_t begin = gw_clock_us();
    gw_code code;

    if (!gw_appender_is_open(l->appender))
        return GW_OK;
    code = gw_appender_commit(l->appender, err);
    if (code != GW_OK)
        return code;
    l->commit_ms = (gw_clock_us() - begin) / 1000;
    l->bytes = 0;
    l->positions_done = l->positions;
    l->events_done = l->events;
    publish(l);
    return GW_OK;
}

/* Whether it is time to commit; asked when all lines that were read are
 * appended, for the store may have numbers ready for them. */
static bool
is_full(const gw_loader *l)
{
    if (!gw_appender_is_open(l->appender))
        return false;
    if (l->bytes >= COMMIT_BYTES || gw_appender_is_full(l->appender))
        return true;
    return gw_appender_is_shared(l->appender) &&
           gw_appender_age_ms(l->appender) >= COMMIT_BUSY_MS;
}

/* ---- one position ---- */

static gw_code
append(gw_loader *l, gw_position *p, gw_error *err)
{
    gw_code code = gw_appender_add(l->appender, p, err);

    if (code != GW_OK)
        return code;
    l->positions++;
    l->events += (int64_t)p->events.n;
    if (l->positions % REPORT_POSITIONS == 0)
        publish(l);
    return GW_OK;
}

static bool
is_blank(gw_slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        char c = line.at[i];
        if (c != ' ' && c != '\t' && c != '\r')
            return false;
    }
    return true;
}

static gw_code
load_line(gw_loader *l, gw_slice line, gw_error *err)
{
    bool has_index;
    gw_position p;
    gw_code code;

    if (is_blank(line))
        return GW_OK;
    code = gw_appender_open(l->appender, err);
    if (code != GW_OK)
        return code;
    if (!l->is_told)
        gw_store_expect(l->run->store, 1 + gw_lines_waiting(&l->lines));
    l->is_told = true;
    gw_arena_reset(&l->arena);
    code = gw_position_parse(&l->arena, line, &p, &has_index, err);
    if (code == GW_OK)
        code = append(l, &p, err);
    if (code != GW_OK)
        return gw_fail_prefix(err, "%s:%lld: ", l->name,
                              (long long)l->lines.number);
    l->bytes += line.len;
    return GW_OK;
}

/* ---- the stream ---- */

/* How long the open transaction may still wait for more; 0 or less: no
 * longer. */
static int64_t
patience_ms(const gw_loader *l)
{
    int64_t most = BULK_PER_COMMIT * l->commit_ms;

    if (l->bytes < BULK_BYTES)
        return 0;
    if (most < BULK_MS)
        most = BULK_MS;
    if (most > BULK_MOST_MS)
        most = BULK_MOST_MS;
    return most - gw_appender_age_ms(l->appender);
}

/* Reads on; what is enough, or has waited long enough for more, is
 * committed. */
static gw_code
fill(gw_loader *l, gw_error *err)
{
    int64_t left = STOP_MS;
    gw_code code = is_full(l) ? commit(l, err) : GW_OK;

    if (code != GW_OK)
        return code;
    if (gw_appender_is_open(l->appender) && l->lines.is_live) {
        left = patience_ms(l);
        if (left <= 0) {
            code = commit(l, err);
            if (code != GW_OK)
                return code;
        }
        if (left <= 0 || left > STOP_MS)
            left = STOP_MS;
    }
    code = gw_lines_fill(&l->lines, (int)left, err);
    l->is_told = false;
    if (code != GW_OK)
        return gw_fail_prefix(err, "%s:%lld: ", l->name,
                              (long long)l->lines.number + 1);
    return GW_OK;
}

static gw_code
load_lines(gw_loader *l, gw_error *err)
{
    gw_code code = GW_OK;
    gw_slice line;

    while (code == GW_OK) {
        if (gw_stream_is_stopped(l->run))
            return gw_fail(err, GW_E_INTERRUPTED,
                           "%s: stopped after line "
                           "%lld",
                           l->name, (long long)l->lines.number);
        if (gw_lines_take(&l->lines, &line)) {
            code = load_line(l, line, err);
        } else if (l->lines.is_at_end) {
            break;
        } else {
            code = fill(l, err);
        }
    }
    return code;
}

/* Commits what is whole after an error too; the first error counts. */
static gw_code
finish(gw_loader *l, gw_code code, gw_error *err)
{
    gw_error second;
    gw_code last = commit(l, code == GW_OK ? err : &second);

    return code == GW_OK ? last : code;
}

gw_code
gw_load(const gw_run *run, FILE *in, const char *name, int64_t *positions,
        int64_t *events, gw_error *err)
{
    gw_loader l = {.run = run, .name = name};
    gw_code code;

    gw_lines_init(&l.lines, in);
    gw_arena_init(&l.arena);
    l.appender = gw_appender_new(run);
    code = finish(&l, load_lines(&l, err), err);
    gw_appender_free(l.appender);
    gw_arena_clear(&l.arena);
    gw_lines_clear(&l.lines);
    *positions = l.positions_done;
    *events = l.events_done;
    return code;
}
