// SPDX-License-Identifier: Apache-2.0
// Runs that meet: two at once, one that is interrupted, one that is killed,
// one that finds other migrations than the run before.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, copyStore, countMigrated, describe,
    dump, dumpText, live, load, makeFolder, makeStore, must, run, shell, sql,
    start, stats, waitFor, writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';

const SMALL = ['--batch', '4KiB', '--quiet'];

// takes its time with every event, and changes some
const SLOW = `
local m = { type = "event" }
function m.migrate_event(event, ctx)
  local x = 0
  for i = 1, TURNS do x = x + i end
  if event.type == "create" then event.data.slow = true return { event } end
end
return m
`;

const slow = (turns) =>
    ({ '0002_slow.lua': SLOW.replace('TURNS', String(turns)) });

async function startSlowly(store, migrations, command = 'migrate') {
    // of this run: an earlier one may have left its own
    const before = countMigrated(stats(store, migrations));
    const child = start([command, ...SMALL], { store, migrations });
    await waitFor(() => child.exitCode !== null ||
        countMigrated(stats(store, migrations)) > before,
    'the first commit');
    assert.equal(child.exitCode, null, child.errText());
    return child;
}

/** Starts a run and waits until it holds the lock. The probe takes the lock
 *  for a moment itself, and may so be what refuses the run: again, then. */
async function startHolding(args, where) {
    for (;;) {
        const child = start(args, where);
        await waitFor(() => child.exitCode !== null ||
            run(['reset', '--quiet'], where).code === 3, 'the lock');
        if (child.exitCode === null) return child;
        assert.equal(child.exitCode, 3, child.errText());
    }
}

test('a second run is refused and told who holds the store', async (t) => {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'm'), slow(500_000));
    const store = makeStore(folder, generate(400));
    const child = await startSlowly(store, migrations);

    for (const command of ['migrate', 'finalize', 'reset', 'rollback',
        'discard']) {
        for (const uri of [store, `sqlite:${store}`,
            path.join(folder, '..', path.basename(folder), 'store.db')]) {
            const r = run([command, '--quiet'], { store: uri, migrations });
            assertRefused(r, 3, 'migrate', new RegExp(`\\b${child.pid}\\b`));
        }
    }
    const link = path.join(folder, 'link.db');
    fs.symlinkSync(store, link);
    assertRefused(run(['reset', '--quiet'], { store: link, migrations }), 3,
        String(child.pid));
    // what only reads, and the application, go on
    must(['dump'], { store });
    must(['preview'], { store, migrations });
    load(store, ['{"events":[]}']);
    assert.equal(child.exitCode, null, 'it ended too early for this test');

    child.kill('SIGKILL');
    await child.ended;
    must(['reset', '--quiet'], { store, migrations });
    assert.equal(countMigrated(stats(store, migrations)), 0);
});

test('of many runs that start together one works and none spoils anything',
    async (t) => {
        const folder = makeFolder(t);
        const migrations = writeFiles(path.join(folder, 'm'), MIGRATIONS);
        const store = makeStore(folder, generate(600));
        const want = copyStore(store, path.join(folder, 'want.db'));
        must(['finalize'], { store: want, migrations });

        const ends = await Promise.all(Array.from({ length: 8 }, (_, i) =>
            start([i % 2 ? 'finalize' : 'migrate', ...SMALL],
                { store, migrations }).ended));

        assert.ok(ends.some((r) => r.code === 0));
        for (const r of ends) {
            if (r.code !== 0) assertRefused(r, 3, /migrate|finalize/);
        }
        must(['finalize'], { store, migrations });
        assertSameDump(dumpText(store), dumpText(want), 'afterwards');
    });

test('a killed holder blocks nobody, whatever it leaves behind', async (t) => {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'm'), slow(300_000));
    const store = makeStore(folder, generate(300));

    for (let i = 0; i < 3; i++) {
        const child = await startHolding(['migrate', ...SMALL],
            { store, migrations });
        child.kill('SIGKILL');
        await child.ended;
        must(['reset', '--quiet'], { store, migrations });
    }
});

