// SPDX-License-Identifier: Apache-2.0
// node bench/web.mjs [--parts paint,frames,memory,slow] [--minutes N]
//                    [--rounds N] [--events N] [--rate N]
//
// Measures the dashboard in Chromium: the first paint; frames while 20
// updates a second arrive; the heap after a collection over a long run; and
// how much one open page slows a migration (in turn: A B B A; only the ratio
// says much). The updates are those of a server, sent by a proxy before a
// real one; the migration is real.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { cpuOf, godwit, median, options, sample } from './lib.mjs';

process.env.GODWIT ??= godwit;
const { browser, until, visit } = await import('../tests/lib/browser.mjs');
const { makeFolder, must, repo, sleep, writeFiles } =
  await import('../tests/lib/godwit.mjs');
const { proxy } = await import('../tests/lib/proxy.mjs');
const { serve } = await import('../tests/lib/server.mjs');
const { prepare } = await import('../tests/lib/stores.mjs');

const values = options({ parts: 'paint,frames,memory,slow', minutes: '10',
  rounds: '20', events: '1000000', rate: '20' });
const UPDATES = Number(values.rate); // a second
const percentile = (list, p) => [...list].sort((a, b) => a - b)[
  Math.min(list.length - 1, Math.floor(list.length * p))];

/** Runs a part with what a test has: things to do after it. */
async function withTasks(part) {
  const tasks = [];
  try {
    await part({ after: (task) => tasks.push(task) });
  } finally {
    for (const task of tasks) await task();
  }
}

// ---- first paint

const SETTLE_MS = 1500; // a browser draws a new tab's frame, too

/** Milliseconds from the navigation to the first content. */
async function paintOf(page, url) {
  await page.goto(url, { waitUntil: 'commit' });
  return page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
      for (const { name, startTime } of list.getEntries())
        if (name === 'first-contentful-paint') resolve(startTime);
    }).observe({ type: 'paint', buffered: true });
  }));
}

/** In a new context (nothing is cached, the site's process is not there yet),
 *  and once more in the same tab. */
