/* SPDX-License-Identifier: Apache-2.0 */
/* What may be done now and why not, and whether a cutover would go well:
 * tables of judgements on what the prober saw last. Advice: the engine makes
 * the same checks itself, on the store as it is then. */
#include <inttypes.h>

#include "service/service_priv.h"

/* What is judged: a copy, taken with the lock. */
typedef struct outlook {
    bool is_running, is_paused;
    int64_t run;         /* 0: none */
    const char *command; /* of the run under way or last; NULL: none */
    gw_outcome outcome;
    gw_probe probe; /* its list of migrations is not ours */
} outlook;

int64_t
gw_probe_lag(const gw_probe *probe)
{
    return probe->has_state ? probe->lag_positions : -1;
}

static void
put_problem(const outlook *o, gw_buf *why)
{
    gw_buf_text(why, o->probe.problem[0]
                         ? o->probe.problem
                         : "The store has not been looked at yet");
}

/* ---- actions: nothing in `why` when it is allowed ---- */

static void
judge_migrate(const outlook *o, gw_buf *why)
{
    const gw_probe *p = &o->probe;

    if (p->is_empty)
        gw_buf_text(why, "The store has no positions");
    else if (p->state == GW_STATE_NO_MIGRATION_REQUIRED)
        gw_buf_text(why, "No migration is pending");
    else if (p->current_index >= p->event_target && p->current_index != -1)
        gw_buf_text(why, "Only model migrations are pending; finalize runs "
                         "them");
    else if (p->state == GW_STATE_FINALIZATION_REQUIRED &&
             p->current_index != -1)
        gw_buf_text(why, "Every position is migrated; finalize is next");
}

static void
judge_finalize(const outlook *o, gw_buf *why)
{
    if (o->probe.is_empty)
        gw_buf_text(why, "The store has no positions");
    else if (o->probe.state == GW_STATE_NO_MIGRATION_REQUIRED)
        gw_buf_text(why, "No migration is pending");
}

static bool
can_wait(const char *command)
{
    static const char *const COMMANDS[] = {"migrate", "finalize", "import"};

    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
        if (strcmp(command, COMMANDS[i]) == 0)
            return true;
    return false;
}

static void
judge_pause(const outlook *o, gw_buf *why)
{
    if (o->is_paused)
        gw_buf_text(why, "It is paused");
    else if (!can_wait(o->command))
        gw_buf_printf(why, "%s cannot be paused", o->command);
}

static void
judge_resume(const outlook *o, gw_buf *why)
{
    if (!o->is_paused)
        gw_buf_text(why, "It is not paused");
}

static void
judge_reset(const outlook *o, gw_buf *why)
{
    if (!o->probe.has_made)
        gw_buf_text(why, "Nothing is migrated that could be forgotten");
}

static void
judge_rollback(const outlook *o, gw_buf *why)
{
    if (!o->probe.has_old_generation)
        gw_buf_text(why, "There is no old generation to go back to");
    else if (!o->probe.can_rollback)
        gw_buf_text(why, "Something was written since the cutover");
}

static void
judge_discard(const outlook *o, gw_buf *why)
{
    if (!o->probe.has_old_generation)
        gw_buf_text(why, "There is no old generation");
}

enum {
    IDLE = 1,     /* nothing may be running */
    RUNNING = 2,  /* something must be */
    STATE = 4,    /* the store's state must be known */
    UNEDITED = 8, /* no migration may have been edited */
};

static const struct {
    const char *name;
    int needs;
    void (*judge)(const outlook *o, gw_buf *why); /* or NULL */
} ACTIONS[] = {
    {"import", IDLE, NULL},
    {"migrate", IDLE | STATE | UNEDITED, judge_migrate},
    {"finalize", IDLE | STATE | UNEDITED, judge_finalize},
    {"pause", RUNNING, judge_pause},
    {"resume", RUNNING, judge_resume},
    {"cancel", RUNNING, NULL},
    {"verify", IDLE | STATE, NULL},
    {"reset", IDLE | STATE, judge_reset},
    {"rollback", IDLE | STATE, judge_rollback},
    {"discard", IDLE | STATE, judge_discard},
};

static void
put_edited(const outlook *o, gw_buf *out)
{
    gw_buf_printf(out,
                  "%s was edited after positions were migrated with it; "
                  "reset first",
                  o->probe.edited);
}

static void
judge_action(const outlook *o, size_t i, gw_buf *why)
{
    int needs = ACTIONS[i].needs;

    if (needs & IDLE && o->is_running)
        gw_buf_printf(why, "%s is running", o->command);
    else if (needs & RUNNING && !o->is_running)
        gw_buf_text(why, "Nothing is running");
    else if (needs & STATE && !o->probe.has_state)
        put_problem(o, why);
    else if (needs & UNEDITED && o->probe.edited[0])
        put_edited(o, why);
    else if (ACTIONS[i].judge)
        ACTIONS[i].judge(o, why);
}

