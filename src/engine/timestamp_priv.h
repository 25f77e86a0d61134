/* SPDX-License-Identifier: Apache-2.0 */
/** The text of a position's time. */
#ifndef GW_ENGINE_TIMESTAMP_PRIV_H
#define GW_ENGINE_TIMESTAMP_PRIV_H

#include "base/mem.h"

/** Whether every store takes it: ISO 8601 as `2024-05-01T10:00:00+00:00`,
 *  also with a space for the T, a fraction of up to six digits, and the
 *  zone as Z, +00, +0000 or left out (UTC). */
bool gw_timestamp_is_valid(gw_slice text);

#endif
