// SPDX-License-Identifier: Apache-2.0
// MigrationMonitor of the client library, against a real server on a real
// store, and against one that says what a test wants.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';

import { waitFor } from '../lib/godwit.mjs';
import { pretend, say } from '../lib/pretend.mjs';
import { serve } from '../lib/server.mjs';
import { SLOWLY, slowMigration } from '../lib/stores.mjs';
import { GodwitError, GodwitServer, MigrationMonitor }
    from '../../web/godwit-client.js';

const SMALL = ['--batch', '512'];
const result = (status, more = {}) =>
    ({ status, step: 'migrate', last_err: null, try_count: 1, ...more });

/** A monitor and what it told, in order. */
function watch(url, interval = 10, options = {}) {
    const told = [];
    const monitor = new MigrationMonitor(interval, { baseUrl: url, ...options });
    monitor.onProgress((s) => told.push(['progress', s]))
        .onComplete((s) => told.push(['complete', s]))
        .onError((s) => told.push(['error', s]))
        .onNetworkError((e) => told.push(['network', e?.message ?? null]));
    return { monitor, told };
}

/** A server that gives one answer after the other, the last one for ever:
 *  a result, a status, or a function of request and response. */
function answering(t, answers, options) {
    let n = 0;
    return pretend(t, (request, response) => {
        const answer = answers[Math.min(n++, answers.length - 1)];
        if (typeof answer === 'function') answer(request, response);
        else if (typeof answer !== 'number') say(response, 200, answer);
        else say(response, answer, { success: false, message: 'so it is' });
    }, options);
}

test('its defaults are those of the interface', () => {
    const monitor = new MigrationMonitor();

    assert.equal(monitor.checkInterval, 5000);
    assert.equal(monitor.isMonitoring, false);
    assert.equal(monitor.lastStatus, null);
});

test('only changes are told, until the end', async (t) => {
    const said = [result('running'), result('running'),
        result('running', { last_err: 'no such luck', try_count: 2 }),
        result('running', { last_err: 'no such luck', try_count: 2 }),
        result('running', { step: 'finalize' }),
        result('completed', { step: 'finalize' })];
    const { url, asked } = await answering(t, said);
    const { monitor, told } = watch(url);

    const last = await monitor.startMonitoring();

    assert.deepEqual(told, [['progress', said[0]], ['progress', said[2]],
        ['progress', said[4]], ['complete', said[5]]]);
    assert.deepEqual(last, said[5]);
    assert.equal(monitor.isMonitoring, false);
    assert.equal(asked.length, 6);
});

test('it stops at completed, migrated and failed', async (t) => {
    for (const [status, kind] of [['completed', 'complete'],
        ['migrated', 'complete'], ['failed', 'error']]) {
        const { url, asked } = await answering(t, [result(status)]);
        const { monitor, told } = watch(url);

        assert.equal((await monitor.startMonitoring()).status, status);
        assert.deepEqual(told.map(([k]) => k), [kind]);
        assert.equal(asked.length, 1);
    }
});

test('a change is any of its four members', () => {
    const monitor = new MigrationMonitor();
    assert.equal(monitor.handleStatusUpdate(result('running')), true);

    assert.equal(monitor.hasStatusChanged(result('running')), false);
    for (const other of [result('failed'), result('running', { step: 'x' }),
        result('running', { last_err: 'x' }),
        result('running', { last_err: {} }),
        result('running', { try_count: 2 })]) {
        assert.equal(monitor.hasStatusChanged(other), true);
    }
    assert.equal(monitor.handleStatusUpdate(result('running')), false);
});

test('it goes on through everything that is no answer', async (t) => {
    const cut = (request, response) => {
        response.writeHead(200, { 'Content-Length': 100 });
        response.write('{"status":');
        setTimeout(() => request.socket.destroy(), 5);
    };
    const silence = () => {};
    const { url } = await answering(t, [503, result('running'), 500, cut,
        (_, response) => response.end('<html>'),
        (_, response) => response.end('null'),
        (_, response) => response.end('{"status":7}'),
        silence, 401, 429, result('completed')]);
    const { monitor, told } = watch(url, 1, { requestTimeout: 100 });

    await monitor.startMonitoring();

    assert.deepEqual(told.map(([kind]) => kind), ['network', 'network',
        'progress', 'network', 'network', 'complete']);
    assert.equal(told[0][1], 'so it is');
    assert.equal(told[1][1], null, 'it is back');
});

test('a server that is not there yet is waited for', async (t) => {
    const gone = await answering(t, [503]);
    gone.server.closeAllConnections();
    gone.server.close();
    await once(gone.server, 'close');
    const { monitor, told } = watch(gone.url);
    const end = monitor.startMonitoring();
    await waitFor(() => told.length, 'it tells');
    assert.match(told[0][1], /does not answer/);
    assert.ok(monitor.networkError instanceof GodwitError);
    assert.equal(monitor.networkError.kind, 'network');

    await answering(t, [result('completed')], { port: gone.port });

    assert.equal((await end).status, 'completed');
    assert.equal(monitor.networkError, null);
});

