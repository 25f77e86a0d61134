/* SPDX-License-Identifier: Apache-2.0 */
/* What an import brought and what not: a JSON file, and a table. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/import_priv.h"

enum { PRINTED = 50 }; /* problems, below the table */

typedef struct reporting {
    gw_importing *im;
    gw_tally tallies[GW_STEP_COUNT];
    FILE *file;
    gw_buf buf;
    gw_slice reason; /* of the list that is open; at NULL: none */
    char reason_room[32];
    bool has_item;
    int64_t n, printed;
} reporting;

/* ---- counting ---- */

static bool
find_reason(gw_slice name, gw_reason *out)
{
    for (size_t i = 0; i < GW_REASON_COUNT; i++) {
        if (gw_slice_equal(name, gw_slice_of(gw_reason_name((gw_reason)i)))) {
            *out = (gw_reason)i;
            return true;
        }
    }
    return false;
}

static gw_code
count_problem(void *arg, const gw_import_problem *p, gw_error *err)
{
    reporting *r = arg;
    gw_slice name = p->step;
    gw_reason reason;
    gw_step step;
    bool is_beside = name.len > 0 && name.at[name.len - 1] == '*';

    (void)err;
    name.len -= is_beside;
    if (!gw_step_parse(name, &step) || !find_reason(p->reason, &reason))
        return GW_OK;
    r->tallies[step].reasons[reason] += p->n;
    r->tallies[step].beside += is_beside ? p->n : 0;
    r->n++;
    return GW_OK;
}

/* What neither `imported` nor a problem explains differs. What is in the
 * store and has a problem all the same counts as the problem. */
static gw_code
complete(reporting *r, const gw_source *source, void *self, gw_error *err)
{
    gw_code code = GW_OK;

    for (size_t i = 0; i < GW_STEP_COUNT && code == GW_OK; i++) {
        gw_tally *t = &r->tallies[i];
        code = source->tally(self, (gw_step)i, t, err);
        t->source += t->beside;
        int64_t rest = t->source - t->imported;
        for (size_t k = 0; k < GW_REASON_COUNT; k++)
            rest -= t->reasons[k];
        if (rest > 0)
            t->reasons[GW_REASON_DIFFERS] += rest;
        else
            t->imported += rest;
    }
    return code;
}

static bool
is_explained(const reporting *r)
{
    for (size_t i = 0; i < GW_STEP_COUNT; i++)
        for (size_t k = 0; k < GW_REASON_COUNT; k++)
            if (r->tallies[i].reasons[k] != 0)
                return false;
    return true;
}

/* ---- the file ---- */

static gw_code
drain(reporting *r, bool all, gw_error *err)
{
    if (!all && r->buf.len < 64 * GW_KIB)
        return GW_OK;
    if (r->buf.len > 0 && fwrite(r->buf.at, r->buf.len, 1, r->file) != 1)
        return gw_fail(err, GW_E_STORE, "the report: %s", strerror(errno));
    r->buf.len = 0;
    return GW_OK;
}

static void
put_steps(reporting *r)
{
    gw_buf_text(&r->buf, "{\"steps\":{");
    for (size_t i = 0; i < GW_STEP_COUNT; i++) {
        const gw_tally *t = &r->tallies[i];
        gw_buf_printf(
            &r->buf, "%s\"%s\":{\"source\":%" PRId64 ",\"imported\":%" PRId64,
            i ? "," : "", gw_step_name((gw_step)i), t->source, t->imported);
        for (size_t k = 0; k < GW_REASON_COUNT; k++)
            gw_buf_printf(&r->buf, ",\"%s\":%" PRId64,
                          gw_reason_name((gw_reason)k), t->reasons[k]);
        gw_buf_byte(&r->buf, '}');
    }
    gw_buf_byte(&r->buf, '}');
}

static gw_code
put_differing(void *arg, const gw_differing *d, gw_error *err)
{
    reporting *r = arg;

    gw_buf_printf(&r->buf, "%s{\"channel_type\":%" PRId64 ",\"channel_id\":",
                  r->has_item ? "," : "", d->channel_type);
    gw_json_put_text(&r->buf, d->channel_id);
    gw_buf_printf(&r->buf,
                  ",\"source_seq\":%" PRId64 ",\"seq\":%" PRId64
                  ",\"messages\":%" PRId64 "}",
                  d->source_seq, d->seq, d->messages);
    r->has_item = true;
    return drain(r, false, err);
}

static gw_code
put_problem(void *arg, const gw_import_problem *p, gw_error *err)
{
    reporting *r = arg;

    if (!r->reason.at || !gw_slice_equal(r->reason, p->reason)) {
        gw_buf_printf(&r->buf, "%s\"%.*s\":[", r->reason.at ? "]," : "",
                      GW_FMT(p->reason));
        int n = snprintf(r->reason_room, sizeof(r->reason_room), "%.*s",
                         GW_FMT(p->reason));
        r->reason = (gw_slice){r->reason_room, (size_t)n};
        r->has_item = false;
    }
    gw_buf_text(&r->buf,
                r->has_item ? ",{\"collection\":" : "{\"collection\":");
    gw_json_put_text(&r->buf, p->collection);
    gw_buf_text(&r->buf, ",\"key\":");
    gw_json_put_text(&r->buf, p->key);
    gw_buf_text(&r->buf, ",\"detail\":");
    gw_json_put_text(&r->buf, p->detail);
    gw_buf_byte(&r->buf, '}');
    r->has_item = true;
    return drain(r, false, err);
}

