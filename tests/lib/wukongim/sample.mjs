// SPDX-License-Identifier: Apache-2.0
// A v1 server as one finds it, by a seed: plain ids and odd ones, persons and
// groups, lists, conversations, and every quirk of the fact sheet's part 7.
import { makeRandom } from '../random.mjs';
import { fake, NAME_BYTES, topicName } from './rules.mjs';
import { judge } from './trust.mjs';
import { World } from './world.mjs';

const hex = (r, n) => Array.from({ length: n }, () =>
    '0123456789abcdef'[r.below(16)]).join('');

/** How the odd ids look; each is given the number that makes it unlike. */
const ODD = [
    (r) => hex(r, 32),
    (r, n) => `at${n}@example.org`,
    (r, n) => `<b>${n}&amp;"'\\`,
    (r, n) => `漢字é😀${n}`,
    (r, n) => `slash/${n}`,
    (r, n) => `space ${n} .`,
    (r, n) => `%2F${n}?a=b&c#d+e`,
    (r, n) => `${n}${'x'.repeat(200)}`,
];
const HYPHENED = [
    (r) => [8, 4, 4, 4, 12].map((n) => hex(r, n)).join('-'),
    (r, n) => `alice-${n}`,
    (r, n) => `my-group-${n}`,
];

class Builder {
    constructor({ seed = 1, users = 100, topics = 300, messages = 10_000,
        quirks = true } = {}) {
        Object.assign(this, { quirks, messages });
        this.random = makeRandom(seed);
        this.world = new World();
        this.uids = this.names(users, 'user');
        this.makeUsers();
        this.makeTopics(topics);
        if (quirks) this.makeJunk();
        this.makeConversations();
    }

    /** n ids, of which `quirks` makes a fifth odd, and some hyphened. */
    names(n, word) {
        const r = this.random;
        const plain = (i) => `${word}${i}`;
        if (!this.quirks) return Array.from({ length: n }, (_, i) => plain(i));
        return Array.from({ length: n }, (_, i) => {
            const kind = r.below(100);
            if (kind < 20) return r.pick(ODD)(r, i);
            return kind < 25 ? r.pick(HYPHENED)(r, i) : plain(i);
        });
    }

    some(list, n) {
        return Array.from({ length: n }, () => this.random.pick(list));
    }

    makeUsers() {
        const r = this.random;
        const { world, uids, quirks } = this;
        for (const uid of uids) {
            if (quirks && r.below(20) === 0 && !uid.includes('@') &&
                !uid.includes('/')) continue; // never called /user/token
            for (const flag of r.pick([[0], [0], [1], [0, 1], [0, 1, 2]])) {
                world.token(uid, { flag, level: r.below(2),
                    token: quirks && r.below(10) === 0 ? ''
                        : hex(r, 32) });
            }
            if (r.below(10) < 3) {
                world.members(uid, 1, { allowlist: this.some(uids, 3),
                    denylist: this.some(uids, r.below(2)) });
            }
        }
    }

    makeTopics(n) {
        const groups = this.names(Math.ceil(n / 2), 'group');
        const pairs = new Set();
        const topics = [];
        for (const id of groups) topics.push(this.makeGroup(id));
        while (topics.length < n && pairs.size < this.uids.length ** 2 / 4) {
            const [a, b] = this.some(this.uids, 2);
            const name = topicName(1, fake(a, b));
            if (pairs.has(fake(a, b)) || Buffer.byteLength(name) > NAME_BYTES) {
                continue;
            }
            pairs.add(fake(a, b));
            const topic = this.world.person(a, b);
            // what "/" hides is found by a conversation
            if (topic.name.includes('/')) topic.hidden = true;
            topics.push(topic);
        }
        this.fill(topics);
    }

    makeGroup(id) {
        const r = this.random;
        const type = r.below(10) < 7 ? 2 : 3 + r.below(5);
        const senders = this.some(this.uids, 1 + r.below(5));
        const known = !this.quirks || id.includes('/') || r.below(10) > 0;
        if (known) {
            this.world.channel(id, type, { ban: r.below(9) === 0,
                large: r.below(9) === 0, disband: r.below(9) === 0 });
        }
        this.world.members(id, type, {
            subscribers: this.some(this.uids, r.below(12)),
            allowlist: this.some(this.uids, r.below(3)),
            denylist: this.some(this.uids, r.below(2)) });
        return this.world.topic(type, id, { senders: r.below(9) === 0 &&
            this.quirks ? [] : senders });
    }

