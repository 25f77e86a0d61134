// SPDX-License-Identifier: Apache-2.0
// node bench/serve.mjs [--events N] [--rounds N] [--seconds N]
//
// Measures `godwit serve`: how fast /migrate/result is answered while a
// migration runs at full speed (wrk), and how much asking 50 times a second
// slows that migration down (in turn: A B A B; only the ratio says much).
// The store is made once and kept in build/bench.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import { count, cpuOf, godwit, make, median, migrationsOf, options, remove,
  sleep, work } from './lib.mjs';

const ASKED = 50; // times a second
const values = options({ events: '1000000', rounds: '5', seconds: '10' });
const events = Number(values.events);
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

// ---- the store

/** A store of its own for this run. */
function makeStore() {
  const base = path.join(work, `serve-${events}.db`);
  const file = path.join(work, 'serve-work.db');
  if (!fs.existsSync(base)) {
    const made = `${base}.making`;
    remove(made);
    make(made, { events });
    fs.renameSync(made, base);
  }
  remove(file);
  fs.copyFileSync(base, file);
  return file;
}

// ---- the server

async function serve(store) {
  const child = spawn(godwit, ['serve', '--store', store, '--migrations',
    migrationsOf('all'), '--listen', '127.0.0.1:0'],
  { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const url = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(text)));
    child.stderr.on('data', (piece) => {
      text += piece;
      const found = /listening.*address=(\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
  });
  const secret = fs.readFileSync(
    path.join(`${store}-godwit-state`, 'secret'), 'utf8').trim();
  const ask = async (where, cmd) => {
    const r = await fetch(url + where, cmd && { method: 'POST',
      body: JSON.stringify({ cmd }), headers: {
        Authorization: `Bearer ${secret}`,
        'Content-Type': 'application/json' } });
    if (!r.ok) throw new Error(`${where} ${cmd}: ${r.status}`);
    return r.json();
  };
  return { child, url, ask,
    async run(cmd) {
      await ask('/internal/migrations/', cmd);
      for (;;) {
        const { runs: [last] } = await ask('/migrate/history?limit=1');
        if (last.result === 'completed') return last;
        if (last.result !== 'running') throw new Error(last.error);
        await sleep(200);
      }
    } };
}

// ---- fast answers

/** Requests a second and the quantiles of the time, as wrk prints them. */
function runWrk(url, connections) {
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`,
      '--latency', `${url}/migrate/result`]);
    let text = '';
    child.stdout.on('data', (piece) => { text += piece; });
    child.on('error', reject);
    child.on('close', () => {
      const ms = (quantile) => {
        const [, n, unit] = new RegExp(`${quantile}%\\s+([0-9.]+)(us|ms|s)`)
          .exec(text);
        return Number(n) * { us: 1e-3, ms: 1, s: 1e3 }[unit];
      };
      const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0;
      resolve({ perSecond: Number(/Requests\/sec:\s+([0-9.]+)/.exec(text)[1]),
        p50: ms(50), p99: ms(99), bad: Number(bad) });
    });
  });
}

async function measureAnswers(server) {
  let isOver = false;
  let runs = 0;
  const migrating = (async () => {
    for (; !isOver; runs++) {
      await server.run('migrate');
      await server.run('reset');
    }
  })();
  console.log('\n/migrate/result while a migration runs at full speed');
  for (const connections of [4, 16, 64]) {
    await sleep(500);
    const cpu = cpuOf(server.child.pid);
    const r = await runWrk(server.url, connections);
    const used = (cpuOf(server.child.pid) - cpu) / seconds;
    console.log(`  ${String(connections).padStart(3)} connections: ` +
      `${count(r.perSecond).padStart(8)} requests/s, p50 ` +
      `${r.p50.toFixed(2)} ms, p99 ${r.p99.toFixed(2)} ms, ${r.bad} bad; ` +
      `the server used ${used.toFixed(2)} cores for both`);
  }
  isOver = true;
  await migrating;
  console.log(`  (${runs} migrations and resets meanwhile)`);
}

// ---- slowing down

/** Asks ASKED times a second over one connection, until stopped. */
function startAsking(url) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  let n = 0;
  const timer = setInterval(() => {
    http.get(`${url}/migrate/result`, { agent }, (r) => {
      n++;
      r.resume();
    }).on('error', () => {});
  }, 1000 / ASKED);
  return () => {
    clearInterval(timer);
    agent.destroy();
    return n;
  };
}

async function measureSlowdown(server) {
  const times = { quiet: [], asked: [] };
  const work = { quiet: [], asked: [] };
  console.log(`\nmigrate of ${count(events)} events, without and with ` +
    `${ASKED} questions a second`);
  await server.run('migrate'); // warms up
  await server.run('reset');
  for (let i = 0; i < rounds; i++) {
    for (const kind of i % 2 ? ['asked', 'quiet'] : ['quiet', 'asked']) {
      const stop = kind === 'asked' ? startAsking(server.url) : () => 0;
      const cpu = cpuOf(server.child.pid);
      const { duration_ms: ms } = await server.run('migrate');
      const n = stop();
      const used = cpuOf(server.child.pid) - cpu;
      times[kind].push(ms);
      work[kind].push(used);
      console.log(`  ${kind.padEnd(6)} ${(ms / 1000).toFixed(2)} s, ` +
        `${used.toFixed(2)} s of processor` +
        (n ? `, ${(n / ms * 1000).toFixed(0)} questions/s` : ''));
      await server.run('reset');
    }
  }
  for (const [name, of] of [['time', times], ['processor time', work]]) {
    const ratios = of.quiet.map((q, i) => of.asked[i] / q);
    console.log(`  ratio of ${name}: median of the pairs ` +
      `${median(ratios).toFixed(3)} (` +
      ratios.map((r) => r.toFixed(3)).join(' ') + '), of the medians ' +
      (median(of.asked) / median(of.quiet)).toFixed(3));
  }
}

const server = await serve(makeStore());
try {
  await measureAnswers(server);
  await measureSlowdown(server);
} finally {
  server.child.kill('SIGTERM');
}
