// SPDX-License-Identifier: Apache-2.0
// MigrationDashboard of the client library without a page.
import assert from 'node:assert/strict';
import test from 'node:test';

import { waitFor } from '../lib/godwit.mjs';
import { pretend, say } from '../lib/pretend.mjs';
import { serve } from '../lib/server.mjs';
import { slowMigration } from '../lib/stores.mjs';
import { MigrationDashboard } from '../../web/godwit-client.js';

function show(url) {
    const notices = [];
    const dashboard = new MigrationDashboard({ baseUrl: url,
        checkInterval: 10, onNotification: (message, type) =>
            notices.push([type, message]) });
    return { dashboard, notices };
}

test('progress is that of the five steps of an import', () => {
    const { dashboard } = show('');

    assert.deepEqual(['user', 'channel', 'message', 'conversation', 'cleanup']
        .map((step) => dashboard.calculateProgress(step)),
    [0, 20, 40, 60, 80]);
    assert.equal(dashboard.calculateProgress(
        { status: 'completed', step: 'cleanup' }), 100);
    assert.equal(dashboard.calculateProgress(
        { status: 'migrated', step: 'cleanup' }), 100);
    assert.equal(dashboard.calculateProgress(
        { status: 'failed', step: 'message' }), 40);
    assert.equal(dashboard.calculateProgress('nothing of ours'), 0);
    assert.equal(dashboard.calculateProgress(), 0);
});

test('a real migration is shown from start to end', async (t) => {
    const server = await serve(t, { ...slowMigration(t, 600),
        args: ['--batch', '512'] });
    await server.post('migrate');
    const { dashboard, notices } = show(server.url);

    await dashboard.startDashboard();

    assert.equal(dashboard.status.status, 'completed');
    assert.equal(dashboard.calculateProgress(), 100);
    assert.deepEqual(notices,
        [['success', 'The migration has ended well']]);
    const log = JSON.parse(await dashboard.exportLogs());
    assert.deepEqual(log.logs.map((entry) => entry.type),
        ['running', 'completed', 'success']);
    assert.equal(log.history[0].command, 'migrate');
    assert.equal(log.percent, 100);
});

test('a real failure is shown with its text', async (t) => {
    const server = await serve(t, slowMigration(t, 3, 'error("no such luck")'));
    await server.post('migrate');
    const { dashboard, notices } = show(server.url);

    await dashboard.startDashboard();

    assert.equal(notices.at(-1)[0], 'error');
    assert.match(notices.at(-1)[1], /no such luck/);
});

test('positions give the percentage of a migration', async (t) => {
    const { url } = await pretend(t, (request, response) => say(response, 200,
        request.url === '/migrate/progress'
            ? { positions_done: 30, positions_total: 90 }
            : { status: 'running', step: 'migrate', last_err: null,
                try_count: 1 }));
    const { dashboard } = show(url);

    await dashboard.refreshStatus();

    assert.equal(dashboard.calculateProgress(), 33);
});

test('losing the server is told once, and the log stays small', async (t) => {
    let isAway = true;
    const { url } = await pretend(t, (_, response) => isAway
        ? response.destroy() : say(response, 200, { status: 'completed',
            step: '', last_err: null, try_count: 0 }));
    const { dashboard, notices } = show(url);

    const end = dashboard.startMonitoring();
    await waitFor(() => notices.length, 'it tells');
    isAway = false;
    await end;
    for (let i = 0; i < 1100; i++) dashboard.showNotification(`${i}`);

    assert.deepEqual(notices.slice(0, 3).map(([type]) => type),
        ['warning', 'info', 'success']);
    assert.equal(dashboard.logs.length, 1000);
    assert.equal(dashboard.logs.at(-1).message, '1099');
});

test('stopMonitoring ends startDashboard', async (t) => {
    const { url } = await pretend(t, (_, response) => say(response, 200,
        { status: 'running', step: 'user', last_err: null, try_count: 1 }));
    const { dashboard } = show(url);
    const end = dashboard.startDashboard();
    await waitFor(() => dashboard.monitor.lastStatus, 'it watches');

    dashboard.stopMonitoring();

    assert.equal((await end).step, 'user');
});
