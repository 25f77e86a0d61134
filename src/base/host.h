/* SPDX-License-Identifier: Apache-2.0 */
/** Names of hosts. */
#ifndef GW_BASE_HOST_H
#define GW_BASE_HOST_H

#include <stdbool.h>

/** Whether a host is this machine whatever a resolver says: localhost, ::1
 *  (in brackets or not) or an address 127.x.x.x. No other name is. */
bool gw_host_is_loopback(const char *host);

#endif
