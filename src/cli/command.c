/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands. What they do is in cmd_*.c. */
#include "cli/command_priv.h"

/* options that go together */
#define WHERE GW_OPTION_BIT(STORE)
#define LOCKS GW_OPTION_BIT(LOCK_WAIT)
#define SCRIPTS                                                                \
    (GW_OPTION_BIT(MIGRATIONS) | GW_OPTION_BIT(LUA_MEMORY) |                   \
     GW_OPTION_BIT(LUA_TIMEOUT))
#define SPEED                                                                  \
    (GW_OPTION_BIT(MEMORY) | GW_OPTION_BIT(BATCH) |                            \
     GW_OPTION_BIT(KEYFRAME_EVENTS))
#define EDITED (GW_OPTION_BIT(RESTART) | GW_OPTION_BIT(KEEP_MIGRATED))
#define JSON GW_OPTION_BIT(JSON)
#define SERVER                                                                 \
    (GW_OPTION_BIT(LISTEN) | GW_OPTION_BIT(STATE_DIR) |                        \
     GW_OPTION_BIT(AUTH_PASSWORD_FILE) | GW_OPTION_BIT(TLS_CERT) |             \
     GW_OPTION_BIT(TLS_KEY) | GW_OPTION_BIT(ALLOW_PLAINTEXT) |                 \
     GW_OPTION_BIT(ALLOW_HOST) | GW_OPTION_BIT(PROTECT_STATUS) |               \
     GW_OPTION_BIT(SOURCE) | GW_OPTION_BIT(TOKEN_FILE) |                       \
     GW_OPTION_BIT(TLS_CA))

#define CLIENT                                                                 \
    (GW_OPTION_BIT(AUTH_PASSWORD_FILE) | GW_OPTION_BIT(TLS_CA) |               \
     GW_OPTION_BIT(ALLOW_PLAINTEXT) | GW_OPTION_BIT(INTERVAL))

#define UNATTENDED                                                             \
    (GW_OPTION_BIT(MAX_RETRIES) | GW_OPTION_BIT(RETRY_DELAY) |                 \
     GW_OPTION_BIT(TIMEOUT) | GW_OPTION_BIT(ON_SUCCESS) |                      \
     GW_OPTION_BIT(ON_FAILURE) | GW_OPTION_BIT(WEBHOOK) |                      \
     GW_OPTION_BIT(WEBHOOK_SECRET_FILE))

#define IMPORT                                                                 \
    (GW_OPTION_BIT(SOURCE) | GW_OPTION_BIT(TOKEN_FILE) |                       \
     GW_OPTION_BIT(START_STEP) | GW_OPTION_BIT(ONLY_STEP) |                    \
     GW_OPTION_BIT(PARALLEL) | GW_OPTION_BIT(RATE) |                           \
     GW_OPTION_BIT(MAX_TRIES) | GW_OPTION_BIT(GIVE_UP_AFTER) |                 \
     GW_OPTION_BIT(REQUEST_TIMEOUT) | GW_OPTION_BIT(REPORT) |                  \
     GW_OPTION_BIT(TLS_CA) | GW_OPTION_BIT(ALLOW_PLAINTEXT))

#define ON_STORE (GW_NEED_STORE | GW_NEED_MIGRATIONS)
#define BESIDE_STORE (GW_NEED_STORE | GW_NEED_MIGRATIONS_IF_ANY)
#define LONG (GW_NEED_PROGRESS | GW_NEED_STOP)

