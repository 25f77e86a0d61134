// SPDX-License-Identifier: Apache-2.0
// `godwit manage`, on a store and through a server: failures, kills and
// damage on the way.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, dumpText, makeStore, must, run, sql, start, stats,
    waitFor, writeFiles } from '../lib/godwit.mjs';
import { QUICK, manage, record, tell, told } from '../lib/manage.mjs';
import { serve } from '../lib/server.mjs';
import { RENAME, positions, prepare, script, slowMigration }
    from '../lib/stores.mjs';

const BROKEN = script('error("no such luck")');
const isFinal = (p) => {
    const s = stats(p.store, p.migrations);
    return s.current_migration_index === s.target_migration_index;
};

test('migrates, verifies, finalizes and tells', async (t) => {
    const p = prepare(t);
    const file = path.join(p.folder, 'told');

    const r = await manage(p, '--on-success', tell(file), '--on-failure',
        'exit 9').ended;

    assert.equal(r.code, 0, r.err);
    assert.ok(isFinal(p));
    const { id, started, ended, ...rest } = record(r);
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.deepEqual(rest, { state: 'succeeded', step: 'finalize', tries: 1,
        next_try: null, error: null, code: null,
        policy: { max_retries: 3, retry_delay_ms: 20, timeout_ms: 1800000,
            on_success: true, on_failure: true, webhook: null },
        notices: { command: 'given', webhook: 'none' } });
    assert.deepEqual(told(file), { GODWIT_RESULT: 'success',
        GODWIT_RESULT_ID: id, GODWIT_RESULT_STEP: 'finalize',
        GODWIT_RESULT_TRIES: '1', GODWIT_RESULT_CODE: 'ok',
        GODWIT_RESULT_ERROR: '', GODWIT_RESULT_STARTED: started,
        GODWIT_RESULT_ENDED: ended });
    const twin = makeStore(p.folder, positions(3), 'twin.db');
    must(['migrate'], { ...p, store: twin });
    must(['finalize'], { ...p, store: twin });
    assert.equal(dumpText(p.store), dumpText(twin));
});

test('a step that fails is tried again, and may then succeed', async (t) => {
    const p = prepare(t, { files: { '0002_x.lua': BROKEN } });
    const child = manage(p, '--retry-delay', '500ms');
    await waitFor(() => /trying again/.test(child.errText()), 'it fails');

    writeFiles(p.migrations, { '0002_x.lua': script('') });
    const r = await child.ended;

    assert.equal(r.code, 0, r.err);
    assert.ok(isFinal(p));
    assert.match(r.err, /migrate, attempt 2/);
    assert.match(r.err, /no such luck.*\(1 of 3\)/);
});

test('it gives up after --max-retries and tells why', async (t) => {
    const p = prepare(t, { files: { '0002_x.lua': BROKEN } });
    const file = path.join(p.folder, 'told');

    const r = await manage(p, '--max-retries', '2', '--on-failure', tell(file),
        '--on-success', 'exit 9').ended;

    assert.equal(r.code, 1, r.err);
    const got = record(r);
    assert.equal(got.state, 'failed');
    assert.equal(got.step, 'migrate');
    assert.equal(got.tries, 3);
    assert.equal(got.code, 'migration');
    assert.match(got.error, /no such luck/);
    assert.equal(told(file).GODWIT_RESULT, 'failure');
    assert.equal(told(file).GODWIT_RESULT_CODE, 'migration');
    assert.match(told(file).GODWIT_RESULT_ERROR, /no such luck/);
    assert.ok(!isFinal(p));
});

test('a difference is told and nothing is finalized', async (t) => {
    const p = prepare(t);
    sql(p.store, `update models set data = '{"f": 77}' where fqid = 'a/2'`);

    const r = await manage(p).ended;

    assert.equal(r.code, 4, r.err);
    assert.match(r.err, /difference.*nothing was finalized/);
    assert.equal(record(r).step, 'verify');
    assert.equal(record(r).tries, 1, 'another try would not help');
    assert.ok(!isFinal(p));
});

test('the time is over for all of it', async (t) => {
    const p = slowMigration(t, 5000);
    const begin = performance.now();

    const r = await manage(p, '--timeout', '600ms', '--batch', '512').ended;

    assert.equal(r.code, 1, r.err);
    assert.match(r.err, /migrate did not end within 600ms/);
    assert.ok(performance.now() - begin < 30_000);
    const s = stats(p.store, p.migrations);
    assert.ok(s.fully_migrated_positions < 5000);
});