for (const [signal, command] of [['SIGINT', 'migrate'],
    ['SIGTERM', 'migrate'], ['SIGTERM', 'finalize']]) {
    test(`${signal} stops ${command} soon, and the next run goes on`,
        async (t) => {
            const folder = makeFolder(t);
            const migrations = writeFiles(path.join(folder, 'm'),
                { ...slow(200_000), '0003_more.lua':
                    MIGRATIONS['0003_number_messages.lua'] });
            const store = makeStore(folder, generate(500));
            const want = copyStore(store, path.join(folder, 'want.db'));
            must(['migrate', '--quiet'], { store: want, migrations });
            const wantMigrated = dumpText(want);
            must(['finalize', '--quiet'], { store: want, migrations });
            const before = live(dump(store));

            for (let i = 0; i < 3; i++) {
                const child = await startSlowly(store, migrations, command);
                const begin = performance.now();
                child.kill(signal);
                const r = await child.ended;
                assert.ok(performance.now() - begin < 5000, 'soon');
                assertRefused(r, 130, /interrupt|stopp/i);
                assertSameDump(live(dump(store)), before, 'live tables');
            }
            const done = countMigrated(stats(store, migrations));
            assert.ok(done > 0 && done < 500, `${done} positions`);
            must(['migrate', '--quiet'], { store, migrations });
            assertSameDump(dumpText(store), wantMigrated, 'after migrate');
            must(['finalize', '--quiet'], { store, migrations });
            assertSameDump(dumpText(store), dumpText(want), 'after finalize');
        });
}

test('SIGTERM stops a script that does not end', async (t) => {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'm'), { '0002_loop.lua':
        'return { type = "event", migrate_event = function() ' +
        'while true do end end }' });
    const store = makeStore(folder, generate(10));

    const child = await startHolding(
        ['migrate', '--quiet', '--lua-timeout', '3s'], { store, migrations });
    child.kill('SIGTERM');
    const r = await child.ended;

    assertRefused(r, [1, 130]);
    assert.ok(r.ms < 8000, `${r.ms} ms`);
});

test('load is stopped by SIGINT between positions', async (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, []);
    const lines = generate(50);
    const child = start(['load', '-', '--quiet'], { store, feed: true });
    child.stdin.write(lines.slice(0, 20).join('\n') + '\n');
    await waitFor(() => dump(store).positions.length === 20, 'positions');

    child.kill('SIGINT');
    const r = await child.ended;

    assertRefused(r, 130);
    load(store, lines.slice(20));
    const want = makeStore(folder, lines, 'want.db');
    assert.equal(dumpText(store), dumpText(want));
});

// ---- edited migrations

const rename = (to) => ({ rules: [{ rename_field:
    { collection: 'user', from: 'name', to } }] });

const EDITED = /0002_names\.json/;
const WAYS = [EDITED, '--restart', '--keep-migrated'];

test('an edited migration is refused with its name and two ways on', (t) => {
    const folder = makeFolder(t);
    const lines = generate(200);
    const store = makeStore(folder, lines.slice(0, 120));
    const first = writeFiles(path.join(folder, 'first'),
        { '0002_names.json': rename('username') });
    const second = writeFiles(path.join(folder, 'second'),
        { '0002_names.json': rename('login') });
    must(['migrate'], { store, migrations: first });
    load(store, lines.slice(120));
    const before = dumpText(store);

    for (const command of ['migrate', 'finalize']) {
        const r = run([command, '--quiet'], { store, migrations: second });
        assertRefused(r, 1, ...WAYS);
        assert.equal(dumpText(store), before);
    }
    // with the old text it goes on
    must(['migrate'], { store: copyStore(store,
        path.join(folder, 'again.db')), migrations: first });

    const fresh = makeStore(folder, lines, 'fresh.db');
    must(['finalize'], { store: fresh, migrations: second });
    const restarted = copyStore(store, path.join(folder, 'restarted.db'));
    must(['migrate', '--restart'], { store: restarted, migrations: second });
    must(['finalize'], { store: restarted, migrations: second });
    assertSameDump(dumpText(restarted), dumpText(fresh), '--restart');

    const kept = copyStore(store, path.join(folder, 'kept.db'));
    must(['migrate', '--keep-migrated'], { store: kept, migrations: second });
    const { migration_events: events } = dump(kept);
    const limit = JSON.parse(lines[119]).position;
    for (const e of events) {
        if (!e.fqid.startsWith('user/') || e.type !== 'create') continue;
        const name = e.position <= limit ? 'username' : 'login';
        assert.ok(name in e.data, `${e.fqid} at ${e.position}`);
    }
    assert.ok(events.some((e) => e.data?.username !== undefined));
    assert.ok(events.some((e) => e.data?.login !== undefined));
    // the new text is remembered now
    must(['migrate'], { store: kept, migrations: second });
    must(['finalize'], { store: kept, migrations: second });
    must(['verify'], { store: kept, migrations: second });
});

