// SPDX-License-Identifier: Apache-2.0
// A second import brings what is new or changed at the source, and nothing
// else.
import assert from 'node:assert/strict';
import test from 'node:test';

import { assertSameDump, describe, dump, dumpText } from '../lib/godwit.mjs';
import { assertImported, emptyStore, importInto, mustImport, readModels }
    from '../lib/import.mjs';
import { sampleWorld, startDouble, World } from '../lib/wukongim.mjs';

/** The events after a position, as "type collection". */
function eventsAfter(store, position) {
    const counts = {};
    for (const e of dump(store).events) {
        if (e.position <= position) continue;
        const name = `${e.type} ${e.fqid.split('/')[0]}`;
        counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
}

const lastPosition = (store) => dump(store).positions.at(-1)?.position ?? 0;

test('an import of a source that did not change writes no position',
    async (t) => {
        const world = sampleWorld();
        const double = await startDouble(t, world);
        const store = emptyStore(t);
        await mustImport(store, double, { code: 4 });
        const before = dumpText(store);
        const { messages } = double.ledger;

        const r = await mustImport(store, double, { code: 4 });

        assertSameDump(dumpText(store), before, 'the second import');
        assert.ok(double.ledger.messages - messages < 100,
            `${double.ledger.messages - messages} messages were sent again`);
        assert.ok(r.report.steps.message.imported > 0, 'the report is whole');
    });

test('new items come as create, changed ones as one change each',
    async (t) => {
        const world = sampleWorld({ quirks: false, users: 60, topics: 80,
            messages: 3000 });
        world.token('user1', { flag: 0, token: 'old' })
            .members('group1', 9, { subscribers: ['user1'] })
            .channel('group1', 9, { ban: false })
            .conversation('user1', 9, 'group1', { unread: 0 });
        const double = await startDouble(t, world);
        const store = emptyStore(t);
        await mustImport(store, double);
        await assertImported(store, world);
        const position = lastPosition(store);
        const { messages } = double.ledger;

        const topics = [...world.topics.values()].filter((x) => x.newest > 0 &&
            x.type !== 1).slice(0, 5);
        for (const topic of topics) topic.append(7);
        world.topic(4, 'brand', { senders: ['new1'] }).append(3);
        world.token('user1', { flag: 0, token: 'new' }).token('new2')
            .members('group1', 9, { subscribers: ['user2'] })
            .channel('group1', 9, { ban: true })
            .conversation('user1', 9, 'group1', { unread: 1,
                version: 1_900_000_000_000 });
        await mustImport(store, double);

        await assertImported(store, world);
        assert.deepEqual(eventsAfter(store, position), {
            'create user': 2, 'create device': 1, 'create channel': 1,
            'create message': 38, 'update device': 1, 'update channel': 1,
            'update conversation': 1,
            // a device comes after its user, who then gets to know of it
            'update user': 1 });
        assert.equal(double.ledger.messages - messages, 38);
    });

test('lists that shrink or go are those of the source afterwards',
    async (t) => {
        const world = new World();
        for (const uid of ['a', 'b', 'c']) world.token(uid);
        world.channel('g', 2).members('g', 2, { subscribers: ['a', 'b', 'c'],
            denylist: ['c'] }).members('a', 1, { allowlist: ['b'] });
        const double = await startDouble(t, world);
        const store = emptyStore(t);
        await mustImport(store, double);

        world.clear('g', 2, 'denylist').clear('g', 2, 'subscribers')
            .clear('a', 1, 'allowlist')
            .members('g', 2, { subscribers: ['c', 'a'] });
        await mustImport(store, double);

        await assertImported(store, world);
        const { fields } = (await readModels(store)).channel.get('2-g');
        assert.deepEqual(fields.subscribers, ['c', 'a']);
        assert.ok(!('denylist' in fields));
    });

test('ids stay those of their keys over many imports', async (t) => {
    const world = sampleWorld({ users: 60, topics: 60, messages: 600,
        quirks: false });
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    const ids = new Map();

    for (let n = 0; n < 4; n++) {
        world.token(`later${n}`).topic(2, `later${n}`,
            { senders: [`later${n}`] }).append(2);
        await mustImport(store, double);
        await assertImported(store, world);
        for (const [collection, map] of Object.entries(
            await readModels(store))) {
            for (const [key, { id }] of map) {
                const name = `${collection} ${key}`;
                assert.equal(ids.get(name) ?? id, id, name);
                ids.set(name, id);
            }
        }
    }
});

test('a step alone brings what is new for it; a later start leaves the ' +
    'earlier steps out', async (t) => {
    const world = new World();
    world.token('a').channel('g', 2);
    world.topic(2, 'g', { senders: ['a'] }).append(5);
    world.conversation('a', 2, 'g');
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    await mustImport(store, double);
    const asked = () => ({ ...double.ledger.lists });

    world.topics.get('2-g').append(3);
    const before = asked();
    await mustImport(store, double, { args: ['--only-step', 'message'] });
    const after = asked();

    assert.deepEqual(after, before, 'no list was asked for');
    assert.equal((await readModels(store)).message.size, 8);
    await mustImport(store, double, { args: ['--start-step', 'conversation'] });
    assert.deepEqual(asked(), before);
    await mustImport(store, double);
    await assertImported(store, world);
});

for (const path of ['/conversation/sync', '/channel/messagesync',
    '/migrate/channel']) {
    test(`an import from a later step on that stopped at ${path} is no ` +
        'reason to leave out what the earlier steps know', async (t) => {
        const world = new World();
        world.token('a').channel('g', 2, { ban: true });
        world.members('g', 2, { subscribers: ['m'] })
            .conversation('m', 2, 'g').conversation('a', 2, 'g');
        world.topic(2, 'g', { senders: ['a'] }).append(5);
        const double = await startDouble(t, world);
        const store = emptyStore(t);
        const order = double.faults.order('401', { path, times: 1e9 });

        const r = await importInto(store, double,
            { args: ['--start-step', 'message'] });
        order.times = 0;
        await mustImport(store, double);

        assert.equal(r.code, 1, describe(r));
        await assertImported(store, world);
    });
}
