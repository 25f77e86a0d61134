// SPDX-License-Identifier: Apache-2.0
// The 28 defects of the original importer (spec/wukongim-v1.md, 3), each by
// its number, against ours: a test says what holds here. 19, 25 and 26 are in
// serve.test.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';

import { describe, dumpText, isSanitized, needsSqlite3, setting, sleep, sql,
    waitFor } from '../lib/godwit.mjs';
import { assertImported, emptyStore, importInto, mustImport, readModels,
    reported, startImport } from '../lib/import.mjs';
import { crc32, fake, mangle, sampleWorld, slotOf, startDouble, World }
    from '../lib/wukongim.mjs';

/** A world with enough plain users that its lists leave no doubt. */
function crowd(n = 400) {
    const world = new World();
    for (let i = 0; i < n; i++) world.token(`user${i}`);
    return world;
}

/** `base` and a number so that the row that it is mangled to is in a slot
 *  far from where the list has it. */
function farFrom(base, flag = 0) {
    for (let n = 1; ; n++) {
        const uid = `${base}-${n}`;
        const distance = Math.abs(slotOf(uid) - slotOf(base));
        if (distance > 60 && mangle(uid, flag).id === base) return uid;
    }
}

const textOf = (file) => fs.existsSync(file) ? fs.readFileSync(file, 'utf8')
    : '';

/** How many KiB a child has used at most; it is looked at until it ends. */
function watchMemory(child) {
    let most = 0;
    const watch = setInterval(() => {
        const kib = /VmHWM:\s+([0-9]+)/.exec(
            textOf(`/proc/${child.pid}/status`));
        if (kib) most = Number(kib[1]);
    }, 20);
    child.ended.finally(() => clearInterval(watch));
    return () => most;
}

test('1. topics of all 256 slots come, not those of half of them',
    async (t) => {
        const world = new World();
        const free = new Set(Array(256).keys());
        for (let n = 0; free.size > 0; n++) {
            if (!free.delete(slotOf(`2-g${n}`))) continue;
            world.topic(2, `g${n}`, { senders: ['a'] }).append(2);
        }
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        await mustImport(store, double);

        await assertImported(store, world);
        assert.equal((await readModels(store)).channel.size, 256);
    });

test('2. ids with hyphens keep their messages', async (t) => {
    const world = crowd();
    const room = '8f14e45f-ceea-467f-9b5a-000000000001';
    const uid = farFrom('alice');
    world.topic(2, room, { senders: [uid, 'user1'] }).append(5);
    world.person(uid, 'b-b-b').append(3);
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    await mustImport(store, double);

    await assertImported(store, world);
    const { message, channel } = await readModels(store);
    assert.equal(message.size, 8);
    assert.ok(channel.has(`2-${room}`));
});

test('3. a token whose row is mangled is given to nobody', async (t) => {
    const world = crowd();
    const uid = farFrom('alice');
    world.token(uid, { token: 'of-the-hyphened' })
        .token('alice', { flag: 0, token: 'of-alice' })
        .channel(farFrom('room'), 2).channel('room', 2);
    world.topic(2, 'g', { senders: [uid] }).append(2);
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    const r = await mustImport(store, double, { code: 4 });

    await assertImported(store, world);
    assert.ok(!dumpText(store).includes('of-the-hyphened'));
    const { user, device } = await readModels(store);
    assert.ok(user.has(uid), 'known by its message');
    assert.deepEqual(user.get('alice').fields.device_ids, ['alice 0']);
    assert.equal(device.get('alice 0').fields.token, 'of-alice');
    assert.ok(reported(r, 'mangled').length >= 2, r.reportText);
});

test('3. a row that could be either is given to nobody', async (t) => {
    const world = new World();
    // the slots of their ids: low, [b then a], high; only a or b can be true
    const uid = farFrom('alice');
    world.token(uid, { token: 'of-the-hyphened' });
    const between = ['x', 'y', 'z'].map((c) => {
        const low = Math.min(slotOf(uid), slotOf('alice'));
        const high = Math.max(slotOf(uid), slotOf('alice'));
        for (let n = 0; ; n++) {
            const id = `${c}${n}`;
            if (slotOf(id) > low && slotOf(id) < high) return id;
        }
    });
    world.token(between[0]);
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    const r = await mustImport(store, double, { code: 4 });

    assert.ok(!dumpText(store).includes('of-the-hyphened'));
    assert.equal((await readModels(store)).device.size, 0);
    assert.ok(reported(r, 'mangled').length >= 2, r.reportText);
});