    /** A tenth of the messages in the first topic, the rest uneven. */
    fill(topics) {
        const r = this.random;
        const first = topics.length > 1 ? Math.floor(this.messages / 10)
            : this.messages;
        topics[0].append(first);
        const weights = topics.slice(1).map(() => r() ** 3 + 0.02);
        const sum = weights.reduce((a, b) => a + b, 0);
        let left = this.messages - first;
        weights.forEach((w, n) => {
            const share = n === weights.length - 1 ? left : Math.min(left,
                Math.floor((this.messages - first) * w / sum));
            left -= share;
            this.fillOne(topics[n + 1], share, n);
        });
    }

    fillOne(topic, n, at) {
        if (!this.quirks || n < 8) {
            topic.append(n);
            return;
        }
        switch (at % 12) {
        case 0: // a gap as a restart leaves it, in the middle
            topic.append(2).skip().append(n - 2);
            return;
        case 1: // a page can begin before its start
            topic.append(n - 5).roll(4).append(1);
            return;
        case 2: // a new segment of one record, then a gap
            topic.append(n - 3).roll(1).skip().append(2);
            return;
        case 3:
            topic.append(1, { payload: '' }).append(1, { setting: 4,
                stream_no: 's1', stream_seq: 3, stream_flag: 1,
                streams: [{ stream_seq: 1, client_msg_no: 'c1',
                    blob: 'aGk=' }, { stream_seq: 2, client_msg_no: 'c2',
                    blob: '' }] }).append(n - 2);
            return;
        case 4:
            topic.append(1, { message_id: '9223372036854775807',
                timestamp: 2147483647, expire: 4294967295, setting: 255 })
                .append(1, { client_msg_no: '<&>"\\\n\u2028', from_uid: '' })
                .append(n - 2);
            return;
        default:
            topic.append(n);
        }
    }

    /** What nobody would put there, and is there. */
    makeJunk() {
        const { world, uids } = this;
        const plain = uids.filter((uid) => /^user/.test(uid));
        world.topic(1, '@');
        world.topic(1, `${plain[0]}@`);
        world.topic(2, `${plain[0]}@${plain[1]}`);
        world.topic(2, '__warmnobody');
        world.topic(1, `userqueue_${plain[0]}`).append(3);
        world.topic(1, `userqueue_${plain[1]}`);
        world.topic(1, plain[2]).append(7);
        world.person('plumless', 'buckeroo').append(5);
        world.topic(1, 'plumless@buckeroo', { senders: ['plumless',
            'buckeroo'], persons: ['plumless', 'buckeroo'] }).append(6);
        world.channel('nothing', 2);
        world.members('nomessages', 2, { subscribers: [plain[3]] });
    }

    makeConversations() {
        const r = this.random;
        for (const topic of this.world.topics.values()) {
            if (topic.newest === 0) continue;
            const unread = () => r.below(3) * r.below(topic.newest + 3);
            const values = () => ({ unread: unread() });
            if (topic.persons) this.converse(topic, values);
            else if (topic.type !== 1) {
                for (const uid of new Set(topic.senders)) {
                    if (r.below(3) > 0) {
                        this.world.conversation(uid, topic.type, topic.id,
                            values());
                    }
                }
            }
        }
    }

    /** By fake(uid, peer) a colliding pair's two see different channels. */
    converse(topic, values) {
        const [a, b] = topic.persons;
        this.world.conversation(a, 1, b, values());
        if (topic.hidden || this.random.below(4) > 0) {
            this.world.conversation(b, 1, a, values());
        }
    }
}

/** The lists leave no doubt which of their rows are mangled. */
function isClear(rows) {
    const verdicts = judge(rows.map((r) => r.told.id));
    return rows.every((r, n) => verdicts[n] === (r.told.id === r.id &&
        r.told.number === r.number ? 'trusted' : 'mangled'));
}

/**
 * A world of that size. Where chance puts a mangled row into the slot that
 * its wrong id belongs to, nobody could tell: then another seed is taken.
 */
export function sampleWorld(options = {}) {
    const seed = options.seed ?? 1;
    for (let n = 0; n < 500; n++) {
        const { world } = new Builder({ ...options, seed: seed + n * 1000 });
        if (isClear(world.userRows()) && isClear(world.channelRows())) {
            return world;
        }
    }
    throw new Error('no clear world of this size: give it more users');
}
