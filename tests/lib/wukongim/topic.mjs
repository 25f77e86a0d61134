// SPDX-License-Identifier: Apache-2.0
// One topic of the v1 server: its messages are computed from the seed, the
// topic's number and the seq when they are asked for, so that a million of
// them take no memory. What a topic holds are its segments, and the few
// messages that are told to be special.
import { crc32, goString, mix, splitTopicName } from './rules.mjs';

const FIRST_TIME = 1_690_000_000;
const PAYLOADS = Array.from({ length: 4096 }, (_, n) => Buffer.from(
    `{"type":${n % 9},"content":"${'lorem ipsum '.repeat(n % 5)}${n}"}`)
    .toString('base64'));

/** The text of a message in a reply, members in the server's order. */
export function renderMessage(m) {
    const h = m.header;
    const stream =
        (m.stream_no ? `"stream_no":${goString(m.stream_no)},` : '') +
        (m.stream_seq ? `"stream_seq":${m.stream_seq},` : '') +
        (m.stream_flag ? `"stream_flag":${m.stream_flag},` : '');
    const streams = !m.streams?.length ? '' : `,"streams":[${m.streams.map(
        (s) => `{"stream_seq":${s.stream_seq},"client_msg_no":${
            goString(s.client_msg_no)},"blob":${goString(s.blob)}}`)
        .join(',')}]`;
    const payload = m.payload === null ? 'null' : `"${m.payload}"`;
    return `{"header":{"no_persist":${h.no_persist},"red_dot":${h.red_dot},` +
        `"sync_once":${h.sync_once}},"setting":${m.setting},` +
        `"message_id":${m.message_id},"message_idstr":"${m.message_id}",` +
        `"client_msg_no":${goString(m.client_msg_no)},${stream}` +
        `"message_seq":${m.message_seq},"from_uid":${goString(m.from_uid)},` +
        `"channel_id":${goString(m.channel_id)},` +
        `"channel_type":${m.channel_type},"expire":${m.expire},` +
        `"timestamp":${m.timestamp},"payload":${payload}${streams}}`;
}

export class Topic {
    /**
     * `number` is unique in its world; `senders` write in turns (for a person
     * channel its two users); without senders, the API does.
     */
    constructor(name, number, { senders = [], persons = null } = {}) {
        this.name = name;
        const { type, id } = splitTopicName(name) ?? { type: 0, id: name };
        this.type = type;
        this.id = id;
        this.number = number;
        this.senders = senders;
        this.persons = persons;
        this.hash = crc32(name);
        this.hex = mix(this.hash, number).toString(16).padStart(8, '0');
        this.segments = [{ base: 0, first: 1, last: 0, missing: null }];
        this.special = new Map();
        this.delivered = new Uint16Array(0);
        this.rendered = null;
    }

    /** Keeps all messages as they are sent, for a server that must be fast;
     *  of a topic that is one segment without gaps. */
    prerender() {
        const [s] = this.segments;
        if (this.segments.length > 1 || s.missing || s.last === 0) return;
        const ends = new Float64Array(s.last + 1);
        const pieces = [];
        for (let seq = 1; seq <= s.last; seq++) {
            const piece = Buffer.from(`,${renderMessage(this.message(seq))}`);
            pieces.push(piece);
            ends[seq] = ends[seq - 1] + piece.length;
        }
        this.rendered = { last: s.last, ends, bytes: Buffer.concat(pieces) };
    }

    /** The messages of these ascending seqs as a list's inside. */
    render(seqs) {
        const kept = this.rendered;
        const first = seqs[0];
        const last = seqs.at(-1);
        if (kept && last <= kept.last && last - first + 1 === seqs.length) {
            return kept.bytes.subarray(kept.ends[first - 1] + 1,
                kept.ends[last]);
        }
        return Buffer.from(seqs.map((seq) =>
            renderMessage(this.message(seq))).join(','));
    }

    /** The newest seq there is; 0 for an empty topic. */
    get newest() {
        for (let n = this.segments.length - 1; n >= 0; n--) {
            const s = this.segments[n];
            for (let seq = s.last; seq >= s.first; seq--) {
                if (!s.missing?.has(seq)) return seq;
            }
        }
        return 0;
    }