test('4. an error is not taken for an empty reply', async (t) => {
    const world = crowd(20);
    for (let n = 0; n < 10; n++) {
        world.channel(`g${n}`, 2).members(`g${n}`, 2,
            { subscribers: ['user1', 'user2'] });
        world.topic(2, `g${n}`, { senders: ['user1'] }).append(20);
    }
    const double = await startDouble(t, world, { warm: true });
    for (const path of ['/channel/messagesync', '/migrate/channel',
        '/conversation/sync', '/migrate/topics', '/migrate/allusers',
        '/migrate/allchannels']) {
        for (const kind of ['400', '500', 'empty']) {
            double.faults.order(kind, { path, times: 2 });
        }
    }
    const store = emptyStore(t);

    const r = await importInto(store, double);

    assert.equal(r.code, 0, describe(r));
    await assertImported(store, world);
});

test('4. of a channel whose first segments were purged the rest comes, and ' +
    'what is gone is unreadable', async (t) => {
    const world = new World();
    world.topic(2, 'purged', { senders: ['a'] }).append(4321).roll(3)
        .append(1000).purge();
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    const r = await mustImport(store, double, { code: 4 });

    await assertImported(store, world);
    const steps = r.report.steps.message;
    // the rest's file is named by 4324, and nothing below that is found
    assert.equal(steps.imported, 1001, r.reportText);
    assert.equal(steps.unreadable, 4323, r.reportText);
    const items = reported(r, 'unreadable', 'message');
    assert.equal(items.length, 1, r.reportText);
    assert.match(JSON.stringify(items[0]), /purged/);
});

test('5. messages that have no sender are unreadable, with their count',
    async (t) => {
        const world = crowd(20);
        world.topic(1, 'user7').append(42);
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        const r = await mustImport(store, double, { code: 4 });

        await assertImported(store, world);
        assert.equal(r.report.steps.message.unreadable, 42, r.reportText);
        assert.match(JSON.stringify(reported(r, 'unreadable')), /user7/);
    });

test('5. uids with @ and pairs of equal hashes are read from their own topics',
    async (t) => {
        const world = crowd(200);
        const [a, b] = ['plumless', 'buckeroo'];
        assert.equal(crc32(a), crc32(b));
        world.person(a, b).append(5);
        world.topic(1, `${a}@${b}`, { senders: [a, b], persons: [a, b] })
            .append(6);
        for (const uid of ['x@mail', 'y@mail@b', '@z']) {
            world.token(uid);
            world.person(uid, 'user1').append(4);
        }
        world.person('x@mail', 'y@mail@b').append(4);
        world.conversation(a, 1, b, { unread: 1 })
            .conversation(b, 1, a, { unread: 2 })
            .conversation('x@mail', 1, 'y@mail@b');
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        await mustImport(store, double);

        const { counts } = await assertImported(store, world);
        assert.equal(counts.messages, 5 + 6 + 4 * 4);
    });

test('6. expiry, stream items and the setting byte are kept', async (t) => {
    const world = new World();
    const topic = world.topic(2, 'g', { senders: ['a'] })
        .append(1, { expire: 86_400, setting: 4, stream_no: 'n',
            stream_seq: 7, stream_flag: 2, streams: [
                { stream_seq: 1, client_msg_no: 'one', blob: 'aGk=' },
                { stream_seq: 2, client_msg_no: '<2>', blob: '' }] })
        .append(1, { expire: 4294967295, setting: 255, payload: '' })
        .append(1, { payload: null, stream_flag: 1 });
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    await mustImport(store, double);

    await assertImported(store, world);
    const { message } = await readModels(store);
    const first = message.get('2-g 1').fields;
    assert.deepEqual(first.streams, topic.message(1).streams);
    assert.deepEqual([first.expire, first.setting, first.stream_no],
        [86_400, 4, 'n']);
    assert.equal(message.get('2-g 2').fields.payload, '');
    assert.ok(!('payload' in message.get('2-g 3').fields));
});

