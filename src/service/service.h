/* SPDX-License-Identifier: Apache-2.0 */
/** One command at a time on one store, in a thread of its own: its output,
 *  its result, the history of all. Knows nothing of HTTP.
 *
 *  Threads: every call may be made by any thread, and none but
 *  gw_service_open and gw_service_close waits for the store or for a disk to
 *  sync: a prober thread asks the store, the command's thread writes.
 *  Source: http-api.md; design.md, Service */
#ifndef GW_SERVICE_SERVICE_H
#define GW_SERVICE_SERVICE_H

#include "base/limits.h"
#include "base/log.h"
#include "engine/engine.h"
#include "service/manager.h"

typedef struct gw_service gw_service;

/** What the service works on. Everything is copied. */
typedef struct gw_service_options {
    const char *store;      /* URI; may hold a password */
    const char *migrations; /* the folder */
    const char *state_dir;  /* made when it is not there */
    gw_migration_limits limits;
    size_t batch_bytes, memory_bytes;
    int64_t keyframe_events;
    int lock_wait_ms;
    const char *source;     /* the only one to import from; borrowed; or NULL */
    const char *token_file; /* its token, so not without a source; the same */
    const char *tls_ca;     /* the same */
    bool allow_plaintext;   /* that token over HTTP to other machines */
    const gw_log *log;      /* borrowed; or NULL */
} gw_service_options;

/** What runs in the thread. */
typedef struct gw_job {
    const char *name; /* "migrate" */
    const char *step; /* as the result shows it */
    gw_code (*work)(const gw_run *run, gw_error *err);
    bool may_restart; /* takes restart, keep_migrated */
    bool has_source;  /* import: wants a source; work is NULL */
} gw_job;

/** How it runs; as the options of the command line. */
typedef struct gw_job_options {
    bool verbose;
    bool restart, keep_migrated; /* for edited migrations; at most one */
    char source[GW_LIMIT_SOURCE_URL + 1]; /* import: the server's URL */
} gw_job_options;

typedef enum gw_control {
    GW_CONTROL_CANCEL,
    GW_CONTROL_PAUSE,
    GW_CONTROL_RESUME,
} gw_control;

/**
 * Takes the state folder, reads the history, starts the prober. A run that
 * was under way when the last server ended gets its end record now. The
 * store need not be reachable.
 *
 * Errors: GW_E_USAGE for the folder; GW_E_LOCKED when another server has
 *         it; those of the migrations.
 */
GW_MUST_CHECK gw_code gw_service_open(const gw_service_options *options,
                                      gw_service **out, gw_error *err);

/** Refuses new commands and asks the one under way to stop. */
void gw_service_stop(gw_service *service);

/** Stops, waits for at most wait_ms and frees everything. False: a thread
 *  still waits for the store, nothing was freed, and the process should end
 *  now; that is safe, as a kill is. */
bool gw_service_close(gw_service *service, int wait_ms);

/** Called after every change, by the thread that made it; it may ask the
 *  service anything. NULL: not any more, once this returns. */
void gw_service_on_change(gw_service *service, void (*changed)(void *arg),
                          void *arg);

/** The only source to import from; NULL: any. */
const char *gw_service_source(const gw_service *service);

/** The job of that name, NULL for none. */
const gw_job *gw_job_find(gw_slice name);

/**
 * Starts a job; *run is its number.
 *
 * Errors: GW_E_STATE while another runs; GW_E_INTERRUPTED after
 *         gw_service_stop; GW_E_LIMIT when no thread can be made.
 */
GW_MUST_CHECK gw_code gw_service_issue(gw_service *service, const gw_job *job,
                                       const gw_job_options *options,
                                       int64_t *run, gw_error *err);
/** Errors: GW_E_STATE when nothing runs. */
GW_MUST_CHECK gw_code gw_service_control(gw_service *service,
                                         gw_control control, gw_error *err);

bool gw_service_is_running(gw_service *service);
/** The run under way or the last one, 0 for none. */
int64_t gw_service_last_run(gw_service *service);

/** Asks for a fresh look at the store: of its state or, `full`, for stats.
 *  The number is for gw_service_has_probed. */
