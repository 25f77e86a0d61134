// SPDX-License-Identifier: Apache-2.0
// What `godwit serve` tells systemd, over the socket that systemd would give.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { repo, waitFor } from '../lib/godwit.mjs';
import { serve } from '../lib/server.mjs';
import { prepare, slowMigration } from '../lib/stores.mjs';

/** Node has no datagrams over unix sockets. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().strip(), flush=True)
`;

async function listen(t, folder) {
    const name = path.join(folder, 'notify');
    const child = spawn('python3', ['-c', RECEIVER, name],
        { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    let text = '';
    child.stdout.on('data', (piece) => { text += piece; });
    await once(child.stdout, 'data');
    return { name, lines: () => text.trimEnd().split('\n').slice(1) };
}

test('a start, the work, signs of life, and the end', async (t) => {
    const p = slowMigration(t, 1000);
    const systemd = await listen(t, p.folder);
    const server = await serve(t, { ...p, args: ['--batch', '512'],
        env: { NOTIFY_SOCKET: systemd.name, WATCHDOG_USEC: '600000' } });

    await waitFor(() => systemd.lines().includes('READY=1'), 'it is ready');
    await waitFor(() => systemd.lines()
        .includes('STATUS=migration_required'), 'its state is told');
    await server.post('migrate');
    await waitFor(() => systemd.lines().includes('STATUS=migrate'),
        'the phase is told');
    await waitFor(() => systemd.lines()
        .filter((l) => l === 'WATCHDOG=1').length > 3, 'it lives');
    assert.equal((await server.stop()).code, 0);
    await waitFor(() => systemd.lines().includes('STOPPING=1'), 'the end');
    assert.equal(systemd.lines().filter((l) => l === 'READY=1').length, 1);
    assert.equal(systemd.lines().at(-1), 'STOPPING=1');
});

test('a server that hangs gives no sign of life', async (t) => {
    const p = prepare(t);
    const systemd = await listen(t, p.folder);
    const server = await serve(t, { ...p,
        env: { NOTIFY_SOCKET: systemd.name, WATCHDOG_USEC: '300000' } });
    const signs = () => systemd.lines().filter((l) => l === 'WATCHDOG=1');
    await waitFor(() => signs().length > 1, 'it lives');

    server.child.kill('SIGSTOP');
    const { length } = signs();
    await new Promise((resolve) => setTimeout(resolve, 700));

    assert.ok(signs().length <= length + 1);
    server.child.kill('SIGCONT');
    await waitFor(() => signs().length > length + 2, 'it lives again');
});

test('without systemd nobody is told', async (t) => {
    const server = await serve(t, { ...prepare(t),
        env: { NOTIFY_SOCKET: '/nowhere/at/all' } });
    assert.match(server.child.errText(), /systemd cannot be told/);
    const { code, err } = await server.stop();
    assert.equal(code, 0);
    for (const line of err.trimEnd().split('\n')) {
        assert.match(line, /^ts=\S+ level=\w+ msg=/, 'every line is logfmt');
    }
});

test('the unit says what the program does', () => {
    const unit = fs.readFileSync(
        path.join(repo, 'packaging', 'godwit.service'), 'utf8');
    assert.match(unit, /^Type=notify$/m);
    assert.match(unit, /^WatchdogSec=\d+$/m);
    assert.match(unit, /^ExecStart=\/usr\/bin\/godwit serve /m);
    assert.match(unit, /^StateDirectory=godwit$/m);
});
