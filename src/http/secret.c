/* SPDX-License-Identifier: Apache-2.0 */
/* The file that the secret is in; made when nobody gave one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/http_priv.h"

enum { SECRET_BYTES = 32 };

static gw_code
read_file(const char *path, gw_buf *out, gw_error *err)
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

/* Whole or not at all: it is moved into place. */
static gw_code
make_file(const char *path, gw_error *err)
{
    unsigned char bytes[SECRET_BYTES];
    gw_buf text = {0}, temporary = {0};
    gw_code code = GW_OK;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return gw_fail(err, GW_E_USAGE, "no random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof(bytes); i++)
        gw_buf_printf(&text, "%02x", bytes[i]);
    gw_buf_byte(&text, '\n');
    gw_buf_printf(&temporary, "%s.new", path);
    const char *name = gw_buf_cstr(&temporary);
    (void)unlink(name);
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 || write(file, text.at, text.len) != (ssize_t)text.len ||
        fsync(file) != 0 || rename(name, path) != 0)
        code = gw_fail(err, GW_E_USAGE, "the secret's file %s: %s", path,
                       strerror(errno));
    if (file >= 0)
        close(file);
    explicit_bzero(bytes, sizeof(bytes));
    explicit_bzero(text.at, text.len);
    gw_buf_clear(&text);
    gw_buf_clear(&temporary);
    return code;
}

gw_code
gw_secret_read(const gw_http_options *options, gw_buf *out, gw_error *err)
{
    gw_buf path = {0};
    gw_code code = GW_OK;

    if (options->secret_file)
        return read_file(options->secret_file, out, err);
    gw_buf_printf(&path, "%s/secret", options->state_dir);
    const char *name = gw_buf_cstr(&path);
    if (access(name, F_OK) != 0 && errno == ENOENT)
        code = make_file(name, err);
    if (!code)
        code = read_file(name, out, err);
    if (!code)
        gw_log_put(options->log, GW_LOG_INFO, "the secret is in a file",
                   GW_LOG_TEXT("file", name));
    gw_buf_clear(&path);
    return code;
}
