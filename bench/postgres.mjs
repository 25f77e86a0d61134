// SPDX-License-Identifier: Apache-2.0
// node bench/postgres.mjs [CASE…] [--rounds N] [--events N]
//
// Measures `godwit migrate` and `godwit finalize` on PostgreSQL against the
// floor: psql's \copy of the events to a file, and \copy of that file into a
// table with the same primary key and indexes. In turn: A B A B. Starts a
// server of its own by dev/with_postgres.sh.
// Cases: rename, three, tenth, all; without one the first three.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(self), '..');
const work = path.join(root, 'build', 'bench');
const release = path.join(root, 'build', 'release');
const godwit = process.env.GODWIT ?? path.join(release, 'godwit');
const sample = process.env.GODWIT_SAMPLE ?? path.join(release, 'godwit-sample');
const base = process.env.GODWIT_TEST_PG_URI;

/** `most` is the aim for migrate, times the floor. */
const cases = [
  { name: 'rename', text: 'one rename rule', most: 1.1 },
  { name: 'three', text: 'three rule migrations', most: 1.2 },
  { name: 'tenth', text: 'Lua, changes a tenth', most: 0.9 },
  { name: 'all', text: 'Lua, rewrites every event' },
];

const COPIED = path.join(work, 'events.copy');
const FLOOR = `
CREATE TABLE floor_events (LIKE events INCLUDING ALL);
\\copy events (id, position, fqid, type, data, weight) to '${COPIED}'
\\copy floor_events (id, position, fqid, type, data, weight) from '${COPIED}'
`;

// ---- databases

const uriOf = (name) => base.replace(/\/[^/?]+(\?|$)/, `/${name}$1`);

function psql(uri, text) {
  const r = spawnSync('psql', ['-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1',
    '-d', uri], { input: text, encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`psql: ${r.stderr}`);
  return r.stdout.trim();
}

/** A database with that many events, as a restored and vacuumed one is. */
function makeStore(events) {
  console.log(`making a store of ${count(events)} events`);
  psql(base, 'CREATE DATABASE bench_base;');
  const uri = uriOf('bench_base');
  const options = ['--bench', '--events', events, '--positions', events / 5,
    '--models', events / 4, '--fields', 32];
  execFileSync(godwit, ['init', '--store', uri]);
  execFileSync('sh', ['-c', '"$0" $2 | "$1" load - --quiet --store "$3"',
    sample, godwit, options.join(' '), uri], { stdio: 'inherit' });
  psql(uri, 'VACUUM (FREEZE, ANALYZE);');
  return uri;
}

/** A fresh copy to work on; the server has nothing else to do then. */
function copyStore() {
  psql(base, 'DROP DATABASE IF EXISTS bench_work;');
  psql(base, 'CREATE DATABASE bench_work TEMPLATE bench_base;');
  psql(base, 'CHECKPOINT;');
  return uriOf('bench_work');
}

// ---- running

function timed(program, args, input) {
  const file = path.join(work, 'time.txt');
  const begin = performance.now();
  const r = spawnSync('/usr/bin/time', ['-f', '%M %U %S', '-o', file, program,
    ...args], { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  const seconds = (performance.now() - begin) / 1000;
  if (r.status !== 0)
    throw new Error(`${path.basename(program)} ${args[0]}: exit ` +
      `${r.status}: ${r.stderr}`);
  const [kib, user, system] = fs.readFileSync(file, 'utf8').split(' ')
    .map(Number);
  return { seconds, rss: kib * 1024, cpu: user + system,
    out: `${r.stdout}${r.stderr}` };
}

function command(name, store, migrations, ...more) {
  return timed(godwit, [name, '--store', store, '--migrations',
    path.join(root, 'bench', 'migrations', migrations), ...more]);
}

function runCase(name) {
  const store = copyStore();
  if (name === 'floor') {
    const floor = timed('psql', ['-X', '-q', '-d', store], FLOOR);
    fs.rmSync(COPIED);
    return floor;
  }
  const migrate = command('migrate', store, name, '--quiet');
  const finalize = command('finalize', store, name);
  const lockout = finalize.out.match(/locked out for ([\d.]+) ms/);
  if (!lockout) throw new Error(`finalize names no cutover: ${finalize.out}`);
  return { ...migrate, both: migrate.seconds + finalize.seconds,
    lockout: Number(lockout[1]) };
}

// ---- printing

const count = (n) => Math.round(n).toLocaleString('en-US');
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

function row(...cells) {
  const widths = [30, 9, 10, 9, 8, 8, 9, 12, 9, 9];
  console.log(cells.map((cell, i) => i === 0
    ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))
    .join(''));
}

function print(taken) {
  row('', 'migrate', 'events/s', 'x floor', 'aim', 'CPU s', 'RSS MiB',
    '+ finalize', 'x floor', 'lockout');
  for (const { name, text, most } of [{ name: 'floor',
    text: 'floor: \\copy out and in' }, ...cases]) {
    const runs = taken[name];
    if (!runs) continue;
    const of = (member) => median(runs.map(member));
    const ratio = (member) => of((r, i) =>
      member(r) / taken.floor[i].seconds).toFixed(2);
    const seconds = of((r) => r.seconds);
    row(text, seconds.toFixed(2), count(taken.events / seconds),
      ratio((r) => r.seconds), most ? `<= ${most}` : '',
      of((r) => r.cpu).toFixed(1), count(of((r) => r.rss) / 2 ** 20),
      ...name === 'floor' ? [] : [of((r) => r.both).toFixed(2),
        ratio((r) => r.both), `${of((r) => r.lockout).toFixed(1)} ms`]);
  }
}

// ---- the command line

function measure(names, events, rounds) {
  const taken = { events };
  for (const name of ['floor', ...names]) taken[name] = [];
  for (let round = 0; round < rounds; round++)
    for (const name of ['floor', ...names]) taken[name].push(runCase(name));
  console.log(`\n${count(events)} events, ${rounds} rounds in turn, medians; ` +
    'ratios are within each round');
  print(taken);
}

function main(args) {
  const option = (name, otherwise) => args.includes(name)
    ? Number(args.splice(args.indexOf(name), 2)[1]) : otherwise;
  const rounds = option('--rounds', 3), events = option('--events', 1_000_000);
  const known = cases.map(({ name }) => name);
  for (const arg of args)
    if (!known.includes(arg)) {
      console.error(`unknown case ${arg}; cases: ${known.join(' ')}`);
      return 2;
    }
  fs.mkdirSync(work, { recursive: true });
  makeStore(events);
  console.log(`${os.cpus().length} cores, ${os.cpus()[0].model}; ` +
    psql(base, 'SELECT version();').split(' on ')[0]);
  measure(args.length > 0 ? args : known.slice(0, 3), events, rounds);
  return 0;
}

if (base)
  process.exitCode = main(process.argv.slice(2));
else
  process.exitCode = spawnSync(path.join(root, 'dev', 'with_postgres.sh'),
    [process.execPath, self, ...process.argv.slice(2)],
    { stdio: 'inherit' }).status ?? 1;
