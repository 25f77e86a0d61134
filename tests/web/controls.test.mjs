// SPDX-License-Identifier: Apache-2.0
// Every control of the dashboard, in Chromium, on a real server, a real store
// and a real migration.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertAccessible, allows, give, press, says, until, visit }
    from '../lib/browser.mjs';
import { stats, waitFor, writeFiles } from '../lib/godwit.mjs';
import { emptyStore } from '../lib/import.mjs';
import { serve } from '../lib/server.mjs';
import { prepare, slowMigration } from '../lib/stores.mjs';
import { sampleWorld, startDouble } from '../lib/wukongim.mjs';

const SMALL = ['--batch', '512'];
const newestRun = async (server) =>
    (await server.ask({ path: '/migrate/history' })).json.runs[0];

/** A server and its page, the secret given already. */
async function open(t, p, options = {}) {
    const server = await serve(t, { ...p, args: SMALL });
    const page = await visit(t, server.url, options);
    await page.evaluate((secret) =>
        sessionStorage.setItem('godwit-secret', secret), server.secret);
    return { server, page };
}

test('a whole life: start, verify, finalize, rollback, discard', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    const page = await visit(t, server.url, { allow: /503/ }); // while it stops
    await says(page, '#state', 'Migration required');
    await allows(page, ['import', 'migrate', 'finalize', 'verify']);

    await press(page, 'migrate');
    await give(page, server.secret);
    await says(page, '#state', 'Ready to finalize');
    await says(page, '#ready', 'Yes');
    await says(page, '#percent', '100.0 %');

    await press(page, 'verify');
    await says(page, '#history tr:first-child [data-column=command]', 'verify');

    await press(page, 'finalize');
    await page.waitForSelector('#confirm-dialog[open]');
    assert.equal(await page.isEnabled('#confirm-ok'), false);
    await page.fill('#confirm-input', 'finalise');
    assert.equal(await page.isEnabled('#confirm-ok'), false);
    await page.press('#confirm-input', 'Enter');
    assert.equal((await newestRun(server)).command, 'verify',
        'nothing was given');
    await page.fill('#confirm-input', 'finalize');
    await page.click('#confirm-ok');
    await says(page, '#state', 'Up to date');
    await allows(page, ['import', 'verify', 'rollback', 'discard']);

    await press(page, 'rollback');
    await page.fill('#confirm-input', 'rollback');
    await page.click('#confirm-ok');
    await says(page, '#state', 'Migration required');

    await press(page, 'finalize');
    await page.fill('#confirm-input', 'finalize');
    await page.click('#confirm-ok');
    await says(page, '#state', 'Up to date');
    await press(page, 'discard');
    await page.fill('#confirm-input', 'discard');
    await page.click('#confirm-ok');
    await says(page, '#why-rollback', /no old generation/);

    const runs = (await server.ask({ path: '/migrate/history' })).json.runs;
    assert.deepEqual(runs.map((r) => `${r.command} ${r.result}`).reverse(),
        ['migrate completed', 'verify completed', 'finalize completed',
            'rollback completed', 'finalize completed', 'discard completed']);
    await server.stop();
    assert.equal(stats(p.store, p.migrations).current_migration_index, 2);
});

test('pause, resume and cancel', async (t) => {
    const { server, page } = await open(t, slowMigration(t, 3000));

    await press(page, 'migrate');
    await says(page, '#state', 'Migrating');
    await allows(page, ['pause', 'cancel']);
    await press(page, 'pause');
    await says(page, '#state', 'Paused');
    await allows(page, ['resume', 'cancel']);
    await says(page, '#why-pause', 'It is paused');
    const done = async () => (await server.post('progress')).json.progress
        .positions_done;
    const before = await done();
    await press(page, 'resume');
    await says(page, '#state', 'Migrating');
    await waitFor(async () => await done() > before + 512, 'it goes on');

    await press(page, 'cancel');
    await page.click('#confirm-cancel');
    assert.equal((await server.result()).status, 'running');
    await press(page, 'cancel');
    await page.keyboard.press('Escape');
    assert.equal((await server.result()).status, 'running');
    await press(page, 'cancel');
    await page.click('#confirm-ok');
    await says(page, '#status', 'failed');
    await says(page, '#history tr:first-child [data-column=result]',
        'cancelled');
    await allows(page, ['import', 'migrate', 'finalize', 'verify',
        'reset']);
});

test('reset asks, and forgets what was migrated', async (t) => {
    const { server, page } = await open(t, prepare(t));
    await press(page, 'migrate');
    await says(page, '#state', 'Ready to finalize');

    await press(page, 'reset');
    await page.click('#confirm-ok');

    await says(page, '#state', 'Migration required');
    assert.equal((await newestRun(server)).command, 'reset');
});

