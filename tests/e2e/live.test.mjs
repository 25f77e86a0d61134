// SPDX-License-Identifier: Apache-2.0
// The application goes on writing while the store is migrated and swapped.
// Every position that was acknowledged is there afterwards, exactly once,
// and migrated if it was written before the cutover.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { assertSameDump, copyStore, describe, dump, dumpText, load,
    makeFolder, makeStore, must, mustSoon, sleep, start, stats, waitFor,
    writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';

// many commits, and keyframes saved again and again
const SMALL = ['--batch', '128KiB', '--keyframe-events', '3000', '--quiet'];

// beside those of the sample: notes are what the appenders write
const WITH_NOTES = {
    '0002_names.json': { rules: [
        { rename_field: { collection: 'note', from: 'old', to: 'new' } },
        ...MIGRATIONS['0002_names.json'].rules,
    ] },
    '0003_number_messages.lua': MIGRATIONS['0003_number_messages.lua'],
    '0004_times.lua': `
return { type = "event", migrate_event = function(event, ctx)
  if event.collection == "note" and event.type == "create" then
    event.data.times = (event.data.times or 0) + 1
    return { event }
  end
end }`,
    '0005_close.lua': MIGRATIONS['0005_close.lua'],
};

/** Position n of writer w: makes a note and changes the one before. */
function note(w, n) {
    const events = [{ fqid: `note/${w}${String(n).padStart(6, '0')}`,
        type: 'create', data: { old: n, writer: w } }];
    if (n > 1) {
        events.push({ fqid: `note/${w}${String(n - 1).padStart(6, '0')}`,
            type: 'update', data: { seen: true } });
    }
    return JSON.stringify({ events });
}

/** Feeds positions one by one to a `load` that stays open. */
function startAppender(t, store, writer) {
    const child = start(['load', '-', '--quiet'], { store, feed: true });
    const appender = { child, sent: 0, stopped: false };
    child.stdin.on('error', () => { appender.stopped = true; });
    t.after(() => {
        appender.stopped = true;
        child.kill('SIGKILL');
    });
    const feed = async () => {
        while (!appender.stopped) {
            appender.sent++;
            const line = note(writer, appender.sent) + '\n';
            if (!child.stdin.write(line)) {
                await new Promise((go) => {
                    child.stdin.once('drain', go);
                    child.once('close', go);
                });
            }
            await sleep(1);
        }
        child.stdin.end();
    };
    const fed = feed();
    appender.stop = async () => {
        appender.stopped = true;
        await fed;
        const r = await child.ended;
        assert.equal(r.code, 0, `load: ${describe(r)}`);
        return appender.sent;
    };
    return appender;
}

/** Appends positions by one `load` each: each exit 0 acknowledges one. */
function startShortAppender(t, store, writer) {
    const appender = { sent: 0, stopped: false };
    t.after(() => { appender.stopped = true; });
    const append = async () => {
        while (!appender.stopped) {
            const child = start(['load', '-', '--quiet'],
                { store, feed: true });
            child.stdin.end(note(writer, appender.sent + 1) + '\n');
            const r = await child.ended;
            assert.equal(r.code, 0, `load: ${describe(r)}`);
            appender.sent++;
        }
    };
    const done = append();
    appender.stop = async () => {
        appender.stopped = true;
        await done;
        return appender.sent;
    };
    return appender;
}

/** Each note of a writer is there once; those from before the cutover are
 *  migrated once, those from after it are as they were written. */
function checkNotes(d, writer, sent, target) {
    const creates = d.events.filter((e) => e.type === 'create' &&
        e.fqid.startsWith(`note/${writer}`));
    const want = Array.from({ length: sent },
        (_, i) => `note/${writer}${String(i + 1).padStart(6, '0')}`);
    assert.deepEqual(creates.map((e) => e.fqid), want);
    let migrated = 0;
    for (const [i, e] of creates.entries()) {
        if ('new' in e.data) {
            assert.equal(migrated, i, 'written after the cutover, migrated');
            assert.deepEqual(e.data,
                { new: i + 1, writer, times: 1 });
            migrated++;
        } else {
            assert.deepEqual(e.data, { old: i + 1, writer });
        }
        const model = d.models[e.fqid];
        assert.equal(model.data.seen, i + 1 < sent ? true : undefined);
        assert.equal(model.data.new ?? model.data.old, i + 1);
    }
    for (const p of d.positions) assert.equal(p.migration_index, target);
    return migrated;
}

for (const [what, startIt] of [['one open load', startAppender],
    ['many short loads', startShortAppender]]) {
    test(`nothing that ${what} wrote during migrate and finalize is lost`,
        async (t) => {
            const folder = makeFolder(t);
            const migrations = writeFiles(path.join(folder, 'm'), WITH_NOTES);
            const store = makeStore(folder, generate(2500));
            const appender = startIt(t, store, 1);

            await waitFor(() => appender.sent > 5, 'the appender');
            await mustSoon(['migrate', ...SMALL], { store, migrations });
            await sleep(300);
            await mustSoon(['migrate', ...SMALL], { store, migrations });
            const atMigrate = appender.sent;
            await mustSoon(['finalize', ...SMALL], { store, migrations });
            const atFinalize = appender.sent;
            await waitFor(() => appender.sent > atFinalize + 5, 'the rest');
            await sleep(400);
            const sent = await appender.stop();

            must(['verify', '--quiet'], { store, migrations });
            assert.equal(stats(store, migrations).status,
                'no_migration_required');
            const migrated = checkNotes(dump(store), 1, sent, 5);
            t.diagnostic(`${sent} positions written, ${atMigrate} when ` +
                `migrate ended, ${migrated} before the cutover`);
            assert.ok(migrated > 0 && migrated < sent);
        });
}

