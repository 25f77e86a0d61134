// SPDX-License-Identifier: Apache-2.0
// node bench/import.mjs [--messages N] [--topics N] [--users N] [--rounds N]
//
// Measures `godwit import wukongim` into SQLite from the tests' double of a
// v1 server, in turn with what bounds it: a client that only reads the same
// pages (what the double can serve), SQLite copying the rows that came of them
// into an empty store in one transaction (what SQLite can take from one that
// reads, looks at and makes nothing), and `godwit load` of the same positions
// from `godwit export` (what Godwit can). The double is asked three times: as
// one that makes each page when it is asked for it, as a server does; as one
// that has all pages made, so that nothing but the import is slow; and as one
// that takes a while to find a page, so that it is the slow one.
// Only the ratios say much: it runs on one of the machine's cores meanwhile.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { count, godwit, machine, median, MIB, options, remove, root, rows,
  timed, work } from './lib.mjs';

const PAGE = 500;
const PAGE_MS = 250;

// ---- the double

/** A double in a process of its own: {url, stop}. */
async function startDouble(options) {
  const child = spawn(process.execPath, [path.join(root, 'tests', 'lib',
    'wukongim.mjs'), '--plain', ...options],
  { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(String(text).trim()));
    child.once('exit', () => reject(new Error('the double ended')));
  });
  return { url, stop: () => child.kill() };
}

/** The names of all topics, as the double lists them once it is warm. */
async function topicNames(url) {
  const names = [];
  for (let slot = 0; slot < 256; slot++) {
    const r = await fetch(`${url}/migrate/topics`, { method: 'POST',
      body: JSON.stringify({ slot }) });
    if (r.ok) names.push(...await r.json());
  }
  return names;
}

/** A page's request; seq 1, and so on. */
function request(name, seq) {
  const type = Number(name.slice(0, name.indexOf('-')));
  const id = name.slice(name.indexOf('-') + 1);
  const [uid, peer] = type === 1 ? id.split('@') : ['', id];
  const body = JSON.stringify({ login_uid: uid, channel_id: peer,
    channel_type: type, start_message_seq: seq, limit: PAGE, pull_mode: 1 });
  return 'POST /channel/messagesync HTTP/1.1\r\nHost: double\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Reads all pages of all topics on one connection after the other's turn,
 *  looking at nothing but where a reply ends. */
function readPages(url, next) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    const ask = () => {
      const asked = next();
      if (asked) socket.write(asked);
      else socket.end(resolve);
    };
    let left = -1; // bytes of a reply with a length; -1: none begun
    let tail = ''; // what came last of a chunked one
    socket.on('data', (bytes) => {
      if (left < 0) {
        const head = bytes.subarray(0, 2048).toString('latin1');
        const length = /Content-Length: ([0-9]+)\r\n/i.exec(head);
        left = length ? Number(length[1]) + head.indexOf('\r\n\r\n') + 4
          : Infinity;
      }
      left -= bytes.length;
      tail = (tail + bytes.subarray(-7).toString('latin1')).slice(-7);
      const isOver = left === 0 ||
        (left === Infinity && tail === '\r\n0\r\n\r\n');
      if (!isOver) return;
      left = -1;
      tail = '';
      ask();
    });
    socket.on('error', reject);
    socket.on('connect', ask);
  });
}

/** Messages a second that 20 connections get out of the double. */
async function serve(url, names, messages) {
  const begin = performance.now();
  let at = 0;
  const pages = names.flatMap(({ name, count }) => Array.from(
    { length: Math.ceil(count / PAGE) },
    (_, n) => request(name, n * PAGE + 1)));
  await Promise.all(Array.from({ length: 20 }, () =>
    readPages(url, () => pages[at++])));
  return messages / (performance.now() - begin) * 1000;
}

async function countMessages(url, names) {
  const counted = [];
  for (const name of names) {
    const cut = name.indexOf('-');
    const r = await fetch(`${url}/channel/max_message_seq?channel_id=${
      encodeURIComponent(name.slice(cut + 1))}&channel_type=${
      name.slice(0, cut)}`);
    const { message_seq: count } = await r.json();
    if (count > 0) counted.push({ name, count });
  }
  return counted;
}

