// SPDX-License-Identifier: Apache-2.0
// The real server over real sockets: every command, state, message and
// status code of the HTTP interface, restarts and kills included.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { dumpText, load, makeRandom, makeStore, must,
    run, setting, sleep, stats, waitFor, writeFiles } from '../lib/godwit.mjs';
import { ask, readEvents, serve } from '../lib/server.mjs';
import { RENAME, positions, prepare, script, slowMigration as slow }
    from '../lib/stores.mjs';

const BUSY = "Migration is running, only 'progress' command is allowed";
const RESTARTED = 'interrupted by a restart of the server';
const BROKEN = script('error("no such luck")');
const SMALL = ['--batch', '512'];

/** Starts `migrate` and waits until it has done something. */
async function startMigrate(server) {
    const r = await server.post('migrate');
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.status, 'migration_running', r.text);
    await waitFor(async () => (await server.post('progress'))
        .json.progress.positions_done > 0, 'positions are done');
    return r.json;
}

test('credentials', async (t) => {
    const server = await serve(t, prepare(t));

    await t.test('none: 401, delayed and counted', async () => {
        const r = await server.ask({ method: 'POST',
            path: '/internal/migrations/', body: { cmd: 'progress' },
            headers: { 'Content-Type': 'application/json' } });
        assert.equal(r.status, 401);
        assert.equal(r.json.success, false);
        assert.match(r.headers['www-authenticate'], /^Bearer/);
        assert.ok(r.ms > 400, `${r.ms} ms`);
    });
    await t.test('wrong ones: 401, whatever they look like', async () => {
        const wrong = ['Bearer x', `Bearer ${server.secret}x`, 'Bearer ',
            `Bearer ${server.secret.slice(1)}`, server.secret, 'x',
            Buffer.from('x').toString('base64'), 'Basic eDp5'];
        const answers = await Promise.all(wrong.map((Authorization) =>
            server.post('progress', { Authorization })));
        for (const r of answers) {
            assert.equal(r.status, 401);
            assert.ok(r.ms > 400, `${r.ms} ms`);
        }
        const metrics = await server.ask({ path: '/metrics' });
        assert.match(metrics.text, /^godwit_http_auth_failures_total 9$/m);
    });
    await t.test('the page is no place to try secrets at', async () => {
        const count = async () => Number(
            /^godwit_http_auth_failures_total (\d+)$/m.exec((await server.ask(
                { path: '/metrics' })).text)[1]);
        const before = await count();
        const r = await server.ask({ path: '/',
            headers: { Authorization: 'Bearer x' } });
        assert.equal(r.status, 200);
        assert.ok(r.ms > 400, `${r.ms} ms`);
        assert.equal(await count(), before + 1);
        assert.match(server.child.errText(),
            /credentials refused.*path"?[=:]"?\/[" ].*wrong/);
        for (const Authorization of [undefined, `Bearer ${server.secret}`]) {
            await server.ask({ path: '/', headers: Authorization
                ? { Authorization } : {} });
        }
        assert.equal(await count(), before + 1);
    });
    await t.test('a failure delays nobody else', async () => {
        const failing = server.post('progress', { Authorization: 'x' });
        const r = await server.ask({ path: '/migrate/result' });
        assert.ok(r.ms < 300, `${r.ms} ms`);
        await failing;
    });
    await t.test('bearer, in any case, and the OpenSlides form', async () => {
        for (const Authorization of [`Bearer ${server.secret}`,
            `bearer ${server.secret}`,
            Buffer.from(server.secret).toString('base64')]) {
            const r = await server.post('progress', { Authorization });
            assert.equal(r.status, 200, Authorization);
        }
    });
    await t.test('the secret is in no log', () => {
        assert.match(server.child.errText(), /credentials refused/);
        assert.ok(!server.child.errText().includes(server.secret));
    });
});

test('the secret comes from a file', async (t) => {
    const p = prepare(t);
    const made = await serve(t, p);
    const file = path.join(`${p.store}-godwit-state`, 'secret');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.match(made.secret, /^[0-9a-f]{64}$/);
    assert.ok(made.child.errText().includes(file));
    assert.equal((await made.stop()).code, 0);

    const again = await serve(t, p);
    assert.equal(again.secret, made.secret, 'kept over a restart');
    assert.equal((await again.stop()).code, 0);

    const own = path.join(p.folder, 'password');
    fs.writeFileSync(own, 'open sesame\n');
    const server = await serve(t, { ...p,
        env: { INTERNAL_AUTH_PASSWORD_FILE: own } });
    assert.equal((await server.post('progress',
        { Authorization: 'Bearer open sesame' })).status, 200);
    assert.equal((await server.post('progress')).status, 401);
    for (const [content, what] of [['', /empty/], ['x'.repeat(5000), /longer/]]) {
        fs.writeFileSync(own, content);
        const r = run(['serve', '--auth-password-file', own, '--listen',
            '127.0.0.1:0', '--state-dir', path.join(p.folder, 'other')], p);
        assert.equal(r.code, 2);
        assert.match(r.err, what);
    }
});

test('what is wrong with a request is said with its status', async (t) => {
    const server = await serve(t, prepare(t));
    const refused = async (status, message, what) => {
        const r = await what;
        assert.equal(r.status, status, r.text);
        assert.equal(r.json.success, false);
        if (message instanceof RegExp) assert.match(r.json.message, message);
        else assert.equal(r.json.message, message);
        assert.equal(r.headers['x-content-type-options'], 'nosniff');
        assert.equal(r.headers['x-frame-options'], 'DENY');
        return r;
    };

    await refused(400, 'Unknown command: nix', server.post('nix'));
    await refused(400, 'No command provided', server.post({}));
    await refused(400, /string/, server.post({ cmd: 7 }));
    await refused(400, /boolean/, server.post({ cmd: 'stats', verbose: 1 }));
    await refused(400, /object/, server.post('["stats"]'));
    await refused(400, /byte/, server.post('{"cmd":'));
    await refused(400, /byte/, server.post('{"cmd":"stats"} x'));
    await refused(400, /./, server.post('{"cmd":"stats","cmd":"reset"}'));
    await refused(400, /./, server.post('['.repeat(60000)));
    await refused(400, /^Unknown command: x+$/, server.post('x'.repeat(9000)));
    for (const cmd of ['cancel', 'pause', 'resume']) {
        await refused(400, 'No command is running', server.post(cmd));
    }
    await refused(404, 'Not found', server.ask({ path: '/nowhere' }));
    await refused(404, 'Not found', server.ask({ path: '/migrate/result/' }));
    const get = await refused(405, 'Method not allowed',
        server.ask({ path: '/internal/migrations/' }));
    assert.equal(get.headers.allow, 'POST');
    const put = await refused(405, 'Method not allowed',
        server.ask({ path: '/migrate/result', method: 'PUT', body: '' }));
    assert.equal(put.headers.allow, 'GET, HEAD');
    await refused(411, /Content-Length/, server.ask({ method: 'POST',
        path: '/internal/migrations/', body: '{"cmd":"stats"}', headers: {
            Authorization: `Bearer ${server.secret}`, 'Content-Type':
            'application/json', 'Transfer-Encoding': 'chunked' } }));
    await refused(413, /64 KiB/, server.post({ cmd: 'x'.repeat(70000) }));
    await refused(415, /application\/json/,
        server.post('stats', { 'Content-Type': 'text/plain' }));
    await refused(400, /limit/, server.ask({ path: '/migrate/history?limit=0' }));
    await refused(400, /before/,
        server.ask({ path: '/migrate/history?before=x' }));
    const long = await server.ask({ path: '/' + 'x'.repeat(60000) });
    assert.equal(long.status, 414);

    const fine = await server.post('stats',
        { 'Content-Type': 'application/json; charset=utf-8' });
    assert.equal(fine.status, 200, 'parameters of the type are fine');
    const largest = JSON.stringify({ cmd: 'stats', pad: '' });
    const r = await server.post(largest.replace('""',
        `"${'x'.repeat(65536 - largest.length)}"`));
    assert.equal(r.status, 200, '64 KiB are not too much');
});

test('a huge body is refused without reading it', async (t) => {
    const server = await serve(t, prepare(t));
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write('POST /internal/migrations/ HTTP/1.1\r\nHost: localhost\r\n' +
        'Content-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n');
    const text = await new Promise((resolve) => {
        let all = '';
        socket.on('data', (piece) => { all += piece; });
        socket.on('close', () => resolve(all));
        socket.on('error', () => resolve(all));
    });
    assert.match(text, /^HTTP\/1\.1 413 /);
});

test('another site may not speak to the server', async (t) => {
    const server = await serve(t, prepare(t));
    const own = `127.0.0.1:${server.port}`;
    const post = (headers) => server.post('progress', headers);

    assert.equal((await post({ Origin: 'http://evil.example' })).status, 403);
    assert.equal((await post({ Origin: 'null' })).status, 403);
    assert.equal((await post({ Host: 'evil.example' })).status, 403);
    assert.equal((await post({ Origin: `http://${own}` })).status, 200);
    assert.equal((await post({ Host: 'localhost' })).status, 200);
    const read = (headers) => server.ask({ path: '/migrate/result', headers });
    assert.equal((await read({ Host: 'evil.example' })).status, 403);
    assert.equal((await read({ Host: '[::1]:1' })).status, 200);
    assert.equal((await read({ 'X-Forwarded-For': '203.0.113.9' })).status, 401);

    const named = await serve(t, { ...prepare(t),
        args: ['--allow-host', 'db.example,other'] });
    assert.equal((await named.post('progress', { Host: 'other' })).status, 200);
    assert.equal((await named.post('progress', { Host: 'third' })).status, 403);
});

test('--protect-status wants the secret from loopback too', async (t) => {
    const server = await serve(t, { ...prepare(t),
        args: ['--protect-status'] });
    const headers = { Authorization: `Bearer ${server.secret}` };
    for (const where of ['/migrate/result', '/migrate/history', '/metrics',
        '/migrate/events']) {
        assert.equal((await server.ask({ path: where })).status, 401, where);
    }
    assert.equal((await server.ask({ path: '/migrate/result', headers }))
        .status, 200);
    assert.equal((await server.ask({ path: '/health' })).status, 200);
});

test('the route of the original', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);

    const before = await server.post('progress');
    assert.deepEqual(before.json,
        { success: true, status: 'migration_required' });
    assert.deepEqual(await server.result(),
        { status: 'completed', step: '', last_err: null, try_count: 0 });

    const s = await server.post('stats');
    assert.deepEqual(s.json, { success: true,
        stats: stats(p.store, p.migrations) });

    const begun = await server.post({ cmd: 'migrate', verbose: true });
    assert.equal(begun.status, 200);
    await server.untilEnded();
    const first = await server.post('progress');
    const { progress } = first.json;
    assert.equal(first.json.status, 'finalization_required');
    assert.match(first.json.output, /0002_rename.json.*\n.*Done\..*\n$/s);
    assert.ok(!('exception' in first.json));
    assert.equal(progress.positions_done, 3);
    assert.equal(progress.positions_total, 3);
    assert.equal(progress.events_done, 3);
    assert.equal(progress.lag_positions, 0);
    for (let i = 0; i < 3; i++) {
        assert.equal((await server.post('progress')).text, first.text);
    }
    assert.deepEqual(await server.result(), { status: 'completed',
        step: 'migrate', last_err: null, try_count: 1 });

    const slashless = await server.ask({ method: 'POST',
        path: '/internal/migrations', body: { cmd: 'finalize' },
        headers: { Authorization: `Bearer ${server.secret}`,
            'Content-Type': 'application/json' } });
    assert.equal(slashless.status, 200);
    assert.equal((await server.untilEnded()).status, 'no_migration_required');
    assert.equal(stats(p.store, p.migrations).current_migration_index, 2);
    for (const cmd of ['verify', 'rollback', 'migrate', 'reset', 'finalize',
        'discard', 'clear-collectionfield-tables']) {
        assert.equal((await server.post(cmd)).status, 200);
        const r = await server.untilEnded();
        assert.ok(!('exception' in r), JSON.stringify(r));
    }
    load(p.store, [{ events: [
        { fqid: 'b/1', type: 'create', data: {} }] }]);
    assert.equal((await server.post('stats')).json.stats.positions, 4);
});

