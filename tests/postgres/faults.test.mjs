// SPDX-License-Identifier: Apache-2.0
// Killed programs, killed sessions, settings and rights that are in the way:
// the message says what to do, and the next run goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertSameDump, dumpText, load, makeFolder, makeRandom, must, run,
    setting, sleep, start, waitFor, writeFiles } from '../lib/godwit.mjs';
import { base, json, makeDatabase, session, sql } from '../lib/postgres.mjs';

const MIGRATIONS = {
    '0002_rename.json': { rules: [
        { rename_field: { collection: 'thing', from: 'old', to: 'new' } }] },
};

function makeStore(t, positions = 3000) {
    const store = makeDatabase(t);
    must(['init'], { store });
    load(store, Array.from({ length: positions }, (_, i) => ({ events: [
        { fqid: `thing/${i + 1}`, type: 'create', data: { old: i } },
        ...(i > 0 ? [{ fqid: `thing/${i}`, type: 'update',
            data: { old: -i, more: 'x'.repeat(100) } }] : [])] })));
    return store;
}

/** A copy of a database that nobody uses. */
function copyStore(t, from) {
    const to = makeDatabase(t);
    const name = (uri) => uri.match(/\/([^/?]+)(\?|$)/)[1];
    sql(base, `DROP DATABASE ${name(to)};
        CREATE DATABASE ${name(to)} TEMPLATE ${name(from)};`);
    return to;
}

const SMALL = ['--batch', '16KiB', '--keyframe-events', '500'];

test('killed at any moment, the next run goes on to the same end',
    async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const fresh = makeStore(t);
    const undisturbed = copyStore(t, fresh);
    const begin = performance.now();
    must(['finalize', ...SMALL], { store: undisturbed, migrations });
    const ms = Math.ceil(performance.now() - begin);
    const want = dumpText(undisturbed);
    const store = copyStore(t, fresh);
    const random = makeRandom(3);
    const wanted = setting('RUN_KILLS', 8);

    let kills = 0;
    for (let i = 0; kills < wanted && i < 10 * wanted; i++) {
        const command = i % 2 ? 'finalize' : 'migrate';
        const child = start([command, ...SMALL], { store, migrations });
        await sleep(random.below(ms));
        child.kill('SIGKILL');
        const r = await child.ended;
        if (r.signal) kills++;
        else if (r.code !== 0) // the server still holds on to the one before
            assert.match(r.err, /another run holds/);
        else if (command === 'finalize') // it was over: begin anew
            must(['rollback'], { store, migrations });
    }
    const last = await waitFor(() => {
        const r = run(['finalize', ...SMALL], { store, migrations });
        return /another run holds/.test(r.err) ? null : r;
    }, 'the lock of the last one is free');

    assert.equal(kills, wanted, 'killed too late');
    assert.equal(last.code, 0, last.err);
    assertSameDump(dumpText(store), want, 'after the kills');
});

test('a run whose sessions are ended says so, and the next goes on',
    async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const child = start(['migrate', ...SMALL], { store, migrations });
    let n = 0;
    while (n === 0 && child.exitCode === null) {
        n = Number(await session(store, `SELECT count(pg_terminate_backend(
            pid)) FROM pg_stat_activity WHERE application_name = 'godwit'
            AND datname = current_database()
            AND EXISTS (SELECT 1 FROM migration_positions);`));
    }
    const r = await child.ended;

    assert.ok(n > 0, 'it was over too soon');
    assert.equal(r.code, 3, r.err);
    assert.match(r.err, /run the command again/);
    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });
    must(['verify'], { store, migrations });
});

test('time limits that are meant for the application do not stop a run',
    (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t, 500);
    sql(store, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET
        statement_timeout = 30', current_database());
        EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation
        = serializable', current_database()); END $$;`);

    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });
});

test('a user without rights on the tables is told', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t, 10);
    const role = `guest_${process.pid}`;
    sql(store, `CREATE ROLE ${role} LOGIN;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};`);
    t.after(() => sql(base, `DROP ROLE ${role};`));
    const guest = store.replace('//godwit@', `//${role}@`);

    const r = run(['migrate'], { store: guest, migrations });

    assert.equal(r.code, 3, r.err);
    assert.match(r.err, /permission denied.*may not do that/);
    assert.equal(run(['dump'], { store: guest }).code, 0);
});

test('a user that owns only these tables can do everything', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const database = makeDatabase(t);
    const role = `owner_${process.pid}`;
    sql(database, `CREATE ROLE ${role} LOGIN; CREATE SCHEMA app
        AUTHORIZATION ${role}; ALTER ROLE ${role} SET search_path = app;`);
    t.after(() => sql(base, `DROP ROLE ${role};`));
    const store = database.replace('//godwit@', `//${role}@`);

    must(['init'], { store });
    load(store, [{ events: [
        { fqid: 'thing/1', type: 'create', data: { old: 1 } }] }]);
    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });
    must(['rollback'], { store, migrations });
    must(['finalize'], { store, migrations });
    must(['discard'], { store, migrations });
    must(['verify'], { store, migrations });

    assert.deepEqual(json(database, `SELECT data FROM app.events`),
        [{ data: { new: 1 } }]);
});

test('no message holds a password', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const secret = 'pa55word';

    for (const store of [
        `postgresql://me:${secret}@127.0.0.1:1/db`,
        `postgres://me:${secret}@127.0.0.1:99999999/db`,
        `postgresql://me:${secret}@127.0.0.1:1/db?nonsense=${secret}`,
        `postgresql://me@127.0.0.1:1/db?password=${secret}`,
        `postgresql://me:${secret}@[::1/db`]) {
        const r = run(['migrate', '--verbose'], { store, migrations });
        assert.ok(r.code === 3 || r.code === 2, `${r.code}: ${r.err}`);
        assert.ok(!(r.out + r.err).includes(secret), r.err);
    }
});

test('a database that holds no store is told apart from none', (t) => {
    const store = makeDatabase(t);

    const empty = run(['dump'], { store });
    const absent = run(['dump'], {
        store: store.replace(/godwit_test_\w+/, 'godwit_nowhere') });

    assert.equal(empty.code, 3);
    assert.match(empty.err, /holds no store.*godwit init/);
    assert.equal(absent.code, 3);
    assert.match(absent.err, /cannot be reached.*does not exist/);
});