static void
put_actions(const outlook *o, gw_buf *out)
{
    gw_buf why = {0};
    bool is_first = true;

    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(ACTIONS[0]); i++) {
        if (ACTIONS[i].needs & IDLE &&
            !gw_job_find(gw_slice_of(ACTIONS[i].name)))
            continue;
        why.len = 0;
        judge_action(o, i, &why);
        gw_buf_printf(out, "%s{\"name\":\"%s\",\"allowed\":%s",
                      is_first ? "" : ",", ACTIONS[i].name,
                      why.len ? "false" : "true");
        gw_put_text(out, "reason", gw_buf_cstr(&why));
        gw_buf_byte(out, '}');
        is_first = false;
    }
    gw_buf_clear(&why);
}

/* ---- checks ---- */

typedef enum verdict {
    BAD,
    GOOD,
    UNKNOWN,
} verdict;

static verdict
check_idle(const outlook *o, gw_buf *text)
{
    if (o->is_running)
        gw_buf_printf(text, "%s is %s", o->command,
                      o->is_paused ? "paused" : "running");
    else
        gw_buf_text(text, "Nothing is running");
    return o->is_running ? BAD : GOOD;
}

static verdict
check_store(const outlook *o, gw_buf *text)
{
    const gw_probe *p = &o->probe;

    if (!p->at_us) {
        put_problem(o, text);
        return UNKNOWN;
    }
    if (p->code != GW_OK && p->code != GW_E_FILE) {
        put_problem(o, text);
        return BAD;
    }
    gw_buf_text(text, "The store answers");
    return GOOD;
}

static verdict
check_migrations(const outlook *o, gw_buf *text)
{
    const gw_probe *p = &o->probe;

    if (p->code == GW_E_FILE) {
        put_problem(o, text);
        return BAD;
    }
    if (!p->has_state) {
        gw_buf_text(text, "Not known");
        return UNKNOWN;
    }
    if (p->edited[0]) {
        put_edited(o, text);
        return BAD;
    }
    gw_buf_printf(text, "All of them load; %" PRId64 " %s pending",
                  p->n_pending, p->n_pending == 1 ? "is" : "are");
    return GOOD;
}

static verdict
check_caught_up(const outlook *o, gw_buf *text)
{
    int64_t ahead = gw_probe_lag(&o->probe);

    if (ahead < 0) {
        gw_buf_text(text, "Not known");
        return UNKNOWN;
    }
    if (o->probe.state == GW_STATE_NO_MIGRATION_REQUIRED) {
        gw_buf_text(text, "Nothing is to be migrated");
        return UNKNOWN;
    }
    if (ahead == 0) {
        gw_buf_text(text, "Every position is migrated");
        return GOOD;
    }
    gw_units_put_count(text, ahead);
    gw_buf_printf(text, " %s not migrated yet",
                  ahead == 1 ? "position is" : "positions are");
    return BAD;
}

static verdict
check_last_run(const outlook *o, gw_buf *text)
{
    if (!o->command) {
        gw_buf_text(text, "There was no run yet");
        return UNKNOWN;
    }
    gw_buf_printf(text, "%s %s%s", o->command, o->is_running ? "is " : "",
                  gw_outcome_name(o->outcome));
    return o->is_running                        ? UNKNOWN
           : o->outcome == GW_OUTCOME_COMPLETED ? GOOD
                                                : BAD;
}

static void
put_bytes(gw_buf *out, int64_t bytes)
{
    if (bytes < GW_GIB)
        gw_buf_printf(out, "%" PRId64 " MiB", bytes / GW_MIB);
    else
        gw_buf_printf(out, "%.1f GiB", (double)bytes / (double)GW_GIB);
}

/* Migrating writes a second generation; the cutover little. The share that
 * is not migrated yet, of what the store takes now, and a tenth. */
static verdict
check_disk(const outlook *o, gw_buf *text)
{
    const gw_probe *p = &o->probe;
    int64_t ahead = gw_probe_lag(p);

    if (p->space.free < 0 || p->space.used < 0 || ahead < 0) {
        gw_buf_text(text, "The free space on the store's disk cannot be seen "
                          "from here");
        return UNKNOWN;
    }
    double share =
        p->newest_position > 0 ? (double)ahead / (double)p->newest_position : 0;
    int64_t need =
        (int64_t)((double)p->space.used * (share + 0.1)) + 16 * GW_MIB;
    put_bytes(text, p->space.free);
    gw_buf_text(text, " are free, about ");
    put_bytes(text, need);
    gw_buf_text(text, " are needed");
    return p->space.free >= need ? GOOD : BAD;
}

