/* SPDX-License-Identifier: Apache-2.0 */
/** Text without regard to case: equality and LIKE. */
#ifndef GW_MIGRATION_LIKE_PRIV_H
#define GW_MIGRATION_LIKE_PRIV_H

#include "base/mem.h"

/** Whether two texts (UTF-8) differ in case at most. */
bool gw_text_equal_folded(gw_slice a, gw_slice b);
/** Whether text matches a pattern in which % stands for any characters, _
 *  for any one, and \ takes the special meaning from what follows. */
bool gw_text_like(gw_slice text, gw_slice pattern);

#endif