int64_t gw_service_ask(gw_service *service, bool full);
bool gw_service_has_probed(gw_service *service, bool full, int64_t number);
/** Age of what is known of the store's state; -1 for nothing. */
int64_t gw_service_state_age_ms(gw_service *service);

/** Has the prober keep a manager's record in the store. The number is for
 *  gw_service_has_kept. */
int64_t gw_service_keep_manager(gw_service *service,
                                const gw_manage_record *record);
bool gw_service_has_kept(gw_service *service, int64_t number);
/** How the last look at the kept record went. Errors: those of the store. */
GW_MUST_CHECK gw_code gw_service_read_manager(gw_service *service,
                                              gw_error *err);
/** How the last keeping went. Errors: those of the store. */
GW_MUST_CHECK gw_code gw_service_kept(gw_service *service, gw_error *err);

/**
 * Begins to make what gw_preview prints, in a thread of its own; *number is
 * for the two calls below. One at a time, within the limits of limits.h.
 *
 * Errors: GW_E_LOCKED while another is made; GW_E_INTERRUPTED after
 *         gw_service_stop; GW_E_LIMIT when no thread can be made.
 */
GW_MUST_CHECK gw_code gw_service_preview(gw_service *service, int64_t position,
                                         int64_t limit, int64_t *number,
                                         gw_error *err);
bool gw_service_has_previewed(gw_service *service, int64_t number);

/** Takes a sample for the rate; to be called twice a second. True while a
 *  command runs. */
bool gw_service_tick(gw_service *service);

/* ---- reports, as JSON ---- */

/** {"success","status","output"?,"exception"?,"progress"?}. */
void gw_service_put_answer(gw_service *service, bool with_progress,
                           gw_buf *out);
/** The members of `progress`, as an object. */
void gw_service_put_progress(gw_service *service, gw_buf *out);
/** {"run","at_ms":[…],"events_per_second":[…],"lag_positions":[…]} of
 *  the run under way or, in this server's lifetime, the last one. */
void gw_service_put_samples(gw_service *service, gw_buf *out);
/** {"status","step","last_err","try_count"}. */
void gw_service_put_result(gw_service *service, gw_buf *out);
/** What may be done now and why not, and whether a cutover would go well. */
void gw_service_put_checks(gw_service *service, gw_buf *out);
/** {"success","changes":[…],"truncated","error"}. Errors: GW_E_LOCKED when
 *  another preview has taken its place. */
GW_MUST_CHECK gw_code gw_service_put_preview(gw_service *service,
                                             int64_t number, gw_buf *out,
                                             gw_error *err);
/** {"success","stats"}. Errors: those of the store. */
GW_MUST_CHECK gw_code gw_service_put_stats(gw_service *service, gw_buf *out,
                                           gw_error *err);
/** The manager's record, as the store had it last; null for none. */
void gw_service_put_manager(gw_service *service, gw_buf *out);
/** {"runs":[…],"next":N|null,"manager":{…}|null}: at most `limit` runs with a
 * number below `before` (0: all), newest first. */
void gw_service_put_history(gw_service *service, int64_t before, int64_t limit,
                            gw_buf *out);

/** Appends the newest whole lines of a run's output, at most `most` bytes. */
void gw_service_read_newest(gw_service *service, int64_t run, size_t most,
                            gw_buf *out);
/** Appends at most `most` bytes of a run's output from `offset` on. */
void gw_service_read_output(gw_service *service, int64_t run, int64_t offset,
                            size_t most, gw_buf *out);

/** Numbers for metrics; -1: not known. */
typedef struct gw_service_view {
    bool is_running, is_paused;
    bool is_store_ok, has_state;
    gw_migration_state state;
    gw_phase phase;
    int64_t probe_age_ms;
    int64_t newest_position, migrated_position, lag_positions;
    int64_t events_per_second, seconds_left;
    int64_t runs_completed, runs_failed; /* since the server started */
    int64_t events_read, positions_read; /* since the server started */
    int64_t errors[GW_CODE_COUNT];       /* failed runs by code */
    int64_t retries; /* runs that were not the first attempt */
    int64_t cutover_us;
    char problem[512]; /* why the store or its state is not known */
} gw_service_view;

void gw_service_look(gw_service *service, gw_service_view *out);

#endif