test('a failing migration is a success with an exception', async (t) => {
    const p = prepare(t, { files: { '0002_broken.lua': BROKEN } });
    const server = await serve(t, p);

    const r = (await server.post('migrate'), await server.untilEnded());
    assert.equal(r.success, true);
    assert.equal(r.status, 'migration_required');
    assert.match(r.output, /^Migrating.*\nstart\n/);
    assert.match(r.exception, /0002_broken\.lua.*no such luck/s);
    const result = await server.result();
    assert.deepEqual(result, { status: 'failed', step: 'migrate',
        last_err: r.exception, try_count: 1 });

    await server.post('migrate');
    await server.untilEnded();
    assert.equal((await server.result()).try_count, 2);
    // an edited migration: what the old text made is forgotten first
    fs.rmSync(path.join(p.migrations, '0002_broken.lua'));
    writeFiles(p.migrations, { '0002_rename.json': RENAME });
    for (const cmd of ['reset', 'migrate']) {
        await server.post(cmd);
        assert.equal((await server.untilEnded()).exception, undefined);
    }
    assert.deepEqual(await server.result(), { status: 'completed',
        step: 'migrate', last_err: null, try_count: 1 });
});

test('an edited migration has its ways on', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    const issue = async (body) => {
        const r = await server.post(body);
        assert.equal(r.status, 200, r.text);
        return server.untilEnded();
    };
    const edit = (to) => writeFiles(p.migrations, { '0002_rename.json': {
        rules: [{ rename_field: { collection: 'a', from: 'f', to } }] } });
    await issue('migrate');

    edit('h');
    assert.match((await issue('migrate')).exception, /keep-migrated/);
    assert.equal((await issue({ cmd: 'migrate', restart: true })).exception,
        undefined);
    edit('k');
    assert.match((await issue('finalize')).exception, /keep-migrated/);
    assert.equal((await issue({ cmd: 'finalize', keep_migrated: true }))
        .exception, undefined);
    assert.match(dumpText(p.store), /"a\/1":\{"data":\{"h":0/);

    for (const [body, message] of [
        [{ cmd: 'migrate', restart: 1 }, /restart must be a boolean/],
        [{ cmd: 'migrate', keep_migrated: null }, /keep_migrated must/],
        [{ cmd: 'migrate', restart: true, keep_migrated: true }, /both/],
        [{ cmd: 'verify', restart: true }, /for migrate and finalize/]]) {
        const r = await server.post(body);
        assert.equal(r.status, 400);
        assert.match(r.json.message, message);
    }
});

test('the lag counts positions, not numbers', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    await server.post('migrate');
    await server.untilEnded();
    load(p.store, [{ position: 1000, events: [
        { fqid: 'b/1', type: 'create', data: {} }] },
    { position: 2000, events: [{ fqid: 'b/2', type: 'create', data: {} }] }]);
    const { progress } = await waitFor(async () => {
        const r = (await server.post('progress')).json;
        return r.progress.lag_positions > 0 ? r : null;
    }, 'the lag is seen');
    assert.equal(progress.lag_positions, 2);
});

