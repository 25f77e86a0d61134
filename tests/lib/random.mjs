// SPDX-License-Identifier: Apache-2.0
// Chance that is the same for the same seed.

/** Numbers in [0, 1) by mulberry32, with .below(n) and .pick(list). */
export function makeRandom(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let x = state;
        x = Math.imul(x ^ (x >>> 15), x | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
    };
    next.below = (n) => Math.floor(next() * n);
    next.pick = (list) => list[next.below(list.length)];
    return next;
}
