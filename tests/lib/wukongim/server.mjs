// SPDX-License-Identifier: Apache-2.0
// The v1 server's HTTP side over a World: the endpoints, their quirks, what
// fails on the way (faults.mjs), and a ledger of all that was handed over.
// Sources: spec/wukongim-v1.md, 1 and 7.
import http from 'node:http';

import { bind, BindError } from './bind.mjs';
import { Faults, WITHIN } from './faults.mjs';
import { fake, goList, goString, NAME_BYTES, slotOf, SLOTS, topicName }
    from './rules.mjs';
import { renderMessage } from './topic.mjs';

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
const PIECE = 64 * 1024;
const CORS = { 'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Allow-Headers': 'Content-Type, Content-Length, token',
    'Access-Control-Allow-Methods': 'POST, OPTIONS, GET, PUT, DELETE' };

/** A handler that panics: gin answers 500 and nothing. */
class Panic extends Error {}

/** A reply with an error: {"msg", "status"}. */
class Refusal extends Error {}

const json = (pieces, note) => ({ status: 200, type: JSON_TYPE, pieces, note });
const refusal = (msg, type = JSON_TYPE) => ({ status: 400, type,
    pieces: [`{"msg":${goString(msg)},"status":400}`] });
const bare = (status) => ({ status, pieces: [] });

/** A list's rows as pieces of some 64 KiB. */
function* inPieces(rows, render) {
    let text = '[';
    let comma = '';
    for (const row of rows) {
        text += comma + render(row);
        comma = ',';
        if (text.length < PIECE) continue;
        yield text;
        text = '';
    }
    yield `${text}]`;
}

export class Double {
    /**
     * Options, all switches of the real server: token, migrateApi, blocked
     * (403), warm (slots are loaded), maxSeqApi (since v1.2.5), framing
     * (auto, chunked, length), and faults (see Faults).
     */
    constructor(world, { token = '', migrateApi = true, blocked = false,
        warm = false, maxSeqApi = true, framing = 'auto', faults = {},
        version = 'v1.2.6' } = {}) {
        this.world = world;
        this.options = { token, migrateApi, blocked, maxSeqApi, framing,
            version };
        this.faults = new Faults(faults);
        this.onRequest = null; // (request) before it is answered
        this.instead = null;   // (request) → a reply of the test's own
        this.sockets = new Set();
        this.loaded = new Set(warm ? Array(SLOTS).keys() : []);
        this.ledger = { requests: {}, statuses: {}, faults: {}, messages: 0,
            n: 0, now: 0, most: 0, restarts: 0, users: new Map(),
            channels: new Map(), lists: { users: 0, channels: 0 } };
    }

    // ---- running

    async listen(port = 0, host = '127.0.0.1') {
        this.server = http.createServer({ keepAliveTimeout: 0,
            requestTimeout: 0, headersTimeout: 0 }, (req, res) => {
            this.take(req, res).catch((e) => {
                console.error('wukongim double:', e);
                req.socket.destroy();
            });
        });
        this.server.on('connection', (socket) => {
            socket.setNoDelay(true);
            this.sockets.add(socket);
            socket.on('close', () => this.sockets.delete(socket));
            socket.on('error', () => {});
        });
        await new Promise((resolve, reject) => {
            this.server.once('error', reject);
            this.server.listen(port, host, resolve);
        });
        this.host = host;
        this.port = this.server.address().port;
        this.url = `http://${host}:${this.port}`;
        return this;
    }

    async close() {
        const closed = new Promise((resolve) => this.server.close(resolve));
        for (const socket of this.sockets) socket.resetAndDestroy();
        await closed;
    }

    /** All connections break, nobody listens for a while, slots are cold. */
    async restart({ downMs = 50 } = {}) {
        await this.close();
        this.ledger.restarts++;
        this.loaded.clear();
        await new Promise((resolve) => setTimeout(resolve, downMs));
        await this.listen(this.port, this.host);
    }

    // ---- one request

