// SPDX-License-Identifier: Apache-2.0
// What the outer tests share: running the real program in a clean
// environment, temporary folders, stores, and comparing dumps.
// It knows nothing of how the program works inside.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export { makeRandom } from './random.mjs';

export const repo = path.resolve(
    path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const binary = path.resolve(
    process.env.GODWIT ?? path.join(repo, 'build', 'dev', 'godwit'));

if (!fs.existsSync(binary)) {
    throw new Error(`${binary} is not there: build it (make), or name ` +
        'another one in the environment variable GODWIT');
}

/** Sanitizers reserve address space: limits of it do not go with them. */
export const isSanitized = /__[at]san_init/.test(
    fs.readFileSync(binary, 'latin1'));

/** A whole number from the environment. */
export function setting(name, fallback) {
    const text = process.env[name];
    if (text === undefined || text === '') return fallback;
    assert.match(text, /^[0-9]+$/, `${name} must be a whole number`);
    return Number(text);
}

/** Memory, where there is enough of it: a store is synced at each commit,
 *  and no test here pulls the plug. GODWIT_TEST_FOLDER names another place. */
function findPlace() {
    const memory = '/dev/shm';
    try {
        const { bavail, bsize } = fs.statfsSync(memory);
        fs.accessSync(memory, fs.constants.W_OK | fs.constants.X_OK);
        if (bavail * bsize > 512 * 1024 * 1024) return memory;
    } catch { /* no such thing here */ }
    return os.tmpdir();
}

const place = process.env.GODWIT_TEST_FOLDER ?? findPlace();

/** A new empty folder that is gone when the test is over. */
export function makeFolder(t, prefix = 'godwit-test-') {
    const folder = fs.mkdtempSync(path.join(place, prefix));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    return folder;
}

/** Writes {name: text or bytes} below a folder and returns the folder. */
export function writeFiles(folder, files) {
    fs.mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
        const file = path.join(folder, name);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, typeof content === 'string' ||
            Buffer.isBuffer(content) ? content : JSON.stringify(content));
    }
    return folder;
}

// The variables that coverage and the sanitizers need are handed on.
const KEPT = /^(PATH|LD_LIBRARY_PATH|(A|UB|T|L)SAN_OPTIONS|GCOV_.*|LLVM_.*)$/;

export function cleanEnvironment(extra = {}) {
    const kept = Object.entries(process.env).filter(([k]) => KEPT.test(k));
    return { ...Object.fromEntries(kept), HOME: os.tmpdir(),
        LC_ALL: 'C.UTF-8', TZ: 'UTC', NO_COLOR: '1', ...extra };
}

/* Another user may not add to what this one's coverage build counts. */
function countedElsewhere(uid) {
    return uid ? { GCOV_PREFIX: path.join(os.tmpdir(), `godwit-gcov-${uid}`) }
        : {};
}

function argumentsOf(args, { store, migrations }) {
    return [...args, ...(store ? ['--store', store] : []),
        ...(migrations ? ['--migrations', migrations] : [])];
}

/**
 * Runs the program to its end. Options: store, migrations, input (text or
 * bytes for standard input), env, cwd, timeout (ms), uid, stdio.
 * Returns {code, signal, out, err, ms}; out and err are text.
 */
export function run(args, options = {}) {
    const begin = performance.now();
    const r = spawnSync(binary, argumentsOf(args, options), {
        cwd: options.cwd ?? os.tmpdir(),
        env: cleanEnvironment({ ...countedElsewhere(options.uid),
            ...options.env }),
        input: options.input ?? '',
        timeout: options.timeout ?? 120_000,
        killSignal: 'SIGKILL',
        maxBuffer: 1 << 30,
        ...(options.stdio ? { stdio: options.stdio, input: undefined } : {}),
        ...(options.uid ? { uid: options.uid, gid: options.uid } : {}),
    });
    if (r.error && r.error.code !== 'ETIMEDOUT' && r.error.code !== 'EPIPE') {
        throw r.error;
    }
    return { code: r.status, signal: r.signal,
        timedOut: r.error?.code === 'ETIMEDOUT',
        out: r.stdout?.toString('utf8') ?? '',
        err: r.stderr?.toString('utf8') ?? '',
        ms: performance.now() - begin };
}

