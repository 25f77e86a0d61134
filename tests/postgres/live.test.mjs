// SPDX-License-Identifier: Apache-2.0
// The application writes while Godwit works: nothing it was told is written
// is lost or doubled, however late it commits.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load, makeFolder, must, mustSoon, run, setting, sleep, waitFor,
    writeFiles } from '../lib/godwit.mjs';
import { json, makeDatabase, session, sql } from '../lib/postgres.mjs';

const MIGRATIONS = {
    '0002_rename.json': { rules: [
        { rename_field: { collection: 'thing', from: 'old', to: 'new' } }] },
};

/** A position as the application writes it, and how long it takes. Whether
 *  the number is drawn by the INSERT or long before it. */
function write(id, { before = 0, after = 0, drawn = false } = {}) {
    const number = drawn
        ? `SELECT nextval('positions_position_seq') AS number \\gset
           SELECT pg_sleep(${before});`
        : '';
    const into = drawn
        ? `(position, timestamp, user_id, migration_index)
           OVERRIDING SYSTEM VALUE SELECT :number,`
        : '(timestamp, user_id, migration_index) SELECT';
    return `BEGIN;
        ${number}
        INSERT INTO positions ${into} now(), 1,
            (SELECT migration_index FROM positions ORDER BY position LIMIT 1)
            RETURNING position AS at, migration_index = 1 AS is_old \\gset
        SELECT pg_sleep(${after}) \\g /dev/null
        SELECT jsonb_build_object(CASE WHEN :'is_old' THEN 'old' ELSE 'new'
            END, ${id}) AS data \\gset
        INSERT INTO events (position, fqid, type, data, weight)
            VALUES (:at, 'thing/${id}', 'create', :'data', 1);
        INSERT INTO models (fqid, data, deleted) VALUES ('thing/${id}',
            :'data'::jsonb || jsonb_build_object('meta_position', :at,
            'meta_deleted', false), false);
        INSERT INTO id_sequences AS s VALUES ('thing', ${id} + 1)
            ON CONFLICT (collection) DO UPDATE
            SET id = greatest(s.id, excluded.id);
        COMMIT;
        \\echo ${id}
        `;
}

function makeStore(t, n = 50) {
    const store = makeDatabase(t);
    must(['init'], { store });
    load(store, Array.from({ length: n }, (_, i) => ({ events: [
        { fqid: `thing/${i + 1}`, type: 'create', data: { old: i + 1 } }] })));
    return store;
}

function assertAllThere(store, migrations, ids) {
    const rows = json(store, `SELECT fqid, data FROM events ORDER BY id`);
    const seen = new Map();
    for (const { fqid, data } of rows) {
        assert.ok(!seen.has(fqid), `${fqid} is there twice`);
        seen.set(fqid, data);
    }
    for (const id of ids) {
        assert.deepEqual(seen.get(`thing/${id}`), { new: id }, `thing/${id}`);
    }
    assert.equal(seen.size, ids.length);
    assert.deepEqual(json(store, `SELECT DISTINCT migration_index
        FROM positions`), [{ migration_index: 2 }]);
    must(['verify'], { store, migrations });
}

const range = (n) => Array.from({ length: n }, (_, i) => i + 1);

test('a position that commits after later ones is not skipped', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);

    const late = [
        session(store, write(1001, { after: 15 })),
        session(store, write(1002, { before: 3, drawn: true })),
        session(store, write(1003, { before: 1, after: 1, drawn: true })),
    ];
    await sleep(600);
    await session(store, range(20).map((i) => write(2000 + i)).join(''));
    must(['migrate'], { store, migrations });
    const between = json(store, `SELECT max(position) FROM
        migration_positions`);
    await Promise.all(late);
    must(['migrate'], { store, migrations });
    must(['finalize'], { store, migrations });

    assert.ok(between[0].max <= 53, `went on to ${between[0].max}`);
    assertAllThere(store, migrations, [...range(50), 1001, 1002, 1003,
        ...range(20).map((i) => 2000 + i)]);
});

test('a number that is drawn and never used holds nobody up', (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    sql(store, `SELECT nextval('positions_position_seq');` + write(3001) +
        `BEGIN; SELECT nextval('positions_position_seq'); ROLLBACK;` +
        write(3002));

    must(['migrate'], { store, migrations });

    assert.deepEqual(json(store, `SELECT max(position) FROM
        migration_positions`), json(store, `SELECT max(position) FROM
        positions`));
});

