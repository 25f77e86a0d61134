// SPDX-License-Identifier: Apache-2.0
// MigrationManager of the client library against a real server on a real
// store: failures, retries, timeouts, restarts, and a server that lies.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { dump, sql, stats, waitFor } from '../lib/godwit.mjs';
import { pretend, say } from '../lib/pretend.mjs';
import { serve } from '../lib/server.mjs';
import { SLOWLY, prepare, script, slowMigration } from '../lib/stores.mjs';
import { MigrationManager } from '../../web/godwit-client.js';

const SMALL = ['--batch', '512'];
const BROKEN = script('error("no such luck")');

/** A manager in a hurry; told has what its hooks got. */
function manage(server, options = {}) {
    const told = { retries: [], progress: [], health: [], outcome: null };
    const manager = new MigrationManager({ baseUrl: server.url,
        secret: server.secret, retryDelay: 10, healthCheckInterval: 20,
        checkInterval: 20, ...options, hooks: {
            onRetry: (retry) => told.retries.push(retry),
            onProgress: (status) => told.progress.push(status),
            onHealth: (isHealthy) => told.health.push(isHealthy),
            notify: (outcome) => { told.outcome = outcome; },
            ...options.hooks } });
    return { manager, told };
}

const commandsOf = async (server) =>
    (await server.ask({ path: '/migrate/history' })).json.runs
        .map((run) => `${run.command} ${run.result}`).reverse();

test('its defaults are those of the interface', () => {
    const manager = new MigrationManager();

    assert.equal(manager.maxRetries, 3);
    assert.equal(manager.retryDelay, 30_000);
    assert.equal(manager.healthCheckInterval, 10_000);
    assert.equal(manager.timeout, 30 * 60_000);
});

test('it migrates, verifies and finalizes, and tells', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    const called = [];
    const { manager, told } = manage(server, { hooks: {
        verify: (run) => called.push(`verify after ${run.command}`),
        configure: (run) => called.push(`configure after ${run.command}`),
    } });

    const outcome = await manager.manageMigration();

    assert.equal(outcome.success, true, outcome.error);
    assert.deepEqual(await commandsOf(server), ['migrate completed',
        'verify completed', 'finalize completed']);
    assert.deepEqual(called, ['verify after verify',
        'configure after finalize']);
    assert.deepEqual(told.outcome, outcome);
    assert.equal(outcome.step, 'finalize');
    assert.equal(outcome.tries, 1);
    assert.equal(outcome.run.command, 'finalize');
    assert.equal(outcome.stats.current_migration_index, 2);
    assert.ok(outcome.started <= outcome.ended);
    await server.stop();
    assert.equal(stats(p.store, p.migrations).status, 'no_migration_required');
    assert.equal(dump(p.store).models['a/1'].data.g, 0, 'the rename was done');
});

test('without a cutover the live data stay', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);

    const outcome = await manage(server, { finalize: false })
        .manager.manageMigration();

    assert.equal(outcome.success, true, outcome.error);
    assert.equal(outcome.stats.status, 'finalization_required');
    assert.deepEqual(await commandsOf(server), ['migrate completed',
        'verify completed']);
});

test('what fails is tried again, as often as allowed, no more', async (t) => {
    const server = await serve(t, slowMigration(t, 3, 'error("no such luck")'));
    const { manager, told } = manage(server, { maxRetries: 2 });

    const outcome = await manager.manageMigration();

    assert.equal(outcome.success, false);
    assert.match(outcome.error, /no such luck/);
    assert.equal(outcome.kind, 'migration');
    assert.deepEqual([outcome.step, outcome.tries], ['migrate', 3]);
    assert.deepEqual(told.retries.map((r) => r.tries), [1, 2]);
    assert.match(told.retries[0].error.message, /no such luck/);
    assert.deepEqual(await commandsOf(server), Array(3).fill('migrate failed'));
    assert.deepEqual(told.outcome, outcome, 'a failure is told too');
});

test('a failure that goes away is got over', async (t) => {
    const p = prepare(t, { files: { '0002_x.lua': BROKEN } });
    const server = await serve(t, p);
    const { manager, told } = manage(server, { hooks: { onRetry() {
        fs.writeFileSync(path.join(p.migrations, '0002_x.lua'), script(''));
    } } });

    const outcome = await manager.manageMigration();

    assert.equal(outcome.success, true, outcome.error);
    assert.deepEqual(await commandsOf(server), ['migrate failed',
        'migrate completed', 'verify completed', 'finalize completed']);
    assert.equal(told.outcome.tries, 1, 'counted for each step');
});

test('a hook that throws makes its step fail, and it alone', async (t) => {
    const server = await serve(t, prepare(t));
    let left = 1;
    const { manager } = manage(server, { hooks: {
        verify() { if (left-- > 0) throw new Error('not yet'); },
        configure() { throw new Error('never'); } }, maxRetries: 1 });

    const outcome = await manager.manageMigration();

    assert.deepEqual([outcome.success, outcome.error, outcome.kind],
        [false, 'never', 'hook']);
    assert.deepEqual(await commandsOf(server), ['migrate completed',
        'verify completed', 'verify completed',
        'finalize completed', 'finalize completed']);
});

