/* SPDX-License-Identifier: Apache-2.0 */
/* load: files of NDJSON, one after another, into the store. */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/units.h"
#include "cli/session_priv.h"

static gw_code
open_file(const char *name, FILE **out, gw_error *err)
{
    struct stat about;
    FILE *file = fopen(name, "re");

    if (!file)
        return gw_fail(err, GW_E_INPUT, "%s: %s", name, strerror(errno));
    if (fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode)) {
        fclose(file);
        return gw_fail(err, GW_E_INPUT, "%s: is a folder; give its files",
                       name);
    }
    *out = file;
    return GW_OK;
}

static gw_code
load_file(gw_session *s, const char *name, int64_t *positions, int64_t *events,
          gw_error *err)
{
    FILE *file = stdin;
    bool is_stdin = strcmp(name, "-") == 0;
    int64_t n_positions = 0, n_events = 0;
    gw_code code = GW_OK;

    if (!is_stdin)
        code = open_file(name, &file, err);
    if (code)
        return code;
    code = gw_load(&s->run, file, is_stdin ? "standard input" : name,
                   &n_positions, &n_events, err);
    if (!is_stdin)
        fclose(file);
    *positions += n_positions;
    *events += n_events;
    return code;
}

static void
put_result(gw_session *s, int64_t positions, int64_t events, gw_code code,
           const gw_error *err)
{
    gw_buf text = {0};

    if (s->output->is_json) {
        gw_buf_printf(&text,
                      "{\"success\":%s,\"positions\":%" PRId64
                      ",\"events\":%" PRId64,
                      code ? "false" : "true", positions, events);
        if (code) {
            gw_buf_text(&text, ",\"message\":");
            gw_text_put_json(&text, gw_slice_of(err->text));
        }
        gw_buf_byte(&text, '}');
    } else {
        gw_buf_text(&text, "loaded ");
        gw_units_put_count(&text, positions);
        gw_buf_text(&text, " positions, ");
        gw_units_put_count(&text, events);
        gw_buf_text(&text, " events");
    }
    gw_buf_byte(&text, '\n');
    gw_output_write(s->output, gw_buf_as_slice(&text));
    gw_buf_clear(&text);
}

gw_code
gw_cmd_load(gw_session *session, gw_error *err)
{
    int64_t positions = 0, events = 0;
    gw_code code = GW_OK;

    for (size_t i = 0; !code && i < session->n_args; i++)
        code = load_file(session, session->args[i], &positions, &events, err);
    put_result(session, positions, events, code, err);
    /* for the summary: all files, not the last one */
    atomic_store(&session->counters.positions_done, positions);
    atomic_store(&session->counters.events_done, events);
    return code;
}
