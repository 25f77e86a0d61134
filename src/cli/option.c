/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and reading them from argv and the environment.
 * Which command takes which is in command.c. */
#include "cli/option_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"

/* clang-format off */
static const gw_option OPTIONS[GW_OPTION_COUNT] = {
    [GW_OPTION_STORE] = {
        .name = "store", .type = GW_OPTION_TYPE_TEXT, .value = "URI",
        .env = "GODWIT_STORE",
        .help = "the store: sqlite:PATH, a plain path, or postgresql://…; "
                "without it DATABASE_HOST, _PORT, _NAME, _USER and "
                "_PASSWORD_FILE are looked at",
    },
    [GW_OPTION_MIGRATIONS] = {
        .name = "migrations", .type = GW_OPTION_TYPE_TEXT, .value = "DIR",
        .env = "GODWIT_MIGRATIONS", .fallback = "./migrations",
        .help = "the folder of migrations",
    },
    [GW_OPTION_JSON] = {
        .name = "json", .type = GW_OPTION_TYPE_FLAG,
        .help = "prints the result as JSON, as the HTTP interface gives it",
    },
    [GW_OPTION_RESTART] = {
        .name = "restart", .type = GW_OPTION_TYPE_FLAG,
        .help = "begins again: when a migration was edited, or another "
                "program left something in the migration tables",
    },
    [GW_OPTION_KEEP_MIGRATED] = {
        .name = "keep-migrated", .type = GW_OPTION_TYPE_FLAG,
        .help = "when a migration was edited: keeps what the old text made "
                "up to where the models were saved last",
    },
    [GW_OPTION_MEMORY] = {
        .name = "memory", .type = GW_OPTION_TYPE_SIZE, .value = "SIZE",
        .env = "GODWIT_MEMORY", .number = (int64_t)GW_DEFAULT_MEMORY,
        .min = (int64_t)16 * GW_MIB, .max = INT64_C(1) << 46,
        .help = "memory for models; more of them are fetched from the store",
    },
    [GW_OPTION_BATCH] = {
        .name = "batch", .type = GW_OPTION_TYPE_SIZE, .value = "SIZE",
        .env = "GODWIT_BATCH", .min = 1, .max = (int64_t)1024 * GW_MIB,
        .help = "event data read and migrated at a time; 128KiB for SQLite, "
                "1MiB for PostgreSQL",
    },
    [GW_OPTION_KEYFRAME_EVENTS] = {
        .name = "keyframe-events", .type = GW_OPTION_TYPE_INTEGER,
        .value = "N", .env = "GODWIT_KEYFRAME_EVENTS",
        .number = GW_DEFAULT_KEYFRAME_EVENTS, .min = 1, .max = INT64_MAX,
        .help = "saves the models each time so many events are migrated; "
                "fewer makes it quicker to go on after a crash",
    },
    [GW_OPTION_LUA_MEMORY] = {
        .name = "lua-memory", .type = GW_OPTION_TYPE_SIZE, .value = "SIZE",
        .env = "GODWIT_LUA_MEMORY", .number = (int64_t)GW_DEFAULT_LUA_MEMORY,
        .min = GW_MIB, .max = INT64_C(1) << 40,
        .help = "memory of one Lua migration",
    },
    [GW_OPTION_LUA_TIMEOUT] = {
        .name = "lua-timeout", .type = GW_OPTION_TYPE_DURATION,
        .value = "DURATION", .env = "GODWIT_LUA_TIMEOUT",
        .number = (int64_t)GW_DEFAULT_LUA_SECONDS * 1000,
        .min = 1000, .max = 86400000,
        .help = "time for one call of a Lua migration, in whole seconds",
    },
    [GW_OPTION_LOCK_WAIT] = {
        .name = "lock-wait", .type = GW_OPTION_TYPE_DURATION,
        .value = "DURATION", .env = "GODWIT_LOCK_WAIT",
        .min = 1, .max = 86400000,
        .help = "how long to wait for locks of the application at a time; "
                "5s for SQLite, 600ms for PostgreSQL (there less than the "
                "server's deadlock_timeout) if it is not given",
    },
    [GW_OPTION_MODELS] = {
        .name = "models", .type = GW_OPTION_TYPE_FLAG,
        .help = "prints the models, one per line",
    },
    [GW_OPTION_POSITION] = {
        .name = "position", .type = GW_OPTION_TYPE_INTEGER, .value = "N",
        .min = 1, .max = INT64_MAX,
        .help = "the position to begin with; without it the first",
    },
    [GW_OPTION_LIMIT] = {
        .name = "limit", .type = GW_OPTION_TYPE_INTEGER, .value = "K",
        .number = 10, .min = 1, .max = INT64_MAX,
        .help = "shows so many positions that change",
    },
    [GW_OPTION_FROM_INDEX] = {
        .name = "from-index", .type = GW_OPTION_TYPE_INTEGER, .value = "N",
        .min = 1, .max = GW_LIMIT_MIGRATIONS + 1,
        .help = "the migration index that the models are at (required)",
    },
    [GW_OPTION_LUA] = {
        .name = "lua", .type = GW_OPTION_TYPE_FLAG,
        .help = "writes a Lua script; without it, rules",
    },
    [GW_OPTION_LISTEN] = {
        .name = "listen", .type = GW_OPTION_TYPE_TEXT, .value = "ADDRESS",
        .env = "GODWIT_LISTEN", .fallback = "127.0.0.1:5001",
        .help = "where to listen: host:port, [::]:port or unix:/path",
    },
    [GW_OPTION_STATE_DIR] = {
        .name = "state-dir", .type = GW_OPTION_TYPE_TEXT, .value = "DIR",
        .env = "GODWIT_STATE_DIR",
        .help = "the server's own folder; without it STATE_DIRECTORY, "
                "PATH-godwit-state beside an SQLite store, or godwit in "
                "XDG_STATE_HOME",
    },
    [GW_OPTION_AUTH_PASSWORD_FILE] = {
        .name = "auth-password-file", .type = GW_OPTION_TYPE_TEXT,
        .value = "FILE", .env = "INTERNAL_AUTH_PASSWORD_FILE",
        .help = "the file with the secret that clients must give; without "
                "it serve makes one in its state folder",
    },
    [GW_OPTION_TLS_CERT] = {
        .name = "tls-cert", .type = GW_OPTION_TYPE_TEXT, .value = "FILE",
        .env = "GODWIT_TLS_CERT",
        .help = "certificate (and chain), PEM; with --tls-key",
    },
    [GW_OPTION_TLS_KEY] = {
        .name = "tls-key", .type = GW_OPTION_TYPE_TEXT, .value = "FILE",
        .env = "GODWIT_TLS_KEY",
        .help = "the certificate's key, PEM; with --tls-cert",
    },
    [GW_OPTION_ALLOW_PLAINTEXT] = {
        .name = "allow-plaintext", .type = GW_OPTION_TYPE_FLAG,
        .help = "no TLS to or from other machines: something else protects "
                "the way",
    },
    [GW_OPTION_ALLOW_HOST] = {
        .name = "allow-host", .type = GW_OPTION_TYPE_TEXT, .value = "NAMES",
        .env = "GODWIT_ALLOW_HOST",
        .help = "names by which clients call the server, a,b; others are "
                "refused",
    },
    [GW_OPTION_PROTECT_STATUS] = {
        .name = "protect-status", .type = GW_OPTION_TYPE_FLAG,
        .help = "wants the secret for the status too, from loopback as well",
    },
    [GW_OPTION_INTERVAL] = {
        .name = "interval", .type = GW_OPTION_TYPE_DURATION,
        .value = "DURATION", .env = "GODWIT_INTERVAL", .number = 5000,
        .min = 10, .max = 86400000,
        .help = "how often to ask",
    },
    [GW_OPTION_TLS_CA] = {
        .name = "tls-ca", .type = GW_OPTION_TYPE_TEXT, .value = "FILE",
        .env = "GODWIT_TLS_CA",
        .help = "certificates of who signed the server's, PEM; without it "
                "those of the system",
    },
    [GW_OPTION_MAX_RETRIES] = {
        .name = "max-retries", .type = GW_OPTION_TYPE_INTEGER, .value = "N",
        .env = "GODWIT_MAX_RETRIES", .number = 3, .min = 0, .max = 1000,
        .help = "how often a step that failed is tried again",
    },
    [GW_OPTION_RETRY_DELAY] = {
        .name = "retry-delay", .type = GW_OPTION_TYPE_DURATION,
        .value = "DURATION", .env = "GODWIT_RETRY_DELAY", .number = 30000,
        .min = 1, .max = 86400000,
        .help = "the time before it is tried again",
    },
    [GW_OPTION_TIMEOUT] = {
        .name = "timeout", .type = GW_OPTION_TYPE_DURATION,
        .value = "DURATION", .env = "GODWIT_TIMEOUT", .number = 1800000,
        .min = 1, .max = INT64_C(31536000000),
        .help = "the time for all of it; counted on when it is started again",
    },
    [GW_OPTION_ON_SUCCESS] = {
        .name = "on-success", .type = GW_OPTION_TYPE_TEXT, .value = "COMMAND",
        .env = "GODWIT_ON_SUCCESS",
        .help = "a shell command for when it ended well; the result is in "
                "GODWIT_RESULT and GODWIT_RESULT_…",
    },
    [GW_OPTION_ON_FAILURE] = {
        .name = "on-failure", .type = GW_OPTION_TYPE_TEXT, .value = "COMMAND",
        .env = "GODWIT_ON_FAILURE",
        .help = "a shell command for when it did not",
    },
    [GW_OPTION_WEBHOOK] = {
        .name = "webhook", .type = GW_OPTION_TYPE_TEXT, .value = "URL",
        .env = "GODWIT_WEBHOOK",
        .help = "posts the result there as JSON, signed",
    },
    [GW_OPTION_WEBHOOK_SECRET_FILE] = {
        .name = "webhook-secret-file", .type = GW_OPTION_TYPE_TEXT,
        .value = "FILE", .env = "GODWIT_WEBHOOK_SECRET_FILE",
        .help = "the file with the key of the signature; without it that of "
                "--auth-password-file",
    },
    [GW_OPTION_SOURCE] = {
        .name = "source", .type = GW_OPTION_TYPE_TEXT, .value = "URL",
        .env = "GODWIT_SOURCE",
        .help = "the server to import from: http://host:port or https://…",
    },
    [GW_OPTION_TOKEN_FILE] = {
        .name = "token-file", .type = GW_OPTION_TYPE_TEXT, .value = "FILE",
        .env = "GODWIT_TOKEN_FILE",
        .help = "the file with the source's manager token",
    },
    [GW_OPTION_START_STEP] = {
        .name = "start-step", .type = GW_OPTION_TYPE_CHOICE,
        .value = "user|channel|message|conversation|cleanup",
        .help = "begins with this step, whatever was done",
    },
    [GW_OPTION_ONLY_STEP] = {
        .name = "only-step", .type = GW_OPTION_TYPE_CHOICE,
        .value = "user|channel|message|conversation|cleanup",
        .help = "does this step alone",
    },
    [GW_OPTION_PARALLEL] = {
        .name = "parallel", .type = GW_OPTION_TYPE_INTEGER, .value = "N",
        .env = "GODWIT_PARALLEL", .number = 20, .min = 1, .max = 256,
        .help = "requests to the source at a time",
    },
    [GW_OPTION_RATE] = {
        .name = "rate", .type = GW_OPTION_TYPE_INTEGER, .value = "N",
        .env = "GODWIT_RATE", .min = 1, .max = 1000000,
        .help = "requests to the source in a second, at most; without it as "
                "many as it answers",
    },
    [GW_OPTION_MAX_TRIES] = {
        .name = "max-tries", .type = GW_OPTION_TYPE_INTEGER, .value = "N",
        .env = "GODWIT_MAX_TRIES", .min = 1, .max = 1000000,
        .help = "gives up when one request has failed so often; without it "
                "only --give-up-after counts",
    },
    [GW_OPTION_GIVE_UP_AFTER] = {
        .name = "give-up-after", .type = GW_OPTION_TYPE_DURATION,
        .value = "DURATION", .env = "GODWIT_GIVE_UP_AFTER",
        .number = 1800000, .min = 1, .max = INT64_C(31536000000),
        .help = "gives up when one request has failed for so long",
    },
    [GW_OPTION_REQUEST_TIMEOUT] = {
        .name = "timeout", .type = GW_OPTION_TYPE_DURATION,
        .value = "DURATION", .env = "GODWIT_REQUEST_TIMEOUT",
        .number = 30000, .min = 10, .max = 86400000,
        .help = "a request fails when nothing comes for so long, or its "
                "answer takes ten times as long",
    },
    [GW_OPTION_REPORT] = {
        .name = "report", .type = GW_OPTION_TYPE_TEXT, .value = "FILE",
        .help = "writes what was imported and what not, as JSON",
    },
    [GW_OPTION_MARKDOWN] = {
        .name = "markdown", .type = GW_OPTION_TYPE_FLAG,
        .help = "prints Markdown instead",
    },
    [GW_OPTION_VERBOSE] = {
        .name = "verbose", .letter = 'v', .type = GW_OPTION_TYPE_FLAG,
        .help = "says more about what is done",
    },
    [GW_OPTION_QUIET] = {
        .name = "quiet", .letter = 'q', .type = GW_OPTION_TYPE_FLAG,
        .help = "says nothing but results and errors",
    },
    [GW_OPTION_LOG_FORMAT] = {
        .name = "log-format", .type = GW_OPTION_TYPE_CHOICE,
        .value = "text|json", .env = "GODWIT_LOG_FORMAT", .fallback = "text",
        .help = "the form of what goes to standard error",
    },
    [GW_OPTION_COLOR] = {
        .name = "color", .type = GW_OPTION_TYPE_CHOICE,
        .value = "auto|always|never", .env = "GODWIT_COLOR",
        .fallback = "auto",
        .help = "colours; auto: on a terminal, unless NO_COLOR is set",
    },
    [GW_OPTION_HELP] = {
        .name = "help", .letter = 'h', .type = GW_OPTION_TYPE_FLAG,
        .help = "shows the help of the command",
    },
    [GW_OPTION_VERSION] = {
        .name = "version", .letter = 'V', .type = GW_OPTION_TYPE_FLAG,
        .help = "shows the version",
    },
};
/* clang-format on */

