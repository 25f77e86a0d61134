/* SPDX-License-Identifier: Apache-2.0 */
/** What the parts of the service share. */
#ifndef GW_SERVICE_SERVICE_PRIV_H
#define GW_SERVICE_SERVICE_PRIV_H

#include <pthread.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/units.h"
#include "service/service.h"

/* X(name, text) */
#define GW_OUTCOME_MAP(X)                                                      \
    X(RUNNING, "running")                                                      \
    X(COMPLETED, "completed")                                                  \
    X(FAILED, "failed")                                                        \
    X(CANCELLED, "cancelled")                                                  \
    X(INTERRUPTED, "interrupted")

typedef enum gw_outcome {
#define GW_OUTCOME_ENUM(name, text) GW_OUTCOME_##name,
    GW_OUTCOME_MAP(GW_OUTCOME_ENUM)
#undef GW_OUTCOME_ENUM
} gw_outcome;

const char *gw_outcome_name(gw_outcome outcome);

enum { GW_STEP_SIZE = 16 };

/** One run, as the journal has it. */
typedef struct gw_record {
    int64_t run;
    const gw_job *job;
    gw_job_options options;
    bool is_earlier; /* ended before this server began */
    gw_outcome outcome;
    int64_t start, end; /* Unix seconds; end 0: under way */
    int64_t duration_ms;
    int64_t tries;
    char step[GW_STEP_SIZE];   /* of an import; "": the job's */
    int64_t positions, events; /* of this run; -1: not known */
    char *error;               /* owned, or NULL */
    gw_code code;              /* of the error; GW_OK: none */
} gw_record;

/** The newest runs, oldest first. */
typedef struct gw_history {
    gw_record *at; /* room for GW_LIMIT_HISTORY */
    size_t n;
} gw_history;

/* journal.c: runs in a file of NDJSON, a record at the start and one at the
 * end of each. */
GW_MUST_CHECK gw_code gw_journal_read(int dir, gw_history *history,
                                      const gw_log *log, gw_error *err);
/** Makes a new file of what the history holds. */
GW_MUST_CHECK gw_code gw_journal_open(int dir, const gw_history *history,
                                      int *file, gw_error *err);
/** The lines of a history, and appending lines in one write that is synced. */
void gw_journal_put(const gw_history *history, gw_buf *out);
GW_MUST_CHECK gw_code gw_journal_write(int file, const gw_buf *lines,
                                       gw_error *err);
/** Appends and syncs a record: of the end when it has one. */
GW_MUST_CHECK gw_code gw_journal_add(int file, const gw_record *record,
                                     gw_error *err);
/** The newest; NULL when there is none. */
gw_record *gw_history_last(const gw_history *history);
/** The step that it shows. */
const char *gw_record_step(const gw_record *record);
/** Adds a zeroed one, forgetting the oldest when there are too many. */
gw_record *gw_history_push(gw_history *history);
void gw_history_clear(gw_history *history);
void gw_record_put(const gw_record *record, gw_buf *out);
/** The line of a record, without its end; and what such a line says. */
void gw_record_put_line(const gw_record *record, gw_buf *out);
bool gw_record_take_line(gw_slice line, gw_history *history);

/** What the prober last saw. */
typedef struct gw_probe {
    int64_t number; /* higher ones began later */
    int64_t at_us;  /* 0: never */
    int64_t at_s;   /* the same as Unix time */
    bool is_store_ok;
    bool has_state;
    gw_migration_state state;
    int64_t newest_position, migrated_position;
    int64_t lag_positions;
    int64_t current_index, event_target, target_index;
    bool is_empty;
    bool has_made; /* something that reset would forget */
    bool has_old_generation, can_rollback;
    char edited[128]; /* the first migration that was; or empty */
    gw_store_space space;
    char store[256]; /* its URI without a password */
    gw_code code;    /* why not */
    char problem[512];
    gw_buf pending; /* owned: a JSON list of migrations */
    int64_t n_pending;
} gw_probe;

enum { GW_SAMPLES = 11 }; /* five seconds */

typedef struct gw_sample {
    int64_t at_us, events, positions;
} gw_sample;

enum { GW_POINTS = 600 };

/** A point of the plot; -1: not known. */
typedef struct gw_point {
    int64_t at_ms; /* since the run began */
    int64_t events_per_second, lag_positions;
} gw_point;

/** All of the run under way, or of the last one. */
typedef struct gw_curve {
    gw_point at[GW_POINTS];
    size_t n;
    int64_t ticks, every; /* one of so many is taken */
} gw_curve;

/** The preview under way or the last one. */
typedef struct gw_preview_job {
    bool is_running;
    bool has_thread; /* to be joined */
    pthread_t thread;
    bool has_previous; /* the next one joins it */
    pthread_t previous;
    atomic_bool stop;
    int64_t begun, done; /* numbers */
    int64_t deadline_us;
    int64_t position, limit;
    gw_buf text; /* the answer of `done` */
} gw_preview_job;

