// SPDX-License-Identifier: Apache-2.0
// Whatever fails on the way: the store is that of an undisturbed import, and
// holds what the double's ledger says was sent.
import assert from 'node:assert/strict';
import test from 'node:test';

import { assertSameDump, describe, dumpText, must, sleep }
    from '../lib/godwit.mjs';
import { assertImported, emptyStore, importInto, mustImport, startImport }
    from '../lib/import.mjs';
import { proxy } from '../lib/proxy.mjs';
import { PASSING, sampleWorld, slotOf, startDouble, World }
    from '../lib/wukongim.mjs';

const SIZE = { users: 120, topics: 200, messages: 4000 };

/** The dump of an import that nothing disturbs. */
async function undisturbed(t, size = SIZE) {
    const world = sampleWorld(size);
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    await mustImport(store, double, { code: size.quirks === false ? 0 : 4 });
    await assertImported(store, world);
    return dumpText(store);
}

/** What the store holds was handed over whole, item by item. */
async function assertInLedger(store, double) {
    const { channels } = await assertImported(store, double.world);
    for (const { topic } of channels.values()) {
        if (!topic) continue;
        for (const seq of topic.seqs()) {
            assert.ok(topic.delivered[seq] > 0,
                `${topic.name} ${seq} was never sent`);
        }
    }
}

for (const kind of PASSING) {
    test(`requests of which a tenth fails with ${kind} lose and double nothing`,
        async (t) => {
            const world = sampleWorld(SIZE);
            const double = await startDouble(t, world, { faults: {
                rate: 0.1, kinds: [kind], seed: 5 } });
            const store = emptyStore(t);

            await mustImport(store, double, { code: 4 });

            assert.ok(double.ledger.faults[kind] > 10);
            await assertInLedger(store, double);
        });
}

test('the store after every kind of failure, and restarts of the source, is ' +
    'that of an undisturbed import', async (t) => {
    const want = await undisturbed(t);
    const world = sampleWorld(SIZE);
    const double = await startDouble(t, world, { faults: { rate: 0.08,
        kinds: [...PASSING, 'empty', 'html', '400', 'hang', 'stall'],
        seed: 9 } });
    const store = emptyStore(t);

    const child = startImport(double, store, { args: ['--timeout', '400ms'] });
    let isOver = false;
    child.ended.then(() => { isOver = true; });
    while (!isOver) {
        await sleep(400);
        if (!isOver) await double.restart({ downMs: 30 });
    }
    const r = await child.ended;

    assert.equal(r.code, 4, describe(r));
    await assertInLedger(store, double);
    assertSameDump(dumpText(store), want, 'after failures');
});

test('with other numbers of requests at a time the store is the same',
    async (t) => {
        const want = await undisturbed(t);
        for (const parallel of ['1', '50']) {
            const double = await startDouble(t, sampleWorld(SIZE));
            const store = emptyStore(t);

            await mustImport(store, double,
                { code: 4, args: ['--parallel', parallel] });

            assertSameDump(dumpText(store), want, `--parallel ${parallel}`);
        }
    });

test('a proxy that gives a page of its own for messages costs none of them',
    async (t) => {
        const world = new World();
        world.topic(2, 'g', { senders: ['a'] }).append(5);
        const double = await startDouble(t, world, { warm: true });
        const store = emptyStore(t);
        // enough for pages of every size down to one message
        const order = double.faults.order('html',
            { path: '/channel/messagesync', times: 36 });

        await mustImport(store, double);

        assert.equal(order.times, 0);
        await assertImported(store, world);
    });

/** The messages that are stored of a topic of n, when the source answers
 *  every question for some with these. */
async function importPage(t, n, messages) {
    const world = new World();
    world.topic(2, 'g', { senders: ['a'] }).append(n);
    const double = await startDouble(t, world, { warm: true });
    const source = await proxy(t, double.url, { '/channel/messagesync':
        { type: 'application/json', text: JSON.stringify({ messages }) } });
    const store = emptyStore(t);

    await mustImport(store, source);
    must(['verify'], { store });
    return must(['export'], { store }).out.trim().split('\n').map(JSON.parse)
        .flatMap(({ events }) => events)
        .filter(({ fqid }) => fqid.startsWith('message/'))
        .map(({ data }) => data);
}

