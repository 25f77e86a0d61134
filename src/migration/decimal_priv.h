/* SPDX-License-Identifier: Apache-2.0 */
/** Decimal numbers as text, compared exactly whatever their size. */
#ifndef GW_MIGRATION_DECIMAL_PRIV_H
#define GW_MIGRATION_DECIMAL_PRIV_H

#include "base/mem.h"

/** A number 0.DIGITS * 10^point; the digits are those of the text. */
typedef struct gw_decimal {
    int sign;             /* -1, 0, 1 */
    const char *at, *end; /* from the first digit that is not 0; may hold a
                             point, which counts for nothing */
    int64_t point;
} gw_decimal;

/** Reads text that is a JSON number and nothing else; false if it is none. */
bool gw_decimal_read(gw_slice text, gw_decimal *out);
/** Below, at or above 0, as memcmp. */
int gw_decimal_compare(const gw_decimal *a, const gw_decimal *b);

#endif
