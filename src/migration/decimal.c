/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing numbers without a number type: ids above 2^53 and amounts like
 * 1.10 are compared by their digits. Exponents beyond any real use are taken
 * as equal to each other at EXPONENT_MAX. */
#include "migration/decimal_priv.h"

enum { EXPONENT_MAX = 1000000000 };

static bool
is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static const char *
skip_digits(const char *at, const char *end)
{
    while (is_digit(at, end))
        at++;
    return at;
}

/* The mantissa from `at`: its end, or NULL when it is none. */
static const char *
mantissa_end(const char *at, const char *end)
{
    if (!is_digit(at, end))
        return NULL;
    at = *at == '0' ? at + 1 : skip_digits(at, end);
    if (at < end && *at == '.') {
        if (!is_digit(at + 1, end))
            return NULL;
        at = skip_digits(at + 1, end);
    }
    return at;
}

static bool
read_exponent(const char *at, const char *end, int64_t *out)
{
    bool negative = false;
    int64_t value = 0;

    if (at == end) {
        *out = 0;
        return true;
    }
    if (*at != 'e' && *at != 'E')
        return false;
    at++;
    if (at < end && (*at == '+' || *at == '-'))
        negative = *at++ == '-';
    if (!is_digit(at, end))
        return false;
    for (; is_digit(at, end); at++)
        if (value < EXPONENT_MAX)
            value = value * 10 + (*at - '0');
    if (value > EXPONENT_MAX)
        value = EXPONENT_MAX;
    *out = negative ? -value : value;
    return at == end;
}

bool
gw_decimal_read(gw_slice text, gw_decimal *out)
{
    gw_decimal d = {.sign = 1, .at = text.at, .end = text.at + text.len};
    const char *end = d.end;
    int64_t exponent;

    if (text.len == 0)
        return false;
    if (*d.at == '-') {
        d.sign = -1;
        d.at++;
    }
    d.end = mantissa_end(d.at, end);
    if (!d.end || !read_exponent(d.end, end, &exponent))
        return false;

    if (*d.at != '0') {
        d.point = skip_digits(d.at, d.end) - d.at;
    } else {
        /* 0.00x: every 0 behind the point moves it to the left */
        for (d.at++; d.at < d.end && (*d.at == '0' || *d.at == '.'); d.at++)
            d.point -= *d.at == '0';
        if (d.at == d.end)
            d.sign = 0;
    }
    d.point += exponent;
    *out = d;
    return true;
}

/* The next digit, 0 behind the last. */
static char
next_digit(const char **at, const char *end)
{
    if (*at < end && **at == '.')
        (*at)++;
    return *at < end ? *(*at)++ : '0';
}

static int
compare_magnitudes(const gw_decimal *a, const gw_decimal *b)
{
    const char *p = a->at, *q = b->at;

    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    while (p < a->end || q < b->end) {
        char x = next_digit(&p, a->end), y = next_digit(&q, b->end);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

int
gw_decimal_compare(const gw_decimal *a, const gw_decimal *b)
{
    if (a->sign != b->sign)
        return a->sign < b->sign ? -1 : 1;
    return a->sign * (a->sign ? compare_magnitudes(a, b) : 0);
}
