/* SPDX-License-Identifier: Apache-2.0 */
/* Where the store is: the option, or the variables of an application's
 * deployment. Source: cli.md */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/session_priv.h"

#define GW_PASSWORD_MAX 4096

static const char *
variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

/* What is no letter, digit, '-', '.', '_' or '~' as %XX. */
static void
put_percent(gw_buf *uri, gw_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c && strchr("-._~", c));
        if (is_plain)
            gw_buf_byte(uri, (char)c);
        else
            gw_buf_printf(uri, "%%%02X", c);
    }
}

/* The first line of the file; longer files are none of a password. */
static gw_code
put_password(gw_buf *uri, const char *path, gw_error *err)
{
    char text[GW_PASSWORD_MAX + 1];
    FILE *file = fopen(path, "re");
    gw_code code = GW_OK;

    if (!file)
        return gw_fail(err, GW_E_USAGE, "DATABASE_PASSWORD_FILE: %s: %s", path,
                       strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* no second copy of it */
    size_t n = fread(text, 1, sizeof(text), file);
    if (ferror(file))
        code = gw_fail(err, GW_E_USAGE, "DATABASE_PASSWORD_FILE: %s: %s", path,
                       strerror(errno));
    else if (n > GW_PASSWORD_MAX)
        code = gw_fail(err, GW_E_USAGE,
                       "DATABASE_PASSWORD_FILE: %s: longer than %d bytes", path,
                       GW_PASSWORD_MAX);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (!code) {
        gw_buf_byte(uri, ':');
        put_percent(uri, (gw_slice){text, n});
    }
    fclose(file);
    explicit_bzero(text, sizeof(text));
    return code;
}

static void
put_host(gw_buf *uri, const char *host)
{
    /* an IPv6 address stands in brackets, a socket's folder escaped */
    if (strchr(host, ':') && host[0] != '/' && host[0] != '[')
        gw_buf_printf(uri, "[%s]", host);
    else if (host[0] == '[')
        gw_buf_text(uri, host);
    else
        put_percent(uri, gw_slice_of(host));
}

static gw_code
put_database(gw_buf *uri, gw_error *err)
{
    const char *host = variable("DATABASE_HOST");
    const char *port = variable("DATABASE_PORT");
    const char *name = variable("DATABASE_NAME");
    const char *user = variable("DATABASE_USER");
    const char *password = variable("DATABASE_PASSWORD_FILE");

    gw_buf_text(uri, "postgresql://");
    if (password && !user)
        return gw_fail(err, GW_E_USAGE,
                       "DATABASE_PASSWORD_FILE is set, but DATABASE_USER is "
                       "not; set it to the password's user");
    if (user) {
        put_percent(uri, gw_slice_of(user));
        if (password) {
            gw_code code = put_password(uri, password, err);
            if (code)
                return code;
        }
        gw_buf_byte(uri, '@');
    }
    if (host)
        put_host(uri, host);
    if (port) {
        gw_buf_byte(uri, ':');
        put_percent(uri, gw_slice_of(port));
    }
    if (name) {
        gw_buf_byte(uri, '/');
        put_percent(uri, gw_slice_of(name));
    }
    return GW_OK;
}

gw_code
gw_store_uri_put(gw_buf *uri, const gw_options *options, gw_error *err)
{
    const char *given = gw_options_text(options, GW_OPTION_STORE);

    if (given) {
        gw_buf_text(uri, given);
        return GW_OK;
    }
    if (variable("DATABASE_HOST") || variable("DATABASE_NAME"))
        return put_database(uri, err);
    return gw_fail(err, GW_E_USAGE,
                   "no store given; use --store URI or set GODWIT_STORE");
}