static gw_code
put_report(reporting *r, const gw_source *source, void *self, gw_error *err)
{
    gw_importing *im = r->im;
    gw_code code = GW_OK;

    put_steps(r);
    gw_buf_text(&r->buf, ",\"channels\":[");
    if (source->differing)
        code = source->differing(self, put_differing, r, err);
    gw_buf_text(&r->buf, "],\"items\":{");
    r->has_item = false;
    if (code == GW_OK)
        code =
            gw_import_problems(im->run->store, im->source, put_problem, r, err);
    gw_buf_text(&r->buf, r->reason.at ? "]}}\n" : "}}\n");
    return code == GW_OK ? drain(r, true, err) : code;
}

/* Whole or not at all: under another name until it is written. */
static gw_code
write_file(reporting *r, const gw_source *source, void *self, const char *path,
           gw_error *err)
{
    gw_buf name = {0};
    gw_code code;

    gw_buf_printf(&name, "%s.new", path);
    r->file = fopen(gw_buf_cstr(&name), "we");
    if (!r->file) {
        code = gw_fail(err, GW_E_USAGE, "the report %s: %s", path,
                       strerror(errno));
        gw_buf_clear(&name);
        return code;
    }
    code = put_report(r, source, self, err);
    if (fclose(r->file) != 0 && code == GW_OK)
        code = gw_fail(err, GW_E_STORE, "the report %s: %s", path,
                       strerror(errno));
    if (code == GW_OK && rename(name.at, path) != 0)
        code = gw_fail(err, GW_E_USAGE, "the report %s: %s", path,
                       strerror(errno));
    if (code != GW_OK)
        (void)remove(name.at);
    gw_buf_clear(&name);
    return code;
}

/* ---- the table ---- */

static void
print(reporting *r, gw_buf *line)
{
    const gw_run *run = r->im->run;

    if (run->print)
        run->print(run->print_arg, gw_buf_as_slice(line));
    line->len = 0;
}

static void
print_table(reporting *r)
{
    gw_buf line = {0};

    gw_buf_printf(&line, "%-13s%12s%12s", "step", "source", "imported");
    for (size_t k = 0; k < GW_REASON_COUNT; k++)
        gw_buf_printf(&line, "%12s", gw_reason_name((gw_reason)k));
    print(r, &line);
    for (size_t i = 0; i < GW_STEP_COUNT; i++) {
        const gw_tally *t = &r->tallies[i];
        if (i == GW_STEP_CLEANUP)
            continue; /* what it compares stands with the steps */
        gw_buf_printf(&line, "%-13s%12" PRId64 "%12" PRId64,
                      gw_step_name((gw_step)i), t->source, t->imported);
        for (size_t k = 0; k < GW_REASON_COUNT; k++)
            gw_buf_printf(&line, "%12" PRId64, t->reasons[k]);
        print(r, &line);
    }
    gw_buf_clear(&line);
}

static gw_code
print_problem(void *arg, const gw_import_problem *p, gw_error *err)
{
    reporting *r = arg;
    gw_buf line = {0};

    (void)err;
    if (r->printed++ >= PRINTED)
        return GW_OK;
    gw_buf_printf(&line, "%.*s %.*s %.*s: %.*s", GW_FMT(p->reason),
                  GW_FMT(p->collection), GW_FMT(p->key), GW_FMT(p->detail));
    print(r, &line);
    gw_buf_clear(&line);
    return GW_OK;
}

static gw_code
print_problems(reporting *r, gw_error *err)
{
    gw_importing *im = r->im;
    gw_buf line = {0};
    gw_code code =
        gw_import_problems(im->run->store, im->source, print_problem, r, err);

    if (r->printed > PRINTED) {
        gw_buf_printf(&line, "… and %" PRId64 " more; --report FILE has all",
                      r->printed - PRINTED);
        print(r, &line);
    }
    gw_buf_clear(&line);
    return code;
}

gw_code
gw_report_write(gw_importing *im, const gw_source *source, void *self,
                bool *explained, gw_error *err)
{
    reporting *r = gw_calloc(1, sizeof(*r));
    gw_code code = gw_importing_begin(im, err);

    r->im = im;
    if (code == GW_OK)
        code = gw_import_problems(im->run->store, im->source, count_problem, r,
                                  err);
    if (code == GW_OK)
        code = complete(r, source, self, err);
    if (code == GW_OK && im->options->report)
        code = write_file(r, source, self, im->options->report, err);
    if (code == GW_OK) {
        print_table(r);
        code = print_problems(r, err);
    }
    *explained = is_explained(r);
    gw_buf_clear(&r->buf);
    free(r);
    return code;
}