test('7. users without a token and channels without a record come, with ' +
    'lists and conversations; offline commands are refused by number',
async (t) => {
    const world = crowd(20);
    world.topic(2, 'unrecorded', { senders: ['nobody'] }).append(3);
    world.members('unrecorded', 2, { subscribers: ['quiet', 'user1'] })
        .members('quiet', 1, { denylist: ['blocked'] })
        .members('blocked', 1, { allowlist: ['last'] })
        .conversation('quiet', 2, 'unrecorded', { unread: 2 })
        .conversation('last', 2, 'onlythere', { unread: 1 });
    world.topic(1, 'userqueue_user1').append(9);
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    const r = await mustImport(store, double, { code: 4 });

    await assertImported(store, world);
    const { user, channel, conversation } = await readModels(store);
    for (const uid of ['nobody', 'quiet', 'blocked', 'last']) {
        assert.ok(user.has(uid), uid);
    }
    assert.ok(channel.has('2-onlythere'));
    assert.equal(conversation.size, 2);
    assert.equal(r.report.steps.message.refused, 9, r.reportText);
    assert.match(JSON.stringify(reported(r, 'refused')), /userqueue_user1/);
});

test('7. a topic without messages is a channel if it has members, and none ' +
    'if not', async (t) => {
    const world = new World();
    for (const id of ['g', 'empty', 'u-v']) world.topic(2, id).append(0);
    world.person('a', 'b').append(0);
    world.members('g', 2, { subscribers: ['a'] })
        .members('u-v', 2, { denylist: ['c'] });
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    await mustImport(store, double);
    const { messages } = double.ledger;
    world.topics.get('2-g').append(3);
    await mustImport(store, double);

    await assertImported(store, world);
    assert.equal(double.ledger.messages - messages, 3);
    assert.deepEqual([...(await readModels(store)).channel.keys()].sort(),
        ['2-g', '2-u-v']);
});

test('8. the read position is the last seq less what is unread, never below 0',
    async (t) => {
        const world = new World();
        world.topic(2, 'g', { senders: ['a'] }).append(10);
        world.token('a').token('b').token('c');
        world.conversation('a', 2, 'g', { unread: 3 })
            .conversation('b', 2, 'g', { unread: 0 })
            .conversation('c', 2, 'g', { unread: 99 });
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        await mustImport(store, double);

        const { conversation } = await readModels(store);
        assert.deepEqual(['a', 'b', 'c'].map((uid) =>
            conversation.get(`${uid} 2-g`).fields.read_to_message_seq),
        [7, 10, 0]);
    });

test('9. the error of one topic is not lost among the successes of others',
    async (t) => {
        const world = new World();
        for (let n = 0; n < 40; n++) {
            world.topic(2, `g${n}`, { senders: ['a'] }).append(3);
        }
        const double = await startDouble(t, world);
        const order = double.faults.order('500', { times: 1e9,
            path: '/channel/messagesync', body: '"g17"' });
        const store = emptyStore(t);

        const r = await importInto(store, double,
            { args: ['--max-tries', '2'] });
        const { message } = await readModels(store);
        order.times = 0;
        await mustImport(store, double);

        assert.equal(r.code, 4, describe(r));
        assert.equal(message.size, 39 * 3, 'the others come all the same');
        assert.deepEqual(reported(r, 'unreadable').map((x) => x.key),
            ['2-g17']);
        assert.match(r.reportText, /500/);
        assert.equal(r.report.steps.message.unreadable, 3);
        assert.equal(r.report.steps.message.source, 120, r.reportText);
        await assertImported(store, world);
    });

