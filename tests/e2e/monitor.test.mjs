// SPDX-License-Identifier: Apache-2.0
// `godwit monitor` against a server that says what a test wants, and against
// the real one, which is killed and started again.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, binary, cleanEnvironment, makeFolder, run, start,
    waitFor } from '../lib/godwit.mjs';
import { pretend, say } from '../lib/pretend.mjs';
import { serve } from '../lib/server.mjs';
import { slowMigration } from '../lib/stores.mjs';

const result = (status, more = {}) =>
    ({ status, step: 'migrate', last_err: null, try_count: 1, ...more });

/** A server that gives one answer after the other, the last one for ever:
 *  a result, a number (status), or a function of request and response. */
async function answering(t, answers, { history, ...options } = {}) {
    let n = 0;
    return pretend(t, (request, response) => {
        if (request.url.startsWith('/migrate/history')) {
            say(response, history ? 200 : 404, history ?? {});
            return;
        }
        if (request.url === '/migrate/result') n++;
        const answer = answers[Math.min(n, answers.length) - 1];
        if (typeof answer === 'function') answer(request, response);
        else if (typeof answer !== 'number') say(response, 200, answer);
        else say(response, answer, { success: false, message: 'so it is' });
    }, options);
}

const monitor = (url, ...args) =>
    start(['monitor', url, '--interval', '20ms', ...args], {});