test('a new text never goes over what the old one has migrated', (t) => {
    const folder = makeFolder(t);
    const user = (id) => ({ events: [{ fqid: `user/${id}`, type: 'create',
        data: { name: 'x' } }] });
    const store = makeStore(folder, generate(200));
    const first = writeFiles(path.join(folder, 'first'),
        { '0002_names.json': rename('username') });
    const second = writeFiles(path.join(folder, 'second'),
        { '0002_names.json': rename('login') });
    must(['migrate'], { store, migrations: first });
    load(store, [user(9001)]);
    must(['migrate'], { store, migrations: first }); // too little to save
    load(store, [user(9002)]);

    const r = must(['migrate', '--keep-migrated'], { store,
        migrations: second });
    must(['finalize'], { store, migrations: second });

    must(['verify'], { store, migrations: second });
    assert.match(r.out, /The new text begins at position \d+/);
    const { models, events } = dump(store);
    for (const id of [9001, 9002]) {
        const event = events.find((e) => e.fqid === `user/${id}`);
        assert.deepEqual(Object.keys(event.data), ['login']);
        assert.equal(models[`user/${id}`].data.login, 'x');
    }
});

test('a new text that begins to look at models cannot keep what there is',
    (t) => {
        const folder = makeFolder(t);
        const store = makeStore(folder, generate(200));
        const script = (parameters, more) => `return { type = "event",
            migrate_event = function(${parameters})
                if event.type ~= "create" then return end
                ${more}
                return { event }
            end }`;
        const texts = {
            blind: script('event', ''),
            blinder: script('event', '-- the same'),
            seeing: script('event, ctx',
                'event.data.seen = ctx.old:model_exists(event.fqid)'),
            seer: script('event, ctx',
                'event.data.saw = ctx.old:model_exists(event.fqid)'),
        };
        const as = (name) => writeFiles(path.join(folder, name),
            { '0002_seen.lua': texts[name] });
        must(['migrate'], { store, migrations: as('blind') });
        const before = dumpText(store);

        for (const command of ['migrate', 'finalize']) {
            const r = run([command, '--keep-migrated', '--quiet'],
                { store, migrations: as('seeing') });
            assertRefused(r, 1, '0002_seen.lua', 'looks at models',
                '--restart');
            assert.equal(dumpText(store), before);
        }

        must(['migrate', '--keep-migrated'],
            { store, migrations: as('blinder') });
        must(['migrate', '--restart'], { store, migrations: as('seeing') });
        must(['migrate', '--keep-migrated'],
            { store, migrations: as('seer') });
    });

test('what is migrated before any model is saved is not kept', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, generate(200));
    const [first, second] = ['username', 'login'].map((to) =>
        writeFiles(path.join(folder, to), { '0002_names.json': rename(to) }));
    // as if it had been killed between a batch and the first save
    must(['migrate'], { store, migrations: first });
    sql(store, 'UPDATE godwit_run SET keyframe_position = 0;'
        + 'DELETE FROM godwit_models');

    const r = must(['migrate', '--keep-migrated'],
        { store, migrations: second });

    assert.match(r.out, /Nothing is kept/);
    assert.match(r.out, /from position 1 on/);
    must(['finalize'], { store, migrations: second });
    const fresh = makeStore(folder, generate(200), 'fresh.db');
    must(['finalize'], { store: fresh, migrations: second });
    assertSameDump(dumpText(store), dumpText(fresh), 'begun anew');
});

test('a migration that counts within a run goes over no run but its own',
    (t) => {
        const folder = makeFolder(t);
        const user = (id) => ({ events: [{ fqid: `user/${id}`,
            type: 'create', data: { name: 'x' } }] });
        const store = makeStore(folder, generate(200));
        const migrations = writeFiles(path.join(folder, 'counting'),
            { '0002_count.lua': `local n = 0
                return { type = "event", migrate_event = function(event)
                    if event.collection ~= "user" or event.type ~= "create"
                    then return end
                    n = n + 1
                    event.data.number = n
                    return { event }
                end }` });
        must(['migrate'], { store, migrations });
        for (const id of [9001, 9002, 9003]) {
            load(store, [user(id)]);
            must(['migrate'], { store, migrations }); // too little to save
        }

        must(['finalize'], { store, migrations });

        const { models, events } = dump(store);
        for (const id of [9001, 9002, 9003]) {
            const event = events.find((e) => e.fqid === `user/${id}`);
            assert.equal(models[`user/${id}`].data.number, event.data.number,
                `user/${id}`);
        }
        must(['verify'], { store, migrations });
    });

