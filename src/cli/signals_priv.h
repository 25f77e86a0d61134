/* SPDX-License-Identifier: Apache-2.0 */
/** Interrupts: the first asks a command to stop, the second ends at once. */
#ifndef GW_CLI_SIGNALS_PRIV_H
#define GW_CLI_SIGNALS_PRIV_H

#include <signal.h>
#include <stdatomic.h>

#include "cli/output_priv.h"

typedef struct gw_signals {
    gw_output *output;
    atomic_bool *stop; /* set by the first; NULL: the first ends at once */
    pthread_t thread;
    sigset_t set;
    bool is_running;
    bool is_silent; /* the command says itself that it stops */
} gw_signals;

/** Must be called before any other thread is made. */
void gw_signals_start(gw_signals *signals, gw_output *output, atomic_bool *stop,
                      bool is_silent);
void gw_signals_stop(gw_signals *signals);

#endif
