// SPDX-License-Identifier: Apache-2.0
// What is in the way is told before anything is migrated; what is not is
// carried over.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { dumpText, load, makeFolder, must, run, writeFiles }
    from '../lib/godwit.mjs';
import { base, json, makeDatabase, sql } from '../lib/postgres.mjs';

const MIGRATIONS = {
    '0002_rename.json': { rules: [
        { rename_field: { collection: 'thing', from: 'old', to: 'new' } }] },
};

function makeStore(t) {
    const store = makeDatabase(t);
    must(['init'], { store });
    load(store, [{ events: [
        { fqid: 'thing/1', type: 'create', data: { old: 1 } }] }, { events: [
        { fqid: 'thing/1', type: 'update', data: { old: 2 } }] }]);
    return store;
}

const role = `someone_${process.pid}`;

/** What a cutover would not carry over: how it comes to be, what is said. */
const REFUSED = [
    ['CREATE VIEW watch AS SELECT fqid FROM events;',
        /the view watch depends on the table events/],
    ['CREATE MATERIALIZED VIEW watch AS SELECT fqid FROM models;',
        /the view watch depends on the table models/],
    ['CREATE RULE quiet AS ON DELETE TO models DO INSTEAD NOTHING;',
        /the table models has the rule quiet/],
    ['CREATE FUNCTION all_of() RETURNS SETOF events LANGUAGE sql AS ' +
        '$$ SELECT * FROM events $$;', /the function all_of\(\) depends/],
    ['ALTER TABLE events ENABLE ROW LEVEL SECURITY;',
        /the table events has row level security/],
    ['CREATE PUBLICATION news FOR TABLE positions;',
        /the publication news names the table positions/],
    [`GRANT SELECT (fqid) ON models TO ${role};`,
        /rights are granted on the column fqid of the table models/],
    ['ALTER TABLE events ADD COLUMN note text;',
        /the table events has the column note/],
    ['CREATE TABLE heir () INHERITS (events);',
        /the table events is partitioned or inherits/],
    ['ALTER TABLE events REPLICA IDENTITY FULL;',
        /the table events has a replica identity/],
    ['ALTER TABLE models DROP CONSTRAINT models_pkey, ADD PRIMARY KEY (fqid)' +
        ' DEFERRABLE;', /the primary key models_pkey of the table models is/],
];

test('what a cutover cannot carry over is refused before it begins', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    sql(base, `CREATE ROLE ${role};`);
    t.after(() => sql(base, `DROP ROLE ${role};`));

    for (const [change, said] of REFUSED) {
        const store = makeDatabase(t);
        must(['init'], { store });
        load(store, [{ events: [
            { fqid: 'thing/1', type: 'create', data: { old: 1 } }] }]);
        sql(store, change);
        const before = sql(store, 'SELECT count(*) FROM pg_class;');

        const check = run(['check', '--store', store], { migrations });
        const finalize = run(['finalize'], { store, migrations });

        assert.equal(check.code, 1, change);
        assert.match(check.out, said);
        assert.equal(finalize.code, 1, change);
        assert.match(finalize.err, said);
        assert.ok(Number(sql(store, 'SELECT count(*) FROM pg_class;')) <=
            Number(before) + 8, 'tables were made before it was refused');
        assert.equal(sql(store, 'SELECT migration_index FROM positions;'),
            '1\n');
        sql(store, `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role};`);
    }
});

test('a store that is ready is told to be', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);

    const r = must(['check', '--store', store], { migrations });
    const object = JSON.parse(must(['check', '--json', '--store', store],
        { migrations }).out);

    assert.match(r.out, /info: PostgreSQL 1\d/);
    assert.match(r.out, /info: migrating needs about \d+ kB of disk/);
    assert.doesNotMatch(r.out, /refused|missing/);
    assert.equal(object.success, true);
    assert.ok(object.findings.some((f) => f.kind === 'info'));
});

test('missing rights and settings that will hurt are told', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const guest = `guest_${process.pid}`;
    sql(store, `CREATE ROLE ${guest} LOGIN;
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${guest};
        CREATE TABLE audit (position integer REFERENCES positions);
        DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET
            maintenance_work_mem = 1024', current_database()); END $$;`);
    t.after(() => sql(base, `DROP ROLE ${guest};`));

    const r = run(['check', '--store',
        store.replace('//godwit@', `//${guest}@`)], { migrations });

    assert.equal(r.code, 1);
    assert.match(r.out, /missing: guest_\d+ does not own the table events/);
    assert.match(r.out, /missing: guest_\d+ may not create tables/);
    assert.match(r.out, /missing: guest_\d+ may not empty the table coll/);
    assert.match(r.out, /warning: the foreign key audit_position_fkey/);
    assert.match(r.out, /warning: maintenance_work_mem = 1024kB: small/);
});

test('serial columns and disabled triggers are carried over', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    sql(store, `
        ALTER TABLE events ALTER COLUMN id DROP IDENTITY;
        CREATE SEQUENCE events_id_seq OWNED BY events.id;
        SELECT setval('events_id_seq', 100);
        ALTER TABLE events ALTER COLUMN id SET DEFAULT
            nextval('events_id_seq');
        ALTER TABLE models DISABLE TRIGGER models_updated_trigger;`);
    const look = () => json(store, `SELECT tgrelid::regclass::text, tgenabled,
        pg_get_serial_sequence('events', 'id') FROM pg_trigger
        WHERE tgname = 'models_updated_trigger'
        AND tgrelid = 'models'::regclass`);
    const before = look();

    must(['finalize'], { store, migrations });
    assert.deepEqual(look(), before);
    must(['rollback'], { store, migrations });
    assert.deepEqual(look(), before);
    must(['finalize'], { store, migrations });
    must(['discard'], { store, migrations });

    assert.deepEqual(look(), before);
    sql(store, `INSERT INTO events (position, fqid, type, weight)
        VALUES (1, 'thing/1', 'delete', 2);`);
    assert.equal(sql(store, 'SELECT max(id) FROM events;'), '101\n');
});

test('what the original handler left is told, and --restart goes on',
    (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const fresh = makeStore(t);
    sql(store, `INSERT INTO migration_positions VALUES (1, 2);
        INSERT INTO migration_events (position, fqid, type, data, weight)
            VALUES (1, 'thing/1', 'create', '{"wrong": true}', 1);
        INSERT INTO migration_keyframes (position, migration_index)
            VALUES (1, 2);
        INSERT INTO migration_keyframe_models SELECT id, 'thing/1',
            '{"wrong": true}', false FROM migration_keyframes;`);

    for (const command of ['migrate', 'finalize']) {
        const r = run([command], { store, migrations });
        assert.equal(r.code, 1, r.err);
        assert.match(r.err, /hold 1 positions at migration index 2 that/);
        assert.match(r.err, /--restart/);
        assert.equal(sql(store, 'SELECT count(*) FROM migration_events;'),
            '1\n');
    }
    must(['migrate', '--restart'], { store, migrations });
    must(['finalize'], { store, migrations });

    must(['finalize'], { store: fresh, migrations });
    const timeless = (text) => text.replaceAll(
        /"timestamp": ?"[^"]*"/g, '"timestamp":""');
    assert.equal(timeless(dumpText(store)), timeless(dumpText(fresh)));
    assert.equal(sql(store, 'SELECT count(*) FROM migration_keyframes;'),
        '0\n');
});
