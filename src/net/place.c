/* SPDX-License-Identifier: Apache-2.0 */
/* URLs: what is taken apart here, by libcurl, is what is asked later. */
#include <curl/curl.h>
#include <stdlib.h>

#include "base/host.h"
#include "base/limits.h"
#include "net/net_priv.h"

/* A part of the URL, or "" when it has none. libcurl's; to be freed. */
static char *
part_of(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;

    return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static gw_code
check_parts(CURLU *url, gw_error *err)
{
    static const CURLUPart UNWANTED[] = {CURLUPART_USER, CURLUPART_PASSWORD,
                                         CURLUPART_FRAGMENT};
    char *scheme = part_of(url, CURLUPART_SCHEME, 0);
    bool is_ours =
        scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

    curl_free(scheme);
    if (!is_ours)
        return gw_fail(err, GW_E_USAGE,
                       "a server's URL is http://host:port, https://host or "
                       "unix:/path");
    for (size_t i = 0; i < sizeof(UNWANTED) / sizeof(UNWANTED[0]); i++) {
        char *text = part_of(url, UNWANTED[i], 0);
        bool is_there = text != NULL;
        curl_free(text);
        /* not repeated: it may be a password */
        if (is_there)
            return gw_fail(err, GW_E_USAGE,
                           "a server's URL holds no credentials and no "
                           "fragment; a secret is given in a file");
    }
    return GW_OK;
}

static void
fill_names(gw_net_place *place, CURLU *url)
{
    char *scheme = part_of(url, CURLUPART_SCHEME, 0);
    char *host = part_of(url, CURLUPART_HOST, 0);
    char *port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    char *path = part_of(url, CURLUPART_PATH, 0);
    char *query = part_of(url, CURLUPART_QUERY, 0);
    gw_buf name = {0}, base = {0}, whole = {0};
    size_t len = path ? strlen(path) : 0;

    while (len > 0 && path[len - 1] == '/')
        len--;
    gw_buf_printf(&name, "%s://%s:%s", scheme, host, port);
    gw_buf_printf(&base, "%s%.*s", gw_buf_cstr(&name), (int)len,
                  path ? path : "");
    gw_buf_printf(&whole, "%s%s%s%s", name.at, path ? path : "",
                  query ? "?" : "", query ? query : "");
    place->name = gw_strdup(gw_buf_cstr(&name));
    place->base = gw_strdup(gw_buf_cstr(&base));
    place->is_loopback = host && gw_host_is_loopback(host);
    gw_buf_clear(&name);
    place->whole = gw_strdup(gw_buf_cstr(&whole));
    gw_buf_clear(&base);
    gw_buf_clear(&whole);
    curl_free(query);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
}

static gw_code
read_url(gw_net_place *place, const char *text, gw_error *err)
{
    CURLU *url = curl_url();
    gw_code code = GW_OK;

    if (!url)
        return gw_fail(err, GW_E_LIMIT, "libcurl has no memory");
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) !=
        CURLUE_OK)
        code = gw_fail(err, GW_E_USAGE,
                       "a server's URL is http://host:port, https://host or "
                       "unix:/path");
    if (!code)
        code = check_parts(url, err);
    if (!code)
        fill_names(place, url);
    curl_url_cleanup(url);
    return code;
}

static gw_code
read_socket(gw_net_place *place, const char *path, gw_error *err)
{
    gw_buf name = {0};

    if (path[0] != '/')
        return gw_fail(err, GW_E_USAGE, "unix: needs a whole path, from / on");
    gw_buf_printf(&name, "unix:%s", path);
    place->name = gw_strdup(gw_buf_cstr(&name));
    place->base = gw_strdup("http://localhost");
    place->whole = gw_strdup("http://localhost/");
    place->socket_path = gw_strdup(path);
    place->is_loopback = true;
    gw_buf_clear(&name);
    return GW_OK;
}

static gw_code
take_secret(gw_net_place *place, const gw_net_options *o, gw_error *err)
{
    gw_buf line = {0};

    if (!o->secret)
        return GW_OK;
    if (strpbrk(o->secret, "\r\n"))
        return gw_fail(err, GW_E_USAGE, "a secret is one line");
    if (!place->is_loopback && !o->allow_plaintext &&
        strncmp(place->name, "https:", 6) != 0)
        return gw_fail(err, GW_E_USAGE,
                       "the secret would go to %s in the open; use https, or "
                       "--allow-plaintext where something else protects the "
                       "way",
                       place->name);
    gw_buf_printf(&line, "Authorization: Bearer %s", o->secret);
    place->authorization = gw_strdup(gw_buf_cstr(&line));
    explicit_bzero(line.at, line.len);
    gw_buf_clear(&line);
    return GW_OK;
}

static int64_t
or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

gw_code
gw_net_place_init(gw_net_place *place, const gw_net_options *options,
                  gw_error *err)
{
    const gw_net_options *o = options;
    gw_code code;

    *place = (gw_net_place){
        .ca_file = o->ca_file ? gw_strdup(o->ca_file) : NULL,
        .connect_ms = or_default(o->connect_ms, GW_DEFAULT_NET_CONNECT_MS),
        .timeout_ms = or_default(o->timeout_ms, GW_DEFAULT_NET_MS),
        .idle_ms = o->idle_ms,
        .answer_bytes = o->answer_bytes ? o->answer_bytes : GW_LIMIT_NET_ANSWER,
        .stop = o->stop,
    };
    if (strncmp(o->url, "unix:", 5) == 0)
        code = read_socket(place, o->url + 5, err);
    else
        code = read_url(place, o->url, err);
    if (!code)
        code = take_secret(place, o, err);
    if (code)
        gw_net_place_clear(place);
    return code;
}

void
gw_net_place_clear(gw_net_place *place)
{
    if (place->authorization)
        explicit_bzero(place->authorization, strlen(place->authorization));
    free(place->authorization);
    free(place->base);
    free(place->whole);
    free(place->name);
    free(place->socket_path);
    free(place->ca_file);
    *place = (gw_net_place){0};
}