test('10. messages that arrive during an import, and after it, are brought',
    async (t) => {
        const world = new World();
        const topics = Array.from({ length: 20 }, (_, n) =>
            world.topic(2, `g${n}`, { senders: ['a'] }).append(30));
        const double = await startDouble(t, world);
        let pages = 0;
        double.onRequest = ({ path }) => {
            if (path !== '/channel/messagesync' || ++pages > 60) return;
            topics[pages % 20].append(2);
        };
        const store = emptyStore(t);

        const first = await importInto(store, double);
        double.onRequest = null;
        topics[3].append(5);
        world.topic(2, 'late', { senders: ['late'] }).append(4);
        await mustImport(store, double);

        assert.ok([0, 4].includes(first.code), describe(first));
        await assertImported(store, world);
    });

test('11. a failure in the message step begins nothing again', async (t) => {
    const world = new World();
    for (let n = 0; n < 100; n++) {
        world.topic(2, `g${n}`, { senders: ['a'] }).append(40);
    }
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    let pages = 0;
    double.onRequest = async ({ path }) => {
        if (path === '/channel/messagesync' && ++pages % 50 === 0) {
            double.faults.order('500', { path, times: 1 });
        }
    };

    await mustImport(store, double);

    await assertImported(store, world);
    assert.equal(double.ledger.messages, 4000, 'none was asked for twice');
});

test('12. a page whose reply is lost, or comes late, is written once',
    async (t) => {
        const world = new World();
        world.topic(2, 'g', { senders: ['a'] }).append(30_000);
        const double = await startDouble(t, world);
        const seen = new Set();
        double.onRequest = ({ path, body }) => {
            if (path !== '/channel/messagesync' || seen.has(body)) return;
            seen.add(body);
            double.faults.order(['cut', 'torn', 'short'][seen.size % 3],
                { path, body });
        };
        const store = emptyStore(t);

        await mustImport(store, double);

        const { message } = await readModels(store);
        assert.equal(message.size, 30_000);
        await assertImported(store, world);
    });

test('13. message_seq is the source\'s, across gaps and rolls', async (t) => {
    const world = new World();
    world.topic(2, 'gap', { senders: ['a'] }).append(5).skip(2).append(5);
    world.topic(2, 'roll', { senders: ['a'] }).append(500).roll(20)
        .append(490).roll(7).append(3);
    world.topic(2, 'hole', { senders: ['a'] }).append(10_000).roll(1).skip()
        .append(30);
    world.topic(2, 'wide', { senders: ['a'] }).append(500).roll(1).skip(3000)
        .append(30);
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    const r = await importInto(store, double);

    assert.ok([0, 4].includes(r.code), describe(r));
    await assertImported(store, world);
});

test('14. a retry of the user step makes no second device', async (t) => {
    const world = crowd(300);
    world.token('user1', { flag: 1 }).token('user1', { flag: 2, token: '' });
    const double = await startDouble(t, world);
    for (let n = 0; n < 3; n++) {
        double.faults.order(['cut', 'torn', '500'][n],
            { path: '/migrate/allusers' });
    }
    const store = emptyStore(t);

    await mustImport(store, double);
    await mustImport(store, double, { args: ['--start-step', 'user'] });

    await assertImported(store, world);
    assert.equal((await readModels(store)).device.size, 302);
});

test('15. of two importers of one store the second is refused, and nothing ' +
    'is doubled', async (t) => {
    const world = sampleWorld({ quirks: false, messages: 3000 });
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    let hold = true;
    double.onRequest = async ({ path }) => {
        if (path === '/channel/messagesync') {
            await waitFor(() => !hold, 'the second is over');
        }
    };

    const first = startImport(double, store, { args: ['--timeout', '30s'] });
    await waitFor(() => double.ledger.requests['/channel/messagesync'] > 0,
        'the first reads messages');
    const second = await importInto(store, double);
    hold = false;
    const r = await first.ended;

    assert.equal(second.code, 3, describe(second));
    assert.equal(r.code, 0, describe(r));
    await assertImported(store, world);
});

