// SPDX-License-Identifier: Apache-2.0
// The dashboard in Chromium while the server, or the way to it, is lost.
import assert from 'node:assert/strict';
import test from 'node:test';

import { allows, says, visit } from '../lib/browser.mjs';
import { proxy } from '../lib/proxy.mjs';
import { serve } from '../lib/server.mjs';
import { prepare, slowMigration } from '../lib/stores.mjs';

const SMALL = ['--batch', '512'];

test('a stream that drops is followed by asking, then by a stream',
    async (t) => {
        const server = await serve(t, { ...slowMigration(t, 4000),
            args: SMALL });
        const between = await proxy(t, server.url);
        const page = await visit(t, between.url);
        await page.waitForSelector('#live[data-live=stream]');
        await server.post('migrate');
        await says(page, '#state', 'Migrating');

        between.cut(/^\/migrate\/events/);
        await says(page, '#live-text', 'Asking every 2 s');
        await server.post('pause');
        await says(page, '#state', 'Paused');
        await server.post('resume');
        assert.equal(await page.isVisible('#banner'), false);
        between.heal();

        await page.waitForSelector('#live[data-live=stream]');
        await says(page, '#state', 'Migrating');
        await server.post('cancel');
        await says(page, '#status', 'failed');
    });

test('no line of output is lost or doubled over a drop', async (t) => {
    const server = await serve(t, { ...prepare(t, { n: 1200, files: {
        '0002_talk.lua': `return { type = "event",
            migrate_event = function(event)
                godwit.log("line of " .. event.fqid .. ".")
                for i = 1, 30000 do local _ = i % 7 end
                return { event }
            end }` } }), args: SMALL });
    const between = await proxy(t, server.url);
    const page = await visit(t, between.url);
    await page.waitForSelector('#live[data-live=stream]');
    await server.post('migrate');
    await says(page, '#output', /line of a\/\d+\./);

    between.cut(/^\/migrate\/events/);
    await says(page, '#live-text', 'Asking every 2 s');
    between.heal();
    await server.untilEnded();
    await says(page, '#output', /line of a\/1200\./);

    const text = await page.textContent('#output');
    const seen = [...text.matchAll(/line of a\/(\d+)\./g)].map(([, n]) => +n);
    assert.deepEqual(seen, Array.from({ length: 1200 }, (_, i) => i + 1));
});

test('a server that is killed is missed, and found again', async (t) => {
    const p = slowMigration(t, 2500);
    const first = await serve(t, { ...p, args: SMALL });
    const page = await visit(t, first.url);
    await first.post('migrate');
    await first.post('pause'); /* it must not end before it is killed */
    await says(page, '#state', 'Paused');

    await first.stop('SIGKILL');
    await says(page, '#banner', /does not answer.*tried again/);
    assert.equal(await page.getAttribute('#banner', 'role'), 'alert');
    await says(page, '#live-text', 'The server is away');
    await allows(page, []);
    await says(page, '#why-migrate', 'The server is away');
    assert.match(await page.textContent('#last-updated'), /s ago|just now/);

    const second = await serve(t, { ...p, args: SMALL,
        listen: `127.0.0.1:${first.port}` });
    await page.waitForSelector('#banner', { state: 'hidden' });
    await says(page, '#error-text', /interrupted by a restart of the server/);
    await says(page, '#history tr:first-child [data-column=result]',
        'interrupted');
    await page.waitForSelector('#live[data-live=stream]');
    await second.post('migrate');
    await says(page, '#state', 'Ready to finalize');
    await says(page, '#attempts', '2');
});

test('an orderly end of the server is noticed too', async (t) => {
    const server = await serve(t, prepare(t));
    /* what is asked while it ends is answered 503 */
    const page = await visit(t, server.url, { allow: /\b503\b/ });
    await page.waitForSelector('#live[data-live=stream]');

    await server.stop();

    await says(page, '#banner', /does not answer/);
});

test('a command that gets lost is said to be', async (t) => {
    const server = await serve(t, prepare(t));
    const between = await proxy(t, server.url);
    const page = await visit(t, between.url);
    await page.evaluate((secret) =>
        sessionStorage.setItem('godwit-secret', secret), server.secret);
    between.cut(/^\/internal/);

    await page.click('#do-migrate');

    await says(page, '#notices', /Migrate was refused.*does not answer/);
    await allows(page, ['import', 'migrate', 'finalize', 'verify']);
});

test('another page that acts is seen here', async (t) => {
    const server = await serve(t, prepare(t));
    const [one, other] = [await visit(t, server.url),
        await visit(t, server.url)];
    await one.evaluate((secret) =>
        sessionStorage.setItem('godwit-secret', secret), server.secret);

    await one.click('#do-migrate');

    for (const page of [one, other]) {
        await says(page, '#state', 'Ready to finalize');
    }
});
