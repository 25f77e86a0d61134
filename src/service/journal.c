/* SPDX-License-Identifier: Apache-2.0 */
/* The journal. A line is written by one call and synced; a torn one, which
 * only a crash leaves, is passed over. It is made anew at each start, so it
 * never holds much more than the history. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "service/service_priv.h"

#define GW_JOURNAL "journal.ndjson"
#define GW_JOURNAL_NEW "journal.ndjson.new"

static const char *const OUTCOMES[] = {
#define GW_OUTCOME_TEXT(name, text) [GW_OUTCOME_##name] = (text),
    GW_OUTCOME_MAP(GW_OUTCOME_TEXT)
#undef GW_OUTCOME_TEXT
};

const char *
gw_outcome_name(gw_outcome outcome)
{
    return OUTCOMES[outcome];
}

gw_record *
gw_history_last(const gw_history *history)
{
    return history->n ? &history->at[history->n - 1] : NULL;
}

gw_record *
gw_history_push(gw_history *history)
{
    if (!history->at)
        history->at = gw_calloc(GW_LIMIT_HISTORY, sizeof(gw_record));
    if (history->n == GW_LIMIT_HISTORY) {
        free(history->at[0].error);
        history->n--;
        memmove(history->at, history->at + 1, history->n * sizeof(gw_record));
    }
    gw_record *record = &history->at[history->n++];
    *record = (gw_record){.positions = -1, .events = -1};
    return record;
}

void
gw_history_clear(gw_history *history)
{
    for (size_t i = 0; i < history->n; i++)
        free(history->at[i].error);
    free(history->at);
    *history = (gw_history){0};
}

/* ---- writing ---- */

const char *
gw_record_step(const gw_record *record)
{
    return record->step[0] ? record->step : record->job->step;
}

void
gw_record_put(const gw_record *r, gw_buf *out)
{
    bool has_ended = r->outcome != GW_OUTCOME_RUNNING;

    gw_buf_printf(out, "{\"run\":%" PRId64 ",\"command\":\"%s\"", r->run,
                  r->job->name);
    gw_put_time(out, "start", r->start);
    gw_put_time(out, "end", r->end);
    gw_put_number(out, "duration_ms", has_ended ? r->duration_ms : -1);
    gw_buf_printf(out, ",\"result\":\"%s\",\"step\":\"%s\"",
                  OUTCOMES[r->outcome], gw_record_step(r));
    gw_put_number(out, "tries", r->tries);
    gw_put_text(out, "error", r->error);
    gw_put_text(out, "code", r->code ? gw_code_name(r->code) : NULL);
    gw_put_number(out, "positions", r->positions);
    gw_put_number(out, "events", r->events);
    gw_buf_printf(out, ",\"verbose\":%s}",
                  r->options.verbose ? "true" : "false");
}

/* The times as numbers too: they are what is read back. */
void
gw_record_put_line(const gw_record *record, gw_buf *out)
{
    gw_record_put(record, out);
    out->len--;
    gw_put_number(out, "start_s", record->start);
    gw_put_number(out, "end_s", record->end);
    gw_buf_byte(out, '}');
}

static void
put_line(const gw_record *r, gw_buf *out)
{
    gw_record_put_line(r, out);
    gw_buf_byte(out, '\n');
}

void
gw_journal_put(const gw_history *history, gw_buf *out)
{
    for (size_t i = 0; i < history->n; i++)
        put_line(&history->at[i], out);
}