static const struct {
    gw_option_id a, b;
} EXCLUSIVE[] = {
    {GW_OPTION_VERBOSE, GW_OPTION_QUIET},
    {GW_OPTION_RESTART, GW_OPTION_KEEP_MIGRATED},
    {GW_OPTION_START_STEP, GW_OPTION_ONLY_STEP},
};

const gw_option *
gw_option_get(gw_option_id id)
{
    return &OPTIONS[id];
}

/* The name is cut at what cannot belong to one: it comes from outside, and
 * a value behind it may be secret. */
static gw_code
fail_unknown_option(const char *arg, gw_error *err)
{
    char name[40];
    size_t n = strcspn(arg, "=");

    if (n >= sizeof(name))
        n = sizeof(name) - 1;
    memcpy(name, arg, n);
    name[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (name[i] < ' ' || name[i] > '~')
            name[i] = '?';

    gw_suggestion s = {.typed = name + strspn(name, "-")};
    for (size_t i = 0; i < GW_OPTION_COUNT; i++)
        gw_suggestion_offer(&s, OPTIONS[i].name);
    if (s.best)
        return gw_fail(err, GW_E_USAGE, "unknown option %s; did you mean --%s?",
                       name, s.best);
    return gw_fail(err, GW_E_USAGE, "unknown option %s; see godwit --help",
                   name);
}

/* The option that `arg` names; *value is what stands behind '='. */
static const gw_option *
find_option(const char *arg, const char **value)
{
    bool is_long = arg[1] == '-';
    const char *name = arg + 1 + is_long;
    size_t len = is_long ? strcspn(name, "=") : strlen(name);

    *value = name[len] ? name + len + 1 : NULL;
    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        const gw_option *o = &OPTIONS[i];
        if (is_long ? strlen(o->name) == len && !memcmp(o->name, name, len)
                    : len == 1 && o->letter == name[0])
            return o;
    }
    return NULL;
}