// ---- running

const run = (args, stdio = ['ignore', 'ignore', 'inherit']) =>
  timed(godwit, args, { stdio });

async function emptyStore(name) {
  const file = path.join(work, name);
  remove(file);
  await run(['init', '--quiet', '--store', file]);
  return file;
}

async function load(from, name) {
  const lines = path.join(work, 'import.ndjson');
  const file = fs.openSync(lines, 'w');
  await run(['export', '--quiet', '--store', from], ['ignore', file,
    'inherit']);
  fs.closeSync(file);
  const r = await run(['load', '--quiet', '--store', await emptyStore(name),
    lines]);
  fs.rmSync(lines);
  return r;
}

/** Copies all rows of a store by the sqlite3 shell: {seconds}. */
async function copyRows(from, name) {
  const tables = ['positions', 'events', 'models', 'id_sequences',
    'godwit_import_keys'];
  const shell = (store, sql) => timed('sqlite3', ['-batch', '-bail', store],
    { input: sql });
  const store = await emptyStore(name);
  const { out } = await shell(from, 'SELECT sql || \';\' FROM sqlite_schema ' +
    "WHERE tbl_name = 'godwit_import_keys' AND sql NOT NULL;");
  await shell(store, out);
  return shell(store, `ATTACH '${from}' AS source;
    PRAGMA cache_size = -65536; PRAGMA synchronous = NORMAL; BEGIN;
    ${tables.map((table) => `INSERT INTO ${table} SELECT * FROM source.${
    table};`).join('\n')} COMMIT;`);
}

const row = rows(44, 14, 10, 10);

async function measure(title, options, rounds) {
  const double = await startDouble(options);
  try {
    const names = await countMessages(double.url,
      await topicNames(double.url));
    const messages = names.reduce((n, topic) => n + topic.count, 0);
    const rates = { serve: [], copy: [], import: [], load: [] };
    const rss = [];
    for (let n = 0; n < rounds; n++) {
      rates.serve.push(await serve(double.url, names, messages));
      const store = await emptyStore('import.db');
      const imported = await run(['import', 'wukongim', '--quiet', '--source',
        double.url, '--store', store]);
      rates.import.push(messages / imported.seconds);
      rss.push(imported.rss);
      rates.copy.push(messages /
        (await copyRows(store, 'import-copy.db')).seconds);
      rates.load.push(messages /
        (await load(store, 'import-load.db')).seconds);
    }

    console.log(`\n${title}: ${count(messages)} messages in ${
      count(names.length)} topics, ${rounds} rounds in turn, medians; the ` +
      'ratios are within each round');
    row('', 'messages/s', 'import is', 'aim');
    const ratio = (name) => median(rates.import.map((r, n) =>
      r / rates[name][n]));
    row('import', count(median(rates.import)), '', '>= 30,000');
    row('20 connections that only read the pages', count(median(rates.serve)),
      `${(100 * ratio('serve')).toFixed(0)} %`, '>= 80 %');
    row('the rows copied by SQLite alone', count(median(rates.copy)),
      `${(100 * ratio('copy')).toFixed(0)} %`);
    row('load of the same positions', count(median(rates.load)),
      `${(100 * ratio('load')).toFixed(0)} %`, '>= 25 %');
    console.log('peak memory of the import: ' +
      `${count(Math.max(...rss) / MIB)} MiB (aim: 128)`);
  } finally {
    double.stop();
    remove(path.join(work, 'import.db'));
    remove(path.join(work, 'import-load.db'));
    remove(path.join(work, 'import-copy.db'));
  }
}

async function main() {
  const values = options({ messages: '1000000', topics: '3000', users: '1000',
    rounds: '3' });
  const size = ['--warm', '--messages', values.messages,
    '--topics', values.topics, '--users', values.users];
  console.log(machine());
  await measure('pages made when asked for', size, Number(values.rounds));
  await measure('pages made before', ['--prerender', ...size],
    Number(values.rounds));
  await measure(`pages found after ${PAGE_MS} ms`,
    ['--prerender', '--page-ms', String(PAGE_MS), ...size],
    Number(values.rounds));
}

await main();