async function paintTwice(url) {
  const context = await (await browser()).newContext({
    viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await sleep(SETTLE_MS);
  const first = await paintOf(page, url);
  await sleep(SETTLE_MS);
  const again = await paintOf(page, url);
  await context.close();
  return { first, again };
}

async function paint(t) {
  const server = await serve(t, prepare(t, { n: 1000 }));
  const empty = await proxy(t, server.url, { '/favicon.ico': '',
    '/empty': '<!doctype html><title>x</title><p>x' });
  const [ours, floor] = [[], []];
  for (let i = 0; i < 15; i++) {
    ours.push(await paintTwice(`${server.url}/`));
    floor.push(await paintTwice(`${empty.url}/empty`));
  }
  for (const [which, title] of [['first', 'first paint, nothing cached'],
    ['again', 'the same tab again']]) {
    const of = (list) => list.map((times) => times[which]);
    console.log(`${title}: median ${median(of(ours)).toFixed(0)} ms, best ${
      Math.min(...of(ours)).toFixed(0)}, worst ${
      Math.max(...of(ours)).toFixed(0)}; a page of one letter: ${
      median(of(floor)).toFixed(0)}, best ${
      Math.min(...of(floor)).toFixed(0)}`);
  }
}

// ---- updates

/** A page whose stream has so many updates a second, half of them output. */
async function underUpdates(t) {
  const server = await serve(t, prepare(t));
  const running = { run: 1, running: 'migrate', paused: false };
  const between = await proxy(t, server.url, {}, (url, response) => {
    if (url !== '/migrate/events') return false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    let n = 0;
    const say = (type, data) => response.write(
      `id: 1-${n}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    say('status', { status: 'running', step: 'migrate', last_err: null,
      try_count: 1 });
    server.ask({ path: '/migrate/checks' }).then(({ json }) =>
      say('checks', { ...json, ...running }));
    const timer = setInterval(() => {
      n++;
      if (n % 2) say('output', { run: 1, line: `batch ${n} is committed` });
      else say('progress', { phase: 'migrate', positions_done: n * 512,
        positions_total: 10_000_000, events_done: n * 2048,
        events_per_second: 40_000 + n % 977, seconds_left: 600,
        seconds_left_min: 590, seconds_left_max: 610,
        lag_positions: 10_000_000 - n * 512 });
    }, 1000 / UPDATES);
    response.on('close', () => clearInterval(timer));
    return true;
  });
  const page = await visit(t, between.url);
  await until(page, () => document.querySelector('#output')
    .textContent.includes('batch'));
  return page;
}

async function frames(t) {
  const page = await underUpdates(t);
  const gaps = await page.evaluate((ms) => new Promise((resolve) => {
    const list = [];
    const begin = performance.now();
    let last = begin;
    const frame = (now) => {
      list.push(now - last);
      last = now;
      if (now - begin < ms) requestAnimationFrame(frame);
      else resolve(list.slice(1));
    };
    requestAnimationFrame(frame);
  }), 15_000);
  const total = gaps.reduce((a, b) => a + b, 0);
  console.log(`frames: ${(gaps.length * 1000 / total).toFixed(1)} a second, ` +
    `median ${median(gaps).toFixed(1)} ms, 99th percentile ${
      percentile(gaps, 0.99).toFixed(1)} ms, ${
      gaps.filter((gap) => gap > 34).length} of ${gaps.length} late`);
}

async function memory(t) {
  const page = await underUpdates(t);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  const minutes = Number(values.minutes);
  const seen = [];
  for (let i = 0; i <= 10; i++) {
    if (i) await sleep(minutes * 6000);
    await cdp.send('HeapProfiler.collectGarbage');
    const { usedSize } = await cdp.send('Runtime.getHeapUsage');
    const { metrics } = await cdp.send('Performance.getMetrics');
    seen.push({ heap: usedSize / 2 ** 20,
      nodes: metrics.find(({ name }) => name === 'Nodes').value });
    console.log(`memory after ${(minutes * i / 10).toFixed(1)} min: ${
      seen.at(-1).heap.toFixed(2)} MiB, ${seen.at(-1).nodes} nodes`);
  }
  const half = seen.slice(5);
  console.log(`memory: ${(half.at(-1).heap - half[0].heap).toFixed(2)} MiB ` +
    'more at the end than at half time');
}

// ---- a migration beside an open page

const DAY_MS = 86_400_000;
const LOOK_MS = 100; // how often it is asked whether a run is over

/** CPU seconds of what this process has started, but for `but`, so far: the
 *  browser's, when the server is left out. */
function cpuOfBrowser(but) {
  const seen = new Map();
  for (const name of fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n)))
    try {
      const [, parent] = fs.readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '').split(' ');
      seen.set(Number(name), { parent: Number(parent), cpu: cpuOf(name) });
    } catch { /* it has just ended */ }
  const isOurs = (pid) => pid !== but && seen.has(pid) &&
    (seen.get(pid).parent === process.pid || isOurs(seen.get(pid).parent));
  return [...seen].reduce((sum, [pid, { cpu }]) =>
    sum + (isOurs(pid) ? cpu : 0), 0);
}

/** A server whose store has events to migrate, again and again. */
async function serveHistory(t, events) {
  const folder = makeFolder(t);
  const store = path.join(folder, 'chat.db');
  must(['init'], { store });
  const history = spawnSync(sample, ['--events', String(events)],
    { maxBuffer: 1 << 30 });
  assert.equal(history.status, 0, `${sample}: ${history.error ??
    history.stderr}`);
  must(['load', '-'], { store, input: history.stdout });
  return serve(t, { store, timeout: DAY_MS, migrations: writeFiles(
    path.join(folder, 'migrations'), { '0002_author.json': { rules: [
      { rename_field: { collection: 'message', from: 'sender_id',
        to: 'author_id' } }] } }) });
}

async function runOne(server, command) {
  const r = await server.post(command);
  assert.equal(r.status, 200, r.text);
  do await sleep(LOOK_MS);
  while ((await server.ask({ path: '/migrate/result' })).json.status ===
    'running');
}

/** One migration; what others on the machine do moves its CPU less than its
 *  time. */
async function migrateOnce(server) {
  const before = cpuOf(server.child.pid);
  const browserBefore = cpuOfBrowser(server.child.pid);
  const begin = performance.now();
  await runOne(server, 'migrate');
  const cpu = Math.round(1000 * (cpuOf(server.child.pid) - before));
  const browser = (cpuOfBrowser(server.child.pid) - browserBefore) /
    (performance.now() - begin) * 1e6;
  const [run] = (await server.ask({ path: '/migrate/history' })).json.runs;
  assert.ok(run.result === 'completed' && run.events > 0, JSON.stringify(run));
  await runOne(server, 'reset');
  return { ms: run.duration_ms, cpu, browser }; // browser: ms a second
}

async function migrateBeside(server) {
  let taken;
  await withTasks(async (one) => {
    const page = await visit(one, server.url);
    await page.waitForSelector('#live[data-live=stream]');
    await sleep(2 * SETTLE_MS);
    taken = await migrateOnce(server);
  });
  return taken;
}

/** The median, and where it is in 19 of 20 such series. */
function medianWithin(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const off = 0.98 * Math.sqrt(list.length);
  const at = (i) => sorted[Math.max(0, Math.min(list.length - 1,
    Math.round(i)))].toFixed(1);
  return `${median(list).toFixed(1)} % (95 %: ${
    at((list.length - 1) / 2 - off)} to ${at((list.length - 1) / 2 + off)})`;
}

/** Pairs in turn, A B B A: what drifts falls on both. */
async function slow(t) {
  const server = await serveHistory(t, Number(values.events));
  const pairs = [];
  await migrateOnce(server);
  for (let i = 0; i < Number(values.rounds); i++) {
    const isFirst = i % 2 > 0;
    const early = isFirst ? await migrateBeside(server) : null;
    const alone = await migrateOnce(server);
    const beside = early ?? await migrateBeside(server);
    pairs.push({ alone, beside });
    console.log(`a migration: ${alone.ms} ms (${alone.cpu} of the CPU), ${
      beside.ms} (${beside.cpu}) beside a page`);
  }
  for (const [what, title] of [['ms', 'slower'], ['cpu', 'more CPU']])
    console.log(`${title} beside a page, ${pairs.length} pairs: median ${
      medianWithin(pairs.map(({ alone, beside }) =>
        (beside[what] / alone[what] - 1) * 100))}`);
  const taken = median(pairs.map(({ beside }) => beside.browser));
  console.log(`the browser's CPU meanwhile: ${taken.toFixed(0)} ms a second, ` +
    `${(taken / 10 / os.cpus().length).toFixed(1)} % of the machine's; ` +
    `without a page ${
      median(pairs.map(({ alone }) => alone.browser)).toFixed(0)}`);
}

const PARTS = { paint, frames, memory, slow };
for (const part of values.parts.split(',')) await withTasks(PARTS[part]);
await (await browser()).close();