test('16. cold slots are warmed, and the topics that this makes are no ' +
    'channels', async (t) => {
    const world = sampleWorld({ quirks: false, messages: 500, topics: 40 });
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    await mustImport(store, double);
    const again = await mustImport(store, double);

    assert.equal(double.loaded.size, 256);
    await assertImported(store, world);
    assert.equal(again.report.steps.message.imported,
        [...world.topics.values()].reduce((n, x) => n + x.count, 0));
});

test('16. slots that a restart makes cold again are warmed again',
    async (t) => {
        const world = new World();
        for (let n = 0; n < 300; n++) {
            world.topic(2, `g${n}`, { senders: ['a'] }).append(3);
        }
        const double = await startDouble(t, world);
        let n = 0;
        double.onRequest = async ({ path }) => {
            if (path === '/migrate/topics' && ++n % 100 === 0 && n < 500) {
                setImmediate(() => double.restart({ downMs: 5 }));
            }
        };
        const store = emptyStore(t);

        await mustImport(store, double);

        assert.ok(double.ledger.restarts > 0);
        await assertImported(store, world);
    });

test('17. a store that takes nothing ends the import, with its own words',
    needsSqlite3, async (t) => {
        const world = sampleWorld({ quirks: false, messages: 300, topics: 20 });
        const double = await startDouble(t, world);
        const store = emptyStore(t);
        sql(store, 'CREATE TRIGGER no BEFORE INSERT ON events BEGIN ' +
            'SELECT RAISE(ABORT, \'the disk is on fire\'); END;');

        const r = await importInto(store, double);
        sql(store, 'DROP TRIGGER no;');
        await mustImport(store, double);

        assert.equal(r.code, 3, describe(r));
        assert.match(r.err, /the disk is on fire/);
        await assertImported(store, world);
    });

test('18. a reply that never comes is asked for again; a signal ends the run',
    async (t) => {
        const world = sampleWorld({ quirks: false, messages: 600, topics: 30 });
        const double = await startDouble(t, world);
        const store = emptyStore(t);
        double.faults.order('hang', { path: '/channel/messagesync', times: 2 });
        double.faults.order('stall', { path: '/conversation/sync' });
        double.faults.order('stall', { path: '/migrate/allusers' });

        await mustImport(store, double, { args: ['--timeout', '300ms'] });
        await assertImported(store, world);

        for (const signal of ['SIGINT', 'SIGTERM']) {
            const other = emptyStore(t);
            double.faults.order('hang', { path: '/channel/messagesync',
                times: 1e9 });
            const before = double.ledger.faults.hang;
            const child = startImport(double, other,
                { args: ['--timeout', '60s'] });
            await waitFor(() => double.ledger.faults.hang > before,
                'it waits for a reply');
            child.kill(signal);
            const r = await child.ended;
            double.faults.orders.length = 0;

            assert.equal(r.code, 130, `${signal}: ${describe(r)}`);
            await mustImport(other, double);
            await assertImported(other, world);
        }
    });

test('20. a token is sent; a wrong one is told at once, and so is a closed API',
    async (t) => {
        const world = sampleWorld({ quirks: false, messages: 300, topics: 20 });
        const double = await startDouble(t, world, { token: 'manager-secret' });
        const store = emptyStore(t);
        const file = `${store}-token`;
        fs.writeFileSync(file, 'manager-secret\n', { mode: 0o600 });
        const bad = `${store}-bad`;
        fs.writeFileSync(bad, 'wrong', { mode: 0o600 });

        const none = await importInto(store, double);
        const wrong = await importInto(store, double,
            { args: ['--token-file', bad] });
        const right = await importInto(store, double.url + '/',
            { args: ['--token-file', file] });
        double.options.migrateApi = false;
        const closed = await importInto(store, double,
            { args: ['--token-file', file] });

        for (const r of [none, wrong]) {
            assert.equal(r.code, 1, describe(r));
            assert.match(r.err, /401/);
            assert.match(r.err, /--token-file/);
        }
        assert.equal(right.code, 0, describe(right));
        await assertImported(store, world);
        assert.equal(closed.code, 1, describe(closed));
        assert.match(closed.err, /404/);
        assert.match(closed.err, /migrateApiOn/);
    });

