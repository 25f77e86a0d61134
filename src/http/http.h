/* SPDX-License-Identifier: Apache-2.0 */
/** The HTTP interface of a service. Source: http-api.md */
#ifndef GW_HTTP_HTTP_H
#define GW_HTTP_HTTP_H

#include "service/service.h"

typedef struct gw_http gw_http;

/** How to listen. All is borrowed until gw_http_close. */
typedef struct gw_http_options {
    gw_service *service;
    const char *listen;      /* host:port, [::]:port, unix:/path */
    const char *tls_cert;    /* file, PEM; or NULL */
    const char *tls_key;     /* file, PEM; or NULL */
    const char *secret_file; /* or NULL: one in the state folder */
    const char *state_dir;
    const char *hosts;    /* more names of this server: a,b; or NULL */
    bool allow_plaintext; /* outside loopback without TLS */
    bool protect_status;  /* credentials from loopback too */
    const gw_log *log;    /* or NULL */
} gw_http_options;

/**
 * Listens and answers, in threads of its own.
 *
 * Errors: GW_E_USAGE for the address, the certificate, the secret;
 *         GW_E_LOCKED when the address is taken.
 */
GW_MUST_CHECK gw_code gw_http_open(const gw_http_options *options,
                                   gw_http **out, gw_error *err);
/** Where it listens, as a URL or a path. */
const char *gw_http_address(const gw_http *http);
/** Whether its clock turns, and so nothing holds its locks for ever. */
bool gw_http_is_alive(const gw_http *http);
/** From now on every request is answered 503. */
void gw_http_refuse(gw_http *http);
void gw_http_close(gw_http *http);

#endif
