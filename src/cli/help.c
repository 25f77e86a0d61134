/* SPDX-License-Identifier: Apache-2.0 */
/* Help, out of the tables. */
#include "cli/command_priv.h"
#include "cli/output_priv.h"

#define GW_HELP_WIDTH 80
#define GW_HELP_COLUMN 28 /* where the explanations begin */

static const char *const EXIT_TEXTS[] = {
    [0] = "done",
    [1] = "the migration failed, or data or state did not allow it",
    [2] = "wrong usage, or a faulty migrations folder",
    [3] = "the store or the output cannot be used, or another run holds it",
    [4] = "verification found a difference",
    [130] = "interrupted",
};

static const gw_example EXAMPLES[] = {
    {"migrate while the application runs, then go live",
     "godwit migrate --store sqlite:app.db && "
     "godwit finalize --store sqlite:app.db"},
    {"see what would change", "godwit preview --store sqlite:app.db"},
};

const gw_example *
gw_help_example_at(size_t i)
{
    return i < sizeof(EXAMPLES) / sizeof(EXAMPLES[0]) ? &EXAMPLES[i] : NULL;
}

const char *
gw_help_exit_text(int status)
{
    if (status < 0 ||
        (size_t)status >= sizeof(EXIT_TEXTS) / sizeof(EXIT_TEXTS[0]))
        return NULL;
    return EXIT_TEXTS[status];
}

void
gw_help_put_overview(gw_buf *buf)
{
    gw_buf minor = {0};

    gw_buf_text(buf, "Usage: godwit COMMAND [options]   "
                     "(godwit help COMMAND says more)\n");
    for (size_t i = 0; gw_command_at(i); i++) {
        const gw_command *c = gw_command_at(i);
        if (c->is_minor)
            gw_buf_printf(&minor, "%s%s", minor.len ? ", " : "", c->name);
        else
            gw_buf_printf(buf, "  %-28s  %s\n", c->name, c->summary);
    }
    gw_buf_printf(buf, "  %-28s  %s\n", gw_buf_cstr(&minor), "about Godwit");
    gw_buf_clear(&minor);
    for (size_t i = 0; gw_help_example_at(i); i++)
        gw_buf_printf(buf, "$ %s\n", gw_help_example_at(i)->line);
}

static void
put_option(gw_buf *buf, const gw_option *option)
{
    gw_buf text = {0};
    size_t from = buf->len;

    gw_buf_text(buf, "  ");
    if (option->letter)
        gw_buf_printf(buf, "-%c, ", option->letter);
    gw_option_put_form(buf, option);
    if (buf->len - from + 2 > GW_HELP_COLUMN) {
        gw_buf_byte(buf, '\n');
        from = buf->len;
    }
    gw_text_put_blanks(buf, GW_HELP_COLUMN - (buf->len - from));

    gw_buf_text(&text, option->help);
    if (option->fallback || option->number) {
        gw_buf_text(&text, " [default ");
        gw_option_put_default(&text, option);
        gw_buf_byte(&text, ']');
    }
    if (option->env)
        gw_buf_printf(&text, " [%s]", option->env);
    gw_text_put_wrapped(buf, gw_buf_cstr(&text), GW_HELP_COLUMN, GW_HELP_COLUMN,
                        GW_HELP_WIDTH);
    gw_buf_clear(&text);
}

void
gw_help_put_command(gw_buf *buf, const gw_command *command)
{
    uint64_t set = gw_command_options(command);

    gw_buf_printf(buf, "Usage: godwit %s%s%s [options]\n\n", command->name,
                  command->arguments ? " " : "",
                  command->arguments ? command->arguments : "");
    gw_text_put_wrapped(buf, command->about, 0, 0, GW_HELP_WIDTH);
    gw_buf_text(buf, "\nOptions:\n");
    for (size_t i = 0; i < GW_OPTION_COUNT; i++)
        if (set >> i & 1)
            put_option(buf, gw_option_get((gw_option_id)i));
}