/** Runs a shell line; $GODWIT is the program. For odd redirections. */
export function shell(line, options = {}) {
    const r = spawnSync('/bin/sh', ['-c', line], {
        cwd: options.cwd ?? os.tmpdir(),
        env: cleanEnvironment({ GODWIT: binary, ...options.env }),
        input: options.input ?? '', timeout: options.timeout ?? 120_000,
        killSignal: 'SIGKILL', maxBuffer: 1 << 30,
    });
    return { code: r.status, signal: r.signal,
        timedOut: r.error?.code === 'ETIMEDOUT',
        out: r.stdout?.toString('utf8') ?? '',
        err: r.stderr?.toString('utf8') ?? '' };
}

/** Runs the program and fails the test unless it exits with 0. */
export function must(args, options = {}) {
    const r = run(args, options);
    assert.equal(r.code, 0, `godwit ${args.join(' ')}: ${describe(r)}`);
    return r;
}

/** The same without blocking: for tests that do several things at once. */
export async function mustSoon(args, options = {}) {
    const r = await start(args, options).ended;
    assert.equal(r.code, 0, `godwit ${args.join(' ')}: ${describe(r)}`);
    return r;
}

export function describe(r) {
    const how = r.timedOut ? 'did not end in time'
        : r.signal ? `killed by ${r.signal}` : `exit ${r.code}`;
    return `${how}; standard error: ${JSON.stringify(r.err.slice(-1500))}`;
}

/**
 * Starts the program without waiting. Returns the child with `.ended`, a
 * promise of {code, signal, out, err, ms}. stdin stays open when
 * options.feed is true. Killed after options.timeout ms (two minutes).
 */
export function start(args, options = {}) {
    const begin = performance.now();
    const child = spawn(binary, argumentsOf(args, options), {
        cwd: options.cwd ?? os.tmpdir(),
        env: cleanEnvironment(options.env),
        stdio: [options.feed ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    let timedOut = false;
    const timer = setTimeout(() => {
        timedOut = true;
        child.kill('SIGKILL');
    }, options.timeout ?? 120_000);
    const out = [];
    const err = [];
    child.stdout.on('data', (bytes) => out.push(bytes));
    child.stderr.on('data', (bytes) => err.push(bytes));
    child.errText = () => Buffer.concat(err).toString('utf8');
    child.outText = () => Buffer.concat(out).toString('utf8');
    child.ended = new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code, signal) => {
            clearTimeout(timer);
            resolve({ code, signal, timedOut, out: child.outText(),
                err: child.errText(), ms: performance.now() - begin });
        });
    });
    return child;
}

/**
 * One clear message and the right exit status: with --quiet, standard error
 * is one line that matches every pattern. Returns that line.
 */
export function assertRefused(r, code, ...patterns) {
    const codes = Array.isArray(code) ? code : [code];
    assert.equal(r.timedOut ?? false, false, describe(r));
    assert.equal(r.signal, null, describe(r));
    assert.ok(codes.includes(r.code),
        `expected exit ${codes.join(' or ')}: ${describe(r)}`);
    const lines = r.err.split('\n').filter((line) => line.trim() !== '');
    assert.equal(lines.length, 1, `one line expected: ${describe(r)}`);
    for (const pattern of patterns) {
        if (pattern instanceof RegExp) assert.match(lines[0], pattern);
        else assert.ok(lines[0].includes(pattern),
            `${JSON.stringify(pattern)} is not in ${JSON.stringify(lines[0])}`);
    }
    return lines[0];
}

