/* SPDX-License-Identifier: Apache-2.0 */
/* import: another system's items, step by step. */
#include "cli/session_priv.h"
#include "source/source.h"

/* What the step is told about; notes are for people. */
static void
note_try(void *arg, const char *step, int64_t tries, const char *error)
{
    gw_session *s = arg;

    if (!error)
        gw_output_detail(s->output, "step %s", step);
    else
        gw_output_note(s->output, "%s (try %lld)", error, (long long)tries);
}

static gw_code
check_arguments(const gw_session *s, gw_error *err)
{
    bool has_files = s->n_args > 1;

    if (strcmp(s->args[0], "ndjson") == 0)
        return has_files ? GW_OK
                         : gw_fail(err, GW_E_USAGE,
                                   "import ndjson needs FILE…; see godwit "
                                   "help import");
    if (!has_files)
        return GW_OK;
    return gw_fail(err, GW_E_USAGE,
                   "only import ndjson takes files; a server is named by "
                   "--source URL");
}

gw_code
gw_cmd_import(gw_session *session, gw_error *err)
{
    const gw_options *o = session->options;
    gw_import_options options = {
        .source = session->args[0],
        .url = gw_options_text(o, GW_OPTION_SOURCE),
        .token_file = gw_options_text(o, GW_OPTION_TOKEN_FILE),
        .ca_file = gw_options_text(o, GW_OPTION_TLS_CA),
        .allow_plaintext = gw_options_flag(o, GW_OPTION_ALLOW_PLAINTEXT),
        .files = session->args + 1,
        .n_files = session->n_args - 1,
        .start_step = gw_options_text(o, GW_OPTION_START_STEP),
        .only_step = gw_options_text(o, GW_OPTION_ONLY_STEP),
        .parallel = gw_options_number(o, GW_OPTION_PARALLEL),
        .rate = gw_options_number(o, GW_OPTION_RATE),
        .max_tries = gw_options_number(o, GW_OPTION_MAX_TRIES),
        .give_up_ms = gw_options_number(o, GW_OPTION_GIVE_UP_AFTER),
        .timeout_ms = gw_options_number(o, GW_OPTION_REQUEST_TIMEOUT),
        .report = gw_options_text(o, GW_OPTION_REPORT),
    };
    gw_code code = check_arguments(session, err);

    if (code)
        return code;
    session->run.tell = note_try;
    session->run.tell_arg = session;
    session->run.verbose = false; /* errors are told, not printed */
    code = gw_import(&session->run, &options, err);
    if (session->output->is_json)
        gw_session_put_result(session, code, err);
    return code;
}