gw_code
gw_journal_write(int file, const gw_buf *lines, gw_error *err)
{
    size_t done = 0;

    while (done < lines->len) {
        ssize_t n = write(file, lines->at + done, lines->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gw_fail(err, GW_E_STORE, "the journal of runs: %s",
                           strerror(errno));
        done += (size_t)n;
    }
    if (fsync(file) != 0)
        return gw_fail(err, GW_E_STORE, "the journal of runs: %s",
                       strerror(errno));
    return GW_OK;
}

gw_code
gw_journal_add(int file, const gw_record *record, gw_error *err)
{
    gw_buf line = {0};

    /* should the line before have been cut by a full disk */
    gw_buf_byte(&line, '\n');
    put_line(record, &line);
    gw_code code = gw_journal_write(file, &line, err);
    gw_buf_clear(&line);
    return code;
}

gw_code
gw_journal_open(int dir, const gw_history *history, int *out, gw_error *err)
{
    gw_buf text = {0};
    int file = openat(
        dir, GW_JOURNAL_NEW,
        O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (file < 0)
        return gw_fail(err, GW_E_USAGE, "the state folder's journal: %s",
                       strerror(errno));
    gw_journal_put(history, &text);
    gw_code code = gw_journal_write(file, &text, err);
    gw_buf_clear(&text);
    if (!code && (renameat(dir, GW_JOURNAL_NEW, dir, GW_JOURNAL) != 0 ||
                  fsync(dir) != 0))
        code = gw_fail(err, GW_E_USAGE, "the state folder's journal: %s",
                       strerror(errno));
    if (code)
        close(file);
    else
        *out = file;
    return code;
}

/* ---- reading ---- */

static bool
find_outcome(gw_arena *arena, gw_fields fields, gw_outcome *out)
{
    gw_slice name = {0};

    (void)gw_member_text(arena, fields, "result", &name);
    for (size_t i = 0; i < sizeof(OUTCOMES) / sizeof(OUTCOMES[0]); i++)
        if (name.at && gw_slice_equal(name, gw_slice_of(OUTCOMES[i]))) {
            *out = (gw_outcome)i;
            return true;
        }
    return false;
}

static gw_code
find_code(gw_arena *arena, gw_fields fields)
{
    gw_slice name;
    gw_code code = GW_OK;

    if (gw_member_text(arena, fields, "code", &name))
        (void)gw_code_find(gw_arena_dup(arena, name).at, &code);
    return code;
}

static int64_t
at_least(int64_t value, int64_t least)
{
    return value < least ? least : value;
}

static bool
take_record(gw_arena *arena, gw_slice line, gw_history *history)
{
    gw_fields f;
    gw_outcome outcome;

    if (gw_json_object(arena, line, &f, NULL) != GW_OK ||
        !find_outcome(arena, f, &outcome))
        return false;
    int64_t run = gw_member_number(f, "run");
    gw_slice name = {0}, error, step = {0};
    (void)gw_member_text(arena, f, "command", &name);
    const gw_job *job = name.at ? gw_job_find(name) : NULL;
    gw_record *r = gw_history_last(history);
    if (!job || run < 1 || (r && run < r->run))
        return false;
    if (!r || r->run != run)
        r = gw_history_push(history);

    char *copy = gw_member_text(arena, f, "error", &error)
                     ? gw_strdup(gw_arena_dup(arena, error).at)
                     : NULL;
    free(r->error);
    *r = (gw_record){
        .run = run,
        .job = job,
        .options.verbose = gw_member_is_true(f, "verbose"),
        .is_earlier = true,
        .outcome = outcome,
        .start = at_least(gw_member_number(f, "start_s"), 0),
        .end = at_least(gw_member_number(f, "end_s"), 0),
        .duration_ms = at_least(gw_member_number(f, "duration_ms"), 0),
        .tries = at_least(gw_member_number(f, "tries"), 1),
        .positions = gw_member_number(f, "positions"),
        .events = gw_member_number(f, "events"),
        .error = copy,
        .code = find_code(arena, f),
    };
    if (job->has_source && gw_member_text(arena, f, "step", &step) &&
        step.len < sizeof(r->step))
        memcpy(r->step, step.at, step.len);
    return true;
}

bool
gw_record_take_line(gw_slice line, gw_history *history)
{
    gw_arena arena;

    gw_arena_init(&arena);
    bool is_taken =
        line.len <= GW_LIMIT_JOURNAL_LINE && take_record(&arena, line, history);
    gw_arena_clear(&arena);
    return is_taken;
}

static void
read_lines(FILE *in, gw_history *history, const gw_log *log)
{
    gw_arena arena;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int64_t bad = 0;

    gw_arena_init(&arena);
    while ((n = getline(&line, &room, in)) >= 0) {
        if (n > 0 && line[n - 1] == '\n')
            n--;
        if (n == 0)
            continue;
        gw_slice text = {line, (size_t)n};
        if (n > GW_LIMIT_JOURNAL_LINE || !take_record(&arena, text, history))
            bad++;
        gw_arena_reset(&arena);
    }
    free(line);
    gw_arena_clear(&arena);
    if (bad)
        gw_log_put(log, GW_LOG_WARN, "lines of the journal were unreadable",
                   GW_LOG_INT("lines", bad));
}

gw_code
gw_journal_read(int dir, gw_history *history, const gw_log *log, gw_error *err)
{
    int fd = openat(dir, GW_JOURNAL, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT)
        return GW_OK;
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (!in)
        return gw_fail(err, GW_E_USAGE, "the state folder's journal: %s",
                       strerror(errno));
    read_lines(in, history, log);
    bool is_bad = ferror(in) != 0;
    fclose(in);
    if (is_bad)
        return gw_fail(err, GW_E_USAGE,
                       "the state folder's journal cannot be read");
    return GW_OK;
}