test('the time left has a range', async (t) => {
    const server = await serve(t, { ...slow(t, 2000), args: SMALL });
    await startMigrate(server);
    const p = await waitFor(async () => {
        const { progress } = (await server.post('progress')).json;
        assert.notEqual(progress.phase, 'done', 'it ended before');
        return progress.seconds_left_min === null ? null : progress;
    }, 'it is known');
    assert.ok(p.seconds_left_min <= p.seconds_left, JSON.stringify(p));
    assert.ok(p.seconds_left_max === null ||
        p.seconds_left_max >= p.seconds_left, JSON.stringify(p));
});

test('one command at a time', async (t) => {
    const p = slow(t);
    const server = await serve(t, { ...p, args: SMALL });
    const begun = await startMigrate(server);

    assert.match(begun.output, /^Migrating/);
    for (const cmd of ['migrate', 'finalize', 'reset', 'stats', 'rollback',
        'discard', 'verify', 'clear-collectionfield-tables']) {
        const r = await server.post(cmd);
        assert.equal(r.status, 400, cmd);
        assert.deepEqual(r.json, { success: false, message: BUSY });
    }
    const progress = (await server.post('progress')).json;
    assert.equal(progress.status, 'migration_running');
    assert.match(progress.output, /\nstart\n$/);
    assert.equal(progress.exception, undefined);
    assert.equal(progress.progress.positions_total, 1000);
    assert.equal((await server.result()).status, 'running');

    const end = await server.untilEnded();
    assert.equal(end.status, 'finalization_required');
    assert.ok(end.output.startsWith(progress.output), 'output only grows');
    assert.equal(end.progress.positions_done, 1000);
    assert.equal(stats(p.store, p.migrations).fully_migrated_positions, 1000);
});

