/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a store against the registered migrations; stats. */
#include <stdarg.h>
#include <stdlib.h>

#include "engine/plan.h"

const char *
gw_phase_name(gw_phase phase)
{
    static const char *const names[] = {
#define GW_PHASE_NAME(name, text) text,
        GW_PHASE_MAP(GW_PHASE_NAME)
#undef GW_PHASE_NAME
    };
    return names[phase];
}

const char *
gw_migration_state_name(gw_migration_state state)
{
    static const char *const names[] = {
        "no_migration_required",
        "migration_required",
        "finalization_required",
    };
    return names[state];
}

void
gw_run_print(const gw_run *run, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    if (run->print == NULL) {
        return;
    }
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof(line)) {
        len = sizeof(line) - 1;
    }
    run->print(run->print_arg, (gw_slice){line, len});
}

void
gw_run_phase(const gw_run *run, gw_phase phase)
{
    if (run->counters != NULL) {
        atomic_store(&run->counters->phase, (int)phase);
    }
}

bool
gw_run_is_stopped(const gw_run *run)
{
    return run->stop != NULL && atomic_load(run->stop);
}

static gw_code
check_indices(gw_plan *plan, gw_error *err)
{
    const gw_store_counts *c = &plan->counts;
    if (plan->is_empty) {
        return GW_OK;
    }
    if (c->min_index != c->max_index) {
        return gw_fail(err, GW_E_STATE,
                       "The datastore has inconsistent migration indices: "
                       "Minimum is %lld, maximum is %lld.",
                       (long long)c->min_index, (long long)c->max_index);
    }
    int64_t highest = c->max_index > c->max_migrated_index
                          ? c->max_index
                          : c->max_migrated_index;
    if (highest > plan->target) {
        return gw_fail(err, GW_E_STATE,
                       "The datastore has a higher migration index (%lld) "
                       "than the registered migrations (%lld)",
                       (long long)highest, (long long)plan->target);
    }
    return GW_OK;
}

gw_code
gw_plan_make(const gw_run *run, bool full, gw_plan *out, gw_error *err)
{
    gw_plan plan = {
        .event_target = gw_migrations_event_target(run->migrations),
        .target = gw_migrations_target(run->migrations),
    };
    gw_code code =
        gw_store_count(run->store, plan.event_target, full, &plan.counts, err);
    if (code == GW_OK) {
        plan.is_empty = plan.counts.max_position == 0;
        plan.current = plan.is_empty ? -1 : plan.counts.max_index;
        code = check_indices(&plan, err);
    }
    if (code == GW_OK) {
        code = gw_store_run_state(run->store, &plan.state, err);
    }
    if (code == GW_OK) {
        *out = plan;
    }
    return code;
}

void
gw_plan_clear(gw_plan *plan)
{
    gw_run_state_clear(&plan->state);
}

gw_migration_state
gw_plan_state(const gw_plan *plan)
{
    if (plan->is_empty || plan->current == -1) {
        return GW_STATE_FINALIZATION_REQUIRED;
    }
    if (plan->current == plan->target) {
        return GW_STATE_NO_MIGRATION_REQUIRED;
    }
    if (plan->current >= plan->event_target) {
        return GW_STATE_FINALIZATION_REQUIRED;
    }
    bool is_migrated =
        plan->counts.migrated_at_target == plan->counts.positions;
    return is_migrated ? GW_STATE_FINALIZATION_REQUIRED
                       : GW_STATE_MIGRATION_REQUIRED;
}

char *
gw_plan_checksums(const gw_migrations *migrations)
{
    gw_buf buf = {0};
    gw_buf_byte(&buf, '{');
    for (size_t i = 0; i < migrations->n_events; i++) {
        const gw_migration *m = &migrations->at[i];
        gw_buf_printf(&buf, "%s\"%lld\":\"%s%s%s\"", i == 0 ? "" : ",",
                      (long long)m->index, m->checksum,
                      m->view[0] != '\0' ? " " : "", m->view);
    }
    gw_buf_byte(&buf, '}');
    char *text = gw_strdup(gw_buf_cstr(&buf));
    gw_buf_clear(&buf);
    return text;
}

