/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by OpenSSL, and the only place that knows so. Fails only for lack
 * of memory or of the algorithm, and then there is no going on. */
#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

struct gw_sha256 {
    EVP_MD_CTX *context;
};

static void
require(bool is_done)
{
    if (is_done)
        return;
    (void)fputs("godwit: OpenSSL gives no SHA-256\n", stderr);
    abort();
}

gw_sha256 *
gw_sha256_new(void)
{
    gw_sha256 *sum = gw_malloc(sizeof(*sum));

    sum->context = EVP_MD_CTX_new();
    require(sum->context &&
            EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL) == 1);
    return sum;
}

void
gw_sha256_add(gw_sha256 *sum, gw_slice bytes)
{
    if (bytes.len)
        require(EVP_DigestUpdate(sum->context, bytes.at, bytes.len) == 1);
}

static void
put_hex(const unsigned char bytes[32], char hex[GW_SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[64] = '\0';
}

void
gw_sha256_finish(gw_sha256 *sum, char hex[GW_SHA256_HEX_SIZE])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];

    require(EVP_DigestFinal_ex(sum->context, bytes, NULL) == 1);
    put_hex(bytes, hex);
    gw_sha256_free(sum);
}

void
gw_sha256_free(gw_sha256 *sum)
{
    if (sum)
        EVP_MD_CTX_free(sum->context);
    free(sum);
}

void
gw_sha256_hex(const gw_slice *parts, size_t n, char hex[GW_SHA256_HEX_SIZE])
{
    gw_sha256 *sum = gw_sha256_new();

    for (size_t i = 0; i < n; i++)
        gw_sha256_add(sum, parts[i]);
    gw_sha256_finish(sum, hex);
}

void
gw_sha256_base64(gw_slice text, char base64[GW_SHA256_BASE64_SIZE])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    require(EVP_Digest(text.at, text.len, bytes, &n, EVP_sha256(), NULL) == 1);
    (void)EVP_EncodeBlock((unsigned char *)base64, bytes, (int)n);
}

void
gw_sha256_hmac_hex(gw_slice key, gw_slice text, char hex[GW_SHA256_HEX_SIZE])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    require(HMAC(EVP_sha256(), key.at, (int)key.len,
                 (const unsigned char *)text.at, text.len, bytes, &n) != NULL);
    put_hex(bytes, hex);
}