test('a vacuum of the positions is no writer', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t, 5000);
    const own = `pg_stat_progress_vacuum WHERE
        datname = current_database() AND relid = 'positions'::regclass`;
    const count = () => json(store, `SELECT count(*) FROM ${own}`)[0].count;
    sql(store, `ALTER TABLE positions SET (autovacuum_enabled = false);
        CREATE INDEX by_time ON positions (timestamp);
        SELECT nextval('positions_position_seq');` + write(9001));
    const vacuum = session(store, `SET vacuum_cost_delay = 100;
        SET vacuum_cost_limit = 1; VACUUM positions;`);
    await waitFor(() => count() === 1, 'the vacuum');

    must(['migrate'], { store, migrations });

    assert.deepEqual(json(store, `SELECT max(position) FROM
        migration_positions`), [{ max: 5002 }]);
    assert.equal(count(), 1, 'it was over too soon');
    sql(store, `SELECT pg_cancel_backend(pid) FROM ${own};`);
    await assert.rejects(vacuum, /canceling/);
});

test('writers at full speed lose nothing to a cutover', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const clients = 4, each = setting('LIVE_POSITIONS', 150);
    const odd = (i) => i % 25 === 3 ? { after: 0.2 }
        : i % 25 === 9 ? { before: 0.1, drawn: true } : {};

    const writers = range(clients).map((c) => session(store, range(each)
        .map((i) => write(10000 * c + i, odd(i))).join('')));
    await mustSoon(['migrate'], { store, migrations });
    await mustSoon(['migrate'], { store, migrations });
    await mustSoon(['finalize'], { store, migrations });
    const out = await Promise.all(writers);

    const acknowledged = out.join('').split('\n').filter((l) =>
        /^[0-9]+$/.test(l)).map(Number);
    const ids = range(clients).flatMap((c) =>
        range(each).map((i) => 10000 * c + i));
    for (const id of ids) assert.ok(acknowledged.includes(id), `${id}`);
    assertAllThere(store, migrations, [...range(50), ...ids]);
});

/* One that waits for the sequence draws from the old one afterwards. */
test('a number drawn by hand in a cutover is nobody else\'s', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    must(['migrate'], { store, migrations });
    const each = setting('LIVE_POSITIONS', 900);
    const insert = (columns, values) => `INSERT INTO positions (${columns}
        timestamp, user_id, migration_index) OVERRIDING SYSTEM VALUE
        SELECT ${values} now(), 1, (SELECT migration_index FROM positions
        ORDER BY position LIMIT 1);`;
    const byHand = `BEGIN;
        SELECT nextval('positions_position_seq') AS number \\gset
        ${insert('position,', ':number,')}
        COMMIT;
        `;
    const byDefault = `${insert('', '')}\n`;

    const writers = Promise.all(range(5).map((i) =>
        session(store, (i % 2 ? byDefault : byHand).repeat(each))));
    await mustSoon(['finalize'], { store, migrations });
    await writers;

    assert.deepEqual(json(store, 'SELECT count(*) FROM positions'),
        [{ count: 50 + 5 * each }]);
});

test('a cutover queues nobody for longer than --lock-wait', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    must(['migrate'], { store, migrations });

    const long = session(store, `BEGIN; SELECT count(*) FROM events;
        SELECT pg_sleep(3); COMMIT;`);
    await sleep(400);
    const finalize = mustSoon(['finalize', '--lock-wait', '300ms'],
        { store, migrations });
    const waits = [];
    for (let i = 0; i < 5; i++) {
        await sleep(200);
        const begin = performance.now();
        await session(store, write(5000 + i));
        waits.push(performance.now() - begin);
    }
    await long;
    await finalize;

    assert.ok(Math.max(...waits) < 2000, `waits of ${waits} ms`);
    assertAllThere(store, migrations, [...range(50),
        ...range(5).map((i) => 4999 + i)]);
});

test('autovacuum on a table of Godwit\'s delays a cutover, and no writer',
    async (t) => {
        const store = makeStore(t);
        const migrations = writeFiles(makeFolder(t), MIGRATIONS);
        must(['migrate'], { store, migrations });
        const vacuum = session(store, `BEGIN; LOCK TABLE migration_positions
            IN SHARE UPDATE EXCLUSIVE MODE;
            SELECT pg_sleep(3); COMMIT;`);
        await sleep(400);

        const begin = performance.now();
        const { out } = await mustSoon(['finalize'], { store, migrations });
        assert.ok(performance.now() - begin > 1500, 'it had to wait');
        const [, ms] = out.match(/locked out for ([\d.]+) ms/);
        assert.ok(Number(ms) < 1500, `writers were locked out for ${ms} ms`);
        await vacuum;
        must(['verify'], { store, migrations });
    });

test('a second run is refused and told who holds the store', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const store = makeStore(t);
    const holder = session(store, `SELECT pg_advisory_lock(1195661140,
        hashtext(current_schema())); SELECT pg_sleep(3);`);
    await sleep(500);

    const r = run(['migrate'], { store, migrations });

    assert.equal(r.code, 3, r.err);
    assert.match(r.err, /another run holds the store/);
    await holder;
    must(['migrate'], { store, migrations });
});
