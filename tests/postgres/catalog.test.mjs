// SPDX-License-Identifier: Apache-2.0
// After a cutover the application finds the schema it knows, name by name,
// and the same again after a rollback.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { dump, load, makeFolder, must, mustSoon, run, sleep, writeFiles }
    from '../lib/godwit.mjs';
import { base, json, makeDatabase, session, sql } from '../lib/postgres.mjs';

const MIGRATIONS = {
    '0002_rename.json': { rules: [
        { rename_field: { collection: 'user', from: 'old', to: 'new' } }] },
};

const OURS = String.raw`'godwit\_%'`;

/** All that has a name or a meaning in the catalog, but for godwit_…. */
function catalog(uri) {
    const of = (query) => json(uri, query);
    return {
        columns: of(`SELECT table_name, column_name, ordinal_position,
            data_type, udt_name, character_maximum_length, is_nullable,
            column_default, is_identity, identity_generation,
            identity_start, identity_increment, identity_maximum,
            identity_cycle
            FROM information_schema.columns WHERE table_schema = 'public'
            AND table_name NOT LIKE ${OURS} ORDER BY 1, 3`),
        indexes: of(`SELECT tablename, indexname, tablespace, indexdef
            FROM pg_indexes WHERE schemaname = 'public'
            AND tablename NOT LIKE ${OURS} ORDER BY 1, 2`),
        constraints: of(`SELECT conrelid::regclass::text AS holder, conname,
            contype, convalidated, condeferrable, condeferred,
            pg_get_constraintdef(oid) AS definition
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            AND conrelid::regclass::text NOT LIKE ${OURS} ORDER BY 1, 2`),
        sequences: of(`SELECT s.sequencename, s.data_type, s.start_value,
            s.min_value, s.max_value, s.increment_by, s.cycle, s.cache_size,
            d.refobjid::regclass::text AS owner, d.refobjsubid, d.deptype
            FROM pg_sequences AS s JOIN pg_depend AS d
            ON d.objid = to_regclass(s.sequencename) AND d.refobjsubid > 0
            WHERE s.schemaname = 'public'
            AND s.sequencename NOT LIKE ${OURS} ORDER BY 1`),
        triggers: of(`SELECT tgrelid::regclass::text AS holder, tgname,
            tgenabled, pg_get_triggerdef(oid) AS definition FROM pg_trigger
            WHERE NOT tgisinternal
            AND tgrelid::regclass::text NOT LIKE ${OURS} ORDER BY 1, 2`),
        tables: of(`SELECT relname, relkind, relpersistence, reloptions,
            relreplident, reltablespace,
            pg_get_userbyid(relowner) AS owner,
            relacl::text[] AS grants FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
            AND relname NOT LIKE ${OURS} AND relkind <> 'i' ORDER BY 1`),
        types: of(`SELECT t.typname, e.enumlabel FROM pg_type AS t
            JOIN pg_enum AS e ON e.enumtypid = t.oid
            ORDER BY 1, e.enumsortorder`),
    };
}

const EVENTS = [
    { fqid: 'user/1', type: 'create', data: { old: 'a', meeting_id: 3 } },
    { fqid: 'user/2', type: 'create', data: { old: 'b' } },
];

/** As a database may be that has been in use for years. */
function decorate(uri) {
    sql(uri, `
        CREATE ROLE reader_${process.pid};
        GRANT SELECT ON events, models TO reader_${process.pid};
        GRANT SELECT ON positions TO PUBLIC;
        GRANT USAGE ON SEQUENCE positions_position_seq, events_id_seq
            TO reader_${process.pid};
        GRANT SELECT ON SEQUENCE events_id_seq TO reader_${process.pid}
            WITH GRANT OPTION;
        CREATE INDEX "odd Name" ON events (type, (data->>'x') DESC);
        CREATE UNIQUE INDEX ON events (position, weight);
        ALTER TABLE positions ADD CONSTRAINT "user is one"
            CHECK (user_id >= 0);
        ALTER TABLE events SET (fillfactor = 90);
        CREATE TABLE audit (position integer REFERENCES positions,
            note text);`);
}

function makeStore(t) {
    const uri = makeDatabase(t);
    must(['init'], { store: uri });
    load(uri, [{ events: EVENTS }, { events: [
        { fqid: 'user/1', type: 'update', data: { old: 'c' } }] }]);
    return uri;
}