struct gw_service {
    /* set once */
    char *store, *migrations;
    gw_service_options options;
    int dir, lock_file, journal;
    pthread_t prober;
    pthread_mutex_t journal_lock; /* of who writes to it; before `lock` */
    pthread_mutex_t changed_lock; /* held while `changed` is called */
    void (*changed)(void *arg);
    void *changed_arg;

    /* of the run under way */
    gw_counters counters;
    atomic_bool stop, pause;
    atomic_bool is_cancelled;
    pthread_mutex_t output_lock; /* a command has several threads */
    int output;                  /* file; -1: none */
    size_t output_bytes;

    pthread_mutex_t lock; /* for all below; held for moments only */
    pthread_cond_t wake;
    bool is_stopping;
    bool is_running;
    bool is_prober_done;
    pthread_t runner;
    bool has_runner;    /* to be joined */
    pthread_t previous; /* of the run before: the next one joins it */
    bool has_previous;
    gw_history history;
    char *tried_error; /* of the step under way; owned, or NULL */
    gw_probe probe;
    int64_t probes; /* begun so far */
    int64_t asked, answered;
    int64_t stats_asked, stats_answered;
    int64_t keep_asked, keep_answered;
    gw_manage_record to_keep;
    gw_code keep_code;
    gw_error keep_error;
    gw_manage_record manager; /* as the store has it */
    bool has_manager;
    gw_code manager_code; /* why it could not be read */
    gw_error manager_error;
    bool has_adopted; /* looked for runs that only the store knows */
    gw_stats stats;
    gw_code stats_code;
    gw_error stats_error;
    gw_sample samples[GW_SAMPLES];
    size_t n_samples;
    int64_t since_us; /* the run under way */
    int64_t errors[GW_CODE_COUNT];
    int64_t retries;
    gw_preview_job preview;
    gw_curve curve;
    int64_t runs_completed, runs_failed;
    int64_t events_read, positions_read; /* of ended runs */
};

/** Runs that were under way in an earlier server get their end. */
void gw_service_end_interrupted(gw_history *history, const gw_log *log);
/** Tells who listens. Without the lock. */
void gw_service_changed(gw_service *s);
/** The store alone, which a faulty folder of migrations does not hide. */
GW_MUST_CHECK gw_code gw_service_open_store(const gw_service *s, bool read_only,
                                            gw_store **out, gw_error *err);
/** Opens migrations and store for a run, and closes them. */
typedef struct gw_opened {
    gw_migrations migrations;
    gw_store *store;
} gw_opened;
GW_MUST_CHECK gw_code gw_service_open_both(const gw_service *s, bool read_only,
                                           gw_opened *out, gw_error *err);
void gw_service_close_both(gw_opened *opened);

/* member.c: members of a JSON object that has one before */

void gw_put_known(gw_buf *out, const char *key, bool is_known, int64_t value);
/** null when it is less than 0. */
void gw_put_number(gw_buf *out, const char *key, int64_t value);
/** null for NULL and for "". */
void gw_put_text(gw_buf *out, const char *key, const char *text);
/** Unix seconds; null for 0. */
void gw_put_time(gw_buf *out, const char *key, int64_t seconds);

/* keeper.c: what the store itself keeps of runs and managers */

/** Puts a run's record. What fails is only logged. */
void gw_keeper_put_run(gw_service *s, gw_store *store, const gw_record *record);
/** Puts the manager's record that is to be kept. */
void gw_keeper_put_manager(gw_service *s);
/** Reads the manager's record, and the runs when the journal has none. */
void gw_keeper_look(gw_service *s, gw_store *store);
/** The same where the store could not be opened. */
void gw_keeper_look_failed(gw_service *s, gw_code code, const gw_error *err);

/* state_dir.c */
GW_MUST_CHECK gw_code gw_state_dir_open(const char *path, int *dir,
                                        int *lock_file, gw_error *err);
int gw_state_output_open(int dir, int64_t run, bool write);
void gw_state_output_remove(int dir, int64_t run);

/* runner.c: the command's thread */
void *gw_runner_main(void *arg);

/* prober.c */
void *gw_prober_main(void *arg);
/** Looks at the store once; for the end of a run too. */
void gw_probe_now(gw_service *s);

/* checks.c */
/** Positions that are not migrated yet; -1: not known. */
int64_t gw_probe_lag(const gw_probe *probe);

/* samples.c; both with the lock */
void gw_curve_begin(gw_service *s);
void gw_curve_add(gw_service *s);

/** With the lock: events a second of the run under way; -1: not known. */
int64_t gw_service_rate(gw_service *s);

/* previewer.c */
/** With the lock: stops a preview that is too long on its way. */
void gw_previewer_check(gw_service *s);

#endif
