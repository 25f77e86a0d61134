// SPDX-License-Identifier: Apache-2.0
// What an application has made itself in an SQLite store: a cutover carries
// it along, or says before it begins what it would lose.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, dump, dumpText, live, load, makeFolder,
    makeStore, must, needsSqlite3, run, sql, writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';

function setUp(t, lines = generate(300), files = MIGRATIONS) {
    const folder = makeFolder(t);
    return { store: makeStore(folder, lines),
        migrations: writeFiles(path.join(folder, 'migrations'), files) };
}

const RENAME = { '0002_rename.json': { rules: [
    { rename_field: { collection: 'thing', from: 'old', to: 'new' } }] } };

/** Two things whose events are the same when they are migrated. */
const ALIKE = [{ old: 1 }, { new: 1 }].map((data, i) => ({ events: [
    { fqid: `thing/${i + 1}`, type: 'create', data }] }));

test('indexes and triggers of the application survive cutover and rollback',
    needsSqlite3, (t) => {
        const { store, migrations } = setUp(t);
        const added = () => sql(store, `SELECT tbl_name, name FROM sqlite_schema
            WHERE name IN ('by_type', 'notice') ORDER BY name`).trim();
        const noticed = () => sql(store, 'SELECT count(*) FROM notices').trim();
        sql(store, `CREATE TABLE notices (position);
            CREATE INDEX by_type ON events (type);
            CREATE TRIGGER notice AFTER INSERT ON positions
            BEGIN INSERT INTO notices VALUES (new.position); END`);
        const before = dumpText(store);
        must(['migrate'], { store, migrations });
        must(['finalize'], { store, migrations });
        assert.equal(added(), 'events|by_type\npositions|notice');
        assert.equal(noticed(), '1', 'the position of a model migration');
        must(['rollback'], { store, migrations });
        assertSameDump(dumpText(store), before, 'after rollback');
        assert.equal(added(), 'events|by_type\npositions|notice');

        must(['finalize'], { store, migrations });
        must(['discard'], { store, migrations });
        assert.equal(added(), 'events|by_type\npositions|notice');
        load(store, [{ events:
            [{ fqid: 'extra/1', type: 'create', data: { a: 1 } }] }]);
        assert.equal(noticed(), '3', 'the trigger works on');
    });

test('what is carried along is found whatever its names look like',
    needsSqlite3, (t) => {
        const { store, migrations } = setUp(t, ALIKE, RENAME);
        const added = () => sql(store, `SELECT name FROM sqlite_schema
            WHERE lower(tbl_name) = 'events' AND type <> 'table'
            AND name NOT GLOB 'events_*_?' ORDER BY name`).trim().split('\n');
        sql(store, `CREATE INDEX events_fqid_2024 ON events (fqid, type);
            CREATE UNIQUE INDEX EVENTS_POSITION_99 ON Events (position);
            CREATE TRIGGER EVENTS_log AFTER INSERT ON EVENTS
            BEGIN SELECT 1; END`);
        const before = added();
        assert.equal(before.length, 3);

        must(['finalize'], { store, migrations });
        assert.deepEqual(added(), before);
        must(['rollback'], { store, migrations });
        assert.deepEqual(added(), before);
    });

/** Puts a text in place of another in the definition of events. */
const redefine = (from, to) => `PRAGMA writable_schema = 1;
    UPDATE sqlite_schema SET sql = replace(sql, '${from}', '${to}')
        WHERE name = 'events' AND type = 'table'`;

/** What would be lost: how it comes to be, what is said. */
const REFUSED = [
    ['ALTER TABLE events ADD COLUMN note TEXT',
        /the table events has the column note, which Godwit does not know/],
    ['ALTER TABLE models ADD COLUMN size GENERATED ALWAYS AS (length(data))',
        /the table models has the column size/],
    [redefine('weight INTEGER NOT NULL',
        'weight INTEGER NOT NULL CHECK (weight > 0)'),
        /the table events is not defined as `godwit init` does it \(CHECK\)/],
    [redefine('weight INTEGER NOT NULL',
        'weight INTEGER NOT NULL, UNIQUE (position, weight)'),
        /the table events is not defined .* \(UNIQUE\)/],
    [redefine('fqid TEXT', 'fqid TEXT COLLATE NOCASE'),
        /the table events is not defined .* \(COLLATE\)/],
    [redefine('weight INTEGER', 'weight NUMERIC'),
        /the table events is not defined as `godwit init` does it, which/],
];

test('what a cutover cannot carry over is refused before it begins',
    needsSqlite3, (t) => {
        for (const [change, said] of REFUSED) {
            const { store, migrations } = setUp(t, ALIKE, RENAME);
            sql(store, change);
            const before = dumpText(store);

            const check = run(['check', '--store', store], { migrations });
            assert.equal(check.code, 1, change);
            assert.match(check.out, /^refused: /m);
            assert.match(check.out, said);
            assertRefused(run(['finalize', '--quiet'], { store, migrations }),
                1, said);

            assertSameDump(dumpText(store), before, change);
        }
    });

test('a table that only looks different is none that would be lost',
    needsSqlite3, (t) => {
        const { store, migrations } = setUp(t, ALIKE, RENAME);
        sql(store, `ALTER TABLE events RENAME COLUMN data TO x;
            ALTER TABLE events RENAME COLUMN x TO "DATA";
            ALTER TABLE events RENAME COLUMN data TO data;
            ALTER TABLE models ADD COLUMN x;
            ALTER TABLE models DROP COLUMN x;
            ${redefine('fqid TEXT NOT NULL',
        '`FQID` -- of the model, as ever\n/* and */ text not null')}`);

        const r = must(['check', '--store', store], { migrations });
        must(['finalize'], { store, migrations });

        assert.doesNotMatch(r.out, /refused/);
        must(['check', '--store', store], { migrations });
    });

test('indexes that are made anew are told; others are not', needsSqlite3,
    (t) => {
        const { store, migrations } = setUp(t, ALIKE, RENAME);
        const warnings = () => must(['check', '--store', store],
            { migrations }).out.match(/^(warning|refused): .*$/gm);
        assert.equal(warnings(), null);
        must(['finalize'], { store, migrations });
        assert.equal(warnings(), null);
        sql(store, `CREATE INDEX by_type ON events (type);
            CREATE TRIGGER t AFTER INSERT ON events BEGIN SELECT 1; END`);

        assert.equal(warnings().length, 1);
        assert.match(warnings()[0],
            /^warning: the index by_type of the table events is made anew/);
    });

test('an index that the migrated rows do not allow is named', needsSqlite3,
    (t) => {
        const { store, migrations } = setUp(t, ALIKE, RENAME);
        sql(store, 'CREATE UNIQUE INDEX once ON events (data)');
        const before = live(dump(store));

        assertRefused(run(['finalize', '--quiet'], { store, migrations }), 1,
            new RegExp('the index once of the application cannot be made ' +
                'anew on the table events for the rows that it would get ' +
                '\\(UNIQUE constraint failed: events\\.data\\); nothing was ' +
                'changed: drop it'));
        assertSameDump(live(dump(store)), before, 'after a refusal');
        sql(store, 'DROP INDEX once');
        must(['finalize'], { store, migrations });
    });
