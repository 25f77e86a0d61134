// SPDX-License-Identifier: Apache-2.0
// The test double against the facts of spec/wukongim-v1.md: what the import
// is tested with must itself be right.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';

import { makeFolder, makeStore } from '../lib/godwit.mjs';
import { asPositions, assertImported } from '../lib/import.mjs';
import { crc32, fake, goString, judge, mangle, sampleWorld, slotOf,
    startDouble, World } from '../lib/wukongim.mjs';

/** One request; {status, headers, text, json}; an error if cut off. */
function ask(double, path, body, { method = 'POST', headers = {} } = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request(double.url + path,
            { method, headers, agent: false }, (answer) => {
                let text = '';
                answer.setEncoding('utf8');
                answer.on('data', (piece) => { text += piece; });
                answer.on('error', reject);
                answer.on('end', () => resolve({ status: answer.statusCode,
                    headers: answer.headers, text, get json() {
                        return JSON.parse(text);
                    } }));
            });
        request.on('error', reject);
        request.end(body === undefined || typeof body === 'string' ? body
            : JSON.stringify(body));
    });
}

const sync = async (double, id, values = {}) => (await ask(double,
    '/channel/messagesync', { channel_id: id, channel_type: 2,
        start_message_seq: 1, end_message_seq: 0, limit: 500, pull_mode: 1,
        ...values })).json;
const seqs = (page) => page.messages.map((m) => m.message_seq);

test('hashes, slots and the names of person channels are those of v1', () => {
    assert.equal(crc32('u1'), 0x424f9f76);
    assert.equal(crc32('plumless'), crc32('buckeroo'));
    assert.equal(fake('u1', 'u2'), 'u2@u1');
    assert.equal(fake('alice', 'bob'), 'bob@alice');
    assert.equal(fake('plumless', 'buckeroo'), 'buckeroo@plumless');
    assert.equal(fake('buckeroo', 'plumless'), 'plumless@buckeroo');
    assert.equal(fake('', 'u1'), 'u1@');
    assert.deepEqual(['2-group1', '2-g1', '1-u2@u1', '1-bob@alice',
        '1-userqueue_u1', '1-@'].map(slotOf), [90, 223, 172, 159, 30, 202]);
});

test('the lists split ids at every hyphen', () => {
    assert.deepEqual(mangle('a-b', 1), { id: 'a', number: 0 });
    assert.deepEqual(mangle('x-7', 1), { id: 'x', number: 7 });
    assert.deepEqual(mangle('x-300', 1), { id: 'x', number: 44 });
    assert.deepEqual(mangle('plain', 2), { id: 'plain', number: 2 });
});

test('strings are escaped as Go does it', () => {
    assert.equal(goString('<a href="x">&\u2028é\n\u0001'),
        '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028é\\n\\u0001"');
});

test('a list whose slots descend has mangled and ambiguous rows', () => {
    const at = (slot, n) => {
        for (let i = 0; ; i++) if (slotOf(`q${n}${i}`) === slot) {
            return `q${n}${i}`;
        }
    };
    const ids = (...slots) => slots.map((slot, n) => at(slot, n));

    assert.deepEqual(judge(ids(3, 5, 200, 6, 7)),
        ['trusted', 'trusted', 'mangled', 'trusted', 'trusted']);
    assert.deepEqual(judge(ids(3, 9, 5, 10)),
        ['trusted', 'ambiguous', 'ambiguous', 'trusted']);
});

test('what comes before a route: options, 403, 401, 404, in this order',
    async (t) => {
        const double = await startDouble(t, new World(),
            { token: 'secret', migrateApi: false });
        const token = { headers: { token: 'secret' } };

        const options = await ask(double, '/x', '', { method: 'OPTIONS' });
        const none = await ask(double, '/nowhere');
        const off = await ask(double, '/migrate/topics', '', token);
        const slash = await ask(double, '//varz', '', { method: 'GET',
            ...token });
        double.options.blocked = true;
        const blocked = await ask(double, '/migrate/topics');

        assert.equal(options.status, 204);
        assert.deepEqual([none.status, none.text], [401, '']);
        assert.deepEqual([off.status, off.text, off.headers['content-type']],
            [404, '404 page not found', 'text/plain']);
        assert.equal(slash.status, 404);
        assert.deepEqual([blocked.status, blocked.text], [403, '']);
        assert.equal(blocked.headers['access-control-allow-origin'], '*');
    });

