/* SPDX-License-Identifier: Apache-2.0 */
/* verify: models against the events that they come from. */
#include "cli/session_priv.h"

#define GW_VERIFY_LINES 100 /* differences shown, but with --verbose */

gw_code
gw_cmd_verify(gw_session *session, gw_error *err)
{
    int64_t differences = 0;
    int64_t lines = session->output->is_verbose ? INT64_MAX : GW_VERIFY_LINES;
    gw_code code = gw_verify(&session->run, lines, &differences, err);

    if (session->output->is_json)
        gw_session_put_result(session, code, err);
    return code;
}
