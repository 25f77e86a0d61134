/* SPDX-License-Identifier: Apache-2.0 */
#include "base/host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

bool
gw_host_is_loopback(const char *host)
{
    struct in_addr in;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
        strcmp(host, "[::1]") == 0)
        return true;
    /* 127.evil.example is a name, and anybody's */
    return inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == 127;
}
