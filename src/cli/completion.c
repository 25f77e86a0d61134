/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts, out of the tables. */
#include "cli/command_priv.h"

static void
put_command_names(gw_buf *buf)
{
    for (size_t i = 0; gw_command_at(i); i++)
        gw_buf_printf(buf, "%s%s", i ? " " : "", gw_command_at(i)->name);
}

/* The words a|b|c, blanks between. */
static void
put_choices(gw_buf *buf, const gw_option *option)
{
    for (const char *at = option->value; *at; at++)
        gw_buf_byte(buf, *at == '|' ? ' ' : *at);
}

static void
put_option_names(gw_buf *buf, uint64_t set)
{
    bool is_first = true;

    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        if (!(set >> i & 1))
            continue;
        gw_buf_printf(buf, "%s--%s", is_first ? "" : " ",
                      gw_option_get((gw_option_id)i)->name);
        is_first = false;
    }
}

/* Text between ' and '. */
static void
put_quoted(gw_buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            gw_buf_text(buf, "'\\''");
        else
            gw_buf_byte(buf, *text);
    }
}

/* What may follow an option: its choices, or files. */
static void
put_bash_values(gw_buf *buf)
{
    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        const gw_option *o = gw_option_get((gw_option_id)i);
        if (!o->value)
            continue;
        gw_buf_printf(buf, "    --%s) ", o->name);
        if (o->type == GW_OPTION_TYPE_CHOICE) {
            gw_buf_text(buf, "COMPREPLY=($(compgen -W \"");
            put_choices(buf, o);
            gw_buf_text(buf, "\" -- \"$cur\")); ");
        } else if (o->type == GW_OPTION_TYPE_TEXT) {
            gw_buf_text(buf, "COMPREPLY=($(compgen -f -- \"$cur\")); ");
        }
        gw_buf_text(buf, "return ;;\n");
    }
}

static void
put_bash_command(gw_buf *buf, const gw_command *command)
{
    gw_buf_printf(buf, "    %s) options=\"", command->name);
    put_option_names(buf, gw_command_options(command));
    gw_buf_text(buf, "\"");
    if (command->words && strcmp(command->words, "@files") == 0)
        gw_buf_text(buf, " files=1");
    else if (command->words && strcmp(command->words, "@commands") == 0)
        gw_buf_text(buf, " words=$commands");
    else if (command->words)
        gw_buf_printf(buf, " words=\"%s\"", command->words);
    gw_buf_text(buf, " ;;\n");
}