test('a cutover leaves the catalog as it was, name by name', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    decorate(store);
    t.after(() => sql(base, `DROP ROLE reader_${process.pid};`));
    const before = catalog(store);
    const content = dump(store);

    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });

    assert.deepEqual(catalog(store), before);
    assert.equal(dump(store).models['user/1'].data.new, 'c');

    must(['rollback'], { store, migrations });

    assert.deepEqual(catalog(store), before);
    assert.deepEqual(dump(store), content);
});

test('options of keys and indexes are those after a cutover', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const space = `space_${process.pid}`;
    const long = 'one of many that begin with the same words, that is ';
    sql(store, `SET allow_in_place_tablespaces = on;
        CREATE TABLESPACE ${space} LOCATION '';`);
    t.after(() => sql(base, `DROP TABLESPACE ${space};`));
    sql(store, `
        ALTER INDEX positions_pkey SET (fillfactor = 70);
        ALTER INDEX models_pkey SET (fillfactor = 80,
            deduplicate_items = off);
        ALTER INDEX id_sequences_pkey SET TABLESPACE ${space};
        ALTER TABLE models SET TABLESPACE ${space};
        CREATE UNIQUE INDEX "a twin" ON models (fqid);
        CREATE UNIQUE INDEX "z twin" ON models (fqid);
        ALTER TABLE models ADD CONSTRAINT "one more" UNIQUE (fqid);
        ALTER TABLE events ADD CONSTRAINT "each once"
            UNIQUE (position, weight) INCLUDE (type, fqid)
            WITH (fillfactor = 60) USING INDEX TABLESPACE ${space}
            DEFERRABLE INITIALLY DEFERRED;
        ALTER TABLE events ADD CONSTRAINT "${long}a" UNIQUE (id, position),
            ADD CONSTRAINT "${long}b" UNIQUE (id, weight);
        ${json(store, 'SELECT version()')[0].version >= 'PostgreSQL 15' ? `
        CREATE UNIQUE INDEX "no two" ON events (id, data)
            NULLS NOT DISTINCT WHERE id > 0;` : ''}
        CREATE INDEX elsewhere ON positions (timestamp) WITH (fillfactor = 55)
            TABLESPACE ${space};`);
    const before = catalog(store);

    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });
    assert.deepEqual(catalog(store), before);
    must(['rollback'], { store, migrations });
    assert.deepEqual(catalog(store), before);

    const late = `
        ALTER TABLE events ADD CONSTRAINT late UNIQUE (fqid, id) DEFERRABLE,
            ADD CONSTRAINT "not far" CHECK (weight < 1000000);
        CREATE INDEX "${long}c" ON events (weight) TABLESPACE ${space};`;
    sql(store, late);
    const later = catalog(store);
    sql(store, `ALTER TABLE events DROP CONSTRAINT late,
        DROP CONSTRAINT "not far"; DROP INDEX "${long}c";`);
    must(['migrate'], { store, migrations });
    sql(store, late);
    must(['finalize'], { store, migrations });
    assert.deepEqual(catalog(store), later);
});

test('constraints that are checked at commit are in nobody\'s way', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    sql(store, `ALTER TABLE events DROP CONSTRAINT events_position_fkey,
        ADD CONSTRAINT events_position_fkey FOREIGN KEY (position)
        REFERENCES positions DEFERRABLE INITIALLY DEFERRED;`);
    const before = catalog(store);
    const late = session(store, `BEGIN;
        INSERT INTO positions (timestamp, user_id, migration_index)
            VALUES (now(), 1, 1);
        INSERT INTO events (position, fqid, type, data, weight)
            VALUES (3, 'user/2', 'update', '{"old": "z"}', 1);
        SELECT pg_sleep(4);
        COMMIT;`);
    while (sql(store, `SELECT count(*) FROM pg_locks WHERE relation =
        'events'::regclass AND mode = 'RowExclusiveLock';`) === '0\n') {
        await sleep(50);
    }

    await mustSoon(['finalize'], { store, migrations });
    await late;

    assert.deepEqual(catalog(store), before);
    assert.deepEqual(dump(store).events.at(-1).data, { new: 'z' });
});

