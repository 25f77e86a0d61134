/* SPDX-License-Identifier: Apache-2.0 */
/** The file that a secret is in. */
#ifndef GW_BASE_SECRET_H
#define GW_BASE_SECRET_H

#include "base/mem.h"

/**
 * Reads it; line ends at its end do not count. To be wiped after use.
 *
 * Errors: GW_E_USAGE when it cannot be read, is empty or longer than
 *         GW_LIMIT_SECRET.
 */
GW_MUST_CHECK gw_code gw_secret_read(const char *path, gw_buf *out,
                                     gw_error *err);
/** Overwrites and frees. */
void gw_secret_wipe(gw_buf *secret);

#endif
