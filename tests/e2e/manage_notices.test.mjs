// SPDX-License-Identifier: Apache-2.0
// Who is told how `godwit manage` ended, and what becomes of an end that
// nobody could be told.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { sql, stats, waitFor, writeFiles } from '../lib/godwit.mjs';
import { manage, record } from '../lib/manage.mjs';
import { pretend, say } from '../lib/pretend.mjs';
import { prepare, script } from '../lib/stores.mjs';

/** A webhook that answers with these, then with the last of them; `given`
 *  are the options that name it. */
async function webhook(t, p, ...answers) {
    const key = path.join(p.folder, 'key');
    fs.writeFileSync(key, 'the key\n');
    const hook = await pretend(t, (_, response) => {
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (typeof answer === 'number') return say(response, answer, {});
        return answer(response);
    });
    hook.given = ['--webhook', `${hook.url}/in?token=hush`,
        '--webhook-secret-file', key];
    hook.ids = () => hook.asked.map((x) => JSON.parse(x.body).id);
    return hook;
}

/** Ends manage by a kill when it has not been able to tell its end. */
async function killUntold(p, ...args) {
    const child = manage(p, ...args);
    await waitFor(() => /answers 503; trying/.test(child.errText()),
        'it is refused');
    child.kill('SIGKILL');
    await child.ended;
}

/** What the store says of each workflow's notices, oldest first. */
const notices = (p) => sql(p.store, "select json_extract(record, '$.state'),"
    + " json_extract(record, '$.notices.command'),"
    + " json_extract(record, '$.notices.webhook') from godwit_runs"
    + " where kind = 'manage' order by at").trim().split('\n');

const isFinal = (p) => {
    const s = stats(p.store, p.migrations);
    return s.current_migration_index === s.target_migration_index;
};

test('a webhook is signed, tried again, and told at least once', async (t) => {
    const p = prepare(t);
    const hook = await webhook(t, p, 503, 503, 204);

    await killUntold(p, ...hook.given);
    const r = await manage(p, ...hook.given).ended;

    assert.equal(r.code, 0, r.err);
    assert.equal(record(r).notices.webhook, 'given');
    assert.equal(record(r).policy.webhook, hook.url);
    for (const { method, url, headers, body } of hook.asked) {
        assert.equal(`${method} ${url}`, 'POST /in?token=hush');
        assert.equal(headers['content-type'], 'application/json');
        assert.equal(headers['x-godwit-signature'], 'sha256=' +
            createHmac('sha256', 'the key').update(body).digest('hex'));
        const { id, event, result, migration } = JSON.parse(body);
        assert.equal(headers['x-godwit-id'], id);
        assert.equal(event, 'migration.succeeded');
        assert.equal(result, 'success');
        assert.equal(migration.state, 'succeeded');
    }
    const [first, ...more] = hook.ids();
    assert.deepEqual(more, [first, first, record(r).id],
        'the old end until it is taken, then that of the new workflow');
    assert.notEqual(record(r).id, first);
    assert.ok(!(r.out + r.err).includes('hush'), 'its path may be secret');
    assert.ok(!sql(p.store, 'select record from godwit_runs').includes('hush'));
});

test('an end that was not told does not keep manage from working',
    async (t) => {
        const p = prepare(t, { files: { '0002_x.lua':
            script('error("no such luck")') } });
        const hook = await webhook(t, p, 503, 503, 200);
        await killUntold(p, '--max-retries', '0', ...hook.given);
        assert.ok(!isFinal(p));

        writeFiles(p.migrations, { '0002_x.lua': script('') });
        const r = await manage(p, ...hook.given).ended;

        assert.equal(r.code, 0, r.err);
        assert.match(r.err, /first telling how [0-9a-f]{8} ended/);
        assert.ok(isFinal(p));
        assert.deepEqual(notices(p), ['failed|none|given',
            'succeeded|none|given']);
    });

test('nobody is told whom no option names any more', async (t) => {
    const p = prepare(t);
    const hook = await webhook(t, p, 503);
    await killUntold(p, ...hook.given);
    writeFiles(p.migrations, { '0003_back.json': { rules: [
        { rename_field: { collection: 'a', from: 'g', to: 'f' } }] } });

    const r = await manage(p).ended;

    assert.equal(r.code, 0, r.err);
    assert.ok(isFinal(p));
    assert.deepEqual(notices(p), ['succeeded|none|none',
        'succeeded|none|none']);
});

test('a webhook that refuses is not asked again', async (t) => {
    const p = prepare(t);
    const hook = await webhook(t, p, 410);

    const r = await manage(p, ...hook.given).ended;

    assert.equal(r.code, 0, 'the migration did end well');
    assert.match(r.err, /answers 410; given up\n/);
    assert.equal(record(r).notices.webhook, 'failed');
    assert.equal(hook.asked.length, 1);
    const again = await manage(p, ...hook.given).ended;
    assert.equal(hook.asked.length, 2);
    assert.equal(hook.ids()[1], record(again).id);
});

test('a webhook that answers 200 has taken it, whatever its page',
    async (t) => {
        const p = prepare(t);
        const hook = await webhook(t, p, (response) => {
            response.writeHead(200);
            response.end('x'.repeat(1 << 20));
        });

        const r = await manage(p, ...hook.given).ended;

        assert.equal(r.code, 0, r.err);
        assert.equal(record(r).notices.webhook, 'given');
        assert.equal(hook.asked.length, 1);
    });

test('a command gets SIGPIPE as a shell expects it', async (t) => {
    const p = prepare(t);
    const r = await manage(p, '--on-success', 'kill -PIPE $$; exit 0').ended;
    assert.equal(r.code, 0);
    assert.match(r.err, /--on-success: the command ended with signal 13/);
});

test('a command that fails is told and changes nothing', async (t) => {
    const p = prepare(t);
    const r = await manage(p, '--on-success', 'echo oops; exit 7').ended;
    assert.equal(r.code, 0);
    assert.match(r.err, /--on-success: the command ended with status 7/);
    assert.match(r.err, /oops/);
    assert.equal(record(r).notices.command, 'failed');
});

