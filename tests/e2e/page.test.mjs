// SPDX-License-Identifier: Apache-2.0
// What the page tells before its scripts run, and without them: the same as
// they will.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';

import { waitFor } from '../lib/godwit.mjs';
import { serve } from '../lib/server.mjs';
import { prepare, slowMigration } from '../lib/stores.mjs';

/** What the page has at an id, and an attribute of that element. */
async function pageOf(server) {
    const { text } = await server.ask({ path: '/' });
    const textOf = (id) => new RegExp(`id="${id}"[^>]*>([^<]*)<`)
        .exec(text)[1];
    return { text, textOf, tone: /<body data-tone="(\w+)"/.exec(text)[1],
        ready: /id="ready" data-ok="(\w+)"/.exec(text)[1],
        title: /<title>(.*) · godwit</.exec(text)[1] };
}

test('the page says what its scripts will say', async (t) => {
    const p = slowMigration(t, 3000);
    const server = await serve(t, { ...p, args: ['--batch', '512'] });
    await waitFor(async () => (await server.ask(
        { path: '/migrate/checks' })).json.looked_at, 'it is looked at');
    const before = await pageOf(server);
    assert.equal(before.textOf('state-detail'),
        '1 migration pending, 3,000 positions to migrate');
    assert.deepEqual([before.tone, before.ready], ['calm', 'false']);

    await server.post('migrate');
    await server.post('pause');
    const paused = await pageOf(server);
    await server.post('resume');
    await server.untilEnded();
    await server.post('finalize');
    await server.untilEnded();
    const after = await pageOf(server);

    assert.equal(paused.title, 'Paused');
    assert.equal(paused.textOf('state'), 'Paused');
    assert.equal(paused.textOf('state-detail'),
        'migrate waits; resume goes on');
    assert.equal(paused.textOf('run-line'), 'Run 1, migrate');
    assert.equal(paused.tone, 'busy');
    assert.equal(after.textOf('state-detail'), 'no migration is pending');
    assert.equal(after.textOf('ready'), 'Nothing to cut over');
    assert.equal(after.textOf('run-line'), 'Run 2');
    assert.match(before.textOf('store-size'), /^[\d.]+ [KM]iB$/);
});

test('the page names a command that has no word of its own', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    await server.post('migrate');
    await server.untilEnded();
    const writer = spawn('sqlite3', [p.store]);
    t.after(() => writer.kill('SIGKILL'));
    writer.stdin.write('begin immediate; select 7;\n');
    await once(writer.stdout, 'data');

    await server.post('reset');
    const page = await pageOf(server);
    writer.stdin.end('rollback;\n');

    assert.equal(page.textOf('state'), 'Running reset');
    assert.equal(page.title, 'Running reset');
    await server.untilEnded();
});

test('the page shows the newest output, in whole lines', async (t) => {
    const p = prepare(t, { n: 400, files: { '0002_say.lua': `
return { type = "event", migrate_event = function(event)
  godwit.log("line of " .. event.fqid .. " äöü" .. string.rep(".", 40))
  return { event }
end }` } });
    const server = await serve(t, p);
    await server.post({ cmd: 'migrate', verbose: true });
    const { output } = await server.untilEnded();
    assert.ok(Buffer.byteLength(output) > 16384, output.length);

    const shown = (await pageOf(server)).textOf('output');

    const size = Buffer.byteLength(shown);
    assert.ok(output.endsWith(shown), shown.slice(-200));
    assert.equal(output.at(-shown.length - 1), '\n', 'from a whole line on');
    assert.ok(size > 8000 && size <= 8192, size);
});
