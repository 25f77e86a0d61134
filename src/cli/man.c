/* SPDX-License-Identifier: Apache-2.0 */
/* The manual, as roff and as Markdown, out of the tables. */
#include "cli/command_priv.h"
#include "cli/version_priv.h"

#define GW_MAN_ABOUT                                                           \
    "Godwit migrates event-sourced stores: it rewrites the events of a "       \
    "store by migrations (rules, Lua or native), derives the models from "     \
    "them, and puts both in place of the old ones in one transaction, "        \
    "while the application goes on."
#define GW_MAN_FORMS                                                           \
    "Durations are written 500ms, 30s, 5m, 1h; sizes 4096, 64KiB, 64MiB, "     \
    "2GiB. Options may stand anywhere; -- ends them. An option on the "        \
    "command line goes before its variable, that before the default. "         \
    "--store, --migrations and --json are taken by every command, so that "    \
    "a wrapper may always pass them."
#define GW_MAN_OUTPUT                                                          \
    "Results go to standard output, all else to standard error. With "         \
    "--json a result is one JSON object: success, status, output, and "        \
    "exception if the command failed; a command that did not come to run "     \
    "gives success (false) and message. Progress is a bar on a terminal, "     \
    "lines elsewhere."

/* The variables that no option has; name, meaning. */
static const char *const VARIABLES[][2] = {
    {"DATABASE_HOST", "host of a PostgreSQL store, when no --store is given"},
    {"DATABASE_PORT", "its port"},
    {"DATABASE_NAME", "the database"},
    {"DATABASE_USER", "the user"},
    {"DATABASE_PASSWORD_FILE", "a file with the user's password"},
    {"NO_COLOR", "when set, no colours unless --color always"},
};
#define N_VARIABLES (sizeof(VARIABLES) / sizeof(VARIABLES[0]))

/* Text for roff: what it would take as its own is escaped. */
static void
put_roff(gw_buf *buf, const char *text)
{
    if (*text == '.' || *text == '\'')
        gw_buf_text(buf, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            gw_buf_text(buf, "\\e");
        else if (*text == '-')
            gw_buf_text(buf, "\\-");
        else if (*text == '`')
            gw_buf_text(buf, "\\(ga");
        else if ((unsigned char)*text == 0xE2 && !memcmp(text, "…", 3)) {
            gw_buf_text(buf, "...");
            text += 2;
        } else
            gw_buf_byte(buf, *text);
    }
}

static void
put_roff_section(gw_buf *buf, const char *title, const char *text)
{
    gw_buf_printf(buf, ".SH %s\n", title);
    put_roff(buf, text);
    gw_buf_byte(buf, '\n');
}

static void
put_roff_term(gw_buf *buf, const char *term, const char *text)
{
    gw_buf_text(buf, ".TP\n.B ");
    put_roff(buf, term);
    gw_buf_byte(buf, '\n');
    put_roff(buf, text);
    gw_buf_byte(buf, '\n');
}

/* Help, default and variable in one text. */
static void
put_option_text(gw_buf *buf, const gw_option *option)
{
    gw_buf_text(buf, option->help);
    if (option->fallback || option->number) {
        gw_buf_text(buf, " (default ");
        gw_option_put_default(buf, option);
        gw_buf_byte(buf, ')');
    }
}

static void
put_roff_options(gw_buf *buf)
{
    gw_buf_text(buf, ".SH OPTIONS\n");
    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        const gw_option *o = gw_option_get((gw_option_id)i);
        gw_buf term = {0}, text = {0};

        if (o->letter)
            gw_buf_printf(&term, "-%c, ", o->letter);
        gw_option_put_form(&term, o);
        put_option_text(&text, o);
        if (o->env)
            gw_buf_printf(&text, "; variable %s", o->env);
        put_roff_term(buf, gw_buf_cstr(&term), gw_buf_cstr(&text));
        gw_buf_clear(&term);
        gw_buf_clear(&text);
    }
}

static void
put_roff_commands(gw_buf *buf)
{
    gw_buf_text(buf, ".SH COMMANDS\n");
    for (size_t i = 0; gw_command_at(i); i++) {
        const gw_command *c = gw_command_at(i);
        gw_buf term = {0}, text = {0};

        gw_buf_printf(&term, "%s%s%s", c->name, c->arguments ? " " : "",
                      c->arguments ? c->arguments : "");
        gw_buf_text(&text, c->about);
        if (c->options) {
            gw_buf_text(&text, " Options:");
            for (size_t j = 0; j < GW_OPTION_COUNT; j++)
                if (c->options >> j & 1)
                    gw_buf_printf(&text, " --%s",
                                  gw_option_get((gw_option_id)j)->name);
            gw_buf_byte(&text, '.');
        }
        put_roff_term(buf, gw_buf_cstr(&term), gw_buf_cstr(&text));
        gw_buf_clear(&term);
        gw_buf_clear(&text);
    }
}

