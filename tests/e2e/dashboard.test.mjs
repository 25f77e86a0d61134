// SPDX-License-Identifier: Apache-2.0
// What the dashboard is made of, without a browser: the page with the state
// in it, its files, and the routes that it asks.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import zlib from 'node:zlib';

import { makeFolder, makeStore, repo, waitFor, writeFiles }
    from '../lib/godwit.mjs';
import { readEvents, serve } from '../lib/server.mjs';

const BUDGET = 120 * 1024;
const HOSTILE = '<script>alert(1)</script>"\'&\u202e';
const RENAME = { rules: [
    { rename_field: { collection: 'a', from: 'f', to: 'g' } }],
description: HOSTILE };
const SHOUT = `
return { type = "event", migrate_event = function(event, ctx)
  godwit.log(${JSON.stringify(HOSTILE).replaceAll('\u202e', '')})
  error("${'<img src=x>'}")
end }`;
const SLOW = `
return { type = "event", migrate_event = function(event, ctx)
  local n = 0
  for i = 1, 100000 do n = n + i % 7 end
  event.data.n = n
  return { event }
end }`;

const positions = (n) => Array.from({ length: n }, (_, i) => ({ events: [
    { fqid: `a/${i + 1}`, type: 'create', data: { f: i } }] }));

function prepare(t, { files = { '0002_rename.json': RENAME },
    list = positions(3) } = {}) {
    const folder = makeFolder(t);
    return { folder, store: makeStore(folder, list),
        migrations: writeFiles(path.join(folder, 'migrations'), files) };
}

const checks = async (server) => (await server.ask(
    { path: '/migrate/checks' })).json;
const action = (answer, name) => answer.actions.find((a) => a.name === name);
const check = (answer, name) => answer.checks.find((c) => c.name === name);
const untilLooked = (server) => waitFor(async () =>
    (await checks(server)).looked_at, 'the store is looked at');

test('the page', async (t) => {
    const server = await serve(t, prepare(t));
    await untilLooked(server);

    await t.test('tells the state without scripts', async () => {
        const r = await server.ask({ path: '/' });
        assert.equal(r.status, 200);
        assert.match(r.headers['content-type'], /^text\/html; charset=utf-8/);
        assert.match(r.text, /id="state"\s*>Migration required</);
        assert.match(r.text, /data-stage="required" aria-current="step"/);
        assert.match(r.text, /id="index">1 → 2</);
        assert.match(r.text, /3 positions are not migrated yet/);
        assert.doesNotMatch(r.text, /\{\{|\}\}/, 'a slot is not filled');
    });
    await t.test('may load only its own files, and be in no frame', async () => {
        const { headers } = await server.ask({ path: '/' });
        const policy = headers['content-security-policy'];
        assert.match(policy, /default-src 'none'/);
        assert.match(policy, /frame-ancestors 'none'/);
        assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
        assert.equal(headers['x-content-type-options'], 'nosniff');
        assert.equal(headers['cache-control'], 'no-store');
    });
    await t.test('holds no inline script and one style, its own', async () => {
        const { text, headers } = await server.ask({ path: '/' });
        const [style, ...more] = text.match(/<style>[^]*?<\/style>/g);
        const css = style.slice('<style>'.length, -'</style>'.length);
        const sum = crypto.createHash('sha256').update(css).digest('base64');
        assert.equal(css, fs.readFileSync(path.join(repo,
            'web/dashboard.css'), 'utf8'));
        assert.ok(headers['content-security-policy']
            .includes(`style-src 'self' 'sha256-${sum}';`));
        assert.deepEqual(more, []);
        assert.doesNotMatch(text.replace(style, ''),
            /<script(?![^>]*\bsrc=)|<style|style=|\son\w+=/);
    });
    await t.test('escapes what migrations say of themselves', async () => {
        const { text } = await server.ask({ path: '/' });
        assert.ok(text.includes('&lt;script&gt;alert(1)&lt;/script&gt;'
            + '&quot;&#39;&amp;'));
        assert.ok(!text.includes('<script>alert'));
    });
});

