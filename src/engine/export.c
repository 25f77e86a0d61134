/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the store as lines: positions as gw_load reads them back, or the
 * models. Values keep the text that the store has for them.
 * Source: cli.md, NDJSON */
#include "engine/position_priv.h"
#include "engine/stream_priv.h"

static gw_code
put_line(void *arg, const gw_position *p, gw_error *err)
{
    gw_out *out = arg;

    gw_position_put_line(&out->buf, p);
    return gw_out_drain(out, err);
}

gw_code
gw_export(const gw_run *run, FILE *file, gw_error *err)
{
    gw_out out = {.file = file};
    gw_store_counts counts;
    gw_code code;

    code = gw_store_count(run->store, 0, false, &counts, err);
    if (code == GW_OK)
        code = gw_stream_positions(run, GW_GENERATION_LIVE, counts.max_position,
                                   put_line, &out, err);
    if (code == GW_OK)
        code = gw_out_finish(&out, err);
    gw_buf_clear(&out.buf);
    return code;
}

typedef struct gw_model_printer {
    const gw_run *run;
    gw_out out;
} gw_model_printer;

static gw_code
put_model(void *arg, gw_slice fqid, gw_slice data, bool deleted, gw_error *err)
{
    gw_model_printer *printer = arg;
    gw_buf *buf = &printer->out.buf;

    if (gw_stream_is_stopped(printer->run))
        return gw_fail(err, GW_E_INTERRUPTED, "stopped");
    gw_buf_text(buf, "{\"fqid\":");
    gw_json_put_string(buf, fqid);
    gw_buf_printf(buf, ",\"deleted\":%s,\"data\":", deleted ? "true" : "false");
    gw_position_put_value(buf, data);
    gw_buf_text(buf, "}\n");
    return gw_out_drain(&printer->out, err);
}

gw_code
gw_export_models(const gw_run *run, FILE *file, gw_error *err)
{
    gw_model_printer printer = {run, {.file = file}};
    gw_code code;

    code = gw_store_models(run->store, (gw_slice){NULL, 0}, put_model, &printer,
                           err);
    if (code == GW_OK)
        code = gw_out_finish(&printer.out, err);
    gw_buf_clear(&printer.out.buf);
    return code;
}