test('an edited script, an edited module and a new text of the same meaning ' +
    'are all noticed', (t) => {
    const folder = makeFolder(t);
    const script = 'local n = require("number") return { type = "event", ' +
        'migrate_event = function(e) if e.type == "create" then ' +
        'e.data.n = n return { e } end end }';
    const files = { '0002_number.lua': script, 'lib/number.lua': 'return 1' };
    const store = makeStore(folder, generate(20));
    must(['migrate'], { store,
        migrations: writeFiles(path.join(folder, 'a'), files) });
    const before = dumpText(store);

    for (const [i, change] of [{ 'lib/number.lua': 'return 2' },
        { '0002_number.lua': `${script} -- later` }].entries()) {
        const migrations = writeFiles(path.join(folder, `b${i}`),
            { ...files, ...change });
        const r = run(['migrate', '--quiet'], { store, migrations });
        assertRefused(r, 1, /0002_number\.lua|number\.lua/, '--restart');
        assert.equal(dumpText(store), before);
    }
});

test('a migration that was never run may be edited', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, generate(50));
    const one = { '0002_names.json': rename('username') };
    const failing = writeFiles(path.join(folder, 'failing'),
        { ...one, '0003_bad.lua': 'return { type = "event", ' +
            'migrate_event = function() error("no") end }' });
    const mended = writeFiles(path.join(folder, 'mended'),
        { ...one, '0003_bad.lua': 'return { type = "event", ' +
            'migrate_event = function() end }' });
    // fails at the very first event: nothing was made with it
    assertRefused(run(['migrate', '--quiet'],
        { store, migrations: failing }), 1, '0003_bad.lua');

    must(['migrate'], { store, migrations: mended });

    const fresh = makeStore(folder, generate(50), 'fresh.db');
    must(['finalize'], { store: fresh, migrations: mended });
    must(['finalize'], { store, migrations: mended });
    assertSameDump(dumpText(store), dumpText(fresh), 'afterwards');
});

test('reset forgets the texts, and finalized ones may change', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, generate(50));
    const texts = ['a', 'b', 'c'].map((name) =>
        writeFiles(path.join(folder, name),
            { '0002_names.json': rename(name) }));
    must(['migrate'], { store, migrations: texts[0] });
    must(['reset'], { store, migrations: texts[1] });
    must(['migrate'], { store, migrations: texts[1] });
    must(['finalize'], { store, migrations: texts[1] });

    const later = writeFiles(path.join(folder, 'later'),
        { '0002_names.json': rename('c'), '0003_more.json':
            { rules: [{ drop_collection: { collection: 'draft' } }] } });
    must(['finalize'], { store, migrations: later });

    assert.equal(stats(store, later).status, 'no_migration_required');
    must(['verify'], { store, migrations: later });
});

test('both ways on at once are a wrong command line', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, []);
    const migrations = writeFiles(path.join(folder, 'm'), MIGRATIONS);

    assertRefused(run(['migrate', '--restart', '--keep-migrated', '--quiet'],
        { store, migrations }), 2, '--restart', '--keep-migrated');
});

test('wrong command lines end with 2 and one line', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, []);
    const env = { GODWIT_STORE: store };

    for (const args of [[], ['migrat'], ['migrate', '--stor', 'x'],
        ['migrate', '--batch'], ['migrate', '--batch', '0'],
        ['migrate', '--batch', '-1'], ['migrate', '--batch', '1TiBB'],
        ['migrate', '--batch', '99999999999999999999'],
        ['migrate', '--lua-timeout', '1'], ['migrate', '--lua-timeout', '0s'],
        ['migrate', '--keyframe-events', 'x'], ['migrate', 'surplus'],
        ['load'], ['convert'], ['convert', '--from-index', '0'],
        ['preview', '--position', '-5'], ['new'], ['--bogus'],
        ['stats', '--json=yes'], ['stats', '--log-format', 'xml'],
        ['\u0000'.slice(1) + '\x1b[31m'], ['x'.repeat(100_000)]]) {
        const r = run(args, { env, cwd: folder });
        assert.equal(r.code, 2, `${args.join(' ').slice(0, 80)}: ` +
            describe(r));
        if (args.length > 0) assertRefused(r, 2);
    }
    const r = shell('"$GODWIT" load no-such-file.ndjson --quiet', { env });
    assertRefused(r, [1, 2, 3], 'no-such-file.ndjson');
});