test('slots are cold until a topic of theirs is touched, also after a ' +
    'restart', async (t) => {
    const world = new World();
    world.topic(2, 'group1').append(3);
    const double = await startDouble(t, world);
    const topics = (slot) => ask(double, '/migrate/topics', { slot });

    const cold = await topics(90);
    await ask(double, '/channel/max_message_seq?channel_id=group1' +
        '&channel_type=2', undefined, { method: 'GET' });
    const warm = await topics(90);
    const beyond = await topics(256);
    await double.restart();
    const again = await topics(90);

    assert.deepEqual([cold.status, cold.json],
        [400, { msg: 'slot not found', status: 400 }]);
    assert.deepEqual(warm.json, ['2-group1']);
    assert.equal(beyond.status, 400);
    assert.equal(again.status, 400);
});

test('a bind error is JSON that calls itself text', async (t) => {
    const double = await startDouble(t);

    const negative = await ask(double, '/migrate/topics', { slot: -1 });
    const empty = await ask(double, '/migrate/channel', '');
    const bad = await ask(double, '/channel/messagesync', '{"limit":"x"}');

    assert.equal(negative.status, 400);
    assert.match(negative.json.msg, /cannot unmarshal number -1/);
    assert.equal(empty.json.msg, 'EOF');
    assert.equal(bad.json.msg, '数据格式有误！');
    assert.equal(bad.headers['content-type'], 'text/plain; charset=utf-8');
});

test('keys of any case, unknown keys and what follows are taken',
    async (t) => {
        const world = new World().members('g', 2,
            { subscribers: ['a,b', 'a'] });
        const double = await startDouble(t, world);

        const r = await ask(double, '/migrate/channel',
            '{"Channel_ID":"g","CHANNEL_TYPE":2,"more":[1]} trailing');

        assert.equal(r.text,
            '{"allowlist":null,"denylist":null,"subscribers":["a","b","a"]}');
    });

test('messages come inclusive from start, exclusive of end, ascending',
    async (t) => {
        const world = new World();
        world.topic(2, 'g', { senders: ['a'] }).append(10);
        const double = await startDouble(t, world);

        const up = await sync(double, 'g', { start_message_seq: 3,
            end_message_seq: 6 });
        const down = await sync(double, 'g', { start_message_seq: 8,
            end_message_seq: 4, pull_mode: 0, limit: 10 });
        const last = await sync(double, 'g', { start_message_seq: 0,
            limit: 2 });
        const exact = await sync(double, 'g', { start_message_seq: 6,
            limit: 5 });
        const past = await sync(double, 'g', { start_message_seq: 11 });
        const none = await sync(double, 'g', { limit: 0 });
        const zero = await ask(double, '/channel/messagesync',
            { channel_id: 'g', channel_type: 2, end_message_seq: 9, limit: 3 });
        const negative = await ask(double, '/channel/messagesync',
            { channel_id: 'g', channel_type: 2, limit: -1 });

        assert.deepEqual(seqs(up), [3, 4, 5]);
        assert.deepEqual(seqs(down), [5, 6, 7, 8]);
        assert.deepEqual([seqs(last), last.more], [[9, 10], 1]);
        assert.deepEqual([seqs(exact), exact.more], [[6, 7, 8, 9, 10], 1]);
        assert.deepEqual([past.messages, past.more], [[], 0]);
        assert.deepEqual([none.messages, none.more], [[], 1]);
        assert.equal(zero.json.msg, 'start messageSeq must be greater than 0');
        assert.deepEqual([negative.status, negative.text], [500, '']);
    });

test('a page has ten thousand messages at most', async (t) => {
    const world = new World();
    world.topic(2, 'g').append(10_001);
    const double = await startDouble(t, world);

    const page = await sync(double, 'g', { limit: 20_000 });

    assert.equal(page.messages.length, 10_000);
    assert.equal(page.more, 0);
});