test('output and errors of a run are text in the page', async (t) => {
    const server = await serve(t, prepare(t,
        { files: { '0002_shout.lua': SHOUT } }));
    await server.post('migrate');
    await server.untilEnded();
    const { text } = await server.ask({ path: '/' });
    assert.ok(!text.includes('<script>alert'));
    assert.ok(!text.includes('<img'));
    assert.match(text, /id="output"[^>]*>[^<]*\n&lt;script&gt;alert/);
    assert.match(text, /id="error-text"[^>]*>[^<]*&lt;img src=x&gt;/);
    assert.match(text, /<td data-result="failed">failed/);
    assert.match(text, /<body data-tone="bad"/);
});

test('the page tells nothing to those who may not read it', async (t) => {
    const p = prepare(t);
    const server = await serve(t, { ...p, args: ['--protect-status'] });
    const look = async (headers) =>
        (await server.ask({ path: '/', headers })).text;
    await waitFor(async () => (await server.post('progress')).json.status,
        'the store is looked at');
    const shown = await look({ Authorization: `Bearer ${server.secret}` });
    assert.match(shown, /store\.db/);
    for (const headers of [{}, { Authorization: 'Bearer wrong' }]) {
        const text = await look(headers);
        assert.match(text, /only to those who\s+give its secret/);
        assert.doesNotMatch(text, /store\.db|not migrated yet/);
    }
    const open = await serve(t, prepare(t));
    const foreign = await open.ask({ path: '/',
        headers: { Host: 'evil.example' } });
    assert.doesNotMatch(foreign.text, /store\.db|not migrated yet/);
});

test('the files', async (t) => {
    const server = await serve(t, prepare(t));
    const page = (await server.ask({ path: '/' })).text;
    const get = (file, headers = {}) => server.ask(
        { path: file, headers });

    /* those of the page, and what its scripts load */
    const files = new Set(page.match(/\/web\/[\w-]+\.[\w.]+/g));
    for (const file of files) {
        const { text } = await get(file);
        for (const [, name] of text.matchAll(
            /(?:from |import\(|URL\()'\.\/([\w.-]+)'/g)) {
            files.add(`/web/${name}`);
        }
    }

    await t.test('are all there, as they are in web/', async () => {
        assert.ok(files.size >= 12, [...files].join(' '));
        for (const file of files) {
            const r = await get(file);
            assert.equal(r.status, 200, file);
            const own = path.join(repo, file);
            if (fs.existsSync(own)) {
                assert.equal(r.text, fs.readFileSync(own, 'utf8'), file);
            }
        }
    });
    await t.test('have their types', async () => {
        for (const [file, type] of [['dashboard.js', 'text/javascript'],
            ['uplot.css', 'text/css'], ['icon.svg', 'image/svg+xml']]) {
            const r = await get(`/web/${file}`);
            assert.ok(r.headers['content-type'].startsWith(type), file);
        }
    });
    await t.test('are compressed for those who take that', async () => {
        for (const [accepted, is] of [['gzip', true], ['br, gzip;q=0.5', true],
            ['identity', false], ['gzip;q=0', false], ['xgzip', false]]) {
            const r = await get('/web/dashboard.js',
                { 'Accept-Encoding': accepted });
            assert.equal(r.headers['content-encoding'] === 'gzip', is,
                accepted);
            assert.equal(r.headers.vary, 'Accept-Encoding');
        }
    });
    await t.test('are not sent again while they are the same', async () => {
        const { headers } = await get('/web/dashboard.js');
        const again = await get('/web/dashboard.js',
            { 'If-None-Match': headers.etag });
        assert.equal(again.status, 304);
        assert.equal(again.text, '');
        const other = await get('/web/dashboard.js',
            { 'If-None-Match': '"something else"' });
        assert.equal(other.status, 200);
    });
    await t.test('and no others', async () => {
        for (const file of ['/web/', '/web/x.js', '/web/../secret', '/web',
            '/web/dashboard.js/', '/web/%2e%2e/secret']) {
            assert.equal((await get(file)).status, 404, file);
        }
        const r = await server.ask({ method: 'POST', path: '/web/x.js',
            body: {}, headers: { 'Content-Type': 'application/json' } });
        assert.equal(r.status, 405);
    });
    await t.test(`take at most ${BUDGET / 1024} KiB, compressed`, async () => {
        let total = zlib.gzipSync(page, { level: 9 }).length;
        for (const file of files) {
            const r = await get(file, { 'Accept-Encoding': 'gzip' });
            total += Number(r.headers['content-length']);
        }
        assert.ok(total <= BUDGET, `${total} bytes`);
    });
});

test('what is allowed follows the store', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    await untilLooked(server);
    const allowed = (answer) => answer.actions.filter((a) => a.allowed)
        .map((a) => a.name);

    let now = await checks(server);
    assert.deepEqual(allowed(now), ['import', 'migrate', 'finalize',
        'verify']);
    assert.equal(action(now, 'pause').reason, 'Nothing is running');
    assert.equal(now.ready, false);
    assert.equal(check(now, 'caught_up').ok, false);
    assert.equal(now.pending.length, 1);
    assert.equal(now.pending[0].description, HOSTILE);

    await server.post('migrate');
    await server.untilEnded();
    now = await checks(server);
    assert.deepEqual(allowed(now), ['import', 'finalize', 'verify',
        'reset']);
    assert.match(action(now, 'migrate').reason, /finalize is next/);
    assert.equal(now.ready, true);
    assert.equal(now.run, 1);

    await server.post('finalize');
    await server.untilEnded();
    now = await checks(server);
    assert.deepEqual(allowed(now), ['import', 'verify', 'rollback',
        'discard']);
    assert.equal(now.ready, false);
    assert.equal(now.current_index, 2);
    assert.deepEqual(now.pending, []);

    await server.post('discard');
    await server.untilEnded();
    now = await checks(server);
    assert.match(action(now, 'rollback').reason, /no old generation/);
});

test('an edited migration is named, and reset is the way on', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    await server.post('migrate');
    await server.untilEnded();
    writeFiles(p.migrations, { '0002_rename.json': { rules: [
        { rename_field: { collection: 'a', from: 'f', to: 'h' } }] } });
    await server.post('progress');
    const now = await waitFor(async () => {
        await server.post('progress');
        const answer = await checks(server);
        return check(answer, 'migrations').ok === false ? answer : null;
    }, 'the edit is seen');
    assert.match(action(now, 'finalize').reason,
        /^0002_rename\.json was edited.*reset first/);
    assert.equal(action(now, 'reset').allowed, true);
});