static gw_code
take_option(gw_options *out, const char *arg, const char *next, bool *took_next,
            gw_error *err)
{
    const char *value;
    const gw_option *o = find_option(arg, &value);

    *took_next = false;
    if (!o)
        return fail_unknown_option(arg, err);
    if (o->type == GW_OPTION_TYPE_FLAG && value)
        return gw_fail(err, GW_E_USAGE, "--%s takes no value", o->name);
    if (o->type != GW_OPTION_TYPE_FLAG && !value) {
        if (!next || strncmp(next, "--", 2) == 0)
            return gw_fail(err, GW_E_USAGE, "--%s needs a value: --%s %s",
                           o->name, o->name, o->value);
        value = next;
        *took_next = true;
    }
    out->at[o - OPTIONS] = (gw_option_value){.is_set = true, .text = value};
    return GW_OK;
}

gw_code
gw_options_parse(gw_arena *arena, int argc, char *const *argv, gw_options *out,
                 gw_error *err)
{
    gw_options o = {0};
    bool ended = false;

    o.words = GW_ARENA_NEW(arena, const char *, (size_t)argc + 1);
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (ended || arg[0] != '-' || arg[1] == '\0') {
            o.words[o.n_words++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            ended = true;
            continue;
        }
        bool took_next;
        gw_code code = take_option(&o, arg, i + 1 < argc ? argv[i + 1] : NULL,
                                   &took_next, err);
        if (code)
            return code;
        i += took_next;
    }
    *out = o;
    return GW_OK;
}