test('a store that is away is tried again, then told', async (t) => {
    const p = prepare(t);
    const file = path.join(p.folder, 'told');
    fs.renameSync(p.store, `${p.store}.away`);
    const child = manage(p, '--retry-delay', '300ms');
    await waitFor(() => /trying again/.test(child.errText()), 'it fails');
    fs.renameSync(`${p.store}.away`, p.store);
    assert.equal((await child.ended).code, 0);

    fs.renameSync(p.store, `${p.store}.away`);
    const r = await manage(p, '--max-retries', '1', '--on-failure', tell(file))
        .ended;
    assert.equal(r.code, 3, r.err);
    assert.equal(told(file).GODWIT_RESULT_CODE, 'store');
});

test('killed and started again, it goes on', async (t) => {
    const p = slowMigration(t, 1500);
    const first = manage(p, '--batch', '512', '--verbose');
    await waitFor(() => stats(p.store, p.migrations)
        .fully_migrated_positions > 0, 'it migrates');
    first.kill('SIGKILL');
    await first.ended;
    const rows = sql(p.store, "select json_extract(record, '$.id'),"
        + " json_extract(record, '$.state') from godwit_runs"
        + " where kind = 'manage'").trim();
    const [id, state] = rows.split('|');
    assert.equal(state, 'running');

    const r = await manage(p, '--batch', '512').ended;

    assert.equal(r.code, 0, r.err);
    assert.equal(record(r).id, id);
    assert.match(r.err, /going on with migrate/);
    assert.ok(isFinal(p));
    const next = await manage(p).ended;
    assert.notEqual(record(next).id, id, 'what ended is not gone on with');
});

test('an interrupt leaves a record to go on with', async (t) => {
    const p = slowMigration(t, 1500);
    const first = manage(p, '--batch', '512');
    await waitFor(() => /attempt 1/.test(first.errText()), 'it begins');
    first.kill('SIGTERM');
    const r = await first.ended;
    assert.equal(r.code, 130, r.err);
    assert.equal(record(r).state, 'running');
    assert.equal(record(r).tries, 0, 'the attempt does not count');

    const again = await manage(p).ended;
    assert.equal(again.code, 0, again.err);
    assert.equal(record(again).id, record(r).id);
});

test('what is wrong with the options is told at once', (t) => {
    const p = prepare(t);
    const refused = (pattern, ...args) =>
        assertRefused(run(['manage', '--quiet', ...args], p), 2, pattern);
    refused(/--webhook-secret-file/, '--webhook', 'http://127.0.0.1:1');
    const key = path.join(p.folder, 'key');
    fs.writeFileSync(key, 'k');
    refused(/URL/, '--webhook', 'ftp://x', '--webhook-secret-file', key);
    refused(/--retry-delay/, '--retry-delay', '3');
    refused(/--timeout/, '--timeout', '0s');
});

// ---- through a server

async function through(t, p, args = []) {
    const server = await serve(t, { ...p, args });
    const file = path.join(p.folder, 'server-secret');
    fs.writeFileSync(file, server.secret);
    server.manage = (...more) => start(['manage', server.url, ...QUICK,
        '--auth-password-file', file, ...more]);
    server.history = async () =>
        (await server.ask({ path: '/migrate/history' })).json;
    return server;
}

test('through a server: the same, and the history shows it', async (t) => {
    const p = prepare(t);
    const server = await through(t, p);

    const r = await server.manage('--max-retries', '5').ended;

    assert.equal(r.code, 0, r.err);
    assert.ok(isFinal(p));
    const { runs, manager } = await server.history();
    assert.deepEqual(runs.map((x) => [x.command, x.result]).reverse(), [
        ['migrate', 'completed'], ['verify', 'completed'],
        ['finalize', 'completed']]);
    assert.deepEqual(manager, record(r));
    assert.equal(manager.policy.max_retries, 5);
});

test('through a server: a difference, and failures', async (t) => {
    const p = prepare(t);
    sql(p.store, `update models set data = '{"f": 77}' where fqid = 'a/2'`);
    const server = await through(t, p);
    const r = await server.manage().ended;
    assert.equal(r.code, 4, r.err);
    assert.ok(!isFinal(p));
    assert.equal((await server.history()).manager.state, 'failed');

    const q = prepare(t, { files: { '0002_x.lua': BROKEN } });
    const other = await through(t, q);
    const failed = await other.manage('--max-retries', '1').ended;
    assert.equal(failed.code, 1, failed.err);
    assert.equal(record(failed).tries, 2);
    assert.match(record(failed).error, /no such luck/);
    assert.deepEqual((await other.history()).runs.map((x) => x.tries), [2, 1]);
});

