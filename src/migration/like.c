/* SPDX-License-Identifier: Apache-2.0 */
/* Case-insensitive comparison as PostgreSQL's LOWER and ILIKE do it in a
 * UTF-8 locale, one character at a time, for the scripts that have case and
 * a regular mapping: Latin, Greek, Cyrillic, Armenian. Nothing here depends
 * on the locale of the process. */
#include "base/utf8.h"
#include "migration/like_priv.h"

typedef struct case_range {
    uint32_t first, last; /* capitals */
    int32_t to_lower;     /* 0: every other one is a capital, from `first` */
} case_range;

static const case_range case_ranges[] = {
    {'A', 'Z', 32},     {0xC0, 0xD6, 32},     {0xD8, 0xDE, 32},
    {0x100, 0x12F, 0},  {0x132, 0x137, 0},    {0x139, 0x148, 0},
    {0x14A, 0x177, 0},  {0x178, 0x178, -121}, {0x179, 0x17E, 0},
    {0x218, 0x21B, 0},  {0x386, 0x386, 38},   {0x388, 0x38A, 37},
    {0x38C, 0x38C, 64}, {0x38E, 0x38F, 63},   {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32}, {0x400, 0x40F, 80},   {0x410, 0x42F, 32},
    {0x460, 0x481, 0},  {0x48A, 0x4BF, 0},    {0x4D0, 0x52F, 0},
    {0x531, 0x556, 48}, {0x1E00, 0x1E95, 0},  {0x1EA0, 0x1EFF, 0},
};

static uint32_t
fold(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    for (size_t i = 0; i < sizeof(case_ranges) / sizeof(*case_ranges); i++) {
        const case_range *r = &case_ranges[i];

        if (c < r->first)
            break;
        if (c > r->last)
            continue;
        if (r->to_lower)
            return (uint32_t)((int32_t)c + r->to_lower);
        return c + ((c - r->first) % 2 == 0);
    }
    return c;
}

/* The character at *at, folded; a byte that is no UTF-8 stands for itself. */
static uint32_t
next_folded(const char **at, const char *end)
{
    const unsigned char *p = (const unsigned char *)*at;
    size_t n = gw_utf8_step(*at, end);
    uint32_t c = p[0];

    if (n > 1)
        c &= 0xFFu >> (n + 1);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    *at += n ? n : 1;
    return n ? fold(c) : 0x110000 + c;
}

bool
gw_text_equal_folded(gw_slice a, gw_slice b)
{
    const char *p = a.at, *p_end = a.at + a.len;
    const char *q = b.at, *q_end = b.at + b.len;

    while (p < p_end && q < q_end)
        if (next_folded(&p, p_end) != next_folded(&q, q_end))
            return false;
    return p == p_end && q == q_end;
}

/* Whether one character of the text fits what the pattern has at *q, which
 * is no %; both move on. */
static bool
fits_one(const char **p, const char *p_end, const char **q, const char *q_end)
{
    uint32_t c = next_folded(p, p_end);

    if (**q == '_') {
        (*q)++;
        return true;
    }
    if (**q == '\\' && *q + 1 < q_end)
        (*q)++;
    return next_folded(q, q_end) == c;
}

bool
gw_text_like(gw_slice text, gw_slice pattern)
{
    const char *p = text.at, *p_end = text.at + text.len;
    const char *q = pattern.at, *q_end = pattern.at + pattern.len;
    /* behind the last %, and where in the text it has been tried: only that
     * one ever needs another try */
    const char *retry_q = NULL, *retry_p = NULL;

    while (p < p_end) {
        if (q < q_end && *q == '%') {
            retry_q = ++q;
            retry_p = p;
        } else if (q < q_end && fits_one(&p, p_end, &q, q_end)) {
            continue;
        } else if (retry_q) {
            (void)next_folded(&retry_p, p_end);
            p = retry_p;
            q = retry_q;
        } else {
            return false;
        }
    }
    while (q < q_end && *q == '%')
        q++;
    return q == q_end;
}
