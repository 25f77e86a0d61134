/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the JSON layer: acceptance against jansson's, and equality, hash
 * and canonical text against each other. Aborts at a disagreement. */
#include <stdio.h>

#include "lib/json_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    const char *wrong =
        json_peer_check((gw_slice){(const char *)data, size_bytes});

    if (wrong) {
        (void)fprintf(stderr, "%s\n", wrong);
        abort();
    }
    return 0;
}
