/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that looks at the store, so that nobody who answers a request
 * has to wait for it. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "engine/plan.h"
#include "service/service_priv.h"

/* An idle store is looked at rarely: who asks gets a fresh look. */
enum { IDLE_S = 10, RUNNING_S = 2 };

enum { COUNTED = 100000 }; /* positions: some ten milliseconds */

/* As gw_plan_state, without counting rows. */
static gw_migration_state
state_of(const gw_plan *plan)
{
    const gw_run_state *state = &plan->state;

    if (plan->is_empty || plan->current == -1)
        return GW_STATE_FINALIZATION_REQUIRED;
    if (plan->current == plan->target)
        return GW_STATE_NO_MIGRATION_REQUIRED;
    if (plan->current >= plan->event_target)
        return GW_STATE_FINALIZATION_REQUIRED;
    return state->event_target == plan->event_target &&
                   state->position >= plan->counts.max_position
               ? GW_STATE_FINALIZATION_REQUIRED
               : GW_STATE_MIGRATION_REQUIRED;
}

/* Positions that are not migrated: counted while they are few, as numbers
 * may be missing between them. Far behind, the numbers' distance will do. */
static int64_t
count_lag(gw_store *store, const gw_probe *probe)
{
    int64_t distance = probe->newest_position - probe->migrated_position;
    int64_t counted = 0;

    if (distance <= 0)
        return 0;
    if (gw_store_count_after(store, probe->migrated_position, COUNTED + 1,
                             &counted, NULL) != GW_OK ||
        counted > COUNTED)
        return distance;
    return counted;
}

/* Those that are not applied yet: what the next finalize brings. */
static void
put_pending(const gw_migrations *all, gw_probe *probe)
{
    gw_buf *out = &probe->pending;

    for (size_t i = 0; i < all->n; i++) {
        const gw_migration *m = &all->at[i];
        bool is_model = m->type == GW_MIGRATION_MODEL;
        if (m->index <= probe->current_index ||
            ++probe->n_pending > GW_LIMIT_PENDING)
            continue;
        gw_buf_printf(out, "%s{\"index\":%" PRId64 ",\"file\":",
                      out->len > 0 ? "," : "", m->index);
        gw_json_put_text(out, gw_slice_of(m->file));
        gw_buf_printf(out, ",\"type\":\"%s\",\"kind\":\"%s\"",
                      is_model ? "model" : "event", m->ops->kind);
        gw_put_text(out, "description", m->description);
        gw_buf_byte(out, '}');
    }
}

static void
take_plan(const gw_plan *plan, const gw_opened *opened, gw_probe *probe)
{
    bool is_done = plan->current >= plan->event_target;
    const char *edited = gw_plan_edits(plan, &opened->migrations).edited;

    probe->has_state = true;
    probe->state = state_of(plan);
    probe->newest_position = plan->counts.max_position;
    probe->migrated_position = is_done ? plan->counts.max_position
                               : plan->state.event_target == plan->event_target
                                   ? plan->state.position
                                   : 0;
    probe->current_index = plan->current;
    probe->event_target = plan->event_target;
    probe->target_index = plan->target;
    probe->is_empty = plan->is_empty;
    probe->has_made = plan->state.event_target != 0;
    probe->has_old_generation = plan->counts.has_old_generation;
    probe->can_rollback = plan->counts.can_rollback;
    (void)snprintf(probe->edited, sizeof(probe->edited), "%s",
                   edited ? edited : "");
    put_pending(&opened->migrations, probe);
}

static void
look_at_plan(const gw_opened *opened, gw_probe *probe, gw_error *err)
{
    gw_run run = {.store = opened->store, .migrations = &opened->migrations};
    gw_plan plan;

    probe->code = gw_plan_make(&run, false, &plan, err);
    probe->is_store_ok = probe->code != GW_E_STORE;
    if (probe->code != GW_OK)
        return;
    take_plan(&plan, opened, probe);
    probe->lag_positions = count_lag(opened->store, probe);
    gw_plan_clear(&plan);
}

