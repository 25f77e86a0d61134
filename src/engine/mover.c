/* SPDX-License-Identifier: Apache-2.0 */
/* Positions on their way from the live into the migration tables. */
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/units.h"
#include "engine/mover.h"
#include "engine/prefetch.h"
#include "engine/writer.h"

enum {
    POLL_US = 20000,
    PUT_OFF_PART = 20, /* a save waits while less than this part is new */
};

struct gw_mover {
    const gw_run *run;
    gw_pipeline *pipeline;
    gw_writer *writer;
    gw_run_state state; /* as of what was handed to the writer */
    int64_t upto;       /* the pass ends here, however fast others write */
    int64_t began_at;   /* the position that this run went on from */
    int64_t since_save; /* events */
    bool is_dirty;      /* keyframes moved since they were saved */
    size_t batch_bytes, memory_bytes;
    int64_t keyframe_events;
    gw_keyframe_backing backing;
    pthread_mutex_t reading; /* for the store's reading side; recursive */
};

/* ---- keyframes ---- */

static gw_code
put_saved(void *arg, const gw_saved_model *model, gw_error *err)
{
    gw_mover *m = arg;
    bool is_model = memchr(model->fqid.at, '/', model->fqid.len) != NULL;
    if (m->run->counters != NULL && is_model) {
        atomic_fetch_add(&m->run->counters->models, 1);
    }
    gw_code code = gw_store_keyframe_put(m->run->store, model, err);
    return code == GW_OK ? gw_store_keyframe_yield(m->run->store, err) : code;
}

static gw_code
put_keyframes(gw_mover *m, gw_error *err)
{
    gw_code code = gw_keyframes_save(gw_pipeline_keyframes(m->pipeline),
                                     put_saved, m, err);
    if (code == GW_OK) {
        m->state.keyframe_position = m->state.position;
        code = gw_store_put_run_state(m->run->store, &m->state, err);
    }
    return code;
}

/* When the models take more than `most`: some more of them go, so that it is
 * not again soon. Whether there is room now. */
static bool
make_room(gw_mover *m, size_t most)
{
    gw_keyframes *kf = gw_pipeline_keyframes(m->pipeline);
    if (gw_keyframes_bytes(kf) <= most) {
        return true;
    }
    gw_keyframes_trim(kf, m->memory_bytes / 4 * 3);
    return gw_keyframes_bytes(kf) <= m->memory_bytes / 8 * 7;
}

/* What is left of it the next run clears away; what is wrong with the store
 * the next transaction says. */
static void
tidy(const gw_mover *m)
{
    gw_error ignored;
    (void)!gw_store_tidy(m->run->store, &ignored);
}

/* Saves the keyframes as of the last written position: wholly, or not at all
 * (gw_store_keyframe_recover). Also lets go of models when they take more than
 * they may. After a save that failed nobody knows which models still count as
 * changed: this run must not save again. The next one replays. */
static gw_code
save_keyframes(gw_mover *m, gw_error *err)
{
    gw_keyframes *kf = gw_pipeline_keyframes(m->pipeline);
    gw_code code = gw_writer_drain(m->writer, err);
    if (code == GW_OK) {
        gw_run_phase(m->run, GW_PHASE_KEYFRAMES);
        code = gw_store_begin(m->run->store, false, err);
    }
    if (code != GW_OK) {
        return code;
    }
    code = gw_store_finish(m->run->store, put_keyframes(m, err), err);
    if (code != GW_OK) {
        return gw_writer_fail(m->writer, code, err);
    }
    tidy(m);
    m->is_dirty = false;
    m->since_save = 0;
    gw_keyframes_set_backing(kf, &m->backing);
    (void)make_room(m, m->memory_bytes / 8 * 7);
    return GW_OK;
}

static gw_code
load_model(void *self, gw_slice fqid, gw_model *models, size_t levels,
           gw_error *err)
{
    gw_mover *m = self;
    pthread_mutex_lock(&m->reading);
    gw_code code =
        gw_store_keyframe_load(m->run->store, fqid, models, levels, err);
    pthread_mutex_unlock(&m->reading);
    return code;
}