test('an id that comes as text is a number, however it is written',
    async (t) => {
        const [first, second] = await importPage(t, 2, [
            { message_seq: 1, message_idstr: '007' },
            { message_seq: 2, message_idstr: '-9223372036854775808' }]);

        assert.equal(first.message_id, 7);
        assert.equal(second.message_id, -9223372036854775808);
    });

test('a page of more messages than were asked for loses none', async (t) => {
    const seqs = Array.from({ length: 2500 }, (_, i) => i + 1);

    const stored = await importPage(t, seqs.length, seqs.map((seq) =>
        ({ message_seq: seq, message_id: seq, from_uid: 'a' })));

    assert.deepEqual(stored.map((m) => m.message_seq), seqs);
});

const UNITS = [
    ['400', '/channel/messagesync', '"bad"', 'message', 7],
    ['html', '/channel/messagesync', '"bad"', 'message', 7],
    ['500', '/migrate/channel', '"bad"', 'channel', 1],
    ['reset', '/conversation/sync', '"a"', 'conversation', 1],
    ['empty', '/migrate/topics', `{"slot":${slotOf('2-bad')}}`, 'message', 1],
];
for (const [kind, path, body, step, n] of UNITS) {
    for (const tries of ['1', '4']) {
        test(`one thing that ${path} fails with for ever (${kind}) is ` +
            `unreadable after --max-tries ${tries}, and the next import ` +
            'brings it', async (t) => {
            const world = new World();
            world.token('a').channel('bad', 2).conversation('a', 2, 'good');
            world.topic(2, 'bad', { senders: ['a'] }).append(7);
            world.topic(2, 'good', { senders: ['a'] }).append(3);
            const double = await startDouble(t, world, { warm: true });
            const store = emptyStore(t);
            const order = double.faults.order(kind,
                { path, body, times: 1e9 });

            const r = await mustImport(store, double, { code: 4,
                args: ['--max-tries', tries] });
            order.times = 0;
            await mustImport(store, double);

            const { steps } = r.report;
            assert.equal(steps[step].unreadable, n, r.reportText);
            for (const [name, { source, imported, unreadable, differs }] of
                Object.entries(steps)) {
                assert.equal(source, imported + unreadable, name);
                assert.equal(differs, 0, name);
            }
            await assertImported(store, world);
        });
    }
}

test('a user found by a message whose lists cannot be read is counted as one ' +
    'of the users', async (t) => {
    const world = new World();
    world.topic(2, 'g', { senders: ['u'] }).append(5);
    world.members('u', 1, { allowlist: ['v'] });
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    double.faults.order('400',
        { path: '/migrate/channel', body: '"u"', times: 3 });

    const r = await mustImport(store, double, { code: 4 });
    await mustImport(store, double);

    const { user, message } = r.report.steps;
    assert.deepEqual([user.source, user.imported, user.unreadable], [1, 0, 1]);
    assert.deepEqual([message.source, message.imported], [5, 5]);
    await assertImported(store, world);
});

test('Retry-After is waited for', async (t) => {
    const world = new World();
    world.topic(2, 'g', { senders: ['a'] }).append(10);
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    const times = [];
    double.faults.order('503', { path: '/migrate/allusers', retryAfter: 1 });
    double.onRequest = ({ path }) => {
        if (path === '/migrate/allusers') times.push(performance.now());
    };

    await mustImport(store, double);

    assert.ok(times.length >= 2);
    assert.ok(times[1] - times[0] >= 900, `${times[1] - times[0]} ms`);
});

test('a source that goes away for good is given up, and the import goes on ' +
    'when it is back', async (t) => {
    const world = sampleWorld({ ...SIZE, quirks: false });
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    let n = 0;
    double.onRequest = ({ path }) => {
        if (path === '/channel/messagesync' && ++n === 100) {
            double.faults.order('reset', { times: 1e9 });
        }
    };

    const r = await importInto(store, double,
        { args: ['--give-up-after', '2s'] });
    double.faults.orders.length = 0;
    double.onRequest = null;
    await mustImport(store, double);

    assert.equal(r.code, 1, describe(r));
    await assertInLedger(store, double);
});

test('a source that is never reached is told from one that was', async (t) => {
    const double = await startDouble(t, new World());
    const { url } = double;
    await double.close();
    double.close = () => {};
    const store = emptyStore(t);

    const r = await importInto(store, url, { args: ['--give-up-after', '1s'] });

    assert.equal(r.code, 3, describe(r));
    assert.match(r.err, /refused|connect/i);
});
