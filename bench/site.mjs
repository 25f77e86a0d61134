// SPDX-License-Identifier: Apache-2.0
// node bench/site.mjs [--scale F] [--store postgresql|sqlite] [--memory SIZE]
//
// The real case: a site of 8,119,285 events in 3,069,959 positions and about
// 400,000 models, the size at which the original handler ran out of memory.
// Runs migrate and finalize with six migrations (rules, and Lua with
// accessors) while a client inserts all the time, and reports the time, the
// peak memory against the bytes of the models, and the longest time that the
// client had to wait for. --scale 0.1 is a tenth of it; --memory is what the
// models may take (without it they take what they need).
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';

import { base, count, databaseOf, fill, godwit, median, MIB, migrationsOf,
  options, remove, timed, withPostgres, work } from './lib.mjs';

const migrations = migrationsOf('site');
const SITE = { events: 8_119_285, positions: 3_069_959, models: 400_000 };

const { scale, store: name, memory } = options({ scale: '1',
  store: 'postgresql', memory: '' });

/** The two kinds of store: where it is, and SQL in it by its own shell. */
const kinds = {
  postgresql: {
    make() {
      spawnSync('psql', ['-Xq', '-d', base, '-c', 'CREATE DATABASE site;']);
      return databaseOf('site');
    },
    shell: (store) => ['psql', ['-XqtA', '-d', store]],
    settle: 'VACUUM ANALYZE; CHECKPOINT;',
    bytes: 'SELECT sum(octet_length(data::text)) FROM models;',
    insert: `BEGIN; INSERT INTO positions (timestamp, user_id, migration_index)
      SELECT now(), 1, (SELECT migration_index FROM positions
      ORDER BY position LIMIT 1); COMMIT;`,
  },
  sqlite: {
    make() {
      const file = path.join(work, 'site.db');
      remove(file);
      return file;
    },
    shell: (store) => ['sqlite3', ['-batch', '-cmd', '.timeout 60000', store]],
    settle: 'PRAGMA wal_checkpoint(TRUNCATE);',
    bytes: 'SELECT sum(length(CAST(data AS BLOB))) FROM models;',
    insert: `BEGIN IMMEDIATE; INSERT INTO positions (timestamp, user_id,
      migration_index) SELECT '2024-05-01T10:00:00+00:00', 1,
      (SELECT migration_index FROM positions ORDER BY position LIMIT 1);
      COMMIT;`,
  },
};

function query(kind, store, text) {
  const [program, args] = kind.shell(store);
  return execFileSync(program, args, { input: text }).toString().trim();
}

/** A client that appends a position every 5 ms, and how long each took. */
function startClient(kind, store) {
  const [program, args] = kind.shell(store);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const echo = program === 'psql' ? '\\echo done\n' : "SELECT 'done';\n";
  const client = { waits: [], isStopped: false, since: 0, child };
  const next = () => {
    client.since = performance.now();
    child.stdin.write(kind.insert + '\n' + echo);
  };
  child.stdout.on('data', (data) => {
    if (!data.includes('done')) return;
    client.waits.push(performance.now() - client.since);
    if (client.isStopped) child.stdin.end();
    else setTimeout(next, 5);
  });
  client.ended = new Promise((resolve) => child.on('close', resolve));
  next();
  return client;
}

const command = (name, store) => timed(godwit, [name, '--store', store,
  '--migrations', migrations, ...name === 'migrate' ? ['--quiet'] : [],
  ...memory ? ['--memory', memory] : []]);

function load(store, scale) {
  const [events, positions, models] = [SITE.events, SITE.positions,
    SITE.models].map((n) => Math.round(n * scale));
  console.log(`making a site of ${count(events)} events, ` +
    `${count(positions)} positions, ${count(models)} models`);
  execFileSync(godwit, ['init', '--store', store]);
  fill(store, { events, positions, models, fields: 12 });
}

function report(what, { seconds, rss, waits }, bytes) {
  console.log(`${what.padEnd(10)}${seconds.toFixed(1).padStart(9)} s` +
    `${count(rss / MIB).padStart(8)} MiB RSS` +
    `${count((rss - bytes) / MIB).padStart(8)} MiB beyond the models` +
    `${count(waits.length).padStart(9)} inserts, median ` +
    `${median(waits).toFixed(1)} ms, longest ` +
    `${Math.max(...waits).toFixed(1)} ms`);
}

async function measure(name, kind, store, bytes) {
  const client = startClient(kind, store);
  const result = await command(name, store);
  client.isStopped = true;
  await client.ended;
  report(name, { ...result, waits: client.waits }, bytes);
  return result;
}

async function main(kind) {
  const store = kind.make();
  load(store, Number(scale));
  query(kind, store, kind.settle);
  const bytes = Number(query(kind, store, kind.bytes));
  console.log(`${os.cpus().length} cores; ${name}; models ` +
    `${count(bytes / MIB)} MiB; aims: <= 256 MiB beyond them, lock-out ` +
    '<= 100 ms');
  await measure('migrate', kind, store, bytes);
  const { out } = await measure('finalize', kind, store, bytes);
  console.log(out.match(/writers were locked out for [\d.]+ ms/)[0]);
  execFileSync(godwit, ['verify', '--quiet', '--store', store, '--migrations',
    migrations], { stdio: 'inherit' });
}

if (!kinds[name]) {
  console.error(`--store is one of: ${Object.keys(kinds).join(' ')}`);
  process.exitCode = 2;
} else if (base || name !== 'postgresql') {
  await main(kinds[name]);
} else {
  withPostgres();
}
