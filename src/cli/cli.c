/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to exit status: reads the options, finds the command, runs it,
 * reports how it ended. */
#include <assert.h>

#include "cli/cli.h"

#include "cli/session_priv.h"
#include "cli/signals_priv.h"
#include "cli/version_priv.h"

/* --json counts even on a line that is wrong elsewhere. */
static bool
wants_json(int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static gw_code
check_arguments(const gw_session *s, gw_error *err)
{
    const gw_command *c = s->command;

    /* what was given is not repeated: it may be a URI with a password */
    if (s->n_args < (size_t)c->args_min)
        return gw_fail(err, GW_E_USAGE, "%s needs %s; see godwit help %s",
                       c->name, c->arguments, c->name);
    if (c->args_max >= 0 && s->n_args > (size_t)c->args_max)
        return gw_fail(err, GW_E_USAGE, "%s takes %s; see godwit help %s",
                       c->name, c->args_max ? "one argument" : "no arguments",
                       c->name);
    return GW_OK;
}

/* --help and --version need nothing else to be right. */
static bool
answer_at_once(gw_session *s)
{
    gw_buf text = {0};

    if (gw_options_flag(s->options, GW_OPTION_VERSION))
        gw_buf_text(&text, "godwit " GW_VERSION "\n");
    else if (!gw_options_flag(s->options, GW_OPTION_HELP))
        return false;
    else if (s->command)
        gw_help_put_command(&text, s->command);
    else
        gw_help_put_overview(&text);
    gw_output_write(s->output, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
    return true;
}

static gw_code
find_command(gw_session *s, gw_error *err)
{
    const gw_options *o = s->options;

    if (o->n_words == 0) {
        if (gw_options_flag(o, GW_OPTION_HELP) ||
            gw_options_flag(o, GW_OPTION_VERSION))
            return GW_OK;
        return gw_fail(err, GW_E_USAGE, "no command given; see godwit --help");
    }
    s->args = o->words + 1;
    s->n_args = o->n_words - 1;
    return gw_command_find(o->words[0], &s->command, err);
}

static void
configure_output(gw_output *output, const gw_options *options)
{
    output->is_json = gw_options_flag(options, GW_OPTION_JSON);
    output->is_quiet = gw_options_flag(options, GW_OPTION_QUIET);
    output->is_verbose = gw_options_flag(options, GW_OPTION_VERBOSE);
    output->is_log_json =
        strcmp(gw_options_text(options, GW_OPTION_LOG_FORMAT), "json") == 0;
    gw_output_configure(output, gw_options_text(options, GW_OPTION_COLOR));
}

static gw_code
run_command(gw_session *s, gw_error *err)
{
    unsigned needs = s->command->needs;
    gw_signals signals;
    gw_progress *progress = NULL;

    gw_signals_start(&signals, s->output,
                     needs & GW_NEED_STOP ? &s->stop : NULL,
                     (needs & GW_NEED_LOG) != 0);
    gw_code code = gw_session_open(s, err);
    if (!code) {
        gw_progress_clear(&s->counters);
        if (needs & GW_NEED_PROGRESS)
            progress =
                gw_progress_start(s->output, &s->counters, s->command->name);
        code = s->command->run(s, err);
        gw_progress_stop(progress, code == GW_OK);
    }
    gw_session_close(s);
    gw_signals_stop(&signals);
    return code;
}

static gw_code
run_line(gw_session *s, gw_options *options, int argc, char *const *argv,
         gw_error *err)
{
    gw_code code = gw_options_parse(s->arena, argc, argv, options, err);

    if (!code)
        code = find_command(s, err);
    if (code)
        return code;
    if (answer_at_once(s))
        return GW_OK;
    assert(s->command);
    code = gw_options_resolve(options, gw_command_options(s->command),
                              s->command->name, err);
    if (code)
        return code;
    configure_output(s->output, options);
    code = check_arguments(s, err);
    return code ? code : run_command(s, err);
}

/* The object of a command that did not come to run. */
static void
put_failure(gw_output *output, const gw_error *error)
{
    gw_buf object = {0};

    gw_buf_text(&object, "{\"success\":false,\"message\":");
    gw_text_put_json(&object, gw_slice_of(error->text));
    gw_buf_text(&object, "}\n");
    gw_output_write(output, gw_buf_as_slice(&object));
    gw_buf_clear(&object);
}

int
gw_cli_main(int argc, char **argv)
{
    gw_output output;
    gw_arena arena;
    gw_options options = {0};
    gw_error err = {0}, write_err = {0};

    gw_output_init(&output);
    output.is_json = wants_json(argc, argv);
    gw_arena_init(&arena);
    gw_session session = {
        .output = &output, .arena = &arena, .options = &options};
    gw_code code = run_line(&session, &options, argc, argv, &err);

    if (code && output.is_json && !output.has_begun)
        put_failure(&output, &err);
    gw_code write_code = gw_output_finish(&output, &write_err);
    if (code)
        gw_output_error(&output, &err);
    else if (write_code)
        gw_output_error(&output, &write_err);
    gw_arena_clear(&arena);
    return gw_code_exit(code ? code : write_code);
}
