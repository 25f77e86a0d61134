// SPDX-License-Identifier: Apache-2.0
// The rules of WuKongIM v1 that its clients can see: slots, the names of
// topics, the names of person channels, JSON as Go writes it, and what is
// lost of an id in the two lists. Nothing here holds data.

const TABLE = new Uint32Array(256).map((_, n) => {
    for (let bit = 0; bit < 8; bit++) {
        n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    }
    return n;
});

export const SLOTS = 256;
/** A directory name cannot be longer, and a topic is a directory. */
export const NAME_BYTES = 255;

/** CRC-32 (IEEE) of a text's UTF-8, unsigned. */
export function crc32(text) {
    let crc = 0xffffffff;
    for (const byte of Buffer.from(text, 'utf8')) {
        crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
    }
    return (crc ^ 0xffffffff) >>> 0;
}

export function slotOf(text) {
    return crc32(text) % SLOTS;
}

/** The name of the channel of two persons; equal hashes: by argument. */
export function fake(a, b) {
    return crc32(a) > crc32(b) ? `${a}@${b}` : `${b}@${a}`;
}

export function topicName(type, id) {
    return `${type}-${id}`;
}

/** "2-a-b" is {type: 2, id: "a-b"}; null for what is no topic's name. */
export function splitTopicName(name) {
    const m = /^([0-9]{1,3})-(.*)$/s.exec(name);
    return m ? { type: Number(m[1]), id: m[2] } : null;
}

// What needs an escape in a string as Go's encoding/json writes it.
// eslint-disable-next-line no-control-regex
const ESCAPED = /[\u0000-\u001f"\\<>&\u2028\u2029]/;
// eslint-disable-next-line no-control-regex
const EACH_ESCAPED = /[\u0000-\u001f"\\<>&\u2028\u2029]/g;
const SHORT = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r',
    '\t': '\\t' };

/** A JSON string as Go writes it: < > & U+2028 U+2029 are escaped too. */
export function goString(text) {
    if (!ESCAPED.test(text)) return `"${text}"`;
    const escape = (c) => SHORT[c] ??
        `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return `"${text.replace(EACH_ESCAPED, escape)}"`;
}

export function goList(list) {
    return list === null ? 'null' : `[${list.map(goString).join(',')}]`;
}

/**
 * What the two lists say of a record stored under "{id}-{number}": the key
 * is split at every "-", so that "a-b" 1 becomes "a" 0, and "x-7" 1 "x" 7.
 */
export function mangle(id, number) {
    const [first, second] = `${id}-${number}`.split('-');
    const n = /^\+?[0-9]{1,18}$/.test(second) ? BigInt(second) : 0n;
    return { id: first, number: Number(n % 256n) };
}

/** UTF-8 as a string of bytes: compares as Go compares keys. */
export function bytesOf(text) {
    return Buffer.from(text, 'utf8').toString('latin1');
}

export function compareBytes(a, b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

/** A well mixed number in [0, 2^32) for two numbers. */
export function mix(a, b) {
    let x = (Math.imul(a ^ (b >>> 16), 0x45d9f3b) ^ b) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) >>> 0;
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39) >>> 0;
    return (x ^ (x >>> 15)) >>> 0;
}
