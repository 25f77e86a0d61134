/* SPDX-License-Identifier: Apache-2.0 */
/* help, completion, man: texts out of the tables. */
#include "cli/session_priv.h"

static const struct {
    const char *shell;
    void (*put)(gw_buf *buf);
} SHELLS[] = {
    {"bash", gw_completion_put_bash},
    {"zsh", gw_completion_put_zsh},
    {"fish", gw_completion_put_fish},
};

static void
print(gw_session *session, void (*put)(gw_buf *buf))
{
    gw_buf text = {0};

    put(&text);
    gw_output_write(session->output, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
}

gw_code
gw_cmd_help(gw_session *session, gw_error *err)
{
    const gw_command *command;
    gw_buf text = {0};

    if (session->n_args == 0) {
        print(session, gw_help_put_overview);
        return GW_OK;
    }
    gw_code code = gw_command_find(session->args[0], &command, err);
    if (code)
        return code;
    gw_help_put_command(&text, command);
    gw_output_write(session->output, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    return GW_OK;
}

gw_code
gw_cmd_completion(gw_session *session, gw_error *err)
{
    for (size_t i = 0; i < sizeof(SHELLS) / sizeof(SHELLS[0]); i++) {
        if (strcmp(session->args[0], SHELLS[i].shell) != 0)
            continue;
        print(session, SHELLS[i].put);
        return GW_OK;
    }
    return gw_fail(err, GW_E_USAGE, "completion is for %s",
                   session->command->arguments);
}

gw_code
gw_cmd_man(gw_session *session, gw_error *err)
{
    (void)err;
    if (gw_options_flag(session->options, GW_OPTION_MARKDOWN))
        print(session, gw_man_put_markdown);
    else
        print(session, gw_man_put_roff);
    return GW_OK;
}