static gw_code
list_models(void *self, gw_slice collection,
            gw_code (*found)(void *arg, gw_slice fqid, gw_error *err),
            void *arg, gw_error *err)
{
    gw_mover *m = self;
    pthread_mutex_lock(&m->reading);
    gw_code code =
        gw_store_keyframe_list(m->run->store, collection, found, arg, err);
    pthread_mutex_unlock(&m->reading);
    return code;
}

/* Saving changed models costs a page each. While few events have come since
 * the last save, the next run goes over them again instead: only over what
 * this run alone migrated, as a migration may count within a run. */
static bool
may_put_off_saving(const gw_mover *m)
{
    return m->state.keyframe_position > 0 &&
           m->state.keyframe_position == m->began_at &&
           m->since_save < m->state.events / PUT_OFF_PART;
}

gw_code
gw_mover_settle(gw_mover *m, gw_error *err)
{
    return m->is_dirty ? save_keyframes(m, err) : GW_OK;
}

/* ---- a pass ---- */

static void
wait_while_paused(const gw_run *run)
{
    while (run->pause != NULL && atomic_load(run->pause) &&
           !gw_run_is_stopped(run)) {
        gw_sleep_us(POLL_US);
    }
}

/* Migrates the positions of a batch; those before a failing one stay. */
static gw_code
migrate_batch(gw_mover *m, gw_parcel *parcel, gw_error *err)
{
    gw_batch *batch = &parcel->batch;
    gw_code code = GW_OK;
    size_t i = 0;
    while (i < batch->n) {
        gw_position *p = &batch->positions[i];
        size_t n_events = p->events.n;
        code = gw_pipeline_run(m->pipeline, &batch->arena, p, err);
        if (code != GW_OK) {
            break;
        }
        i++;
        m->state.position = p->position;
        m->state.positions++;
        m->state.events += (int64_t)n_events;
        m->state.events_written += (int64_t)p->events.n;
        m->since_save += (int64_t)n_events;
        m->is_dirty = true;
    }
    batch->n = i;
    parcel->after = m->state;
    return code;
}

static gw_code
save_when_due(gw_mover *m, gw_error *err)
{
    if (m->since_save < m->keyframe_events && make_room(m, m->memory_bytes)) {
        return GW_OK;
    }
    gw_code code = save_keyframes(m, err);
    gw_run_phase(m->run, GW_PHASE_MIGRATE);
    return code;
}

static gw_code
move_batch(gw_mover *m, gw_prefetch *ahead, int64_t *moved, bool *is_done,
           gw_error *err)
{
    gw_parcel *parcel = gw_writer_next(m->writer);
    gw_code code = gw_prefetch_next(ahead, &parcel->batch, err);
    if (code != GW_OK || parcel->batch.n == 0) {
        *is_done = true;
        return code;
    }
    code = migrate_batch(m, parcel, err);
    *moved += (int64_t)parcel->batch.n;
    if (parcel->batch.n > 0) {
        gw_writer_send(m->writer);
    }
    return code;
}

/* Moves batches until there is nothing to read. */
static gw_code
move_batches(gw_mover *m, gw_prefetch *ahead, int64_t *moved, gw_error *err)
{
    gw_code code = GW_OK;
    bool is_done = false;
    while (code == GW_OK && !is_done && !gw_writer_has_failed(m->writer)) {
        wait_while_paused(m->run);
        if (gw_run_is_stopped(m->run)) {
            code = gw_fail(err, GW_E_INTERRUPTED,
                           "stopped after position %lld; run the command "
                           "again to go on",
                           (long long)m->state.position);
            break;
        }
        code = move_batch(m, ahead, moved, &is_done, err);
        if (code == GW_OK) {
            code = save_when_due(m, err);
        }
    }
    return code;
}

static gw_code
move_all(gw_mover *m, int64_t *moved, gw_error *err)
{
    gw_prefetch *ahead = NULL;
    gw_code code =
        gw_prefetch_begin(m->run->store, &m->reading, m->state.position,
                          m->upto, m->batch_bytes, &ahead, err);
    if (code == GW_OK) {
        code = move_batches(m, ahead, moved, err);
    }
    gw_prefetch_end(ahead);
    return code;
}

