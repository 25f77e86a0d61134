// SPDX-License-Identifier: Apache-2.0
// What the tests on PostgreSQL share: databases of the server that
// dev/with_postgres.sh started, and psql.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';

/** The server's own database. */
export const base = process.env.GODWIT_TEST_PG_URI;
if (!base) {
    throw new Error('GODWIT_TEST_PG_URI is not set: run this by ' +
        'dev/with_postgres.sh node --test …');
}

let number = 0;

function uriOf(name) {
    return base.replace(/\/[^/?]+(\?|$)/, `/${name}$1`);
}

const options = ['-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1'];

/** Runs SQL and returns what it printed. */
export function sql(uri, text) {
    const r = spawnSync('psql', [...options, '-d', uri], {
        input: text, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (r.error) throw r.error;
    assert.equal(r.status, 0, `psql: ${r.stderr}`);
    return r.stdout;
}

/** The one JSON value that a query gives. */
export function json(uri, query) {
    return JSON.parse(sql(uri, `SELECT coalesce(json_agg(q), '[]') FROM (` +
        `${query}) AS q;`));
}

/** A new empty database that is gone when the test is over. */
export function makeDatabase(t) {
    const name = `godwit_test_${process.pid}_${++number}`;
    sql(base, `CREATE DATABASE ${name};`);
    t.after(() => sql(base, `DROP DATABASE ${name} WITH (FORCE);`));
    return uriOf(name);
}

/** A psql of its own that runs a script; the promise gives its output. */
export function session(uri, script) {
    return new Promise((resolve, reject) => {
        const child = spawn('psql', [...options, '-d', uri],
            { stdio: ['pipe', 'pipe', 'pipe'] });
        let out = '', err = '';
        child.stdout.on('data', (d) => { out += d; });
        child.stderr.on('data', (d) => { err += d; });
        child.on('error', reject);
        child.on('close', (code) => code === 0 ? resolve(out)
            : reject(new Error(`psql: ${err}`)));
        child.stdin.end(script);
    });
}