test('pause, resume and cancel act within a batch', async (t) => {
    const p = slow(t, 3000);
    const server = await serve(t, { ...p, args: SMALL });
    const done = async () =>
        (await server.post('progress')).json.progress.positions_done;
    await startMigrate(server);

    assert.equal((await server.post('pause')).json.status,
        'migration_running');
    await sleep(300);
    const paused = await done();
    await sleep(500);
    assert.equal(await done(), paused, 'nothing moves while paused');
    assert.match((await server.ask({ path: '/metrics' })).text,
        /^godwit_paused 1$/m);
    assert.equal((await server.post('resume')).status, 200);
    await waitFor(async () => await done() > paused, 'it goes on');

    assert.equal((await server.post('pause')).status, 200);
    assert.equal((await server.post('cancel')).status, 200);
    const end = await server.untilEnded();
    assert.equal(end.status, 'migration_required');
    assert.equal(typeof end.exception, 'string');
    assert.equal((await server.result()).status, 'failed');
    const history = (await server.ask({ path: '/migrate/history' })).json;
    assert.equal(history.runs[0].result, 'cancelled');
    const at = stats(p.store, p.migrations);
    assert.ok(at.fully_migrated_positions > 0);
    assert.ok(at.fully_migrated_positions < 3000);
});

test('all of it survives a restart, and a kill is told', async (t) => {
    const p = slow(t);
    const args = SMALL;
    const first = await serve(t, { ...p, args });
    await startMigrate(first);
    await first.stop('SIGKILL');

    const second = await serve(t, { ...p, args });
    assert.deepEqual(await second.result(), { status: 'failed',
        step: 'migrate', last_err: RESTARTED, try_count: 1 });
    const told = (await second.post('progress')).json;
    assert.equal(told.status, 'migration_required');
    assert.equal(told.exception, RESTARTED);
    assert.match(told.output, /^Migrating.*\nstart\n$/);
    await second.post('migrate');
    const running = await second.result();
    assert.deepEqual(running, { status: 'running', step: 'migrate',
        last_err: RESTARTED, try_count: 2 });
    const end = await second.untilEnded();
    assert.equal(end.status, 'finalization_required');
    assert.deepEqual(await second.result(), { status: 'completed',
        step: 'migrate', last_err: null, try_count: 2 });
    const history = (await second.ask({ path: '/migrate/history' })).json;
    assert.equal((await second.stop()).code, 0);

    // a record that a power cut tore is passed over
    fs.appendFileSync(path.join(`${p.store}-godwit-state`, 'journal.ndjson'),
        '\n{"run":3,"comm');
    const third = await serve(t, { ...p, args });
    const { progress, ...rest } = (await third.post('progress')).json;
    const { progress: _, ...want } = end;
    assert.deepEqual(rest, want);
    assert.equal(progress.positions_done, null);
    assert.equal((await third.result()).status, 'migrated');
    assert.deepEqual((await third.ask({ path: '/migrate/history' })).json,
        history);
    assert.deepEqual(history.runs.map((r) => [r.run, r.result, r.tries]),
        [[2, 'completed', 2], [1, 'interrupted', 1]]);
    assert.equal(history.runs[1].error, RESTARTED);
    const page = (await third.ask({ path: '/migrate/history?limit=1' })).json;
    assert.equal(page.runs.length, 1);
    const rest2 = (await third.ask(
        { path: `/migrate/history?limit=1&before=${page.next}` })).json;
    assert.deepEqual([...page.runs, ...rest2.runs], history.runs);
    assert.equal(rest2.next, null);
});

