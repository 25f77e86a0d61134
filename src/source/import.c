/* SPDX-License-Identifier: Apache-2.0 */
/* The step machine: which import this is, what it has done, what comes
 * next. */
#include <inttypes.h>

#include "base/units.h"
#include "source/import_priv.h"

/* Models in memory; they are written and dropped with each commit. */
#define MODEL_BYTES ((size_t)8 * GW_MIB)
enum { PAUSE_US = 50000 };

static const gw_source *const SOURCES[] = {&gw_source_wukongim,
                                           &gw_source_ndjson};
#define N_SOURCES (sizeof(SOURCES) / sizeof(SOURCES[0]))

static const char *const STEPS[] = {
#define GW_STEP_TEXT(name, text) text,
    GW_STEP_MAP(GW_STEP_TEXT)
#undef GW_STEP_TEXT
};

static const gw_phase PHASES[] = {
    [GW_STEP_USER] = GW_PHASE_USER,
    [GW_STEP_CHANNEL] = GW_PHASE_CHANNEL,
    [GW_STEP_MESSAGE] = GW_PHASE_MESSAGE,
    [GW_STEP_CONVERSATION] = GW_PHASE_CONVERSATION,
    [GW_STEP_CLEANUP] = GW_PHASE_CLEANUP,
};

const char *
gw_step_name(gw_step step)
{
    return STEPS[step];
}

bool
gw_step_parse(gw_slice name, gw_step *out)
{
    for (size_t i = 0; i < GW_STEP_COUNT; i++) {
        if (gw_slice_equal(name, gw_slice_of(STEPS[i]))) {
            *out = (gw_step)i;
            return true;
        }
    }
    return false;
}

const char *
gw_source_at(size_t i)
{
    return i < N_SOURCES ? SOURCES[i]->name : NULL;
}

/* ---- what others may ask and be told ---- */

bool
gw_importing_is_stopped(gw_importing *im)
{
    const gw_run *run = im->run;

    while (run->pause && atomic_load(run->pause) &&
           !(run->stop && atomic_load(run->stop)))
        gw_sleep_us(PAUSE_US);
    return run->stop && atomic_load(run->stop);
}

void
gw_importing_tell(gw_importing *im, int64_t tries, const char *error)
{
    const gw_run *run = im->run;

    if (run->tell)
        run->tell(run->tell_arg, STEPS[im->step], tries, error);
    if (error && run->verbose && run->print)
        run->print(run->print_arg, gw_slice_of(error));
}

/* ---- the state ---- */

static void
read_counts(gw_arena *arena, gw_slice raw, gw_progress_state *out)
{
    gw_values values;
    gw_error ignored;

    if (gw_json_array(arena, raw, &values, &ignored) != GW_OK)
        return;
    for (size_t i = 0;
         i < values.n && i < sizeof(out->counts) / sizeof(out->counts[0]); i++)
        (void)gw_json_int(values.at[i], &out->counts[i]);
}

static void
read_bits(gw_slice value, uint64_t *out)
{
    int64_t bits;

    if (gw_json_int(value, &bits))
        *out = (uint64_t)bits;
}

static gw_code
parse_state(gw_arena *arena, gw_slice text, gw_progress_state *out,
            gw_error *err)
{
    gw_fields fields;
    gw_code code = gw_json_object(arena, text, &fields, err);

    for (size_t i = 0; code == GW_OK && i < fields.n; i++) {
        gw_slice key = fields.at[i].key, value = fields.at[i].value;
        if (gw_slice_equal(key, GW_LIT("number")))
            (void)gw_json_int(value, &out->number);
        else if (gw_slice_equal(key, GW_LIT("running")))
            out->is_running = value.at[0] == 't';
        else if (gw_slice_equal(key, GW_LIT("steps")))
            read_bits(value, &out->steps);
        else if (gw_slice_equal(key, GW_LIT("done")))
            read_bits(value, &out->done);
        else if (gw_slice_equal(key, GW_LIT("index")))
            (void)gw_json_int(value, &out->index);
        else if (gw_slice_equal(key, GW_LIT("counts")))
            read_counts(arena, value, out);
    }
    return code;
}

static gw_code
load_state(gw_importing *im, gw_error *err)
{
    gw_arena arena = {0};
    gw_slice text = {NULL, 0};
    gw_code code = gw_importing_begin(im, err);

    if (code == GW_OK)
        code = gw_import_prepare(im->run->store, err);
    if (code == GW_OK)
        code = gw_import_state(im->run->store, &arena, im->source, &text, err);
    if (code == GW_OK && text.at)
        code = parse_state(&arena, text, &im->state, err);
    gw_arena_clear(&arena);
    if (code != GW_OK)
        return code;
    /* begun before the index to check was known */
    code = gw_appender_commit(im->appender, err);
    return code == GW_OK ? gw_importing_begin(im, err) : code;
}

/* One that has not come to its end goes on; else a new one begins. So it does
 * for steps that the one before was not to do: what it has asked for is not
 * all that those steps know. */