static verdict
check_way_back(const outlook *o, gw_buf *text)
{
    const gw_probe *p = &o->probe;

    if (!p->has_state) {
        gw_buf_text(text, "Not known");
        return UNKNOWN;
    }
    if (!p->has_old_generation)
        gw_buf_text(text, "A cutover keeps the old generation for rollback");
    else if (p->state == GW_STATE_NO_MIGRATION_REQUIRED)
        gw_buf_text(text, p->can_rollback
                              ? "The old generation is there for rollback"
                              : "The old generation is there, but something "
                                "was written since");
    else
        gw_buf_text(text, "A cutover replaces the old generation that is "
                          "there");
    return GOOD;
}

static const struct {
    const char *name;
    verdict (*check)(const outlook *o, gw_buf *text);
} CHECKS[] = {
    {"idle", check_idle},
    {"store", check_store},
    {"migrations", check_migrations},
    {"caught_up", check_caught_up},
    {"last_run", check_last_run},
    {"disk", check_disk},
    {"way_back", check_way_back},
};

/* True when none is bad. */
static bool
put_each_check(const outlook *o, gw_buf *out)
{
    static const char *const WORDS[] = {"false", "true", "null"};
    gw_buf text = {0};
    bool is_fine = true;

    for (size_t i = 0; i < sizeof(CHECKS) / sizeof(CHECKS[0]); i++) {
        text.len = 0;
        verdict v = CHECKS[i].check(o, &text);
        is_fine = is_fine && v != BAD;
        gw_buf_printf(out, "%s{\"name\":\"%s\",\"ok\":%s,\"text\":",
                      i == 0 ? "" : ",", CHECKS[i].name, WORDS[v]);
        gw_json_put_text(out, gw_buf_as_slice(&text));
        gw_buf_byte(out, '}');
    }
    gw_buf_clear(&text);
    return is_fine;
}

/* ---- the whole ---- */

static void
put_store(const outlook *o, gw_buf *out)
{
    const gw_probe *p = &o->probe;

    gw_put_text(out, "store", p->store);
    gw_put_time(out, "looked_at", p->at_us ? p->at_s : 0);
    gw_put_known(out, "current_index", p->has_state, p->current_index);
    gw_put_known(out, "target_index", p->has_state, p->target_index);
    gw_put_known(out, "newest_position", p->has_state, p->newest_position);
    gw_put_known(out, "migrated_position", p->has_state, p->migrated_position);
    gw_put_known(out, "store_bytes", p->space.used >= 0, p->space.used);
    gw_put_known(out, "free_bytes", p->space.free >= 0, p->space.free);
}

static void
take_outlook(gw_service *s, outlook *o, gw_buf *pending)
{
    pthread_mutex_lock(&s->lock);
    const gw_record *last = gw_history_last(&s->history);
    *o = (outlook){
        .is_running = s->is_running,
        .is_paused = s->is_running && atomic_load(&s->pause),
        .run = last ? last->run : 0,
        .command = last ? last->job->name : NULL,
        .outcome = last ? last->outcome : GW_OUTCOME_COMPLETED,
        .probe = s->probe,
    };
    gw_buf_slice(pending, gw_buf_as_slice(&s->probe.pending));
    pthread_mutex_unlock(&s->lock);
    o->probe.pending = (gw_buf){0};
}

void
gw_service_put_checks(gw_service *service, gw_buf *out)
{
    gw_buf pending = {0};
    outlook o;

    take_outlook(service, &o, &pending);
    gw_buf_text(out, "{\"state\":");
    if (o.is_running)
        gw_buf_text(out, "\"migration_running\"");
    else if (o.probe.has_state)
        gw_buf_printf(out, "\"%s\"", gw_migration_state_name(o.probe.state));
    else
        gw_buf_text(out, "null");
    gw_put_known(out, "run", o.run > 0, o.run);
    gw_put_text(out, "running", o.is_running ? o.command : NULL);
    gw_buf_printf(out, ",\"paused\":%s", o.is_paused ? "true" : "false");
    put_store(&o, out);
    gw_buf_text(out, ",\"actions\":[");
    put_actions(&o, out);
    gw_buf_text(out, "],\"checks\":[");
    bool is_fine = put_each_check(&o, out);
    bool is_ready = is_fine && o.probe.has_state &&
                    o.probe.state == GW_STATE_FINALIZATION_REQUIRED &&
                    !o.probe.is_empty;
    gw_buf_printf(out,
                  "],\"ready\":%s,\"pending_total\":%" PRId64 ",\"pending\":[",
                  is_ready ? "true" : "false", o.probe.n_pending);
    gw_buf_slice(out, gw_buf_as_slice(&pending));
    gw_buf_text(out, "]}");
    gw_buf_clear(&pending);
}