test('waits grow while the server is away', async (t) => {
    const times = [];
    const { url } = await answering(t, [(_, response) => {
        times.push(performance.now());
        if (times.length > 6) say(response, 200, result('completed'));
        else say(response, 503, {});
    }]);

    await watch(url, 20).monitor.startMonitoring();

    const gaps = times.slice(1).map((at, i) => at - times[i]);
    assert.ok(gaps[5] > 4 * gaps[0], `${gaps}`);
});

test('stopMonitoring ends a wait and a request at once', async (t) => {
    const { url, asked } = await answering(t, [result('running'), () => {}]);
    const waiting = watch(url, 3600_000);
    const first = waiting.monitor.startMonitoring();
    await waitFor(() => waiting.told.length, 'it waits');
    waiting.monitor.stopMonitoring();
    assert.equal((await first).status, 'running');

    const asking = watch(url, 10);
    const second = asking.monitor.startMonitoring();
    await waitFor(() => asked.length === 2, 'it asks');
    asking.monitor.stopMonitoring();
    assert.equal(await second, null);
    assert.deepEqual(asking.told, [], 'nothing is told after it');
});

test('started twice it watches once; started again it tells again',
    async (t) => {
        const { url, asked } = await answering(t, [result('running')]);
        const { monitor, told } = watch(url, 3600_000);
        const first = monitor.startMonitoring();
        assert.equal(monitor.startMonitoring(), first);
        await waitFor(() => told.length, 'it tells');
        monitor.stopMonitoring();

        const again = monitor.startMonitoring();
        await waitFor(() => told.length === 2, 'it tells again');
        monitor.stopMonitoring();
        await Promise.all([first, again]);

        assert.equal(asked.length, 2);
    });

test('delay waits, and is not cut when nothing is watched', async () => {
    const monitor = new MigrationMonitor();
    const begin = performance.now();

    await monitor.delay(30);

    assert.ok(performance.now() - begin >= 29);
});

test('an error of a callback ends nothing', async (t) => {
    const { url } = await answering(t, [result('running'),
        result('completed')]);
    const { monitor, told } = watch(url);
    const complaints = [];
    t.mock.method(console, 'error', (e) => complaints.push(e.message));
    monitor.onProgress(() => { throw new Error('thrown'); });
    monitor.onComplete(async () => { throw new Error('rejected'); });

    await monitor.startMonitoring();
    await waitFor(() => complaints.length === 2, 'both are reported');

    assert.deepEqual(complaints, ['thrown', 'rejected']);
    assert.equal(told.length, 2);
});

test('the secret goes along and nowhere else', async (t) => {
    const { url, asked } = await answering(t, [401]);
    const server = new GodwitServer({ baseUrl: `${url}//`, secret: 'hush' });

    const error = await server.command('migrate').catch((e) => e);

    assert.equal(asked[0].headers.authorization, 'Bearer hush');
    assert.equal(asked[0].url, '/internal/migrations/');
    assert.equal(asked[0].body, '{"cmd":"migrate"}');
    assert.deepEqual([error.kind, error.status], ['refused', 401]);
    assert.ok(!JSON.stringify(error).includes('hush'));
});

test('a real run is watched from its start to its end', async (t) => {
    const server = await serve(t, { ...slowMigration(t, 600), args: SMALL });
    await server.post('migrate');
    const { monitor, told } = watch(server.url);

    const last = await monitor.startMonitoring();

    assert.deepEqual(told.map(([kind]) => kind), ['progress', 'complete']);
    assert.deepEqual(last, { status: 'completed', step: 'migrate',
        last_err: null, try_count: 1 });
    assert.deepEqual(last, await server.result());
});

test('a real failure comes with its text', async (t) => {
    const server = await serve(t, slowMigration(t, 3, 'error("no such luck")'));
    await server.post('migrate');
    const { monitor, told } = watch(server.url);

    await monitor.startMonitoring();

    assert.equal(told.at(-1)[0], 'error');
    assert.match(told.at(-1)[1].last_err, /no such luck/);
});

test('a real run is watched over a kill of the server', async (t) => {
    const p = slowMigration(t, 1500, SLOWLY);
    const first = await serve(t, { ...p, args: SMALL });
    await first.post('migrate');
    const { monitor, told } = watch(first.url);
    const end = monitor.startMonitoring();
    await waitFor(() => told.length, 'it watches');

    await first.stop('SIGKILL');
    await waitFor(() => told.at(-1)[0] === 'network', 'the loss is told');
    const second = await serve(t, { ...p, args: SMALL,
        listen: `127.0.0.1:${first.port}` });
    const last = await end;

    assert.equal(last.status, 'failed');
    assert.match(last.last_err, /interrupted by a restart/);
    assert.deepEqual(told.map(([kind]) => kind),
        ['progress', 'network', 'network', 'error']);
    await second.post('migrate');
    assert.equal((await monitor.startMonitoring()).status, 'completed');
    assert.equal(monitor.lastStatus.try_count, 2);
});

test('a protected status needs the secret', async (t) => {
    const server = await serve(t, { ...slowMigration(t, 3),
        args: ['--protect-status'] });
    const without = new GodwitServer({ baseUrl: server.url });
    const knowing = new GodwitServer({ baseUrl: server.url,
        secret: server.secret });

    await assert.rejects(without.result(), { kind: 'refused', status: 401 });
    assert.equal((await knowing.result()).status, 'completed');
    assert.equal(await without.isReady(), true);
});
