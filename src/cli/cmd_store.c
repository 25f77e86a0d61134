/* SPDX-License-Identifier: Apache-2.0 */
/* init, dump, export: a store made, or printed whole. */
#include "cli/session_priv.h"

gw_code
gw_cmd_init(gw_session *session, gw_error *err)
{
    /* opening it was all: the command's row says so */
    (void)err;
    if (session->output->is_json)
        gw_output_write(session->output, GW_LIT("{\"success\":true}\n"));
    else
        gw_output_note(session->output, "made an empty store: %s",
                       gw_store_name(session->store));
    return GW_OK;
}

gw_code
gw_cmd_dump(gw_session *session, gw_error *err)
{
    session->output->has_begun = true;
    return gw_dump(&session->run, session->output->out, err);
}

gw_code
gw_cmd_export(gw_session *session, gw_error *err)
{
    session->output->has_begun = true;
    if (gw_options_flag(session->options, GW_OPTION_MODELS))
        return gw_export_models(&session->run, session->output->out, err);
    return gw_export(&session->run, session->output->out, err);
}
