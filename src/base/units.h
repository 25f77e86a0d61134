/* SPDX-License-Identifier: Apache-2.0 */
/** Durations, sizes, counts and times as people write them, and the clock. */
#ifndef GW_BASE_UNITS_H
#define GW_BASE_UNITS_H

#include "base/mem.h"

/**
 * Reads a duration: a whole number and a unit, `500ms`, `30s`, `5m`, `2h`.
 *
 * Errors: GW_E_USAGE with the text and how to write it.
 */
GW_MUST_CHECK gw_code gw_units_parse_duration(gw_slice text, int64_t *ms,
                                              gw_error *err);

/**
 * Reads a size: a whole number of bytes, or with a unit, `64KiB`, `64MiB`,
 * `1GiB`, `1TiB`.
 *
 * Errors: GW_E_USAGE with the text and how to write it.
 */
GW_MUST_CHECK gw_code gw_units_parse_size(gw_slice text, int64_t *size_bytes,
                                          gw_error *err);

/** Appends a duration or size so that it reads back as the same value, in
 *  the largest unit that divides it. Needs a value >= 0. */
void gw_units_put_duration(gw_buf *buf, int64_t ms);
void gw_units_put_size(gw_buf *buf, int64_t size_bytes);

/** Appends a count with a comma before every three digits: 1,234,567. */
void gw_units_put_count(gw_buf *buf, int64_t count);

enum { GW_TIMESTAMP_SIZE = 32 };

/** Writes a time as RFC 3339 in UTC, "2024-05-01T10:00:00+00:00". Needs a
 *  year of four digits. */
void gw_units_format_time(int64_t unix_seconds, char out[GW_TIMESTAMP_SIZE]);

/** The same for now. */
void gw_units_format_now(char out[GW_TIMESTAMP_SIZE]);

/** Reads what gw_units_format_time wrote; false for anything else. */
bool gw_units_parse_time(gw_slice text, int64_t *unix_seconds);

/** Microseconds of a clock that never goes back; its zero means nothing. */
int64_t gw_clock_us(void);

/** Sleeps for about that long; not at all for 0 or less. */
void gw_sleep_us(int64_t us);

#endif
