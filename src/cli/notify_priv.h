/* SPDX-License-Identifier: Apache-2.0 */
/** Tells systemd how a service of Type=notify does: sd_notify(3). Nothing
 *  happens where nobody wants to know. */
#ifndef GW_CLI_NOTIFY_PRIV_H
#define GW_CLI_NOTIFY_PRIV_H

#include "base/mem.h"

/** Sends lines of NAME=VALUE. False when it could not be told. */
bool gw_notify_send(const char *state);
/** How often it wants to hear WATCHDOG=1; 0: never. */
int64_t gw_notify_watchdog_ms(void);

#endif
