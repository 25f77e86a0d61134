/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the edit distance between names, swaps counted once. */
#include "cli/option_priv.h"

#define GW_NAME_MAX 40 /* longer than any name of ours */

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein, restricted; both shorter than GW_NAME_MAX. */
static size_t
edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[3][GW_NAME_MAX + 1];
    size_t *before = row[0], *last = row[1], *now = row[2];

    for (size_t j = 0; j <= b_len; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(change, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_len];
}

void
gw_suggestion_offer(gw_suggestion *suggestion, const char *name)
{
    size_t typed_len = strlen(suggestion->typed), name_len = strlen(name);

    if (typed_len < 2 || typed_len >= GW_NAME_MAX || name_len >= GW_NAME_MAX)
        return;
    /* what somebody began to type counts as near */
    size_t distance =
        typed_len >= 3 && typed_len < name_len &&
                strncmp(suggestion->typed, name, typed_len) == 0
            ? 1
            : edit_distance(suggestion->typed, typed_len, name, name_len);
    if (distance > 1 + typed_len / 4)
        return;
    if (!suggestion->best || distance < suggestion->distance) {
        suggestion->best = name;
        suggestion->distance = distance;
    }
}
