/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that are clients of a server: which one, and with what secret. */
#include "base/secret.h"
#include "cli/session_priv.h"
#include "net/net.h"

#define GW_SERVER_URL "http://127.0.0.1:5001"

gw_code
gw_session_open_net(gw_session *session, int64_t wait_ms, gw_net **out,
                    gw_error *err)
{
    const gw_options *o = session->options;
    const char *file = gw_options_text(o, GW_OPTION_AUTH_PASSWORD_FILE);
    gw_buf secret = {0};
    gw_code code = file ? gw_secret_read(file, &secret, err) : GW_OK;

    if (code)
        return code;
    gw_net_options options = {
        .url = session->n_args ? session->args[0] : GW_SERVER_URL,
        .secret = file ? gw_buf_cstr(&secret) : NULL,
        .ca_file = gw_options_text(o, GW_OPTION_TLS_CA),
        .allow_plaintext = gw_options_flag(o, GW_OPTION_ALLOW_PLAINTEXT),
        .connect_ms = wait_ms,
        .timeout_ms = wait_ms,
        .stop = &session->stop,
    };
    code = gw_net_open(&options, out, err);
    gw_secret_wipe(&secret);
    return code;
}
