/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"

gw_code
gw_secret_read(const char *path, gw_buf *out, gw_error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    if (file >= 0)
        n = read(file, gw_buf_reserve(out, GW_LIMIT_SECRET + 1),
                 GW_LIMIT_SECRET + 1);
    if (n < 0) {
        gw_code code = gw_fail(err, GW_E_USAGE, "the secret's file %s: %s",
                               path, strerror(errno));
        if (file >= 0)
            close(file);
        return code;
    }
    close(file);
    out->len = (size_t)n;
    if (n > GW_LIMIT_SECRET)
        return gw_fail(err, GW_E_USAGE,
                       "the secret's file %s is longer than %d bytes", path,
                       GW_LIMIT_SECRET);
    while (out->len > 0 && strchr("\r\n", out->at[out->len - 1]))
        out->len--;
    if (out->len == 0)
        return gw_fail(err, GW_E_USAGE, "the secret's file %s is empty", path);
    return GW_OK;
}

void
gw_secret_wipe(gw_buf *secret)
{
    if (secret->at)
        explicit_bzero(secret->at, secret->len);
    gw_buf_clear(secret);
}
