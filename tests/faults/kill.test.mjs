// SPDX-License-Identifier: Apache-2.0
// Kills migrate and finalize (SIGKILL) at random moments. However often it
// happens, the next run goes on and ends where an undisturbed one does.
//
//   GODWIT_KILLS      kills of each command (200)
//   GODWIT_KILL_SEED  another series of moments
//   GODWIT_KILL_SIZE  positions of the store (1200)
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { assertSameDump, copyStore, countMigrated, describe, dumpText, load,
    live, makeFolder, makeRandom, makeStore, must, mustSoon, parseStats,
    setting, sleep, start, stats, writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';

const KILLS = setting('GODWIT_KILLS', 200);
const SEED = setting('GODWIT_KILL_SEED', 20240501);
const SIZE = setting('GODWIT_KILL_SIZE', 1200);
const LANES = 2; // stores worked on at a time
const SMALL = ['--batch', '4KiB', '--keyframe-events', '150', '--quiet'];

/** A loaded store, its migrations, and what undisturbed runs make of it. */
function prepare(t) {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'migrations'), MIGRATIONS);
    const base = makeStore(folder, generate(SIZE), 'base.db');
    const before = dumpText(base);
    const migrated = copyStore(base, path.join(folder, 'migrated.db'));
    const migrateMs = must(['migrate', ...SMALL],
        { store: migrated, migrations }).ms;
    const afterMigrate = dumpText(migrated);
    const idleMs = must(['migrate', ...SMALL],
        { store: migrated, migrations }).ms;
    assertSameDump(dumpText(migrated), afterMigrate, 'migrate once more');
    const final = copyStore(migrated, path.join(folder, 'final.db'));
    const finalizeMs = must(['finalize', ...SMALL],
        { store: final, migrations }).ms;
    const whole = copyStore(base, path.join(folder, 'whole.db'));
    const wholeMs = must(['finalize', ...SMALL],
        { store: whole, migrations }).ms;
    const after = dumpText(final);
    assertSameDump(dumpText(whole), after, 'finalize without migrate');
    must(['verify', '--quiet'], { store: final, migrations });
    return { folder, migrations, base, migrated, before, afterMigrate, after,
        migrateMs, idleMs, finalizeMs, wholeMs };
}

async function dumpNow(store) {
    return (await mustSoon(['dump'], { store })).out;
}

async function statsNow(store, migrations) {
    return parseStats(
        (await mustSoon(['stats', '--json'], { store, migrations })).out);
}

/** Starts a command and kills it after `ms`; false when it was quicker.
 *  `pace` {ms} learns from a whole run how long that takes just now. */
async function killAfter(command, ms, store, migrations, pace) {
    const child = start([command, ...SMALL], { store, migrations });
    const timer = setTimeout(() => child.kill('SIGKILL'), ms);
    const r = await child.ended;
    clearTimeout(timer);
    if (r.signal === 'SIGKILL') return true;
    assert.equal(r.code, 0, `${command}: ${describe(r)}`);
    if (pace) pace.ms = (pace.ms + r.ms) / 2;
    return false;
}

/** Runs `chain(store, random)` on fresh copies until it has killed often
 *  enough; a chain returns the number of its kills. */
async function killOften(kills, seed, folder, chain) {
    let done = 0;
    let chains = 0;
    const lane = async (number) => {
        while (done < kills) {
            const random = makeRandom(seed + chains++);
            const store = path.join(folder, `lane${number}.db`);
            const killed = await chain(store, random);
            done += killed; // only now: the other lane adds to it too
        }
    };
    await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i)));
    return { done, chains };
}

test('a killed migrate goes on to the same result', async (t) => {
    const s = prepare(t);
    const total = SIZE;
    const pace = { ms: s.migrateMs };
    let inTheMiddle = 0;

    const chain = async (store, random) => {
        copyStore(s.base, store);
        let kills = 0;
        for (let i = 0; i < 4; i++) {
            if (!await killAfter('migrate', random() * pace.ms, store,
                s.migrations, i === 0 ? pace : null)) break;
            kills++;
            const now = await statsNow(store, s.migrations);
            assert.equal(now.positions, total);
            assert.equal(now.current_migration_index, 1);
            const done = countMigrated(now);
            if (done > 0 && done < total) inTheMiddle++;
        }
        const changed = live(JSON.parse(await dumpNow(store)));
        assertSameDump(changed, live(JSON.parse(s.before)), 'live tables');
        await mustSoon(['migrate', ...SMALL],
            { store, migrations: s.migrations });
        assertSameDump(await dumpNow(store), s.afterMigrate, 'after migrate');
        await mustSoon(['finalize', ...SMALL],
            { store, migrations: s.migrations });
        assertSameDump(await dumpNow(store), s.after, 'after finalize');
        return kills;
    };
    const { done, chains } = await killOften(KILLS, SEED, s.folder, chain);

    t.diagnostic(`seed ${SEED}, undisturbed ${s.migrateMs.toFixed(0)} ms ` +
        `(${s.idleMs.toFixed(0)} ms with nothing to do): ${done} kills in ` +
        `${chains} stores, ${inTheMiddle} of them between two commits`);
    assert.ok(done >= KILLS);
    assert.ok(inTheMiddle >= done / 4, 'the kills missed the middle');
});