static void
begin_import(gw_importing *im, uint64_t steps)
{
    static const gw_count per_import[] = {
        GW_COUNT_ASKED_AFTER, GW_COUNT_ASKED_UPTO,    GW_COUNT_USERS_UPTO,
        GW_COUNT_RELIST,      GW_COUNT_CHANNELS_UPTO, GW_COUNT_DEVICES_DUE,
        GW_COUNT_ITEMS,       GW_COUNT_ITEMS + 1,     GW_COUNT_ITEMS + 2,
        GW_COUNT_ITEMS_LAST};

    bool goes_on = im->state.is_running && (steps & ~im->state.steps) == 0;

    im->is_state_new = true;
    im->state.steps = steps;
    if (goes_on)
        return;
    im->state.number++;
    im->state.is_running = true;
    im->state.done = 0;
    for (size_t i = 0; i < sizeof(per_import) / sizeof(per_import[0]); i++)
        im->state.counts[per_import[i]] = 0;
}

/* ---- steps ---- */

/* The steps that were asked for, as bits. */
static gw_code
choose_steps(const gw_importing *im, uint64_t *out, gw_error *err)
{
    const gw_import_options *o = im->options;
    const char *name = o->only_step ? o->only_step : o->start_step;
    gw_step step;

    *out = (UINT64_C(1) << GW_STEP_COUNT) - 1;
    if (!name)
        return GW_OK;
    if (!gw_step_parse(gw_slice_of(name), &step))
        return gw_fail(err, GW_E_USAGE,
                       "there is no step %s; the steps are user, channel, "
                       "message, conversation, cleanup",
                       name);
    *out = o->only_step ? UINT64_C(1) << step
                        : *out & ~((UINT64_C(1) << step) - 1);
    return GW_OK;
}

/* Those of them that are still to be done. A step that was named is done
 * again. */
static uint64_t
steps_to_do(const gw_importing *im)
{
    const gw_import_options *o = im->options;

    return o->only_step || o->start_step ? im->state.steps
                                         : im->state.steps & ~im->state.done;
}

static gw_code
do_step(gw_importing *im, const gw_source *source, void *self, gw_step step,
        gw_error *err)
{
    im->step = step;
    if (im->run->counters)
        atomic_store(&im->run->counters->phase, PHASES[step]);
    gw_importing_tell(im, 1, NULL);
    gw_code code = source->step(self, step, err);
    if (code != GW_OK)
        return code;
    im->state.done |= UINT64_C(1) << step;
    im->is_state_new = true;
    return gw_importing_settle(im, true, err);
}

static gw_code
do_steps(gw_importing *im, const gw_source *source, void *self, uint64_t steps,
         gw_error *err)
{
    gw_code code = GW_OK;

    for (size_t i = 0; i < GW_STEP_COUNT && code == GW_OK; i++)
        if (steps >> i & 1)
            code = do_step(im, source, self, (gw_step)i, err);
    return code;
}

/* The end of an import: the report, and the note that the next one is
 * another. */
static gw_code
finish(gw_importing *im, const gw_source *source, void *self, gw_error *err)
{
    bool is_explained = true;
    gw_code code = gw_report_write(im, source, self, &is_explained, err);

    if (code == GW_OK) {
        im->state.is_running = false;
        im->is_state_new = true;
        code = gw_importing_settle(im, true, err);
    }
    if (im->run->counters)
        atomic_store(&im->run->counters->phase, GW_PHASE_DONE);
    gw_importing_tell(im, 1, NULL);
    if (code != GW_OK || is_explained)
        return code;
    return gw_fail(err, GW_E_DIFFERENT,
                   "not everything at the source is in the store; the report "
                   "says what and why");
}

static gw_code
run_import(gw_importing *im, const gw_source *source, gw_error *err)
{
    uint64_t steps = 0;
    void *self = NULL;
    gw_code code = load_state(im, err);

    if (code == GW_OK)
        code = choose_steps(im, &steps, err);
    if (code == GW_OK)
        code = source->open(im, &self, err);
    if (code != GW_OK)
        return code;
    begin_import(im, steps);
    code = gw_importing_settle(im, true, err);
    if (code == GW_OK)
        code = do_steps(im, source, self, steps_to_do(im), err);
    if (code == GW_OK)
        code = finish(im, source, self, err);
    source->close(self);
    return code;
}

static const gw_source *
find_source(const char *name)
{
    for (size_t i = 0; name && i < N_SOURCES; i++)
        if (strcmp(SOURCES[i]->name, name) == 0)
            return SOURCES[i];
    return NULL;
}

/* The word is shown if it can be a mistyped name: it may be anything, a URL
 * with a password too. */
static gw_code
fail_source(const char *name, gw_error *err)
{
    size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-")
                      : 0;

    if (len == 0 || len > 40 || name[len] != '\0')
        return gw_fail(err, GW_E_USAGE,
                       "no such source; there are wukongim and ndjson");
    return gw_fail(err, GW_E_USAGE,
                   "no source %s; there are wukongim and ndjson", name);
}

gw_code
gw_import(const gw_run *run, const gw_import_options *options, gw_error *err)
{
    const gw_source *source = find_source(options->source);
    gw_importing im = {.run = run, .options = options, .appender_run = *run};

    if (!source)
        return fail_source(options->source, err);
    gw_code code = gw_store_lock(run->store, "import", err);
    if (code != GW_OK)
        return code;
    im.source = gw_slice_of(source->name);
    im.appender_run.memory_bytes = MODEL_BYTES;
    im.appender = gw_appender_new(&im.appender_run);
    im.events.arena = &im.arena;
    code = run_import(&im, source, err);
    gw_appender_free(im.appender);
    gw_known_clear(&im.known);
    gw_arena_clear(&im.arena);
    gw_store_unlock(run->store);
    return code;
}