test('a store that is gone is a reason', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    await untilLooked(server);
    fs.renameSync(p.store, `${p.store}.away`);
    const now = await waitFor(async () => {
        await server.post('progress');
        const answer = await checks(server);
        return check(answer, 'store').ok === false ? answer : null;
    }, 'it is missed');
    assert.equal(now.state, null);
    assert.equal(now.newest_position, null);
    assert.match(action(now, 'migrate').reason, /no store at/);
    const { text } = await server.ask({ path: '/' });
    assert.match(text, /id="state"\s*>Not known</);
});

test('while a run is paused it can go on or end', async (t) => {
    const server = await serve(t, { ...prepare(t, { list: positions(1000),
        files: { '0002_slow.lua': SLOW } }), args: ['--batch', '512'] });
    await server.post('migrate');
    await server.post('pause');
    const now = await checks(server);
    assert.equal(now.running, 'migrate');
    assert.equal(now.paused, true);
    assert.deepEqual(now.actions.filter((a) => a.allowed)
        .map((a) => a.name), ['resume', 'cancel']);
    assert.equal(action(now, 'pause').reason, 'It is paused');
    await server.post('cancel');
    await server.untilEnded();
});

test('checks come with the events, when they change', async (t) => {
    const server = await serve(t, prepare(t));
    await untilLooked(server);
    const seen = readEvents({ port: server.port, host: '127.0.0.1',
        enough: (events) => events.some((e) => e.type === 'checks'
            && e.data.ready) });
    await server.post('migrate');
    const events = (await seen).filter((e) => e.type === 'checks');
    assert.equal(events[0].data.run, null);
    assert.equal(events.at(-1).data.state, 'finalization_required');
});