test('SIGTERM commits the batch, answers 503 and exits with 0', async (t) => {
    const p = slow(t);
    // batches that take a while, so that there is a meanwhile
    const server = await serve(t, { ...p, args: ['--batch', '4KiB'] });
    await startMigrate(server);

    const ended = server.stop();
    const begin = performance.now();
    const seen = [];
    while (server.child.exitCode === null) {
        try {
            seen.push((await server.ask({ path: '/health' })).status);
        } catch { break; }
        await sleep(5);
    }
    const end = await ended;
    assert.equal(end.code, 0, end.err);
    assert.ok(performance.now() - begin < 5000);
    assert.ok(seen.includes(503), `${seen}`);
    assert.ok(stats(p.store, p.migrations).fully_migrated_positions > 0);

    const again = await serve(t, p);
    assert.equal((await again.result()).status, 'failed');
    await again.post('migrate');
    assert.equal((await again.untilEnded()).status, 'finalization_required');
    const twin = makeStore(p.folder, positions(1000), 'twin.db');
    must(['migrate'], { store: twin, migrations: p.migrations });
    assert.equal(dumpText(p.store), dumpText(twin));
});

test('events are streamed and go on behind Last-Event-ID', async (t) => {
    const p = slow(t, 400);
    const server = await serve(t, { ...p, args: SMALL });
    let posting;
    const reading = readEvents({ port: server.port, enough: (events) => {
        if (events.length > 0) posting ??= server.post('migrate');
        return events.some((e) => e.type === 'status' &&
            e.data.status === 'completed' && e.data.step === 'migrate');
    } });
    const events = await reading;
    assert.equal((await posting).status, 200);

    const lines = events.filter((e) => e.type === 'output')
        .map((e) => e.data.line);
    const { output } = await server.untilEnded();
    assert.deepEqual(lines, output.trimEnd().split('\n'));
    const states = events.filter((e) => e.type === 'status')
        .map((e) => e.data.status);
    assert.deepEqual(states, ['completed', 'running', 'completed']);
    assert.ok(events.some((e) => e.type === 'progress' &&
        e.data.positions_done > 0));

    const from = events.find((e) => e.type === 'output');
    const resumed = await readEvents({ port: server.port,
        headers: { 'Last-Event-ID': from.id },
        enough: (got) => got.some((e) => e.type === 'status') });
    assert.deepEqual(resumed.filter((e) => e.type === 'output')
        .map((e) => e.data.line), lines.slice(1));
    for (const odd of ['9-0', 'x', '1-', '-1--1', '99999999999999999999-1']) {
        await readEvents({ port: server.port, headers: { 'Last-Event-ID': odd },
            enough: (got) => got.some((e) => e.type === 'status') });
    }
});

