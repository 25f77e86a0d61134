/* SPDX-License-Identifier: Apache-2.0 */
/* preview: what pending migrations would make of events. */
#include "cli/session_priv.h"

/* Objects are the result, and not for gw_output_line, which cleans; what a
 * migration logs comes between and must not get among them. */
static void
write_line(void *arg, gw_slice line)
{
    gw_output *output = arg;

    if (line.len == 0 || line.at[0] != '{') {
        gw_output_note(output, "%.*s", GW_FMT(line));
        return;
    }
    gw_output_write(output, line);
    gw_output_write(output, GW_LIT("\n"));
}

gw_code
gw_cmd_preview(gw_session *session, gw_error *err)
{
    bool is_json = session->output->is_json;

    if (is_json) {
        session->run.print = write_line;
        session->run.print_arg = session->output;
    }
    return gw_preview(
        &session->run, gw_options_number(session->options, GW_OPTION_POSITION),
        gw_options_number(session->options, GW_OPTION_LIMIT), is_json, err);
}
