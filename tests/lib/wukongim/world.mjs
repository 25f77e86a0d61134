// SPDX-License-Identifier: Apache-2.0
// What a v1 server has stored: the truth that an import is measured by. The
// methods that end in `Rows` say what the server tells of it.
import { bytesOf, compareBytes, fake, mangle, slotOf, topicName }
    from './rules.mjs';
import { Topic } from './topic.mjs';

const keyOf = (id, type) => `${id}-${type}`;

export class World {
    constructor() {
        this.tokens = new Map();        // uid → [{flag, level, token}]
        this.channels = new Map();      // key → {id, type, ban, …}
        this.lists = new Map();         // key → {id, type, subscribers, …}
        this.topics = new Map();        // name → Topic
        this.conversations = new Map(); // uid → [conversation]
        this.number = 0;
        this.sorted = {};
    }

    // ---- what the business server does

    /** As /user/token: the first one makes the user's own channel record. */
    token(uid, { flag = 0, level = 1, token = `t-${uid}-${flag}` } = {}) {
        const rows = this.tokens.get(uid) ?? [];
        this.tokens.set(uid, [...rows.filter((r) => r.flag !== flag),
            { flag, level, token }]);
        if (!this.channels.has(keyOf(uid, 1))) this.channel(uid, 1);
        this.sorted.users = null;
        return this;
    }

    /** Records with info; `createIfNoExist` channels never get one. */
    channel(id, type, { ban = false, large = false, disband = false } = {}) {
        this.channels.set(keyOf(id, type), { id, type, ban, large, disband });
        this.sorted.channels = null;
        return this;
    }

    /** Appends to the lists of a channel: nothing removes repeats. */
    members(id, type, added) {
        const lists = this.lists.get(keyOf(id, type)) ?? { id, type,
            subscribers: [], allowlist: [], denylist: [] };
        for (const [name, uids] of Object.entries(added)) {
            lists[name] = [...lists[name], ...uids];
        }
        this.lists.set(keyOf(id, type), lists);
        return this;
    }

    /** Removes all of one list. */
    clear(id, type, name) {
        const lists = this.lists.get(keyOf(id, type));
        if (lists) lists[name] = [];
        return this;
    }

    /** The topic of a channel; made when it is not there. */
    topic(type, id, options) {
        const name = topicName(type, id);
        let topic = this.topics.get(name);
        if (!topic) {
            topic = new Topic(name, ++this.number, options);
            this.topics.set(name, topic);
        }
        return topic;
    }

    /** The topic of two persons, who write in turns. */
    person(a, b) {
        return this.topic(1, fake(a, b), { senders: [a, b], persons: [a, b] });
    }

    /** A user's conversation; `peer` is a uid for type 1. */
    conversation(uid, type, peer, values = {}) {
        const list = this.conversations.get(uid) ?? [];
        const id = type === 1 ? fake(uid, peer) : peer;
        const topic = this.topics.get(topicName(type, id));
        const last = topic?.newest ?? 0;
        const m = last > 0 ? topic.message(last) : null;
        const made = { channel_id: peer, channel_type: type,
            unread: 0, timestamp: m?.timestamp ?? 1_690_000_000,
            last_msg_seq: last, last_client_msg_no: m?.client_msg_no ?? '',
            version: (m?.timestamp ?? 1_690_000_000) * 1000 + 17, ...values };
        this.conversations.set(uid, [...list.filter((c) =>
            c.channel_id !== peer || c.channel_type !== type), made]);
        return this;
    }

    prerender() {
        for (const topic of this.topics.values()) topic.prerender();
    }

    // ---- what the server tells

    /** A topic's slot is by its whole name; a "/" makes nested directories. */
    slots() {
        const slots = Array.from({ length: 256 }, () => new Set());
        for (const name of this.topics.keys()) {
            slots[slotOf(name)].add(name.split('/')[0]);
        }
        return slots;
    }

    listOf(id, type) {
        const lists = this.lists.get(keyOf(id, type));
        const one = (name) => !lists?.[name].length ? null
            : lists[name].join(',').split(',');
        return { allowlist: one('allowlist'), denylist: one('denylist'),
            subscribers: one('subscribers') };
    }

    /** The rows of allusers, in the server's order; `from` is the truth. */
    userRows() {
        this.sorted.users ??= inOrder([...this.tokens].flatMap(([uid, rows]) =>
            rows.map((row) => ({ id: uid, number: row.flag, row }))));
        return this.sorted.users;
    }

    channelRows() {
        this.sorted.channels ??= inOrder([...this.channels.values()].map(
            (row) => ({ id: row.id, number: row.type, row })));
        return this.sorted.channels;
    }
}

/** By slot of the id, then by the bytes of the key. */
function inOrder(rows) {
    for (const r of rows) {
        r.slot = slotOf(r.id);
        r.key = bytesOf(keyOf(r.id, r.number));
        r.told = mangle(r.id, r.number);
    }
    return rows.sort((a, b) => a.slot - b.slot || compareBytes(a.key, b.key));
}