void
gw_man_put_roff(gw_buf *buf)
{
    gw_buf_text(buf, ".TH GODWIT 1 \"\" \"godwit " GW_VERSION "\"\n"
                     ".SH NAME\n"
                     "godwit \\- migrates event\\-sourced stores\n"
                     ".SH SYNOPSIS\n"
                     ".B godwit\n"
                     ".I COMMAND\n"
                     "[options]\n");
    put_roff_section(buf, "DESCRIPTION", GW_MAN_ABOUT);
    gw_buf_text(buf, ".PP\n");
    put_roff(buf, GW_MAN_OUTPUT);
    gw_buf_text(buf, "\n.PP\n");
    put_roff(buf, GW_MAN_FORMS);
    gw_buf_byte(buf, '\n');
    put_roff_commands(buf);
    put_roff_options(buf);
    gw_buf_text(buf, ".SH EXIT STATUS\n");
    for (int status = 0; status < 256; status++) {
        if (!gw_help_exit_text(status))
            continue;
        gw_buf_printf(buf, ".TP\n.B %d\n%s\n", status,
                      gw_help_exit_text(status));
    }
    gw_buf_text(buf, ".SH ENVIRONMENT\n");
    for (size_t i = 0; i < N_VARIABLES; i++)
        put_roff_term(buf, VARIABLES[i][0], VARIABLES[i][1]);
    gw_buf_text(buf, ".SH EXAMPLES\n");
    for (size_t i = 0; gw_help_example_at(i); i++)
        put_roff_term(buf, gw_help_example_at(i)->line,
                      gw_help_example_at(i)->text);
}

/* A cell of a table: | would end it. */
static void
put_cell(gw_buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            gw_buf_byte(buf, '\\');
        gw_buf_byte(buf, *text);
    }
}

static void
put_markdown_options(gw_buf *buf, uint64_t set)
{
    gw_buf_text(buf, "| option | does | default | variable |\n"
                     "| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        const gw_option *o = gw_option_get((gw_option_id)i);
        gw_buf form = {0}, fallback = {0};

        if (!(set >> i & 1))
            continue;
        if (o->letter)
            gw_buf_printf(&form, "-%c, ", o->letter);
        gw_option_put_form(&form, o);
        gw_option_put_default(&fallback, o);
        gw_buf_text(buf, "| `");
        put_cell(buf, gw_buf_cstr(&form));
        gw_buf_text(buf, "` | ");
        put_cell(buf, o->help);
        gw_buf_printf(buf, " | %s | %s |\n", gw_buf_cstr(&fallback),
                      o->env ? o->env : "");
        gw_buf_clear(&form);
        gw_buf_clear(&fallback);
    }
}

static void
put_markdown_command(gw_buf *buf, const gw_command *command)
{
    gw_buf_printf(buf, "\n### `godwit %s%s%s`\n\n%s\n", command->name,
                  command->arguments ? " " : "",
                  command->arguments ? command->arguments : "", command->about);
    if (!command->options)
        return;
    gw_buf_byte(buf, '\n');
    put_markdown_options(buf, command->options);
}

void
gw_man_put_markdown(gw_buf *buf)
{
    gw_buf_text(buf, "# The command line\n\n"
                     "Made by `godwit man --markdown`; change the tables in "
                     "`src/cli`, not this file.\n\n"
                     "`godwit COMMAND [options]`\n\n");
    gw_buf_text(buf, GW_MAN_ABOUT
                "\n\n" GW_MAN_OUTPUT "\n\n" GW_MAN_FORMS
                "\n\n## Commands\n\n| command | does |\n| --- | --- |\n");
    for (size_t i = 0; gw_command_at(i); i++)
        gw_buf_printf(buf, "| `%s` | %s |\n", gw_command_at(i)->name,
                      gw_command_at(i)->summary);
    for (size_t i = 0; gw_command_at(i); i++)
        put_markdown_command(buf, gw_command_at(i));
    gw_buf_text(buf, "\n## Options of every command\n\n");
    put_markdown_options(buf, GW_OPTIONS_GENERAL | GW_OPTION_BIT(VERSION));
    gw_buf_text(buf, "\n## Exit status\n\n| status | means |\n"
                     "| --- | --- |\n");
    for (int status = 0; status < 256; status++)
        if (gw_help_exit_text(status))
            gw_buf_printf(buf, "| %d | %s |\n", status,
                          gw_help_exit_text(status));
    gw_buf_text(buf, "\n## Variables without an option\n\n"
                     "| variable | means |\n| --- | --- |\n");
    for (size_t i = 0; i < N_VARIABLES; i++)
        gw_buf_printf(buf, "| `%s` | %s |\n", VARIABLES[i][0], VARIABLES[i][1]);
    gw_buf_text(buf, "\n## Examples\n");
    for (size_t i = 0; gw_help_example_at(i); i++)
        gw_buf_printf(buf, "\n%s:\n\n```sh\n%s\n```\n",
                      gw_help_example_at(i)->text, gw_help_example_at(i)->line);
}