test('a roll gives pages that begin before their start; a gap none at all',
    async (t) => {
        const world = new World();
        world.topic(2, 'roll').append(100).roll(10);
        world.topic(2, 'gap').append(10).roll(1).skip().append(3);
        world.topic(2, 'purged').append(10).roll(5).purge();
        const double = await startDouble(t, world);

        const roll = await sync(double, 'roll', { start_message_seq: 105 });
        const gap = await sync(double, 'gap', { start_message_seq: 12 });
        const behind = await sync(double, 'gap', { start_message_seq: 13 });
        const through = await sync(double, 'gap');
        const purged = await sync(double, 'purged');

        assert.equal(seqs(roll)[0], 101);
        assert.deepEqual(gap.messages, []);
        assert.deepEqual(seqs(behind), [13, 14, 15]);
        assert.equal(through.messages.length, 14);
        assert.deepEqual(purged, { msg: 'baseOffset not found', status: 400 });
    });

test('messagesync of an unknown channel makes an empty topic; a name that ' +
    'no directory can have panics', async (t) => {
    const double = await startDouble(t);

    const page = await sync(double, 'new');
    const long = await ask(double, '/channel/messagesync',
        { channel_id: 'x'.repeat(255), channel_type: 2, limit: 1 });

    assert.deepEqual(page.messages, []);
    assert.ok(double.world.topics.has('2-new'));
    assert.deepEqual([long.status, long.text], [500, '']);
});

