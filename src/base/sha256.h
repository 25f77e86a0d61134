/* SPDX-License-Identifier: Apache-2.0 */
/** SHA-256 checksums. */
#ifndef GW_BASE_SHA256_H
#define GW_BASE_SHA256_H

#include "base/mem.h"

enum {
    GW_SHA256_HEX_SIZE = 65,    /* 64 digits and the NUL */
    GW_SHA256_BASE64_SIZE = 45, /* 44 and the NUL */
};

/** A checksum in the making. */
typedef struct gw_sha256 gw_sha256;

gw_sha256 *gw_sha256_new(void);
void gw_sha256_add(gw_sha256 *sum, gw_slice bytes);
/** Writes 64 lower-case hexadecimal digits and frees `sum`. */
void gw_sha256_finish(gw_sha256 *sum, char hex[GW_SHA256_HEX_SIZE]);
/** For a sum that is not wanted any more; NULL is fine. */
void gw_sha256_free(gw_sha256 *sum);

/** The checksum of `parts[0..n)`, one behind the other. */
void gw_sha256_hex(const gw_slice *parts, size_t n,
                   char hex[GW_SHA256_HEX_SIZE]);

/** The checksum of `text` as a Content-Security-Policy names it. */
void gw_sha256_base64(gw_slice text, char base64[GW_SHA256_BASE64_SIZE]);

/** HMAC-SHA256 of `text` under `key`. */
void gw_sha256_hmac_hex(gw_slice key, gw_slice text,
                        char hex[GW_SHA256_HEX_SIZE]);

#endif