static gw_code
check_choice(const gw_option *o, const char *text, gw_error *err)
{
    size_t len = strlen(text);

    for (const char *at = o->value; len > 0 && at; at = strchr(at, '|')) {
        at += *at == '|';
        size_t n = strcspn(at, "|");
        if (n == len && memcmp(at, text, n) == 0)
            return GW_OK;
    }
    return gw_fail(err, GW_E_USAGE, "not one of %s", o->value);
}

static gw_code
check_number(const gw_option *o, gw_option_value *value, gw_error *err)
{
    gw_code code = gw_value_parse(value->text, o->type, &value->number, err);

    if (code)
        return code;
    if (value->number >= o->min && value->number <= o->max)
        return GW_OK;

    gw_buf range = {0};
    gw_value_put(&range, o->min, o->type);
    if (o->max < INT64_MAX) {
        gw_buf_text(&range, " to ");
        gw_value_put(&range, o->max, o->type);
    } else {
        gw_buf_text(&range, " or more");
    }
    code = gw_fail(err, GW_E_USAGE, "must be %s", gw_buf_cstr(&range));
    gw_buf_clear(&range);
    return code;
}

static gw_code
check_value(const gw_option *o, gw_option_value *value, gw_error *err)
{
    switch (o->type) {
    case GW_OPTION_TYPE_FLAG:
        return GW_OK;
    case GW_OPTION_TYPE_TEXT:
        if (value->text[0])
            return GW_OK;
        return gw_fail(err, GW_E_USAGE, "must not be empty");
    case GW_OPTION_TYPE_CHOICE:
        return check_choice(o, value->text, err);
    default:
        return check_number(o, value, err);
    }
}