test('21. a list that is larger than the memory allowed goes through it',
    { skip: isSanitized && 'a sanitizer needs more memory' }, async (t) => {
        const users = setting('GODWIT_IMPORT_USERS', 600);
        const flags = setting('GODWIT_IMPORT_FLAGS', 100);
        const world = new World();
        for (let i = 0; i < users; i++) {
            for (let flag = 0; flag < flags; flag++) {
                world.token(`user${i}`, { flag, token: flags === 1 ? 'short'
                    : `${i} ${flag} `.padEnd(1100, 'x') });
            }
        }
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        const child = startImport(double, store, { timeout: 900_000,
            args: ['--only-step', 'user', '--timeout', '30s'] });
        const most = watchMemory(child);
        const r = await child.ended;

        assert.equal(r.code, 0, describe(r));
        assert.ok(most() > 0 && most() < 64 * 1024, `${most()} KiB at most`);
        t.diagnostic(`${most()} KiB for ${users * flags} rows`);
        assert.equal(r.report.steps.user.imported, users * (flags + 1));
    });

test('21. channels with many members go through little memory',
    { skip: isSanitized && 'a sanitizer needs more memory' }, async (t) => {
        const world = new World();
        const uids = Array.from({ length: 6000 },
            (_, n) => `a-member-with-a-long-name-${n}`);
        for (let n = 0; n < 400; n++) {
            world.channel(`g${n}`, 2).members(`g${n}`, 2,
                { subscribers: uids.slice(n * 7, n * 7 + 3000) });
        }
        const double = await startDouble(t, world, { warm: true });
        const store = emptyStore(t);

        const child = startImport(double, store, { timeout: 300_000,
            args: ['--start-step', 'channel', '--timeout', '30s'] });
        const most = watchMemory(child);
        const r = await child.ended;

        assert.equal(r.code, 0, describe(r));
        assert.ok(most() > 0 && most() < 96 * 1024, `${most()} KiB at most`);
        t.diagnostic(`${most()} KiB`);
        await assertImported(store, world);
    });

test('22. an import that was killed goes on where it was', async (t) => {
    const world = new World();
    for (let n = 0; n < 120; n++) {
        world.topic(2, `g${n}`, { senders: ['a'] }).append(1000);
    }
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    const child = startImport(double, store);
    await waitFor(() => double.ledger.messages > 90_000, 'most is sent');
    child.kill('SIGKILL');
    await child.ended;
    const before = double.ledger.messages;

    await mustImport(store, double);

    await assertImported(store, world);
    const again = double.ledger.messages - before;
    assert.ok(again < 100_000, `${again} messages were asked for again`);
});

test('23. no more requests are under way than --parallel says', async (t) => {
    const world = sampleWorld({ quirks: false, messages: 3000, topics: 100 });
    const double = await startDouble(t, world);
    double.onRequest = () => sleep(2);
    const store = emptyStore(t);

    await mustImport(store, double, { args: ['--parallel', '3'] });

    assert.ok(double.ledger.most <= 3, `${double.ledger.most} at a time`);
    await assertImported(store, world);
});

test('23. others are read while a long topic is, not after it', async (t) => {
    const world = new World();
    const first = Array.from({ length: 5000 }, (_, n) => `g${n}`)
        .find((id) => slotOf(`2-${id}`) === 0);
    world.topic(2, first, { senders: ['a'] }).append(8000);
    for (let n = 0; n < 150; n++) {
        world.topic(2, `other${n}`, { senders: ['a'] }).append(1);
    }
    const double = await startDouble(t, world, { warm: true });
    let others = 0;
    let beside = 0;
    double.onRequest = async ({ path, body }) => {
        if (path !== '/channel/messagesync') return;
        if (!body.includes(`"${first}"`)) others++;
        else await sleep(100);
        if (body.includes('"start_message_seq":7001')) beside = others;
    };
    const store = emptyStore(t);

    await mustImport(store, double);

    assert.ok(beside >= 120, `${beside} of 150 others`);
    await assertImported(store, world);
});

