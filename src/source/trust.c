/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of a list can be trusted. The source keeps its rows by the slot
 * of their ids, but gives mangled ids: those stand at the slot of the real
 * one. So the rows that ascend are right, as long as there is one choice. */
#include <stdlib.h>

#include "base/mem.h"
#include "source/rows_priv.h"

enum { SLOTS = 256 };

/* For each prefix of the slots the highest value (a Fenwick tree). */
typedef struct heights {
    uint32_t at[SLOTS + 1];
} heights;

static uint32_t
highest(const heights *h, unsigned upto)
{
    uint32_t best = 0;

    for (unsigned i = upto + 1; i > 0; i &= i - 1)
        if (h->at[i] > best)
            best = h->at[i];
    return best;
}

static void
raise_to(heights *h, unsigned slot, uint32_t value)
{
    for (unsigned i = slot + 1; i <= SLOTS; i += i & (~i + 1))
        if (h->at[i] < value)
            h->at[i] = value;
}

/* The length of the longest ascending choice that ends with each row, and,
 * into `after`, that begins with it. */
static void
measure(const uint8_t *slots, size_t n, uint32_t *before, uint32_t *after)
{
    heights up = {{0}}, down = {{0}};

    for (size_t i = 0; i < n; i++) {
        before[i] = highest(&up, slots[i]) + 1;
        raise_to(&up, slots[i], before[i]);
    }
    for (size_t i = n; i-- > 0;) {
        unsigned mirrored = SLOTS - 1U - slots[i];
        after[i] = highest(&down, mirrored) + 1;
        raise_to(&down, mirrored, after[i]);
    }
}

void
gw_trust_judge(const uint8_t *slots, size_t n, uint8_t *verdicts)
{
    uint32_t *before = gw_malloc((n + 1) * sizeof(*before));
    uint32_t *after = gw_malloc((n + 1) * sizeof(*after));
    uint32_t *rivals = gw_calloc(n + 2, sizeof(*rivals));
    uint32_t longest = 0;

    measure(slots, n, before, after);
    for (size_t i = 0; i < n; i++)
        if (before[i] > longest)
            longest = before[i];
    /* those of one height in a longest choice exclude each other */
    for (size_t i = 0; i < n; i++)
        if (before[i] + after[i] - 1 == longest)
            rivals[before[i]]++;
    for (size_t i = 0; i < n; i++) {
        bool is_in = before[i] + after[i] - 1 == longest;
        verdicts[i] = !is_in                   ? GW_TRUST_BREAKS
                      : rivals[before[i]] == 1 ? GW_TRUST_FITS
                                               : GW_TRUST_AMBIGUOUS;
    }
    free(before);
    free(after);
    free(rivals);
}