    async take(req, res) {
        const { ledger } = this;
        const body = await readBody(req);
        if (body === null) return;
        const [path] = req.url.split('?');
        const request = { method: req.method, path, body, n: ++ledger.n,
            query: new URL(req.url, 'http://x').searchParams };
        ledger.requests[path] = (ledger.requests[path] ?? 0) + 1;
        ledger.most = Math.max(ledger.most, ++ledger.now);
        res.on('close', () => ledger.now--);
        await this.onRequest?.(request);
        const fault = this.faults.pick(request);
        if (fault) {
            ledger.faults[fault.kind] = (ledger.faults[fault.kind] ?? 0) + 1;
        }
        if (fault && !WITHIN.includes(fault.kind)) {
            await this.fail(fault, res);
            return;
        }
        const reply = this.instead?.(request) ?? this.answer(req, request);
        ledger.statuses[reply.status] =
            (ledger.statuses[reply.status] ?? 0) + 1;
        if (fault && reply.pieces.length !== 0) {
            await this.spoil(fault, reply, res);
        } else {
            await this.send(reply, res);
        }
    }

    /** What comes before the handler: the order is the real one. */
    answer(req, request) {
        const { token, blocked } = this.options;
        if (request.method === 'OPTIONS') return bare(204);
        if (blocked) return bare(403);
        if (token !== '' && req.headers.token !== token) return bare(401);
        const route = this.route(`${request.method} ${request.path}`);
        if (!route) {
            return { status: 404, type: 'text/plain',
                pieces: ['404 page not found'] };
        }
        try {
            return route.call(this, request);
        } catch (e) {
            if (e instanceof Panic) return bare(500);
            if (e instanceof BindError) return refusal(e.message, TEXT_TYPE);
            if (e instanceof Refusal) return refusal(e.message);
            throw e;
        }
    }

    route(name) {
        const { migrateApi, maxSeqApi } = this.options;
        if (!migrateApi && name.includes(' /migrate/')) return null;
        if (!maxSeqApi && name.endsWith('max_message_seq')) return null;
        return Object.hasOwn(ROUTES, name) ? ROUTES[name] : null;
    }

    async send({ status, type, pieces, note }, res) {
        const { framing } = this.options;
        res.on('finish', () => note?.());
        const headers = type ? { ...CORS, 'Content-Type': type } : { ...CORS };
        if (Array.isArray(pieces) && pieces.length <= 1) {
            const [piece = ''] = pieces;
            const bytes = Buffer.from(piece);
            const whole = framing === 'length' ||
                (framing === 'auto' && bytes.length < 2048);
            if (whole) headers['Content-Length'] = bytes.length;
            else headers['Transfer-Encoding'] = 'chunked';
            res.writeHead(status, headers);
            res.end(bytes);
            return;
        }
        if (framing === 'length') {
            pieces = [Buffer.concat([...pieces].map((p) => Buffer.from(p)))];
            headers['Content-Length'] = pieces[0].length;
        }
        res.writeHead(status, headers);
        for (const piece of pieces) {
            if (res.destroyed) return;
            if (!res.write(piece)) await drained(res);
        }
        res.end();
    }

    // ---- failures

    /** In place of a reply. */
    async fail({ kind, how }, res) {
        const retry = how.retryAfter === undefined ? {}
            : { 'Retry-After': String(how.retryAfter) };
        switch (kind) {
        case 'reset':
            res.socket.resetAndDestroy();
            return;
        case 'hang':
            return; // until the client has had enough
        case 'empty':
            res.writeHead(200, { 'Content-Length': 0 }).end();
            return;
        case 'html':
            res.writeHead(200, { 'Content-Type': 'text/html' })
                .end('<html><body>Welcome to nginx!</body></html>');
            return;
        case '502':
            res.writeHead(502, { 'Content-Type': 'text/html', ...retry })
                .end('<html><h1>502 Bad Gateway</h1></html>');
            return;
        case 'redirect':
            res.writeHead(302, { Location: how.to ?? '/login' }).end();
            return;
        case '400':
            await this.send(refusal(how.msg ?? 'open topics: too many open ' +
                'files'), res);
            return;
        case 'deep':
            res.writeHead(200, { 'Content-Type': JSON_TYPE })
                .end('['.repeat(how.depth ?? 100_000));
            return;
        case 'giant':
            await pour(res, how.bytes ?? 1 << 30);
            return;
        default: // 500, 503, 429: nothing in them
            res.writeHead(Number(kind), { 'Content-Length': 0, ...retry })
                .end();
        }
    }

