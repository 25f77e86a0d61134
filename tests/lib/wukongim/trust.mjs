// SPDX-License-Identifier: Apache-2.0
// Which rows of the two lists can be trusted, from the list alone: the server
// sends them slot by slot, so a row whose id does not belong to the slot that
// the rows around it are in was mangled at a "-". Written after the contract
// (spec/import.md), not after the importer.
import { slotOf } from './rules.mjs';

/** For each number the length of the longest non-descending run of a
 *  subsequence that ends with it. */
function lengths(numbers) {
    const ends = []; // ends[k]: the least number that a run of k+1 ends with
    return numbers.map((x) => {
        let low = 0;
        let high = ends.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (ends[middle] <= x) low = middle + 1;
            else high = middle;
        }
        ends[low] = x;
        return low + 1;
    });
}

/**
 * For the ids of a list, in its order: 'trusted' is in every longest
 * subsequence whose slots do not descend, 'mangled' in none, 'ambiguous' in
 * some.
 */
export function judge(ids) {
    const slots = ids.map(slotOf);
    const before = lengths(slots);
    const after = lengths(slots.map((s) => 255 - s).reverse()).reverse();
    const longest = before.reduce((a, b) => Math.max(a, b), 0);
    const level = new Map();
    const inOne = slots.map((_, n) => before[n] + after[n] - 1 === longest);
    inOne.forEach((is, n) => {
        if (is) level.set(before[n], (level.get(before[n]) ?? 0) + 1);
    });
    return inOne.map((is, n) => !is ? 'mangled'
        : level.get(before[n]) === 1 ? 'trusted' : 'ambiguous');
}
