// SPDX-License-Identifier: Apache-2.0
// Files that are no store, or no longer: each command ends in one clear
// message and the right exit status, and harms nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, copyStore, describe, dumpText,
    makeFolder, makeRandom, makeStore, must, needsSqlite3, run, sha256, sql,
    writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';

// every command that opens a store, but load, which waits for its input
const COMMANDS = [['stats'], ['dump'], ['export'], ['export', '--models'],
    ['migrate'], ['finalize'], ['reset'], ['rollback'], ['discard'],
    ['verify'], ['preview'], ['clear-collectionfield-tables']];

function migrationsIn(folder) {
    return writeFiles(path.join(folder, 'migrations'), MIGRATIONS);
}

/** All commands refuse the file with status 3 and leave it as it is. */
function assertAllRefuse(store, migrations, ...patterns) {
    const before = sha256(store);
    for (const command of [...COMMANDS, ['load', '-']]) {
        const r = run([...command, '--quiet'],
            { store, migrations, timeout: 20_000,
                input: '{"events":[]}\n' });
        assertRefused(r, 3, path.basename(store), ...patterns);
        assert.equal(sha256(store), before, `${command} changed the file`);
    }
}

test('a missing store is never made by accident', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const store = path.join(folder, 'none.db');

    for (const command of [...COMMANDS, ['load', '-']]) {
        for (const uri of [store, `sqlite:${store}`]) {
            const r = run([...command, '--quiet'],
                { store: uri, migrations, input: '{"events":[]}\n' });
            assertRefused(r, 3, 'none.db', /init|no such file|not there/i);
        }
        assert.deepEqual(fs.readdirSync(folder), ['migrations'],
            `${command} left something behind`);
    }
});

test('a store in a folder that is not there is refused, by init too', (t) => {
    const folder = makeFolder(t);
    const store = path.join(folder, 'no', 'such', 'store.db');

    for (const command of ['init', 'stats', 'migrate']) {
        const r = run([command, '--quiet'],
            { store, migrations: migrationsIn(folder) });
        assertRefused(r, 3, 'store.db');
    }
    assert.ok(!fs.existsSync(path.join(folder, 'no')));
});

test('no store named at all is a wrong command line', (t) => {
    const folder = makeFolder(t);
    const r = run(['stats', '--quiet'], { migrations: migrationsIn(folder) });
    assertRefused(r, 2, '--store');
});

test('a URI of an unknown kind is a wrong command line', (t) => {
    const folder = makeFolder(t);
    const r = run(['stats', '--quiet'],
        { store: 'mysql://localhost/x', migrations: migrationsIn(folder),
            cwd: folder });
    assertRefused(r, [2, 3], 'mysql');
    assert.deepEqual(fs.readdirSync(folder), ['migrations']);
});

test('a folder is no store', (t) => {
    const folder = makeFolder(t);
    const store = path.join(folder, 'store.db');
    fs.mkdirSync(store);

    for (const command of ['init', 'stats', 'dump', 'migrate', 'finalize']) {
        const r = run([command, '--quiet'],
            { store, migrations: migrationsIn(folder) });
        assertRefused(r, 3, 'store.db');
    }
    assert.deepEqual(fs.readdirSync(store), []);
});

test('an empty file is no store', (t) => {
    const folder = makeFolder(t);
    const store = path.join(folder, 'store.db');
    fs.writeFileSync(store, '');
    assertAllRefuse(store, migrationsIn(folder));
    assert.equal(fs.statSync(store).size, 0);
});

test('a text file is no store, and init leaves it alone', (t) => {
    const folder = makeFolder(t);
    const store = path.join(folder, 'store.db');
    fs.writeFileSync(store, 'not a database at all\n'.repeat(500));
    assertAllRefuse(store, migrationsIn(folder), /not an? (SQLite )?database/i);

    const before = sha256(store);
    assertRefused(run(['init', '--quiet'], { store }), [1, 3], 'store.db');
    assert.equal(sha256(store), before);
});

test('a database of another program is no store, and init leaves it alone',
    needsSqlite3, (t) => {
        const folder = makeFolder(t);
        const store = path.join(folder, 'store.db');
        sql(store, 'create table positions (x); create table t (y);' +
            'insert into t values (1);');
        assertAllRefuse(store, migrationsIn(folder));

        const before = sha256(store);
        assertRefused(run(['init', '--quiet'], { store }), [1, 3],
            'store.db');
        assert.equal(sha256(store), before);
    });

test('init refuses a store that is there and loses nothing', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, generate(5));
    const before = dumpText(store);

    assertRefused(run(['init', '--quiet'], { store }), [1, 3], 'store.db');

    assert.equal(dumpText(store), before);
});

test('a store of a newer version is refused and kept', needsSqlite3, (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const store = makeStore(folder, generate(20));
    const before = dumpText(store);
    const version = Number(sql(store, 'pragma user_version;'));
    assert.ok(version > 0, 'the schema has no version');

    sql(store, `pragma user_version = ${version + 1};`);
    assertAllRefuse(store, migrations, /newer|version/i);

    sql(store, `pragma user_version = ${version};`);
    assert.equal(dumpText(store), before);
    must(['finalize'], { store, migrations });
});

