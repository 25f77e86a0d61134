/* SPDX-License-Identifier: Apache-2.0 */
/** Commands: the table of them. Help, completion and man page come from it
 *  and from the table of options. */
#ifndef GW_CLI_COMMAND_PRIV_H
#define GW_CLI_COMMAND_PRIV_H

#include "cli/option_priv.h"

struct gw_session;

/** What a command needs opened before it runs. */
typedef enum gw_need {
    GW_NEED_STORE = 1,
    GW_NEED_STORE_IF_NAMED = 512, /* by --store itself */
    GW_NEED_CREATE = 2,           /* the store is made */
    GW_NEED_READ_ONLY = 4,        /* the store is only read */
    GW_NEED_MIGRATIONS = 8,
    GW_NEED_PROGRESS = 16, /* long: progress and a summary */
    GW_NEED_STOP = 32,     /* stops by itself when interrupted */
    GW_NEED_RAW = 64,      /* its result is a stream of its own: lines of
                              output go to standard error */
    GW_NEED_LOG = 256,     /* a server: speaks in its log alone */
    GW_NEED_MIGRATIONS_IF_ANY = 128, /* no folder will do, unless named */
} gw_need;

typedef struct gw_command {
    const char *name;
    const char *summary;   /* a line, for the overview */
    const char *arguments; /* for the usage line: "FILE…", "" for none */
    const char *words;     /* to complete: "@files", "@commands", "a b" */
    const char *about;     /* paragraphs, parted by '\n' */
    int args_min, args_max;
    bool is_minor;    /* the overview just names it */
    unsigned needs;   /* gw_need */
    uint64_t options; /* shown and taken, besides the general ones */
    gw_code (*run)(struct gw_session *session, gw_error *err);
} gw_command;

/** The commands, in the order of the overview; NULL from the end on. */
const gw_command *gw_command_at(size_t i);
/** Errors: GW_E_USAGE with a "did you mean". */
GW_MUST_CHECK gw_code gw_command_find(const char *name, const gw_command **out,
                                      gw_error *err);
/** All options that a command shows. */
uint64_t gw_command_options(const gw_command *command);

/* help.c */
void gw_help_put_overview(gw_buf *buf);
void gw_help_put_command(gw_buf *buf, const gw_command *command);
/** What an exit status means; NULL for those never given. */
const char *gw_help_exit_text(int status);
/** Examples: what it does, the command line; NULL from the end on. */
typedef struct gw_example {
    const char *text, *line;
} gw_example;
const gw_example *gw_help_example_at(size_t i);

/* completion.c, man.c */
void gw_completion_put_bash(gw_buf *buf);
void gw_completion_put_zsh(gw_buf *buf);
void gw_completion_put_fish(gw_buf *buf);
void gw_man_put_roff(gw_buf *buf);
void gw_man_put_markdown(gw_buf *buf);

/* cmd_*.c */
gw_code gw_cmd_init(struct gw_session *session, gw_error *err);
gw_code gw_cmd_load(struct gw_session *session, gw_error *err);
gw_code gw_cmd_dump(struct gw_session *session, gw_error *err);
gw_code gw_cmd_export(struct gw_session *session, gw_error *err);
gw_code gw_cmd_migrate(struct gw_session *session, gw_error *err);
gw_code gw_cmd_finalize(struct gw_session *session, gw_error *err);
gw_code gw_cmd_reset(struct gw_session *session, gw_error *err);
gw_code gw_cmd_stats(struct gw_session *session, gw_error *err);
gw_code gw_cmd_clear(struct gw_session *session, gw_error *err);
gw_code gw_cmd_rollback(struct gw_session *session, gw_error *err);
gw_code gw_cmd_discard(struct gw_session *session, gw_error *err);
gw_code gw_cmd_verify(struct gw_session *session, gw_error *err);
gw_code gw_cmd_preview(struct gw_session *session, gw_error *err);
gw_code gw_cmd_convert(struct gw_session *session, gw_error *err);
gw_code gw_cmd_new(struct gw_session *session, gw_error *err);
gw_code gw_cmd_check(struct gw_session *session, gw_error *err);
gw_code gw_cmd_import(struct gw_session *session, gw_error *err);
gw_code gw_cmd_serve(struct gw_session *session, gw_error *err);
gw_code gw_cmd_monitor(struct gw_session *session, gw_error *err);
gw_code gw_cmd_manage(struct gw_session *session, gw_error *err);
gw_code gw_cmd_help(struct gw_session *session, gw_error *err);
gw_code gw_cmd_completion(struct gw_session *session, gw_error *err);
gw_code gw_cmd_man(struct gw_session *session, gw_error *err);

#endif