    /** How many messages can still be read. */
    get count() {
        const [{ first, base }] = this.segments;
        return this.segments.reduce((n, s) => n + s.last - s.first + 1 -
            (s.missing?.size ?? 0), 0) - Math.max(0, base - first);
    }

    /** n more messages; `special` are members that the first of them gets. */
    append(n, special) {
        const s = this.segments.at(-1);
        if (special) this.special.set(s.last + 1, special);
        s.last += n;
        return this;
    }

    /** Seqs that nobody ever gets: a restart of the server skips one. */
    skip(n = 1) {
        const s = this.segments.at(-1);
        s.missing ??= new Set();
        for (; n > 0; n--) s.missing.add(++s.last);
        return this;
    }

    /** The next n messages are one batch that makes the log roll: the new
     *  segment is named by the last of them. */
    roll(n = 1) {
        const { last } = this.segments.at(-1);
        this.segments.push({ base: last + n, first: last + 1,
            last: last + n, missing: null });
        return this;
    }

    /** The oldest segment is deleted by hand. */
    purge() {
        if (this.segments.length < 2) throw new Error('only one segment');
        this.segments.shift();
        return this;
    }

    /** All seqs that can be read, ascending: of the oldest segment those
     *  below its name cannot, of the others they are found by a jump. */
    * seqs() {
        for (const [n, s] of this.segments.entries()) {
            let seq = n > 0 ? s.first : Math.max(s.first, s.base);
            for (; seq <= s.last; seq++) {
                if (!s.missing?.has(seq)) yield seq;
            }
        }
    }

    /**
     * The seqs that the server finds from `start`, `limit` at most: start
     * must be there, or the next segment is read. null: "baseOffset not
     * found".
     */
    read(start, limit) {
        let at = this.segments.findLastIndex((s) => s.base <= start);
        if (at < 0) return null;
        let s = this.segments[at];
        let seq = start;
        if (start < s.first || start > s.last || s.missing?.has(start)) {
            s = this.segments[++at];
            seq = s?.first;
        }
        const found = [];
        while (s && found.length < limit) {
            if (seq > s.last) {
                s = this.segments[++at];
                seq = s?.first;
            } else {
                if (!s.missing?.has(seq)) found.push(seq);
                seq++;
            }
        }
        return found;
    }

    from(h) {
        return this.senders.length === 0 ? ''
            : this.senders[h % this.senders.length];
    }

    /** To whom: of a receiver with "@" the last part that is not from. */
    to(from) {
        if (this.type !== 1) return this.id;
        if (!this.persons) return this.id;
        const [a, b] = this.persons;
        const to = from === a ? b : a;
        if (!to.includes('@')) return to;
        return to.split('@').findLast((part) => part !== from) ?? '';
    }

    /** Who wrote message `seq`, without making it. */
    writer(seq) {
        return this.special.get(seq)?.from_uid ??
            this.from(mix(this.hash + this.number, seq) >>> 4);
    }

    message(seq) {
        const h = mix(this.hash + this.number, seq);
        const from = this.from(h >>> 4);
        const m = {
            header: { no_persist: 0, red_dot: h & 1, sync_once: 0 },
            setting: (h & 6) === 6 ? 160 : 0,
            message_id: `17${String(this.number).padStart(8, '0')}` +
                String(seq).padStart(9, '0'),
            client_msg_no: this.hex + h.toString(16).padStart(8, '0') +
                seq.toString(16).padStart(8, '0'),
            message_seq: seq,
            from_uid: from,
            channel_id: this.to(from),
            channel_type: this.type,
            expire: (h >>> 8) % 16 === 0 ? (h >>> 12) % 604800 : 0,
            timestamp: FIRST_TIME + this.number % 86400 + seq * 7,
            payload: PAYLOADS[(h >>> 16) % 4096],
        };
        return this.special.size > 0 && this.special.has(seq)
            ? { ...m, ...this.special.get(seq) } : m;
    }

    /** Notes that these seqs were handed over whole. */
    note(seqs) {
        const newest = seqs.at(-1) ?? 0;
        if (newest >= this.delivered.length) {
            const wider = new Uint16Array(Math.max(16, newest * 2));
            wider.set(this.delivered);
            this.delivered = wider;
        }
        for (const seq of seqs) this.delivered[seq]++;
    }
}
