// SPDX-License-Identifier: Apache-2.0
// `godwit manage` through a server that others command too: a run of theirs
// is never taken for one of ours.
import assert from 'node:assert/strict';
import test from 'node:test';

import { start } from '../lib/godwit.mjs';
import { QUICK } from '../lib/manage.mjs';
import { pretend, say } from '../lib/pretend.mjs';

/** A server as far as manage sees one. `obey(cmd, server)` adds to
 *  server.runs what became of a command. Returns it with `commands`. */
async function double(t, obey) {
    const server = { runs: [], commands: [], manager: null };
    server.add = (command, result, more = {}) => server.runs.push({
        run: server.runs.length + 1, command, result, error: null, code: null,
        ...more });
    const routes = {
        'GET /migrate/history?limit=1': () =>
            ({ runs: server.runs.slice(-1) }),
        'GET /internal/manager': () => ({ manager: server.manager }),
        'POST /internal/manager': (body) => {
            server.manager = JSON.parse(body);
            return { success: true };
        },
        'POST /internal/migrations/': (body) => {
            const { cmd } = JSON.parse(body);
            server.commands.push(cmd);
            obey(cmd, server);
            return { success: true };
        },
    };
    const { url } = await pretend(t, (request, response, body) => {
        const route = routes[`${request.method} ${request.url}`];
        say(response, route ? 200 : 404, route ? route(body) : {});
    });
    server.manage = (...args) => start(['manage', url, ...QUICK, ...args]);
    return server;
}

const DIFFERENT = { error: '1 difference', code: 'different' };

test('what another command ended with is not the result of verify',
    async (t) => {
        const server = await double(t, (cmd, s) => {
            const isFirst = s.commands.filter((c) => c === cmd).length === 1;
            if (cmd !== 'verify') return s.add(cmd, 'completed');
            s.add(cmd, 'failed', DIFFERENT);
            if (isFirst) s.add('migrate', 'completed');
        });

        const r = await server.manage().ended;

        assert.equal(r.code, 4, r.err);
        assert.match(r.err, /another command came after verify.*trying again/);
        assert.deepEqual(server.commands, ['migrate', 'verify', 'verify']);
    });

test('a later run of the same command is not ours either', async (t) => {
    const server = await double(t, (cmd, s) => {
        if (cmd !== 'verify') return s.add(cmd, 'completed');
        s.add(cmd, 'failed', DIFFERENT);
        s.add(cmd, 'completed');
    });

    const r = await server.manage('--max-retries', '1').ended;

    assert.equal(r.code, 1, r.err);
    assert.ok(!server.commands.includes('finalize'));
});

test('when the time is over, nobody else\'s run is cancelled', async (t) => {
    const before = await double(t, () => {});
    before.add('import', 'running');
    const late = await before.manage('--timeout', '300ms').ended;
    assert.equal(late.code, 1, late.err);
    assert.deepEqual(before.commands, []);

    const after = await double(t, (cmd, s) => {
        s.add(cmd, 'running');
        setTimeout(() => s.add('import', 'running'), 500);
    });
    const r = await after.manage('--timeout', '1s', '--interval', '1200ms')
        .ended;
    assert.equal(r.code, 1, r.err);
    assert.deepEqual(after.commands, ['migrate']);
});

test('what an operator cancels is not begun again', async (t) => {
    const server = await double(t, (cmd, s) => s.add(cmd, 'cancelled',
        { error: 'stopped on request', code: 'interrupted' }));

    const r = await server.manage().ended;

    assert.equal(r.code, 130, r.err);
    assert.match(r.err, /migrate was cancelled on the server/);
    assert.deepEqual(server.commands, ['migrate']);
    assert.equal(server.manager.state, 'failed');
    assert.equal(server.manager.code, 'interrupted');
});

test('what a restart of the server ended is begun again', async (t) => {
    const server = await double(t, (cmd, s) => s.commands.length === 1
        ? s.add(cmd, 'interrupted', { error: 'a restart',
            code: 'interrupted' })
        : s.add(cmd, 'completed'));

    const r = await server.manage().ended;

    assert.equal(r.code, 0, r.err);
    assert.deepEqual(server.commands,
        ['migrate', 'migrate', 'verify', 'finalize']);
});
