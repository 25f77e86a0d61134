/* SPDX-License-Identifier: Apache-2.0 */
/* convert: models from standard input to standard output. */
#include <errno.h>

#include "base/limits.h"
#include "cli/session_priv.h"

#define GW_READ_BYTES ((size_t)64 * GW_KIB)

static gw_code
read_all(FILE *in, gw_buf *out, gw_error *err)
{
    size_t n;

    do {
        n = fread(gw_buf_reserve(out, GW_READ_BYTES), 1, GW_READ_BYTES, in);
        out->len += n;
        if (out->len > (size_t)GW_LIMIT_LINE)
            return gw_fail(err, GW_E_LIMIT,
                           "standard input: more than %d MiB of models; "
                           "convert them in parts",
                           GW_LIMIT_LINE / GW_MIB);
    } while (n > 0);
    if (ferror(in))
        return gw_fail(err, GW_E_INPUT, "standard input: %s", strerror(errno));
    return GW_OK;
}

gw_code
gw_cmd_convert(gw_session *session, gw_error *err)
{
    gw_buf in = {0}, out = {0};
    int64_t from = gw_options_number(session->options, GW_OPTION_FROM_INDEX);
    gw_code code;

    if (from == 0)
        return gw_fail(err, GW_E_USAGE,
                       "convert needs --from-index N, the "
                       "migration index of the models");
    code = read_all(stdin, &in, err);
    if (!code)
        code = gw_convert(&session->run, from, gw_buf_as_slice(&in), &out, err);
    if (!code) {
        if (out.len == 0 || out.at[out.len - 1] != '\n')
            gw_buf_byte(&out, '\n');
        gw_output_write(session->output, gw_buf_as_slice(&out));
    }
    gw_buf_clear(&in);
    gw_buf_clear(&out);
    return code;
}
