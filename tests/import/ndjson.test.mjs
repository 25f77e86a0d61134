// SPDX-License-Identifier: Apache-2.0
// The source that is no server: files of items, one a line, with the same
// promises.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, describe, dump, dumpText, makeRandom,
    must, run, sleep, start } from '../lib/godwit.mjs';
import { emptyStore } from '../lib/import.mjs';

const item = (collection, key, fields) =>
    JSON.stringify({ collection, key, fields });

function items(n) {
    return Array.from({ length: n }, (_, i) => i % 10 === 0
        ? item('user', `u${i}`, { name: `User ${i}`, big: i * 2 ** 20 })
        : item('message', `m${i}`, { text: `text ${i} "é"`, tags: [] }));
}

function write(store, lines, end = '\n') {
    const file = path.join(path.dirname(store), 'items.ndjson');
    fs.writeFileSync(file, lines.join('\n') + end);
    return file;
}

const importFile = (store, file, args = []) =>
    run(['import', 'ndjson', file, ...args], { store });

/** {collection: {key of `by`: data}} of the store's models. */
function models(store, by) {
    const found = {};
    for (const [fqid, { deleted, data }] of Object.entries(
        dump(store).models)) {
        assert.equal(deleted, false, fqid);
        assert.equal(data.id, Number(fqid.split('/')[1]));
        (found[fqid.split('/')[0]] ??= {})[data[by]] = data;
    }
    return found;
}

test('every line becomes a model, once, however often it is imported',
    async (t) => {
        const store = emptyStore(t);
        const file = write(store, items(2500));

        const first = importFile(store, file);
        const before = dumpText(store);
        const second = importFile(store, file);

        assert.equal(first.code, 0, describe(first));
        assert.equal(second.code, 0, describe(second));
        assertSameDump(dumpText(store), before, 'the second import');
        assert.equal(Object.keys(dump(store).models).length, 2500);
        assert.equal(models(store, 'text').message['text 7 "é"'].tags.length,
            0);
        must(['verify'], { store });
    });

test('lines that are new or changed are brought, and nothing else',
    async (t) => {
        const store = emptyStore(t);
        const lines = items(100);
        importFile(store, write(store, lines));
        const { events } = dump(store);

        lines[3] = item('message', 'm3', { text: 'changed' });
        lines.push(item('message', 'new', { text: 'new' }));
        const r = importFile(store, write(store, lines, ''));

        assert.equal(r.code, 0, describe(r));
        const more = dump(store).events.slice(events.length);
        assert.deepEqual(more.map((e) => e.type).filter((type) =>
            type === 'create').length, 1);
        assert.deepEqual(new Set(more.map((e) => e.fqid)).size, 2);
        const { message } = models(store, 'text');
        assert.deepEqual(Object.keys(message.changed).sort(),
            ['id', 'meta_deleted', 'meta_position', 'text']);
        assert.ok(message.new);
    });

test('an import of a file that was killed goes on at its byte, to the same ' +
    'store', async (t) => {
    const whole = emptyStore(t);
    const file = write(whole, items(30_000));
    const { ms } = must(['import', 'ndjson', file], { store: whole });
    const store = emptyStore(t);
    const random = makeRandom(4);

    let kills = 0;
    for (let n = 0; n < 10; n++) {
        const child = start(['import', 'ndjson', file], { store });
        await sleep(random() * ms * 0.5);
        child.kill('SIGKILL');
        if ((await child.ended).signal) kills++;
    }
    const r = importFile(store, file);

    assert.equal(r.code, 0, describe(r));
    assert.ok(kills > 0);
    assertSameDump(dumpText(store), dumpText(whole), `after ${kills} kills`);
});

test('a line that is no item is refused by its number, the others come',
    async (t) => {
        const store = emptyStore(t);
        const bad = ['no json', '{}', '[]', item('No', 'k', {}),
            item('user', '', {}), item('user', 'k', { 'B-ad': 1 }),
            item('user', 'k', { id: 7 }), item('user', 'k', { a: null }),
            '{"collection":"user","key":"k","fields":{},"step":"never"}',
            '{"collection":"user","key":"k","fields":[]}'];
        const file = write(store, [...bad, item('user', 'good', { a: 1 })]);
        const report = path.join(path.dirname(store), 'report.json');

        const r = importFile(store, file, ['--report', report]);

        assert.equal(r.code, 4, describe(r));
        assert.equal(Object.keys(dump(store).models).length, 1);
        const { items: found } = JSON.parse(fs.readFileSync(report, 'utf8'));
        assert.equal(found.refused.length, bad.length);
        bad.forEach((_, n) => assert.ok(found.refused.some(({ key }) =>
            key === `line ${n + 1}`), `line ${n + 1}`));
    });

test('a wrong line is refused whatever step an import begins with, once',
    async (t) => {
        const store = emptyStore(t);
        const file = write(store, ['no json', item('user', 'u', { a: 1 }),
            item('message', 'm', { a: 1 })]);
        const report = path.join(path.dirname(store), 'report.json');
        const refused = () => JSON.parse(fs.readFileSync(report, 'utf8'))
            .items.refused?.length ?? 0;

        for (const args of [['--start-step', 'message'],
            ['--only-step', 'channel'], []]) {
            const r = importFile(store, file, ['--report', report, ...args]);

            assert.equal(r.code, 4, `${args}: ${describe(r)}`);
            assert.equal(refused(), 1, `${args}`);
        }
        write(store, [item('user', 'u', { a: 1 })]);
        const mended = importFile(store, file, ['--report', report,
            '--start-step', 'message']);

        assert.equal(mended.code, 0, describe(mended));
    });

test('what is no file is refused', async (t) => {
    const store = emptyStore(t);

    assertRefused(run(['import', 'ndjson', '--quiet'], { store }), 2, /FILE/);
    assertRefused(importFile(store, '/nowhere.ndjson', ['--quiet']), [1, 2, 3],
        /nowhere/);
    assertRefused(importFile(store, '/dev/null', ['--quiet']), [1, 2], /file/);
});