/* One option: command line, else environment, else default. */
static gw_code
resolve(const gw_option *o, gw_option_value *value, gw_error *err)
{
    bool on_line = value->is_set;
    const char *from_env = o->env && !on_line ? getenv(o->env) : NULL;

    if (from_env && from_env[0])
        *value = (gw_option_value){.is_set = true, .text = from_env};
    if (!value->is_set) {
        value->text = o->fallback;
        value->number = o->number;
        return GW_OK;
    }
    if (check_value(o, value, err) == GW_OK)
        return GW_OK;
    return gw_fail_prefix(err, "%s%s: ", on_line ? "--" : "",
                          on_line ? o->name : o->env);
}

/* Commands may mean different things by a name: what was read as one row is
 * meant as the row of that name that applies. */
static void
move_twins(gw_options *options, uint64_t applies)
{
    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        if (!options->at[i].is_set || (applies >> i & 1))
            continue;
        for (size_t k = 0; k < GW_OPTION_COUNT; k++) {
            if (!(applies >> k & 1) || options->at[k].is_set ||
                strcmp(OPTIONS[i].name, OPTIONS[k].name) != 0)
                continue;
            options->at[k] = options->at[i];
            options->at[i] = (gw_option_value){0};
        }
    }
}

gw_code
gw_options_resolve(gw_options *options, uint64_t applies, const char *command,
                   gw_error *err)
{
    applies |= GW_OPTIONS_ANYWHERE;
    move_twins(options, applies);
    for (size_t i = 0; i < GW_OPTION_COUNT; i++) {
        const gw_option *o = &OPTIONS[i];
        if (applies >> i & 1) {
            gw_code code = resolve(o, &options->at[i], err);
            if (code)
                return code;
        } else if (options->at[i].is_set) {
            return gw_fail(err, GW_E_USAGE,
                           "--%s is no option of %s; see godwit help %s",
                           o->name, command, command);
        }
    }
    for (size_t i = 0; i < sizeof(EXCLUSIVE) / sizeof(EXCLUSIVE[0]); i++)
        if (options->at[EXCLUSIVE[i].a].is_set &&
            options->at[EXCLUSIVE[i].b].is_set)
            return gw_fail(
                err, GW_E_USAGE, "--%s and --%s cannot both be given",
                OPTIONS[EXCLUSIVE[i].a].name, OPTIONS[EXCLUSIVE[i].b].name);
    return GW_OK;
}

bool
gw_options_flag(const gw_options *options, gw_option_id id)
{
    return options->at[id].is_set;
}

int64_t
gw_options_number(const gw_options *options, gw_option_id id)
{
    return options->at[id].number;
}

const char *
gw_options_text(const gw_options *options, gw_option_id id)
{
    return options->at[id].text;
}

void
gw_option_put_default(gw_buf *buf, const gw_option *option)
{
    if (option->fallback)
        gw_buf_text(buf, option->fallback);
    else if (option->number)
        gw_value_put(buf, option->number, option->type);
}

void
gw_option_put_form(gw_buf *buf, const gw_option *option)
{
    gw_buf_printf(buf, "--%s", option->name);
    if (option->value)
        gw_buf_printf(buf, " %s", option->value);
}