test('a store that lacks a table or a column is refused', needsSqlite3,
    (t) => {
        const folder = makeFolder(t);
        const migrations = migrationsIn(folder);
        const whole = makeStore(folder, generate(20), 'whole.db');
        const store = path.join(folder, 'store.db');

        for (const change of ['drop table events', 'drop table positions',
            'drop table models', 'drop table id_sequences',
            'alter table events drop column weight',
            'alter table events drop column data']) {
            copyStore(whole, store);
            sql(store, `${change};`);
            for (const command of ['dump', 'finalize', 'verify']) {
                const r = run([command, '--quiet'], { store, migrations });
                assertRefused(r, 3, /no such (table|column)/);
            }
        }
    });

test('a truncated store is refused or read, and never crashes', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const whole = makeStore(folder, generate(200), 'whole.db');
    const want = dumpText(whole);
    const bytes = fs.readFileSync(whole);
    const store = path.join(folder, 'store.db');

    const cuts = [1, 15, 16, 99, 100, 101, 4095, 4096, 4097, 8192,
        bytes.length >> 2, bytes.length >> 1, (bytes.length >> 1) + 1,
        bytes.length - 4096, bytes.length - 1];
    for (const cut of cuts) {
        for (const command of ['dump', 'stats', 'migrate', 'finalize',
            'verify']) {
            copyStore(whole, store);
            fs.truncateSync(store, cut);
            const r = run([command, '--quiet'],
                { store, migrations, timeout: 30_000 });
            const what = `${command} of ${cut} bytes of ${bytes.length}`;
            // what is lacking may be a page that the command does not need
            if (r.code === 0 && cut >= bytes.length - 4096) {
                if (command === 'dump') assertSameDump(r.out, want, what);
                continue;
            }
            assert.notEqual(r.code, 0, `${what}: ${describe(r)}`);
            // verify may print differences before it finds the end
            if (r.code !== 4) assertRefused(r, [1, 3], /\S/);
        }
    }
});

test('a damaged header is refused', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const whole = makeStore(folder, generate(50), 'whole.db');
    const store = path.join(folder, 'store.db');

    // magic, page size, read format, fractions, schema format, encoding
    for (const [at, value] of [[0, 0], [10, 0x58], [16, 0xff], [19, 9],
        [21, 1], [22, 1], [23, 1], [47, 77], [59, 3]]) {
        copyStore(whole, store);
        const file = fs.openSync(store, 'r+');
        fs.writeSync(file, Buffer.from([value]), 0, 1, at);
        fs.closeSync(file);
        for (const command of ['stats', 'dump', 'migrate', 'finalize']) {
            const r = run([command, '--quiet'],
                { store, migrations, timeout: 30_000 });
            assertRefused(r, [1, 3], /\S/);
        }
    }
});

test('bytes flipped anywhere end in a message, never in a crash', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const whole = makeStore(folder, generate(150), 'whole.db');
    must(['migrate'], { store: whole, migrations });
    const bytes = fs.readFileSync(whole);
    const store = path.join(folder, 'store.db');
    const random = makeRandom(4711);
    let noticed = 0;

    for (let round = 0; round < 60; round++) {
        const copy = Buffer.from(bytes);
        const n = 1 << random.below(9);
        for (let i = 0; i < n; i++) {
            copy[100 + random.below(copy.length - 100)] ^=
                1 + random.below(255);
        }
        for (const command of ['dump', 'finalize', 'verify']) {
            copyStore(whole, store);
            fs.writeFileSync(store, copy);
            const r = run([command, '--quiet'],
                { store, migrations, timeout: 30_000 });
            const what = `round ${round}, ${n} bytes, ${command}`;
            assert.equal(r.timedOut, false, `${what}: ${describe(r)}`);
            assert.equal(r.signal, null, `${what}: ${describe(r)}`);
            assert.ok([0, 1, 3, 4].includes(r.code), describe(r));
            if (r.code === 1 || r.code === 3) assertRefused(r, [1, 3]);
            if (r.code !== 0) noticed++;
        }
    }
    t.diagnostic(`${noticed} of 180 commands noticed the damage`);
    assert.ok(noticed > 60);
});

test('pages of zeros in the middle are noticed and nothing is made live',
    needsSqlite3, (t) => {
        const folder = makeFolder(t);
        const migrations = migrationsIn(folder);
        const whole = makeStore(folder, generate(300), 'whole.db');
        const store = path.join(folder, 'store.db');
        const root = Number(sql(whole, 'select rootpage from sqlite_schema ' +
            "where name = 'events';"));
        const size = Number(sql(whole, 'pragma page_size;'));
        const bytes = fs.readFileSync(whole);
        bytes.fill(0, (root - 1) * size, root * size);

        copyStore(whole, store);
        fs.writeFileSync(store, bytes);
        for (const command of ['migrate', 'finalize', 'dump', 'verify']) {
            const r = run([command, '--quiet'], { store, migrations });
            assertRefused(r, 3, /malformed|damaged|corrupt/i);
        }
        // what can be read is still what it was
        assert.equal(sql(store, 'select count(*), max(migration_index) ' +
            'from positions;').trim(), '300|1');
    });

test('a damaged copy does not hurt the whole one', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const store = makeStore(folder, generate(100));
    const before = dumpText(store);
    const bad = copyStore(store, path.join(folder, 'bad.db'));
    fs.truncateSync(bad, 5000);

    run(['finalize', '--quiet'], { store: bad, migrations });

    assertSameDump(dumpText(store), before, 'the whole one');
});