test('24. a topic of one page, a user, a channel cost a request or two each',
    async (t) => {
        const world = sampleWorld({ quirks: false, users: 50, topics: 100,
            messages: 2000 });
        const double = await startDouble(t, world, { warm: true });
        const store = emptyStore(t);

        await mustImport(store, double);

        const { requests, messages } = double.ledger;
        assert.equal(messages, 2000);
        assert.ok(requests['/channel/messagesync'] <= 200, requests);
        assert.ok((requests['/channel/max_message_seq'] ?? 0) <= 200);
        assert.ok(requests['/migrate/channel'] <= 150);
        assert.ok(requests['/conversation/sync'] <= 50);
        assert.ok(requests['/migrate/topics'] <= 512);
    });

test('27. an import that left something out does not end with 0', async (t) => {
    const world = sampleWorld({ seed: 3 });
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    const r = await mustImport(store, double, { code: 4 });

    const { counts } = await assertImported(store, world);
    const { steps } = r.report;
    assert.equal(steps.message.imported, counts.messages);
    assert.equal(steps.message.refused, counts.refused);
    assert.equal(steps.message.unreadable, counts.unreadable);
    assert.equal(steps.message.source, counts.messages + counts.refused +
        counts.unreadable, r.reportText);
    assert.equal(steps.user.mangled, counts.mangled.users);
    assert.equal(steps.channel.mangled, counts.mangled.channels);
    for (const [name, step] of Object.entries(steps)) {
        assert.deepEqual(Object.keys(step), ['source', 'imported', 'refused',
            'unreadable', 'mangled', 'differs'], name);
    }
});

test('28. tokens are in no report, log or output', async (t) => {
    const world = crowd(100);
    world.token(farFrom('alice'), { token: 'mangled-device-secret' });
    world.token('user1', { token: 'user-device-secret' });
    const double = await startDouble(t, world, { token: 'manager-secret' });
    const store = emptyStore(t);
    const file = `${store}-token`;
    fs.writeFileSync(file, 'manager-secret', { mode: 0o600 });
    double.faults.order('500', { times: 3 });
    double.faults.order('torn', { path: '/migrate/allusers' });

    for (const args of [[], ['--verbose', '--json'],
        ['--verbose', '--log-format', 'json']]) {
        const r = await importInto(store, double,
            { args: ['--token-file', file, ...args] });

        assert.equal(r.code, 4, describe(r));
        for (const text of [r.out, r.err, r.reportText]) {
            assert.doesNotMatch(text, /manager-secret|device-secret|t-user/);
        }
    }
    assert.ok(dumpText(store).includes('user-device-secret'));
    assert.ok(!dumpText(store).includes('mangled-device-secret'));
});

test('28. a token that the source repeats is in no message, not in part',
    async (t) => {
        const token = 'manager-secret';
        const double = await startDouble(t, new World(), { token });
        const store = emptyStore(t);
        const file = `${store}-token`;
        fs.writeFileSync(file, `${token}\n`, { mode: 0o600 });
        for (const at of [0, 150, 190, 198]) {
            double.instead = () => ({ status: 500, type: 'text/plain',
                pieces: [`${'x'.repeat(at)}${token} is not good`] });

            const r = await importInto(store, double, { args: ['--token-file',
                file, '--max-tries', '1', '--verbose'] });

            assert.equal(r.code, 1, describe(r));
            assert.match(r.err, /500/);
            assert.doesNotMatch(r.out + r.err, /x+m|manager|secret/);
        }
    });

test('28. a token of two lines is refused before anything is asked',
    async (t) => {
        const double = await startDouble(t);
        const store = emptyStore(t);
        const file = `${store}-token`;
        fs.writeFileSync(file, 'first-part\r\nX-Other: two\n', { mode: 0o600 });

        const r = await importInto(store, double,
            { args: ['--token-file', file] });

        assert.equal(r.code, 2, describe(r));
        assert.doesNotMatch(r.err, /first-part|X-Other/);
        assert.equal(double.ledger.n, 0);
    });

test('a fake name is what v1 makes of two uids', () => {
    assert.equal(fake('x', 'y'), crc32('x') > crc32('y') ? 'x@y' : 'y@x');
});