test('an import asks for its source, and shows its steps', async (t) => {
    const world = sampleWorld({ quirks: false, users: 20, topics: 10,
        messages: 200 });
    const double = await startDouble(t, world);
    const store = emptyStore(t);
    const server = await serve(t, { store, args: SMALL,
        migrations: writeFiles(path.join(path.dirname(store), 'm'), {}) });
    const page = await visit(t, server.url);
    await page.evaluate((secret) =>
        sessionStorage.setItem('godwit-secret', secret), server.secret);

    await press(page, 'import');
    await page.fill('#import-source', 'no address');
    assert.equal(await page.isEnabled('#confirm-ok'), false);
    await assertAccessible(page, 'the source');
    await page.fill('#import-source', double.url);
    await page.click('#confirm-ok');

    await says(page, '#history tr:first-child [data-column=command]',
        'import');
    await says(page, '#history tr:first-child [data-column=result]',
        'completed');
    await says(page, '#step', 'cleanup');
    const steps = await page.$$eval('#steps li', (list) =>
        list.map((item) => item.dataset.step));
    assert.deepEqual(steps, ['user', 'channel', 'message', 'conversation',
        'cleanup']);
    assert.ok(double.ledger.messages > 0, 'it came from the source');
});

test('a button that is not allowed does nothing and says why', async (t) => {
    const { server, page } = await open(t, prepare(t));

    await page.click('#do-pause', { force: true });

    await says(page, '#why-pause', 'Nothing is running');
    assert.equal(await page.getAttribute('#do-pause', 'aria-describedby'),
        'why-pause');
    assert.equal(await page.isVisible('#secret-dialog'), false);
    assert.equal(await newestRun(server), undefined);
});

