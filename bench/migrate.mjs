// SPDX-License-Identifier: Apache-2.0
// node bench/migrate.mjs [PART…] [--rounds N]
//
// Measures `godwit migrate` and `godwit finalize` on SQLite, against what
// SQLite itself needs for the same writing (the floor), in turn: A B A B.
// Parts: speed, catchup, finalize, memory; all of them if none is named, or
// the single cases of speed: rename, three, tenth, all, sql.
// The stores are made once and kept in build/bench.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { count, fill, godwit, lockout, machine, make, median, MIB, migrationsOf,
  options, remove, rows, timed, work } from './lib.mjs';

/** The cases of the part `speed`; `most` is the aim, times the floor. */
const cases = [
  { name: 'rename', text: 'one rename rule', most: 1.8 },
  { name: 'three', text: 'three rule migrations', most: 2.1 },
  { name: 'tenth', text: 'Lua, changes a tenth', most: 2.3 },
  { name: 'all', text: 'Lua, rewrites every event', most: 3.5 },
  { name: 'sql', text: 'the rename of events and models in SQL' },
];

const TABLE = `
PRAGMA cache_size = -262144;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
DROP TABLE IF EXISTS migration_events;
CREATE TABLE migration_events (id INTEGER PRIMARY KEY,
  position INTEGER NOT NULL, fqid TEXT NOT NULL, type TEXT NOT NULL,
  data TEXT, weight INTEGER NOT NULL);
CREATE INDEX floor_position ON migration_events (position);
CREATE INDEX floor_fqid ON migration_events (fqid);
`;
const FLOOR = `${TABLE}
INSERT INTO migration_events
SELECT id, position, fqid, type, data, weight FROM events ORDER BY id;
`;
const RENAME = `${TABLE}
INSERT INTO migration_events
SELECT id, position, fqid, type,
  CASE WHEN type IN ('create', 'update') AND fqid LIKE 'message/%'
            AND data -> '$.body' IS NOT NULL
  THEN json_remove(json_set(data, '$.content', data -> '$.body'), '$.body')
  ELSE data END, weight
FROM events ORDER BY id;
DROP TABLE IF EXISTS renamed_models;
CREATE TABLE renamed_models (fqid TEXT NOT NULL PRIMARY KEY,
  data TEXT NOT NULL, deleted INTEGER NOT NULL, updated TEXT NOT NULL);
INSERT INTO renamed_models
SELECT fqid,
  CASE WHEN fqid LIKE 'message/%' AND data -> '$.body' IS NOT NULL
  THEN json_remove(json_set(data, '$.content', data -> '$.body'), '$.body')
  ELSE data END, deleted, updated
FROM models;
`;

// ---- stores

/** The path of a store with that many events, made when it is not there. */
function store(events, { models = 250_000, fields = 32 } = {}) {
  const file = path.join(work, `${events}-${models}-${fields}.db`);
  if (fs.existsSync(file)) return file;
  const made = `${file}.making`;
  remove(made);
  make(made, { events, models, fields });
  fs.renameSync(made, file);
  return file;
}

/** A fresh copy of a store to work on. */
function copy(file) {
  const to = path.join(work, 'work.db');
  remove(to);
  fs.copyFileSync(file, to);
  return to;
}

// ---- running

const sqlite = (file, input) => timed('sqlite3', ['-batch', file], { input });
const query = async (file, sql) => Number((await sqlite(file, sql)).out.trim());

function command(name, file, migrations, ...more) {
  return timed(godwit, [name, '--store', file, '--migrations',
    migrationsOf(migrations), ...more]);
}

/** Runs one case on a fresh copy. */
function runCase(name, base) {
  const file = copy(base);
  if (name === 'floor') return sqlite(file, FLOOR);
  if (name === 'sql') return sqlite(file, RENAME);
  return command('migrate', file, name, '--quiet');
}

const row = rows(34, 9, 12, 9, 9, 10);

// ---- parts