test('with two writers and three rounds of migrations nothing is lost',
    async (t) => {
        const folder = makeFolder(t);
        const bump = (round) => `return { type = "event", migrate_event =
            function(event, ctx)
              if event.collection == "note" and event.type == "create" then
                event.data.round${round} = true
                return { event }
              end
            end }`;
        const files = {};
        const store = makeStore(folder, generate(800));
        const appenders = [startAppender(t, store, 1),
            startAppender(t, store, 2)];

        for (let round = 2; round <= 4; round++) {
            files[`000${round}_round.lua`] = bump(round);
            const migrations = writeFiles(path.join(folder, `m${round}`),
                files);
            await sleep(200);
            await mustSoon(['migrate', ...SMALL], { store, migrations });
            await mustSoon(['finalize', ...SMALL], { store, migrations });
        }
        const sent = [];
        for (const a of appenders) sent.push(await a.stop());

        const migrations = path.join(folder, 'm4');
        must(['verify', '--quiet'], { store, migrations });
        const d = dump(store);
        for (const [i, n] of sent.entries()) {
            const creates = d.events.filter((e) => e.type === 'create' &&
                e.fqid.startsWith(`note/${i + 1}`));
            assert.equal(creates.length, n);
            // a note of before round 3 has round 3, and so on
            for (const e of creates) {
                assert.ok(!e.data.round2 || e.data.round3, e.fqid);
                assert.ok(!e.data.round3 || e.data.round4, e.fqid);
            }
            assert.ok(creates.some((e) => e.data.round2));
        }
        assert.ok(d.positions.every((p) => p.migration_index === 4));
    });

for (const [what, isAlone] of [['the only writer', true],
    ['one of two writers', false]]) {
    test(`an open load that is ${what} is seen soon, holds nobody up and ` +
        'notices the cutover', async (t) => {
        const folder = makeFolder(t);
        // no model migration: the newest position stays the same
        const { '0005_close.lua': left, ...files } = WITH_NOTES;
        const migrations = writeFiles(path.join(folder, 'm'), files);
        const store = makeStore(folder, []);
        const child = start(['load', '-', '--quiet'], { store, feed: true });

        child.stdin.write(note(1, 1) + '\n');
        await waitFor(() => dump(store).positions.length === 1, 'position 1',
            5000);
        // half a line waits, nobody else does
        child.stdin.write(note(1, 2).slice(0, 20));
        await mustSoon(['finalize', '--quiet'], { store, migrations });
        if (!isAlone) load(store, ['{"events":[]}']);
        child.stdin.end(note(1, 2).slice(20) + '\n');
        const r = await child.ended;

        assert.equal(r.code, 0, describe(r));
        must(['verify', '--quiet'], { store, migrations });
        const d = dump(store);
        assert.deepEqual(d.positions.map((p) => p.migration_index),
            d.positions.map(() => 4));
        const { seen, new: value } = d.models['note/1000001'].data;
        assert.deepEqual([value, seen], [1, true]);
        assert.deepEqual(d.models['note/1000002'].data.old, 2);
    });
}

test('writers that are faster than migrate do not keep it going for ever',
    async (t) => {
        const folder = makeFolder(t);
        const migrations = writeFiles(path.join(folder, 'm'), WITH_NOTES);
        const store = makeStore(folder, generate(250));
        const appenders = [startAppender(t, store, 1),
            startAppender(t, store, 2)];
        await waitFor(() => appenders[0].sent > 20, 'the appender');

        // one position a batch and keyframes all the time: as slow as it gets
        const r = await start(['migrate', '--quiet', '--batch', '1',
            '--keyframe-events', '200'],
        { store, migrations, timeout: 60_000 }).ended;

        assert.equal(r.code, 0, describe(r));
        const sent = [];
        for (const a of appenders) sent.push(await a.stop());
        must(['finalize', '--quiet'], { store, migrations });
        must(['verify', '--quiet'], { store, migrations });
        const d = dump(store);
        for (const [i, n] of sent.entries()) checkNotes(d, i + 1, n, 5);
    });

test('finalize of an unmigrated store under load loses nothing', async (t) => {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'm'), WITH_NOTES);
    const store = makeStore(folder, generate(1500));
    const copy = copyStore(store, path.join(folder, 'copy.db'));
    const appender = startAppender(t, store, 1);

    await waitFor(() => appender.sent > 20, 'the appender');
    await mustSoon(['finalize', ...SMALL], { store, migrations });
    const sent = await appender.stop();

    must(['verify', '--quiet'], { store, migrations });
    const d = dump(store);
    checkNotes(d, 1, sent, 5);
    // what was there before is what it is without the appender
    must(['finalize', '--quiet'], { store: copy, migrations });
    const others = (x) => x.events.filter((e) =>
        !e.fqid.startsWith('note/') && !e.fqid.startsWith('counter/') &&
        e.data?.german !== true && e.data?.[0] !== 'lang');
    assertSameDump(others(d), others(JSON.parse(dumpText(copy))), 'others');
});
