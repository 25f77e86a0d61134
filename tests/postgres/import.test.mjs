// SPDX-License-Identifier: Apache-2.0
// An import into PostgreSQL: the same store as in SQLite, whatever fails.
import assert from 'node:assert/strict';
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
    assertSameDump(dumpText(store), want, `after ${broken} breaks`);
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