/* The result of the smaller set is not needed any more once the larger one
 * has come as far. */
static gw_code
drop_base_when_done(gw_mover *m, gw_error *err)
{
    gw_store *store = m->run->store;
    if (m->state.base_target == 0 ||
        m->state.position < m->state.base_position) {
        return GW_OK;
    }
    gw_code code = gw_store_begin(store, false, err);
    if (code != GW_OK) {
        return code;
    }
    code = gw_store_drop_base(store, err);
    if (code == GW_OK) {
        m->state.base_target = 0;
        m->state.base_position = 0;
        code = gw_store_put_run_state(store, &m->state, err);
    }
    code = gw_store_finish(store, code, err);
    if (code == GW_OK) {
        tidy(m);
    }
    return code;
}

gw_code
gw_mover_pass(gw_mover *m, int64_t *moved, gw_error *err)
{
    gw_store_counts counts;
    gw_code code = gw_store_count(m->run->store, m->state.event_target, false,
                                  &counts, err);
    *moved = 0;
    if (code != GW_OK) {
        return code;
    }
    m->upto = counts.max_position;
    gw_run_phase(m->run, GW_PHASE_MIGRATE);
    code = move_all(m, moved, err);
    gw_error other = {0};
    gw_code written = gw_writer_drain(m->writer, &other);
    if (written == GW_OK && !may_put_off_saving(m) && code != GW_E_STORE) {
        written = gw_mover_settle(m, &other);
    }
    if (written == GW_OK) {
        written = drop_base_when_done(m, &other);
    }
    if (written != GW_OK && err != NULL) {
        *err = other;
    }
    return written != GW_OK ? written : code;
}

gw_code
gw_mover_tail(gw_mover *m, gw_error *err)
{
    gw_parcel *parcel = gw_writer_next(m->writer);
    for (;;) {
        gw_code code =
            gw_store_read(m->run->store, GW_GENERATION_LIVE, m->state.position,
                          0, m->batch_bytes, &parcel->batch, err);
        if (code == GW_OK && parcel->batch.n == 0) {
            return m->is_dirty ? put_keyframes(m, err) : GW_OK;
        }
        if (code == GW_OK) {
            code = migrate_batch(m, parcel, err);
        }
        if (code == GW_OK) {
            code = gw_parcel_write(m->run, parcel, err);
        }
        if (code != GW_OK) {
            return code;
        }
    }
}

gw_code
gw_mover_set_final_index(gw_mover *m, int64_t final_index, gw_error *err)
{
    gw_store *store = m->run->store;
    if (m->state.final_index == final_index) {
        return GW_OK;
    }
    gw_code code = gw_store_begin(store, false, err);
    if (code != GW_OK) {
        return code;
    }
    code = gw_store_set_final_index(store, final_index, err);
    if (code == GW_OK) {
        m->state.final_index = final_index;
        code = gw_store_put_run_state(store, &m->state, err);
    }
    return gw_store_finish(store, code, err);
}

/* ---- making ready ---- */

static gw_code
refuse_edited(const char *file, gw_error *err)
{
    return gw_fail(err, GW_E_STATE,
                   "%s was changed after positions had been migrated with "
                   "it. Run again with --restart to migrate everything "
                   "anew, or with --keep-migrated to keep what is migrated "
                   "and use the new text from there on",
                   file);
}

static gw_code
refuse_blind(const char *file, gw_error *err)
{
    return gw_fail(err, GW_E_STATE,
                   "%s now looks at models that its old text did not look "
                   "at, so that they were not kept: its new text cannot go "
                   "on from what is migrated. Run again with --restart to "
                   "migrate everything anew",
                   file);
}

/* Rows in the migration tables that no run of ours accounts for. */
static gw_code
refuse_leftovers(const gw_plan *plan, gw_error *err)
{
    return gw_fail(err, GW_E_STATE,
                   "the migration tables hold %lld positions at migration "
                   "index %lld that another program has migrated, such as an "
                   "unfinished migrate of the original handler; what it knew "
                   "is gone, so Godwit does not go on from there. Run again "
                   "with --restart to empty these tables and migrate "
                   "everything anew (the live tables stay as they are)",
                   (long long)(plan->counts.migrated_at_target +
                               plan->counts.migrated_elsewhere),
                   (long long)plan->counts.max_migrated_index);
}

