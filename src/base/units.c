/* SPDX-License-Identifier: Apache-2.0 */
/* Units as people write them. Whole numbers only: 1.5h is 90m. */
#include "base/units.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

/* the largest first, as they are tried when printing; an empty name ends */
static const unit duration_units[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {"", 0},
};
static const unit size_units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"", 1},
};

/* `name` empty finds the row that ends the table. */
static int64_t
factor_of(const unit *units, gw_slice name)
{
    for (;; units++) {
        if (gw_slice_equal(gw_slice_of(units->name), name))
            return units->factor;
        if (!*units->name)
            return 0;
    }
}

static bool
parse(gw_slice text, const unit *units, int64_t *out)
{
    int64_t value = 0;
    size_t i = 0;

    for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.at[i] - '0', &value))
            return false;
    if (i == 0)
        return false;

    int64_t factor = factor_of(units, (gw_slice){text.at + i, text.len - i});
    if (factor == 0 || __builtin_mul_overflow(value, factor, &value))
        return false;
    *out = value;
    return true;
}

static gw_code
refuse(gw_slice text, const char *what, const char *how, gw_error *err)
{
    return gw_fail(err, GW_E_USAGE, "\"%.*s\" is no %s; write it as %s",
                   (int)(text.len < 60 ? text.len : 60), text.at ? text.at : "",
                   what, how);
}

gw_code
gw_units_parse_duration(gw_slice text, int64_t *ms, gw_error *err)
{
    if (!parse(text, duration_units, ms))
        return refuse(text, "duration", "500ms, 30s, 5m or 2h", err);
    return GW_OK;
}

gw_code
gw_units_parse_size(gw_slice text, int64_t *size_bytes, gw_error *err)
{
    if (!parse(text, size_units, size_bytes))
        return refuse(text, "size", "65536, 64KiB, 64MiB or 1GiB", err);
    return GW_OK;
}

static void
put(gw_buf *buf, int64_t value, const unit *units)
{
    assert(value >= 0);
    while (units->factor > 1 &&
           (value < units->factor || value % units->factor != 0))
        units++;
    gw_buf_int(buf, value / units->factor);
    gw_buf_text(buf, units->name);
}

void
gw_units_put_duration(gw_buf *buf, int64_t ms)
{
    put(buf, ms, duration_units);
}

void
gw_units_put_size(gw_buf *buf, int64_t size_bytes)
{
    put(buf, size_bytes, size_units);
}

void
gw_units_put_count(gw_buf *buf, int64_t count)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%" PRIu64,
                     count < 0 ? 0 - (uint64_t)count : (uint64_t)count);

    if (count < 0)
        gw_buf_byte(buf, '-');
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            gw_buf_byte(buf, ',');
        gw_buf_byte(buf, digits[i]);
    }
}

void
gw_units_format_time(int64_t unix_seconds, char out[GW_TIMESTAMP_SIZE])
{
    time_t seconds = (time_t)unix_seconds;
    struct tm tm;

    if (!gmtime_r(&seconds, &tm))
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    out[0] = '\0';
    (void)strftime(out, GW_TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
}

void
gw_units_format_now(char out[GW_TIMESTAMP_SIZE])
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    gw_units_format_time(now.tv_sec, out);
}

bool
gw_units_parse_time(gw_slice text, int64_t *unix_seconds)
{
    char copy[GW_TIMESTAMP_SIZE], again[GW_TIMESTAMP_SIZE];
    struct tm tm = {0};

    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (!strptime(copy, "%Y-%m-%dT%H:%M:%S+00:00", &tm))
        return false;
    int64_t seconds = timegm(&tm);
    gw_units_format_time(seconds, again);
    if (strcmp(copy, again) != 0)
        return false;
    *unix_seconds = seconds;
    return true;
}

int64_t
gw_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
gw_sleep_us(int64_t us)
{
    if (us > 0) {
        nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
    }
}