function lines(r) {
    return r.out.trimEnd().split('\n').filter(Boolean).map((line) => {
        const { ts, ...rest } = JSON.parse(line);
        assert.match(ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        return rest;
    });
}

test('only changes are printed, as JSON lines, until the end', async (t) => {
    const said = [result('running'), result('running'),
        result('running', { last_err: 'no such luck', try_count: 2 }),
        result('running', { last_err: 'no such luck', try_count: 2 }),
        result('running', { step: 'finalize' }),
        result('completed', { step: 'finalize' })];
    const { url, asked } = await answering(t, said);

    const r = await monitor(url).ended;

    assert.equal(r.code, 0, r.err);
    assert.deepEqual(lines(r), [said[0], said[2], said[4], said[5]]);
    assert.equal(asked.length, 6);
    assert.equal(r.err, '');
});

test('the exit status tells how it ended', async (t) => {
    const failed = result('failed', { last_err: 'no such luck' });
    const last = (code) => ({ next: null, runs: [{ run: 3,
        command: 'migrate', result: 'failed', error: 'no such luck', code }] });
    for (const [answer, code, history] of [
        [result('completed'), 0], [result('migrated'), 0],
        [{ status: 'completed', step: '', last_err: null, try_count: 0 }, 0],
        [failed, 1], [failed, 1, last('migration')], [failed, 3, last('store')],
        [failed, 4, last('different')], [failed, 1, last('interrupted')],
        [failed, 1, { runs: 7 }], [result('failed', { last_err: {} }), 1],
    ]) {
        const { url } = await answering(t, [answer], { history });
        const r = await monitor(url).ended;
        assert.equal(r.code, code, JSON.stringify({ answer, history, r }));
        assert.equal(lines(r).length, 1);
    }
});

test('errors of the way are survived, and told once', async (t) => {
    const cut = (request, response) => {
        response.writeHead(200, { 'Content-Length': 100 });
        response.write('{"status":');
        setTimeout(() => request.socket.destroy(), 5);
    };
    const rubbish = (_, response) => response.end('<html>');
    const other = (_, response) => response.end('{"status":7}');
    const { url } = await answering(t, [503, result('running'), 500, cut,
        rubbish, other, 429, result('completed')]);

    const r = await monitor(url).ended;

    assert.equal(r.code, 0, r.err);
    assert.deepEqual(lines(r).map((l) => l.status), ['running', 'completed']);
    assert.equal(r.err.match(/trying again/g).length, 2, r.err);
    assert.equal(r.err.match(/answers again/g).length, 2, r.err);
    assert.match(r.err, /answers 503: so it is/);
});

test('a server that is not there yet is waited for', async (t) => {
    const first = await answering(t, [result('running')]);
    const { port, url } = first;
    first.server.closeAllConnections();
    first.server.close();
    await once(first.server, 'close');
    const child = monitor(url);
    await waitFor(() => /trying again/.test(child.errText()), 'it tries');

    await answering(t, [result('completed')], { port });

    assert.equal((await child.ended).code, 0);
});

test('waits grow while the server is away', async (t) => {
    const times = [];
    const { url } = await answering(t, [(_, response) => {
        times.push(performance.now());
        response.writeHead(times.length > 6 ? 404 : 503);
        response.end();
    }]);

    const r = await monitor(url).ended;

    assert.equal(r.code, 2, r.err);
    const gaps = times.slice(1).map((at, i) => at - times[i]);
    assert.ok(gaps[5] > 4 * gaps[0], `${gaps}`);
});

test('a refusal ends it with what to do', async (t) => {
    for (const [status, pattern] of [[401, /--auth-password-file/],
        [403, /403/], [404, /404/], [302, /302/]]) {
        const { url } = await answering(t, [status]);
        const r = await monitor(url).ended;
        assertRefused(r, 2, pattern);
    }
});

test('the secret comes from a file and shows nowhere', async (t) => {
    const folder = makeFolder(t);
    const file = path.join(folder, 'secret');
    fs.writeFileSync(file, 'open sesame\n');
    const { url, asked } = await answering(t, [result('completed')]);

    const r = await monitor(url, '--auth-password-file', file, '--verbose')
        .ended;

    assert.equal(r.code, 0, r.err);
    assert.equal(asked[0].headers.authorization, 'Bearer open sesame');
    assert.ok(!(r.out + r.err).includes('sesame'));
    assert.equal(run(['monitor', url, '--auth-password-file',
        path.join(folder, 'none')]).code, 2);
    assertRefused(run(['monitor', 'http://db.example', '--quiet',
        '--auth-password-file', file]), 2, /in the open/);
    assertRefused(run(['monitor', 'http://u:hunter2@localhost', '--quiet']), 2,
        /no credentials/);
});

test('an interrupt ends the watching, not the run', async (t) => {
    const { url } = await answering(t, [result('running')]);
    const child = monitor(url, '--interval', '1h');
    await waitFor(() => child.outText(), 'the first line');

    child.kill('SIGINT');
    const r = await child.ended;

    assert.equal(r.code, 130);
    assert.match(r.err, /goes on/);
});

test('a server that hangs is left at once on a signal', async (t) => {
    const { url, asked } = await answering(t, [() => {}]);
    const child = monitor(url);
    await waitFor(() => asked.length, 'it asks');

    child.kill('SIGTERM');

    assert.equal((await child.ended).code, 130);
});

test('a terminal gets text and a bar', async (t) => {
    const { url, server } = await answering(t, [result('running'),
        result('running'), result('completed')]);
    server.prependListener('request', (request, response) => {
        if (request.url !== '/migrate/progress') return;
        response.end(JSON.stringify({ phase: 'migrate', positions_done: 30,
            positions_total: 100, events_done: 60, events_per_second: 20,
            seconds_left: 7, lag_positions: 0 }));
        response.end = response.writeHead = () => response;
    });
    const log = path.join(makeFolder(t), 'typescript');
    const child = spawn('script', ['-qec',
        `'${binary}' monitor ${url} --interval 20ms`, log], {
        env: cleanEnvironment({ TERM: 'xterm', SHELL: '/bin/sh' }),
        stdio: ['ignore', 'pipe', 'pipe'] });
    const [code] = await once(child, 'close');

    const text = fs.readFileSync(log, 'utf8');
    assert.equal(code, 0, text);
    assert.match(text, /Z running: migrate\r?\n/);
    assert.match(text, /Z completed: migrate\r?\n/);
    assert.match(text, /\rmigrate \[=+>.*30\.0 %  30\/100 positions/);
    assert.ok(!text.includes('{"ts"'));
});

test('a real run is watched over a kill of the server', async (t) => {
    const p = slowMigration(t, 1500);
    const args = ['--batch', '512'];
    const first = await serve(t, { ...p, args });
    await first.post('migrate');
    const child = monitor(first.url);
    await waitFor(() => child.outText().includes('running'), 'it watches');

    await first.stop('SIGKILL');
    await waitFor(() => child.errText().includes('trying again'), 'noticed');
    const second = await serve(t, { ...p, args,
        listen: `127.0.0.1:${first.port}` });
    await second.post('migrate');
    const r = await child.ended;

    assert.equal(r.code, 0, r.err);
    const seen = lines(r).map((l) => l.status);
    assert.equal(seen[0], 'running');
    assert.equal(seen.at(-1), 'completed');
    assert.equal(lines(r).at(-1).try_count, 2);
    assert.match(r.err, /answers again/);
});

test('a failed real run gives its message and status 1', async (t) => {
    const p = slowMigration(t, 3, 'error("no such luck")');
    const server = await serve(t, p);
    await server.post('migrate');

    const r = await monitor(server.url).ended;

    assert.equal(r.code, 1);
    assert.match(r.err, /^godwit: migrate failed: .*no such luck/m);
    assert.equal(lines(r).at(-1).status, 'failed');
});