test('a difference is not tried again and nothing is finalized', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    sql(p.store, `update models set data = '{"f": 77}' where fqid = 'a/2'`);
    const { manager, told } = manage(server);

    const outcome = await manager.manageMigration();

    assert.deepEqual([outcome.step, outcome.kind, outcome.tries],
        ['verify', 'different', 1], outcome.error);
    assert.match(outcome.error, /differences/);
    assert.deepEqual(told.retries, []);
    assert.deepEqual(await commandsOf(server), ['migrate completed',
        'verify failed']);
});

test('after its time a run is cancelled; what is done is kept', async (t) => {
    const p = slowMigration(t, 3000, SLOWLY);
    const server = await serve(t, { ...p, args: SMALL });
    const { manager } = manage(server);

    await assert.rejects(manager.runMigrationWithMonitoring(400),
        { kind: 'timeout' });

    assert.deepEqual(await commandsOf(server), ['migrate cancelled']);
    assert.equal((await server.result()).status, 'failed');
    await manager.runMigrationWithMonitoring();
    assert.deepEqual(await commandsOf(server), ['migrate cancelled',
        'migrate completed']);
});

test('a run under way is watched, another command is waited for',
    async (t) => {
        const server = await serve(t, { ...slowMigration(t, 800),
            args: SMALL });
        await server.post('migrate');
        const { manager, told } = manage(server);

        const outcome = await manager.manageMigration();

        assert.equal(outcome.success, true, outcome.error);
        assert.equal((await commandsOf(server))[0], 'migrate completed');
        assert.equal((await commandsOf(server)).length, 3);
        assert.equal(told.progress[0].status, 'running');
    });

test('another command that runs is waited for', async (t) => {
    const server = await serve(t, { ...slowMigration(t, 600), args: SMALL });
    await server.post('finalize');

    const outcome = await manage(server).manager.manageMigration();

    assert.equal(outcome.success, true, outcome.error);
    assert.deepEqual(await commandsOf(server), ['finalize completed',
        'migrate completed', 'verify completed', 'finalize completed']);
});

test('a kill and a restart of the server are got over', async (t) => {
    const p = slowMigration(t, 1500);
    const first = await serve(t, { ...p, args: SMALL });
    const { manager, told } = manage(first);
    const end = manager.manageMigration();
    await waitFor(() => told.progress.length, 'it runs');

    await first.stop('SIGKILL');
    await waitFor(() => told.health.includes(false), 'the loss is told');
    const second = await serve(t, { ...p, args: SMALL,
        listen: `127.0.0.1:${first.port}` });
    const outcome = await end;

    assert.equal(outcome.success, true, outcome.error);
    assert.deepEqual(await commandsOf(second), ['migrate interrupted',
        'migrate completed', 'verify completed', 'finalize completed']);
    assert.match(told.retries[0].error.message, /interrupted by a restart/);
    assert.deepEqual(told.health, [false, true]);
});

test('a wrong secret ends it at once', async (t) => {
    const server = await serve(t, prepare(t));
    const { manager, told } = manage({ url: server.url, secret: 'x' });

    const outcome = await manager.manageMigration();

    assert.deepEqual([outcome.success, outcome.kind, outcome.tries],
        [false, 'refused', 1]);
    assert.deepEqual(told.retries, []);
});

test('a server of another kind ends it at once', async (t) => {
    const { url } = await pretend(t, (_, response) => say(response, 404, {}));

    const outcome = await manage({ url, secret: 'x' })
        .manager.manageMigration();

    assert.deepEqual([outcome.success, outcome.kind], [false, 'refused']);
});

test('a server that does not come takes its time and its tries', async (t) => {
    const { url } = await pretend(t, (_, response) => say(response, 503, {}));

    const outcome = await manage({ url, secret: 'x' }, { timeout: 60,
        maxRetries: 1 }).manager.manageMigration();

    assert.deepEqual([outcome.success, outcome.kind, outcome.tries],
        [false, 'timeout', 2]);
});

test('stop ends the managing, not the run', async (t) => {
    const server = await serve(t, { ...slowMigration(t, 1000), args: SMALL });
    const { manager, told } = manage(server);
    const end = manager.manageMigration();
    await waitFor(() => told.progress.length, 'it runs');

    manager.stop();
    const outcome = await end;

    assert.deepEqual([outcome.success, outcome.kind], [false, 'stopped']);
    assert.equal((await server.result()).status, 'running');
});

test('a notify that throws is reported and changes nothing', async (t) => {
    const server = await serve(t, prepare(t));
    const complaints = [];
    t.mock.method(console, 'error', (e) => complaints.push(e.message));

    const outcome = await manage(server, { hooks: {
        notify() { throw new Error('no mail today'); } } })
        .manager.manageMigration();

    assert.equal(outcome.success, true);
    assert.deepEqual(complaints, ['no mail today']);
});