test('a message is rendered as it is computed, ids whole', async (t) => {
    const world = new World();
    const topic = world.person('u1', 'u2').append(2).append(1,
        { message_id: '9223372036854775807', stream_no: 's', stream_seq: 2,
            stream_flag: 1, streams: [{ stream_seq: 1, client_msg_no: '<',
                blob: 'aGk=' }] });
    const double = await startDouble(t, world);

    const r = await ask(double, '/channel/messagesync', { login_uid: 'u1',
        channel_id: 'u2', channel_type: 1, start_message_seq: 1, limit: 500,
        pull_mode: 1 });

    assert.match(r.text,
        /"message_id":9223372036854775807,"message_idstr":"92/);
    const got = JSON.parse(r.text.replace(/"message_id":([0-9]+)/g,
        '"message_id":"$1"'));
    for (const m of got.messages) {
        const { message_idstr: id, ...rest } = m;
        assert.deepEqual(rest, topic.message(m.message_seq));
        assert.equal(id, rest.message_id);
    }
    assert.deepEqual([...topic.delivered.subarray(0, 4)], [0, 1, 1, 1]);
});

test('conversations name the peer, newest first, recents descending',
    async (t) => {
        const world = new World();
        world.person('u1', 'u2').append(3);
        world.topic(2, 'g').append(5);
        world.conversation('u1', 1, 'u2', { unread: 2, timestamp: 5 })
            .conversation('u1', 2, 'g', { timestamp: 9 });
        const double = await startDouble(t, world);

        const none = await ask(double, '/conversation/sync', { uid: 'u1' });
        const one = await ask(double, '/conversation/sync',
            { uid: 'u1', msg_count: 2 });

        assert.deepEqual(none.json.map((c) => [c.channel_id, c.unread,
            c.last_msg_seq, c.recents]), [['g', 0, 5, null],
            ['u2', 2, 3, null]]);
        assert.deepEqual(one.json.map((c) => c.recents.map((m) =>
            m.message_seq)), [[5, 4], [3, 2]]);
    });

test('lists come slot by slot, mangled, with a row for each user\'s own ' +
    'channel', async (t) => {
    const world = new World();
    for (const uid of ['u1', 'u2', 'alice-1', 'bob']) world.token(uid);
    world.token('bob', { flag: 2, token: '' }).channel('room-12', 2);
    const double = await startDouble(t, world);

    const users = (await ask(double, '/migrate/allusers')).json;
    const channels = (await ask(double, '/migrate/allchannels')).json;

    assert.deepEqual(Object.keys(users[0]),
        ['uid', 'token', 'device_flag', 'device_level']);
    assert.deepEqual(users.map((r) => [r.uid, r.device_flag]).sort(),
        [['alice', 1], ['bob', 0], ['bob', 2], ['u1', 0], ['u2', 0]]);
    assert.deepEqual(channels.map((r) => `${r.channel_type}-${r.channel_id}`)
        .sort(), ['1-alice', '1-bob', '1-u1', '1-u2', '12-room']);
    const slots = world.userRows().map((r) => slotOf(r.id));
    assert.deepEqual(slots, [...slots].sort((a, b) => a - b));
});

test('failures look as they do on a network', async (t) => {
    const world = new World();
    world.topic(2, 'g').append(100);
    const double = await startDouble(t, world, { warm: true });
    const { faults } = double;
    const page = () => ask(double, '/channel/messagesync', { channel_id: 'g',
        channel_type: 2, start_message_seq: 1, limit: 500, pull_mode: 1 });

    for (const kind of ['reset', 'cut', 'short']) {
        faults.order(kind);
        await assert.rejects(page(), kind);
    }
    faults.order('torn');
    const torn = await page();
    faults.order('503', { retryAfter: 1 });
    const busy = await page();
    faults.order('slow', { ms: 1 });
    const whole = await page();

    assert.equal(torn.status, 200);
    assert.throws(() => torn.json, SyntaxError);
    assert.deepEqual([busy.status, busy.headers['retry-after']], [503, '1']);
    assert.equal(whole.json.messages.length, 100);
    assert.equal(double.ledger.messages, 100);
    assert.deepEqual(double.ledger.faults, { reset: 1, cut: 1, short: 1,
        torn: 1, 503: 1, slow: 1 });
});

test('faults at a rate let the same request through at last', async (t) => {
    const double = await startDouble(t, new World(),
        { faults: { rate: 1, kinds: ['500'], most: 2 } });
    const statuses = [];

    for (let n = 0; n < 3; n++) {
        statuses.push((await ask(double, '/varz', undefined,
            { method: 'GET' })).status);
    }

    assert.deepEqual(statuses, [500, 500, 200]);
});

test('bodies of 2 KiB and more are chunked, smaller ones are not',
    async (t) => {
        const world = new World();
        world.topic(2, 'g').append(100);
        const double = await startDouble(t, world);
        const page = (limit) => ask(double, '/channel/messagesync',
            { channel_id: 'g', channel_type: 2, limit });

        const small = await page(1);
        const large = await page(100);

        assert.equal(Number(small.headers['content-length']),
            Buffer.byteLength(small.text));
        assert.equal(large.headers['transfer-encoding'], 'chunked');
    });

test('the same seed gives the same world, with every quirk in it', () => {
    const one = sampleWorld({ seed: 7 });
    const two = sampleWorld({ seed: 7 });

    assert.deepEqual(one.userRows(), two.userRows());
    assert.deepEqual([...one.topics.keys()], [...two.topics.keys()]);
    assert.deepEqual([...one.conversations], [...two.conversations]);
    const names = [...one.topics.keys()];
    for (const part of [/userqueue_/, /^1-[^@]+$/, /^1-@$/, /^[2-7]-.*-/,
        /\//, /</, /plumless@buckeroo/, /^2-__warm/]) {
        assert.ok(names.some((name) => part.test(name)), String(part));
    }
    assert.ok([...one.topics.values()].some((x) => x.segments.length > 1));
    assert.ok(one.userRows().some((r) => r.told.id !== r.id));
});

test('a store is compared with a world item by item', async (t) => {
    const world = sampleWorld({ users: 60, topics: 60, messages: 600 });
    const folder = makeFolder(t);
    const wrong = [
        [(m, c) => c === 'message' && m.message_seq === 2 ? null : m,
            /message .* 2 is missing/],
        [(m, c) => c === 'device' ? { ...m, token: 'x' } : m, /device .*"x"/],
        [(m, c) => c === 'message' ? { ...m,
            message_id: m.message_id.replace(/.$/, '0') } : m, /message .*170/],
        [(m, c) => c === 'conversation' ? { ...m, uid: `${m.uid}!` } : m,
            /one too many|is missing/],
        [(m, c) => c === 'channel' && m.id % 9 === 0 ? null : m,
            /leads nowhere/],
    ];

    const store = makeStore(folder, asPositions(world), 'good.db');
    const { counts } = await assertImported(store, world);
    assert.ok(counts.messages > 500);

    for (const [n, [change, pattern]] of wrong.entries()) {
        const bad = makeStore(folder, asPositions(world, change), `${n}.db`);
        await assert.rejects(assertImported(bad, world), pattern);
    }
});
