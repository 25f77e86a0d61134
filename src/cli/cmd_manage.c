/* SPDX-License-Identifier: Apache-2.0 */
/* manage: what the options say, handed to the manager. */
#include "base/secret.h"
#include "cli/manage_priv.h"

enum { ANSWER_MS = 15000 };

static void
print_note(void *arg, const char *text)
{
    gw_output_note(arg, "%s", text);
}

/* The key of the webhook's signature. */
static gw_code
read_key(const gw_session *s, gw_buf *out, gw_error *err)
{
    const gw_options *o = s->options;
    const char *file = gw_options_text(o, GW_OPTION_WEBHOOK_SECRET_FILE);

    if (!gw_options_text(o, GW_OPTION_WEBHOOK))
        return GW_OK;
    if (!file)
        file = gw_options_text(o, GW_OPTION_AUTH_PASSWORD_FILE);
    if (!file)
        return gw_fail(err, GW_E_USAGE,
                       "--webhook needs --webhook-secret-file, the key of "
                       "its signature");
    return gw_secret_read(file, out, err);
}

static gw_code
manage(gw_session *s, const gw_manage_target *target, gw_slice key,
       gw_error *err)
{
    const gw_options *o = s->options;
    gw_manage_record record;
    gw_manage_options options = {
        .max_retries = gw_options_number(o, GW_OPTION_MAX_RETRIES),
        .retry_delay_ms = gw_options_number(o, GW_OPTION_RETRY_DELAY),
        .timeout_ms = gw_options_number(o, GW_OPTION_TIMEOUT),
        .on_success = gw_options_text(o, GW_OPTION_ON_SUCCESS),
        .on_failure = gw_options_text(o, GW_OPTION_ON_FAILURE),
        .webhook = gw_options_text(o, GW_OPTION_WEBHOOK),
        .webhook_secret = key,
        .ca_file = gw_options_text(o, GW_OPTION_TLS_CA),
        .stop = &s->stop,
        .note = print_note,
        .note_arg = s->output,
    };
    gw_buf text = {0};
    gw_code code = gw_manage(&options, target, &record, err);

    if (s->output->is_json && record.id[0]) {
        gw_manage_record_put(&record, &text);
        gw_buf_byte(&text, '\n');
        gw_output_write(s->output, gw_buf_as_slice(&text));
        gw_buf_clear(&text);
    }
    return code;
}

static gw_code
manage_server(gw_session *s, gw_slice key, gw_error *err)
{
    gw_manage_remote remote = {
        .interval_ms = gw_options_number(s->options, GW_OPTION_INTERVAL),
        .stop = &s->stop,
    };
    gw_code code = gw_session_open_net(s, ANSWER_MS, &remote.net, err);

    if (code)
        return code;
    gw_manage_target target = gw_manage_remote_target(&remote);
    code = manage(s, &target, key, err);
    gw_net_close(remote.net);
    return code;
}

gw_code
gw_cmd_manage(gw_session *session, gw_error *err)
{
    gw_buf key = {0};
    gw_code code = read_key(session, &key, err);

    if (!code && session->n_args) {
        code = manage_server(session, gw_buf_as_slice(&key), err);
    } else if (!code) {
        gw_manage_target target = gw_manage_local_target(session);
        code = manage(session, &target, gw_buf_as_slice(&key), err);
    }
    gw_secret_wipe(&key);
    return code;
}