/** A store with these positions (objects or lines); returns its path. */
export function makeStore(folder, positions, name = 'store.db') {
    const store = path.join(folder, name);
    must(['init'], { store });
    if (positions.length > 0) load(store, positions);
    return store;
}

export function toLines(positions) {
    return positions.map((p) =>
        (typeof p === 'string' ? p : JSON.stringify(p)) + '\n').join('');
}

export function load(store, positions) {
    return must(['load', '-'], { store, input: toLines(positions) });
}

/** A copy of a store that nobody has open. */
export function copyStore(from, to) {
    for (const end of ['', '-wal']) {
        fs.rmSync(to + end, { force: true });
        if (fs.existsSync(from + end)) fs.copyFileSync(from + end, to + end);
    }
    fs.rmSync(to + '-shm', { force: true });
    return to;
}

export function removeStore(store) {
    const folder = path.dirname(store);
    for (const name of fs.readdirSync(folder)) {
        if (name.startsWith(path.basename(store))) {
            fs.rmSync(path.join(folder, name), { force: true });
        }
    }
}

/** The dump as the program prints it, or as an object. */
export function dumpText(store) {
    return must(['dump'], { store }).out;
}

export function dump(store) {
    return JSON.parse(dumpText(store));
}

/** The members of a dump that the application sees. */
export function live(d) {
    const { positions, events, models, id_sequences } = d;
    return { positions, events, models, id_sequences };
}

export function stats(store, migrations) {
    return parseStats(must(['stats', '--json'], { store, migrations }).out);
}

export function parseStats(text) {
    const object = JSON.parse(text);
    return object.stats ?? object;
}

/** How many positions `migrate` is done with: with a model migration to
 *  come they are only partially migrated. */
export function countMigrated(s) {
    return s.fully_migrated_positions + s.partially_migrated_positions;
}

/** Fails with the first difference between two dumps, not with all. */
export function assertSameDump(got, want, what) {
    if (got === want) return;
    const a = typeof got === 'string' ? JSON.parse(got) : got;
    const b = typeof want === 'string' ? JSON.parse(want) : want;
    const difference = firstDifference(a, b, '');
    if (difference) assert.fail(`${what}: ${difference}`);
    if (typeof got === 'string' && typeof want === 'string') {
        assert.fail(`${what}: same content, but not the same bytes`);
    }
}

export function firstDifference(a, b, where) {
    if (Object.is(a, b)) return null;
    const kind = (x) => x === null ? 'null'
        : Array.isArray(x) ? 'list' : typeof x;
    if (kind(a) !== kind(b) || (kind(a) !== 'list' && kind(a) !== 'object')) {
        const show = (x) => String(JSON.stringify(x)).slice(0, 300);
        return `${where || '.'}: ${show(a)} instead of ${show(b)}`;
    }
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    for (const key of keys) {
        const d = firstDifference(a[key], b[key], `${where}.${key}`);
        if (d) return d;
    }
    return null;
}

export function sha256(file) {
    return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

/** Runs SQL in the store with the sqlite3 command line. */
export function sql(store, text) {
    const r = spawnSync('sqlite3', ['-batch', '-bail', store], {
        input: text, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (r.error) throw r.error;
    assert.equal(r.status, 0, `sqlite3: ${r.stderr}`);
    return r.stdout;
}

export const hasSqlite3 = !spawnSync('sqlite3', ['--version']).error;
export const needsSqlite3 = hasSqlite3 ? {}
    : { skip: 'the sqlite3 command line is not installed' };

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `probe()` is truthy and returns what it gave. */
export async function waitFor(probe, what, ms = 20_000) {
    const end = performance.now() + ms;
    for (;;) {
        const got = await probe();
        if (got) return got;
        if (performance.now() > end) {
            assert.fail(`${what}: not within ${ms} ms`);
        }
        await sleep(10);
    }
}
