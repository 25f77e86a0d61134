/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the text of a time. Does not convert: stores keep what they got. */
#include "engine/timestamp_priv.h"

/* Takes n digits off the front; -1 when there are not that many. */
static int
take_digits(gw_slice *text, size_t n)
{
    int value = 0;

    if (text->len < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return -1;
        value = value * 10 + (text->at[i] - '0');
    }
    text->at += n;
    text->len -= n;
    return value;
}

static bool
take_byte(gw_slice *text, char byte)
{
    if (text->len == 0 || *text->at != byte)
        return false;
    text->at++;
    text->len--;
    return true;
}

static int
days_of_month(int year, int month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month == 2)
        return leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool
take_date(gw_slice *text)
{
    int year, month, day;

    year = take_digits(text, 4);
    if (year < 1 || !take_byte(text, '-'))
        return false;
    month = take_digits(text, 2);
    if (month < 1 || month > 12 || !take_byte(text, '-'))
        return false;
    day = take_digits(text, 2);
    return day >= 1 && day <= days_of_month(year, month);
}

/* Two digits from 0 to max, after `before` (0: nothing before). */
static bool
take_part(gw_slice *text, char before, int max)
{
    int value;

    if (before && !take_byte(text, before))
        return false;
    value = take_digits(text, 2);
    return value >= 0 && value <= max;
}

static bool
take_fraction(gw_slice *text)
{
    size_t n = 0;

    if (!take_byte(text, '.'))
        return true;
    while (n < 6 && take_digits(text, 1) >= 0)
        n++;
    return n > 0;
}

static bool
take_zone(gw_slice *text)
{
    if (text->len == 0 || take_byte(text, 'Z'))
        return true;
    if (!take_byte(text, '+') && !take_byte(text, '-'))
        return false;
    if (!take_part(text, 0, 15))
        return false;
    if (text->len == 0)
        return true;
    return take_part(text, *text->at == ':' ? ':' : 0, 59);
}

bool
gw_timestamp_is_valid(gw_slice text)
{
    return take_date(&text) &&
           (take_byte(&text, 'T') || take_byte(&text, ' ')) &&
           take_part(&text, 0, 23) && take_part(&text, ':', 59) &&
           take_part(&text, ':', 59) && take_fraction(&text) &&
           take_zone(&text) && text.len == 0;
}