test('indexes made or dropped since the cutover are so after a rollback',
    (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const long = 'one of many that begin with the same words, that is ';
    // names that look like ours, and no index on positions
    sql(store, `DROP INDEX event_position_idx;
        CREATE INDEX "${long}a" ON events (type);
        CREATE INDEX "${long}b" ON events (weight);
        CREATE INDEX godwit_1 ON events (type, weight);
        CREATE INDEX godwit_position ON positions (user_id);
        ALTER TABLE events ADD CONSTRAINT small CHECK (weight < 1000);`);
    const before = catalog(store);
    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });
    assert.deepEqual(catalog(store), before);
    must(['rollback'], { store, migrations });
    assert.deepEqual(catalog(store), before);

    must(['finalize'], { store, migrations });
    sql(store, `DROP INDEX "${long}a"; DROP INDEX godwit_position;
        CREATE UNIQUE INDEX "${long}c" ON events (fqid, position);
        CREATE INDEX godwit_2 ON models (updated);
        ALTER TABLE events DROP CONSTRAINT small,
            ADD CONSTRAINT once UNIQUE (position, weight),
            ADD CONSTRAINT "not far" CHECK (weight < 1000000);`);
    const since = catalog(store);
    must(['rollback'], { store, migrations });

    assert.deepEqual(catalog(store), since);
    const left = json(store, `SELECT relname FROM pg_class
        WHERE relname ~ '^godwit_[0-9]+_' ORDER BY 1`);
    assert.deepEqual(left, []);
    must(['finalize'], { store, migrations });
    assert.deepEqual(catalog(store), since);
});

test('rights given at any time are those after a cutover', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const [late, never] = ['late', 'never'].map((n) => `${n}_${process.pid}`);
    sql(store, `CREATE ROLE ${late}; CREATE ROLE ${never};
        ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${never};
        ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO ${never};`);
    t.after(() => sql(base, `DROP ROLE ${late}; DROP ROLE ${never};`));
    const rights = () => sql(store, `SELECT relname, relacl FROM pg_class
        WHERE relname IN ('positions', 'events', 'models', 'id_sequences',
            'positions_position_seq', 'events_id_seq') ORDER BY 1;`);

    must(['migrate'], { store, migrations });
    sql(store, `GRANT INSERT ON positions, events TO ${late};
        GRANT USAGE ON SEQUENCE positions_position_seq TO ${late};
        GRANT ALL ON models, id_sequences TO ${late};
        GRANT SELECT ON SEQUENCE events_id_seq TO ${late};`);
    const given = rights();
    must(['finalize'], { store, migrations });
    assert.equal(rights(), given);
    sql(store, `REVOKE INSERT ON positions FROM ${late};
        REVOKE USAGE ON SEQUENCE positions_position_seq FROM ${late};`);
    const left = rights();
    must(['rollback'], { store, migrations });

    assert.equal(rights(), left);
});

test('rounds of migrating leave no debris behind', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const before = catalog(store);

    must(['migrate'], { store, migrations });
    must(['reset'], { store, migrations });
    assert.deepEqual(catalog(store), before);
    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });
    must(['discard'], { store, migrations });

    assert.deepEqual(catalog(store), before);
    const left = json(store, `SELECT relname FROM pg_class
        WHERE relname LIKE ${OURS} AND relkind IN ('r', 'S') ORDER BY 1`);
    assert.deepEqual(left.map((r) => r.relname),
        ['godwit_run', 'godwit_store']);
});

test('the application goes on writing after a cutover', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    must(['finalize'], { store, migrations });

    sql(store, `BEGIN;
        INSERT INTO positions (timestamp, user_id, migration_index)
            VALUES (now(), 1, 2);
        INSERT INTO events (position, fqid, type, data, weight)
            VALUES (3, 'user/2', 'update', '{"new": "z"}', 1);
        UPDATE models SET data = data || '{"new": "z", "meta_position": 3}',
            updated = '2000-01-01' WHERE fqid = 'user/2';
        INSERT INTO collectionfields (collectionfield, position)
            VALUES ('user/new', 3);
        COMMIT;`);

    assert.equal(sql(store, 'SELECT max(position) FROM positions;'), '3\n');
    assert.equal(sql(store, `SELECT count(*) FROM models WHERE updated >
        '2020-01-01';`), '2\n');
    must(['verify'], { store, migrations });
    const r = run(['rollback'], { store, migrations });
    assert.equal(r.code, 1);
    assert.match(r.err, /written since the cutover/);
    sql(store, `DELETE FROM collectionfields; DELETE FROM positions
        WHERE position = 1;`);
    assert.equal(sql(store, 'SELECT count(*) FROM events;'), '2\n');
});

test('opening a store changes nothing in it', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const before = sql(store, 'SELECT oid, relname FROM pg_class ORDER BY 1;');

    must(['stats'], { store, migrations });
    must(['verify'], { store });
    dump(store);

    assert.equal(sql(store, 'SELECT oid, relname FROM pg_class ORDER BY 1;'),
        before);
});