/* clang-format off */
static const gw_command COMMANDS[] = {
    {
        .name = "init", .summary = "makes an empty store",
        .about = "Makes the tables of an empty store. A file is created; a "
                 "PostgreSQL database must be there. A store that exists is "
                 "left as it is, and that is an error.",
        .needs = GW_NEED_STORE | GW_NEED_CREATE,
        .options = WHERE | JSON, .run = gw_cmd_init,
    }, {
        .name = "load", .summary = "appends positions from NDJSON files",
        .arguments = "FILE…", .words = "@files",
        .about = "Appends one position for each line, checking every event "
                 "against the models. A position is loaded wholly or not at "
                 "all; those before a faulty one stay. - is standard input.",
        .args_min = 1, .args_max = -1,
        .needs = GW_NEED_STORE | LONG,
        .options = WHERE | JSON | LOCKS | GW_OPTION_BIT(MEMORY),
        .run = gw_cmd_load,
    }, {
        .name = "dump", .summary = "prints the whole store as one JSON object",
        .about = "Prints positions, events, models, id sequences and what "
                 "migrate has made, as one JSON object that is the same for "
                 "the same content, whatever the store is kept in.",
        .needs = GW_NEED_STORE | GW_NEED_READ_ONLY | GW_NEED_RAW,
        .options = WHERE, .run = gw_cmd_dump,
    }, {
        .name = "export", .summary = "prints the store as load reads it",
        .about = "Prints the positions as NDJSON, one a line, or the models.",
        .needs = GW_NEED_STORE | GW_NEED_READ_ONLY | GW_NEED_RAW,
        .options = WHERE | GW_OPTION_BIT(MODELS), .run = gw_cmd_export,
    }, {
        .name = "migrate", .summary = "migrates events, beside the live ones",
        .about = "Migrates all positions that are not yet at the target into "
                 "the migration tables. The live tables are only read: the "
                 "application goes on, and a later migrate picks up what it "
                 "wrote. Interrupted at any time, the next one goes on from "
                 "there.",
        .needs = ON_STORE | LONG,
        .options = WHERE | SCRIPTS | SPEED | EDITED | LOCKS | JSON,
        .run = gw_cmd_migrate,
    }, {
        .name = "finalize", .summary = "makes the migrated events live",
        .about = "Migrates what is left, then puts the migrated events and "
                 "models in place of the live ones and runs the model "
                 "migrations, all in one transaction. What was live is kept "
                 "for rollback.",
        .needs = ON_STORE | LONG,
        .options = WHERE | SCRIPTS | SPEED | EDITED | LOCKS | JSON,
        .run = gw_cmd_finalize,
    }, {
        .name = "reset", .summary = "forgets what migrate did",
        .about = "Forgets all that migrate did and finalize has not yet made "
                 "live.",
        .needs = ON_STORE, .options = WHERE | SCRIPTS | LOCKS | JSON,
        .run = gw_cmd_reset,
    }, {
        .name = "stats", .summary = "shows the state and the counts",
        .about = "Shows migration indexes, what has to be done next, and how "
                 "many positions and events there are.",
        .needs = ON_STORE | GW_NEED_READ_ONLY,
        .options = WHERE | SCRIPTS | JSON, .run = gw_cmd_stats,
    }, {
        .name = "clear-collectionfield-tables",
        .summary = "empties the application's helper tables",
        .about = "Empties collectionfields and events_to_collectionfields, "
                 "the lock helpers of the application.",
        .needs = BESIDE_STORE,
        .options = WHERE | SCRIPTS | LOCKS | JSON, .run = gw_cmd_clear,
    }, {
        .name = "rollback", .summary = "puts back what finalize replaced",
        .about = "Puts the generation before the last finalize back, while "
                 "nothing has been written since.",
        .needs = BESIDE_STORE,
        .options = WHERE | SCRIPTS | LOCKS | JSON, .run = gw_cmd_rollback,
    }, {
        .name = "discard", .summary = "drops what finalize replaced",
        .about = "Drops the generation that rollback would put back.",
        .needs = BESIDE_STORE,
        .options = WHERE | SCRIPTS | LOCKS | JSON, .run = gw_cmd_discard,
    }, {
        .name = "verify", .summary = "derives all models again and compares",
        .about = "Derives all models from the events again and compares them "
                 "with those of the store; also checks every event. Prints "
                 "the differences; exit status 4 if there are any.",
        .needs = BESIDE_STORE | LONG,
        .options = WHERE | SCRIPTS | LOCKS | JSON | GW_OPTION_BIT(MEMORY) |
                   GW_OPTION_BIT(BATCH),
        .run = gw_cmd_verify,
    }, {
        .name = "preview", .summary = "shows what migrate would change",
        .about = "Shows events before and after each pending migration, "
                 "writing nothing. With --json one object a line.",
        .needs = ON_STORE | GW_NEED_READ_ONLY | GW_NEED_STOP,
        .options = WHERE | SCRIPTS | JSON | GW_OPTION_BIT(MEMORY) |
                   GW_OPTION_BIT(BATCH) | GW_OPTION_BIT(POSITION) |
                   GW_OPTION_BIT(LIMIT),
        .run = gw_cmd_preview,
    }, {
        .name = "convert", .summary = "brings models in a file to the target",
        .about = "Reads a JSON object of models (fqid to fields) from "
                 "standard input, brings them from the migration index given "
                 "to the target, in memory, and prints them.",
        .needs = GW_NEED_MIGRATIONS | GW_NEED_RAW,
        .options = SCRIPTS | GW_OPTION_BIT(FROM_INDEX) |
                   GW_OPTION_BIT(MEMORY),
        .run = gw_cmd_convert,
    }, {
        .name = "new", .summary = "writes the next migration file",
        .arguments = "NAME",
        .about = "Writes a migration file with the next number and something "
                 "to begin with, into the migrations folder, and prints its "
                 "path.",
        .args_min = 1, .args_max = 1,
        .options = GW_OPTION_BIT(MIGRATIONS) | GW_OPTION_BIT(LUA) | JSON,
        .run = gw_cmd_new,
    }, {
        .name = "check", .summary = "checks the migrations, and a store",
        .about = "Loads the migrations folder, checks all rules, compiles "
                 "all scripts, and lists the migrations. With --store (or "
                 "GODWIT_STORE) also "
                 "looks what is in the way of a run there: what a cutover "
                 "cannot carry over, missing rights, settings that will "
                 "hurt, the disk that is needed. Changes nothing.",
        .needs = GW_NEED_MIGRATIONS | GW_NEED_STORE_IF_NAMED |
                 GW_NEED_READ_ONLY,
        .options = SCRIPTS | JSON | WHERE,
        .run = gw_cmd_check,
    }, {
        .name = "import", .summary = "brings in another system's items",
        .arguments = "SOURCE [FILE…]", .words = "wukongim ndjson @files",
        .about = "Imports users, channels, messages and conversations, step "
                 "by step, each item once, whatever fails on the way. A run "
                 "that failed or was killed is gone on with; one after the "
                 "end brings what is new or changed. Sources are wukongim (a "
                 "WuKongIM v1 server, --source URL) and ndjson (files). Exit "
                 "status 4 if not everything could be imported: the report "
                 "says what and why.",
        .args_min = 1, .args_max = -1,
        .needs = GW_NEED_STORE | LONG,
        .options = WHERE | JSON | LOCKS | IMPORT,
        .run = gw_cmd_import,
    }, {
        .name = "serve", .summary = "serves the commands over HTTP",
        .about = "Listens for HTTP requests, runs one command at a time and "
                 "tells how it goes. With --source it imports from that "
                 "server only, and --token-file needs it. SIGTERM lets the "
                 "batch under way commit and ends the server.",
        .needs = GW_NEED_STOP | GW_NEED_LOG,
        .options = WHERE | SCRIPTS | SPEED | LOCKS | SERVER,
        .run = gw_cmd_serve,
    }, {
        .name = "monitor", .summary = "watches a server until its run ends",
        .arguments = "[URL]",
        .about = "Asks a server (http://127.0.0.1:5001 without a URL) how its "
                 "run goes, and prints what changes: text and a progress bar "
                 "on a terminal, JSON lines elsewhere. While the server is "
                 "away it tries again, less and less often. Ends when the "
                 "run does, with the status that the run's own command would "
                 "have ended with.",
        .args_max = 1, .needs = GW_NEED_STOP,
        .options = CLIENT | JSON, .run = gw_cmd_monitor,
    }, {
        .name = "manage", .summary = "the whole workflow, unattended",
        .arguments = "[URL]",
        .about = "Migrates, verifies and finalizes: a store, or through the "
                 "server at URL. A step that fails is tried again; when "
                 "verify finds a difference nothing is finalized. At the end "
                 "a command is run and a webhook told. Its state is kept in "
                 "the store: started again after an interruption, it goes "
                 "on.",
        .args_max = 1, .needs = LONG,
        .options = WHERE | SCRIPTS | SPEED | LOCKS | CLIENT | UNATTENDED |
                   JSON,
        .run = gw_cmd_manage,
    }, {
        .name = "help", .summary = "shows the help of a command",
        .arguments = "[COMMAND]", .words = "@commands",
        .about = "Shows the help of a command, or the overview.",
        .args_max = 1, .is_minor = true, .run = gw_cmd_help,
    }, {
        .name = "completion", .summary = "prints completions for a shell",
        .arguments = "bash|zsh|fish", .words = "bash zsh fish",
        .about = "Prints a script for the shell to read: for bash "
                 "`. <(godwit completion bash)`, for zsh the same or a file "
                 "_godwit in $fpath, for fish a file godwit.fish in its "
                 "completions folder.",
        .args_min = 1, .args_max = 1, .is_minor = true,
        .run = gw_cmd_completion,
    }, {
        .name = "man", .summary = "prints the manual page",
        .about = "Prints the manual page godwit(1), for `man -l -`.",
        .is_minor = true, .options = GW_OPTION_BIT(MARKDOWN),
        .run = gw_cmd_man,
    },
};
/* clang-format on */

const gw_command *
gw_command_at(size_t i)
{
    return i < sizeof(COMMANDS) / sizeof(COMMANDS[0]) ? &COMMANDS[i] : NULL;
}

uint64_t
gw_command_options(const gw_command *command)
{
    return command->options | GW_OPTIONS_GENERAL;
}

/* A word from outside is shown only if it can be a mistyped command: it may
 * be anything, a URI with a password too. */
static bool
is_showable(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len > 0 && len <= 40 && name[len] == '\0';
}

gw_code
gw_command_find(const char *name, const gw_command **out, gw_error *err)
{
    gw_suggestion s = {.typed = name};

    for (size_t i = 0; gw_command_at(i); i++) {
        if (strcmp(COMMANDS[i].name, name) == 0) {
            *out = &COMMANDS[i];
            return GW_OK;
        }
        gw_suggestion_offer(&s, COMMANDS[i].name);
    }
    if (!is_showable(name))
        return gw_fail(err, GW_E_USAGE,
                       "the first word is no command; see godwit --help");
    if (s.best)
        return gw_fail(err, GW_E_USAGE, "unknown command %s; did you mean %s?",
                       name, s.best);
    return gw_fail(err, GW_E_USAGE, "unknown command %s; see godwit --help",
                   name);
}