void
gw_completion_put_bash(gw_buf *buf)
{
    gw_buf_text(buf, "# bash completion for godwit\n"
                     "_godwit() {\n"
                     "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
                     "    local prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    local commands=\"");
    put_command_names(buf);
    gw_buf_text(buf, "\"\n"
                     "    local options=\"--help --version\" words= files= "
                     "command= i\n"
                     "    COMPREPLY=()\n"
                     "    case $prev in\n");
    put_bash_values(buf);
    gw_buf_text(buf,
                "    esac\n"
                "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "        if [[ \" $commands \" == *\" ${COMP_WORDS[i]} \"* "
                "]]; then\n"
                "            command=${COMP_WORDS[i]}\n"
                "            break\n"
                "        fi\n"
                "    done\n"
                "    case $command in\n"
                "    '') words=$commands ;;\n");
    for (size_t i = 0; gw_command_at(i); i++)
        put_bash_command(buf, gw_command_at(i));
    gw_buf_text(buf,
                "    esac\n"
                "    if [[ $cur == -* ]]; then\n"
                "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
                "    elif [[ $files ]]; then\n"
                "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                "    else\n"
                "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                "    fi\n"
                "}\n"
                "complete -o filenames -F _godwit godwit\n");
}

/* '--name=[help]:VALUE:action' */
static void
put_zsh_option(gw_buf *buf, const gw_option *option)
{
    gw_buf_printf(buf, "            '--%s%s[", option->name,
                  option->value ? "=" : "");
    for (const char *at = option->help; *at; at++) {
        if (strchr("[]:\\", *at))
            gw_buf_byte(buf, '\\');
        if (*at == '\'')
            gw_buf_text(buf, "'\\'");
        gw_buf_byte(buf, *at);
    }
    gw_buf_byte(buf, ']');
    if (option->value) {
        gw_buf_printf(buf, ":%s:", option->name);
        if (option->type == GW_OPTION_TYPE_CHOICE) {
            gw_buf_byte(buf, '(');
            put_choices(buf, option);
            gw_buf_byte(buf, ')');
        } else if (option->type == GW_OPTION_TYPE_TEXT) {
            gw_buf_text(buf, "_files");
        }
    }
    gw_buf_text(buf, "' \\\n");
}

static void
put_zsh_command(gw_buf *buf, const gw_command *command)
{
    uint64_t set = gw_command_options(command);

    gw_buf_printf(buf, "    %s)\n        _arguments \\\n", command->name);
    for (size_t i = 0; i < GW_OPTION_COUNT; i++)
        if (set >> i & 1)
            put_zsh_option(buf, gw_option_get((gw_option_id)i));
    if (command->words && strcmp(command->words, "@files") == 0) {
        gw_buf_text(buf, "            '*:file:_files' ;;\n");
    } else if (command->words) {
        gw_buf_text(buf, "            '1:word:(");
        if (command->words[0] == '@')
            put_command_names(buf);
        else
            gw_buf_text(buf, command->words);
        gw_buf_text(buf, ")' ;;\n");
    } else {
        gw_buf_text(buf, "            ':' ;;\n");
    }
}

void
gw_completion_put_zsh(gw_buf *buf)
{
    gw_buf_text(buf, "#compdef godwit\n"
                     "_godwit() {\n"
                     "    local -a commands\n"
                     "    commands=(\n");
    for (size_t i = 0; gw_command_at(i); i++) {
        gw_buf_printf(buf, "        '%s:", gw_command_at(i)->name);
        put_quoted(buf, gw_command_at(i)->summary);
        gw_buf_text(buf, "'\n");
    }
    gw_buf_text(buf, "    )\n"
                     "    if ((CURRENT == 2)); then\n"
                     "        _describe command commands\n"
                     "        _arguments \\\n");
    put_zsh_option(buf, gw_option_get(GW_OPTION_HELP));
    put_zsh_option(buf, gw_option_get(GW_OPTION_VERSION));
    gw_buf_text(buf, "            ':'\n"
                     "        return\n"
                     "    fi\n"
                     "    local command=$words[2]\n"
                     "    shift words\n"
                     "    ((CURRENT--))\n"
                     "    case $command in\n");
    for (size_t i = 0; gw_command_at(i); i++)
        put_zsh_command(buf, gw_command_at(i));
    gw_buf_text(buf, "    esac\n"
                     "}\n"
                     "if [[ $funcstack[1] == _godwit ]]; then\n"
                     "    _godwit \"$@\"\n"
                     "else\n"
                     "    compdef _godwit godwit\n"
                     "fi\n");
}

/* command NULL: before any command is typed. */
static void
put_fish_option(gw_buf *buf, const gw_command *command, const gw_option *option)
{
    gw_buf_printf(buf, "complete -c godwit -n '%s%s' -l %s",
                  command ? "__fish_seen_subcommand_from "
                          : "__fish_use_subcommand",
                  command ? command->name : "", option->name);
    if (option->letter)
        gw_buf_printf(buf, " -s %c", option->letter);
    if (option->type == GW_OPTION_TYPE_CHOICE) {
        gw_buf_text(buf, " -x -a '");
        put_choices(buf, option);
        gw_buf_byte(buf, '\'');
    } else if (option->type == GW_OPTION_TYPE_TEXT) {
        gw_buf_text(buf, " -r -F");
    } else if (option->value) {
        gw_buf_text(buf, " -x");
    }
    gw_buf_text(buf, " -d '");
    put_quoted(buf, option->help);
    gw_buf_text(buf, "'\n");
}

static void
put_fish_command(gw_buf *buf, const gw_command *command)
{
    uint64_t set = gw_command_options(command);

    gw_buf_printf(buf, "complete -c godwit -n __fish_use_subcommand -a %s -d '",
                  command->name);
    put_quoted(buf, command->summary);
    gw_buf_text(buf, "'\n");
    for (size_t i = 0; i < GW_OPTION_COUNT; i++)
        if (set >> i & 1)
            put_fish_option(buf, command, gw_option_get((gw_option_id)i));
    if (!command->words)
        return;
    gw_buf_printf(buf, "complete -c godwit -n '__fish_seen_subcommand_from %s'",
                  command->name);
    if (strcmp(command->words, "@files") == 0) {
        gw_buf_text(buf, " -F\n");
        return;
    }
    gw_buf_text(buf, " -a '");
    if (command->words[0] == '@')
        put_command_names(buf);
    else
        gw_buf_text(buf, command->words);
    gw_buf_text(buf, "'\n");
}

void
gw_completion_put_fish(gw_buf *buf)
{
    gw_buf_text(buf, "# fish completion for godwit\n"
                     "complete -c godwit -f\n");
    put_fish_option(buf, NULL, gw_option_get(GW_OPTION_HELP));
    put_fish_option(buf, NULL, gw_option_get(GW_OPTION_VERSION));
    for (size_t i = 0; gw_command_at(i); i++)
        put_fish_command(buf, gw_command_at(i));
}
