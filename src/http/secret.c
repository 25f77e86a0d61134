/* SPDX-License-Identifier: Apache-2.0 */
/* The server's secret; its file is made when nobody gave one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "http/http_priv.h"

enum { SECRET_BYTES = 32 };

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
gw_secret_find(const gw_http_options *options, gw_buf *out, gw_error *err)
{
    gw_buf path = {0};
    gw_code code = GW_OK;

    if (options->secret_file)
        return gw_secret_read(options->secret_file, out, err);
    gw_buf_printf(&path, "%s/secret", options->state_dir);
    const char *name = gw_buf_cstr(&path);
    if (access(name, F_OK) != 0 && errno == ENOENT)
        code = make_file(name, err);
    if (!code)
        code = gw_secret_read(name, out, err);
    if (!code)
        gw_log_put(options->log, GW_LOG_INFO, "the secret is in a file",
                   GW_LOG_TEXT("file", name));
    gw_buf_clear(&path);
    return code;
}