async function speed(names, rounds) {
  const events = 1_000_000;
  const base = store(events);
  const chosen = cases.filter(({ name }) => names.includes(name));
  const taken = Object.fromEntries(
    ['floor', ...chosen.map(({ name }) => name)].map((name) => [name, []]));

  for (let round = 0; round < rounds; round++)
    for (const name of Object.keys(taken))
      taken[name].push(await runCase(name, base));

  console.log(`\nmigrate, ${count(events)} events, ${rounds} rounds in turn, ` +
    'medians; the ratio is within each round');
  row('', 'seconds', 'events/s', 'x floor', 'aim', 'RSS MiB');
  for (const { name, text, most } of [{ name: 'floor',
    text: 'floor: INSERT … SELECT' }, ...chosen]) {
    const seconds = median(taken[name].map((r) => r.seconds));
    const ratio = median(taken[name].map(
      (r, i) => r.seconds / taken.floor[i].seconds));
    const rss = median(taken[name].map((r) => r.rss));
    row(text, seconds.toFixed(2), count(events / seconds), ratio.toFixed(2),
      most ? `<= ${most}` : '', count(rss / MIB));
  }
}

async function catchup() {
  const events = 1_000_000, more = 10_000;
  const file = copy(store(events));
  const first = await command('migrate', file, 'rename', '--quiet');
  // the history is the same whatever its length: models in proportion
  fill(file, { events: events + more, skip: events / 5,
    models: 250_000 * (events + more) / events });
  const second = await command('migrate', file, 'rename', '--quiet');

  console.log(`\ncatch-up after ${count(more)} more events`);
  row('', 'seconds', '', 'of first', 'aim');
  row('first run', first.seconds.toFixed(2));
  row('second run', second.seconds.toFixed(2), '',
    `${(100 * second.seconds / first.seconds).toFixed(1)} %`, '<= 5 %');
}

async function finalize(rounds) {
  console.log('\nfinalize after a complete migrate');
  row('', 'seconds', '', 'lockout', 'aim');
  for (const events of [100_000, 1_000_000, 3_000_000]) {
    const base = store(events, { models: events / 4 });
    const ms = [], seconds = [];
    for (let round = 0; round < rounds; round++) {
      const file = copy(base);
      await command('migrate', file, 'rename', '--quiet');
      const r = await command('finalize', file, 'rename', '--json');
      ms.push(lockout(r.out));
      seconds.push(r.seconds);
    }
    row(`${count(events)} events`, median(seconds).toFixed(2), '',
      `${median(ms).toFixed(1)} ms`, '<= 50 ms');
  }
}

async function memory() {
  console.log('\npeak memory of migrate (rename), MiB');
  row('', 'RSS', 'models', 'rest', 'aim');
  for (const events of [1_000_000, 5_000_000]) {
    const file = copy(store(events, { fields: 11 }));
    const { rss } = await command('migrate', file, 'rename', '--quiet');
    const bytes = await query(file,
      'SELECT sum(length(CAST(data AS BLOB))) FROM models;');
    row(`${count(events)} events`, count(rss / MIB), count(bytes / MIB),
      count((rss - bytes) / MIB), '<= 200');
  }
}

// ---- the command line

async function main() {
  const names = cases.map(({ name }) => name);
  const values = options({ rounds: '3' },
    ['speed', 'catchup', 'finalize', 'memory', ...names]);
  const args = values.names;
  const rounds = Number(values.rounds);
  const wants = (part) => args.length === 0 || args.includes(part);
  console.log(`${machine()}; SQLite ` +
    execFileSync('sqlite3', ['--version']).toString().split(' ')[0]);
  const single = names.filter((name) => args.includes(name));
  if (wants('speed')) await speed(names, rounds);
  else if (single.length > 0) await speed(single, rounds);
  if (wants('catchup')) await catchup();
  if (wants('finalize')) await finalize(rounds);
  if (wants('memory')) await memory();
  remove(path.join(work, 'work.db'));
}

await main();