test('a wrong secret is said, and the right one kept for the tab', async (t) => {
    const server = await serve(t, prepare(t));
    const page = await visit(t, server.url, { allow: /401/ });
    await press(page, 'migrate');
    await page.fill('#secret', 'wrong');
    await page.click('#secret-ok');
    await says(page, '#secret-error', /does not take this secret/);
    assert.equal(await newestRun(server), undefined, 'nothing was given');
    await page.click('#secret-cancel');

    await press(page, 'verify');
    await give(page, server.secret);
    await says(page, '#history tr:first-child [data-column=result]',
        'completed');
    assert.equal(await page.inputValue('#secret'), '', 'not left in the form');
    await page.reload();
    await press(page, 'migrate');
    await says(page, '#state', 'Ready to finalize');
    const kept = await page.evaluate(() => [sessionStorage.length,
        localStorage.length, document.cookie]);
    assert.deepEqual(kept, [1, 0, '']);

    const other = await page.context().newPage();
    await other.goto(server.url);
    await other.waitForSelector('.scripted #actions button');
    assert.equal(await other.evaluate(() => sessionStorage.length), 0);
    await page.click('#forget-secret');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test('a protected server asks for it before it tells anything', async (t) => {
    const server = await serve(t, { ...prepare(t),
        args: ['--protect-status'] });
    const page = await visit(t, server.url, { allow: /401/,
        wait: '#secret-dialog[open]' });
    assert.ok(!(await page.textContent('main')).includes('0002_rename'));

    await give(page, server.secret);

    await says(page, '#state', 'Migration required');
    await page.waitForSelector('#live[data-live=stream]');
});

test('monitoring stops and starts', async (t) => {
    const { server, page } = await open(t, prepare(t));
    await page.waitForSelector('#live[data-live=stream]');
    await page.click('#monitor-toggle');
    await says(page, '#live-text', 'Monitoring is off');
    await says(page, '#monitor-toggle', 'Start monitoring');
    assert.equal(await page.getAttribute('#monitor-toggle', 'aria-pressed'),
        'false');

    await server.post('migrate');
    await server.untilEnded();
    assert.equal(await page.textContent('#state'), 'Migration required');
    await page.click('#refresh');
    await says(page, '#state', 'Ready to finalize');
    await server.post('finalize');
    await server.untilEnded();
    await page.click('#monitor-toggle');

    await says(page, '#state', 'Up to date');
    await says(page, '#live-text', 'Live');
});

test('the logs are a file of JSON with everything', async (t) => {
    const { server, page } = await open(t, slowMigration(t, 3));
    await press(page, 'migrate');
    await says(page, '#state', 'Ready to finalize');
    await until(page, () => document.querySelector('#output')
        .textContent.includes('start'));

    const [download] = await Promise.all([page.waitForEvent('download'),
        page.click('#export-logs')]);

    assert.match(download.suggestedFilename(), /^godwit-logs-[\dT-]+\.json$/);
    const log = JSON.parse(fs.readFileSync(await download.path(), 'utf8'));
    assert.equal(log.result.status, 'completed');
    assert.equal(log.checks.state, 'finalization_required');
    assert.equal(log.history[0].command, 'migrate');
    assert.ok(log.output.some(({ line }) => line.includes('start')));
    assert.ok(!JSON.stringify(log).includes(server.secret));
});

test('notices come with each change, and can be closed', async (t) => {
    const { page, server } = await open(t,
        slowMigration(t, 3, 'error("no such luck")'));

    await server.post('migrate');

    await says(page, '#notices', /migrate failed.*no such luck/);
    assert.equal(await page.getAttribute('#notices', 'aria-live'), 'polite');
    const notice = page.locator('#notices .notice[data-tone=bad]');
    await notice.locator('.close').click();
    assert.equal(await notice.count(), 0);
});

test("the browser's notifications come when nobody looks", async (t) => {
    const server = await serve(t, prepare(t));
    const page = await visit(t, server.url, { permissions: ['notifications'] });
    await page.evaluate(() => {
        globalThis.shown = [];
        globalThis.Notification = class {
            static permission = 'granted';
            static requestPermission = async () => 'granted';
            constructor(title, { body }) { globalThis.shown.push(title, body); }
        };
    });
    await page.click('#browser-notices');
    await says(page, '#browser-notices', /are on/);
    await page.evaluate(() => Object.defineProperty(document,
        'visibilityState', { get: () => 'hidden' }));

    await server.post('migrate');

    await until(page, () => globalThis.shown
        .includes('godwit: migrate is completed'));
});

test('a preview shows events before and after', async (t) => {
    const { page } = await open(t, prepare(t, { n: 8 }));
    await page.fill('#preview-position', '2');
    await page.selectOption('#preview-limit', '1');
    await page.click('#preview-show');
    await says(page, '#preview h3', 'Position 2');
    const pair = page.locator('#preview .pair');
    assert.match(await pair.locator('.before').innerText(), /f\s+1/);
    assert.match(await pair.locator('.after').innerText(), /g\s+1/);

    await page.click('#preview-next');
    await says(page, '#preview h3', 'Position 3');
    await page.selectOption('#preview-migration', '0002_rename.json');
    assert.equal(await pair.count(), 1);
});

test('the place of an error leads to its events', async (t) => {
    const { page } = await open(t, slowMigration(t, 5,
        'if event.data.f == 3 then error("odd") end'));
    await press(page, 'migrate');
    await says(page, '#status', 'failed');
    await says(page, '#error-where', /0002_slow\.lua.*position 4/);
    await says(page, '#error-next', /Correct the migration/);

    await page.click('#error-preview');

    await says(page, '#preview-status', /odd/);
});

test('output can be cleared and followed', async (t) => {
    const { page, server } = await open(t, prepare(t, { n: 300, files: {
        '0002_talk.lua': `return { type = "event",
            migrate_event = function(event)
                godwit.log("line of " .. event.fqid)
                return { event }
            end }` } }));
    await press(page, 'migrate');
    await says(page, '#output', /line of a\/300/);
    const isAtEnd = () => page.$eval('#output', (box) =>
        box.scrollTop + box.clientHeight >= box.scrollHeight - 2);
    assert.equal(await isAtEnd(), true);

    await page.hover('#output');
    await page.mouse.wheel(0, -500);
    await until(page, () =>
        !document.querySelector('#output-follow').checked);
    assert.equal(await isAtEnd(), false);
    await page.click('#output-clear');
    assert.equal(await page.textContent('#output'), '');
    await server.post('verify');
    await says(page, '#output', /run 2/);
});

test('everything can be done by the keyboard alone', async (t) => {
    const server = await serve(t, prepare(t));
    const page = await visit(t, server.url);
    const focused = () => page.evaluate(() => document.activeElement.id);
    const tabTo = async (id) => {
        for (let i = 0; i < 40 && await focused() !== id; i++) {
            await page.keyboard.press('Tab');
        }
        assert.equal(await focused(), id);
    };
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() =>
        document.activeElement.className), 'skip');

    await tabTo('do-migrate');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#secret-dialog[open]');
    assert.equal(await focused(), 'secret');
    await page.keyboard.type(server.secret);
    await page.keyboard.press('Enter');
    await says(page, '#state', 'Ready to finalize');
    await until(page, () =>
        document.activeElement.id === 'do-migrate');
    await tabTo('do-finalize');
    await page.keyboard.press('Space');
    assert.equal(await focused(), 'confirm-input');
    await page.keyboard.type('finalize');
    await page.keyboard.press('Enter');
    await says(page, '#state', 'Up to date');
    await tabTo('do-rollback');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    assert.equal(await focused(), 'do-rollback');
    assert.equal((await newestRun(server)).command, 'finalize');
});
