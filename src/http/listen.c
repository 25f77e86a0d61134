/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket: host:port, [::]:port or unix:/path. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http_priv.h"

enum { BACKLOG = 1024, HOST_SIZE = 256 };

static bool
parse_port(const char *text, int *port)
{
    int value = 0;

    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (*at - '0');
        if (value > 65535)
            return false;
    }
    *port = value;
    return *text != '\0';
}

bool
gw_listen_split(const char *text, char *host, size_t room, int *port)
{
    bool has_bracket = text[0] == '[';
    const char *from = text + has_bracket;
    size_t n = strcspn(from, has_bracket ? "]" : ":");
    const char *rest = from + n;

    if (has_bracket) {
        if (*rest != ']')
            return false;
        rest++;
    }
    if (n == 0 || n >= room)
        return false;
    *port = -1;
    if (*rest != '\0' && (*rest != ':' || !parse_port(rest + 1, port)))
        return false;
    memcpy(host, from, n);
    host[n] = '\0';
    return true;
}

static gw_code
fail_socket(const char *where, gw_error *err)
{
    return gw_fail(err, errno == EADDRINUSE ? GW_E_LOCKED : GW_E_USAGE,
                   "cannot listen on %s: %s", where, strerror(errno));
}

/* ---- unix sockets ---- */

/* A socket that nobody listens on is left over from a server that died. */
static void
remove_dead(const struct sockaddr_un *address)
{
    struct stat info;

    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const void *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED)
        (void)unlink(address->sun_path);
    if (fd >= 0)
        close(fd);
}

static gw_code
listen_unix(gw_http *http, const char *path, gw_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (path[0] != '/' || len >= sizeof(address.sun_path))
        return gw_fail(err, GW_E_USAGE,
                       "--listen unix:/path: an absolute path of at most "
                       "%zu bytes",
                       sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, len + 1);
    remove_dead(&address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_socket(path, err);
    /* before anybody can connect: the owner and the group only */
    if (bind(fd, (const void *)&address, sizeof(address)) != 0 ||
        chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
        gw_code code = fail_socket(path, err);
        close(fd);
        return code;
    }
    http->socket = fd;
    http->is_local = true;
    http->socket_path = gw_strdup(path);
    http->address = gw_strdup(http->options.listen);
    return GW_OK;
}

/* ---- addresses ---- */

static gw_code
check_plaintext(const gw_http *http, gw_error *err)
{
    if (http->is_local || http->has_tls || http->options.allow_plaintext)
        return GW_OK;
    return gw_fail(err, GW_E_USAGE,
                   "--listen %s is reachable from outside, and nothing "
                   "encrypts the secret; give --tls-cert and --tls-key, or "
                   "--allow-plaintext",
                   http->options.listen);
}

static bool
is_loopback_address(const struct addrinfo *a)
{
    if (a->ai_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a->ai_addr)
                         ->sin_addr.s_addr) >>
                   24 ==
               127;
    return IN6_IS_ADDR_LOOPBACK(
        &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr);
}

static int
open_socket(const struct addrinfo *a)
{
    int fd =
        socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, off = 0;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* [::] is for both, as people expect of it */
    if (a->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* As a URL, with the port that was got for 0. */
static void
name_address(gw_http *http, const char *host)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);
    gw_buf url = {0};
    char port[8] = "0";

    if (getsockname(http->socket, (void *)&at, &len) == 0)
        (void)getnameinfo((const void *)&at, len, NULL, 0, port, sizeof(port),
                          NI_NUMERICSERV);
    bool is_v6 = strchr(host, ':') != NULL;
    gw_buf_printf(&url, "%s://%s%s%s:%s", http->has_tls ? "https" : "http",
                  is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
    http->address = gw_strdup(gw_buf_cstr(&url));
    gw_buf_clear(&url);
}

static gw_code
listen_address(gw_http *http, const char *host, int port, gw_error *err)
{
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    struct addrinfo *found;
    char service[8];

    (void)snprintf(service, sizeof(service), "%d", port & 0xFFFF);
    int failure = getaddrinfo(host, service, &hints, &found);
    if (failure)
        return gw_fail(err, GW_E_USAGE, "--listen %s: %s", http->options.listen,
                       gai_strerror(failure));
    http->is_local = is_loopback_address(found);
    gw_code code = check_plaintext(http, err);
    if (!code) {
        http->socket = open_socket(found);
        if (http->socket < 0)
            code = fail_socket(http->options.listen, err);
    }
    freeaddrinfo(found);
    if (code)
        return code;
    http->host = gw_strdup(host);
    name_address(http, host);
    return GW_OK;
}

gw_code
gw_listen(gw_http *http, gw_error *err)
{
    const char *text = http->options.listen;
    char host[HOST_SIZE];
    int port = -1;

    if (strncmp(text, "unix:", 5) == 0)
        return listen_unix(http, text + 5, err);
    if (!gw_listen_split(text, host, sizeof(host), &port) || port < 0)
        return gw_fail(err, GW_E_USAGE,
                       "--listen %s: write host:port, [::1]:port or "
                       "unix:/path",
                       text);
    return listen_address(http, host, port, err);
}