/* First what needs no migrations: their folder may be faulty. */
static void
look(gw_service *s, gw_probe *probe, gw_error *err)
{
    gw_opened opened;

    probe->code = gw_service_open_store(s, true, &opened.store, err);
    probe->is_store_ok = probe->code == GW_OK;
    if (probe->code != GW_OK) {
        gw_keeper_look_failed(s, probe->code, err);
        return;
    }
    (void)snprintf(probe->store, sizeof(probe->store), "%s",
                   gw_store_name(opened.store));
    probe->space = gw_store_space_of(opened.store);
    gw_keeper_look(s, opened.store);
    probe->code = gw_migrations_open(s->migrations, &s->options.limits,
                                     &opened.migrations, err);
    if (probe->code == GW_OK) {
        look_at_plan(&opened, probe, err);
        gw_migrations_close(&opened.migrations);
    }
    gw_store_close(opened.store);
}

void
gw_probe_now(gw_service *s)
{
    gw_probe probe = {.space = {-1, -1}};
    gw_error err = {0};

    pthread_mutex_lock(&s->lock);
    probe.number = ++s->probes;
    pthread_mutex_unlock(&s->lock);
    look(s, &probe, &err);
    probe.at_us = gw_clock_us();
    probe.at_s = (int64_t)time(NULL);
    (void)snprintf(probe.problem, sizeof(probe.problem), "%.*s",
                   (int)sizeof(probe.problem) - 1, err.text);

    pthread_mutex_lock(&s->lock);
    bool is_news = probe.number > s->probe.number;
    bool is_change = is_news && (probe.has_state != s->probe.has_state ||
                                 probe.is_store_ok != s->probe.is_store_ok);
    gw_buf unused = is_news ? s->probe.pending : probe.pending;
    if (is_news)
        s->probe = probe;
    pthread_mutex_unlock(&s->lock);
    gw_buf_clear(&unused);
    if (is_change)
        gw_log_put(
            s->options.log, probe.has_state ? GW_LOG_INFO : GW_LOG_WARN,
            probe.has_state ? "the store answers"
                            : "the store's state is not known",
            GW_LOG_TEXT("state", probe.has_state
                                     ? gw_migration_state_name(probe.state)
                                     : "unknown"),
            GW_LOG_TEXT("err", probe.problem));
}

static void
count_all(gw_service *s)
{
    gw_opened opened;
    gw_stats stats = {0};
    gw_error err = {0};

    pthread_mutex_lock(&s->lock);
    int64_t number = s->stats_asked;
    pthread_mutex_unlock(&s->lock);
    gw_code code = gw_service_open_both(s, true, &opened, &err);
    if (code == GW_OK) {
        gw_run run = {.store = opened.store, .migrations = &opened.migrations};
        code = gw_stats_get(&run, &stats, &err);
        gw_service_close_both(&opened);
    }
    pthread_mutex_lock(&s->lock);
    s->stats = stats;
    s->stats_code = code;
    s->stats_error = err;
    s->stats_answered = number;
    pthread_mutex_unlock(&s->lock);
}

/* With the lock: sleeps until something is asked, or it is time. */
static void
wait_for_work(gw_service *s)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += s->is_running ? RUNNING_S : IDLE_S;
    while (!s->is_stopping && s->asked == s->answered &&
           s->stats_asked == s->stats_answered &&
           s->keep_asked == s->keep_answered)
        if (pthread_cond_timedwait(&s->wake, &s->lock, &until) != 0)
            return;
}

/* With the lock, which it lets go of: the most pressing piece of work. */
static void
do_work(gw_service *s)
{
    bool must_keep = s->keep_asked != s->keep_answered;
    bool must_count = s->stats_asked != s->stats_answered;
    int64_t asked = s->asked;

    pthread_mutex_unlock(&s->lock);
    if (must_keep)
        gw_keeper_put_manager(s);
    else if (must_count)
        count_all(s);
    else
        gw_probe_now(s);
    pthread_mutex_lock(&s->lock);
    if (!must_keep && !must_count)
        s->answered = asked;
}

void *
gw_prober_main(void *arg)
{
    gw_service *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->is_stopping) {
        do_work(s);
        pthread_mutex_unlock(&s->lock);
        gw_service_changed(s);
        pthread_mutex_lock(&s->lock);
        wait_for_work(s);
    }
    s->is_prober_done = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
