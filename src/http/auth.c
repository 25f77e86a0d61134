/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: the secret, the address, the names in Host and Origin. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/host.h"
#include "base/secret.h"
#include "http/http_priv.h"

enum { HOST_SIZE = 256 };

/* ---- the secret ---- */

static void
put_base64(gw_buf *out, gw_slice bytes)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned value = 0;
        for (size_t k = 0; k < 3; k++)
            value = value << 8 | (k < n ? (unsigned char)bytes.at[i + k] : 0U);
        for (size_t k = 0; k < 4; k++)
            gw_buf_byte(out, k <= n ? DIGITS[value >> (18 - 6 * k) & 63] : '=');
    }
}

static void
checksum(gw_slice text, char hex[GW_SHA256_HEX_SIZE])
{
    gw_sha256_hex(&text, 1, hex);
}

gw_code
gw_auth_open(gw_http *http, gw_error *err)
{
    gw_buf secret = {0}, base64 = {0};
    gw_code code = gw_secret_find(&http->options, &secret, err);

    if (!code) {
        put_base64(&base64, gw_buf_as_slice(&secret));
        checksum(gw_buf_as_slice(&secret), http->secret);
        checksum(gw_buf_as_slice(&base64), http->secret_base64);
    }
    gw_secret_wipe(&secret);
    gw_secret_wipe(&base64);
    return code;
}

/* Checksums are compared: neither length nor content shows in the time. */
static bool
is_same(const char *a, const char *b)
{
    unsigned char difference = 0;

    for (size_t i = 0; i < GW_SHA256_HEX_SIZE; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

bool
gw_auth_is_right(const gw_http *http, const char *authorization)
{
    char hex[GW_SHA256_HEX_SIZE];

    if (strncasecmp(authorization, "Bearer ", 7) == 0) {
        const char *token = authorization + 7;
        checksum(gw_slice_of(token + strspn(token, " ")), hex);
        return is_same(hex, http->secret);
    }
    checksum(gw_slice_of(authorization), hex);
    return is_same(hex, http->secret_base64);
}

/* ---- names and addresses ---- */

static bool
is_listed(const char *list, const char *host)
{
    size_t len = strlen(host);

    for (const char *at = list; at && *at;) {
        size_t n = strcspn(at, ",");
        if (n == len && strncasecmp(at, host, n) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* A name that only this machine or its operator gives us. */
static bool
is_known_host(const gw_http *http, const char *text)
{
    char host[HOST_SIZE];
    int port;

    if (!gw_listen_split(text, host, sizeof(host), &port))
        return false;
    return gw_host_is_loopback(host) ||
           (http->host && strcasecmp(host, http->host) == 0) ||
           is_listed(http->options.hosts, host);
}

bool
gw_auth_is_own_host(const gw_request *request)
{
    const gw_http *http = request->http;
    const char *host = gw_request_header(request, "Host");

    /* outside of loopback we cannot know how we are called */
    if (!http->is_local && !http->options.hosts)
        return true;
    return !host || is_known_host(http, host);
}

bool
gw_auth_is_own_origin(const gw_request *request)
{
    const char *origin = gw_request_header(request, "Origin");
    const char *host = gw_request_header(request, "Host");

    if (!origin)
        return true;
    const char *at = strstr(origin, "://");
    return at && host && strcasecmp(at + 3, host) == 0;
}

static bool
is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_UNIX)
        return true;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family != AF_INET6)
        return false;
    const struct in6_addr *in6 =
        &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(in6) ||
           (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
}

bool
gw_auth_is_local(const gw_request *request)
{
    const gw_http *http = request->http;
    const char *host = gw_request_header(request, "Host");
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (http->socket_path)
        return true;
    /* a proxy here speaks for somebody elsewhere */
    if (gw_request_header(request, "X-Forwarded-For") ||
        gw_request_header(request, "Forwarded"))
        return false;
    /* a name made to point here is no name of ours */
    if (host && !is_known_host(http, host))
        return false;
    return info && info->client_addr && is_loopback(info->client_addr);
}
