// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, and pages in it that notice what a page must never do:
// throw, break its Content-Security-Policy, ask another place, run what is
// only text. A browser that is missing is a failure.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { after } from 'node:test';

import { chromium } from 'playwright-core';

const PLACES = [process.env.GODWIT_CHROMIUM, '/usr/bin/chromium',
    '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
// a server that is killed, or ends before its page
const GONE = /net::ERR_(CONNECTION|INCOMPLETE|EMPTY|SOCKET_NOT_CONNECTED)/;
const AXE = fs.readFileSync(
    createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const WAIT_MS = 30_000;
const POLL_MS = 15;

let running;

/** The browser of this file, started with the first page. */
export function browser() {
    running ??= launch();
    return running;
}

// a script that is no test closes it itself
if (process.env.NODE_TEST_CONTEXT) {
    after(async () => { await (await running)?.close(); });
}

async function launch() {
    const executablePath = PLACES.find((file) => file && fs.existsSync(file));
    assert.ok(executablePath, 'no chromium: dev/deps test installs it');
    return chromium.launch({ executablePath, headless: true, args: [
        // only tests may run as root, in containers
        '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
}

/**
 * Opens a page; it is closed and judged with the test. Options: those of a
 * context, and `path`, `wait` (a selector; null: do not wait), `allow` (what a
 * console error may match, such as that of a server that is away).
 */
export async function visit(t, url, { path = '/', allow = null,
    wait = '.scripted #actions button', ...options } = {}) {
    const context = await (await browser()).newContext({
        viewport: { width: 1280, height: 900 }, locale: 'en-US',
        timezoneId: 'UTC', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    const bad = watchOver(page, new URL(url).origin, allow);
    t.after(async () => {
        await context.close();
        assert.deepEqual(bad, [], 'what the page must not do');
    });
    await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) =>
            console.error(`CSP: ${event.violatedDirective} ${
                event.blockedURI}`));
    });
    await page.goto(url.replace(/\/$/, '') + path);
    if (wait && options.javaScriptEnabled !== false) {
        await page.waitForSelector(wait);
    }
    return page;
}

function watchOver(page, origin, allow) {
    const bad = [];
    page.on('pageerror', (error) => bad.push(`error: ${error.stack}`));
    page.on('dialog', (dialog) => {
        bad.push(`dialog: ${dialog.message()}`);
        dialog.dismiss();
    });
    page.on('console', (message) => {
        const text = message.text();
        if (message.type() === 'error' && !allow?.test(text) &&
            !GONE.test(text)) {
            bad.push(`console: ${text}`);
        }
    });
    page.on('request', (request) => {
        const url = new URL(request.url());
        if (url.origin !== origin && url.protocol !== 'blob:') {
            bad.push(`request: ${request.url()}`);
        }
    });
    return bad;
}

/** Waits until a function is true in the page. Playwright's own waiting for a
 *  function compiles it in the page, which the page's policy forbids. */
export async function until(page, test, arg, wait_ms = WAIT_MS) {
    for (const end = Date.now() + wait_ms; Date.now() < end;) {
        // a page that is just being loaded has nothing to say
        if (await page.evaluate(test, arg).catch(() => false)) return;
        await new Promise((done) => setTimeout(done, POLL_MS));
    }
    throw new Error(`this did not become true: ${test}`);
}

/** Waits until a part of the page says what it should. */
export async function says(page, selector, what) {
    const element = page.locator(selector);
    try {
        await until(page, ([where, text, isPattern, flags]) => {
            const now = document.querySelector(where)?.textContent
                .replace(/\s+/g, ' ').trim();
            return now !== undefined && (isPattern
                ? new RegExp(text, flags).test(now) : now === text);
        }, [selector, what.source ?? what, what instanceof RegExp,
            what.flags ?? '']);
    } catch {
        assert.fail(`${selector} says ${JSON.stringify(await element
            .textContent().catch(() => null))} instead of ${what}`);
    }
}

/** Presses the button of an action, when it is allowed. */
export async function press(page, name) {
    await page.click(`#do-${name}[aria-disabled="false"]`);
}

/** Presses one that needs the secret, and gives it when it is asked for. */
export async function give(page, secret) {
    await page.waitForSelector('#secret-dialog[open]');
    await page.fill('#secret', secret);
    await page.click('#secret-ok');
    await page.waitForSelector('#secret-dialog:not([open])',
        { state: 'attached' });
}

/** Waits until the page allows these actions, in any order, no others. */
export async function allows(page, names) {
    const read = () => [...document.querySelectorAll(
        '#actions button[aria-disabled="false"]')]
        .map((button) => button.dataset.action).sort().join(' ');
    const wanted = [...names].sort().join(' ');
    try {
        await until(page, ({ wanted }) => [...document.querySelectorAll(
            '#actions button[aria-disabled="false"]')]
            .map((button) => button.dataset.action).sort()
            .join(' ') === wanted, { wanted });
    } catch {
        assert.equal(await page.evaluate(read), wanted);
    }
}

/** No part of the page is wider than its window. */
export async function assertFits(page) {
    await page.waitForTimeout(100); // some frames for what follows its size
    const wide = await page.evaluate(() => {
        const width = document.documentElement.clientWidth;
        return { scroll: document.documentElement.scrollWidth - width,
            parts: [...document.querySelectorAll('main *, .bar *, footer *')]
                .filter((e) => !e.closest('.scroll, .output, [hidden]') &&
                    e.getBoundingClientRect().right > width + 1)
                .map((e) => `${e.tagName}#${e.id}.${e.className}`)
                .slice(0, 5) };
    });
    assert.deepEqual(wide, { scroll: 0, parts: [] });
}

/** What axe finds wrong, as it is drawn now. */
export async function assertAccessible(page, what) {
    await page.evaluate(AXE);
    const found = await page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document,
            { resultTypes: ['violations'] });
        return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes
            .slice(0, 3).map((n) => n.target.join(' ')).join(', ')} ${
            v.nodes[0].any[0]?.message ?? ''}`);
    });
    assert.deepEqual(found, [], what);
}