/* What was written down of a migration: checksum and view. */
static void
split_sum(gw_arena *arena, gw_slice json, gw_slice *checksum, gw_slice *view)
{
    gw_slice text = gw_json_string(arena, json);
    const char *blank = text.len > 0 ? memchr(text.at, ' ', text.len) : NULL;
    size_t n = blank != NULL ? (size_t)(blank - text.at) : text.len;
    *checksum = (gw_slice){text.at, n};
    *view = blank != NULL ? (gw_slice){blank + 1, text.len - n - 1}
                          : (gw_slice){"", 0};
}

static void
note_edit(gw_arena *arena, gw_fields sums, const gw_migration *m,
          gw_edits *edits)
{
    char *index = gw_arena_printf(arena, "%lld", (long long)m->index);
    ptrdiff_t at = gw_fields_find(sums, gw_slice_of(index));
    gw_slice checksum = {0}, view = {"", 0};
    if (at >= 0) {
        split_sum(arena, sums.at[at].value, &checksum, &view);
    }
    if (gw_slice_equal(checksum, gw_slice_of(m->checksum))) {
        return;
    }
    bool is_blind = m->view[0] != '\0' &&
                    !gw_slice_equal(view, GW_LIT(GW_VIEW_ALL)) &&
                    !gw_slice_equal(view, gw_slice_of(m->view));
    edits->edited = edits->edited != NULL ? edits->edited : m->file;
    if (is_blind && edits->blind == NULL) {
        edits->blind = m->file;
    }
}

gw_edits
gw_plan_edits(const gw_plan *plan, const gw_migrations *migrations)
{
    const gw_run_state *state = &plan->state;
    gw_edits edits = {0};
    gw_arena arena;
    gw_fields sums = {0};

    if (state->event_target == 0 || state->checksums == NULL) {
        return edits;
    }
    gw_arena_init(&arena);
    if (gw_json_object(&arena, gw_slice_of(state->checksums), &sums, NULL) !=
        GW_OK) {
        sums.n = 0;
    }
    for (size_t i = 0; i < migrations->n; i++) {
        const gw_migration *m = &migrations->at[i];
        if (m->index > state->start_index && m->index <= state->event_target) {
            note_edit(&arena, sums, m, &edits);
        }
    }
    gw_arena_clear(&arena);
    return edits;
}

/* ---- stats ---- */

gw_code
gw_stats_get(const gw_run *run, gw_stats *out, gw_error *err)
{
    gw_plan plan;
    gw_code code = gw_plan_make(run, true, &plan, err);
    if (code != GW_OK) {
        return code;
    }
    int64_t rows =
        plan.counts.migrated_at_target + plan.counts.migrated_elsewhere;
    /* positions get no further than the event target; while model
     * migrations are pending none is at the target */
    int64_t fully =
        plan.event_target == plan.target ? plan.counts.migrated_at_target : 0;
    *out = (gw_stats){
        .status = gw_plan_state(&plan),
        .current_index = plan.current,
        .target_index = plan.target,
        .positions = plan.counts.positions,
        .events = plan.counts.events,
        .fully_migrated = fully,
        .partially_migrated = rows - fully,
    };
    gw_plan_clear(&plan);
    return GW_OK;
}

void
gw_stats_put_json(gw_buf *buf, const gw_stats *stats)
{
    gw_buf_printf(buf,
                  "{\"status\":\"%s\",\"current_migration_index\":%lld,"
                  "\"target_migration_index\":%lld,\"positions\":%lld,"
                  "\"events\":%lld,\"fully_migrated_positions\":%lld,"
                  "\"partially_migrated_positions\":%lld}",
                  gw_migration_state_name(stats->status),
                  (long long)stats->current_index,
                  (long long)stats->target_index, (long long)stats->positions,
                  (long long)stats->events, (long long)stats->fully_migrated,
                  (long long)stats->partially_migrated);
}
