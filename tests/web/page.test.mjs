// SPDX-License-Identifier: Apache-2.0
// Pages of other people, in Chromium: one written for the plain
// GET /migrate/result that has never heard of Godwit, and those that use the
// client library.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertAccessible, says, visit } from '../lib/browser.mjs';
import { repo, waitFor } from '../lib/godwit.mjs';
import { proxy } from '../lib/proxy.mjs';
import { serve } from '../lib/server.mjs';
import { slowMigration } from '../lib/stores.mjs';

const SMALL = ['--batch', '512'];

/* As one finds them: a loop around fetch, and the answer's four members. */
const PLAIN = `<!doctype html><html lang="en"><title>Upgrade</title>
<h1>Upgrade</h1><p id="s">?</p><ul id="log"></ul>
<script>
var last = '';
function tick() {
  fetch('/migrate/result').then(function (res) {
    if (!res.ok) throw new Error('HTTP ' + res.status);
    return res.json();
  }).then(function (d) {
    var now = d.status + '/' + d.step + '/' + d.try_count;
    if (now !== last) {
      var li = document.createElement('li');
      li.textContent = now + (d.last_err ? ' ' + d.last_err : '');
      document.getElementById('log').appendChild(li);
      last = now;
    }
    document.getElementById('s').textContent = d.status;
    if (d.status === 'running' || d.status === 'idle') setTimeout(tick, 200);
  }).catch(function (e) {
    document.getElementById('s').textContent = 'error: ' + e.message;
    setTimeout(tick, 200);
  });
}
tick();
</script>`;

const LIBRARY = { type: 'text/javascript',
    text: fs.readFileSync(path.join(repo, 'web', 'godwit-client.js'), 'utf8') };
const EXAMPLE = /^```html\n(.*?)^```/ms.exec(fs.readFileSync(
    path.join(repo, 'docs', 'client.md'), 'utf8'))[1]
    .replace('<!doctype html>', '<!doctype html><html lang="en">');

/** A server that was given these commands, and a site before it. */
async function site(t, p, pages, commands = ['migrate']) {
    const server = await serve(t, { ...p, args: SMALL });
    for (const cmd of commands) await server.post(cmd);
    return { server, between: await proxy(t, server.url,
        { '/favicon.ico': '', ...pages }) };
}

const PAUSED = ['migrate', 'pause'];

test('a page for the plain result works unchanged', async (t) => {
    const { server, between } = await site(t, slowMigration(t, 1500),
        { '/upgrade.html': PLAIN }, PAUSED);
    const page = await visit(t, between.url, { path: '/upgrade.html',
        wait: null });
    await says(page, '#s', 'running');

    await server.post('resume');

    await says(page, '#s', 'completed');
    await says(page, '#log', 'running/migrate/1completed/migrate/1');
});

test('the same page shows a failure, and gets over a lost way', async (t) => {
    const { between } = await site(t, slowMigration(t, 3,
        'error("no such luck")'), { '/upgrade.html': PLAIN });
    between.cut(/^\/migrate/);
    const page = await visit(t, between.url, { path: '/upgrade.html',
        wait: null });
    await says(page, '#s', /^error/);

    between.heal();

    await says(page, '#s', 'failed');
    await says(page, '#log', /^failed\/migrate\/1 .*no such luck/);
});

test('the example of the manual shows a real migration', async (t) => {
    const { server, between } = await site(t, slowMigration(t, 1500),
        { '/our.html': EXAMPLE, '/godwit-client.js': LIBRARY }, PAUSED);
    const page = await visit(t, between.url, { path: '/our.html',
        wait: '.godwit-view' });
    await says(page, '.godwit-state', 'running: migrate');
    assert.equal(await page.isEnabled('.godwit-start'), false);
    await assertAccessible(page, 'the view');

    await page.click('.godwit-stop');
    assert.equal(await page.isEnabled('.godwit-start'), true);
    await server.post('resume');
    await server.untilEnded();
    assert.equal(await page.textContent('.godwit-state'), 'running: migrate');
    await page.click('.godwit-start');

    await says(page, '.godwit-state', 'completed: migrate');
    await says(page, '.godwit-notice', 'The migration has ended well');
    assert.equal(await page.getAttribute('.godwit-bar', 'value'), '100');
    const [download] = await Promise.all([page.waitForEvent('download'),
        page.click('.godwit-save')]);
    const log = JSON.parse(fs.readFileSync(await download.path(), 'utf8'));
    assert.equal(log.status.status, 'completed');
    assert.equal(log.history[0].command, 'migrate');
});

test('it shows hostile errors as text', async (t) => {
    const { between } = await site(t, slowMigration(t, 3,
        'error("<img src=x onerror=window.owned=1>")'),
    { '/our.html': EXAMPLE, '/godwit-client.js': LIBRARY });
    const page = await visit(t, between.url, { path: '/our.html',
        wait: '.godwit-view' });

    await says(page, '.godwit-error', /<img src=x onerror/);

    assert.equal(await page.evaluate(() => window.owned), undefined);
    assert.equal(await page.$('.godwit-view img'), null);
    assert.equal(await page.getAttribute('.godwit-view', 'data-status'),
        'failed');
});

test('a page manages a whole migration', async (t) => {
    const { server, between } = await site(t, slowMigration(t, 200),
        { '/manage.html': '<!doctype html><title>x</title><p id="s"></p>',
            '/godwit-client.js': LIBRARY }, []);
    const page = await visit(t, between.url, { path: '/manage.html',
        wait: null });

    const outcome = await page.evaluate(async (secret) => {
        const { MigrationManager } = await import('/godwit-client.js');
        return new MigrationManager({ secret, checkInterval: 50 })
            .manageMigration();
    }, server.secret);

    assert.equal(outcome.success, true, outcome.error);
    assert.equal(outcome.stats.status, 'no_migration_required');
    await waitFor(async () => (await server.ask({ path: '/migrate/history' }))
        .json.runs.length === 3, 'migrate, verify, finalize');
});
