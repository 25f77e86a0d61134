/* SPDX-License-Identifier: Apache-2.0 */
/** The store of the command line as what is managed. */
#ifndef GW_CLI_MANAGE_PRIV_H
#define GW_CLI_MANAGE_PRIV_H

#include "cli/session_priv.h"
#include "service/manager.h"

gw_manage_target gw_manage_local_target(gw_session *session);

#endif
