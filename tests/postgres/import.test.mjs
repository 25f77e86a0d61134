// SPDX-License-Identifier: Apache-2.0
// An import into PostgreSQL: the same store as in SQLite, whatever fails.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { assertSameDump, describe, dumpText, makeRandom, must, sleep }
    from '../lib/godwit.mjs';
import { assertImported, emptyStore, mustImport, startImport }
    from '../lib/import.mjs';
import { makeDatabase, sql } from '../lib/postgres.mjs';
import { sampleWorld, startDouble, World } from '../lib/wukongim.mjs';

const SIZE = { users: 150, topics: 300, messages: 6000 };

function emptyDatabase(t) {
    const store = makeDatabase(t);
    must(['init'], { store });
    return store;
}

/** A dump whose positions are numbered without gaps: PostgreSQL gives no
 *  number twice, those of a transaction that was broken off are gone. */
function withoutGaps(text) {
    const data = JSON.parse(text);
    const numbers = new Map(data.positions.map(({ position }, n) =>
        [position, n + 1]));
    return JSON.parse(text, (key, value) =>
        /^(meta_)?position$/.test(key) ? numbers.get(value) : value);
}

/** The dump of an undisturbed import into SQLite. */
async function inSqlite(t) {
    const double = await startDouble(t, sampleWorld(SIZE));
    const store = emptyStore(t);
    await mustImport(store, double, { code: 4 });
    return dumpText(store);
}

test('a database holds the same after an import as a SQLite file',
    async (t) => {
        const want = await inSqlite(t);
        const world = sampleWorld(SIZE);
        const double = await startDouble(t, world, { faults: { rate: 0.05 } });
        const store = emptyDatabase(t);

        await mustImport(store, double, { code: 4 });
        await assertImported(store, world);
        await mustImport(store, double, { code: 4 });

        assertSameDump(dumpText(store), want, 'PostgreSQL');
        must(['verify'], { store });
    });

/** Hexadecimal digits that no index can make shorter, always the same: where
 *  a hash puts them decides whose row may be a mangled one. */
function incompressible(n) {
    let text = '';
    for (let sum = 'long'; text.length < n; text += sum)
        sum = createHash('sha256').update(sum).digest('hex');
    return text.slice(0, n);
}

test('ids longer than any index takes are refused or mangled, not the end',
    async (t) => {
        const world = new World();
        const long = incompressible(4000);
        for (let n = 0; n < 30; n++) world.token(`u${n}`);
        world.token(`${long}-1`).token(long).channel(long, 2).channel('g', 2)
            .conversation('u1', 2, long);
        world.topic(2, 'g', { senders: ['u1'] }).append(4);
        const double = await startDouble(t, world, { warm: true });
        const store = emptyDatabase(t);

        const r = await mustImport(store, double, { code: 4 });

        const { steps } = r.report;
        assert.deepEqual([steps.user.imported, steps.message.imported],
            [60, 4], r.reportText);
        assert.equal(steps.user.mangled + steps.user.refused, 2);
        assert.match(r.reportText, /… \([0-9]{4} bytes/);
    });

test('an import killed at any moment, or whose sessions are ended, goes on ' +
    'to the same end', async (t) => {
    const want = await inSqlite(t);
    const world = sampleWorld(SIZE);
    const double = await startDouble(t, world);
    const store = emptyDatabase(t);
    const random = makeRandom(5);

    let broken = 0;
    for (let n = 0; n < 12; n++) {
        const child = startImport(double, store);
        await sleep(40 + random.below(400));
        if (n % 3 === 2) {
            sql(store, 'SELECT pg_terminate_backend(pid) FROM ' +
                'pg_stat_activity WHERE datname = current_database() AND ' +
                'pid <> pg_backend_pid();');
        } else {
            child.kill('SIGKILL');
        }
        const r = await child.ended;
        if (r.code !== 4) broken++;
    }
    await mustImport(store, double, { code: 4 });

    assert.ok(broken > 0, 'nothing was broken off');
    await assertImported(store, world);
    assertSameDump(withoutGaps(dumpText(store)), withoutGaps(want),
        `after ${broken} breaks`);
});

test('a character that PostgreSQL cannot keep does not end the import',
    async (t) => {
        const world = new World();
        world.topic(2, 'g', { senders: ['a'] }).append(2)
            .append(1, { client_msg_no: 'nul \u0000 inside' }).append(2);
        const double = await startDouble(t, world);
        const store = emptyDatabase(t);

        const child = startImport(double, store);
        const r = await child.ended;

        assert.equal(r.code, 4, describe(r));
        assert.equal(r.report.steps.message.imported, 4, r.reportText);
        assert.equal(r.report.steps.message.refused, 1, r.reportText);
    });
