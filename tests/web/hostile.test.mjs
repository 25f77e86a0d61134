// SPDX-License-Identifier: Apache-2.0
// Output, errors, names and events that want to be more than text: in
// Chromium nothing of them runs, and nothing leaves its place.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { assertAccessible, assertFits, press, says, until, visit }
    from '../lib/browser.mjs';
import { makeFolder, makeStore, writeFiles } from '../lib/godwit.mjs';
import { serve } from '../lib/server.mjs';

const BIG = 1 << 20;
const RTL = '\u202e\u2067\u200f\u05d0\u05d1';
const ATTACKS = ['<script>window.owned=1</script>',
    '<img src=x onerror="window.owned=1">', '"><svg onload=window.owned=1>',
    "'; window.owned=1; //", '</pre></td><iframe src="javascript:owned=1">',
    '{{state}}', 'javascript:window.owned=1', '&lt;b&gt;', '\u001b[2J\u0007',
    'data: x', 'event: status'];
const HOSTILE = ATTACKS.join(' ');
const lua = JSON.stringify(HOSTILE).replaceAll('\\u001b', '\\27')
    .replaceAll('\\u0007', '\\7');

/** Changes every text a little. */
const CHANGE = `if event.data.rtl then event.data.rtl = event.data.rtl .. "!" end
    event.data.text = event.data.text .. "<i>"`;

/** A page on a server with hostile events, and Lua that runs for each. */
async function open(t, body, options = {}) {
    const folder = makeFolder(t);
    const store = makeStore(folder, [
        { events: [{ fqid: 'a/1', type: 'create', data: {
            text: HOSTILE, rtl: RTL, inner: { [ATTACKS[0]]: 1 } } }] },
        { events: [{ fqid: 'a/2', type: 'create',
            data: { text: 'W'.repeat(BIG) } }] },
        { events: [{ fqid: 'a/3', type: 'create',
            data: { text: `${RTL}${'<b>'.repeat(BIG / 8)}`, deep:
                JSON.parse('['.repeat(90) + ']'.repeat(90)) } }] }]);
    const server = await serve(t, { store, migrations: writeFiles(
        path.join(folder, 'migrations'), { '0002_evil.lua': `
return { type = "event", description = ${lua},
  migrate_event = function(event, ctx)
    ${body}
    return { event }
  end }` }) });
    const page = await visit(t, server.url, options);
    await page.evaluate((secret) =>
        sessionStorage.setItem('godwit-secret', secret), server.secret);
    return { server, page };
}

/** Nothing ran, no element came to be, and the layout holds. */
async function assertHarmless(page) {
    assert.equal(await page.evaluate(() => window.owned), undefined);
    assert.deepEqual(await page.$$eval('iframe, main img, main script, b b',
        (list) => list.map((e) => e.outerHTML)), []);
    for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        await assertFits(page);
    }
}

test('a hostile description is text', async (t) => {
    const { page } = await open(t, '');

    await says(page, '#pending', /<script>window\.owned=1<\/script>/);

    await assertHarmless(page);
    await assertAccessible(page, 'pending');
});

test('hostile output is text, and a line of 1 MB is cut', async (t) => {
    const { page } = await open(t, `
        godwit.log(${lua})
        godwit.log("${'\\226\\128\\174'}turned")
        godwit.log(("long "):rep(210000))
        for i = 1, 3000 do godwit.log("line " .. i) end`);
    await press(page, 'migrate');
    await says(page, '#state', 'Ready to finalize');
    await says(page, '#output', /line 3000/);

    const lines = await page.$$eval('#output > *', (list) => list.length);
    assert.ok(lines <= 2000, `${lines} lines in the page`);
    await assertHarmless(page);
    await page.reload();
    await page.waitForSelector('.scripted #actions button');
    await assertHarmless(page);
});

test('lines that look like markup, events and turned text stay lines',
    async (t) => {
        const { page } = await open(t, `if event.fqid == "a/1" then
            godwit.log(${lua}) godwit.log("\\226\\128\\174turned") end`);
        await press(page, 'migrate');
        await says(page, '#output', /turned/);

        const text = await page.textContent('#output');
        for (const attack of ATTACKS.slice(0, 7)) {
            assert.ok(text.includes(attack), attack);
        }
        assert.ok(text.includes('\\u202eturned'), 'marks are shown as numbers');
        assert.ok(!text.includes('\u202e'));
        await assertHarmless(page);
    });

test('a hostile error is text, where it is shown', async (t) => {
    const { page } = await open(t, `error(${lua} .. ("x"):rep(100000))`);
    await press(page, 'migrate');
    await says(page, '#status', 'failed');

    await says(page, '#error-text', /<script>window\.owned=1<\/script>/);
    await says(page, '#history tr:first-child [data-column=error]',
        /<script>window\.owned=1<\/script>/);
    await says(page, '#notices', /failed/);
    await assertHarmless(page);
    await assertAccessible(page, 'failed');
    await page.reload();
    await page.waitForSelector('.scripted #actions button');
    await assertHarmless(page);
});

test('hostile events are text, and 1 MB is shown on demand', async (t) => {
    const { page } = await open(t,
        CHANGE);
    await page.click('#preview-show');
    await page.waitForSelector('#preview .pair >> nth=2');

    const text = await page.textContent('#preview');
    assert.ok(text.includes('<img src=x onerror='));
    assert.ok(text.includes('\\u202e\\u2067\\u200f\u05d0'));
    assert.ok(text.length < 20_000, `${text.length} characters at once`);
    await assertHarmless(page);
    await assertAccessible(page, 'preview');
    await page.locator('#preview button.more').first().click();
    await until(page, (big) => document.querySelector('#preview')
        .textContent.length > big, 1000);
    await assertHarmless(page);
});

test('values of 1 MB shown in full keep the layout', async (t) => {
    const { page } = await open(t,
        CHANGE);
    await page.click('#preview-show');
    await page.waitForSelector('#preview .pair >> nth=2');
    for (const more of await page.$$('#preview button.more')) {
        await more.click();
    }
    await until(page, (big) => document.querySelector('#preview')
        .textContent.length > big, BIG);

    await assertHarmless(page);
});