test('through a server: its kill and the kill of manage', async (t) => {
    const p = slowMigration(t, 1500);
    const args = ['--batch', '512'];
    const server = await through(t, p, args);
    const first = server.manage('--retry-delay', '200ms');
    await waitFor(async () => (await server.result()).status === 'running',
        'it runs');
    const { manager } = await server.history();
    assert.equal(manager.state, 'running');
    assert.equal(manager.step, 'migrate');

    first.kill('SIGKILL');
    await first.ended;
    const second = server.manage('--retry-delay', '200ms');
    await waitFor(() => /going on with migrate/.test(second.errText()),
        'it goes on');
    assert.equal((await server.history()).runs.length, 1,
        'the run under way is watched');
    await server.stop('SIGKILL');
    await serve(t, { ...p, args, listen: `127.0.0.1:${server.port}` });
    const r = await second.ended;

    assert.equal(r.code, 0, r.err);
    assert.equal(record(r).id, manager.id);
    assert.ok(isFinal(p));
    const { runs } = await server.history();
    assert.deepEqual(runs.map((x) => [x.command, x.result]).reverse(), [
        ['migrate', 'interrupted'], ['migrate', 'completed'],
        ['verify', 'completed'], ['finalize', 'completed']]);
});

test('through a server: the time is over, and the run is cancelled',
    async (t) => {
        const p = slowMigration(t, 5000);
        const server = await through(t, p, ['--batch', '512']);

        const r = await server.manage('--timeout', '600ms').ended;

        assert.equal(r.code, 1, r.err);
        assert.match(r.err, /did not end within 600ms/);
        await server.untilEnded();
        assert.equal((await server.history()).runs[0].result, 'cancelled');
    });

test('through a server: it wants the secret', async (t) => {
    const p = prepare(t);
    const server = await serve(t, p);
    const r = await start(['manage', server.url, '--quiet']).ended;
    assertRefused(r, 2, /--auth-password-file/);
});

test('a server keeps no record that is none', async (t) => {
    const server = await serve(t, prepare(t));
    const post = (body) => server.ask({ method: 'POST',
        path: '/internal/manager', body, headers: {
            Authorization: `Bearer ${server.secret}`,
            'Content-Type': 'application/json' } });
    for (const body of ['{}', '[]', '{"id":"x"}', 'x',
        JSON.stringify({ id: '0'.repeat(32), state: 'running', step: 'x' })]) {
        assert.equal((await post(body)).status, 400, body);
    }
    const get = await server.ask({ path: '/internal/manager', headers: {
        Authorization: `Bearer ${server.secret}` } });
    assert.deepEqual(get.json, { success: true, manager: null });
    const put = await server.ask({ path: '/internal/manager', method: 'PUT',
        body: '' });
    assert.equal(put.headers.allow, 'GET, HEAD, POST');
    assert.equal((await server.ask({ path: '/internal/manager' })).status, 401);
});

test('a faulty folder of migrations hides no record', async (t) => {
    const p = prepare(t);
    const server = await through(t, p);
    const headers = { Authorization: `Bearer ${server.secret}`,
        'Content-Type': 'application/json' };
    const ask = (what = {}) => server.ask({ path: '/internal/manager',
        headers, ...what });
    const done = record(await server.manage().ended);
    writeFiles(p.migrations, { '0003_x.json': '{' });

    const body = { ...done, id: '0'.repeat(32), state: 'running' };
    const put = await ask({ method: 'POST', body });
    assert.equal(put.status, 200, put.text);
    sql(p.store, "update godwit_runs set at = at + 9, record = json_set("
        + `record, '$.tries', 7) where id = '${body.id}'`);
    assert.deepEqual((await ask()).json.manager, { ...body, tries: 7 });

    const failed = await server.manage('--max-retries', '0').ended;
    assert.match(failed.err, /going on with finalize/);
    assert.match(failed.err, /0003_x.json/);
    assert.doesNotMatch(failed.err, /not saved/);
    assert.equal(record(failed).state, 'failed');

    fs.renameSync(p.store, `${p.store}.away`);
    const away = await ask();
    assert.equal(away.status, 503, away.text);
    fs.renameSync(`${p.store}.away`, p.store);
});

test('runs that only the store knows are found by a new server', async (t) => {
    const p = prepare(t, { files: { '0002_rename.json': RENAME } });
    const first = await serve(t, p);
    await first.post('migrate');
    await first.untilEnded();
    const { runs } = (await first.ask({ path: '/migrate/history' })).json;
    assert.equal((await first.stop()).code, 0);
    fs.rmSync(`${p.store}-godwit-state`, { recursive: true });

    const second = await serve(t, p);
    const found = await waitFor(async () => {
        const h = (await second.ask({ path: '/migrate/history' })).json;
        return h.runs.length ? h.runs : null;
    }, 'the runs are found');

    assert.deepEqual(found, runs);
    assert.equal((await second.result()).status, 'migrated');
    assert.equal((await second.stop()).code, 0);
    sql(p.store, "delete from godwit_runs where kind = 'run'");
    const third = await serve(t, p);
    const kept = (await third.ask({ path: '/migrate/history' })).json.runs;
    assert.deepEqual(kept, runs, 'the journal has them now');
});
