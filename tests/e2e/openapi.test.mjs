// SPDX-License-Identifier: Apache-2.0
// Real answers of a real server, held against docs/openapi.yaml by ajv.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';

import { repo, start } from '../lib/godwit.mjs';
import { makeCheck, readApi } from '../lib/openapi.mjs';
import { readEvents, serve } from '../lib/server.mjs';
import { prepare, script, slowMigration } from '../lib/stores.mjs';

const api = readApi();
const check = makeCheck(api);
const METHODS = ['get', 'post', 'put', 'delete', 'patch'];
const COMMAND = '/internal/migrations/';

test('the document is OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(api));
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(validator.version, '3.1');
});

test('the document has the routes that the server has', () => {
    const table = fs.readFileSync(path.join(repo, 'src', 'http', 'routes.c'),
        'utf8');
    const routes = [...table.matchAll(/\{"(GET|POST)",\s*"([^"]+)"/g)]
        .map(([, method, where]) => `${method.toLowerCase()} ${where}`);
    const documented = Object.entries(api.paths).flatMap(([where, item]) =>
        METHODS.filter((m) => m in item).map((m) => `${m} ${where}`));
    assert.ok(routes.length > 10);
    assert.deepEqual(documented.sort(), routes.sort());
});

const headersOf = (server, more = {}) =>
    ({ Authorization: `Bearer ${server.secret}`, ...more });

/** One request to what the document calls `where`, and the check. */
async function call(server, where, method, { query = '', headers, body } = {}) {
    const r = await server.ask({
        path: where.replace('{file}', 'dashboard.js') + query,
        method: method.toUpperCase(), body,
        headers: headers ?? headersOf(server, body === undefined ? {}
            : { 'Content-Type': 'application/json' }) });
    check(where, method, r);
    return r;
}

const command = (server, cmd, where = COMMAND) =>
    call(server, where, 'post', { body: { cmd } });

test('every command answers as the document says', async (t) => {
    const server = await serve(t, prepare(t));
    for (const cmd of ['progress', 'stats', 'migrate', 'progress', 'finalize',
        'verify', 'rollback', 'reset', 'migrate', 'finalize', 'discard',
        'clear-collectionfield-tables', 'stats', 'pause', 'resume', 'cancel',
        'nonsense']) {
        await command(server, cmd);
        await command(server, 'progress', '/internal/migrations');
        await server.untilEnded();
        await call(server, '/migrate/result', 'get');
        await call(server, '/migrate/progress', 'get');
        await call(server, '/migrate/checks', 'get');
        await call(server, '/migrate/samples', 'get');
        await call(server, '/migrate/preview', 'get');
        await call(server, '/', 'get');
    }
    await call(server, '/migrate/history', 'get');
    for (const name of ['uplot.css', 'icon.svg', 'none']) {
        check('/web/{file}', 'get', await server.ask({ path: `/web/${name}` }));
    }
    await call(server, '/migrate/history', 'get', { query: '?limit=2' });
    const allowed = api.components.schemas.Command.properties.cmd.enum;
    for (const cmd of allowed) {
        const r = await command(server, cmd);
        assert.ok(!/Unknown/.test(r.text), cmd);
        await server.untilEnded();
    }
});

test('a run under way and a failed one', async (t) => {
    const running = await serve(t, { ...slowMigration(t),
        args: ['--batch', '512'] });
    await command(running, 'migrate');
    assert.equal((await command(running, 'stats')).status, 400);
    for (const where of ['/migrate/result', '/migrate/progress',
        '/migrate/history', '/migrate/samples', '/migrate/checks',
        '/migrate/preview', '/metrics', '/ready']) {
        await call(running, where, 'get');
    }
    await command(running, 'pause');
    await command(running, 'progress');
    await command(running, 'cancel');
    await running.untilEnded();
    await call(running, '/migrate/history', 'get');

    const failing = await serve(t, prepare(t, {
        files: { '0002_x.lua': script('error("no")') } }));
    await command(failing, 'migrate');
    await failing.untilEnded();
    assert.equal((await call(failing, '/migrate/result', 'get')).json.status,
        'failed');
    await call(failing, '/migrate/history', 'get');
    await command(failing, 'progress');
});

test('what is open, and what is not', async (t) => {
    const p = prepare(t);
    const server = await serve(t, { ...p, args: ['--protect-status'] });
    for (const [where, item] of Object.entries(api.paths)) {
        for (const method of METHODS.filter((m) => m in item)) {
            const isOpen = item[method].security?.length === 0;
            const r = await call(server, where, method, { headers: method ===
                'post' ? { 'Content-Type': 'application/json' } : {},
            body: method === 'post' ? '{}' : undefined });
            assert.equal(r.status, isOpen ? 200 : 401, where);
        }
    }
});

test('requests that are refused', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    const json = { 'Content-Type': 'application/json' };
    for (const where of [COMMAND, '/internal/migrations',
        '/internal/manager']) {
        const bad = (headers, body = '{}') =>
            call(server, where, 'post', { headers: headersOf(server, headers),
                body });
        assert.equal((await bad(json)).status, 400);
        assert.equal((await bad({ 'Content-Type': 'text/plain' })).status, 415);
        assert.equal((await bad(json, 'x'.repeat(70000))).status, 413);
        assert.equal((await bad({ ...json, Origin: 'http://x' })).status, 403);
        assert.equal((await bad({ ...json, 'Transfer-Encoding': 'chunked' }))
            .status, 411);
    }
    for (const where of ['/migrate/result', '/migrate/progress',
        '/migrate/history', '/migrate/checks', '/migrate/preview', '/metrics',
        '/migrate/events']) {
        const r = await call(server, where, 'get',
            { headers: { Host: 'evil.example' } });
        assert.equal(r.status, 403);
    }
    for (const where of ['/migrate/history', '/migrate/preview']) {
        assert.equal((await call(server, where, 'get',
            { query: '?limit=x' })).status, 400);
    }
});