    /** A good reply that does not arrive whole, or late. */
    async spoil({ kind, how }, { status, type, pieces, note }, res) {
        const bytes = Buffer.concat([...pieces].map((p) => Buffer.from(p)));
        const half = bytes.subarray(0,
            Math.floor(bytes.length * (how.part ?? 0.5)));
        const headers = { ...CORS, 'Content-Type': type };
        if (bytes.length < 2048 && kind !== 'torn') {
            headers['Content-Length'] = bytes.length;
        }
        res.writeHead(status, headers);
        if (half.length > 0) {
            await new Promise((resolve) => res.write(half, resolve));
        }
        switch (kind) {
        case 'cut':
            res.socket?.resetAndDestroy();
            return;
        case 'short':
            res.socket?.end();
            return;
        case 'torn': // a proxy closes the frame properly
            res.end();
            return;
        case 'stall':
            return;
        case 'bye': {
            const { socket } = res;
            res.on('finish', () => {
                note?.();
                setTimeout(() => socket.resetAndDestroy(), how.ms ?? 1);
            });
            res.end(bytes.subarray(half.length));
            return;
        }
        default: // slow, but whole
            await new Promise((resolve) =>
                setTimeout(resolve, how.ms ?? 30));
            res.on('finish', () => note?.());
            res.end(bytes.subarray(half.length));
        }
    }

    // ---- slots and topics

    /** Any look at a topic loads its slot and makes its directory. */
    touch(type, id) {
        const name = topicName(type, id);
        if (name.split('/').some((part) =>
            Buffer.byteLength(part) > NAME_BYTES)) throw new Panic();
        this.loaded.add(slotOf(name));
        return this.world.topic(type, id);
    }

    /** The seqs of messagesync, ascending. */
    seqsOf(topic, { start_message_seq: start, end_message_seq: end, limit,
        pull_mode: up }) {
        if (limit < 0) throw new Panic();
        limit = Math.min(limit, 10000);
        const read = (from, n) => {
            const seqs = topic.read(from, n);
            if (seqs) return seqs;
            throw new Refusal('baseOffset not found');
        };
        if (limit === 0) return { seqs: [], count: 0 };
        if (start === 0 && end === 0) {
            const { newest } = topic;
            const seqs = newest === 0 ? []
                : read(Math.max(newest - limit + 1, 1), limit);
            return { seqs, count: seqs.length };
        }
        if (up === 1) {
            const seqs = read(start, limit);
            return { count: seqs.length,
                seqs: end === 0 ? seqs : seqs.filter((seq) => seq < end) };
        }
        if (start === 0) {
            throw new Refusal('start messageSeq must be greater than 0');
        }
        const first = Math.max(start - limit + 1, 1);
        const seqs = read(first, start - first + 1)
            .filter((seq) => seq <= start);
        return { count: seqs.length,
            seqs: end === 0 ? seqs : seqs.filter((seq) => seq > end) };
    }

    handOver(topic, seqs) {
        topic.note(seqs);
        this.ledger.messages += seqs.length;
    }

    recents(uid, { channel_id: peer, channel_type: type }, n) {
        if (n <= 0) return 'null';
        const topic = this.touch(type, type === 1 ? fake(uid, peer) : peer);
        const { seqs } = this.seqsOf(topic, { start_message_seq: 0,
            end_message_seq: 0, limit: n, pull_mode: 0 });
        return `[${seqs.reverse().map((seq) =>
            renderMessage(topic.message(seq))).join(',')}]`;
    }
}

/** The whole body; null when the client has gone. */
function readBody(req) {
    return new Promise((resolve) => {
        let body = '';
        req.setEncoding('utf8');
        req.on('data', (piece) => { body += piece; });
        req.on('end', () => resolve(body));
        req.on('error', () => resolve(null));
    });
}

/** Resolves when more can be written, or nobody reads any more. */
function drained(res) {
    return new Promise((resolve) => {
        const done = () => {
            res.off('drain', done);
            res.off('close', done);
            resolve();
        };
        res.on('drain', done);
        res.on('close', done);
    });
}

/** One value that never ends. */
async function pour(res, bytes) {
    const piece = Buffer.alloc(PIECE, 'x');
    res.writeHead(200, { 'Content-Type': JSON_TYPE });
    res.write('[{"uid":"');
    for (; bytes > 0 && !res.destroyed; bytes -= PIECE) {
        if (!res.write(piece)) await drained(res);
    }
    res.end();
}

const SYNC = { login_uid: 'string', channel_id: 'string',
    channel_type: 'uint8', start_message_seq: 'uint32',
    end_message_seq: 'uint32', limit: 'int', pull_mode: 'int' };

