// SPDX-License-Identifier: Apache-2.0
// Every state of the dashboard, in Chromium: what it says, that axe finds
// nothing, that it fits 360 and 1920 pixels, light and dark.
import assert from 'node:assert/strict';
import test from 'node:test';

import { assertAccessible, assertFits, press, says, until, visit }
    from '../lib/browser.mjs';
import { STATES, reach } from '../lib/dashboard_states.mjs';
import { serve } from '../lib/server.mjs';
import { prepare, slowMigration } from '../lib/stores.mjs';

const SCHEMES = ['light', 'dark'];

for (const name of Object.keys(STATES)) {
    test(`${name}: what it says, who can read it, where it fits`, async (t) => {
        const { page } = await reach(t, name);

        for (const colorScheme of SCHEMES) {
            await page.emulateMedia({ colorScheme });
            await assertAccessible(page, `${name}, ${colorScheme}`);
        }
        for (const width of [360, 1920]) {
            await page.setViewportSize({ width, height: 800 });
            await assertFits(page);
        }
        await page.setViewportSize({ width: 360, height: 800 });
        await assertAccessible(page, `${name}, narrow`);
    });
}

test('dark and light are different, and follow the system', async (t) => {
    const server = await serve(t, prepare(t));
    const page = await visit(t, server.url, { colorScheme: 'dark' });
    const paper = () => page.evaluate(() =>
        getComputedStyle(document.documentElement).backgroundColor);
    const dark = await paper();
    await page.emulateMedia({ colorScheme: 'light' });
    assert.notEqual(await paper(), dark);
});

test('dialogs are accessible, and fit', async (t) => {
    const server = await serve(t, prepare(t));
    const page = await visit(t, server.url);
    await page.setViewportSize({ width: 360, height: 640 });
    await press(page, 'migrate');
    await page.waitForSelector('#secret-dialog[open]');
    await assertAccessible(page, 'the secret');
    await page.click('#secret-cancel');

    await page.evaluate((secret) =>
        sessionStorage.setItem('godwit-secret', secret), server.secret);
    await press(page, 'finalize');
    await page.waitForSelector('#confirm-dialog[open]');
    for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        await assertAccessible(page, `the confirmation, ${colorScheme}`);
    }
    const box = await page.locator('#confirm-dialog').boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360, JSON.stringify(box));
});

test('without scripts the page tells the state', async (t) => {
    const server = await serve(t, prepare(t));
    await server.post('migrate');
    await server.untilEnded();
    const page = await visit(t, server.url, { javaScriptEnabled: false });

    assert.match(await page.content(), /Scripts are off/);
    assert.equal(await page.textContent('#state'), 'Ready to finalize');
    assert.equal(await page.textContent('#ready'), 'Yes');
    assert.match(await page.textContent('#history'), /migrate/);
    assert.equal(await page.isVisible('#refresh'), false);
    for (const width of [360, 1920]) {
        await page.setViewportSize({ width, height: 800 });
        await assertFits(page);
    }
});

test('the state is painted before any script has run', async (t) => {
    const server = await serve(t, prepare(t));
    const page = await visit(t, server.url, { path: '/health', wait: null });
    await page.route('**/web/*.js', () => {}); // they never come

    await page.goto(server.url, { waitUntil: 'commit' });
    await page.waitForSelector('#state');

    assert.equal(await page.textContent('#state'), 'Migration required');
    await until(page, () =>
        performance.getEntriesByName('first-contentful-paint').length > 0);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('what makes the page live is loaded when it is painted', async (t) => {
    const server = await serve(t, prepare(t));
    const page = await visit(t, server.url);

    const { paint, loads } = await page.evaluate(() => ({
        paint: performance.getEntriesByName('first-contentful-paint')[0]
            .startTime,
        loads: performance.getEntriesByType('resource')
            .map(({ name, startTime }) => [new URL(name).pathname, startTime]),
    }));
    const early = loads.filter(([, start]) => start < Math.min(paint, 2000))
        .map(([name]) => name);
    assert.deepEqual(early.filter((name) => name !== '/web/icon.svg'),
        ['/web/start.js']);
    assert.ok(loads.some(([name]) => name === '/web/dashboard.js'));
    assert.ok(loads.every(([name]) => !/uplot/.test(name)),
        'there is nothing to plot');
});

test('the plot comes with its first sample', async (t) => {
    const server = await serve(t, slowMigration(t));
    const page = await visit(t, server.url);
    assert.equal(await page.isVisible('#plot-empty'), true);

    await server.post('migrate');
    await page.waitForSelector('#plot canvas');
    await until(page, () => getComputedStyle(
        document.querySelector('#plot .u-over')).position === 'absolute');
    await until(page, () => /\d/.test(
        document.querySelector('#plot-rate').textContent));
    assert.equal(await page.isVisible('#plot-empty'), false);
    await server.untilEnded();
    await until(page, () => document.querySelector('#phase').textContent ===
        'done');
    assert.match(await page.textContent('#plot-rate'), /\d/,
        'the last sample has no rate');
    const { x, width } = await page.locator('#plot canvas').boundingBox();
    const box = await page.locator('#plot').boundingBox();
    assert.ok(x >= box.x && x + width <= box.x + box.width + 1,
        'it stays in its box');
});
