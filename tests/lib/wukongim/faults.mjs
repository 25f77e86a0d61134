// SPDX-License-Identifier: Apache-2.0
// What goes wrong on the way, and when: at a rate by a seed, or as a test
// says it. How each kind looks to a client is in server.mjs.
import { mix } from './rules.mjs';

/** Kinds that take the place of the reply. */
export const BEFORE = ['500', '400', '503', '429', '502', 'html', 'reset',
    'hang', 'empty', 'redirect', 'deep', 'giant'];
/** Kinds that spoil a good reply: in the middle of its body, or (bye) by
 *  breaking the kept connection right after it. */
export const WITHIN = ['cut', 'short', 'stall', 'torn', 'slow', 'bye'];
/** What a sound client gets over without anybody's help. */
export const PASSING = ['500', '503', '429', '502', 'reset', 'cut', 'short',
    'torn', 'slow', 'bye'];

export class Faults {
    /**
     * rate: of all requests that fail; kinds: which of them; most: how often
     * the same request fails at most, so that a client gets on.
     */
    constructor({ rate = 0, kinds = PASSING, seed = 1, most = 2 } = {}) {
        this.set({ rate, kinds, seed, most });
        this.orders = [];
    }

    set({ rate = 0, kinds = PASSING, seed = 1, most = 2 }) {
        Object.assign(this, { rate, kinds, seed, most });
        this.n = 0;
        this.failed = new Map();
    }

    /**
     * The next `times` requests that match fail. when: {path, body} or a
     * function of {method, path, body, n}; body is a part of its text.
     */
    order(kind, { times = 1, path, body, when, ...how } = {}) {
        const matches = when ?? ((r) => (!path || r.path === path) &&
            (!body || r.body.includes(body)));
        const order = { kind, times, matches, how, done: 0 };
        this.orders.push(order);
        return order;
    }

    /** The fault of this request: {kind, how} or null. */
    pick(request) {
        for (const order of this.orders) {
            if (order.times <= 0 || !order.matches(request)) continue;
            order.times--;
            order.done++;
            return { kind: order.kind, how: order.how };
        }
        if (this.rate <= 0) return null;
        const roll = mix(this.seed, ++this.n);
        if (roll / 4294967296 >= this.rate) return null;
        const key = `${request.path} ${request.body}`;
        const failed = this.failed.get(key) ?? 0;
        if (failed >= this.most) return null;
        this.failed.set(key, failed + 1);
        return { kind: this.kinds[mix(roll, 7) % this.kinds.length], how: {} };
    }
}