const ROUTES = {
    'POST /migrate/allusers'() {
        return json(inPieces(this.world.userRows(), ({ told, row }) =>
            `{"uid":${goString(told.id)},"token":${goString(row.token)},` +
            `"device_flag":${told.number},"device_level":${row.level}}`),
        () => this.ledger.lists.users++);
    },

    'POST /migrate/allchannels'() {
        return json(inPieces(this.world.channelRows(), ({ told, row }) =>
            `{"channel_id":${goString(told.id)},` +
            `"channel_type":${told.number},"ban":${row.ban},` +
            `"large":${row.large},"disband":${row.disband}}`),
        () => this.ledger.lists.channels++);
    },

    'POST /migrate/channel'({ body }) {
        const { channel_id: id, channel_type: type } = bind(body,
            { channel_id: 'string', channel_type: 'uint8' });
        const lists = this.world.listOf(id, type);
        const text = Object.entries(lists).map(([name, list]) =>
            `"${name}":${goList(list)}`).join(',');
        const key = `${type}-${id}`;
        const { channels } = this.ledger;
        return json([`{${text}}`],
            () => channels.set(key, (channels.get(key) ?? 0) + 1));
    },

    'POST /migrate/topics'({ body }) {
        const { slot } = bind(body, { slot: 'uint32' });
        if (!this.loaded.has(slot)) return refusal('slot not found');
        this.names ??= { at: -1 };
        if (this.names.at !== this.world.topics.size) {
            this.names = { at: this.world.topics.size,
                slots: this.world.slots() };
        }
        // as readdir has it: in no order that means anything
        const names = [...this.names.slots[slot]].sort((a, b) =>
            slotOf(`${b}${slot}`) - slotOf(`${a}${slot}`));
        return json([goList(names)]);
    },

    'POST /channel/messagesync'({ body }) {
        let asked;
        try {
            asked = bind(body, SYNC);
        } catch {
            return refusal('数据格式有误！', TEXT_TYPE);
        }
        const { login_uid: uid, channel_id: id, channel_type: type } = asked;
        const topic = this.touch(type, type === 1 ? fake(uid, id) : id);
        const { seqs, count } = this.seqsOf(topic, asked);
        const head = `{"start_message_seq":${asked.start_message_seq},` +
            `"end_message_seq":${asked.end_message_seq},` +
            `"more":${count >= asked.limit ? 1 : 0},"messages":[`;
        return json([Buffer.concat([Buffer.from(head), topic.render(seqs),
            Buffer.from(']}')])], () => this.handOver(topic, seqs));
    },

    'GET /channel/max_message_seq'({ query }) {
        const topic = this.touch(Number(query.get('channel_type') ?? 0),
            query.get('channel_id') ?? '');
        return json([`{"message_seq":${topic.newest}}`]);
    },

    'POST /conversation/sync'({ body }) {
        const { uid, version, msg_count: n } = bind(body, { uid: 'string',
            version: 'int', last_msg_seqs: 'string', msg_count: 'int',
            larges: 'list' });
        const list = (this.world.conversations.get(uid) ?? [])
            .filter((c) => version <= 0 || c.version > version)
            .sort((a, b) => b.timestamp - a.timestamp);
        const text = list.map((c) =>
            `{"channel_id":${goString(c.channel_id)},` +
            `"channel_type":${c.channel_type},"unread":${c.unread},` +
            `"timestamp":${c.timestamp},"last_msg_seq":${c.last_msg_seq},` +
            `"last_client_msg_no":${goString(c.last_client_msg_no)},` +
            `"offset_msg_seq":0,"version":${c.version},` +
            `"recents":${this.recents(uid, c, n)}}`).join(',');
        const { users } = this.ledger;
        return json([`[${text}]`],
            () => users.set(uid, (users.get(uid) ?? 0) + 1));
    },

    'POST /message/sync'({ body }) {
        const { uid, message_seq: from, limit } = bind(body,
            { uid: 'string', message_seq: 'uint32', limit: 'int' });
        if (limit < 0) throw new Panic();
        const topic = this.touch(1, `userqueue_${uid}`);
        const seqs = topic.read(from + 1, limit) ?? [];
        return json([`[${seqs.map((seq) =>
            renderMessage(topic.message(seq))).join(',')}]`]);
    },

    'GET /system/ip/blacklist'() {
        return json(['[]']);
    },

    'GET /varz'() {
        const { version, token } = this.options;
        return json([`{"server_id":"1","server_name":"WuKongIM","version":${
            goString(version)},"manager_token_on":${token ? 1 : 0},` +
            '"manager_uid":"____manager"}']);
    },
};
