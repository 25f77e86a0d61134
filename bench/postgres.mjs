// SPDX-License-Identifier: Apache-2.0
// node bench/postgres.mjs [CASE…] [--rounds N] [--events N]
//
// Measures `godwit migrate` and `godwit finalize` on PostgreSQL against the
// floor: psql's \copy of the events to a file, and \copy of that file into a
// table with the same primary key and indexes. In turn: A B A B. Beside it the
// least that a server takes for such rows: INSERT … SELECT of them. Starts a
// server of its own by dev/with_postgres.sh.
// Cases: rename, three, tenth, all; without one the first three.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { base, count, databaseOf, godwit, lockout, machine, make, median, MIB,
  migrationsOf, options, rows, timed, withPostgres, work } from './lib.mjs';

/** `most` is the aim for migrate, times the floor. */
const cases = [
  { name: 'rename', text: 'one rename rule', most: 1.1 },
  { name: 'three', text: 'three rule migrations', most: 1.2 },
  { name: 'tenth', text: 'Lua, changes a tenth', most: 0.9 },
  { name: 'all', text: 'Lua, rewrites every event' },
];

const COPIED = path.join(work, 'events.copy');
const COLUMNS = 'id, position, fqid, type, data, weight';
const floors = {
  floor: { text: 'floor: \\copy out and in', sql: `
CREATE TABLE floor_events (LIKE events INCLUDING ALL);
\\copy events (${COLUMNS}) to '${COPIED}'
\\copy floor_events (${COLUMNS}) from '${COPIED}'
` },
  server: { text: 'INSERT … SELECT in the server', sql: `
CREATE TABLE floor_events (LIKE events INCLUDING ALL);
INSERT INTO floor_events (${COLUMNS}) OVERRIDING SYSTEM VALUE
  SELECT ${COLUMNS} FROM events;
` },
};

// ---- databases

function psql(uri, text) {
  const r = spawnSync('psql', ['-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1',
    '-d', uri], { input: text, encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`psql: ${r.stderr}`);
  return r.stdout.trim();
}

/** A database with that many events, as a restored and vacuumed one is. */
function makeStore(events) {
  psql(base, 'CREATE DATABASE bench_base;');
  const uri = databaseOf('bench_base');
  make(uri, { events });
  psql(uri, 'VACUUM (FREEZE, ANALYZE);');
  return uri;
}

/** A fresh copy to work on; the server has nothing else to do then. */
function copyStore() {
  psql(base, 'DROP DATABASE IF EXISTS bench_work;');
  psql(base, 'CREATE DATABASE bench_work TEMPLATE bench_base;');
  psql(base, 'CHECKPOINT;');
  return databaseOf('bench_work');
}

// ---- running

function command(name, store, migrations, ...more) {
  return timed(godwit, [name, '--store', store, '--migrations',
    migrationsOf(migrations), ...more]);
}

async function runCase(name) {
  const store = copyStore();
  if (floors[name]) {
    const floor = await timed('psql', ['-X', '-q', '-d', store],
      { input: floors[name].sql });
    fs.rmSync(COPIED, { force: true });
    return floor;
  }
  const migrate = await command('migrate', store, name, '--quiet');
  const finalize = await command('finalize', store, name);
  return { ...migrate, both: migrate.seconds + finalize.seconds,
    lockout: lockout(finalize.out) };
}

// ---- printing

const row = rows(30, 9, 10, 9, 8, 8, 9, 12, 9, 9);

function print(taken) {
  row('', 'migrate', 'events/s', 'x floor', 'aim', 'CPU s', 'RSS MiB',
    '+ finalize', 'x floor', 'lockout');
  const both = Object.entries(floors).map(([name, { text }]) =>
    ({ name, text }));
  for (const { name, text, most } of [...both, ...cases]) {
    const runs = taken[name];
    if (!runs) continue;
    const of = (member) => median(runs.map(member));
    const ratio = (member) => of((r, i) =>
      member(r) / taken.floor[i].seconds).toFixed(2);
    const seconds = of((r) => r.seconds);
    row(text, seconds.toFixed(2), count(taken.events / seconds),
      ratio((r) => r.seconds), most ? `<= ${most}` : '',
      of((r) => r.cpu).toFixed(1), count(of((r) => r.rss) / MIB),
      ...floors[name] ? [] : [of((r) => r.both).toFixed(2),
        ratio((r) => r.both), `${of((r) => r.lockout).toFixed(1)} ms`]);
  }
}

// ---- the command line

async function measure(names, events, rounds) {
  const taken = { events };
  const all = [...Object.keys(floors), ...names];
  for (const name of all) taken[name] = [];
  for (let round = 0; round < rounds; round++)
    for (const name of all)
      taken[name].push(await runCase(name));
  console.log(`\n${count(events)} events, ${rounds} rounds in turn, medians; ` +
    'ratios are within each round');
  print(taken);
}

const known = cases.map(({ name }) => name);
const values = options({ rounds: '3', events: '1000000' }, known);

async function main() {
  const events = Number(values.events);
  makeStore(events);
  console.log(`${machine()}; ` +
    psql(base, 'SELECT version();').split(' on ')[0]);
  await measure(values.names.length > 0 ? values.names : known.slice(0, 3),
    events, Number(values.rounds));
}

if (base) await main();
else withPostgres();