test('the manager', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    await call(server, '/internal/manager', 'get');
    const file = path.join(p.folder, 'server-secret');
    fs.writeFileSync(file, server.secret);
    const r = await start(['manage', server.url, '--interval', '20ms',
        '--auth-password-file', file, '--json']).ended;
    assert.equal(r.code, 0, r.err);
    const { json } = await call(server, '/internal/manager', 'get');
    assert.deepEqual(json.manager, JSON.parse(r.out));
    await call(server, '/internal/manager', 'post', { body: json.manager });
    await call(server, '/migrate/history', 'get');
});

test('a store that is away, and a server that ends', async (t) => {
    const p = prepare(t);
    fs.renameSync(p.store, `${p.store}.away`);
    const server = await serve(t, p);
    assert.equal((await call(server, '/ready', 'get')).status, 503);
    assert.equal((await command(server, 'stats')).status, 503);
    assert.equal((await call(server, '/internal/manager', 'get')).status, 503);
    await call(server, '/health', 'get');
    await call(server, '/version', 'get');
    fs.renameSync(`${p.store}.away`, p.store);

    const ending = await serve(t, { ...slowMigration(t),
        args: ['--batch', '4KiB'] });
    await command(ending, 'migrate');
    const ended = ending.stop();
    for (const where of Object.keys(api.paths)) {
        if (!api.paths[where].get || ending.child.exitCode !== null) continue;
        try {
            await call(ending, where, 'get');
        } catch (e) {
            if (!['ECONNREFUSED', 'ECONNRESET'].includes(e.code)) throw e;
        }
    }
    assert.equal((await ended).code, 0);
});

test('events are those of the document', async (t) => {
    const server = await serve(t, prepare(t));
    await command(server, 'migrate');
    await server.untilEnded();
    const events = await readEvents({ port: server.port,
        headers: { 'Last-Event-ID': '0-0' },
        enough: (got) => got.some((e) => e.type === 'checks') });
    const types = new Set(events.map((e) => e.type));
    assert.deepEqual([...types].sort(), ['checks', 'output', 'progress', 'status']);
    const as = (where, json) => check(where, 'get', { status: 200, json,
        headers: { 'content-type': 'application/json' } });
    for (const { id, type, data } of events) {
        assert.match(id, /^[0-9]+-[0-9]+$/);
        if (type === 'status') as('/migrate/result', data);
        if (type === 'checks') as('/migrate/checks', data);
        if (type === 'progress') as('/migrate/progress', data);
    }
});

test('every path and method was called, and answered with 200', () => {
    for (const [where, item] of Object.entries(api.paths)) {
        if (where === '/migrate/events') continue; // a stream, above
        for (const method of METHODS.filter((m) => m in item)) {
            assert.ok(check.seen.has(`${method} ${where} 200`),
                `${method} ${where}`);
        }
    }
    assert.ok(check.seen.size > 40, `${check.seen.size}`);
});