enum preparation {
    GO_ON,     /* the migration tables are what this run would have made */
    GO_BACK,   /* they are kept up to where the keyframes were saved */
    GROW,      /* more migrations than before: begin, keep the old result */
    BEGIN_NEW, /* forget everything */
};

static gw_code
decide(const gw_run *run, const gw_plan *plan, int64_t event_target,
       enum preparation *out, gw_error *err)
{
    const gw_run_state *s = &plan->state;
    const gw_edits edits = gw_plan_edits(plan, run->migrations);
    bool is_ours = s->event_target != 0 && s->start_index == plan->current;

    bool has_result = s->position > 0 || s->base_position > 0;

    if (edits.edited != NULL && is_ours && has_result && !run->restart) {
        if (!run->keep_migrated) {
            return refuse_edited(edits.edited, err);
        }
        if (edits.blind != NULL && s->keyframe_position > 0) {
            return refuse_blind(edits.blind, err);
        }
    }
    if (s->event_target == 0 && plan->counts.max_migrated_index > 0 &&
        !run->restart) {
        return refuse_leftovers(plan, err);
    }
    if (run->restart || !is_ours || !has_result ||
        s->event_target > event_target) {
        *out = BEGIN_NEW;
    } else if (s->event_target < event_target) {
        *out = GROW;
    } else if (edits.edited == NULL || s->position == s->keyframe_position) {
        *out = GO_ON;
    } else { /* the new text would go over what the old one migrated */
        *out = s->keyframe_position > 0 ? GO_BACK : BEGIN_NEW;
    }
    return GW_OK;
}

static gw_code
change_tables(gw_mover *m, enum preparation what, gw_error *err)
{
    gw_store *store = m->run->store;
    gw_code code = gw_store_keyframe_recover(store, err);
    if (code == GW_OK) {
        code = gw_store_begin(store, false, err);
    }
    if (code != GW_OK) {
        return code;
    }
    if (what == BEGIN_NEW) {
        code = gw_store_forget(store, err);
        if (code == GW_OK) {
            code = gw_store_discard(store, err);
        }
    } else if (what == GROW) {
        code = gw_store_set_aside(store, err);
    } else if (what == GO_BACK) {
        code = gw_store_cut_back(store, &m->state, err);
    }
    if (code == GW_OK) {
        code = gw_store_put_run_state(store, &m->state, err);
    }
    code = gw_store_finish(store, code, err);
    if (code == GW_OK) {
        tidy(m);
    }
    return code;
}

static void
print_what_is_kept(const gw_mover *m, enum preparation what,
                   const gw_run_state *before)
{
    if (what == GO_BACK) {
        gw_run_print(m->run,
                     "The new text begins at position %lld: models of the old "
                     "one were saved up to there.",
                     (long long)before->keyframe_position + 1);
    } else if (what == BEGIN_NEW && m->run->keep_migrated &&
               before->position > 0 &&
               before->start_index == m->state.start_index &&
               before->event_target == m->state.event_target) {
        gw_run_print(m->run, "Nothing is kept: no models of the old text were "
                             "saved yet.");
    }
}

static gw_code
prepare_tables(gw_mover *m, const gw_plan *plan, gw_error *err)
{
    const gw_run_state *s = &plan->state;
    int64_t event_target =
        plan->current > plan->event_target ? plan->current : plan->event_target;
    enum preparation what = BEGIN_NEW;
    gw_code code = decide(m->run, plan, event_target, &what, err);
    if (code != GW_OK) {
        return code;
    }
    m->state = (gw_run_state){
        .start_index = plan->current,
        .event_target = event_target,
        .final_index = plan->target,
        .checksums = gw_plan_checksums(m->run->migrations),
    };
    if (what == GO_ON || what == GO_BACK) {
        char *checksums = m->state.checksums;
        m->state = *s;
        m->state.checksums = checksums;
    } else if (what == GROW) {
        bool has_base = s->base_position > s->position;
        m->state.base_target = s->event_target;
        m->state.base_position = has_base ? s->base_position : s->position;
    }
    print_what_is_kept(m, what, s);
    return change_tables(m, what, err);
}

