// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: where the programs are, stores to work on, a
// program's time and memory, and how figures are printed.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)),
  '..');
/** Stores and files that are made on the way. */
export const work = path.join(root, 'build', 'bench');
fs.mkdirSync(work, { recursive: true });

/** The release build, unless GODWIT, GODWIT_SAMPLE name another. */
const program = (name) => process.env[name.toUpperCase().replace('-', '_')] ??
  path.join(root, 'build', 'release', name);
export const godwit = program('godwit');
export const sample = program('godwit-sample');
export const migrationsOf = (name) =>
  path.join(root, 'bench', 'migrations', name);

export const MIB = 1024 * 1024;
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- the command line

function fail(message) {
  console.error(message);
  process.exit(2);
}

function printHelp() {
  const [, comment] = /^((?:\/\/.*\n)+)/.exec(
    fs.readFileSync(process.argv[1], 'utf8'));
  console.log(comment.replace(/^\/\/ ?/gm, '').replace(/^SPDX.*\n/, '')
    .trimEnd());
  process.exit(0);
}

/** The options of the benchmark that runs, by their names, as texts: those of
 *  `defaults`, and no others; `names` are what it may be given besides, as
 *  `values.names`. --help prints the comment at its top. */
export function options(defaults, names = null) {
  const known = Object.fromEntries(Object.entries(defaults).map(
    ([name, text]) => [name, { type: 'string', default: text }]));
  let given;
  try {
    given = parseArgs({ allowPositionals: names !== null,
      options: { help: { type: 'boolean', short: 'h' }, ...known } });
  } catch (error) {
    fail(error.message);
  }
  if (given.values.help) printHelp();
  for (const name of given.positionals)
    if (!names.includes(name)) fail(`${name} is none of: ${names.join(' ')}`);
  return { ...given.values, names: given.positionals };
}

// ---- stores

/** Removes a store in SQLite with all that lies beside it. */
export function remove(file) {
  for (const end of ['', '-wal', '-shm', '-godwit-lock'])
    fs.rmSync(file + end, { force: true });
  fs.rmSync(`${file}-godwit-state`, { recursive: true, force: true });
}

/** Appends that much of the history that the sample makes. */
export function fill(store, { events, positions = events / 5,
  models = events / 4, fields = 32, skip = 0 }) {
  const options = Object.entries({ events, positions, models, fields, skip })
    .map(([name, n]) => `--${name} ${Math.round(n)}`);
  execFileSync('sh', ['-c', '"$0" --bench $2 | "$1" load - --quiet --store ' +
    '"$3"', sample, godwit, options.join(' '), store], { stdio: 'inherit' });
}

/** A new store with that much history. */
export function make(store, size) {
  console.log(`making a store of ${count(size.events)} events`);
  execFileSync(godwit, ['init', '--quiet', '--store', store]);
  fill(store, size);
}

// ---- PostgreSQL

/** The database that dev/with_postgres.sh has made. */
export const base = process.env.GODWIT_TEST_PG_URI;
export const databaseOf = (name) =>
  base.replace(/\/[^/?]+(\?|$)/, `/${name}$1`);

/** Runs this benchmark again with a server of its own. */
export function withPostgres() {
  process.exitCode = spawnSync(path.join(root, 'dev', 'with_postgres.sh'),
    [process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' })
    .status ?? 1;
}

// ---- running

/** Runs a program to its end: {seconds, rss (bytes), cpu (seconds), out}. */
export async function timed(program, args, { input = '', ...more } = {}) {
  const file = path.join(work, 'time.txt');
  const begin = performance.now();
  const child = spawn('/usr/bin/time', ['-f', '%M %U %S', '-o', file, program,
    ...args], { stdio: 'pipe', ...more });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (piece) => { out += piece; });
  child.stdin?.end(input);
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const seconds = (performance.now() - begin) / 1000;
  if (status !== 0)
    throw new Error(`${path.basename(program)} ${args[0]}: exit ${status}: ` +
      out);
  const [kib, user, system] = fs.readFileSync(file, 'utf8').split(' ')
    .map(Number);
  return { seconds, rss: kib * 1024, cpu: user + system, out };
}

/** Processor seconds that a process has used so far. */
export function cpuOf(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The cutover in ms, as finalize prints it. */
export function lockout(out) {
  const found = out.match(/"cutover_ms": ?([\d.]+)/) ??
    out.match(/locked out for ([\d.]+) ms/);
  if (!found) throw new Error(`finalize names no cutover:\n${out}`);
  return Number(found[1]);
}

// ---- printing

export const count = (n) => Math.round(n).toLocaleString('en-US');
export const median = (list) =>
  [...list].sort((a, b) => a - b)[list.length >> 1];
export const machine = () => `${os.cpus().length} cores, ${os.cpus()[0].model}`;

/** A printer of rows with columns of these widths. */
export const rows = (...widths) => (...cells) =>
  console.log(cells.map((cell, i) => i === 0
    ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))
    .join(''));