test('a killed finalize leaves all or nothing and can be repeated',
    async (t) => {
        const s = prepare(t);
        const seen = { before: 0, after: 0, migrated: 0 };
        const wholePace = { ms: s.wholeMs };
        const cutoverPace = { ms: s.finalizeMs };

        const chain = async (store, random) => {
            // half of them go through the cutover of a migrated store, half
            // have everything to do
            const ready = random() < 0.5;
            copyStore(ready ? s.migrated : s.base, store);
            const pace = ready ? cutoverPace : wholePace;
            let kills = 0;
            for (let i = 0; i < 4; i++) {
                if (!await killAfter('finalize', random() * pace.ms, store,
                    s.migrations, i === 0 ? pace : null)) break;
                kills++;
                await checkAllOrNothing(s, store, seen);
            }
            await mustSoon(['finalize', ...SMALL],
            { store, migrations: s.migrations });
            assertSameDump(await dumpNow(store), s.after, 'after finalize');
            await mustSoon(['verify', '--quiet'],
                { store, migrations: s.migrations });
            return kills;
        };
        const { done, chains } = await killOften(KILLS, SEED + 1_000_000,
            s.folder, chain);

        t.diagnostic(`seed ${SEED}, undisturbed ${s.wholeMs.toFixed(0)} ms, ` +
            `${s.finalizeMs.toFixed(0)} ms after migrate: ${done} kills in ` +
            `${chains} stores; store before the cutover ${seen.before} ` +
            `(${seen.migrated} with something migrated), after it ` +
            `${seen.after}`);
        assert.ok(done >= KILLS);
        assert.ok(seen.before > 0 && seen.migrated > 0,
            'no kill came before the cutover');
    });

/** The live tables are wholly those of before or wholly those of after. */
async function checkAllOrNothing(s, store, seen) {
    const now = await dumpNow(store);
    const object = JSON.parse(now);
    const state = await statsNow(store, s.migrations);
    if (state.status === 'no_migration_required') {
        seen.after++;
        assertSameDump(now, s.after, 'after the cutover');
    } else {
        seen.before++;
        if (countMigrated(state) > 0) seen.migrated++;
        assertSameDump(live(object), live(JSON.parse(s.before)),
            'before the cutover');
    }
    await mustSoon(['verify', '--quiet'], { store, migrations: s.migrations });
}

test('positions that are written between a kill and the next run are kept',
    async (t) => {
        const folder = makeFolder(t);
        const migrations = writeFiles(path.join(folder, 'migrations'),
            MIGRATIONS);
        const all = generate(Math.ceil(SIZE / 3), { seed: 7 });
        const cut = Math.floor(all.length * 0.6);
        const undisturbed = makeStore(folder, all, 'undisturbed.db');
        const { ms } = must(['migrate', ...SMALL],
            { store: undisturbed, migrations });
        must(['finalize', ...SMALL], { store: undisturbed, migrations });
        const want = dumpText(undisturbed);
        const base = makeStore(folder, all.slice(0, cut), 'base.db');
        const store = path.join(folder, 'store.db');
        const random = makeRandom(SEED + 2_000_000);
        let kills = 0;

        for (let round = 0; kills < Math.min(30, KILLS); round++) {
            copyStore(base, store);
            for (let at = cut; at < all.length;) {
                const command = random() < 0.8 ? 'migrate' : 'finalize';
                if (!await killAfter(command, random() * ms, store,
                    migrations)) {
                    if (command === 'finalize') break;
                } else {
                    kills++;
                }
                if (stats(store, migrations).current_migration_index !== 1) {
                    break;
                }
                const n = 1 + random.below(all.length / 10);
                load(store, all.slice(at, at + n));
                at += n;
                if (at >= all.length) {
                    must(['finalize', ...SMALL], { store, migrations });
                    assertSameDump(dumpText(store), want, `round ${round}`);
                }
            }
            assert.ok(round < 200, 'it is never killed');
        }
    });

test('a kill while the store is made or loaded leaves whole positions',
    async (t) => {
        const folder = makeFolder(t);
        const lines = generate(Math.ceil(SIZE / 3), { seed: 11 });
        const input = lines.map((line) => line + '\n').join('');
        const whole = makeStore(folder, lines, 'whole.db');
        const want = dumpText(whole);
        const empty = makeStore(folder, [], 'empty.db');
        const store = path.join(folder, 'store.db');
        const { ms } = must(['load', '-'],
            { store: copyStore(empty, store), input });
        const random = makeRandom(SEED + 3_000_000);

        for (let round = 0; round < Math.min(20, KILLS); round++) {
            copyStore(empty, store);
            const child = start(['load', '-', '--quiet'],
                { store, feed: true });
            child.stdin.on('error', () => {});
            const timer = setTimeout(() => child.kill('SIGKILL'),
                random() * ms * 2);
            for (let i = 0; i < lines.length; i += 50) {
                child.stdin.write(lines.slice(i, i + 50).join('\n') + '\n');
                if (random() < 0.2) await sleep(1);
            }
            child.stdin.end();
            await child.ended;
            clearTimeout(timer);
            must(['verify', '--quiet'],
                { store, migrations: writeFiles(path.join(folder, 'none'),
                    { 'lib/none.lua': '' }) });
            const n = JSON.parse(dumpText(store)).positions.length;
            if (n < lines.length) load(store, lines.slice(n));
            assertSameDump(dumpText(store), want, `round ${round}`);
        }
    });
