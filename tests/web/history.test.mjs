// SPDX-License-Identifier: Apache-2.0
// The dashboard in Chromium with a history of 10,000 runs, a made journal.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertAccessible, assertFits, says, until, visit }
    from '../lib/browser.mjs';
import { serve } from '../lib/server.mjs';
import { prepare } from '../lib/stores.mjs';

const RUNS = 10_000;
const PAGE = 20;

/** A server whose journal has all that a server keeps. */
async function open(t) {
    const p = prepare(t);
    const state = `${p.store}-godwit-state`;
    fs.mkdirSync(state, { mode: 0o700 });
    fs.writeFileSync(path.join(state, 'journal.ndjson'),
        Array.from({ length: RUNS }, (_, i) => JSON.stringify({ run: i + 1,
            command: i % 3 ? 'migrate' : 'verify', result: i % 7
                ? 'completed' : 'failed', start_s: 1_700_000_000 + i * 60,
            end_s: 1_700_000_000 + i * 60 + 5, duration_ms: 5000 + i, tries: 1,
            positions: i, events: 2 * i, error: i % 7 ? null
                : `error of run ${i + 1}` }) + '\n').join(''));
    return serve(t, p);
}

const runs = (page) => page.$$eval('#history [data-column=run]',
    (cells) => cells.map((cell) => Number(cell.textContent)));

test('10,000 runs are paged, each seen once, newest first', async (t) => {
    const server = await open(t);
    const page = await visit(t, server.url);
    await says(page, '#history-page', 'Runs 9,981 to 10,000');
    assert.equal(await page.isEnabled('#history-newer'), false);

    const seen = await runs(page);
    for (let first = RUNS - PAGE; first > 0; first -= PAGE) {
        await page.click('#history-older');
        await until(page, (run) => document.querySelector(
            '#history [data-column=run]').textContent === String(run), first);
        seen.push(...await runs(page));
    }

    assert.equal(await page.isEnabled('#history-older'), false);
    assert.deepEqual(seen, Array.from({ length: RUNS }, (_, i) => RUNS - i));
    await says(page, '#history-page', 'Runs 1 to 20');
    const rows = await page.$$eval('#history tr', (list) => list.length);
    assert.equal(rows, PAGE, 'no more of them are in the page');
});

test('a page of the history has every column, and fits', async (t) => {
    const server = await open(t);
    const page = await visit(t, server.url);
    await says(page, '#history-page', /10,000/);
    await page.click('#history-older');
    await says(page, '#history-page', 'Runs 9,961 to 9,980');

    const row = page.locator('#history tr[data-run="9962"]');

    assert.deepEqual(await row.locator('th, td').allTextContents(), ['9962',
        'migrate', '2023-11-21 20:14:20', '15.0 s', 'migrate', 'failed',
        '9,961', '19,922', 'error of run 9962']);
    await assertAccessible(page, 'history');
    await page.setViewportSize({ width: 360, height: 800 });
    await assertFits(page);
    await page.click('#history-newer');
    await says(page, '#history-page', 'Runs 9,981 to 10,000');
});

test('a new run appears on the newest page and moves no other', async (t) => {
    const server = await open(t);
    const page = await visit(t, server.url);
    await page.click('#history-older');
    await says(page, '#history-page', 'Runs 9,961 to 9,980');

    await server.post('migrate');
    await says(page, '#state', 'Ready to finalize');

    await says(page, '#history-page', 'Runs 9,961 to 9,980');
    await page.click('#history-newer');
    await says(page, '#history tr:first-child [data-column=run]', '10001');
    assert.equal((await server.ask({ path: '/migrate/history?limit=1&before=3' }))
        .json.runs[0]?.run, 2, 'the oldest but one is kept');
});