test('the samples are of the run, from its beginning on', async (t) => {
    const p = { ...prepare(t, { list: positions(3000),
        files: { '0002_slow.lua': SLOW } }), args: ['--batch', '512'] };
    const server = await serve(t, p);
    const samples = async () => (await server.ask(
        { path: '/migrate/samples' })).json;
    assert.deepEqual(await samples(), { run: null, at_ms: [],
        events_per_second: [], lag_positions: [] });
    await server.post('migrate');
    const { at_ms: at, ...rest } = await waitFor(async () => {
        const now = await samples();
        return now.at_ms.length > 1 ? now : null;
    }, 'there are some');
    assert.ok(at.every((ms, i) => i === 0 || ms > at[i - 1]));
    assert.ok(at[0] < 1000, `${at[0]} ms`);
    assert.equal(rest.events_per_second.length, at.length);
    assert.equal(rest.lag_positions.length, at.length);
    await server.post('cancel');
    await server.untilEnded();
    assert.equal((await samples()).run, 1, 'kept after its end');
});

test('a preview', async (t) => {
    const big = 'x'.repeat(1 << 20);
    const list = [...positions(3), { events: [
        { fqid: 'b/1', type: 'create', data: { x: 1 } }] },
    { events: [{ fqid: 'a/9', type: 'create',
        data: { f: big, n: 0 } }] }];
    const server = await serve(t, prepare(t, { list }));
    const get = (query, headers = { Authorization: `Bearer ${server.secret}` }) =>
        server.ask({ path: `/migrate/preview${query}`, headers });

    await t.test('needs the secret', async () => {
        assert.equal((await get('', {})).status, 401);
    });
    await t.test('shows changed positions only', async () => {
        const { json } = await get('?position=2&limit=3');
        assert.equal(json.error, null);
        assert.deepEqual(json.changes.map((c) => c.position), [2, 3, 5]);
        assert.deepEqual(json.changes[0], { position: 2,
            migration: '0002_rename.json', migration_index: 2,
            before: [{ fqid: 'a/2', type: 'create', data: { f: 1 } }],
            after: [{ fqid: 'a/2', type: 'create', data: { g: 1 } }] });
        assert.equal(json.changes[2].before[0].data.f, big);
    });
    await t.test('is empty behind the last change', async () => {
        const { json } = await get('?position=6');
        assert.deepEqual(json.changes, []);
    });
    await t.test('takes numbers within its limits', async () => {
        for (const query of ['?position=x', '?position=-1', '?limit=0',
            '?limit=101', '?position=99999999999999999999']) {
            assert.equal((await get(query)).status, 400, query);
        }
    });
    await t.test('writes nothing', async () => {
        assert.equal((await checks(server)).migrated_position, 0);
    });
});

test('a preview of too much is cut, not refused', async (t) => {
    const list = Array.from({ length: 8 }, (_, i) => ({ events: [{
        fqid: `a/${i + 1}`, type: 'create',
        data: { f: 'y'.repeat(1 << 20) } }] }));
    const server = await serve(t, prepare(t, { list }));
    const { json } = await server.ask({ path: '/migrate/preview?limit=8',
        headers: { Authorization: `Bearer ${server.secret}` } });
    assert.equal(json.truncated, true);
    assert.equal(json.error, null);
    assert.equal(json.changes.length, 1, '4 MiB hold one pair of 2 MiB');
});

test('a preview shows what is before an error, and the error', async (t) => {
    const server = await serve(t, prepare(t, { files: { '0002_odd.lua': `
return { type = "event", migrate_event = function(event, ctx)
  if event.data.f == 1 then error("odd") end
  event.data.g = true
  return { event }
end }` } }));
    const { json } = await server.ask({ path: '/migrate/preview',
        headers: { Authorization: `Bearer ${server.secret}` } });
    assert.deepEqual(json.changes.map((c) => c.position), [1]);
    assert.match(json.error, /position 2.*odd|odd.*position 2/s);
});

test('one preview at a time, and a stop does not wait for it', async (t) => {
    const server = await serve(t, prepare(t, { list: positions(3000),
        files: { '0002_slow.lua': SLOW } }));
    const get = (query) => server.ask({ path: `/migrate/preview${query}`,
        headers: { Authorization: `Bearer ${server.secret}` } });
    const first = get('?position=3000').catch(() => null);
    const second = await waitFor(async () => {
        const r = await get('?position=3000');
        return r.status === 503 ? r : null;
    }, 'the second is refused');
    assert.match(second.json.message, /Another preview/);
    assert.equal((await server.stop()).code, 0);
    await first;
});