test('metrics are Prometheus text', async (t) => {
    const server = await serve(t, prepare(t));
    await server.post('migrate');
    await server.untilEnded();
    const r = await server.ask({ path: '/metrics' });
    assert.match(r.headers['content-type'], /^text\/plain; version=0\.0\.4/);
    const types = new Map();
    const helped = new Set();
    for (const line of r.text.trimEnd().split('\n')) {
        const about = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
        if (about?.[1] === 'HELP') helped.add(about[2]);
        else if (about) types.set(about[2], about[3]);
        else {
            const [, name] =
                /^([a-z_]+)(?:\{[a-z_]+="[^"]*"\})? [0-9.]+$/.exec(line) ?? [];
            assert.ok(name && helped.has(name) && types.has(name), line);
            assert.equal(types.get(name) === 'counter',
                name.endsWith('_total'), line);
        }
    }
    assert.match(r.text, /^godwit_events_read_total 3$/m);
    assert.match(r.text, /^godwit_position\{stage="committed"\} 3$/m);
    assert.match(r.text,
        /^godwit_migration_state\{state="finalization_required"\} 1$/m);
});

test('a store that is away is told, and comes back', async (t) => {
    const p = prepare(t);
    const away = `${p.store}.away`;
    fs.renameSync(p.store, away);
    const server = await serve(t, p);
    assert.equal((await server.ask({ path: '/health' })).status, 200);
    assert.equal((await server.ask({ path: '/ready' })).status, 503);
    assert.equal((await server.post('stats')).status, 503);
    await server.post('migrate');
    const failed = await server.untilEnded();
    assert.equal(failed.status, null);
    assert.match(failed.exception, /store\.db/);
    fs.renameSync(away, p.store);
    assert.equal((await server.post('progress')).json.status,
        'migration_required');
    assert.equal((await server.ask({ path: '/ready' })).status, 200);
});

test('slow clients keep nobody waiting', async (t) => {
    const server = await serve(t, prepare(t));
    const sockets = [];
    t.after(() => sockets.forEach((socket) => socket.destroy()));
    for (let i = 0; i < 500; i++) {
        const socket = net.connect(server.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write('GET /migrate/result HTTP/1.1\r\nHost: loc');
        sockets.push(socket);
    }
    await waitFor(async () => /^godwit_http_connections (\d+)$/m.exec(
        (await server.ask({ path: '/metrics' })).text)[1] > 500,
    'all are connected');
    for (let i = 0; i < 20; i++) {
        const r = await server.ask({ path: '/migrate/result' });
        assert.equal(r.status, 200);
        assert.ok(r.ms < 250, `${r.ms} ms`);
    }
    // dripping does not help: the time for a body is for all of it
    const slowBody = net.connect(server.port, '127.0.0.1');
    sockets.push(slowBody);
    slowBody.write('POST /internal/migrations/ HTTP/1.1\r\nHost: localhost\r\n' +
        'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n');
    const drip = setInterval(() => slowBody.write(' '), 300);
    const text = await new Promise((resolve) => {
        let all = '';
        slowBody.on('data', (piece) => { all += piece; });
        slowBody.on('close', () => resolve(all));
        slowBody.on('error', () => {});
    });
    clearInterval(drip);
    assert.match(text, /^HTTP\/1\.1 408 /);
    const [, length] = /Content-Length: (\d+)/.exec(text);
    const body = text.split('\r\n\r\n')[1];
    assert.equal(body.length, Number(length));
    assert.equal(JSON.parse(body).success, false);
    await waitFor(async () => /^godwit_http_connections (\d+)$/m.exec(
        (await server.ask({ path: '/metrics' })).text)[1] < 10,
    'the slow ones are gone', 30_000);
});

test('many clients with random commands find a server in order', async (t) => {
    const p = prepare(t, { n: 50 });
    const server = await serve(t, p);
    const random = makeRandom(4711);
    const end = performance.now() + setting('GODWIT_HTTP_MS', 4000);
    const seen = new Set();
    const client = async () => {
        while (performance.now() < end) {
            const cmd = random.pick(['migrate', 'finalize', 'reset', 'stats',
                'progress', 'cancel', 'pause', 'resume', 'rollback',
                'discard', 'verify', 'nonsense']);
            const r = random.below(4) === 0
                ? await server.ask({ path: random.pick(['/migrate/result',
                    '/migrate/history', '/migrate/progress', '/metrics',
                    '/ready', '/internal/manager']), headers: {
                    Authorization: `Bearer ${server.secret}` } })
                : await server.post(cmd);
            seen.add(r.status);
            assert.ok([200, 400].includes(r.status), `${cmd}: ${r.text}`);
        }
    };
    await Promise.all(Array.from({ length: 50 }, client));
    await server.post('resume');
    await server.untilEnded();
    assert.deepEqual([...seen].sort(), [200, 400]);
    const { runs } = (await server.ask({ path: '/migrate/history' })).json;
    assert.ok(runs.length > 5);
    assert.ok(runs.every((r) => r.result !== 'running'));
    assert.equal((await server.stop()).code, 0);
    must(['verify', '--quiet'], p);
});

test('listening', async (t) => {
    const p = prepare(t);
    const refused = (listen, ...more) =>
        run(['serve', '--listen', listen, ...more], { ...p, timeout: 10_000 });

    await t.test('outside of loopback only on request', () => {
        const r = refused('0.0.0.0:0');
        assert.equal(r.code, 2);
        assert.match(r.err, /--allow-plaintext/);
    });
    await t.test('an address that is none', () => {
        for (const listen of ['x', '5001', ':5001', '127.0.0.1:99999',
            '[::1', 'unix:relative']) {
            assert.equal(refused(listen).code, 2, listen);
        }
    });
    await t.test('--tls-cert without --tls-key', () => {
        assert.equal(refused('127.0.0.1:0', '--tls-cert', 'x').code, 2);
    });
    await t.test('a unix socket, also where a dead one is left', async () => {
        const listen = `unix:${path.join(p.folder, 's')}`;
        const first = await serve(t, { ...p, listen });
        assert.equal((await first.ask({ path: '/migrate/result',
            headers: { Host: 'localhost' } })).status, 200);
        assert.equal(fs.statSync(listen.slice(5)).mode & 0o777, 0o660);
        await first.stop('SIGKILL');
        const second = await serve(t, { ...p, listen });
        assert.equal((await second.ask({ path: '/health' })).status, 200);
        assert.equal((await second.stop()).code, 0);
        assert.ok(!fs.existsSync(listen.slice(5)));
    });
    await t.test('two servers do not share a state folder', async () => {
        const server = await serve(t, p);
        const r = refused('127.0.0.1:0');
        assert.equal(r.code, 3);
        assert.match(r.err, /state folder/);
        const taken = refused(`127.0.0.1:${server.port}`, '--state-dir',
            path.join(p.folder, 'other'));
        assert.equal(taken.code, 3);
        assert.equal((await server.stop()).code, 0);
    });
    await t.test('TLS', async () => {
        const key = path.join(p.folder, 'key.pem');
        const cert = path.join(p.folder, 'cert.pem');
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj',
            '/CN=localhost', '-keyout', key, '-out', cert],
        { stdio: 'ignore' });
        const server = await serve(t, { ...p, listen: '0.0.0.0:0',
            args: ['--tls-cert', cert, '--tls-key', key] });
        assert.match(server.url, /^https:/);
        const r = await server.post('progress');
        assert.equal(r.status, 200);
        assert.match(r.headers['strict-transport-security'], /max-age/);
        await assert.rejects(ask({ port: server.port, path: '/health',
            host: '127.0.0.1' }));
        assert.equal((await server.stop()).code, 0);
    });
    await t.test('the log as JSON', async () => {
        const server = await serve(t, { ...p,
            args: ['--log-format', 'json', '--verbose'] });
        await server.post('migrate');
        await server.untilEnded();
        const { err, code } = await server.stop();
        assert.equal(code, 0);
        const lines = err.trimEnd().split('\n').map((l) => JSON.parse(l));
        assert.ok(lines.every((l) => l.ts && l.level && l.msg));
        assert.ok(lines.some((l) => l.msg === 'run ended' &&
            l.result === 'completed'));
        assert.ok(!err.includes(server.secret));
    });
});

test('a faulty folder of migrations ends it at the start', (t) => {
    const p = prepare(t, { files: { '0002_x.json': '{' } });
    const r = run(['serve', '--listen', '127.0.0.1:0'], p);
    assert.equal(r.code, 2);
    assert.match(r.err, /0002_x\.json/);
});
