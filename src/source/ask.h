/* SPDX-License-Identifier: Apache-2.0 */
/** Questions to a source's server: asked again, with growing pauses, until
 *  they are answered or given up. What an answer means is the source's. */
#ifndef GW_SOURCE_ASK_H
#define GW_SOURCE_ASK_H

#include "net/fetch.h"
#include "source/import_priv.h"

/** What became of a question. */
typedef enum gw_ask_state {
    GW_ASK_IDLE,    /* nothing was asked */
    GW_ASK_WAITING, /* no answer yet */
    GW_ASK_ANSWERED,
    GW_ASK_REFUSED, /* no answer to this one: the server says no (400), or
                       fails with it and with nothing else */
} gw_ask_state;

/** Tells a refusal that is final, and need not be asked again to be sure. */
typedef bool (*gw_ask_is_final)(gw_slice message);
/** Makes a question that a source that is well answers. */
typedef void (*gw_ask_control)(gw_buf *path, gw_buf *body, uint64_t random);
/** Appends what to do about a status that ends the import; or nothing. */
typedef void (*gw_ask_advise)(gw_buf *out, int status, gw_slice path);

/** One server, asked by one thread. */
typedef struct gw_asker {
    gw_importing *im;
    gw_fetch *fetch;
    gw_buf token; /* of the header "token"; at NULL for none */
    bool was_reached;
    uint64_t seed; /* of the jitter */
    gw_ask_is_final is_final;
    gw_ask_advise advise;
    gw_ask_control control; /* its answer is a list, or a final refusal */
} gw_asker;

/** One question; zeroed is idle. Must not move while it waits. */
typedef struct gw_ask {
    gw_fetch_item item;
    gw_net_header header;
    gw_buf path, body, label; /* label: "slot 17", for messages */
    gw_ask_state state;
    int64_t tries, refusals;
    int64_t failing_since_us; /* 0: the latest try did not fail */
    bool is_long;             /* a list: no limit on its whole time */
    bool is_vital;            /* the import ends when it is given up */
    int64_t most_tries;       /* 0: those of the options */
    bool has_nul;             /* the answer's text holds a NUL; the source's */
    gw_arena arena;           /* of the answer */
    gw_buf message;           /* what a refusal's body says */
    gw_buf refusal;           /* why there is no answer: "400 message" */
    /** Called before each try, for those who take the answer in pieces. */
    void (*again)(void *arg);
    void *again_arg;
} gw_ask;

/** Opens; the functions are the caller's to set before. The token file is
 *  read here. */
GW_MUST_CHECK gw_code gw_asker_open(gw_asker *asker, gw_importing *im,
                                    gw_error *err);
void gw_asker_close(gw_asker *asker);
/** How many questions are worth asking at a time: some more than there are
 *  requests, so that there is always one to send. */
size_t gw_asker_most(const gw_asker *asker);

/** Asks what path, body (at NULL: a GET) and label hold. */
void gw_ask_send(gw_asker *asker, gw_ask *ask);
/**
 * Looks whether an answer has come, and asks again where that is due. One
 * that fails for too long is refused if the server is well but for it.
 *
 * Errors: GW_E_SOURCE, GW_E_SERVER when the server is not well;
 *         GW_E_INTERRUPTED.
 */
GW_MUST_CHECK gw_code gw_ask_look(gw_asker *asker, gw_ask *ask, gw_error *err);
/** Takes an answer for a failed try: it was cut, or is no JSON. `why` is
 *  for the message. It waits or is refused afterwards. Errors as
 *  gw_ask_look. */
GW_MUST_CHECK gw_code gw_ask_again(gw_asker *asker, gw_ask *ask,
                                   const char *why, gw_error *err);
/** Waits for one question. GW_E_INTERRUPTED when the run is to stop. */
GW_MUST_CHECK gw_code gw_ask_wait(gw_asker *asker, gw_ask *ask, gw_error *err);
/** Whether the try that failed now would be the last. */
bool gw_ask_is_last_try(const gw_asker *asker, const gw_ask *ask);
/** The answer's body. */
gw_slice gw_ask_body(const gw_ask *ask);
/** Back to idle; what is under way is broken off. */
void gw_ask_clear(gw_asker *asker, gw_ask *ask);

/** How long to wait before try `tries` + 1, for a random number. */
int64_t gw_ask_pause_ms(int64_t tries, uint64_t random);

/* ---- flow.c: many questions at a time, taken in their order ---- */

/** One unit of work. The source's own struct begins with it. */
typedef struct gw_task {
    gw_ask ask;
} gw_task;

typedef struct gw_flow {
    size_t task_size;
    /** Makes the next task and sends its first question; *has false at the
     *  end. The task is zeroed. */
    gw_code (*next)(void *self, gw_task *task, bool *has, gw_error *err);
    /** An answer or a refusal has come; may ask the next question. In any
     *  order of the tasks. */
    gw_code (*reply)(void *self, gw_task *task, gw_error *err);
    /** Takes what is there of the first task; *is_over when that was all of
     *  it, *took when it was something. */
    gw_code (*take)(void *self, gw_task *task, bool *took, bool *is_over,
                    gw_error *err);
    /** Frees what reply has made; or NULL. */
    void (*clear)(void *self, gw_task *task);
    /** Now and then, for each task that waits for no answer: it may ask what
     *  it put off. The first one must. Or NULL. */
    void (*go_on)(void *self, gw_task *task, bool is_first);
    size_t least_tasks; /* at a time, where gw_asker_most is fewer */
} gw_flow;

/** Runs all tasks. What is taken is taken in the order of `next`. */
GW_MUST_CHECK gw_code gw_flow_run(gw_asker *asker, const gw_flow *flow,
                                  void *self, gw_error *err);

#endif