/* Brings the keyframes from where they were saved to the last migrated
 * position: migrates again without writing. */
static gw_code
replay(gw_mover *m, gw_error *err)
{
    gw_batch batch;
    int64_t position = m->state.keyframe_position;
    gw_code code = GW_OK;
    if (position == m->state.position) {
        return GW_OK;
    }
    gw_run_phase(m->run, GW_PHASE_REPLAY);
    gw_batch_init(&batch);
    while (code == GW_OK) {
        code = gw_store_read(m->run->store, GW_GENERATION_LIVE, position,
                             m->state.position, m->batch_bytes, &batch, err);
        if (code == GW_OK && batch.n == 0) {
            break;
        }
        for (size_t i = 0; code == GW_OK && i < batch.n; i++) {
            position = batch.positions[i].position;
            m->since_save += (int64_t)batch.positions[i].events.n;
            code = gw_pipeline_run(m->pipeline, &batch.arena,
                                   &batch.positions[i], err);
        }
        if (code == GW_OK) {
            (void)make_room(m, m->memory_bytes);
        }
        if (code == GW_OK && gw_run_is_stopped(m->run)) {
            code = gw_fail(err, GW_E_INTERRUPTED,
                           "stopped while going over positions that are "
                           "migrated already");
        }
    }
    gw_batch_clear(&batch);
    m->is_dirty = true;
    return code == GW_OK ? gw_pipeline_restart(m->pipeline, err) : code;
}

static void
count_totals(const gw_mover *m, const gw_plan *plan)
{
    gw_counters *c = m->run->counters;
    if (c == NULL) {
        return;
    }
    atomic_store(&c->positions_total, plan->counts.positions);
    atomic_store(&c->events_total, plan->counts.events);
    atomic_store(&c->positions_before, m->state.positions);
    atomic_store(&c->events_before, m->state.events);
    gw_count_done(m->run, &m->state);
}

static gw_code
start(gw_mover *m, const gw_plan *plan, gw_error *err)
{
    gw_code code = prepare_tables(m, plan, err);
    if (code != GW_OK) {
        return code;
    }
    m->began_at = m->state.position;
    m->pipeline =
        gw_pipeline_new(m->run->migrations, m->state.start_index,
                        m->state.keyframe_position > 0 ? &m->backing : NULL,
                        m->run->print, m->run->print_arg);
    count_totals(m, plan);
    code = gw_pipeline_restart(m->pipeline, err);
    if (code == GW_OK) {
        code = replay(m, err);
    }
    if (code == GW_OK) {
        code = gw_writer_open(m->run, m->state.checksums, m->batch_bytes,
                              &m->writer, err);
    }
    return code;
}

static void
init_recursive(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
}

gw_code
gw_mover_open(const gw_run *run, gw_plan *plan, gw_mover **out, gw_error *err)
{
    gw_mover *m = gw_calloc(1, sizeof(*m));
    m->run = run;
    m->batch_bytes =
        run->batch_bytes != 0 ? run->batch_bytes : gw_store_batch(run->store);
    m->memory_bytes =
        run->memory_bytes != 0 ? run->memory_bytes : GW_DEFAULT_MEMORY;
    m->keyframe_events = run->keyframe_events != 0 ? run->keyframe_events
                                                   : GW_DEFAULT_KEYFRAME_EVENTS;
    m->backing = (gw_keyframe_backing){m, load_model, list_models};
    init_recursive(&m->reading);
    gw_code code = start(m, plan, err);
    if (code != GW_OK) {
        gw_mover_close(m);
        return code;
    }
    *out = m;
    return GW_OK;
}

int64_t
gw_mover_position(const gw_mover *m)
{
    return m->state.position;
}

void
gw_mover_close(gw_mover *m)
{
    if (m == NULL) {
        return;
    }
    gw_writer_close(m->writer);
    gw_pipeline_free(m->pipeline);
    gw_run_state_clear(&m->state);
    pthread_mutex_destroy(&m->reading);
    free(m);
}
