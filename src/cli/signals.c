/* SPDX-License-Identifier: Apache-2.0 */
/* Signals are waited for by a thread, so nothing runs inside a handler and
 * no flag has to be global. */
#include "cli/signals_priv.h"

#include <unistd.h>

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};

static void *
wait_for_signals(void *arg)
{
    gw_signals *s = arg;
    int number;

    for (bool asked = false;; asked = true) {
        if (sigwait(&s->set, &number) != 0)
            return NULL;
        if (asked || !s->stop)
            _exit(gw_code_exit(GW_E_INTERRUPTED));
        atomic_store(s->stop, true);
        if (s->is_silent)
            continue;
        /* not to be cancelled while it holds the output's lock */
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        gw_output_note(s->output, "stopping at the next safe place; once "
                                  "more to stop at once");
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    }
}

void
gw_signals_start(gw_signals *signals, gw_output *output, atomic_bool *stop,
                 bool is_silent)
{
    *signals =
        (gw_signals){.output = output, .stop = stop, .is_silent = is_silent};
    sigemptyset(&signals->set);
    for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++) {
        struct sigaction now;
        /* nohup and the like have the caller's say */
        if (sigaction(SIGNALS[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&signals->set, SIGNALS[i]);
    }
    pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    signals->is_running =
        pthread_create(&signals->thread, NULL, wait_for_signals, signals) == 0;
    if (!signals->is_running)
        pthread_sigmask(SIG_UNBLOCK, &signals->set, NULL);
}

void
gw_signals_stop(gw_signals *signals)
{
    if (!signals->is_running)
        return;
    pthread_cancel(signals->thread);
    pthread_join(signals->thread, NULL);
    signals->is_running = false;
}
