/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol is one datagram of text to the socket that NOTIFY_SOCKET
 * names, and is promised to stay so; libsystemd and what it brings would be
 * much for that. */
#include "cli/notify_priv.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or with @ in front a name in the abstract namespace. */
static bool
read_address(const char *name, struct sockaddr_un *out, socklen_t *len)
{
    size_t n = strlen(name);

    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || n >= sizeof(out->sun_path))
        return false;
    memcpy(out->sun_path, name, n);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return true;
}

bool
gw_notify_send(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len;

    if (!name || !name[0])
        return true;
    if (!read_address(name, &address, &len))
        return false;
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file < 0)
        return false;
    size_t n = strlen(state);
    ssize_t sent = sendto(file, state, n, MSG_NOSIGNAL,
                          (const struct sockaddr *)&address, len);
    close(file);
    return sent == (ssize_t)n;
}

int64_t
gw_notify_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    char *end;

    if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    errno = 0;
    long long us = strtoll(usec, &end, 10);
    return errno || *end || us <= 0 ? 0 : us / 1000;
}
