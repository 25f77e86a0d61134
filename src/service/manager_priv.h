/* SPDX-License-Identifier: Apache-2.0 */
/** What the parts of the manager share. */
#ifndef GW_SERVICE_MANAGER_PRIV_H
#define GW_SERVICE_MANAGER_PRIV_H

#include "service/manager.h"

/* notice.c */

/** Runs a shell line with the result in its environment, for at most
 *  GW_LIMIT_NOTICE_MS. Errors: GW_E_STATE when it does not end with 0. */
GW_MUST_CHECK gw_code gw_notice_command(const char *line,
                                        const gw_manage_record *record,
                                        const atomic_bool *stop, gw_error *err);
/** Posts the result, signed. Errors: GW_E_SERVER when it was not taken,
 *  GW_E_USAGE when it never will be. */
GW_MUST_CHECK gw_code gw_notice_post(gw_net *net, gw_slice secret,
                                     const gw_manage_record *record,
                                     gw_error *err);

#endif
